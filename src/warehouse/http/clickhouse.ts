import { randomUUID } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import { EngineError } from '../engine.ts';
import type { ColumnType, Engine, Limits, ParameterValue, Statement } from '../engine.ts';
import { clickhouseEstimate, EXPLAIN, unexplained } from '../estimate.ts';
import type { NetworkPolicy } from '../guarded-socket.ts';
import { networkSettings } from '../network-settings.ts';
import type { NetworkSettings } from '../network-settings.ts';
import { lex } from '../sql-lexer.ts';
import { tableConditions } from './catalogue.ts';
import type { TableFilter } from './catalogue.ts';
import { plainCell } from './cells.ts';
import type { HttpColumn } from './cells.ts';
import { checkOrigin, HttpClient, statusFailure } from './client.ts';
import { answerBytes, createHttpEngine } from './engine.ts';
import type { Job, Page, Service } from './engine.ts';
import { list, parseJson, record, text } from './json.ts';
import { SettingsReader, tooDear } from './settings.ts';

const ROWS_AT_ONCE = 1000;
/** The longest row, in characters: it is held in memory as a whole. */
const MAX_LINE = 64 * 1024 * 1024;

const TYPES: [pattern: RegExp, type: ColumnType][] = [
  [/^Bool/, 'BOOLEAN'],
  [/^U?Int(?:8|16|32)$/, 'INTEGER'],
  [/^U?Int64$/, 'BIGINT'],
  [/^(?:U?Int|Decimal)/, 'DECIMAL'],
  [/^B?Float/, 'FLOAT'],
  [/^DateTime/, 'TIMESTAMP'],
  [/^Date/, 'DATE'],
  [/^Time/, 'TIME'],
  [/^(?:Array|Tuple|Map|Nested|JSON|Object|Variant|Dynamic|Point|Ring|Polygon|MultiPolygon|LineString)/, 'JSON'],
];

/** Our type for a type as ClickHouse prints it: `LowCardinality(Nullable(String))`, `Array(Int8)` … */
export function clickhouseColumnType(engineType: string): ColumnType {
  const inner = /^(?:LowCardinality|Nullable)\((.*)\)$/.exec(engineType)?.[1];
  if (inner !== undefined) return clickhouseColumnType(inner);
  return TYPES.find(([pattern]) => pattern.test(engineType))?.[1] ?? 'STRING';
}

function settingsOf(settings: Record<string, unknown>): NetworkSettings {
  return networkSettings(
    { database: 'default', username: 'default', ...settings },
    settings['tls'] === 'DISABLED' ? 8123 : 8443,
  );
}

function originOf({ host, port, tls }: NetworkSettings): string {
  return `${tls ? 'https' : 'http'}://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

/** A value as the HTTP interface reads it: text in the escapes of tab-separated files. */
function parameter(value: ParameterValue): string {
  if (value === null) return '\\N';
  if (typeof value !== 'string') return String(value);
  return value.replace(
    /[\\\t\n\r\0]/g,
    (c) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0' })[c] ?? c,
  );
}

const LOGIN_CODES = new Set([192, 193, 194, 516, 81]);

/** The failure that a text of the server is: `Code: 62. DB::Exception: …`. */
function failure(message: string, status: number): EngineError {
  const code = Number(/Code: (\d+)/.exec(message)?.[1] ?? 0);
  const said = message.replace(/^[^]*?DB::Exception:\s*/, '').replace(/\s*\(version [^)]*\)\s*$/, '');
  if (LOGIN_CODES.has(code)) {
    const hint = 'Check the user, the password and the database.';
    return new EngineError('CONNECTION_FAILED', said, { stage: 'LOGIN', hint });
  }
  if (code === 159 || code === 160)
    return new EngineError('QUERY_TIMEOUT', 'The database stopped the query: it took too long.', { stage: 'QUERY' });
  if (code === 202)
    return new EngineError('ENGINE_BUSY', 'The database takes no more queries now.', {
      hint: 'Try again in a moment.',
    });
  if (code === 307) return tooDear();
  if (code === 164) {
    const hint = 'Give the gateway a user whose profile has readonly = 2: with 1 it cannot bound its queries.';
    return new EngineError('ENGINE_FAILED', said, { stage: 'QUERY', hint });
  }
  if (code === 0)
    return (
      statusFailure(status) ??
      new EngineError('ENGINE_FAILED', 'The database broke off its answer.', { stage: 'QUERY' })
    );
  return new EngineError('ENGINE_FAILED', said, { stage: 'QUERY' });
}

class Clickhouse implements Service {
  readonly client: HttpClient;
  private readonly settings: NetworkSettings;
  private readonly maximumBytesScanned: number | null;

  constructor(settings: NetworkSettings, maximumBytesScanned: number | null, network: NetworkPolicy) {
    this.settings = settings;
    this.maximumBytesScanned = maximumBytesScanned;
    this.client = new HttpClient({ origin: originOf(settings), suffixes: null, network, ca: settings.sslRootCert });
  }

  private headers(): Record<string, string> {
    const { username, password } = this.settings;
    return {
      'x-clickhouse-user': username,
      ...(password ? { 'x-clickhouse-key': password } : {}),
      'content-type': 'text/plain',
    };
  }

  async submit(statement: Statement, limits: Limits): Promise<Job> {
    const id = randomUUID();
    const most = this.maximumBytesScanned;
    const query = new URLSearchParams({
      query_id: id,
      database: this.settings.database,
      default_format: 'JSONCompactEachRowWithNamesAndTypes',
      readonly: '1',
      max_execution_time: String(Math.max(1, Math.ceil(limits.timeoutMs / 1000))),
      max_result_rows: String(limits.maxRows + 1),
      result_overflow_mode: 'break',
      output_format_json_quote_64bit_integers: '1',
      output_format_json_quote_decimals: '1',
      date_time_output_format: 'iso',
      cancel_http_readonly_queries_on_client_close: '1',
      ...(most === null ? {} : { max_bytes_to_read: String(most), read_overflow_mode: 'throw' }),
    });
    for (const [i, value] of statement.values.entries()) query.set(`param_p${i + 1}`, parameter(value));
    return {
      id,
      pages: (signal) => this.pages(`/?${query}`, statement.sql, answerBytes(limits), signal),
      cancel: (signal) => this.cancel(id, signal),
    };
  }

  private async cancel(id: string, signal: AbortSignal): Promise<void> {
    const body = `KILL QUERY WHERE query_id = '${id}' ASYNC`;
    await this.client.request({ method: 'POST', path: '/', headers: this.headers(), body, signal, maxBytes: 65_536 });
  }

  private async *pages(path: string, body: string, maxBytes: number, signal: AbortSignal): AsyncGenerator<Page> {
    const { client } = this;
    const answer = await client.stream({ method: 'POST', path, headers: this.headers(), body, signal, maxBytes });
    const lines = linesOf(answer.body);
    if (answer.status >= 400) {
      let message = '';
      for await (const line of lines) message += `${line}\n`;
      throw failure(message.trim(), answer.status);
    }
    let names: unknown[] | null = null;
    let columns: HttpColumn[] | null = null;
    let rows: unknown[] = [];
    for await (const line of lines) {
      if (line === '') continue;
      const row = parseJson(line);
      if (!Array.isArray(row)) throw failure(text(record(row)['exception']) ?? line, 200);
      if (!names) names = row;
      else if (!columns) {
        columns = columnsOf(names, row);
        yield { columns, rows: [], isLast: false };
      } else if (rows.push(row) >= ROWS_AT_ONCE) {
        yield { rows, isLast: false };
        rows = [];
      }
    }
    yield { rows, isLast: true };
  }

  secrets(): string[] {
    return [this.settings.password].filter(Boolean);
  }

  destroy(): void {
    this.client.destroy();
  }
}

function columnsOf(names: unknown[], types: unknown[]): HttpColumn[] {
  if (names.length !== types.length)
    throw new EngineError('ENGINE_FAILED', 'The database sent columns that do not fit their types.', {
      stage: 'QUERY',
    });
  return list(names).map((name, i) => {
    const engineType = text(types[i]) ?? '';
    const type = clickhouseColumnType(engineType);
    return { name: text(name) ?? '', type, engineType, cell: plainCell(type) };
  });
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest: string[] = [];
  let held = 0;
  for await (const part of body) {
    const pieces = decoder.write(part).split('\n');
    const last = pieces.pop() ?? '';
    for (const piece of pieces) {
      yield rest.length > 0 ? rest.join('') + piece : piece;
      rest = [];
      held = 0;
    }
    if (last !== '') rest.push(last);
    held += last.length;
    if (held > MAX_LINE)
      throw new EngineError('RESULT_TOO_LARGE', 'A row of the result is larger than is allowed.', { stage: 'QUERY' });
  }
  if (rest.length > 0) yield rest.join('');
}

function tables(filter: TableFilter): Statement {
  const { where, values, limit } = tableConditions('clickhouse', filter, { schema: 'database', table: 'name' });
  return {
    sql: `SELECT t.database, t.name, t.kind, t.rows, c.name, c.type, startsWith(c.type, 'Nullable(') OR startsWith(c.type, 'LowCardinality(Nullable(')
      FROM (SELECT database, name, if(engine LIKE '%View', 'VIEW', 'TABLE') AS kind, toFloat64(total_rows) AS rows FROM system.tables
        WHERE database NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA') AND NOT is_temporary${where}
        ORDER BY database, name LIMIT ${limit}) AS t
      LEFT JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
      ORDER BY t.database, t.name, c.position`,
    values,
  };
}

/**
 * ClickHouse works out subqueries that stand for a value, or a set, before it plans: what is explained must not be run, not
 * even in part. Those that stand for a table are planned like the rest.
 */
function explanation({ sql, values }: Statement): Statement {
  const { tokens } = lex(sql, 'clickhouse');
  const isRun = tokens.some(({ text: word }, i) => {
    // A table as a set, or a query that has a name.
    if (/^in$/i.test(word) && /^(?:word|quoted)$/.test(tokens[i + 1]?.kind ?? '')) return true;
    if (!/^(?:select|with)$/i.test(word) || tokens[i - 1]?.text !== '(') return false;
    return !/^(?:from|join|as)$/i.test(tokens[i - 2]?.text ?? '');
  });
  if (isRun) throw unexplained('ClickHouse would run the subqueries of this query to explain it.');
  return { sql: EXPLAIN.clickhouse + sql, values };
}

/** The engine that runs sellers' queries on ClickHouse over its HTTP interface, each query with `readonly = 1`. */
export function createClickhouse(options: { network: NetworkPolicy }): Engine {
  const { network } = options;
  return createHttpEngine({
    name: 'clickhouse',
    dialect: 'clickhouse',
    secretSettings: ['password'],
    network,
    check: (settings) => {
      checkOrigin(originOf(settingsOf(settings)), null, network);
      new SettingsReader(settings).maximumBytesScanned();
    },
    open: (settings) =>
      new Clickhouse(settingsOf(settings), new SettingsReader(settings).maximumBytesScanned(), network),
    tables: (_settings, filter) => tables(filter),
    typeOf: clickhouseColumnType,
    writeWarning: null,
    explain: { ask: explanation, read: clickhouseEstimate },
    noEstimate: 'ClickHouse estimates tables of the MergeTree family alone, and this query reads none of them.',
  });
}
