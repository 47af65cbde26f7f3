import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { App, Context } from '../context.ts';
import { openConnection, type OpenConnection } from '../connections/open.ts';
import type { Asset, RefreshFrequency } from '../generated/prisma/client.ts';
import type { ParameterValue } from '../warehouse/engine.ts';
import { createPeers, type Peers } from './peers.ts';
import { shareWork, type SharedWork } from './shared-work.ts';
import { isStored, keepStored, readStored, type Computed, type Place } from './stored-results.ts';

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
/** All results in the memory of a process together, and the largest of them. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_ENTRY_BYTES = 16 * 1024 * 1024;
/** Keys of which is known when their latest result was computed. */
const MAX_KNOWN = 10_000;
/** How often is looked whether another process still works on a key, where nothing is heard of it. */
const LOOK_MS = SECOND;

/** How long a result of the asset is good: its source's refresh frequency. */
export function lifetimeMs(asset: Pick<Asset, 'dataSourceRefreshFrequency'>): number {
  return lifetimes[asset.dataSourceRefreshFrequency] ?? DEFAULT_LIFETIME;
}

/** Carries seller, asset, version, credentials and parameters, so that a change misses. */
const keyOf = (asset: Asset, opened: OpenConnection, values: Record<string, ParameterValue>): string =>
  createHash('sha256')
    .update(JSON.stringify([asset.companyId, asset.id, asset.version, opened.target.key, values]))
    .digest('hex');

/** A result, and whether it comes from the cache or the work of another caller. */
interface Found {
  computed: Computed;
  isHit: boolean;
}
/** The key is the same for results that have to be the same. */
export interface Cached extends Found {
  key: string;
}
type Compute = (ctx: Context, opened: OpenConnection) => Promise<Computed>;

interface Cache {
  memory: LRUCache<string, Computed>;
  /** When the latest result of a key was computed, as far as this process heard. */
  latest: LRUCache<string, number>;
  working: Map<string, SharedWork<Found>>;
  peers: Peers;
}

const caches = new WeakMap<App, Cache>();

function cacheOf(app: App): Cache {
  const known = caches.get(app);
  if (known) return known;
  const memory = new LRUCache<string, Computed>({
    maxSize: MAX_BYTES,
    maxEntrySize: MAX_ENTRY_BYTES,
    sizeCalculation: ({ result }) => Math.max(1, result.bytes + 1024),
  });
  const latest = new LRUCache<string, number>({ max: MAX_KNOWN });
  const working: Cache['working'] = new Map();
  const peers = createPeers(app.database, app.log, {
    onKept(key, computedAt) {
      latest.set(key, Math.max(computedAt, latest.get(key) ?? 0));
      const mine = memory.peek(key);
      if (mine && mine.computedAt.getTime() < computedAt) memory.delete(key);
    },
    onWanted: (key) => working.get(key)?.keepOn(),
    // What others replace from now on would go unnoticed.
    onDeaf: () => memory.clear(),
  });
  app.onClose(async () => {
    for (const work of working.values()) await work.end(new Error('The process is stopping.'));
    await peers.close();
  });
  const cache = { memory, latest, working, peers };
  caches.set(app, cache);
  return cache;
}

/** Remembers a result that all processes have, unless a later one is known already. */
async function remember({ memory, latest, peers }: Cache, key: string, computed: Computed): Promise<void> {
  if ((await peers.hears()) && computed.computedAt.getTime() >= (latest.get(key) ?? 0)) memory.set(key, computed);
}

/** Computes a result and keeps it; one that cannot be kept is answered all the same. */
async function computeAndKeep(
  cache: Cache,
  ctx: Context,
  place: Place,
  compute: () => Promise<Computed>,
): Promise<Found> {
  const computed = await compute();
  const { app } = ctx;
  try {
    if (await keepStored(app, place, computed, lifetimeMs(place.asset))) await remember(cache, place.key, computed);
    else ctx.log.info({ assetId: place.asset.id, bytes: computed.result.bytes }, 'a result was not kept');
  } catch (error) {
    ctx.log.error({ err: error, assetId: place.asset.id }, 'a result could not be kept');
  }
  return { computed, isHit: false };
}

async function computeAlone({ memory }: Cache, key: string, compute: () => Promise<Computed>): Promise<Computed> {
  const computed = await compute();
  memory.set(key, computed);
  return computed;
}

/** The result that any process has, or else a new one: one process computes, the others wait for it. */
async function findOrCompute(
  cache: Cache,
  ctx: Context,
  place: Place,
  wanted: { since: Date; patienceMs: number },
  compute: () => Promise<Computed>,
): Promise<Found> {
  const { key } = place;
  const find = async (): Promise<Found | null> => {
    const computed = await readStored(ctx.app, place, wanted.since, ctx.now);
    if (computed) await remember(cache, key, computed);
    return computed && { computed, isHit: true };
  };
  // Whoever has the right and does nothing with it is not waited for longer than a run may take.
  const until = Date.now() + wanted.patienceMs;
  let isOurs = false;
  while (!isOurs && Date.now() < until) {
    const found = await find();
    if (found) return found;
    isOurs = await cache.peers.claim(key, Math.min(LOOK_MS, until - Date.now()), ctx.signal);
  }
  try {
    return (await find()) ?? (await computeAndKeep(cache, ctx, place, compute));
  } finally {
    if (isOurs) await cache.peers.release(key);
  }
}

/**
 * The result of an asset for its parameters that is no older than `maxAgeMs`, or a new one; callers in all processes who
 * ask for the same at once share the work. Results of assets with `cached` are kept for all processes, those of others
 * in the memory of this one; failures are not kept.
 * @throws DomainError CONNECTION_FAILED; what `compute` throws
 */
export async function cached(
  ctx: Context,
  asset: Asset & { connectionId: string },
  values: Record<string, ParameterValue>,
  maxAgeMs: number,
  compute: Compute,
): Promise<Cached> {
  const opened = await openConnection(ctx, asset.connectionId, asset.companyId);
  const key = keyOf(asset, opened, values);
  const cache = cacheOf(ctx.app);
  const { memory, working, peers } = cache;
  // The epoch where any age will do.
  const since = new Date(Math.max(0, ctx.now.getTime() - maxAgeMs));
  const isFresh = ({ computedAt }: Computed): boolean => computedAt >= since;
  const isBelieved = !asset.cached || (await peers.hears());
  while (maxAgeMs > 0) {
    const known = isBelieved ? memory.get(key) : undefined;
    if (known && isFresh(known)) return { computed: known, isHit: true, key };
    const others = working.get(key);
    if (!others || others.isAbandoned()) break;
    const { computed } = await others.join(ctx.signal);
    if (isFresh(computed)) return { computed, isHit: true, key };
  }
  const work = shareWork(async (signal): Promise<Found> => {
    const own = { ...ctx, signal };
    const place = { key, asset, connection: opened.connection };
    const ask = (): Promise<Computed> => compute(own, opened);
    try {
      if (!asset.cached) return { computed: await computeAlone(cache, key, ask), isHit: false };
      if (maxAgeMs <= 0) return await computeAndKeep(cache, own, place, ask);
      return await findOrCompute(cache, own, place, { since, patienceMs: opened.timeoutMs }, ask);
    } finally {
      if (working.get(key) === work) working.delete(key);
    }
  });
  if (maxAgeMs > 0) working.set(key, work);
  return { ...(await work.join(ctx.signal)), key };
}

/** Whether a run of an asset with `cached` would find a result that is young enough. */
export async function isKept(
  ctx: Context,
  asset: Asset,
  opened: OpenConnection,
  values: Record<string, ParameterValue>,
): Promise<boolean> {
  const key = keyOf(asset, opened, values);
  const since = new Date(Math.max(0, ctx.now.getTime() - lifetimeMs(asset)));
  const known = cacheOf(ctx.app).memory.peek(key);
  return (known !== undefined && known.computedAt >= since) || isStored(ctx.app, { key, asset }, since, ctx.now);
}
