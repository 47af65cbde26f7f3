import type { Context } from '../context.ts';
import {
  FACTS,
  FIRSTS,
  seriesOfWindows,
  stepOf,
  successRate,
  SUMS,
  sumsOf,
  TWO_WINDOWS,
  windowOf,
  type Scope,
  type Sums,
  type SumsRow,
} from './facts.ts';
import { once } from './once.ts';
import { before, type Period } from './range.ts';

/**
 * Latencies are read from the latest runs alone, about this many shared out among the windows of a statement, and this
 * many a window at least: a busy year costs no more than a quiet one, and so many tell a percentile well.
 */
const LATENCY_RUNS = 50_000;
export const LATENCY_RUNS_LEAST = 200;
/** The runs that latencies of a range, or of the days before it, are read from. */
export const LATENCY_RUNS_OF_RANGE = LATENCY_RUNS / 2;

/** Milliseconds of successful runs; null without any. */
export interface Latency {
  p50Ms: number | null;
  p95Ms: number | null;
}

/** The figures of a stretch of days. */
export interface Figures extends Sums {
  /** First day of the stretch, or of the period that it belongs to. */
  startsOn: string;
  buyers: number;
  newBuyers: number;
  /** Read when asked for. */
  latency(): Promise<Latency>;
}

const figuresSql = (windows: string): string => `with ${windows}, ${FIRSTS},
  news as (select ${windowOf('f.at')} as n, count(*)::int as "newBuyers" from firsts f group by 1)
  select w.n, w."startsOn", s.*, coalesce(news."newBuyers", 0) as "newBuyers"
  from w cross join lateral (
    select ${SUMS}, (count(*) filter (where successes > 0))::int as buyers
    from (select buyer, sum(runs) as runs, sum(successes) as successes, sum(credits) as credits, sum(cents) as cents from ${FACTS} f group by buyer) b) s
  left join news on news.n = w.n order by w.n`;

const latencySql = (windows: string): string => `with ${windows}
  select w.n, l.p[1] as "p50Ms", l.p[2] as "p95Ms" from w cross join lateral (
    select percentile_disc(array[0.5, 0.95]) within group (order by ms) as p from (
      select u."elapsedMs" as ms from "UsageEvent" u
      where u."sellerCompanyId" = $1 and u.at >= w.lower and u.at < w.upper and u."isSuccess" and u."buyerCompanyId" <> $1
      order by u.at desc limit (select greatest(${LATENCY_RUNS_LEAST}, ${LATENCY_RUNS} / count(*)) from w)) x) l order by w.n`;

const totalsSql = { figures: figuresSql(TWO_WINDOWS), latency: latencySql(TWO_WINDOWS) };
const seriesSql = { figures: figuresSql(seriesOfWindows()), latency: latencySql(seriesOfWindows()) };

type FiguresRow = SumsRow & { startsOn: string; buyers: number; newBuyers: number };

async function read(ctx: Context, sql: { figures: string; latency: string }, values: unknown[]): Promise<Figures[]> {
  const rows = await ctx.query<FiguresRow>(sql.figures, values);
  const latencies = once(() => ctx.query<Latency>(sql.latency, values));
  return rows.map((row, i) => ({
    ...sumsOf(row),
    startsOn: row.startsOn,
    buyers: row.buyers,
    newBuyers: row.newBuyers,
    latency: async () => (await latencies())[i] ?? { p50Ms: null, p95Ms: null },
  }));
}

/** The figures of a range and of as many days just before. */
export interface Totals {
  now: Figures;
  before: Figures;
}

/** The figures of the days, and of as many days before; one statement for the sums, one for the latencies. */
export async function totalsOf(ctx: Context, scope: Scope): Promise<Totals> {
  const values = [scope.companyId, scope.timezone, scope.from, scope.to, before(scope).from];
  const [earlier, now] = await read(ctx, totalsSql, values);
  return { now: now as Figures, before: earlier as Figures };
}

/** The figures of each period with days in the range, in order and without gaps: at most 731 points. */
export function seriesOf(ctx: Context, scope: Scope, period: Period): Promise<Figures[]> {
  return read(ctx, seriesSql, [scope.companyId, scope.timezone, scope.from, scope.to, ...stepOf[period]]);
}

function percentChange(now: number | null, base: number | null): number | null {
  return now === null || !base ? null : Math.round(((now - base) / base) * 10_000) / 100;
}

const figureValues = {
  revenueUsd: (figures: Figures) => Number(figures.revenueUsd),
  credits: (figures: Figures) => figures.credits,
  runs: (figures: Figures) => figures.runs,
  buyers: (figures: Figures) => figures.buyers,
  newBuyers: (figures: Figures) => figures.newBuyers,
  successRate: (figures: Figures) => successRate(figures),
  p50Ms: async (figures: Figures) => (await figures.latency()).p50Ms,
  p95Ms: async (figures: Figures) => (await figures.latency()).p95Ms,
} satisfies Record<string, (figures: Figures) => number | null | Promise<number | null>>;
export type FigureName = keyof typeof figureValues;

/** How much a figure grew over the days before, percent to two places; null without a base. */
export async function changeOf(totals: Totals, name: FigureName): Promise<number | null> {
  return percentChange(await figureValues[name](totals.now), await figureValues[name](totals.before));
}
