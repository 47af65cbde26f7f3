import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createClient } from '@redis/client';
import { openLimits } from '../src/limits/limit-store.ts';
import { createLog, type Log } from '../src/log.ts';
import { codes, mutate, openShop, process, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';
import { hasRedis, NEEDS_REDIS, redisUrl } from './helpers/redis.ts';
import { openTcpProxy, type TcpProxy } from './helpers/tcp-proxy.ts';

/** Limits through the front door, with each store that RATE_LIMITS names. */

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const HOUR = 3_600_000;
const limitBy = (rateLimitGranularity: string, rateLimitNumber: number, rateLimitPeriod = 'HOUR') =>
  ({ rateLimitNumber, rateLimitPeriod, rateLimitGranularity }) as never;
const passed = (all: boolean[]): number => all.filter(Boolean).length;
/** Whether a run of it is let in; nothing else keeps it out. */
async function isRun(t: TestGateway, key: string, asset: { id: string }): Promise<boolean> {
  const answer = await process(t, key, asset);
  if (!answer.run) expect(codes(answer)).toEqual([['RATE_LIMITED', null]]);
  return Boolean(answer.run);
}
/** As many of them as were let in, all at once. */
const letIn = async (count: number, run: (i: number) => Promise<boolean>): Promise<number> =>
  passed(await Promise.all(Array.from({ length: count }, (_, i) => run(i))));

function frontDoor(setting: string, isShared: boolean): void {
  let t: TestGateway;
  let other: TestGateway;
  let shop: Shop;
  beforeAll(async () => {
    t = await testGateway({ RATE_LIMITS: setting });
    other = await testGateway({ RATE_LIMITS: setting }, t);
    shop = await openShop(t);
  });
  afterAll(async () => {
    await other.close();
    await t.close();
  });
  const limited = (granularity: string, number: number) => shop.listed('0.50', limitBy(granularity, number));

  it('a limited asset is run as often as it may be, and again when its window has slid', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Math.floor(Date.now() / HOUR) * HOUR });
    const asset = await limited('USER', 2);
    const { ANALYST, EDITOR } = shop.buyer.keys;
    const run = () => isRun(t, ANALYST, asset);
    expect([await run(), await run(), await run(), await isRun(t, EDITOR, asset)]).toEqual([true, true, false, true]);
    const { userErrors } = await process(t, ANALYST, asset);
    expect(userErrors).toMatchObject([{ __typename: 'RateLimitedError', retryAfterMs: HOUR + 60_000 }]);
    vi.setSystemTime(Date.now() + HOUR + 59_999);
    expect(await run()).toBe(false);
    vi.setSystemTime(Date.now() + 1);
    expect([await run(), await run(), await run()]).toEqual([true, true, false]);
  });

  it('the seller changes a limit: another number goes on from the count, another period or granularity begins anew', async () => {
    const asset = await limited('COMPANY', 1);
    const run = () => isRun(t, shop.buyer.keys.ANALYST, asset);
    const change = async (more: object): Promise<void> => {
      const rateLimit = { number: 2, period: 'HOUR', granularity: 'COMPANY', ...more };
      const input = { id: gid('Asset', asset), rateLimit };
      expect((await mutate(t, shop.seller.keys.EDITOR, 'assetUpdate', input, 'asset { id }')).userErrors).toEqual([]);
    };
    expect([await run(), await run()]).toEqual([true, false]);
    await change({});
    expect([await run(), await run()]).toEqual([true, false]);
    await change({ period: 'DAY' });
    expect([await run(), await run(), await run()]).toEqual([true, true, false]);
    await change({ period: 'DAY', granularity: 'GLOBAL' });
    expect([await run(), await run(), await run()]).toEqual([true, true, false]);
  });

  it('what the seller runs and tests counts for nobody', async () => {
    const asset = await limited('GLOBAL', 1);
    const tested = await mutate(
      t,
      shop.seller.keys.ANALYST,
      'assetTest',
      { id: gid('Asset', asset) },
      'run { status }',
    );
    expect(tested).toEqual({ run: { status: 'SUCCEEDED' }, userErrors: [] });
    expect(await letIn(3, () => isRun(t, shop.seller.keys.ANALYST, asset))).toBe(3);
    expect(await letIn(3, () => isRun(t, shop.buyer.keys.ANALYST, asset))).toBe(1);
  });

  it('what could not start is given back: too few credits, a quota, a failing database', async () => {
    const poor = await t.tenant({ credits: 0 });
    const asset = await limited('GLOBAL', 1);
    const broke = async (): Promise<void> =>
      expect(codes(await process(t, poor.keys.ANALYST, asset))).toEqual([['INSUFFICIENT_CREDITS', null]]);
    await broke();
    await broke();
    const { id: planId } = await t.app.database.prisma.plan.create({
      data: { id: 7000, code: 'NOTHING', name: 'Nothing', monthlyRequests: 0 },
    });
    const full = await t.tenant({ credits: 10, planId });
    expect(codes(await process(t, full.keys.ANALYST, asset))).toEqual([['QUOTA_EXCEEDED', null]]);
    const { query } = t.app.database;
    const gone = vi.spyOn(t.app.database, 'query').mockImplementation((text, values) => {
      if (text.includes('insert into "Run"')) throw new Error('The database went away.');
      return query(text, values);
    });
    await expect(process(t, shop.buyer.keys.ANALYST, asset)).rejects.toThrow('INTERNAL');
    expect(gone).toHaveBeenCalled();
    gone.mockRestore();
    expect(await letIn(3, () => isRun(t, shop.buyer.keys.ANALYST, asset))).toBe(1);
    await expect(process(t, poor.keys.ANALYST, asset)).resolves.toMatchObject({
      userErrors: [{ code: 'RATE_LIMITED' }],
    });
  });

  it(`two gateways on one database count ${isShared ? 'together' : 'apart'}`, async () => {
    const asset = await limited('GLOBAL', 7);
    const run = (i: number) => isRun(i % 2 ? t : other, shop.buyer.keys.ANALYST, asset);
    expect(await letIn(20, run)).toBe(isShared ? 7 : 14);
    expect(await t.app.database.prisma.run.count({ where: { assetId: asset.id } })).toBe(isShared ? 7 : 14);
    const { secret } = await t.world.apiKey(shop.buyer.company.id, 'VIEWER', {
      // A Redis may have seen the small numbers before.
      id: 1_000_000_000 + (Date.now() % 1_000_000_000),
      rateLimitNumber: 5,
      rateLimitPeriod: 'DAY',
    });
    const ask = async (i: number): Promise<boolean> =>
      (await (i % 2 ? t : other).run(secret, '{ viewer { role } }')).data !== undefined;
    expect(await letIn(20, ask)).toBe(isShared ? 5 : 10);
  });
}

describe('limits in memory', () => frontDoor('memory', false));

describe('limits in PostgreSQL', () => frontDoor('postgresql', true));

/** A log and its lines. */
function listen(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return { lines, log: createLog('info', { write: (line) => void lines.push(line) }) };
}
const messages = (lines: string[]): unknown[] => lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
const LOST = 'Redis does not answer: rate limits are counted in this process alone';
const FOUND = 'Redis answers: rate limits are counted there again';
const neverAsked = { query: () => Promise.reject(new Error('The database is not asked.')) };

describe('limits in a database that fails', () => {
  it('are counted in the process; one tries again each second, and the log has a line when it goes and one when it is back', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { log, lines } = listen();
    let [isGone, asked] = [true, 0];
    const query = async () => {
      asked++;
      if (isGone) throw new Error('gone');
      return [{ slot: '1', counts: [1], isTaken: true }] as never;
    };
    const limits = await openLimits('postgresql', { query }, log);
    const ask = async () => (await limits.products('scope', { number: 20, period: 'DAY' })).isAllowed;
    expect(await letIn(50, ask)).toBe(20);
    expect(asked).toBe(50);
    vi.advanceTimersByTime(999);
    expect(await letIn(50, ask)).toBe(0);
    expect(asked).toBe(50);
    vi.advanceTimersByTime(1);
    expect(await letIn(50, ask)).toBe(0);
    expect(asked).toBe(51);
    isGone = false;
    vi.advanceTimersByTime(1000);
    expect(await letIn(50, ask)).toBe(1);
    expect(await letIn(50, ask)).toBe(50);
    expect(messages(lines)).toEqual([LOST, FOUND].map((line) => line.replace('Redis', 'PostgreSQL')));
  });
});

describe('limits in a Redis that is not there', () => {
  it('are counted in the process; the log has one line of it, without the password', async () => {
    const proxy = await openTcpProxy({ host: '127.0.0.1', port: 1 });
    await proxy.close();
    const { log, lines } = listen();
    const limits = await openLimits(`redis://me:hunter2@127.0.0.1:${proxy.port}/3`, neverAsked, log);
    const ask = async () => (await limits.products('scope', { number: 20, period: 'DAY' })).isAllowed;
    expect(await letIn(50, ask)).toBe(20);
    const consume = async () => (await limits.keys(1, { number: 20, period: 'DAY' })).isAllowed;
    expect(await letIn(50, consume)).toBe(20);
    limits.close();
    expect(messages(lines)).toEqual([LOST]);
    expect(lines.join()).toContain('ECONNREFUSED');
    expect(lines.join()).not.toContain('hunter2');
  });
});

describe('limits in a Redis that is reached over TLS', () => {
  it.each([
    ['rediss:', 0x16],
    ['redis:', '*'.charCodeAt(0)],
  ])('%s begins with the byte %i', async (protocol, first) => {
    const begun = Promise.withResolvers<number | undefined>();
    const server = net.createServer((socket) =>
      socket
        .on('error', () => undefined)
        .once('data', (chunk: Buffer) => {
          begun.resolve(chunk[0]);
          socket.destroy();
        }),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`;
    const limits = await openLimits(url, neverAsked, listen().log);
    expect(await begun.promise).toBe(first);
    limits.close();
    server.close();
  });
});

describe.skipIf(!hasRedis)(`limits in Redis (${NEEDS_REDIS})`, () => {
  frontDoor(redisUrl, true);

  it('a password that is wrong is not told to the log', async () => {
    const { log, lines } = listen();
    const url = new URL(redisUrl);
    [url.username, url.password] = ['nobody', 'hunter2'];
    const limits = await openLimits(url.href, neverAsked, log);
    expect((await limits.products('scope', { number: 1, period: 'DAY' })).isAllowed).toBe(true);
    limits.close();
    expect(messages(lines)).toEqual([LOST]);
    expect(lines.join()).toContain('WRONGPASS');
    expect(lines.join()).not.toContain('hunter2');
  });

  describe('that dies', () => {
    let proxy: TcpProxy;
    let t: TestGateway;
    let shop: Shop;
    const through = new URL(redisUrl);
    const direct = createClient({ url: redisUrl });
    beforeAll(async () => {
      const { hostname: host, port } = new URL(redisUrl);
      proxy = await openTcpProxy({ host, port: Number(port || 6379) });
      [through.hostname, through.port] = ['127.0.0.1', String(proxy.port)];
      t = await testGateway({ RATE_LIMITS: through.href });
      shop = await openShop(t);
      await direct.connect();
    });
    afterAll(async () => {
      direct.destroy();
      await t.close();
      await proxy.close();
    });

    it.each(['cut', 'freeze'] as const)(
      '(%s): runs are limited in the process, and in Redis again when it is back',
      async (fault) => {
        const asset = await shop.listed('0.50', limitBy('GLOBAL', 3));
        const run = () => isRun(t, shop.buyer.keys.ANALYST, asset);
        expect(await run()).toBe(true);
        await proxy[fault]();
        expect(await letIn(8, run)).toBe(3);
        expect(await letIn(8, run)).toBe(0);
        await proxy.mend();
        // There, one was counted: two more pass.
        await expect.poll(run).toBe(true);
        expect(await letIn(8, run)).toBe(1);
      },
    );

    it('a connection that is lost is made again, told once', async () => {
      const { log, lines } = listen();
      const limits = await openLimits(through.href, neverAsked, log);
      const scope = `cut ${Date.now()} ${Math.random()}`;
      const ask = () => limits.products(scope, { number: 1_000_000, period: 'DAY' });
      await ask();
      await proxy.cut();
      for (let i = 0; i < 20; i++) await ask();
      await proxy.mend();
      await expect.poll(async () => (await ask()) && messages(lines).includes(FOUND)).toBe(true);
      expect(messages(lines)).toEqual([LOST, FOUND]);
      expect(await direct.exists(`spartera:product:${scope}`)).toBe(1);
      limits.close();
    });
  });
});
