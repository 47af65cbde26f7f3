import { init, parse as parseAny } from '@guanmingchiu/sqlparser-ts';
import { parse } from 'libpg-query';
import { beforeAll, describe, expect, it } from 'vitest';
import { demoEndpoints } from '../prisma/seed/products.ts';
import { columnsMistakes } from '../src/endpoints/column-rules.ts';
import { endpointColumns, type EndpointColumn } from '../src/endpoints/columns.ts';
import { compilePage, type PageQuery } from '../src/endpoints/compile.ts';
import { conditionsOf } from '../src/endpoints/values.ts';
import type { Dialect } from '../src/warehouse/engine.ts';
import { checkSql } from '../src/warehouse/sql-guard.ts';
import { column, query, randomColumns, texts } from './endpoints.reference.ts';

/** Every dialect, with what sqlparser-rs calls it; Trino's it has not, but the standard's. */
const parsers: Record<Dialect, Parameters<typeof parseAny>[1][]> = {
  postgres: ['postgresql', 'redshift'],
  duckdb: ['duckdb'],
  mysql: ['mysql'],
  sqlite: ['sqlite'],
  sqlserver: ['mssql'],
  bigquery: ['bigquery'],
  snowflake: ['snowflake'],
  clickhouse: ['clickhouse'],
  databricks: ['databricks'],
  trino: ['generic', 'ansi'],
};
const dialects = Object.keys(parsers) as Dialect[];

const hostile = [
  'we"ird]x.y',
  '"; drop table x; --',
  "o'clock",
  'новый',
  '😀',
  'select',
  'a\nb',
  '?',
  '$1',
  ':p1',
  '@p1',
];
/** What a dialect's names may have beside. */
const more: Partial<Record<Dialect, string[]>> = {
  bigquery: [],
  clickhouse: ['ba`ck', '{p1:String}'],
  databricks: ['ba`ck', 'back\\', '$ {x}'],
};
const namesOf = (dialect: Dialect): string[] => [...hostile, ...(more[dialect] ?? ['ba`ck', 'back\\', '${x}'])];

const text = (name: string, op: string, value?: string | string[]): EndpointColumn =>
  column({
    name,
    alias: `${name} ${op}`,
    filter: { op: op as 'eq', ...(Array.isArray(value) ? { values: value } : value === undefined ? {} : { value }) },
  });

/** What endpoints can ask for, each said by every dialect. */
const features: Record<string, (dialect: Dialect) => Partial<PageQuery> & { columns: EndpointColumn[] }> = {
  page: () => ({ columns: [column({ name: 'id' })], schemaName: null, limit: 100 }),
  operators: () => ({
    columns: [
      text('a', 'eq', 'x'),
      text('b', 'ne', 'x'),
      text('c', 'gt', 'x'),
      text('d', 'gte', 'x'),
      text('e', 'lt', 'x'),
      text('f', 'lte', 'x'),
      text('g', 'in', ['x', 'y']),
      text('h', 'not_in', ['x', 'y']),
      text('i', 'between', ['x', 'y']),
      text('j', 'contains', '50%_'),
      text('k', 'starts_with', '\\%'),
      text('l', 'is_null'),
      text('m', 'not_null'),
    ],
  }),
  types: () => ({
    columns: [
      column({ name: 'flag', type: 'BOOLEAN', filter: { op: 'eq', value: true } }),
      column({ name: 'small', type: 'INTEGER', filter: { op: 'in', values: [1, 2] } }),
      column({ name: 'big', type: 'BIGINT', filter: { op: 'in', values: [1, '900719925474099312'] } }),
      column({ name: 'amount', type: 'DECIMAL', filter: { op: 'in', values: [1e22, 0.1, '12345678901234567890.12'] } }),
      column({ name: 'ratio', type: 'FLOAT', filter: { op: 'gt', value: 0.5 } }),
      column({ name: 'day', type: 'DATE', filter: { op: 'between', values: ['2024-01-01', '2024-12-31'] } }),
      column({ name: 'clock', type: 'TIME', filter: { op: 'lt', value: '12:30:00' } }),
      column({
        name: 'at',
        type: 'TIMESTAMP',
        filter: { op: 'in', values: ['2024-02-29', '2024-02-29T23:30:00.25-01:00'] },
      }),
    ],
  }),
  aggregations: () => ({
    columns: [
      column({ name: 'region' }),
      column({
        name: 'units',
        type: 'INTEGER',
        aggregation: 'SUM',
        alias: 'total',
        filter: { op: 'gt', value: '1.50' },
      }),
      column({ name: 'price', type: 'DECIMAL', aggregation: 'AVG', order: 'DESC', filter: { op: 'lt', value: 99.5 } }),
      column({ name: 'day', type: 'DATE', aggregation: 'MIN', alias: 'first' }),
      column({ name: 'day', type: 'DATE', aggregation: 'MAX', alias: 'last' }),
      column({ name: 'id', type: 'BIGINT', aggregation: 'COUNT' }),
      column({ name: 'buyer', aggregation: 'COUNT_DISTINCT', isHidden: true, filter: { op: 'gte', value: 5 } }),
      column({ name: 'country', isHidden: true, filter: { op: 'eq', value: 'NO' } }),
    ],
    offset: 20,
  }),
  order: () => ({
    columns: [
      column({ name: 'doc', type: 'JSON', order: 'ASC' }),
      column({ name: 'a' }),
      column({ name: 'b', order: 'DESC' }),
      column({ name: 'b', alias: 'again' }),
    ],
    limit: 1,
    offset: 2_000_000_000,
  }),
  names: (dialect) => ({
    columns: namesOf(dialect).map((name) =>
      column({ name, type: 'STRING', alias: `${name} *`, filter: { op: 'ne', value: name } }),
    ),
    schemaName: hostile[0] ?? '',
    tableName: hostile[1] ?? '',
  }),
};
const compiled = (feature: string, dialect: Dialect): ReturnType<typeof compilePage> => {
  const { columns, ...rest } = features[feature]?.(dialect) ?? { columns: [] };
  return compilePage(query(columns, { schemaName: 'shop', tableName: 'sales', limit: 10, ...rest }), dialect);
};

/** A statement with `:p` in place of the engine's placeholders, as the guard wants it. */
function unbound(sql: string, dialect: Dialect): string {
  const brackets = dialect === 'sqlserver' ? '|\\[(?:[^\\]]|\\]\\])*\\]' : '';
  const tokens = new RegExp(
    `("(?:[^"]|"")*"|\`(?:[^\`]|\`\`)*\`${brackets})|\\$\\d+|@p\\d+|\\{p\\d+:\\w+\\}|:p\\d+|\\?`,
    'g',
  );
  return sql.replace(tokens, (found, name: string | undefined) => name ?? ':p');
}

beforeAll(() => init());

describe('compiled pages', () => {
  it.each(dialects)('say the same in %s', async (dialect) => {
    const said = Object.keys(features).map((feature) => {
      const { sql, values } = compiled(feature, dialect);
      return `-- ${feature}\n${sql}\n-- ${JSON.stringify(values)}\n`;
    });
    await expect(said.join('\n')).toMatchFileSnapshot(`snapshots/rows-${dialect}.sql`);
  });

  it.each(dialects)('pass the guard and are read by another parser of %s', async (dialect) => {
    for (const feature of Object.keys(features)) {
      const { sql, values } = compiled(feature, dialect);
      const plain = unbound(sql, dialect);
      expect(await checkSql(plain, dialect), `${feature}: ${plain}`).toBeNull();
      expect(plain.match(/:p(?!\w)/g)?.length ?? 0, feature).toBe(values.length);
      for (const parser of parsers[dialect]) {
        const statements = parseAny(sql, parser);
        expect(
          statements.map((one) => Object.keys(one)),
          `${feature}: ${JSON.stringify(parser)}`,
        ).toEqual([['Query']]);
      }
    }
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

  it('name what an engine cannot have', () => {
    const refused = (dialect: Dialect, name: string) =>
      expect(() => compilePage(query([column({ name })], { schemaName: 'shop', tableName: 'sales' }), dialect));
    refused('bigquery', 'a\\').toThrow('BigQuery has no names with a backslash or a backtick.');
    refused('bigquery', '`').toThrow('BigQuery has no names with a backslash or a backtick.');
    refused('databricks', '${spark.x}').toThrow('Databricks takes ${ in a name for a variable.');
    refused('postgres', 'a\0b').toThrow('This is no name of a column or table.');
    const { sql } = compilePage(query([column({ name: 'a\\`' })], { tableName: 'sales' }), 'clickhouse');
    expect(sql).toBe(
      'SELECT `t`.`a\\\\``` AS `a\\\\``` FROM `sales` AS `t` ORDER BY `t`.`a\\\\``` NULLS LAST LIMIT 101 OFFSET 0',
    );
  });

  it('are refused for tables that must not be read, bounds that are none, and no visible column', () => {
    const columns = [column({ name: 'id' })];
    const refused = (more: Partial<PageQuery>, dialect: Dialect = 'duckdb') =>
      expect(() => compilePage(query(columns, more), dialect));
    refused({ tableName: 'duckdb_settings' }).toThrow(RangeError);
    refused({ tableName: 'pg_authid' }, 'postgres').toThrow(RangeError);
    refused({ schemaName: 'mysql', tableName: 'user' }, 'mysql').toThrow(RangeError);
    refused({ schemaName: 'system', tableName: 'processes' }, 'clickhouse').toThrow(RangeError);
    refused({ schemaName: 'INFORMATION_SCHEMA', tableName: 'JOBS' }, 'bigquery').toThrow(RangeError);
    refused({ schemaName: 'ACCOUNT_USAGE', tableName: 'USERS' }, 'snowflake').toThrow(RangeError);
    refused({ schemaName: 'delta', tableName: '/mnt/secrets' }, 'databricks').toThrow(RangeError);
    refused({ schemaName: 'sys', tableName: 'sql_logins' }, 'sqlserver').toThrow(RangeError);
    refused({ tableName: '' }).toThrow(RangeError);
    refused({ tableName: 'a\0b' }).toThrow(RangeError);
    refused({ limit: 100_000_001 }).toThrow(RangeError);
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
