import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  EngineError,
  type Chunk,
  type ConnectionTarget,
  type Engine,
  type EngineErrorCode,
  type Limits,
  type Running,
  type Stage,
} from '../src/warehouse/engine.ts';
import { ConnectionPool, type Pooled } from '../src/warehouse/pool.ts';
import { createResilience } from '../src/warehouse/resilience.ts';
import { openShop, POSTGRES, process, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

const LIMITS: Limits = { timeoutMs: 600_000, maxRows: 10, maxBytes: 1000 };
const ALONE_MS = 15_000;
const never = new AbortController().signal;
const failed = (code: EngineErrorCode, stage?: Stage): EngineError =>
  new EngineError(code, `It failed: ${code}.`, stage ? { stage } : {});
const GONE = failed('CONNECTION_FAILED', 'TCP');

/** An engine whose queries end when the test says so. */
function fake() {
  const calls: PromiseWithResolvers<Running>[] = [];
  let isTestOk = true;
  const bare = {
    name: 'fake',
    run: () => {
      const call = Promise.withResolvers<Running>();
      calls.push(call);
      return call.promise;
    },
    test: async () => [{ stage: 'TCP', ok: isTestOk, elapsedMs: 1, message: null, hint: null }],
    close: async () => {},
  } as unknown as Engine;
  const { guard, health } = createResilience();
  const engine = guard(bare);
  const run = (key = 'a', signal = never, limits = LIMITS): Promise<Running> =>
    engine.run({ key, settings: {} }, { sql: 'select 1', values: [] }, limits, signal);
  const test = (key = 'a', isOk = true): Promise<unknown> => {
    isTestOk = isOk;
    return engine.test({ key, settings: {} }, never);
  };
  /** Queries one after the other that fail so. */
  async function fail(times: number, error: EngineError = GONE, key = 'a'): Promise<void> {
    for (let i = 0; i < times; i++) {
      const running = run(key);
      await until(() => expect(calls.length).toBeGreaterThan(0));
      calls.pop()?.reject(error);
      await expect(running).rejects.toBe(error);
    }
  }
  return { calls, engine, health, run, test, fail };
}

const rows = (): Running => ({
  columns: [],
  chunks: (async function* (): AsyncGenerator<Chunk> {
    yield { values: [], rowCount: 0 };
  })(),
});
const read = async ({ chunks }: Running): Promise<void> => {
  for await (const chunk of chunks) void chunk;
};
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'OK',
    (error: EngineError) => error.code,
  );
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 60_000 });
const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

afterEach(() => void vi.useRealTimers());

describe('a bulkhead of a connection works', () => {
  it('lets four work and twenty wait, turns more away, and is nobody else’s', async () => {
    const { calls, run } = fake();
    const running = Array.from({ length: 24 }, () => run());
    await until(() => expect(calls).toHaveLength(4));
    expect(await codeOf(run())).toBe('ENGINE_BUSY');
    const other = run('b');
    await until(() => expect(calls).toHaveLength(5));
    calls[4]?.resolve(rows());
    await read(await other);
    for (let i = 0; i < 24; i++) {
      const at = i < 4 ? i : i + 1;
      await until(() => expect(calls.length).toBeGreaterThan(at));
      calls[at]?.resolve(rows());
      await read((await running[i]) as Running);
    }
    expect(calls).toHaveLength(25);
  });

  it('gives a place on when the rows are read, or left, or nobody reads them and the caller leaves', async () => {
    const { calls, run } = fake();
    const leaving = new AbortController();
    const first = [run('a', leaving.signal), run(), run(), run()];
    const next = [run(), run(), run()];
    for (const call of calls.slice(0, 4)) call.resolve(rows());
    const [unread, whole, left] = await Promise.all(first);
    expect(calls).toHaveLength(4);
    await read(whole as Running);
    await until(() => expect(calls).toHaveLength(5));
    for await (const chunk of (left as Running).chunks) {
      void chunk;
      break;
    }
    await until(() => expect(calls).toHaveLength(6));
    leaving.abort();
    await until(() => expect(calls).toHaveLength(7));
    for (const call of calls.slice(4)) call.resolve(rows());
    await Promise.all(next);
    expect(unread?.columns).toEqual([]);
  });

  it('keeps nobody waiting who left or whose time is up', async () => {
    const { calls, run } = fake();
    for (let i = 0; i < 4; i++) void run();
    const leaving = new AbortController();
    const left = codeOf(run('a', leaving.signal));
    const short = codeOf(run('a', never, { ...LIMITS, timeoutMs: 20 }));
    leaving.abort();
    expect([await left, await short]).toEqual(['CANCELLED', 'QUERY_TIMEOUT']);
    expect(await codeOf(run('a', AbortSignal.abort()))).toBe('CANCELLED');
    expect(calls).toHaveLength(4);
  });
});

describe('a breaker of a connection works', () => {
  it('leaves an engine alone after five failures in a row, and says for how long', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { calls, run, fail, health } = fake();
    await fail(5);
    const error = await run().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ENGINE_UNAVAILABLE', retryAfterMs: ALONE_MS });
    expect((error as EngineError).message).toBe(
      'The engine could not be reached several times; it is tried again in 15 s.',
    );
    expect(calls).toHaveLength(0);
    expect(health('a')).toEqual({
      state: 'OPEN',
      since: new Date(),
      lastError: { message: 'It failed: CONNECTION_FAILED.', stage: 'TCP', at: new Date() },
      retryAfterMs: ALONE_MS,
    });
    expect(health('b')).toEqual({ state: 'CLOSED', since: null, lastError: null, retryAfterMs: null });
  });

  it('then lets one try while others are turned away, and opens the way when it comes through', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { calls, run, fail, health } = fake();
    await fail(5);
    later(ALONE_MS);
    expect(health('a').state).toBe('HALF_OPEN');
    const probe = run();
    expect(await codeOf(run())).toBe('ENGINE_UNAVAILABLE');
    expect(calls).toHaveLength(1);
    calls[0]?.resolve(rows());
    await read(await probe);
    expect(health('a').state).toBe('CLOSED');
    await fail(4);
    expect(health('a').state).toBe('CLOSED');
  });

  it.each([
    ['fails', GONE, 'OPEN'],
    ['is cut short', failed('CANCELLED'), 'OPEN'],
    ['takes too long', failed('QUERY_TIMEOUT'), 'OPEN'],
    ['is answered that the SQL is wrong', failed('ENGINE_FAILED'), 'CLOSED'],
  ])('and where the one that tries %s', async (_, error, state) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { fail, health } = fake();
    await fail(5);
    later(ALONE_MS);
    await fail(1, error);
    expect(health('a').state).toBe(state);
  });

  it('is passed by a test of the connection, which closes it when it succeeds', async () => {
    const { calls, run, fail, test, health } = fake();
    await fail(5);
    await test('a', false);
    expect(health('a').state).toBe('OPEN');
    await test('a', true);
    expect(health('a')).toMatchObject({ state: 'CLOSED', since: expect.any(Date) });
    const running = run();
    await until(() => expect(calls).toHaveLength(1));
    calls[0]?.resolve(rows());
    await read(await running);
  });

  it('begins closed for other credentials, and after its connection was closed', async () => {
    const { fail, engine, health } = fake();
    await fail(5, GONE, 'id:1');
    expect([health('id:1').state, health('id:2').state]).toEqual(['OPEN', 'CLOSED']);
    await engine.close('id:1');
    expect(health('id:1').state).toBe('CLOSED');
  });
});

describe('a breaker of a connection never counts', () => {
  it.each([
    ['what the engine says of a statement', failed('ENGINE_FAILED', 'QUERY')],
    ['a query that took too long', failed('QUERY_TIMEOUT', 'QUERY')],
    ['a caller who left', failed('CANCELLED', 'QUERY')],
    ['too many rows', failed('ROWS_EXCEEDED', 'QUERY')],
    ['settings that are wrong', failed('CONNECTION_FAILED', 'SETTINGS')],
  ])('%s', async (_, error) => {
    const { fail, health } = fake();
    await fail(10, error);
    expect(health('a')).toEqual({ state: 'CLOSED', since: null, lastError: null, retryAfterMs: null });
  });

  it('failures that an answer stands between', async () => {
    const { fail, health } = fake();
    await fail(4);
    await fail(1, failed('ENGINE_FAILED'));
    await fail(4);
    expect(health('a').state).toBe('CLOSED');
    await fail(1);
    expect(health('a').state).toBe('OPEN');
  });
});

describe('opening a session', () => {
  const target: ConnectionTarget = { key: 'a', settings: {} };
  const session: Pooled = { dead: false, destroy: () => {}, hold: () => {} };
  const opening = (error: EngineError) => {
    const open = vi.fn<() => Promise<Pooled>>().mockRejectedValueOnce(error).mockResolvedValue(session);
    return { open, pool: new ConnectionPool(open) };
  };

  it('is tried once more where nothing could be sent yet', async () => {
    const { open, pool } = opening(GONE);
    expect(await pool.acquire(target, never)).toBe(session);
    expect(open).toHaveBeenCalledTimes(2);
  });

  const timedOut = new EngineError('CONNECTION_FAILED', 'The host does not answer.', {
    stage: 'TCP',
    cause: Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' }),
  });
  it.each([
    ['a login that was refused', failed('CONNECTION_FAILED', 'LOGIN')],
    ['a host that is not public', failed('CONNECTION_FAILED', 'DNS')],
    ['a host that kept silent', timedOut],
  ])('is not tried again after %s', async (_, error) => {
    const { open, pool } = opening(error);
    await expect(pool.acquire(target, never)).rejects.toBe(error);
    expect(open).toHaveBeenCalledTimes(1);
  });
});

describe('a seller whose engine is gone', () => {
  let t: TestGateway;
  let shop: Shop;
  beforeAll(async () => {
    t = await testGateway();
    shop = await openShop(t);
  });
  afterAll(() => t.close());

  const HEALTH =
    'query ($id: ID!) { company { connection(id: $id) { health { state since lastError lastErrorAt retryAfterMs } } } }';
  const FAILURE =
    'mutation ($i: AssetProcessInput!) { assetProcess(input: $i) { run { outcome { ... on RunFailure { code message retryAfterMs } } } } }';

  it('is told to buyers at once after five runs, shown to itself, and slows nobody else', async () => {
    // However slow the machine: the engine is still left alone at the end.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const settings = { host: '127.0.0.1', port: 1, database: 'd', username: 'u', password: 'p', tls: 'DISABLED' };
    const gone = await t.world.connection(shop.seller.company.id, { engineId: POSTGRES, settings });
    const asset = await shop.listed('1.00', { connectionId: gone.id });
    const health = async (key: string) => {
      const { data } = await t.run(key, HEALTH, { id: gid('Connection', gone) });
      return data.company.connection?.health;
    };
    const outcome = async () => {
      const { data } = await t.run(shop.buyer.keys.ANALYST, FAILURE, { i: { assetId: gid('Asset', asset) } });
      return data.assetProcess.run.outcome;
    };
    expect(await health(shop.seller.keys.VIEWER)).toMatchObject({ state: 'CLOSED', lastError: null });
    for (let i = 0; i < 5; i++) expect((await outcome()).code).toBe('CONNECTION_FAILED');
    const refused = await outcome();
    expect(refused).toEqual({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/^The engine could not be reached several times; it is tried again in \d+ s\.$/),
      retryAfterMs: expect.any(Number),
    });
    expect(await health(shop.seller.keys.VIEWER)).toMatchObject({
      state: 'OPEN',
      lastError: 'Nothing answers on this port.',
      lastErrorAt: expect.any(String),
    });
    expect(await health(shop.buyer.keys.OWNER)).toBeUndefined();
    const rest = await t.gateway.fetch(`http://gateway/analyze/seller/assets/${asset.slug}`, {
      headers: { 'x-api-key': shop.buyer.keys.ANALYST },
    });
    expect([rest.status, Number(rest.headers.get('retry-after')) > 0]).toEqual([503, true]);
    expect(await rest.json()).toMatchObject({ reason: 'ENGINE_UNAVAILABLE', spartera: { billed: false } });
    const other = await process(t, shop.buyer.keys.ANALYST, await shop.listed('1.00'));
    expect(other.run.status).toBe('SUCCEEDED');
    const change =
      'mutation ($i: ConnectionUpdateInput!) { connectionUpdate(input: $i) { connection { health { state } } userErrors { message } } }';
    const i = {
      id: gid('Connection', gone),
      settings: { ...settings, password: undefined },
      credentials: { password: 'q' },
    };
    const { data } = await t.run(shop.seller.keys.EDITOR, change, { i });
    expect(data.connectionUpdate).toEqual({ connection: { health: { state: 'CLOSED' } }, userErrors: [] });
  });
});
