/**
 * A process of its own that opens one SQLite file read-only and runs one query at a time for its parent. SQLite works
 * in the thread that asks, so the parent kills the process where a query takes too long. Talks over the IPC channel
 * (`child-protocol.ts`) and ends with it.
 */
import { constants, DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { isWorn } from './child-memory.ts';
import type { FailureKind, Reply, Request } from './child-protocol.ts';
import type { Cell, Column, ParameterValue } from './engine.ts';
import type { Sampling } from './sample.ts';
import { SQLITE_CATALOGUE } from './sqlite-catalogue.ts';
import { sampleInSqlite } from './sqlite-sample.ts';
import type { SampleView, Trace } from './sqlite-sample.ts';
import { sqliteCell, sqliteColumnType, sqliteValueType } from './sqlite-types.ts';
import type { SqliteValue } from './sqlite-types.ts';
import { cellBytes } from './wire.ts';

const ROWS_AT_ONCE = 1000;
/** Longest text or binary that a query may make. */
const MAX_LENGTH = 64 * 1024 * 1024;
/** Memory that a process keeps after a query and that a new one would not have. */
const WORN_BYTES = 400 * 1024 * 1024;
const MAY = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
]);
const DENIED_FUNCTION = /^(?:load_extension|readfile|writefile|edit|fts3_tokenizer|sqlite_(?!version$))/i;
const DENIED_TABLE = /^(?:dbstat|sqlite_dbpage|sqlite_stmt|pragma_.*)$/i;

type Authorizer = (
  action: number,
  first: string | null,
  second: string | null,
  schema: string | null,
  within: string | null,
) => number;

interface Run {
  rows: Iterator<unknown>;
  columns: Column[];
  /** Read to learn the types of expressions; not sent yet. */
  ahead: SqliteValue[][];
  rowsLeft: number;
  bytesLeft: number;
}

class TooLarge extends Error {}

let database: DatabaseSync | null = null;
let current: Run | null = null;
/** What stands in front of a table while `current` runs. */
let view: SampleView | null = null;

function authorize(action: number, first: string | null, second: string | null): number {
  if (!MAY.has(action)) return constants.SQLITE_DENY;
  if (action === constants.SQLITE_FUNCTION && DENIED_FUNCTION.test(second ?? '')) return constants.SQLITE_DENY;
  if (action === constants.SQLITE_READ && DENIED_TABLE.test(first ?? '')) return constants.SQLITE_DENY;
  return constants.SQLITE_OK;
}

function open(path: string): void {
  database = new DatabaseSync(path, {
    readOnly: true,
    allowExtension: false,
    defensive: true,
    timeout: 2_000,
    limits: { length: MAX_LENGTH, attach: 0 },
  });
  // What is sorted or kept for later would fill the disk; in memory it ends at what the process may have.
  database.exec('PRAGMA temp_store = MEMORY');
  // The first read tells a database from any other file.
  database.prepare('SELECT count(*) FROM sqlite_schema').get();
}

/** Numbers are bound as REAL otherwise, integers too. */
function bound(value: ParameterValue): null | bigint | number | string {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

/** Prepares a statement and notes what is asked meanwhile, and the names of tables that are read. */
function trace(sql: string): { names: string[]; questions: Trace } {
  const names = new Set<string>();
  const questions: Trace = [];
  prepare(sql, (action, first, second, schema, within) => {
    questions.push([action, first, second, schema, within].join('\0'));
    if (action === constants.SQLITE_READ && first !== null) names.add(first.toLowerCase());
    return authorize(action, first, second);
  });
  return { names: [...names], questions };
}

/** SQLite leaves everything behind the first statement alone: there must be nothing. */
function prepare(sql: string, judge: Authorizer = authorize): StatementSync {
  if (!database) throw new Error('No database is open.');
  database.setAuthorizer(sql === SQLITE_CATALOGUE ? null : judge);
  const statement = database.prepare(sql);
  const rest = sql.slice(statement.sourceSQL.length).replace(/\/\*[^]*?\*\/|--[^\n]*/g, '');
  if (/[^\s;]/.test(rest)) throw new Error('Only one statement is allowed.');
  return statement;
}

function start(request: Request & { type: 'run' }): void {
  const { sql, sample } = request;
  view = sample && database ? sampleInSqlite(database, sample, () => trace(sql)) : null;
  const statement = prepare(sql);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  const declared = statement.columns();
  const rows = statement.iterate(...request.values.map(bound));
  const run: Run = {
    rows,
    columns: [],
    ahead: [],
    rowsLeft: request.maxRows + 1,
    bytesLeft: request.maxBytes,
  };
  current = run;
  // Texts of half the bytes that a result may have need not be held in memory to learn a type.
  for (let bytes = 0; run.ahead.length < Math.min(ROWS_AT_ONCE, run.rowsLeft) && bytes <= request.maxBytes / 2;) {
    const next = rows.next();
    if (next.done) break;
    const row = Object.values(next.value) as SqliteValue[];
    for (const value of row) bytes += typeof value === 'string' ? value.length : 8;
    run.ahead.push(row);
  }
  run.columns = declared.map(({ name, type }, c) => {
    if (type !== null) return { name, type: sqliteColumnType(type), engineType: type };
    return { name, ...sqliteValueType(run.ahead.map((row) => row[c] ?? null)) };
  });
  send(request.id, run, run.columns, view?.sampling);
}

function send(id: number, run: Run, columns: Column[] | null, sampling?: Sampling): void {
  const values: Cell[][] = run.columns.map(() => []);
  let rowCount = 0;
  let ended = false;
  while (rowCount < ROWS_AT_ONCE && rowCount < run.rowsLeft) {
    let row = run.ahead.shift();
    if (!row) {
      const next = run.rows.next();
      if (next.done) {
        ended = true;
        break;
      }
      row = Object.values(next.value as object) as SqliteValue[];
    }
    for (const [c, column] of run.columns.entries()) {
      const cell = sqliteCell(row[c] ?? null, column.type);
      run.bytesLeft -= cellBytes(cell);
      values[c]?.push(cell);
    }
    if (run.bytesLeft < 0) throw new TooLarge('The result is larger than allowed.');
    rowCount++;
  }
  run.rowsLeft -= rowCount;
  const done = ended || run.rowsLeft === 0;
  if (done) finish();
  process.send?.({
    type: 'rows',
    id,
    columns,
    values,
    rowCount,
    done,
    worn: done && isWorn(WORN_BYTES),
    sampling,
  } satisfies Reply);
}

function finish(): void {
  const run = current;
  current = null;
  run?.rows.return?.();
  view?.drop();
  view = null;
}

function failure(error: unknown): { kind: FailureKind; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof TooLarge) return { kind: 'size', message };
  return { kind: /out of memory/i.test(message) ? 'memory' : 'query', message };
}

process.on('message', (request: Request) => {
  const { id } = request;
  try {
    if (request.type === 'open') {
      open(request.path);
      process.send?.({ type: 'opened', id } satisfies Reply);
    } else if (request.type === 'run') {
      start(request);
    } else if (request.type === 'stop') {
      finish();
      process.send?.({ type: 'stopped', id, worn: isWorn(WORN_BYTES) } satisfies Reply);
    } else if (current) {
      send(id, current, null);
    }
  } catch (error) {
    finish();
    process.send?.({ type: 'failed', id, ...failure(error) } satisfies Reply);
  }
});
// The parent is gone: nothing that runs here is of use to anyone.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
