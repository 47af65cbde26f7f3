import { once } from 'node:events';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthenticator, type Authenticator } from '../src/auth.ts';
import type { Database } from '../src/database/db.ts';
import { testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

/** What a process believes of credentials, when their changes come at awkward moments. */

let t: TestGateway;
let us: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant();
});
afterAll(() => t.close());

/** An authenticator as another process has it, on a database that a test may hold up. */
async function another(held: Partial<Database>): Promise<Authenticator> {
  return createAuthenticator({ ...t.app.database, ...held }, t.app.usage, t.app.limits.keys, t.app.log);
}
const as = (secret: string): Headers => new Headers({ 'x-api-key': secret });

describe('works', () => {
  it('believes no key that was revoked while it was looked up', async () => {
    let client: pg.Client | undefined;
    const answer = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    let isHeld = true;
    const auth = await another({
      connect: async () => (client = await t.app.database.connect()),
      query: async (...sent) => {
        const rows = await t.app.database.query(...sent);
        asked.resolve();
        if (isHeld) await answer.promise;
        return rows as never;
      },
    });
    try {
      const { key, secret } = await t.world.apiKey(us.company.id, 'VIEWER', { userId: us.users.VIEWER.id });
      const first = auth.authenticate(as(secret));
      await asked.promise;
      const heard = once(client as pg.Client, 'notification');
      await t.app.database.prisma.apiKey.update({ where: { id: key.id }, data: { revokedAt: new Date() } });
      await heard;
      isHeld = false;
      answer.resolve();
      expect(await first).toMatchObject({ apiKeyId: key.id });
      await expect(auth.authenticate(as(secret))).rejects.toThrow('This API key was revoked.');
    } finally {
      await auth.close();
    }
  });

  it('listens again after a database that was away for longer, and believes nothing meanwhile', async () => {
    const clients: pg.Client[] = [];
    let refusals = 2;
    let lookups = 0;
    const auth = await another({
      connect: async () => {
        if (clients.length > 0 && refusals-- > 0) throw new Error('the database is away');
        const client = await t.app.database.connect();
        clients.push(client);
        return client;
      },
      query: (...sent) => {
        lookups++;
        return t.app.database.query(...sent);
      },
    });
    const looked = async (): Promise<number> => {
      const before = lookups;
      await auth.authenticate(as(us.keys.VIEWER));
      return lookups - before;
    };
    try {
      expect([await looked(), await looked()]).toEqual([1, 0]);
      const gone = new Promise<void>((resolve) => clients[0]?.on('end', resolve));
      const { rows } = await (clients[0] as pg.Client).query<{ pid: number }>('select pg_backend_pid() as pid');
      await t.app.database.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await gone;
      expect([await looked(), await looked()]).toEqual([1, 1]);
      await expect
        .poll(async () => [clients.length, await looked(), await looked()], { timeout: 30_000 })
        .toEqual([2, 0, 0]);
    } finally {
      await auth.close();
    }
  });
});
