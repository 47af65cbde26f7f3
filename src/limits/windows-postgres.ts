import type { Database, RunQuery } from '../database/db.ts';
import { KEPT_SLOTS, type WindowStore } from './windows.ts';

/** One statement, so that the row's lock is held for no longer: a refusal is written too, as an answer needs a row. */
const TAKE = `insert into "ProductLimit" as l (scope, slot, counts, "isTaken", expire) values ($1, $2, array[1], true, $4)
  on conflict (scope) do update set (slot, counts, "isTaken", expire) = (
    select greatest(l.slot, excluded.slot), array[kept[1] + "isTaken"::int] || kept[2:], "isTaken", greatest(l.expire, excluded.expire)
    from (select kept, (select sum(one) from unnest(kept) one) < $3 as "isTaken" from (
      select (array_fill(0, array[least(greatest(excluded.slot - l.slot, 0), ${KEPT_SLOTS})::int]) || l.counts)[1:${KEPT_SLOTS}] as kept offset 0) k offset 0) t)
  returning slot, counts, "isTaken"`;
const GIVE_BACK = `update "ProductLimit" set counts[(slot - $2 + 1)::int] = counts[(slot - $2 + 1)::int] - 1
  where scope = $1 and counts[(slot - $2 + 1)::int] > 0`;

/** Windows in PostgreSQL: an unlogged row a scope, which is also the lock of those who ask for it. */
export function postgresWindows(query: RunQuery): WindowStore {
  return {
    async take(scope, { slot, number, keepMs }) {
      const [row] = await query<{ slot: string; counts: number[]; isTaken: boolean }>(TAKE, [
        scope,
        slot,
        number,
        Date.now() + keepMs,
      ]);
      if (!row) throw new Error('PostgreSQL did not count.');
      return { ...row, slot: Number(row.slot) };
    },
    async giveBack(scope, slot) {
      await query(GIVE_BACK, [scope, slot]);
    },
  };
}

/** Forgets the windows that nobody has asked for while they lasted. */
export async function pruneProductLimits(database: Pick<Database, 'query'>): Promise<void> {
  await database.query('delete from "ProductLimit" where expire < $1', [Date.now()]);
}
