import type { Dialect } from '../warehouse/engine.ts';
import { isDeniedRelation } from '../warehouse/sql-rules.ts';

/** Longest name of a table, schema or column. */
export const MAX_NAME_LENGTH = 255;

/**
 * A name as an identifier of the dialect, whatever characters it has.
 * @throws RangeError for an empty or overlong name, or one with a zero character, which no engine has.
 */
export function quoteName(name: string, dialect: Dialect): string {
  if (name === '' || name.length > MAX_NAME_LENGTH || name.includes('\0'))
    throw new RangeError('This is no name of a column or table.');
  if (['bigquery', 'clickhouse'].includes(dialect) && /[`\\]/.test(name))
    throw new RangeError('This engine has no such names.');
  if (dialect === 'sqlserver') return `[${name.replaceAll(']', ']]')}]`;
  const isBackticked = ['mysql', 'bigquery', 'clickhouse', 'databricks'].includes(dialect);
  return isBackticked ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
}

/**
 * A table as the dialect names it.
 * @throws RangeError for a name that is none, or that of a relation which must not be read.
 */
export function quoteTable(schema: string | null, table: string, dialect: Dialect): string {
  const isForbidden = isDeniedRelation(dialect, table) || (dialect === 'mysql' && schema?.toLowerCase() === 'mysql');
  if (isForbidden) throw new RangeError(`${table.slice(0, 60)} must not be read.`);
  return `${schema === null ? '' : `${quoteName(schema, dialect)}.`}${quoteName(table, dialect)}`;
}
