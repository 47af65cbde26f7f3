import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { idFilter, scalarFilter } from '../lists/filters.ts';
import { toGlobalId, uuidOf } from '../ids.ts';
import { listOf, substring } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { PostTone } from '../graph/product-enums.ts';
import { OWN, OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import type { Insight } from './insights.ts';
import { postSummaryOf, type PostSummary as Summary } from './loaders.ts';
import './mutations.ts';
import { authors } from './public-post.ts';
import { publications } from './publications.ts';

type PostRow = ModelRow<'Post'>;

const ownPost = rowBy<PostRow>('Post', { where: OWN });
const ownAsset = rowBy<ModelRow<'Asset'>>('Asset', { where: OWN });

const PostInsight = builder.objectRef<Insight & { companyId: string }>('PostInsight').implement({
  description: 'A result that an article uses, as it was when the article was stored.',
  fields: (t) => ({
    runId: t.id({ description: 'The run it comes from.', resolve: (insight) => toGlobalId('Run', insight.runId) }),
    asset: t.field({
      type: typeNamed('Asset'),
      nullable: true,
      description: "The asset; null for another company's.",
      resolve: (insight, _, ctx) => load(ctx, ownAsset, { company: insight.companyId, id: insight.assetId }) as never,
    }),
    assetName: t.exposeString('assetName', { description: 'What the asset was called.' }),
    value: t.exposeString('value', {
      nullable: true,
      description: 'The number, exact; null for charts, rows and failures.',
    }),
    runtimeMs: t.exposeInt('runtimeMs', { nullable: true, description: 'Milliseconds that the run took.' }),
    isSuccess: t.exposeBoolean('isSuccess', { description: 'Whether the run had a result.' }),
  }),
});

const PostGeneration = builder.objectRef<PostRow>('PostGeneration').implement({
  description: 'How a text was generated.',
  fields: (t) => ({
    creativity: t.exposeInt('generationCreativity', {
      nullable: true,
      description: 'How free the text was, 0 to 100.',
    }),
    temperature: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'The temperature of the model, 0.0 to 2.0.',
      resolve: (row) => (row.generationTemperature === null ? null : String(row.generationTemperature)),
    }),
    targetWordCount: t.exposeInt('generationTargetWordCount', {
      nullable: true,
      description: 'Words that were asked for; null for as many as it takes.',
    }),
    tone: t.field({ type: PostTone, nullable: true, description: 'Its tone.', resolve: (row) => row.generationTone }),
    hasCitations: t.exposeBoolean('generationIncludeCitations', {
      nullable: true,
      description: 'Whether sources were asked for.',
    }),
    subheadingCount: t.exposeInt('generationSubheadingCount', {
      nullable: true,
      description: 'Subheadings that were asked for, 2 to 5.',
    }),
    timeMs: t.exposeInt('generationTimeMs', { nullable: true, description: 'Milliseconds that generating took.' }),
  }),
});

const PostCosts = builder.objectRef<PostRow>('PostCosts').implement({
  description: 'What an article cost when it was stored.',
  fields: (t) => ({
    dataCredits: t.exposeInt('dataCostCredits', { description: 'Credits that the runs of its insights were charged.' }),
    serviceCredits: t.exposeInt('serviceCostCredits', {
      description: 'Credits for generating: one for each started 500 words, 0 for a text of the author.',
    }),
    totalCredits: t.int({
      description: 'Both together.',
      resolve: (row) => row.dataCostCredits + row.serviceCostCredits,
    }),
  }),
});

const isGenerated = (row: PostRow): boolean =>
  [
    row.generationCreativity,
    row.generationTargetWordCount,
    row.generationTone,
    row.generationIncludeCitations,
    row.generationSubheadingCount,
    row.generationTemperature,
    row.generationTimeMs,
  ].some((value) => value !== null);

builder.prismaObject('Post', {
  description: 'An article of a company, built from results of assets.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Post') }),
    title: t.exposeString('title', { description: 'Its title.' }),
    category: t.exposeString('category', { nullable: true, description: 'A free label, such as Sports.' }),
    teaser: t.exposeString('teaser', { nullable: true, description: 'A short text that leads to it.' }),
    contentHtml: t.field({ type: 'HTML', description: 'The article.', resolve: (row) => row.contentHtml }),
    insights: t.field({
      type: [PostInsight],
      listSize: { assumed: 50 },
      description: 'The results it uses, at most 50.',
      resolve: (row) =>
        (row.insightsUsed as unknown as Insight[]).map((insight) => ({ ...insight, companyId: row.companyId })),
    }),
    successfulInsightsCount: t.exposeInt('successfulInsightsCount', {
      description: 'How many of its runs had a result.',
    }),
    failedInsightsCount: t.exposeInt('failedInsightsCount', { description: 'How many of its runs had none.' }),
    generation: t.field({
      type: PostGeneration,
      nullable: true,
      description: 'How it was generated; null where nothing is known of it.',
      resolve: (row) => (isGenerated(row) ? row : null),
    }),
    costs: t.field({ type: PostCosts, description: 'What it cost.', resolve: (row) => row }),
    isPublished: t.exposeBoolean('isPublished', { description: 'Whether everybody may read it.' }),
    publishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was made public; null for a draft.',
      resolve: (row) => row.publishedAt,
    }),
    viewCount: t.exposeInt('viewCount', { description: 'How often it was read, a reader once in half an hour.' }),
    lastEditedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last edited; null for never.',
      resolve: (row) => row.lastEditedAt,
    }),
    author: t.field({
      type: typeNamed('User'),
      description: 'Who wrote it.',
      ...refersTo(authors, 'userId'),
    }),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was stored.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
    publications: publications.field(t as never, {
      description: 'Where else it was published, latest first.',
      access: 'company:read',
      place: { by: { sql: 't."postId"', type: 'uuid' }, where: OWN_ANY },
      from: (post: PostRow) => ({ company: post.companyId, parent: post.id }),
    }),
  }),
});

registerNode('Post', (ctx, key) =>
  ctx.viewer?.permissions.has('company:read')
    ? load(ctx, ownPost, { company: ctx.viewer.companyId, id: key })
    : Promise.resolve(null),
);

const posts = listOf({
  name: 'Post',
  model: 'Post',
  type: typeNamed('Post') as unknown as OutputRef<unknown>,
  filters: {
    category: scalarFilter('String', 't.category', 'Its label.'),
    isPublished: scalarFilter('Boolean', 't."isPublished"', 'Whether everybody may read it.'),
    authorId: idFilter('User', 't."userId"', 'Who wrote it.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was stored.'),
    publishedAt: scalarFilter('DateTime', 't."publishedAt"', 'When it was made public.'),
  },
  sorts: {
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
    UPDATED_AT: { sql: 't."updatedAt"', type: 'timestamptz', description: 'By their last change.' },
    PUBLISHED_AT: {
      sql: 't."publishedAt"',
      type: 'timestamptz',
      isNullable: true,
      description: 'By when they were made public.',
    },
    VIEW_COUNT: { sql: 't."viewCount"', type: 'int', description: 'By how often they were read.' },
    TITLE: { sql: 't.title', type: 'text', description: 'By title.' },
  },
  defaultSort: ['-CREATED_AT'],
  search: substring('t.title', 't.teaser', 't.category'),
});

builder.prismaObjectField('User', 'posts', (t) =>
  posts.field(t as never, {
    description: 'The articles they wrote, latest first.',
    access: 'company:read',
    place: { by: { sql: 't."userId"', type: 'uuid' }, where: OWN },
    from: (user: ModelRow<'User'>) => ({ company: user.companyId, parent: user.id }),
  }),
);

const PostCategoryCount = builder.objectRef<Summary['categories'][number]>('PostCategoryCount').implement({
  description: 'How many articles have a label.',
  fields: (t) => ({
    category: t.exposeString('category', { nullable: true, description: 'The label; null for those without.' }),
    count: t.exposeInt('count', { description: 'How many.' }),
  }),
});

const PostSummary = builder.objectRef<Summary>('PostSummary').implement({
  description: 'The articles of a company in numbers.',
  fields: (t) => ({
    totalCount: t.exposeInt('totalCount', { description: 'All articles.' }),
    publishedCount: t.exposeInt('publishedCount', { description: 'Those that everybody may read.' }),
    draftCount: t.int({
      description: 'Those that only the company reads.',
      resolve: (summary) => summary.totalCount - summary.publishedCount,
    }),
    categories: t.field({
      type: [PostCategoryCount],
      description: 'By label, most first, at most 50.',
      resolve: (summary) => summary.categories,
    }),
    viewCount: t.exposeInt('viewCount', { description: 'How often they were read.' }),
    totalCredits: t.int({ description: 'Credits that they cost.', resolve: (summary) => summary.totalCredits }),
    lastPublishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When one was last made public; null for never.',
      resolve: (summary) => summary.lastPublishedAt,
    }),
  }),
});

builder.prismaObjectFields('Company', (t) => ({
  posts: posts.field(t as never, {
    description: 'Its articles, latest first.',
    access: 'company:read',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: OWN },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
  post: t.field({
    type: typeNamed('Post'),
    nullable: true,
    access: 'company:read',
    description: 'One of its articles by id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'The opaque id of a post.' }) },
    resolve: (company, { id }, ctx) => load(ctx, ownPost, { company: company.id, id: uuidOf('Post', id) }) as never,
  }),
  postSummary: t.field({
    type: PostSummary,
    access: 'company:read',
    cost: 2,
    description: 'Its articles in numbers.',
    resolve: (company, _, ctx) => postSummaryOf(ctx, company.id),
  }),
}));
