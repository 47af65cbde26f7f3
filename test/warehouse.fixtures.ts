import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll } from 'vitest';
import type { Cell, ConnectionTarget, Limits } from '../src/warehouse/engine.ts';
import { answers } from './helpers/answers.ts';
import { isChildAtWork } from './helpers/busy-children.ts';
import { expressions, startTdsWarehouse, type TdsWarehouse } from './helpers/tds-warehouse.ts';

/** Bounds that no honest query of these tests reaches. */
export const LIMITS: Limits = { timeoutMs: 60_000, maxRows: 1000, maxBytes: 10_000_000 };
/** The password of the fixtures' users, which must show up nowhere. */
export const SECRET = 'hunter2-very-secret';

/** Which servers this machine offers. */
export const servers = { postgres: await answers(5432), mysql: await answers(3306) };
if (process.env['CI'] === 'true' && !(servers.postgres && servers.mysql)) {
  throw new Error('CI must offer PostgreSQL on 127.0.0.1:5432 and MariaDB on 127.0.0.1:3306.');
}

/** A name that no other run of these tests has. */
export const name = `wh_${process.pid}_${Date.now().toString(36)}`;
/** The directory that DuckDB files may lie in. */
export const directory = await mkdtemp(join(tmpdir(), 'warehouse-'));
afterAll(() => rm(directory, { recursive: true, force: true }));
/** A database with ten orders and a view, and how its dialect says what the contract asks. */
export interface Fixture {
  driver: string;
  target: ConnectionTarget;
  /** The name of the schema with the tables of the fixture. */
  schema: string;
  setUp(): Promise<void>;
  tearDown(): Promise<void>;
  /** `count` rows 1, 2, 3 … */
  numbers(count: number): string;
  /** Runs for minutes; holds `mark` in its text. */
  endless(mark: string): string;
  /** Whether the server still runs a statement with `mark`; null where this machine does not tell. */
  runs(mark: string): Promise<boolean | null>;
  /** What would leave something in a session, and what it would give to the next one: null unless it is left. */
  leaves: [set: string, get: string];
  /** Another connection, whose three orders nobody else may see; left out where another user is tried instead. */
  other?: ConnectionTarget;
  writes: string[];
  types: [sql: string, type: string, value: Cell][];
  parameters: string;
  /** A text of 100,000 characters; `repeat` unless said. */
  wide?: string;
}

/** The file of the DuckDB fixture. */
export const file = join(directory, 'shop.duckdb');

/** A DuckDB file. */
export const duckdb: Fixture = {
  driver: 'duckdb',
  target: { key: `${name}-duckdb`, settings: { path: 'shop.duckdb' } },
  schema: 'main',
  setUp: async () => {
    const instance = await DuckDBInstance.create(file);
    const connection = await instance.connect();
    await connection.run('CREATE TABLE orders (id INTEGER PRIMARY KEY, total DECIMAL(9, 2), created TIMESTAMP)');
    await connection.run("INSERT INTO orders SELECT i, i * 1.5, TIMESTAMP '2024-01-01' FROM range(10) r(i)");
    await connection.run('CREATE VIEW paid AS SELECT id, total FROM orders');
    connection.closeSync();
    instance.closeSync();
    const others = await DuckDBInstance.create(join(directory, 'other.duckdb'));
    await (await others.connect()).run('CREATE TABLE orders AS SELECT i AS id FROM range(3) r(i)');
    others.closeSync();
  },
  // A type of the session comes of it.
  leaves: [
    'PIVOT (SELECT id % 2 AS odd, total FROM orders) ON odd USING sum(total)',
    `SELECT max(type_name) FROM duckdb_types() WHERE type_name LIKE '%pivot%'`,
  ],
  other: { key: `${name}-duckdb-other`, settings: { path: 'other.duckdb' } },
  tearDown: async () => undefined,
  numbers: (count) => `SELECT i FROM range(1, ${count + 1}) r(i)`,
  endless: (mark) => `SELECT count(*) AS ${mark} FROM range(100000000000) a, range(1000) b`,
  runs: () => isChildAtWork(),
  writes: [
    'DELETE FROM orders',
    'CREATE TABLE t (a INT)',
    "COPY orders TO 'out.csv'",
    "ATTACH 'other.db'",
    'SET threads = 8',
  ],
  types: [
    ['true', 'BOOLEAN', true],
    ['7::SMALLINT', 'INTEGER', 7],
    ['7::BIGINT', 'BIGINT', 7],
    ['9007199254740993', 'BIGINT', '9007199254740993'],
    ['7::HUGEINT', 'DECIMAL', '7'],
    ['1.50::DECIMAL(9, 2)', 'DECIMAL', '1.50'],
    ['0.25::DOUBLE', 'FLOAT', 0.25],
    ["'nan'::DOUBLE", 'FLOAT', null],
    ["'-inf'::FLOAT", 'FLOAT', null],
    ["'héllo'", 'STRING', 'héllo'],
    ["DATE '2024-02-29'", 'DATE', '2024-02-29'],
    ["'infinity'::DATE", 'DATE', null],
    ["TIME '12:34:56'", 'TIME', '12:34:56'],
    ["TIME '12:34:56.5'", 'TIME', '12:34:56.500000'],
    ["TIMESTAMP '2024-02-29 12:00:00'", 'TIMESTAMP', '2024-02-29T12:00:00'],
    ["TIMESTAMP '1969-12-31 23:59:59.25'", 'TIMESTAMP', '1969-12-31T23:59:59.250000'],
    ["TIMESTAMPTZ '2024-02-29 12:00:00+02'", 'TIMESTAMP', '2024-02-29T10:00:00Z'],
    ["TIMESTAMP_NS '2024-01-01 00:00:00.123456789'", 'TIMESTAMP', '2024-01-01T00:00:00.123456789'],
    ["'\\xAA\\xBB'::BLOB", 'BINARY', 'qrs='],
    ['\'{"a": [1, null]}\'::JSON', 'JSON', { a: [1, null] }],
    ["{'a': 1, 'b': [DATE '2024-01-01']}", 'JSON', { a: 1, b: ['2024-01-01'] }],
    ['MAP {1: 2.5::DECIMAL(3, 1)}', 'JSON', { '1': '2.5' }],
    ["'a'::ENUM ('a', 'b')", 'STRING', 'a'],
    ['INTERVAL 1 DAY', 'STRING', '1 day'],
    ['NULL', 'INTEGER', null],
  ],
  parameters:
    "SELECT :whole + 1, :text, :flag, :none, :big::BIGINT, :half::DOUBLE, DATE '2024-01-02' > :day, :whole + 1",
};

const SQLITE_ORDERS = `CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, total DECIMAL(9, 2), created TIMESTAMP);
  INSERT INTO orders SELECT value, value * 1.5, '2024-01-01' FROM json_each('[0,1,2,3,4,5,6,7,8,9]');
  CREATE VIEW paid AS SELECT id, total FROM orders`;

/** A SQLite file. Expressions have the types of their values; columns of tables those that were declared. */
export const sqlite: Fixture = {
  driver: 'sqlite',
  target: { key: `${name}-sqlite`, settings: { path: 'shop.sqlite' } },
  schema: 'main',
  setUp: async () => {
    const database = new DatabaseSync(join(directory, 'shop.sqlite'));
    database.exec(SQLITE_ORDERS);
    database.close();
    const others = new DatabaseSync(join(directory, 'other.sqlite'));
    others.exec('CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (0), (1), (2)');
    others.close();
  },
  leaves: ['CREATE TEMP TABLE left_over AS SELECT 5 AS a', 'SELECT a FROM left_over'],
  other: { key: `${name}-sqlite-other`, settings: { path: 'other.sqlite' } },
  tearDown: async () => undefined,
  numbers: (count) =>
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT i FROM n`,
  endless: (mark) =>
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS ${mark} FROM n`,
  runs: () => isChildAtWork(),
  writes: [
    'DELETE FROM orders',
    'WITH d AS (SELECT 1) DELETE FROM orders',
    'SELECT 1; DELETE FROM orders',
    'CREATE TEMP TABLE t (a INT)',
    "ATTACH 'other.sqlite' AS other",
    "VACUUM INTO 'copy.sqlite'",
    'PRAGMA query_only = off',
    'BEGIN IMMEDIATE',
    "SELECT load_extension('x')",
    'SELECT * FROM pragma_database_list',
  ],
  types: [
    ['TRUE', 'INTEGER', 1],
    ['7', 'INTEGER', 7],
    ['3000000007', 'BIGINT', 3_000_000_007],
    ['9007199254740993', 'BIGINT', '9007199254740993'],
    ['0.25', 'FLOAT', 0.25],
    ['-1e999', 'FLOAT', null],
    ["'héllo'", 'STRING', 'héllo'],
    ["X'AABB'", 'BINARY', 'qrs='],
    ['(SELECT total FROM orders WHERE id = 1)', 'DECIMAL', '1.5'],
    ['NULL', 'STRING', null],
  ],
  parameters: "SELECT :whole + 1, :text, :flag, :none, :big, :half, '2024-01-02' > :day, :whole + 1",
  wide: 'hex(zeroblob(50000))',
};

/** What the user of the fixture reads on a PostgreSQL. */
export const SHOP = `CREATE SCHEMA ${name}; CREATE TABLE ${name}.orders (id int PRIMARY KEY, total numeric(9, 2), created timestamp);
  INSERT INTO ${name}.orders SELECT i, i * 1.5, '2024-01-01' FROM generate_series(0, 9) i;
  CREATE VIEW ${name}.paid AS SELECT id, total FROM ${name}.orders;
  CREATE FUNCTION ${name}.lies() RETURNS text STABLE LANGUAGE sql AS $$ SELECT pg_advisory_lock(7)::text $$;
  GRANT USAGE ON SCHEMA ${name} TO ${name}_reader; GRANT SELECT ON ALL TABLES IN SCHEMA ${name} TO ${name}_reader;
  GRANT INSERT, DELETE ON ${name}.orders TO ${name}_reader`;
const admin = new pg.Client({ host: '127.0.0.1', user: 'postgres', database: 'postgres' });
/** A schema and a user on PostgreSQL. */
export const postgres: Fixture = {
  driver: 'postgres',
  target: {
    key: `${name}-postgres`,
    settings: {
      host: '127.0.0.1',
      database: 'postgres',
      username: `${name}_reader`,
      password: SECRET,
      tls: 'DISABLED',
    },
  },
  schema: name,
  setUp: async () => {
    await admin.connect();
    await admin.query(`CREATE ROLE ${name}_reader LOGIN PASSWORD '${SECRET}'`);
    await admin.query(SHOP);
  },
  tearDown: async () => {
    await admin.query(`DROP SCHEMA ${name} CASCADE; DROP ROLE ${name}_reader`);
    await admin.end();
  },
  leaves: [
    `SELECT ${name}.lies()`,
    `SELECT CASE WHEN count(*) > 0 THEN 'left' END FROM pg_locks JOIN pg_stat_activity USING (pid)
      WHERE locktype = 'advisory' AND usename = current_user`,
  ],
  numbers: (count) => `SELECT i FROM generate_series(1, ${count}) i`,
  endless: (mark) => `SELECT count(*) AS ${mark} FROM generate_series(1, 1000000000000)`,
  runs: async (mark) => {
    const sql = `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()`;
    return (await admin.query(sql, [`%${mark}%`])).rowCount !== 0;
  },
  writes: [
    `DELETE FROM ${name}.orders`,
    `WITH d AS (DELETE FROM ${name}.orders RETURNING 1) SELECT * FROM d`,
    'CREATE TEMP TABLE t (a int)',
    `SELECT 1; DELETE FROM ${name}.orders`,
    'SET TRANSACTION READ WRITE',
    "SELECT set_config('transaction_read_only', 'off', false)",
    `SELECT * FROM ${name}.orders FOR UPDATE`,
    `SELECT * INTO copied FROM ${name}.orders`,
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT lo_import('/etc/passwd')",
    `COPY ${name}.orders TO '/tmp/orders'`,
    "COPY (SELECT 1) TO PROGRAM 'id'",
    'CREATE EXTENSION hstore',
    "LOAD '/tmp/code.so'",
    "ALTER SYSTEM SET log_statement = 'none'",
    'ALTER ROLE CURRENT_USER SUPERUSER',
    'SET ROLE postgres',
    'SET SESSION AUTHORIZATION postgres',
    'VACUUM',
    'CHECKPOINT',
  ],
  types: [
    ['true', 'BOOLEAN', true],
    ['7::smallint', 'INTEGER', 7],
    ['7::bigint', 'BIGINT', 7],
    ['9007199254740993', 'BIGINT', '9007199254740993'],
    ['1.50::numeric(9, 2)', 'DECIMAL', '1.50'],
    ["'NaN'::numeric", 'DECIMAL', null],
    ['0.25::float8', 'FLOAT', 0.25],
    ["'-infinity'::float4", 'FLOAT', null],
    ["'héllo'::varchar(9)", 'STRING', 'héllo'],
    ["date '2024-02-29'", 'DATE', '2024-02-29'],
    ["date 'infinity'", 'DATE', null],
    ["time '12:34:56.5'", 'TIME', '12:34:56.500000'],
    ["timetz '12:34:56+02'", 'TIME', '12:34:56+02:00'],
    ["timestamp '2024-02-29 12:00:00'", 'TIMESTAMP', '2024-02-29T12:00:00'],
    ["timestamp '1969-12-31 23:59:59.25'", 'TIMESTAMP', '1969-12-31T23:59:59.250000'],
    ["timestamptz '2024-02-29 12:00:00+02'", 'TIMESTAMP', '2024-02-29T10:00:00Z'],
    ["'\\xaabb'::bytea", 'BINARY', 'qrs='],
    ['\'{"a": [1, null]}\'::jsonb', 'JSON', { a: [1, null] }],
    ["ARRAY['a\"b', 'c,d', NULL, 'NULL', '']", 'JSON', ['a"b', 'c,d', null, 'NULL', '']],
    [
      'ARRAY[[1, 2], [3, 4]]',
      'JSON',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["interval '1 day'", 'STRING', '1 day'],
    ["'5d1f1c3e-0000-4000-8000-000000000000'::uuid", 'STRING', '5d1f1c3e-0000-4000-8000-000000000000'],
    ['NULL::int', 'INTEGER', null],
  ],
  parameters:
    "SELECT :whole + 1, :text, :flag::bool, :none::int, :big::bigint, :half::float8, date '2024-01-02' > :day, :whole + 1",
};

let root: mysql.Connection;
/** A database and a user on MariaDB. */
export const mariadb: Fixture = {
  driver: 'mysql',
  target: {
    key: `${name}-mysql`,
    settings: { host: '127.0.0.1', database: name, username: name.slice(0, 32), password: SECRET, tls: 'DISABLED' },
  },
  schema: name,
  setUp: async () => {
    root = await mysql.createConnection({ host: '127.0.0.1', user: 'root' });
    await root.query(`CREATE DATABASE ${name}`);
    await root.query(`USE ${name}`);
    await root.query(`CREATE TABLE ${name}.orders (id INT PRIMARY KEY, total DECIMAL(9, 2), created DATETIME)`);
    await root.query(`INSERT INTO ${name}.orders SELECT seq, seq * 1.5, '2024-01-01' FROM seq_0_to_9`);
    await root.query(`CREATE VIEW ${name}.paid AS SELECT id, total FROM ${name}.orders`);
    await root.query(`CREATE USER '${name.slice(0, 32)}'@'%' IDENTIFIED BY '${SECRET}'`);
    await root.query(`GRANT SELECT, INSERT, DELETE, CREATE ON ${name}.* TO '${name.slice(0, 32)}'@'%'`);
  },
  tearDown: async () => {
    await root.query(`DROP DATABASE ${name}`);
    await root.query(`DROP USER '${name.slice(0, 32)}'@'%'`);
    await root.end();
  },
  leaves: ['SELECT @a := 5', 'SELECT @a'],
  numbers: (count) => `SELECT seq FROM seq_1_to_${count}`,
  endless: (mark) => `SELECT SLEEP(120) AS ${mark}`,
  runs: async (mark) => {
    const [rows] = await root.query(
      'SELECT info FROM information_schema.processlist WHERE info LIKE ? AND id <> connection_id()',
      [`%${mark}%`],
    );
    return Array.isArray(rows) && rows.length > 0;
  },
  writes: [
    'DELETE FROM orders',
    'CREATE TABLE t (a INT)',
    'SELECT 1; DELETE FROM orders',
    'SELECT * FROM orders FOR UPDATE',
    'CREATE TEMPORARY TABLE t (a INT)',
    'TRUNCATE orders',
    "SELECT 1 INTO OUTFILE '/tmp/orders'",
    "SELECT 1 INTO DUMPFILE '/tmp/orders'",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE orders",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE orders",
    "INSTALL SONAME 'file_key_management'",
    "CREATE FUNCTION f RETURNS STRING SONAME 'udf.so'",
    'SET GLOBAL max_connections = 1',
    'GRANT ALL ON *.* TO CURRENT_USER',
    'FLUSH TABLES WITH READ LOCK',
    'SHUTDOWN',
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST '169.254.169.254')",
  ],
  types: [
    ['TRUE', 'INTEGER', 1],
    ['7', 'INTEGER', 7],
    ['CAST(7 AS SIGNED) + 3000000000', 'BIGINT', 3_000_000_007],
    ['9007199254740993', 'BIGINT', '9007199254740993'],
    ['CAST(1.5 AS DECIMAL(9, 2))', 'DECIMAL', '1.50'],
    ['0.25e0', 'FLOAT', 0.25],
    ["'héllo'", 'STRING', 'héllo'],
    ["DATE '2024-02-29'", 'DATE', '2024-02-29'],
    ["TIME '12:34:56.5'", 'TIME', '12:34:56.500000'],
    ["TIMESTAMP '2024-02-29 12:00:00'", 'TIMESTAMP', '2024-02-29T12:00:00'],
    ["TIMESTAMP '2024-02-29 12:00:00.25'", 'TIMESTAMP', '2024-02-29T12:00:00.250000'],
    ["X'AABB'", 'BINARY', 'qrs='],
    ['CAST(18446744073709551615 AS UNSIGNED)', 'BIGINT', '18446744073709551615'],
    ['POINT(1, 2)', 'JSON', { x: 1, y: 2 }],
    ['NULL', 'STRING', null],
  ],
  parameters: "SELECT :whole + 1, :text, :flag, :none, :big, :half + 0e0, DATE '2024-01-02' > :day, :whole + 1",
};

let tds: TdsWarehouse;
/** A SQL Server in small: the real driver and protocol, answers known beforehand. */
export const sqlserver: Fixture = {
  driver: 'sqlserver',
  target: {
    key: `${name}-sqlserver`,
    settings: { host: '127.0.0.1', database: 'shop', username: 'reader', password: SECRET, tls: 'DISABLED' },
  },
  schema: 'shop',
  setUp: async () => {
    tds = await startTdsWarehouse(SECRET);
    sqlserver.target.settings['port'] = tds.port;
  },
  tearDown: () => tds.close(),
  leaves: ['SELECT remember', 'SELECT recall'],
  numbers: (count) => `SELECT n FROM numbers(${count})`,
  endless: (mark) => `SELECT act_slow AS ${mark}`,
  runs: (mark) => Promise.resolve(tds.running.has(mark)),
  writes: ['DELETE FROM shop.orders', 'WITH d AS (SELECT * FROM shop.orders) DELETE FROM d'],
  types: expressions.map(([sql, , , type, cell]) => [sql, type, cell as Cell]),
  parameters:
    "SELECT :whole + 1 AS parameters, :text, :flag, :none, :big, :half, IIF('2024-01-02' > :day, 1, 0), :whole + 1",
};
