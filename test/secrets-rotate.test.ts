import { execFile } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionPlace } from '../src/connections/open.ts';
import { once } from '../src/idempotency.ts';
import { createContext, type Context } from '../src/context.ts';
import { newId } from '../src/ids.ts';
import { permissionsOf } from '../src/permissions.ts';
import { rotateSecrets } from '../src/platform/rotate-secrets.ts';
import { createSealer, rewrap } from '../src/secrets.ts';
import { testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

const root = path.join(import.meta.dirname, '..');
/** The key of the test gateway, and those after it. */
const [first, second, third] = [7, 8, 9].map((byte) => Buffer.alloc(32, byte)) as [Buffer, Buffer, Buffer];

let t: TestGateway;
let us: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
});
afterAll(() => t.close());

const SECRET = 'hunter2-hunter2';
const integrationPlace = (id: string): string => `Integration/sealedCredentials/${id}`;

async function connection(master: Buffer, more: object = {}): Promise<string> {
  const id = newId();
  await t.world.connection(us.company.id, {
    id,
    sealedCredentials: createSealer(master).seal({ password: SECRET }, connectionPlace(id)),
    ...more,
  });
  return id;
}
async function integration(master: Buffer): Promise<string> {
  const id = newId();
  await t.app.database.prisma.integration.create({
    data: {
      id,
      companyId: us.company.id,
      userId: us.users.EDITOR.id,
      platform: 'GHOST',
      platformName: 'Blog',
      sealedCredentials: createSealer(master).seal({ key: SECRET }, integrationPlace(id)),
      credentialsLastFour: 'er2x',
    },
  });
  return id;
}
const sealedOf = async (id: string): Promise<Buffer> =>
  Buffer.from(
    (await t.app.database.prisma.connection.findUniqueOrThrow({ where: { id } })).sealedCredentials ?? Buffer.alloc(0),
  );
const clean = () =>
  t.app.database.query(
    'with a as (delete from "Connection"), b as (delete from "Integration") delete from "IdempotencyKey"',
    [],
  );
const contextOf = (master: Buffer): Context =>
  createContext(
    { ...t.app, sealer: createSealer(master) },
    {
      viewer: {
        kind: 'KEY',
        companyId: us.company.id,
        userId: us.users.OWNER.id,
        role: 'OWNER',
        permissions: permissionsOf.OWNER,
        apiKeyId: us.keyIds.OWNER,
        sessionId: null,
        endpointId: null,
        acceptedEula: true,
        expiresAt: null,
        rateLimit: null,
      },
      signal: new AbortController().signal,
      requestId: 'r',
      clientAddress: '',
      userAgent: null,
    },
  );

/** Runs the script; answers its code and all that it said. */
function script(settings: Record<string, string>): Promise<{ code: number; text: string }> {
  const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: t.app.config.DATABASE_URL ?? '', ...settings };
  return new Promise((resolve) => {
    execFile(process.execPath, ['scripts/secrets-rotate.ts'], { cwd: root, env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), text: stdout + stderr }),
    );
  });
}

describe('rewrapping works', () => {
  it('opens under the new key alone, the value itself untouched', () => {
    const sealed = createSealer(first).seal({ password: SECRET }, 'Connection/1');
    const fresh = rewrap(sealed, 'Connection/1', { from: first, to: second }) as Buffer;
    expect(createSealer(second).open(fresh, 'Connection/1')).toEqual({ password: SECRET });
    expect(() => createSealer(first).open(fresh, 'Connection/1')).toThrow();
    expect(fresh.subarray(61).equals(sealed.subarray(61))).toBe(true);
    expect(rewrap(fresh, 'Connection/1', { from: first, to: second })).toBeNull();
  });

  it('refuses another place, another key and other bytes', () => {
    const sealed = createSealer(first).seal('x', 'Connection/1');
    expect(() => rewrap(sealed, 'Connection/2', { from: first, to: second })).toThrow();
    expect(() => rewrap(sealed, 'Connection/1', { from: third, to: second })).toThrow();
    expect(() => rewrap(Buffer.from('x'), 'Connection/1', { from: first, to: second })).toThrow('unknown version');
  });
});

describe('the rotation works', () => {
  it('re-wraps all that is sealed, deleted rows too, and keeps it all the second time', async () => {
    await clean();
    const ids = [await connection(first), await connection(first, { active: false })];
    await t.world.connection(us.company.id);
    const blog = await integration(first);
    const masters = { from: first, to: second };
    expect(await rotateSecrets(t.app.database, masters)).toEqual([
      { table: 'Connection', rewrapped: 2, kept: 0, dropped: 0, unreadable: [] },
      { table: 'Integration', rewrapped: 1, kept: 0, dropped: 0, unreadable: [] },
      { table: 'IdempotencyKey', rewrapped: 0, kept: 0, dropped: 0, unreadable: [] },
    ]);
    for (const id of ids)
      expect(createSealer(second).open(await sealedOf(id), connectionPlace(id))).toEqual({ password: SECRET });
    const row = await t.app.database.prisma.integration.findUniqueOrThrow({ where: { id: blog } });
    expect(createSealer(second).open(row.sealedCredentials, integrationPlace(blog))).toEqual({ key: SECRET });
    const again = await rotateSecrets(t.app.database, masters);
    expect(again.map(({ rewrapped, kept }) => [rewrapped, kept])).toEqual([
      [0, 2],
      [0, 1],
      [0, 0],
    ]);
  });

  it('goes on where it was interrupted', async () => {
    await clean();
    const ids = [await connection(first), await connection(first), await connection(first)];
    let left = 2;
    const cut = {
      query: t.app.database.query,
      atomically: ((work) => {
        if (left-- === 0) throw new Error('cut');
        return t.app.database.atomically(work);
      }) as typeof t.app.database.atomically,
    };
    await expect(rotateSecrets(cut, { from: first, to: second })).rejects.toThrow('cut');
    const [after] = await rotateSecrets(t.app.database, { from: first, to: second });
    expect(after).toMatchObject({ rewrapped: 1, kept: 2 });
    for (const id of ids) expect(createSealer(second).open(await sealedOf(id), connectionPlace(id))).toBeTruthy();
  });

  it('reads more rows than a page has', async () => {
    await clean();
    await t.app.database.query(
      `insert into "IdempotencyKey" ("companyId", key, operation, "inputHash", answer) select $1::uuid, 'k' || i, 'x', '', $2 from generate_series(1, 1001) i`,
      [us.company.id, Buffer.from('x')],
    );
    const [, , answers] = await rotateSecrets(t.app.database, { from: first, to: second });
    expect(new Set(answers?.unreadable).size).toBe(1001);
  });

  it('repeats the answers of idempotency keys as before, and drops those past their day', async () => {
    await clean();
    const work = async (): Promise<{ n: number }> => ({ n: ++count });
    let count = 0;
    await once(contextOf(first), 'op', 'key/1', { a: 1 }, work);
    await once(contextOf(first), 'op', 'old', { a: 1 }, work);
    await t.app.database.query(
      `update "IdempotencyKey" set "createdAt" = now() - interval '25 hours' where key = 'old'`,
      [],
    );
    const [, , answers] = await rotateSecrets(t.app.database, { from: first, to: second });
    expect(answers).toEqual({ table: 'IdempotencyKey', rewrapped: 1, kept: 0, dropped: 1, unreadable: [] });
    expect(await once(contextOf(second), 'op', 'key/1', { a: 1 }, work)).toEqual({ n: 1 });
    expect(count).toBe(2);
  });

  it('is a script that says how many, and no secret', async () => {
    await clean();
    const id = await connection(first);
    const keys = { SECRETS_KEY_OLD: first.toString('base64'), SECRETS_KEY: second.toString('base64') };
    const done = await script(keys);
    expect(done.code).toBe(0);
    expect(done.text.split('\n').slice(0, 3)).toEqual([
      'Connection: 1 re-wrapped, 0 under the new key already.',
      'Integration: 0 re-wrapped, 0 under the new key already.',
      'IdempotencyKey: 0 re-wrapped, 0 under the new key already.',
    ]);
    for (const secret of [SECRET, ...Object.values(keys)]) expect(done.text).not.toContain(secret);
    expect(createSealer(second).open(await sealedOf(id), connectionPlace(id))).toEqual({ password: SECRET });
  });
});

describe('the rotation refuses', () => {
  it('to begin without both keys, or with one twice', async () => {
    const key = first.toString('base64');
    const answers = await Promise.all([
      script({ SECRETS_KEY: key }),
      script({ SECRETS_KEY_OLD: key }),
      script({ SECRETS_KEY: key, SECRETS_KEY_OLD: key }),
      script({ SECRETS_KEY: key, SECRETS_KEY_OLD: 'short' }),
    ]);
    expect(answers.map(({ code }) => code)).toEqual([1, 1, 1, 1]);
    expect(answers.map(({ text }) => text.split('\n')[1]?.trim().split(':')[0])).toEqual([
      'SECRETS_KEY_OLD',
      'SECRETS_KEY',
      'SECRETS_KEY_OLD',
      'SECRETS_KEY_OLD',
    ]);
    for (const { text } of answers) expect(text).not.toContain(key);
  });
});

describe('the rotation guards', () => {
  it('leaves what neither key opens as it is, and names it', async () => {
    await clean();
    const foreign = await connection(third);
    const own = await connection(first);
    const before = await sealedOf(foreign);
    const done = await script({ SECRETS_KEY_OLD: first.toString('base64'), SECRETS_KEY: second.toString('base64') });
    expect(done.code).toBe(1);
    expect(done.text).toContain(`Connection ${foreign}: neither key opens it; it was left as it is.`);
    expect((await sealedOf(foreign)).equals(before)).toBe(true);
    expect(createSealer(second).open(await sealedOf(own), connectionPlace(own))).toEqual({ password: SECRET });
  });

  it('does not swap the values of two rows', async () => {
    await clean();
    const [a, b] = [await connection(first), await connection(first)];
    await t.app.database.prisma.connection.update({
      where: { id: a },
      data: { sealedCredentials: (await sealedOf(b)) as Buffer<ArrayBuffer> },
    });
    const [done] = await rotateSecrets(t.app.database, { from: first, to: second });
    expect(done).toMatchObject({ rewrapped: 1, unreadable: [a] });
  });
});
