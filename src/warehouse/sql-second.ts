import { Worker } from 'node:worker_threads';
import type { Dialect } from './engine.ts';
import type { Opinion, Question } from './sql-parser-worker.ts';

/** Dialects that sqlparser-rs knows. PostgreSQL and DuckDB have their own parsers. */
const PARSERS: Partial<Record<Dialect, string>> = {
  mysql: 'mysql',
  sqlite: 'sqlite',
  bigquery: 'bigquery',
  snowflake: 'snowflake',
  clickhouse: 'clickhouse',
  databricks: 'databricks',
  sqlserver: 'mssql',
};
/** A statement that takes longer counts as one that the parser cannot read. */
const PATIENCE_MS = 10_000;
const NONE: Opinion = { objection: null, isRead: false, isBroken: true };

let worker: Worker | null = null;
let turn: Promise<unknown> = Promise.resolve();

function start(): Worker {
  const thread = new Worker(new URL('./sql-parser-worker.ts', import.meta.url), {
    env: {},
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  thread.unref();
  return thread;
}

function ask(question: Question): Promise<Opinion> {
  worker ??= start();
  const thread = worker;
  thread.ref();
  return new Promise((resolve) => {
    function settle(opinion: Opinion): void {
      clearTimeout(timer);
      thread.off('message', settle).off('error', gone).off('exit', gone).unref();
      if (opinion.isBroken) {
        worker = null;
        thread.on('error', () => undefined);
        void thread.terminate();
      }
      resolve(opinion);
    }
    const gone = (): void => settle(NONE);
    const timer = setTimeout(gone, PATIENCE_MS);
    thread.on('message', settle).on('error', gone).on('exit', gone);
    thread.postMessage(question);
  });
}

/**
 * What sqlparser-rs says of a statement that the lexer passed; null for a dialect that it does not know. It does not
 * read every good query, so only its objection counts.
 */
export function secondOpinion(sql: string, dialect: Dialect): Promise<Opinion | null> {
  const parser = PARSERS[dialect];
  if (parser === undefined) return Promise.resolve(null);
  const answer = turn.then(() => ask({ sql, dialect, parser }));
  turn = answer;
  return answer;
}
