import { EngineError } from './engine.ts';
import type { Cell } from './engine.ts';

/** A list takes this much memory at least, however short it is as text. */
const NESTED_BYTES = 32;
/** What the documents and lists of one batch of rows may hold; an entry counts 1, a list or an object more. */
const MAX_VALUES = 16_000_000;
const NESTED_VALUES = 8;

/** Rough size of a cell as JSON text, in bytes; a comma included. A list or an object counts for what it takes. */
export function cellBytes(cell: Cell): number {
  switch (typeof cell) {
    case 'string':
      return cell.length + 3;
    case 'number':
      return Number.isInteger(cell) && cell < 1e6 && cell > -1e5 ? 5 : 18;
    case 'boolean':
      return 6;
    default: {
      if (cell === null) return 5;
      let sum = NESTED_BYTES;
      if (Array.isArray(cell)) for (const item of cell) sum += cellBytes(item);
      else for (const [key, item] of Object.entries(cell)) sum += key.length + 4 + cellBytes(item);
      return sum;
    }
  }
}

/** Rough size of columns of cells as JSON text. */
export function columnsBytes(values: readonly Cell[][]): number {
  let sum = 0;
  for (const column of values) for (const cell of column) sum += cellBytes(cell);
  return sum;
}

/** An integer of any width: a number where a double holds it exactly, else a string. */
export function integerCell(value: bigint | number | string): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** A number as it was written in JSON: exact where it has no exponent. */
export function exactCell(source: string): { cell: number | string; type: 'DECIMAL' | 'FLOAT' } {
  const isPlain = /^-?\d+(\.\d+)?$/.test(source);
  return isPlain ? { cell: source, type: 'DECIMAL' } : { cell: Number(source), type: 'FLOAT' };
}

/** A float: NaN and infinities are null. */
export function floatCell(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

let valuesLeft = Number.POSITIVE_INFINITY;

/**
 * Does work that makes values of an engine's texts. A few bytes can stand for a list, so that a text of some megabytes
 * fills the memory and holds up everybody: there are at most so many of them in one piece of work.
 * @throws EngineError RESULT_TOO_LARGE
 */
export function metered<T>(work: () => T): T {
  const before = valuesLeft;
  valuesLeft = MAX_VALUES;
  try {
    return work();
  } finally {
    valuesLeft = before;
  }
}

/** Counts what a text of lists holds (`[1,{"a":2}]`, `{1,2}`) before it is read. @throws EngineError as `metered` */
export function countValues(text: string): void {
  if (valuesLeft === Number.POSITIVE_INFINITY) return;
  let left = valuesLeft;
  for (let i = 0; i < text.length && left >= 0; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) i = endOfString(text, i);
    else if (code === 0x2c) left--;
    else if (code === 0x5b || code === 0x7b) left -= NESTED_VALUES;
  }
  valuesLeft = left;
  if (left < 0) {
    const hint = 'Let the query return fewer or shorter lists and documents.';
    throw new EngineError('RESULT_TOO_LARGE', 'The result holds more lists and documents than are allowed.', {
      stage: 'QUERY',
      hint,
    });
  }
}

/** Where a string that begins at a quote ends: its last quote, or the end of the text. */
function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === '\\') slashes++;
  return slashes % 2 === 1;
}

/** An integer that a double may not hold, as a whole: no part of a fraction. */
const WIDE = /(?<![\d.eE+])-?\d{16,}(?![\d.eE])/g;

/** Parses JSON; integers that a double does not hold become strings. @throws SyntaxError, EngineError as `metered` */
export function parseExactly(text: string): unknown {
  countValues(text);
  if (text.search(WIDE) < 0) return JSON.parse(text);
  const parts: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length;) {
    const start = text.indexOf('"', at);
    const end = start < 0 ? text.length : start;
    if (end - at >= 16) {
      const plain = text.slice(at, end);
      const exact = plain.replace(WIDE, (digits) => (Number.isSafeInteger(Number(digits)) ? digits : `"${digits}"`));
      if (exact !== plain) {
        parts.push(text.slice(copied, at), exact);
        copied = end;
      }
    }
    at = start < 0 ? end : endOfString(text, start) + 1;
  }
  return JSON.parse(parts.join('') + text.slice(copied));
}

/** A JSON document of an engine as a JSON value, wide integers as strings; its text where it does not parse. */
export function jsonCell(text: string): Cell {
  try {
    return parseExactly(text) as Cell;
  } catch (error) {
    if (error instanceof EngineError) throw error;
    return text;
  }
}

/** The fraction of a second in the wire contract: none, six digits, or nine where six do not hold it. */
export function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return digits.endsWith('000') ? `.${digits.slice(0, 6)}` : `.${digits}`;
}

/** Days since 1970-01-01 as a date; null beyond what a calendar here can say. */
export function dateCell(days: number): string | null {
  const date = new Date(days * 86_400_000);
  if (Number.isNaN(date.getTime())) return null;
  return date.toISOString().replace(/T.*$/, '');
}

/** Nanoseconds since 1970 as an ISO timestamp with the given end (`Z` or nothing). */
export function timestampCell(nanos: bigint, zone: 'Z' | ''): string | null {
  const second = 1_000_000_000n;
  let seconds = nanos / second;
  let rest = nanos % second;
  if (rest < 0n) {
    seconds -= 1n;
    rest += second;
  }
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return null;
  return date.toISOString().replace(/\.000Z$/, '') + fraction(Number(rest)) + zone;
}

/** Nanoseconds since midnight as a time. */
export function timeCell(nanos: bigint): string {
  const seconds = Number(nanos / 1_000_000_000n);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return clock + fraction(Number(nanos % 1_000_000_000n));
}

/** A message of an engine without paths of this machine, other people's addresses or endless excerpts. */
export function scrub(message: string, secrets: readonly string[] = []): string {
  let text = message;
  for (const secret of secrets) if (secret.length > 0) text = text.replaceAll(secret, '…');
  text = text
    .replace(/(?<![\w)\]])(?:[A-Za-z]:)?(?:[/\\][\w.@%+~-]+){2,}/g, '(file)')
    .replace(/(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?(?![\w.])/g, '(address)')
    .trim();
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
