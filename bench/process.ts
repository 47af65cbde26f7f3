/**
 * What the gateway adds to a query, and what an export costs: node bench/process.ts [--quick] [--rows=1000000]
 * On an embedded PostgreSQL of its own, through the whole gateway in process. `assetProcess` beside the bare call of the
 * same engine, by turns, for DuckDB and, where 127.0.0.1 answers, PostgreSQL (5432, user postgres) and MariaDB (3306,
 * user root): once on an asset of one's own, once bought. Then 100,000 rows exported in each format with the memory of
 * this process above what it had idle. Less than two minutes. With `--rows`, exports of so many rows and nothing else,
 * for as long as they take: the memory is to stay where it is.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { createWorld } from '../prisma/seed/world.ts';
import { openApp, openAuthenticator } from '../src/boot.ts';
import { warehouseDirectory } from '../src/database/installation.ts';
import { readConfig } from '../src/config.ts';
import { startEmbedded } from '../src/database/embedded.ts';
import { startExports } from '../src/exports/worker.ts';
import { toGlobalId } from '../src/ids.ts';
import { schema } from '../src/schema.ts';
import { createGateway } from '../src/http/server.ts';
import type { ConnectionTarget } from '../src/warehouse/engine.ts';
import { collect } from '../src/warehouse/query.ts';
import { aboutRun, goalsOf, isQuick, saveResult } from './lib/results.ts';
import { answers } from '../test/helpers/answers.ts';

const ROUNDS = isQuick ? 60 : 300;
const WARM = isQuick ? 20 : 400;
const said = process.argv.find((argument) => argument.startsWith('--rows='))?.slice(7);
const EXPORT_ROWS = said ? Number(said) : 100_000;
const RESULT_ROWS = 100;
const MAX_MS = said ? 900_000 : 110_000;
/** The numbers of the engines in the reference data. */
const ENGINES = { duckdb: 57, postgres: 48, mysql: 50 };

const name = `bench_${process.pid}`;
const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-process-'));
const server = await startEmbedded(path.join(dir, 'pg'));
const config = readConfig({
  DATABASE_URL: server.url,
  DATA_DIR: dir,
  SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
  LOG_LEVEL: 'silent',
  ALLOW_PRIVATE_CONNECTIONS: '127.0.0.0/8',
});
const app = await openApp(config, server.url);
const auth = await openAuthenticator(app);
const gateway = createGateway(app, schema, auth, () => '');
const world = createWorld(app.database);
const cleanUps: (() => Promise<unknown>)[] = [];

async function ask<T>(key: string, query: string, variables: Record<string, unknown>): Promise<T> {
  const response = await gateway.fetch('http://gateway/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

interface Contestant {
  driver: keyof typeof ENGINES;
  settings: Record<string, unknown>;
  sql: string;
}

const columns = (i: string): string => `${i} as id, 'city ' || (${i} % 50) as city, ${i} * 0.25 as amount`;

/** The warehouses that this machine offers, each with a table of 20,000 rows. */
async function contestants(): Promise<Contestant[]> {
  const root = warehouseDirectory(config);
  mkdirSync(root, { recursive: true });
  const statements = [
    `create table sales as select ${columns('i')} from range(20000) r(i)`,
    `create table large as select ${columns('i')}, date '2020-01-01' + (i % 2000)::integer as day, 'a text with, some "quotes" and more than a few letters ' || i as note, i / 7.0::double as ratio from range(${EXPORT_ROWS}) r(i)`,
  ];
  // In a process of its own: a DuckDB in this one would count as its memory.
  const program = `import { DuckDBInstance } from '@duckdb/node-api';
    const connection = await (await DuckDBInstance.create(${JSON.stringify(path.join(root, 'bench.duckdb'))})).connect();
    for (const statement of ${JSON.stringify(statements)}) await connection.run(statement);
    connection.closeSync();`;
  execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname });
  const sql = `select id, city, amount from sales where id < ${RESULT_ROWS} order by id`;
  const found: Contestant[] = [{ driver: 'duckdb', settings: { path: 'bench.duckdb' }, sql }];
  const login = { host: '127.0.0.1', username: name, password: name, tls: 'DISABLED' };
  if (await answers(5432)) {
    const admin = new pg.Client({ host: '127.0.0.1', user: 'postgres', database: 'postgres' });
    await admin.connect();
    await admin.query(`create role ${name} login password '${name}'; create schema ${name};
      create table ${name}.sales as select ${columns('i')} from generate_series(0, 19999) i; create index on ${name}.sales (id);
      grant usage on schema ${name} to ${name}; grant select on ${name}.sales to ${name}`);
    cleanUps.push(
      () => admin.query(`drop schema ${name} cascade; drop role ${name}`),
      () => admin.end(),
    );
    found.push({
      driver: 'postgres',
      settings: { ...login, database: 'postgres' },
      sql: sql.replace('sales', `${name}.sales`),
    });
  }
  if (await answers(3306)) {
    const admin = await mysql.createConnection({ host: '127.0.0.1', user: 'root', multipleStatements: true });
    await admin.query(`create database ${name}; create user '${name}'@'%' identified by '${name}'; grant select on ${name}.* to '${name}'@'%';
      create table ${name}.sales (id int primary key, city varchar(20), amount decimal(10, 2));
      insert into ${name}.sales with recursive r(i) as (select 0 union all select i + 1 from r where i < 999) select i, concat('city ', i % 50), i * 0.25 from r`);
    cleanUps.push(
      () => admin.query(`drop database ${name}; drop user '${name}'@'%'`),
      () => admin.end(),
    );
    found.push({ driver: 'mysql', settings: { ...login, database: name }, sql });
  }
  return found;
}

const quantile = (sorted: number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
/** The rows of both tables, and what the goals are about. */
const runs: string[] = [];
const exported: string[] = [];
const added: { driver: string; ms: number }[] = [];
const above: number[] = [];
const cell = (value: number, digits = 2): string => value.toFixed(digits).padStart(9);

const PROCESS = `mutation ($input: AssetProcessInput!) { assetProcess(input: $input) { run { status outcome { ... on DataResult { table { values rowCount } } ... on RunFailure { code message } } } userErrors { code message } } }`;
interface Processed {
  assetProcess: { run: { status: string; outcome: { table: { rowCount: number } } } | null; userErrors: unknown[] };
}

async function measure(
  contestant: Contestant,
  keys: { seller: string; buyer: string },
  sellerId: string,
): Promise<void> {
  const { driver, settings, sql } = contestant;
  const connection = await world.connection(sellerId, { engineId: ENGINES[driver], settings: settings as object });
  const asset = await world.asset(sellerId, {
    connectionId: connection.id,
    assetType: 'DATA',
    sqlLogic: sql,
    sellInMarketplace: true,
  });
  await world.price(sellerId, { assetId: asset.id }, '0.50');
  const engine = app.engines.get(driver);
  const target: ConnectionTarget = { key: `bench-${driver}`, settings };
  const limits = { timeoutMs: config.RUN_TIMEOUT_MS, maxRows: config.RUN_MAX_ROWS, maxBytes: config.RUN_MAX_BYTES };
  const signal = new AbortController().signal;
  const bare = async (): Promise<number> =>
    (await collect(engine, target, { sql, values: [] }, limits, { onExcess: 'fail' }, signal)).rowCount;
  const run = (key: string) => async (): Promise<number> => {
    const { run: made, userErrors } = (
      await ask<Processed>(key, PROCESS, { input: { assetId: toGlobalId('Asset', asset.id) } })
    ).assetProcess;
    if (made?.status !== 'SUCCEEDED') throw new Error(JSON.stringify(userErrors.length > 0 ? userErrors : made));
    return made.outcome.table.rowCount;
  };
  const ways = { bare, own: run(keys.seller), bought: run(keys.buyer) };
  const times: Record<keyof typeof ways, number[]> = { bare: [], own: [], bought: [] };
  const order = Object.keys(ways) as (keyof typeof ways)[];
  for (let round = -WARM; round < ROUNDS; round++) {
    for (let i = 0; i < order.length; i++) {
      const way = order[(i + round + WARM) % order.length] ?? 'bare';
      const start = performance.now();
      const rows = await ways[way]();
      if (rows !== RESULT_ROWS) throw new Error(`${driver}, ${way}: ${rows} rows instead of ${RESULT_ROWS}.`);
      if (round >= 0) times[way].push(performance.now() - start);
    }
  }
  const sorted = (way: keyof typeof ways): number[] => times[way].toSorted((a, b) => a - b);
  const [b50, b95] = [quantile(sorted('bare'), 0.5), quantile(sorted('bare'), 0.95)];
  for (const way of order) {
    const [p50, p95] = [quantile(sorted(way), 0.5), quantile(sorted(way), 0.95)];
    runs.push(
      `| ${driver} | ${way} | ${p50.toFixed(2)} | ${p95.toFixed(2)} | ${way === 'bare' ? '' : (p50 - b50).toFixed(2)} | ${way === 'bare' ? '' : (p95 - b95).toFixed(2)} |`,
    );
    if (way !== 'bare') added.push({ driver: `${driver}, ${way}`, ms: p50 - b50 });
    console.log(
      `${driver.padEnd(10)}${way.padEnd(8)}${cell(p50)}${cell(p95)}${way === 'bare' ? '' : cell(p50 - b50) + cell(p95 - b95)}`,
    );
  }
}

const rss = (): number => process.memoryUsage.rss() / 1024 / 1024;

async function exportAll(key: string, sellerId: string): Promise<void> {
  const connection = await world.connection(sellerId, { engineId: ENGINES.duckdb, settings: { path: 'bench.duckdb' } });
  const names = { id: 'BIGINT', city: 'STRING', amount: 'DECIMAL', day: 'DATE', note: 'STRING', ratio: 'FLOAT' };
  const endpoint = await world.endpoint(sellerId, connection.id, {
    sourceTableName: 'large',
    endpointSchema: { columns: Object.entries(names).map(([column, type]) => ({ name: column, type })) },
    exportEnabled: true,
    maxRecordsPerExport: EXPORT_ROWS,
  });
  await startExports(app);
  for (const format of ['CSV', 'JSONL', 'PARQUET', 'CSV']) {
    await wait(500);
    globalThis.gc?.();
    const idle = rss();
    let peak = idle;
    const watch = setInterval(() => (peak = Math.max(peak, rss())), 5);
    const { endpointExport } = await ask<{ endpointExport: { export: { id: string } } }>(
      key,
      'mutation ($input: EndpointExportInput!) { endpointExport(input: $input) { export { id } } }',
      { input: { endpointId: toGlobalId('Endpoint', endpoint.id), format } },
    );
    const id = Buffer.from(endpointExport.export.id, 'base64url').toString().split(':')[1] ?? '';
    let row;
    do {
      await wait(50);
      row = await app.database.prisma.export.findUniqueOrThrow({ where: { id } });
    } while (['QUEUED', 'RUNNING'].includes(row.status));
    clearInterval(watch);
    if (row.rowCount !== EXPORT_ROWS)
      throw new Error(`The export came to ${row.status} with ${row.rowCount} rows: ${row.errorMessage}`);
    const waited = (row.startedAt?.getTime() ?? 0) - row.createdAt.getTime();
    const took = (row.finishedAt?.getTime() ?? 0) - (row.startedAt?.getTime() ?? 0);
    exported.push(
      `| ${format} | ${took} | ${((row.rowCount / took) * 1000).toFixed(0)} | ${idle.toFixed(0)} | ${peak.toFixed(0)} | ${(peak - idle).toFixed(0)} |`,
    );
    if (format !== 'PARQUET') above.push(peak - idle);
    console.log(
      `${format.padEnd(10)}${cell(waited, 0)}${cell(took, 0)}${cell((row.rowCount / took) * 1000, 0)}${cell(Number(row.byteCount) / 1024 / 1024)}${cell(idle, 0)}${cell(peak, 0)}${cell(peak - idle, 0)}`,
    );
  }
}

async function finish(): Promise<void> {
  for (const cleanUp of cleanUps) await cleanUp().catch((error: unknown) => console.error(error));
  await auth.close();
  await app.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}

const late = setTimeout(() => {
  console.error(`The benchmark took longer than ${MAX_MS / 1000} s and is given up.`);
  void finish().finally(() => process.exit(1));
}, MAX_MS);

try {
  console.log(`${os.cpus().length} × ${os.cpus()[0]?.model}, Node ${process.version}`);
  const seller = await world.company({ handle: 'seller' });
  const buyer = await world.company({ handle: 'buyer', credits: 100_000 });
  const keys = {
    seller: (await world.apiKey(seller.id, 'OWNER')).secret,
    buyer: (await world.apiKey(buyer.id, 'OWNER')).secret,
  };
  await app.database.query(`update "Plan" set "monthlyRequests" = 2000000000`, []);
  // The file of DuckDB is made with them.
  const found = await contestants();
  console.log(
    `\nExport of ${EXPORT_ROWS} rows of 6 columns; waited and took in ms, file and memory of this process in MiB`,
  );
  console.log('format       waited     took   rows/s     file     idle     peak    above');
  await exportAll(keys.seller, seller.id);
  if (!said) {
    console.log(`\nassetProcess beside the bare engine, ${RESULT_ROWS} rows, ${ROUNDS} rounds by turns, ms`);
    console.log('engine    way           p50      p95    + p50    + p95');
    for (const contestant of found) await measure(contestant, keys, seller.id);
    const most = added.toSorted((a, b) => b.ms - a.ms)[0];
    const own = added.filter(({ driver }) => driver.endsWith('own')).toSorted((a, b) => b.ms - a.ms)[0];
    const ways = `most for ${most?.driver}; ${own?.ms.toFixed(2)} ms where nothing is paid`;
    const isAdded = (bound: number): boolean => (most?.ms ?? Infinity) <= bound;
    const memory = Math.max(...above);
    saveResult('process', {
      about: aboutRun(),
      markdown: `\`assetProcess\` beside the bare call of the same engine, ${RESULT_ROWS} rows, ${ROUNDS} rounds by turns, ms.

| engine | way | p50 | p95 | p50 more | p95 more |
|---|---|---|---|---|---|
${runs.join('\n')}

Export of ${EXPORT_ROWS} rows of 6 columns; memory of the whole process in MiB.

| format | ms | rows/s | idle | peak | above |
|---|---|---|---|---|---|
${exported.join('\n')}`,
      goals: goalsOf({
        added: most && { measured: `${most.ms.toFixed(2)} ms`, isMet: isAdded(5), why: ways },
        addedShare: most && {
          measured: `${most.ms.toFixed(1)} %`,
          isMet: isAdded(15),
          why: 'the same milliseconds on 100',
        },
        rows: {
          measured: `${memory.toFixed(0)} MiB`,
          isMet: memory < 64,
          why: 'the most of all CSV and JSONL exports',
        },
      }),
      claims: [['a run adds to its query, p50', `${most?.ms.toFixed(1)} ms (${most?.driver})`]],
    });
  }
} finally {
  clearTimeout(late);
  await finish();
}
