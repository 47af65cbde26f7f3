import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { DomainError } from '../errors.ts';
import { scalarFilter } from '../lists/filters.ts';
import {
  bool,
  changeable,
  dateTime,
  decimal,
  expectedVersion,
  idOfType,
  inputObject,
  optional,
} from '../graph/input.ts';
import { listOf } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import { CENTS_PER_CREDIT, centsOf, creditsOf, effectiveCents, usdOf } from './credits.ts';
import { activePrices, discountsOf, priceAt, priceNow } from './loaders.ts';
import { createPrice, deletePrice, discountPrice, endDiscount, updatePrice } from './service.ts';

builder.prismaObject('PriceDiscount', {
  description: 'A sale on a price.',
  fields: (t) => ({
    id: t.id({ description: 'For priceDiscountEnd.', resolve: idOf('PriceDiscount') }),
    percentage: t.field({
      type: 'Decimal',
      description: 'How much is off: 20 is 20 %.',
      resolve: (row) => String(row.percentage),
    }),
    saleStartAt: t.field({ type: 'DateTime', description: 'From then on.', resolve: (row) => row.saleStartAt }),
    saleEndAt: t.field({ type: 'DateTime', description: 'Until just before then.', resolve: (row) => row.saleEndAt }),
  }),
});

const moment = builder.args((t) => ({
  at: t.field({ type: 'DateTime', required: false, description: 'The moment; now unless said.' }),
}));

builder.prismaObject('Price', {
  description: 'A price of an asset or endpoint, per run or page. A new one ends the former; the history stays.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Price') }),
    priceUsd: t.field({
      type: 'Decimal',
      description: 'US dollars, before any sale.',
      resolve: (row) => usdOf(centsOf(String(row.amountUsd))),
    }),
    credits: t.int({
      description: `Credits, before any sale: one for each started $${usdOf(CENTS_PER_CREDIT)}.`,
      resolve: (row) => creditsOf(centsOf(String(row.amountUsd))),
    }),
    effectivePriceUsd: t.field({
      type: 'Decimal',
      description: 'US dollars at that moment, the sale that runs then taken off.',
      args: moment,
      resolve: async (row, { at }, ctx) => usdOf((await priceNow(ctx, row, at ?? ctx.now)).cents),
    }),
    effectiveCredits: t.int({
      description: 'Credits at that moment; now, what a run is charged.',
      args: moment,
      resolve: async (row, { at }, ctx) => (await priceNow(ctx, row, at ?? ctx.now)).credits,
    }),
    activeDiscount: t.field({
      type: typeNamed('PriceDiscount'),
      nullable: true,
      description: 'The sale that runs at that moment.',
      args: moment,
      resolve: async (row, { at }, ctx) => (await priceNow(ctx, row, at ?? ctx.now)).discount as never,
    }),
    discounts: t.field({
      type: [typeNamed('PriceDiscount')],
      description: 'All its sales, earliest first, at most 50.',
      resolve: (row, _, ctx) => discountsOf(ctx, row.id) as never,
    }),
    isActive: t.boolean({ description: 'Whether it is the price of today.', resolve: (row) => row.endedAt === null }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: (row) => row.startedAt }),
    endedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was superseded; null for the active one.',
      resolve: (row) => row.endedAt,
    }),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
  }),
});

const priceById = rowBy<ModelRow<'Price'>>('Price', { where: OWN_ANY });
registerNode('Price', (ctx, key) =>
  ctx.viewer?.permissions.has('company:read')
    ? load(ctx, priceById, { company: ctx.viewer.companyId, id: key })
    : Promise.resolve(null),
);

const prices = listOf({
  name: 'Price',
  model: 'Price',
  type: typeNamed('Price') as unknown as OutputRef<unknown>,
  filters: {
    startedAt: scalarFilter('DateTime', 't."startedAt"', 'When it began.'),
    endedAt: scalarFilter('DateTime', 't."endedAt"', 'When it was superseded.'),
    priceUsd: scalarFilter('Decimal', 't."amountUsd"', 'US dollars, before any sale.'),
  },
  sorts: {
    STARTED_AT: { sql: 't."startedAt"', type: 'timestamptz', description: 'By their beginning.' },
    ENDED_AT: { sql: 't."endedAt"', type: 'timestamptz', isNullable: true, description: 'By their end.' },
    PRICE_USD: { sql: 't."amountUsd"', type: 'numeric', description: 'By amount.' },
  },
  defaultSort: ['-STARTED_AT'],
});

type Parent = { id: string; companyId: string };

for (const [product, model] of [
  ['asset', 'Asset'],
  ['endpoint', 'Endpoint'],
] as const) {
  builder.prismaObjectField(model, 'prices', (t) =>
    prices.field(t as never, {
      description: `Its prices, past and present, latest first.`,
      access: 'company:read',
      place: { by: { sql: product === 'asset' ? 't."assetId"' : 't."endpointId"', type: 'uuid' }, where: OWN_ANY },
      from: (parent: Parent) => ({ company: parent.companyId, parent: parent.id }),
    }),
  );
  builder.prismaObjectField(model, 'activePrice', (t) =>
    t.field({
      type: typeNamed('Price'),
      nullable: true,
      description: 'The price of today; null where it is not for sale.',
      ...refersTo(activePrices[product], 'id', null),
    }),
  );
  builder.prismaObjectField(model, 'priceAt', (t) =>
    t.field({
      type: typeNamed('Price'),
      nullable: true,
      cost: 2,
      description: 'The price of a moment; null where it was not for sale then.',
      args: { at: t.arg({ type: 'DateTime', required: true, description: 'The moment.' }) },
      resolve: (parent, { at }, ctx) => priceAt(ctx, product, parent.id, at) as never,
    }),
  );
}

const PriceQuote = builder.objectRef<{ cents: number; effective: number }>('PriceQuote').implement({
  description: 'What a price would come to.',
  fields: (t) => ({
    priceUsd: t.field({ type: 'Decimal', description: 'US dollars.', resolve: ({ cents }) => usdOf(cents) }),
    credits: t.int({ description: 'Credits.', resolve: ({ cents }) => creditsOf(cents) }),
    effectivePriceUsd: t.field({
      type: 'Decimal',
      description: 'US dollars with the discount.',
      resolve: ({ effective }) => usdOf(effective),
    }),
    effectiveCredits: t.int({
      description: 'Credits with the discount.',
      resolve: ({ effective }) => creditsOf(effective),
    }),
  }),
});

function quote(priceUsd: string, percentage: string | null): { cents: number; effective: number } {
  const isPrice = /^\d{1,5}(\.\d{1,2})?$/.test(priceUsd) && Number(priceUsd) <= 10_000;
  if (!isPrice)
    throw new DomainError('BAD_REQUEST', 'A price is 0.00 to 10000.00 with at most 2 places.', { path: ['priceUsd'] });
  const isPercentage = percentage === null || (/^\d{1,2}(\.\d{1,2})?$/.test(percentage) && Number(percentage) > 0);
  if (!isPercentage)
    throw new DomainError(
      'BAD_REQUEST',
      'A discount is more than 0 and less than 100 percent, with at most 2 places.',
      {
        path: ['discountPercentage'],
      },
    );
  const cents = centsOf(priceUsd);
  const at = new Date(0);
  return {
    cents,
    effective:
      percentage === null ? cents : effectiveCents(cents, [{ percentage, startsAt: at, endsAt: new Date(1) }], at),
  };
}

builder.queryField('priceQuote', (t) =>
  t.field({
    type: PriceQuote,
    access: 'public',
    description: 'What a price comes to in credits; nothing is stored.',
    args: {
      priceUsd: t.arg({ type: 'Decimal', required: true, description: 'US dollars, 0.00 to 10000.00.' }),
      discountPercentage: t.arg({ type: 'Decimal', required: false, description: 'How much is off: 20 is 20 %.' }),
    },
    resolve: (_, { priceUsd, discountPercentage }) => quote(priceUsd, discountPercentage ?? null),
  }),
);

const discountFields = {
  percentage: decimal('How much is off: 20 is 20 %.', '0.01', '99.99', 2),
  saleStartAt: dateTime('From then on.'),
  saleEndAt: dateTime('Until just before then.'),
};
const discount = inputObject('PriceDiscountInput', 'A sale.', discountFields);
const priceUsd = decimal('US dollars per run or page; 0 is free.', '0', '10000', 2);
const payload = { price: { type: typeNamed('Price'), description: 'The price.' } };

for (const [product, model, field] of [
  ['asset', 'Asset', 'assetId'],
  ['endpoint', 'Endpoint', 'endpointId'],
] as const) {
  mutation(`${product}PriceCreate`, {
    description: `Sets the price of an ${product}; the former one ends at the same instant.`,
    access: 'prices:write',
    isIdempotent: true,
    input: {
      [field]: idOfType(model, `The ${product}.`),
      priceUsd,
      discount: optional(discount.as('A sale to begin with.')),
    } as { priceUsd: typeof priceUsd; discount: ReturnType<typeof optional<ReturnType<typeof discount.rule.parse>>> },
    payload,
    run: async (ctx, input) => ({
      price: await createPrice(
        ctx,
        product,
        String((input as Record<string, unknown>)[field]),
        input.priceUsd,
        input.discount,
      ),
    }),
  });
  mutation(`${product}PriceDiscount`, {
    description: `Puts a sale on the active price of an ${product}.`,
    access: 'prices:write',
    input: { [field]: idOfType(model, `The ${product}.`), ...discountFields } as typeof discountFields,
    payload,
    run: async (ctx, input) => ({
      price: await discountPrice(ctx, product, String((input as Record<string, unknown>)[field]), input),
    }),
  });
}

mutation('priceDiscountEnd', {
  description: 'Takes back a sale that has not begun, or ends now one that runs.',
  access: 'prices:write',
  input: { id: idOfType('PriceDiscount', 'The sale.') },
  payload,
  run: async (ctx, { id }) => ({ price: await endDiscount(ctx, id) }),
});

mutation('priceUpdate', {
  description: 'Corrects a price that nobody was charged by yet, or ends it.',
  access: 'prices:write',
  input: {
    id: idOfType('Price', 'The price.'),
    priceUsd: changeable(priceUsd),
    isEnded: changeable(bool('true ends it now, so that the product is not for sale any more.')),
    expectedVersion,
  },
  payload,
  run: async (ctx, { id, ...changes }) => ({ price: await updatePrice(ctx, id, changes) }),
});

mutation('priceDelete', {
  description: 'Deletes a price that nobody was charged by.',
  access: 'prices:write',
  input: { id: idOfType('Price', 'The price.') },
  payload: { deletedId: { type: 'ID', description: 'The id that is gone.' } },
  run: async (ctx, { id }) => {
    await deletePrice(ctx, id);
    return { deletedId: idOf('Price')({ id }) };
  },
});
