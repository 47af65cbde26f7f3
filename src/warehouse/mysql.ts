import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { EngineError } from './engine.ts';
import type { Cell, Chunk, ConnectionTarget, Engine, Limits, Running, Statement } from './engine.ts';
import { EXPLAIN, mysqlEstimate } from './estimate.ts';
import { watchFlood } from './flood.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { openGuardedSocket } from './guarded-socket.ts';
import { deadline, orAbort, runStages } from './lifecycle.ts';
import { MysqlSession } from './mysql-session.ts';
import { mysqlCell, mysqlColumnType, mysqlTypeName, mysqlTypeOfName } from './mysql-types.ts';
import type { MysqlField } from './mysql-types.ts';
import { networkSettings } from './network-settings.ts';
import type { NetworkSettings } from './network-settings.ts';
import { ConnectionPool } from './pool.ts';
import { CATALOGUE_LIMITS, groupTables, rowsIn } from './tables.ts';
import { metered, scrub } from './wire.ts';

const DEFAULT_PORT = 3306;
const ROWS_AT_ONCE = 1000;
const TIMEOUT_CODES = new Set(['ER_QUERY_TIMEOUT', 'ER_STATEMENT_TIMEOUT', 'ER_QUERY_INTERRUPTED']);

function queryError(error: unknown, settings: Record<string, unknown>): unknown {
  if (error instanceof EngineError || !(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  const more = { stage: 'QUERY', cause: error } as const;
  if (TIMEOUT_CODES.has(code) || ('errno' in error && error.errno === 1969)) {
    return new EngineError('QUERY_TIMEOUT', 'The database stopped the query: it took too long.', more);
  }
  if (code === 'PROTOCOL_CONNECTION_LOST' || code === 'ECONNRESET' || code === 'EPIPE') {
    return new EngineError('ENGINE_FAILED', 'The connection to the database broke off.', {
      ...more,
      hint: 'Try again.',
    });
  }
  const secrets = [settings['password'], settings['host']].filter((secret) => typeof secret === 'string');
  return new EngineError('ENGINE_FAILED', scrub(error.message, secrets), more);
}

function tooLarge(limits: Limits): EngineError {
  return new EngineError('RESULT_TOO_LARGE', `The result is larger than ${limits.maxBytes} bytes.`, { stage: 'QUERY' });
}

/** The driver checks the certificate of a server that is named by its address against the name localhost. */
function mysqlSettings(settings: Record<string, unknown>): NetworkSettings {
  const known = networkSettings(settings, DEFAULT_PORT);
  if (!known.tls || isIP(known.host.replace(/^\[|\]$/g, '')) === 0) return known;
  throw new EngineError(
    'CONNECTION_FAILED',
    'With TLS, the host must be a name: an address does not prove whose certificate it is.',
    {
      stage: 'SETTINGS',
      hint: 'Give the host name that the certificate was made for.',
    },
  );
}

/** The engine that runs sellers' queries on MySQL and MariaDB, in a read-only transaction over a guarded connection. */
export function createMysql(options: { network: NetworkPolicy }): Engine {
  const { network } = options;
  const pool = new ConnectionPool((target, signal) =>
    MysqlSession.open(mysqlSettings(target.settings), network, signal),
  );

  async function begin(session: MysqlSession, timeoutMs: number): Promise<void> {
    const limit = session.isMariaDb
      ? `max_statement_time = ${Math.max(0.001, timeoutMs / 1000)}`
      : `max_execution_time = ${Math.max(1, Math.ceil(timeoutMs))}`;
    await session.query(`SET SESSION ${limit}, lock_wait_timeout = 2`);
    await session.query('START TRANSACTION READ ONLY');
  }

  async function run(
    target: ConnectionTarget,
    statement: Statement,
    limits: Limits,
    signal: AbortSignal,
  ): Promise<Running> {
    const time = deadline(limits.timeoutMs, signal);
    let session: MysqlSession;
    try {
      session = await pool.acquire(target, time.signal);
    } catch (error) {
      time.end();
      throw error;
    }
    let over = false;
    let stream: Readable | null = null;
    const flood = new AbortController();
    const both = AbortSignal.any([time.signal, flood.signal]);
    // Text on the wire is at most about three times its JSON.
    const maxReceived = limits.maxBytes * 3 + 64 * 1024;
    const unwatch = watchFlood(
      () => session.received,
      maxReceived,
      () => {
        session.destroy();
        flood.abort(tooLarge(limits));
      },
    );
    /** Stops the query in the server and ends the connection: MySQL sends the rest of a result otherwise. */
    function abort(): void {
      if (over) return;
      over = true;
      unwatch();
      stream?.on('error', () => undefined);
      void session.cancel().then(() => {
        time.end();
        pool.release(session, false);
      });
    }
    async function finish(): Promise<void> {
      if (over) return;
      over = true;
      unwatch();
      time.end();
      try {
        await orAbort(session.reset(), AbortSignal.timeout(5_000));
        pool.release(session, true);
      } catch {
        pool.release(session, false);
      }
    }
    both.addEventListener('abort', abort, { once: true });
    const failed = (error: unknown): unknown => {
      if (both.aborted) return both.reason;
      const known = queryError(error, target.settings);
      if (session.dead || (known instanceof EngineError && known.code === 'RESULT_TOO_LARGE')) abort();
      else void finish();
      return known;
    };
    let fields: MysqlField[];
    const before = session.received;
    try {
      await orAbort(begin(session, limits.timeoutMs), both);
      const command = session.connection.execute({ sql: statement.sql, rowsAsArray: true }, statement.values);
      stream = command.stream({ highWaterMark: ROWS_AT_ONCE });
      fields = await orAbort(fieldsOf(stream), both);
    } catch (error) {
      throw failed(error);
    }
    const source = stream;
    const convert = fields.map(mysqlCell);
    function chunk(rows: unknown[][]): Chunk {
      const values = convert.map((toCell, c) =>
        rows.map((row): Cell => {
          const value = row[c];
          return value === null || value === undefined ? null : toCell(value);
        }),
      );
      return { values, rowCount: rows.length };
    }
    async function* batches(): AsyncGenerator<unknown[][]> {
      let rows: unknown[][] = [];
      let left = limits.maxRows + 1;
      for (const reader = source[Symbol.asyncIterator](); left > 0;) {
        const next = await orAbort(Promise.resolve(reader.next()), both);
        if (next.done) {
          void finish();
          break;
        }
        rows.push(next.value as unknown[]);
        left--;
        if (session.received - before > maxReceived) {
          throw tooLarge(limits);
        }
        if (rows.length < ROWS_AT_ONCE) continue;
        yield rows;
        rows = [];
      }
      if (rows.length > 0) yield rows;
    }
    async function* chunks(): AsyncGenerator<Chunk> {
      try {
        for await (const rows of batches()) yield metered(() => chunk(rows));
      } catch (error) {
        throw failed(error);
      } finally {
        abort();
      }
    }
    const columns = fields.map((field) => ({
      name: field.name,
      type: mysqlColumnType(field),
      engineType: mysqlTypeName(field),
    }));
    return { columns, chunks: chunks() };
  }

  async function rowsOf(
    target: ConnectionTarget,
    statement: Statement,
    signal: AbortSignal,
    timeoutMs = CATALOGUE_LIMITS.timeoutMs,
  ): Promise<Cell[][]> {
    return rowsIn(await run(target, statement, { ...CATALOGUE_LIMITS, timeoutMs }, signal));
  }

  async function checkRights(target: ConnectionTarget, signal: AbortSignal): Promise<string | null> {
    const session = await pool.acquire(target, signal);
    try {
      const grants = await orAbort(session.query('SHOW GRANTS'), signal);
      pool.release(session, true);
      const writes =
        /\b(?:ALL PRIVILEGES|FILE|SUPER|PROCESS|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|EXECUTE)\b(?=.* ON )/i;
      if (!grants.some((row) => writes.test(String(row[0])))) return null;
      return 'This user may do more than read. Give the gateway a user that has SELECT alone, and never FILE.';
    } catch (error) {
      pool.release(session, false);
      throw queryError(error, target.settings);
    }
  }

  return {
    name: 'mysql',
    dialect: 'mysql',
    can: { cancel: true, sample: false },
    secretSettings: ['password'],
    checkSettings: (settings) => void mysqlSettings(settings),
    run,
    estimate: async (target, { sql, values }, timeoutMs, signal) => {
      const rows = await rowsOf(target, { sql: EXPLAIN.mysql + sql, values }, signal, timeoutMs);
      return mysqlEstimate(rows[0]?.[0] ?? null);
    },
    noEstimate: 'The database gave no numbers: the query reads no table.',
    test: (target, signal) => {
      const settings = () => mysqlSettings(target.settings);
      return runStages([
        { stages: ['SETTINGS'], run: () => void settings() },
        {
          stages: ['DNS', 'TCP'],
          run: async () => void (await openGuardedSocket(settings().host, settings().port, network, signal)).destroy(),
        },
        {
          stages: target.settings['tls'] === 'DISABLED' ? ['LOGIN'] : ['TLS', 'LOGIN'],
          run: async () => (await MysqlSession.open(settings(), network, signal)).destroy(),
        },
        { stages: ['READ_ONLY'], run: () => checkRights(target, signal) },
        { stages: ['QUERY'], run: () => rowsOf(target, { sql: 'SELECT 1', values: [] }, signal) },
      ]);
    },
    tables: async (target, filter, signal) =>
      groupTables(await rowsOf(target, tablesStatement(filter), signal), mysqlTypeOfName),
    close: async (key) => pool.close(key),
  };
}

/** Waits for the columns of a result; an error of the statement comes before them. */
function fieldsOf(stream: Readable): Promise<MysqlField[]> {
  return new Promise((resolve, reject) => {
    stream.once('fields', (fields: MysqlField[] | undefined) => {
      stream.off('error', reject);
      resolve(fields ?? []);
    });
    stream.once('error', reject);
    stream.once('end', () => reject(new EngineError('ENGINE_FAILED', 'Only queries are allowed.', { stage: 'QUERY' })));
  });
}

function tablesStatement(filter: { schemas?: string[]; tables?: string[]; limit: number }): Statement {
  const values: (string | number)[] = [];
  const among = (column: string, names: string[] | undefined): string => {
    if (!names) return '';
    if (names.length === 0) return ' AND false';
    values.push(...names);
    return ` AND ${column} IN (${names.map(() => '?').join(', ')})`;
  };
  const where = `${among('table_schema', filter.schemas)}${among('table_name', filter.tables)}`;
  const limit = Math.max(0, Math.trunc(filter.limit));
  return {
    sql: `SELECT t.s, t.n, t.k, t.r, c.column_name, c.column_type, c.is_nullable = 'YES'
      FROM (SELECT table_schema AS s, table_name AS n, IF(table_type LIKE '%VIEW', 'VIEW', 'TABLE') AS k, table_rows AS r
        FROM information_schema.tables
        WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')${where}
        ORDER BY BINARY table_schema, BINARY table_name LIMIT ${limit}) t
      LEFT JOIN information_schema.columns c ON c.table_schema = t.s AND c.table_name = t.n
      ORDER BY BINARY t.s, BINARY t.n, c.ordinal_position`,
    values,
  };
}
