import type { SampleBounds, Sampling } from './sample.ts';

/**
 * The port to a seller's database. A driver opens a connection for one connection's settings, runs one read-only
 * statement on it with bound parameters, and hands the rows back column by column in chunks.
 *
 * Cells follow one wire contract whatever the engine: `null`, booleans, strings; integers and floats that a double
 * holds exactly as numbers; wider integers and decimals as strings; dates `YYYY-MM-DD`, times `HH:MM:SS[.ffffff]`,
 * timestamps ISO-8601 (`Z` where the type carries a zone, none where it does not); binary as base64;
 * NaN and infinities as null; lists and structures as JSON values.
 */
export type Dialect =
  | 'postgres'
  | 'mysql'
  | 'duckdb'
  | 'sqlite'
  | 'bigquery'
  | 'snowflake'
  | 'clickhouse'
  | 'databricks'
  | 'trino'
  | 'sqlserver';

export type ColumnType =
  | 'BOOLEAN'
  | 'INTEGER'
  | 'BIGINT'
  | 'DECIMAL'
  | 'FLOAT'
  | 'STRING'
  | 'DATE'
  | 'TIME'
  | 'TIMESTAMP'
  | 'BINARY'
  | 'JSON';

/** A column of a result: its name as the engine gave it and its type in our terms. */
export interface Column {
  name: string;
  type: ColumnType;
  /** The engine's own name of the type, as it prints it. */
  engineType: string;
}

export type Cell = null | boolean | number | string | Cell[] | { [key: string]: Cell };

/** Rows by column: `values[c][r]`; every inner array has the same length. */
export interface Chunk {
  values: Cell[][];
  rowCount: number;
}

/** What the engine binds: `null`, booleans, numbers and strings. */
export type ParameterValue = null | boolean | number | string;

/** One statement with its values in the engine's own placeholder style (see `bindParameters`). */
export interface Statement {
  sql: string;
  values: ParameterValue[];
}

/** Bounds of one run. The row bound is kept by reading one row more, never by changing the statement. */
export interface Limits {
  timeoutMs: number;
  maxRows: number;
  maxBytes: number;
  /** Read its largest table in part, by an object of the session that stands in front of it: for engines that can. */
  sample?: SampleBounds;
  /** What does not fit in memory goes here: for engines in processes of ours, which write nothing unless told to. */
  spill?: Spill;
}

/** A folder that one query alone has, made where it is needed, and how much may lie there; whoever runs the query removes it. */
export interface Spill {
  directory: string;
  maxBytes: number;
}

/** What a driver needs to open a connection; the shape of `settings` is the driver's own (see `settingsSchema`). */
export interface ConnectionTarget {
  /** Stable name of the connection and its credentials' version: pools never mix two of them. */
  key: string;
  settings: Record<string, unknown>;
}

export type EngineErrorCode =
  | 'CONNECTION_FAILED'
  | 'QUERY_TIMEOUT'
  | 'ROWS_EXCEEDED'
  | 'RESULT_TOO_LARGE'
  | 'CANCELLED'
  | 'ENGINE_FAILED'
  | 'ENGINE_BUSY'
  | 'ENGINE_UNAVAILABLE'
  | 'DRIVER_MISSING';

/** What went wrong in an engine. `message` may be shown to the owner of the connection; it holds no secret. */
export class EngineError extends Error {
  readonly code: EngineErrorCode;
  /** Stage of opening that failed: DNS, TCP, TLS, LOGIN, QUERY … */
  readonly stage: Stage | null;
  /** What the owner may do about it. */
  readonly hint: string | null;
  /** For ENGINE_UNAVAILABLE: until the engine is tried again. */
  readonly retryAfterMs: number | null;
  constructor(
    code: EngineErrorCode,
    message: string,
    more: { stage?: Stage; hint?: string; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = 'EngineError';
    this.code = code;
    this.stage = more.stage ?? null;
    this.hint = more.hint ?? null;
    this.retryAfterMs = more.retryAfterMs ?? null;
  }
}

export type Stage = 'SETTINGS' | 'DNS' | 'TCP' | 'TLS' | 'LOGIN' | 'READ_ONLY' | 'QUERY';

/** A running statement: its columns, then its chunks. Leaving the iteration early stops it in the engine. */
export interface Running {
  columns: Column[];
  chunks: AsyncIterable<Chunk>;
  /** What the engine calls this statement in its own books; left out by those that keep none. */
  jobId?: string | null;
  /** What became of the sample, where one was wanted. */
  sampling?: Sampling;
}

/** The outcome of one stage of a connection test. */
export interface StageResult {
  stage: Stage;
  ok: boolean;
  elapsedMs: number;
  message: string | null;
  hint: string | null;
}

/** A table or view that a connection can see. Columns come in their own order. */
export interface TableInfo {
  schema: string;
  name: string;
  kind: 'TABLE' | 'VIEW';
  /** The engine's estimate of rows; null where it has none. */
  rowEstimate: number | null;
  columns: { name: string; type: ColumnType; engineType: string; isNullable: boolean }[];
}

/** What an engine expects of a statement that it has not run; null for what it does not say. */
export interface Estimate {
  /** Rows of the result. */
  rows: number | null;
  rowsRead: number | null;
  /** Bytes that it would read. */
  bytes: number | null;
  /** In the engine's own units. */
  cost: number | null;
  /** What the engine bills its owner, at its list price. */
  usd: string | null;
}

/** One engine: everything that differs between databases is here or a named fact in `can`. */
export interface Engine {
  name: string;
  dialect: Dialect;
  /** `sample`: it keeps `Limits.sample`; where it cannot in a given case, it reads all and says why. */
  can: { cancel: boolean; sample: boolean };
  /** Names the secret members of its settings, for sealing and masking. */
  secretSettings: string[];
  /** @throws EngineError CONNECTION_FAILED stage SETTINGS where the settings are not such as it needs. */
  checkSettings(settings: Record<string, unknown>): void;
  /**
   * Starts one statement, already approved by the guard. Stops it when `signal` aborts (CANCELLED), or the time is up
   * (QUERY_TIMEOUT); both reach the engine itself.
   */
  run(target: ConnectionTarget, statement: Statement, limits: Limits, signal: AbortSignal): Promise<Running>;
  /**
   * Has a statement, already approved by the guard, explained and never run; engines that cannot have no such method.
   * The statement itself stays as it is: what asks for the plan is put before it, or beside it.
   */
  estimate?(target: ConnectionTarget, statement: Statement, timeoutMs: number, signal: AbortSignal): Promise<Estimate>;
  /** Whether buyers may have it asked: it says how many rows come, and being asked costs the seller nothing. */
  estimatesForBuyers?: boolean;
  /** Why it has no estimate, or gave none with a number in it. */
  noEstimate: string;
  /** Tries the connection stage by stage; never throws for a connection that does not work. */
  test(target: ConnectionTarget, signal: AbortSignal): Promise<StageResult[]>;
  /** Tables and views, at most `limit`, ordered by schema and name. */
  tables(
    target: ConnectionTarget,
    filter: { schemas?: string[]; tables?: string[]; limit: number },
    signal: AbortSignal,
  ): Promise<TableInfo[]>;
  /** Forgets pooled connections of a key (its credentials changed), or all of them at shutdown. */
  close(key?: string): Promise<void>;
}

/** A column of the rows that a language model is asked for. */
export interface AnswerColumn {
  name: string;
  type: 'STRING' | 'INTEGER' | 'DECIMAL' | 'BOOLEAN' | 'DATE';
}

/** What an API is asked: parameters by name, and what to do with them. */
export interface ApiQuestion {
  params: Record<string, ParameterValue>;
  /** The function behind an external API, where it has several. */
  functionId: string | null;
  /** What a language model is told to do. */
  prompt: string | null;
  /** What is wanted: one number, one text, or rows. */
  answer: 'NUMBER' | 'TEXT' | AnswerColumn[];
}

/** Tokens that a language model says it has counted. */
export interface Tokens {
  prompt: number;
  completion: number;
}

/** What an API answered, column by column; `tokens` where it counts them. */
export interface ApiAnswer {
  columns: Column[];
  values: Cell[][];
  tokens: Tokens | null;
}

/** An API: connected and tested like any engine, but it answers questions and no SQL. */
export interface ApiEngine extends Engine {
  /** What an asset on it is made of. */
  takes: 'PARAMETERS' | 'PROMPT';
  /** @throws EngineError as `askOnce` does */
  ask(target: ConnectionTarget, question: ApiQuestion, limits: Limits, signal: AbortSignal): Promise<ApiAnswer>;
}

/** Whether an engine is an API, which takes no SQL. */
export function isApi(engine: Engine): engine is ApiEngine {
  return 'ask' in engine;
}
