import { expect } from 'vitest';
import { connection, endpoints as demo, keyOf } from './demo.ts';
import { userErrors, type Row } from './row.ts';

const BY_ID = (fields: string): string => `query ($id: ID!) { company { endpoint(by: { id: $id }) { ${fields} } } }`;

/** Making, reading, changing and deleting endpoints. */
export const endpoints: Row[] = [
  {
    id: 'OP-078',
    rest: 'GET /companies/{company_id}/endpoints',
    what: 'All endpoints of the company.',
    field: 'company.endpoints',
    document: `query Endpoints {
      company { endpoints(first: 20, where: { status: { eq: ACTIVE } }, orderBy: { field: NAME, direction: ASC }) { totalCount { value } nodes { name status isListed } } }
    }`,
    check({ company }) {
      expect(company.endpoints).toEqual({
        totalCount: { value: 4 },
        nodes: [
          'Attendance by Season and League',
          'Clubs of a League',
          'Match Results since 2022',
          'Opening and Closing Match Odds',
        ].map((name) => ({ name, status: 'ACTIVE', isListed: true })),
      });
    },
  },
  {
    id: 'OP-080',
    rest: 'GET /companies/{company_id}/endpoints/../connections/{connection_id}/describe',
    what: 'Tables and columns of a connection, to choose from.',
    field: 'connection.tables',
    document: `query DescribeConnection($id: ID!) {
      company { connection(id: $id) { tables(schemas: ["main"], names: ["leagues", "teams"]) { schema name isView rowEstimate columns { name type } } } }
    }`,
    variables: () => ({ id: connection }),
    async check({ company: { connection: found } }, w) {
      expect(found.tables).toMatchObject([
        { schema: 'main', name: 'leagues', isView: false, rowEstimate: 16 },
        { schema: 'main', name: 'teams', isView: false, rowEstimate: 320 },
      ]);
      expect(found.tables[0].columns).toEqual([
        { name: 'league_id', type: 'BIGINT' },
        { name: 'name', type: 'STRING' },
        { name: 'tier', type: 'INTEGER' },
        { name: 'region', type: 'STRING' },
        { name: 'team_count', type: 'INTEGER' },
      ]);
      const names = await w.ask(
        'query ($id: ID!) { company { connection(id: $id) { tables(names: ["leagues"], includeColumns: false) { name columns { name } } } } }',
        { id: connection },
      );
      expect(names.company.connection.tables).toEqual([{ name: 'leagues', columns: [] }]);
    },
  },
  {
    id: 'OP-079',
    rest: 'POST /companies/{company_id}/endpoints',
    what: 'Makes an endpoint; its slug comes from the name.',
    field: 'endpointCreate',
    document: `mutation EndpointCreate($input: EndpointCreateInput!) {
      endpointCreate(input: $input) { endpoint { id slug status isListed accessMethod version } ${userErrors} }
    }`,
    variables: () => ({
      input: {
        name: 'Home Goals by Season',
        connectionId: connection,
        sourceSchemaName: 'main',
        sourceTableName: 'matches',
        columns: [
          { name: 'season', type: 'INTEGER', order: 'ASC' },
          { name: 'home_goals', type: 'INTEGER', aggregation: 'SUM', alias: 'goals' },
        ],
        maxRecordsPerRequest: 50,
      },
    }),
    async check({ endpointCreate: { endpoint } }, w) {
      expect(endpoint).toEqual({
        id: expect.any(String),
        slug: 'home-goals-by-season',
        status: 'ACTIVE',
        isListed: false,
        accessMethod: 'API_KEY',
        version: 1,
      });
      w.kept['endpointId'] = endpoint.id;
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['CONFLICT input.name']);
    },
  },
  {
    id: 'OP-082',
    rest: 'GET /companies/{company_id}/endpoints/{endpoint_id}',
    what: 'One endpoint, by its id or slug.',
    field: 'company.endpoint',
    document: `query Endpoint($id: ID!) {
      company { endpoint(by: { id: $id }) { name slug sourceTableName maxRecordsPerRequest columns { name aggregation alias order isHidden } connection { name } owner { name } } }
    }`,
    variables: (kept) => ({ id: kept['endpointId'] }),
    async check({ company: { endpoint } }, w) {
      expect(endpoint).toEqual({
        name: 'Home Goals by Season',
        slug: 'home-goals-by-season',
        sourceTableName: 'matches',
        maxRecordsPerRequest: 50,
        columns: [
          { name: 'season', aggregation: null, alias: null, order: 'ASC', isHidden: false },
          { name: 'home_goals', aggregation: 'SUM', alias: 'goals', order: null, isHidden: false },
        ],
        connection: { name: 'Sports warehouse' },
        owner: { name: 'Amara Osei' },
      });
      expect(await w.ask(this.document, this.variables?.(w.kept), 'buyer')).toEqual({ company: { endpoint: null } });
    },
  },
  {
    id: 'OP-083',
    rest: 'PATCH /companies/{company_id}/endpoints/{endpoint_id}',
    what: 'Changes what is given of an endpoint; the slug stays.',
    field: 'endpointUpdate',
    document: `mutation EndpointUpdate($input: EndpointUpdateInput!) {
      endpointUpdate(input: $input) { endpoint { name slug description maxRecordsPerRequest version } ${userErrors} }
    }`,
    variables: (kept) => ({
      input: {
        id: kept['endpointId'],
        name: 'Goals at Home by Season',
        description: 'Five rows, one a season.',
        maxRecordsPerRequest: 3,
        expectedVersion: 1,
      },
    }),
    async check({ endpointUpdate: { endpoint } }, w) {
      const changed = {
        name: 'Goals at Home by Season',
        slug: 'home-goals-by-season',
        description: 'Five rows, one a season.',
        maxRecordsPerRequest: 3,
        version: 2,
      };
      expect(endpoint).toEqual(changed);
      const { company } = await w.ask(BY_ID('name slug description maxRecordsPerRequest version'), {
        id: w.kept['endpointId'],
      });
      expect(company.endpoint).toEqual(changed);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
      const taken = { input: { id: w.kept['endpointId'], name: 'Clubs of a League' } };
      expect(await w.refused(this.document, taken)).toEqual(['CONFLICT input.name']);
    },
  },
  {
    id: 'OP-084',
    rest: 'GET /companies/{company_id}/endpoints/{endpoint_id}/available-endpoints',
    what: 'Endpoints that the company can make keys for: its own, and those that others list.',
    field: 'endpoint.availableEndpoints',
    document: `query AvailableEndpoints($id: ID!) {
      company { endpoint(by: { id: $id }) { availableEndpoints(first: 50, orderBy: { field: NAME, direction: ASC }) { totalCount { value } nodes { name isOwn company { handle } } } } }
    }`,
    variables: (kept) => ({ id: kept['endpointId'] }),
    async check({ company: { endpoint } }, w) {
      const rows = await w.sql(
        `select e.name, c.handle = 'kickoff-metrics' as "isOwn", json_build_object('handle', c.handle) as company from "Endpoint" e join "Company" c on c.id = e."companyId"
           where e.active and (c.handle = 'kickoff-metrics' or e."sellInMarketplace")`,
      );
      expect(endpoint.availableEndpoints.totalCount.value).toBe(rows.length);
      expect(endpoint.availableEndpoints.nodes).toHaveLength(rows.length);
      expect(endpoint.availableEndpoints.nodes).toEqual(expect.arrayContaining(rows));
      expect(rows.filter((row) => row['isOwn'])).toHaveLength(5);
    },
  },
  {
    id: 'OP-091',
    rest: 'GET /companies/{company_id}/endpoints/{endpoint_id}/url',
    what: 'The address of its pages, for clients without GraphQL.',
    field: 'endpoint.url',
    document: `query EndpointUrl($id: ID!) { company { endpoint(by: { id: $id }) { url } } }`,
    variables: (kept) => ({ id: kept['endpointId'] }),
    async check({ company: { endpoint } }, w) {
      expect(endpoint.url).toBe(`${w.t.app.publicUrl}/companies/kickoff-metrics/endpoints/v1/home-goals-by-season`);
      const page = await w.t.gateway.fetch(endpoint.url, { headers: { 'x-api-key': w.keys.seller } });
      expect(page.status).toBe(200);
      expect(JSON.stringify(await page.json())).toContain('10047');
    },
  },
  {
    id: 'OP-090',
    rest: 'GET /companies/{company_id}/endpoints/{endpoint_id}/test',
    what: 'Some rows for the seller, free.',
    field: 'endpointTest',
    document: `mutation EndpointTest($input: EndpointTestInput!) {
      endpointTest(input: $input) { run { kind } page { columns { name type } rows rowCount hasMore isBilled credits } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { id: kept['endpointId'], limit: 2 } }),
    async check({ endpointTest }, w) {
      expect(endpointTest.run).toEqual({ kind: 'TEST' });
      expect(endpointTest.page).toEqual({
        columns: [
          { name: 'season', type: 'INTEGER' },
          { name: 'goals', type: 'DECIMAL' },
        ],
        rows: [
          [2022, '10047'],
          [2023, '10064'],
        ],
        rowCount: 2,
        hasMore: true,
        isBilled: false,
        credits: 0,
      });
      const { company } = await w.ask(BY_ID('lastTestOkAt'), { id: w.kept['endpointId'] });
      expect(Date.now() - Date.parse(company.endpoint.lastTestOkAt)).toBeLessThan(60_000);
    },
  },
  {
    id: 'OP-087',
    rest: 'POST /companies/{company_id}/endpoints/{endpoint_id}/keys',
    what: 'Makes a key that fetches the rows of this endpoint and nothing else; its secret is told once.',
    field: 'apiKeyCreate',
    document: `mutation EndpointKeyCreate($input: ApiKeyCreateInput!) {
      apiKeyCreate(input: $input) { apiKey { id kind endpointId maskedSecret } secret ${userErrors} }
    }`,
    variables: (kept) => ({ input: { kind: 'ENDPOINT', name: 'Nightly load', endpointId: kept['endpointId'] } }),
    async check({ apiKeyCreate: { apiKey, secret } }, w) {
      expect(secret).toMatch(/^ep_[0-9A-Za-z]{38}$/);
      expect(apiKey).toEqual({
        id: expect.any(String),
        kind: 'ENDPOINT',
        endpointId: w.kept['endpointId'],
        maskedSecret: `ep_****${secret.slice(-4)}`,
      });
      Object.assign(w.kept, { endpointKeyId: apiKey.id, endpointKeySecret: secret });
      const fetch = `mutation ($id: ID!) { endpointFetch(input: { endpointId: $id, start: 3 }) { page { rows limitApplied hasMore isBilled } ${userErrors} } }`;
      const own = await w.t.run(secret, fetch, { id: w.kept['endpointId'] });
      expect(own.data.endpointFetch.page).toEqual({
        rows: [
          [2025, '10031'],
          [2026, '9908'],
        ],
        limitApplied: 3,
        hasMore: false,
        isBilled: false,
      });
      const other = await w.t.run(secret, fetch, { id: demo.matchResults });
      expect(other.data?.endpointFetch?.page ?? null).toBe(null);
      const company = await w.t.run(secret, '{ company { name } }');
      expect(company.errors?.map((error) => error.extensions.code)).toEqual(['FORBIDDEN']);
    },
  },
  {
    id: 'OP-086',
    rest: 'GET /companies/{company_id}/endpoints/{endpoint_id}/keys',
    what: 'The keys of an endpoint, masked.',
    field: 'endpoint.keys',
    document: `query EndpointKeys($id: ID!) {
      company { endpoint(by: { id: $id }) { keys { totalCount { value } nodes { id name kind maskedSecret isActive } } } }
    }`,
    variables: (kept) => ({ id: kept['endpointId'] }),
    check({ company: { endpoint } }, { kept }) {
      expect(endpoint.keys).toEqual({
        totalCount: { value: 1 },
        nodes: [
          {
            id: kept['endpointKeyId'],
            name: 'Nightly load',
            kind: 'ENDPOINT',
            maskedSecret: `ep_****${kept['endpointKeySecret']?.slice(-4)}`,
            isActive: true,
          },
        ],
      });
    },
  },
  {
    id: 'OP-088',
    rest: 'DELETE /companies/{company_id}/endpoints/{endpoint_id}/keys/{api_key_id}',
    what: 'Deactivates a key of an endpoint.',
    field: 'apiKeyDeactivate',
    document: `mutation EndpointKeyDeactivate($input: ApiKeyDeactivateInput!) {
      apiKeyDeactivate(input: $input) { apiKey { id isActive } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { id: kept['endpointKeyId'] } }),
    async check({ apiKeyDeactivate }, w) {
      expect(apiKeyDeactivate.apiKey).toEqual({ id: w.kept['endpointKeyId'], isActive: false });
      const { company } = await w.ask(BY_ID('keys { totalCount { value } }'), { id: w.kept['endpointId'] });
      expect(company.endpoint.keys.totalCount).toEqual({ value: 0 });
      const { endpointKeySecret = '' } = w.kept;
      await expect
        .poll(async () => (await w.t.run(endpointKeySecret, '{ viewer { kind } }')).errors?.[0]?.extensions.code)
        .toBe('BAD_CREDENTIALS');
    },
  },
  {
    id: 'OP-085',
    rest: 'GET /companies/{company_id}/endpoints/{endpoint_id}/execute',
    what: 'A page of rows; the buyer is charged once for a page that has any. A mutation, for it costs.',
    field: 'endpointFetch',
    as: 'buyer',
    document: `mutation EndpointFetch {
      endpointFetch(input: { address: { companyHandle: "kickoff-metrics", slug: "attendance-by-season-and-league" }, start: 0, limit: 2, maxCredits: 2 }) {
        page { columns { name } rows records rowCount start limitApplied hasMore isBilled credits }
        run { kind status }
        ${userErrors}
      }
    }`,
    async prepare(w) {
      const { company } = await w.ask('{ company { creditsBalance } }', {}, 'buyer');
      w.kept['buyerBalance'] = String(company.creditsBalance);
    },
    async check({ endpointFetch: { page, run } }, w) {
      expect(run).toEqual({ kind: 'PAGE', status: 'SUCCEEDED' });
      const { columns, rows, records, ...rest } = page;
      const names = columns.map((column: { name: string }) => column.name);
      expect(names).toEqual(['season', 'league_id', 'matches', 'average_attendance', 'record_attendance']);
      expect(rows.map(([season, league, matches, , most]: number[]) => [season, league, matches, most])).toEqual([
        [2026, 1, 380, 41_344],
        [2026, 2, 380, 44_186],
      ]);
      expect(records[1]).toEqual(Object.fromEntries(names.map((name: string, i: number) => [name, rows[1][i]])));
      expect(rest).toEqual({
        rowCount: 2,
        start: 0,
        limitApplied: 2,
        hasMore: true,
        isBilled: true,
        credits: 2,
      });
      const after = await w.ask('{ company { creditsBalance } }', {}, 'buyer');
      expect(after.company.creditsBalance).toBe(Number(w.kept['buyerBalance']) - 2);
      const empty = await w.ask(this.document.replace('start: 0', 'start: 1000'), {}, 'buyer');
      expect(empty.endpointFetch.page).toMatchObject({ rowCount: 0, isBilled: false, credits: 0, hasMore: false });
      const seen = await w.ask(
        '{ company { endpoint(by: { slug: "attendance-by-season-and-league" }) { lastAccessedAt sampleResponse } } }',
      );
      expect(Date.now() - Date.parse(seen.company.endpoint.lastAccessedAt)).toBeLessThan(60_000);
      expect(JSON.stringify(seen.company.endpoint.sampleResponse)).toContain('44186');
      const last = await w.ask('{ company { creditsBalance } }', {}, 'buyer');
      expect(last).toEqual(after);
    },
  },
  {
    id: 'OP-089',
    rest: 'GET /companies/{company_id}/endpoints/{endpoint_id}/stats',
    what: 'Requests, rows and earnings of an endpoint on each of the last days.',
    field: 'endpoint.usage',
    document: `query EndpointUsage($id: ID!) {
      company { endpoint(by: { id: $id }) { usage(days: 7) { on requestCount successCount failureCount rowCount credits earningsUsd } statistics { runCount } } }
    }`,
    variables: () => ({ id: demo.matchResults }),
    prepare: (w) => w.t.app.usage.flush(),
    async check({ company: { endpoint } }, w) {
      const rows = await w.sql(
        `select d::date::text as on, count(u.id)::int as "requestCount", (count(*) filter (where "isSuccess"))::int as "successCount", (count(*) filter (where not "isSuccess"))::int as "failureCount",
             coalesce(sum(u."rowCount") filter (where "isSuccess"), 0)::int as "rowCount", coalesce(sum(u.credits), 0)::int as credits, round(coalesce(sum(u."earningsCents"), 0) / 100.0, 2)::text as "earningsUsd"
           from generate_series((now() at time zone 'UTC')::date - 6, (now() at time zone 'UTC')::date, interval '1 day') d
           left join "UsageEvent" u on u."endpointId" = $1 and (u.at at time zone 'UTC')::date = d::date group by 1 order by 1`,
        [keyOf(demo.matchResults)],
      );
      expect(endpoint.usage).toEqual(rows);
      const [all] = await w.sql('select count(*)::int as runs from "Run" where "endpointId" = $1 and kind = \'PAGE\'', [
        keyOf(demo.matchResults),
      ]);
      expect(endpoint.statistics.runCount).toBe(all?.['runs']);
      expect(endpoint.statistics.runCount).toBeGreaterThan(20);
    },
  },
  {
    id: 'OP-081',
    rest: 'DELETE /companies/{company_id}/endpoints/{endpoint_id}',
    what: 'Deletes an endpoint; runs and receipts stay.',
    field: 'endpointDelete',
    document: `mutation EndpointDelete($input: EndpointDeleteInput!) { endpointDelete(input: $input) { deletedId ${userErrors} } }`,
    variables: (kept) => ({ input: { id: kept['endpointId'] } }),
    async check({ endpointDelete }, w) {
      const id = w.kept['endpointId'] ?? '';
      expect(endpointDelete.deletedId).toBe(id);
      const read = await w.ask(
        'query ($id: ID!) { company { endpoint(by: { id: $id }) { id } endpoints { totalCount { value } } } node(id: $id) { id } }',
        { id },
      );
      expect(read).toEqual({ company: { endpoint: null, endpoints: { totalCount: { value: 4 } } }, node: null });
      expect(await w.sql('select active from "Endpoint" where id = $1', [keyOf(id)])).toEqual([{ active: false }]);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['NOT_FOUND input.id']);
    },
  },
];
