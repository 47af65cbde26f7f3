import { DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { FileTable } from './child-protocol.ts';
import type { Spill } from './engine.ts';

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

/** Makes a database whose settings are still open, runs `make`, and locks them. */
async function opened(
  path: string,
  options: Record<string, string>,
  spill: Spill | undefined,
  make: (connection: DuckDBConnection) => Promise<unknown>,
): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(path, {
    ...BOUNDS,
    ...options,
    ...(spill ? { temp_directory: spill.directory } : {}),
  });
  const connection = await instance.connect();
  try {
    // Only what is set afterwards is held to.
    if (spill) await connection.run(`SET max_temp_directory_size = '${Math.floor(spill.maxBytes / 1024)}KiB'`);
    await make(connection);
    await connection.run('SET lock_configuration = true');
  } finally {
    connection.closeSync();
  }
  return instance;
}

/** A view of each table, made where nothing but its files can be read any more. Files count from the directory of the process. */
function openFiles(tables: readonly FileTable[], spill: Spill | undefined): Promise<DuckDBInstance> {
  // A database in memory cannot be opened for reading only; it ends with the process, and holds nothing but the views.
  return opened(':memory:', {}, spill, async (connection) => {
    await connection.run(`SET allowed_paths = ${list(tables.flatMap(({ files }) => files))}`);
    await connection.run('SET enable_external_access = false');
    for (const table of tables) await connection.run(`CREATE VIEW "${table.name}" AS FROM ${reader(table)}`);
  });
}

/** Opens a database file for reading, or the files of `tables`; nothing else can be reached from what comes back. */
export function openDuckdb(path: string, tables: readonly FileTable[] | null, spill?: Spill): Promise<DuckDBInstance> {
  if (tables) return openFiles(tables, spill);
  return opened(path, { access_mode: 'READ_ONLY', enable_external_access: 'false' }, spill, async () => undefined);
}
