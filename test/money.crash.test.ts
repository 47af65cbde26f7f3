import { fork, type ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workOnExport } from '../src/exports/work.ts';
import { reserve } from '../src/credits/journal.ts';
import { newId, parseGlobalId } from '../src/ids.ts';
import { repairUsage } from '../src/usage/repair.ts';
import { sweepRuns } from '../src/usage/runs.ts';
import { startSweeper } from '../src/usage/sweeper.ts';
import { ERRORS, ledger, RUN } from './assets.fixtures.ts';
import { miscounted, tenMinutesPass } from './helpers/books.ts';
import type { CrashRequest, CrashWork } from './helpers/crash-child.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';
import { openPostgresProxy } from './helpers/postgres-proxy.ts';
import { FAILING, stillEngine } from './helpers/still-engine.ts';

/** Requests that die together, each at another statement of its own. */
const AT_ONCE = 24;
const PATIENCE_MS = 60_000;
const CREDITS = 20;

let t: TestGateway;
let seller: Tenant;
let products: { asset: string; failing: string; endpoint: string };
const children: ChildProcess[] = [];

/** A company, what it asks for, and how its books must look when all is done. */
interface World {
  name: string;
  companyId: string;
  work: CrashWork;
  /** Asks the same again of a process that lives. */
  again(): Promise<Answered>;
  check(answered: Answered): Promise<void>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers are compared as they come
type Answered = any;

const database = () => t.app.database;
const mutationOf = (name: string, selection: string): string =>
  `mutation ($input: ${name[0]?.toUpperCase()}${name.slice(1)}Input!) { done: ${name}(input: $input) { ${selection} ${ERRORS} } }`;

async function company(): Promise<{ id: string; handle: string; key: string }> {
  const { id, handle } = await t.world.company({ credits: CREDITS });
  const user = await t.world.user(id, 'ADMIN');
  return { id, handle, key: (await t.world.apiKey(id, 'ADMIN', { userId: user.id })).secret };
}

async function paid(companyId: string): Promise<{ balance: number; runs: [string, number][] }> {
  const { creditsBalance } = await database().prisma.company.findUniqueOrThrow({ where: { id: companyId } });
  const runs = await database().prisma.run.findMany({ where: { companyId, status: 'SUCCEEDED' } });
  return { balance: creditsBalance, runs: runs.map(({ kind, credits }) => [kind, credits]) };
}

let worlds = 0;

/** A world whose company sends one mutation with an idempotency key of its own. */
async function mutating(
  name: string,
  mutationName: string,
  selection: string,
  inputOf: (own: Awaited<ReturnType<typeof company>>) => Promise<Record<string, unknown>>,
  check: (companyId: string, answered: Answered) => Promise<void>,
  by?: string,
): Promise<World> {
  const own = await company();
  const work = {
    key: by ?? own.key,
    query: mutationOf(mutationName, selection),
    input: { ...(await inputOf(own)), idempotencyKey: `world ${++worlds}` },
  };
  return {
    name,
    companyId: own.id,
    work,
    again: () => t.run(work.key, work.query, { input: work.input }),
    check: (answered) => check(own.id, answered),
  };
}

const PAGE = 'page { rows credits run { id } } run { id status credits isBilled }';
const EXPORT = 'export { id status creditsReserved credits }';
const KEY = 'apiKey { id name } secret';
const PRICE = 'price { id priceUsd isActive }';

const kinds: Record<string, () => Promise<World>> = {
  process: () =>
    mutating(
      'process',
      'assetProcess',
      `run { ${RUN} }`,
      async () => ({ assetId: products.asset }),
      async (id, { run }) => {
        expect(run).toMatchObject({ status: 'SUCCEEDED', credits: 5, rowCount: 3 });
        expect(run.outcome.table.rows).toHaveLength(3);
        expect(await paid(id)).toEqual({ balance: CREDITS - 5, runs: [['PROCESS', 5]] });
      },
    ),
  failure: () =>
    mutating(
      'failure',
      'assetProcess',
      `run { ${RUN} }`,
      async () => ({ assetId: products.failing }),
      async (id, { run }) => {
        expect(run).toMatchObject({ status: 'FAILED', credits: 0, outcome: { code: 'ENGINE_FAILED' } });
        expect(await paid(id)).toEqual({ balance: CREDITS, runs: [] });
      },
    ),
  page: () =>
    mutating(
      'page',
      'endpointFetch',
      PAGE,
      async () => ({ endpointId: products.endpoint }),
      async (id, { page, run }) => {
        expect(run).toMatchObject({ status: 'SUCCEEDED', credits: 2 });
        expect(page.run.id).toBe(run.id);
        expect(page.rows).toHaveLength(2);
        expect(await paid(id)).toEqual({ balance: CREDITS - 2, runs: [['PAGE', 2]] });
      },
    ),
  order: () =>
    mutating(
      'order',
      'endpointExport',
      EXPORT,
      async () => ({ endpointId: products.endpoint, format: 'CSV' }),
      async (id, answered) => {
        expect(answered.export).toMatchObject({ status: 'QUEUED', creditsReserved: 10 });
        expect(await database().prisma.export.count({ where: { companyId: id } })).toBe(1);
        const [jobs] = await database().query<{ n: number }>(
          `select count(*)::int as n from jobs.job where name = 'exports' and data ->> 'exportId' = $1`,
          [parseGlobalId(answered.export.id)?.key],
        );
        expect(jobs?.n).toBe(1);
        expect((await paid(id)).balance).toBe(CREDITS - 10);
      },
    ),
  async export() {
    const order = await kinds['order']?.();
    const ordered = await order?.again();
    const exportId = parseGlobalId(ordered.data.done.export.id)?.key ?? '';
    const companyId = order?.companyId ?? '';
    const job = { data: { exportId }, isLastTry: false, signal: new AbortController().signal };
    return {
      name: 'export',
      companyId,
      work: { exportId },
      again: async () => ({ data: { done: await workOnExport(t.app, job) } }),
      async check() {
        const row = await database().prisma.export.findUniqueOrThrow({ where: { id: exportId } });
        expect(row).toMatchObject({ status: 'SUCCEEDED', rowCount: 3, blockCount: 2, credits: 4 });
        expect(await paid(companyId)).toEqual({ balance: CREDITS - 4, runs: [['EXPORT', 4]] });
      },
    };
  },
  async price() {
    const asset = await t.world.asset(seller.company.id);
    await t.world.price(seller.company.id, { assetId: asset.id }, '1.00');
    return mutating(
      'price',
      'assetPriceCreate',
      PRICE,
      async () => ({ assetId: gid('Asset', asset), priceUsd: '3.00' }),
      async (_, { price }) => {
        expect(price).toMatchObject({ priceUsd: '3.00', isActive: true });
        const rows = await database().prisma.price.findMany({
          where: { assetId: asset.id },
          orderBy: { startedAt: 'asc' },
        });
        expect(rows.map(({ amountUsd, endedAt }) => [String(amountUsd), endedAt === null])).toEqual([
          ['1', false],
          ['3', true],
        ]);
      },
      seller.keys.EDITOR,
    );
  },
  grant: () =>
    mutating(
      'grant',
      'companyGrantCredits',
      'companyHandle credits',
      async ({ handle }) => ({ companyHandle: handle, credits: 7, note: 'Goodwill' }),
      async (id, answered) => {
        expect(answered.credits).toBe(7);
        expect(await paid(id)).toEqual({ balance: CREDITS + 7, runs: [] });
      },
      seller.keys.OPERATOR,
    ),
  key: () =>
    mutating(
      'key',
      'apiKeyCreate',
      KEY,
      async () => ({ name: 'Mine', role: 'VIEWER' }),
      async (id, { secret }) => {
        expect(await database().prisma.apiKey.count({ where: { companyId: id, name: 'Mine' } })).toBe(1);
        expect((await t.run(secret, '{ viewer { company { handle } } }')).errors).toBeUndefined();
      },
    ),
};

/** A gateway in a process of its own, ready for requests. */
async function gatewayProcess(): Promise<ChildProcess> {
  const { DATABASE_URL = '', DATA_DIR, SECRETS_KEY = '' } = t.app.config;
  const child = fork(new URL('./helpers/crash-child.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL,
      DATA_DIR,
      SECRETS_KEY,
      LOG_LEVEL: 'silent',
      DATABASE_POOL: '2',
    },
  });
  // One for each request that is on its way.
  child.setMaxListeners(AT_ONCE * 2);
  children.push(child);
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`The gateway ended with ${code} before it was ready.`)));
  });
  return child;
}

/** Sends the child one piece of work; answers when it is done. */
function ask(child: ChildProcess, request: CrashRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const hear = (message: { id: number; answered?: Answered; error?: string }): void => {
      if (message.id !== request.id) return;
      child.off('message', hear);
      if (message.error) reject(new Error(message.error));
      else resolve(message.answered);
    };
    child.on('message', hear);
    child.send(request);
  });
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** Waits until the database has noticed that its clients are gone. */
const quiet = () =>
  expect
    .poll(
      () =>
        database().query(
          `select query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`,
          [],
        ),
      { timeout: PATIENCE_MS },
    )
    .toEqual([]);

beforeAll(async () => {
  t = await testGateway();
  stillEngine(t.app);
  // Whatever is left here was begun after this.
  await t.app.database.query(`update "UsageCheckpoint" set "countedTo" = now() - interval '1 hour'`, []);
  // The queue's tables, so that no request has to make them.
  await t.app.jobs.sender({ name: 'exports' });
  seller = await t.tenant({ handle: 'seller' });
  const id = seller.company.id;
  const { id: connectionId } = await t.world.connection(id, { settings: { path: 'none.duckdb' }, timeoutMs: 300_000 });
  const more = { connectionId, sellInMarketplace: true, assetType: 'DATA' as const };
  const asset = await t.world.asset(id, { ...more, sqlLogic: 'select word from words' });
  const failing = await t.world.asset(id, { ...more, sqlLogic: FAILING });
  const endpoint = await t.world.endpoint(id, connectionId, {
    sourceTableName: 'words',
    endpointSchema: { columns: [{ name: 'word', type: 'STRING' }] },
    sellInMarketplace: true,
    exportEnabled: true,
    maxRecordsPerRequest: 2,
    maxRecordsPerExport: 10,
  });
  await t.world.price(id, { assetId: asset.id }, '2.50');
  await t.world.price(id, { assetId: failing.id }, '2.50');
  await t.world.price(id, { endpointId: endpoint.id }, '1.00');
  products = { asset: gid('Asset', asset), failing: gid('Asset', failing), endpoint: gid('Endpoint', endpoint) };
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await t.close();
});

describe('a process that is killed', () => {
  it('after any of its statements loses nothing, charges nothing twice and nothing for a failure', async () => {
    let id = 0;
    const url = t.app.config.DATABASE_URL ?? '';
    let child = await gatewayProcess();

    // Undisturbed: how many statements each kind of work has.
    const points: [kind: string, statement: number][] = [];
    for (const [kind, make] of Object.entries(kinds)) {
      const world = await make();
      const proxy = await openPostgresProxy(url);
      const answered = await ask(child, { id: ++id, url: proxy.url, work: world.work });
      await world.check(answered?.data?.done);
      expect(proxy.seen()).toBeGreaterThan(5);
      for (let statement = 1; statement <= proxy.seen(); statement++) points.push([kind, statement]);
      proxy.close();
    }

    let answeredAtOnce = 0;
    let inProgress = 0;
    let swept = 0;
    let repaired = 0;
    for (let start = 0; start < points.length; start += AT_ONCE) {
      const dying = await Promise.all(
        points.slice(start, start + AT_ONCE).map(async ([kind, statement]) => ({
          at: `${kind} after statement ${statement}`,
          world: (await kinds[kind]?.()) as World,
          proxy: await openPostgresProxy(url, statement),
        })),
      );
      await Promise.all(
        dying.map(({ world, proxy }) =>
          Promise.race([proxy.stopped, ask(child, { id: ++id, url: proxy.url, work: world.work })]),
        ),
      );
      await kill(child);
      for (const { proxy } of dying) proxy.close();
      const booting = start + AT_ONCE < points.length ? gatewayProcess() : null;
      await quiet();
      expect(await ledger(t)).toEqual([]);

      // Asked again at once: what was done is answered, what was not is still in the hands of the dead.
      for (const { at, world } of dying) {
        if (!('key' in world.work)) continue;
        const { done } = (await world.again()).data;
        if (done.userErrors.length === 0) {
          answeredAtOnce++;
          await world.check(done);
        } else {
          inProgress++;
          expect([at, done.userErrors[0].code]).toEqual([at, 'IDEMPOTENCY_IN_PROGRESS']);
        }
      }
      await tenMinutesPass(t.app.database.query);
      const sweeps = await Promise.all([sweepRuns(t.app.database), sweepRuns(t.app.database)]);
      swept += sweeps[0] + sweeps[1];
      repaired += await repairUsage(t.app.database);
      expect(await ledger(t)).toEqual([]);
      for (const { at, world } of dying) {
        const { done } = (await world.again()).data;
        await expect(world.check(done), at).resolves.toBeUndefined();
        // And once more: the same answer, nothing done.
        expect((await world.again()).data.done, at).toEqual(done);
        await expect(world.check(done), at).resolves.toBeUndefined();
      }
      await t.app.usage.flush();
      expect(await ledger(t)).toEqual([]);
      expect(await miscounted(t.app.database.query)).toEqual([]);
      if (booting) child = await booting;
    }
    // All ends were met: done and answered, half done, done but not counted.
    for (const met of [answeredAtOnce, inProgress, swept, repaired]) expect(met).toBeGreaterThan(0);
  }, 300_000);
});

describe('the sweeper', { timeout: 120_000 }, () => {
  /** Paid runs of a company as processes that died left them, begun so many seconds ago. */
  async function abandoned(companyId: string, count: number, seconds: number): Promise<string[]> {
    const assetId = parseGlobalId(products.asset)?.key ?? '';
    const sellerCompanyId = seller.company.id;
    const ids = Array.from({ length: count }, () => newId());
    await database().atomically(async (query) => {
      for (const runId of ids) await reserve(query, { runId, buyerCompanyId: companyId, sellerCompanyId, credits: 1 });
      await query(
        `insert into "Run" (id, kind, "companyId", "sellerCompanyId", "assetId", credits, "isBilled", "startedAt")
         select id, 'PROCESS', $2, $3, $4, 1, true, now() - make_interval(secs => $5) from unnest($1::uuid[]) as given(id)`,
        [ids, companyId, sellerCompanyId, assetId, seconds],
      );
    });
    return ids;
  }
  const balanceOf = async (id: string): Promise<number> =>
    (await database().prisma.company.findUniqueOrThrow({ where: { id } })).creditsBalance;

  it('gives each reservation back once, however many processes sweep at once, and leaves what is not due', async () => {
    const { id } = await t.world.company({ credits: 100 });
    await abandoned(id, 60, 361);
    const young = await abandoned(id, 5, 300);
    // More than one statement takes.
    await database().query(
      `insert into "Run" (id, kind, "companyId", "sellerCompanyId", "assetId", "startedAt") select gen_random_uuid(), 'PROCESS', $1, $2, $3, now() - interval '7 minutes' from generate_series(1, 520)`,
      [id, seller.company.id, parseGlobalId(products.asset)?.key],
    );
    const others = await Promise.all([gatewayProcess(), gatewayProcess()]);
    expect(await balanceOf(id)).toBe(35);
    const url = t.app.config.DATABASE_URL ?? '';
    const swept = await Promise.all([
      sweepRuns(t.app.database),
      sweepRuns(t.app.database),
      ...others.map((child, n) => ask(child, { id: n, url, work: { sweep: true } }) as Promise<number>),
    ]);
    expect(swept.reduce((sum, n) => sum + n, 0)).toBe(580);
    expect(await balanceOf(id)).toBe(95);
    const running = await database().prisma.run.findMany({ where: { companyId: id, status: 'RUNNING' } });
    expect(running.map((run) => run.id).toSorted()).toEqual(young.toSorted());
    for (const child of others) await kill(child);
    expect(await ledger(t)).toEqual([]);
  });

  it('sweeps as soon as a process starts, again and again, and not once it has stopped', async () => {
    const { id } = await t.world.company({ credits: 10 });
    await abandoned(id, 1, 361);
    const stop = await startSweeper(t.app, 20);
    expect(await balanceOf(id)).toBe(10);
    await abandoned(id, 1, 361);
    await expect.poll(() => balanceOf(id), { timeout: PATIENCE_MS }).toBe(10);
    await stop();
    await abandoned(id, 1, 361);
    expect(await balanceOf(id)).toBe(9);
    expect(await sweepRuns(t.app.database)).toBe(1);
  });

  it('closes the others where one cannot be closed', async () => {
    const { id } = await t.world.company({ credits: 10 });
    const [stuck] = await abandoned(id, 1, 400);
    await abandoned(id, 3, 361);
    await database().query(
      `create function fail() returns trigger language plpgsql as $$ begin raise exception 'stuck'; end $$`,
      [],
    );
    await database().query(
      `create trigger stuck before update on "Run" for each row when (old.id = '${stuck}') execute function fail()`,
      [],
    );
    await expect(sweepRuns(t.app.database)).rejects.toThrow('1 abandoned runs could not be closed.');
    expect(await balanceOf(id)).toBe(9);
    await database().query('drop function fail cascade', []);
    expect(await sweepRuns(t.app.database)).toBe(1);
    expect(await balanceOf(id)).toBe(10);
  });
});
