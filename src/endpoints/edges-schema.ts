import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { CompanyProfile, profileOf } from '../companies/profile.ts';
import { viewerOf } from '../context.ts';
import { DomainError } from '../errors.ts';
import { scalarFilter } from '../lists/filters.ts';
import { fullText, listOf } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf } from '../graph/nodes.ts';
import { usdOf } from '../prices/credits.ts';
import { OWN_ANY, rowBy } from '../lists/rows.ts';
import { FETCHABLE } from './access.ts';
import { dailyUsage, type UsageDay } from './loaders.ts';

const anyEndpointById = rowBy<ModelRow<'Endpoint'>>('Endpoint', { where: OWN_ANY });

const AvailableEndpoint = builder.objectRef<ModelRow<'Endpoint'>>('AvailableEndpoint').implement({
  description: 'An endpoint that the company may fetch from, its own or not: what a key could be made for.',
  fields: (t) => ({
    id: t.id({ description: 'The id of the endpoint.', resolve: idOf('Endpoint') }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    slug: t.exposeString('slug', { description: 'Its name in addresses.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it offers.' }),
    isOwn: t.boolean({
      description: 'Whether it belongs to the company of the caller.',
      resolve: (row, _, ctx) => row.companyId === ctx.viewer?.companyId,
    }),
    company: t.field({
      type: CompanyProfile,
      description: 'The company that offers it.',
      resolve: (row, _, ctx) => profileOf(ctx, row.companyId),
    }),
  }),
});

const available = listOf({
  name: 'AvailableEndpoint',
  model: 'Endpoint',
  type: AvailableEndpoint as unknown as OutputRef<unknown>,
  filters: {
    name: scalarFilter('String', 't.name', 'What it is called.'),
    isOwn: scalarFilter('Boolean', '(t."companyId" = k.company)', 'Whether it belongs to the company of the caller.'),
  },
  sorts: {
    NAME: { sql: 't.name', type: 'text', description: 'By name.' },
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
  },
  defaultSort: ['NAME'],
  search: fullText,
});

const Usage = builder.objectRef<UsageDay>('EndpointUsage').implement({
  description: 'Use of an endpoint on one day of its company.',
  fields: (t) => ({
    on: t.field({ type: 'Date', description: "The day, in the company's time zone.", resolve: (day) => day.on }),
    requestCount: t.int({ description: 'Pages asked for.', resolve: (day) => Number(day.requests) }),
    successCount: t.int({ description: 'Pages answered.', resolve: (day) => Number(day.successes) }),
    failureCount: t.int({
      description: 'Pages that failed.',
      resolve: (day) => Number(day.requests) - Number(day.successes),
    }),
    rowCount: t.field({ type: 'BigInt', description: 'Rows answered.', resolve: (day) => BigInt(day.rows) }),
    credits: t.int({ description: 'Credits charged.', resolve: (day) => Number(day.credits) }),
    earningsUsd: t.field({
      type: 'Decimal',
      description: "The seller's share.",
      resolve: (day) => usdOf(Number(day.earningsCents)),
    }),
  }),
});

builder.prismaObjectFields('Endpoint', (t) => ({
  availableEndpoints: available.field(t as never, {
    description: 'Endpoints that a key could be made for: own ones and those of the marketplace.',
    access: 'company:read',
    place: { where: `${FETCHABLE} and t.status <> 'INACTIVE'` },
    from: (_: unknown, ctx) => ({ company: viewerOf(ctx).companyId, parent: null }),
  }),
  usage: t.field({
    type: [Usage],
    access: 'company:read',
    cost: 2,
    description: 'Its use by day, up to today, earliest first; days without use are there with zeros.',
    args: { days: t.arg.int({ required: true, defaultValue: 30, description: 'How many days, 1 to 365.' }) },
    resolve: (row, { days }, ctx) => {
      if (days < 1 || days > 365) throw new DomainError('PAGE_SIZE', 'days takes 1 to 365.', { path: ['days'] });
      return dailyUsage(ctx, row.id, days);
    },
  }),
}));

builder.prismaObjectField('Run', 'endpoint', (t) =>
  t.field({
    type: typeNamed('Endpoint'),
    nullable: true,
    access: 'company:read',
    description: 'The endpoint, where it belongs to the caller.',
    resolve: (run, _, ctx) =>
      run.endpointId === null
        ? null
        : (load(ctx, anyEndpointById, { company: viewerOf(ctx).companyId, id: run.endpointId }) as never),
  }),
);
