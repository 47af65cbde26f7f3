/**
 * HTTP to addresses that customers name: the socket only ever goes to an address that was checked, redirects are
 * refused, body and time are bounded. Everything that is not an answer throws a {@link FetchError}.
 */
import { BlockList, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Client } from 'undici';
import { EngineError } from '../warehouse/engine.ts';
import { openGuardedSocket } from '../warehouse/guarded-socket.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_BYTES = 1024 * 1024;

/** One request. `timeoutMs` (default 10 s) covers name, connection, headers and body; `maxBytes` (1 MiB) the body. */
export interface GuardedRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
  maxBytes?: number;
}

/** An answer below 300 or from 400 on, its body read completely. */
export interface GuardedResponse {
  status: number;
  headers: Headers;
  text: string;
}

/** Sends one request. @throws FetchError, or the reason of `signal` when that aborts. */
export interface GuardedFetch {
  (url: string, init: GuardedRequest): Promise<GuardedResponse>;
}

/** REFUSED: this address may not be called. UNREACHABLE: name, connection or TLS failed, or the connection broke. */
export type FetchErrorCode = 'REFUSED' | 'REDIRECT' | 'TIMEOUT' | 'TOO_LARGE' | 'UNREACHABLE';

/** Why a request got no usable answer; `message` may be shown to the owner of the address. */
export class FetchError extends Error {
  readonly code: FetchErrorCode;
  /** The origin that a REDIRECT leads to, where it says one. */
  readonly redirectsTo: string | null;
  constructor(code: FetchErrorCode, message: string, cause?: unknown, redirectsTo: string | null = null) {
    super(message, { cause });
    this.name = 'FetchError';
    this.code = code;
    this.redirectsTo = redirectsTo;
  }
}

/** Where requests may go: `allowPrivate` names private ranges (`10.2.0.0/16`) that are meant to be reached. */
export interface GuardedFetchOptions {
  allowPrivate: string[];
  /** Plain http to any permitted address; without it http only goes to addresses in `allowPrivate`. */
  allowHttp?: boolean;
}

/** Builds the fetch; every request has a connection of its own, so nothing is shared between two customers. */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const allowed = parseRanges(options.allowPrivate);
  return async (address, init) => {
    const url = checkAddress(address, options);
    const { Client } = await import('undici');
    const abort = new AbortController();
    const timeoutMs = init.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const late = new FetchError('TIMEOUT', `${url.host} did not answer within ${timeoutMs} ms.`);
    const timer = setTimeout(() => abort.abort(late), timeoutMs);
    const signal = init.signal ? AbortSignal.any([abort.signal, init.signal]) : abort.signal;
    const client = new Client(url.origin, {
      connect: (_target, callback) => {
        open(url, options, allowed, signal).then(
          (socket) => callback(null, socket),
          (error: unknown) => callback(toError(error), null),
        );
      },
    });
    try {
      signal.throwIfAborted();
      return await exchange(client, url, init, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof FetchError) throw error;
      throw new FetchError('UNREACHABLE', `${url.host} could not be reached: ${describe(error)}.`, error);
    } finally {
      clearTimeout(timer);
      client.destroy().catch(() => undefined);
    }
  };
}

function checkAddress(address: string, options: GuardedFetchOptions): URL {
  const url = URL.parse(address);
  if (!url) throw new FetchError('REFUSED', 'This is not a valid address.');
  if (url.username || url.password) throw new FetchError('REFUSED', 'An address must not hold a user or password.');
  const mayBeHttp = url.protocol === 'http:' && (options.allowHttp || options.allowPrivate.length > 0);
  if (url.protocol !== 'https:' && !mayBeHttp) throw new FetchError('REFUSED', 'Only https addresses are allowed.');
  return url;
}

async function exchange(client: Client, url: URL, init: GuardedRequest, signal: AbortSignal): Promise<GuardedResponse> {
  const response = await client.request({
    path: url.pathname + url.search,
    method: init.method,
    headers: { 'user-agent': 'spartera-gateway', 'accept-encoding': 'identity', ...init.headers },
    body: init.body ?? null,
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const headers = new Headers();
  for (const [name, value] of Object.entries(response.headers)) {
    for (const item of [value ?? []].flat()) headers.append(name, item);
  }
  if (response.statusCode >= 300 && response.statusCode < 400) {
    const target = URL.parse(headers.get('location') ?? 'unknown:', url.href);
    const to = target?.protocol.startsWith('http') ? target.origin : null;
    const where = to ? ` to ${to}` : '';
    throw new FetchError('REDIRECT', `${url.host} redirects${where}; give the final address.`, undefined, to);
  }
  const text = await readBounded(response.body, init.maxBytes ?? DEFAULT_MAX_BYTES, url);
  return { status: response.statusCode, headers, text };
}

async function readBounded(body: AsyncIterable<Buffer>, maxBytes: number, url: URL): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > maxBytes) throw new FetchError('TOO_LARGE', `${url.host} answered more than ${maxBytes} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Opens the checked connection, with TLS for the host as it was named. */
async function open(url: URL, options: GuardedFetchOptions, allowed: BlockList, signal: AbortSignal): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isHttps = url.protocol === 'https:';
  const port = Number(url.port) || (isHttps ? 443 : 80);
  const socket = await openGuardedSocket(host, port, { allowPrivate: options.allowPrivate }, signal).catch(
    (error: unknown) => {
      throw isRefusal(error) ? new FetchError('REFUSED', error.message, error) : error;
    },
  );
  if (isHttps) return startTls(socket, host, signal);
  if (options.allowHttp || isListed(allowed, socket.remoteAddress)) return socket;
  socket.destroy();
  throw new FetchError('REFUSED', 'Only https addresses are allowed.');
}

function startTls(socket: Socket, host: string, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const servername = isIP(host) ? undefined : host;
    const secure = connectTls({ socket, host, servername, ALPNProtocols: ['http/1.1'] });
    const stop = (): void => {
      secure.destroy(toError(signal.reason));
      socket.destroy();
    };
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', stop);
      reject(error);
    };
    secure.once('error', fail);
    secure.once('secureConnect', () => {
      signal.removeEventListener('abort', stop);
      secure.off('error', fail);
      resolve(secure);
    });
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}

function parseRanges(ranges: string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.trim().split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function isListed(list: BlockList, address: string | undefined): boolean {
  return address !== undefined && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Whether our own guard said no; what the network says carries a cause. */
function isRefusal(error: unknown): error is EngineError {
  return error instanceof EngineError && error.stage !== 'TCP' && error.cause === undefined;
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

function describe(error: unknown): string {
  const { message, name } = toError(error);
  const { reason } = error as { reason?: unknown }; // what OpenSSL and certificate errors say in plain words
  return (typeof reason === 'string' ? reason : message || name).replace(/\.?\s*$/, '');
}
