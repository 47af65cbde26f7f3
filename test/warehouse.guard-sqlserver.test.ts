import { describe, expect, it } from 'vitest';
import { checkSql } from '../src/warehouse/sql-guard.ts';
import { lex } from '../src/warehouse/sql-lexer.ts';

const hostile: [rule: string, sql: string][] = [
  ['EMPTY', ''],
  ['EMPTY', '-- only a comment'],
  // Statements need no semicolon between them.
  ['NOT_A_QUERY', 'SELECT 1 DROP TABLE x'],
  ['NOT_A_QUERY', "SELECT 1 EXEC('DROP TABLE x')"],
  ['NOT_A_QUERY', "SELECT 'a'EXECUTE sp_who"],
  ['NOT_A_QUERY', 'SELECT a AS drop TABLE x'],
  ['NOT_A_QUERY', 'SELECT t.drop TABLE x FROM t'],
  ['NOT_A_QUERY', 'SELECT 1 DELETE orders'],
  ['NOT_A_QUERY', 'SELECT 1 INSERT orders (id) VALUES (1)'],
  ['NOT_A_QUERY', 'SELECT 1 INSERT (orders) VALUES (1)'],
  ['NOT_A_QUERY', 'SELECT 1 UPDATE orders SET total = 0'],
  ['NOT_A_QUERY', 'SELECT 1 TRUNCATE TABLE orders'],
  ['NOT_A_QUERY', 'SELECT 1 MERGE orders USING x ON 1 = 1 WHEN MATCHED THEN DELETE'],
  ['NOT_A_QUERY', 'SELECT 1 SET LOCK_TIMEOUT -1'],
  ['NOT_A_QUERY', 'SELECT 1 COMMIT'],
  ['NOT_A_QUERY', 'SELECT 1 ROLLBACK TRANSACTION'],
  ['NOT_A_QUERY', 'SELECT 1 BEGIN TRAN'],
  ['POSITIONAL_PARAMETER', 'SELECT @x = 1'],
  ['NOT_A_QUERY', 'SELECT 1 DECLARE @x int'],
  ['NOT_A_QUERY', 'SELECT 1 IF 1 = 1 SELECT 2'],
  ['NOT_A_QUERY', 'SELECT 1 WHILE 1 = 1 CHECKPOINT'],
  ['NOT_A_QUERY', "SELECT 1 WAITFOR DELAY '00:10'"],
  ['NOT_A_QUERY', "SELECT 1 PRINT 'x'"],
  ['NOT_A_QUERY', "SELECT 1 RAISERROR('x', 20, 1) WITH LOG"],
  ['NOT_A_QUERY', 'SELECT 1 KILL 51'],
  ['NOT_A_QUERY', 'SELECT 1 USE master'],
  ['NOT_A_QUERY', 'SELECT 1 SHUTDOWN'],
  ['NOT_A_QUERY', 'SELECT 1 DBCC DROPCLEANBUFFERS'],
  ['NOT_A_QUERY', "SELECT 1 BACKUP DATABASE x TO DISK = 'x'"],
  ['NOT_A_QUERY', 'SELECT 1 RECONFIGURE'],
  ['NOT_A_QUERY', 'SELECT 1 REVERT'],
  ['NOT_A_QUERY', "SELECT 1 SETUSER 'x'"],
  ['NOT_A_QUERY', 'SELECT 1 GRANT CONTROL TO x'],
  ['NOT_A_QUERY', 'SELECT 1 DENY SELECT TO x'],
  ['NOT_A_QUERY', 'SELECT 1 DISABLE TRIGGER x ON y'],
  ['NOT_A_QUERY', 'SELECT 1 RECEIVE * FROM q'],
  ['NOT_A_QUERY', 'SELECT 1 OPEN c FETCH NEXT FROM c'],
  ['NOT_A_QUERY', 'SELECT 1 FETCH NEXT FROM c'],
  ['NOT_A_QUERY', 'SELECT 1 lbl: SELECT 2'],
  ['NOT_A_QUERY', 'SELECT 1 lbl:DROP TABLE x'],
  ['NOT_A_QUERY', 'SELECT 1 [lbl] :SHUTDOWN'],
  ['NOT_A_QUERY', 'SELECT 1\nGO\n'],
  ['NOT_A_QUERY', 'SELECT 1 GOTO lbl'],
  ['NOT_A_QUERY', "{call sp_who('x')}"],
  ['NOT_A_QUERY', 'SELECT {fn DATABASE()}'],
  ['NOT_A_QUERY', 'sp_who'],
  ['NOT_A_QUERY', "EXEC xp_cmdshell 'dir'"],
  ['NOT_A_QUERY', 'VALUES (1)'],
  ['NOT_A_QUERY', 'WITH a AS (SELECT 1 AS x) DELETE FROM a'],
  ['MULTIPLE_STATEMENTS', 'SELECT 1; SELECT 2'],
  ['MULTIPLE_STATEMENTS', 'SELECT 1 SELECT 2'],
  ['MULTIPLE_STATEMENTS', '(SELECT 1) SELECT 2'],
  ['MULTIPLE_STATEMENTS', 'WITH a AS (SELECT 1 AS x) SELECT * FROM a SELECT 2'],
  ['MULTIPLE_STATEMENTS', 'WITH a AS (SELECT 1 AS x SELECT 2 AS y) SELECT * FROM a'],
  ['MULTIPLE_STATEMENTS', 'SELECT * FROM orders FOR XML AUTO'],
  ['MULTIPLE_STATEMENTS', 'SELECT * FROM orders FOR JSON PATH'],
  ['MULTIPLE_STATEMENTS', 'SELECT * FROM orders FOR BROWSE'],
  ['INTO', 'SELECT * INTO copied FROM orders'],
  ['INTO', 'SELECT * INTO #copied FROM orders'],
  ['ODD_CHARACTER', 'SELECT * INTO#copied FROM orders'],
  ['ODD_CHARACTER', 'SELECT 1 PRINT$1'],
  ['ODD_CHARACTER', 'SELECT 1 EXEC@x'],
  ['NOT_A_QUERY', "SELECT * FROM OPENROWSET(BULK 'c:\\x.txt', SINGLE_CLOB) AS t"],
  ['NOT_A_QUERY', "SELECT * FROM OPENQUERY(srv, 'DELETE FROM t')"],
  ['NOT_A_QUERY', "SELECT * FROM OPENDATASOURCE('SQLNCLI', 'Data Source=x').db.dbo.t"],
  ['NOT_A_QUERY', "SELECT * FROM OPENXML(:doc, '/a')"],
  ['LINKED_SERVER', 'SELECT * FROM srv.db.dbo.t'],
  ['LINKED_SERVER', 'SELECT * FROM [srv] . [db]..t'],
  ['LINKED_SERVER', 'SELECT * FROM "srv"...t'],
  ['DENIED_RELATION', 'SELECT * FROM master.dbo.sysdatabases'],
  ['DENIED_RELATION', 'SELECT * FROM [msdb]..[sysjobs]'],
  ['DENIED_RELATION', 'SELECT * FROM sys.sql_logins'],
  ['DENIED_RELATION', 'SELECT * FROM [sys].[dm_exec_sessions]'],
  ['DENIED_RELATION', 'SELECT * FROM sysprocesses'],
  ['DENIED_RELATION', "SELECT * FROM sys.fn_xe_file_target_read_file('\\\\x\\y', null, null, null)"],
  ['DENIED_FUNCTION', "SELECT * FROM fn_trace_gettable /* x */ ('\\\\x\\y.trc', 1)"],
  ['DENIED_FUNCTION', 'SELECT * FROM ::fn_dblog(NULL, NULL)'],
  ['DENIED_FUNCTION', "SELECT LOGINPROPERTY('sa', 'PasswordHash')"],
  ['DENIED_FUNCTION', "SELECT [serverproperty]('MachineName')"],
  ['WRITES', 'SELECT NEXT VALUE FOR ids'],
  ['LOCKS', 'SELECT * FROM orders WITH (TABLOCKX)'],
  ['LOCKS', 'SELECT * FROM orders (UPDLOCK)'],
  ['LOCKS', 'SELECT * FROM orders WITH (NOLOCK, XLOCK)'],
  ['LOCKS', 'SELECT * FROM orders HOLDLOCK'],
  ['SETTINGS', 'SELECT 1 OPTION (QUERYTRACEON 8649)'],
  ['POSITIONAL_PARAMETER', 'SELECT @@version'],
  ['POSITIONAL_PARAMETER', 'SELECT @p1'],
  ['POSITIONAL_PARAMETER', 'SELECT ?'],
  ['POSITIONAL_PARAMETER', 'SELECT $identity FROM orders'],
  // What ends where for the server and for the guard.
  ['NOT_A_QUERY', 'SELECT 1 /* /* */ , 2 */ DROP TABLE x'],
  ['UNTERMINATED', 'SELECT 1 /* /* */ DROP TABLE x'],
  ['NOT_A_QUERY', 'SELECT [a]]b] DROP TABLE x'],
  ['UNTERMINATED', 'SELECT [a]] DROP TABLE x'],
  ['NOT_A_QUERY', "SELECT 'a\\' DROP TABLE x --'"],
  ['NUMBER_JUNK', 'SELECT 1DROP TABLE x'],
  ['NUMBER_JUNK', 'SELECT 0xZDROP TABLE x'],
  ['ODD_CHARACTER', 'SELECT £DROP TABLE x'],
  ['ODD_CHARACTER', 'SELECT a\u00a0DROP TABLE x'],
  ['ODD_CHARACTER', 'SELECT a\u3000DROP\u3000TABLE x'],
  ['ODD_CHARACTER', 'SELECT 1 \uff24ROP TABLE x'],
  ['AMBIGUOUS_COMMENT', 'SELECT 1 --\u2028DROP TABLE x'],
  ['AMBIGUOUS_COMMENT', 'SELECT 1 --\u0085DROP TABLE x'],
  ['AMBIGUOUS_COMMENT', 'SELECT 1 --\rDROP TABLE x'],
  ['UNICODE_ESCAPE', "SELECT U&'\\0041'"],
];

const honest = [
  'SELECT 1',
  'SELECT TOP (10) [order id], [a]]b], "drop", [delete] FROM [shop].[orders] WITH (NOLOCK) ORDER BY total DESC;',
  "SELECT N'it''s; DROP TABLE x', 'back\\', '--', '/*' -- EXEC x\n FROM shop.orders /* a /* nested */ DELETE */",
  'SELECT region, SUM(total) FROM db1.dbo.orders WHERE day >= :from AND region LIKE :region GROUP BY region HAVING COUNT(*) > :n',
  'WITH a AS (SELECT 1 AS x), b (y) AS (SELECT x FROM a UNION ALL SELECT 2) SELECT * FROM b EXCEPT SELECT 3',
  '(SELECT 1 AS a) UNION (SELECT 2) INTERSECT SELECT 3',
  'SELECT * FROM orders ORDER BY id OFFSET :skip ROWS FETCH NEXT :n ROWS ONLY',
  'SELECT CASE WHEN EXISTS (SELECT 1 FROM orders) THEN REPLACE(name, :a, :b) ELSE LEFT(name, 2) END FROM t',
  "SELECT STUFF((SELECT ',' + name FROM t FOR XML PATH('')), 1, 1, '') AS names, updated_at, deleted FROM orders",
  'SELECT * FROM orders FOR SYSTEM_TIME AS OF :at WHERE total BETWEEN :low AND :high',
  'SELECT * FROM (SELECT region, total FROM orders) AS s PIVOT (SUM(total) FOR region IN ([north], [south])) AS p',
  'SELECT o.id, x.total FROM orders AS o CROSS APPLY (SELECT TOP (1) total FROM items WHERE order_id = o.id) AS x',
  "SELECT JSON_VALUE(data, '$.a'), geography::Point(1, 2, 4326).STAsText(), day AT TIME ZONE 'UTC' FROM orders",
  "SELECT größe, straße, 数量, #x, [a@b], _c FROM dbo.#tmp WHERE 'a' = N'b' OR 0xFF = 1e3 OPTION (MAXDOP 1, RECOMPILE)",
  'SELECT ROW_NUMBER() OVER (PARTITION BY region ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM orders',
  'SELECT master.name, sys.total FROM people AS master JOIN totals AS sys ON sys.id = master.id',
  "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'sys' AND xp = 1",
];

describe('the guard for T-SQL', () => {
  it.each(hostile)('refuses by %s: %s', async (rule, sql) => {
    const rejection = await checkSql(sql, 'sqlserver');
    expect(rejection?.rule).toBe(rule);
    expect(rejection?.position).toBeLessThanOrEqual(sql.length);
  });

  it.each(honest)('accepts %s', async (sql) => {
    expect(await checkSql(sql, 'sqlserver')).toBeNull();
  });

  it('says where', async () => {
    expect(await checkSql('SELECT 1 SELECT 2', 'sqlserver')).toMatchObject({ position: 9 });
    expect(await checkSql('SELECT 1 DROP TABLE x', 'sqlserver')).toMatchObject({
      position: 9,
      message: 'DROP is not allowed: queries only read.',
    });
  });

  it('reads brackets, names of temporary tables, and nested comments', () => {
    const { tokens, problem } = lex('SELECT [a]]b], #t /* /* [ */ \' */ "c""d"', 'sqlserver');
    expect(problem).toBeNull();
    expect(tokens.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      'word select',
      'quoted a]b',
      'op ,',
      'word #t',
      'quoted c"d',
    ]);
  });
});
