import { EngineError } from '../engine.ts';
import { metered, parseExactly } from '../wire.ts';

/** JSON of services, which may hold anything: every member is looked at before it is used. */
export type JsonRecord = Record<string, unknown>;

/**
 * Parses an answer; integers that a double does not hold become strings. Undefined where it is no JSON.
 * @throws EngineError RESULT_TOO_LARGE where it holds more values than anybody should wait for
 */
export function parseJson(text: string): unknown {
  try {
    return metered(() => parseExactly(text));
  } catch (error) {
    if (error instanceof EngineError) throw error;
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
