import { companyViewer, createContext, type App, type Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import type { Job, QueueRules } from '../jobs.ts';
import type { RunWithOutcome } from '../usage/outcome.ts';
import type { ParameterValue } from '../warehouse/engine.ts';
import { demandOwnAsset } from './access.ts';
import { nextOf } from './cron.ts';
import { valuesOf } from './params.ts';
import { runAsset } from './process.ts';
import { sweepStored } from './stored-results.ts';

/** A refresh that is due: of which asset, and since when (ISO 8601). */
interface Due {
  assetId: string;
  companyId: string;
  dueAt: string;
}

/** One job an asset, one at a time for each connection; a process that dies at work on one hands it to another. */
const REFRESHES: QueueRules = {
  name: 'asset-refreshes',
  policy: 'exclusive',
  atOnceByGroup: 1,
  retryLimit: 1,
  expireInSeconds: 900,
  heartbeatSeconds: 10,
};
const CLOCK: QueueRules = { name: 'asset-refresh-clock', retryLimit: 0 };
/** Refreshes that a process works on at once, and that are handed out in a minute. */
const AT_ONCE = 2;
const MAX_DUE = 500;
/** How long an asset rests after a failed refresh: twice as long after each further one. */
const REST_SECONDS = 60;
const LONGEST_REST_SECONDS = 86_400;

function runRefresh(
  ctx: Context,
  asset: Asset,
  values: Record<string, ParameterValue>,
  maxAgeMs: number,
): Promise<RunWithOutcome> {
  const product = { assetId: asset.id };
  const terms = {
    kind: 'REFRESH',
    sellerCompanyId: asset.companyId,
    product,
    parameters: values,
    price: null,
  } as const;
  return runAsset(ctx, asset, terms, values, maxAgeMs);
}

/**
 * Computes an own asset anew, for free, in place of its kept result for these parameters.
 * @throws DomainError NOT_FOUND; VALIDATION for parameters, and where the asset keeps no results; CANCELLED
 */
export async function refreshAsset(
  ctx: Context,
  id: string,
  parameters: Record<string, unknown>,
): Promise<RunWithOutcome> {
  const asset = await demandOwnAsset(ctx, id);
  if (!asset.cached)
    throw new DomainError('VALIDATION', 'This asset keeps no results: assetUpdate(input: {cached: true}) first.', {
      path: ['input', 'id'],
    });
  return runRefresh(ctx, asset, valuesOf(asset, parameters), 0);
}

/** Hands out the refreshes that are due, at most 500, and notes when each asset's next one is. Answers how many. */
export async function sendDue(app: App, now = new Date()): Promise<number> {
  const { query, atomically } = app.database;
  const due = await query<Pick<Asset, 'id' | 'companyId' | 'connectionId'> & { schedule: string; nextRun: Date }>(
    `select id, "companyId", "connectionId", schedule, "nextRun" from "Asset"
     where active and cached and schedule is not null and "nextRun" <= $1 order by "nextRun", id limit $2`,
    [now, MAX_DUE],
  );
  const send = await app.jobs.sender(REFRESHES);
  let sent = 0;
  for (const { id, companyId, connectionId, schedule, nextRun } of due) {
    await atomically(async (within) => {
      // Whoever moves it on hands it out: nobody else does.
      const moved = await within(
        'update "Asset" set "nextRun" = $4 where id = $1 and "companyId" = $2 and "nextRun" = $3 returning 1',
        [id, companyId, nextRun, nextOf(schedule, now)],
      );
      if (moved.length === 0 || !connectionId) return;
      const job: Due = { assetId: id, companyId, dueAt: nextRun.toISOString() };
      await send(within, job, { key: id, group: connectionId });
      sent++;
    });
  }
  return sent;
}

/** Notes how a scheduled refresh ended; after a failure the asset rests, the longer the more there were in a row. */
async function note(app: App, { id, companyId }: Asset, isSuccess: boolean): Promise<void> {
  await app.database.query(
    isSuccess
      ? `update "Asset" set "refreshFailures" = 0 where id = $1 and "companyId" = $2 and "refreshFailures" > 0`
      : `update "Asset" set "refreshFailures" = "refreshFailures" + 1,
           "nextRun" = greatest("nextRun", now() + make_interval(secs => least(${LONGEST_REST_SECONDS}, ${REST_SECONDS} * 2 ^ least("refreshFailures", 20))))
         where id = $1 and "companyId" = $2`,
    [id, companyId],
  );
}

/**
 * Does a scheduled refresh as a free run of the seller's. A result that was computed since it was due will do: then
 * somebody has asked meanwhile.
 */
export async function refreshScheduled(app: App, { data, signal }: Pick<Job<Due>, 'data' | 'signal'>): Promise<void> {
  const { assetId: id, companyId, dueAt } = data;
  const viewer = companyViewer(companyId);
  const ctx = createContext(app, { viewer, signal, requestId: `refresh ${id}`, clientAddress: '', userAgent: null });
  const asset = await ctx.db.asset.findFirst({
    where: { id, companyId, active: true, cached: true, schedule: { not: null } },
  });
  if (!asset) return;
  let isSuccess = false;
  try {
    const sinceMs = Math.max(1, ctx.now.getTime() - Date.parse(dueAt));
    const run = await runRefresh(ctx, asset, valuesOf(asset, {}), sinceMs);
    isSuccess = run.status === 'SUCCEEDED';
  } catch (error) {
    // Whoever stops hands the job on.
    signal.throwIfAborted();
    ctx.log.error({ err: error, assetId: id }, 'a scheduled refresh failed');
  }
  await note(app, asset, isSuccess);
}

/** Begins to refresh assets by their schedules in this process, two at a time, and to sweep what was kept, by the minute. */
export async function startRefreshes(app: App): Promise<void> {
  await app.jobs.work<Due>(REFRESHES, (job) => refreshScheduled(app, job), { atOnce: AT_ONCE });
  await app.jobs.every(CLOCK, '* * * * *', async () => {
    await sendDue(app);
    await sweepStored(app);
  });
}
