import type { OutputRef } from '@pothos/core';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import type { Context } from '../context.ts';
import { enumFilter, scalarFilter } from '../lists/filters.ts';
import { intOf } from '../ids.ts';
import { listOf, substring, type Sort } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { EngineType } from '../graph/product-enums.ts';
import { EVERYBODY, rowBy } from '../lists/rows.ts';

/** Reference data: the same for everybody, read without a credential, changed by new versions of the gateway alone. */

type ReferenceModel = 'CloudProvider' | 'StorageEngine' | 'Industry' | 'JobFunction' | 'AssetUseCase' | 'Country';

const find = <M extends ReferenceModel>(model: M, ctx: Context, id: number): Promise<ModelRow<M> | null> =>
  load(ctx, rowBy<ModelRow<M>>(model, { type: 'int', where: EVERYBODY }), { company: null, id });

builder.prismaObject('CloudProvider', {
  description: 'A company that runs storage engines. Source: reference data.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('CloudProvider') }),
    name: t.exposeString('name', { description: 'Its name.' }),
    parentCompany: t.exposeString('parentCompany', { nullable: true, description: 'The company it belongs to.' }),
    marketingHomepageUrl: t.field({
      type: 'URL',
      description: 'Its home page.',
      resolve: (row) => row.marketingHomepageUrl,
    }),
  }),
});

builder.prismaObject('StorageEngine', {
  description: 'A warehouse, database, model or API that a connection can lead to.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('StorageEngine') }),
    serviceName: t.exposeString('serviceName', { description: 'What it is called.' }),
    engineType: t.field({ type: EngineType, description: 'What kind it is.', resolve: (row) => row.engineType }),
    isAvailable: t.boolean({
      description: 'Whether this gateway can run on it.',
      resolve: (row, _, ctx) => row.driver !== null && ctx.app.engines.has(row.driver),
    }),
    unavailableReason: t.exposeString('unavailableReason', {
      nullable: true,
      description: 'Why it cannot be used yet; null where it can.',
    }),
    credentialTypes: t.exposeStringList('credentialTypes', {
      description: 'Kinds of credentials that it takes, at most 10.',
    }),
    provider: t.field({
      type: typeNamed('CloudProvider'),
      description: 'Who runs it.',
      resolve: (row, _, ctx) => find('CloudProvider', ctx, row.providerId) as never,
    }),
  }),
});

builder.prismaObject('Industry', {
  description: 'A sector of the North American Industry Classification System.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Industry') }),
    name: t.exposeString('name', { description: 'Its official title.' }),
    shortName: t.exposeString('shortName', { description: 'A title short enough for a label.' }),
    slug: t.exposeString('slug', { description: 'Its name in addresses.' }),
    naicsCode: t.exposeInt('naicsCode', { description: 'Its NAICS code; the first of a range.' }),
    description: t.exposeString('description', { description: 'What it covers.' }),
  }),
});

builder.prismaObject('JobFunction', {
  description: 'What a person does in a company.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('JobFunction') }),
    name: t.exposeString('name', { description: 'Its name.' }),
  }),
});

builder.prismaObject('AssetUseCase', {
  description: 'What an asset or endpoint is good for.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('AssetUseCase') }),
    name: t.exposeString('name', { description: 'Its name.' }),
    slug: t.exposeString('slug', { description: 'Its name in addresses.' }),
    description: t.exposeString('description', { description: 'What it is about.' }),
  }),
});

builder.prismaObject('Country', {
  description: 'A country of ISO 3166-1.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Country') }),
    code: t.exposeString('code', { description: 'Two letters, ISO 3166-1 alpha-2.' }),
    name: t.exposeString('name', { description: 'Its English name.' }),
  }),
});

for (const model of ['CloudProvider', 'StorageEngine', 'Industry', 'JobFunction', 'AssetUseCase', 'Country'] as const) {
  registerNode(model, (ctx, key) => find(model, ctx, Number(key)), { isInt: true });
}

const byName = (column = 't.name'): Record<string, Sort> => ({
  NAME: { sql: column, type: 'text', description: 'By name.' },
  ID: { sql: 't.id', type: 'int', description: 'By age in this list.' },
});
const list = <M extends ReferenceModel>(
  model: M,
  options: { nameColumn?: string; filters?: Parameters<typeof listOf<M>>[0]['filters'] } = {},
) =>
  listOf<M>({
    name: model,
    model,
    type: typeNamed(model) as unknown as OutputRef<unknown>,
    idType: 'int',
    filters: options.filters ?? { name: scalarFilter('String', 't.name', 'Its name.') },
    sorts: byName(options.nameColumn),
    defaultSort: ['NAME'],
    search: substring(options.nameColumn ?? 't.name'),
  });

const providers = list('CloudProvider');
const engines = list('StorageEngine', {
  nameColumn: 't."serviceName"',
  filters: {
    serviceName: scalarFilter('String', 't."serviceName"', 'What it is called.'),
    engineType: enumFilter('EngineType', EngineType, 't."engineType"', 'What kind it is.'),
    isAvailable: scalarFilter('Boolean', '(t.driver is not null)', 'Whether this gateway can run on it.'),
  },
});
const industries = list('Industry');
const functions = list('JobFunction');
const useCases = list('AssetUseCase');
const countries = list('Country');

const everything = { place: { where: EVERYBODY }, from: () => ({ company: null, parent: null }) };

builder.objectField(typeNamed('CloudProvider'), 'engines', (t) =>
  engines.field(t as never, {
    description: 'Its storage engines.',
    access: 'public',
    place: { by: { sql: 't."providerId"', type: 'int' }, where: EVERYBODY },
    from: (provider: ModelRow<'CloudProvider'>) => ({ company: null, parent: provider.id }),
  }),
);

/** Whether the marketplace shows a product whose column names it. */
function isSold(column: 'industryId' | 'useCaseId'): string {
  const [asset, endpoint] = ['Asset', 'Endpoint'].map(
    (model) =>
      `exists (select from "${model}" p join "Company" s on s.id = p."companyId" where p."${column}" = t.id and p."sellInMarketplace" and p.active and s."acceptedEula")`,
  );
  return `(${asset} or ${endpoint})`;
}
const activeIndustries = {
  description: 'Industries with products in the marketplace.',
  access: 'public' as const,
  place: { where: isSold('industryId') },
  from: everything.from,
};

// Declared to the right of here, so it goes by its name.
builder.objectFields('Marketplace' as never, (t) => ({
  industries: industries.field(t as never, activeIndustries),
  useCases: useCases.field(t as never, {
    ...activeIndustries,
    description: 'Use cases with products in the marketplace.',
    place: { where: isSold('useCaseId') },
  }),
}));

builder.queryFields((t) => ({
  cloudProviders: providers.field(t as never, { description: 'All cloud providers.', access: 'public', ...everything }),
  storageEngines: engines.field(t as never, {
    description: 'All storage engines, usable or not.',
    access: 'public',
    ...everything,
  }),
  industries: industries.field(t as never, { description: 'All industries.', access: 'public', ...everything }),
  activeIndustries: industries.field(t as never, activeIndustries),
  jobFunctions: functions.field(t as never, { description: 'All job functions.', access: 'public', ...everything }),
  assetUseCases: useCases.field(t as never, { description: 'All use cases.', access: 'public', ...everything }),
  countries: countries.field(t as never, { description: 'All countries.', access: 'public', ...everything }),
}));

const lookups = {
  cloudProvider: 'CloudProvider',
  storageEngine: 'StorageEngine',
  industry: 'Industry',
  jobFunction: 'JobFunction',
  assetUseCase: 'AssetUseCase',
} as const;
for (const [name, model] of Object.entries(lookups)) {
  builder.queryField(
    name,
    (t) =>
      t.field({
        type: typeNamed(model) as never,
        nullable: true,
        access: 'public',
        description: `One ${model} by its id; null where there is none.`,
        args: { id: t.arg.id({ required: true, description: 'Its opaque id.' }) },
        resolve: (_: unknown, { id }: { id: string }, ctx: Context) => find(model, ctx, intOf(model, id)) as never,
      } as never) as never,
  );
}
