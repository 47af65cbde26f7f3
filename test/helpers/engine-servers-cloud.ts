/** BigQuery, Snowflake and Athena in small: as `engine-servers.ts`, with signatures that are verified. */
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { importSPKI, jwtVerify } from 'jose';
import { explained, snowflakePlan, trinoPlan } from './engine-plans.ts';
import { actOf, catalogue, hugeText, numbers, redirect, serve } from './engine-servers.ts';
import type { EngineServer, Json, Reply, Result } from './engine-servers.ts';
import { literalsOf, type SmallDatabase, type SmallForm } from './small-database.ts';

/** A key pair in PEM, made anew for each run. */
export const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const publicKey = await importSPKI(keys.publicKey, 'RS256');

const bigqueryTypes: [field: Json, value: unknown][] = [
  [{ name: 'flag', type: 'BOOLEAN' }, 'true'],
  [{ name: 'big', type: 'INTEGER' }, '9007199254740993'],
  [{ name: 'amount', type: 'NUMERIC' }, '1.50'],
  [{ name: 'ratio', type: 'FLOAT' }, 'NaN'],
  [{ name: 'name', type: 'STRING' }, 'héllo'],
  [{ name: 'day', type: 'DATE' }, '2024-02-29'],
  [{ name: 'clock', type: 'TIME' }, '12:34:56.500000'],
  [{ name: 'local', type: 'DATETIME' }, '2024-02-29T12:00:00.25'],
  [{ name: 'at', type: 'TIMESTAMP' }, '1709208000250000'],
  [{ name: 'raw', type: 'BYTES' }, 'qrs='],
  [{ name: 'doc', type: 'JSON' }, '{"a":[1,null]}'],
  [{ name: 'tags', type: 'INTEGER', mode: 'REPEATED' }, [{ v: '1' }, { v: null }]],
  [
    {
      name: 'row',
      type: 'RECORD',
      fields: [
        { name: 'a', type: 'INTEGER' },
        { name: 'b', type: 'TIMESTAMP', mode: 'REPEATED' },
      ],
    },
    { f: [{ v: '1' }, { v: [{ v: '0' }] }] },
  ],
  [{ name: 'none', type: 'STRING' }, null],
];

const asText = (value: string): string => value;
const bigqueryForm: SmallForm = { types: { whole: 'INTEGER', ratio: 'FLOAT', text: 'STRING' }, cell: asText };
const bigqueryNames = { whole: 'INT64', ratio: 'FLOAT64', text: 'STRING' };

/** BigQuery of the project `shop-project`, its token endpoint beside it; only what begins with SELECT is one. */
export async function startBigquery(small?: SmallDatabase): Promise<EngineServer> {
  const jobs: { sql: string; body: Json; polls: number; result?: Result }[] = [];
  const token = 'ya29.access-token-of-the-gateway';
  const failed = (status: number, reason: string, message: string): Reply => ({
    status,
    json: { error: { code: status, message, errors: [{ reason, message }] } },
  });
  return serve(async ({ method, path, query, headers, json, text }, server) => {
    if (path === '/token') {
      const form = new URLSearchParams(text);
      try {
        const rules = {
          algorithms: ['RS256'],
          audience: `${server.url}/token`,
          issuer: 'reader@shop-project.iam.gserviceaccount.com',
          requiredClaims: ['exp', 'iat', 'scope'],
        };
        const { payload, protectedHeader } = await jwtVerify(form.get('assertion') ?? '', publicKey, rules);
        const isFine = protectedHeader.kid === 'key-1' && Number(payload.exp) - Number(payload.iat) <= 3600;
        if (!isFine || form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') throw new Error('bad');
      } catch {
        return { status: 400, json: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } };
      }
      return { json: { access_token: token, expires_in: 3599, token_type: 'Bearer' } };
    }
    if (headers.authorization !== `Bearer ${token}`) return failed(401, 'authError', 'Invalid Credentials');
    const base = '/bigquery/v2/projects/shop-project';
    if (path === `${base}/jobs`) {
      const plan = ((json['configuration'] as Json)['query'] as Json) ?? {};
      const sql = String(plan['query']);
      if ((json['configuration'] as Json)['dryRun'] !== true) return failed(400, 'invalid', 'dryRun expected');
      if (actOf(sql) === 'redirect') return redirect;
      if (actOf(sql) === 'silly') return { text: '<html>' };
      if (actOf(sql) === 'busy') return failed(403, 'rateLimitExceeded', 'Exceeded rate limits');
      if (actOf(sql) === 'broken')
        return failed(400, 'invalidQuery', `Syntax error near ${token} at 127.0.0.1 in /google/x/y`);
      const statementType = /^\s*(?:SELECT|WITH)/i.test(sql) ? 'SELECT' : 'INSERT';
      return {
        json: {
          statistics: { query: { statementType, totalBytesProcessed: sql.includes('dear') ? '5000000' : '10' } },
        },
      };
    }
    const stopped = new RegExp(`^${base}/jobs/(job_\\d+)/cancel$`).exec(path)?.[1];
    if (stopped) {
      server.stopped.push(stopped);
      return { json: {} };
    }
    let index = Number(new RegExp(`^${base}/queries/job_(\\d+)$`).exec(path)?.[1] ?? -1);
    if (method === 'POST' && path === `${base}/queries`) {
      if (json['useLegacySql'] !== false || !json['jobTimeoutMs'] || json['maximumBytesBilled'] !== '1000000')
        return failed(400, 'invalid', 'bounds expected');
      index = jobs.push({ sql: String(json['query']), body: json, polls: 0 }) - 1;
    }
    const job = jobs[index];
    if (!job) return failed(404, 'notFound', 'Not found: Job');
    const { sql, body } = job;
    const act = actOf(sql);
    const jobReference = { projectId: 'shop-project', jobId: `job_${index}`, location: 'EU' };
    if (method === 'GET' && query.get('location') !== 'EU') return failed(404, 'notFound', 'Not found: Job');
    if (act === 'slow' || job.polls++ === 0) return { json: { jobReference, jobComplete: false } };
    const row = (cells: unknown[]): Json => ({ f: cells.map((v) => ({ v })) });
    let result: Result & { fields?: Json[] } = job.result ?? numbers(sql, 'INTEGER', String);
    if (small && !job.result && sql.includes(' FROM ') && !sql.includes('INFORMATION_SCHEMA')) {
      const answer = await small.answer(sql, bigqueryForm);
      if ('refused' in answer) return failed(400, 'invalidQuery', answer.refused);
      result = job.result = answer;
    }
    if (sql.includes('types'))
      result = {
        columns: [],
        fields: bigqueryTypes.map(([field]) => field),
        pages: [[bigqueryTypes.map(([, value]) => value)]],
      };
    if (sql.includes('INFORMATION_SCHEMA')) {
      const types = ['STRING', 'STRING', 'STRING', 'FLOAT', 'STRING', 'STRING', 'BOOLEAN'];
      const given = ((body['queryParameters'] ?? []) as Json[]).map(
        ({ parameterValue }) => (parameterValue as Json)['value'],
      );
      const found = await small?.catalogue(bigqueryNames, given);
      // It does not tell how many rows there are.
      const rows = (found?.map((row) => row.with(3, null)) ?? catalogue(['INT64', 'NUMERIC(9, 2)'])).map((cells) =>
        cells.map((cell) => (cell === null ? null : String(cell))),
      );
      result = { columns: types.map((type, i) => [`c${i}`, type]), pages: [rows] };
    }
    if (sql.includes('parameters'))
      result = { columns: [['given', 'STRING']], pages: [[[JSON.stringify(body['queryParameters'])]]] };
    if (act === 'width') result = { columns: [['n', 'INTEGER']], pages: [[['1', '2']]] };
    if (act === 'huge') result = { columns: [['n', 'STRING']], pages: [[[hugeText]]] };
    const fields = result.fields ?? result.columns.map(([name, type]) => ({ name, type, mode: 'NULLABLE' }));
    const page = Number(query.get('pageToken') ?? 0);
    const isEndless = act === 'endless';
    const rows = isEndless ? [row(['7'])] : (result.pages[page] ?? []).map(row);
    const more = isEndless || page + 1 < result.pages.length ? { pageToken: String(page + 1) } : {};
    return { json: { jobReference, jobComplete: true, schema: { fields }, rows, ...more } };
  });
}

const snowflakeTypes: [column: Json, value: string | null][] = [
  [{ name: 'FLAG', type: 'boolean' }, 'true'],
  [{ name: 'SMALL', type: 'fixed', precision: 9, scale: 0 }, '7'],
  [{ name: 'BIG', type: 'fixed', precision: 38, scale: 0 }, '9007199254740993'],
  [{ name: 'AMOUNT', type: 'fixed', precision: 9, scale: 2 }, '1.50'],
  [{ name: 'RATIO', type: 'real' }, 'NaN'],
  [{ name: 'NAME', type: 'text' }, 'héllo'],
  [{ name: 'DAY', type: 'date' }, '19782'],
  [{ name: 'CLOCK', type: 'time' }, '45296.500000000'],
  [{ name: 'LOCAL', type: 'timestamp_ntz' }, '1709208000.250000000'],
  [{ name: 'AT', type: 'timestamp_tz' }, '1709208000.000000000 1560'],
  [{ name: 'EARLY', type: 'timestamp_ltz' }, '-0.750000000'],
  [{ name: 'RAW', type: 'binary' }, 'AABB'],
  [{ name: 'DOC', type: 'variant' }, '{"a":[1,null]}'],
  [{ name: 'NONE', type: 'text' }, null],
];

const snowflakeForm: SmallForm = { types: { whole: 'fixed', ratio: 'real', text: 'text' }, cell: asText };
const snowflakeNames = { whole: 'NUMBER(38,0)', ratio: 'FLOAT', text: 'TEXT' };

/** Snowflake's account `myorg-shop`: user `READER` with the key of this run, or a programmatic token. */
export async function startSnowflake(token: string, small?: SmallDatabase): Promise<EngineServer> {
  const statements: { body: Json; polls: number; result?: Result }[] = [];
  const print = `SHA256:${createHash('sha256')
    .update(Buffer.from(keys.publicKey.replace(/-----[^-]+-----|\s/g, ''), 'base64'))
    .digest('base64')}`;
  return serve(async ({ method, path, query, headers, json }, server) => {
    const given = headers.authorization?.replace('Bearer ', '') ?? '';
    const kind = headers['x-snowflake-authorization-token-type'];
    try {
      if (kind === 'KEYPAIR_JWT') {
        const { payload } = await jwtVerify(given, publicKey, {
          algorithms: ['RS256'],
          issuer: `MYORG-SHOP.READER.${print}`,
          subject: 'MYORG-SHOP.READER',
          requiredClaims: ['exp', 'iat'],
        });
        if (Number(payload.exp) - Number(payload.iat) > 3600) throw new Error('too long');
      } else if (kind !== 'PROGRAMMATIC_ACCESS_TOKEN' || given !== token) throw new Error('unknown');
    } catch {
      return { status: 401, json: { code: '390144', message: `JWT token is invalid. [${given}]` } };
    }
    if (method === 'POST' && path === '/api/v2/statements') {
      const parameters = json['parameters'] as Json;
      if (
        query.get('async') !== 'true' ||
        !/^[\da-f-]{36}$/.test(query.get('requestId') ?? '') ||
        parameters['MULTI_STATEMENT_COUNT'] !== '1'
      ) {
        return { status: 400, json: { code: '1', message: 'bad request' } };
      }
      if (json['warehouse'] !== 'WH' || !json['timeout'])
        return { status: 422, json: { code: '000606', message: 'No active warehouse selected.' } };
      const act = actOf(String(json['statement']));
      if (act === 'redirect') return redirect;
      if (act === 'silly') return { text: '<html>' };
      if (act === 'busy') return { status: 429, json: { code: '391902', message: 'too many' } };
      const index = statements.push({ body: json, polls: 0 }) - 1;
      return {
        status: 202,
        json: { code: '333334', statementHandle: `01b-${index}`, statementStatusUrl: 'http://169.254.169.254/' },
      };
    }
    const [, index = '', rest = ''] = /^\/api\/v2\/statements\/01b-(\d+)(.*)$/.exec(path) ?? [];
    const known = statements[Number(index)];
    if (!known) return { status: 404, json: { code: '1', message: 'gone' } };
    const handle = `01b-${index}`;
    if (rest === '/cancel') {
      server.stopped.push(handle);
      return { json: { statementHandle: handle } };
    }
    const sql = String(known.body['statement']);
    const act = actOf(sql);
    if (act === 'slow' || known.polls++ === 0)
      return { status: 202, json: { code: '333334', statementHandle: handle } };
    const failed = (message: string): Reply => ({
      status: 422,
      json: { code: '001003', sqlState: '42000', message: `SQL compilation error ${message}` },
    });
    if (act === 'broken') return failed(`near ${given} at 127.0.0.1 in /snow/x/y`);
    let result: Result & { rowType?: Json[] } = known.result ?? numbers(sql, 'fixed', String);
    if (small && !known.result && sql.includes(' FROM ') && !sql.includes('information_schema')) {
      const answer = await small.answer(sql, snowflakeForm);
      if ('refused' in answer) return failed(answer.refused);
      result = known.result = answer;
    }
    if (sql.includes('types'))
      result = {
        columns: [],
        rowType: snowflakeTypes.map(([column]) => column),
        pages: [[snowflakeTypes.map(([, value]) => value)]],
      };
    if (sql.includes('information_schema')) {
      const types = ['text', 'text', 'text', 'real', 'text', 'text', 'boolean'];
      const bound = Object.values((known.body['bindings'] ?? {}) as Record<string, Json>).map(({ value }) => value);
      const found = await small?.catalogue(snowflakeNames, bound);
      const rows = (found ?? catalogue(['NUMBER(9,0)', 'NUMBER(9,2)'])).map((row) =>
        row.map((cell) => (cell === null ? null : String(cell))),
      );
      result = { columns: types.map((type, i) => [`C${i}`, type]), pages: [rows] };
    }
    if (explained(sql) !== null) result = snowflakePlan(sql);
    if (sql.includes('parameters'))
      result = { columns: [['given', 'text']], pages: [[[JSON.stringify(known.body['bindings'])]]] };
    if (act === 'width') result = { columns: [['N', 'fixed']], pages: [[['1', '2']]] };
    if (act === 'huge') result = { columns: [['N', 'text']], pages: [[[hugeText]]] };
    const rowType = result.rowType ?? result.columns.map(([name, type]) => ({ name, type, precision: 38, scale: 0 }));
    const part = Number(query.get('partition') ?? 0);
    const data = act === 'endless' ? [['7']] : result.pages[part];
    const parts = act === 'endless' ? 100_000 : result.pages.length;
    const resultSetMetaData = { rowType, partitionInfo: Array.from({ length: parts }, () => ({ rowCount: 1 })) };
    // As the real one, later parts come packed.
    if (part > 0) return { text: gzipSync(JSON.stringify({ data })), headers: { 'content-encoding': 'gzip' } };
    return { json: { code: '090001', statementHandle: handle, resultSetMetaData, data } };
  });
}

const athenaTypes: [name: string, type: string, value: string | null][] = [
  ['flag', 'boolean', 'true'],
  ['small', 'integer', '7'],
  ['big', 'bigint', '9007199254740993'],
  ['amount', 'decimal', '1.50'],
  ['ratio', 'double', 'NaN'],
  ['name', 'varchar', 'héllo'],
  ['day', 'date', '2024-02-29'],
  ['at', 'timestamp', '2024-02-29 12:00:00.250'],
  ['zoned', 'timestamp with time zone', '2024-02-29 12:00:00.000 UTC'],
  ['raw', 'varbinary', 'aa bb'],
  ['tags', 'array', '[a, b]'],
  ['doc', 'json', '{"a":1}'],
  ['none', 'varchar', null],
];

function kindOf(sql: string): string {
  if (explained(sql) !== null) return 'UTILITY';
  return sql.includes('CREATE') ? 'DDL' : 'DML';
}

const athenaForm: SmallForm = { types: { whole: 'bigint', ratio: 'double', text: 'varchar' }, cell: asText };

/** Athena in eu-central-1: the key `AKIDEXAMPLE123456`; every request's signature is worked out anew. */
export async function startAthena(secret: string, small?: SmallDatabase): Promise<EngineServer> {
  const executions: { body: Json; polls: number; result?: Result; refused?: string }[] = [];
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const failed = (type: string, message: string): Reply => ({ status: 400, json: { __type: type, message } });
  return serve(async ({ headers, json, text }, server) => {
    const [, day = '', signed = '', signature = ''] =
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE123456\/(\d{8})\/eu-central-1\/athena\/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w{64})$/.exec(
        headers.authorization ?? '',
      ) ?? [];
    const lines = signed.split(';').map((name) => `${name}:${String(headers[name])}\n`);
    const canonical = `POST\n/\n\n${lines.join('')}\n${signed}\n${digest(text)}`;
    const toSign = `AWS4-HMAC-SHA256\n${String(headers['x-amz-date'])}\n${day}/eu-central-1/athena/aws4_request\n${digest(canonical)}`;
    const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), 'eu-central-1'), 'athena'), 'aws4_request');
    const isSigned = signed.includes('host') && signed.includes('x-amz-date') && signed.includes('x-amz-target');
    if (!isSigned || hmac(key, toSign).toString('hex') !== signature)
      return failed('InvalidSignatureException', `The signature of ${canonical} does not match.`);
    const action = String(headers['x-amz-target']).replace('AmazonAthena.', '');
    if (action === 'StartQueryExecution') {
      const act = actOf(String(json['QueryString']));
      if (explained(String(json['QueryString'])) !== null && json['ExecutionParameters'])
        return failed('InvalidRequestException', 'Parameters are for SELECT, INSERT INTO, CTAS and UNLOAD.');
      if (act === 'redirect') return redirect;
      if (act === 'silly') return { text: '<html>' };
      if (act === 'busy') return failed('com.amazon#TooManyRequestsException', 'Rate exceeded');
      const sql = String(json['QueryString']);
      const isOwn = small && sql.includes(' FROM ') && !sql.includes('information_schema');
      const answer = isOwn ? await small.answer(sql, athenaForm) : null;
      const answered = answer && ('refused' in answer ? answer : { result: answer });
      return { json: { QueryExecutionId: `q-${executions.push({ body: json, polls: 0, ...answered }) - 1}` } };
    }
    const id = String(json['QueryExecutionId']);
    const known = executions[Number(id.slice(2))];
    if (!known) return failed('InvalidRequestException', 'QueryExecution was not found');
    const sql = String(known.body['QueryString']);
    const act = actOf(sql);
    if (action === 'StopQueryExecution') {
      server.stopped.push(id);
      return { json: {} };
    }
    if (action === 'GetQueryExecution') {
      const isRunning = act === 'slow' || known.polls++ === 0 || sql.includes('dear');
      const Statistics = { DataScannedInBytes: sql.includes('dear') ? known.polls * 400_000 : 0 };
      const Status =
        act === 'broken'
          ? { State: 'FAILED', StateChangeReason: `SYNTAX_ERROR near ${secret} at 127.0.0.1 in /aws/x/y` }
          : known.refused
            ? { State: 'FAILED', StateChangeReason: `SYNTAX_ERROR: ${known.refused}` }
            : { State: isRunning ? 'RUNNING' : 'SUCCEEDED' };
      return {
        json: {
          QueryExecution: { QueryExecutionId: id, Status, Statistics, StatementType: kindOf(sql) },
        },
      };
    }
    let result = known.result ?? numbers(sql, 'bigint', String);
    if (sql.includes('types'))
      result = {
        columns: athenaTypes.map(([name, type]) => [name, type]),
        pages: [[athenaTypes.map(([, , value]) => value)]],
      };
    if (sql.includes('information_schema')) {
      const types = ['varchar', 'varchar', 'varchar', 'double', 'varchar', 'varchar', 'boolean'];
      const given = literalsOf(((known.body['ExecutionParameters'] ?? []) as string[]).join(', '));
      const found = await small?.catalogue(athenaForm.types, given);
      const rows = (found ?? catalogue(['integer', 'decimal(9,2)'])).map((row) =>
        row.map((cell) => (cell === null ? null : String(cell))),
      );
      result = { columns: types.map((type, i) => [`c${i}`, type]), pages: [rows] };
    }
    if (sql.includes('parameters'))
      result = { columns: [['given', 'varchar']], pages: [[[JSON.stringify(known.body['ExecutionParameters'])]]] };
    if (explained(sql) !== null) {
      // A row a line, with the name of the column before them or not.
      const lines = [...(sql.includes('plan_headed') ? ['Query Plan'] : []), ...trinoPlan(sql).split('\n')];
      const Rows = lines.map((line) => ({ Data: [{ VarCharValue: line }] }));
      return {
        json: { ResultSet: { Rows, ResultSetMetadata: { ColumnInfo: [{ Name: 'Query Plan', Type: 'varchar' }] } } },
      };
    }
    if (act === 'width') result = { columns: [['n', 'bigint']], pages: [[['1', '2']]] };
    if (act === 'huge') result = { columns: [['n', 'varchar']], pages: [[[hugeText]]] };
    const page = Number(json['NextToken'] ?? 0);
    const isEndless = act === 'endless';
    const header = page === 0 ? [result.columns.map(([name]) => name)] : [];
    const body = isEndless ? [['7']] : (result.pages[page] ?? []);
    const Rows = [...header, ...body].map((row) => ({
      Data: row.map((cell) => (cell === null ? {} : { VarCharValue: cell })),
    }));
    const ColumnInfo = result.columns.map(([Name, Type]) => ({ Name, Type, Precision: 9, Scale: 2 }));
    const more = isEndless || page + 1 < result.pages.length ? { NextToken: String(page + 1) } : {};
    return { json: { ResultSet: { Rows, ResultSetMetadata: { ColumnInfo } }, ...more } };
  });
}
