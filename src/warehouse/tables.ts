import type { Cell, ColumnType, Limits, Running, TableInfo } from './engine.ts';

/** What an engine may say of its catalogue, or of a statement that it explains. */
export const CATALOGUE_LIMITS: Limits = { timeoutMs: 15_000, maxRows: 200_000, maxBytes: 64 * 1024 * 1024 };

/** All rows of a statement of ours, whose answer is small. */
export async function rowsIn({ chunks }: Pick<Running, 'chunks'>): Promise<Cell[][]> {
  const rows: Cell[][] = [];
  for await (const { values, rowCount } of chunks) {
    for (let r = 0; r < rowCount; r++) rows.push(values.map((column) => column[r] ?? null));
  }
  return rows;
}

function text(cell: Cell | undefined): string {
  return typeof cell === 'string' ? cell : '';
}

/**
 * Tables out of rows in their order: schema, table, kind, estimate of rows, column, its engine type, whether it may be
 * null. A table without columns has one row with a null column.
 */
export function groupTables(rows: Cell[][], typeOf: (engineType: string) => ColumnType): TableInfo[] {
  const tables: TableInfo[] = [];
  for (const [schema, name, kind, estimate, column, type, nullable] of rows) {
    let table = tables.at(-1);
    if (!table || table.schema !== schema || table.name !== name) {
      table = {
        schema: text(schema),
        name: text(name),
        kind: kind === 'VIEW' ? 'VIEW' : 'TABLE',
        rowEstimate: typeof estimate === 'number' ? estimate : null,
        columns: [],
      };
      tables.push(table);
    }
    if (typeof column !== 'string') continue;
    const engineType = text(type);
    table.columns.push({
      name: column,
      type: typeOf(engineType),
      engineType,
      isNullable: nullable === true || nullable === 1,
    });
  }
  return tables;
}
