import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
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
import { deadline, runStages } from './lifecycle.ts';
import { groupTables } from './tables.ts';
import { scrub } from './wire.ts';

const CATALOGUE_LIMITS: Limits = { timeoutMs: 15_000, maxRows: 200_000, maxBytes: 64 * 1024 * 1024 };

type Rows = Reply & { type: 'rows' };

function settingsError(message: string, hint: string): EngineError {
  return new EngineError('CONNECTION_FAILED', message, { stage: 'SETTINGS', hint });
}

function isUnder(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !/^\.\.[/\\]/.test(way) && !isAbsolute(way);
}

/** The real path of the file that the settings name, which must lie under one of the roots, links followed. */
function databaseFile(settings: Record<string, unknown>, roots: readonly string[]): string {
  const path = settings['path'];
  const hint = 'Give the path of the file inside a directory that this installation offers.';
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw settingsError('The setting path is missing.', hint);
  }
  for (const root of roots) {
    try {
      const realRoot = realpathSync(root);
      const real = realpathSync(resolve(root, path));
      if (isUnder(realRoot, real) && statSync(real).isFile()) return real;
    } catch {
      // Not under this root.
    }
  }
  throw settingsError('The path is not that of a database file in an allowed directory.', hint);
}

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
  /** The directories that files may lie in. */
  roots: string[];
  maxChildren: number;
  program: ChildProgram;
  /** What to do where a file does not open. */
  openHint: string;
  tables: (filter: { schemas?: string[]; tables?: string[]; limit: number }) => Statement;
  typeOf: (engineType: string) => ColumnType;
  /** Reads the plan that its program explains a statement with, in the last column; left out where it explains none. */
  estimateOf?: (plan: Cell) => Estimate;
}

/** An engine that runs queries on files, each query in a locked-down child process. */
export function createFileEngine(options: FileEngineOptions): Engine {
  const pool = new ChildPool(options.program, options.maxChildren);

  async function lease(target: ConnectionTarget, path: string, signal: AbortSignal): Promise<Lease> {
    try {
      return await pool.acquire(target.key, path, signal);
    } catch (error) {
      throw engineError(error, path, 'READ_ONLY', options.openHint);
    }
  }

  async function run(
    target: ConnectionTarget,
    statement: Statement,
    limits: Limits,
    signal: AbortSignal,
    isExplained = false,
  ): Promise<Running> {
    const path = databaseFile(target.settings, options.roots);
    const time = deadline(limits.timeoutMs, signal);
    let held: Lease;
    try {
      held = await lease(target, path, time.signal);
    } catch (error) {
      time.end();
      throw error;
    }
    const { process, release } = held;
    let over = false;
    function end(usable: boolean): void {
      over = true;
      time.end();
      release(usable);
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
        throw engineError(error, path, 'QUERY', options.openHint);
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
    return { columns: first.columns ?? [], chunks: chunks() };
  }

  async function rowsOf(target: ConnectionTarget, statement: Statement, signal: AbortSignal): Promise<Cell[][]> {
    return rowsIn(await run(target, statement, CATALOGUE_LIMITS, signal));
  }

  async function rowsIn(running: Running): Promise<Cell[][]> {
    const rows: Cell[][] = [];
    for await (const { values, rowCount } of running.chunks) {
      for (let r = 0; r < rowCount; r++) rows.push(values.map((column) => column[r] ?? null));
    }
    return rows;
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
    name: options.name,
    dialect: options.dialect,
    can: { cancel: true, sample: true },
    secretSettings: [],
    checkSettings: (settings) => void databaseFile(settings, options.roots),
    run: (target, statement, limits, signal) => run(target, statement, limits, signal),
    test: (target, signal) =>
      runStages([
        { stages: ['SETTINGS'], run: () => void databaseFile(target.settings, options.roots) },
        {
          stages: ['READ_ONLY'],
          run: async () => (await lease(target, databaseFile(target.settings, options.roots), signal)).release(true),
        },
        { stages: ['QUERY'], run: () => rowsOf(target, { sql: 'SELECT 1', values: [] }, signal) },
      ]),
    tables: async (target, filter, signal) =>
      groupTables(await rowsOf(target, options.tables(filter), signal), options.typeOf),
    close: async (key) => pool.close(key),
  };
}
