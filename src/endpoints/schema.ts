import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { viewerOf, type Context } from '../context.ts';
import { enumFilter, idFilter, scalarFilter, tagFilter } from '../lists/filters.ts';
import { uuidOf } from '../ids.ts';
import { fullText, listOf, RELEVANCE } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { AccessMethod, ApprovalStatus, EndpointStatus, Visibility } from '../graph/product-enums.ts';
import { Coverage, RateLimit, review } from '../graph/product-types.ts';
import { EVERYBODY, OWN, OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import { aggregations, endpointColumns, type EndpointColumn } from './columns.ts';
import './edges-schema.ts';
import './mutations.ts';
import { parametersOf, type EndpointParameter } from './values.ts';

const endpointById = rowBy<ModelRow<'Endpoint'>>('Endpoint', { where: OWN });
const endpointBySlug = rowBy<ModelRow<'Endpoint'>>('Endpoint', { column: 'slug', type: 'text', where: OWN });
const anyEndpointById = rowBy<ModelRow<'Endpoint'>>('Endpoint', { where: OWN_ANY });
const connectionById = rowBy<ModelRow<'Connection'>>('Connection', { where: OWN_ANY, isFull: false });
const companyById = rowBy<ModelRow<'Company'>>('Company', { where: 't.id = k.company' });
/** Also users that were deleted: they stay the owners of what they made. */
const anyUserById = rowBy<ModelRow<'User'>>('User', { where: OWN_ANY });
const industryById = rowBy<ModelRow<'Industry'>>('Industry', { type: 'int', where: EVERYBODY });
const useCaseById = rowBy<ModelRow<'AssetUseCase'>>('AssetUseCase', { type: 'int', where: EVERYBODY });

/** A list leaves the schema out where nothing in its selection has the name of a part of it. */
async function schemaOf(ctx: Context, row: ModelRow<'Endpoint'>): Promise<unknown> {
  return row.endpointSchema === undefined
    ? (await load(ctx, anyEndpointById, { company: row.companyId, id: row.id }))?.endpointSchema
    : row.endpointSchema;
}

const Aggregation = builder.enumType('EndpointAggregation', {
  description: 'How the values of a column are put together.',
  values: Object.fromEntries(
    Object.entries(aggregations).map(([name, description]) => [name, { description }]),
  ) as Record<keyof typeof aggregations, { description: string }>,
});
const Column = builder.objectRef<EndpointColumn>('EndpointColumn').implement({
  description: 'A column of the table behind an endpoint, and what becomes of it in the answer.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name in the table.' }),
    type: t.field({
      type: 'ResultColumnType' as never,
      description: 'Its type.',
      resolve: (column) => column.type as never,
    }),
    aggregation: t.field({
      type: Aggregation,
      nullable: true,
      description: 'How its values are put together; null: not at all.',
      resolve: (column) => column.aggregation,
    }),
    filter: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Which rows are kept: `{op, value | values | param}`.',
      resolve: (column) => column.filter,
    }),
    isHidden: t.exposeBoolean('isHidden', { description: 'Whether it only filters and is not part of the answer.' }),
    alias: t.exposeString('alias', { nullable: true, description: 'Its name in the answer where that is another.' }),
    order: t.field({
      type: 'SortDirection' as never,
      nullable: true,
      description: 'Which way the rows are sorted by it.',
      resolve: (column) => column.order as never,
    }),
  }),
});

const Parameter = builder.objectRef<EndpointParameter>('EndpointParameter').implement({
  description: 'A value that callers of an endpoint give for one of its filters.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name in `parameters`.' }),
    type: t.field({
      type: 'ResultColumnType' as never,
      description: 'Its type.',
      resolve: (parameter) => parameter.type as never,
    }),
    isList: t.exposeBoolean('isList', { description: 'Whether it takes a list of values.' }),
    isRequired: t.exposeBoolean('isRequired', {
      description: 'Whether a page needs it; otherwise the filter has a value of its own.',
    }),
  }),
});

builder.prismaObject('Endpoint', {
  description: 'Rows of a table that others may fetch page by page.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Endpoint') }),
    name: t.exposeString('name', { description: 'What it is called; unique in the company.' }),
    slug: t.exposeString('slug', { description: 'Its name in addresses, from its first name; never changes.' }),
    description: t.exposeString('description', {
      nullable: true,
      description: 'What it offers, in a sentence or two.',
    }),
    detailedDescription: t.field({
      type: 'HTML',
      nullable: true,
      description: 'What it offers, at length.',
      resolve: (row) => row.detailedDescription,
    }),
    status: t.field({ type: EndpointStatus, description: 'Whether it runs.', resolve: (row) => row.status }),
    accessMethod: t.field({
      type: AccessMethod,
      description: 'How callers show that they may.',
      resolve: (row) => row.accessMethod,
    }),
    accessWhitelist: t.exposeStringList('accessWhitelist', {
      description: 'The addresses, networks, e-mail addresses or domains that the access method lets in, at most 1000.',
    }),
    columns: t.field({
      type: [Column],
      description: 'What it answers and how: at most 200 columns.',
      resolve: async (row, _, ctx) => endpointColumns(await schemaOf(ctx, row)),
    }),
    parameters: t.field({
      type: [Parameter],
      description: 'Values that callers give for its filters, at most one a column, so at most 200.',
      resolve: async (row, _, ctx) => parametersOf(endpointColumns(await schemaOf(ctx, row))),
    }),
    sourceSchemaName: t.exposeString('sourceSchemaName', {
      nullable: true,
      description: 'The schema of the table behind it.',
    }),
    sourceTableName: t.exposeString('sourceTableName', { nullable: true, description: 'The table behind it.' }),
    connection: t.field({
      type: typeNamed('Connection'),
      nullable: true,
      description: 'The connection its rows come from; null once deleted.',
      ...refersTo(connectionById, 'connectionId'),
    }),
    owner: t.field({
      type: typeNamed('User'),
      nullable: true,
      description: 'Who made it.',
      ...refersTo(anyUserById, 'userId'),
    }),
    industry: t.field({
      type: typeNamed('Industry'),
      nullable: true,
      description: 'The industry it is for.',
      ...refersTo(industryById, 'industryId', null),
    }),
    useCase: t.field({
      type: typeNamed('AssetUseCase'),
      nullable: true,
      description: 'What it is good for.',
      ...refersTo(useCaseById, 'useCaseId', null),
    }),
    tags: t.exposeStringList('tags', { description: 'Words to find it by, at most 30.' }),
    topQuestions: t.exposeStringList('topQuestions', { description: 'Questions it answers, at most 3.' }),
    isListed: t.exposeBoolean('sellInMarketplace', { description: 'Whether the marketplace shows it.' }),
    approvalStatus: t.field({
      type: ApprovalStatus,
      nullable: true,
      description: 'How far its approval is; null where none is needed.',
      resolve: (row) => row.approvalStatus,
    }),
    approvedAt: t.field(review.approvedAt),
    approvedById: t.id(review.approvedById),
    reviewNote: t.exposeString('reviewNote', review.reviewNote),
    reviewedAt: t.field(review.reviewedAt),
    visibility: t.field({
      type: Visibility,
      description: 'Who sees it beside the marketplace.',
      resolve: (row) => row.visibility,
    }),
    coverage: t.field({ type: Coverage, description: 'What its rows cover.', resolve: (row) => row }),
    rateLimit: t.field({
      type: RateLimit,
      nullable: true,
      description: 'How often it may be asked; null for no limit.',
      resolve: (row) => (row.rateLimitNumber ? row : null),
    }),
    maxRecordsPerRequest: t.exposeInt('maxRecordsPerRequest', { description: 'Rows of a page at most.' }),
    isExportEnabled: t.exposeBoolean('exportEnabled', { description: 'Whether all rows may be exported at once.' }),
    maxRecordsPerExport: t.exposeInt('maxRecordsPerExport', {
      nullable: true,
      description: 'Rows of an export at most.',
    }),
    sampleResponse: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The first rows of the last page that a customer fetched.',
      resolve: (row) => row.sampleResponse,
    }),
    lastAccessedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When a customer last fetched a page.',
      resolve: (row) => row.lastAccessedAt,
    }),
    lastTestOkAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When a test last succeeded.',
      resolve: (row) => row.lastTestOkAt,
    }),
    customerName: t.exposeString('customerName', { nullable: true, description: 'The customer it is made for.' }),
    url: t.field({
      type: 'URL',
      description: 'Where its pages are fetched without GraphQL.',
      resolve: async (row, _, ctx) =>
        `${ctx.app.publicUrl}/companies/${(await load(ctx, companyById, { company: row.companyId, id: row.companyId }))?.handle}/endpoints/v1/${row.slug}`,
    }),
    isActive: t.exposeBoolean('active', { description: 'false once deleted.' }),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

registerNode('Endpoint', (ctx, key) =>
  ctx.viewer?.permissions.has('company:read')
    ? load(ctx, endpointById, { company: viewerOf(ctx).companyId, id: key })
    : Promise.resolve(null),
);

const endpoints = listOf({
  name: 'Endpoint',
  model: 'Endpoint',
  type: typeNamed('Endpoint') as unknown as OutputRef<unknown>,
  filters: {
    name: scalarFilter('String', 't.name', 'What it is called.'),
    slug: scalarFilter('String', 't.slug', 'Its name in addresses.'),
    status: enumFilter('EndpointStatus', EndpointStatus, 't.status', 'Whether it runs.'),
    accessMethod: enumFilter('AccessMethod', AccessMethod, 't."accessMethod"', 'How callers show that they may.'),
    approvalStatus: enumFilter('ApprovalStatus', ApprovalStatus, 't."approvalStatus"', 'How far its approval is.'),
    visibility: enumFilter('Visibility', Visibility, 't.visibility', 'Who sees it beside the marketplace.'),
    isListed: scalarFilter('Boolean', 't."sellInMarketplace"', 'Whether the marketplace shows it.'),
    connectionId: idFilter('Connection', 't."connectionId"', 'The connection its rows come from.'),
    industryId: idFilter('Industry', 't."industryId"', 'The industry it is for.', true),
    useCaseId: idFilter('AssetUseCase', 't."useCaseId"', 'What it is good for.', true),
    tags: tagFilter('t.tags', 'Words to find it by.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was made.'),
    updatedAt: scalarFilter('DateTime', 't."updatedAt"', 'When it last changed.'),
    lastAccessedAt: scalarFilter('DateTime', 't."lastAccessedAt"', 'When a customer last fetched a page.'),
  },
  sorts: {
    NAME: { sql: 't.name', type: 'text', description: 'By name.' },
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
    UPDATED_AT: { sql: 't."updatedAt"', type: 'timestamptz', description: 'By last change.' },
    LAST_ACCESSED_AT: { sql: 't."lastAccessedAt"', type: 'timestamptz', isNullable: true, description: 'By last use.' },
    RELEVANCE,
  },
  defaultSort: ['CREATED_AT'],
  search: fullText,
  searchSort: ['-RELEVANCE'],
});

builder.objectFields(typeNamed('Company'), (t) => ({
  endpoints: endpoints.field(t as never, {
    description: 'Its endpoints.',
    access: 'company:read',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: OWN },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
}));

const By = builder.inputType('EndpointBy', {
  description: 'Names one endpoint, in one of these ways.',
  isOneOf: true,
  fields: (t) => ({
    id: t.id({ required: false, description: 'Its opaque id.' }),
    slug: t.string({ required: false, description: 'Its name in addresses.' }),
  }),
});

builder.prismaObjectField('Company', 'endpoint', (t) =>
  t.field({
    type: typeNamed('Endpoint'),
    nullable: true,
    access: 'company:read',
    description: 'One of its endpoints; null where there is none.',
    args: { by: t.arg({ type: By, required: true, description: 'Which one.' }) },
    resolve: (company, { by }, ctx) =>
      (by.id == null
        ? load(ctx, endpointBySlug, { company: company.id, id: by.slug ?? '' })
        : load(ctx, endpointById, { company: company.id, id: uuidOf('Endpoint', by.id, ['by', 'id']) })) as never,
  }),
);
