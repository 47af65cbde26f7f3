import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { enumFilter, idFilter, roleFilter, scalarFilter } from '../lists/filters.ts';
import { intOf, toGlobalId } from '../ids.ts';
import { listOf, substring } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { roleName } from '../permissions.ts';
import { KeyKind, RateLimitPeriod, RoleName } from '../graph/product-enums.ts';
import { OWN, OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import { prefixes } from '../secrets.ts';
import { lastUsedAtOf, statisticsOf, type KeyStatistics } from './loaders.ts';
import './mutations.ts';
import type { KeyRateLimit } from './service.ts';

const keyById = rowBy<ModelRow<'ApiKey'>>('ApiKey', { type: 'int', where: OWN });
/** Also keys that were deactivated: they stay what they were replaced by. */
const anyKeyById = rowBy<ModelRow<'ApiKey'>>('ApiKey', { type: 'int', where: OWN_ANY });
const endpointById = rowBy<ModelRow<'Endpoint'>>('Endpoint', { where: OWN });
/** Also users that were deleted: they stay the owners of what they made. */
const anyUserById = rowBy<ModelRow<'User'>>('User', { where: OWN_ANY });

const RateLimit = builder.objectRef<KeyRateLimit>('ApiKeyRateLimit').implement({
  description: 'How many requests a key has within a period.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'Requests within the period.' }),
    period: t.field({ type: RateLimitPeriod, description: 'The period.', resolve: (limit) => limit.period }),
  }),
});

const Day = builder.objectRef<KeyStatistics['days'][number]>('ApiKeyDay').implement({
  description: 'How a key was used on one day.',
  fields: (t) => ({
    on: t.field({ type: 'Date', description: 'The day.', resolve: (day) => day.on }),
    requestCount: t.exposeInt('requestCount', { description: 'Requests it was taken for.' }),
    failedAttemptCount: t.exposeInt('failedAttemptCount', {
      description: 'Attempts that were refused: after it had ended, or beyond its limit.',
    }),
  }),
});

const Operation = builder.objectRef<KeyStatistics['topOperations'][number]>('ApiKeyOperation').implement({
  description: 'How often a key was used for one thing.',
  fields: (t) => ({
    operation: t.exposeString('operation', { description: 'What it was used for.' }),
    requestCount: t.exposeInt('requestCount', { description: 'How often.' }),
  }),
});

const Statistics = builder.objectRef<KeyStatistics>('ApiKeyStatistics').implement({
  description: 'How a key was used over some days, today the last of them. Uses count within a second.',
  fields: (t) => ({
    days: t.field({
      type: [Day],
      description: 'Every day once, in order: at most 90.',
      resolve: (found) => found.days,
    }),
    requestCount: t.exposeInt('requestCount', { description: 'Requests it was taken for in those days.' }),
    failedAttemptCount: t.exposeInt('failedAttemptCount', {
      description: 'Attempts in those days that were refused: after it had ended, or beyond its limit.',
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last taken, in those days or before; null for never.',
      resolve: (found) => found.lastUsedAt,
    }),
    topOperations: t.field({
      type: [Operation],
      description: 'What it was used for most in those days, at most 10.',
      resolve: (found) => found.topOperations,
    }),
  }),
});

const isUsable = (row: ModelRow<'ApiKey'>, now: Date): boolean =>
  row.active && !row.revokedAt && (!row.expiresAt || row.expiresAt > now);

builder.prismaObject('ApiKey', {
  description: 'A key that programs sign in with. Its secret is told once, when it is made.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('ApiKey') }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    kind: t.field({ type: KeyKind, description: 'What it is for.', resolve: (row) => row.kind }),
    role: t.field({
      type: RoleName,
      description: 'What it may at most; never more than its owner has by now.',
      resolve: (row) => roleName(row.roleId),
    }),
    scopes: t.stringList({
      nullable: true,
      description: 'The permissions of its role that it has, at most 20; null for all of them.',
      resolve: (row) => (row.scopes.length > 0 ? row.scopes : null),
    }),
    maskedSecret: t.string({
      description: 'What its secret looks like: the prefix and the last 4 characters.',
      resolve: (row) => `${prefixes[row.kind]}****${row.lastFour}`,
    }),
    isSystemGenerated: t.exposeBoolean('isSystemGenerated', {
      description: 'Whether it was made for a deployment by itself.',
    }),
    mcpDeploymentId: t.exposeString('mcpDeploymentId', {
      nullable: true,
      description: 'The deployment of a key of the kind MCP.',
    }),
    isActive: t.boolean({
      description: 'Whether it works now: not deactivated, revoked or expired.',
      resolve: (row, _, ctx) => isUsable(row, ctx.now),
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ends; null for never.',
      resolve: (row) => row.expiresAt,
    }),
    revokedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null where it was not.',
      resolve: (row) => row.revokedAt,
    }),
    revocationReason: t.exposeString('revocationReason', { nullable: true, description: 'Why it was revoked.' }),
    revocationMetadata: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What else was noted when it was revoked.',
      resolve: (row) => row.revocationMetadata,
    }),
    rateLimit: t.field({
      type: RateLimit,
      nullable: true,
      description: 'How many requests it has; null for no limit of its own.',
      resolve: ({ rateLimitNumber: number, rateLimitPeriod: period }) => (number && period ? { number, period } : null),
    }),
    user: t.field({
      type: typeNamed('User'),
      nullable: true,
      access: 'company:read',
      description: 'Its owner; null for a key of the company itself.',
      ...refersTo(anyUserById, 'userId'),
    }),
    endpointId: t.id({
      nullable: true,
      description:
        'The id of the endpoint that a key of the kind ENDPOINT is for, also where it is listed by another company.',
      resolve: (row) => row.endpointId && toGlobalId('Endpoint', row.endpointId),
    }),
    endpoint: t.field({
      type: typeNamed('Endpoint'),
      nullable: true,
      access: 'company:read',
      description: "The endpoint it is for; null where that is another company's.",
      resolve: (row, _, ctx) =>
        row.endpointId === null
          ? null
          : (load(ctx, endpointById, { company: row.companyId, id: row.endpointId }) as never),
    }),
    replacedBy: t.field({
      type: typeNamed('ApiKey'),
      nullable: true,
      access: 'company:read',
      description: 'The key that took its place when it was rotated.',
      resolve: (row, _, ctx) =>
        row.replacedById === null
          ? null
          : (load(ctx, anyKeyById, { company: row.companyId, id: row.replacedById }) as never),
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last taken for a request; null for never.',
      resolve: (row, _, ctx) => lastUsedAtOf(ctx, row),
    }),
    statistics: t.field({
      type: Statistics,
      access: 'company:read',
      cost: 2,
      description: 'How it was used.',
      args: {
        days: t.arg.int({
          required: true,
          defaultValue: 30,
          description: 'Over how many days, 1 to 90, today included.',
        }),
      },
      resolve: (row, { days }, ctx) => statisticsOf(ctx, row, days),
    }),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

registerNode(
  'ApiKey',
  (ctx, key) =>
    ctx.viewer?.permissions.has('company:read')
      ? load(ctx, keyById, { company: ctx.viewer.companyId, id: Number(key) })
      : Promise.resolve(null),
  { isInt: true },
);

const keys = listOf({
  name: 'ApiKey',
  model: 'ApiKey',
  type: typeNamed('ApiKey') as unknown as OutputRef<unknown>,
  idType: 'int',
  filters: {
    name: scalarFilter('String', 't.name', 'What it is called.'),
    kind: enumFilter('KeyKind', KeyKind, 't.kind', 'What it is for.'),
    role: roleFilter('t."roleId"', 'What it may at most.'),
    userId: idFilter('User', 't."userId"', 'Its owner.'),
    endpointId: idFilter('Endpoint', 't."endpointId"', 'The endpoint it is for.'),
    isSystemGenerated: scalarFilter(
      'Boolean',
      't."isSystemGenerated"',
      'Whether it was made for a deployment by itself.',
    ),
    expiresAt: scalarFilter('DateTime', 't."expiresAt"', 'When it ends.'),
    revokedAt: scalarFilter('DateTime', 't."revokedAt"', 'When it was revoked.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was made.'),
  },
  sorts: {
    NAME: { sql: 't.name', type: 'text', description: 'By name.' },
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
    EXPIRES_AT: { sql: 't."expiresAt"', type: 'timestamptz', isNullable: true, description: 'By end.' },
  },
  defaultSort: ['CREATED_AT'],
  search: substring('t.name'),
});

builder.objectFields(typeNamed('Company'), (t) => ({
  apiKeys: keys.field(t as never, {
    description: 'Its API keys, revoked ones too, deactivated ones not.',
    access: 'company:read',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: OWN },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
}));

builder.objectFields(typeNamed('User'), (t) => ({
  apiKeys: keys.field(t as never, {
    description: 'The API keys they own, revoked ones too, deactivated ones not.',
    access: 'company:read',
    place: { by: { sql: 't."userId"', type: 'uuid' }, where: OWN },
    from: (user: ModelRow<'User'>) => ({ company: user.companyId, parent: user.id }),
  }),
}));

builder.objectFields(typeNamed('Endpoint'), (t) => ({
  keys: keys.field(t as never, {
    description: "The company's own keys of this endpoint; those that customers made are theirs.",
    access: 'company:read',
    place: { by: { sql: 't."endpointId"', type: 'uuid' }, where: OWN },
    from: (endpoint: ModelRow<'Endpoint'>) => ({ company: endpoint.companyId, parent: endpoint.id }),
  }),
}));

builder.prismaObjectField('Company', 'apiKey', (t) =>
  t.field({
    type: typeNamed('ApiKey'),
    nullable: true,
    access: 'company:read',
    description: 'One of its API keys by id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'The opaque id of an API key.' }) },
    resolve: (company, { id }, ctx) => load(ctx, keyById, { company: company.id, id: intOf('ApiKey', id) }) as never,
  }),
);
