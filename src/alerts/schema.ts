import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { demandOwn, mayOversee, personOf } from '../users/person.ts';
import { watching } from '../favorites/watchable.ts';
import { enumFilter, idFilter, scalarFilter } from '../lists/filters.ts';
import type { AlertKind as Kind } from '../generated/prisma/client.ts';
import { uuidOf } from '../ids.ts';
import {
  bool,
  changeable,
  clearable,
  decimal,
  defaulted,
  enumOf,
  expectedVersion,
  idOfType,
  intIdOfType,
  optional,
  url,
} from '../graph/input.ts';
import { listOf } from '../lists/lists.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { AlertKind } from '../graph/product-enums.ts';
import { OWN_ANY } from '../lists/rows.ts';
import { alertEvents } from './event-schema.ts';
import './fire.ts';
import { alertsOf, visibleAlert } from './loaders.ts';
import { createAlert, deleteAlert, updateAlert } from './service.ts';
import './subscription-schema.ts';
import { KEPT_DAYS } from './worker.ts';

type AlertRow = ModelRow<'Alert'>;

builder.prismaObject('Alert', {
  description:
    'A wish of a user to hear of changes of an asset: kept as events, and sent to an address where one is set.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Alert') }),
    assetId: t.id(watching.assetId),
    assetName: t.string(watching.assetName),
    asset: t.field(watching.asset),
    kind: t.field({ type: AlertKind, description: 'What it watches.', resolve: (row) => row.kind }),
    thresholdPercent: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'By how much a value must move to count, in percent of the former one; null for any change.',
      resolve: (row) => (row.thresholdPercent === null ? null : String(row.thresholdPercent)),
    }),
    isActive: t.exposeBoolean('isActive', { description: 'Whether it fires.' }),
    webhookUrl: t.field({
      type: 'URL',
      nullable: true,
      description: 'Where its events are sent, by Standard Webhooks; null for nowhere.',
      resolve: (row) => row.webhookUrl,
    }),
    lastTriggeredAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it last fired; null for never. It fires at most once a minute.',
      resolve: (row) => row.lastTriggeredAt,
    }),
    user: t.field(watching.user),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
    events: alertEvents.field(t as never, {
      description: `The times it fired in the last ${KEPT_DAYS} days, latest first.`,
      access: 'company:read',
      place: { by: { sql: 't."alertId"', type: 'int' }, where: OWN_ANY },
      from: (alert: AlertRow) => ({ company: alert.companyId, parent: alert.id }),
    }),
  }),
});

registerNode(
  'Alert',
  async (ctx, key) => (ctx.viewer?.permissions.has('company:read') ? visibleAlert(ctx, Number(key)) : null),
  { isInt: true },
);

const alerts = listOf({
  name: 'Alert',
  model: 'Alert',
  type: typeNamed('Alert') as unknown as OutputRef<unknown>,
  idType: 'int',
  filters: {
    kind: enumFilter('AlertKind', AlertKind, 't.kind', 'What it watches.'),
    isActive: scalarFilter('Boolean', 't."isActive"', 'Whether it fires.'),
    assetId: idFilter('Asset', 't."assetId"', 'The asset.'),
    userId: idFilter('User', 't."userId"', 'Whose it is.'),
    lastTriggeredAt: scalarFilter('DateTime', 't."lastTriggeredAt"', 'When it last fired.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was made.'),
  },
  sorts: {
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
    LAST_TRIGGERED_AT: {
      sql: 't."lastTriggeredAt"',
      type: 'timestamptz',
      isNullable: true,
      description: 'By when they last fired.',
    },
  },
  defaultSort: ['-CREATED_AT'],
});

builder.prismaObjectField('User', 'alerts', (t) =>
  alerts.field(t as never, {
    description: 'Their alerts, latest first: for themselves and administrators.',
    access: 'company:read',
    place: { by: { sql: 't."userId"', type: 'uuid' }, where: OWN_ANY },
    from: (user: ModelRow<'User'>, ctx) => {
      demandOwn(ctx, user.id);
      return { company: user.companyId, parent: user.id };
    },
  }),
);

builder.prismaObjectField('Company', 'alerts', (t) =>
  alerts.field(t as never, {
    description: 'The alerts of all its users, latest first.',
    access: 'users:write',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: OWN_ANY },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
);

function demandAssetOwner(ctx: Context, asset: ModelRow<'Asset'>): void {
  const viewer = viewerOf(ctx);
  const isOwner = asset.userId !== null && asset.userId === viewer.userId;
  if (!isOwner && !mayOversee(viewer))
    throw new DomainError('FORBIDDEN', 'Only the owner of an asset and administrators see who watches it.');
}

builder.prismaObjectField('Asset', 'alerts', (t) =>
  alerts.field(t as never, {
    description: 'The alerts of all users of the company on it, latest first: for its owner and administrators.',
    access: 'company:read',
    place: { by: { sql: 't."assetId"', type: 'uuid' }, where: OWN_ANY },
    from: (asset: ModelRow<'Asset'>, ctx) => {
      demandAssetOwner(ctx, asset);
      return { company: viewerOf(ctx).companyId, parent: asset.id };
    },
  }),
);

builder.queryField('alertsFor', (t) =>
  t.field({
    type: [typeNamed('Alert')],
    nullable: true,
    access: 'company:read',
    listSize: { assumed: 3 },
    description: "The caller's own alerts on an asset, at most one a kind; null where they may not ask.",
    args: { assetId: t.arg.id({ required: true, description: 'The opaque id of an asset.' }) },
    resolve: (_, { assetId }, ctx) => {
      const { companyId, userId } = personOf(ctx);
      return alertsOf(ctx, { company: companyId, userId, assetId: uuidOf('Asset', assetId, ['assetId']) }) as never;
    },
  }),
);

const threshold = decimal(
  'By how much a value must move to count, in percent of the former one; for RESULT_CHANGED alone.',
  '0.0001',
  '99999',
  4,
);
const webhookUrl = url('An https address that gets the events, signed by Standard Webhooks.');
const id = intIdOfType('Alert', 'The alert.');
const payload = {
  alert: { type: typeNamed('Alert'), description: 'The alert as it is now.' },
  webhookSecret: {
    type: 'String',
    description:
      'What signs its webhooks (`whsec_…`); another address has another one, and without an address there is none.',
  },
};

mutation('alertCreate', {
  description: 'Watches an asset for the caller.',
  access: 'personal:write',
  isIdempotent: true,
  input: {
    assetId: idOfType('Asset', 'An asset of the company, or one it sees.'),
    kind: defaulted(enumOf<Kind>(AlertKind, 'What to watch.'), 'ASSET_UPDATED'),
    thresholdPercent: optional(threshold),
    webhookUrl: optional(webhookUrl),
  },
  payload,
  run: async (ctx, input) => ({ ...(await createAlert(ctx, input)) }),
});

mutation('alertUpdate', {
  description: "Changes one of the caller's alerts, or switches it on and off.",
  access: 'personal:write',
  isIdempotent: true,
  input: {
    id,
    isActive: changeable(bool('Whether it fires.')),
    thresholdPercent: clearable(threshold),
    webhookUrl: clearable(webhookUrl),
    expectedVersion,
  },
  payload,
  run: async (ctx, input) => ({ ...(await updateAlert(ctx, input)) }),
});

mutation('alertDelete', {
  description: "Deletes one of the caller's alerts with its events.",
  access: 'personal:write',
  input: { id },
  payload: { deletedId: { type: 'ID', description: 'The id that is gone.' } },
  run: async (ctx, input) => {
    await deleteAlert(ctx, input.id);
    return { deletedId: idOf('Alert')(input) };
  },
});
