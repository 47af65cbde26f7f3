import { rm } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quoteName } from '../src/connections/quote.ts';
import { columnsMistakes } from '../src/endpoints/column-rules.ts';
import { outputName, type EndpointColumn } from '../src/endpoints/columns.ts';
import { compilePage, type PageQuery } from '../src/endpoints/compile.ts';
import { conditionsOf, parametersOf } from '../src/endpoints/values.ts';
import type { Cell, ColumnType, Dialect, Statement } from '../src/warehouse/engine.ts';
import { collect } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';
import { column, NAMES, plain, query, randomColumns, reference, rows, TABLE, TYPES } from './endpoints.reference.ts';
import type { Value } from './endpoints.reference.ts';
import { testDatabase } from './helpers/database.ts';
import { directory, name, SECRET, servers } from './warehouse.fixtures.ts';

/** Compiled statements on real engines, against the reference. */

interface Answer {
  names: string[];
  rows: Cell[][];
}
interface Fixture {
  dialect: Dialect;
  schema: string | null;
  /** Types of columns where the engine has another name for ours. */
  types: Partial<Record<ColumnType, string>>;
  setUp(create: string, insert: string): Promise<void>;
  run(statement: Statement): Promise<Answer>;
  tearDown(): Promise<void>;
}

const engines = createEngines({ duckdbRoots: [directory], network: { allowPrivate: ['127.0.0.0/8'] } });
afterAll(async () => {
  await engines.close();
  await rm(directory, { recursive: true, force: true });
});

/** Runs a statement as the gateway does. */
async function through(driver: string, settings: Record<string, unknown>, statement: Statement): Promise<Answer> {
  const limits = { timeoutMs: 120_000, maxRows: 1000, maxBytes: 10_000_000 };
  const { signal } = new AbortController();
  const target = { key: `${name}-rows-${driver}`, settings };
  const result = await collect(engines.get(driver), target, statement, limits, { onExcess: 'fail' }, signal);
  return {
    names: result.columns.map((one) => one.name),
    rows: Array.from({ length: result.rowCount }, (_, r) => result.values.map((cells) => cells[r] ?? null)),
  };
}

const duckdb: Fixture = {
  dialect: 'duckdb',
  schema: null,
  types: { STRING: 'VARCHAR', DECIMAL: 'DECIMAL(10, 2)', FLOAT: 'DOUBLE' },
  setUp: async (create, insert) => {
    const instance = await DuckDBInstance.create(path.join(directory, 'rows.duckdb'));
    const connection = await instance.connect();
    await connection.run(create);
    await connection.run(insert);
    connection.closeSync();
    instance.closeSync();
  },
  run: (statement) => through('duckdb', { path: 'rows.duckdb' }, statement),
  tearDown: async () => undefined,
};

const sqlite: Fixture = {
  dialect: 'sqlite',
  schema: 'main',
  types: { STRING: 'TEXT', DECIMAL: 'DECIMAL(10, 2)', FLOAT: 'REAL' },
  setUp: async (create, insert) => {
    const database = new DatabaseSync(path.join(directory, 'rows.sqlite'));
    database.exec(create);
    database.exec(insert);
    database.close();
  },
  run: (statement) => through('sqlite', { path: 'rows.sqlite' }, statement),
  tearDown: async () => undefined,
};

let database: Awaited<ReturnType<typeof testDatabase>>;
let client: pg.Client;
/** The server of the tests, embedded or given, which the gateway's own driver cannot always reach. */
const postgres: Fixture = {
  dialect: 'postgres',
  schema: 'public',
  // Another collation of the server would sort texts in another way.
  types: { STRING: 'text COLLATE "C"', DECIMAL: 'numeric(10, 2)', FLOAT: 'double precision' },
  setUp: async (create, insert) => {
    database = await testDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(create);
    await client.query(insert);
  },
  run: async ({ sql: text, values }) => {
    const types = { getTypeParser: () => (value: unknown) => value };
    const { fields, rows: found } = await client.query({ text, values, rowMode: 'array', types });
    return { names: fields.map((field) => field.name), rows: found as Cell[][] };
  },
  tearDown: async () => {
    await client.end();
    await database.drop();
  },
};

const user = `${name.slice(0, 28)}_row`;
const mariadb: Fixture = {
  dialect: 'mysql',
  schema: `${name}_rows`,
  types: {
    STRING: 'VARCHAR(100) COLLATE utf8mb4_bin',
    DECIMAL: 'DECIMAL(10, 2)',
    FLOAT: 'DOUBLE',
    TIMESTAMP: 'DATETIME',
  },
  setUp: async (create, insert) => {
    const root = await mysql.createConnection({ host: '127.0.0.1', user: 'root', charset: 'utf8mb4' });
    await root.query(`CREATE DATABASE ${name}_rows CHARACTER SET utf8mb4`);
    await root.query(`SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')`);
    await root.query(create);
    await root.query(insert);
    await root.query(`CREATE USER '${user}'@'%' IDENTIFIED BY '${SECRET}'`);
    await root.query(`GRANT SELECT ON ${name}_rows.* TO '${user}'@'%'`);
    await root.end();
  },
  run: (statement) =>
    through(
      'mysql',
      { host: '127.0.0.1', database: `${name}_rows`, username: user, password: SECRET, tls: 'DISABLED' },
      statement,
    ),
  tearDown: async () => {
    const root = await mysql.createConnection({ host: '127.0.0.1', user: 'root' });
    await root.query(`DROP DATABASE IF EXISTS ${name}_rows`);
    await root.query(`DROP USER IF EXISTS '${user}'@'%'`);
    await root.end();
  },
};

/** The statements that make the table of the reference and fill it. */
function definition({ dialect, schema, types }: Fixture): [create: string, insert: string] {
  const quoted = (text: string): string => quoteName(text, dialect);
  const table = `${schema === null ? '' : `${quoted(schema)}.`}${quoted(TABLE)}`;
  const typed = NAMES.map((one) => `${quoted(one)} ${types[TYPES[one] as ColumnType] ?? TYPES[one]}`);
  const literal = (value: Value): string =>
    value === null ? 'null' : typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
  const tuples = rows.map((row) => `(${NAMES.map((one) => literal(row[one] ?? null)).join(', ')})`);
  return [`CREATE TABLE ${table} (${typed.join(', ')})`, `INSERT INTO ${table} VALUES ${tuples.join(', ')}`];
}

function contract(fixture: Fixture): void {
  const { dialect, schema: schemaName } = fixture;
  const fetch = (columns: EndpointColumn[], more: Partial<PageQuery> = {}): Promise<Answer> =>
    fixture.run(compilePage(query(columns, { schemaName, ...more }), dialect));

  beforeAll(() => fixture.setUp(...definition(fixture)), 300_000);
  afterAll(() => fixture.tearDown(), 300_000);

  it('answers what 300 random schemas mean', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const columns = randomColumns(seed);
      const mistakes = columnsMistakes(columns).map(({ message }) => message);
      expect(mistakes, `seed ${seed}`).toEqual([]);
      const [limit, offset] = [1 + (seed % 40), seed % 3 === 0 ? seed % 11 : 0];
      const visible = columns.filter(({ isHidden }) => !isHidden);
      const shape = (cells: (Cell | Value)[][]): unknown =>
        cells.map((row) => row.map((cell, i) => plain(cell, visible[i] as EndpointColumn)));
      const found = await fetch(columns, { limit, offset });
      const wanted = reference(columns, limit, offset);
      expect(found.names, `seed ${seed}`).toEqual(visible.map(outputName));
      expect(shape(found.rows), `seed ${seed} ${JSON.stringify(columns)}`).toEqual(shape(wanted));
    }
  }, 600_000);

  it('pages through all rows once, whatever ties there are', async () => {
    const columns = [column({ name: 'ok', order: 'DESC' }), column({ name: 'na"me' }), column({ name: 'id' })];
    const seen: number[] = [];
    for (let offset = 0; ; offset += 17) {
      const page = await fetch(columns, { limit: 17, offset });
      seen.push(...page.rows.slice(0, 17).map((row) => Number(row[2])));
      if (page.rows.length <= 17) break;
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual(rows.map((row) => row['id']));
  });

  it('takes values of the caller, and its own where the caller gives none', async () => {
    const columns = [
      column({ name: 'id' }),
      column({ name: 'na"me', isHidden: true, filter: { op: 'in', param: 'names', values: ['ab'] } }),
      column({ name: 'day', isHidden: true, filter: { op: 'gte', param: 'since' } }),
    ];
    expect(parametersOf(columns)).toEqual([
      { name: 'names', type: 'STRING', isList: true, isRequired: false },
      { name: 'since', type: 'DATE', isList: false, isRequired: true },
    ]);
    const ids = async (given: Record<string, unknown>): Promise<number[]> =>
      (await fetch(columns, { conditions: conditionsOf(columns, given) })).rows.map((row) => Number(row[0]));
    const wanted = (names: string[]): Value[] =>
      rows
        .filter(
          (row) => names.includes(String(row['na"me'])) && row['day'] !== null && String(row['day']) >= '2024-05-01',
        )
        .map((row) => row['id'] ?? null);
    expect(await ids({ since: '2024-05-01' })).toEqual(wanted(['ab']));
    expect(await ids({ since: '2024-05-01', names: ["a'); drop table x;--", '%', '\\'] })).toEqual(
      wanted(["a'); drop table x;--", '%', '\\']),
    );
  });

  it('compares numbers as numbers, in whatever form they are given', async () => {
    const count = async (one: EndpointColumn): Promise<number> =>
      (await fetch([column({ name: 'id' }), { ...one, isHidden: true }], { limit: 1000 })).rows.length;
    const having = (name_: string, test: (value: Value) => boolean): number =>
      rows.filter((row) => row[name_] !== null && test(row[name_] ?? null)).length;
    const filtered = (name_: string, value: string | number): Promise<number> =>
      count(column({ name: name_, filter: { op: 'gt', value } }));
    for (const value of ['3.75', 3.75])
      expect(await filtered('amount', value)).toBe(having('amount', (n) => Number(n) > 3.75));
    for (const value of ['10000000000', 10_000_000_000])
      expect(await filtered('qty.x', value)).toBe(having('qty.x', (n) => Number(n) > 10_000_000_000));
    // A sum of whole numbers beside a fraction, as a number and as text.
    for (const value of ['8.5', 8.5]) {
      const sum = column({ name: 'select', aggregation: 'SUM', filter: { op: 'gt', value } });
      const columns = [column({ name: 'id' }), sum];
      expect((await fetch(columns, { limit: 1000 })).rows.length).toBe(having('select', (n) => Number(n) > 8.5));
    }
  });

  // SQLite keeps instants as texts of the seller's own form.
  it.skipIf(dialect === 'sqlite')(
    'takes an instant in any zone',
    async () => {
      const columns = (value: string): EndpointColumn[] => [
        column({ name: 'id' }),
        column({ name: 'at', isHidden: true, filter: { op: 'eq', value } }),
      ];
      const wanted = rows.filter((row) => row['at'] === '2024-01-11T05:30:00').map((row) => row['id']);
      expect(wanted.length).toBeGreaterThan(0);
      for (const value of [
        '2024-01-11T05:30:00',
        '2024-01-11 05:30:00.000000',
        '2024-01-11T05:30:00Z',
        '2024-01-10T22:00:00-07:30',
        '2024-01-11T07:30:00+02:00',
      ])
        expect((await fetch(columns(value))).rows.map((row) => Number(row[0]))).toEqual(wanted);
    },
    120_000,
  );
}

describe('DuckDB', () => contract(duckdb));
describe('SQLite', () => contract(sqlite));
describe('PostgreSQL', () => contract(postgres));
describe.skipIf(!servers.mysql)('MariaDB', () => contract(mariadb));
