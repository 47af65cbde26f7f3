import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId } from '../src/ids.ts';
import { sweepRuns } from '../src/usage/runs.ts';
import {
  balance,
  codes,
  entriesOf,
  holdEngine,
  ledger,
  mutate,
  openShop,
  process,
  runRow,
  type Shop,
} from './assets.fixtures.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let shop: Shop;
let buyer: string;
beforeAll(async () => {
  t = await testGateway({ DATABASE_POOL: '20' });
  shop = await openShop(t);
  buyer = shop.buyer.keys.ANALYST;
  // The first query of a warehouse takes longer.
  await process(t, shop.seller.keys.ANALYST, await shop.asset());
});
afterAll(() => t.close());
afterEach(async () => {
  vi.restoreAllMocks();
  expect(await ledger(t)).toEqual([]);
});

const entries = async (payload: { run: { id: string } }) => entriesOf(t, String((await runRow(t, payload.run.id))?.id));

describe('a run', () => {
  it('is paid once by the buyer, 80 % of the price to the seller', async () => {
    const asset = await shop.listed('2.25');
    const before = await balance(t, shop.buyer);
    const answer = await process(t, buyer, asset, { maxCredits: 5 });
    expect(answer.run).toMatchObject({ status: 'SUCCEEDED', credits: 5, isBilled: true });
    expect(await balance(t, shop.buyer)).toBe(before - 5);
    expect(await entries(answer)).toEqual([
      'RESERVE BUYER_CREDITS buyer -5',
      'RESERVE BUYER_RESERVED buyer 5',
      'SETTLE BUYER_RESERVED buyer -5',
      'SETTLE SELLER_EARNINGS seller 180',
      'SETTLE PLATFORM_REVENUE - 45',
      'SETTLE CREDITS_ISSUED - 5',
      'SETTLE SALES_CLEARING - -225',
    ]);
  });

  it('pays a seller with a share of its own that share', async () => {
    const { id } = shop.seller.company;
    await t.app.database.prisma.company.update({ where: { id }, data: { vendorSharePercent: '0.925' } });
    const answer = await process(t, buyer, await shop.listed('0.99'));
    await t.app.database.prisma.company.update({ where: { id }, data: { vendorSharePercent: null } });
    expect((await entries(answer)).filter((line) => /EARNINGS|REVENUE|CLEARING/.test(line))).toEqual([
      'SETTLE SELLER_EARNINGS seller 92',
      'SETTLE PLATFORM_REVENUE - 7',
      'SETTLE SALES_CLEARING - -99',
    ]);
  });

  it('costs what the sale of the moment makes of the price', async () => {
    const asset = await shop.listed('3.00');
    const { id: priceId } = await t.app.database.prisma.price.findFirstOrThrow({ where: { assetId: asset.id } });
    const window = { saleStartAt: new Date(Date.now() - 1000), saleEndAt: new Date(Date.now() + 60_000) };
    await t.app.database.prisma.priceDiscount.create({
      data: { id: newId(), companyId: shop.seller.company.id, priceId, percentage: '33.33', ...window },
    });
    const answer = await process(t, buyer, asset);
    // $3.00 less 33.33 % is $2.0001, $2.00.
    expect(answer.run.credits).toBe(4);
    expect((await entries(answer)).filter((line) => /EARNINGS/.test(line))).toEqual([
      'SETTLE SELLER_EARNINGS seller 160',
    ]);
  });

  it('of an own asset or of a free one costs nothing', async () => {
    const own = await process(t, shop.seller.keys.ANALYST, await shop.listed('5.00'));
    const free = await process(t, buyer, await shop.listed('0.00'), { maxCredits: 0 });
    for (const answer of [own, free]) {
      expect(answer.run).toMatchObject({ status: 'SUCCEEDED', credits: 0, isBilled: false });
      expect(await entries(answer)).toEqual([]);
    }
  });

  it('is its own receipt: what it cost, and the entries of the buyer alone', async () => {
    const asset = await shop.listed('3.00');
    const { id: priceId } = await t.app.database.prisma.price.findFirstOrThrow({ where: { assetId: asset.id } });
    const window = { saleStartAt: new Date(Date.now() - 1000), saleEndAt: new Date(Date.now() + 60_000) };
    await t.app.database.prisma.priceDiscount.create({
      data: { id: newId(), companyId: shop.seller.company.id, priceId, percentage: '33.33', ...window },
    });
    const paid = await process(t, buyer, asset);
    const failing = await process(t, buyer, await shop.listed('1.00', { sqlLogic: 'select no_such_column as n' }));
    const free = await process(t, buyer, await shop.listed('0.00'));
    const receipt = async (id: string) =>
      (
        await t.run(
          buyer,
          'query ($id: ID!) { node(id: $id) { ... on Run { priceUsd credits rowCount cacheStatus engineJobId entries { kind account credits } } } }',
          { id },
        )
      ).data.node;
    const entry = (kind: string, account: string, credits: number) => ({ kind, account, credits });
    // $3.00 less 33.33 %.
    expect(await receipt(paid.run.id)).toEqual({
      priceUsd: '2.00',
      credits: 4,
      rowCount: 1,
      cacheStatus: 'BYPASS',
      engineJobId: null,
      entries: [
        entry('RESERVE', 'BUYER_CREDITS', -4),
        entry('RESERVE', 'BUYER_RESERVED', 4),
        entry('SETTLE', 'BUYER_RESERVED', -4),
      ],
    });
    expect(await receipt(failing.run.id)).toMatchObject({
      priceUsd: '0.00',
      entries: [
        entry('RESERVE', 'BUYER_CREDITS', -2),
        entry('RESERVE', 'BUYER_RESERVED', 2),
        entry('RELEASE', 'BUYER_RESERVED', -2),
        entry('RELEASE', 'BUYER_CREDITS', 2),
      ],
    });
    expect(await receipt(free.run.id)).toMatchObject({ priceUsd: '0.00', entries: [] });
  });

  it('keeps the price of its start as the receipt', async () => {
    const asset = await shop.listed('1.00');
    const { run } = await process(t, buyer, asset);
    const price = await t.app.database.prisma.price.findFirstOrThrow({ where: { assetId: asset.id } });
    expect(await runRow(t, run.id)).toMatchObject({
      priceId: price.id,
      credits: 2,
      companyId: shop.buyer.company.id,
      sellerCompanyId: shop.seller.company.id,
      userId: shop.buyer.users.ANALYST.id,
      apiKeyId: shop.buyer.keyIds.ANALYST,
    });
  });
});

describe('a run is refused before any SQL', () => {
  const refused = async (key: string, asset: { id: string }, input: object = {}) => {
    const spy = vi.spyOn(t.app.engines.get('duckdb'), 'run').mockClear();
    const runs = await t.app.database.prisma.run.count();
    const answer = await process(t, key, asset, { ...input });
    expect(answer.run).toBeNull();
    expect(spy).not.toHaveBeenCalled();
    expect(await t.app.database.prisma.run.count()).toBe(runs);
    return answer.userErrors[0];
  };

  it('without enough credits', async () => {
    const poor = await t.tenant({ handle: 'poor', credits: 3 });
    const asset = await shop.listed('2.00');
    expect(await refused(poor.keys.ANALYST, asset)).toEqual({
      __typename: 'InsufficientCreditsError',
      code: 'INSUFFICIENT_CREDITS',
      message: 'This costs 4 credits; the company has 3.',
      path: null,
      required: 4,
      balance: 3,
    });
    expect(await balance(t, poor)).toBe(3);
  });

  it('above maxCredits, without a price and without the EULA', async () => {
    const asset = await shop.listed('2.00');
    expect(await refused(buyer, asset, { maxCredits: 3 })).toMatchObject({
      code: 'PRICE_TOO_HIGH',
      path: ['input', 'maxCredits'],
    });
    const unpriced = await shop.asset({ sellInMarketplace: true });
    expect(await refused(buyer, unpriced)).toMatchObject({ code: 'NOT_FOR_SALE', path: ['input', 'assetId'] });
    const unsigned = await t.tenant({ handle: 'unsigned', credits: 100, acceptedEula: false });
    expect(await refused(unsigned.keys.ANALYST, asset)).toMatchObject({ code: 'EULA_REQUIRED', path: null });
  });

  it('of what the seller does not offer to this company', async () => {
    const seller = shop.seller.company.id;
    const notFound = { __typename: 'NotFoundError', code: 'NOT_FOUND', path: ['input', 'assetId'] };
    const unlisted = await shop.listed('1.00', { sellInMarketplace: false });
    const foreign = await refused(buyer, unlisted);
    expect(foreign).toMatchObject(notFound);
    // The same answer as for what does not exist.
    expect(await refused(buyer, { id: newId() })).toEqual(foreign);
    expect(await refused(buyer, await shop.listed('1.00', { active: false }))).toEqual(foreign);
    const barred = await shop.listed('1.00', { restrictedDomains: ['Buyer.example', 'elsewhere.example'] });
    expect(await refused(buyer, barred)).toMatchObject({ code: 'FORBIDDEN' });
    expect((await process(t, shop.other.keys.ANALYST, barred)).run.status).toBe('SUCCEEDED');

    const shared = await shop.listed('1.00', { sellInMarketplace: false, visibility: 'SHARED' });
    expect(await refused(buyer, shared)).toEqual(foreign);
    const grant = { id: newId(), companyId: seller, granteeCompanyId: shop.buyer.company.id, assetId: shared.id };
    await t.app.database.prisma.grant.create({ data: grant });
    expect((await process(t, buyer, shared)).run).toMatchObject({ status: 'SUCCEEDED', credits: 2 });

    const lapsed = await t.tenant({ handle: 'lapsed', acceptedEula: false });
    const asset = await t.world.asset(lapsed.company.id, { sellInMarketplace: true });
    await t.world.price(lapsed.company.id, { assetId: asset.id }, '1.00');
    expect(await refused(buyer, asset)).toEqual(foreign);
  });

  it('by whoever may not run products, and anonymously', async () => {
    const asset = await shop.listed('1.00');
    for (const key of [shop.buyer.keys.VIEWER, shop.buyer.keys.OPERATOR]) {
      const before = await balance(t, shop.buyer);
      await expect(process(t, key, asset)).resolves.toMatchObject({ run: null, userErrors: [{ code: 'FORBIDDEN' }] });
      expect(await balance(t, shop.buyer)).toBe(before);
    }
    await expect(mutate(t, null, 'assetProcess', { assetId: gid('Asset', asset) }, 'run { id }')).rejects.toThrow(
      'UNAUTHENTICATED',
    );
  });
});

describe('many at once', () => {
  it('never spend more than there is: 50 requests, credits for 20', async () => {
    const rush = await t.tenant({ handle: 'rush', credits: 60 });
    const asset = await shop.listed('1.50');
    const answers = await Promise.all(Array.from({ length: 50 }, () => process(t, rush.keys.ANALYST, asset)));
    expect(answers.filter(({ run }) => run?.status === 'SUCCEEDED')).toHaveLength(20);
    const others = answers.filter(({ run }) => !run).map((answer) => codes(answer)[0]);
    expect(others).toEqual(Array(30).fill(['INSUFFICIENT_CREDITS', null]));
    expect(await balance(t, rush)).toBe(0);
  });

  it('and failures among them leave the books right, whatever the order', async () => {
    const mixed = await t.tenant({ handle: 'mixed', credits: 150 });
    const key = mixed.keys.ANALYST;
    const good = await shop.listed('1.00', { sqlLogic: 'select sum(hash(i)) % 9 as n from range(200000) r(i)' });
    const bad = await shop.listed('2.00', { sqlLogic: 'select no_such_column as n' });
    const kept = await shop.listed('1.50', { sqlLogic: 'select random() as n', cached: true });
    // mulberry32: the same order each time.
    let seed = 20_261_123;
    const chance = (): number => {
      seed = (seed + 0x6d2b79f5) | 0;
      let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
      return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296;
    };
    const one = async (): Promise<void> => {
      const asset = [good, good, bad, kept][Math.floor(chance() * 4)] ?? good;
      const controller = new AbortController();
      const leaves = chance() < 0.3 ? setTimeout(() => controller.abort(), chance() * 60) : undefined;
      const input = { assetId: gid('Asset', asset), ...(chance() < 0.3 ? { idempotencyKey: `key ${chance()}` } : {}) };
      const query = 'mutation ($input: AssetProcessInput!) { assetProcess(input: $input) { run { status } } }';
      await t.run(key, query, { input }, { signal: controller.signal }).catch(() => null);
      clearTimeout(leaves);
    };
    /** Leaves once the engine is at work, which never ends. */
    const leaver = async (): Promise<void> => {
      const endless = 'select count(*) as n from range(100000000000) a, range(1000) b';
      const asset = await shop.listed('1.00', { sqlLogic: endless });
      const spy = vi.spyOn(t.app.engines.get('duckdb'), 'run');
      const controller = new AbortController();
      const left = process(t, key, asset, {}, controller.signal).catch(() => null);
      await expect.poll(() => spy.mock.calls.some(([, { sql }]) => sql.includes(endless))).toBe(true);
      controller.abort();
      await left;
    };
    for (let round = 0; round < 8; round++) {
      await Promise.all([...Array.from({ length: 10 }, one), ...(round === 0 ? [leaver()] : [])]);
      expect(await balance(t, mixed)).toBeGreaterThanOrEqual(0);
      expect(await ledger(t)).toEqual([]);
    }
    await vi.waitFor(
      async () => expect(await t.app.database.prisma.run.count({ where: { status: 'RUNNING' } })).toBe(0),
      60_000,
    );
    const runs = await t.app.database.prisma.run.findMany({ where: { companyId: mixed.company.id } });
    expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']));
    const spent = runs.reduce((sum, { credits }) => sum + credits, 0);
    expect(await balance(t, mixed)).toBe(150 - spent);
    expect(runs.every(({ status, credits }) => status === 'SUCCEEDED' || credits === 0)).toBe(true);
  });
});

describe('a run that nobody finishes', () => {
  /** A run at work as a process that died would have left it. */
  async function abandoned(company: Tenant, minutes: number): Promise<string> {
    const id = newId();
    const { reserve } = await import('../src/credits/journal.ts');
    const asset = await shop.asset();
    const at = new Date(Date.now() - minutes * 60_000);
    await t.app.database.atomically(async (query) => {
      await reserve(query, {
        runId: id,
        buyerCompanyId: company.company.id,
        sellerCompanyId: shop.seller.company.id,
        credits: 7,
      });
      await query(
        `insert into "Run" (id, kind, "companyId", "sellerCompanyId", "assetId", credits, "isBilled", "startedAt") values ($1, 'PROCESS', $2, $3, $4, 7, true, $5)`,
        [id, company.company.id, shop.seller.company.id, asset.id, at],
      );
    });
    return id;
  }

  it('is closed by the sweeper, its credits come back; a young one stays', async () => {
    const before = await balance(t, shop.buyer);
    const [old, young] = [await abandoned(shop.buyer, 10), await abandoned(shop.buyer, 4)];
    expect(await balance(t, shop.buyer)).toBe(before - 14);
    const swept = await Promise.all([sweepRuns(t.app.database), sweepRuns(t.app.database)]);
    expect(swept[0] + swept[1]).toBe(1);
    expect(await balance(t, shop.buyer)).toBe(before - 7);
    const rows = await t.app.database.prisma.run.findMany({
      where: { id: { in: [old, young] } },
      orderBy: { startedAt: 'asc' },
    });
    expect(rows.map(({ status, errorCode, credits, isBilled }) => [status, errorCode, credits, isBilled])).toEqual([
      ['FAILED', 'ABANDONED', 0, false],
      ['RUNNING', null, 7, true],
    ]);
    const { data } = await t.run(
      buyer,
      'query ($id: ID!) { node(id: $id) { ... on Run { outcome { ... on RunFailure { code } } } } }',
      { id: gid('Run', old) },
    );
    expect(data.node.outcome).toEqual({ code: 'ABANDONED' });
    expect(await sweepRuns(t.app.database)).toBe(0);
    await t.app.database.prisma.run.update({ where: { id: young }, data: { startedAt: new Date(0) } });
    expect(await sweepRuns(t.app.database)).toBe(1);
    expect(await balance(t, shop.buyer)).toBe(before);
  });

  it('does not charge a caller whose run was given up meanwhile', async () => {
    const asset = await shop.listed('2.00');
    const before = await balance(t, shop.buyer);
    const engine = holdEngine(t);
    const answer = process(t, buyer, asset).catch((error: Error) => error.message);
    await expect.poll(() => engine.calls()).toBe(1);
    await t.app.database.query(`update "Run" set "startedAt" = now() - interval '1 hour' where "assetId" = $1`, [
      asset.id,
    ]);
    expect(await sweepRuns(t.app.database)).toBe(1);
    engine.open();
    expect(await answer).toContain('CANCELLED');
    expect(await balance(t, shop.buyer)).toBe(before);
  });
});
