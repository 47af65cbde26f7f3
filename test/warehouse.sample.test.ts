import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbedded } from '../src/database/embedded.ts';
import type { EngineError, EngineErrorCode, Limits, ParameterValue } from '../src/warehouse/engine.ts';
import { collect } from '../src/warehouse/query.ts';
import type { QueryResult } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';
import { isSampled, NO_BARE_NAME, NO_SESSION_SAMPLE } from '../src/warehouse/sample.ts';
import { testDatabase } from './helpers/database.ts';
import { openRedshiftProxy } from './helpers/redshift-proxy.ts';
import { duckdb, embedded, postgres, sqlite, type Fixture, type Server } from './warehouse.sample.fixtures.ts';
import { directory, LIMITS, mariadb, name, servers } from './warehouse.fixtures.ts';

const engines = createEngines({ duckdbRoots: [directory], network: { allowPrivate: ['127.0.0.0/8', '::1'] } });
const never = new AbortController().signal;
const SAMPLE = { percent: 10, minRows: 10_000 };
const TOO_SMALL = { whole: 'no table that the statement names without its schema has 10,000 rows or more' };
const HIDDEN = { whole: 'a sample of sales would not stand for the table in this statement' };
const SALES = { table: 'sales', fraction: 0.1 };

afterAll(async () => {
  await engines.close();
  await rm(directory, { recursive: true, force: true });
});

type More = Partial<Limits> & { signal?: AbortSignal; values?: ParameterValue[] };

/** What all engines that sample have in common. */
function contract(fixture: Fixture): { query: (sql: string, more?: More) => Promise<QueryResult> } {
  const engine = engines.get(fixture.driver);
  const target = { key: `${name}-${fixture.key}-sample`, settings: fixture.settings };

  beforeAll(() => fixture.setUp());
  afterAll(async () => {
    await engine.close();
    await fixture.tearDown();
  });

  function query(sql: string, { signal = never, values = [], ...limits }: More = {}): Promise<QueryResult> {
    return collect(
      engine,
      target,
      { sql, values },
      { ...LIMITS, sample: SAMPLE, ...limits },
      { onExcess: 'truncate' },
      signal,
    );
  }
  async function whole(sql: string): Promise<unknown> {
    const { sampling, values } = await collect(
      engine,
      target,
      { sql, values: [] },
      LIMITS,
      { onExcess: 'fail' },
      never,
    );
    expect(sampling).toBeUndefined();
    return values[0]?.[0];
  }
  const code = (promise: Promise<unknown>): Promise<EngineErrorCode | null> =>
    promise.then(
      () => null,
      (error: { code: EngineErrorCode }) => error.code,
    );
  const COUNT = 'SELECT count(*) AS n, sum(id) AS ids FROM sales';

  it('reads about a tenth of the table behind the statement, the same each time', async () => {
    const first = await query(COUNT);
    expect(first.sampling).toEqual(SALES);
    const [rows] = first.values[0] as number[];
    expect(rows).toBeGreaterThan(1700);
    expect(rows).toBeLessThan(2300);
    for (let i = 0; i < 6; i++) expect((await query(COUNT)).values).toEqual(first.values);
  });

  it('leaves nothing to another run on the same connection', async () => {
    const runs = await Promise.all(
      Array.from({ length: 16 }, (_, i) => (i % 2 ? whole(COUNT) : query(COUNT).then(({ sampling }) => sampling))),
    );
    expect(runs).toEqual(Array.from({ length: 16 }, (_, i) => (i % 2 ? 20_000 : SALES)));
    for (let i = 0; i < 6; i++) expect(await whole('SELECT count(*) FROM sales')).toBe(20_000);
  });

  it('samples the largest table alone, so that joins keep their sense', async () => {
    const { values, sampling } = await query(
      'SELECT count(*), count(DISTINCT shops.id) FROM sales JOIN shops ON shop = shops.id JOIN "Big Sales" b ON b.id = sales.id % 12000',
    );
    expect(sampling).toEqual(SALES);
    expect(values).toEqual([[(await query(COUNT)).values[0]?.[0]], [4]]);
  });

  it('gives a statement that reads the table twice the same rows twice', async () => {
    const { values, sampling } = await query('SELECT count(*) FROM sales a JOIN sales b ON a.id = b.id');
    expect([values[0], sampling]).toEqual([(await query(COUNT)).values[0], SALES]);
    const both = await query('SELECT count(*) FROM sales WHERE id NOT IN (SELECT id FROM sales)');
    expect([both.values, both.sampling]).toEqual([[[0]], SALES]);
  });

  it('keeps rows apart in subqueries, and binds values', async () => {
    const sql =
      fixture.driver === 'sqlite'
        ? 'SELECT ?1, min(id) FROM sales WHERE id >= ?1'
        : 'SELECT $1::int, min(id) FROM sales WHERE id >= $1::int';
    const { values, sampling } = await query(sql, { values: [15_000] });
    expect(sampling).toEqual(SALES);
    expect(values[1]?.[0]).toBeGreaterThanOrEqual(15_000);
    const inner = await query('SELECT (SELECT count(*) FROM sales) FROM shops');
    expect([inner.rowCount, inner.sampling, inner.values[0]?.[0]]).toEqual([
      4,
      SALES,
      (await query(COUNT)).values[0]?.[0],
    ]);
  });

  it('knows a name in quotes and in another case', async () => {
    const big = await query('SELECT count(*) FROM "Big Sales"');
    expect(big.sampling).toEqual({ table: 'Big Sales', fraction: 0.1 });
    expect(big.values[0]?.[0]).toBeLessThan(1500);
    expect((await query('SELECT count(*) FROM SALES')).sampling).toEqual(SALES);
  });

  it('keeps the names, types and order of the columns', async () => {
    const { columns, sampling } = await query('SELECT * FROM sales ORDER BY id DESC');
    const plain = await collect(
      engine,
      target,
      { sql: 'SELECT * FROM sales', values: [] },
      { ...LIMITS, maxRows: 1 },
      { onExcess: 'truncate' },
      never,
    );
    expect([columns, sampling]).toEqual([plain.columns, SALES]);
  });

  it('leaves a CTE of that name as it is', async () => {
    const cte = await query('WITH sales AS (SELECT 7 AS id) SELECT count(*), max(id) FROM sales');
    expect(cte.values).toEqual([[1], [7]]);
    expect(cte.sampling).toEqual(fixture.driver === 'sqlite' ? TOO_SMALL : HIDDEN);
    const over = query('WITH sales AS (SELECT * FROM sales WHERE id >= 0) SELECT count(*) FROM sales');
    if (fixture.isCteOverTable) {
      expect((await over).sampling).toEqual(SALES);
      expect((await over).values).toEqual([[(await query(COUNT)).values[0]?.[0]]]);
    } else expect(await code(over)).toBe('ENGINE_FAILED');
    const inside = await query('WITH inner_sales AS (SELECT id FROM sales) SELECT count(*) FROM inner_sales');
    expect(inside.sampling).toEqual(SALES);
  });

  it('reads a table whole that is named with its schema', async () => {
    const { values, sampling } = await query(`SELECT count(*) FROM ${fixture.schema}.sales`);
    expect(values).toEqual([[20_000]]);
    expect(sampling).toEqual(fixture.driver === 'sqlite' ? HIDDEN : { whole: NO_BARE_NAME });
  });

  it.skipIf(!fixture.other)('never takes a table of another schema for it', async () => {
    const { other } = fixture;
    expect((await query(`SELECT count(*) FROM ${other}.sales`)).values).toEqual([[3]]);
    const both = await query(`SELECT (SELECT count(*) FROM ${other}.sales), count(*) FROM sales`);
    expect([both.values[0], both.sampling]).toEqual([[3], SALES]);
  });

  it('reads a view whole, also beside a sample', async () => {
    const { values, sampling } = await query('SELECT count(*) FROM paid');
    expect([values, sampling]).toEqual([[[20_000]], fixture.driver === 'sqlite' ? HIDDEN : TOO_SMALL]);
    expect((await query('SELECT count(*) FROM shops, paid WHERE paid.id = shops.id')).values).toEqual([[4]]);
  });

  it('reads tables of fewer rows whole', async () => {
    const { values, sampling } = await query('SELECT count(*) FROM small');
    expect([values, sampling]).toEqual([[[9999]], TOO_SMALL]);
    expect((await query('SELECT 1')).sampling).toHaveProperty('whole');
  });

  it('reads the table whole where a view cannot stand for it', async () => {
    const { values, sampling } = await query(fixture.ofTable);
    expect([values, sampling]).toEqual([[[20_000]], { whole: expect.stringContaining('sample') }]);
  });

  it.each(fixture.writes)('refuses %s on a sample too', async (sql) => {
    expect(await code(query(sql))).toBe('ENGINE_FAILED');
    expect([await whole('SELECT count(*) FROM sales'), await whole('SELECT count(*) FROM shops')]).toEqual([20_000, 4]);
  });

  it('says what is wrong with a statement', async () => {
    await expect(query('SELECT no_such_column FROM sales')).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining('no_such_column'),
    });
    expect(await code(query('SELECT * FROM no_such_table'))).toBe('ENGINE_FAILED');
  });

  it('stops at the timeout and when it is cancelled, and leaves nothing then', async () => {
    const endless = 'SELECT count(*) FROM sales a, sales b, sales c, sales d WHERE a.id + b.id + c.id + d.id < 0';
    expect(await code(query(endless, { timeoutMs: 400 }))).toBe('QUERY_TIMEOUT');
    const controller = new AbortController();
    const running = code(query(endless, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 400);
    expect(await running).toBe('CANCELLED');
    expect(await code(query(COUNT, { signal: AbortSignal.abort() }))).toBe('CANCELLED');
    for (let i = 0; i < 6; i++) expect(await whole('SELECT count(*) FROM sales')).toBe(20_000);
  });

  // A sample of all rows shows that the view means what the table meant, wherever a name stands.
  it('means the same wherever the name stands', async () => {
    const { schema } = fixture;
    const statements = [
      'SELECT sales.id, sales.amount FROM sales WHERE sales.id < 9 ORDER BY sales.id',
      'SELECT s.* FROM sales AS s WHERE s.id IN (3, 5) ORDER BY 1',
      'SELECT count(*) FROM shops AS sales',
      'SELECT count(*), max(sales.id) FROM sales AS shops, shops AS sales',
      'SELECT count(*) FROM sales NATURAL JOIN "Big Sales"',
      'SELECT id FROM sales UNION SELECT id FROM shops ORDER BY id LIMIT 7 OFFSET 19990',
      'SELECT count(*) FROM sales WHERE EXISTS (SELECT 1 FROM shops WHERE shops.id = sales.shop AND shops.id > 1)',
      'SELECT shops.id, (SELECT count(*) FROM sales WHERE shop = shops.id) AS n FROM shops ORDER BY 1',
      'SELECT shop, sum(amount), count(*) FROM sales GROUP BY shop HAVING count(*) > 10 ORDER BY shop',
      'SELECT id, row_number() OVER (PARTITION BY shop ORDER BY id DESC) AS r FROM sales ORDER BY r, id LIMIT 9',
      'WITH a AS (SELECT * FROM sales), sales AS (SELECT * FROM a WHERE id < 5) SELECT count(*) FROM sales, a',
      'WITH a AS (WITH sales AS (SELECT 1 AS id) SELECT id FROM sales) SELECT count(*) FROM a, sales',
      'WITH RECURSIVE sales(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM sales WHERE id < 40) SELECT count(*) FROM sales',
      'WITH RECURSIVE r(id) AS (SELECT 0 UNION ALL SELECT s.id FROM r JOIN sales s ON s.id = r.id + 1 WHERE r.id < 30) SELECT count(*) FROM r',
      `SELECT count(*) FROM sales a JOIN ${schema}.sales b ON a.id = b.id`,
      `SELECT (SELECT count(*) FROM ${schema}.sales), (SELECT count(*) FROM paid), (SELECT count(*) FROM sales)`,
      "SELECT count(*) FROM sales -- FROM sales\n WHERE 'sales' = 'sales' /* sales */",
      'SELECT count(*) FROM sales LEFT JOIN small ON small.id = sales.id WHERE small.id IS NULL',
      'SELECT avg(amount) FROM (SELECT amount FROM sales EXCEPT SELECT amount FROM sales WHERE shop = 2) x',
    ];
    let sampled = 0;
    const refusal = ({ code: refused, message }: EngineError) => ({ refused, message });
    for (const sql of statements) {
      const all = await query(sql, { sample: { percent: 100, minRows: 5000 } }).catch(refusal);
      const plain = await query(sql, { sample: { percent: 100, minRows: 1e9 } }).catch(refusal);
      if ('sampling' in all && isSampled(all.sampling)) sampled++;
      const told = (answer: typeof all): unknown =>
        'refused' in answer ? answer : { columns: answer.columns, values: answer.values };
      expect({ sql, answer: told(all) }).toEqual({ sql, answer: told(plain) });
    }
    expect(sampled).toBeGreaterThanOrEqual(15);
  });

  it('leaves nothing where a result is cut off or too large', async () => {
    const cut = await query('SELECT id FROM sales', { maxRows: 5 });
    expect([cut.rowCount, cut.truncated, cut.sampling]).toEqual([5, true, SALES]);
    expect(await code(query('SELECT * FROM sales', { maxBytes: 500 }))).toBe('RESULT_TOO_LARGE');
    for (let i = 0; i < 6; i++) expect(await whole('SELECT count(*) FROM sales')).toBe(20_000);
  });

  return { query };
}

/** From a million rows on, whole blocks are drawn. */
function blocks(query: (sql: string, more?: More) => Promise<QueryResult>): void {
  it('draws blocks of a table of more than a million rows', async () => {
    const { values, sampling } = await query('SELECT count(*) FROM huge');
    expect(sampling).toEqual({ table: 'huge', fraction: 0.1 });
    expect(values[0]?.[0]).toBeGreaterThan(60_000);
    expect(values[0]?.[0]).toBeLessThan(200_000);
    for (let i = 0; i < 8; i++) {
      const again = await query('SELECT count(*) FROM huge a JOIN huge b ON a.id = b.id JOIN huge c ON a.id = c.id');
      expect([again.values, again.sampling]).toEqual([values, sampling]);
    }
  });
}

describe('a sample in DuckDB', () => {
  const { query } = contract(duckdb);
  blocks(query);

  it('does not change what a view of another schema means by the name', async () => {
    const { values, sampling } = await query('SELECT (SELECT count(*) FROM other.mine), count(*) FROM ambiguous');
    expect([values, sampling]).toEqual([
      [[3], [20_000]],
      { whole: 'a sample of ambiguous would not stand for the table in this statement' },
    ]);
    const over = await query('SELECT (SELECT count(*) FROM third.abroad), count(*) FROM sales');
    expect([over.values[0], over.sampling]).toEqual([over.values[1], SALES]);
  });

  it('runs a PIVOT whole', async () => {
    const { rowCount, sampling } = await query('PIVOT sales ON shop USING count(*)');
    expect([rowCount > 0, sampling]).toEqual([true, { whole: NO_BARE_NAME }]);
  });
});

describe('a sample of files', () => {
  const settings = {
    path: 'files',
    tables: [
      { name: 'Sales', files: 'sales.parquet', format: 'PARQUET' },
      { name: 'clicks', files: 'clicks.csv', format: 'CSV' },
      { name: 'shops', files: 'shops.csv', format: 'CSV' },
    ],
  };
  beforeAll(async () => {
    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(directory, 'files'));
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    for (const [file, count] of [
      ['sales.parquet', 30_000],
      ['clicks.csv', 20_000],
      ['shops.csv', 4],
    ] as const)
      await connection.run(
        `COPY (SELECT n AS id, n % 4 AS shop FROM range(${count}) r(n)) TO '${join(directory, 'files', file)}'`,
      );
    connection.closeSync();
    instance.closeSync();
  });

  it('is of the largest table that the statement names, whatever its format', async () => {
    const engine = engines.get('duckdb-files');
    const query = (sql: string, limits: Limits): Promise<QueryResult> =>
      collect(engine, { key: `${name}-files`, settings }, { sql, values: [] }, limits, { onExcess: 'fail' }, never);
    const sampled = { ...LIMITS, sample: SAMPLE };
    const one = await query(
      'SELECT count(*), count(DISTINCT s.id) FROM sales JOIN shops s ON sales.shop = s.id',
      sampled,
    );
    expect([one.values[1], one.sampling]).toEqual([[4], { table: 'Sales', fraction: 0.1 }]);
    expect(one.values[0]?.[0]).toBeLessThan(3500);
    const two = await query('SELECT count(*) FROM clicks', sampled);
    expect(two.sampling).toEqual({ table: 'clicks', fraction: 0.1 });
    expect((await query('SELECT count(*) FROM shops', sampled)).sampling).toEqual(TOO_SMALL);
    expect((await query('SELECT count(*) FROM clicks', LIMITS)).values).toEqual([[20_000]]);
  });
});

describe('a sample in SQLite', () => {
  const { query } = contract(sqlite);

  it('is drawn evenly of neighbours and of every n-th row', async () => {
    for (const n of [2, 3, 7, 10, 13]) {
      const { values } = await query(`SELECT count(*) FROM sales GROUP BY id % ${n}`);
      const counts = values[0] as number[];
      expect(counts).toHaveLength(n);
      for (const count of counts) expect(Math.abs(count - 2000 / n)).toBeLessThan(5 * Math.sqrt(2000 / n));
    }
  });

  it('finds the row number under another name, and none where there is none', async () => {
    expect((await query('SELECT count(*) FROM odd')).sampling).toEqual({ table: 'odd', fraction: 0.1 });
    for (const table of ['keyed', 'three']) {
      const { values, sampling } = await query(`SELECT count(*) FROM ${table}`);
      expect([values, sampling]).toEqual([[[20_000]], TOO_SMALL]);
    }
  });
});

function inPostgres(fixture: Fixture): void {
  const { query } = contract(fixture);
  blocks(query);

  it('takes partitions together, and materialized views', async () => {
    for (const [table, rows] of [
      ['parts', 18_000],
      ['kept', 20_000],
    ] as const) {
      const { values, sampling } = await query(`SELECT count(*) FROM ${table}`);
      expect(sampling).toEqual({ table, fraction: 0.1 });
      expect(Math.abs(Number(values[0]?.[0]) - rows / 10)).toBeLessThan(300);
    }
  });

  it('does not change what a function means by the name', async () => {
    const { values, sampling } = await query('SELECT mine(), count(*) FROM ambiguous');
    expect([values, sampling]).toEqual([
      [[3], [20_000]],
      { whole: 'a sample of ambiguous would not stand for the table in this statement' },
    ]);
  });

  it('runs whole what depends on the key of the table', async () => {
    const { rowCount, sampling } = await query('SELECT id, note FROM keyed GROUP BY id', { maxRows: 30_000 });
    expect([rowCount, sampling]).toEqual([20_000, { whole: 'the server takes no sample for this statement' }]);
  });
}

describe.skipIf(!servers.postgres)('a sample in PostgreSQL (needs one on 127.0.0.1:5432)', () => {
  const url = 'postgresql://postgres@127.0.0.1:5432/postgres';
  inPostgres(postgres('outside', async () => ({ url, port: 5432, close: async () => undefined })));

  it('is none on Redshift', async () => {
    const proxy = await openRedshiftProxy();
    const settings = {
      host: '127.0.0.1',
      port: proxy.port,
      database: 'postgres',
      username: 'postgres',
      password: 'x',
      tls: 'DISABLED',
    };
    const statement = { sql: 'SELECT count(*) FROM pg_class', values: [] };
    const limits = { ...LIMITS, sample: SAMPLE };
    const target = { key: `${name}-redshift`, settings };
    const { sampling } = await collect(engines.get('postgres'), target, statement, limits, { onExcess: 'fail' }, never);
    expect([sampling, proxy.seen().includes('CREATE')]).toEqual([{ whole: NO_SESSION_SAMPLE }, false]);
    await engines.get('postgres').close(target.key);
    await proxy.close();
  });
});

describe('a sample in the embedded PostgreSQL', () => {
  inPostgres(
    postgres('embedded', async () => {
      const { url, drop } = await testDatabase();
      return embedded(url, drop);
    }),
  );
});

describe('a sample for some users and servers of PostgreSQL', () => {
  const dir = join(directory, 'standby');
  let server: Server;
  let data: string;
  async function start(): Promise<void> {
    const started = await startEmbedded(dir, { durable: false });
    data = join(started.dir, 'data');
    server = await embedded(started.url, () => started.stop());
  }
  beforeAll(async () => {
    await start();
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(`CREATE TABLE sales AS SELECT n AS id FROM generate_series(1, 20000) r(n); ANALYZE sales;
      CREATE ROLE reader LOGIN; CREATE ROLE still LOGIN; CREATE ROLE guest LOGIN;
      GRANT SELECT ON sales TO reader, still, guest; ALTER ROLE still SET default_transaction_read_only = on;
      REVOKE TEMP ON DATABASE app FROM PUBLIC; GRANT TEMP ON DATABASE app TO reader, still`);
    await admin.end();
  });
  afterAll(() => server.close());

  async function sampled(username: string): Promise<unknown[]> {
    const settings = {
      host: '127.0.0.1',
      port: server.port,
      database: 'app',
      username,
      password: 'x',
      tls: 'DISABLED',
    };
    const target = { key: `${name}-${username}-${server.port}`, settings };
    const statement = { sql: 'SELECT count(*) > 5000 FROM sales', values: [] };
    const limits = { ...LIMITS, sample: SAMPLE };
    const engine = engines.get('postgres');
    const run = () => collect(engine, target, statement, limits, { onExcess: 'fail' }, never);
    const [first, second] = [await run(), await run()];
    expect(second.sampling).toEqual(first.sampling);
    await engine.close(target.key);
    return [first.values[0]?.[0], first.sampling];
  }

  it('reads all for a user that may make no temporary objects, or only reads', async () => {
    expect(await sampled('reader')).toEqual([false, SALES]);
    expect(await sampled('guest')).toEqual([
      true,
      { whole: 'the user of the connection may not make temporary views' },
    ]);
    expect(await sampled('still')).toEqual([
      true,
      { whole: 'the server, or the user of the connection, can only read' },
    ]);
  });

  it('is never seen by another session, not even while it is read', async () => {
    const settings = {
      host: '127.0.0.1',
      port: server.port,
      database: 'app',
      username: 'reader',
      password: 'x',
      tls: 'DISABLED',
    };
    const statement = { sql: 'SELECT a.id FROM sales a, sales b', values: [] };
    const limits = { ...LIMITS, maxRows: 100_000, sample: SAMPLE };
    const running = await engines.get('postgres').run({ key: `${name}-seen`, settings }, statement, limits, never);
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    const views = `SELECT count(*)::int AS views FROM pg_class WHERE relname = 'sales' AND relpersistence = 't'`;
    const open = `SELECT count(*)::int AS transactions FROM pg_stat_activity WHERE usename = 'reader' AND xact_start IS NOT NULL`;
    for await (const chunk of running.chunks) {
      expect(chunk.rowCount).toBe(1000);
      expect((await admin.query(views)).rows).toEqual([{ views: 0 }]);
      expect((await admin.query(open)).rows).toEqual([{ transactions: 1 }]);
      break;
    }
    expect(running.sampling).toEqual(SALES);
    await admin.end();
  });

  it('reads all on a hot standby', async () => {
    await server.close();
    await writeFile(join(data, 'standby.signal'), '');
    await start();
    expect(await sampled('reader')).toEqual([
      true,
      { whole: 'the server, or the user of the connection, can only read' },
    ]);
  });
});

describe.skipIf(!servers.mysql)('an engine without a sample (needs MariaDB on 127.0.0.1:3306)', () => {
  beforeAll(() => mariadb.setUp());
  afterAll(() => mariadb.tearDown());

  it('reads all, and says so', async () => {
    const engine = engines.get('mysql');
    const statement = { sql: 'SELECT count(*) FROM orders', values: [] };
    const limits = { ...LIMITS, sample: SAMPLE };
    const { values, sampling } = await collect(engine, mariadb.target, statement, limits, { onExcess: 'fail' }, never);
    expect([values, sampling, engine.can.sample]).toEqual([[[10]], { whole: NO_SESSION_SAMPLE }, false]);
  });
});

describe('the engines', () => {
  it('say whether they take samples', () => {
    const drivers =
      `duckdb duckdb-files sqlite postgres mysql sqlserver bigquery snowflake clickhouse databricks trino athena
      external-api llm`.split(/\s+/);
    expect(drivers.filter((driver) => engines.get(driver).can.sample)).toEqual([
      'duckdb',
      'duckdb-files',
      'sqlite',
      'postgres',
    ]);
  });
});
