import type { KeyObject } from 'node:crypto';
import { EngineError } from '../engine.ts';
import type { Engine, Estimate, Limits, ParameterValue, Statement } from '../engine.ts';
import { bigqueryEstimate } from '../estimate.ts';
import type { NetworkPolicy } from '../guarded-socket.ts';
import { bigqueryColumns, bigqueryColumnType } from './bigquery-types.ts';
import { tableConditions } from './catalogue.ts';
import type { TableFilter } from './catalogue.ts';
import { checkOrigin, HttpClient, statusFailure } from './client.ts';
import { answerBytes, createHttpEngine, pause } from './engine.ts';
import type { Job, Page, Service } from './engine.ts';
import { list, record, text } from './json.ts';
import type { JsonRecord } from './json.ts';
import { rsaKey, signJwt } from './jwt.ts';
import { SettingsReader } from './settings.ts';

const HOSTS = ['bigquery.googleapis.com', '.bigquery.googleapis.com', 'oauth2.googleapis.com', '.p.googleapis.com'];
const SCOPE = 'https://www.googleapis.com/auth/bigquery';
const TOKEN_SECONDS = 3600;
/** How long the service holds an answer back for a query to end; also how long a stop may wait for the query's name. */
const WAIT_MS = 1_000;

/** The members of a service account's file as Google names them, and our own beside them. */
interface BigquerySettings {
  project: string;
  email: string;
  keyId: string | null;
  key: KeyObject;
  tokenUrl: URL;
  origin: string;
  location: string | null;
  dataset: string | null;
  maximumBytesBilled: number | null;
}

function settingsOf(settings: Record<string, unknown>, network: NetworkPolicy): BigquerySettings {
  const read = new SettingsReader(settings);
  const project = read.text('project_id', /^[a-z0-9.:-]{4,100}$/i, 'Give the project_id of the service account.');
  const email = read.text('client_email', /^[^@\s]+@[^@\s]+$/, 'Give the client_email of the service account.');
  const key = rsaKey('private_key', read.text('private_key'));
  const tokenUrl = new URL(
    read.optional('token_uri', /^https?:\/\/[^\s?#]+$/) ?? 'https://oauth2.googleapis.com/token',
  );
  const origin = read.optional('endpoint') ?? 'https://bigquery.googleapis.com';
  checkOrigin(tokenUrl.origin, HOSTS, network);
  checkOrigin(origin, HOSTS, network);
  return {
    project,
    email,
    key,
    tokenUrl,
    origin,
    keyId: read.optional('private_key_id', /^[\w-]+$/),
    location: read.optional('location', /^[A-Za-z0-9-]{2,40}$/, 'Give a location such as EU or us-east1.'),
    dataset: read.optional('dataset', /^\w{1,1024}$/, 'Give the name of a dataset, without its project.'),
    maximumBytesBilled: read.whole('maximumBytesBilled', Number.MAX_SAFE_INTEGER),
  };
}

function parameter(value: ParameterValue, i: number): JsonRecord {
  let type = 'STRING';
  if (typeof value === 'boolean') type = 'BOOL';
  if (typeof value === 'number') type = Number.isSafeInteger(value) ? 'INT64' : 'FLOAT64';
  return {
    name: `p${i + 1}`,
    parameterType: { type },
    parameterValue: { value: value === null ? null : String(value) },
  };
}

/** The failure that an answer of the API is; null where it is none. */
function failure(status: number, json: unknown): EngineError | null {
  if (status < 400) return null;
  const error = record(record(json)['error']);
  const message = text(error['message']);
  const reason = text(record(list(error['errors'])[0])['reason']) ?? '';
  if (message === null || status === 401) return statusFailure(status);
  if (/rateLimitExceeded|quotaExceeded/.test(reason))
    return new EngineError('ENGINE_BUSY', message, { hint: 'Try again in a moment.' });
  const more = { stage: 'QUERY' } as const;
  if (reason === 'bytesBilledLimitExceeded') {
    return new EngineError('ENGINE_FAILED', message, {
      ...more,
      hint: 'Narrow the query, or raise maximumBytesBilled of the connection.',
    });
  }
  if (reason === 'stopped' || /timed? ?out/i.test(message)) {
    return new EngineError('QUERY_TIMEOUT', 'The service stopped the query: it took too long.', more);
  }
  return new EngineError('ENGINE_FAILED', message, more);
}

class Bigquery implements Service {
  readonly client: HttpClient;
  private readonly tokens: HttpClient;
  private readonly settings: BigquerySettings;
  private token: { text: string; until: number } | null = null;

  constructor(settings: BigquerySettings, network: NetworkPolicy) {
    this.settings = settings;
    this.client = new HttpClient({ origin: settings.origin, suffixes: HOSTS, network });
    this.tokens = new HttpClient({ origin: settings.tokenUrl.origin, suffixes: HOSTS, network });
  }

  /** An access token, a new one where the last is about to end. */
  private async authorization(signal: AbortSignal): Promise<string> {
    if (this.token && this.token.until > Date.now()) return this.token.text;
    const { email, key, keyId, tokenUrl } = this.settings;
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: email, scope: SCOPE, aud: tokenUrl.href, iat, exp: iat + TOKEN_SECONDS };
    const assertion = signJwt(keyId ? { kid: keyId } : {}, claims, key);
    const answer = await this.tokens.request({
      method: 'POST',
      path: tokenUrl.pathname,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }).toString(),
      signal,
      maxBytes: 65_536,
    });
    const { access_token: given, expires_in: seconds, error_description: reason } = record(answer.json);
    if (answer.status !== 200 || typeof given !== 'string' || given === '') {
      const message = `Google did not accept the service account${typeof reason === 'string' ? `: ${reason}` : '.'}`;
      const hint = 'Check that its key was not deleted and that the whole file was given.';
      throw new EngineError('CONNECTION_FAILED', message, { stage: 'LOGIN', hint });
    }
    const lifetime = typeof seconds === 'number' ? seconds : TOKEN_SECONDS;
    this.token = { text: given, until: Date.now() + Math.max(0, lifetime - 120) * 1000 };
    return given;
  }

  private async call(
    method: 'GET' | 'POST',
    path: string,
    body: JsonRecord | null,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<JsonRecord> {
    const authorization = `Bearer ${await this.authorization(signal)}`;
    const answer = await this.client.request({
      method,
      path: `/bigquery/v2/projects/${encodeURIComponent(this.settings.project)}${path}`,
      headers: { authorization, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal,
      maxBytes,
    });
    if (answer.status === 401) this.token = null;
    const failed = failure(answer.status, answer.json);
    if (failed) throw failed;
    return record(answer.json);
  }

  /** What a statement is and reads, found out by the service without running it. */
  private async check(query: JsonRecord, signal: AbortSignal): Promise<number> {
    const { location, maximumBytesBilled } = this.settings;
    const body = {
      configuration: { dryRun: true, query },
      ...(location ? { jobReference: { location, projectId: this.settings.project } } : {}),
    };
    const { query: plan } = record((await this.call('POST', '/jobs', body, 8 * 1024 * 1024, signal))['statistics']);
    const { statementType, totalBytesProcessed } = record(plan);
    if (statementType !== 'SELECT')
      throw new EngineError('ENGINE_FAILED', 'Only queries are allowed.', { stage: 'QUERY' });
    const bytes = Number(totalBytesProcessed ?? 0);
    if (maximumBytesBilled !== null && bytes > maximumBytesBilled) {
      const message = `The query would read ${bytes} bytes; the connection allows ${maximumBytesBilled}.`;
      const hint = 'Narrow the query, or raise maximumBytesBilled of the connection.';
      throw new EngineError('ENGINE_FAILED', message, { stage: 'QUERY', hint });
    }
    return bytes;
  }

  private queryOf(statement: Statement): JsonRecord {
    const { dataset, project, maximumBytesBilled } = this.settings;
    return {
      query: statement.sql,
      useLegacySql: false,
      ...(dataset ? { defaultDataset: { projectId: project, datasetId: dataset } } : {}),
      ...(maximumBytesBilled === null ? {} : { maximumBytesBilled: String(maximumBytesBilled) }),
      ...(statement.values.length > 0
        ? { parameterMode: 'NAMED', queryParameters: statement.values.map(parameter) }
        : {}),
    };
  }

  async estimate(statement: Statement, signal: AbortSignal): Promise<Estimate> {
    return bigqueryEstimate(await this.check(this.queryOf(statement), signal));
  }

  async submit(statement: Statement, limits: Limits, signal: AbortSignal): Promise<Job> {
    const { location } = this.settings;
    const query = this.queryOf(statement);
    await this.check(query, signal);
    const maxBytes = answerBytes(limits);
    const maxResults = Math.min(limits.maxRows + 1, 10_000);
    const body = {
      ...query,
      timeoutMs: Math.min(WAIT_MS, limits.timeoutMs),
      jobTimeoutMs: String(limits.timeoutMs),
      maxResults,
      formatOptions: { useInt64Timestamp: true },
      ...(location ? { location } : {}),
    };
    const first = await this.call('POST', '/queries', body, maxBytes, signal);
    const reference = record(first['jobReference']);
    const id = text(reference['jobId']);
    const place = text(reference['location']) ?? location;
    const at = place ? `location=${encodeURIComponent(place)}&` : '';
    const next = (token: string | null, inner: AbortSignal): Promise<JsonRecord> => {
      if (id === null)
        throw new EngineError('ENGINE_FAILED', 'The service did not name the job of the query.', { stage: 'QUERY' });
      const more = token === null ? '' : `&pageToken=${encodeURIComponent(token)}`;
      const path = `/queries/${encodeURIComponent(id)}?${at}timeoutMs=${WAIT_MS}&maxResults=${maxResults}&formatOptions.useInt64Timestamp=true${more}`;
      return this.call('GET', path, null, maxBytes, inner);
    };
    return {
      id,
      pages: (inner) => pagesOf(first, next, inner),
      cancel: async (inner) => {
        if (id === null) return;
        await this.call('POST', `/jobs/${encodeURIComponent(id)}/cancel?${at}`, {}, 1024 * 1024, inner);
      },
    };
  }

  secrets(): string[] {
    return this.token ? [this.token.text] : [];
  }

  destroy(): void {
    this.client.destroy();
    this.tokens.destroy();
  }
}

async function* pagesOf(
  first: JsonRecord,
  next: (token: string | null, signal: AbortSignal) => Promise<JsonRecord>,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  let answer = first;
  for (let attempt = 0; answer['jobComplete'] !== true; attempt++) {
    await pause(attempt, signal);
    answer = await next(null, signal);
  }
  let columns = bigqueryColumns(answer['schema']);
  for (let last: string | null = null; ;) {
    const token = text(answer['pageToken']);
    const rows = list(answer['rows']).map((row) => list(record(row)['f']).map((cell) => record(cell)['v'] ?? null));
    yield { ...(columns ? { columns } : {}), rows, isLast: token === null };
    if (token === null) return;
    if (token === last)
      throw new EngineError('ENGINE_FAILED', 'The service sends the same page again.', { stage: 'QUERY' });
    columns = null;
    last = token;
    answer = await next(token, signal);
  }
}

function tables({ project, dataset, location }: BigquerySettings, filter: TableFilter): Statement {
  const scope = `\`${project}\`.\`${dataset ?? `region-${(location ?? 'us').toLowerCase()}`}\`.INFORMATION_SCHEMA`;
  const { where, values, limit } = tableConditions('bigquery', filter, { schema: 'table_schema', table: 'table_name' });
  return {
    sql: `SELECT t.table_schema, t.table_name, t.kind, CAST(NULL AS FLOAT64) AS row_estimate, c.column_name, c.data_type, c.is_nullable <> 'NO' AS is_nullable
      FROM (SELECT table_schema, table_name, IF(table_type LIKE '%VIEW', 'VIEW', 'TABLE') AS kind FROM ${scope}.TABLES
        WHERE true${where} ORDER BY table_schema, table_name LIMIT ${limit}) t
      LEFT JOIN ${scope}.COLUMNS c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
      ORDER BY t.table_schema, t.table_name, c.ordinal_position`,
    values,
  };
}

/** The engine that runs sellers' queries on BigQuery as a service account: only what a dry run calls a SELECT. */
export function createBigquery(options: { network: NetworkPolicy }): Engine {
  const { network } = options;
  return createHttpEngine({
    name: 'bigquery',
    dialect: 'bigquery',
    secretSettings: ['private_key'],
    network,
    check: (settings) => void settingsOf(settings, network),
    open: (settings) => new Bigquery(settingsOf(settings, network), network),
    tables: (settings, filter) => tables(settingsOf(settings, network), filter),
    typeOf: bigqueryColumnType,
    writeWarning: null,
    noEstimate: 'BigQuery did not say what it would read.',
  });
}
