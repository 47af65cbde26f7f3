import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DUCKDB, duckdbFile, mutate, openShop, process, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let shop: Shop;
let connectionId: string;
beforeAll(async () => {
  t = await testGateway();
  shop = await openShop(t);
  const path = await duckdbFile(t, 'large.duckdb', [
    'CREATE TABLE visits AS SELECT n AS id, n % 4 AS shop, CASE WHEN n = 19 THEN 1 ELSE 0 END AS rare FROM range(20000) r(n)',
    'CREATE TABLE shops AS SELECT n AS id FROM range(4) r(n)',
  ]);
  const made = await t.world.connection(shop.seller.company.id, { engineId: DUCKDB, settings: { path } });
  connectionId = made.id;
});
afterAll(() => t.close());

const RUN = `run { id status value: outcome { ... on CalculationResult { value isSample } ... on DataResult { table { rowCount rows } } ... on RunFailure { code message } }
  sample { table fraction } warnings isBilled credits }`;
const SAMPLED =
  'The values are of a sample: about 10 % of the rows of visits were read. A run reads all of them, and takes longer.';

/** Tests an asset with this SQL; the warning of a slow machine left out. */
async function test(sqlLogic: string, assetType: 'CALCULATION' | 'DATA' = 'CALCULATION') {
  const asset = await shop.asset({ connectionId, sqlLogic, assetType });
  const { run } = await mutate(t, shop.seller.keys.ANALYST, 'assetTest', { id: gid('Asset', asset) }, RUN);
  return { asset, run: { ...run, warnings: run.warnings.filter((text: string) => !/^It took \d+ ms/.test(text)) } };
}

describe('tests on a sample work', () => {
  it('of the largest table, and say so with the value and ever after', async () => {
    const { asset, run } = await test('SELECT count(*) AS n FROM visits JOIN shops ON shop = shops.id');
    expect(run).toMatchObject({
      status: 'SUCCEEDED',
      isBilled: false,
      credits: 0,
      value: { isSample: true },
      sample: { table: 'visits', fraction: 0.1 },
      warnings: [SAMPLED],
    });
    expect(Math.abs(Number(run.value.value) - 2000)).toBeLessThan(300);
    const key = shop.seller.keys.ANALYST;
    const again = await mutate(t, key, 'assetTest', { id: gid('Asset', asset) }, RUN);
    expect(again.run.value).toEqual(run.value);
    const { data } = await t.run(
      key,
      `query ($id: ID!) { node(id: $id) { ... on Run { value: outcome { ... on CalculationResult { value isSample } } sample { table fraction } } } }`,
      { id: run.id },
    );
    expect(data.node).toEqual({ value: run.value, sample: run.sample });
    const row = await t.app.database.prisma.asset.findUniqueOrThrow({ where: { id: asset.id } });
    expect(row.lastTestOkAt).not.toBeNull();
  });

  it('of rows too', async () => {
    const { run } = await test('SELECT shop, count(*) AS n FROM visits GROUP BY shop', 'DATA');
    expect(run).toMatchObject({ value: { table: { rowCount: 4 } }, sample: { table: 'visits' }, warnings: [SAMPLED] });
  });

  it('on all rows where the tables are small or named with a schema', async () => {
    for (const [sql, value, reason] of [
      [
        'SELECT count(*) AS n FROM shops',
        '4',
        'no table that the statement names without its schema has 10,000 rows or more',
      ],
      ['SELECT count(*) AS n FROM main.visits', '20000', 'the statement names no table without its schema'],
    ] as const) {
      const { run } = await test(sql);
      expect(run.value).toEqual({ value, isSample: false });
      expect([run.sample, run.warnings]).toEqual([null, [`All rows were read: ${reason}.`]]);
    }
  });

  it('on all rows where the sample comes to no result: no row, no value, a failure of its own', async () => {
    const whole = ['All rows were read: on a sample the statement came to no result.'];
    for (const sql of [
      'SELECT rare FROM visits WHERE id = 19',
      'SELECT sum(rare) AS n FROM visits WHERE id = 19',
      "SELECT CASE WHEN sum(rare) = 0 THEN error('none') ELSE sum(rare) END::INTEGER AS n FROM visits",
    ]) {
      const { run } = await test(sql);
      expect({ sql, ...run }).toMatchObject({
        sql,
        value: { value: '1', isSample: false },
        sample: null,
        warnings: whole,
      });
    }
    const { run } = await test('SELECT id FROM visits WHERE id = 19', 'DATA');
    expect(run).toMatchObject({ value: { table: { rows: [[19]] } }, sample: null, warnings: whole });
  });
});

describe('tests on a sample refuse', () => {
  it('what fails on all rows too', async () => {
    const { run } = await test("SELECT error('always') AS n FROM visits");
    expect(run).toMatchObject({ status: 'FAILED', value: { code: 'ENGINE_FAILED' }, sample: null, warnings: [] });
    const { asset, run: two } = await test('SELECT shop FROM visits GROUP BY shop');
    expect(two).toMatchObject({ status: 'FAILED', value: { code: 'RESULT_INVALID' } });
    const row = await t.app.database.prisma.asset.findUniqueOrThrow({ where: { id: asset.id } });
    expect(row.lastTestOkAt).toBeNull();
  });
});

describe('tests on a sample guard', () => {
  it('that runs read all rows, right after a test and at the same time', async () => {
    const asset = await shop.listed('1.00', {
      connectionId,
      sqlLogic: 'SELECT count(*) AS n FROM visits',
      assetType: 'CALCULATION',
    });
    const tested = () => mutate(t, shop.seller.keys.ANALYST, 'assetTest', { id: gid('Asset', asset) }, RUN);
    const answers = await Promise.all([
      tested(),
      process(t, shop.buyer.keys.ANALYST, asset),
      tested(),
      process(t, shop.seller.keys.ANALYST, asset),
    ]);
    expect(answers.map(({ run }) => run.value?.isSample ?? run.outcome.value)).toEqual([true, '20000', true, '20000']);
    const after = await process(t, shop.buyer.keys.ANALYST, asset);
    expect(after.run.outcome.value).toBe('20000');
  });
});
