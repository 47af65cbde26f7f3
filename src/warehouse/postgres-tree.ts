/** What PostgreSQL's own parser says of a statement. Runs where a long statement holds up nobody (`sql-parser-worker.ts`). */
import { parse, SqlError } from 'libpg-query';
import type { Call } from './postgres-functions.ts';
import type { Rejection } from './sql-lexer.ts';
import { isDeniedFunction, isDeniedRelation } from './sql-rules.ts';

/** Schemas of extensions whose functions reach other servers, paid models or the clock of the server's jobs. */
const DENIED_SCHEMAS = /^(?:aws_\w+|azure_\w+|google_ml|ai|cron|pgmq|plpy)$/;

type Node = Record<string, unknown>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function offset(sql: string, bytes: number): number {
  return Buffer.from(sql).subarray(0, Math.max(0, bytes)).toString().length;
}

/** Why a statement is not one query that only reads, or null. @throws what is no error of its syntax: it is too much */
export async function rejectionOf(sql: string): Promise<Rejection | null> {
  let statements;
  try {
    statements = (await parse(sql)).stmts ?? [];
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const position = error.sqlDetails?.cursorPosition ?? 0;
    return { rule: 'SYNTAX', message: `PostgreSQL cannot read this: ${error.message.slice(0, 200)}.`, position };
  }
  const only = statements[0]?.stmt;
  if (statements.length !== 1 || !only) {
    return { rule: 'MULTIPLE_STATEMENTS', message: 'Only one statement is allowed.', position: 0 };
  }
  if (!('SelectStmt' in only)) return { rule: 'NOT_A_QUERY', message: 'Only queries are allowed.', position: 0 };
  const found = walk(only);
  return found && { ...found, position: offset(sql, found.position) };
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
    const { schema, name } = calledIn(child) ?? { schema: null, name: '' };
    if (name === '' || isDeniedFunction('postgres', name) || DENIED_SCHEMAS.test(schema?.toLowerCase() ?? '')) {
      return { rule: 'DENIED_FUNCTION', message: `The function ${name.slice(0, 60)} is not allowed.`, position };
    }
  }
  if (key === 'RangeVar') {
    const name = child['relname'];
    if (typeof name !== 'string' || isDeniedRelation('postgres', name)) {
      return { rule: 'DENIED_RELATION', message: `${String(name).slice(0, 60)} must not be read.`, position };
    }
  }
  return null;
}

function textOf(part: unknown): string | null {
  const string = isNode(part) ? part['String'] : null;
  return isNode(string) && typeof string['sval'] === 'string' ? string['sval'] : null;
}

function calledIn(call: Node): Call | null {
  const parts = call['funcname'];
  const names = Array.isArray(parts) ? parts.map(textOf) : [];
  const name = names.at(-1) ?? null;
  return name === null ? null : { schema: names.at(-2) ?? null, name };
}

/** The functions that a statement calls by name, each once; none where it cannot be read. */
export async function callsOf(sql: string): Promise<Call[]> {
  let tree: unknown;
  try {
    tree = await parse(sql);
  } catch (error) {
    if (error instanceof SqlError) return [];
    throw error;
  }
  const calls = new Map<string, Call>();
  for (const stack: unknown[] = [tree]; stack.length > 0;) {
    const value = stack.pop();
    if (Array.isArray(value)) for (const item of value) stack.push(item);
    if (!isNode(value)) continue;
    const call = isNode(value['FuncCall']) ? calledIn(value['FuncCall']) : null;
    if (call) calls.set(JSON.stringify([call.schema, call.name]), call);
    for (const child of Object.values(value)) if (typeof child === 'object') stack.push(child);
  }
  return [...calls.values()];
}
