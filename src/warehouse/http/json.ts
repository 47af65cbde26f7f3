/** JSON of services, which may hold anything: every member is looked at before it is used. */
export type JsonRecord = Record<string, unknown>;

/** An integer that a double may not hold. */
const WIDE = /\d{16,}/;

function keepWide(_key: string, value: unknown, context: { source?: string }): unknown {
  const { source } = context;
  const isWide = typeof value === 'number' && source !== undefined && /^-?\d+$/.test(source);
  return isWide && !Number.isSafeInteger(value) ? source : value;
}

/** Parses a text; integers that a double does not hold become strings. Undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return WIDE.test(text) ? JSON.parse(text, keepWide as (key: string, value: unknown) => unknown) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value where it is an object, else an empty one. */
export function record(value: unknown): JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonRecord) : {};
}

/** The value where it is a list, else an empty one. */
export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value where it is text, else null. */
export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
