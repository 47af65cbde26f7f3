import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { openApp } from '../../src/boot.ts';
import { readConfig } from '../../src/config.ts';
import { startEmbedded } from '../../src/database/embedded.ts';
import { fillDatabase, type Fill } from './fill.ts';

export interface Tenant {
  id: string;
  key: string;
  /** Assets to run, where there are some: ids of the database. */
  products: { cached: string; uncached: string } | null;
}

/** What the servers are measured on. */
export interface Bench {
  url: string;
  dir: string;
  /** Companies with many rows, each with a key of its own. */
  tenants: Tenant[];
  /** Those and the small ones. */
  everyTenant: Tenant[];
  version: string;
  /** CPU that all processes of the database server have used so far, in ms. */
  cpuMs(): number;
  stop(): Promise<void>;
}

export const serverEnvironment = (url: string, dir: string): Record<string, string> => ({
  DATABASE_URL: url,
  DATA_DIR: dir,
  SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
  PORT: '0',
  // Measured with all that is on where it runs in earnest.
  METRICS_TOKEN: 'measured with metrics on',
  // Counted as ever, and never used up: the load is of a few keys.
  COST_BUDGET: '1000000000',
  COST_RESTORE: '1000000000',
});

/** CPU ticks (10 ms each) of a process and of its children that have ended. */
function ticks(pid: number | string): { parent: number; used: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return { parent: fields[1] ?? 0, used: [11, 12, 13, 14].reduce((sum, i) => sum + (fields[i] ?? 0), 0) };
  } catch {
    return null;
  }
}

/** CPU of one process in ms. */
export const processCpuMs = (pid: number): number => (ticks(pid)?.used ?? 0) * 10;

const memory = (pid: number, name: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

/** The memory that a process has, in MiB. */
export const memoryOf = (pid: number): number => memory(pid, 'VmRSS');
/** The most memory that a process had since it was last forgotten, in MiB. */
export const peakMemory = (pid: number): number => memory(pid, 'VmHWM');
export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');

function serverCpuMs(postmaster: number): number {
  let sum = ticks(postmaster)?.used ?? 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const found = ticks(pid);
    if (found?.parent === postmaster) sum += found.used;
  }
  return sum * 10;
}

/** A PostgreSQL that the benchmarks may fill: one of its own, or the one that DATABASE_URL names. */
interface Cluster {
  url: string;
  /** The process whose children are the server's. */
  postmaster: number;
  stop(): Promise<void>;
}

/** The server of DATABASE_URL. It has to run on this machine, as its CPU is read from /proc. */
async function foreignCluster(url: string): Promise<Cluster> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const postmaster = ticks(rows[0]?.pid ?? 0)?.parent;
  await client.end();
  if (!postmaster)
    throw new Error('The server of DATABASE_URL has to run on this machine: its CPU is read from /proc.');
  return { url, postmaster, stop: async () => {} };
}

async function ownCluster(dir: string): Promise<Cluster> {
  // Room for the pools of all servers at once takes effect with a restart.
  const first = await startEmbedded(path.join(dir, 'pg'));
  const client = new pg.Client({ connectionString: first.url });
  await client.connect();
  await client.query('alter system set max_connections = 200');
  await client.end();
  await first.stop();
  const { url, dir: home, stop } = await startEmbedded(path.join(dir, 'pg'));
  const postmaster = Number(readFileSync(path.join(home, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  return { url, postmaster, stop };
}

async function statement(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/**
 * One database for each `fill`, filled and migrated, on an embedded PostgreSQL in a temporary directory or on the one that
 * DATABASE_URL names, where they are dropped in the end.
 */
export async function openBenches(fills: Fill[]): Promise<Bench[]> {
  if (!existsSync('/proc/self/stat')) throw new Error('CPU is read from /proc: the benchmarks need Linux.');
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  // So that PostgreSQL, which runs as another user where we are root, gets at it, and nothing lies elsewhere afterwards.
  chmodSync(dir, 0o755);
  const given = process.env['DATABASE_URL'];
  const cluster = given ? await foreignCluster(given) : await ownCluster(dir);
  const names = fills.map((_, i) => `bench_${process.pid}_${i}`);
  const stop = async (): Promise<void> => {
    if (given) for (const name of names) await statement(cluster.url, `drop database if exists ${name} with (force)`);
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void stop().finally(() => process.exit(1)));
  try {
    const benches: Bench[] = [];
    for (const [i, fill] of fills.entries()) {
      await statement(cluster.url, `create database ${names[i]}`);
      const url = new URL(cluster.url);
      url.pathname = `/${names[i]}`;
      const env = { ...serverEnvironment(url.href, dir), LOG_LEVEL: 'silent' };
      const app = await openApp(readConfig(env), url.href);
      const all = await fillDatabase(app.database.query, dir, fill);
      const [about] = await app.database.query<{ version: string }>('select version()', []);
      await app.close();
      benches.push({
        url: url.href,
        dir,
        tenants: all.slice(0, fill.tenants),
        everyTenant: all,
        version: about?.version.split(' on ')[0] ?? '',
        cpuMs: () => serverCpuMs(cluster.postmaster),
        stop,
      });
    }
    return benches;
  } catch (error) {
    await stop();
    throw error;
  }
}

export async function openBench(fill: Fill): Promise<Bench> {
  const [bench] = await openBenches([fill]);
  if (!bench) throw new Error('No database was made.');
  return bench;
}
