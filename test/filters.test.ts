import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DomainError } from '../src/errors.ts';
import { enumFilter, idFilter, scalarFilter, tagFilter, whereSql, type Where } from '../src/lists/filters.ts';
import { toGlobalId } from '../src/ids.ts';
import { testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  await t.app.database.query(
    `create table sample as select * from (values
      (1, 'Alpha',  10,   1.50::numeric, '2026-01-01T00:00:00Z'::timestamptz, true,  array['a','b'], 'ACTIVE'::"UserStatus", '01980000-0000-7000-8000-000000000001'::uuid),
      (2, 'beta',   20,   2.50,          '2026-01-02T00:00:00Z',              false, array['b'],     'PENDING',              '01980000-0000-7000-8000-000000000002'),
      (3, '100%_\\', 30,   null,          '2026-01-03T00:00:00Z',              null,  array[]::text[], 'BANNED',              '01980000-0000-7000-8000-000000000001'),
      (4, null,     null, -4,            null,                                true,  array['c'],     null,                   null)
    ) as v(id, name, amount, price, at, flag, tags, status, owner)`,
    [],
  );
});
afterAll(() => t.close());

const filters = {
  name: scalarFilter('String', 't.name', 'Its name.'),
  amount: scalarFilter('Int', 't.amount', 'Its amount.'),
  price: scalarFilter('Decimal', 't.price', 'Its price.'),
  at: scalarFilter('DateTime', 't.at', 'Its time.'),
  flag: scalarFilter('Boolean', 't.flag', 'Its flag.'),
  status: enumFilter('UserStatus', undefined, 't.status', 'Its status.'),
  owner: idFilter('User', 't.owner', 'Its owner.'),
  engine: idFilter('StorageEngine', 't.id', 'Its number.', true),
  tags: tagFilter('t.tags', 'Its tags.'),
};

/** The ids of the sample rows that fulfil a condition. */
async function matching(where: Where | null): Promise<number[]> {
  const values: unknown[] = [];
  const sql = whereSql(where, filters, (value) => `$${values.push(value)}`);
  const rows = await t.app.database.query<{ id: number }>(`select id from sample t where ${sql} order by id`, values);
  return rows.map((row) => row.id);
}

/** Code and path of what a condition is refused for. */
function refusal(where: unknown): unknown[] {
  try {
    whereSql(where as Where, filters, () => '$1');
  } catch (error) {
    if (error instanceof DomainError) return [error.code, Object.values(error).find((value) => Array.isArray(value))];
  }
  return ['taken'];
}

const userId = (n: number): string => toGlobalId('User', `01980000-0000-7000-8000-00000000000${n}`);
const day = (n: number): Date => new Date(Date.UTC(2026, 0, n));

describe('filters work', () => {
  const cases: [string, Where, number[]][] = [
    ['String eq', { name: { eq: 'Alpha' } }, [1]],
    ['String eq minds the case', { name: { eq: 'alpha' } }, []],
    ['String ne takes rows without a value', { name: { ne: 'Alpha' } }, [2, 3, 4]],
    ['String in', { name: { in: ['Alpha', 'beta', 'gamma'] } }, [1, 2]],
    ['String in nothing', { name: { in: [] } }, []],
    ['String notIn takes rows without a value', { name: { notIn: ['Alpha'] } }, [2, 3, 4]],
    ['String notIn nothing', { name: { notIn: [] } }, [1, 2, 3, 4]],
    ['String contains in any case', { name: { contains: 'ALPH' } }, [1]],
    ['String startsWith in any case', { name: { startsWith: 'B' } }, [2]],
    ['String startsWith is no contains', { name: { startsWith: 'eta' } }, []],
    ['String contains %', { name: { contains: '%' } }, [3]],
    ['String contains _', { name: { contains: '_' } }, [3]],
    ['String contains backslash', { name: { contains: '\\' } }, [3]],
    ['String isNull true', { name: { isNull: true } }, [4]],
    ['String isNull false', { name: { isNull: false } }, [1, 2, 3]],
    ['Int eq', { amount: { eq: 20 } }, [2]],
    ['Int ne', { amount: { ne: 20 } }, [1, 3, 4]],
    ['Int in', { amount: { in: [10, 30] } }, [1, 3]],
    ['Int notIn', { amount: { notIn: [10, 30] } }, [2, 4]],
    ['Int gt', { amount: { gt: 20 } }, [3]],
    ['Int gte', { amount: { gte: 20 } }, [2, 3]],
    ['Int lt', { amount: { lt: 20 } }, [1]],
    ['Int lte', { amount: { lte: 20 } }, [1, 2]],
    ['Int between, as two operators', { amount: { gt: 10, lt: 30 } }, [2]],
    ['Int isNull', { amount: { isNull: true } }, [4]],
    ['Decimal eq is exact', { price: { eq: '1.5' } }, [1]],
    ['Decimal lt', { price: { lt: '2.5' } }, [1, 4]],
    ['Decimal in', { price: { in: ['2.50', '-4.00'] } }, [2, 4]],
    ['DateTime eq', { at: { eq: day(2) } }, [2]],
    ['DateTime gte and lt', { at: { gte: day(1), lt: day(3) } }, [1, 2]],
    ['DateTime notIn', { at: { notIn: [day(1)] } }, [2, 3, 4]],
    ['DateTime isNull', { at: { isNull: true } }, [4]],
    ['Boolean eq true', { flag: { eq: true } }, [1, 4]],
    ['Boolean eq false', { flag: { eq: false } }, [2]],
    ['Boolean isNull', { flag: { isNull: true } }, [3]],
    ['enum eq', { status: { eq: 'ACTIVE' } }, [1]],
    ['enum ne', { status: { ne: 'ACTIVE' } }, [2, 3, 4]],
    ['enum in', { status: { in: ['ACTIVE', 'BANNED'] } }, [1, 3]],
    ['enum notIn', { status: { notIn: ['ACTIVE', 'BANNED'] } }, [2, 4]],
    ['enum isNull', { status: { isNull: true } }, [4]],
    ['id eq', { owner: { eq: userId(1) } }, [1, 3]],
    ['id ne', { owner: { ne: userId(1) } }, [2, 4]],
    ['id in', { owner: { in: [userId(2), userId(3)] } }, [2]],
    ['id notIn', { owner: { notIn: [userId(1)] } }, [2, 4]],
    ['id isNull', { owner: { isNull: false } }, [1, 2, 3]],
    ['id of a number', { engine: { in: [toGlobalId('StorageEngine', 3)] } }, [3]],
    ['tags eq', { tags: { eq: 'b' } }, [1, 2]],
    ['tags in', { tags: { in: ['a', 'c'] } }, [1, 4]],
    ['tags notIn', { tags: { notIn: ['b'] } }, [3, 4]],
    ['several fields: all must hold', { amount: { gte: 10 }, flag: { eq: true } }, [1]],
    ['and', { and: [{ amount: { gte: 20 } }, { name: { isNull: false } }] }, [2, 3]],
    ['or', { or: [{ amount: { eq: 10 } }, { name: { isNull: true } }] }, [1, 4]],
    ['not takes rows for which the condition is unknown', { not: { amount: { gt: 15 } } }, [1, 4]],
    ['not of several fields', { not: { amount: { gte: 10 }, flag: { eq: true } } }, [2, 3, 4]],
    ['not not is the condition', { not: { not: { amount: { gt: 15 } } } }, [2, 3]],
    ['or beside a field', { amount: { lt: 30 }, or: [{ name: { eq: 'beta' } }, { flag: { isNull: true } }] }, [2]],
    [
      'or within and',
      { and: [{ or: [{ amount: { eq: 10 } }, { amount: { eq: 20 } }] }, { flag: { eq: false } }] },
      [2],
    ],
    ['and of nothing', { and: [] }, [1, 2, 3, 4]],
    ['or of nothing', { or: [] }, []],
    ['an empty condition', {}, [1, 2, 3, 4]],
    ['not of an empty condition', { not: {} }, []],
    ['a field without operators', { name: {} }, [1, 2, 3, 4]],
  ];
  it.each(cases)('%s', async (_, where, expected) => {
    expect(await matching(where)).toEqual(expected);
  });

  it('none at all', async () => {
    expect(await matching(null)).toEqual([1, 2, 3, 4]);
  });

  it('through the graph, on rows and count alike', async () => {
    const query =
      'query ($where: UserWhere) { company { users(where: $where, orderBy: [{field: CREATED_AT}]) { nodes { role } totalCount { value } } } }';
    const roles = async (where: object): Promise<unknown> => {
      const { data, errors } = await t.run(us.keys.VIEWER, query, { where });
      expect(errors).toBeUndefined();
      expect(data.company.users.totalCount.value).toBe(data.company.users.nodes.length);
      return data.company.users.nodes.map((node: { role: string }) => node.role);
    };
    const [owner, admin] = [us.users.OWNER, us.users.ADMIN];
    expect(await roles({ email: { eq: owner.email } })).toEqual(['OWNER']);
    expect(await roles({ or: [{ email: { eq: owner.email } }, { name: { eq: admin.name } }] })).toEqual([
      'OWNER',
      'ADMIN',
    ]);
    expect(await roles({ not: { email: { in: [owner.email, admin.email] } }, status: { eq: 'ACTIVE' } })).toHaveLength(
      4,
    );
    expect(await roles({ createdAt: { gt: '2999-01-01T00:00:00Z' } })).toEqual([]);
    expect(
      (await t.run(null, '{ storageEngines(where: {isAvailable: {eq: true}}) { nodes { isAvailable } } }')).data
        .storageEngines.nodes,
    ).toContainEqual({ isAvailable: true });
    expect((await t.run(null, '{ industries(search: "MINING") { nodes { name } } }')).data.industries.nodes).toEqual([
      { name: expect.stringContaining('Mining') },
    ]);
  });
});

describe('filters refuse', () => {
  const leaf = { amount: { eq: 1 } };
  it('more than 3 levels', () => {
    expect(refusal({ not: { not: leaf } })).toEqual(['taken']);
    expect(refusal({ not: { not: { not: leaf } } })).toEqual(['BAD_FILTER', ['where', 'not', 'not', 'not']]);
    expect(refusal({ and: [{ or: [{ and: [leaf] }] }] })).toEqual([
      'BAD_FILTER',
      ['where', 'and', '0', 'or', '0', 'and', '0'],
    ]);
  });

  it('more than 50 conditions, wherever they are and however empty', () => {
    const many = (count: number, one: object = leaf): object => ({ or: Array.from({ length: count }, () => one) });
    expect(refusal(many(50))).toEqual(['taken']);
    expect(refusal(many(51))).toEqual(['BAD_FILTER', ['where', 'or', '50', 'amount']]);
    expect(refusal(many(26, { amount: { gt: 1, lt: 9 } }))).toEqual(['BAD_FILTER', ['where', 'or', '25', 'amount']]);
    expect(refusal({ and: [many(30), many(30)] })).toEqual(['BAD_FILTER', ['where', 'and', '1', 'or', '20', 'amount']]);
    expect(refusal(many(51, {}))[0]).toBe('BAD_FILTER');
  });

  it('null, which could mean anything or nothing', () => {
    expect(refusal({ name: null })).toEqual(['BAD_FILTER', ['where', 'name']]);
    expect(refusal({ name: { eq: null } })).toEqual(['BAD_FILTER', ['where', 'name', 'eq']]);
    expect(refusal({ or: [{ name: { in: null } }] })).toEqual(['BAD_FILTER', ['where', 'or', '0', 'name', 'in']]);
    expect(refusal({ and: null })).toEqual(['BAD_FILTER', ['where', 'and']]);
    expect(refusal({ not: null })).toEqual(['BAD_FILTER', ['where', 'not']]);
    expect(refusal({ tags: { eq: null } })).toEqual(['BAD_FILTER', ['where', 'tags', 'eq']]);
  });

  it('more than 100 values, ids of another type, and NUL', () => {
    const values = Array.from({ length: 101 }, (_, i) => i);
    expect(refusal({ amount: { in: values } })).toEqual(['BAD_FILTER', ['where', 'amount', 'in']]);
    expect(refusal({ amount: { in: values.slice(1) } })).toEqual(['taken']);
    expect(refusal({ tags: { in: values.map(String) } })).toEqual(['BAD_FILTER', ['where', 'tags', 'in']]);
    expect(refusal({ owner: { eq: toGlobalId('Asset', '01980000-0000-7000-8000-000000000001') } })).toEqual([
      'BAD_ID',
      ['where', 'owner', 'eq'],
    ]);
    expect(refusal({ owner: { in: [userId(1), 'x'] } })).toEqual(['BAD_ID', ['where', 'owner', 'in', '1']]);
    expect(refusal({ name: { contains: 'a\0b' } })).toEqual(['BAD_FILTER', ['where', 'name', 'contains']]);
    expect(refusal({ name: { in: ['a', '\0'] } })).toEqual(['BAD_FILTER', ['where', 'name', 'in']]);
  });

  it('with code and path through the graph', async () => {
    const { data, errors } = await t.run(null, 'query ($w: IndustryWhere) { industries(where: $w) { nodes { id } } }', {
      w: { not: { name: { eq: null } } },
    });
    expect(data ?? null).toBeNull();
    expect(errors?.[0]).toMatchObject({
      path: ['industries'],
      extensions: { code: 'BAD_FILTER', argumentPath: ['where', 'not', 'name', 'eq'] },
    });
    const search = await t.run(null, 'query ($s: String) { industries(search: $s) { nodes { id } } }', {
      s: 'x'.repeat(256),
    });
    expect(search.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_FILTER', argumentPath: ['search'] });
    expect(
      (await t.run(null, '{ industries(where: {naicsCode: {eq: 1}}) { nodes { id } } }')).errors?.[0]?.extensions.code,
    ).toBe('GRAPHQL_VALIDATION_FAILED');
  });
});

describe('filters guard', () => {
  const injections = [
    "'",
    "' or '1'='1",
    "'; drop table sample; --",
    '$1',
    '\\',
    '\\\\',
    "\\'",
    '%',
    '/*',
    '--',
    '${name}',
    '$$',
    "E'\\x'",
    '{"$ne":null}',
    '\u{1F600}',
    '\uFEFF',
    "x') or true --",
  ];
  it.each(injections)('takes %j as no more than text', async (text) => {
    await t.app.database.query('insert into sample (id, name, tags) values (9, $1, array[$1])', [text]);
    try {
      for (const where of [
        { name: { eq: text } },
        { name: { contains: text } },
        { name: { startsWith: text } },
        { name: { in: [text] } },
        { tags: { eq: text } },
      ]) {
        const found = await matching(where);
        expect(found).toContain(9);
        expect(found.filter((id) => id !== 9 && id !== 3)).toEqual([]);
      }
      const { data, errors } = await t.run(
        us.keys.VIEWER,
        'query ($s: String!) { company { users(search: $s, where: {name: {ne: $s}}) { nodes { id } } } }',
        { s: text },
      );
      expect(errors).toBeUndefined();
      expect(data.company.users.nodes).toEqual([]);
    } finally {
      await t.app.database.query('delete from sample where id = 9', []);
    }
  });

  it('adds no condition that reaches another tenant', async () => {
    const them = await t.tenant({ handle: 'them' });
    const { data } = await t.run(
      us.keys.VIEWER,
      'query ($w: UserWhere) { company { users(where: $w) { nodes { id } totalCount { value } } } }',
      {
        w: { or: [{ email: { eq: them.users.OWNER.email } }, { not: { email: { isNull: true } } }] },
      },
    );
    expect(data.company.users.totalCount.value).toBe(6);
  });
});
