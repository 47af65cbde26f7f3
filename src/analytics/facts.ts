import type { Period, Range } from './range.ts';

/** Whose sales, in which days of which time zone. */
export interface Scope extends Range {
  companyId: string;
  timezone: string;
}

/**
 * Windows of time as a CTE `w`, over `d`, which tells their days: n, "startsOn", "from" and "to" of the company's
 * calendar. The rollup is by hour of UTC; where a day begins within such an hour, as it does in India, the whole hours
 * of a window go from `first` to `last` and the rest of it, from `lower` and up to `upper`, is read from raw events.
 * Every statement has the seller as $1 and the time zone as $2.
 */
const WINDOWS = `w as materialized (
  select n, "startsOn", lower, upper, date_trunc('hour', upper, 'UTC') as last,
    date_trunc('hour', lower, 'UTC') + case when lower = date_trunc('hour', lower, 'UTC') then interval '0' else interval '1 hour' end as first
  from (select n, "startsOn", d."from"::timestamp at time zone $2 as lower, d."to"::timestamp at time zone $2 as upper from d) b)`;

/** Windows of the days $3 to $4 and, as the one before, of the days $5 to $3: n is 2 and 1. */
export const TWO_WINDOWS = `d(n, "startsOn", "from", "to") as (values (1, $5::date, $5::date, $3::date), (2, $3::date, $3::date, $4::date)), ${WINDOWS}`;

/** One window of the days $3 to $4. */
export const ONE_WINDOW = `d(n, "startsOn", "from", "to") as (values (1, $3::date, $3::date, $4::date)), ${WINDOWS}`;

/**
 * A window for each period $5, in steps of $6, that has days from $3 to $4; the first and the last hold only those.
 * With `lead` there is one more, n = 0, that goes from the period before up to $3.
 */
export const seriesOfWindows = (lead: '' | 'lead' = ''): string => `d as (
  select (row_number() over (order by s))::int as n, s::date as "startsOn", greatest(s::date, $3::date) as "from", least((s + $6::interval)::date, $4::date) as "to"
  from generate_series(date_trunc($5, $3::date::timestamp), $4::date::timestamp - interval '1 day', $6::interval) s
  ${lead ? `union all select 0, (s - $6::interval)::date, (s - $6::interval)::date, $3::date from date_trunc($5, $3::date::timestamp) s` : ''}), ${WINDOWS}`;

/** The values $5 and $6 of `seriesOfWindows`. */
export const stepOf: Record<Period, [string, string]> = {
  DAY: ['day', '1 day'],
  WEEK: ['week', '1 week'],
  MONTH: ['month', '1 month'],
  QUARTER: ['quarter', '3 months'],
};

const events = (
  from: string,
  to: string,
): string => `select u."buyerCompanyId", coalesce(u."assetId", u."endpointId"), u."endpointId" is not null, 1, u."isSuccess"::int, u.credits, u."earningsCents"
    from "UsageEvent" u where u."sellerCompanyId" = $1 and u.at >= ${from} and u.at < ${to} and u."buyerCompanyId" <> $1`;

/** The sales within a window `w`, for a lateral join: what the company runs of its own is no sale. */
export const FACTS = `(
    select r."buyerCompanyId" as buyer, r."productId" as product, r."isEndpoint", r.runs, r.successes, r.credits, r."earningsCents" as cents
    from "UsageRollup" r where r."sellerCompanyId" = $1 and r.hour >= w.first and r.hour < w.last and r."buyerCompanyId" <> $1
    union all ${events('w.lower', 'w.first')}
    union all ${events('w.last', 'w.upper')})`;

/** The first successful run of each buyer as a CTE `firsts` (buyer, at). */
export const FIRSTS = `firsts as materialized (
  select b."buyerCompanyId" as buyer, b."firstSuccessAt" as at from "BuyerTotal" b
  where b."sellerCompanyId" = $1 and b."firstSuccessAt" < (select max(upper) from w) and b."buyerCompanyId" <> $1)`;

/** The number of the window that a time lies in; the windows of one statement follow each other without gaps. */
export const windowOf = (time: string): string =>
  `width_bucket(${time}, (select array_agg(lower order by n) from w)) + (select min(n) from w) - 1`;

/** Sums of `FACTS` rows, as text; of cents, US dollars with two places. */
export const SUMS = `coalesce(sum(runs), 0)::text as runs, coalesce(sum(successes), 0)::text as successes,
    coalesce(sum(credits), 0)::text as credits, round(coalesce(sum(cents), 0) / 100.0, 2)::text as "revenueUsd"`;

/** What `SUMS` come as. */
export interface SumsRow {
  runs: string;
  successes: string;
  credits: string;
  revenueUsd: string;
}

/** Sums of sales. */
export interface Sums {
  runs: number;
  successes: number;
  credits: number;
  /** US dollars with two places. */
  revenueUsd: string;
}

/** The sums of a row as numbers. */
export function sumsOf(row: SumsRow): Sums {
  return {
    runs: Number(row.runs),
    successes: Number(row.successes),
    credits: Number(row.credits),
    revenueUsd: row.revenueUsd,
  };
}

/** Successful runs as a fraction of all, to four places; null without runs. */
export function successRate(sums: { runs: number; successes: number }): number | null {
  return sums.runs === 0 ? null : Math.round((sums.successes / sums.runs) * 10_000) / 10_000;
}
