import DataLoader from 'dataloader';
import { LRUCache } from 'lru-cache';
import type { RunQuery } from '../database/db.ts';

/**
 * A statement that answers many keys at once. Keys carry the tenant or whatever else decides who sees what, so one
 * statement serves the requests of many callers; everything else that changes the answer is in `name`.
 */
export interface Loader<K, V> {
  name: string;
  keyOf(key: K): string;
  /** One answer for each key, in order; an Error fails its key alone. */
  batch(query: RunQuery, keys: readonly K[]): Promise<readonly (V | Error)[]>;
}

/** What a loader needs of a request. */
export interface LoaderContext {
  query: RunQuery;
  batchers: Batchers;
  signal: AbortSignal;
  /** Answers this request has asked for already. */
  cache: Map<string, Promise<unknown>>;
  inTransaction: boolean;
}

type Waiting = { key: unknown; text: string; signal: AbortSignal };

/** `id` is short, where a loader's name is as long as its statement. */
type Batcher = { id: number; queue: DataLoader<Waiting, unknown> };
let lastId = 0;

/** The batchers of a process: one for each statement in use, over all requests. */
export type Batchers = LRUCache<string, Batcher>;

/** No statement is asked for more keys than this at once. */
const MAX_BATCH = 500;

/** The batchers of a new process: those of statements that were not used for long are forgotten. */
export function createBatchers(): Batchers {
  return new LRUCache({ max: 2000 });
}

class Aborted extends Error {
  override name = 'AbortError';
}

/** Data errors (SQLSTATE class 22) come from one key's value: halve until the others have their answers. */
async function answer<K, V>(
  loader: Loader<K, V>,
  query: RunQuery,
  keys: readonly K[],
): Promise<readonly (V | Error)[]> {
  try {
    return await loader.batch(query, keys);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (keys.length === 1 || typeof code !== 'string' || !code.startsWith('22')) return keys.map(() => error as Error);
    const middle = keys.length >> 1;
    return [
      ...(await answer(loader, query, keys.slice(0, middle))),
      ...(await answer(loader, query, keys.slice(middle))),
    ];
  }
}

function createBatcher<K, V>(loader: Loader<K, V>, query: RunQuery): DataLoader<Waiting, unknown> {
  return new DataLoader<Waiting, unknown>(
    async (waiting) => {
      const wanted = new Map<string, K>();
      for (const { key, text, signal } of waiting) if (!signal.aborted) wanted.set(text, key as K);
      const answers = wanted.size > 0 ? await answer(loader, query, [...wanted.values()]) : [];
      const byKey = new Map([...wanted.keys()].map((key, i) => [key, answers[i]]));
      return waiting.map(({ text, signal }) => {
        if (signal.aborted) return new Aborted('The request was aborted.');
        return byKey.get(text) as object;
      });
    },
    // The cache is the request's: rows outlive no request.
    { cache: false, maxBatchSize: MAX_BATCH, batchScheduleFn: (dispatch) => void setImmediate(dispatch) },
  );
}

function batcherOf<K, V>(ctx: LoaderContext, loader: Loader<K, V>): Batcher {
  let batcher = ctx.batchers.get(loader.name);
  if (!batcher) {
    batcher = { id: ++lastId, queue: createBatcher(loader, ctx.query) };
    ctx.batchers.set(loader.name, batcher);
  }
  return batcher;
}

/** Keeps the answer for a key that another statement brought along, for the rest of the request. */
export function keep<K, V>(ctx: LoaderContext, loader: Loader<K, V>, key: K, answer: V): void {
  ctx.cache.set(`${batcherOf(ctx, loader).id} ${loader.keyOf(key)}`, Promise.resolve(answer));
}

/**
 * The answer for a key, together with whatever all requests in flight ask of the same statement in this turn of the
 * event loop. A transaction asks alone, on its own connection.
 */
export function load<K, V>(ctx: LoaderContext, loader: Loader<K, V>, key: K): Promise<V> {
  if (ctx.inTransaction) {
    return answer(loader, ctx.query, [key]).then(([value]) => {
      if (value instanceof Error) throw value;
      return value as V;
    });
  }
  const batcher = batcherOf(ctx, loader);
  const text = loader.keyOf(key);
  const cacheKey = `${batcher.id} ${text}`;
  const known = ctx.cache.get(cacheKey);
  if (known) return known as Promise<V>;
  const promise = batcher.queue.load({ key, text, signal: ctx.signal }) as Promise<V>;
  ctx.cache.set(cacheKey, promise);
  return promise;
}

/** Rows are shared by all who asked for them. */
type Frozen = <R extends object>(row: R) => R;

/** Rows with their key's position `n` (from 1), one a key at most, as the answers of a batch; null where none came. */
export function oneByPosition<R extends { n: number | string }>(
  keys: readonly unknown[],
  rows: R[],
  frozen: Frozen = Object.freeze,
): (R | null)[] {
  const out: (R | null)[] = keys.map(() => null);
  for (const row of rows) out[Number(row.n) - 1] = frozen(row);
  return out;
}

/** Rows with their key's position `n` (from 1), any number a key, in the order they came. */
export function manyByPosition<R extends { n: number | string }>(
  keys: readonly unknown[],
  rows: R[],
  frozen: Frozen = Object.freeze,
): R[][] {
  const out: R[][] = keys.map(() => []);
  for (const row of rows) out[Number(row.n) - 1]?.push(frozen(row));
  return out;
}
