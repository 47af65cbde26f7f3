import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';
import {
  balance,
  DUCKDB,
  duckdbFile,
  entriesOf,
  holdEngine,
  ledger,
  mutate,
  openShop,
  parameter,
  process,
  PROCESS,
  runRow,
  type Shop,
} from './assets.fixtures.ts';

let t: TestGateway;
let shop: Shop;
let mine: string;
let buyer: string;
/** A connection to the same file that gives a query a second. */
let hasty: string;
beforeAll(async () => {
  t = await testGateway({ RUN_TIMEOUT_MS: '120000', RUN_MAX_ROWS: '500', RUN_MAX_BYTES: '20000', DATABASE_POOL: '10' });
  shop = await openShop(t);
  mine = shop.seller.keys.ANALYST;
  buyer = shop.buyer.keys.ANALYST;
  const own = { engineId: DUCKDB, settings: { path: 'shop.duckdb' }, timeoutMs: 1000 };
  ({ id: hasty } = await t.world.connection(shop.seller.company.id, own));
});
afterAll(() => t.close());
afterEach(async () => {
  vi.restoreAllMocks();
  expect(await ledger(t)).toEqual([]);
});

/** Counts how often the engine is asked. */
const engineRuns = () => vi.spyOn(t.app.engines.get('duckdb'), 'run');
const outcome = async (more: Record<string, unknown>, input: object = {}, key = mine) =>
  (await process(t, key, await shop.asset(more), { ...input })).run;

describe('a run asks the database', () => {
  const ask = async (key: string, assetId: string): Promise<string[]> => {
    const query =
      'mutation ($input: AssetProcessInput!) { assetProcess(input: $input) { run { status outcome { __typename } } } }';
    const run = async (): Promise<void> => {
      const { data } = await t.run(key, query, { input: { assetId: gid('Asset', assetId) } });
      expect(data.assetProcess.run.status).toBe('SUCCEEDED');
    };
    // The credential, the quota and a kept result are known by then.
    await run();
    return (await t.statements(run)).map(
      (text) => /^(select|insert into "Run"|update "Run"|with \w+)/.exec(text)?.[0] ?? text,
    );
  };

  it('three times where it is bought: for the product with offer and connection, to open it and to settle it', async () => {
    const { id } = await shop.listed('1.00', { assetType: 'DATA', sqlLogic: 'select 1 as n' });
    expect(await ask(buyer, id)).toEqual(['select', 'with paid', 'with written']);
    const kept = await shop.listed('1.00', { assetType: 'DATA', sqlLogic: 'select 2 as n', cached: true });
    expect(await ask(buyer, kept.id)).toEqual(['select', 'with paid', 'with written']);
  });

  it("three times where it is one's own, and for the last value of a calculation", async () => {
    const { id } = await shop.asset({ assetType: 'DATA', sqlLogic: 'select 1 as n' });
    expect(await ask(mine, id)).toEqual(['select', 'insert into "Run"', 'update "Run"']);
    // The value before it tells whether a calculation is news.
    const figure = await shop.asset({ sqlLogic: 'select 1 as n' });
    expect(await ask(mine, figure.id)).toEqual(['select', 'insert into "Run"', 'update "Run"', 'select']);
  });
});

describe('a connection that comes with its asset', () => {
  it('is the changed one for what follows in the same document', async () => {
    const sql = ['create table one (n int)', 'insert into one values (1)'];
    const files = [
      await duckdbFile(t, 'former.duckdb', sql),
      await duckdbFile(t, 'later.duckdb', [...sql, 'update one set n = 2']),
    ];
    const own = { engineId: DUCKDB, settings: { path: files[0] } };
    const { id } = await t.world.connection(shop.seller.company.id, own);
    const asset = await shop.asset({ connectionId: id, sqlLogic: 'select n from one' });
    const run = 'assetProcess(input: $run) { run { outcome { ... on CalculationResult { value } } } }';
    const { data } = await t.run(
      shop.seller.keys.OWNER,
      `mutation ($run: AssetProcessInput!, $change: ConnectionUpdateInput!) { former: ${run} connectionUpdate(input: $change) { userErrors { message } } later: ${run} }`,
      {
        run: { assetId: gid('Asset', asset.id) },
        change: { id: gid('Connection', id), settings: { path: path.join(t.warehouses, files[1] ?? '') } },
      },
    );
    expect(data).toMatchObject({
      former: { run: { outcome: { value: '1' } } },
      connectionUpdate: { userErrors: [] },
      later: { run: { outcome: { value: '2' } } },
    });
  });
});

describe('results', () => {
  it('are one number for a calculation, exact and as a float', async () => {
    const run = await outcome({ sqlLogic: 'select sum(amount) as total from sales' });
    expect(run).toMatchObject({
      kind: 'PROCESS',
      status: 'SUCCEEDED',
      credits: 0,
      isBilled: false,
      rowCount: 1,
      isTruncated: false,
      cacheStatus: 'BYPASS',
      parameters: {},
      warnings: [],
      outcome: { __typename: 'CalculationResult', value: '70.00', valueFloat: 70 },
    });
    expect(run.engineMs).toBeGreaterThanOrEqual(0);
    expect(Math.abs(Date.parse(run.computedAt) - Date.now())).toBeLessThan(60_000);
  });

  it.each([
    ['the only numeric column', `select 'north' as region, 7 as n`, '7'],
    ['answer_value among others', 'select 1 as a, 2 as answer_value, 3 as b', '2'],
    ['a whole number beyond 2^53', 'select 9007199254740993::bigint as n', '9007199254740993'],
    ['a small float without exponent', 'select 1.5e-13::double as n', '0.00000000000015'],
    ['a large float without exponent', 'select -1.25e21::double as n', '-1250000000000000000000'],
    ['a float', 'select 0.1::double as n', '0.1'],
  ])('take %s', async (_, sqlLogic, value) => {
    expect((await outcome({ sqlLogic })).outcome).toMatchObject({ __typename: 'CalculationResult', value });
  });

  it('are typed rows and columns for data', async () => {
    const { outcome: data } = await outcome({
      assetType: 'DATA',
      sqlLogic: `select 9007199254740993::bigint as big, 7::bigint as small, 12.50::decimal(9, 2) as price, date '2026-02-28' as day,
        timestamp '2026-02-28 10:00:00.5' as at, timestamptz '2026-02-28 10:00:00+02' as zoned, true as flag, 'héllo' as word, 0.25::double as half, null::integer as nothing, [1, null] as list`,
    });
    expect(data.table.columns.map(({ name, type }: { name: string; type: string }) => `${name} ${type}`)).toEqual([
      'big BIGINT',
      'small BIGINT',
      'price DECIMAL',
      'day DATE',
      'at TIMESTAMP',
      'zoned TIMESTAMP',
      'flag BOOLEAN',
      'word STRING',
      'half FLOAT',
      'nothing INTEGER',
      'list JSON',
    ]);
    const row = [
      '9007199254740993',
      7,
      '12.50',
      '2026-02-28',
      '2026-02-28T10:00:00.500000',
      '2026-02-28T08:00:00Z',
      true,
      'héllo',
      0.25,
      null,
      [1, null],
    ];
    expect(data.table).toMatchObject({
      rows: [row],
      values: row.map((cell) => [cell]),
      rowCount: 1,
      isTruncated: false,
    });
  });

  it('are a figure with its rows for a visualization', async () => {
    const sqlLogic = 'select day, sum(units) as units from sales group by day order by day';
    const table = {
      rowCount: 3,
      rows: [
        ['2026-01-01', '8'],
        ['2026-01-02', '6'],
        ['2026-01-03', '1'],
      ],
    };
    const drawn = await outcome({ assetType: 'VISUALIZATION', sqlLogic, vizChartType: 'BAR', name: 'Units' });
    expect(drawn.outcome).toMatchObject({
      table,
      figure: {
        data: [{ type: 'bar', x: ['2026-01-01', '2026-01-02', '2026-01-03'], y: [8, 6, 1] }],
        layout: { title: { text: 'Units' } },
      },
    });
    const spec = { data: [{ type: 'scatter', xsrc: 'day', ysrc: 'units' }], layout: { title: 'Own' } };
    const own = await outcome({ assetType: 'VISUALIZATION', sqlLogic, vizSpec: spec });
    expect(own.outcome).toMatchObject({
      table,
      figure: {
        data: [{ type: 'scatter', x: table.rows.map(([day]) => day), y: [8, 6, 1] }],
        layout: { title: { text: 'Own' } },
      },
    });
    expect(own.outcome.figure.data[0]).not.toHaveProperty('xsrc');
  });

  it('come of an asset by its address', async () => {
    const asset = await shop.listed('1.00', { name: 'By address' });
    const { data } = await t.run(buyer, PROCESS, { input: { address: { companyHandle: 'seller', slug: asset.slug } } });
    expect(data.assetProcess.run).toMatchObject({
      status: 'SUCCEEDED',
      credits: 2,
      isBilled: true,
      outcome: { value: '42' },
    });
  });

  it('are kept as runs of the asset and of the company', async () => {
    const asset = await shop.asset({
      sqlLogic: 'select sum(units) as n from sales where region = :region',
      allowParams: true,
      parameters: [parameter('region', 'STRING')],
    });
    const { run } = await process(t, mine, asset, { parameters: { region: 'north' } });
    const { data } = await t.run(
      mine,
      `query ($by: AssetBy!, $id: ID!) { node(id: $id) { ... on Run { id status parameters outcome { ... on CalculationResult { value } } } }
      company { runs(first: 1) { nodes { id kind status } } asset(by: $by) { runs { nodes { id parameters user { id } outcome { ... on CalculationResult { value } } } } } } }`,
      { by: { id: gid('Asset', asset) }, id: run.id },
    );
    const kept = { id: run.id, parameters: { region: 'north' }, outcome: { value: '6' } };
    expect(data.node).toEqual({ ...kept, status: 'SUCCEEDED' });
    expect(data.company.runs.nodes).toEqual([{ id: run.id, kind: 'PROCESS', status: 'SUCCEEDED' }]);
    expect(data.company.asset.runs.nodes).toEqual([{ ...kept, user: { id: gid('User', shop.seller.users.ANALYST) } }]);
  });
});

describe('failures', () => {
  const slow = 'select count(*) as n from range(100000000000) a, range(1000) b';
  const secret = 'sales_of_a_secret_kind';
  it.each([
    ['QUERY_TIMEOUT', { sqlLogic: slow }],
    ['ROWS_EXCEEDED', { assetType: 'DATA', sqlLogic: 'select i from range(501) r(i)' }],
    ['RESULT_TOO_LARGE', { assetType: 'DATA', sqlLogic: `select repeat('x', 1000) as s from range(400)` }],
    ['SQL_REJECTED', { sqlLogic: `copy ${secret} to 'x.csv'` }],
    ['ENGINE_FAILED', { sqlLogic: `select ${secret} from sales` }],
    ['RESULT_INVALID', { sqlLogic: `select 1 as ${secret}, 2 as b` }],
    ['RESULT_INVALID', { sqlLogic: 'select units as n from sales' }],
    ['RESULT_INVALID', { sqlLogic: `select units as n from sales where region = '${secret}'` }],
    ['RESULT_INVALID', { sqlLogic: `select '${secret}' as answer_value` }],
    ['RESULT_INVALID', { sqlLogic: `select 'nan'::double as n` }],
    [
      'RESULT_INVALID',
      {
        assetType: 'VISUALIZATION',
        sqlLogic: `select 1 as ${secret}`,
        vizChartType: 'BAR',
        vizIndepVarColName: 'gone',
      },
    ],
    ['CONNECTION_FAILED', { connectionId: null }],
    ['CONNECTION_FAILED', { sqlLogic: null }],
  ])('%s costs nothing and tells buyers nothing (%j)', async (code, more) => {
    const before = await balance(t, shop.buyer);
    const connection = code === 'QUERY_TIMEOUT' ? { connectionId: hasty } : {};
    const asset = await shop.listed('3.00', { ...more, ...connection } as never);
    const { run, userErrors } = await process(t, buyer, asset);
    expect(userErrors).toEqual([]);
    expect(run).toMatchObject({
      status: 'FAILED',
      credits: 0,
      isBilled: false,
      outcome: { __typename: 'RunFailure', code, position: null },
    });
    expect(JSON.stringify(run)).not.toMatch(
      new RegExp(`${secret}|shop\\.duckdb|${t.warehouses}|region|units|binder`, 'i'),
    );
    expect(await balance(t, shop.buyer)).toBe(before);
    const row = await runRow(t, run.id);
    expect(row).toMatchObject({ status: 'FAILED', errorCode: code, credits: 0, isBilled: false });
    expect(JSON.stringify(row)).not.toContain(secret);
    // Reserved and given back.
    expect(await entriesOf(t, row?.id ?? '')).toEqual([
      'RESERVE BUYER_CREDITS buyer -6',
      'RESERVE BUYER_RESERVED buyer 6',
      'RELEASE BUYER_CREDITS buyer 6',
      'RELEASE BUYER_RESERVED buyer -6',
    ]);
    const own = (await process(t, mine, asset)).run;
    expect(own).toMatchObject({ status: 'FAILED', outcome: { code } });
    expect(JSON.stringify(own)).not.toContain(t.warehouses);
  });

  it('tell the owner what the engine said, and where the guard stopped', async () => {
    expect((await outcome({ sqlLogic: `select ${secret} from sales` })).outcome.message).toContain(secret);
    expect((await outcome({ sqlLogic: 'select 1 as n; drop table sales' })).outcome).toMatchObject({
      code: 'SQL_REJECTED',
      rule: 'MULTIPLE_STATEMENTS',
      position: expect.any(Number),
    });
    expect((await outcome({ sqlLogic: 'select region, units from sales' })).outcome.message).toContain(
      'exactly one row',
    );
  });

  it('come of a connection that is gone or whose file is', async () => {
    const { id } = await t.world.connection(shop.seller.company.id, {
      engineId: DUCKDB,
      settings: { path: 'gone.duckdb' },
    });
    const asset = await shop.listed('1.00', { connectionId: id });
    expect((await process(t, buyer, asset)).run.outcome).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.not.stringContaining('gone'),
    });
    await t.app.database.prisma.connection.update({ where: { id }, data: { active: false } });
    expect((await process(t, buyer, asset)).run.outcome).toMatchObject({ code: 'CONNECTION_FAILED' });
    await t.app.database.prisma.connection.update({ where: { id }, data: { active: true, engineId: 1 } });
    expect((await process(t, buyer, asset)).run.outcome).toMatchObject({ code: 'CONNECTION_FAILED' });
  });
});

describe('the cache', () => {
  const random = (more: Record<string, unknown> = {}) =>
    shop.asset({ sqlLogic: 'select random() as n', cached: true, ...more });
  const value = ({ run }: { run: { outcome: { value: string } } }) => run.outcome.value;

  it('answers again with the same, until it is asked for something new', async () => {
    const asset = await random();
    const first = await process(t, mine, asset);
    expect(first.run.cacheStatus).toBe('MISS');
    const again = await process(t, mine, asset);
    expect(again.run).toMatchObject({
      cacheStatus: 'HIT',
      engineMs: 0,
      computedAt: first.run.computedAt,
      outcome: first.run.outcome,
    });
    const fresh = await process(t, mine, asset, { maxAge: 0 });
    expect(fresh.run.cacheStatus).toBe('MISS');
    expect(value(fresh)).not.toBe(value(first));
    expect(value(await process(t, mine, asset))).toBe(value(fresh));
    await sleep(1100);
    expect((await process(t, mine, asset, { maxAge: 1 })).run.cacheStatus).toBe('MISS');
  });

  it('is not used for assets that are not cached, and only as long as the source is fresh', async () => {
    expect((await process(t, mine, await random({ cached: false }))).run.cacheStatus).toBe('BYPASS');
    const second = await random({ dataSourceRefreshFrequency: 'EVERY_SECOND' });
    const first = await process(t, mine, second);
    await sleep(1100);
    expect(value(await process(t, mine, second, { maxAge: 1000 }))).not.toBe(value(first));
  });

  it('knows parameters, definition and credentials apart', async () => {
    const asset = await random({
      sqlLogic: 'select random() + 0 * :n as v',
      allowParams: true,
      parameters: [parameter('n', 'INTEGER', { defaultValue: 1 })],
    });
    const first = value(await process(t, mine, asset));
    expect(value(await process(t, mine, asset, { parameters: { n: 1 } }))).toBe(first);
    expect(value(await process(t, mine, asset, { parameters: { n: 2 } }))).not.toBe(first);
    await mutate(
      t,
      shop.seller.keys.EDITOR,
      'assetUpdate',
      { id: gid('Asset', asset), description: 'Changed.' },
      'asset { version }',
    );
    const second = value(await process(t, mine, asset));
    expect(second).not.toBe(first);
    await t.app.database.prisma.connection.update({
      where: { id: shop.connectionId },
      data: { credentialsVersion: { increment: 1 } },
    });
    expect(value(await process(t, mine, asset))).not.toBe(second);
  });

  it('asks the engine once for ten at once, and charges each', async () => {
    const asset = await shop.listed('1.00', {
      sqlLogic: 'select random() + sum(i) as n from range(3000000) r(i)',
      cached: true,
    });
    const spy = engineRuns();
    const before = await balance(t, shop.buyer);
    const answers = await Promise.all(Array.from({ length: 10 }, () => process(t, buyer, asset)));
    expect(spy).toHaveBeenCalledTimes(1);
    expect(new Set(answers.map(value)).size).toBe(1);
    const hits = answers.filter(({ run }) => run.cacheStatus === 'HIT');
    expect(hits).toHaveLength(9);
    expect(await balance(t, shop.buyer)).toBe(before - 20);
  });

  it('shares a failure at once, keeps none, and does not share the leaving of one', async () => {
    const asset = await random({ sqlLogic: 'select no_such_column as n' });
    const engine = holdEngine(t);
    const asked = [1, 2, 3].map(() => process(t, mine, asset));
    await expect.poll(() => t.app.database.prisma.run.count({ where: { assetId: asset.id } })).toBe(3);
    // On their way from there to the work that they share.
    await sleep(1000);
    engine.open();
    const answers = await Promise.all(asked);
    expect(answers.map(({ run }) => run.outcome.code)).toEqual(Array(3).fill('ENGINE_FAILED'));
    expect(engine.calls()).toBe(1);
    await process(t, mine, asset);
    expect(engine.calls()).toBe(2);
    vi.restoreAllMocks();
    const spy = engineRuns();

    const other = await random({ sqlLogic: 'select sum(hash(i)) % 1000 + random() as n from range(40000000) r(i)' });
    const controller = new AbortController();
    const leaving = t
      .run(mine, PROCESS, { input: { assetId: gid('Asset', other) } }, { signal: controller.signal })
      .catch(() => null);
    await expect.poll(() => spy.mock.calls.length).toBe(1);
    const staying = [1, 2, 3].map(() => process(t, mine, other));
    await sleep(50);
    controller.abort();
    await leaving;
    expect(new Set((await Promise.all(staying)).map(value)).size).toBe(1);
    // Once, or twice where the first had left before the others came.
    expect(spy.mock.calls.length).toBeLessThanOrEqual(2);
  });
});
