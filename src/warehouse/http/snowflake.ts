import { randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { EngineError } from '../engine.ts';
import type { Engine, Limits, ParameterValue, Statement } from '../engine.ts';
import { EXPLAIN, snowflakeEstimate } from '../estimate.ts';
import type { NetworkPolicy } from '../guarded-socket.ts';
import { tableConditions } from './catalogue.ts';
import type { TableFilter } from './catalogue.ts';
import { checkOrigin, HttpClient, statusFailure } from './client.ts';
import { answerBytes, createHttpEngine, pause } from './engine.ts';
import type { Job, Page, Service } from './engine.ts';
import { list, record, text } from './json.ts';
import type { JsonRecord } from './json.ts';
import { fingerprint, rsaKey, signJwt } from './jwt.ts';
import { NAME, SettingsReader, wrong } from './settings.ts';
import { snowflakeColumns, snowflakeColumnType } from './snowflake-types.ts';

const HOSTS = ['.snowflakecomputing.com', '.snowflakecomputing.cn'];
const JWT_SECONDS = 55 * 60;

interface SnowflakeSettings {
  account: string;
  origin: string;
  username: string | null;
  key: KeyObject | null;
  token: string | null;
  tokenType: string;
  /** What a statement runs in: database, schema, warehouse, role. */
  context: Record<string, string>;
}

function settingsOf(settings: Record<string, unknown>, network: NetworkPolicy): SnowflakeSettings {
  const read = new SettingsReader(settings);
  read.maximumBytesScanned();
  const account = read.text(
    'account',
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,250}$/,
    'Give the account identifier, such as myorg-account1.',
  );
  const origin =
    read.optional('endpoint') ?? `https://${account.toLowerCase().replaceAll('_', '-')}.snowflakecomputing.com`;
  checkOrigin(origin, HOSTS, network);
  const pem = read.optional('privateKey');
  const token = read.optional('token', /^[\w.~+/=:-]+$/);
  if ((pem === null) === (token === null)) {
    throw wrong(
      'Either privateKey or token must be given.',
      'Give the private key of a key pair, or a programmatic access token.',
    );
  }
  const context: Record<string, string> = {};
  for (const name of ['database', 'schema', 'warehouse', 'role']) {
    const value = read.optional(name, NAME);
    if (value !== null) context[name] = value;
  }
  return {
    account,
    origin,
    username: pem === null ? read.optional('username', NAME) : read.text('username', NAME),
    key: pem === null ? null : rsaKey('privateKey', pem, read.optional('privateKeyPassphrase')),
    token,
    tokenType: read.choice('tokenType', ['PROGRAMMATIC_ACCESS_TOKEN', 'OAUTH']),
    context,
  };
}

function binding(value: ParameterValue): JsonRecord {
  if (value === null) return { type: 'TEXT', value: null };
  if (typeof value === 'boolean') return { type: 'BOOLEAN', value: String(value) };
  if (typeof value === 'string') return { type: 'TEXT', value };
  return { type: Number.isSafeInteger(value) ? 'FIXED' : 'REAL', value: String(value) };
}

class Snowflake implements Service {
  readonly client: HttpClient;
  private readonly settings: SnowflakeSettings;
  private jwt: { text: string; until: number } | null = null;

  constructor(settings: SnowflakeSettings, network: NetworkPolicy) {
    this.settings = settings;
    this.client = new HttpClient({ origin: settings.origin, suffixes: HOSTS, network });
  }

  private authorization(): Record<string, string> {
    const { token, tokenType, key, account, username } = this.settings;
    if (!key) return { authorization: `Bearer ${token}`, 'x-snowflake-authorization-token-type': tokenType };
    if (!this.jwt || this.jwt.until < Date.now()) {
      const iat = Math.floor(Date.now() / 1000);
      // Of a locator with a region, only the locator counts.
      const name = `${account.split('.')[0]}.${username}`.toUpperCase();
      const claims = { iss: `${name}.SHA256:${fingerprint(key)}`, sub: name, iat, exp: iat + JWT_SECONDS };
      this.jwt = { text: signJwt({}, claims, key), until: Date.now() + (JWT_SECONDS - 60) * 1000 };
    }
    return { authorization: `Bearer ${this.jwt.text}`, 'x-snowflake-authorization-token-type': 'KEYPAIR_JWT' };
  }

  private async call(
    method: 'GET' | 'POST',
    path: string,
    body: JsonRecord | null,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<{ status: number; json: JsonRecord }> {
    const answer = await this.client.request({
      method,
      path,
      headers: {
        ...this.authorization(),
        accept: 'application/json',
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal,
      maxBytes,
    });
    const json = record(answer.json);
    const message = text(json['message']);
    const failed = statusFailure(answer.status);
    if (!failed) return { status: answer.status, json };
    if (answer.status === 408)
      throw new EngineError('QUERY_TIMEOUT', 'The service stopped the query: it took too long.', { stage: 'QUERY' });
    if (failed.code !== 'ENGINE_FAILED' || message === null) throw failed;
    // 604 and 57014: stopped. 390…: who asks was not accepted.
    if (json['code'] === '000604' || json['sqlState'] === '57014') {
      throw new EngineError('QUERY_TIMEOUT', 'The service stopped the query.', { stage: 'QUERY' });
    }
    if (text(json['code'])?.startsWith('390'))
      throw new EngineError('CONNECTION_FAILED', message, {
        stage: 'LOGIN',
        hint: 'Check the account, the user and its key or token.',
      });
    throw new EngineError('ENGINE_FAILED', message, { stage: 'QUERY' });
  }

  async submit(statement: Statement, limits: Limits, signal: AbortSignal): Promise<Job> {
    const bindings = Object.fromEntries(statement.values.map((value, i) => [String(i + 1), binding(value)]));
    const body: JsonRecord = {
      statement: statement.sql,
      timeout: Math.max(1, Math.ceil(limits.timeoutMs / 1000)),
      ...this.settings.context,
      ...(statement.values.length > 0 ? { bindings } : {}),
      parameters: { rows_per_resultset: limits.maxRows + 1, MULTI_STATEMENT_COUNT: '1' },
    };
    const maxBytes = answerBytes(limits);
    const { json } = await this.call(
      'POST',
      `/api/v2/statements?async=true&requestId=${randomUUID()}`,
      body,
      maxBytes,
      signal,
    );
    const handle = text(json['statementHandle']);
    if (handle === null || !/^[\w-]+$/.test(handle))
      throw new EngineError('ENGINE_FAILED', 'The service did not name the query.', { stage: 'QUERY' });
    const path = `/api/v2/statements/${handle}`;
    return {
      id: handle,
      pages: (inner) => this.pages(path, maxBytes, inner),
      cancel: async (inner) => void (await this.call('POST', `${path}/cancel`, {}, 65_536, inner)),
    };
  }

  private async *pages(path: string, maxBytes: number, signal: AbortSignal): AsyncGenerator<Page> {
    let answer = await this.call('GET', path, null, maxBytes, signal);
    for (let attempt = 0; answer.status === 202; attempt++) {
      await pause(attempt, signal);
      answer = await this.call('GET', path, null, maxBytes, signal);
    }
    const meta = record(answer.json['resultSetMetaData']);
    const columns = snowflakeColumns(meta['rowType']);
    const partitions = Math.max(1, list(meta['partitionInfo']).length);
    yield { ...(columns ? { columns } : {}), rows: list(answer.json['data']), isLast: partitions === 1 };
    for (let n = 1; n < partitions; n++) {
      const { json } = await this.call('GET', `${path}?partition=${n}`, null, maxBytes, signal);
      yield { rows: list(json['data']), isLast: n === partitions - 1 };
    }
  }

  secrets(): string[] {
    return [this.settings.token, this.jwt?.text].filter((secret) => typeof secret === 'string');
  }

  destroy(): void {
    this.client.destroy();
  }
}

function tables(context: Record<string, string>, filter: TableFilter): Statement {
  const { database } = context;
  // An unquoted name was stored in capitals, so it must not be quoted.
  const isPlain = database === undefined || /^[A-Za-z_]\w*$/.test(database);
  const name = isPlain ? database : `"${database.replaceAll('"', '""')}"`;
  const from = name === undefined ? 'information_schema' : `${name}.information_schema`;
  const { where, values, limit } = tableConditions('snowflake', filter, {
    schema: 'table_schema',
    table: 'table_name',
  });
  return {
    sql: `SELECT t.table_schema, t.table_name, t.kind, t.row_count::FLOAT, c.column_name,
        CASE WHEN c.data_type = 'NUMBER' THEN 'NUMBER(' || c.numeric_precision || ',' || c.numeric_scale || ')' ELSE c.data_type END,
        c.is_nullable <> 'NO'
      FROM (SELECT table_schema, table_name, IFF(table_type LIKE '%VIEW', 'VIEW', 'TABLE') AS kind, row_count FROM ${from}.tables
        WHERE table_schema <> 'INFORMATION_SCHEMA'${where} ORDER BY table_schema, table_name LIMIT ${limit}) t
      LEFT JOIN ${from}.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
      ORDER BY t.table_schema, t.table_name, c.ordinal_position`,
    values,
  };
}

/** The engine that runs sellers' queries on Snowflake over its SQL API, one statement a request. */
export function createSnowflake(options: { network: NetworkPolicy }): Engine {
  const { network } = options;
  return createHttpEngine({
    name: 'snowflake',
    dialect: 'snowflake',
    secretSettings: ['privateKey', 'privateKeyPassphrase', 'token'],
    network,
    check: (settings) => void settingsOf(settings, network),
    open: (settings) => new Snowflake(settingsOf(settings, network), network),
    tables: (settings, filter) => tables(settingsOf(settings, network).context, filter),
    typeOf: snowflakeColumnType,
    writeWarning:
      'Snowflake does not tell whether this role may write. Give the gateway a role that has USAGE and SELECT only.',
    explain: {
      ask: ({ sql, values }) => ({ sql: EXPLAIN.snowflake + sql, values }),
      read: snowflakeEstimate,
      unbound: /bind variable/i,
    },
    isBoundByPlan: true,
    noEstimate: 'Snowflake did not say how many bytes it would read.',
  });
}
