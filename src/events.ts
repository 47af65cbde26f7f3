import { afterCommit, type Context } from './context.ts';

/** Something about an asset that its company or its buyers may watch. */
export interface AssetEvent {
  kind: 'ASSET_UPDATED' | 'PRICE_CHANGED' | 'RESULT_CHANGED';
  assetId: string;
  /** A sentence for whoever watches. Of RESULT_CHANGED only the asset's own company reads it: it may hold the value. */
  message: string;
  /** Facts for programs, plain JSON; of RESULT_CHANGED for the asset's own company alone. `isListed: false` says that it just left the marketplace. */
  details: Record<string, unknown>;
  /** By how much the value moved, in percent of the former one; left out where that cannot be said. */
  changePercent?: number;
}

type Listener = (ctx: Context, event: AssetEvent) => Promise<unknown>;

const listeners = new Set<Listener>();

/** What slices tell to slices on their right, which they do not know. */
export const events = {
  /** Hears of every event from now on; answers the way to stop. */
  on(listener: Listener): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },

  /**
   * Tells all listeners and waits for what they store; within a transaction once it is committed, so that nobody hears
   * of what did not happen. Never throws: what fails is theirs and goes to the log.
   */
  emit(ctx: Context, event: AssetEvent): Promise<void> {
    return afterCommit(ctx, async () => {
      for (const listener of listeners) {
        try {
          await listener(ctx, event);
        } catch (error) {
          ctx.log.error({ err: error, kind: event.kind, assetId: event.assetId }, 'a listener of an event failed');
        }
      }
    });
  },
};
