import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../src/warehouse/engine.ts';
import type { Cell, Limits, ParameterValue } from '../src/warehouse/engine.ts';
import { bindParameters } from '../src/warehouse/params.ts';
import { collect } from '../src/warehouse/query.ts';
import type { QueryResult } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';

const LIMITS: Limits = { timeoutMs: 20_000, maxRows: 1000, maxBytes: 10_000_000 };
const directory = await mkdtemp(join(tmpdir(), 'sqlite-'));
const file = join(directory, 'shop.sqlite');
const engines = createEngines({ duckdbRoots: [directory], network: { allowPrivate: [] } });
const engine = engines.get('sqlite');
const target = { key: 'shop', settings: { path: 'shop.sqlite' } };
const never = new AbortController().signal;
const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
const numbers = (count: number): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT i FROM n`;

type More = Partial<Limits> & { onExcess?: 'truncate' | 'fail'; signal?: AbortSignal; values?: ParameterValue[] };

function query(sql: string, more: More = {}): Promise<QueryResult> {
  const { onExcess = 'truncate', signal = never, values = [], ...limits } = more;
  return collect(engine, target, { sql, values }, { ...LIMITS, ...limits }, { onExcess }, signal);
}

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  const known = error as EngineError;
  expect(`${known.message} ${known.hint ?? ''}`).not.toContain(directory);
  return known;
}

beforeAll(() => {
  const database = new DatabaseSync(file);
  database.exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY, total DECIMAL(9, 2), created TIMESTAMP NOT NULL);
    INSERT INTO orders SELECT value, value * 1.5, '2024-01-01 08:00:00' FROM json_each('[0,1,2,3,4,5,6,7,8,9]');
    CREATE VIEW paid AS SELECT id, total FROM orders;
    CREATE TABLE kinds (flag BOOLEAN, big BIGINT, amount NUMERIC(9,2), ratio REAL, name VARCHAR(9), day DATE, clock TIME,
      at DATETIME, data JSON, raw BLOB, plain);
    INSERT INTO kinds VALUES (1, 9007199254740993, 12.5, 0.25, 'héllo', '2024-02-29', '12:34', '2024-02-29 12:00:00.25',
      '{"a": [1, null]}', x'AABB', 7), (0, 7, 3, NULL, 'x', NULL, '12:34:56.5', '2024-02-29T12:00:00+02:00', 'no json', NULL, 'seven'),
      (2, NULL, 'much', 1e999, NULL, NULL, NULL, 1709208000, NULL, NULL, NULL)`);
  database.close();
});
afterAll(async () => {
  await engines.close();
  await rm(directory, { recursive: true, force: true });
});

describe('SQLite works', () => {
  it.each<[string, string, Cell[]]>([
    ['flag', 'BOOLEAN', [true, false, 2]],
    ['big', 'BIGINT', ['9007199254740993', 7, null]],
    ['amount', 'DECIMAL', ['12.5', '3', 'much']],
    ['ratio', 'FLOAT', [0.25, null, null]],
    ['name', 'STRING', ['héllo', 'x', null]],
    ['day', 'DATE', ['2024-02-29', null, null]],
    ['clock', 'TIME', ['12:34:00', '12:34:56.500000', null]],
    ['at', 'TIMESTAMP', ['2024-02-29T12:00:00.250000', '2024-02-29T10:00:00Z', 1_709_208_000]],
    ['data', 'JSON', [{ a: [1, null] }, 'no json', null]],
    ['raw', 'BINARY', ['qrs=', null, null]],
    ['plain', 'STRING', ['7', 'seven', null]],
    ['id + 1', 'INTEGER', [1]],
    ['id + 3000000000', 'BIGINT', [3_000_000_000]],
    ['total * 0.5', 'FLOAT', [0]],
    ["'a' || id", 'STRING', ['a0']],
    ['NULL', 'STRING', [null]],
  ])('gives %s as %s', async (sql, type, expected) => {
    const table = expected.length === 3 ? 'kinds' : 'orders WHERE id = 0';
    const { columns, values } = await query(`SELECT ${sql} AS x FROM ${table}`);
    expect([columns[0]?.type, columns[0]?.name, values[0]]).toEqual([type, 'x', expected]);
    expect(columns[0]?.engineType).not.toBeUndefined();
  });

  it('binds parameters of every kind, and text as text only', async () => {
    const given = { whole: 41, text: "'; DROP TABLE orders; --", flag: true, none: null, big: 2 ** 40, half: 0.5 };
    const { sql, values } = bindParameters(
      'SELECT :whole + 1, :text, :flag, :none, :big, :half, :whole',
      'sqlite',
      given,
    );
    const result = await query(sql, { values });
    expect(result.values.map((column) => column[0])).toEqual([42, given.text, 1, null, 2 ** 40, 0.5, 41]);
  });

  it('keeps names twice and answers without rows', async () => {
    const { columns, values } = await query('SELECT 1 AS a, 2 AS a WHERE 1 = 0');
    expect([columns.map((column) => column.name), values]).toEqual([
      ['a', 'a'],
      [[], []],
    ]);
  });

  it('reads many rows in order, and cuts them off beyond the limit only', async () => {
    const all = await query(numbers(12_345), { maxRows: 20_000 });
    expect([all.rowCount, all.truncated, all.values[0]?.at(0), all.values[0]?.at(-1)]).toEqual([
      12_345,
      false,
      1,
      12_345,
    ]);
    for (const [count, maxRows, truncated] of [
      [10, 10, false],
      [11, 10, true],
      [50_000, 3000, true],
      [1, 0, true],
    ] as const) {
      const result = await query(numbers(count), { maxRows });
      expect([result.rowCount, result.truncated]).toEqual([Math.min(count, maxRows), truncated]);
    }
    expect((await failure(query(numbers(11), { maxRows: 10, onExcess: 'fail' }))).code).toBe('ROWS_EXCEEDED');
  });

  it('lists tables and views with their columns', async () => {
    const tables = await engine.tables(target, { tables: ['orders', 'paid'], limit: 10 }, never);
    expect(tables.map(({ schema, name, kind }) => [schema, name, kind])).toEqual([
      ['main', 'orders', 'TABLE'],
      ['main', 'paid', 'VIEW'],
    ]);
    expect(tables[0]?.columns.map((column) => [column.name, column.type, column.isNullable])).toEqual([
      ['id', 'INTEGER', false],
      ['total', 'DECIMAL', true],
      ['created', 'TIMESTAMP', false],
    ]);
    expect(await engine.tables(target, { limit: 1 }, never)).toHaveLength(1);
    expect(await engine.tables(target, { schemas: ['other'], limit: 9 }, never)).toEqual([]);
    expect(await engine.tables(target, { tables: ["no'such"], limit: 9 }, never)).toEqual([]);
  });

  it('tests a connection stage by stage', async () => {
    const results = await engine.test(target, never);
    expect(results.map(({ stage, ok }) => [stage, ok])).toEqual([
      ['SETTINGS', true],
      ['READ_ONLY', true],
      ['QUERY', true],
    ]);
    const none = await engine.test({ key: 'none', settings: {} }, never);
    expect(none.map(({ stage, ok }) => [stage, ok])).toEqual([['SETTINGS', false]]);
  });

  it('runs more queries at once than it has processes, and turns away too many', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => query('SELECT 1')));
    const codes = outcomes.flatMap((one) => (one.status === 'rejected' ? [(one.reason as EngineError).code] : []));
    expect(new Set(codes)).toEqual(new Set(['ENGINE_BUSY']));
    expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(24);
  });

  it('sees what was written meanwhile', async () => {
    const database = new DatabaseSync(join(directory, 'live.sqlite'));
    database.exec('CREATE TABLE t (x INT); INSERT INTO t VALUES (1)');
    const live = { key: 'live', settings: { path: 'live.sqlite' } };
    const read = (): Promise<QueryResult> =>
      collect(engine, live, { sql: 'SELECT sum(x) FROM t', values: [] }, LIMITS, { onExcess: 'fail' }, never);
    expect((await read()).values).toEqual([[1]]);
    database.exec('INSERT INTO t VALUES (4)');
    expect((await read()).values).toEqual([[5]]);
    database.close();
  });
});

describe('SQLite refuses', () => {
  it.each([
    'DELETE FROM orders',
    'CREATE TABLE t (a INT)',
    'CREATE TEMP TABLE t (a INT)',
    "ATTACH ':memory:' AS x",
    "VACUUM INTO '/tmp/copied.sqlite'",
    'PRAGMA journal_mode',
    "SELECT * FROM pragma_table_info('orders')",
    'SELECT * FROM pragma_database_list',
    "SELECT load_extension('x')",
    "SELECT fts3_tokenizer('x')",
    'SELECT * FROM dbstat',
    'SELECT * FROM sqlite_dbpage',
    'BEGIN',
    'SAVEPOINT a',
    'SELECT 1; SELECT 2',
    'SELECT 1; /* a */ DELETE FROM orders -- b',
    'SELECT zeroblob(900000000)',
  ])('%s even when the guard let it through', async (sql) => {
    expect((await failure(query(sql))).code).toBe('ENGINE_FAILED');
    expect((await query('SELECT count(*) FROM orders')).values).toEqual([[10]]);
  });

  it('runs what only ends in comments', async () => {
    expect((await query('SELECT 1 ; /* the end */ -- really\n ;')).values).toEqual([[1]]);
  });

  it('opens files under its roots only, links followed', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'elsewhere-'));
    await copyFile(file, join(outside, 'x.sqlite'));
    await symlink(join(outside, 'x.sqlite'), join(directory, 'link.sqlite'));
    for (const path of [
      '/etc/passwd',
      join(outside, 'x.sqlite'),
      'link.sqlite',
      '../x.sqlite',
      '.',
      ':memory:',
      'a\0b',
      '',
      5,
    ]) {
      expect(() => engine.checkSettings({ path })).toThrow(EngineError);
    }
    expect(() => engine.checkSettings({ path: file })).not.toThrow();
    await rm(outside, { recursive: true });
  });

  it('says so when the file is no database, without its path', async () => {
    await writeFile(
      join(directory, 'text.sqlite'),
      'not a database at all, but long enough to be read as one'.repeat(50),
    );
    const [, last] = await engine.test({ key: 'text', settings: { path: 'text.sqlite' } }, never);
    expect(last).toMatchObject({ stage: 'READ_ONLY', ok: false, hint: expect.stringContaining('SQLite') });
    expect(JSON.stringify(last)).not.toContain(directory);
  });

  it('says what is wrong with a statement', async () => {
    const error = await failure(query('SELECT no_such_column FROM orders'));
    expect([error.code, error.stage]).toEqual(['ENGINE_FAILED', 'QUERY']);
    expect(error.message).toContain('no_such_column');
  });

  it('kills a query at its timeout and when it is cancelled', async () => {
    const start = performance.now();
    expect((await failure(query(endless, { timeoutMs: 400 }))).code).toBe('QUERY_TIMEOUT');
    expect(performance.now() - start).toBeLessThan(60_000);
    const controller = new AbortController();
    const running = failure(query(endless, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 300);
    expect((await running).code).toBe('CANCELLED');
    expect((await failure(query('SELECT 1', { signal: AbortSignal.abort() }))).code).toBe('CANCELLED');
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  it('refuses results that are too large, few rows or many', async () => {
    expect((await failure(query(numbers(900), { maxBytes: 500 }))).code).toBe('RESULT_TOO_LARGE');
    const wide = numbers(500).replace('SELECT i FROM n', 'SELECT hex(zeroblob(50000)) FROM n');
    expect((await failure(query(wide, { maxBytes: 200_000 }))).code).toBe('RESULT_TOO_LARGE');
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  it('stops a query whose reader leaves', async () => {
    const limits = { ...LIMITS, maxRows: 1_000_000 };
    const running = await engine.run(target, { sql: numbers(900_000), values: [] }, limits, never);
    for await (const chunk of running.chunks) {
      expect(chunk.rowCount).toBeGreaterThan(0);
      break;
    }
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });
});
