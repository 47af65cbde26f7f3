import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adjustmentOf, type Traits } from '../src/assets/predicted-price.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
let lapsed: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us', acceptedEula: true });
  them = await t.tenant({ handle: 'them', acceptedEula: true });
  lapsed = await t.tenant({ handle: 'lapsed', acceptedEula: false });
});
afterAll(() => t.close());

const plain: Traits = {
  assetType: 'DATA',
  dataSourceRefreshFrequency: 'EVERY_DAY',
  dataTimePeriodStart: null,
  dataTimePeriodEnd: null,
  geographicCoverageType: 'NATIONAL',
};
type More = Record<string, unknown>;
async function sell(seller: Tenant, usd: string | null, more: More = {}) {
  const asset = await t.world.asset(seller.company.id, { sellInMarketplace: true, ...plain, ...more });
  if (usd !== null) await t.world.price(seller.company.id, { assetId: asset.id }, usd);
  return asset;
}
const FIELDS =
  'lowUsd suggestedUsd highUsd confidence comparedBy comparableCount comparables { assetId name priceUsd } reasons';
const predict = async (key: string, asset: { id: string }) =>
  t.run(key, `query ($id: ID!) { company { asset(by: { id: $id }) { predictedPrice { ${FIELDS} } } } }`, {
    id: gid('Asset', asset),
  });
const predicted = async (asset: { id: string }) =>
  (await predict(us.keys.EDITOR, asset)).data.company.asset.predictedPrice;

describe('predicted prices work', () => {
  it('say nothing of what nothing is like, and take 5 to say something', async () => {
    const mine = await sell(us, '99.00', { useCaseId: 1, assetType: 'DATA' });
    expect(await predicted(mine)).toBe(null);
    for (const usd of ['1.00', '2.00', '3.00', '4.00']) await sell(them, usd, { useCaseId: 1 });
    // None of these counts: one's own, free ones, one without a price, one off the market, one of a seller without EULA.
    await sell(us, '50.00', { useCaseId: 1 });
    await sell(them, '0.00', { useCaseId: 1 });
    await sell(them, null, { useCaseId: 1 });
    await sell(them, '50.00', { useCaseId: 1, sellInMarketplace: false });
    await sell(lapsed, '50.00', { useCaseId: 1 });
    expect(await predicted(mine)).toBe(null);
    await sell(them, '10.00', { useCaseId: 1 });
    expect(await predicted(mine)).toMatchObject({
      lowUsd: '2.00',
      suggestedUsd: '3.00',
      highUsd: '4.00',
      comparedBy: 'USE_CASE',
      comparableCount: 5,
      confidence: 0.2,
      reasons: ['The median of 5 prices of assets of the same use case is $3.00.'],
    });
  });

  it('go by the industry, then by the type, where the use case has too few', async () => {
    for (let i = 0; i < 5; i++) await sell(them, '6.00', { industryId: 1, assetType: 'VISUALIZATION' });
    const byIndustry = await predicted(await sell(us, null, { industryId: 1, assetType: 'VISUALIZATION' }));
    expect(byIndustry).toMatchObject({ comparedBy: 'INDUSTRY', suggestedUsd: '6.00', confidence: 0.33 });
    const byType = await predicted(await sell(us, null, { assetType: 'VISUALIZATION' }));
    expect(byType).toMatchObject({ comparedBy: 'ASSET_TYPE', comparableCount: 5, suggestedUsd: '6.00' });
    expect(byType.reasons).toEqual(['The median of 5 prices of assets of the same type is $6.00.']);
  });

  it('are adjusted by what sets an asset apart from those, each with its reason', async () => {
    const number = await predicted(await sell(us, null, { industryId: 1, assetType: 'CALCULATION' }));
    expect(number).toMatchObject({ suggestedUsd: '4.50', lowUsd: '4.50', highUsd: '4.50' });
    expect(number.reasons).toEqual([
      'The median of 5 prices of assets of the same industry is $6.00.',
      '−26 %: it is a single number, unlike most of those.',
      'Prices are suggested in whole credits.',
    ]);
  });

  it('show the closest first, with their ids for the marketplace', async () => {
    const twin = await sell(them, '6.00', { industryId: 1, assetType: 'VISUALIZATION', tags: ['tide', 'cod'] });
    const mine = await sell(us, null, { industryId: 1, assetType: 'VISUALIZATION', tags: ['cod'] });
    const { comparables } = await predicted(mine);
    expect(comparables).toHaveLength(6);
    expect(comparables[0]).toEqual({ assetId: gid('Asset', twin), name: twin.name, priceUsd: '6.00' });
    const { data } = await t.run(null, 'query ($id: ID!) { marketplace { asset(by: { id: $id }) { name } } }', {
      id: comparables[0].assetId,
    });
    expect(data.marketplace.asset.name).toBe(twin.name);
  });
});

describe('the adjustment', () => {
  const of = (asset: Partial<Traits>, others: Partial<Traits>[]) =>
    adjustmentOf(
      { ...plain, ...asset },
      others.map((other) => ({ ...plain, ...other })),
    );
  const year = (n: number) => new Date(`${n}-01-01T00:00:00Z`);

  it('leaves out what most comparables have, too', () => {
    const hourly = { dataSourceRefreshFrequency: 'EVERY_HOUR' } as const;
    expect(of(hourly, [hourly, hourly, {}])).toEqual({ factor: 1, reasons: [] });
    expect(of(hourly, [hourly, {}, {}])).toEqual({
      factor: 1.2,
      reasons: ['+20 %: its source is refreshed at least hourly, unlike most of those.'],
    });
    const { factor, reasons } = of({}, [hourly, hourly, {}]);
    expect([factor.toFixed(4), reasons]).toEqual([
      '0.8333',
      ['−17 %: its source is not said to be refreshed hourly, unlike most of those.'],
    ]);
  });

  it('adds up over type, freshness and coverage, and moves a price by half at most', () => {
    const best = {
      assetType: 'VISUALIZATION',
      dataSourceRefreshFrequency: 'EVERY_MINUTE',
      dataTimePeriodStart: year(2020),
      dataTimePeriodEnd: year(2026),
      geographicCoverageType: 'GLOBAL',
    } as const;
    expect(of(best, [{}])).toEqual({
      factor: 1.5,
      reasons: [
        '+15 %: it is a chart, unlike most of those.',
        '+20 %: its source is refreshed at least hourly, unlike most of those.',
        '+10 %: its records cover 6 years, unlike most of those.',
        '+10 %: it covers more than one country, unlike most of those.',
        'Together no more than +50 %.',
      ],
    });
    const worst = of({ assetType: 'CALCULATION', dataSourceRefreshFrequency: 'NEVER' }, [best]);
    expect([worst.factor, worst.reasons.at(-1)]).toEqual([0.5, 'Together no more than −50 %.']);
  });
});

describe('predicted prices guard', () => {
  it('against those who set no prices, and other companies', async () => {
    const mine = await sell(us, null, { useCaseId: 1 });
    const { errors } = await predict(us.keys.ANALYST, mine);
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
    expect((await predict(them.keys.OWNER, mine)).data.company.asset).toBe(null);
  });
});
