import type { Bench } from './database.ts';
import type { Request } from './measure.ts';

/**
 * The nested read as each server spells it. All have the same fields for the same rows: a company, 10 users, 10 assets
 * with price and owner, 5 endpoints, 5 posts with their publications.
 */
const OURS = `query NestedRead {
  company {
    id name handle
    users(first: 10) { nodes { id name email } }
    assets(first: 10) { nodes { id name description assetType activePrice { priceUsd } owner { id name email } } }
    endpoints(first: 5) { nodes { id name slug } }
    posts(first: 5) { nodes { id title publications(first: 3) { nodes { id platform status externalPostUrl } } } }
  }
}`;

/** With plain lists. */
const LISTS = `query NestedRead($id: ID!) {
  company(id: $id) {
    id name handle
    users(first: 10) { id name email }
    assets(first: 10) { id name description assetType activePrice { priceUsd } owner { id name email } }
    endpoints(first: 5) { id name slug }
    posts(first: 5) { id title publications(first: 3) { id platform status externalPostUrl } }
  }
}`;

const POSTGRAPHILE = `query NestedRead($id: UUID!) {
  company: companyByRowId(rowId: $id) {
    id: rowId name handle
    users: usersByCompanyId(first: 10, condition: { active: true }, orderBy: [CREATED_AT_ASC, PRIMARY_KEY_ASC]) { nodes { id: rowId name email } }
    assets: assetsByCompanyId(first: 10, condition: { active: true }, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) { nodes {
      id: rowId name description assetType
      activePrice: pricesByAssetId(first: 1, condition: { endedAt: null }) { nodes { priceUsd: amountUsd } }
      owner: userByUserId { id: rowId name email }
    } }
    endpoints: endpointsByCompanyId(first: 5, condition: { active: true }, orderBy: [CREATED_AT_ASC, PRIMARY_KEY_ASC]) { nodes { id: rowId name slug } }
    posts: postsByCompanyId(first: 5, condition: { active: true }, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) { nodes {
      id: rowId title
      publications: publicationsByPostId(first: 3, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) { nodes { id: rowId platform status externalPostUrl } }
    } }
  }
}`;

export type Dialect = 'ours' | 'lists' | 'postgraphile';
const documents: Record<Dialect, string> = { ours: OURS, lists: LISTS, postgraphile: POSTGRAPHILE };

/** The read for each of some tenants: in ours the key says whose it is, elsewhere the id. */
export function nestedRequests(dialect: Dialect, tenants: Bench['tenants']): Request[] {
  const query = documents[dialect];
  return tenants.map(({ id, key }): Request =>
    dialect === 'ours'
      ? { headers: { 'x-api-key': key }, body: JSON.stringify({ query, operationName: 'NestedRead' }) }
      : { headers: {}, body: JSON.stringify({ query, variables: { id }, operationName: 'NestedRead' }) },
  );
}

/** An answer in one form: lists plain, ids as in the database, decimals as numbers. */
export function canonical(value: unknown, name = ''): unknown {
  if (name === 'id' && typeof value === 'string')
    return value.includes('-') ? value : (Buffer.from(value, 'base64url').toString().split(':')[1] ?? value);
  if (name === 'priceUsd') return Number(value);
  if (name === 'totalCount' && typeof value === 'object' && value) return (value as { value: number }).value;
  if (Array.isArray(value))
    return name === 'activePrice' ? canonical(value[0], name) : value.map((one) => canonical(one));
  if (typeof value !== 'object' || value === null) return value;
  if ('nodes' in value && Object.keys(value).length === 1) return canonical(value.nodes, name);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, canonical(one, key)]),
  );
}

/** Where two canonical answers differ first; null where they do not. */
export function difference(a: unknown, b: unknown, at = ''): string | null {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return a === b ? null : `${at}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = difference((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], `${at}.${key}`);
    if (found) return found;
  }
  return null;
}
