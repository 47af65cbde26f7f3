import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { events, type AssetEvent } from '../src/events.ts';
import { newId } from '../src/ids.ts';
import { codes, DUCKDB, duckdbFile, mutate, openShop, RUN, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let shop: Shop;
let editor: string;
let connectionId: string;
const heard: AssetEvent[] = [];
const stop = events.on(async (_, event) => void heard.push(event));
beforeAll(async () => {
  t = await testGateway({ DATABASE_POOL: '10' });
  shop = await openShop(t);
  editor = shop.seller.keys.EDITOR;
  connectionId = gid('Connection', shop.connectionId);
});
afterAll(async () => {
  stop();
  await t.close();
});
afterEach(() => void heard.splice(0));

const ASSET = `asset { id name slug description detailedDescription assetType source approvalStatus visibility isListed sqlLogic parameters { name type isRequired defaultValue allowedValues description }
  takesParameters vizSpec chart { type x y aggregation limit } tags topQuestions rateLimit { number period granularity } coverage { geographicType periodStart periodEnd refreshFrequency } isCached
  industry { id } useCase { id } connection { id } owner { id } shortCode lastTestOkAt version createdAt updatedAt }`;
const create = (input: object, key: string | null = editor) =>
  mutate(t, key, 'assetCreate', { name: `Made ${newId()}`, assetType: 'CALCULATION', ...input }, ASSET);
const update = (id: string, input: object, key: string | null = editor) =>
  mutate(t, key, 'assetUpdate', { id, ...input }, ASSET);
const publish = (id: string, key: string | null = editor) => mutate(t, key, 'assetPublish', { id }, ASSET);
const test = (id: string, input: object = {}, key: string | null = shop.seller.keys.ANALYST) =>
  mutate(t, key, 'assetTest', { id, ...input }, `run { ${RUN} }`);
const rowOf = (id: string) =>
  t.app.database.prisma.asset.findUniqueOrThrow({
    where: { id: Buffer.from(id, 'base64url').toString().split(':')[1] ?? '' },
  });

describe('assets refuse', () => {
  it('a name that is taken, whatever its case, or that has no letter', async () => {
    await create({ name: 'Only one' });
    for (const name of ['Only one', 'ONLY ONE', 'Only-one!'])
      expect(codes(await create({ name }))).toEqual([['CONFLICT', 'input.name']]);
    expect(codes(await create({ name: '!!!' }))).toEqual([['VALIDATION', 'input.name']]);
    const { asset } = await create({});
    expect(codes(await update(asset.id, { name: 'only ONE' }))).toEqual([['CONFLICT', 'input.name']]);
    const both = await Promise.all([create({ name: 'At once' }), create({ name: 'At once' })]);
    expect(both.flatMap(codes)).toEqual([['CONFLICT', 'input.name']]);
    // Another company may have it.
    expect(codes(await create({ name: 'Only one' }, shop.other.keys.EDITOR))).toEqual([]);
  });

  it('SQL that is not one harmless query, saying the rule and the place', async () => {
    const { userErrors } = await create({ connectionId, sqlLogic: 'select 1; drop table sales' });
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
      expect(codes(await create({ connectionId, sqlLogic })), sqlLogic).toEqual([['SQL_REJECTED', 'input.sqlLogic']]);
    }
    expect(codes(await create({ connectionId, sqlLogic: ' ' }))).toEqual([['VALIDATION', 'input.sqlLogic']]);
    const { asset } = await create({ connectionId, sqlLogic: 'select 1 as n' });
    expect(codes(await update(asset.id, { sqlLogic: 'drop table sales' }))).toEqual([
      ['SQL_REJECTED', 'input.sqlLogic'],
    ]);
    expect(await rowOf(asset.id)).toMatchObject({ sqlLogic: 'select 1 as n', version: 1 });
    // Without a connection there is no dialect to judge by; it is judged when one comes.
    const { asset: later } = await create({ sqlLogic: 'drop table sales' });
    expect(codes(await update(later.id, { connectionId }))).toEqual([['SQL_REJECTED', 'input.sqlLogic']]);
  });

  it('parameters that do not fit the SQL, and several mistakes at once', async () => {
    expect(
      codes(
        await create({
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
    const { asset } = await create({ connectionId, sqlLogic: 'select 1 as n' });
    expect(codes(await update(asset.id, { parameters: [{ name: 'a', type: 'INTEGER' }] }))).toEqual([
      ['VALIDATION', 'input.parameters.0.name'],
    ]);
    const many = await create({
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
    expect(codes(await create({ topQuestions: Array(4).fill('How many are there now?') }))).toEqual([
      ['VALIDATION', 'input.topQuestions'],
    ]);
    expect(
      codes(await create({ dataTimePeriodStart: '2026-02-01T00:00:00Z', dataTimePeriodEnd: '2026-01-01T00:00:00Z' })),
    ).toEqual([['VALIDATION', 'input.dataTimePeriodEnd']]);
    expect(codes(await create({ industryId: gid('Industry', 999) }))).toEqual([['VALIDATION', 'input']]);
    expect(codes(await update(asset.id, { name: null, tags: null }))).toEqual([
      ['VALIDATION', 'input.name'],
      ['VALIDATION', 'input.tags'],
    ]);
  });

  it('a version that is not the latest', async () => {
    const { asset } = await create({});
    await update(asset.id, { description: 'One' });
    for (const answer of [
      await update(asset.id, { description: 'Two', expectedVersion: 1 }),
      await mutate(t, editor, 'assetDelete', { id: asset.id, expectedVersion: 1 }, 'deletedId'),
    ]) {
      expect(answer.userErrors).toMatchObject([
        { code: 'VERSION_CONFLICT', path: ['input', 'expectedVersion'], currentVersion: 2 },
      ]);
    }
    const both = await Promise.all([
      update(asset.id, { description: 'A', expectedVersion: 2 }),
      update(asset.id, { description: 'B', expectedVersion: 2 }),
    ]);
    expect(both.flatMap(codes)).toEqual([['VERSION_CONFLICT', 'input.expectedVersion']]);
    expect(await rowOf(asset.id)).toMatchObject({ version: 3 });
  });

  it('a listing that lacks something, naming all of it', async () => {
    const bare = await t.tenant({ handle: 'bare', acceptedEula: false });
    const { asset } = await create({ source: 'AUTOMATIC' }, bare.keys.EDITOR);
    expect(asset).toMatchObject({ source: 'AUTOMATIC', approvalStatus: 'PENDING' });
    const { userErrors } = await publish(asset.id, bare.keys.EDITOR);
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
    const { asset: old } = await create({
      connectionId,
      sqlLogic: 'select 1 as n',
      topQuestions: ['How many are there now?'],
    });
    await t.world.price(shop.seller.company.id, { assetId: (await rowOf(old.id)).id }, '1.00');
    await t.app.database.prisma.asset.update({
      where: { id: (await rowOf(old.id)).id },
      data: { lastTestOkAt: new Date(Date.now() - 31 * 86_400_000) },
    });
    expect((await publish(old.id)).userErrors[0].missing).toEqual(['It has no successful test within 30 days.']);
    await test(old.id);
    expect((await publish(old.id)).asset.isListed).toBe(true);
    expect(codes(await update(old.id, { topQuestions: [] }))).toEqual([['VALIDATION', 'input.topQuestions']]);
  });

  it('to be there after deletion; the slug stays taken, the runs stay', async () => {
    const { asset } = await create({ name: 'To go', connectionId, sqlLogic: 'select 1 as n' });
    const { run } = await test(asset.id);
    expect((await mutate(t, editor, 'assetDelete', { id: asset.id }, 'deletedId')).deletedId).toBe(asset.id);
    for (const answer of [
      await mutate(t, editor, 'assetDelete', { id: asset.id }, 'deletedId'),
      await update(asset.id, { name: 'Back' }),
      await publish(asset.id),
      await test(asset.id),
    ]) {
      expect(codes(answer)).toEqual([['NOT_FOUND', 'input.id']]);
    }
    expect(codes(await create({ name: 'To go' }))).toEqual([['CONFLICT', 'input.name']]);
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
    const { asset } = await create({ connectionId, sqlLogic: 'select 1 as n' });
    const before = await rowOf(asset.id);
    const all = async (key: string | null) => [
      await update(asset.id, { name: 'Mine' }, key),
      await mutate(t, key, 'assetDelete', { id: asset.id }, 'deletedId'),
      await publish(asset.id, key),
      await mutate(t, key, 'assetUnpublish', { id: asset.id }, ASSET),
      await mutate(t, key, 'assetRefreshSchema', { id: asset.id }, ASSET),
    ];
    for (const answer of await all(shop.other.keys.OWNER)) expect(codes(answer)).toEqual([['NOT_FOUND', 'input.id']]);
    expect(codes(await test(asset.id, {}, shop.other.keys.OWNER))).toEqual([['NOT_FOUND', 'input.id']]);
    for (const role of ['ANALYST', 'VIEWER', 'OPERATOR'] as const) {
      for (const answer of [...(await all(shop.seller.keys[role])), await create({}, shop.seller.keys[role])])
        expect(codes(answer)[0]?.[0]).toBe('FORBIDDEN');
    }
    await expect(update(asset.id, { name: 'Mine' }, null)).rejects.toThrow('UNAUTHENTICATED');
    expect(await rowOf(asset.id)).toEqual(before);
  });

  it("another company's connection is not there", async () => {
    const foreign = await t.world.connection(shop.other.company.id, {
      engineId: DUCKDB,
      settings: { path: await duckdbFile(t, 'other.duckdb') },
    });
    const id = gid('Connection', foreign);
    expect(codes(await create({ connectionId: id, sqlLogic: 'select 1 as n' }))).toEqual([
      ['NOT_FOUND', 'input.connectionId'],
    ]);
    const { asset } = await create({ connectionId, sqlLogic: 'select sum(units) as n from sales' });
    expect(codes(await update(asset.id, { connectionId: id }))).toEqual([['NOT_FOUND', 'input.connectionId']]);
    // Even where the row says so.
    await t.app.database.prisma.asset.update({
      where: { id: (await rowOf(asset.id)).id },
      data: { connectionId: foreign.id },
    });
    expect((await test(asset.id)).run.outcome).toMatchObject({ code: 'CONNECTION_FAILED' });
    const { data } = await t.run(
      editor,
      'query ($id: ID!) { node(id: $id) { ... on Asset { connection { name } } } }',
      { id: asset.id },
    );
    expect(data.node.connection).toBeNull();
  });
});
