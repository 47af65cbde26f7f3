import { EngineError } from '../engine.ts';
import type { ColumnType, Engine, Limits, ParameterValue, Statement } from '../engine.ts';
import { databricksEstimate, EXPLAIN } from '../estimate.ts';
import type { NetworkPolicy } from '../guarded-socket.ts';
import { tableConditions } from './catalogue.ts';
import type { TableFilter } from './catalogue.ts';
import { plainCell } from './cells.ts';
import type { HttpColumn } from './cells.ts';
import { checkOrigin, HttpClient, statusFailure } from './client.ts';
import { answerBytes, createHttpEngine, pause } from './engine.ts';
import type { Job, Page, Service } from './engine.ts';
import { list, record, text } from './json.ts';
import type { JsonRecord } from './json.ts';
import { HOST, HOST_HINT, NAME, SettingsReader } from './settings.ts';

const HOSTS = [
  '.databricks.com',
  '.azuredatabricks.net',
  '.databricks.us',
  '.databricks.azure.us',
  '.databricks.azure.cn',
];
/** What the service gives inline at most. */
const MAX_INLINE_BYTES = 25 * 1024 * 1024;
const STATEMENTS = '/api/2.0/sql/statements';

interface DatabricksSettings {
  origin: string;
  token: string;
  warehouse: string;
  catalog: string | null;
  schema: string | null;
}

function settingsOf(settings: Record<string, unknown>, network: NetworkPolicy): DatabricksSettings {
  const read = new SettingsReader(settings);
  read.maximumBytesScanned();
  const origin = read.optional('endpoint') ?? `https://${read.text('host', HOST, HOST_HINT)}`;
  checkOrigin(origin, HOSTS, network);
  return {
    origin,
    token: read.text('token', /^[\w.~+/=-]+$/),
    warehouse: read.text(
      'warehouseId',
      /^[\w-]{1,100}$/,
      'Give the id of a SQL warehouse, the last part of its HTTP path.',
    ),
    catalog: read.optional('catalog', NAME),
    schema: read.optional('schema', NAME),
  };
}

const TYPES: [pattern: RegExp, type: ColumnType][] = [
  [/^BOOLEAN/, 'BOOLEAN'],
  [/^(?:BYTE|TINYINT|SHORT|SMALLINT|INT\b|INTEGER)/, 'INTEGER'],
  [/^(?:LONG|BIGINT)/, 'BIGINT'],
  [/^DEC/, 'DECIMAL'],
  [/^(?:FLOAT|REAL|DOUBLE)/, 'FLOAT'],
  [/^DATE/, 'DATE'],
  [/^TIMESTAMP/, 'TIMESTAMP'],
  [/^TIME/, 'TIME'],
  [/^BINARY/, 'BINARY'],
  [/^(?:ARRAY|MAP|STRUCT|VARIANT|OBJECT)/, 'JSON'],
];

/** Our type for a type as Databricks prints it: `DECIMAL(9,2)`, `ARRAY<STRING>`, `TIMESTAMP_NTZ` … */
export function databricksColumnType(engineType: string): ColumnType {
  const name = engineType.toUpperCase();
  return TYPES.find(([pattern]) => pattern.test(name))?.[1] ?? 'STRING';
}

function parameter(value: ParameterValue, i: number): JsonRecord {
  let type = 'STRING';
  if (typeof value === 'boolean') type = 'BOOLEAN';
  if (typeof value === 'number') type = Number.isSafeInteger(value) ? 'BIGINT' : 'DOUBLE';
  return { name: `p${i + 1}`, type, value: value === null ? null : String(value) };
}

function columnsOf(manifest: JsonRecord): HttpColumn[] | null {
  const { columns } = record(manifest['schema']);
  if (!Array.isArray(columns)) return null;
  return columns.map((entry) => {
    const column = record(entry);
    const engineType = text(column['type_text']) ?? text(column['type_name']) ?? '';
    const type = databricksColumnType(engineType);
    return { name: text(column['name']) ?? '', type, engineType, cell: plainCell(type) };
  });
}

class Databricks implements Service {
  readonly client: HttpClient;
  private readonly settings: DatabricksSettings;

  constructor(settings: DatabricksSettings, network: NetworkPolicy) {
    this.settings = settings;
    this.client = new HttpClient({ origin: settings.origin, suffixes: HOSTS, network });
  }

  private async call(
    method: 'GET' | 'POST',
    path: string,
    body: JsonRecord | null,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<JsonRecord> {
    const answer = await this.client.request({
      method,
      path,
      headers: {
        authorization: `Bearer ${this.settings.token}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal,
      maxBytes,
    });
    const json = record(answer.json);
    const failed = statusFailure(answer.status);
    if (!failed) return json;
    const message = text(json['message']);
    if (answer.status === 403) {
      const hint = 'Check the token, and that its owner may use the warehouse.';
      throw new EngineError('CONNECTION_FAILED', message ?? 'The service refused the token.', { stage: 'LOGIN', hint });
    }
    throw failed.code === 'ENGINE_FAILED' && message !== null
      ? new EngineError('ENGINE_FAILED', message, { stage: 'QUERY' })
      : failed;
  }

  async submit(statement: Statement, limits: Limits, signal: AbortSignal): Promise<Job> {
    const { warehouse, catalog, schema } = this.settings;
    const maxBytes = answerBytes(limits);
    const body: JsonRecord = {
      warehouse_id: warehouse,
      statement: statement.sql,
      ...(statement.values.length > 0 ? { parameters: statement.values.map(parameter) } : {}),
      ...(catalog ? { catalog } : {}),
      ...(schema ? { schema } : {}),
      row_limit: limits.maxRows + 1,
      byte_limit: Math.min(maxBytes, MAX_INLINE_BYTES),
      format: 'JSON_ARRAY',
      disposition: 'INLINE',
      // At once, so that the statement has a name by which it can be stopped.
      wait_timeout: '0s',
      on_wait_timeout: 'CONTINUE',
    };
    const first = await this.call('POST', STATEMENTS, body, maxBytes, signal);
    const id = text(first['statement_id']);
    if (id === null || !/^[\w-]+$/.test(id))
      throw new EngineError('ENGINE_FAILED', 'The service did not name the query.', { stage: 'QUERY' });
    const path = `${STATEMENTS}/${id}`;
    return {
      id,
      pages: (inner) => this.pages(first, path, limits, inner),
      cancel: async (inner) => void (await this.call('POST', `${path}/cancel`, {}, 65_536, inner)),
    };
  }

  private async *pages(first: JsonRecord, path: string, limits: Limits, signal: AbortSignal): AsyncGenerator<Page> {
    const maxBytes = answerBytes(limits);
    let answer = first;
    for (let attempt = 0; isRunning(answer); attempt++) {
      await pause(attempt, signal);
      answer = await this.call('GET', path, null, maxBytes, signal);
    }
    const manifest = record(answer['manifest']);
    const total = manifest['total_row_count'];
    if (manifest['truncated'] === true && typeof total === 'number' && total <= limits.maxRows) {
      throw new EngineError('RESULT_TOO_LARGE', 'The result is larger than the service gives at once.', {
        stage: 'QUERY',
      });
    }
    let columns = columnsOf(manifest);
    for (let result = record(answer['result']), last = 0; ;) {
      const next = result['next_chunk_index'];
      const isLast = typeof next !== 'number';
      yield { ...(columns ? { columns } : {}), rows: list(result['data_array']), isLast };
      columns = null;
      if (isLast) return;
      if (!Number.isSafeInteger(next) || next <= last)
        throw new EngineError('ENGINE_FAILED', 'The service sends the same part again.', { stage: 'QUERY' });
      last = next;
      result = await this.call('GET', `${path}/result/chunks/${next}`, null, maxBytes, signal);
    }
  }

  secrets(): string[] {
    return [this.settings.token];
  }

  destroy(): void {
    this.client.destroy();
  }
}

/** Whether a statement still runs. @throws EngineError where it ended without a result. */
function isRunning(answer: JsonRecord): boolean {
  const { state, error } = record(answer['status']);
  if (state === 'PENDING' || state === 'RUNNING') return true;
  if (state === 'SUCCEEDED') return false;
  const message = text(record(error)['message']);
  if (state === 'FAILED')
    throw new EngineError('ENGINE_FAILED', message ?? 'The service gave no reason.', { stage: 'QUERY' });
  throw new EngineError('ENGINE_FAILED', 'The service stopped the query.', { stage: 'QUERY', hint: 'Try again.' });
}

function tables({ catalog }: DatabricksSettings, filter: TableFilter): Statement {
  const scope = catalog === null ? 'information_schema' : `\`${catalog.replaceAll('`', '``')}\`.information_schema`;
  const { where, values, limit } = tableConditions('databricks', filter, {
    schema: 'table_schema',
    table: 'table_name',
  });
  return {
    sql: `SELECT t.table_schema, t.table_name, t.kind, CAST(NULL AS DOUBLE), c.column_name, c.full_data_type, c.is_nullable <> 'NO'
      FROM (SELECT table_schema, table_name, CASE WHEN table_type LIKE '%VIEW' THEN 'VIEW' ELSE 'TABLE' END AS kind FROM ${scope}.tables
        WHERE table_schema <> 'information_schema'${where} ORDER BY table_schema, table_name LIMIT ${limit}) t
      LEFT JOIN ${scope}.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
      ORDER BY t.table_schema, t.table_name, c.ordinal_position`,
    values,
  };
}

/** The engine that runs sellers' queries on a SQL warehouse of Databricks over its statement API. */
export function createDatabricks(options: { network: NetworkPolicy }): Engine {
  const { network } = options;
  return createHttpEngine({
    name: 'databricks',
    dialect: 'databricks',
    secretSettings: ['token'],
    network,
    check: (settings) => void settingsOf(settings, network),
    open: (settings) => new Databricks(settingsOf(settings, network), network),
    tables: (settings, filter) => tables(settingsOf(settings, network), filter),
    typeOf: databricksColumnType,
    writeWarning:
      'Databricks does not tell whether this token may write. Give the gateway one whose owner has SELECT only.',
    // Planning takes a warehouse that runs: one that is stopped is started by it, as by a query.
    explain: {
      ask: ({ sql, values }) => ({ sql: EXPLAIN.databricks + sql, values }),
      read: databricksEstimate,
      unbound: /UNBOUND_SQL_PARAMETER|PARAMETER_MARKER/,
    },
    isBoundByPlan: true,
    noEstimate: 'Databricks has no statistics of these tables; ANALYZE TABLE collects them.',
  });
}
