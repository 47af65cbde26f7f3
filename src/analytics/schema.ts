import { builder, type ModelRow } from '../graph/builder.ts';
import type { Context } from '../context.ts';
import { growthOf, segmentsOf, type SegmentBy } from './customers.ts';
import type { Scope } from './facts.ts';
import { dashboardOf, salesOf, type Dashboard, type Sales } from './dashboard.ts';
import { metricsOf, type Metrics } from './metrics.ts';
import { assetPerformance, MAX_ROWS, topCustomers } from './performance.ts';
import { readRange, type Period } from './range.ts';
import {
  AnalyticsChange,
  AnalyticsPoint,
  AnalyticsTotals,
  AssetPerformance,
  AssetSales,
  CustomerPoint,
  CustomerSalesType,
  CustomerSegment,
  EndpointSales,
  Metric,
  SalesSeries,
} from './sales-schema.ts';
import './usage-schema.ts';

type Company = ModelRow<'Company'>;

const PeriodType = builder.enumType('AnalyticsPeriod', {
  description: 'How long a point of a series is.',
  values: {
    DAY: { description: 'A day.' },
    WEEK: { description: 'A week, from Monday.' },
    MONTH: { description: 'A calendar month.' },
    QUARTER: { description: 'Three calendar months.' },
  },
});
const PerformanceSort = builder.enumType('AssetPerformanceSort', {
  description: 'What assets are ranked by, the best first.',
  values: {
    REVENUE: { description: 'Most earned first.' },
    RUNS: { description: 'Most runs first.' },
    BUYERS: { description: 'Most buyers first.' },
    SUCCESS_RATE: { description: 'Fewest failures for its runs first.' },
    LATENCY: { description: 'Shortest median latency first, of the 1,000 assets with the most runs.' },
  },
});
const SegmentByType = builder.enumType('CustomerSegmentBy', {
  description: 'What customers are put together by.',
  values: {
    SPEND: { description: 'Quartiles of the credits they paid.' },
    INDUSTRY: { description: 'Their industry.' },
    PRODUCT_KIND: { description: 'The kinds of products they ran; a customer of several is in several.' },
  },
});

const rangeArgs = builder.args((t) => ({
  from: t.field({
    type: 'Date',
    required: false,
    description: 'First day, in the time zone of the company; 30 days before `to` unless said.',
  }),
  to: t.field({
    type: 'Date',
    required: false,
    description:
      'The day after the last; today unless said, so that only whole days count. At most 2 years after `from`.',
  }),
}));

interface RangeArgs {
  from?: string | null | undefined;
  to?: string | null | undefined;
}

const scopeOf = (company: Company, args: RangeArgs, ctx: Context): Scope => ({
  companyId: company.id,
  timezone: company.timezone,
  ...readRange(args, company.timezone, ctx.now),
});

const counts: Record<keyof Metrics, string> = {
  userCount: 'Users.',
  apiKeyCount: 'API keys, those that have expired too.',
  connectionCount: 'Connections.',
  assetCount: 'Assets.',
  listedAssetCount: 'Assets in the marketplace.',
  endpointCount: 'Endpoints.',
  listedEndpointCount: 'Endpoints in the marketplace.',
  postCount: 'Posts.',
  publishedPostCount: 'Posts that are out.',
  runCount: 'Runs of its products by other companies, failed ones too.',
  successfulRunCount: 'Those that succeeded.',
  creditsEarned: 'Credits that buyers paid for them.',
  buyerCount: 'Other companies with a successful run.',
};
const CompanyMetrics = builder.objectRef<Metrics>('CompanyMetrics').implement({
  description: 'All-time counts of a company; of things, those that are not deleted.',
  fields: (t) =>
    Object.fromEntries(
      Object.entries(counts).map(([name, description]) => [name, t.exposeInt(name as keyof Metrics, { description })]),
    ),
});

const sold = async (dashboard: Dashboard, isEndpoint: boolean) =>
  (await dashboard.products())
    .filter((row) => row.isEndpoint === isEndpoint)
    .map((row) => ({ ...row, sellerId: dashboard.scope.companyId }));

const DashboardType = builder.objectRef<Dashboard>('CompanyAnalytics').implement({
  description: 'The dashboard of a seller.',
  fields: (t) => ({
    from: t.field({ type: 'Date', description: 'First day.', resolve: (row) => row.scope.from }),
    to: t.field({ type: 'Date', description: 'The day after the last.', resolve: (row) => row.scope.to }),
    timezone: t.string({ description: 'The time zone in which the days begin.', resolve: (row) => row.scope.timezone }),
    totals: t.field({
      type: AnalyticsTotals,
      description: 'The figures of the range.',
      resolve: async (row) => (await row.totals()).now,
    }),
    previous: t.field({
      type: AnalyticsTotals,
      description: 'The figures of as many days just before.',
      resolve: async (row) => (await row.totals()).before,
    }),
    change: t.field({
      type: AnalyticsChange,
      description: 'How the figures grew over those before.',
      resolve: (row) => row.totals(),
    }),
    series: t.field({
      type: [AnalyticsPoint],
      description: 'The figures of each period, in order, without gaps: at most 731 points.',
      resolve: (row) => row.series(),
    }),
    topAssets: t.field({
      type: [AssetSales],
      listSize: { assumed: 10 },
      description: 'The assets that earned most, at most 10.',
      resolve: (row) => sold(row, false),
    }),
    topEndpoints: t.field({
      type: [EndpointSales],
      listSize: { assumed: 10 },
      description: 'The endpoints that earned most, at most 10.',
      resolve: (row) => sold(row, true),
    }),
    topCustomers: t.field({
      type: [CustomerSalesType],
      description: 'The customers that brought most, at most 10.',
      resolve: (row, _, ctx) => topCustomers(ctx, row.scope),
    }),
  }),
});

const CompanySales = builder.objectRef<Sales>('CompanySales').implement({
  description: 'Sales over time.',
  fields: (t) => ({
    from: t.field({ type: 'Date', description: 'First day.', resolve: (row) => row.scope.from }),
    to: t.field({ type: 'Date', description: 'The day after the last.', resolve: (row) => row.scope.to }),
    totalRevenueUsd: t.field({
      type: 'Decimal',
      description: 'US dollars earned in the range.',
      resolve: (row) => row.total.revenueUsd,
    }),
    series: t.field({
      type: [SalesSeries],
      description: 'One series for each metric asked for, at most 4.',
      resolve: (row) => row.series,
    }),
  }),
});

/** Whose customers, and how they are shown. */
interface Customers {
  scope: Scope;
  groupBy: Period;
  segmentBy: SegmentBy;
}
const CompanyCustomers = builder.objectRef<Customers>('CompanyCustomers').implement({
  description: 'How the customers of a seller come and go.',
  fields: (t) => ({
    from: t.field({ type: 'Date', description: 'First day.', resolve: (row) => row.scope.from }),
    to: t.field({ type: 'Date', description: 'The day after the last.', resolve: (row) => row.scope.to }),
    series: t.field({
      type: [CustomerPoint],
      description: 'The customers of each period, in order, without gaps: at most 731 points.',
      resolve: (row, _, ctx) => growthOf(ctx, row.scope, row.groupBy),
    }),
    segments: t.field({
      type: [CustomerSegment],
      description: 'The customers of the range in segments, those that spend most first, at most 100.',
      resolve: (row, _, ctx) => segmentsOf(ctx, row.scope, row.segmentBy),
    }),
  }),
});

builder.prismaObjectFields('Company', (t) => ({
  metrics: t.field({
    type: CompanyMetrics,
    access: 'company:read',
    cost: 5,
    description: 'All-time counts.',
    resolve: (company, _, ctx) => metricsOf(ctx, company.id),
  }),
  analytics: t.field({
    type: DashboardType,
    access: 'company:read',
    cost: 20,
    description: 'The dashboard of what it sells.',
    args: {
      ...rangeArgs,
      period: t.arg({
        type: PeriodType,
        required: true,
        defaultValue: 'DAY',
        description: 'How long a point of the series is.',
      }),
    },
    resolve: (company, args, ctx) => dashboardOf(ctx, scopeOf(company, args, ctx), args.period),
  }),
  sales: t.field({
    type: CompanySales,
    access: 'company:read',
    cost: 10,
    description: 'What it sells over time.',
    args: {
      ...rangeArgs,
      groupBy: t.arg({ type: PeriodType, required: true, defaultValue: 'DAY', description: 'How long a point is.' }),
      metrics: t.arg({
        type: [Metric],
        required: true,
        defaultValue: ['REVENUE'],
        description: 'What to count; each once.',
      }),
    },
    resolve: (company, args, ctx) => salesOf(ctx, scopeOf(company, args, ctx), args),
  }),
  assetPerformance: t.field({
    type: [AssetPerformance],
    access: 'company:read',
    cost: 20,
    description: 'Its assets that others ran in a range of days, the best first, at most 100.',
    listSize: { assumed: 20, by: ['first'] },
    args: {
      ...rangeArgs,
      first: t.arg.int({ required: true, defaultValue: 20, description: `How many, 0 to ${MAX_ROWS}.` }),
      sortBy: t.arg({
        type: PerformanceSort,
        required: true,
        defaultValue: 'REVENUE',
        description: 'What to rank them by.',
      }),
    },
    resolve: async (company, args, ctx) =>
      (await assetPerformance(ctx, scopeOf(company, args, ctx), args)).map((row) => ({ ...row, sellerId: company.id })),
  }),
  customers: t.field({
    type: CompanyCustomers,
    access: 'company:read',
    cost: 20,
    description: 'How its customers come and go.',
    args: {
      ...rangeArgs,
      groupBy: t.arg({ type: PeriodType, required: true, defaultValue: 'MONTH', description: 'How long a point is.' }),
      segmentBy: t.arg({
        type: SegmentByType,
        required: true,
        defaultValue: 'SPEND',
        description: 'What to put customers together by.',
      }),
    },
    resolve: (company, args, ctx) => ({
      scope: scopeOf(company, args, ctx),
      groupBy: args.groupBy,
      segmentBy: args.segmentBy,
    }),
  }),
}));
