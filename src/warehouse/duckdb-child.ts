/**
 * A process of its own that opens one DuckDB file, or the files of one connection, and runs one query at a time for its parent: what a query eats or
 * breaks dies with the process. Talks over the IPC channel (`child-protocol.ts`) and ends with it.
 */
import { BIGINT, DOUBLE, StatementType } from '@duckdb/node-api';
import type {
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  DuckDBPreparedStatement,
  DuckDBResult,
  DuckDBType,
} from '@duckdb/node-api';
import { isWorn } from './child-memory.ts';
import type { FailureKind, Reply, Request } from './child-protocol.ts';
import { duckdbCells, duckdbColumn } from './duckdb-columns.ts';
import { openDuckdb } from './duckdb-open.ts';
import { sampleInDuckdb } from './duckdb-sample.ts';
import { bareNames, treeObjection } from './duckdb-tree.ts';
import type { Column, ParameterValue } from './engine.ts';
import { NOT_EXPLAINED } from './sample.ts';
import type { Sampling } from './sample.ts';
import { columnsBytes } from './wire.ts';

/** Memory that a process keeps after a query and that a new one would not have. */
const WORN_BYTES = 800 * 1024 * 1024;

interface Run {
  connection: DuckDBConnection;
  result: DuckDBResult | null;
  types: DuckDBType[];
  /** A chunk that is being read ahead. */
  ahead: Promise<DuckDBDataChunk | null> | null;
  rowsLeft: number;
  bytesLeft: number;
}

class TooLarge extends Error {}

let instance: DuckDBInstance | null = null;
/** Whether the tables are views of files. */
let isFiles = false;
let current: Run | null = null;
let working: Promise<void> = Promise.resolve();

function send(reply: Reply): void {
  process.send?.(reply);
}

function typeOf(value: ParameterValue): DuckDBType | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  if (!Number.isSafeInteger(value)) return DOUBLE;
  return Math.abs(value) < 2 ** 31 ? undefined : BIGINT;
}

function bind(statement: DuckDBPreparedStatement, values: readonly ParameterValue[]): void {
  for (const [i, value] of values.entries()) statement.bindValue(i + 1, value, typeOf(value));
}

/** The sample that a statement reads in place of its largest table; where there can be none, it reads all. */
async function sampled(
  connection: DuckDBConnection,
  { sql, values, sample }: Request & { type: 'run' },
  serialized: string,
): Promise<Sampling | undefined> {
  if (!sample) return undefined;
  const explain = async (text: string): Promise<string> => {
    const plan = await connection.prepare(`EXPLAIN (FORMAT json) ${text}`);
    if (text === sql) bind(plan, values);
    return String((await plan.runAndReadAll()).getRows()[0]?.at(-1));
  };
  return sampleInDuckdb(connection, { sql, names: bareNames(serialized), isFiles }, sample, explain).catch(() => ({
    whole: NOT_EXPLAINED,
  }));
}

/** PIVOT comes as two statements, the first of which makes a temporary type; nothing else may come as two. */
async function prepare(
  connection: DuckDBConnection,
  request: Request & { type: 'run' },
): Promise<{ statement: DuckDBPreparedStatement; sampling: Sampling | undefined }> {
  const { sql } = request;
  const statements = await connection.extractStatements(sql);
  const last = statements.count - 1;
  if (last > 1) throw new Error('Only one statement is allowed.');
  const serialized = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  const tree = String(serialized.getRows()[0]?.[0]);
  const objection = treeObjection(tree, last === 1);
  if (objection !== null) throw new Error(objection);
  if (last === 1) {
    const first = await statements.prepare(0);
    if (first.statementType !== StatementType.CREATE) throw new Error('Only one statement is allowed.');
    await first.run();
  }
  const sampling = await sampled(connection, request, tree);
  return { statement: await statements.prepare(last), sampling };
}

async function start(request: Request & { type: 'run' }): Promise<void> {
  if (!instance) throw new Error('No database is open.');
  const connection = await instance.connect();
  const run: Run = {
    connection,
    result: null,
    types: [],
    ahead: null,
    rowsLeft: request.maxRows + 1,
    bytesLeft: request.maxBytes,
  };
  current = run;
  const prepared = await prepare(connection, request);
  let { statement } = prepared;
  if (statement.statementType !== StatementType.SELECT) throw new Error('Only queries are allowed.');
  if (request.isExplained) statement = await connection.prepare(`EXPLAIN (FORMAT json) ${request.sql}`);
  bind(statement, request.values);
  run.result = await statement.stream();
  run.types = run.result.columnTypes();
  const names = run.result.columnNames();
  const columns = run.types.map((type, i) => duckdbColumn(names[i] ?? '', type));
  await rows(request.id, run, columns, prepared.sampling);
}

async function rows(id: number, run: Run, columns: Column[] | null, sampling?: Sampling): Promise<void> {
  const chunk = await (run.ahead ?? run.result?.fetchChunk());
  const rowCount = Math.min(chunk?.rowCount ?? 0, run.rowsLeft);
  run.rowsLeft -= rowCount;
  const done = rowCount === 0 || run.rowsLeft === 0;
  const values = chunk && rowCount > 0 ? duckdbCells(chunk, run.types, rowCount) : run.types.map(() => []);
  run.bytesLeft -= columnsBytes(values);
  if (run.bytesLeft < 0) throw new TooLarge('The result is larger than allowed.');
  if (done) {
    finish();
  } else {
    run.ahead = run.result?.fetchChunk() ?? null;
    run.ahead?.catch(() => undefined);
  }
  send({ type: 'rows', id, columns, values, rowCount, done, worn: done && isWorn(WORN_BYTES), sampling });
}

function finish(): void {
  const run = current;
  current = null;
  run?.connection.closeSync();
}

function failure(error: unknown): { kind: FailureKind; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof TooLarge) return { kind: 'size', message };
  const memory = /out of memory|bad_alloc|allocation failure|failed to allocate/i.test(message);
  return { kind: memory ? 'memory' : 'query', message };
}

async function answer(request: Request): Promise<void> {
  const { id } = request;
  try {
    if (request.type === 'open') {
      if (request.tables) process.chdir(request.path);
      isFiles = request.tables !== null;
      instance = await openDuckdb(request.path, request.tables, request.spill);
      send({ type: 'opened', id });
    } else if (request.type === 'run') {
      await start(request);
    } else if (current) {
      await rows(id, current, null);
    }
  } catch (error) {
    const ahead = current?.ahead;
    current?.connection.interrupt();
    await ahead?.catch(() => undefined);
    finish();
    send({ type: 'failed', id, ...failure(error) });
  }
}

async function stop(id: number): Promise<void> {
  // An interrupt that comes before the query starts is lost: repeat it until the work has ended.
  const again = setInterval(() => current?.connection.interrupt(), 20);
  current?.connection.interrupt();
  await working;
  await current?.ahead?.catch(() => undefined);
  clearInterval(again);
  finish();
  send({ type: 'stopped', id, worn: isWorn(WORN_BYTES) });
}

process.on('message', (request: Request) => {
  if (request.type === 'stop') void stop(request.id);
  else working = working.then(() => answer(request));
});
// The parent is gone: nothing that runs here is of use to anyone.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
