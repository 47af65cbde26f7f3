import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { EngineError } from './engine.ts';
import { LOGIN_BYTES, tooMuch, watchFlood } from './flood.ts';
import { openGuardedSocket } from './guarded-socket.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { orAbort } from './lifecycle.ts';
import { silenceFailure, tlsFailure } from './network-settings.ts';
import type { NetworkSettings } from './network-settings.ts';
import type { Pooled } from './pool.ts';
import { isRedshiftVersion } from './postgres-redshift.ts';
import { scrub } from './wire.ts';

const LOGIN_MS = 15_000;
const OTHER_SERVER = 'Check that this is a PostgreSQL server and its settings.';
const CANCEL_MS = 3_000;

/** The part of pg's client that its types leave out. */
interface Inner {
  processID: number;
  secretKey: number | Buffer;
  connection: EventEmitter & { stream: Socket };
}

/** What a server tells of itself at the login. */
interface ServerParameter {
  parameterName: string;
  parameterValue: string;
}

function certificates(settings: NetworkSettings): ConnectionOptions {
  return settings.sslRootCert === null ? {} : { ca: settings.sslRootCert };
}

function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** What went wrong while logging in, in words that hold no secret. */
function loginError(error: unknown, settings: NetworkSettings): unknown {
  if (error instanceof EngineError) return error;
  const known = tlsFailure(error) ?? silenceFailure(error, settings, OTHER_SERVER);
  if (known) return known;
  const code = errorCode(error);
  const more = { stage: 'LOGIN', cause: error } as const;
  if (code === '28P01' || code === '28000') {
    const hint = 'Check the user name and the password, and that this user may connect from the gateway.';
    return new EngineError('CONNECTION_FAILED', 'The database refused the user name or the password.', {
      ...more,
      hint,
    });
  }
  if (code === '3D000') {
    return new EngineError('CONNECTION_FAILED', 'The database does not exist.', { ...more, hint: 'Check its name.' });
  }
  const message = error instanceof Error ? error.message : 'The login failed.';
  return new EngineError('CONNECTION_FAILED', scrub(message, [settings.password, settings.host]), {
    ...more,
    hint: OTHER_SERVER,
  });
}

/** A logged-in connection to PostgreSQL. */
export class PostgresSession implements Pooled {
  dead = false;
  /** Bytes that came from the server since the owner set it to 0. */
  received = 0;
  /** Called after more bytes came. */
  onData: (() => void) | null = null;
  readonly client: pg.Client;
  /** Set by the login. */
  isRedshift = false;
  private readonly settings: NetworkSettings;
  private readonly policy: NetworkPolicy;

  private constructor(client: pg.Client, settings: NetworkSettings, policy: NetworkPolicy) {
    this.client = client;
    this.settings = settings;
    this.policy = policy;
    this.inner.connection.on('parameterStatus', ({ parameterName, parameterValue }: ServerParameter) => {
      if (parameterName === 'server_version') this.isRedshift = isRedshiftVersion(parameterValue);
    });
    client.on('error', () => this.destroy());
    client.on('end', () => {
      this.dead = true;
    });
  }

  /** Connects through a guarded socket and logs in. @throws EngineError CONNECTION_FAILED with its stage */
  static async open(settings: NetworkSettings, policy: NetworkPolicy, signal: AbortSignal): Promise<PostgresSession> {
    const socket = await openGuardedSocket(settings.host, settings.port, policy, signal);
    // The socket is connected already, to an address that was checked: pg only has to be told so.
    socket.connect = () => {
      process.nextTick(() => socket.emit('connect'));
      return socket;
    };
    const client = new pg.Client({
      host: bareHost(settings.host),
      port: settings.port,
      database: settings.database,
      user: settings.username,
      // As a function, so that neither the environment nor a file of this machine stands in for an empty one.
      password: () => settings.password,
      ssl: settings.tls ? { rejectUnauthorized: true, ...certificates(settings) } : false,
      stream: () => socket,
      connectionTimeoutMillis: LOGIN_MS,
      application_name: 'spartera-gateway',
    });
    const session = new PostgresSession(client, settings, policy);
    const flood = new AbortController();
    const both = AbortSignal.any([signal, flood.signal]);
    const unwatch = watchFlood(
      () => socket.bytesRead,
      LOGIN_BYTES,
      () => flood.abort(tooMuch()),
    );
    try {
      await orAbort(client.connect(), both);
    } catch (error) {
      session.destroy();
      throw signal.aborted ? signal.reason : loginError(error, settings);
    } finally {
      unwatch();
    }
    session.inner.connection.stream.on('data', (data: Buffer) => {
      session.received += data.length;
      session.onData?.();
    });
    return session;
  }

  private get inner(): Inner {
    return this.client as unknown as Inner;
  }

  hold(alive: boolean): void {
    const { stream } = this.inner.connection;
    if (alive) stream.ref();
    else stream.unref();
  }

  destroy(): void {
    this.dead = true;
    this.inner.connection.stream.on('error', () => undefined);
    this.inner.connection.stream.destroy();
  }

  /** Asks the server, on another guarded socket, to stop what runs here; gives up quietly. */
  async cancel(): Promise<void> {
    const signal = AbortSignal.timeout(CANCEL_MS);
    try {
      const { settings } = this;
      const raw = await openGuardedSocket(settings.host, settings.port, this.policy, signal);
      raw.on('error', () => undefined);
      const timer = setTimeout(() => raw.destroy(), CANCEL_MS);
      const socket = settings.tls ? await this.secure(raw, signal) : raw;
      socket.on('error', () => undefined);
      socket.end(this.cancelRequest());
      // The server closes the connection when it has passed the request on.
      await new Promise<void>((resolve) => {
        socket.once('close', () => resolve());
        socket.resume();
      });
      clearTimeout(timer);
      raw.destroy();
    } catch {
      // The caller ends the connection in any case.
    }
  }

  private cancelRequest(): Buffer {
    const { processID, secretKey } = this.inner;
    const key = typeof secretKey === 'number' ? Buffer.alloc(4) : secretKey;
    if (typeof secretKey === 'number') key.writeInt32BE(secretKey);
    const head = Buffer.alloc(12);
    head.writeInt32BE(12 + key.length, 0);
    head.writeInt32BE(80_877_102, 4);
    head.writeInt32BE(processID, 8);
    return Buffer.concat([head, key]);
  }

  private async secure(raw: Socket, signal: AbortSignal): Promise<Socket> {
    raw.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
    const answer = await orAbort(new Promise<Buffer>((resolve) => raw.once('data', resolve)), signal);
    if (answer.toString() !== 'S') throw new Error('no TLS');
    const host = bareHost(this.settings.host);
    const socket = connectTls({
      socket: raw,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...certificates(this.settings),
    });
    await orAbort(
      new Promise<void>((resolve, reject) => {
        socket.once('secureConnect', resolve);
        socket.once('error', reject);
      }),
      signal,
    );
    return socket;
  }
}
