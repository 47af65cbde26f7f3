import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { issueDemoKey, seedDemo } from '../src/demo.ts';
import { newSecret, hashSecret } from '../src/secrets.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

/** The addresses that customers call without GraphQL, on the demo market. */

let t: TestGateway;
let buyer: string;
let endpointKey: string;
const CATALOGUE = 'http://gateway/companies/basket-insights/endpoints/v1/product-catalogue-with-prices';
const SALES = 'http://gateway/companies/basket-insights/endpoints/v1/daily-sales-by-store';
const MARGIN = 'http://gateway/analyze/basket-insights/assets/gross-margin-of-the-last-30-days';

beforeAll(async () => {
  t = await testGateway({ DEMO: 'true', LOG_LEVEL: 'error' });
  await seedDemo(t.app, () => {});
  buyer = await issueDemoKey(t.app, 'buyer', 'OWNER');
  const endpoint = await t.app.database.prisma.endpoint.findFirstOrThrow({
    where: { slug: 'product-catalogue-with-prices' },
  });
  const company = await t.app.database.prisma.company.findUniqueOrThrow({ where: { handle: 'northgate-capital' } });
  endpointKey = newSecret('ENDPOINT');
  await t.app.database.prisma.apiKey.create({
    data: {
      companyId: company.id,
      roleId: 3,
      kind: 'ENDPOINT',
      endpointId: endpoint.id,
      name: 'Rows',
      secretHash: hashSecret(endpointKey),
      lastFour: endpointKey.slice(-4),
    },
  });
});
afterAll(() => t.close());

const get = async (url: string, key: string | null, init: RequestInit = {}) => {
  const response = await t.gateway.fetch(url, {
    ...init,
    headers: { ...(key ? { 'x-api-key': key } : {}), ...(init.headers as Record<string, string>) },
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
};
const balance = async (): Promise<number> =>
  (await t.app.database.prisma.company.findUniqueOrThrow({ where: { handle: 'northgate-capital' } })).creditsBalance;

describe('rows over HTTP work', () => {
  it('pages with an endpoint key, on the path and on the subdomain', async () => {
    const first = await get(`${CATALOGUE}?start=0&limit=2`, endpointKey);
    expect(first.status).toBe(200);
    expect(first.body.request).toEqual({
      handle: 'basket-insights',
      endpoint: 'product-catalogue-with-prices',
      start: 0,
      limit: 2,
    });
    expect(first.body.response.rows).toHaveLength(2);
    expect(first.body.response.has_more).toBe(true);
    expect(Object.keys(first.body.response.rows[0])).toEqual(
      first.body.response.columns.map((column: { name: string }) => column.name),
    );
    const host = { host: 'basket-insights.api.example.com' };
    const sub = await get('http://gateway/endpoints/v1/product-catalogue-with-prices?start=1&limit=1', endpointKey, {
      headers: host,
    });
    expect(sub.body.response.rows[0]).toEqual(first.body.response.rows[1]);
    const loud = await get('http://gateway/endpoints/v1/product-catalogue-with-prices?limit=1', endpointKey, {
      headers: { host: 'Basket-Insights.API.example.com:443' },
    });
    expect(loud.body.response.rows[0]).toEqual(first.body.response.rows[0]);
  });

  it('takes a list as a name that comes several times, or once', async () => {
    const seller = await issueDemoKey(t.app, 'basket-insights', 'OWNER');
    const { prisma } = t.app.database;
    const model = await prisma.endpoint.findFirstOrThrow({ where: { slug: 'product-catalogue-with-prices' } });
    const [column] = (model.endpointSchema as { columns: { name: string; type: string }[] }).columns;
    await t.world.endpoint(model.companyId, model.connectionId, {
      slug: 'some-products',
      sourceSchemaName: model.sourceSchemaName,
      sourceTableName: model.sourceTableName,
      endpointSchema: { columns: [{ ...column, filter: { op: 'in', param: 'wanted' } }] },
    });
    const url = 'http://gateway/companies/basket-insights/endpoints/v1/some-products';
    const values = async (query: string): Promise<unknown[]> => {
      const { body } = await get(`${url}?limit=5&${query}`, seller);
      return (body.response?.rows ?? [body.errors]).map((row: Record<string, unknown>) => Object.values(row)[0]);
    };
    const all = await get(`${CATALOGUE}?limit=3`, endpointKey);
    const [first, second] = all.body.response.rows.map((row: Record<string, unknown>) => row[column?.name ?? '']);
    expect(await values(`wanted=${second}&wanted=${first}`)).toEqual([first, second]);
    expect(await values(`wanted=${second}`)).toEqual([second]);
    expect(await values(`wanted=x&wanted=${second}`)).toEqual([[expect.stringContaining('wanted takes')]]);
    const twice = 'http://gateway/analyze/kickoff-metrics/assets/home-advantage-index?season=2025&season=2024';
    expect((await get(twice, buyer)).body).toMatchObject({
      code: 400,
      errors: { 'parameters.season': [expect.any(String)] },
    });
  });

  it('charges a page with rows once', async () => {
    const before = await balance();
    const page = await get(`${SALES}?limit=3`, buyer);
    expect(page.status).toBe(200);
    expect(page.body.spartera).toMatchObject({ billed: true, credits: 2, limit_applied: 3 });
    expect(await balance()).toBe(before - 2);
  });
});

describe('a deprecated endpoint over HTTP', () => {
  it('runs and says so, until it no longer is', async () => {
    const updatedAt = new Date('2026-11-01T12:00:00.500Z');
    const set = (status: 'ACTIVE' | 'DEPRECATED') =>
      t.app.database.prisma.endpoint.updateMany({
        where: { slug: 'product-catalogue-with-prices' },
        data: { status, updatedAt },
      });
    await set('DEPRECATED');
    const page = await get(`${CATALOGUE}?limit=1`, endpointKey);
    expect([page.status, page.headers.get('deprecation')]).toEqual([
      200,
      `@${Date.parse('2026-11-01T12:00:00Z') / 1000}`,
    ]);
    expect(page.body.spartera.warnings).toHaveLength(1);
    await set('ACTIVE');
    const again = await get(`${CATALOGUE}?limit=1`, endpointKey);
    expect([again.status, again.headers.get('deprecation'), again.body.spartera.warnings]).toEqual([200, null, []]);
  });
});

describe('assets over HTTP work', () => {
  it('answers the same value for GET and POST, with a receipt', async () => {
    const read = await get(MARGIN, buyer);
    const posted = await get(MARGIN, buyer, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect(read.status).toBe(200);
    expect(read.body.response.answer_value).toBe(posted.body.response.answer_value);
    expect(read.body.spartera).toMatchObject({ billed: true, credits: 5 });
    expect(read.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
  });

  it('takes typed parameters from the query string', async () => {
    const url = 'http://gateway/analyze/kickoff-metrics/assets/home-advantage-index';
    const answer = await get(`${url}?season=2025`, buyer);
    expect(answer.body.request.parameters).toEqual({ season: 2025 });
    expect(answer.body.response.value).toBe('0.425');
  });
});

describe('an endpoint that is to go away', () => {
  it('says so in the header, and answers', async () => {
    const where = { slug: 'product-catalogue-with-prices' };
    const status = (to: 'ACTIVE' | 'DEPRECATED') =>
      t.app.database.prisma.endpoint.updateMany({ where, data: { status: to } });
    await status('DEPRECATED');
    const { updatedAt } = await t.app.database.prisma.endpoint.findFirstOrThrow({ where });
    const page = await get(`${CATALOGUE}?limit=1`, endpointKey);
    await status('ACTIVE');
    expect([page.status, page.headers.get('deprecation')]).toEqual([200, `@${Math.floor(updatedAt.getTime() / 1000)}`]);
    expect((await get(`${CATALOGUE}?limit=1`, endpointKey)).headers.get('deprecation')).toBeNull();
  });
});

describe('a repeated request', () => {
  const again = { headers: { 'idempotency-key': 'order 17' } };
  it('with the same key has the same answer and is charged once', async () => {
    const before = await balance();
    const [first, second] = [await get(`${SALES}?limit=3`, buyer, again), await get(`${SALES}?limit=3`, buyer, again)];
    expect([first.status, second.body]).toEqual([200, first.body]);
    expect(first.body.spartera).toMatchObject({
      billed: true,
      credits: 2,
      price_usd: '1.00',
      rows: 3,
      engine_job_id: null,
    });
    const run = { headers: { 'idempotency-key': 'run 17' } };
    const [one, two] = [
      await get(MARGIN, buyer, run),
      await get(MARGIN, buyer, { ...run, method: 'POST', body: '{}' }),
    ];
    expect([one.status, two.body]).toEqual([200, one.body]);
    expect(await balance()).toBe(before - 2 - 5);
  });

  it('with the key of another one is refused, and so is a key that is too long', async () => {
    const before = await balance();
    const other = await get(`${SALES}?limit=4`, buyer, again);
    expect([other.status, other.body.reason]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
    const long = await get(`${SALES}?limit=4`, buyer, { headers: { 'idempotency-key': 'x'.repeat(256) } });
    expect([long.status, long.body.reason]).toEqual([400, 'VALIDATION']);
    expect(await balance()).toBe(before);
  });
});

describe('an endpoint that is open to anybody', () => {
  const open = (data: object) =>
    t.app.database.prisma.endpoint.updateMany({ where: { slug: 'product-catalogue-with-prices' }, data });
  const usual = {
    accessMethod: 'API_KEY' as const,
    rateLimitNumber: null,
    rateLimitPeriod: null,
    rateLimitGranularity: null,
  };
  afterEach(async () => {
    await open({ ...usual, sellInMarketplace: true, status: 'ACTIVE' });
    await price('0.00');
  });
  const price = (amountUsd: string) =>
    t.app.database.prisma.price.updateMany({
      where: { endpoint: { slug: 'product-catalogue-with-prices' }, endedAt: null },
      data: { amountUsd },
    });

  it('answers without a credential, at the cost of nobody and within its limit', async () => {
    await open({ accessMethod: 'OPEN', rateLimitNumber: 1, rateLimitPeriod: 'HOUR', rateLimitGranularity: 'USER' });
    const page = await get(`${CATALOGUE}?limit=2`, null);
    expect(page.status).toBe(200);
    expect(page.body.spartera).toMatchObject({ billed: false, credits: 0, price_usd: '0.00' });
    expect(page.body.response.rows).toHaveLength(2);
    const { companyId } = await t.app.database.prisma.endpoint.findFirstOrThrow({
      where: { slug: 'product-catalogue-with-prices' },
    });
    expect(
      await t.app.database.prisma.run.findUniqueOrThrow({ where: { id: page.body.spartera.run_id } }),
    ).toMatchObject({ companyId, sellerCompanyId: companyId, userId: null, apiKeyId: null, isBilled: false });
    const refused = await get(`${CATALOGUE}?limit=2`, null);
    expect([refused.status, refused.body.reason]).toEqual([429, 'RATE_LIMITED']);
  });

  it.each([
    ['is not OPEN', { accessMethod: 'API_KEY' as const }, '0.00'],
    ['is not listed', { accessMethod: 'OPEN' as const, sellInMarketplace: false }, '0.00'],
    ['costs credits', { accessMethod: 'OPEN' as const }, '0.01'],
  ])('refuses where it %s', async (_, data, amountUsd) => {
    await open(data);
    await price(amountUsd);
    const answer = await get(CATALOGUE, null);
    expect([answer.status, answer.body.reason]).toEqual([401, 'UNAUTHENTICATED']);
  });

  it('tells nobody how its table failed, and opens nothing else', async () => {
    await open({ accessMethod: 'OPEN' });
    const { sourceTableName } = await t.app.database.prisma.endpoint.findFirstOrThrow({
      where: { slug: 'product-catalogue-with-prices' },
    });
    await open({ sourceTableName: 'no_such_table' });
    const failed = await get(CATALOGUE, null);
    await open({ sourceTableName });
    expect([failed.status, failed.body.message]).toEqual([422, 'The endpoint could not answer. Nothing was charged.']);
    expect((await get(SALES, null)).status).toBe(401);
    expect((await get(MARGIN, null)).status).toBe(401);
  });
});

describe('limits of products over HTTP', () => {
  it('are told after each run, and when there are no more', async () => {
    const url = 'http://gateway/analyze/kickoff-metrics/assets/home-advantage-index?season=2025';
    const limit = (rateLimitNumber: number | null) =>
      t.app.database.prisma.asset.updateMany({
        where: { slug: 'home-advantage-index' },
        data: rateLimitNumber
          ? { rateLimitNumber, rateLimitPeriod: 'HOUR', rateLimitGranularity: 'COMPANY' }
          : { rateLimitNumber, rateLimitPeriod: null, rateLimitGranularity: null },
      });
    await limit(50);
    const [first, second] = [await get(url, buyer), await get(url, buyer)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(first.headers.get('ratelimit-policy')).toBe('"product";q=50;w=3600');
    const left = (answer: typeof first): number =>
      Number(/^"product";r=(\d+);t=\d+$/.exec(answer.headers.get('ratelimit') ?? '')?.[1]);
    expect(left(first) - left(second)).toBe(1);
    await limit(1);
    const refused = await get(url, buyer);
    expect([refused.status, left(refused)]).toEqual([429, 0]);
    expect(refused.headers.get('retry-after')).toBe(String(refused.body.retry_after));
    await limit(null);
    expect((await get(url, buyer)).headers.get('ratelimit')).toBeNull();
  });
});

describe('the addresses refuse', () => {
  it.each([
    ['no credential', CATALOGUE, null, 401, 'UNAUTHENTICATED'],
    ['a bad key', CATALOGUE, 'sk_nonsense', 401, 'BAD_CREDENTIALS'],
    ['an unknown product', 'http://gateway/analyze/basket-insights/assets/no-such-asset', 'buyer', 404, 'NOT_FOUND'],
    ['a bad number', `${CATALOGUE}?limit=many`, 'buyer', 400, 'VALIDATION'],
    ['a page of no rows', `${SALES}?limit=0`, 'buyer', 400, 'VALIDATION'],
    [
      'a bad parameter',
      'http://gateway/analyze/kickoff-metrics/assets/home-advantage-index?season=soon',
      'buyer',
      400,
      'VALIDATION',
    ],
    ['a run dearer than max_credits', `${MARGIN}?max_credits=1`, 'buyer', 422, 'PRICE_TOO_HIGH'],
    ['an asset with an endpoint key', MARGIN, 'endpoint', 403, 'FORBIDDEN'],
    ['another endpoint with an endpoint key', SALES, 'endpoint', 404, 'NOT_FOUND'],
  ])('%s', async (_, url, as, status, reason) => {
    const before = await balance();
    const key = as === 'buyer' ? buyer : as === 'endpoint' ? endpointKey : as;
    const answer = await get(url, key);
    expect([answer.status, answer.body.reason]).toEqual([status, reason]);
    expect(answer.body.code).toBe(status);
    expect(await balance()).toBe(before);
  });

  it('a write to rows', async () =>
    expect((await get(CATALOGUE, buyer, { method: 'POST', body: '{}' })).status).toBe(405));
  it('a body that is no JSON', async () =>
    expect((await get(MARGIN, buyer, { method: 'POST', body: '{' })).status).toBe(400));
});
