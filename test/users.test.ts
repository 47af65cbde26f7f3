import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../src/ids.ts';
import { hashSecret, newSecret } from '../src/secrets.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  them = await t.tenant({ handle: 'them' });
});
afterAll(() => t.close());

const USER = 'id name email role status timezone hasOptedOutOfMarketing isActive version jobFunction { name }';
const ERRORS = 'userErrors { code path }';
const CREATE = `mutation ($input: UserCreateInput!) { userCreate(input: $input) { user { ${USER} } ${ERRORS} } }`;
const UPDATE = `mutation ($input: UserUpdateInput!) { userUpdate(input: $input) { user { ${USER} } ${ERRORS} } }`;
const DELETE = `mutation ($input: UserDeleteInput!) { userDelete(input: $input) { user { ${USER} } ${ERRORS} } }`;

const doing = async (key: string | null, document: string, input: Record<string, unknown>) =>
  Object.values((await t.run(key, document, { input })).data)[0] as any; // oxlint-disable-line typescript/no-explicit-any
const refusal = (code: string, ...path: string[]) => [{ code, path: ['input', ...path] }];
const stored = () =>
  t.app.database.query(
    'select u.*, (select count(*)::int from "ApiKey" k where k."userId" = u.id and k."revokedAt" is null) as keys from "User" u order by id',
    [],
  );
const works = async (secret: string) => {
  const headers: Record<string, string> = secret.startsWith('st_')
    ? { authorization: `Bearer ${secret}` }
    : { 'x-api-key': secret };
  return (await t.run(null, '{ viewer { kind } }', {}, { headers })).errors === undefined;
};
/** A user with a key and a session. */
async function person(tenant: Tenant, role: 'OWNER' | 'ADMIN' | 'VIEWER' = 'VIEWER') {
  const user = await t.world.user(tenant.company.id, role);
  const key = (await t.world.apiKey(tenant.company.id, role, { userId: user.id })).secret;
  const session = newSecret('SESSION');
  await t.app.database.prisma.session.create({
    data: {
      id: newId(),
      companyId: tenant.company.id,
      userId: user.id,
      tokenHash: hashSecret(session),
      expiresAt: new Date(Date.now() + 3_600_000),
    },
  });
  return { user, id: gid('User', user), key, session };
}

describe('users work', () => {
  it('lists the users of the company with their roles', async () => {
    const { data } = await t.run(
      us.keys.VIEWER,
      '{ company { handle users(orderBy: {field: CREATED_AT, direction: ASC}) { nodes { role status } totalCount { value isExact } } } }',
    );
    expect(data.company.handle).toBe('us');
    expect(data.company.users.nodes.map((user: { role: string }) => user.role)).toEqual([
      'OWNER',
      'ADMIN',
      'EDITOR',
      'ANALYST',
      'VIEWER',
      'OPERATOR',
    ]);
    expect(data.company.users.totalCount).toEqual({ value: 6, isExact: true });
  });

  it('lists the users and keys of a role', async () => {
    const tenant = await t.tenant();
    const { data } = await t.run(
      tenant.keys.VIEWER,
      `{ company { users(where: { role: { in: [OWNER, ADMIN] } }) { nodes { role } } others: users(where: { role: { ne: VIEWER } }) { totalCount { value } }
         apiKeys(where: { role: { eq: EDITOR } }) { nodes { role } } } }`,
    );
    const roles = (list: { nodes: { role: string }[] }) => new Set(list.nodes.map(({ role }) => role));
    expect([roles(data.company.users), roles(data.company.apiKeys)]).toEqual([
      new Set(['OWNER', 'ADMIN']),
      new Set(['EDITOR']),
    ]);
    expect(data.company.others.totalCount.value).toBe(5);
  });

  it('adds a user, the least unless told', async () => {
    const { user, userErrors } = await doing(us.keys.ADMIN, CREATE, { name: ' Ada ', email: 'Ada@US.example' });
    expect(userErrors).toEqual([]);
    expect(user).toEqual({
      id: expect.any(String),
      name: 'Ada',
      email: 'ada@us.example',
      role: 'VIEWER',
      status: 'ACTIVE',
      timezone: 'UTC',
      hasOptedOutOfMarketing: false,
      isActive: true,
      version: 1,
      jobFunction: null,
    });
  });

  it('changes what is given, clears null, keeps the rest', async () => {
    const { id } = await person(us);
    const changes = {
      name: 'New',
      role: 'EDITOR',
      timezone: 'Europe/Berlin',
      jobFunctionId: gid('JobFunction', 1),
      hasOptedOutOfMarketing: true,
    };
    const { user } = await doing(us.keys.ADMIN, UPDATE, { id, ...changes, expectedVersion: 1 });
    expect(user).toMatchObject({
      name: 'New',
      role: 'EDITOR',
      timezone: 'Europe/Berlin',
      hasOptedOutOfMarketing: true,
      version: 2,
      jobFunction: { name: expect.any(String) },
    });
    const cleared = await doing(us.keys.ADMIN, UPDATE, { id, jobFunctionId: null });
    expect(cleared.user).toMatchObject({
      name: 'New',
      role: 'EDITOR',
      timezone: 'Europe/Berlin',
      version: 3,
      jobFunction: null,
    });
  });

  it.each(['INACTIVE', 'BANNED'])('%s ends all sessions and keys of the user at once, for good', async (status) => {
    const { id, key, session } = await person(us);
    expect([await works(key), await works(session)]).toEqual([true, true]);
    expect((await doing(us.keys.ADMIN, UPDATE, { id, status })).user.status).toBe(status);
    await expect.poll(async () => [await works(key), await works(session)]).toEqual([false, false]);
    await doing(us.keys.ADMIN, UPDATE, { id, status: 'ACTIVE' });
    expect([await works(key), await works(session)]).toEqual([false, false]);
    const { data } = await t.run(
      us.keys.ADMIN,
      'query ($id: ID!) { company { user(id: $id) { apiKeys { nodes { isActive revocationReason } } } } }',
      { id },
    );
    expect(data.company.user.apiKeys.nodes).toEqual([
      { isActive: false, revocationReason: `Its owner became ${status}.` },
    ]);
  });

  it('deletes a user with sessions and keys, and brings them back under the same id', async () => {
    const { id, key, session, user } = await person(us);
    expect([await works(key), await works(session)]).toEqual([true, true]);
    expect((await doing(us.keys.ADMIN, DELETE, { id })).user).toMatchObject({ id, isActive: false, version: 2 });
    await expect.poll(async () => [await works(key), await works(session)]).toEqual([false, false]);
    expect(
      (await t.run(us.keys.ADMIN, 'query ($id: ID!) { company { user(id: $id) { id } } node(id: $id) { id } }', { id }))
        .data,
    ).toEqual({ company: { user: null }, node: null });
    expect((await doing(us.keys.ADMIN, DELETE, { id })).userErrors).toEqual(refusal('NOT_FOUND', 'id'));
    const back = await doing(us.keys.ADMIN, CREATE, { name: 'Back', email: user.email, role: 'ANALYST' });
    expect(back.user).toMatchObject({
      id,
      name: 'Back',
      role: 'ANALYST',
      status: 'ACTIVE',
      isActive: true,
      version: 3,
    });
    expect([await works(key), await works(session)]).toEqual([false, false]);
  });

  it('lets an owner make, change and delete administrators and owners', async () => {
    for (const role of ['ADMIN', 'OWNER']) {
      const made = await doing(us.keys.OWNER, CREATE, { name: role, email: `${role}@made.example`, role });
      expect(made.user.role).toBe(role);
      expect((await doing(us.keys.OWNER, UPDATE, { id: made.user.id, role: 'EDITOR' })).user.role).toBe('EDITOR');
      expect((await doing(us.keys.OWNER, DELETE, { id: made.user.id })).user.isActive).toBe(false);
    }
  });

  it('lowers what keys may together with the role of their owner', async () => {
    const { id, key } = await person(us, 'ADMIN');
    const role = async () => (await t.run(key, '{ viewer { role } }')).data.viewer.role;
    expect(await role()).toBe('ADMIN');
    await doing(us.keys.OWNER, UPDATE, { id, role: 'VIEWER' });
    await expect.poll(role).toBe('VIEWER');
  });

  it('reads keys and sessions of 20 users with as many statements as of one', async () => {
    const company = await t.tenant({ handle: 'many' });
    for (let i = 0; i < 20; i++) await person(company);
    const document =
      'query ($first: Int!) { company { users(first: $first) { nodes { apiKeys(first: 2) { nodes { name } } sessions(first: 2) { nodes { id } } jobFunction { name } } } } }';
    const count = async (first: number) =>
      (await t.statements(() => t.run(company.keys.ADMIN, document, { first }))).length;
    await count(1);
    expect(await count(20)).toBe(await count(1));
  });
});

describe('users refuse', () => {
  it.each([
    ['an owner by an administrator', 'ADMIN', { role: 'OWNER' }, 'FORBIDDEN', 'role'],
    ['an administrator by an administrator', 'ADMIN', { role: 'ADMIN' }, 'FORBIDDEN', 'role'],
    ['staff of the platform', 'OWNER', { role: 'OPERATOR' }, 'FORBIDDEN', 'role'],
    ['an unknown time zone', 'ADMIN', { timezone: 'Mars/Olympus' }, 'VALIDATION', 'timezone'],
    ['an unknown job function', 'ADMIN', { jobFunctionId: gid('JobFunction', 999) }, 'NOT_FOUND', 'jobFunctionId'],
    ['a name of blanks', 'ADMIN', { name: '  ' }, 'VALIDATION', 'name'],
  ] as const)('refuses %s', async (_, role, input, code, field) => {
    const { id } = await person(us);
    const before = await stored();
    expect((await doing(us.keys[role], CREATE, { name: 'X', email: 'x@us.example', ...input })).userErrors).toEqual(
      refusal(code, field),
    );
    expect((await doing(us.keys[role], UPDATE, { id, ...input })).userErrors).toEqual(refusal(code, field));
    expect(await stored()).toEqual(before);
  });

  it('refuses all that is wrong at once', async () => {
    const input = { role: 'ADMIN', timezone: 'Mars/Olympus', jobFunctionId: gid('JobFunction', 999) };
    const { userErrors } = await doing(us.keys.ADMIN, CREATE, { name: 'X', email: 'x@us.example', ...input });
    expect(userErrors).toEqual([
      ...refusal('FORBIDDEN', 'role'),
      ...refusal('VALIDATION', 'timezone'),
      ...refusal('NOT_FOUND', 'jobFunctionId'),
    ]);
  });

  it('refuses an address that is taken, here, elsewhere or by two at once', async () => {
    for (const { email } of [us.users.VIEWER, them.users.VIEWER]) {
      expect((await doing(us.keys.ADMIN, CREATE, { name: 'X', email })).userErrors).toEqual(
        refusal('CONFLICT', 'email'),
      );
    }
    const both = await Promise.all(
      [1, 2].map(() => doing(us.keys.ADMIN, CREATE, { name: 'X', email: 'both@us.example' })),
    );
    expect(both.flatMap(({ userErrors }) => userErrors)).toEqual(refusal('CONFLICT', 'email'));
  });

  it("does not bring back another company's deleted user", async () => {
    const user = await t.world.user(them.company.id, 'VIEWER', { active: false });
    expect((await doing(us.keys.ADMIN, CREATE, { name: 'X', email: user.email })).userErrors).toEqual(
      refusal('CONFLICT', 'email'),
    );
  });

  it.each(['OWNER', 'ADMIN', 'OPERATOR'] as const)(
    'refuses an administrator power over the role %s, but not a new name for them',
    async (role) => {
      const user = await t.world.user(us.company.id, role);
      const id = gid('User', user);
      for (const change of [{ role: 'VIEWER' }, { status: 'BANNED' }]) {
        expect((await doing(us.keys.ADMIN, UPDATE, { id, ...change })).userErrors).toEqual(refusal('FORBIDDEN', 'id'));
      }
      expect((await doing(us.keys.ADMIN, DELETE, { id })).userErrors).toEqual(refusal('FORBIDDEN', 'id'));
      expect((await doing(us.keys.ADMIN, UPDATE, { id, name: 'New', role, status: 'ACTIVE' })).user).toMatchObject({
        name: 'New',
        role,
        status: 'ACTIVE',
      });
    },
  );

  it('refuses to delete oneself', async () => {
    const { id, key } = await person(us, 'OWNER');
    expect((await doing(key, DELETE, { id })).userErrors).toEqual(refusal('FORBIDDEN', 'id'));
  });

  it('keeps the last active owner, whatever two do at once', async () => {
    const small = await t.tenant({ handle: 'small' });
    const id = gid('User', small.users.OWNER);
    await t.world.user(small.company.id, 'OWNER', { status: 'PENDING' });
    await t.world.user(small.company.id, 'OWNER', { active: false });
    for (const change of [{ role: 'ADMIN' }, { status: 'INACTIVE' }, { status: 'PENDING' }]) {
      expect((await doing(small.keys.OWNER, UPDATE, { id, ...change })).userErrors).toEqual(refusal('IN_USE', 'id'));
    }
    expect((await doing(small.keys.OWNER, DELETE, { id })).userErrors).toEqual(refusal('IN_USE', 'id'));
    expect((await doing(small.keys.OWNER, UPDATE, { id, name: 'Still here' })).userErrors).toEqual([]);
    const owners = [{ id, key: small.keys.OWNER }, ...(await Promise.all([1, 2, 3].map(() => person(small, 'OWNER'))))];
    for (const owner of owners) expect(await works(owner.key)).toBe(true);
    const leaving = await Promise.all(
      owners.map((owner) => doing(owner.key, UPDATE, { id: owner.id, role: 'VIEWER' })),
    );
    expect(leaving.flatMap(({ userErrors }) => userErrors)).toEqual(refusal('IN_USE', 'id'));
    expect(
      await t.app.database.prisma.user.count({
        where: { companyId: small.company.id, roleId: 1, status: 'ACTIVE', active: true },
      }),
    ).toBe(1);
  });

  it('refuses a stale version, and ends nothing then', async () => {
    const { id, key } = await person(us);
    const document = UPDATE.replace('code path', 'code path ... on VersionConflictError { currentVersion }');
    const stale = await doing(us.keys.ADMIN, document, { id, status: 'BANNED', expectedVersion: 7 });
    expect(stale.userErrors).toEqual([
      { code: 'VERSION_CONFLICT', path: ['input', 'expectedVersion'], currentVersion: 1 },
    ]);
    expect((await doing(us.keys.ADMIN, DELETE, { id, expectedVersion: 7 })).userErrors[0].code).toBe(
      'VERSION_CONFLICT',
    );
    expect(await works(key)).toBe(true);
  });
});

describe('users guard', () => {
  const inputs = (id: string): [string, Record<string, unknown>][] => [
    [UPDATE, { id, name: 'Taken' }],
    [DELETE, { id }],
  ];

  it('shows and changes nobody of another company', async () => {
    const id = gid('User', them.users.VIEWER);
    const { data } = await t.run(
      us.keys.OWNER,
      'query ($id: ID!) { company { user(id: $id) { id } } node(id: $id) { id } }',
      { id },
    );
    expect(data).toEqual({ company: { user: null }, node: null });
    const before = await stored();
    for (const [document, input] of inputs(id)) {
      expect((await doing(us.keys.OWNER, document, input)).userErrors).toEqual(refusal('NOT_FOUND', 'id'));
    }
    expect(await stored()).toEqual(before);
  });

  it('lets nobody below an administrator do it', async () => {
    const { id } = await person(us);
    const before = await stored();
    for (const [document, input] of [[CREATE, { name: 'X', email: 'y@us.example' }], ...inputs(id)] as [
      string,
      Record<string, unknown>,
    ][]) {
      for (const role of ['VIEWER', 'ANALYST', 'EDITOR', 'OPERATOR'] as const) {
        expect((await doing(us.keys[role], document, input)).userErrors).toEqual([{ code: 'FORBIDDEN', path: null }]);
      }
      expect((await t.run(null, document, { input })).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    }
    expect(await stored()).toEqual(before);
  });
});
