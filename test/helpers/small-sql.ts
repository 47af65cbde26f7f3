/**
 * SELECTs as an engine with a dialect of its own reads them: a parser of that dialect reads the statement, what the engine
 * itself would refuse is refused, and what is left is run on DuckDB, the samples and the random numbers too.
 */
import { init, parse } from '@guanmingchiu/sqlparser-ts';

await init();

type Node = Record<string, unknown>;

/** What a dialect knows. */
interface Words {
  parser: string;
  /** How a name is quoted. */
  quote: '"' | '`' | '[';
  /** Whether a backslash begins an escape in a quoted name, which the parser leaves as it is. */
  hasEscapes?: boolean;
  /** Functions that give another number for each row. */
  random: string[];
  /** `LIMIT n OFFSET m`, `OFFSET m LIMIT n`, or none of the two but `TOP (n)` and `OFFSET m ROWS FETCH NEXT n ROWS ONLY`. */
  bounds: 'limit' | 'offset first' | 'top';
  /** How a part of a table's blocks is read, its words in order; left out where it cannot be said. */
  sample?: string;
  /** Whether the blocks are so large that a small table is one, which is read whatever part is asked for. */
  hasLargeBlocks?: boolean;
  /** Whether a number in ORDER BY is the column of that number, and not the number. */
  hasOrdinals: boolean;
}

/** Athena reads Trino's. Of a dialect that the parser does not know, it reads what is standard. */
export const dialects = {
  bigquery: {
    parser: 'bigquery',
    quote: '`',
    random: ['rand'],
    bounds: 'limit',
    sample: 'TableSample System Percent',
    hasLargeBlocks: true,
    hasOrdinals: true,
  },
  snowflake: {
    parser: 'snowflake',
    quote: '"',
    random: ['random'],
    bounds: 'limit',
    sample: 'TableSample System',
    hasOrdinals: true,
  },
  databricks: { parser: 'databricks', quote: '`', random: ['rand', 'random'], bounds: 'limit', hasOrdinals: true },
  // Before 22.7, or where `enable_positional_arguments` is off.
  clickhouse: {
    parser: 'clickhouse',
    quote: '`',
    hasEscapes: true,
    random: ['rand'],
    bounds: 'limit',
    hasOrdinals: false,
  },
  trino: { parser: 'ansi', quote: '"', random: ['rand', 'random'], bounds: 'offset first', hasOrdinals: true },
  // `rand()` is one number for all rows there.
  sqlserver: {
    parser: 'mssql',
    quote: '[',
    random: ['newid'],
    bounds: 'top',
    sample: 'TableSample System Percent',
    hasOrdinals: true,
  },
} satisfies Record<string, Words>;

export type SmallDialect = keyof typeof dialects;

/** Why an engine would not run a statement. */
export class Refused extends Error {}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const node = (value: unknown): Node => (isNode(value) ? value : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
/** What the parser writes where a statement has nothing. */
const isNothing = (value: unknown): boolean =>
  [undefined, null, false, 'None', 'Standard'].includes(value as string) ||
  JSON.stringify(value) === '{"Expressions":[[],[]]}' ||
  (Array.isArray(value) ? value.length === 0 : isNode(value) && Object.values(value).every(isNothing));

const named = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Rows of one, in small. */
const LARGE_BLOCK = 100_000;
/** Rows of a table, its name as DuckDB quotes it; null for a view. */
export type RowsOf = (table: string) => number | null;

/** Writes what was read as DuckDB says it. */
class Writer {
  private readonly words: Words;
  private readonly rowsOf: RowsOf;

  constructor(dialect: SmallDialect, rowsOf: RowsOf) {
    this.words = dialects[dialect];
    this.rowsOf = rowsOf;
  }

  /** The members that are known here; a statement with others is not understood. */
  private only(value: unknown, ...names: string[]): Node {
    const found = node(value);
    const others = Object.keys(found).filter((name) => !names.includes(name) && !isNothing(found[name]));
    if (others.length > 0) throw new Refused(`This engine in small knows no ${others.join()}.`);
    return found;
  }

  private identifier(value: unknown): string {
    const { value: name, quote_style: quote } = this.only(value, 'value', 'quote_style', 'span');
    const isPlain = quote === undefined && /^[a-z]+$/.test(String(name));
    if (typeof name !== 'string' || !(isPlain || quote === this.words.quote))
      throw new Refused(`Not a name here: ${JSON.stringify(value)}`);
    return named(this.words.hasEscapes ? name.replace(/\\(.)/g, '$1') : name);
  }

  private whole(value: unknown): number {
    const { value: literal } = this.only(node(value)['Value'], 'value', 'span');
    const [digits] = list(node(literal)['Number']);
    if (typeof digits !== 'string') throw new Refused('A number is expected.');
    return Number(digits);
  }

  private sample(value: unknown, table: string): string {
    const { modifier, name, quantity, ...rest } = node(node(value)['AfterTableAlias']);
    const { value: amount, unit, parenthesized } = node(quantity);
    const said = [modifier, name, unit].filter((word) => !isNothing(word)).join(' ');
    if (said !== this.words.sample || parenthesized !== true || !isNothing(rest))
      throw new Refused(`Not how a sample is said: ${said}`);
    const rows = this.rowsOf(table);
    if (rows === null) throw new Refused('A view has no blocks.');
    if (this.words.hasLargeBlocks && rows < LARGE_BLOCK) return '';
    return ` TABLESAMPLE SYSTEM (${this.whole(amount)} PERCENT)`;
  }

  private table(value: unknown): string {
    const { relation } = this.only(value, 'relation');
    const kind = this.only(relation, 'Table', 'Derived');
    if (isNode(kind['Derived'])) {
      const { subquery, alias } = this.only(kind['Derived'], 'subquery', 'alias');
      const { name } = this.only(alias, 'explicit', 'name');
      if (name === undefined) throw new Refused('A derived table has a name.');
      return `(${this.query(subquery)}) AS ${this.identifier(name)}`;
    }
    const { name, sample } = this.only(kind['Table'], 'name', 'sample');
    const parts = list(name).map((part) => this.identifier(node(part)['Identifier']));
    const table = parts.join('.');
    return `${table}${isNothing(sample) ? '' : this.sample(sample, table)}`;
  }

  private condition(value: unknown): string {
    const { IsNotNull: what } = this.only(value, 'IsNotNull');
    return `${this.identifier(node(what)['Identifier'])} IS NOT NULL`;
  }

  private sortKey(value: unknown, columns: string[], isDistinct: boolean): string {
    const { expr } = this.only(value, 'expr');
    const { Identifier: name, Function: call } = node(expr);
    if (isNode(name)) {
      const column = this.identifier(name);
      if (isDistinct && !columns.includes(column)) throw new Refused('Distinct rows are sorted by what is selected.');
      return column;
    }
    if (isNode(call)) {
      const [first] = list(call['name']);
      const asked = String(node(node(first)['Identifier'])['value']);
      if (isDistinct || !this.words.random.includes(asked)) throw new Refused(`No random number: ${asked}()`);
      return 'random()';
    }
    const ordinal = this.whole(expr);
    return this.words.hasOrdinals ? String(ordinal) : `(${ordinal} + 0)`;
  }

  /** The rows that are read at most, and those before them. */
  private bounds(query: Node, select: Node): string {
    const { top, distinct } = select;
    const { limit, offset } = this.only(node(query['limit_clause'])['LimitOffset'], 'limit', 'offset');
    const before = this.only(offset, 'value', 'rows');
    const isTop = this.words.bounds === 'top';
    if (isTop ? limit !== undefined : !isNothing(top) || !isNothing(query['fetch']))
      throw new Refused('Not how this engine bounds rows.');
    if (isNode(top)) {
      if (!isNothing(offset) || !isNothing(distinct)) throw new Refused('TOP stands alone here.');
      return ` LIMIT ${this.whole(node(this.only(top, 'quantity')['quantity'])['Expr'])}`;
    }
    const fetch = this.only(query['fetch'], 'quantity')['quantity'];
    const rows = isTop ? fetch : limit;
    if (isTop && rows !== undefined && (before['rows'] !== 'Rows' || isNothing(query['order_by'])))
      throw new Refused('FETCH follows ORDER BY and OFFSET … ROWS.');
    if (!isTop && !isNothing(before['rows'])) throw new Refused('No ROWS behind OFFSET here.');
    const head = rows === undefined ? '' : ` LIMIT ${this.whole(rows)}`;
    return head + (isNothing(offset) ? '' : ` OFFSET ${this.whole(before['value'])}`);
  }

  query(value: unknown): string {
    const query = this.only(value, 'body', 'order_by', 'limit_clause', 'fetch');
    const { Select } = this.only(query['body'], 'Select');
    const select = this.only(Select, 'select_token', 'projection', 'from', 'selection', 'distinct', 'top');
    const { distinct, selection } = select;
    const columns = list(select['projection']).map((item) =>
      this.identifier(node(this.only(item, 'UnnamedExpr')['UnnamedExpr'])['Identifier']),
    );
    const [from, ...others] = list(select['from']);
    if (others.length > 0) throw new Refused('One table is read.');
    const isDistinct = distinct === 'Distinct';
    const keys = list(node(node(query['order_by'])['kind'])['Expressions']);
    const sorted = keys.map((key) => this.sortKey(key, columns, isDistinct)).join(', ');
    return [
      `SELECT ${isDistinct ? 'DISTINCT ' : ''}${columns.join(', ')} FROM ${this.table(from)}`,
      isNothing(selection) ? '' : ` WHERE ${this.condition(selection)}`,
      sorted && ` ORDER BY ${sorted}`,
      this.bounds(query, select),
    ].join('');
  }
}

/** A SELECT of a dialect as DuckDB runs it. @throws Refused */
export function inDuckdb(sql: string, dialect: SmallDialect, rowsOf: RowsOf): string {
  const { parser, bounds } = dialects[dialect];
  if (bounds === 'offset first' && /\bLIMIT \d+ OFFSET\b/.test(sql)) throw new Refused('OFFSET stands before LIMIT.');
  let statements: unknown[];
  try {
    statements = parse(sql, parser as 'ansi') as unknown[];
  } catch (error) {
    throw new Refused(error instanceof Error ? error.message : String(error));
  }
  const [only, ...others] = statements;
  if (others.length > 0 || !isNode(only) || !isNode(only['Query'])) throw new Refused('One SELECT is expected.');
  return new Writer(dialect, rowsOf).query(only['Query']);
}
