import type { App } from '../context.ts';
import type { AlertDeliveryError } from '../generated/prisma/client.ts';
import { createGuardedFetch, FetchError, type GuardedFetch } from '../http/guarded-fetch.ts';
import { toGlobalId } from '../ids.ts';
import { plainText } from '../text/plain-text.ts';
import { signWebhook, webhookSecretOf } from '../http/standard-webhooks.ts';

/** What is sent of an event, and where to. */
export interface Message {
  id: string;
  alertId: number;
  assetId: string;
  kind: string;
  webhookUrl: string;
  message: string;
  details: unknown;
  createdAt: Date;
}

/** How one try to send an event went; `isFinal` where another one would go the same way. */
export interface Outcome {
  httpStatus: number | null;
  error: { code: AlertDeliveryError; message: string; isFinal: boolean } | null;
}

const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_REASON = 300;

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

async function post(app: App, sent: Message, signal: AbortSignal): Promise<number> {
  const { id, alertId, assetId, kind, webhookUrl, message, details, createdAt } = sent;
  const data = { alertId: toGlobalId('Alert', alertId), assetId: toGlobalId('Asset', assetId), kind, message, details };
  const body = JSON.stringify({ type: 'alert.fired', timestamp: createdAt.toISOString(), data });
  const secret = alertSecretOf(app, { id: alertId, webhookUrl });
  const headers = { 'content-type': 'application/json', ...signWebhook(secret, `msg_${id}`, new Date(), body) };
  const init = { method: 'POST', headers, body, maxBytes: MAX_ANSWER_BYTES, signal } as const;
  return (await fetchOf(app)(webhookUrl, init)).status;
}

/**
 * Sends an event once; a receiver that sees its id again has it already. What a receiver answers beside its status is
 * kept nowhere. @throws the reason of `signal` when that aborts
 */
export async function sendOnce(app: App, sent: Message, signal: AbortSignal): Promise<Outcome> {
  try {
    const status = await post(app, sent, signal);
    const isFinal = status < 500 && status !== 408 && status !== 429;
    const error = { code: 'STATUS', message: `The address answered ${status}.`, isFinal } as const;
    return { httpStatus: status, error: status < 300 ? null : error };
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    const { code } = error;
    const message = plainText(error.message.slice(0, MAX_REASON));
    return { httpStatus: null, error: { code, message, isFinal: code === 'REFUSED' || code === 'REDIRECT' } };
  }
}
