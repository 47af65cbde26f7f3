import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import type { Context } from '../context.ts';
import { enumFilter, scalarFilter } from '../lists/filters.ts';
import { idOfType } from '../graph/input.ts';
import { listOf } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { OWN_ANY, rowBy } from '../lists/rows.ts';
import { KEPT_TRIES, redeliver, TRIES } from './delivery.ts';
import { visibleAlert } from './loaders.ts';

type EventRow = ModelRow<'AlertEvent'>;

const eventById = rowBy<EventRow>('AlertEvent', { where: OWN_ANY });
const deliveryById = rowBy<ModelRow<'AlertDelivery'>>('AlertDelivery', { where: OWN_ANY });

const DeliveryStatus = builder.enumType('AlertDeliveryStatus', {
  description: 'How far the webhook of an event is.',
  values: {
    NONE: { description: 'The alert had no address when it fired.' },
    PENDING: { description: 'It is on its way, or waits for its next try.' },
    DELIVERED: { description: 'The receiver took it.' },
    FAILED: { description: 'The receiver refused it for good, or the tries are used up.' },
  },
});
const DeliveryError = builder.enumType('AlertDeliveryError', {
  description: 'Why a try to send an event failed.',
  values: {
    STATUS: { description: 'The receiver answered a status other than 2xx.' },
    REFUSED: { description: 'The gateway does not call this address: a private one, or not https. Final.' },
    REDIRECT: { description: 'The receiver redirects, which is not followed. Final.' },
    TIMEOUT: { description: 'The receiver did not answer in time.' },
    TOO_LARGE: { description: 'The answer was too large.' },
    UNREACHABLE: { description: 'Its name, the connection or TLS failed.' },
    NO_ADDRESS: { description: 'The alert has no address any more, or its user may not sign in. Final.' },
    ABANDONED: { description: 'The gateway stopped again and again in the middle of the try. Final.' },
  },
});

builder.prismaObject('AlertDelivery', {
  description: 'One try to send an event to the address of its alert.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('AlertDelivery') }),
    attempt: t.exposeInt('attempt', { description: 'Which try of the event it was, from 1; by hand counts on.' }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: (row) => row.startedAt }),
    elapsedMs: t.exposeInt('elapsedMs', { description: 'Milliseconds it took.' }),
    isSuccess: t.exposeBoolean('isSuccess', { description: 'Whether the receiver took it: any 2xx.' }),
    httpStatus: t.exposeInt('httpStatus', {
      nullable: true,
      description: 'The status that the receiver answered; null where it answered none.',
    }),
    errorCode: t.field({
      type: DeliveryError,
      nullable: true,
      description: 'Why it failed; null where it succeeded.',
      resolve: (row) => row.errorCode,
    }),
    errorMessage: t.exposeString('errorMessage', {
      nullable: true,
      description: 'Why it failed, in at most 300 characters; nothing of what the receiver answered.',
    }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the next try was due after this one; null where none was.',
      resolve: (row) => row.nextAttemptAt,
    }),
  }),
});

const deliveries = listOf({
  name: 'AlertDelivery',
  model: 'AlertDelivery',
  type: typeNamed('AlertDelivery') as unknown as OutputRef<unknown>,
  filters: {
    isSuccess: scalarFilter('Boolean', 't."isSuccess"', 'Whether the receiver took it.'),
    startedAt: scalarFilter('DateTime', 't."startedAt"', 'When it began.'),
  },
  sorts: { ATTEMPT: { sql: 't.attempt', type: 'int', description: 'By their number, which is by time.' } },
  defaultSort: ['-ATTEMPT'],
});

builder.prismaObject('AlertEvent', {
  description: 'One time that an alert fired, and what became of its webhook.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('AlertEvent') }),
    message: t.exposeString('message', { description: 'What happened, a sentence.' }),
    details: t.field({ type: 'JSON', description: 'What happened, for programs.', resolve: (row) => row.details }),
    createdAt: t.field({ type: 'DateTime', description: 'When it happened.', resolve: (row) => row.createdAt }),
    deliveryStatus: t.field({
      type: DeliveryStatus,
      description: 'How far its webhook is.',
      resolve: (row) => row.deliveryStatus,
    }),
    deliveryCount: t.exposeInt('deliveryCount', { description: 'Tries so far, by hand too.' }),
    nextDeliveryAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the next try is due; null where none is.',
      resolve: (row) => row.nextDeliveryAt,
    }),
    deliveries: deliveries.field(t as never, {
      description: `The tries to send it, latest first: the last ${KEPT_TRIES} are kept.`,
      access: 'company:read',
      place: { by: { sql: 't."alertEventId"', type: 'uuid' }, where: OWN_ANY },
      from: (event: EventRow) => ({ company: event.companyId, parent: event.id }),
    }),
  }),
});

async function eventOf(ctx: Context, key: string): Promise<EventRow | null> {
  if (!ctx.viewer?.permissions.has('company:read')) return null;
  const row = await load(ctx, eventById, { company: ctx.viewer.companyId, id: key });
  return row && (await visibleAlert(ctx, row.alertId)) ? row : null;
}

registerNode('AlertEvent', eventOf);
registerNode('AlertDelivery', async (ctx, key) => {
  if (!ctx.viewer?.permissions.has('company:read')) return null;
  const row = await load(ctx, deliveryById, { company: ctx.viewer.companyId, id: key });
  return row && (await eventOf(ctx, row.alertEventId)) ? row : null;
});

/** The times that an alert fired. */
export const alertEvents = listOf({
  name: 'AlertEvent',
  model: 'AlertEvent',
  type: typeNamed('AlertEvent') as unknown as OutputRef<unknown>,
  filters: {
    deliveryStatus: enumFilter('AlertDeliveryStatus', DeliveryStatus, 't."deliveryStatus"', 'How far its webhook is.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it happened.'),
  },
  sorts: { CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By time.' } },
  defaultSort: ['-CREATED_AT'],
});

mutation('alertEventRedeliver', {
  description: `Sends an event of one of the caller's alerts to its address once more, under the same webhook id, with up to ${TRIES} tries in 22 hours. One that waits for its next try goes now; one that is on its way stays as it is.`,
  access: 'personal:write',
  input: { id: idOfType('AlertEvent', 'The event.') },
  payload: { event: { type: typeNamed('AlertEvent'), description: 'The event as it is now.' } },
  run: async (ctx, input) => ({ event: await redeliver(ctx, input.id) }),
});
