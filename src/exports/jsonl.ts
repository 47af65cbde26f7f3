import type { Cell, Column } from '../warehouse/engine.ts';

/** Lines of JSON, an object each with the names of the columns in their order; cells as the graph answers them. */
export function jsonlRows(columns: readonly Column[], values: Cell[][], rowCount: number): string {
  const keys = columns.map(({ name }, c) => `${c === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  let out = '';
  for (let r = 0; r < rowCount; r++) {
    for (let c = 0; c < keys.length; c++) out += `${keys[c]}${JSON.stringify(values[c]?.[r] ?? null)}`;
    out += '}\n';
  }
  return out;
}
