import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { viewerOf, type Context } from '../context.ts';
import { load } from '../lists/loader.ts';
import { mutation } from '../graph/mutation.ts';
import { bool, changeable, clearable, enumOf, expectedVersion, intIdOfType, text } from '../graph/input.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { PartnershipType } from '../graph/product-enums.ts';
import { EVERYBODY, known, refersTo, rowBy, type RowKey } from '../lists/rows.ts';
import { updateCompany } from './service.ts';

const companyById = rowBy<ModelRow<'Company'>>('Company', { where: 't.id = k.company' });

/** The caller's own company. */
export function ownCompany(ctx: Context): Promise<ModelRow<'Company'> | null> {
  return load(ctx, companyById, ownKey(ctx));
}

function ownKey(ctx: Context): RowKey {
  const { companyId } = viewerOf(ctx);
  return { company: companyId, id: companyId };
}

const industryById = rowBy<ModelRow<'Industry'>>('Industry', { type: 'int', where: EVERYBODY });
const countryById = rowBy<ModelRow<'Country'>>('Country', { type: 'int', where: EVERYBODY });
const planById = rowBy<ModelRow<'Plan'>>('Plan', { type: 'int', where: EVERYBODY });

builder.prismaObject('Plan', {
  description: 'How many requests a company has a month.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'FREE, GROWTH or SCALE.' }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    monthlyRequests: t.exposeInt('monthlyRequests', {
      description: 'Successful runs and pages a calendar month, UTC.',
    }),
  }),
});

builder.prismaObject('Company', {
  description: 'A company: seller, buyer or both. The root of all that belongs to the caller.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Company') }),
    handle: t.exposeString('handle', { description: 'Its unique name in addresses, which never changes.' }),
    domain: t.exposeString('domain', {
      description: 'Its unique domain: people with such an e-mail address may join.',
    }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it does.' }),
    timezone: t.exposeString('timezone', { description: 'IANA time zone in which its days begin.' }),
    creditsBalance: t.exposeInt('creditsBalance', { description: 'Credits it has; 1 credit = $0.50.' }),
    hasAcceptedEula: t.exposeBoolean('acceptedEula', {
      description: 'Whether it accepted the EULA: needed to list, price and buy.',
    }),
    stripeAccountId: t.exposeString('stripeAccountId', {
      nullable: true,
      access: 'company:sign',
      description: 'The Stripe Connect account that its payouts go to.',
    }),
    stripeAccountStatus: t.exposeString('stripeAccountStatus', {
      nullable: true,
      description: 'How far its payouts are set up.',
    }),
    vendorShare: t.field({
      type: 'Decimal',
      description: 'Its share of its sales, a fraction of 1.',
      resolve: (row) => String(row.vendorSharePercent ?? '0.80'),
    }),
    partnershipType: t.field({
      type: PartnershipType,
      nullable: true,
      description: 'How it works with the platform.',
      resolve: (row) => row.partnershipType,
    }),
    industry: t.field({
      type: typeNamed('Industry'),
      nullable: true,
      description: 'Its industry.',
      ...refersTo(industryById, 'industryId', null),
    }),
    country: t.field({
      type: typeNamed('Country'),
      nullable: true,
      description: 'Where it is.',
      ...refersTo(countryById, 'countryId', null),
    }),
    plan: t.field({
      type: typeNamed('Plan'),
      description: 'Its plan.',
      ...refersTo(planById, 'planId', null),
    }),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it joined.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

registerNode('Company', async (ctx, key) => {
  const company = ctx.viewer?.permissions.has('company:read') ? await ownCompany(ctx) : null;
  return company?.id === key ? company : null;
});

builder.queryFields((t) => ({
  company: t.field({
    type: typeNamed('Company'),
    nullable: true,
    access: 'company:read',
    description: 'The company of the caller.',
    resolve: (_, __, ctx, info) => known(companyById, ctx, ownKey(ctx), info) as never,
  }),
}));

mutation('companyUpdate', {
  description: "Changes the caller's company. Balance, share, plan and payout state are the platform's alone.",
  access: 'company:write',
  input: {
    name: changeable(text('What it is called.', 200)),
    description: clearable(text('What it does.', 2000)),
    domain: changeable(text('Its domain, such as example.com.', 253, 3)),
    timezone: changeable(text('IANA time zone in which its days begin.', 64)),
    industryId: clearable(intIdOfType('Industry', 'Its industry.')),
    countryId: clearable(intIdOfType('Country', 'Where it is.')),
    partnershipType: clearable(
      enumOf<'SELF_MANAGED' | 'CUSTODIAN'>(PartnershipType, 'How it works with the platform.'),
    ),
    stripeAccountId: clearable(
      text('The Stripe Connect account that payouts go to, pending until verified. Needs the role OWNER.', 70),
    ),
    acceptEula: changeable(bool('true accepts the EULA, which cannot be taken back. Needs the role OWNER.')),
    expectedVersion,
  },
  payload: { company: { type: typeNamed('Company'), description: 'The company as it is now.' } },
  run: async (ctx, input) => ({ company: await updateCompany(ctx, input) }),
});
