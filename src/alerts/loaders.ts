import { viewerOf, type Context } from '../context.ts';
import type { Alert } from '../generated/prisma/client.ts';
import { load, manyByPosition, type Loader } from '../lists/loader.ts';
import { OWN_ANY, rowBy } from '../lists/rows.ts';
import { mayOversee } from '../users/person.ts';

interface Key {
  company: string;
  userId: string;
  assetId: string;
}

const mine: Loader<Key, Alert[]> = {
  name: 'alerts by user and asset',
  keyOf: (key) => `${key.company} ${key.userId} ${key.assetId}`,
  batch: async (query, keys) =>
    manyByPosition(
      keys,
      await query<Alert & { n: number }>(
        `select k.n, t.* from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as k(company, "user", asset, n)
           join "Alert" t on t."userId" = k."user" and t."assetId" = k.asset and t."companyId" = k.company order by k.n, t.kind`,
        [keys.map((key) => key.company), keys.map((key) => key.userId), keys.map((key) => key.assetId)],
      ),
    ),
};

/** The alerts of a user on an asset: at most one a kind, in the order of the kinds. */
export function alertsOf(ctx: Context, key: Key): Promise<Alert[]> {
  return load(ctx, mine, key);
}

const alertById = rowBy<Alert>('Alert', { type: 'int', where: OWN_ANY });

/** An alert that the caller may see: their own, or any of the company for administrators. */
export async function visibleAlert(ctx: Context, id: number): Promise<Alert | null> {
  const viewer = viewerOf(ctx);
  const row = await load(ctx, alertById, { company: viewer.companyId, id });
  return row && (row.userId === viewer.userId || mayOversee(viewer)) ? row : null;
}
