import { z } from 'zod';
import type { Endpoint } from '../generated/prisma/client.ts';
import {
  bool,
  changeable,
  clearable,
  dateTime,
  defaulted,
  enumOf,
  idOfType,
  inputObject,
  int,
  intIdOfType,
  json,
  listOfInput,
  optional,
  text,
  type InputField,
  type InputFields,
} from '../input.ts';
import { AccessMethod, EndpointStatus, GeographicCoverage, RefreshFrequency, Visibility } from '../product-enums.ts';
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

interface RateLimitInput {
  number: number;
  period: NonNullable<Endpoint['rateLimitPeriod']>;
  granularity: NonNullable<Endpoint['rateLimitGranularity']>;
}
const rateLimit: InputField<RateLimitInput> = {
  type: 'RateLimitInput',
  isRequired: true,
  description: 'How often it may be asked; none unless said.',
  rule: z.object({
    number: z.int().min(1, 'Takes 1 to 1000000.').max(1_000_000, 'Takes 1 to 1000000.'),
    period: z.string(),
    granularity: z.string(),
  }) as unknown as z.ZodType<RateLimitInput>,
};

/** May be empty. */
const nullable = {
  description: text('What it offers, in a sentence or two.', 2000),
  detailedDescription: text('What it offers, at length, in HTML; it is sanitised.', 100_000),
  industryId: intIdOfType('Industry', 'The industry it is for.'),
  useCaseId: intIdOfType('AssetUseCase', 'What it is good for.'),
  sourceSchemaName: text('The schema of the table behind it.', 255),
  sourceTableName: text('The table behind it.', 255),
  customerName: text('The customer it is made for.', 200),
  dataTimePeriodStart: dateTime('Where the records begin.'),
  dataTimePeriodEnd: dateTime('Where the records end.'),
  dateCollectionStart: dateTime('When collecting began.'),
  geographicCoverageDetails: text('Where, in words.', 2000),
  maxRecordsPerExport: int('Rows of an export at most.', 1, 100_000_000),
  rateLimit,
};

/** Never empty; the database has a value where none is given. */
const solid = {
  status: enumOf<Endpoint['status']>(EndpointStatus, 'Whether it runs.'),
  accessMethod: enumOf<Endpoint['accessMethod']>(AccessMethod, 'How callers of other companies show that they may.'),
  accessWhitelist: listOfInput(
    text('An entry.', 254),
    'Addresses or networks for IP, e-mail addresses for EMAIL, domains for DOMAIN.',
    1000,
  ),
  visibility: enumOf<Endpoint['visibility']>(Visibility, 'Who sees it beside the marketplace.'),
  tags: listOfInput(text('A tag.', 50), 'Words to find it by.', 30),
  topQuestions: listOfInput(text('A question that the endpoint answers.', 200, 15), 'Questions that it answers.', 3),
  geographicCoverageType: enumOf<Endpoint['geographicCoverageType']>(
    GeographicCoverage,
    'How much of the world the records cover.',
  ),
  dataSourceRefreshFrequency: enumOf<Endpoint['dataSourceRefreshFrequency']>(
    RefreshFrequency,
    'How often the source is brought up to date.',
  ),
  maxRecordsPerRequest: int('Rows of a page at most.', 1, 10_000),
  isExportEnabled: bool('Whether all rows may be exported at once.'),
};

const columns = listOfInput(column.as('A column.') as InputField<ColumnInput>, 'What it answers and how.', MAX_COLUMNS);
const connectionId = idOfType('Connection', 'The connection its rows come from.');
const name = text('What it is called; unique in the company.', 200, 2);

type Wrapped<F extends InputFields, Empty> = {
  [K in keyof F]: F[K] extends InputField<infer T> ? InputField<T | Empty> : never;
};
const all = <F extends InputFields, Empty>(
  fields: F,
  wrap: (field: InputField<unknown>) => InputField<unknown>,
): Wrapped<F, Empty> =>
  Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, wrap(one)])) as unknown as Wrapped<F, Empty>;

export const createFields = {
  name,
  connectionId,
  columns: defaulted(columns, []),
  ...all<typeof nullable, null>(nullable, optional),
  ...all<typeof solid, null>(solid, optional),
};

export const updateFields = {
  id: idOfType('Endpoint', 'The endpoint.'),
  expectedVersion: changeable(int('The version that was read: refuses to overwrite a later one.', 1, 2_147_483_647)),
  name: changeable(name),
  connectionId: changeable(connectionId),
  columns: changeable(columns),
  ...all<typeof nullable, null | undefined>(nullable, clearable),
  ...all<typeof solid, undefined>(solid, changeable),
};
