import { createQueryId, DefaultQueryCompiler, sql, type IdentifierNode, type RootOperationNode } from 'kysely';
import { pageBounds, quoteName, quoteTable } from '../connections/quote.ts';
import type { ColumnType, Dialect, ParameterValue, Statement } from '../warehouse/engine.ts';
import { placeholderOf } from '../warehouse/params.ts';
import { outputName, type EndpointColumn } from './columns.ts';
import { rowsDialects, type RowsDialect, type Sql } from './dialects.ts';
import { boundValue, filterType, type Condition } from './values.ts';

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

/** The most rows that an endpoint may allow an export. */
const MAX_LIMIT = 100_000_000;

const comparisons: Record<string, string> = { eq: '=', ne: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' };

/** Writes what was built: names as the dialect quotes them, values as placeholders of the engine's own. */
class RowsCompiler extends DefaultQueryCompiler {
  private readonly dialect: Dialect;

  constructor(dialect: Dialect) {
    super();
    this.dialect = dialect;
  }

  statement(node: RootOperationNode): Statement {
    const { sql: text, parameters } = this.compileQuery(node, createQueryId());
    return { sql: text, values: parameters as ParameterValue[] };
  }

  protected override visitIdentifier({ name }: IdentifierNode): void {
    this.append(quoteName(name, this.dialect));
  }

  protected override appendValue(value: unknown): void {
    this.addParameter(value);
    this.append(placeholderOf(this.dialect, this.numParameters, value as ParameterValue));
  }
}

/** A column of the table, put together where it is aggregated. Behind its table a name never means an alias. */
function source({ name, aggregation, type }: EndpointColumn, { aggregate, double }: RowsDialect): Sql {
  const column = sql.id('t', name);
  if (aggregation === null) return column;
  const value = aggregation === 'AVG' ? double(column) : column;
  const own = aggregate?.[aggregation];
  if (own) return own(value, type);
  return aggregation === 'COUNT_DISTINCT' ? sql`COUNT(DISTINCT ${value})` : sql`${sql.raw(aggregation)}(${value})`;
}

function holds(what: Sql, type: ColumnType, { op, values }: Condition, dialect: RowsDialect): Sql {
  const cast = dialect.casts[type];
  const listed = cast === undefined ? what : (dialect.listed?.(what, cast) ?? what);
  const bound = values.map((value): Sql => {
    const one = sql`${boundValue(value, type, dialect.instant)}`;
    return cast === undefined ? one : sql`CAST(${one} AS ${sql.raw(cast)})`;
  });
  const [first = sql`NULL`, second = sql`NULL`] = bound;
  switch (op) {
    case 'is_null':
      return sql`${what} IS NULL`;
    case 'not_null':
      return sql`${what} IS NOT NULL`;
    case 'in':
      return sql`${listed} IN (${sql.join(bound)})`;
    case 'not_in':
      return sql`${listed} NOT IN (${sql.join(bound)})`;
    case 'between':
      return sql`${what} BETWEEN ${first} AND ${second}`;
    case 'contains':
      return sql`${dialect.position(what, first)} > 0`;
    case 'starts_with':
      return sql`${dialect.position(what, first)} = 1`;
    default:
      return sql`${what} ${sql.raw(comparisons[op] ?? '=')} ${first}`;
  }
}

/** Declared orders in the order of the columns, then every other visible column, so that equal rows are equal in all. */
function sorted(visible: { column: EndpointColumn; cell: Sql }[], dialect: RowsDialect): Sql[] {
  const keys = [
    ...visible.filter(({ column }) => column.order !== null),
    ...visible.filter(({ column }) => column.order === null),
  ];
  const seen = new Set<string>();
  return keys.flatMap(({ column, cell }) => {
    // The same once more sorts nothing, and SQL Server refuses it.
    const what = `${column.aggregation} ${column.name}`;
    if (seen.has(what)) return [];
    seen.add(what);
    const key = column.type === 'JSON' && column.aggregation === null ? dialect.text(cell) : cell;
    const directed = column.order === 'DESC' ? sql`${key} DESC` : key;
    // What is missing comes last both ways, whatever the engine is used to.
    if (dialect.hasNullsLast) return [sql`${directed} NULLS LAST`];
    return [sql`CASE WHEN ${cell} IS NULL THEN 1 ELSE 0 END`, directed];
  });
}

const clause = (word: string, parts: Sql[], separator: string): Sql =>
  parts.length === 0 ? sql`` : sql` ${sql.raw(word)} ${sql.join(parts, sql.raw(separator))}`;

/**
 * One page of an endpoint as a SELECT: names quoted, values bound, `limit + 1` rows in a stable order. Where anything
 * is aggregated, the other visible columns are grouped by, and what is made of that is filtered outside: Athena takes
 * no values in HAVING.
 * @throws RangeError for names that the engine has not, tables that must not be read, and bounds that are none.
 */
export function compilePage(query: PageQuery, dialect: Dialect): Statement {
  if (query.limit > MAX_LIMIT) throw new RangeError('Not a bound of a page.');
  const own = rowsDialects[dialect];
  const isGrouped = query.columns.some(({ aggregation }) => aggregation !== null);
  const cells = query.columns.map((column, i) => {
    const inner = source(column, own);
    const condition = query.conditions[i] ?? null;
    return { column, condition, inner, name: sql.id(`c${i}`), cell: isGrouped ? sql.id('g', `c${i}`) : inner };
  });
  const visible = cells.filter(({ column }) => !column.isHidden);
  if (visible.length === 0) throw new RangeError('No column is visible.');
  const filters = (isAggregated: boolean): Sql[] =>
    cells.flatMap(({ column, condition, inner, cell }) =>
      condition && (column.aggregation !== null) === isAggregated
        ? [holds(isAggregated ? cell : inner, filterType(column), condition, own)]
        : [],
    );
  const table = sql`${sql.raw(quoteTable(query.schemaName, query.tableName, dialect))} AS ${sql.id('t')}`;
  const rows = sql`${table}${clause('WHERE', filters(false), ' AND ')}`;
  const groups = (): Sql => {
    const parts = cells.filter(({ column }) => !column.isHidden || column.aggregation !== null);
    const keys = visible.filter(({ column }) => column.aggregation === null).map(({ inner }) => inner);
    const selected = parts.map(({ inner, name }) => sql`${inner} AS ${name}`);
    return sql`(SELECT ${sql.join(selected)} FROM ${rows}${clause('GROUP BY', keys, ', ')}) AS ${sql.id('g')}`;
  };
  const from = isGrouped ? sql`${groups()}${clause('WHERE', filters(true), ' AND ')}` : rows;
  const answer = visible.map(({ column, cell }) => sql`${cell} AS ${sql.id(outputName(column))}`);
  const bounds = sql.raw(pageBounds(query.limit + 1, query.offset, dialect));
  const page = sql`SELECT ${sql.join(answer)} FROM ${from} ORDER BY ${sql.join(sorted(visible, own))} ${bounds}`;
  return new RowsCompiler(dialect).statement(page.toOperationNode());
}
