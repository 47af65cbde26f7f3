import { randomUUID } from 'node:crypto';
import type { NetConnectOpts } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callRefusal, FunctionRule } from '../src/warehouse/postgres-functions.ts';
import { collect } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';
import { checkSql } from '../src/warehouse/sql-guard.ts';
import { calledFunctions } from '../src/warehouse/sql-second.ts';
import { testDatabase } from './helpers/database.ts';
import { startPostgresTls } from './helpers/tls-servers.ts';
import type { TlsServer } from './helpers/tls-servers.ts';

const LIMITS = { timeoutMs: 60_000, maxRows: 100, maxBytes: 1_000_000 };
const never = new AbortController().signal;
const engines = createEngines({ duckdbRoots: [], network: { allowPrivate: ['127.0.0.0/8', '::1'] } });
const database = await testDatabase();
const client = new pg.Client({ connectionString: database.url });
let server: TlsServer;

/** Runs a statement past the guard. */
function run(sql: string): Promise<unknown> {
  const settings = {
    host: '127.0.0.1',
    port: server.port,
    database: client.database,
    username: client.user,
    password: client.password ?? '',
    tls: 'DISABLED',
  };
  const target = { key: database.url, settings };
  return collect(engines.get('postgres'), target, { sql, values: [] }, LIMITS, { onExcess: 'fail' }, never);
}

beforeAll(async () => {
  await client.connect();
  await client.query(`CREATE TABLE t (a int); CREATE SEQUENCE s; CREATE SCHEMA other;
    CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS $$ INSERT INTO t VALUES (1) RETURNING a $$;
    CREATE FUNCTION reads(int) RETURNS int STABLE LANGUAGE sql AS $$ SELECT $1 + 1 $$;
    CREATE FUNCTION other.reads(int) RETURNS int VOLATILE LANGUAGE sql AS $$ SELECT $1 + 1 $$;
    CREATE FUNCTION "Odd ""name"""() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
    CREATE FUNCTION machine() RETURNS text IMMUTABLE LANGUAGE internal AS 'pg_current_logfile'`);
  const { host, port } = client;
  const real: NetConnectOpts = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
  server = await startPostgresTls(real, null);
});
afterAll(async () => {
  await engines.close();
  await server.close();
  await client.end();
  await database.drop();
});

describe('functions by the facts of the server work', () => {
  it.each([
    'SELECT random(), clock_timestamp(), now(), gen_random_uuid(), timeofday()',
    "SELECT lower('A'), sum(a), count(*), max(a) OVER () FROM t GROUP BY a",
    'SELECT reads(1), public.reads(2), pg_catalog.abs(-1)',
    "SELECT * FROM generate_series(1, 2), json_each('{}'), unnest(ARRAY[1])",
    "SELECT date_trunc('day', now()), to_char(now(), 'YYYY'), coalesce(NULL, 1), extract(year FROM now())",
    'SELECT 1',
  ])('%s', async (sql) => {
    await expect(run(sql)).resolves.toMatchObject({ truncated: false });
  });

  it('and are looked up once for a statement and a connection', async () => {
    const rule = new FunctionRule();
    const asked: unknown[] = [];
    const lookup = async (_: string, values: unknown[]): Promise<unknown[][]> => {
      asked.push(values);
      return [];
    };
    for (const key of ['a', 'a', 'b', 'b']) await rule.check(key, 'SELECT f(g(f(1)))', lookup);
    await rule.check('a', 'SELECT 1', lookup);
    await rule.check('a', 'no statement', lookup);
    expect(asked.map((values) => JSON.stringify(values))).toEqual(['[["f","g"]]', '[["f","g"]]']);
  });

  it('and a server with another catalogue is left to the list', async () => {
    const rule = new FunctionRule();
    const failing = (code: string) => () => Promise.reject(Object.assign(new Error('no'), { code }));
    await expect(rule.check('a', 'SELECT f(1)', failing('42P01'))).resolves.toBeUndefined();
    await expect(rule.check('b', 'SELECT f(1)', failing('57014'))).rejects.toThrow('no');
  });
});

describe('functions by the facts of the server refuse', () => {
  it.each([
    ['SELECT writes()', 'volatile'],
    ['SELECT a FROM t WHERE a = (SELECT public.writes())', 'volatile'],
    ['SELECT "Odd ""name"""()', 'volatile'],
    ['SELECT other.reads(1)', 'volatile'],
    ['SELECT * FROM writes()', 'volatile'],
    ['SELECT a FROM t ORDER BY writes()', 'volatile'],
    ["SELECT nextval('s')", 'volatile'],
    ['SELECT pg_sleep(0)', 'volatile'],
    ["SELECT pg_catalog.set_config('application_name', 'x', false)", 'volatile'],
    ['SELECT pg_advisory_lock(1)', 'volatile'],
    ["SELECT lo_from_bytea(0, 'x')", 'volatile'],
    ['SELECT machine()', 'not trusted'],
  ])('%s', async (sql, why) => {
    await expect(run(sql)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      stage: 'QUERY',
      message: expect.stringContaining(why),
      hint: expect.any(String),
    });
    expect((await client.query('SELECT FROM t')).rowCount).toBe(0);
  });

  it('every volatile function of the server that is not known to be harmless', async () => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT DISTINCT proname AS name FROM pg_proc WHERE provolatile = 'v' AND pronamespace = 'pg_catalog'::regnamespace",
    );
    expect(rows.length).toBeGreaterThan(200);
    const fact = { schema: 'pg_catalog', isVisible: true, isVolatile: true, isUntrusted: false };
    const passed = rows.filter(({ name }) => callRefusal([{ schema: null, name }], [{ ...fact, name }]) === null);
    const harmless = 'clock_timestamp gen_random_uuid random random_normal timeofday uuidv4 uuidv7'.split(' ');
    expect(harmless).toEqual(expect.arrayContaining(passed.map(({ name }) => name)));
  });
});

describe('functions by the facts of the server guard', () => {
  it('names however they are written', async () => {
    expect(await calledFunctions('SELECT A.b(1), "C d"(), e.f.g(), sum(x) OVER () FROM h(2)')).toEqual(
      expect.arrayContaining([
        { schema: 'a', name: 'b' },
        { schema: null, name: 'C d' },
        { schema: 'f', name: 'g' },
        { schema: null, name: 'sum' },
        { schema: null, name: 'h' },
      ]),
    );
  });

  it('what the list of names does not know', async () => {
    expect(await checkSql(`SELECT writes() AS "${randomUUID()}"`, 'postgres')).toBeNull();
    await expect(run('SELECT writes()')).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  });
});
