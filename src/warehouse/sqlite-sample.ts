import type { DatabaseSync } from 'node:sqlite';
import { largest, notShadowed, tooSmall } from './sample.ts';
import type { Candidate, SampleBounds, Sampling } from './sample.ts';

/** What SQLite asks its authorizer while it prepares a statement, as one text a question. */
export type Trace = string[];

/** A view in front of a table, for as long as a statement runs. */
export interface SampleView {
  sampling: Sampling;
  drop: () => void;
}

const NONE = (): void => undefined;
/** 31 bits of a row number, mixed twice so that neighbours and every n-th row are drawn alike: SQLite has no sampling. */
const mixed = (rowid: string): string =>
  `((((${rowid} & 2147483647) * 2654435761 & 4294967295) >> 7) * 2246822519 & 4294967295) >> 8`;

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Tables with row numbers among those names, and what their row numbers are called. */
function candidates(
  database: DatabaseSync,
  names: readonly string[],
  { minRows }: SampleBounds,
): (Candidate & { rowid: string })[] {
  const tables = database
    .prepare(
      `SELECT t.name, (SELECT r.value FROM json_each('["rowid", "_rowid_", "oid"]') r
          WHERE r.value NOT IN (SELECT lower(c.name) FROM pragma_table_xinfo(t.name, 'main') c)) AS rowid
        FROM pragma_table_list t WHERE t.schema = 'main' AND t.type = 'table' AND NOT t.wr
          AND t.name NOT LIKE 'sqlite^_%' ESCAPE '^' AND lower(t.name) IN (SELECT value FROM json_each(?))`,
    )
    .all(JSON.stringify(names)) as { name: string; rowid: string | null }[];
  return tables.flatMap(({ name, rowid }) => {
    if (rowid === null) return [];
    const table = `main.${quoted(name)}`;
    // There are no statistics: as many are counted as it takes, and the row numbers tell which table is larger.
    const sql = `SELECT (SELECT count(*) FROM (SELECT 1 FROM ${table} LIMIT ${minRows})) AS counted,
      (SELECT max(${rowid}) FROM ${table}) - (SELECT min(${rowid}) FROM ${table}) + 0.0 AS span`;
    const { counted, span } = database.prepare(sql).get() as { counted: number; span: number };
    return [{ name, rowid, rows: counted < minRows ? counted : Math.max(minRows, span) }];
  });
}

/**
 * Puts a sampled view of the largest table that a statement reads by its bare name in front of it: the schema `temp` is
 * looked through first. `trace` prepares the statement and gives what SQLite asked on the way: other questions than
 * without the view mean that it is read.
 */
export function sampleInSqlite(
  database: DatabaseSync,
  bounds: SampleBounds,
  trace: () => { names: string[]; questions: Trace },
): SampleView {
  const before = trace();
  // What makes the sample is ours, and not a statement's.
  database.setAuthorizer(null);
  const large = largest(candidates(database, before.names, bounds), bounds);
  for (const { name, rowid } of large) {
    database.setAuthorizer(null);
    const view = `temp.${quoted(name)}`;
    database.exec(
      `CREATE VIEW ${view} AS SELECT * FROM main.${quoted(name)} WHERE (${mixed(rowid)}) % 100 < ${bounds.percent}`,
    );
    const drop = (): void => {
      database.setAuthorizer(null);
      database.exec(`DROP VIEW IF EXISTS ${view}`);
    };
    try {
      if (trace().questions.join('\n') !== before.questions.join('\n'))
        return { sampling: { table: name, fraction: bounds.percent / 100 }, drop };
    } catch {
      // What can be asked of a table only, such as its row numbers, cannot be asked of a view.
    }
    drop();
  }
  return { sampling: { whole: large[0] ? notShadowed(large[0].name) : tooSmall(bounds) }, drop: NONE };
}
