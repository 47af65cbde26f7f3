import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../src/warehouse/engine.ts';
import type { ConnectionTarget, Engine, Limits, ParameterValue } from '../src/warehouse/engine.ts';
import { signAws } from '../src/warehouse/http/sigv4.ts';
import { bindParameters } from '../src/warehouse/params.ts';
import { collect } from '../src/warehouse/query.ts';
import type { QueryResult } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';
import { fixtures, hostPort, SECRET } from './helpers/engine-fixtures.ts';
import { LEFT_OVER, type EngineServer } from './helpers/engine-servers.ts';
import { keys, startBigquery, startSnowflake } from './helpers/engine-servers-cloud.ts';
import { startClickhouse, startDatabricks, startTrino } from './helpers/engine-servers-open.ts';
import { createCertificate } from './helpers/platform-servers.ts';

const LIMITS: Limits = { timeoutMs: 15_000, maxRows: 1000, maxBytes: 2_000_000 };
const never = new AbortController().signal;
const local = { allowPrivate: ['127.0.0.0/8'] };
const engines = createEngines({ duckdbRoots: [], network: local });
const publicOnly = createEngines({ duckdbRoots: [], network: { allowPrivate: [] } });

afterAll(async () => {
  await engines.close();
  await publicOnly.close();
});

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  const known = error as EngineError;
  const shown = `${known.message} ${known.hint ?? ''}`;
  for (const secret of [SECRET, 'wrong-password-99', '127.0.0.1', 'access-token', 'eyJ', 'BEGIN PRIVATE'])
    expect(shown).not.toContain(secret);
  return known;
}

async function until(test: () => boolean): Promise<boolean> {
  for (let i = 0; i < 3000 && !test(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  return test();
}

type More = Partial<Limits> & { onExcess?: 'truncate' | 'fail'; signal?: AbortSignal; values?: ParameterValue[] };

describe.each(fixtures.map((fixture) => [fixture.driver, fixture] as const))('%s', (driver, fixture) => {
  const engine: Engine = engines.get(driver);
  let server: EngineServer;
  let target: ConnectionTarget;

  beforeAll(async () => {
    server = await fixture.start();
    target = { key: driver, settings: fixture.settings(server.url) };
  });
  afterAll(async () => {
    await engine.close();
    await server.close();
  });

  function query(sql: string, more: More = {}, at: ConnectionTarget = target): Promise<QueryResult> {
    const { onExcess = 'truncate', signal = never, values = [], ...limits } = more;
    return collect(engine, at, { sql, values }, { ...LIMITS, ...limits }, { onExcess }, signal);
  }

  function changed(change: Record<string, unknown>): ConnectionTarget {
    return { key: `${driver}-${JSON.stringify(change)}`, settings: { ...target.settings, ...change } };
  }

  it('gives every type in the wire contract', async () => {
    const { columns, values } = await query('SELECT types');
    expect(columns.map(({ name, type }, c) => [name, type, values[c]?.[0]])).toEqual(fixture.types);
    expect(columns.every((column) => column.engineType !== '')).toBe(true);
  });

  it('binds parameters, and text as text only', async () => {
    const given = { a: 41, b: "'; DROP\n\\", c: true, d: null, e: 0.5 };
    const bound = bindParameters('SELECT parameters, :a, :b, :c, :d, :e', engine.dialect, given);
    expect(bound.sql).not.toContain('DROP');
    const { columns, values } = await query(bound.sql, { values: bound.values });
    if (driver === 'clickhouse') expect(JSON.stringify(values.map((column) => column[0]))).toBe(fixture.given);
    else expect(values.at(-1)?.[0]).toBe(fixture.given);
    expect(columns.length).toBeGreaterThan(0);
  });

  it('reads pages in order, and stops no query that came to its end', async () => {
    const before = server.stopped.length;
    const { values, rowCount, truncated } = await query('SELECT numbers(12)');
    expect([values[0], rowCount, truncated]).toEqual([Array.from({ length: 12 }, (_, i) => i + 1), 12, false]);
    expect((await query('SELECT numbers(0)')).values).toEqual([[]]);
    expect(server.stopped.length).toBe(before);
  });

  it('cuts rows off beyond the limit, and not at it', async () => {
    for (const [count, maxRows, truncated] of [
      [10, 10, false],
      [11, 10, true],
      [5000, 1200, true],
      [1, 0, true],
    ] as const) {
      const result = await query(`SELECT numbers(${count})`, { maxRows });
      expect([result.rowCount, result.truncated]).toEqual([Math.min(count, maxRows), truncated]);
    }
    expect((await failure(query('SELECT numbers(11)', { maxRows: 10, onExcess: 'fail' }))).code).toBe('ROWS_EXCEEDED');
  });

  it('stops a query at its timeout, in the service too', async () => {
    const before = server.stopped.length;
    expect((await failure(query('SELECT act_slow', { timeoutMs: 500 }))).code).toBe('QUERY_TIMEOUT');
    expect(await until(() => server.stopped.length === before + 1)).toBe(true);
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  it('stops a query that is cancelled, at once or later, in the service too', async () => {
    const before = server.stopped.length;
    const controller = new AbortController();
    const running = failure(query('SELECT act_slow', { signal: controller.signal }));
    setTimeout(() => controller.abort(), 300);
    expect((await running).code).toBe('CANCELLED');
    expect(await until(() => server.stopped.length === before + 1)).toBe(true);
    const early = new AbortController();
    const begun = failure(query('SELECT act_slow', { signal: early.signal }));
    setTimeout(() => early.abort(), 2);
    expect((await begun).code).toBe('CANCELLED');
    expect(await until(() => server.stopped.length === before + 2)).toBe(true);
    expect((await failure(query('SELECT 1', { signal: AbortSignal.abort() }))).code).toBe('CANCELLED');
  });

  it('stops a query whose reader leaves', async () => {
    const before = server.stopped.length;
    const running = await engine.run(
      target,
      { sql: 'SELECT act_endless', values: [] },
      { ...LIMITS, maxRows: 1e6 },
      never,
    );
    for await (const chunk of running.chunks) {
      expect(chunk.rowCount).toBeGreaterThan(0);
      break;
    }
    expect(await until(() => server.stopped.length === before + 1)).toBe(true);
  });

  it('reads no more of an endless result than it may', async () => {
    const before = server.stopped.length;
    const { rowCount, truncated } = await query('SELECT act_endless', { maxRows: 50 });
    expect([rowCount, truncated]).toEqual([50, true]);
    expect(await until(() => server.stopped.length === before + 1)).toBe(true);
    const few = await failure(query('SELECT act_endless', { maxRows: 1e6, maxBytes: 200, timeoutMs: 60_000 }));
    expect(few.code).toBe('RESULT_TOO_LARGE');
  });

  it.each([
    ['act_broken', 'ENGINE_FAILED'],
    ['act_width', 'ENGINE_FAILED'],
    ['act_huge', 'RESULT_TOO_LARGE'],
    ['act_redirect', 'CONNECTION_FAILED'],
    ['act_silly', 'ENGINE_FAILED'],
    ['act_busy', 'ENGINE_BUSY'],
  ])('takes %s for %s', async (act, code) => {
    const error = await failure(query(`SELECT ${act}`));
    expect(error.code).toBe(code);
    if (act === 'act_broken') {
      expect(error.stage).toBe('QUERY');
      expect(error.message).toMatch(/near|at/);
      expect(error.message).not.toMatch(/\/x\b/);
    }
    expect((await query('SELECT 1')).rowCount).toBe(1);
  });

  it('lists tables with their columns, names bound', async () => {
    const filter = { schemas: ['shop'], tables: ['orders', "no'such"], limit: 10 };
    const tables = await engine.tables(target, filter, never);
    expect(tables.map(({ schema, name, kind, rowEstimate }) => [schema, name, kind, rowEstimate])).toEqual([
      ['shop', 'orders', 'TABLE', null],
      ['shop', 'paid', 'VIEW', null],
    ]);
    const whole = driver === 'bigquery' ? 'BIGINT' : 'INTEGER';
    expect(tables[0]?.columns.map((column) => [column.name, column.type, column.isNullable])).toEqual([
      ['id', whole, false],
      ['total', 'DECIMAL', true],
    ]);
    const sent = server.seen.filter(({ text }) => /tables/i.test(text)).at(-1);
    if (driver === 'clickhouse') expect(sent?.text).not.toContain('such');
    expect(await engine.tables(target, { schemas: [], limit: 1 }, never)).toEqual([]);
  });

  it('tests a connection stage by stage', async () => {
    const results = await engine.test(target, never);
    expect(results.map(({ stage, ok }) => [stage, ok])).toEqual(
      ['SETTINGS', 'DNS', 'TCP', 'LOGIN', 'READ_ONLY', 'QUERY'].map((stage) => [stage, true]),
    );
    expect(results.find(({ stage }) => stage === 'READ_ONLY')?.message !== null).toBe(fixture.hasWarning);
    expect((await engine.test({ key: 'none', settings: {} }, never)).map(({ stage, ok }) => [stage, ok])).toEqual([
      ['SETTINGS', false],
    ]);
  });

  it('says so when the service does not let it in', async () => {
    const results = await engine.test(changed(fixture.strangers), never);
    expect(results.at(-1)).toMatchObject({ stage: 'LOGIN', ok: false, hint: expect.any(String) });
    expect(JSON.stringify(results)).not.toMatch(/wrong-password|hunter2|127\.0|eyJ/);
  });

  it.each(fixture.wrong)('does not take the settings %j', (change, name) => {
    const settings = { ...target.settings, ...change };
    expect(() => engine.checkSettings(settings)).toThrow(EngineError);
    expect(() => engine.checkSettings(settings)).toThrow(new RegExp(name));
    expect(() => engine.checkSettings(target.settings)).not.toThrow();
  });

  it('goes to no address that is not public, unless it is allowed', async () => {
    const guarded = publicOnly.get(driver);
    const results = await guarded.test(target, never);
    expect(results.at(-1)).toMatchObject({ ok: false, stage: 'SETTINGS' });
    await expect(
      collect(guarded, target, { sql: 'SELECT 1', values: [] }, LIMITS, { onExcess: 'fail' }, never),
    ).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
    });
  });

  it('runs more queries at once than it has connections, and turns away too many', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => query('SELECT 1')));
    const codes = outcomes.flatMap((one) => (one.status === 'rejected' ? [(one.reason as EngineError).code] : []));
    expect(new Set(codes)).toEqual(new Set(['ENGINE_BUSY']));
    expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(24);
  });

  it('never sends a query with the credentials of another key, at the same time or after it', async () => {
    const stranger = { ...changed(fixture.strangers), key: `${driver}-stranger` };
    const codeOf = (at: ConnectionTarget): Promise<string | null> =>
      query('SELECT 1', {}, at).then(
        () => null,
        (error: EngineError) => error.code,
      );
    const codes = await Promise.all(Array.from({ length: 6 }, (_, i) => codeOf(i % 2 ? stranger : target)));
    expect(codes).toEqual(Array.from({ length: 6 }, (_, i) => (i % 2 ? 'CONNECTION_FAILED' : null)));
    expect([await codeOf(target), await codeOf(stranger)]).toEqual([null, 'CONNECTION_FAILED']);
  });

  it('keeps nothing of a session for the next query', async () => {
    const offered = await fetch(server.url);
    expect(offered.headers.get('set-cookie')).toContain(LEFT_OVER);
    const before = server.seen.length;
    for (let i = 0; i < 3; i++) await query('SELECT numbers(7)');
    const sent = server.seen
      .slice(before)
      .map(({ path, query: search, headers, text }) => [path, `${search}`, headers, text]);
    expect(sent.length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(sent)).not.toContain(LEFT_OVER);
  });

  it('says so when the service is gone', async () => {
    const gone = await fixture.start();
    const settings = fixture.settings(gone.url);
    await gone.close();
    const results = await engine.test({ key: `${driver}-gone`, settings }, never);
    expect(results.at(-1)).toMatchObject({ stage: 'TCP', ok: false });
  });
});

describe('what only one of them does', () => {
  const run = (driver: string, settings: Record<string, unknown>, sql: string): Promise<QueryResult> =>
    collect(
      engines.get(driver),
      { key: `${driver}-${JSON.stringify(settings)}`, settings },
      { sql, values: [] },
      LIMITS,
      { onExcess: 'fail' },
      never,
    );

  it('Trino follows no address of another origin', async () => {
    const server = await startTrino(SECRET);
    const settings = {
      ...hostPort(server.url),
      username: 'reader',
      password: SECRET,
      catalog: 'hive',
      tls: 'DISABLED',
    };
    const error = await failure(run('trino', settings, 'SELECT act_elsewhere'));
    expect([error.code, error.message]).toEqual(['ENGINE_FAILED', expect.stringContaining('elsewhere')]);
    await server.close();
  });

  it('ClickHouse says what broke an answer off', async () => {
    const server = await startClickhouse(SECRET);
    const settings = { ...hostPort(server.url), username: 'reader', password: SECRET, tls: 'DISABLED' };
    expect((await failure(run('clickhouse', settings, 'SELECT act_elsewhere'))).code).toBe('QUERY_TIMEOUT');
    await server.close();
  });

  it('BigQuery runs only what a dry run calls a SELECT, and nothing dearer than allowed', async () => {
    const server = await startBigquery();
    const settings = fixtures.find(({ driver }) => driver === 'bigquery')?.settings(server.url) ?? {};
    expect((await failure(run('bigquery', settings, 'INSERT INTO t SELECT 1'))).message).toBe(
      'Only queries are allowed.',
    );
    expect((await failure(run('bigquery', settings, 'SELECT dear'))).message).toContain('5000000');
    expect(server.seen.some(({ method, path }) => method === 'POST' && path.endsWith('/queries'))).toBe(false);
    expect(server.seen.filter(({ path }) => path === '/token')).toHaveLength(1);
    await server.close();
  });

  it.each(['athena', 'clickhouse', 'trino'])('%s reads no more bytes than the connection allows', async (driver) => {
    const fixture = fixtures.find((one) => one.driver === driver);
    if (!fixture) throw new Error(driver);
    const server = await fixture.start();
    const settings = fixture.settings(server.url);
    const error = await failure(run(driver, { ...settings, maximumBytesScanned: '1000000' }, 'SELECT dear'));
    expect([error.code, error.hint]).toEqual(['ENGINE_FAILED', expect.stringContaining('maximumBytesScanned')]);
    expect((await run(driver, { ...settings, maximumBytesScanned: 9_000_000 }, 'SELECT numbers(2)')).rowCount).toBe(2);
    if (driver === 'athena') expect(await until(() => server.stopped.length === 1)).toBe(true);
    for (const wrong of [0, -1, 1.5, '1e3', 'many'])
      expect(() => engines.get(driver).checkSettings({ ...settings, maximumBytesScanned: wrong })).toThrow(/maximum/);
    await server.close();
  });

  it.each(['snowflake', 'databricks'])(
    '%s runs nothing that reads more bytes than the connection allows',
    async (driver) => {
      const fixture = fixtures.find((one) => one.driver === driver);
      if (!fixture) throw new Error(driver);
      const server = await fixture.start();
      const settings = fixture.settings(server.url);
      const error = await failure(run(driver, { ...settings, maximumBytesScanned: 1_000_000 }, 'SELECT numbers(2)'));
      expect([error.code, error.hint]).toEqual(['ENGINE_FAILED', expect.stringContaining('maximumBytesScanned')]);
      const enough = { ...settings, maximumBytesScanned: '9000000' };
      expect((await run(driver, enough, 'SELECT numbers(2)')).values).toEqual([[1, 2]]);
      expect((await failure(run(driver, enough, 'SELECT plan_none'))).message).toContain('does not say how much');
      expect(() => engines.get(driver).checkSettings({ ...settings, maximumBytesScanned: 0 })).toThrow(/maximum/);
      await server.close();
    },
  );

  it('Snowflake takes a programmatic token too', async () => {
    const server = await startSnowflake(SECRET);
    const settings = { account: 'myorg-shop', endpoint: server.url, token: SECRET, warehouse: 'WH' };
    expect((await run('snowflake', settings, 'SELECT numbers(7)')).values[0]).toEqual([1, 2, 3, 4, 5, 6, 7]);
    await server.close();
  });

  it('Databricks says so when the service cut a result short', async () => {
    const server = await startDatabricks(SECRET);
    const settings = { endpoint: server.url, token: SECRET, warehouseId: 'wh1' };
    expect((await failure(run('databricks', settings, 'SELECT cut'))).code).toBe('RESULT_TOO_LARGE');
    await server.close();
  });

  it('Athena signs as AWS shows it in its own example', () => {
    const key = {
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
      sessionToken: null,
    };
    const request = {
      method: 'GET',
      host: 'iam.amazonaws.com',
      path: '/',
      query: 'Action=ListUsers&Version=2010-05-08',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: '',
    };
    const { authorization } = signAws(
      request,
      key,
      { region: 'us-east-1', service: 'iam' },
      new Date('2015-08-30T12:36:00Z'),
    );
    expect(authorization).toContain('Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7');
  });

  it.each([
    ['snowflake', { account: 'x', token: 't', endpoint: 'https://evil.example.com' }],
    ['snowflake', { account: 'x', token: 't', endpoint: 'https://snowflakecomputing.com.evil.example.com' }],
    ['databricks', { host: 'evil.example.com', token: 't', warehouseId: 'w' }],
    ['databricks', { endpoint: 'http://dbc-1.cloud.databricks.com', token: 't', warehouseId: 'w' }],
    [
      'athena',
      {
        region: 'eu-central-1',
        accessKeyId: 'A'.repeat(20),
        secretAccessKey: 's',
        endpoint: 'https://evil.example.com',
      },
    ],
    ['clickhouse', { host: 'db.example.com', username: 'u', tls: 'DISABLED' }],
    ['trino', { host: 'db.example.com', username: 'u', catalog: 'c', tls: 'DISABLED' }],
  ])('%s goes to hosts of its service and by https only: %j', (driver, settings) => {
    expect(() => publicOnly.get(driver).checkSettings(settings)).toThrow(EngineError);
  });

  it.each([
    ['snowflake', { account: 'myorg-shop', token: 't' }],
    ['databricks', { host: 'adb-1.2.azuredatabricks.net', token: 't', warehouseId: 'w' }],
    ['athena', { region: 'eu-central-1', accessKeyId: 'A'.repeat(20), secretAccessKey: 's' }],
    [
      'bigquery',
      { project_id: 'shop-project', client_email: 'a@b.c', private_key: keys.privateKey.replaceAll('\n', '\\n') },
    ],
    ['clickhouse', { host: 'db.example.com', username: 'u' }],
    ['trino', { host: 'db.example.com', username: 'u', catalog: 'c' }],
  ])('%s knows the addresses of its service', (driver, settings) => {
    expect(() => publicOnly.get(driver).checkSettings(settings)).not.toThrow();
  });

  it('verifies whose certificate it is', async () => {
    const own = createCertificate('localhost');
    const other = createCertificate('db.example.com');
    const [server, foreign] = await Promise.all([
      startClickhouse(SECRET, { tls: own }),
      startClickhouse(SECRET, { tls: other }),
    ]);
    const settings = (url: string, cert: string | null): Record<string, unknown> => ({
      ...hostPort(url),
      host: 'localhost',
      username: 'reader',
      password: SECRET,
      ...(cert ? { sslRootCert: cert } : {}),
    });
    const allowed = createEngines({ duckdbRoots: [], network: { allowPrivate: ['127.0.0.0/8', '::1'] } });
    const engine = allowed.get('clickhouse');
    const last = async (key: string, one: Record<string, unknown>): Promise<unknown[]> => {
      const result = (await engine.test({ key, settings: one }, never)).at(-1);
      return [result?.stage, result?.ok, result?.message];
    };
    expect(await last('a', settings(server.url, own.cert))).toEqual(['QUERY', true, null]);
    expect(await last('b', settings(server.url, null))).toEqual(['TLS', false, expect.stringContaining('not trusted')]);
    expect(await last('c', settings(foreign.url, other.cert))).toEqual([
      'TLS',
      false,
      expect.stringContaining('another host'),
    ]);
    await allowed.close();
    await Promise.all([server.close(), foreign.close()]);
  });
});
