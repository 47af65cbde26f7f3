/** The platforms, by name. */
import type { GuardedFetch } from '../../http/guarded-fetch.ts';
import { createBeehiiv } from './beehiiv.ts';
import { createDev } from './dev.ts';
import { createGhost } from './ghost.ts';
import type { Platform, PlatformName } from './platform.ts';
import { createWebhook } from './webhook.ts';
import { createWordPress } from './wordpress.ts';

/** Builds every adapter on one guarded fetch; `beehiivBase` is for tests, the others take their address as credential. */
export function createPlatforms(
  fetch: GuardedFetch,
  options: { beehiivBase?: string } = {},
): Map<PlatformName, Platform> {
  const platforms = [
    createWordPress(fetch),
    createGhost(fetch),
    createDev(fetch),
    createBeehiiv(fetch, options.beehiivBase),
    createWebhook(fetch),
  ];
  return new Map(platforms.map((platform) => [platform.name, platform]));
}

/** Platforms that people ask for, and why there is no adapter. */
export const unsupportedPlatforms: Record<string, string> = {
  MEDIUM:
    'Medium gives out no new API tokens and no longer supports its API. Publish elsewhere and use "Import a story" with that address.',
  SUBSTACK: 'Substack has no public API for publishing. Copy the HTML of the post into its editor.',
};
