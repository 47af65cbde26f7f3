import type { Seeds } from './fuzz-statements.ts';

/** What a file holds that no statement may show. */
export const MARK = 'marker-of-a-file-5f1c';

/** Seeds for PostgreSQL; `out` is a file in the server's data directory, given with its whole path. */
export function postgresSeeds(out: string): Seeds {
  return {
    honest: [
      "SELECT id, x FROM canary WHERE id > 1 AND x <> 'a;b' ORDER BY id",
      "SELECT \"id\", 'it''s', $$ dollar $$, $t$ tag $t$, E'e\\n' FROM public.canary",
      'WITH w AS (SELECT count(*) AS n FROM canary) SELECT n, :n::int FROM w',
      "SELECT x::text, id::numeric(9, 2), ARRAY[1, 2][1:2], '{\"a\": 1}'::jsonb -> 'a' FROM canary LIMIT 2",
      "SELECT replace(x, 'a', 'b'), lower(x), now(), random() FROM canary -- the end",
      '/* a /* nested */ comment */ SELECT sum(id) OVER (PARTITION BY x) FROM canary',
      "SELECT CASE WHEN id = 1 THEN 'one' ELSE upper(x) END FROM canary GROUP BY id, x HAVING count(*) > 0",
      "VALUES (1, 'a'), (2, :text)",
      'SELECT * FROM canary a JOIN LATERAL (SELECT max(id) FROM canary b WHERE b.id < a.id) m ON true',
      "SELECT * FROM generate_series(1, 3) i, json_to_recordset('[]') AS r(a int)",
      "SELECT extract(year FROM date '2024-01-01'), trim(BOTH 'x' FROM x), substring(x FROM 1 FOR 2) FROM canary",
    ],
    hostile: [
      "INSERT INTO canary VALUES (100, 'new')",
      "UPDATE canary SET x = x || '!'",
      'DELETE FROM canary WHERE id = 2',
      "WITH d AS (UPDATE canary SET x = x || '?' RETURNING *) SELECT * FROM d",
      'CREATE TABLE stolen AS SELECT 1 AS a',
      'SELECT 1 AS a INTO copied',
      'CREATE TEMP TABLE temporary (a int)',
      'CREATE FUNCTION made() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      "DO $$ BEGIN INSERT INTO canary VALUES (200, 'do'); END $$",
      `COPY (SELECT 1) TO '${out}'`,
      "COPY canary FROM PROGRAM 'printf ''300\\tx\\n'''",
      'LISTEN canary_channel',
      'PREPARE prepared AS SELECT 1',
      "SET application_name = 'owned'",
      'DECLARE held CURSOR WITH HOLD FOR SELECT 1',
      'ALTER TABLE canary ADD COLUMN more int',
      'BEGIN',
    ],
    poison: [
      "nextval('canary_seq')",
      "setval('canary_seq', 4242)",
      "pg_read_file('postmaster.opts')",
      "pg_catalog.pg_read_file('postmaster.opts')",
      '"pg_read_file"(\'postmaster.opts\')',
      "pg_read_binary_file('postmaster.opts')",
      "pg_ls_dir('.')",
      "lo_from_bytea(0, 'x')",
      'lo_create(0)',
      "lo_import('PG_VERSION')",
      'pg_advisory_lock(7)',
      'pg_try_advisory_lock(8)',
      "set_config('application_name', 'set', false)",
      "query_to_xml($$SELECT nextval('canary_seq')$$, true, true, '')",
      "query_to_xml($$SELECT pg_read_file('postmaster.opts')$$, true, true, '')",
      "(SELECT count(*) FROM ts_stat($$SELECT to_tsvector(nextval('canary_seq')::text)$$))",
    ],
  };
}

/** Seeds for MariaDB; `out` is a file that the server may write. */
export function mariadbSeeds(out: string): Seeds {
  return {
    honest: [
      "SELECT id, x FROM canary WHERE id > 1 AND x <> 'a;b' ORDER BY id",
      "SELECT `id`, 'it''s', \"double; quote\", x'ff', N'n' FROM canary",
      'WITH w AS (SELECT count(*) AS n FROM canary) SELECT n, :n FROM w',
      "SELECT REPLACE(x, 'a', 'b'), INSERT(x, 1, 1, 'y'), TRUNCATE(id, 1), LEFT(x, 2) FROM canary # the end",
      'SELECT 5--1, 3 - -2, id <=> 1 FROM canary LIMIT 2 -- end\n',
      '/* a comment */ SELECT SUM(id) OVER (PARTITION BY x) FROM canary',
      "SELECT GROUP_CONCAT(x ORDER BY id SEPARATOR ', '), @@version FROM canary GROUP BY id WITH ROLLUP",
      "SELECT _utf8mb4'abc' COLLATE utf8mb4_bin, CAST(id AS CHAR), IF(id = 1, 'a', 'b') FROM canary",
      "VALUES (1, 'a'), (2, 'b')",
      "SELECT * FROM canary a JOIN canary b USING (id) WHERE a.x LIKE '%a%' AND b.x = :text",
      "SELECT DATE_ADD('2024-01-01', INTERVAL 1 DAY), JSON_EXTRACT('{\"a\": 1}', '$.a'), CASE WHEN 1 THEN 2 END",
    ],
    hostile: [
      "INSERT INTO canary VALUES (100, 'new')",
      "UPDATE canary SET x = CONCAT(x, '!')",
      'DELETE FROM canary WHERE id = 2',
      "REPLACE INTO canary VALUES (1, 'replaced')",
      'CREATE TABLE stolen AS SELECT 1 AS a',
      'CREATE VIEW seen AS SELECT 1 AS a',
      'SELECT 1 INTO @canary',
      "SET @canary = 'set'",
      'SELECT 3 AS a /*! INTO @canary */',
      'SELECT 2 AS a /*M! INTO @canary */',
      `SELECT 1 INTO OUTFILE '${out}'`,
      `SELECT 1 /*!50000 INTO DUMPFILE '${out}2' */`,
      'ALTER TABLE canary ADD COLUMN more INT',
      'START TRANSACTION',
      "SET SESSION sql_mode = 'ANSI_QUOTES'",
      'SET SESSION autocommit = 0',
    ],
    poison: [
      "@canary := 'assigned'",
      'NEXTVAL(canary_seq)',
      'NEXT VALUE FOR canary_seq',
      'SETVAL(canary_seq, 4242)',
      "LOAD_FILE('/etc/passwd')",
      "`LOAD_FILE`('/etc/passwd')",
      "LOAD_FILE/**/('/etc/passwd')",
      "LOAD_FILE#\n('/etc/passwd')",
      "GET_LOCK('canary_lock', 0)",
      "/*! LOAD_FILE('/etc/passwd') */",
    ],
  };
}

/** Seeds for DuckDB; `directory` holds `canary.csv` and may be written. */
export function duckdbSeeds(directory: string): Seeds {
  const [csv, out] = [`${directory}/canary.csv`, `${directory}/out`];
  return {
    honest: [
      "SELECT id, x FROM canary WHERE id > 1 AND x <> 'a;b' ORDER BY id",
      'FROM canary SELECT id, sum(id) GROUP BY ALL ORDER BY ALL',
      "SELECT \"id\", 'it''s', $$ dollar $$, $t$ tag $t$, E'e\\n' FROM main.canary",
      'WITH w AS (SELECT count(*) AS n FROM canary) SELECT n, :n FROM w',
      "SELECT {'a': 1, 'b': [1, 2]}, [y * 2 FOR y IN [1, 2] IF y > 1], MAP {'k': 1}, list[1:2] FROM (SELECT [1, 2] AS list)",
      '/* a /* nested */ comment */ SELECT * EXCLUDE (x) FROM canary -- the end',
      'PIVOT canary ON id IN (1, 2) USING count(x)',
      'UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b INTO NAME k VALUE v',
      "VALUES (1, 'a'), (2, :text)",
      'SELECT list_transform([1, 2], y -> y + 1), 5 // 2, total: 1 FROM range(3) r(i)',
      'SELECT * FROM canary a JOIN canary b USING (id), (SELECT 1) c QUALIFY row_number() OVER () = 1',
    ],
    hostile: [
      "INSERT INTO canary VALUES (100, 'new')",
      "UPDATE canary SET x = x || '!'",
      'DELETE FROM canary WHERE id = 2',
      'CREATE TABLE stolen AS SELECT 1 AS a',
      'CREATE TEMP VIEW seen AS SELECT 1 AS a',
      `COPY canary TO '${out}.csv'`,
      `EXPORT DATABASE '${out}_export'`,
      `ATTACH '${out}.db' AS attached`,
      "SET VARIABLE canary = 'set'",
      'SET threads = 1',
      `FROM '${csv}'`,
      `SELECT * FROM "${csv}"`,
      `SELECT * FROM canary, '${csv}'`,
      `PIVOT '${csv}' ON a USING count(*)`,
      `FROM (DESCRIBE '${csv}')`,
      `SELECT * FROM t: '${csv}'`,
      `SUMMARIZE FROM '${csv}'`,
    ],
    poison: [
      "nextval('canary_seq')",
      `(SELECT content FROM read_text('${csv}'))`,
      `(SELECT a FROM read_csv('${csv}'))`,
      `(SELECT a FROM '${csv}')`,
      `(SELECT a FROM "${csv}")`,
      `(SELECT count(*) FROM (FROM '${csv}') WHERE a LIKE 'marker%') || (SELECT a FROM '${csv}')`,
      `(SELECT file FROM glob('${directory}/*') WHERE file LIKE '%listed%')`,
      "(FROM query('SELECT nextval(''canary_seq'')'))",
      `(FROM query($$SELECT a FROM '${csv}'$$))`,
    ],
  };
}

/** Seeds for SQLite; `directory` may be written. */
export function sqliteSeeds(directory: string): Seeds {
  const out = `${directory}/out`;
  return {
    honest: [
      "SELECT id, x FROM canary WHERE id > 1 AND x <> 'a;b' ORDER BY id",
      "SELECT [id], \"x\", `x`, 'it''s', x'ff' FROM main.canary",
      'WITH w AS (SELECT count(*) AS n FROM canary) SELECT n, :n FROM w',
      "SELECT replace(x, 'a', 'b'), lower(x), strftime('%Y', 'now'), json_extract('{\"a\": 1}', '$.a') FROM canary",
      '/* a comment */ SELECT sum(id) OVER (ORDER BY id) FROM canary -- the end',
      'VALUES (1, 2), (3, 4)',
      "SELECT CASE WHEN id = 1 THEN 'one' ELSE upper(x) END FROM canary GROUP BY id HAVING count(*) > 0",
      "SELECT * FROM canary a JOIN canary b USING (id) WHERE a.x GLOB '*a*' LIMIT 3",
      "SELECT id -> '$', group_concat(x, ';') FILTER (WHERE id > 1) FROM canary",
    ],
    hostile: [
      "INSERT INTO canary VALUES (100, 'new')",
      "UPDATE canary SET x = x || '!'",
      'DELETE FROM canary WHERE id = 2',
      "REPLACE INTO canary VALUES (1, 'replaced')",
      "WITH w AS (SELECT 7) INSERT INTO canary SELECT 101, 'with' FROM w",
      'CREATE TABLE stolen AS SELECT 1 AS a',
      'CREATE TEMP VIEW seen AS SELECT 1 AS a',
      `ATTACH '${out}.db' AS attached`,
      `VACUUM INTO '${out}_vacuum.db'`,
      'PRAGMA user_version = 77',
      'ALTER TABLE canary ADD COLUMN more',
      'BEGIN',
    ],
    poison: ['(SELECT 1); DELETE FROM canary', "1; INSERT INTO canary (x) VALUES ('more')", "'a'; DROP TABLE canary"],
  };
}
