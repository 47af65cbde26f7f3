import { LRUCache } from 'lru-cache';
import type { RateLimiterRes } from 'rate-limiter-flexible';
import type { Database } from '../database/db.ts';
import type { RateLimitPeriod } from '../generated/prisma/client.ts';
import type { KeyCounters } from './key-counters.ts';
import type { LimitStore } from './limit-store.ts';
import { PERIOD_SECONDS, type RateUse } from './rate-limits.ts';

/** How many requests a key allows itself. */
interface KeyLimit {
  number: number;
  period: RateLimitPeriod;
}

/** Takes a request off a key's limit. The answer says whether it may go on, and what is left. */
export type KeyLimits = (keyId: number, limit: KeyLimit) => Promise<{ isAllowed: boolean; use: RateUse }>;

/** The table of the counts, in the columns that the counters expect. */
export const TABLE = 'KeyLimit';
/** Keys that are known to be used up; of one that is forgotten the store knows. */
const MOST_USED_UP = 10_000;

/**
 * Limits of API keys, counted where all processes share them: one question to the store for a request of a key that has
 * one. A key that is used up is known here until its period ends, without a question. While the store does not answer,
 * each process counts by itself.
 */
export function createKeyLimits(store: LimitStore): KeyLimits {
  let counters: Promise<KeyCounters> | undefined;
  const usedUp = new LRUCache<string, true>({ max: MOST_USED_UP });

  return async (keyId, { number, period }) => {
    const answer = (consumed: number, resetMs: number): Awaited<ReturnType<KeyLimits>> => ({
      isAllowed: consumed <= number,
      use: {
        policy: 'key',
        number,
        windowSeconds: PERIOD_SECONDS[period],
        remaining: Math.max(0, number - consumed),
        resetMs: Math.max(1, Math.ceil(resetMs)),
      },
    });
    const name = `${keyId} ${number} ${period}`;
    const rest = usedUp.getRemainingTTL(name);
    if (rest > 0) return answer(Infinity, rest);
    // They are loaded with the first key that has a limit.
    const { shared, own } = await (counters ??= import('./key-counters.ts').then(({ openCounters }) =>
      openCounters(store),
    ));
    let counted: RateLimiterRes | undefined;
    try {
      counted = await shared?.[period].consume(keyId);
      if (counted && counted.consumedPoints >= number)
        usedUp.set(name, true, { ttl: Math.max(1, counted.msBeforeNext) });
    } catch {
      // Whoever asks the store has told of it.
    }
    counted ??= await own[period].consume(keyId);
    return answer(counted.consumedPoints, counted.msBeforeNext);
  };
}

/** Forgets the counts of periods that are over. */
export async function pruneKeyLimits(database: Pick<Database, 'query'>): Promise<void> {
  await database.query(`delete from "${TABLE}" where expire < $1`, [Date.now()]);
}
