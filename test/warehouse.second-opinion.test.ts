import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import type { Dialect } from '../src/warehouse/engine.ts';
import { checkSql } from '../src/warehouse/sql-guard.ts';
import { checkTokens } from '../src/warehouse/sql-rules.ts';
import { secondOpinion } from '../src/warehouse/sql-second.ts';
import { objectionTo } from '../src/warehouse/sql-tree.ts';

// The rules of the lexer can be switched off, to see what the parsers alone stop.
const off = vi.hoisted(() => ({ rules: false }));
vi.mock('../src/warehouse/sql-rules.ts', async (original) => {
  const real = await original<typeof import('../src/warehouse/sql-rules.ts')>();
  return {
    ...real,
    checkTokens: vi.fn<typeof checkTokens>((...input) => (off.rules ? null : real.checkTokens(...input))),
  };
});

const READ = [
  'mysql',
  'sqlite',
  'bigquery',
  'snowflake',
  'clickhouse',
  'databricks',
  'sqlserver',
] as const satisfies Dialect[];

async function objection(sql: string, dialect: Dialect): Promise<string | null> {
  return (await secondOpinion(sql, dialect))?.objection?.rule ?? null;
}

describe('the second opinion works', () => {
  it.each(READ)('has nothing against queries in %s', async (dialect) => {
    for (const sql of [
      'SELECT a, count(*) FROM orders WHERE b = :b GROUP BY a ORDER BY 2 LIMIT 10',
      'WITH w AS (SELECT 1 AS a) SELECT * FROM w JOIN orders ON true UNION ALL SELECT 2, 3',
    ]) {
      expect(await secondOpinion(sql, dialect), sql).toMatchObject({ objection: null, isRead: true });
    }
  });

  it('leaves a statement that it cannot read to the lexer', async () => {
    const sql = 'SELECT * FROM orders FINAL PREWHERE a = 1 LIMIT 1 BY b WITH TIES QUALIFIED';
    expect(await secondOpinion(sql, 'mysql')).toMatchObject({ objection: null, isRead: false, isBroken: false });
    expect(await secondOpinion('SELECT `a', 'mysql')).toMatchObject({ isRead: false, isBroken: false });
    expect(await secondOpinion('SELECT 1', 'trino')).toBeNull();
    expect(await secondOpinion('SELECT 1', 'postgres')).toBeNull();
  });

  it('goes on after a statement that its WebAssembly does not survive', async () => {
    const deep = `SELECT ${'1+'.repeat(40_000)}1`;
    const [broken, after] = await Promise.all([secondOpinion(deep, 'mysql'), objection('DELETE FROM t', 'mysql')]);
    expect(broken).toMatchObject({ objection: null, isRead: false, isBroken: true });
    expect(after).toBe('NOT_A_QUERY');
    expect(await checkSql(deep, 'sqlite')).toBeNull();
  });

  it('looks at a statement once', async () => {
    const looks = vi.mocked(checkTokens);
    looks.mockClear();
    for (let i = 0; i < 3; i++) {
      expect(await checkSql('SELECT 17 AS once', 'mysql')).toBeNull();
      expect(await checkSql('DELETE FROM once', 'mysql')).toMatchObject({ rule: 'NOT_A_QUERY' });
    }
    expect(looks).toHaveBeenCalledTimes(2);
    await checkSql('SELECT 17 AS once', 'sqlite');
    expect(looks).toHaveBeenCalledTimes(3);
  });
});

describe('the second opinion refuses', () => {
  it.each<[sql: string, rule: string, dialects: readonly Dialect[]]>([
    ['DELETE FROM orders', 'NOT_A_QUERY', READ],
    ["INSERT INTO orders VALUES (1, 'x')", 'NOT_A_QUERY', READ],
    ['DROP TABLE orders', 'NOT_A_QUERY', READ],
    ['SELECT 1; SELECT 2', 'MULTIPLE_STATEMENTS', READ],
    ['SELECT 1; DROP TABLE orders', 'MULTIPLE_STATEMENTS', READ],
    ['WITH w AS (SELECT 1) DELETE FROM orders', 'WRITES', ['mysql', 'sqlite', 'databricks']],
    ['WITH w AS (SELECT 1) UPDATE orders SET a = 1', 'WRITES', ['mysql', 'sqlite']],
    ['WITH w AS (SELECT 1) INSERT INTO orders SELECT 1', 'WRITES', ['mysql', 'sqlite', 'databricks', 'snowflake']],
    ['SELECT 1 INTO @x', 'INTO', ['mysql']],
    ['SELECT * FROM orders FOR UPDATE', 'LOCKS', ['mysql']],
    ['SELECT sleep(1)', 'DENIED_FUNCTION', ['mysql', 'clickhouse']],
    ['SELECT 1 WHERE a IN (SELECT `load_file`(1))', 'DENIED_FUNCTION', ['mysql']],
    ["SELECT * FROM url('http://x/')", 'DENIED_FUNCTION', ['clickhouse']],
    ['SELECT * FROM a, TABLE(result_scan(1))', 'DENIED_FUNCTION', ['snowflake']],
    ['SELECT * FROM pragma_database_list', 'DENIED_RELATION', ['sqlite']],
  ])('%s', async (sql, rule, dialects) => {
    for (const dialect of dialects) expect(await objection(sql, dialect), dialect).toBe(rule);
  });

  it('statements that are none', () => {
    expect(objectionTo([], 'mysql')).toMatchObject({ rule: 'MULTIPLE_STATEMENTS' });
    expect(objectionTo([null], 'mysql')).toMatchObject({ rule: 'NOT_A_QUERY' });
  });
});

describe('the second opinion guards', () => {
  it('a hole in the lexer', async () => {
    off.rules = true;
    try {
      for (const dialect of [...READ, 'postgres'] as const) {
        expect(await checkSql('DELETE FROM hole', dialect), dialect).toMatchObject({
          rule: 'NOT_A_QUERY',
          position: 0,
        });
        expect(await checkSql(' SELECT 1 AS hole; SELECT 2', dialect), dialect).toMatchObject({
          rule: 'MULTIPLE_STATEMENTS',
        });
      }
      expect(await checkSql('DELETE FROM hole', 'trino')).toBeNull();
    } finally {
      off.rules = false;
    }
  });
});

describe('the thread of the parsers', () => {
  it('lets a process end that has nothing else to do', async () => {
    const program = `import { postgresRejection } from './src/warehouse/sql-second.ts';
      console.log(await postgresRejection('select 1'));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: path.join(import.meta.dirname, '..'),
      timeout: 60_000,
    });
    expect(stdout).toBe('null\n');
  });
});
