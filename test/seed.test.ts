import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoCompanies } from '../prisma/seed/companies.ts';
import { demoAssets, demoEndpoints } from '../prisma/seed/products.ts';
import { checkRollups } from '../src/analytics/check.ts';
import type { Parameter } from '../src/assets/params.ts';
import { seedDemo } from '../src/demo.ts';
import { parseGlobalId } from '../src/ids.ts';
import { checkLedger } from '../src/credits/journal.ts';
import { process } from './assets.fixtures.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
const said: string[] = [];
beforeAll(async () => {
  t = await testGateway({ DEMO: 'true', DATABASE_POOL: '10' });
  expect(t.app.isDemo).toBe(true);
  await seedDemo(t.app, (text) => void said.push(text));
}, 600_000);
afterAll(() => t.close());

const keyOf = (company: string, role: string): string =>
  said.map((line) => line.trim().split(/\s+/)).find((words) => words[0] === company && words[1] === role)?.[2] ?? '';

/** How much there is of everything. */
async function counts(): Promise<Record<string, number>> {
  const tables = await t.app.database.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_name <> '_prisma_migrations' order by 1`,
    [],
  );
  const all: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await t.app.database.query<{ n: number }>(`select count(*)::int as n from "${name}"`, []);
    all[name] = row?.n ?? 0;
  }
  return all;
}

/** Values as a buyer gives them who knows nothing more than the listing says. */
function sensible(parameters: Parameter[]): Record<string, unknown> {
  const guess = { STRING: 'x', INTEGER: 1, DECIMAL: '1', BOOLEAN: true, DATE: '2026-06-01' };
  return Object.fromEntries(
    parameters
      .filter(({ isRequired, defaultValue }) => isRequired && defaultValue === null)
      .map(({ name, type, allowedValues }) => [name, allowedValues?.[0] ?? guess[type]]),
  );
}

describe('the demo market', () => {
  it('has companies, products and a history', async () => {
    const all = await counts();
    expect(all).toMatchObject({
      Company: 5,
      User: 25,
      ApiKey: 6,
      Connection: 4,
      Asset: demoAssets.length,
      Endpoint: demoEndpoints.length,
      Price: 3 * (demoAssets.length + demoEndpoints.length),
      PriceDiscount: 4,
      Integration: 5,
    });
    expect(all['Asset']).toBeGreaterThanOrEqual(30);
    expect(all['Endpoint']).toBeGreaterThanOrEqual(8);
    for (const [table, least] of [
      ['Run', 500],
      ['UsageEvent', 500],
      ['UsageRollup', 100],
      ['JournalEntry', 1000],
      ['Post', 15],
      ['Publication', 8],
      ['Favorite', 50],
      ['Alert', 10],
    ] as const)
      expect(all[table], table).toBeGreaterThanOrEqual(least);
    const types = await t.app.database.prisma.asset.groupBy({ by: ['assetType'], _count: true });
    expect(types.map(({ assetType }) => assetType).toSorted()).toEqual(['CALCULATION', 'DATA', 'VISUALIZATION']);
  });

  it('has a year of prices without gaps, eight weeks of runs charged by them, and sales that run', async () => {
    const [prices] = await t.app.database.query(
      `select max(now() - "startedAt") between interval '360 days' and interval '370 days' as "isYear", count(*) filter (where "endedAt" is null)::int as active,
         (select count(*)::int from "Price" a where a."endedAt" is not null and not exists (select from "Price" b where coalesce(b."assetId", b."endpointId") = coalesce(a."assetId", a."endpointId") and b."startedAt" = a."endedAt")) as gaps from "Price"`,
      [],
    );
    expect(prices).toEqual({ isYear: true, active: demoAssets.length + demoEndpoints.length, gaps: 0 });
    const [runs] = await t.app.database.query(
      `select min("startedAt") > now() - interval '60 days' and min("startedAt") < now() - interval '50 days' and max("startedAt") <= now() as "isTwoMonths",
         count(distinct "companyId")::int as buyers, count(*) filter (where status = 'FAILED') > 0 as "hasFailures", bool_and(status <> 'RUNNING') as "isOver" from "Run"`,
      [],
    );
    expect(runs).toEqual({ isTwoMonths: true, buyers: 5, hasFailures: true, isOver: true });
    const wrong = await t.app.database.query(
      `select r.id from "Run" r join "Price" p on p.id = r."priceId" left join "PriceDiscount" d on d."priceId" = p.id and d."saleStartAt" <= r."startedAt" and r."startedAt" < d."saleEndAt"
       where r."startedAt" < p."startedAt" or r."isBilled" and r.credits <> ceil(round(p."amountUsd" * (1 - coalesce(d.percentage, 0) / 100), 2) / 0.5)`,
      [],
    );
    expect(wrong).toEqual([]);
    const [sales] = await t.app.database.query(
      'select count(*) filter (where "saleStartAt" <= now() and now() < "saleEndAt")::int as now, count(*) filter (where "saleStartAt" > now())::int as later from "PriceDiscount"',
      [],
    );
    expect(sales).toEqual({ now: 3, later: 1 });
  });

  it('has books that are right, and rollups that equal the events', async () => {
    expect(await checkLedger(t.app.database.query)).toEqual([]);
    expect(await checkRollups(t.app.database.query)).toEqual([]);
    const [earned] = await t.app.database.query(
      `select (select sum("earningsCents") from "UsageEvent")::text = (select sum(e.amount) from "JournalEntry" e join "JournalAccount" a on a.id = e."accountId" where a.kind = 'SELLER_EARNINGS')::text as "isSame"`,
      [],
    );
    expect(earned).toEqual({ isSame: true });
  });

  it('has posts that use runs of their own company', async () => {
    for (const company of ['seller', 'buyer']) {
      const { data } = await t.run(
        keyOf(company, 'OWNER'),
        '{ company { posts { nodes { successfulInsightsCount costs { dataCredits } insights { runId assetName } } } } }',
      );
      const posts = data.company.posts.nodes as {
        successfulInsightsCount: number;
        costs: { dataCredits: number };
        insights: { runId: string; assetName: string }[];
      }[];
      const used = posts.flatMap(({ insights }) => insights);
      expect(used.length).toBeGreaterThan(0);
      expect(posts.map((post) => post.successfulInsightsCount)).toEqual(posts.map(({ insights }) => insights.length));
      const runs = await t.run(
        keyOf(company, 'OWNER'),
        'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Run { id status credits isBilled } } }',
        { ids: used.map(({ runId }) => runId) },
      );
      const nodes = runs.data.nodes as { id: string; status: string; credits: number; isBilled: boolean }[];
      expect(nodes.map(({ id, status }) => [id, status])).toEqual(used.map(({ runId }) => [runId, 'SUCCEEDED']));
      const charged = nodes.reduce((sum, { credits, isBilled }) => sum + (isBilled ? credits : 0), 0);
      expect(posts.reduce((sum, { costs }) => sum + costs.dataCredits, 0)).toBe(charged);
    }
  });

  it('prints keys that work', async () => {
    expect(said.join('\n')).toContain('shown this once');
    for (const [company, role] of [
      ['seller', 'OWNER'],
      ['seller', 'ADMIN'],
      ['seller', 'EDITOR'],
      ['seller', 'ANALYST'],
      ['seller', 'VIEWER'],
      ['buyer', 'OWNER'],
    ] as const) {
      const { data } = await t.run(keyOf(company, role), '{ company { handle } viewer { role } }');
      const handle = demoCompanies.find((one) => (company === 'seller') === (one.seller !== null))?.handle;
      expect(data).toEqual({ company: { handle }, viewer: { role } });
    }
  });

  it('lists assets every one of which runs and is paid', { timeout: 600_000 }, async () => {
    const { data } = await t.run(
      null,
      '{ marketplace { assets(first: 100) { nodes { id name assetType price { effectiveCredits } parameters { name type isRequired defaultValue allowedValues } } } } }',
    );
    const listed = data.marketplace.assets.nodes as {
      id: string;
      name: string;
      assetType: string;
      price: { effectiveCredits: number };
      parameters: Parameter[];
    }[];
    expect(listed).toHaveLength(demoAssets.filter(({ isListed }) => isListed).length);
    const buyer = keyOf('buyer', 'OWNER');
    for (const { id, name, assetType, price, parameters } of listed) {
      const { run, userErrors } = await process(
        t,
        buyer,
        { id: parseGlobalId(id)?.key ?? '' },
        { parameters: sensible(parameters), maxCredits: price.effectiveCredits },
      );
      expect(userErrors, name).toEqual([]);
      expect(run, `${name}: ${JSON.stringify(run.outcome)}`).toMatchObject({
        status: 'SUCCEEDED',
        credits: price.effectiveCredits,
      });
      expect(run.outcome.__typename, name).toBe(
        { CALCULATION: 'CalculationResult', DATA: 'DataResult', VISUALIZATION: 'VisualizationResult' }[assetType],
      );
      if (assetType !== 'CALCULATION') expect(run.rowCount, name).toBeGreaterThan(0);
      if (assetType === 'VISUALIZATION') expect(run.outcome.figure.data.length, name).toBeGreaterThan(0);
    }
    expect(await checkLedger(t.app.database.query)).toEqual([]);
  });

  it('lists endpoints every one of which answers with rows', { timeout: 600_000 }, async () => {
    const { data } = await t.run(
      null,
      '{ marketplace { endpoints(first: 50) { nodes { id name columns { name } parameters { name } } } } }',
    );
    const listed = data.marketplace.endpoints.nodes as {
      id: string;
      name: string;
      columns: unknown[];
      parameters: { name: string }[];
    }[];
    expect(listed.length).toBeGreaterThanOrEqual(8);
    for (const { id, name, columns, parameters: taken } of listed) {
      const parameters = Object.fromEntries(taken.map((one) => [one.name, one.name === 'since' ? '2026-01-01' : 1]));
      const answer = await t.run(
        keyOf('buyer', 'OWNER'),
        'mutation ($input: EndpointFetchInput!) { endpointFetch(input: $input) { page { rowCount columns { name } } run { status errorCode: outcome { ... on RunFailure { code message } } } userErrors { code message path } } }',
        { input: { endpointId: id, limit: 5, parameters } },
      );
      expect(answer.errors, name).toBeUndefined();
      expect(answer.data.endpointFetch, name).toMatchObject({
        userErrors: [],
        run: { status: 'SUCCEEDED' },
        page: { rowCount: 5 },
      });
      expect(answer.data.endpointFetch.page.columns, name).toHaveLength(columns.length);
    }
  });

  it('is not made twice', async () => {
    await t.app.usage.flush();
    const before = await counts();
    const lines = said.length;
    await seedDemo(t.app, (text) => void said.push(text));
    expect(await counts()).toEqual(before);
    expect(said).toHaveLength(lines);
  });
});
