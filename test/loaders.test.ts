import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createContext, transaction, type Context } from '../src/context.ts';
import type { RunQuery } from '../src/database/db.ts';
import { newId } from '../src/ids.ts';
import { createBatchers, load, manyByPosition, oneByPosition, type Loader } from '../src/lists/loader.ts';
import { OWN, rowBy } from '../src/lists/rows.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

interface Small {
  id: string;
  handle: string;
  key: string;
  userIds: string[];
}

let t: TestGateway;
const tenants: Small[] = [];
beforeAll(async () => {
  t = await testGateway();
  for (let i = 0; i < 20; i++) {
    const company = await t.world.company({ handle: `tenant-${i}` });
    // Another number of users each, so that no answer fits another tenant.
    const users = await Promise.all(
      Array.from({ length: 1 + (i % 7) }, (_, n) =>
        t.world.user(company.id, 'EDITOR', { name: `User ${n % 3} of ${i}` }),
      ),
    );
    const { secret } = await t.world.apiKey(company.id, 'VIEWER');
    tenants.push({ id: company.id, handle: company.handle, key: secret, userIds: users.map((user) => user.id) });
  }
});
afterAll(() => t.close());

/** A request's context without a credential; loaders ask no more. */
function context(signal: AbortSignal = new AbortController().signal, app = t.app): Context {
  return createContext(app, { viewer: null, signal, requestId: 'test', clientAddress: '127.0.0.1', userAgent: null });
}

/** A loader of numbers that counts its statements; the key 0 is a division by zero. */
function quotients(name: string): { loader: Loader<number, string | null>; batches: number[][] } {
  const batches: number[][] = [];
  const loader: Loader<number, string | null> = {
    name,
    keyOf: String,
    async batch(query, keys) {
      batches.push([...keys]);
      const rows = await query<{ n: number; value: string }>(
        'select k.n, (100 / k.id)::text as value from unnest($1::int[]) with ordinality as k(id, n)',
        [keys],
      );
      return oneByPosition(keys, rows).map((row) => row?.value ?? null);
    },
  };
  return { loader, batches };
}

const queries = [
  '{ company { handle users(orderBy: {field: NAME, direction: ASC}, first: 3) { nodes { name } pageInfo { endCursor hasNextPage } totalCount { value } } } }',
  '{ company { users(where: {name: {startsWith: "User 1"}}) { nodes { name email } totalCount { value } } } }',
  '{ viewer { role company { handle plan { code } users(last: 2) { edges { cursor node { name } } } } } }',
  'query ($a: ID!, $b: ID!) { company { own: user(id: $a) { email } foreign: user(id: $b) { email } } }',
];
const idOf = (key: string): string => Buffer.from(`User:${key}`).toString('base64url');

describe('loaders work', () => {
  it('gives interleaved requests of 20 tenants exactly their solo answers, in fewer statements than requests', async () => {
    const requests = tenants.flatMap((tenant, i) =>
      queries.map((query) => {
        const other = tenants[(i + 1) % tenants.length] as Small;
        return {
          key: tenant.key,
          query,
          variables: query.startsWith('query')
            ? { a: idOf(tenant.userIds[0] ?? ''), b: idOf(other.userIds[0] ?? '') }
            : {},
        };
      }),
    );
    const solo: unknown[] = [];
    for (const { key, query, variables } of requests) solo.push(await t.run(key, query, variables));
    expect(JSON.stringify(solo)).not.toContain('errors');
    // Every tenant sees its own, and nothing of the next.
    expect((solo[3] as { data: { company: object } }).data.company).toEqual({
      own: { email: expect.any(String) },
      foreign: null,
    });
    expect(new Set(solo.slice(0, 80).map((answer) => JSON.stringify(answer))).size).toBeGreaterThan(70);
    for (let round = 0; round < 3; round++) {
      const order = requests
        .map((_, i) => i)
        .sort((a, b) => ((a * 7919 + round * 31) % 83) - ((b * 7919 + round * 31) % 83));
      const answers: unknown[] = [];
      const statements = await t.statements(async () => {
        await Promise.all(
          order.map(
            async (i) =>
              (answers[i] = await t.run(requests[i]?.key ?? null, requests[i]?.query ?? '', requests[i]?.variables)),
          ),
        );
      });
      expect(answers).toEqual(solo);
      expect(statements.length).toBeLessThan(requests.length / 2);
    }
  });

  it('asks one statement for all keys of a turn, each key once', async () => {
    const { loader, batches } = quotients('turn');
    const [a, b] = [context(), context()];
    const answers = await Promise.all([
      load(a, loader, 1),
      load(a, loader, 2),
      load(b, loader, 2),
      load(b, loader, 5),
      load(a, loader, 1),
    ]);
    expect(answers).toEqual(['100', '50', '50', '20', '100']);
    expect(batches).toEqual([[1, 2, 5]]);
  });

  it('remembers within a request, and not beyond it', async () => {
    const { loader, batches } = quotients('memory');
    const first = context();
    await load(first, loader, 4);
    await load(first, loader, 4);
    expect(batches).toEqual([[4]]);
    await load(context(), loader, 4);
    expect(batches).toEqual([[4], [4]]);
  });

  it('splits what is too much for one statement', async () => {
    const { loader, batches } = quotients('large');
    const ctx = context();
    const answers = await Promise.all(Array.from({ length: 1200 }, (_, i) => load(ctx, loader, i + 1)));
    expect(batches.map((batch) => batch.length)).toEqual([500, 500, 200]);
    expect(answers.slice(0, 3)).toEqual(['100', '50', '33']);
  });

  it('hands out frozen rows, in the order of the keys, null where there is none', async () => {
    const loader = rowBy<{ id: string; handle: string }>('Company', { where: 't.id = k.company' });
    const ctx = context();
    const [first, second] = tenants as [Small, Small];
    const rows = await Promise.all([
      load(ctx, loader, { company: second.id, id: second.id }),
      load(ctx, loader, { company: first.id, id: second.id }),
      load(ctx, loader, { company: first.id, id: first.id }),
    ]);
    expect(rows.map((row) => row?.handle ?? null)).toEqual(['tenant-1', null, 'tenant-0']);
    expect(rows[0] && Object.isFrozen(rows[0])).toBe(true);
    expect(() => Object.assign(rows[0] as object, { handle: 'changed' })).toThrow(TypeError);
    const lists = manyByPosition(
      ['a', 'b'],
      [
        { n: '2', v: 1 },
        { n: '2', v: 2 },
      ],
    );
    expect(lists).toEqual([
      [],
      [
        { n: '2', v: 1 },
        { n: '2', v: 2 },
      ],
    ]);
    expect(lists[1]?.every((row) => Object.isFrozen(row))).toBe(true);
  });
});

describe('loaders refuse', () => {
  it('fails the key that fails, and no other', async () => {
    const { loader, batches } = quotients('division');
    const requests = [context(), context(), context()];
    const keys = [
      [1, 2, 3],
      [4, 0],
      [5, 10],
    ];
    const answers = await Promise.all(
      requests.map((ctx, i) => Promise.allSettled((keys[i] ?? []).map((key) => load(ctx, loader, key)))),
    );
    const shown = answers.map((one) =>
      one.map((answer) => (answer.status === 'fulfilled' ? answer.value : (answer.reason as { code: string }).code)),
    );
    expect(shown).toEqual([
      ['100', '50', '33'],
      ['25', '22012'],
      ['20', '10'],
    ]);
    expect(batches[0]).toEqual([1, 2, 3, 4, 0, 5, 10]);
    expect(batches.at(-1)).not.toContain(1);
  });

  it('fails all keys of a statement that fails as a whole, once', async () => {
    let sent = 0;
    const loader: Loader<number, never> = {
      name: 'broken',
      keyOf: String,
      batch: (query) => {
        sent++;
        return query<never>('select nothing from nowhere', []);
      },
    };
    const ctx = context();
    const answers = await Promise.allSettled([1, 2, 3].map((key) => load(ctx, loader, key)));
    expect(answers.map((answer) => answer.status === 'rejected' && (answer.reason as { code: string }).code)).toEqual([
      '42P01',
      '42P01',
      '42P01',
    ]);
    expect(sent).toBe(1);
  });

  it('drops the keys of a request that was aborted, and harms no other', async () => {
    const { loader, batches } = quotients('abort');
    const gone = new AbortController();
    const [left, stays] = [context(gone.signal), context()];
    const lost = Promise.allSettled([load(left, loader, 1), load(left, loader, 2), load(left, loader, 0)]);
    const kept = Promise.all([load(stays, loader, 2), load(stays, loader, 4)]);
    gone.abort();
    expect(await kept).toEqual(['50', '25']);
    expect((await lost).map((one) => one.status === 'rejected' && (one.reason as Error).name)).toEqual([
      'AbortError',
      'AbortError',
      'AbortError',
    ]);
    expect(batches).toEqual([[2, 4]]);
    const alone = Promise.allSettled([load(left, loader, 7)]);
    expect((await alone)[0]).toMatchObject({ status: 'rejected' });
    expect(batches).toHaveLength(1);
  });
});

describe('loaders guard', () => {
  it('ask alone in a transaction, on its connection, and see what it wrote', async () => {
    const [tenant] = tenants as [Small];
    const loader = rowBy<{ name: string }>('User', { where: OWN });
    const app = { ...t.app, batchers: createBatchers() };
    const id = newId();
    const outside = context(undefined, app);
    await expect(
      transaction(outside, async (ctx) => {
        await ctx.db.user.create({
          data: { id, companyId: tenant.id, roleId: 5, name: 'Nobody yet', email: `${id}@example.com` },
        });
        const within = await Promise.all([
          load(ctx, loader, { company: tenant.id, id }),
          load(ctx, loader, { company: tenant.id, id }),
        ]);
        expect(within.map((row) => row?.name)).toEqual(['Nobody yet', 'Nobody yet']);
        expect(app.batchers.size).toBe(0);
        expect(await load(context(undefined, app), loader, { company: tenant.id, id })).toBeNull();
        throw new Error('roll back');
      }),
    ).rejects.toThrow('roll back');
    expect(await load(context(undefined, app), loader, { company: tenant.id, id })).toBeNull();
  });

  it('never answer a tenant with the row of another, whoever asks first', async () => {
    const loader = rowBy<{ id: string }>('User', { where: OWN });
    const contexts = tenants.map(() => context());
    const found = await Promise.all(
      tenants.flatMap((tenant, i) =>
        tenants.map((other) =>
          load(contexts[i] as Context, loader, { company: tenant.id, id: other.userIds[0] ?? '' }),
        ),
      ),
    );
    found.forEach((row, i) => {
      const [asker, owner] = [Math.floor(i / tenants.length), i % tenants.length];
      expect(row?.id ?? null).toBe(asker === owner ? tenants[owner]?.userIds[0] : null);
    });
  });

  it('use the query that they are given, so a process has one pool', async () => {
    const seen: string[] = [];
    const query: RunQuery = async <R>(text: string) => {
      seen.push(text);
      return [] as R[];
    };
    const app = { ...t.app, batchers: createBatchers(), database: { ...t.app.database, query } };
    await load(context(undefined, app), rowBy('Company', { where: OWN }), { company: null, id: newId() });
    expect(seen).toHaveLength(1);
  });
});
