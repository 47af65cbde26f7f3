/** Codes of mistakes that a mutation answers in `userErrors`. */
export const userErrorCodes = [
  'VALIDATION',
  'CONFLICT',
  'NOT_FOUND',
  'FORBIDDEN',
  'VERSION_CONFLICT',
  'IN_USE',
  'NOT_LISTABLE',
  'NOT_FOR_SALE',
  'EULA_REQUIRED',
  'INSUFFICIENT_CREDITS',
  'PRICE_TOO_HIGH',
  'RATE_LIMITED',
  'QUOTA_EXCEEDED',
  'SQL_REJECTED',
  'CONNECTION_FAILED',
  'ENDPOINT_INACTIVE',
  'IDEMPOTENCY_MISMATCH',
  'IDEMPOTENCY_IN_PROGRESS',
  'UNSUPPORTED',
  'PLATFORM_FAILED',
] as const;
export type UserErrorCode = (typeof userErrorCodes)[number];

/** Codes that only ever stand in the top-level `errors`, beside those above where a query meets them. */
export const requestErrorCodes = [
  'UNAUTHENTICATED',
  'BAD_CREDENTIALS',
  'BAD_REQUEST',
  'BAD_ID',
  'BAD_CURSOR',
  'CURSOR_MISMATCH',
  'PAGE_SIZE',
  'BAD_FILTER',
  'COST_EXCEEDED',
  'DOCUMENT_TOO_LARGE',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'CANCELLED',
  'UNAVAILABLE',
  'INTERNAL',
] as const;
export type ErrorCode = UserErrorCode | (typeof requestErrorCodes)[number];
export const allErrorCodes: readonly ErrorCode[] = [...userErrorCodes, ...requestErrorCodes];

/** A list of a request that costs too much, and the page of it that would make the request fit; null where none would. */
export interface DearPath {
  path: string;
  cost: number;
  first: number | null;
}

/** What a code carries beyond message and path, by code; see the typed user errors in the schema. */
export interface ErrorDetails {
  currentVersion?: number;
  required?: number;
  balance?: number;
  retryAfterMs?: number;
  resetAt?: Date;
  missing?: string[];
  usedBy?: string[];
  rule?: string;
  position?: number;
  stage?: string | null;
  hint?: string | null;
  failure?: 'AUTH' | 'VALIDATION' | 'CONFLICT' | 'RATE_LIMIT' | 'UNAVAILABLE';
  fields?: string[];
  dearest?: DearPath[];
}

/** A rule of the domain said no. The message is for the caller; the cause is for the log alone. */
export class DomainError extends Error {
  readonly code: ErrorCode;
  /** Where in the input: names and list positions, outermost first. Not `path`: graphql takes that for its own. */
  readonly argumentPath: string[] | null;
  readonly details: ErrorDetails;
  constructor(
    code: ErrorCode,
    message: string,
    more: { path?: string[]; details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = 'DomainError';
    this.code = code;
    this.argumentPath = more.path ?? null;
    this.details = more.details ?? {};
  }
}

/** Several mistakes of one input at once. */
export class DomainErrors extends Error {
  readonly errors: DomainError[];
  constructor(errors: DomainError[]) {
    super(errors.map((error) => error.message).join(' '));
    this.name = 'DomainErrors';
    this.errors = errors;
  }
}

/** @throws DomainError, or DomainErrors where there are several; nothing where there are none. */
export function throwAll(errors: DomainError[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new DomainErrors(errors);
}

/**
 * Does several things at once and answers what each gives; what they refuse is thrown together, in their order.
 * @throws DomainError or DomainErrors; anything else that one of them throws
 */
export async function together<T extends readonly (() => unknown)[]>(
  ...attempts: T
): Promise<{ [K in keyof T]: Awaited<ReturnType<T[K]>> }> {
  const done = await Promise.allSettled(attempts.map(async (attempt) => attempt()));
  const refused = done.flatMap((one): unknown[] => {
    if (one.status === 'fulfilled') return [];
    return one.reason instanceof DomainErrors ? one.reason.errors : [one.reason];
  });
  for (const reason of refused) if (!(reason instanceof DomainError)) throw reason;
  throwAll(refused as DomainError[]);
  return done.map((one) => (one as PromiseFulfilledResult<unknown>).value) as never;
}

/** The answer to an id that names nothing the caller may see, whether it exists or not. */
export function notFound(what: string, path: string[] = ['id']): DomainError {
  return new DomainError('NOT_FOUND', `No such ${what}.`, { path });
}

/** The name of the unique index that a statement ran into, through Prisma or `pg`; null for any other error. */
export function violatedIndex(error: unknown): string | null {
  const found = error as {
    code?: string;
    constraint?: string;
    meta?: { driverAdapterError?: { cause?: { constraint?: { index?: string; fields?: string[] } } } };
  };
  if (found?.code === '23505') return found.constraint ?? '';
  if (found?.code !== 'P2002') return null;
  const constraint = found.meta?.driverAdapterError?.cause?.constraint;
  return constraint?.index ?? constraint?.fields?.join('_') ?? '';
}
