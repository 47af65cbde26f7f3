import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import type { Dialect } from '../src/warehouse/engine.ts';
import { checkSql } from '../src/warehouse/sql-guard.ts';
import { lex } from '../src/warehouse/sql-lexer.ts';

// prettier-ignore
const PIECES = [
  '"', "'", '`', '[', ']', '\\', "\\'", '--', '-- ', '--\n', '#', '/*', '*/', '/*!', '/* ', '\n', '\r', ' ', '$$', '$a$',
  "E'", 'e"', "N'", "x'", "U&'", "''", '""', ';', '(', ')', ',', '1', '1.', '2e', 'a', '::', '@', '{', '}', '\t', '\f', '\v',
  '\u00a0', '||', '-', 'AS', ':a', '?', 'é', '😀',
];

/** Statements of random quotes and comments around columns w0, w1 …, the same ones on every run. */
function* soup(count: number): Generator<string> {
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  for (let i = 0; i < count; i++) {
    let sql = 'SELECT 1 AS w0 ';
    for (let pieces = 2 + random(12), column = 1; pieces > 0; pieces--) {
      sql += random(3) === 0 ? ` , ${column} AS w${column++} ` : (PIECES[random(PIECES.length)] ?? '');
    }
    yield sql;
  }
}

/** What the engine says its columns are; null where it does not take the statement. */
type Columns = (sql: string) => Promise<string[] | null>;

const engines: [Dialect, () => Promise<Columns>][] = [
  [
    'sqlite',
    async () => {
      const database = new DatabaseSync(':memory:');
      return async (sql) => {
        try {
          return database
            .prepare(sql)
            .columns()
            .map((column) => column.name);
        } catch {
          return null;
        }
      };
    },
  ],
  [
    'duckdb',
    async () => {
      const connection = await (await DuckDBInstance.create()).connect();
      return async (sql) => {
        try {
          return (await connection.stream(sql)).columnNames();
        } catch {
          return null;
        }
      };
    },
  ],
];

describe('the lexer sees what the engine sees', () => {
  it.each(engines)('in %s', async (dialect, open) => {
    const columns = await open();
    let both = 0;
    for (const sql of soup(4000)) {
      if ((await checkSql(sql, dialect)) !== null) continue;
      const names = await columns(sql);
      if (names === null) continue;
      both++;
      const isMark = (name: string): boolean => /^w\d+$/.test(name);
      const seen = lex(sql, dialect)
        .tokens.filter((token) => token.kind === 'word')
        .map((token) => token.text);
      expect(names.filter(isMark), sql).toEqual(seen.filter(isMark));
    }
    expect(both).toBeGreaterThan(100);
  });
});
