import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, Estimate, ParameterValue } from '../src/warehouse/engine.ts';
import { NO_ESTIMATE } from '../src/warehouse/estimate.ts';
import { createEngines } from '../src/warehouse/registry.ts';
import { fixtures, SECRET } from './helpers/engine-fixtures.ts';
import type { EngineServer } from './helpers/engine-servers.ts';
import { startTds, type TdsServer } from './helpers/tds-server.ts';
import * as tds from './helpers/tds-tokens.ts';
import { startTdsWarehouse, type TdsWarehouse } from './helpers/tds-warehouse.ts';

const LONG_MS = 20_000;
const never = new AbortController().signal;
const engines = createEngines({ duckdbRoots: [], network: { allowPrivate: ['127.0.0.0/8'] } });
afterAll(() => engines.close());

interface Case {
  driver: string;
  whole: Partial<Estimate>;
  /** What is left where a figure is none. */
  odd: Partial<Estimate>;
  prefix: string;
  /** A statement with a value, and what the service gets of the two. */
  bound: [sql: string, seen: (request: EngineServer['seen'][number]) => unknown, expected: unknown] | null;
}

const READ = { rows: 5401, rowsRead: 6026, bytes: 54_234 };
const TRINO = 'EXPLAIN (TYPE DISTRIBUTED, FORMAT JSON) ';
const cases: Case[] = [
  {
    driver: 'clickhouse',
    whole: { rowsRead: 1128 },
    odd: {},
    prefix: 'EXPLAIN ESTIMATE ',
    bound: [
      '-- all\nSELECT {p1:String}',
      ({ text, query }) => [text, query.get('param_p1'), query.get('readonly')],
      ['EXPLAIN ESTIMATE -- all\nSELECT {p1:String}', "it's", '1'],
    ],
  },
  {
    driver: 'snowflake',
    whole: { bytes: 1_048_576 },
    odd: {},
    prefix: 'EXPLAIN USING JSON ',
    bound: [
      '-- all\nSELECT ?',
      ({ json }) => [json['statement'], json['bindings']],
      ['EXPLAIN USING JSON -- all\nSELECT ?', { 1: { type: 'TEXT', value: "it's" } }],
    ],
  },
  {
    driver: 'trino',
    whole: READ,
    odd: { rows: 5401 },
    prefix: TRINO,
    bound: ['-- all\nSELECT ?', ({ text }) => text, `${TRINO}EXECUTE IMMEDIATE '-- all\nSELECT ?' USING 'it''s'`],
  },
  {
    driver: 'databricks',
    whole: { rows: 1, bytes: 2 * 2 ** 20 },
    odd: { rows: 1 },
    prefix: 'EXPLAIN COST ',
    bound: [
      '-- all\nSELECT :p1',
      ({ json }) => [json['statement'], json['parameters']],
      ['EXPLAIN COST -- all\nSELECT :p1', [{ name: 'p1', type: 'STRING', value: "it's" }]],
    ],
  },
  { driver: 'athena', whole: READ, odd: { rows: 5401 }, prefix: TRINO, bound: null },
];

/** The service of a driver in small, for the tests of a group, and how its engine is asked. */
function service(driver: string) {
  const fixture = fixtures.find((one) => one.driver === driver) as (typeof fixtures)[number];
  const engine = engines.get(driver) as Required<Engine>;
  let server: EngineServer;
  beforeAll(async () => void (server = await fixture.start()));
  afterAll(() => server.close());
  return {
    noEstimate: engine.noEstimate,
    seen: () => server.seen,
    estimate: (sql: string, values: ParameterValue[] = [], timeoutMs = LONG_MS): Promise<Estimate> =>
      engine.estimate({ key: server.url, settings: fixture.settings(server.url) }, { sql, values }, timeoutMs, never),
  };
}

describe.each(cases)('$driver tells', ({ driver, whole, odd, prefix }) => {
  const { seen, estimate, noEstimate } = service(driver);
  /** The statements that the service got. */
  const sent = (): string[] =>
    seen()
      .map(
        ({ text, json }) =>
          [json['statement'], json['QueryString'], text].find((one) => typeof one === 'string') as string,
      )
      .filter((text) => /SELECT/.test(text));

  it('what it would read, and is never told to run it', async () => {
    expect(await estimate('SELECT 1')).toEqual({ ...NO_ESTIMATE, ...whole });
    expect(await estimate('-- all\n/* of them */ SELECT 1')).toEqual({ ...NO_ESTIMATE, ...whole });
    expect(sent()).toEqual([`${prefix}SELECT 1`, `${prefix}-- all\n/* of them */ SELECT 1`]);
  });

  it('nothing of what it does not know, or says in no form that is known', async () => {
    expect(await estimate('SELECT plan_none')).toEqual(NO_ESTIMATE);
    expect(await estimate('SELECT plan_odd')).toEqual({ ...NO_ESTIMATE, ...odd });
    expect(await estimate('SELECT plan_silly')).toEqual(NO_ESTIMATE);
    expect(noEstimate).toMatch(/^\w.*\.$/);
  });

  it('why it explains nothing', async () => {
    await expect(estimate('SELECT act_silly')).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    const broken = estimate('SELECT act_broken');
    await expect(broken).rejects.toMatchObject({ code: 'ENGINE_FAILED', message: expect.not.stringContaining(SECRET) });
    await expect(estimate('SELECT act_slow', [], 300)).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
  });
});

describe.each(cases.flatMap((one) => (one.bound ? [{ ...one, bound: one.bound }] : [])))(
  '$driver takes',
  ({ driver, whole, bound: [sql, valuesOf, expected] }) => {
    const { seen, estimate } = service(driver);
    it('values that stay values', async () => {
      expect(await estimate(sql, ["it's"])).toEqual({ ...NO_ESTIMATE, ...whole });
      const request = seen().findLast(({ method, text }) => method === 'POST' && text.includes('-- all'));
      expect(request && valuesOf(request)).toEqual(expected);
    });
  },
);

describe('Athena', () => {
  const { seen, estimate } = service('athena');
  it('explains no query with values, and is not asked to', async () => {
    await expect(estimate('SELECT ?', [1])).rejects.toThrow('The service explains no query with parameters.');
    expect(seen()).toEqual([]);
  });
  it('may name its column before the plan', async () => {
    expect(await estimate('SELECT plan_headed')).toEqual({ ...NO_ESTIMATE, ...READ });
  });
});

describe('Databricks', () => {
  const { estimate } = service('databricks');
  it('says that it takes no values, or could not plan', async () => {
    const unbound = estimate('SELECT :p1, plan_unbound', [1]);
    await expect(unbound).rejects.toThrow('The service explains no query with parameters.');
    await expect(estimate('SELECT plan_unbound')).rejects.toThrow('UNBOUND_SQL_PARAMETER');
    await expect(estimate('SELECT plan_failed')).rejects.toThrow('Databricks could not plan the query.');
  });
});

describe('ClickHouse', () => {
  const { seen, estimate } = service('clickhouse');
  it.each([
    'SELECT (SELECT max(n) FROM t)',
    'SELECT n FROM t WHERE n > (/* all */ select max(n) FROM t)',
    'SELECT n FROM t WHERE n IN (SELECT n FROM u)',
    'WITH x AS (SELECT n FROM u) SELECT n FROM t WHERE n GLOBAL IN x',
    'SELECT n FROM t WHERE n IN "u"',
    'SELECT n FROM t WHERE EXISTS (SELECT 1)',
    'WITH (SELECT 1) AS one SELECT one',
    'SELECT (WITH x AS (SELECT 1 AS n) SELECT n FROM x)',
  ])('would run a part of %s to explain it, and is not asked to', async (sql) => {
    await expect(estimate(sql)).rejects.toThrow('ClickHouse would run the subqueries');
    expect(seen()).toEqual([]);
  });
  it.each([
    'SELECT n FROM (SELECT n FROM t)',
    'WITH x AS (SELECT n FROM t) SELECT n FROM x JOIN (SELECT n FROM u) AS y ON x.n = y.n',
    "SELECT n FROM t WHERE s = '(select 1)' AND n IN (1, 2)",
  ])('plans the whole of %s', async (sql) => {
    expect(await estimate(sql)).toEqual({ ...NO_ESTIMATE, rowsRead: 1128 });
    seen().splice(0);
  });
});

describe('SQL Server tells', () => {
  const engine = engines.get('sqlserver') as Required<Engine>;
  let shop: TdsWarehouse;
  const open: TdsServer[] = [];
  beforeAll(async () => void (shop = await startTdsWarehouse(SECRET)));
  afterAll(async () => {
    await engine.close();
    for (const server of [shop, ...open]) await server.close();
  });
  let targets = 0;
  const target = (server: TdsServer) => ({
    key: `plans-${++targets}`,
    settings: {
      host: '127.0.0.1',
      port: server.port,
      database: 'shop',
      username: 'reader',
      password: SECRET,
      tls: 'DISABLED',
    },
  });
  const estimate = (sql: string, values: ParameterValue[] = [], server: TdsServer = shop): Promise<Estimate> =>
    engine.estimate(target(server), { sql, values }, LONG_MS, never);
  const whole = { ...NO_ESTIMATE, rows: 3, cost: 0.046_418_5 };

  it('what it expects, and runs nothing', async () => {
    expect(await estimate('-- all\nSELECT n FROM numbers(7)')).toEqual(whole);
    expect(await estimate('SELECT \'StatementEstRows="7" <StmtSimple StatementType="SELECT"/>\' AS x')).toEqual(whole);
    expect(shop.statements).toContain('-- all\nSELECT n FROM numbers(7)');
    expect(shop.ran.filter((sql) => sql.includes('SELECT'))).toEqual([]);
  });

  it('with values declared and never sent, by the kinds in which they are bound', async () => {
    const values = [1, 2 ** 40, 0.5, true, null, "it's", 'é'.repeat(5000)];
    expect(await estimate('WITH x AS (SELECT @p1 AS n) SELECT n FROM x', values)).toEqual(whole);
    expect(shop.statements.at(-1)).toBe(
      'DECLARE @p1 int, @p2 bigint, @p3 float, @p4 bit, @p5 nvarchar(4000), @p6 nvarchar(4000), @p7 nvarchar(max);\nWITH x AS (SELECT @p1 AS n) SELECT n FROM x',
    );
  });

  it('on a session that nobody gets afterwards', async () => {
    const at = target(shop);
    await engine.estimate(at, { sql: 'SELECT 1 AS a', values: [] }, LONG_MS, never);
    const limits = { timeoutMs: LONG_MS, maxRows: 10, maxBytes: 10_000 };
    const { columns } = await engine.run(at, { sql: 'SELECT n FROM numbers(7)', values: [] }, limits, never);
    expect(columns.map(({ name }) => name)).toEqual(['n']);
    expect(shop.statements.filter((sql) => sql === 'SET SHOWPLAN_XML OFF')).toEqual([]);
  });

  it('nothing of what it says in no form that is known, and what the user lacks', async () => {
    expect(await estimate('SELECT plan_odd')).toEqual(NO_ESTIMATE);
    await expect(estimate('SELECT plan_silly')).rejects.toThrow('The server shows no plan of this query.');
    await expect(estimate('SELECT plan_denied')).rejects.toThrow('GRANT SHOWPLAN');
  });

  it.each([
    ['gives rows', [tds.columns([['', tds.types.int]]), tds.row([['', tds.types.int]], [1]), tds.done(0, 1)]],
    ['says nothing', [tds.done()]],
    ['fails', [tds.error(50_000, 'No.'), tds.done(2)]],
  ])('nothing to a server that %s in place of plans: it never gets the statement', async (_, answer) => {
    const server = await startTds({
      answer: ({ sql, send }) => (sql === 'SELECT 1' ? send(...answer) : send(tds.done())),
    });
    open.push(server);
    await expect(estimate('SELECT secret FROM orders', [], server)).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(server.statements.at(-1)).toBe('SELECT 1');
    expect(server.statements.join(' ')).not.toContain('secret');
  });
});
