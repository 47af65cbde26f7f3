// Fills an empty database with the demo market; `--scale N` adds N tenants of 1,000 assets each for load tests.
import { parseArgs } from 'node:util';
import { buildWarehouses } from '../prisma/seed/build-warehouses.ts';
import { seedBulk } from '../prisma/seed/bulk.ts';
import { seedDemo } from '../src/demo.ts';
import { warehouseDirectory } from '../src/database/installation.ts';
import { withApp } from './with-app.ts';

const STEP = 25;

await withApp(async (app) => {
  const { values } = parseArgs({ options: { scale: { type: 'string', default: '0' } } });
  const scale = Number(values.scale);
  if (!Number.isInteger(scale) || scale < 0 || scale > 100_000) {
    throw new Error('--scale takes a whole number of tenants, such as --scale 50.');
  }
  await seedDemo(app, console.log);
  await buildWarehouses(warehouseDirectory(app.config));
  const { length: had } = await app.database.query(`select 1 from "Company" where handle like 'tenant-%'`, []);
  for (let from = had + 1; from <= scale; from += STEP) {
    const to = Math.min(from + STEP - 1, scale);
    await seedBulk(app.database.query, from, to);
    console.log(`${to} of ${scale} tenants`);
  }
});
