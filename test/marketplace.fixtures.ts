import { newId } from '../src/ids.ts';
import { countPopularity } from '../src/marketplace/popularity.ts';
import { writeEvents } from '../src/usage/buffer.ts';
import type { Tenant, TestGateway } from './helpers/gateway.ts';

/** Three sellers, one of them without EULA, and what they sell; the ids by name. */
export interface Stalls {
  ada: Tenant;
  bob: Tenant;
  lapsed: Tenant;
  ids: Record<string, string>;
}

const SQL = 'select 1 as very_private_column';
const ids: Record<string, string> = {};

/** A listed asset with a price. */
export async function sell(
  t: TestGateway,
  seller: Tenant,
  name: string,
  usd: string | null,
  more: Record<string, unknown> = {},
): Promise<string> {
  const asset = await t.world.asset(seller.company.id, {
    name,
    sellInMarketplace: true,
    sqlLogic: SQL,
    sourceTableName: 'very_private_table',
    ...more,
  });
  if (usd !== null) await t.world.price(seller.company.id, { assetId: asset.id }, usd);
  ids[name] = asset.id;
  return asset.id;
}

/** So many successful runs of an asset by the other of the two, some days ago. */
async function runs(
  { t, ada, bob }: Pick<Stalls, 'ada' | 'bob'> & { t: TestGateway },
  name: string,
  count: number,
  daysAgo: number,
): Promise<void> {
  const { companyId } = await t.app.database.prisma.asset.findUniqueOrThrow({ where: { id: ids[name] ?? '' } });
  const buyer = companyId === ada.company.id ? bob : ada;
  await writeEvents(
    t.app.database.query,
    Array.from({ length: count }, () => ({
      id: newId(),
      sellerCompanyId: companyId,
      buyerCompanyId: buyer.company.id,
      assetId: ids[name] ?? '',
      endpointId: null,
      apiKeyId: null,
      at: new Date(Date.now() - daysAgo * 86_400_000),
      isSuccess: true,
      credits: 1,
      earningsCents: 1,
      elapsedMs: 1,
      rowCount: 1,
    })),
  );
}

/** Opens the stalls; nothing else is in the market. */
export async function openStalls(t: TestGateway): Promise<Stalls> {
  const ada = await t.tenant({ handle: 'ada', name: 'Ada Analytics', industryId: 2 });
  const bob = await t.tenant({ handle: 'bob', credits: 100 });
  const lapsed = await t.tenant({ handle: 'lapsed', acceptedEula: false });
  await sell(t, ada, 'Churn of customers', '3.00', {
    description: 'Customers who leave.',
    tags: ['retail', 'daily', 'churn'],
    useCaseId: 1,
    industryId: 2,
    topQuestions: ['Who will leave next month?'],
    updatedAt: new Date('2026-01-01'),
  });
  await sell(t, ada, 'Revenue', '1.50', {
    description: 'By customers and day.',
    tags: ['retail', 'daily', 'money'],
    useCaseId: 1,
    industryId: 3,
    assetType: 'DATA',
    updatedAt: new Date('2026-01-05'),
  });
  await sell(t, bob, 'Football odds', '0.00', {
    description: 'Before the match.',
    tags: ['football', 'daily'],
    useCaseId: 2,
    industryId: 2,
    assetType: 'VISUALIZATION',
    updatedAt: new Date('2026-01-03'),
  });
  await sell(t, bob, 'Rain', '10.00', { description: 'Tomorrow.', tags: ['sky'], updatedAt: new Date('2026-01-02') });
  await sell(t, bob, 'Unpriced', null, { updatedAt: new Date('2026-01-04') });
  await sell(t, lapsed, 'Churn of a company without EULA', '1.00', { tags: ['retail'], industryId: 5, useCaseId: 3 });
  await sell(t, ada, 'Churn unlisted', '1.00', { sellInMarketplace: false, tags: ['retail'] });
  await sell(t, ada, 'Churn deleted', '1.00', { active: false, tags: ['retail'] });
  await runs({ t, ada, bob }, 'Rain', 9, 20);
  await runs({ t, ada, bob }, 'Rain', 2, 1);
  await runs({ t, ada, bob }, 'Revenue', 8, 2);
  await runs({ t, ada, bob }, 'Revenue', 2, 10);
  await runs({ t, ada, bob }, 'Football odds', 6, 3);
  await runs({ t, ada, bob }, 'Football odds', 3, 9);
  await runs({ t, ada, bob }, 'Churn of customers', 50, 40);
  await runs({ t, ada, bob }, 'Churn of customers', 4, 1);
  const connection = await t.world.connection(ada.company.id, {});
  const columns = [
    { name: 'very_private_column', alias: 'day', type: 'DATE' },
    { name: 'secret', type: 'STRING', isHidden: true },
    { name: 'units', type: 'INTEGER', filter: { op: 'gte', param: 'least' } },
  ];
  const tags = ['feed', 'daily'];
  for (const [name, more] of Object.entries({
    'Sales feed': { tags, industryId: 2, useCaseId: 1 },
    'Old feed': { tags, sellInMarketplace: false },
  })) {
    const endpoint = await t.world.endpoint(ada.company.id, connection.id, {
      name,
      sellInMarketplace: true,
      sourceTableName: 'very_private_table',
      endpointSchema: { columns },
      ...more,
    });
    await t.world.price(ada.company.id, { endpointId: endpoint.id }, '0.75');
    ids[name] = endpoint.id;
  }
  await countPopularity(t.app.database.query);
  return { ada, bob, lapsed, ids };
}
