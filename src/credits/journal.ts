import type { RunQuery } from '../database/db.ts';
import { newId } from '../ids.ts';

/**
 * The journal of credits and earnings: double entry, append-only, each transaction summing to zero in each unit (the
 * database refuses any other). `Company.creditsBalance` is the cached total of BUYER_CREDITS; it moves in the same
 * statement as the entries.
 */

/** A reservation, as settling or releasing needs it. */
export interface Charge {
  runId: string;
  buyerCompanyId: string;
  sellerCompanyId: string;
  credits: number;
}

/** What the seller and the platform get of a price in cents: the seller's share is rounded half up, the platform has the rest. */
export function splitCents(priceCents: number, share: number): { seller: number; platform: number } {
  const seller = Math.floor(priceCents * share + 0.5 + 1e-9);
  return { seller, platform: priceCents - seller };
}

const PLATFORM = ['CREDITS_ISSUED', 'PLATFORM_REVENUE', 'SALES_CLEARING'] as const;

/** Opens the platform's accounts where they are missing. */
export async function openPlatformAccounts(query: RunQuery): Promise<void> {
  await query(
    `insert into "JournalAccount" (id, "companyId", kind, unit)
     select id, null, kind::"AccountKind", (case kind when 'CREDITS_ISSUED' then 'CREDIT' else 'USD_CENT' end)::"JournalUnit"
     from unnest($1::uuid[], $2::text[]) as given(id, kind) where not exists
       (select from "JournalAccount" a where a."companyId" is null and a.kind = given.kind::"AccountKind")
     on conflict do nothing`,
    [PLATFORM.map(() => newId()), PLATFORM],
  );
}

const COMPANY = ['BUYER_CREDITS', 'BUYER_RESERVED', 'SELLER_EARNINGS'] as const;

/** Opens the accounts of a company where they are missing. */
export async function openAccounts(query: RunQuery, companyId: string): Promise<void> {
  await query(
    `insert into "JournalAccount" (id, "companyId", kind, unit)
     select id, $1::uuid, kind::"AccountKind", (case kind when 'SELLER_EARNINGS' then 'USD_CENT' else 'CREDIT' end)::"JournalUnit"
     from unnest($2::uuid[], $3::text[]) as given(id, kind) on conflict ("companyId", kind) do nothing`,
    [companyId, COMPANY.map(() => newId()), COMPANY],
  );
}

/**
 * Entries by account kind and company (null: the platform's), in the statement `move` that made the transaction. Two
 * look-ups, since no index serves one comparison that null is equal in.
 */
const ENTRIES = `insert into "JournalEntry" ("transactionId", "accountId", amount)
  select move.id, a.id, line.amount from move cross join line cross join lateral (
    select c.id from "JournalAccount" c where c."companyId" = line.company and c.kind = line.kind::"AccountKind"
    union all select p.id from "JournalAccount" p where line.company is null and p."companyId" is null and p.kind = line.kind::"AccountKind") a
  where line.amount <> 0 returning 1`;

/** Gives a company credits. `note` says what for. */
export async function grantCredits(query: RunQuery, companyId: string, credits: number, note: string): Promise<void> {
  await query(
    `with move as (insert into "JournalTransaction" (id, kind, note) values ($1::uuid, 'GRANT', $4::text) returning id),
       line(kind, company, amount) as (values ('CREDITS_ISSUED', null::uuid, -$3::bigint), ('BUYER_CREDITS', $2::uuid, $3::bigint)),
       entries as (${ENTRIES})
     update "Company" set "creditsBalance" = "creditsBalance" + $3::bigint where id = $2::uuid`,
    [newId(), companyId, credits, note],
  );
}

/**
 * The row that a move of credits is about, where the same statement writes it: SQL that returns it, given the number of its
 * first value.
 */
export interface Written {
  sql(first: number): string;
  values: unknown[];
}

/**
 * Takes the credits of a run out of the buyer's balance until it is settled or released. Answers the balance left, or the row
 * that is `written` from `paid`; null, and nothing moved or written, where the balance is not enough.
 */
export async function reserve<R = { balance: number }>(
  query: RunQuery,
  charge: Charge,
  written?: Written,
): Promise<R | null> {
  const rest = written
    ? `, written as (${written.sql(5)}) select * from written`
    : ' select "creditsBalance" as balance from paid';
  const [row] = await query<R>(
    `with paid as (update "Company" set "creditsBalance" = "creditsBalance" - $3::int where id = $2::uuid and "creditsBalance" >= $3::int returning "creditsBalance"),
       move as (insert into "JournalTransaction" (id, kind, "runId") select $1::uuid, 'RESERVE', $4::uuid from paid returning id),
       line(kind, company, amount) as (values ('BUYER_CREDITS', $2::uuid, -$3::bigint), ('BUYER_RESERVED', $2::uuid, $3::bigint)),
       entries as (${ENTRIES})${rest}`,
    [newId(), charge.buyerCompanyId, charge.credits, charge.runId, ...(written?.values ?? [])],
  );
  return row ?? null;
}

/**
 * Makes a reservation final: the credits are gone, seller and platform have their cents. Once a run, by a unique index. Answers
 * the row that is `written`; null, and nothing settled, where none was.
 */
export async function settle<R>(
  query: RunQuery,
  charge: Charge,
  cents: { seller: number; platform: number },
  written?: Written,
): Promise<R | null> {
  const [row] = await query<R>(
    `with ${written ? `written as (${written.sql(8)}), ` : ''}
       move as (insert into "JournalTransaction" (id, kind, "runId") select $1::uuid, 'SETTLE', $4::uuid${written ? ' from written' : ''} returning id),
       line(kind, company, amount) as (values
         ('BUYER_RESERVED', $2::uuid, -$3::bigint), ('CREDITS_ISSUED', null::uuid, $3::bigint),
         ('SELLER_EARNINGS', $5::uuid, $6::bigint), ('PLATFORM_REVENUE', null::uuid, $7::bigint), ('SALES_CLEARING', null::uuid, -$6::bigint - $7::bigint)),
       entries as (${ENTRIES})
     select * from ${written ? 'written' : 'move'}`,
    [
      newId(),
      charge.buyerCompanyId,
      charge.credits,
      charge.runId,
      charge.sellerCompanyId,
      cents.seller,
      cents.platform,
      ...(written?.values ?? []),
    ],
  );
  return row ?? null;
}

/** Gives a reservation back. Once a run, by a unique index. */
export async function release(
  query: RunQuery,
  charge: Pick<Charge, 'runId' | 'buyerCompanyId' | 'credits'>,
): Promise<void> {
  await query(
    `with move as (insert into "JournalTransaction" (id, kind, "runId") values ($1::uuid, 'RELEASE', $4::uuid) returning id),
       line(kind, company, amount) as (values ('BUYER_RESERVED', $2::uuid, -$3::bigint), ('BUYER_CREDITS', $2::uuid, $3::bigint)),
       entries as (${ENTRIES})
     update "Company" set "creditsBalance" = "creditsBalance" + $3::int where id = $2::uuid and exists (select from move)`,
    [newId(), charge.buyerCompanyId, charge.credits, charge.runId],
  );
}

/**
 * Makes a part of a reservation final and gives the rest back: a SETTLE and a RELEASE, both or none where `query` is a
 * transaction's. Nothing is settled where the part is 0 credits.
 * @throws RangeError where the part is more than was reserved.
 */
export async function settlePart(
  query: RunQuery,
  charge: Charge,
  credits: number,
  cents: { seller: number; platform: number },
): Promise<void> {
  if (credits < 0 || credits > charge.credits) throw new RangeError('More than was reserved cannot be settled.');
  if (credits > 0) await settle(query, { ...charge, credits }, cents);
  if (credits < charge.credits) await release(query, { ...charge, credits: charge.credits - credits });
}

/** Problems of one kind that a check names at most. */
const MOST_PROBLEMS = 20;

/** What is wrong with the books; empty when they are right. */
export async function checkLedger(query: RunQuery): Promise<string[]> {
  const sums = await query<{ unit: string; sum: string }>(
    `select a.unit::text, sum(e.amount)::text from "JournalEntry" e join "JournalAccount" a on a.id = e."accountId" group by 1 having sum(e.amount) <> 0`,
    [],
  );
  const unequal = await query<{ id: string; unit: string; sum: string }>(
    `select e."transactionId" as id, a.unit::text, sum(e.amount)::text from "JournalEntry" e join "JournalAccount" a on a.id = e."accountId"
     group by 1, 2 having sum(e.amount) <> 0 order by 1, 2 limit ${MOST_PROBLEMS}`,
    [],
  );
  const balances = await query<{ handle: string; cached: number; journal: string }>(
    `select c.handle, c."creditsBalance" as cached, coalesce(s.sum, 0)::text as journal from "Company" c left join
       (select a."companyId", sum(e.amount) from "JournalEntry" e join "JournalAccount" a on a.id = e."accountId" where a.kind = 'BUYER_CREDITS' group by 1) s
       on s."companyId" = c.id where c."creditsBalance" <> coalesce(s.sum, 0)`,
    [],
  );
  const reserved = await query<{ handle: string; sum: string; running: string }>(
    `select c.handle, coalesce(s.sum, 0)::text as sum, coalesce(r.sum, 0)::text as running from "Company" c
     left join (select a."companyId", sum(e.amount) from "JournalEntry" e join "JournalAccount" a on a.id = e."accountId" where a.kind = 'BUYER_RESERVED' group by 1) s on s."companyId" = c.id
     left join (select "companyId", sum(credits) from "Run" where status = 'RUNNING' and "isBilled" group by 1) r on r."companyId" = c.id
     where coalesce(s.sum, 0) <> coalesce(r.sum, 0)`,
    [],
  );
  const runs = await query<{ id: string; paid: string; owed: number }>(
    `select coalesce(r.id, j.run) as id, coalesce(j.paid, 0)::text as paid, coalesce(r.owed, 0) as owed
     from (select id, "companyId" as company, credits as owed from "Run" where "isBilled" and status = 'SUCCEEDED') r
     full join (select t."runId" as run, a."companyId" as company, -sum(e.amount) as paid from "JournalEntry" e
       join "JournalTransaction" t on t.id = e."transactionId" join "JournalAccount" a on a.id = e."accountId"
       where t."runId" is not null and a.kind in ('BUYER_CREDITS', 'BUYER_RESERVED') group by 1, 2) j on j.run = r.id and j.company = r.company
     where coalesce(j.paid, 0) <> coalesce(r.owed, 0) order by 1 limit ${MOST_PROBLEMS}`,
    [],
  );
  return [
    ...sums.map(({ unit, sum }) => `All entries in ${unit} sum to ${sum}, not to 0.`),
    ...balances.map(
      ({ handle, cached, journal }) => `${handle} has a balance of ${cached}, its journal says ${journal}.`,
    ),
    ...reserved.map(
      ({ handle, sum, running }) => `${handle} has ${sum} credits reserved, its runs at work need ${running}.`,
    ),
    ...unequal.map(({ id, unit, sum }) => `Transaction ${id} sums to ${sum} in ${unit}, not to 0.`),
    ...runs.map(({ id, paid, owed }) => `Run ${id} cost ${owed} credits, its journal says ${paid}.`),
  ];
}
