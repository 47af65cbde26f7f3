import { EngineError } from './engine.ts';
import type { Cell, Estimate } from './engine.ts';

/** Reads what engines say of a statement that they explain. */

export const NO_ESTIMATE: Estimate = { rows: null, rowsRead: null, bytes: null, cost: null, usd: null };

/** Put before a statement that the guard accepted; none of them makes the engine run it. */
export const EXPLAIN = {
  postgres: 'EXPLAIN (FORMAT JSON) ',
  mysql: 'EXPLAIN FORMAT=JSON ',
  redshift: 'EXPLAIN ',
  clickhouse: 'EXPLAIN ESTIMATE ',
  snowflake: 'EXPLAIN USING JSON ',
  trino: 'EXPLAIN (TYPE DISTRIBUTED, FORMAT JSON) ',
  databricks: 'EXPLAIN COST ',
} as const;

/** What a service answers to an explanation: the names of its columns, and its rows. */
export interface Plan {
  names: string[];
  rows: Cell[][];
}

/** A failure to explain, for whoever owns the connection. */
export function unexplained(message: string): EngineError {
  return new EngineError('ENGINE_FAILED', message, { stage: 'QUERY' });
}

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const node = (value: unknown): Node => (isNode(value) ? value : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
/** A count, written as a number or as text. */
function count(value: unknown): number | null {
  const known = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof known === 'number' && Number.isFinite(known) && known >= 0 ? known : null;
}
/** A count of what there are no parts of; planners multiply by shares. */
const whole = (value: unknown): number | null => {
  const known = count(value);
  return known === null ? null : Math.round(known);
};
/** All together; null where one of them is not known, or there are none. */
function sum(counts: (number | null)[]): number | null {
  let total = 0;
  for (const one of counts) {
    if (one === null) return null;
    total += one;
  }
  return counts.length === 0 ? null : total;
}

function parsed(plan: Cell): unknown {
  if (typeof plan !== 'string') return plan;
  try {
    return JSON.parse(plan);
  } catch {
    return null;
  }
}

/** Rows and cost of the topmost node of a plan in JSON. */
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

/** Redshift explains in text alone, as PostgreSQL does: the first line is the whole query. */
export function redshiftEstimate(line: Cell): Estimate {
  const [, cost, rows] =
    /\(cost=[\d.]+\.\.([\d.]+) rows=(\d+) width=\d+\)/.exec(typeof line === 'string' ? line : '') ?? [];
  return { ...NO_ESTIMATE, rows: count(rows), cost: count(cost) };
}

/** ClickHouse says what it would read of each table of the MergeTree family, and nothing of other tables. */
export function clickhouseEstimate({ names, rows }: Plan): Estimate {
  const at = names.indexOf('rows');
  return { ...NO_ESTIMATE, rowsRead: sum(rows.map((row) => whole(row[at]))) };
}

/** Snowflake says what lies in the partitions that are left after pruning: at most that much is read. */
export function snowflakeEstimate({ rows }: Plan): Estimate {
  const stats = node(node(parsed(rows[0]?.[0] ?? null))['GlobalStats']);
  return { ...NO_ESTIMATE, bytes: whole(stats['bytesAssigned']) };
}

const SCAN = /^(?:TableScan|Scan(?:Filter)?(?:Project)?)$/;

/**
 * Trino, and Athena, which is one. A node that does several things has an estimate for each, the scan first; what there
 * are no statistics of is "NaN". Athena gives the text line by line.
 */
export function trinoEstimate({ rows }: Plan): Estimate {
  const text = rows.map((row) => (typeof row[0] === 'string' ? row[0] : '')).join('\n');
  const plan = node(parsed(text.slice(Math.max(0, text.indexOf('{')))));
  const estimates = (at: Node): Node[] => list(at['estimates']).map(node);
  // Each fragment by its number, the last to work first.
  const top = node(plan['0']);
  const scans: Node[] = [];
  const stack = Object.values(plan).map(node);
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (SCAN.test(String(at['name']))) scans.push(estimates(at)[0] ?? {});
    for (const child of list(at['children'])) stack.push(node(child));
  }
  return {
    ...NO_ESTIMATE,
    rows: whole(estimates(top).at(-1)?.['outputRowCount']),
    rowsRead: sum(scans.map((scan) => whole(scan['outputRowCount']))),
    bytes: sum(scans.map((scan) => whole(scan['outputSizeInBytes']))),
  };
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
const NUMBER = String.raw`\d+(?:\.\d+)?(?:E[+-]?\d+)?`;
const STATISTICS = new RegExp(
  `^([\\s:|+-]*)\\S.*, Statistics\\(sizeInBytes=(${NUMBER}) (${UNITS.join('|')})(?:, rowCount=(${NUMBER}))?[,)]`,
);
/** What it takes for the size of what it has no size of. */
const UNKNOWN_BYTES = 8 * 2 ** 60;

/** Databricks writes its plan for people; one line in it that is not understood, and nothing is. */
export function databricksEstimate({ rows }: Plan): Estimate {
  const text = rows.map((row) => (typeof row[0] === 'string' ? row[0] : '')).join('\n');
  if (text.startsWith('Error occurred during query planning'))
    throw unexplained('Databricks could not plan the query.');
  const section = /^== Optimized Logical Plan ==\n([^]*?)(?:\n\s*\n|\n== |$)/.exec(text)?.[1] ?? '';
  const lines: { depth: number; bytes: number | null; rows: number | null }[] = [];
  for (const line of section.split('\n')) {
    const [, indent = '', size, unit = '', known] = STATISTICS.exec(line) ?? [];
    if (size === undefined) return NO_ESTIMATE;
    const bytes = Number(size) * 1024 ** UNITS.indexOf(unit);
    lines.push({ depth: indent.length, bytes: bytes < UNKNOWN_BYTES ? Math.round(bytes) : null, rows: whole(known) });
  }
  const leaves = lines.filter(({ depth }, i) => (lines[i + 1]?.depth ?? 0) <= depth);
  return { ...NO_ESTIMATE, rows: lines[0]?.rows ?? null, bytes: sum(leaves.map(({ bytes }) => bytes)) };
}

const STATEMENT = /<StmtSimple((?:\s+\w+="[^"]*")*)\s*\/?>/g;

/** SQL Server's plan as XML. The query's own statement comes first; those of the functions that it calls lie in it. */
export function sqlserverEstimate(plan: string): Estimate {
  for (const [, attributes = ''] of plan.matchAll(STATEMENT)) {
    const known = new Map([...attributes.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    if (known.get('StatementType') !== 'SELECT') continue;
    const cost = count(known.get('StatementSubTreeCost'));
    return { ...NO_ESTIMATE, rows: whole(known.get('StatementEstRows')), cost };
  }
  return NO_ESTIMATE;
}
