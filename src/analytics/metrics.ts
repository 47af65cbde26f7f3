import { LRUCache } from 'lru-cache';
import type { App, Context } from '../context.ts';

/** Sums of what a company sold. */
interface SalesCounts {
  runCount: number;
  successfulRunCount: number;
  creditsEarned: number;
  buyerCount: number;
}

/** All-time counts of a company. */
export interface Metrics extends SalesCounts {
  userCount: number;
  apiKeyCount: number;
  connectionCount: number;
  assetCount: number;
  listedAssetCount: number;
  endpointCount: number;
  listedEndpointCount: number;
  postCount: number;
  publishedPostCount: number;
}

/** Sums of the hours before `until`. */
interface Past extends SalesCounts {
  until: Date;
  rowCount: number;
}

/** The past ends this long before now: what comes later than that is an exception. */
const PAST_MS = 86_400_000;
/** The sums of the past are kept for sellers with more rows than this in their rollup; summing fewer is quick. */
export const KEPT_FROM_ROWS = 50_000;
/** How long they are believed, so that events that come later than a day show within this time. */
const TTL_MS = 600_000;

const pasts = new WeakMap<App, LRUCache<string, Past>>();

const sumsSql = (hours: string, isBuyer: string): string => `
  select coalesce(sum(runs), 0)::float8 as "runCount", coalesce(sum(successes), 0)::float8 as "successfulRunCount", coalesce(sum(credits), 0)::float8 as "creditsEarned",
    (count(*) filter (where ${isBuyer}))::int as "buyerCount", coalesce(sum(n), 0)::int as "rowCount"
  from (select r."buyerCompanyId" as buyer, sum(r.runs) as runs, sum(r.successes) as successes, sum(r.credits) as credits, count(*) as n from "UsageRollup" r
    where r."sellerCompanyId" = $1 and r.hour ${hours} $2 and r."buyerCompanyId" <> $1 group by 1) b`;

const PAST_SQL = sumsSql('<', 'successes > 0');

/** Things that are not deleted, and the sums of the hours since $2, their buyers without those of the past. */
const METRICS_SQL = `select * from
  (select count(*)::int as "userCount" from "User" where "companyId" = $1 and active) u,
  (select count(*)::int as "apiKeyCount" from "ApiKey" where "companyId" = $1 and active) k,
  (select count(*)::int as "connectionCount" from "Connection" where "companyId" = $1 and active) c,
  (select count(*)::int as "assetCount", (count(*) filter (where "sellInMarketplace"))::int as "listedAssetCount" from "Asset" where "companyId" = $1 and active) a,
  (select count(*)::int as "endpointCount", (count(*) filter (where "sellInMarketplace"))::int as "listedEndpointCount" from "Endpoint" where "companyId" = $1 and active) e,
  (select count(*)::int as "postCount", (count(*) filter (where "isPublished"))::int as "publishedPostCount" from "Post" where "companyId" = $1 and active) p,
  (${sumsSql(
    '>=',
    `successes > 0 and not exists (select from "UsageRollup" o where o."buyerCompanyId" = b.buyer and o."sellerCompanyId" = $1 and o.hour < $2 and o.successes > 0)`,
  )}) s`;

function pastsOf(app: App): LRUCache<string, Past> {
  let kept = pasts.get(app);
  if (!kept) pasts.set(app, (kept = new LRUCache({ max: 10_000, ttl: TTL_MS })));
  return kept;
}

async function readPast(ctx: Context, companyId: string): Promise<Past> {
  const until = new Date(ctx.now.getTime() - PAST_MS);
  const [row] = await ctx.query<SalesCounts & { rowCount: number }>(PAST_SQL, [companyId, until]);
  const past = { ...(row as SalesCounts & { rowCount: number }), until };
  if (past.rowCount > KEPT_FROM_ROWS) pastsOf(ctx.app).set(companyId, past);
  return past;
}

/**
 * All-time counts of a company. Its rollup can have years of hours: the sums of a long past are kept for ten minutes,
 * and only the last day is summed each time.
 */
export async function metricsOf(ctx: Context, companyId: string): Promise<Metrics> {
  const past = pastsOf(ctx.app).get(companyId) ?? (await readPast(ctx, companyId));
  const [row] = await ctx.query<Metrics & { rowCount: number }>(METRICS_SQL, [companyId, past.until]);
  const { rowCount: _, ...now } = row as Metrics & { rowCount: number };
  return {
    ...now,
    runCount: now.runCount + past.runCount,
    successfulRunCount: now.successfulRunCount + past.successfulRunCount,
    creditsEarned: now.creditsEarned + past.creditsEarned,
    buyerCount: now.buyerCount + past.buyerCount,
  };
}
