/** What an endpoint means, in a few lines that share nothing with the compiler, and endpoints made at random. */
import { columnsMistakes } from '../src/endpoints/column-rules.ts';
import {
  aggregations,
  isListOp,
  outputName,
  type Aggregation,
  type ColumnFilter,
  type EndpointColumn,
  type FilterOp,
  type FilterValue,
} from '../src/endpoints/columns.ts';
import type { PageQuery } from '../src/endpoints/compile.ts';
import { conditionsOf, filterType } from '../src/endpoints/values.ts';
import type { Cell, ColumnType } from '../src/warehouse/engine.ts';

export type Value = string | number | boolean | null;
export type Row = Record<string, Value>;

/** The table of the reference, and the types of its columns. */
export const TABLE = 'sa"les; drop table x; --';
export const TYPES: Record<string, ColumnType> = {
  id: 'INTEGER',
  'na"me': 'STRING',
  t: 'STRING',
  amount: 'DECIMAL',
  'qty.x': 'BIGINT',
  'ra`t\\i]o': 'FLOAT',
  day: 'DATE',
  at: 'TIMESTAMP',
  ok: 'BOOLEAN',
  select: 'INTEGER',
};
export const NAMES = Object.keys(TYPES);
export const texts = ["a'); drop table x;--", '%', '_', '\\', 'ab', 'AB', 'abc', 'b', 'ünï', '$1 ?', '"', ':p'];
const domain: Record<ColumnType, (n: number) => Value> = {
  INTEGER: (n) => n % 17,
  BIGINT: (n) => (n % 5) * 10_000_000_000,
  DECIMAL: (n) => ((n % 23) * 125) / 100,
  FLOAT: (n) => ((n % 13) - 6) * 0.25,
  STRING: (n) => texts[n % texts.length] ?? '',
  DATE: (n) => `2024-0${1 + (n % 9)}-1${n % 7}`,
  TIMESTAMP: (n) => `2024-0${1 + (n % 3)}-11T0${n % 10}:30:00`,
  BOOLEAN: (n) => n % 2 === 0,
  TIME: () => null,
  BINARY: () => null,
  JSON: () => null,
};

/** A random number generator that a seed makes anew (mulberry32). */
function random(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let r = Math.imul(a ^ (a >>> 15), 1 | a);
    r = (r + Math.imul(r ^ (r >>> 7), 61 | r)) ^ r;
    return ((r ^ (r >>> 14)) >>> 0) % below;
  };
}

export const rows: Row[] = [];
{
  const next = random(1);
  for (let id = 0; id < 200; id++) {
    rows.push(
      Object.fromEntries(
        NAMES.map((name) => [
          name,
          name === 'id' ? id : next(8) === 0 ? null : domain[TYPES[name] as ColumnType](next(1000)),
        ]),
      ),
    );
  }
}

export const column = (more: Partial<EndpointColumn> & { name: string }): EndpointColumn => ({
  type: TYPES[more.name] ?? 'STRING',
  aggregation: null,
  filter: null,
  isHidden: false,
  alias: null,
  order: null,
  ...more,
});
export const query = (columns: EndpointColumn[], more: Partial<PageQuery> = {}): PageQuery => ({
  schemaName: null,
  tableName: TABLE,
  columns,
  conditions: more.conditions ?? conditionsOf(columns, {}),
  limit: 100,
  offset: 0,
  ...more,
});

/* The reference: what an endpoint means, in a few lines that share nothing with the compiler. */

const compare = (a: Value, b: Value): number => (a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -1 : 1);

function holds(value: Value, { op, value: one, values = [] }: ColumnFilter): boolean {
  if (op === 'is_null') return value === null;
  if (value === null) return false;
  if (op === 'not_null') return true;
  const to = (other: FilterValue | undefined): number => compare(value, other ?? null);
  switch (op) {
    case 'eq':
      return to(one) === 0;
    case 'ne':
      return to(one) !== 0;
    case 'gt':
      return to(one) > 0;
    case 'gte':
      return to(one) >= 0;
    case 'lt':
      return to(one) < 0;
    case 'lte':
      return to(one) <= 0;
    case 'in':
      return values.some((other) => to(other) === 0);
    case 'not_in':
      return !values.some((other) => to(other) === 0);
    case 'between':
      return to(values[0]) >= 0 && to(values[1]) <= 0;
    case 'contains':
      return String(value).includes(String(one));
    case 'starts_with':
      return String(value).startsWith(String(one));
  }
}

function aggregate(kind: Aggregation, all: Value[]): Value {
  const values = all.filter((value) => value !== null);
  const sum = (values as number[]).reduce((total, value) => total + value, 0);
  const sorted = values.toSorted(compare);
  switch (kind) {
    case 'COUNT':
      return values.length;
    case 'COUNT_DISTINCT':
      return new Set(values).size;
    case 'SUM':
      return values.length > 0 ? sum : null;
    case 'AVG':
      return values.length > 0 ? sum / values.length : null;
    case 'MIN':
      return sorted[0] ?? null;
    case 'MAX':
      return sorted.at(-1) ?? null;
  }
}

export function reference(columns: EndpointColumn[], limit: number, offset: number): Value[][] {
  const kept = rows.filter((row) =>
    columns.every(({ name, aggregation, filter }) => aggregation || !filter || holds(row[name] ?? null, filter)),
  );
  const visible = columns.filter(({ isHidden }) => !isHidden);
  let groups = kept.map((row) => [row]);
  if (columns.some(({ aggregation }) => aggregation)) {
    const keys = visible.filter(({ aggregation }) => !aggregation);
    const byKey = Map.groupBy(kept, (row) => JSON.stringify(keys.map(({ name }) => row[name])));
    groups = keys.length > 0 ? [...byKey.values()] : [kept];
  }
  const cell = (group: Row[], { name, aggregation }: EndpointColumn): Value =>
    aggregation
      ? aggregate(
          aggregation,
          group.map((row) => row[name] ?? null),
        )
      : (group[0]?.[name] ?? null);
  const answers = groups
    .filter((group) => columns.every((one) => !one.aggregation || !one.filter || holds(cell(group, one), one.filter)))
    .map((group) => visible.map((one) => cell(group, one)));
  const order = [...visible.keys()].toSorted(
    (a, b) => Number(!visible[a]?.order) - Number(!visible[b]?.order) || a - b,
  );
  return answers
    .toSorted((a, b) => {
      for (const i of order) {
        const [x = null, y = null] = [a[i], b[i]];
        // What is missing comes last, both ways.
        const found = x === null || y === null || visible[i]?.order !== 'DESC' ? compare(x, y) : -compare(x, y);
        if (found !== 0) return found;
      }
      return 0;
    })
    .slice(offset, offset + limit + 1);
}

/** Cells as they are compared: numbers as numbers, truth as truth, however an engine writes them. */
export function plain(cell: Cell | Value, one: EndpointColumn): unknown {
  if (cell === null) return null;
  const type = one.aggregation === 'MIN' || one.aggregation === 'MAX' ? one.type : filterType(one);
  if (['INTEGER', 'BIGINT', 'DECIMAL', 'FLOAT'].includes(type)) return Math.round(Number(cell) * 1e6) / 1e6;
  if (type === 'BOOLEAN') return cell === true || cell === 1 || cell === 't';
  return type === 'TIMESTAMP' && typeof cell === 'string' ? cell.replace(' ', 'T') : cell;
}

function randomFilter(next: (below: number) => number, one: EndpointColumn): ColumnFilter {
  const type = filterType(one);
  const ops: FilterOp[] = [
    'eq',
    'ne',
    'gt',
    'gte',
    'lt',
    'lte',
    'in',
    'not_in',
    'between',
    'is_null',
    'not_null',
    ...(type === 'STRING' ? (['contains', 'starts_with'] as const) : []),
  ];
  const op = ops[next(ops.length)] ?? 'eq';
  const isCounted = one.aggregation !== null && one.aggregation !== 'MIN' && one.aggregation !== 'MAX';
  const value = (): FilterValue => (isCounted ? next(40) : (domain[type](next(1000)) as FilterValue));
  if (op === 'is_null' || op === 'not_null') return { op };
  if (op === 'between') return { op, values: [value(), value()].toSorted(compare) as FilterValue[] };
  return isListOp(op) ? { op, values: [value(), value(), value()] } : { op, value: value() };
}

/** Columns of an endpoint that a seed makes. */
export function randomColumns(seed: number): EndpointColumn[] {
  const next = random(seed);
  const isAggregated = next(2) === 0;
  const columns: EndpointColumn[] = [];
  const visible = 1 + next(4);
  while (columns.length < visible + next(3)) {
    const name = NAMES[next(NAMES.length)] ?? 'id';
    const one = column({
      name,
      isHidden: columns.length >= visible,
      alias:
        next(3) === 0 || columns.some((other) => outputName(other) === name) ? `c${columns.length} "${name}` : null,
    });
    if (one.isHidden) one.alias = null;
    if (isAggregated && next(2) === 0) one.aggregation = Object.keys(aggregations)[next(6)] as Aggregation;
    if (columnsMistakes([{ ...one, isHidden: false }]).length > 0) one.aggregation = null;
    if (one.isHidden || next(4) === 0) one.filter = randomFilter(next, one);
    if (!one.isHidden && next(3) === 0) one.order = next(2) === 0 ? 'ASC' : 'DESC';
    columns.push(one);
  }
  return columns;
}
