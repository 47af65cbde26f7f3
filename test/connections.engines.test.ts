import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mutate } from './assets.fixtures.ts';
import { directoryOf, engines, LARGE, TEXTS, type Fixture, type Opened } from './connections.engines.fixtures.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';
import type { Cell } from '../src/warehouse/engine.ts';

/** Samples of tables, distinct values and test runs on each engine behind the port, through the front door. */

let t: TestGateway;
let us: Tenant;

beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
});
afterAll(() => t.close());

describe.each(engines.map((fixture) => [fixture.engine, fixture] as const))('%s', (_, fixture) => {
  describe.skipIf(!fixture.isHere)('behind the port', () => contract(fixture));
});

function contract(fixture: Fixture): void {
  const { schema, table, column, quoted, blocks, random } = fixture;
  let opened: Opened;
  let connectionId: string;

  beforeAll(async () => {
    opened = await fixture.open(directoryOf(t.warehouses));
    const { engineId } = fixture;
    const made = await t.world.connection(us.company.id, { engineId, settings: opened.settings as object });
    connectionId = made.id;
  });
  afterAll(async () => {
    await t.app.engines.get('sqlserver').close();
    await opened.close();
  });

  interface Sample {
    columns: { name: string; type: string }[];
    values: Cell[][];
    rowCount: number;
  }
  async function sample(from: string, limit: number): Promise<Sample> {
    const { data, errors } = await t.run(
      us.keys.EDITOR,
      'query ($id: ID!, $schema: String!, $table: String!, $limit: Int!) { company { connection(id: $id) { sampleData(schema: $schema, table: $table, limit: $limit) { columns { name type } values rowCount } } } }',
      { id: gid('Connection', connectionId), schema, table: from, limit },
    );
    if (errors) throw new Error(JSON.stringify(errors));
    return data.company.connection.sampleData as Sample;
  }
  async function distinct(from: string, of: string, limit: number): Promise<Cell[]> {
    const asset = await t.world.asset(us.company.id, { connectionId, sourceSchemaName: schema, sourceTableName: from });
    const { data, errors } = await t.run(
      us.keys.EDITOR,
      'query ($id: ID!, $column: String!, $limit: Int!) { company { asset(by: { id: $id }) { distinctValues(column: $column, limit: $limit) } } }',
      { id: gid('Asset', asset), column: of, limit },
    );
    if (errors) throw new Error(JSON.stringify(errors));
    return data.company.asset.distinctValues as Cell[];
  }
  /** The statements of one piece of work, where an engine of ours tells them; the catalogue's left out. */
  async function ran(work: () => Promise<unknown>): Promise<string[] | undefined> {
    const before = opened.ran?.length ?? 0;
    await work();
    return opened.ran?.slice(before);
  }
  const sorted = (values: Cell[]): Cell[] =>
    values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const first = (rows: number, rest: string): string =>
    fixture.engine === 'SQL Server' ? `SELECT TOP (${rows}) ${rest}` : `SELECT ${rest} LIMIT ${rows}`;

  it('gives all rows of a small table as its sample, at random', async () => {
    const { columns, values, rowCount } = await sample(table, 100);
    expect(columns.map(({ name, type }) => [name, type])).toEqual([
      [column, 'STRING'],
      ['ratio', 'FLOAT'],
    ]);
    expect(rowCount).toBe(TEXTS.length);
    expect(sorted(values[0] ?? [])).toEqual(sorted(TEXTS));
    const orders = await Promise.all(Array.from({ length: 12 }, async () => (await sample(table, 100)).values[0]));
    // Of 8! / 2! / 2! orders, that all are the same comes once in 10^44 times.
    expect(new Set(orders.map((one) => JSON.stringify(one))).size).toBeGreaterThan(1);
  });

  it('gives at most as many rows as were asked for, each row once, others each time', async () => {
    const [one, other] = [await sample('large', 200), await sample('large', 200)];
    for (const { values, rowCount } of [one, other]) {
      const numbers = values[0] as number[];
      expect([rowCount, new Set(numbers).size]).toEqual([200, 200]);
      expect(numbers.every((n) => Number.isInteger(n) && n >= 1 && n <= LARGE)).toBe(true);
      // From all over the table where the engine picks blocks: 200 of the first 100,000 come once in 10^95 times.
      if (blocks !== null) expect(Math.max(...numbers)).toBeGreaterThan(100_000);
    }
    expect(sorted(other.values[0] ?? [])).not.toEqual(sorted(one.values[0] ?? []));
  });

  it('samples a view too', async () => {
    const { values } = await sample('seen', 3);
    expect(values[0]).toHaveLength(3);
    expect(values[0]?.every((text) => TEXTS.includes(text as string))).toBe(true);
  });

  it('gives the distinct values of a column, sorted, without null, at most so many', async () => {
    const all = ['', 'apple', 'banana', 'cherry "x"', "d'or"];
    expect(await distinct(table, column, 5000)).toEqual(all);
    expect(await distinct(table, column, 5)).toEqual(all);
    expect(await distinct(table, column, 3)).toEqual(all.slice(0, 3));
    expect(await distinct('seen', 'seen', 100)).toEqual(all);
    expect(await distinct(table, 'ratio', 100)).toEqual([-2, 0.5, 7]);
    const most = await distinct('large', 'n', 5000);
    expect([most.length, most.at(0), most.at(-1)]).toEqual([5000, 1, 5000]);
  });

  it('says so where a test run reads all rows', async () => {
    const asset = await t.world.asset(us.company.id, { connectionId, assetType: 'CALCULATION', sqlLogic: 'SELECT 1' });
    const selection = 'run { status sample { table } warnings }';
    const { run } = await mutate(t, us.keys.ANALYST, 'assetTest', { id: gid('Asset', asset) }, selection);
    const reason = fixture.isSampled
      ? /^All rows were read: .*table/
      : /^All rows were read: its engine has no sampling/;
    expect(run).toMatchObject({ status: 'SUCCEEDED', sample: null });
    expect(run.warnings.at(-1)).toMatch(reason);
  });

  it.skipIf(quoted === undefined)('is asked in its own words', async () => {
    const [from, name] = quoted ?? ['', ''];
    const bounded = {
      'SQL Server': 'OFFSET 0 ROWS FETCH NEXT 7 ROWS ONLY',
      Trino: 'OFFSET 0 LIMIT 7',
      Athena: 'OFFSET 0 LIMIT 7',
    }[fixture.engine];
    expect(await ran(() => distinct(table, column, 7))).toEqual([
      `SELECT DISTINCT ${name} FROM ${from} WHERE ${name} IS NOT NULL ORDER BY ${name} ${bounded ?? 'LIMIT 7 OFFSET 0'}`,
    ]);
    const quote = (text: string): string => name.at(0) + text + name.at(-1);
    const ofSample = (columns: string, what: string, limit: number): string =>
      first(limit, `${columns} FROM (${first(100_000, `${columns} FROM ${what}`)}) picked ORDER BY ${random}()`);
    const small = fixture.engine === 'BigQuery' ? ` ${blocks}` : '';
    expect(await ran(() => sample(table, 7))).toEqual([ofSample(`${name}, ${quote('ratio')}`, `${from}${small}`, 7)]);
    const large = `${quote('shop')}.${quote('large')}${blocks === null ? '' : ` ${blocks}`}`;
    expect(await ran(() => sample('large', 7))).toEqual([ofSample(quote('n'), large, 7)]);
  });

  it.skipIf(quoted === undefined || blocks === null)('reads from the first rows where it reads no blocks', async () => {
    const statements = await ran(async () => {
      const { values } = await sample('external', 100);
      expect(sorted(values[0] ?? [])).toEqual(sorted(Array.from({ length: 20 }, (_, i) => i + 1)));
    });
    expect(statements?.map((sql) => sql.includes('TABLESAMPLE'))).toEqual([true, false]);
  });

  it.skipIf(fixture.engine !== 'PostgreSQL')('gives what there is where a table was larger once', async () => {
    const { values } = await sample('shrunk', 100);
    expect(sorted(values[0] ?? [])).toEqual(sorted(Array.from({ length: 20 }, (_, i) => i + 1)));
    expect((await sample('shrunk', 5)).rowCount).toBe(5);
  });

  it.skipIf(fixture.engine !== 'ClickHouse')('has no table whose name cannot be said for certain', async () => {
    await expect(sample('back\\slash', 5)).rejects.toThrow('NOT_FOUND');
    await expect(distinct('back\\slash', 'n', 5)).rejects.toThrow('NOT_FOUND');
  });
}
