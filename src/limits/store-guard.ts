import type { Log } from '../log.ts';

/** How long a store that failed is left alone. */
const REST_MS = 1000;

/** The way to a store that other processes count in, too. */
export interface StoreGuard {
  /** Asks it. @throws Error where it fails, or has failed just now. */
  ask<T>(work: () => Promise<T>): Promise<T>;
  /** Says that it was heard to be gone. */
  lost(error: unknown): void;
}

/**
 * Keeps a store that fails from being asked by everybody: after a failure one of them tries again each second. The log has
 * a line when it is gone and a line when it is back.
 */
export function guardStore(name: string, log: Log): StoreGuard {
  let isLost = false;
  let restsUntil = 0;
  const rest = (): void => void (restsUntil = performance.now() + REST_MS);
  function lost(error: unknown): void {
    rest();
    if (!isLost) log.warn({ err: error }, `${name} does not answer: rate limits are counted in this process alone`);
    isLost = true;
  }
  return {
    async ask(work) {
      const isTrial = isLost;
      if (isTrial) {
        if (performance.now() < restsUntil) throw new Error(`${name} did not answer.`);
        rest();
      }
      try {
        const answer = await work();
        // Those that were under way when it went say nothing of whether it is back.
        if (isTrial && isLost) {
          isLost = false;
          log.info(`${name} answers: rate limits are counted there again`);
        }
        return answer;
      } catch (error) {
        lost(error);
        throw error;
      }
    },
    lost,
  };
}
