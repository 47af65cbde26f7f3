import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { FACTS, ONE_WINDOW, SUMS, sumsOf, type Scope, type Sums, type SumsRow } from './facts.ts';
import type { Latency } from './figures.ts';

export type PerformanceSort = 'REVENUE' | 'RUNS' | 'BUYERS' | 'SUCCESS_RATE' | 'LATENCY';

/** The sales of a product. */
export interface ProductSales extends Sums, Latency {
  /** The asset or endpoint. */
  productId: string;
  isEndpoint: boolean;
  buyers: number;
}

/** The sales to a customer. */
export interface CustomerSales extends Sums {
  companyId: string;
}

const TOP = 10;
export const MAX_ROWS = 100;
/** Latencies of a product are read from its latest runs, at most this many. */
const RUNS_OF_PRODUCT = 1000;
/** A sort by latency looks at this many assets, those with the most runs. */
const SORTED_BY_LATENCY = 1000;

/** Sums by product; several rows a product and buyer become one first, so that buyers are counted once. */
const PRODUCTS = `p as (
  select product as "productId", "isEndpoint", ${SUMS}, (count(*) filter (where successes > 0))::int as buyers,
    sum(cents) as _cents, sum(runs) as _runs, sum(successes) / sum(runs)::float8 as _rate
  from (select product, "isEndpoint", buyer, sum(runs) as runs, sum(successes) as successes, sum(credits) as credits, sum(cents) as cents
    from w cross join lateral ${FACTS} f group by 1, 2, 3) b group by 1, 2)`;

const LATENCY = `cross join w cross join lateral (
    select percentile_disc(array[0.5, 0.95]) within group (order by x.ms) as ms from (
      select u."elapsedMs" as ms from "UsageEvent" u
      where u."assetId" = p."productId" and u.at >= w.lower and u.at < w.upper and u."isSuccess" and u."sellerCompanyId" = $1 and u."buyerCompanyId" <> $1
      order by u.at desc limit ${RUNS_OF_PRODUCT}) x) l`;

/** The best first; of equals the one with more runs. */
const orders: Record<PerformanceSort, string> = {
  REVENUE: '_cents desc, _runs desc, "productId"',
  RUNS: '_runs desc, _cents desc, "productId"',
  BUYERS: 'buyers desc, _runs desc, "productId"',
  SUCCESS_RATE: '_rate desc, _runs desc, "productId"',
  LATENCY: 'l.ms[1] asc nulls last, _runs desc, "productId"',
};

const performanceSql = (sort: PerformanceSort): string => `with ${ONE_WINDOW}, ${PRODUCTS}
  select p.*, l.ms[1] as "p50Ms", l.ms[2] as "p95Ms"
  from (select * from p where not "isEndpoint" order by ${sort === 'LATENCY' ? `${orders.RUNS} limit ${SORTED_BY_LATENCY}` : `${orders[sort]} limit $5::int`}) p
  ${LATENCY} order by ${orders[sort]} limit $5::int`;

const topProductsSql = `with ${ONE_WINDOW}, ${PRODUCTS}
  select * from (select p.*, row_number() over (partition by "isEndpoint" order by ${orders.REVENUE}) as _place from p) p
  where _place <= ${TOP} order by "isEndpoint", _place`;

const topCustomersSql = `with ${ONE_WINDOW}
  select buyer as "companyId", ${SUMS} from w cross join lateral ${FACTS} f group by buyer
  order by sum(cents) desc, sum(credits) desc, sum(runs) desc, buyer limit ${TOP}`;

type ProductRow = SumsRow & { productId: string; isEndpoint: boolean; buyers: number } & Partial<Latency>;

const salesOf = (row: ProductRow): ProductSales => ({
  ...sumsOf(row),
  productId: row.productId,
  isEndpoint: row.isEndpoint,
  buyers: row.buyers,
  p50Ms: row.p50Ms ?? null,
  p95Ms: row.p95Ms ?? null,
});

const valuesOf = (scope: Scope): unknown[] => [scope.companyId, scope.timezone, scope.from, scope.to];

/**
 * The assets that were run in the range, the best first, with their latencies.
 * @throws DomainError PAGE_SIZE on `first` for more than 100 or fewer than 0.
 */
export async function assetPerformance(
  ctx: Context,
  scope: Scope,
  options: { first: number; sortBy: PerformanceSort },
): Promise<ProductSales[]> {
  const { first, sortBy } = options;
  if (first < 0 || first > MAX_ROWS)
    throw new DomainError('PAGE_SIZE', `first takes 0 to ${MAX_ROWS}.`, { path: ['first'] });
  const rows = await ctx.query<ProductRow>(performanceSql(sortBy), [...valuesOf(scope), first]);
  return rows.map(salesOf);
}

/** The ten assets and the ten endpoints that earned most in the range, without latencies. */
export async function topProducts(ctx: Context, scope: Scope): Promise<ProductSales[]> {
  return (await ctx.query<ProductRow>(topProductsSql, valuesOf(scope))).map(salesOf);
}

/** The ten customers that brought most in the range. */
export async function topCustomers(ctx: Context, scope: Scope): Promise<CustomerSales[]> {
  const rows = await ctx.query<SumsRow & { companyId: string }>(topCustomersSql, valuesOf(scope));
  return rows.map((row) => ({ ...sumsOf(row), companyId: row.companyId }));
}
