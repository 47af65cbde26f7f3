import type { Dialect, ParameterValue } from '../engine.ts';
import { placeholderOf } from '../params.ts';

/** Which tables are wanted. */
export interface TableFilter {
  schemas?: string[];
  tables?: string[];
  limit: number;
}

/** Conditions of a catalogue's query with their values bound: ` AND … IN (…)` for each filter that is given. */
export function tableConditions(
  dialect: Dialect,
  filter: TableFilter,
  columns: { schema: string; table: string },
): { where: string; values: ParameterValue[]; limit: number } {
  const values: ParameterValue[] = [];
  const among = (column: string, names: string[] | undefined): string => {
    if (!names) return '';
    const marks = names.map((name) => placeholderOf(dialect, values.push(name), name));
    return ` AND ${column} IN (${marks.join(', ')})`;
  };
  const where = among(columns.schema, filter.schemas) + among(columns.table, filter.tables);
  return { where, values, limit: Math.max(0, Math.trunc(filter.limit)) };
}
