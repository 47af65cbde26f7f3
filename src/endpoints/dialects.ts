import { sql, type RawBuilder } from 'kysely';
import type { ColumnType, Dialect } from '../warehouse/engine.ts';
import type { Aggregation } from './columns.ts';

/** A piece of a statement: its names are quoted and its values bound wherever it is put. */
export type Sql = RawBuilder<unknown>;

/** What a dialect says in its own way when rows are read. */
export interface RowsDialect {
  /** Where a text begins in another, from 1; 0 where it is not in it. No pattern, so nothing needs escaping. */
  position(text: Sql, part: Sql): Sql;
  /** A document as text, which can be sorted. */
  text(document: Sql): Sql;
  /** A number as a double, which means have: some engines round the mean of whole numbers. */
  double(number: Sql): Sql;
  /** Aggregations that have another name, or count wider. */
  aggregate?: Partial<Record<Aggregation, (value: Sql, type: ColumnType) => Sql>>;
  /** Types of values that the engine does not take for what they are beside a column or a sum. */
  casts: Partial<Record<ColumnType, string>>;
  /** How an instant is written: with its zone, which is UTC, or without; `given` is left as it came. */
  instant: 'zoned' | 'plain' | 'given';
  /** Whether NULLS LAST can be said. */
  hasNullsLast: boolean;
  /** What is looked for in a list of another type, where the engine does not bring the two together. */
  listed?(what: Sql, type: string): Sql;
}

const cast = (value: Sql, type: string): Sql => sql`CAST(${value} AS ${sql.raw(type)})`;
const castTo =
  (type: string) =>
  (value: Sql): Sql =>
    cast(value, type);
const called =
  (name: string, isPartFirst = false) =>
  (text: Sql, part: Sql): Sql =>
    sql`${sql.raw(name)}(${isPartFirst ? sql`${part}, ${text}` : sql`${text}, ${part}`})`;
const renamed =
  (name: string) =>
  (value: Sql): Sql =>
    sql`${sql.raw(name)}(${value})`;

const DECIMAL = 'DECIMAL(38, 12)';

/** Redshift reads PostgreSQL's, MariaDB MySQL's, Athena Trino's. */
export const rowsDialects: Record<Dialect, RowsDialect> = {
  postgres: {
    position: called('strpos'),
    text: castTo('TEXT'),
    double: castTo('DOUBLE PRECISION'),
    // Without a scale, Redshift would take a whole number of it.
    casts: { INTEGER: 'INTEGER', BIGINT: 'BIGINT', DECIMAL: 'NUMERIC(38, 12)' },
    instant: 'zoned',
    hasNullsLast: true,
  },
  duckdb: {
    position: called('strpos'),
    text: castTo('VARCHAR'),
    double: castTo('DOUBLE'),
    casts: {
      INTEGER: 'BIGINT',
      BIGINT: 'BIGINT',
      DECIMAL,
      FLOAT: 'DOUBLE',
      BOOLEAN: 'BOOLEAN',
      DATE: 'DATE',
      TIME: 'TIME',
      TIMESTAMP: 'TIMESTAMP',
    },
    instant: 'plain',
    hasNullsLast: true,
  },
  mysql: {
    position: called('locate', true),
    text: castTo('CHAR'),
    // MySQL casts to DOUBLE only since 8.0.17.
    double: (number) => sql`${number} + 0e0`,
    casts: { BIGINT: 'SIGNED', DECIMAL: 'DECIMAL(65, 12)' },
    instant: 'plain',
    hasNullsLast: false,
  },
  sqlite: {
    position: called('instr'),
    text: castTo('TEXT'),
    double: castTo('REAL'),
    // Sums have no affinity: a number in a text would be greater than each of them.
    casts: { BIGINT: 'INTEGER', DECIMAL: 'NUMERIC' },
    // Its instants are texts of the seller's own form.
    instant: 'given',
    hasNullsLast: true,
  },
  sqlserver: {
    position: called('charindex', true),
    text: castTo('NVARCHAR(MAX)'),
    double: castTo('FLOAT'),
    aggregate: {
      COUNT: renamed('COUNT_BIG'),
      COUNT_DISTINCT: (value) => sql`COUNT_BIG(DISTINCT ${value})`,
      // A sum has the type of what is summed, and fails where it is too large for that.
      SUM: (value, type) =>
        sql`SUM(${type === 'INTEGER' || type === 'BIGINT' ? cast(value, 'DECIMAL(38, 0)') : value})`,
    },
    casts: { BIGINT: 'BIGINT', DECIMAL, DATE: 'DATE', TIME: 'TIME(7)', TIMESTAMP: 'DATETIME2(7)' },
    instant: 'plain',
    hasNullsLast: false,
  },
  bigquery: {
    position: called('strpos'),
    text: renamed('to_json_string'),
    double: castTo('FLOAT64'),
    // A text beside a DATETIME or a TIMESTAMP becomes one by itself; which of them a column is nobody knows here.
    casts: { BIGINT: 'INT64', DECIMAL: 'BIGNUMERIC', DATE: 'DATE', TIME: 'TIME' },
    instant: 'plain',
    hasNullsLast: true,
  },
  snowflake: {
    position: called('charindex', true),
    text: castTo('VARCHAR'),
    double: castTo('DOUBLE'),
    casts: { BIGINT: 'BIGINT', DECIMAL, DATE: 'DATE', TIME: 'TIME' },
    instant: 'zoned',
    hasNullsLast: true,
  },
  clickhouse: {
    position: called('position'),
    text: renamed('toString'),
    double: renamed('toFloat64'),
    // Of nothing, it says 0 otherwise.
    aggregate: {
      SUM: renamed('sumOrNull'),
      AVG: renamed('avgOrNull'),
      MIN: renamed('minOrNull'),
      MAX: renamed('maxOrNull'),
    },
    casts: { BIGINT: 'Int64', DECIMAL: 'Decimal(38, 12)', DATE: 'Date32', TIMESTAMP: `DateTime64(6, 'UTC')` },
    instant: 'plain',
    hasNullsLast: true,
    // OR does not help: the server makes IN of it.
    listed: (what, type) => cast(what, `Nullable(${type})`),
  },
  databricks: {
    position: called('instr'),
    text: castTo('STRING'),
    double: castTo('DOUBLE'),
    // Outside its ANSI mode, a list of texts would make texts of what is looked for.
    casts: { BIGINT: 'BIGINT', DECIMAL, DATE: 'DATE', TIMESTAMP: 'TIMESTAMP' },
    instant: 'zoned',
    hasNullsLast: true,
  },
  trino: {
    position: called('strpos'),
    text: (document) => sql`json_format(${cast(document, 'JSON')})`,
    double: castTo('DOUBLE'),
    casts: {
      BIGINT: 'BIGINT',
      DECIMAL,
      DATE: 'DATE',
      TIME: 'TIME(6)',
      TIMESTAMP: 'TIMESTAMP(6)',
    },
    instant: 'plain',
    hasNullsLast: true,
  },
};
