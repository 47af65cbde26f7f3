import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import { parse } from 'libpg-query';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoEndpoints } from '../prisma/seed/products.ts';
import { columnsMistakes } from '../src/endpoints/column-rules.ts';
import {
  aggregations,
  endpointColumns,
  isListOp,
  outputName,
  type Aggregation,
  type ColumnFilter,
  type EndpointColumn,
  type FilterOp,
  type FilterValue,
} from '../src/endpoints/columns.ts';
import { compilePage, type PageQuery } from '../src/endpoints/compile.ts';
import { conditionsOf, filterType, parametersOf } from '../src/endpoints/values.ts';
import type { Cell, ColumnType, Dialect, Engine } from '../src/warehouse/engine.ts';
import { collect } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';

type Value = string | number | boolean | null;
type Row = Record<string, Value>;

const TABLE = 'sa"les; drop table x; --';
const TYPES: Record<string, ColumnType> = {
  id: 'INTEGER',
  'na"me': 'STRING',
  t: 'STRING',
  amount: 'DECIMAL',
  'qty.x': 'BIGINT',
  ratio: 'FLOAT',
  day: 'DATE',
  at: 'TIMESTAMP',
  ok: 'BOOLEAN',
  select: 'INTEGER',
};
const NAMES = Object.keys(TYPES);
const texts = ["a'); drop table x;--", '%', '_', '\\', 'ab', 'AB', 'abc', 'b', 'ünï', '$1 ?', '"', ':p'];
const domain: Record<ColumnType, (n: number) => Value> = {
  INTEGER: (n) => n % 17,
  BIGINT: (n) => (n % 5) * 10_000_000_000,
  DECIMAL: (n) => ((n % 23) * 125) / 100,
  FLOAT: (n) => ((n % 13) - 6) * 0.25,
  STRING: (n) => texts[n % texts.length] ?? '',
  DATE: (n) => `2024-0${1 + (n % 9)}-1${n % 7}`,
  TIMESTAMP: (n) => `2024-0${1 + (n % 3)}-11T0${n % 10}:30:00`,
  BOOLEAN: (n) => n % 2 === 0,
  TIME: () => null,
  BINARY: () => null,
  JSON: () => null,
};

/** A random number generator that a seed makes anew (mulberry32). */
function random(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let r = Math.imul(a ^ (a >>> 15), 1 | a);
    r = (r + Math.imul(r ^ (r >>> 7), 61 | r)) ^ r;
    return ((r ^ (r >>> 14)) >>> 0) % below;
  };
}

const rows: Row[] = [];
{
  const next = random(1);
  for (let id = 0; id < 200; id++) {
    rows.push(
      Object.fromEntries(
        NAMES.map((name) => [
          name,
          name === 'id' ? id : next(8) === 0 ? null : domain[TYPES[name] as ColumnType](next(1000)),
        ]),
      ),
    );
  }
}

let directory: string;
let engine: Engine;
let close: () => Promise<void>;
beforeAll(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'compile-'));
  const instance = await DuckDBInstance.create(path.join(directory, 'x.duckdb'));
  const connection = await instance.connect();
  const sqlTypes: Partial<Record<ColumnType, string>> = {
    STRING: 'VARCHAR',
    DECIMAL: 'DECIMAL(10,2)',
    FLOAT: 'DOUBLE',
  };
  const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  await connection.run(
    `create table ${quote(TABLE)} (${NAMES.map((name) => `${quote(name)} ${sqlTypes[TYPES[name] as ColumnType] ?? TYPES[name]}`).join(', ')})`,
  );
  const literal = (value: Value): string =>
    value === null ? 'null' : typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
  await connection.run(
    `insert into ${quote(TABLE)} values ${rows.map((row) => `(${NAMES.map((name) => literal(row[name] ?? null)).join(', ')})`).join(', ')}`,
  );
  connection.closeSync();
  instance.closeSync();
  const engines = createEngines({ duckdbRoots: [directory], network: { allowPrivate: [] } });
  engine = engines.get('duckdb');
  close = () => engines.close();
});
afterAll(async () => {
  await close();
  rmSync(directory, { recursive: true, force: true });
});

async function fetch(query: PageQuery): Promise<{ names: string[]; rows: Cell[][] }> {
  const target = { key: 'test:1', settings: { path: path.join(directory, 'x.duckdb') } };
  const limits = { timeoutMs: 20_000, maxRows: query.limit + 1, maxBytes: 10_000_000 };
  const result = await collect(
    engine,
    target,
    compilePage(query, 'duckdb'),
    limits,
    { onExcess: 'fail' },
    new AbortController().signal,
  );
  return {
    names: result.columns.map(({ name }) => name),
    rows: Array.from({ length: result.rowCount }, (_, r) => result.values.map((column) => column[r] ?? null)),
  };
}

const column = (more: Partial<EndpointColumn> & { name: string }): EndpointColumn => ({
  type: TYPES[more.name] ?? 'STRING',
  aggregation: null,
  filter: null,
  isHidden: false,
  alias: null,
  order: null,
  ...more,
});
const query = (columns: EndpointColumn[], more: Partial<PageQuery> = {}): PageQuery => ({
  schemaName: null,
  tableName: TABLE,
  columns,
  conditions: more.conditions ?? conditionsOf(columns, {}),
  limit: 100,
  offset: 0,
  ...more,
});

/* The reference: what an endpoint means, in a few lines that share nothing with the compiler. */

const compare = (a: Value, b: Value): number => (a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -1 : 1);

function holds(value: Value, { op, value: one, values = [] }: ColumnFilter): boolean {
  if (op === 'is_null') return value === null;
  if (value === null) return false;
  if (op === 'not_null') return true;
  const to = (other: FilterValue | undefined): number => compare(value, other ?? null);
  switch (op) {
    case 'eq':
      return to(one) === 0;
    case 'ne':
      return to(one) !== 0;
    case 'gt':
      return to(one) > 0;
    case 'gte':
      return to(one) >= 0;
    case 'lt':
      return to(one) < 0;
    case 'lte':
      return to(one) <= 0;
    case 'in':
      return values.some((other) => to(other) === 0);
    case 'not_in':
      return !values.some((other) => to(other) === 0);
    case 'between':
      return to(values[0]) >= 0 && to(values[1]) <= 0;
    case 'contains':
      return String(value).includes(String(one));
    case 'starts_with':
      return String(value).startsWith(String(one));
  }
}

function aggregate(kind: Aggregation, all: Value[]): Value {
  const values = all.filter((value) => value !== null);
  const sum = (values as number[]).reduce((total, value) => total + value, 0);
  const sorted = values.toSorted(compare);
  switch (kind) {
    case 'COUNT':
      return values.length;
    case 'COUNT_DISTINCT':
      return new Set(values).size;
    case 'SUM':
      return values.length > 0 ? sum : null;
    case 'AVG':
      return values.length > 0 ? sum / values.length : null;
    case 'MIN':
      return sorted[0] ?? null;
    case 'MAX':
      return sorted.at(-1) ?? null;
  }
}

function reference(columns: EndpointColumn[], limit: number, offset: number): Value[][] {
  const kept = rows.filter((row) =>
    columns.every(({ name, aggregation, filter }) => aggregation || !filter || holds(row[name] ?? null, filter)),
  );
  const visible = columns.filter(({ isHidden }) => !isHidden);
  let groups = kept.map((row) => [row]);
  if (columns.some(({ aggregation }) => aggregation)) {
    const keys = visible.filter(({ aggregation }) => !aggregation);
    const byKey = Map.groupBy(kept, (row) => JSON.stringify(keys.map(({ name }) => row[name])));
    groups = keys.length > 0 ? [...byKey.values()] : [kept];
  }
  const cell = (group: Row[], { name, aggregation }: EndpointColumn): Value =>
    aggregation
      ? aggregate(
          aggregation,
          group.map((row) => row[name] ?? null),
        )
      : (group[0]?.[name] ?? null);
  const answers = groups
    .filter((group) => columns.every((one) => !one.aggregation || !one.filter || holds(cell(group, one), one.filter)))
    .map((group) => visible.map((one) => cell(group, one)));
  const order = [...visible.keys()].toSorted(
    (a, b) => Number(!visible[a]?.order) - Number(!visible[b]?.order) || a - b,
  );
  return answers
    .toSorted((a, b) => {
      for (const i of order) {
        const [x = null, y = null] = [a[i], b[i]];
        // DuckDB puts what is missing last, both ways.
        const found = x === null || y === null || visible[i]?.order !== 'DESC' ? compare(x, y) : -compare(x, y);
        if (found !== 0) return found;
      }
      return 0;
    })
    .slice(offset, offset + limit + 1);
}

/** Cells of decimals and wide integers as numbers, everything else as it is. */
const plain = (cell: Cell | Value, one: EndpointColumn): unknown => {
  const type = one.aggregation === 'MIN' || one.aggregation === 'MAX' ? one.type : filterType(one);
  const isNumber = ['INTEGER', 'BIGINT', 'DECIMAL', 'FLOAT'].includes(type);
  return cell !== null && isNumber ? Math.round(Number(cell) * 1e6) / 1e6 : cell;
};

function randomFilter(next: (below: number) => number, one: EndpointColumn): ColumnFilter {
  const type = filterType(one);
  const ops: FilterOp[] = [
    'eq',
    'ne',
    'gt',
    'gte',
    'lt',
    'lte',
    'in',
    'not_in',
    'between',
    'is_null',
    'not_null',
    ...(type === 'STRING' ? (['contains', 'starts_with'] as const) : []),
  ];
  const op = ops[next(ops.length)] ?? 'eq';
  const isCounted = one.aggregation !== null && one.aggregation !== 'MIN' && one.aggregation !== 'MAX';
  const value = (): FilterValue => (isCounted ? next(40) : (domain[type](next(1000)) as FilterValue));
  if (op === 'is_null' || op === 'not_null') return { op };
  if (op === 'between') return { op, values: [value(), value()].toSorted(compare) as FilterValue[] };
  return isListOp(op) ? { op, values: [value(), value(), value()] } : { op, value: value() };
}

function randomColumns(seed: number): EndpointColumn[] {
  const next = random(seed);
  const isAggregated = next(2) === 0;
  const columns: EndpointColumn[] = [];
  const visible = 1 + next(4);
  while (columns.length < visible + next(3)) {
    const name = NAMES[next(NAMES.length)] ?? 'id';
    const one = column({
      name,
      isHidden: columns.length >= visible,
      alias:
        next(3) === 0 || columns.some((other) => outputName(other) === name) ? `c${columns.length} "${name}` : null,
    });
    if (one.isHidden) one.alias = null;
    if (isAggregated && next(2) === 0) one.aggregation = Object.keys(aggregations)[next(6)] as Aggregation;
    if (columnsMistakes([{ ...one, isHidden: false }]).length > 0) one.aggregation = null;
    if (one.isHidden || next(4) === 0) one.filter = randomFilter(next, one);
    if (!one.isHidden && next(3) === 0) one.order = next(2) === 0 ? 'ASC' : 'DESC';
    columns.push(one);
  }
  return columns;
}

describe('compiled pages', () => {
  it('answer what 400 random schemas mean', async () => {
    for (let seed = 1; seed <= 400; seed++) {
      const columns = randomColumns(seed);
      expect(
        columnsMistakes(columns).map(({ message }) => message),
        `seed ${seed}`,
      ).toEqual([]);
      const [limit, offset] = [1 + (seed % 40), seed % 3 === 0 ? seed % 11 : 0];
      const visible = columns.filter(({ isHidden }) => !isHidden);
      const found = await fetch(query(columns, { limit, offset }));
      const wanted = reference(columns, limit, offset);
      const shape = (cells: (Cell | Value)[][]): unknown =>
        cells.map((row) => row.map((cell, i) => plain(cell, visible[i] as EndpointColumn)));
      expect(found.names, `seed ${seed}`).toEqual(visible.map(outputName));
      expect(shape(found.rows), `seed ${seed} ${JSON.stringify(columns)}`).toEqual(shape(wanted));
    }
  });

  it('page through all rows once, whatever ties there are', async () => {
    const columns = [column({ name: 'ok', order: 'DESC' }), column({ name: 'na"me' }), column({ name: 'id' })];
    const seen: Cell[] = [];
    for (let offset = 0; ; offset += 17) {
      const page = await fetch(query(columns, { limit: 17, offset }));
      seen.push(...page.rows.slice(0, 17).map((row) => row[2] ?? null));
      if (page.rows.length <= 17) break;
    }
    expect(seen.length).toBe(200);
    expect(new Set(seen).size).toBe(200);
  });

  it('take values of the caller, and their own where the caller gives none', async () => {
    const columns = [
      column({ name: 'id' }),
      column({ name: 'na"me', isHidden: true, filter: { op: 'in', param: 'names', values: ['ab'] } }),
      column({ name: 'day', isHidden: true, filter: { op: 'gte', param: 'since' } }),
    ];
    expect(parametersOf(columns)).toEqual([
      { name: 'names', type: 'STRING', isList: true, isRequired: false },
      { name: 'since', type: 'DATE', isList: false, isRequired: true },
    ]);
    const ids = async (given: Record<string, unknown>): Promise<Cell[]> =>
      (await fetch(query(columns, { conditions: conditionsOf(columns, given) }))).rows.map((row) => row[0] ?? null);
    const wanted = (names: string[]): Value[] =>
      rows
        .filter(
          (row) => names.includes(String(row['na"me'])) && row['day'] !== null && String(row['day']) >= '2024-05-01',
        )
        .map((row) => row['id'] ?? null);
    expect(await ids({ since: '2024-05-01' })).toEqual(wanted(['ab']));
    expect(await ids({ since: '2024-05-01', names: ["a'); drop table x;--", '%'] })).toEqual(
      wanted(["a'); drop table x;--", '%']),
    );
  });

  it('read as one SELECT with every value bound, whatever the names and values are', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      const columns = randomColumns(seed);
      const { sql, values } = compilePage(query(columns, { schemaName: 's"; select 1; --' }), 'postgres');
      const { stmts } = await parse(sql);
      expect(stmts?.map(({ stmt }) => Object.keys(stmt ?? {}))).toEqual([['SelectStmt']]);
      const tree = JSON.stringify(stmts);
      expect(tree.match(/"ParamRef"/g)?.length ?? 0).toBe(values.length);
      expect(tree).not.toContain('"sval":{"sval"');
      for (const text of texts.filter((one) => one.length > 4)) expect(sql).not.toContain(text);
    }
  });

  it('work on SQLite with the most hostile names', () => {
    const database = new DatabaseSync(':memory:');
    const names = [
      'we"ird`na]me.x',
      '"; drop table x; --',
      "o'clock",
      'новый',
      '😀',
      'select',
      'a\nb',
      '?',
      '$1',
      ':x',
    ];
    const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
    database.exec(`create table ${quote(TABLE)} (${names.map(quote).join(', ')})`);
    database.exec(`insert into ${quote(TABLE)} values (${names.map((_, i) => i).join(', ')})`);
    const columns = names.map((name, i) =>
      column({ name, type: 'INTEGER', filter: { op: 'eq', value: i }, alias: `${name} *` }),
    );
    const { sql, values } = compilePage(query(columns), 'sqlite');
    const found = database.prepare(sql).all(...(values as number[]));
    expect(found.map((row) => Object.entries(row))).toEqual([names.map((name, i) => [`${name} *`, i])]);
    database.close();
  });

  it('say the same in each dialect', () => {
    const columns = [
      column({ name: 'day', order: 'DESC' }),
      column({ name: 'amount', aggregation: 'SUM', alias: 'total', filter: { op: 'gt', value: '1.50' } }),
      column({ name: 'na"me', isHidden: true, filter: { op: 'starts_with', value: 'a' } }),
    ];
    const compiled = (dialect: Dialect): string =>
      compilePage(query(columns, { schemaName: 'main', tableName: 'sales', limit: 10, offset: 20 }), dialect).sql;
    expect(compiled('postgres')).toBe(
      'SELECT t."day" AS "day", SUM(t."amount") AS "total" FROM "main"."sales" AS t WHERE strpos(t."na""me", $1) = 1 GROUP BY t."day" HAVING SUM(t."amount") > $2 ORDER BY 1 DESC, 2 LIMIT 11 OFFSET 20',
    );
    expect(compiled('duckdb')).toBe(
      'SELECT t."day" AS "day", SUM(t."amount") AS "total" FROM "main"."sales" AS t WHERE strpos(t."na""me", $1) = 1 GROUP BY t."day" HAVING SUM(t."amount") > CAST($2 AS DECIMAL(38, 12)) ORDER BY 1 DESC, 2 LIMIT 11 OFFSET 20',
    );
    expect(compiled('mysql')).toBe(
      'SELECT t.`day` AS `day`, SUM(t.`amount`) AS `total` FROM `main`.`sales` AS t WHERE locate(?, t.`na"me`) = 1 GROUP BY t.`day` HAVING SUM(t.`amount`) > CAST(? AS DECIMAL(65, 12)) ORDER BY 1 DESC, 2 LIMIT 11 OFFSET 20',
    );
    expect(compiled('sqlite')).toBe(
      'SELECT t."day" AS "day", SUM(t."amount") AS "total" FROM "main"."sales" AS t WHERE instr(t."na""me", ?) = 1 GROUP BY t."day" HAVING SUM(t."amount") > ? ORDER BY 1 DESC, 2 LIMIT 11 OFFSET 20',
    );
    expect(compilePage(query(columns), 'mysql').values).toEqual(['a', '1.50']);
  });

  it('are refused for tables that must not be read, bounds that are none, and no visible column', () => {
    const columns = [column({ name: 'id' })];
    const refused = (more: Partial<PageQuery>, dialect: Dialect = 'duckdb') =>
      expect(() => compilePage(query(columns, more), dialect));
    refused({ tableName: 'duckdb_settings' }).toThrow(RangeError);
    refused({ tableName: 'pg_authid' }, 'postgres').toThrow(RangeError);
    refused({ schemaName: 'mysql', tableName: 'user' }, 'mysql').toThrow(RangeError);
    refused({ tableName: '' }).toThrow(RangeError);
    refused({ tableName: 'a\0b' }).toThrow(RangeError);
    refused({ limit: 1.5 }).toThrow(RangeError);
    refused({ offset: -1 }).toThrow(RangeError);
    refused({ limit: Number.NaN }).toThrow(RangeError);
    expect(() => compilePage(query([column({ name: 'id', isHidden: true })]), 'duckdb')).toThrow(RangeError);
  });
});

describe('column rules', () => {
  const paths = (columns: EndpointColumn[]): string[] =>
    columnsMistakes(columns).map(({ argumentPath: at }) => at?.slice(2).join('.') ?? '');

  it('take the columns of every demo endpoint', () => {
    for (const endpoint of demoEndpoints)
      expect(
        columnsMistakes(endpointColumns({ columns: endpoint.columns })).map(
          ({ message }) => `${endpoint.name}: ${message}`,
        ),
      ).toEqual([]);
  });

  it('refuse what has no meaning, all at once', () => {
    expect(
      paths([
        column({ name: 'na"me', aggregation: 'SUM' }),
        column({ name: 'id', isHidden: true }),
        column({ name: 'id', alias: 'NA"ME' }),
        column({ name: 'ok', filter: { op: 'contains', value: 'x' } }),
        column({ name: 'day', filter: { op: 'gte', value: 'yesterday' } }),
        column({ name: 'amount', filter: { op: 'in', value: 1 } }),
        column({ name: 'amount', alias: 'b', filter: { op: 'between', values: [1] } }),
        column({ name: 'amount', alias: 'c', filter: { op: 'is_null', param: 'p' } }),
        column({ name: 'amount', alias: 'd', filter: { op: 'eq' } }),
        column({ name: 'amount', alias: 'e', filter: { op: 'eq', param: 'q' } }),
        column({ name: 'day', alias: 'f', filter: { op: 'eq', param: 'q' } }),
        column({ name: 'x', type: 'JSON' }),
      ]),
    ).toEqual([
      '0.aggregation',
      '1.isHidden',
      '3.filter',
      '4.filter',
      '5.filter',
      '6.filter',
      '7.filter',
      '8.filter',
      '2.alias',
      '10.filter',
      '11.type',
    ]);
    expect(paths([column({ name: 'id', isHidden: true, filter: { op: 'eq', value: 1 } })])).toEqual(['']);
  });

  it('name every wrong parameter of a caller', () => {
    const columns = [
      column({ name: 'id', filter: { op: 'eq', param: 'id' } }),
      column({ name: 'day', filter: { op: 'between', param: 'days' } }),
      column({ name: 'amount', filter: { op: 'gt', param: 'least' } }),
      column({ name: 'ok', filter: { op: 'eq', param: 'ok' } }),
    ];
    const wrong = (given: Record<string, unknown>): string[] => {
      try {
        conditionsOf(columns, given);
        return [];
      } catch (error) {
        const all = (error as { errors?: { argumentPath: string[] }[] }).errors ?? [
          error as { argumentPath: string[] },
        ];
        return all.map(({ argumentPath: at }) => at.join('.'));
      }
    };
    expect(wrong({ id: 1, days: ['2024-01-01', '2024-02-01'], least: '1.5', ok: true })).toEqual([]);
    expect(wrong({})).toEqual([
      'input.parameters.id',
      'input.parameters.days',
      'input.parameters.least',
      'input.parameters.ok',
    ]);
    expect(wrong({ id: 1.5, days: ['2024-01-01'], least: '1e400', ok: 'true', more: 1 })).toEqual([
      'input.parameters.more',
      'input.parameters.id',
      'input.parameters.days',
      'input.parameters.least',
      'input.parameters.ok',
    ]);
    expect(wrong({ id: null, days: ['2024-02-30', '2024-03-01'], least: Number.NaN, ok: null })).toEqual([
      'input.parameters.id',
      'input.parameters.days',
      'input.parameters.least',
      'input.parameters.ok',
    ]);
    expect(wrong({ id: 1, days: ['2024-01-01', '2024-02-01'], least: 1, ok: true, toString: 1 })).toEqual([
      'input.parameters.toString',
    ]);
  });
});
