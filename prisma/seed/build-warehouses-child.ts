// Makes the demo's warehouses that are missing in the directory of its argument.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { FILES, WAREHOUSES } from './build-warehouses.ts';
import { buildWarehouse, exportFiles } from './warehouses.ts';

const dir = process.argv[2] ?? '';
mkdirSync(dir, { recursive: true });

/** Half of it would pass for the whole after a crash, and a second process may be at the same. */
async function make(name: string, build: (half: string) => Promise<unknown>): Promise<void> {
  const whole = path.join(dir, name);
  if (existsSync(whole)) return;
  const half = `${whole}.${process.pid}`;
  await build(half);
  try {
    renameSync(half, whole);
  } catch (error) {
    rmSync(half, { recursive: true });
    if (!existsSync(whole)) throw error;
  }
}

await Promise.all(WAREHOUSES.map((name) => make(`${name}.duckdb`, (half) => buildWarehouse(half, name))));
await make(FILES, (half) => exportFiles(path.join(dir, 'weather.duckdb'), half));
