import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../src/ids.ts';
import { ask, failed, INDUSTRY, leaves, openMarket, run, table, write, type Market } from './analytics.fixtures.ts';
import { testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let m: Market;
beforeAll(async () => {
  t = await testGateway();
  m = await openMarket(t);
});
afterAll(() => t.close());

const figures = 'revenueUsd credits runs buyers newBuyers successRate p50Ms p95Ms';
const march = { from: '2026-03-27', to: '2026-04-01' };
const none = ['0.00', 0, 0, 0, 0, null, null, null];
const dashboard = async (tenant: Tenant, fields: string, range: Record<string, string> = march, period = 'DAY') => {
  const { data } = await ask(t, tenant, `analytics(from: $from, to: $to, period: ${period}) { ${fields} }`, range);
  return data.company.analytics;
};

describe('analytics work', () => {
  it('counts everything of all time', async () => {
    const things =
      'userCount apiKeyCount connectionCount assetCount listedAssetCount endpointCount listedEndpointCount';
    const sales = 'postCount publishedPostCount runCount successfulRunCount creditsEarned buyerCount';
    const { data } = await ask(t, m.us, `metrics { ${things} ${sales} }`);
    expect(leaves(data)).toEqual([6, 6, 1, 1, 1, 1, 0, 0, 0, 6, 5, 18, 2]);
  });

  it('counts what comes now, late and from a new buyer at once', async () => {
    const seller = await t.tenant();
    const metrics = async () =>
      leaves((await ask(t, seller, 'metrics { runCount successfulRunCount creditsEarned buyerCount }')).data);
    const [now, old] = [new Date().toISOString(), '2026-01-01T00:00:00Z'];
    expect(await metrics()).toEqual([0, 0, 0, 0]);
    await write(t, run(seller, m.bob, newId(), now, { credits: 1 }), run(seller, m.ada, newId(), old));
    expect(await metrics()).toEqual([2, 2, 5, 2]);
    await write(t, run(seller, m.ada, newId(), old), run(seller, m.cyd, newId(), old, failed));
    expect(await metrics()).toEqual([4, 3, 9, 2]);
    // What it runs of its own is no sale.
    await write(t, run(seller, m.cyd, newId(), now), run(seller, seller, newId(), now, { credits: 0 }));
    expect(await metrics()).toEqual([5, 4, 13, 3]);
  });

  it('shows the figures, those before and the change', async () => {
    const fields = `from to timezone totals { ${figures} } previous { ${figures} } change { ${figures} }`;
    const { totals, previous, change, ...rest } = await dashboard(m.us, fields);
    expect(rest).toEqual({ ...march, timezone: 'Europe/Berlin' });
    expect(leaves(totals)).toEqual(['5.60', 14, 5, 2, 1, 0.8, 200, 400]);
    expect(leaves(previous)).toEqual(['1.60', 4, 1, 1, 1, 1, 50, 50]);
    expect(leaves(change)).toEqual([250, 250, 400, 100, 0, -20, 300, 700]);
  });

  it('begins days where Berlin does, over the change of clocks, and fills gaps', async () => {
    const { series } = await dashboard(m.us, `series { startsOn ${figures} }`);
    expect(table(series)).toEqual([
      ['2026-03-27', ...none],
      ['2026-03-28', '1.60', 4, 1, 1, 0, 1, 100, 100],
      ['2026-03-29', '3.20', 8, 2, 2, 1, 1, 200, 300],
      ['2026-03-30', '0.80', 2, 2, 1, 0, 0.5, 400, 400],
      ['2026-03-31', ...none],
    ]);
  });

  it('has a day of 25 hours where clocks go back', async () => {
    const seller = await t.tenant({ timezone: 'Europe/Berlin' });
    const hours = [
      '24T21:59:59.999Z',
      '24T22:00:00Z',
      '25T00:30:00Z',
      '25T01:30:00Z',
      '25T22:59:59.999Z',
      '25T23:00:00Z',
    ];
    await write(t, ...hours.map((hour) => run(seller, m.ada, newId(), `2026-10-${hour}`)));
    const { series } = await dashboard(seller, 'series { startsOn runs }', { from: '2026-10-24', to: '2026-10-27' });
    expect(table(series)).toEqual([
      ['2026-10-24', 1],
      ['2026-10-25', 4],
      ['2026-10-26', 1],
    ]);
  });

  it('is exact where days begin within an hour of UTC', async () => {
    const seller = await t.tenant({ timezone: 'Asia/Kolkata' });
    await write(
      t,
      run(seller, m.ada, newId(), '2026-05-01T18:29:59.999Z'),
      run(seller, m.bob, newId(), '2026-05-01T18:30:00Z'),
      run(seller, m.bob, newId(), '2026-05-02T18:29:00Z', failed),
      run(seller, m.cyd, newId(), '2026-05-02T18:45:00Z'),
    );
    const fields =
      'totals { runs buyers newBuyers } previous { runs newBuyers } series { startsOn runs newBuyers successRate }';
    const { totals, previous, series } = await dashboard(seller, fields, { from: '2026-05-02', to: '2026-05-03' });
    expect(leaves([totals, previous])).toEqual([2, 1, 1, 1, 1]);
    expect(table(series)).toEqual([['2026-05-02', 2, 1, 0.5]]);
  });

  it('groups by week, month and quarter, and counts only days in the range', async () => {
    const series = async (period: string, from: string, to: string) =>
      table((await dashboard(m.us, 'series { startsOn runs }', { from, to }, period)).series);
    expect(await series('WEEK', '2026-03-25', '2026-04-07')).toEqual([
      ['2026-03-23', 3],
      ['2026-03-30', 2],
      ['2026-04-06', 0],
    ]);
    expect(await series('MONTH', '2026-02-10', '2026-03-30')).toEqual([
      ['2026-02-01', 0],
      ['2026-03-01', 4],
    ]);
    expect(await series('QUARTER', '2025-12-31', '2026-04-02')).toEqual([
      ['2025-10-01', 0],
      ['2026-01-01', 6],
      ['2026-04-01', 0],
    ]);
    expect(await series('DAY', '2024-02-29', '2026-03-01')).toHaveLength(731);
  });

  it('takes the last 30 whole days unless told otherwise', async () => {
    const { data } = await ask(t, m.nobody, 'analytics { from to series { startsOn } }');
    const today = new Date().toISOString().slice(0, 10);
    expect(data.company.analytics.to).toBe(today);
    expect(data.company.analytics.series).toHaveLength(30);
    expect(data.company.analytics.series[0].startsOn).toBe(data.company.analytics.from);
  });

  it('ranks assets, endpoints and customers', async () => {
    const sums = 'revenueUsd credits runs successRate';
    const fields = `topAssets { asset { name } buyers ${sums} } topEndpoints { endpoint { name } buyers ${sums} } topCustomers { customer { handle name } ${sums} }`;
    const { topAssets, topEndpoints, topCustomers } = await dashboard(m.us, fields);
    expect(table(topAssets)).toEqual([
      ['Churn', 2, '4.80', 12, 3, 1],
      ['Orders', 1, '0.80', 2, 1, 1],
    ]);
    expect(table(topEndpoints)).toEqual([['Feed', 0, '0.00', 0, 1, 0]]);
    expect(table(topCustomers)).toEqual([
      ['ada', 'Ada', '3.20', 8, 2, 1],
      ['bob', 'Bob', '2.40', 6, 3, 0.6667],
    ]);
  });

  it('shows sales by metric, each with its total', async () => {
    const arguments_ = 'from: $from, to: $to, groupBy: WEEK, metrics: [REVENUE, BUYERS, RUNS, CREDITS, RUNS]';
    const { data } = await ask(
      t,
      m.us,
      `sales(${arguments_}) { totalRevenueUsd series { metric total points { startsOn value } } }`,
      march,
    );
    expect(data.company.sales.totalRevenueUsd).toBe('5.60');
    expect(table(data.company.sales.series)).toEqual([
      ['REVENUE', '5.60', '2026-03-23', '4.80', '2026-03-30', '0.80'],
      ['BUYERS', '2', '2026-03-23', '2', '2026-03-30', '1'],
      ['RUNS', '5', '2026-03-23', '3', '2026-03-30', '2'],
      ['CREDITS', '14', '2026-03-23', '12', '2026-03-30', '2'],
    ]);
  });

  it('ranks assets by each measure, with latencies', async () => {
    const seller = await t.tenant();
    const named = async (name: string) => (await t.world.asset(seller.company.id, { name })).id;
    const [dear, busy, slow] = [await named('Dear'), await named('Busy'), await named('Slow')];
    const on = '2026-03-28T10:00:00Z';
    await write(
      t,
      run(seller, m.ada, dear, on, { earningsCents: 900, elapsedMs: 30 }),
      ...[10, 20, 30].map((elapsedMs) => run(seller, m.ada, busy, on, { elapsedMs })),
      run(seller, m.ada, busy, on, failed),
      ...[m.ada, m.bob].map((buyer) => run(seller, buyer, slow, on, { earningsCents: 100, elapsedMs: 500 })),
    );
    const ranked = async (sortBy: string, first = 20) => {
      const field = `assetPerformance(from: $from, to: $to, first: ${first}, sortBy: ${sortBy}) { asset { name } revenueUsd runs buyers successRate p50Ms p95Ms }`;
      return table((await ask(t, seller, field, march)).data.company.assetPerformance);
    };
    const rows = {
      dear: ['Dear', '9.00', 1, 1, 1, 30, 30],
      busy: ['Busy', '4.80', 4, 1, 0.75, 20, 30],
      slow: ['Slow', '2.00', 2, 2, 1, 500, 500],
    };
    expect(await ranked('REVENUE')).toEqual([rows.dear, rows.busy, rows.slow]);
    expect(await ranked('RUNS')).toEqual([rows.busy, rows.slow, rows.dear]);
    expect(await ranked('BUYERS')).toEqual([rows.slow, rows.busy, rows.dear]);
    expect(await ranked('SUCCESS_RATE')).toEqual([rows.slow, rows.dear, rows.busy]);
    expect(await ranked('LATENCY')).toEqual([rows.busy, rows.dear, rows.slow]);
    expect(await ranked('LATENCY', 1)).toEqual([rows.busy]);
    expect(await ranked('REVENUE', 0)).toEqual([]);
  });

  it('tells new, returning and churned customers, and their segments', async () => {
    const seller = await t.tenant();
    const product = (await t.world.asset(seller.company.id)).id;
    const sale = (buyer: Tenant, on: string, credits: number) =>
      run(seller, buyer, product, `${on}T00:00:00Z`, { credits, earningsCents: credits * 40 });
    await write(
      t,
      sale(m.ada, '2026-01-05', 1),
      sale(m.ada, '2026-02-05', 2),
      sale(m.ada, '2026-04-05', 3),
      sale(m.bob, '2026-02-07', 10),
      sale(m.cyd, '2026-02-07', 5),
      sale(m.cyd, '2026-03-07', 6),
      run(seller, m.nobody, product, '2026-03-09T00:00:00Z', failed),
    );
    const customers = async (tenant: Tenant, by: string, fields: string) => {
      const range = { from: '2026-02-01', to: '2026-05-01' };
      return (
        await ask(t, tenant, `customers(from: $from, to: $to, groupBy: MONTH, segmentBy: ${by}) { ${fields} }`, range)
      ).data.company.customers;
    };
    const { series, segments } = await customers(
      seller,
      'SPEND',
      'series { startsOn active new returning churned } segments { key customers revenueUsd credits runs successRate }',
    );
    expect(table(series)).toEqual([
      ['2026-02-01', 3, 2, 1, 0],
      ['2026-03-01', 1, 0, 1, 2],
      ['2026-04-01', 1, 0, 1, 1],
    ]);
    expect(table(segments)).toEqual([
      ['Q1', 1, '4.40', 11, 2, 1],
      ['Q2', 1, '4.00', 10, 1, 1],
      ['Q3', 1, '2.00', 5, 2, 1],
    ]);
    const industry = await t.app.database.prisma.industry.findUniqueOrThrow({ where: { id: INDUSTRY } });
    expect(table((await customers(seller, 'INDUSTRY', 'segments { key label customers credits }')).segments)).toEqual([
      [industry.slug, industry.name, 2, 16],
      ['none', 'No industry told', 1, 10],
    ]);
    expect(table((await customers(m.us, 'PRODUCT_KIND', 'segments { key label customers credits }')).segments)).toEqual(
      [
        ['CALCULATION', 'Calculations', 2, 16],
        ['DATA', 'Data', 1, 2],
      ],
    );
  });

  it('counts an event once, however often it comes, and one that comes late', async () => {
    const fields = `totals { ${figures} } series { startsOn runs } topCustomers { credits }`;
    const first = await dashboard(m.us, fields);
    await write(t, ...m.events);
    await write(t, ...m.events.slice(2, 4));
    expect(await dashboard(m.us, fields)).toEqual(first);
    const late = await t.tenant();
    await write(t, run(late, m.ada, newId(), '2026-03-29T08:00:00Z'));
    await write(
      t,
      run(late, m.ada, newId(), '2026-03-29T08:10:00Z'),
      run(late, m.bob, newId(), '2026-03-28T08:00:00Z'),
    );
    const { totals, series } = await dashboard(
      late,
      'totals { runs buyers newBuyers } series { startsOn runs newBuyers }',
    );
    expect(leaves(totals)).toEqual([3, 2, 2]);
    expect(table(series.slice(0, 3))).toEqual([
      ['2026-03-27', 0, 0],
      ['2026-03-28', 1, 1],
      ['2026-03-29', 2, 1],
    ]);
  });

  it('has an answer for a company without sales', async () => {
    const range = { from: '2026-03-01', to: '2026-04-01' };
    const tops = 'topAssets { runs } topEndpoints { runs } topCustomers { runs }';
    const empty = await dashboard(
      m.nobody,
      `totals { ${figures} } change { ${figures} } series { startsOn ${figures} } ${tops}`,
      range,
      'MONTH',
    );
    expect(leaves(empty)).toEqual([...none, ...none.map(() => null), '2026-03-01', ...none]);
    const sales =
      'sales(from: $from, to: $to, groupBy: MONTH) { totalRevenueUsd series { metric total points { value } } }';
    const customers = 'customers(from: $from, to: $to) { series { active new returning churned } segments { key } }';
    const { data, errors } = await ask(
      t,
      m.nobody,
      `metrics { runCount buyerCount creditsEarned } ${sales} ${customers} assetPerformance(from: $from, to: $to) { runs }`,
      range,
    );
    expect(errors).toBeUndefined();
    expect(leaves(data)).toEqual([0, 0, 0, '0.00', 'REVENUE', '0.00', '0.00', 0, 0, 0, 0]);
  });

  it('reads a dashboard with the same statements whatever it holds', async () => {
    const tops =
      'topAssets { asset { name } } topEndpoints { endpoint { name } } topCustomers { customer { handle industry { name } } }';
    const fields = `totals { ${figures} } previous { p50Ms } change { p50Ms } series { ${figures} } ${tops}`;
    const seller = await t.tenant();
    const connection = await t.world.connection(seller.company.id);
    const fill = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const asset = await t.world.asset(seller.company.id);
        const feed = await t.world.endpoint(seller.company.id, connection.id);
        const buyer = { company: await t.world.company({ industryId: INDUSTRY }) } as Tenant;
        const sale = run(seller, buyer, asset.id, '2026-03-29T08:00:00Z');
        await write(t, sale, { ...sale, id: newId(), assetId: null, endpointId: feed.id });
      }
    };
    await fill(1);
    await ask(t, seller, 'handle');
    const one = await t.statements(() => dashboard(seller, fields));
    await fill(12);
    const many = await t.statements(async () => {
      const { topAssets, topEndpoints, topCustomers } = await dashboard(seller, fields);
      expect([topAssets.length, topEndpoints.length, topCustomers.length]).toEqual([10, 10, 10]);
    });
    // The company; sums and latencies of totals and series; products; customers; assets, endpoints, profiles, industries.
    expect([one.length, many.length]).toEqual([11, 11]);
    expect(await t.statements(() => ask(t, seller, 'metrics { runCount userCount }'))).toHaveLength(1);
    expect(await t.statements(() => dashboard(seller, 'to'))).toHaveLength(1);
  });
});

describe('analytics refuse', () => {
  const refusals: [field: string, code: string, path: string][] = [
    ['analytics(from: "2026-03-02", to: "2026-03-02") { to }', 'BAD_REQUEST', 'from'],
    ['analytics(from: "2026-03-03", to: "2026-03-02") { to }', 'BAD_REQUEST', 'from'],
    ['analytics(from: "2024-02-29", to: "2026-03-02") { to }', 'BAD_REQUEST', 'from'],
    ['analytics(from: "1999-12-31", to: "2000-02-01") { to }', 'BAD_REQUEST', 'from'],
    ['analytics(to: "9999-12-31") { to }', 'BAD_REQUEST', 'to'],
    ['analytics(to: "2000-01-02") { to }', 'BAD_REQUEST', 'to'],
    ['sales(from: "2020-01-01") { to }', 'BAD_REQUEST', 'from'],
    ['sales(metrics: []) { to }', 'BAD_REQUEST', 'metrics'],
    ['customers(from: "2026-03-03", to: "2026-03-02") { to }', 'BAD_REQUEST', 'from'],
    ['assetPerformance(from: "2026-03-03", to: "2026-03-02") { runs }', 'BAD_REQUEST', 'from'],
    ['assetPerformance(first: 101) { runs }', 'PAGE_SIZE', 'first'],
    ['assetPerformance(first: -1) { runs }', 'PAGE_SIZE', 'first'],
  ];
  it.each(refusals)('%s', async (field, code, path) => {
    const { errors } = await ask(t, m.us, field);
    expect(errors?.map((error) => error.extensions)).toMatchObject([{ code, argumentPath: [path] }]);
  });
});

describe('analytics guard', () => {
  const fields = [
    'metrics { runCount }',
    'analytics { to }',
    'sales { to }',
    'assetPerformance { runs }',
    'customers { to }',
  ];

  it.each(fields)('shows %s to nobody without a credential, nor to operators', async (field) => {
    const anonymous = await t.run(null, `{ company { ${field} } }`);
    expect([anonymous.data, anonymous.errors?.[0]?.extensions.code]).toEqual([{ company: null }, 'UNAUTHENTICATED']);
    const operator = await t.run(m.us.keys.OPERATOR, `{ company { ${field} } }`);
    expect([operator.data, operator.errors?.[0]?.extensions.code]).toEqual([{ company: null }, 'FORBIDDEN']);
  });

  it('shows a company nothing of what another sells', async () => {
    const { totals, topCustomers, topAssets } = await dashboard(
      m.cyd,
      `totals { ${figures} } topCustomers { runs } topAssets { runs }`,
    );
    expect([leaves(totals), topCustomers, topAssets]).toEqual([none, [], []]);
    const rest =
      'metrics { runCount assetCount } assetPerformance(from: $from, to: $to) { runs } customers(from: $from, to: $to) { segments { customers } }';
    const { data } = await ask(t, m.cyd, rest, march);
    expect(data.company).toEqual({
      metrics: { runCount: 0, assetCount: 0 },
      assetPerformance: [],
      customers: { segments: [] },
    });
  });
});
