import { CompanyProfile, profileOf } from '../companies/profile.ts';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import type { GrowthPoint, Segment } from './customers.ts';
import { successRate, type Sums } from './facts.ts';
import { metricValues, type MetricSeries } from './dashboard.ts';
import {
  changeOf,
  LATENCY_RUNS_LEAST,
  LATENCY_RUNS_OF_RANGE,
  type FigureName,
  type Figures,
  type Totals,
} from './figures.ts';
import type { CustomerSales, ProductSales } from './performance.ts';

/** The types of what a company sells. Its own runs are no sales; a buyer is another company with a successful run. */

export const Metric = builder.enumType('SalesMetric', {
  description: 'What of the sales is counted.',
  values: {
    REVENUE: { description: 'US dollars earned.' },
    CREDITS: { description: 'Credits paid by buyers.' },
    RUNS: { description: 'Runs, failed ones too.' },
    BUYERS: { description: 'Companies with a successful run.' },
  },
});

const anyAssetById = rowBy<ModelRow<'Asset'>>('Asset', { where: OWN_ANY });
const anyEndpointById = rowBy<ModelRow<'Endpoint'>>('Endpoint', { where: OWN_ANY });

const Sales = builder.interfaceRef<Sums>('Sales').implement({
  description: 'Sums over runs by other companies; its own free runs are no sales.',
  fields: (t) => ({
    revenueUsd: t.field({
      type: 'Decimal',
      description: 'US dollars earned: its share of the prices.',
      resolve: (row) => row.revenueUsd,
    }),
    credits: t.exposeInt('credits', { description: 'Credits paid by buyers.' }),
    runs: t.exposeInt('runs', { description: 'Runs, failed ones too.' }),
    successRate: t.float({
      nullable: true,
      description: 'Successful runs, a fraction of 1; null without runs.',
      resolve: (row) => successRate(row),
    }),
  }),
});

const bound = `of successful runs, of a range the latest ${LATENCY_RUNS_OF_RANGE}, of a point at least the latest ${LATENCY_RUNS_LEAST}; null without any.`;
const AnalyticsFigures = builder.interfaceRef<Figures>('AnalyticsFigures').implement({
  description: 'The figures of a stretch of days.',
  interfaces: [Sales],
  fields: (t) => ({
    buyers: t.exposeInt('buyers', { description: 'Other companies with a successful run.' }),
    newBuyers: t.exposeInt('newBuyers', { description: 'Buyers whose first successful run ever lies here.' }),
    p50Ms: t.int({
      nullable: true,
      description: `Median milliseconds ${bound}`,
      resolve: async (row) => (await row.latency()).p50Ms,
    }),
    p95Ms: t.int({
      nullable: true,
      description: `95th percentile of the milliseconds ${bound}`,
      resolve: async (row) => (await row.latency()).p95Ms,
    }),
  }),
});

export const AnalyticsTotals = builder.objectRef<Figures>('AnalyticsTotals').implement({
  description: 'The figures of a range of days.',
  interfaces: [Sales, AnalyticsFigures],
});

export const AnalyticsPoint = builder.objectRef<Figures>('AnalyticsPoint').implement({
  description: 'The figures of one period of a series.',
  interfaces: [Sales, AnalyticsFigures],
  fields: (t) => ({
    startsOn: t.field({
      type: 'Date',
      description: 'First day of the period; days of it outside the range are not counted.',
      resolve: (row) => row.startsOn,
    }),
  }),
});

export const AnalyticsChange = builder.objectRef<Totals>('AnalyticsChange').implement({
  description:
    'How much each figure grew over the days before, in percent: 50 is half as much again. Null without a base.',
  fields: (t) => {
    const grown = (name: FigureName) =>
      t.float({
        nullable: true,
        description: `How much ${name} grew, percent.`,
        resolve: (totals) => changeOf(totals, name),
      });
    return {
      revenueUsd: grown('revenueUsd'),
      credits: grown('credits'),
      runs: grown('runs'),
      buyers: grown('buyers'),
      newBuyers: grown('newBuyers'),
      successRate: grown('successRate'),
      p50Ms: grown('p50Ms'),
      p95Ms: grown('p95Ms'),
    };
  },
});

/** A product's sales and the company that sells it. */
export interface SoldProduct extends ProductSales {
  sellerId: string;
}

const soldAsset = {
  type: typeNamed('Asset'),
  nullable: true,
  description: 'The asset, also where it is deleted by now.',
  ...refersTo(anyAssetById, 'productId', 'sellerId'),
} as const;

export const AssetSales = builder.objectRef<SoldProduct>('AssetSales').implement({
  description: 'The sales of an asset.',
  interfaces: [Sales],
  fields: (t) => ({
    asset: t.field(soldAsset),
    buyers: t.exposeInt('buyers', { description: 'Companies with a successful run.' }),
  }),
});

export const EndpointSales = builder.objectRef<SoldProduct>('EndpointSales').implement({
  description: 'The sales of an endpoint.',
  interfaces: [Sales],
  fields: (t) => ({
    endpoint: t.field({
      type: typeNamed('Endpoint'),
      nullable: true,
      description: 'The endpoint, also where it is deleted by now.',
      ...refersTo(anyEndpointById, 'productId', 'sellerId'),
    }),
    buyers: t.exposeInt('buyers', { description: 'Companies with a successful page.' }),
  }),
});

export const CustomerSalesType = builder.objectRef<CustomerSales>('CustomerSales').implement({
  description: 'The sales to a customer.',
  interfaces: [Sales],
  fields: (t) => ({
    customer: t.field({
      type: CompanyProfile,
      nullable: true,
      description: 'Who bought.',
      resolve: (row, _, ctx) => profileOf(ctx, row.companyId),
    }),
  }),
});

export const AssetPerformance = builder.objectRef<SoldProduct>('AssetPerformance').implement({
  description: 'How an asset did in a range of days.',
  interfaces: [Sales],
  fields: (t) => ({
    asset: t.field(soldAsset),
    buyers: t.exposeInt('buyers', { description: 'Companies with a successful run.' }),
    p50Ms: t.exposeInt('p50Ms', {
      nullable: true,
      description: 'Median milliseconds of its latest 1,000 successful runs in the range; null without any.',
    }),
    p95Ms: t.exposeInt('p95Ms', { nullable: true, description: '95th percentile of the milliseconds of those.' }),
  }),
});

const SalesPoint = builder.objectRef<{ startsOn: string; value: string }>('SalesPoint').implement({
  description: 'A metric in one period.',
  fields: (t) => ({
    startsOn: t.field({
      type: 'Date',
      description: 'First day of the period; days of it outside the range are not counted.',
      resolve: (row) => row.startsOn,
    }),
    value: t.field({
      type: 'Decimal',
      description: 'The value: dollars with two places, or a whole number.',
      resolve: (row) => row.value,
    }),
  }),
});

export const SalesSeries = builder.objectRef<MetricSeries>('SalesSeries').implement({
  description: 'A metric of the sales over time.',
  fields: (t) => ({
    metric: t.field({ type: Metric, description: 'What is counted.', resolve: (row) => row.metric }),
    total: t.field({
      type: 'Decimal',
      description: 'Over the whole range; buyers of several periods count once.',
      resolve: (row) => metricValues[row.metric](row.total),
    }),
    points: t.field({
      type: [SalesPoint],
      description: 'A point for each period, in order, without gaps: at most 731.',
      resolve: (row) =>
        row.points.map((figures) => ({ startsOn: figures.startsOn, value: metricValues[row.metric](figures) })),
    }),
  }),
});

export const CustomerPoint = builder.objectRef<GrowthPoint>('CustomerPoint').implement({
  description: 'The customers of one period: other companies with a successful run.',
  fields: (t) => ({
    startsOn: t.field({
      type: 'Date',
      description: 'First day of the period; days of it outside the range are not counted.',
      resolve: (row) => row.startsOn,
    }),
    active: t.exposeInt('active', { description: 'All its customers.' }),
    new: t.exposeInt('new', { description: 'Those whose first successful run ever lies in it.' }),
    returning: t.exposeInt('returning', { description: 'Those that were customers at any time before.' }),
    churned: t.exposeInt('churned', { description: 'Customers of the period before that are none in this one.' }),
  }),
});

export const CustomerSegment = builder.objectRef<Segment>('CustomerSegment').implement({
  description: 'Customers of the range with something in common.',
  interfaces: [Sales],
  fields: (t) => ({
    key: t.exposeString('key', {
      description:
        'Q1 (highest) to Q4, the slug of an industry or `none`, or CALCULATION, VISUALIZATION, DATA, ENDPOINT.',
    }),
    label: t.exposeString('label', { description: 'What they have in common, for people.' }),
    customers: t.exposeInt('customers', { description: 'How many they are.' }),
  }),
});
