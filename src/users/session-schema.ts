import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import type { Viewer as Caller } from '../context.ts';
import { scalarFilter } from '../lists/filters.ts';
import { bool, defaulted, idOfType, text } from '../graph/input.ts';
import { listOf } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import { demandSessionsOf, logout, maySeeSession, ownUserId, revokeSession } from './sessions.ts';
import { googleSignIn } from './sign-in.ts';
import { Viewer } from './viewer.ts';

const sessionById = rowBy<ModelRow<'Session'>>('Session', { where: OWN_ANY });
/** Also users that were deleted: their sessions stay in the list, ended. */
const anyUserById = rowBy<ModelRow<'User'>>('User', { where: OWN_ANY });

builder.prismaObject('Session', {
  description: 'A time for which a user is signed in. Its token is told once, when it begins.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Session') }),
    isCurrent: t.boolean({
      description: 'Whether this request belongs to it.',
      resolve: (row, _, ctx) => row.id === ctx.viewer?.sessionId,
    }),
    isActive: t.boolean({
      description: 'Whether it has neither expired nor been ended.',
      resolve: (row, _, ctx) => !row.revokedAt && row.expiresAt > ctx.now,
    }),
    userAgent: t.exposeString('userAgent', {
      nullable: true,
      description: 'The program that signed in, as it named itself.',
    }),
    issuer: t.exposeString('issuer', {
      nullable: true,
      description: 'Who vouched for the user when it began: an OpenID Connect issuer.',
    }),
    createdAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: (row) => row.createdAt }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it ends by itself.', resolve: (row) => row.expiresAt }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to some five minutes; null for never.',
      resolve: (row) => row.lastUsedAt,
    }),
    revokedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was ended before; null where it was not.',
      resolve: (row) => row.revokedAt,
    }),
    user: t.field({
      type: typeNamed('User'),
      nullable: true,
      description: 'Who is signed in.',
      ...refersTo(anyUserById, 'userId'),
    }),
  }),
});

registerNode('Session', async (ctx, key) => {
  const session = ctx.viewer && (await load(ctx, sessionById, { company: ctx.viewer.companyId, id: key }));
  return session && maySeeSession(ctx, session) ? session : null;
});

const sessions = listOf({
  name: 'Session',
  model: 'Session',
  type: typeNamed('Session') as unknown as OutputRef<unknown>,
  filters: {
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it began.'),
    expiresAt: scalarFilter('DateTime', 't."expiresAt"', 'When it ends by itself.'),
    revokedAt: scalarFilter('DateTime', 't."revokedAt"', 'When it was ended before.'),
  },
  sorts: { CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' } },
  defaultSort: ['-CREATED_AT'],
});

const place = { by: { sql: 't."userId"', type: 'uuid' as const }, where: OWN_ANY };

builder.objectFields(typeNamed('User'), (t) => ({
  sessions: sessions.field(t as never, {
    description: 'When they signed in, the newest first. For themselves and for those with users:write.',
    access: 'signed-in',
    place,
    from: (user: ModelRow<'User'>, ctx) => {
      demandSessionsOf(ctx, user.id);
      return { company: user.companyId, parent: user.id };
    },
  }),
}));

builder.objectFields(Viewer, (t) => ({
  sessions: sessions.field(t as never, {
    description: "When the caller's user signed in, the newest first.",
    access: 'signed-in',
    place,
    from: (viewer: Caller, ctx) => ({ company: viewer.companyId, parent: ownUserId(ctx) }),
  }),
}));

mutation('googleSignIn', {
  description:
    'Begins a session with an ID token of Google. A new user of a company whose domain their address has becomes VIEWER and waits for an administrator.',
  access: 'public',
  input: {
    idToken: text('The ID token, as Google gave it for the client id of this gateway.', 8192),
    nonce: text('The nonce that the client asked Google with.', 255),
  },
  payload: {
    token: {
      type: 'String',
      description: 'The session token, told only here: send it as `Authorization: Bearer st_…`.',
    },
    session: { type: typeNamed('Session'), description: 'The new session.' },
    user: { type: typeNamed('User'), description: 'Who signed in.' },
  },
  run: async (ctx, input) => ({ ...(await googleSignIn(ctx, input)) }),
});

mutation('sessionRevoke', {
  description: 'Ends a session at once: one of the own user, or any of the company with users:write.',
  access: 'signed-in',
  input: { id: idOfType('Session', 'The session.') },
  payload: { session: { type: typeNamed('Session'), description: 'The session, ended.' } },
  run: async (ctx, input) => ({ session: await revokeSession(ctx, input.id) }),
});

mutation('logout', {
  description: "Ends all sessions of the caller's user at once.",
  access: 'signed-in',
  input: { isCurrentKept: defaulted(bool('true keeps the session that this request belongs to.'), false) },
  payload: { endedCount: { type: 'Int', description: 'How many sessions it ended.' } },
  run: async (ctx, input) => ({ ...(await logout(ctx, input)) }),
});
