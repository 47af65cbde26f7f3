import { LRUCache } from 'lru-cache';
import type { RateLimitPeriod } from './generated/prisma/client.ts';

const PERIOD_MS: Record<RateLimitPeriod, number> = { SECOND: 1000, MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000 };

/** Counts of the window that runs and of the one before it. */
interface Counter {
  window: number;
  now: number;
  before: number;
}

/**
 * Limits of API keys, in this process: a sliding window of two counters, the former one weighed by how much of it is
 * still inside. Answers the milliseconds to wait; 0, and the request is counted, where it may go on.
 */
export function createKeyLimits(): (
  keyId: number,
  limit: { number: number; period: RateLimitPeriod },
  at?: number,
) => number {
  const counters = new LRUCache<number, Counter>({ max: 50_000 });
  return (keyId, { number, period }, at = Date.now()) => {
    const length = PERIOD_MS[period];
    const window = Math.floor(at / length);
    let counter = counters.get(keyId);
    if (!counter || counter.window !== window) {
      const before = counter?.window === window - 1 ? counter.now : 0;
      counter = { window, now: 0, before };
      counters.set(keyId, counter);
    }
    const passed = (at % length) / length;
    if (counter.now + counter.before * (1 - passed) + 1 > number) {
      // When enough of the former window has slid out, or the next window begins.
      const room = number - 1 - counter.now;
      const share = counter.before > 0 && room >= 0 ? 1 - room / counter.before : 1;
      return Math.max(1, Math.ceil((Math.min(share, 1) - passed) * length));
    }
    counter.now++;
    return 0;
  };
}
