import type { OutputRef } from '@pothos/core';
import { builder } from '../graph/builder.ts';
import { profileOf } from '../companies/profile.ts';
import { checkLedger } from '../credits/journal.ts';
import { scalarFilter } from '../lists/filters.ts';
import { listOf } from '../lists/lists.ts';
import { idOf } from '../graph/nodes.ts';
import { AssetType } from '../graph/product-enums.ts';
import { review } from '../graph/product-types.ts';
import './mutations.ts';

/** What the platform's own staff sees: what waits for them and whether the books are right, no company's data. */

const MAX_PROBLEMS = 50;
const PENDING = `t.active and t."approvalStatus" = 'PENDING'`;

const PendingAsset = builder.prismaObject('Asset', {
  variant: 'PendingAsset',
  description: 'An asset that waits for approval. Its SQL and connection stay with the seller.',
  fields: (t) => ({
    id: t.id({ description: 'The id of the asset, for assetReview.', resolve: idOf('Asset') }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    companyHandle: t.string({
      description: 'The handle of its company.',
      resolve: async (row, _, ctx) => (await profileOf(ctx, row.companyId)).handle,
    }),
    assetType: t.field({ type: AssetType, description: 'What it answers.', resolve: (row) => row.assetType }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
    reviewNote: t.exposeString('reviewNote', review.reviewNote),
    reviewedAt: t.field(review.reviewedAt),
  }),
});

const PendingEndpoint = builder.prismaObject('Endpoint', {
  variant: 'PendingEndpoint',
  description: 'An endpoint that waits for approval. Its table and connection stay with the seller.',
  fields: (t) => ({
    id: t.id({ description: 'The id of the endpoint, for endpointReview.', resolve: idOf('Endpoint') }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    companyHandle: t.string({
      description: 'The handle of its company.',
      resolve: async (row, _, ctx) => (await profileOf(ctx, row.companyId)).handle,
    }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
    reviewNote: t.exposeString('reviewNote', review.reviewNote),
    reviewedAt: t.field(review.reviewedAt),
  }),
});

const pending = <M extends 'Asset' | 'Endpoint'>(model: M, type: unknown) =>
  listOf<M>({
    name: `Pending${model}`,
    model,
    type: type as OutputRef<unknown>,
    filters: { updatedAt: scalarFilter('DateTime', 't."updatedAt"', 'When it last changed.') },
    sorts: {
      UPDATED_AT: { sql: 't."updatedAt"', type: 'timestamptz', description: 'By the last change.' },
      NAME: { sql: 't.name', type: 'text', description: 'By name.' },
    },
    defaultSort: ['UPDATED_AT'],
  });
const assets = pending('Asset', PendingAsset);
const endpoints = pending('Endpoint', PendingEndpoint);
const ofAll = { place: { where: PENDING }, from: () => ({ company: null, parent: null }) };

const Platform = builder.objectRef<object>('Platform').implement({
  description: 'What the staff of the platform looks after.',
  fields: (t) => ({
    pendingAssets: assets.field(t as never, {
      description: 'Assets of all companies that wait for approval, those that wait longest first.',
      access: 'platform:operate',
      ...ofAll,
    }),
    pendingEndpoints: endpoints.field(t as never, {
      description: 'Endpoints of all companies that wait for approval, those that wait longest first.',
      access: 'platform:operate',
      ...ofAll,
    }),
    ledgerProblems: t.stringList({
      access: 'platform:operate',
      cost: 500,
      description: `What is wrong with the books, at most ${MAX_PROBLEMS} sentences; empty where they are right.`,
      resolve: async (_, __, ctx) => (await checkLedger(ctx.query)).slice(0, MAX_PROBLEMS),
    }),
  }),
});

builder.queryField('platform', (t) =>
  t.field({
    type: Platform,
    nullable: true,
    access: 'platform:operate',
    description: 'What the staff of the platform looks after; null for everybody else.',
    resolve: () => ({}),
  }),
);
