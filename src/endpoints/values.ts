import { DomainError, throwAll } from '../errors.ts';
import { isPlainText } from '../text/plain-text.ts';
import type { ColumnType, ParameterValue } from '../warehouse/engine.ts';
import { isListOp, type ColumnFilter, type EndpointColumn, type FilterOp } from './columns.ts';

/** A condition with its values, ready to be bound: two for `between`, one or more for `in`, else one or none. */
export interface Condition {
  op: FilterOp;
  values: ParameterValue[];
}

/** A value that the caller of an endpoint gives for a filter. */
export interface EndpointParameter {
  name: string;
  type: ColumnType;
  /** Whether it takes a list: two values for `between`, up to 1000 for `in` and `not_in`. */
  isList: boolean;
  isRequired: boolean;
}

export const MAX_VALUES = 1000;
const MAX_TEXT = 1000;
const DECIMAL = /^-?\d{1,26}(\.\d{1,12})?$/;
const TIME = /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?$/;
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)(?:Z|[+-]\d{2}:\d{2})?)?$/;

const expectations: Partial<Record<ColumnType, string>> = {
  BOOLEAN: 'true or false',
  INTEGER: 'a whole number',
  BIGINT: 'a whole number, as a string where it is wide',
  DECIMAL: 'a decimal number',
  FLOAT: 'a number',
  STRING: `text of 1 to ${MAX_TEXT} characters`,
  DATE: 'a day as YYYY-MM-DD',
  TIME: 'a time as HH:MM:SS',
  TIMESTAMP: 'a day, or an instant of ISO 8601',
};

const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true;

function isTimestamp(text: string): boolean {
  const [, day = '', time = '00:00:00'] = TIMESTAMP.exec(text) ?? [];
  return isDay(day) && TIME.test(time);
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_TEXT && isPlainText(value);

const fits: Partial<Record<ColumnType, (value: unknown) => boolean>> = {
  BOOLEAN: (value) => typeof value === 'boolean',
  INTEGER: (value) => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31,
  BIGINT: (value) => Number.isSafeInteger(value) || (typeof value === 'string' && /^-?\d{1,18}$/.test(value)),
  DECIMAL: (value) =>
    (typeof value === 'number' && Math.abs(value) < 1e26) || (typeof value === 'string' && DECIMAL.test(value)),
  FLOAT: (value) => typeof value === 'number' && Number.isFinite(value),
  STRING: (value) => isText(value) && value !== '',
  DATE: (value) => isText(value) && isDay(value),
  TIME: (value) => isText(value) && TIME.test(value),
  TIMESTAMP: (value) => isText(value) && isTimestamp(value),
};

/** The type that values of a column's filter have: that of what the filter looks at. */
export function filterType({ type, aggregation }: Pick<EndpointColumn, 'type' | 'aggregation'>): ColumnType {
  if (aggregation === 'COUNT' || aggregation === 'COUNT_DISTINCT') return 'BIGINT';
  if (aggregation === 'AVG') return 'FLOAT';
  return aggregation === 'SUM' && type !== 'FLOAT' ? 'DECIMAL' : type;
}

/** What is wrong with a filter's value or list of values, in words; null where nothing is. */
export function mistakeIn(op: FilterOp, type: ColumnType, given: unknown): string | null {
  const one = expectations[type];
  const fit = fits[type];
  if (!one || !fit) return 'takes no value';
  if (!isListOp(op)) return fit(given) ? null : `takes ${one}`;
  const [min, max] = op === 'between' ? [2, 2] : [1, MAX_VALUES];
  if (!Array.isArray(given) || given.length < min || given.length > max || !given.every(fit)) {
    return `takes a list of ${op === 'between' ? '2 values, the smaller first' : `1 to ${MAX_VALUES} values`}, each ${one}`;
  }
  return null;
}

const ownValue = (filter: ColumnFilter): unknown => (isListOp(filter.op) ? filter.values : filter.value);

/** A number in all its digits, as texts of decimals are written. */
function decimalText(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(12);
}

/** An instant in UTC: what came without a zone is taken for that. */
function instantText(value: string, form: 'zoned' | 'plain'): string {
  const [, day = '', clock = '00:00:00'] = TIMESTAMP.exec(value) ?? [];
  const [seconds = '', fraction] = clock.split('.');
  const offset = /[+-]\d{2}:\d{2}$/.exec(value.slice(10))?.[0] ?? 'Z';
  const utc = new Date(`${day}T${seconds}${offset}`).toISOString().slice(0, 19);
  const text = fraction === undefined ? utc : `${utc}.${fraction}`;
  return form === 'zoned' ? `${text}+00:00` : text.replace('T', ' ');
}

/** A value as it is bound: decimals in all their digits, instants as the engine reads them. */
export function boundValue(
  value: ParameterValue,
  type: ColumnType,
  instant: 'zoned' | 'plain' | 'given',
): ParameterValue {
  if (type === 'DECIMAL' && typeof value === 'number') return decimalText(value);
  return type === 'TIMESTAMP' && typeof value === 'string' && instant !== 'given' ? instantText(value, instant) : value;
}

/** The parameters that the filters of an endpoint take, each once, in the order of the columns. */
export function parametersOf(columns: EndpointColumn[]): EndpointParameter[] {
  const found = new Map<string, EndpointParameter>();
  for (const column of columns) {
    const { filter } = column;
    if (!filter?.param) continue;
    const known = found.get(filter.param);
    const isRequired = ownValue(filter) === undefined;
    if (known) known.isRequired ||= isRequired;
    else
      found.set(filter.param, {
        name: filter.param,
        type: filterType(column),
        isList: isListOp(filter.op),
        isRequired,
      });
  }
  return [...found.values()];
}

/**
 * The condition of each column's filter with the caller's values; null for a column without a filter.
 * @throws DomainError VALIDATION for each unknown, missing or wrong parameter, all at once, with its path.
 */
export function conditionsOf(
  columns: EndpointColumn[],
  given: Record<string, unknown>,
  path: string[] = ['input', 'parameters'],
): (Condition | null)[] {
  const errors = new Map<string, DomainError>();
  const mistake = (name: string, message: string): void =>
    void errors.set(name, new DomainError('VALIDATION', message, { path: [...path, name] }));
  const names = parametersOf(columns).map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (!names.includes(name))
      mistake(
        name,
        names.length > 0
          ? `There is no parameter ${name}; there are ${names.join(', ')}.`
          : 'This endpoint takes no parameters.',
      );
  }
  const conditions = columns.map((column): Condition | null => {
    const { filter } = column;
    if (!filter) return null;
    if (filter.op === 'is_null' || filter.op === 'not_null') return { op: filter.op, values: [] };
    const fromCaller = filter.param !== undefined && Object.hasOwn(given, filter.param) ? given[filter.param] : null;
    const value = fromCaller ?? ownValue(filter);
    const wrong =
      value === undefined
        ? `is required: it ${mistakeIn(filter.op, filterType(column), undefined)}`
        : mistakeIn(filter.op, filterType(column), value);
    if (wrong) mistake(filter.param ?? column.name, `${filter.param ?? column.name} ${wrong}.`);
    return { op: filter.op, values: (Array.isArray(value) ? value : [value]) as ParameterValue[] };
  });
  throwAll([...errors.values()]);
  return conditions;
}
