import type { DuckDBConnection } from '@duckdb/node-api';
import { drawsBlocks, largest, notShadowed, NO_BARE_NAME, SEED, tableSample, tooSmall } from './sample.ts';
import type { Candidate, SampleBounds, Sampling } from './sample.ts';

interface PlanNode {
  children: PlanNode[];
  extra_info: Record<string, unknown>;
}

/** What the number of a block of rows comes to; a macro of the seller's may have the name. */
const DRAWN = `system.main.hash(rowid // 2048, ${SEED})`;
/** As a plan writes it. */
const IN_PLAN = `hash((rowid // 2048), ${SEED})`;

/** Explains a statement on the connection that will run it, and gives the plan as JSON. */
export type Explain = (sql: string) => Promise<string>;

/** How many samples a statement is planned to draw, and how many rows to come of it. */
async function planOf(sql: string, explain: Explain): Promise<{ samples: number; rows: number }> {
  const plan = JSON.parse(await explain(sql)) as PlanNode[];
  let samples = 0;
  for (const stack = [...plan]; stack.length > 0;) {
    const { children, extra_info: info } = stack.pop() as PlanNode;
    stack.push(...children);
    if (info['Sample Method'] !== undefined || JSON.stringify(info).includes(IN_PLAN)) samples++;
  }
  return { samples, rows: Number(plan[0]?.extra_info['Estimated Cardinality'] ?? 0) };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Tables in the schema that bare names are looked up in, of those names in lower case; files are views there. To a view
 * of another schema a bare name means a table of that schema, if it has one, until a temporary one stands before both.
 */
async function candidates(
  connection: DuckDBConnection,
  names: readonly string[],
  isFiles: boolean,
  explain: Explain,
): Promise<(Candidate & { source: string; isAmbiguous: boolean })[]> {
  const [relation, rows] = isFiles ? ['view', '0'] : ['table', 'estimated_size'];
  const found = await connection.runAndReadAll(
    `SELECT ${relation}_name AS name, ${rows}, current_database(), lower(name) IN (
        SELECT lower(c.table_name) FROM duckdb_views() v JOIN duckdb_columns() c USING (database_name, schema_name)
        WHERE NOT v.internal AND database_name = current_database() AND schema_name <> 'main'
          AND contains(lower(v.sql), lower(c.table_name)))
      FROM duckdb_${relation}s() WHERE NOT internal AND database_name = current_database() AND schema_name = 'main'
        AND lower(name) IN (${names.map((_, i) => `$${i + 1}`).join(', ')})`,
    [...names],
  );
  const tables = found.getRows().map(([name, count, database, isAmbiguous]) => ({
    name: String(name),
    rows: Number(count),
    source: [database, 'main', name].map((part) => quoted(String(part))).join('.'),
    isAmbiguous: isAmbiguous === true,
  }));
  for (const table of isFiles ? tables : []) table.rows = (await planOf(`FROM ${table.source}`, explain)).rows;
  return tables;
}

/** Rows of about `percent` per cent of a table, the same ones each time. */
function sampleOf(table: Candidate & { source: string }, percent: number, isFiles: boolean): string {
  // Of a table, DuckDB's own blocks are others each time, whatever the seed, when two threads read them.
  const isByNumber = !isFiles && drawsBlocks(table);
  return `${table.source} ${isByNumber ? `WHERE ${DRAWN} % 100 < ${percent}` : tableSample(table, `${percent} PERCENT`)}`;
}

/**
 * Puts a sampled view of the largest table that a statement reads by its bare name in front of it, for this connection
 * alone. The plan says whether the statement reads it: a CTE may have the name.
 */
export async function sampleInDuckdb(
  connection: DuckDBConnection,
  statement: { sql: string; names: readonly string[]; isFiles: boolean },
  bounds: SampleBounds,
  explain: Explain,
): Promise<Sampling> {
  const { sql, names, isFiles } = statement;
  if (names.length === 0) return { whole: NO_BARE_NAME };
  const large = largest(await candidates(connection, names, isFiles, explain), bounds);
  if (!large[0]) return { whole: tooSmall(bounds) };
  const { samples } = await planOf(sql, explain);
  for (const table of large) {
    if (table.isAmbiguous) continue;
    const sample = sampleOf(table, bounds.percent, isFiles);
    await connection.run(`CREATE TEMP VIEW ${quoted(table.name)} AS SELECT * FROM ${sample}`);
    try {
      if ((await planOf(sql, explain)).samples > samples) return { table: table.name, fraction: bounds.percent / 100 };
    } catch {
      // What can be asked of a table only, such as its row numbers, cannot be asked of a view.
    }
    await connection.run(`DROP VIEW temp.main.${quoted(table.name)}`);
  }
  return { whole: notShadowed(large[0].name) };
}
