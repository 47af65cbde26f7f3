import { z } from 'zod';
import { builder, typeNamed } from '../graph/builder.ts';
import { DomainError } from '../errors.ts';
import {
  defaulted,
  expectedVersion,
  idOfType,
  inputObject,
  int,
  json,
  optional,
  text,
  type InputField,
} from '../graph/input.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf } from '../graph/nodes.ts';
import type { Cell } from '../warehouse/engine.ts';
import type { EndpointLocator } from './access.ts';
import { fetchPage, testEndpoint, type EndpointPage } from './fetch.ts';
import { createFields, updateFields } from './input.ts';
import { publishEndpoint, unpublishEndpoint } from './publish.ts';
import { createEndpoint, deleteEndpoint, updateEndpoint } from './service.ts';

const rowsOf = (page: EndpointPage): Cell[][] =>
  Array.from({ length: page.rowCount }, (_, r) => page.values.map((column) => column[r] ?? null));

const Page = builder.objectRef<EndpointPage>('EndpointPage').implement({
  description: 'Rows of an endpoint. Ask for one of `rows`, `records` and `values`: they are the same cells.',
  fields: (t) => ({
    columns: t.field({
      type: ['ResultColumn' as never],
      description: 'Its columns in order, at most 2000.',
      resolve: (page) => page.columns as never,
    }),
    rows: t.field({ type: 'JSON', description: 'The cells row by row: a list of lists.', resolve: rowsOf }),
    records: t.field({
      type: 'JSON',
      description: 'The rows as objects by the names of the columns: larger.',
      resolve: (page) =>
        rowsOf(page).map((row) => Object.fromEntries(page.columns.map(({ name }, c) => [name, row[c] ?? null]))),
    }),
    values: t.field({
      type: 'JSON',
      description: 'The cells column by column: a list of lists, the smallest.',
      resolve: (page) => page.values,
    }),
    rowCount: t.exposeInt('rowCount', { description: 'How many rows.' }),
    start: t.exposeInt('start', { description: 'How many rows come before it.' }),
    limitApplied: t.exposeInt('limitApplied', {
      description: 'How many rows it might have had: the limit asked for, or the largest that the endpoint allows.',
    }),
    hasMore: t.exposeBoolean('hasMore', { description: 'Whether there are rows after it.' }),
    isBilled: t.boolean({ description: 'Whether it was charged.', resolve: (page) => page.run.isBilled }),
    credits: t.int({ description: 'Credits that it cost.', resolve: (page) => page.run.credits }),
    warnings: t.stringList({
      description: 'Such as that the endpoint is deprecated; at most 5.',
      resolve: (page) => page.warnings,
    }),
    run: t.field({
      type: typeNamed('Run'),
      description: 'The run that fetched it; the receipt.',
      resolve: (page) => page.run as never,
    }),
  }),
});

const endpoint = { endpoint: { type: typeNamed('Endpoint'), description: 'The endpoint as it is now.' } };
const fetched = {
  page: { type: Page, description: 'The page. Null where the run failed.' },
  run: { type: typeNamed('Run'), description: 'The run; where it failed, its outcome says why.' },
};
const id = idOfType('Endpoint', 'The endpoint.');
const parameters = optional(
  json('Values of the parameters by name.', z.record(z.string(), z.unknown(), 'Takes an object.')) as InputField<
    Record<string, unknown>
  >,
);

mutation('endpointCreate', {
  description: 'Makes an endpoint. Its slug comes from the name and stays.',
  access: 'endpoints:write',
  input: createFields,
  payload: endpoint,
  run: async (ctx, input) => ({ endpoint: await createEndpoint(ctx, input) }),
});

mutation('endpointUpdate', {
  description: 'Changes an endpoint. Another definition needs another successful test before it can be listed anew.',
  access: 'endpoints:write',
  input: updateFields,
  payload: endpoint,
  run: async (ctx, input) => ({ endpoint: await updateEndpoint(ctx, input) }),
});

mutation('endpointDelete', {
  description: 'Deletes an endpoint and takes it off the marketplace. Its runs and prices stay in the books.',
  access: 'endpoints:write',
  input: { id, expectedVersion },
  payload: { deletedId: { type: 'ID', description: 'The id that is gone.' } },
  run: async (ctx, input) => {
    await deleteEndpoint(ctx, input);
    return { deletedId: idOf('Endpoint')(input) };
  },
});

mutation('endpointPublish', {
  description: 'Lists an endpoint in the marketplace, at once. NOT_LISTABLE names all that is missing.',
  access: 'endpoints:write',
  input: { id },
  payload: endpoint,
  run: async (ctx, input) => ({ endpoint: await publishEndpoint(ctx, input.id) }),
});

mutation('endpointUnpublish', {
  description: 'Takes an endpoint off the marketplace; it stays with its company.',
  access: 'endpoints:write',
  input: { id },
  payload: endpoint,
  run: async (ctx, input) => ({ endpoint: await unpublishEndpoint(ctx, input.id) }),
});

const address = inputObject('EndpointAddress', 'An endpoint by names, as its address has them.', {
  companyHandle: text('The handle of its company.', 63),
  slug: text('Its slug.', 80),
});

/** @throws DomainError VALIDATION where not exactly one way is given */
function locatorOf(
  endpointId: string | null,
  byAddress: { companyHandle: string; slug: string } | null,
): EndpointLocator {
  if ((endpointId === null) === (byAddress === null))
    throw new DomainError('VALIDATION', 'Give endpointId or address, one of them.', { path: ['input', 'endpointId'] });
  return byAddress ?? { id: endpointId ?? '' };
}

mutation('endpointFetch', {
  description:
    'Fetches a page of an endpoint and charges its credits once where the page has at least one row, never for a failure. Own endpoints are free. Needs products:run, or an endpoint key of this endpoint. Give the id or the address.',
  access: 'signed-in',
  cost: 50,
  isIdempotent: true,
  isLong: true,
  input: {
    endpointId: optional(idOfType('EndpointListing', 'The endpoint, own or listed.')),
    address: optional(address.as('The endpoint by its address, in place of the id.')),
    start: defaulted(int('How many rows to leave out.', 0, 2_147_483_647), 0),
    limit: defaulted(int('How many rows at most; the endpoint may allow fewer.', 1, 2_147_483_647), 100),
    parameters,
    maxCredits: optional(int('Refuses a page that costs more.', 0, 1_000_000)),
  },
  payload: fetched,
  run: async (ctx, input) => {
    const { start, limit, maxCredits } = input;
    return {
      ...(await fetchPage(ctx, {
        endpoint: locatorOf(input.endpointId, input.address),
        start,
        limit,
        parameters: input.parameters ?? {},
        maxCredits,
      })),
    };
  },
});

mutation('endpointTest', {
  description:
    'Fetches the first rows of an own endpoint for free, in at most 10 seconds. A listing needs one that succeeded within 30 days.',
  access: 'products:run',
  cost: 50,
  isIdempotent: true,
  isLong: true,
  input: { id, limit: defaulted(int('How many rows at most.', 1, 1000), 10), parameters },
  payload: fetched,
  run: async (ctx, { id: key, limit, parameters: values }) => ({
    ...(await testEndpoint(ctx, { id: key, limit, parameters: values ?? {} })),
  }),
});
