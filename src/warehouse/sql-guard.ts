import { LRUCache } from 'lru-cache';
import type { Dialect } from './engine.ts';
import { lex } from './sql-lexer.ts';
import type { Rejection } from './sql-lexer.ts';
import { checkTokens, isDeniedFunction, isDeniedRelation } from './sql-rules.ts';
import { secondOpinion } from './sql-second.ts';

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
  let text = sql;
  for (const token of tokens) {
    if (token.kind !== 'param') continue;
    // The same length as before, so that positions stay.
    text = text.slice(0, token.start) + '$1'.padEnd(token.end - token.start) + text.slice(token.end);
  }
  return checkPostgres(text);
}

function offset(sql: string, bytes: number): number {
  return Buffer.from(sql).subarray(0, Math.max(0, bytes)).toString().length;
}

async function checkPostgres(sql: string): Promise<Rejection | null> {
  // Megabytes of WebAssembly, which only queries for PostgreSQL need.
  const { parse, SqlError } = await import('libpg-query');
  let statements;
  try {
    statements = (await parse(sql)).stmts ?? [];
  } catch (error) {
    if (error instanceof SqlError) {
      const position = error.sqlDetails?.cursorPosition ?? 0;
      return { rule: 'SYNTAX', message: `PostgreSQL cannot read this: ${error.message.slice(0, 200)}.`, position };
    }
    return { rule: 'TOO_COMPLEX', message: 'The statement is nested too deeply.', position: 0 };
  }
  const only = statements[0]?.stmt;
  if (statements.length !== 1 || !only) {
    return { rule: 'MULTIPLE_STATEMENTS', message: 'Only one statement is allowed.', position: 0 };
  }
  if (!('SelectStmt' in only)) return { rule: 'NOT_A_QUERY', message: 'Only queries are allowed.', position: 0 };
  const found = walk(only);
  return found && { ...found, position: offset(sql, found.position) };
}

type Node = Record<string, unknown>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Looks at every node of a parsed statement, without recursion. */
function walk(root: unknown): Rejection | null {
  const stack: { value: unknown; near: number }[] = [{ value: root, near: 0 }];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { value, near } = top;
    if (Array.isArray(value)) {
      for (const item of value) stack.push({ value: item, near });
      continue;
    }
    if (!isNode(value)) continue;
    const at = typeof value['location'] === 'number' ? value['location'] : near;
    for (const [key, child] of Object.entries(value)) {
      const found = judge(key, child, at);
      if (found) return found;
      if (typeof child === 'object') stack.push({ value: child, near: at });
    }
  }
  return null;
}

function judge(key: string, child: unknown, near: number): Rejection | null {
  if (key.endsWith('Stmt') && key !== 'SelectStmt') {
    return { rule: 'WRITES', message: 'Queries only read: no other statement at any depth.', position: near };
  }
  if (key === 'intoClause') return { rule: 'INTO', message: 'INTO is not allowed: queries only read.', position: near };
  if (key === 'lockingClause') return { rule: 'LOCKS', message: 'Rows must not be locked.', position: near };
  if (!isNode(child)) return null;
  const position = typeof child['location'] === 'number' ? child['location'] : near;
  if (key === 'FuncCall') {
    const name = lastName(child['funcname']);
    if (name === null || isDeniedFunction('postgres', name)) {
      return { rule: 'DENIED_FUNCTION', message: `The function ${name ?? ''} is not allowed.`, position };
    }
  }
  if (key === 'RangeVar') {
    const name = child['relname'];
    if (typeof name !== 'string' || isDeniedRelation('postgres', name)) {
      return { rule: 'DENIED_RELATION', message: `${String(name)} must not be read.`, position };
    }
  }
  return null;
}

function lastName(parts: unknown): string | null {
  const last: unknown = Array.isArray(parts) ? parts.at(-1) : null;
  if (!isNode(last) || !isNode(last['String'])) return null;
  const name = last['String']['sval'];
  return typeof name === 'string' ? name : null;
}
