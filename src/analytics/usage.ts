import type { ModelRow } from '../graph/builder.ts';
import type { Context } from '../context.ts';
import type { RunQuery } from '../database/db.ts';
import { csvOf, type Cell } from './csv.ts';
import type { Month } from './range.ts';

/** Runs of a buyer, and how they ended; a success is a request of the plan's quota. */
export interface Outcomes {
  total: number;
  successes: number;
  failures: number;
}

export interface DayUsage extends Outcomes {
  day: string;
}

export interface ProductUsage extends Outcomes {
  productId: string;
  isEndpoint: boolean;
  name: string | null;
  sellerId: string;
  credits: number;
}

export interface KeyUsage extends Outcomes {
  apiKeyId: number | null;
}

/** Whose usage, in which month. */
export interface UsageScope {
  companyId: string;
  month: Month;
}

type Row<T> = Omit<T, keyof Outcomes> & { total: string; successes: string };

const MAX_ROWS = 100;
/** Runs of a CSV log within an answer. */
export const MAX_LOG_ROWS = 10_000;
/** Runs of a part of one that is downloaded. */
export const ROWS_OF_PART = 2_000;

const OUTCOMES = 'coalesce(sum(runs), 0)::text as total, coalesce(sum(successes), 0)::text as successes';
const ROLLUP = `"UsageRollup" r where r."buyerCompanyId" = $1 and r.hour >= $2::date::timestamp at time zone 'UTC' and r.hour < $3::date::timestamp at time zone 'UTC'`;
const EVENTS = `"UsageEvent" u where u."buyerCompanyId" = $1 and u.at >= $2::date::timestamp at time zone 'UTC' and u.at < $3::date::timestamp at time zone 'UTC'`;

const DAYS_SQL = `select d::date as day, coalesce(s.total, '0') as total, coalesce(s.successes, '0') as successes
  from generate_series($2::date::timestamp, $3::date::timestamp - interval '1 day', interval '1 day') d
  left join (select date_trunc('day', r.hour at time zone 'UTC') as day, ${OUTCOMES} from ${ROLLUP} group by 1) s on s.day = d order by d`;

const PRODUCTS_SQL = `select s.*, coalesce(a.name, e.name) as name from (
    select r."productId", r."isEndpoint", r."sellerCompanyId" as "sellerId", sum(r.credits)::text as credits, ${OUTCOMES} from ${ROLLUP}
    group by 1, 2, 3 order by sum(successes) desc, sum(runs) desc, 1 limit ${MAX_ROWS}) s
  left join "Asset" a on a.id = s."productId" and not s."isEndpoint" left join "Endpoint" e on e.id = s."productId" and s."isEndpoint"
  order by s.successes::bigint desc, s.total::bigint desc, s."productId"`;

const KEYS_SQL = `select u."apiKeyId", count(*)::text as total, (count(*) filter (where u."isSuccess"))::text as successes from ${EVENTS}
  group by 1 order by count(*) filter (where u."isSuccess") desc, count(*) desc, 1 limit ${MAX_ROWS}`;

/** Columns of the log and what each is. */
const LOG: Record<string, string> = {
  started_at: 'l.at',
  run_id: 'l.id',
  product_kind: `case when l."endpointId" is null then 'asset' else 'endpoint' end`,
  product: 'coalesce(a.name, e.name)',
  seller: 'o.handle',
  status: `case when l."isSuccess" then 'succeeded' else lower(coalesce(r.status::text, 'FAILED')) end`,
  error_code: 'r."errorCode"',
  credits: 'l.credits',
  rows: 'l."rowCount"',
  elapsed_ms: 'l."elapsedMs"',
  api_key: 'k.name',
};
const LOG_HEADER = Object.keys(LOG);

/** A page of the log: what began before the run $4, $5 where they are given, at most $6. */
const LOG_SQL = `select ${LOG_HEADER.map((name) => `${LOG[name]} as "${name}"`).join(', ')}
  from (select * from ${EVENTS} and ($4::timestamptz is null or (u.at, u.id) < ($4, $5::uuid)) order by u.at desc, u.id desc limit $6::int) l
  left join "Asset" a on a.id = l."assetId" left join "Endpoint" e on e.id = l."endpointId" left join "Company" o on o.id = l."sellerCompanyId"
  left join "Run" r on r.id = l.id and r."companyId" = $1 left join "ApiKey" k on k.id = l."apiKeyId" and k."companyId" = $1
  order by l.at desc, l.id desc`;

const valuesOf = ({ companyId, month }: UsageScope): unknown[] => [companyId, month.from, month.to];

function withOutcomes<T>(row: Row<T>): T & Outcomes {
  const [total, successes] = [Number(row.total), Number(row.successes)];
  return { ...row, total, successes, failures: total - successes } as T & Outcomes;
}

/** The runs of each day of a month, UTC, without gaps. */
export async function usageByDay(ctx: Context, scope: UsageScope): Promise<DayUsage[]> {
  return (await ctx.query<Row<DayUsage>>(DAYS_SQL, valuesOf(scope))).map((row) => withOutcomes<DayUsage>(row));
}

/** The sums of some days. */
export function totalUsage(days: DayUsage[]): Outcomes {
  const sum = (name: keyof Outcomes): number => days.reduce((value, day) => value + day[name], 0);
  return { total: sum('total'), successes: sum('successes'), failures: sum('failures') };
}

/** The runs of a month by product, most successes first, at most 100. */
export async function usageByProduct(ctx: Context, scope: UsageScope): Promise<ProductUsage[]> {
  const rows = await ctx.query<Row<ProductUsage>>(PRODUCTS_SQL, valuesOf(scope));
  return rows.map((row) => ({ ...withOutcomes<ProductUsage>(row), credits: Number(row.credits) }));
}

/** The runs of a month by API key, most successes first, at most 100; those of sessions stand under null. */
export async function usageByKey(ctx: Context, scope: UsageScope): Promise<KeyUsage[]> {
  return (await ctx.query<Row<KeyUsage>>(KEYS_SQL, valuesOf(scope))).map((row) => withOutcomes<KeyUsage>(row));
}

type LogRow = Record<string, Cell>;
const logPage = (query: RunQuery, scope: UsageScope, after: LogRow | undefined, size: number): Promise<LogRow[]> =>
  query<LogRow>(LOG_SQL, [...valuesOf(scope), after?.['started_at'] ?? null, after?.['run_id'] ?? null, size]);
const cellsOf = (rows: readonly LogRow[]): Cell[][] => rows.map((row) => LOG_HEADER.map((name) => row[name] ?? null));

/** The latest 10,000 runs of a month as CSV, latest first, with a header. */
export async function usageCsv(ctx: Context, scope: UsageScope): Promise<string> {
  return csvOf([LOG_HEADER, ...cellsOf(await logPage(ctx.query, scope, undefined, MAX_LOG_ROWS))]);
}

/** All runs of a month as CSV, latest first, with a header; a part is read when it is taken. */
export async function* usageCsvParts(query: RunQuery, scope: UsageScope): AsyncGenerator<string, void, undefined> {
  yield csvOf([LOG_HEADER]);
  let rows: LogRow[] = [];
  do {
    rows = await logPage(query, scope, rows.at(-1), ROWS_OF_PART);
    if (rows.length > 0) yield csvOf(cellsOf(rows));
  } while (rows.length === ROWS_OF_PART);
}

/** What a plan leaves of a month. */
export interface Quota {
  plan: ModelRow<'Plan'>;
  used: number;
  remaining: number;
  resetAt: Date;
}

/** What the plan of today leaves of a month with so many successes; it ends with the month. */
export function quotaOfMonth(plan: ModelRow<'Plan'>, month: Month, used: number): Quota {
  return {
    plan,
    used,
    remaining: Math.max(0, plan.monthlyRequests - used),
    resetAt: new Date(`${month.to}T00:00:00Z`),
  };
}
