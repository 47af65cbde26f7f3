import { DomainError, throwAll } from '../errors.ts';
import type { Credentials, Platform } from './platforms/platform.ts';

/** What may be read of credentials, and what is sealed. */
export interface SplitCredentials {
  settings: Record<string, string>;
  secrets: Record<string, string>;
}

/** Below this length the last four characters would give away too much. */
const MIN_SHOWN = 12;

/**
 * Checks credentials as the platform wants them and parts what may be read from what is secret.
 * @throws DomainError VALIDATION for each field that is wrong, missing or unknown, with its path
 */
export function splitCredentials(platform: Platform, credentials: Credentials): SplitCredentials {
  const known = platform.credentialFields.map((field) => field.name);
  throwAll(
    platform.checkCredentials(credentials).map((message) => {
      const name = [...known, ...Object.keys(credentials)].find((candidate) => message.startsWith(`${candidate} `));
      return new DomainError('VALIDATION', message, { path: ['input', 'credentials', ...(name ? [name] : [])] });
    }),
  );
  const split: SplitCredentials = { settings: {}, secrets: {} };
  for (const { name, isSecret } of platform.credentialFields) {
    const value = credentials[name]?.trim();
    if (value) split[isSecret ? 'secrets' : 'settings'][name] = value;
  }
  return split;
}

/** The last four characters of the secret, to tell one from another; empty where it is short. */
export function lastFourOf(secrets: Record<string, string>): string {
  const [secret = ''] = Object.values(secrets);
  return secret.length >= MIN_SHOWN ? secret.slice(-4) : '';
}
