import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkRollups } from '../src/analytics/check.ts';
import type { UsageEvent } from '../src/context.ts';
import type { Database } from '../src/database/db.ts';
import { newId } from '../src/ids.ts';
import { createLog } from '../src/log.ts';
import { createUsageBuffer, writeEvents } from '../src/usage/buffer.ts';
import { nextMonth } from '../src/usage/quota.ts';
import { codes, openShop, process, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let shop: Shop;
beforeAll(async () => {
  t = await testGateway({ DATABASE_POOL: '10' });
  shop = await openShop(t);
});
afterAll(() => t.close());
afterEach(() => vi.useRealTimers());

const HOUR = 3_600_000;
/** The hour that these tests began in, whatever the hour is by now. */
const THIS_HOUR = Math.floor(Date.now() / HOUR) * HOUR;
const at = (hours: number): Date => new Date(THIS_HOUR + hours * HOUR + 60_000);

function event(more: Partial<UsageEvent> = {}): UsageEvent {
  return {
    id: newId(),
    sellerCompanyId: shop.seller.company.id,
    buyerCompanyId: shop.buyer.company.id,
    assetId: newId(),
    endpointId: null,
    apiKeyId: null,
    at: at(0),
    isSuccess: true,
    credits: 4,
    earningsCents: 160,
    elapsedMs: 100,
    rowCount: 3,
    ...more,
  };
}

const ROLLUP = `select "productId", "buyerCompanyId", "isEndpoint", hour, runs, successes, credits, "earningsCents", rows from "UsageRollup" order by 1, 2, 4`;
const RAW = `select coalesce("assetId", "endpointId") as "productId", "buyerCompanyId", "endpointId" is not null as "isEndpoint", date_trunc('hour', at, 'UTC') as hour, count(*)::int as runs,
  (count(*) filter (where "isSuccess"))::int as successes, sum(credits)::int as credits, sum("earningsCents")::text as "earningsCents",
  coalesce(sum("rowCount") filter (where "isSuccess"), 0)::text as rows from "UsageEvent" group by 1, 2, 3, 4 order by 1, 2, 4`;
const rollupIsRaw = async (): Promise<void> => {
  await t.app.usage.flush();
  expect(await t.app.database.query(ROLLUP, [])).toEqual(await t.app.database.query(RAW, []));
  expect(await checkRollups(t.app.database.query)).toEqual([]);
};
const eventCount = (assetId: string | null) => t.app.database.prisma.usageEvent.count({ where: { assetId } });

describe('usage events', () => {
  it('are summed by hour, product and buyer, late and twice ones too', async () => {
    const assetId = newId();
    const first = event({ assetId });
    const some = [
      first,
      event({ assetId, isSuccess: false, credits: 0, earningsCents: 0 }),
      event({ assetId, at: at(-5) }),
      event({ assetId: null, endpointId: newId() }),
    ];
    await writeEvents(t.app.database.query, [...some, first]);
    await writeEvents(t.app.database.query, [
      first,
      event({ assetId, at: at(-400) }),
      event({ assetId, buyerCompanyId: shop.other.company.id }),
    ]);
    expect(await eventCount(assetId)).toBe(5);
    const rows = await t.app.database.query<Record<string, unknown>>(
      `select hour, runs, successes, credits, "earningsCents", rows from "UsageRollup" where "productId" = $1 and "buyerCompanyId" = $2 order by hour`,
      [assetId, shop.buyer.company.id],
    );
    const one = { runs: 1, successes: 1, credits: 4, earningsCents: '160', rows: '3' };
    const hour = (hours: number): Date => new Date(at(hours).getTime() - 60_000);
    expect(rows).toEqual([
      { hour: hour(-400), ...one },
      { hour: hour(-5), ...one },
      { hour: hour(0), ...one, runs: 2 },
    ]);
    await rollupIsRaw();
  });

  it('are summed by buyer and by product, of all time, with the first success and the last run', async () => {
    const [assetId, sellerCompanyId] = [newId(), shop.other.company.id];
    const wrong = { assetId, sellerCompanyId, isSuccess: false, credits: 0 };
    const totals = async (): Promise<unknown[]> => {
      const [buyer] = await t.app.database.query(
        'select runs, successes, credits, "firstSuccessAt" as at from "BuyerTotal" where "sellerCompanyId" = $1 and "buyerCompanyId" = $2',
        [sellerCompanyId, shop.buyer.company.id],
      );
      const [product] = await t.app.database.query(
        'select runs, successes, "lastRunAt" as at from "ProductTotal" where "productId" = $1 and "buyerCompanyId" = $2',
        [assetId, shop.buyer.company.id],
      );
      return [buyer, product];
    };
    await writeEvents(t.app.database.query, [event({ ...wrong, at: at(-9) })]);
    expect(await totals()).toEqual([
      { runs: '1', successes: '0', credits: '0', at: null },
      { runs: '1', successes: '0', at: at(-9) },
    ]);
    const good = event({ assetId, sellerCompanyId, at: at(-3) });
    await writeEvents(t.app.database.query, [good, good, event({ ...wrong, at: at(-2) })]);
    // One comes late, of another product.
    await writeEvents(t.app.database.query, [good, event({ sellerCompanyId, at: at(-500) })]);
    expect(await totals()).toEqual([
      { runs: '4', successes: '2', credits: '8', at: at(-500) },
      { runs: '3', successes: '1', at: at(-2) },
    ]);
    await rollupIsRaw();
  });

  it('are the same however many write at once', async () => {
    const assetId = newId();
    const many = Array.from({ length: 300 }, (_, i) =>
      event({ assetId, at: at(-(i % 7)), buyerCompanyId: i % 2 ? shop.buyer.company.id : shop.other.company.id }),
    );
    await Promise.all(
      Array.from({ length: 12 }, (_, i) => writeEvents(t.app.database.query, many.slice(i * 20, i * 20 + 80))),
    );
    expect(await eventCount(assetId)).toBe(300);
    await rollupIsRaw();
  });

  it('come of runs: successes and failures, tests never', async () => {
    const good = await shop.listed('1.50');
    const bad = await shop.listed('1.50', { sqlLogic: 'select nothing as n' });
    for (const asset of [good, good, bad]) await process(t, shop.buyer.keys.ANALYST, asset);
    await process(t, shop.seller.keys.ANALYST, good);
    await t.run(
      shop.seller.keys.ANALYST,
      'mutation ($input: AssetTestInput!) { assetTest(input: $input) { run { status } } }',
      { input: { id: gid('Asset', good) } },
    );
    await t.app.usage.flush();
    const seen = await t.app.database.prisma.usageEvent.findMany({
      where: { assetId: { in: [good.id, bad.id] } },
      orderBy: { id: 'asc' },
    });
    expect(
      seen.map(({ assetId, buyerCompanyId, isSuccess, credits, earningsCents, apiKeyId, rowCount }) => [
        assetId === good.id,
        buyerCompanyId,
        isSuccess,
        credits,
        earningsCents,
        apiKeyId,
        rowCount,
      ]),
    ).toEqual([
      [true, shop.buyer.company.id, true, 3, 120, shop.buyer.keyIds.ANALYST, 1],
      [true, shop.buyer.company.id, true, 3, 120, shop.buyer.keyIds.ANALYST, 1],
      [false, shop.buyer.company.id, false, 0, 0, shop.buyer.keyIds.ANALYST, 0],
      [true, shop.seller.company.id, true, 0, 0, shop.seller.keyIds.ANALYST, 1],
    ]);
    await rollupIsRaw();
  });
});

describe('the buffer', () => {
  /** A database that may be away; what is written goes through to the real one. */
  function flaky() {
    const state = { isAway: true, tries: 0 };
    const query: Database['query'] = async (text, values) => {
      state.tries++;
      if (state.isAway) throw new Error('away');
      return t.app.database.query(text, values);
    };
    return { state, buffer: createUsageBuffer({ ...t.app.database, query }, createLog('silent')) };
  }

  it('writes by itself', async () => {
    const { state, buffer } = flaky();
    state.isAway = false;
    const one = event();
    buffer.run(one);
    await vi.waitFor(async () => expect(await eventCount(one.assetId)).toBe(1), 60_000);
    expect(state.tries).toBe(1);
    await buffer.stop();
  });

  it('keeps what cannot be written, tries again by itself and does not storm the database', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { state, buffer } = flaky();
    const assetId = newId();
    for (let i = 0; i < 700; i++) buffer.run(event({ assetId }));
    await vi.advanceTimersByTimeAsync(600);
    const before = state.tries;
    expect(before).toBeGreaterThan(0);
    for (let i = 0; i < 700; i++) buffer.run(event({ assetId }));
    await vi.advanceTimersByTimeAsync(1000);
    expect(state.tries).toBeLessThanOrEqual(before + 1);
    state.isAway = false;
    await vi.advanceTimersByTimeAsync(6000);
    vi.useRealTimers();
    await vi.waitFor(async () => expect(await eventCount(assetId)).toBe(1400), 60_000);
    await buffer.stop();
    await rollupIsRaw();
  });

  it('keeps the uses of sessions that it could not write, and waits for nobody who ends one', async () => {
    const { state, buffer } = flaky();
    const { prisma } = t.app.database;
    const userId = shop.other.users.VIEWER.id;
    const [one, ended] = [newId(), newId()];
    for (const id of [one, ended]) {
      await prisma.session.create({
        data: { id, companyId: shop.other.company.id, userId, tokenHash: Buffer.from(id), expiresAt: at(1) },
      });
      for (let i = 0; i < 3; i++) buffer.sessionUse(id);
    }
    await buffer.flush();
    expect(state.tries).toBe(1);
    state.isAway = false;
    await prisma.$transaction(async (tx) => {
      await tx.session.update({ where: { id: ended }, data: { revokedAt: new Date() } });
      await buffer.stop();
    });
    expect(state.tries).toBe(2);
    const [used, left] = await prisma.session.findMany({ where: { userId }, orderBy: { revokedAt: 'desc' } });
    expect([used?.lastUsedAt, left?.lastUsedAt]).toEqual([expect.any(Date), null]);
  });

  it('tries once more when it stops, and counts a key once', async () => {
    const { state, buffer } = flaky();
    const one = event();
    const { id } = shop.other.company;
    const keyId = shop.other.keyIds.VIEWER;
    buffer.run(one);
    for (const isFailed of [false, false, true]) buffer.keyUse(keyId, id, 'request', isFailed);
    await buffer.flush();
    expect(state.tries).toBe(2);
    buffer.keyUse(keyId, id, 'request', false);
    state.isAway = false;
    await buffer.stop();
    expect(await eventCount(one.assetId)).toBe(1);
    const [use] = await t.app.database.query(
      'select requests, "failedAttempts" from "ApiKeyUsage" where "apiKeyId" = $1',
      [keyId],
    );
    expect(use).toEqual({ requests: 3, failedAttempts: 1 });
  });
});

describe('the quota', () => {
  /** A buyer with a plan of so many requests, some of them used. */
  async function planned(handle: string, monthlyRequests: number, used: number, when = new Date()): Promise<Tenant> {
    const id = 1000 + monthlyRequests;
    await t.app.database.prisma.plan.upsert({
      where: { id },
      create: { id, code: `TINY${id}`, name: 'Tiny', monthlyRequests },
      update: {},
    });
    const tenant = await t.tenant({ handle, credits: 100, planId: id });
    const events = Array.from({ length: used }, () => event({ buyerCompanyId: tenant.company.id, at: when }));
    if (used > 0)
      await writeEvents(t.app.database.query, [
        ...events,
        event({ buyerCompanyId: tenant.company.id, isSuccess: false, at: when }),
      ]);
    return tenant;
  }

  it('refuses what is beyond the plan and says when it begins anew', async () => {
    const full = await planned('full', 2, 2);
    const answer = await process(t, full.keys.ANALYST, await shop.listed('1.00'));
    expect(answer.userErrors[0]).toMatchObject({
      __typename: 'QuotaExceededError',
      code: 'QUOTA_EXCEEDED',
      path: null,
      resetAt: nextMonth(new Date()).toISOString(),
    });
    expect(await t.app.database.prisma.run.count({ where: { companyId: full.company.id } })).toBe(0);
  });

  it('counts successful requests of this month in UTC, own products too, tests never', async () => {
    const month = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth(), 1));
    const fresh = await planned('fresh', 3, 3, new Date(month.getTime() - 60_000));
    expect((await process(t, fresh.keys.ANALYST, await shop.listed('1.00'))).run.status).toBe('SUCCEEDED');
    const full = await planned('own', 4, 4, month);
    const own = await t.world.asset(full.company.id);
    expect(codes(await process(t, full.keys.ANALYST, own))).toEqual([['QUOTA_EXCEEDED', null]]);
    const { data } = await t.run(
      full.keys.ANALYST,
      'mutation ($input: AssetTestInput!) { assetTest(input: $input) { run { status } userErrors { code } } }',
      { input: { id: gid('Asset', own) } },
    );
    expect(data.assetTest).toMatchObject({ userErrors: [], run: { status: 'FAILED' } });
  });

  it.each([
    ['2026-01-31T23:59:59.999Z', '2026-02-01T00:00:00.000Z'],
    ['2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['2024-02-29T12:00:00.000Z', '2024-03-01T00:00:00.000Z'],
  ])('of %s begins anew at %s', (now, next) => {
    expect(nextMonth(new Date(now)).toISOString()).toBe(next);
  });
});

describe('a rate limit', () => {
  const limited = (granularity: string, number = 2, period = 'HOUR') =>
    shop.listed('0.50', {
      rateLimitNumber: number,
      rateLimitPeriod: period,
      rateLimitGranularity: granularity,
    } as never);
  const isRun = async (key: string, asset: { id: string }): Promise<boolean> => {
    const answer = await process(t, key, asset);
    if (!answer.run) expect(codes(answer)).toEqual([['RATE_LIMITED', null]]);
    return Boolean(answer.run);
  };

  it('of a user counts each user apart', async () => {
    const asset = await limited('USER');
    const { ANALYST, EDITOR } = shop.buyer.keys;
    expect([
      await isRun(ANALYST, asset),
      await isRun(ANALYST, asset),
      await isRun(ANALYST, asset),
      await isRun(EDITOR, asset),
    ]).toEqual([true, true, false, true]);
    // A key without a user counts for itself.
    const { secret } = await t.world.apiKey(shop.buyer.company.id, 'ANALYST');
    expect(await isRun(secret, asset)).toBe(true);
  });

  it('of a company counts its users together', async () => {
    const asset = await limited('COMPANY');
    const { ANALYST, EDITOR, ADMIN } = shop.buyer.keys;
    expect([
      await isRun(ANALYST, asset),
      await isRun(EDITOR, asset),
      await isRun(ADMIN, asset),
      await isRun(shop.other.keys.ANALYST, asset),
    ]).toEqual([true, true, false, true]);
  });

  it.each(['IP', 'GLOBAL'])('by %s counts all from here together, and never the seller', async (granularity) => {
    const asset = await limited(granularity);
    const [ours, theirs] = [shop.buyer.keys.ANALYST, shop.other.keys.ANALYST];
    expect([
      await isRun(ours, asset),
      await isRun(theirs, asset),
      await isRun(ours, asset),
      await isRun(theirs, asset),
    ]).toEqual([true, true, false, false]);
    expect(await isRun(shop.seller.keys.ANALYST, asset)).toBe(true);
    expect(await isRun(ours, await limited(granularity))).toBe(true);
  });

  it('says how long to wait, which is true', async () => {
    const asset = await limited('COMPANY', 1, 'HOUR');
    const key = shop.buyer.keys.ANALYST;
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const pass = (ms: number): unknown => vi.setSystemTime(Date.now() + ms);
    await process(t, key, asset);
    const { userErrors } = await process(t, key, asset);
    expect(userErrors[0]).toMatchObject({ __typename: 'RateLimitedError', path: null });
    const { retryAfterMs } = userErrors[0];
    // An hour, and as long as the 60th of it lasts in which it was used.
    expect(retryAfterMs).toBeGreaterThan(HOUR);
    expect(retryAfterMs).toBeLessThanOrEqual(HOUR + HOUR / 60);
    pass(retryAfterMs - 1);
    expect(await isRun(key, asset)).toBe(false);
    pass(1);
    expect((await process(t, key, asset)).run.status).toBe('SUCCEEDED');
  });

  it('lets in no more than its number of twenty at once, and a refused one pays nothing', async () => {
    const asset = await limited('GLOBAL', 7);
    const before = await t.app.database.prisma.company.findUniqueOrThrow({ where: { id: shop.buyer.company.id } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => isRun(shop.buyer.keys.ANALYST, asset)));
    expect(answers.filter(Boolean)).toHaveLength(7);
    const after = await t.app.database.prisma.company.findUniqueOrThrow({ where: { id: shop.buyer.company.id } });
    expect(before.creditsBalance - after.creditsBalance).toBe(7);
    expect(await t.app.database.prisma.run.count({ where: { assetId: asset.id } })).toBe(7);
  });
});

describe('statistics', () => {
  it('are public and count runs, buyers, successes, times, favorites and prices', async () => {
    const asset = await shop.listed('3.00');
    const assetId = asset.id;
    await t.world.price(shop.seller.company.id, { assetId }, '1.25', {
      startedAt: new Date(0),
      endedAt: new Date(1000),
    });
    await t.app.database.prisma.favorite.create({
      data: { companyId: shop.buyer.company.id, userId: shop.buyer.users.VIEWER.id, assetId } as never,
    });
    await writeEvents(t.app.database.query, [
      event({ assetId, elapsedMs: 100, at: at(-3) }),
      event({ assetId, elapsedMs: 200, at: at(-2) }),
      event({ assetId, elapsedMs: 300, buyerCompanyId: shop.other.company.id, at: at(-2) }),
      event({ assetId, elapsedMs: 9000, isSuccess: false, buyerCompanyId: newId(), at: at(-1) }),
      // Long ago: a run, but no time of 30 days.
      event({ assetId, elapsedMs: 5000, at: at(-24 * 40) }),
    ]);
    const { data, errors } = await t.run(
      null,
      'query ($by: ListingBy!) { marketplace { asset(by: $by) { statistics { runCount buyerCount successRate medianMs p95Ms lastRunAt favoriteCount lowestPriceUsd highestPriceUsd } } } }',
      { by: { id: gid('Asset', asset) } },
    );
    expect(errors).toBeUndefined();
    expect(data.marketplace.asset.statistics).toEqual({
      runCount: 5,
      buyerCount: 2,
      successRate: 0.8,
      medianMs: 200,
      p95Ms: 290,
      lastRunAt: new Date(at(-1).getTime() - 60_000).toISOString(),
      favoriteCount: 1,
      lowestPriceUsd: '1.25',
      highestPriceUsd: '3.00',
    });
  });
});

describe('runs guard', () => {
  it('show nothing of other companies: the seller sees its own runs alone', async () => {
    const asset = await shop.listed('0.50');
    const { run } = await process(t, shop.buyer.keys.ANALYST, asset);
    const own = await process(t, shop.seller.keys.ANALYST, asset);
    const document =
      'query ($id: ID!, $by: AssetBy!) { node(id: $id) { id } company { asset(by: $by) { runs { nodes { id } totalCount { value } } } runs(first: 100) { nodes { id } } } }';
    const { data } = await t.run(shop.seller.keys.OWNER, document, { id: run.id, by: { id: gid('Asset', asset) } });
    expect(data.node).toBeNull();
    expect(data.company.asset.runs).toEqual({ nodes: [{ id: own.run.id }], totalCount: { value: 1 } });
    expect(data.company.runs.nodes).not.toContainEqual({ id: run.id });
    // The buyer sees the run, but not the seller's asset or user behind it.
    const seen = await t.run(
      shop.buyer.keys.VIEWER,
      'query ($id: ID!) { node(id: $id) { ... on Run { id asset { id } user { id } } } }',
      { id: run.id },
    );
    expect(seen.data.node).toEqual({ id: run.id, asset: null, user: { id: gid('User', shop.buyer.users.ANALYST) } });
  });

  it('filter and sort', async () => {
    const { data } = await t.run(
      shop.buyer.keys.VIEWER,
      `{ company { failed: runs(where: {status: {eq: FAILED}}) { nodes { status } } dear: runs(first: 2, orderBy: [{field: CREDITS, direction: DESC}]) { nodes { credits } } } }`,
    );
    expect(new Set(data.company.failed.nodes.map(({ status }: { status: string }) => status))).toEqual(
      new Set(['FAILED']),
    );
    expect(data.company.dear.nodes.map(({ credits }: { credits: number }) => credits)).toEqual([3, 3]);
  });
});
