/**
 * A thread of its own that reads statements with the parsers of WebAssembly: they do not survive a statement that is
 * nested too deeply, and a long one would hold up every request.
 */
import { parentPort } from 'node:worker_threads';
import type { Dialect } from './engine.ts';
import type { Opinion } from './sql-second.ts';

/** What the thread is asked: what sqlparser-rs objects to, why PostgreSQL's parser refuses, which functions are called. */
export type Question =
  | { about: 'opinion'; sql: string; dialect: Dialect; parser: string }
  | { about: 'rejection'; sql: string }
  | { about: 'calls'; sql: string };

/** What it answers; `isBroken` where the thread is of no use any more, and knows nothing. */
export type Answer = { value: unknown; isBroken: false } | { value: null; isBroken: true };

async function opinion(sql: string, dialect: Dialect, parser: string): Promise<Omit<Opinion, 'isBroken'>> {
  // Each parser is megabytes, which only its own dialects need.
  const [{ init, parse }, { objectionTo }] = await Promise.all([
    import('@guanmingchiu/sqlparser-ts'),
    import('./sql-tree.ts'),
  ]);
  await init();
  try {
    return { objection: objectionTo(parse(sql, parser as 'mysql'), dialect), isRead: true };
  } catch (error) {
    // What the parser says of a text names itself or a line; anything else is the end of its WebAssembly.
    if (!(error instanceof Error && /^sql parser error| at Line: \d+/.test(error.message))) throw error;
    return { objection: null, isRead: false };
  }
}

async function valueOf(question: Question): Promise<unknown> {
  if (question.about === 'opinion') return opinion(question.sql, question.dialect, question.parser);
  const { callsOf, rejectionOf } = await import('./postgres-tree.ts');
  return question.about === 'calls' ? callsOf(question.sql) : rejectionOf(question.sql);
}

function answer(question: Question): Promise<Answer> {
  return valueOf(question).then(
    (value) => ({ value, isBroken: false }),
    () => ({ value: null, isBroken: true }),
  );
}

parentPort?.on('message', (question: Question) => {
  void answer(question).then((found) => parentPort?.postMessage(found));
});
