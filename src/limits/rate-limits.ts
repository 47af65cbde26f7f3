import type { RateLimitPeriod } from '../generated/prisma/client.ts';

export const PERIOD_SECONDS: Record<RateLimitPeriod, number> = { SECOND: 1, MINUTE: 60, HOUR: 3600, DAY: 86_400 };

/** What a limit says after a request: of the key that sent it, of a product that it ran, or of what it may cost. */
export interface RateUse {
  policy: 'key' | 'product' | 'cost';
  number: number;
  windowSeconds: number;
  remaining: number;
  /** Until there is more. */
  resetMs: number;
}

const NONE: Record<string, string> = {};

/**
 * The headers of draft-ietf-httpapi-ratelimit-headers: one policy each for the key, the products and the cost; of several
 * products in a request, the one with the least left.
 */
export function rateHeaders(uses: readonly RateUse[]): Record<string, string> {
  if (uses.length === 0) return NONE;
  const tightest = new Map<string, RateUse>();
  for (const use of uses) {
    const known = tightest.get(use.policy);
    if (!known || use.remaining <= known.remaining) tightest.set(use.policy, use);
  }
  const items = [...tightest.values()];
  return {
    'ratelimit-policy': items
      .map(({ policy, number, windowSeconds }) => `"${policy}";q=${number};w=${windowSeconds}`)
      .join(', '),
    ratelimit: items
      .map(({ policy, remaining, resetMs }) => `"${policy}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`)
      .join(', '),
  };
}
