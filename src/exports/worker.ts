import type { App } from '../context.ts';
import type { QueueRules } from '../jobs.ts';
import { bucketOf, dropFile, dropOldFiles } from './storage.ts';
import { failExport, workOnExport, type ExportRow } from './work.ts';

/** Jobs whose workers died again and again. */
const GIVEN_UP: QueueRules = { name: 'exports-given-up' };
/** Jobs of exports, `{exportId}` each. */
export const EXPORTS: QueueRules = {
  name: 'exports',
  retryLimit: 3,
  expireInSeconds: 3600,
  heartbeatSeconds: 10,
  deadLetter: GIVEN_UP,
};
const SWEEP: QueueRules = { name: 'exports-sweep', retryLimit: 0 };
/** Exports that a process works on at once. */
const AT_ONCE = 2;
/** Files are kept for a day; whatever is older belongs to nobody. */
const OLD_MS = 25 * 3_600_000;
const SWEPT_AT_ONCE = 500;

const gaveUp = {
  code: 'ABANDONED',
  message: 'The export was given up: nobody finished it. Nothing was charged.',
  isPassing: false,
};

/** Removes the files of exports that have expired, and closes exports that nobody took up in a day. Answers how many. */
export async function sweepExports(app: App): Promise<{ files: number; abandoned: number }> {
  const { query } = app.database;
  const expired = await query<{ id: string; fileKey: string }>(
    `select id, "fileKey" from "Export" where status = 'SUCCEEDED' and "expiresAt" < now() and "fileKey" is not null order by "expiresAt" limit $1`,
    [SWEPT_AT_ONCE],
  );
  for (const { id, fileKey } of expired) {
    await dropFile(app.config, fileKey);
    await query('update "Export" set "fileKey" = null, version = version + 1 where id = $1', [id]);
  }
  const stuck = await query<ExportRow>(
    `select * from "Export" where status in ('QUEUED', 'RUNNING') and "expiresAt" < now() order by "expiresAt" limit $1`,
    [SWEPT_AT_ONCE],
  );
  for (const row of stuck) await failExport(app, row, gaveUp);
  const left = await dropOldFiles(app.config, new Date(Date.now() - OLD_MS));
  return { files: expired.length + left, abandoned: stuck.length };
}

/**
 * Begins to work on exports in this process, two at a time, until the app closes; sweeps once an hour.
 * @throws ConfigError where the bucket is only half named
 */
export async function startExports(app: App): Promise<void> {
  bucketOf(app.config);
  await app.jobs.work<{ exportId: string }>(GIVEN_UP, async ({ data }) => {
    const [row] = await app.database.query<ExportRow>('select * from "Export" where id = $1', [data.exportId]);
    if (row) await failExport(app, row, gaveUp);
  });
  await app.jobs.work<{ exportId: string }>(EXPORTS, (job) => workOnExport(app, job), { atOnce: AT_ONCE });
  await app.jobs.every(SWEEP, '0 * * * *', async () => void (await sweepExports(app)));
}
