import { expect } from 'vitest';
import { keyOf } from './demo.ts';
import type { Row, World } from './row.ts';

/** The last 30 whole days of the seller, in London. */
const days = (ago: number): string =>
  new Date(Date.parse(new Date().toLocaleDateString('sv-SE', { timeZone: 'Europe/London' })) - ago * 86_400_000)
    .toISOString()
    .slice(0, 10);

/** Sales from single events, while the graph reads sums by the hour. */
const SALES = `from "UsageEvent" u where u."sellerCompanyId" = (select id from "Company" where handle = 'kickoff-metrics') and u."buyerCompanyId" <> u."sellerCompanyId"
  and u.at >= $1::timestamp at time zone 'Europe/London' and u.at < $2::timestamp at time zone 'Europe/London'`;
const SUMS = `count(*)::int as runs, (count(distinct u."buyerCompanyId") filter (where "isSuccess"))::int as buyers, coalesce(sum(credits), 0)::int as credits,
  round(coalesce(sum("earningsCents"), 0) / 100.0, 2)::text as "revenueUsd"`;

const sales = (w: World, columns: string, more = ''): Promise<Record<string, unknown>[]> =>
  w.sql(`select ${columns} ${SALES} ${more}`, [days(30), days(0)]);

interface Point {
  startsOn: string;
  value: string;
}

/** Buyers whose first success lies in those days, in any of them. */
const newBuyers = async (w: World): Promise<number> =>
  (
    await w.sql(
      `select u."buyerCompanyId" from "UsageEvent" u where u."sellerCompanyId" = (select id from "Company" where handle = 'kickoff-metrics') and u."buyerCompanyId" <> u."sellerCompanyId" and "isSuccess"
         group by 1 having min(u.at) >= $1::timestamp at time zone 'Europe/London' and min(u.at) < $2::timestamp at time zone 'Europe/London'`,
      [days(30), days(0)],
    )
  ).length;

const flush = (w: World): Promise<unknown> => w.t.app.usage.flush();

export const analytics: Row[] = [
  {
    id: 'OP-043',
    rest: 'GET /companies/{company_id}/analytics/assets',
    what: 'How the assets of the company sell.',
    field: 'company.assetPerformance',
    document: `query AssetPerformance {
      company { assetPerformance(first: 50, sortBy: REVENUE) { asset { id name } runs buyers credits revenueUsd successRate p50Ms p95Ms } }
    }`,
    prepare: flush,
    async check({ company: { assetPerformance } }, w) {
      const rows = await sales(w, `"assetId", ${SUMS}`, 'and "assetId" is not null group by 1');
      const expected = new Map(rows.map(({ assetId, ...sums }) => [assetId, sums]));
      expect(assetPerformance.length).toBeGreaterThan(5);
      for (const { asset, ...sums } of assetPerformance)
        expect(sums).toMatchObject(
          expected.get(keyOf(asset.id)) ?? { runs: 0, buyers: 0, credits: 0, revenueUsd: '0.00' },
        );
      const revenues = assetPerformance.map((one: { revenueUsd: string }) => Number(one.revenueUsd));
      expect(revenues).toEqual(revenues.toSorted((a: number, b: number) => b - a));
      expect(revenues.reduce((sum: number, one: number) => sum + Math.round(one * 100), 0)).toBe(
        rows.reduce((sum, row) => sum + Math.round(Number(row['revenueUsd']) * 100), 0),
      );
    },
  },
  {
    id: 'OP-044',
    rest: 'GET /companies/{company_id}/analytics/customers',
    what: 'New, returning and lost customers, and groups of them.',
    field: 'company.customers',
    document: `query Customers {
      company { customers(groupBy: MONTH, segmentBy: INDUSTRY) { from to series { startsOn new returning active churned } segments { key label customers runs credits revenueUsd } } }
    }`,
    prepare: flush,
    async check({ company: { customers } }, w) {
      expect([customers.from, customers.to]).toEqual([days(30), days(0)]);
      const rows = await w.sql(
        `select i.name as label, count(distinct c.id)::int as customers, sum(s.runs)::int as runs, sum(s.credits)::int as credits, sum(s."revenueUsd"::numeric)::text as "revenueUsd"
           from (select u."buyerCompanyId" as id, ${SUMS} ${SALES} group by 1) s join "Company" c on c.id = s.id join "Industry" i on i.id = c."industryId" group by 1`,
        [days(30), days(0)],
      );
      const found = customers.segments.map(({ key: _key, ...rest }: { key: string }) => rest);
      expect(found).toHaveLength(rows.length);
      expect(found).toEqual(expect.arrayContaining(rows));
      const isNew = customers.series.reduce((sum: number, point: { new: number }) => sum + point.new, 0);
      expect([isNew, await newBuyers(w)]).toEqual([1, 1]);
      for (const point of customers.series) expect(point.active).toBe(point.new + point.returning);
    },
  },
  {
    id: 'OP-045',
    rest: 'GET /companies/{company_id}/analytics/dashboard',
    what: 'All that a dashboard draws: totals, changes, a series, the best products and customers.',
    field: 'company.analytics',
    document: `query Dashboard {
      company {
        analytics(period: WEEK) {
          from to timezone
          totals { runs buyers newBuyers credits revenueUsd successRate p50Ms p95Ms }
          previous { runs revenueUsd }
          change { runs revenueUsd }
          series { startsOn runs credits revenueUsd }
          topAssets { asset { name } revenueUsd }
          topEndpoints { endpoint { name } revenueUsd }
          topCustomers { customer { handle } revenueUsd }
        }
      }
    }`,
    prepare: flush,
    async check({ company: { analytics: found } }, w) {
      const [sums] = await sales(w, SUMS);
      expect(found).toMatchObject({ from: days(30), to: days(0), timezone: 'Europe/London' });
      expect(found.totals).toMatchObject({ ...sums, newBuyers: 1 });
      const weeks = await w.sql(
        `select s::date::text as "startsOn", count(x.at)::int as runs, coalesce(sum(x.credits), 0)::int as credits, round(coalesce(sum(x."earningsCents"), 0) / 100.0, 2)::text as "revenueUsd"
           from generate_series(date_trunc('week', $1::timestamp), $2::timestamp - interval '1 day', interval '1 week') s
           left join (select u.* ${SALES}) x on date_trunc('week', x.at at time zone 'Europe/London') = s group by 1 order by 1`,
        [days(30), days(0)],
      );
      expect(found.series).toEqual(weeks);
      const [before] = await w.sql(`select ${SUMS} ${SALES}`, [days(60), days(30)]);
      const { runs, revenueUsd } = before as { runs: number; revenueUsd: string };
      const percent = (now: unknown, base: unknown): number => Math.round((Number(now) / Number(base) - 1) * 1e4) / 100;
      expect(runs).toBeGreaterThan(100);
      expect(found.previous).toEqual({ runs, revenueUsd });
      expect(found.change).toEqual({
        runs: percent(sums?.['runs'], runs),
        revenueUsd: percent(sums?.['revenueUsd'], revenueUsd),
      });
      const [best] = await sales(
        w,
        `(select name from "Asset" a where a.id = u."assetId") as name, round(sum("earningsCents") / 100.0, 2)::text as "revenueUsd"`,
        'and "assetId" is not null group by 1 order by sum("earningsCents") desc limit 1',
      );
      expect(found.topAssets[0]).toEqual({ asset: { name: best?.['name'] }, revenueUsd: best?.['revenueUsd'] });
      expect(found.topCustomers).toHaveLength(4);
    },
  },
  {
    id: 'OP-046',
    rest: 'GET /companies/{company_id}/analytics/metrics',
    what: 'Counts of all that the company has and has ever sold.',
    field: 'company.metrics',
    document: `query Metrics {
      company { metrics { userCount connectionCount assetCount listedAssetCount endpointCount listedEndpointCount postCount publishedPostCount runCount successfulRunCount creditsEarned buyerCount } }
    }`,
    prepare: flush,
    async check({ company: { metrics } }, w) {
      const [row] = await w.sql(
        `select count(*)::int as "runCount", (count(*) filter (where "isSuccess"))::int as "successfulRunCount", sum(credits)::int as "creditsEarned",
             (count(distinct "buyerCompanyId") filter (where "isSuccess"))::int as "buyerCount"
           from "UsageEvent" where "sellerCompanyId" = (select id from "Company" where handle = 'kickoff-metrics') and "buyerCompanyId" <> "sellerCompanyId"`,
      );
      expect(metrics).toEqual({
        userCount: 5,
        connectionCount: 1,
        assetCount: 13,
        listedAssetCount: 12,
        endpointCount: 4,
        listedEndpointCount: 4,
        postCount: 4,
        publishedPostCount: 3,
        ...row,
      });
    },
  },
  {
    id: 'OP-047',
    rest: 'GET /companies/{company_id}/analytics/sales',
    what: 'Sales over time, a series for each measure asked for.',
    field: 'company.sales',
    document: `query Sales {
      company { sales(groupBy: DAY, metrics: [REVENUE, RUNS]) { from to totalRevenueUsd series { metric total points { startsOn value } } } }
    }`,
    prepare: flush,
    async check({ company }, w) {
      const { series, ...found } = company.sales;
      const [sums] = await sales(w, SUMS);
      expect(found).toEqual({ from: days(30), to: days(0), totalRevenueUsd: sums?.['revenueUsd'] });
      expect(series.map((one: { metric: string }) => one.metric)).toEqual(['REVENUE', 'RUNS']);
      expect(series.map((one: { points: Point[] }) => one.points.length)).toEqual([30, 30]);
      expect(series[1].points.map((point: Point) => point.startsOn)).toEqual(
        Array.from({ length: 30 }, (_, i) => days(30 - i)),
      );
      const rows = await sales(
        w,
        `(u.at at time zone 'Europe/London')::date::text as day, count(*)::int as runs`,
        'group by 1',
      );
      const runs = new Map(rows.map((row) => [row['day'], row['runs']]));
      for (const point of series[1].points) expect(Number(point.value)).toBe(runs.get(point.startsOn) ?? 0);
      expect(Number(series[1].total)).toBe(sums?.['runs']);
    },
  },
];
