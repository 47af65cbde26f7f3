import { viewerOf, type Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import type { Outcome, RunWithOutcome } from '../usage/outcome.ts';
import { startRun, succeedRun, type RunTerms } from '../usage/runs.ts';
import { EngineError, isApi, type ParameterValue } from '../warehouse/engine.ts';
import type { QueryResult } from '../warehouse/query.ts';
import { isSampled, NO_RESULT } from '../warehouse/sample.ts';
import { demandOwnAsset } from './access.ts';
import { resolveParameters, type Parameter } from './params.ts';
import { closeFailed, compute, openedFor } from './process.ts';
import { shape } from './result.ts';

const LIMITS = { timeoutMs: 10_000, maxRows: 1000, onExcess: 'truncate' as const };
const SAMPLE = { percent: 10, minRows: 10_000 };
const SLOW_MS = 2000;

interface Tested {
  result: QueryResult;
  computedAt: Date;
  outcome: Exclude<Outcome, { kind: 'RunFailure' }>;
}

/** A failure that all rows might not lead to: of the engine, or of a result that does not fit the asset's type. */
function maySampleCause(error: unknown): boolean {
  if (error instanceof EngineError) return error.code === 'ENGINE_FAILED';
  return error instanceof DomainError && error.code === 'VALIDATION';
}

/**
 * Runs the statement on a sample where its engine takes one. What comes to no result on it, such as the search for one
 * row, is run on all rows, if there is half of the time left.
 */
async function tested(ctx: Context, asset: Asset, values: Record<string, ParameterValue>): Promise<Tested> {
  const opened = await openedFor(ctx, asset);
  const start = performance.now();
  const attempt = async (limits: Partial<typeof LIMITS> & { sample?: typeof SAMPLE }): Promise<Tested> => {
    const computed = await compute(ctx, asset, values, { ...LIMITS, ...limits, opened });
    return { ...computed, outcome: shape(asset, computed.result) };
  };
  if (isApi(opened.engine)) return attempt({});
  const isLate = (): boolean => performance.now() - start > LIMITS.timeoutMs / 2;
  try {
    const first = await attempt({ sample: SAMPLE });
    if (!isSampled(first.result.sampling) || first.result.rowCount > 0 || isLate()) return first;
  } catch (error) {
    if (!opened.engine.can.sample || !maySampleCause(error) || isLate()) throw error;
  }
  const timeoutMs = Math.ceil(LIMITS.timeoutMs - (performance.now() - start));
  const { result, ...whole } = await attempt({ timeoutMs });
  return { ...whole, result: { ...result, sampling: { whole: NO_RESULT } } };
}

/** What the owner may want to know of a test that went well, the most important first. */
function warningsOf({ rowCount, truncated, timings, sampling }: QueryResult, maxRows: number): string[] {
  return [
    ...(isSampled(sampling)
      ? [
          `The values are of a sample: about ${sampling.fraction * 100} % of the rows of ${sampling.table} were read. A run reads all of them, and takes longer.`,
        ]
      : []),
    ...(rowCount === 0 ? ['The result has no rows.'] : []),
    ...(truncated ? [`The result has more than ${LIMITS.maxRows} rows; a run gives at most ${maxRows}.`] : []),
    ...(timings.totalMs > SLOW_MS
      ? [`It took ${Math.round(timings.totalMs)} ms: buyers like answers within ${SLOW_MS} ms.`]
      : []),
    ...(sampling && 'whole' in sampling ? [`All rows were read: ${sampling.whole}.`] : []),
  ];
}

/**
 * Runs an own asset for free, at most 1,000 rows and 10 seconds, on a tenth of its largest table where the engine puts
 * a sample in front of it, and remembers when it went well. The statement stays as it is.
 * @throws DomainError NOT_FOUND, VALIDATION
 */
export async function testAsset(
  ctx: Context,
  id: string,
  parameters: Record<string, unknown>,
): Promise<RunWithOutcome> {
  const { companyId } = viewerOf(ctx);
  const asset = await demandOwnAsset(ctx, id);
  const values = resolveParameters(asset.parameters as unknown as Parameter[], parameters);
  const terms: RunTerms = {
    kind: 'TEST',
    sellerCompanyId: companyId,
    product: { assetId: id },
    parameters: values,
    price: null,
  };
  const run = await startRun(ctx, terms);
  try {
    const { result, outcome, computedAt } = await tested(ctx, asset, values);
    const { sampling } = result;
    const closed = await succeedRun(ctx, run, terms, {
      rowCount: result.rowCount,
      isTruncated: result.truncated,
      byteCount: result.bytes,
      value: outcome.kind === 'CalculationResult' ? outcome.value : null,
      cacheStatus: 'BYPASS',
      computedAt,
      engineMs: result.timings.totalMs,
      tokens: result.tokens,
      jobId: result.jobId,
      sample: isSampled(sampling) ? sampling : null,
      isCharged: false,
    });
    // The definition that was tested, not one that came meanwhile.
    await ctx.db.asset.updateMany({
      where: { id, companyId, version: asset.version },
      data: { lastTestOkAt: ctx.now },
    });
    return { ...closed, outcome, warnings: warningsOf(result, ctx.app.config.RUN_MAX_ROWS) };
  } catch (error) {
    return closeFailed(ctx, run, error, true);
  }
}
