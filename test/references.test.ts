import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

/** Rows that rows refer to. */

let t: TestGateway;
let us: Tenant;
let owned: { id: string };

beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  const { world } = t;
  const connection = await world.connection(us.company.id, { userId: us.users.ADMIN.id });
  owned = await world.asset(us.company.id, {
    name: 'Owned',
    connectionId: connection.id,
    userId: us.users.EDITOR.id,
    industryId: 1,
    sellInMarketplace: true,
  });
  await world.price(us.company.id, { assetId: owned.id }, '2.50');
  await world.asset(us.company.id, { name: 'Nobody’s', userId: null, connectionId: null, industryId: null });
  await t.app.database.prisma.company.update({ where: { id: us.company.id }, data: { acceptedEula: true } });
});
afterAll(() => t.close());

const read = async (fields: string, key: string | null = us.keys.VIEWER) => {
  let data: { company: { assets: { nodes: unknown[] } } } | undefined;
  await t.run(key, '{ viewer { role } }');
  const log = await t.statements(async () => {
    const answer = await t.run(
      key,
      `{ company { assets(orderBy: { field: NAME, direction: DESC }) { nodes { ${fields} } } } }`,
    );
    expect(answer.errors).toBeUndefined();
    data = answer.data;
  });
  return {
    nodes: data?.company.assets.nodes,
    statements: log.filter((text) => /"(Asset|User|Price|Industry|Connection)"/.test(text)).length,
  };
};

describe('references work', () => {
  it('are read with the rows of a list, null where there is none', async () => {
    expect(
      await read('name owner { id name email } connection { name } industry { id } activePrice { priceUsd startedAt }'),
    ).toEqual({
      nodes: [
        {
          name: 'Owned',
          owner: { id: gid('User', us.users.EDITOR), name: us.users.EDITOR.name, email: us.users.EDITOR.email },
          connection: { name: expect.any(String) },
          industry: { id: gid('Industry', 1) },
          activePrice: { priceUsd: '2.50', startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) },
        },
        { name: 'Nobody’s', owner: null, connection: null, industry: null, activePrice: null },
      ],
      statements: 1,
    });
  });

  it('are read apart where what is asked of them is large, or refers further', async () => {
    const apart = async (fields: string) => (await read(fields)).statements - 1;
    expect(await apart('connection { name maskedCredentials owner { name } } llmConnection { name }')).toBe(1);
    expect(await apart('connection { name informationSchema } owner { name }')).toBe(1);
    expect(
      await apart(
        '... on Asset { connection { ... on Connection { informationSchema } } } connection { owner { id } }',
      ),
    ).toBe(1);
    expect((await read('connection { name owner { email } }')).nodes).toEqual([
      { connection: { name: expect.any(String), owner: { email: us.users.ADMIN.email } } },
      { connection: null },
    ]);
  });

  it('answer the same where they are asked for twice, under conditions, in fragments or one by one', async () => {
    const owner = { name: us.users.EDITOR.name };
    const asked = [
      'owner { name }',
      'owner { name } owner { name }',
      'owner @include(if: true) { name }',
      '... on Asset { owner { ... on User { name } } }',
    ];
    for (const fields of asked) expect((await read(fields)).nodes, fields).toEqual([{ owner }, { owner: null }]);
    expect((await read('a: owner { name } b: owner { role }')).nodes).toEqual([
      { a: owner, b: { role: 'EDITOR' } },
      { a: null, b: null },
    ]);
    expect((await read('owner @skip(if: true) { name } name')).nodes).toEqual([
      { name: 'Owned' },
      { name: 'Nobody’s' },
    ]);
    const one = await t.run(us.keys.VIEWER, 'query ($id: ID!) { node(id: $id) { ... on Asset { owner { name } } } }', {
      id: gid('Asset', owned),
    });
    expect(one.data).toEqual({ node: { owner } });
  });

  it('belong to what everybody sees, too', async () => {
    const answer = await t.run(
      null,
      '{ marketplace { assets { nodes { name price { priceUsd } industry { id } } } } }',
    );
    expect(answer.data.marketplace.assets.nodes).toEqual([
      { name: 'Owned', price: { priceUsd: '2.50' }, industry: { id: gid('Industry', 1) } },
    ]);
  });
});

describe('references guard', () => {
  it('tenants: a reference to a row of another company reads as none, in a list and alone', async () => {
    const others = await t.tenant({ handle: 'others' });
    const asset = await t.world.asset(us.company.id, { name: 'A', userId: null });
    // No constraint of the database stands in the way of a mistake like this one.
    await t.app.database.query('update "Asset" set "industryId" = null where id = $1', [asset.id]);
    const { rows, failed } = await t.app.database
      .query('update "Asset" set "userId" = $2 where id = $1 returning id', [asset.id, others.users.OWNER.id])
      .then(
        (found) => ({ rows: found, failed: false }),
        () => ({ rows: [], failed: true }),
      );
    if (failed) return expect(rows).toEqual([]);
    const { nodes } = await read('name owner { email }');
    expect(nodes).toContainEqual({ name: 'A', owner: null });
    const one = await t.run(us.keys.VIEWER, 'query ($id: ID!) { node(id: $id) { ... on Asset { owner { email } } } }', {
      id: gid('Asset', asset),
    });
    expect(one.data).toEqual({ node: { owner: null } });
    return undefined;
  });

  it('roles: a reference is shown only to those who may see it', async () => {
    await t.world.apiKey(us.company.id, 'VIEWER', { userId: us.users.VIEWER.id });
    const document = '{ company { apiKeys { nodes { user { name } } } } }';
    const seen = await t.run(us.keys.ADMIN, document);
    expect(seen.data.company.apiKeys.nodes).toContainEqual({ user: { name: us.users.VIEWER.name } });
    const hidden = await t.run(us.keys.OPERATOR, document);
    expect([hidden.data?.company ?? null, hidden.errors?.[0]?.extensions.code]).toEqual([null, 'FORBIDDEN']);
  });
});
