import { explainMissing, given } from '../changes.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import { personOf } from '../users/person.ts';
import type { Integration } from '../generated/prisma/client.ts';
import { newId } from '../ids.ts';
import { lastFourOf, splitCredentials, type SplitCredentials } from './credentials.ts';
import { platformFault, platformOf, type PlatformFault } from './offers.ts';
import type { Credentials, Platform } from './platforms/platform.ts';

export interface IntegrationInput {
  platform: string;
  platformName: string;
  credentials: Credentials;
}

export interface IntegrationChanges {
  id: string;
  platformName?: string | undefined;
  credentials?: Credentials | undefined;
  isEnabled?: boolean | undefined;
  expectedVersion?: number | undefined;
}

const TEST_TIMEOUT_MS = 20_000;

const placeOf = (id: string): string => `Integration/sealedCredentials/${id}`;

/** The columns that hold credentials: what may be read beside what is sealed for this row. */
function columnsOf(ctx: Context, id: string, { settings, secrets }: SplitCredentials) {
  return {
    settings,
    sealedCredentials: ctx.app.sealer.seal(secrets, placeOf(id)),
    credentialsLastFour: lastFourOf(secrets),
  };
}

/**
 * Tries credentials on their platform; nothing is stored. What the platform refuses is an answer, not an error.
 * @throws DomainError UNSUPPORTED, VALIDATION for credentials of the wrong form
 */
export async function testIntegration(
  ctx: Context,
  input: Pick<IntegrationInput, 'platform' | 'credentials'>,
): Promise<{ isOk: boolean; account: string | null; message: string; fault: PlatformFault | null }> {
  const platform = platformOf(ctx, input.platform);
  splitCredentials(platform, input.credentials);
  try {
    const { account } = await platform.test(
      input.credentials,
      AbortSignal.any([ctx.signal, AbortSignal.timeout(TEST_TIMEOUT_MS)]),
    );
    return { isOk: true, account, message: `${platform.displayName} takes these credentials.`, fault: null };
  } catch (error) {
    const fault = platformFault(error);
    if (fault === null) throw error;
    return { isOk: false, account: null, message: fault.message, fault };
  }
}

/**
 * Stores an account on a platform, its secrets sealed. Nothing is sent there: `testIntegration` does that.
 * @throws DomainError FORBIDDEN for a key without a user, UNSUPPORTED, VALIDATION
 */
export async function createIntegration(ctx: Context, input: IntegrationInput): Promise<Integration> {
  const { companyId, userId } = personOf(ctx);
  const platform = platformOf(ctx, input.platform);
  const split = splitCredentials(platform, input.credentials);
  const id = newId();
  return ctx.db.integration.create({
    data: {
      id,
      companyId,
      userId,
      platform: platform.name,
      platformName: input.platformName,
      ...columnsOf(ctx, id, split),
    },
  });
}

/**
 * Changes an integration. Credentials are replaced as a whole: a secret that nobody gave anew is sent to no new address.
 * @throws DomainError NOT_FOUND, VERSION_CONFLICT, VALIDATION
 */
export async function updateIntegration(ctx: Context, input: IntegrationChanges): Promise<Integration> {
  const { companyId } = viewerOf(ctx);
  const { id, platformName, credentials, isEnabled, expectedVersion } = input;
  const row = await ctx.db.integration.findFirst({
    where: { id, companyId, active: true },
    select: { platform: true },
  });
  if (!row) throw notFound('integration', ['input', 'id']);
  const split = credentials && splitCredentials(platformOf(ctx, row.platform), credentials);
  const { count } = await ctx.db.integration.updateMany({
    where: { id, companyId, active: true, ...(expectedVersion ? { version: expectedVersion } : {}) },
    data: {
      ...given({ platformName, isActive: isEnabled }),
      ...(split ? columnsOf(ctx, id, split) : {}),
      version: { increment: 1 },
      updatedAt: ctx.now,
    },
  });
  if (count === 0) await explainMissing(ctx, 'Integration', 'integration', { id, companyId, isActive: true });
  ctx.cache.clear();
  return ctx.db.integration.findUniqueOrThrow({ where: { id } });
}

/** Deletes an integration softly and its secrets for good. @throws DomainError NOT_FOUND, VERSION_CONFLICT */
export async function deleteIntegration(ctx: Context, id: string, expectedVersion: number | undefined): Promise<void> {
  const { companyId } = viewerOf(ctx);
  const { count } = await ctx.db.integration.updateMany({
    where: { id, companyId, active: true, ...(expectedVersion ? { version: expectedVersion } : {}) },
    data: {
      active: false,
      isActive: false,
      sealedCredentials: ctx.app.sealer.seal({}, placeOf(id)),
      credentialsLastFour: '',
      version: { increment: 1 },
      updatedAt: ctx.now,
    },
  });
  if (count === 0) await explainMissing(ctx, 'Integration', 'integration', { id, companyId, isActive: true });
  ctx.cache.clear();
}

/** An integration ready to be used. */
export interface OpenIntegration {
  id: string;
  platform: Platform;
  /** Which account on which site: other settings, another place. */
  settings: Record<string, string>;
  credentials: Credentials;
}

/**
 * Opens an integration of the caller's company for use, and marks it as used.
 * @throws DomainError NOT_FOUND, VALIDATION where it is switched off, both on `integrationId`
 */
export async function openIntegration(ctx: Context, id: string): Promise<OpenIntegration> {
  const path = ['input', 'integrationId'];
  const row = await ctx.db.integration.findFirst({ where: { id, companyId: viewerOf(ctx).companyId, active: true } });
  if (!row) throw notFound('integration', path);
  if (!row.isActive) throw new DomainError('VALIDATION', 'This integration is switched off.', { path });
  await ctx.db.integration.updateMany({ where: { id, companyId: row.companyId }, data: { lastUsedAt: ctx.now } });
  const settings = row.settings as Record<string, string>;
  const secrets = ctx.app.sealer.open(row.sealedCredentials, placeOf(id)) as Record<string, string>;
  return { id, platform: platformOf(ctx, row.platform), settings, credentials: { ...settings, ...secrets } };
}
