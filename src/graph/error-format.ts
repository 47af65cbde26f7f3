import { GraphQLError } from 'graphql';
import { allErrorCodes, DomainError, DomainErrors, type ErrorCode } from '../errors.ts';
import type { Log } from '../log.ts';

/** HTTP status of errors that end a request before it runs; all else is 200 with `errors`. */
const statuses: Partial<Record<ErrorCode, number>> = {
  BAD_CREDENTIALS: 401,
  BAD_REQUEST: 400,
  COST_EXCEEDED: 400,
  DOCUMENT_TOO_LARGE: 400,
  UNAVAILABLE: 503,
};
const retryable: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'RATE_LIMITED', 'IDEMPOTENCY_IN_PROGRESS']);

/** A GraphQL error made of a domain error thrown outside of execution; it carries its HTTP status. */
export function requestError(error: DomainError): GraphQLError {
  const status = error.code === 'RATE_LIMITED' ? 429 : statuses[error.code];
  const { retryAfterMs } = error.details;
  const headers =
    retryAfterMs === undefined ? {} : { headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } };
  return new GraphQLError(error.message, {
    originalError: error,
    extensions: status ? { http: { status, ...headers } } : {},
  });
}

function rootOf(error: unknown): unknown {
  let at = error;
  while (at instanceof GraphQLError && at.originalError) at = at.originalError;
  return at;
}

/** Of our own database: not there, too busy, or busy with two transactions that stood in each other's way. */
const outages: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  '40001',
  '40P01',
  '53300',
  'P1001',
  'P1002',
  'P2024',
  'P2028',
  'P2034',
]);

/** Whether another try may go well. */
function isOutage(error: unknown): boolean {
  const found = (error as { code?: unknown } | null)?.code;
  const code = typeof found === 'string' ? found : '';
  return outages.has(code) || code.startsWith('57P') || code.startsWith('08');
}

/**
 * The error as the client sees it: message, path and `extensions {code, requestId, retryable, …details}`. What is not
 * the caller's business is masked and logged with the request id.
 */
export function formatError(given: GraphQLError, requestId: string, log: Log): GraphQLError {
  // Execution leaves an error that looks like one of its own as it is: then it has no extensions and no place.
  const error =
    given instanceof GraphQLError ? given : new GraphQLError((given as Error).message, { originalError: given });
  const root = rootOf(error);
  const shown = (message: string, code: ErrorCode, more: Record<string, unknown> = {}): GraphQLError => {
    const http = error.extensions['http'] as { status?: number } | undefined;
    const extensions = { code, requestId, retryable: retryable.has(code), ...more, ...(http ? { http } : {}) };
    const at = error.nodes
      ? { nodes: error.nodes }
      : { source: error.source ?? null, positions: error.positions ?? null };
    return new GraphQLError(message, { ...at, ...(error.path ? { path: error.path } : {}), extensions });
  };
  const domain = root instanceof DomainErrors ? root.errors[0] : root;
  if (domain instanceof DomainError) {
    if (domain.cause) log.warn({ err: domain.cause, code: domain.code, requestId }, 'refused because of a failure');
    return shown(domain.message, domain.code, {
      ...(domain.argumentPath ? { argumentPath: domain.argumentPath } : {}),
      ...domain.details,
    });
  }
  // Whoever walks what was sent has a stack of some size: parser, validator, coercer.
  if (root instanceof RangeError && /call stack/.test(root.message))
    return shown('The request nests too deep.', 'DOCUMENT_TOO_LARGE', { http: { status: 400 } });
  if (root instanceof GraphQLError) {
    // Ours or the parser's, the validator's, the coercer's: safe to show.
    if (/^Syntax Error: Document contains more than \d+ tokens/.test(error.message))
      return shown(error.message, 'DOCUMENT_TOO_LARGE');
    const said = root.extensions['code'];
    const code =
      said !== undefined
        ? // The transport has codes of its own for what is never more than a bad request.
          (allErrorCodes.find((one) => one === said) ?? 'BAD_REQUEST')
        : error.path
          ? 'BAD_REQUEST'
          : error.message.startsWith('Syntax Error')
            ? 'GRAPHQL_PARSE_FAILED'
            : 'GRAPHQL_VALIDATION_FAILED';
    return shown(error.message, code);
  }
  if ((root as Error | null)?.name === 'AbortError') return shown('The request was cancelled.', 'CANCELLED');
  if (isOutage(root)) {
    log.error({ err: root, requestId, path: error.path }, 'the database is not there');
    return shown('The gateway cannot reach its database: try again shortly.', 'UNAVAILABLE', { http: { status: 503 } });
  }
  log.error({ err: root, requestId, path: error.path }, 'a request failed');
  return shown(`Something went wrong on our side. Quote ${requestId} when you report it.`, 'INTERNAL');
}
