import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { yieldCpu } from '../../src/warehouse/child-process.ts';

/** What the demo's connections read, in the directory of the warehouses. */
export const WAREHOUSES = ['sports', 'retail', 'weather'] as const;
export const FILES = 'weather-files';

const CHILD = path.join(import.meta.dirname, 'build-warehouses-child.ts');
const building = new Map<string, Promise<void>>();

async function build(dir: string): Promise<void> {
  const wanted = [...WAREHOUSES.map((name) => `${name}.duckdb`), FILES];
  if (wanted.every((name) => existsSync(path.join(dir, name)))) return;
  const done = promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, dir]);
  yieldCpu(done.child.pid);
  await done;
}

/**
 * Makes the demo's warehouses that are missing, once a process and directory. Another process does it, as DuckDB would
 * not give the memory back that it takes here, and at a low priority: who starts the gateway waits for other things.
 */
export function buildWarehouses(dir: string): Promise<void> {
  let done = building.get(dir);
  if (!done) building.set(dir, (done = build(dir)));
  return done;
}

/** Until those of the directory are made, if this process is at it; one that fails leaves them missing. */
export async function warehousesBuilt(dir: string): Promise<void> {
  await building.get(dir)?.catch(() => undefined);
}
