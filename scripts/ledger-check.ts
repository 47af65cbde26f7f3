// Proves the books: every unit sums to zero, balances are those of the journal, reservations those of running runs, and
// what the dashboards read is what happened.
import { checkRollups } from '../src/analytics/check.ts';
import { checkLedger } from '../src/credits/journal.ts';
import { withApp } from './with-app.ts';

await withApp(async ({ database: { query } }) => {
  const problems = [...(await checkLedger(query)), ...(await checkRollups(query))];
  const [row] = await query<{ entries: string; transactions: string }>(
    'select (select count(*) from "JournalEntry")::text as entries, (select count(*) from "JournalTransaction")::text as transactions',
    [],
  );
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) throw new Error(`${problems.length} problems.`);
  console.log(`The books are right: ${row?.entries} entries in ${row?.transactions} transactions.`);
});
