import type { Context } from '../context.ts';
import { COUNT_LIMIT } from '../lists/connection-type.ts';
import { whereSql, type Filter, type Where } from '../lists/filters.ts';
import { checkSearch, fullText } from '../lists/lists.ts';
import { LISTED } from './listed.ts';

/** How many listed products share a value; `id` names the industry or use case, where it is one. */
export interface Facet {
  kind: 'USE_CASE' | 'INDUSTRY' | 'ASSET_TYPE' | 'TAG';
  value: string;
  id: number | null;
  count: number;
}

/** The most frequent values of a kind. */
export const FACET_SIZE = 20;
/** Of more products than this the most popular are counted. */
export const MOST_COUNTED = COUNT_LIMIT - 1;

/**
 * Counts of the listed products that a search and a filter of their list find, by use case, industry, type and tag,
 * the most frequent first.
 * @throws DomainError BAD_FILTER for a search that is too long, and for what is wrong with the filter.
 */
export async function facetsOf(
  ctx: Context,
  model: 'Asset' | 'Endpoint',
  filters: Record<string, Filter>,
  { search, where }: { search?: string | null; where?: Where | null },
): Promise<Facet[]> {
  checkSearch(search);
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const conditions = [LISTED, ...(search ? [fullText(bind(search))] : []), whereSql(where, filters, bind)];
  const type =
    model === 'Asset' ? `union all select 'ASSET_TYPE', type, null, count(*)::int from found group by type` : '';
  return ctx.query<Facet>(
    `with found as (
       select t."useCaseId", t."industryId", t.tags${model === 'Asset' ? ', t."assetType"::text as type' : ''}
       from "${model}" t where ${conditions.join(' and ')} order by t.popularity desc, t.id desc limit ${MOST_COUNTED}
     ), counted as (
       select 'USE_CASE' as kind, u.name as value, u.id, f.count from
         (select "useCaseId", count(*)::int from found group by 1) f join "AssetUseCase" u on u.id = f."useCaseId"
       union all select 'INDUSTRY', i."shortName", i.id, f.count from
         (select "industryId", count(*)::int from found group by 1) f join "Industry" i on i.id = f."industryId"
       union all select 'TAG', tag, null, count(*)::int from found cross join unnest(tags) tag group by tag
       ${type})
     select kind, value, id, count from (select *, row_number() over (partition by kind order by count desc, value) as place from counted) r where place <= ${FACET_SIZE} order by kind, place`,
    values,
  );
}
