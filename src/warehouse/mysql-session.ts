import type { Socket } from 'node:net';
import type { Connection, ConnectionOptions, FieldPacket } from 'mysql2';
import { EngineError } from './engine.ts';
import { LOGIN_BYTES, tooMuch, watchFlood } from './flood.ts';
import { openGuardedSocket } from './guarded-socket.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { orAbort } from './lifecycle.ts';
import { silenceFailure, tlsFailure } from './network-settings.ts';
import type { NetworkSettings } from './network-settings.ts';
import type { Pooled } from './pool.ts';
import { scrub } from './wire.ts';

const LOGIN_MS = 15_000;
const OTHER_SERVER = 'Check that this is a MySQL or MariaDB server and its settings.';
const CANCEL_MS = 3_000;

async function driver(): Promise<typeof import('mysql2')> {
  try {
    return (await import('mysql2')).default;
  } catch (error) {
    throw new EngineError('DRIVER_MISSING', 'The package mysql2 is not installed.', {
      hint: 'Install mysql2@^3.24 to use MySQL and MariaDB connections.',
      cause: error,
    });
  }
}

/** What went wrong while logging in, in words that hold no secret. */
function loginError(error: unknown, settings: NetworkSettings): unknown {
  if (error instanceof EngineError) return error;
  const known = tlsFailure(error) ?? silenceFailure(error, settings, OTHER_SERVER);
  if (known) return known;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const more = { stage: 'LOGIN', cause: error } as const;
  if (
    code.startsWith('ER_ACCESS_DENIED') ||
    code === 'ER_NOT_SUPPORTED_AUTH_MODE' ||
    code === 'ER_HOST_NOT_PRIVILEGED'
  ) {
    const hint = 'Check the user name and the password, and that this user may connect from the gateway.';
    return new EngineError('CONNECTION_FAILED', 'The database refused the user name or the password.', {
      ...more,
      hint,
    });
  }
  if (code === 'ER_BAD_DB_ERROR' || code === 'ER_DBACCESS_DENIED_ERROR') {
    const hint = 'Check its name and that this user may read it.';
    return new EngineError('CONNECTION_FAILED', 'The database does not exist for this user.', { ...more, hint });
  }
  const message = error instanceof Error ? error.message : 'The login failed.';
  return new EngineError('CONNECTION_FAILED', scrub(message, [settings.password, settings.host]), {
    ...more,
    hint: OTHER_SERVER,
  });
}

/** A logged-in connection to MySQL or MariaDB. */
export class MysqlSession implements Pooled {
  dead = false;
  /** Bytes that came from the server in all. */
  get received(): number {
    return this.stream.bytesRead;
  }
  readonly connection: Connection;
  /** MariaDB sets times in seconds and by another name. */
  isMariaDb = false;
  private readonly socket: Socket;
  private readonly settings: NetworkSettings;
  private readonly policy: NetworkPolicy;

  /** The socket, or the TLS socket around it; the driver's types leave it out. */
  private get stream(): Socket {
    return (this.connection as unknown as { stream: Socket }).stream;
  }

  private constructor(connection: Connection, socket: Socket, settings: NetworkSettings, policy: NetworkPolicy) {
    this.connection = connection;
    this.socket = socket;
    this.settings = settings;
    this.policy = policy;
    connection.on('error', () => this.destroy());
    socket.on('close', () => {
      this.dead = true;
    });
  }

  /** Connects through a guarded socket and logs in. @throws EngineError CONNECTION_FAILED with its stage */
  static async open(settings: NetworkSettings, policy: NetworkPolicy, signal: AbortSignal): Promise<MysqlSession> {
    const mysql = await driver();
    const socket = await openGuardedSocket(settings.host, settings.port, policy, signal);
    const options: ConnectionOptions = {
      host: settings.host.replace(/^\[|\]$/g, ''),
      port: settings.port,
      database: settings.database,
      user: settings.username,
      password: settings.password,
      stream: () => socket,
      connectTimeout: LOGIN_MS,
      charset: 'utf8mb4',
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      jsonStrings: true,
      rowsAsArray: true,
      disableEval: true,
      multipleStatements: false,
      flags: ['-LOCAL_FILES', '-MULTI_STATEMENTS'],
      // Without verifyIdentity the driver takes a certificate for any host.
      ...(settings.tls
        ? {
            ssl: {
              rejectUnauthorized: true,
              verifyIdentity: true,
              ...(settings.sslRootCert === null ? {} : { ca: settings.sslRootCert }),
            },
          }
        : {}),
    };
    const connection = mysql.createConnection(options);
    const session = new MysqlSession(connection, socket, settings, policy);
    const flood = new AbortController();
    const both = AbortSignal.any([signal, flood.signal]);
    const unwatch = watchFlood(
      () => socket.bytesRead,
      LOGIN_BYTES,
      () => flood.abort(tooMuch()),
    );
    try {
      await orAbort(session.ready(), both);
      await orAbort(session.prepare(), both);
    } catch (error) {
      session.destroy();
      throw signal.aborted ? signal.reason : loginError(error, settings);
    } finally {
      unwatch();
    }
    return session;
  }

  private ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.connection.once('error', reject);
      this.connection.connect((error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Sets what every query takes for granted; needed again after a reset. */
  private async prepare(): Promise<void> {
    const [[version]] = [await this.query('SELECT VERSION()')];
    this.isMariaDb = /mariadb/i.test(String(version?.[0]));
    // Text is read as the guard reads it: backslashes escape and double quotes make strings.
    await this.query(`SET SESSION time_zone = '+00:00', sql_mode = TRIM(BOTH ',' FROM REGEXP_REPLACE(
      CONCAT(',', @@sql_mode, ','), ',(ANSI|ANSI_QUOTES|NO_BACKSLASH_ESCAPES|ORACLE|MSSQL|DB2|MAXDB|POSTGRESQL)(?=,)', ''))`);
  }

  /** Runs a statement of our own and gives its rows back as arrays. */
  query(sql: string): Promise<unknown[][]> {
    return new Promise((resolve, reject) => {
      this.connection.query(
        { sql, rowsAsArray: true },
        (error: Error | null, rows: unknown, _fields: FieldPacket[]) => {
          if (error) reject(error);
          else resolve(Array.isArray(rows) ? (rows as unknown[][]) : []);
        },
      );
    });
  }

  /** Makes the session as clean as a new one. */
  async reset(): Promise<void> {
    await this.query('ROLLBACK');
    await new Promise<void>((resolve, reject) => {
      this.connection.reset((error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    await this.prepare();
  }

  hold(alive: boolean): void {
    if (alive) this.stream.ref();
    else this.stream.unref();
  }

  destroy(): void {
    this.dead = true;
    this.socket.on('error', () => undefined);
    this.connection.destroy();
    this.socket.destroy();
  }

  /** Asks the server, on a second connection, to stop what runs here; gives up quietly. */
  async cancel(): Promise<void> {
    const id = this.connection.threadId;
    if (this.dead || !Number.isInteger(id)) return;
    const signal = AbortSignal.timeout(CANCEL_MS);
    let other: MysqlSession | null = null;
    try {
      other = await MysqlSession.open(this.settings, this.policy, signal);
      await orAbort(other.query(`KILL QUERY ${id}`), signal);
    } catch {
      // The caller ends the connection in any case.
    } finally {
      other?.destroy();
    }
  }
}
