import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { LRUCache } from 'lru-cache';
import pg from 'pg';
import { PrismaClient, type Prisma } from '../generated/prisma/client.ts';
import type { Log } from '../log.ts';
import { Statement, type Row } from './statement.ts';

export type { Row } from './statement.ts';

export type Transaction = Prisma.TransactionClient;

/** Runs one statement; answers its rows: numeric and int8 as text, timestamps as Date, dates as text. */
export type RunQuery = <R = Row>(text: string, values: unknown[]) => Promise<R[]>;

/** One pool for Prisma and for the statements that are written by hand. */
export interface Database {
  prisma: PrismaClient;
  query: RunQuery;
  /** Statements in one transaction of their own, for money: all of them happen, or none. */
  atomically<T>(work: (query: RunQuery) => Promise<T>): Promise<T>;
  /** Tells of every statement sent through the pool; returns the way to stop. */
  onStatement(listener: (text: string, values: readonly unknown[]) => void): () => void;
  /** Statements sent through the pool so far, its connections, and who waits for one. */
  use(): { statements: number; idle: number; busy: number; waiting: number };
  /** A connection of its own, outside the pool, for LISTEN. */
  connect(): Promise<pg.Client>;
  close(): Promise<void>;
}

const [DATE, TIMESTAMPTZ] = [1082, 1184];
const anyTimestamp = pg.types.getTypeParser(TIMESTAMPTZ) as (value: string) => Date;
/** The usual form in UTC as the engine's own parser takes it, 20 times as fast; all others as `pg` reads them. */
const timestamp = (value: string): Date =>
  value.length <= 29 && value.endsWith('+00')
    ? new Date(`${value.slice(0, 10)}T${value.slice(11, -3)}Z`)
    : anyTimestamp(value);
const parsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === DATE
      ? (value: string) => value
      : oid === TIMESTAMPTZ
        ? timestamp
        : pg.types.getTypeParser(oid as never, format as never)) as never,
};

/** More named statements than this are not kept by a connection's server process. */
const MAX_NAMES = 500;

/**
 * Statements that come again and again get a name, so that PostgreSQL plans them once a connection. A name lasts as
 * long as its connection, so what comes once gets none, and no more than some hundred ever do.
 */
function statementNames(): (text: string) => string | undefined {
  const names = new Map<string, string>();
  const seenOnce = new LRUCache<string, true>({ max: 1000 });
  return (text) => {
    const known = names.get(text);
    if (known || names.size >= MAX_NAMES) return known;
    if (!seenOnce.has(text)) {
      seenOnce.set(text, true);
      return undefined;
    }
    const name = createHash('sha1').update(text).digest('base64url');
    names.set(text, name);
    return name;
  };
}

/** Stands for what is made when something of it is first asked for. */
function lazily<T extends object>(make: () => T): { value: T; made(): T | undefined } {
  let made: T | undefined;
  const value = new Proxy({} as T, {
    get(_, name) {
      const member: unknown = Reflect.get((made ??= make()), name);
      return typeof member === 'function' ? (member.bind(made) as unknown) : member;
    },
  });
  return { value, made: () => made };
}

/** Whether a statement failed by what it says: a value, a constraint, a deadlock, a rule of ours. */
const isOfStatement = (error: unknown): boolean => /^(22|23|40|P0)/.test((error as { code?: string }).code ?? '');

/**
 * Work on whatever connection is free. The pool's own closes the connection of each statement that fails; after a name that
 * is taken it is as good as before, with all that it has planned.
 */
async function onFree<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    client.release(isOfStatement(error) ? undefined : (error as Error));
    throw error;
  }
}

/** As `pg` does: the stack leads to who asked, not to the socket. */
function fromHere(error: Error): never {
  Error.captureStackTrace(error);
  throw error;
}

type Send = (...input: unknown[]) => unknown;

/**
 * Sends by callback what would be answered by a promise of `pg`'s: with those the rows of all statements outlive the
 * collections of the young generation, though nobody has them any more, and fill the old one (ADR 27).
 */
const toldByCallback =
  (send: Send) =>
  (input: unknown[]): unknown => {
    const [first] = input;
    const isSubmittable = typeof first === 'object' && first !== null && 'submit' in first;
    if (isSubmittable || input.some((one) => typeof one === 'function')) return send(...input);
    const answer = new Promise((resolve, reject) => {
      send(...input, (error: Error | null, result: unknown) => (error ? reject(error) : resolve(result)));
    });
    return answer.catch(fromHere);
  };

/**
 * As the last of what a statement returns: where it is a transaction of its own, it does not wait for the disk, as what it
 * writes may be lost with the database's machine.
 */
export const UNSYNCED = `set_config('synchronous_commit', 'off', true) as unsynced`;

/**
 * A plan is kept for as long as its connection, so one that was made while a table was small must do when it has grown: with
 * the usual cost of a page read at random, that of spinning disks, it would read all of a table of two pages (ADR 30).
 */
const SESSION = `set timezone to 'UTC'; set plan_cache_mode to force_generic_plan; set random_page_cost to 1.1`;

/** Opens the pool; the first query connects. */
export function openDatabase(url: string, size: number, log: Log): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    idleTimeoutMillis: 30_000,
    application_name: 'spartera-gateway',
    // Prisma's adapter sends instants without their zone, in UTC; the server would take them for its own zone's. And
    // planning a statement anew for its values takes longer than most of ours take to run (ADR 22).
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it
    onConnect: async (client) => void (await client.query(SESSION)),
  });
  pool.query = ((statement: pg.QueryConfig) => onFree(pool, (client) => client.query(statement))) as never;
  // Without a listener a server that goes away would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection was lost'));
  let statements = 0;
  const listeners = new Set<(text: string, values: readonly unknown[]) => void>();
  pool.on('connect', (client) => {
    // Nor does the pool listen while one is lent out: whoever has it hears of it by their next statement.
    client.on('error', () => undefined);
    const send = client.query.bind(client) as Send;
    const told = toldByCallback(send);
    (client as unknown as { query: unknown }).query = (...input: unknown[]) => {
      statements++;
      const [first, more] = input as [string | { text?: string; values?: unknown[] } | undefined, unknown];
      const { text = '', values = Array.isArray(more) ? more : [] } =
        typeof first === 'string' ? { text: first } : (first ?? {});
      for (const listener of listeners) listener(text, values);
      return told(input);
    };
  });
  // Tens of megabytes from its first use on, which reads of loaders never make.
  const prisma = lazily(() => new PrismaClient({ adapter: new PrismaPg(pool) }));
  const nameOf = statementNames();
  async function ask<R>(client: pg.PoolClient, text: string, values: unknown[]): Promise<R[]> {
    const name = nameOf(text);
    const rows = name
      ? await new Promise<Row[]>((resolve, reject) => {
          const told = (error: Error | null, found: Row[]): void => (error ? reject(error) : resolve(found));
          client.query(new Statement({ name, text, values, types: parsers }, told));
        }).catch(fromHere)
      : (await client.query<Row>({ text, values, types: parsers })).rows;
    return rows as R[];
  }
  async function atomically<T>(work: (query: RunQuery) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    try {
      await client.query('begin');
      const result = await work(<R>(text: string, values: unknown[]) => ask<R>(client, text, values));
      await client.query('commit');
      client.release();
      return result;
    } catch (error) {
      // A connection that cannot even roll back is not given back to the pool.
      await client.query('rollback').then(
        () => client.release(),
        (broken: Error) => client.release(broken),
      );
      throw error;
    }
  }
  return {
    prisma: prisma.value,
    query: <R>(text: string, values: unknown[]) => onFree(pool, (client) => ask<R>(client, text, values)),
    atomically,
    onStatement(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    use: () => ({
      statements,
      idle: pool.idleCount,
      busy: pool.totalCount - pool.idleCount,
      waiting: pool.waitingCount,
    }),
    async connect() {
      const client = new pg.Client({ connectionString: url, application_name: 'spartera-gateway listen' });
      await client.connect();
      return client;
    },
    async close() {
      await prisma.made()?.$disconnect();
      await pool.end();
    },
  };
}

/** The same as `Database.query` within a transaction of Prisma's. */
export function queryIn(tx: Transaction): RunQuery {
  return async <R>(text: string, values: unknown[]) => {
    const rows = await tx.$queryRawUnsafe<Row[]>(text, ...values);
    return rows.map((row) => plain(row)) as R[];
  };
}

/** Prisma's Decimal and bigint as text, all else as it is: the shapes that `Database.query` answers. */
export function plain(row: Row): Row {
  const out: Row = {};
  for (const [name, value] of Object.entries(row)) {
    const isDecimal = typeof value === 'object' && value !== null && 'toFixed' in value;
    out[name] = typeof value === 'bigint' || isDecimal ? (value as bigint).toString() : value;
  }
  return out;
}
