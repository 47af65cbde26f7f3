import type { Cell, Column } from '../warehouse/engine.ts';

/** CSV as RFC 4180 has it: a header, CRLF, quotes where a cell needs them. No value is an empty cell, an empty text is `""`. */

const NEEDS_QUOTES = /[",\r\n]/;
/** What a spreadsheet takes for a formula. See https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const NUMERIC: ReadonlySet<string> = new Set(['INTEGER', 'BIGINT', 'DECIMAL', 'FLOAT']);

function quoted(text: string): string {
  return text === '' || NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A text with `'` before it where a spreadsheet would run it. */
function harmless(text: string, isNumeric: boolean): string {
  return FORMULA.test(text) && !(isNumeric && NUMBER.test(text)) ? `'${text}` : text;
}

function cellText(cell: Cell, isNumeric: boolean, isSafe: boolean): string {
  if (cell === null) return '';
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  const text = typeof cell === 'string' ? cell : JSON.stringify(cell);
  return quoted(isSafe ? harmless(text, isNumeric) : text);
}

/** The line of names. `isSafe` keeps spreadsheets from taking cells for formulas. */
export function csvHeader(columns: readonly Column[], isSafe: boolean): string {
  return `${columns.map(({ name }) => quoted(isSafe ? harmless(name, false) : name)).join(',')}\r\n`;
}

/** Lines of the first rows of a chunk, given column by column. */
export function csvRows(columns: readonly Column[], values: Cell[][], rowCount: number, isSafe: boolean): string {
  const isNumeric = columns.map(({ type }) => NUMERIC.has(type));
  // A line that is empty would be no row: of a single column, no value is written as an empty text.
  const isAlone = columns.length === 1;
  let out = '';
  for (let r = 0; r < rowCount; r++) {
    for (let c = 0; c < columns.length; c++) {
      if (c > 0) out += ',';
      const text = cellText(values[c]?.[r] ?? null, isNumeric[c] ?? false, isSafe);
      out += isAlone && text === '' ? '""' : text;
    }
    out += '\r\n';
  }
  return out;
}
