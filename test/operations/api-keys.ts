import { expect } from 'vitest';
import { keyOf } from './demo.ts';
import { userErrors, type Row } from './row.ts';

const VIEWER = '{ viewer { kind role } }';

export const apiKeys: Row[] = [
  {
    id: 'OP-001',
    rest: 'GET /companies/{company_id}/api-keys',
    what: 'All keys of the company, their secrets masked.',
    field: 'company.apiKeys',
    document: `query ApiKeys {
      company { apiKeys(first: 50, orderBy: { field: CREATED_AT, direction: ASC }) { totalCount { value } nodes { name kind role maskedSecret } } }
    }`,
    check({ company: { apiKeys: keys } }, { keys: { seller } }) {
      expect(keys.totalCount).toEqual({ value: 6 });
      expect(keys.nodes.map((key: { name: string }) => key.name)).toEqual([
        'Demo OWNER',
        'Demo ADMIN',
        'Demo EDITOR',
        'Demo ANALYST',
        'Demo VIEWER',
        'Demo OWNER',
      ]);
      expect(keys.nodes[5]).toMatchObject({
        kind: 'ANALYTICS',
        role: 'OWNER',
        maskedSecret: `sk_****${seller.slice(-4)}`,
      });
      expect(JSON.stringify(keys)).not.toContain(seller.slice(3, -4));
    },
  },
  {
    id: 'OP-002',
    rest: 'POST /companies/{company_id}/api-keys',
    what: 'Makes a key and tells its secret, this once.',
    field: 'apiKeyCreate',
    document: `mutation ApiKeyCreate($input: ApiKeyCreateInput!) {
      apiKeyCreate(input: $input) { apiKey { id name kind role maskedSecret isActive } secret ${userErrors} }
    }`,
    variables: () => ({
      input: { kind: 'ANALYTICS', name: 'Notebook', role: 'ANALYST', idempotencyKey: 'make-the-notebook-key' },
    }),
    async check({ apiKeyCreate: { apiKey, secret } }, w) {
      expect(secret).toMatch(/^sk_[0-9A-Za-z]{38}$/);
      expect(apiKey).toEqual({
        id: apiKey.id,
        name: 'Notebook',
        kind: 'ANALYTICS',
        role: 'ANALYST',
        maskedSecret: `sk_****${secret.slice(-4)}`,
        isActive: true,
      });
      w.kept['apiKeyId'] = apiKey.id;
      w.kept['apiKeySecret'] = secret;
      expect((await w.t.run(secret, VIEWER)).data).toEqual({ viewer: { kind: 'KEY', role: 'ANALYST' } });
      const again = { kind: 'MCP', name: 'Other', idempotencyKey: 'make-the-notebook-key' };
      expect(await w.refused(this.document, { input: again })).toEqual(['IDEMPOTENCY_MISMATCH input.idempotencyKey']);
      expect(
        await w.sql(`select "secretHash"::text as hash from "ApiKey" where name in ('Notebook', 'Other')`),
      ).toEqual([{ hash: expect.not.stringContaining(secret) }]);
    },
  },
  {
    id: 'OP-004',
    rest: 'GET /companies/{company_id}/api-keys/{api_key_id}',
    what: 'One key, masked.',
    field: 'company.apiKey',
    document: `query ApiKey($id: ID!) { company { apiKey(id: $id) { id name role maskedSecret user { name } } } }`,
    variables: (kept) => ({ id: kept['apiKeyId'] }),
    check({ company }, { kept: { apiKeyId, apiKeySecret } }) {
      expect(company.apiKey).toEqual({
        id: apiKeyId,
        name: 'Notebook',
        role: 'ANALYST',
        maskedSecret: `sk_****${apiKeySecret?.slice(-4)}`,
        user: { name: 'Amara Osei' },
      });
    },
  },
  {
    id: 'OP-005',
    rest: 'PATCH /companies/{company_id}/api-keys/{api_key_id}',
    what: 'Changes name, end, role, scopes and rate limit of a key, never its secret.',
    field: 'apiKeyUpdate',
    document: `mutation ApiKeyUpdate($input: ApiKeyUpdateInput!) {
      apiKeyUpdate(input: $input) { apiKey { id name expiresAt role scopes rateLimit { number period } version } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: {
        id: kept['apiKeyId'],
        name: 'Notebook of the analysts',
        expiresAt: '2036-01-01T00:00:00Z',
        scopes: ['company:read', 'products:run'],
        rateLimit: { number: 600, period: 'MINUTE' },
        expectedVersion: 1,
      },
    }),
    async check({ apiKeyUpdate: { apiKey } }, w) {
      const changed = {
        name: 'Notebook of the analysts',
        expiresAt: '2036-01-01T00:00:00.000Z',
        role: 'ANALYST',
        scopes: ['company:read', 'products:run'],
        rateLimit: { number: 600, period: 'MINUTE' },
        version: 2,
      };
      expect(apiKey).toEqual({ id: w.kept['apiKeyId'], ...changed });
      const read = await w.ask(
        'query ($id: ID!) { company { apiKey(id: $id) { name expiresAt role scopes rateLimit { number period } version } } }',
        { id: w.kept['apiKeyId'] },
      );
      expect(read.company.apiKey).toEqual(changed);
      const me = await w.t.run(w.kept['apiKeySecret'] ?? '', '{ viewer { permissions } }');
      expect(me.data.viewer.permissions).toEqual(['company:read', 'products:run']);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
    },
  },
  {
    id: 'OP-007',
    rest: 'GET /companies/{company_id}/api-keys/{api_key_id}/stats',
    what: 'How often a key was used, for what, and how often in vain.',
    field: 'apiKey.statistics',
    document: `query ApiKeyStatistics($id: ID!) {
      company { apiKey(id: $id) { statistics(days: 7) { requestCount failedAttemptCount lastUsedAt days { requestCount } topOperations { operation requestCount } } } }
    }`,
    variables: (kept) => ({ id: kept['apiKeyId'] }),
    async prepare({ t, kept }) {
      for (let i = 0; i < 3; i++) await t.run(kept['apiKeySecret'] ?? '', 'query WhoAmI { viewer { kind } }');
      await t.app.usage.flush();
    },
    check({ company: { apiKey } }) {
      expect(apiKey.statistics).toMatchObject({ requestCount: 5, failedAttemptCount: 0 });
      expect(apiKey.statistics.days.map((day: { requestCount: number }) => day.requestCount)).toEqual([
        0, 0, 0, 0, 0, 0, 5,
      ]);
      expect(Date.now() - Date.parse(apiKey.statistics.lastUsedAt)).toBeLessThan(60_000);
      expect(apiKey.statistics.topOperations).toEqual([{ operation: 'viewer', requestCount: 5 }]);
    },
  },
  {
    id: 'OP-006',
    rest: 'POST /companies/{company_id}/api-keys/{api_key_id}/revoke',
    what: 'Ends a key at once and keeps why; it stays in the list.',
    field: 'apiKeyRevoke',
    document: `mutation ApiKeyRevoke($input: ApiKeyRevokeInput!) {
      apiKeyRevoke(input: $input) { apiKey { id isActive revokedAt revocationReason revocationMetadata } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: { id: kept['apiKeyId'], reason: 'It was in a log.', metadata: { ticket: 'SEC-12' } },
    }),
    async check({ apiKeyRevoke: { apiKey } }, w) {
      expect(apiKey).toEqual({
        id: w.kept['apiKeyId'],
        isActive: false,
        revokedAt: expect.any(String),
        revocationReason: 'It was in a log.',
        revocationMetadata: { ticket: 'SEC-12' },
      });
      const { apiKeySecret = '' } = w.kept;
      await expect
        .poll(async () => (await w.t.run(apiKeySecret, VIEWER)).errors?.[0]?.extensions.code)
        .toBe('BAD_CREDENTIALS');
      const { company } = await w.ask(
        '{ company { apiKeys(where: { name: { startsWith: "Notebook" } }) { nodes { id } } } }',
      );
      expect(company.apiKeys.nodes).toEqual([{ id: w.kept['apiKeyId'] }]);
    },
  },
  {
    id: 'OP-003',
    rest: 'DELETE /companies/{company_id}/api-keys/{api_key_id}',
    what: 'Deactivates a key: it ends and leaves the list.',
    field: 'apiKeyDeactivate',
    document: `mutation ApiKeyDeactivate($input: ApiKeyDeactivateInput!) {
      apiKeyDeactivate(input: $input) { apiKey { id isActive } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { id: kept['apiKeyId'] } }),
    async check({ apiKeyDeactivate: { apiKey } }, w) {
      const id = w.kept['apiKeyId'] ?? '';
      expect(apiKey).toEqual({ id, isActive: false });
      const read = await w.ask(
        'query ($id: ID!) { company { apiKey(id: $id) { id } apiKeys { totalCount { value } } } }',
        { id },
      );
      expect(read.company).toEqual({ apiKey: null, apiKeys: { totalCount: { value: 6 } } });
      expect(await w.sql('select active from "ApiKey" where id = $1', [keyOf(id)])).toEqual([{ active: false }]);
    },
  },
];
