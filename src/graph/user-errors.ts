import { builder } from './builder.ts';
import { userErrorCodes, type DomainError, type ErrorDetails, type UserErrorCode } from '../errors.ts';

/** A DomainError as the schema shows it. */
export interface Mistake {
  code: UserErrorCode;
  message: string;
  path: string[] | null;
  details: ErrorDetails;
}

const descriptions: Record<UserErrorCode, string> = {
  VALIDATION: 'A value breaks its rule; the path says which.',
  CONFLICT: 'It exists already; the path says by which value.',
  NOT_FOUND: 'There is nothing by that id for the caller.',
  FORBIDDEN: 'The role of the caller does not allow it.',
  VERSION_CONFLICT: 'Somebody else changed it since it was read.',
  IN_USE: 'Other things still need it.',
  NOT_LISTABLE: 'It lacks what a listing needs.',
  NOT_FOR_SALE: 'It has no active price.',
  EULA_REQUIRED: 'The company has not accepted the EULA.',
  INSUFFICIENT_CREDITS: 'The company has fewer credits than it costs.',
  PRICE_TOO_HIGH: 'It costs more than `maxCredits`.',
  RATE_LIMITED: 'Too many requests for now.',
  QUOTA_EXCEEDED: 'The requests of the plan are used up for this month.',
  SQL_REJECTED: 'The SQL is not one harmless read-only statement.',
  CONNECTION_FAILED: 'The connection to the engine does not work.',
  ENDPOINT_INACTIVE: 'The endpoint does not run.',
  IDEMPOTENCY_MISMATCH: 'The idempotency key was used with another input.',
  IDEMPOTENCY_IN_PROGRESS: 'A request with this idempotency key is still at work.',
  UNSUPPORTED: 'This cannot be done here; the message says why.',
  PLATFORM_FAILED: 'The external platform refused; the message says why.',
};

const Code = builder.enumType('UserErrorCode', {
  description: 'What kind of mistake it is.',
  values: Object.fromEntries(userErrorCodes.map((code) => [code, { description: descriptions[code] }])) as Record<
    UserErrorCode,
    { description: string }
  >,
});

const typeByCode: Partial<Record<UserErrorCode, string>> = {
  VALIDATION: 'ValidationError',
  CONFLICT: 'ConflictError',
  NOT_FOUND: 'NotFoundError',
  FORBIDDEN: 'PermissionError',
  VERSION_CONFLICT: 'VersionConflictError',
  IN_USE: 'InUseError',
  NOT_LISTABLE: 'NotListableError',
  INSUFFICIENT_CREDITS: 'InsufficientCreditsError',
  RATE_LIMITED: 'RateLimitedError',
  QUOTA_EXCEEDED: 'QuotaExceededError',
  SQL_REJECTED: 'SqlRejectedError',
  CONNECTION_FAILED: 'ConnectionFailedError',
  PLATFORM_FAILED: 'PlatformFailedError',
};

export const UserError = builder.interfaceRef<Mistake>('UserError').implement({
  description: 'A mistake that the caller can mend. All mistakes of an input come at once.',
  fields: (t) => ({
    code: t.field({ type: Code, description: 'What kind of mistake it is.', resolve: (mistake) => mistake.code }),
    message: t.exposeString('message', { description: 'What is wrong and what to do, in English.' }),
    path: t.stringList({
      nullable: true,
      description: 'Where in the arguments: names and list positions; null where no value is to blame.',
      resolve: (mistake) => mistake.path,
    }),
  }),
  resolveType: (mistake) => typeByCode[mistake.code] ?? 'OtherError',
});

type Detail = { name: keyof ErrorDetails; type: unknown; description: string };

function mistakeType(name: string, description: string, details: Detail[] = []): void {
  builder.objectType(builder.objectRef<Mistake>(name), {
    description,
    interfaces: [UserError],
    fields: (t) =>
      Object.fromEntries(
        details.map((detail) => [
          detail.name,
          t.field({
            type: detail.type as never,
            nullable: true,
            description: detail.description,
            resolve: (mistake) => (mistake.details[detail.name] ?? null) as never,
          }),
        ]),
      ) as never,
  });
}

mistakeType('ValidationError', 'A value breaks its rule.');
mistakeType('ConflictError', 'It exists already.');
mistakeType('NotFoundError', 'Nothing by that id.');
mistakeType('PermissionError', 'The role of the caller does not allow it.');
mistakeType('OtherError', 'Any other mistake; the code says which.');
mistakeType('VersionConflictError', 'Somebody else changed it.', [
  { name: 'currentVersion', type: 'Int', description: 'The version it has now.' },
]);
mistakeType('InUseError', 'Other things still need it.', [
  { name: 'usedBy', type: ['String'], description: 'Their names, at most 20.' },
]);
mistakeType('NotListableError', 'It lacks what a listing needs.', [
  { name: 'missing', type: ['String'], description: 'All that is missing, at most 10 sentences.' },
]);
mistakeType('InsufficientCreditsError', 'Too few credits.', [
  { name: 'required', type: 'Int', description: 'Credits that it costs.' },
  { name: 'balance', type: 'Int', description: 'Credits that the company has.' },
]);
mistakeType('RateLimitedError', 'Too many requests.', [
  { name: 'retryAfterMs', type: 'Int', description: 'Milliseconds to wait.' },
]);
mistakeType('QuotaExceededError', 'The plan is used up.', [
  { name: 'resetAt', type: 'DateTime', description: 'When the next month begins.' },
]);
mistakeType('SqlRejectedError', 'The SQL is not allowed.', [
  { name: 'rule', type: 'String', description: 'The rule it breaks.' },
  { name: 'position', type: 'Int', description: 'Where, in characters from the start of the SQL.' },
]);
mistakeType('ConnectionFailedError', 'The connection does not work.', [
  {
    name: 'stage',
    type: 'String',
    description: 'How far it came: SETTINGS, DNS, TCP, TLS, LOGIN, READ_ONLY or QUERY.',
  },
  { name: 'hint', type: 'String', description: 'What may help.' },
]);
mistakeType('PlatformFailedError', 'Another platform did not do what was asked.', [
  { name: 'failure', type: 'PlatformFailure', description: 'What kind of failure it is.' },
  {
    name: 'fields',
    type: ['String'],
    description: 'Names of the fields of the article or of the credentials that are to blame, at most 20.',
  },
  { name: 'retryAfterMs', type: 'Int', description: 'Milliseconds that the platform asks to wait.' },
]);

/** A domain error as the schema shows it. */
export function mistakeOf(error: DomainError): Mistake {
  return {
    code: error.code as UserErrorCode,
    message: error.message,
    path: error.argumentPath,
    details: error.details,
  };
}
