import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type Answer, type TestGateway } from './helpers/gateway.ts';

/** What people do to an asset, through the front door, and what those who watch it hear. */

let t: TestGateway;
let shop: Shop;
beforeAll(async () => {
  t = await testGateway();
  shop = await openShop(t);
});
afterAll(() => t.close());

const mutate = async (key: string, name: string, input: object, fields = '__typename'): Promise<Answer['data']> => {
  const payload = await t.mutate(key, name, input, fields, 'userErrors { code message path }');
  expect(payload.userErrors).toEqual([]);
  return payload;
};

type Heard = { message: string; details: Record<string, unknown> };

/** Watches an asset for an analyst of each company that may, and answers what they heard since the last time. */
async function watch(assetId: string, kind: string, companies: ('seller' | 'buyer')[], more: object = {}) {
  const ids = await Promise.all(
    companies.map(async (company) => {
      const made = await mutate(shop[company].keys.ANALYST, 'alertCreate', { assetId, kind, ...more }, 'alert { id }');
      return [company, made.alert.id as string] as const;
    }),
  );
  const heard = new Map<string, number>();
  return async (): Promise<Partial<Record<'seller' | 'buyer', Heard[]>>> => {
    // Past the quiet minute.
    await t.app.database.query(`update "Alert" set "lastTriggeredAt" = "lastTriggeredAt" - interval '2 minutes'`, []);
    const news = ids.map(async ([company, id]) => {
      const { data } = await t.run(
        shop[company].keys.ANALYST,
        'query ($id: ID!) { node(id: $id) { ... on Alert { events(orderBy: [{field: CREATED_AT, direction: ASC}]) { nodes { message details } } } } }',
        { id },
      );
      const all = data.node.events.nodes as Heard[];
      const fresh = all.slice(heard.get(id) ?? 0);
      heard.set(id, all.length);
      return [company, fresh] as const;
    });
    return Object.fromEntries(await Promise.all(news));
  };
}

const both = (message: string, details: object): Record<string, object[]> => ({
  seller: [{ message, details }],
  buyer: [{ message, details }],
});
const nobody = { seller: [], buyer: [] };

describe('what fires alerts', () => {
  it('another definition and another listing do, what is given as it was does not', async () => {
    const row = await shop.listed('2.00', { name: 'Units', sqlLogic: 'select 1 as answer_value' });
    const id = gid('Asset', row);
    const heard = await watch(id, 'ASSET_UPDATED', ['seller', 'buyer']);
    const update = (input: object): Promise<unknown> =>
      mutate(shop.seller.keys.EDITOR, 'assetUpdate', { id, ...input });

    await update({ sqlLogic: 'select 2 as answer_value' });
    expect(await heard()).toEqual(both('Units has a new definition.', { version: 2, changed: ['definition'] }));
    await t.app.database.query('update "Asset" set "lastTestOkAt" = now() where id = $1', [row.id]);
    await update({ sqlLogic: 'select 2 as answer_value', parameters: [], tags: [] });
    expect(await heard()).toEqual(nobody);
    const { lastTestOkAt } = await t.app.database.prisma.asset.findUniqueOrThrow({ where: { id: row.id } });
    expect(lastTestOkAt).not.toBeNull();
    await update({ description: 'Units sold.', tags: ['retail'], dataTimePeriodStart: '2026-01-01T00:00:00Z' });
    const changed = ['description', 'tags', 'dataTimePeriodStart'];
    expect(await heard()).toEqual(
      both('The listing of Units changed: description, tags, dataTimePeriodStart.', { version: 4, changed }),
    );
    await update({ description: 'Units sold.', dataTimePeriodStart: '2026-01-01T00:00:00Z', allowParams: true });
    expect(await heard()).toEqual(nobody);
  });

  it('leaving the marketplace and deletion do; who lost sight of the asset hears no more', async () => {
    const row = await shop.listed('2.00', { name: 'Gone' });
    const id = gid('Asset', row);
    const heard = await watch(id, 'ASSET_UPDATED', ['seller', 'buyer']);
    await mutate(shop.seller.keys.EDITOR, 'assetUnpublish', { id });
    expect(await heard()).toEqual(both('Gone was taken off the marketplace.', { isListed: false }));
    await mutate(shop.seller.keys.EDITOR, 'assetDelete', { id });
    expect(await heard()).toEqual({
      seller: [{ message: 'Gone was deleted.', details: { isDeleted: true } }],
      buyer: [],
    });
    const other = await shop.listed('2.00', { name: 'Gone too' });
    const tell = await watch(gid('Asset', other), 'ASSET_UPDATED', ['seller', 'buyer']);
    await mutate(shop.seller.keys.EDITOR, 'assetDelete', { id: gid('Asset', other) });
    expect(await tell()).toEqual(both('Gone too was deleted.', { isDeleted: true, isListed: false }));
  });

  it('prices do', async () => {
    const row = await shop.listed('2.00', { name: 'Priced' });
    const heard = await watch(gid('Asset', row), 'PRICE_CHANGED', ['seller', 'buyer']);
    const { price } = await mutate(
      shop.seller.keys.EDITOR,
      'assetPriceCreate',
      { assetId: gid('Asset', row), priceUsd: '3.50' },
      'price { id }',
    );
    expect(await heard()).toEqual(
      both('The price is $3.50 now, after $2.00.', { beforeUsd: '2.00', afterUsd: '3.50' }),
    );
    await mutate(shop.seller.keys.EDITOR, 'priceUpdate', { id: price.id, priceUsd: '3.00' });
    expect(await heard()).toEqual(
      both('The price is $3.00 now, after $3.50.', { beforeUsd: '3.50', afterUsd: '3.00' }),
    );
  });

  it('values of runs do, from the threshold on, told in full to the seller alone', async () => {
    const row = await shop.listed('2.00', { name: 'Value', sqlLogic: 'select 100 as answer_value' });
    const id = gid('Asset', row);
    const heard = await watch(id, 'RESULT_CHANGED', ['seller', 'buyer'], { thresholdPercent: '5' });
    const run = async (value: number): Promise<void> => {
      await mutate(shop.seller.keys.EDITOR, 'assetUpdate', { id, sqlLogic: `select ${value} as answer_value` });
      await mutate(shop.buyer.keys.ANALYST, 'assetProcess', { assetId: id });
    };
    await run(100);
    await run(104);
    expect(await heard()).toEqual(nobody);
    await run(130);
    expect(await heard()).toEqual({
      seller: [{ message: 'Value went from 104 to 130.', details: { before: '104', after: '130', changePercent: 25 } }],
      buyer: [{ message: 'Value has another value.', details: { changePercent: 25 } }],
    });
  });
});
