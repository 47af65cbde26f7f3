/** What a spreadsheet would take as a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** A value as a log holds it. */
export type Cell = string | number | boolean | Date | null;

function cell(value: Cell): string {
  if (value === null) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Lines of CSV (RFC 4180), a line break after each. Text that a spreadsheet would run as a formula
 * gets an apostrophe before it.
 */
export function csvOf(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
