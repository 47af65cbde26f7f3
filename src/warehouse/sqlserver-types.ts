import type { Cell, ColumnType } from './engine.ts';
import { dateCell, floatCell, integerCell, timeCell, timestampCell } from './wire.ts';

/** What the protocol says about a result column. */
export interface SqlserverField {
  colName: string;
  type: { name: string };
  dataLength?: number | undefined;
  precision?: number | undefined;
  scale?: number | undefined;
  udtInfo?: { typeName: string } | undefined;
}

/** Length of a column of the kind `(max)`. */
const MAX = 0xffff;

const TYPES = new Map<string, ColumnType>(
  Object.entries({
    bit: 'BOOLEAN',
    tinyint: 'INTEGER',
    smallint: 'INTEGER',
    int: 'INTEGER',
    bigint: 'BIGINT',
    decimal: 'DECIMAL',
    numeric: 'DECIMAL',
    money: 'DECIMAL',
    smallmoney: 'DECIMAL',
    float: 'FLOAT',
    real: 'FLOAT',
    date: 'DATE',
    time: 'TIME',
    datetime: 'TIMESTAMP',
    smalldatetime: 'TIMESTAMP',
    datetime2: 'TIMESTAMP',
    datetimeoffset: 'TIMESTAMP',
    binary: 'BINARY',
    varbinary: 'BINARY',
    image: 'BINARY',
    timestamp: 'BINARY',
    rowversion: 'BINARY',
    geography: 'BINARY',
    geometry: 'BINARY',
    hierarchyid: 'BINARY',
  } satisfies Record<string, ColumnType>),
);

/** Names of the protocol for columns that may be null, by the length of their values. */
const BY_LENGTH: Record<string, Record<number, string>> = {
  IntN: { 1: 'tinyint', 2: 'smallint', 4: 'int', 8: 'bigint' },
  FloatN: { 4: 'real', 8: 'float' },
  MoneyN: { 4: 'smallmoney', 8: 'money' },
  DateTimeN: { 4: 'smalldatetime', 8: 'datetime' },
};
const NAMES: Record<string, string> = { BitN: 'bit', DecimalN: 'decimal', NumericN: 'numeric', Variant: 'sql_variant' };

function baseName({ type, dataLength, udtInfo }: SqlserverField): string {
  if (udtInfo) return udtInfo.typeName.toLowerCase() || 'udt';
  return BY_LENGTH[type.name]?.[dataLength ?? 0] ?? NAMES[type.name] ?? type.name.toLowerCase();
}

/** The engine's own name for a result column's type. */
export function sqlserverTypeName(field: SqlserverField): string {
  const name = baseName(field);
  if (name === 'decimal' || name === 'numeric') return `${name}(${field.precision ?? 0},${field.scale ?? 0})`;
  if (name === 'time' || name === 'datetime2' || name === 'datetimeoffset') return `${name}(${field.scale ?? 7})`;
  if (!/^n?(?:var)?(?:char|binary)$/.test(name) || field.dataLength === undefined) return name;
  if (field.dataLength === MAX) return `${name}(max)`;
  return `${name}(${name.startsWith('n') ? field.dataLength / 2 : field.dataLength})`;
}

/** Our type of a result column. */
export function sqlserverColumnType(field: SqlserverField): ColumnType {
  return field.udtInfo ? 'BINARY' : sqlserverTypeOfName(baseName(field));
}

/** Our type for a name as the catalogue has it, its length included. */
export function sqlserverTypeOfName(name: string): ColumnType {
  return TYPES.get(name.replace(/\(.*$/, '').toLowerCase()) ?? 'STRING';
}

/** Nanoseconds since 1970 of a moment that the driver gives in milliseconds, with what they leave out beside. */
function nanos(value: Date): bigint {
  const delta = 'nanosecondsDelta' in value ? Number(value.nanosecondsDelta) : 0;
  return BigInt(Math.trunc(value.getTime())) * 1_000_000n + BigInt(Math.round(delta * 1e7)) * 100n;
}

const text = (value: unknown): string =>
  value instanceof Date
    ? (timestampCell(nanos(value), '') ?? '')
    : Buffer.isBuffer(value)
      ? value.toString('base64')
      : String(value);

/** A value of a type that says by the way whether it is a moment. */
const moment =
  (toCell: (value: Date) => Cell) =>
  (value: unknown): Cell =>
    value instanceof Date && !Number.isNaN(value.getTime()) ? toCell(value) : null;

/** How a column's values, as the driver gives them, become cells. */
export function sqlserverCell(field: SqlserverField): (value: unknown) => Cell {
  switch (sqlserverColumnType(field)) {
    case 'BOOLEAN':
      return (value) => value === true;
    case 'INTEGER':
    case 'BIGINT':
      return (value) => integerCell(text(value));
    case 'FLOAT':
      return (value) => floatCell(Number(value));
    case 'DATE':
      return moment((value) => dateCell(Math.floor(value.getTime() / 86_400_000)));
    case 'TIME':
      return moment((value) => timeCell(nanos(value)));
    case 'TIMESTAMP':
      return moment((value) => timestampCell(nanos(value), baseName(field) === 'datetimeoffset' ? 'Z' : ''));
    default:
      return text;
  }
}
