import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gid, keyOf, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

/** What a key may: its role, narrowed by scopes. */

let t: TestGateway;
let us: Tenant;
let endpoint: Awaited<ReturnType<TestGateway['world']['endpoint']>>;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  endpoint = await t.world.endpoint(us.company.id, (await t.world.connection(us.company.id)).id);
});
afterAll(() => t.close());

const KEY = 'apiKey { id role scopes version }';
const ERRORS = 'userErrors { code path message }';
const CREATE = `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret ${KEY} ${ERRORS} } }`;
const UPDATE = `mutation ($input: ApiKeyUpdateInput!) { apiKeyUpdate(input: $input) { ${KEY} ${ERRORS} } }`;
const ROTATE = `mutation ($input: ApiKeyRotateInput!) { apiKeyRotate(input: $input) { secret ${KEY} ${ERRORS} } }`;

const doing = async (key: string, document: string, input: Record<string, unknown>) =>
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are compared as they come
  Object.values((await t.run(key, document, { input })).data)[0] as any;
const create = (key: string, input: Record<string, unknown>) => doing(key, CREATE, { name: 'Key', ...input });
const refusals = async (answer: Promise<{ userErrors: { code: string; path: string[] | null }[] }>) =>
  (await answer).userErrors.map(({ code, path }) => [code, path?.join('.')].filter(Boolean).join(' '));
const mayOf = async (secret: string) => (await t.run(secret, '{ viewer { permissions } }')).data.viewer.permissions;
const makeUser = (secret: string, email: string) =>
  refusals(
    doing(secret, `mutation ($input: UserCreateInput!) { userCreate(input: $input) { ${ERRORS} } }`, {
      name: 'New',
      email,
    }),
  );
/** The key of an opaque id. */
/** What a refused attempt must leave as it is. */
const stored = () => t.app.database.query('select * from "ApiKey" order by id', []);

describe('scopes work', () => {
  it('leave a key what they name of its role', async () => {
    const { secret, apiKey } = await create(us.keys.ADMIN, {
      role: 'EDITOR',
      scopes: ['company:read', 'prices:write'],
    });
    expect(apiKey).toMatchObject({ role: 'EDITOR', scopes: ['company:read', 'prices:write'] });
    expect(await mayOf(secret)).toEqual(['company:read', 'prices:write']);
    expect((await t.run(secret, '{ company { handle } viewer { roleTable } }')).data).toEqual({
      company: { handle: 'us' },
      viewer: { roleTable: ['VIEWER'] },
    });
    const { data } = await t.run(
      secret,
      'mutation { postCreate(input: {title: "A", contentHtml: "<p>a</p>"}) { userErrors { code message } } }',
    );
    expect(data.postCreate.userErrors).toEqual([
      { code: 'FORBIDDEN', message: 'This needs the permission posts:write, which this API key was not given.' },
    ]);
  });

  it('let a key without company:read run products and read nothing', async () => {
    const { secret } = await create(us.keys.ADMIN, { role: 'ANALYST', scopes: ['products:run'] });
    const { errors } = await t.run(secret, '{ company { handle } }');
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
    const { data } = await t.run(secret, '{ viewer { role company { handle } } }');
    expect(data.viewer).toEqual({ role: 'ANALYST', company: null });
  });

  it('change at once, with the role or without it, and go with null', async () => {
    const { secret, apiKey } = await create(us.keys.ADMIN, { role: 'VIEWER' });
    expect(apiKey.scopes).toBe(null);
    const change = (input: Record<string, unknown>) => doing(us.keys.ADMIN, UPDATE, { id: apiKey.id, ...input });
    const both = await change({ role: 'EDITOR', scopes: ['company:read', 'assets:write', 'assets:write'] });
    expect(both.apiKey).toMatchObject({ role: 'EDITOR', scopes: ['company:read', 'assets:write'], version: 2 });
    expect(await mayOf(secret)).toEqual(['assets:write', 'company:read']);
    await change({ name: 'Kept' });
    expect(await mayOf(secret)).toEqual(['assets:write', 'company:read']);
    await change({ role: 'VIEWER', scopes: null });
    expect(await mayOf(secret)).toEqual(['company:read']);
  });

  it('stay when a key is rotated', async () => {
    const { apiKey } = await create(us.keys.ADMIN, { role: 'EDITOR', scopes: ['posts:write'] });
    const rotated = await doing(us.keys.ADMIN, ROTATE, { id: apiKey.id });
    expect(rotated.apiKey).toMatchObject({ role: 'EDITOR', scopes: ['posts:write'] });
    expect(await mayOf(rotated.secret)).toEqual(['posts:write']);
  });

  it('give no more than the owner of the key has by now', async () => {
    const user = await t.world.user(us.company.id, 'EDITOR');
    const { secret } = await t.world.apiKey(us.company.id, 'EDITOR', {
      userId: user.id,
      scopes: ['company:read', 'assets:write'],
    });
    expect(await mayOf(secret)).toEqual(['assets:write', 'company:read']);
    await doing(us.keys.OWNER, `mutation ($input: UserUpdateInput!) { userUpdate(input: $input) { ${ERRORS} } }`, {
      id: gid('User', user),
      role: 'VIEWER',
    });
    expect(await mayOf(secret)).toEqual(['company:read']);
  });
});

describe('scopes refuse', () => {
  it('what is no permission, and what the role does not have, each by its place', async () => {
    const before = await stored();
    const answer = await create(us.keys.OWNER, { role: 'VIEWER', scopes: ['company:read', 'all', 'assets:write'] });
    expect(answer.userErrors).toEqual([
      {
        code: 'VALIDATION',
        path: ['input', 'scopes', '1'],
        message: 'There is no such permission; the role VIEWER has company:read.',
      },
      {
        code: 'VALIDATION',
        path: ['input', 'scopes', '2'],
        message: 'The role VIEWER does not have assets:write.',
      },
    ]);
    expect(await refusals(create(us.keys.OWNER, { scopes: [] }))).toEqual(['VALIDATION input.scopes']);
    expect(await stored()).toEqual(before);
  });

  it('a lesser role than they were given for, and keys of endpoints', async () => {
    const { apiKey } = await create(us.keys.ADMIN, { role: 'EDITOR', scopes: ['assets:write'] });
    const demoted = doing(us.keys.ADMIN, UPDATE, { id: apiKey.id, role: 'VIEWER' });
    expect(await refusals(demoted)).toEqual(['VALIDATION input.scopes.0']);
    const of = { kind: 'ENDPOINT', endpointId: gid('Endpoint', endpoint) };
    expect(await refusals(create(us.keys.ADMIN, { ...of, scopes: ['company:read'] }))).toEqual([
      'VALIDATION input.scopes',
    ]);
    const { apiKey: own } = await create(us.keys.ADMIN, of);
    expect(await refusals(doing(us.keys.ADMIN, UPDATE, { id: own.id, role: 'EDITOR' }))).toEqual([
      'VALIDATION input.role',
    ]);
  });
});

describe('scopes guard', () => {
  it('what a scoped key hands out: never more than it has, whatever its role', async () => {
    const narrow = await create(us.keys.OWNER, {
      role: 'OWNER',
      scopes: ['company:read', 'endpoint-keys:write', 'keys:write'],
    });
    const before = await stored();
    expect(await refusals(create(narrow.secret, { role: 'EDITOR' }))).toEqual(['FORBIDDEN input.role']);
    const wide = { role: 'OWNER', scopes: ['company:read', 'company:sign'] };
    expect(await refusals(create(narrow.secret, wide))).toEqual(['FORBIDDEN input.role']);
    const own = { id: narrow.apiKey.id, scopes: null };
    expect(await refusals(doing(narrow.secret, UPDATE, own))).toEqual(['FORBIDDEN input.scopes']);
    const [ownersKey] = before.filter((row) => row['id'] === us.keyIds.OWNER);
    const foreign = { id: gid('ApiKey', Number(ownersKey?.['id'])) };
    expect(await refusals(doing(narrow.secret, ROTATE, foreign))).toEqual(['FORBIDDEN input.id']);
    expect(await makeUser(narrow.secret, 'new@us.example')).toEqual(['FORBIDDEN']);
    expect(await stored()).toEqual(before);
    expect((await create(narrow.secret, { role: 'EDITOR', scopes: ['company:read'] })).userErrors).toEqual([]);
  });

  it('a key against two changes at once that together would give more than either', async () => {
    const giver = await create(us.keys.OWNER, {
      role: 'OWNER',
      scopes: ['company:read', 'endpoint-keys:write', 'keys:write'],
    });
    const { apiKey, secret } = await create(us.keys.OWNER, { role: 'VIEWER' });
    const waiting = async () =>
      (
        await t.app.database.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          [],
        )
      ).length;
    // Both have read the key before either writes it.
    const both = await t.app.database.atomically(async (query) => {
      await query('select from "ApiKey" where id = $1 for update', [Number(keyOf(apiKey.id))]);
      const changes = [
        doing(giver.secret, UPDATE, { id: apiKey.id, role: 'OWNER', scopes: ['company:read'] }),
        doing(giver.secret, UPDATE, { id: apiKey.id, scopes: null }),
      ];
      await expect.poll(waiting, { timeout: 30_000, interval: 20 }).toBe(2);
      return { changes };
    });
    const answers = await Promise.all(both.changes);
    expect(answers.flatMap(({ userErrors }) => userErrors.map(({ code }: { code: string }) => code))).toEqual([
      'VERSION_CONFLICT',
    ]);
    expect(await mayOf(secret)).toEqual(['company:read']);
  });
});
