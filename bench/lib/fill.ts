import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { seedBulk } from '../../prisma/seed/bulk.ts';
import { openAccounts, grantCredits } from '../../src/credits/journal.ts';
import type { RunQuery } from '../../src/database/db.ts';
import { newId } from '../../src/ids.ts';
import { countPopularity } from '../../src/marketplace/popularity.ts';
import { hashSecret, newSecret } from '../../src/secrets.ts';
import { addSql, rollups } from '../../src/usage/rollup.ts';
import type { Tenant } from './database.ts';

/** What a database of the benchmarks holds. */
export interface Fill {
  tenants: number;
  assetsEach: number;
  /** More tenants, of 20 assets each. */
  smallTenants: number;
  /** Usage events of the last 30 days, of all `tenants` alike. */
  usage: number;
}

/** 50,000 assets, 200,000 prices, 1,000,000 usage events, and 1,000 tenants. */
export const FULL: Fill = { tenants: 50, assetsEach: 1000, smallTenants: 950, usage: 1_000_000 };
/** The same with fewer rows, to see that everything runs. */
export const SMALL: Fill = { tenants: 20, assetsEach: 1000, smallTenants: 980, usage: 100_000 };
const CREDITS = 1_000_000;
const PART = 100_000;

/** Companies `from` to `to`, each with an owner's key. */
async function keysOf(query: RunQuery, from: number, to: number): Promise<Tenant[]> {
  const keys = Array.from({ length: to - from + 1 }, () => newSecret('ANALYTICS'));
  const handles = keys.map((_, i) => `tenant-${from + i}`);
  await query(
    `insert into "ApiKey" ("companyId", "roleId", kind, name, "secretHash", "lastFour")
     select c.id, 1, 'ANALYTICS', 'Bench', k.hash, k.last from unnest($1::text[], $2::bytea[], $3::text[]) as k(handle, hash, last) join "Company" c using (handle)`,
    [handles, keys.map((key) => hashSecret(key)), keys.map((key) => key.slice(-4))],
  );
  const ids = await query<{ id: string }>(
    'select c.id from unnest($1::text[]) with ordinality as k(handle, n) join "Company" c using (handle) order by n',
    [handles],
  );
  return keys.map((key, i) => ({ key, id: ids[i]?.id ?? '', products: null }));
}

/** Runs of each tenant's listed assets by its neighbours, over 30 days, in the order of time. */
async function addUsage(query: RunQuery, tenants: number, events: number): Promise<void> {
  const each = Math.floor(events / tenants);
  for (let from = 0; from < each; from += PART / tenants) {
    await query(
      `insert into "UsageEvent" (id, "sellerCompanyId", "buyerCompanyId", "assetId", at, "isSuccess", credits, "earningsCents", "elapsedMs", "rowCount")
       select uuidv7(), md5('company ' || c)::uuid, md5('company ' || (1 + (c + i % 12) % $1::int))::uuid, md5('asset ' || c || ' ' || (10 + 10 * (i % 2)))::uuid,
         now() - interval '30 days' + make_interval(secs => i::float8 / $2::int * 2592000), i % 50 <> 0, 4, 160, 20 + i * 31 % 400, 1
       from generate_series($3::int, $4::int) i, generate_series(1, $1::int) c`,
      [tenants, each, from, Math.min(from + PART / tenants, each) - 1],
    );
  }
  for (const rollup of rollups) await query(addSql(rollup, '"UsageEvent"'), []);
}

/** The files behind the assets that are run, one a seller: 20,000 rows. Made by another process, which lets go of it. */
function makeWarehouses(dir: string, ids: string[]): void {
  const root = path.join(dir, 'warehouses');
  mkdirSync(root, { recursive: true });
  const program = `import { DuckDBInstance } from '@duckdb/node-api';
    const connection = await (await DuckDBInstance.create(${JSON.stringify(path.join(root, 'bench.duckdb'))})).connect();
    await connection.run("create table sales as select i as id, 'city ' || (i % 50) as city, i * 0.25 as amount from range(20000) r(i)");
    connection.closeSync();`;
  execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname });
  for (const id of ids) copyFileSync(path.join(root, 'bench.duckdb'), path.join(root, `${id}.duckdb`));
}

/** For each tenant two listed assets over the file, one cached, and credits to buy those of others. */
async function addProducts(query: RunQuery, tenants: Tenant[]): Promise<void> {
  await query(
    `update "Connection" set settings = jsonb_build_object('path', "companyId" || '.duckdb'), "verifiedUsageAbility" = true`,
    [],
  );
  // A plan of its own: a gateway that starts sets those of the reference data back.
  await query(`insert into "Plan" (id, code, name, "monthlyRequests") values (99, 'BENCH', 'Bench', 2000000000)`, []);
  await query('update "Company" set "planId" = 99', []);
  for (const tenant of tenants) {
    await openAccounts(query, tenant.id);
    await grantCredits(query, tenant.id, CREDITS, 'For the benchmark');
    const made = { cached: newId(), uncached: newId() };
    for (const [name, id] of Object.entries(made)) {
      await query(
        `insert into "Asset" (id, "companyId", "userId", "connectionId", name, slug, source, "assetType", "topQuestions", "shortCode", "sqlLogic", "sellInMarketplace", cached, "createdAt")
         select $1::uuid, c.id, (select id from "User" where "companyId" = c.id limit 1), (select id from "Connection" where "companyId" = c.id limit 1), 'Runs ' || $3, 'runs-' || $3, 'MANUAL', 'DATA', '{}', $4,
           'select id, city, amount from sales where id < 100 order by id', true, $3 = 'cached', '2025-01-01' from "Company" c where c.id = $2::uuid`,
        [id, tenant.id, name, id.slice(-10)],
      );
      await query(
        `insert into "Price" (id, "companyId", "assetId", "amountUsd") values ($1::uuid, $2::uuid, $3::uuid, 0.50)`,
        [newId(), tenant.id, id],
      );
    }
    tenant.products = made;
  }
}

/** Fills a database that is migrated. The first `fill.tenants` of what it answers are the large ones. */
export async function fillDatabase(query: RunQuery, dir: string, fill: Fill): Promise<Tenant[]> {
  const { tenants, assetsEach, smallTenants, usage } = fill;
  await seedBulk(query, 1, tenants, assetsEach);
  if (smallTenants > 0) await seedBulk(query, tenants + 1, tenants + smallTenants, 20);
  const all = await keysOf(query, 1, tenants + smallTenants);
  if (usage > 0) {
    await addUsage(query, tenants, usage);
    makeWarehouses(
      dir,
      all.slice(0, tenants).map(({ id }) => id),
    );
    await addProducts(query, all.slice(0, tenants));
  }
  await countPopularity(query);
  await query('vacuum analyze', []);
  return all;
}
