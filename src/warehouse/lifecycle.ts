import { EngineError } from './engine.ts';
import type { Stage, StageResult } from './engine.ts';

/** A signal that aborts with the caller's or when the time is up; its reason is always an EngineError. */
export interface Deadline {
  signal: AbortSignal;
  /** Stops the clock and lets go of the caller's signal. */
  end(): void;
}

/** Starts the clock of a run: QUERY_TIMEOUT after `timeoutMs`, CANCELLED when `outer` aborts. */
export function deadline(timeoutMs: number, outer: AbortSignal): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    const message = `The query took longer than ${timeoutMs} ms and was stopped.`;
    controller.abort(new EngineError('QUERY_TIMEOUT', message, { stage: 'QUERY' }));
  }, timeoutMs);
  timer.unref();
  const cancel = (): void => {
    controller.abort(new EngineError('CANCELLED', 'The query was cancelled.', { stage: 'QUERY', cause: outer.reason }));
  };
  if (outer.aborted) cancel();
  else outer.addEventListener('abort', cancel, { once: true });
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      outer.removeEventListener('abort', cancel);
    },
  };
}

/** Rejects as soon as the signal aborts; else settles as the promise does. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A step of a connection test: the stages that it passes, in order, and what it may warn of. */
export interface Step {
  stages: Stage[];
  run: () => unknown;
}

/**
 * Runs the steps of a connection test in order and ends with the first that fails; an error's stage says which of its
 * step's stages that was. A text that a step returns is a warning.
 */
export async function runStages(steps: Step[]): Promise<StageResult[]> {
  const results: StageResult[] = [];
  for (const { stages, run } of steps) {
    const start = performance.now();
    let warning: string | null = null;
    let failure: unknown = null;
    try {
      const outcome = await run();
      if (typeof outcome === 'string') warning = outcome;
    } catch (error) {
      failure = error ?? new Error('failed');
    }
    const elapsedMs = performance.now() - start;
    const known = failure instanceof EngineError ? failure : null;
    const failed = failure === null ? null : (known?.stage ?? stages.at(-1) ?? null);
    for (const stage of stages) {
      if (stage === failed) break;
      results.push({ stage, ok: true, elapsedMs, message: warning, hint: null });
    }
    if (failed === null) continue;
    const message = known?.message ?? 'The connection failed.';
    results.push({ stage: failed, ok: false, elapsedMs, message, hint: known?.hint ?? null });
    break;
  }
  return results;
}
