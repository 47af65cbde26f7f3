import type { RunQuery } from '../../src/database/db.ts';

/** Finished runs that are counted nowhere, or otherwise than they were, and sums that are not those of their events. */
export async function miscounted(query: RunQuery): Promise<unknown[]> {
  const events = await query(
    `select coalesce(r.id, u.id) as id, r.status, r.credits, u.credits as counted from (select * from "Run" where status <> 'RUNNING' and kind <> 'TEST') r full join "UsageEvent" u on u.id = r.id
     left join (select t."runId", sum(e.amount) from "JournalTransaction" t join "JournalEntry" e on e."transactionId" = t.id join "JournalAccount" a on a.id = e."accountId"
       where a.kind = 'SELLER_EARNINGS' group by 1) j on j."runId" = r.id
     where r.id is null or u.id is null or u.credits <> r.credits or u."isSuccess" <> (r.status = 'SUCCEEDED') or u."earningsCents" <> coalesce(j.sum, 0)`,
    [],
  );
  const sums = await query(
    `select r."productId", s.product, r.runs, s.count from "UsageRollup" r full join (select "buyerCompanyId" as buyer, coalesce("assetId", "endpointId") as product,
       date_trunc('hour', at, 'UTC') as hour, count(*), count(*) filter (where "isSuccess") as successes, sum(credits) as credits, sum("earningsCents") as cents from "UsageEvent" group by 1, 2, 3) s
       on s.buyer = r."buyerCompanyId" and s.product = r."productId" and s.hour = r.hour
     where r.runs is distinct from s.count or r.successes is distinct from s.successes or r.credits is distinct from s.credits or r."earningsCents" is distinct from s.cents`,
    [],
  );
  return [...events, ...sums];
}

/** Moves the clock of what is stored: runs, claims of idempotency keys, and how far usage is known to be counted. */
export async function tenMinutesPass(query: RunQuery): Promise<void> {
  for (const [table, column] of [
    ['Run', 'startedAt'],
    ['IdempotencyKey', 'createdAt'],
    ['UsageCheckpoint', 'countedTo'],
  ])
    await query(`update "${table}" set "${column}" = "${column}" - interval '10 minutes'`, []);
}
