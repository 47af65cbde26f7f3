import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCompany } from '../src/companies/create.ts';
import {
  checkLedger,
  grantCredits,
  openAccounts,
  openPlatformAccounts,
  release,
  reserve,
  settle,
  splitCents,
  type Charge,
} from '../src/credits/journal.ts';
import type { RunQuery } from '../src/database/db.ts';
import { newId } from '../src/ids.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let query: RunQuery;
let buyer: string;
let seller: string;
let assetId: string;
beforeAll(async () => {
  t = await testGateway();
  query = t.app.database.query;
  buyer = (await t.world.company({ handle: 'ada', credits: 100 })).id;
  seller = (await t.world.company({ handle: 'sam' })).id;
  assetId = (await t.world.asset(seller)).id;
});
afterAll(() => t.close());

const charge = (credits: number): Charge => ({
  runId: newId(),
  buyerCompanyId: buyer,
  sellerCompanyId: seller,
  credits,
});
const balanceOf = async (id: string): Promise<number> =>
  (await t.app.database.prisma.company.findUniqueOrThrow({ where: { id } })).creditsBalance;
const account = async (company: string | null, kind: string): Promise<string> => {
  const [row] = await query<{ id: string }>(
    'select id from "JournalAccount" where "companyId" is not distinct from $1::uuid and kind = $2::"AccountKind"',
    [company, kind],
  );
  return row?.id ?? '';
};
const sumOf = async (company: string | null, kind: string): Promise<number> => {
  const [row] = await query<{ sum: string }>(
    'select coalesce(sum(amount), 0)::text as sum from "JournalEntry" where "accountId" = $1',
    [await account(company, kind)],
  );
  return Number(row?.sum);
};
/** A stored run, as the journal's transactions belong to one. */
async function run(of: Charge, status: 'RUNNING' | 'SUCCEEDED' | 'FAILED'): Promise<void> {
  const isOver = status !== 'RUNNING';
  const isPaid = status !== 'FAILED';
  await query(
    `insert into "Run" (id, kind, status, "companyId", "sellerCompanyId", "assetId", credits, "isBilled", "finishedAt", "errorCode")
     values ($1, 'PROCESS', $2::"RunStatus", $3, $4, $5, $6, $7, case when $8 then now() end, case when $2 = 'FAILED' then 'X' end)
     on conflict (id) do update set status = excluded.status, credits = excluded.credits, "isBilled" = excluded."isBilled", "finishedAt" = excluded."finishedAt", "errorCode" = excluded."errorCode"`,
    [of.runId, status, of.buyerCompanyId, of.sellerCompanyId, assetId, isPaid ? of.credits : 0, isPaid, isOver],
  );
}

describe('the journal', () => {
  it.each([
    [100, 0.8, 80, 20],
    [75, 0.8, 60, 15],
    [1, 0.8, 1, 0],
    [2, 0.8, 2, 0],
    [3, 0.8, 2, 1],
    [99, 0.925, 92, 7],
    [50, 0.01, 1, 49],
    [49, 0.01, 0, 49],
    [1000, 0, 0, 1000],
    [1000, 1, 1000, 0],
    [1_000_000, 0.7, 700_000, 300_000],
    [0, 0.8, 0, 0],
    // 0.145 × 100 is 14.499999999999998 as floats go.
    [100, 0.145, 15, 85],
  ])('splits %i cents by %d into %i and %i', (cents, share, own, platform) => {
    expect(splitCents(cents, share)).toEqual({ seller: own, platform });
  });

  it('opens accounts once', async () => {
    const before = await t.app.database.prisma.journalAccount.count();
    await Promise.all([
      openAccounts(query, buyer),
      openAccounts(query, buyer),
      openPlatformAccounts(query),
      openPlatformAccounts(query),
    ]);
    expect(await t.app.database.prisma.journalAccount.count()).toBe(before);
  });

  it('grants, reserves, settles and releases', async () => {
    expect(await sumOf(null, 'CREDITS_ISSUED')).toBe(-100);
    const [kept, given] = [charge(30), charge(50)];
    for (const one of [kept, given]) await run(one, 'RUNNING');
    expect(await reserve(query, kept)).toEqual({ balance: 70 });
    expect(await reserve(query, given)).toEqual({ balance: 20 });
    expect(await sumOf(buyer, 'BUYER_RESERVED')).toBe(80);
    expect(await reserve(query, charge(21))).toBeNull();
    expect(await checkLedger(query)).toEqual([]);

    await settle(query, kept, { seller: 1200, platform: 300 });
    await run(kept, 'SUCCEEDED');
    await release(query, given);
    await run(given, 'FAILED');
    expect(await balanceOf(buyer)).toBe(70);
    expect(await Promise.all(['BUYER_CREDITS', 'BUYER_RESERVED'].map((kind) => sumOf(buyer, kind)))).toEqual([70, 0]);
    expect(await sumOf(seller, 'SELLER_EARNINGS')).toBe(1200);
    expect(
      await Promise.all(['CREDITS_ISSUED', 'PLATFORM_REVENUE', 'SALES_CLEARING'].map((kind) => sumOf(null, kind))),
    ).toEqual([-70, 300, -1500]);
    await grantCredits(query, buyer, 30, 'More');
    expect(await balanceOf(buyer)).toBe(100);
    expect(await checkLedger(query)).toEqual([]);
  });

  it('does each thing once a run', async () => {
    const one = charge(5);
    await run(one, 'RUNNING');
    await reserve(query, one);
    await expect(reserve(query, one)).rejects.toThrow('JournalTransaction_once');
    await release(query, one);
    await expect(release(query, one)).rejects.toThrow('JournalTransaction_once');
    await run(one, 'FAILED');
    expect(await balanceOf(buyer)).toBe(100);
    expect(await checkLedger(query)).toEqual([]);
  });

  it('never takes a balance below zero', async () => {
    const left = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const one = charge(10);
        const balance = await reserve(query, one);
        if (balance !== null) await run(one, 'RUNNING');
        return { one, balance };
      }),
    );
    expect(left.filter(({ balance }) => balance === null)).toHaveLength(2);
    expect(await balanceOf(buyer)).toBe(0);
    await expect(query(`update "Company" set "creditsBalance" = -1 where id = $1`, [buyer])).rejects.toThrow(
      'Company_balance',
    );
    for (const { one, balance } of left) {
      if (balance === null) continue;
      await release(query, one);
      await run(one, 'FAILED');
    }
    expect(await checkLedger(query)).toEqual([]);
  });

  it('opens the accounts of a new company with it', async () => {
    await createCompany(t.app, { handle: 'newcomer', email: 'Own@newcomer.example' });
    const [row] = await query<{ n: number }>(
      `select count(*)::int as n from "JournalAccount" a join "Company" c on c.id = a."companyId" where c.handle = 'newcomer'`,
      [],
    );
    expect(row?.n).toBe(3);
    await expect(createCompany(t.app, { handle: 'newcomer', email: 'x@elsewhere.example' })).rejects.toThrow(
      'This handle is taken.',
    );
    await expect(createCompany(t.app, { handle: 'newer', email: 'x@newcomer.example' })).rejects.toThrow(
      'This domain is taken.',
    );
  });
});

describe('the database', () => {
  it('refuses to change or delete what is written', async () => {
    for (const statement of [
      'update "JournalEntry" set amount = amount + 1',
      'delete from "JournalEntry"',
      `update "JournalTransaction" set note = 'x'`,
      'delete from "JournalTransaction"',
    ]) {
      await expect(query(statement, [])).rejects.toThrow('append-only');
    }
  });

  it('refuses entries that do not sum to zero in each unit', async () => {
    const [credits, cents] = [await account(buyer, 'BUYER_CREDITS'), await account(seller, 'SELLER_EARNINGS')];
    const issued = await account(null, 'CREDITS_ISSUED');
    const insert = (lines: [string, number][]) =>
      query(
        `with move as (insert into "JournalTransaction" (id, kind) values ($1::uuid, 'GRANT') returning id)
         insert into "JournalEntry" ("transactionId", "accountId", amount) select move.id, l.a, l.n from move cross join unnest($2::uuid[], $3::bigint[]) as l(a, n)`,
        [newId(), lines.map(([id]) => id), lines.map(([, amount]) => amount)],
      );
    await expect(insert([[credits, 5]])).rejects.toThrow('sum to zero');
    await expect(
      insert([
        [credits, 5],
        [issued, -4],
      ]),
    ).rejects.toThrow('sum to zero');
    // Credits are no cents.
    await expect(
      insert([
        [credits, 5],
        [cents, -5],
      ]),
    ).rejects.toThrow('sum to zero');
    // Nor do one more of a transaction that was right, or several that are right together alone.
    const add = `insert into "JournalEntry" ("transactionId", "accountId", amount)`;
    const old = `select "transactionId" from "JournalEntry" where "accountId" = $1 limit 1`;
    await expect(query(`${add} select "transactionId", $1, 1 from (${old}) t`, [credits])).rejects.toThrow(
      'sum to zero',
    );
    const two = `with move as (insert into "JournalTransaction" (id, kind) values ($1::uuid, 'GRANT'), ($2::uuid, 'GRANT') returning id)
      ${add} select move.id, $3::uuid, case move.id when $1::uuid then 5 else -5 end from move`;
    await expect(query(two, [newId(), newId(), credits])).rejects.toThrow('sum to zero');
    expect(await checkLedger(query)).toEqual([]);
  });
});

describe('the check of the books', () => {
  /** Does something behind the back of the triggers, looks, and takes it back. */
  async function tampered(statement: string, values: unknown[] = []): Promise<string[]> {
    let found: string[] = [];
    const client = await t.app.database.connect();
    const ask: RunQuery = async (text, given) => (await client.query(text, given)).rows as never;
    try {
      await client.query('begin');
      await client.query(`set local session_replication_role = 'replica'`);
      await client.query(statement, values);
      found = await checkLedger(ask);
    } finally {
      await client.query('rollback');
      await client.end();
    }
    return found;
  }
  let paid: Charge;
  beforeAll(async () => {
    paid = charge(8);
    await run(paid, 'RUNNING');
    await reserve(query, paid);
    await settle(query, paid, { seller: 320, platform: 80 });
    await run(paid, 'SUCCEEDED');
  });

  it('finds nothing where nothing is wrong', async () => {
    expect(await checkLedger(query)).toEqual([]);
  });

  it('finds a balance that was changed', async () => {
    expect(await tampered(`update "Company" set "creditsBalance" = 1000 where handle = 'ada'`)).toEqual([
      'ada has a balance of 1000, its journal says 92.',
    ]);
    expect(await tampered(`update "Company" set "creditsBalance" = 7 where handle = 'sam'`)).toEqual([
      'sam has a balance of 7, its journal says 0.',
    ]);
  });

  it('finds an entry that was changed, added or deleted', async () => {
    const entry = `id = (select max(e.id) from "JournalEntry" e join "JournalAccount" a on a.id = e."accountId" where a.kind = 'SELLER_EARNINGS')`;
    expect(await tampered(`update "JournalEntry" set amount = amount + 5 where ${entry}`)).toEqual([
      'All entries in USD_CENT sum to 5, not to 0.',
      expect.stringMatching(/^Transaction [0-9a-f-]{36} sums to 5 in USD_CENT, not to 0\.$/),
    ]);
    expect(await tampered(`delete from "JournalEntry" where ${entry}`)).toEqual([
      'All entries in USD_CENT sum to -320, not to 0.',
      expect.stringContaining('sums to -320'),
    ]);
    // Two that make up for each other.
    const shift = `update "JournalEntry" e set amount = amount + case when e.id = (select min(id) from "JournalEntry") then 3 else -3 end
      where e.id in (select min(id) from "JournalEntry" union select min(e.id) from "JournalEntry" e join "JournalAccount" a on a.id = e."accountId" where a.kind = 'BUYER_RESERVED')`;
    expect((await tampered(shift)).filter((problem) => problem.startsWith('Transaction'))).toHaveLength(2);
  });

  it('finds a reservation without its run, and a run without its reservation', async () => {
    expect(
      await tampered(
        `insert into "Run" (id, kind, "companyId", "sellerCompanyId", "assetId", credits, "isBilled") values ($1, 'PROCESS', $2, $3, $4, 6, true)`,
        [newId(), buyer, seller, assetId],
      ),
    ).toEqual(['ada has 0 credits reserved, its runs at work need 6.']);
    expect(
      await tampered(`update "Run" set status = 'RUNNING', "finishedAt" = null where id = $1`, [paid.runId]),
    ).toEqual([
      'ada has 0 credits reserved, its runs at work need 8.',
      `Run ${paid.runId} cost 0 credits, its journal says 8.`,
    ]);
  });

  it('finds a run that says another charge than its journal', async () => {
    expect(await tampered('update "Run" set credits = 1 where id = $1', [paid.runId])).toEqual([
      `Run ${paid.runId} cost 1 credits, its journal says 8.`,
    ]);
    expect(await tampered('update "Run" set "companyId" = $2 where id = $1', [paid.runId, seller])).toEqual([
      `Run ${paid.runId} cost 8 credits, its journal says 0.`,
      `Run ${paid.runId} cost 0 credits, its journal says 8.`,
    ]);
    expect(await tampered('delete from "Run" where id = $1', [paid.runId])).toEqual([
      `Run ${paid.runId} cost 0 credits, its journal says 8.`,
    ]);
  });
});
