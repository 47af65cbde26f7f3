import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { enumFilter, idFilter, scalarFilter } from '../lists/filters.ts';
import { uuidOf } from '../ids.ts';
import { listOf, substring } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { CredentialType } from '../graph/product-enums.ts';
import { EVERYBODY, OWN, OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import type { TableInfo } from '../warehouse/engine.ts';
import type { Health } from '../warehouse/resilience.ts';
import { liveTables, sampleData, type Sample } from './inspect.ts';
import './credential-schema.ts';
import './mutations.ts';
import { targetKey } from './open.ts';

const connectionById = rowBy<ModelRow<'Connection'>>('Connection', { where: OWN });
const engineById = rowBy<ModelRow<'StorageEngine'>>('StorageEngine', { type: 'int', where: EVERYBODY });
/** Also users that were deleted: they stay the owners of what they made. */
const anyUserById = rowBy<ModelRow<'User'>>('User', { where: OWN_ANY });

const HealthState = builder.enumType('ConnectionHealthState', {
  description: 'Whether queries of a connection go through.',
  values: {
    CLOSED: { description: 'They do.' },
    OPEN: { description: 'They do not: the engine could not be reached several times and is left alone for a while.' },
    HALF_OPEN: { description: 'The next one tries whether the engine is back.' },
  } as const,
});
const ConnectionHealth = builder.objectRef<Health>('ConnectionHealth').implement({
  description: 'How the engine behind a connection does, as the process that answers has seen it since it started.',
  fields: (t) => ({
    state: t.field({
      type: HealthState,
      description: 'Whether queries go through. A test of the connection always does, and one that succeeds closes it.',
      resolve: ({ state }) => state,
    }),
    since: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it came into this state; null where it was never in another.',
      resolve: ({ since }) => since,
    }),
    lastError: t.string({
      nullable: true,
      description: 'Why it could not be reached the last time; null where it always could.',
      resolve: ({ lastError }) => lastError?.message ?? null,
    }),
    lastErrorAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When that was.',
      resolve: ({ lastError }) => lastError?.at ?? null,
    }),
    retryAfterMs: t.int({
      nullable: true,
      description: 'Where it is OPEN: milliseconds until the engine is tried again.',
      resolve: ({ retryAfterMs }) => retryAfterMs,
    }),
  }),
});

builder.prismaObject('Connection', {
  description: "A way to a company's own warehouse or database. Its secrets are written only, never read.",
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Connection') }),
    name: t.exposeString('name', { description: 'What it is called, for the seller alone; unique in the company.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it leads to.' }),
    engine: t.field({
      type: typeNamed('StorageEngine'),
      description: 'The engine it leads to.',
      resolve: (row, _, ctx) => load(ctx, engineById, { company: null, id: row.engineId }) as never,
    }),
    credentialType: t.field({
      type: CredentialType,
      description: 'How it signs in.',
      resolve: (row) => row.credentialType,
    }),
    providerDomain: t.exposeString('providerDomain', {
      nullable: true,
      description: 'The domain of who provides the data.',
    }),
    hasVerifiedUsageAbility: t.exposeBoolean('verifiedUsageAbility', {
      description: 'Whether the seller confirmed the right to use the data.',
    }),
    maskedCredentials: t.string({
      nullable: true,
      description: 'The last characters of its secret, such as ****1234; null where it has none.',
      resolve: (row) => (row.credentialsLastFour === null ? null : `****${row.credentialsLastFour}`),
    }),
    settings: t.field({
      type: 'JSON',
      description: 'Its settings without the secret ones: host, port, database, user, path …',
      resolve: (row) => row.settings,
    }),
    timeoutMs: t.exposeInt('timeoutMs', {
      nullable: true,
      description: 'How long its runs may take; null for the usual limit of the gateway.',
    }),
    lastTestedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last tested.',
      resolve: (row) => row.lastTestedAt,
    }),
    isLastTestOk: t.exposeBoolean('lastTestOk', {
      nullable: true,
      description: 'Whether that test succeeded; null before the first.',
    }),
    health: t.field({
      type: ConnectionHealth,
      description: 'Whether its engine can be reached, without asking it.',
      resolve: (row, _, ctx) => ctx.app.engines.health(targetKey(row)),
    }),
    informationSchema: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Its tables and columns as `connectionRefreshSchema` last stored them: `{tables, isTruncated}`.',
      resolve: (row) => row.informationSchema,
    }),
    schemaReadAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When they were read.',
      resolve: (row) => row.schemaReadAt,
    }),
    isActive: t.exposeBoolean('active', { description: 'false once deleted.' }),
    owner: t.field({
      type: typeNamed('User'),
      nullable: true,
      description: 'Who made it.',
      ...refersTo(anyUserById, 'userId'),
    }),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

/** A connection of the caller's company by its key; null where there is none or the caller may not read the company. */
function ownConnection(ctx: Context, id: string): Promise<ModelRow<'Connection'> | null> {
  return ctx.viewer?.permissions.has('company:read')
    ? load(ctx, connectionById, { company: viewerOf(ctx).companyId, id })
    : Promise.resolve(null);
}

registerNode('Connection', ownConnection);

const connections = listOf({
  name: 'Connection',
  model: 'Connection',
  type: typeNamed('Connection') as unknown as OutputRef<unknown>,
  filters: {
    name: scalarFilter('String', 't.name', 'What it is called.'),
    engineId: idFilter('StorageEngine', 't."engineId"', 'The engine it leads to.', true),
    credentialType: enumFilter('CredentialType', CredentialType, 't."credentialType"', 'How it signs in.'),
    isLastTestOk: scalarFilter('Boolean', 't."lastTestOk"', 'Whether its last test succeeded.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was made.'),
    updatedAt: scalarFilter('DateTime', 't."updatedAt"', 'When it last changed.'),
  },
  sorts: {
    NAME: { sql: 't.name', type: 'text', description: 'By name.' },
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
    UPDATED_AT: { sql: 't."updatedAt"', type: 'timestamptz', description: 'By last change.' },
    LAST_TESTED_AT: { sql: 't."lastTestedAt"', type: 'timestamptz', isNullable: true, description: 'By last test.' },
  },
  defaultSort: ['CREATED_AT'],
  search: substring('t.name', 't.description'),
});

builder.objectFields(typeNamed('Company'), (t) => ({
  connections: connections.field(t as never, {
    description: 'Its connections.',
    access: 'company:read',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: OWN },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
}));

builder.prismaObjectField('Company', 'connection', (t) =>
  t.field({
    type: typeNamed('Connection'),
    nullable: true,
    access: 'company:read',
    description: 'One of its connections by id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'The opaque id of a connection.' }) },
    resolve: (company, { id }, ctx) =>
      load(ctx, connectionById, { company: company.id, id: uuidOf('Connection', id) }) as never,
  }),
);

const Table = builder.objectRef<TableInfo>('ConnectionTable').implement({
  description: 'A table or view that a connection sees.',
  fields: (t) => ({
    schema: t.exposeString('schema', { description: 'The schema it is in; of MySQL, the database.' }),
    name: t.exposeString('name', { description: 'Its name.' }),
    isView: t.boolean({ description: 'Whether it is a view.', resolve: (table) => table.kind === 'VIEW' }),
    rowEstimate: t.exposeFloat('rowEstimate', {
      nullable: true,
      description: "The engine's estimate of its rows; null where it has none.",
    }),
    columns: t.field({
      type: [
        builder.objectRef<TableInfo['columns'][number]>('ConnectionTableColumn').implement({
          description: 'A column of a table.',
          fields: (c) => ({
            name: c.exposeString('name', { description: 'Its name.' }),
            type: c.field({
              type: 'ResultColumnType' as never,
              description: 'Its type in our terms.',
              resolve: (column) => column.type as never,
            }),
            engineType: c.exposeString('engineType', { description: "The engine's own name of the type." }),
            isNullable: c.exposeBoolean('isNullable', { description: 'Whether it may have no value.' }),
          }),
        }),
      ],
      description: 'Its columns in order, at most 2000; empty where they were not asked for.',
      resolve: (table) => table.columns,
    }),
  }),
});

const SampleData = builder.objectRef<Sample>('ConnectionSample').implement({
  description: 'Rows of a table, picked at random, column by column.',
  fields: (t) => ({
    columns: t.field({
      type: ['ResultColumn' as never],
      description: 'Its columns in order, at most 2000.',
      resolve: (sample) => sample.columns as never,
    }),
    values: t.field({
      type: 'JSON',
      description: 'The cells: a list for each column.',
      resolve: (sample) => sample.values,
    }),
    rowCount: t.exposeInt('rowCount', { description: 'How many rows.' }),
  }),
});

/** @throws DomainError PAGE_SIZE for a limit out of its bounds. */
function bounded(limit: number, max: number): number {
  if (limit < 1 || limit > max) throw new DomainError('PAGE_SIZE', `limit takes 1 to ${max}.`, { path: ['limit'] });
  return limit;
}

const MAX_NAMES = 100;

/** Names to filter by, where there are any. @throws DomainError BAD_REQUEST for more than 100. */
function among(names: string[] | null | undefined, path: string): string[] | null {
  if (names && names.length > MAX_NAMES)
    throw new DomainError('BAD_REQUEST', `${path} takes at most ${MAX_NAMES} names.`, { path: [path] });
  return names ?? null;
}

builder.prismaObjectFields('Connection', (t) => ({
  tables: t.field({
    type: [Table],
    nullable: true,
    access: 'connections:write',
    cost: 100,
    description: 'Its tables and views as the engine tells them now, by schema and name.',
    args: {
      schemas: t.arg.stringList({ required: false, description: `Only those in these schemas, at most ${MAX_NAMES}.` }),
      names: t.arg.stringList({ required: false, description: `Only those with these names, at most ${MAX_NAMES}.` }),
      limit: t.arg.int({ defaultValue: 100, required: true, description: 'How many at most, 1 to 500.' }),
      includeColumns: t.arg.boolean({
        defaultValue: true,
        required: true,
        description: 'Whether to tell their columns.',
      }),
    },
    resolve: async (row, { limit, includeColumns, ...given }, ctx) => {
      const [schemas, names] = [among(given.schemas, 'schemas'), among(given.names, 'names')];
      const filter = {
        ...(schemas ? { schemas } : {}),
        ...(names ? { tables: names } : {}),
        limit: bounded(limit, 500),
      };
      const tables = await liveTables(ctx, row, filter);
      return includeColumns ? tables : tables.map((table) => ({ ...table, columns: [] }));
    },
  }),
  sampleData: t.field({
    type: SampleData,
    nullable: true,
    access: 'connections:write',
    cost: 100,
    description:
      'Rows of one of its tables, picked at random: of parts from all over a large table on DuckDB, PostgreSQL, SQL Server, Snowflake and BigQuery, else of its first 100,000.',
    args: {
      schema: t.arg.string({ required: true, description: 'The schema of the table.' }),
      table: t.arg.string({ required: true, description: 'Its name.' }),
      limit: t.arg.int({ defaultValue: 1000, required: true, description: 'How many rows at most, 1 to 10000.' }),
    },
    resolve: (row, { schema, table, limit }, ctx) =>
      sampleData(ctx, row, { schema, table, limit: bounded(limit, 10_000) }),
  }),
}));
