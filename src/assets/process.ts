import type { Context } from '../context.ts';
import { viewerOf } from '../context.ts';
import { openConnection, type OpenConnection } from '../connections/open.ts';
import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { events } from '../events.ts';
import type { Outcome, RunWithOutcome } from '../usage/outcome.ts';
import { failRun, startRun, succeedRun, type RunRow, type RunTerms } from '../usage/runs.ts';
import { EngineError, isApi, type Limits, type ParameterValue } from '../warehouse/engine.ts';

import { bindParameters } from '../warehouse/params.ts';
import { collect } from '../warehouse/query.ts';
import { checkSql } from '../warehouse/sql-guard.ts';
import { findRunnable, termsFor, type AssetLocator } from './access.ts';
import { cached, lifetimeMs, type Cached } from './cache.ts';
import { askApi } from './external.ts';
import { valuesOf } from './params.ts';
import { shape } from './result.ts';
import type { Computed } from './stored-results.ts';

export interface ProcessInput {
  asset: AssetLocator;
  parameters: Record<string, unknown>;
  maxCredits: number | null;
  /** Seconds; null for the asset's own lifetime, 0 for a new run in any case. */
  maxAge: number | null;
}

interface Failure {
  code: string;
  message: string;
  rule?: string | null;
  position?: number | null;
  retryAfterMs?: number | null;
}

/** Failures of an engine that say nothing of its inside. */
const SHOWN = new Set<string>([
  'QUERY_TIMEOUT',
  'ROWS_EXCEEDED',
  'RESULT_TOO_LARGE',
  'ENGINE_BUSY',
  'ENGINE_UNAVAILABLE',
]);

/** The SQL is the seller's business: others hear that it failed, not how. */
function failureOf(error: unknown, isOwn: boolean): Failure | null {
  if (error instanceof EngineError) {
    const { code, retryAfterMs } = error;
    if (isOwn || SHOWN.has(code))
      return { code, message: [error.message, error.hint].filter(Boolean).join(' '), retryAfterMs };
    return { code: error.code, message: "The seller's engine could not answer. Nothing was charged." };
  }
  if (error instanceof DomainError && error.code === 'SQL_REJECTED') {
    return {
      code: error.code,
      message: isOwn ? error.message : "The asset's SQL is not allowed. Nothing was charged.",
      rule: error.details.rule ?? null,
      position: isOwn ? (error.details.position ?? null) : null,
    };
  }
  if (error instanceof DomainError && error.code === 'VALIDATION')
    return {
      code: 'RESULT_INVALID',
      message: isOwn ? error.message : 'The result does not fit the type of this asset. Nothing was charged.',
    };
  if (error instanceof DomainError && error.code === 'CONNECTION_FAILED')
    return {
      code: error.code,
      message: isOwn ? error.message : 'The connection of this asset does not work. Nothing was charged.',
    };
  return null;
}

interface Bounds {
  onExcess?: 'truncate' | 'fail';
  /** The asset's connection, where the caller has opened it. */
  opened?: OpenConnection;
}

const missing = (): DomainError => new DomainError('CONNECTION_FAILED', 'This asset has no connection or no SQL yet.');

/** The connection of an asset, ready for a run. @throws DomainError CONNECTION_FAILED */
export async function openedFor(ctx: Context, asset: Asset): Promise<OpenConnection> {
  if (!asset.connectionId) throw missing();
  return openConnection(ctx, asset.connectionId, asset.companyId);
}

/**
 * Runs the asset's SQL on its connection with bound parameters, or asks the API that it leads to.
 * @throws DomainError SQL_REJECTED or CONNECTION_FAILED, VALIDATION for an API's answer; EngineError
 */
export async function compute(
  ctx: Context,
  asset: Asset,
  values: Record<string, ParameterValue>,
  { onExcess = 'fail', opened, ...own }: Partial<Limits> & Bounds = {},
): Promise<Computed> {
  const connection = opened ?? (await openedFor(ctx, asset));
  const { engine, target, timeoutMs } = connection;
  const { config } = ctx.app;
  const limits: Limits = { timeoutMs, maxRows: config.RUN_MAX_ROWS, maxBytes: config.RUN_MAX_BYTES, ...own };
  const computedAt = new Date();
  if (isApi(engine))
    return { result: await askApi(engine, target, asset, values, { limits, signal: ctx.signal }), computedAt };
  if (!asset.sqlLogic) throw missing();
  const rejection = await checkSql(asset.sqlLogic, engine.dialect);
  if (rejection)
    throw new DomainError('SQL_REJECTED', rejection.message, {
      details: { rule: rejection.rule, position: rejection.position },
    });
  const result = await collect(
    engine,
    target,
    bindParameters(asset.sqlLogic, engine.dialect, values),
    limits,
    { onExcess },
    ctx.signal,
  );
  return { result, computedAt };
}

async function valueBefore(ctx: Context, run: RunRow): Promise<string | null> {
  const [row] = await ctx.app.database.query<{ value: string | null }>(
    `select value from "Run" where "assetId" = $1 and id <> $2 and status = 'SUCCEEDED' and kind in ('PROCESS', 'REFRESH') and value is not null and parameters = $3::jsonb order by "startedAt" desc limit 1`,
    [run.assetId, run.id, JSON.stringify(run.parameters)],
  );
  return row?.value ?? null;
}

async function announce(ctx: Context, asset: Asset, run: RunRow): Promise<void> {
  if (run.value === null || run.cacheStatus === 'HIT') return;
  const before = await valueBefore(ctx, run);
  if (before === null || Number(before) === Number(run.value)) return;
  const changePercent =
    Number(before) === 0 ? 100 : Math.abs((Number(run.value) - Number(before)) / Number(before)) * 100;
  await events.emit(ctx, {
    kind: 'RESULT_CHANGED',
    assetId: asset.id,
    message: `${asset.name} went from ${before} to ${run.value}.`,
    details: { before, after: run.value },
    changePercent,
  });
}

/** Closes a run that did not come to a result and answers it; what is a bug of ours goes on as it is. */
export async function closeFailed(ctx: Context, run: RunRow, error: unknown, isOwn: boolean): Promise<RunWithOutcome> {
  if (error instanceof DomainError && error.code === 'CANCELLED') {
    await failRun(ctx, run, 'CANCELLED', 'CANCELLED', error.message);
    throw error;
  }
  const isCancelled = ctx.signal.aborted || (error instanceof EngineError && error.code === 'CANCELLED');
  if (isCancelled) {
    await failRun(ctx, run, 'CANCELLED', 'CANCELLED', 'The caller left before the result was there.');
    throw new DomainError('CANCELLED', 'The request was cancelled; nothing was charged.', { cause: error });
  }
  const failure = failureOf(error, isOwn);
  if (!failure) {
    await failRun(ctx, run, 'FAILED', 'INTERNAL', 'Something went wrong on our side.');
    throw error;
  }
  ctx.log.info({ err: error, runId: run.id, code: failure.code }, 'a run failed');
  const closed = await failRun(ctx, run, 'FAILED', failure.code, failure.message);
  const outcome: Outcome = {
    kind: 'RunFailure',
    code: failure.code,
    message: failure.message,
    rule: failure.rule ?? null,
    position: failure.position ?? null,
    retryAfterMs: failure.retryAfterMs ?? null,
  };
  return { ...closed, outcome };
}

/**
 * The result of an asset from the cache where it keeps its results and `maxAgeMs` allows it, else from its engine. What
 * does not fit the type of the asset is not kept.
 */
export async function resultOf(
  ctx: Context,
  asset: Asset,
  values: Record<string, ParameterValue>,
  maxAgeMs: number,
): Promise<Cached> {
  const { connectionId } = asset;
  if (!connectionId) return { computed: await compute(ctx, asset, values), isHit: false, key: '' };
  return cached(ctx, { ...asset, connectionId }, values, maxAgeMs, async (own, opened) => {
    const computed = await compute(own, asset, values, { opened });
    shape(asset, computed.result);
    return computed;
  });
}

/**
 * Processes an asset: reserves its credits, runs its SQL or takes the cached result, and settles; a failure costs
 * nothing. The run comes back with its outcome.
 * @throws DomainError for whatever refuses the run before it starts (see termsFor, startRun), CANCELLED
 */
export async function processAsset(ctx: Context, input: ProcessInput): Promise<RunWithOutcome> {
  const asset = await findRunnable(ctx, input.asset);
  const values = valuesOf(asset, input.parameters);
  const terms = await termsFor(ctx, asset, values, input.maxCredits);
  return runAsset(ctx, asset, terms, values, input.maxAge === null ? Number.POSITIVE_INFINITY : input.maxAge * 1000);
}

/** Runs an asset on terms that are agreed, with a result that is no older than `maxAgeMs`. @throws DomainError as startRun, CANCELLED */
export async function runAsset(
  ctx: Context,
  asset: Asset,
  terms: RunTerms,
  values: Record<string, ParameterValue>,
  maxAgeMs: number,
): Promise<RunWithOutcome> {
  // Read beside the start of the run, which ends as failed where something is wrong with it.
  const opening =
    asset.connectionId && !asset.cached ? openConnection(ctx, asset.connectionId, asset.companyId) : undefined;
  opening?.catch(() => undefined);
  const run = await startRun(ctx, terms);
  const isOwn = asset.companyId === viewerOf(ctx).companyId;
  let done: RunWithOutcome;
  try {
    const opened = await opening;
    done = await finish(ctx, asset, { run, terms, values, maxAgeMs, opened });
  } catch (error) {
    return closeFailed(ctx, run, error, isOwn);
  }
  // What was paid for is answered, whatever becomes of the news.
  await announce(ctx, asset, done).catch((error: unknown) =>
    ctx.log.error({ err: error, runId: run.id }, 'a changed result was not announced'),
  );
  return done;
}

interface Begun {
  run: RunRow;
  terms: RunTerms;
  values: Record<string, ParameterValue>;
  maxAgeMs: number;
  opened: OpenConnection | undefined;
}

async function finish(
  ctx: Context,
  asset: Asset,
  { run, terms, values, maxAgeMs, opened }: Begun,
): Promise<RunWithOutcome> {
  const { computed, isHit } = asset.cached
    ? await resultOf(ctx, asset, values, Math.min(lifetimeMs(asset), maxAgeMs))
    : { computed: await compute(ctx, asset, values, opened ? { opened } : {}), isHit: false };
  const outcome = shape(asset, computed.result);
  // Who left does not get the answer, so it is not charged.
  ctx.signal.throwIfAborted();
  const closed = await succeedRun(
    ctx,
    run,
    terms,
    {
      rowCount: computed.result.rowCount,
      isTruncated: computed.result.truncated,
      byteCount: computed.result.bytes,
      value: outcome.kind === 'CalculationResult' ? outcome.value : null,
      cacheStatus: isHit ? 'HIT' : asset.cached ? 'MISS' : 'BYPASS',
      computedAt: computed.computedAt,
      engineMs: isHit ? 0 : computed.result.timings.totalMs,
      tokens: isHit ? null : computed.result.tokens,
      jobId: computed.result.jobId,
      isCharged: true,
    },
    { answer: (run) => ({ run: { ...run, outcome } }) },
  );
  return { ...closed, outcome };
}
