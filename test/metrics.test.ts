import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openAuthenticator } from '../src/boot.ts';
import type { Authenticator } from '../src/auth.ts';
import { createLog } from '../src/log.ts';
import { createMetrics } from '../src/metrics.ts';
import { schema } from '../src/schema.ts';
import { createGateway, type Gateway } from '../src/http/server.ts';
import { holdEngine, openShop, process as processAsset, type Shop } from './assets.fixtures.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

const TOKEN = 'a token of the scraper';

let t: TestGateway;
let shop: Shop;
let auth: Authenticator;
let gateway: Gateway;
let base: string;
const logged: string[] = [];
beforeAll(async () => {
  t = await testGateway({ METRICS_TOKEN: TOKEN, SLOW_OPERATION_MS: '1' });
  shop = await openShop(t);
  auth = await openAuthenticator(t.app);
  const log = createLog('info', { write: (line: string) => void logged.push(line) });
  gateway = createGateway({ ...t.app, log }, schema, auth, () => '');
  base = `http://127.0.0.1:${(await gateway.listen(0, '127.0.0.1')).port}`;
});
afterAll(async () => {
  await gateway.drain(0);
  await auth.close();
  await t.close();
});

const scrape = (authorization?: string) =>
  fetch(`${base}/metrics`, authorization === undefined ? {} : { headers: { authorization } });

/** The samples of the moment: `name{labels}` to its value. */
async function samples(): Promise<Map<string, number>> {
  const response = await scrape(`Bearer ${TOKEN}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

/** How much a sample grows by some work, counted until it has grown at all: an answer arrives before it is counted. */
async function growth(name: string, work: () => Promise<unknown>): Promise<number> {
  const before = (await samples()).get(name) ?? 0;
  await work();
  return vi.waitFor(
    async () => {
      const grown = ((await samples()).get(name) ?? 0) - before;
      expect(grown).toBeGreaterThan(0);
      return grown;
    },
    { timeout: 60_000 },
  );
}

const ask = (query: string, key = shop.seller.keys.OWNER) =>
  fetch(`${base}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ query }),
  });

describe('metrics work', () => {
  it('count requests, by their door and status', async () => {
    const count = 'gateway_http_request_duration_seconds_count';
    expect(await growth(`${count}{door="graphql",status="200"}`, () => ask('{ viewer { kind } }'))).toBe(1);
    expect(await growth(`${count}{door="other",status="404"}`, () => fetch(`${base}/nothing`))).toBe(1);
    const path = '/companies/seller/endpoints/v1/none';
    expect(await growth(`${count}{door="rest",status="401"}`, () => fetch(base + path))).toBe(1);
  });

  it('count operations and the codes of errors', async () => {
    const operations = 'gateway_graphql_operation_duration_seconds_count';
    expect(await growth(`${operations}{type="query",outcome="ok"}`, () => ask('{ company { name } }'))).toBe(1);
    const denied = () => ask('{ company { name } }', 'no key');
    expect(await growth('gateway_graphql_errors_total{code="BAD_CREDENTIALS"}', denied)).toBe(1);
    const invalid = () => ask('{ nonsense }');
    expect(await growth('gateway_graphql_errors_total{code="GRAPHQL_VALIDATION_FAILED"}', invalid)).toBe(1);
  });

  it('count statements, and show the pool', async () => {
    const grown = await growth('gateway_database_statements_total', () =>
      ask('{ company { users { nodes { name } } } }'),
    );
    expect(grown).toBeGreaterThanOrEqual(1);
    const found = await samples();
    expect(found.get('gateway_database_connections{state="idle"}')).toBeGreaterThan(0);
    expect(found.get('gateway_database_connections{state="waiting"}')).toBe(0);
    expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(1e7);
  });

  it('count runs by how they ended', async () => {
    const runs = 'gateway_run_duration_seconds_count';
    const good = await shop.asset({ sqlLogic: 'select 1 as answer_value' });
    const bad = await shop.asset({ sqlLogic: 'select * from nothing' });
    const run = (asset: typeof good) => processAsset(t, shop.seller.keys.ANALYST, asset, {});
    const ok = `${runs}{kind="PROCESS",status="SUCCEEDED",cache="BYPASS"}`;
    expect(await growth(ok, () => run(good))).toBe(1);
    expect(await growth(`${runs}{kind="PROCESS",status="FAILED",cache="NONE"}`, () => run(bad))).toBe(1);
    expect((await samples()).get('gateway_run_engine_duration_seconds_count{kind="PROCESS"}')).toBeGreaterThan(0);
  });

  it('count a client that left as 499', async () => {
    const asset = await shop.asset({ sqlLogic: 'select 1 as answer_value' });
    const held = holdEngine(t);
    const leave = async (): Promise<void> => {
      const sent = request(`${base}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': shop.seller.keys.ANALYST },
      });
      // It is cut below.
      sent.on('error', () => undefined);
      const { companyHandle, slug } = { companyHandle: 'seller', slug: asset.slug };
      sent.end(
        JSON.stringify({
          query: 'mutation($a: AssetAddress!) { assetProcess(input: {address: $a}) { run { id } } }',
          variables: { a: { companyHandle, slug } },
        }),
      );
      await vi.waitFor(() => expect(held.calls()).toBe(1), { timeout: 60_000 });
      const closed = new Promise<void>((resolve) => sent.once('close', resolve));
      sent.destroy();
      await closed;
    };
    expect(await growth('gateway_http_request_duration_seconds_count{door="graphql",status="499"}', leave)).toBe(1);
    held.open();
  });

  it('log an operation that is slow, by its name', async () => {
    await ask(
      'query Everybody { company { users { nodes { name } } assets { nodes { name prices { nodes { id } } } } } }',
    );
    await vi.waitFor(() => expect(logged.join('')).toContain('"operation":"Everybody"'), { timeout: 60_000 });
    const line = logged.find((one) => one.includes('"operation":"Everybody"')) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({ msg: 'a slow operation', type: 'query', cost: expect.any(Number) });
  });
});

describe('metrics refuse', () => {
  it('whoever has not the token', async () => {
    for (const given of [undefined, '', TOKEN, 'Bearer ', `Bearer ${TOKEN}x`, 'Bearer wrong']) {
      const response = await scrape(given);
      expect(response.status).toBe(404);
      expect(await response.text()).not.toContain('gateway_http');
    }
  });

  it('everybody, where no token is set', async () => {
    const { METRICS_TOKEN: _, ...config } = t.app.config;
    const closed = createGateway({ ...t.app, config }, schema, auth, () => '');
    for (const authorization of ['', 'Bearer ', 'Bearer undefined'])
      expect((await closed.fetch('http://gateway/metrics', { headers: { authorization } })).status).toBe(404);
  });
});

describe('metrics guard', () => {
  it('labels with few values: nothing that a client or a seller writes', async () => {
    await ask('query Secret_Name { company { name } }');
    const names = [...(await samples()).keys()].filter((name) => name.startsWith('gateway_'));
    const labels = new Set(names.flatMap((name) => [...name.matchAll(/(\w+)="/g)].map((match) => match[1] ?? '')));
    expect([...labels].sort()).toEqual(['cache', 'code', 'door', 'kind', 'le', 'outcome', 'state', 'status', 'type']);
    expect(names.join('\n')).not.toContain('Secret_Name');
  });

  it('each app counts its own', async () => {
    const other = createMetrics(t.app.database, false);
    other.error('BAD_REQUEST');
    expect((await other.text()).text).toContain('gateway_graphql_errors_total{code="BAD_REQUEST"} 1');
    expect((await samples()).get('gateway_graphql_errors_total{code="BAD_REQUEST"}')).toBeUndefined();
  });
});
