import type { Dialect, ParameterValue, Statement } from './engine.ts';
import { lex } from './sql-lexer.ts';

/** A `:name` in a statement and the 0-based offset of its colon. */
export interface Placeholder {
  name: string;
  position: number;
}

const WORD_PART = /[A-Za-z0-9_$\u0080-\uffff]/;

/** Every `:name` outside strings, names, comments, casts and array slices, in their order, repeats included. */
export function placeholders(sql: string, dialect: Dialect): Placeholder[] {
  const found: Placeholder[] = [];
  for (const token of lex(sql, dialect).tokens) {
    if (token.kind === 'param') found.push({ name: token.text, position: token.start });
  }
  return found;
}

function clickhouseType(value: ParameterValue): string {
  if (typeof value === 'boolean') return 'Bool';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'Int64' : 'Float64';
  return value === null ? 'Nullable(String)' : 'String';
}

/** The dialects whose placeholders have numbers, and how they write them. The others write `?`. */
const NUMBERED: Partial<Record<Dialect, (index: number, value: ParameterValue) => string>> = {
  postgres: (index) => `$${index}`,
  duckdb: (index) => `$${index}`,
  bigquery: (index) => `@p${index}`,
  clickhouse: (index, value) => `{p${index}:${clickhouseType(value)}}`,
  databricks: (index) => `:p${index}`,
  sqlserver: (index) => `@p${index}`,
};

/** The placeholder of the `index`-th value of a statement, from 1, in the engine's own style. */
export function placeholderOf(dialect: Dialect, index: number, value: ParameterValue): string {
  return NUMBERED[dialect]?.(index, value) ?? '?';
}

/**
 * Turns declared `:name`s into the engine's own placeholders: numbered ones (`$1`, `@p1`, `{p1:Int64}`, `:p1`; a name
 * used again keeps its number) or `?`. Names that `values` does not have stay as they are; a value never gets into the
 * text.
 */
export function bindParameters(sql: string, dialect: Dialect, values: Record<string, ParameterValue>): Statement {
  const numbered = NUMBERED[dialect] !== undefined;
  const indexes = new Map<string, number>();
  const bound: ParameterValue[] = [];
  let text = '';
  let from = 0;
  for (const { name, position } of placeholders(sql, dialect)) {
    if (!Object.hasOwn(values, name)) continue;
    const value = values[name] ?? null;
    let index = numbered ? indexes.get(name) : undefined;
    if (index === undefined) {
      bound.push(value);
      index = bound.length;
      indexes.set(name, index);
    }
    const end = position + 1 + name.length;
    const before = WORD_PART.test(sql[position - 1] ?? '') ? ' ' : '';
    const after = WORD_PART.test(sql[end] ?? '') ? ' ' : '';
    text += sql.slice(from, position) + before + placeholderOf(dialect, index, value) + after;
    from = end;
  }
  return { sql: text + sql.slice(from), values: bound };
}
