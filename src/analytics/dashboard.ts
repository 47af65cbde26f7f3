import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Scope } from './facts.ts';
import { seriesOf, totalsOf, type Figures, type Totals } from './figures.ts';
import { once } from './once.ts';
import { topProducts, type ProductSales } from './performance.ts';
import type { Period } from './range.ts';

/** A dashboard; each part is read when it is asked for. */
export interface Dashboard {
  scope: Scope;
  totals(): Promise<Totals>;
  series(): Promise<Figures[]>;
  products(): Promise<ProductSales[]>;
}

/** The dashboard of a seller over some days. */
export function dashboardOf(ctx: Context, scope: Scope, period: Period): Dashboard {
  return {
    scope,
    totals: once(() => totalsOf(ctx, scope)),
    series: once(() => seriesOf(ctx, scope, period)),
    products: once(() => topProducts(ctx, scope)),
  };
}

export type SalesMetric = 'REVENUE' | 'CREDITS' | 'RUNS' | 'BUYERS';

/** A metric of the sales as a decimal. */
export const metricValues: Record<SalesMetric, (figures: Figures) => string> = {
  REVENUE: (figures) => figures.revenueUsd,
  CREDITS: (figures) => String(figures.credits),
  RUNS: (figures) => String(figures.runs),
  BUYERS: (figures) => String(figures.buyers),
};

/** One metric of a series, and over the whole range. */
export interface MetricSeries {
  metric: SalesMetric;
  points: Figures[];
  total: Figures;
}

export interface Sales {
  scope: Scope;
  total: Figures;
  series: MetricSeries[];
}

/**
 * The metrics asked for, each once, over the periods of some days, in two statements.
 * @throws DomainError BAD_REQUEST on `metrics` where there are none.
 */
export async function salesOf(
  ctx: Context,
  scope: Scope,
  options: { groupBy: Period; metrics: readonly SalesMetric[] },
): Promise<Sales> {
  const metrics = [...new Set(options.metrics)];
  if (metrics.length === 0) throw new DomainError('BAD_REQUEST', 'metrics takes at least one.', { path: ['metrics'] });
  const [totals, points] = await Promise.all([totalsOf(ctx, scope), seriesOf(ctx, scope, options.groupBy)]);
  return { scope, total: totals.now, series: metrics.map((metric) => ({ metric, points, total: totals.now })) };
}
