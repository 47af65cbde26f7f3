import { expect } from 'vitest';
import { assets as demo, connection, keyOf } from './demo.ts';
import { userErrors, type Row } from './row.ts';

const BY_ID = (fields: string): string => `query ($id: ID!) { company { asset(by: { id: $id }) { ${fields} } } }`;

/** Making, reading, changing and deleting assets. */
export const assets: Row[] = [
  {
    id: 'OP-025',
    rest: 'GET /companies/{company_id}/assets',
    what: 'All assets of the company.',
    field: 'company.assets',
    document: `query Assets {
      company { assets(first: 20, orderBy: { field: NAME, direction: ASC }) { totalCount { value isExact } nodes { name assetType isListed } pageInfo { hasNextPage } } }
    }`,
    async check({ company: { assets } }, w) {
      expect(assets.totalCount).toEqual({ value: 13, isExact: true });
      expect(assets.pageInfo.hasNextPage).toBe(false);
      expect(assets.nodes[0]).toEqual({
        name: 'Bookmaker Calibration Curve',
        assetType: 'VISUALIZATION',
        isListed: true,
      });
      const rows = await w.sql(
        `select a.name, a."assetType"::text as "assetType", a."sellInMarketplace" as "isListed" from "Asset" a
           join "Company" c on c.id = a."companyId" where c.handle = 'kickoff-metrics' and a.active`,
      );
      expect(assets.nodes).toHaveLength(13);
      expect(assets.nodes).toEqual(expect.arrayContaining(rows));
    },
  },
  {
    id: 'OP-026',
    rest: 'POST /companies/{company_id}/assets',
    what: 'Makes an asset; its slug comes from the name. Listing it is assetPublish.',
    field: 'assetCreate',
    document: `mutation AssetCreate($input: AssetCreateInput!) {
      assetCreate(input: $input) { asset { id name slug source assetType isListed version } ${userErrors} }
    }`,
    variables: () => ({
      input: {
        name: 'Away Wins of a Season',
        assetType: 'CALCULATION',
        connectionId: connection,
        sourceSchemaName: 'main',
        sourceTableName: 'matches',
        sqlLogic:
          "select count(*) as answer_value from matches where result = 'A' and season = CAST(:season AS INTEGER)",
        parameters: [{ name: 'season', type: 'INTEGER', defaultValue: 2026 }],
        allowParams: true,
        acceptTerms: true,
        tags: ['football', 'results'],
        topQuestions: ['How often did the visitors win that season?'],
      },
    }),
    async check({ assetCreate: { asset } }, w) {
      expect(asset).toEqual({
        id: expect.any(String),
        name: 'Away Wins of a Season',
        slug: 'away-wins-of-a-season',
        source: 'MANUAL',
        assetType: 'CALCULATION',
        isListed: false,
        version: 1,
      });
      w.kept['assetId'] = asset.id;
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['CONFLICT input.name']);
    },
  },
  {
    id: 'OP-030',
    rest: 'GET /companies/{company_id}/assets/{asset_id}',
    what: 'One asset, by its id or slug.',
    field: 'company.asset',
    document: `query Asset($id: ID!) {
      company { asset(by: { id: $id }) { name slug sqlLogic takesParameters parameters { name type defaultValue isRequired } tags topQuestions owner { name } connection { name } } }
    }`,
    variables: (kept) => ({ id: kept['assetId'] }),
    async check({ company: { asset } }, w) {
      expect(asset).toEqual({
        name: 'Away Wins of a Season',
        slug: 'away-wins-of-a-season',
        sqlLogic:
          "select count(*) as answer_value from matches where result = 'A' and season = CAST(:season AS INTEGER)",
        takesParameters: true,
        parameters: [{ name: 'season', type: 'INTEGER', defaultValue: 2026, isRequired: false }],
        tags: ['football', 'results'],
        topQuestions: ['How often did the visitors win that season?'],
        owner: { name: 'Amara Osei' },
        connection: { name: 'Sports warehouse' },
      });
      expect(await w.ask(this.document, this.variables?.(w.kept), 'buyer')).toEqual({ company: { asset: null } });
    },
  },
  {
    id: 'OP-037',
    rest: 'GET /companies/{company_id}/assets/{asset_id}/test',
    what: 'Runs an asset for its seller, free, capped and where it can on a sample, before anybody pays for it.',
    field: 'assetTest',
    document: `mutation AssetTest($input: AssetTestInput!) {
      assetTest(input: $input) { run { kind status credits isBilled rowCount parameters outcome { ... on CalculationResult { value isSample } ... on RunFailure { code message } } sample { table fraction } warnings } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { id: kept['assetId'] } }),
    async check({ assetTest: { run } }, w) {
      expect(run).toEqual({
        kind: 'TEST',
        status: 'SUCCEEDED',
        credits: 0,
        isBilled: false,
        rowCount: 1,
        parameters: { season: 2026 },
        outcome: { value: expect.any(String), isSample: true },
        sample: { table: 'matches', fraction: 0.1 },
        warnings: expect.arrayContaining([expect.stringContaining('of a sample')]),
      });
      // All rows give 1970.
      expect(Math.abs(Number(run.outcome.value) - 197)).toBeLessThan(60);
      const { company } = await w.ask(BY_ID('lastTestOkAt'), { id: w.kept['assetId'] });
      expect(Date.now() - Date.parse(company.asset.lastTestOkAt)).toBeLessThan(60_000);
    },
  },
  {
    id: 'OP-038',
    rest: 'POST /companies/{company_id}/assets/{asset_id}/test',
    what: 'The same with values for its parameters.',
    field: 'assetTest',
    document: `mutation AssetTestWithParameters($input: AssetTestInput!) {
      assetTest(input: $input) { run { status isBilled parameters outcome { ... on CalculationResult { value isSample } ... on RunFailure { code message } } } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { id: kept['assetId'], parameters: { season: 2023 } } }),
    async check({ assetTest: { run } }, w) {
      expect(run).toEqual({
        status: 'SUCCEEDED',
        isBilled: false,
        parameters: { season: 2023 },
        outcome: { value: expect.any(String), isSample: true },
      });
      // All rows give 1908.
      expect(Math.abs(Number(run.outcome.value) - 191)).toBeLessThan(60);
      const wrong = { input: { id: w.kept['assetId'], parameters: { season: 'spring', league: 1 } } };
      expect((await w.refused(this.document, wrong)).toSorted()).toEqual([
        'VALIDATION input.parameters.league',
        'VALIDATION input.parameters.season',
      ]);
    },
  },
  {
    id: 'OP-031',
    rest: 'PATCH /companies/{company_id}/assets/{asset_id}',
    what: 'Changes what is given. Listing is assetPublish, delisting assetUnpublish.',
    field: 'assetUpdate',
    document: `mutation AssetUpdate($input: AssetUpdateInput!, $delist: AssetUnpublishInput!) {
      assetUpdate(input: $input) { asset { description tags slug version } ${userErrors} }
      assetUnpublish(input: $delist) { asset { isListed } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: { id: kept['assetId'], description: 'Wins of the visiting side.', tags: ['football'] },
      delist: { id: kept['assetId'] },
    }),
    async prepare(w) {
      const id = w.kept['assetId'];
      const missing = await w.refused(`mutation ($id: ID!) { assetPublish(input: { id: $id }) { ${userErrors} } }`, {
        id,
      });
      expect(missing).toEqual(['NOT_LISTABLE input.id']);
      await w.ask(
        `mutation ($id: ID!) { assetPriceCreate(input: { assetId: $id, priceUsd: "1.00" }) { ${userErrors} }
           assetPublish(input: { id: $id }) { asset { isListed } ${userErrors} } }`,
        { id },
      );
      const seen = await w.ask('query ($id: ID!) { marketplace { asset(by: { id: $id }) { name } } }', { id }, 'buyer');
      expect(seen.marketplace.asset).toEqual({ name: 'Away Wins of a Season' });
    },
    async check({ assetUpdate, assetUnpublish }, w) {
      const id = w.kept['assetId'];
      expect(assetUpdate.asset).toEqual({
        description: 'Wins of the visiting side.',
        tags: ['football'],
        slug: 'away-wins-of-a-season',
        version: 3,
      });
      expect(assetUnpublish.asset).toEqual({ isListed: false });
      const seen = await w.ask('query ($id: ID!) { marketplace { asset(by: { id: $id }) { name } } }', { id }, 'buyer');
      expect(seen.marketplace.asset).toBe(null);
      const { company } = await w.ask(BY_ID('description isListed'), { id });
      expect(company.asset).toEqual({ description: 'Wins of the visiting side.', isListed: false });
      const stale = { input: { id, name: 'Other', expectedVersion: 1 }, delist: { id } };
      expect(await w.refused(this.document, stale)).toEqual(['VERSION_CONFLICT input.expectedVersion']);
    },
  },
  {
    id: 'OP-032',
    rest: 'GET /companies/{company_id}/assets/{asset_id}/infoschema',
    what: 'The columns of the table behind an asset, read from the engine; nothing is stored.',
    field: 'asset.informationSchema',
    document: `query AssetInformationSchema($id: ID!) {
      company { asset(by: { id: $id }) { informationSchema { schema name rowEstimate columns { name type engineType isNullable } } schema } }
    }`,
    variables: (kept) => ({ id: kept['assetId'] }),
    check({ company: { asset } }) {
      expect(asset.schema).toBe(null);
      expect(asset.informationSchema).toMatchObject({ schema: 'main', name: 'matches', rowEstimate: 30_400 });
      expect(asset.informationSchema.columns).toHaveLength(17);
      expect(asset.informationSchema.columns[8]).toEqual({
        name: 'home_rating',
        type: 'DECIMAL',
        engineType: 'DECIMAL(7,1)',
        isNullable: true,
      });
    },
  },
  {
    id: 'OP-033',
    rest: 'GET /companies/{company_id}/assets/{asset_id}/infoschema/save',
    what: 'Reads the same and stores it; a mutation, for it has an effect.',
    field: 'assetRefreshSchema',
    document: `mutation AssetRefreshSchema($input: AssetRefreshSchemaInput!) {
      assetRefreshSchema(input: $input) { asset { schema } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { id: kept['assetId'] } }),
    async check({ assetRefreshSchema: { asset } }, w) {
      expect(asset.schema).toMatchObject({ schema: 'main', name: 'matches' });
      const { company } = await w.ask(BY_ID('schema'), { id: w.kept['assetId'] });
      expect(company.asset.schema).toEqual(asset.schema);
      expect(company.asset.schema.columns.map((column: { name: string }) => column.name)).toContain('attendance');
      const [row] = await w.sql('select "assetSchema" as stored from "Asset" where id = $1', [
        keyOf(w.kept['assetId'] ?? ''),
      ]);
      expect(row?.['stored']).toEqual(asset.schema);
    },
  },
  {
    id: 'OP-035',
    rest: 'POST /companies/{company_id}/assets/{asset_id}/scan_column',
    what: 'The different values of a column of its table.',
    field: 'asset.distinctValues',
    document: `query DistinctValues($id: ID!) { company { asset(by: { id: $id }) { distinctValues(column: "result", limit: 10) } } }`,
    variables: (kept) => ({ id: kept['assetId'] }),
    async check({ company: { asset } }, w) {
      expect(asset.distinctValues).toEqual(['A', 'D', 'H']);
      const { errors } = await w.t.run(w.keys.seller, BY_ID('distinctValues(column: "no_column")'), {
        id: w.kept['assetId'],
      });
      expect(errors?.map((error) => error.extensions.code)).toEqual(['NOT_FOUND']);
    },
  },
  {
    id: 'OP-034',
    rest: 'GET /companies/{company_id}/assets/{asset_id}/predicted_price',
    what: 'What comparable assets cost, adjusted, with the reasons.',
    field: 'asset.predictedPrice',
    document: `query PredictedPrice($id: ID!) {
      company { asset(by: { id: $id }) { predictedPrice { lowUsd suggestedUsd highUsd confidence comparedBy comparableCount comparables { name priceUsd } reasons } } }
    }`,
    variables: (kept) => ({ id: kept['assetId'] }),
    async check({ company: { asset } }, w) {
      const { predictedPrice: found } = asset;
      // Neither use case nor industry are set, so that calculations of other sellers are compared.
      const [row] = await w.sql(
        `select count(*)::int as count, percentile_cont(0.5) within group (order by p."amountUsd")::numeric(10, 2)::text as median
           from "Asset" a join "Price" p on p."assetId" = a.id and p."endedAt" is null join "Company" c on c.id = a."companyId"
           where a."assetType" = 'CALCULATION' and a."sellInMarketplace" and a.active and c.handle <> 'kickoff-metrics' and p."amountUsd" > 0`,
      );
      expect(found).toMatchObject({ comparedBy: 'ASSET_TYPE', comparableCount: row?.['count'] });
      expect(found.reasons[0]).toBe(
        `The median of ${row?.['count']} prices of assets of the same type is $${row?.['median']}.`,
      );
      expect(Number(found.lowUsd)).toBeLessThanOrEqual(Number(found.suggestedUsd));
      expect(Number(found.suggestedUsd)).toBeLessThanOrEqual(Number(found.highUsd));
      expect(found.confidence).toBeGreaterThan(0);
    },
  },
  {
    id: 'OP-029',
    rest: 'DELETE /companies/{company_id}/assets/{asset_id}',
    what: 'Deletes an asset; runs and receipts stay.',
    field: 'assetDelete',
    document: `mutation AssetDelete($input: AssetDeleteInput!) { assetDelete(input: $input) { deletedId ${userErrors} } }`,
    variables: (kept) => ({ input: { id: kept['assetId'] } }),
    async check({ assetDelete }, w) {
      const id = w.kept['assetId'] ?? '';
      expect(assetDelete.deletedId).toBe(id);
      const read = await w.ask(
        'query ($id: ID!) { company { asset(by: { id: $id }) { id } assets { totalCount { value } } } node(id: $id) { id } }',
        { id },
      );
      expect(read).toEqual({ company: { asset: null, assets: { totalCount: { value: 13 } } }, node: null });
      expect(await w.sql('select active from "Asset" where id = $1', [keyOf(id)])).toEqual([{ active: false }]);
      expect(await w.sql('select count(*)::int as runs from "Run" where "assetId" = $1', [keyOf(id)])).toEqual([
        { runs: 2 },
      ]);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['NOT_FOUND input.id']);
      expect(await w.refused(this.document, { input: { id: demo.grossMargin } })).toEqual(['NOT_FOUND input.id']);
    },
  },
];
