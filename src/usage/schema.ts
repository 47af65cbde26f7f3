import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { viewerOf, type Context } from '../context.ts';
import { enumFilter, idFilter, scalarFilter } from '../lists/filters.ts';
import { listOf } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { CacheStatus, RunKind, RunStatus } from '../graph/product-enums.ts';
import { rowBy } from '../lists/rows.ts';
import type { Cell, Column } from '../warehouse/engine.ts';
import { statisticsOf } from './loaders.ts';
import { ageSecondsOf, outcomeOf, type Outcome, type RunWithOutcome, type Sample, type Table } from './outcome.ts';
import { ProductStatistics } from './statistics.ts';

const ResultColumn = builder.objectRef<Column>('ResultColumn').implement({
  description: 'A column of a result.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name, as the SQL gave it.' }),
    type: t.field({
      type: builder.enumType('ResultColumnType', {
        description: 'What its cells are on the wire.',
        values: {
          BOOLEAN: { description: 'true or false.' },
          INTEGER: { description: 'A number.' },
          BIGINT: { description: 'A number, or a string beyond 2^53.' },
          DECIMAL: { description: 'A string, exact.' },
          FLOAT: { description: 'A number.' },
          STRING: { description: 'A string.' },
          DATE: { description: 'YYYY-MM-DD.' },
          TIME: { description: 'HH:MM:SS, with a fraction where there is one.' },
          TIMESTAMP: { description: 'ISO 8601; with Z where the zone is known.' },
          BINARY: { description: 'Base64.' },
          JSON: { description: 'A list or an object.' },
        },
      }),
      description: 'What its cells are on the wire.',
      resolve: (column) => column.type,
    }),
    engineType: t.exposeString('engineType', { description: "The engine's own name of the type." }),
  }),
});

/** Rows from columns, at most as many as the run read. */
const rowsOf = (table: Table): Cell[][] =>
  Array.from({ length: table.values[0]?.length ?? 0 }, (_, r) => table.values.map((column) => column[r] ?? null));

const ResultTable = builder.objectRef<Table>('ResultTable').implement({
  description: 'The rows of a result. Ask for `rows` or for `values`: they are the same cells.',
  fields: (t) => ({
    columns: t.field({
      type: [ResultColumn],
      description: 'Its columns in order, at most 2000.',
      resolve: (table) => table.columns,
    }),
    rows: t.field({ type: 'JSON', description: 'The cells row by row: a list of lists.', resolve: rowsOf }),
    values: t.field({
      type: 'JSON',
      description: 'The cells column by column: a list of lists, smaller and faster for charts.',
      resolve: (table) => table.values,
    }),
    rowCount: t.exposeInt('rowCount', { description: 'How many rows.' }),
    isTruncated: t.exposeBoolean('isTruncated', { description: 'Whether the engine had more.' }),
  }),
});

type Of<K extends Outcome['kind']> = Extract<Outcome, { kind: K }>;

const CalculationResult = builder.objectRef<Of<'CalculationResult'>>('CalculationResult').implement({
  description: 'One number.',
  fields: (t) => ({
    value: t.field({ type: 'Decimal', description: 'The number, exact.', resolve: (outcome) => outcome.value }),
    valueFloat: t.float({
      description: 'The number as a float, for charts and comparisons.',
      resolve: (outcome) => Number(outcome.value),
    }),
    isSample: t.exposeBoolean('isSample', {
      description: 'Whether it is of a part of the rows, as the test of an asset may read them (`Run.sample`).',
    }),
  }),
});
const VisualizationResult = builder.objectRef<Of<'VisualizationResult'>>('VisualizationResult').implement({
  description: 'A chart.',
  fields: (t) => ({
    figure: t.field({
      type: 'JSON',
      description: 'A Plotly figure {data, layout} with the data in it.',
      resolve: (outcome) => outcome.figure,
    }),
    table: t.field({ type: ResultTable, description: 'The rows under it.', resolve: (outcome) => outcome.table }),
  }),
});
const DataResult = builder.objectRef<Of<'DataResult'>>('DataResult').implement({
  description: 'Rows.',
  fields: (t) => ({
    table: t.field({ type: ResultTable, description: 'The rows.', resolve: (outcome) => outcome.table }),
  }),
});
const RunFailure = builder.objectRef<Of<'RunFailure'>>('RunFailure').implement({
  description: 'Why there is no result. A failure costs nothing.',
  fields: (t) => ({
    code: t.exposeString('code', {
      description:
        'QUERY_TIMEOUT, ROWS_EXCEEDED, RESULT_TOO_LARGE, SQL_REJECTED, RESULT_INVALID, CONNECTION_FAILED, ENGINE_BUSY, ENGINE_UNAVAILABLE, ENGINE_FAILED, DRIVER_MISSING, CANCELLED or ABANDONED.',
    }),
    message: t.exposeString('message', { description: 'What happened and what to do.' }),
    rule: t.exposeString('rule', { nullable: true, description: 'For SQL_REJECTED: the rule.' }),
    position: t.exposeInt('position', {
      nullable: true,
      description: 'For SQL_REJECTED: where, in characters from the start; for the owner alone.',
    }),
    retryAfterMs: t.int({
      nullable: true,
      description:
        'For ENGINE_UNAVAILABLE and ENGINE_BUSY, in the answer of the run alone: milliseconds until another try makes sense; null where nobody knows.',
      resolve: (outcome) => (outcome.retryAfterMs == null ? null : Math.ceil(outcome.retryAfterMs)),
    }),
  }),
});
const RunOutcome = builder.unionType('RunOutcome', {
  description: 'What a run came to.',
  types: [CalculationResult, VisualizationResult, DataResult, RunFailure],
  resolveType: (outcome) => outcome.kind,
});

/** What a model is asked, and so how long that is, is the seller's business. */
const isSeller = (ctx: Context, run: { sellerCompanyId: string }): boolean =>
  viewerOf(ctx).companyId === run.sellerCompanyId;

const RunSample = builder.objectRef<Sample>('RunSample').implement({
  description: 'What a test has read in part: the largest table of its statement.',
  fields: (t) => ({
    table: t.exposeString('table', { description: 'The table.' }),
    fraction: t.exposeFloat('fraction', { description: 'About how much of its rows was read, as 0.1.' }),
  }),
});

builder.prismaObject('Run', {
  description: 'One run of an asset, a test, or one page of an endpoint.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable; the receipt of what was paid.', resolve: idOf('Run') }),
    kind: t.field({ type: RunKind, description: 'What was run.', resolve: (run) => run.kind }),
    status: t.field({ type: RunStatus, description: 'How it ended.', resolve: (run) => run.status }),
    outcome: t.field({
      type: RunOutcome,
      nullable: true,
      description:
        'What it came to. Rows and charts come in the answer of the run alone; later the value and failures are still here.',
      resolve: (run) => outcomeOf(run as RunWithOutcome),
    }),
    warnings: t.stringList({
      description: 'What the owner may want to know, in the answer of a test: at most 5 sentences.',
      resolve: (run) => (run as RunWithOutcome).warnings ?? [],
    }),
    sample: t.field({
      type: RunSample,
      nullable: true,
      description: 'For a test on a sample: what was sampled. Null where all rows were read; a warning says why.',
      resolve: (run) => run.sample as Sample | null,
    }),
    credits: t.exposeInt('credits', { description: 'Credits that were charged.' }),
    isBilled: t.exposeBoolean('isBilled', { description: 'Whether it was charged.' }),
    parameters: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The values it ran with.',
      resolve: (run) => run.parameters,
    }),
    rowCount: t.exposeInt('rowCount', { nullable: true, description: 'Rows of the result.' }),
    isTruncated: t.exposeBoolean('isTruncated', { nullable: true, description: 'Whether the engine had more rows.' }),
    byteCount: t.exposeInt('byteCount', { nullable: true, description: 'Size of the cells in bytes, roughly.' }),
    cacheStatus: t.field({
      type: CacheStatus,
      nullable: true,
      description: 'Where the result came from.',
      resolve: (run) => run.cacheStatus,
    }),
    computedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the engine computed it; earlier than the run for a cached one.',
      resolve: (run) => run.computedAt,
    }),
    ageSeconds: t.int({
      nullable: true,
      description: 'Seconds between computing and answering.',
      resolve: (run) => ageSecondsOf(run.computedAt, run.finishedAt ?? run.startedAt),
    }),
    engineMs: t.exposeInt('engineMs', {
      nullable: true,
      description: 'Milliseconds in the engine; 0 for a cached result.',
    }),
    engineJobId: t.exposeString('engineJobId', {
      nullable: true,
      description:
        "What the seller's engine calls the statement that gave the result, for talks with the seller; null where it names none. Of a cached result, the one that computed it.",
    }),
    promptTokens: t.int({
      nullable: true,
      description:
        'Tokens that a language model counted in what it was asked; for the seller alone, null where none was.',
      resolve: (run, _, ctx) => (isSeller(ctx, run) ? run.promptTokens : null),
    }),
    completionTokens: t.int({
      nullable: true,
      description: 'Tokens that a language model counted in its answer; for the seller alone, null where none was.',
      resolve: (run, _, ctx) => (isSeller(ctx, run) ? run.completionTokens : null),
    }),
    elapsedMs: t.exposeInt('elapsedMs', { nullable: true, description: 'Milliseconds in all.' }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: (run) => run.startedAt }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ended.',
      resolve: (run) => run.finishedAt,
    }),
    asset: t.field({
      type: typeNamed('Asset'),
      nullable: true,
      access: 'company:read',
      description: 'The asset, where it belongs to the caller.',
      resolve: (run, _, ctx) =>
        run.assetId && ctx.viewer
          ? (load(ctx, rowBy('Asset', { where: 't."companyId" = k.company' }), {
              company: ctx.viewer.companyId,
              id: run.assetId,
            }) as never)
          : null,
    }),
    user: t.field({
      type: typeNamed('User'),
      nullable: true,
      access: 'company:read',
      description: 'Who asked, where they belong to the company of the caller.',
      resolve: (run, _, ctx) =>
        run.userId && ctx.viewer
          ? (load(ctx, rowBy('User', { where: 't."companyId" = k.company' }), {
              company: ctx.viewer.companyId,
              id: run.userId,
            }) as never)
          : null,
    }),
  }),
});

/** A run is seen by the company that asked for it, with all it asked. */
const OWN_RUN = 't."companyId" = k.company';
registerNode('Run', (ctx, key) =>
  ctx.viewer?.permissions.has('company:read')
    ? load(ctx, rowBy('Run', { where: OWN_RUN }), { company: ctx.viewer.companyId, id: key })
    : Promise.resolve(null),
);

const runs = listOf({
  name: 'Run',
  model: 'Run',
  type: typeNamed('Run') as unknown as OutputRef<unknown>,
  filters: {
    kind: enumFilter('RunKind', RunKind, 't.kind', 'What was run.'),
    status: enumFilter('RunStatus', RunStatus, 't.status', 'How it ended.'),
    assetId: idFilter('Asset', 't."assetId"', 'The asset.'),
    endpointId: idFilter('Endpoint', 't."endpointId"', 'The endpoint.'),
    userId: idFilter('User', 't."userId"', 'Who asked.'),
    errorCode: scalarFilter('String', 't."errorCode"', 'Why it failed.'),
    startedAt: scalarFilter('DateTime', 't."startedAt"', 'When it began.'),
    credits: scalarFilter('Int', 't.credits', 'Credits that were charged.'),
  },
  sorts: {
    STARTED_AT: { sql: 't."startedAt"', type: 'timestamptz', description: 'By their beginning.' },
    ELAPSED_MS: { sql: 't."elapsedMs"', type: 'int', isNullable: true, description: 'By how long they took.' },
    CREDITS: { sql: 't.credits', type: 'int', description: 'By what was charged.' },
  },
  defaultSort: ['-STARTED_AT'],
});

builder.prismaObjectField('Company', 'runs', (t) =>
  runs.field(t as never, {
    description: 'Its runs as a buyer and of its own products, latest first.',
    access: 'company:read',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: 'true' },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
);
for (const [model, column] of [
  ['Asset', 't."assetId"'],
  ['Endpoint', 't."endpointId"'],
] as const) {
  builder.prismaObjectField(model, 'runs', (t) =>
    runs.field(t as never, {
      description: 'Its runs by its own company, latest first. What buyers ran is counted in the statistics.',
      access: 'company:read',
      place: { by: { sql: column, type: 'uuid' }, where: OWN_RUN },
      from: (product: { id: string; companyId: string }) => ({ company: product.companyId, parent: product.id }),
    }),
  );
}

for (const model of ['Asset', 'Endpoint'] as const) {
  builder.prismaObjectField(model, 'statistics', (t) =>
    t.field({
      type: ProductStatistics,
      cost: 2,
      description: 'How it is used.',
      resolve: (product, _, ctx) => statisticsOf(ctx, product.id),
    }),
  );
}
