import path from 'node:path';
import type { Config } from '../config.ts';
import { startEmbedded } from './embedded.ts';

/** Where the database is, and how to let go of it. */
export interface DatabaseServer {
  url: string;
  stop(): Promise<void>;
}

/** The server that DATABASE_URL names, or the embedded one, started or attached to. */
export async function databaseServer(config: Config): Promise<DatabaseServer> {
  if (config.DATABASE_URL) return { url: config.DATABASE_URL, stop: async () => {} };
  return startEmbedded(path.join(config.DATA_DIR, 'postgres'));
}

/** Whether an empty database is filled with the demo market: the embedded one is, unless told otherwise. */
export const isDemo = (config: Config): boolean => config.DEMO ?? !config.DATABASE_URL;

/** The directory of the demo warehouses: the only one that DuckDB connections may open files in. */
export function warehouseDirectory(config: Config): string {
  return path.resolve(config.DATA_DIR, 'warehouses');
}
