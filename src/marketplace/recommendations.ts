import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { columnsOf } from '../lists/selection.ts';
import { LISTED } from './listed.ts';

export interface Recommended {
  asset: Asset;
  score: number;
  reasons: string[];
}

const MAX = 50;

/**
 * Listed assets that resemble one: same use case 4, same industry 3, shared tags 1 each up to 3, same seller 1; ties go
 * to the more popular. Only candidates that share something are looked at.
 * @throws DomainError PAGE_SIZE for more than 50
 */
export async function recommendations(
  ctx: Context,
  asset: Asset,
  first: number,
  minScore: number,
): Promise<Recommended[]> {
  if (first < 0 || first > MAX)
    throw new DomainError('PAGE_SIZE', `At most ${MAX} recommendations.`, { path: ['first'] });
  const rows = await ctx.query<
    Asset & { score: number; uses: number; industries: number; shared: number; sellers: number }
  >(
    `select s.uses + s.industries + s.shared + s.sellers as score, s.*, ${columnsOf('Asset', true)} from "Asset" t cross join lateral (select
       (case when t."useCaseId" = $2::int then 4 else 0 end) as uses, (case when t."industryId" = $3::int then 3 else 0 end) as industries,
       least(3, cardinality(array(select unnest(t.tags) intersect select unnest($4::text[])))) as shared, (case when t."companyId" = $5::uuid then 1 else 0 end) as sellers) s
     where ${LISTED} and t.id <> $1::uuid and (t."useCaseId" = $2::int or t."industryId" = $3::int or t.tags && $4::text[] or t."companyId" = $5::uuid)
       and s.uses + s.industries + s.shared + s.sellers >= $6::int
     order by score desc, t.popularity desc, t.id limit $7::int`,
    [asset.id, asset.useCaseId, asset.industryId, asset.tags, asset.companyId, Math.max(minScore, 1), first],
  );
  return rows.map(({ score, uses, industries, shared, sellers, ...row }) => ({
    asset: row as unknown as Asset,
    score,
    reasons: [
      ...(uses ? ['same use case'] : []),
      ...(industries ? ['same industry'] : []),
      ...(shared ? [`${shared} shared tag${shared === 1 ? '' : 's'}`] : []),
      ...(sellers ? ['same seller'] : []),
    ],
  }));
}
