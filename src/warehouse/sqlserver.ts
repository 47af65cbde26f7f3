import { EngineError } from './engine.ts';
import type { Cell, Chunk, ConnectionTarget, Engine, Estimate, Limits, Running, Statement } from './engine.ts';
import { sqlserverEstimate, unexplained } from './estimate.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { openGuardedSocket } from './guarded-socket.ts';
import { deadline, orAbort, runStages } from './lifecycle.ts';
import { ConnectionPool } from './pool.ts';
import { RIGHTS, tablesStatement } from './sqlserver-catalogue.ts';
import { loadTedious } from './sqlserver-driver.ts';
import type { Tedious } from './sqlserver-driver.ts';
import { planOf } from './sqlserver-plan.ts';
import { SqlserverRows } from './sqlserver-rows.ts';
import { SqlserverSession } from './sqlserver-session.ts';
import { sqlserverSettings } from './sqlserver-settings.ts';
import { sqlserverCell, sqlserverColumnType, sqlserverTypeName, sqlserverTypeOfName } from './sqlserver-types.ts';
import { CATALOGUE_LIMITS, groupTables, rowsIn } from './tables.ts';
import { scrub } from './wire.ts';

// There is no transaction that only reads: whatever a statement writes is undone, and it waits for nobody.
const BEGIN = 'SET LOCK_TIMEOUT 2000; SET DEADLOCK_PRIORITY LOW; SET XACT_ABORT ON; BEGIN TRANSACTION';
const LOST = new Set(['ESOCKET', 'ECLOSE', 'ECONNRESET', 'EPIPE', 'ETIMEOUT', 'EINVALIDSTATE']);
/** Numbers of errors that come from other sessions' work. */
const BUSY = new Set([1205, 1222]);
const SHOWPLAN_DENIED = 262;

function queryError(error: unknown, settings: Record<string, unknown>): unknown {
  if (error instanceof EngineError || !(error instanceof Error)) return error;
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const message = first instanceof Error ? first.message : error.message;
  const code = 'code' in error ? String(error.code) : '';
  const more = { stage: 'QUERY', cause: error } as const;
  const number = first instanceof Error && 'number' in first ? Number(first.number) : null;
  if (LOST.has(code) || (number === null && code !== 'EREQUEST')) {
    return new EngineError('ENGINE_FAILED', 'The connection to the database broke off.', {
      ...more,
      hint: 'Try again.',
    });
  }
  if (number === SHOWPLAN_DENIED)
    return unexplained('This user may not see plans: GRANT SHOWPLAN lets it, and nothing more.');
  const secrets = [settings['password'], settings['host']].filter((secret) => typeof secret === 'string');
  const hint = number !== null && BUSY.has(number) ? 'Others are writing to these rows: try again.' : null;
  return new EngineError('ENGINE_FAILED', scrub(message, secrets), { ...more, ...(hint ? { hint } : {}) });
}

/**
 * The engine that runs sellers' queries on SQL Server and Azure SQL Database, each in a transaction that is undone, over a
 * guarded connection. `driver` stands in for the package in tests.
 */
export function createSqlserver(options: { network: NetworkPolicy; driver?: () => Promise<Tedious> }): Engine {
  const { network } = options;
  const settingsOf = (target: ConnectionTarget) => sqlserverSettings(target.settings, network);
  const open = async (target: ConnectionTarget, signal: AbortSignal): Promise<SqlserverSession> => {
    const settings = settingsOf(target);
    return SqlserverSession.open(await loadTedious(options.driver), settings, network, signal);
  };
  const pool = new ConnectionPool(open);

  async function run(
    target: ConnectionTarget,
    statement: Statement,
    limits: Limits,
    signal: AbortSignal,
  ): Promise<Running> {
    const time = deadline(limits.timeoutMs, signal);
    let session: SqlserverSession;
    try {
      session = await pool.acquire(target, time.signal);
    } catch (error) {
      time.end();
      throw error;
    }
    const rows = new SqlserverRows(limits.maxRows);
    let over = false;
    let tooLarge: EngineError | null = null;
    /** Stops the query in the server and ends the connection. */
    function abort(): void {
      if (over) return;
      over = true;
      void session.cancel().then(() => {
        time.end();
        pool.release(session, false);
      });
    }
    /** Stops what is left of the query, undoes what it did, and gives the connection back. */
    async function finish(): Promise<void> {
      if (over) return;
      over = true;
      time.end();
      const clean = async (): Promise<void> => {
        if (!rows.isOver) await session.cancel();
        await session.reset();
      };
      try {
        await orAbort(clean(), AbortSignal.timeout(5_000));
        pool.release(session, true);
      } catch {
        pool.release(session, false);
      }
    }
    time.signal.addEventListener('abort', abort, { once: true });
    const failed = (error: unknown): unknown => {
      if (time.signal.aborted) return time.signal.reason;
      if (session.dead) abort();
      else void finish();
      return tooLarge ?? queryError(error, target.settings);
    };
    // Text is twice as long on the wire as in JSON at most, a small number four times.
    const bytes = limits.maxBytes * 4 + 64 * 1024;
    const onExcess = (): void => {
      tooLarge = new EngineError('RESULT_TOO_LARGE', `The result is larger than ${limits.maxBytes} bytes.`, {
        stage: 'QUERY',
      });
    };
    async function take(): Promise<Awaited<ReturnType<SqlserverRows['take']>>> {
      try {
        return await orAbort(rows.take(), time.signal);
      } catch (error) {
        throw failed(error);
      }
    }
    let fields;
    try {
      await orAbort(session.batch(BEGIN), time.signal);
      const done = session.start(statement.sql, statement.values, { bytes, onExcess }, (request) =>
        rows.listen(request),
      );
      void done.then((error) => rows.end(error));
      fields = await orAbort(rows.columns(), time.signal);
    } catch (error) {
      throw failed(error);
    }
    const convert = fields.map(sqlserverCell);
    function chunk(portion: unknown[][]): Chunk {
      const values = convert.map((toCell, c) =>
        portion.map((row): Cell => {
          const value = row[c];
          return value === null || value === undefined ? null : toCell(value);
        }),
      );
      return { values, rowCount: portion.length };
    }
    async function* chunks(): AsyncGenerator<Chunk> {
      try {
        for (;;) {
          const { rows: portion, isLast } = await take();
          if (isLast) void finish();
          if (portion.length > 0) yield chunk(portion);
          if (isLast) return;
        }
      } finally {
        void finish();
      }
    }
    const columns = fields.map((field) => ({
      name: field.colName,
      type: sqlserverColumnType(field),
      engineType: sqlserverTypeName(field),
    }));
    return { columns, chunks: chunks() };
  }

  async function rowsOf(target: ConnectionTarget, statement: Statement, signal: AbortSignal): Promise<Cell[][]> {
    return rowsIn(await run(target, statement, CATALOGUE_LIMITS, signal));
  }

  /** On a session that ends with it: whether a server switches back fully is nothing to rely on. */
  async function estimate(
    target: ConnectionTarget,
    statement: Statement,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Estimate> {
    const time = deadline(timeoutMs, signal);
    try {
      const session = await pool.acquire(target, time.signal);
      try {
        await orAbort(session.batch(BEGIN), time.signal);
        return sqlserverEstimate(await orAbort(planOf(session, statement), time.signal));
      } catch (error) {
        throw time.signal.aborted ? time.signal.reason : queryError(error, target.settings);
      } finally {
        pool.release(session, false);
      }
    } finally {
      time.end();
    }
  }

  async function checkRights(target: ConnectionTarget, signal: AbortSignal): Promise<string | null> {
    const [row] = await rowsOf(target, { sql: RIGHTS, values: [] }, signal);
    return row?.[0] === 1
      ? 'This user may write to the database. Give the gateway a user that is in the role db_datareader alone.'
      : null;
  }

  return {
    name: 'sqlserver',
    dialect: 'sqlserver',
    can: { cancel: true, sample: false },
    secretSettings: ['password'],
    checkSettings: (settings) => void sqlserverSettings(settings, network),
    run,
    estimate,
    estimatesForBuyers: true,
    noEstimate: 'SQL Server gave no numbers in its plan.',
    test: (target, signal) => {
      return runStages([
        {
          stages: ['SETTINGS'],
          run: async () => {
            settingsOf(target);
            await loadTedious(options.driver);
          },
        },
        {
          stages: ['DNS', 'TCP'],
          run: async () => {
            const { host, port } = settingsOf(target);
            (await openGuardedSocket(host, port, network, signal)).destroy();
          },
        },
        {
          stages: target.settings['tls'] === 'DISABLED' ? ['LOGIN'] : ['TLS', 'LOGIN'],
          run: async () => (await open(target, signal)).destroy(),
        },
        { stages: ['READ_ONLY'], run: () => checkRights(target, signal) },
        { stages: ['QUERY'], run: () => rowsOf(target, { sql: 'SELECT 1', values: [] }, signal) },
      ]);
    },
    tables: async (target, filter, signal) =>
      groupTables(await rowsOf(target, tablesStatement(filter), signal), sqlserverTypeOfName),
    close: async (key) => pool.close(key),
  };
}
