/** Tables behind an engine in small: its statements are read in its own words (`small-sql.ts`), and really run. */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import type { Result } from './engine-servers.ts';
import { inDuckdb, type SmallDialect } from './small-sql.ts';

/** What a column holds; a service has names of its own for that. */
export type SmallKind = 'whole' | 'ratio' | 'text';
const KINDS: Record<string, SmallKind> = { BIGINT: 'whole', DOUBLE: 'ratio', VARCHAR: 'text' };

/** How a service calls the types and writes the cells, which come as texts: `NaN` for no number. */
export interface SmallForm {
  types: Record<SmallKind, string>;
  cell: (text: string, kind: SmallKind) => unknown;
}

type CatalogueRow = [
  schema: string,
  table: string,
  kind: string,
  rows: number | null,
  column: string,
  type: string,
  isNullable: boolean,
];

/** A view that the engine calls a table: one of another server, say, which has no blocks here. */
const FOREIGN = { name: 'external', rows: 1_000_000 };

const textOf = (value: unknown): string => (value === Infinity ? 'Infinity' : String(value));

/** Tables and views of one engine, and what it was asked. */
export class SmallDatabase {
  readonly dialect: SmallDialect;
  /** Statements that it ran, as they came. */
  readonly ran: string[] = [];
  private readonly connection: DuckDBConnection;
  private sizes = new Map<string, number>();

  private constructor(dialect: SmallDialect, connection: DuckDBConnection) {
    this.dialect = dialect;
    this.connection = connection;
  }

  /** Opens one with what `statements` of DuckDB make: columns of the types BIGINT, DOUBLE and VARCHAR. */
  static async open(dialect: SmallDialect, statements: readonly string[]): Promise<SmallDatabase> {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const database = new SmallDatabase(dialect, connection);
    for (const statement of statements) await connection.run(statement);
    const tables = await database.rows('SELECT schema_name, table_name, estimated_size::DOUBLE FROM duckdb_tables()');
    const quoted = (name: unknown): string => `"${String(name).replaceAll('"', '""')}"`;
    database.sizes = new Map(tables.map(([schema, name, rows]) => [`${quoted(schema)}.${quoted(name)}`, Number(rows)]));
    return database;
  }

  private async rows(sql: string): Promise<unknown[][]> {
    return (await this.connection.runAndReadAll(sql)).getRowsJS();
  }

  /** Columns of the tables of a schema and a name, where they are given, with the types' names in the catalogue. */
  async catalogue(types: Record<SmallKind, string>, [schema, table]: readonly unknown[]): Promise<CatalogueRow[]> {
    const found = await this.rows(
      `SELECT c.schema_name, c.table_name, t.estimated_size::DOUBLE, c.column_name, c.data_type, c.is_nullable
       FROM duckdb_columns() c LEFT JOIN duckdb_tables() t USING (database_name, schema_name, table_name)
       WHERE NOT c.internal ORDER BY 1, 2, c.column_index`,
    );
    return found
      .filter((row) => [undefined, row[0]].includes(schema as string) && [undefined, row[1]].includes(table as string))
      .map(([inSchema, name, counted, column, type, isNullable]) => {
        const rows = name === FOREIGN.name ? FOREIGN.rows : counted;
        return [
          String(inSchema),
          String(name),
          rows === null ? 'VIEW' : 'TABLE',
          rows === null ? null : Number(rows),
          String(column),
          types[KINDS[String(type)] ?? 'text'],
          isNullable === true,
        ];
      });
  }

  /** The rows of a statement in pages of a thousand, or why the engine would not run it. */
  async answer(sql: string, { types, cell }: SmallForm): Promise<Result | { refused: string }> {
    try {
      this.ran.push(sql);
      const rowsOf = (table: string): number | null => this.sizes.get(table) ?? null;
      const reader = await this.connection.runAndReadAll(inDuckdb(sql, this.dialect, rowsOf));
      const kinds = reader.columnTypes().map((type) => KINDS[String(type)] ?? 'text');
      const rows = reader
        .getRowsJS()
        .map((row) => row.map((value, c) => (value === null ? null : cell(textOf(value), kinds[c] ?? 'text'))));
      const pages = Array.from({ length: Math.max(1, Math.ceil(rows.length / 1000)) }, (_, i) =>
        rows.slice(i * 1000, (i + 1) * 1000),
      );
      return { columns: kinds.map((kind, c) => [reader.columnName(c), types[kind]]), pages };
    } catch (error) {
      return { refused: error instanceof Error ? error.message : String(error) };
    }
  }

  close(): void {
    this.connection.closeSync();
  }
}

/** The texts of a list of SQL literals: `'it''s', 5`. */
export function literalsOf(list: string): string[] {
  return [...list.matchAll(/'((?:[^']|'')*)'|[^', ]+/g)].map(([all, text]) => text?.replaceAll("''", "'") ?? all);
}
