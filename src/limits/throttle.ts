import { LRUCache } from 'lru-cache';
import type { Viewer } from '../context.ts';
import type { RateUse } from './rate-limits.ts';

/** A company may spend as much as so many of its keys. */
const COMPANY_KEYS = 4;
/** Buckets kept; one that is forgotten is full again. */
const MOST = 20_000;

/** What a caller may spend, in cost: at once, by now, and what comes back each second. */
export interface ThrottleStatus {
  maximumAvailable: number;
  currentlyAvailable: number;
  restoreRate: number;
}

/** What is in a bucket at a moment. */
interface Bucket {
  level: number;
  at: number;
}

/** Holds callers to what they may spend. */
export interface Throttle {
  /** Takes a cost off the buckets of a caller and its company, or nothing of both; answers how long to wait then. */
  take(viewer: Viewer, cost: number): number | null;
  /** Gives back what was taken and not needed. */
  giveBack(viewer: Viewer, cost: number): void;
  /** The bucket of the two that has less left. */
  status(viewer: Viewer): ThrottleStatus;
}

/**
 * Two buckets of cost, of the credential and of its company, that refill steadily. In this process alone, for it is the
 * process that they protect; `budget` is what a key may spend at once, `restoreRate` what comes back each second.
 */
export function createThrottle(budget: number, restoreRate: number, now = () => performance.now()): Throttle {
  const bucketsOf = (factor: number) => {
    const maximum = budget * factor;
    const rate = restoreRate * factor;
    const buckets = new LRUCache<string | number, Bucket>({ max: MOST });
    return {
      maximum,
      rate,
      of(id: string | number): Bucket {
        const at = now();
        const bucket = buckets.get(id);
        if (!bucket) {
          const full = { level: maximum, at };
          buckets.set(id, full);
          return full;
        }
        bucket.level = Math.min(maximum, bucket.level + ((at - bucket.at) / 1000) * rate);
        bucket.at = at;
        return bucket;
      },
    };
  };
  const keys = bucketsOf(1);
  const companies = bucketsOf(COMPANY_KEYS);
  const keyOf = (viewer: Viewer): Bucket => keys.of(viewer.apiKeyId ?? viewer.sessionId ?? viewer.companyId);

  return {
    take(viewer, cost) {
      const key = keyOf(viewer);
      const company = companies.of(viewer.companyId);
      const wait = Math.max((cost - key.level) / keys.rate, (cost - company.level) / companies.rate);
      if (wait > 0) return Math.ceil(wait * 1000);
      key.level -= cost;
      company.level -= cost;
      return null;
    },
    giveBack(viewer, cost) {
      const key = keyOf(viewer);
      const company = companies.of(viewer.companyId);
      key.level = Math.min(keys.maximum, key.level + cost);
      company.level = Math.min(companies.maximum, company.level + cost);
    },
    status(viewer) {
      const key = keyOf(viewer).level;
      const company = companies.of(viewer.companyId).level;
      const [tighter, level] = key <= company ? [keys, key] : [companies, company];
      return {
        maximumAvailable: tighter.maximum,
        currentlyAvailable: Math.floor(level),
        restoreRate: tighter.rate,
      };
    },
  };
}

/** What the bucket says in the headers of an answer. */
export const costUse = ({ maximumAvailable, currentlyAvailable, restoreRate }: ThrottleStatus): RateUse => ({
  policy: 'cost',
  number: maximumAvailable,
  windowSeconds: Math.ceil(maximumAvailable / restoreRate),
  remaining: currentlyAvailable,
  resetMs: ((maximumAvailable - currentlyAvailable) / restoreRate) * 1000,
});
