import { createHash } from 'node:crypto';
import { ask, type Request, type Server } from './measure.ts';
import type { Bench } from './database.ts';

/** Something to measure beside the nested read, and how ours and PostGraphile spell it; null where it has nothing like it. */
export interface Scenario {
  name: string;
  ours(server: Server, bench: Bench): Promise<Request[]> | Request[];
  postgraphile: ((server: Server, bench: Bench) => Promise<Request[]> | Request[]) | null;
}

const request = (query: string, key: string | null, variables: object = {}): Request => ({
  headers: key ? { 'x-api-key': key } : {},
  body: JSON.stringify({ query, variables }),
});
const globalId = (type: string, id: string): string => Buffer.from(`${type}:${id}`).toString('base64url');

/** The id that seedBulk gives to what it makes under this name. */
const bulkId = (name: string): string =>
  createHash('md5')
    .update(name)
    .digest('hex')
    .replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

const OUR_PAGE = `query Page($after: String, $first: Int!) { company { assets(first: $first, after: $after, orderBy: { field: NAME, direction: ASC }) {
  nodes { id name assetType } pageInfo { endCursor hasNextPage } } } }`;
const THEIR_PAGE = `query Page($after: Cursor, $first: Int!, $id: UUID!) { company: companyByRowId(rowId: $id) { assets: assetsByCompanyId(first: $first, after: $after, condition: { active: true }, orderBy: [NAME_ASC, PRIMARY_KEY_ASC]) {
  nodes { id: rowId name assetType } pageInfo { endCursor hasNextPage } } } }`;

interface Page {
  company: { assets: { nodes: { id: string }[]; pageInfo: { endCursor: string } } };
}

/** The cursor after the first 999 of 1000 assets, walked to in pages of 100. */
async function cursorOfLast(server: Server, make: (variables: object) => Request): Promise<string> {
  let after: string | null = null;
  for (let at = 0; at < 999; at += 111) {
    const parts: number[] = [100, 11];
    for (const first of parts)
      after = ((await ask(server, make({ first, after }))) as unknown as Page).company.assets.pageInfo.endCursor;
  }
  return after ?? '';
}

const pages = (isLast: boolean): Pick<Scenario, 'ours' | 'postgraphile'> => ({
  ours: (server, bench) =>
    Promise.all(
      bench.tenants.slice(0, 10).map(async ({ key }) =>
        request(OUR_PAGE, key, {
          first: 1,
          after: isLast ? await cursorOfLast(server, (variables) => request(OUR_PAGE, key, variables)) : null,
        }),
      ),
    ),
  postgraphile: (server, bench) =>
    Promise.all(
      bench.tenants.slice(0, 10).map(async ({ id }) => {
        const make = (variables: object): Request => request(THEIR_PAGE, null, { ...variables, id });
        return request(THEIR_PAGE, null, { id, first: 1, after: isLast ? await cursorOfLast(server, make) : null });
      }),
    ),
});

/** Some assets of a tenant, as ids of the database. */
async function assetIds(server: Server, key: string): Promise<string[]> {
  const found = (await ask(server, request(OUR_PAGE, key, { first: 20 }))) as unknown as Page;
  return found.company.assets.nodes.map(({ id }) => Buffer.from(id, 'base64url').toString().split(':')[1] ?? '');
}

export const PAGE_1 = 'page 1 of 1000';
export const PAGE_1000 = 'page 1000 of 1000';

export const scenarios: Scenario[] = [
  {
    name: 'filtered, sorted list with count',
    ours: (_, bench) =>
      bench.tenants.map(({ key }) =>
        request(
          '{ company { assets(first: 20, where: { assetType: { eq: CALCULATION } }, orderBy: { field: NAME, direction: ASC }) { totalCount { value } nodes { id name assetType } } } }',
          key,
        ),
      ),
    postgraphile: (_, bench) =>
      bench.tenants.map(({ id }) =>
        request(
          'query List($id: UUID!) { company: companyByRowId(rowId: $id) { assets: assetsByCompanyId(first: 20, condition: { active: true, assetType: CALCULATION }, orderBy: [NAME_ASC, PRIMARY_KEY_ASC]) { totalCount nodes { id: rowId name assetType } } } }',
          null,
          { id },
        ),
      ),
  },
  { name: PAGE_1, ...pages(false) },
  { name: PAGE_1000, ...pages(true) },
  {
    name: 'node by id',
    ours: async (server, bench) => {
      const lists = await Promise.all(
        bench.tenants.slice(0, 20).map(async ({ key }) => (await assetIds(server, key)).map((id) => ({ id, key }))),
      );
      return lists.flat().map(({ id, key }) =>
        request('query Node($id: ID!) { node(id: $id) { ... on Asset { id name assetType description } } }', key, {
          id: globalId('Asset', id),
        }),
      );
    },
    postgraphile: () =>
      Array.from({ length: 20 }, (_none, c) =>
        Array.from({ length: 20 }, (_one, a) =>
          request(
            'query Node($id: UUID!) { node: assetByRowId(rowId: $id) { id: rowId name assetType description } }',
            null,
            { id: bulkId(`asset ${c + 1} ${a + 1}`) },
          ),
        ),
      ).flat(),
  },
  {
    name: 'search',
    ours: (_, bench) =>
      bench.tenants.map(({ key }, c) =>
        request(
          'query Search($text: String!) { company { assets(first: 20, search: $text) { nodes { id name } } } }',
          key,
          { text: `measures ${100 + c}` },
        ),
      ),
    postgraphile: null,
  },
  {
    name: 'front page of the marketplace, anonymous',
    ours: () => [
      request(
        '{ marketplace { assets(first: 20) { nodes { id name assetType seller { name } price { priceUsd effectiveCredits } industry { name } } } } }',
        null,
      ),
    ],
    postgraphile: null,
  },
  {
    name: 'price change',
    ours: async (server, bench) => {
      const lists = await Promise.all(
        bench.tenants.map(async ({ key }) => (await assetIds(server, key)).map((id) => ({ id, key }))),
      );
      const document =
        'mutation Price($input: AssetPriceCreateInput!) { assetPriceCreate(input: $input) { price { id credits } } }';
      // Neighbours in the list are of different tenants, so that no two wait for one another.
      const mixed = Array.from({ length: 20 }, (_, n) => lists.map((list) => list[n]))
        .flat()
        .filter((one) => one !== undefined);
      return mixed.map(({ id, key }, n) =>
        request(document, key, { input: { assetId: globalId('Asset', id), priceUsd: `${1 + (n % 90)}.50` } }),
      );
    },
    postgraphile: null,
  },
];
