import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Connection, ConnectionConfiguration, Request } from 'tedious';
import { EngineError } from './engine.ts';
import type { ParameterValue, Stage } from './engine.ts';
import { isPublicAddress, openGuardedSocket } from './guarded-socket.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { orAbort } from './lifecycle.ts';
import { tlsFailure } from './network-settings.ts';
import type { Pooled } from './pool.ts';
import type { Tedious } from './sqlserver-driver.ts';
import type { SqlserverSettings } from './sqlserver-settings.ts';
import { scrub } from './wire.ts';

const LOGIN_MS = 15_000;
const CANCEL_MS = 3_000;
/** Servers of a cloud send their clients on once; a few times are borne. */
const MAX_HOPS = 4;
/** Errors that one statement may have: the driver copies them all with each. */
const MAX_ERRORS = 50;
const PACKET_SIZES = [512, 32_767] as const;
/** What a login, or a statement of our own, may be answered with. */
const OWN_BYTES = 1024 * 1024;
/** What is still read of a query that was stopped. */
const REST_BYTES = 256 * 1024;
const SHORT_TEXT = 4000;

/** The parts of the driver's connection that its types leave out. */
interface Inner {
  closed: boolean;
  createTokenStreamParser(message: unknown, handler: Handler): EventEmitter;
}
interface Handler {
  onPacketSizeChange(token: { newValue: number }): void;
  onErrorMessage(token: { number: number }): void;
}

/** Numbers of login errors, with what is wrong and what to do. */
const LOGIN_ERRORS: [numbers: number[], message: string, hint: string][] = [
  [[4060, 4064], 'The database does not exist for this user.', 'Check its name and that this user may open it.'],
  [
    [40615, 40914, 47073],
    "The server's firewall does not let the gateway in.",
    "Add the gateway's address to the firewall rules of the server.",
  ],
  [
    [18487, 18488],
    'The password has expired.',
    'Give the user a new password, best one that does not expire, and enter it here.',
  ],
  [
    [18456, 18452, 18470, 18486],
    'The database refused the user name or the password.',
    'Check the user name and the password, and that the server allows SQL Server authentication.',
  ],
];

/** What a value is bound as. One length for all short texts, so that the server keeps one plan and not one a length. */
export function kindOf(value: ParameterValue): 'Bit' | 'Int' | 'BigInt' | 'Float' | 'Text' | 'LongText' {
  if (typeof value === 'boolean') return 'Bit';
  if (typeof value !== 'number') return value === null || value.length <= SHORT_TEXT ? 'Text' : 'LongText';
  if (!Number.isSafeInteger(value)) return 'Float';
  return value === (value | 0) ? 'Int' : 'BigInt';
}

function chain(error: unknown): unknown[] {
  const found: unknown[] = [];
  for (let at = error; at instanceof Error && found.length < 6; at = at.cause) found.push(at);
  return found;
}

/** What went wrong while logging in, in words that hold no secret. */
function loginError(error: unknown, numbers: number[], settings: SqlserverSettings): EngineError {
  const causes = chain(error);
  const known = causes.find((cause) => cause instanceof EngineError);
  if (known) return known;
  const more = (stage: Stage, hint: string) => ({ stage, hint, cause: error });
  for (const cause of causes) {
    const tls = tlsFailure(cause);
    if (tls) return tls;
  }
  const message = error instanceof Error ? error.message : 'The login failed.';
  if (message.includes('Server did not negotiate encryption')) {
    const hint = 'Switch encryption on in the server, or set tls to DISABLED where the network itself is safe.';
    return new EngineError('CONNECTION_FAILED', 'The server does not offer TLS.', more('TLS', hint));
  }
  if (message.includes('Server requires encryption'))
    return new EngineError('CONNECTION_FAILED', 'The server wants TLS.', more('TLS', 'Set tls to REQUIRED.'));
  for (const [among, said, hint] of LOGIN_ERRORS) {
    if (numbers.some((number) => among.includes(number)))
      return new EngineError('CONNECTION_FAILED', said, more('LOGIN', hint));
  }
  const text = scrub(message, [settings.password, settings.host, settings.username]);
  return new EngineError('CONNECTION_FAILED', text, more('LOGIN', 'Check that this is a SQL Server and its settings.'));
}

/** A logged-in connection to SQL Server. */
export class SqlserverSession implements Pooled {
  dead = false;
  private readonly tedious: Tedious;
  private readonly settings: SqlserverSettings;
  private readonly policy: NetworkPolicy;
  private readonly connection: Connection;
  private socket: Socket | null = null;
  private hops = 0;
  private left = OWN_BYTES;
  private onExcess: (() => void) | null = null;
  private readonly loginErrors: number[] = [];
  /** Settles when the server has let go of what runs here. */
  private idle: Promise<unknown> = Promise.resolve();

  private constructor(tedious: Tedious, settings: SqlserverSettings, policy: NetworkPolicy, signal: AbortSignal) {
    this.tedious = tedious;
    this.settings = settings;
    this.policy = policy;
    this.connection = new tedious.Connection(this.configuration(signal));
    this.connection.on('error', () => this.destroy());
    this.connection.on('end', () => {
      this.dead = true;
    });
    this.distrust();
  }

  /** Connects through a guarded socket and logs in. @throws EngineError CONNECTION_FAILED with its stage */
  static async open(
    tedious: Tedious,
    settings: SqlserverSettings,
    policy: NetworkPolicy,
    signal: AbortSignal,
  ): Promise<SqlserverSession> {
    const session = new SqlserverSession(tedious, settings, policy, signal);
    try {
      await orAbort(
        new Promise<void>((resolve, reject) => {
          session.connection.connect((error) => {
            if (error) reject(error);
            else resolve();
          });
        }),
        signal,
      );
      if (session.dead) throw new Error('The server ended the connection.');
    } catch (error) {
      session.destroy();
      throw signal.aborted ? signal.reason : loginError(error, session.loginErrors, settings);
    }
    return session;
  }

  private configuration(signal: AbortSignal): ConnectionConfiguration {
    const { settings } = this;
    // Also called for the host that a server sends the gateway on to, which its types do not say.
    const connector = (to?: { host: string; port: number }): Promise<Socket> => this.dial(to, signal);
    return {
      server: settings.host.replace(/^\[|\]$/g, ''),
      authentication: { type: 'default', options: { userName: settings.username, password: settings.password } },
      options: {
        port: settings.port,
        database: settings.database,
        connector: connector as () => Promise<Socket>,
        encrypt: settings.tls,
        trustServerCertificate: settings.trustServerCertificate,
        ...(settings.sslRootCert === null ? {} : { cryptoCredentialsDetails: { ca: settings.sslRootCert } }),
        readOnlyIntent: true,
        appName: 'spartera-gateway',
        workstationId: 'gateway',
        connectTimeout: LOGIN_MS,
        cancelTimeout: CANCEL_MS,
        // The gateway keeps the time itself.
        requestTimeout: 0,
        maxRetriesOnTransientErrors: 0,
        useUTC: true,
      },
    };
  }

  private async dial(to: { host: string; port: number } | undefined, signal: AbortSignal): Promise<Socket> {
    const { settings } = this;
    const isSentOn = ++this.hops > 1;
    try {
      if (this.hops > MAX_HOPS)
        throw new EngineError('CONNECTION_FAILED', 'It goes on from host to host.', { stage: 'LOGIN' });
      const socket = await openGuardedSocket(to?.host ?? settings.host, to?.port ?? settings.port, this.policy, signal);
      if ((!settings.tls || settings.trustServerCertificate) && isPublicAddress(socket.remoteAddress ?? '')) {
        socket.destroy();
        throw new EngineError('CONNECTION_FAILED', 'On the public internet the certificate is always verified.', {
          stage: 'TLS',
          hint: 'Leave tls and trustServerCertificate out: otherwise anybody on the way can read the password.',
        });
      }
      this.socket = socket;
      // Paused, so that no byte is counted before the driver reads too.
      socket.pause();
      socket.on('data', (data: Buffer) => this.count(data.length));
      return socket;
    } catch (error) {
      if (!isSentOn || !(error instanceof EngineError)) throw error;
      throw new EngineError('CONNECTION_FAILED', `The server sends its clients to another host. ${error.message}`, {
        stage: 'LOGIN',
        hint: error.hint ?? 'Give the host and port that it ends at.',
        cause: error.cause,
      });
    }
  }

  private count(bytes: number): void {
    this.left -= bytes;
    if (this.left >= 0 || this.dead) return;
    this.onExcess?.();
    this.destroy();
  }

  /** How much the server may send from now on; beyond it the connection ends. */
  private allow(bytes: number, onExcess: (() => void) | null = null): void {
    this.left = bytes;
    this.onExcess = onExcess;
  }

  /** The driver believes what a server says: some of it would keep this process busy without end. */
  private distrust(): void {
    const inner = this.connection as unknown as Inner;
    const create = inner.createTokenStreamParser.bind(inner);
    inner.createTokenStreamParser = (message, handler) => {
      const [resize, fail] = [handler.onPacketSizeChange.bind(handler), handler.onErrorMessage.bind(handler)];
      let errors = 0;
      handler.onPacketSizeChange = (token) => {
        const [least, most] = PACKET_SIZES;
        if (!(token.newValue >= least && token.newValue <= most)) throw new Error('There is no such packet size.');
        resize(token);
      };
      handler.onErrorMessage = (token) => {
        if (++errors > MAX_ERRORS) throw new Error('The server reports too many errors.');
        if (this.loginErrors.length < MAX_ERRORS) this.loginErrors.push(token.number);
        fail(token);
      };
      const parser = create(message, handler);
      // What was read before the connection ended is parsed to its end, and that would throw where nobody catches.
      const emit = parser.emit.bind(parser);
      parser.emit = (event: string, ...more: unknown[]) => !inner.closed && emit(event, ...more);
      return parser;
    };
  }

  /** A request and the end of it: what it came to, an error or null. Nothing is sent before `send`. */
  private request(sql: string): { request: Request; done: Promise<Error | null> } {
    let settle: (error: Error | null) => void = () => undefined;
    const done = new Promise<Error | null>((resolve) => {
      settle = resolve;
    });
    this.idle = done;
    return { request: new this.tedious.Request(sql, (error) => settle(error ?? null)), done };
  }

  /** Runs a statement of our own whose rows, if any, nobody reads. */
  async batch(sql: string): Promise<void> {
    this.allow(OWN_BYTES);
    const { request, done } = this.request(sql);
    this.connection.execSqlBatch(request);
    const error = await done;
    if (error) throw error;
  }

  /** Starts a statement; `listen` gets its request before it is sent. A server that sends more than `bytes` is left. */
  start(
    sql: string,
    values: ParameterValue[],
    limit: { bytes: number; onExcess: () => void },
    listen: (request: Request) => void,
  ): Promise<Error | null> {
    this.allow(limit.bytes, limit.onExcess);
    const { request, done } = this.request(sql);
    for (const [i, value] of values.entries()) this.bind(request, `p${i + 1}`, value);
    listen(request);
    this.connection.execSql(request);
    return done;
  }

  /** Starts a text without values, as it is: not in the server's procedure, of which no plan is shown. */
  startBatch(
    sql: string,
    limit: { bytes: number; onExcess: () => void },
    listen: (request: Request) => void,
  ): Promise<Error | null> {
    this.allow(limit.bytes, limit.onExcess);
    const { request, done } = this.request(sql);
    listen(request);
    this.connection.execSqlBatch(request);
    return done;
  }

  private bind(request: Request, name: string, value: ParameterValue): void {
    const { TYPES } = this.tedious;
    const kind = kindOf(value);
    if (kind === 'LongText') request.addParameter(name, TYPES.NVarChar, value);
    else if (kind === 'Text') request.addParameter(name, TYPES.NVarChar, value, { length: SHORT_TEXT });
    else request.addParameter(name, TYPES[kind], value);
  }

  /** Makes the session as clean as a new one; what was written is undone. */
  async reset(): Promise<void> {
    await this.batch('IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION');
    const done = new Promise<void>((resolve, reject) => {
      this.connection.reset((error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    this.idle = done.catch(() => undefined);
    await done;
  }

  /**
   * Asks the server to stop what runs here, and waits, not long, until it lets go. Where much is on its way already, the
   * connection ends: a new one costs less than reading that.
   */
  async cancel(): Promise<void> {
    this.allow(Math.min(this.left, REST_BYTES), this.onExcess);
    this.connection.cancel();
    await this.idle;
  }

  hold(alive: boolean): void {
    if (alive) this.socket?.ref();
    else this.socket?.unref();
  }

  destroy(): void {
    this.dead = true;
    this.socket?.on('error', () => undefined);
    this.connection.close();
    this.socket?.destroy();
  }
}
