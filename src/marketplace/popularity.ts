import type { App } from '../context.ts';
import type { RunQuery } from '../database/db.ts';

/** Every so many minutes all listed products are counted, by one of the processes. */
export const POPULARITY_MINUTES = 5;
const QUEUE = { name: 'popularity', retryLimit: 0, expireInSeconds: 240 };

/**
 * Counts the runs of the listed products of a table and stores what has changed. A seller's own runs, which are free, make
 * nothing popular. A product that somebody holds just now is
 * left for the next time: neither waits for the other.
 */
const countSql = (table: 'Asset' | 'Endpoint'): string => `with counted as (
    select t.id, s.month as popularity, case when s.week >= 5 then s.week::float8 / greatest(s.fortnight - s.week, 1) else 0 end as trend
    from "${table}" t cross join lateral (
      select coalesce(sum(u.successes), 0)::int as month,
        coalesce(sum(u.successes) filter (where u.hour > now() - interval '14 days'), 0) as fortnight,
        coalesce(sum(u.successes) filter (where u.hour > now() - interval '7 days'), 0) as week
      from "UsageRollup" u where u."productId" = t.id and u."buyerCompanyId" <> t."companyId" and u.hour > now() - interval '30 days') s
    where t."sellInMarketplace" and t.active
  ), changed as (
    select t.id from "${table}" t join counted c on c.id = t.id where (t.popularity, t.trend) is distinct from (c.popularity, c.trend)
    for no key update of t skip locked
  )
  update "${table}" t set popularity = c.popularity, trend = c.trend from counted c where c.id = t.id and t.id in (select id from changed)`;

/** Counts what the sorts POPULAR and TRENDING go by. */
export async function countPopularity(query: RunQuery): Promise<void> {
  const asOf = new Date();
  for (const table of ['Asset', 'Endpoint'] as const) await query(countSql(table), []);
  await query('update "PopularityCount" set "asOf" = greatest("asOf", $1)', [asOf]);
}

/** Counts now and then, in one of the processes. */
export async function startPopularity(app: App): Promise<void> {
  await app.jobs.every(QUEUE, `*/${POPULARITY_MINUTES} * * * *`, () => countPopularity(app.database.query));
}

/** When the popularity of products was last counted. */
export async function popularityAsOf(query: RunQuery): Promise<Date> {
  const [row] = await query<{ asOf: Date }>('select "asOf" from "PopularityCount"', []);
  return row?.asOf ?? new Date(0);
}
