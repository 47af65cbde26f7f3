import { randomFillSync } from 'node:crypto';
import { DomainError } from './errors.ts';

const buffer = new Uint8Array(16);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
let lastMs = 0;
let counter = 0;

/** A UUIDv7: sorts by time, within a millisecond too (12 bits of counter), as RFC 9562 §6.2 method 1 has it. */
export function newId(at: number = Date.now()): string {
  randomFillSync(buffer);
  if (at === lastMs) counter = (counter + 1) & 0xfff;
  else {
    lastMs = at;
    counter = ((buffer[6] ?? 0) << 3) & 0x7ff;
  }
  let ms = at;
  for (let i = 5; i >= 0; i--) {
    buffer[i] = ms % 256;
    ms = Math.floor(ms / 256);
  }
  buffer[6] = 0x70 | (counter >> 8);
  buffer[7] = counter & 0xff;
  buffer[8] = 0x80 | ((buffer[8] ?? 0) & 0x3f);
  const hex = Buffer.from(buffer).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Whether a text is a UUID as PostgreSQL prints it. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The opaque id of a node: base64url of `Type:key`. */
export function toGlobalId(type: string, key: string | number): string {
  return Buffer.from(`${type}:${key}`).toString('base64url');
}

/** The type and key within an opaque id; null for anything that is none. */
export function parseGlobalId(id: string): { type: string; key: string } | null {
  if (id.length > 200 || !/^[A-Za-z0-9_-]+$/.test(id)) return null;
  const match = /^([A-Z][A-Za-z]*):([0-9a-f-]{1,36})$/.exec(Buffer.from(id, 'base64url').toString());
  return match?.[1] && match[2] ? { type: match[1], key: match[2] } : null;
}

const expected = (type: string): string => `This should be the id of ${/^[AEIO]/.test(type) ? 'an' : 'a'} ${type}.`;

/**
 * The UUID within the opaque id of a node of that type.
 * @throws DomainError BAD_ID naming the type expected.
 */
export function uuidOf(type: string, id: string, path: string[] = ['id']): string {
  const parsed = parseGlobalId(id);
  if (parsed?.type !== type || !isUuid(parsed.key)) throw new DomainError('BAD_ID', expected(type), { path });
  return parsed.key;
}

/**
 * The integer within the opaque id of a node of that type.
 * @throws DomainError BAD_ID naming the type expected.
 */
export function intOf(type: string, id: string, path: string[] = ['id']): number {
  const parsed = parseGlobalId(id);
  const key = parsed?.type === type && /^\d{1,10}$/.test(parsed.key) ? Number(parsed.key) : Number.NaN;
  if (!Number.isInteger(key) || key > 2_147_483_647) throw new DomainError('BAD_ID', expected(type), { path });
  return key;
}
