import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { apartDirectory, canReach, serverUser } from '../src/database/embedded-programs.ts';
import { startEmbedded, type Embedded } from '../src/database/embedded.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const script = path.join(import.meta.dirname, 'helpers/embedded-child.ts');
const made: string[] = [];
const children: Child[] = [];

interface Child {
  process: ChildProcess;
  told: Partial<Embedded> & { error?: string };
}

/** A directory that the server's user can reach. */
function directory(mode = 0o755): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'embedded-'));
  chmodSync(dir, mode);
  made.push(dir);
  return dir;
}

/** The place apart of a directory that the server's user cannot reach. */
function placeApart(dir: string): string {
  const place = path.join(
    '/var/tmp',
    `spartera-gateway-data-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`,
  );
  made.push(place);
  return place;
}

/** Another process that starts the database or attaches to it. */
async function child(dir: string, uid?: number): Promise<Child> {
  const one = spawn(process.execPath, [script, dir, ...(uid === undefined ? [] : [String(uid)])], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
  });
  const [line] = (await once(readline.createInterface({ input: one.stdout }), 'line')) as [string];
  const found = { process: one, told: JSON.parse(line) as Child['told'] };
  children.push(found);
  return found;
}

async function end({ process: one }: Child, how: 'stop' | 'SIGKILL'): Promise<void> {
  const exited = one.exitCode === null ? once(one, 'exit') : null;
  if (how === 'stop') one.stdin?.end('stop\n');
  else one.kill(how);
  await exited;
}

async function sql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

const postmaster = (home: string): number =>
  Number(readFileSync(path.join(home, 'data/postmaster.pid'), 'utf8').split('\n')[0]);

afterEach(async () => {
  for (const one of children.splice(0)) {
    if (one.process.exitCode === null && one.process.signalCode === null) await end(one, 'stop');
  }
});
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

describe('the embedded database works', () => {
  it('starts on an empty directory, listens on a socket alone, and keeps its data', async () => {
    const dir = path.join(directory(), 'deep', 'postgres');
    const first = await startEmbedded(dir, { durable: false });
    expect([first.dir, first.host]).toEqual([dir, path.join(dir, 'run')]);
    const [settings] = await sql(
      first.url,
      `select current_setting('listen_addresses') as listen, current_setting('TimeZone') as zone, current_setting('server_encoding') as encoding, current_database() as name`,
    );
    expect(settings).toEqual({ listen: '', zone: 'UTC', encoding: 'UTF8', name: 'app' });
    expect(statSync(path.join(dir, 'data')).mode & 0o077).toBe(0);
    await sql(first.url, 'create table kept as select 7 as value');
    await first.stop();
    await expect(sql(first.url, 'select 1')).rejects.toThrow();
    expect(readdirSync(path.join(dir, 'users'))).toEqual([]);
    const again = await startEmbedded(dir, { durable: false });
    expect(await sql(again.url, 'select value from kept')).toEqual([{ value: 7 }]);
    await again.stop();
  });

  it('takes a directory whose name a shell would read otherwise', async () => {
    const dir = path.join(directory(), 'my $HOME "data" `x`');
    const server = await startEmbedded(dir, { durable: false });
    expect(await sql(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await server.stop();
  });

  it('puts the socket elsewhere where the path is too long for one', async () => {
    const dir = path.join(directory(), 'x'.repeat(60), 'y'.repeat(60));
    const server = await startEmbedded(dir, { durable: false });
    made.push(server.host);
    expect(server.dir).toBe(dir);
    expect(server.host).toMatch(/\/sg-[0-9a-f]{16}$/);
    expect(statSync(server.host).mode & 0o077).toBe(0);
    expect(await sql(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await server.stop();
  });

  it('takes the directory that another process has made and not yet handed to the server’s user', async () => {
    const dir = path.join(directory(), 'postgres');
    mkdirSync(dir, { mode: 0o700 });
    const server = await startEmbedded(dir, { durable: false });
    expect(server.dir).toBe(dir);
    await server.stop();
  });

  it('is started once by processes that come at the same time; the last to leave stops it', async () => {
    const dir = path.join(directory(), 'postgres');
    const all = await Promise.all([child(dir), child(dir), child(dir)]);
    expect(all.map(({ told }) => told.error)).toEqual([undefined, undefined, undefined]);
    const url = all[0]?.told.url ?? '';
    expect(new Set(all.map(({ told }) => told.url)).size).toBe(1);
    for (const one of all) {
      expect(await sql(url, 'select 1 as one')).toEqual([{ one: 1 }]);
      await end(one, 'stop');
    }
    await expect(sql(url, 'select 1')).rejects.toThrow();
  });

  it('is started once where one process asks for it twice', async () => {
    const dir = path.join(directory(), 'postgres');
    const [a, b] = await Promise.all([
      startEmbedded(dir, { durable: false }),
      sleep(20).then(() => startEmbedded(dir, { durable: false })),
    ]);
    expect(a.url).toBe(b.url);
    expect(readdirSync(dir).filter((name) => name.startsWith('data'))).toEqual(['data']);
    await a.stop();
  });

  it('is attached to while it runs, and stays when the process that started it leaves first', async () => {
    const dir = path.join(directory(), 'postgres');
    const first = await child(dir);
    const second = await startEmbedded(dir);
    expect(second.url).toBe(first.told.url);
    const server = postmaster(dir);
    await end(first, 'stop');
    expect(await sql(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    const third = await child(dir);
    await second.stop();
    expect([postmaster(dir), await sql(second.url, 'select 1 as one')]).toEqual([server, [{ one: 1 }]]);
    await end(third, 'stop');
    await expect(sql(second.url, 'select 1')).rejects.toThrow();
  });
});

describe('the embedded database recovers', () => {
  it('from kill -9 of the process that started it: the next one takes the server over', async () => {
    const dir = path.join(directory(), 'postgres');
    const first = await child(dir);
    await sql(first.told.url ?? '', 'create table kept as select 1 as value');
    const before = postmaster(dir);
    await end(first, 'SIGKILL');
    const next = await startEmbedded(dir);
    expect(postmaster(dir)).toBe(before);
    expect(await sql(next.url, 'select value from kept')).toEqual([{ value: 1 }]);
    await next.stop();
    await expect(sql(next.url, 'select 1')).rejects.toThrow();
  });

  it('from kill -9 of the server in the middle of work: what was committed is there, the rest is not', async () => {
    const dir = path.join(directory(), 'postgres');
    const first = await startEmbedded(dir);
    await sql(first.url, 'create table kept as select 1 as value');
    const open = new pg.Client({ connectionString: first.url });
    open.on('error', () => {});
    await open.connect();
    await open.query('begin');
    await open.query('insert into kept values (2)');
    process.kill(postmaster(dir), 'SIGKILL');
    const next = await startEmbedded(dir);
    expect(await sql(next.url, 'select value from kept')).toEqual([{ value: 1 }]);
    await open.end().catch(() => {});
    await next.stop();
  });

  it('from a directory that was half made', async () => {
    const dir = path.join(directory(), 'postgres');
    mkdirSync(path.join(dir, 'data'), { recursive: true });
    const server = await startEmbedded(dir, { durable: false });
    expect(await sql(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await server.stop();
  });

  it('or says why it does not start, with the end of its log', async () => {
    const dir = path.join(directory(), 'postgres');
    const server = await startEmbedded(dir, { durable: false });
    await server.stop();
    rmSync(path.join(dir, 'data/global/pg_control'));
    await expect(startEmbedded(dir)).rejects.toThrow(/does not start on .*postgres[^]*pg_control[^]*set DATABASE_URL/);
  });
});

describe.runIf(isRoot)('the embedded database as root (skipped where the tests are not)', () => {
  it('keeps its data apart from a directory that its user cannot reach, the same again the next time', async () => {
    const dir = path.join(directory(0o700), 'postgres');
    const place = placeApart(dir);
    const first = await startEmbedded(dir, { durable: false });
    expect(first.dir.startsWith(place)).toBe(true);
    expect(statSync(place).uid).toBe(0);
    expect(statSync(first.dir).uid).toBe(serverUser().uid);
    await sql(first.url, 'create table kept as select 7 as value');
    await first.stop();
    const again = await startEmbedded(dir, { durable: false });
    expect(again.dir).toBe(first.dir);
    expect(await sql(again.url, 'select value from kept')).toEqual([{ value: 7 }]);
    await again.stop();
    const otherDir = path.join(directory(0o700), 'postgres');
    const other = placeApart(otherDir);
    expect(apartDirectory('data', otherDir)).toBe(other);
    expect(other).not.toBe(place);
  });

  it('runs as another user, who owns the data', async () => {
    const dir = path.join(directory(), 'postgres');
    const server = await startEmbedded(dir, { durable: false });
    const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${postmaster(dir)}/status`, 'utf8'))?.[1]);
    expect(uid).toBe(serverUser().uid);
    expect(uid).not.toBe(0);
    expect(statSync(path.join(dir, 'data')).uid).toBe(uid);
    await server.stop();
  });

  it('refuses a place apart that somebody else laid out', () => {
    const name = randomUUID();
    const place = path.join(
      '/var/tmp',
      `spartera-gateway-trap-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`,
    );
    made.push(place);
    symlinkSync(directory(), place);
    expect(() => apartDirectory('trap', name)).toThrow(/belongs to somebody else/);
  });

  it('judges by the mode bits of every parent', () => {
    const dir = directory(0o711);
    const user = { uid: NOBODY, gid: NOBODY };
    expect(canReach(path.join(dir, 'a/b'), user)).toBe(true);
    chmodSync(dir, 0o700);
    expect(canReach(path.join(dir, 'a/b'), user)).toBe(false);
    expect(canReach(path.join(dir, 'a/b'), {})).toBe(true);
  });

  const canRead =
    canReach(script, { uid: NOBODY, gid: NOBODY }) && canReach(process.execPath, { uid: NOBODY, gid: NOBODY });
  it.runIf(canRead)('needs no root: the same as nobody (skipped where nobody cannot read the checkout)', async () => {
    const dir = path.join(directory(0o777), 'postgres');
    const one = await child(dir, NOBODY);
    expect(one.told).toMatchObject({ dir });
    expect(statSync(path.join(dir, 'data')).uid).toBe(NOBODY);
    await end(one, 'stop');
  });
});
