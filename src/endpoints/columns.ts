import type { ColumnType } from '../warehouse/engine.ts';

/** What an aggregation does, by its name. */
export const aggregations = {
  SUM: 'Their sum.',
  AVG: 'Their mean.',
  MIN: 'The smallest.',
  MAX: 'The largest.',
  COUNT: 'How many there are.',
  COUNT_DISTINCT: 'How many different ones there are.',
};
export type Aggregation = keyof typeof aggregations;

export const filterOps = [
  'eq',
  'ne',
  'gt',
  'gte',
  'lt',
  'lte',
  'in',
  'not_in',
  'between',
  'contains',
  'starts_with',
  'is_null',
  'not_null',
] as const;
export type FilterOp = (typeof filterOps)[number];

/** Whether an operator takes a list of values. */
export const isListOp = (op: FilterOp): boolean => op === 'in' || op === 'not_in' || op === 'between';

export type FilterValue = string | number | boolean;

/** A condition on a column: with a value of its own, with one that the caller gives as `param`, or with both: then its own is the default. */
export interface ColumnFilter {
  op: FilterOp;
  value?: FilterValue | undefined;
  values?: FilterValue[] | undefined;
  param?: string | undefined;
}

/** A column of the table behind an endpoint, and what becomes of it in the answer. */
export interface EndpointColumn {
  name: string;
  type: ColumnType;
  aggregation: Aggregation | null;
  filter: ColumnFilter | null;
  isHidden: boolean;
  alias: string | null;
  order: 'ASC' | 'DESC' | null;
}

export const MAX_COLUMNS = 200;

/** The columns of a stored endpoint schema, with nothing left out. */
export function endpointColumns(schema: unknown): EndpointColumn[] {
  const { columns } = (schema ?? {}) as { columns?: Partial<EndpointColumn>[] };
  return (columns ?? []).map((column) => ({
    name: column.name ?? '',
    type: column.type ?? 'STRING',
    aggregation: column.aggregation ?? null,
    filter: column.filter ?? null,
    isHidden: column.isHidden ?? false,
    alias: column.alias ?? null,
    order: column.order ?? null,
  }));
}

/** The name of a column in the answer. */
export const outputName = ({ name, alias }: Pick<EndpointColumn, 'name' | 'alias'>): string => alias ?? name;
