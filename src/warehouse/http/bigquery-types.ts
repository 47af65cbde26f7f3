import type { Cell, ColumnType } from '../engine.ts';
import { integerCell, timestampCell } from '../wire.ts';
import { asText, plainCell } from './cells.ts';
import type { HttpColumn } from './cells.ts';
import { list, record, text } from './json.ts';
import type { JsonRecord } from './json.ts';

const TYPES: Record<string, ColumnType> = {
  BOOL: 'BOOLEAN',
  BOOLEAN: 'BOOLEAN',
  INT64: 'BIGINT',
  INTEGER: 'BIGINT',
  NUMERIC: 'DECIMAL',
  BIGNUMERIC: 'DECIMAL',
  FLOAT64: 'FLOAT',
  FLOAT: 'FLOAT',
  DATE: 'DATE',
  TIME: 'TIME',
  DATETIME: 'TIMESTAMP',
  TIMESTAMP: 'TIMESTAMP',
  BYTES: 'BINARY',
  JSON: 'JSON',
  RECORD: 'JSON',
  STRUCT: 'JSON',
  ARRAY: 'JSON',
};

/** Our type for a type as BigQuery prints it: `NUMERIC(9, 2)`, `ARRAY<STRING>`, `STRUCT<a INT64>` … */
export function bigqueryColumnType(engineType: string): ColumnType {
  return TYPES[/^\w+/.exec(engineType.toUpperCase())?.[0] ?? ''] ?? 'STRING';
}

/** Microseconds since 1970, or what else the service sent. */
function instant(value: unknown): Cell {
  const micros = asText(value);
  return /^-?\d+$/.test(micros) ? timestampCell(BigInt(micros) * 1000n, 'Z') : micros;
}

function single(field: JsonRecord): (value: unknown) => Cell {
  const type = text(field['type']) ?? '';
  if (type === 'RECORD' || type === 'STRUCT') {
    const fields = list(field['fields']).map(record);
    const cells = fields.map(cellOf);
    return (value) => {
      const members = list(record(value)['f']).map((member) => record(member)['v']);
      return Object.fromEntries(
        fields.map((one, i) => {
          const member = members[i];
          return [
            text(one['name']) ?? '',
            member === null || member === undefined ? null : (cells[i]?.(member) ?? null),
          ];
        }),
      );
    };
  }
  if (type === 'TIMESTAMP') return instant;
  if (type === 'INT64' || type === 'INTEGER')
    return (value) => (/^-?\d+$/.test(asText(value)) ? integerCell(asText(value)) : asText(value));
  return plainCell(bigqueryColumnType(type));
}

function cellOf(field: JsonRecord): (value: unknown) => Cell {
  const element = single(field);
  if (field['mode'] !== 'REPEATED') return element;
  return (value) =>
    list(value).map((item) => {
      const { v } = record(item);
      return v === null || v === undefined ? null : element(v);
    });
}

/** The columns of a result's schema. */
export function bigqueryColumns(schema: unknown): HttpColumn[] | null {
  const { fields } = record(schema);
  if (!Array.isArray(fields)) return null;
  return fields.map((entry) => {
    const field = record(entry);
    const name = text(field['type']) ?? '';
    const isList = field['mode'] === 'REPEATED';
    return {
      name: text(field['name']) ?? '',
      type: isList ? 'JSON' : bigqueryColumnType(name),
      engineType: isList ? `ARRAY<${name}>` : name,
      cell: cellOf(field),
    };
  });
}
