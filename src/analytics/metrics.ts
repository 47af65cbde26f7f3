import type { Context } from '../context.ts';
import { load, oneByPosition, type Loader } from '../lists/loader.ts';

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
const SQL = `select k.n, u.*, y.*, c.*, a.*, e.*, p.*, s.* from unnest($1::uuid[]) with ordinality as k(id, n)
  cross join lateral (select count(*)::int as "userCount" from "User" where "companyId" = k.id and active) u
  cross join lateral (select count(*)::int as "apiKeyCount" from "ApiKey" where "companyId" = k.id and active) y
  cross join lateral (select count(*)::int as "connectionCount" from "Connection" where "companyId" = k.id and active) c
  cross join lateral (select count(*)::int as "assetCount", (count(*) filter (where "sellInMarketplace"))::int as "listedAssetCount" from "Asset" where "companyId" = k.id and active) a
  cross join lateral (select count(*)::int as "endpointCount", (count(*) filter (where "sellInMarketplace"))::int as "listedEndpointCount" from "Endpoint" where "companyId" = k.id and active) e
  cross join lateral (select count(*)::int as "postCount", (count(*) filter (where "isPublished"))::int as "publishedPostCount" from "Post" where "companyId" = k.id and active) p
  cross join lateral (select coalesce(sum(runs), 0)::float8 as "runCount", coalesce(sum(successes), 0)::float8 as "successfulRunCount", coalesce(sum(credits), 0)::float8 as "creditsEarned",
    (count(*) filter (where successes > 0))::int as "buyerCount" from "BuyerTotal" where "sellerCompanyId" = k.id and "buyerCompanyId" <> k.id) s`;

const metrics: Loader<string, Metrics> = {
  name: 'metrics by company',
  keyOf: (id) => id,
  batch: async (query, ids) => oneByPosition(ids, await query<Metrics & { n: number }>(SQL, [ids])) as Metrics[],
};

/** All-time counts of a company. */
export function metricsOf(ctx: Context, companyId: string): Promise<Metrics> {
  return load(ctx, metrics, companyId);
}
