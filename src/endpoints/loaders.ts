import type { Context } from '../context.ts';
import { load, manyByPosition, type Loader } from '../lists/loader.ts';

/** Use of an endpoint on one day; sums as text, as PostgreSQL has them. */
export interface UsageDay {
  on: string;
  requests: string;
  successes: string;
  credits: string;
  earningsCents: string;
  rows: string;
}

interface UsageKey {
  endpointId: string;
  days: number;
}

/** Days are those of the seller's time zone; days without use are there with zeros. */
const SQL = `select k.n, to_char(d.day, 'YYYY-MM-DD') as "on", coalesce(sum(u.runs), 0)::text as requests, coalesce(sum(u.successes), 0)::text as successes,
    coalesce(sum(u.credits), 0)::text as credits, coalesce(sum(u."earningsCents"), 0)::text as "earningsCents", coalesce(sum(u.rows), 0)::text as rows
  from unnest($1::uuid[], $2::int[]) with ordinality as k(id, days, n) join "Endpoint" e on e.id = k.id join "Company" c on c.id = e."companyId"
  cross join lateral (select (now() at time zone c.timezone)::date::timestamp as day) today
  cross join lateral generate_series(today.day - make_interval(days => k.days - 1), today.day, interval '1 day') as d(day)
  left join "UsageRollup" u on u."productId" = k.id and u."sellerCompanyId" = e."companyId"
    and u.hour >= d.day at time zone c.timezone and u.hour < (d.day + interval '1 day') at time zone c.timezone
  group by k.n, d.day order by k.n, d.day`;

const usageByEndpoint: Loader<UsageKey, UsageDay[]> = {
  name: 'daily usage by endpoint',
  keyOf: ({ endpointId, days }) => `${endpointId} ${days}`,
  batch: async (query, keys) =>
    manyByPosition(
      keys,
      await query<UsageDay & { n: number }>(SQL, [
        keys.map(({ endpointId }) => endpointId),
        keys.map(({ days }) => days),
      ]),
    ),
};

/** Use of an endpoint on each of the last `days` days, today included, earliest first. */
export function dailyUsage(ctx: Context, endpointId: string, days: number): Promise<UsageDay[]> {
  return load(ctx, usageByEndpoint, { endpointId, days });
}
