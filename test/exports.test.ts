import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exportDirectory } from '../src/exports/storage.ts';
import { failExport, workOnExport } from '../src/exports/work.ts';
import { startExports, sweepExports } from '../src/exports/worker.ts';
import { derivedKey } from '../src/http/standard-webhooks.ts';
import type { Connection, Endpoint } from '../src/generated/prisma/client.ts';
import { balance, codes, duckdbFile, entriesOf, ledger, mutate } from './assets.fixtures.ts';
import { parseGlobalId } from '../src/ids.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let seller: Tenant;
let buyer: Tenant;
let other: Tenant;
let source: Connection;
let file: string;

const ROWS = 50_000;
const FIELDS = `export { id format status endpointId fileName downloadUrl maxRows rowsRead rowCount byteCount isTruncated rowsPerBlock blockCount
  creditsReserved credits errorCode errorMessage version isSpreadsheetSafe run { id kind status credits isBilled rowCount } }`;
const QUOTE = `query ($id: ID!, $maxRows: Int) { exportQuote(endpointId: $id, maxRows: $maxRows) { maxRows rowsPerBlock maxBlockCount creditsPerBlock maxCredits } }`;
const NODE = `query ($id: ID!) { node(id: $id) { ... on Export { ${FIELDS.slice('export { '.length, -2)} } } }`;

const SOURCE = `create table big as select i::integer as id,
  case i % 5 when 0 then null when 1 then '' when 2 then 'a "quoted", text' when 3 then e'two\\r\\nlines é ☃' else 'plain' end as city,
  (i * 0.37 - 500)::decimal(10, 2) as amount, case when i % 7 = 0 then null else i / 3.0::double end as ratio, date '2020-01-01' + i::integer as day,
  timestamp '2020-01-01 00:00:00.25' + to_seconds(i) as at, timestamptz '2020-01-01 00:00:00+00' + to_seconds(i) as seen, i % 2 = 0 as flag,
  9223372036854770000 + i % 5000 as wide, ('\\x00\\xFF' || chr(65 + (i % 20)::integer))::blob as raw, {'n': i, 't': 'x'}::json as doc, time '10:00:00' + to_seconds(i % 3600) as clock
  from range(1, ${ROWS + 1}) r(i)`;
const columnTypes = {
  id: 'INTEGER',
  city: 'STRING',
  amount: 'DECIMAL',
  ratio: 'FLOAT',
  day: 'DATE',
  at: 'TIMESTAMP',
  seen: 'TIMESTAMP',
  flag: 'BOOLEAN',
  wide: 'BIGINT',
  raw: 'BINARY',
  doc: 'JSON',
  clock: 'TIME',
};
const columns = Object.entries(columnTypes).map(([name, type]) => ({
  name,
  type,
  ...(name === 'id' ? { order: 'ASC' } : {}),
}));

const endpoint = async (more: Record<string, unknown> = {}, usd: string | null = '1.25'): Promise<Endpoint> => {
  const row = await t.world.endpoint(seller.company.id, source.id, {
    sourceTableName: 'big',
    endpointSchema: { columns },
    sellInMarketplace: true,
    exportEnabled: true,
    maxRecordsPerExport: 60_000,
    ...more,
  } as never);
  if (usd !== null) await t.world.price(seller.company.id, { endpointId: row.id }, usd);
  return row;
};
const order = (key: string | null, row: Endpoint, more: Record<string, unknown> = {}) =>
  mutate(t, key, 'endpointExport', { endpointId: gid('Endpoint', row), format: 'CSV', ...more }, FIELDS);
const read = async (key: string, id: string) => (await t.run(key, NODE, { id })).data.node;
let working: Promise<void> | undefined;
/** The worker of this process: not before a test wants it, and without the sweep of each hour. */
const work = (): Promise<void> => {
  vi.spyOn(t.app.jobs, 'every').mockResolvedValue();
  return (working ??= startExports(t.app));
};
const until = async (key: string, id: string, status: string, timeout = 100_000) => {
  await work();
  await expect.poll(async () => (await read(key, id)).status, { timeout, interval: 100 }).toBe(status);
  return read(key, id);
};
/** Orders an export and answers it once it is done. */
const done = async (key: string, row: Endpoint, more: Record<string, unknown> = {}, status = 'SUCCEEDED') => {
  const { export: made, userErrors } = await order(key, row, more);
  expect(userErrors).toEqual([]);
  return until(key, made.id, status);
};
const download = async (url: string, init: RequestInit = {}) => t.gateway.fetch(url, init);
const files = (): string[] => {
  const folder = exportDirectory(t.app.config);
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .map(String)
        .filter((name) => name !== 'work')
        .sort()
    : [];
};

async function sql(text: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run(`set timezone = 'UTC'; attach '${file}' as src (read_only)`);
    return (await connection.runAndReadAll(text)).getRowsJson() as unknown[][];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Rows of the source that the file lacks, and the other way round. */
async function difference(reader: string, selected = '*'): Promise<unknown[]> {
  const [row] = await sql(`with made as (select ${selected} from ${reader}), wanted as (select ${selected} from src.big)
    select (select count(*) from made), (select count(*) from (from made except from wanted)), (select count(*) from (from wanted except from made))`);
  return (row ?? []).map(Number);
}

/** A worker in a process of its own that reads two chunks of an export and then no more. */
function stuckWorker(): ChildProcess {
  // Were the promise nobody's, the collector would close the file under it, and the process would end by itself.
  const src = (name: string): string => JSON.stringify(new URL(`../src/${name}`, import.meta.url).href);
  const code = `const { openApp } = await import(${src('boot.ts')}); const { readConfig } = await import(${src('config.ts')});
    const { startExports } = await import(${src('exports/worker.ts')});
    const config = readConfig(); const app = await openApp(config, config.DATABASE_URL);
    const engine = app.engines.get('duckdb'); const { run } = engine;
    engine.run = async (...input) => {
      const { columns, chunks } = await run(...input);
      return { columns, chunks: (async function* () { let count = 0; for await (const chunk of chunks) { yield chunk; if (++count === 2) await new Promise((resolve) => { globalThis.stuck = resolve; }); } })() };
    };
    await startExports(app); process.stdout.write('ready');`;
  const { DATABASE_URL = '', DATA_DIR, SECRETS_KEY = '' } = t.app.config;
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '', DATABASE_URL, DATA_DIR, SECRETS_KEY, LOG_LEVEL: 'silent' },
  });
}

beforeAll(async () => {
  t = await testGateway();
  seller = await t.tenant({ handle: 'seller' });
  buyer = await t.tenant({ handle: 'buyer', credits: 10_000 });
  other = await t.tenant({ handle: 'other', credits: 1000 });
  file = path.join(t.warehouses, 'rows.duckdb');
  await duckdbFile(t, 'rows.duckdb', [
    SOURCE,
    `create table nasty as select * from (values (1, '=1+1', -5.5::decimal(4, 1)), (2, '+cmd', 1), (3, '-2+3', 2), (4, '@SUM(A1)', 3), (5, e'\\tx', 4), (6, e'\\rx', 5), (7, 'a=b', 6)) v(id, text, n)`,
    'create table none as select 1::integer as id where false',
    `create view wide as select (n * 7919) % 600000 as id, repeat('x', 1000) || n as note from range(600000) r(n)`,
    'create view slow as select count(*) as id from range(1000000000) a, range(1000) b where (a.range * b.range) % 7 = 3',
  ]);
  source = await t.world.connection(seller.company.id, { engineId: 57, settings: { path: file } });
});
afterAll(async () => {
  expect(await ledger(t)).toEqual([]);
  await t.close();
});

describe('exports work', () => {
  it('belong to the worker that took them up last: one that lost them and goes on changes nothing', async () => {
    const engine = t.app.engines.get('duckdb');
    const { run } = engine;
    const gates: (() => void)[] = [];
    engine.run = async (...input) => {
      const { columns: found, chunks } = await run(...input);
      const gate = new Promise<void>((resolve) => gates.push(resolve));
      async function* held() {
        yield* chunks;
        await gate;
      }
      return { columns: found, chunks: held() };
    };
    const before = await balance(t, buyer);
    const { export: made } = await order(buyer.keys.ANALYST, await endpoint());
    const exportId = parseGlobalId(made.id)?.key ?? '';
    const job = { data: { exportId }, isLastTry: true, signal: new AbortController().signal };
    const stored = () => t.app.database.prisma.export.findUniqueOrThrow({ where: { id: exportId } });
    const own = () => files().filter((name) => name.includes(exportId));

    try {
      const first = workOnExport(t.app, job);
      await expect.poll(() => gates.length).toBe(1);
      const second = workOnExport(t.app, job);
      await expect.poll(() => gates.length).toBe(2);
      gates[0]?.();
      await first;
      expect(await stored()).toMatchObject({ status: 'RUNNING', attempt: 2, fileKey: null });
      // The second begins its file, and takes that of the first away.
      await expect.poll(own).toEqual([`work/${exportId}.2.csv.part`]);
      expect(await balance(t, buyer)).toBe(before - 180);
      // Its file is whole and in its place when it learns that it is late.
      await t.app.database.query('update "Export" set attempt = 3 where id = $1', [exportId]);
      gates[1]?.();
      await second;
      expect(await stored()).toMatchObject({ status: 'RUNNING', attempt: 3, fileKey: null });
      expect(own()).toEqual([]);
      // Nor may it say that the export failed.
      await failExport(t.app, await stored(), { code: 'INTERNAL', message: 'Late.', isPassing: false }, 2);
      expect((await stored()).status).toBe('RUNNING');
      expect(await balance(t, buyer)).toBe(before - 180);
      const third = workOnExport(t.app, job);
      await expect.poll(() => gates.length).toBe(3);
      gates[2]?.();
      await third;
    } finally {
      engine.run = run;
      for (const open of gates) open();
    }
    expect(await stored()).toMatchObject({ status: 'SUCCEEDED', attempt: 4, fileKey: `${exportId}.4.csv` });
    expect(own()).toEqual([`${exportId}.4.csv`]);
    expect(await balance(t, buyer)).toBe(before - 150);
    // Whoever comes too late finds nothing to do.
    await workOnExport(t.app, job);
    expect((await stored()).attempt).toBe(4);
  });

  it('go on in another process where a worker was killed: begun anew, charged once, no half file under its name', async () => {
    const row = await endpoint();
    const before = await balance(t, buyer);
    const child = stuckWorker();
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const { export: made } = await order(buyer.keys.ANALYST, row);
    expect(made).toMatchObject({ status: 'QUEUED', creditsReserved: 180, credits: 0, downloadUrl: null });
    expect(await balance(t, buyer)).toBe(before - 180);
    await expect.poll(async () => (await read(buyer.keys.ANALYST, made.id)).rowsRead).toBeGreaterThan(0);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    const half = await read(buyer.keys.ANALYST, made.id);
    expect(half).toMatchObject({ status: 'RUNNING', downloadUrl: null, rowCount: null });
    expect(half.rowsRead).toBeLessThan(ROWS);
    const exportId = parseGlobalId(made.id)?.key ?? '';
    const own = () => files().filter((name) => name.includes(exportId));
    expect(own()).toEqual([`work/${exportId}.1.csv.part`]);

    const whole = await until(buyer.keys.ANALYST, made.id, 'SUCCEEDED');
    expect(whole).toMatchObject({ rowCount: ROWS, rowsRead: ROWS, blockCount: 50, credits: 150, isTruncated: false });
    expect(await balance(t, buyer)).toBe(before - 150);
    const { attempt, fileKey, runId } = await t.app.database.prisma.export.findUniqueOrThrow({
      where: { id: exportId },
    });
    expect(attempt).toBe(2);
    expect(own()).toEqual([fileKey]);
    expect((await entriesOf(t, runId)).filter((line) => line.startsWith('SETTLE BUYER'))).toEqual([
      'SETTLE BUYER_RESERVED buyer -150',
    ]);
  });

  it('say their price before, reserve all of it, charge the blocks there are and give the rest back', async () => {
    const row = await endpoint();
    const quote = await t.run(buyer.keys.ANALYST, QUOTE, { id: gid('Endpoint', row) });
    expect(quote.data.exportQuote).toEqual({
      maxRows: 60_000,
      rowsPerBlock: 1000,
      maxBlockCount: 60,
      creditsPerBlock: 3,
      maxCredits: 180,
    });
    const less = await t.run(buyer.keys.ANALYST, QUOTE, { id: gid('Endpoint', row), maxRows: 1001 });
    expect(less.data.exportQuote).toEqual({
      maxRows: 1001,
      rowsPerBlock: 1000,
      maxBlockCount: 2,
      creditsPerBlock: 3,
      maxCredits: 6,
    });
    const before = await balance(t, buyer);
    const made = await done(buyer.keys.ANALYST, row, { maxCredits: 180, format: 'JSONL' });
    expect(made).toMatchObject({
      format: 'JSONL',
      endpointId: gid('Endpoint', row),
      maxRows: 60_000,
      rowsPerBlock: 1000,
      rowCount: ROWS,
      blockCount: 50,
      creditsReserved: 180,
      credits: 150,
      errorCode: null,
      run: { kind: 'EXPORT', status: 'SUCCEEDED', credits: 150, isBilled: true, rowCount: ROWS },
    });
    expect(await balance(t, buyer)).toBe(before - 150);
    const stored = await t.app.database.prisma.export.findFirstOrThrow({ where: { endpointId: row.id } });
    expect(await entriesOf(t, stored.runId)).toEqual([
      'RESERVE BUYER_CREDITS buyer -180',
      'RESERVE BUYER_RESERVED buyer 180',
      'SETTLE BUYER_RESERVED buyer -150',
      'SETTLE SELLER_EARNINGS seller 5000',
      'SETTLE PLATFORM_REVENUE - 1250',
      'SETTLE CREDITS_ISSUED - 150',
      'SETTLE SALES_CLEARING - -6250',
      'RELEASE BUYER_CREDITS buyer 30',
      'RELEASE BUYER_RESERVED buyer -30',
    ]);
    await t.app.usage.flush();
    const [event] = await t.app.database.query(
      `select "isSuccess", credits, "earningsCents", "rowCount" from "UsageEvent" where "endpointId" = $1`,
      [row.id],
    );
    expect(event).toEqual({ isSuccess: true, credits: 150, earningsCents: 5000, rowCount: ROWS });
  });

  it('are equal to their source in all three formats, through the address they are downloaded at', async () => {
    const row = await endpoint();
    const { port } = await t.gateway.listen(0, '127.0.0.1');
    const fetched = async (format: string): Promise<string> => {
      const made = await done(seller.keys.ANALYST, row, { format });
      expect(made).toMatchObject({ rowCount: ROWS, credits: 0, creditsReserved: 0, run: { isBilled: false } });
      expect(made.fileName).toMatch(new RegExp(`^${row.slug}-\\d{8}\\.${format.toLowerCase()}$`));
      const url = new URL(made.downloadUrl);
      const response = await fetch(`http://127.0.0.1:${port}${url.pathname}${url.search}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${made.fileName}"`);
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(String(bytes.length)).toBe(String(made.byteCount));
      expect(response.headers.get('content-length')).toBe(String(bytes.length));
      const part = await download(made.downloadUrl, { headers: { range: 'bytes=100-199' } });
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-199/${bytes.length}`]);
      expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100, 200))).toBe(true);
      const copy = path.join(t.warehouses, `copy.${format.toLowerCase()}`);
      writeFileSync(copy, bytes);
      return copy;
    };
    expect(await difference(`read_parquet('${await fetched('PARQUET')}')`)).toEqual([ROWS, 0, 0]);
    const types = `{'id': 'INTEGER', 'city': 'VARCHAR', 'amount': 'DECIMAL(10, 2)', 'ratio': 'DOUBLE', 'day': 'DATE', 'at': 'TIMESTAMP', 'seen': 'TIMESTAMPTZ', 'flag': 'BOOLEAN', 'wide': 'BIGINT', 'raw': 'VARCHAR', 'doc': 'JSON', 'clock': 'TIME'}`;
    const binary = '* replace (from_base64(raw) as raw)';
    const csv = `(select ${binary} from read_csv('${await fetched('CSV')}', header = true, columns = ${types}, allow_quoted_nulls = false, nullstr = '', quote = '"', escape = '"', delim = ',', auto_detect = false))`;
    expect(await difference(csv)).toEqual([ROWS, 0, 0]);
    const json = `(select ${binary} from read_json('${await fetched('JSONL')}', format = 'newline_delimited', columns = ${types}))`;
    expect(await difference(json)).toEqual([ROWS, 0, 0]);
    const described = await sql(
      `select column_name, column_type from (describe from read_parquet('${path.join(t.warehouses, 'copy.parquet')}'))`,
    );
    expect(described).toEqual(
      Object.entries({
        id: 'BIGINT',
        city: 'VARCHAR',
        amount: 'DECIMAL(10,2)',
        ratio: 'DOUBLE',
        day: 'DATE',
        at: 'TIMESTAMP',
        seen: 'TIMESTAMP WITH TIME ZONE',
        flag: 'BOOLEAN',
        wide: 'BIGINT',
        raw: 'BLOB',
        doc: 'JSON',
        clock: 'TIME',
      }),
    );
  });

  it('are sorted where all rows together do not fit in memory, and leave nothing of that', async () => {
    const wide = [
      { name: 'id', type: 'BIGINT' },
      { name: 'note', type: 'STRING' },
    ];
    const row = await endpoint({
      sourceTableName: 'wide',
      endpointSchema: { columns: wide },
      maxRecordsPerExport: 20_000,
    });
    const made = await done(buyer.keys.ANALYST, row, { format: 'JSONL' });
    expect(made).toMatchObject({ rowCount: 20_000, isTruncated: true, errorMessage: null });
    const lines = (await (await download(made.downloadUrl)).text()).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    expect(files().filter((name) => name.startsWith('work'))).toEqual([]);
  });

  it('keep spreadsheets from running cells, unless told otherwise', async () => {
    const row = await endpoint({
      sourceTableName: 'nasty',
      endpointSchema: {
        columns: [
          { name: 'id', type: 'INTEGER', order: 'ASC' },
          { name: 'text', type: 'STRING', alias: '=alias' },
          { name: 'n', type: 'DECIMAL' },
        ],
      },
    });
    const text = async (more: Record<string, unknown>): Promise<string> =>
      (await download((await done(seller.keys.ANALYST, row, more)).downloadUrl)).text();
    expect(await text({})).toBe(
      `id,'=alias,n\r\n1,'=1+1,-5.5\r\n2,'+cmd,1.0\r\n3,'-2+3,2.0\r\n4,'@SUM(A1),3.0\r\n5,'\tx,4.0\r\n6,"'\rx",5.0\r\n7,a=b,6.0\r\n`,
    );
    expect(await text({ isSpreadsheetSafe: false, maxRows: 3 })).toBe(
      `id,=alias,n\r\n1,=1+1,-5.5\r\n2,+cmd,1.0\r\n3,-2+3,2.0\r\n`,
    );
  });

  it('stop at their rows, cost nothing without any, and happen once for one intent', async () => {
    const row = await endpoint({ maxRecordsPerRequest: 400 });
    const first = await done(buyer.keys.ANALYST, row, { maxRows: 1000, idempotencyKey: 'once' });
    expect(first).toMatchObject({
      maxRows: 1000,
      rowCount: 1000,
      isTruncated: true,
      blockCount: 3,
      credits: 9,
      creditsReserved: 9,
    });
    expect((await order(buyer.keys.ANALYST, row, { maxRows: 1000, idempotencyKey: 'once' })).export.id).toBe(first.id);
    expect(await t.app.database.prisma.export.count({ where: { endpointId: row.id } })).toBe(1);
    const before = await balance(t, buyer);
    const none = await endpoint({ sourceTableName: 'none', endpointSchema: { columns: [columns[0]] } });
    for (const format of ['CSV', 'JSONL', 'PARQUET']) {
      const made = await done(buyer.keys.ANALYST, none, { format });
      expect(made).toMatchObject({
        rowCount: 0,
        blockCount: 0,
        credits: 0,
        creditsReserved: 180,
        run: { isBilled: false, credits: 0 },
      });
      const answer = await download(made.downloadUrl);
      expect(answer.status).toBe(200);
      expect((await answer.arrayBuffer()).byteLength).toBe(Number(made.byteCount));
    }
    expect(await balance(t, buyer)).toBe(before);
  });

  it('are cancelled while they wait for the engine: nothing is charged, nothing is left', async () => {
    const row = await endpoint({
      sourceTableName: 'slow',
      endpointSchema: { columns: [{ name: 'id', type: 'BIGINT' }] },
    });
    const before = await balance(t, buyer);
    const { export: made } = await order(buyer.keys.ANALYST, row);
    await until(buyer.keys.ANALYST, made.id, 'RUNNING');
    const cancelled = await mutate(t, buyer.keys.ANALYST, 'exportCancel', { id: made.id }, FIELDS);
    expect(cancelled).toMatchObject({
      export: { status: 'CANCELLED', credits: 0, run: { status: 'CANCELLED', isBilled: false } },
      userErrors: [],
    });
    expect((await mutate(t, buyer.keys.ANALYST, 'exportCancel', { id: made.id }, FIELDS)).export.status).toBe(
      'CANCELLED',
    );
    expect(await balance(t, buyer)).toBe(before);
    const exportId = parseGlobalId(made.id)?.key ?? '';
    await expect.poll(() => files().filter((name) => name.includes(exportId))).toEqual([]);
    const after = await done(seller.keys.ANALYST, row, {}, 'RUNNING');
    expect(codes(await mutate(t, seller.keys.ANALYST, 'exportCancel', { id: after.id }, FIELDS))).toEqual([]);
  });

  it('are listed, the latest first, with one statement whatever their number', async () => {
    const LIST = `{ company { exports(first: 50) { nodes { id status run { id } } totalCount { value } } } }`;
    const counted = await t.statements(() => t.run(buyer.keys.VIEWER, LIST));
    const { nodes, totalCount } = (await t.run(buyer.keys.VIEWER, LIST)).data.company.exports;
    expect(nodes.length).toBe(totalCount.value);
    // Workers are busy meanwhile; the statements of lists and loaders begin with the key's position.
    const asked = counted.filter((text) => text.startsWith('select k.n'));
    expect(asked.filter((text) => text.includes('"Export"')).length).toBe(2);
    expect(asked.filter((text) => text.includes('"Run"')).length).toBe(1);
    const filtered = await t.run(
      buyer.keys.VIEWER,
      `{ company { exports(where: { status: { eq: CANCELLED } }) { nodes { status } } } }`,
    );
    expect(filtered.data.company.exports.nodes).toEqual([{ status: 'CANCELLED' }]);
  });

  it('expire: the file is swept, the receipt stays', async () => {
    const row = await endpoint();
    const made = await done(seller.keys.ANALYST, row, { maxRows: 5 });
    const [{ fileKey } = { fileKey: '' }] = await t.app.database.prisma.export.findMany({
      where: { endpointId: row.id },
    });
    expect(files()).toContain(fileKey);
    await t.app.database.prisma.export.updateMany({
      where: { endpointId: row.id },
      data: { expiresAt: new Date(Date.now() - 1000) },
    });
    expect((await read(seller.keys.ANALYST, made.id)).downloadUrl).toBeNull();
    expect(await sweepExports(t.app)).toEqual({ files: 1, abandoned: 0 });
    expect(files()).not.toContain(fileKey);
    expect(await read(seller.keys.ANALYST, made.id)).toMatchObject({
      status: 'SUCCEEDED',
      rowCount: 5,
      downloadUrl: null,
    });
    expect((await download(made.downloadUrl)).status).toBe(410);
  });
});

describe('exports refuse', () => {
  it('what the endpoint does not offer, or not so much of', async () => {
    const closed = await endpoint({ exportEnabled: false });
    expect(codes(await order(buyer.keys.ANALYST, closed))).toEqual([['UNSUPPORTED', 'input.endpointId']]);
    const inactive = await endpoint({ status: 'INACTIVE' });
    expect(codes(await order(buyer.keys.ANALYST, inactive))).toEqual([['ENDPOINT_INACTIVE', 'input.endpointId']]);
    const row = await endpoint();
    expect(codes(await order(buyer.keys.ANALYST, row, { maxRows: 60_001 }))).toEqual([['VALIDATION', 'input.maxRows']]);
    expect(codes(await order(buyer.keys.ANALYST, row, { maxRows: 0 }))).toEqual([['VALIDATION', 'input.maxRows']]);
    expect(codes(await order(buyer.keys.ANALYST, row, { parameters: { town: 1 } }))).toEqual([
      ['VALIDATION', 'input.parameters.town'],
    ]);
    const refused = await t.run(buyer.keys.ANALYST, QUOTE, { id: gid('Endpoint', row), maxRows: 60_001 });
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'VALIDATION' });
    expect(
      await t.app.database.prisma.export.count({ where: { endpointId: { in: [closed.id, inactive.id, row.id] } } }),
    ).toBe(0);
  });

  it('without the money, the price or the consent', async () => {
    const row = await endpoint();
    expect(codes(await order(buyer.keys.ANALYST, row, { maxCredits: 179 }))).toEqual([
      ['PRICE_TOO_HIGH', 'input.maxCredits'],
    ]);
    const dear = await endpoint({}, '100.00');
    expect((await order(other.keys.ANALYST, dear)).userErrors).toMatchObject([
      { code: 'INSUFFICIENT_CREDITS', required: 12_000, balance: 1000 },
    ]);
    const unpriced = await endpoint({}, null);
    expect(codes(await order(buyer.keys.ANALYST, unpriced))).toEqual([['NOT_FOR_SALE', 'input.endpointId']]);
    const unsigned = await t.tenant({ handle: 'unsigned', credits: 1000, acceptedEula: false });
    expect(codes(await order(unsigned.keys.ANALYST, row))).toEqual([['EULA_REQUIRED', null]]);
    expect(
      await t.app.database.prisma.run.count({ where: { endpointId: { in: [row.id, dear.id, unpriced.id] } } }),
    ).toBe(0);
  });

  it('to charge for a failure, and to tell a buyer how', async () => {
    const row = await endpoint({ sourceTableName: 'secret_table' });
    const before = await balance(t, buyer);
    const failed = await done(buyer.keys.ANALYST, row, {}, 'FAILED');
    expect(failed).toMatchObject({
      errorCode: 'ENGINE_FAILED',
      errorMessage: 'The endpoint could not answer. Nothing was charged.',
      credits: 0,
      downloadUrl: null,
      run: { status: 'FAILED', isBilled: false, credits: 0 },
    });
    expect(await balance(t, buyer)).toBe(before);
    expect((await done(seller.keys.ANALYST, row, {}, 'FAILED')).errorMessage).toContain('secret_table');
    expect(codes(await mutate(t, buyer.keys.ANALYST, 'exportCancel', { id: failed.id }, FIELDS))).toEqual([
      ['CONFLICT', 'input.id'],
    ]);
    await expect.poll(() => files().filter((name) => name.startsWith('work/'))).toEqual([]);
  });

  it('addresses that were changed, and those whose time is over', async () => {
    const row = await endpoint();
    const { downloadUrl } = await done(seller.keys.ANALYST, row, { maxRows: 5 });
    const changed = (change: (url: URL) => void): Promise<Response> => {
      const url = new URL(downloadUrl);
      change(url);
      return download(url.href);
    };
    const later = String(Math.floor(Date.now() / 1000) + 1_000_000);
    expect((await changed((url) => url.searchParams.set('exp', later))).status).toBe(403);
    expect(
      (await changed((url) => url.searchParams.set('sig', `A${url.searchParams.get('sig')?.slice(1)}`))).status,
    ).toBe(403);
    expect((await changed((url) => url.searchParams.delete('sig'))).status).toBe(403);
    expect((await changed((url) => void (url.pathname = url.pathname.replace('.csv', '.parquet')))).status).toBe(403);
    expect((await changed((url) => void (url.pathname = url.pathname.replace(/[0-9a-f]{4}\//, '0000/')))).status).toBe(
      403,
    );
    expect((await changed((url) => void (url.pathname = '/exports/../../etc/passwd'))).status).toBe(404);
    expect((await download(downloadUrl, { method: 'POST' })).status).toBe(405);
    const [, , id = '', name = ''] = new URL(downloadUrl).pathname.split('/');
    const past = Math.floor(Date.now() / 1000) - 1;
    const sig = createHmac('sha256', derivedKey(t.app.config, 'export downloads'))
      .update(`${id}\n${name}\n${past}`)
      .digest('base64url');
    expect((await changed((url) => void (url.search = `?exp=${past}&sig=${sig}`))).status).toBe(410);
    expect((await download(downloadUrl, { method: 'HEAD' })).headers.get('content-length')).toMatch(/^\d+$/);
    expect((await download(downloadUrl, { headers: { range: 'bytes=9999999-' } })).status).toBe(416);
  });
});

describe('exports guard', () => {
  it('other companies: a foreign export reads as missing', async () => {
    const row = await endpoint();
    const { id } = await done(buyer.keys.ANALYST, row, { maxRows: 5 });
    for (const key of [other.keys.OWNER, seller.keys.OWNER]) {
      expect(await read(key, id)).toBeNull();
      expect(codes(await mutate(t, key, 'exportCancel', { id }, FIELDS))).toEqual([['NOT_FOUND', 'input.id']]);
      const list = await t.run(key, '{ company { exports(first: 100) { nodes { id } } } }');
      expect(JSON.stringify(list)).not.toContain(id);
    }
    expect((await read(buyer.keys.ANALYST, id)).status).toBe('SUCCEEDED');
  });

  it('endpoints that the caller does not see, roles that may not, keys of endpoints, and nobody', async () => {
    const hidden = await endpoint({ sellInMarketplace: false });
    expect(codes(await order(buyer.keys.OWNER, hidden))).toEqual([['NOT_FOUND', 'input.endpointId']]);
    const quote = await t.run(buyer.keys.OWNER, QUOTE, { id: gid('Endpoint', hidden) });
    expect(quote.errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND' });
    const row = await endpoint();
    const { id } = await done(buyer.keys.ANALYST, row, { maxRows: 5 });
    const { secret } = await t.world.apiKey(buyer.company.id, 'OWNER', { kind: 'ENDPOINT', endpointId: row.id });
    for (const key of [buyer.keys.VIEWER, buyer.keys.OPERATOR, secret]) {
      expect(codes(await order(key, row))).toEqual([['FORBIDDEN', null]]);
      expect(codes(await mutate(t, key, 'exportCancel', { id }, FIELDS))).toEqual([['FORBIDDEN', null]]);
      expect((await t.run(key, QUOTE, { id: gid('Endpoint', row) })).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    }
    const shown = await t.run(buyer.keys.VIEWER, '{ company { exports(first: 1) { nodes { status downloadUrl } } } }');
    expect(shown.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    await expect(order(null, row)).rejects.toThrow('UNAUTHENTICATED');
    expect(await t.app.database.prisma.export.count({ where: { endpointId: row.id } })).toBe(1);
  });

  it('the file: its content is the same whoever reads it twice, and stays out of the log of addresses', async () => {
    const row = await endpoint();
    const { downloadUrl, byteCount } = await done(seller.keys.ANALYST, row, { maxRows: 100 });
    const hash = async (): Promise<string> =>
      createHash('sha256')
        .update(Buffer.from(await (await download(downloadUrl)).arrayBuffer()))
        .digest('hex');
    expect(await hash()).toBe(await hash());
    const stored = await t.app.database.prisma.export.findFirstOrThrow({ where: { endpointId: row.id } });
    expect(readFileSync(path.join(exportDirectory(t.app.config), stored.fileKey ?? '')).length).toBe(Number(byteCount));
    expect((await download(downloadUrl)).headers.get('cache-control')).toBe('private, no-store');
  });
});
