import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import { startEmbedded } from '../../src/database/embedded.ts';
import type { Statement } from '../../src/warehouse/engine.ts';
import { duckdbSeeds, mariadbSeeds, MARK, postgresSeeds, sqliteSeeds } from './fuzz-seeds.ts';
import type { Seeds } from './fuzz-statements.ts';
import { mariadbServer } from './mariadb-server.ts';

/** An engine with nothing of our hardening: it runs every statement of a text and may write. */
export interface Subject {
  seeds: Seeds;
  /** What must not show in rows or errors. */
  mark: RegExp;
  /** Runs a text; whether it ran to its end, and its rows or its error. */
  run(statement: Statement): Promise<{ ran: boolean; shown: string }>;
  /** Everything that a statement could change, as text. */
  state(): Promise<string>;
  close(): Promise<void>;
}

/** Bytes as the text that they are. */
function plain(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('type' in value && 'data' in value)) return value;
  return value.type === 'Buffer' ? Buffer.from(value.data as number[]).toString('latin1') : value;
}

async function outcome(work: () => Promise<unknown>): Promise<{ ran: boolean; shown: string }> {
  try {
    const rows: unknown = await work();
    return { ran: true, shown: JSON.stringify(rows, plain) ?? '' };
  } catch (error) {
    return { ran: false, shown: error instanceof Error ? error.message : String(error) };
  }
}

/** A superuser of a PostgreSQL of its own; a statement is stopped after `statementMs`. */
export async function openPostgres(statementMs: number): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'fuzz-'));
  const server = await startEmbedded(join(directory, 'pg'), { durable: false });
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ dir: string }>("SELECT current_setting('data_directory') AS dir");
  const name = 'canary_out';
  const out = `${rows[0]?.dir}/${name}`;
  await client.query(`CREATE TABLE canary (id int PRIMARY KEY, x text); CREATE SEQUENCE canary_seq;
    INSERT INTO canary SELECT i, 'row ' || i FROM generate_series(1, 5) i; SET statement_timeout = ${statementMs}`);
  const shown = `SELECT jsonb_build_array((SELECT string_agg(c::text, ',' ORDER BY id) FROM canary c),
    (SELECT last_value || ' ' || is_called FROM canary_seq), (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc),
    (SELECT count(*) FROM pg_type), (SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_prepared_statements),
    (SELECT count(*) FROM pg_cursors), (SELECT count(*) FROM pg_listening_channels()), current_setting('application_name'),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), current_user,
    (pg_stat_file('${name}', true)).size)::text AS state`;
  const text = { rowMode: 'array', types: { getTypeParser: () => (value: unknown) => value } } as const;
  return {
    seeds: postgresSeeds(out),
    mark: /bin\/postgres|62696e2f706f737467726573|pg_multixact/,
    run: ({ sql, values }) =>
      outcome(async () => {
        const result: unknown = await client.query(
          values.length > 0 ? { ...text, text: sql, values } : { ...text, text: sql },
        );
        return (Array.isArray(result) ? result : [result]).map((one: pg.QueryResult) => one.rows);
      }),
    state: async () => {
      const transaction: unknown = Reflect.apply(
        Reflect.get(client, 'getTransactionStatus') as () => unknown,
        client,
        [],
      );
      try {
        const sql = `SET statement_timeout = 0; ${shown}; SET statement_timeout = ${statementMs}`;
        const results = (await client.query(sql)) as unknown as pg.QueryResult<{ state: string }>[];
        return `${results[1]?.rows[0]?.state} ${String(transaction)}`;
      } catch (error) {
        return `${(error as Error).message} ${String(transaction)}`;
      }
    },
    close: async () => {
      await client.end();
      await server.stop();
      // Data that had to lie apart from `directory`.
      await rm(dirname(server.dir), { recursive: true, force: true });
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The root of a MariaDB of its own: statements that only read have ended servers. A statement is stopped after `statementMs`. */
export async function openMariadb(statementMs: number): Promise<Subject> {
  const server = await mariadbServer();
  let client = await server.connect();
  const out = `${server.directory}/data/canary.out`;
  const settings = `USE canaries; SET max_statement_time = ${statementMs / 1000}`;
  await client.query(`CREATE DATABASE canaries; USE canaries; CREATE TABLE canary (id INT PRIMARY KEY, x VARCHAR(60));
    CREATE SEQUENCE canary_seq NOCACHE; INSERT INTO canary SELECT seq, CONCAT('row ', seq) FROM seq_1_to_5; ${settings}`);
  const shown = `SET STATEMENT max_statement_time = 0 FOR SELECT (SELECT GROUP_CONCAT(id, x ORDER BY id) FROM canaries.canary),
    (SELECT next_not_cached_value FROM canaries.canary_seq), (SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'canaries'),
    (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'canaries'), CONVERT(@canary USING utf8mb4),
    IS_USED_LOCK('canary_lock') IS NULL, @@in_transaction, @@sql_mode, DATABASE(), @@autocommit, LENGTH(LOAD_FILE('${out}')), LENGTH(LOAD_FILE('${out}2'))`;
  return {
    seeds: mariadbSeeds(out),
    mark: /root:x?:0:/,
    run: async ({ sql, values }) => {
      const result = await outcome(
        async () => (values.length > 0 ? await client.execute(sql, values) : await client.query(sql))[0],
      );
      // What a statement that ended the server has changed is still there when it is back.
      if (!(await outcome(() => client.ping())).ran) {
        client.destroy();
        client = await server.connect();
        await client.query(settings);
      }
      return result;
    },
    state: async () => (await outcome(async () => (await client.query(shown))[0])).shown,
    close: async () => {
      client.destroy();
      await server.stop();
    },
  };
}

/** A DuckDB file that may be written, in a scratch database; a statement is stopped after `statementMs`. */
export async function openDuckdb(statementMs: number): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'fuzz-'));
  await writeFile(join(directory, 'canary.csv'), `a,header-${MARK}\n${MARK},1\n`);
  await writeFile(join(directory, `listed-${MARK}.txt`), '');
  const instance = await DuckDBInstance.create(join(directory, 'canary.duckdb'), {
    threads: '2',
    memory_limit: '512MB',
  });
  const connection = await instance.connect();
  await connection.run(`CREATE TABLE canary (id INT, x VARCHAR); CREATE SEQUENCE canary_seq;
    INSERT INTO canary SELECT i, 'row ' || i FROM range(1, 6) r(i)`);
  const shown = `SELECT (SELECT string_agg(id || x, ',' ORDER BY id) FROM canary), (SELECT list(last_value) FROM duckdb_sequences()),
    (SELECT count(*) FROM duckdb_tables()), (SELECT count(*) FROM duckdb_views()),
    (SELECT count(*) FROM duckdb_databases()), getvariable('canary'), current_setting('threads')`;
  return {
    seeds: duckdbSeeds(directory),
    mark: new RegExp(MARK),
    run: ({ sql, values }) =>
      outcome(async () => {
        const timer = setInterval(() => connection.interrupt(), statementMs);
        try {
          const texts = await connection.extractStatements(sql);
          const all: unknown[] = [];
          for (let i = 0; i < texts.count; i++) {
            const statement = await texts.prepare(i);
            for (const [at, value] of values.entries()) statement.bindValue(at + 1, value);
            const reader = await statement.streamAndReadUntil(50);
            all.push(reader.columnNames(), reader.getRowsJson());
          }
          return all;
        } finally {
          clearInterval(timer);
        }
      }),
    state: async () => {
      const files = (await readdir(directory)).filter((file) => !file.endsWith('.wal')).sort();
      const state = await outcome(async () => (await connection.runAndReadAll(shown)).getRowsJson());
      return JSON.stringify([state.shown, files]);
    },
    close: async () => {
      connection.closeSync();
      instance.closeSync();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A SQLite file that may be written, in a scratch database; a statement is stopped after `statementMs`. */
export async function openSqlite(statementMs: number): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'fuzz-'));
  const file = join(directory, 'canary.sqlite');
  const database = new DatabaseSync(file);
  database.exec(`CREATE TABLE canary (id INTEGER PRIMARY KEY, x TEXT);
    INSERT INTO canary SELECT value, 'row ' || value FROM json_each('[1, 2, 3, 4, 5]')`);
  database.close();
  const shown = `SELECT (SELECT group_concat(id || x) FROM canary), total_changes(), (SELECT group_concat(sql) FROM sqlite_schema),
    (SELECT count(*) FROM sqlite_temp_schema), (SELECT group_concat(name) FROM pragma_database_list),
    (SELECT user_version FROM pragma_user_version), (SELECT journal_mode FROM pragma_journal_mode)`;
  let child: ChildProcess | null = null;
  async function ask(sql: string | null): Promise<{ ran: boolean; shown: string; state: string }> {
    child ??= fork(new URL('./fuzz-sqlite-child.ts', import.meta.url), [file], { serialization: 'advanced' });
    const patience = new AbortController();
    const answer = once(child, 'message', { signal: patience.signal });
    const timer = sql === null ? null : setTimeout(() => patience.abort(), statementMs * 10);
    child.send({ sql, state: shown });
    try {
      const [message] = (await answer) as [{ ran: boolean; shown: string; state: string }];
      return message;
    } catch {
      child.kill('SIGKILL');
      await once(child, 'exit');
      child = null;
      return { ran: false, shown: 'stopped', state: '' };
    } finally {
      if (timer) clearTimeout(timer);
    }
  }
  return {
    seeds: sqliteSeeds(directory),
    mark: /root:x?:0:/,
    run: ({ sql }) => ask(sql),
    state: async () =>
      JSON.stringify([
        (await ask(null)).state,
        (await readdir(directory)).filter((name) => !name.endsWith('-journal')),
      ]),
    close: async () => {
      child?.kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
