import type { Cell, ColumnType, TableInfo } from './engine.ts';

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
