import { LRUCache } from 'lru-cache';

/** A window is cut into so many slots with a count each; `slot` numbers them from 1970. */
export const SLOTS = 60;
/** A use counts until all of its slot has left the window: in its own and in the 60 after it. */
export const KEPT_SLOTS = SLOTS + 1;

/** The uses of a scope after a question. */
export interface Counted {
  isTaken: boolean;
  /** The newest slot, which may be later than the one asked for: it never goes back. */
  slot: number;
  /** Uses in that slot and in those before it. */
  counts: number[];
}

/** Windows of many scopes. Whoever asks at the same time is counted one after the other. */
export interface WindowStore {
  /** Counts a use in a slot, or in the newest one, unless there are `number` in what is kept. */
  take(scope: string, ask: { slot: number; number: number; keepMs: number }): Promise<Counted>;
  /** Takes a use off a slot, while it counts. */
  giveBack(scope: string, slot: number): Promise<void>;
}

/** Scopes kept; one that is forgotten begins anew. */
const MOST = 50_000;

/** Windows in the memory of this process. */
export function memoryWindows(): WindowStore {
  const windows = new LRUCache<string, { slot: number; counts: number[] }>({ max: MOST });
  return {
    async take(scope, { slot: asked, number }) {
      const last = windows.get(scope) ?? { slot: asked, counts: [] };
      const slot = Math.max(last.slot, asked);
      const newer = Array.from({ length: Math.min(slot - last.slot, KEPT_SLOTS) }, () => 0);
      const counts = [...newer, ...last.counts].slice(0, KEPT_SLOTS);
      const isTaken = counts.reduce((sum, count) => sum + count, 0) < number;
      counts[0] = (counts[0] ?? 0) + Number(isTaken);
      windows.set(scope, { slot, counts });
      return { isTaken, slot, counts };
    },
    async giveBack(scope, slot) {
      const last = windows.get(scope);
      const age = (last?.slot ?? 0) - slot;
      if (last?.counts[age]) last.counts[age]--;
    },
  };
}
