import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { createGunzip } from 'node:zlib';
import type { Pool } from 'undici';
import { EngineError } from '../engine.ts';
import { isPublicAddress, openGuardedSocket } from '../guarded-socket.ts';
import type { NetworkPolicy } from '../guarded-socket.ts';
import { tlsFailure } from '../network-settings.ts';
import { parseJson } from './json.ts';

/** Where a client goes: one origin, and which hosts the service behind it has. */
export interface HttpClientOptions {
  /** Scheme, host and port: `https://host:port`. Plain http only goes to networks that the policy allows on purpose. */
  origin: string;
  /** Ends of the service's own host names (`.example.com`); null where a seller may name any public host. */
  suffixes: readonly string[] | null;
  network: NetworkPolicy;
  /** Certificates in PEM that the server's must come from; the system's where there is none. */
  ca?: string | null;
}

/** One request; `maxBytes` bounds the body of its answer, unpacked. */
export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  headers?: Record<string, string>;
  body?: string;
  signal: AbortSignal;
  maxBytes: number;
}

/** An answer with its body read and parsed; `json` is undefined where the body is none. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
  json: unknown;
}

const HANDSHAKE_MS = 10_000;
/** The longest answer that is held in memory as a whole: services cut longer results into pages. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

function settingsError(message: string, hint: string): EngineError {
  return new EngineError('CONNECTION_FAILED', message, { stage: 'SETTINGS', hint });
}

/** True where a host is one of the service's own. */
export function isServiceHost(host: string, suffixes: readonly string[]): boolean {
  const name = host.toLowerCase();
  return suffixes.some((suffix) => (suffix.startsWith('.') ? name.endsWith(suffix) : name === suffix));
}

/**
 * Checks an origin before anything is connected; what a name stands for is checked again when it is.
 * @throws EngineError CONNECTION_FAILED stage SETTINGS
 */
export function checkOrigin(origin: string, suffixes: readonly string[] | null, network: NetworkPolicy): URL {
  const url = URL.parse(origin);
  const isPlain = url?.protocol === 'http:';
  if (
    !url ||
    !(url.protocol === 'https:' || isPlain) ||
    url.username ||
    url.password ||
    url.origin !== url.href.replace(/\/$/, '')
  ) {
    throw settingsError(
      'The address of the service is not an origin.',
      'Give it as https://host or https://host:port.',
    );
  }
  if (network.allowPrivate.length > 0) return url;
  if (isPlain) throw settingsError('Only https is allowed.', 'Give an address that begins with https.');
  if (suffixes && !isServiceHost(url.hostname, suffixes)) throw notTheService(suffixes);
  return url;
}

function notTheService(suffixes: readonly string[]): EngineError {
  return settingsError('The host is not one of this service.', `Its hosts end in ${suffixes.join(' or ')}.`);
}

/** Opens the checked connection; with https the certificate must be for the host as it was named. */
async function open(url: URL, options: HttpClientOptions): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isPlain = url.protocol === 'http:';
  const socket = await openGuardedSocket(host, Number(url.port) || (isPlain ? 80 : 443), options.network);
  // An address that is not public got this far because an operator allows it on purpose.
  if (isPublicAddress(socket.remoteAddress ?? '')) {
    const { suffixes } = options;
    const isForeign = suffixes !== null && !isServiceHost(host, suffixes);
    if (isPlain || isForeign) socket.destroy();
    if (isForeign) throw notTheService(suffixes);
    if (isPlain) throw settingsError('Only https is allowed.', 'Give an address that begins with https.');
  }
  return isPlain ? socket : secure(socket, host, options.ca ?? null);
}

function secure(socket: Socket, host: string, ca: string | null): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const wrapped = connectTls({
      socket,
      host,
      ...(isIP(host) ? {} : { servername: host }),
      ...(ca ? { ca } : {}),
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
    });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      wrapped.destroy();
      socket.destroy();
      const more = { stage: 'TLS', cause: error } as const;
      reject(tlsFailure(error) ?? new EngineError('CONNECTION_FAILED', 'TLS could not be set up.', more));
    };
    const timer = setTimeout(() => fail(new Error('The handshake took too long.')), HANDSHAKE_MS);
    wrapped.once('error', fail);
    wrapped.once('secureConnect', () => {
      clearTimeout(timer);
      wrapped.off('error', fail);
      resolve(wrapped);
    });
  });
}

/** What an answer without a better reason in its body comes to; null where it is none. */
export function statusFailure(status: number): EngineError | null {
  if (status === 401) {
    const hint = 'Check the credentials, and that they have not expired.';
    return new EngineError('CONNECTION_FAILED', 'The service refused the credentials.', { stage: 'LOGIN', hint });
  }
  if (status === 429) {
    return new EngineError('ENGINE_BUSY', 'The service takes no more queries now.', { hint: 'Try again in a moment.' });
  }
  if (status < 400) return null;
  const hint = 'Check the address: what answers there may be another service.';
  const more = { stage: 'QUERY', ...(status === 404 ? { hint } : {}) } as const;
  return new EngineError('ENGINE_FAILED', `The service failed with status ${status}.`, more);
}

/**
 * HTTP to one origin: every socket is guarded, certificates are verified, redirects refused, bodies bounded. What does
 * not come to an answer throws an EngineError, or the reason of the request's signal.
 */
export class HttpClient {
  readonly origin: string;
  private readonly url: URL;
  private readonly options: HttpClientOptions;
  private readonly pool: Promise<Pool>;

  constructor(options: HttpClientOptions) {
    this.options = options;
    this.url = checkOrigin(options.origin, options.suffixes, options.network);
    this.origin = this.url.origin;
    this.pool = this.openPool();
  }

  private async openPool(): Promise<Pool> {
    const { Pool: UndiciPool } = await import('undici');
    return new UndiciPool(this.url.origin, {
      connections: 8,
      pipelining: 1,
      // Servers end idle connections too: one that is used just then breaks a query.
      keepAliveTimeout: 2_000,
      connect: (_options, callback) => {
        open(this.url, this.options).then(
          (socket) => callback(null, socket),
          (error: unknown) => callback(error instanceof Error ? error : new Error('failed'), null),
        );
      },
    });
  }

  /** Host and port, for the first stages of a connection test. */
  get address(): { host: string; port: number; isSecure: boolean } {
    const isSecure = this.url.protocol === 'https:';
    return { host: this.url.hostname, port: Number(this.url.port) || (isSecure ? 443 : 80), isSecure };
  }

  /** Opens a connection and ends it. */
  async reach(): Promise<void> {
    (await open(this.url, this.options)).destroy();
  }

  /** Sends a request and hands its body over as it comes. */
  async stream(
    request: HttpRequest,
  ): Promise<{ status: number; headers: Record<string, string>; body: AsyncIterable<Buffer> }> {
    const { method, path, headers, body, signal, maxBytes } = request;
    try {
      signal.throwIfAborted();
      const response = await (
        await this.pool
      ).request({
        method,
        path,
        headers: { 'user-agent': 'spartera-gateway', 'accept-encoding': 'gzip', ...headers },
        body: body ?? null,
        signal,
        // The signal is the clock.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      const flat: Record<string, string> = {};
      for (const [name, value] of Object.entries(response.headers)) flat[name] = [value ?? ''].flat().join(', ');
      if (response.statusCode >= 300 && response.statusCode < 400) {
        response.body.on('error', () => undefined).destroy();
        throw new EngineError('CONNECTION_FAILED', 'The service redirects, which is refused.', {
          stage: 'LOGIN',
          hint: 'Give the address that the service itself has.',
        });
      }
      return { status: response.statusCode, headers: flat, body: this.bounded(response.body, flat, signal, maxBytes) };
    } catch (error) {
      throw broken(error, signal);
    }
  }

  private async *bounded(
    body: Readable,
    headers: Record<string, string>,
    signal: AbortSignal,
    maxBytes: number,
  ): AsyncGenerator<Buffer> {
    const source = headers['content-encoding'] === 'gzip' ? pipeline(body, createGunzip(), () => undefined) : body;
    let size = 0;
    try {
      for await (const part of source as AsyncIterable<Buffer>) {
        size += part.length;
        if (size > maxBytes) {
          throw new EngineError('RESULT_TOO_LARGE', 'The service answered more than is allowed.', { stage: 'QUERY' });
        }
        yield part;
      }
    } catch (error) {
      throw broken(error, signal);
    } finally {
      body.on('error', () => undefined).destroy();
    }
  }

  /** Sends a request and reads its answer. */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const maxBytes = Math.min(request.maxBytes, MAX_ANSWER_BYTES);
    const { status, headers, body } = await this.stream({ ...request, maxBytes });
    const parts: Buffer[] = [];
    for await (const part of body) parts.push(part);
    const text = Buffer.concat(parts).toString('utf8');
    return { status, headers, text, json: parseJson(text) };
  }

  /** Ends every connection. */
  destroy(): void {
    this.pool.then((pool) => pool.destroy()).catch(() => undefined);
  }
}

function broken(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof EngineError) return error;
  return new EngineError('ENGINE_FAILED', 'The connection to the service broke off.', {
    stage: 'QUERY',
    hint: 'Try again.',
    cause: error,
  });
}
