import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reserve } from '../src/credits/journal.ts';
import { newId } from '../src/ids.ts';
import { sweepRuns } from '../src/usage/runs.ts';
import { startSweeper } from '../src/usage/sweeper.ts';
import { ledger } from './assets.fixtures.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';
import { ask, gatewayProcess, kill } from './helpers/gateway-process.ts';

const PATIENCE_MS = 60_000;

let t: TestGateway;
let sellerCompanyId: string;
let assetId: string;
const database = () => t.app.database;
beforeAll(async () => {
  t = await testGateway();
  sellerCompanyId = (await t.world.company()).id;
  assetId = (await t.world.asset(sellerCompanyId)).id;
});
afterAll(() => t.close());

describe('the sweeper', { timeout: 120_000 }, () => {
  /** Paid runs of a company as processes that died left them, begun so many seconds ago. */
  async function abandoned(companyId: string, count: number, seconds: number): Promise<string[]> {
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
      [id, sellerCompanyId, assetId],
    );
    const others = await Promise.all([gatewayProcess(t), gatewayProcess(t)]);
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
