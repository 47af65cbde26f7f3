import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { seedBulk } from '../../prisma/seed/bulk.ts';
import { openApp } from '../../src/boot.ts';
import { readConfig } from '../../src/config.ts';
import { startEmbedded } from '../../src/embedded.ts';
import { hashSecret, newSecret } from '../../src/secrets.ts';

export const TENANTS = 50;

/** What the servers are measured on. */
export interface Bench {
  url: string;
  dir: string;
  /** Companies, each with a key of its own. */
  tenants: { id: string; key: string }[];
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

/** The most memory a process ever had, in MiB. */
export function peakMemory(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

function serverCpuMs(dir: string): number {
  const postmaster = Number(readFileSync(path.join(dir, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  let sum = ticks(postmaster)?.used ?? 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const found = ticks(pid);
    if (found?.parent === postmaster) sum += found.used;
  }
  return sum * 10;
}

/** A PostgreSQL of its own in a temporary directory: migrated, with reference data and 50 tenants of bulk data. */
export async function openBench(): Promise<Bench> {
  if (!existsSync('/proc/self/stat')) throw new Error('CPU is read from /proc: the benchmarks need Linux.');
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  // So that PostgreSQL, which runs as another user where we are root, gets at it, and nothing lies elsewhere afterwards.
  chmodSync(dir, 0o755);
  let server = await startEmbedded(path.join(dir, 'pg'));
  try {
    const app = await openApp(readConfig({ ...serverEnvironment(server.url, dir), LOG_LEVEL: 'silent' }), server.url);
    const { query } = app.database;
    const tenants: Bench['tenants'] = [];
    await seedBulk(query, 1, TENANTS);
    for (let n = 1; n <= TENANTS; n++) {
      const key = newSecret('ANALYTICS');
      const [row] = await query<{ id: string }>(
        `insert into "ApiKey" ("companyId", "roleId", kind, name, "secretHash", "lastFour") select id, 1, 'ANALYTICS', 'Bench', $2, $3 from "Company" where handle = $1 returning "companyId" as id`,
        [`tenant-${n}`, hashSecret(key), key.slice(-4)],
      );
      tenants.push({ id: row?.id ?? '', key });
    }
    // Room for the pools of all servers at once; takes effect with the restart.
    await query('alter system set max_connections = 150', []);
    await query('vacuum analyze', []);
    const [about] = await query<{ version: string }>('select version()', []);
    await app.close();
    await server.stop();
    server = await startEmbedded(path.join(dir, 'pg'));
    return {
      url: server.url,
      dir,
      tenants,
      version: about?.version.split(' on ')[0] ?? '',
      cpuMs: () => serverCpuMs(server.dir),
      async stop() {
        await server.stop();
        rmSync(dir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}
