import { randomUUID } from 'node:crypto';
import { EngineError } from '../engine.ts';
import type { Cell, ColumnType, Engine, Limits, Statement } from '../engine.ts';
import { EXPLAIN, trinoEstimate, unexplained } from '../estimate.ts';
import type { NetworkPolicy } from '../guarded-socket.ts';
import { asText, plainCell } from './cells.ts';
import type { HttpColumn } from './cells.ts';
import { checkOrigin, HttpClient, statusFailure } from './client.ts';
import { answerBytes, createHttpEngine, NO_VALUES, pause } from './engine.ts';
import type { Job, Page, Service } from './engine.ts';
import { list, record, text } from './json.ts';
import type { JsonRecord } from './json.ts';
import { quoteLiteral } from './literals.ts';
import { NAME, SettingsReader, tooDear } from './settings.ts';
import { signAws } from './sigv4.ts';
import type { AwsKey } from './sigv4.ts';
import { trinoColumnType } from './trino-types.ts';
import { trinoTables } from './trino.ts';

const HOSTS = ['.amazonaws.com', '.amazonaws.com.cn', '.api.aws'];
const ROWS_AT_ONCE = 1000;

interface AthenaSettings {
  origin: string;
  region: string;
  key: AwsKey;
  workgroup: string;
  catalog: string;
  database: string | null;
  outputLocation: string | null;
  maximumBytesScanned: number | null;
}

function settingsOf(settings: Record<string, unknown>, network: NetworkPolicy): AthenaSettings {
  const read = new SettingsReader(settings);
  const region = read.text('region', /^[a-z]{2}(?:-[a-z]+)+-\d$/, 'Give a region such as eu-central-1.');
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const origin = read.optional('endpoint') ?? `https://athena.${region}.${suffix}`;
  checkOrigin(origin, HOSTS, network);
  return {
    origin,
    region,
    key: {
      accessKeyId: read.text('accessKeyId', /^\w{16,128}$/),
      secretAccessKey: read.text('secretAccessKey', /^\S+$/),
      sessionToken: read.optional('sessionToken', /^\S+$/),
    },
    workgroup: read.optional('workgroup', /^[\w.-]{1,128}$/) ?? 'primary',
    catalog: read.optional('catalog', NAME) ?? 'AwsDataCatalog',
    database: read.optional('database', NAME),
    outputLocation: read.optional('outputLocation', /^s3:\/\/\S+$/, 'Give it as s3://bucket/path/.'),
    maximumBytesScanned: read.maximumBytesScanned(),
  };
}

/** Athena's results are texts: lists and structures come in a form that cannot be read back. */
function resultType(engineType: string): ColumnType {
  const type = trinoColumnType(engineType);
  return type === 'JSON' && engineType.toLowerCase() !== 'json' ? 'STRING' : type;
}

function cellOf(type: ColumnType): (value: unknown) => Cell {
  if (type !== 'BINARY') return plainCell(type);
  return (value) => Buffer.from(asText(value).replace(/\s/g, ''), 'hex').toString('base64');
}

function columnsOf(metadata: unknown): HttpColumn[] | null {
  const { ColumnInfo: columns } = record(metadata);
  if (!Array.isArray(columns)) return null;
  return columns.map((entry) => {
    const column = record(entry);
    const name = text(column['Type']) ?? '';
    const type = resultType(name);
    const engineType = name === 'decimal' ? `decimal(${String(column['Precision'])},${String(column['Scale'])})` : name;
    return { name: text(column['Name']) ?? '', type, engineType, cell: cellOf(type) };
  });
}

function rowsOf(result: JsonRecord): unknown[][] {
  return list(result['Rows']).map((row) =>
    list(record(row)['Data']).map((cell) => record(cell)['VarCharValue'] ?? null),
  );
}

const LOGIN_FAILURES =
  /UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|ExpiredToken|InvalidClientTokenId|MissingAuthentication|IncompleteSignature/;

class Athena implements Service {
  readonly client: HttpClient;
  private readonly settings: AthenaSettings;

  constructor(settings: AthenaSettings, network: NetworkPolicy) {
    this.settings = settings;
    this.client = new HttpClient({ origin: settings.origin, suffixes: HOSTS, network });
  }

  private async call(action: string, input: JsonRecord, maxBytes: number, signal: AbortSignal): Promise<JsonRecord> {
    const { key, region } = this.settings;
    const body = JSON.stringify(input);
    const { host } = new URL(this.client.origin);
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `AmazonAthena.${action}` };
    const request = { method: 'POST', host, path: '/', query: '', headers, body };
    const signed = signAws(request, key, { region, service: 'athena' }, new Date());
    const answer = await this.client.request({ method: 'POST', path: '/', headers: signed, body, signal, maxBytes });
    const json = record(answer.json);
    const failed = statusFailure(answer.status);
    if (!failed) return json;
    const kind = text(json['__type']) ?? '';
    const message = text(json['message']) ?? text(json['Message']);
    if (LOGIN_FAILURES.test(kind)) {
      const hint = 'Check the access key, its secret and the clock of the gateway.';
      throw new EngineError('CONNECTION_FAILED', 'AWS refused the access key.', { stage: 'LOGIN', hint });
    }
    if (/TooManyRequests|Throttling/.test(kind))
      throw new EngineError('ENGINE_BUSY', 'The service takes no more queries now.', {
        hint: 'Try again in a moment.',
      });
    throw message === null ? failed : new EngineError('ENGINE_FAILED', message, { stage: 'QUERY' });
  }

  async submit(statement: Statement, limits: Limits, signal: AbortSignal): Promise<Job> {
    const { workgroup, catalog, database, outputLocation } = this.settings;
    const input: JsonRecord = {
      QueryString: statement.sql,
      ClientRequestToken: randomUUID(),
      WorkGroup: workgroup,
      QueryExecutionContext: { Catalog: catalog, ...(database ? { Database: database } : {}) },
      ...(outputLocation ? { ResultConfiguration: { OutputLocation: outputLocation } } : {}),
      ...(statement.values.length > 0 ? { ExecutionParameters: statement.values.map(quoteLiteral) } : {}),
    };
    const id = text((await this.call('StartQueryExecution', input, 65_536, signal))['QueryExecutionId']);
    if (id === null) throw new EngineError('ENGINE_FAILED', 'The service did not name the query.', { stage: 'QUERY' });
    return {
      id,
      pages: (inner) => this.pages(id, statement, limits, inner),
      cancel: async (inner) => void (await this.call('StopQueryExecution', { QueryExecutionId: id }, 65_536, inner)),
    };
  }

  private async *pages(id: string, statement: Statement, limits: Limits, signal: AbortSignal): AsyncGenerator<Page> {
    // The guard lets no such statement of a seller's pass: it is our own.
    const isPlan = statement.sql.startsWith(EXPLAIN.trino);
    const most = this.settings.maximumBytesScanned ?? Number.POSITIVE_INFINITY;
    for (let attempt = 0; ; attempt++) {
      const { QueryExecution: execution } = await this.call(
        'GetQueryExecution',
        { QueryExecutionId: id },
        1024 * 1024,
        signal,
      );
      const { Status: status, StatementType: kind, Statistics: statistics } = record(execution);
      const { State: state, StateChangeReason: reason } = record(status);
      if (state === 'SUCCEEDED') {
        if (kind === (isPlan ? 'UTILITY' : 'DML')) break;
        throw new EngineError('ENGINE_FAILED', 'Only queries are allowed.', { stage: 'QUERY' });
      }
      if (state === 'FAILED')
        throw new EngineError('ENGINE_FAILED', text(reason) ?? 'The service gave no reason.', { stage: 'QUERY' });
      // Athena counts as it reads, and its own bound is one of a whole workgroup.
      if (Number(record(statistics)['DataScannedInBytes'] ?? 0) > most) throw tooDear();
      if (state !== 'QUEUED' && state !== 'RUNNING')
        throw new EngineError('ENGINE_FAILED', 'The service stopped the query.', { stage: 'QUERY' });
      await pause(attempt, signal);
    }
    // The first row of the first page repeats the names of the columns; of a plan it may be the plan.
    const maxResults = Math.min(ROWS_AT_ONCE, limits.maxRows + 2);
    for (let token: string | null = null, isFirst = true; ; isFirst = false) {
      const input = { QueryExecutionId: id, MaxResults: maxResults, ...(token === null ? {} : { NextToken: token }) };
      const answer = await this.call('GetQueryResults', input, answerBytes(limits), signal);
      const result = record(answer['ResultSet']);
      const columns = isFirst ? columnsOf(result['ResultSetMetadata']) : null;
      const rows = rowsOf(result);
      const next = text(answer['NextToken']);
      yield { ...(columns ? { columns } : {}), rows: isFirst && !isPlan ? rows.slice(1) : rows, isLast: next === null };
      if (next === null) return;
      if (next === token)
        throw new EngineError('ENGINE_FAILED', 'The service sends the same page again.', { stage: 'QUERY' });
      token = next;
    }
  }

  secrets(): string[] {
    const { secretAccessKey, sessionToken, accessKeyId } = this.settings.key;
    return [secretAccessKey, accessKeyId, ...(sessionToken ? [sessionToken] : [])];
  }

  destroy(): void {
    this.client.destroy();
  }
}

/** The engine that runs sellers' queries on Athena over signed requests. */
export function createAthena(options: { network: NetworkPolicy }): Engine {
  const { network } = options;
  return createHttpEngine({
    name: 'athena',
    dialect: 'trino',
    secretSettings: ['secretAccessKey', 'sessionToken'],
    network,
    check: (settings) => void settingsOf(settings, network),
    open: (settings) => new Athena(settingsOf(settings, network), network),
    tables: (_settings, filter) => trinoTables(null, filter),
    typeOf: resultType,
    writeWarning:
      'Athena does not tell whether this key may write. Give the gateway a role that may only read, and a workgroup with a limit of bytes.',
    // Athena bills no explanation, which reads no data; looking tables up in AWS Glue may cost.
    explain: {
      ask: ({ sql, values }) => {
        if (values.length > 0) throw unexplained(NO_VALUES);
        return { sql: EXPLAIN.trino + sql, values };
      },
      read: trinoEstimate,
    },
    noEstimate: 'Athena has no statistics of these tables; AWS Glue can collect them.',
  });
}
