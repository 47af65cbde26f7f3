import { LRUCache } from 'lru-cache';
import type { App, Context } from '../context.ts';
import { DomainError } from '../errors.ts';

/** How long a count is believed. */
const TTL_MS = 5_000;

interface Quota {
  used: number;
  allowed: number;
}

const caches = new WeakMap<App, LRUCache<string, Quota>>();

/** The first instant of the next month, UTC. */
export function nextMonth(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1));
}

/** Requests of the company in this month, UTC, and how many its plan allows. */
export async function quotaOf(ctx: Context, companyId: string): Promise<Quota> {
  const [row] = await ctx.app.database.query<{ used: string; allowed: number }>(
    `select p."monthlyRequests" as allowed, coalesce((select successes from "BuyerMonth" u
       where u."buyerCompanyId" = c.id and u.month = date_trunc('month', $2::timestamptz, 'UTC')), 0)::text as used
     from "Company" c join "Plan" p on p.id = c."planId" where c.id = $1`,
    [companyId, ctx.now],
  );
  return { used: Number(row?.used ?? 0), allowed: row?.allowed ?? 0 };
}

/** @throws DomainError QUOTA_EXCEEDED where the plan's requests are used up. */
export async function checkQuota(ctx: Context, companyId: string): Promise<void> {
  let cache = caches.get(ctx.app);
  if (!cache) caches.set(ctx.app, (cache = new LRUCache({ max: 10_000, ttl: TTL_MS })));
  let quota = cache.get(companyId);
  if (!quota) {
    quota = await quotaOf(ctx, companyId);
    cache.set(companyId, quota);
  }
  if (quota.used >= quota.allowed) {
    const resetAt = nextMonth(ctx.now);
    throw new DomainError(
      'QUOTA_EXCEEDED',
      `The ${quota.allowed} requests of this month are used up; the next month begins ${resetAt.toISOString().slice(0, 10)}.`,
      { details: { resetAt } },
    );
  }
}
