import { setTimeout as sleep } from 'node:timers/promises';
import Cursor from 'pg-cursor';
import { EngineError } from './engine.ts';
import type { Cell, Chunk, Column, ConnectionTarget, Engine, Limits, Running, Statement, TableInfo } from './engine.ts';
import { EXPLAIN, postgresEstimate, redshiftEstimate } from './estimate.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { openGuardedSocket } from './guarded-socket.ts';
import { deadline, orAbort, runStages } from './lifecycle.ts';
import { networkSettings } from './network-settings.ts';
import { ConnectionPool } from './pool.ts';
import { FunctionRule } from './postgres-functions.ts';
import { REDSHIFT_RESET, REDSHIFT_RIGHTS, redshiftBegin, redshiftTables } from './postgres-redshift.ts';
import { sampleFailure, sampleRefusal, sampleView } from './postgres-sample.ts';
import { PostgresSession } from './postgres-session.ts';
import { postgresCell, postgresColumnType, postgresTypeName, postgresTypeOfName } from './postgres-types.ts';
import { isSampled, NO_SESSION_SAMPLE } from './sample.ts';
import type { SampleBounds, Sampling } from './sample.ts';
import { CATALOGUE_LIMITS, groupTables, rowsIn } from './tables.ts';
import { metered, scrub } from './wire.ts';

const CANCEL_EVERY_MS = 50;
const CANCEL_TRIES = 40;
const DEFAULT_PORT = 5432;
const ROWS_AT_ONCE = 1000;
const LOCK_TIMEOUT_MS = 2_000;

interface Field {
  name: string;
  dataTypeID: number;
  dataTypeModifier: number;
}

/** Reads the next rows of a cursor as texts, with the result's fields. */
function read(
  cursor: Cursor<(string | null)[]>,
  count: number,
): Promise<{ rows: (string | null)[][]; fields: Field[] }> {
  return new Promise((resolve, reject) => {
    cursor.read(count, (error, rows, result) => {
      if (error) reject(error);
      else resolve({ rows, fields: result.fields });
    });
  });
}

function queryError(error: unknown, settings: Record<string, unknown>): unknown {
  if (error instanceof EngineError || !(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  const more = { stage: 'QUERY', cause: error } as const;
  if (code === '57014')
    return new EngineError('QUERY_TIMEOUT', 'The database stopped the query: it took too long.', more);
  if (code === '57P01' || code === '08006' || /Connection terminated|ECONNRESET|EPIPE/.test(error.message)) {
    return new EngineError('ENGINE_FAILED', 'The connection to the database broke off.', {
      ...more,
      hint: 'Try again.',
    });
  }
  const secrets = [settings['password'], settings['host']].filter((secret) => typeof secret === 'string');
  return new EngineError('ENGINE_FAILED', scrub(error.message, secrets), more);
}

/** Where a view is given, the transaction makes it first and only reads from then on; the view goes with it. */
function begin(timeoutMs: number, isRedshift: boolean, view: string | null = null): string {
  const ms = Math.max(1, Math.ceil(timeoutMs));
  if (isRedshift) return redshiftBegin(ms);
  return `BEGIN${view === null ? ' READ ONLY' : ''};
    SET LOCAL statement_timeout = ${ms};
    SET LOCAL lock_timeout = ${Math.min(LOCK_TIMEOUT_MS, ms)};
    SET LOCAL idle_in_transaction_session_timeout = ${ms + 1000};
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL datestyle = 'ISO';
    SET LOCAL bytea_output = 'hex';
    ${view === null ? '' : `${view}; SET TRANSACTION READ ONLY;`}
    SELECT 1`;
}

/** The engine that runs sellers' queries on PostgreSQL, in a read-only transaction over a guarded connection. */
export function createPostgres(options: { network: NetworkPolicy }): Engine {
  const { network } = options;
  const pool = new ConnectionPool((target, signal) =>
    PostgresSession.open(networkSettings(target.settings, DEFAULT_PORT), network, signal),
  );

  const functions = new FunctionRule();

  /** Gives a connection back as clean as a new one, or ends it. */
  async function reset(session: PostgresSession): Promise<void> {
    try {
      await orAbort(session.client.query('ROLLBACK'), AbortSignal.timeout(5_000));
      await orAbort(
        session.client.query(session.isRedshift ? REDSHIFT_RESET : 'DISCARD ALL'),
        AbortSignal.timeout(5_000),
      );
      pool.release(session, true);
    } catch {
      pool.release(session, false);
    }
  }

  /** `statementFor` writes the statement for the kind of server that turns out to answer. */
  async function run(
    target: ConnectionTarget,
    statementFor: (isRedshift: boolean) => Statement,
    limits: Limits,
    signal: AbortSignal,
  ): Promise<Running> {
    const time = deadline(limits.timeoutMs, signal);
    let session: PostgresSession;
    try {
      session = await pool.acquire(target, time.signal);
    } catch (error) {
      time.end();
      throw error;
    }
    session.received = 0;
    const statement = statementFor(session.isRedshift);
    // Text on the wire is at most about three times its JSON.
    const maxReceived = limits.maxBytes * 3 + 64 * 1024;
    let over = false;
    const cursor = new Cursor<(string | null)[]>(statement.sql, statement.values, {
      rowMode: 'array',
      types: { getTypeParser: () => (text: string) => text },
    });
    /** What the server is asked for just now. */
    let pending: Promise<unknown> = Promise.resolve();
    /** A request to cancel that comes before the statement runs is lost, so it is repeated until the server lets go. */
    async function cancel(): Promise<void> {
      const gone = pending.then(
        () => true,
        () => true,
      );
      for (let tries = 0; tries < CANCEL_TRIES; tries++) {
        await session.cancel();
        if (await Promise.race([gone, sleep(CANCEL_EVERY_MS, false)])) return;
      }
    }
    function abort(): void {
      if (over) return;
      over = true;
      void cancel().then(() => {
        time.end();
        pool.release(session, false);
      });
    }
    async function finish(): Promise<void> {
      if (over) return;
      over = true;
      session.onData = null;
      time.end();
      try {
        await orAbort(cursor.close(), AbortSignal.timeout(2_000));
      } catch {
        pool.release(session, false);
        return;
      }
      await reset(session);
    }
    time.signal.addEventListener('abort', abort, { once: true });
    const watch = (): void => {
      if (session.received <= maxReceived || over) return;
      tooLarge = new EngineError('RESULT_TOO_LARGE', `The result is larger than ${limits.maxBytes} bytes.`, {
        stage: 'QUERY',
      });
      abort();
      session.destroy();
    };
    let tooLarge: EngineError | null = null;
    session.onData = watch;
    let left = limits.maxRows + 1;
    async function next(): Promise<Awaited<ReturnType<typeof read>> & { done: boolean }> {
      try {
        const count = Math.min(ROWS_AT_ONCE, left);
        const reading = read(cursor, count);
        pending = reading;
        const batch = await orAbort(reading, time.signal);
        left -= batch.rows.length;
        const done = batch.rows.length < count || left <= 0;
        if (done) void finish();
        return { ...batch, done };
      } catch (error) {
        if (time.signal.aborted) throw time.signal.reason;
        if (tooLarge) throw tooLarge;
        void finish();
        throw queryError(error, target.settings);
      }
    }
    async function lookup(sql: string, values: unknown[]): Promise<unknown[][]> {
      const looking = session.client.query<unknown[]>({ text: sql, values, rowMode: 'array' });
      pending = looking;
      return (await orAbort(looking, time.signal)).rows;
    }
    async function command(sql: string): Promise<void> {
      const running = session.client.query(sql);
      pending = running;
      await orAbort(running, time.signal);
    }
    /** Begins with a sample in place of a table, or begins nothing and says why. */
    async function beginSampled(bounds: SampleBounds): Promise<Sampling> {
      if (session.isRedshift) return { whole: NO_SESSION_SAMPLE };
      try {
        const view = await sampleView(statement.sql, bounds, lookup);
        if ('whole' in view) return view;
        await command(begin(limits.timeoutMs, false, view.sql));
        const refusal = await sampleRefusal(statement, view, lookup);
        if (refusal === null) return { table: view.table, fraction: bounds.percent / 100 };
        await command('ROLLBACK');
        return { whole: refusal };
      } catch (error) {
        if (time.signal.aborted) throw error;
        await command('ROLLBACK');
        return { whole: sampleFailure(error) };
      }
    }
    let sampling: Sampling | undefined;
    try {
      await functions.check(target.key, statement.sql, lookup);
      if (limits.sample) sampling = await beginSampled(limits.sample);
    } catch (error) {
      if (time.signal.aborted) throw time.signal.reason;
      over = true;
      time.end();
      await reset(session);
      throw queryError(error, target.settings);
    }
    try {
      if (!isSampled(sampling)) await command(begin(limits.timeoutMs, session.isRedshift));
      session.client.query(cursor);
    } catch (error) {
      abort();
      throw time.signal.aborted ? time.signal.reason : queryError(error, target.settings);
    }
    const first = await next();
    const columns: Column[] = first.fields.map((field) => ({
      name: field.name,
      type: postgresColumnType(field.dataTypeID),
      engineType: postgresTypeName(field.dataTypeID, field.dataTypeModifier),
    }));
    const convert = first.fields.map((field) => postgresCell(field.dataTypeID));
    function chunk(rows: (string | null)[][]): Chunk {
      const values = convert.map((toCell, c) =>
        rows.map((row): Cell => {
          const text = row[c] ?? null;
          return text === null ? null : toCell(text);
        }),
      );
      return { values, rowCount: rows.length };
    }
    async function* chunks(): AsyncGenerator<Chunk> {
      try {
        for (let batch = first; ; batch = await next()) {
          if (batch.rows.length > 0) yield metered(() => chunk(batch.rows));
          if (batch.done) return;
        }
      } finally {
        void finish();
      }
    }
    return { columns, chunks: chunks(), ...(sampling ? { sampling } : {}) };
  }

  async function rowsOf(
    target: ConnectionTarget,
    statementFor: (isRedshift: boolean) => Statement,
    signal: AbortSignal,
    timeoutMs = CATALOGUE_LIMITS.timeoutMs,
  ): Promise<Cell[][]> {
    return rowsIn(await run(target, statementFor, { ...CATALOGUE_LIMITS, timeoutMs }, signal));
  }

  async function checkRights(target: ConnectionTarget, signal: AbortSignal): Promise<string | null> {
    const [row] = await rowsOf(
      target,
      (isRedshift) => ({ sql: isRedshift ? REDSHIFT_RIGHTS : RIGHTS, values: [] }),
      signal,
    );
    return row?.[0] === true
      ? 'This user may write to the database. Give the gateway a user that may only read.'
      : null;
  }

  return {
    name: 'postgres',
    dialect: 'postgres',
    can: { cancel: true, sample: true },
    secretSettings: ['password'],
    checkSettings: (settings) => void networkSettings(settings, DEFAULT_PORT),
    run: (target, statement, limits, signal) => run(target, () => statement, limits, signal),
    estimate: async (target, { sql, values }, timeoutMs, signal) => {
      let read = postgresEstimate;
      const explained = (isRedshift: boolean): Statement => {
        if (isRedshift) read = redshiftEstimate;
        return { sql: EXPLAIN[isRedshift ? 'redshift' : 'postgres'] + sql, values };
      };
      const rows = await rowsOf(target, explained, signal, timeoutMs);
      return read(rows[0]?.[0] ?? null);
    },
    estimatesForBuyers: true,
    noEstimate: 'The database gave no numbers in its plan.',
    test: (target, signal) => {
      const settings = () => networkSettings(target.settings, DEFAULT_PORT);
      return runStages([
        { stages: ['SETTINGS'], run: () => void settings() },
        {
          stages: ['DNS', 'TCP'],
          run: async () => void (await openGuardedSocket(settings().host, settings().port, network, signal)).destroy(),
        },
        {
          stages: target.settings['tls'] === 'DISABLED' ? ['LOGIN'] : ['TLS', 'LOGIN'],
          run: async () => (await PostgresSession.open(settings(), network, signal)).destroy(),
        },
        { stages: ['READ_ONLY'], run: () => checkRights(target, signal) },
        { stages: ['QUERY'], run: () => rowsOf(target, () => ({ sql: 'SELECT 1', values: [] }), signal) },
      ]);
    },
    tables: async (target, filter, signal): Promise<TableInfo[]> => {
      const values = [filter.schemas ?? null, filter.tables ?? null, filter.limit].map((value) =>
        Array.isArray(value) ? JSON.stringify(value) : value,
      );
      const tables = (isRedshift: boolean) => (isRedshift ? redshiftTables(filter) : { sql: TABLES, values });
      return groupTables(await rowsOf(target, tables, signal), postgresTypeOfName);
    },
    close: async (key) => pool.close(key),
  };
}

const RIGHTS = `SELECT r.rolsuper OR EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
  FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`;

const TABLES = `WITH chosen AS (
    SELECT c.oid, n.nspname AS schema, c.relname AS name, c.reltuples::float8 AS estimate,
      CASE WHEN c.relkind IN ('v', 'm') THEN 'VIEW' ELSE 'TABLE' END AS kind
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
      AND has_schema_privilege(n.oid, 'USAGE')
      AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
      AND ($1::text IS NULL OR n.nspname IN (SELECT json_array_elements_text($1::json)))
      AND ($2::text IS NULL OR c.relname IN (SELECT json_array_elements_text($2::json)))
    ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C" LIMIT $3::bigint)
  SELECT t.schema, t.name, t.kind, CASE WHEN t.estimate >= 0 AND t.kind = 'TABLE' THEN t.estimate END,
    a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull
  FROM chosen t LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY t.schema COLLATE "C", t.name COLLATE "C", a.attnum`;
