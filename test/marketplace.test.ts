import type { GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../src/ids.ts';
import { schema } from '../src/schema.ts';
import { codes, process } from './assets.fixtures.ts';
import { openStalls, sell } from './marketplace.fixtures.ts';
import { gid, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let ada: Tenant;
let bob: Tenant;
let lapsed: Tenant;
let ids: Record<string, string>;

beforeAll(async () => {
  t = await testGateway();
  ({ ada, bob, lapsed, ids } = await openStalls(t));
});
afterAll(() => t.close());

const list = (args: string, selection = 'nodes { name }', key: string | null = null): Promise<Answer> =>
  t.run(key, `{ marketplace { assets${args ? `(${args})` : ''} { ${selection} } } }`);
const names = async (args: string): Promise<string[]> =>
  (await list(args)).data.marketplace.assets.nodes.map(({ name }: { name: string }) => name);
const one = (by: object, key: string | null = null) =>
  t.run(key, 'query ($by: ListingBy!) { marketplace { asset(by: $by) { name } } }', { by });

describe('the marketplace works', () => {
  it('is read by everybody: listed assets of sellers who accepted the EULA', async () => {
    for (const key of [null, bob.keys.VIEWER, lapsed.keys.VIEWER]) {
      const { data, errors } = await list(
        'first: 50, orderBy: [{field: NAME}]',
        'nodes { name seller { handle name industry { id } } price { priceUsd credits effectiveCredits } } totalCount { value }',
        key,
      );
      expect(errors).toBeUndefined();
      expect(data.marketplace.assets.totalCount).toEqual({ value: 5 });
      const bobs = { handle: 'bob', name: expect.any(String), industry: null };
      const adas = { handle: 'ada', name: 'Ada Analytics', industry: { id: gid('Industry', 2) } };
      expect(data.marketplace.assets.nodes).toEqual([
        { name: 'Churn of customers', seller: adas, price: { priceUsd: '3.00', credits: 6, effectiveCredits: 6 } },
        { name: 'Football odds', seller: bobs, price: { priceUsd: '0.00', credits: 0, effectiveCredits: 0 } },
        { name: 'Rain', seller: bobs, price: { priceUsd: '10.00', credits: 20, effectiveCredits: 20 } },
        { name: 'Revenue', seller: adas, price: { priceUsd: '1.50', credits: 3, effectiveCredits: 3 } },
        { name: 'Unpriced', seller: bobs, price: null },
      ]);
    }
  });

  it('has the industries and use cases of what it shows, and of nothing else', async () => {
    const page = '(orderBy: {field: ID}) { nodes { id } totalCount { value } }';
    const { data } = await t.run(null, `{ marketplace { industries${page} useCases${page} } activeIndustries${page} }`);
    const industries = { nodes: [2, 3].map((id) => ({ id: gid('Industry', id) })), totalCount: { value: 2 } };
    const useCases = { nodes: [1, 2].map((id) => ({ id: gid('AssetUseCase', id) })), totalCount: { value: 2 } };
    expect(data).toEqual({ marketplace: { industries, useCases }, activeIndustries: industries });
  });

  it('shows one by id and by path', async () => {
    const found = { marketplace: { asset: { name: 'Revenue' } } };
    expect((await one({ id: gid('Asset', ids['Revenue'] ?? '') })).data).toEqual(found);
    expect((await one({ path: 'ada/revenue' })).data).toEqual(found);
    for (const by of [
      { path: 'ada/gone' },
      { path: 'bob/revenue' },
      { id: gid('Asset', newId()) },
      ...['Churn unlisted', 'Churn deleted', 'Churn of a company without EULA'].map((name) => ({
        id: gid('Asset', ids[name] ?? ''),
      })),
      { path: 'ada/churn-unlisted' },
      { path: 'ada/churn-deleted' },
      { path: 'lapsed/churn-of-a-company-without-eula' },
    ]) {
      // The seller's own marketplace is that of all others.
      for (const key of [null, bob.keys.OWNER, ada.keys.OWNER])
        expect((await one(by, key)).data).toEqual({ marketplace: { asset: null } });
    }
    expect((await one({ path: 'nothing' })).errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_REQUEST',
      argumentPath: ['by', 'path'],
    });
  });

  it('sorts by popularity unless it is asked otherwise, and by fit where it searches', async () => {
    expect(await names('')).toEqual(['Rain', 'Revenue', 'Football odds', 'Churn of customers', 'Unpriced']);
    expect((await names('orderBy: [{field: TRENDING, direction: DESC}]')).slice(0, 2)).toEqual([
      'Revenue',
      'Football odds',
    ]);
    expect(await names('orderBy: [{field: RECENT, direction: DESC}]')).toEqual([
      'Revenue',
      'Unpriced',
      'Football odds',
      'Rain',
      'Churn of customers',
    ]);
    expect(await names('orderBy: [{field: PRICE_USD}]')).toEqual([
      'Football odds',
      'Revenue',
      'Churn of customers',
      'Rain',
      'Unpriced',
    ]);
    expect(await names('search: "customers"')).toEqual(['Churn of customers', 'Revenue']);
    expect(await names('search: "customers", orderBy: [{field: NAME, direction: DESC}]')).toEqual([
      'Revenue',
      'Churn of customers',
    ]);
    expect(await names('search: "leave next"')).toEqual(['Churn of customers']);
    expect(await names('search: "churn"')).toEqual(['Churn of customers']);
    expect(await names('search: "very_private_table"')).toEqual([]);
  });

  it.each([
    ['PRICE_USD', 'ASC'],
    ['PRICE_USD', 'DESC'],
    ['POPULAR', 'DESC'],
    ['TRENDING', 'DESC'],
    ['RECENT', 'ASC'],
    ['NAME', 'ASC'],
  ])('pages through %s %s without loss', async (field, direction) => {
    const order = `orderBy: [{field: ${field}, direction: ${direction}}]`;
    const seen: string[] = [];
    for (let after = ''; ;) {
      const { data } = await list(`first: 2, ${order}${after}`, 'nodes { name } pageInfo { hasNextPage endCursor }');
      seen.push(...data.marketplace.assets.nodes.map(({ name }: { name: string }) => name));
      if (!data.marketplace.assets.pageInfo.hasNextPage) break;
      after = `, after: "${data.marketplace.assets.pageInfo.endCursor}"`;
    }
    expect(seen).toEqual(await names(order));
  });

  it('pages through a search by fit', async () => {
    const { data } = await list('first: 1, search: "customers"', 'nodes { name } pageInfo { endCursor }');
    expect(
      await names(`first: 1, search: "customers", after: "${data.marketplace.assets.pageInfo.endCursor}"`),
    ).toEqual(['Revenue']);
  });

  it('filters by price, type, tag, industry, use case and seller', async () => {
    const found = async (where: string): Promise<string[]> => names(`where: {${where}}, orderBy: [{field: NAME}]`);
    expect(await found('priceUsd: {gte: "1.50", lte: "3.00"}')).toEqual(['Churn of customers', 'Revenue']);
    expect(await found('priceUsd: {eq: "0"}')).toEqual(['Football odds']);
    expect(await found('assetType: {eq: VISUALIZATION}')).toEqual(['Football odds']);
    expect(await found('tags: {in: ["sky", "money"]}')).toEqual(['Rain', 'Revenue']);
    expect(await found(`industryId: {eq: "${gid('Industry', 2)}"}`)).toEqual(['Churn of customers', 'Football odds']);
    expect(await found(`useCaseId: {eq: "${gid('AssetUseCase', 1)}"}`)).toEqual(['Churn of customers', 'Revenue']);
    const [industry] = await t.app.database.query('select slug, name, "shortName" from "Industry" where id = 2', []);
    const [useCase] = await t.app.database.query('select slug, name from "AssetUseCase" where id = 1', []);
    for (const name of Object.values(industry ?? {}))
      expect(await found(`category: {eq: "${String(name)}"}`)).toEqual(['Churn of customers', 'Football odds']);
    for (const name of Object.values(useCase ?? {}))
      expect(await found(`category: {eq: "${String(name)}"}`)).toEqual(['Churn of customers', 'Revenue']);
    expect(await found('category: {in: ["sky", "money"]}')).toEqual(['Rain', 'Revenue']);
    const others = await found(`category: {notIn: ["sky", "${String(industry?.['slug'])}"]}`);
    expect(others).toContain('Revenue');
    expect(others).not.toContain('Rain');
    expect(others).not.toContain('Football odds');
    expect(await found('sellerHandle: {eq: "ada"}, not: {name: {eq: "Revenue"}}')).toEqual(['Churn of customers']);
  });

  describe('counts what a list can be narrowed by', () => {
    /** The facets of a kind as `value count`. */
    const facets = async (field: string, as: string | null = null): Promise<Record<string, string[]>> => {
      const { data, errors } = await t.run(as, `{ marketplace { facets: ${field} { kind value count } } }`);
      expect(errors).toBeUndefined();
      const of: Record<string, string[]> = {};
      for (const { kind, value, count } of data.marketplace.facets) (of[kind] ??= []).push(`${value} ${count}`);
      return of;
    };
    const nameOf = async (model: 'Industry' | 'AssetUseCase', id: number): Promise<string> => {
      const column = model === 'Industry' ? '"shortName"' : 'name';
      const [row] = await t.app.database.query(`select ${column} as name from "${model}" where id = $1`, [id]);
      return String(row?.['name']);
    };

    it('of all that is listed, whoever asks', async () => {
      const all = {
        ASSET_TYPE: ['CALCULATION 3', 'DATA 1', 'VISUALIZATION 1'],
        INDUSTRY: [`${await nameOf('Industry', 2)} 2`, `${await nameOf('Industry', 3)} 1`],
        TAG: ['daily 3', 'retail 2', 'churn 1', 'football 1', 'money 1', 'sky 1'],
        USE_CASE: [`${await nameOf('AssetUseCase', 1)} 2`, `${await nameOf('AssetUseCase', 2)} 1`],
      };
      expect(await facets('assetFacets')).toEqual(all);
      // Neither what is not listed, or deleted, or of a seller without EULA, for that seller either.
      expect(await facets('assetFacets', ada.keys.OWNER)).toEqual(all);
      const feeds = {
        INDUSTRY: [`${await nameOf('Industry', 2)} 1`],
        TAG: ['daily 1', 'feed 1'],
        USE_CASE: [`${await nameOf('AssetUseCase', 1)} 1`],
      };
      expect(await facets('endpointFacets')).toEqual(feeds);
      expect(await facets('endpointFacets', ada.keys.OWNER)).toEqual(feeds);
    });

    it('of what a search and a filter find, as the list does', async () => {
      expect((await facets('assetFacets(search: "customers")')).TAG).toEqual([
        'daily 2',
        'retail 2',
        'churn 1',
        'money 1',
      ]);
      expect(await facets('assetFacets(where: {tags: {eq: "daily"}, assetType: {ne: DATA}})')).toEqual({
        ASSET_TYPE: ['CALCULATION 1', 'VISUALIZATION 1'],
        INDUSTRY: [`${await nameOf('Industry', 2)} 2`],
        TAG: ['daily 2', 'churn 1', 'football 1', 'retail 1'],
        USE_CASE: [`${await nameOf('AssetUseCase', 1)} 1`, `${await nameOf('AssetUseCase', 2)} 1`].toSorted(),
      });
      expect(await facets('endpointFacets(where: {tags: {eq: "sky"}})')).toEqual({});
      expect((await facets('endpointFacets(search: "sales", where: {priceUsd: {lt: "1"}})')).TAG).toEqual([
        'daily 1',
        'feed 1',
      ]);
      for (const found of [
        'search: "customers", where: {tags: {eq: "money"}}',
        'where: {priceUsd: {gte: "1.50"}}',
        'where: {sellerHandle: {eq: "ada"}}',
        'where: {sellerHandle: {}}',
        'where: {sellerHandle: {eq: "lapsed"}}',
        'where: {or: [{sellerHandle: {in: ["bob"]}, name: {contains: "r"}}, {category: {eq: "churn"}}]}',
      ]) {
        const { data } = await list(found, 'totalCount { value }');
        const types = (await facets(`assetFacets(${found})`)).ASSET_TYPE ?? [];
        expect([found, types.reduce((sum, one) => sum + Number(one.split(' ')[1]), 0)]).toEqual([
          found,
          data.marketplace.assets.totalCount.value,
        ]);
      }
    });

    it('by the id of an industry or use case, with which its list is filtered', async () => {
      const { data } = await t.run(null, '{ marketplace { assetFacets(search: "odds") { kind id } } }');
      expect(data.marketplace.assetFacets).toEqual([
        { kind: 'ASSET_TYPE', id: null },
        { kind: 'INDUSTRY', id: gid('Industry', 2) },
        { kind: 'TAG', id: null },
        { kind: 'TAG', id: null },
        { kind: 'USE_CASE', id: gid('AssetUseCase', 2) },
      ]);
    });

    it('of the 10,000 most popular where there are more', async () => {
      const { query } = t.app.database;
      const { id } = (await t.tenant({ handle: 'many' })).company;
      const user = await t.world.user(id, 'EDITOR');
      await query(
        `insert into "Asset" (id, "companyId", "userId", name, slug, "shortCode", source, "assetType", "sellInMarketplace", tags)
         select gen_random_uuid(), $1::uuid, $2::uuid, n, n, n, 'MANUAL', 'DATA', true, array['many'] from generate_series(1, 10000) i, format('m%s', i) n`,
        [id, user.id],
      );
      try {
        const { ASSET_TYPE = [], TAG = [] } = await facets('assetFacets');
        expect(ASSET_TYPE.reduce((sum, one) => sum + Number(one.split(' ')[1]), 0)).toBe(10_000);
        expect(TAG).toContain('football 1');
      } finally {
        await query('delete from "Asset" where "companyId" = $1', [id]);
      }
    });

    it('and says what is wrong with a filter, and where', async () => {
      for (const [field, code, path] of [
        ['assetFacets(where: {name: {eq: null}})', 'BAD_FILTER', ['where', 'name', 'eq']],
        ['endpointFacets(where: {industryId: {eq: "x"}})', 'BAD_ID', ['where', 'industryId', 'eq']],
        [`endpointFacets(search: "${'x'.repeat(256)}")`, 'BAD_FILTER', ['search']],
      ]) {
        const { errors } = await t.run(null, `{ marketplace { ${field as string} { count } } }`);
        expect(errors?.[0]?.extensions).toMatchObject({ code, argumentPath: path });
      }
    });
  });

  it('has the industries of what it shows, and no others', async () => {
    const active = async (): Promise<string[]> =>
      (await t.run(null, '{ activeIndustries(first: 50) { nodes { name } } }')).data.activeIndustries.nodes.map(
        ({ name }: { name: string }) => name,
      );
    const before = await active();
    expect(before).not.toContain('Construction');
    const { id: companyId } = lapsed.company;
    await t.world.asset(companyId, { industryId: 4, sellInMarketplace: true });
    expect(await active()).toEqual(before);
    const signs = (acceptedEula: boolean) =>
      t.app.database.prisma.company.update({ where: { id: companyId }, data: { acceptedEula } });
    await signs(true);
    expect(await active()).toContain('Construction');
    await signs(false);
    expect(await active()).toEqual(before);
  });

  it('recommends what resembles, with the score and its reasons', async () => {
    const ask = async (name: string, args = ''): Promise<unknown[]> =>
      (
        await t.run(
          null,
          `query ($by: ListingBy!) { marketplace { asset(by: $by) { recommendations${args} { score reasons listing { name } } } } }`,
          { by: { id: gid('Asset', ids[name] ?? '') } },
        )
      ).data.marketplace.asset.recommendations.map(
        ({ score, reasons, listing }: { score: number; reasons: string[]; listing: { name: string } }) => [
          listing.name,
          score,
          reasons,
        ],
      );
    const revenue = ['Revenue', 7, ['same use case', '2 shared tags', 'same seller']];
    const football = ['Football odds', 4, ['same industry', '1 shared tag']];
    expect(await ask('Churn of customers')).toEqual([revenue, football]);
    expect(await ask('Churn of customers', '(minScore: 5)')).toEqual([revenue]);
    expect(await ask('Churn of customers', '(first: 1)')).toEqual([revenue]);
    // Ties go to the popular one.
    expect(await ask('Unpriced')).toEqual([
      ['Rain', 1, ['same seller']],
      ['Football odds', 1, ['same seller']],
    ]);
    const many = await t.run(
      null,
      'query ($by: ListingBy!) { marketplace { asset(by: $by) { recommendations(first: 51) { score } } } }',
      { by: { path: 'bob/rain' } },
    );
    expect(many.errors?.[0]?.extensions.code).toBe('PAGE_SIZE');
    // The seller's own side of it.
    const own = await t.run(
      ada.keys.VIEWER,
      'query ($by: AssetBy!) { company { asset(by: $by) { recommendations { score listing { name } } } } }',
      { by: { slug: 'churn-of-customers' } },
    );
    expect(own.data.company.asset.recommendations).toEqual([
      { score: 7, listing: { name: 'Revenue' } },
      { score: 4, listing: { name: 'Football odds' } },
    ]);
  });

  it('shows listed endpoints with the columns of their answers', async () => {
    const { data, errors } = await t.run(
      null,
      '{ marketplace { endpoints { nodes { name parameters { name type isList isRequired } price { credits } seller { handle } statistics { runCount } } } endpoint(by: {path: "ada/sales-feed"}) { name columns { name type } } gone: endpoint(by: {path: "ada/old-feed"}) { name } } }',
    );
    expect(errors).toBeUndefined();
    expect(data.marketplace).toEqual({
      endpoints: {
        nodes: [
          {
            name: 'Sales feed',
            parameters: [{ name: 'least', type: 'INTEGER', isList: false, isRequired: true }],
            price: { credits: 2 },
            seller: { handle: 'ada' },
            statistics: { runCount: 0 },
          },
        ],
      },
      endpoint: {
        name: 'Sales feed',
        columns: [
          { name: 'day', type: 'DATE' },
          { name: 'units', type: 'INTEGER' },
        ],
      },
      gone: null,
    });
  });

  it('needs as many statements for all as for one', async () => {
    const ask = (first: number) => () =>
      list(
        `first: ${first}, orderBy: [{field: NAME}]`,
        'nodes { name price { effectiveCredits } seller { handle industry { name } } statistics { runCount } industry { name } useCase { name } }',
      );
    await ask(1)();
    expect((await t.statements(ask(5))).length).toBe((await t.statements(ask(1))).length);
  });
});

describe('the marketplace guards', () => {
  it('has no field for what stays with the seller', () => {
    const fields = (type: string): string[] => Object.keys((schema.getType(type) as GraphQLObjectType).getFields());
    const shared = [
      'id',
      'name',
      'slug',
      'description',
      'detailedDescription',
      'tags',
      'topQuestions',
      'coverage',
      'rateLimit',
      'seller',
      'price',
      'industry',
      'useCase',
      'statistics',
      'createdAt',
      'updatedAt',
    ];
    const sorted = (list: string[]): string[] => list.toSorted((a, b) => a.localeCompare(b));
    expect(sorted(fields('AssetListing'))).toEqual(
      sorted([...shared, 'assetType', 'chartUrl', 'parameters', 'isCached', 'recommendations']),
    );
    expect(sorted(fields('EndpointListing'))).toEqual(
      sorted([...shared, 'status', 'columns', 'parameters', 'maxRecordsPerRequest', 'sampleResponse']),
    );
    expect(sorted(fields('CompanyProfile'))).toEqual(
      sorted(['handle', 'name', 'description', 'domain', 'industry', 'country']),
    );
    expect(sorted(fields('ListingColumn'))).toEqual(['name', 'type']);
    for (const type of [
      'AssetListing',
      'EndpointListing',
      'Price',
      'PriceDiscount',
      'ProductStatistics',
      'Recommendation',
      'Facet',
    ]) {
      expect(
        fields(type).filter((name) => /sql|connection|source|schema|table|user|owner|company|key|run$/i.test(name)),
      ).toEqual([]);
    }
  });

  it('gives nothing private away, whatever is asked', async () => {
    const { data } = await t.run(
      null,
      `{ marketplace { assets(first: 50) { nodes { name description detailedDescription tags topQuestions parameters { name } price { id discounts { percentage } } recommendations { reasons } } } endpoints { nodes { name description columns { name type } sampleResponse } } } }`,
    );
    expect(JSON.stringify(data)).not.toMatch(/very_private|secret/);
    const refused = await t.run(bob.keys.OWNER, '{ marketplace { assets { nodes { sqlLogic connection { id } } } } }');
    expect(refused.errors?.map(({ extensions }) => extensions.code)).toEqual([
      'GRAPHQL_VALIDATION_FAILED',
      'GRAPHQL_VALIDATION_FAILED',
    ]);
    const node = await t.run(bob.keys.OWNER, 'query ($id: ID!) { node(id: $id) { __typename id } }', {
      id: gid('Asset', ids['Revenue'] ?? ''),
    });
    expect(node.data.node).toBeNull();
  });

  it('a foreign asset that is not listed reads and runs as missing', async () => {
    for (const name of ['Churn unlisted', 'Churn deleted', 'Churn of a company without EULA']) {
      expect(codes(await process(t, bob.keys.OWNER, { id: ids[name] ?? '' }))).toEqual([
        ['NOT_FOUND', 'input.assetId'],
      ]);
    }
    expect(await t.app.database.prisma.run.count()).toBe(0);
  });

  it('shows parameters only where callers may give them', async () => {
    const parameters = [
      { name: 'region', type: 'STRING', isRequired: false, defaultValue: null, allowedValues: null, description: null },
    ];
    await sell(t, bob, 'Open', '1.00', { parameters, allowParams: true });
    await sell(t, bob, 'Shut', '1.00', { parameters });
    const of = async (path: string) =>
      (
        await t.run(null, 'query ($by: ListingBy!) { marketplace { asset(by: $by) { parameters { name } } } }', {
          by: { path },
        })
      ).data.marketplace.asset.parameters;
    expect([await of('bob/open'), await of('bob/shut')]).toEqual([[{ name: 'region' }], []]);
  });
});
