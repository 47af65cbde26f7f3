/**
 * A thread of its own that reads statements with sqlparser-rs: its WebAssembly does not survive a statement that is
 * nested too deeply, and a long one would hold up every request.
 */
import { parentPort } from 'node:worker_threads';
import { init, parse } from '@guanmingchiu/sqlparser-ts';
import type { Dialect } from './engine.ts';
import { objectionTo } from './sql-tree.ts';
import type { Objection } from './sql-tree.ts';

/** What the thread is asked; it answers with an `Opinion`. */
export interface Question {
  sql: string;
  dialect: Dialect;
  /** The dialect as the parser calls it. */
  parser: string;
}

/** What speaks against the statement, whether the parser could read it at all, and whether the thread is of use still. */
export interface Opinion {
  objection: Objection | null;
  isRead: boolean;
  isBroken: boolean;
}

function opinion({ sql, dialect, parser }: Question): Opinion {
  try {
    return { objection: objectionTo(parse(sql, parser as 'mysql'), dialect), isRead: true, isBroken: false };
  } catch (error) {
    // What the parser says of a text names itself or a line; anything else is the end of its WebAssembly.
    const isBroken = !(error instanceof Error && /^sql parser error| at Line: \d+/.test(error.message));
    return { objection: null, isRead: false, isBroken };
  }
}

await init();
parentPort?.on('message', (question: Question) => parentPort?.postMessage(opinion(question)));
