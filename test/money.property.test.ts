import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { repairUsage } from '../src/usage/repair.ts';
import { sweepRuns } from '../src/usage/runs.ts';
import { EngineError } from '../src/warehouse/engine.ts';
import { ledger, parameter } from './assets.fixtures.ts';
import { miscounted, tenMinutesPass } from './helpers/books.ts';
import { gid, testGateway, type Answer, type TestGateway } from './helpers/gateway.ts';

const SEED = Number(process.env['MONEY_SEED'] ?? randomInt(2 ** 31));
const ROUNDS = 14;
const AT_ONCE = 30;
/** No round begins after this long: a slow machine plays fewer. */
const PLAYED_MS = 15_000;
const FAILING = 'select no_such_column as n';

/** mulberry32: the same plan for the same seed. Which of them comes first is up to the machine. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 4_294_967_296) * sides);
  };
}

let t: TestGateway;
let roll: (sides: number) => number;
beforeAll(async () => {
  t = await testGateway({ DATABASE_POOL: '12' });
  roll = dice(SEED);
  // Takes up to 15 ms, can be stopped, and needs no process.
  t.app.engines.get('duckdb').run = async (_, { sql }, __, signal) => {
    const leaves = Date.now() + roll(16);
    while (Date.now() < leaves) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (signal.aborted) throw new EngineError('CANCELLED', 'Stopped.');
    }
    if (sql === FAILING) throw new EngineError('ENGINE_FAILED', 'There is no such column.');
    async function* chunks() {
      yield { values: [[roll(1000)]], rowCount: 1 };
    }
    return { columns: [{ name: 'n', type: 'INTEGER', engineType: 'INTEGER' }], chunks: chunks() };
  };
});
afterAll(() => t.close());

const PROCESS =
  'mutation ($input: AssetProcessInput!) { done: assetProcess(input: $input) { run { id status credits } userErrors { code } } }';
const FETCH =
  'mutation ($input: EndpointFetchInput!) { done: endpointFetch(input: $input) { run { id status credits } userErrors { code } } }';
const GRANT =
  'mutation ($input: CompanyGrantCreditsInput!) { done: companyGrantCredits(input: $input) { credits userErrors { code } } }';

async function shop() {
  const seller = await t.tenant({ handle: 'seller' });
  const buyer = await t.tenant({ handle: 'buyer', credits: 40 });
  const { id } = seller.company;
  const { id: connectionId } = await t.world.connection(id, { settings: { path: 'none.duckdb' }, timeoutMs: 300_000 });
  const asset = async (sqlLogic: string, more: object = {}): Promise<string> => {
    const made = await t.world.asset(id, {
      connectionId,
      sellInMarketplace: true,
      sqlLogic,
      allowParams: true,
      parameters: [parameter('tag', 'STRING', { defaultValue: 'none' })],
      ...more,
    });
    await t.world.price(id, { assetId: made.id }, '1.00');
    return gid('Asset', made);
  };
  const endpoint = await t.world.endpoint(id, connectionId, {
    sourceTableName: 'numbers',
    endpointSchema: { columns: [{ name: 'n', type: 'INTEGER' }] },
    sellInMarketplace: true,
  });
  await t.world.price(id, { endpointId: endpoint.id }, '1.50');
  const good = await asset('select n from numbers where :tag is not null');
  const bad = await asset(FAILING);
  const kept = await asset('select 1 as n', { cached: true });
  return { seller, buyer, good, bad, kept, endpoint: gid('Endpoint', endpoint) };
}

describe('whatever comes in whatever order', () => {
  it(`the books are right (MONEY_SEED=${SEED})`, async () => {
    const { seller, buyer, good, bad, kept, endpoint } = await shop();
    const { query } = t.app.database;
    // The game sends runs ten minutes into the past, some of them often: nothing may be known to be counted there.
    await query(`update "UsageCheckpoint" set "countedTo" = now() - interval '1 day'`, []);
    const answers: { key: string | null; answer: Answer | null }[] = [];

    const send = async (document: string, input: Record<string, unknown>, by = buyer.keys.ANALYST): Promise<void> => {
      const controller = new AbortController();
      const leaves = roll(5) === 0 ? setTimeout(() => controller.abort(), roll(40)) : undefined;
      const answer = await t.run(by, document, { input }, { signal: controller.signal }).catch(() => null);
      clearTimeout(leaves);
      answers.push({ key: (input['idempotencyKey'] as string | undefined) ?? null, answer });
    };
    const key = (): string => `key ${roll(25)}`;
    const moves: (() => Promise<unknown>)[] = [
      () => send(PROCESS, { assetId: good }),
      () => send(PROCESS, { assetId: bad }),
      () => send(PROCESS, { assetId: kept }),
      () => send(FETCH, { endpointId: endpoint }),
      ...Array<() => Promise<void>>(4).fill(() => {
        const idempotencyKey = key();
        return send(PROCESS, { assetId: good, parameters: { tag: idempotencyKey }, idempotencyKey });
      }),
      () => {
        const n = roll(6);
        const input = { companyHandle: 'buyer', credits: n + 1, note: `grant ${n}`, idempotencyKey: `grant ${n}` };
        return send(GRANT, input, seller.keys.OPERATOR);
      },
      // Some of what is at work is given up, though somebody does work on it.
      async () => {
        await query(
          `update "Run" set "startedAt" = "startedAt" - interval '10 minutes' where status = 'RUNNING' and hashtext(id::text) % 3 = $1`,
          [roll(3)],
        );
        await Promise.all([sweepRuns(t.app.database), sweepRuns(t.app.database)]);
      },
      // And some keys are taken over from those who are at it.
      () =>
        query(
          `update "IdempotencyKey" set "createdAt" = "createdAt" - interval '6 minutes' where answer is null and hashtext(key) % 2 = $1`,
          [roll(2)],
        ),
      // The database breaks connections off, in transactions too.
      () =>
        roll(2) === 0
          ? query(
              `select pg_terminate_backend(pid) from (select pid from pg_stat_activity where datname = current_database() and application_name = 'spartera-gateway'
                 and pid <> pg_backend_pid() order by random() limit 2) some`,
              [],
            ).catch(() => null)
          : Promise.resolve(),
    ];

    // Before all else one of each, so that it is not a game of refusals alone.
    for (const [assetId, status] of [
      [good, 'SUCCEEDED'],
      [bad, 'FAILED'],
    ])
      expect((await t.run(buyer.keys.ANALYST, PROCESS, { input: { assetId } })).data.done.run.status).toBe(status);
    const until = Date.now() + PLAYED_MS;
    for (let round = 0; round < ROUNDS && (round < 2 || Date.now() < until); round++) {
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          await new Promise((resolve) => setTimeout(resolve, roll(30)));
          await moves[roll(moves.length)]?.().catch(() => null);
        }),
      );
      const rows = await t.app.database.prisma.company.findMany({ where: { creditsBalance: { lt: 0 } } });
      expect(rows).toEqual([]);
    }
    // Who left is not waited for: their runs end by themselves, or are swept.
    await tenMinutesPass(query);
    await sweepRuns(t.app.database);
    await t.app.usage.flush();
    await tenMinutesPass(query);
    await sweepRuns(t.app.database);
    await t.app.usage.flush();
    await repairUsage(t.app.database);

    expect(await ledger(t)).toEqual([]);
    const runs = await t.app.database.prisma.run.findMany({ where: { companyId: buyer.company.id } });
    expect(runs.filter(({ status }) => status === 'RUNNING')).toEqual([]);
    expect(runs.filter(({ status, credits }) => status !== 'SUCCEEDED' && credits !== 0)).toEqual([]);
    const [granted] = await query<{ sum: string; notes: string; count: string }>(
      `select coalesce(sum(e.amount), 0)::text as sum, count(distinct t.note)::text as notes, count(*)::text as count from "JournalTransaction" t
         join "JournalEntry" e on e."transactionId" = t.id join "JournalAccount" a on a.id = e."accountId" where t.kind = 'GRANT' and a."companyId" = $1`,
      [buyer.company.id],
    );
    // No grant was made twice.
    expect(granted?.count).toBe(granted?.notes);
    const spent = runs.reduce((sum, { credits }) => sum + credits, 0);
    const { creditsBalance } = await t.app.database.prisma.company.findUniqueOrThrow({
      where: { id: buyer.company.id },
    });
    expect(creditsBalance).toBe(Number(granted?.sum) - spent);

    // A key is paid once, and whoever got an answer got the same.
    for (let n = 0; n < 25; n++) {
      const idempotencyKey = `key ${n}`;
      const paid = runs.filter(
        ({ status, parameters }) =>
          status === 'SUCCEEDED' && (parameters as { tag?: string } | null)?.tag === idempotencyKey,
      );
      expect(paid.length, idempotencyKey).toBeLessThanOrEqual(1);
      const told = answers
        .filter((one) => one.key === idempotencyKey)
        .flatMap(({ answer }) => (answer?.data?.done?.run?.status === 'SUCCEEDED' ? [answer.data.done.run.id] : []));
      expect(new Set(told)).toEqual(new Set(told.length > 0 ? [gid('Run', paid[0] ?? '')] : []));
    }
    // Those who left last may have been at work until now: in the end theirs are counted, too.
    const atLast = async () => {
      await tenMinutesPass(query);
      await sweepRuns(t.app.database);
      await t.app.usage.flush();
      await repairUsage(t.app.database);
      return miscounted(query);
    };
    await expect.poll(atLast, { timeout: 30_000 }).toEqual([]);
  }, 120_000);
});

describe('a connection that is lost', { timeout: 60_000 }, () => {
  it('between two statements of a transaction undoes that transaction, and nothing else', async () => {
    const { database } = t.app;
    const company = await t.world.company({ handle: 'cut-off' });
    const work = database.atomically(async (query) => {
      await query(`update "Company" set name = 'Changed' where id = $1`, [company.id]);
      const [own] = await query<{ pid: number }>('select pg_backend_pid() as pid', []);
      await database.query('select pg_terminate_backend($1)', [own?.pid]);
      await expect
        .poll(() => database.query('select from pg_stat_activity where pid = $1', [own?.pid]), { timeout: 30_000 })
        .toEqual([]);
      await query('select 1', []);
    });
    await expect(work).rejects.toThrow();
    const rows = await database.query('select name from "Company" where id = $1', [company.id]);
    expect(rows).toEqual([{ name: company.name }]);
  });

  it('with the word that a run is settled costs its credits once, and its answer is there', async () => {
    const { database } = t.app;
    const { id } = await t.world.company({ handle: 'late-seller' });
    const { id: connectionId } = await t.world.connection(id, { settings: { path: 'none.duckdb' } });
    const asset = await t.world.asset(id, { connectionId, sellInMarketplace: true, sqlLogic: 'select n from numbers' });
    await t.world.price(id, { assetId: asset.id }, '1.00');
    const poor = await t.tenant({ handle: 'late-buyer', credits: 2 });
    const { atomically } = database;
    const spy = vi.spyOn(database, 'atomically').mockImplementation(async (work) => {
      let isSettling = false;
      const done = await atomically((query) =>
        work((text, values) => {
          isSettling ||= text.includes("'SETTLE'");
          return query(text, values);
        }),
      );
      if (isSettling) throw new Error('Connection terminated unexpectedly');
      return done;
    });
    const input = { assetId: gid('Asset', asset), idempotencyKey: 'late' };
    const first = await t.run(poor.keys.ANALYST, PROCESS, { input });
    spy.mockRestore();
    expect(first.data.done).toMatchObject({ run: { status: 'SUCCEEDED', credits: 2 }, userErrors: [] });
    expect((await t.run(poor.keys.ANALYST, PROCESS, { input })).data).toEqual(first.data);

    // Without a key it is one statement, whose answer may be lost in the same way.
    const rich = await t.tenant({ handle: 'late-again', credits: 2 });
    const { query } = database;
    let isSettled = false;
    const lost = vi.spyOn(database, 'query').mockImplementation(async (text, values) => {
      const rows = await query(text, values);
      isSettled ||= text.includes("'SETTLE'");
      if (text.includes("'SETTLE'")) throw new Error('Connection terminated unexpectedly');
      return rows as never;
    });
    const again = await t.run(rich.keys.ANALYST, PROCESS, { input: { assetId: gid('Asset', asset) } });
    lost.mockRestore();
    expect(isSettled).toBe(true);
    expect(again.data.done).toMatchObject({ run: { status: 'SUCCEEDED', credits: 2 }, userErrors: [] });
    const { creditsBalance } = await database.prisma.company.findUniqueOrThrow({ where: { id: rich.company.id } });
    expect(creditsBalance).toBe(0);
    expect(await ledger(t)).toEqual([]);
  });
});
