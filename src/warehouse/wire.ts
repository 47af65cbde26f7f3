import type { Cell } from './engine.ts';

/** Rough size of a cell as JSON text, in bytes; a comma included. */
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
      let sum = 3;
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

/** A JSON document of an engine as a JSON value; its text where it does not parse. */
export function jsonCell(text: string): Cell {
  try {
    return JSON.parse(text) as Cell;
  } catch {
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
