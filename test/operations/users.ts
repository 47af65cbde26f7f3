import { expect } from 'vitest';
import { keyOf, users as demo } from './demo.ts';
import { userErrors, type Row } from './row.ts';

const EMAIL = 'mira.holt@kickoff-metrics.example';
const BY_ID = (fields: string): string => `query ($id: ID!) { company { user(id: $id) { ${fields} } } }`;

export const users: Row[] = [
  {
    id: 'OP-077',
    rest: 'GET /me',
    what: 'Who calls: the key or session, its user, role and company.',
    field: 'viewer',
    document: `query Me {
      viewer {
        kind role permissions isServiceAccount userAgent originDomain expiresAt creditsBalance
        user { id name email status timezone jobFunction { name } isActive createdAt updatedAt }
        company { id handle }
        session { issuer createdAt expiresAt }
        apiKey { id name }
      }
    }`,
    async check({ viewer }, w) {
      expect(viewer).toMatchObject({
        kind: 'KEY',
        role: 'OWNER',
        isServiceAccount: false,
        userAgent: null,
        originDomain: null,
        expiresAt: null,
        user: {
          id: demo.owner,
          name: 'Amara Osei',
          email: 'amara.osei@kickoff-metrics.example',
          status: 'ACTIVE',
          isActive: true,
        },
        session: null,
        apiKey: { name: 'Demo OWNER' },
        company: { handle: 'kickoff-metrics' },
      });
      expect(viewer.permissions).toContain('users:write');
      const { company } = await w.ask('{ company { creditsBalance } }');
      expect(viewer.creditsBalance).toBe(company.creditsBalance);
      expect(await w.ask(this.document, {}, 'anonymous')).toEqual({ viewer: null });
    },
  },
  {
    id: 'OP-070',
    rest: 'GET /companies/{company_id}/users',
    what: 'All users of the company.',
    field: 'company.users',
    document: `query Users {
      company { users(orderBy: { field: CREATED_AT, direction: ASC }) { totalCount { value } nodes { name email role status jobFunction { name } } } }
    }`,
    check({ company: { users: found } }) {
      expect(found.totalCount).toEqual({ value: 5 });
      expect(found.nodes.map(({ name, role }: { name: string; role: string }) => [name, role])).toEqual([
        ['Amara Osei', 'OWNER'],
        ['Tom Whitfield', 'ADMIN'],
        ['Lena Fischer', 'EDITOR'],
        ['Ravi Menon', 'ANALYST'],
        ['Sofia Almeida', 'VIEWER'],
      ]);
      expect(found.nodes[0]).toEqual({
        name: 'Amara Osei',
        email: 'amara.osei@kickoff-metrics.example',
        role: 'OWNER',
        status: 'ACTIVE',
        jobFunction: { name: 'Analytics and Business Intelligence' },
      });
    },
  },
  {
    id: 'OP-071',
    rest: 'POST /companies/{company_id}/users',
    what: 'Adds a user to the company.',
    field: 'userCreate',
    document: `mutation UserCreate($input: UserCreateInput!) {
      userCreate(input: $input) { user { id name email role status timezone version } ${userErrors} }
    }`,
    variables: () => ({ input: { name: 'Mira Holt', email: EMAIL, role: 'ANALYST', timezone: 'Europe/Oslo' } }),
    async check({ userCreate: { user } }, w) {
      expect(user).toEqual({
        id: expect.any(String),
        name: 'Mira Holt',
        email: EMAIL,
        role: 'ANALYST',
        status: 'ACTIVE',
        timezone: 'Europe/Oslo',
        version: 1,
      });
      w.kept['userId'] = user.id;
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['CONFLICT input.email']);
    },
  },
  {
    id: 'OP-075',
    rest: 'GET /companies/{company_id}/users/{user_id}',
    what: 'One user of the company.',
    field: 'company.user',
    document: `query User($id: ID!) { company { user(id: $id) { name email role status timezone hasOptedOutOfMarketing } } }`,
    variables: (kept) => ({ id: kept['userId'] }),
    async check({ company: { user } }, w) {
      expect(user).toEqual({
        name: 'Mira Holt',
        email: EMAIL,
        role: 'ANALYST',
        status: 'ACTIVE',
        timezone: 'Europe/Oslo',
        hasOptedOutOfMarketing: false,
      });
      expect(await w.ask(this.document, this.variables?.(w.kept), 'buyer')).toEqual({ company: { user: null } });
    },
  },
  {
    id: 'OP-076',
    rest: 'PATCH /companies/{company_id}/users/{user_id}',
    what: 'Changes role, status, time zone and the like of a user.',
    field: 'userUpdate',
    document: `mutation UserUpdate($input: UserUpdateInput!) {
      userUpdate(input: $input) { user { role timezone hasOptedOutOfMarketing version } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: {
        id: kept['userId'],
        role: 'EDITOR',
        timezone: 'Europe/Paris',
        hasOptedOutOfMarketing: true,
        expectedVersion: 1,
      },
    }),
    async check({ userUpdate: { user } }, w) {
      const changed = { role: 'EDITOR', timezone: 'Europe/Paris', hasOptedOutOfMarketing: true, version: 2 };
      expect(user).toEqual(changed);
      const { company } = await w.ask(BY_ID('role timezone hasOptedOutOfMarketing version'), { id: w.kept['userId'] });
      expect(company.user).toEqual(changed);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
    },
  },
  {
    id: 'OP-072',
    rest: 'POST /companies/{company_id}/users/google-oauth',
    what: 'Signs a person in with a token of Google; the answer has the token of the session.',
    field: 'googleSignIn',
    as: 'anonymous',
    document: `mutation GoogleSignIn($input: GoogleSignInInput!) {
      googleSignIn(input: $input) { token session { isActive expiresAt } user { id name role } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { idToken: kept['googleToken'], nonce: 'n-1' } }),
    async prepare(w) {
      w.kept['googleToken'] = await w.issuer.token({ sub: 'google-mira', email: EMAIL, nonce: 'n-1' });
    },
    async check({ googleSignIn: { token, session, user } }, w) {
      expect(token).toMatch(/^st_[0-9A-Za-z]{38}$/);
      expect(user).toEqual({ id: w.kept['userId'], name: 'Mira Holt', role: 'EDITOR' });
      expect(session.isActive).toBe(true);
      expect(Date.parse(session.expiresAt)).toBeGreaterThan(Date.now());
      w.kept['sessionToken'] = token;
      const me = await w.ask(
        '{ viewer { kind role user { id } session { issuer expiresAt } apiKey { id } } }',
        {},
        'session',
      );
      expect(me.viewer).toEqual({
        kind: 'SESSION',
        role: 'EDITOR',
        user: { id: w.kept['userId'] },
        session: { issuer: w.issuer.settings.GOOGLE_ISSUER, expiresAt: session.expiresAt },
        apiKey: null,
      });
      const forged = await w.issuer.token({ sub: 'google-mira', email: EMAIL, nonce: 'n-1' }, { isForged: true });
      const refused = await w.refused(this.document, { input: { idToken: forged, nonce: 'n-1' } }, 'anonymous');
      expect(refused).toEqual(['VALIDATION input.idToken']);
    },
  },
  {
    id: 'OP-073',
    rest: 'POST /companies/{company_id}/users/logout',
    what: 'Ends all sessions of the user who calls.',
    field: 'logout',
    as: 'session',
    document: `mutation Logout { logout(input: {}) { endedCount ${userErrors} } }`,
    async check({ logout }, w) {
      expect(logout.endedCount).toBe(1);
      const headers = { authorization: `Bearer ${w.kept['sessionToken']}` };
      await expect
        .poll(async () => (await w.t.run(null, '{ viewer { kind } }', {}, { headers })).errors?.[0]?.extensions.code)
        .toBe('BAD_CREDENTIALS');
      const rows = await w.sql('select "revokedAt" is null as "isOpen" from "Session" where "userId" = $1', [
        keyOf(w.kept['userId'] ?? ''),
      ]);
      expect(rows).toEqual([{ isOpen: false }]);
    },
  },
  {
    id: 'OP-074',
    rest: 'DELETE /companies/{company_id}/users/{user_id}',
    what: 'Deletes a user; their sessions and keys end.',
    field: 'userDelete',
    document: `mutation UserDelete($input: UserDeleteInput!) { userDelete(input: $input) { user { id isActive } ${userErrors} } }`,
    variables: (kept) => ({ input: { id: kept['userId'] } }),
    async check({ userDelete: { user } }, w) {
      const id = w.kept['userId'] ?? '';
      expect(user).toEqual({ id, isActive: false });
      const { company } = await w.ask(
        'query ($id: ID!) { company { user(id: $id) { id } users { totalCount { value } } } }',
        { id },
      );
      expect(company).toEqual({ user: null, users: { totalCount: { value: 5 } } });
      expect(await w.sql('select active from "User" where id = $1', [keyOf(id)])).toEqual([{ active: false }]);
      expect(await w.refused(this.document, { input: { id: demo.owner } })).toEqual(['IN_USE input.id']);
    },
  },
];
