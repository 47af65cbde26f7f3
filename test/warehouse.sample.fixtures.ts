import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import { openPostgresProxy } from './helpers/postgres-proxy.ts';
import { directory, name, SECRET } from './warehouse.fixtures.ts';

/** A database with a large table among small ones, and how its dialect says what is asked. */
export interface Fixture {
  key: string;
  driver: string;
  settings: Record<string, unknown>;
  setUp(): Promise<void>;
  tearDown(): Promise<void>;
  /** The schema of the tables, and that of another table `sales`, of three rows; null where there is none. */
  schema: string;
  other: string | null;
  /** A query of the table itself, which a view cannot answer. */
  ofTable: string;
  writes: string[];
  /** Whether a CTE may read the table whose name it has. */
  isCteOverTable: boolean;
}

/** `sales` of 20,000 rows, `Big Sales` of 12,000, `small` of 9,999, `shops` of 4, and a view of `sales`. */
const tables = (numbers: (count: number) => string): string[] => [
  `CREATE TABLE sales AS SELECT n AS id, n % 4 AS shop, n * 1.5 AS amount FROM ${numbers(20_000)}`,
  `CREATE TABLE "Big Sales" AS SELECT n AS id FROM ${numbers(12_000)}`,
  `CREATE TABLE small AS SELECT n AS id FROM ${numbers(9999)}`,
  `CREATE TABLE shops AS SELECT n AS id FROM ${numbers(4)}`,
  'CREATE VIEW paid AS SELECT id, amount FROM sales',
];

/** A DuckDB file, its name with a space. */
export const duckdb: Fixture = {
  key: 'duckdb',
  driver: 'duckdb',
  settings: { path: 'sam ple.duckdb' },
  schema: 'main',
  other: 'other',
  ofTable: 'SELECT max(rowid) + 1 FROM sales',
  writes: ['DELETE FROM sales', 'CREATE OR REPLACE TEMP VIEW sales AS SELECT 1', 'DROP VIEW temp.sales'],
  isCteOverTable: true,
  setUp: async () => {
    const instance = await DuckDBInstance.create(join(directory, 'sam ple.duckdb'));
    const connection = await instance.connect();
    const made = [
      ...tables((count) => `range(${count}) r(n)`),
      'CREATE TABLE huge AS SELECT n AS id FROM range(1200000) r(n)',
      'CREATE SCHEMA other',
      'CREATE SCHEMA third',
      'CREATE VIEW third.abroad AS SELECT id FROM sales',
      'CREATE TABLE other.sales AS SELECT n AS id FROM range(3) r(n)',
      'CREATE TABLE ambiguous AS FROM sales',
      'CREATE TABLE other.ambiguous AS FROM other.sales',
      'CREATE VIEW other.mine AS SELECT id FROM ambiguous',
    ];
    for (const sql of made) await connection.run(sql);
    connection.closeSync();
    instance.closeSync();
  },
  tearDown: async () => undefined,
};

/** A SQLite file. */
export const sqlite: Fixture = {
  key: 'sqlite',
  driver: 'sqlite',
  settings: { path: 'sample.sqlite' },
  schema: 'main',
  other: null,
  ofTable: 'SELECT max(rowid) FROM sales',
  writes: ['DELETE FROM sales', 'CREATE TEMP VIEW shops AS SELECT * FROM sales', 'DROP VIEW temp.sales'],
  isCteOverTable: false,
  setUp: async () => {
    const database = new DatabaseSync(join(directory, 'sample.sqlite'));
    const numbers = (count: number): string =>
      `(WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < ${count - 1}) SELECT n FROM r)`;
    for (const sql of tables(numbers)) database.exec(sql);
    database.exec(`CREATE TABLE odd (rowid TEXT, n INTEGER);
      INSERT INTO odd SELECT 'x', id FROM sales;
      CREATE TABLE keyed (id INTEGER PRIMARY KEY) WITHOUT ROWID;
      INSERT INTO keyed SELECT id FROM sales;
      CREATE TABLE three (rowid TEXT, _rowid_ TEXT, oid TEXT);
      INSERT INTO three SELECT id, id, id FROM sales`);
    database.close();
  },
  tearDown: async () => undefined,
};

/** A server: how its owner reaches it, and the engine. */
export interface Server {
  url: string;
  port: number;
  close(): Promise<void>;
}

/** The embedded server hears on no port, so that the engine needs a way to it. */
export async function embedded(url: string, close: () => Promise<void>): Promise<Server> {
  const proxy = await openPostgresProxy(url);
  return {
    url,
    port: Number(new URL(proxy.url).port),
    close: async () => {
      proxy.close();
      await close();
    },
  };
}

/** A schema, another one and a user on a PostgreSQL. */
export function postgres(key: string, open: () => Promise<Server>): Fixture {
  let server: Server;
  let admin: pg.Client;
  const user = `${name}_sample`;
  return {
    key,
    driver: 'postgres',
    settings: { username: user, password: SECRET, tls: 'DISABLED' },
    schema: name,
    other: `${name}_other`,
    ofTable: 'SELECT count(ctid) FROM sales',
    writes: [
      'DELETE FROM sales',
      `WITH d AS (DELETE FROM ${name}.shops RETURNING id) SELECT count(*) FROM d, sales`,
      'SET TRANSACTION READ WRITE',
      'CREATE TEMP TABLE t AS SELECT * FROM sales',
      "SELECT set_config('transaction_read_only', 'off', true) FROM sales",
    ],
    isCteOverTable: true,
    async setUp() {
      server = await open();
      const database = new URL(server.url).pathname.slice(1);
      Object.assign(this.settings, { host: '127.0.0.1', port: server.port, database });
      admin = new pg.Client({ connectionString: server.url });
      await admin.connect();
      const made = [
        `CREATE SCHEMA ${name}; CREATE SCHEMA ${name}_other; SET search_path = ${name}`,
        ...tables((count) => `generate_series(0, ${count - 1}) r(n)`),
        `CREATE TABLE ${name}_other.sales AS SELECT n AS id FROM generate_series(0, 2) r(n)`,
        'CREATE TABLE huge AS SELECT n AS id FROM generate_series(1, 1200000) r(n)',
        'CREATE TABLE keyed (id int PRIMARY KEY, note text); INSERT INTO keyed SELECT id, id FROM sales',
        'CREATE TABLE parts (id int) PARTITION BY RANGE (id)',
        ...[0, 1, 2].map(
          (i) =>
            `CREATE TABLE ${name}_other.parts_${i} PARTITION OF parts FOR VALUES FROM (${i * 6000}) TO (${i * 6000 + 6000})`,
        ),
        'INSERT INTO parts SELECT id FROM sales WHERE id < 18000',
        'CREATE MATERIALIZED VIEW kept AS SELECT * FROM sales',
        'CREATE TABLE ambiguous AS SELECT id FROM sales',
        `CREATE TABLE ${name}_other.ambiguous AS SELECT id FROM ${name}_other.sales`,
        `CREATE FUNCTION mine() RETURNS bigint STABLE LANGUAGE sql SET search_path = ${name}_other AS 'SELECT count(*) FROM ambiguous'`,
        'ANALYZE ambiguous, sales, "Big Sales", small, shops, huge, keyed, parts, kept',
        `CREATE ROLE ${user} LOGIN PASSWORD '${SECRET}'; ALTER ROLE ${user} SET search_path = ${name}, public`,
        `GRANT USAGE ON SCHEMA ${name}, ${name}_other TO ${user};
         GRANT SELECT ON ALL TABLES IN SCHEMA ${name}, ${name}_other TO ${user}; GRANT DELETE ON ${name}.shops TO ${user}`,
      ];
      for (const sql of made) await admin.query(sql);
    },
    async tearDown() {
      await admin.query(`DROP SCHEMA ${name}, ${name}_other CASCADE; DROP OWNED BY ${user}; DROP ROLE ${user}`);
      await admin.end();
      await server.close();
    },
  };
}
