import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';

const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/usr/libexec'];
const found = (name: string): string | undefined =>
  places.map((place) => join(place, name)).find((file) => existsSync(file));
const [server, installer] = [found('mariadbd'), found('mariadb-install-db')];

/** Whether this machine can run a MariaDB of our own. */
export const hasMariadb = server !== undefined && installer !== undefined;

/** A MariaDB that nobody else uses: it may be driven to its end and started again. */
export interface MariadbServer {
  directory: string;
  /** Connects, after starting the server where it is down. */
  connect(): Promise<mysql.Connection>;
  stop(): Promise<void>;
}

/** Makes an empty server in a temporary directory, reached over a socket file. */
export async function mariadbServer(): Promise<MariadbServer> {
  const directory = await mkdtemp(join(tmpdir(), 'mariadb-'));
  const common = ['--no-defaults', `--datadir=${join(directory, 'data')}`, `--user=${userInfo().username}`];
  const socketPath = join(directory, 's');
  await promisify(execFile)(installer ?? '', [...common, '--auth-root-authentication-method=normal', '--skip-test-db']);
  let child: ChildProcess | null = null;
  const isDown = (): boolean => child === null || child.exitCode !== null || child.signalCode !== null;
  return {
    directory,
    connect: async () => {
      for (let tries = 0; ; tries++) {
        if (isDown()) {
          const options = ['--skip-networking', `--socket=${socketPath}`, '--skip-stack-trace'];
          child = spawn(server ?? '', [...common, ...options, '--innodb-buffer-pool-size=16M'], { stdio: 'ignore' });
        }
        try {
          return await mysql.createConnection({
            socketPath,
            user: 'root',
            multipleStatements: true,
            rowsAsArray: true,
          });
        } catch (error) {
          if (tries > 1000) throw error;
          await sleep(100);
        }
      }
    },
    stop: async () => {
      if (!isDown() && child?.kill('SIGKILL')) await once(child, 'exit');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
