import type { Cell, Estimate } from './engine.ts';

/** Reads what engines say of a statement that they explain. */

export const NO_ESTIMATE: Estimate = { rows: null, rowsRead: null, bytes: null, cost: null, usd: null };

/** Put before a statement that the guard accepted; none of them makes the engine run it. */
export const EXPLAIN = {
  postgres: 'EXPLAIN (FORMAT JSON) ',
  mysql: 'EXPLAIN FORMAT=JSON ',
} as const;

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const node = (value: unknown): Node => (isNode(value) ? value : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
/** A count, written as a number or as text. */
function count(value: unknown): number | null {
  const known = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof known === 'number' && Number.isFinite(known) ? known : null;
}

function parsed(plan: Cell): unknown {
  if (typeof plan !== 'string') return plan;
  try {
    return JSON.parse(plan);
  } catch {
    return null;
  }
}

export function postgresEstimate(plan: Cell): Estimate {
  const top = node(node(list(parsed(plan))[0])['Plan']);
  return { ...NO_ESTIMATE, rows: count(top['Plan Rows']), cost: count(top['Total Cost']) };
}

/** The topmost node that has an estimate: those above it pass its rows on. */
export function duckdbEstimate(plan: Cell): Estimate {
  let at = node(list(parsed(plan))[0]);
  for (let depth = 0; depth < 100; depth++) {
    if (at['name'] === 'UNGROUPED_AGGREGATE') return { ...NO_ESTIMATE, rows: 1 };
    const rows = count(node(at['extra_info'])['Estimated Cardinality']);
    if (rows !== null) return { ...NO_ESTIMATE, rows };
    const children = list(at['children']);
    if (children.length !== 1) break;
    at = node(children[0]);
  }
  return NO_ESTIMATE;
}

/** Rows that a join reads: of each table, as often as the tables before it give a row. */
function rowsOfLoop(tables: unknown[]): number {
  let times = 1;
  let read = 0;
  for (const one of tables) {
    const table = node(node(one)['table']);
    const rows = count(table['rows']) ?? count(table['rows_examined_per_scan']) ?? 0;
    read += times * rows;
    times *= (rows * (count(table['filtered']) ?? 100)) / 100;
  }
  return read;
}

/** MySQL and MariaDB say how many rows they read, not how many come out; the cost is MySQL's and newer MariaDBs'. */
export function mysqlEstimate(plan: Cell): Estimate {
  const root = parsed(plan);
  let rowsRead: number | null = null;
  const stack: unknown[] = [root];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (Array.isArray(at)) stack.push(...(at as unknown[]));
    if (!isNode(at)) continue;
    if (Array.isArray(at['nested_loop'])) rowsRead = (rowsRead ?? 0) + rowsOfLoop(at['nested_loop'] as unknown[]);
    else if (isNode(at['table'])) rowsRead = (rowsRead ?? 0) + rowsOfLoop([at]);
    for (const [name, child] of Object.entries(at)) {
      // Counted by now; but what is materialized for a table is a loop of its own.
      if (name === 'nested_loop') for (const one of list(child)) stack.push(node(node(one)['table'])['materialized']);
      else if (name === 'table') stack.push(node(child)['materialized']);
      else if (typeof child === 'object' && child !== null) stack.push(child);
    }
  }
  const block = node(node(root)['query_block']);
  const cost = count(node(block['cost_info'])['query_cost']) ?? count(block['cost']);
  return { ...NO_ESTIMATE, rowsRead: rowsRead === null ? null : Math.round(rowsRead), cost };
}

const USD_PER_TIB = 6.25;

/** BigQuery's dry run knows what would be read; the price is the list price of reading that much. */
export function bigqueryEstimate(bytes: number): Estimate {
  return { ...NO_ESTIMATE, bytes, usd: ((bytes / 2 ** 40) * USD_PER_TIB).toFixed(6) };
}
