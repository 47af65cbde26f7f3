import { expect } from 'vitest';
import { assets, users } from './demo.ts';
import { userErrors, type Row } from './row.ts';

/** 5, with whatever places. */
const FIVE = /^5(\.0+)?$/;

export const alerts: Row[] = [
  {
    id: 'OP-009',
    rest: 'POST /companies/{company_id}/users/{user_id}/alerts',
    what: 'Watches an asset for the caller, one alert a kind.',
    field: 'alertCreate',
    document: `mutation AlertCreate($input: AlertCreateInput!) {
      alertCreate(input: $input) { alert { id assetId kind thresholdPercent isActive user { id } version } webhookSecret ${userErrors} }
    }`,
    variables: () => ({ input: { assetId: assets.homeAdvantage, kind: 'RESULT_CHANGED', thresholdPercent: '5' } }),
    async check({ alertCreate: { alert, webhookSecret } }, w) {
      expect(alert).toEqual({
        id: expect.any(String),
        assetId: assets.homeAdvantage,
        kind: 'RESULT_CHANGED',
        thresholdPercent: expect.stringMatching(FIVE),
        isActive: true,
        user: { id: users.owner },
        version: 1,
      });
      expect(webhookSecret).toBe(null);
      w.kept['alertId'] = alert.id;
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['CONFLICT input.kind']);
    },
  },
  {
    id: 'OP-008',
    rest: 'GET /companies/{company_id}/users/{user_id}/alerts',
    what: 'All alerts of one user.',
    field: 'user.alerts',
    document: `query AlertsOfAUser($id: ID!) {
      company { user(id: $id) { name alerts(orderBy: { field: CREATED_AT, direction: ASC }) { nodes { assetName kind thresholdPercent isActive } } } }
    }`,
    variables: () => ({ id: users.analyst }),
    check({ company: { user } }) {
      const found = user.alerts.nodes.toSorted((a: { kind: string }, b: { kind: string }) =>
        a.kind < b.kind ? -1 : 1,
      );
      expect(user.name).toBe('Ravi Menon');
      expect(found).toEqual([
        { assetName: 'Home Advantage Index', kind: 'ASSET_UPDATED', thresholdPercent: null, isActive: true },
        {
          assetName: 'Closing-Price Favourite Strike Rate',
          kind: 'PRICE_CHANGED',
          thresholdPercent: null,
          isActive: true,
        },
        {
          assetName: 'Lowest Bookmaker Margin at Close',
          kind: 'RESULT_CHANGED',
          thresholdPercent: expect.stringMatching(FIVE),
          isActive: true,
        },
      ]);
    },
  },
  {
    id: 'OP-010',
    rest: 'GET /companies/{company_id}/users/{user_id}/alerts/asset/{asset_id}',
    what: 'The alerts of the caller on one asset.',
    field: 'alertsFor',
    document: `query MyAlertsOnAnAsset($assetId: ID!) { alertsFor(assetId: $assetId) { id kind user { name } } }`,
    variables: () => ({ assetId: assets.homeAdvantage }),
    check({ alertsFor }, { kept }) {
      expect(alertsFor).toEqual([{ id: kept['alertId'], kind: 'RESULT_CHANGED', user: { name: 'Amara Osei' } }]);
    },
  },
  {
    id: 'OP-011',
    rest: 'GET /companies/{company_id}/users/{user_id}/alerts/asset/{asset_id}/all',
    what: 'The alerts of all users of the company on one asset.',
    field: 'asset.alerts',
    document: `query AllAlertsOnAnAsset($id: ID!) {
      company { asset(by: { id: $id }) { alerts { totalCount { value } nodes { kind user { name } } } } }
    }`,
    variables: () => ({ id: assets.homeAdvantage }),
    check({ company: { asset } }) {
      expect(asset.alerts).toEqual({
        totalCount: { value: 2 },
        nodes: [
          { kind: 'RESULT_CHANGED', user: { name: 'Amara Osei' } },
          { kind: 'ASSET_UPDATED', user: { name: 'Ravi Menon' } },
        ],
      });
    },
  },
  {
    id: 'OP-013',
    rest: 'GET /companies/{company_id}/users/{user_id}/alerts/{alert_id}',
    what: 'One alert.',
    field: 'node',
    document: `query Alert($id: ID!) { node(id: $id) { ... on Alert { id assetName kind thresholdPercent lastTriggeredAt } } }`,
    variables: (kept) => ({ id: kept['alertId'] }),
    async check({ node }, w) {
      expect(node).toEqual({
        id: w.kept['alertId'],
        assetName: 'Home Advantage Index',
        kind: 'RESULT_CHANGED',
        thresholdPercent: expect.stringMatching(FIVE),
        lastTriggeredAt: null,
      });
      expect(await w.ask(this.document, { id: node.id }, 'buyer')).toEqual({ node: null });
    },
  },
  {
    id: 'OP-014',
    rest: 'PATCH /companies/{company_id}/users/{user_id}/alerts/{alert_id}',
    what: 'Pauses an alert, or changes its threshold or webhook.',
    field: 'alertUpdate',
    document: `mutation AlertUpdate($input: AlertUpdateInput!) {
      alertUpdate(input: $input) { alert { id isActive thresholdPercent version } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: { id: kept['alertId'], isActive: false, thresholdPercent: '2.5', expectedVersion: 1 },
    }),
    async check({ alertUpdate: { alert } }, w) {
      const changed = {
        id: w.kept['alertId'],
        isActive: false,
        thresholdPercent: expect.stringMatching(/^2\.50*$/),
        version: 2,
      };
      expect(alert).toEqual(changed);
      const { alertsFor } = await w.ask(
        'query ($id: ID!) { alertsFor(assetId: $id) { id isActive thresholdPercent version } }',
        {
          id: assets.homeAdvantage,
        },
      );
      expect(alertsFor).toEqual([changed]);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
    },
  },
  {
    id: 'OP-012',
    rest: 'DELETE /companies/{company_id}/users/{user_id}/alerts/{alert_id}',
    what: 'Deletes an alert with what it has told.',
    field: 'alertDelete',
    document: `mutation AlertDelete($input: AlertDeleteInput!) { alertDelete(input: $input) { deletedId ${userErrors} } }`,
    variables: (kept) => ({ input: { id: kept['alertId'] } }),
    async check({ alertDelete }, w) {
      expect(alertDelete.deletedId).toBe(w.kept['alertId']);
      expect(await w.ask('query ($id: ID!) { node(id: $id) { id } }', { id: w.kept['alertId'] })).toEqual({
        node: null,
      });
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['NOT_FOUND input.id']);
    },
  },
];
