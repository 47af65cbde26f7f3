import type { Cell, ColumnType } from './engine.ts';
import { floatCell, integerCell, jsonCell } from './wire.ts';

/** What the protocol says about a result column. */
export interface MysqlField {
  name: string;
  columnType: number;
  /** 63 for binary data. */
  characterSet: number;
  flags: number;
  columnLength: number;
  decimals: number;
}

const BINARY = 63;
const UNSIGNED = 32;
const ENUM = 256;
const SET = 2048;

const TYPES: Record<number, [name: string, type: ColumnType]> = {
  0: ['decimal', 'DECIMAL'],
  1: ['tinyint', 'INTEGER'],
  2: ['smallint', 'INTEGER'],
  3: ['int', 'INTEGER'],
  4: ['float', 'FLOAT'],
  5: ['double', 'FLOAT'],
  6: ['null', 'STRING'],
  7: ['timestamp', 'TIMESTAMP'],
  8: ['bigint', 'BIGINT'],
  9: ['mediumint', 'INTEGER'],
  10: ['date', 'DATE'],
  11: ['time', 'TIME'],
  12: ['datetime', 'TIMESTAMP'],
  13: ['year', 'INTEGER'],
  16: ['bit', 'BIGINT'],
  245: ['json', 'JSON'],
  246: ['decimal', 'DECIMAL'],
  247: ['enum', 'STRING'],
  248: ['set', 'STRING'],
  255: ['geometry', 'JSON'],
};

const BY_NAME = new Map<string, ColumnType>(Object.values(TYPES));
for (const name of ['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob']) BY_NAME.set(name, 'BINARY');
for (const name of [
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geometrycollection',
]) {
  BY_NAME.set(name, 'JSON');
}

function isBlob(field: MysqlField): boolean {
  return [15, 249, 250, 251, 252, 253, 254].includes(field.columnType) && field.characterSet === BINARY;
}

/** The engine's own name for a result column's type. */
export function mysqlTypeName(field: MysqlField): string {
  if (field.flags & ENUM) return 'enum';
  if (field.flags & SET) return 'set';
  const [name] = TYPES[field.columnType] ?? [];
  if (name === 'decimal') return `decimal(${field.columnLength - (field.decimals > 0 ? 1 : 0) - 1},${field.decimals})`;
  if (name?.endsWith('int') && field.flags & UNSIGNED) return `${name} unsigned`;
  if (name) return name;
  if (isBlob(field)) return field.columnType >= 253 || field.columnType === 15 ? 'varbinary' : 'blob';
  return field.columnType >= 253 || field.columnType === 15 ? 'varchar' : 'text';
}

/** Our type of a result column. */
export function mysqlColumnType(field: MysqlField): ColumnType {
  return TYPES[field.columnType]?.[1] ?? (isBlob(field) ? 'BINARY' : 'STRING');
}

/** Our type for a column as information_schema prints it: `int(11) unsigned`, `decimal(9,2)` … */
export function mysqlTypeOfName(name: string): ColumnType {
  return BY_NAME.get(/^[a-z]+/.exec(name.toLowerCase())?.[0] ?? '') ?? 'STRING';
}

function moment(text: string, zone: 'Z' | ''): string | null {
  if (/^0000|-00/.test(text)) return null;
  return (
    text
      .replace(' ', 'T')
      .replace(/\.0+$/, '')
      .replace(/\.(\d+)$/, (_, digits: string) => `.${digits.padEnd(6, '0')}`) + zone
  );
}

function time(text: string): string {
  return text.replace(/\.0+$/, '').replace(/\.(\d+)$/, (_, digits: string) => `.${digits.padEnd(6, '0')}`);
}

function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

/** How a column's values, as the driver gives them, become cells. */
export function mysqlCell(field: MysqlField): (value: unknown) => Cell {
  const type = mysqlColumnType(field);
  if (field.columnType === 16) {
    return (value) => (Buffer.isBuffer(value) ? integerCell(BigInt(`0x${value.toString('hex') || '0'}`)) : text(value));
  }
  switch (type) {
    case 'INTEGER':
    case 'BIGINT':
      return (value) => integerCell(text(value));
    case 'FLOAT':
      return (value) => floatCell(Number(value));
    case 'DATE':
      return (value) => (/^0000|-00/.test(text(value)) ? null : text(value));
    case 'TIME':
      return (value) => time(text(value));
    case 'TIMESTAMP':
      return (value) => moment(text(value), field.columnType === 7 ? 'Z' : '');
    case 'BINARY':
      return (value) =>
        Buffer.isBuffer(value) ? value.toString('base64') : Buffer.from(text(value)).toString('base64');
    case 'JSON':
      return (value) =>
        jsonCell(typeof value === 'object' && !Buffer.isBuffer(value) ? JSON.stringify(value) : text(value));
    default:
      return text;
  }
}
