import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { enumFilter, idFilter, scalarFilter, tagFilter } from '../lists/filters.ts';
import { uuidOf } from '../ids.ts';
import { fullText, listOf, RELEVANCE } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import {
  ApprovalStatus,
  AssetSource,
  AssetType,
  ParameterTypeEnum,
  Visibility,
  VizAggregation,
  VizChartLibrary,
  VizChartType,
  VizColorScheme,
  VizFilterDirection,
  VizSortDirection,
} from '../graph/product-enums.ts';
import { AssetParameter, Coverage, RateLimit, review } from '../graph/product-types.ts';
import { EVERYBODY, OWN, OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import type { AnswerColumn } from '../warehouse/engine.ts';
import type { Parameter } from './params.ts';
import './estimate-schema.ts';
import './insight-schema.ts';
import './mutations.ts';

type AssetRow = ModelRow<'Asset'>;

const AnswerColumnType = builder.objectRef<AnswerColumn>('AnswerColumn').implement({
  description: 'A column of the rows that a language model answers.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    type: t.field({ type: ParameterTypeEnum, description: 'What its cells are.', resolve: ({ type }) => type }),
  }),
});

const AssetChart = builder.objectRef<AssetRow>('AssetChart').implement({
  description: 'How a chart is drawn where the asset has no figure of its own.',
  fields: (t) => ({
    type: t.field({
      type: VizChartType,
      nullable: true,
      description: 'The kind of chart.',
      resolve: (row) => row.vizChartType,
    }),
    library: t.field({
      type: VizChartLibrary,
      nullable: true,
      description: 'What it was made for.',
      resolve: (row) => row.vizChartLibrary,
    }),
    x: t.exposeString('vizIndepVarColName', { nullable: true, description: 'The column of x.' }),
    y: t.exposeString('vizDepVarColName', { nullable: true, description: 'The column of y.' }),
    size: t.exposeString('vizSizeColName', { nullable: true, description: 'The column of the bubble size.' }),
    color: t.exposeString('vizColorColName', { nullable: true, description: 'The column of the colour.' }),
    aggregation: t.field({
      type: VizAggregation,
      description: 'How rows with the same x are put together.',
      resolve: (row) => row.vizDataAggregation,
    }),
    sort: t.field({
      type: VizSortDirection,
      description: 'How points are sorted by y.',
      resolve: (row) => row.vizSortDirection,
    }),
    limit: t.exposeInt('vizDataLimit', { nullable: true, description: 'How many points are kept.' }),
    keep: t.field({
      type: VizFilterDirection,
      description: 'Which points the limit keeps.',
      resolve: (row) => row.vizFilterDirection,
    }),
    colorScheme: t.field({ type: VizColorScheme, description: 'Its colours.', resolve: (row) => row.vizColorScheme }),
    hasLegend: t.exposeBoolean('vizShowLegend', { description: 'Whether there is a legend.' }),
    hasGrid: t.exposeBoolean('vizShowGrid', { description: 'Whether there is a grid.' }),
    hasTrendline: t.exposeBoolean('vizShowTrendline', { description: 'Whether lines and points get a trend.' }),
    isSmooth: t.exposeBoolean('vizLineSmoothing', { description: 'Whether lines are smooth.' }),
    isStacked: t.exposeBoolean('vizBarStacked', { description: 'Whether bars are stacked.' }),
  }),
});

const byInt = <M extends 'Industry' | 'AssetUseCase'>(model: M) =>
  rowBy<ModelRow<M>>(model, { type: 'int', where: EVERYBODY });

const anyUserById = rowBy<ModelRow<'User'>>('User', { where: OWN_ANY });
const anyConnectionById = rowBy<ModelRow<'Connection'>>('Connection', { where: OWN_ANY, isFull: false });

builder.prismaObject('Asset', {
  description: 'One answer or one chart on a connection of its company, as the company itself sees it.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Asset') }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    slug: t.exposeString('slug', { description: 'Its name in addresses; never changes.' }),
    description: t.exposeString('description', { nullable: true, description: 'A short text.' }),
    detailedDescription: t.field({
      type: 'HTML',
      nullable: true,
      description: 'A long text.',
      resolve: (row) => row.detailedDescription,
    }),
    assetType: t.field({ type: AssetType, description: 'What it answers.', resolve: (row) => row.assetType }),
    source: t.field({ type: AssetSource, description: 'How it came about.', resolve: (row) => row.source }),
    approvalStatus: t.field({
      type: ApprovalStatus,
      nullable: true,
      description: 'Approval of one that a machine proposed; null for others.',
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
    isListed: t.exposeBoolean('sellInMarketplace', { description: 'Whether the marketplace shows it.' }),
    sqlLogic: t.exposeString('sqlLogic', { nullable: true, description: 'The SQL that runs; no buyer ever sees it.' }),
    parameters: t.field({
      type: [AssetParameter],
      description: 'The `:name`s of the SQL, at most 50.',
      resolve: (row) => row.parameters as unknown as Parameter[],
    }),
    takesParameters: t.exposeBoolean('allowParams', {
      description: 'Whether callers may give parameters; else the defaults are used.',
    }),
    vizSpec: t.field({
      type: 'JSON',
      nullable: true,
      description: 'A Plotly figure with `…src` keys naming columns; comes before `chart`.',
      resolve: (row) => row.vizSpec,
    }),
    chart: t.field({
      type: AssetChart,
      nullable: true,
      description: 'How its chart is drawn; null where it is no chart.',
      resolve: (row) => (row.assetType === 'VISUALIZATION' ? row : null),
    }),
    schema: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The stored schema of the table behind it.',
      resolve: (row) => row.assetSchema,
    }),
    sourceSchemaName: t.exposeString('sourceSchemaName', { nullable: true, description: 'The schema behind it.' }),
    sourceTableName: t.exposeString('sourceTableName', { nullable: true, description: 'The table behind it.' }),
    tags: t.exposeStringList('tags', { description: 'Its tags, at most 30.' }),
    topQuestions: t.exposeStringList('topQuestions', { description: 'Questions that it answers, at most 3.' }),
    restrictedDomains: t.exposeStringList('restrictedDomains', {
      description: 'Domains that may not use it, at most 100.',
    }),
    shortCode: t.exposeString('shortCode', { description: 'Its code in short links.' }),
    coverage: t.field({ type: Coverage, description: 'What its records cover.', resolve: (row) => row }),
    rateLimit: t.field({
      type: RateLimit,
      nullable: true,
      description: 'How often it may be run; null for no limit.',
      resolve: (row) => (row.rateLimitNumber ? row : null),
    }),
    isCached: t.exposeBoolean('cached', { description: 'Whether results are kept for the refresh frequency.' }),
    hasAcceptedTerms: t.exposeBoolean('acceptTerms', { description: 'Whether the seller accepted the terms.' }),
    isCustomizationRequired: t.exposeBoolean('requireCustomization', {
      description: 'Whether it needs customising before use.',
    }),
    prompt: t.exposeString('prompt', {
      nullable: true,
      description: 'What a language model is told to do; no buyer ever sees it.',
    }),
    answerColumns: t.field({
      type: [AnswerColumnType],
      description: 'The columns of the rows that a language model answers, at most 50.',
      resolve: (row) => row.answerColumns as unknown as AnswerColumn[],
    }),
    functionId: t.exposeString('functionId', {
      nullable: true,
      description: 'The function or model behind an external API.',
    }),
    schedule: t.exposeString('schedule', {
      nullable: true,
      description: 'When its kept result is computed anew, as a cron expression in UTC; null for only when asked for.',
    }),
    nextRefreshAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When that is next, or later by the rest after failures; null where it is not refreshed by a schedule.',
      resolve: (row) => (row.cached && row.schedule ? row.nextRun : null),
    }),
    refreshFailureCount: t.exposeInt('refreshFailures', {
      description:
        'Refreshes by its schedule that failed since the last that did not; the runs of kind REFRESH say why.',
    }),
    lastTestOkAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When its definition of today was last tested with success.',
      resolve: (row) => row.lastTestOkAt,
    }),
    connection: t.field({
      type: typeNamed('Connection'),
      nullable: true,
      description: 'The connection that it runs on.',
      ...refersTo(anyConnectionById, 'connectionId'),
    }),
    llmConnection: t.field({
      type: typeNamed('Connection'),
      nullable: true,
      description: 'The language model that the platform proposed it with; null for none.',
      ...refersTo(anyConnectionById, 'llmConnectionId'),
    }),
    aiJobId: t.exposeString('aiJobId', {
      nullable: true,
      description: 'The job of the platform that proposed it; null where a person made it.',
    }),
    snippetId: t.exposeInt('snippetId', {
      nullable: true,
      description: 'The ready-made code that it came from; null for none.',
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
      description: 'Its industry.',
      ...refersTo(byInt('Industry'), 'industryId', null),
    }),
    useCase: t.field({
      type: typeNamed('AssetUseCase'),
      nullable: true,
      description: 'Its main use case.',
      ...refersTo(byInt('AssetUseCase'), 'useCaseId', null),
    }),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

const assetById = rowBy<AssetRow>('Asset', { where: OWN });
const assetBySlug = rowBy<AssetRow>('Asset', { column: 'slug', type: 'text', where: OWN });
registerNode('Asset', (ctx, key) =>
  ctx.viewer?.permissions.has('company:read')
    ? load(ctx, assetById, { company: ctx.viewer.companyId, id: key })
    : Promise.resolve(null),
);

const assets = listOf({
  name: 'Asset',
  model: 'Asset',
  type: typeNamed('Asset') as unknown as OutputRef<unknown>,
  filters: {
    name: scalarFilter('String', 't.name', 'What it is called.'),
    assetType: enumFilter('AssetType', AssetType, 't."assetType"', 'What it answers.'),
    source: enumFilter('AssetSource', AssetSource, 't.source', 'How it came about.'),
    approvalStatus: enumFilter(
      'ApprovalStatus',
      ApprovalStatus,
      't."approvalStatus"',
      'Approval of one that a machine proposed.',
    ),
    isListed: scalarFilter('Boolean', 't."sellInMarketplace"', 'Whether the marketplace shows it.'),
    tags: tagFilter('t.tags', 'Its tags.'),
    connectionId: idFilter('Connection', 't."connectionId"', 'The connection that it runs on.'),
    ownerId: idFilter('User', 't."userId"', 'Who made it.'),
    industryId: idFilter('Industry', 't."industryId"', 'Its industry.', true),
    useCaseId: idFilter('AssetUseCase', 't."useCaseId"', 'Its main use case.', true),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was made.'),
    updatedAt: scalarFilter('DateTime', 't."updatedAt"', 'When it last changed.'),
  },
  sorts: {
    NAME: { sql: 't.name', type: 'text', description: 'By name.' },
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
    UPDATED_AT: { sql: 't."updatedAt"', type: 'timestamptz', description: 'By the last change.' },
    LAST_TEST_OK_AT: {
      sql: 't."lastTestOkAt"',
      type: 'timestamptz',
      isNullable: true,
      description: 'By the last successful test.',
    },
    RELEVANCE,
  },
  defaultSort: ['-CREATED_AT'],
  search: fullText,
  searchSort: ['-RELEVANCE'],
});

builder.prismaObjectField('Company', 'assets', (t) =>
  assets.field(t as never, {
    description: 'Its assets.',
    access: 'company:read',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: OWN },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
);
builder.prismaObjectField('User', 'assets', (t) =>
  assets.field(t as never, {
    description: 'Assets that they made.',
    access: 'company:read',
    place: { by: { sql: 't."userId"', type: 'uuid' }, where: OWN },
    from: (user: ModelRow<'User'>) => ({ company: user.companyId, parent: user.id }),
  }),
);
builder.prismaObjectField('Connection', 'assets', (t) =>
  assets.field(t as never, {
    description: 'Assets that run on it.',
    access: 'company:read',
    place: { by: { sql: 't."connectionId"', type: 'uuid' }, where: OWN },
    from: (connection: ModelRow<'Connection'>) => ({ company: connection.companyId, parent: connection.id }),
  }),
);

const AssetBy = builder.inputType('AssetBy', {
  description: 'Which asset of the company.',
  isOneOf: true,
  fields: (t) => ({ id: t.id({ description: 'By its opaque id.' }), slug: t.string({ description: 'By its slug.' }) }),
});

builder.prismaObjectField('Company', 'asset', (t) =>
  t.field({
    type: typeNamed('Asset'),
    nullable: true,
    access: 'company:read',
    description: 'One of its assets; null where there is none.',
    args: { by: t.arg({ type: AssetBy, required: true, description: 'Which one.' }) },
    resolve: (company, { by }, ctx) =>
      (by.id
        ? load(ctx, assetById, { company: company.id, id: uuidOf('Asset', by.id, ['by', 'id']) })
        : load(ctx, assetBySlug, { company: company.id, id: by.slug ?? '' })) as never,
  }),
);
