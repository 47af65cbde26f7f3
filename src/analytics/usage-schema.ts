import { CompanyProfile, profileOf } from '../companies/profile.ts';
import { connectionType } from '../lists/connection-type.ts';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { toGlobalId } from '../ids.ts';
import { Direction } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { MAX_PAGE_SIZE, PAGE_SIZE } from '../lists/paging.ts';
import { EVERYBODY, OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import { usageUrlOf } from './download.ts';
import { objectsOf, type CompanyObject } from './objects.ts';
import { once } from './once.ts';
import { readMonth } from './range.ts';
import {
  MAX_LOG_ROWS,
  quotaOfMonth,
  totalUsage,
  usageByDay,
  usageByKey,
  usageByProduct,
  usageCsv,
  type DayUsage,
  type KeyUsage,
  type Outcomes,
  type ProductUsage,
  type Quota,
  type UsageScope,
} from './usage.ts';

/** What a company buys in a month, and the list of all it has. */

const anyKeyById = rowBy<ModelRow<'ApiKey'>>('ApiKey', { type: 'int', where: OWN_ANY });
const planById = rowBy<ModelRow<'Plan'>>('Plan', { type: 'int', where: EVERYBODY });

const Outcomes = builder.interfaceRef<Outcomes>('RunOutcomes').implement({
  description: 'Runs and pages by how they ended; tests are not counted.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'All.' }),
    successes: t.exposeInt('successes', {
      description: 'Those that succeeded: the requests that count against the plan.',
    }),
    failures: t.exposeInt('failures', {
      description: 'Those that failed or were cancelled; they count against nothing.',
    }),
  }),
});

const UsageDay = builder.objectRef<DayUsage>('UsageDay').implement({
  description: 'The usage of a day.',
  interfaces: [Outcomes],
  fields: (t) => ({ day: t.field({ type: 'Date', description: 'The day, UTC.', resolve: (row) => row.day }) }),
});

const UsageProduct = builder.objectRef<ProductUsage>('UsageProduct').implement({
  description: 'The usage of a product, its own or of another company.',
  interfaces: [Outcomes],
  fields: (t) => ({
    productId: t.id({
      description: 'The opaque id of the asset or endpoint.',
      resolve: (row) => toGlobalId(row.isEndpoint ? 'Endpoint' : 'Asset', row.productId),
    }),
    isEndpoint: t.exposeBoolean('isEndpoint', { description: 'Whether it is an endpoint; else it is an asset.' }),
    name: t.exposeString('name', { nullable: true, description: 'What it is called.' }),
    seller: t.field({
      type: CompanyProfile,
      nullable: true,
      description: 'Whose it is.',
      resolve: (row, _, ctx) => profileOf(ctx, row.sellerId),
    }),
    credits: t.exposeInt('credits', { description: 'Credits paid.' }),
  }),
});

const UsageKey = builder.objectRef<KeyUsage & { companyId: string }>('UsageKey').implement({
  description: 'The usage of an API key, or of all sessions.',
  interfaces: [Outcomes],
  fields: (t) => ({
    apiKey: t.field({
      type: typeNamed('ApiKey'),
      nullable: true,
      description: 'The key, also where it is deleted by now; null for sessions.',
      ...refersTo(anyKeyById, 'apiKeyId'),
    }),
  }),
});

const UsageQuota = builder.objectRef<Quota>('UsageQuota').implement({
  description: 'What the plan allows in a month.',
  fields: (t) => ({
    plan: t.field({ type: typeNamed('Plan'), description: 'The plan of today.', resolve: (row) => row.plan as never }),
    monthlyRequests: t.int({
      description: 'Requests that it allows a month.',
      resolve: (row) => row.plan.monthlyRequests,
    }),
    used: t.exposeInt('used', { description: 'Requests of the month.' }),
    remaining: t.exposeInt('remaining', { description: 'Requests that are left.' }),
    resetAt: t.field({ type: 'DateTime', description: 'When the next month begins.', resolve: (row) => row.resetAt }),
  }),
});

/** The usage of a month; its days are read once, the rest when it is asked for. */
interface UsageMonth {
  scope: UsageScope;
  planId: number;
  days(): Promise<DayUsage[]>;
}

const MonthUsage = builder.objectRef<UsageMonth>('CompanyUsage').implement({
  description: 'What a company used in a calendar month, UTC, its own products included.',
  fields: (t) => ({
    month: t.string({ description: 'The month, YYYY-MM.', resolve: (row) => row.scope.month.name }),
    total: t.int({ description: 'Runs and pages.', resolve: async (row) => totalUsage(await row.days()).total }),
    successes: t.int({
      description: 'Those that succeeded: the requests that count against the plan.',
      resolve: async (row) => totalUsage(await row.days()).successes,
    }),
    failures: t.int({
      description: 'Those that failed or were cancelled.',
      resolve: async (row) => totalUsage(await row.days()).failures,
    }),
    byDay: t.field({
      type: [UsageDay],
      description: 'Each day of the month, without gaps, at most 31.',
      resolve: (row) => row.days(),
    }),
    byProduct: t.field({
      type: [UsageProduct],
      cost: 5,
      description: 'By product, most successes first, at most 100.',
      resolve: (row, _, ctx) => usageByProduct(ctx, row.scope),
    }),
    byKey: t.field({
      type: [UsageKey],
      cost: 20,
      listSize: { assumed: 100 },
      description: 'By API key, most successes first, at most 100.',
      resolve: async (row, _, ctx) =>
        (await usageByKey(ctx, row.scope)).map((key) => ({ ...key, companyId: row.scope.companyId })),
    }),
    quota: t.field({
      type: UsageQuota,
      description: 'What the plan allows and what is left.',
      resolve: async (row, _, ctx) => {
        const plan = (await load(ctx, planById, { company: null, id: row.planId })) as ModelRow<'Plan'>;
        return quotaOfMonth(plan, row.scope.month, totalUsage(await row.days()).successes);
      },
    }),
    downloadUrl: t.field({
      type: 'URL',
      description:
        'The address of the log of all its runs and pages as CSV with a header, latest first: whoever has it reads the log, for an hour.',
      resolve: (row, _, ctx) => usageUrlOf(ctx.app, row.scope, ctx.now),
    }),
    csv: t.string({
      cost: 100,
      description: `A log of the latest ${MAX_LOG_ROWS} runs and pages as CSV with a header, latest first.`,
      resolve: (row, _, ctx) => usageCsv(ctx, row.scope),
    }),
  }),
});

const Kind = builder.enumType('CompanyObjectKind', {
  description: 'What kind of thing it is.',
  values: { CONNECTION: { description: 'A connection.' }, ASSET: { description: 'An asset.' } },
});
const CompanyObjectType = builder.objectRef<CompanyObject>('CompanyObject').implement({
  description: 'A connection or an asset.',
  fields: (t) => ({
    id: t.id({
      description: 'Opaque and stable; `node(id:)` finds the thing.',
      resolve: (row) => toGlobalId(row.kind === 'ASSET' ? 'Asset' : 'Connection', row.id),
    }),
    kind: t.field({ type: Kind, description: 'What kind of thing it is.', resolve: (row) => row.kind }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

const ObjectOrder = builder.inputType('CompanyObjectOrder', {
  description: 'A sort of connections and assets. Ties are settled by the id.',
  fields: (t) => ({
    field: t.field({
      type: builder.enumType('CompanyObjectSortField', {
        description: 'What connections and assets can be sorted by.',
        values: { UPDATED_AT: { description: 'By the last change.' }, NAME: { description: 'By name.' } },
      }),
      required: true,
      description: 'What to sort by.',
    }),
    direction: t.field({ type: Direction, required: true, defaultValue: 'ASC', description: 'Which way.' }),
  }),
});

builder.prismaObjectFields('Company', (t) => ({
  usage: t.field({
    type: MonthUsage,
    access: 'company:read',
    cost: 5,
    description: 'What it used in a month, and what its plan leaves.',
    args: {
      month: t.arg.string({
        required: false,
        description: 'A calendar month as YYYY-MM, UTC; the current one unless said.',
      }),
    },
    resolve: (company: ModelRow<'Company'>, args, ctx) => {
      const scope = { companyId: company.id, month: readMonth(args.month, ctx.now) };
      return { scope, planId: company.planId, days: once(() => usageByDay(ctx, scope)) };
    },
  }),
  objects: t.field({
    type: connectionType('CompanyObject', CompanyObjectType),
    access: 'company:read',
    listSize: PAGE_SIZE,
    description: `Its connections and assets, what changed last first unless told otherwise. Pages of at most ${MAX_PAGE_SIZE}, 20 unless said.`,
    args: {
      first: t.arg.int({ required: false, description: `How many from the start, 0 to ${MAX_PAGE_SIZE}.` }),
      after: t.arg.string({ required: false, description: 'Begin after the item with this cursor.' }),
      last: t.arg.int({ required: false, description: `How many from the end, 0 to ${MAX_PAGE_SIZE}.` }),
      before: t.arg.string({ required: false, description: 'End before the item with this cursor.' }),
      kind: t.arg({ type: Kind, required: false, description: 'Only those of this kind.' }),
      search: t.arg.string({ required: false, description: 'Only those with this in their name.' }),
      orderBy: t.arg({ type: ObjectOrder, required: false, description: 'The sort.' }),
    },
    resolve: (company, args, ctx) => objectsOf(ctx, company.id, args),
  }),
}));
