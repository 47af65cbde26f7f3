import { z } from 'zod';
import type { Endpoint } from '../generated/prisma/client.ts';
import {
  bool,
  changeable,
  clearable,
  defaulted,
  each,
  enumOf,
  expectedVersion,
  idOfType,
  inputObject,
  int,
  json,
  listOfInput,
  optional,
  text,
  type InputField,
} from '../graph/input.ts';
import { AccessMethod, EndpointStatus } from '../graph/product-enums.ts';
import { nullableOfProduct, productName, solidOfProduct } from '../graph/product-input.ts';
import type { ColumnType } from '../warehouse/engine.ts';
import { filterOps, MAX_COLUMNS, type Aggregation, type ColumnFilter, type EndpointColumn } from './columns.ts';
import { MAX_VALUES } from './values.ts';

const value = z.union([z.string().max(1000), z.number(), z.boolean()], 'Takes a text, a number or a boolean.');
const filter = z.strictObject({
  op: z.enum(filterOps, `Takes one of ${filterOps.join(', ')}.`),
  value: value.optional(),
  values: z.array(value).max(MAX_VALUES, `Takes at most ${MAX_VALUES}.`).optional(),
  param: z
    .string()
    .regex(/^[A-Za-z_]\w{0,62}$/, 'Takes letters, digits and _, at most 63.')
    .optional(),
});

const column = inputObject('EndpointColumnInput', 'A column of the table, and what becomes of it in the answer.', {
  name: text('Its name in the table.', 255),
  type: enumOf<ColumnType>('ResultColumnType', 'Its type.'),
  aggregation: optional(
    enumOf<Aggregation>(
      'EndpointAggregation',
      'How its values are put together; where any column has one, the others are grouped by.',
    ),
  ),
  filter: optional(
    json(
      `Which rows are kept: {op, value | values | param}. op is one of ${filterOps.join(', ')}; param names a value that the caller gives.`,
      filter,
    ),
  ),
  isHidden: defaulted(bool('Whether it only filters and is not part of the answer.'), false),
  alias: optional(text('Its name in the answer where that is another.', 255)),
  order: optional(
    enumOf<'ASC' | 'DESC'>(
      'SortDirection',
      'Sorts the rows by it, what is missing last; by the first column where none has an order.',
    ),
  ),
});
type ColumnInput = Omit<EndpointColumn, 'filter'> & { filter: unknown };

/** Columns as they are given, as they are stored. */
export const storedColumns = (columns: ColumnInput[]): EndpointColumn[] =>
  columns.map((one) => ({ ...one, filter: one.filter as ColumnFilter | null }));

/** May be empty. */
const nullable = {
  ...nullableOfProduct,
  customerName: text('The customer it is made for.', 200),
  maxRecordsPerExport: int('Rows of an export at most.', 1, 100_000_000),
};

/** Never empty; the database has a value where none is given. */
const solid = {
  ...solidOfProduct,
  status: enumOf<Endpoint['status']>(EndpointStatus, 'Whether it runs.'),
  accessMethod: enumOf<Endpoint['accessMethod']>(AccessMethod, 'How callers of other companies show that they may.'),
  accessWhitelist: listOfInput(
    text('An entry.', 254),
    'Addresses or networks for IP, e-mail addresses for EMAIL, domains for DOMAIN.',
    1000,
  ),
  maxRecordsPerRequest: int('Rows of a page at most.', 1, 10_000),
  isExportEnabled: bool('Whether all rows may be exported at once.'),
};

const columns = listOfInput(column.as('A column.') as InputField<ColumnInput>, 'What it answers and how.', MAX_COLUMNS);
const connectionId = idOfType('Connection', 'The connection its rows come from.');

export const createFields = {
  name: productName,
  connectionId,
  columns: defaulted(columns, []),
  ...each<typeof nullable, null>(nullable, optional),
  ...each<typeof solid, null>(solid, optional),
};

export const updateFields = {
  id: idOfType('Endpoint', 'The endpoint.'),
  expectedVersion,
  name: changeable(productName),
  connectionId: changeable(connectionId),
  columns: changeable(columns),
  ...each<typeof nullable, null | undefined>(nullable, clearable),
  ...each<typeof solid, undefined>(solid, changeable),
};
