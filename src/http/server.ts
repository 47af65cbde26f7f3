import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { GraphQLSchema } from 'graphql';
import { endStreams } from '../alerts/stream.ts';
import type { Authenticator } from '../auth.ts';
import { createClientAddress } from './client-address.ts';
import type { App } from '../context.ts';
import { headersOf, type HeaderReader } from './direct.ts';
import { answerUsageDownload } from '../analytics/download.ts';
import { answerDownload, type DownloadRequest } from '../exports/download.ts';
import { createGraph } from './graphql.ts';
import type { Door } from '../metrics.ts';
import { answerCall, isRest } from '../rest/answer.ts';
import { failure, jsonResponse, requestIdOf } from './transport.ts';

/** The gateway as HTTP: in process by `fetch`, over a socket by `listen`. */
export interface Gateway {
  schema: GraphQLSchema;
  fetch(url: string, init?: RequestInit): Promise<Response>;
  listen(port: number, host: string): Promise<{ port: number }>;
  /** Takes no new requests, waits for those in flight up to `graceMs`, then cuts the rest. */
  drain(graceMs: number): Promise<void>;
}

const JSON_TYPE = /^application\/(json|graphql\+json)\s*(;|$)/i;

/** As many servers say it where nobody was left to get an answer. */
const CLIENT_LEFT = 499;
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Puts the stack together. `explorer` is the page for browsers; `auth` knows the credentials. */
export function createGateway(
  app: App,
  schema: GraphQLSchema,
  auth: Authenticator,
  explorer: () => string | Promise<string>,
): Gateway {
  const { config } = app;
  let draining = false;
  const { yoga, direct } = createGraph(app, schema, auth, explorer);
  const clientOf = createClientAddress(config.TRUSTED_PROXIES);
  const tooLarge = (requestId: string): Response =>
    failure(413, 'DOCUMENT_TOO_LARGE', `The body is larger than ${config.MAX_BODY_BYTES} bytes.`, requestId);

  const mayMeasure = (headers: HeaderReader): boolean =>
    config.METRICS_TOKEN !== undefined &&
    timingSafeEqual(digest(headers.get('authorization') ?? ''), digest(`Bearer ${config.METRICS_TOKEN}`));

  const download = async (request: DownloadRequest): Promise<Response | null> =>
    (await answerDownload(app, request)) ?? answerUsageDownload(app, request);

  /** What is answered without GraphQL; null where it is GraphQL's. */
  async function outside(method: string, path: string, headers: HeaderReader): Promise<Response | null> {
    if (path !== '/graphql' && isRest(path, headers.get('host') ?? '')) return null;
    if (path === '/health') return jsonResponse(200, { status: 'ok' });
    if (path === '/ready') {
      const isReady =
        !draining &&
        (await app.database.query('select 1', []).then(
          () => true,
          () => false,
        ));
      return jsonResponse(isReady ? 200 : 503, { status: isReady ? 'ready' : draining ? 'draining' : 'no database' });
    }
    if (path === '/metrics' && mayMeasure(headers)) {
      const { type, text } = await app.metrics.text();
      return new Response(text, { headers: { 'content-type': type } });
    }
    const requestId = requestIdOf(headers.get('x-request-id'));
    if (path === '/') return new Response(null, { status: 302, headers: { location: '/graphql' } });
    if (path !== '/graphql') return failure(404, 'NOT_FOUND', 'The graph is at /graphql.', requestId);
    const wantsPage = method === 'GET' && (headers.get('accept') ?? '').includes('text/html');
    if (method === 'GET' && !wantsPage && !headers.has('x-graphql-request')) {
      return failure(
        403,
        'BAD_REQUEST',
        'GET needs the header X-GraphQL-Request (any value), so that no other site can send it.',
        requestId,
      );
    }
    if (method === 'POST' && !JSON_TYPE.test(headers.get('content-type') ?? '')) {
      return failure(415, 'BAD_REQUEST', 'Send the request as application/json.', requestId);
    }
    if (Number(headers.get('content-length') ?? 0) > config.MAX_BODY_BYTES) {
      return tooLarge(requestId);
    }
    return null;
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = (req.url ?? '/').split('?')[0] ?? '/';
    const headers = headersOf(req);
    const begun = performance.now();
    // Addresses are made with it further on, by others too, who answer what they stumble over as it is.
    const host = headers.get('host') ?? '';
    if (host !== '' && !URL.canParse(`http://${host}`))
      return send(
        res,
        failure(400, 'BAD_REQUEST', 'The header Host is no host.', requestIdOf(headers.get('x-request-id'))),
        true,
      );
    let door: Door = path === '/graphql' ? 'graphql' : isRest(path, headers.get('host') ?? '') ? 'rest' : 'other';
    const controller = new AbortController();
    res.on('close', () => {
      if (!res.writableFinished) controller.abort();
      const status = res.writableFinished ? res.statusCode : CLIENT_LEFT;
      app.metrics.http(door, status, (performance.now() - begun) / 1000);
    });
    const file = await download({ method: req.method ?? 'GET', url: req.url ?? '/', headers });
    if (file) {
      door = 'download';
      return stream(res, file);
    }
    const early = await outside(req.method ?? 'GET', path, headers);
    if (early) return send(res, early);
    const chunks: Buffer[] = [];
    let body = '';
    let size = 0;
    if (req.method === 'POST') {
      for await (const chunk of req as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size <= config.MAX_BODY_BYTES) chunks.push(chunk);
        // Leaving the loop cuts the connection, so a body a little too large is read to its end and gets its answer.
        if (size > 8 * config.MAX_BODY_BYTES) break;
      }
      if (size > config.MAX_BODY_BYTES) return send(res, tooLarge(requestIdOf(headers.get('x-request-id'))), true);
      body = Buffer.concat(chunks).toString();
      (req as IncomingMessage & { body?: unknown }).body = body;
    }
    const clientAddress = clientOf(req.socket.remoteAddress ?? '', headers.get('x-forwarded-for'));
    const transport = { signal: controller.signal, clientAddress };
    const found = door === 'graphql' && req.method === 'POST' ? await direct(body, headers, transport) : null;
    if (found) return void res.writeHead(found.status, found.headers).end(found.body);
    const all = new Headers();
    for (const [name, value] of Object.entries(req.headers)) if (value !== undefined) all.set(name, String(value));
    const url = new URL(req.url ?? '/', 'http://gateway');
    const answer = await answerCall(app, auth, { method: req.method ?? 'GET', url, headers: all, body }, transport);
    if (answer) return send(res, answer);
    await yoga(req, res, transport);
  }

  async function send(res: ServerResponse, response: Response, cut = false): Promise<void> {
    res.writeHead(response.status, {
      ...Object.fromEntries(response.headers),
      ...(cut ? { connection: 'close' } : {}),
    });
    res.end(Buffer.from(await response.arrayBuffer()));
  }

  async function stream(res: ServerResponse, response: Response): Promise<void> {
    res.writeHead(response.status, Object.fromEntries(response.headers));
    if (!response.body) return void res.end();
    await pipeline(Readable.fromWeb(response.body as never), res).catch((error: unknown) =>
      app.log.info({ err: error }, 'a download broke off'),
    );
  }

  let server: Server | undefined;
  return {
    schema,
    async fetch(url, init = {}) {
      const { method = 'GET', signal } = init;
      const target = new URL(url);
      const headers = new Headers(init.headers);
      const file = await download({ method, url: target.pathname + target.search, headers });
      if (file) return file;
      const early = await outside(method, target.pathname, headers);
      if (early) return early;
      const transport = signal ? { signal } : {};
      const body = typeof init.body === 'string' ? init.body : '';
      const isGraph = target.pathname === '/graphql';
      const found = isGraph && method === 'POST' ? await direct(body, headers, transport) : null;
      if (found) return new Response(found.body, found);
      const answer = await answerCall(app, auth, { method, url: target, headers, body }, transport);
      if (answer) return answer;
      return yoga.fetch(url, init, transport);
    },
    async listen(port, host) {
      server = createServer(
        { headersTimeout: 20_000, requestTimeout: 60_000, keepAliveTimeout: 65_000 },
        (req, res) => {
          handle(req, res).catch((error: unknown) => {
            // Whoever leaves in the middle of a body is no failure of ours.
            if (req.destroyed && !req.complete) return void res.destroy();
            app.log.error({ err: error }, 'a request failed outside of GraphQL');
            if (!res.headersSent) res.writeHead(500).end();
            else res.destroy();
          });
        },
      );
      await new Promise<void>((resolve, reject) => server?.once('error', reject).listen(port, host, resolve));
      const address = server.address();
      return { port: typeof address === 'object' && address ? address.port : port };
    },
    async drain(graceMs) {
      draining = true;
      endStreams(app);
      const open = server;
      if (!open) return;
      const closed = new Promise<void>((resolve) => open.close(() => resolve()));
      const cut = setTimeout(() => open.closeAllConnections(), graceMs);
      const idle = setInterval(() => open.closeIdleConnections(), 50);
      await closed;
      clearTimeout(cut);
      clearInterval(idle);
    },
  };
}
