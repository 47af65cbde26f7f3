import { setTimeout as wait } from 'node:timers/promises';
import type { App } from '../context.ts';
import { createGuardedFetch, FetchError, type GuardedFetch } from '../guarded-fetch.ts';
import { toGlobalId } from '../ids.ts';
import { signWebhook, webhookSecretOf } from '../standard-webhooks.ts';

/** An event of an alert that has an address. */
export interface Delivery {
  id: string;
  alertId: number;
  assetId: string;
  kind: string;
  webhookUrl: string;
  message: string;
  details: unknown;
  createdAt: Date;
}

const PARALLEL = 8;
const ATTEMPTS = 4;
const FIRST_WAIT_MS = 500;
const MAX_ANSWER_BYTES = 64 * 1024;

const fetches = new WeakMap<App, GuardedFetch>();

function fetchOf(app: App): GuardedFetch {
  let fetch = fetches.get(app);
  if (!fetch) fetches.set(app, (fetch = createGuardedFetch({ allowPrivate: app.config.ALLOW_PRIVATE_CONNECTIONS })));
  return fetch;
}

/** The secret that signs the webhooks of an alert: another address has another one. */
export function alertSecretOf(app: App, alert: { id: number; webhookUrl: string }): string {
  return webhookSecretOf(app.config, JSON.stringify(['alert', alert.id, alert.webhookUrl]));
}

async function post(app: App, delivery: Delivery): Promise<number> {
  const { id, alertId, assetId, kind, webhookUrl, message, details, createdAt } = delivery;
  const data = { alertId: toGlobalId('Alert', alertId), assetId: toGlobalId('Asset', assetId), kind, message, details };
  const body = JSON.stringify({ type: 'alert.fired', timestamp: createdAt.toISOString(), data });
  const secret = alertSecretOf(app, { id: alertId, webhookUrl });
  const headers = { 'content-type': 'application/json', ...signWebhook(secret, `msg_${id}`, new Date(), body) };
  return (await fetchOf(app)(webhookUrl, { method: 'POST', headers, body, maxBytes: MAX_ANSWER_BYTES })).status;
}

/** Sends one event until the receiver takes it, refuses it for good, or the attempts are used up. Never throws. */
async function deliver(app: App, delivery: Delivery): Promise<void> {
  let reason: unknown;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      const status = await post(app, delivery);
      if (status < 300) return;
      reason = `it answered ${status}`;
      if (status < 500 && status !== 408 && status !== 429) break;
    } catch (error) {
      reason = error;
      if (error instanceof FetchError && (error.code === 'REFUSED' || error.code === 'REDIRECT')) break;
    }
    // Does not hold a process that wants to end.
    if (attempt < ATTEMPTS) await wait(FIRST_WAIT_MS * 4 ** (attempt - 1), undefined, { ref: false });
  }
  app.log.warn({ reason, alertId: delivery.alertId, eventId: delivery.id }, 'the webhook of an alert was not taken');
}

/** Sends events to their receivers, a few at a time; a receiver that sees an id twice has it already. Never throws. */
export async function deliverAll(app: App, deliveries: Delivery[]): Promise<void> {
  const left = [...deliveries];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const delivery = next;
      await deliver(app, delivery).catch((error: unknown) =>
        app.log.error({ err: error, alertId: delivery.alertId }, 'the webhook of an alert could not be sent'),
      );
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}
