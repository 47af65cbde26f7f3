import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import type { Context } from '../context.ts';
import { toGlobalId } from '../ids.ts';
import { load } from '../lists/loader.ts';
import { excessOf, permissionsOf, roleNames } from '../permissions.ts';
import { RoleName } from '../graph/product-enums.ts';
import { OWN_ANY, rowBy } from '../lists/rows.ts';

type Caller = NonNullable<Context['viewer']>;

const companyById = rowBy<ModelRow<'Company'>>('Company', { where: 't.id = k.company' });
const userById = rowBy<ModelRow<'User'>>('User', { where: OWN_ANY });
const keyById = rowBy<ModelRow<'ApiKey'>>('ApiKey', { type: 'int', where: OWN_ANY });
const sessionById = rowBy<ModelRow<'Session'>>('Session', { where: OWN_ANY });

const companyOf = (viewer: Caller, ctx: Context): Promise<ModelRow<'Company'> | null> =>
  load(ctx, companyById, { company: viewer.companyId, id: viewer.companyId });

/** The user behind the caller. An endpoint key tells nobody: it may be in the hands of a customer. */
const userOf = (viewer: Caller, ctx: Context): Promise<ModelRow<'User'> | null> | null =>
  viewer.userId === null || viewer.endpointId !== null
    ? null
    : load(ctx, userById, { company: viewer.companyId, id: viewer.userId });

const Kind = builder.enumType('ViewerKind', {
  description: 'How the caller signed in.',
  values: { SESSION: { description: 'With a session token.' }, KEY: { description: 'With an API key.' } },
});

/** The type of `viewer`. */
export const Viewer = builder.objectRef<Caller>('Viewer').implement({
  description: 'Who calls: a session of a user, or an API key.',
  fields: (t) => ({
    kind: t.field({ type: Kind, description: 'How the caller signed in.', resolve: (viewer) => viewer.kind }),
    role: t.field({ type: RoleName, description: 'The role that counts.', resolve: (viewer) => viewer.role }),
    permissions: t.stringList({
      description: 'What the caller may: all that the role has, or the scopes of the key; at most 20.',
      resolve: (viewer) => [...viewer.permissions].sort(),
    }),
    roleTable: t.field({
      type: [RoleName],
      description: 'The roles this caller could hand out, at most 6.',
      resolve: (viewer) =>
        viewer.permissions.size === 0
          ? []
          : roleNames.filter((role) => excessOf(viewer.permissions, permissionsOf[role]).length === 0),
    }),
    user: t.field({
      type: typeNamed('User'),
      nullable: true,
      description:
        'The person behind the credential; null for a key of the company itself and for a key of an endpoint.',
      resolve: (viewer, _, ctx) => userOf(viewer, ctx) as never,
    }),
    apiKey: t.field({
      type: typeNamed('ApiKey'),
      nullable: true,
      description: 'The API key; null for a session.',
      resolve: (viewer, _, ctx) =>
        viewer.apiKeyId === null
          ? null
          : (load(ctx, keyById, { company: viewer.companyId, id: viewer.apiKeyId }) as never),
    }),
    session: t.field({
      type: typeNamed('Session'),
      nullable: true,
      description: 'The session; null for an API key.',
      resolve: (viewer, _, ctx) =>
        viewer.sessionId === null
          ? null
          : (load(ctx, sessionById, { company: viewer.companyId, id: viewer.sessionId }) as never),
    }),
    isServiceAccount: t.boolean({
      description: 'Whether no person is behind the credential: it is a key of the company itself.',
      resolve: (viewer) => viewer.userId === null,
    }),
    endpointId: t.id({
      nullable: true,
      description: 'The endpoint that is all an endpoint key reaches; null for any other credential.',
      resolve: (viewer) => viewer.endpointId && toGlobalId('Endpoint', viewer.endpointId),
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the credential ends; null for never.',
      resolve: (viewer) => viewer.expiresAt,
    }),
    userAgent: t.string({
      nullable: true,
      description: 'The program that calls, as it names itself.',
      resolve: (_, __, ctx) => ctx.userAgent,
    }),
    originDomain: t.string({
      nullable: true,
      description: 'The domain of the site whose page calls, by its Origin header; null outside of browsers.',
      resolve: (_, __, ctx) => ctx.originDomain,
    }),
    company: t.field({
      type: typeNamed('Company'),
      nullable: true,
      access: 'company:read',
      description: 'The company of the caller.',
      resolve: (viewer, _, ctx) => companyOf(viewer, ctx) as never,
    }),
    creditsBalance: t.int({
      nullable: true,
      access: 'company:read',
      description: 'Credits the company has.',
      resolve: async (viewer, _, ctx) => (await companyOf(viewer, ctx))?.creditsBalance ?? null,
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    nullable: true,
    access: 'public',
    description: 'Who calls; null without a credential.',
    resolve: (_, __, ctx) => ctx.viewer,
  }),
);
