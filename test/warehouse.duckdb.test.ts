import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createDuckdb } from '../src/warehouse/duckdb.ts';
import { EngineError } from '../src/warehouse/engine.ts';
import type { Limits, Spill } from '../src/warehouse/engine.ts';
import { collect } from '../src/warehouse/query.ts';
import type { QueryResult } from '../src/warehouse/query.ts';
import { directory, duckdb, file, LIMITS, name } from './warehouse.fixtures.ts';

describe('DuckDB in its own processes', () => {
  const engine = createDuckdb({ roots: [directory] });
  const never = new AbortController().signal;
  function query(sql: string, limits: Partial<Limits> = {}): Promise<QueryResult> {
    return collect(
      engine,
      duckdb.target,
      { sql, values: [] },
      { ...LIMITS, ...limits },
      { onExcess: 'truncate' },
      never,
    );
  }

  beforeAll(() => duckdb.setUp());
  afterAll(async () => {
    await engine.close();
  });

  it('opens files under its roots only, links followed', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'elsewhere-'));
    await copyFile(file, join(outside, 'x.duckdb'));
    await symlink(join(outside, 'x.duckdb'), join(directory, 'link.duckdb'));
    for (const path of [
      '/etc/passwd',
      join(outside, 'x.duckdb'),
      'link.duckdb',
      '../x.duckdb',
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

  it('keeps the compiler of TypeScript, which its processes need, out of this one', async () => {
    expect((await query('select 1 as one')).rowCount).toBe(1);
    const loaded: unknown = Reflect.get(process, 'moduleLoadList');
    expect(loaded).toContain('NativeModule internal/modules/esm/loader');
    expect(loaded).not.toContain('NativeModule internal/deps/amaro/dist/index');
  });

  it('looks for a file only once those that are being made are ready', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = createDuckdb({ roots: [directory], ready: () => promise });
    onTestFinished(() => waiting.close());
    const target = { key: `${name}-made`, settings: { path: 'made.duckdb' } };
    const counted = collect(
      waiting,
      target,
      { sql: 'SELECT count(*) AS n FROM orders', values: [] },
      LIMITS,
      { onExcess: 'truncate' },
      never,
    );
    await copyFile(file, join(directory, 'made.duckdb'));
    resolve();
    expect((await counted).rowCount).toBe(1);
  });

  it('says so when the file is no database, without its path', async () => {
    await writeFile(join(directory, 'text.duckdb'), 'not a database at all');
    const [, last] = await engine.test({ key: `${name}-text`, settings: { path: 'text.duckdb' } }, never);
    expect(last).toMatchObject({ stage: 'READ_ONLY', ok: false });
    expect(JSON.stringify(last)).not.toContain(directory);
  });

  it.each([
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/*')",
    'SELECT 1; SELECT 2',
    'PRAGMA database_list',
    'CALL pragma_version()',
    'DESCRIBE orders',
    'SHOW TABLES',
    'SUMMARIZE orders',
    'SELECT * FROM (DESCRIBE orders)',
    'EXPLAIN SELECT 1',
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('orders')",
    'SELECT * FROM pragma_version()',
    "SELECT * FROM sniff_csv('x')",
    'SET VARIABLE a = 1',
    'CREATE TEMP TABLE t (a INT)',
    "CREATE TYPE t AS ENUM ('a'); SELECT 1; SELECT 2",
    'BEGIN',
    'CHECKPOINT',
    'INSTALL httpfs',
    'LOAD httpfs',
    "ATTACH ':memory:' AS other",
    "EXPORT DATABASE '/tmp/x'",
    "SELECT * FROM 'https://example.com/x.parquet'",
    'PREPARE p AS SELECT 1',
    'PRAGMA enable_profiling',
    'CALL enable_logging()',
    'RESET threads',
  ])('is locked down against %s', async (sql) => {
    await expect(query(sql)).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  });

  it('survives a query that eats memory', async () => {
    await expect(query('SELECT range(2000000000)')).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining('needs more memory than it may have'),
    });
    const sorts = 'SELECT list_sort(range(50000000)), list_sort(range(40000000))';
    await expect(query(sorts, { timeoutMs: 10_000 })).rejects.toBeInstanceOf(EngineError);
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  it('sorts more than fits in memory where it is given a folder for that, within its bound', async () => {
    // Wider than the memory limit of a child when it is held whole, and too many rows for a heap of the first ones.
    const wide = `SELECT n, repeat('x', 1000) || n AS note FROM range(600000) r(n) ORDER BY (n * 7919) % 600000, note LIMIT 20000`;
    const sorted = (spill?: Spill) =>
      query(wide, { maxRows: 20_000, maxBytes: 100_000_000, ...(spill ? { spill } : {}) });
    const tooMuch = { code: 'ENGINE_FAILED', message: expect.stringContaining('needs more memory than it may have') };
    const folder = await mkdtemp(join(tmpdir(), 'spill-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await expect(sorted({ directory: folder, maxBytes: 1024 ** 2 })).rejects.toMatchObject(tooMuch);
    const { values, rowCount } = await sorted({ directory: folder, maxBytes: 1024 ** 3 });
    expect(rowCount).toBe(20_000);
    expect((values[0] as number[]).map((n) => (n * 7919) % 600_000)).toEqual(
      Array.from({ length: 20_000 }, (_, i) => i),
    );
    // The next one has no folder.
    await expect(sorted()).rejects.toMatchObject(tooMuch);
  });

  it('survives a query that cannot be interrupted', async () => {
    const deaf = query('SELECT list_reduce(range(3000000), (a, b) -> a + b)', { timeoutMs: 300 });
    await expect(deaf).rejects.toBeInstanceOf(EngineError);
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  /** The processes that this one has started. */
  function children(): string[] {
    return readdirSync('/proc').filter((entry) => {
      try {
        return readFileSync(`/proc/${entry}/status`, 'utf8').includes(`\nPPid:\t${process.pid}\n`);
      } catch {
        return false;
      }
    });
  }

  it.runIf(process.platform === 'linux').each([
    ['took too long', 'SELECT count(*) FROM range(100000000000) a, range(1000) b', { timeoutMs: 300 }, 'QUERY_TIMEOUT'],
    ['wanted too much memory', 'SELECT range(2000000000)', {}, 'ENGINE_FAILED'],
  ])('gives no query the process of one that %s', async (_, sql, limits, code) => {
    expect((await query('SELECT 1')).rowCount).toBe(1);
    const before = children();
    expect((await query('SELECT 1')).rowCount).toBe(1);
    expect(children()).toEqual(before);
    await expect(query(sql, limits)).rejects.toMatchObject({ code });
    expect((await query('SELECT 1')).rowCount).toBe(1);
    await expect.poll(() => children().some((child) => before.includes(child))).toBe(false);
  });

  it.runIf(process.platform === 'linux')(
    'keeps processes at rest beside the one at work, the last used the longest',
    async () => {
      const others = createDuckdb({ roots: [directory], maxChildren: 1 });
      const { settings } = duckdb.target;
      const run = async (key: string): Promise<string | undefined> => {
        const before = children();
        await collect(others, { key, settings }, { sql: 'SELECT 1', values: [] }, LIMITS, { onExcess: 'fail' }, never);
        return children().find((child) => !before.includes(child));
      };
      try {
        const [first, second] = [await run('a'), await run('b'), await run('c'), await run('d')];
        expect([await run('b'), await run('a')]).toEqual([undefined, undefined]);
        await run('e');
        await expect.poll(() => children().filter((child) => child === first || child === second)).toHaveLength(2);
        expect([await run('a'), await run('b')]).toEqual([undefined, undefined]);
        expect(await run('c')).toBeDefined();
      } finally {
        await others.close();
      }
    },
  );

  it('runs PIVOT', async () => {
    const { columns } = await query('PIVOT (SELECT id % 2 AS odd, total FROM orders) ON odd USING sum(total)');
    expect(columns.map((column) => column.name)).toEqual(['0', '1']);
  });

  it('sees a file that was replaced', async () => {
    const target = { key: `${name}-replaced`, settings: { path: 'replaced.duckdb' } };
    for (const value of [1, 2]) {
      const fresh = join(directory, `fresh-${value}.duckdb`);
      const instance = await DuckDBInstance.create(fresh);
      const connection = await instance.connect();
      await connection.run(`CREATE TABLE t AS SELECT ${value} AS x`);
      connection.closeSync();
      instance.closeSync();
      await copyFile(fresh, join(directory, 'replaced.duckdb'));
      const result = await collect(
        engine,
        target,
        { sql: 'SELECT x FROM t', values: [] },
        LIMITS,
        { onExcess: 'fail' },
        never,
      );
      expect(result.values).toEqual([[value]]);
    }
  });

  it('lets its process end with children idle', async () => {
    const registry = new URL('../src/warehouse/registry.ts', import.meta.url).href;
    const collector = new URL('../src/warehouse/query.ts', import.meta.url).href;
    const script = `
      const { createEngines } = await import(${JSON.stringify(registry)});
      const { collect } = await import(${JSON.stringify(collector)});
      const engine = createEngines({ duckdbRoots: [${JSON.stringify(directory)}], network: { allowPrivate: [] } }).get('duckdb');
      const target = { key: 'k', settings: { path: 'shop.duckdb' } };
      const limits = ${JSON.stringify(LIMITS)};
      const signal = new AbortController().signal;
      const result = await collect(engine, target, { sql: 'SELECT 42', values: [] }, limits, { onExcess: 'fail' }, signal);
      process.stdout.write(JSON.stringify(result.values));`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 100_000 });
    expect((await run).stdout).toBe('[[42]]');
  });
});
