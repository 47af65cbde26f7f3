import type { RunQuery } from '../../src/database/db.ts';
import { countPopularity } from '../../src/marketplace/popularity.ts';
import { addSql, rollups } from '../../src/usage/rollup.ts';

/**
 * Eight weeks of runs for the demo, so that a month has one before it: made in SQL from products, prices and buyers, the
 * same each time but for the clock. None is older than the active prices, and one buyer came in this month.
 */

/** A number in [0, 1) that depends on its arguments alone. */
const RANDOM = `create or replace function pg_temp.chance(variadic parts text[]) returns float8 language sql immutable
  as $$ select ('x' || substr(md5(array_to_string(parts, ' ')), 1, 8))::bit(32)::bigint::float8 / 4294967296 $$`;

// `offset 0`: chances are taken once a run, not at every mention of theirs.
const RUNS = `insert into "Run" (id, kind, status, "companyId", "sellerCompanyId", "assetId", "endpointId", "userId", "priceId", credits, "isBilled", parameters,
    "rowCount", "isTruncated", "byteCount", "cacheStatus", "computedAt", "engineMs", "elapsedMs", "errorCode", "errorMessage", "startedAt", "finishedAt")
  select md5('run ' || p.id || b.id || i)::uuid, (case when p."isEndpoint" then 'PAGE' else 'PROCESS' end)::"RunKind", (case when ok then 'SUCCEEDED' else 'FAILED' end)::"RunStatus",
    b.id, p."companyId", case when not p."isEndpoint" then p.id end, case when p."isEndpoint" then p.id end, b."userId", p."priceId",
    case when ok and b.id <> p."companyId" then p.credits else 0 end, ok and b.id <> p."companyId" and p.credits > 0, '{}',
    case when ok then 1 + floor(pg_temp.chance('rows', p.id::text, i::text) * 300)::int end, case when ok then false end, case when ok then 2000 end,
    case when ok then 'BYPASS'::"CacheStatus" end, case when ok then at end, case when ok then ms end, ms + 4,
    case when not ok then 'QUERY_TIMEOUT' end, case when not ok then 'The query took longer than 30 s.' end, at, at + make_interval(secs => ms / 1000.0)
  from (
    select a.id, a."companyId", false as "isEndpoint", pr.id as "priceId", ceil(pr."amountUsd" / 0.5)::int as credits from "Asset" a join "Price" pr on pr."assetId" = a.id and pr."endedAt" is null where a."sellInMarketplace"
    union all
    select e.id, e."companyId", true, pr.id, ceil(pr."amountUsd" / 0.5)::int from "Endpoint" e join "Price" pr on pr."endpointId" = e.id and pr."endedAt" is null where e."sellInMarketplace"
  ) p
  cross join (select c.id, case when c.handle = 'harbour-foods' then 28000 else 84000 end as minutes, (select u.id from "User" u where u."companyId" = c.id and u."roleId" = 4) as "userId" from "Company" c where c.handle = any($1::text[])) b
  cross join lateral (select floor(pg_temp.chance('popular', p.id::text) ^ 2 * 30 * (case when b.id = p."companyId" then 0.3 else 1 end))::int as wanted) w
  cross join lateral generate_series(1, w.wanted) i
  cross join lateral (select pg_temp.chance('ok', p.id::text, b.id::text, i::text) > 0.04 as ok,
    date_trunc('hour', now()) - make_interval(mins => (pg_temp.chance('when', p.id::text, b.id::text, i::text) ^ 1.3 * b.minutes)::int) as at,
    (20 + 400 * pg_temp.chance('ms', p.id::text, b.id::text, i::text) ^ 4)::int as ms offset 0) x`;

/** A reservation and its settlement for every charged run, as the gateway itself would have booked them. */
const TRANSACTIONS = `insert into "JournalTransaction" (id, kind, "runId", "createdAt")
  select md5(move || r.id)::uuid, move::"TransactionKind", r.id, r."startedAt" from "Run" r cross join unnest(array['RESERVE', 'SETTLE']) move where r."isBilled"`;
const ENTRIES = `insert into "JournalEntry" ("transactionId", "accountId", amount)
  select t.id, a.id, line.amount from "JournalTransaction" t join "Run" r on r.id = t."runId" join "Price" p on p.id = r."priceId" join "Company" s on s.id = r."sellerCompanyId"
    cross join lateral (select (p."amountUsd" * 100)::bigint as cents, floor(p."amountUsd" * 100 * coalesce(s."vendorSharePercent", 0.8) + 0.5)::bigint as seller) m
    cross join lateral (values ('RESERVE', 'BUYER_CREDITS', r."companyId", -r.credits::bigint), ('RESERVE', 'BUYER_RESERVED', r."companyId", r.credits::bigint),
      ('SETTLE', 'BUYER_RESERVED', r."companyId", -r.credits::bigint), ('SETTLE', 'CREDITS_ISSUED', null, r.credits::bigint),
      ('SETTLE', 'SELLER_EARNINGS', r."sellerCompanyId", m.seller), ('SETTLE', 'PLATFORM_REVENUE', null, m.cents - m.seller), ('SETTLE', 'SALES_CLEARING', null, -m.cents)) line(move, kind, company, amount)
    join "JournalAccount" a on a.kind = line.kind::"AccountKind" and a."companyId" is not distinct from line.company
  where t.kind::text = line.move and line.amount <> 0`;
const BALANCES = `update "Company" c set "creditsBalance" = coalesce((select sum(e.amount) from "JournalEntry" e join "JournalAccount" a on a.id = e."accountId"
  where a."companyId" = c.id and a.kind = 'BUYER_CREDITS'), 0)`;

const EVENTS = `insert into "UsageEvent" (id, "sellerCompanyId", "buyerCompanyId", "assetId", "endpointId", at, "isSuccess", credits, "earningsCents", "elapsedMs", "rowCount")
  select r.id, r."sellerCompanyId", r."companyId", r."assetId", r."endpointId", r."startedAt", r.status = 'SUCCEEDED', r.credits,
    case when r."isBilled" then floor(p."amountUsd" * 100 * coalesce(s."vendorSharePercent", 0.8) + 0.5)::int else 0 end, r."elapsedMs", coalesce(r."rowCount", 0)
  from "Run" r join "Price" p on p.id = r."priceId" join "Company" s on s.id = r."sellerCompanyId"`;
/** Articles use the last result that their company got of the asset, as postCreate would have stored it. */
const INSIGHTS = `update "Post" p set "insightsUsed" = coalesce(x.insights, '[]'), "successfulInsightsCount" = (x.insights is not null)::int, "dataCostCredits" = coalesce(x.credits, 0)
  from "Post" q left join lateral (
    select jsonb_build_array(jsonb_build_object('runId', r.id, 'assetId', r."assetId", 'assetName', a.name, 'value', r.value, 'runtimeMs', r."elapsedMs", 'isSuccess', true)) as insights,
      case when r."isBilled" then r.credits else 0 end as credits
    from "Run" r join "Asset" a on a.id = r."assetId" where r."companyId" = q."companyId" and r."assetId" = (q."insightsUsed"->0->>'assetId')::uuid and r.status = 'SUCCEEDED'
    order by r."startedAt" desc, r.id limit 1) x on true
  where q.id = p.id`;
const SUMS = rollups.map((rollup) => addSql(rollup, '"UsageEvent"'));

/** Makes eight weeks of runs of all listed products by the companies of these handles, with journal, events and their sums. Posts get their insights. */
export async function seedUsage(query: RunQuery, handles: string[]): Promise<void> {
  await query(RANDOM, []);
  await query(RUNS, [handles]);
  for (const statement of [TRANSACTIONS, ENTRIES, BALANCES, EVENTS, INSIGHTS, ...SUMS]) await query(statement, []);
  await countPopularity(query);
}
