import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDuckdbFiles } from '../src/warehouse/duckdb.ts';
import { openDuckdb } from '../src/warehouse/duckdb-open.ts';
import { EngineError } from '../src/warehouse/engine.ts';
import type { Limits } from '../src/warehouse/engine.ts';
import { collect, type QueryResult } from '../src/warehouse/query.ts';

/** Parquet and CSV files as tables, without the guard before them. */

const LIMITS: Limits = { timeoutMs: 60_000, maxRows: 1000, maxBytes: 10_000_000 };
const root = await mkdtemp(join(tmpdir(), 'files-'));
const folder = join(root, 'shop');
const outside = await mkdtemp(join(tmpdir(), 'elsewhere-'));
const never = new AbortController().signal;
const engine = createDuckdbFiles({ roots: [root], maxBytes: 10_000_000 });

const TABLES = [
  { name: 'orders', files: 'orders/*.parquet', format: 'PARQUET' },
  { name: 'shops', files: 'shops.csv', format: 'CSV', header: true, delimiter: ';', quote: "'", nullText: '-' },
  { name: 'packed', files: 'packed.csv.gz', format: 'CSV' },
  { name: 'Select', files: '**/plain.csv', format: 'CSV', header: false },
];
const settings = { path: folder, tables: TABLES };

async function written(...statements: string[]): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  for (const statement of statements) await connection.run(statement);
  connection.closeSync();
  instance.closeSync();
}
function query(sql: string, more: object = settings, limits: Partial<Limits> = {}): Promise<QueryResult> {
  const target = { key: JSON.stringify(more), settings: more as Record<string, unknown> };
  return collect(engine, target, { sql, values: [] }, { ...LIMITS, ...limits }, { onExcess: 'fail' }, never);
}
const stages = async (more: object): Promise<unknown[]> =>
  (await engine.test({ key: JSON.stringify(more), settings: more as Record<string, unknown> }, never)).map(
    ({ stage, ok, message, hint }) => (ok ? stage : { stage, message, hint }),
  );
const one = (files: string, format = 'CSV'): object => ({ path: folder, tables: [{ name: 't', files, format }] });

beforeAll(async () => {
  await mkdir(join(folder, 'orders'), { recursive: true });
  await mkdir(join(folder, 'deep/deeper'), { recursive: true });
  await written(
    ...[0, 1].map(
      (part) =>
        `COPY (SELECT CAST(i AS INTEGER) AS id, CAST(i * 1.5 AS DECIMAL(9, 2)) AS total, TIMESTAMP '2024-01-01' AS created,
           9007199254740993 + i AS big, '\\xAA'::BLOB AS raw, [i] AS list FROM range(${part * 5}, ${part * 5 + 5}) r(i))
         TO '${folder}/orders/${part}.parquet'`,
    ),
  );
  await writeFile(
    join(folder, 'shops.csv'),
    "id;name;opened;open\n1;'Tall;ship';2024-02-29;true\n2;-;2024-03-01;false\n",
  );
  await written(`COPY (SELECT 7 AS x) TO '${folder}/packed.csv.gz' (COMPRESSION gzip)`);
  await writeFile(join(folder, 'deep/deeper/plain.csv'), '1,a\n2,b\n');
  await writeFile(join(outside, 'secret.csv'), 'secret\n1\n');
  await writeFile(join(folder, 'other.csv'), 'x\n1\n');
});
afterAll(async () => {
  await engine.close();
  await rm(root, { recursive: true, force: true });
  await rm(outside, { recursive: true, force: true });
});

describe('files as tables work', () => {
  it('with the types of the wire, over several files', async () => {
    const { columns, values } = await query('SELECT * FROM orders ORDER BY id LIMIT 1');
    expect(columns.map(({ name, type }, i) => [name, type, values[i]?.[0]])).toEqual([
      ['id', 'INTEGER', 0],
      ['total', 'DECIMAL', '0.00'],
      ['created', 'TIMESTAMP', '2024-01-01T00:00:00'],
      ['big', 'BIGINT', '9007199254740993'],
      ['raw', 'BINARY', 'qg=='],
      ['list', 'JSON', [0]],
    ]);
    expect((await query('SELECT count(*), sum(total) FROM orders')).values).toEqual([[10], ['67.50']]);
  });

  it('with the options of CSV, and without', async () => {
    const { columns, values } = await query('SELECT * FROM shops ORDER BY id');
    expect(columns.map(({ name, type }) => [name, type])).toEqual([
      ['id', 'BIGINT'],
      ['name', 'STRING'],
      ['opened', 'DATE'],
      ['open', 'BOOLEAN'],
    ]);
    expect(values).toEqual([
      [1, 2],
      ['Tall;ship', null],
      ['2024-02-29', '2024-03-01'],
      [true, false],
    ]);
    expect((await query('SELECT * FROM "Select"')).values).toEqual([
      [1, 2],
      ['a', 'b'],
    ]);
    expect((await query('SELECT x FROM packed')).values).toEqual([[7]]);
    expect((await query('SELECT name, total FROM shops JOIN orders USING (id) ORDER BY id')).rowCount).toBe(2);
  });

  it('are listed with their columns, are tested and can be estimated', async () => {
    const target = { key: 'list', settings };
    const tables = await engine.tables(target, { schemas: ['main'], limit: 10 }, never);
    expect(tables.map(({ schema, name, columns }) => [schema, name, columns.map((column) => column.type)])).toEqual([
      ['main', 'Select', ['BIGINT', 'STRING']],
      ['main', 'orders', ['INTEGER', 'DECIMAL', 'TIMESTAMP', 'BIGINT', 'BINARY', 'JSON']],
      ['main', 'packed', ['BIGINT']],
      ['main', 'shops', ['BIGINT', 'STRING', 'DATE', 'BOOLEAN']],
    ]);
    expect(await stages(settings)).toEqual(['SETTINGS', 'READ_ONLY', 'QUERY']);
    const plan = await engine.estimate?.(target, { sql: 'SELECT * FROM orders', values: [] }, 60_000, never);
    // Of Parquet it guesses by the number of files.
    expect(plan?.rows).toBeGreaterThanOrEqual(10);
  });

  it('see a file that was replaced, and one that came or went', async () => {
    const made = one('live*.csv');
    const put = async (file: string, text: string): Promise<void> => {
      await writeFile(join(folder, `${file}.new`), text);
      await rename(join(folder, `${file}.new`), join(folder, file));
    };
    await put('live1.csv', 'x\n1\n');
    expect((await query('SELECT sum(x) FROM t', made)).values).toEqual([['1']]);
    await put('live1.csv', 'x\n20\n');
    expect((await query('SELECT sum(x) FROM t', made)).values).toEqual([['20']]);
    await put('live2.csv', 'x\n300\n');
    expect((await query('SELECT sum(x) FROM t', made)).values).toEqual([['320']]);
    await rm(join(folder, 'live1.csv'));
    expect((await query('SELECT sum(x) FROM t', made)).values).toEqual([['300']]);
  });

  it('run at once, and one failure leaves the others alone', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, (_, i) =>
        query(i === 5 ? 'SELECT nothing FROM orders' : 'SELECT count(*) FROM orders'),
      ),
    );
    expect(results.map(({ status }) => status === 'fulfilled')).toEqual(Array.from({ length: 12 }, (_, i) => i !== 5));
  });
});

describe('files as tables refuse', () => {
  it.each([
    ['a file that is missing', one('absent.csv'), 'There is no file absent.csv for the table t.'],
    ['a pattern without a file', one('orders/*.csv'), 'There is no file orders/*.csv for the table t.'],
    [
      'a folder that is missing',
      { ...settings, path: join(root, 'absent') },
      'The path is not that of a folder in an allowed directory.',
    ],
    [
      'a file for a folder',
      { ...settings, path: join(folder, 'shops.csv') },
      'The path is not that of a folder in an allowed directory.',
    ],
    ['the whole directory', { ...settings, path: root }, 'The path is not that of a folder in an allowed directory.'],
    ['a folder elsewhere', { ...settings, path: outside }, 'The path is not that of a folder in an allowed directory.'],
    ['no tables', { path: folder }, 'The setting tables is not valid.'],
    ['a way out', one('../elsewhere/x.csv'), 'The setting tables.0.files is not valid.'],
    ['a way out inside', one('a/../../x.csv'), 'The setting tables.0.files is not valid.'],
    ['an absolute path', one('/etc/x.csv'), 'The setting tables.0.files is not valid.'],
    ['a costly pattern', one('**/a/**/b.csv'), 'The setting tables.0.files is not valid.'],
    ['braces', one('{a,b}.csv'), 'The setting tables.0.files is not valid.'],
    ['a database as text', one('shop.duckdb'), 'The setting tables.0 is not valid.'],
    [
      'a name that is a file',
      { path: folder, tables: [{ name: 'a.csv', files: 'a.csv', format: 'CSV' }] },
      'The setting tables.0.name is not valid.',
    ],
    [
      'a name twice',
      { path: folder, tables: [TABLES[1], { ...TABLES[1], name: 'SHOPS' }] },
      'The setting tables is not valid.',
    ],
    [
      'an option of CSV for Parquet',
      { path: folder, tables: [{ ...TABLES[0], header: true }] },
      'The setting tables.0 is not valid.',
    ],
    [
      'SQL for a delimiter',
      { path: folder, tables: [{ ...TABLES[1], delimiter: "');" }] },
      'The setting tables.0.delimiter is not valid.',
    ],
  ])('%s', async (_what, made, message) => {
    expect(await stages(made)).toEqual([{ stage: 'SETTINGS', message, hint: expect.stringMatching(/./) }]);
    await expect(query('SELECT 1', made)).rejects.toMatchObject({ code: 'CONNECTION_FAILED', stage: 'SETTINGS' });
  });

  it('files that are not what they are said to be, without the folder', async () => {
    await writeFile(join(folder, 'fake.parquet'), 'this is no parquet file at all');
    const [, failed] = await stages(one('fake.parquet', 'PARQUET'));
    expect(failed).toMatchObject({ stage: 'READ_ONLY', hint: expect.stringContaining('Parquet or CSV') });
    expect(JSON.stringify(failed)).not.toContain(root);
  });

  it('too many bytes, and too many files', async () => {
    await writeFile(join(folder, 'huge.csv'), '');
    await truncate(join(folder, 'huge.csv'), 10_000_001);
    expect(await stages(one('huge.csv'))).toMatchObject([
      { message: 'The files hold more than 10000000 bytes together.' },
    ]);
    const full = join(root, 'full');
    await mkdir(full);
    await Promise.all(Array.from({ length: 1001 }, (_, i) => writeFile(join(full, `${i}.csv`), '')));
    const many = { path: full, tables: [{ name: 't', files: '*.csv', format: 'CSV' }] };
    expect(await stages(many)).toMatchObject([{ message: 'A connection reads at most 1000 files.' }]);
  });
});

describe('files as tables guard', () => {
  it('follow no link out of the folder, neither of a file nor of a folder', async () => {
    await symlink(join(outside, 'secret.csv'), join(folder, 'linked.csv'));
    await symlink(outside, join(folder, 'linked'));
    await symlink(outside, join(root, 'linked-folder'));
    for (const made of [
      one('linked.csv'),
      one('linked/secret.csv'),
      { ...settings, path: join(root, 'linked-folder') },
    ])
      expect(await stages(made)).toMatchObject([{ stage: 'SETTINGS' }]);
  });

  it.each([
    "SELECT * FROM read_csv('shops.csv')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_parquet('orders/0.parquet')",
    "SELECT * FROM parquet_scan('orders/0.parquet')",
    "SELECT * FROM parquet_metadata('orders/0.parquet')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('shops.csv')",
    "SELECT * FROM glob('*')",
    "SELECT * FROM sniff_csv('shops.csv')",
    "SELECT * FROM 'shops.csv'",
    'SELECT * FROM "orders/0.parquet"',
    "SELECT * FROM 'packed.csv.gz'",
    "SELECT * FROM 'other.csv'",
    "SELECT * FROM orders WHERE id IN (SELECT 1 FROM read_text('/etc/passwd'))",
    "SELECT * FROM query('SELECT 1')",
    "COPY (SELECT 1) TO 'shops.csv'",
    "COPY (SELECT 1) TO 'shops.csv' (USE_TMP_FILE false)",
    "COPY orders FROM 'shops.csv'",
    'CREATE TABLE kept AS SELECT 1',
    'CREATE OR REPLACE VIEW shops AS SELECT 1',
    'DROP VIEW shops',
    "SET allowed_paths = ['/etc/passwd']",
    "ATTACH 'x.db'",
    "EXPORT DATABASE 'x'",
    'INSTALL httpfs',
    'SELECT 1; DROP VIEW shops',
  ])('run no %s', async (sql) => {
    await expect(query(sql)).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect((await query('SELECT count(*) FROM shops')).values).toEqual([[2]]);
  });

  it('cannot be reached out of by the engine either, where nothing looks at the statement', async () => {
    const before = process.cwd();
    const instance = await openDuckdb(folder, [{ name: 'shops', format: 'CSV', files: [join(folder, 'shops.csv')] }]);
    expect(process.cwd()).toBe(before);
    const connection = await instance.connect();
    expect((await connection.runAndReadAll('SELECT count(*) FROM shops')).getRows()).toEqual([[2n]]);
    for (const sql of [
      `FROM read_csv('${folder}/other.csv')`,
      `FROM read_csv('${folder}/*.csv')`,
      `FROM read_csv('${outside}/secret.csv')`,
      `FROM read_csv('${folder}/../../${outside}/secret.csv')`,
      "FROM read_text('/etc/passwd')",
      `FROM glob('${folder}/*')`,
      `COPY (SELECT 1) TO '${folder}/new.csv'`,
      `ATTACH '${folder}/new.db'`,
      'INSTALL httpfs',
      "SET allowed_directories = ['/']",
      'SET enable_external_access = true',
      "SET memory_limit = '50GB'",
    ])
      await expect(connection.run(sql), sql).rejects.toThrow(/Permission Error|configuration|disabled/);
    connection.closeSync();
    instance.closeSync();
  });

  it('hold their bounds', async () => {
    await expect(query('SELECT * FROM orders', settings, { maxRows: 3 })).rejects.toMatchObject({
      code: 'ROWS_EXCEEDED',
    });
    await expect(query('SELECT * FROM orders', settings, { maxBytes: 20 })).rejects.toMatchObject({
      code: 'RESULT_TOO_LARGE',
    });
    const slow = query('SELECT count(*) FROM orders a, range(100000000000) b', settings, { timeoutMs: 2000 });
    await expect(slow).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
    await expect(query('SELECT 1', { path: 5 })).rejects.toBeInstanceOf(EngineError);
  });
});
