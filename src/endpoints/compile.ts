import { quoteName, quoteTable } from '../connections/quote.ts';
import type { ColumnType, Dialect as AnyDialect, ParameterValue, Statement } from '../warehouse/engine.ts';
import { outputName, type EndpointColumn } from './columns.ts';
import { filterType, type Condition } from './values.ts';

/** What becomes of an endpoint's table in one page of its answer. */
export interface PageQuery {
  schemaName: string | null;
  tableName: string;
  columns: EndpointColumn[];
  /** The filters of the columns, one each, null for none: see `conditionsOf`. */
  conditions: (Condition | null)[];
  /** Rows of the page; one more is read, which tells whether there are more. */
  limit: number;
  offset: number;
}

/** Dialects that rows are read in. */
const dialects = ['postgres', 'duckdb', 'mysql', 'sqlite'] as const satisfies AnyDialect[];
type Dialect = (typeof dialects)[number];

/** Whether rows of a table can be paged in a dialect. */
function readsRows(dialect: AnyDialect): dialect is Dialect {
  return (dialects as readonly AnyDialect[]).includes(dialect);
}

type Bind = (value: ParameterValue, type: ColumnType) => string;

/** The most rows that an endpoint may allow an export. */
const MAX_LIMIT = 100_000_000;

/** Types that DuckDB does not compare with text of itself, as a cast names them. */
const duckdbTypes: Partial<Record<ColumnType, string>> = {
  INTEGER: 'BIGINT',
  BIGINT: 'BIGINT',
  DECIMAL: 'DECIMAL(38, 12)',
  FLOAT: 'DOUBLE',
  BOOLEAN: 'BOOLEAN',
  DATE: 'DATE',
  TIME: 'TIME',
  TIMESTAMP: 'TIMESTAMP',
};
const textTypes: Record<Dialect, string> = { postgres: 'text', duckdb: 'VARCHAR', mysql: 'CHAR', sqlite: 'TEXT' };
const comparisons: Record<string, string> = { eq: '=', ne: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' };

/** Where a text begins in another, from 1; 0 where it is not in it. No pattern, so nothing needs escaping. */
const positions: Record<Dialect, (text: string, part: string) => string> = {
  postgres: (text, part) => `strpos(${text}, ${part})`,
  duckdb: (text, part) => `strpos(${text}, ${part})`,
  mysql: (text, part) => `locate(${part}, ${text})`,
  sqlite: (text, part) => `instr(${text}, ${part})`,
};

function expressionOf({ name, aggregation }: EndpointColumn, dialect: Dialect): string {
  // Behind its table a name never means an alias of the answer.
  const column = `t.${quoteName(name, dialect)}`;
  if (aggregation === null) return column;
  return aggregation === 'COUNT_DISTINCT' ? `COUNT(DISTINCT ${column})` : `${aggregation}(${column})`;
}

function binder(dialect: Dialect, values: ParameterValue[]): Bind {
  return (value, type) => {
    values.push(value);
    if (dialect === 'mysql') return type === 'DECIMAL' ? 'CAST(? AS DECIMAL(65, 12))' : '?';
    if (dialect === 'sqlite') return '?';
    const cast = dialect === 'duckdb' ? duckdbTypes[type] : undefined;
    return cast ? `CAST($${values.length} AS ${cast})` : `$${values.length}`;
  };
}

function conditionSql(
  expression: string,
  type: ColumnType,
  { op, values }: Condition,
  dialect: Dialect,
  bind: Bind,
): string {
  switch (op) {
    case 'is_null':
      return `${expression} IS NULL`;
    case 'not_null':
      return `${expression} IS NOT NULL`;
    case 'in':
    case 'not_in':
      return `${expression} ${op === 'in' ? 'IN' : 'NOT IN'} (${values.map((value) => bind(value, type)).join(', ')})`;
    case 'between':
      return `${expression} BETWEEN ${bind(values[0] ?? null, type)} AND ${bind(values[1] ?? null, type)}`;
    case 'contains':
      return `${positions[dialect](expression, bind(values[0] ?? null, type))} > 0`;
    case 'starts_with':
      return `${positions[dialect](expression, bind(values[0] ?? null, type))} = 1`;
    default:
      return `${expression} ${comparisons[op]} ${bind(values[0] ?? null, type)}`;
  }
}

/** Declared orders in the order of the columns, then every other visible column, so that equal rows are equal in all. */
function orderSql(visible: EndpointColumn[], dialect: Dialect): string {
  const places = visible.map((column, i) => ({ column, i }));
  const sorted = [
    ...places.filter(({ column }) => column.order !== null),
    ...places.filter(({ column }) => column.order === null),
  ];
  return sorted
    .map(({ column, i }) => {
      const isJson = column.type === 'JSON' && column.aggregation === null;
      const key = isJson ? `CAST(${expressionOf(column, dialect)} AS ${textTypes[dialect]})` : String(i + 1);
      return column.order === 'DESC' ? `${key} DESC` : key;
    })
    .join(', ');
}

function whole(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new RangeError('Not a bound of a page.');
  return value;
}

/**
 * One page of an endpoint as a SELECT: names quoted, values bound, `limit + 1` rows in a stable order. Filters on
 * aggregated columns go into HAVING; where anything is aggregated, the other visible columns are grouped by.
 * @throws RangeError for names that no engine has, tables that must not be read, and bounds that are none.
 */
export function compilePage(query: PageQuery, dialect: AnyDialect): Statement {
  if (!readsRows(dialect))
    throw new RangeError(`Rows of ${dialect} tables cannot be paged yet; an asset can read them.`);
  const { columns, conditions, limit, offset } = query;
  const values: ParameterValue[] = [];
  const bind = binder(dialect, values);
  const visible = columns.filter(({ isHidden }) => !isHidden);
  if (visible.length === 0) throw new RangeError('No column is visible.');
  const filters = (isAggregated: boolean): string =>
    columns
      .flatMap((column, i) => {
        const condition = conditions[i];
        if (!condition || (column.aggregation !== null) !== isAggregated) return [];
        return [conditionSql(expressionOf(column, dialect), filterType(column), condition, dialect, bind)];
      })
      .join(' AND ');
  const selected = visible.map(
    (column) => `${expressionOf(column, dialect)} AS ${quoteName(outputName(column), dialect)}`,
  );
  const where = filters(false);
  const having = filters(true);
  const hasAggregation = columns.some(({ aggregation }) => aggregation !== null);
  const grouped = hasAggregation
    ? visible.filter(({ aggregation }) => aggregation === null).map((column) => expressionOf(column, dialect))
    : [];
  const sql = [
    `SELECT ${selected.join(', ')} FROM ${quoteTable(query.schemaName, query.tableName, dialect)} AS t`,
    where && `WHERE ${where}`,
    grouped.length > 0 && `GROUP BY ${grouped.join(', ')}`,
    having && `HAVING ${having}`,
    `ORDER BY ${orderSql(visible, dialect)} LIMIT ${whole(limit, MAX_LIMIT) + 1} OFFSET ${whole(offset, Number.MAX_SAFE_INTEGER)}`,
  ];
  return { sql: sql.filter(Boolean).join(' '), values };
}
