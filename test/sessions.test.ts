import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashSecret } from '../src/secrets.ts';
import { gid, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';
import { openIdIssuer, type OpenIdIssuer } from './helpers/openid-issuer.ts';

let issuer: OpenIdIssuer;
let t: TestGateway;
let us: Tenant;
let them: Tenant;

beforeAll(async () => {
  issuer = await openIdIssuer();
  t = await testGateway({ ...issuer.settings, SESSION_HOURS: '2' });
  us = await t.tenant({ handle: 'us' });
  them = await t.tenant({ handle: 'them' });
});
afterAll(async () => {
  await t.close();
  await issuer.close();
});

const SIGN_IN = `mutation ($input: GoogleSignInInput!) { googleSignIn(input: $input) {
  token session { id isCurrent isActive expiresAt createdAt userAgent } user { email name role status } userErrors { code path message ... on PlatformFailedError { failure } } } }`;
const VIEWER =
  '{ viewer { kind role user { email } apiKey { name maskedSecret } session { id isCurrent expiresAt issuer } company { handle } endpointId originDomain isServiceAccount } }';
const LOGOUT = 'mutation ($input: LogoutInput!) { logout(input: $input) { endedCount userErrors { code path } } }';
const REVOKE =
  'mutation ($input: SessionRevokeInput!) { sessionRevoke(input: $input) { session { id isActive } userErrors { code path } } }';

/** Signs in with a token of these claims. */
const signIn = async (claims: Record<string, unknown>, how = {}, nonce = 'n-1') =>
  (await t.run(null, SIGN_IN, { input: { idToken: await issuer.token(claims, how), nonce } })).data.googleSignIn;
const as = (token: string, document: string, variables = {}): Promise<Answer> =>
  t.run(null, document, variables, { headers: { authorization: `Bearer ${token}` } });
const code = (answer: Answer) => answer.errors?.[0]?.extensions.code;
const stored = () => t.app.database.query('select * from "User" u order by id', []);
const sessionCount = () => t.app.database.prisma.session.count();
/** A user who has signed in. */
async function signedIn(tenant: Tenant, subject: string) {
  const user = await t.world.user(tenant.company.id, 'ANALYST');
  return { user, token: (await signIn({ sub: subject, email: user.email })).token as string };
}

describe('sessions work', () => {
  it('signs a known user in by the verified address, binds the account, and lets the token in', async () => {
    const { email } = us.users.EDITOR;
    const { token, session, user, userErrors } = await signIn({ sub: 'g-1', email: email.toUpperCase() });
    expect(userErrors).toEqual([]);
    expect(token).toMatch(/^st_[0-9A-Za-z]{38}$/);
    expect(user).toEqual({ email, name: us.users.EDITOR.name, role: 'EDITOR', status: 'ACTIVE' });
    expect(session).toMatchObject({ isCurrent: false, isActive: true });
    expect(Date.parse(session.expiresAt) - Date.parse(session.createdAt)).toBe(7_200_000);
    expect((await as(token, VIEWER)).data.viewer).toEqual({
      kind: 'SESSION',
      role: 'EDITOR',
      user: { email },
      apiKey: null,
      company: { handle: 'us' },
      endpointId: null,
      session: {
        id: session.id,
        isCurrent: true,
        expiresAt: session.expiresAt,
        issuer: issuer.settings.GOOGLE_ISSUER,
      },
      originDomain: null,
      isServiceAccount: false,
    });
    const row = await t.app.database.prisma.session.findFirstOrThrow({ where: { userId: us.users.EDITOR.id } });
    expect(Buffer.from(row.tokenHash)).toEqual(hashSecret(token));
    expect((await t.app.database.prisma.user.findUniqueOrThrow({ where: { email } })).googleSubject).toBe('g-1');
  });

  it('knows the account again when its address has changed', async () => {
    const { user } = await signIn({ sub: 'g-1', email: 'moved@elsewhere.example' });
    expect(user.email).toBe(us.users.EDITOR.email);
  });

  it('adds a stranger to the company with the domain of their address, once, without a session', async () => {
    const before = await sessionCount();
    const claims = { sub: 'g-new', email: 'new@us.example', name: 'New Person' };
    const answers = await Promise.all([signIn(claims), signIn(claims)]);
    for (const { token, session, user, userErrors } of answers) {
      expect([token, session, user]).toEqual([null, null, null]);
      expect(userErrors).toEqual([
        {
          code: 'FORBIDDEN',
          path: ['input', 'idToken'],
          message: 'An administrator of the company must activate this user first.',
        },
      ]);
    }
    const made = await t.app.database.prisma.user.findMany({ where: { email: 'new@us.example' } });
    expect(made).toHaveLength(1);
    expect(made[0]).toMatchObject({
      companyId: us.company.id,
      roleId: 5,
      status: 'PENDING',
      name: 'New Person',
      googleSubject: 'g-new',
    });
    expect(await sessionCount()).toBe(before);
    await t.run(us.keys.ADMIN, 'mutation ($input: UserUpdateInput!) { userUpdate(input: $input) { user { id } } }', {
      input: { id: gid('User', made[0] as { id: string }), status: 'ACTIVE' },
    });
    expect((await signIn(claims)).user).toMatchObject({ role: 'VIEWER', status: 'ACTIVE' });
  });

  it('lists the own sessions, the newest first, and says which is the present one', async () => {
    const { token, user } = await signedIn(us, 'g-list');
    const later = (await signIn({ sub: 'g-list', email: user.email })).token;
    const { data } = await as(
      later,
      '{ viewer { sessions { nodes { isCurrent isActive } totalCount { value } } user { sessions { nodes { isCurrent } } } } }',
    );
    expect(data.viewer.sessions).toEqual({
      nodes: [
        { isCurrent: true, isActive: true },
        { isCurrent: false, isActive: true },
      ],
      totalCount: { value: 2 },
    });
    expect(data.viewer.user.sessions.nodes).toEqual([{ isCurrent: true }, { isCurrent: false }]);
    const overseen = await t.run(
      us.keys.ADMIN,
      'query ($id: ID!) { company { user(id: $id) { sessions { nodes { isCurrent user { email } } } } } }',
      { id: gid('User', user) },
    );
    expect(overseen.data.company.user.sessions.nodes).toEqual([
      { isCurrent: false, user: { email: user.email } },
      { isCurrent: false, user: { email: user.email } },
    ]);
    expect(code(await as(token, VIEWER))).toBeUndefined();
  });

  it('says when a session was last used, and writes it once in five minutes', async () => {
    const { token, user } = await signedIn(us, 'g-use');
    const { prisma } = t.app.database;
    const { id } = await prisma.session.findFirstOrThrow({ where: { userId: user.id } });
    const lastUse = async (): Promise<string | null> =>
      (
        await t.run(
          us.keys.ADMIN,
          'query ($id: ID!) { company { user(id: $id) { sessions { nodes { lastUsedAt } } } } }',
          {
            id: gid('User', user),
          },
        )
      ).data.company.user.sessions.nodes[0].lastUsedAt;
    /** The statements on its last use that a request of a process that knows nothing of the session leads to. */
    const written = async (): Promise<number> => {
      // Uses of other sessions that wait to be written are no matter here.
      await t.app.usage.flush();
      let count = 0;
      const stop = t.app.database.onStatement((text) => (count += text.includes('set "lastUsedAt"') ? 1 : 0));
      t.app.forgetViewers(us.company.id);
      expect(code(await as(token, VIEWER))).toBeUndefined();
      await t.app.usage.flush();
      stop();
      return count;
    };
    const usedAgo = (minutes: number) =>
      prisma.session.update({ where: { id }, data: { lastUsedAt: new Date(Date.now() - minutes * 60_000) } });
    expect(await lastUse()).toBe(null);
    expect(await written()).toBe(1);
    const first = Date.parse((await lastUse()) ?? '');
    expect(Math.abs(Date.now() - first)).toBeLessThan(60_000);
    await usedAgo(1);
    expect(await written()).toBe(0);
    await usedAgo(6);
    expect(await written()).toBe(1);
    expect(Date.parse((await lastUse()) ?? '')).toBeGreaterThanOrEqual(first);
    await prisma.session.update({ where: { id }, data: { revokedAt: new Date(), lastUsedAt: null } });
    t.app.forgetViewers(us.company.id);
    expect(code(await as(token, VIEWER))).toBe('BAD_CREDENTIALS');
    await t.app.usage.flush();
    expect(await lastUse()).toBe(null);
  });

  it('ends one session at once; ending it again changes nothing', async () => {
    const { token } = await signedIn(us, 'g-end');
    const { id } = (await as(token, VIEWER)).data.viewer.session;
    expect((await as(token, REVOKE, { input: { id } })).data.sessionRevoke).toEqual({
      session: { id, isActive: false },
      userErrors: [],
    });
    await expect.poll(async () => code(await as(token, VIEWER))).toBe('BAD_CREDENTIALS');
    expect((await t.run(us.keys.ADMIN, REVOKE, { input: { id } })).data.sessionRevoke).toEqual({
      session: { id, isActive: false },
      userErrors: [],
    });
  });

  it('logs out: all sessions of the user end, or all but the present one', async () => {
    const { user } = await signedIn(us, 'g-out');
    const tokens = [];
    for (let i = 0; i < 2; i++) tokens.push((await signIn({ sub: 'g-out', email: user.email })).token as string);
    const [first, second] = tokens as [string, string];
    expect((await as(second, LOGOUT, { input: { isCurrentKept: true } })).data.logout).toEqual({
      endedCount: 2,
      userErrors: [],
    });
    await expect.poll(async () => code(await as(first, VIEWER))).toBe('BAD_CREDENTIALS');
    expect((await as(second, LOGOUT, { input: {} })).data.logout).toEqual({ endedCount: 1, userErrors: [] });
    await expect.poll(async () => code(await as(second, VIEWER))).toBe('BAD_CREDENTIALS');
  });

  it('tells a key who it is', async () => {
    expect((await t.run(us.keys.VIEWER, VIEWER)).data.viewer).toEqual({
      kind: 'KEY',
      role: 'VIEWER',
      user: { email: us.users.VIEWER.email },
      session: null,
      company: { handle: 'us' },
      endpointId: null,
      originDomain: null,
      isServiceAccount: false,
      apiKey: { name: expect.any(String), maskedSecret: `sk_****${us.keys.VIEWER.slice(-4)}` },
    });
    expect((await t.run(null, VIEWER)).data).toEqual({ viewer: null });
    const { secret } = await t.world.apiKey(us.company.id, 'VIEWER');
    const from = async (origin: string) => (await t.run(secret, VIEWER, {}, { headers: { origin } })).data.viewer;
    expect(await from('https://app.us.example:8443')).toMatchObject({
      user: null,
      isServiceAccount: true,
      originDomain: 'app.us.example',
    });
    expect((await from('null')).originDomain).toBe(null);
  });
});

describe('sessions refuse', () => {
  const now = Math.floor(Date.now() / 1000);
  it.each([
    ['a token for another client', { aud: 'another.apps.example' }, {}],
    ['a token of another issuer', { iss: 'https://evil.example' }, {}],
    ['another nonce', { nonce: 'n-2' }, {}],
    ['a token without nonce', { nonce: null }, {}],
    ['a token that has expired', { iat: now - 7200, exp: now - 3600 }, {}],
    ['a token without end', { exp: null }, {}],
    ['an address that is not verified', { email_verified: false }, {}],
    ['an address that is verified by word only', { email_verified: 'true' }, {}],
    ['a token without address', { email: null }, {}],
    ['a token without subject', { sub: null }, {}],
    ['a token signed by another key', {}, { isForged: true }],
    ['a token signed with the public key', {}, { algorithm: 'HS256' }],
    ['a token without signature', {}, { algorithm: 'none' }],
  ])('refuses %s', async (_, claims, how) => {
    const [users, sessions] = [await stored(), await sessionCount()];
    const answer = await signIn({ sub: 'g-bad', email: us.users.OWNER.email, ...claims }, how);
    expect(answer.userErrors).toEqual([
      {
        code: 'VALIDATION',
        path: ['input', 'idToken'],
        message: 'This is no valid ID token for this gateway: sign in with Google again.',
      },
    ]);
    expect([answer.token, await stored(), await sessionCount()]).toEqual([null, users, sessions]);
  });

  it('refuses what is no token at all', async () => {
    const { data } = await t.run(null, SIGN_IN, { input: { idToken: 'abc', nonce: 'n-1' } });
    expect(data.googleSignIn.userErrors).toMatchObject([{ code: 'VALIDATION', path: ['input', 'idToken'] }]);
  });

  it('refuses a stranger without a company, and names their domain', async () => {
    const before = await stored();
    const { userErrors } = await signIn({ sub: 'g-x', email: 'x@nowhere.example' });
    expect(userErrors).toMatchObject([
      { code: 'NOT_FOUND', path: ['input', 'idToken'], message: expect.stringContaining('nowhere.example') },
    ]);
    expect(await stored()).toEqual(before);
  });

  it('refuses a stranger whose address anybody could have, whatever a company says its domain is', async () => {
    const { company } = await t.tenant();
    await t.app.database.prisma.company.update({ where: { id: company.id }, data: { domain: 'gmail.com' } });
    const { userErrors } = await signIn({ sub: 'g-anybody', email: 'anybody@gmail.com' });
    expect(userErrors).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'idToken'] }]);
    expect(await t.app.database.prisma.user.count({ where: { email: 'anybody@gmail.com' } })).toBe(0);
  });

  it('refuses another Google account with the address of a user who has one', async () => {
    const { user } = await signedIn(us, 'g-first');
    expect((await signIn({ sub: 'g-second', email: user.email })).userErrors).toMatchObject([
      { code: 'FORBIDDEN', path: ['input', 'idToken'] },
    ]);
  });

  it.each([[{ status: 'BANNED' }], [{ status: 'INACTIVE' }], [{ active: false }]])(
    'refuses a user with %j',
    async (more) => {
      const user = await t.world.user(us.company.id, 'VIEWER', more as never);
      const { token, userErrors } = await signIn({ sub: `g-${user.id}`, email: user.email });
      expect([token, userErrors[0].code]).toEqual([null, 'FORBIDDEN']);
    },
  );

  it('refuses to log out a key without a user', async () => {
    const { secret } = await t.world.apiKey(us.company.id, 'OWNER');
    expect((await t.run(secret, LOGOUT, { input: {} })).data.logout.userErrors).toEqual([
      { code: 'FORBIDDEN', path: null },
    ]);
  });

  it('says that the provider does not answer, and how to set it up', async () => {
    const other = await openIdIssuer();
    other.isDown = true;
    const [down, unset] = [await testGateway(other.settings), await testGateway()];
    try {
      const input = { idToken: await other.token({ sub: 'g-1', email: 'a@us.example' }), nonce: 'n-1' };
      const refusalOf = async (gateway: TestGateway) =>
        (await gateway.run(null, SIGN_IN, { input })).data.googleSignIn.userErrors[0];
      expect(await refusalOf(down)).toMatchObject({ code: 'PLATFORM_FAILED', failure: 'UNAVAILABLE', path: null });
      expect(await refusalOf(unset)).toMatchObject({
        code: 'UNSUPPORTED',
        path: null,
        message: expect.stringContaining('GOOGLE_CLIENT_ID'),
      });
    } finally {
      await Promise.all([down.close(), unset.close(), other.close()]);
    }
  });
});

describe('sessions guard', () => {
  it("neither shows nor ends sessions of others, of one's own company or another", async () => {
    const { token, user } = await signedIn(them, 'g-them');
    const { id } = (await as(token, VIEWER)).data.viewer.session;
    for (const key of [us.keys.OWNER, them.keys.EDITOR]) {
      expect((await t.run(key, REVOKE, { input: { id } })).data.sessionRevoke).toEqual({
        session: null,
        userErrors: [{ code: 'NOT_FOUND', path: ['input', 'id'] }],
      });
      expect((await t.run(key, 'query ($id: ID!) { node(id: $id) { id } }', { id })).data).toEqual({ node: null });
    }
    const ask = await t.run(
      them.keys.EDITOR,
      'query ($id: ID!) { company { user(id: $id) { sessions { nodes { id } } } } }',
      { id: gid('User', user) },
    );
    expect(code(ask)).toBe('FORBIDDEN');
    expect(code(await as(token, VIEWER))).toBeUndefined();
  });

  it('lets nobody in who is anonymous', async () => {
    for (const [document, input] of [
      [LOGOUT, {}],
      [REVOKE, { id: gid('Session', us.company.id) }],
    ] as const) {
      expect(code(await t.run(null, document, { input }))).toBe('UNAUTHENTICATED');
    }
  });

  it('tells the holder of an endpoint key nothing of the user who made it, and ends none of their sessions', async () => {
    const { token, user } = await signedIn(us, 'g-maker');
    const endpoint = await t.world.endpoint(us.company.id, (await t.world.connection(us.company.id)).id);
    const { secret } = await t.world.apiKey(us.company.id, 'OWNER', {
      kind: 'ENDPOINT',
      endpointId: endpoint.id,
      userId: user.id,
    });
    expect(
      (await t.run(secret, '{ viewer { user { email } endpointId permissions apiKey { kind } } }')).data.viewer,
    ).toEqual({
      user: null,
      endpointId: gid('Endpoint', endpoint),
      permissions: [],
      apiKey: { kind: 'ENDPOINT' },
    });
    for (const field of ['user { email }', 'endpoint { sourceTableName }', 'statistics { requestCount }']) {
      expect(code(await t.run(secret, `{ viewer { apiKey { ${field} } } }`))).toBe('FORBIDDEN');
    }
    const { id } = (await as(token, VIEWER)).data.viewer.session;
    expect((await t.run(secret, 'query ($id: ID!) { node(id: $id) { id } }', { id })).data).toEqual({ node: null });
    expect(code(await t.run(secret, '{ viewer { sessions { nodes { id } } } }'))).toBe('FORBIDDEN');
    expect((await t.run(secret, LOGOUT, { input: {} })).data.logout.userErrors[0].code).toBe('FORBIDDEN');
    expect(code(await as(token, VIEWER))).toBeUndefined();
  });
});
