import type { Dialect } from '../warehouse/engine.ts';
import { lex } from '../warehouse/sql-lexer.ts';
import { checkTokens } from '../warehouse/sql-rules.ts';

/** Longest name of a table, schema or column. */
export const MAX_NAME_LENGTH = 255;

/**
 * A name as an identifier of the dialect, whatever characters it has.
 * @throws RangeError for an empty or overlong name, one with a zero character, and one that the engine cannot have.
 */
export function quoteName(name: string, dialect: Dialect): string {
  if (name === '' || name.length > MAX_NAME_LENGTH || name.includes('\0'))
    throw new RangeError('This is no name of a column or table.');
  // There a backslash begins an escape in quoted names too, and names hold neither of the two.
  if (dialect === 'bigquery' && /[`\\]/.test(name))
    throw new RangeError('BigQuery has no names with a backslash or a backtick.');
  if (dialect === 'databricks' && name.includes('${'))
    throw new RangeError('Databricks takes ${ in a name for a variable.');
  if (dialect === 'sqlserver') return `[${name.replaceAll(']', ']]')}]`;
  if (dialect === 'clickhouse') return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '``')}\``;
  const isBackticked = ['mysql', 'bigquery', 'databricks'].includes(dialect);
  return isBackticked ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
}

/**
 * A table as the dialect names it.
 * @throws RangeError for a name that is none, or that of a relation which the guard lets no statement read.
 */
export function quoteTable(schema: string | null, table: string, dialect: Dialect): string {
  const name = `${schema === null ? '' : `${quoteName(schema, dialect)}.`}${quoteName(table, dialect)}`;
  const { tokens, problem } = lex(`SELECT 1 FROM ${name}`, dialect);
  const refused = problem ?? checkTokens(tokens, dialect);
  if (refused) throw new RangeError(refused.message);
  return name;
}

function whole(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('Not a bound of a page.');
  return value;
}

/** The end of a sorted SELECT that reads `limit` rows behind the first `offset`. @throws RangeError for what is no bound. */
export function pageBounds(limit: number, offset: number, dialect: Dialect): string {
  const [rows, before] = [whole(limit), whole(offset)];
  if (dialect === 'trino') return `OFFSET ${before} LIMIT ${rows}`;
  if (dialect === 'sqlserver') return `OFFSET ${before} ROWS FETCH NEXT ${rows} ROWS ONLY`;
  return `LIMIT ${rows} OFFSET ${before}`;
}
