import type { Database } from '../database/db.ts';
import type { UsageEvent } from '../context.ts';
import { writeEvents } from './buffer.ts';

/** A run whose event is not stored this long after it began is taken for uncounted; should it come after all, it counts once. */
const YOUNG = '1 minute';
/** Clocks differ and transactions last: what is no older is looked at again. */
const SLACK = '3 minutes';
const REPAIRED_AT_ONCE = 2000;
/** Runs that are counted by a buffer: tests are not counted, exports are counted with their end. */
const BUFFERED = `kind in ('PROCESS', 'PAGE')`;

/** Before this instant there is nothing that is not counted. Null where another process is at it, or was a minute ago. */
const BOUNDS_SQL = `select "countedTo" as "from", least(now() - interval '${SLACK}',
    (select min("startedAt") from "Run" where status = 'RUNNING' and ${BUFFERED})) as "to"
  from "UsageCheckpoint" where "countedTo" < now() - interval '${SLACK}' - interval '${YOUNG}' for update skip locked`;

const LOST_SQL = `select r.id, r."sellerCompanyId", r."companyId" as "buyerCompanyId", r."assetId", r."endpointId", r."apiKeyId", r."startedAt" as at,
    r.status = 'SUCCEEDED' as "isSuccess", case when r."isBilled" then r.credits else 0 end as credits, coalesce(r."elapsedMs", 0) as "elapsedMs", coalesce(r."rowCount", 0) as "rowCount",
    coalesce((select sum(e.amount) from "JournalTransaction" t join "JournalEntry" e on e."transactionId" = t.id join "JournalAccount" a on a.id = e."accountId"
      where t."runId" = r.id and a.kind = 'SELLER_EARNINGS'), 0)::int as "earningsCents"
  from "Run" r where r.status in ('SUCCEEDED', 'FAILED', 'CANCELLED') and r.${BUFFERED} and r."startedAt" >= $1 and r."startedAt" < now() - interval '${YOUNG}'
    and not exists (select from "UsageEvent" u where u.id = r.id) order by r."startedAt" limit ${REPAIRED_AT_ONCE}`;

async function repairSome({ atomically }: Pick<Database, 'atomically'>): Promise<number> {
  return atomically(async (query) => {
    // The end is read before the runs: what began before it is over by then, and seen.
    const [bounds] = await query<{ from: Date; to: Date }>(BOUNDS_SQL, []);
    if (!bounds) return 0;
    const lost = await query<UsageEvent>(LOST_SQL, [bounds.from]);
    if (lost.length > 0) await writeEvents(query, lost);
    const last = lost.length === REPAIRED_AT_ONCE ? (lost.at(-1)?.at ?? bounds.to) : bounds.to;
    await query(
      'update "UsageCheckpoint" set "countedTo" = greatest("countedTo", least($1::timestamptz, $2::timestamptz))',
      [last, bounds.to],
    );
    return lost.length;
  });
}

/** Counts the runs whose usage died with the process that had it in its buffer. Answers how many. */
export async function repairUsage(database: Pick<Database, 'atomically'>): Promise<number> {
  let repaired = 0;
  for (let found = REPAIRED_AT_ONCE; found === REPAIRED_AT_ONCE; repaired += found) found = await repairSome(database);
  return repaired;
}
