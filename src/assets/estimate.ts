import { openConnection } from '../connections/open.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { EngineError, type Estimate, type ParameterValue } from '../warehouse/engine.ts';
import { NO_ESTIMATE } from '../warehouse/estimate.ts';
import { bindParameters } from '../warehouse/params.ts';
import { checkSql } from '../warehouse/sql-guard.ts';
import { findRunnable, termsFor } from './access.ts';
import { isKept } from './cache.ts';
import { resolveParameters, type Parameter } from './params.ts';

/** What a run would cost, and what its engine expects of it. */
export interface AssetEstimate {
  credits: number;
  balance: number;
  isCached: boolean;
  /** Null where the engine does not say; `note` says why. */
  engine: Estimate | null;
  note: string | null;
}

const TIMEOUT_MS = 10_000;

type Expected = Pick<AssetEstimate, 'isCached' | 'engine' | 'note'>;

/** A failure to estimate is a note: what a run costs is known without it. */
function noteOf(error: unknown, isOwn: boolean): string {
  const isEngine = error instanceof EngineError && error.code !== 'CANCELLED';
  if (!isEngine && !(error instanceof DomainError && error.code === 'CONNECTION_FAILED')) throw error;
  return isOwn ? error.message : 'Its engine cannot estimate it now.';
}

async function expected(ctx: Context, asset: Asset, values: Record<string, ParameterValue>): Promise<Expected> {
  const isOwn = asset.companyId === viewerOf(ctx).companyId;
  let isCached = false;
  const unknown = (note: string): Expected => ({ isCached, engine: null, note });
  if (!asset.connectionId) return unknown('The asset has no connection yet.');
  try {
    const opened = await openConnection(ctx, asset.connectionId, asset.companyId);
    const { engine, target } = opened;
    isCached = asset.cached && (await isKept(ctx, asset, opened, values));
    const silent = unknown(isOwn ? engine.noEstimate : 'Its engine gives no estimate.');
    if (!engine.estimate || !(isOwn || engine.estimatesForBuyers)) return silent;
    if (!asset.sqlLogic) return unknown('The asset has no SQL yet.');
    const rejection = await checkSql(asset.sqlLogic, engine.dialect);
    if (rejection) return unknown(isOwn ? rejection.message : "The asset's SQL is not allowed.");
    const statement = bindParameters(asset.sqlLogic, engine.dialect, values);
    const estimate = await engine.estimate(target, statement, TIMEOUT_MS, ctx.signal);
    // How the seller's database is built, and what it costs there, is the seller's business.
    const shown = isOwn ? estimate : { ...NO_ESTIMATE, rows: estimate.rows };
    return Object.values(shown).some((one) => one !== null) ? { isCached, engine: shown, note: null } : silent;
  } catch (error) {
    return unknown(noteOf(error, isOwn));
  }
}

/**
 * What a run of an asset would cost now, without one: nothing is charged, stored or counted.
 * @throws DomainError as a run would before it starts, their paths those of the query's arguments; CANCELLED
 */
export async function estimateAsset(
  ctx: Context,
  asked: { assetId: string; parameters: Record<string, unknown> },
): Promise<AssetEstimate> {
  const { companyId } = viewerOf(ctx);
  try {
    const asset = await findRunnable(ctx, { id: asked.assetId });
    const declared = asset.parameters as unknown as Parameter[];
    const values = resolveParameters(asset.allowParams ? declared : [], asked.parameters);
    for (const { name, defaultValue } of asset.allowParams ? [] : declared) values[name] = defaultValue;
    const { price } = await termsFor(ctx, asset, values, null);
    const { creditsBalance: balance } = await ctx.db.company.findUniqueOrThrow({
      where: { id: companyId },
      select: { creditsBalance: true },
    });
    return { credits: price?.credits ?? 0, balance, ...(await expected(ctx, asset, values)) };
  } catch (error) {
    if (ctx.signal.aborted) throw new DomainError('CANCELLED', 'The request was cancelled.', { cause: error });
    if (!(error instanceof DomainError) || error.argumentPath?.[0] !== 'input') throw error;
    const { code, message, argumentPath, details } = error;
    throw new DomainError(code, message, { path: argumentPath.slice(1), details, cause: error.cause });
  }
}
