import type { Cell, ColumnType } from '../engine.ts';
import { jsonValue, plainCell } from './cells.ts';
import type { HttpColumn } from './cells.ts';
import { list, record, text } from './json.ts';
import type { JsonRecord } from './json.ts';

const TYPES: [pattern: RegExp, type: ColumnType][] = [
  [/^boolean/, 'BOOLEAN'],
  [/^(?:tinyint|smallint|integer)/, 'INTEGER'],
  [/^bigint/, 'BIGINT'],
  [/^decimal/, 'DECIMAL'],
  [/^(?:real|double|float)/, 'FLOAT'],
  [/^date/, 'DATE'],
  [/^timestamp/, 'TIMESTAMP'],
  [/^time/, 'TIME'],
  [/^varbinary/, 'BINARY'],
  [/^(?:json|array|map|row|struct)/, 'JSON'],
];

/** Our type for a type as Trino prints it: `varchar(9)`, `timestamp(3) with time zone`, `array(bigint)` … */
export function trinoColumnType(engineType: string): ColumnType {
  const name = engineType.toLowerCase();
  return TYPES.find(([pattern]) => pattern.test(name))?.[1] ?? 'STRING';
}

/** How the values of a type become cells; rows get the names of their fields. */
function cellOf(signature: JsonRecord, engineType: string): (value: unknown) => Cell {
  const inner = list(signature['arguments']).map((argument) => record(record(argument)['value']));
  const nested = (one: JsonRecord): ((value: unknown) => Cell) => {
    const convert = cellOf(one, text(one['rawType']) ?? '');
    return (value) => (value === null || value === undefined ? null : convert(value));
  };
  switch (signature['rawType']) {
    case 'array': {
      const element = nested(inner[0] ?? {});
      return (value) => list(value).map(element);
    }
    case 'map': {
      const item = nested(inner[1] ?? {});
      return (value) => Object.fromEntries(Object.entries(record(value)).map(([key, one]) => [key, item(one)]));
    }
    case 'row': {
      const fields = inner.map((field, i) => ({
        name: text(record(field['fieldName'])['name']) ?? `field${i}`,
        cell: nested(record(field['typeSignature'])),
      }));
      return (value) => Object.fromEntries(fields.map(({ name, cell }, i) => [name, cell(list(value)[i])]));
    }
    default: {
      const type = trinoColumnType(engineType);
      return type === 'JSON' ? jsonValue : plainCell(type);
    }
  }
}

/** The columns of an answer; null where it does not say yet. */
export function trinoColumns(columns: unknown): HttpColumn[] | null {
  if (!Array.isArray(columns)) return null;
  return columns.map((column) => {
    const { name, type, typeSignature } = record(column);
    const engineType = text(type) ?? '';
    return {
      name: text(name) ?? '',
      type: trinoColumnType(engineType),
      engineType,
      cell: cellOf(record(typeSignature), engineType),
    };
  });
}
