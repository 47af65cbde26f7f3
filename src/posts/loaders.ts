import type { Context } from '../context.ts';
import { load, oneByPosition, type Loader } from '../lists/loader.ts';

/** The articles of a company in numbers. */
export interface PostSummary {
  totalCount: number;
  publishedCount: number;
  viewCount: number;
  totalCredits: number;
  lastPublishedAt: Date | null;
  categories: { category: string | null; count: number }[];
}

const SQL = `select k.n, s.*, c.categories from unnest($1::uuid[]) with ordinality as k(company, n)
  cross join lateral (
    select count(*)::int as "totalCount", (count(*) filter (where t."isPublished"))::int as "publishedCount", least(coalesce(sum(t."viewCount"), 0), 2147483647)::int as "viewCount",
      least(coalesce(sum(t."dataCostCredits" + t."serviceCostCredits"), 0), 2147483647)::int as "totalCredits", max(t."publishedAt") as "lastPublishedAt"
    from "Post" t where t."companyId" = k.company and t.active
  ) s
  cross join lateral (
    select coalesce(json_agg(json_build_object('category', g.category, 'count', g.count) order by g.count desc, g.category), '[]') as categories from (
      select t.category, count(*)::int as count from "Post" t where t."companyId" = k.company and t.active group by t.category order by 2 desc, 1 limit 50
    ) g
  ) c`;

const summaries: Loader<string, PostSummary> = {
  name: 'post summary by company',
  keyOf: (companyId) => companyId,
  batch: async (query, ids) =>
    oneByPosition(ids, await query<PostSummary & { n: number }>(SQL, [ids])) as PostSummary[],
};

/** The articles of a company in numbers; of its categories the 50 with the most. */
export function postSummaryOf(ctx: Context, companyId: string): Promise<PostSummary> {
  return load(ctx, summaries, companyId);
}
