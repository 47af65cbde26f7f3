import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workOnExport } from '../src/exports/work.ts';
import { parseGlobalId } from '../src/ids.ts';
import { repairUsage } from '../src/usage/repair.ts';
import { sweepRuns } from '../src/usage/runs.ts';
import { ERRORS, ledger, RUN } from './assets.fixtures.ts';
import { miscounted, tenMinutesPass } from './helpers/books.ts';
import type { CrashWork } from './helpers/crash-child.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';
import { ask, gatewayProcess, kill } from './helpers/gateway-process.ts';
import { openPostgresProxy } from './helpers/postgres-proxy.ts';
import { FAILING, stillEngine } from './helpers/still-engine.ts';

/** Requests that die together, each at another statement of its own. */
const AT_ONCE = 24;
const PATIENCE_MS = 60_000;
const CREDITS = 20;

let t: TestGateway;
let seller: Tenant;
let products: { asset: string; failing: string; endpoint: string };

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
  await t.close();
});

describe('a process that is killed', () => {
  it('after any of its statements loses nothing, charges nothing twice and nothing for a failure', async () => {
    let id = 0;
    const url = t.app.config.DATABASE_URL ?? '';
    let child = await gatewayProcess(t);

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
      const booting = start + AT_ONCE < points.length ? gatewayProcess(t) : null;
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
  }, 900_000);
});
