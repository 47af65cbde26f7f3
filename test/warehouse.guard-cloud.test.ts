import { describe, expect, it } from 'vitest';
import type { Dialect } from '../src/warehouse/engine.ts';
import { bindParameters, placeholders } from '../src/warehouse/params.ts';
import { checkSql } from '../src/warehouse/sql-guard.ts';
import { lex } from '../src/warehouse/sql-lexer.ts';

const ALL = ['bigquery', 'snowflake', 'clickhouse', 'databricks', 'trino'] as const satisfies Dialect[];
type Cloud = (typeof ALL)[number];

/** Refused in every dialect. */
const hostileEverywhere = [
  '',
  ';',
  '-- only a comment',
  'DELETE FROM orders WHERE true',
  'UPDATE orders SET total = 0 WHERE true',
  'INSERT INTO orders SELECT 1',
  'MERGE INTO orders USING other ON true WHEN MATCHED THEN DELETE',
  'DROP TABLE orders',
  'CREATE TABLE t AS SELECT 1',
  'ALTER TABLE orders ADD COLUMN x int',
  'TRUNCATE TABLE orders',
  'GRANT SELECT ON orders TO someone',
  'SELECT 1; SELECT 2',
  'SELECT 1 -- x\n; DROP TABLE orders',
  'SELECT 1 -- x\r; DROP TABLE orders',
  'WITH a AS (SELECT 1) DELETE FROM orders',
  'SELECT * INTO copied FROM orders',
  'SELECT 1 /* /* */ , 2 */',
  'SELECT 1 /* no end',
  "SELECT 'no end",
  'SELECT (1',
  'SELECT 1]',
  'SELECT ?',
  'SELECT\u00a01',
  'SELECT \\ 1',
  'SELECT 1 /*! , 2 */',
  'CALL something()',
  'SET x = 1',
  "EXECUTE IMMEDIATE 'DROP TABLE orders'",
  'SHOW TABLES',
  'BEGIN',
  'USE other',
];

const hostile: Record<Cloud, string[]> = {
  bigquery: [
    "SELECT * FROM EXTERNAL_QUERY('proj.us.conn', 'DELETE FROM t')",
    "SELECT * FROM external_query -- x\n ('c', 'SELECT 1')",
    "SELECT * FROM EXTERNAL_QUERY # x\n ('c', 'SELECT 1')",
    'SELECT * FROM `region-us`.INFORMATION_SCHEMA.JOBS_BY_PROJECT',
    'SELECT * FROM `region-us.INFORMATION_SCHEMA.JOBS`',
    'SELECT * FROM `proj`.`region-us`.`INFORMATION_SCHEMA`.`SESSIONS`',
    "SELECT * FROM ML.GENERATE_TEXT(MODEL d.m, (SELECT 'x' AS prompt))",
    "SELECT AI.GENERATE('x')",
    'SELECT @p1',
    'SELECT @@project_id',
    "EXPORT DATA OPTIONS (uri = 'gs://b/x*') AS SELECT 1",
    "LOAD DATA INTO d.t FROM FILES (uris = ['gs://b/x'])",
    'DECLARE x INT64',
    'FROM orders |> CALL d.proc()',
    'SELECT * FROM (FROM orders |> EXPORT DATA)',
    "SELECT 'a\\\\', EXTERNAL_QUERY('c', 'x') --'",
    "SELECT '''a''', EXTERNAL_QUERY('c', '''x''')",
    "SELECT r'\\\\', EXTERNAL_QUERY('c', 'x') --'",
    'SELECT `a\\`, EXTERNAL_QUERY("c", "x") --`',
    "SELECT 'a\n', 1",
    'SELECT `a``b`',
    'ASSERT (SELECT true)',
    'VALUES (1)',
  ],
  snowflake: [
    'SELECT 1 ->> DROP TABLE orders',
    'SELECT 1 ->> CALL proc()',
    'SELECT SYSTEM$WAIT(10)',
    "SELECT SYSTEM$CANCEL_QUERY('x')",
    'SELECT system$abort_session(1)',
    "SELECT * FROM TABLE(RESULT_SCAN('01a'))",
    "SELECT * FROM IDENTIFIER('secret')",
    'SELECT $1 FROM @stage/file.csv',
    'SELECT * FROM @stage',
    'SELECT $variable',
    "SELECT * FROM TABLE(INFER_SCHEMA(LOCATION => '@s', FILE_FORMAT => 'f'))",
    "SELECT GET_PRESIGNED_URL(@s, 'x')",
    "SELECT SNOWFLAKE.CORTEX.COMPLETE('m', 'x')",
    "SELECT AI_COMPLETE('m', 'x')",
    'SELECT orders_seq.NEXTVAL',
    'SELECT * FROM snowflake.account_usage.users',
    'SELECT * FROM TABLE(information_schema.query_history())',
    'WITH p AS PROCEDURE () RETURNS INT LANGUAGE SQL AS $$ BEGIN END $$ CALL p()',
    "SELECT 'a\\\\', SYSTEM$WAIT(1) --'",
    'SELECT $$ no end',
    'SELECT 1 // x\n; DROP TABLE orders',
    'COPY INTO @s FROM orders',
    'PUT file:///etc/passwd @s',
    'SELECT "system$wait"(1)',
    'EXECUTE TASK t',
    'UNSET x',
  ],
  clickhouse: [
    "SELECT * FROM url('http://169.254.169.254/', CSV, 'a String')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM remote('host', db.t)",
    "SELECT * FROM remoteSecure('host', db.t)",
    "SELECT * FROM mysql('h:3306', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('h', 'd', 't', 'u', 'p')",
    "SELECT * FROM s3('https://b/x')",
    "SELECT * FROM s3Cluster('c', 'https://b/x')",
    "SELECT * FROM hdfs('hdfs://x', 'CSV', 'a String')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT * FROM clusterAllReplicas('c', db.t)",
    "SELECT * FROM merge('db', '.*')",
    "SELECT * FROM jdbc('x', 'y')",
    'SELECT sleep(3)',
    'SELECT sleepEachRow(3)',
    'SELECT SLEEP/* x */(3)',
    'SELECT sleep # x\n (3)',
    'SELECT * FROM system.users',
    'SELECT * FROM `system`.`query_log`',
    'SELECT 1 SETTINGS readonly = 0',
    'SELECT 1 FORMAT TabSeparated',
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    'SELECT {p1:String}',
    'SELECT * FROM (SHOW DATABASES)',
    'SELECT * FROM (EXPLAIN SELECT 1)',
    'KILL QUERY WHERE 1',
    'SYSTEM SHUTDOWN',
    'OPTIMIZE TABLE t',
    'ATTACH TABLE t',
    'SELECT \u2018a\u2019, sleep(1)',
    "SELECT 'a\\\\', sleep(1) --'",
    'SELECT `a\\`, sleep(1) --`',
    'SELECT $a$ no end',
    'SELECT $a$x$a$, sleep(1)',
    'SELECT @@version',
    "SELECT getSetting('x'), hostName(), showCertificate('h')",
    'WATCH v',
    'EXISTS TABLE t',
  ],
  databricks: [
    'SELECT * FROM csv.`/etc/passwd`',
    'SELECT * FROM delta.`s3://bucket/x`',
    'SELECT * FROM `text`.`dbfs:/x`',
    "SELECT * FROM read_files('/x')",
    "SELECT java_method('java.lang.Runtime', 'getRuntime')",
    "SELECT reflect('java.lang.System', 'getenv')",
    "SELECT secret('scope', 'key')",
    "SELECT try_secret('scope', 'key')",
    'SELECT * FROM list_secrets()',
    "SELECT * FROM remote_query('c', query => 'DELETE FROM t')",
    "SELECT ai_query('m', 'x')",
    "SELECT http_request(conn => 'c', method => 'GET', path => '/')",
    "SELECT TRANSFORM (a, b) USING 'cat' AS (a, b) FROM t",
    "SELECT * FROM (MAP a USING 'id' AS b FROM t)",
    "SELECT * FROM IDENTIFIER('secret')",
    "SELECT '${env:SECRET}'",
    'SELECT ${x}',
    "SELECT 'a\\', secret('a', 'b') --'",
    'SELECT "a\\", secret("a", "b") --"',
    "SELECT 1 -- x \\\n , secret('a', 'b')",
    'SELECT /*+ BROADCAST(t) */ 1',
    'SELECT 1 /* /* */ , secret("a", "b") */',
    'FROM orders SELECT *',
    'FROM orders INSERT OVERWRITE TABLE t SELECT *',
    'SELECT "secret"("a", "b")',
    'OPTIMIZE t',
    'DESCRIBE t',
    'CACHE TABLE t',
    "ADD JAR '/x.jar'",
    'REFRESH TABLE t',
  ],
  trino: [
    "SELECT * FROM TABLE(mysql.system.query(query => 'DELETE FROM t'))",
    "SELECT * FROM TABLE(system.query(query => 'SELECT 1'))",
    "SELECT * FROM TABLE(elasticsearch.system.raw_query(index => 'x', query => '{}'))",
    'SELECT * FROM TABLE("system"."query"(query => \'x\'))',
    'SELECT * FROM system.runtime.queries',
    'SELECT * FROM "system"."runtime"."nodes"',
    'SELECT * FROM system.metadata.catalogs',
    "WITH SESSION query_max_run_time = '9h' SELECT 1",
    'WITH FUNCTION f() RETURNS int BEGIN RETURN 1; END SELECT f()',
    "USING EXTERNAL FUNCTION f(x int) RETURNS int LAMBDA 'arn' SELECT f(1)",
    "UNLOAD (SELECT 1) TO 's3://x' WITH (format = 'JSON')",
    'EXPLAIN ANALYZE SELECT 1',
    'PREPARE x FROM SELECT 1',
    'DEALLOCATE PREPARE x',
    "SELECT U&'\\0041'",
    'SELECT U&"\\0071uery"(1)',
    'SELECT "query" (1)',
    'SELECT query -- x\n (1)',
    'MSCK REPAIR TABLE t',
    'START TRANSACTION',
    'TABLE orders',
    'REFRESH MATERIALIZED VIEW v',
    "SELECT ai_gen('x')",
  ],
};

const honest: Record<Cloud, string[]> = {
  bigquery: [
    'SELECT * EXCEPT (a) REPLACE (b / 2 AS b) FROM `my-project.shop.orders` WHERE day >= :from',
    "SELECT 'it\\'s; DROP TABLE x', \"double -- no\", '''three ' of '' them''', r'raw\\d', b\"bytes\", rb'\\x'",
    'WITH a AS (SELECT 1 AS x) SELECT STRUCT(x AS y), [1, 2][OFFSET(0)], ARRAY<INT64>[1] FROM a # DELETE\n WHERE true',
    'SELECT region, APPROX_QUANTILES(total, 4) FROM shop.orders GROUP BY ALL QUALIFY ROW_NUMBER() OVER (ORDER BY region) = 1',
    'SELECT * FROM shop.orders FOR SYSTEM_TIME AS OF TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)',
    'SELECT * FROM UNNEST(GENERATE_DATE_ARRAY(:from, :to)) AS day CROSS JOIN UNNEST([1, 2]) WITH OFFSET',
    'SELECT * FROM shop.orders PIVOT (SUM(total) FOR region IN ("north", "south"))',
    'SELECT o.update, `delete`, SAFE_CAST(x AS NUMERIC), SAFE.SUBSTR(name, 1) FROM orders o WINDOW w AS (PARTITION BY a)',
    'SELECT * FROM `shop`.INFORMATION_SCHEMA.COLUMNS',
    '(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1',
  ],
  snowflake: [
    'SELECT src:customer.name::STRING, src:update, src[0]:b, "Col":c FROM t, LATERAL FLATTEN(INPUT => src:items) f',
    'SELECT * FROM orders WHERE day >= :from AND region IN (:a, :b) LIMIT :n // DELETE\n',
    "SELECT 'it\\'s', 'it''s; DROP TABLE x', $$ dollar; 'DELETE' $$, \"quoted \"\"name\"\"\"",
    'SELECT region, SUM(total) FROM orders GROUP BY ALL QUALIFY RANK() OVER (ORDER BY SUM(total) DESC) <= 3',
    'SELECT * EXCLUDE (a) RENAME (b AS c) FROM orders AT (OFFSET => -60)',
    'SELECT * FROM TABLE(GENERATOR(ROWCOUNT => 10)), orders SAMPLE (10)',
    "SELECT DATEADD(day, 1, created), IFF(a, b, c), TRY_TO_NUMBER(x), OBJECT_CONSTRUCT('a', 1) FROM orders",
    'WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n',
    'SELECT * FROM orders MATCH_RECOGNIZE (ORDER BY day MEASURES FIRST(day) AS d PATTERN (a+) DEFINE a AS total > 1)',
    'VALUES (1, 2), (3, 4)',
    'SELECT REPLACE(name, :a, :b), INSERT(name, 1, 2, :c), x -> x + 1 FROM orders',
  ],
  clickhouse: [
    'SELECT region, quantile(0.9)(total), argMax(name, total) FROM orders FINAL PREWHERE day >= :from GROUP BY region WITH TOTALS',
    "SELECT 'it\\'s; DROP TABLE x', 'it''s', \"a name\", `delete`, $tag$ heredoc; DELETE $tag$ # comment\n",
    "SELECT arrayMap(x -> x + 1, [1, 2, 3]), map('a', 1), tuple(1, 2).1, x::Int64 FROM orders ARRAY JOIN tags",
    'WITH (SELECT max(total) FROM orders) AS top SELECT * FROM orders WHERE total = top LIMIT 1 BY region',
    'SELECT number FROM system.numbers LIMIT 10',
    "SELECT toStartOfMonth(day), formatDateTime(day, '%Y'), format('{} {}', a, b) FROM orders ASOF JOIN prices USING (k, t)",
    'SELECT * FROM (SELECT 1 AS system, 2 AS settings) ORDER BY settings WITH FILL',
    'SELECT * FROM numbers(10) WHERE number GLOBAL IN (SELECT id FROM orders) SETTINGS_x',
    "SELECT dictGet('d', 'a', id), url, file, input FROM orders SAMPLE 0.1",
  ],
  databricks: [
    'SELECT data:customer.name::string, data:items[0].update FROM orders WHERE day >= :from AND region = :region',
    "SELECT 'it''s; DROP TABLE x', \"double -- no\", r'raw\\d', X'1F', `delete` FROM main.shop.`insert into`",
    'SELECT transform(tags, t -> t || :suffix), filter(tags, t -> t > 1), aggregate(tags, 0, (a, t) -> a + t) FROM orders',
    'SELECT * FROM orders VERSION AS OF 3 TABLESAMPLE (10 PERCENT) JOIN items USING (id)',
    'SELECT region, sum(total) FROM orders GROUP BY ALL ORDER BY ALL -- DELETE',
    'SELECT * EXCEPT (a) FROM orders LATERAL VIEW explode(tags) t AS tag',
    "SELECT * FROM orders PIVOT (sum(total) FOR region IN ('north', 'south'))",
    'SELECT csv.total, json.`update` FROM csv JOIN json ON csv.id = json.id',
    'SELECT total :: INT, timestamp(:day) FROM orders',
    'VALUES (1, 2)',
  ],
  trino: [
    "SELECT * FROM hive.shop.orders WHERE day >= DATE '2024-01-01' AND region = :region",
    "SELECT 'it''s; DROP TABLE x', 'back\\', \"delete\", X'1F' FROM \"insert into\" -- DELETE",
    'SELECT transform(tags, t -> t || :suffix), CAST(ROW(1, 2) AS ROW(x int, y int)).x, ARRAY[1, 2][1] FROM orders',
    'SELECT * FROM orders CROSS JOIN UNNEST(tags) WITH ORDINALITY AS t (tag, n) TABLESAMPLE BERNOULLI (10)',
    'WITH session AS (SELECT 1 AS query), function (a) AS (SELECT 2) SELECT query FROM session, function',
    'SELECT * FROM "orders$partitions" FETCH FIRST 5 ROWS ONLY',
    'SELECT * FROM TABLE(sequence(start => 1, stop => 9)), orders FOR VERSION AS OF 3',
    "SELECT json_query(data, 'lax $.a'), approx_percentile(total, 0.5) FROM orders GROUP BY GROUPING SETS ((a), ())",
    'SELECT approx_distinct(x) FILTER (WHERE y) OVER (PARTITION BY z) FROM orders',
    'VALUES (1, 2), (3, 4)',
  ],
};

const hostileCases = ALL.flatMap((dialect) =>
  [...hostileEverywhere, ...hostile[dialect]].map((sql): [Cloud, string] => [dialect, sql]),
);
const honestCases = ALL.flatMap((dialect) => honest[dialect].map((sql): [Cloud, string] => [dialect, sql]));

describe('the SQL guard for services', () => {
  it.each(ALL)('has a corpus worth its name for %s', (dialect) => {
    expect(hostile[dialect].length).toBeGreaterThanOrEqual(12);
    expect(honest[dialect].length).toBeGreaterThanOrEqual(6);
  });

  it.each(hostileCases)('%s refuses %s', async (dialect, sql) => {
    const rejection = await checkSql(sql, dialect);
    expect(rejection).not.toBeNull();
    expect(rejection?.rule).toMatch(/^[A-Z][A-Z_]+$/);
    expect(rejection?.position).toBeGreaterThanOrEqual(0);
    expect(rejection?.position).toBeLessThanOrEqual(sql.length);
  });

  it.each(honestCases)('%s accepts %s', async (dialect, sql) => {
    expect(await checkSql(sql, dialect)).toBeNull();
  });

  it.each<[Cloud, string, string[]]>([
    ['bigquery', "SELECT '''it's''' x", ["it's"]],
    ['bigquery', "SELECT 'a' 'b\\'c' \"d'e\"", ['a', "b\\'c", "d'e"]],
    ['bigquery', "SELECT '' 'x'", ['', 'x']],
    ['bigquery', "SELECT rb'\\'' r\"\\\\\"", ["\\'", '\\\\']],
    ['snowflake', "SELECT 'a\\'b' 'c''d' $$e'f$$", ["a\\'b", "c''d", "e'f"]],
    ['clickhouse', "SELECT 'a\\'b' 'c\\\\' $x$d'$x$", ["a\\'b", 'c\\\\', "d'"]],
    ['databricks', "SELECT 'a''b' \"c'd\" r'e\\\\'", ["a''b", "c'd", 'e\\\\']],
    ['trino', "SELECT 'a\\' 'b''c'", ['a\\', "b''c"]],
  ])('%s reads the strings of %s', (dialect, sql, strings) => {
    const { tokens, problem } = lex(sql, dialect);
    expect(problem).toBeNull();
    expect(tokens.filter((token) => token.kind === 'string').map((token) => token.text)).toEqual(strings);
  });
});

describe('parameters of services', () => {
  it.each<[Cloud, string, unknown[]]>([
    ['bigquery', 'SELECT @p1, @p2, @p1', [1, 'x']],
    ['snowflake', 'SELECT ?, ?, ?', [1, 'x', 1]],
    ['clickhouse', 'SELECT {p1:Int64}, {p2:String}, {p1:Int64}', [1, 'x']],
    ['databricks', 'SELECT :p1, :p2, :p1', [1, 'x']],
    ['trino', 'SELECT ?, ?, ?', [1, 'x', 1]],
  ])('%s writes %s', (dialect, sql, values) => {
    expect(bindParameters('SELECT :a, :b, :a', dialect, { a: 1, b: 'x' })).toEqual({ sql, values });
  });

  it('says the type where the dialect wants it', () => {
    const { sql } = bindParameters('SELECT :a, :b, :c, :d', 'clickhouse', { a: true, b: 0.5, c: null, d: 2 ** 60 });
    expect(sql).toBe('SELECT {p1:Bool}, {p2:Float64}, {p3:Nullable(String)}, {p4:Float64}');
  });

  it.each(['snowflake', 'databricks'] as const)('%s tells members of documents from parameters', (dialect) => {
    const sql = 'SELECT src:a, "Src":b, f(x):c, src[0]:d, x::int FROM t WHERE y = :e AND z IN (:f,:g) LIMIT :h';
    expect(placeholders(sql, dialect).map(({ name }) => name)).toEqual(['e', 'f', 'g', 'h']);
  });
});
