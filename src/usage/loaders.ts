import type { Context } from '../context.ts';
import { load, oneByPosition, type Loader } from '../lists/loader.ts';

/** Public statistics of a product; counts as text, as PostgreSQL sums them. */
export interface Statistics {
  runs: string;
  successes: string;
  buyers: string;
  lastRunAt: Date | null;
  medianMs: number | null;
  p95Ms: number | null;
  favorites: string;
  lowestUsd: string | null;
  highestUsd: string | null;
}

/** Nobody is a buyer of their own. Sums come from the totals; percentiles from at most 10,000 successful runs of the last 30 days. */
const SQL = `select k.n, u.*, l.*, f.*, p.* from unnest($1::uuid[]) with ordinality as k(id, n)
  cross join lateral (select coalesce((select "companyId" from "Asset" where id = k.id), (select "companyId" from "Endpoint" where id = k.id)) as company) o
  cross join lateral (select coalesce(sum(runs), 0)::text as runs, coalesce(sum(successes), 0)::text as successes,
    (count(*) filter (where successes > 0 and "buyerCompanyId" is distinct from o.company))::text as buyers, date_trunc('hour', max("lastRunAt"), 'UTC') as "lastRunAt" from "ProductTotal" where "productId" = k.id) u
  cross join lateral (select round(percentile_cont(0.5) within group (order by ms))::int as "medianMs", round(percentile_cont(0.95) within group (order by ms))::int as "p95Ms"
    from (select "elapsedMs" as ms from "UsageEvent" e where (e."assetId" = k.id or e."endpointId" = k.id) and "isSuccess" and at > now() - interval '30 days' limit 10000) e) l
  cross join lateral (select count(*)::text as favorites from "Favorite" where "assetId" = k.id) f
  cross join lateral (select min("amountUsd")::text as "lowestUsd", max("amountUsd")::text as "highestUsd" from "Price" where "assetId" = k.id or "endpointId" = k.id) p`;

const statistics: Loader<string, Statistics> = {
  name: 'statistics by product',
  keyOf: (id) => id,
  batch: async (query, ids) => oneByPosition(ids, await query<Statistics & { n: number }>(SQL, [ids])) as Statistics[],
};

/** Public statistics of an asset or endpoint. */
export function statisticsOf(ctx: Context, productId: string): Promise<Statistics> {
  return load(ctx, statistics, productId);
}
