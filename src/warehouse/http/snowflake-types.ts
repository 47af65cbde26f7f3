import type { Cell, ColumnType } from '../engine.ts';
import { dateCell, integerCell, timeCell, timestampCell } from '../wire.ts';
import { asText, plainCell } from './cells.ts';
import type { HttpColumn } from './cells.ts';
import { record, text } from './json.ts';

const TYPES: Record<string, ColumnType> = {
  BOOLEAN: 'BOOLEAN',
  REAL: 'FLOAT',
  FLOAT: 'FLOAT',
  DOUBLE: 'FLOAT',
  DECFLOAT: 'DECIMAL',
  DATE: 'DATE',
  TIME: 'TIME',
  TIMESTAMP_NTZ: 'TIMESTAMP',
  TIMESTAMP_LTZ: 'TIMESTAMP',
  TIMESTAMP_TZ: 'TIMESTAMP',
  BINARY: 'BINARY',
  VARIANT: 'JSON',
  OBJECT: 'JSON',
  ARRAY: 'JSON',
  MAP: 'JSON',
  VECTOR: 'JSON',
  GEOGRAPHY: 'JSON',
  GEOMETRY: 'JSON',
};

/** Our type for a type as Snowflake prints it: `NUMBER(9,2)`, `TEXT`, `TIMESTAMP_TZ` … */
export function snowflakeColumnType(engineType: string): ColumnType {
  const [, name = '', precision, scale] = /^(\w+)(?:\((\d+)(?:,\s*(\d+))?\))?/.exec(engineType.toUpperCase()) ?? [];
  if (name !== 'NUMBER' && name !== 'FIXED') return TYPES[name] ?? 'STRING';
  if (Number(scale ?? 0) > 0) return 'DECIMAL';
  return precision !== undefined && Number(precision) <= 9 ? 'INTEGER' : 'BIGINT';
}

/** Seconds with a fraction, as text, in nanoseconds. */
function nanos(seconds: string): bigint | null {
  const [, sign, whole, digits = ''] = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(seconds) ?? [];
  if (whole === undefined) return null;
  const value = BigInt(whole) * 1_000_000_000n + BigInt(digits.padEnd(9, '0'));
  return sign === '-' ? -value : value;
}

function moment(value: unknown, zone: 'Z' | ''): Cell {
  // With a zone, its offset follows the instant, which is in UTC already.
  const instant = nanos(asText(value).split(' ')[0] ?? '');
  return instant === null ? asText(value) : timestampCell(instant, zone);
}

function cellOf(type: ColumnType, name: string): (value: unknown) => Cell {
  switch (name) {
    case 'fixed':
      return type === 'DECIMAL'
        ? asText
        : (value) => (/^-?\d+$/.test(asText(value)) ? integerCell(asText(value)) : asText(value));
    case 'date':
      return (value) => (/^-?\d+$/.test(asText(value)) ? dateCell(Number(value)) : asText(value));
    case 'time':
      return (value) => {
        const time = nanos(asText(value));
        return time === null || time < 0n ? asText(value) : timeCell(time);
      };
    case 'timestamp_ntz':
      return (value) => moment(value, '');
    case 'timestamp_ltz':
    case 'timestamp_tz':
      return (value) => moment(value, 'Z');
    case 'binary':
      return (value) => Buffer.from(asText(value), 'hex').toString('base64');
    default:
      return plainCell(type);
  }
}

/** The columns of a result's description. */
export function snowflakeColumns(rowType: unknown): HttpColumn[] | null {
  if (!Array.isArray(rowType)) return null;
  return rowType.map((entry) => {
    const column = record(entry);
    const name = (text(column['type']) ?? '').toLowerCase();
    const size =
      typeof column['precision'] === 'number'
        ? `(${column['precision']},${typeof column['scale'] === 'number' ? column['scale'] : 0})`
        : '';
    const engineType = name === 'fixed' ? `NUMBER${size}` : name.toUpperCase();
    const type = snowflakeColumnType(engineType);
    return { name: text(column['name']) ?? '', type, engineType, cell: cellOf(type, name) };
  });
}
