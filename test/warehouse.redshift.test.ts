import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConnectionTarget, Limits, ParameterValue } from '../src/warehouse/engine.ts';
import { NO_ESTIMATE, redshiftEstimate } from '../src/warehouse/estimate.ts';
import { createPostgres } from '../src/warehouse/postgres.ts';
import { collect } from '../src/warehouse/query.ts';
import { openRedshiftProxy, REDSHIFT_VIEWS, type RedshiftProxy } from './helpers/redshift-proxy.ts';
import { name, SECRET, servers } from './warehouse.fixtures.ts';

const LIMITS: Limits = { timeoutMs: 20_000, maxRows: 100, maxBytes: 1_000_000 };
const never = new AbortController().signal;

describe.skipIf(!servers.postgres)('Redshift', () => {
  const engine = createPostgres({ network: { allowPrivate: ['127.0.0.0/8'] } });
  const admin = new pg.Client({ host: '127.0.0.1', user: 'postgres', database: 'postgres' });
  const database = `${name}_redshift`;
  let own: pg.Client;
  let proxy: RedshiftProxy;
  const target = (user: string): ConnectionTarget => ({
    key: `${database}-${user}`,
    settings: { host: '127.0.0.1', port: proxy.port, database, username: user, password: SECRET, tls: 'DISABLED' },
  });
  const [reader, writer] = [`${name}_rr`, `${name}_rw`];
  const query = (sql: string, values: ParameterValue[] = [], limits: Partial<Limits> = {}) =>
    collect(engine, target(reader), { sql, values }, { ...LIMITS, ...limits }, { onExcess: 'truncate' }, never);

  beforeAll(async () => {
    proxy = await openRedshiftProxy();
    await admin.connect();
    await admin.query(`CREATE DATABASE ${database}`);
    for (const role of [reader, writer]) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${SECRET}'`);
    own = new pg.Client({ host: '127.0.0.1', user: 'postgres', database });
    await own.connect();
    await own.query(`CREATE SCHEMA shop; CREATE TABLE shop.orders (id int NOT NULL, total numeric(9, 2), name varchar(20), at timestamp);
      INSERT INTO shop.orders SELECT i, i * 1.5, 'x', '2024-01-01' FROM generate_series(0, 9) i; ANALYZE shop.orders;
      CREATE VIEW shop.paid AS SELECT id FROM shop.orders; CREATE TABLE shop."Odd name" (a bool);
      ${REDSHIFT_VIEWS}
      GRANT USAGE ON SCHEMA shop TO ${reader}, ${writer}; GRANT SELECT ON ALL TABLES IN SCHEMA shop, public TO ${reader}, ${writer};
      GRANT DELETE ON shop."Odd name" TO ${writer}`);
  });
  afterAll(async () => {
    await engine.close();
    await proxy.close();
    await own.end();
    await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
    for (const role of [reader, writer]) await admin.query(`DROP ROLE ${role}`);
    await admin.end();
  });

  it('runs queries in a transaction that only reads and ends in time', async () => {
    const { columns, values } = await query('SELECT id, total, at FROM shop.orders WHERE id = $1', [3]);
    expect(columns.map(({ type }) => type)).toEqual(['INTEGER', 'DECIMAL', 'TIMESTAMP']);
    expect(values).toEqual([[3], ['4.50'], ['2024-01-01T00:00:00']]);
    expect((await query("SELECT current_setting('transaction_read_only') AS a, lower('A') AS b")).values).toEqual([
      ['on'],
      ['a'],
    ]);
    const timeout = query("SELECT current_setting('statement_timeout')", [], { timeoutMs: 7_500 });
    expect((await timeout).values).toEqual([['7500ms']]);
    await expect(query('DELETE FROM shop.orders')).rejects.toThrow('read-only transaction');
  });

  it('gives its connection back clean', async () => {
    const users = async (): Promise<number> =>
      Number((await admin.query('SELECT count(*) FROM pg_stat_activity WHERE usename = $1', [reader])).rows[0].count);
    for (let i = 0; i < 8; i++) await query('SELECT 1');
    expect(await users()).toBeLessThanOrEqual(4);
    expect(proxy.seen()).toContain('RESET ALL');
    expect((await query("SELECT current_setting('statement_timeout')", [], { timeoutMs: 9_000 })).values).toEqual([
      ['9s'],
    ]);
  });

  it('is tested by stages, and says who may write', async () => {
    const stages = (user: string) =>
      engine.test(target(user), never).then((results) => results.map(({ stage, ok, message }) => [stage, ok, message]));
    const passed = (message: string | null) => [
      ['SETTINGS', true, null],
      ['DNS', true, null],
      ['TCP', true, null],
      ['LOGIN', true, null],
      ['READ_ONLY', true, message],
      ['QUERY', true, null],
    ];
    expect(await stages(reader)).toEqual(passed(null));
    const warning = 'This user may write to the database. Give the gateway a user that may only read.';
    expect(await stages(writer)).toEqual(passed(warning));
  });

  it('lists tables out of its own views', async () => {
    const tables = await engine.tables(target(reader), { limit: 100 }, never);
    expect(tables.map(({ schema, name: table, kind }) => [schema, table, kind])).toEqual([
      ['shop', 'Odd name', 'TABLE'],
      ['shop', 'orders', 'TABLE'],
      ['shop', 'paid', 'VIEW'],
    ]);
    expect(tables[1]?.columns).toEqual([
      { name: 'id', type: 'INTEGER', engineType: 'integer', isNullable: false },
      { name: 'total', type: 'DECIMAL', engineType: 'numeric(9,2)', isNullable: true },
      { name: 'name', type: 'STRING', engineType: 'character varying(20)', isNullable: true },
      { name: 'at', type: 'TIMESTAMP', engineType: 'timestamp without time zone', isNullable: true },
    ]);
    const names = async (filter: { schemas?: string[]; tables?: string[]; limit: number }) =>
      (await engine.tables(target(reader), filter, never)).map((table) => table.name);
    expect(await names({ tables: ['orders', "'; DROP"], limit: 9 })).toEqual(['orders']);
    expect(await names({ schemas: ['shop'], limit: 1 })).toEqual(['Odd name']);
    expect(await names({ schemas: [], limit: 9 })).toEqual([]);
  });

  it('explains in text', async () => {
    const sql = '-- all\nSELECT * FROM shop.orders WHERE id >= $1';
    const estimate = await engine.estimate?.(target(reader), { sql, values: [0] }, LIMITS.timeoutMs, never);
    expect(estimate).toEqual({ ...NO_ESTIMATE, rows: expect.any(Number), cost: expect.any(Number) });
    const far = 'XN Limit  (cost=1000000000009.00..1000000000009.02 rows=8 width=20)';
    expect(redshiftEstimate(far)).toEqual({ ...NO_ESTIMATE, rows: 8, cost: 1_000_000_000_009.02 });
    expect([null, '', 'XN Result', 7].map((line) => redshiftEstimate(line))).toEqual(Array(4).fill(NO_ESTIMATE));
  });
});
