import { expect } from 'vitest';
import { assets as demo, keyOf } from './demo.ts';
import { userErrors, type Row, type World } from './row.ts';

/** What the database knows of the runs of assets, in the words of the graph. */
const STATISTICS = `select a.id, count(r.id)::int as "runCount", count(distinct r."companyId") filter (where r.status = 'SUCCEEDED' and r."companyId" <> a."companyId")::int as "buyerCount",
    (count(*) filter (where r.status = 'SUCCEEDED'))::float8 / nullif(count(r.id), 0) as "successRate",
    (select count(*)::int from "Favorite" f where f."assetId" = a.id) as "favoriteCount",
    (select min("amountUsd")::text from "Price" p where p."assetId" = a.id) as "lowestPriceUsd",
    (select max("amountUsd")::text from "Price" p where p."assetId" = a.id) as "highestPriceUsd"
  from "Asset" a left join "Run" r on r."assetId" = a.id and r.kind = 'PROCESS'
  where a."companyId" = (select id from "Company" where handle = 'kickoff-metrics') and a.active group by a.id`;
const FIELDS = 'runCount buyerCount successRate favoriteCount lowestPriceUsd highestPriceUsd';

const RUN = `run { id status credits isBilled cacheStatus parameters rowCount outcome { ... on CalculationResult { value } ... on RunFailure { code message } } }`;

async function balances(w: World): Promise<Record<string, unknown>> {
  const rows = await w.sql(
    `select c.handle || ' ' || a.kind::text as account, coalesce(sum(e.amount), 0)::int as amount from "JournalAccount" a
       join "Company" c on c.id = a."companyId" left join "JournalEntry" e on e."accountId" = a.id
       where (c.handle, a.kind::text) in (('northgate-capital', 'BUYER_CREDITS'), ('kickoff-metrics', 'SELLER_EARNINGS')) group by 1 order by 1`,
  );
  return Object.fromEntries(rows.map((row) => [String(row['account']), row['amount']]));
}

/** How far the buyer's credits and the seller's cents have moved since `keep`. */
async function moved(w: World): Promise<{ buyerCredits: number; sellerCents: number }> {
  const now = await balances(w);
  const then = JSON.parse(w.kept['balances'] ?? '{}') as Record<string, number>;
  const by = (account: string): number => Number(now[account]) - Number(then[account]);
  return {
    buyerCredits: by('northgate-capital BUYER_CREDITS'),
    sellerCents: by('kickoff-metrics SELLER_EARNINGS'),
  };
}

const keep = async (w: World): Promise<unknown> => (w.kept['balances'] = JSON.stringify(await balances(w)));

/** Finding assets, their statistics, and running them. */
export const market: Row[] = [
  {
    id: 'OP-027',
    rest: 'GET /companies/{company_id}/assets/search',
    what: 'Searches own assets and the marketplace, with facets and what resembles one.',
    field: 'marketplace.assets',
    document: `query SearchAssets {
      company { assets(search: "odds", first: 20, orderBy: { field: NAME, direction: ASC }) { totalCount { value } nodes { slug } } }
      marketplace {
        assets(search: "odds", first: 3, orderBy: { field: PRICE_USD, direction: DESC }) { totalCount { value } nodes { slug price { priceUsd } } }
        ofAKind: assets(where: { category: { eq: "Odds and Betting Markets" }, tags: { eq: "odds" } }, orderBy: { field: TRENDING, direction: DESC }) { totalCount { value } }
        assetFacets(search: "odds") { kind value count }
        facetsOfAKind: assetFacets(where: { category: { eq: "Odds and Betting Markets" }, tags: { eq: "odds" } }) { kind value count }
        asset(by: { path: "kickoff-metrics/home-advantage-index" }) { recommendations(first: 2) { listing { slug } score reasons } }
      }
    }`,
    check({ company, marketplace }) {
      expect(company.assets).toEqual({
        totalCount: { value: 6 },
        nodes: [
          'bookmaker-calibration-curve',
          'bookmaker-margins-month-by-month',
          'closing-price-favourite-strike-rate',
          'largest-line-moves-of-a-season',
          'lowest-bookmaker-margin-at-close',
          'return-on-backing-away-underdogs',
        ].map((slug) => ({ slug })),
      });
      expect(marketplace.assets).toEqual({
        totalCount: { value: 6 },
        nodes: [
          { slug: 'largest-line-moves-of-a-season', price: { priceUsd: '9.00' } },
          { slug: 'bookmaker-calibration-curve', price: { priceUsd: '6.50' } },
          { slug: 'bookmaker-margins-month-by-month', price: { priceUsd: '3.00' } },
        ],
      });
      expect(marketplace.ofAKind.totalCount.value).toBe(5);
      expect(marketplace.facetsOfAKind).toContainEqual({ kind: 'TAG', value: 'odds', count: 5 });
      expect(marketplace.assetFacets).toEqual(
        expect.arrayContaining([
          { kind: 'ASSET_TYPE', value: 'CALCULATION', count: 3 },
          { kind: 'ASSET_TYPE', value: 'VISUALIZATION', count: 2 },
          { kind: 'ASSET_TYPE', value: 'DATA', count: 1 },
          { kind: 'TAG', value: 'odds', count: 6 },
          { kind: 'USE_CASE', value: 'Odds and Betting Markets', count: 5 },
        ]),
      );
      expect(marketplace.asset.recommendations.map((one: { score: number }) => one.score)).toEqual([9, 9]);
      const slugs = marketplace.asset.recommendations.map((one: { listing: { slug: string } }) => one.listing.slug);
      expect(slugs.toSorted()).toEqual(['league-table-on-any-date', 'team-profile-in-five-measures']);
    },
  },
  {
    id: 'OP-028',
    rest: 'GET /companies/{company_id}/assets/statistics',
    what: 'How each asset of the company is used.',
    field: 'asset.statistics',
    document: `query StatisticsOfAssets {
      company { assets(first: 20) { nodes { id name statistics { ${FIELDS} medianMs p95Ms lastRunAt } } } }
    }`,
    prepare: (w) => w.t.app.usage.flush(),
    async check({ company }, w) {
      const expected = new Map((await w.sql(STATISTICS)).map(({ id, ...rest }) => [id, rest]));
      expect(company.assets.nodes).toHaveLength(13);
      for (const { id, statistics } of company.assets.nodes)
        expect(statistics).toMatchObject(expected.get(keyOf(id)) ?? { runCount: 'none' });
      const runs = company.assets.nodes.map((asset: { statistics: { runCount: number } }) => asset.statistics.runCount);
      expect(Math.max(...runs)).toBeGreaterThan(50);
    },
  },
  {
    id: 'OP-036',
    rest: 'GET /companies/{company_id}/assets/{asset_id}/statistics',
    what: 'The same of one asset, for everybody.',
    field: 'assetListing.statistics',
    as: 'anonymous',
    document: `query PublicStatistics { marketplace { asset(by: { path: "kickoff-metrics/home-advantage-index" }) { name statistics { ${FIELDS} } } } }`,
    prepare: (w) => w.t.app.usage.flush(),
    async check({ marketplace: { asset } }, w) {
      const row = (await w.sql(STATISTICS)).find(({ id }) => id === keyOf(demo.homeAdvantage));
      expect(asset.name).toBe('Home Advantage Index');
      expect({ id: keyOf(demo.homeAdvantage), ...asset.statistics }).toEqual(row);
    },
  },
  {
    id: 'OP-023',
    rest: 'GET /analyze/{company_handle}/assets/{asset_slug}',
    what: 'Runs an asset by its address; the buyer is charged where it succeeds. A mutation, for it costs.',
    field: 'assetProcess',
    as: 'buyer',
    document: `mutation Process {
      assetProcess(input: { address: { companyHandle: "kickoff-metrics", slug: "home-advantage-index" }, maxCredits: 5 }) { ${RUN} ${userErrors} }
    }`,
    prepare: keep,
    async check({ assetProcess: { run } }, w) {
      expect(run).toEqual({
        id: run.id,
        status: 'SUCCEEDED',
        credits: 1,
        isBilled: true,
        cacheStatus: 'MISS',
        parameters: { season: 2026 },
        rowCount: 1,
        outcome: { value: '0.408' },
      });
      // 50 cents, of which the seller has 80 %.
      expect(await moved(w)).toEqual({ buyerCredits: -1, sellerCents: 40 });
      const dear = this.document.replace('maxCredits: 5', 'maxCredits: 0');
      expect(await w.refused(dear, {}, 'buyer')).toEqual(['PRICE_TOO_HIGH input.maxCredits']);
      expect(await moved(w)).toEqual({ buyerCredits: -1, sellerCents: 40 });
      const own = await w.ask(this.document, {}, 'seller');
      expect(own.assetProcess.run).toMatchObject({ credits: 0, isBilled: false, outcome: { value: '0.408' } });
    },
  },
  {
    id: 'OP-024',
    rest: 'POST /analyze/{company_handle}/assets/{asset_slug}',
    what: 'The same with values for its parameters; a repeated key is charged once.',
    field: 'assetProcess',
    as: 'buyer',
    document: `mutation ProcessWithParameters($input: AssetProcessInput!) { assetProcess(input: $input) { ${RUN} ${userErrors} } }`,
    variables: () => ({
      input: {
        address: { companyHandle: 'kickoff-metrics', slug: 'home-advantage-index' },
        parameters: { season: 2022 },
        idempotencyKey: 'home-advantage-2022',
      },
    }),
    prepare: keep,
    async check({ assetProcess: { run } }, w) {
      expect(run).toMatchObject({
        status: 'SUCCEEDED',
        credits: 1,
        isBilled: true,
        parameters: { season: 2022 },
        outcome: { value: '0.443' },
      });
      const again = await w.ask(this.document, this.variables?.(w.kept), 'buyer');
      expect(again.assetProcess.run.id).toBe(run.id);
      expect(await moved(w)).toEqual({ buyerCredits: -1, sellerCents: 40 });
      const wrong = { assetId: demo.homeAdvantage, parameters: { season: 1999 } };
      expect(await w.refused(this.document, { input: wrong }, 'buyer')).toEqual(['VALIDATION input.parameters.season']);
      expect(await moved(w)).toEqual({ buyerCredits: -1, sellerCents: 40 });
    },
  },
];
