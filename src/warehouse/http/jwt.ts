import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { wrong } from './settings.ts';

/**
 * A private RSA key out of a setting.
 * @throws EngineError CONNECTION_FAILED stage SETTINGS, without a word of the key.
 */
export function rsaKey(name: string, pem: string, passphrase: string | null = null): KeyObject {
  let key: KeyObject | null = null;
  try {
    // Keys that were pasted out of JSON often still have their line breaks as \n.
    key = createPrivateKey({ key: pem.replaceAll('\\n', '\n'), ...(passphrase === null ? {} : { passphrase }) });
  } catch {
    key = null;
  }
  if (key?.asymmetricKeyType === 'rsa') return key;
  throw wrong(
    `The setting ${name} is not a private RSA key in PEM.`,
    'Paste the whole key, its first and last line too.',
  );
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A token signed with RS256. */
export function signJwt(
  header: Record<string, string>,
  claims: Record<string, string | number>,
  key: KeyObject,
): string {
  const text = `${encode({ alg: 'RS256', typ: 'JWT', ...header })}.${encode(claims)}`;
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`;
}

/** The fingerprint of a key's public half: SHA-256 in base64. */
export function fingerprint(key: KeyObject): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64');
}
