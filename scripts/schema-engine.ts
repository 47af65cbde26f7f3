#!/usr/bin/env node
/* oxlint-disable typescript/no-explicit-any -- what the CLI and the engine say to each other has no types */
// Stand-in for Prisma's native `schema-engine`, which the CLI can only download (PRISMA_SCHEMA_ENGINE_BINARY points here).
// It speaks the CLI's JSON-RPC over stdio and answers with the same engine compiled to WebAssembly
// (npm: @prisma/schema-engine-wasm) over @prisma/adapter-pg. Without `--datasource` it works on a throw-away database.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { startEmbedded } from '../src/database/embedded.ts';

const wasmDir = path.dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'));
const args = process.argv.slice(2);
const option = (flag: string) => args.flatMap((a, i) => (a === flag ? [args[i + 1]!] : []));
let panic: string | undefined;
(globalThis as any).PRISMA_WASM_PANIC_REGISTRY = {
  set_message: (m: string) => {
    panic = m;
  },
};
// A panic in WebAssembly surfaces as an uncaught exception: answer the request in hand, so the CLI prints it and fails.
let current: number | undefined;
process.on('uncaughtException', (e) => {
  const message = panic ?? e.stack ?? String(e);
  if (current !== undefined)
    send({
      id: current,
      error: { code: 4466, message, data: { is_panic: false, message, error_code: null, meta: null } },
    });
});

if (args.includes('--version')) {
  console.log(`schema-engine-wasm ${JSON.parse(readFileSync(path.join(wasmDir, 'package.json'), 'utf8')).version}`);
  process.exit(0);
}

function send(m: object) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...m })}\n`);
}
const cleanup: (() => Promise<unknown>)[] = [];
let exiting = false;
async function exit(code: number) {
  if (exiting) return;
  exiting = true;
  for (const step of cleanup.reverse()) await step().catch(() => {});
  process.exit(code);
}

// The CLI closes stdin and at once sends SIGTERM: drop the scratch databases and stop the server all the same.
process.on('SIGTERM', () => void exit(0));

const datasourceUrl: string | undefined = JSON.parse(option('--datasource')[0] ?? '{}').url;
async function serverUrl() {
  if (datasourceUrl) return datasourceUrl;
  const dir = mkdtempSync(path.join(tmpdir(), 'schema-engine-'));
  cleanup.push(async () => rmSync(dir, { recursive: true, force: true }));
  const server = await startEmbedded(dir, { database: 'postgres', durable: false });
  cleanup.push(async () => rmSync(server.dir, { recursive: true, force: true }));
  cleanup.push(() => server.stop());
  return server.url;
}

/** prisma/orm#27403: adapter-pg rejects the catalog types "char", "char"[] and name[], which introspection reads. */
const CHAR = 18;
const asText: Record<number, number> = { [CHAR]: 25, 1002: 1009, 1003: 1009 };
const charColumns = new WeakMap<object, number[]>();
class CatalogPool extends pg.Pool {
  override async query(...a: any[]): Promise<any> {
    const r = await (super.query as any)(...a);
    if (r?.fields) {
      charColumns.set(
        r.rows,
        r.fields.flatMap((f: pg.FieldDef, i: number) => (f.dataTypeID === CHAR ? [i] : [])),
      );
      for (const f of r.fields) f.dataTypeID = asText[f.dataTypeID] ?? f.dataTypeID;
    }
    return r;
  }
}
async function connectTo(connectionString: string) {
  const pool = new CatalogPool({ connectionString, max: 2 });
  pool.on('error', () => {});
  const adapter = await new PrismaPg(pool, { disposeExternalPool: true }).connect();
  // The adapter would cut a script at every semicolon, those within functions too.
  adapter.executeScript = async (script) => void (await pool.query(script));
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    for (const i of charColumns.get(result.rows) ?? []) result.columnTypes[i] = ColumnTypeEnum.Character;
    return result;
  };
  return adapter;
}

async function scratchDatabase(server: string) {
  const name = `prisma_shadow_${randomUUID()}`;
  const sql = async (text: string) => {
    const c = new pg.Client({ connectionString: server });
    await c.connect();
    try {
      await c.query(text);
    } finally {
      await c.end();
    }
  };
  await sql(`CREATE DATABASE "${name}"`);
  cleanup.push(() => sql(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return connectTo(url.href);
}

let engine: Promise<any> | undefined;
function getEngine() {
  return (engine ??= (async () => {
    const bg = await import('@prisma/schema-engine-wasm/schema_engine_bg');
    const { instance } = await WebAssembly.instantiate(readFileSync(path.join(wasmDir, 'schema_engine_bg.wasm')), {
      './schema_engine_bg.js': bg as any,
    });
    bg.__wbg_set_wasm(instance.exports);
    (instance.exports as any).__wbindgen_start();
    const server = await serverUrl();
    const factory = bindMigrationAwareSqlAdapterFactory({
      provider: 'postgres',
      adapterName: 'schema-engine',
      connect: () => (datasourceUrl ? connectTo(server) : scratchDatabase(server)),
      connectToShadowDb: () => scratchDatabase(server),
    });
    const datamodels = option('--datamodels').map((f): [string, string] => [f, readFileSync(f, 'utf8')]);
    return bg.SchemaEngine.new({ datamodels: datamodels.length ? datamodels : undefined }, () => {}, factory);
  })());
}

const cli = args.indexOf('cli');
if (cli >= 0) {
  // `can-connect-to-database` and `create-database`
  const url = new URL(datasourceUrl!);
  const database = decodeURIComponent(url.pathname.slice(1));
  if (args[cli + 1] === 'create-database') url.pathname = '/postgres';
  try {
    const c = new pg.Client({ connectionString: url.href });
    await c.connect();
    if (args[cli + 1] === 'create-database') await c.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
    await c.end();
  } catch (e: any) {
    const [message, error_code] =
      e.code === '3D000' ? [`Database \`${database}\` does not exist.`, 'P1003'] : [e.message || e.code, 'P1001'];
    const line = (level: string, fields: object) =>
      `${JSON.stringify({ level, fields, target: 'schema_engine::logger' })}\n`;
    // The CLI drops the first line of stderr.
    process.stderr.write(line('INFO', { message: 'schema-engine' }) + line('ERROR', { message, error_code }));
    await exit(1);
  }
  await exit(0);
}

let nextId = 1e6;
/**
 * The WebAssembly engine can replay migrations in a shadow database from devDiagnostic, not from the two methods that
 * `migrate dev` calls next, which only find the result in its cache: so make sure that it is there.
 */
async function warmed(p: any) {
  const e = await getEngine();
  await e.devDiagnostic({ migrationsList: p.migrationsList, filters: p.filters });
  return e;
}
const methods: Record<string, (params: any) => Promise<unknown>> = {
  getDatabaseVersion: async (p) => (await getEngine()).version(p),
  evaluateDataLoss: async (p) => (await warmed(p)).evaluateDataLoss(p),
  createMigration: async (p) => (await warmed(p)).createMigration(p),
  createDatabase: async () => ({ databaseName: decodeURIComponent(new URL(datasourceUrl!).pathname.slice(1)) }),
  async diff(p) {
    const { stdout, ...result } = await (await getEngine()).diff(p);
    if (stdout != null) send({ id: nextId++, method: 'print', params: { content: stdout } });
    return { ...result, stdout: null };
  },
};
let queue = Promise.resolve();
readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const m = JSON.parse(line);
    if (!m.method) return; // the CLI's answer to `print`
    queue = queue.then(async () => {
      current = m.id;
      try {
        const call = methods[m.method] ?? (async (p: any) => (await getEngine())[m.method](p));
        send({ id: m.id, result: (await call(m.params)) ?? {} });
      } catch (e: any) {
        const message = panic ?? e?.message ?? String(e);
        send({
          id: m.id,
          error: {
            code: 4466,
            message,
            data: { is_panic: false, message, error_code: e?.code ?? null, meta: e?.meta ?? null },
          },
        });
      }
    });
  })
  .on('close', () => {
    queue = queue.then(() => exit(0));
  });
