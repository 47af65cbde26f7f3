import type { Bench } from './database.ts';
import type { Request } from './measure.ts';

/** Fields that each list of a company is asked for in turns; the first is always there. */
const LISTS = {
  assets: [
    'id',
    'name',
    'slug',
    'assetType',
    'tags',
    'createdAt',
    'activePrice { priceUsd credits }',
    'owner { name }',
  ],
  endpoints: ['id', 'name', 'slug', 'status', 'activePrice { credits }', 'connection { name }'],
  users: ['id', 'name', 'email', 'role', 'status', 'createdAt'],
  posts: [
    'id',
    'title',
    'isPublished',
    'viewCount',
    'author { name }',
    'publications(first: 2) { nodes { platform } }',
  ],
  connections: ['id', 'name', 'isActive', 'engine { serviceName }', 'owner { name }'],
};
const PUBLIC = ['id', 'name', 'assetType', 'tags', 'seller { name }', 'price { priceUsd }', 'industry { name }'];

/** Every field whose bit is set in `bits`, and the first. */
const some = (fields: string[], bits: number): string =>
  fields.filter((_, i) => i === 0 || (bits >> (i - 1)) & 1).join(' ');

function document(n: number): string {
  const names = Object.keys(LISTS) as (keyof typeof LISTS)[];
  const first = 5 + (n % 4) * 5;
  // An odd factor: neighbours differ in many fields.
  const bits = n * 37 + 11;
  if (n % 10 === 9)
    return `query Mixed${n} { marketplace { assets(first: ${first}, orderBy: { field: NAME, direction: ASC }) { nodes { ${some(PUBLIC, bits)} } } } }`;
  const [one, two] = [names[n % names.length] ?? 'assets', names[(n * 3 + 1) % names.length] ?? 'users'];
  const lists = [...new Set([one, two])].map(
    (name, i) =>
      `${name}(first: ${first + i}) { ${n % 7 === 0 ? 'totalCount { value } ' : ''}nodes { ${some(LISTS[name], bits)} } }`,
  );
  return `query Mixed${n} { company { id ${n % 2 ? 'name' : 'handle'} ${lists.join(' ')} } }`;
}

/** A hundred documents, no two of them the same. */
export const documents: string[] = Array.from({ length: 100 }, (_, n) => document(n));
if (new Set(documents.map((text) => text.replace(/Mixed\d+/, ''))).size !== documents.length)
  throw new Error('Two of the mixed documents are the same.');

/** Each tenant by turns with each of its documents in another order: `times` requests of each tenant. */
export function mixedRequests(tenants: Bench['tenants'], times: number): Request[] {
  return Array.from({ length: times }, (_, round) =>
    tenants.map(({ key }, n) => ({
      headers: { 'x-api-key': key },
      body: JSON.stringify({ query: documents[(n + round * 41) % documents.length] }),
    })),
  ).flat();
}
