import type { Sort } from '../lists.ts';

/** What the marketplace shows: listed, not deleted, of a seller who accepted the EULA. */
export const LISTED = `t."sellInMarketplace" and t.active and exists (select from "Company" s where s.id = t."companyId" and s."acceptedEula")`;

const runsSince = (days: number, until = 0): string =>
  `coalesce((select sum(u.successes) from "UsageRollup" u where u."productId" = t.id and u.hour > now() - interval '${days} days'${until ? ` and u.hour <= now() - interval '${until} days'` : ''}), 0)`;

/** Runs of the last 7 days over those of the 7 before, for products with at least 5 runs; 0 for the others. */
const trend = `(case when ${runsSince(7)} >= 5 then ${runsSince(7)}::float8 / greatest(${runsSince(14, 7)}, 1) else 0 end)`;

/** The sorts of the marketplace's lists. */
export function listingSorts(price: string): Record<string, Sort> {
  return {
    RELEVANCE: {
      sql: (search) => (search ? `ts_rank(t.search, websearch_to_tsquery('english', ${search}))::float8` : '0::float8'),
      type: 'float8',
      description: 'By how well the search fits.',
    },
    POPULAR: { sql: `${runsSince(30)}::bigint`, type: 'bigint', description: 'By successful runs in 30 days.' },
    TRENDING: {
      sql: trend,
      type: 'float8',
      description: 'By runs of 7 days over the 7 before, of products with at least 5 runs.',
    },
    RECENT: { sql: 't."updatedAt"', type: 'timestamptz', description: 'By the last change.' },
    NAME: { sql: 't.name', type: 'text', description: 'By name.' },
    PRICE_USD: { sql: price, type: 'numeric', isNullable: true, description: 'By price before any sale.' },
  };
}
