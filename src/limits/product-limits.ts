import { createHash } from 'node:crypto';
import { isNobody, viewerOf, type Context, type Viewer } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { RateLimitGranularity, RateLimitPeriod } from '../generated/prisma/client.ts';
import type { LimitStore } from './limit-store.ts';
import { PERIOD_SECONDS, type RateUse } from './rate-limits.ts';
import { postgresWindows } from './windows-postgres.ts';
import { redisWindows } from './windows-redis.ts';
import { KEPT_SLOTS, memoryWindows, SLOTS, type Counted, type WindowStore } from './windows.ts';

/** How often a product may be run. */
export interface ProductLimit {
  number: number;
  period: RateLimitPeriod;
  granularity: RateLimitGranularity;
}

/** What nobody asks for is kept for two windows, and for a minute at least: clocks may differ. */
const KEPT_AT_LEAST_MS = 60_000;

/** One use of a limit, or the refusal of it. */
export interface Taken {
  isAllowed: boolean;
  use: RateUse;
  /** Undoes it. Never throws: what cannot be given back comes back with its window. */
  giveBack(): Promise<void>;
}

/** Takes a use off a limit of those who count together in `scope`. What is refused takes nothing. */
export type ProductLimits = (scope: string, limit: Pick<ProductLimit, 'number' | 'period'>) => Promise<Taken>;

/** When so many of the uses that were counted first have left the window. */
function leftAt({ slot, counts }: Counted, many: number, windowMs: number): number {
  let age = counts.length;
  for (let left = many; left > 0 && age > 0;) left -= counts[--age] ?? 0;
  return Math.ceil(((slot - age + KEPT_SLOTS) * windowMs) / SLOTS);
}

/**
 * Limits of products: a sliding window in steps of a 60th, of the same cost whatever the number. Never more than `number`
 * pass within a window, and what was used is there again a 60th after it at the latest. While the store does not answer,
 * each process counts by itself.
 */
export function createProductLimits({ query, redis }: LimitStore, now = () => Date.now()): ProductLimits {
  const shared = redis ? redisWindows(redis) : query ? postgresWindows(query) : null;
  // Room for all of them is made at once, and only where the store fails or there is none.
  let kept: WindowStore | undefined;
  const own = (): WindowStore => (kept ??= memoryWindows());

  return async (scope, { number, period }) => {
    const windowMs = PERIOD_SECONDS[period] * 1000;
    const at = now();
    const slot = Math.floor((at * SLOTS) / windowMs);
    const ask = { slot, number, keepMs: Math.max(2 * windowMs, KEPT_AT_LEAST_MS) };
    let counting = shared ?? own();
    const counted = await counting.take(scope, ask).catch(() => (counting = own()).take(scope, ask));
    const used = counted.counts.reduce((sum, count) => sum + count, 0);
    return {
      isAllowed: counted.isTaken,
      use: {
        policy: 'product',
        number,
        windowSeconds: PERIOD_SECONDS[period],
        remaining: Math.max(0, number - used),
        resetMs: Math.max(1, leftAt(counted, Math.max(1, used - number + 1), windowMs) - at),
      },
      giveBack: () => counting.giveBack(scope, counted.slot).catch(() => undefined),
    };
  };
}

/** Whose runs count together with the caller's. */
function whoOf(viewer: Viewer, granularity: RateLimitGranularity, address: string): string {
  if (granularity === 'GLOBAL') return 'all';
  if (granularity === 'IP') return address;
  // Nobody has no user and no company: who asks from the same address is the same.
  if (isNobody(viewer)) return `nobody ${address}`;
  if (granularity === 'COMPANY') return viewer.companyId;
  return viewer.userId ?? `key ${viewer.apiKeyId}`;
}

/**
 * Takes a run off the limit of a product, for the caller. A limit of another period or of others counts anew.
 * @throws DomainError RATE_LIMITED; then nothing is taken.
 */
export async function takeRun(ctx: Context, productId: string, limit: ProductLimit): Promise<Taken> {
  const { number, period, granularity } = limit;
  const who = whoOf(viewerOf(ctx), granularity, ctx.clientAddress);
  // No address is stored.
  const scope = createHash('sha256').update(`${productId} ${period} ${granularity} ${who}`).digest('base64url');
  const taken = await ctx.app.limits.products(scope.slice(0, 22), limit);
  if (taken.isAllowed) return taken;
  ctx.rates.push(taken.use);
  const { resetMs: retryAfterMs } = taken.use;
  throw new DomainError(
    'RATE_LIMITED',
    `At most ${number} runs a ${period.toLowerCase()}: try again in ${Math.ceil(retryAfterMs / 1000)} s.`,
    { details: { retryAfterMs } },
  );
}
