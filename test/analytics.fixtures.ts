import type { UsageEvent } from '../src/context.ts';
import { newId } from '../src/ids.ts';
import { writeEvents } from '../src/usage/buffer.ts';
import type { Answer, Tenant, TestGateway } from './helpers/gateway.ts';

/** A seller, what it sells, three buyers (two of one industry) and a company that sells and buys nothing. */
export interface Market {
  us: Tenant;
  ada: Tenant;
  bob: Tenant;
  cyd: Tenant;
  nobody: Tenant;
  churn: string;
  orders: string;
  feed: string;
  events: UsageEvent[];
}

export const INDUSTRY = 4;
export const failed = { isSuccess: false, credits: 0, earningsCents: 0, elapsedMs: 9000, rowCount: 0 };

/** A run that cost 4 credits and earned $1.60, of an asset unless `more` names an endpoint. */
export function run(
  seller: Tenant,
  buyer: Tenant,
  assetId: string,
  at: string,
  more: Partial<UsageEvent> = {},
): UsageEvent {
  return {
    id: newId(),
    sellerCompanyId: seller.company.id,
    buyerCompanyId: buyer.company.id,
    assetId: more.endpointId ? null : assetId,
    endpointId: null,
    apiKeyId: null,
    at: new Date(at),
    isSuccess: true,
    credits: 4,
    earningsCents: 160,
    elapsedMs: 100,
    rowCount: 1,
    ...more,
  };
}

export function write(t: TestGateway, ...events: UsageEvent[]): Promise<void> {
  return writeEvents(t.app.database.query, events);
}

/** The market, with sales around the day in March 2026 on which clocks go forward in Berlin: 23:00 to 22:00 UTC. */
export async function openMarket(t: TestGateway): Promise<Market> {
  const us = await t.tenant({ handle: 'us', timezone: 'Europe/Berlin' });
  const ada = await t.tenant({ handle: 'ada', name: 'Ada', industryId: INDUSTRY });
  const bob = await t.tenant({ handle: 'bob', name: 'Bob' });
  const cyd = await t.tenant({ handle: 'cyd', name: 'Cyd', industryId: INDUSTRY });
  const nobody = await t.tenant({ handle: 'nobody' });
  const { id } = us.company;
  const connection = await t.world.connection(id, { name: 'Warehouse' });
  const { id: churn } = await t.world.asset(id, { name: 'Churn', sellInMarketplace: true });
  const { id: orders } = await t.world.asset(id, { name: 'Orders', assetType: 'DATA', active: false });
  const { id: feed } = await t.world.endpoint(id, connection.id, { name: 'Feed' });
  const events = [
    run(us, ada, churn, '2026-03-24T12:00:00Z', { elapsedMs: 50 }),
    run(us, ada, churn, '2026-03-28T22:59:59Z'),
    run(us, ada, churn, '2026-03-28T23:00:00Z', { elapsedMs: 200 }),
    run(us, bob, churn, '2026-03-29T21:59:59Z', { elapsedMs: 300 }),
    run(us, bob, churn, '2026-03-29T22:00:00Z', { ...failed, endpointId: feed }),
    run(us, bob, orders, '2026-03-30T10:00:00Z', { credits: 2, earningsCents: 80, elapsedMs: 400 }),
    // Its own runs, and what others sell, are none of its sales.
    run(us, us, churn, '2026-03-30T11:00:00Z', { credits: 0, earningsCents: 0, elapsedMs: 7 }),
    run(ada, bob, newId(), '2026-03-30T11:00:00Z', { credits: 9, earningsCents: 999 }),
  ];
  await write(t, ...events);
  return { us, ada, bob, cyd, nobody, churn, orders, feed, events };
}

/** Asks for a field of the company as its VIEWER; the document declares the variables that are given. */
export function ask(
  t: TestGateway,
  tenant: Tenant,
  field: string,
  variables: Record<string, string> = {},
): Promise<Answer> {
  const declared = Object.keys(variables).map((name) => `$${name}: ${name === 'month' ? 'String' : 'Date'}`);
  const head = declared.length > 0 ? `(${declared.join(', ')})` : '';
  return t.run(tenant.keys.VIEWER, `query ${head} { company { ${field} } }`, variables);
}

/** The leaves of an answer in the order they were asked for. */
export function leaves(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value];
}

/** The rows of an answer, each as its leaves. */
export function table(rows: unknown[]): unknown[][] {
  return rows.map(leaves);
}
