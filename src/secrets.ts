import { createCipheriv, createDecipheriv, createHash, randomBytes, randomInt } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BODY = 32;
const CHECK = 6;

/** First letters of each kind of secret. */
export const prefixes = { ANALYTICS: 'sk_', ENDPOINT: 'ep_', MCP: 'mk_', SESSION: 'st_' } as const;

function checksum(text: string): string {
  let number = BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 16)}`);
  let out = '';
  for (let i = 0; i < CHECK; i++) {
    out += ALPHABET[Number(number % 62n)];
    number /= 62n;
  }
  return out;
}

/** A new secret: prefix, 32 base62 characters (190 bits), and a checksum that tells a typo without a look-up. */
export function newSecret(kind: keyof typeof prefixes): string {
  let body: string = prefixes[kind];
  for (let i = 0; i < BODY; i++) body += ALPHABET[randomInt(62)];
  return body + checksum(body);
}

/** Whether a text has the form and checksum of a secret of one of the kinds. */
export function isWellFormed(secret: string, kinds: (keyof typeof prefixes)[]): boolean {
  if (!kinds.some((kind) => secret.startsWith(prefixes[kind])) || !/^[a-z]{2}_[0-9A-Za-z]{38}$/.test(secret))
    return false;
  return checksum(secret.slice(0, -CHECK)) === secret.slice(-CHECK);
}

/** What is stored of a secret. It has 190 bits of its own, so a plain hash is enough. */
export function hashSecret(secret: string): Buffer<ArrayBuffer> {
  return createHash('sha256').update(secret).digest();
}

/** Seals values for the database; a sealed value opens only in the place it was sealed for. */
export interface Sealer {
  /** `place` names table, column and row. */
  seal(value: unknown, place: string): Buffer<ArrayBuffer>;
  /** @throws Error where key, place or bytes are not those it was sealed with. */
  open(sealed: Uint8Array, place: string): unknown;
  /** The same for bytes as they are. */
  sealBytes(bytes: Buffer, place: string): Buffer<ArrayBuffer>;
  /** @throws Error as `open`. */
  openBytes(sealed: Uint8Array, place: string): Buffer;
}

function encrypt(key: Buffer, plain: Buffer, place: string): Buffer<ArrayBuffer> {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: 16 }).setAAD(Buffer.from(place));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, sealed: Buffer, place: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
}

/**
 * AES-256-GCM in two layers: a key of its own for each value, wrapped by `master` (32 bytes), so that a new master
 * key only re-wraps. Layout: version 1, wrapped key (60 bytes), sealed value.
 */
export function createSealer(master: Buffer): Sealer {
  const sealBytes: Sealer['sealBytes'] = (plain, place) => {
    const key = randomBytes(32);
    return Buffer.concat([Buffer.from([1]), encrypt(master, key, place), encrypt(key, plain, place)]);
  };
  const openBytes: Sealer['openBytes'] = (sealed, place) => {
    const bytes = Buffer.from(sealed);
    if (bytes[0] !== 1) throw new Error('Sealed by an unknown version.');
    const key = decrypt(master, bytes.subarray(1, 61), place);
    return decrypt(key, bytes.subarray(61), place);
  };
  return {
    seal: (value, place) => sealBytes(Buffer.from(JSON.stringify(value)), place),
    open: (sealed, place) => JSON.parse(openBytes(sealed, place).toString()) as unknown,
    sealBytes,
    openBytes,
  };
}

/**
 * A sealed value for another master key: its own key is wrapped anew, the value itself stays sealed and is not looked
 * at. Null where it is under the new master already.
 * @throws Error where neither master opens it, for its place or bytes are not those it was sealed with.
 */
export function rewrap(
  sealed: Uint8Array,
  place: string,
  masters: { from: Buffer; to: Buffer },
): Buffer<ArrayBuffer> | null {
  const bytes = Buffer.from(sealed);
  if (bytes[0] !== 1) throw new Error('Sealed by an unknown version.');
  const wrapped = bytes.subarray(1, 61);
  try {
    decrypt(masters.to, wrapped, place);
    return null;
  } catch {
    const key = decrypt(masters.from, wrapped, place);
    return Buffer.concat([bytes.subarray(0, 1), encrypt(masters.to, key, place), bytes.subarray(61)]);
  }
}
