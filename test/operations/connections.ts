import { expect } from 'vitest';
import { connection as demo, keyOf, reference } from './demo.ts';
import { userErrors, type Row } from './row.ts';

const password = 'correct horse battery staple';

export const connections: Row[] = [
  {
    id: 'OP-052',
    rest: 'POST /companies/{company_id}/connections',
    what: 'Makes a connection and seals its credentials, which are never read again.',
    field: 'connectionCreate',
    document: `mutation ConnectionCreate($input: ConnectionCreateInput!) {
      connectionCreate(input: $input) { connection { id name engine { serviceName } credentialType settings maskedCredentials version } ${userErrors} }
    }`,
    variables: () => ({
      input: {
        name: 'Archive',
        engineId: reference.engine,
        credentials: {
          host: 'warehouse.example.com',
          port: 5432,
          database: 'archive',
          username: 'reader',
          password,
          tls: 'REQUIRED',
        },
        hasVerifiedUsageAbility: true,
      },
    }),
    async check({ connectionCreate: { connection } }, w) {
      expect(connection).toMatchObject({
        name: 'Archive',
        engine: { serviceName: 'PostgreSQL' },
        credentialType: 'USERNAME_PASSWORD',
        maskedCredentials: '****aple',
        version: 1,
      });
      expect(connection.settings).toMatchObject({ host: 'warehouse.example.com', database: 'archive' });
      w.kept['connectionId'] = connection.id;
      const [row] = await w.sql(
        'select to_jsonb(c)::text as all, "sealedCredentials" as sealed from "Connection" c where id = $1',
        [keyOf(connection.id)],
      );
      expect(row?.['sealed']).toBeInstanceOf(Buffer);
      expect(row?.['all']).not.toContain('horse');
      expect(JSON.stringify(connection)).not.toContain('horse');
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['CONFLICT input.name']);
    },
  },
  {
    id: 'OP-051',
    rest: 'GET /companies/{company_id}/connections',
    what: 'All connections of the company, without their secrets.',
    field: 'company.connections',
    document: `query Connections {
      company { connections(first: 20, orderBy: { field: NAME, direction: ASC }) { totalCount { value } nodes { id name engine { serviceName } isLastTestOk } } }
    }`,
    check({ company }, { kept }) {
      expect(company.connections).toEqual({
        totalCount: { value: 2 },
        nodes: [
          { id: kept['connectionId'], name: 'Archive', engine: { serviceName: 'PostgreSQL' }, isLastTestOk: null },
          { id: demo, name: 'Sports warehouse', engine: { serviceName: 'DuckDB' }, isLastTestOk: true },
        ],
      });
    },
  },
  {
    id: 'OP-054',
    rest: 'GET /companies/{company_id}/connections/{connection_id}',
    what: 'One connection.',
    field: 'company.connection',
    document: `query Connection($id: ID!) {
      company { connection(id: $id) { name description settings engine { serviceName } owner { name } assets(first: 1) { totalCount { value } } } }
    }`,
    variables: () => ({ id: demo }),
    async check({ company: { connection } }, w) {
      expect(connection).toEqual({
        name: 'Sports warehouse',
        description: 'An embedded DuckDB warehouse of demonstration data.',
        settings: { path: 'sports.duckdb' },
        engine: { serviceName: 'DuckDB' },
        owner: { name: 'Lena Fischer' },
        assets: { totalCount: { value: 13 } },
      });
      expect(await w.ask(this.document, this.variables?.(w.kept), 'buyer')).toEqual({ company: { connection: null } });
    },
  },
  {
    id: 'OP-055',
    rest: 'PATCH /companies/{company_id}/connections/{connection_id}',
    what: 'Changes what is given of a connection.',
    field: 'connectionUpdate',
    document: `mutation ConnectionUpdate($input: ConnectionUpdateInput!) {
      connectionUpdate(input: $input) { connection { name description timeoutMs maskedCredentials version } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: {
        id: kept['connectionId'],
        name: 'Archive of results',
        description: 'Seasons before 2022.',
        timeoutMs: 60_000,
        expectedVersion: 1,
      },
    }),
    async check({ connectionUpdate: { connection } }, w) {
      const changed = {
        name: 'Archive of results',
        description: 'Seasons before 2022.',
        timeoutMs: 60_000,
        maskedCredentials: '****aple',
        version: 2,
      };
      expect(connection).toEqual(changed);
      const { company } = await w.ask(
        'query ($id: ID!) { company { connection(id: $id) { name description timeoutMs maskedCredentials version } } }',
        { id: w.kept['connectionId'] },
      );
      expect(company.connection).toEqual(changed);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
      const taken = { input: { id: w.kept['connectionId'], name: 'Sports warehouse' } };
      expect(await w.refused(this.document, taken)).toEqual(['CONFLICT input.name']);
    },
  },
  {
    id: 'OP-057',
    rest: 'GET /companies/{company_id}/connections/{connection_id}/test',
    what: 'Tries a connection step by step; a failure is an answer that names the step.',
    field: 'connectionTest',
    document: `mutation ConnectionTest($input: ConnectionTestInput!) {
      connectionTest(input: $input) { test { isOk stages { stage isOk message hint } } connection { isLastTestOk lastTestedAt } ${userErrors} }
    }`,
    variables: () => ({ input: { id: demo } }),
    async check({ connectionTest }, w) {
      const ok = { isOk: true, message: null, hint: null };
      expect(connectionTest.test).toEqual({
        isOk: true,
        stages: ['SETTINGS', 'READ_ONLY', 'QUERY'].map((stage) => ({ stage, ...ok })),
      });
      expect(connectionTest.connection.isLastTestOk).toBe(true);
      expect(Date.now() - Date.parse(connectionTest.connection.lastTestedAt)).toBeLessThan(60_000);
      // Nobody listens at port 1.
      await w.ask(`mutation ($input: ConnectionUpdateInput!) { connectionUpdate(input: $input) { ${userErrors} } }`, {
        input: {
          id: w.kept['connectionId'],
          credentials: { host: '127.0.0.1', port: 1, database: 'archive', username: 'reader', password },
        },
      });
      const failed = await w.ask(this.document, { input: { id: w.kept['connectionId'] } });
      expect(failed.connectionTest.test.isOk).toBe(false);
      expect(failed.connectionTest.test.stages.at(-1)).toMatchObject({ stage: 'TCP', isOk: false });
      expect(failed.connectionTest.connection.isLastTestOk).toBe(false);
    },
  },
  {
    id: 'OP-056',
    rest: 'GET /companies/{company_id}/connections/{connection_id}/infoschema',
    what: 'All tables and columns of a connection, read anew and stored; what is stored is connection.informationSchema.',
    field: 'connectionRefreshSchema',
    document: `mutation ConnectionRefreshSchema($input: ConnectionRefreshSchemaInput!) {
      connectionRefreshSchema(input: $input) { connection { informationSchema schemaReadAt } ${userErrors} }
    }`,
    variables: () => ({ input: { id: demo } }),
    async check({ connectionRefreshSchema: { connection } }, w) {
      const { tables } = connection.informationSchema;
      expect(tables.map((table: { name: string }) => table.name).toSorted()).toEqual([
        'bookmakers',
        'leagues',
        'match_odds',
        'matches',
        'seasons',
        'team_ratings',
        'teams',
      ]);
      expect(tables.find((table: { name: string }) => table.name === 'leagues')).toMatchObject({
        schema: 'main',
        rowEstimate: 16,
      });
      const { company } = await w.ask(
        'query ($id: ID!) { company { connection(id: $id) { informationSchema schemaReadAt } } }',
        { id: demo },
      );
      expect(company.connection).toEqual(connection);
    },
  },
  {
    id: 'OP-053',
    rest: 'DELETE /companies/{company_id}/connections/{connection_id}',
    what: 'Deletes a connection that no asset or endpoint uses.',
    field: 'connectionDelete',
    document: `mutation ConnectionDelete($input: ConnectionDeleteInput!) { connectionDelete(input: $input) { deletedId ${userErrors} } }`,
    variables: (kept) => ({ input: { id: kept['connectionId'] } }),
    async check({ connectionDelete }, w) {
      const id = w.kept['connectionId'] ?? '';
      expect(connectionDelete.deletedId).toBe(id);
      const { company } = await w.ask(
        'query ($id: ID!) { company { connection(id: $id) { id } connections { totalCount { value } } } }',
        { id },
      );
      expect(company).toEqual({ connection: null, connections: { totalCount: { value: 1 } } });
      expect(await w.sql('select active from "Connection" where id = $1', [keyOf(id)])).toEqual([{ active: false }]);
      expect(await w.refused(this.document, { input: { id: demo } })).toEqual(['IN_USE input.id']);
    },
  },
];
