import { RELEVANCE, type Sort } from '../lists/lists.ts';
import { POPULARITY_MINUTES } from './popularity.ts';

/** What the marketplace shows: listed, not deleted, of a seller who accepted the EULA. */
export const LISTED = `t."sellInMarketplace" and t.active and exists (select from "Company" s where s.id = t."companyId" and s."acceptedEula")`;

/** Whether a product is of one of some categories: tags, or industries and use cases by slug or name. */
export const inCategory = (list: string): string => `coalesce(t.tags && ${list}
  or t."industryId" in (select i.id from "Industry" i where array[i.slug, i.name, i."shortName"] && ${list})
  or t."useCaseId" in (select u.id from "AssetUseCase" u where array[u.slug, u.name] && ${list}), false)`;

const COUNTED = `counted every ${POPULARITY_MINUTES} minutes`;

/** The sorts of the marketplace's lists. */
export function listingSorts(price: string): Record<string, Sort> {
  return {
    RELEVANCE,
    POPULAR: {
      sql: 't.popularity',
      type: 'int',
      description: `By successful runs in 30 days, ${COUNTED}.`,
    },
    TRENDING: {
      sql: 't.trend',
      type: 'float8',
      description: `By runs of 7 days over the 7 before, of products with at least 5 runs, ${COUNTED}.`,
    },
    RECENT: { sql: 't."updatedAt"', type: 'timestamptz', description: 'By the last change.' },
    NAME: { sql: 't.name', type: 'text', description: 'By name.' },
    PRICE_USD: { sql: price, type: 'numeric', isNullable: true, description: 'By price before any sale.' },
  };
}
