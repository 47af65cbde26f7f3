import { findRunnable, termsFor } from '../assets/access.ts';
import { valuesOf } from '../assets/params.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { activePriceOf, priceNow } from '../prices/loaders.ts';
import type { Outcome } from '../usage/outcome.ts';
import { chartAddress, expiryOf, MAX_SIDE, MIN_SIDE, type ChartAddress } from './address.ts';
import type { Size } from './frame.ts';
import type { Picture, PictureFormat } from './render.ts';
import { inTurn, renderPicture } from './turns.ts';

/** What is asked of a picture; null for the usual. */
export interface PictureInput {
  format?: PictureFormat | null;
  width?: number | null;
  height?: number | null;
}

const USUAL = { width: 800, height: 500 };

function sizeOf(input: PictureInput): Size {
  const size = { width: input.width ?? USUAL.width, height: input.height ?? USUAL.height };
  for (const [name, side] of Object.entries(size))
    if (side < MIN_SIDE || side > MAX_SIDE)
      throw new DomainError('VALIDATION', `${name} takes ${MIN_SIDE} to ${MAX_SIDE}.`, { path: [name] });
  return size;
}

/**
 * The chart of an outcome as a picture; null where it is no chart.
 * @throws DomainError VALIDATION for a side that is too short or too long.
 */
export async function pictureOf(outcome: Outcome | null, input: PictureInput): Promise<Picture | null> {
  const size = sizeOf(input);
  if (outcome?.kind !== 'VisualizationResult') return null;
  return inTurn(() => renderPicture(outcome.figure, size, input.format ?? 'SVG'));
}

/** Whether the caller's company may see what an asset gives without paying: its own, and what is free for it. */
export async function isFreeFor(ctx: Context, asset: Asset): Promise<boolean> {
  if (asset.companyId === viewerOf(ctx).companyId) return true;
  // A seller's limit counts runs, and pictures are none.
  if (asset.rateLimitNumber) return false;
  const price = await activePriceOf(ctx, 'asset', asset.id);
  if (!price || (await priceNow(ctx, price)).credits > 0) return false;
  try {
    await termsFor(ctx, asset, {}, 0);
    return true;
  } catch (error) {
    if (error instanceof DomainError) return false;
    throw error;
  }
}

/**
 * What is asked of a picture with all that goes without saying.
 * @throws DomainError VALIDATION for a wrong size, or parameters that are no object.
 */
export function wantedOf(
  input: PictureInput & { parameters?: unknown },
): Pick<ChartAddress, 'format' | 'width' | 'height' | 'parameters'> {
  const size = sizeOf(input);
  const parameters = input.parameters ?? {};
  if (typeof parameters !== 'object' || Array.isArray(parameters))
    throw new DomainError('VALIDATION', 'parameters takes an object of names and values.', { path: ['parameters'] });
  return { ...size, format: input.format ?? 'SVG', parameters: parameters as Record<string, unknown> };
}

/**
 * The signed address of an asset's chart; null where it is no chart, or one that the caller would have to buy.
 * @throws DomainError VALIDATION for a wrong size or parameters.
 */
export async function chartUrl(
  ctx: Context,
  row: Pick<Asset, 'id' | 'assetType'>,
  input: PictureInput & { parameters?: unknown },
): Promise<string | null> {
  const wanted = wantedOf(input);
  if (row.assetType !== 'VISUALIZATION' || !ctx.viewer?.permissions.has('products:run')) return null;
  const asset = await findRunnable(ctx, { id: row.id });
  if (!(await isFreeFor(ctx, asset))) return null;
  valuesOf(asset, wanted.parameters, ['parameters']);
  return chartAddress(ctx.app, {
    ...wanted,
    assetId: asset.id,
    companyId: ctx.viewer.companyId,
    expiresAt: expiryOf(ctx.now),
  });
}
