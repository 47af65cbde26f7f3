import { expect } from 'vitest';
import { webhookSecret } from '../helpers/platform-servers.ts';
import { integration as demo, keyOf } from './demo.ts';
import { userErrors, type Row } from './row.ts';

const FIELDS = 'platform platformName isEnabled settings maskedCredentials version';
const BY_ID = `query ($id: ID!) { company { integration(id: $id) { ${FIELDS} } } }`;

export const integrations: Row[] = [
  {
    id: 'OP-092',
    rest: 'GET /companies/{company_id}/postgen_integrations',
    what: 'All integrations of the company with publishing platforms.',
    field: 'company.integrations',
    document: `query Integrations { company { integrations { totalCount { value } nodes { id platform platformName isEnabled maskedCredentials owner { name } } } } }`,
    check({ company: { integrations: found } }) {
      expect(found).toEqual({
        totalCount: { value: 1 },
        nodes: [
          {
            id: demo,
            platform: 'WEBHOOK',
            platformName: 'Newsroom webhook',
            isEnabled: true,
            maskedCredentials: '****dA==',
            owner: { name: 'Lena Fischer' },
          },
        ],
      });
    },
  },
  {
    id: 'OP-094',
    rest: 'POST /companies/{company_id}/postgen_integrations/test',
    what: 'Tries credentials at their platform; nothing is stored.',
    field: 'integrationTest',
    document: `mutation IntegrationTest($input: IntegrationTestInput!) {
      integrationTest(input: $input) { isOk account message ${userErrors} }
    }`,
    variables: (kept) => ({
      input: { platform: 'WEBHOOK', credentials: { url: kept['receiverUrl'], secret: webhookSecret } },
    }),
    async check({ integrationTest }, w) {
      expect(integrationTest).toMatchObject({ isOk: true });
      expect(w.receiver.seen.at(-1)?.json['type']).toBe('integration.test');
      const wrong = { url: w.kept['receiverUrl'], secret: `whsec_${Buffer.alloc(32, 1).toString('base64')}` };
      const failed = await w.ask(this.document, { input: { platform: 'WEBHOOK', credentials: wrong } });
      expect(failed.integrationTest).toMatchObject({ isOk: false, message: expect.stringContaining('401') });
      expect(
        await w.sql('select count(*)::int as n from "Integration" where "platformName" <> $1', ['Newsroom webhook']),
      ).toEqual([{ n: 0 }]);
    },
  },
  {
    id: 'OP-093',
    rest: 'POST /companies/{company_id}/postgen_integrations',
    what: 'Connects a publishing platform and seals its credentials.',
    field: 'integrationCreate',
    document: `mutation IntegrationCreate($input: IntegrationCreateInput!) {
      integrationCreate(input: $input) { integration { id ${FIELDS} } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: {
        platform: 'WEBHOOK',
        platformName: 'Our site',
        credentials: { url: kept['receiverUrl'], secret: webhookSecret },
      },
    }),
    async check({ integrationCreate: { integration } }, w) {
      expect(integration).toEqual({
        id: expect.any(String),
        platform: 'WEBHOOK',
        platformName: 'Our site',
        isEnabled: true,
        settings: { url: w.kept['receiverUrl'] },
        maskedCredentials: `****${webhookSecret.slice(-4)}`,
        version: 1,
      });
      w.kept['integrationId'] = integration.id;
      const [row] = await w.sql('select to_jsonb(i)::text as all from "Integration" i where id = $1', [
        keyOf(integration.id),
      ]);
      expect(row?.['all']).toContain('Our site');
      expect(row?.['all']).not.toContain(webhookSecret);
      const medium = { input: { platform: 'MEDIUM', platformName: 'Medium', credentials: {} } };
      expect(await w.refused(this.document, medium)).toEqual(['UNSUPPORTED input.platform']);
    },
  },
  {
    id: 'OP-096',
    rest: 'GET /companies/{company_id}/postgen_integrations/{integration_id}',
    what: 'One integration.',
    field: 'company.integration',
    document: `query Integration($id: ID!) { company { integration(id: $id) { platformName isEnabled lastUsedAt publications { totalCount { value } } } } }`,
    variables: (kept) => ({ id: kept['integrationId'] }),
    async check({ company: { integration } }, w) {
      expect(integration).toEqual({
        platformName: 'Our site',
        isEnabled: true,
        lastUsedAt: null,
        publications: { totalCount: { value: 0 } },
      });
      expect(await w.ask(this.document, this.variables?.(w.kept), 'buyer')).toEqual({ company: { integration: null } });
    },
  },
  {
    id: 'OP-097',
    rest: 'PATCH /companies/{company_id}/postgen_integrations/{integration_id}',
    what: 'Renames or pauses an integration, or gives it other credentials.',
    field: 'integrationUpdate',
    document: `mutation IntegrationUpdate($input: IntegrationUpdateInput!) {
      integrationUpdate(input: $input) { integration { ${FIELDS} } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: { id: kept['integrationId'], platformName: 'Our blog', isEnabled: false, expectedVersion: 1 },
    }),
    async check({ integrationUpdate: { integration } }, w) {
      expect(integration).toMatchObject({ platformName: 'Our blog', isEnabled: false, version: 2 });
      const { company } = await w.ask(BY_ID, { id: w.kept['integrationId'] });
      expect(company.integration).toEqual(integration);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
    },
  },
  {
    id: 'OP-095',
    rest: 'DELETE /companies/{company_id}/postgen_integrations/{integration_id}',
    what: 'Deletes an integration and destroys its credentials; copies stay where they are.',
    field: 'integrationDelete',
    document: `mutation IntegrationDelete($input: IntegrationDeleteInput!) { integrationDelete(input: $input) { deletedId ${userErrors} } }`,
    variables: (kept) => ({ input: { id: kept['integrationId'] } }),
    async check({ integrationDelete }, w) {
      const id = w.kept['integrationId'] ?? '';
      expect(integrationDelete.deletedId).toBe(id);
      expect(await w.ask(BY_ID, { id })).toEqual({ company: { integration: null } });
      const [row] = await w.sql('select active, "sealedCredentials" as sealed from "Integration" where id = $1', [
        keyOf(id),
      ]);
      expect(row?.['active']).toBe(false);
      expect(w.t.app.sealer.open(row?.['sealed'] as Buffer, `Integration/sealedCredentials/${keyOf(id)}`)).toEqual({});
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['NOT_FOUND input.id']);
    },
  },
];
