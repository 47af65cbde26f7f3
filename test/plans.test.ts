import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countPopularity } from '../src/marketplace/popularity.ts';
import { mutate, openShop, process, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';
import { plansOf, seedMuch, type Planned } from './plans.fixtures.ts';

/** How the planner goes about the statements that come again and again, where every table has many rows. */

let t: TestGateway;
let shop: Shop;
/** An owner of a tenant with 1,000 assets, and two of these. */
let key: string;
let companyId: string;
let assets: string[];
/** Tables that no request reads from end to end. */
let large: Set<string>;

beforeAll(async () => {
  t = await testGateway();
  shop = await openShop(t);
  await seedMuch(t);
  const { query } = t.app.database;
  const ids = await query<{ id: string }>(
    `select md5(name)::uuid as id from unnest(array['company 1', 'asset 1 10', 'asset 1 20']) name`,
    [],
  );
  [companyId = '', ...assets] = ids.map(({ id }) => id);
  key = (await t.world.apiKey(companyId, 'OWNER')).secret;
  const tables = await query<{ name: string }>(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and reltuples >= 2500`,
    [],
  );
  large = new Set(tables.map(({ name }) => name));
}, 600_000);
afterAll(() => t.close());

/** What is read from end to end, by whom. */
const scansOf = (plans: Planned[]): string[] =>
  plans.flatMap(({ text, nodes }) =>
    nodes
      .filter((node) => node['Node Type'] === 'Seq Scan' && large.has(node['Relation Name'] ?? ''))
      .map((node) => `${node['Relation Name']}: ${text}`),
  );
const indexesOf = (plans: Planned[]): string[] =>
  plans.flatMap(({ nodes }) => nodes.flatMap((node) => node['Index Name'] ?? []));
/** The most rows that are put in order anywhere. */
const sortedBy = (plans: Planned[]): number => Math.max(0, ...plans.map(({ sorted }) => sorted));
/** The most rows that an index or a table gives anywhere. */
const readBy = (plans: Planned[]): number => Math.max(0, ...plans.map(({ read }) => read));

/** The plans of what something sends, none of which reads a large table from end to end. */
async function plan(work: () => Promise<unknown>): Promise<Planned[]> {
  const plans = await plansOf(t, work);
  expect(plans).not.toEqual([]);
  expect(scansOf(plans)).toEqual([]);
  return plans;
}

async function ask(
  document: string,
  as: string | null = key,
  variables: Record<string, unknown> = {},
): Promise<{ data: { company: Found; marketplace: Found } }> {
  const { data, errors } = await t.run(as, document, variables);
  expect(errors).toBeUndefined();
  return { data };
}
interface Found {
  assets: { pageInfo: { endCursor: string }; nodes: unknown[] };
}

const LISTING =
  'name price { priceUsd effectiveCredits } seller { name } statistics { runCount buyerCount p95Ms favoriteCount lowestPriceUsd }';

describe('reads by index work', () => {
  it('has enough in its tables to matter', () => {
    const names = [
      'Asset',
      'Endpoint',
      'Price',
      'PriceDiscount',
      'Run',
      'UsageEvent',
      'UsageRollup',
      'BuyerMonth',
      'BuyerTotal',
      'ProductTotal',
    ];
    const more = [
      'ApiKey',
      'ApiKeyUsage',
      'Session',
      'User',
      'Favorite',
      'Alert',
      'JournalAccount',
      'JournalTransaction',
    ];
    expect([...large].toSorted()).toEqual([...names, ...more].toSorted());
  });

  it('the credential of a request', async () => {
    const { secret } = await t.world.apiKey(companyId, 'VIEWER');
    const plans = await plan(() => ask('{ viewer { role } }', secret));
    expect(indexesOf(plans)).toEqual(expect.arrayContaining(['ApiKey_secretHash_key', 'User_pkey']));
  });

  it('every loader of the nested read', async () => {
    const plans = await plan(() =>
      ask(`{ company { name
        users(first: 10) { nodes { name assets(first: 5) { nodes { name } } } }
        assets(first: 100) { nodes { name owner { name } connection { name } industry { name } activePrice { credits effectiveCredits }
          prices(first: 2) { nodes { priceUsd } } statistics { runCount } favoritesCount } }
        endpoints(first: 20) { nodes { name activePrice { credits } keys(first: 2) { nodes { name } } } }
        posts(first: 20) { nodes { title author { name } publications(first: 2) { nodes { status } } } } } }`),
    );
    expect(indexesOf(plans)).toEqual(
      expect.arrayContaining([
        'Company_pkey',
        'User_companyId_createdAt_id_idx',
        'User_pkey',
        'Asset_userId_createdAt_id_idx',
        'Asset_companyId_createdAt_id_idx',
        'Price_active_asset',
        'PriceDiscount_priceId_idx',
        'Price_assetId_startedAt_id_idx',
        'ProductTotal_pkey',
        'UsageEvent_assetId_at_idx',
        'Favorite_assetId_idx',
        'Endpoint_companyId_createdAt_id_idx',
        'ApiKey_endpointId_idx',
      ]),
    );
    expect(sortedBy(plans)).toBeLessThan(1500);
  });

  it('a list with a filter, a sort and its count, within the tenant', async () => {
    const list = '(where: {name: {startsWith: "Asset 1"}, tags: {eq: "tag-7"}}, orderBy: [{field: NAME}])';
    const plans = await plan(() => ask(`{ company { assets${list} { totalCount { value } nodes { name } } } }`));
    expect(sortedBy(plans)).toBeLessThan(1500);
  });

  it.each([
    ['CREATED_AT', 'Asset_companyId_createdAt_id_idx'],
    ['UPDATED_AT', 'Asset_companyId_updatedAt_id_idx'],
    ['NAME', 'Asset_companyId_name_id_idx'],
  ])('the last page by %s as the first one', async (field, index) => {
    const page = (after: string, size: number) =>
      ask(
        `{ company { assets(orderBy: [{field: ${field}}], first: ${size}${after}) { nodes { name } pageInfo { endCursor } } } }`,
      );
    let after = '';
    for (let i = 0; i < 9; i++) after = `, after: "${(await page(after, 100)).data.company.assets.pageInfo.endCursor}"`;
    const plans = await plan(async () => expect((await page(after, 20)).data.company.assets.nodes).toHaveLength(20));
    expect(indexesOf(plans)).toContain(index);
    expect(sortedBy(plans)).toBeLessThan(150);
  });

  it('nodes by their id, and the runs of one', async () => {
    const ids = { a: gid('Asset', assets[0] ?? ''), b: gid('Company', companyId) };
    const document =
      'query ($a: ID!, $b: ID!) { node(id: $a) { ... on Asset { name runs(first: 3) { nodes { id } } } } other: node(id: $b) { id } }';
    const plans = await plan(() => ask(document, key, ids));
    expect(indexesOf(plans)).toEqual(
      expect.arrayContaining(['Asset_pkey', 'Company_pkey', 'Run_assetId_startedAt_id_idx']),
    );
  });

  it('the receipts of runs', async () => {
    const runs = '{ company { runs(first: 20) { nodes { priceUsd entries { credits } } } } }';
    expect(indexesOf(await plan(() => ask(runs)))).toContain('JournalTransaction_once');
  });

  it('a search, of a company and of all', async () => {
    const found = '(search: "number 17") { totalCount { value } nodes { name } }';
    const own = await plan(() => ask(`{ company { assets${found} endpoints${found} } }`));
    expect(indexesOf(own)).toEqual(
      expect.arrayContaining(['Asset_companyId_search_idx', 'Endpoint_companyId_search_idx']),
    );
    // Tenant 17 has the number in all its 1,000 assets; whoever searches elsewhere does not read them.
    expect(readBy(own)).toBeLessThan(50);
    const all = await plan(() => ask(`{ marketplace { assets${found} endpoints${found} } }`, null));
    expect(indexesOf(all)).toEqual(expect.arrayContaining(['Asset_listed_search', 'Endpoint_listed_search']));
  });

  it('the counts of a company from an index alone', async () => {
    const kinds = `all: assets { totalCount { value } } some: assets(where: { assetType: { eq: DATA }, isListed: { eq: true } }) { totalCount { value } }`;
    const plans = await plan(() => ask(`{ company { ${kinds} } }`));
    expect(indexesOf(plans).filter((name) => name.startsWith('Asset'))).toEqual(['Asset_counted', 'Asset_counted']);
  });

  it.each([
    ['POPULAR', 'popular'],
    ['TRENDING', 'trending'],
    ['RECENT', 'recent'],
    ['NAME', 'name'],
  ])('the front page by %s, and the pages behind it, without sorting what is listed', async (field, index) => {
    const order = `orderBy: [{field: ${field}, direction: DESC}]`;
    const list = `(${order}) { nodes { ${LISTING} } }`;
    const front = await plan(() => ask(`{ marketplace { assets${list} endpoints${list} } }`, null));
    expect(indexesOf(front)).toEqual(expect.arrayContaining([`Asset_listed_${index}`, `Endpoint_listed_${index}`]));
    expect(sortedBy(front)).toBeLessThan(150);
    const { data } = await ask(`{ marketplace { assets(${order}, first: 50) { pageInfo { endCursor } } } }`, null);
    const after = `after: "${data.marketplace.assets.pageInfo.endCursor}"`;
    const next = await plan(() => ask(`{ marketplace { assets(${order}, ${after}) { nodes { name } } } }`, null));
    expect(indexesOf(next)).toContain(`Asset_listed_${index}`);
    expect(sortedBy(next)).toBeLessThan(150);
  });

  it('facets, counts and recommendations from what is listed alone', async () => {
    const fields =
      'popularityAsOf assetFacets { count } endpointFacets(search: "feed", where: {tags: {eq: "x"}}) { count } assets(first: 2) { totalCount { value } nodes { recommendations { score } } }';
    await plan(() => ask(`{ marketplace { ${fields} } }`, null));
  });

  it('listings and facets of a seller from what that seller has', async () => {
    const found = 'where: {sellerHandle: {eq: "tenant-1"}}';
    const plans = await plan(() =>
      ask(`{ marketplace { assetFacets(${found}) { count } assets(${found}) { totalCount { value } } } }`, null),
    );
    const marked = plans.filter(({ text }) => text.includes('c.handle ='));
    expect(marked).toHaveLength(2);
    for (const one of marked) {
      expect(indexesOf([one])).toContain('Company_handle_key');
      expect(indexesOf([one])).toContainEqual(expect.stringMatching(/^Asset_(companyId_|counted$)/));
    }
  });

  it('the counts of a company from a row a buyer', async () => {
    const plans = await plan(() => ask('{ company { metrics { runCount buyerCount assetCount } } }'));
    // A credential that is looked up again after its minute is no matter here.
    expect(plans.filter(({ text }) => !text.includes('"secretHash" = $1'))).toHaveLength(2);
    expect(indexesOf(plans)).toContain('BuyerTotal_pkey');
    expect(plans.flatMap(({ nodes }) => nodes.map((node) => node['Relation Name']))).not.toContain('UsageRollup');
  });

  it('dashboards, sales, customers and usage from the days they show', async () => {
    const plans = await plan(() =>
      ask(`{ company {
        analytics { totals { revenueUsd newBuyers p95Ms } series { runs newBuyers p50Ms } topAssets { asset { name } } topCustomers { customer { name } } }
        sales { series { points { value } } } customers { series { new churned } segments { customers } } assetPerformance { revenueUsd p95Ms }
        usage { total byProduct { name } byKey { total } quota { used } csv } } }`),
    );
    expect(indexesOf(plans)).toEqual(
      expect.arrayContaining([
        'BuyerTotal_pkey',
        'UsageRollup_pkey',
        'UsageRollup_buyerCompanyId_hour_idx',
        'UsageEvent_sellerCompanyId_at_idx',
        'UsageEvent_buyerCompanyId_at_idx',
        'UsageEvent_assetId_at_idx',
      ]),
    );
  });
});

describe('writes by index work', () => {
  it('a price that changes', async () => {
    const input = { assetId: gid('Asset', assets[1] ?? ''), priceUsd: '7.50' };
    const plans = await plan(() => mutate(t, key, 'assetPriceCreate', input, 'price { id }'));
    expect(indexesOf(plans)).toEqual(
      expect.arrayContaining(['Asset_pkey', 'Price_active_asset', 'Alert_assetId_kind_idx']),
    );
  });

  it.each(['USER', 'COMPANY', 'IP', 'GLOBAL'] as const)(
    'a paid run with a limit by %s, and the flush of its usage',
    async (by) => {
      const asset = await shop.listed('1.50', {
        rateLimitNumber: 1000,
        rateLimitPeriod: 'HOUR',
        rateLimitGranularity: by,
      });
      const plans = await plan(async () => {
        expect((await process(t, shop.buyer.keys.ANALYST, asset)).userErrors).toEqual([]);
      });
      const text = plans.map((one) => one.text).join('\n');
      for (const table of [
        'ProductLimit',
        'Run',
        'JournalEntry',
        'UsageEvent',
        'UsageRollup',
        'BuyerTotal',
        'ProductTotal',
        'ApiKeyUsage',
      ])
        expect(text).toContain(`insert into "${table}"`);
      // By its id, not among all that run: those leave dead entries behind, which each next one would read.
      const close = plans.find((one) => one.text.includes(`update "Run" set status = 'SUCCEEDED'`));
      const ofRuns = indexesOf(close ? [close] : []).filter((index) => index.startsWith('Run_'));
      expect(ofRuns).toEqual(['Run_pkey']);
      expect(indexesOf(plans)).not.toContain('Run_running');
      expect(indexesOf(plans)).toEqual(
        expect.arrayContaining([
          'Run_assetId_startedAt_id_idx',
          'JournalAccount_companyId_kind_key',
          'JournalAccount_platform',
        ]),
      );
    },
  );

  it('the count of popularity reads a product by its days', async () => {
    const plans = await plansOf(t, () => countPopularity(t.app.database.query));
    expect(indexesOf(plans)).toContain('UsageRollup_productId_hour_idx');
    expect(scansOf(plans).filter((scan) => scan.startsWith('Usage'))).toEqual([]);
  });
});

describe('the plans guard', () => {
  it('against a statement that has no index', async () => {
    const scans = scansOf(
      await plansOf(t, () => t.app.database.query('select id from "Run" where "errorMessage" = $1', ['none'])),
    );
    expect(scans).toEqual(['Run: select id from "Run" where "errorMessage" = $1']);
  });
});
