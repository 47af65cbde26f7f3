import type { Context } from '../context.ts';
import type { Price, PriceDiscount } from '../generated/prisma/client.ts';
import { keep, load, manyByPosition, oneByPosition, type Loader } from '../lists/loader.ts';
import { rowBy } from '../lists/rows.ts';
import { centsOf, creditsOf, effectiveCents } from './credits.ts';

export type Product = 'asset' | 'endpoint';

const ACTIVE = 't."endedAt" is null';
/** Whoever sees a product may see its price. */
export const activePrices = {
  asset: rowBy<Price>('Price', { column: 'assetId', where: ACTIVE }),
  endpoint: rowBy<Price>('Price', { column: 'endpointId', where: ACTIVE }),
};

/** The active price of a product; null where it is not for sale. */
export function activePriceOf(ctx: Context, product: Product, id: string): Promise<Price | null> {
  return load(ctx, activePrices[product], { company: null, id });
}

type Moment = { id: string; at: Date };
const priceAtBy = (column: 'assetId' | 'endpointId'): Loader<Moment, Price | null> => ({
  name: `Price by ${column} and moment`,
  keyOf: ({ id, at }) => `${id} ${at.getTime()}`,
  batch: async (query, keys) =>
    oneByPosition(
      keys,
      await query<Price & { n: number }>(
        `select k.n, p.* from unnest($1::uuid[], $2::timestamptz[]) with ordinality as k(id, at, n) cross join lateral
           (select * from "Price" t where t."${column}" = k.id and t."startedAt" <= k.at and (t."endedAt" is null or t."endedAt" > k.at)
            order by t."startedAt" desc limit 1) p`,
        [keys.map(({ id }) => id), keys.map(({ at }) => at)],
      ),
    ),
});
const atByProduct = { asset: priceAtBy('assetId'), endpoint: priceAtBy('endpointId') };

/** The price of a product at a moment; null where it was not for sale then. Whoever sees the product may see its prices. */
export function priceAt(ctx: Context, product: Product, id: string, at: Date): Promise<Price | null> {
  return load(ctx, atByProduct[product], { id, at });
}

const discounts: Loader<string, PriceDiscount[]> = {
  name: 'discounts by price',
  keyOf: (id) => id,
  batch: async (query, ids) =>
    manyByPosition(
      ids,
      await query<PriceDiscount & { n: number }>(
        `select k.n, d.* from unnest($1::uuid[]) with ordinality as k(id, n) cross join lateral
           (select * from "PriceDiscount" t where t."priceId" = k.id order by t."saleStartAt" limit 50) d order by k.n, d."saleStartAt"`,
        [ids],
      ),
    ),
};

/** The sales on a price row, earliest first, at most 50. */
export function discountsOf(ctx: Context, priceId: string): Promise<PriceDiscount[]> {
  return load(ctx, discounts, priceId);
}

/** What a price row comes to at a time: cents and credits after the sale that runs then. */
export async function priceNow(
  ctx: Context,
  price: Price,
  at: Date = ctx.now,
): Promise<{ cents: number; credits: number; discount: PriceDiscount | null }> {
  const sales = await discountsOf(ctx, price.id);
  const discount = sales.find((sale) => sale.saleStartAt <= at && at < sale.saleEndAt) ?? null;
  const cents = effectiveCents(
    centsOf(String(price.amountUsd)),
    sales.map((sale) => ({ percentage: String(sale.percentage), startsAt: sale.saleStartAt, endsAt: sale.saleEndAt })),
    at,
  );
  return { cents, credits: creditsOf(cents), discount };
}

/** An entry of a run in an account of its buyer. */
export interface ReceiptEntry {
  kind: 'RESERVE' | 'SETTLE' | 'RELEASE';
  account: 'BUYER_CREDITS' | 'BUYER_RESERVED';
  credits: number;
  at: Date;
}

/** The entries of a run in the accounts of a company, in their order: what reserved, settled and released it. */
export const receiptEntries: Loader<{ run: string; company: string }, ReceiptEntry[]> = {
  name: 'entries by run and company',
  keyOf: ({ run, company }) => `${run} ${company}`,
  batch: async (query, keys) =>
    manyByPosition(
      keys,
      await query<ReceiptEntry & { n: number }>(
        `select k.n, e.* from unnest($1::uuid[], $2::uuid[]) with ordinality as k(run, company, n) cross join lateral
           (select t.kind::text as kind, a.kind::text as account, e.amount::int as credits, t."createdAt" as at
            from "JournalTransaction" t join "JournalEntry" e on e."transactionId" = t.id join "JournalAccount" a on a.id = e."accountId"
            where t."runId" = k.run and a."companyId" = k.company and a.unit = 'CREDIT' order by e.id limit 10) e`,
        [keys.map(({ run }) => run), keys.map(({ company }) => company)],
      ),
    ),
};

/** The cents that a run was paid with; 0 where nothing is settled. */
export const paidCents: Loader<string, number> = {
  name: 'paid cents by run',
  keyOf: (run) => run,
  batch: async (query, runs) => {
    const rows = await query<{ n: number; cents: number }>(
      `select k.n, -sum(e.amount)::int as cents from unnest($1::uuid[]) with ordinality as k(run, n)
         join "JournalTransaction" t on t."runId" = k.run and t.kind = 'SETTLE' join "JournalEntry" e on e."transactionId" = t.id
         join "JournalAccount" a on a.id = e."accountId" and a.kind = 'SALES_CLEARING' group by k.n`,
      [runs],
    );
    return oneByPosition(runs, rows).map((row) => row?.cents ?? 0);
  },
};

/** The seller's share of a sale where nothing else was agreed: 80 %. */
const USUAL_SHARE = '0.80';
interface Offer {
  id: string;
  amountUsd: string;
  share: string;
  sales: { percentage: string; startsAt: string; endsAt: string }[];
}
/** The offer of a product, as JSON: all that its sale is made of, which a run waits for. `product` and `company` are SQL. */
const offerOf = (column: 'assetId' | 'endpointId', product: string, company: string): string =>
  `(select json_build_object('id', t.id, 'amountUsd', t."amountUsd"::text, 'share', coalesce(c."vendorSharePercent", ${USUAL_SHARE})::text,
      'sales', (select coalesce(json_agg(json_build_object('percentage', d.percentage::text, 'startsAt', d."saleStartAt", 'endsAt', d."saleEndAt")), '[]')
        from (select * from "PriceDiscount" where "priceId" = t.id order by "saleStartAt" limit 50) d))
    from "Price" t join "Company" c on c.id = ${company} where t."${column}" = ${product} and ${ACTIVE})`;
const offersBy = (column: 'assetId' | 'endpointId'): Loader<{ id: string; companyId: string }, Offer | null> => ({
  name: `offer by ${column}`,
  keyOf: ({ id, companyId }) => `${id} ${companyId}`,
  batch: async (query, keys) => {
    const rows = await query<{ n: number; offer: Offer | null }>(
      `select k.n::int, ${offerOf(column, 'k.id', 'k.company')} as offer from unnest($1::uuid[], $2::uuid[]) with ordinality as k(id, company, n)`,
      [keys.map(({ id }) => id), keys.map(({ companyId }) => companyId)],
    );
    return oneByPosition(keys, rows).map((row) => row?.offer ?? null);
  },
});
const offers = { asset: offersBy('assetId'), endpoint: offersBy('endpointId') };

/**
 * What `rowBy` reads of a product beside it: its offer to the company of the key, for `keepOffer`. None of one's own, which
 * nobody buys.
 */
export const OFFERED = {
  asset: `case when r."companyId" <> k.company then ${offerOf('assetId', 'r.id', 'r."companyId"')} end as offer`,
  endpoint: `case when r."companyId" <> k.company then ${offerOf('endpointId', 'r.id', 'r."companyId"')} end as offer`,
};
export interface Offered {
  id: string;
  companyId: string;
  offer: Offer | null;
}

/** Keeps the offer that came with a product of another company for `saleOf`. */
export function keepOffer(ctx: Context, product: Product, { id, companyId, offer }: Offered): void {
  if (companyId !== ctx.viewer?.companyId) keep(ctx, offers[product], { id, companyId }, offer);
}

/** The price that a product of another company is sold at now, with its seller's share; null where it is not for sale. */
export async function saleOf(
  ctx: Context,
  product: Product,
  { id, companyId }: { id: string; companyId: string },
): Promise<{ id: string; cents: number; credits: number; sellerShare: number } | null> {
  const offer = await load(ctx, offers[product], { id, companyId });
  if (!offer) return null;
  const sales = offer.sales.map(({ percentage, startsAt, endsAt }) => ({
    percentage,
    startsAt: new Date(startsAt),
    endsAt: new Date(endsAt),
  }));
  const cents = effectiveCents(centsOf(offer.amountUsd), sales, ctx.now);
  return { id: offer.id, cents, credits: creditsOf(cents), sellerShare: Number(offer.share) };
}
