import { viewerOf, type Context } from '../context.ts';
import { notFound } from '../errors.ts';
import type { RunWithOutcome } from '../usage/outcome.ts';
import { startRun, succeedRun, type RunTerms } from '../usage/runs.ts';
import { resolveParameters, type Parameter } from './params.ts';
import { closeFailed, compute } from './process.ts';
import { shape } from './result.ts';

const LIMITS = { timeoutMs: 10_000, maxRows: 1000, onExcess: 'truncate' as const };
const SLOW_MS = 2000;

/**
 * Runs an own asset for free, at most 1,000 rows and 10 seconds, and remembers when it went well. A calculation needs
 * all its rows to be right, so rows are capped rather than sampled.
 * @throws DomainError NOT_FOUND, VALIDATION
 */
export async function testAsset(
  ctx: Context,
  id: string,
  parameters: Record<string, unknown>,
): Promise<RunWithOutcome> {
  const { companyId } = viewerOf(ctx);
  const asset = await ctx.db.asset.findFirst({ where: { id, companyId, active: true } });
  if (!asset) throw notFound('asset', ['input', 'id']);
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
    const { result, computedAt } = await compute(ctx, asset, values, LIMITS);
    const outcome = shape(asset, result);
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
      isCharged: false,
    });
    // The definition that was tested, not one that came meanwhile.
    await ctx.db.asset.updateMany({
      where: { id, companyId, version: asset.version },
      data: { lastTestOkAt: ctx.now },
    });
    const warnings = [
      ...(result.rowCount === 0 ? ['The result has no rows.'] : []),
      ...(result.truncated
        ? [`The result has more than ${LIMITS.maxRows} rows; a run gives at most ${ctx.app.config.RUN_MAX_ROWS}.`]
        : []),
      ...(result.timings.totalMs > SLOW_MS
        ? [`It took ${Math.round(result.timings.totalMs)} ms: buyers like answers within ${SLOW_MS} ms.`]
        : []),
    ];
    return { ...closed, outcome, warnings };
  } catch (error) {
    return closeFailed(ctx, run, error, true);
  }
}
