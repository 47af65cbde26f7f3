import type { App, Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { createGuardedFetch } from '../http/guarded-fetch.ts';
import {
  PlatformError,
  type CredentialField,
  type Platform,
  type PlatformErrorCode,
  type PlatformName,
} from './platforms/platform.ts';
import { createPlatforms, unsupportedPlatforms } from './platforms/registry.ts';

/** A platform that people ask for, usable or not. */
export interface PlatformOffer {
  name: string;
  displayName: string;
  credentialFields: CredentialField[];
  unavailableReason: string | null;
}

const byApp = new WeakMap<App, Map<PlatformName, Platform>>();

function platformsOf(app: App): Map<PlatformName, Platform> {
  let platforms = byApp.get(app);
  if (!platforms)
    byApp.set(
      app,
      (platforms = createPlatforms(createGuardedFetch({ allowPrivate: app.config.ALLOW_PRIVATE_CONNECTIONS }))),
    );
  return platforms;
}

/** Names that platforms without an adapter go by. */
const displayNames: Record<string, string> = { MEDIUM: 'Medium', SUBSTACK: 'Substack' };

/** All platforms that people ask for, usable ones first. */
export function platformOffers(app: App): PlatformOffer[] {
  const usable = [...platformsOf(app).values()].map(({ name, displayName, credentialFields }) => ({
    name,
    displayName,
    credentialFields,
    unavailableReason: null,
  }));
  const refused = Object.entries(unsupportedPlatforms).map(([name, unavailableReason]) => ({
    name,
    displayName: displayNames[name] ?? name,
    credentialFields: [],
    unavailableReason,
  }));
  return [...usable, ...refused];
}

/** The adapter of a platform. @throws DomainError UNSUPPORTED on `platform` with the reason */
export function platformOf(ctx: Context, name: string): Platform {
  const platform = platformsOf(ctx.app).get(name as PlatformName);
  if (platform) return platform;
  throw new DomainError('UNSUPPORTED', unsupportedPlatforms[name] ?? 'There is no way to publish there.', {
    path: ['input', 'platform'],
  });
}

/** What the owner of an account may know of a failure there. */
export interface PlatformFault {
  code: PlatformErrorCode;
  message: string;
  /** Members of the article or of the credentials that are to blame, at most 20. */
  fields: string[];
  retryAfterMs: number | null;
}

const MAX_FIELDS = 20;
const MAX_INT = 2_147_483_647;

/** What the owner of an account may know of a failure there; null where it is a bug of ours. */
export function platformFault(error: unknown): PlatformFault | null {
  if (error instanceof PlatformError) {
    const { code, message, fields, retryAfterMs } = error;
    return {
      code,
      message,
      fields: fields.slice(0, MAX_FIELDS),
      retryAfterMs: retryAfterMs === null ? null : Math.min(Math.ceil(retryAfterMs), MAX_INT),
    };
  }
  if (!(error instanceof Error) || error.name !== 'TimeoutError') return null;
  return { code: 'UNAVAILABLE', message: 'The platform did not finish in time.', fields: [], retryAfterMs: null };
}
