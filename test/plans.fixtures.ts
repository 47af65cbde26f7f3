import { escapeLiteral, type Client } from 'pg';
import utils from 'pg/lib/utils.js';
import { seedBulk } from '../prisma/seed/bulk.ts';
import { countPopularity } from '../src/marketplace/popularity.ts';
import { addSql, rollups } from '../src/usage/rollup.ts';
import type { TestGateway } from './helpers/gateway.ts';

/** Tenants with 1,000 assets each. */
const LARGE = 20;
const asset = (n: string): string => `md5('asset ' || 1 + (${n}) % ${LARGE} || ' ' || 1 + (${n}) * 7 % 1000)::uuid`;
const company = (n: string): string => `md5('company ' || 1 + (${n}) % 1000)::uuid`;

/** Beside 20 tenants of 1,000 assets and 4,000 prices: 980 small ones, 5 keys and sessions each, and 60,000 runs of a year. */
const MORE = [
  `insert into "Company" (id, handle, domain, name, "acceptedEula") select md5('company ' || c)::uuid, 'tenant-' || c, 'tenant-' || c || '.example', 'Tenant ' || c, true from generate_series(${LARGE + 1}, 1000) c`,
  `insert into "User" (id, "companyId", "roleId", status, name, email) select md5('user ' || c || ' ' || u)::uuid, md5('company ' || c)::uuid, 1, 'ACTIVE', 'User', 'user-' || u || '@tenant-' || c || '.example'
   from generate_series(${LARGE + 1}, 1000) c, generate_series(1, 5) u`,
  `insert into "Endpoint" (id, "companyId", "connectionId", name, slug, "sellInMarketplace") select gen_random_uuid(), md5('company ' || c)::uuid, md5('connection ' || c)::uuid, 'Feed ' || e, 'feed-' || e, e % 2 = 0
   from generate_series(1, ${LARGE}) c, generate_series(1, 300) e`,
  `insert into "ApiKey" ("companyId", "userId", "roleId", kind, name, "secretHash", "lastFour") select ${company('n')}, md5('user ' || 1 + n % 1000 || ' 1')::uuid, 1, 'ANALYTICS', 'key', sha256(('key ' || n)::bytea), '0000'
   from generate_series(1, 5000) n`,
  `insert into "Session" (id, "companyId", "userId", "tokenHash", "expiresAt") select gen_random_uuid(), ${company('n')}, md5('user ' || 1 + n % 1000 || ' 1')::uuid, sha256(('session ' || n)::bytea), now() + interval '1 day'
   from generate_series(1, 5000) n`,
  `insert into "ApiKeyUsage" ("apiKeyId", day, "companyId", operation, requests, "lastUsedAt") select id, current_date - d, "companyId", 'q', 1, now() from "ApiKey", generate_series(1, 5) d`,
  `insert into "JournalAccount" (id, "companyId", kind, unit) select gen_random_uuid(), c.id, k::"AccountKind", (case k when 'SELLER_EARNINGS' then 'USD_CENT' else 'CREDIT' end)::"JournalUnit"
   from "Company" c, unnest(array['BUYER_CREDITS', 'BUYER_RESERVED', 'SELLER_EARNINGS']) k where c.handle like 'tenant-%'`,
  `insert into "Favorite" ("companyId", "userId", "assetId") select md5('company ' || 1 + n % 1000)::uuid, md5('user ' || 1 + n % 1000 || ' 1')::uuid, ${asset('n / 1000 + n')} from generate_series(1, 10000) n on conflict do nothing`,
  `insert into "Alert" ("companyId", "userId", "assetId", kind) select md5('company ' || 1 + n % 1000)::uuid, md5('user ' || 1 + n % 1000 || ' 1')::uuid, ${asset('n / 1000 + n')}, 'PRICE_CHANGED' from generate_series(1, 10000) n on conflict do nothing`,
  `insert into "PriceDiscount" (id, "companyId", "priceId", percentage, "saleStartAt", "saleEndAt") select gen_random_uuid(), "companyId", id, 10, now(), now() + interval '1 day' from "Price" where "endedAt" is null`,
  `insert into "Run" (id, kind, status, "companyId", "sellerCompanyId", "assetId", credits, "isBilled", "elapsedMs", "startedAt", "finishedAt")
   select gen_random_uuid(), 'PROCESS', 'SUCCEEDED', ${company(`n / ${LARGE}`)}, md5('company ' || 1 + n % ${LARGE})::uuid, ${asset('n')}, 2, true, 10 + n % 90, at, at
   from generate_series(1, 60000) n cross join lateral (select now() - make_interval(mins => n * 8) as at) x`,
  `insert into "JournalTransaction" (id, kind, "runId") select gen_random_uuid(), 'RESERVE', id from "Run"`,
  `insert into "UsageEvent" (id, "sellerCompanyId", "buyerCompanyId", "assetId", at, "isSuccess", credits, "earningsCents", "elapsedMs", "rowCount")
   select id, "sellerCompanyId", "companyId", "assetId", "startedAt", true, credits, 80, "elapsedMs", 1 from "Run"`,
  ...rollups.map((rollup) => addSql(rollup, '"UsageEvent"')),
];

/** Enough rows of everything for the planner to see what it will see in earnest. */
export async function seedMuch({ app: { database } }: TestGateway): Promise<void> {
  await seedBulk(database.query, 1, LARGE);
  for (const statement of MORE) await database.query(statement, []);
  await countPopularity(database.query);
  // As autovacuum leaves it in time: what is in an index alone is read there.
  await database.query('vacuum analyze', []);
}

/** A node of a plan as EXPLAIN (FORMAT JSON) tells it. */
interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Plan Rows': number;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  Plans?: PlanNode[];
}

/** A statement as it was sent, and the nodes of its plan. */
export interface Planned {
  text: string;
  nodes: PlanNode[];
  /** The most rows that were put in order anywhere when the plan ran with what was sent; 0 for what writes. */
  sorted: number;
  /** The most rows that an index or a table gave in the same run. */
  read: number;
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

const rowsOf = (node: PlanNode): number => (node['Actual Rows'] ?? 0) * (node['Actual Loops'] ?? 1);

/** The most rows that the statement that is prepared really puts in order and reads at once: estimates know no limit. */
async function runOf(client: Client, values: readonly unknown[]): Promise<Pick<Planned, 'sorted' | 'read'>> {
  const literal = (value: unknown): string => {
    const sent = utils.prepareValue(value);
    if (sent === null || sent === undefined) return 'null';
    return escapeLiteral(Buffer.isBuffer(sent) ? `\\x${sent.toString('hex')}` : sent);
  };
  const given = values.length > 0 ? `(${values.map(literal).join(', ')})` : '';
  const { rows } = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
    `explain (analyze, format json) execute planned ${given}`,
  );
  const nodes = nodesOf(rows[0]?.['QUERY PLAN'][0]?.Plan as PlanNode);
  const most = (kind: RegExp, of: (node: PlanNode) => number): number =>
    Math.max(0, ...nodes.filter((node) => kind.test(node['Node Type'])).map(of));
  return {
    sorted: most(/Sort$/, (node) => (node.Plans ?? []).reduce((sum, one) => sum + rowsOf(one), 0)),
    read: most(/(Seq|Index|Index Only|Heap) Scan$/, rowsOf),
  };
}

/** The plans of the statements that something sends, bookkeeping of usage and keys too. */
export async function plansOf(t: TestGateway, work: () => Promise<unknown>): Promise<Planned[]> {
  const { database, usage } = t.app;
  await usage.flush();
  const sent = new Map<string, readonly unknown[]>();
  const stop = database.onStatement((text, values) => {
    if (/^\s*(select|with|insert|update|delete)\b/i.test(text)) sent.set(text, values);
  });
  await work();
  await usage.flush();
  stop();
  // As they are planned in earnest: once, without the values that will come.
  const client = await database.connect();
  try {
    await client.query('set plan_cache_mode to force_generic_plan');
    const plans: Planned[] = [];
    for (const [text, values] of sent) {
      await client.query(`prepare planned as ${text}`);
      const given = values.length > 0 ? `(${values.map(() => 'null').join(', ')})` : '';
      // EXPLAIN does nothing of what it explains.
      const { rows } = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
        `explain (format json) execute planned ${given}`,
      );
      const run =
        /^\s*(select|with)\b/i.test(text) && !/\b(insert|update|delete)\b/i.test(text)
          ? await runOf(client, values)
          : { sorted: 0, read: 0 };
      await client.query('deallocate planned');
      plans.push({
        text,
        nodes: nodesOf(rows[0]?.['QUERY PLAN'][0]?.Plan as PlanNode),
        ...run,
      });
    }
    return plans;
  } finally {
    await client.end();
  }
}
