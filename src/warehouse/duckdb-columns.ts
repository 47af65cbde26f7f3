import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimeNSValue,
  DuckDBTimeTZValue,
  DuckDBTimeValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  DuckDBUnionValue,
  DuckDBVariantValue,
} from '@duckdb/node-api';
import type { DuckDBDataChunk, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { Cell, Column } from './engine.ts';
import { duckdbColumnType } from './duckdb-types.ts';
import { dateCell, floatCell, integerCell, jsonCell, timeCell, timestampCell } from './wire.ts';

const INFINITE_DAYS = 2_147_483_646;
const INFINITE = 9_223_372_036_854_775_806n;

/** A column of a result in our terms. */
export function duckdbColumn(name: string, type: DuckDBType): Column {
  const engineType = type.alias ?? type.toString();
  return { name, type: duckdbColumnType(engineType), engineType };
}

function days(value: number): string | null {
  return Math.abs(value) >= INFINITE_DAYS ? null : dateCell(value);
}

function timestamp(units: bigint, perUnit: bigint, zone: 'Z' | ''): string | null {
  return units >= INFINITE || units <= -INFINITE ? null : timestampCell(units * perUnit, zone);
}

function offsetOf(seconds: number): string {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${seconds < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

function key(value: Cell): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** One value of DuckDB as a cell of the wire contract. */
export function duckdbCell(value: DuckDBValue): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return floatCell(value);
  if (typeof value === 'bigint') return integerCell(value);
  if (value instanceof DuckDBDecimalValue) return value.toString();
  if (value instanceof DuckDBDateValue) return days(value.days);
  if (value instanceof DuckDBTimestampValue) return timestamp(value.micros, 1000n, '');
  if (value instanceof DuckDBTimestampTZValue) return timestamp(value.micros, 1000n, 'Z');
  if (value instanceof DuckDBTimestampMillisecondsValue) return timestamp(value.millis, 1_000_000n, '');
  if (value instanceof DuckDBTimestampSecondsValue) return timestamp(value.seconds, 1_000_000_000n, '');
  if (value instanceof DuckDBTimestampNanosecondsValue) return timestamp(value.nanos, 1n, '');
  if (value instanceof DuckDBTimeValue) return timeCell(value.micros * 1000n);
  if (value instanceof DuckDBTimeNSValue) return timeCell(value.nanos);
  if (value instanceof DuckDBTimeTZValue) return timeCell(value.micros * 1000n) + offsetOf(value.offset);
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64');
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(duckdbCell);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([name, item]) => [name, duckdbCell(item)]));
  }
  if (value instanceof DuckDBMapValue) {
    return Object.fromEntries(value.entries.map((entry) => [key(duckdbCell(entry.key)), duckdbCell(entry.value)]));
  }
  if (value instanceof DuckDBUnionValue || value instanceof DuckDBVariantValue) return duckdbCell(value.value);
  return value.toString();
}

function converter(type: DuckDBType): (value: DuckDBValue) => Cell {
  if (type.alias === 'JSON') return (value) => (typeof value === 'string' ? jsonCell(value) : duckdbCell(value));
  switch (type.typeId) {
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.BIGNUM:
      return (value) => (value === null ? null : String(value));
    default:
      return duckdbCell;
  }
}

/** The first `rows` rows of a chunk, column by column, as cells. */
export function duckdbCells(chunk: DuckDBDataChunk, types: readonly DuckDBType[], rows: number): Cell[][] {
  return types.map((type, index) => {
    const values = chunk.getColumnValues(index);
    if (rows < values.length) values.length = rows;
    return values.map(converter(type));
  });
}
