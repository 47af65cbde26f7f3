import { builder } from '../graph/builder.ts';
import { DomainError } from '../errors.ts';
import { uuidOf } from '../ids.ts';
import type { Estimate } from '../warehouse/engine.ts';
import { estimateAsset, type AssetEstimate as Row } from './estimate.ts';

const EngineEstimate = builder.objectRef<Estimate>('EngineEstimate').implement({
  description: 'What an engine expects of a query that it has not run. Buyers see the rows alone.',
  fields: (t) => ({
    rows: t.exposeFloat('rows', {
      nullable: true,
      description:
        'Rows of the result: PostgreSQL, Redshift, DuckDB, SQL Server; Trino, Athena and Databricks where they have statistics. Null where it does not say.',
    }),
    rowsRead: t.exposeFloat('rowsRead', {
      nullable: true,
      description:
        'Rows that it would read: MySQL, MariaDB, ClickHouse; Trino and Athena where they have statistics. Null where it does not say.',
    }),
    bytes: t.exposeFloat('bytes', {
      nullable: true,
      description:
        'Bytes that it would read: BigQuery, Snowflake at most; Trino, Athena and Databricks where they have statistics. Null where it does not say.',
    }),
    cost: t.exposeFloat('cost', {
      nullable: true,
      description:
        "In the engine's own units, good for comparing: PostgreSQL, Redshift, MySQL, SQL Server. Null where it does not say.",
    }),
    usd: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'What the engine bills its owner, in US dollars at its list price; null where it bills no query.',
      resolve: ({ usd }) => usd,
    }),
  }),
});

const AssetEstimate = builder.objectRef<Row>('AssetEstimate').implement({
  description: 'What a run of an asset would cost, and what its engine expects of it.',
  fields: (t) => ({
    credits: t.exposeInt('credits', { description: 'Credits that a run costs now; 0 for own assets.' }),
    balanceAfter: t.int({
      description: "The company's credits after one; below 0 where it cannot pay.",
      resolve: ({ balance, credits }) => balance - credits,
    }),
    isCached: t.exposeBoolean('isCached', {
      description: 'Whether a result is kept that a run would answer at once, for the same credits.',
    }),
    engine: t.field({
      type: EngineEstimate,
      nullable: true,
      description:
        'What its engine expects; null where it does not say, as SQLite and APIs never do. For buyers, null also where being asked may cost the seller.',
      resolve: ({ engine }) => engine,
    }),
    note: t.exposeString('note', {
      nullable: true,
      description: 'Why the engine does not say; in more words to the owner.',
    }),
  }),
});

builder.queryField('assetEstimate', (t) =>
  t.field({
    type: AssetEstimate,
    nullable: true,
    access: 'products:run',
    cost: 50,
    description:
      'What a run of an asset would cost, before it is run. Nothing is charged, stored or counted; the engine explains the query and does not run it.',
    args: {
      assetId: t.arg.id({ required: true, description: 'The asset, own or listed.' }),
      parameters: t.arg({ type: 'JSON', required: false, description: 'Values of its parameters by name.' }),
    },
    resolve: (_, { assetId, parameters }, ctx) => {
      const given: unknown = parameters ?? {};
      if (typeof given !== 'object' || given === null || Array.isArray(given))
        throw new DomainError('VALIDATION', 'Takes an object.', { path: ['parameters'] });
      return estimateAsset(ctx, {
        assetId: uuidOf('Asset', assetId, ['assetId']),
        parameters: given as Record<string, unknown>,
      });
    },
  }),
);
