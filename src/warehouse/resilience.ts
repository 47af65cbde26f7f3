import {
  BrokenCircuitError,
  bulkhead,
  BulkheadRejectedError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
} from 'cockatiel';
import type { BulkheadPolicy, CircuitBreakerPolicy } from 'cockatiel';
import { LRUCache } from 'lru-cache';
import { EngineError, isApi } from './engine.ts';
import type { ApiEngine, Chunk, Engine, Running, Stage } from './engine.ts';

import { deadline } from './lifecycle.ts';

/** How an engine behind a connection does, as this process has seen it. */
export interface Health {
  /** CLOSED: queries go through. OPEN: none does. HALF_OPEN: one tries whether the engine is back. */
  state: 'CLOSED' | 'OPEN' | 'HALF_OPEN';
  /** When it came into this state; null where it was never in another. */
  since: Date | null;
  /** The last failure to connect; null before the first. */
  lastError: { message: string; stage: Stage | null; at: Date } | null;
  /** Until the next try of an engine that is left alone. */
  retryAfterMs: number | null;
}

const AT_WORK = 4;
const WAITING = 20;
/** Failures to connect, one after the other, after which an engine is left alone. */
const FAILURES = 5;
const ALONE_MS = 15_000;
/** While somebody else tries. */
const TRYING_MS = 1_000;
const CONNECTIONS = 1_000;
const CATALOGUE_MS = 60_000;

interface Entry {
  places: BulkheadPolicy;
  breaker: CircuitBreakerPolicy;
  since: Date | null;
  lastError: Health['lastError'];
}

/** A failure of the way to the engine, not of what was asked of it. */
function isUnreachable(error: unknown): error is EngineError {
  return error instanceof EngineError && error.code === 'CONNECTION_FAILED' && error.stage !== 'SETTINGS';
}

/** An engine that says no is there. */
function isAnswer(error: unknown): boolean {
  return error instanceof EngineError && ['ENGINE_FAILED', 'ROWS_EXCEEDED', 'RESULT_TOO_LARGE'].includes(error.code);
}

/** What the breaker counts. */
class Miss extends Error {
  readonly error: unknown;
  constructor(error: unknown) {
    super();
    this.error = error;
  }
}

function newBreaker(): CircuitBreakerPolicy {
  return circuitBreaker(
    handleWhen((error) => error instanceof Miss),
    { halfOpenAfter: ALONE_MS, breaker: new ConsecutiveBreaker(FAILURES) },
  );
}

function watch(entry: Entry, breaker: CircuitBreakerPolicy): void {
  entry.breaker = breaker;
  breaker.onStateChange(() => {
    if (entry.breaker === breaker) entry.since = new Date();
  });
}

function newEntry(): Entry {
  const breaker = newBreaker();
  const entry = { places: bulkhead(AT_WORK, WAITING), breaker, since: null, lastError: null };
  watch(entry, breaker);
  return entry;
}

function healthOf({ breaker, since, lastError }: Entry): Health {
  const left = ALONE_MS - (Date.now() - (since?.getTime() ?? 0));
  if (breaker.state === CircuitState.Closed) return { state: 'CLOSED', since, lastError, retryAfterMs: null };
  if (breaker.state === CircuitState.Open && left > 0) return { state: 'OPEN', since, lastError, retryAfterMs: left };
  return { state: 'HALF_OPEN', since, lastError, retryAfterMs: null };
}

/** Said to buyers too: it tells nothing of the seller's inside. */
function unavailable(retryAfterMs: number): EngineError {
  const message = `The engine could not be reached several times; it is tried again in ${Math.ceil(retryAfterMs / 1000)} s.`;
  return new EngineError('ENGINE_UNAVAILABLE', message, { retryAfterMs });
}

/** @throws EngineError ENGINE_UNAVAILABLE where the engine is left alone, or another query tries it just now. */
function refuse(entry: Entry): void {
  const { retryAfterMs } = healthOf(entry);
  if (retryAfterMs !== null) throw unavailable(retryAfterMs);
  if (entry.breaker.state === CircuitState.HalfOpen) throw unavailable(TRYING_MS);
}

/**
 * Sends `work` through the breaker. An answer of the engine, also that something is wrong, means that it is there; of
 * a try that was cut short nobody knows, so the engine stays alone.
 */
async function tried<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
  refuse(entry);
  const { breaker } = entry;
  const isTry = breaker.state !== CircuitState.Closed;
  try {
    const outcome = await breaker.execute(async () => {
      try {
        return { value: await work() };
      } catch (error) {
        if (isAnswer(error)) return { error };
        if (isUnreachable(error)) entry.lastError = { message: error.message, stage: error.stage, at: new Date() };
        throw isTry || isUnreachable(error) ? new Miss(error) : error;
      }
    });
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  } catch (error) {
    if (error instanceof BrokenCircuitError) throw unavailable(TRYING_MS);
    throw error instanceof Miss ? error.error : error;
  }
}

/** A statement that holds its place until its rows are read, its time is up or its caller has left. */
function held(running: Running, ms: number, signal: AbortSignal): { result: Running; over: Promise<void> } {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const time = deadline(ms, signal);
  const end = (): void => {
    time.end();
    resolve();
  };
  if (time.signal.aborted) end();
  else time.signal.addEventListener('abort', end, { once: true });
  async function* chunks(): AsyncGenerator<Chunk> {
    try {
      yield* running.chunks;
    } finally {
      end();
    }
  }
  return { result: { ...running, chunks: chunks() }, over };
}

/**
 * Keeps one seller's trouble with that seller: of a connection, four queries work and twenty wait, and an engine that
 * cannot be reached is left alone for a while instead of making everybody wait for it.
 */
export function createResilience() {
  const entries = new LRUCache<string, Entry>({ max: CONNECTIONS, memoMethod: newEntry });

  /** Does `work` when its turn comes, with the milliseconds that are left then; its place is free when `over` settles. */
  async function inTurn<T>(
    key: string,
    limitMs: number,
    signal: AbortSignal,
    work: (leftMs: number) => Promise<{ result: T; over?: Promise<void> }>,
  ): Promise<T> {
    const entry = entries.memo(key);
    refuse(entry);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const start = performance.now();
    const queue = deadline(limitMs, signal);
    queue.signal.addEventListener('abort', () => reject(queue.signal.reason), { once: true });
    entry.places
      .execute(async () => {
        queue.end();
        const leftMs = Math.max(1, Math.ceil(limitMs - (performance.now() - start)));
        const { result, over } = await tried(entry, () => work(leftMs));
        resolve(result);
        await over;
      }, queue.signal)
      .catch((error: unknown) => {
        queue.end();
        if (error instanceof BulkheadRejectedError)
          reject(
            new EngineError('ENGINE_BUSY', 'Too many queries of this connection are waiting.', {
              hint: 'Try again in a moment.',
            }),
          );
        else reject(queue.signal.aborted ? queue.signal.reason : error);
      });
    return promise;
  }

  function guardApi<E extends Engine>(engine: E): Partial<ApiEngine> {
    if (!isApi(engine)) return {};
    return {
      ask: (target, question, limits, signal) =>
        inTurn(target.key, limits.timeoutMs, signal, async (timeoutMs) => ({
          result: await engine.ask(target, question, { ...limits, timeoutMs }, signal),
        })),
    };
  }

  function guardEstimate({ estimate }: Engine): Pick<Engine, 'estimate'> {
    if (!estimate) return {};
    return {
      estimate: (target, statement, timeoutMs, signal) =>
        inTurn(target.key, timeoutMs, signal, async (leftMs) => ({
          result: await estimate(target, statement, leftMs, signal),
        })),
    };
  }

  return {
    /** The same engine, each of its connections behind a bulkhead and a breaker of its own. */
    guard(engine: Engine): Engine {
      return {
        ...engine,
        ...guardApi(engine),
        ...guardEstimate(engine),
        run: (target, statement, limits, signal) =>
          inTurn(target.key, limits.timeoutMs, signal, async (timeoutMs) =>
            held(await engine.run(target, statement, { ...limits, timeoutMs }, signal), timeoutMs, signal),
          ),
        tables: (target, filter, signal) =>
          inTurn(target.key, CATALOGUE_MS, signal, async () => ({
            result: await engine.tables(target, filter, signal),
          })),
        // Whoever tests wants to know now; what works then is open to all.
        async test(target, signal) {
          const stages = await engine.test(target, signal);
          const entry = entries.get(target.key);
          if (entry && stages.length > 0 && stages.every(({ ok }) => ok)) {
            if (entry.breaker.state !== CircuitState.Closed) entry.since = new Date();
            watch(entry, newBreaker());
          }
          return stages;
        },
        close(key) {
          if (key === undefined) entries.clear();
          else entries.delete(key);
          return engine.close(key);
        },
      };
    },
    health(key: string): Health {
      const entry = entries.get(key);
      return entry ? healthOf(entry) : { state: 'CLOSED', since: null, lastError: null, retryAfterMs: null };
    },
  };
}
