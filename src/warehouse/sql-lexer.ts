import type { Dialect } from './engine.ts';

/** Why a statement is refused; `position` is the 0-based offset in the SQL. */
export interface Rejection {
  rule: string;
  message: string;
  position: number;
}

/** Dialects whose quoted names stand in backticks. */
const BACKTICKS = new Set<Dialect>(['mysql', 'sqlite', 'bigquery', 'clickhouse', 'databricks']);
/** Dialects where a backslash always escapes what follows it in a string. */
const ESCAPES = new Set<Dialect>(['snowflake', 'clickhouse']);
/** Dialects where it depends on a server's setting whether a backslash escapes. */
const MAY_ESCAPE = new Set<Dialect>(['mysql', 'databricks']);
/** Dialects whose strings may stand in double quotes. */
const DOUBLE_STRINGS = new Set<Dialect>(['mysql', 'bigquery', 'databricks']);
/** Dialects with documents in columns: `column:member`. */
const DOCUMENTS = new Set<Dialect>(['snowflake', 'databricks']);

/** What a token is: unquoted word, quoted identifier, string, number, `:name`, the engine's own parameter, punctuation. */
export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'param' | 'positional' | 'op';

/** One token outside comments. `text` is the content without its quotes (words in lower case, parameters without `:`). */
export interface Token {
  kind: TokenKind;
  text: string;
  start: number;
  end: number;
}

/** The tokens of a statement and the first thing that the lexer itself does not accept. */
export interface Lexed {
  tokens: Token[];
  problem: Rejection | null;
}

const WORD_START = /[A-Za-z_\u0080-\uffff]/;
const WORD_PART = /[A-Za-z0-9_$\u0080-\uffff]/;
const SPACE = /[ \t\n\r\f\v]/;
// Some engines take these for white space, others for a letter: nobody needs them outside strings.
const ODD_RANGES = [
  [0x00, 0x08],
  [0x0e, 0x1f],
  [0x7f, 0xa0],
  [0xad, 0xad],
  [0x034f, 0x034f],
  [0x061c, 0x061c],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180e],
  [0x2000, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0x2800, 0x2800],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xffff],
] as const;
// Currency signs are money of their own in T-SQL, and what is no letter there may part words: neither is needed.
const TSQL_LETTER = /[\p{L}\p{Nd}]/u;
const TSQL_NAME_PART = /[@#]/;
const NUMBER = /0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9][0-9_]*)?/y;
const SUFFIX = /(?:bd|[lsyfd])(?![A-Za-z0-9_\u0080-\uffff])/iy;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const STRING_PREFIX = /(?:rb|br|[rbx])(?=['"])/iy;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
// After these words inside brackets an operand follows, so a colon there starts a parameter and not a slice.
const BEFORE_OPERAND = new Set(
  'and or not when then else case in like ilike between select where on having is by limit offset from'.split(' '),
);

function isOdd(character: string, dialect: Dialect): boolean {
  const code = character.charCodeAt(0);
  if (code > 0x1f && code < 0x7f) return false;
  // ClickHouse takes typographic quotes for quotes, and a long minus for one.
  if (dialect === 'clickhouse' && /[\u2018-\u201f\u2212]/.test(character)) return true;
  if (dialect === 'sqlserver' && code >= 0x7f && (!TSQL_LETTER.test(character) || code >= 0xff00)) return true;
  return ODD_RANGES.some(([from, to]) => code >= from && code <= to);
}

function matchAt(pattern: RegExp, sql: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(sql)?.[0] ?? null;
}

class Lexer {
  readonly tokens: Token[] = [];
  problem: Rejection | null = null;
  private at = 0;
  /** Open brackets: a colon means something else in `[…]` and `{…}`. */
  private readonly open: string[] = [];
  private readonly sql: string;
  private readonly dialect: Dialect;

  constructor(sql: string, dialect: Dialect) {
    this.sql = sql;
    this.dialect = dialect;
  }

  run(): Lexed {
    const nul = this.sql.indexOf('\0');
    if (nul >= 0) this.reject('ODD_CHARACTER', 'The statement holds a NUL character.', nul);
    while (this.at < this.sql.length && !this.problem) this.step();
    return { tokens: this.tokens, problem: this.problem };
  }

  private reject(rule: string, message: string, position: number): void {
    this.problem ??= { rule, message, position };
  }

  private push(kind: TokenKind, text: string, end: number): void {
    this.tokens.push({ kind, text, start: this.at, end });
    this.at = end;
  }

  private step(): void {
    const { sql, dialect, at } = this;
    const c = sql[at] ?? '';
    const next = sql[at + 1] ?? '';
    if (SPACE.test(c)) {
      this.at++;
    } else if (c === '-' && next === '-' && this.isDashComment()) {
      this.lineComment();
    } else if (this.isLineComment(c, next)) {
      this.lineComment();
    } else if (c === '/' && next === '*') {
      this.blockComment();
    } else if (c === "'" || (c === '"' && DOUBLE_STRINGS.has(dialect))) {
      this.literal(c, at);
    } else if (c === '"') {
      this.quoted('"', '"');
    } else if (c === '`' && BACKTICKS.has(dialect)) {
      this.quoted('`', '`');
    } else if (c === '[' && (dialect === 'sqlite' || dialect === 'sqlserver')) {
      this.quoted('[', ']');
    } else if (isOdd(c, dialect)) {
      this.reject('ODD_CHARACTER', 'Invisible or control characters are only allowed inside strings.', at);
    } else if (WORD_START.test(c) || (c === '#' && dialect === 'sqlserver')) {
      this.word();
    } else if (c >= '0' && c <= '9') {
      this.number();
    } else if (c === '$' && dialect !== 'mysql') {
      this.dollar();
    } else if (c === '?' && dialect !== 'postgres') {
      this.push('positional', '?', at + 1);
    } else if (c === '@' && /^(?:sqlite|bigquery|snowflake|clickhouse|sqlserver)$/.test(dialect)) {
      this.push('positional', '@', at + 1);
    } else if (c === ':') {
      this.colon();
    } else if (c === '\\') {
      this.reject('ODD_CHARACTER', 'A backslash is only allowed inside strings.', at);
    } else {
      if (c === '(' || c === '[' || c === '{') this.open.push(c);
      if (c === ')' || c === ']' || c === '}') this.open.pop();
      this.push('op', c, at + 1);
    }
  }

  /** MySQL takes `--1` for two minus signs. */
  private isDashComment(): boolean {
    const after = this.sql[this.at + 2];
    return this.dialect !== 'mysql' || after === undefined || after <= ' ' || after === '\u007f';
  }

  private isLineComment(c: string, next: string): boolean {
    const { dialect } = this;
    if (c === '/') return next === '/' && dialect === 'snowflake';
    if (c !== '#') return false;
    return (
      dialect === 'mysql' || dialect === 'bigquery' || (dialect === 'clickhouse' && (next === ' ' || next === '!'))
    );
  }

  private lineComment(): void {
    const stop = this.sql.indexOf('\n', this.at);
    const end = stop < 0 ? this.sql.length : stop + 1;
    const body = this.sql.slice(this.at, end);
    const lone = /\r(?!\n)/.exec(body);
    // A lone carriage return ends a comment for some engines and not for others.
    if (lone) this.reject('AMBIGUOUS_COMMENT', 'A comment must not hold a lone carriage return.', this.at + lone.index);
    const turn = this.dialect === 'sqlserver' ? /[\v\f\u0085\u2028\u2029]/.exec(body) : null;
    if (turn) this.reject('AMBIGUOUS_COMMENT', 'A comment must not hold another break of lines.', this.at + turn.index);
    if (this.dialect === 'databricks' && /\\\r?\n$/.test(body)) {
      this.reject('AMBIGUOUS_COMMENT', 'A comment must not end in a backslash: it would go on.', end - 2);
    }
    this.at = end;
  }

  private blockComment(): void {
    const { sql, dialect } = this;
    const start = this.at;
    if (/^\/\*M?!/i.test(sql.slice(start, start + 4)) || (MAY_ESCAPE.has(dialect) && sql[start + 2] === '+')) {
      this.reject('EXECUTABLE_COMMENT', 'Comments that the engine executes or takes hints from are refused.', start);
      return;
    }
    const nests = dialect === 'postgres' || dialect === 'duckdb' || dialect === 'sqlserver';
    let depth = 1;
    let i = start + 2;
    while (i < sql.length && depth > 0) {
      if (sql.startsWith('*/', i)) {
        depth--;
        i += 2;
      } else if (sql.startsWith('/*', i)) {
        if (!nests) {
          this.reject('AMBIGUOUS_COMMENT', 'Comments must not be nested in this dialect.', i);
          return;
        }
        depth++;
        i += 2;
      } else i++;
    }
    if (depth > 0) this.reject('UNTERMINATED', 'A comment has no end.', start);
    this.at = i;
  }

  /** A string as the dialect writes them, its quote at `from`. */
  private literal(quote: string, from: number): void {
    if (this.dialect === 'bigquery') this.bigqueryString(quote, from);
    else this.string(quote, MAY_ESCAPE.has(this.dialect), from, ESCAPES.has(this.dialect));
  }

  /** BigQuery's: a backslash takes the next character along even in raw strings, three quotes may hold single ones. */
  private bigqueryString(quote: string, from: number): void {
    const { sql } = this;
    const mark = sql.startsWith(quote.repeat(3), from) ? quote.repeat(3) : quote;
    const start = from + mark.length;
    let i = start;
    while (i < sql.length && !sql.startsWith(mark, i)) {
      if (mark.length === 1 && sql[i] === '\n') break;
      i += sql[i] === '\\' ? 2 : 1;
    }
    if (!sql.startsWith(mark, i)) this.reject('UNTERMINATED', 'A string has no end.', from);
    this.push('string', sql.slice(start, i), i + mark.length);
  }

  /** A string; where escapes depend on a server's setting, a quote behind an odd run of backslashes is refused. */
  private string(quote: string, ambiguous: boolean, from = this.at, escapes = false): void {
    const { sql } = this;
    let i = from + 1;
    let slashes = 0;
    for (; i < sql.length; i++) {
      const c = sql[i];
      if (c === '\\') {
        slashes++;
        continue;
      }
      const odd = slashes % 2 === 1;
      slashes = 0;
      if (c !== quote) continue;
      if (odd && escapes) continue;
      if (odd && (ambiguous || this.dialect === 'postgres')) {
        this.reject('AMBIGUOUS_BACKSLASH', `A backslash before a quote is ambiguous: double the quote instead.`, i - 1);
        return;
      }
      if (sql[i + 1] !== quote) break;
      i++;
    }
    if (i >= sql.length) this.reject('UNTERMINATED', 'A string has no end.', from);
    this.push('string', sql.slice(from + 1, i), i + 1);
  }

  private quoted(open: string, close: string): void {
    const { sql, dialect } = this;
    // SQLite takes the first closing bracket for the end.
    const doubles = open !== '[' || dialect === 'sqlserver';
    let i = this.at + 1;
    for (; i < sql.length; i++) {
      if (sql[i] !== close) continue;
      if (!doubles || sql[i + 1] !== close) break;
      i++;
    }
    if (i >= sql.length) this.reject('UNTERMINATED', 'A quoted name has no end.', this.at);
    const raw = sql.slice(this.at + 1, i);
    // Whether these escape, and how, differs: nobody needs them in names.
    const isAmbiguous = (dialect === 'bigquery' || dialect === 'clickhouse') && /\\/.test(raw);
    if (isAmbiguous || (dialect === 'bigquery' && raw.includes('`'))) {
      this.reject('AMBIGUOUS_BACKSLASH', 'A quoted name must not hold a backslash or a backtick.', this.at);
    }
    this.push('quoted', doubles ? raw.replaceAll(close + close, close) : raw, i + 1);
  }

  private word(): void {
    const { sql, dialect, at } = this;
    const c = (sql[at] ?? '').toLowerCase();
    const next = sql[at + 1] ?? '';
    if (c === 'u' && next === '&' && (sql[at + 2] === "'" || sql[at + 2] === '"')) {
      this.reject('UNICODE_ESCAPE', 'U& strings and names are refused: write the characters themselves.', at);
      return;
    }
    if (next === "'" && (dialect === 'postgres' || dialect === 'duckdb') && c === 'e') {
      this.string("'", false, at + 1, true);
      return;
    }
    if (dialect === 'bigquery' || dialect === 'databricks') {
      const prefix = matchAt(STRING_PREFIX, sql, at);
      if (prefix !== null) {
        this.literal(sql[at + prefix.length] ?? '', at + prefix.length);
        return;
      }
    }
    if (next === "'" && 'bxn'.includes(c)) {
      this.literal("'", at + 1);
      return;
    }
    let end = at + 1;
    const isPart = (part: string): boolean =>
      WORD_PART.test(part) || (dialect === 'sqlserver' && TSQL_NAME_PART.test(part));
    while (end < sql.length && isPart(sql[end] ?? '')) {
      if (isOdd(sql[end] ?? '', dialect)) {
        this.reject('ODD_CHARACTER', 'Invisible or control characters are only allowed inside strings.', end);
        return;
      }
      end++;
    }
    const text = sql.slice(at, end).toLowerCase();
    // Nothing tells whether the server takes them for a part of the name or for the next one.
    if (dialect === 'sqlserver' && /.[@#$]/.test(text)) {
      this.reject('ODD_CHARACTER', 'Names with @, # or $ in them stand in brackets.', at);
      return;
    }
    this.push('word', text, end);
  }

  private number(): void {
    const text = matchAt(NUMBER, this.sql, this.at) ?? '';
    let end = this.at + text.length;
    // 1L, 2.5BD
    if (this.dialect === 'databricks') end += matchAt(SUFFIX, this.sql, end)?.length ?? 0;
    if (WORD_START.test(this.sql[end] ?? '')) {
      this.reject('NUMBER_JUNK', 'A number is followed directly by a letter.', this.at);
      return;
    }
    this.push('number', text, end);
  }

  private dollar(): void {
    const { sql, dialect, at } = this;
    let tag = /^(?:postgres|duckdb|clickhouse|snowflake)$/.test(dialect) ? matchAt(DOLLAR_TAG, sql, at) : null;
    if (dialect === 'snowflake' && tag !== '$$') tag = null;
    if (tag === null) {
      this.push('positional', '$', at + 1);
      return;
    }
    const stop = sql.indexOf(tag, at + tag.length);
    if (stop < 0) this.reject('UNTERMINATED', 'A dollar-quoted string has no end.', at);
    this.push('string', sql.slice(at + tag.length, stop), stop < 0 ? sql.length : stop + tag.length);
  }

  private colon(): void {
    const { sql, at } = this;
    if (sql[at + 1] === ':') {
      this.push('op', '::', at + 2);
      return;
    }
    if (sql[at + 1] === '=') {
      this.push('op', ':=', at + 2);
      return;
    }
    const name = matchAt(NAME, sql, at + 1);
    const isMember = DOCUMENTS.has(this.dialect) && /[\w$"'`)\]\u0080-\uffff]/.test(sql[at - 1] ?? '');
    if (name === null || isMember || this.isSlice()) this.push('op', ':', at + 1);
    else this.push('param', name, at + 1 + name.length);
  }

  /** Inside `[…]` and `{…}` a colon behind an operand separates bounds or a key from its value. */
  private isSlice(): boolean {
    const inside = this.open.at(-1);
    if (inside !== '[' && inside !== '{') return false;
    const before = this.tokens.at(-1);
    if (!before || before.kind === 'positional') return false;
    if (before.kind === 'op') return before.text === ')' || before.text === ']' || before.text === '}';
    return before.kind !== 'word' || !BEFORE_OPERAND.has(before.text);
  }
}

/** Splits a statement into tokens the way the dialect's engine does, comments dropped. */
export function lex(sql: string, dialect: Dialect): Lexed {
  return new Lexer(sql, dialect).run();
}
