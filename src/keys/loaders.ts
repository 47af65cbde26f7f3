import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { load, oneByPosition, type Loader } from '../lists/loader.ts';

/** How an API key was used over some days, today the last of them. */
export interface KeyStatistics {
  /** Every day once, in order, also those without a request. */
  days: { on: string; requestCount: number; failedAttemptCount: number }[];
  requestCount: number;
  failedAttemptCount: number;
  /** Since ever, not only within the days. */
  lastUsedAt: Date | null;
  /** At most 10, the most frequent first. */
  topOperations: { operation: string; requestCount: number }[];
}

interface KeyDays {
  companyId: string;
  id: number;
  days: number;
}

const MAX_DAYS = 90;
const KEYS = 'unnest($1::uuid[], $2::int[], $3::int[]) with ordinality as k(company, id, days, n)';
const OF_KEY = '"apiKeyId" = k.id and "companyId" = k.company';
const IN_DAYS = `${OF_KEY} and day > current_date - k.days`;
/** The newest days are enough to know the last use: rows of one day differ by operation only. */
const LAST_USED = `select max("lastUsedAt") as "lastUsedAt" from (
    select "lastUsedAt" from "ApiKeyUsage" where ${OF_KEY} and requests > 0 order by day desc limit 50) newest`;

const STATISTICS_SQL = `select k.n, d.*, l.*, o.* from ${KEYS}
  cross join lateral (
    select json_agg(json_build_object('on', to_char(g.day, 'YYYY-MM-DD'), 'requestCount', coalesce(u.requests, 0), 'failedAttemptCount', coalesce(u.failed, 0)) order by g.day) as days,
      coalesce(sum(u.requests), 0)::int as "requestCount", coalesce(sum(u.failed), 0)::int as "failedAttemptCount"
    from generate_series(current_date - (k.days - 1), current_date, interval '1 day') g(day)
    left join (
      select day, sum(requests)::int as requests, sum("failedAttempts")::int as failed from "ApiKeyUsage" where ${IN_DAYS} group by day
    ) u on u.day = g.day) d
  cross join lateral (${LAST_USED}) l
  cross join lateral (
    select coalesce(json_agg(json_build_object('operation', operation, 'requestCount', requests) order by requests desc, operation), '[]') as "topOperations"
    from (select operation, sum(requests)::int as requests from "ApiKeyUsage" where ${IN_DAYS} and requests > 0 group by operation order by 2 desc, 1 limit 10) top) o`;

const keyOf = (key: KeyDays): string => `${key.companyId} ${key.id} ${key.days}`;
const valuesOf = (keys: readonly KeyDays[]): unknown[] => [
  keys.map((key) => key.companyId),
  keys.map((key) => key.id),
  keys.map((key) => key.days),
];

const statistics: Loader<KeyDays, KeyStatistics> = {
  name: 'statistics by API key',
  keyOf,
  batch: async (query, keys) =>
    oneByPosition(keys, await query<KeyStatistics & { n: number }>(STATISTICS_SQL, valuesOf(keys))) as KeyStatistics[],
};

const lastUse: Loader<KeyDays, { lastUsedAt: Date | null }> = {
  name: 'last use by API key',
  keyOf,
  batch: async (query, keys) =>
    oneByPosition(
      keys,
      await query<{ n: number; lastUsedAt: Date | null }>(
        `select k.n, l.* from ${KEYS} cross join lateral (${LAST_USED}) l`,
        valuesOf(keys),
      ),
    ) as { lastUsedAt: Date | null }[],
};

/**
 * How a key was used in the last `days` days, today included.
 * @throws DomainError VALIDATION for less than 1 or more than 90 days.
 */
export function statisticsOf(
  ctx: Context,
  key: { companyId: string; id: number },
  days: number,
): Promise<KeyStatistics> {
  if (days < 1 || days > MAX_DAYS)
    throw new DomainError('VALIDATION', `days takes 1 to ${MAX_DAYS}.`, { path: ['days'] });
  return load(ctx, statistics, { companyId: key.companyId, id: key.id, days });
}

/** When a key was last taken for a request; null for never. Some 0.5 s late, as uses are written in batches. */
export async function lastUsedAtOf(ctx: Context, key: { companyId: string; id: number }): Promise<Date | null> {
  return (await load(ctx, lastUse, { companyId: key.companyId, id: key.id, days: 1 })).lastUsedAt;
}
