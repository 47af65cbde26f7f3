import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { enumFilter, scalarFilter } from '../lists/filters.ts';
import { listOf } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { PlatformFailure, PublicationStatus, PublishingPlatform } from '../graph/product-enums.ts';
import { OWN, OWN_ANY, rowBy } from '../lists/rows.ts';

type PublicationRow = ModelRow<'Publication'>;

const ownIntegration = rowBy<ModelRow<'Integration'>>('Integration', { where: OWN, isFull: false });
const ownPost = rowBy<ModelRow<'Post'>>('Post', { where: OWN });
const ownPublication = rowBy<PublicationRow>('Publication', { where: OWN_ANY });

builder.prismaObject('Publication', {
  description: 'An article on another platform: one for each article and integration.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Publication') }),
    platform: t.field({ type: PublishingPlatform, description: 'The platform.', resolve: (row) => row.platform }),
    status: t.field({
      type: PublicationStatus,
      description: 'How the last attempt ended.',
      resolve: (row) => row.status,
    }),
    errorCode: t.field({
      type: PlatformFailure,
      nullable: true,
      description: 'What kind of failure it was; null where it went well, is still at work or was not the platform.',
      resolve: (row) => row.errorCode,
    }),
    errorMessage: t.exposeString('errorMessage', {
      nullable: true,
      description: 'What the platform said; null where it went well.',
    }),
    externalPostId: t.exposeString('externalPostId', {
      nullable: true,
      description: 'Its id there; null where it never came so far.',
    }),
    externalPostUrl: t.field({
      type: 'URL',
      nullable: true,
      description: 'Its address there; null where the platform tells none.',
      resolve: (row) => row.externalPostUrl,
    }),
    publishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it first came out there; null for never.',
      resolve: (row) => row.publishedAt,
    }),
    integration: t.field({
      type: typeNamed('Integration'),
      nullable: true,
      description: 'The integration; null once deleted.',
      resolve: (row, _, ctx) =>
        row.integrationId === null
          ? null
          : (load(ctx, ownIntegration, { company: row.companyId, id: row.integrationId }) as never),
    }),
    post: t.field({
      type: typeNamed('Post'),
      nullable: true,
      description: 'The article; null once deleted.',
      resolve: (row, _, ctx) => load(ctx, ownPost, { company: row.companyId, id: row.postId }) as never,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was first attempted.',
      resolve: (row) => row.createdAt,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'When it was last attempted.',
      resolve: (row) => row.updatedAt,
    }),
  }),
});

registerNode('Publication', (ctx, key) =>
  ctx.viewer?.permissions.has('company:read')
    ? load(ctx, ownPublication, { company: ctx.viewer.companyId, id: key })
    : Promise.resolve(null),
);

/** Publications, for whatever shows some. */
export const publications = listOf({
  name: 'Publication',
  model: 'Publication',
  type: typeNamed('Publication') as never,
  filters: {
    status: enumFilter('PublicationStatus', PublicationStatus, 't.status', 'How the last attempt ended.'),
    platform: enumFilter('PublishingPlatform', PublishingPlatform, 't.platform', 'The platform.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was first attempted.'),
  },
  sorts: {
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By their first attempt.' },
    UPDATED_AT: { sql: 't."updatedAt"', type: 'timestamptz', description: 'By their last attempt.' },
  },
  defaultSort: ['-CREATED_AT'],
});

builder.prismaObjectField('Integration', 'publications', (t) =>
  publications.field(t as never, {
    description: 'What was published through it, latest first.',
    access: 'company:read',
    place: { by: { sql: 't."integrationId"', type: 'uuid' }, where: OWN_ANY },
    from: (integration: ModelRow<'Integration'>) => ({ company: integration.companyId, parent: integration.id }),
  }),
);
