/** A server that speaks TDS 7.4 on 127.0.0.1: it lets users in, hands their statements over, and stops when told to. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { byteChange, done, error, loginAck, packets, prelogin, STOPPED, textChange } from './tds-tokens.ts';

const BATCH = 1;
const RPC = 3;
const ANSWER = 4;
const ATTENTION = 6;
const LOGIN = 16;
const PRELOGIN = 18;
const SP_EXECUTESQL = 10;
const RESET = 8;

/** A client's login as it came. */
export interface TdsLogin {
  username: string;
  password: string;
  database: string;
  application: string;
  host: string;
  isReadOnly: boolean;
  isEncrypted: boolean;
}

/** A statement, its values by name, and the way to answer. */
export interface TdsRequest {
  sql: string;
  values: Record<string, unknown>;
  /** Memory of the session that a reset wipes. */
  session: Map<string, unknown>;
  /** Aborts when the client asks to stop, or leaves. */
  signal: AbortSignal;
  /** Sends tokens; resolves when the client has room for more. */
  send(...tokens: Buffer[]): Promise<void>;
  /** Sends bytes that are no packets of ours. */
  sendRaw(bytes: Buffer): void;
  /** Breaks the connection off. */
  drop(): void;
}

export interface TdsOptions {
  /** What a statement is answered with; the message ends when it settles. */
  answer: (request: TdsRequest) => Promise<void> | void;
  /** Tokens in place of the usual answer to a login. */
  login?: (login: TdsLogin) => Buffer | null;
  /** What the server says about encryption: 1 with a certificate, else 2. */
  encryption?: number;
  tls?: { key: string; cert: string };
  /** Bytes in place of the answer to the first packet. */
  greeting?: (socket: Socket) => void;
  /** Whether it never answers a client that asks to stop. */
  isDeaf?: boolean;
}

export interface TdsServer {
  port: number;
  logins: TdsLogin[];
  /** Statements in the order in which they came, those of the driver too. */
  statements: string[];
  /** Their values by name. */
  values: Record<string, unknown>[];
  /** How often a client asked to stop, and to wipe its session. */
  attentions: number;
  resets: number;
  /** Connections that are open now. */
  readonly open: number;
  close(): Promise<void>;
}

const ucs2 = (bytes: Buffer): string => bytes.toString('utf16le');

function readLogin(data: Buffer, isEncrypted: boolean): TdsLogin {
  const at = (offset: number): Buffer => {
    const start = data.readUInt16LE(offset);
    return data.subarray(start, start + data.readUInt16LE(offset + 2) * 2);
  };
  const plain = Buffer.from(at(44)).map((byte) => {
    const bits = byte ^ 0xa5;
    return ((bits << 4) & 0xf0) | (bits >> 4);
  });
  return {
    host: ucs2(at(36)),
    username: ucs2(at(40)),
    password: ucs2(Buffer.from(plain)),
    application: ucs2(at(48)),
    database: ucs2(at(68)),
    isReadOnly: ((data[26] ?? 0) & 0x20) !== 0,
    isEncrypted,
  };
}

/** The values of a call of sp_executesql, the statement first. */
function readCall(data: Buffer): { sql: string; values: Record<string, unknown> } {
  let at = data.readUInt32LE(0);
  const take = (count: number): Buffer => data.subarray(at, (at += count));
  if (take(2).readUInt16LE() !== 0xffff || take(2).readUInt16LE() !== SP_EXECUTESQL)
    throw new Error('no sp_executesql');
  take(2);
  const found: [string, unknown][] = [];
  while (at < data.length) {
    const name = ucs2(take((take(1)[0] ?? 0) * 2));
    take(1);
    const type = take(1)[0];
    if (type === 0xe7) {
      const isLong = take(2).readUInt16LE() === 0xffff;
      take(5);
      found.push([name, isLong ? readLong(take) : readShort(take)]);
      continue;
    }
    take(1);
    const bytes = take(take(1)[0] ?? 0);
    if (bytes.length === 0) found.push([name, null]);
    else if (type === 0x68) found.push([name, bytes[0] === 1]);
    else if (type === 0x6d) found.push([name, bytes.readDoubleLE()]);
    else if (type === 0x26)
      found.push([name, bytes.length === 8 ? Number(bytes.readBigInt64LE()) : bytes.readInt32LE()]);
    else throw new Error(`no type ${type}`);
  }
  const [statement, , ...rest] = found;
  return {
    sql: String(statement?.[1]),
    values: Object.fromEntries(rest.map(([name, value]) => [name.slice(1), value])),
  };
}

function readShort(take: (count: number) => Buffer): string | null {
  const length = take(2).readUInt16LE();
  return length === 0xffff ? null : ucs2(take(length));
}

function readLong(take: (count: number) => Buffer): string | null {
  if (take(8).readBigUInt64LE() === 0xffffffffffffffffn) return null;
  const parts: Buffer[] = [];
  for (let length = take(4).readUInt32LE(); length > 0; length = take(4).readUInt32LE()) parts.push(take(length));
  return ucs2(Buffer.concat(parts));
}

class TdsConnection {
  private readonly raw: Socket;
  private readonly options: TdsOptions;
  private readonly server: TdsServer;
  /** Where packets go: the socket, or TLS over it. */
  private stream: Duplex;
  private wire: Duplex | null = null;
  private isOpenTls = false;
  private buffer = Buffer.alloc(0);
  private parts: Buffer[] = [];
  private isGreeted = false;
  private readonly session = new Map<string, unknown>();
  private running: { stop: AbortController; ended: Promise<void> } | null = null;
  private queue: Promise<void> = Promise.resolve();

  constructor(raw: Socket, options: TdsOptions, server: TdsServer) {
    this.raw = raw;
    this.stream = raw;
    this.options = options;
    this.server = server;
    raw.on('error', () => undefined);
    raw.on('close', () => this.running?.stop.abort());
    raw.on('data', (data: Buffer) => {
      // The handshake comes in packets, what follows does not.
      if (this.wire && (this.isOpenTls || data[0] !== PRELOGIN)) {
        this.isOpenTls = true;
        this.wire.push(data);
      } else this.feed(data);
    });
  }

  private feed(data: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, data]);
    while (this.buffer.length >= 8 && this.buffer.length >= this.buffer.readUInt16BE(2)) {
      const [type = 0, status = 0] = this.buffer;
      const size = this.buffer.readUInt16BE(2);
      const body = this.buffer.subarray(8, size);
      this.buffer = this.buffer.subarray(size);
      if (status & RESET && this.parts.length === 0) {
        this.server.resets++;
        this.session.clear();
        this.session.set('reset', true);
      }
      this.parts.push(body);
      if (status & 1) this.message(type, Buffer.concat(this.parts.splice(0)));
    }
  }

  private message(type: number, data: Buffer): void {
    if (type === PRELOGIN && this.isGreeted) this.shake(data);
    else if (type === PRELOGIN) this.greet();
    else if (type === LOGIN) this.login(readLogin(data, this.wire !== null));
    else if (type === ATTENTION) void this.attend();
    else if (type === BATCH) this.run(ucs2(data.subarray(data.readUInt32LE(0))), {});
    else if (type === RPC) {
      const { sql, values } = readCall(data);
      this.run(sql, values);
    }
  }

  private greet(): void {
    this.isGreeted = true;
    if (this.options.greeting) return this.options.greeting(this.raw);
    this.raw.write(packets(ANSWER, prelogin(this.options.encryption ?? (this.options.tls ? 1 : 2))));
  }

  private shake(data: Buffer): void {
    if (!this.wire) {
      let flight: Buffer[] = [];
      // A flight of the handshake is one message, however often TLS writes for it.
      const flush = (): void => {
        if (flight.length > 0) this.raw.write(packets(PRELOGIN, Buffer.concat(flight)));
        flight = [];
      };
      this.wire = new Duplex({
        read: () => undefined,
        write: (chunk: Buffer, _encoding, next) => {
          if (this.isOpenTls) this.raw.write(chunk);
          else {
            flight.push(chunk);
            void setImmediate().then(flush);
          }
          next();
        },
      });
      const secure = new TLSSocket(this.wire, { isServer: true, maxVersion: 'TLSv1.2', ...this.options.tls });
      secure.on('error', () => this.raw.destroy());
      secure.on('data', (clear: Buffer) => this.feed(clear));
      this.stream = secure;
    }
    this.wire.push(data);
  }

  private login(login: TdsLogin): void {
    this.server.logins.push(login);
    const tokens =
      this.options.login?.(login) ??
      Buffer.concat([textChange(1, login.database, 'master'), loginAck(), textChange(4, '4096', '4096'), done()]);
    this.stream.write(packets(ANSWER, tokens));
  }

  private run(sql: string, values: Record<string, unknown>): void {
    this.server.statements.push(sql);
    this.server.values.push(values);
    this.queue = this.queue.then(() => this.answer(sql, values));
  }

  private async answer(sql: string, values: Record<string, unknown>): Promise<void> {
    const stop = new AbortController();
    let ended = (): void => undefined;
    this.running = {
      stop,
      ended: new Promise((resolve) => {
        ended = resolve;
      }),
    };
    let waiting = Buffer.alloc(0);
    const send = async (...tokens: Buffer[]): Promise<void> => {
      waiting = Buffer.concat([waiting, ...tokens]);
      const size = waiting.length - (waiting.length % 4088);
      if (this.raw.destroyed) stop.abort();
      if (size === 0 || stop.signal.aborted) return;
      const isReady = this.stream.write(packets(ANSWER, waiting.subarray(0, size), false));
      waiting = waiting.subarray(size);
      // A server that talks without end must let others have their turn.
      if (isReady) await setImmediate();
      else await once(this.stream, 'drain', { signal: stop.signal }).catch(() => undefined);
    };
    if (this.session.delete('reset')) await send(byteChange(18, Buffer.alloc(0), Buffer.alloc(0)));
    const request: TdsRequest = {
      sql,
      values,
      session: this.session,
      signal: stop.signal,
      send,
      sendRaw: (bytes) => void this.stream.write(bytes),
      drop: () => void this.raw.destroy(),
    };
    try {
      await this.options.answer(request);
    } catch (failure) {
      await send(error(50_000, String(failure)), done(2));
    }
    this.running = null;
    const rest = stop.signal.aborted ? done(2) : waiting;
    if (!this.raw.destroyed) this.stream.write(packets(ANSWER, rest));
    ended();
  }

  /** Ends the answer that is under way, then says so. */
  private async attend(): Promise<void> {
    this.server.attentions++;
    this.running?.stop.abort();
    await this.running?.ended;
    if (!this.options.isDeaf && !this.raw.destroyed) this.stream.write(packets(ANSWER, STOPPED));
  }
}

export async function startTds(options: TdsOptions): Promise<TdsServer> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    new TdsConnection(socket, options, server);
  });
  const server: TdsServer = {
    port: 0,
    logins: [],
    statements: [],
    values: [],
    attentions: 0,
    resets: 0,
    get open() {
      return sockets.size;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  server.port = (listener.address() as AddressInfo).port;
  return server;
}
