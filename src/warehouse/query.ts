import { EngineError } from './engine.ts';
import type { Cell, Column, ConnectionTarget, Engine, Limits, Statement, Tokens } from './engine.ts';
import { NO_SESSION_SAMPLE } from './sample.ts';
import type { Sampling } from './sample.ts';
import { columnsBytes } from './wire.ts';

/** A whole result, column by column: `values[c][r]`. */
export interface QueryResult {
  columns: Column[];
  values: Cell[][];
  rowCount: number;
  /** True where the engine had more rows than the limit. */
  truncated: boolean;
  /** Rough size of the cells as JSON. */
  bytes: number;
  /** What a language model counted; left out by all others. */
  tokens?: Tokens | null;
  /** What the engine calls the statement that gave it; left out by those that have no names. */
  jobId?: string;
  /** What became of the sample, where one was wanted. */
  sampling?: Sampling;
  timings: { queuedMs?: number; firstRowMs: number; totalMs: number };
}

/** What to do with rows beyond `maxRows`. */
export interface CollectOptions {
  onExcess: 'truncate' | 'fail';
}

/** What results may hold together while they are collected: one of them takes several times its bytes in memory. */
const ALL_BYTES = 256 * 1024 * 1024;
/** A result that no others keep from coming. */
const SMALL_BYTES = 4 * 1024 * 1024;
let collecting = 0;

/** Counts `more` bytes of a result that has taken `bytes`: what it has then. @throws EngineError where that is too much */
function taken(bytes: number, more: number, maxBytes: number): number {
  const all = bytes + more;
  if (all > maxBytes) {
    throw new EngineError('RESULT_TOO_LARGE', `The result is larger than ${maxBytes} bytes.`, { stage: 'QUERY' });
  }
  if (all > SMALL_BYTES && collecting + more > Math.max(ALL_BYTES, 2 * maxBytes)) {
    throw new EngineError('ENGINE_BUSY', 'Too many large results are on their way.', {
      hint: 'Try again in a moment.',
      retryAfterMs: 1_000,
    });
  }
  collecting += more;
  return all;
}

/**
 * Runs a statement and collects its rows, at most `maxRows` of them; reads one more to know whether there are more.
 * @throws EngineError ROWS_EXCEEDED (with `onExcess: 'fail'`) or RESULT_TOO_LARGE, ENGINE_BUSY where large results
 * of other queries are coming too; the query stopped in its engine.
 */
export async function collect(
  engine: Engine,
  target: ConnectionTarget,
  statement: Statement,
  limits: Limits,
  options: CollectOptions,
  signal: AbortSignal,
): Promise<QueryResult> {
  const start = performance.now();
  const running = await engine.run(target, statement, limits, signal);
  const firstRowMs = performance.now() - start;
  const values: Cell[][] = running.columns.map(() => []);
  let rowCount = 0;
  let bytes = 0;
  let truncated = false;
  try {
    for await (const chunk of running.chunks) {
      const rows = Math.min(chunk.rowCount, limits.maxRows - rowCount);
      truncated = rows < chunk.rowCount;
      if (truncated && options.onExcess === 'fail') {
        throw new EngineError('ROWS_EXCEEDED', `The result has more than ${limits.maxRows} rows.`, {
          stage: 'QUERY',
          hint: 'Narrow the query, or aggregate in it.',
        });
      }
      const cells = truncated ? chunk.values.map((column) => column.slice(0, rows)) : chunk.values;
      bytes = taken(bytes, columnsBytes(cells), limits.maxBytes);
      for (const [c, column] of cells.entries()) {
        const into = values[c];
        if (into) for (const cell of column) into.push(cell);
      }
      rowCount += rows;
      if (truncated) break;
    }
  } finally {
    collecting -= bytes;
  }
  return {
    columns: running.columns,
    values,
    rowCount,
    truncated,
    bytes,
    ...(running.jobId ? { jobId: running.jobId } : {}),
    ...(limits.sample ? { sampling: running.sampling ?? { whole: NO_SESSION_SAMPLE } } : {}),
    timings: { firstRowMs, totalMs: performance.now() - start },
  };
}
