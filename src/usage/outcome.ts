import type { Cell, Column } from '../warehouse/engine.ts';
import type { RunRow } from './runs.ts';

/** Rows as an answer carries them: by column, in the engine's order. */
export interface Table {
  columns: Column[];
  values: Cell[][];
  rowCount: number;
  isTruncated: boolean;
}

/** A table that was read in part, as a run keeps it. */
export interface Sample {
  table: string;
  fraction: number;
}

/** What a run came to, as its caller gets it. Rows and figures live in the answer alone; they are not stored. */
export type Outcome =
  | { kind: 'CalculationResult'; value: string; isSample: boolean; table: Table }
  | { kind: 'VisualizationResult'; figure: { data: unknown[]; layout: unknown }; table: Table }
  | { kind: 'DataResult'; table: Table }
  | {
      kind: 'RunFailure';
      code: string;
      message: string;
      rule: string | null;
      position: number | null;
      retryAfterMs?: number | null;
    };

/** A run together with its outcome, where the caller has just made it. */
export interface RunWithOutcome extends RunRow {
  outcome?: Outcome;
  warnings?: string[];
}

/** Whole seconds between computing and answering; null where there is no result. */
export function ageSecondsOf(computedAt: Date | null, answeredAt: Date): number | null {
  return computedAt && Math.max(0, Math.round((answeredAt.getTime() - computedAt.getTime()) / 1000));
}

/** The outcome of a run: the one it was answered with, else what is stored of it: a value or a failure. */
export function outcomeOf(run: RunWithOutcome): Outcome | null {
  if (run.outcome) return run.outcome;
  if (run.errorCode)
    return { kind: 'RunFailure', code: run.errorCode, message: run.errorMessage ?? '', rule: null, position: null };
  if (run.value !== null && run.status === 'SUCCEEDED') {
    return {
      kind: 'CalculationResult',
      value: run.value,
      isSample: Boolean(run.sample),
      table: { columns: [], values: [], rowCount: run.rowCount ?? 0, isTruncated: run.isTruncated ?? false },
    };
  }
  return null;
}
