import { MAX_NAME_LENGTH } from '../connections/quote.ts';
import { DomainError } from '../errors.ts';
import { isPlainText } from '../text/plain-text.ts';
import type { ColumnType } from '../warehouse/engine.ts';
import { isListOp, outputName, type ColumnFilter, type EndpointColumn } from './columns.ts';
import { filterType, mistakeIn } from './values.ts';

const numeric: readonly ColumnType[] = ['INTEGER', 'BIGINT', 'DECIMAL', 'FLOAT'];
const unordered: readonly ColumnType[] = ['BOOLEAN', 'BINARY', 'JSON'];

function filterMistakes(column: EndpointColumn, filter: ColumnFilter): string[] {
  const { op, value, values, param } = filter;
  if (op === 'is_null' || op === 'not_null')
    return value === undefined && values === undefined && param === undefined ? [] : [`${op} takes no value.`];
  const type = filterType(column);
  const isTextOp = op === 'contains' || op === 'starts_with';
  if (isTextOp && type !== 'STRING') return [`${op} needs a column of the type STRING.`];
  const own = isListOp(op) ? values : value;
  if ((isListOp(op) ? value : values) !== undefined)
    return [`${op} takes ${isListOp(op) ? 'values, not value' : 'value, not values'}.`];
  if (own === undefined && param === undefined) return [`${op} needs ${isListOp(op) ? 'values' : 'value'} or param.`];
  if (type === 'BINARY' || type === 'JSON') return [`A column of the type ${type} takes is_null and not_null alone.`];
  const wrong = own === undefined ? null : mistakeIn(op, type, own);
  return wrong ? [`${op} ${wrong}.`] : [];
}

function columnMistakes(column: EndpointColumn): [part: string, message: string][] {
  const { name, type, aggregation, filter, isHidden, alias, order } = column;
  const found: [string, string][] = [];
  for (const [part, text] of [
    ['name', name],
    ['alias', alias],
  ] as const) {
    if (text !== null && (text === '' || text.length > MAX_NAME_LENGTH || !isPlainText(text)))
      found.push([part, `Takes 1 to ${MAX_NAME_LENGTH} characters.`]);
  }
  if ((aggregation === 'SUM' || aggregation === 'AVG') && !numeric.includes(type))
    found.push(['aggregation', `${aggregation} needs a column of numbers.`]);
  if ((aggregation === 'MIN' || aggregation === 'MAX') && unordered.includes(type))
    found.push(['aggregation', `${aggregation} does not go with the type ${type}.`]);
  if (aggregation === 'COUNT_DISTINCT' && type === 'JSON')
    found.push(['aggregation', 'COUNT_DISTINCT does not go with the type JSON.']);
  if (isHidden && !filter)
    found.push(['isHidden', 'A hidden column is there for its filter: give it one, or leave it out.']);
  if (isHidden && (alias !== null || order !== null))
    found.push([alias === null ? 'order' : 'alias', 'A hidden column is not part of the answer.']);
  if (filter) found.push(...filterMistakes(column, filter).map((message): [string, string] => ['filter', message]));
  return found;
}

/** All that is wrong with the columns of an endpoint, with paths under `path`. */
export function columnsMistakes(columns: EndpointColumn[], path: string[] = ['input', 'columns']): DomainError[] {
  const invalid = (message: string, ...at: string[]): DomainError =>
    new DomainError('VALIDATION', message, { path: [...path, ...at] });
  const errors = columns.flatMap((column, i) =>
    columnMistakes(column).map(([part, message]) => invalid(message, String(i), part)),
  );
  if (!columns.some(({ isHidden }) => !isHidden)) errors.push(invalid('At least one column must be visible.'));
  const names = new Map<string, number>();
  const parameters = new Map<string, string>();
  for (const [i, column] of columns.entries()) {
    const name = outputName(column).toLowerCase();
    // Engines fold names differently: what differs by case alone would be one column in some.
    if (!column.isHidden && names.has(name))
      errors.push(
        invalid(`Another column of the answer is called ${outputName(column)}: give one an alias.`, String(i), 'alias'),
      );
    if (!column.isHidden) names.set(name, i);
    const { filter } = column;
    if (!filter?.param) continue;
    const shape = `${filterType(column)} ${isListOp(filter.op) ? filter.op : ''}`;
    if ((parameters.get(filter.param) ?? shape) !== shape)
      errors.push(invalid(`The parameter ${filter.param} has another type elsewhere.`, String(i), 'filter'));
    parameters.set(filter.param, shape);
  }
  const hasAggregation = columns.some(({ aggregation }) => aggregation !== null);
  for (const [i, { type, isHidden, aggregation }] of columns.entries()) {
    if (hasAggregation && !isHidden && aggregation === null && type === 'JSON')
      errors.push(invalid('Rows cannot be grouped by a column of the type JSON.', String(i), 'type'));
  }
  return errors;
}
