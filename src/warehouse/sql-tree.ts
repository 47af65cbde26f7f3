import type { Dialect } from './engine.ts';
import { isDeniedFunction, isDeniedRelation } from './sql-rules.ts';

/** Why a tree is not that of a query that only reads. */
export interface Objection {
  rule: string;
  message: string;
}

type Node = Record<string, unknown>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const WRITES = new Set(['Insert', 'Update', 'Delete', 'Merge', 'CreateTable', 'Drop', 'Truncate']);

/** The last part of a name as sqlparser-rs writes it: `[{Identifier: {value}}, …]`. */
function lastName(parts: unknown): string | null {
  const last: unknown = Array.isArray(parts) ? parts.at(-1) : null;
  const identifier = isNode(last) ? last['Identifier'] : null;
  return isNode(identifier) && typeof identifier['value'] === 'string' ? identifier['value'] : null;
}

function judge(key: string, child: unknown, dialect: Dialect): Objection | null {
  if (key === 'into' && isNode(child)) return { rule: 'INTO', message: 'INTO is not allowed: queries only read.' };
  if (key === 'locks' && Array.isArray(child) && child.length > 0) {
    return { rule: 'LOCKS', message: 'Rows must not be locked.' };
  }
  if (!isNode(child)) return null;
  if (WRITES.has(key)) return { rule: 'WRITES', message: `${key.toUpperCase()} is not allowed: queries only read.` };
  const name = key === 'Function' || key === 'Table' ? lastName(child['name']) : null;
  if (name === null) return null;
  const isCall = key === 'Function' || child['args'] !== undefined;
  if (isCall && isDeniedFunction(dialect, name)) {
    return { rule: 'DENIED_FUNCTION', message: `The function ${name.slice(0, 60)} is not allowed.` };
  }
  if (!isCall && isDeniedRelation(dialect, name)) {
    return { rule: 'DENIED_RELATION', message: `${name.slice(0, 60)} must not be read.` };
  }
  return null;
}

/** What speaks against statements as sqlparser-rs reads them, at any depth, without recursion. */
export function objectionTo(statements: readonly unknown[], dialect: Dialect): Objection | null {
  if (statements.length !== 1) return { rule: 'MULTIPLE_STATEMENTS', message: 'Only one statement is allowed.' };
  const [only] = statements;
  if (!isNode(only) || !isNode(only['Query'])) return { rule: 'NOT_A_QUERY', message: 'Only queries are allowed.' };
  const stack: unknown[] = [only];
  while (stack.length > 0) {
    const value = stack.pop();
    if (Array.isArray(value)) {
      for (const item of value) stack.push(item);
    } else if (isNode(value)) {
      for (const [key, child] of Object.entries(value)) {
        const found = judge(key, child, dialect);
        if (found) return found;
        if (typeof child === 'object') stack.push(child);
      }
    }
  }
  return null;
}
