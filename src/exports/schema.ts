import type { OutputRef } from '@pothos/core';
import { z } from 'zod';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { viewerOf } from '../context.ts';
import { enumFilter, idFilter, scalarFilter } from '../lists/filters.ts';
import { toGlobalId, uuidOf } from '../ids.ts';
import { bool, defaulted, enumOf, idOfType, int, json, optional, type InputField } from '../graph/input.ts';
import { listOf } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { OWN_ANY, rowBy } from '../lists/rows.ts';
import { downloadUrlOf } from './download.ts';
import { quoteExport } from './quote.ts';
import { cancelExport, startExport } from './service.ts';
import type { ExportTerms } from './terms.ts';

type ExportRow = ModelRow<'Export'>;

const exportById = rowBy<ExportRow>('Export', { where: OWN_ANY });
const runById = rowBy<ModelRow<'Run'>>('Run', { where: OWN_ANY });

const ExportFormat = builder.enumType('ExportFormat', {
  description: 'What kind of file an export is.',
  values: {
    CSV: { description: 'Comma-separated values as RFC 4180 has them, with a header.' },
    PARQUET: { description: 'Apache Parquet, columns with their types.' },
    JSONL: { description: 'Lines of JSON, an object each.' },
  },
});
const ExportStatus = builder.enumType('ExportStatus', {
  description: 'How far an export is.',
  values: {
    QUEUED: { description: 'It waits for a worker.' },
    RUNNING: { description: 'Rows are being read.' },
    SUCCEEDED: { description: 'The file is there until it expires.' },
    FAILED: { description: 'There is no file; the code says why.' },
    CANCELLED: { description: 'It was cancelled.' },
  },
});

const ExportQuote = builder.objectRef<ExportTerms>('ExportQuote').implement({
  description: 'What an export costs at most, if it were ordered now.',
  fields: (t) => ({
    maxRows: t.exposeInt('maxRows', { description: 'Rows it has at most.' }),
    rowsPerBlock: t.exposeInt('rowsPerBlock', { description: 'Rows of a block: each started one is charged.' }),
    maxBlockCount: t.exposeInt('maxBlockCount', { description: 'Blocks it has at most.' }),
    creditsPerBlock: t.exposeInt('creditsPerBlock', { description: 'Credits of a block; 0 for own endpoints.' }),
    maxCredits: t.exposeInt('maxCredits', {
      description: 'Credits it costs at most: reserved at the start, charged for the blocks it really has.',
    }),
  }),
});

builder.prismaObject('Export', {
  description: 'All rows of an endpoint as one file.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Export') }),
    endpointId: t.id({
      description: 'The id of the endpoint; for the marketplace and endpointFetch too.',
      resolve: (row) => toGlobalId('Endpoint', row.endpointId),
    }),
    run: t.field({
      type: typeNamed('Run'),
      nullable: true,
      description: 'The run that reads the rows; the receipt.',
      resolve: (row, _, ctx) => load(ctx, runById, { company: row.companyId, id: row.runId }) as never,
    }),
    format: t.field({ type: ExportFormat, description: 'What kind of file it is.', resolve: (row) => row.format }),
    status: t.field({ type: ExportStatus, description: 'How far it is.', resolve: (row) => row.status }),
    parameters: t.field({
      type: 'JSON',
      nullable: true,
      description: "The values of the endpoint's parameters.",
      resolve: (row) => row.parameters,
    }),
    isSpreadsheetSafe: t.exposeBoolean('isSpreadsheetSafe', {
      description: "Whether CSV cells that spreadsheets take for formulas have a ' before them.",
    }),
    fileName: t.exposeString('fileName', { description: 'What the file is called.' }),
    downloadUrl: t.field({
      type: 'URL',
      nullable: true,
      access: 'products:run',
      description: 'Where whoever has this address gets the file, until it expires; null before and after.',
      resolve: (row, _, ctx) => downloadUrlOf(ctx.app, row, ctx.now),
    }),
    maxRows: t.exposeInt('maxRows', { description: 'Rows it may have.' }),
    rowsRead: t.exposeInt('rowsRead', { description: 'Rows read so far, as of the last second.' }),
    rowCount: t.exposeInt('rowCount', { nullable: true, description: 'Rows of the file.' }),
    byteCount: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'Bytes of the file.',
      resolve: (row) => (row.byteCount === null ? null : BigInt(row.byteCount)),
    }),
    isTruncated: t.exposeBoolean('isTruncated', {
      nullable: true,
      description: 'Whether the endpoint had more rows than `maxRows`.',
    }),
    rowsPerBlock: t.exposeInt('rowsPerBlock', { description: 'Rows of a block: each started one is charged.' }),
    blockCount: t.exposeInt('blockCount', { nullable: true, description: 'Blocks it has.' }),
    creditsReserved: t.exposeInt('creditsReserved', { description: 'Credits that were reserved at the start.' }),
    credits: t.exposeInt('credits', { description: 'Credits that were charged; 0 unless it succeeded.' }),
    errorCode: t.exposeString('errorCode', { nullable: true, description: 'Why it failed, in a word.' }),
    errorMessage: t.exposeString('errorMessage', { nullable: true, description: 'Why it failed.' }),
    version: t.exposeInt('version', { description: 'Counts its changes, progress apart.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was ordered.', resolve: (row) => row.createdAt }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When a worker took it up, the last one where there were several.',
      resolve: (row) => row.startedAt,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ended.',
      resolve: (row) => row.finishedAt,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'Until when the file is there: 24 hours from its end.',
      resolve: (row) => row.expiresAt,
    }),
  }),
});

registerNode('Export', (ctx, key) =>
  ctx.viewer?.permissions.has('company:read')
    ? load(ctx, exportById, { company: viewerOf(ctx).companyId, id: key })
    : Promise.resolve(null),
);

const exports = listOf({
  name: 'Export',
  model: 'Export',
  type: typeNamed('Export') as unknown as OutputRef<unknown>,
  filters: {
    status: enumFilter('ExportStatus', ExportStatus, 't.status', 'How far it is.'),
    format: enumFilter('ExportFormat', ExportFormat, 't.format', 'What kind of file it is.'),
    endpointId: idFilter('Endpoint', 't."endpointId"', 'The endpoint.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was ordered.'),
  },
  sorts: { CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' } },
  defaultSort: ['-CREATED_AT'],
});

builder.prismaObjectField('Company', 'exports', (t) =>
  exports.field(t as never, {
    description: 'Its exports, latest first.',
    access: 'company:read',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: OWN_ANY },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
);

builder.queryField('exportQuote', (t) =>
  t.field({
    type: ExportQuote,
    nullable: true,
    access: 'products:run',
    cost: 2,
    description:
      'What an export of an endpoint costs at most, before it is ordered; null where the caller may not order one.',
    args: {
      endpointId: t.arg.id({ required: true, description: 'The endpoint, own or listed.' }),
      maxRows: t.arg.int({ required: false, description: 'Rows at most; all that the endpoint allows unless said.' }),
    },
    resolve: (_, { endpointId, maxRows }, ctx) =>
      quoteExport(ctx, { endpointId: uuidOf('Endpoint', endpointId, ['endpointId']), maxRows: maxRows ?? null }),
  }),
);

const payload = { export: { type: typeNamed('Export'), description: 'The export as it is now.' } };

mutation('endpointExport', {
  description:
    'Orders all rows of an endpoint as a file. The most it can cost is reserved (see exportQuote); when it is done, each started block is charged once and the rest given back. A failure costs nothing; own endpoints are free.',
  access: 'products:run',
  cost: 50,
  isIdempotent: true,
  isLong: true,
  input: {
    endpointId: idOfType('EndpointListing', 'The endpoint, own or listed; it must offer exports.'),
    format: enumOf<'CSV' | 'PARQUET' | 'JSONL'>(ExportFormat, 'What kind of file.'),
    parameters: optional(
      json('Values of the parameters by name.', z.record(z.string(), z.unknown(), 'Takes an object.')) as InputField<
        Record<string, unknown>
      >,
    ),
    maxRows: optional(int('Rows at most; all that the endpoint allows unless said.', 1, 100_000_000)),
    maxCredits: optional(int('Refuses an export that could cost more.', 0, 2_147_483_647)),
    isSpreadsheetSafe: defaulted(
      bool("In CSV, puts a ' before cells that begin with = + - @ tab or CR, so that no spreadsheet runs them."),
      true,
    ),
  },
  payload,
  run: async (ctx, input) => ({ export: await startExport(ctx, { ...input, parameters: input.parameters ?? {} }) }),
});

mutation('exportCancel', {
  description: 'Cancels an export that is not done. Nothing is charged.',
  access: 'products:run',
  input: { id: idOfType('Export', 'The export.') },
  payload,
  run: async (ctx, { id }) => ({ export: await cancelExport(ctx, id) }),
});
