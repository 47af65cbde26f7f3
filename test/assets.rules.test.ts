import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../src/ids.ts';
import { codes, DUCKDB, duckdbFile, mutate, openDesk, openShop, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let shop: Shop;
let editor: string;
let connectionId: string;
let desk: ReturnType<typeof openDesk>;
beforeAll(async () => {
  t = await testGateway({ DATABASE_POOL: '10' });
  shop = await openShop(t);
  editor = shop.seller.keys.EDITOR;
  desk = openDesk(t, shop);
  connectionId = gid('Connection', shop.connectionId);
});
afterAll(() => t.close());

describe('assets refuse', () => {
  it('a name that is taken, whatever its case, or that has no letter', async () => {
    await desk.create({ name: 'Only one' });
    for (const name of ['Only one', 'ONLY ONE', 'Only-one!'])
      expect(codes(await desk.create({ name }))).toEqual([['CONFLICT', 'input.name']]);
    expect(codes(await desk.create({ name: '!!!' }))).toEqual([['VALIDATION', 'input.name']]);
    const { asset } = await desk.create({});
    expect(codes(await desk.update(asset.id, { name: 'only ONE' }))).toEqual([['CONFLICT', 'input.name']]);
    const both = await Promise.all([desk.create({ name: 'At once' }), desk.create({ name: 'At once' })]);
    expect(both.flatMap(codes)).toEqual([['CONFLICT', 'input.name']]);
    // Another company may have it.
    expect(codes(await desk.create({ name: 'Only one' }, shop.other.keys.EDITOR))).toEqual([]);
  });

  it('SQL that is not one harmless query, saying the rule and the place', async () => {
    const { userErrors } = await desk.create({ connectionId, sqlLogic: 'select 1; drop table sales' });
    expect(userErrors).toMatchObject([
      {
        __typename: 'SqlRejectedError',
        code: 'SQL_REJECTED',
        path: ['input', 'sqlLogic'],
        rule: 'MULTIPLE_STATEMENTS',
        position: 10,
      },
    ]);
    for (const sqlLogic of ['delete from sales', "copy sales to 'x'", "select * from read_csv('/etc/passwd')"]) {
      expect(codes(await desk.create({ connectionId, sqlLogic })), sqlLogic).toEqual([
        ['SQL_REJECTED', 'input.sqlLogic'],
      ]);
    }
    expect(codes(await desk.create({ connectionId, sqlLogic: ' ' }))).toEqual([['VALIDATION', 'input.sqlLogic']]);
    const { asset } = await desk.create({ connectionId, sqlLogic: 'select 1 as n' });
    expect(codes(await desk.update(asset.id, { sqlLogic: 'drop table sales' }))).toEqual([
      ['SQL_REJECTED', 'input.sqlLogic'],
    ]);
    expect(await desk.rowOf(asset.id)).toMatchObject({ sqlLogic: 'select 1 as n', version: 1 });
    // Without a connection there is no dialect to judge by; it is judged when one comes.
    const { asset: later } = await desk.create({ sqlLogic: 'drop table sales' });
    expect(codes(await desk.update(later.id, { connectionId }))).toEqual([['SQL_REJECTED', 'input.sqlLogic']]);
  });

  it('parameters that do not fit the SQL, and several mistakes at once', async () => {
    expect(
      codes(
        await desk.create({
          connectionId,
          sqlLogic: 'select :a + :b as n',
          parameters: [
            { name: 'a', type: 'INTEGER' },
            { name: 'c', type: 'INTEGER' },
          ],
        }),
      ),
    ).toEqual([
      ['VALIDATION', 'input.parameters'],
      ['VALIDATION', 'input.parameters.1.name'],
    ]);
    const { asset } = await desk.create({ connectionId, sqlLogic: 'select 1 as n' });
    expect(codes(await desk.update(asset.id, { parameters: [{ name: 'a', type: 'INTEGER' }] }))).toEqual([
      ['VALIDATION', 'input.parameters.0.name'],
    ]);
    const many = await desk.create({
      name: 'x',
      topQuestions: ['Short?'],
      tags: [''],
      vizDataLimit: 0,
      rateLimit: { number: 0, period: 'DAY', granularity: 'USER' },
      connectionId: gid('Asset', newId()),
      description: 'x'.repeat(2001),
    });
    expect(codes(many)).toEqual(
      ['connectionId', 'description', 'name', 'rateLimit.number', 'tags.0', 'topQuestions.0', 'vizDataLimit'].map(
        (path) => ['VALIDATION', `input.${path}`],
      ),
    );
    expect(codes(await desk.create({ topQuestions: Array(4).fill('How many are there now?') }))).toEqual([
      ['VALIDATION', 'input.topQuestions'],
    ]);
    expect(
      codes(
        await desk.create({ dataTimePeriodStart: '2026-02-01T00:00:00Z', dataTimePeriodEnd: '2026-01-01T00:00:00Z' }),
      ),
    ).toEqual([['VALIDATION', 'input.dataTimePeriodEnd']]);
    expect(codes(await desk.create({ industryId: gid('Industry', 999) }))).toEqual([['VALIDATION', 'input']]);
    expect(codes(await desk.update(asset.id, { name: null, tags: null }))).toEqual([
      ['VALIDATION', 'input.name'],
      ['VALIDATION', 'input.tags'],
    ]);
  });

  it('a description with more tags than are read in good time', async () => {
    const detailedDescription = '<'.repeat(20_001);
    expect(codes(await desk.create({ detailedDescription }))).toEqual([['VALIDATION', 'input.detailedDescription']]);
  });

  it('a version that is not the latest', async () => {
    const { asset } = await desk.create({});
    await desk.update(asset.id, { description: 'One' });
    for (const answer of [
      await desk.update(asset.id, { description: 'Two', expectedVersion: 1 }),
      await mutate(t, editor, 'assetDelete', { id: asset.id, expectedVersion: 1 }, 'deletedId'),
    ]) {
      expect(answer.userErrors).toMatchObject([
        { code: 'VERSION_CONFLICT', path: ['input', 'expectedVersion'], currentVersion: 2 },
      ]);
    }
    const both = await Promise.all([
      desk.update(asset.id, { description: 'A', expectedVersion: 2 }),
      desk.update(asset.id, { description: 'B', expectedVersion: 2 }),
    ]);
    expect(both.flatMap(codes)).toEqual([['VERSION_CONFLICT', 'input.expectedVersion']]);
    expect(await desk.rowOf(asset.id)).toMatchObject({ version: 3 });
  });

  it('a listing that lacks something, naming all of it', async () => {
    const bare = await t.tenant({ handle: 'bare', acceptedEula: false });
    const { asset } = await desk.create({ source: 'AUTOMATIC' }, bare.keys.EDITOR);
    expect(asset).toMatchObject({ source: 'AUTOMATIC', approvalStatus: 'PENDING' });
    const { userErrors } = await desk.publish(asset.id, bare.keys.EDITOR);
    const all = [
      'The company has not accepted the EULA.',
      'It has no SQL or prompt, or no connection.',
      'It has no active price.',
      'It has no top questions: 1 to 3 of 15 to 200 characters.',
      'It has no successful test within 30 days.',
      'It was proposed by a machine and is not approved.',
    ];
    expect(userErrors).toEqual([
      {
        __typename: 'NotListableError',
        code: 'NOT_LISTABLE',
        path: ['input', 'id'],
        message: `This asset cannot be listed yet: ${all.join(' ')}`,
        missing: all,
      },
    ]);
    const { asset: old } = await desk.create({
      connectionId,
      sqlLogic: 'select 1 as n',
      topQuestions: ['How many are there now?'],
    });
    await t.world.price(shop.seller.company.id, { assetId: (await desk.rowOf(old.id)).id }, '1.00');
    await t.app.database.prisma.asset.update({
      where: { id: (await desk.rowOf(old.id)).id },
      data: { lastTestOkAt: new Date(Date.now() - 31 * 86_400_000) },
    });
    expect((await desk.publish(old.id)).userErrors[0].missing).toEqual(['It has no successful test within 30 days.']);
    await desk.test(old.id);
    expect((await desk.publish(old.id)).asset.isListed).toBe(true);
    expect(codes(await desk.update(old.id, { topQuestions: [] }))).toEqual([['VALIDATION', 'input.topQuestions']]);
  });

  it('to be there after deletion; the slug stays taken, the runs stay', async () => {
    const { asset } = await desk.create({ name: 'To go', connectionId, sqlLogic: 'select 1 as n' });
    const { run } = await desk.test(asset.id);
    expect((await mutate(t, editor, 'assetDelete', { id: asset.id }, 'deletedId')).deletedId).toBe(asset.id);
    for (const answer of [
      await mutate(t, editor, 'assetDelete', { id: asset.id }, 'deletedId'),
      await desk.update(asset.id, { name: 'Back' }),
      await desk.publish(asset.id),
      await desk.test(asset.id),
    ]) {
      expect(codes(answer)).toEqual([['NOT_FOUND', 'input.id']]);
    }
    expect(codes(await desk.create({ name: 'To go' }))).toEqual([['CONFLICT', 'input.name']]);
    const { data } = await t.run(
      editor,
      'query ($a: ID!, $r: ID!) { asset: node(id: $a) { id } run: node(id: $r) { id } }',
      { a: asset.id, r: run.id },
    );
    expect(data).toEqual({ asset: null, run: { id: run.id } });
  });
});

describe('assets guard', () => {
  it('other companies, lesser roles and anonymous callers change nothing', async () => {
    const { asset } = await desk.create({ connectionId, sqlLogic: 'select 1 as n' });
    const before = await desk.rowOf(asset.id);
    const all = async (key: string | null) => [
      await desk.update(asset.id, { name: 'Mine' }, key),
      await mutate(t, key, 'assetDelete', { id: asset.id }, 'deletedId'),
      await desk.publish(asset.id, key),
      await mutate(t, key, 'assetUnpublish', { id: asset.id }, 'asset { id }'),
      await mutate(t, key, 'assetRefreshSchema', { id: asset.id }, 'asset { id }'),
    ];
    for (const answer of await all(shop.other.keys.OWNER)) expect(codes(answer)).toEqual([['NOT_FOUND', 'input.id']]);
    expect(codes(await desk.test(asset.id, {}, shop.other.keys.OWNER))).toEqual([['NOT_FOUND', 'input.id']]);
    for (const role of ['ANALYST', 'VIEWER', 'OPERATOR'] as const) {
      for (const answer of [...(await all(shop.seller.keys[role])), await desk.create({}, shop.seller.keys[role])])
        expect(codes(answer)[0]?.[0]).toBe('FORBIDDEN');
    }
    await expect(desk.update(asset.id, { name: 'Mine' }, null)).rejects.toThrow('UNAUTHENTICATED');
    expect(await desk.rowOf(asset.id)).toEqual(before);
  });

  it("another company's connection is not there", async () => {
    const foreign = await t.world.connection(shop.other.company.id, {
      engineId: DUCKDB,
      settings: { path: await duckdbFile(t, 'other.duckdb') },
    });
    const id = gid('Connection', foreign);
    expect(codes(await desk.create({ connectionId: id, sqlLogic: 'select 1 as n' }))).toEqual([
      ['NOT_FOUND', 'input.connectionId'],
    ]);
    const { asset } = await desk.create({ connectionId, sqlLogic: 'select sum(units) as n from sales' });
    expect(codes(await desk.update(asset.id, { connectionId: id }))).toEqual([['NOT_FOUND', 'input.connectionId']]);
    // Even where the row says so.
    await t.app.database.prisma.asset.update({
      where: { id: (await desk.rowOf(asset.id)).id },
      data: { connectionId: foreign.id },
    });
    expect((await desk.test(asset.id)).run.outcome).toMatchObject({ code: 'CONNECTION_FAILED' });
    const { data } = await t.run(
      editor,
      'query ($id: ID!) { node(id: $id) { ... on Asset { connection { name } } } }',
      { id: asset.id },
    );
    expect(data.node.connection).toBeNull();
  });
});
