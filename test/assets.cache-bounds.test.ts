import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sweepStored } from '../src/assets/stored-results.ts';
import { column, keptOf, ran, testEngine, type TestEngine } from './assets.cache.fixtures.ts';
import { DUCKDB, openShop, parameter, type Shop } from './assets.fixtures.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

/** An entry counts for 8 KiB at least: so four of a seller, six in all. */
let t: TestGateway;
let shop: Shop;
let engine: TestEngine;
beforeAll(async () => {
  t = await testGateway({ CACHE_ENTRY_BYTES: '10000', CACHE_COMPANY_BYTES: '32768', CACHE_TOTAL_BYTES: '49152' });
  shop = await openShop(t);
  engine = testEngine(t);
});
afterAll(() => t.close());

const ONE_OF_MANY = {
  sqlLogic: 'select 1 + :p as n',
  cached: true,
  allowParams: true,
  parameters: [parameter('p', 'INTEGER')],
};
const clear = () => t.app.database.query('delete from "CachedResult"', []);
/** Runs an asset with the parameters 1 to `count`, one after the other. */
async function fill(key: string, asset: { id: string }, count: number): Promise<void> {
  for (let p = 1; p <= count; p++) await ran(t, key, asset, { parameters: { p } });
}
const total = async (): Promise<number> => {
  const [row] = await t.app.database.query<{ sum: string }>(
    'select coalesce(sum(bytes), 0) as sum from "CachedResult"',
    [],
  );
  return Number(row?.sum);
};

describe('the bounds of the cache', () => {
  it('leave out what is too large, which is computed each time', async () => {
    const asset = await shop.asset({ assetType: 'DATA', sqlLogic: 'select 1 as n', cached: true });
    for (const words of [randomBytes(12_000).toString('base64'), 'x'.repeat(100_000)]) {
      for (let i = 0; i < 2; i++) {
        engine.next(() => column(words));
        expect(await ran(t, shop.seller.keys.ANALYST, asset)).toMatchObject({
          status: 'SUCCEEDED',
          cacheStatus: 'MISS',
        });
      }
      expect(await keptOf(t, asset)).toEqual([]);
    }
    // What shrinks enough is kept.
    engine.next(() => column('x'.repeat(50_000)));
    await ran(t, shop.seller.keys.ANALYST, asset);
    expect(await keptOf(t, asset)).toMatchObject([{ bytes: 8192 }]);
    expect(await ran(t, shop.seller.keys.ANALYST, asset)).toMatchObject({ cacheStatus: 'HIT' });
  });

  it('drop the oldest of a seller, then the oldest of all', async () => {
    await clear();
    const mine = await shop.asset(ONE_OF_MANY);
    await fill(shop.seller.keys.ANALYST, mine, 7);
    const kept = await keptOf(t, mine);
    expect(kept.map(({ bytes }) => bytes)).toEqual(Array(4).fill(8192));
    expect(await ran(t, shop.seller.keys.ANALYST, mine, { parameters: { p: 7 } })).toMatchObject({
      cacheStatus: 'HIT',
    });

    const { id: connectionId } = await t.world.connection(shop.other.company.id, { engineId: DUCKDB });
    const theirs = await t.world.asset(shop.other.company.id, { ...ONE_OF_MANY, connectionId });
    await fill(shop.other.keys.ANALYST, theirs, 4);
    expect(await keptOf(t, theirs)).toHaveLength(4);
    expect(await keptOf(t, mine)).toEqual(kept.slice(2));
    expect(await total()).toBe(49_152);
  });

  it('sweep what has expired, and keep what never does', async () => {
    await clear();
    const asset = await shop.asset({ cached: true, dataSourceRefreshFrequency: 'EVERY_DAY' });
    const forever = await shop.asset({ cached: true, dataSourceRefreshFrequency: 'NEVER' });
    for (const one of [asset, forever]) await ran(t, shop.seller.keys.ANALYST, one);
    const [entry] = await keptOf(t, asset);
    expect(Number(entry?.expiresAt) - Number(entry?.computedAt)).toBe(86_400_000);
    expect(await sweepStored(t.app)).toBe(0);
    await t.app.database.query(
      `update "CachedResult" set "computedAt" = now() - interval '2 days', "expiresAt" = now() - interval '1 day' where "assetId" = $1`,
      [asset.id],
    );
    expect(await sweepStored(t.app)).toBe(1);
    expect((await keptOf(t, forever)).map(({ expiresAt }) => expiresAt)).toEqual([Number.POSITIVE_INFINITY]);
  });
});
