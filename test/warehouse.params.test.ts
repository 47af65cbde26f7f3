import { describe, expect, it } from 'vitest';
import type { Dialect } from '../src/warehouse/engine.ts';
import { bindParameters, placeholders } from '../src/warehouse/params.ts';

describe('parameters', () => {
  it.each<[Dialect, string, string[]]>([
    ['postgres', 'SELECT :a, \':b\', ":c", x::d, t[1:e], :a -- :f\n /* :g */ $$:h$$', ['a', 'a']],
    ['postgres', "SELECT tags[:lo], tags[lo:hi], j ? 'k', :_x1::int", ['lo', '_x1']],
    ['duckdb', "SELECT {'a': b, c: d}, f(x := 1), l[1:n], :z", ['z']],
    ['mysql', 'SELECT \'it\\\\\', :a, `:b`, ":c", @d:=1, :e # :f', ['a', 'e']],
    ['sqlite', 'SELECT [:a], :b', ['b']],
    [
      'sqlserver',
      "SELECT [:a]]:b], ':c', N':d', :e -- :f\n /* /* :g */ :h */ , geography::Point(:i, 1, 2)",
      ['e', 'i'],
    ],
  ])('%s finds those of %s', (dialect, sql, names) => {
    const found = placeholders(sql, dialect);
    expect(found.map(({ name }) => name)).toEqual(names);
    for (const { name, position } of found) expect(sql.slice(position, position + name.length + 1)).toBe(`:${name}`);
  });

  it('numbers them once a name, or writes one mark an occurrence', () => {
    const sql = 'SELECT :a, :b, :a';
    expect(bindParameters(sql, 'postgres', { a: 1, b: 'x' })).toEqual({ sql: 'SELECT $1, $2, $1', values: [1, 'x'] });
    expect(bindParameters(sql, 'mysql', { a: 1, b: 'x' })).toEqual({ sql: 'SELECT ?, ?, ?', values: [1, 'x', 1] });
  });

  it('replaces declared names only, and never splices a value', () => {
    const hostileValue = "'; DROP TABLE x; --";
    expect(bindParameters('SELECT :a, :b', 'duckdb', { a: hostileValue })).toEqual({
      sql: 'SELECT $1, :b',
      values: [hostileValue],
    });
    expect(bindParameters('SELECT :toString', 'duckdb', {}).sql).toBe('SELECT :toString');
  });
});
