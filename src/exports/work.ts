import { rm } from 'node:fs/promises';
import { createContext, type App } from '../context.ts';
import type { RunQuery } from '../database/db.ts';
import type { Export } from '../generated/prisma/client.ts';
import type { Job } from '../jobs.ts';
import { plainText } from '../text/plain-text.ts';
import { failRun, succeedRun, type RunRow } from '../usage/runs.ts';
import { failureOf, openSource, type Failure } from './source.ts';
import { dropAttempt, dropFile, fileTypes, keepFile, spillPath, workPath } from './storage.ts';
import { chargeOf } from './terms.ts';
import { writeRows, type Written } from './write.ts';

/** An export as `Database.query` answers it: the share and the size as text. */
export type ExportRow = Omit<Export, 'sellerShare' | 'byteCount'> & { sellerShare: string; byteCount: string | null };

const PROGRESS_MS = 1000;

/** Another worker has the export now, or it was cancelled: what is done here is of no use. */
class Lost extends Error {}

/** Takes an export up, anew where somebody had begun it; null where nothing is to be done any more. */
async function takeUp(app: App, id: string): Promise<ExportRow | null> {
  const [row] = await app.database.query<ExportRow>(
    `update "Export" set status = 'RUNNING', attempt = attempt + 1, "rowsRead" = 0, "startedAt" = now(), version = version + 1
     where id = $1 and status in ('QUEUED', 'RUNNING') and "expiresAt" > now() returning *`,
    [id],
  );
  return row ?? null;
}

const runOf = async (app: App, runId: string): Promise<RunRow | null> =>
  (await app.database.query<RunRow>('select * from "Run" where id = $1', [runId]))[0] ?? null;

/** Tells of the rows read, once a second, and aborts `lost` where the export is not ours any more. */
function reportProgress(app: App, row: ExportRow, lost: AbortController): { rows: number; stop(): void } {
  let isAsking = false;
  const tick = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    try {
      const held = await app.database.query(
        `update "Export" set "rowsRead" = $3 where id = $1 and attempt = $2 and status = 'RUNNING' returning 1`,
        [row.id, row.attempt, progress.rows],
      );
      if (held.length === 0) lost.abort(new Lost());
    } catch (error) {
      app.log.warn({ err: error, exportId: row.id }, 'the progress of an export could not be stored');
    }
    isAsking = false;
  };
  const timer = setInterval(() => void tick(), PROGRESS_MS);
  const progress = { rows: 0, stop: () => clearInterval(timer) };
  return progress;
}

/** Closes the export and its run: the file counts and the blocks are paid, both or neither. @throws Lost */
async function finish(
  app: App,
  row: ExportRow,
  run: RunRow,
  made: Written & { byteCount: number; fileKey: string; engineMs: number; jobId: string | null },
): Promise<void> {
  const { rowCount, isTruncated, byteCount, fileKey, engineMs, jobId } = made;
  const { blockCount, credits, cents } = chargeOf({ ...row, sellerShare: Number(row.sellerShare) }, rowCount);
  const result = {
    rowCount,
    isTruncated,
    byteCount: Math.min(byteCount, 2_147_483_647),
    value: null,
    cacheStatus: 'BYPASS' as const,
    computedAt: row.startedAt ?? new Date(),
    engineMs,
    jobId,
    isCharged: blockCount > 0,
    charge: { credits, cents },
  };
  const also = async (query: RunQuery): Promise<void> => {
    const closed = await query(
      `update "Export" set status = 'SUCCEEDED', "rowsRead" = $3, "rowCount" = $3, "isTruncated" = $4, "byteCount" = $5, "blockCount" = $6, credits = $7,
         "fileKey" = $8, "finishedAt" = now(), "expiresAt" = now() + interval '24 hours', version = version + 1
       where id = $1 and attempt = $2 and status = 'RUNNING' returning 1`,
      [row.id, row.attempt, rowCount, isTruncated, byteCount, blockCount, run.isBilled ? credits : 0, fileKey],
    );
    if (closed.length === 0) throw new Lost();
  };
  await succeedRun({ app }, run, { price: null }, result, { also });
}

/**
 * Closes an export that came to nothing, and gives back what was reserved; does nothing where it is closed already, or
 * where somebody has taken it up after `attempt`.
 */
export async function failExport(
  app: App,
  row: Pick<ExportRow, 'id' | 'runId'>,
  failure: Failure,
  attempt: number | null = null,
): Promise<void> {
  const run = await runOf(app, row.runId);
  if (!run) return;
  const { code, message } = failure;
  try {
    await failRun({ app }, run, 'FAILED', code, message, async (query) => {
      const closed = await query(
        `update "Export" set status = 'FAILED', "errorCode" = $2, "errorMessage" = $3, "finishedAt" = now(), version = version + 1
         where id = $1 and status in ('QUEUED', 'RUNNING') and ($4::int is null or attempt = $4::int) returning 1`,
        [row.id, code, plainText(message), attempt],
      );
      if (closed.length === 0) throw new Lost();
    });
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
  }
}

/** Reads, writes, puts the file in its place and closes the export. */
async function make(
  app: App,
  row: ExportRow,
  run: RunRow,
  signal: AbortSignal,
  progress: { rows: number },
): Promise<void> {
  const ctx = createContext(app, {
    viewer: null,
    signal,
    requestId: `export ${row.id}`,
    clientAddress: '',
    userAgent: null,
  });
  const { ending, contentType } = fileTypes[row.format];
  // A name of this attempt alone: one that was given up and goes on after all harms nobody.
  const keyOf = (attempt: number): string => `${row.id}.${attempt}.${ending}`;
  const fileKey = keyOf(row.attempt);
  const path = await workPath(app.config, fileKey);
  const spill = spillPath(path);
  let isKept = false;
  try {
    for (let attempt = 1; attempt < row.attempt; attempt++) await dropAttempt(app.config, keyOf(attempt));
    const start = performance.now();
    const { running } = await openSource(ctx, row, signal, spill);
    const onRows = (rows: number): void => void (progress.rows = rows);
    const written = await writeRows(running, { ...row, path, spill }, onRows, signal);
    const engineMs = performance.now() - start;
    const byteCount = await keepFile(app.config, path, fileKey, contentType, signal);
    isKept = true;
    await finish(app, row, run, { ...written, byteCount, fileKey, engineMs, jobId: running.jobId ?? null });
  } catch (error) {
    await rm(path, { force: true });
    if (isKept) await dropFile(app.config, fileKey);
    throw error;
  } finally {
    // A process that is being stopped may still write there.
    await rm(spill, { force: true, recursive: true, maxRetries: 5 });
  }
}

/**
 * Does one export, as its job wants it: reads the engine's chunks into a file, counts, charges, closes. What fails for
 * good closes it as FAILED; what may pass is thrown, so that the job is tried again.
 */
export async function workOnExport(app: App, job: Job<{ exportId: string }>): Promise<void> {
  const row = await takeUp(app, job.data.exportId);
  const run = row && (await runOf(app, row.runId));
  if (!row || !run) return;
  const lost = new AbortController();
  const signal = AbortSignal.any([job.signal, lost.signal]);
  const progress = reportProgress(app, row, lost);
  try {
    await make(app, row, run, signal, progress);
  } catch (error) {
    // Cancelled, or somebody else's by now.
    if (lost.signal.aborted || error instanceof Lost) return;
    // This process stops: the next one takes it up.
    if (job.signal.aborted) throw error;
    const failure = failureOf(error, run.sellerCompanyId === row.companyId);
    const level = failure.code === 'INTERNAL' ? 'error' : 'info';
    app.log[level]({ err: error, exportId: row.id, code: failure.code }, 'an export failed');
    if (failure.isPassing && !job.isLastTry) throw error;
    await failExport(app, row, failure, row.attempt);
  } finally {
    progress.stop();
  }
}
