import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import { events } from '../events.ts';

export const decisions = ['APPROVED', 'REJECTED', 'NEEDS_REVISION'] as const;
export type Decision = (typeof decisions)[number];

export interface ReviewInput {
  id: string;
  status: Decision;
  note: string | null;
}

/** What a review changed, and nothing else of the product. */
export interface Review {
  model: 'Asset' | 'Endpoint';
  productId: string;
  status: Decision;
  reviewedAt: Date;
  note: string | null;
  /** Whether it was on the marketplace and is not any more. */
  isDelisted: boolean;
}

// What must not be listed leaves the marketplace with the same statement, so that nobody buys in between.
const sqlOf = (model: 'Asset' | 'Endpoint', guard: string): string =>
  `update "${model}" t set "approvalStatus" = $2::text::"ApprovalStatus", "sellInMarketplace" = t."sellInMarketplace" and $2::text = 'APPROVED',
     "approvedByUserId" = case when $2::text = 'APPROVED' then $3::uuid end, "approvedAt" = case when $2::text = 'APPROVED' then $4::timestamptz end,
     "reviewNote" = $5::text, "reviewedAt" = $4::timestamptz, version = t.version + 1, "updatedAt" = $4::timestamptz
   from (select id, "sellInMarketplace" as listed from "${model}" where id = $1::uuid for update) before
   where t.id = before.id and t.active${guard} returning t.name, before.listed and not t."sellInMarketplace" as "isDelisted"`;

const ASSET_SQL = sqlOf('Asset', ` and t.source = 'AUTOMATIC'`);
const ENDPOINT_SQL = sqlOf('Endpoint', '');

async function decide(
  ctx: Context,
  model: 'Asset' | 'Endpoint',
  { id, status, note }: ReviewInput,
): Promise<(Review & { name: string }) | null> {
  const { userId, apiKeyId } = viewerOf(ctx);
  const [row] = await ctx.query<{ name: string; isDelisted: boolean }>(model === 'Asset' ? ASSET_SQL : ENDPOINT_SQL, [
    id,
    status,
    userId,
    ctx.now,
    note,
  ]);
  if (!row) return null;
  ctx.cache.clear();
  ctx.log.info({ operator: userId, apiKeyId, model, productId: id, status, note }, 'an operator reviewed a product');
  return { model, productId: id, status, reviewedAt: ctx.now, note, ...row };
}

/**
 * Decides on an asset that a machine proposed. Any other decision than APPROVED takes it off the marketplace.
 * @throws DomainError NOT_FOUND, or CONFLICT for an asset made by hand, which needs no approval
 */
export async function reviewAsset(ctx: Context, input: ReviewInput): Promise<Review> {
  const review = await decide(ctx, 'Asset', input);
  if (!review) {
    if ((await ctx.db.asset.count({ where: { id: input.id, active: true } })) === 0)
      throw notFound('asset', ['input', 'id']);
    throw new DomainError('CONFLICT', 'This asset was made by hand, so it needs no approval.', {
      path: ['input', 'id'],
    });
  }
  if (review.isDelisted)
    await events.emit(ctx, {
      kind: 'ASSET_UPDATED',
      assetId: review.productId,
      message: `${review.name} was taken off the marketplace.`,
      details: { isListed: false },
    });
  return review;
}

/**
 * Decides on an endpoint. Any other decision than APPROVED takes it off the marketplace and keeps it off.
 * @throws DomainError NOT_FOUND
 */
export async function reviewEndpoint(ctx: Context, input: ReviewInput): Promise<Review> {
  const review = await decide(ctx, 'Endpoint', input);
  if (!review) throw notFound('endpoint', ['input', 'id']);
  return review;
}
