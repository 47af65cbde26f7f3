import { orAbort } from '../warehouse/lifecycle.ts';

/** Work that several callers wait for. It goes on as long as one of them is there, and is aborted when the last leaves. */
export interface SharedWork<T> {
  /** Waits for it. @throws the reason of the signal where that caller leaves; what the work throws */
  join(signal: AbortSignal): Promise<T>;
  /** Goes on from now on even if nobody waits: somebody elsewhere does. */
  keepOn(): void;
  /** Whether the last has left: then it comes to nothing. */
  isAbandoned(): boolean;
  /** Aborts it and waits until it has ended. */
  end(reason: Error): Promise<void>;
}

/** Begins work, which has to heed its signal. */
export function shareWork<T>(work: (signal: AbortSignal) => Promise<T>): SharedWork<T> {
  const controller = new AbortController();
  const { signal } = controller;
  let callers = 0;
  let isKept = false;
  const done = work(signal);
  // Whoever joined hears of it; where all have left nobody does.
  const settled = done.then(
    () => {},
    () => {},
  );
  return {
    async join(own) {
      callers++;
      try {
        return await orAbort(done, own);
      } finally {
        callers--;
        if (callers === 0 && !isKept) controller.abort(own.reason);
      }
    },
    keepOn: () => void (isKept = true),
    isAbandoned: () => signal.aborted,
    end(reason) {
      controller.abort(reason);
      return settled;
    },
  };
}
