import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../src/warehouse/engine.ts';
import type { ConnectionTarget, Engine, Limits, ParameterValue } from '../src/warehouse/engine.ts';
import { bindParameters } from '../src/warehouse/params.ts';
import { collect } from '../src/warehouse/query.ts';
import type { QueryResult } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';
import {
  directory,
  duckdb,
  LIMITS,
  mariadb,
  name,
  postgres,
  SECRET,
  servers,
  sqlite,
  sqlserver,
} from './warehouse.fixtures.ts';
import type { Fixture } from './warehouse.fixtures.ts';
import { redshift } from './warehouse.redshift.fixtures.ts';

const engines = createEngines({ duckdbRoots: [directory], network: { allowPrivate: ['127.0.0.0/8', '::1'] } });

afterAll(async () => {
  await engines.close();
  await rm(directory, { recursive: true, force: true });
});

function contract(fixture: Fixture): void {
  const engine: Engine = engines.get(fixture.driver);
  const { target } = fixture;
  const never = new AbortController().signal;

  function query(
    sql: string,
    more: Partial<Limits> & { onExcess?: 'truncate' | 'fail'; signal?: AbortSignal; values?: ParameterValue[] } = {},
  ): Promise<QueryResult> {
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
    const shown = `${known.message} ${known.hint ?? ''}`;
    for (const secret of [SECRET, directory, '127.0.0.1']) expect(shown).not.toContain(secret);
    return known;
  }

  async function isStopped(mark: string): Promise<boolean> {
    for (let i = 0; i < 1200; i++) {
      if (!(await fixture.runs(mark))) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  }

  beforeAll(() => fixture.setUp());
  afterAll(async () => {
    await engine.close();
    await fixture.tearDown();
  });

  it.each(fixture.types)('gives %s as %s %j', async (sql, type, value) => {
    const { columns, values, rowCount } = await query(`SELECT ${sql} AS x`);
    expect({ rowCount, type: columns[0]?.type, name: columns[0]?.name, value: values[0]?.[0] }).toEqual({
      rowCount: 1,
      type,
      name: 'x',
      value,
    });
    expect(columns[0]?.engineType).not.toBe('');
  });

  it('binds parameters of every kind, and text as text only', async () => {
    const given = {
      whole: 41,
      text: "'; DROP TABLE orders; --",
      flag: true,
      none: null,
      big: 2 ** 40,
      half: 0.5,
      day: '2024-01-01',
    };
    const statement = bindParameters(fixture.parameters, engine.dialect, given);
    const { values } = await query(statement.sql, { values: statement.values });
    const row = values.map((column) => column[0]).map((cell) => (cell === 1 ? true : cell));
    expect(row).toEqual([42, given.text, true, null, 2 ** 40, 0.5, true, 42]);
  });

  it('keeps names twice and answers without rows', async () => {
    const { columns, values, rowCount } = await query('SELECT 1 AS a, 2 AS a WHERE 1 = 0');
    expect([columns.map((column) => column.name), values, rowCount]).toEqual([['a', 'a'], [[], []], 0]);
  });

  it('reads many rows in order, in columns of the same length', async () => {
    const { values, rowCount, truncated, bytes, timings } = await query(fixture.numbers(12_345), { maxRows: 20_000 });
    expect([rowCount, truncated, values[0]?.length, values[0]?.at(0), values[0]?.at(-1)]).toEqual([
      12_345,
      false,
      12_345,
      1,
      12_345,
    ]);
    expect(bytes).toBeGreaterThan(12_345);
    expect(timings.totalMs).toBeGreaterThanOrEqual(timings.firstRowMs);
  });

  it('cuts rows off beyond the limit, and not at it', async () => {
    for (const [count, maxRows, truncated] of [
      [10, 10, false],
      [11, 10, true],
      [50_000, 3000, true],
      [1, 0, true],
    ] as const) {
      const result = await query(fixture.numbers(count), { maxRows });
      expect([result.rowCount, result.truncated, result.values[0]?.length]).toEqual([
        Math.min(count, maxRows),
        truncated,
        Math.min(count, maxRows),
      ]);
    }
    expect((await failure(query(fixture.numbers(11), { maxRows: 10, onExcess: 'fail' }))).code).toBe('ROWS_EXCEEDED');
    expect((await query(fixture.numbers(10), { maxRows: 10, onExcess: 'fail' })).rowCount).toBe(10);
  });

  it('refuses results that are too large, few rows or many', async () => {
    expect((await failure(query(fixture.numbers(900), { maxBytes: 500 }))).code).toBe('RESULT_TOO_LARGE');
    const text = fixture.wide ?? "repeat('x', 100000)";
    const wide = fixture.numbers(500).replace(/SELECT \w+(?= FROM (?!n WHERE))/, `SELECT ${text} AS x`);
    expect((await failure(query(wide, { maxBytes: 200_000 }))).code).toBe('RESULT_TOO_LARGE');
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  it('stops a query at its timeout, in the engine too', async () => {
    const mark = `${name}_timeout`;
    const start = performance.now();
    expect((await failure(query(fixture.endless(mark), { timeoutMs: 400 }))).code).toBe('QUERY_TIMEOUT');
    expect(performance.now() - start).toBeLessThan(60_000);
    expect(await isStopped(mark)).toBe(true);
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  it('stops a query that is cancelled, in the engine too', async () => {
    const mark = `${name}_cancel`;
    const controller = new AbortController();
    // A process that starts is at work too: here one is at rest before.
    await query('SELECT 1');
    expect(await isStopped(mark)).toBe(true);
    const running = failure(query(fixture.endless(mark), { signal: controller.signal }));
    await expect.poll(() => fixture.runs(mark), { timeout: 60_000 }).not.toBe(false);
    controller.abort();
    expect((await running).code).toBe('CANCELLED');
    expect(await isStopped(mark)).toBe(true);
    expect((await failure(query('SELECT 1', { signal: AbortSignal.abort() }))).code).toBe('CANCELLED');
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  it('stops a query whose reader leaves', async () => {
    const running = await engine.run(
      target,
      { sql: fixture.numbers(1_000_000), values: [] },
      { ...LIMITS, maxRows: 1_000_000 },
      never,
    );
    for await (const chunk of running.chunks) {
      expect(chunk.rowCount).toBeGreaterThan(0);
      break;
    }
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  it.each(fixture.writes)('refuses %s even when the guard let it through', async (sql) => {
    expect((await failure(query(sql))).code).toBe('ENGINE_FAILED');
    const orders = fixture.schema === 'main' ? 'orders' : `${fixture.schema}.orders`;
    expect((await query(`SELECT count(*) FROM ${orders}`)).values).toEqual([[10]]);
  });

  it('says what is wrong with a statement', async () => {
    const error = await failure(query('SELECT no_such_column'));
    expect([error.code, error.stage]).toEqual(['ENGINE_FAILED', 'QUERY']);
    expect(error.message).toContain('no_such_column');
  });

  it('leaves nothing of a session to the next one', async () => {
    const [set, get] = fixture.leaves;
    // What is refused leaves nothing either.
    await query(set).catch((error: EngineError) => expect(error.code).toBe('ENGINE_FAILED'));
    // A connection is made clean after its rows were handed over.
    const isClean = (): Promise<boolean> =>
      query(get).then(
        ({ values }) => [null, undefined].includes(values[0]?.[0] as null),
        (error: EngineError) => error.code === 'ENGINE_FAILED',
      );
    await expect.poll(isClean, { timeout: 60_000 }).toBe(true);
    for (let i = 0; i < 5; i++) expect(await isClean()).toBe(true);
  });

  it.skipIf(!fixture.other)(
    'keeps the connections of two keys apart, at the same time and one after the other',
    async () => {
      const count = async (at: ConnectionTarget): Promise<unknown> => {
        const statement = { sql: 'SELECT count(*) FROM orders', values: [] };
        return (await collect(engine, at, statement, LIMITS, { onExcess: 'fail' }, never)).values[0]?.[0];
      };
      const both = [target, fixture.other ?? target];
      for (let round = 0; round < 2; round++) {
        const found = await Promise.all(Array.from({ length: 16 }, (_, i) => count(both[i % 2] ?? target)));
        expect(found).toEqual(Array.from({ length: 16 }, (_, i) => (i % 2 ? 3 : 10)));
      }
    },
  );

  it('runs more queries at once than it has connections', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, () => query(fixture.numbers(3000), { maxRows: 5000 })),
    );
    expect(results.map((result) => result.rowCount)).toEqual(Array.from({ length: 20 }, () => 3000));
  });

  it('turns queries away when too many wait', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => query('SELECT 1')));
    const codes = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [(outcome.reason as EngineError).code] : [],
    );
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(['ENGINE_BUSY']));
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(24);
  });

  it('lists tables and views with their columns', async () => {
    const tables = await engine.tables(target, { schemas: [fixture.schema], limit: 10 }, never);
    expect(tables.map(({ schema, name: table, kind }) => [schema, table, kind])).toEqual([
      [fixture.schema, 'orders', 'TABLE'],
      [fixture.schema, 'paid', 'VIEW'],
    ]);
    expect(tables[0]?.columns.map((column) => [column.name, column.type, column.isNullable])).toEqual([
      ['id', 'INTEGER', false],
      ['total', 'DECIMAL', true],
      ['created', 'TIMESTAMP', true],
    ]);
    const some = { schemas: [fixture.schema], tables: ['paid'], limit: 10 };
    expect((await engine.tables(target, some, never)).map((table) => table.name)).toEqual(['paid']);
    expect(await engine.tables(target, { schemas: [fixture.schema], limit: 1 }, never)).toHaveLength(1);
    expect(await engine.tables(target, { schemas: ["no'such"], limit: 1 }, never)).toEqual([]);
  });

  it('tests a connection that works, stage by stage', async () => {
    const results = await engine.test(target, never);
    expect(results.every((result) => result.ok)).toBe(true);
    expect(results.at(0)?.stage).toBe('SETTINGS');
    expect(results.at(-1)?.stage).toBe('QUERY');
  });

  it('tests a connection without settings', async () => {
    const results = await engine.test({ key: `${name}-none`, settings: {} }, never);
    expect(results.map((result) => [result.stage, result.ok])).toEqual([['SETTINGS', false]]);
    expect(() => engine.checkSettings({})).toThrow(EngineError);
    expect(() => engine.checkSettings(target.settings)).not.toThrow();
  });

  it('works again after its connections were closed', async () => {
    await engine.close(target.key);
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });
}

function network(fixture: Fixture): void {
  const engine = engines.get(fixture.driver);
  const never = new AbortController().signal;

  async function lastStage(change: Record<string, unknown>): Promise<(string | boolean | null)[]> {
    const settings = { ...fixture.target.settings, ...change };
    const results = await engine.test({ key: `${name}-${JSON.stringify(change)}`, settings }, never);
    const last = results.at(-1);
    const shown = JSON.stringify(results);
    for (const secret of [SECRET, '127.0.0.1', 'localhost', 'wrong-password']) expect(shown).not.toContain(secret);
    return [last?.stage ?? null, last?.ok ?? null, last?.hint !== null];
  }

  it('says at which stage a connection fails', async () => {
    expect(await lastStage({ port: 1 })).toEqual(['TCP', false, true]);
    expect(await lastStage({ host: 'no-such-host.invalid' })).toEqual(['DNS', false, true]);
    expect(await lastStage({ host: '10.0.0.1' })).toEqual(['DNS', false, true]);
    expect(await lastStage({ host: '/var/run/postgresql' })).toEqual(['SETTINGS', false, true]);
    expect(await lastStage({ port: '5432' })).toEqual(['SETTINGS', false, true]);
    expect(await lastStage({ tls: 'MAYBE' })).toEqual(['SETTINGS', false, true]);
    expect(await lastStage({ sslRootCert: '/etc/passwd' })).toEqual(['SETTINGS', false, true]);
    // The servers here offer no TLS.
    expect(await lastStage({ tls: 'REQUIRED', host: 'localhost' })).toEqual(['TLS', false, true]);
    expect(await lastStage({ username: 'nobody_here', password: 'wrong-password' })).toEqual(['LOGIN', false, true]);
    expect(await lastStage({ database: 'no_such_database' })).toEqual(['LOGIN', false, true]);
  });

  it('warns of a user that may write', async () => {
    const results = await engine.test(fixture.target, never);
    expect(results.find((result) => result.stage === 'READ_ONLY')).toMatchObject({
      ok: true,
      message: expect.stringContaining('read'),
    });
  });

  it('never sends a query to a connection of another key', async () => {
    const other = { key: `${fixture.target.key}-2`, settings: { ...fixture.target.settings, username: 'nobody_here' } };
    const run = collect(engine, other, { sql: 'SELECT 1', values: [] }, LIMITS, { onExcess: 'fail' }, never);
    await expect(run).rejects.toMatchObject({ code: 'CONNECTION_FAILED', stage: 'LOGIN' });
  });
}

describe('DuckDB', () => contract(duckdb));

describe('SQLite', () => contract(sqlite));

describe.skipIf(!servers.postgres)('PostgreSQL (needs one on 127.0.0.1:5432)', () => {
  contract(postgres);
  network(postgres);
});

describe.skipIf(!servers.postgres)('Redshift (PostgreSQL in its clothes)', () => {
  contract(redshift);
  network(redshift);
});

describe.skipIf(!servers.mysql)('MariaDB (needs one on 127.0.0.1:3306)', () => {
  contract(mariadb);
  network(mariadb);
});

describe('SQL Server (in small)', () => {
  contract(sqlserver);
  network(sqlserver);
});

describe('the registry', () => {
  it('knows its drivers', () => {
    expect(['duckdb', 'postgres', 'mysql', 'sqlserver', 'oracle'].map((driver) => engines.has(driver))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(() => engines.get('oracle')).toThrow(EngineError);
  });
});
