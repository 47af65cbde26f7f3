import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { viewerOf } from '../context.ts';
import { idFilter, scalarFilter } from '../lists/filters.ts';
import { uuidOf } from '../ids.ts';
import {
  changeable,
  clearable,
  defaulted,
  expectedVersion,
  idOfType,
  int,
  intIdOfType,
  optional,
  text,
} from '../graph/input.ts';
import { listOf, substring } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { OWN_ANY, rowBy } from '../lists/rows.ts';
import { favoriteOf, favoritesCountOf } from './loaders.ts';
import { demandOwn, mayOversee, personOf } from '../users/person.ts';
import { addFavorite, removeFavorite, updateFavorite } from './service.ts';
import { watching } from './watchable.ts';

type FavoriteRow = ModelRow<'Favorite'>;

const favoriteById = rowBy<FavoriteRow>('Favorite', { type: 'int', where: OWN_ANY });

builder.prismaObject('Favorite', {
  description: 'An asset that a user keeps at hand, with notes.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Favorite') }),
    assetId: t.id(watching.assetId),
    assetName: t.string(watching.assetName),
    asset: t.field(watching.asset),
    notes: t.exposeString('notes', { nullable: true, description: 'Free notes.' }),
    category: t.exposeString('category', { nullable: true, description: 'A free label, such as Work; null for none.' }),
    priority: t.exposeInt('priority', { description: 'How much it matters: more is higher.' }),
    user: t.field(watching.user),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was added.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

registerNode(
  'Favorite',
  async (ctx, key) => {
    if (!ctx.viewer?.permissions.has('company:read')) return null;
    const row = await load(ctx, favoriteById, { company: ctx.viewer.companyId, id: Number(key) });
    return row && (row.userId === ctx.viewer.userId || mayOversee(ctx.viewer)) ? row : null;
  },
  { isInt: true },
);

const favorites = listOf({
  name: 'Favorite',
  model: 'Favorite',
  type: typeNamed('Favorite') as unknown as OutputRef<unknown>,
  idType: 'int',
  filters: {
    category: scalarFilter('String', 't.category', 'The label; `isNull: true` for those without.'),
    priority: scalarFilter('Int', 't.priority', 'How much it matters.'),
    assetId: idFilter('Asset', 't."assetId"', 'The asset.'),
    userId: idFilter('User', 't."userId"', 'Whose it is.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was added.'),
  },
  sorts: {
    PRIORITY: { sql: 't.priority', type: 'int', description: 'By how much they matter.' },
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
  },
  defaultSort: ['-PRIORITY'],
  search: substring('t.notes', 't.category'),
});

builder.prismaObjectField('User', 'favorites', (t) =>
  favorites.field(t as never, {
    description: 'Their favorites, the most important first: for themselves and administrators.',
    access: 'company:read',
    place: { by: { sql: 't."userId"', type: 'uuid' }, where: OWN_ANY },
    from: (user: ModelRow<'User'>, ctx) => {
      demandOwn(ctx, user.id);
      return { company: user.companyId, parent: user.id };
    },
  }),
);

builder.prismaObjectField('Company', 'favorites', (t) =>
  favorites.field(t as never, {
    description: "The caller's own favorites, the most important first; for administrators those of all users.",
    access: 'company:read',
    // Without a parent: of everybody.
    place: { where: `${OWN_ANY} and (k.parent is null or t."userId" = k.parent)` },
    from: (company: ModelRow<'Company'>, ctx) => ({
      company: company.id,
      parent: mayOversee(viewerOf(ctx)) ? null : personOf(ctx).userId,
    }),
  }),
);

builder.prismaObjectField('Asset', 'favoritesCount', (t) =>
  t.int({
    description: 'How many people, of all companies, have it among their favorites.',
    resolve: (asset, _, ctx) => favoritesCountOf(ctx, asset.id),
  }),
);

builder.queryField('favoriteFor', (t) =>
  t.field({
    type: typeNamed('Favorite'),
    nullable: true,
    access: 'company:read',
    description: "The caller's favorite on an asset; null where it is none of theirs.",
    args: { assetId: t.arg.id({ required: true, description: 'The opaque id of an asset.' }) },
    resolve: (_, { assetId }, ctx) => {
      const { companyId, userId } = personOf(ctx);
      return favoriteOf(ctx, { company: companyId, userId, assetId: uuidOf('Asset', assetId, ['assetId']) }) as never;
    },
  }),
);

const notes = text('Free notes.', 2000);
const category = text('A free label, such as Work.', 100);
const priority = int('How much it matters: more is higher.', 0, 1000);
const id = intIdOfType('Favorite', 'The favorite.');
const favorite = { type: typeNamed('Favorite'), description: 'The favorite as it is now.' };

mutation('favoriteAdd', {
  description: "Puts an asset among the caller's favorites; one that is there already stays as it is.",
  access: 'personal:write',
  input: {
    assetId: idOfType('Asset', 'An asset of the company, or one it sees.'),
    notes: optional(notes),
    category: optional(category),
    priority: defaulted(priority, 0),
  },
  payload: { favorite, isNew: { type: 'Boolean', description: 'false where it was there already.' } },
  run: async (ctx, input) => ({ ...(await addFavorite(ctx, input)) }),
});

mutation('favoriteUpdate', {
  description: "Changes one of the caller's favorites.",
  access: 'personal:write',
  input: {
    id,
    notes: clearable(notes),
    category: clearable(category),
    priority: changeable(priority),
    expectedVersion,
  },
  payload: { favorite },
  run: async (ctx, input) => ({ favorite: await updateFavorite(ctx, input) }),
});

mutation('favoriteRemove', {
  description: "Takes an asset from the caller's favorites.",
  access: 'personal:write',
  input: { id },
  payload: { deletedId: { type: 'ID', description: 'The id that is gone.' } },
  run: async (ctx, input) => {
    await removeFavorite(ctx, input.id);
    return { deletedId: idOf('Favorite')(input) };
  },
});
