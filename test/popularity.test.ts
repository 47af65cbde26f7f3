import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countPopularity } from '../src/marketplace/popularity.ts';
import { run, write } from './analytics.fixtures.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let seller: Tenant;
let buyer: Tenant;
beforeAll(async () => {
  t = await testGateway();
  seller = await t.tenant();
  buyer = await t.tenant();
});
afterAll(() => t.close());

const count = (): Promise<void> => countPopularity(t.app.database.query);
const asset = async (more: Record<string, unknown> = {}): Promise<string> =>
  (await t.world.asset(seller.company.id, { sellInMarketplace: true, ...more })).id;
const runs = (id: string, times: number, daysAgo: number, more: Parameters<typeof run>[4] = {}): Promise<void> =>
  write(
    t,
    ...Array.from({ length: times }, () =>
      run(seller, buyer, id, new Date(Date.now() - daysAgo * 86_400_000).toISOString(), more),
    ),
  );
const counted = async (id: string, table: 'Asset' | 'Endpoint' = 'Asset'): Promise<[number, number]> => {
  const [row] = await t.app.database.query<{ popularity: number; trend: number }>(
    `select popularity, trend from "${table}" where id = $1`,
    [id],
  );
  return [row?.popularity ?? -1, row?.trend ?? -1];
};

describe('the count of popularity works', () => {
  it('has the successful runs of 30 days, and those of 7 over the 7 before', async () => {
    const id = await asset();
    await runs(id, 6, 1);
    await runs(id, 3, 10);
    await runs(id, 2, 20);
    await runs(id, 9, 40);
    await runs(id, 4, 2, { isSuccess: false });
    expect(await counted(id)).toEqual([0, 0]);
    await count();
    expect(await counted(id)).toEqual([11, 2]);
  });

  it('has no trend for fewer than 5 runs of the week, and a base of at least one', async () => {
    const [few, fresh] = [await asset(), await asset()];
    await runs(few, 4, 1);
    await runs(fresh, 5, 1);
    await count();
    expect([await counted(few), await counted(fresh)]).toEqual([
      [4, 0],
      [5, 5],
    ]);
  });

  it('leaves out what the seller runs itself', async () => {
    const id = await asset();
    await runs(id, 2, 1);
    const at = new Date(Date.now() - 86_400_000).toISOString();
    await write(t, ...Array.from({ length: 50 }, () => run(seller, seller, id, at)));
    await count();
    expect(await counted(id)).toEqual([2, 0]);
    const { data } = await t.run(
      null,
      'query ($by: ListingBy!) { marketplace { asset(by: $by) { statistics { runCount buyerCount } } } }',
      { by: { id: gid('Asset', id) } },
    );
    expect(data.marketplace.asset.statistics).toEqual({ runCount: 52, buyerCount: 1 });
  });

  it('counts endpoints too, and forgets what is over', async () => {
    const connection = await t.world.connection(seller.company.id);
    const { id } = await t.world.endpoint(seller.company.id, connection.id, { sellInMarketplace: true });
    await runs('', 5, 1, { endpointId: id });
    await count();
    expect(await counted(id, 'Endpoint')).toEqual([5, 5]);
    await t.app.database.query(`update "UsageRollup" set hour = hour - interval '60 days' where "productId" = $1`, [
      id,
    ]);
    await count();
    expect(await counted(id, 'Endpoint')).toEqual([0, 0]);
  });

  it('says as of when', async () => {
    const asOf = async (): Promise<number> =>
      Date.parse((await t.run(null, '{ marketplace { popularityAsOf } }')).data.marketplace.popularityAsOf);
    const before = Date.now();
    await count();
    expect(await asOf()).toBeGreaterThanOrEqual(before);
    expect(await asOf()).toBeLessThanOrEqual(Date.now());
  });
});

describe('the count of popularity guards', () => {
  it('products that are not listed, and writes nothing where nothing changed', async () => {
    const [unlisted, deleted, quiet] = [
      await asset({ sellInMarketplace: false }),
      await asset({ active: false }),
      await asset(),
    ];
    for (const id of [unlisted, deleted, quiet]) await runs(id, 5, 1);
    await count();
    expect([await counted(unlisted), await counted(deleted)]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    const place = () =>
      t.app.database.query('select ctid::text, version, "updatedAt" from "Asset" where id = $1', [quiet]);
    const before = await place();
    await count();
    expect(await place()).toEqual(before);
  });

  it('whoever holds a product: it goes on without waiting, and counts that one the next time', async () => {
    const [held, free] = [await asset(), await asset()];
    for (const id of [held, free]) await runs(id, 5, 1);
    await t.app.database.atomically(async (query) => {
      await query('select id from "Asset" where id = $1 for update', [held]);
      await count();
      expect([await counted(held), await counted(free)]).toEqual([
        [0, 0],
        [5, 5],
      ]);
    });
    await count();
    expect(await counted(held)).toEqual([5, 5]);
  });
});
