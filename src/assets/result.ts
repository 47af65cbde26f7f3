import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import type { Outcome, Table } from '../usage/outcome.ts';
import type { Cell } from '../warehouse/engine.ts';
import type { QueryResult } from '../warehouse/query.ts';
import { isSampled } from '../warehouse/sample.ts';
import { checkFigure } from './figure-check.ts';
import { drawChart, hydrate } from './figure.ts';

const invalid = (message: string): DomainError => new DomainError('VALIDATION', message, { path: ['result'] });
const NUMERIC = new Set(['INTEGER', 'BIGINT', 'DECIMAL', 'FLOAT']);

/** A number without exponent, as the Decimal scalar has it; exact. */
function decimalText(cell: Cell | undefined): string | null {
  const text = typeof cell === 'object' ? '' : String(cell);
  if (/^-?\d+(\.\d+)?$/.test(text)) return text;
  const [, sign = '', whole = '', fraction = '', exponent = ''] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (typeof cell !== 'number' || exponent === '') return null;
  const digits = whole + fraction;
  const point = 1 + Number(exponent);
  return point > 0 ? `${sign}${digits.padEnd(point, '0')}` : `${sign}0.${'0'.repeat(-point)}${digits}`;
}

/** The value of a CALCULATION: exactly one row, its single numeric column or the one named answer_value. */
function valueOf(result: QueryResult): string {
  if (result.rowCount !== 1)
    throw invalid(
      `A calculation gives exactly one row; this gave ${result.truncated ? 'more than ' : ''}${result.rowCount}.`,
    );
  const named = result.columns.findIndex(({ name }) => name.toLowerCase() === 'answer_value');
  const numeric = result.columns.flatMap(({ type }, i) => (NUMERIC.has(type) ? [i] : []));
  const index = named >= 0 ? named : numeric.length === 1 ? (numeric[0] ?? -1) : -1;
  if (index < 0)
    throw invalid(
      `A calculation has one numeric column, or one named answer_value; this has ${result.columns.map(({ name, type }) => `${name} (${type})`).join(', ')}.`,
    );
  const value = decimalText(result.values[index]?.[0]);
  if (value === null) throw invalid('The value of the calculation is not a number.');
  return value;
}

/** Cells as a chart draws them: exact numbers that come as text are numbers there. */
function drawable(type: string, cells: Cell[]): Cell[] {
  if (type !== 'DECIMAL' && type !== 'BIGINT') return cells;
  return cells.map((cell) => (typeof cell === 'string' ? Number(cell) : cell));
}

/** What an asset's result comes to by its type. @throws DomainError VALIDATION where the rows do not fit the type. */
export function shape(asset: Asset, result: QueryResult): Exclude<Outcome, { kind: 'RunFailure' }> {
  const table: Table = {
    columns: result.columns,
    values: result.values,
    rowCount: result.rowCount,
    isTruncated: result.truncated,
  };
  if (asset.assetType === 'CALCULATION')
    return { kind: 'CalculationResult', value: valueOf(result), isSample: isSampled(result.sampling), table };
  if (asset.assetType === 'DATA') return { kind: 'DataResult', table };
  const columns = new Map(result.columns.map(({ name, type }, i) => [name, drawable(type, result.values[i] ?? [])]));
  const figure = asset.vizSpec ? hydrate(asset.vizSpec, columns) : drawChart(asset, columns, asset.name);
  return { kind: 'VisualizationResult', figure: checkFigure(figure), table };
}
