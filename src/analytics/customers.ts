import type { Context } from '../context.ts';
import {
  FACTS,
  FIRSTS,
  ONE_WINDOW,
  seriesOfWindows,
  stepOf,
  SUMS,
  sumsOf,
  windowOf,
  type Scope,
  type Sums,
  type SumsRow,
} from './facts.ts';
import type { Period } from './range.ts';

export type SegmentBy = 'SPEND' | 'INDUSTRY' | 'PRODUCT_KIND';

/** The customers of a period. */
export interface GrowthPoint {
  startsOn: string;
  active: number;
  new: number;
  returning: number;
  churned: number;
}

/** Customers that have something in common. */
export interface Segment extends Sums {
  key: string;
  label: string;
  customers: number;
}

/** A customer of a window has a successful run in it; it is new where that holds its first, and churned from the next where that has none. */
const growthSql = `with ${seriesOfWindows('lead')}, ${FIRSTS},
  active as materialized (
    select w.n, f.buyer from w cross join lateral ${FACTS} f where f.successes > 0 group by 1, 2),
  news as (select ${windowOf('f.at')} as n, count(*)::int as value from firsts f group by 1),
  actives as (select n, count(*)::int as value from active group by 1),
  lost as (
    select a.n + 1 as n, count(*)::int as value from active a
    where not exists (select from active b where b.n = a.n + 1 and b.buyer = a.buyer) group by 1)
  select w."startsOn", coalesce(a.value, 0) as active, coalesce(news.value, 0) as new,
    coalesce(a.value, 0) - coalesce(news.value, 0) as returning, coalesce(lost.value, 0) as churned
  from w left join actives a on a.n = w.n left join news on news.n = w.n left join lost on lost.n = w.n
  where w.n > 0 order by w.n`;

/** New, returning and churned customers of each period with days in the range, in order and without gaps. */
export function growthOf(ctx: Context, scope: Scope, period: Period): Promise<GrowthPoint[]> {
  return ctx.query<GrowthPoint>(growthSql, [scope.companyId, scope.timezone, scope.from, scope.to, ...stepOf[period]]);
}

const CUSTOMERS = `c as (
  select buyer, sum(runs) as runs, sum(successes) as successes, sum(credits) as credits, sum(cents) as cents
  from w cross join lateral ${FACTS} f group by buyer having sum(successes) > 0)`;

const segmentSql: Record<SegmentBy, string> = {
  SPEND: `with ${ONE_WINDOW}, ${CUSTOMERS}
    select 'Q' || q as key, count(*)::int as customers, ${SUMS}
    from (select c.*, ntile(4) over (order by credits desc, buyer) as q from c) s group by q order by q`,
  INDUSTRY: `with ${ONE_WINDOW}, ${CUSTOMERS}
    select coalesce(i.slug, 'none') as key, i.name as label, count(*)::int as customers, ${SUMS}
    from c left join "Company" o on o.id = c.buyer left join "Industry" i on i.id = o."industryId"
    group by i.id order by sum(credits) desc, 1 limit 100`,
  // A customer of several kinds is in several segments.
  PRODUCT_KIND: `with ${ONE_WINDOW}
    select key, count(*)::int as customers, ${SUMS} from (
      select case when f."isEndpoint" then 'ENDPOINT' else coalesce(a."assetType"::text, 'ASSET') end as key, f.buyer,
        sum(runs) as runs, sum(successes) as successes, sum(credits) as credits, sum(cents) as cents
      from w cross join lateral ${FACTS} f left join "Asset" a on a.id = f.product and a."companyId" = $1
      group by 1, 2 having sum(successes) > 0) s group by key order by sum(credits) desc, key`,
};

const labels: Record<string, string> = {
  Q1: 'The quarter of customers that spends most',
  Q2: 'The second quarter',
  Q3: 'The third quarter',
  Q4: 'The quarter that spends least',
  none: 'No industry told',
  ENDPOINT: 'Endpoints',
  CALCULATION: 'Calculations',
  VISUALIZATION: 'Visualizations',
  DATA: 'Data',
  ASSET: 'Other assets',
};

/** The customers of the range in segments, the highest spending first; by SPEND, quartiles of the credits they paid. */
export async function segmentsOf(ctx: Context, scope: Scope, by: SegmentBy): Promise<Segment[]> {
  const values = [scope.companyId, scope.timezone, scope.from, scope.to];
  const rows = await ctx.query<SumsRow & { key: string; label?: string | null; customers: number }>(
    segmentSql[by],
    values,
  );
  return rows.map((row) => ({
    ...sumsOf(row),
    key: row.key,
    label: row.label ?? labels[row.key] ?? row.key,
    customers: row.customers,
  }));
}
