/**
 * A process of its own with a DuckDB of its own: makes one Parquet file of lines of JSON, then ends. The statement is
 * ours (`parquet-columns.ts`); no SQL of anybody else ever comes here. Arguments: a directory to spill to, the statement.
 */
import { DuckDBInstance } from '@duckdb/node-api';

const [directory = '', statement = ''] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', {
  threads: '1',
  memory_limit: '256MB',
  temp_directory: directory,
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
});
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");
await connection.run(statement);
connection.closeSync();
instance.closeSync();
