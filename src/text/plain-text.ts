/**
 * Whether a text is one for everybody: PostgreSQL takes no NUL, and half a surrogate pair is no character of UTF-8 and no
 * JSON of PostgreSQL's.
 */
export function isPlainText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** A text that somebody else sent as one for everybody: without NUL, half characters replaced. */
export const plainText = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/** A value whose texts somebody else sent, as JSON that PostgreSQL takes. */
export function plainJson<T>(value: T): T {
  if (typeof value === 'string') return plainText(value) as T;
  if (Array.isArray(value)) return value.map(plainJson) as T;
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [plainText(name), plainJson(one)])) as T;
}
