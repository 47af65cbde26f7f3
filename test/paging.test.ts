import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cursorOf, fingerprintOf, keysetSql, orderSql, readPage, type SortKey } from '../src/lists/paging.ts';
import { testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

type Way = 'forward' | 'backward';
interface Order {
  field: string;
  direction: 'ASC' | 'DESC';
  nulls?: 'FIRST' | 'LAST';
}
interface Item {
  id: string;
}

const directions = ['ASC', 'DESC'] as const;
const ways: Way[] = ['forward', 'backward'];
const nullsOrders = ['FIRST', 'LAST'] as const;

let t: TestGateway;
let us: Tenant;
let key: string;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  key = us.keys.VIEWER;
  // With the six of the tenant 120 users, of which many share a name, a time of creation, or both.
  const names = ['', ' ', 'null', 'Null', 'ä', 'A', 'a', 'Zoë', '0', "O'Hara", '%', '日本'];
  for (let i = 0; i < 114; i++) {
    await t.world.user(us.company.id, 'EDITOR', {
      name: names[i % names.length] ?? '',
      createdAt: new Date(Date.UTC(2026, 0, 1 + (i % 5), 0, 0, 0, i % 3)),
    });
  }
  // Other tenants' rows lie in between.
  const them = await t.tenant({ handle: 'them' });
  for (let i = 0; i < 20; i++) await t.world.user(them.company.id, 'EDITOR', { name: names[i % names.length] ?? '' });
});
afterAll(() => t.close());

/** All items of a list, page by page; checks each page's own account of where it lies. */
async function walk(
  ask: (
    args: Record<string, unknown>,
  ) => Promise<{ edges: { cursor: string; node: Item }[]; pageInfo: Record<string, unknown> }>,
  size: number,
  way: Way,
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < 400; pages++) {
    const { edges, pageInfo } = await ask(
      way === 'forward' ? { first: size, after: cursor } : { last: size, before: cursor },
    );
    const page = edges.map(({ node }) => node.id);
    const cursors = edges.map((edge) => edge.cursor);
    expect(pageInfo).toMatchObject({ startCursor: cursors[0] ?? null, endCursor: cursors.at(-1) ?? null });
    const [hasMore, cameFrom] =
      way === 'forward' ? ['hasNextPage', 'hasPreviousPage'] : ['hasPreviousPage', 'hasNextPage'];
    expect(pageInfo[cameFrom as string]).toBe(cursor !== null);
    if (way === 'forward') ids.push(...page);
    else ids.unshift(...page);
    if (!pageInfo[hasMore as string]) return ids;
    expect(page).toHaveLength(size);
    cursor = (way === 'forward' ? cursors.at(-1) : cursors[0]) ?? null;
  }
  throw new Error('The list does not end.');
}

const usersPage = `query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: [UserOrder!]) {
  company { users(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }
}`;
const users = (orderBy?: Order[]) => async (args: Record<string, unknown>) => {
  const { data, errors } = await t.run(key, usersPage, { ...args, ...(orderBy ? { orderBy } : {}) });
  expect(errors).toBeUndefined();
  return data.company.users;
};

describe('paging works', () => {
  const orders: Order[][] = [];
  for (const field of ['NAME', 'EMAIL', 'CREATED_AT']) {
    for (const direction of directions) {
      orders.push([{ field, direction }]);
      for (const nulls of nullsOrders) orders.push([{ field, direction, nulls }]);
    }
  }
  for (const first of directions)
    for (const second of directions)
      orders.push([
        { field: 'CREATED_AT', direction: first },
        { field: 'NAME', direction: second },
      ]);
  const title = (order: Order[]): string =>
    order.map(({ field, direction, nulls }) => `${field} ${direction}${nulls ? ` nulls ${nulls}` : ''}`).join(', ');

  it.each(orders.map((order) => [title(order), order] as const))(
    'visits every user once, sorted by %s, both ways',
    async (_, order) => {
      const [forward, backward, whole] = [
        await walk(users(order), 7, 'forward'),
        await walk(users(order), 13, 'backward'),
        await walk(users(order), 100, 'forward'),
      ];
      expect(forward).toHaveLength(120);
      expect(new Set(forward).size).toBe(120);
      expect(forward).toEqual(whole);
      expect(backward).toEqual(whole);
    },
  );

  it('sorts the other way round exactly', async () => {
    for (const field of ['NAME', 'EMAIL', 'CREATED_AT']) {
      const [up, down] = [
        await walk(users([{ field, direction: 'ASC' }]), 50, 'forward'),
        await walk(users([{ field, direction: 'DESC' }]), 50, 'forward'),
      ];
      expect(down).toEqual(up.toReversed());
    }
  });

  it.each(['NAME', 'ID'])('visits every industry once, sorted by %s, without a parent or tenant', async (field) => {
    const { data } = await t.run(null, '{ industries { totalCount { value isExact } } }');
    for (const direction of directions) {
      const industries = async (args: Record<string, unknown>) =>
        (
          await t.run(
            null,
            usersPage
              .replace('company { users', 'industries')
              .replace('UserOrder', 'IndustryOrder')
              .replace(/\}\s*\}$/, '}'),
            { ...args, orderBy: [{ field, direction }] },
          )
        ).data.industries;
      const [forward, backward] = [await walk(industries, 6, 'forward'), await walk(industries, 5, 'backward')];
      expect({ value: new Set(forward).size, isExact: true }).toEqual(data.industries.totalCount);
      expect(backward).toEqual(forward);
    }
  });

  it('places nulls where they are asked to be: every pair of nullable keys, both ways', async () => {
    const { query } = t.app.database;
    await query('create table nullable (id int primary key, a int, b text)', []);
    await query(
      `insert into nullable select i, nullif(i % 4, 0), nullif((array['', 'x', 'y'])[i % 3 + 1], 'y') from generate_series(1, 48) as i`,
      [],
    );
    for (const [first, second, firstNulls, secondNulls] of combinations(
      directions,
      directions,
      nullsOrders,
      nullsOrders,
    )) {
      const keys: SortKey[] = [
        {
          sql: 't.a',
          type: 'int',
          isDescending: first === 'DESC',
          nullsFirst: firstNulls === 'FIRST',
          isNullable: true,
        },
        {
          sql: 't.b',
          type: 'text',
          isDescending: second === 'DESC',
          nullsFirst: secondNulls === 'FIRST',
          isNullable: true,
        },
        { sql: 't.id', type: 'int', isDescending: first === 'DESC', nullsFirst: false, isNullable: false },
      ];
      const expected = await query<{ id: number }>(
        `select id from nullable order by a ${first} nulls ${firstNulls}, b ${second} nulls ${secondNulls}, id ${first}`,
        [],
      );
      for (const way of ways) {
        const seen: number[] = [];
        let from: (string | number | null)[] | null = null;
        for (let pages = 0; pages < 20; pages++) {
          const page = { size: 5, isBackward: way === 'backward', from };
          const values: unknown[] = [];
          const keyset = keysetSql(keys, page, (value) => `$${values.push(value)}`);
          const rows: { id: number; a: number | null; b: string | null }[] = await query(
            `select * from nullable t where ${keyset} order by ${orderSql(keys, page.isBackward)} limit 5`,
            values,
          );
          seen.push(...rows.map((row) => row.id));
          const last = rows.at(-1);
          if (!last) break;
          from = [last.a, last.b, last.id];
        }
        const all = expected.map((row) => row.id);
        expect([first, second, firstNulls, secondNulls, way, seen]).toEqual([
          first,
          second,
          firstNulls,
          secondNulls,
          way,
          way === 'forward' ? all : all.toReversed(),
        ]);
      }
    }
  });

  it('gives 20 unless said, and none for first: 0', async () => {
    expect((await users()({})).edges).toHaveLength(20);
    expect((await users()({ last: null, first: null })).edges).toHaveLength(20);
    const none = {
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    };
    expect(await users()({ first: 0 })).toEqual(none);
    expect(await users()({ last: 0 })).toEqual(none);
    const statements = await t.statements(() => users()({ first: 0 }));
    expect(statements.filter((text) => text.includes('"User"'))).toEqual([]);
  });

  it('goes on where it was when rows come and go meanwhile', async () => {
    const order: Order[] = [{ field: 'EMAIL', direction: 'ASC' }];
    const page = await users(order)({ first: 10 });
    const added = await t.world.user(us.company.id, 'EDITOR', { email: '000-before-all@example.com' });
    const rest = await users(order)({ first: 100, after: page.pageInfo.endCursor });
    await t.app.database.query('delete from "User" where id = $1', [added.id]);
    expect(new Set([...page.edges, ...rest.edges].map((edge: { cursor: string }) => edge.cursor)).size).toBe(110);
    const firstOfAll = page.edges[0] as { cursor: string; node: Item };
    // A cursor of a row that is gone still says where to go on.
    const after = await users(order)({
      first: 1,
      after: Buffer.from(
        Buffer.from(firstOfAll.cursor, 'base64url')
          .toString()
          .replace(/"[^"]+@/, '"a@'),
      ).toString('base64url'),
    });
    expect(after.edges).toHaveLength(1);
  });

  it('counts and reads apart: each alone is one statement', async () => {
    const listStatements = async (selection: string): Promise<string[]> => {
      const statements = await t.statements(async () =>
        expect((await t.run(key, `{ company { users { ${selection} } } }`)).errors).toBeUndefined(),
      );
      return statements.filter((text) => text.includes('"User" t'));
    };
    const [count, ...noMore] = await listStatements('totalCount { value isExact }');
    expect(noMore).toEqual([]);
    expect(count).toContain('count(*)');
    const [rows, ...neither] = await listStatements('nodes { id } edges { cursor } pageInfo { hasNextPage }');
    expect(neither).toEqual([]);
    expect(rows).not.toContain('count(');
    expect(await listStatements('nodes { id } totalCount { value }')).toHaveLength(2);
    expect(await listStatements('__typename')).toEqual([]);
  });

  it('counts to 10,001 and says that it stopped there', async () => {
    const big = await t.world.company({ handle: 'big' });
    const { secret } = await t.world.apiKey(big.id, 'VIEWER');
    const add = (from: number, to: number): Promise<unknown> =>
      t.app.database.query(
        `insert into "User" (id, "companyId", "roleId", name, email) select gen_random_uuid(), $1, 5, 'N', 'big-' || i || '@example.com' from generate_series($2::int, $3::int) as i`,
        [big.id, from, to],
      );
    const count = async (): Promise<unknown> =>
      (await t.run(secret, '{ company { users(first: 1) { totalCount { value isExact } } } }')).data.company.users
        .totalCount;
    await add(1, 10_000);
    expect(await count()).toEqual({ value: 10_000, isExact: true });
    await add(10_001, 10_001);
    expect(await count()).toEqual({ value: 10_001, isExact: false });
    await add(10_002, 10_100);
    expect(await count()).toEqual({ value: 10_001, isExact: false });
  });
});

describe('paging refuses', () => {
  async function refusal(args: Record<string, unknown>, orderBy?: Order[]): Promise<unknown[]> {
    const { data, errors } = await t.run(key, usersPage, { ...args, ...(orderBy ? { orderBy } : {}) });
    expect(data ?? null).toEqual({ company: null });
    return [errors?.[0]?.extensions.code, errors?.[0]?.path, errors?.[0]?.extensions.argumentPath];
  }
  const at = ['company', 'users'];

  it('sizes out of bounds and both directions at once with PAGE_SIZE', async () => {
    expect(await refusal({ first: 101 })).toEqual(['PAGE_SIZE', at, ['first']]);
    expect(await refusal({ first: -1 })).toEqual(['PAGE_SIZE', at, ['first']]);
    expect(await refusal({ last: 101 })).toEqual(['PAGE_SIZE', at, ['last']]);
    expect(await refusal({ last: -1 })).toEqual(['PAGE_SIZE', at, ['last']]);
    expect(await refusal({ first: 1, last: 1 })).toEqual(['PAGE_SIZE', at, ['last']]);
    expect(await refusal({ last: 1, after: 'x' })).toEqual(['PAGE_SIZE', at, ['after']]);
    expect(await refusal({ first: 1, before: 'x' })).toEqual(['PAGE_SIZE', at, ['before']]);
    expect(await refusal({ after: 'x', before: 'x' })).toEqual(['PAGE_SIZE', at, ['after']]);
  });

  it('what is no cursor with BAD_CURSOR', async () => {
    const nonsense = [
      '',
      'x',
      '!!!',
      Buffer.from('{}').toString('base64url'),
      Buffer.from('7').toString('base64url'),
      Buffer.from('[["a"]]').toString('base64url'),
      'W10='.repeat(2000),
    ];
    for (const after of nonsense) expect(await refusal({ first: 1, after })).toEqual(['BAD_CURSOR', at, ['after']]);
    expect(await refusal({ last: 1, before: 'x' })).toEqual(['BAD_CURSOR', at, ['before']]);
  });

  it('a cursor with values that its sort cannot have with BAD_CURSOR', async () => {
    const { pageInfo } = await users()({ first: 1 });
    const [fingerprint, , id] = JSON.parse(
      Buffer.from(pageInfo.endCursor as string, 'base64url').toString(),
    ) as string[];
    for (const values of [
      ['yesterday-ish', id],
      ['2026-01-01', 'no uuid'],
      ['\0', id],
      [7, 7],
    ]) {
      expect([values, await refusal({ first: 1, after: cursorOf(fingerprint ?? '', values) })]).toEqual([
        values,
        ['BAD_CURSOR', at, ['after']],
      ]);
    }
  });

  it('a cursor of another sort, direction or list with CURSOR_MISMATCH', async () => {
    const { pageInfo } = await users([{ field: 'NAME', direction: 'ASC' }])({ first: 1 });
    const after = pageInfo.endCursor as string;
    expect(await refusal({ first: 1, after })).toEqual(['CURSOR_MISMATCH', at, ['after']]);
    expect(await refusal({ first: 1, after }, [{ field: 'NAME', direction: 'DESC' }])).toEqual([
      'CURSOR_MISMATCH',
      at,
      ['after'],
    ]);
    expect(await refusal({ first: 1, after }, [{ field: 'EMAIL', direction: 'ASC' }])).toEqual([
      'CURSOR_MISMATCH',
      at,
      ['after'],
    ]);
    const foreign = (await t.run(null, '{ industries(first: 1) { pageInfo { endCursor } } }')).data.industries.pageInfo
      .endCursor;
    expect(await refusal({ last: 1, before: foreign })).toEqual(['CURSOR_MISMATCH', at, ['before']]);
  });

  it('more than 4 sort keys', async () => {
    const { errors } = await t.run(key, usersPage, {
      first: 1,
      orderBy: Array.from({ length: 5 }, () => ({ field: 'NAME', direction: 'ASC' })),
    });
    expect(errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
  });
});

describe('paging guards', () => {
  it('knows no more of a cursor than where it stands: no tenant, no row', async () => {
    const other = await t.world.company({ handle: 'other' });
    const { secret } = await t.world.apiKey(other.id, 'VIEWER');
    await t.world.user(other.id, 'VIEWER', { createdAt: new Date('2099-01-01') });
    const ours = await users()({ first: 1 });
    const { data } = await t.run(secret, usersPage, { first: 100, after: ours.pageInfo.endCursor });
    expect(data.company.users.edges).toHaveLength(1);
  });

  it('a sort and its cursors are told apart by list, keys, directions and nulls', () => {
    const base: SortKey = { sql: 't.a', type: 'int', isDescending: false, nullsFirst: false, isNullable: true };
    const prints = [
      fingerprintOf('A', [base]),
      fingerprintOf('B', [base]),
      fingerprintOf('A', [base, base]),
      fingerprintOf('A', [{ ...base, isDescending: true }]),
      fingerprintOf('A', [{ ...base, nullsFirst: true }]),
      fingerprintOf('A', [{ ...base, sql: 't.b' }]),
    ];
    expect(new Set(prints).size).toBe(6);
    expect(readPage({ first: 3, after: cursorOf('abc', [null, 'x']) }, 'abc', 2)).toEqual({
      size: 3,
      isBackward: false,
      from: [null, 'x'],
    });
  });
});

/** All ways to take one of each list. */
function combinations<T>(...lists: (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((all, list) => all.flatMap((head) => list.map((item) => [...head, item])), [[]]);
}
