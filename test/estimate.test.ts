import { rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Engine, Estimate, ParameterValue } from '../src/warehouse/engine.ts';
import { bigqueryEstimate, mysqlEstimate, NO_ESTIMATE } from '../src/warehouse/estimate.ts';
import { createEngines } from '../src/warehouse/registry.ts';
import { openShop, parameter, POSTGRES, process, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';
import { fixtures } from './helpers/engine-fixtures.ts';
import type { EngineServer } from './helpers/engine-servers.ts';
import { directory, duckdb, mariadb, postgres, servers, type Fixture } from './warehouse.fixtures.ts';

const LONG_MS = 20_000;
const never = new AbortController().signal;
const engines = createEngines({ duckdbRoots: [directory], network: { allowPrivate: ['127.0.0.0/8', '::1'] } });
afterAll(async () => {
  await engines.close();
  await rm(directory, { recursive: true, force: true });
});

function explains(fixture: Fixture, placeholder: string, whole: Record<keyof Estimate, unknown>): void {
  const engine = engines.get(fixture.driver);
  const estimate = (sql: string, values: ParameterValue[] = []): Promise<Estimate> =>
    (engine as Required<Engine>).estimate(fixture.target, { sql, values }, LONG_MS, never);
  beforeAll(() => fixture.setUp());
  afterAll(async () => {
    await engine.close();
    await fixture.tearDown();
  });

  it('what it expects of a table', async () => {
    expect(await estimate(`SELECT * FROM ${fixture.schema}.orders`)).toEqual(whole);
  });
  it('with bound values, behind a comment', async () => {
    const sql = `-- all of them\nSELECT * FROM ${fixture.schema}.orders WHERE id < ${placeholder}`;
    expect(Object.values(await estimate(sql, [5])).some((one) => Number(one) > 0)).toBe(true);
  });
  it('without running it', async () => {
    expect(await estimate(fixture.endless('never_run'))).toBeTypeOf('object');
    // A process that has just answered may still tidy up; the query itself would run for minutes.
    await expect.poll(() => fixture.runs('never_run'), { timeout: 10_000 }).not.toBe(true);
  });
  it('nothing of what is wrong or writes', async () => {
    const refused = expect.objectContaining({ code: 'ENGINE_FAILED' });
    await expect(estimate(`SELECT nothing FROM ${fixture.schema}.orders`)).rejects.toEqual(refused);
    await expect(estimate('ANALYZE SELECT 1')).rejects.toEqual(refused);
  });
}

const some = expect.any(Number);
describe('DuckDB tells', () => {
  explains(duckdb, '$1', { ...NO_ESTIMATE, rows: 10 });

  it('nothing of what is no query', async () => {
    const engine = engines.get('duckdb') as Required<Engine>;
    const sent = engine.estimate(duckdb.target, { sql: 'DELETE FROM orders', values: [] }, LONG_MS, never);
    await expect(sent).rejects.toThrow('Only queries are allowed.');
  });
});
describe.skipIf(!servers.postgres)('PostgreSQL tells', () =>
  explains(postgres, '$1', { ...NO_ESTIMATE, rows: some, cost: some }),
);
describe.skipIf(!servers.mysql)('MariaDB tells', () => explains(mariadb, '?', { ...NO_ESTIMATE, rowsRead: some }));

describe('BigQuery tells', () => {
  const fixture = fixtures.find(({ driver }) => driver === 'bigquery') as (typeof fixtures)[number];
  const engine = engines.get('bigquery') as Required<Engine>;
  let server: EngineServer;
  beforeAll(async () => void (server = await fixture.start()));
  afterAll(() => server.close());
  const estimate = (sql: string): Promise<Estimate> =>
    engine.estimate({ key: 'b', settings: fixture.settings(server.url) }, { sql, values: [] }, LONG_MS, never);

  it('what it would read, by a dry run', async () => {
    expect(await estimate('SELECT 1')).toEqual({ ...NO_ESTIMATE, bytes: 10, usd: '0.000000' });
    expect(bigqueryEstimate(2 ** 40).usd).toBe('6.250000');
  });
  it('nothing of what reads more than the connection allows, or writes', async () => {
    await expect(estimate('SELECT dear')).rejects.toThrow('The query would read 5000000 bytes');
    await expect(estimate('DELETE FROM t')).rejects.toThrow('Only queries are allowed.');
  });
});

describe('plans of MySQL and MariaDB', () => {
  const table = (rows: number, filtered: number, more = {}) => ({ table: { rows, filtered, ...more } });
  it.each([
    ['a table', { query_block: { table: { rows: 7, filtered: 50 } } }, 7, null],
    ['a join', { query_block: { nested_loop: [table(500, 10), table(2, 100)] } }, 600, null],
    [
      'MySQL',
      { query_block: { cost_info: { query_cost: '12.50' }, table: { rows_examined_per_scan: 9, filtered: '33.33' } } },
      9,
      12.5,
    ],
    [
      'a union',
      {
        query_block: {
          union_result: {
            query_specifications: [
              { query_block: { table: { message: 'No tables used' } } },
              { query_block: { nested_loop: [table(3, 100)] } },
            ],
          },
        },
      },
      3,
      null,
    ],
    [
      'a derived table',
      { query_block: { nested_loop: [table(2, 100, { materialized: { query_block: { table: { rows: 40 } } } })] } },
      42,
      null,
    ],
  ])('of %s', (_, plan, rowsRead, cost) => {
    expect(mysqlEstimate(JSON.stringify(plan))).toEqual({ ...NO_ESTIMATE, rowsRead, cost });
  });
  it.each([null, 'no plan', '[]'])('%j say nothing', (plan) => expect(mysqlEstimate(plan)).toEqual(NO_ESTIMATE));
});

const ESTIMATE = `query ($id: ID!, $parameters: JSON) { assetEstimate(assetId: $id, parameters: $parameters) {
  credits balanceAfter isCached note engine { rows rowsRead bytes cost usd } } }`;

describe('assetEstimate', () => {
  let t: TestGateway;
  let shop: Shop;
  beforeAll(async () => {
    t = await testGateway();
    shop = await openShop(t);
  });
  afterAll(() => t.close());

  const ask = (tenant: Tenant, asset: { id: string }, parameters?: unknown, role: 'ANALYST' | 'VIEWER' = 'ANALYST') =>
    t.run(tenant.keys[role], ESTIMATE, { id: gid('Asset', asset), parameters });
  const engine = { rows: 5, rowsRead: null, bytes: null, cost: null, usd: null };
  const sales = { sqlLogic: 'select * from sales', assetType: 'DATA' } as const;

  it('tells buyers what a run costs and leaves, without one', async () => {
    const asset = await shop.listed('1.75', sales);
    const seen = { credits: 4, balanceAfter: 996, isCached: false, note: null, engine };
    expect((await ask(shop.buyer, asset)).data).toEqual({ assetEstimate: seen });
    expect((await ask(shop.seller, asset)).data).toEqual({
      assetEstimate: { ...seen, credits: 0, balanceAfter: expect.any(Number) },
    });
    expect(await t.app.database.prisma.run.count({ where: { assetId: asset.id } })).toBe(0);
    const { creditsBalance } = await t.app.database.prisma.company.findUniqueOrThrow({
      where: { id: shop.buyer.company.id },
    });
    expect(creditsBalance).toBe(1000);
  });

  it('tells buyers the rows alone of what the engine says', async () => {
    const full = { rows: 5, rowsRead: 50, bytes: 500, cost: 1.5, usd: '0.010000' };
    const estimate = vi.spyOn(t.app.engines.get('duckdb') as Required<Engine>, 'estimate').mockResolvedValue(full);
    const asset = await shop.listed('1.00', sales);
    const [own, bought] = [await ask(shop.seller, asset), await ask(shop.buyer, asset)];
    estimate.mockRestore();
    expect(own.data.assetEstimate.engine).toEqual({ ...full, usd: expect.any(String) });
    expect(bought.data.assetEstimate.engine).toEqual(engine);
  });

  it('says nothing in place of an engine that gives no number, or none for buyers', async () => {
    const asset = await shop.listed('1.00', sales);
    const estimate = vi.spyOn(t.app.engines.get('duckdb') as Required<Engine>, 'estimate');
    const heard = async (answer: Partial<Estimate>) => {
      estimate.mockResolvedValue({ ...NO_ESTIMATE, ...answer });
      const answers = [await ask(shop.seller, asset), await ask(shop.buyer, asset)];
      return answers.map(({ data }) => [data.assetEstimate.engine, data.assetEstimate.note]);
    };
    const own = [null, 'DuckDB gave no number of rows for this query.'];
    const bought = [null, 'Its engine gives no estimate.'];
    expect(await heard({})).toEqual([own, bought]);
    expect(await heard({ bytes: 0 })).toEqual([[{ ...engine, rows: null, bytes: 0 }, null], bought]);
    estimate.mockRestore();
  });

  it('asks no engine for buyers that may cost its owner something', async () => {
    const asset = await shop.listed('1.00', sales);
    const duckdb = t.app.engines.get('duckdb') as Required<Engine>;
    const estimate = vi.spyOn(duckdb, 'estimate');
    duckdb.estimatesForBuyers = false;
    const answers = [await ask(shop.buyer, asset), await ask(shop.seller, asset)];
    duckdb.estimatesForBuyers = true;
    expect(answers.map(({ data }) => data.assetEstimate.engine?.rows ?? null)).toEqual([null, 5]);
    expect(estimate).toHaveBeenCalledTimes(1);
    estimate.mockRestore();
    const may = [...new Set(fixtures.map(({ driver }) => driver))].filter(
      (name) => engines.get(name).estimatesForBuyers,
    );
    expect(may).not.toContain('databricks');
    expect(may).not.toContain('athena');
    expect(may).toContain('trino');
  });

  it('says whether a result is kept for the same parameters', async () => {
    const asset = await shop.asset({
      ...sales,
      sqlLogic: 'select * from sales where region = :region',
      cached: true,
      allowParams: true,
      parameters: [parameter('region', 'STRING', { isRequired: true })],
    });
    const isCached = async (region: string) => (await ask(shop.seller, asset, { region })).data.assetEstimate.isCached;
    expect(await isCached('north')).toBe(false);
    await process(t, shop.seller.keys.ANALYST, asset, { parameters: { region: 'north' } });
    expect([await isCached('north'), await isCached('south')]).toEqual([true, false]);
  });

  it('says why an engine does not: it cannot, or is gone; more to its owner', async () => {
    const file = new DatabaseSync(path.join(t.warehouses, 'small.sqlite'));
    file.exec('create table x (n int)');
    file.close();
    const { id: sqliteId } = await t.app.database.prisma.storageEngine.findFirstOrThrow({
      where: { driver: 'sqlite' },
    });
    const lite = await t.world.connection(shop.seller.company.id, {
      engineId: sqliteId,
      settings: { path: 'small.sqlite' },
    });
    const settings = { host: '127.0.0.1', port: 1, database: 'd', username: 'u', password: 'p', tls: 'DISABLED' };
    const gone = await t.world.connection(shop.seller.company.id, { engineId: POSTGRES, settings });
    const notes = async (more: Parameters<Shop['listed']>[1]) => {
      const asset = await shop.listed('0.50', more);
      const answers = [await ask(shop.seller, asset), await ask(shop.buyer, asset)];
      for (const { data } of answers) expect(data.assetEstimate.engine).toBeNull();
      expect(answers[1]?.data.assetEstimate.credits).toBe(1);
      return answers.map(({ data }) => data.assetEstimate.note);
    };
    const cannot = 'Its engine gives no estimate.';
    const sqlite = 'SQLite explains how it would read, but gives no numbers.';
    expect(await notes({ connectionId: lite.id })).toEqual([sqlite, cannot]);
    const hidden = 'Its engine cannot estimate it now.';
    expect(await notes({ connectionId: gone.id })).toEqual(['Nothing answers on this port.', hidden]);
    expect(await notes({ sqlLogic: 'select nothing from sales' })).toEqual([
      expect.stringContaining('nothing'),
      hidden,
    ]);
    expect(await notes({ sqlLogic: 'explain analyze select 1' })).toEqual([
      expect.any(String),
      "The asset's SQL is not allowed.",
    ]);
  });

  it('refuses what a run would refuse, and whoever may not run', async () => {
    const priced = await shop.listed('1.00', sales);
    const refusal = async (sent: ReturnType<typeof ask>) => {
      const { data, errors } = await sent;
      return [data?.assetEstimate, errors?.[0]?.extensions.code ?? null, errors?.[0]?.extensions.argumentPath ?? null];
    };
    expect(await refusal(ask(shop.buyer, priced, { no: 1 }))).toEqual([null, 'VALIDATION', ['parameters', 'no']]);
    expect(await refusal(ask(shop.buyer, priced, [1]))).toEqual([null, 'VALIDATION', ['parameters']]);
    expect(await refusal(ask(shop.other, await shop.asset(sales)))).toEqual([null, 'NOT_FOUND', ['assetId']]);
    const free = await shop.asset({ ...sales, sellInMarketplace: true });
    expect(await refusal(ask(shop.buyer, free))).toEqual([null, 'NOT_FOR_SALE', ['assetId']]);
    expect((await refusal(ask(shop.buyer, priced, {}, 'VIEWER')))[0]).toBeNull();
  });
});
