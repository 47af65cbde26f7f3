import { DuckDBInstance } from '@duckdb/node-api';
import type { FileTable } from './child-protocol.ts';

// In this order: DuckDB takes some of them only before external access is shut.
const BOUNDS = {
  threads: '2',
  memory_limit: '512MB',
  temp_directory: '',
  max_temp_directory_size: '0KB',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
  allow_unsigned_extensions: 'false',
  allow_persistent_secrets: 'false',
};
const SHUT = { enable_external_access: 'false', lock_configuration: 'true' };

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function list(files: readonly string[]): string {
  return `[${files.map(text).join(', ')}]`;
}

function reader({ format, files, header, delimiter, quote, nullText }: FileTable): string {
  if (format === 'PARQUET') return `read_parquet(${list(files)})`;
  const options = [
    ...(header === undefined ? [] : [`header = ${header}`]),
    ...(delimiter === undefined ? [] : [`delim = ${text(delimiter)}`]),
    ...(quote === undefined ? [] : [`quote = ${text(quote)}`]),
    ...(nullText === undefined ? [] : [`nullstr = ${text(nullText)}`]),
  ];
  return `read_csv(${[list(files), ...options].join(', ')})`;
}

/** A view of each table, made where nothing but its files can be read any more. Files count from the directory of the process. */
async function openFiles(tables: readonly FileTable[]): Promise<DuckDBInstance> {
  // A database in memory cannot be opened for reading only; it ends with the process, and holds nothing but the views.
  const instance = await DuckDBInstance.create(':memory:', BOUNDS);
  const connection = await instance.connect();
  try {
    await connection.run(`SET allowed_paths = ${list(tables.flatMap(({ files }) => files))}`);
    await connection.run('SET enable_external_access = false');
    for (const table of tables) await connection.run(`CREATE VIEW "${table.name}" AS FROM ${reader(table)}`);
    await connection.run('SET lock_configuration = true');
  } finally {
    connection.closeSync();
  }
  return instance;
}

/** Opens a database file for reading, or the files of `tables`; nothing else can be reached from what comes back. */
export function openDuckdb(path: string, tables: readonly FileTable[] | null): Promise<DuckDBInstance> {
  return tables ? openFiles(tables) : DuckDBInstance.create(path, { access_mode: 'READ_ONLY', ...BOUNDS, ...SHUT });
}
