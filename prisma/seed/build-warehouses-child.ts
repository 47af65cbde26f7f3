// Makes the demo's warehouses that are missing in the directory of its argument.
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { FILES, WAREHOUSES } from './build-warehouses.ts';
import { buildWarehouse, exportFiles } from './warehouses.ts';

const dir = process.argv[2] ?? '';
mkdirSync(dir, { recursive: true });
await Promise.all(
  WAREHOUSES.map(async (name) => {
    const file = path.join(dir, `${name}.duckdb`);
    if (existsSync(file)) return;
    // Half a file would pass for a whole one after a crash.
    await buildWarehouse(`${file}.new`, name);
    renameSync(`${file}.new`, file);
  }),
);
const folder = path.join(dir, FILES);
if (!existsSync(folder)) {
  await exportFiles(path.join(dir, 'weather.duckdb'), `${folder}.new`);
  renameSync(`${folder}.new`, folder);
}
