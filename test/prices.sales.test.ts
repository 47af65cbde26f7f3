import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { events, type AssetEvent } from '../src/events.ts';
import { codes, mutate, openShop, process, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

/** Sales that end before their time, and what a price comes to at a moment. */

let t: TestGateway;
let shop: Shop;
let editor: string;
const heard: AssetEvent[] = [];
const stop = events.on(async (_, event) => void heard.push(event));
beforeAll(async () => {
  t = await testGateway();
  shop = await openShop(t);
  editor = shop.seller.keys.EDITOR;
});
afterAll(async () => {
  stop();
  await t.close();
});
afterEach(() => void heard.splice(0));

const PRICE = 'price { effectivePriceUsd activeDiscount { id } discounts { id percentage saleStartAt saleEndAt } }';
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
/** A sale on the price of an asset, $10.00 unless it has one. */
async function sale(asset: { id: string }, percentage: string, from: number, until: number) {
  const input = { assetId: gid('Asset', asset), percentage, saleStartAt: inDays(from), saleEndAt: inDays(until) };
  const { price, userErrors } = await mutate(t, editor, 'assetPriceDiscount', input, PRICE);
  expect(userErrors).toEqual([]);
  heard.splice(0);
  return price.discounts.find((one: { percentage: string }) => Number(one.percentage) === Number(percentage));
}
async function priced() {
  const asset = await shop.asset();
  await mutate(t, editor, 'assetPriceCreate', { assetId: gid('Asset', asset), priceUsd: '10.00' }, 'price { id }');
  return asset;
}
const end = (id: string, key = editor) => mutate(t, key, 'priceDiscountEnd', { id }, PRICE);
const stored = () => t.app.database.query('select * from "PriceDiscount" order by id', []);

describe('sales work', () => {
  it('are taken back before they begin', async () => {
    const asset = await priced();
    const { id } = await sale(asset, '90', 1, 5);
    expect((await end(id)).price).toEqual({ effectivePriceUsd: '10.00', activeDiscount: null, discounts: [] });
    expect(heard).toMatchObject([{ kind: 'PRICE_CHANGED', message: '90 % will not be off after all.' }]);
    await sale(asset, '9', 1, 5);
  });

  it('end while they run, for the next run already, and stay in the history', async () => {
    const asset = await shop.listed('10.00');
    const { id, saleStartAt } = await sale(asset, '90', -1, 5);
    const charged = async () => {
      const { run } = await process(t, shop.buyer.keys.ANALYST, asset);
      return run.credits;
    };
    expect(await charged()).toBe(2);
    const { price } = await end(id);
    expect(price).toMatchObject({ effectivePriceUsd: '10.00', activeDiscount: null });
    expect(price.discounts).toEqual([
      { id, percentage: '90.00', saleStartAt, saleEndAt: expect.stringMatching(/^20/) },
    ]);
    expect(Date.parse(price.discounts[0].saleEndAt)).toBeLessThanOrEqual(Date.now());
    expect(await charged()).toBe(20);
    expect(heard.filter(({ kind }) => kind === 'PRICE_CHANGED')).toMatchObject([{ message: '90 % are off no more.' }]);
  });

  it('tell what a price comes to at a moment', async () => {
    const asset = await priced();
    const { id } = await sale(asset, '25', 1, 5);
    const query = `query ($id: ID!, $during: DateTime!, $after: DateTime!) { company { asset(by: { id: $id }) { activePrice {
      effectivePriceUsd effectiveCredits
      during: effectivePriceUsd(at: $during) credits: effectiveCredits(at: $during) sale: activeDiscount(at: $during) { id }
      after: effectivePriceUsd(at: $after) none: activeDiscount(at: $after) { id }
    } } } }`;
    const { data } = await t.run(editor, query, { id: gid('Asset', asset), during: inDays(2), after: inDays(6) });
    expect(data.company.asset.activePrice).toEqual({
      effectivePriceUsd: '10.00',
      effectiveCredits: 20,
      during: '7.50',
      credits: 15,
      sale: { id },
      after: '10.00',
      none: null,
    });
  });
});

describe('sales refuse', () => {
  it('to end when they are over or gone', async () => {
    const asset = await priced();
    const over = await sale(asset, '10', -3, -2);
    const later = await sale(asset, '20', 1, 2);
    await end(later.id);
    const before = await stored();
    expect(codes(await end(over.id))).toEqual([['CONFLICT', 'input.id']]);
    expect(codes(await end(later.id))).toEqual([['NOT_FOUND', 'input.id']]);
    expect(codes(await end(gid('Asset', asset)))).toEqual([['VALIDATION', 'input.id']]);
    expect(await stored()).toEqual(before);
  });
});

describe('sales guard', () => {
  it('other companies, other roles and anonymous callers end none', async () => {
    const { id } = await sale(await priced(), '30', 1, 2);
    const before = await stored();
    expect(codes(await end(id, shop.buyer.keys.OWNER))).toEqual([['NOT_FOUND', 'input.id']]);
    expect(codes(await end(id, shop.seller.keys.ANALYST)).map(([code]) => code)).toEqual(['FORBIDDEN']);
    const { data, errors } = await t.run(
      null,
      'mutation ($id: ID!) { priceDiscountEnd(input: {id: $id}) { price { id } } }',
      {
        id,
      },
    );
    expect([data, errors?.[0]?.extensions.code]).toEqual([null, 'UNAUTHENTICATED']);
    expect(await stored()).toEqual(before);
    expect(heard).toEqual([]);
  });
});
