import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../builder.ts';
import { CompanyProfile, profileOf } from '../companies/profile.ts';
import type { Context } from '../context.ts';
import { endpointColumns } from '../endpoints/columns.ts';
import { parametersOf } from '../endpoints/values.ts';
import { DomainError } from '../errors.ts';
import { enumFilter, idFilter, scalarFilter, tagFilter } from '../filters.ts';
import { uuidOf } from '../ids.ts';
import { fullText, listOf } from '../lists.ts';
import { load } from '../loader.ts';
import { idOf } from '../nodes.ts';
import { activePriceOf } from '../prices/loaders.ts';
import { AssetType, EndpointStatus } from '../product-enums.ts';
import { AssetParameter, Coverage, RateLimit } from '../product-types.ts';
import { EVERYBODY, rowBy } from '../rows.ts';
import { statisticsOf } from '../usage/loaders.ts';
import { ProductStatistics } from '../usage/statistics.ts';
import { assetFacets, FACET_SIZE, type Facet } from './facets.ts';
import { POPULARITY_MINUTES, popularityAsOf } from './popularity.ts';
import { recommendations } from './recommendations.ts';
import { LISTED, listingSorts } from './listed.ts';

/** Types of their own for what other companies see: a column of the seller's cannot slip in by a forgotten check. */

type AssetRow = ModelRow<'Asset'>;
type EndpointRow = ModelRow<'Endpoint'>;

const byInt = <M extends 'Industry' | 'AssetUseCase'>(model: M, ctx: Context, id: number | null) =>
  (id === null
    ? null
    : load(ctx, rowBy<ModelRow<M>>(model, { type: 'int', where: EVERYBODY }), { company: null, id })) as never;

const AssetListing = builder.prismaObject('Asset', {
  variant: 'AssetListing',
  description: 'An asset as the marketplace shows it. Its SQL and connection stay with the seller.',
  fields: (t) => ({
    id: t.id({ description: 'The id of the asset, for assetProcess.', resolve: idOf('Asset') }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    slug: t.exposeString('slug', { description: 'Its name in addresses.' }),
    description: t.exposeString('description', { nullable: true, description: 'A short text.' }),
    detailedDescription: t.field({
      type: 'HTML',
      nullable: true,
      description: 'A long text.',
      resolve: (row) => row.detailedDescription,
    }),
    assetType: t.field({ type: AssetType, description: 'What it answers.', resolve: (row) => row.assetType }),
    tags: t.exposeStringList('tags', { description: 'Its tags, at most 30.' }),
    topQuestions: t.exposeStringList('topQuestions', { description: 'Questions that it answers, at most 3.' }),
    parameters: t.field({
      type: [AssetParameter],
      description: 'Values that a run takes, at most 50.',
      resolve: (row) => (row.allowParams ? row.parameters : []) as never,
    }),
    coverage: t.field({ type: Coverage, description: 'What its records cover.', resolve: (row) => row }),
    rateLimit: t.field({
      type: RateLimit,
      nullable: true,
      description: 'How often it may be run; null for no limit.',
      resolve: (row) => (row.rateLimitNumber ? row : null),
    }),
    isCached: t.exposeBoolean('cached', { description: 'Whether a run may answer with a kept result.' }),
    seller: t.field({
      type: CompanyProfile,
      description: 'Who sells it.',
      resolve: (row, _, ctx) => profileOf(ctx, row.companyId),
    }),
    price: t.field({
      type: typeNamed('Price'),
      nullable: true,
      description: 'What a run costs; null where it is not for sale.',
      resolve: (row, _, ctx) => activePriceOf(ctx, 'asset', row.id) as never,
    }),
    industry: t.field({
      type: typeNamed('Industry'),
      nullable: true,
      description: 'Its industry.',
      resolve: (row, _, ctx) => byInt('Industry', ctx, row.industryId),
    }),
    useCase: t.field({
      type: typeNamed('AssetUseCase'),
      nullable: true,
      description: 'Its main use case.',
      resolve: (row, _, ctx) => byInt('AssetUseCase', ctx, row.useCaseId),
    }),
    statistics: t.field({
      type: ProductStatistics,
      cost: 2,
      description: 'How it is used.',
      resolve: (row, _, ctx) => statisticsOf(ctx, row.id),
    }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

interface ListedColumn {
  name: string;
  type: string;
  alias?: string | null;
  isHidden?: boolean;
}

const ListingColumn = builder.objectRef<ListedColumn>('ListingColumn').implement({
  description: 'A column of the rows of an endpoint.',
  fields: (t) => ({
    name: t.string({ description: 'Its name in the rows.', resolve: (column) => column.alias ?? column.name }),
    type: t.exposeString('type', { description: 'What its cells are.' }),
  }),
});

const EndpointListing = builder.prismaObject('Endpoint', {
  variant: 'EndpointListing',
  description: 'An endpoint as the marketplace shows it. Its table and connection stay with the seller.',
  fields: (t) => ({
    id: t.id({ description: 'The id of the endpoint, for endpointFetch.', resolve: idOf('Endpoint') }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    slug: t.exposeString('slug', { description: 'Its name in addresses.' }),
    description: t.exposeString('description', { nullable: true, description: 'A short text.' }),
    detailedDescription: t.field({
      type: 'HTML',
      nullable: true,
      description: 'A long text.',
      resolve: (row) => row.detailedDescription,
    }),
    status: t.field({ type: EndpointStatus, description: 'Whether it runs.', resolve: (row) => row.status }),
    columns: t.field({
      type: [ListingColumn],
      description: 'The columns of its rows, at most 500.',
      resolve: (row) =>
        ((row.endpointSchema as { columns?: ListedColumn[] }).columns ?? []).filter((column) => !column.isHidden),
    }),
    parameters: t.field({
      type: ['EndpointParameter' as never],
      description: 'Values that a page takes for its filters, at most 200.',
      resolve: async (row, _, ctx) => {
        // A list leaves the schema out where nothing asked for is named like a part of it.
        const full =
          row.endpointSchema === undefined ? await load(ctx, listedEndpoint, { company: null, id: row.id }) : row;
        return parametersOf(endpointColumns(full?.endpointSchema)) as never;
      },
    }),
    tags: t.exposeStringList('tags', { description: 'Its tags, at most 30.' }),
    topQuestions: t.exposeStringList('topQuestions', { description: 'Questions that it answers, at most 3.' }),
    coverage: t.field({ type: Coverage, description: 'What its records cover.', resolve: (row) => row }),
    rateLimit: t.field({
      type: RateLimit,
      nullable: true,
      description: 'How often it may be called; null for no limit.',
      resolve: (row) => (row.rateLimitNumber ? row : null),
    }),
    maxRecordsPerRequest: t.exposeInt('maxRecordsPerRequest', { description: 'Rows of a page at most.' }),
    sampleResponse: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The last answer a buyer got, as a sample.',
      resolve: (row) => row.sampleResponse,
    }),
    seller: t.field({
      type: CompanyProfile,
      description: 'Who sells it.',
      resolve: (row, _, ctx) => profileOf(ctx, row.companyId),
    }),
    price: t.field({
      type: typeNamed('Price'),
      nullable: true,
      description: 'What a page costs; null where it is not for sale.',
      resolve: (row, _, ctx) => activePriceOf(ctx, 'endpoint', row.id) as never,
    }),
    industry: t.field({
      type: typeNamed('Industry'),
      nullable: true,
      description: 'Its industry.',
      resolve: (row, _, ctx) => byInt('Industry', ctx, row.industryId),
    }),
    useCase: t.field({
      type: typeNamed('AssetUseCase'),
      nullable: true,
      description: 'Its main use case.',
      resolve: (row, _, ctx) => byInt('AssetUseCase', ctx, row.useCaseId),
    }),
    statistics: t.field({
      type: ProductStatistics,
      cost: 2,
      description: 'How it is used.',
      resolve: (row, _, ctx) => statisticsOf(ctx, row.id),
    }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

const shared = {
  name: scalarFilter('String', 't.name', 'What it is called.'),
  tags: tagFilter('t.tags', 'Its tags.'),
  industryId: idFilter('Industry', 't."industryId"', 'Its industry.', true),
  useCaseId: idFilter('AssetUseCase', 't."useCaseId"', 'Its main use case.', true),
  sellerHandle: scalarFilter(
    'String',
    '(select c.handle from "Company" c where c.id = t."companyId")',
    'The handle of its seller.',
  ),
  updatedAt: scalarFilter('DateTime', 't."updatedAt"', 'When it last changed.'),
};
const priceOf = (column: string): string =>
  `(select p."amountUsd" from "Price" p where p."${column}" = t.id and p."endedAt" is null)`;

const assets = listOf({
  name: 'AssetListing',
  model: 'Asset',
  type: AssetListing as unknown as OutputRef<unknown>,
  filters: {
    ...shared,
    assetType: enumFilter('AssetType', AssetType, 't."assetType"', 'What it answers.'),
    priceUsd: scalarFilter('Decimal', priceOf('assetId'), 'Its price before any sale.'),
  },
  sorts: listingSorts(priceOf('assetId')),
  defaultSort: ['-POPULAR'],
  search: fullText,
  searchSort: ['-RELEVANCE'],
});
const endpoints = listOf({
  name: 'EndpointListing',
  model: 'Endpoint',
  type: EndpointListing as unknown as OutputRef<unknown>,
  filters: { ...shared, priceUsd: scalarFilter('Decimal', priceOf('endpointId'), 'Its price before any sale.') },
  sorts: listingSorts(priceOf('endpointId')),
  defaultSort: ['-POPULAR'],
  search: fullText,
  searchSort: ['-RELEVANCE'],
});

const listedAsset = rowBy<AssetRow>('Asset', { where: LISTED });
const listedEndpoint = rowBy<EndpointRow>('Endpoint', { where: LISTED });

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
    const [handle = '', slug = ''] = by.path.split('/');
    if (!handle || !slug)
      throw new DomainError('BAD_REQUEST', 'A path is the handle of the seller and the slug: `handle/slug`.', {
        path: ['by', 'path'],
      });
    const [row] = await ctx.query<{ id: string }>(
      `select p.id from "${model}" p join "Company" c on c.id = p."companyId" where c.handle = $1 and p.slug = $2`,
      [handle, slug],
    );
    id = row?.id ?? null;
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
    cost: 1,
    description: 'One listed asset; null where there is none.',
    args: { by: t.arg({ type: ListingBy, required: true, description: 'Which one.' }) },
    resolve: (_, { by }, ctx) => listing(ctx, 'Asset', by) as never,
  }),
);
builder.objectField(Marketplace, 'endpoint', (t) =>
  t.field({
    type: EndpointListing as never,
    nullable: true,
    cost: 1,
    description: 'One listed endpoint; null where there is none.',
    args: { by: t.arg({ type: ListingBy, required: true, description: 'Which one.' }) },
    resolve: (_, { by }, ctx) => listing(ctx, 'Endpoint', by) as never,
  }),
);
builder.objectField(Marketplace, 'popularityAsOf', (t) =>
  t.field({
    type: 'DateTime',
    cost: 1,
    description: `When the runs behind the sorts POPULAR and TRENDING were last counted: every ${POPULARITY_MINUTES} minutes.`,
    resolve: (_, __, ctx) => popularityAsOf(ctx.query),
  }),
);
const FacetRef = builder.objectRef<Facet>('Facet').implement({
  description: 'A value that listed assets share, for narrowing a search.',
  fields: (t) => ({
    kind: t.field({
      type: builder.enumType('FacetKind', {
        description: 'What the value is.',
        values: {
          USE_CASE: { description: 'A use case.' },
          INDUSTRY: { description: 'An industry.' },
          ASSET_TYPE: { description: 'A type of asset.' },
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
    count: t.exposeInt('count', { description: 'How many listed assets have it.' }),
  }),
});
builder.objectField(Marketplace, 'assetFacets', (t) =>
  t.field({
    type: [FacetRef],
    cost: 10,
    description: `Values that the listed assets of a search share, at most ${FACET_SIZE} of a kind, the most frequent first.`,
    args: { search: t.arg.string({ required: false, description: 'Only assets with these words.' }) },
    resolve: (_, { search }, ctx) => assetFacets(ctx, search ?? null),
  }),
);
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
