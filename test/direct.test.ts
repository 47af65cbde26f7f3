import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

/** The direct way of the common request answers exactly as yoga's whole way, which requests with an Origin take. */

let t: TestGateway;
let us: Tenant;
let url: string;
beforeAll(async () => {
  // What is spent comes back at once, so that both ways find the same budget.
  t = await testGateway({ COST_RESTORE: '1000000000' });
  us = await t.tenant({ handle: 'us' });
  const { port } = await t.gateway.listen(0, '127.0.0.1');
  url = `http://127.0.0.1:${port}/graphql`;
});
afterAll(async () => {
  await t.gateway.drain(0);
  await t.close();
});

async function ask(body: string, key: string | null, more: Record<string, string>) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-request-id': 'same',
      ...(key ? { 'x-api-key': key } : {}),
      ...more,
    },
    body,
  });
  const headers = Object.fromEntries(response.headers);
  for (const name of ['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'vary'])
    delete headers[name];
  return { status: response.status, headers, body: await response.json() };
}

const document = (query: string, variables?: Record<string, unknown>): string =>
  JSON.stringify({ query, ...(variables ? { variables } : {}) });

describe('both ways answer the same', () => {
  it.each([
    ['a read', document('{ company { handle users(first: 2) { nodes { role } totalCount { value } } } }'), 'OWNER'],
    ['variables', document('query ($n: Int!) { industries(first: $n) { nodes { name } } }', { n: 2 }), null],
    ['an anonymous refusal', document('{ company { handle } }'), null],
    ['a refused role', document('mutation { companyUpdate(input: {name: "x"}) { userErrors { code } } }'), 'VIEWER'],
    [
      'a mutation',
      document('mutation { companyUpdate(input: {name: "Ours"}) { company { name } userErrors { code } } }'),
      'OWNER',
    ],
    ['a wrong page size', document('{ industries(first: 1000) { nodes { name } } }'), null],
    ['a field that is not there', document('{ nope }'), null],
    ['a syntax error', document('{ company'), null],
    [
      'what costs too much',
      document(
        '{ company { users(first: 100) { nodes { assets(first: 100) { nodes { prices(first: 100) { nodes { credits } } } } } } } }',
      ),
      'OWNER',
    ],
    ['a bad key', document('{ company { handle } }'), 'sk_bad'],
    ['an unknown operation', JSON.stringify({ query: 'query A { viewer { role } }', operationName: 'B' }), null],
    ['no query', '{}', null],
    ['no JSON', '{', null],
  ])('%s', async (_, body, as) => {
    const key = as === null || as === 'sk_bad' ? as : us.keys[as as 'OWNER'];
    const direct = await ask(body, key, {});
    const whole = await ask(body, key, { origin: 'http://elsewhere.example' });
    expect(direct).toEqual(whole);
    expect(direct.headers['x-request-id']).toBe('same');
  });

  it('with the limits of a key', async () => {
    const { secret } = await t.world.apiKey(us.company.id, 'VIEWER', { rateLimitNumber: 2, rateLimitPeriod: 'DAY' });
    const elsewhere = { origin: 'http://elsewhere.example' };
    const answers: Awaited<ReturnType<typeof ask>>[] = [];
    for (const more of [{}, elsewhere, {}, elsewhere] as Record<string, string>[])
      answers.push(await ask(document('{ viewer { role } }'), secret, more));
    expect(answers.map(({ status, headers }) => [status, headers['ratelimit']?.replace(/;t=\d+/g, '')])).toEqual([
      [200, '"key";r=1, "cost";r=200000'],
      [200, '"key";r=0, "cost";r=200000'],
      [429, '"key";r=0'],
      [429, '"key";r=0'],
    ]);
    const [key, cost] = ['"key";q=2;w=86400', '"cost";q=200000;w=1'];
    expect(answers.map(({ headers }) => headers['ratelimit-policy'])).toEqual([
      `${key}, ${cost}`,
      `${key}, ${cost}`,
      key,
      key,
    ]);
    expect(answers.map(({ headers }) => 'retry-after' in headers)).toEqual([false, false, true, true]);
  });
});
