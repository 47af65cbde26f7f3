import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { apartDirectory, canReach, findPrograms, serverUser, type ServerUser } from './embedded-programs.ts';

const run = promisify(execFile);
const PORT = 5432;
/** The longest path that a Unix socket may have, without the final zero. */
const SOCKET_PATH_MAX = 107;

/** A private PostgreSQL that listens on a Unix socket only. */
export interface Embedded {
  url: string;
  /** The directory of the socket, as `psql -h` takes it. */
  host: string;
  /** Where the data lie: `dir`, or a place apart where the server's user cannot reach it. */
  dir: string;
  /** Lets go of the server; the last process that does stops it. */
  stop(): Promise<void>;
}

function ownedDirectory(dir: string, user: ServerUser): string {
  // Only the last part is private: the server's user has to get there.
  mkdirSync(path.dirname(dir), { recursive: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (user.uid !== undefined && user.gid !== undefined) chownSync(dir, user.uid, user.gid);
  return dir;
}

/** Whether it is root's own, but at a place that the server's user reaches: another process has just made it. */
function isHandedOver(dir: string, user: ServerUser): boolean {
  return statSync(dir, { throwIfNoEntry: false })?.uid === 0 && canReach(dir, user);
}

/** `dir/run`, or a short directory of the same owner where that path is too long for a socket. */
function socketDirectory(dir: string, user: ServerUser): string {
  const near = path.join(dir, 'run');
  if (`${near}/.s.PGSQL.${PORT}`.length <= SOCKET_PATH_MAX) return ownedDirectory(near, user);
  const short = path.join(os.tmpdir(), `sg-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`);
  mkdirSync(short, { recursive: true, mode: 0o700 });
  const stat = lstatSync(short);
  const mine = user.uid ?? process.getuid?.();
  if (!stat.isDirectory() || (mine !== undefined && ![0, mine].includes(stat.uid))) {
    throw new Error(
      `${short} should hold the database's socket but belongs to somebody else: remove it or choose a shorter DATA_DIR.`,
    );
  }
  return ownedDirectory(short, user);
}

async function connect(host: string): Promise<pg.Client | null> {
  const client = new pg.Client({ host, port: PORT, user: 'app', database: 'postgres' });
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    const code = (error as NodeJS.ErrnoException).code ?? '';
    // 57P03: the server is starting up or shutting down.
    if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', '57P03'].includes(code)) return null;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The processes that use a server, each with a file of its name: whoever started it may well leave before others. */
function usersOf(home: string, user: ServerUser) {
  const dir = ownedDirectory(path.join(home, 'users'), user);
  return {
    join(): void {
      writeFileSync(path.join(dir, String(process.pid)), '');
    },
    /** Answers whether nobody else is left; one that was killed counts no more. */
    leave(): boolean {
      rmSync(path.join(dir, String(process.pid)), { force: true });
      const gone = readdirSync(dir).filter((pid) => !isAlive(Number(pid)));
      for (const pid of gone) rmSync(path.join(dir, pid), { force: true });
      return readdirSync(dir).length === 0;
    },
  };
}

/**
 * Starts the embedded PostgreSQL on `dir`, made on first use, or attaches to the one that runs on it already.
 * `durable: false` gives up safety against a crash of the machine for speed, for tests.
 * @throws Error that says what to do where the server does not come up.
 */
export async function startEmbedded(
  dir: string,
  options: { database?: string; durable?: boolean } = {},
): Promise<Embedded> {
  const { database = 'app', durable = true } = options;
  const user = serverUser();
  const wanted = path.resolve(dir);
  // Within the place apart, which stays root's own, as it is checked each time.
  const home =
    canReach(path.join(wanted, 'data'), user) || isHandedOver(wanted, user)
      ? wanted
      : path.join(apartDirectory('data', wanted), 'postgres');
  ownedDirectory(home, user);
  const users = usersOf(home, user);
  users.join();
  const host = socketDirectory(home, user);
  const data = path.join(home, 'data');
  const log = path.join(home, 'postgres.log');
  const { initdb, pgCtl } = findPrograms(user);
  const environment = { ...user, cwd: home, env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } };

  if (!existsSync(path.join(data, 'PG_VERSION'))) {
    const half = `${data}.${randomUUID()}`;
    const flags = [
      '--auth=trust',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-sync',
      '--no-instructions',
    ];
    await run(initdb, ['-D', half, '-U', 'app', ...flags], environment);
    const settings = [
      "listen_addresses = ''",
      'max_connections = 60',
      "shared_buffers = '128MB'",
      "timezone = 'UTC'",
      'jit = off',
    ];
    if (!durable) settings.push('fsync = off', 'synchronous_commit = off', 'full_page_writes = off');
    writeFileSync(path.join(half, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
    try {
      renameSync(half, data);
    } catch (error) {
      rmSync(half, { recursive: true, force: true });
      if (!existsSync(path.join(data, 'PG_VERSION'))) throw error;
    }
  }

  let admin = await connect(host);
  if (!admin) {
    // Another process may win the race to start it, and a server that was killed leaves its lock for a moment: so wait
    // for whoever's server it will be, and try again. Relative paths, for pg_ctl hands them to a shell.
    const socket = `-k "${host.replace(/[\\"$`]/g, '\\$&')}" -p ${PORT}`;
    let failure: unknown;
    for (let tries = 0; !admin && tries < 100; tries++) {
      if (tries % 10 === 0) {
        const start = run(
          pgCtl,
          ['-D', 'data', '-w', '-t', '60', '-l', 'postgres.log', '-o', socket, 'start'],
          environment,
        );
        failure = await start.then(
          () => null,
          (error: unknown) => error,
        );
      }
      admin = await connect(host);
      if (!admin) await sleep(50);
    }
    if (!admin) {
      users.leave();
      const tail = existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(-6).join('\n') : '';
      throw new Error(
        `The embedded PostgreSQL does not start on ${home}. Its log ends:\n${tail}\nRemove the directory to begin anew, or set DATABASE_URL.`,
        { cause: failure },
      );
    }
  }
  try {
    const { rowCount } = await admin.query('select 1 from pg_database where datname = $1', [database]);
    if (!rowCount) await admin.query(`create database ${pg.escapeIdentifier(database)}`);
  } catch (error) {
    // 42P04, 23505: another process made it in the meantime.
    if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error;
  } finally {
    await admin.end();
  }

  return {
    host,
    dir: home,
    url: `postgresql://app@localhost/${encodeURIComponent(database)}?host=${encodeURIComponent(host)}`,
    async stop() {
      if (!users.leave()) return;
      await run(pgCtl, ['-D', data, '-m', 'fast', '-w', 'stop'], environment).catch((error: unknown) => {
        // Two that leave at the same moment may both be the last.
        if (existsSync(path.join(data, 'postmaster.pid'))) throw error;
      });
    },
  };
}
