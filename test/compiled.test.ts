import {
  buildSchema,
  execute,
  getIntrospectionQuery,
  parse,
  type ExecutionArgs,
  type GraphQLInputObjectType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openAuthenticator } from '../src/boot.ts';
import { createExecute } from '../src/graph/compiled.ts';
import { createGateway, type Gateway } from '../src/http/server.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

/** Compiled queries answer what the interpreter answers, to the letter. */

let t: TestGateway;
let us: Tenant;
let interpreting: Gateway;
let auth: Awaited<ReturnType<typeof openAuthenticator>>;
let ids: Record<string, string>;

beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  const { world } = t;
  const connection = await world.connection(us.company.id);
  const asset = await world.asset(us.company.id, { connectionId: connection.id, userId: us.users.EDITOR.id });
  await world.asset(us.company.id, { connectionId: connection.id });
  await world.price(us.company.id, { assetId: asset.id }, '2.00');
  const post = await world.post(us.company.id, us.users.EDITOR.id);
  const others = await t.tenant({ handle: 'others' });
  const foreign = await world.asset(others.company.id, {});
  ids = { asset: gid('Asset', asset), post: gid('Post', post), foreign: gid('Asset', foreign) };
  auth = await openAuthenticator(t.app);
  const config = { ...t.app.config, COMPILE_AFTER: 1_000_000_000 };
  interpreting = createGateway({ ...t.app, config }, t.gateway.schema, auth, () => '');
});
afterAll(async () => {
  await auth.close();
  await t.close();
});

async function ask(gateway: Gateway, query: string, variables: unknown, key: string | null): Promise<string> {
  const response = await gateway.fetch('http://gateway/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'same', ...(key ? { 'x-api-key': key } : {}) },
    body: JSON.stringify({ query, variables }),
  });
  // What is left of the budget refills with time: it is no part of what is compared.
  const text = (await response.text()).replace(/"currentlyAvailable":\d+/, '"currentlyAvailable":0');
  return `${response.status} ${text}`;
}

const NESTED = `query ($n: Int = 3, $with: Boolean = true, $order: [AssetOrder!]) { company { id name
  users(first: $n) { nodes { id name email role } pageInfo { hasNextPage endCursor } totalCount { value isExact } }
  assets(first: $n, orderBy: $order) { edges { cursor node { ...Parts ... on Asset { name @skip(if: $with) } owner @include(if: $with) { name } } } }
  posts { nodes { title author { email } } } } }
  fragment Parts on Asset { id assetType activePrice { priceUsd startedAt credits } connection { name } createdAt }`;

describe('compiled queries work', () => {
  it.each<[string, string, object?, (string | null)?]>([
    ['nested', NESTED],
    ['with variables', NESTED, { n: 1, with: false, order: [{ field: 'NAME', direction: 'DESC' }] }],
    ['with a null variable', 'query ($s: String) { industries(search: $s, first: 2) { nodes { name } } }', { s: null }],
    ['with names of their own', '{ a: company { b: name c: name } d: company { b: handle } }'],
    ['with names of every object', '{ __proto__: company { a: name } constructor: company { toString: name } }'],
    ['with a variable of such a name', 'query ($__proto__: Int) { industries(first: $__proto__) { nodes { id } } }'],
    ['with fields twice', '{ company { name users(first: 1) { nodes { id } } users(first: 1) { nodes { name } } } }'],
    ['of interfaces', 'query ($id: ID!) { node(id: $id) { __typename id ... on Asset { name } } }', 'asset' as never],
    [
      'of several types',
      'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Asset { name } ... on Post { title } } }',
      'all' as never,
    ],
    [
      'of the schema',
      getIntrospectionQuery().replaceAll(/ofType \{[\s\S]*?\}\s*\}\s*\}\s*\}\s*\}\s*\}\s*\}\s*\}/g, ''),
    ],
    [
      'of an input filter',
      'query ($w: AssetWhere) { company { assets(where: $w) { nodes { name } } } }',
      { w: { assetType: { in: ['CALCULATION', 'DATA'] } } },
    ],
    [
      'without a credential',
      '{ marketplace { assets(first: 1) { nodes { name } facets { assetTypes { value count } } } } }',
      undefined,
      null,
    ],
    ['refused for want of a credential', '{ company { name } viewer { role } }', undefined, null],
    ['with a refused argument deep down', '{ company { name users(first: 1000) { nodes { id } } } }'],
    [
      'with two refusals',
      '{ a: company { users(last: 1, first: 1) { nodes { id } } } b: company { assets(after: "x") { nodes { id } } } }',
    ],
    ['with an id of nothing', '{ node(id: "x") { id } }'],
    ['with a wrong variable', 'query ($n: Int!) { industries(first: $n) { nodes { id } } }', { n: 'three' }],
    ['without a variable', 'query ($n: Int!) { industries(first: $n) { nodes { id } } }', {}],
    [
      'with an unknown value',
      'query ($w: AssetWhere) { company { assets(where: $w) { nodes { id } } } }',
      { w: { assetType: { eq: 'NOPE' } } },
    ],
    ['with an operation that is not there', 'query A { __typename } query B { __typename }'],
  ])('%s', async (_, query, given, key = us.keys.VIEWER) => {
    const named = { asset: { id: ids['asset'] }, all: { ids: [ids['post'], ids['foreign'], ids['asset']] } };
    const variables = typeof given === 'string' ? named[given as keyof typeof named] : given;
    const expected = await ask(interpreting, query, variables, key);
    expect(await ask(t.gateway, query, variables, key)).toBe(expected);
    expect(await ask(t.gateway, query, variables, key)).toBe(expected);
  });
});

describe('compiled queries guard', () => {
  const schema = buildSchema(
    'type Query { a: Int must: Int! deep(in: In): Int list: [Row!] } type Mutation { a: Int } type Row { x: Int! y: Int rows: [Row!] } input In { in: In }',
  );
  for (const type of [schema.getQueryType(), schema.getMutationType()])
    for (const field of Object.values(type?.getFields() ?? {}))
      field.resolve = (root: Record<string, unknown>) => {
        const found = root[field.name];
        return typeof found === 'function' ? found() : found;
      };
  const asks = (document: string, more: Partial<ExecutionArgs> = {}): ExecutionArgs => ({
    schema,
    document: parse(document),
    contextValue: {},
    ...more,
  });

  it('the first runs: those are interpreted', async () => {
    const run = createExecute(2);
    const args = asks('{ list { x y } }', { rootValue: { list: [{ x: 1 }, { x: 2, y: 3 }] } });
    const answers = [run(args), run(args), run(args), run(args)].map((answer) => JSON.stringify(answer));
    expect(new Set(answers)).toEqual(new Set([JSON.stringify(execute(args))]));
  });

  it('errors: they come from the interpreter, once each and with their places', async () => {
    let runs = 0;
    const fails = {
      a: () => {
        runs++;
        throw new Error('no a');
      },
      must: () => Promise.reject(new Error('no must')),
      list: [{ x: null, y: 1 }],
    };
    const run = createExecute(0);
    for (const document of ['{ a }', '{ a must }', '{ list { x y } }', '{ list { y } a }']) {
      const args = asks(document, { rootValue: fails });
      expect(JSON.parse(JSON.stringify(await run(args)))).toEqual(JSON.parse(JSON.stringify(await execute(args))));
    }
    runs = 0;
    await run(asks('{ a }', { rootValue: fails }));
    expect(runs).toBe(2);
  });

  it('what changes something: a mutation runs once, whatever comes of it', async () => {
    let runs = 0;
    const args = asks('mutation { a }', {
      rootValue: {
        a: () => {
          runs++;
          throw new Error('no a');
        },
      },
    });
    expect((await createExecute(0)(args)).errors).toHaveLength(1);
    expect(runs).toBe(1);
  });

  it('documents that are small only as they are written: those are the interpreter’s', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
    const fragments = names.map((_, level) => {
      const next = level < 9 ? `{ ...F${level + 1} }` : '{ x }';
      return `fragment F${level} on Row { ${names.map((name) => `${name}: rows ${next}`).join(' ')} }`;
    });
    // Written out, these are ten thousand million fields.
    const args = asks(`{ list { ...F0 } } ${fragments.join(' ')}`, { rootValue: { list: [] } });
    expect(await createExecute(0)(args)).toEqual({ data: { list: [] } });
  });

  it('variables of a type that holds itself: those are the interpreter’s, without a try', async () => {
    const endless = schema.getType('In') as GraphQLInputObjectType;
    const fields = vi.spyOn(endless, 'getFields');
    const args = asks('query ($i: In) { deep(in: $i) }', { variableValues: { i: {} }, rootValue: { deep: 1 } });
    expect(await createExecute(0)(args)).toEqual({ data: { deep: 1 } });
    // The compiler would ask for them at each level, until its stack overflows.
    expect(fields.mock.calls.length).toBeLessThan(20);
    fields.mockRestore();
  });

  it('input that nests deep: that is the interpreter’s', async () => {
    let input: object = {};
    for (let i = 0; i < 2000; i++) input = { in: input };
    const args = asks('query ($i: In) { deep(in: $i) }', { variableValues: { i: input }, rootValue: { deep: 1 } });
    expect(JSON.stringify(createExecute(0)(args))).toBe(JSON.stringify(execute(args)));
  });
});
