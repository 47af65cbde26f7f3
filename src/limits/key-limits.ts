import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Database } from '../database/db.ts';
import type { RateLimitPeriod } from '../generated/prisma/client.ts';
import type { Log } from '../log.ts';
import { PERIOD_SECONDS, type RateUse } from './rate-limits.ts';

/** How many requests a key allows itself. */
interface KeyLimit {
  number: number;
  period: RateLimitPeriod;
}

/** Takes a request off a key's limit. The answer says whether it may go on, and what is left. */
export type KeyLimits = (keyId: number, limit: KeyLimit) => Promise<{ isAllowed: boolean; use: RateUse }>;

const TABLE = 'KeyLimit';
/** Different limits, not keys: each is a limiter of its own. */
const MAX_LIMITERS = 1000;

/**
 * Limits of API keys, counted in the database so that all processes share them: one statement for a request of a key
 * that has one. A key that is used up is known here until its period ends, without a statement. While the database
 * does not answer, each process counts by itself.
 */
export function createKeyLimits(database: Pick<Database, 'query'>, log: Log): KeyLimits {
  const storeClient = {
    query: async ({ text, values }: { text: string; values: unknown[] }) => {
      try {
        return { rows: await database.query(text, values) };
      } catch (error) {
        log.warn({ err: error }, 'the limits of keys are counted in this process alone: the database failed');
        throw error;
      }
    },
  };
  const limiters = new LRUCache<string, RateLimiterPostgres, KeyLimit>({
    max: MAX_LIMITERS,
    memoMethod: (_, __, { context }) => create(context),
  });

  function create({ number, period }: KeyLimit): RateLimiterPostgres {
    // A key whose number changes goes on from its count; with another period it begins anew.
    const rules = { points: number, duration: PERIOD_SECONDS[period], keyPrefix: period };
    return new RateLimiterPostgres({
      ...rules,
      storeClient,
      storeType: 'client',
      tableName: TABLE,
      tableCreated: true,
      // Else each limiter has a timer; pruneKeyLimits does it for all.
      clearExpiredByTimeout: false,
      inMemoryBlockOnConsumed: number,
      insuranceLimiter: new RateLimiterMemory(rules),
    });
  }

  return async (keyId, limit) => {
    const limiter = limiters.memo(`${limit.number} ${limit.period}`, { context: limit });
    const used = (res: RateLimiterRes): RateUse => ({
      policy: 'key',
      number: limit.number,
      windowSeconds: PERIOD_SECONDS[limit.period],
      remaining: res.remainingPoints,
      resetMs: Math.max(1, res.msBeforeNext),
    });
    try {
      return { isAllowed: true, use: used(await limiter.consume(keyId)) };
    } catch (refused) {
      if (refused instanceof RateLimiterRes) return { isAllowed: false, use: used(refused) };
      throw refused;
    }
  };
}

/** Forgets the counts of periods that are over. */
export async function pruneKeyLimits(database: Pick<Database, 'query'>): Promise<void> {
  await database.query(`delete from "${TABLE}" where expire < $1`, [Date.now()]);
}
