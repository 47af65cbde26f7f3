import type { Context } from '../context.ts';
import type { Favorite } from '../generated/prisma/client.ts';
import { load, oneByPosition, type Loader } from '../lists/loader.ts';

const counts: Loader<string, { value: number }> = {
  name: 'favorites by asset',
  keyOf: (id) => id,
  batch: async (query, ids) =>
    oneByPosition(
      ids,
      await query<{ n: number; value: number }>(
        `select k.n, c.value from unnest($1::uuid[]) with ordinality as k(id, n)
           cross join lateral (select count(*)::int as value from "Favorite" t where t."assetId" = k.id) c`,
        [ids],
      ),
    ) as { value: number }[],
};

/** How many people, of all companies, have an asset among their favorites. */
export async function favoritesCountOf(ctx: Context, assetId: string): Promise<number> {
  return (await load(ctx, counts, assetId)).value;
}

interface Mine {
  company: string;
  userId: string;
  assetId: string;
}

const mine: Loader<Mine, Favorite | null> = {
  name: 'favorite by user and asset',
  keyOf: (key) => `${key.company} ${key.userId} ${key.assetId}`,
  batch: async (query, keys) =>
    oneByPosition(
      keys,
      await query<Favorite & { n: number }>(
        `select k.n, t.* from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as k(company, "user", asset, n)
           join "Favorite" t on t."userId" = k."user" and t."assetId" = k.asset and t."companyId" = k.company`,
        [keys.map((key) => key.company), keys.map((key) => key.userId), keys.map((key) => key.assetId)],
      ),
    ),
};

/** The favorite of a user on an asset; null where it is none. */
export function favoriteOf(ctx: Context, key: Mine): Promise<Favorite | null> {
  return load(ctx, mine, key);
}
