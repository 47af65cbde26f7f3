import type { ChildProgram } from './child-process.ts';
import { duckdbColumnType } from './duckdb-types.ts';
import type { Engine, Statement } from './engine.ts';
import { duckdbEstimate } from './estimate.ts';
import { createFileEngine, type FileEngineOptions } from './file-engine.ts';
import { databaseFile } from './file-source.ts';
import { checkFileTables, filesOf } from './file-tables.ts';

const PROGRAM: ChildProgram = {
  modules: [
    'duckdb-child.ts',
    'child-memory.ts',
    'duckdb-columns.ts',
    'duckdb-open.ts',
    'duckdb-sample.ts',
    'duckdb-tree.ts',
    'duckdb-types.ts',
    'engine.ts',
    'sample.ts',
    'wire.ts',
  ],
  stopGraceMs: 2_000,
};

const COMMON = {
  dialect: 'duckdb',
  program: PROGRAM,
  canSpill: true,
  tables: tablesStatement,
  typeOf: duckdbColumnType,
  estimateOf: duckdbEstimate,
  noEstimate: 'DuckDB gave no number of rows for this query.',
} satisfies Partial<FileEngineOptions>;

interface DuckdbOptions {
  roots: string[];
  /** Waited for before a file is looked for. */
  ready?: (() => Promise<void>) | undefined;
  maxChildren?: number;
}

/** The engine that runs sellers' queries on DuckDB files, each query in a locked-down child process. */
export function createDuckdb({ roots, ready, maxChildren = 8 }: DuckdbOptions): Engine {
  return createFileEngine({
    ...COMMON,
    name: 'duckdb',
    maxChildren,
    checkSettings: (settings) => void databaseFile(settings, roots),
    sourceOf: async (settings) => {
      await ready?.();
      return databaseFile(settings, roots);
    },
    openHint: 'The file must be a DuckDB database that no other process has open for writing.',
  });
}

/** The engine `duckdb-files`: tables made of Parquet and CSV files in a folder, read where they lie. */
export function createDuckdbFiles(options: DuckdbOptions & { maxBytes?: number }): Engine {
  const { roots, ready, maxChildren = 4, maxBytes } = options;
  return createFileEngine({
    ...COMMON,
    name: 'duckdb-files',
    maxChildren,
    checkSettings: (settings) => void checkFileTables(settings, roots),
    sourceOf: async (settings) => {
      await ready?.();
      return filesOf(settings, roots, maxBytes);
    },
    openHint: 'The files must be Parquet or CSV as the settings say, and all those of a table have the same columns.',
  });
}

function tablesStatement(filter: { schemas?: string[]; tables?: string[]; limit: number }): Statement {
  const values: (string | number)[] = [];
  const among = (column: string, names: string[] | undefined): string => {
    if (!names) return '';
    if (names.length === 0) return ' AND false';
    return ` AND ${column} IN (${names.map((name) => `$${values.push(name)}`).join(', ')})`;
  };
  const where = `${among('schema_name', filter.schemas)}${among('name', filter.tables)}`;
  const limit = `$${values.push(filter.limit)}::bigint`;
  return {
    sql: `WITH relations AS (
        SELECT schema_name, table_name AS name, 'TABLE' AS kind, estimated_size AS rows, table_oid AS oid
        FROM duckdb_tables() WHERE NOT internal AND database_name = current_database()
        UNION ALL
        SELECT schema_name, view_name, 'VIEW', NULL, view_oid
        FROM duckdb_views() WHERE NOT internal AND database_name = current_database()
      ), chosen AS (SELECT * FROM relations WHERE true${where} ORDER BY schema_name, name LIMIT ${limit})
      SELECT r.schema_name, r.name, r.kind, r.rows, c.column_name, c.data_type, c.is_nullable
      FROM chosen r LEFT JOIN duckdb_columns() c
        ON c.database_name = current_database() AND c.schema_name = r.schema_name AND c.table_oid = r.oid
      ORDER BY r.schema_name, r.name, c.column_index`,
    values,
  };
}
