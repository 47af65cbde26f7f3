import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { events, type AssetEvent } from '../src/events.ts';
import { newId } from '../src/ids.ts';
import { codes, DUCKDB, mutate, openDesk, openShop, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let shop: Shop;
let editor: string;
let connectionId: string;
let desk: ReturnType<typeof openDesk>;
const heard: AssetEvent[] = [];
const stop = events.on(async (_, event) => void heard.push(event));
beforeAll(async () => {
  t = await testGateway({ DATABASE_POOL: '10' });
  shop = await openShop(t);
  editor = shop.seller.keys.EDITOR;
  desk = openDesk(t, shop);
  connectionId = gid('Connection', shop.connectionId);
});
afterAll(async () => {
  stop();
  await t.close();
});
afterEach(() => void heard.splice(0));

describe('assets work', () => {
  it('are made with everything that was said, sanitised', async () => {
    const name = 'Ünits by Région & day';
    const parameters = [
      { name: 'region', type: 'STRING', isRequired: true, allowedValues: ['north', 'south'], description: 'Where.' },
      { name: 'least', type: 'INTEGER', defaultValue: 2 },
    ];
    const { asset } = await desk.create({
      name: `  ${name} `,
      assetType: 'VISUALIZATION',
      description: 'Short.',
      detailedDescription: '<p onclick="x()">Long <script>alert(1)</script><a href="javascript:x()">link</a></p>',
      connectionId,
      sqlLogic: 'select day, units from sales where region = :region and units > :least',
      parameters,
      allowParams: true,
      vizSpec: { data: [{ xsrc: 'day' }] },
      vizChartType: 'LINE',
      vizIndepVarColName: 'day',
      vizDepVarColName: 'units',
      vizDataAggregation: 'SUM',
      vizDataLimit: 7,
      tags: ['a', 'b'],
      topQuestions: ['How many units are there?'],
      rateLimit: { number: 5, period: 'MINUTE', granularity: 'COMPANY' },
      geographicCoverageType: 'NATIONAL',
      dataTimePeriodStart: '2026-01-01T00:00:00Z',
      dataTimePeriodEnd: '2026-02-01T00:00:00Z',
      dataSourceRefreshFrequency: 'EVERY_DAY',
      cached: true,
      industryId: gid('Industry', 3),
      useCaseId: gid('AssetUseCase', 4),
      visibility: 'SHARED',
    });
    expect(asset).toMatchObject({
      name,
      slug: 'units-by-region-day',
      description: 'Short.',
      detailedDescription: '<p>Long <a rel="nofollow noopener">link</a></p>',
      assetType: 'VISUALIZATION',
      source: 'MANUAL',
      approvalStatus: null,
      visibility: 'SHARED',
      isListed: false,
      takesParameters: true,
      parameters: [
        {
          name: 'region',
          type: 'STRING',
          isRequired: true,
          defaultValue: null,
          allowedValues: ['north', 'south'],
          description: 'Where.',
        },
        { name: 'least', type: 'INTEGER', isRequired: false, defaultValue: 2, allowedValues: null, description: null },
      ],
      vizSpec: { data: [{ xsrc: 'day' }] },
      chart: { type: 'LINE', x: 'day', y: 'units', aggregation: 'SUM', limit: 7 },
      tags: ['a', 'b'],
      topQuestions: ['How many units are there?'],
      rateLimit: { number: 5, period: 'MINUTE', granularity: 'COMPANY' },
      coverage: {
        geographicType: 'NATIONAL',
        periodStart: '2026-01-01T00:00:00.000Z',
        periodEnd: '2026-02-01T00:00:00.000Z',
        refreshFrequency: 'EVERY_DAY',
      },
      isCached: true,
      industry: { id: gid('Industry', 3) },
      useCase: { id: gid('AssetUseCase', 4) },
      connection: { id: connectionId },
      owner: { id: gid('User', shop.seller.users.EDITOR) },
      shortCode: expect.stringMatching(/^[a-z0-9]{8}$/),
      lastTestOkAt: null,
      version: 1,
    });
  });

  it('change what is given and keep the rest; a name may go back, the slug stays', async () => {
    const { asset } = await desk.create({
      name: 'Before',
      description: 'Old',
      tags: ['x'],
      rateLimit: { number: 1, period: 'DAY', granularity: 'USER' },
      vizSpec: { data: [{}] },
    });
    const { asset: after } = await desk.update(asset.id, {
      name: 'After',
      description: null,
      rateLimit: null,
      vizSpec: null,
      expectedVersion: 1,
    });
    expect(after).toMatchObject({
      name: 'After',
      slug: 'before',
      description: null,
      rateLimit: null,
      vizSpec: null,
      tags: ['x'],
      version: 2,
    });
    expect(Date.parse(after.updatedAt)).toBeGreaterThanOrEqual(Date.parse(asset.updatedAt));
    expect((await desk.update(asset.id, { name: 'Before' })).asset).toMatchObject({ name: 'Before', version: 3 });
  });

  it('are tested for free: columns, timings, warnings, and when it went well', async () => {
    const { asset } = await desk.create({ assetType: 'DATA', connectionId, sqlLogic: 'select * from range(1500)' });
    const { run } = await desk.test(asset.id);
    expect(run).toMatchObject({
      kind: 'TEST',
      status: 'SUCCEEDED',
      credits: 0,
      isBilled: false,
      rowCount: 1000,
      isTruncated: true,
      cacheStatus: 'BYPASS',
      warnings: [
        'The result has more than 1000 rows; a run gives at most 10000.',
        'All rows were read: the statement names no table without its schema.',
      ],
    });
    expect((await desk.rowOf(asset.id)).lastTestOkAt).not.toBeNull();
    const { asset: empty } = await desk.create({
      assetType: 'DATA',
      connectionId,
      sqlLogic: 'select * from sales where units > 100',
    });
    expect((await desk.test(empty.id)).run).toMatchObject({
      status: 'SUCCEEDED',
      rowCount: 0,
      warnings: [
        'The result has no rows.',
        'All rows were read: no table that the statement names without its schema has 10,000 rows or more.',
      ],
    });
    const { asset: wrong } = await desk.create({ connectionId, sqlLogic: 'select * from sales' });
    expect((await desk.test(wrong.id)).run).toMatchObject({
      status: 'FAILED',
      outcome: { code: 'RESULT_INVALID' },
      warnings: [],
    });
    expect((await desk.rowOf(wrong.id)).lastTestOkAt).toBeNull();
    const { asset: needs } = await desk.create({
      connectionId,
      sqlLogic: 'select :n + 1 as n',
      parameters: [{ name: 'n', type: 'INTEGER', isRequired: true }],
    });
    expect(codes(await desk.test(needs.id))).toEqual([['VALIDATION', 'input.parameters.n']]);
    expect((await desk.test(needs.id, { parameters: { n: 2 } })).run.outcome).toMatchObject({ value: '3' });
  });

  it('lose their test with another definition alone, and tell of it', async () => {
    const { asset } = await desk.create({ connectionId, sqlLogic: 'select 1 as n' });
    await desk.test(asset.id);
    const isTested = async (changes: object): Promise<boolean> =>
      (await desk.update(asset.id, changes)).asset.lastTestOkAt !== null;
    expect(await isTested({ description: 'Other', tags: ['y'], name: `Renamed ${newId()}` })).toBe(true);
    expect(heard.splice(0)).toMatchObject([{ details: { version: 2, changed: ['name', 'description', 'tags'] } }]);
    expect(await isTested({ connectionId, sqlLogic: 'select 1 as n', allowParams: true })).toBe(true);
    expect(heard).toEqual([]);
    const another = await t.world.connection(shop.seller.company.id, {
      engineId: DUCKDB,
      settings: { path: 'shop.duckdb' },
    });
    for (const changes of [
      { sqlLogic: 'select 2 as n' },
      { assetType: 'DATA' },
      { connectionId: gid('Connection', another) },
      { vizSpec: { data: [{}] } },
      { sqlLogic: 'select :a as n', parameters: [{ name: 'a', type: 'INTEGER', defaultValue: 1 }] },
    ]) {
      await t.app.database.prisma.asset.updateMany({ data: { lastTestOkAt: new Date() } });
      expect(await isTested(changes)).toBe(false);
      expect(heard.splice(0)).toMatchObject([{ kind: 'ASSET_UPDATED', details: { version: expect.any(Number) } }]);
    }
  });

  it('are listed with all they need, at once, and taken off again', async () => {
    const { asset } = await desk.create({
      connectionId,
      sqlLogic: 'select 1 as n',
      topQuestions: ['How many are there now?'],
    });
    await desk.test(asset.id);
    await mutate(t, editor, 'assetPriceCreate', { assetId: asset.id, priceUsd: '1.00' }, 'price { id }');
    heard.splice(0);
    expect((await desk.publish(asset.id)).asset).toMatchObject({ isListed: true, version: 2 });
    expect((await desk.publish(asset.id)).asset).toMatchObject({ isListed: true, version: 2 });
    const off = () => mutate(t, editor, 'assetUnpublish', { id: asset.id }, 'asset { isListed version }');
    expect((await off()).asset).toMatchObject({ isListed: false, version: 3 });
    expect((await off()).asset).toMatchObject({ isListed: false, version: 3 });
    expect(heard.map(({ kind, details }) => [kind, details])).toEqual([
      ['ASSET_UPDATED', { isListed: true }],
      ['ASSET_UPDATED', { isListed: false }],
    ]);
  });

  it('are found by words, filters, sorts, id and slug', async () => {
    const { id } = (await t.tenant({ handle: 'library' })).company;
    const key = (await t.world.apiKey(id, 'VIEWER')).secret;
    const made = [
      await t.world.asset(id, {
        name: 'Churn of customers',
        description: 'Who leaves.',
        tags: ['retail', 'daily'],
        assetType: 'DATA',
        createdAt: new Date('2026-01-03'),
      }),
      await t.world.asset(id, {
        name: 'Revenue',
        description: 'By customers and day.',
        tags: ['retail'],
        industryId: 3,
        sellInMarketplace: true,
        createdAt: new Date('2026-01-02'),
      }),
      await t.world.asset(id, {
        name: 'Weather',
        topQuestions: ['Will there be rain?'],
        tags: ['sky'],
        createdAt: new Date('2026-01-01'),
      }),
      await t.world.asset(id, { name: 'Deleted customers', active: false }),
    ];
    const names = async (args: string): Promise<string[]> =>
      (
        await t.run(key, `{ company { assets(${args}) { nodes { name } totalCount { value } } } }`)
      ).data.company.assets.nodes.map(({ name }: { name: string }) => name);
    expect(await names('first: 10')).toEqual(['Churn of customers', 'Revenue', 'Weather']);
    expect(await names('search: "customer"')).toEqual(['Churn of customers', 'Revenue']);
    expect(await names('search: "rain"')).toEqual(['Weather']);
    expect((await names('search: "weather or retail"'))[0]).toBe('Weather');
    const byFit = 'search: "customers", orderBy: {field: RELEVANCE, direction: ASC}';
    expect(await names(byFit)).toEqual(['Revenue', 'Churn of customers']);
    expect(await names('search: "customers -revenue"')).toEqual(['Churn of customers']);
    expect(await names('where: {tags: {in: ["daily", "sky"]}}')).toEqual(['Churn of customers', 'Weather']);
    expect(await names('where: {isListed: {eq: true}}')).toEqual(['Revenue']);
    expect(await names('where: {assetType: {eq: DATA}}')).toEqual(['Churn of customers']);
    expect(await names(`where: {industryId: {eq: "${gid('Industry', 3)}"}}`)).toEqual(['Revenue']);
    expect(await names('orderBy: [{field: NAME, direction: DESC}]')).toEqual([
      'Weather',
      'Revenue',
      'Churn of customers',
    ]);
    const by = async (value: object) =>
      (await t.run(key, 'query ($by: AssetBy!) { company { asset(by: $by) { name } } }', { by: value })).data?.company
        .asset;
    expect(await by({ id: gid('Asset', made[1] ?? '') })).toEqual({ name: 'Revenue' });
    expect(await by({ slug: 'weather' })).toEqual({ name: 'Weather' });
    expect([
      await by({ slug: 'gone' }),
      await by({ slug: 'deleted-customers' }),
      await by({ id: gid('Asset', made[3] ?? '') }),
      await by({ id: gid('Asset', newId()) }),
    ]).toEqual([null, null, null, null]);
    const both = await t.run(key, 'query ($by: AssetBy!) { company { asset(by: $by) { name } } }', {
      by: { slug: 'a', id: 'b' },
    });
    expect(both.errors).toHaveLength(1);
  });

  it('come with owner, price, statistics and connection in as many statements for 20 as for 1', async () => {
    const many = await t.tenant({ handle: 'many' });
    for (let i = 0; i < 20; i++) {
      const connection = await t.world.connection(many.company.id, { engineId: DUCKDB, settings: { path: 'x' } });
      const asset = await t.world.asset(many.company.id, {
        userId: many.users[(['OWNER', 'ADMIN', 'EDITOR'] as const)[i % 3] ?? 'OWNER'].id,
        connectionId: connection.id,
        industryId: 1 + (i % 5),
        useCaseId: 1 + (i % 7),
      });
      await t.world.price(many.company.id, { assetId: asset.id }, `${i}.00`);
    }
    const ask = (first: number) => () =>
      t.run(
        many.keys.VIEWER,
        `{ company { assets(first: ${first}) { nodes { owner { name } activePrice { effectivePriceUsd } statistics { runCount medianMs } connection { name } industry { name } useCase { name } runs(first: 1) { nodes { id } } } } } }`,
      );
    await ask(1)();
    const [one, twenty] = [await t.statements(ask(1)), await t.statements(ask(20))];
    expect(twenty.length).toBe(one.length);
    const { data } = await ask(20)();
    expect(data.company.assets.nodes).toHaveLength(20);
    expect(
      data.company.assets.nodes.every(
        (node: { owner: unknown; activePrice: unknown; connection: unknown }) =>
          node.owner && node.activePrice && node.connection,
      ),
    ).toBe(true);
  });
});
