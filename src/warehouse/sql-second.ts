import type { Dialect } from './engine.ts';
import type { Call } from './postgres-functions.ts';
import type { Rejection } from './sql-lexer.ts';
import { askParser } from './sql-parser.ts';
import type { Objection } from './sql-tree.ts';

/** Dialects that sqlparser-rs knows. PostgreSQL and DuckDB have their own parsers. */
const PARSERS: Partial<Record<Dialect, string>> = {
  mysql: 'mysql',
  sqlite: 'sqlite',
  bigquery: 'bigquery',
  snowflake: 'snowflake',
  clickhouse: 'clickhouse',
  databricks: 'databricks',
  sqlserver: 'mssql',
};

/** What speaks against a statement, whether the parser could read it at all, and whether it survived that. */
export interface Opinion {
  objection: Objection | null;
  isRead: boolean;
  isBroken: boolean;
}

/**
 * What sqlparser-rs says of a statement that the lexer passed; null for a dialect that it does not know. It does not
 * read every good query, so only its objection counts.
 */
export async function secondOpinion(sql: string, dialect: Dialect): Promise<Opinion | null> {
  const parser = PARSERS[dialect];
  if (parser === undefined) return null;
  const { value, isBroken } = await askParser({ about: 'opinion', sql, dialect, parser });
  if (isBroken) return { objection: null, isRead: false, isBroken };
  return { ...(value as Omit<Opinion, 'isBroken'>), isBroken };
}

/** Why PostgreSQL's own parser refuses a statement, or null: what it cannot read is refused. */
export async function postgresRejection(sql: string): Promise<Rejection | null> {
  const { value, isBroken } = await askParser({ about: 'rejection', sql });
  if (isBroken) return { rule: 'TOO_COMPLEX', message: 'The statement is nested too deeply.', position: 0 };
  return value as Rejection | null;
}

/** The functions that a statement calls by name as PostgreSQL reads it; null where that is too much for its parser. */
export async function calledFunctions(sql: string): Promise<Call[] | null> {
  const { value, isBroken } = await askParser({ about: 'calls', sql });
  return isBroken ? null : (value as Call[]);
}
