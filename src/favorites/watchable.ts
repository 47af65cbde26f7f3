import { RUNNABLE } from '../assets/access.ts';
import { viewerOf, type Context } from '../context.ts';
import { notFound } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { load } from '../lists/loader.ts';
import { EVERYBODY, OWN, rowBy } from '../lists/rows.ts';

const visible = rowBy<Asset>('Asset', { where: RUNNABLE, isFull: false });
const own = rowBy<Asset>('Asset', { where: OWN });
const any = rowBy<Asset>('Asset', { where: EVERYBODY, isFull: false });

/** An asset that the caller sees: their company's, listed, or shared with it. @throws DomainError NOT_FOUND on `assetId` */
export async function demandVisible(ctx: Context, assetId: string): Promise<Asset> {
  const asset = await load(ctx, visible, { company: viewerOf(ctx).companyId, id: assetId });
  if (!asset) throw notFound('asset', ['input', 'assetId']);
  return asset;
}

/** An asset where it belongs to that company; null for another's. */
export function ownAsset(ctx: Context, row: { companyId: string; assetId: string }): Promise<Asset | null> {
  return load(ctx, own, { company: row.companyId, id: row.assetId });
}

/** The name of an asset that somebody once saw: no more than that of it. */
export async function assetName(ctx: Context, assetId: string): Promise<string> {
  return (await load(ctx, any, { company: null, id: assetId }))?.name ?? '';
}
