import type { IncomingMessage } from 'node:http';
import { getOperationAST, GraphQLError, type DocumentNode, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { processRegularResult, type YogaServerInstance } from 'graphql-yoga';

/** What is read of a request's headers, wherever they are. */
export type HeaderReader = Pick<Headers, 'get' | 'has'>;

const MEDIA_TYPE = 'application/json';
/** Values of `accept` that mean JSON without a choice. */
const ACCEPTED: (string | null)[] = [null, '*/*', MEDIA_TYPE];

/** An answer as either way to it sends it. */
export interface DirectAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Params {
  query: string;
  variables?: Record<string, unknown>;
  operationName?: string;
}

/** The headers of a request, of which Node has made small letters. */
export function headersOf(req: IncomingMessage): HeaderReader {
  return {
    get: (name) => (req.headers[name] === undefined ? null : String(req.headers[name])),
    has: (name) => req.headers[name] !== undefined,
  };
}

/** The parameters of a body that nothing is wrong with and that asks for no extension; null for any other. */
function plainParams(text: string): Params | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  const { query, variables, operationName, extensions } = (body ?? {}) as Record<string, unknown>;
  if (typeof query !== 'string' || extensions != null || typeof (operationName ?? '') !== 'string') return null;
  if (typeof (variables ?? {}) !== 'object' || Array.isArray(variables)) return null;
  return {
    query,
    ...(variables ? { variables: variables as Record<string, unknown> } : {}),
    ...(operationName ? { operationName: operationName as string } : {}),
  };
}

/**
 * The common request without the detour over Request and Response, which takes longer than running it: a well-formed
 * POST of a valid document by one who takes JSON. It goes through all that the plugins do to parsing, validating,
 * context and execution, but not through their hooks on HTTP. Answers null for any other request, before anything has
 * happened, so that yoga takes it from the start.
 */
export function createDirect<T extends object, U extends object>(
  yoga: YogaServerInstance<T, U>,
  schema: GraphQLSchema,
  shownTo: (request: Request, result: ExecutionResult) => ExecutionResult,
  headersFor: (request: Request) => Record<string, string>,
) {
  async function run(request: Request, params: Params, transport: T): Promise<ExecutionResult | null> {
    const enveloped = yoga.getEnveloped({ request, params, ...transport });
    let document: DocumentNode;
    try {
      document = enveloped.parse(params.query) as DocumentNode;
      if (enveloped.validate(schema, document).length > 0) return null;
    } catch {
      return null;
    }
    const operation = getOperationAST(document, params.operationName)?.operation;
    if (operation !== 'query' && operation !== 'mutation') return null;
    const { variables: variableValues, operationName } = params;
    try {
      const contextValue: unknown = await enveloped.contextFactory();
      return (await enveloped.execute({
        schema,
        document,
        contextValue,
        variableValues,
        operationName,
      })) as ExecutionResult;
    } catch (thrown) {
      const error = thrown as Error;
      return {
        errors: [error instanceof GraphQLError ? error : new GraphQLError(error.message, { originalError: error })],
      };
    }
  }

  return async (text: string, headers: HeaderReader, transport: T): Promise<DirectAnswer | null> => {
    if (!ACCEPTED.includes(headers.get('accept')) || headers.has('origin')) return null;
    const params = plainParams(text);
    if (!params) return null;
    const request = { method: 'POST', headers } as Request;
    const result = await run(request, params, transport);
    if (!result) return null;
    const about = headersFor(request);
    if (!result.errors) {
      const body = JSON.stringify(result);
      const type = `${MEDIA_TYPE}; charset=utf-8`;
      const length = String(Buffer.byteLength(body));
      return { status: 200, headers: { 'content-type': type, ...about, 'content-length': length }, body };
    }
    const response = processRegularResult(shownTo(request, result), { Response } as never, MEDIA_TYPE);
    const { status } = response;
    return { status, headers: { ...Object.fromEntries(response.headers), ...about }, body: await response.text() };
  };
}
