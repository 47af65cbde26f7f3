import type { RunQuery } from '../db.ts';

/** More differences than this are not told. */
const MOST = 100;

const SUMS = ['runs', 'successes', 'credits', 'earningsCents', 'rows'] as const;

type Difference = { seller: string; buyer: string; product: string; hour: Date } & Record<
  `${(typeof SUMS)[number]}${'Rollup' | 'Raw'}`,
  string
>;

const CHECK_SQL = `with raw as (
    select "sellerCompanyId" as s, "buyerCompanyId" as b, coalesce("assetId", "endpointId") as p, date_trunc('hour', at, 'UTC') as h,
      count(*) as runs, count(*) filter (where "isSuccess") as successes, sum(credits) as credits, sum("earningsCents") as "earningsCents",
      coalesce(sum("rowCount") filter (where "isSuccess"), 0) as rows
    from "UsageEvent" group by 1, 2, 3, 4)
  select coalesce(r."sellerCompanyId", raw.s) as seller, coalesce(r."buyerCompanyId", raw.b) as buyer, coalesce(r."productId", raw.p) as product,
    coalesce(r.hour, raw.h) as hour,
    ${SUMS.map((name) => `coalesce(r."${name}", 0)::text as "${name}Rollup", coalesce(raw."${name}", 0)::text as "${name}Raw"`).join(', ')}
  from "UsageRollup" r full join raw
    on raw.s = r."sellerCompanyId" and raw.h = r.hour and raw.p = r."productId" and raw.b = r."buyerCompanyId"
  where ${SUMS.map((name) => `coalesce(r."${name}", 0) <> coalesce(raw."${name}", 0)`).join(' or ')}
  order by hour, seller, product, buyer limit ${MOST}`;

/**
 * Compares the rollup with the sums of the raw events, for all companies: for operators, not for requests, since it
 * reads every event. Answers a line for each row that differs, at most 100; none where they agree.
 */
export async function checkRollup(query: RunQuery): Promise<string[]> {
  const rows = await query<Difference>(CHECK_SQL, []);
  return rows.map((row) => {
    const wrong = SUMS.filter((name) => row[`${name}Rollup`] !== row[`${name}Raw`]);
    const told = wrong.map((name) => `${name} ${row[`${name}Rollup`]}, events say ${row[`${name}Raw`]}`).join('; ');
    return `Usage rollup of seller ${row.seller}, buyer ${row.buyer}, product ${row.product}, ${row.hour.toISOString()}: ${told}.`;
  });
}
