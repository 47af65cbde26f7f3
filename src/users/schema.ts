import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { enumFilter, roleFilter, scalarFilter } from '../lists/filters.ts';
import { uuidOf } from '../ids.ts';
import { listOf, substring } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import {
  bool,
  changeable,
  clearable,
  defaulted,
  email,
  enumOf,
  expectedVersion,
  idOfType,
  intIdOfType,
  optional,
  text,
} from '../graph/input.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { roleName, type RoleName as Role } from '../permissions.ts';
import { RoleName, UserStatus } from '../graph/product-enums.ts';
import { EVERYBODY, OWN, rowBy } from '../lists/rows.ts';
import type { UserStatus as Status } from '../generated/prisma/client.ts';
import { createUser, deleteUser, updateUser } from './service.ts';
import './session-schema.ts';

const userById = rowBy<ModelRow<'User'>>('User', { where: OWN });
builder.prismaObject('User', {
  description: 'A person in a company.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('User') }),
    name: t.exposeString('name', { description: 'How they are called.' }),
    email: t.field({
      type: 'EmailAddress',
      description: 'Their e-mail address, unique among all users.',
      resolve: (row) => row.email,
    }),
    role: t.field({ type: RoleName, description: 'What they may.', resolve: (row) => roleName(row.roleId) }),
    status: t.field({ type: UserStatus, description: 'Whether they may sign in.', resolve: (row) => row.status }),
    timezone: t.exposeString('timezone', { description: 'Their IANA time zone.' }),
    hasOptedOutOfMarketing: t.exposeBoolean('marketingOptOut', { description: 'Whether they want no marketing mail.' }),
    isActive: t.exposeBoolean('active', { description: 'false once deleted.' }),
    jobFunction: t.field({
      type: typeNamed('JobFunction'),
      nullable: true,
      description: 'What they do.',
      resolve: (row, _, ctx) =>
        row.functionId === null
          ? null
          : (load(ctx, rowBy('JobFunction', { type: 'int', where: EVERYBODY }), {
              company: null,
              id: row.functionId,
            }) as never),
    }),
    version: t.exposeInt('version', { description: 'Counts their changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When they were added.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When they last changed.', resolve: (row) => row.updatedAt }),
  }),
});

registerNode('User', (ctx, key) =>
  ctx.viewer?.permissions.has('company:read')
    ? load(ctx, userById, { company: ctx.viewer.companyId, id: key })
    : Promise.resolve(null),
);

const users = listOf({
  name: 'User',
  model: 'User',
  type: typeNamed('User') as unknown as OutputRef<unknown>,
  filters: {
    name: scalarFilter('String', 't.name', 'How they are called.'),
    email: scalarFilter('String', 't.email', 'Their e-mail address.'),
    role: roleFilter('t."roleId"', 'What they may.'),
    status: enumFilter('UserStatus', UserStatus, 't.status', 'Whether they may sign in.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When they were added.'),
  },
  sorts: {
    NAME: { sql: 't.name', type: 'text', description: 'By name.' },
    EMAIL: { sql: 't.email', type: 'text', description: 'By e-mail address.' },
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
  },
  defaultSort: ['CREATED_AT'],
  search: substring('t.name', 't.email'),
});

builder.objectFields(typeNamed('Company'), (t) => ({
  users: users.field(t as never, {
    description: 'Its users.',
    access: 'company:read',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: OWN },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
}));

builder.prismaObjectField('Company', 'user', (t) =>
  t.field({
    type: typeNamed('User'),
    nullable: true,
    access: 'company:read',
    description: 'One of its users by id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'The opaque id of a user.' }) },
    resolve: (company, { id }, ctx) => load(ctx, userById, { company: company.id, id: uuidOf('User', id) }) as never,
  }),
);

const name = text('How they are called.', 200);
const role = enumOf<Role>(
  RoleName,
  'What they may. Only an OWNER gives or takes OWNER and ADMIN; nobody gives OPERATOR.',
);
const status = enumOf<Status>(
  UserStatus,
  'Whether they may sign in. INACTIVE and BANNED end all their sessions and API keys at once.',
);
const timezone = text('Their IANA time zone.', 64);
const jobFunctionId = intIdOfType('JobFunction', 'What they do.');
const hasOptedOutOfMarketing = bool('Whether they want no marketing mail.');
const id = idOfType('User', 'The user.');

mutation('userCreate', {
  description:
    'Adds a user to the company; they sign in with Google by their e-mail address. One who was deleted comes back with what they made.',
  access: 'users:write',
  input: {
    name,
    email: email('Their e-mail address, unique among all users.'),
    role: defaulted(role, 'VIEWER'),
    status: defaulted(status, 'ACTIVE'),
    timezone: defaulted(timezone, 'UTC'),
    jobFunctionId: optional(jobFunctionId),
    hasOptedOutOfMarketing: defaulted(hasOptedOutOfMarketing, false),
  },
  payload: { user: { type: typeNamed('User'), description: 'The new user.' } },
  run: async (ctx, input) => ({ user: await createUser(ctx, input) }),
});

mutation('userUpdate', {
  description: 'Changes a user of the company. Their e-mail address never changes: it is what they sign in with.',
  access: 'users:write',
  input: {
    id,
    name: changeable(name),
    role: changeable(role),
    status: changeable(status),
    timezone: changeable(timezone),
    jobFunctionId: clearable(jobFunctionId),
    hasOptedOutOfMarketing: changeable(hasOptedOutOfMarketing),
    expectedVersion,
  },
  payload: { user: { type: typeNamed('User'), description: 'The user as they are now.' } },
  run: async (ctx, input) => ({ user: await updateUser(ctx, input) }),
});

mutation('userDelete', {
  description:
    'Deletes a user and ends all their sessions and API keys at once. What they made stays. Nobody deletes themselves or the last active OWNER.',
  access: 'users:write',
  input: { id, expectedVersion },
  payload: { user: { type: typeNamed('User'), description: 'The user, deleted.' } },
  run: async (ctx, input) => ({ user: await deleteUser(ctx, input) }),
});
