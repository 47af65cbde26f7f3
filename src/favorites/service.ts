import { explainMissing, given } from '../changes.ts';
import type { Context } from '../context.ts';
import { notFound } from '../errors.ts';
import type { Favorite } from '../generated/prisma/client.ts';
import { personOf } from '../users/person.ts';
import { demandVisible } from './watchable.ts';

export interface FavoriteInput {
  assetId: string;
  notes: string | null;
  category: string | null;
  priority: number;
}

export interface FavoriteChanges {
  id: number;
  notes?: string | null | undefined;
  category?: string | null | undefined;
  priority?: number | undefined;
  expectedVersion?: number | undefined;
}

/**
 * Puts an asset among the caller's favorites; one that is there already stays as it is and is answered.
 * @throws DomainError FORBIDDEN for a key without a user, NOT_FOUND for an asset the caller does not see
 */
export async function addFavorite(ctx: Context, input: FavoriteInput): Promise<{ favorite: Favorite; isNew: boolean }> {
  const { companyId, userId } = personOf(ctx);
  await demandVisible(ctx, input.assetId);
  // The change of nothing makes the statement answer the row that is in the way; xmax is 0 in a new one.
  const [row] = await ctx.query<Favorite & { isNew: boolean }>(
    `insert into "Favorite" as f ("companyId", "userId", "assetId", notes, category, priority, "createdAt", "updatedAt")
     values ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6::int, $7::timestamptz, $7::timestamptz)
     on conflict ("userId", "assetId") do update set "userId" = f."userId" returning f.*, (f.xmax = 0) as "isNew"`,
    [companyId, userId, input.assetId, input.notes, input.category, input.priority, ctx.now],
  );
  const { isNew, ...favorite } = row as Favorite & { isNew: boolean };
  ctx.cache.clear();
  return { favorite, isNew };
}

/** Changes one of the caller's favorites. @throws DomainError FORBIDDEN, NOT_FOUND, VERSION_CONFLICT */
export async function updateFavorite(ctx: Context, input: FavoriteChanges): Promise<Favorite> {
  const { companyId, userId } = personOf(ctx);
  const { id, expectedVersion, ...fields } = input;
  const { count } = await ctx.db.favorite.updateMany({
    where: { id, companyId, userId, ...(expectedVersion ? { version: expectedVersion } : {}) },
    data: { ...given(fields), version: { increment: 1 }, updatedAt: ctx.now },
  });
  if (count === 0) await explainOwn(ctx, id);
  ctx.cache.clear();
  return ctx.db.favorite.findUniqueOrThrow({ where: { id } });
}

/** Another user's favorite reads as missing, whatever its version. */
async function explainOwn(ctx: Context, id: number): Promise<never> {
  const { companyId, userId } = personOf(ctx);
  if ((await ctx.db.favorite.count({ where: { id, companyId, userId } })) === 0)
    throw notFound('favorite', ['input', 'id']);
  return explainMissing(ctx, 'Favorite', 'favorite', { id, companyId });
}

/** Takes an asset from the caller's favorites for good. @throws DomainError FORBIDDEN, NOT_FOUND */
export async function removeFavorite(ctx: Context, id: number): Promise<void> {
  const { companyId, userId } = personOf(ctx);
  const { count } = await ctx.db.favorite.deleteMany({ where: { id, companyId, userId } });
  if (count === 0) throw notFound('favorite', ['input', 'id']);
  ctx.cache.clear();
}
