import { RUNNABLE } from '../assets/access.ts';
import { viewerOf, type Context } from '../context.ts';
import { notFound } from '../errors.ts';
import type { Asset, User } from '../generated/prisma/client.ts';
import { typeNamed } from '../graph/builder.ts';
import { toGlobalId } from '../ids.ts';
import { load } from '../lists/loader.ts';
import { EVERYBODY, OWN, OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';

const visible = rowBy<Asset>('Asset', { where: RUNNABLE, isFull: false });
const own = rowBy<Asset>('Asset', { where: OWN });
const any = rowBy<Asset>('Asset', { where: EVERYBODY, isFull: false });
const anyUser = rowBy<User>('User', { where: OWN_ANY });

/** An asset that the caller sees: their company's, listed, or shared with it. @throws DomainError NOT_FOUND on `assetId` */
export async function demandVisible(ctx: Context, assetId: string): Promise<Asset> {
  const asset = await load(ctx, visible, { company: viewerOf(ctx).companyId, id: assetId });
  if (!asset) throw notFound('asset', ['input', 'assetId']);
  return asset;
}

/** What a favorite and an alert tell of their asset, and of whose they are. Of another company's asset that is its name. */
export const watching = {
  assetId: {
    description: 'The id of the asset; for the marketplace and assetProcess too.',
    resolve: (row: { assetId: string }) => toGlobalId('Asset', row.assetId),
  },
  assetName: {
    description: 'What the asset is called.',
    resolve: async (row: { assetId: string }, _: object, ctx: Context) =>
      (await load(ctx, any, { company: null, id: row.assetId }))?.name ?? '',
  },
  asset: {
    type: typeNamed('Asset'),
    nullable: true,
    description: "The asset; null for another company's, which the marketplace shows.",
    ...refersTo(own, 'assetId'),
  },
  user: { type: typeNamed('User'), nullable: true, description: 'Whose it is.', ...refersTo(anyUser, 'userId') },
} as const;
