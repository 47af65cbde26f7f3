import { createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config.ts';

/**
 * The three headers of Standard Webhooks for a message; `secret` is `whsec_` and the key in base64.
 * See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signWebhook(secret: string, id: string, time: Date, body: string): Record<string, string> {
  const timestamp = String(Math.floor(time.getTime() / 1000));
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

/**
 * A key of 32 bytes for one purpose, always the same while the gateway keeps its sealing key: SECRETS_KEY, or the one
 * that the data directory holds (see boot.ts). Nothing of the sealing key can be learnt from it (HKDF, RFC 5869).
 */
export function derivedKey(config: Pick<Config, 'SECRETS_KEY' | 'DATA_DIR'>, purpose: string): Buffer<ArrayBuffer> {
  const master = config.SECRETS_KEY ?? readFileSync(path.join(config.DATA_DIR, 'secrets.key'), 'utf8');
  return Buffer.from(hkdfSync('sha256', Buffer.from(master, 'base64'), '', purpose, 32));
}

/** The signing secret of a webhook that is known by its place, such as a row and its address. */
export function webhookSecretOf(config: Pick<Config, 'SECRETS_KEY' | 'DATA_DIR'>, place: string): string {
  return `whsec_${derivedKey(config, `webhook ${place}`).toString('base64')}`;
}
