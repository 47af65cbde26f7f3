import { expect } from 'vitest';
import { assets, keyOf, prices as demoPrices } from './demo.ts';
import { userErrors, type Row } from './row.ts';

const clubBudgets = keyOf(assets.clubBudgets);
const COUNT = 'select count(*)::int as n from "Price"';

export const prices: Row[] = [
  {
    id: 'OP-015',
    rest: 'GET /companies/{company_id}/assets/{asset_id}/prices',
    what: 'All prices that an asset has had, the latest first.',
    field: 'asset.prices',
    document: `query PriceHistory($id: ID!) {
      company { asset(by: { id: $id }) { prices(orderBy: { field: STARTED_AT, direction: DESC }) { nodes { priceUsd credits isActive startedAt endedAt } } } }
    }`,
    variables: () => ({ id: assets.clubBudgets }),
    check({ company: { asset } }) {
      const rows = asset.prices.nodes;
      expect(rows).toMatchObject([
        { priceUsd: '4.00', credits: 8, isActive: true, endedAt: null },
        { priceUsd: '3.00', credits: 6, isActive: false, endedAt: rows[0].startedAt },
        { priceUsd: '2.00', credits: 4, isActive: false, endedAt: rows[1].startedAt },
      ]);
    },
  },
  {
    id: 'OP-018',
    rest: 'POST /companies/{company_id}/assets/{asset_id}/prices/calculate_credits',
    what: 'What a price comes to in credits; nothing is stored.',
    field: 'priceQuote',
    document: `query PriceQuote {
      priceQuote(priceUsd: "0.75", discountPercentage: "40") { priceUsd credits effectivePriceUsd effectiveCredits }
    }`,
    prepare: async (w) => (w.kept['priceCount'] = String((await w.sql(COUNT))[0]?.['n'])),
    async check({ priceQuote }, w) {
      expect(priceQuote).toEqual({ priceUsd: '0.75', credits: 2, effectivePriceUsd: '0.45', effectiveCredits: 1 });
      expect(await w.sql(COUNT)).toEqual([{ n: Number(w.kept['priceCount']) }]);
    },
  },
  {
    id: 'OP-016',
    rest: 'POST /companies/{company_id}/assets/{asset_id}/prices',
    what: 'Sets a new price and ends the former one.',
    field: 'assetPriceCreate',
    document: `mutation AssetPriceCreate($input: AssetPriceCreateInput!) {
      assetPriceCreate(input: $input) { price { id priceUsd credits isActive startedAt endedAt } ${userErrors} }
    }`,
    variables: () => ({ input: { assetId: assets.clubBudgets, priceUsd: '3.30' } }),
    async check({ assetPriceCreate: { price } }, w) {
      expect(price).toMatchObject({ priceUsd: '3.30', credits: 7, isActive: true, endedAt: null });
      w.kept['priceId'] = price.id;
      const rows = await w.sql(
        'select "amountUsd"::text as usd, "endedAt" as ended from "Price" where "assetId" = $1 order by "startedAt" desc limit 2',
        [clubBudgets],
      );
      expect(rows).toEqual([
        { usd: '3.30', ended: null },
        { usd: '4.00', ended: new Date(price.startedAt) },
      ]);
    },
  },
  {
    id: 'OP-017',
    rest: 'GET /companies/{company_id}/assets/{asset_id}/prices/active',
    what: 'The price that an asset has now, with the sale that is on.',
    field: 'asset.activePrice',
    document: `query ActivePrice($id: ID!) {
      company { asset(by: { id: $id }) { activePrice { id priceUsd credits effectivePriceUsd effectiveCredits activeDiscount { percentage } } } }
    }`,
    variables: () => ({ id: assets.clubBudgets }),
    check({ company: { asset } }, { kept }) {
      expect(asset.activePrice).toEqual({
        id: kept['priceId'],
        priceUsd: '3.30',
        credits: 7,
        effectivePriceUsd: '3.30',
        effectiveCredits: 7,
        activeDiscount: null,
      });
    },
  },
  {
    id: 'OP-019',
    rest: 'POST /companies/{company_id}/assets/{asset_id}/prices/discount',
    what: 'Puts a sale on the active price of an asset, for a time.',
    field: 'assetPriceDiscount',
    document: `mutation AssetPriceDiscount($input: AssetPriceDiscountInput!) {
      assetPriceDiscount(input: $input) { price { id priceUsd effectivePriceUsd effectiveCredits activeDiscount { percentage saleEndAt } } ${userErrors} }
    }`,
    variables: () => ({
      input: {
        assetId: assets.clubBudgets,
        percentage: '25',
        saleStartAt: '2020-01-01T00:00:00Z',
        saleEndAt: '2036-01-01T00:00:00Z',
      },
    }),
    async check({ assetPriceDiscount: { price } }, w) {
      expect(price).toEqual({
        id: w.kept['priceId'],
        priceUsd: '3.30',
        effectivePriceUsd: '2.48',
        effectiveCredits: 5,
        activeDiscount: { percentage: '25.00', saleEndAt: '2036-01-01T00:00:00.000Z' },
      });
      const seen = await w.ask(
        'query ($id: ID!) { marketplace { asset(by: { id: $id }) { price { effectivePriceUsd effectiveCredits } } } }',
        { id: assets.clubBudgets },
        'buyer',
      );
      expect(seen.marketplace.asset.price).toEqual({ effectivePriceUsd: '2.48', effectiveCredits: 5 });
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['CONFLICT input.saleStartAt']);
    },
  },
  {
    id: 'OP-021',
    rest: 'GET /companies/{company_id}/assets/{asset_id}/prices/{aph_id}',
    what: 'One price.',
    field: 'node',
    document: `query Price($id: ID!) { node(id: $id) { ... on Price { priceUsd credits isActive version } } }`,
    variables: () => ({ id: demoPrices.firstOfClubBudgets }),
    async check({ node }, w) {
      expect(node).toEqual({ priceUsd: '2.00', credits: 4, isActive: false, version: 1 });
      expect(await w.ask(this.document, this.variables?.(w.kept), 'buyer')).toEqual({ node: null });
    },
  },
  {
    id: 'OP-022',
    rest: 'PATCH /companies/{company_id}/assets/{asset_id}/prices/{aph_id}',
    what: 'Corrects a price that nobody has been charged by yet, or ends it.',
    field: 'priceUpdate',
    document: `mutation PriceUpdate($input: PriceUpdateInput!) {
      priceUpdate(input: $input) { price { id priceUsd credits effectivePriceUsd version } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { id: kept['priceId'], priceUsd: '3.80', expectedVersion: 1 } }),
    async check({ priceUpdate: { price } }, w) {
      expect(price).toEqual({
        id: w.kept['priceId'],
        priceUsd: '3.80',
        credits: 8,
        effectivePriceUsd: '2.85',
        version: 2,
      });
      const [row] = await w.sql('select "amountUsd"::text as usd from "Price" where id = $1', [keyOf(price.id)]);
      expect(row).toEqual({ usd: '3.80' });
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
      expect(await w.refused(this.document, { input: { id: price.id, isEnded: true } })).toEqual(['IN_USE input.id']);
    },
  },
  {
    id: 'OP-020',
    rest: 'DELETE /companies/{company_id}/assets/{asset_id}/prices/{aph_id}',
    what: 'Deletes a price that nobody was charged by.',
    field: 'priceDelete',
    document: `mutation PriceDelete($input: PriceDeleteInput!) { priceDelete(input: $input) { deletedId ${userErrors} } }`,
    variables: () => ({ input: { id: demoPrices.firstOfClubBudgets } }),
    async check({ priceDelete }, w) {
      expect(priceDelete.deletedId).toBe(demoPrices.firstOfClubBudgets);
      const left = await w.sql(
        'select "amountUsd"::text as usd from "Price" where "assetId" = $1 order by "startedAt"',
        [clubBudgets],
      );
      expect(left).toEqual([{ usd: '3.00' }, { usd: '4.00' }, { usd: '3.80' }]);
      expect(await w.refused(this.document, { input: { id: w.kept['priceId'] } })).toEqual(['IN_USE input.id']);
    },
  },
];
