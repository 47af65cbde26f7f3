import { EngineError } from '../engine.ts';
import type {
  Cell,
  Chunk,
  Column,
  ColumnType,
  ConnectionTarget,
  Dialect,
  Engine,
  Estimate,
  Limits,
  Running,
  StageResult,
  Statement,
} from '../engine.ts';
import { NO_ESTIMATE, unexplained } from '../estimate.ts';
import type { Plan } from '../estimate.ts';
import { openGuardedSocket } from '../guarded-socket.ts';
import type { NetworkPolicy } from '../guarded-socket.ts';
import { deadline, orAbort, runStages } from '../lifecycle.ts';
import type { Step } from '../lifecycle.ts';
import { ConnectionPool } from '../pool.ts';
import type { Pooled } from '../pool.ts';
import { CATALOGUE_LIMITS, groupTables, rowsIn } from '../tables.ts';
import { metered, scrub } from '../wire.ts';
import type { HttpColumn } from './cells.ts';
import type { HttpClient } from './client.ts';
import { SettingsReader, tooDear } from './settings.ts';

/** Rows as a service sends them; the first page of a job says what their columns are. */
export interface Page {
  columns?: HttpColumn[];
  rows: unknown[];
  /** True where the service has nothing more: nothing needs to be stopped then. */
  isLast: boolean;
}

/** A statement that a service runs. */
export interface Job {
  /** What the service calls it; null where it does not say. */
  id: string | null;
  pages(signal: AbortSignal): AsyncIterator<Page>;
  /** Stops the statement in the service. */
  cancel(signal: AbortSignal): Promise<void>;
}

/** What a service is to the gateway: one connection of a seller, without state between statements. */
export interface Service {
  client: HttpClient;
  /** Hands a statement over. Comes to an end soon, so that what was begun can be stopped. */
  submit(statement: Statement, limits: Limits, signal: AbortSignal): Promise<Job>;
  /** Has a statement explained; services that cannot have no such method. */
  estimate?(statement: Statement, signal: AbortSignal): Promise<Estimate>;
  /** Texts that no message may hold. */
  secrets(): string[];
  destroy(): void;
}

/** How a service is asked for a plan, and what it says. */
export interface Explain {
  /** @throws EngineError where it explains no such statement */
  ask: (statement: Statement) => Statement;
  read: (plan: Plan) => Estimate;
  /** What it says where it explains no statement with values. */
  unbound?: RegExp;
}

/** What makes an engine of a service. */
export interface HttpEngineOptions {
  name: string;
  dialect: Dialect;
  secretSettings: string[];
  network: NetworkPolicy;
  /** @throws EngineError CONNECTION_FAILED stage SETTINGS */
  check: (settings: Record<string, unknown>) => void;
  open: (settings: Record<string, unknown>) => Service;
  tables: (
    settings: Record<string, unknown>,
    filter: { schemas?: string[]; tables?: string[]; limit: number },
  ) => Statement;
  typeOf: (engineType: string) => ColumnType;
  /** What a test says of writing where the service does not tell; null where each statement is held to reading. */
  writeWarning: string | null;
  /** How it explains; left out where its service has `estimate`. */
  explain?: Explain;
  /** Whether `maximumBytesScanned` is held against its plan: its service takes no such bound with a statement. */
  isBoundByPlan?: true;
  estimatesForBuyers?: true;
  noEstimate: string;
}

/** A service may have to wake up first. */
const SERVICE_LIMITS: Limits = { ...CATALOGUE_LIMITS, timeoutMs: 30_000 };
const PLAN_LIMITS = { maxRows: 100_000, maxBytes: 4 * 1024 * 1024 };
/** What an estimate of a statement with values comes to where the service takes none in an explanation. */
export const NO_VALUES = 'The service explains no query with parameters.';
const CANCEL_MS = 5_000;
/** How much longer than a query its submission may take, so that it can be stopped. */
const SUBMIT_GRACE_MS = 5_000;
/** No honest service answers so many times without a row. */
const MAX_EMPTY_PAGES = 20_000;
const JOB_ID = /^[\w.:-]{1,200}$/;

interface Session extends Pooled {
  service: Service;
}

function open(options: HttpEngineOptions, target: ConnectionTarget): Session {
  const service = options.open(target.settings);
  return { service, dead: false, destroy: () => service.destroy(), hold: () => undefined };
}

/** Text of a bound on an answer's body: as text, cells are at most about three times their size. */
export function answerBytes(limits: Limits): number {
  return limits.maxBytes * 3 + 1024 * 1024;
}

/** Rows of a page as a chunk. @throws EngineError ENGINE_FAILED for rows that do not fit the columns. */
function toChunk(rows: unknown[], columns: HttpColumn[]): Chunk {
  const values: Cell[][] = columns.map(() => []);
  for (const row of rows) {
    if (!Array.isArray(row) || row.length !== columns.length) {
      throw new EngineError('ENGINE_FAILED', 'The service sent rows that do not fit its columns.', { stage: 'QUERY' });
    }
    for (const [c, column] of columns.entries()) {
      const value: unknown = row[c];
      values[c]?.push(value === null || value === undefined ? null : column.cell(value));
    }
  }
  return { values, rowCount: rows.length };
}

/** An engine that runs queries on a service behind HTTP. */
export function createHttpEngine(options: HttpEngineOptions): Engine {
  const pool = new ConnectionPool<Session>(async (target) => open(options, target));

  function explained(error: unknown, session: Session, settings: Record<string, unknown>): unknown {
    const secrets = [...session.service.secrets(), ...options.secretSettings.map((name) => settings[name])].filter(
      (secret) => typeof secret === 'string',
    );
    if (!(error instanceof EngineError)) {
      return new EngineError('ENGINE_FAILED', 'The service answered what cannot be understood.', {
        stage: 'QUERY',
        cause: error,
      });
    }
    const { code, stage, hint, cause } = error;
    const message = scrub(error.message, [...secrets, session.service.client.address.host]);
    return new EngineError(code, message, { ...(stage ? { stage } : {}), ...(hint ? { hint } : {}), cause });
  }

  async function run(
    target: ConnectionTarget,
    statement: Statement,
    limits: Limits,
    signal: AbortSignal,
  ): Promise<Running> {
    options.check(target.settings);
    const time = deadline(limits.timeoutMs, signal);
    let session: Session;
    try {
      session = await pool.acquire(target, time.signal);
    } catch (error) {
      time.end();
      throw error;
    }
    let over = false;
    function end(): void {
      if (over) return;
      over = true;
      time.end();
      pool.release(session, true);
    }
    /** Stops the statement in the service, also where the answer to its submission is still to come. */
    function stop(): void {
      if (over) return;
      over = true;
      time.end();
      submitting
        .then((job) => job.cancel(AbortSignal.timeout(CANCEL_MS)))
        .catch(() => undefined)
        .finally(() => pool.release(session, true));
    }
    const failed = (error: unknown): unknown => {
      stop();
      return time.signal.aborted ? time.signal.reason : explained(error, session, target.settings);
    };
    const submitting = session.service.submit(
      statement,
      limits,
      AbortSignal.timeout(limits.timeoutMs + SUBMIT_GRACE_MS),
    );
    submitting.catch(() => undefined);
    // Also where nobody reads on.
    time.signal.addEventListener('abort', stop, { once: true });
    let job: Job;
    let pages: AsyncIterator<Page>;
    let left = limits.maxRows + 1;
    async function next(): Promise<Page> {
      for (let empty = 0; empty < MAX_EMPTY_PAGES; empty++) {
        const { value, done } = await orAbort(pages.next(), time.signal);
        if (done) return { rows: [], isLast: true };
        const page: Page = value;
        if (page.rows.length === 0 && !page.columns && !page.isLast) continue;
        const rows = page.rows.slice(0, left);
        left -= rows.length;
        return { ...page, rows };
      }
      throw new EngineError('ENGINE_FAILED', 'The service sends pages without end.', { stage: 'QUERY' });
    }
    let first: Page & { columns: HttpColumn[] };
    let firstChunk: Chunk;
    try {
      job = await orAbort(submitting, time.signal);
      pages = job.pages(time.signal);
      const page = await next();
      if (!page.columns)
        throw new EngineError('ENGINE_FAILED', 'The service did not say what its columns are.', { stage: 'QUERY' });
      first = { ...page, columns: page.columns };
      firstChunk = metered(() => toChunk(first.rows, first.columns));
      if (first.isLast) end();
      else if (left === 0) stop();
    } catch (error) {
      throw failed(error);
    }
    async function* chunks(): AsyncGenerator<Chunk> {
      try {
        if (firstChunk.rowCount > 0) yield firstChunk;
        for (let isLast = first.isLast; !isLast && left > 0;) {
          let chunk: Chunk;
          try {
            const page = await next();
            chunk = metered(() => toChunk(page.rows, first.columns));
            ({ isLast } = page);
          } catch (error) {
            throw failed(error);
          }
          if (isLast) end();
          else if (left === 0) stop();
          if (chunk.rowCount > 0) yield chunk;
        }
      } finally {
        stop();
      }
    }
    const columns: Column[] = first.columns.map(({ name, type, engineType }) => ({ name, type, engineType }));
    // A service may call it what it likes: what is no name is not kept.
    const jobId = job.id !== null && JOB_ID.test(job.id) ? job.id : null;
    return { columns, chunks: chunks(), jobId };
  }

  async function read(
    target: ConnectionTarget,
    statement: Statement,
    limits: Limits,
    signal: AbortSignal,
  ): Promise<Plan> {
    const running = await run(target, statement, limits, signal);
    const rows = await rowsIn(running);
    return { names: running.columns.map(({ name }) => name), rows };
  }

  async function rowsOf(target: ConnectionTarget, statement: Statement, signal: AbortSignal): Promise<Cell[][]> {
    return (await read(target, statement, SERVICE_LIMITS, signal)).rows;
  }

  async function test(target: ConnectionTarget, signal: AbortSignal): Promise<StageResult[]> {
    const steps: Step[] = [{ stages: ['SETTINGS'], run: () => options.check(target.settings) }];
    let service: Service;
    try {
      service = options.open(target.settings);
    } catch {
      return runStages(steps);
    }
    const { client } = service;
    const { address } = client;
    steps.push({
      stages: ['DNS', 'TCP'],
      run: async () => void (await openGuardedSocket(address.host, address.port, options.network, signal)).destroy(),
    });
    if (address.isSecure) steps.push({ stages: ['TLS'], run: () => orAbort(client.reach(), signal) });
    steps.push({
      stages: ['LOGIN', 'QUERY'],
      run: async () => void (await rowsOf(target, { sql: 'SELECT 1', values: [] }, signal)),
    });
    const results = await runStages(steps);
    service.destroy();
    const last = results.at(-1);
    if (last?.stage !== 'QUERY' || !last.ok) return results;
    const readOnly: StageResult = {
      stage: 'READ_ONLY',
      ok: true,
      elapsedMs: 0,
      message: options.writeWarning,
      hint: null,
    };
    return [...results.slice(0, -1), readOnly, last];
  }

  async function explain(
    { ask, read: readPlan, unbound }: Explain,
    target: ConnectionTarget,
    statement: Statement,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Estimate> {
    let plan: Plan;
    try {
      plan = await read(target, ask(statement), { ...PLAN_LIMITS, timeoutMs }, signal);
    } catch (error) {
      const isUnbound = statement.values.length > 0 && error instanceof EngineError && unbound?.test(error.message);
      throw isUnbound ? unexplained(NO_VALUES) : error;
    }
    return readPlan(plan);
  }

  /** Runs a statement that reads no more, as its service foresees, than the connection allows. */
  async function runBounded(
    target: ConnectionTarget,
    statement: Statement,
    limits: Limits,
    signal: AbortSignal,
  ): Promise<Running> {
    const most = options.isBoundByPlan ? new SettingsReader(target.settings).maximumBytesScanned() : null;
    if (most === null || !options.explain) return run(target, statement, limits, signal);
    const start = performance.now();
    const { bytes } = await explain(options.explain, target, statement, limits.timeoutMs, signal);
    if (bytes === null)
      throw unexplained('The service does not say how much the query reads, and the connection bounds it.');
    if (bytes > most) throw tooDear();
    const timeoutMs = Math.max(1, Math.ceil(limits.timeoutMs - (performance.now() - start)));
    return run(target, statement, { ...limits, timeoutMs }, signal);
  }

  async function estimate(
    target: ConnectionTarget,
    statement: Statement,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Estimate> {
    if (options.explain) return explain(options.explain, target, statement, timeoutMs, signal);
    options.check(target.settings);
    const time = deadline(timeoutMs, signal);
    try {
      const session = await pool.acquire(target, time.signal);
      try {
        return (await session.service.estimate?.(statement, time.signal)) ?? NO_ESTIMATE;
      } catch (error) {
        throw time.signal.aborted ? time.signal.reason : explained(error, session, target.settings);
      } finally {
        pool.release(session, true);
      }
    } finally {
      time.end();
    }
  }

  return {
    estimate,
    estimatesForBuyers: options.estimatesForBuyers ?? false,
    noEstimate: options.noEstimate,
    name: options.name,
    dialect: options.dialect,
    can: { cancel: true, sample: false },
    secretSettings: options.secretSettings,
    checkSettings: options.check,
    run: runBounded,
    test,
    tables: async (target, filter, signal) => {
      const { settings } = target;
      if (filter.schemas?.length === 0 || filter.tables?.length === 0) return [];
      return groupTables(await rowsOf(target, options.tables(settings, filter), signal), options.typeOf);
    },
    close: async (key) => pool.close(key),
  };
}

/** Waits between two looks at a statement: longer each time, at most a second. */
export async function pause(attempt: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(1_000, 50 * 2 ** attempt);
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await orAbort(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}
