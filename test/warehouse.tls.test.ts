import { createServer } from 'node:net';
import type { AddressInfo, NetConnectOpts } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { StageResult } from '../src/warehouse/engine.ts';
import { collect } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';
import { createAuthority, createCertificate } from './helpers/certificates.ts';
import type { EngineServer } from './helpers/engine-servers.ts';
import { startClickhouse } from './helpers/engine-servers-open.ts';
import { startMysqlTls, startPostgresTls } from './helpers/tls-servers.ts';
import type { TlsServer } from './helpers/tls-servers.ts';

const SECRET = 'hunter2-very-secret-0123';
const LIMITS = { timeoutMs: 60_000, maxRows: 100, maxBytes: 1_000_000 };
const never = new AbortController().signal;
const engines = createEngines({ duckdbRoots: [], network: { allowPrivate: ['127.0.0.0/8', '::1'] } });

const authority = createAuthority('An authority');
const stranger = createAuthority('Another authority');
/** What a server shows: a certificate from the authority, for another name, from another authority, self-signed, or none. */
const shown = {
  good: createCertificate('localhost', authority),
  elsewhere: createCertificate('db.example.com', authority),
  strange: createCertificate('localhost', stranger),
  selfSigned: createCertificate('localhost'),
  none: null,
};
type Shown = keyof typeof shown;

const database = new pg.Client({ connectionString: inject('server') });
const real: NetConnectOpts = database.host.startsWith('/')
  ? { path: `${database.host}/.s.PGSQL.${database.port}` }
  : { host: database.host, port: database.port };

/** The three ways to TLS: by PostgreSQL's and MySQL's own protocols and by HTTPS. */
const ways = {
  postgres: {
    start: (kind: Shown) => startPostgresTls(real, shown[kind]),
    settings: { database: database.database, username: database.user, password: database.password ?? '' },
    // The stage that a test ends with once it came through TLS.
    end: ['QUERY', true],
  },
  mysql: {
    start: (kind: Shown) => startMysqlTls(shown[kind]),
    settings: { database: 'shop', username: 'reader', password: SECRET },
    end: ['LOGIN', false],
  },
  clickhouse: {
    start: async (kind: Shown) => {
      const tls = shown[kind];
      const server: EngineServer = await startClickhouse(SECRET, tls ? { tls } : {});
      const close = (): Promise<void> => server.close();
      return { port: Number(new URL(server.url).port), plain: 0, secure: 0, close } satisfies TlsServer;
    },
    settings: { username: 'reader', password: SECRET },
    end: ['QUERY', true],
  },
};
type Way = keyof typeof ways;
const names = Object.keys(ways) as Way[];
const servers = new Map<string, TlsServer>();
let tests = 0;

function settingsOf(way: Way, kind: Shown, more: Record<string, unknown>): Record<string, unknown> {
  return { host: 'localhost', port: servers.get(`${way} ${kind}`)?.port, ...ways[way].settings, ...more };
}

/** The last stage of a connection test, and what it says. */
async function last(way: Way, kind: Shown, more: Record<string, unknown>): Promise<StageResult> {
  const target = { key: `tls-${tests++}`, settings: settingsOf(way, kind, more) };
  const results = await engines.get(way).test(target, never);
  expect(JSON.stringify(results)).not.toContain(SECRET);
  const result = results.at(-1);
  if (!result) throw new Error('The test has no stage.');
  return result;
}

beforeAll(async () => {
  await database.connect();
  for (const way of names) {
    for (const kind of Object.keys(shown) as Shown[]) servers.set(`${way} ${kind}`, await ways[way].start(kind));
  }
});
afterAll(async () => {
  await engines.close();
  await database.end();
  await Promise.all([...servers.values()].map((server) => server.close()));
});

describe.each(names)('TLS to %s works', (way) => {
  it("with the authority's certificate in the settings", async () => {
    const { stage, ok } = await last(way, 'good', { sslRootCert: authority.cert });
    expect([stage, ok]).toEqual(ways[way].end);
  });

  it('with a self-signed certificate in the settings, and with one among several', async () => {
    for (const sslRootCert of [shown.selfSigned.cert, stranger.cert + shown.selfSigned.cert]) {
      const { stage, ok } = await last(way, 'selfSigned', { sslRootCert });
      expect([stage, ok]).toEqual(ways[way].end);
    }
  });
});

describe.each(names)('TLS to %s refuses', (way) => {
  it.each<[why: string, kind: Shown, more: Record<string, unknown>, message: string, hint: string]>([
    [
      'a name that the certificate does not have',
      'elsewhere',
      { sslRootCert: authority.cert },
      'for another host',
      'host name',
    ],
    ['a certificate of another authority', 'strange', { sslRootCert: authority.cert }, 'not trusted', 'sslRootCert'],
    ['an authority that nobody named', 'good', {}, 'not trusted', 'sslRootCert'],
    ['a self-signed certificate', 'selfSigned', {}, 'not trusted', 'sslRootCert'],
    [
      'a self-signed certificate beside another authority',
      'selfSigned',
      { sslRootCert: authority.cert },
      'not trusted',
      'sslRootCert',
    ],
  ])('%s', async (_, kind, more, message, hint) => {
    expect(await last(way, kind, more)).toMatchObject({
      stage: 'TLS',
      ok: false,
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
  });

  it('a server that offers none, unless the settings say so', async () => {
    const server = servers.get(`${way} none`);
    for (const more of [{}, { tls: 'REQUIRED' }, { sslRootCert: authority.cert }]) {
      expect(await last(way, 'none', more)).toMatchObject({
        stage: 'TLS',
        ok: false,
        hint: expect.stringMatching(/\w/),
      });
    }
    expect(server?.plain).toBe(0);
    const { stage, ok } = await last(way, 'none', { tls: 'DISABLED' });
    expect([stage, ok]).toEqual(ways[way].end);
  });

  it('a server that talks nonsense', async () => {
    const server = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('nonsense\n'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const target = {
      key: `tls-${tests++}`,
      settings: settingsOf(way, 'good', { port: (server.address() as AddressInfo).port }),
    };
    const results = await engines.get(way).test(target, never);
    expect(results.at(-1)).toMatchObject({ ok: false, stage: expect.stringMatching(/^(?:TLS|LOGIN)$/) });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a server that says nothing', () => {
  it('fails the step that waits for it, in words of ours', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const tries = (['postgres', 'mysql'] as const).flatMap((way) =>
      (['REQUIRED', 'DISABLED'] as const).map(async (tls) => {
        const target = { key: `tls-${tests++}`, settings: settingsOf(way, 'none', { port, tls }) };
        const { stage, ok, message, hint } = (await engines.get(way).test(target, never)).at(-1) as StageResult;
        return [way, tls, stage, ok, message, hint?.includes(way === 'mysql' ? 'MySQL' : 'PostgreSQL')];
      }),
    );
    const said = 'The server took the connection and said nothing.';
    expect(await Promise.all(tries)).toEqual([
      ['postgres', 'REQUIRED', 'TLS', false, said, true],
      ['postgres', 'DISABLED', 'LOGIN', false, said, true],
      ['mysql', 'REQUIRED', 'TLS', false, said, true],
      ['mysql', 'DISABLED', 'LOGIN', false, said, true],
    ]);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('TLS to PostgreSQL guards', () => {
  it('every connection, that of a cancellation too', async () => {
    const server = servers.get('postgres good');
    const settings = settingsOf('postgres', 'good', { sslRootCert: authority.cert });
    const target = { key: 'tls-cancel', settings };
    const engine = engines.get('postgres');
    const sql = 'SELECT count(*) AS tls_cancel FROM generate_series(1, 1000000000000)';
    const runs = async (): Promise<number | null> => {
      const like =
        "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%tls_cancel FROM%' AND pid <> pg_backend_pid()";
      return (await database.query(like)).rowCount;
    };
    const controller = new AbortController();
    const before = server?.secure ?? 0;
    const running = collect(engine, target, { sql, values: [] }, LIMITS, { onExcess: 'fail' }, controller.signal);
    const outcome = running.then(
      () => null,
      (error: unknown) => error,
    );
    await expect.poll(runs, { timeout: 60_000 }).toBe(1);
    controller.abort();
    expect(await outcome).toMatchObject({ code: 'CANCELLED' });
    // One for the query, and one at least to ask the server to stop it.
    await expect.poll(runs, { timeout: 60_000 }).toBe(0);
    expect(server?.secure).toBeGreaterThanOrEqual(before + 2);
    expect(server?.plain).toBe(0);
    const after = await collect(engine, target, { sql: 'SELECT 1', values: [] }, LIMITS, { onExcess: 'fail' }, never);
    expect(after.values).toEqual([[1]]);
  });
});
