import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { EngineError } from '../src/warehouse/engine.ts';
import type { ConnectionTarget, Limits, ParameterValue } from '../src/warehouse/engine.ts';
import { collect } from '../src/warehouse/query.ts';
import type { QueryResult } from '../src/warehouse/query.ts';
import { createSqlserver } from '../src/warehouse/sqlserver.ts';
import { createCertificate } from './helpers/platform-servers.ts';
import { startTds, type TdsOptions, type TdsRequest, type TdsServer } from './helpers/tds-server.ts';
import * as tds from './helpers/tds-tokens.ts';
import { expressions, startTdsWarehouse, type TdsWarehouse } from './helpers/tds-warehouse.ts';

/** Lets the servers here pass for public ones. */
const world = vi.hoisted(() => ({ isPublic: false }));
vi.mock('../src/warehouse/guarded-socket.ts', async (original) => {
  const real = await original<typeof import('../src/warehouse/guarded-socket.ts')>();
  return { ...real, isPublicAddress: (address: string) => world.isPublic || real.isPublicAddress(address) };
});

const SECRET = 'hunter2-very-secret';
const LIMITS: Limits = { timeoutMs: 60_000, maxRows: 1000, maxBytes: 2_000_000 };
const never = new AbortController().signal;
const local = { allowPrivate: ['127.0.0.0/8', '::1'] };
const engine = createSqlserver({ network: local });
const own = createCertificate('localhost');
const other = createCertificate('other.test');
const open: TdsServer[] = [];
let shop: TdsWarehouse;

let targets = 0;
function target(server: TdsServer, change: Record<string, unknown> = {}): ConnectionTarget {
  const settings = {
    host: '127.0.0.1',
    port: server.port,
    database: 'shop',
    username: 'reader',
    password: SECRET,
    tls: 'DISABLED',
  };
  return { key: `sqlserver-${++targets}`, settings: { ...settings, ...change } };
}

type More = Partial<Limits> & { values?: ParameterValue[]; signal?: AbortSignal };
function query(at: ConnectionTarget, sql: string, more: More = {}): Promise<QueryResult> {
  const { values = [], signal = never, ...limits } = more;
  return collect(engine, at, { sql, values }, { ...LIMITS, ...limits }, { onExcess: 'truncate' }, signal);
}

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  const known = error as EngineError;
  for (const secret of [SECRET, '127.0.0.1']) expect(`${known.message} ${known.hint}`).not.toContain(secret);
  return known;
}

async function until(test: () => boolean): Promise<boolean> {
  for (let i = 0; i < 1500 && !test(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  return test();
}

/** Starts a warehouse that the test alone has. */
async function warehouse(more: Partial<TdsOptions> = {}): Promise<TdsWarehouse> {
  const server = await startTdsWarehouse(SECRET, more);
  open.push(server);
  return server;
}

/** Starts a server that is honest until the seller's own statement, and lies then. */
async function liar(lie: (request: TdsRequest) => Promise<void> | void): Promise<TdsServer> {
  const server = await startTds({
    answer: (request) => (request.sql.startsWith('SELECT') ? lie(request) : request.send(tds.done())),
  });
  open.push(server);
  return server;
}

/** The last stage of a test: its name, whether it passed, and what was said. */
async function lastStage(at: ConnectionTarget): Promise<[string | undefined, boolean | undefined, string | null]> {
  const last = (await engine.test(at, never)).at(-1);
  for (const secret of [SECRET, '127.0.0.1']) expect(JSON.stringify(last)).not.toContain(secret);
  return [last?.stage, last?.ok, last?.message ?? null];
}

beforeAll(async () => {
  shop = await startTdsWarehouse(SECRET);
});
afterEach(async () => {
  world.isPublic = false;
  await engine.close();
  for (const server of open.splice(0)) await server.close();
});
afterAll(() => shop.close());

describe('SQL Server works', () => {
  it('says that it only reads, and nothing of this machine', async () => {
    await query(target(shop), 'SELECT 1');
    expect(shop.logins.at(-1)).toEqual({
      host: 'gateway',
      application: 'spartera-gateway',
      username: 'reader',
      password: SECRET,
      database: 'shop',
      isReadOnly: true,
      isEncrypted: false,
    });
  });

  it('undoes every statement and wipes its session on the one connection', async () => {
    const server = await warehouse();
    const at = target(server);
    await query(at, 'SELECT 1');
    expect(await until(() => server.resets === 1)).toBe(true);
    expect(server.statements.slice(1)).toEqual([
      expect.stringMatching(/LOCK_TIMEOUT 2000.*BEGIN TRANSACTION$/),
      'SELECT 1',
      'IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION',
      expect.stringContaining('set ansi_nulls on'),
    ]);
    // What is given back late is not there for the next, and there are at most four.
    for (let i = 0; i < 8; i++) await query(at, 'SELECT 1');
    expect(server.logins.length).toBeLessThanOrEqual(4);
    expect((await failure(query(at, 'DELETE FROM shop.orders'))).message).toBe('Only queries are allowed.');
    expect(await until(() => server.orders === 10 && server.resets === 10)).toBe(true);
  });

  it.each(expressions)('names the type of %s', async (sql, _type, _value, type, cell, engineType) => {
    const { columns, values } = await query(target(shop), `SELECT ${sql} AS x`);
    expect([columns, values]).toEqual([[{ name: 'x', type, engineType }], [[cell]]]);
  });

  it('binds values by their kinds, long texts too', async () => {
    let seen: Record<string, unknown> = {};
    const server = await liar(async (request) => {
      seen = request.values;
      const list: tds.TdsColumn[] = [['x', tds.types.int]];
      await request.send(tds.columns(list), tds.row(list, [1]), tds.done(0, 1));
    });
    const values = [1, -(2 ** 31), 2 ** 31, 0.5, true, false, null, '', "'; DROP TABLE x --", 'é'.repeat(5000)];
    await query(target(server), 'SELECT @p1', { values });
    expect(seen).toEqual(Object.fromEntries(values.map((value, i) => [`p${i + 1}`, value])));
  });

  it('keeps its connection after it has cut rows off', async () => {
    const server = await warehouse();
    const at = target(server);
    for (let i = 0; i < 8; i++) {
      const { rowCount, truncated } = await query(at, 'SELECT n FROM numbers(30)', { maxRows: 10 });
      expect([rowCount, truncated]).toEqual([10, true]);
    }
    expect(await until(() => server.attentions === 8 && server.resets === 8)).toBe(true);
    expect(server.logins.length).toBeLessThanOrEqual(4);
  });

  it('lets the server wait while nobody reads, and leaves it when much is on its way', async () => {
    let sent = 0;
    const total = 4_000_000;
    const list: tds.TdsColumn[] = [['x', tds.types.int]];
    const server = await liar(async (request) => {
      await request.send(tds.columns(list));
      const rows = Buffer.concat(Array.from({ length: 1000 }, () => tds.row(list, [1])));
      for (; sent < total && !request.signal.aborted; sent += 1000) await request.send(rows);
    });
    const limits = { ...LIMITS, maxRows: total, maxBytes: 1e9 };
    const running = await engine.run(target(server), { sql: 'SELECT x', values: [] }, limits, never);
    for await (const chunk of running.chunks) {
      expect(chunk.rowCount).toBe(1000);
      break;
    }
    expect(await until(() => server.open === 0)).toBe(true);
    expect(sent).toBeLessThan(total);
  });

  it('encrypts, and verifies the certificate by the name of the host', async () => {
    const server = await warehouse({ tls: own });
    const secure = (change: Record<string, unknown> = {}): ConnectionTarget =>
      target(server, { tls: 'REQUIRED', host: 'localhost', sslRootCert: own.cert, ...change });
    expect(await lastStage(secure())).toEqual(['QUERY', true, null]);
    expect(server.logins.every((login) => login.isEncrypted)).toBe(true);
    const at = secure();
    expect((await query(at, 'SELECT n FROM numbers(5000)', { maxRows: 6000 })).rowCount).toBe(5000);
    expect((await query(at, 'SELECT n FROM numbers(30)', { maxRows: 10 })).rowCount).toBe(10);
    expect(await until(() => server.attentions === 1)).toBe(true);
    const known = server.logins.length;
    expect(await lastStage(secure({ sslRootCert: undefined }))).toEqual([
      'TLS',
      false,
      "The server's certificate is not trusted.",
    ]);
    expect(await lastStage(secure({ sslRootCert: other.cert }))).toEqual([
      'TLS',
      false,
      "The server's certificate is not trusted.",
    ]);
    expect(await lastStage(secure({ host: '127.0.0.1' }))).toEqual([
      'TLS',
      false,
      "The server's certificate is for another host.",
    ]);
    expect(server.logins).toHaveLength(known);
    expect(await lastStage(secure({ sslRootCert: undefined, trustServerCertificate: true }))).toEqual([
      'QUERY',
      true,
      null,
    ]);
  });

  it('goes on to the host that a server sends it to', async () => {
    const server = await warehouse();
    const gate = await warehouse({
      login: () => Buffer.concat([tds.loginAck(), tds.routing('127.0.0.1', server.port), tds.done()]),
    });
    expect(await lastStage(target(gate))).toEqual(['QUERY', true, null]);
    expect(server.statements).toContain('SELECT 1');
    expect(gate.statements).toEqual([]);
  });
});

describe('SQL Server refuses', () => {
  it.each([
    [18_456, 'The database refused the user name or the password.'],
    [18_488, 'The password has expired.'],
    [4060, 'The database does not exist for this user.'],
    [40_615, "The server's firewall does not let the gateway in."],
    [17_142, 'It is … time, says …'],
  ])('a login that fails by %i', async (number, message) => {
    const login = () => Buffer.concat([tds.error(number, `It is ${SECRET} time, says 127.0.0.1`), tds.done(2)]);
    const server = await warehouse({ login });
    expect(await lastStage(target(server))).toEqual(['LOGIN', false, message]);
    expect(server.logins).toHaveLength(1);
  });

  it('to talk in the open where one of the two does not want it', async () => {
    const plain = await warehouse();
    const strict = await warehouse({ tls: own, encryption: 3 });
    const change = { tls: 'REQUIRED' };
    expect(await lastStage(target(plain, change))).toEqual(['TLS', false, 'The server does not offer TLS.']);
    expect(await lastStage(target(strict))).toEqual(['TLS', false, 'The server wants TLS.']);
    expect([...plain.logins, ...strict.logins]).toEqual([]);
  });

  it('to leave a certificate unverified on the public internet', async () => {
    world.isPublic = true;
    const server = await warehouse({ tls: own });
    const said = 'On the public internet the certificate is always verified.';
    const trusting = { tls: 'REQUIRED', host: 'localhost', trustServerCertificate: true };
    expect(await lastStage(target(server, trusting))).toEqual(['TLS', false, said]);
    expect(await lastStage(target(server))).toEqual(['TLS', false, said]);
    const verifying = { tls: 'REQUIRED', host: 'localhost', sslRootCert: own.cert };
    expect(await lastStage(target(server, verifying))).toEqual(['QUERY', true, null]);
    const strict = createSqlserver({ network: { allowPrivate: [] } });
    const { settings } = target(server, { tls: 'REQUIRED' });
    expect(() => strict.checkSettings(settings)).not.toThrow();
    expect(() => strict.checkSettings({ ...settings, trustServerCertificate: true })).toThrow(/trustServerCertificate/);
    expect(() => strict.checkSettings({ ...settings, tls: 'DISABLED' })).toThrow(/tls/);
    expect(() => engine.checkSettings({ ...settings, trustServerCertificate: 'yes' })).toThrow(/true or false/);
  });

  it('to work without its driver, and says what to do', async () => {
    const missing = createSqlserver({ network: local, driver: () => Promise.reject(new Error('no such package')) });
    const [stage] = await missing.test(target(shop), never);
    expect(stage).toMatchObject({
      stage: 'SETTINGS',
      ok: false,
      message: 'SQL Server needs the package tedious, which is not installed.',
      hint: 'Run npm install tedious@^20 where the gateway runs, then start it again.',
    });
    const run = missing.run(target(shop), { sql: 'SELECT 1', values: [] }, LIMITS, never);
    expect((await failure(run)).code).toBe('DRIVER_MISSING');
  });

  it('what a statement did wrong, in the words of the server', async () => {
    const server = await liar(async ({ sql, send }) => {
      const list: tds.TdsColumn[] = [['x', tds.types.int]];
      const late = [tds.columns(list), tds.row(list, [1]), tds.error(8134, 'Divide by zero.'), tds.done(2)];
      const two = [tds.error(208, 'No orders.'), tds.error(8180, 'Not prepared.'), tds.done(2)];
      const locked = [tds.error(1222, 'Lock request time out period exceeded.'), tds.done(2)];
      await send(...(sql.includes('late') ? late : sql.includes('two') ? two : locked));
    });
    const at = target(server);
    const said: unknown[] = [];
    for (const sql of ['SELECT late', 'SELECT two', 'SELECT locked']) {
      const { code, message, hint } = await failure(query(at, sql));
      said.push([code, message, hint]);
    }
    expect(said).toEqual([
      ['ENGINE_FAILED', 'Divide by zero.', null],
      ['ENGINE_FAILED', 'No orders.', null],
      ['ENGINE_FAILED', 'Lock request time out period exceeded.', 'Others are writing to these rows: try again.'],
    ]);
    for (let i = 0; i < 6; i++) await failure(query(at, 'SELECT two'));
    expect(server.logins.length).toBeLessThanOrEqual(4);
  });

  it('statements with more than one result', async () => {
    const list: tds.TdsColumn[] = [['x', tds.types.int]];
    const server = await liar(async ({ send }) => {
      for (let i = 0; i < 2; i++) await send(tds.columns(list), tds.row(list, [1]), tds.done(1, 1));
      await send(tds.done());
    });
    const at = target(server);
    expect((await failure(query(at, 'SELECT 1'))).message).toBe('The statement gives more than one result.');
  });
});

describe('SQL Server guards', () => {
  it('against being sent to hosts that it must not reach, or in circles', async () => {
    const sendOn = (host: string, port: number): Buffer =>
      Buffer.concat([tds.loginAck(), tds.routing(host, port), tds.done()]);
    for (const host of ['169.254.169.254', '10.0.0.1', '/var/run/x', 'no-such-host.invalid']) {
      const [stage, ok, message] = await lastStage(target(await warehouse({ login: () => sendOn(host, 1433) })));
      expect([stage, ok]).toEqual(['LOGIN', false]);
      expect(message).toMatch(/^The server sends its clients to another host\. The host /);
    }
    const circle: TdsWarehouse = await warehouse({ login: () => sendOn('127.0.0.1', circle.port) });
    expect((await lastStage(target(circle)))[2]).toContain('It goes on from host to host.');
    expect(circle.logins).toHaveLength(4);
  });

  it('does not believe what would keep it busy without end', async () => {
    for (const size of ['0', '8', '-1', 'abc', '99999']) {
      const login = () => Buffer.concat([tds.loginAck(), tds.textChange(4, size, '4096'), tds.done()]);
      const [stage, ok] = await lastStage(target(await warehouse({ login })));
      expect([size, stage, ok]).toEqual([size, 'LOGIN', false]);
    }
    const errors = Buffer.concat(Array.from({ length: 200 }, () => tds.error(50_000, 'No.')));
    const server = await liar(async ({ send, signal }) => {
      while (!signal.aborted) await send(errors);
    });
    expect((await failure(query(target(server), 'SELECT 1'))).code).toBe('ENGINE_FAILED');
    expect(await until(() => server.open === 0)).toBe(true);
  });

  it.each<[string, string, (request: TdsRequest) => Promise<void> | void]>([
    ['a text without end', 'RESULT_TOO_LARGE', (request) => flood(request, [['x', tds.types.nvarcharMax]], true)],
    ['notes without end', 'RESULT_TOO_LARGE', (request) => flood(request, [])],
    ['more columns than it names', 'ENGINE_FAILED', (request) => repeat(request, Buffer.from('81ffff', 'hex'), COLUMN)],
    ['a length of 4 GiB', 'RESULT_TOO_LARGE', (request) => repeat(request, IMAGE, Buffer.alloc(4000))],
    ['bytes that are no token', 'ENGINE_FAILED', (request) => request.send(Buffer.from('00010203', 'hex'))],
    [
      'a type that there is not',
      'ENGINE_FAILED',
      (request) => request.send(Buffer.from('810100000000000000ee', 'hex')),
    ],
    ['packets shorter than themselves', 'ENGINE_FAILED', (request) => tooShort(request)],
    [
      'half an answer',
      'ENGINE_FAILED',
      (request) => request.send(tds.columns([['x', tds.types.int]]), Buffer.from([0xd1])),
    ],
    ['an end of the connection', 'ENGINE_FAILED', ({ drop }) => drop()],
    ['an end amid the rows', 'ENGINE_FAILED', (request) => dropLate(request)],
  ])('survives %s', async (_name, code, lie) => {
    const server = await liar(lie);
    const error = await failure(query(target(server), 'SELECT 1', { maxRows: 100_000, maxBytes: 500_000 }));
    expect(error.code).toBe(code);
    expect(await until(() => server.open === 0)).toBe(true);
    expect((await query(target(shop), 'SELECT 1')).rowCount).toBe(1);
  });

  it('survives an answer that was complete before the connection broke while nobody read', async () => {
    const list: tds.TdsColumn[] = [['x', tds.types.int]];
    let drop: (() => void) | undefined;
    const server = await liar(async (request) => {
      const rows = Array.from({ length: 1500 }, (_, i) => tds.row(list, [i]));
      request.sendRaw(tds.packets(4, Buffer.concat([tds.columns(list), ...rows, tds.done(0, 1500)])));
      ({ drop } = request);
      await new Promise(() => undefined);
    });
    const limits = { ...LIMITS, maxRows: 5000 };
    const running = await engine.run(target(server), { sql: 'SELECT x', values: [] }, limits, never);
    drop?.();
    await until(() => server.open === 0);
    const reading = (async () => {
      let count = 0;
      for await (const chunk of running.chunks) count += chunk.rowCount;
      return count;
    })();
    expect((await failure(reading)).message).toBe('The connection to the database broke off.');
  });

  it('survives an answer whose last bytes are those too many', async () => {
    const list: tds.TdsColumn[] = [['x', tds.types.nvarcharMax]];
    const server = await liar(({ send }) =>
      send(tds.columns(list), tds.row(list, ['x'.repeat(33_000)]), tds.done(0, 1)),
    );
    const error = await failure(query(target(server), 'SELECT 1', { maxBytes: 10 }));
    expect(error.code).toBe('RESULT_TOO_LARGE');
    expect(await until(() => server.open === 0)).toBe(true);
  });

  it('survives a greeting without end', async () => {
    const server = await warehouse({
      greeting: (socket) => {
        const more = (): void => {
          while (!socket.destroyed && socket.write(tds.packets(4, Buffer.alloc(60_000), false)));
        };
        socket.on('drain', more);
        more();
      },
    });
    expect((await lastStage(target(server))).slice(0, 2)).toEqual(['LOGIN', false]);
    expect(await until(() => server.open === 0)).toBe(true);
  });

  it('leaves a server that does not stop when told to', async () => {
    const deaf = await warehouse({ isDeaf: true });
    const at = target(deaf);
    expect((await failure(query(at, 'SELECT act_slow AS deaf', { timeoutMs: 200 }))).code).toBe('QUERY_TIMEOUT');
    expect(await until(() => deaf.open === 0)).toBe(true);
    expect(deaf.attentions).toBe(1);
    expect((await query(at, 'SELECT 1')).rowCount).toBe(1);
  });

  it('survives bytes that fell over on the way', async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    const list: tds.TdsColumn[] = [
      ['a', tds.types.decimal(38, 4)],
      ['b', tds.types.nvarcharMax],
      ['c', tds.types.datetime2(7)],
      ['d', tds.types.variant],
    ];
    const values = ['1.0000', 'text', '2024-01-01 00:00:00', '2.0000'];
    const rows = Array.from({ length: 5 }, (_, i) => (i % 2 ? tds.row : tds.sparseRow)(list, values));
    const good = Buffer.concat([tds.columns(list), ...rows, tds.info(1, 'note'), tds.done(0, 5)]);
    const server = await liar(async ({ send, drop }) => {
      const bad = Buffer.from(good);
      for (let i = 0; i <= random(3); i++) bad[random(bad.length)] = random(256);
      await send(random(4) ? bad : bad.subarray(0, random(bad.length)));
      if (random(4) === 0) drop();
    });
    const at = target(server);
    const codes = new Set<string>();
    for (let i = 0; i < 100; i++) {
      // A value whose length grew is waited for; the message ends before, so nothing waits for the clock.
      const outcome = await query(at, 'SELECT 1').catch((error: unknown) => error);
      codes.add(outcome instanceof EngineError ? outcome.code : outcome instanceof Error ? String(outcome) : 'ROWS');
    }
    expect([...codes].sort()).toEqual(['ENGINE_FAILED', 'ROWS']);
  }, 120_000);
});

const COLUMN = Buffer.from('0000000000002604017800', 'hex');
/** A column of the type image, and a cell of it that says to be 4 GiB long. */
const IMAGE = Buffer.concat([
  Buffer.from('810100', 'hex'),
  Buffer.from('000000000000', 'hex'),
  Buffer.from('22ffffff7f00017800', 'hex'),
  Buffer.from('d110', 'hex'),
  Buffer.alloc(24),
  Buffer.from('ffffffff', 'hex'),
]);

async function flood({ send, signal }: TdsRequest, list: tds.TdsColumn[], isText = false): Promise<void> {
  if (isText) await send(tds.columns(list), Buffer.from('d1feffffffffffffff', 'hex'));
  const text = Buffer.concat([Buffer.from([0x80, 0x0f, 0, 0]), Buffer.alloc(0x0f80, 0x41)]);
  while (!signal.aborted) await send(isText ? text : tds.info(1, 'x'.repeat(2000)));
}

async function repeat({ send, signal }: TdsRequest, start: Buffer, rest: Buffer): Promise<void> {
  await send(start);
  const many = Buffer.concat(Array.from({ length: 100 }, () => rest));
  while (!signal.aborted) await send(many);
}

async function tooShort({ sendRaw, signal }: TdsRequest): Promise<void> {
  sendRaw(Buffer.from('0400000300000100', 'hex'));
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

async function dropLate({ send, drop }: TdsRequest): Promise<void> {
  const list: tds.TdsColumn[] = [['x', tds.types.int]];
  await send(tds.columns(list), ...Array.from({ length: 2000 }, () => tds.row(list, [1])));
  drop();
}
