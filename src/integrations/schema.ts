import type { OutputRef } from '@pothos/core';
import { z } from 'zod';
import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import { enumFilter, scalarFilter } from '../lists/filters.ts';
import { uuidOf } from '../ids.ts';
import { bool, changeable, enumOf, expectedVersion, idOfType, json, text, type InputField } from '../graph/input.ts';
import { listOf, substring } from '../lists/lists.ts';
import { load } from '../lists/loader.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf, NodeInterface, registerNode } from '../graph/nodes.ts';
import { PlatformFailure, PublishingPlatform } from '../graph/product-enums.ts';
import { OWN, OWN_ANY, refersTo, rowBy } from '../lists/rows.ts';
import { platformOffers, type PlatformOffer } from './offers.ts';
import type { Credentials } from './platforms/platform.ts';
import { createIntegration, deleteIntegration, testIntegration, updateIntegration } from './service.ts';

type IntegrationRow = ModelRow<'Integration'>;

const ownIntegration = rowBy<IntegrationRow>('Integration', { where: OWN, isFull: false });
/** Also users that were deleted: they stay the owners of what they made. */
const anyUser = rowBy<ModelRow<'User'>>('User', { where: OWN_ANY });

const PlatformName = builder.enumType('PlatformName', {
  description: 'A platform that people ask for; see publishingPlatforms for which can be used.',
  values: {
    WORDPRESS: { description: 'WordPress, with an application password.' },
    GHOST: { description: 'Ghost, with the key of a custom integration.' },
    DEV: { description: 'DEV and other Forem sites.' },
    BEEHIIV: { description: 'beehiiv.' },
    WEBHOOK: { description: 'Any address, by a signed webhook.' },
    MEDIUM: { description: 'Medium; it gives out no new tokens.' },
    SUBSTACK: { description: 'Substack; it has no API for this.' },
  } as const,
});

const Field = builder.objectRef<PlatformOffer['credentialFields'][number]>('PlatformCredentialField').implement({
  description: 'A value that a platform needs to be reached.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name within `credentials`.' }),
    isSecret: t.exposeBoolean('isSecret', { description: 'Whether it is sealed and never shown again.' }),
    isRequired: t.exposeBoolean('isRequired', { description: 'Whether it must be there.' }),
    description: t.exposeString('description', { description: 'What it is and where to find it.' }),
  }),
});

const Offer = builder.objectRef<PlatformOffer>('PublishingPlatformOffer').implement({
  description: 'A platform for articles, and what it needs.',
  fields: (t) => ({
    name: t.field({
      type: PlatformName,
      description: 'Its name for integrationCreate.',
      resolve: (offer) => offer.name as 'WORDPRESS',
    }),
    displayName: t.exposeString('displayName', { description: 'Its name for people.' }),
    credentialFields: t.field({
      type: [Field],
      description: 'What `credentials` takes, at most 5; empty where it cannot be used.',
      resolve: (offer) => offer.credentialFields,
    }),
    isAvailable: t.boolean({
      description: 'Whether this gateway can publish there.',
      resolve: (offer) => offer.unavailableReason === null,
    }),
    unavailableReason: t.exposeString('unavailableReason', {
      nullable: true,
      description: 'Why it cannot, and what to do instead; null where it can.',
    }),
  }),
});

builder.queryField('publishingPlatforms', (t) =>
  t.field({
    type: [Offer],
    access: 'public',
    description: 'All platforms for articles that people ask for, usable ones first, at most 20.',
    resolve: (_, __, ctx) => platformOffers(ctx.app),
  }),
);

builder.prismaObject('Integration', {
  description: 'An account on a platform where articles can be published. Its secrets are written only, never read.',
  interfaces: [NodeInterface as never],
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable.', resolve: idOf('Integration') }),
    platform: t.field({ type: PublishingPlatform, description: 'The platform.', resolve: (row) => row.platform }),
    platformName: t.exposeString('platformName', { description: 'What the company calls it.' }),
    settings: t.field({
      type: 'JSON',
      description: 'The credentials that are no secret, such as the address of the site, by name.',
      resolve: (row) => row.settings,
    }),
    maskedCredentials: t.string({
      description: '`****` and the last four characters of the secret, which are left out where it is short.',
      resolve: (row) => `****${row.credentialsLastFour}`,
    }),
    isEnabled: t.exposeBoolean('isActive', { description: 'Whether it can be published through.' }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last published through, with or without success; null for never.',
      resolve: (row) => row.lastUsedAt,
    }),
    owner: t.field({
      type: typeNamed('User'),
      nullable: true,
      description: 'Who made it.',
      ...refersTo(anyUser, 'userId'),
    }),
    version: t.exposeInt('version', { description: 'Counts its changes; for `expectedVersion`.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  }),
});

registerNode('Integration', (ctx, key) =>
  ctx.viewer?.permissions.has('company:read')
    ? load(ctx, ownIntegration, { company: ctx.viewer.companyId, id: key })
    : Promise.resolve(null),
);

const integrations = listOf({
  name: 'Integration',
  model: 'Integration',
  type: typeNamed('Integration') as unknown as OutputRef<unknown>,
  filters: {
    platform: enumFilter('PublishingPlatform', PublishingPlatform, 't.platform', 'The platform.'),
    isEnabled: scalarFilter('Boolean', 't."isActive"', 'Whether it can be published through.'),
    createdAt: scalarFilter('DateTime', 't."createdAt"', 'When it was made.'),
  },
  sorts: {
    PLATFORM_NAME: { sql: 't."platformName"', type: 'text', description: 'By name.' },
    CREATED_AT: { sql: 't."createdAt"', type: 'timestamptz', description: 'By age.' },
    LAST_USED_AT: { sql: 't."lastUsedAt"', type: 'timestamptz', isNullable: true, description: 'By their last use.' },
  },
  defaultSort: ['CREATED_AT'],
  search: substring('t."platformName"'),
});

builder.prismaObjectFields('Company', (t) => ({
  integrations: integrations.field(t as never, {
    description: 'Its accounts on platforms for articles.',
    access: 'company:read',
    place: { by: { sql: 't."companyId"', type: 'uuid' }, where: OWN },
    from: (company: ModelRow<'Company'>) => ({ company: company.id, parent: company.id }),
  }),
  integration: t.field({
    type: typeNamed('Integration'),
    nullable: true,
    access: 'company:read',
    description: 'One of its integrations by id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'The opaque id of an integration.' }) },
    resolve: (company, { id }, ctx) =>
      load(ctx, ownIntegration, { company: company.id, id: uuidOf('Integration', id) }) as never,
  }),
}));

const platform = enumOf<string>(PlatformName, 'The platform.');
const platformName = text('What to call it.', 100);
const values = z.record(
  z.string().max(64, 'At most 64 characters.'),
  z.string('Takes text.').max(4096, 'At most 4096 characters.'),
  'Takes an object of texts.',
);
const credentials = json(
  'An object with the credential fields of the platform as texts; see publishingPlatforms.',
  values,
) as InputField<Credentials>;
const id = idOfType('Integration', 'The integration.');
const integration = { type: typeNamed('Integration'), description: 'The integration as it is now.' };

mutation('integrationTest', {
  description:
    'Tries credentials on a platform without storing or publishing anything; what the platform refuses is told as `isOk: false`.',
  access: 'integrations:write',
  cost: 100,
  input: { platform, credentials },
  payload: {
    isOk: { type: 'Boolean', description: 'Whether the platform takes them.' },
    account: { type: 'String', description: 'Whose account or site they open; null where they open none.' },
    message: { type: 'String', description: 'What the platform said.' },
    failure: { type: PlatformFailure, description: 'What kind of failure it is; null where there is none.' },
    fields: {
      type: ['String'],
      description: 'Names of the credentials that are to blame, where the platform says so: at most 20.',
    },
  },
  run: async (ctx, input) => {
    const { fault, ...answer } = await testIntegration(ctx, input);
    return { ...answer, failure: fault?.code ?? null, fields: fault?.fields ?? [] };
  },
});

mutation('integrationCreate', {
  description: 'Stores an account on a platform. Try the credentials with integrationTest before.',
  access: 'integrations:write',
  input: { platform, platformName, credentials },
  payload: { integration },
  run: async (ctx, input) => ({ integration: await createIntegration(ctx, input) }),
});

mutation('integrationUpdate', {
  description: 'Changes an integration. New credentials replace the former ones as a whole.',
  access: 'integrations:write',
  input: {
    id,
    platformName: changeable(platformName),
    credentials: changeable(credentials),
    isEnabled: changeable(bool('Whether it can be published through.')),
    expectedVersion,
  },
  payload: { integration },
  run: async (ctx, input) => ({ integration: await updateIntegration(ctx, input) }),
});

mutation('integrationDelete', {
  description: 'Deletes an integration, its secrets for good. What was published through it stays where it is.',
  access: 'integrations:write',
  input: { id, expectedVersion },
  payload: { deletedId: { type: 'ID', description: 'The id that is gone.' } },
  run: async (ctx, input) => {
    await deleteIntegration(ctx, input.id, input.expectedVersion);
    return { deletedId: idOf('Integration')(input) };
  },
});
