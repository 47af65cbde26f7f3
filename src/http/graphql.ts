import { getOperationAST, GraphQLError, parse, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { createYoga, mapAsyncIterator, type Plugin } from 'graphql-yoga';
import type { Authenticator } from '../auth.ts';
import { createExecute } from '../graph/compiled.ts';
import type { App, Context } from '../context.ts';
import { createCostAccount } from '../limits/cost-account.ts';
import { rootFieldOf } from '../limits/cost.ts';
import { createDirect } from './direct.ts';
import { shapeRule } from '../limits/document-limits.ts';
import { formatError, requestError } from '../graph/error-format.ts';
import { DomainError } from '../errors.ts';
import { rateHeaders, type RateUse } from '../limits/rate-limits.ts';
import { contextFor, countUse, PRIVATE, requestIdOf, type Transport } from './transport.ts';

/** The explorer may hold a key: nobody frames it, and what it loads or sends stays here. */
const PAGE = {
  'content-security-policy':
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

/** The parameters of a GET, as its address has them. @throws GraphQLError BAD_REQUEST for variables that are no JSON. */
function addressParams({ url }: Request): Record<string, unknown> {
  const query = new URL(url).searchParams;
  const json = (name: string): unknown => {
    try {
      return JSON.parse(query.get(name) ?? 'null');
    } catch {
      throw new GraphQLError(`The ${name} of the address should be JSON.`, {
        extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
      });
    }
  };
  return {
    query: query.get('query') ?? undefined,
    operationName: query.get('operationName') ?? undefined,
    variables: json('variables'),
    extensions: json('extensions'),
  };
}

/** GraphQL over HTTP: what a document may ask, who asks, and how errors are shown. */
export function createGraph(
  app: App,
  schema: GraphQLSchema,
  auth: Authenticator,
  explorer: () => string | Promise<string>,
) {
  const { config } = app;
  const requestIds = new WeakMap<Request, string>();
  const ratesOf = new WeakMap<Request, RateUse[]>();

  const idOf = (request: Request): string => {
    const id = requestIds.get(request) ?? requestIdOf(request.headers.get('x-request-id'));
    requestIds.set(request, id);
    return id;
  };

  /** The headers that every answer to a request has. */
  const headersFor = (request: Request): Record<string, string> => ({
    'x-request-id': idOf(request),
    ...PRIVATE,
    ...rateHeaders(ratesOf.get(request) ?? []),
  });

  const account = createCostAccount(schema, config);
  const execute = createExecute(config.COMPILE_AFTER);
  const limits: Plugin<Context> = {
    onParse: ({ setParseFn }) =>
      setParseFn((source, options) =>
        parse(source as string, { ...(options as object), maxTokens: config.MAX_TOKENS }),
      ),
    onValidate: ({ addValidationRule }) => addValidationRule(shapeRule(config.MAX_DEPTH, config.MAX_ALIASES)),
    onSubscribe({ args, setResultAndStopExecution }) {
      const { request } = args.contextValue as unknown as { request: Request };
      // Opened for somebody who cannot read it, a stream would stay open.
      const isReadable = /text\/event-stream/i.test(request.headers.get('accept') ?? '');
      const refused = isReadable
        ? account.charge(args).refused?.error
        : requestError(new DomainError('BAD_REQUEST', 'A subscription needs the header accept: text/event-stream.'));
      if (refused) setResultAndStopExecution({ errors: [refused] });
    },
    onExecute({ args, setExecuteFn, setResultAndStopExecution }) {
      const { found, refused } = account.charge(args);
      if (refused) {
        setResultAndStopExecution({ errors: [refused.error], extensions: { cost: refused.cost } });
        return undefined;
      }
      setExecuteFn(execute);
      const { contextValue, document, operationName = null } = args;
      countUse(app, contextValue, rootFieldOf(document, operationName));
      const operation = getOperationAST(document, operationName);
      const begun = performance.now();
      return {
        onExecuteDone({ result, setResult }) {
          if (!(Symbol.asyncIterator in result)) {
            const ms = performance.now() - begun;
            app.metrics.operation(operation?.operation ?? 'none', result.errors !== undefined, ms / 1000);
            if (config.SLOW_OPERATION_MS > 0 && ms > config.SLOW_OPERATION_MS)
              contextValue.log.info(
                {
                  operation: operation?.name?.value ?? null,
                  type: operation?.operation,
                  ms: Math.round(ms),
                  cost: found.cost,
                },
                'a slow operation',
              );
            const cost = account.settle(contextValue, found, result.data);
            const { deprecations } = contextValue;
            const more = deprecations.length > 0 ? { deprecations } : {};
            setResult({ ...result, extensions: { ...result.extensions, cost, ...more } });
          }
        },
      };
    },
  };

  /** A result as the client sees it. */
  function shownTo(request: Request, result: ExecutionResult): ExecutionResult {
    if (!result.errors) return result;
    const formatted = result.errors.map((error) => formatError(error, idOf(request), app.log));
    for (const { extensions } of formatted) {
      app.metrics.error(String(extensions['code']));
      // What never ran is no success for those who take GraphQL's own media type; the transport keeps this to itself.
      if (result.data === undefined && extensions['code'] === 'GRAPHQL_VALIDATION_FAILED')
        extensions['http'] ??= { spec: true, status: 400 };
    }
    return { ...result, errors: formatted };
  }

  const errors: Plugin = {
    onResultProcess({ request, result, setResult }) {
      const shown = (found: ExecutionResult): ExecutionResult => shownTo(request, found);
      if (Symbol.asyncIterator in result) setResult(mapAsyncIterator(result as AsyncIterable<ExecutionResult>, shown));
      else setResult(shown(result as ExecutionResult));
    },
    onResponse({ request, response }) {
      const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
      const about = { ...headersFor(request), ...(isPage ? PAGE : {}) };
      for (const [name, value] of Object.entries(about)) response.headers.set(name, value);
    },
  };

  const yoga = createYoga<Transport, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    maskedErrors: false,
    logging: false,
    multipart: false,
    // Pages of other origins may call only where the operator says so.
    cors: config.CORS_ORIGINS.length > 0 && {
      origin: config.CORS_ORIGINS,
      credentials: false,
      methods: ['POST'],
      exposedHeaders: ['x-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after'],
    },
    graphiql: () => ({ title: 'Spartera gateway' }),
    renderGraphiQL: explorer,
    plugins: [
      {
        onRequestParse({ setRequestParser, request }) {
          if (request.method === 'GET') setRequestParser(() => addressParams(request) as never);
          if (request.method !== 'POST') return;
          setRequestParser(async () => {
            const body = (await request.json().catch(() => null)) as Record<string, unknown> | null;
            // A query that is missing is the transport's business, with its 400: not an answer of GraphQL with 200.
            if (typeof body?.['query'] !== 'string')
              throw new GraphQLError('The body should be a JSON object with a query.', {
                extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
              });
            // Members we do not know are the client's own business.
            const { query, variables, operationName, extensions } = body as Record<string, never>;
            return { query, variables, operationName, extensions };
          });
        },
      },
      limits,
      errors,
    ],
    context: async ({ request, signal, clientAddress }) => {
      const rates: RateUse[] = [];
      ratesOf.set(request, rates);
      const viewer = await auth.authenticate(request.headers as Headers, rates).catch((error: unknown) => {
        throw error instanceof DomainError ? requestError(error) : error;
      });
      const transport = { signal: signal ?? request.signal, ...(clientAddress === undefined ? {} : { clientAddress }) };
      return contextFor(app, viewer, rates, request.headers as Headers, idOf(request), transport);
    },
  });

  const direct = createDirect(yoga, schema, shownTo, headersFor);
  return { yoga, direct };
}
