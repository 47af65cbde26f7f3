import type { App } from '../context.ts';
import { dropOldAnswers } from '../idempotency.ts';
import { pruneKeyLimits } from '../limits/key-limits.ts';
import { pruneProductLimits } from '../limits/windows-postgres.ts';
import { repairUsage } from './repair.ts';
import { sweepRuns } from './runs.ts';

const SWEEP_MS = 60_000;

/** Puts right what processes that died have left, once: gives back their reservations, then counts what they had not. */
export async function sweep({ database, log }: Pick<App, 'database' | 'log'>): Promise<void> {
  const steps = {
    'the sweep of abandoned runs failed': () => sweepRuns(database),
    'the repair of usage failed': () => repairUsage(database),
    'old counts of key limits could not be dropped': () => pruneKeyLimits(database),
    'old counts of product limits could not be dropped': () => pruneProductLimits(database),
    'old answers of idempotency keys could not be dropped': () => dropOldAnswers(database.query),
  };
  for (const [message, step] of Object.entries(steps)) {
    await step().catch((error: unknown) => log.error({ err: error }, message));
  }
}

/** Sweeps now and then once a minute, in every process; they do not get in each other's way. Answers the way to stop. */
export async function startSweeper(
  app: Pick<App, 'database' | 'log'>,
  everyMs = SWEEP_MS,
): Promise<() => Promise<void>> {
  await sweep(app);
  let sweeping: Promise<void> | null = null;
  const timer = setInterval(() => {
    sweeping ??= sweep(app).finally(() => (sweeping = null));
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await sweeping;
  };
}
