import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAuthenticator } from '../src/boot.ts';
import { createGateway } from '../src/http/server.ts';
import { gid, keyOf, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
let endpoint: Awaited<ReturnType<TestGateway['world']['endpoint']>>;
let listed: Awaited<ReturnType<TestGateway['world']['endpoint']>>;
let unlisted: Awaited<ReturnType<TestGateway['world']['endpoint']>>;

beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  them = await t.tenant({ handle: 'them' });
  endpoint = await t.world.endpoint(us.company.id, (await t.world.connection(us.company.id)).id);
  const connection = await t.world.connection(them.company.id);
  listed = await t.world.endpoint(them.company.id, connection.id, { sellInMarketplace: true });
  unlisted = await t.world.endpoint(them.company.id, connection.id);
});
afterAll(() => t.close());

const KEY = 'id name kind role maskedSecret isActive expiresAt revokedAt revocationReason version';
const ERRORS = 'userErrors { code path }';
const CREATE = `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret apiKey { ${KEY} endpointId mcpDeploymentId rateLimit { number period } user { email } endpoint { name } } ${ERRORS} } }`;
const UPDATE = `mutation ($input: ApiKeyUpdateInput!) { apiKeyUpdate(input: $input) { apiKey { ${KEY} rateLimit { number period } } ${ERRORS} } }`;
const DEACTIVATE = `mutation ($input: ApiKeyDeactivateInput!) { apiKeyDeactivate(input: $input) { apiKey { ${KEY} } ${ERRORS} } }`;
const REVOKE = `mutation ($input: ApiKeyRevokeInput!) { apiKeyRevoke(input: $input) { apiKey { ${KEY} revocationMetadata } ${ERRORS} } }`;
const ROTATE = `mutation ($input: ApiKeyRotateInput!) { apiKeyRotate(input: $input) { secret apiKey { ${KEY} } replaced { ${KEY} replacedBy { id } } ${ERRORS} } }`;
const WHO = '{ viewer { kind role } }';

/** The one field of a mutation's answer. */
const only = (answer: Answer) => Object.values(answer.data)[0] as never as Record<string, never>;
const create = async (key: string, input: Record<string, unknown>) =>
  only(await t.run(key, CREATE, { input: { name: 'Key', ...input } })) as any; // oxlint-disable-line typescript/no-explicit-any
const doing = async (key: string | null, document: string, input: Record<string, unknown>) =>
  only(await t.run(key, document, { input })) as any; // oxlint-disable-line typescript/no-explicit-any
const hours = (count: number): string => new Date(Date.now() + count * 3_600_000).toISOString();
const refusal = (code: string, ...path: string[]) => [{ code, path: ['input', ...path] }];
const answers = async (secret: string) => (await t.run(secret, WHO)).errors?.[0]?.extensions.code ?? 'works';
/** What a refused attempt must leave as it is. */
const stored = () => t.app.database.query('select * from "ApiKey" order by id', []);

describe('keys work', () => {
  it('makes a key, tells its secret once and lets it in', async () => {
    const expiresAt = hours(24);
    const { secret, apiKey, userErrors } = await create(us.keys.ADMIN, {
      name: 'Reports',
      role: 'EDITOR',
      expiresAt,
      rateLimit: { number: 5, period: 'MINUTE' },
    });
    expect(userErrors).toEqual([]);
    expect(secret).toMatch(/^sk_[0-9A-Za-z]{38}$/);
    expect(apiKey).toEqual({
      id: expect.any(String),
      name: 'Reports',
      kind: 'ANALYTICS',
      role: 'EDITOR',
      maskedSecret: `sk_****${secret.slice(-4)}`,
      isActive: true,
      expiresAt,
      revokedAt: null,
      revocationReason: null,
      version: 1,
      endpointId: null,
      mcpDeploymentId: null,
      rateLimit: { number: 5, period: 'MINUTE' },
      user: { email: us.users.ADMIN.email },
      endpoint: null,
    });
    expect((await t.run(secret, WHO)).data.viewer).toEqual({ kind: 'KEY', role: 'EDITOR' });
    const rows = await t.app.database.query('select to_jsonb(k)::text as text from "ApiKey" k', []);
    expect(rows.filter((row) => String(row['text']).includes(secret))).toEqual([]);
  });

  it('makes the least unless told, and a key of a deployment', async () => {
    const { apiKey } = await create(us.keys.ADMIN, {});
    expect([apiKey.kind, apiKey.role, apiKey.expiresAt]).toEqual(['ANALYTICS', 'VIEWER', null]);
    const mcp = await create(us.keys.ADMIN, { kind: 'MCP', mcpDeploymentId: 'dep-1' });
    expect(mcp.secret).toMatch(/^mk_/);
    expect(mcp.apiKey.mcpDeploymentId).toBe('dep-1');
  });

  it('lets an editor make keys of own and of listed endpoints', async () => {
    const own = await create(us.keys.EDITOR, { kind: 'ENDPOINT', endpointId: gid('Endpoint', endpoint) });
    expect(own.secret).toMatch(/^ep_/);
    expect(own.apiKey).toMatchObject({ endpointId: gid('Endpoint', endpoint), endpoint: { name: endpoint.name } });
    const bought = await create(us.keys.EDITOR, { kind: 'ENDPOINT', endpointId: gid('Endpoint', listed) });
    expect(bought.apiKey).toMatchObject({ endpointId: gid('Endpoint', listed), endpoint: null });
    const mine = await t.run(
      us.keys.VIEWER,
      `{ company { endpoint(by: {id: "${gid('Endpoint', endpoint)}"}) { keys { nodes { id } totalCount { value } } } } }`,
    );
    expect(mine.data.company.endpoint.keys).toEqual({ nodes: [{ id: own.apiKey.id }], totalCount: { value: 1 } });
    const theirs = await t.run(
      them.keys.OWNER,
      `{ company { endpoint(by: {id: "${gid('Endpoint', listed)}"}) { keys { nodes { id } } } } }`,
    );
    expect(theirs.data.company.endpoint.keys.nodes).toEqual([]);
  });

  it('makes a key of a shared endpoint for a company with a grant', async () => {
    const shared = await t.world.endpoint(them.company.id, unlisted.connectionId, { visibility: 'SHARED' });
    const input = { kind: 'ENDPOINT', endpointId: gid('Endpoint', shared) };
    expect((await create(us.keys.EDITOR, input)).userErrors).toEqual(refusal('NOT_FOUND', 'endpointId'));
    await t.app.database.query(
      'insert into "Grant" (id, "companyId", "granteeCompanyId", "endpointId") values (gen_random_uuid(), $1, $2, $3)',
      [them.company.id, us.company.id, shared.id],
    );
    expect((await create(us.keys.EDITOR, input)).userErrors).toEqual([]);
  });

  it('answers the same key again for an idempotency key', async () => {
    const input = { name: 'Once', idempotencyKey: 'once' };
    const [first, second] = [await create(us.keys.ADMIN, input), await create(us.keys.ADMIN, input)];
    expect(second).toEqual(first);
    expect(await t.app.database.prisma.apiKey.count({ where: { name: 'Once' } })).toBe(1);
    const other = await create(us.keys.ADMIN, { ...input, name: 'Other' });
    expect(other.userErrors).toEqual(refusal('IDEMPOTENCY_MISMATCH', 'idempotencyKey'));
  });

  it('changes name, end and limit, and clears what is given as null', async () => {
    const { apiKey } = await create(us.keys.ADMIN, { expiresAt: hours(1), rateLimit: { number: 5, period: 'DAY' } });
    const renamed = await doing(us.keys.ADMIN, UPDATE, { id: apiKey.id, name: 'Renamed', expectedVersion: 1 });
    expect(renamed.apiKey).toMatchObject({
      name: 'Renamed',
      expiresAt: apiKey.expiresAt,
      rateLimit: { number: 5, period: 'DAY' },
      version: 2,
    });
    const cleared = await doing(us.keys.ADMIN, UPDATE, { id: apiKey.id, expiresAt: null, rateLimit: null });
    expect(cleared.apiKey).toMatchObject({ name: 'Renamed', expiresAt: null, rateLimit: null, version: 3 });
  });

  it('deactivates: the key works and is listed no more', async () => {
    const { apiKey, secret } = await create(us.keys.ADMIN, {});
    expect(await answers(secret)).toBe('works');
    expect((await doing(us.keys.ADMIN, DEACTIVATE, { id: apiKey.id })).apiKey).toMatchObject({
      isActive: false,
      version: 2,
    });
    await expect.poll(() => answers(secret)).toBe('BAD_CREDENTIALS');
    const { data } = await t.run(
      us.keys.ADMIN,
      'query ($id: ID!) { company { apiKey(id: $id) { id } } node(id: $id) { id } }',
      { id: apiKey.id },
    );
    expect(data).toEqual({ company: { apiKey: null }, node: null });
    expect((await doing(us.keys.ADMIN, DEACTIVATE, { id: apiKey.id })).userErrors).toEqual(refusal('NOT_FOUND', 'id'));
  });

  it('revokes with a reason, at once on another gateway of the same database too', async () => {
    const { apiKey, secret } = await create(us.keys.ADMIN, {});
    const auth = await openAuthenticator(t.app);
    const other = createGateway(t.app, t.gateway.schema, auth, () => '');
    const ask = async () => {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': secret },
        body: JSON.stringify({ query: WHO }),
      };
      return (await (await other.fetch('http://other/graphql', init)).json()) as Answer;
    };
    try {
      expect((await ask()).data.viewer.kind).toBe('KEY');
      const revoked = await doing(us.keys.ADMIN, REVOKE, {
        id: apiKey.id,
        reason: 'It leaked.',
        metadata: { ticket: 7 },
      });
      expect(revoked.apiKey).toMatchObject({
        isActive: false,
        revocationReason: 'It leaked.',
        revocationMetadata: { ticket: 7 },
        version: 2,
      });
      await expect
        .poll(async () => (await ask()).errors?.[0]?.message, { timeout: 30_000, interval: 20 })
        .toBe('This API key was revoked.');
    } finally {
      await auth.close();
    }
    const { data } = await t.run(
      us.keys.VIEWER,
      'query ($id: ID!) { company { apiKey(id: $id) { revocationReason } } }',
      { id: apiKey.id },
    );
    expect(data.company.apiKey.revocationReason).toBe('It leaked.');
  });

  it('rotates: both work for the overlap, then the old one ends', async () => {
    const made = await create(us.keys.ADMIN, {
      name: 'Turning',
      role: 'EDITOR',
      rateLimit: { number: 9, period: 'HOUR' },
    });
    const before = Date.now();
    const { apiKey, replaced, secret, userErrors } = await doing(us.keys.ADMIN, ROTATE, {
      id: made.apiKey.id,
      overlapHours: 2,
    });
    expect(userErrors).toEqual([]);
    expect(apiKey).toMatchObject({ name: 'Turning', kind: 'ANALYTICS', role: 'EDITOR', expiresAt: null, version: 1 });
    expect(replaced).toMatchObject({ id: made.apiKey.id, isActive: true, version: 2, replacedBy: { id: apiKey.id } });
    expect(Math.abs(Date.parse(replaced.expiresAt) - before - 7_200_000)).toBeLessThan(60_000);
    expect([await answers(made.secret), await answers(secret)]).toEqual(['works', 'works']);
    const [row] = await t.app.database.query(
      'select "userId", "rateLimitNumber" as limit from "ApiKey" where name = $1 and "replacedById" is null',
      ['Turning'],
    );
    expect(row).toEqual({ userId: us.users.ADMIN.id, limit: 9 });
  });

  it('rotates without overlap, and never lets the old key live longer than it would have', async () => {
    const made = await create(us.keys.ADMIN, {});
    expect(await answers(made.secret)).toBe('works');
    await doing(us.keys.ADMIN, ROTATE, { id: made.apiKey.id, overlapHours: 0 });
    await expect.poll(() => answers(made.secret)).toBe('BAD_CREDENTIALS');
    const short = await create(us.keys.ADMIN, { expiresAt: hours(1) });
    const { replaced, apiKey } = await doing(us.keys.ADMIN, ROTATE, { id: short.apiKey.id, overlapHours: 168 });
    expect([replaced.expiresAt, apiKey.expiresAt]).toEqual([short.apiKey.expiresAt, short.apiKey.expiresAt]);
  });

  it('counts uses and refused attempts by day', async () => {
    const { apiKey, secret } = await create(us.keys.ADMIN, {});
    const ask =
      'query ($id: ID!, $days: Int!) { company { apiKey(id: $id) { lastUsedAt statistics(days: $days) { days { on requestCount failedAttemptCount } requestCount failedAttemptCount lastUsedAt topOperations { operation requestCount } } } } }';
    const fresh = (await t.run(us.keys.ADMIN, ask, { id: apiKey.id, days: 90 })).data.company.apiKey;
    expect(fresh).toMatchObject({
      lastUsedAt: null,
      statistics: { requestCount: 0, failedAttemptCount: 0, lastUsedAt: null, topOperations: [] },
    });
    expect(fresh.statistics.days).toHaveLength(90);
    await t.run(secret, WHO);
    await t.run(secret, WHO);
    await doing(us.keys.ADMIN, REVOKE, { id: apiKey.id, reason: 'Over.' });
    await expect.poll(() => answers(secret)).toBe('BAD_CREDENTIALS');
    await t.app.usage.flush();
    const key = Number(keyOf(apiKey.id));
    await t.app.database.query(
      `insert into "ApiKeyUsage" ("apiKeyId", day, "companyId", operation, requests, "lastUsedAt") select $1, current_date - n, $2, 'op ' || n, n, now() - interval '1 day' from generate_series(1, 40) n`,
      [key, us.company.id],
    );
    const { lastUsedAt, statistics } = (await t.run(us.keys.ADMIN, ask, { id: apiKey.id, days: 3 })).data.company
      .apiKey;
    expect(statistics.days.map((day: { requestCount: number }) => day.requestCount).slice(0, 2)).toEqual([2, 1]);
    expect(statistics.days[2].requestCount).toBeGreaterThanOrEqual(2);
    expect(statistics.days[2].failedAttemptCount).toBeGreaterThanOrEqual(1);
    expect(Date.now() - Date.parse(lastUsedAt)).toBeLessThan(60_000);
    expect(statistics.lastUsedAt).toBe(lastUsedAt);
    const month = (await t.run(us.keys.ADMIN, ask, { id: apiKey.id, days: 30 })).data.company.apiKey.statistics;
    expect(month.topOperations).toHaveLength(10);
    expect(month.topOperations[0]).toEqual({ operation: 'op 29', requestCount: 29 });
  });

  it('lists with as many statements for 20 keys as for one', async () => {
    const document =
      'query ($first: Int!) { company { apiKeys(first: $first) { nodes { id user { name } endpoint { name } replacedBy { id } lastUsedAt statistics { requestCount } } } } }';
    for (let i = 0; i < 20; i++)
      await t.world.apiKey(us.company.id, 'VIEWER', {
        userId: us.users.VIEWER.id,
        kind: 'ENDPOINT',
        endpointId: endpoint.id,
      });
    const count = async (first: number) =>
      (await t.statements(() => t.run(us.keys.VIEWER, document, { first }))).length;
    await count(1);
    const one = await count(1);
    expect((await t.run(us.keys.VIEWER, document, { first: 25 })).data.company.apiKeys.nodes).toHaveLength(25);
    expect(await count(25)).toBeLessThanOrEqual(one + 3);
    expect(await count(25)).toBe(await count(30));
  });
});

describe('keys refuse', () => {
  it.each([
    ['a key that may more', 'ADMIN', { role: 'OWNER' }, 'FORBIDDEN', 'role'],
    ['a key of the platform', 'OWNER', { role: 'OPERATOR' }, 'FORBIDDEN', 'role'],
    ["an administrator's kind to an editor", 'EDITOR', {}, 'FORBIDDEN', 'kind'],
    ['an end in the past', 'ADMIN', { expiresAt: '2020-01-01T00:00:00Z' }, 'VALIDATION', 'expiresAt'],
    ['an endpoint key without endpoint', 'ADMIN', { kind: 'ENDPOINT' }, 'VALIDATION', 'endpointId'],
    ['a deployment of another kind', 'ADMIN', { mcpDeploymentId: 'x' }, 'VALIDATION', 'mcpDeploymentId'],
    ['a name of blanks', 'ADMIN', { name: '  ' }, 'VALIDATION', 'name'],
  ] as const)('refuses %s', async (_, role, input, code, field) => {
    const before = await stored();
    expect((await create(us.keys[role], input)).userErrors).toEqual(refusal(code, field));
    expect(await stored()).toEqual(before);
  });

  it('refuses an endpoint for another kind, a foreign one and one that is not listed any more', async () => {
    const ask = async (more: Record<string, unknown>) => (await create(us.keys.ADMIN, more)).userErrors;
    expect(await ask({ endpointId: gid('Endpoint', endpoint) })).toEqual(refusal('VALIDATION', 'endpointId'));
    expect(await ask({ kind: 'ENDPOINT', endpointId: gid('Endpoint', unlisted) })).toEqual(
      refusal('NOT_FOUND', 'endpointId'),
    );
    expect(await ask({ kind: 'ENDPOINT', endpointId: gid('Asset', endpoint) })).toEqual(
      refusal('VALIDATION', 'endpointId'),
    );
  });

  it('refuses a stale version, and names the one there is', async () => {
    const { apiKey } = await create(us.keys.ADMIN, {});
    const document = UPDATE.replace('code path', 'code path ... on VersionConflictError { currentVersion }');
    const { userErrors } = await doing(us.keys.ADMIN, document, { id: apiKey.id, name: 'Late', expectedVersion: 9 });
    expect(userErrors).toEqual([{ code: 'VERSION_CONFLICT', path: ['input', 'expectedVersion'], currentVersion: 1 }]);
  });

  it('refuses to change, revoke or rotate a key that was revoked', async () => {
    const { apiKey } = await create(us.keys.ADMIN, {});
    await doing(us.keys.ADMIN, REVOKE, { id: apiKey.id, reason: 'Over.' });
    expect((await doing(us.keys.ADMIN, REVOKE, { id: apiKey.id, reason: 'Again.' })).userErrors).toEqual(
      refusal('CONFLICT', 'id'),
    );
    expect((await doing(us.keys.ADMIN, UPDATE, { id: apiKey.id, name: 'New' })).userErrors).toEqual(
      refusal('CONFLICT', 'id'),
    );
    expect((await doing(us.keys.ADMIN, ROTATE, { id: apiKey.id })).userErrors).toEqual(refusal('CONFLICT', 'id'));
  });

  it('refuses to rotate twice, even at once, and to prolong a replaced key', async () => {
    const { apiKey } = await create(us.keys.ADMIN, { name: 'Twice' });
    const both = await Promise.all([1, 2].map(() => doing(us.keys.ADMIN, ROTATE, { id: apiKey.id, overlapHours: 1 })));
    expect(both.flatMap(({ userErrors }) => userErrors)).toEqual(refusal('CONFLICT', 'id'));
    expect(await t.app.database.prisma.apiKey.count({ where: { name: 'Twice' } })).toBe(2);
    expect((await doing(us.keys.ADMIN, UPDATE, { id: apiKey.id, expiresAt: null })).userErrors).toEqual(
      refusal('CONFLICT', 'id'),
    );
  });

  it('refuses to rotate a key that has expired', async () => {
    const { key } = await t.world.apiKey(us.company.id, 'VIEWER', { expiresAt: new Date(Date.now() - 1000) });
    expect((await doing(us.keys.ADMIN, ROTATE, { id: gid('ApiKey', key) })).userErrors).toEqual(
      refusal('CONFLICT', 'id'),
    );
  });

  it.each([{ overlapHours: 169 }, { overlapHours: -1 }])('refuses an overlap of %j', async (input) => {
    const { userErrors } = await doing(us.keys.ADMIN, ROTATE, { id: gid('ApiKey', us.keyIds.VIEWER), ...input });
    expect(userErrors).toEqual(refusal('VALIDATION', 'overlapHours'));
  });

  it('refuses metadata that are no object, and statistics of too many days', async () => {
    const { userErrors } = await doing(us.keys.ADMIN, REVOKE, {
      id: gid('ApiKey', us.keyIds.ANALYST),
      reason: 'Why.',
      metadata: [1],
    });
    expect(userErrors).toEqual(refusal('VALIDATION', 'metadata'));
    const { errors } = await t.run(
      us.keys.ADMIN,
      `{ company { apiKey(id: "${gid('ApiKey', us.keyIds.VIEWER)}") { statistics(days: 91) { requestCount } } } }`,
    );
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'VALIDATION', argumentPath: ['days'] });
  });
});

describe('keys guard', () => {
  const inputs = (id: string): [string, Record<string, unknown>][] => [
    [UPDATE, { id, name: 'Taken' }],
    [DEACTIVATE, { id }],
    [REVOKE, { id, reason: 'Taken' }],
    [ROTATE, { id }],
  ];

  it("neither shows nor changes another company's keys", async () => {
    const id = gid('ApiKey', them.keyIds.VIEWER);
    const { data } = await t.run(
      us.keys.OWNER,
      'query ($id: ID!) { company { apiKey(id: $id) { id } } node(id: $id) { id } }',
      { id },
    );
    expect(data).toEqual({ company: { apiKey: null }, node: null });
    const before = await stored();
    for (const [document, input] of inputs(id)) {
      expect((await doing(us.keys.OWNER, document, input)).userErrors).toEqual(refusal('NOT_FOUND', 'id'));
      expect((await doing(us.keys.EDITOR, document, input)).userErrors).toEqual(refusal('NOT_FOUND', 'id'));
    }
    expect(await stored()).toEqual(before);
  });

  it('lets nobody below do it, and an editor only with keys of endpoints', async () => {
    const id = gid('ApiKey', us.keyIds.VIEWER);
    const before = await stored();
    for (const [document, input] of [[CREATE, { name: 'Key' }], ...inputs(id)] as [string, Record<string, unknown>][]) {
      for (const role of ['VIEWER', 'ANALYST', 'OPERATOR'] as const) {
        expect((await doing(us.keys[role], document, input)).userErrors).toEqual([{ code: 'FORBIDDEN', path: null }]);
      }
      expect(
        (await doing(us.keys.EDITOR, document, input)).userErrors.map((one: { code: string }) => one.code),
      ).toEqual(['FORBIDDEN']);
      expect((await t.run(null, document, { input })).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    }
    expect(await stored()).toEqual(before);
  });

  it("gives an administrator no way to an owner's key", async () => {
    const id = gid('ApiKey', us.keyIds.OWNER);
    expect((await doing(us.keys.ADMIN, ROTATE, { id })).userErrors).toEqual(refusal('FORBIDDEN', 'id'));
    expect((await doing(us.keys.ADMIN, UPDATE, { id, expiresAt: null })).userErrors).toEqual(
      refusal('FORBIDDEN', 'id'),
    );
  });

  it('gives an endpoint key nothing of the company', async () => {
    const { secret } = await t.world.apiKey(us.company.id, 'OWNER', { kind: 'ENDPOINT', endpointId: endpoint.id });
    expect((await t.run(secret, '{ company { name } }')).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });
});
