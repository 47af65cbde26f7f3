import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

/** What the demo's connections read, in the directory of the warehouses. */
export const WAREHOUSES = ['sports', 'retail', 'weather'] as const;
export const FILES = 'weather-files';

const CHILD = path.join(import.meta.dirname, 'build-warehouses-child.ts');
const building = new Map<string, Promise<void>>();

async function build(dir: string): Promise<void> {
  const wanted = [...WAREHOUSES.map((name) => `${name}.duckdb`), FILES];
  if (wanted.every((name) => existsSync(path.join(dir, name)))) return;
  await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, dir]);
}

/**
 * Makes the demo's warehouses that are missing, once a process and directory. Another process does it, as DuckDB would
 * not give the memory back that it takes here.
 */
export function buildWarehouses(dir: string): Promise<void> {
  let done = building.get(dir);
  if (!done) building.set(dir, (done = build(dir)));
  return done;
}
