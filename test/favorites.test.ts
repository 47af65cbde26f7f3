import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  them = await t.tenant({ handle: 'them' });
});
afterAll(() => t.close());

const FIELDS = 'favorite { id assetId assetName asset { name } notes category priority version user { id } }';
const add = (key: string, input: object) => t.mutate(key, 'favoriteAdd', input, `isNew ${FIELDS}`);
const count = () => t.app.database.prisma.favorite.count();
const listed = (companyId: string, name: string) => t.world.asset(companyId, { name, sellInMarketplace: true });

describe('favorites work', () => {
  it('adds an asset of the company once, and answers the same again', async () => {
    const asset = await t.world.asset(us.company.id, { name: 'Mine' });
    const input = { assetId: gid('Asset', asset), notes: 'Look', category: 'Work', priority: 5 };
    const first = await add(us.keys.ANALYST, input);
    expect(first.userErrors).toEqual([]);
    expect(first.isNew).toBe(true);
    expect(first.favorite).toMatchObject({
      assetId: gid('Asset', asset),
      assetName: 'Mine',
      asset: { name: 'Mine' },
      notes: 'Look',
      category: 'Work',
      priority: 5,
      version: 1,
      user: { id: gid('User', us.users.ANALYST) },
    });
    const second = await add(us.keys.ANALYST, { assetId: gid('Asset', asset), notes: 'Other' });
    expect(second).toEqual({ ...first, isNew: false });
    const other = await add(us.keys.EDITOR, { assetId: gid('Asset', asset) });
    expect(other.favorite).toMatchObject({ notes: null, category: null, priority: 0 });
    expect(other.favorite.id).not.toBe(first.favorite.id);
  });

  it('makes one of many at once', async () => {
    const asset = await t.world.asset(us.company.id);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => add(us.keys.ANALYST, { assetId: gid('Asset', asset) })),
    );
    expect(new Set(answers.map((answer) => answer.favorite.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.isNew)).toHaveLength(1);
  });

  it("adds another company's asset where it is listed or shared, and shows no more than its name", async () => {
    const forSale = await listed(them.company.id, 'For sale');
    const shared = await t.world.asset(them.company.id, { name: 'Shared', visibility: 'SHARED' });
    await t.app.database.prisma.grant.create({
      data: {
        id: crypto.randomUUID(),
        companyId: them.company.id,
        granteeCompanyId: us.company.id,
        assetId: shared.id,
      },
    });
    for (const asset of [forSale, shared]) {
      const { favorite } = await add(us.keys.ANALYST, { assetId: gid('Asset', asset) });
      expect(favorite).toMatchObject({ assetId: gid('Asset', asset), assetName: asset.name, asset: null });
    }
  });

  it('tells whether an asset is a favorite, and of how many', async () => {
    const asset = await t.world.asset(us.company.id);
    const assetId = gid('Asset', asset);
    const ask = async (key: string) =>
      (
        await t.run(
          key,
          'query ($id: ID!) { favoriteFor(assetId: $id) { id } node(id: $id) { ... on Asset { favoritesCount } } }',
          { id: assetId },
        )
      ).data;
    expect(await ask(us.keys.ANALYST)).toEqual({ favoriteFor: null, node: { favoritesCount: 0 } });
    const { favorite } = await add(us.keys.ANALYST, { assetId });
    await add(us.keys.OWNER, { assetId });
    expect(await ask(us.keys.ANALYST)).toEqual({ favoriteFor: { id: favorite.id }, node: { favoritesCount: 2 } });
    expect(await ask(us.keys.EDITOR)).toEqual({ favoriteFor: null, node: { favoritesCount: 2 } });
  });

  it('lists by priority, by category and without one', async () => {
    const own = await t.tenant();
    const key = own.keys.ANALYST;
    for (const [name, more] of [
      ['low', { priority: 1, category: 'Work' }],
      ['high', { priority: 9, category: 'Work' }],
      ['none', {}],
    ] as const) {
      const asset = await t.world.asset(own.company.id, { name });
      await add(key, { assetId: gid('Asset', asset), ...more });
    }
    const { data } = await t.run(
      key,
      `query ($me: ID!) { company { user(id: $me) { favorites { nodes { assetName } } }
        work: favorites(where: {category: {eq: "Work"}}, orderBy: {field: PRIORITY, direction: ASC}) { nodes { assetName } }
        none: favorites(where: {category: {isNull: true}}) { nodes { assetName } }
        young: favorites(orderBy: {field: CREATED_AT, direction: DESC}) { nodes { assetName } totalCount { value } } } }`,
      { me: gid('User', own.users.ANALYST) },
    );
    const names = (list: { nodes: { assetName: string }[] }): string[] => list.nodes.map((one) => one.assetName);
    expect(names(data.company.user.favorites)).toEqual(['high', 'low', 'none']);
    expect(names(data.company.work)).toEqual(['low', 'high']);
    expect(names(data.company.none)).toEqual(['none']);
    expect(names(data.company.young)).toEqual(['none', 'high', 'low']);
    expect(data.company.young.totalCount.value).toBe(3);
  });

  it('updates and removes', async () => {
    const asset = await t.world.asset(us.company.id);
    const { favorite } = await add(us.keys.ANALYST, { assetId: gid('Asset', asset), notes: 'a', category: 'b' });
    const updated = await t.mutate(
      us.keys.ANALYST,
      'favoriteUpdate',
      { id: favorite.id, notes: null, priority: 7, expectedVersion: 1 },
      FIELDS,
    );
    expect(updated.favorite).toMatchObject({ notes: null, category: 'b', priority: 7, version: 2 });
    const before = await count();
    expect(await t.mutate(us.keys.ANALYST, 'favoriteRemove', { id: favorite.id }, 'deletedId')).toEqual({
      deletedId: favorite.id,
      userErrors: [],
    });
    expect(await count()).toBe(before - 1);
  });

  it('sends as many statements for 20 favorites and counts as for one', async () => {
    const own = await t.tenant();
    for (let i = 0; i < 20; i++) {
      const asset = await t.world.asset(own.company.id);
      await add(own.keys.ANALYST, { assetId: gid('Asset', asset) });
    }
    const document =
      'query ($n: Int!) { company { favorites(first: $n) { nodes { assetName user { name } asset { name favoritesCount } } } } }';
    await t.run(own.keys.ANALYST, document, { n: 1 });
    const one = await t.statements(() => t.run(own.keys.ANALYST, document, { n: 1 }));
    const twenty = await t.statements(async () => {
      const { data } = await t.run(own.keys.ANALYST, document, { n: 20 });
      expect(data.company.favorites.nodes).toHaveLength(20);
      expect(data.company.favorites.nodes[19].asset.favoritesCount).toBe(1);
    });
    expect(twenty).toHaveLength(one.length);
  });
});

describe('favorites refuse', () => {
  it('an asset that the caller does not see', async () => {
    const before = await count();
    const hidden = await t.world.asset(them.company.id);
    const gone = await t.world.asset(us.company.id, { active: false });
    for (const asset of [hidden, gone]) {
      expect((await add(us.keys.ANALYST, { assetId: gid('Asset', asset) })).userErrors).toEqual([
        { code: 'NOT_FOUND', path: ['input', 'assetId'] },
      ]);
    }
    expect(await count()).toBe(before);
  });

  it('a priority out of bounds and an id of something else, both at once', async () => {
    const answer = await add(us.keys.ANALYST, { assetId: gid('User', us.users.OWNER), priority: 1001 });
    expect(answer.userErrors).toEqual([
      { code: 'VALIDATION', path: ['input', 'assetId'] },
      { code: 'VALIDATION', path: ['input', 'priority'] },
    ]);
  });

  it('a key without a user', async () => {
    const { secret } = await t.world.apiKey(us.company.id, 'ANALYST');
    const asset = await t.world.asset(us.company.id);
    expect((await add(secret, { assetId: gid('Asset', asset) })).userErrors).toEqual([
      { code: 'FORBIDDEN', path: null },
    ]);
    const { errors } = await t.run(secret, 'query ($id: ID!) { favoriteFor(assetId: $id) { id } }', {
      id: gid('Asset', asset),
    });
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const list = await t.run(secret, '{ company { favorites { nodes { id } } } }');
    expect(list.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });

  it('an old version', async () => {
    const asset = await t.world.asset(us.company.id);
    const { favorite } = await add(us.keys.ANALYST, { assetId: gid('Asset', asset) });
    const answer = await t.mutate(
      us.keys.ANALYST,
      'favoriteUpdate',
      { id: favorite.id, priority: 1, expectedVersion: 9 },
      '__typename',
    );
    expect(answer.userErrors).toEqual([{ code: 'VERSION_CONFLICT', path: ['input', 'expectedVersion'] }]);
  });
});

describe('favorites guard', () => {
  it('keeps them to their user and to administrators', async () => {
    const own = await t.tenant();
    const asset = await t.world.asset(own.company.id);
    const { favorite } = await add(own.keys.ANALYST, { assetId: gid('Asset', asset), notes: 'secret' });
    const ask = (key: string) =>
      t.run(
        key,
        'query ($id: ID!, $u: ID!) { node(id: $id) { id } company { favorites { nodes { id } } user(id: $u) { favorites { nodes { id } } } } }',
        { id: favorite.id, u: gid('User', own.users.ANALYST) },
      );
    const nodes = { nodes: [{ id: favorite.id }] };
    for (const key of [own.keys.ANALYST, own.keys.ADMIN, own.keys.OWNER]) {
      expect((await ask(key)).data).toEqual({
        node: { id: favorite.id },
        company: { favorites: nodes, user: { favorites: nodes } },
      });
    }
    const { errors } = await ask(own.keys.EDITOR);
    expect(errors?.map((error) => [error.extensions.code, error.path])).toEqual([
      ['FORBIDDEN', ['company', 'user', 'favorites']],
    ]);
    expect(
      (
        await t.run(
          own.keys.EDITOR,
          'query ($id: ID!) { node(id: $id) { id } company { favorites { nodes { id } } } }',
          { id: favorite.id },
        )
      ).data,
    ).toEqual({ node: null, company: { favorites: { nodes: [] } } });
  });

  it('lets nobody else change or remove them', async () => {
    const asset = await listed(them.company.id, 'Theirs');
    const { favorite } = await add(them.keys.ANALYST, { assetId: gid('Asset', asset) });
    const stored = await t.app.database.prisma.favorite.findMany();
    for (const key of [us.keys.OWNER, them.keys.OWNER]) {
      for (const [name, more] of [
        ['favoriteUpdate', { priority: 3 }],
        ['favoriteRemove', {}],
      ] as const) {
        const { userErrors } = await t.mutate(key, name, { id: favorite.id, ...more }, '__typename');
        expect(userErrors).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'] }]);
      }
    }
    expect(await t.app.database.prisma.favorite.findMany()).toEqual(stored);
  });

  it('lets a VIEWER write none, and the anonymous see none', async () => {
    const asset = await t.world.asset(us.company.id);
    expect((await add(us.keys.VIEWER, { assetId: gid('Asset', asset) })).userErrors).toEqual([
      { code: 'FORBIDDEN', path: null },
    ]);
    const { errors } = await t.run(null, 'query ($id: ID!) { favoriteFor(assetId: $id) { id } }', {
      id: gid('Asset', asset),
    });
    expect(errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});
