import { createHmac, timingSafeEqual } from 'node:crypto';
import type { App } from '../context.ts';
import { derivedKey } from './standard-webhooks.ts';

/** Signs what an address stands for, so that whoever has it needs no credential. */
export interface Signer {
  sign(app: App, parts: readonly string[]): string;
  isSigned(app: App, parts: readonly string[], signature: string): boolean;
}

/** Signs the addresses of one purpose: with a key of its own, so that none is good for another. */
export function signer(purpose: string): Signer {
  const keys = new WeakMap<App, Buffer<ArrayBuffer>>();
  function signatureOf(app: App, parts: readonly string[]): Buffer {
    let key = keys.get(app);
    if (!key) keys.set(app, (key = derivedKey(app.config, purpose)));
    return createHmac('sha256', key).update(parts.join('\n')).digest();
  }
  return {
    sign: (app, parts) => signatureOf(app, parts).toString('base64url'),
    isSigned(app, parts, signature) {
      const [given, right] = [Buffer.from(signature, 'base64url'), signatureOf(app, parts)];
      return given.length === right.length && timingSafeEqual(given, right);
    },
  };
}
