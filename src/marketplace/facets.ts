import type { Context } from '../context.ts';
import { checkSearch } from '../lists/lists.ts';
import { LISTED } from './listed.ts';

/** How many listed assets share a value; `id` names the industry or use case, where it is one. */
export interface Facet {
  kind: 'USE_CASE' | 'INDUSTRY' | 'ASSET_TYPE' | 'TAG';
  value: string;
  id: number | null;
  count: number;
}

/** The most frequent values of a kind. */
export const FACET_SIZE = 20;

const FOUND = (condition: string): string =>
  `select t.id, t."useCaseId", t."industryId", t."assetType"::text as type, t.tags from "Asset" t where ${LISTED} and ${condition}`;

/**
 * Counts of the listed assets that a search finds, by use case, industry, type and tag, the most frequent first.
 * @throws DomainError BAD_FILTER for a search that is too long.
 */
export async function assetFacets(ctx: Context, search: string | null): Promise<Facet[]> {
  checkSearch(search);
  const condition = search ? `t.search @@ websearch_to_tsquery('english', $1)` : '$1::text is null';
  return ctx.query<Facet>(
    `with found as (${FOUND(condition)}), counted as (
       select 'USE_CASE' as kind, u.name as value, u.id, count(*)::int as count from found f join "AssetUseCase" u on u.id = f."useCaseId" group by u.id
       union all select 'INDUSTRY', i."shortName", i.id, count(*)::int from found f join "Industry" i on i.id = f."industryId" group by i.id
       union all select 'ASSET_TYPE', f.type, null, count(*)::int from found f group by f.type
       union all select 'TAG', tag, null, count(*)::int from found f cross join unnest(f.tags) tag group by tag)
     select kind, value, id, count from (select *, row_number() over (partition by kind order by count desc, value) as place from counted) r where place <= ${FACET_SIZE} order by kind, place`,
    [search],
  );
}
