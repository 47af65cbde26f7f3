import { createHash } from 'node:crypto';
import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredInputField,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLOutputType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Access } from '../src/graph/builder.ts';
import { permissionsOf, type RoleName } from '../src/permissions.ts';
import { schema } from '../src/schema.ts';
import { gid, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

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
  const { world } = t;
  const company = them.company.id;
  const owner = them.users.OWNER.id;
  const connection = await world.connection(company, { engineId: 57, settings: { path: 'theirs.duckdb' } });
  const asset = await world.asset(company, { connectionId: connection.id, userId: owner, name: 'Their asset' });
  const endpoint = await world.endpoint(company, connection.id, { name: 'Their endpoint' });
  const price = await world.price(company, { assetId: asset.id }, '2.00');
  const post = await world.post(company, owner);
  const db = t.app.database.prisma;
  const sale = await db.priceDiscount.create({
    data: {
      id: owner,
      companyId: company,
      priceId: price.id,
      percentage: '10',
      saleStartAt: new Date(Date.now() + 1e7),
      saleEndAt: new Date(Date.now() + 2e7),
    },
  });
  const favorite = await db.favorite.create({ data: { companyId: company, userId: owner, assetId: asset.id } });
  const alert = await db.alert.create({ data: { companyId: company, userId: owner, assetId: asset.id } });
  const alertEvent = await db.alertEvent.create({
    data: { id: connection.id, companyId: company, alertId: alert.id, message: 'Their message', details: {} },
  });
  const alertDelivery = await db.alertDelivery.create({
    data: {
      id: connection.id,
      companyId: company,
      alertEventId: alertEvent.id,
      attempt: 1,
      startedAt: new Date(),
      elapsedMs: 1,
      isSuccess: true,
    },
  });
  const integration = await db.integration.create({
    data: {
      id: owner,
      companyId: company,
      userId: owner,
      platform: 'WEBHOOK',
      platformName: 'Theirs',
      sealedCredentials: Buffer.from('x'),
      credentialsLastFour: 'abcd',
    },
  });
  const publication = await db.publication.create({
    data: {
      id: owner,
      companyId: company,
      postId: post.id,
      integrationId: integration.id,
      platform: 'WEBHOOK',
      status: 'PUBLISHED',
    },
  });
  const session = await db.session.create({
    data: {
      id: owner,
      companyId: company,
      userId: owner,
      tokenHash: Buffer.from('y'),
      expiresAt: new Date(Date.now() + 1e7),
    },
  });
  const run = await db.run.create({
    data: {
      id: owner,
      kind: 'PROCESS',
      status: 'SUCCEEDED',
      companyId: company,
      sellerCompanyId: company,
      assetId: asset.id,
      finishedAt: new Date(),
    },
  });
  const ordered = await db.export.create({
    data: {
      id: owner,
      companyId: company,
      endpointId: endpoint.id,
      runId: run.id,
      format: 'CSV',
      fileName: 'theirs.csv',
      maxRows: 10,
      rowsPerBlock: 10,
      creditsPerBlock: 0,
      centsPerBlock: 0,
      sellerShare: '0.8',
      creditsReserved: 0,
      expiresAt: new Date(Date.now() + 1e7),
    },
  });
  const rows = {
    Export: ordered,
    Connection: connection,
    Asset: asset,
    Endpoint: endpoint,
    Price: price,
    PriceDiscount: sale,
    Post: post,
    Favorite: favorite,
    Alert: alert,
    AlertEvent: alertEvent,
    AlertDelivery: alertDelivery,
    Integration: integration,
    Publication: publication,
    Session: session,
    Run: run,
    User: them.users.VIEWER,
    Company: them.company,
  };
  foreign = Object.fromEntries(Object.entries(rows).map(([type, row]) => [type, gid(type, row)]));
  foreign['ApiKey'] = gid('ApiKey', them.keyIds.VIEWER);
});
afterAll(() => t.close());

const fieldsOf = (root: 'Query' | 'Mutation'): Field[] =>
  Object.values((root === 'Query' ? schema.getQueryType() : schema.getMutationType())?.getFields() ?? {});
const accessOf = (field: Field): Access => field.extensions['access'] as Access;

/** Which type an id argument means: by its name, or by the name of the field it belongs to. */
function typeOfId(name: string, field: string): string {
  const wanted = (
    name === 'id' || name === 'ids'
      ? field.replace(
          /(Create|Update|Delete|Test|Publish.*|Unpublish|Revoke|Rotate|Deactivate|Refresh.*|Remove|View|Fetch|Discount|Price.*|Process|Cancel|Export|Review|Redeliver|End)$/,
          '',
        )
      : name.replace(/Ids?$/, '')
  ).toLowerCase();
  const aliases: Record<string, string> = {
    owner: 'User',
    author: 'User',
    price: 'Price',
    industry: 'Industry',
    usecase: 'AssetUseCase',
    engine: 'StorageEngine',
    jobfunction: 'JobFunction',
    node: 'Asset',
    publicpost: 'Post',
    for: 'Asset',
  };
  return Object.keys(foreign).find((type) => type.toLowerCase() === wanted) ?? aliases[wanted] ?? 'Asset';
}

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

function valueOf(type: GraphQLInputType, name: string, field: string): unknown {
  const bare = getNullableType(type);
  if (isListType(bare)) return [valueOf(bare.ofType as GraphQLInputType, name, field)];
  const named = getNamedType(bare);
  if (named.name === 'ID') return foreign[typeOfId(name, field)] ?? gid(typeOfId(name, field), 1);
  if (samples[name] !== undefined) return samples[name];
  if (isEnumType(named)) return named.getValues()[0]?.name;
  if (isInputObjectType(named)) {
    const inputs = Object.values(named.getFields());
    const chosen = named.isOneOf
      ? inputs.slice(0, 1)
      : inputs.filter((one) => isRequiredInputField(one) || one.name.endsWith('Id'));
    return Object.fromEntries(chosen.map((one) => [one.name, valueOf(one.type, one.name, field)]));
  }
  const scalars: Record<string, unknown> = {
    String: 'text',
    Int: 1,
    Float: 1,
    Boolean: true,
    DateTime: '2027-01-01T00:00:00Z',
    Date: '2027-01-01',
    Decimal: '1.00',
    JSON: {},
    URL: 'https://example.com/',
    EmailAddress: 'somebody@example.org',
  };
  return scalars[named.name];
}

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
    wanted.map((argument) => [argument.name, valueOf(argument.type, argument.name, field.name)]),
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
