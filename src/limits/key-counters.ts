import {
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRedis,
  type RateLimiterAbstract,
} from 'rate-limiter-flexible';
import type { RateLimitPeriod } from '../generated/prisma/client.ts';
import { TABLE } from './key-limits.ts';
import type { LimitStore } from './limit-store.ts';
import { PERIOD_SECONDS } from './rate-limits.ts';

type Counters = Record<RateLimitPeriod, RateLimiterAbstract>;
type Rules = { points: number; duration: number; keyPrefix: string };

/** What counts the requests of keys. */
export interface KeyCounters {
  /** The counters that all processes share; null where each counts by itself. */
  shared: Counters | null;
  own: Counters;
}

/** A counter for each period. It counts on whatever the limit is, so that a key whose number changes goes on from its count. */
const counters = (prefix: string, make: (rules: Rules) => RateLimiterAbstract): Counters =>
  Object.fromEntries(
    Object.entries(PERIOD_SECONDS).map(([period, duration]) => [
      period,
      make({ points: Number.MAX_SAFE_INTEGER, duration, keyPrefix: `${prefix}${period}` }),
    ]),
  ) as Counters;

function sharedCounters({ query, redis }: LimitStore): Counters | null {
  if (redis) {
    return counters(
      'spartera:key:',
      (rules) => new RateLimiterRedis({ ...rules, storeClient: redis, useRedisPackage: true }),
    );
  }
  if (!query) return null;
  const storeClient = {
    query: async ({ text, values }: { text: string; values: unknown[] }) => ({ rows: await query(text, values) }),
  };
  return counters(
    '',
    (rules) =>
      new RateLimiterPostgres({
        ...rules,
        storeClient,
        storeType: 'client',
        tableName: TABLE,
        tableCreated: true,
        // Else each counter has a timer; pruneKeyLimits does it for all.
        clearExpiredByTimeout: false,
      }),
  );
}

/** Counters on a store, and those of this process for while it does not answer. */
export const openCounters = (store: LimitStore): KeyCounters => ({
  shared: sharedCounters(store),
  own: counters('', (rules) => new RateLimiterMemory(rules)),
});
