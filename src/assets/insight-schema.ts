import { builder } from '../graph/builder.ts';
import { toGlobalId } from '../ids.ts';
import type { TableInfo } from '../warehouse/engine.ts';
import { MAX_SCAN, scanColumn, sourceTable } from './inspect.ts';
import { predictPrice, SHOWN, type Comparable, type PredictedPrice } from './predicted-price.ts';

const ComparablePrice = builder.objectRef<Comparable>('ComparablePrice').implement({
  description: 'A price that others ask.',
  fields: (t) => ({
    assetId: t.id({
      description: 'The id of the asset, for `marketplace.asset`.',
      resolve: (row) => toGlobalId('Asset', row.id),
    }),
    name: t.exposeString('name', { description: 'For what.' }),
    priceUsd: t.field({ type: 'Decimal', description: 'US dollars.', resolve: (row) => row.priceUsd }),
  }),
});

const Prediction = builder.objectRef<PredictedPrice>('PredictedPrice').implement({
  description: 'A price that the market would bear, with its reasons.',
  fields: (t) => ({
    lowUsd: t.field({ type: 'Decimal', description: 'A careful price, US dollars.', resolve: (row) => row.lowUsd }),
    suggestedUsd: t.field({
      type: 'Decimal',
      description: 'The price to begin with, US dollars.',
      resolve: (row) => row.suggestedUsd,
    }),
    highUsd: t.field({ type: 'Decimal', description: 'A bold price, US dollars.', resolve: (row) => row.highUsd }),
    confidence: t.exposeFloat('confidence', { description: '0 to 1: more comparables that agree give more.' }),
    comparedBy: t.field({
      type: builder.enumType('PriceComparison', {
        description: 'What comparable assets have in common.',
        values: {
          USE_CASE: { description: 'The use case.' },
          INDUSTRY: { description: 'The industry.' },
          ASSET_TYPE: { description: 'The type.' },
        },
      }),
      description: 'What the comparables have in common with it.',
      resolve: (row) => row.comparedBy,
    }),
    comparableCount: t.exposeInt('comparableCount', { description: 'How many were compared.' }),
    comparables: t.field({
      type: [ComparablePrice],
      description: `Those that are most like it, the closest first, at most ${SHOWN}.`,
      resolve: (row) => row.comparables,
    }),
    reasons: t.exposeStringList('reasons', { description: 'How the number came about, at most 7 sentences.' }),
  }),
});

const SourceColumn = builder.objectRef<TableInfo['columns'][number]>('SourceColumn').implement({
  description: 'A column of the table behind an asset.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    type: t.exposeString('type', { description: 'What its cells are on the wire; see ResultColumnType.' }),
    engineType: t.exposeString('engineType', { description: "The engine's own name of the type." }),
    isNullable: t.exposeBoolean('isNullable', { description: 'Whether cells may be empty.' }),
  }),
});
const SourceTable = builder.objectRef<TableInfo>('SourceTable').implement({
  description: 'The table behind an asset, as its engine describes it.',
  fields: (t) => ({
    schema: t.exposeString('schema', { description: 'Its schema.' }),
    name: t.exposeString('name', { description: 'Its name.' }),
    rowEstimate: t.float({
      nullable: true,
      description: "The engine's estimate of its rows.",
      resolve: (table) => table.rowEstimate,
    }),
    columns: t.field({
      type: [SourceColumn],
      description: 'Its columns in order, at most as many as the engine lists: 2000.',
      resolve: (table) => table.columns.slice(0, 2000),
    }),
  }),
});

builder.prismaObjectField('Asset', 'informationSchema', (t) =>
  t.field({
    type: SourceTable,
    nullable: true,
    access: 'assets:write',
    cost: 20,
    description:
      'The table behind it, read from the engine now; null where it names none. assetRefreshSchema stores it.',
    resolve: (asset, _, ctx) => sourceTable(ctx, asset),
  }),
);
builder.prismaObjectField('Asset', 'distinctValues', (t) =>
  t.field({
    type: 'JSON',
    nullable: true,
    access: 'assets:write',
    cost: 20,
    description: 'Distinct values of a column of the table behind it, sorted, without null: a list.',
    args: {
      column: t.arg.string({ required: true, description: 'The column.' }),
      limit: t.arg.int({ required: false, defaultValue: 1000, description: `How many, at most ${MAX_SCAN}.` }),
    },
    resolve: (asset, { column, limit }, ctx) => scanColumn(ctx, asset, column, limit ?? 1000),
  }),
);
builder.prismaObjectField('Asset', 'predictedPrice', (t) =>
  t.field({
    type: Prediction,
    nullable: true,
    access: 'prices:write',
    cost: 10,
    description: 'A price that the market would bear; null where there is too little to compare with.',
    resolve: (asset, _, ctx) => predictPrice(ctx, asset as never),
  }),
);
