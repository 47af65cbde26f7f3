import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../src/schema.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';
import { oneOfEach, valueOf } from './helpers/one-of-each.ts';
import { hostile } from './hostile.fixtures.ts';

/**
 * Every argument of the graph, and every field of every input, is given what no well-meaning client sends. Whatever
 * comes of it, it is the client's mistake and told as one. `HOSTILE_ALL=1` gives every field every value.
 */

type Field = GraphQLField<unknown, unknown>;

let t: TestGateway;
let us: Tenant;
let ids: Record<string, string>;

beforeAll(async () => {
  t = await testGateway({ ALLOW_PRIVATE_CONNECTIONS: '' });
  us = await t.tenant({ handle: 'us', credits: 1_000_000 });
  ids = { ...(await oneOfEach(t, us)), StorageEngine: gid('StorageEngine', 57) };
});
afterAll(() => t.close());

const samples: Record<string, unknown> = {
  sqlLogic: 'select 42 as answer_value',
  idToken: 'x.y.z',
  planCode: 'FREE',
  companyHandle: 'us',
  timezone: 'Europe/Vienna',
  domain: 'us.example',
  settings: { path: 'ours.duckdb' },
  month: '2026-01',
};
const usual = (type: GraphQLInputType, name: string, field: string): unknown =>
  valueOf(type, name, field, { ids, samples });

/** How many hostile values each field gets beside those that all get. */
const SOME = process.env['HOSTILE_ALL'] ? Infinity : 2;
let turn = 0;
/** A few of some values, others each time, all of them after a while. */
function* few(values: unknown[], count: number): Generator<unknown> {
  for (let i = 0; i < Math.min(count, values.length); i++) yield values[turn++ % values.length];
}

/** What has been attacked in full before: many fields share an input. Elsewhere it gets a value or two. */
const met = new Set<string>();
function* attacksOnField(of: string, one: GraphQLArgument, field: string, depth: number): Generator<unknown> {
  const shared = `${of}.${one.name}`;
  const isNew = !met.has(shared);
  met.add(shared);
  if (isNew) yield* attacksOn(one.type, one.name, field, depth);
  else yield* few([...attacksOn(one.type, one.name, field, depth)], SOME);
}

/** All that is hostile for a type; of an input, one field at a time, beside what it needs. */
function* attacksOn(type: GraphQLInputType, name: string, field: string, depth = 0): Generator<unknown> {
  const bare = getNullableType(type);
  if (isListType(bare)) {
    const item = bare.ofType as GraphQLInputType;
    yield [];
    yield Array(2000).fill(usual(item, name, field));
    for (const one of attacksOn(item, name, field, depth)) yield [one];
    return;
  }
  const named = getNamedType(bare);
  if (isEnumType(named)) yield* named.getValues().map((value) => value.name);
  else if (isInputObjectType(named)) {
    if (depth > 2) return;
    yield {};
    yield JSON.parse('{"__proto__":{"x":1}}');
    const base = named.isOneOf ? {} : (usual(bare, name, field) as Record<string, unknown>);
    for (const one of Object.values(named.getFields()))
      for (const value of attacksOnField(named.name, one as never, field, depth + 1))
        yield { ...base, [one.name]: value };
  } else {
    const { always, others } = hostile[named.name] ?? { always: [], others: [] };
    yield* always;
    yield* few(others, SOME);
  }
}

/** What is asked of an answer: its scalars and those beneath, so that what was stored is read too. */
function selectionOf(type: GraphQLOutputType, depth = 0): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return '';
  if (!isObjectType(named)) return '{ __typename }';
  const nodes = named.getFields()['nodes'];
  if (nodes) return `{ nodes ${selectionOf(nodes.type, depth + 1)} totalCount { value } }`;
  const parts = Object.values(named.getFields()).flatMap((field) => {
    if (field.name === 'userErrors') return ['userErrors { code path }'];
    if (field.args.some((argument) => isNonNullType(argument.type))) return [];
    if (isLeafType(getNamedType(field.type))) return [field.name];
    const isRow = depth === 0 && field.args.length === 0 && isObjectType(getNamedType(field.type));
    return isRow ? [`${field.name} ${selectionOf(field.type, 1)}`] : [];
  });
  return `{ __typename ${parts.join(' ')} }`;
}

/** Where a field with arguments is met: the operation around it. */
interface Place {
  name: string;
  field: Field;
  around: (inner: string) => string;
}

function placesOn(type: string, around: (inner: string) => string = (inner) => inner): Place[] {
  const fields = Object.values((schema.getType(type) as { getFields(): Record<string, Field> }).getFields());
  return fields
    .filter(({ args }) => args.length > 0)
    .map((field) => ({ name: `${type}.${field.name}`, field, around }));
}

const ofNode = (type: string): Place[] =>
  placesOn(type, (inner) => `node(id: "${ids[type]}") { ... on ${type} { ${inner} } }`);

/** Tells what went wrong on our side, a line each, and how much was tried. */
async function attack({ name, field, around }: Place): Promise<{ sent: number; failures: string[] }> {
  const failures: string[] = [];
  let sent = 0;
  const root = name.startsWith('Mutation') ? 'mutation' : 'query';
  // Readers are not in each other's way.
  const atOnce = root === 'query' ? 10 : 1;
  const key = /^company(Grant|Set)|Review$/.test(field.name) ? us.keys.OPERATOR : us.keys.OWNER;
  const needed = field.args.filter((one) => isNonNullType(one.type) && one.defaultValue === undefined);
  const base = Object.fromEntries(needed.map((one) => [one.name, usual(one.type, one.name, field.name)]));
  for (const argument of field.args) {
    const used = field.args.filter((one) => one === argument || needed.includes(one));
    const declared = used.map((one) => `$${one.name}: ${String(one.type)}`).join(', ');
    const given = used.map((one) => `${one.name}: $${one.name}`).join(', ');
    const document = `${root} (${declared}) { ${around(`${field.name}(${given}) ${selectionOf(field.type)}`)} }`;
    const isOfAll = /^(first|last|after|before|search|orderBy)$/.test(argument.name);
    const values = attacksOnField(isOfAll ? 'lists' : name, argument, field.name, 0);
    const sender = async (): Promise<void> => {
      for (const value of values) {
        sent++;
        const { data, errors = [] } = await t.run(key, document, { ...base, [argument.name]: value });
        const ours = errors.find(({ extensions }) => ['INTERNAL', 'UNAVAILABLE'].includes(extensions.code));
        if (ours || (!data && errors.length === 0))
          failures.push(`${name} ${argument.name}: ${JSON.stringify(value).slice(0, 200)}`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, sender));
  }
  return { sent, failures };
}

describe('guards', () => {
  const enders = /Delete|Revoke|Remove|Deactivate|Rotate|logout/;
  it.each<[string, number, () => Place[]]>([
    ['of queries', 300, () => placesOn('Query')],
    ['of the company', 300, () => placesOn('Company', (inner) => `company { ${inner} }`)],
    ['of the marketplace', 50, () => placesOn('Marketplace', (inner) => `marketplace { ${inner} }`)],
    ['of products and connections', 100, () => ['Asset', 'Endpoint', 'Connection'].flatMap(ofNode)],
    ['of all else', 50, () => ['Alert', 'AlertEvent', 'ApiKey', 'Integration', 'Post', 'Run', 'User'].flatMap(ofNode)],
    ['of mutations', 1000, () => placesOn('Mutation').filter(({ name }) => !enders.test(name))],
    ['of mutations that end something', 50, () => placesOn('Mutation').filter(({ name }) => enders.test(name))],
  ])('no argument %s fails on our side', { timeout: 600_000 }, async (_, least, places) => {
    let all = 0;
    const found: string[] = [];
    for (const place of places()) {
      const { sent, failures } = await attack(place);
      all += sent;
      found.push(...failures);
    }
    expect(found).toEqual([]);
    expect(all).toBeGreaterThan(least);
  });

  it('no cursor of any sort fails on our side, whatever values it is made of', { timeout: 600_000 }, async () => {
    await t.app.database.prisma.asset.updateMany({ data: { sellInMarketplace: true } });
    await t.app.database.prisma.endpoint.updateMany({ data: { sellInMarketplace: true } });
    const lists = [
      ...placesOn('Query'),
      ...placesOn('Company', (inner) => `company { ${inner} }`),
      ...placesOn('Marketplace', (inner) => `marketplace { ${inner} }`),
      ...['Asset', 'Endpoint', 'Connection', 'User'].flatMap(ofNode),
    ].filter(({ field }) => field.args.some((one) => one.name === 'orderBy'));
    const values = [
      '0000-01-01T00:00:00.000Z',
      '2024-13-01',
      '\0',
      '\ud800',
      'x',
      '1e400',
      1e308,
      2 ** 31,
      1.5,
      true,
      null,
    ];
    const found: string[] = [];
    let forged = 0;
    for (const { name, field, around } of lists) {
      const order = getNamedType(field.args.find((one) => one.name === 'orderBy')?.type);
      const sorts = isInputObjectType(order) ? getNamedType(order.getFields()['field']?.type) : null;
      for (const sort of isEnumType(sorts) ? sorts.getValues() : []) {
        const page = around(
          `${field.name}(first: 1, after: $after, orderBy: [{ field: ${sort.name} }]) { pageInfo { endCursor } }`,
        );
        const document = `query ($after: String) { ${page} }`;
        const cursor = /"endCursor":"([^"]+)"/.exec(JSON.stringify(await t.run(us.keys.OWNER, document)))?.[1];
        if (!cursor) continue;
        const [fingerprint, , ...rest] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
        const forge = async (value: unknown): Promise<void> => {
          forged++;
          // 1e400 is a number of JSON that none of JavaScript's can be written as.
          const text = JSON.stringify([fingerprint, value, ...rest]).replace('"1e400"', '1e400');
          const after = Buffer.from(text).toString('base64url');
          const { errors = [] } = await t.run(us.keys.OWNER, document, { after });
          if (errors.some(({ extensions }) => extensions.code === 'INTERNAL'))
            found.push(`${name} ${sort.name} ${text}`);
        };
        await Promise.all(values.map(forge));
      }
    }
    expect(found).toEqual([]);
    expect(forged).toBeGreaterThan(500);
  });
});
