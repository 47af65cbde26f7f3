import { createHash } from 'node:crypto';
import { ask, type Request, type Server } from './measure.ts';
import type { Bench, Tenant } from './database.ts';
import { mixedRequests } from './mixed.ts';
import { nestedRequests, type Dialect } from './nested-read.ts';

/** Something to measure. */
export interface Workload {
  name: string;
  /** Who can be asked; ours alone where the others have nothing like it. */
  dialects: Dialect[];
  requests(dialect: Dialect, server: Server, bench: Bench): Promise<Request[]> | Request[];
  connections: number[];
  /** What an answer holds that did what was asked. */
  expect?: string;
  /** What there is to know beside the figures. */
  note?: string;
}

const ALL: Dialect[] = ['ours', 'lists', 'postgraphile'];
const LEVELS = [16, 1, 128];

const request = (query: string, key: string | null, variables: object = {}): Request => ({
  headers: key ? { 'x-api-key': key } : {},
  body: JSON.stringify({ query, variables, operationName: /^(?:query|mutation) (\w+)/.exec(query)?.[1] }),
});
const globalId = (type: string, id: string): string => Buffer.from(`${type}:${id}`).toString('base64url');

/** A document of a company: in ours the key says which, elsewhere the id. */
const ofTenant = (document: string, dialect: Dialect, { id, key }: Tenant, variables: object = {}): Request =>
  dialect === 'ours' ? request(document, key, variables) : request(document, null, { ...variables, id });

const LIST: Record<Dialect, string> = {
  ours: `query List { company { assets(first: 20, where: { assetType: { eq: CALCULATION } }, orderBy: { field: NAME, direction: ASC }) {
    totalCount { value } nodes { id name assetType } } } }`,
  lists: `query List($id: ID!) { company(id: $id) { assets: assetPage(first: 20, assetType: "CALCULATION") { totalCount nodes { id name assetType } } } }`,
  postgraphile: `query List($id: UUID!) { company: companyByRowId(rowId: $id) { assets: assetsByCompanyId(first: 20, condition: { active: true, assetType: CALCULATION }, orderBy: [NAME_ASC, PRIMARY_KEY_ASC]) {
    totalCount nodes { id: rowId name assetType } } } }`,
};
const PAGE: Record<Dialect, string> = {
  ours: `query Page($after: String, $first: Int!) { company { assets(first: $first, after: $after, orderBy: { field: NAME, direction: ASC }) {
    nodes { id name assetType } pageInfo { endCursor hasNextPage } } } }`,
  lists: `query Page($after: String, $first: Int!, $id: ID!) { company(id: $id) { assets: assetPage(first: $first, after: $after) {
    nodes { id name assetType } pageInfo { endCursor hasNextPage } } } }`,
  postgraphile: `query Page($after: Cursor, $first: Int!, $id: UUID!) { company: companyByRowId(rowId: $id) { assets: assetsByCompanyId(first: $first, after: $after, condition: { active: true }, orderBy: [NAME_ASC, PRIMARY_KEY_ASC]) {
    nodes { id: rowId name assetType } pageInfo { endCursor hasNextPage } } } }`,
};
const NODE: Record<Dialect, string> = {
  ours: 'query Node($id: ID!) { node(id: $id) { ... on Asset { id name assetType description } } }',
  lists: 'query Node($id: ID!) { node: asset(id: $id) { id name assetType description } }',
  postgraphile: 'query Node($id: UUID!) { node: assetByRowId(rowId: $id) { id: rowId name assetType description } }',
};

interface Page {
  company: { assets: { nodes: { id: string }[]; pageInfo: { endCursor: string } } };
}

/** The cursor after the first 999 assets, walked to in steps of 111. */
async function cursorOfLast(server: Server, make: (variables: object) => Request): Promise<string> {
  let after: string | null = null;
  for (let step = 0; step < 18; step++) {
    const page = (await ask(server, make({ first: step % 2 ? 11 : 100, after }))) as unknown as Page;
    after = page.company.assets.pageInfo.endCursor;
  }
  return after ?? '';
}

const pages =
  (isLast: boolean): Workload['requests'] =>
  (dialect, server, bench) =>
    Promise.all(
      bench.tenants.slice(0, 10).map(async (tenant) => {
        const make = (variables: object): Request => ofTenant(PAGE[dialect], dialect, tenant, variables);
        return make({ first: 1, after: isLast ? await cursorOfLast(server, make) : null });
      }),
    );

/** The id that seedBulk gives to what it makes under this name. */
const bulkId = (name: string): string =>
  createHash('md5')
    .update(name)
    .digest('hex')
    .replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

/** Neighbours are of different tenants, so that no two wait for one another. */
const someAssets = (bench: Bench): { id: string; key: string }[] =>
  Array.from({ length: 20 }, (_, a) =>
    bench.tenants.map(({ key }, c) => ({ id: bulkId(`asset ${c + 1} ${a + 1}`), key })),
  ).flat();

const FIGURES = 'revenueUsd credits runs buyers newBuyers successRate p50Ms p95Ms';
const DASHBOARD = `query Dashboard { company { metrics { runCount successfulRunCount creditsEarned buyerCount }
  analytics { totals { ${FIGURES} } change { ${FIGURES} } series { startsOn ${FIGURES} } topAssets { asset { name } revenueUsd } topCustomers { customer { name } revenueUsd } } } }`;
const PROCESS =
  'mutation Process($input: AssetProcessInput!) { assetProcess(input: $input) { run { status credits outcome { ... on DataResult { table { values rowCount } } ... on RunFailure { code message } } } userErrors { code message } } }';

/**
 * Each tenant buys from its neighbour, those behind the first `sellers` from one of these. Each has bought once before:
 * what is kept is kept then, and the children that rest are there.
 */
const processing =
  (kind: 'cached' | 'uncached', sellers = Number.POSITIVE_INFINITY): Workload['requests'] =>
  async (_dialect, server, bench) => {
    const all = Math.min(sellers, bench.tenants.length);
    const requests = bench.tenants.map(({ key }, n) => {
      const seller = bench.tenants[(n + 1) % all];
      // Nobody buys what is their own.
      const other = seller?.key === key ? bench.tenants[(n + 2) % all] : seller;
      return request(PROCESS, key, { input: { assetId: globalId('Asset', other?.products?.[kind] ?? '') } });
    });
    for (const one of requests) await ask(server, one);
    return requests;
  };

export const NESTED = 'nested read';
export const ONE_TENANT = 'nested read, all of one tenant';
export const PAGE_1 = 'page 1 of 1000';
export const PAGE_1000 = 'page 1000 of 1000';
export const MIXED = 'mixed: 100 documents';
export const MIXED_1000 = 'mixed, 1,000 tenants interleaved';
export const CACHED = 'process, cached and bought';
export const UNCACHED = 'process, uncached and bought';
const COLD = 'process, uncached, of 50 sellers by turns';
const FEW_SELLERS = 8;
const ONLY_OURS = 'Ours only: the peers have nothing that does the same.';

/** What the benchmarks ask a server; growth and processes take some of them. */
export const reads: Workload[] = [
  {
    name: NESTED,
    dialects: ALL,
    connections: LEVELS,
    requests: (dialect, _server, bench) => nestedRequests(dialect, bench.tenants),
  },
  {
    name: 'list: filter, sort, count',
    dialects: ALL,
    connections: LEVELS,
    requests: (dialect, _server, bench) => bench.tenants.map((one) => ofTenant(LIST[dialect], dialect, one)),
  },
  { name: PAGE_1, dialects: ALL, connections: LEVELS, requests: pages(false) },
  {
    name: 'node by id',
    dialects: ALL,
    connections: LEVELS,
    requests: (dialect, _server, bench) =>
      someAssets(bench).map(({ id, key }) =>
        dialect === 'ours'
          ? request(NODE.ours, key, { id: globalId('Asset', id) })
          : request(NODE[dialect], null, { id }),
      ),
  },
  {
    name: 'search',
    dialects: ['ours'],
    connections: LEVELS,
    note: `${ONLY_OURS} Full text with an index, the best first.`,
    requests: (_dialect, _server, bench) =>
      bench.tenants.map(({ key }, c) =>
        request(
          'query Search($text: String!) { company { assets(first: 20, search: $text) { nodes { id name } } } }',
          key,
          // No tenant that has the number itself: it is in the texts of all its assets.
          { text: `measures ${c === 14 ? 16 : 15}` },
        ),
      ),
  },
  {
    name: 'front page, anonymous',
    dialects: ['ours'],
    connections: LEVELS,
    note: `${ONLY_OURS} The 20 most popular listings of all sellers with prices and discounts.`,
    requests: () => [
      request(
        'query Front { marketplace { assets(first: 20) { nodes { id name assetType seller { name } price { priceUsd effectiveCredits } industry { name } } } } }',
        null,
      ),
    ],
  },
];

export const workloads: Workload[] = [
  ...reads,
  { name: PAGE_1000, dialects: ALL, connections: LEVELS, requests: pages(true) },
  {
    name: ONE_TENANT,
    dialects: ALL,
    connections: [16],
    requests: (dialect, _server, bench) => nestedRequests(dialect, bench.tenants.slice(0, 1)),
  },
  {
    name: MIXED,
    dialects: ['ours'],
    connections: LEVELS,
    note: `${ONLY_OURS} Lists of all kinds, with two to seven fields and an edge or two; every tenth is of the marketplace.`,
    requests: (_dialect, _server, bench) => mixedRequests(bench.tenants, 20),
  },
  {
    name: MIXED_1000,
    dialects: ['ours'],
    connections: LEVELS,
    note: 'The same documents; 1,000 keys by turns, so that neighbours share neither document nor rows.',
    requests: (_dialect, _server, bench) => mixedRequests(bench.everyTenant, 3),
  },
  {
    name: 'analytics dashboard',
    dialects: ['ours'],
    connections: LEVELS,
    note: `${ONLY_OURS} 30 days by day of one of 50 sellers, with what came before, customers and latencies.`,
    requests: (_dialect, _server, bench) => bench.tenants.map(({ key }) => request(DASHBOARD, key)),
  },
  {
    name: CACHED,
    dialects: ['ours'],
    connections: LEVELS,
    expect: '"SUCCEEDED"',
    note: `${ONLY_OURS} 100 rows of DuckDB, bought from another company: reserved, settled and journaled each time.`,
    requests: processing('cached'),
  },
  {
    name: UNCACHED,
    dialects: ['ours'],
    connections: LEVELS,
    expect: '"SUCCEEDED"',
    note: `${ONLY_OURS} The same without the cache, of ${FEW_SELLERS} sellers: each run is a query in a DuckDB child. Where too many wait, a run is refused and costs nothing; the share is in the table. The CPU of children that go on is not in it.`,
    requests: processing('uncached', FEW_SELLERS),
  },
  {
    name: COLD,
    dialects: ['ours'],
    connections: [1, 16],
    expect: '"SUCCEEDED"',
    note: `${ONLY_OURS} The worst that can come: the seller whose child ended longest ago is always the next, so that nearly each run starts one. Its CPU is in the table.`,
    requests: processing('uncached'),
  },
  {
    name: 'price change',
    dialects: ['ours'],
    connections: LEVELS,
    expect: '"userErrors":[]',
    note: `${ONLY_OURS} The old row is ended and a new one made, with alerts and the version of the product.`,
    requests: (_dialect, _server, bench) =>
      someAssets(bench).map(({ id, key }, n) =>
        request(
          'mutation Price($input: AssetPriceCreateInput!) { assetPriceCreate(input: $input) { price { id credits } userErrors { code } } }',
          key,
          { input: { assetId: globalId('Asset', id), priceUsd: `${1 + (n % 90)}.50` } },
        ),
      ),
  },
];
