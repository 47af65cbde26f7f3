import { readFileSync } from 'node:fs';
import path from 'node:path';
import { buildSchema, isObjectType, parse, valueFromASTUntyped, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Viewer } from '../src/context.ts';
import { costOf } from '../src/limits/cost.ts';
import { readExamples } from '../src/http/explorer.ts';
import { schema } from '../src/schema.ts';
import { createThrottle } from '../src/limits/throttle.ts';
import { gid, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let assetIds: string[];
beforeAll(async () => {
  // Time stands still, so that nothing comes back: what is left is what was not spent.
  vi.spyOn(performance, 'now').mockReturnValue(performance.now());
  t = await testGateway({ COST_BUDGET: '20000', COST_RESTORE: '1' });
  us = await t.tenant({ handle: 'us' });
  const connection = await t.world.connection(us.company.id);
  assetIds = [];
  for (let i = 0; i < 3; i++) {
    const asset = await t.world.asset(us.company.id, { connectionId: connection.id });
    await t.world.price(us.company.id, { assetId: asset.id }, '1.00');
    assetIds.push(gid('Asset', asset));
  }
});
afterAll(async () => {
  vi.restoreAllMocks();
  await t.close();
});

/** Asks with a fresh key, whose budget is full. */
async function ask(query: string, variables: Record<string, unknown> = {}, key?: string) {
  const secret = key ?? (await t.world.apiKey(us.company.id, 'OWNER')).secret;
  const response = await t.gateway.fetch('http://gateway/graphql', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      'x-api-key': secret,
    },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, headers: response.headers, answer: (await response.json()) as Answer };
}

/** What a request may cost and what it did. */
async function costs(query: string, variables: Record<string, unknown> = {}): Promise<[number, number]> {
  const { answer } = await ask(query, variables);
  expect(answer.errors).toBeUndefined();
  const { requestedQueryCost, actualQueryCost } = answer.extensions.cost;
  return [requestedQueryCost, actualQueryCost];
}

describe('cost works', () => {
  it('counts pages before a request with what they may hold, afterwards with what they held', async () => {
    // The company and the list, and each asset; its owner and the list of its prices, and each of those.
    expect(
      await costs(
        '{ company { assets(first: 10) { nodes { name owner { name } prices(first: 5) { nodes { id } } } } } }',
      ),
    ).toEqual([2 + 10 * (1 + 1 + 1 + 5), 2 + 3 * (1 + 1 + 1 + 1)]);
    expect(await costs('{ company { assets(first: 10) { edges { node { name } } totalCount { value } } } }')).toEqual([
      2 + 10 * 2 + 1,
      2 + 3 * 2 + 1,
    ]);
  });

  it('counts once what fragments ask twice, and what has two names twice', async () => {
    expect(
      await costs(`{ company { ...A ...B assets(first: 9) { nodes { id } } } }
        fragment A on Company { assets(first: 9) { nodes { name } } }
        fragment B on Company { assets(first: 9) { nodes { owner { name } } totalCount { value } } }`),
    ).toEqual([2 + 9 * 2 + 1, 2 + 3 * 2 + 1]);
    expect(
      await costs('{ company { a: assets(first: 9) { nodes { id } } b: assets(first: 9) { nodes { id } } } }'),
    ).toEqual([1 + 2 * 10, 1 + 2 * 4]);
  });

  it('leaves out what is skipped', async () => {
    const query = `query ($yes: Boolean!, $n: Int = 7) { company { assets(first: $n) @include(if: $yes) { nodes { id } } name @skip(if: true) } }`;
    expect(await costs(query, { yes: true })).toEqual([9, 5]);
    expect(await costs(query, { yes: false })).toEqual([1, 1]);
    expect(await costs(query, { yes: true, n: 2 })).toEqual([4, 4]);
  });

  it('counts the dearest of the types that a node may have, and then the one it has', async () => {
    const query = `query ($id: ID!) { node(id: $id) { ... on Company { users(first: 50) { nodes { id } } } ... on Asset { prices(first: 5) { nodes { id } } } } }`;
    expect(await costs(query, { id: assetIds[0] })).toEqual([1 + 1 + 50, 1 + 1 + 1]);
    expect(await costs(query, { id: gid('Company', us.company) })).toEqual([1 + 1 + 50, 1 + 1 + 6]);
  });

  it('counts the items of lists without pages too, where they have some themselves', async () => {
    const nodes = `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Asset { prices(first: 5) { nodes { id } } } } }`;
    expect(await costs(nodes, { ids: assetIds })).toEqual([10 + 3 * (1 + 1 + 5), 10 + 3 * (1 + 1 + 1)]);
    const best = `{ company { assetPerformance(first: 30) { asset { prices(first: 5) { nodes { id } } } } } }`;
    expect(await costs(best)).toEqual([1 + 20 + 30 * (1 + 1 + 1 + 5), 1 + 20]);
  });

  it('takes whatever was sent as a size, and the larger of two', async () => {
    const cost = (variables: Record<string, unknown>, sizes = 'first: $n') => {
      const query = `query ($n: Int, $toString: Int) { company { assets(${sizes}) { nodes { id } } } }`;
      return costOf(schema, parse(query), null, variables).cost;
    };
    expect(cost({})).toBe(22);
    expect(cost({ n: null })).toBe(22);
    for (const n of [{ toString: 1, valueOf: 1 }, true, Infinity, 101]) expect(cost({ n })).toBe(102);
    expect(cost({ n: -5 })).toBe(2);
    expect(cost({}, 'first: $toString')).toBe(22);
    for (const sizes of ['first: null, last: 50', 'last: 50, first: $n', 'first: 50, last: 3'])
      expect(cost({ n: null }, sizes)).toBe(52);
    const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
    expect(cost({ n: deep })).toBe(3);
    expect(cost({ n: { deep } })).toBe(102);
  });

  it('takes what a request may cost off the budget and gives back what it did not', async () => {
    const { secret } = await t.world.apiKey(us.company.id, 'OWNER');
    const query = '{ company { assets(first: 100) { nodes { id } } } }';
    for (const left of [19_995, 19_990]) {
      const { answer, headers } = await ask(query, {}, secret);
      expect(answer.extensions.cost).toEqual({
        requestedQueryCost: 102,
        actualQueryCost: 5,
        maximum: 20_000,
        throttleStatus: { maximumAvailable: 20_000, currentlyAvailable: left, restoreRate: 1 },
      });
      expect(headers.get('ratelimit-policy')).toBe('"cost";q=20000;w=20000');
      expect(headers.get('ratelimit')).toBe(`"cost";r=${left};t=${20_000 - left}`);
    }
  });

  it('has no budget for anonymous callers', async () => {
    const { extensions } = await t.run(null, '{ industries(first: 2) { nodes { name } } }');
    expect(extensions.cost).toEqual({
      requestedQueryCost: 3,
      actualQueryCost: 3,
      maximum: 20_000,
      throttleStatus: null,
    });
  });
});

describe('cost refuses', () => {
  it('what costs too much, with the page that would fit', async () => {
    const query = (assets: number, runs: number): string =>
      `{ company { assets(first: ${assets}) { nodes { runs(first: ${runs}) { nodes { id asset { id } } } } } users { nodes { id } } } }`;
    const { status, answer } = await ask(query(100, 100));
    expect(status).toBe(400);
    expect(answer.errors?.[0]?.extensions).toMatchObject({
      code: 'COST_EXCEEDED',
      dearest: [
        { path: 'company.assets', cost: 1 + 100 * (2 + 100 * 2), first: 98 },
        { path: 'company.assets.nodes.runs', cost: 100 * (1 + 100 * 2), first: 98 },
        { path: 'company.users', cost: 21, first: null },
      ],
    });
    expect(answer.extensions.cost).toMatchObject({ requestedQueryCost: 20_223, actualQueryCost: 0, maximum: 20_000 });
    expect((await ask(query(98, 100))).answer.extensions.cost.requestedQueryCost).toBeLessThanOrEqual(20_000);
    expect((await ask(query(99, 100))).status).toBe(400);
    expect((await ask(query(100, 98))).answer.extensions.cost.requestedQueryCost).toBeLessThanOrEqual(20_000);
    expect((await ask(query(100, 99))).status).toBe(400);
  });

  it('more than the budget of a key holds, until enough has come back', async () => {
    const { secret } = await t.world.apiKey(us.company.id, 'OWNER');
    const engines = `{ ${Array.from({ length: 40 }, (_, i) => `e${i}: storageEngines(first: 100) { nodes { provider { id } } }`).join(' ')} }`;
    const { actualQueryCost, requestedQueryCost, throttleStatus } = (await ask(engines, {}, secret)).answer.extensions
      .cost;
    expect(requestedQueryCost).toBe(40 * 201);
    expect(throttleStatus.currentlyAvailable).toBe(20_000 - actualQueryCost);
    const second = (await ask(engines, {}, secret)).answer.extensions.cost.throttleStatus.currentlyAvailable;
    expect(second).toBeLessThan(requestedQueryCost);
    const refused = await ask(engines, {}, secret);
    expect([refused.status, refused.answer.data]).toEqual([429, undefined]);
    expect(refused.answer.errors?.[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
    const { cost } = refused.answer.extensions;
    expect(cost).toMatchObject({ requestedQueryCost, actualQueryCost: 0 });
    // One a second comes back.
    const wait = requestedQueryCost - cost.throttleStatus.currentlyAvailable;
    expect(refused.headers.get('retry-after')).toBe(String(wait));
    const headers = [refused.headers.get('ratelimit-policy'), refused.headers.get('ratelimit')];
    expect(headers).toEqual([
      '"cost";q=20000;w=20000',
      `"cost";r=${cost.throttleStatus.currentlyAvailable};t=${20_000 - cost.throttleStatus.currentlyAvailable}`,
    ]);
    // What is left is enough for less, and another key has a budget of its own.
    expect((await ask('{ company { name } }', {}, secret)).status).toBe(200);
    expect((await ask(engines)).status).toBe(200);
  });

  it('a document whose fragments combine in too many ways, before looking at all of them', async () => {
    const wide = await testGateway({ MAX_DEPTH: '50', MAX_ALIASES: '1000', MAX_TOKENS: '20000' });
    try {
      // Which fragments come together depends on every turn of the path that leads there: 2 ** 13 ways at the last.
      const last = 13;
      const turn = (name: string, next: string[]): string =>
        `${name}: engines(first: 1) { nodes { provider { ${next.join(' ')} } } }`;
      const fragments: string[] = [];
      for (let level = 0; level <= last; level++) {
        for (let i = 0; i <= level; i++) {
          const ahead = `...F${i && i + 1}x${level + 1}`;
          const body = [turn('a', i === 0 ? [ahead, `...F1x${level + 1}`] : [ahead]), turn('b', [ahead])].join(' ');
          fragments.push(`fragment F${i}x${level} on CloudProvider { ${level === last ? `n${i}: name` : body} }`);
        }
      }
      const query = `{ cloudProviders(first: 1) { nodes { ...F0x0 } } } ${fragments.join(' ')}`;
      const { errors } = await wide.run(null, query);
      expect(errors?.[0]).toMatchObject({
        message: 'The fragments of the document combine in too many ways.',
        extensions: { code: 'DOCUMENT_TOO_LARGE' },
      });
    } finally {
      await wide.close();
    }
  });
});

describe('a budget', () => {
  const viewer = (apiKeyId: number, companyId: string): Viewer => ({ apiKeyId, companyId }) as Viewer;

  it('refills steadily, up to its size', () => {
    let now = 0;
    const throttle = createThrottle(100, 10, () => now);
    const one = viewer(1, 'us');
    expect(throttle.take(one, 80)).toBeNull();
    expect(throttle.take(one, 50)).toBe(3000);
    expect(throttle.status(one)).toEqual({ maximumAvailable: 100, currentlyAvailable: 20, restoreRate: 10 });
    now += 2999;
    expect(throttle.take(one, 50)).toBe(1);
    now += 1;
    expect(throttle.take(one, 50)).toBeNull();
    throttle.giveBack(one, 45);
    expect(throttle.status(one).currentlyAvailable).toBe(45);
    now += 60_000;
    expect(throttle.status(one).currentlyAvailable).toBe(100);
  });

  it('of a company is four of its keys, and no concern of others', () => {
    const throttle = createThrottle(100, 10, () => 0);
    for (const key of [1, 2, 3, 4]) expect(throttle.take(viewer(key, 'us'), 90)).toBeNull();
    expect(throttle.status(viewer(5, 'us'))).toEqual({
      maximumAvailable: 400,
      currentlyAvailable: 40,
      restoreRate: 40,
    });
    expect(throttle.take(viewer(5, 'us'), 60)).toBe(500);
    expect(throttle.take(viewer(5, 'us'), 40)).toBeNull();
    expect(throttle.take(viewer(6, 'them'), 100)).toBeNull();
  });
});

describe('schema.graphql', () => {
  /** The schema as a client reads it, its directives where the gateway has its own words for them. */
  function fromText(): GraphQLSchema {
    const read = buildSchema(readFileSync(path.join(import.meta.dirname, '../schema.graphql'), 'utf8'));
    for (const type of Object.values(read.getTypeMap())) {
      if (!isObjectType(type)) continue;
      for (const field of Object.values(type.getFields())) {
        for (const { name, arguments: given = [] } of field.astNode?.directives ?? []) {
          const values = Object.fromEntries(given.map((one) => [one.name.value, valueFromASTUntyped(one.value)]));
          if (name.value === 'cost') field.extensions = { ...field.extensions, cost: Number(values['weight']) };
          if (name.value === 'listSize')
            field.extensions = {
              ...field.extensions,
              listSize: {
                assumed: values['assumedSize'],
                by: values['slicingArguments'],
                fields: values['sizedFields'],
              },
            };
        }
      }
    }
    return read;
  }

  it('says all that the cost of a request comes from', () => {
    const read = fromText();
    const found = readExamples().map(({ name, query }) => {
      const document = parse(query);
      return [name, costOf(read, document, null, {}).cost, costOf(schema, document, null, {}).cost];
    });
    expect(found.length).toBeGreaterThan(5);
    for (const [name, byText, byGateway] of found) expect([name, byText]).toEqual([name, byGateway]);
    expect(found.every(([, , cost]) => Number(cost) > 0)).toBe(true);
  });
});
