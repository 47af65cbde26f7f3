import type { ParameterValue, Statement } from './engine.ts';

/** What Amazon Redshift, which speaks PostgreSQL's protocol and calls itself 8.0, does in its own way. */

/** Whether a server is one, by the version that it tells at the login: PostgreSQL itself has none so old. */
export const isRedshiftVersion = (version: string): boolean => version.startsWith('8.0.');

/** It knows few of PostgreSQL's parameters: strings are standard, and nothing but the statement has a time. */
export const redshiftBegin = (timeoutMs: number): string => `BEGIN READ ONLY;
    SET LOCAL statement_timeout = ${timeoutMs};
    SET LOCAL datestyle = 'ISO';
    SELECT 1`;

/** There is no DISCARD. */
export const REDSHIFT_RESET = 'RESET ALL';

export const REDSHIFT_RIGHTS = `SELECT u.usesuper OR EXISTS (
    SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pg_internal')
      AND has_schema_privilege(n.nspname, 'USAGE') AND (
        has_table_privilege(quote_ident(n.nspname) || '.' || quote_ident(c.relname), 'INSERT')
        OR has_table_privilege(quote_ident(n.nspname) || '.' || quote_ident(c.relname), 'UPDATE')
        OR has_table_privilege(quote_ident(n.nspname) || '.' || quote_ident(c.relname), 'DELETE')))
  FROM pg_catalog.pg_user u WHERE u.usename = current_user`;

const TYPE = `CASE WHEN c.data_type IN ('numeric', 'decimal') AND c.numeric_precision IS NOT NULL
      THEN 'numeric(' || CAST(c.numeric_precision AS varchar) || ',' || CAST(c.numeric_scale AS varchar) || ')'
      WHEN c.data_type IN ('character varying', 'character') AND c.character_maximum_length IS NOT NULL
      THEN CAST(c.data_type AS varchar) || '(' || CAST(c.character_maximum_length AS varchar) || ')'
      ELSE CAST(c.data_type AS varchar) END`;

/** Out of its own views, which know external tables too; how many rows there are only a superuser sees. */
export function redshiftTables(filter: { schemas?: string[]; tables?: string[]; limit: number }): Statement {
  const values: ParameterValue[] = [];
  const among = (column: string, names: string[] | undefined): string => {
    if (!names) return '';
    if (names.length === 0) return ' AND 1 = 0';
    return ` AND ${column} IN (${names.map((name) => `$${values.push(name)}`).join(', ')})`;
  };
  const where = `${among('table_schema', filter.schemas)}${among('table_name', filter.tables)}`;
  return {
    sql: `SELECT t.table_schema, t.table_name, t.kind, NULL, c.column_name, ${TYPE}, c.is_nullable <> 'NO'
      FROM (SELECT table_schema, table_name, CASE WHEN table_type LIKE '%VIEW' THEN 'VIEW' ELSE 'TABLE' END AS kind
        FROM svv_tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'pg_internal')
          AND table_schema NOT LIKE 'pg!_temp%' ESCAPE '!'${where}
        ORDER BY table_schema, table_name LIMIT ${Math.max(0, Math.trunc(filter.limit))}) t
      LEFT JOIN svv_columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
      ORDER BY t.table_schema, t.table_name, c.ordinal_position`,
    values,
  };
}
