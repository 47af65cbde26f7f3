import { LRUCache } from 'lru-cache';
import type { Context } from '../context.ts';
import type { Asset, RefreshFrequency } from '../generated/prisma/client.ts';
import { EngineError } from '../warehouse/engine.ts';
import { orAbort } from '../warehouse/lifecycle.ts';
import type { QueryResult } from '../warehouse/query.ts';

/** A result and when the engine computed it. */
export interface Computed {
  result: QueryResult;
  computedAt: Date;
}

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const lifetimes: Partial<Record<RefreshFrequency, number>> = {
  EVERY_SECOND: SECOND,
  EVERY_MINUTE: 60 * SECOND,
  EVERY_HOUR: 3600 * SECOND,
  EVERY_DAY: DAY,
  EVERY_WEEK: 7 * DAY,
  EVERY_MONTH: 30 * DAY,
  EVERY_QUARTER: 91 * DAY,
  EVERY_YEAR: 365 * DAY,
  NEVER: Number.POSITIVE_INFINITY,
};
const DEFAULT_LIFETIME = 300 * SECOND;
/** All results of a process together. */
const MAX_BYTES = 64 * 1024 * 1024;

/** How long a result of the asset is good: its source's refresh frequency. */
export function lifetimeMs(asset: Pick<Asset, 'dataSourceRefreshFrequency'>): number {
  return lifetimes[asset.dataSourceRefreshFrequency] ?? DEFAULT_LIFETIME;
}

interface Cache {
  kept: LRUCache<string, Computed>;
  working: Map<string, Promise<Computed>>;
}

const caches = new WeakMap<Context['app'], Cache>();

function cacheOf(app: Context['app']): Cache {
  let cache = caches.get(app);
  if (!cache) {
    const kept = new LRUCache<string, Computed>({
      maxSize: MAX_BYTES,
      sizeCalculation: ({ result }) => Math.max(1, result.bytes + 1024),
    });
    caches.set(app, (cache = { kept, working: new Map() }));
  }
  return cache;
}

/**
 * The result for a key that is no older than `maxAgeMs`, or a new one; callers who ask for the same at once share the
 * work. Failures are not kept. The key carries asset, version, credentials and parameters, so a change misses.
 */
export async function cached(
  ctx: Context,
  key: string,
  maxAgeMs: number,
  compute: () => Promise<Computed>,
): Promise<{ computed: Computed; isHit: boolean }> {
  const { kept, working } = cacheOf(ctx.app);
  const isFresh = ({ computedAt }: Computed): boolean =>
    maxAgeMs > 0 && ctx.now.getTime() - computedAt.getTime() <= maxAgeMs;
  const known = kept.get(key);
  if (known && isFresh(known)) return { computed: known, isHit: true };
  for (let others = working.get(key); others && maxAgeMs > 0; others = working.get(key)) {
    try {
      const computed = await orAbort(others, ctx.signal);
      if (isFresh(computed)) return { computed, isHit: true };
      break;
    } catch (error) {
      // Who shares another caller's work does not share that one's leaving: then one of them begins anew.
      if (ctx.signal.aborted || !(error instanceof EngineError && error.code === 'CANCELLED')) throw error;
      if (working.get(key) === others) working.delete(key);
    }
  }
  const work = compute();
  if (maxAgeMs > 0) working.set(key, work);
  try {
    const computed = await work;
    kept.set(key, computed);
    return { computed, isHit: false };
  } finally {
    if (working.get(key) === work) working.delete(key);
  }
}

/** Whether a result for a key is kept that is no older than `maxAgeMs`. */
export function isKept(ctx: Context, key: string, maxAgeMs: number): boolean {
  const known = cacheOf(ctx.app).kept.peek(key);
  return known !== undefined && ctx.now.getTime() - known.computedAt.getTime() <= maxAgeMs;
}
