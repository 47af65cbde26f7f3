import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunQuery } from '../src/database/db.ts';
import { createKeyLimits, pruneKeyLimits } from '../src/limits/key-limits.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant();
});
afterAll(() => t.close());

const DAY = { number: 3, period: 'DAY' } as const;
const keyWith = (number: number) =>
  t.world.apiKey(us.company.id, 'VIEWER', { rateLimitNumber: number, rateLimitPeriod: 'DAY' });
/** One process's view of the limits, on the database of all. */
const process = (query: RunQuery = t.app.database.query) => createKeyLimits({ query });

async function ask(key: string, headers: Record<string, string> = {}, body = '{"query":"{ company { name } }"}') {
  const response = await t.gateway.fetch('http://gateway/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe('limits of keys work', () => {
  it('over all processes: as many as the limit says, whoever is asked', async () => {
    const [one, two] = [process(), process()];
    const asked = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? one : two)(1001, DAY)));
    expect(asked.filter(({ isAllowed }) => isAllowed)).toHaveLength(3);
    expect((await process()(1001, DAY)).isAllowed).toBe(false);
    expect((await one(1002, DAY)).use).toMatchObject({
      policy: 'key',
      number: 3,
      windowSeconds: 86_400,
      remaining: 2,
    });
  });

  it('anew after their period, and where the period is another one', async () => {
    const wait = process();
    for (let i = 0; i < 4; i++) await wait(1003, DAY);
    expect((await wait(1003, { number: 3, period: 'HOUR' })).isAllowed).toBe(true);
    await t.app.database.query(`update "KeyLimit" set expire = $1 where key = 'DAY:1003'`, [Date.now() - 1]);
    expect((await process()(1003, DAY)).use.remaining).toBe(2);
  });

  it('at once where the number is raised: what was counted stays', async () => {
    const wait = process();
    for (let i = 0; i < 4; i++) await wait(1004, DAY);
    const { isAllowed, use } = await wait(1004, { number: 10, period: 'DAY' });
    expect([isAllowed, use.remaining]).toEqual([true, 6]);
  });

  it('say in headers what is left, then answer 429 with Retry-After; other keys go on', async () => {
    const { secret, key } = await keyWith(2);
    const [first, second, refused] = [await ask(secret), await ask(secret), await ask(secret)];
    await t.app.usage.flush();
    const { data } = await t.run(
      us.keys.ADMIN,
      'query ($id: ID!) { company { apiKey(id: $id) { statistics { requestCount failedAttemptCount } } } }',
      { id: gid('ApiKey', key) },
    );
    expect(data.company.apiKey.statistics).toEqual({ requestCount: 2, failedAttemptCount: 1 });
    expect([first, second, refused].map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(first.headers.get('ratelimit-policy')).toBe('"key";q=2;w=86400, "cost";q=200000;w=10');
    // What a refused request would have cost is not looked at.
    expect([first, second, refused].map(({ headers }) => headers.get('ratelimit')?.replace(/t=\d+/g, 't='))).toEqual([
      expect.stringMatching(/^"key";r=1;t=, "cost";r=\d+;t=$/),
      expect.stringMatching(/^"key";r=0;t=, "cost";r=\d+;t=$/),
      '"key";r=0;t=',
    ]);
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(86_400);
    expect(refused.body.errors[0].extensions).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
    const other = await ask(us.keys.VIEWER);
    expect([other.status, other.headers.get('ratelimit-policy')]).toEqual([200, '"cost";q=200000;w=10']);
  });

  it('hold for the addresses without GraphQL too', async () => {
    const { secret } = await keyWith(1);
    const get = () =>
      t.gateway.fetch('http://gateway/analyze/nobody/assets/nothing', { headers: { 'x-api-key': secret } });
    const [first, refused] = [await get(), await get()];
    expect([first.status, refused.status]).toEqual([403, 429]);
    expect(first.headers.get('ratelimit')).toMatch(/^"key";r=0;t=\d+$/);
    expect(refused.headers.get('ratelimit-policy')).toBe('"key";q=1;w=86400');
    expect(refused.headers.get('retry-after')).toBe((await refused.json()).retry_after.toString());
  });

  it('of the key and of the product stand side by side', async () => {
    const seller = await t.tenant();
    const buyer = await t.tenant();
    const connection = await t.world.connection(seller.company.id);
    const asset = await t.world.asset(seller.company.id, {
      connectionId: connection.id,
      sellInMarketplace: true,
      rateLimitNumber: 2,
      rateLimitPeriod: 'HOUR',
      rateLimitGranularity: 'COMPANY',
    } as never);
    await t.world.price(seller.company.id, { assetId: asset.id }, '0.00');
    const { secret } = await t.world.apiKey(buyer.company.id, 'ANALYST', {
      rateLimitNumber: 9,
      rateLimitPeriod: 'MINUTE',
    });
    const query =
      'mutation ($i: AssetProcessInput!) { assetProcess(input: $i) { run { status } userErrors { code } } }';
    const body = JSON.stringify({ query, variables: { i: { assetId: gid('Asset', asset) } } });
    const runs = [await ask(secret, {}, body), await ask(secret, {}, body), await ask(secret, {}, body)];
    expect(runs.map(({ body: { data } }) => data.assetProcess.userErrors)).toEqual([
      [],
      [],
      [{ code: 'RATE_LIMITED' }],
    ]);
    expect(runs[0]?.headers.get('ratelimit-policy')).toBe('"key";q=9;w=60, "product";q=2;w=3600, "cost";q=200000;w=10');
    expect(runs.map(({ headers }) => headers.get('ratelimit')?.replace(/;t=\d+/g, ''))).toEqual([
      expect.stringMatching(/^"key";r=8, "product";r=1, "cost";r=\d+$/),
      expect.stringMatching(/^"key";r=7, "product";r=0, "cost";r=\d+$/),
      expect.stringMatching(/^"key";r=6, "product";r=0, "cost";r=\d+$/),
    ]);
  });
});

describe('limits of keys cost', () => {
  it('nothing where a key has none, one statement where it has one, none once it is used up', async () => {
    const viewer = JSON.stringify({ query: '{ viewer { role } }' });
    const { secret } = await keyWith(3);
    await Promise.all([ask(us.keys.VIEWER, {}, viewer), ask(secret, {}, viewer)]);
    expect(await t.statements(() => ask(us.keys.VIEWER, {}, viewer))).toEqual([]);
    const counted = await t.statements(() => ask(secret, {}, viewer));
    expect([counted.length, counted[0]]).toEqual([1, expect.stringContaining('"KeyLimit"')]);
    await ask(secret, {}, viewer);
    expect(await t.statements(async () => expect((await ask(secret, {}, viewer)).status).toBe(429))).toEqual([]);
  });
});

describe('limits of keys guard', () => {
  it('also while the database fails: then each process counts by itself', async () => {
    const wait = process(() => Promise.reject(new Error('gone')));
    const allowed = [];
    for (let i = 0; i < 5; i++) allowed.push((await wait(1005, DAY)).isAllowed);
    expect(allowed).toEqual([true, true, true, false, false]);
  });

  it('against a table that only grows: counts of periods that are over go', async () => {
    await process()(1006, DAY);
    await t.app.database.query(`insert into "KeyLimit" values ('DAY:1007', 5, $1)`, [Date.now() - 1]);
    await pruneKeyLimits(t.app.database);
    const rows = await t.app.database.query(`select key from "KeyLimit" where key in ('DAY:1006', 'DAY:1007')`, []);
    expect(rows).toEqual([{ key: 'DAY:1006' }]);
  });
});
