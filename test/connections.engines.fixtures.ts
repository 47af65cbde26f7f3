import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { fixtures as services, SECRET } from './helpers/engine-fixtures.ts';
import { SmallDatabase } from './helpers/small-database.ts';
import type { SmallDialect } from './helpers/small-sql.ts';
import { openRedshiftProxy, REDSHIFT_VIEWS } from './helpers/redshift-proxy.ts';
import { startTdsWarehouse } from './helpers/tds-warehouse.ts';
import { name, servers } from './warehouse.fixtures.ts';

/** What an engine's tables are read through. */
export interface Opened {
  settings: Record<string, unknown>;
  /** Statements as they came, where an engine of ours tells. */
  ran?: string[];
  close(): Promise<void> | void;
}

/** An engine, its tables, and how it says what is asked. */
export interface Fixture {
  engine: string;
  engineId: number;
  isHere: boolean;
  schema: string;
  /** A table of 8 rows and its column of texts, with characters of the dialect in their names. */
  table: string;
  column: string;
  /** The two as the dialect quotes them, the schema before the table; left out where the engine itself is there. */
  quoted?: [table: string, column: string];
  /** How the engine says that it reads blocks of the large table alone; null where it has no words for it. */
  blocks: string | null;
  /** The function of its random numbers. */
  random: string;
  /** Whether a test run reads a sample. */
  isSampled: boolean;
  open(directory: string): Promise<Opened>;
}

/** Rows of the large table, `n` from 1. */
export const LARGE = 300_000;
/** Texts of the small table, null and the empty one among them; then its other column. */
export const TEXTS = ['cherry "x"', 'banana', null, "d'or", '', 'banana', 'apple', 'cherry "x"'];
const RATIOS = ['0.5', "'NaN'", 'NULL', '-2', "'NaN'", "'Infinity'", '0.5', '7'];

type Quote = (name: string) => string;
const quoted: Quote = (text) => `"${text.replaceAll('"', '""')}"`;
const ticked: Quote = (text) => `\`${text.replaceAll('`', '``')}\``;
const literal = (text: string | null): string => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);

/** Makes the small table, a view of it, and the large one. */
function tables(
  { schema, table, column }: Pick<Fixture, 'schema' | 'table' | 'column'>,
  { quote = quoted, text = 'VARCHAR', double = 'DOUBLE', largeFrom = `range(1, ${LARGE + 1}) r(n)`, hasNan = true },
): string[] {
  const within = quote(schema);
  const rows = TEXTS.map((value, i) => {
    const ratio = RATIOS[i] ?? 'NULL';
    return `(${literal(value)}, ${hasNan || !ratio.startsWith("'") ? ratio : 'NULL'})`;
  });
  return [
    `CREATE TABLE ${within}.${quote(table)} (${quote(column)} ${text}, ratio ${double})`,
    `INSERT INTO ${within}.${quote(table)} VALUES ${rows.join(', ')}`,
    `CREATE VIEW ${within}.seen AS SELECT ${quote(column)} AS seen FROM ${within}.${quote(table)}`,
    `CREATE TABLE ${within}.large AS SELECT n FROM ${largeFrom}`,
  ];
}

const PLAIN = { table: 'st"ock [0]', column: 'na"me; --' };

const duckdb: Fixture = {
  engine: 'DuckDB',
  engineId: 57,
  isHere: true,
  schema: 'main',
  ...PLAIN,
  blocks: 'TABLESAMPLE SYSTEM (33.333333 PERCENT)',
  random: 'random',
  isSampled: true,
  open: async (directory) => {
    const instance = await DuckDBInstance.create(path.join(directory, 'engines.duckdb'));
    const connection = await instance.connect();
    for (const statement of tables(duckdb, {})) await connection.run(statement);
    connection.closeSync();
    instance.closeSync();
    return { settings: { path: 'engines.duckdb' }, close: () => undefined };
  },
};

const sqlite: Fixture = {
  ...duckdb,
  engine: 'SQLite',
  engineId: 58,
  blocks: null,
  open: async (directory) => {
    const database = new DatabaseSync(path.join(directory, 'engines.sqlite'));
    // It has no infinity, and what is no number is null.
    const numbers = `(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ${LARGE}) SELECT n FROM r)`;
    for (const statement of tables(sqlite, { text: 'TEXT', largeFrom: numbers, hasNan: false }))
      database.exec(statement);
    database.close();
    return { settings: { path: 'engines.sqlite' }, close: () => undefined };
  },
};

const postgres: Fixture = {
  ...duckdb,
  engine: 'PostgreSQL',
  engineId: 48,
  isHere: servers.postgres,
  schema: `${name}_engines`,
  blocks: 'TABLESAMPLE SYSTEM (33.333333)',
  open: async () => {
    const { schema } = postgres;
    const user = `${name}_engines`;
    const admin = new pg.Client({ host: '127.0.0.1', user: 'postgres', database: 'postgres' });
    await admin.connect();
    const largeFrom = `generate_series(1, ${LARGE}) n`;
    const made = tables(postgres, { text: 'text COLLATE "C"', double: 'double precision', largeFrom });
    for (const sql of [
      `CREATE SCHEMA ${schema}`,
      ...made,
      // As many as the large one had when they were last counted.
      `CREATE TABLE ${schema}.shrunk AS SELECT n FROM ${largeFrom}`,
      `ANALYZE ${schema}.large, ${schema}.shrunk`,
      `DELETE FROM ${schema}.shrunk WHERE n > 20`,
      `CREATE ROLE ${user} LOGIN PASSWORD '${SECRET}'`,
      `GRANT USAGE ON SCHEMA ${schema} TO ${user}; GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${user}`,
    ])
      await admin.query(sql);
    return {
      settings: { host: '127.0.0.1', database: 'postgres', username: user, password: SECRET, tls: 'DISABLED' },
      close: async () => {
        await admin.query(`DROP SCHEMA ${schema} CASCADE; DROP ROLE ${user}`);
        await admin.end();
      },
    };
  },
};

/** It has no words for a sample, and does not say how many rows there are. */
const redshift: Fixture = {
  ...postgres,
  engine: 'Redshift',
  engineId: 10,
  schema: 'shop',
  blocks: null,
  isSampled: false,
  open: async () => {
    const [database, user] = [`${name}_like_redshift`, `${name}_like`];
    const admin = new pg.Client({ host: '127.0.0.1', user: 'postgres', database: 'postgres' });
    await admin.connect();
    await admin.query(`CREATE DATABASE ${database}`);
    await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD '${SECRET}'`);
    const own = new pg.Client({ host: '127.0.0.1', user: 'postgres', database });
    await own.connect();
    const largeFrom = `generate_series(1, ${LARGE}) n`;
    const made = tables(redshift, { text: 'text COLLATE "C"', double: 'double precision', largeFrom });
    const granted = `GRANT USAGE ON SCHEMA shop TO ${user}; GRANT SELECT ON ALL TABLES IN SCHEMA shop, public TO ${user}`;
    for (const sql of ['CREATE SCHEMA shop', ...made, REDSHIFT_VIEWS, granted]) await own.query(sql);
    await own.end();
    const proxy = await openRedshiftProxy();
    return {
      settings: { host: '127.0.0.1', port: proxy.port, database, username: user, password: SECRET, tls: 'DISABLED' },
      close: async () => {
        await proxy.close();
        await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
        await admin.query(`DROP ROLE ${user}`);
        await admin.end();
      },
    };
  },
};

const mariadb: Fixture = {
  engine: 'MariaDB',
  engineId: 50,
  isHere: servers.mysql,
  schema: `${name}_engines`,
  table: 'st`ock \\',
  column: 'na`me; --',
  blocks: null,
  random: 'rand',
  isSampled: false,
  open: async () => {
    const { schema } = mariadb;
    const user = `${name.slice(0, 28)}_eng`;
    const admin = await mysql.createConnection({ host: '127.0.0.1', user: 'root' });
    const text = 'VARCHAR(100) COLLATE utf8mb4_bin';
    const largeFrom = `(SELECT seq AS n FROM seq_1_to_${LARGE}) r`;
    for (const sql of [
      `CREATE DATABASE ${schema}`,
      `USE ${schema}`,
      ...tables(mariadb, { quote: ticked, text, largeFrom, hasNan: false }),
      `CREATE USER '${user}'@'%' IDENTIFIED BY '${SECRET}'`,
      `GRANT SELECT ON ${schema}.* TO '${user}'@'%'`,
    ])
      await admin.query(sql);
    return {
      settings: { host: '127.0.0.1', database: schema, username: user, password: SECRET, tls: 'DISABLED' },
      close: async () => {
        await admin.query(`DROP DATABASE ${schema}`);
        await admin.query(`DROP USER '${user}'@'%'`);
        await admin.end();
      },
    };
  },
};

/** Tables of an engine in small; one that the engine calls a table, and does not read in part. */
const inSmall = (fixture: Fixture, dialect: SmallDialect, hasNan = true): Promise<SmallDatabase> =>
  SmallDatabase.open(dialect, [
    'CREATE SCHEMA shop',
    ...tables(fixture, { hasNan }),
    'CREATE VIEW shop.external AS SELECT n FROM range(1, 21) r(n)',
    'CREATE VIEW shop."back\\slash" AS SELECT n FROM range(1, 21) r(n)',
  ]);

const sqlserver: Fixture = {
  engine: 'SQL Server',
  engineId: 26,
  isHere: true,
  schema: 'shop',
  table: 'st]ock [0]',
  column: "na]me; --'",
  quoted: ['[shop].[st]]ock [0]]]', "[na]]me; --']"],
  blocks: 'TABLESAMPLE SYSTEM (33.333333 PERCENT)',
  random: 'newid',
  isSampled: false,
  open: async () => {
    const small = await inSmall(sqlserver, 'sqlserver', false);
    const server = await startTdsWarehouse(SECRET, { small });
    const settings = { host: '127.0.0.1', database: 'shop', username: 'reader', password: SECRET, tls: 'DISABLED' };
    return { settings: { ...settings, port: server.port }, ran: small.ran, close: () => server.close() };
  },
};

type Service = Pick<Fixture, 'engine' | 'engineId' | 'table' | 'column' | 'quoted' | 'blocks' | 'random'>;
const service = (driver: string, dialect: SmallDialect, said: Service): Fixture => {
  const fixture: Fixture = {
    ...said,
    isHere: true,
    schema: 'shop',
    isSampled: false,
    open: async () => {
      const small = await inSmall(fixture, dialect);
      const known = services.find((one) => one.driver === driver);
      if (!known) throw new Error(driver);
      const server = await known.start(small);
      return { settings: known.settings(server.url), ran: small.ran, close: () => server.close() };
    },
  };
  return fixture;
};

const quotedPlain: [string, string] = ['"shop"."st""ock [0]"', '"na""me; --"'];
/** The engines behind the port, the real ones and those in small. */
export const engines: Fixture[] = [
  duckdb,
  sqlite,
  postgres,
  redshift,
  mariadb,
  sqlserver,
  service('bigquery', 'bigquery', {
    engine: 'BigQuery',
    engineId: 1,
    table: 'stock-2024 é',
    column: 'náme - 1',
    quoted: ['`shop`.`stock-2024 é`', '`náme - 1`'],
    blocks: 'TABLESAMPLE SYSTEM (10 PERCENT)',
    random: 'rand',
  }),
  service('snowflake', 'snowflake', {
    engine: 'Snowflake',
    engineId: 34,
    ...PLAIN,
    quoted: quotedPlain,
    blocks: 'TABLESAMPLE SYSTEM (33.333333)',
    random: 'random',
  }),
  service('databricks', 'databricks', {
    engine: 'Databricks',
    engineId: 36,
    table: 'st`ock \\',
    column: 'na`me"; --',
    quoted: ['`shop`.`st``ock \\`', '`na``me"; --`'],
    blocks: null,
    random: 'rand',
  }),
  service('clickhouse', 'clickhouse', {
    engine: 'ClickHouse',
    engineId: 51,
    table: 'st`ock [0]',
    column: 'na`me\\"; --',
    quoted: ['`shop`.`st``ock [0]`', '`na``me\\\\"; --`'],
    blocks: null,
    random: 'rand',
  }),
  service('trino', 'trino', {
    engine: 'Trino',
    engineId: 53,
    ...PLAIN,
    quoted: quotedPlain,
    blocks: null,
    random: 'random',
  }),
  service('athena', 'trino', {
    engine: 'Athena',
    engineId: 21,
    ...PLAIN,
    quoted: quotedPlain,
    blocks: null,
    random: 'random',
  }),
];

/** Makes the directory of the files. */
export function directoryOf(warehouses: string): string {
  mkdirSync(warehouses, { recursive: true });
  return warehouses;
}
