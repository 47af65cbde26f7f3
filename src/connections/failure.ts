import { DomainError } from '../errors.ts';
import { EngineError } from '../warehouse/engine.ts';

/** What an engine's failure is for the owner of the connection; any other error stays what it is. */
export function ownerFailure(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  if (error.code === 'CANCELLED') return new DomainError('CANCELLED', 'The request was cancelled.', { cause: error });
  return new DomainError('CONNECTION_FAILED', error.message, {
    details: { stage: error.stage, hint: error.hint },
    cause: error,
  });
}
