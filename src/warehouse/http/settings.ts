import { EngineError } from '../engine.ts';

/** The settings of a connection, read by name. Every failure is CONNECTION_FAILED of stage SETTINGS and names its member. */
export class SettingsReader {
  private readonly settings: Record<string, unknown>;

  constructor(settings: Record<string, unknown>) {
    this.settings = settings;
  }

  /** Text that is there. */
  text(name: string, pattern?: RegExp, hint?: string): string {
    const value = this.optional(name, pattern, hint);
    if (value === null) throw wrong(`The setting ${name} is missing.`, hint ?? `Give ${name}.`);
    return value;
  }

  /** Text, or null where it is left out or empty. */
  optional(name: string, pattern?: RegExp, hint?: string): string | null {
    const value = this.settings[name];
    if (value === undefined || value === null || value === '') return null;
    if (typeof value !== 'string' || value.includes('\0') || value.length > 100_000) {
      throw wrong(`The setting ${name} must be text.`, hint ?? `Give ${name} as text.`);
    }
    // In a header, a line break would begin another one.
    if (!/PRIVATE KEY|BEGIN CERTIFICATE/.test(value) && /[\r\n]/.test(value)) {
      throw wrong(`The setting ${name} must be one line.`, hint ?? `Give ${name} on one line.`);
    }
    if (pattern && !pattern.test(value)) throw wrong(`The setting ${name} is not valid.`, hint ?? `Check ${name}.`);
    return value;
  }

  /** A whole number from 1, or null where it is left out. */
  whole(name: string, max: number): number | null {
    const value = this.settings[name];
    if (value === undefined || value === null || value === '') return null;
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 1 && number <= max) return number;
    throw wrong(`The setting ${name} is not a whole number from 1 to ${max}.`, `Give ${name} as a number.`);
  }

  /** How many bytes a query may make the service read, or null for no bound. */
  maximumBytesScanned(): number | null {
    return this.whole('maximumBytesScanned', Number.MAX_SAFE_INTEGER);
  }

  /** One of some words, the first where it is left out. */
  choice<T extends string>(name: string, words: readonly [T, ...T[]]): T {
    const value = this.settings[name] ?? words[0];
    const found = words.find((word) => word === value);
    if (found === undefined) throw wrong(`The setting ${name} is ${words.join(' or ')}.`, `Leave ${name} out.`);
    return found;
  }
}

/** The failure of a setting. */
export function wrong(message: string, hint: string): EngineError {
  return new EngineError('CONNECTION_FAILED', message, { stage: 'SETTINGS', hint });
}

/** The failure of a query that would have the service read more than the connection allows. */
export function tooDear(): EngineError {
  return new EngineError('ENGINE_FAILED', 'The query reads more bytes than the connection allows.', {
    stage: 'QUERY',
    hint: 'Narrow the query, or raise maximumBytesScanned of the connection.',
  });
}

/** A name in a service: any characters but control ones. */
export const NAME = /^[^\p{Cc}]{1,255}$/u;
/** A host name or address, without scheme, path and port. */
export const HOST = /^[\w.:[\]-]{1,253}$/;
/** How to give a host. */
export const HOST_HINT = 'Give the host alone, without a scheme, a path or a port.';
