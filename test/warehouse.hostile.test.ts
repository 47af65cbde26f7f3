import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, NetConnectOpts, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { EngineError } from '../src/warehouse/engine.ts';
import type { Limits } from '../src/warehouse/engine.ts';
import { collect } from '../src/warehouse/query.ts';
import type { QueryResult } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';
import { directory as unused, LIMITS, servers } from './warehouse.fixtures.ts';

const directory = await mkdtemp(join(tmpdir(), 'hostile-'));
const never = new AbortController().signal;
const engines = createEngines({ duckdbRoots: [directory], network: { allowPrivate: ['127.0.0.0/8', '::1'] } });
const listening: Server[] = [];
const sockets = new Set<Socket>();

/** Listens on a free port; what connects is ended with the tests. */
async function listen(handle: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    handle(socket);
  });
  listening.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Sends a message that says it is huge, and goes on for as long as somebody reads. */
function flood(socket: Socket, start: Buffer): void {
  const more = Buffer.alloc(1024 * 1024, 'x');
  const send = (): void => {
    while (!socket.destroyed && socket.write(more));
  };
  socket.write(start);
  socket.on('drain', send);
  send();
}

/** A real server until its client says `mark`; then it floods. */
function floodsAt(mark: string, target: NetConnectOpts, start: Buffer): Promise<number> {
  return listen((front) => {
    const back = connect(target).on('error', () => front.destroy());
    sockets.add(back);
    back.pipe(front);
    front.on('close', () => back.destroy());
    front.on('data', (data) => {
      if (!data.includes(mark)) {
        back.write(data);
        return;
      }
      back.unpipe(front);
      front.removeAllListeners('data').resume();
      flood(front, start);
    });
  });
}

interface Place {
  driver: string;
  key: string;
  settings: Record<string, unknown>;
}

function query({ driver, key, settings }: Place, sql: string, limits: Partial<Limits> = {}): Promise<QueryResult> {
  const more = { ...LIMITS, timeoutMs: 500_000, ...limits };
  return collect(engines.get(driver), { key, settings }, { sql, values: [] }, more, { onExcess: 'truncate' }, never);
}

const files: Record<'duckdb' | 'sqlite', (key: string) => Place> = {
  duckdb: (key) => ({ driver: 'duckdb', key, settings: { path: 'a.duckdb' } }),
  sqlite: (key) => ({ driver: 'sqlite', key, settings: { path: 'a.sqlite' } }),
};
/** Ends its process, or its query, by the memory that it wants. */
const EATS = {
  duckdb: 'SELECT range(2000000000)',
  sqlite: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
    SELECT x FROM (SELECT hex(zeroblob(10000000)) || i AS x FROM n ORDER BY x)`,
};
/** What ends a server's message that does not end. */
const HUGE = { postgres: Buffer.from('R\x7f\xff\xff\xff', 'latin1'), mysql: Buffer.from([0xff, 0xff, 0xff, 0]) };

beforeAll(async () => {
  const instance = await DuckDBInstance.create(join(directory, 'a.duckdb'));
  const connection = await instance.connect();
  await connection.run('CREATE TABLE t AS SELECT 1 AS a');
  connection.closeSync();
  instance.closeSync();
  const database = new DatabaseSync(join(directory, 'a.sqlite'));
  database.exec('CREATE TABLE t AS SELECT 1 AS a');
  database.close();
  for (const driver of ['duckdb', 'sqlite'])
    await copyFile(join(directory, `a.${driver}`), join(directory, `b.${driver}`));
});
afterAll(async () => {
  await engines.close();
  for (const socket of sockets) socket.destroy();
  await Promise.all(listening.map((server) => new Promise((resolve) => server.close(resolve))));
  await rm(directory, { recursive: true, force: true });
  await rm(unused, { recursive: true, force: true });
});

describe.each(['duckdb', 'sqlite'] as const)('a hostile query of %s', (driver) => {
  const count = driver === 'duckdb' ? 'range(1000000) r(i)' : "json_each('[1, 2, 3]')";

  it('ends by its memory, and nobody else notices', { timeout: 600_000 }, async () => {
    const [eater, ...others] = await Promise.allSettled([
      query(files[driver]('eater'), EATS[driver], { maxBytes: 10_000_000_000 }),
      query(files[driver]('other'), `SELECT count(*) FROM ${count}`),
      query(files[driver]('other'), 'SELECT a FROM t'),
      // The same connection in another process.
      query(files[driver]('eater'), 'SELECT a FROM t'),
    ]);
    expect(eater).toMatchObject({ status: 'rejected', reason: { code: 'ENGINE_FAILED' } });
    expect(others.map((one) => one.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect((await query(files[driver]('eater'), 'SELECT a FROM t')).values).toEqual([[1]]);
  });

  it('ends at the size of its result, however its rows come', { timeout: 600_000 }, async () => {
    const wide = driver === 'duckdb' ? "repeat('x', 10000)" : 'hex(zeroblob(5000))';
    const endless =
      driver === 'duckdb'
        ? `SELECT ${wide} || i FROM range(1000000) r(i)`
        : `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT ${wide} FROM n`;
    for (const sql of [endless, `SELECT ${Array.from({ length: 1200 }, () => wide).join(', ')}`]) {
      const failed = query(files[driver]('size'), sql, { maxBytes: 10_000_000, maxRows: 1_000_000 });
      await expect(failed).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
    }
    expect((await query(files[driver]('size'), 'SELECT a FROM t')).values).toEqual([[1]]);
  });
});

describe('a hostile seller', () => {
  it.each(['duckdb', 'sqlite'] as const)(
    'with many connections to a file of %s leaves others theirs',
    async (driver) => {
      const end = new AbortController();
      const endless =
        driver === 'duckdb'
          ? 'SELECT count(*) FROM range(100000000000) a, range(1000) b'
          : 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
      const limits = { ...LIMITS, timeoutMs: 500_000 };
      const hogs = Array.from({ length: 12 }, (_, i) =>
        collect(
          engines.get(driver),
          files[driver](`hog ${i % 3}`),
          { sql: endless, values: [] },
          limits,
          { onExcess: 'fail' },
          end.signal,
        ),
      );
      const ends = Promise.allSettled(hogs);
      // The second of them comes when all of theirs are at work.
      for (const key of ['other', 'another']) {
        const place = { ...files[driver](key), settings: { path: `b.${driver}` } };
        expect((await query(place, 'SELECT a FROM t')).values).toEqual([[1]]);
      }
      end.abort();
      expect((await ends).map((one) => one.status === 'rejected' && (one.reason as EngineError).code)).toEqual(
        Array.from({ length: 12 }, () => 'CANCELLED'),
      );
    },
  );
});

describe('a hostile query of DuckDB', () => {
  it('has no files to put aside what does not fit into memory', { timeout: 600_000 }, async () => {
    const sql =
      "SELECT count(*) FROM (SELECT i, repeat('x', 500) || i AS x FROM range(2000000) r(i) ORDER BY x, i OFFSET 1)";
    await expect(query(files.duckdb('sorts'), sql)).rejects.toBeInstanceOf(EngineError);
    expect((await query(files.duckdb('sorts'), 'SELECT a FROM t')).values).toEqual([[1]]);
  });
});

describe('a hostile server', () => {
  const settings = { host: '127.0.0.1', database: 'a', username: 'b', password: 'c', tls: 'DISABLED' };

  it.each(['postgres', 'mysql'] as const)('of %s that floods the login is left', async (driver) => {
    const port = await listen((socket) => flood(socket, HUGE[driver]));
    await expect(query({ driver, key: 'login', settings: { ...settings, port } }, 'SELECT 1')).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      stage: 'LOGIN',
      message: 'The server sends far more than a login takes.',
    });
  });

  it.each(['postgres', 'mysql'] as const)('of %s that says nothing keeps nobody', async (driver) => {
    const port = await listen((socket) => socket.resume());
    const silent = query({ driver, key: 'silent', settings: { ...settings, port } }, 'SELECT 1', { timeoutMs: 500 });
    await expect(silent).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
  });

  it('of PostgreSQL that floods an answer is left', async () => {
    const { host, port, user, database, password } = new pg.Client({ connectionString: inject('server') });
    const target = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
    const place = await floodsAt('flood_mark', target, Buffer.from('D\x7f\xff\xff\xff', 'latin1'));
    const one = { ...settings, port: place, username: user ?? '', database: database ?? '', password: password ?? '' };
    const flooded = query({ driver: 'postgres', key: 'answer', settings: one }, 'SELECT 1 AS flood_mark', {
      maxBytes: 1000,
    });
    await expect(flooded).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
  });

  it.each([
    ['documents', `SELECT ('[' || repeat('[0],', 30000) || '0]')::json AS x FROM generate_series(1, 100)`],
    ['lists', `SELECT ('{' || repeat('{0},', 30000) || '{0}}')::int[] AS x FROM generate_series(1, 100)`],
  ])('of PostgreSQL that makes millions of %s out of few bytes is left', async (_, sql) => {
    const { host, port, user, database, password } = new pg.Client({ connectionString: inject('server') });
    const target = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
    const place = await listen((front) => {
      const back = connect(target).on('error', () => front.destroy());
      sockets.add(back);
      front.pipe(back).pipe(front);
    });
    const one = { ...settings, port: place, username: user ?? '', database: database ?? '', password: password ?? '' };
    const crowded = query({ driver: 'postgres', key: 'crowded', settings: one }, sql, { maxBytes: 1_000_000_000 });
    await expect(crowded).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
  });

  it.each([
    ['lists', '[0],', 5_000_000],
    ['objects', '{},', 5_000_000],
    ['lists in lists', '[', 5_000_000],
    ['values', '0,', 20_000_000],
  ])('behind HTTP that sends millions of %s at once is left', async (_, piece, count) => {
    const service = createHttpServer((_request, response) => {
      const start = '{"columns":[{"name":"a","type":"integer","typeSignature":{"rawType":"integer"}}],"data":[';
      response.end(`${start}${piece.repeat(count)}0]}`);
    });
    listening.push(service);
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    const { port } = service.address() as AddressInfo;
    const trino = { host: '127.0.0.1', port, username: 'a', catalog: 'b', tls: 'DISABLED' };
    const crowded = query({ driver: 'trino', key: piece, settings: trino }, 'SELECT 1', { maxBytes: 1_000_000_000 });
    await expect(crowded).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
  });

  it.skipIf(!servers.mysql)('of MySQL that floods an answer is left', async () => {
    const port = await floodsAt('flood_mark', { host: '127.0.0.1', port: 3306 }, Buffer.from([0xff, 0xff, 0xff, 1]));
    const one = { ...settings, port, username: 'root', password: '', database: 'information_schema' };
    const flooded = query({ driver: 'mysql', key: 'answer', settings: one }, 'SELECT 1 AS flood_mark', {
      maxBytes: 1000,
    });
    await expect(flooded).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
  });
});
