import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { nextOf } from '../src/assets/cron.ts';
import { refreshScheduled, sendDue, startRefreshes } from '../src/assets/refresh.ts';
import { EngineError } from '../src/warehouse/engine.ts';
import { keptOf, ran, resultOf, testEngine, type TestEngine } from './assets.cache.fixtures.ts';
import { balance, codes, ledger, mutate, openShop, parameter, RUN, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

const WAIT = { timeout: 60_000, interval: 100 };
let t: TestGateway;
let shop: Shop;
let engine: TestEngine;
beforeAll(async () => {
  t = await testGateway({ DATABASE_POOL: '10' });
  shop = await openShop(t);
});
afterAll(() => t.close());
beforeEach(() => {
  engine = testEngine(t);
});
afterEach(async () => {
  vi.restoreAllMocks();
  expect(await ledger(t)).toEqual([]);
});

const SCHEDULE = '0 3 1 1 *';
const kept = (more: object = {}) => shop.listed('1.50', { sqlLogic: 'select 5 as n', cached: true, ...more });
const refresh = (key: string, asset: { id: string }, input: object = {}) =>
  mutate(t, key, 'assetRefresh', { id: gid('Asset', asset), ...input }, `run { ${RUN} }`);
const update = (asset: { id: string }, input: object) =>
  mutate(
    t,
    shop.seller.keys.EDITOR,
    'assetUpdate',
    { id: gid('Asset', asset), ...input },
    'asset { schedule nextRefreshAt refreshFailureCount }',
  );
const rowOf = (asset: { id: string }) => t.app.database.prisma.asset.findUniqueOrThrow({ where: { id: asset.id } });
const makeDue = (asset: { id: string }, nextRun = new Date(Date.now() - 60_000)) =>
  t.app.database.prisma.asset.update({ where: { id: asset.id }, data: { nextRun } });
const refreshes = async (asset: { id: string }) => {
  const { data } = await t.run(
    shop.seller.keys.ANALYST,
    `query ($id: ID!) { company { asset(by: { id: $id }) { runs(where: { kind: { eq: REFRESH } }) { nodes { kind status credits isBilled cacheStatus user { id } outcome { ... on RunFailure { code } } } } } } }`,
    { id: gid('Asset', asset) },
  );
  return data.company.asset.runs.nodes;
};
const usage = async (asset: { id: string }) => {
  await t.app.usage.flush();
  return t.app.database.query('select 1 from "UsageEvent" where "assetId" = $1', [asset.id]);
};
/** What a worker does with the asset's job. */
const work = (asset: { id: string }, dueAt = new Date()) =>
  refreshScheduled(t.app, {
    data: { assetId: asset.id, companyId: shop.seller.company.id, dueAt: dueAt.toISOString() },
    signal: new AbortController().signal,
  });

describe('refreshing works', () => {
  it('by a mutation: anew and free, and buyers pay for a hit', async () => {
    const asset = await kept();
    const old = await ran(t, shop.buyer.keys.ANALYST, asset);
    const { run } = await refresh(shop.seller.keys.ANALYST, asset);
    expect(run).toMatchObject({
      kind: 'REFRESH',
      status: 'SUCCEEDED',
      credits: 0,
      isBilled: false,
      cacheStatus: 'MISS',
    });
    expect(resultOf(run)).not.toEqual(resultOf(old));
    const bought = await ran(t, shop.buyer.keys.ANALYST, asset);
    expect(bought).toMatchObject({ cacheStatus: 'HIT', credits: 3, kind: 'PROCESS' });
    expect(resultOf(bought)).toEqual(resultOf(run));
    // Two were bought; the refresh is no use of the asset.
    expect(await usage(asset)).toHaveLength(2);
  });

  it('by a mutation for the parameters given, once for an idempotency key', async () => {
    const asset = await kept({
      sqlLogic: 'select 5 + :p as n',
      allowParams: true,
      parameters: [parameter('p', 'INTEGER', { isRequired: true })],
    });
    const input = { parameters: { p: 12 }, idempotencyKey: 'refresh once' };
    const { run } = await refresh(shop.seller.keys.ANALYST, asset, input);
    expect(run.outcome.value).toMatch(/^5012/);
    expect((await refresh(shop.seller.keys.ANALYST, asset, input)).run.id).toBe(run.id);
    expect(engine.calls()).toBe(1);
    expect(await ran(t, shop.buyer.keys.ANALYST, asset, { parameters: { p: 12 } })).toMatchObject({
      cacheStatus: 'HIT',
    });
    expect(await ran(t, shop.buyer.keys.ANALYST, asset, { parameters: { p: 13 } })).toMatchObject({
      cacheStatus: 'MISS',
    });
  });

  it('by a schedule, in whichever process is free, and buyers pay for a hit', async () => {
    // Workers of its own: other tests do their jobs by hand.
    const own = await testGateway({ DATABASE_POOL: '10' });
    try {
      const market = await openShop(own);
      const asked = testEngine(own);
      const asset = await market.listed('1.50', { sqlLogic: 'select 5 as n', cached: true, schedule: SCHEDULE });
      await own.app.database.query(`update "Asset" set "nextRun" = now() where id = $1`, [asset.id]);
      await startRefreshes(own.app);
      await sendDue(own.app);
      const runs = () =>
        own.app.database.query(
          `select kind::text, status::text, credits, "isBilled", "cacheStatus"::text, "companyId", "userId" from "Run" where "assetId" = $1 and status <> 'RUNNING'`,
          [asset.id],
        );
      await expect.poll(runs, WAIT).toEqual([
        {
          kind: 'REFRESH',
          status: 'SUCCEEDED',
          credits: 0,
          isBilled: false,
          cacheStatus: 'MISS',
          companyId: market.seller.company.id,
          userId: null,
        },
      ]);
      const row = await own.app.database.prisma.asset.findUniqueOrThrow({ where: { id: asset.id } });
      expect(row.nextRun).toEqual(nextOf(SCHEDULE, new Date()));
      const before = await balance(own, market.buyer);
      expect(await ran(own, market.buyer.keys.ANALYST, asset)).toMatchObject({ cacheStatus: 'HIT', credits: 3 });
      expect(await balance(own, market.buyer)).toBe(before - 3);
      expect(asked.calls()).toBe(1);
      await own.app.usage.flush();
      expect(await own.app.database.query('select credits from "UsageEvent"', [])).toEqual([{ credits: 3 }]);
      expect(await ledger(own)).toEqual([]);
    } finally {
      await own.close();
    }
  });

  it('with what somebody asked for since it was due', async () => {
    const asset = await kept({ schedule: SCHEDULE });
    const dueAt = new Date(Date.now() - 60_000);
    const made = await ran(t, shop.buyer.keys.ANALYST, asset);
    await work(asset, dueAt);
    expect(await refreshes(asset)).toMatchObject([{ status: 'SUCCEEDED', cacheStatus: 'HIT' }]);
    expect(resultOf(await ran(t, shop.buyer.keys.ANALYST, asset))).toEqual(resultOf(made));
    expect(engine.calls()).toBe(1);
  });

  it('and says that a result changed', async () => {
    const asset = await kept();
    const key = shop.seller.keys.ANALYST;
    const alert = await mutate(
      t,
      key,
      'alertCreate',
      { assetId: gid('Asset', asset), kind: 'RESULT_CHANGED' },
      'alert { id }',
    );
    expect(alert.userErrors).toEqual([]);
    await refresh(key, asset);
    await refresh(key, asset);
    const events = await t.app.database.query(
      'select a.kind::text from "AlertEvent" e join "Alert" a on a.id = e."alertId" where a."assetId" = $1',
      [asset.id],
    );
    expect(events).toEqual([{ kind: 'RESULT_CHANGED' }]);
  });
});

describe('refreshing refuses', () => {
  it('what keeps no results, what belongs to others and what is not known', async () => {
    const asset = await kept({ cached: false });
    expect(codes(await refresh(shop.seller.keys.ANALYST, asset))).toEqual([['VALIDATION', 'input.id']]);
    const other = await kept();
    expect(codes(await refresh(shop.buyer.keys.OWNER, other))).toEqual([['NOT_FOUND', 'input.id']]);
    expect(codes(await refresh(shop.seller.keys.ANALYST, other, { parameters: { p: 1 } }))).toEqual([
      ['VALIDATION', 'input.parameters.p'],
    ]);
    expect(engine.calls()).toBe(0);
  });

  it.each(['hourly', '* * * *', '0 0 * * * *', '99 * * * *', '0 0 31 2 *', '@daily'])(
    'the schedule %s',
    async (schedule) => {
      const asset = await kept();
      expect(codes(await update(asset, { schedule }))).toEqual([['VALIDATION', 'input.schedule']]);
      expect((await rowOf(asset)).schedule).toBeNull();
    },
  );

  it('a schedule where a parameter has to be given', async () => {
    const asset = await kept({
      sqlLogic: 'select 5 + :p as n',
      allowParams: true,
      parameters: [parameter('p', 'INTEGER', { isRequired: true })],
    });
    const { userErrors } = await update(asset, { schedule: SCHEDULE });
    expect(userErrors).toMatchObject([
      { code: 'VALIDATION', path: ['input', 'schedule'], message: expect.stringContaining(':p') },
    ]);
  });
});

describe('refreshing guards', () => {
  it('the engine: a failure is noted, the old result stays, and the asset rests the longer the more fail', async () => {
    const asset = await kept({ schedule: SCHEDULE, nextRun: new Date() });
    const made = resultOf(await ran(t, shop.buyer.keys.ANALYST, asset));
    const fail = () =>
      engine.next(() => {
        throw new EngineError('ENGINE_FAILED', 'Broken.');
      });
    const far = '2999-01-01T00:00:00Z';
    const rests: number[] = [];
    for (let i = 0; i < 3; i++) {
      await makeDue(asset, new Date());
      fail();
      await work(asset);
      const { nextRun } = await rowOf(asset);
      rests.push(Math.round((Number(nextRun) - Date.now()) / 60_000));
    }
    expect(rests[0]).toBeLessThan(rests[1] as number);
    expect(rests[1]).toBeLessThan(rests[2] as number);
    expect(await refreshes(asset)).toMatchObject(
      Array(3).fill({ status: 'FAILED', outcome: { code: 'ENGINE_FAILED' } }),
    );
    expect(resultOf(await ran(t, shop.buyer.keys.ANALYST, asset))).toEqual(made);
    // A rest never brings the next one forward.
    await makeDue(asset, new Date(far));
    fail();
    await work(asset);
    expect(await rowOf(asset)).toMatchObject({ refreshFailures: 4, nextRun: new Date(far) });
    await work(asset);
    expect((await rowOf(asset)).refreshFailures).toBe(0);
  });

  it('against doing it twice: one hand-out for each time, one job for an asset', async () => {
    const asset = await kept({ schedule: SCHEDULE });
    await makeDue(asset);
    const jobs = () =>
      t.app.database.query(`select 1 from jobs.job where name = 'asset-refreshes' and singleton_key = $1`, [asset.id]);
    expect((await Promise.all([1, 2, 3].map(() => sendDue(t.app)))).reduce((a, b) => a + b)).toBe(1);
    await makeDue(asset);
    await sendDue(t.app);
    expect(await jobs()).toHaveLength(1);
  });

  it('against what is gone by then: no run for an asset without schedule, cache or life', async () => {
    for (const more of [{ schedule: null }, { cached: false }, { active: false }]) {
      const asset = await kept({ schedule: SCHEDULE, ...more });
      await makeDue(asset);
      expect(await sendDue(t.app)).toBe(0);
      await work(asset);
      expect(await keptOf(t, asset)).toEqual([]);
    }
    expect(engine.calls()).toBe(0);
  });

  it('its next time: told, set with the schedule, forgotten with it', async () => {
    const asset = await kept();
    const set = await update(asset, { schedule: SCHEDULE });
    expect(set.asset).toEqual({
      schedule: SCHEDULE,
      nextRefreshAt: nextOf(SCHEDULE, new Date())?.toISOString(),
      refreshFailureCount: 0,
    });
    expect((await update(asset, { schedule: null })).asset).toEqual({
      schedule: null,
      nextRefreshAt: null,
      refreshFailureCount: 0,
    });
  });
});
