import { describe, expect, it } from 'vitest';
import type { Dialect } from '../src/warehouse/engine.ts';
import { checkSql, MAX_SQL_LENGTH } from '../src/warehouse/sql-guard.ts';
import { lex } from '../src/warehouse/sql-lexer.ts';
import { checkTokens } from '../src/warehouse/sql-rules.ts';
import honest from './corpus/honest.json' with { type: 'json' };
import hostile from './corpus/hostile.json' with { type: 'json' };

/** A statement as long as one may be, out of one piece. */
function long(start: string, piece: string, end: string, length = MAX_SQL_LENGTH): string {
  return start + piece.repeat((length - start.length - end.length) / piece.length) + end;
}

describe('the corpus of the guard', () => {
  it('speaks all dialects', () => {
    expect(Object.keys(hostile).sort()).toEqual(Object.keys(honest).sort());
    expect(Object.keys(hostile)).toHaveLength(10);
    expect(Object.values(hostile).flat().length).toBeGreaterThan(650);
    expect(Object.values(honest).flat().length).toBeGreaterThan(120);
  });

  it.each(Object.entries(hostile) as [Dialect, string[]][])(
    '%s: nothing hostile passes',
    async (dialect, statements) => {
      for (const sql of statements) {
        const rejection = await checkSql(sql, dialect);
        expect(rejection?.rule, sql).toMatch(/^[A-Z][A-Z_]+$/);
        expect(rejection?.position, sql).toBeLessThanOrEqual(sql.length);
      }
    },
  );

  it.each(Object.entries(honest) as [Dialect, string[]][])(
    '%s: nothing honest is refused',
    async (dialect, statements) => {
      for (const sql of statements) expect(await checkSql(sql, dialect), sql).toBeNull();
    },
  );
});

describe('a statement made to be slow', () => {
  const pieces: [dialect: Dialect, start: string, piece: string, end: string][] = [
    ['bigquery', 'SELECT ', '"a".', '"b"'],
    ['bigquery', 'SELECT ', 'ai.', 'b'],
    ['trino', 'SELECT ', 'system.', 'b'],
    ['databricks', 'SELECT ', 'system.', 'b'],
    ['sqlserver', 'SELECT ', 'a.', 'b'],
    ['duckdb', 'SELECT 1 FROM ', 'a,', 'b'],
    ['snowflake', 'SELECT 1 FROM ', "'a',", 'b'],
    ['postgres', 'SELECT ', ':a,', '1'],
    ['mysql', 'SELECT ', '/**/', '1'],
  ];

  it.each(pieces)('costs %s no more than its length: %s%s', (dialect, start, piece, end) => {
    const sql = long(start, piece, end);
    const before = process.threadCpuUsage();
    checkTokens(lex(sql, dialect).tokens, dialect);
    const { user, system } = process.threadCpuUsage(before);
    // A few hundredths of a second; with work that grows with the square it was half a minute.
    expect((user + system) / 1e6).toBeLessThan(3);
  });

  it.each(['postgres', 'mysql'] as const)('keeps nobody else waiting in %s', async (dialect) => {
    const warm = [checkSql(`SELECT 1 AS warm`, dialect), checkSql(long('SELECT ', '/* */', '2', 20_000), dialect)];
    expect(await Promise.all(warm)).toEqual([null, null]);
    const order: string[] = [];
    await Promise.all([
      checkSql(long('SELECT ', 'a,', '1'), dialect).then(() => order.push('long')),
      checkSql('SELECT 2 AS quick', dialect).then(() => order.push('quick')),
    ]);
    expect(order).toEqual(['quick', 'long']);
  });
});
