import { randomInt, randomUUID } from 'node:crypto';
import { createClient } from '@redis/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../src/database/db.ts';
import { createKeyLimits } from '../src/limits/key-limits.ts';
import type { LimitStore, Redis } from '../src/limits/limit-store.ts';
import { createProductLimits, type ProductLimits, type Taken } from '../src/limits/product-limits.ts';
import { PERIOD_SECONDS } from '../src/limits/rate-limits.ts';
import { postgresWindows } from '../src/limits/windows-postgres.ts';
import { redisWindows } from '../src/limits/windows-redis.ts';
import { memoryWindows, type WindowStore } from '../src/limits/windows.ts';
import { createLog } from '../src/log.ts';
import { sweep } from '../src/usage/sweeper.ts';
import { testDatabase } from './helpers/database.ts';
import { randomOf } from './helpers/fuzz-statements.ts';
import { hasRedis, NEEDS_REDIS, redisUrl } from './helpers/redis.ts';

/** What every store of limits does: the same cases for each. LIMITS_SEED repeats what was drawn. */

const SEED = Number(process.env['LIMITS_SEED'] ?? randomInt(2 ** 31));

let database: Database;
let drop: () => Promise<void>;
const client = createClient({ url: redisUrl });
beforeAll(async () => {
  const made = await testDatabase();
  drop = made.drop;
  database = openDatabase(made.url, 10, createLog('silent'));
  if (hasRedis) await client.connect();
});
afterAll(async () => {
  client.destroy();
  await database.close();
  await drop();
});

const HOUR = { number: 3, period: 'HOUR' } as const;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** The start of a minute, of an hour and of all other slots. */
const START = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const newScope = (): string => randomUUID();
/** A key that nobody else has, in a Redis that others use as well. */
const newKey = (): number => randomInt(2 ** 31);
const times = <T>(count: number, work: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, work));
const passed = (all: { isAllowed: boolean }[]): number => all.filter(({ isAllowed }) => isAllowed).length;

function contract(store: () => LimitStore, windows: () => WindowStore): void {
  let clock = START;
  let take: ProductLimits;
  beforeAll(() => void (take = createProductLimits(store(), () => clock)));
  const isAllowed = async (scope: string, limit: Parameters<ProductLimits>[1] = HOUR): Promise<boolean> =>
    (await take(scope, limit)).isAllowed;

  describe('limits of products work', () => {
    it('for fifty at once where there is room for twenty', async () => {
      const scope = newScope();
      const all = await times(50, () => take(scope, { number: 20, period: 'DAY' }));
      const [allowed, refused] = [all.filter((one) => one.isAllowed), all.filter((one) => !one.isAllowed)];
      const left = allowed.map(({ use }) => use.remaining).toSorted((a, b) => b - a);
      expect(left).toEqual(Array.from({ length: 20 }, (_, i) => 19 - i));
      expect(refused.map(({ use }) => use.remaining)).toEqual(Array.from({ length: 30 }, () => 0));
      expect(await isAllowed(newScope(), { number: 20, period: 'DAY' })).toBe(true);
    });

    it('for a number that is raised or lowered: what was counted stays, what was refused was not', async () => {
      const scope = newScope();
      await times(8, () => take(scope, HOUR));
      expect((await take(scope, { ...HOUR, number: 5 })).use).toMatchObject({ number: 5, remaining: 1 });
      expect(passed(await times(8, () => take(scope, { ...HOUR, number: 5 })))).toBe(1);
      expect(await take(scope, { ...HOUR, number: 2 })).toMatchObject({ isAllowed: false, use: { remaining: 0 } });
      expect((await take(scope, { ...HOUR, number: 1_000_000 })).use.remaining).toBe(999_994);
    });

    it('for what is given back: exactly that may be taken again', async () => {
      const scope = newScope();
      const all = await times(3, () => take(scope, HOUR));
      await Promise.all(all.slice(1).map((one) => one.giveBack()));
      expect(passed(await times(9, () => take(scope, HOUR)))).toBe(2);
    });

    it('for what is given back when it counts no more: that changes nothing', async () => {
      const scope = newScope();
      clock = START;
      const early = await take(scope, HOUR);
      clock += 2 * HOUR_MS;
      await times(3, () => take(scope, HOUR));
      await early.giveBack();
      expect(await isAllowed(scope)).toBe(false);
    });

    it('by a window that slides: a use counts for an hour and at most a minute more', async () => {
      const scope = newScope();
      const uses = [START, START + MINUTE_MS, START + 30 * MINUTE_MS + 59_999];
      for (clock of uses) expect(await isAllowed(scope)).toBe(true);
      clock = START + 40 * MINUTE_MS;
      expect((await take(scope, HOUR)).use).toEqual({
        policy: 'product',
        number: 3,
        windowSeconds: 3600,
        remaining: 0,
        resetMs: 21 * MINUTE_MS,
      });
      clock = START + 61 * MINUTE_MS - 1;
      expect(await take(scope, HOUR)).toMatchObject({ isAllowed: false, use: { resetMs: 1 } });
      clock++;
      expect(await take(scope, HOUR)).toMatchObject({ isAllowed: true, use: { remaining: 0, resetMs: MINUTE_MS } });
      // Two more than the last one: both that are left of the first three have to go.
      expect((await take(scope, { ...HOUR, number: 2 })).use.resetMs).toBe(30 * MINUTE_MS);
      clock = START + 91 * MINUTE_MS - 1;
      expect(passed(await times(3, () => take(scope, HOUR)))).toBe(1);
      clock++;
      expect(passed(await times(3, () => take(scope, HOUR)))).toBe(1);
      clock += 10 * HOUR_MS;
      expect((await take(scope, HOUR)).use).toMatchObject({ remaining: 2, resetMs: 61 * MINUTE_MS });
    });

    it('by clocks that differ: a slot never goes back, neither after a use nor after a refusal', async () => {
      const scope = newScope();
      clock = START + MINUTE_MS;
      await times(2, () => take(scope, HOUR));
      clock -= 50;
      await take(scope, HOUR);
      // The last one counts with the others, not a minute less.
      clock = START + 62 * MINUTE_MS - 1;
      expect(await isAllowed(scope)).toBe(false);
      clock++;
      expect(passed(await times(4, () => take(scope, HOUR)))).toBe(3);
      clock += MINUTE_MS;
      expect(await isAllowed(scope)).toBe(false);
      clock -= 50;
      expect((await take(scope, { ...HOUR, number: 4 })).use).toMatchObject({ remaining: 0 });
      // The three are gone before the late one.
      clock = START + 123 * MINUTE_MS;
      expect(passed(await times(5, () => take(scope, { ...HOUR, number: 4 })))).toBe(3);
    });
  });

  describe('limits of products guard', () => {
    it('against what is given back and was not counted, or has been given back', async () => {
      const scope = newScope();
      const ask = { slot: 1000, number: 3, keepMs: 60_000 };
      const allowed = async (): Promise<boolean[]> =>
        (await times(5, () => windows().take(scope, ask))).map(({ isTaken }) => isTaken);
      await allowed();
      for (const slot of [1001, 999, 900, 0]) await windows().giveBack(scope, slot);
      expect(await allowed()).not.toContain(true);
      for (let i = 0; i < 9; i++) await windows().giveBack(scope, 1000);
      expect((await allowed()).filter(Boolean)).toHaveLength(3);
    });

    it.each(Object.entries(PERIOD_SECONDS))(
      `as a log of all uses would, by the %s (LIMITS_SEED=${SEED})`,
      async (name, seconds) => {
        const period = name as keyof typeof PERIOD_SECONDS;
        const roll = randomOf(SEED + seconds);
        const windowMs = seconds * 1000;
        const scope = newScope();
        let log: { at: number; taken: Taken }[] = [];
        const within = (ms: number): number => log.filter(({ at }) => at > clock - ms).length;
        let [allowed, refused] = [0, 0];
        async function use(number: number): Promise<Taken> {
          const taken = await take(scope, { number, period });
          if (taken.isAllowed) {
            log.push({ at: clock, taken });
            expect(within(windowMs)).toBeLessThanOrEqual(number);
            allowed++;
          } else {
            expect(within((windowMs * 61) / 60)).toBeGreaterThanOrEqual(number);
            refused++;
          }
          return taken;
        }
        clock = START + roll(windowMs);
        for (let step = 0; step < 250; step++) {
          const number = 5 + roll(4);
          clock += roll(10) === 0 ? roll(windowMs + windowMs / 2) : roll(windowMs / 8);
          const taken = await use(number);
          if (!taken.isAllowed && roll(2) === 0) {
            clock += taken.use.resetMs - 1;
            expect(await use(number)).toMatchObject({ isAllowed: false });
            clock++;
            expect(await use(number)).toMatchObject({ isAllowed: true });
          }
          if (log.length > 0 && roll(6) === 0) {
            const [gone] = log.splice(roll(log.length), 1);
            await gone?.taken.giveBack();
          }
          log = log.filter(({ at }) => at > clock - 2 * windowMs);
        }
        expect([allowed > 50, refused > 20]).toEqual([true, true]);
      },
    );
  });

  describe('limits of keys work', () => {
    const limit = { number: 20, period: 'DAY' } as const;

    it('for fifty at once where there is room for twenty', async () => {
      const [consume, key] = [createKeyLimits(store()), newKey()];
      expect(passed(await times(50, () => consume(key, limit)))).toBe(20);
      const { isAllowed, use } = await consume(key, limit);
      expect([isAllowed, use.remaining]).toEqual([false, 0]);
      expect(use.resetMs).toBeGreaterThan(0);
      expect(use.resetMs).toBeLessThanOrEqual(86_400_000);
      expect(Number.isInteger(use.resetMs)).toBe(true);
      expect((await consume(newKey(), limit)).use).toMatchObject({ policy: 'key', number: 20, remaining: 19 });
    });

    it('for a number that is raised or lowered, and anew for another period', async () => {
      const [consume, key] = [createKeyLimits(store()), newKey()];
      await times(5, () => consume(key, limit));
      expect((await consume(key, { ...limit, number: 10 })).use.remaining).toBe(4);
      expect((await consume(key, { ...limit, number: 3 })).isAllowed).toBe(false);
      expect((await consume(key, { number: 3, period: 'HOUR' })).use.remaining).toBe(2);
    });
  });
}

/** Counts what a store is asked, and fails where it is told to. */
function watched({ query, redis }: LimitStore): { store: LimitStore; state: { asked: number; isGone: boolean } } {
  const state = { asked: 0, isGone: false };
  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    state.asked++;
    if (state.isGone) throw new Error('gone');
    return work();
  };
  return {
    state,
    store: {
      ...(query && { query: (text, values) => ask(() => query(text, values)) }),
      ...(redis && { redis: { eval: (script, options) => ask(() => redis.eval(script, options)) } }),
    },
  };
}

function sharedContract(store: () => LimitStore): void {
  describe('shared limits', () => {
    it('are one over all processes, products and keys', async () => {
      const [scope, key] = [newScope(), newKey()];
      const processes = Array.from({ length: 4 }, () => ({
        products: createProductLimits(store()),
        keys: createKeyLimits(store()),
      }));
      const all = <T>(ask: (one: (typeof processes)[0]) => Promise<T>): Promise<T[]> =>
        Promise.all([...processes, ...processes].map(ask));
      expect(passed(await all(({ products }) => products(scope, { number: 5, period: 'DAY' })))).toBe(5);
      expect(passed(await all(({ keys }) => keys(key, { number: 5, period: 'DAY' })))).toBe(5);
    });

    it('cost one question each, and none for a key that is used up', async () => {
      const { store: asked, state } = watched(store());
      const [take, consume, key] = [createProductLimits(asked), createKeyLimits(asked), newKey()];
      await take(newScope(), HOUR);
      expect(state.asked).toBe(1);
      for (let i = 0; i < 5; i++) await consume(key, { number: 3, period: 'DAY' });
      expect(state.asked).toBe(4);
    });

    it('are counted here while nobody answers, and there again afterwards', async () => {
      const { store: asked, state } = watched(store());
      const [take, consume] = [createProductLimits(asked), createKeyLimits(asked)];
      const [scope, key] = [newScope(), newKey()];
      const three = async (): Promise<number[]> => [
        passed(await times(9, () => take(scope, HOUR))),
        passed(await times(9, () => consume(key, HOUR))),
      ];
      const [before] = [await take(scope, HOUR), await consume(key, HOUR)];
      state.isGone = true;
      expect(await three()).toEqual([3, 3]);
      await before.giveBack();
      state.isGone = false;
      // What could not be given back still counts.
      expect(await three()).toEqual([2, 2]);
    });

    it('give back where they were counted', async () => {
      const { store: asked, state } = watched(store());
      const take = createProductLimits(asked);
      const scope = newScope();
      await times(3, () => take(scope, HOUR));
      state.isGone = true;
      const [own] = await times(3, () => take(scope, HOUR));
      state.isGone = false;
      await own?.giveBack();
      expect((await take(scope, HOUR)).isAllowed).toBe(false);
      state.isGone = true;
      expect(passed(await times(3, () => take(scope, HOUR)))).toBe(1);
    });
  });
}

describe('memory', () => {
  const windows = memoryWindows();
  contract(
    () => ({}),
    () => windows,
  );

  it('forgets whom nobody has asked for the longest', async () => {
    const take = createProductLimits({});
    const once = { number: 1, period: 'DAY' } as const;
    await take('first', once);
    for (let i = 0; i < 49_999; i++) await take(`${i}`, once);
    expect((await take('first', once)).isAllowed).toBe(false);
    for (let i = 0; i < 50_000; i++) await take(`${i} more`, once);
    expect((await take('first', once)).isAllowed).toBe(true);
  });
});

describe('PostgreSQL', () => {
  const store = (): LimitStore => ({ query: database.query });
  contract(store, () => postgresWindows(database.query));
  sharedContract(store);

  it('forgets windows that are over when it is swept, and no others', async () => {
    const take = createProductLimits(store());
    const [old, fresh] = [newScope(), newScope()];
    for (const scope of [old, fresh]) await take(scope, HOUR);
    await database.query('update "ProductLimit" set expire = $2 where scope = $1', [old, Date.now() - 1]);
    await sweep({ database, log: createLog('silent') });
    const rows = await database.query('select scope from "ProductLimit" where scope in ($1, $2)', [old, fresh]);
    expect(rows).toEqual([{ scope: fresh }]);
  });
});

describe.skipIf(!hasRedis)(`Redis (${NEEDS_REDIS})`, () => {
  const store = (): LimitStore => ({ redis: client as Redis });
  contract(store, () => redisWindows(client as Redis));
  sharedContract(store);

  it('forgets each limit by itself, not before its window is over', async () => {
    const [scope, key] = [newScope(), newKey()];
    await createProductLimits(store())(scope, HOUR);
    await createKeyLimits(store())(key, HOUR);
    const left = [await client.pTTL(`spartera:product:${scope}`), await client.pTTL(`spartera:key:HOUR:${key}`)];
    expect(left[0]).toBeGreaterThan(HOUR_MS);
    expect(left[0]).toBeLessThanOrEqual(2 * HOUR_MS);
    expect(left[1]).toBeGreaterThan(0);
    expect(left[1]).toBeLessThanOrEqual(HOUR_MS);
  });
});
