/** Query services in small: real HTTP servers on 127.0.0.1 that check who asks, run nothing, and lie on demand. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export type Json = Record<string, unknown>;

/** A request that a server got. */
export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  text: string;
  json: Json;
}

/** What a server answers: a status and a body, or `write` for one that comes bit by bit. */
export interface Reply {
  status?: number;
  json?: object;
  text?: string | Buffer;
  headers?: Record<string, string>;
  write?: (response: ServerResponse) => Promise<void>;
}

/** A running service. `stopped` holds the names of the queries that it was told to stop. */
export interface EngineServer {
  url: string;
  seen: Seen[];
  stopped: string[];
  close(): Promise<void>;
}

/** What a service would have its clients send with their next query; none of ours may. */
export const LEFT_OVER = 'left-over';
const LEFT = {
  'set-cookie': `session=${LEFT_OVER}; Path=/`,
  'x-trino-set-session': `timezone=${LEFT_OVER}`,
  'x-trino-set-catalog': LEFT_OVER,
  'x-trino-set-schema': LEFT_OVER,
  'x-trino-set-role': LEFT_OVER,
  'x-trino-added-prepare': `${LEFT_OVER}=SELECT`,
  'x-trino-started-transaction-id': LEFT_OVER,
};

/** Starts a server on a free port of 127.0.0.1, with TLS where a certificate is given. */
export async function serve(
  answer: (request: Seen, server: EngineServer) => Reply | Promise<Reply>,
  tls?: { key: string; cert: string },
): Promise<EngineServer> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = '';
    for await (const part of request) text += String(part);
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://x');
    const json = text.startsWith('{') ? (JSON.parse(text) as Json) : {};
    const got: Seen = { method: request.method ?? '', path, query, headers: request.headers, text, json };
    server.seen.push(got);
    const reply = await answer(got, server);
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...LEFT, ...reply.headers });
    if (reply.write) await reply.write(response).catch(() => undefined);
    const body = reply.text ?? JSON.stringify({ ...reply.json, sessionInfo: { sessionId: LEFT_OVER } });
    response.end(reply.write ? undefined : body);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => void handle(request, response);
  const http = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> => new Promise((resolve) => http.close(() => resolve()).closeAllConnections());
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server: EngineServer = { url, seen: [], stopped: [], close };
  return server;
}

/** A redirect that nobody may follow. */
export const redirect: Reply = { status: 302, headers: { location: 'http://127.0.0.1:1/elsewhere' } };

/** The page of tables that every service has: `shop.orders` with two columns and the view `shop.paid` with one. */
export type Catalogue = (types: [whole: string, decimal: string]) => (string | number | boolean | null)[][];
export const catalogue: Catalogue = ([whole, decimal]) => [
  ['shop', 'orders', 'TABLE', null, 'id', whole, false],
  ['shop', 'orders', 'TABLE', null, 'total', decimal, true],
  ['shop', 'paid', 'VIEW', null, 'id', whole, true],
];

/** What a statement makes a service do; a keyword in it decides. */
export type Act =
  | 'slow'
  | 'broken'
  | 'width'
  | 'endless'
  | 'huge'
  | 'redirect'
  | 'elsewhere'
  | 'silly'
  | 'busy'
  | 'rows';
export function actOf(sql: string): Act {
  const word = /\bact_(\w+)/.exec(sql)?.[1];
  return (word ?? 'rows') as Act;
}

/** The result of a statement, its rows in pages. */
export interface Result {
  columns: [name: string, type: string][];
  pages: unknown[][][];
}

/**
 * `numbers(n)` gives 1, 2 … n in pages of five, or of 1000 where there are many; `SELECT 1` gives 1. Of a page with an
 * offset, its rows alone.
 */
export function numbers(sql: string, type: string, toCell: (n: number) => unknown): Result {
  const whole = Number(/numbers\((\d+)\)/.exec(sql)?.[1] ?? 1);
  const offset = Number(/ OFFSET (\d+)/.exec(sql)?.[1] ?? 0);
  const limit = / OFFSET \d/.test(sql) ? Number(/ LIMIT (\d+)/.exec(sql)?.[1]) : whole;
  const count = Math.max(0, Math.min(whole - offset, limit));
  const size = count > 100 ? 1000 : 5;
  const all = Array.from({ length: count }, (_, i) => [toCell(offset + i + 1)]);
  const pages: unknown[][][] = [];
  for (let at = 0; at < count || at === 0; at += size) pages.push(all.slice(at, at + size));
  return { columns: [['n', type]], pages };
}

/** More text than any result of these tests may have. */
export const hugeText = 'x'.repeat(24 * 1024 * 1024);
