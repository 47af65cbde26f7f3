import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { idAt } from '../assets/access.ts';
import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { enumFilter, idFilter, scalarFilter, tagFilter, type Filter, type Where } from '../lists/filters.ts';
import { uuidOf } from '../ids.ts';
import { isPlainText } from '../text/plain-text.ts';
import { fullText, listOf } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf } from '../graph/nodes.ts';
import { AssetType } from '../graph/product-enums.ts';
import { FACET_SIZE, facetsOf, MOST_COUNTED, type Facet } from './facets.ts';
import { inCategory, LISTED, listingSorts } from './listed.ts';
import { AssetListing, EndpointListing, listedAsset, listedEndpoint } from './listings-schema.ts';
import { POPULARITY_MINUTES, popularityAsOf } from './popularity.ts';
import { recommendations } from './recommendations.ts';

type AssetRow = ModelRow<'Asset'>;

const handle = scalarFilter('String', 'c.handle', 'The handle of its seller.');
/** By the seller's row, which its handle finds at once, instead of a look at the seller of each product. */
const sellerHandle: Filter = {
  ...handle,
  sql: (...given) =>
    handle.sql(...given).map((one) => `exists (select from "Company" c where c.id = t."companyId" and ${one})`),
};
const shared = {
  name: scalarFilter('String', 't.name', 'What it is called.'),
  tags: tagFilter('t.tags', 'Its tags.'),
  category: tagFilter(inCategory, 'A tag of it, or the slug or name of its industry or use case.'),
  industryId: idFilter('Industry', 't."industryId"', 'Its industry.', true),
  useCaseId: idFilter('AssetUseCase', 't."useCaseId"', 'Its main use case.', true),
  sellerHandle,
  updatedAt: scalarFilter('DateTime', 't."updatedAt"', 'When it last changed.'),
};
const priceOf = (column: string): string =>
  `(select p."amountUsd" from "Price" p where p."${column}" = t.id and p."endedAt" is null)`;

const assetFilters = {
  ...shared,
  assetType: enumFilter('AssetType', AssetType, 't."assetType"', 'What it answers.'),
  priceUsd: scalarFilter('Decimal', priceOf('assetId'), 'Its price before any sale.'),
};
const endpointFilters = {
  ...shared,
  priceUsd: scalarFilter('Decimal', priceOf('endpointId'), 'Its price before any sale.'),
};

const assets = listOf({
  name: 'AssetListing',
  model: 'Asset',
  type: AssetListing as unknown as OutputRef<unknown>,
  filters: assetFilters,
  sorts: listingSorts(priceOf('assetId')),
  defaultSort: ['-POPULAR'],
  search: fullText,
  searchSort: ['-RELEVANCE'],
});
const endpoints = listOf({
  name: 'EndpointListing',
  model: 'Endpoint',
  type: EndpointListing as unknown as OutputRef<unknown>,
  filters: endpointFilters,
  sorts: listingSorts(priceOf('endpointId')),
  defaultSort: ['-POPULAR'],
  search: fullText,
  searchSort: ['-RELEVANCE'],
});

const ListingBy = builder.inputType('ListingBy', {
  description:
    'Which product of the marketplace: by its id, or by the handle of its seller and its slug, as `handle/slug`.',
  isOneOf: true,
  fields: (t) => ({
    id: t.id({ description: 'By its opaque id.' }),
    path: t.string({ description: 'By `handle/slug`.' }),
  }),
});

async function listing<M extends 'Asset' | 'Endpoint'>(
  ctx: Context,
  model: M,
  by: { id?: string | null; path?: string | null },
): Promise<ModelRow<M> | null> {
  let id = by.id ? uuidOf(model, by.id, ['by', 'id']) : null;
  if (by.path) {
    const [companyHandle = '', slug = ''] = by.path.split('/');
    if (!companyHandle || !slug || !isPlainText(by.path))
      throw new DomainError('BAD_REQUEST', 'A path is the handle of the seller and the slug: `handle/slug`.', {
        path: ['by', 'path'],
      });
    id = await idAt(ctx, model, { companyHandle, slug });
  }
  const loader = (model === 'Asset' ? listedAsset : listedEndpoint) as typeof listedAsset;
  return id === null ? null : (load(ctx, loader, { company: null, id }) as Promise<ModelRow<M> | null>);
}

const everything = {
  access: 'public' as const,
  place: { where: LISTED },
  from: () => ({ company: null, parent: null }),
};

const Marketplace = builder.objectRef<object>('Marketplace').implement({
  description: 'What all companies sell. Needs no credential; a run does.',
  fields: (t) => ({
    assets: assets.field(t as never, {
      description: 'Listed assets, the popular ones first; with `search` the fitting ones.',
      ...everything,
    }),
    endpoints: endpoints.field(t as never, {
      description: 'Listed endpoints, the popular ones first; with `search` the fitting ones.',
      ...everything,
    }),
  }),
});
builder.objectField(Marketplace, 'asset', (t) =>
  t.field({
    type: AssetListing as never,
    nullable: true,
    description: 'One listed asset; null where there is none.',
    args: { by: t.arg({ type: ListingBy, required: true, description: 'Which one.' }) },
    resolve: (_, { by }, ctx) => listing(ctx, 'Asset', by) as never,
  }),
);
builder.objectField(Marketplace, 'endpoint', (t) =>
  t.field({
    type: EndpointListing as never,
    nullable: true,
    description: 'One listed endpoint; null where there is none.',
    args: { by: t.arg({ type: ListingBy, required: true, description: 'Which one.' }) },
    resolve: (_, { by }, ctx) => listing(ctx, 'Endpoint', by) as never,
  }),
);
builder.objectField(Marketplace, 'popularityAsOf', (t) =>
  t.field({
    type: 'DateTime',
    description: `When the runs behind the sorts POPULAR and TRENDING were last counted: every ${POPULARITY_MINUTES} minutes.`,
    resolve: (_, __, ctx) => popularityAsOf(ctx.query),
  }),
);
const FacetRef = builder.objectRef<Facet>('Facet').implement({
  description: 'A value that listed products share, for narrowing a search.',
  fields: (t) => ({
    kind: t.field({
      type: builder.enumType('FacetKind', {
        description: 'What the value is.',
        values: {
          USE_CASE: { description: 'A use case.' },
          INDUSTRY: { description: 'An industry.' },
          ASSET_TYPE: { description: 'A type of asset; endpoints have none.' },
          TAG: { description: 'A tag.' },
        },
      }),
      description: 'What the value is.',
      resolve: (facet) => facet.kind,
    }),
    value: t.exposeString('value', { description: 'The value.' }),
    id: t.id({
      nullable: true,
      description: 'The id of the industry or use case; null for others.',
      resolve: (facet) =>
        facet.id === null ? null : idOf(facet.kind === 'INDUSTRY' ? 'Industry' : 'AssetUseCase')({ id: facet.id }),
    }),
    count: t.exposeInt('count', { description: 'How many of the products have it.' }),
  }),
});
for (const [model, name, filters] of [
  ['Asset', 'asset', assetFilters],
  ['Endpoint', 'endpoint', endpointFilters],
] as const) {
  builder.objectField(Marketplace, `${name}Facets`, (t) =>
    t.field({
      type: [FacetRef],
      cost: 100,
      description: `Values that the ${name}s which \`${name}s\` lists for the same arguments share, at most ${FACET_SIZE} of a kind, the most frequent first. Of more than ${MOST_COUNTED} the most popular are counted.`,
      args: {
        search: t.arg.string({
          required: false,
          description: `Only ${name}s with these words, at most 255 characters.`,
        }),
        where: t.arg({
          type: `${model}ListingWhere` as never,
          required: false,
          description: `Only ${name}s that fulfil this.`,
        }),
      },
      resolve: (_, args, ctx) =>
        facetsOf(ctx, model, filters, args as { search?: string | null; where?: Where | null }),
    }),
  );
}
builder.queryField('marketplace', (t) =>
  t.field({ type: Marketplace, access: 'public', description: 'What all companies sell.', resolve: () => ({}) }),
);

const Recommendation = builder
  .objectRef<{ asset: AssetRow; score: number; reasons: string[] }>('Recommendation')
  .implement({
    description: 'A listed asset that resembles another.',
    fields: (t) => ({
      listing: t.field({
        type: AssetListing as never,
        description: 'The asset.',
        resolve: ({ asset }) => asset as never,
      }),
      score: t.exposeInt('score', {
        description: 'Same use case 4, same industry 3, each shared tag 1 up to 3, same seller 1.',
      }),
      reasons: t.exposeStringList('reasons', { description: 'What made the score, at most 4.' }),
    }),
  });
for (const [ref, text] of [
  [AssetListing, 'this one'],
  [typeNamed('Asset'), 'this one'],
] as const) {
  builder.objectField(ref as never, 'recommendations', (t) =>
    t.field({
      type: [Recommendation],
      cost: 10,
      listSize: { assumed: 12, by: ['first'] },
      description: `Listed assets that resemble ${text}, best first, at most 50.`,
      args: {
        first: t.arg.int({ defaultValue: 12, description: 'How many, at most 50.' }),
        minScore: t.arg.int({ defaultValue: 1, description: 'The least score.' }),
      },
      resolve: (asset: unknown, { first, minScore }, ctx) =>
        recommendations(ctx, asset as AssetRow, first ?? 12, minScore ?? 1),
    }),
  );
}
