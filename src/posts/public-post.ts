import { builder, type ModelRow } from '../graph/builder.ts';
import { CompanyProfile, profileOf } from '../companies/profile.ts';
import type { Context } from '../context.ts';
import { uuidOf } from '../ids.ts';
import { load } from '../lists/loader.ts';
import { idOf } from '../graph/nodes.ts';
import { OWN_ANY, rowBy } from '../lists/rows.ts';

type PostRow = ModelRow<'Post'>;

/** What everybody may read. */
const publishedPost = rowBy<PostRow>('Post', { where: 't."isPublished" and t.active' });
/** Also users that were deleted: they stay the authors of what they wrote. */
export const authors = rowBy<ModelRow<'User'>>('User', { where: OWN_ANY });

/** Who wrote an article. */
export function authorOf(ctx: Context, post: PostRow): Promise<ModelRow<'User'>> {
  return load(ctx, authors, { company: post.companyId, id: post.userId }) as Promise<ModelRow<'User'>>;
}

const PublicPost = builder.objectRef<PostRow>('PublicPost').implement({
  description: 'A published article as everybody reads it.',
  fields: (t) => ({
    id: t.id({ description: 'The id of the post, for postView.', resolve: idOf('Post') }),
    title: t.exposeString('title', { description: 'Its title.' }),
    category: t.exposeString('category', { nullable: true, description: 'A free label, such as Sports.' }),
    teaser: t.exposeString('teaser', { nullable: true, description: 'A short text that leads to it.' }),
    contentHtml: t.field({ type: 'HTML', description: 'The article.', resolve: (row) => row.contentHtml }),
    authorName: t.string({
      description: 'Who wrote it.',
      resolve: async (row, _, ctx) => (await authorOf(ctx, row)).name,
    }),
    company: t.field({
      type: CompanyProfile,
      description: 'Whose article it is.',
      resolve: (row, _, ctx) => profileOf(ctx, row.companyId),
    }),
    publishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was made public.',
      resolve: (row) => row.publishedAt,
    }),
    lastEditedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last edited; null for never.',
      resolve: (row) => row.lastEditedAt,
    }),
    viewCount: t.exposeInt('viewCount', { description: 'How often it was read, a reader once in half an hour.' }),
  }),
});

builder.queryField('publicPost', (t) =>
  t.field({
    type: PublicPost,
    nullable: true,
    access: 'public',
    description: 'A published article by its id; null for drafts and what is not there.',
    args: { id: t.arg.id({ required: true, description: 'The opaque id of a post.' }) },
    resolve: (_, { id }, ctx) => load(ctx, publishedPost, { company: null, id: uuidOf('Post', id) }),
  }),
);
