/** ClickHouse, Trino and Databricks in small: see `engine-servers.ts`. */
import { clickhousePlan, databricksPlan, explained, trinoPlan } from './engine-plans.ts';
import { actOf, catalogue, hugeText, numbers, redirect, serve } from './engine-servers.ts';
import type { EngineServer, Json, Reply, Result } from './engine-servers.ts';
import { literalsOf, type SmallDatabase, type SmallForm } from './small-database.ts';

const clickhouseTypes: [name: string, type: string, value: unknown][] = [
  ['flag', 'Bool', true],
  ['small', 'LowCardinality(Nullable(Int16))', 7],
  ['big', 'UInt64', '18446744073709551615'],
  ['amount', 'Decimal(9, 2)', '1.50'],
  ['ratio', 'Nullable(Float64)', null],
  ['name', "Enum8('héllo' = 1)", 'héllo'],
  ['day', 'Date', '2024-02-29'],
  ['at', "DateTime64(3, 'Europe/Berlin')", '2024-02-29T11:00:00.250Z'],
  ['tags', 'Array(String)', ['a', 'b']],
  ['pairs', 'Map(String, Int8)', { a: 1 }],
];

const clickhouseForm: SmallForm = {
  types: { whole: 'Int64', ratio: 'Nullable(Float64)', text: 'Nullable(String)' },
  cell: (text, kind) => (kind === 'ratio' ? (Number.isFinite(Number(text)) ? Number(text) : null) : text),
};

/** ClickHouse over HTTP: user `reader`, password as given; checks that queries come with `readonly=1`. */
export function startClickhouse(
  password: string,
  { tls, small }: { tls?: { key: string; cert: string }; small?: SmallDatabase | undefined } = {},
): Promise<EngineServer> {
  const line = (row: unknown): string => `${JSON.stringify(row)}\n`;
  const refusal = (status: number, text: string): Reply => ({ status, text: `${text} (version 25.8.1.1)\n` });
  return serve(async ({ query, headers, text: sql }, server) => {
    if (headers['x-clickhouse-user'] !== 'reader' || headers['x-clickhouse-key'] !== password) {
      return refusal(
        403,
        'Code: 516. DB::Exception: reader: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)',
      );
    }
    const killed = /^KILL QUERY WHERE query_id = '([\w-]+)' ASYNC$/.exec(sql)?.[1];
    if (killed) {
      server.stopped.push(killed);
      return { text: '' };
    }
    if (query.get('readonly') !== '1') return refusal(500, 'Code: 1. DB::Exception: not read only');
    const cut = `Code: 159. DB::Exception: Timeout exceeded: elapsed 9 seconds (TIMEOUT_EXCEEDED)`;
    const isStopped = (): boolean => server.stopped.includes(query.get('query_id') ?? '');
    if (sql.includes('dear') && Number(query.get('max_bytes_to_read') ?? Infinity) < 5_000_000)
      return refusal(500, 'Code: 307. DB::Exception: Limit for bytes to read exceeded (TOO_MANY_BYTES)');
    switch (actOf(sql)) {
      case 'slow':
        return {
          write: async (response) => {
            response.write(line(['n']));
            while (!isStopped() && !response.destroyed) await new Promise((resolve) => setTimeout(resolve, 10));
          },
        };
      case 'broken':
        return refusal(
          400,
          `Code: 62. DB::Exception: Syntax error near ${password} in /var/lib/ch/x at 127.0.0.1 (SYNTAX_ERROR)`,
        );
      case 'busy':
        return refusal(500, 'Code: 202. DB::Exception: Too many simultaneous queries (TOO_MANY_SIMULTANEOUS_QUERIES)');
      case 'width':
        return { text: line(['n']) + line(['Int64']) + line(['1', '2']) };
      case 'endless':
        return {
          write: async (response) => {
            response.write(line(['n']) + line(['Int64']));
            while (!response.destroyed && !isStopped()) {
              if (!response.write(line(['7']).repeat(1000))) await new Promise((resolve) => setTimeout(resolve, 1));
            }
          },
        };
      case 'huge':
        return { text: line(['n']) + line(['String']) + line([hugeText]) };
      case 'redirect':
        return redirect;
      case 'silly':
        return { text: '<html>welcome</html>' };
      case 'elsewhere':
        return { text: line(['n']) + line(['Int64']) + line(['1']) + cut };
      default:
        break;
    }
    const send = ({ columns, pages }: Result): Reply => ({
      text:
        line(columns.map(([name]) => name)) + line(columns.map(([, type]) => type)) + pages.flat().map(line).join(''),
    });
    if (explained(sql) !== null) return send(clickhousePlan(sql));
    if (sql.includes('system.tables')) {
      const given = ['param_p1', 'param_p2'].map((name) => query.get(name)?.replaceAll('\\\\', '\\'));
      const found = await small?.catalogue(clickhouseForm.types, given);
      const rows = (found ?? catalogue(['Int32', 'Nullable(Decimal(9, 2))'])).map((row) =>
        row.map((cell) => (typeof cell === 'boolean' ? Number(cell) : cell)),
      );
      const types = ['String', 'String', 'String', 'Nullable(Float64)', 'String', 'String', 'UInt8'];
      return send({ columns: types.map((type, i) => [`c${i}`, type]), pages: [rows] });
    }
    if (sql.includes('types'))
      return send({
        columns: clickhouseTypes.map(([name, type]) => [name, type]),
        pages: [[clickhouseTypes.map(([, , value]) => value)]],
      });
    if (sql.includes('parameters')) {
      const given = [...query].filter(([name]) => name.startsWith('param_'));
      return send({ columns: given.map(([name]) => [name, 'String']), pages: [[given.map(([, value]) => value)]] });
    }
    const result = small && sql.includes(' FROM ') ? await small.answer(sql, clickhouseForm) : null;
    if (result && 'refused' in result) return refusal(400, `Code: 62. DB::Exception: ${result.refused} (SYNTAX_ERROR)`);
    return send(result ?? numbers(sql, 'Int64', String));
  }, tls);
}

const trinoTypes: [column: Json, value: unknown][] = [
  [{ name: 'flag', type: 'boolean' }, true],
  [{ name: 'small', type: 'integer' }, 7],
  [{ name: 'big', type: 'bigint' }, 'BIG'],
  [{ name: 'amount', type: 'decimal(9,2)' }, '1.50'],
  [{ name: 'ratio', type: 'double' }, 'NaN'],
  [{ name: 'name', type: 'varchar(9)' }, 'héllo'],
  [{ name: 'day', type: 'date' }, '2024-02-29'],
  [{ name: 'clock', type: 'time(3)' }, '12:34:56.500'],
  [{ name: 'at', type: 'timestamp(3)' }, '2024-02-29 12:00:00.250'],
  [{ name: 'zoned', type: 'timestamp(3) with time zone' }, '2024-07-01 12:00:00.000 Europe/Berlin'],
  [{ name: 'raw', type: 'varbinary' }, 'qrs='],
  [
    {
      name: 'row',
      type: 'row(a bigint, b array(decimal(3,1)))',
      typeSignature: {
        rawType: 'row',
        arguments: [
          {
            kind: 'NAMED_TYPE',
            value: { fieldName: { name: 'a' }, typeSignature: { rawType: 'bigint', arguments: [] } },
          },
          {
            kind: 'NAMED_TYPE',
            value: {
              fieldName: { name: 'b' },
              typeSignature: {
                rawType: 'array',
                arguments: [{ kind: 'TYPE', value: { rawType: 'decimal', arguments: [] } }],
              },
            },
          },
        ],
      },
    },
    [1, ['2.5', null]],
  ],
  [{ name: 'none', type: 'unknown' }, null],
];

const trinoForm: SmallForm = {
  types: { whole: 'bigint', ratio: 'double', text: 'varchar' },
  cell: (text, kind) => (kind === 'text' || !Number.isFinite(Number(text)) ? text : Number(text)),
};

/** Trino: user `reader` with a password over Basic; statements with values must come as EXECUTE IMMEDIATE. */
export async function startTrino(password: string, small?: SmallDatabase): Promise<EngineServer> {
  const results = new Map<string, { sql: string; result: Result }>();
  return serve(async ({ method, path, headers, text }, server) => {
    const basic = `Basic ${Buffer.from(`reader:${password}`).toString('base64')}`;
    if (headers.authorization !== basic || headers['x-trino-user'] !== 'reader')
      return { status: 401, text: 'Unauthorized' };
    const error = (errorName: string, message: string): Json => ({
      errorName,
      message,
      errorCode: 1,
      errorType: 'USER_ERROR',
    });
    const [, id = '', page = ''] = /^\/v1\/statement\/executing\/(q\d+)\/s\/(\d+)$/.exec(path) ?? [];
    const nextUri = (name: string, n: number): string => `${server.url}/v1/statement/executing/${name}/s/${n}`;
    if (method === 'DELETE') {
      server.stopped.push(id);
      return { status: 204, text: '' };
    }
    if (method === 'POST') {
      if (
        headers['x-trino-catalog'] !== 'hive' ||
        !/^query_max_run_time=\d+s(?:,query_max_scan_physical_bytes=\d+B)?$/.test(String(headers['x-trino-session']))
      )
        return { status: 400, text: 'bad' };
      const name = `q${results.size}`;
      const plan = explained(text);
      const [, quoted, using = ''] = /^EXECUTE IMMEDIATE '((?:[^']|'')*)' USING ([^]*)$/.exec(plan ?? text) ?? [];
      const sql = quoted === undefined ? (plan ?? text) : quoted.replaceAll("''", "'");
      if (actOf(sql) === 'redirect') return redirect;
      if (actOf(sql) === 'silly') return { text: '<html>' };
      if (actOf(sql) === 'busy') return { status: 429, text: 'later' };
      if (actOf(sql) === 'elsewhere')
        return { json: { id: name, nextUri: 'http://169.254.169.254/v1/statement/x', stats: {} } };
      let result = numbers(sql, 'bigint', (n) => n);
      if (sql.includes('information_schema')) {
        const types = ['varchar', 'varchar', 'varchar', 'double', 'varchar', 'varchar', 'boolean'];
        const found = await small?.catalogue(trinoForm.types, literalsOf(using));
        const pages = [found ?? catalogue(['integer', 'decimal(9,2)'])];
        result = { columns: types.map((type, i) => [`c${i}`, type]), pages };
      } else if (small && sql.includes(' FROM ')) {
        const answer = await small.answer(sql, trinoForm);
        if ('refused' in answer) return { json: { id: name, error: error('SYNTAX_ERROR', answer.refused), stats: {} } };
        result = answer;
      }
      if (sql.includes('parameters'))
        result = {
          columns: [
            ['sql', 'varchar'],
            ['using', 'varchar'],
          ],
          pages: [[[sql, using]]],
        };
      if (plan !== null) result = { columns: [['Query Plan', 'varchar']], pages: [[[trinoPlan(sql)]]] };
      results.set(name, { sql, result });
      return { json: { id: name, nextUri: nextUri(name, 0), stats: { state: 'QUEUED' } } };
    }
    const known = results.get(id);
    if (!known) return { status: 404, text: 'gone' };
    const { sql, result } = known;
    const n = Number(page);
    const act = actOf(sql);
    const next = { id, nextUri: nextUri(id, n + 1), stats: { state: 'RUNNING' } };
    const column = { name: 'n', type: 'bigint' };
    if (server.stopped.includes(id))
      return { json: { id, error: error('USER_CANCELED', 'Query was canceled'), stats: {} } };
    if (act === 'slow') return { json: next };
    const most = Number(/physical_bytes=(\d+)B/.exec(String(headers['x-trino-session']))?.[1] ?? Infinity);
    if (sql.includes('dear') && most < 5_000_000)
      return { json: { id, error: error('EXCEEDED_SCAN_LIMIT', 'Exceeded scan limit of 1MB'), stats: {} } };
    // Values go around what is explained, never into it.
    if (explained(sql) !== null)
      return { json: { id, error: error('INVALID_PARAMETER_USAGE', 'Incorrect number of parameters'), stats: {} } };
    if (act === 'broken')
      return {
        json: { id, error: error('SYNTAX_ERROR', `line 1:1 at ${password} on 127.0.0.1 in /etc/trino/x`), stats: {} },
      };
    if (act === 'width') return { json: { id, columns: [column], data: [[1, 2]], stats: {} } };
    if (act === 'endless') return { json: { ...next, columns: [column], data: [[7]] } };
    if (act === 'huge') return { json: { ...next, columns: [{ name: 'n', type: 'varchar' }], data: [[hugeText]] } };
    if (sql.includes('types')) {
      const body = JSON.stringify({
        id,
        columns: trinoTypes.map(([one]) => one),
        data: [trinoTypes.map(([, value]) => value)],
        stats: {},
      });
      return { text: body.replace('"BIG"', '9007199254740993') };
    }
    if (n === 0) return { json: next };
    if (n === 1 && !sql.includes('retried')) {
      known.sql += ' retried';
      return { status: 503, text: 'later' };
    }
    const columns = result.columns.map(([name, type]) => ({ name, type }));
    const isLast = n >= result.pages.length;
    return { json: { ...(isLast ? { id, stats: {} } : next), columns, data: result.pages[n - 1] } };
  });
}

const databricksTypes: [name: string, type: string, value: string | null][] = [
  ['flag', 'BOOLEAN', 'true'],
  ['small', 'INT', '7'],
  ['big', 'BIGINT', '9007199254740993'],
  ['amount', 'DECIMAL(9,2)', '1.50'],
  ['ratio', 'DOUBLE', 'NaN'],
  ['name', 'STRING', 'héllo'],
  ['day', 'DATE', '2024-02-29'],
  ['at', 'TIMESTAMP', '2024-02-29T12:00:00.250Z'],
  ['local', 'TIMESTAMP_NTZ', '2024-02-29T12:00:00.000'],
  ['raw', 'BINARY', 'qrs='],
  ['tags', 'ARRAY<STRING>', '["a","b"]'],
  ['none', 'VOID', null],
];

const databricksForm: SmallForm = {
  types: { whole: 'BIGINT', ratio: 'DOUBLE', text: 'STRING' },
  cell: (text) => text,
};

/** Databricks: a token, the warehouse `wh1`; results in chunks. */
export async function startDatabricks(token: string, small?: SmallDatabase): Promise<EngineServer> {
  const statements: { json: Json; polls: number; result?: Result }[] = [];
  return serve(async ({ method, path, headers, json }, server) => {
    if (headers.authorization !== `Bearer ${token}`)
      return { status: 403, json: { error_code: 403, message: 'Invalid access token.' } };
    if (method === 'POST' && path === '/api/2.0/sql/statements') {
      if (json['warehouse_id'] !== 'wh1')
        return { status: 404, json: { error_code: 'NOT_FOUND', message: 'No such warehouse.' } };
      if (json['disposition'] !== 'INLINE' || json['format'] !== 'JSON_ARRAY' || !json['row_limit'])
        return { status: 400, json: { message: 'bad' } };
      const act = actOf(String(json['statement']));
      if (act === 'redirect') return redirect;
      if (act === 'silly') return { text: '<html>' };
      if (act === 'busy') return { status: 429, json: { error_code: 'REQUEST_LIMIT_EXCEEDED', message: 'slow down' } };
      statements.push({ json, polls: 0 });
      return { json: { statement_id: `s-${statements.length - 1}`, status: { state: 'PENDING' } } };
    }
    const [, index = '', rest = ''] = /^\/api\/2\.0\/sql\/statements\/s-(\d+)(.*)$/.exec(path) ?? [];
    const known = statements[Number(index)];
    if (!known) return { status: 404, json: { message: 'gone' } };
    const id = `s-${index}`;
    if (rest === '/cancel') {
      server.stopped.push(id);
      return { json: {} };
    }
    const sql = String(known.json['statement']);
    const act = actOf(sql);
    known.polls++;
    if (act === 'slow' || known.polls === 1) return { json: { statement_id: id, status: { state: 'RUNNING' } } };
    const failed = (message: string): Reply => ({
      json: { statement_id: id, status: { state: 'FAILED', error: { error_code: 'BAD_REQUEST', message } } },
    });
    if (act === 'broken') return failed(`[PARSE] near ${token} at 127.0.0.1 in /dbfs/x/y`);
    let result = known.result ?? numbers(sql, 'BIGINT', String);
    if (small && !known.result && sql.includes(' FROM ') && !sql.includes('information_schema')) {
      const answer = await small.answer(sql, databricksForm);
      if ('refused' in answer) return failed(`[PARSE_SYNTAX_ERROR] ${answer.refused}`);
      result = known.result = answer;
    }
    if (sql.includes('types'))
      result = {
        columns: databricksTypes.map(([name, type]) => [name, type]),
        pages: [[databricksTypes.map(([, , value]) => value)]],
      };
    if (sql.includes('information_schema')) {
      const types = ['STRING', 'STRING', 'STRING', 'DOUBLE', 'STRING', 'STRING', 'BOOLEAN'];
      const given = ((known.json['parameters'] ?? []) as Json[]).map(({ value }) => value);
      const found = await small?.catalogue(databricksForm.types, given);
      const rows = (found ?? catalogue(['INT', 'DECIMAL(9,2)'])).map((row) =>
        row.map((cell) => (cell === null ? null : String(cell))),
      );
      result = { columns: types.map((type, i) => [`c${i}`, type]), pages: [rows] };
    }
    if (explained(sql) !== null) result = databricksPlan(sql);
    if (sql.includes('plan_unbound')) {
      return failed('[UNBOUND_SQL_PARAMETER] Found the unbound parameter: p1. SQLSTATE: 42P02');
    }
    if (sql.includes('parameters'))
      result = { columns: [['given', 'STRING']], pages: [[[JSON.stringify(known.json['parameters'])]]] };
    if (act === 'width') result = { columns: [['n', 'BIGINT']], pages: [[['1', '2']]] };
    if (act === 'huge') result = { columns: [['n', 'STRING']], pages: [[[hugeText]]] };
    const part = Number(/^\/result\/chunks\/(\d+)$/.exec(rest)?.[1] ?? 0);
    const isEndless = act === 'endless';
    const chunk = {
      chunk_index: part,
      data_array: isEndless ? [['7']] : result.pages[part],
      ...(isEndless || part + 1 < result.pages.length
        ? { next_chunk_index: part + 1, next_chunk_internal_link: 'http://169.254.169.254/' }
        : {}),
    };
    if (rest !== '') return { json: chunk };
    const columns = result.columns.map(([name, type], position) => ({
      name,
      type_text: type,
      type_name: type,
      position,
    }));
    const isCut = sql.includes('cut');
    const manifest = {
      format: 'JSON_ARRAY',
      schema: { columns },
      truncated: isCut,
      total_row_count: isCut ? 1 : undefined,
    };
    return { json: { statement_id: id, status: { state: 'SUCCEEDED' }, manifest, result: chunk } };
  });
}
