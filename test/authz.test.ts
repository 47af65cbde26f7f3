import { createHash } from 'node:crypto';
import {
  getNamedType,
  isInputObjectType,
  isLeafType,
  isNonNullType,
  isObjectType,
  isRequiredInputField,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLOutputType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Access } from '../src/graph/builder.ts';
import { isUuid } from '../src/ids.ts';
import { permissionsOf, type RoleName } from '../src/permissions.ts';
import { schema } from '../src/schema.ts';
import { gid, keyOf, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';
import { oneOfEach, valueOf } from './helpers/one-of-each.ts';

/** Every root field is called anonymously, with every role, and with the ids of another company. */

type Field = GraphQLField<unknown, unknown>;

let t: TestGateway;
let us: Tenant;
let them: Tenant;
/** One row of theirs of every type, by type name. */
let foreign: Record<string, string>;

beforeAll(async () => {
  t = await testGateway({ LOG_LEVEL: 'error' });
  us = await t.tenant({ handle: 'us', credits: 1000 });
  them = await t.tenant({ handle: 'them', credits: 1000 });
  foreign = await oneOfEach(t, them);
});
afterAll(() => t.close());

const fieldsOf = (root: 'Query' | 'Mutation'): Field[] =>
  Object.values((root === 'Query' ? schema.getQueryType() : schema.getMutationType())?.getFields() ?? {});
const accessOf = (field: Field): Access => field.extensions['access'] as Access;

const samples: Record<string, unknown> = {
  priceUsd: '3.00',
  percentage: '10.00',
  saleStartAt: '2027-01-01T00:00:00Z',
  saleEndAt: '2027-02-01T00:00:00Z',
  name: 'A name of ours',
  title: 'A title of ours',
  contentHtml: '<p>x</p>',
  sqlLogic: 'select 1 as answer_value',
  idToken: 'x',
  nonce: 'x',
  by: undefined,
  credentials: { url: 'https://example.com', secret: 'whsec_abc' },
  email: 'somebody@example.org',
  engineId: 'U3RvcmFnZUVuZ2luZTo1Nw',
};

const alsoTakes = (field: GraphQLInputField): boolean => field.name.endsWith('Id');

/** A selection that asks something of any type: its scalars, and those of connections' nodes. */
function selectionOf(type: GraphQLOutputType, depth = 0): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return '';
  if (!isObjectType(named) || depth > 3) return '{ __typename }';
  if (named.getFields()['nodes']) return '{ nodes { __typename } totalCount { value } }';
  const parts = Object.values(named.getFields()).flatMap((field) => {
    if (field.args.some((argument) => isNonNullType(argument.type))) return [];
    if (isLeafType(getNamedType(field.type))) return [field.name];
    if (field.name === 'userErrors') return ['userErrors { __typename code message path }'];
    return depth === 0 ? [`${field.name} ${selectionOf(field.type, depth + 2)}`] : [];
  });
  return `{ __typename ${parts.join(' ')} }`;
}

async function call(root: 'Query' | 'Mutation', field: Field, key: string | null): Promise<Answer> {
  const wanted = field.args.filter((argument: GraphQLArgument) => isNonNullType(argument.type));
  const variables = Object.fromEntries(
    wanted.map((argument) => [
      argument.name,
      valueOf(argument.type, argument.name, field.name, { ids: foreign, samples, alsoTakes }),
    ]),
  );
  const declared =
    wanted.length > 0 ? `(${wanted.map((argument) => `$${argument.name}: ${String(argument.type)}`).join(', ')})` : '';
  const given =
    wanted.length > 0 ? `(${wanted.map((argument) => `${argument.name}: $${argument.name}`).join(', ')})` : '';
  return t.run(
    key,
    `${root === 'Query' ? 'query' : 'mutation'} ${declared} { answer: ${field.name}${given} ${selectionOf(field.type)} }`,
    variables,
  );
}

const codes = (answer: Answer): string[] => [
  ...(answer.errors ?? []).map((error) => String(error.extensions.code)),
  ...(answer.data?.answer?.userErrors ?? []).map((error: { code: string }) => error.code),
];

/** A hash of all that a company has, so that any change shows. */
async function everythingOf(companyId: string): Promise<string> {
  const tables = await t.app.database.query<{ table_name: string }>(
    `select table_name from information_schema.columns where table_schema = 'public' and column_name = 'companyId' order by 1`,
    [],
  );
  const parts = await Promise.all(
    tables
      .filter(({ table_name }) => !['ApiKeyUsage', 'IdempotencyKey'].includes(table_name))
      .map(
        async ({ table_name }) =>
          (
            await t.app.database.query<{ all: string }>(
              `select coalesce(json_agg(r order by r::text)::text, '') as all from (select * from "${table_name}" where "companyId" = $1) r`,
              [companyId],
            )
          )[0]?.all ?? '',
      ),
  );
  const own = await t.app.database.query('select * from "Company" where id = $1', [companyId]);
  return createHash('sha256')
    .update(JSON.stringify([parts, own]))
    .digest('hex');
}

const roles: RoleName[] = ['OWNER', 'ADMIN', 'EDITOR', 'ANALYST', 'VIEWER', 'OPERATOR'];

describe.each(['Query', 'Mutation'] as const)('every root field of %s', (root) => {
  it('refuses anonymous callers unless it is public', async () => {
    const before = await everythingOf(them.company.id);
    for (const field of fieldsOf(root)) {
      const found = codes(await call(root, field, null));
      if (accessOf(field) === 'public') expect(found, field.name).not.toContain('UNAUTHENTICATED');
      else expect(found, field.name).toEqual(['UNAUTHENTICATED']);
    }
    expect(await everythingOf(them.company.id)).toBe(before);
  });

  it.each(roles)('keeps to the role table for %s', async (role) => {
    for (const field of fieldsOf(root)) {
      const access = accessOf(field);
      if (access === 'public' || access === 'signed-in') continue;
      if (permissionsOf[role].has(access)) continue;
      const answer = await call(root, field, us.keys[role]);
      expect(codes(answer), field.name).toEqual(['FORBIDDEN']);
      expect(
        root === 'Query'
          ? answer.data?.answer
          : Object.entries(answer.data.answer).filter(
              ([name, value]) => !['userErrors', '__typename'].includes(name) && value !== null,
            ),
        field.name,
      ).toEqual(root === 'Query' ? null : []);
    }
  });

  it.each(roles)('reads and changes nothing of another company as %s', async (role) => {
    const before = await everythingOf(them.company.id);
    const secrets = [
      them.company.id,
      ...Object.values(them.users).map((user) => user.email),
      'Their asset',
      'Their endpoint',
    ];
    // The platform's staff works across companies: what they may change is in platform.test.ts.
    const isStaffWork = (field: Field): boolean => role === 'OPERATOR' && accessOf(field) === 'platform:operate';
    for (const field of fieldsOf(root).filter((one) => root === 'Query' || !isStaffWork(one))) {
      const answer = await call(root, field, us.keys[role]);
      const text = JSON.stringify(answer);
      expect(codes(answer), `${field.name} ${text.slice(0, 300)}`).not.toContain('INTERNAL');
      for (const secret of secrets) expect(text.includes(secret), `${field.name} shows ${secret}`).toBe(false);
    }
    expect(await everythingOf(them.company.id)).toBe(before);
  });
});

/** Mutations that must be given the id of something that belongs to a company. */
const withIds = fieldsOf('Mutation').filter((field) => {
  const input = getNamedType(field.args[0]?.type);
  const fields = isInputObjectType(input) ? Object.values(input.getFields()) : [];
  return fields.some(
    (one) => getNamedType(one.type).name === 'ID' && isRequiredInputField(one) && one.name !== 'engineId',
  );
});

describe('a foreign id', () => {
  it('is asked for by most mutations', () => expect(withIds.length).toBeGreaterThan(35));

  it.each(withIds.map((field) => [field.name, field] as const))('reads as missing in %s', async (_, field) => {
    const may = permissionsOf.OWNER.has(accessOf(field) as never) || ['public', 'signed-in'].includes(accessOf(field));
    expect(codes(await call('Mutation', field, us.keys.OWNER))).toEqual([may ? 'NOT_FOUND' : 'FORBIDDEN']);
  });
});

describe('another company’s row', () => {
  const READ = 'query ($id: ID!, $ids: [ID!]!) { node(id: $id) { id } nodes(ids: $ids) { id } }';

  it('is null in node and nodes, of whatever type, for whatever role; its owner finds each', async () => {
    const nodes = schema.getPossibleTypes(schema.getType('Node') as GraphQLInterfaceType).map(({ name }) => name);
    const shared = ['AssetUseCase', 'CloudProvider', 'Country', 'Industry', 'JobFunction', 'StorageEngine'];
    expect(nodes.filter((type) => !foreign[type] && !shared.includes(type))).toEqual([]);
    const theirs = Object.entries(foreign).filter(([type]) => nodes.includes(type));
    const ids = theirs.map(([, id]) => id);
    for (const [type, id] of theirs) {
      for (const role of roles)
        expect((await t.run(us.keys[role], READ, { id, ids })).data, `${type} ${role}`).toEqual({
          node: null,
          nodes: ids.map(() => null),
        });
    }
    const own = (await t.run(them.keys.OWNER, READ, { id: ids[0], ids })).data;
    expect(own.nodes.map((node: { id: string } | null) => node?.id)).toEqual(ids);
  });

  it.each(roles)('is nothing for %s, whatever type its id is said to be of', async (role) => {
    const keys = Object.values(foreign).map(keyOf);
    // A number may be the one of a row of ours.
    const ids = Object.keys(foreign).flatMap((type) => keys.filter(isUuid).map((key) => gid(type, key)));
    const found = await Promise.all(
      ids.map(
        async (id) => (await t.run(us.keys[role], 'query ($id: ID!) { node(id: $id) { id } }', { id })).data?.node,
      ),
    );
    expect(found.filter((node) => node != null)).toEqual([]);
  });

  it('is null in every look-up of a company', async () => {
    const company = schema.getType('Company') as GraphQLObjectType;
    const lookups = Object.values(company.getFields()).filter(({ args }) => /^(id|by)$/.test(args[0]?.name ?? ''));
    expect(lookups.map(({ name }) => name)).toEqual([
      'apiKey',
      'asset',
      'connection',
      'endpoint',
      'integration',
      'post',
      'user',
    ]);
    for (const { name } of lookups) {
      const id = foreign[`${name[0]?.toUpperCase()}${name.slice(1)}`];
      const by = ['asset', 'endpoint'].includes(name) ? 'by: {id: $id}' : 'id: $id';
      const query = `query ($id: ID!) { company { found: ${name}(${by}) { id } } }`;
      expect((await t.run(us.keys.OWNER, query, { id })).data, name).toEqual({ company: { found: null } });
      expect((await t.run(them.keys.OWNER, query, { id })).data, name).toEqual({ company: { found: { id } } });
    }
  });
});

describe('an endpoint key', () => {
  it('reaches nothing but its rows', async () => {
    const endpointId =
      Buffer.from(foreign['Endpoint'] ?? '', 'base64url')
        .toString()
        .split(':')[1] ?? '';
    const { secret } = await t.world.apiKey(them.company.id, 'EDITOR', { kind: 'ENDPOINT', endpointId });
    for (const root of ['Query', 'Mutation'] as const) {
      for (const field of fieldsOf(root)) {
        const access = accessOf(field);
        if (access === 'public' || access === 'signed-in') continue;
        expect(codes(await call(root, field, secret)), field.name).toEqual(['FORBIDDEN']);
      }
    }
  });
});
