import type { Cell, ColumnType } from './engine.ts';
import { floatCell, fraction, integerCell, jsonCell } from './wire.ts';

/** What SQLite hands over: integers as bigint. */
export type SqliteValue = null | bigint | number | string | Uint8Array;

const DECLARED: [pattern: RegExp, type: ColumnType][] = [
  [/BOOL/, 'BOOLEAN'],
  [/^(?:BIGINT|UNSIGNED BIG INT|INT8)/, 'BIGINT'],
  [/^(?:DATETIME|TIMESTAMP)/, 'TIMESTAMP'],
  [/^DATE/, 'DATE'],
  [/^TIME/, 'TIME'],
  [/^JSON/, 'JSON'],
  [/^(?:DECIMAL|NUMERIC|MONEY)/, 'DECIMAL'],
  [/INT/, 'INTEGER'],
  [/CHAR|CLOB|TEXT/, 'STRING'],
  [/BLOB|BINARY/, 'BINARY'],
  [/REAL|FLOA|DOUB/, 'FLOAT'],
];

/** Our type for a type as a table declares it; SQLite itself takes any words there. */
export function sqliteColumnType(declared: string): ColumnType {
  const name = declared.toUpperCase();
  return DECLARED.find(([pattern]) => pattern.test(name))?.[1] ?? 'STRING';
}

function storageOf(value: SqliteValue): 'INTEGER' | 'REAL' | 'TEXT' | 'BLOB' {
  if (typeof value === 'bigint') return 'INTEGER';
  if (typeof value === 'number') return 'REAL';
  return value instanceof Uint8Array ? 'BLOB' : 'TEXT';
}

/** The type of an expression, which SQLite does not declare, after its first values. */
export function sqliteValueType(values: SqliteValue[]): { type: ColumnType; engineType: string } {
  const known = values.filter((value) => value !== null);
  const kinds = new Set(known.map(storageOf));
  if (kinds.size === 0) return { type: 'STRING', engineType: 'NULL' };
  if (kinds.has('TEXT') || (kinds.has('BLOB') && kinds.size > 1)) return { type: 'STRING', engineType: 'TEXT' };
  if (kinds.has('BLOB')) return { type: 'BINARY', engineType: 'BLOB' };
  if (kinds.has('REAL')) return { type: 'FLOAT', engineType: 'REAL' };
  const isSmall = known.every((value) => typeof value === 'bigint' && BigInt.asIntN(32, value) === value);
  return { type: isSmall ? 'INTEGER' : 'BIGINT', engineType: 'INTEGER' };
}

const CLOCK = /^(\d\d:\d\d)(:\d\d)?(?:\.(\d+))?$/;
const MOMENT = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?(?:\.(\d+))?\s*(Z|[+-]\d\d:\d\d)?$/;

function parts(seconds: string | undefined, digits: string | undefined): string {
  return (seconds ?? ':00') + fraction(Number((digits ?? '').slice(0, 9).padEnd(9, '0')));
}

function timestamp(text: string): string {
  const [, day = '', clock = '', seconds, digits, zone] = MOMENT.exec(text) ?? [];
  if (day === '') return text;
  if (zone === undefined || zone === 'Z') return `${day}T${clock}${parts(seconds, digits)}${zone ?? ''}`;
  const date = new Date(`${day}T${clock}${seconds ?? ':00'}${zone}`);
  if (Number.isNaN(date.getTime())) return text;
  return `${date.toISOString().slice(0, 16)}${parts(seconds, digits)}Z`;
}

function time(text: string): string {
  const [, clock, seconds, digits] = CLOCK.exec(text) ?? [];
  return clock === undefined ? text : clock + parts(seconds, digits);
}

/** One value as a cell. SQLite keeps what it is given: what does not fit its column's type stays as it is. */
export function sqliteCell(value: SqliteValue, type: ColumnType): Cell {
  if (value === null) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'string') {
    if (type === 'TIMESTAMP') return timestamp(value);
    if (type === 'TIME') return time(value);
    return type === 'JSON' ? jsonCell(value) : value;
  }
  if (type === 'DECIMAL' || type === 'STRING') return String(value);
  if (type === 'BOOLEAN' && (value === 0n || value === 1n)) return value === 1n;
  return typeof value === 'bigint' ? integerCell(value) : floatCell(value);
}
