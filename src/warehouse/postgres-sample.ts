import type { Statement } from './engine.ts';
import type { Lookup } from './postgres-functions.ts';
import { largest, notShadowed, NO_BARE_NAME, SEED, tableSample, tooSmall } from './sample.ts';
import type { SampleBounds } from './sample.ts';

/**
 * Tables by the names that they have on the search path, with the planner's number of rows; partitions count together.
 * A function with a search path of its own may mean another table by the name, until a temporary one stands before both.
 */
const TABLES = `SELECT c.relname::text, quote_ident(c.relname), quote_ident(n.nspname) || '.' || quote_ident(c.relname),
    CASE WHEN c.relkind = 'p' THEN (SELECT sum(greatest(p.reltuples, 0)) FROM pg_catalog.pg_partition_tree(c.oid) t
      JOIN pg_catalog.pg_class p ON p.oid = t.relid WHERE t.isleaf) ELSE c.reltuples END::float8,
    EXISTS (SELECT FROM pg_catalog.pg_class o WHERE o.relname = c.relname AND o.oid <> c.oid AND o.relkind IN ('r', 'p', 'm', 'v', 'f'))
      AND EXISTS (SELECT FROM pg_catalog.pg_proc f WHERE f.proconfig::text LIKE '%search_path%' AND strpos(lower(f.prosrc), lower(c.relname)) > 0)
  FROM unnest($1::text[]) AS given (name)
    JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(quote_ident(given.name))
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')`;

type Node = Record<string, unknown>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** All objects in a JSON value, without recursion. */
function* nodes(root: unknown): Generator<Node> {
  for (const stack: unknown[] = [root]; stack.length > 0;) {
    const value = stack.pop();
    if (isNode(value)) yield value;
    if (typeof value === 'object' && value !== null) for (const child of Object.values(value)) stack.push(child);
  }
}

/** What a statement reads by bare names: tables, views and CTEs. */
async function bareNames(sql: string): Promise<string[]> {
  const { parse } = await import('libpg-query');
  const found = new Set<string>();
  for (const { RangeVar: read } of nodes(await parse(sql))) {
    if (isNode(read) && read['schemaname'] === undefined && typeof read['relname'] === 'string')
      found.add(read['relname']);
  }
  return [...found];
}

/** A view that stands in front of a table. */
export interface SampleView {
  /** Makes it, for the transaction that it is made in. */
  sql: string;
  table: string;
}

/** The view to make for the largest table that a statement reads by its bare name, or why there is none. */
export async function sampleView(
  sql: string,
  bounds: SampleBounds,
  lookup: Lookup,
): Promise<SampleView | { whole: string }> {
  const names = await bareNames(sql);
  if (names.length === 0) return { whole: NO_BARE_NAME };
  const tables = (await lookup(TABLES, [names])).map(([name, quoted, full, rows, isAmbiguous]) => ({
    name: String(name),
    quoted: String(quoted),
    full: String(full),
    rows: Number(rows),
    isAmbiguous: isAmbiguous === true,
  }));
  const large = largest(tables, bounds);
  if (!large[0]) return { whole: tooSmall(bounds) };
  const table = large.find(({ isAmbiguous }) => !isAmbiguous);
  if (!table) return { whole: notShadowed(large[0].name) };
  const source = `${table.full} ${tableSample(table, String(bounds.percent))}`;
  return { sql: `CREATE TEMP VIEW ${table.quoted} AS SELECT * FROM ${source}`, table: table.name };
}

/** Why a statement must not run with the view in place, or null. @throws what the server says of the statement. */
export async function sampleRefusal(
  { sql, values }: Statement,
  { table }: SampleView,
  lookup: Lookup,
): Promise<string | null> {
  const [row] = await lookup(`EXPLAIN (FORMAT JSON, VERBOSE) ${sql}`, values);
  const plan: unknown = typeof row?.[0] === 'string' ? JSON.parse(row[0]) : row?.[0];
  for (const node of nodes(plan)) {
    if (node['Node Type'] === 'Sample Scan' && String(node['Repeatable Seed']).includes(String(SEED))) return null;
  }
  return notShadowed(table);
}

/** Why the server made no sample, by the code of its refusal. */
export function sampleFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '42501') return 'the user of the connection may not make temporary views';
  if (code === '25006') return 'the server, or the user of the connection, can only read';
  return 'the server takes no sample for this statement';
}
