import type { Context } from '../context.ts';

/** All-time counts of a company. */
export interface Metrics {
  runCount: number;
  successfulRunCount: number;
  creditsEarned: number;
  buyerCount: number;
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

/** Things that are not deleted, and sums of what was sold: a row a buyer, however many years and runs. */
const METRICS_SQL = `select * from
  (select count(*)::int as "userCount" from "User" where "companyId" = $1 and active) u,
  (select count(*)::int as "apiKeyCount" from "ApiKey" where "companyId" = $1 and active) k,
  (select count(*)::int as "connectionCount" from "Connection" where "companyId" = $1 and active) c,
  (select count(*)::int as "assetCount", (count(*) filter (where "sellInMarketplace"))::int as "listedAssetCount" from "Asset" where "companyId" = $1 and active) a,
  (select count(*)::int as "endpointCount", (count(*) filter (where "sellInMarketplace"))::int as "listedEndpointCount" from "Endpoint" where "companyId" = $1 and active) e,
  (select count(*)::int as "postCount", (count(*) filter (where "isPublished"))::int as "publishedPostCount" from "Post" where "companyId" = $1 and active) p,
  (select coalesce(sum(runs), 0)::float8 as "runCount", coalesce(sum(successes), 0)::float8 as "successfulRunCount", coalesce(sum(credits), 0)::float8 as "creditsEarned",
    (count(*) filter (where successes > 0))::int as "buyerCount" from "BuyerTotal" where "sellerCompanyId" = $1 and "buyerCompanyId" <> $1) s`;

/** All-time counts of a company. */
export async function metricsOf(ctx: Context, companyId: string): Promise<Metrics> {
  const [row] = await ctx.query<Metrics>(METRICS_SQL, [companyId]);
  return row as Metrics;
}
