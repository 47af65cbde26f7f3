import { EngineError } from '../engine.ts';
import type { Engine, Limits, Statement } from '../engine.ts';
import { EXPLAIN, trinoEstimate } from '../estimate.ts';
import type { NetworkPolicy } from '../guarded-socket.ts';
import { tableConditions } from './catalogue.ts';
import type { TableFilter } from './catalogue.ts';
import { checkOrigin, HttpClient, statusFailure } from './client.ts';
import { answerBytes, createHttpEngine, pause } from './engine.ts';
import type { Job, Page, Service } from './engine.ts';
import { list, record, text } from './json.ts';
import type { JsonRecord } from './json.ts';
import { quoteLiteral } from './literals.ts';
import { HOST, HOST_HINT, SettingsReader, tooDear } from './settings.ts';
import { trinoColumns, trinoColumnType } from './trino-types.ts';

interface TrinoSettings {
  origin: string;
  username: string;
  password: string | null;
  token: string | null;
  catalog: string;
  schema: string | null;
  sslRootCert: string | null;
  maximumBytesScanned: number | null;
}

const NAME = /^[\x20-\x7e]{1,128}$/;

function settingsOf(settings: Record<string, unknown>): TrinoSettings {
  const read = new SettingsReader(settings);
  const host = read.text('host', HOST, HOST_HINT);
  const isSecure = read.choice('tls', ['REQUIRED', 'DISABLED']) === 'REQUIRED';
  const port = read.whole('port', 65_535) ?? (isSecure ? 443 : 8080);
  return {
    origin: `${isSecure ? 'https' : 'http'}://${host}:${port}`,
    username: read.text('username', NAME),
    password: read.optional('password'),
    token: read.optional('token', /^[\w.~+/=-]+$/),
    catalog: read.text('catalog', NAME),
    schema: read.optional('schema', NAME),
    sslRootCert: read.optional(
      'sslRootCert',
      /-----BEGIN CERTIFICATE-----/,
      'Paste the certificate, not the name of a file.',
    ),
    maximumBytesScanned: read.maximumBytesScanned(),
  };
}

const TIMEOUTS = /EXCEEDED_TIME_LIMIT|EXCEEDED_RUN_TIME|ABANDONED_QUERY/;

function queryFailure(error: JsonRecord): EngineError {
  const name = text(error['errorName']) ?? '';
  if (TIMEOUTS.test(name))
    return new EngineError('QUERY_TIMEOUT', 'The service stopped the query: it took too long.', { stage: 'QUERY' });
  if (name === 'EXCEEDED_SCAN_LIMIT') return tooDear();
  const message = text(error['message']) ?? 'The service gave no reason.';
  return new EngineError('ENGINE_FAILED', name ? `${message} (${name})` : message, { stage: 'QUERY' });
}

/** A statement as it is sent: its values stand beside it, as a list. */
function textOf({ sql, values }: Statement): string {
  const using = values.map(quoteLiteral).join(', ');
  return using === '' ? sql : `EXECUTE IMMEDIATE ${quoteLiteral(sql)} USING ${using}`;
}

class Trino implements Service {
  readonly client: HttpClient;
  private readonly settings: TrinoSettings;

  constructor(settings: TrinoSettings, network: NetworkPolicy) {
    this.settings = settings;
    this.client = new HttpClient({ origin: settings.origin, suffixes: null, network, ca: settings.sslRootCert });
  }

  private headers(limits: Limits | null): Record<string, string> {
    const { username, password, token, catalog, schema, maximumBytesScanned: most } = this.settings;
    const basic = password === null ? null : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const authorization = token === null ? basic : `Bearer ${token}`;
    const session = [
      ...(limits ? [`query_max_run_time=${Math.max(1, Math.ceil(limits.timeoutMs / 1000))}s`] : []),
      ...(limits && most !== null ? [`query_max_scan_physical_bytes=${most}B`] : []),
    ].join(',');
    return {
      'x-trino-user': username,
      'x-trino-source': 'spartera-gateway',
      'x-trino-catalog': catalog,
      'x-trino-time-zone': 'UTC',
      'x-trino-client-capabilities': 'PARAMETRIC_DATETIME',
      ...(schema ? { 'x-trino-schema': schema } : {}),
      ...(session ? { 'x-trino-session': session } : {}),
      ...(authorization ? { authorization } : {}),
    };
  }

  private async call(
    method: 'GET' | 'POST',
    path: string,
    body: string | null,
    limits: Limits,
    signal: AbortSignal,
  ): Promise<JsonRecord> {
    for (let attempt = 0; ; attempt++) {
      const headers = this.headers(limits);
      const answer = await this.client.request({
        method,
        path,
        headers,
        signal,
        maxBytes: answerBytes(limits),
        ...(body === null ? {} : { body }),
      });
      // The protocol asks to come back; what was posted may have begun.
      if (method === 'GET' && [429, 502, 503, 504].includes(answer.status)) {
        await pause(attempt, signal);
        continue;
      }
      if (answer.status === 403) {
        throw new EngineError('CONNECTION_FAILED', 'The service does not let this user in.', {
          stage: 'LOGIN',
          hint: 'Check the user and its rights.',
        });
      }
      const failed = statusFailure(answer.status);
      if (failed) throw failed;
      return record(answer.json);
    }
  }

  /** The path of an address that the service gave, which must be its own. */
  private pathOf(address: unknown): string | null {
    if (address === undefined || address === null) return null;
    const url = typeof address === 'string' ? URL.parse(address) : null;
    if (!url || url.origin !== this.client.origin || url.username || !url.pathname.startsWith('/v1/statement/')) {
      throw new EngineError('ENGINE_FAILED', 'The service sends the gateway elsewhere, which is refused.', {
        stage: 'QUERY',
        hint: 'Behind a proxy, let the coordinator process forwarded headers.',
      });
    }
    return url.pathname + url.search;
  }

  async submit(statement: Statement, limits: Limits, signal: AbortSignal): Promise<Job> {
    const first = await this.call('POST', '/v1/statement', textOf(statement), limits, signal);
    let next: string | null = null;
    const { client } = this;
    const pages = async function* (this: Trino, inner: AbortSignal): AsyncGenerator<Page> {
      let answer = first;
      let isKnown = false;
      for (let attempt = 0; ; attempt++) {
        next = this.pathOf(answer['nextUri']);
        const error = record(answer['error']);
        if (answer['error']) throw queryFailure(error);
        const columns = isKnown ? null : trinoColumns(answer['columns']);
        const rows = list(answer['data']);
        if (columns) isKnown = true;
        if (columns || rows.length > 0 || next === null)
          yield { ...(columns ? { columns } : {}), rows, isLast: next === null };
        if (next === null) return;
        if (rows.length > 0) attempt = 0;
        // The service itself waits; one that does not is not asked without pause.
        if (attempt > 5) await pause(attempt - 6, inner);
        answer = await this.call('GET', next, null, limits, inner);
      }
    };
    next = this.pathOf(first['nextUri']);
    return {
      id: text(first['id']),
      pages: (inner) => pages.call(this, inner),
      cancel: async (inner) => {
        if (next === null) return;
        await client.request({
          method: 'DELETE',
          path: next,
          headers: this.headers(null),
          signal: inner,
          maxBytes: 65_536,
        });
      },
    };
  }

  secrets(): string[] {
    const { password, token } = this.settings;
    return [password, token].filter((secret) => secret !== null);
  }

  destroy(): void {
    this.client.destroy();
  }
}

/** Tables and columns out of a catalog's own schema, for Trino and its relatives. */
export function trinoTables(catalog: string | null, filter: TableFilter): Statement {
  const prefix = catalog === null ? '' : `"${catalog.replaceAll('"', '""')}".`;
  const { where, values, limit } = tableConditions('trino', filter, { schema: 'table_schema', table: 'table_name' });
  return {
    sql: `SELECT t.table_schema, t.table_name, t.kind, CAST(NULL AS double), c.column_name, c.data_type, c.is_nullable <> 'NO'
      FROM (SELECT table_schema, table_name, CASE WHEN table_type LIKE '%VIEW' THEN 'VIEW' ELSE 'TABLE' END AS kind
        FROM ${prefix}information_schema.tables WHERE table_schema <> 'information_schema'${where}
        ORDER BY table_schema, table_name LIMIT ${limit}) t
      LEFT JOIN ${prefix}information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
      ORDER BY t.table_schema, t.table_name, c.ordinal_position`,
    values,
  };
}

/** The engine that runs sellers' queries on Trino over its statement protocol. */
export function createTrino(options: { network: NetworkPolicy }): Engine {
  const { network } = options;
  return createHttpEngine({
    name: 'trino',
    dialect: 'trino',
    secretSettings: ['password', 'token'],
    network,
    check: (settings) => void checkOrigin(settingsOf(settings).origin, null, network),
    open: (settings) => new Trino(settingsOf(settings), network),
    tables: (settings, filter) => trinoTables(settingsOf(settings).catalog, filter),
    typeOf: trinoColumnType,
    writeWarning: 'Trino does not tell whether this user may write. Give the gateway a user that may only read.',
    // Values are taken around the whole alone: not by a statement that is explained inside of EXECUTE IMMEDIATE.
    explain: {
      ask: (statement) => ({ sql: EXPLAIN.trino + textOf(statement), values: [] }),
      read: trinoEstimate,
    },
    estimatesForBuyers: true,
    noEstimate: 'Trino has no statistics of these tables; ANALYZE collects them.',
  });
}
