import { LRUCache } from 'lru-cache';
import type { Dialect } from './engine.ts';
import { lex } from './sql-lexer.ts';
import type { Rejection } from './sql-lexer.ts';
import { checkTokens } from './sql-rules.ts';
import { postgresRejection, secondOpinion } from './sql-second.ts';

export type { Rejection } from './sql-lexer.ts';

/** Longest statement that is looked at. */
export const MAX_SQL_LENGTH = 100_000;

/** Statements that were looked at, with what was found: a product's is checked at every run. */
const known = new LRUCache<string, { rejection: Rejection | null }>({
  max: 1000,
  maxSize: 8 * 1024 * 1024,
  sizeCalculation: (_, key) => key.length,
});

/**
 * Approves a statement that only reads, or says why not. The engine session is locked down as well: this is the first
 * of the two walls. A parser gives a second opinion: PostgreSQL's own, or sqlparser-rs; DuckDB's own has its say where
 * the statement runs.
 */
export async function checkSql(sql: string, dialect: Dialect): Promise<Rejection | null> {
  if (sql.length > MAX_SQL_LENGTH) {
    return {
      rule: 'TOO_LONG',
      message: `A statement has at most ${MAX_SQL_LENGTH} characters.`,
      position: MAX_SQL_LENGTH,
    };
  }
  const key = `${dialect} ${sql}`;
  const before = known.get(key);
  if (before) return before.rejection;
  const rejection = await check(sql, dialect);
  known.set(key, { rejection });
  return rejection;
}

async function check(sql: string, dialect: Dialect): Promise<Rejection | null> {
  const { tokens, problem } = lex(sql, dialect);
  if (problem) return problem;
  const found = checkTokens(tokens, dialect);
  if (found) return found;
  if (dialect !== 'postgres') {
    const objection = (await secondOpinion(sql, dialect))?.objection;
    return objection ? { ...objection, position: tokens[0]?.start ?? 0 } : null;
  }
  let text = '';
  let from = 0;
  for (const { kind, start, end } of tokens) {
    if (kind !== 'param') continue;
    // The same length as before, so that positions stay.
    text += sql.slice(from, start) + '$1'.padEnd(end - start);
    from = end;
  }
  return postgresRejection(text + sql.slice(from));
}
