import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { events, type AssetEvent } from '../src/events.ts';
import { centsOf, creditsOf, effectiveCents, usdOf } from '../src/prices/credits.ts';
import { codes, mutate, openShop, process, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let shop: Shop;
let editor: string;
const heard: AssetEvent[] = [];
const stop = events.on(async (_, event) => void heard.push(event));
beforeAll(async () => {
  t = await testGateway({ DATABASE_POOL: '10' });
  shop = await openShop(t);
  editor = shop.seller.keys.EDITOR;
});
afterAll(async () => {
  stop();
  await t.close();
});
afterEach(() => void heard.splice(0));

const PRICE =
  'price { id priceUsd credits effectivePriceUsd effectiveCredits isActive startedAt endedAt version activeDiscount { percentage } discounts { percentage saleStartAt saleEndAt } }';
const create = (asset: { id: string }, priceUsd: unknown, more: object = {}, key = editor) =>
  mutate(t, key, 'assetPriceCreate', { assetId: gid('Asset', asset), priceUsd, ...more }, PRICE);
const discount = (asset: { id: string }, percentage: string, from: string, until: string, key = editor) =>
  mutate(
    t,
    key,
    'assetPriceDiscount',
    { assetId: gid('Asset', asset), percentage, saleStartAt: from, saleEndAt: until },
    PRICE,
  );
const update = (id: string, changes: object, key = editor) => mutate(t, key, 'priceUpdate', { id, ...changes }, PRICE);
const remove = (id: string, key = editor) => mutate(t, key, 'priceDelete', { id }, 'deletedId');
const rows = (asset: { id: string }) =>
  t.app.database.prisma.price.findMany({ where: { assetId: asset.id }, orderBy: { startedAt: 'asc' } });
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

describe('credits of a price', () => {
  it.each([
    ['0', 0, 0],
    ['0.00', 0, 0],
    ['0.01', 1, 1],
    ['0.49', 49, 1],
    ['0.5', 50, 1],
    ['0.50', 50, 1],
    ['0.51', 51, 2],
    ['0.75', 75, 2],
    ['1', 100, 2],
    ['2.00', 200, 4],
    ['2.01', 201, 5],
    ['9999.99', 999_999, 20_000],
    ['10000.00', 1_000_000, 20_000],
  ])('$%s are %i cents and %i credits', (usd, cents, credits) => {
    expect(centsOf(usd)).toBe(cents);
    expect(creditsOf(cents)).toBe(credits);
    expect(usdOf(cents)).toBe(Number(usd).toFixed(2));
  });
  it.each(['', '-1', '1.234', '1e2', '.5', '1.', ' 1', '12345678', 'NaN'])('%j is no amount', (text) =>
    expect(() => centsOf(text)).toThrow('Not an amount'),
  );

  const start = new Date('2026-03-01T00:00:00Z');
  const end = new Date('2026-03-08T00:00:00Z');
  it.each([
    [1000, '20', 800],
    [1000, '12.5', 875],
    [999, '50', 500],
    [1, '50', 1],
    [1, '50.01', 0],
    [100, '99.99', 0],
    [5000, '99.99', 1],
    [1_000_000, '0.01', 999_900],
    [333, '33.33', 222],
    [300, '33.33', 200],
    [105, '10', 95],
  ])('%i cents less %s %% are %i', (cents, percentage, left) =>
    expect(effectiveCents(cents, [{ percentage, startsAt: start, endsAt: end }], start)).toBe(left),
  );
  it('holds from the start until just before the end', () => {
    const sales = [
      { percentage: '10', startsAt: start, endsAt: end },
      { percentage: '50', startsAt: end, endsAt: new Date(end.getTime() + 1) },
    ];
    const prices = [start.getTime() - 1, start.getTime(), end.getTime() - 1, end.getTime(), end.getTime() + 1].map(
      (at) => effectiveCents(100, sales, new Date(at)),
    );
    expect(prices).toEqual([100, 90, 90, 50, 100]);
    expect(effectiveCents(100, [], start)).toBe(100);
  });
});

describe('priceQuote', () => {
  const quote = (variables: object) =>
    t.run(
      null,
      'query ($p: Decimal!, $d: Decimal) { priceQuote(priceUsd: $p, discountPercentage: $d) { priceUsd credits effectivePriceUsd effectiveCredits } }',
      variables as never,
    );
  it.each([
    ['0', undefined, ['0.00', 0, '0.00', 0]],
    ['0.75', undefined, ['0.75', 2, '0.75', 2]],
    ['10', '20', ['10.00', 20, '8.00', 16]],
    ['3', '33.33', ['3.00', 6, '2.00', 4]],
    ['10000', '0.01', ['10000.00', 20_000, '9999.00', 19_998]],
    ['0.01', '99.99', ['0.01', 1, '0.00', 0]],
  ])('of %s less %s', async (p, d, [priceUsd, credits, effectivePriceUsd, effectiveCredits]) => {
    expect((await quote({ p, ...(d ? { d } : {}) })).data.priceQuote).toEqual({
      priceUsd,
      credits,
      effectivePriceUsd,
      effectiveCredits,
    });
  });
  it.each([
    [{ p: '10000.01' }, ['priceUsd']],
    [{ p: '-1' }, ['priceUsd']],
    [{ p: '1.001' }, ['priceUsd']],
    [{ p: '1', d: '0' }, ['discountPercentage']],
    [{ p: '1', d: '100' }, ['discountPercentage']],
    [{ p: '1', d: '33.333' }, ['discountPercentage']],
  ])('refuses %j', async (variables, argumentPath) => {
    expect((await quote(variables)).errors?.[0]?.extensions).toMatchObject({ code: 'BAD_REQUEST', argumentPath });
  });
});

describe('prices work', () => {
  it('a new one ends the former at the same instant and tells of it', async () => {
    const asset = await shop.asset();
    const first = await create(asset, '1.5');
    expect(first.price).toMatchObject({
      priceUsd: '1.50',
      credits: 3,
      effectivePriceUsd: '1.50',
      effectiveCredits: 3,
      isActive: true,
      endedAt: null,
      version: 1,
      activeDiscount: null,
      discounts: [],
    });
    const second = await create(asset, 2);
    const [old, now] = await rows(asset);
    expect(old?.endedAt).toEqual(now?.startedAt);
    expect(now).toMatchObject({ endedAt: null, userId: shop.seller.users.EDITOR.id });
    expect(second.price).toMatchObject({ priceUsd: '2.00', isActive: true });
    expect(heard.map(({ kind, details }) => [kind, details])).toEqual([
      ['PRICE_CHANGED', { beforeUsd: null, afterUsd: '1.50' }],
      ['PRICE_CHANGED', { beforeUsd: '1.50', afterUsd: '2.00' }],
    ]);
  });

  it('one is active after ten at once, and there is no gap between them', async () => {
    const asset = await shop.asset();
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => create(asset, String(i + 1))));
    expect(answers.every(({ price, userErrors }) => price && userErrors.length === 0)).toBe(true);
    const all = await rows(asset);
    expect(all.filter(({ endedAt }) => endedAt === null)).toHaveLength(1);
    const starts = all.map(({ startedAt }) => startedAt.getTime());
    for (const { endedAt } of all) if (endedAt) expect(starts).toContain(endedAt.getTime());
  });

  it('repeats the answer of an idempotency key', async () => {
    const asset = await shop.asset();
    const more = { idempotencyKey: 'one price' };
    const first = await create(asset, '1.00', more);
    expect(await create(asset, '1.00', more)).toEqual(first);
    expect(codes(await create(asset, '2.00', more))).toEqual([['IDEMPOTENCY_MISMATCH', 'input.idempotencyKey']]);
    expect(await rows(asset)).toHaveLength(1);
  });

  it('takes -0 as free', async () => {
    const asset = await shop.asset();
    expect((await create(asset, '-0')).price).toMatchObject({ priceUsd: '0.00', credits: 0 });
    const { price } = await create(asset, '1.00');
    expect((await update(price.id, { priceUsd: '-0.0' })).price).toMatchObject({ priceUsd: '0.00' });
  });

  it('of a moment, active, and all of them by pages', async () => {
    const asset = await shop.asset();
    const days = [new Date('2026-01-01T00:00:00Z'), new Date('2026-02-01T00:00:00Z'), new Date('2026-03-01T00:00:00Z')];
    for (const [i, startedAt] of days.entries())
      await t.world.price(shop.seller.company.id, { assetId: asset.id }, `${i + 1}.00`, {
        startedAt,
        endedAt: days[i + 1] ?? null,
      });
    const at = (text: string): string => `priceAt(at: "${text}") { priceUsd }`;
    const { data, errors } = await t.run(
      shop.seller.keys.VIEWER,
      `query ($by: AssetBy!, $after: String) { company { asset(by: $by) { activePrice { priceUsd }
      a: ${at('2025-12-31T23:59:59.999Z')} b: ${at('2026-01-01T00:00:00Z')} c: ${at('2026-01-31T23:59:59.999Z')} d: ${at('2026-02-01T00:00:00Z')} e: ${at('2030-01-01T00:00:00Z')}
      prices(first: 2, after: $after) { nodes { priceUsd isActive } totalCount { value } pageInfo { hasNextPage endCursor } } } } }`,
      { by: { id: gid('Asset', asset) } },
    );
    expect(errors).toBeUndefined();
    const { prices, activePrice, ...moments } = data.company.asset;
    expect(activePrice).toEqual({ priceUsd: '3.00' });
    expect(Object.values(moments)).toEqual([
      null,
      { priceUsd: '1.00' },
      { priceUsd: '1.00' },
      { priceUsd: '2.00' },
      { priceUsd: '3.00' },
    ]);
    expect(prices).toMatchObject({
      nodes: [
        { priceUsd: '3.00', isActive: true },
        { priceUsd: '2.00', isActive: false },
      ],
      totalCount: { value: 3 },
      pageInfo: { hasNextPage: true },
    });
    const next = await t.run(
      shop.seller.keys.VIEWER,
      'query ($by: AssetBy!, $after: String) { company { asset(by: $by) { prices(first: 2, after: $after) { nodes { priceUsd } pageInfo { hasNextPage } } } } }',
      { by: { id: gid('Asset', asset) }, after: prices.pageInfo.endCursor },
    );
    expect(next.data.company.asset.prices).toEqual({ nodes: [{ priceUsd: '1.00' }], pageInfo: { hasNextPage: false } });
  });

  it('of many assets and moments come in as many statements as those of one', async () => {
    const many = await t.tenant({ handle: 'many-prices' });
    for (let i = 0; i < 20; i++)
      await t.world.price(many.company.id, { assetId: (await t.world.asset(many.company.id)).id }, '1.00');
    const ask = (first: number) => () =>
      t.run(
        many.keys.VIEWER,
        `{ company { assets(first: ${first}) { nodes { activePrice { effectiveCredits discounts { percentage } } priceAt(at: "2030-01-01T00:00:00Z") { priceUsd } prices(first: 1) { nodes { priceUsd } } } } } }`,
      );
    await ask(1)();
    const one = await t.statements(ask(1));
    expect((await t.statements(ask(20))).length).toBe(one.length);
  });
});

describe('sales', () => {
  it('apply within their window, one after another', async () => {
    const asset = await shop.asset();
    const { price } = await create(asset, '10.00', {
      discount: { percentage: '20', saleStartAt: inDays(-1), saleEndAt: inDays(1) },
    });
    expect(price).toMatchObject({
      credits: 20,
      effectivePriceUsd: '8.00',
      effectiveCredits: 16,
      activeDiscount: { percentage: '20.00' },
    });
    const { price: again } = await discount(asset, '12.5', price.discounts[0].saleEndAt, inDays(2));
    expect(again.discounts.map(({ percentage }: { percentage: string }) => percentage)).toEqual(['20.00', '12.50']);
    expect((await discount(asset, '5', inDays(-3), price.discounts[0].saleStartAt)).price.discounts).toHaveLength(3);
    // A new price begins without.
    expect((await create(asset, '11.00')).price).toMatchObject({ effectivePriceUsd: '11.00', discounts: [] });
  });

  it('refuse to overlap, by whatever side, two at once too', async () => {
    const asset = await shop.asset();
    await create(asset, '10.00', { discount: { percentage: '20', saleStartAt: inDays(10), saleEndAt: inDays(20) } });
    for (const [from, until] of [
      [5, 11],
      [12, 13],
      [19, 30],
      [5, 30],
    ] as const)
      expect(codes(await discount(asset, '10', inDays(from), inDays(until)))).toEqual([
        ['CONFLICT', 'input.saleStartAt'],
      ]);
    const at = [inDays(30), inDays(40)] as const;
    const both = await Promise.all([discount(asset, '10', ...at), discount(asset, '15', ...at)]);
    expect(both.flatMap(codes)).toEqual([['CONFLICT', 'input.saleStartAt']]);
  });

  it('are at most 50', async () => {
    const asset = await shop.asset();
    const { price } = await create(asset, '10.00');
    const from = Math.ceil(Date.now() / 1000) * 1000 + 86_400_000;
    const sale = (i: number) => ({
      saleStartAt: new Date(from + i * 1000),
      saleEndAt: new Date(from + i * 1000 + 1000),
    });
    const priceId = (await rows(asset))[0]?.id ?? '';
    await t.app.database.prisma.priceDiscount.createMany({
      data: Array.from({ length: 49 }, (_, i) => ({
        id: crypto.randomUUID(),
        companyId: shop.seller.company.id,
        priceId,
        percentage: '1',
        ...sale(i),
      })),
    });
    const [last, more] = [sale(49), sale(50)];
    expect(
      (await discount(asset, '1', last.saleStartAt.toISOString(), last.saleEndAt.toISOString())).price.discounts,
    ).toHaveLength(50);
    expect(codes(await discount(asset, '1', more.saleStartAt.toISOString(), more.saleEndAt.toISOString()))).toEqual([
      ['VALIDATION', 'input'],
    ]);
    expect(price.discounts).toEqual([]);
  });

  it('need a window and a percentage that make sense, and a price', async () => {
    const asset = await shop.asset();
    expect(codes(await discount(asset, '10', inDays(1), inDays(2)))).toEqual([['NOT_FOR_SALE', 'input.assetId']]);
    await create(asset, '10.00');
    const day = inDays(1);
    expect(codes(await discount(asset, '10', day, day))).toEqual([['VALIDATION', 'input.saleEndAt']]);
    for (const percentage of ['0', '100', '-5', '10.123'])
      expect(codes(await discount(asset, percentage, inDays(1), inDays(2)))).toEqual([
        ['VALIDATION', 'input.percentage'],
      ]);
    expect(
      codes(
        await create(asset, '12.00', { discount: { percentage: '10', saleStartAt: inDays(2), saleEndAt: inDays(1) } }),
      ),
    ).toEqual([['VALIDATION', 'input.discount.saleEndAt']]);
    expect(await rows(asset)).toHaveLength(1);
  });
});

describe('prices refuse', () => {
  it('amounts out of bounds', async () => {
    const asset = await shop.asset();
    for (const priceUsd of ['10000.01', '-1', '1.001'])
      expect(codes(await create(asset, priceUsd))).toEqual([['VALIDATION', 'input.priceUsd']]);
    expect(await rows(asset)).toEqual([]);
  });

  it('to change once somebody was charged, and to leave a listed product without', async () => {
    const asset = await shop.listed('1.00');
    const id = gid('Price', (await rows(asset))[0]?.id ?? '');
    expect(codes(await update(id, { isEnded: true }))).toEqual([['IN_USE', 'input.id']]);
    expect(codes(await remove(id))).toEqual([['IN_USE', 'input.id']]);
    expect((await update(id, { priceUsd: '1.50' })).price).toMatchObject({
      priceUsd: '1.50',
      version: 2,
      isActive: true,
    });
    expect(heard.at(-1)).toMatchObject({ kind: 'PRICE_CHANGED', details: { beforeUsd: '1.00', afterUsd: '1.50' } });
    await process(t, shop.buyer.keys.ANALYST, asset);
    expect(codes(await update(id, { priceUsd: '2.00' }))).toEqual([['IN_USE', 'input.id']]);
    // The same amount is no change.
    expect((await update(id, { priceUsd: '1.5', expectedVersion: 2 })).price).toMatchObject({ version: 3 });
    const answer = await update(id, { priceUsd: '1.5', expectedVersion: 2 });
    expect(answer.userErrors).toMatchObject([{ __typename: 'VersionConflictError', currentVersion: 3 }]);
    await mutate(t, editor, 'assetUnpublish', { id: gid('Asset', asset) }, 'asset { isListed }');
    expect(codes(await remove(id))).toEqual([['IN_USE', 'input.id']]);
    expect((await update(id, { isEnded: true })).price).toMatchObject({ isActive: false });
    expect(codes(await update(id, { isEnded: false }))).toEqual([['VALIDATION', 'input.isEnded']]);
    expect(codes(await remove(id))).toEqual([['IN_USE', 'input.id']]);
  });

  it('nothing where nobody was charged', async () => {
    const asset = await shop.asset();
    const { price } = await create(asset, '1.00', {
      discount: { percentage: '10', saleStartAt: inDays(1), saleEndAt: inDays(2) },
    });
    expect((await remove(price.id)).deletedId).toBe(price.id);
    expect(await rows(asset)).toEqual([]);
    expect(codes(await remove(price.id))).toEqual([['NOT_FOUND', 'input.id']]);
  });
});

describe('prices guard', () => {
  const refused = async (key: string | null, asset: { id: string }, id: string, code: string): Promise<void> => {
    const before = await rows(asset);
    const answers =
      key === null
        ? []
        : [
            await create(asset, '9.00', {}, key),
            await discount(asset, '10', inDays(1), inDays(2), key),
            await update(id, { priceUsd: '9.00' }, key),
            await remove(id, key),
          ];
    expect(answers.map((answer) => codes(answer)[0]?.[0])).toEqual(answers.map(() => code));
    expect(await rows(asset)).toEqual(before);
  };
  it('other companies, other roles and anonymous callers change nothing', async () => {
    const asset = await shop.listed('1.00');
    const id = gid('Price', (await rows(asset))[0]?.id ?? '');
    await refused(shop.other.keys.OWNER, asset, id, 'NOT_FOUND');
    for (const role of ['ANALYST', 'VIEWER', 'OPERATOR'] as const)
      await refused(shop.seller.keys[role], asset, id, 'FORBIDDEN');
    await expect(create(asset, '1.00', {}, null as never)).rejects.toThrow('UNAUTHENTICATED');
    expect(codes(await create(asset, '9.00', {}, shop.other.keys.OWNER))).toEqual([['NOT_FOUND', 'input.assetId']]);
    const { data } = await t.run(shop.other.keys.OWNER, 'query ($id: ID!) { node(id: $id) { id } }', { id });
    expect(data.node).toBeNull();
  });

  it('a company without EULA sets none, and a deleted asset has none to set', async () => {
    const lapsed: Tenant = await t.tenant({ handle: 'lapsed', acceptedEula: false });
    const asset = await t.world.asset(lapsed.company.id);
    expect(codes(await create(asset, '1.00', {}, lapsed.keys.OWNER))).toEqual([['EULA_REQUIRED', null]]);
    const gone = await shop.asset({ active: false });
    expect(codes(await create(gone, '1.00'))).toEqual([['NOT_FOUND', 'input.assetId']]);
    const { id } = await t.world.price(shop.seller.company.id, { assetId: gone.id }, '1.00');
    expect(codes(await update(gid('Price', id), { priceUsd: '2.00' }))).toEqual([['NOT_FOUND', 'input.id']]);
  });
});
