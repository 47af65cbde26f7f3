/** What DuckDB's own parser says of a statement (`json_serialize_sql`): it writes queries down as a tree, and nothing else. */

const FILE_NAME = /[/\\*?]|:\/\/|\.(?:csv|tsv|txt|parquet|json|jsonl|ndjson|db|duckdb|sqlite|gz|zst|bz2)$/i;
/** Table functions that read files or servers, or run SQL out of a string. */
const DENIED =
  /^(?:read_.*|parquet_.*|.*_scan|.*_query|.*_execute|.*_attach|query|query_table|glob|sniff_.*|pragma_.*|st_read.*)$/i;

type Node = Record<string, unknown>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function objection(node: Node): string | null {
  if (node['type'] === 'SHOW_REF') return 'Only queries are allowed.';
  if (node['type'] === 'BASE_TABLE' && FILE_NAME.test(text(node['table_name']))) return 'Files must not be read.';
  if (node['class'] === 'FUNCTION' && DENIED.test(text(node['function_name']))) return 'This function is not allowed.';
  return null;
}

/** Every node of a tree, without recursion. */
function* nodes(tree: unknown): Generator<Node> {
  const stack: unknown[] = [tree];
  while (stack.length > 0) {
    const value = stack.pop();
    if (isNode(value)) yield value;
    if (typeof value === 'object' && value !== null) for (const child of Object.values(value)) stack.push(child);
  }
}

/** Tables and CTEs that a statement reads by their bare names, in lower case, given its serialized form. */
export function bareNames(serialized: string): string[] {
  const found = new Set<string>();
  for (const node of nodes(JSON.parse(serialized))) {
    if (node['type'] === 'BASE_TABLE' && node['schema_name'] === '' && node['catalog_name'] === '')
      found.add(text(node['table_name']).toLowerCase());
  }
  return [...found];
}

/**
 * What speaks against a statement, given its serialized form; `isPivot` where DuckDB made two statements of it, which
 * it does not write down. A statement that it cannot parse is left to `prepare`, which says why.
 */
export function treeObjection(serialized: string, isPivot: boolean): string | null {
  const tree: unknown = JSON.parse(serialized);
  if (!isNode(tree)) return 'Only queries are allowed.';
  if (tree['error'] === true) {
    return tree['error_type'] === 'not implemented' && !isPivot ? 'Only queries are allowed.' : null;
  }
  const statements = tree['statements'];
  if (!Array.isArray(statements) || statements.length !== 1) return 'Only one statement is allowed.';
  for (const node of nodes(statements)) {
    const found = objection(node);
    if (found) return found;
  }
  return null;
}
