/** Repeats what may work later. */
import { setTimeout as wait } from 'node:timers/promises';
import { PlatformError } from './platform.ts';

const DEFAULT_MAX_WAIT_MS = 30_000;

/** How often and how patiently; the wait doubles from `baseMs`, and is never shorter than the platform asks. */
export interface RetryOptions {
  attempts: number;
  baseMs: number;
  signal: AbortSignal;
  /** The longest single wait (default 30 s): where the platform asks for more, the error goes to the caller. */
  maxWaitMs?: number;
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Runs `fn` until it succeeds, fails for good, or the attempts are used up; then throws the last error. */
export async function withRetries<T>(fn: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const sleep = options.sleep ?? ((milliseconds, signal) => wait(milliseconds, undefined, { signal }));
  for (let attempt = 1; ; attempt++) {
    options.signal.throwIfAborted();
    try {
      return await fn(attempt);
    } catch (error) {
      if (attempt >= options.attempts || !isRetryable(error)) throw error;
      const milliseconds = Math.max(options.baseMs * 2 ** (attempt - 1), error.retryAfterMs ?? 0);
      if (milliseconds > (options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS)) throw error;
      await sleep(milliseconds, options.signal);
    }
  }
}

/** Whether the same attempt may work later. */
export function isRetryable(error: unknown): error is PlatformError {
  return error instanceof PlatformError && (error.code === 'UNAVAILABLE' || error.code === 'RATE_LIMIT');
}
