import { ChildPool } from './child-pool.ts';
import type { Lease } from './child-pool.ts';
import type { ChildProgram } from './child-process.ts';
import type { FailureKind, Reply } from './child-protocol.ts';
import { EngineError } from './engine.ts';
import type {
  Cell,
  Chunk,
  ColumnType,
  ConnectionTarget,
  Dialect,
  Engine,
  Estimate,
  Limits,
  Running,
  Statement,
} from './engine.ts';
import type { FileSource } from './file-source.ts';
import { deadline, orAbort, runStages } from './lifecycle.ts';
import { CATALOGUE_LIMITS, groupTables, rowsIn } from './tables.ts';
import { scrub } from './wire.ts';

type Rows = Reply & { type: 'rows' };

function isFailure(error: unknown): error is { type: 'failed'; kind: FailureKind; message: string } {
  return typeof error === 'object' && error !== null && 'type' in error && error.type === 'failed';
}

function isLate({ reason }: AbortSignal): boolean {
  return reason instanceof EngineError && reason.code === 'QUERY_TIMEOUT';
}

function engineError(error: unknown, path: string, stage: 'READ_ONLY' | 'QUERY', openHint: string): unknown {
  if (!isFailure(error)) return error;
  if (error.kind === 'size') return new EngineError('RESULT_TOO_LARGE', error.message, { stage });
  const message = scrub(error.message, [path]);
  if (stage === 'READ_ONLY') {
    return new EngineError('CONNECTION_FAILED', message, { stage, hint: openHint });
  }
  if (error.kind === 'memory') {
    const advice = 'The query needs more memory than it may have. Let it read, sort or aggregate less at once.';
    return new EngineError('ENGINE_FAILED', `${advice} ${message}`, { stage });
  }
  return new EngineError('ENGINE_FAILED', message, { stage });
}

/** What makes an engine of a library that opens files. */
export interface FileEngineOptions {
  name: string;
  dialect: Dialect;
  /** @throws EngineError CONNECTION_FAILED stage SETTINGS where the settings name no such files. */
  checkSettings: (settings: Record<string, unknown>) => void;
  /** What the settings name as it is now. @throws EngineError as `checkSettings` */
  sourceOf: (settings: Record<string, unknown>) => FileSource | Promise<FileSource>;
  maxChildren: number;
  program: ChildProgram;
  /** Whether its program heeds `Limits.spill`. */
  canSpill?: true;
  /** What to do where a file does not open. */
  openHint: string;
  tables: (filter: { schemas?: string[]; tables?: string[]; limit: number }) => Statement;
  typeOf: (engineType: string) => ColumnType;
  /** Reads the plan that its program explains a statement with, in the last column; left out where it explains none. */
  estimateOf?: (plan: Cell) => Estimate;
  noEstimate: string;
}

/** An engine that runs queries on files, each query in a locked-down child process. */
export function createFileEngine(options: FileEngineOptions): Engine {
  const pool = new ChildPool(options.program, options.maxChildren);

  async function lease(target: ConnectionTarget, source: FileSource, signal: AbortSignal): Promise<Lease> {
    // A process that may write serves that query alone.
    const key = source.spill ? `${target.key} ${source.spill.directory}` : target.key;
    try {
      return await pool.acquire(key, source, signal);
    } catch (error) {
      throw engineError(error, source.path, 'READ_ONLY', options.openHint);
    }
  }

  async function run(
    target: ConnectionTarget,
    statement: Statement,
    limits: Limits,
    signal: AbortSignal,
    isExplained = false,
  ): Promise<Running> {
    const time = deadline(limits.timeoutMs, signal);
    let source: FileSource;
    let held: Lease;
    try {
      source = await orAbort(Promise.resolve(options.sourceOf(target.settings)), time.signal);
      if (limits.spill && options.canSpill) source = { ...source, spill: limits.spill };
      held = await lease(target, source, time.signal);
    } catch (error) {
      time.end();
      throw error;
    }
    const { process, release } = held;
    let over = false;
    function end(usable: boolean): void {
      over = true;
      time.end();
      release(usable && !source.spill);
    }
    function stop(): void {
      if (over) return;
      over = true;
      // What a query that took too long leaves behind is not for the next one.
      if (isLate(time.signal)) process.kill();
      void process.stop(time.signal.reason).then((usable) => end(usable));
    }
    async function ask(body: Parameters<typeof process.request>[0]): Promise<Rows> {
      if (time.signal.aborted) throw time.signal.reason;
      try {
        const reply = await process.request(body);
        if (reply.type !== 'rows') throw new EngineError('ENGINE_FAILED', 'The engine answered out of turn.');
        if (reply.done && !over) end(!reply.worn);
        return reply;
      } catch (error) {
        if (!over) end(isFailure(error) && error.kind === 'query');
        throw engineError(error, source.path, 'QUERY', options.openHint);
      }
    }
    time.signal.addEventListener('abort', stop, { once: true });
    if (time.signal.aborted) stop();
    const first = await ask({
      type: 'run',
      sql: statement.sql,
      values: statement.values,
      maxRows: limits.maxRows,
      maxBytes: limits.maxBytes,
      isExplained,
      sample: limits.sample,
    });
    async function* chunks(): AsyncGenerator<Chunk> {
      try {
        for (let rows = first; ; rows = await ask({ type: 'next' })) {
          if (rows.rowCount > 0) yield { values: rows.values, rowCount: rows.rowCount };
          if (rows.done) return;
        }
      } finally {
        stop();
      }
    }
    return { columns: first.columns ?? [], chunks: chunks(), ...(first.sampling ? { sampling: first.sampling } : {}) };
  }

  async function rowsOf(target: ConnectionTarget, statement: Statement, signal: AbortSignal): Promise<Cell[][]> {
    return rowsIn(await run(target, statement, CATALOGUE_LIMITS, signal));
  }

  const { estimateOf } = options;
  const estimating: Pick<Engine, 'estimate'> = estimateOf
    ? {
        estimate: async (target, statement, timeoutMs, signal) => {
          const rows = await rowsIn(await run(target, statement, { ...CATALOGUE_LIMITS, timeoutMs }, signal, true));
          return estimateOf(rows[0]?.at(-1) ?? null);
        },
      }
    : {};

  return {
    ...estimating,
    estimatesForBuyers: estimateOf !== undefined,
    noEstimate: options.noEstimate,
    name: options.name,
    dialect: options.dialect,
    can: { cancel: true, sample: true },
    secretSettings: [],
    checkSettings: options.checkSettings,
    run: (target, statement, limits, signal) => run(target, statement, limits, signal),
    test: (target, signal) =>
      runStages([
        { stages: ['SETTINGS'], run: () => options.sourceOf(target.settings) },
        {
          stages: ['READ_ONLY'],
          run: async () => (await lease(target, await options.sourceOf(target.settings), signal)).release(true),
        },
        { stages: ['QUERY'], run: () => rowsOf(target, { sql: 'SELECT 1', values: [] }, signal) },
      ]),
    tables: async (target, filter, signal) =>
      groupTables(await rowsOf(target, options.tables(filter), signal), options.typeOf),
    close: async (key) => pool.close(key),
  };
}
