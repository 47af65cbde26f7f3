// Runs statements on a writable SQLite file for the fuzz: a statement cannot be interrupted, so its process is ended.
import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync(process.argv[2] ?? '');

function all(sql: string): unknown {
  try {
    return database.prepare(sql).all();
  } catch (error) {
    return (error as Error).message;
  }
}

process.on('message', ({ sql, state }: { sql: string | null; state: string }) => {
  let shown: unknown = null;
  let ran = false;
  if (sql !== null) {
    try {
      // Every statement of the text, then the rows of the first.
      database.exec(sql);
      ran = true;
    } catch (error) {
      shown = (error as Error).message;
    }
    if (ran) shown = all(sql);
  }
  process.send?.({
    ran,
    shown: JSON.stringify(shown) ?? '',
    state: JSON.stringify([all(state), database.isTransaction]),
  });
});
process.on('disconnect', () => process.exit(0));
