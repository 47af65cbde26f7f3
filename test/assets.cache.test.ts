import { spawn } from 'node:child_process';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { shareWork } from '../src/assets/shared-work.ts';
import { EngineError } from '../src/warehouse/engine.ts';
import { column, keptOf, ran, resultOf, testEngine, type TestEngine } from './assets.cache.fixtures.ts';
import {
  balance,
  ledger,
  mutate,
  openShop,
  parameter,
  process as processOf,
  PROCESS,
  type Shop,
} from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

/** Two gateways on one database, as two processes are. */

const WAIT = { timeout: 60_000, interval: 50 };
let one: TestGateway;
let two: TestGateway;
let shop: Shop;
let mine: string;
let first: TestEngine;
let second: TestEngine;

beforeAll(async () => {
  one = await testGateway({ DATABASE_POOL: '10' });
  two = await testGateway({ DATABASE_POOL: '10', DATABASE_URL: one.app.config.DATABASE_URL ?? '' }, one);
  shop = await openShop(one);
  mine = shop.seller.keys.ANALYST;
});
afterAll(async () => {
  await two.close();
  await one.close();
});
beforeEach(() => {
  first = testEngine(one);
  second = testEngine(two);
});
afterEach(async () => {
  vi.restoreAllMocks();
  expect(await ledger(one)).toEqual([]);
});

const kept = (more: object = {}) => shop.asset({ sqlLogic: 'select 7 as n', cached: true, ...more });
const calls = (): number => first.calls() + second.calls();
const running = async (asset: { id: string }): Promise<number> =>
  (await one.app.database.query('select 1 from "Run" where "assetId" = $1 and status = \'RUNNING\'', [asset.id]))
    .length;

/** What is announced of results while something is done. */
async function announced(work: (seen: string[]) => Promise<void>): Promise<void> {
  const client = await one.app.database.connect();
  const seen: string[] = [];
  client.on('notification', ({ payload = '' }) => void seen.push(payload));
  await client.query('listen results');
  try {
    await work(seen);
  } finally {
    await client.end();
  }
}

/** A process of its own that begins to compute the asset and never ends; says so. */
async function stuckProcess(asset: { id: string }) {
  const src = (name: string): string => JSON.stringify(new URL(`../src/${name}`, import.meta.url).href);
  const code = `const { openApp, openAuthenticator } = await import(${src('boot.ts')}); const { readConfig } = await import(${src('config.ts')});
    const { createGateway } = await import(${src('http/server.ts')}); const { schema } = await import(${src('schema.ts')});
    const config = readConfig(); const app = await openApp(config, config.DATABASE_URL);
    app.engines.get('duckdb').run = () => { process.stdout.write('computing'); return new Promise(() => {}); };
    const gateway = createGateway(app, schema, await openAuthenticator(app), () => '');
    await gateway.fetch('http://gateway/graphql', { method: 'POST', headers: { 'content-type': 'application/json', 'x-api-key': process.env.KEY }, body: process.env.BODY });`;
  const { DATABASE_URL = '', DATA_DIR, SECRETS_KEY = '' } = one.app.config;
  const BODY = JSON.stringify({ query: PROCESS, variables: { input: { assetId: gid('Asset', asset) } } });
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '', DATABASE_URL, DATA_DIR, SECRETS_KEY, LOG_LEVEL: 'silent', KEY: mine, BODY },
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

describe('the cache of all processes works', () => {
  it('answers the same from both, computed once, and asks the database for it once', async () => {
    const asset = await kept();
    const made = await ran(one, mine, asset);
    expect(made).toMatchObject({ status: 'SUCCEEDED', cacheStatus: 'MISS' });
    const stored = await two.statements(async () => {
      const hit = await ran(two, mine, asset);
      expect([hit.cacheStatus, resultOf(hit)]).toEqual(['HIT', resultOf(made)]);
    });
    expect(stored.filter((text) => text.includes('CachedResult'))).toHaveLength(1);
    for (const t of [one, two]) {
      const again = await t.statements(async () => {
        expect(resultOf(await ran(t, mine, asset))).toEqual(resultOf(made));
      });
      expect(again.join(' ')).not.toMatch(/CachedResult|advisory|notify/);
    }
    expect([first.calls(), second.calls()]).toEqual([1, 0]);
  });

  it('has one run of the engine for many callers of both, and charges each', async () => {
    const asset = await shop.listed('1.00', { sqlLogic: 'select 8 as n', cached: true });
    const before = await balance(one, shop.buyer);
    const open = [first.hold(), second.hold()];
    const asked = [one, two, one, two, one, two, one, two].map((t) => ran(t, shop.buyer.keys.ANALYST, asset));
    await expect.poll(() => running(asset), WAIT).toBe(8);
    await expect.poll(calls, WAIT).toBe(1);
    for (const go of open) go();
    const runs = await Promise.all(asked);
    expect(calls()).toBe(1);
    expect(new Set(runs.map((run) => JSON.stringify(resultOf(run)))).size).toBe(1);
    expect(runs.filter((run) => run.cacheStatus === 'HIT')).toHaveLength(7);
    expect(await balance(one, shop.buyer)).toBe(before - 16);
  });

  it('runs anew with maxAge 0 and puts the new result in place of the old one everywhere', async () => {
    const asset = await kept();
    const old = resultOf(await ran(one, mine, asset));
    expect(resultOf(await ran(two, mine, asset))).toEqual(old);
    const fresh = await ran(two, mine, asset, { maxAge: 0 });
    expect(fresh.cacheStatus).toBe('MISS');
    expect(resultOf(fresh)).not.toEqual(old);
    await expect.poll(async () => resultOf(await ran(one, mine, asset)), WAIT).toEqual(resultOf(fresh));
    expect(resultOf(await ran(two, mine, asset))).toEqual(resultOf(fresh));
    expect(await keptOf(one, asset)).toHaveLength(1);
    expect(calls()).toBe(2);
  });

  it('takes over from a process that was killed at work', async () => {
    const asset = await kept();
    const child = await stuckProcess(asset);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    const waiting = ran(two, mine, asset);
    await expect.poll(() => running(asset), WAIT).toBe(2);
    expect(calls()).toBe(0);
    child.kill('SIGKILL');
    await gone;
    expect(await waiting).toMatchObject({ status: 'SUCCEEDED', cacheStatus: 'MISS' });
    expect(await ran(one, mine, asset)).toMatchObject({ cacheStatus: 'HIT' });
    expect(calls()).toBe(1);
  });

  it('goes on for a caller elsewhere when its own caller leaves', async () => {
    const asset = await kept();
    const open = first.hold();
    const leaver = new AbortController();
    const left = one
      .run(mine, PROCESS, { input: { assetId: gid('Asset', asset) } }, { signal: leaver.signal })
      .catch(() => null);
    await expect.poll(() => first.calls(), WAIT).toBe(1);
    await announced(async (seen) => {
      const waiting = ran(two, mine, asset);
      // Told again each second: the first was heard by then.
      await expect.poll(() => seen.filter((text) => text.startsWith('wanted')).length, WAIT).toBeGreaterThan(1);
      leaver.abort();
      await left;
      open();
      expect(await waiting).toMatchObject({ status: 'SUCCEEDED', cacheStatus: 'HIT' });
    });
    expect(calls()).toBe(1);
  });

  it('answers from the database while nothing is announced to it, and listens again', async () => {
    const asset = await kept();
    const made = resultOf(await ran(two, mine, asset));
    await one.app.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'spartera-gateway listen'`,
      [],
    );
    for (let i = 0; i < 3; i++) expect(resultOf(await ran(two, mine, asset))).toEqual(made);
    await expect
      .poll(async () => (await two.statements(() => ran(two, mine, asset))).join(' ').includes('CachedResult'), WAIT)
      .toBe(false);
    expect(calls()).toBe(1);
  });
});

describe('the cache of all processes refuses', () => {
  it('to keep a failure, or a result that does not fit the asset', async () => {
    const asset = await kept();
    first.next(() => {
      throw new EngineError('ENGINE_FAILED', 'Broken.');
    });
    expect((await ran(one, mine, asset)).outcome).toMatchObject({ code: 'ENGINE_FAILED' });
    second.next(() => column(1, 2));
    expect((await ran(two, mine, asset)).outcome).toMatchObject({ code: 'RESULT_INVALID' });
    expect(await keptOf(one, asset)).toEqual([]);
    expect(await ran(one, mine, asset)).toMatchObject({ status: 'SUCCEEDED', cacheStatus: 'MISS' });
  });

  it('what was computed before the asset or its credentials changed, in every process at once', async () => {
    const asset = await kept();
    const old = resultOf(await ran(one, mine, asset));
    expect(resultOf(await ran(two, mine, asset))).toEqual(old);
    const change = { id: gid('Asset', asset), sqlLogic: 'select 9 as n' };
    await mutate(one, shop.seller.keys.EDITOR, 'assetUpdate', change, 'asset { version }');
    expect(await keptOf(one, asset)).toEqual([]);
    const changed = await ran(two, mine, asset);
    expect(changed).toMatchObject({ cacheStatus: 'MISS', outcome: { value: expect.stringMatching(/^9000/) } });
    expect(resultOf(await ran(one, mine, asset))).toEqual(resultOf(changed));

    await two.app.database.query(
      'update "Connection" set "credentialsVersion" = "credentialsVersion" + 1 where id = $1',
      [shop.connectionId],
    );
    expect(await keptOf(one, asset)).toEqual([]);
    expect(await ran(one, mine, asset)).toMatchObject({ cacheStatus: 'MISS' });
  });

  it('to keep what changed while it was computed', async () => {
    const asset = await kept();
    const open = first.hold();
    const asked = ran(one, mine, asset);
    await expect.poll(() => first.calls(), WAIT).toBe(1);
    const change = { id: gid('Asset', asset), sqlLogic: 'select 9 as n' };
    await mutate(two, shop.seller.keys.EDITOR, 'assetUpdate', change, 'asset { version }');
    open();
    expect(await asked).toMatchObject({ status: 'SUCCEEDED', cacheStatus: 'MISS' });
    expect(await keptOf(one, asset)).toEqual([]);
  });

  it('to wait for ever for a process that does nothing', async () => {
    const { id: connectionId } = await one.world.connection(shop.seller.company.id, { timeoutMs: 1000 });
    const asset = await kept({ connectionId });
    await ran(one, mine, asset);
    const [entry] = await keptOf(one, asset);
    await one.app.database.query('delete from "CachedResult" where "assetId" = $1', [asset.id]);
    const holder = new pg.Client({ connectionString: one.app.config.DATABASE_URL });
    await holder.connect();
    await holder.query(`select pg_advisory_lock(hashtextextended('result ' || $1, 0))`, [entry?.key]);
    expect(await ran(two, mine, asset)).toMatchObject({ status: 'SUCCEEDED', cacheStatus: 'MISS' });
    expect(second.calls()).toBe(1);
    await holder.end();
  });
});

describe('the cache of all processes guards', () => {
  it('sellers, parameters and prices apart, whoever asks where and in which order', async () => {
    const more = (literal: number) => ({
      sqlLogic: `select ${literal} + :p as n`,
      cached: true,
      allowParams: true,
      parameters: [parameter('p', 'INTEGER')],
    });
    const { id: theirs } = await one.world.connection(shop.other.company.id);
    const cheap = await shop.listed('1.00', more(11));
    const dear = await one.world.asset(shop.other.company.id, {
      ...more(12),
      connectionId: theirs,
      name: cheap.name,
      sellInMarketplace: true,
    });
    await one.world.price(shop.other.company.id, { assetId: dear.id }, '2.00');
    const buyers = [shop.buyer, shop.other, await one.tenant({ credits: 1000 })];
    const asks = Array.from({ length: 36 }, (_, i) => ({
      t: i % 2 ? one : two,
      by: buyers[i % 3] as (typeof buyers)[number],
      asset: Math.floor(i / 3) % 2 ? cheap : dear,
      p: 100 + (Math.floor(i / 6) % 3),
    }));
    const runs = await Promise.all(
      asks.map(({ t, by, asset, p }) => ran(t, by.keys.ANALYST, asset, { parameters: { p } })),
    );
    const values = new Map<string, Set<string | undefined>>();
    for (const [i, { by, asset, p }] of asks.entries()) {
      const isCheap = asset === cheap;
      const isOwn = by === shop.other && !isCheap;
      expect(runs[i]).toMatchObject({ status: 'SUCCEEDED', credits: isOwn ? 0 : isCheap ? 2 : 4 });
      expect(runs[i]?.outcome.value?.slice(0, 5)).toBe(`${isCheap ? 11 : 12}${p}`);
      const name = `${asset.id} ${p}`;
      values.set(name, (values.get(name) ?? new Set()).add(runs[i]?.outcome.value));
    }
    expect([...values.values()].map((set) => set.size)).toEqual(Array(6).fill(1));
    expect(calls()).toBe(6);
  });

  it('what is kept from those who may not run it', async () => {
    const asset = await kept();
    await ran(one, mine, asset);
    for (const t of [one, two]) {
      const { run, userErrors } = await processOf(t, shop.buyer.keys.OWNER, asset);
      expect([run, userErrors[0].code]).toEqual([null, 'NOT_FOUND']);
    }
  });

  it('results at rest: sealed, and for their own entry alone', async () => {
    const words = 'a rare and secret word';
    const shape = { assetType: 'DATA', sqlLogic: 'select 1 as n' } as const;
    const [asset, other] = [await kept(shape), await kept(shape)];
    first.next(() => column(words, words));
    first.next(() => column('x', 'y', 'z'));
    await ran(one, mine, asset);
    await ran(one, mine, other);
    const [entry] = await keptOf(one, asset);
    expect(entry?.sealed.includes(words)).toBe(false);
    expect(entry?.sealed.includes('values')).toBe(false);
    await one.app.database.query(
      'update "CachedResult" set sealed = (select sealed from "CachedResult" where "assetId" = $1) where "assetId" = $2',
      [asset.id, other.id],
    );
    expect(await ran(two, mine, other)).toMatchObject({ cacheStatus: 'MISS', outcome: { table: { rowCount: 1 } } });
  });
});

describe('shared work', () => {
  it('goes on until the last caller leaves, and for ever once somebody elsewhere waits', async () => {
    const seen: string[] = [];
    const begin = (name: string) =>
      shareWork(
        (signal) =>
          new Promise<string>((_, reject) => {
            signal.addEventListener('abort', () => {
              seen.push(name);
              reject(new Error('stopped'));
            });
          }),
      );
    const [a, b] = [new AbortController(), new AbortController()];
    const work = begin('work');
    const [atA, atB] = [work.join(a.signal), work.join(b.signal)];
    a.abort(new Error('left'));
    await expect(atA).rejects.toThrow('left');
    expect([seen, work.isAbandoned()]).toEqual([[], false]);
    b.abort(new Error('left too'));
    await expect(atB).rejects.toThrow('left too');
    expect([seen, work.isAbandoned()]).toEqual([['work'], true]);

    const wanted = begin('wanted');
    const c = new AbortController();
    const atC = wanted.join(c.signal);
    wanted.keepOn();
    c.abort(new Error('gone'));
    await expect(atC).rejects.toThrow('gone');
    expect(wanted.isAbandoned()).toBe(false);
    await wanted.end(new Error('The process is stopping.'));
    expect(seen).toEqual(['work', 'wanted']);
  });
});
