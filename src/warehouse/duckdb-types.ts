import type { ColumnType } from './engine.ts';

const TYPES: Record<string, ColumnType> = {
  BOOLEAN: 'BOOLEAN',
  TINYINT: 'INTEGER',
  SMALLINT: 'INTEGER',
  INTEGER: 'INTEGER',
  UTINYINT: 'INTEGER',
  USMALLINT: 'INTEGER',
  UINTEGER: 'INTEGER',
  BIGINT: 'BIGINT',
  UBIGINT: 'BIGINT',
  HUGEINT: 'DECIMAL',
  UHUGEINT: 'DECIMAL',
  BIGNUM: 'DECIMAL',
  FLOAT: 'FLOAT',
  DOUBLE: 'FLOAT',
  BLOB: 'BINARY',
  DATE: 'DATE',
  JSON: 'JSON',
  VARIANT: 'JSON',
};

/** Our type for a type as DuckDB prints it: `DECIMAL(9,2)`, `INTEGER[]`, `STRUCT(a INTEGER)` … */
export function duckdbColumnType(engineType: string): ColumnType {
  const name = engineType.toUpperCase();
  if (name.endsWith(']') || /^(?:STRUCT|MAP|UNION)\(/.test(name)) return 'JSON';
  if (name.startsWith('DECIMAL')) return 'DECIMAL';
  if (name.startsWith('TIMESTAMP')) return 'TIMESTAMP';
  if (name === 'TIME' || name.startsWith('TIME ') || name === 'TIME_NS') return 'TIME';
  return TYPES[name] ?? 'STRING';
}
