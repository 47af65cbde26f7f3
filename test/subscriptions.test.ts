import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Authenticator } from '../src/auth.ts';
import { openApp, openAuthenticator } from '../src/boot.ts';
import { createContext, type App } from '../src/context.ts';
import { events } from '../src/events.ts';
import { schema } from '../src/schema.ts';
import { hashSecret, newSecret } from '../src/secrets.ts';
import { createGateway, type Gateway } from '../src/http/server.ts';
import { gid, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
/** Two gateways on one database, each over a socket of its own. */
let base: string;
let other: { app: App; auth: Authenticator; gateway: Gateway; base: string };
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  them = await t.tenant({ handle: 'them' });
  base = `http://127.0.0.1:${(await t.gateway.listen(0, '127.0.0.1')).port}`;
  const app = await openApp(t.app.config, t.app.config.DATABASE_URL ?? '');
  const auth = await openAuthenticator(app);
  const gateway = createGateway(app, schema, auth, () => '');
  other = { app, auth, gateway, base: `http://127.0.0.1:${(await gateway.listen(0, '127.0.0.1')).port}` };
});
afterAll(async () => {
  await t.gateway.drain(0);
  await other.gateway.drain(0);
  await other.auth.close();
  await other.app.close();
  await t.close();
});

const QUERY = 'subscription { alertEvents { id message details createdAt } }';
interface Stream {
  response: Response;
  /** The next event: its name, and its data where that is JSON. Pings are left out. */
  next(): Promise<{ event: string; data: Answer | null }>;
  close(): Promise<void>;
}
const open: Stream[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((stream) => stream.close()));
  await vi.waitFor(async () => expect(await listeners()).toBe(0), 60_000);
});

async function connect(
  key: string | null,
  options: { at?: string; query?: string; method?: 'GET' | 'POST'; headers?: Record<string, string> } = {},
): Promise<Stream> {
  const { at = base, query = QUERY, method = 'POST', headers = {} } = options;
  const abort = new AbortController();
  const response = await fetch(`${at}/graphql${method === 'GET' ? `?query=${encodeURIComponent(query)}` : ''}`, {
    method,
    headers: {
      accept: 'text/event-stream',
      ...(method === 'POST' ? { 'content-type': 'application/json' } : { 'x-graphql-request': '1' }),
      ...(key
        ? { [key.startsWith('st_') ? 'authorization' : 'x-api-key']: key.startsWith('st_') ? `Bearer ${key}` : key }
        : {}),
      ...headers,
    },
    ...(method === 'POST' ? { body: JSON.stringify({ query }) } : {}),
    signal: abort.signal,
  });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  const stream: Stream = {
    response,
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end >= 0) {
          const block = text.slice(0, end);
          text = text.slice(end + 2);
          const event = /^event: (.*)$/m.exec(block)?.[1];
          const data = /^data: ?(.+)$/m.exec(block)?.[1];
          if (event) return { event, data: data ? (JSON.parse(data) as Answer) : null };
          continue;
        }
        const { value, done } = await reader.read();
        if (done) throw new Error(`The stream is over: ${text}`);
        text += Buffer.from(value).toString();
      }
    },
    async close() {
      await reader.cancel().catch(() => undefined);
      abort.abort();
    },
  };
  open.push(stream);
  return stream;
}

/** Connections of the gateways that listen for events. */
async function listeners(): Promise<number> {
  const [row] = await t.app.database.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and query ilike '%listen alert_events%' and query not ilike '%pg_stat_activity%'`,
    [],
  );
  return row?.n ?? 0;
}

async function watched(key: string, company = us): Promise<{ id: string; name: string }> {
  const asset = await t.world.asset(company.company.id);
  const { data } = await t.run(
    key,
    'mutation ($id: ID!) { alertCreate(input: {assetId: $id}) { alert { id } userErrors { code } } }',
    { id: gid('Asset', asset) },
  );
  expect(data.alertCreate.userErrors).toEqual([]);
  return asset;
}
const fire = (assetId: string, message: string, app = t.app): Promise<void> =>
  events.emit(
    createContext(app, {
      viewer: null,
      signal: new AbortController().signal,
      requestId: 'r',
      clientAddress: '',
      userAgent: null,
    }),
    { kind: 'ASSET_UPDATED', assetId, message, details: { version: 2 } },
  );
const again = (assetId: string): Promise<unknown> =>
  t.app.database.query('update "Alert" set "lastTriggeredAt" = null where "assetId" = $1', [assetId]);
const silent = (stream: Stream, ms = 300): Promise<unknown> =>
  Promise.race([stream.next(), sleep(ms).then(() => 'silent')]);
const codeOf = (data: Answer | null): unknown => data?.errors?.[0]?.extensions.code;

describe('a subscription works', () => {
  it.each(['POST', 'GET'] as const)('delivers events as they are stored, by %s', async (method) => {
    const asset = await watched(us.keys.ANALYST);
    const stream = await connect(us.keys.ANALYST, { method });
    expect(stream.response.status).toBe(200);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    await fire(asset.id, 'One.');
    const first = await stream.next();
    expect(first.event).toBe('next');
    const [row] = await t.app.database.prisma.alertEvent.findMany({ where: { alert: { assetId: asset.id } } });
    expect(first.data).toEqual({
      data: {
        alertEvents: {
          id: gid('AlertEvent', row?.id ?? ''),
          message: 'One.',
          details: { version: 2 },
          createdAt: row?.createdAt.toISOString(),
        },
      },
    });
    await again(asset.id);
    await fire(asset.id, 'Two.');
    expect((await stream.next()).data?.data.alertEvents.message).toBe('Two.');
  });

  it('reaches both gateways on one database, wherever it is fired', async () => {
    const asset = await watched(us.keys.EDITOR);
    const streams = [await connect(us.keys.EDITOR), await connect(us.keys.EDITOR, { at: other.base })];
    for (const [app, message] of [
      [t.app, 'From the first.'],
      [other.app, 'From the second.'],
    ] as const) {
      await fire(asset.id, message, app);
      await again(asset.id);
      for (const stream of streams) expect((await stream.next()).data?.data.alertEvents.message).toBe(message);
    }
  });

  it('delivers many in their order, and once each', async () => {
    const asset = await watched(us.keys.OWNER);
    const stream = await connect(us.keys.OWNER);
    const messages = Array.from({ length: 50 }, (_, i) => `Number ${i}.`);
    for (const message of messages) {
      await fire(asset.id, message);
      await again(asset.id);
    }
    const got: string[] = [];
    while (got.length < 50) got.push((await stream.next()).data?.data.alertEvents.message);
    expect(got).toEqual(messages);
    expect(await silent(stream)).toBe('silent');
  });

  it('listens with one connection for all streams, and with none where there is no stream', async () => {
    expect(await listeners()).toBe(0);
    await Promise.all(Array.from({ length: 5 }, () => connect(us.keys.ANALYST)));
    expect(await listeners()).toBe(1);
    await Promise.all(open.splice(0).map((stream) => stream.close()));
    await vi.waitFor(async () => expect(await listeners()).toBe(0), 60_000);
    const asset = await watched(us.keys.ADMIN);
    const stream = await connect(us.keys.ADMIN);
    await fire(asset.id, 'Again.');
    expect((await stream.next()).data?.data.alertEvents.message).toBe('Again.');
  });

  it('announces ids alone', async () => {
    const asset = await watched(us.keys.ANALYST);
    const client = await t.app.database.connect();
    const heard: string[] = [];
    client.on('notification', ({ payload }) => void heard.push(payload ?? ''));
    await client.query('listen alert_events');
    await fire(asset.id, 'Secret news.');
    await vi.waitFor(() => expect(heard).toHaveLength(1), 60_000);
    await client.end();
    const [row] = await t.app.database.prisma.alertEvent.findMany({ where: { alert: { assetId: asset.id } } });
    expect(heard).toEqual([`${us.company.id}:${us.users.ANALYST.id}:${row?.id}`]);
  });

  it('ends with a word when the gateway drains', async () => {
    const app = await openApp(t.app.config, t.app.config.DATABASE_URL ?? '');
    const auth = await openAuthenticator(app);
    const gateway = createGateway(app, schema, auth, () => '');
    const { port } = await gateway.listen(0, '127.0.0.1');
    const stream = await connect(us.keys.ANALYST, { at: `http://127.0.0.1:${port}` });
    const from = performance.now();
    const drained = gateway.drain(60_000);
    const last = await stream.next();
    expect([last.event, codeOf(last.data), last.data?.errors?.[0]?.extensions.retryable]).toEqual([
      'next',
      'UNAVAILABLE',
      true,
    ]);
    expect((await stream.next()).event).toBe('complete');
    await drained;
    expect(performance.now() - from).toBeLessThan(50_000);
    await auth.close();
    await app.close();
  });
});

describe('a subscription refuses', () => {
  const refused = async (stream: Promise<Stream>): Promise<unknown> => {
    const { event, data } = await (await stream).next();
    return [event, codeOf(data)];
  };

  it('callers without a credential, without a user, and endpoint keys', async () => {
    expect(await refused(connect(null))).toEqual(['next', 'UNAUTHENTICATED']);
    const nobody = await t.world.apiKey(us.company.id, 'OWNER');
    expect(await refused(connect(nobody.secret))).toEqual(['next', 'FORBIDDEN']);
    expect(await refused(connect(us.keys.OPERATOR))).toEqual(['next', 'FORBIDDEN']);
    const connection = await t.world.connection(us.company.id);
    const endpoint = await t.world.endpoint(us.company.id, connection.id);
    const key = await t.world.apiKey(us.company.id, 'EDITOR', {
      kind: 'ENDPOINT',
      endpointId: endpoint.id,
      userId: us.users.EDITOR.id,
    });
    expect(await refused(connect(key.secret))).toEqual(['next', 'FORBIDDEN']);
  });

  it('the 21st stream of a company, until one of them is closed', async () => {
    const streams: Stream[] = [];
    for (let i = 0; i < 20; i++) streams.push(await connect(us.keys.ANALYST));
    expect(await refused(connect(us.keys.OWNER))).toEqual(['next', 'RATE_LIMITED']);
    const asset = await watched(them.keys.ANALYST, them);
    const theirs = await connect(them.keys.ANALYST);
    await fire(asset.id, 'Still open.');
    expect((await theirs.next()).data?.data.alertEvents.message).toBe('Still open.');
    await streams[0]?.close();
    await vi.waitFor(async () => {
      const stream = await connect(us.keys.OWNER);
      expect(await silent(stream, 200)).toBe('silent');
    }, 60_000);
  });

  it('whoever does not take a stream, and keeps none open for them', async () => {
    const response = await fetch(`${base}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', 'x-api-key': us.keys.ANALYST },
      body: JSON.stringify({ query: QUERY }),
    });
    const answer = (await response.json()) as Answer;
    expect([response.status, answer.errors?.[0]?.extensions.code]).toEqual([400, 'BAD_REQUEST']);
    expect((await t.run(us.keys.ANALYST, QUERY)).errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
    expect(await listeners()).toBe(0);
  });

  it('a mutation over GET, with a stream for its answer too', async () => {
    const stream = await connect(us.keys.OWNER, {
      method: 'GET',
      query: 'mutation { companyUpdate(input: {name: "Changed"}) { company { name } } }',
    });
    expect(stream.response.status).toBe(405);
    expect((await t.run(us.keys.OWNER, '{ company { name } }')).data.company.name).toBe(us.company.name);
  });

  it('GET without the header that no other site can send', async () => {
    const response = await fetch(`${base}/graphql?query=${encodeURIComponent(QUERY)}`, {
      headers: { accept: 'text/event-stream', 'x-api-key': us.keys.ANALYST },
    });
    expect(response.status).toBe(403);
  });
});

describe('a subscription guards', () => {
  it('shows nobody the events of others, of the company or beyond it', async () => {
    const asset = await watched(us.keys.ANALYST);
    const mine = await connect(us.keys.ANALYST);
    const strangers = [await connect(us.keys.OWNER), await connect(them.keys.ANALYST), await connect(them.keys.OWNER)];
    await fire(asset.id, 'For one.');
    expect((await mine.next()).data?.data.alertEvents.message).toBe('For one.');
    for (const stream of strangers) expect(await silent(stream, 150)).toBe('silent');
  });

  it('reads the row by id with the tenant, whatever is announced', async () => {
    const asset = await watched(them.keys.ANALYST, them);
    await fire(asset.id, 'Theirs.');
    const [row] = await t.app.database.prisma.alertEvent.findMany({ where: { alert: { assetId: asset.id } } });
    const stream = await connect(us.keys.ANALYST);
    await t.app.database.query('select pg_notify($1, $2)', [
      'alert_events',
      `${us.company.id}:${us.users.ANALYST.id}:${row?.id}`,
    ]);
    expect(await silent(stream)).toBe('silent');
  });

  const ends = async (stream: Stream): Promise<void> => {
    const last = await stream.next();
    expect([last.event, last.data?.data, codeOf(last.data)]).toEqual(['next', null, 'BAD_CREDENTIALS']);
    expect((await stream.next()).event).toBe('complete');
  };

  it('ends when its key is revoked, on every gateway, and delivers nothing after that', async () => {
    const { secret, key } = await t.world.apiKey(us.company.id, 'ANALYST', { userId: us.users.ANALYST.id });
    const asset = await watched(us.keys.ANALYST);
    const streams = [await connect(secret), await connect(secret, { at: other.base })];
    const { data } = await t.run(
      us.keys.OWNER,
      'mutation ($id: ID!) { apiKeyRevoke(input: {id: $id, reason: "Lost"}) { userErrors { code } } }',
      { id: gid('ApiKey', key) },
    );
    expect(data.apiKeyRevoke.userErrors).toEqual([]);
    await fire(asset.id, 'Too late.');
    await Promise.all(streams.map(ends));
  });

  it('delivers nothing while it looks whether its key has ended', async () => {
    const { secret, key } = await t.world.apiKey(us.company.id, 'ANALYST', { userId: us.users.ANALYST.id });
    const asset = await watched(us.keys.ANALYST);
    await fire(asset.id, 'Of before.');
    const [row] = await t.app.database.prisma.alertEvent.findMany({ where: { alert: { assetId: asset.id } } });
    const stream = await connect(secret);
    const next = stream.next();
    const blocker = await t.app.database.connect();
    await blocker.query('begin; lock table "User" in access exclusive mode');
    await t.app.database.atomically(async (query) => {
      await query('update "ApiKey" set "revokedAt" = now() where id = $1', [key.id]);
      const payload = `${us.company.id}:${us.users.ANALYST.id}:${row?.id}`;
      await query('select pg_notify($1, $2)', ['alert_events', payload]);
    });
    const meanwhile = await Promise.race([next, sleep(300).then(() => 'silent')]);
    await blocker.end();
    expect(meanwhile).toBe('silent');
    expect(codeOf((await next).data)).toBe('BAD_CREDENTIALS');
  });

  it('ends with the session and with the user', async () => {
    const user = await t.world.user(us.company.id, 'ANALYST');
    const token = newSecret('SESSION');
    const session = await t.app.database.prisma.session.create({
      data: {
        id: user.id,
        companyId: us.company.id,
        userId: user.id,
        tokenHash: hashSecret(token),
        expiresAt: new Date(Date.now() + 1e7),
      },
    });
    const { secret } = await t.world.apiKey(us.company.id, 'ANALYST', { userId: user.id });
    const [bySession, byKey] = [await connect(token), await connect(secret)];
    await t.app.database.prisma.session.update({ where: { id: session.id }, data: { revokedAt: new Date() } });
    await ends(bySession);
    expect(await silent(byKey, 200)).toBe('silent');
    await t.app.database.prisma.user.update({ where: { id: user.id }, data: { status: 'BANNED' } });
    await byKey.close();
    // Announced, not at the same moment.
    const late = async (): Promise<number> => {
      const stream = await connect(secret);
      await stream.close();
      return stream.response.status;
    };
    await expect.poll(late).toBe(401);
  });

  it('ends a stream of a user who is banned', async () => {
    const user = await t.world.user(us.company.id, 'ANALYST');
    const { secret } = await t.world.apiKey(us.company.id, 'ANALYST', { userId: user.id });
    const stream = await connect(secret);
    await t.app.database.prisma.user.update({ where: { id: user.id }, data: { status: 'BANNED' } });
    await ends(stream);
  });

  it('ends when its key expires, at the time it has by then', async () => {
    // Long enough to connect before.
    const soon = (): Date => new Date(Date.now() + 10_000);
    const short = await t.world.apiKey(us.company.id, 'ANALYST', { userId: us.users.ANALYST.id, expiresAt: soon() });
    const shortened = await t.world.apiKey(us.company.id, 'ANALYST', { userId: us.users.ANALYST.id });
    const longer = await t.world.apiKey(us.company.id, 'ANALYST', { userId: us.users.ANALYST.id, expiresAt: soon() });
    const streams = [
      await connect(short.secret),
      await connect(shortened.secret),
      await connect(longer.secret),
    ] as const;
    const change = (id: number, expiresAt: Date) =>
      t.app.database.prisma.apiKey.update({ where: { id }, data: { expiresAt } });
    await change(shortened.key.id, soon());
    await change(longer.key.id, new Date(Date.now() + 600_000));
    await Promise.all([ends(streams[0]), ends(streams[1])]);
    expect(await silent(streams[2], 500)).toBe('silent');
  });

  it('stays open where a key is merely renamed', async () => {
    const { secret, key } = await t.world.apiKey(us.company.id, 'ANALYST', { userId: us.users.ANALYST.id });
    const stream = await connect(secret);
    await t.app.database.prisma.apiKey.update({ where: { id: key.id }, data: { name: 'Another name' } });
    expect(await silent(stream)).toBe('silent');
  });

  it('says so when it may have missed something, for its connection was lost', async () => {
    const stream = await connect(us.keys.ANALYST);
    await t.app.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query ilike '%listen alert_events%'`,
      [],
    );
    const last = await stream.next();
    expect(codeOf(last.data)).toBe('UNAVAILABLE');
    expect((await stream.next()).event).toBe('complete');
    const asset = await watched(us.keys.ANALYST);
    const fresh = await connect(us.keys.ANALYST);
    await fire(asset.id, 'Back.');
    expect((await fresh.next()).data?.data.alertEvents.message).toBe('Back.');
  });
});
