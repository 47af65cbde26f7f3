import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GraphQLError, parse, type ExecutionArgs, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { createYoga, mapAsyncIterator, type Plugin } from 'graphql-yoga';
import { endStreams } from './alerts/stream.ts';
import type { Authenticator } from './auth.ts';
import { isChartPath } from './charts/address.ts';
import { answerChart } from './charts/answer.ts';
import { createExecute } from './compiled.ts';
import { createContext, type App, type Context, type Viewer } from './context.ts';
import { checkCost, costOf, shapeRule, rootFieldOf } from './cost.ts';
import { createDirect, headersOf, type HeaderReader } from './direct.ts';
import { formatError, requestError } from './error-format.ts';
import { DomainError } from './errors.ts';
import { answerDownload } from './exports/download.ts';
import { rateHeaders, type RateUse } from './rate-limits.ts';
import { answerRest, refusal, targetOf } from './rest/routes.ts';

/** What the transport knows of a request. */
interface Transport {
  signal?: AbortSignal;
  clientAddress?: string;
}

/** The gateway as HTTP: in process by `fetch`, over a socket by `listen`. */
export interface Gateway {
  schema: GraphQLSchema;
  fetch(url: string, init?: RequestInit): Promise<Response>;
  listen(port: number, host: string): Promise<{ port: number }>;
  /** Takes no new requests, waits for those in flight up to `graceMs`, then cuts the rest. */
  drain(graceMs: number): Promise<void>;
}

const REQUEST_ID = /^[\w.:-]{1,100}$/;
const requestIdOf = (given: string | null): string => (given && REQUEST_ID.test(given) ? given : randomUUID());
const JSON_TYPE = /^application\/(json|graphql\+json)\s*(;|$)/i;
const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  });

function failure(status: number, code: string, message: string, requestId: string): Response {
  return json(
    status,
    { errors: [{ message, extensions: { code, requestId, retryable: false } }] },
    { 'x-request-id': requestId },
  );
}

/** Puts the stack together. `explorer` is the page for browsers; `auth` knows the credentials. */
export function createGateway(
  app: App,
  schema: GraphQLSchema,
  auth: Authenticator,
  explorer: () => string | Promise<string>,
): Gateway {
  const { config } = app;
  const requestIds = new WeakMap<Request, string>();
  const ratesOf = new WeakMap<Request, RateUse[]>();
  let draining = false;

  const idOf = (request: Request): string => {
    const id = requestIds.get(request) ?? requestIdOf(request.headers.get('x-request-id'));
    requestIds.set(request, id);
    return id;
  };

  /** The headers that every answer to a request has. */
  const headersFor = (request: Request): Record<string, string> => ({
    'x-request-id': idOf(request),
    ...rateHeaders(ratesOf.get(request) ?? []),
  });

  function costs(args: ExecutionArgs): { found: ReturnType<typeof costOf>; refused: GraphQLError | null } {
    const found = costOf(schema, args.document, args.operationName ?? null, args.variableValues ?? {});
    try {
      checkCost(found, config.MAX_COST);
      return { found, refused: null };
    } catch (error) {
      return { found, refused: requestError(error as DomainError) };
    }
  }

  const countUse = ({ viewer }: Pick<Context, 'viewer'>, operation: string): void => {
    if (viewer?.apiKeyId) app.usage.keyUse(viewer.apiKeyId, viewer.companyId, operation, false);
  };

  const execute = createExecute(config.COMPILE_AFTER);
  const limits: Plugin<Context> = {
    onParse: ({ setParseFn }) =>
      setParseFn((source, options) =>
        parse(source as string, { ...(options as object), maxTokens: config.MAX_TOKENS }),
      ),
    onValidate: ({ addValidationRule }) => addValidationRule(shapeRule(config.MAX_DEPTH, config.MAX_ALIASES)),
    onSubscribe({ args, setResultAndStopExecution }) {
      const { request } = args.contextValue as unknown as { request: Request };
      // Opened for somebody who cannot read it, a stream would stay open.
      const isReadable = /text\/event-stream/i.test(request.headers.get('accept') ?? '');
      const refused = isReadable
        ? costs(args).refused
        : requestError(new DomainError('BAD_REQUEST', 'A subscription needs the header accept: text/event-stream.'));
      if (refused) setResultAndStopExecution({ errors: [refused] });
    },
    onExecute({ args, setExecuteFn, setResultAndStopExecution }) {
      const { found, refused } = costs(args);
      if (refused) {
        setResultAndStopExecution({ errors: [refused] });
        return undefined;
      }
      setExecuteFn(execute);
      countUse(args.contextValue, rootFieldOf(args.document, args.operationName ?? null));
      return {
        onExecuteDone({ result, setResult }) {
          if (!(Symbol.asyncIterator in result)) {
            setResult({
              ...result,
              extensions: { ...result.extensions, cost: { requestedQueryCost: found.cost, maximum: config.MAX_COST } },
            });
          }
        },
      };
    },
  };

  const errors: Plugin = {
    onResultProcess({ request, result, setResult }) {
      const requestId = idOf(request);
      const shown = (found: ExecutionResult): ExecutionResult =>
        found.errors
          ? { ...found, errors: found.errors.map((error) => formatError(error, requestId, app.log)) }
          : found;
      if (Symbol.asyncIterator in result) setResult(mapAsyncIterator(result as AsyncIterable<ExecutionResult>, shown));
      else setResult(shown(result as ExecutionResult));
    },
    onResponse({ request, response }) {
      for (const [name, value] of Object.entries(headersFor(request))) response.headers.set(name, value);
    },
  };

  function contextFor(
    viewer: Viewer | null,
    rates: RateUse[],
    headers: Headers,
    requestId: string,
    transport: Transport,
  ): Context {
    return createContext(app, {
      viewer,
      rates,
      signal: transport.signal ?? new AbortController().signal,
      requestId,
      clientAddress: transport.clientAddress ?? '127.0.0.1',
      userAgent: headers.get('user-agent')?.slice(0, 255) ?? null,
    });
  }

  const yoga = createYoga<Transport, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    maskedErrors: false,
    logging: false,
    multipart: false,
    // Pages of other origins may call only where the operator says so.
    cors: config.CORS_ORIGINS.length > 0 && {
      origin: config.CORS_ORIGINS,
      credentials: false,
      methods: ['POST'],
      exposedHeaders: ['x-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after'],
    },
    graphiql: () => ({ title: 'Spartera gateway' }),
    renderGraphiQL: explorer,
    plugins: [
      {
        onRequestParse({ setRequestParser, request }) {
          if (request.method !== 'POST') return;
          setRequestParser(async () => {
            const body = (await request.json().catch(() => null)) as Record<string, unknown> | null;
            // A query that is missing is the transport's business, with its 400: not an answer of GraphQL with 200.
            if (typeof body?.['query'] !== 'string')
              throw new GraphQLError('The body should be a JSON object with a query.', {
                extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
              });
            // Members we do not know are the client's own business.
            const { query, variables, operationName, extensions } = body as Record<string, never>;
            return { query, variables, operationName, extensions };
          });
        },
      },
      limits,
      errors,
    ],
    context: async ({ request, signal, clientAddress }) => {
      const rates: RateUse[] = [];
      ratesOf.set(request, rates);
      const viewer = await auth.authenticate(request.headers as Headers, rates).catch((error: unknown) => {
        throw error instanceof DomainError ? requestError(error) : error;
      });
      const transport = { signal: signal ?? request.signal, ...(clientAddress === undefined ? {} : { clientAddress }) };
      return contextFor(viewer, rates, request.headers as Headers, idOf(request), transport);
    },
  });

  const direct = createDirect(yoga, schema, app.log, headersFor);
  const tooLarge = (requestId: string): Response =>
    failure(413, 'DOCUMENT_TOO_LARGE', `The body is larger than ${config.MAX_BODY_BYTES} bytes.`, requestId);

  /** What is answered without GraphQL; null where it is GraphQL's. */
  async function outside(method: string, path: string, headers: HeaderReader): Promise<Response | null> {
    if (isChartPath(path) || targetOf(path, headers.get('host') ?? '')) return null;
    if (path === '/health') return json(200, { status: 'ok' });
    if (path === '/ready') {
      const isReady =
        !draining &&
        (await app.database.query('select 1', []).then(
          () => true,
          () => false,
        ));
      return json(isReady ? 200 : 503, { status: isReady ? 'ready' : draining ? 'draining' : 'no database' });
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

  /** The answer of a customer's address or a picture's; null for all others. */
  async function rest(
    method: string,
    url: URL,
    headers: Headers,
    body: string,
    transport: Transport,
  ): Promise<Response | null> {
    const host = headers.get('host') ?? url.host;
    const target = targetOf(url.pathname, host);
    if (!target && !isChartPath(url.pathname)) return null;
    const requestId = requestIdOf(headers.get('x-request-id'));
    const rates: RateUse[] = [];
    let response: Response | null;
    try {
      // A signed address needs no credential.
      const viewer = target ? await auth.authenticate(headers, rates) : null;
      const ctx = contextFor(viewer, rates, headers, requestId, transport);
      let parsed: unknown = null;
      try {
        parsed = body === '' ? null : JSON.parse(body);
      } catch (cause) {
        throw new DomainError('BAD_REQUEST', 'The body is no JSON.', { cause });
      }
      if (target) countUse(ctx, `${target.kind} over HTTP`);
      response = target
        ? await answerRest(ctx, { method, url, host, body: parsed }, target)
        : await answerChart(ctx, method, url, headers);
    } catch (error) {
      response = refusal(error);
      if (!response) {
        app.log.error({ err: error, requestId }, 'a request failed');
        response = json(500, {
          code: 500,
          message: `Something went wrong on our side. Quote ${requestId} when you report it.`,
        });
      }
    }
    const about = { 'x-request-id': requestId, ...rateHeaders(rates) };
    for (const [name, value] of Object.entries(about)) response.headers.set(name, value);
    return response;
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = (req.url ?? '/').split('?')[0] ?? '/';
    const headers = headersOf(req);
    const file = await answerDownload(app, { method: req.method ?? 'GET', url: req.url ?? '/', headers });
    if (file) return stream(res, file);
    const early = await outside(req.method ?? 'GET', path, headers);
    if (early) return send(res, early);
    const chunks: Buffer[] = [];
    let size = 0;
    if (req.method === 'POST') {
      for await (const chunk of req as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size <= config.MAX_BODY_BYTES) chunks.push(chunk);
        // Leaving the loop cuts the connection, so a body a little too large is read to its end and gets its answer.
        if (size > 8 * config.MAX_BODY_BYTES) break;
      }
      if (size > config.MAX_BODY_BYTES) return send(res, tooLarge(requestIdOf(headers.get('x-request-id'))), true);
      (req as IncomingMessage & { body?: unknown }).body = Buffer.concat(chunks).toString();
    }
    const controller = new AbortController();
    res.on('close', () => {
      if (!res.writableFinished) controller.abort();
    });
    const transport = { signal: controller.signal, clientAddress: req.socket.remoteAddress ?? '' };
    const body = Buffer.concat(chunks).toString();
    const isGraph = path === '/graphql' && !targetOf(path, headers.get('host') ?? '');
    if (isGraph && req.method === 'POST' && (await direct(res, body, headers, transport))) return;
    const all = new Headers();
    for (const [name, value] of Object.entries(req.headers)) if (value !== undefined) all.set(name, String(value));
    const url = new URL(req.url ?? '/', 'http://gateway');
    const answer = await rest(req.method ?? 'GET', url, all, body, transport);
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
      const { pathname, search } = new URL(url);
      const asked = { method: init.method ?? 'GET', url: pathname + search, headers: new Headers(init.headers) };
      const file = await answerDownload(app, asked);
      if (file) return file;
      const early = await outside(init.method ?? 'GET', new URL(url).pathname, new Headers(init.headers));
      if (early) return early;
      const transport = init.signal ? { signal: init.signal } : {};
      const body = typeof init.body === 'string' ? init.body : '';
      const answer = await rest(init.method ?? 'GET', new URL(url), new Headers(init.headers), body, transport);
      if (answer) return answer;
      return yoga.fetch(url, init, transport);
    },
    async listen(port, host) {
      server = createServer(
        { headersTimeout: 20_000, requestTimeout: 60_000, keepAliveTimeout: 65_000 },
        (req, res) => {
          handle(req, res).catch((error: unknown) => {
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
