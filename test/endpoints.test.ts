import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection } from '../src/generated/prisma/client.ts';
import { newId } from '../src/ids.ts';
import { writeEvents } from '../src/usage/buffer.ts';
import { gid, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
let source: Connection;

const CREATE = `mutation ($input: EndpointCreateInput!) { endpointCreate(input: $input) {
  endpoint { id name slug status accessMethod accessWhitelist detailedDescription tags topQuestions isListed visibility maxRecordsPerRequest isExportEnabled version url
    sourceTableName columns { name type aggregation filter isHidden alias order } parameters { name type isRequired } rateLimit { number period granularity }
    coverage { geographicType refreshFrequency } connection { name } owner { name } industry { name } useCase { name } }
  userErrors { __typename code path message } } }`;
const UPDATE = `mutation ($input: EndpointUpdateInput!) { endpointUpdate(input: $input) {
  endpoint { name slug description tags version lastTestOkAt rateLimit { number } } userErrors { code path ... on VersionConflictError { currentVersion } } } }`;
const DELETE =
  'mutation ($input: EndpointDeleteInput!) { endpointDelete(input: $input) { deletedId userErrors { code path } } }';
const PUBLISH =
  'mutation ($input: EndpointPublishInput!) { endpointPublish(input: $input) { endpoint { isListed version } userErrors { code path ... on NotListableError { missing } } } }';
const UNPUBLISH =
  'mutation ($input: EndpointUnpublishInput!) { endpointUnpublish(input: $input) { endpoint { isListed version } userErrors { code path } } }';

const mistakes = ({ data }: Answer): [string, string | undefined][] =>
  (Object.values(data)[0] as { userErrors: { code: string; path: string[] | null }[] }).userErrors.map(
    ({ code, path }) => [code, path?.join('.')],
  );
const create = (input: Record<string, unknown>, key = us.keys.EDITOR): Promise<Answer> =>
  t.run(key, CREATE, { input: { connectionId: gid('Connection', source), ...input } });
const stored = (id: string) => t.app.database.prisma.endpoint.findUniqueOrThrow({ where: { id } });

beforeAll(async () => {
  t = await testGateway({ PUBLIC_URL: 'https://gateway.example' });
  us = await t.tenant({ handle: 'us' });
  them = await t.tenant({ handle: 'them', timezone: 'Asia/Tokyo' });
  source = await t.world.connection(us.company.id, { engineId: 57, name: 'Source' });
});
afterAll(() => t.close());

describe('endpoints work', () => {
  it('creates one with all it may have', async () => {
    const columns = [
      { name: 'sold_on', type: 'DATE', order: 'DESC', filter: { op: 'gte', param: 'since' } },
      { name: 'net', type: 'DECIMAL', aggregation: 'SUM', alias: 'total' },
      { name: 'is_valid', type: 'BOOLEAN', isHidden: true, filter: { op: 'eq', value: true } },
    ];
    const made = await create({
      name: 'Daily Sales: Übersicht',
      description: 'Sales by day.',
      detailedDescription: '<p onclick="x()">Good<script>alert(1)</script></p>',
      columns,
      sourceTableName: 'sales',
      accessMethod: 'IP',
      accessWhitelist: ['203.0.113.0/24', '2001:db8::1'],
      tags: ['sales', 'daily'],
      topQuestions: ['How much was sold on each day?'],
      industryId: gid('Industry', 1),
      useCaseId: gid('AssetUseCase', 2),
      maxRecordsPerRequest: 500,
      isExportEnabled: true,
      rateLimit: { number: 10, period: 'MINUTE', granularity: 'COMPANY' },
      geographicCoverageType: 'NATIONAL',
      dataSourceRefreshFrequency: 'EVERY_DAY',
    });
    expect(made.data.endpointCreate.userErrors).toEqual([]);
    const full = { aggregation: null, filter: null, isHidden: false, alias: null, order: null };
    expect(made.data.endpointCreate.endpoint).toEqual({
      id: expect.any(String),
      name: 'Daily Sales: Übersicht',
      slug: 'daily-sales-ubersicht',
      status: 'ACTIVE',
      accessMethod: 'IP',
      accessWhitelist: ['203.0.113.0/24', '2001:db8::1'],
      detailedDescription: '<p>Good</p>',
      tags: ['sales', 'daily'],
      topQuestions: ['How much was sold on each day?'],
      isListed: false,
      visibility: 'PRIVATE',
      maxRecordsPerRequest: 500,
      isExportEnabled: true,
      version: 1,
      url: 'https://gateway.example/companies/us/endpoints/v1/daily-sales-ubersicht',
      sourceTableName: 'sales',
      columns: [
        { ...full, ...columns[0] },
        { ...full, ...columns[1] },
        { ...full, ...columns[2] },
      ],
      parameters: [{ name: 'since', type: 'DATE', isRequired: true }],
      rateLimit: { number: 10, period: 'MINUTE', granularity: 'COMPANY' },
      coverage: { geographicType: 'NATIONAL', refreshFrequency: 'EVERY_DAY' },
      connection: { name: 'Source' },
      owner: { name: us.users.EDITOR.name },
      industry: { name: expect.any(String) },
      useCase: { name: expect.any(String) },
    });
  });

  it('finds it by id, by slug, as a node, by words and by filters', async () => {
    const row = await t.world.endpoint(us.company.id, source.id, {
      name: 'Harbour tides',
      description: 'Levels of water every hour',
      tags: ['sea', 'water'],
      status: 'DEPRECATED',
    });
    const id = gid('Endpoint', row);
    const { data } = await t.run(
      us.keys.VIEWER,
      `query ($id: ID!, $connection: ID!) { node(id: $id) { ... on Endpoint { name } } company {
      byId: endpoint(by: {id: $id}) { name } bySlug: endpoint(by: {slug: "harbour-tides"}) { id } none: endpoint(by: {slug: "nothing"}) { id }
      words: endpoints(search: "waters levels") { nodes { name } totalCount { value } }
      filtered: endpoints(where: {status: {eq: DEPRECATED}, tags: {in: ["sea"]}, connectionId: {eq: $connection}}) { nodes { name } }
      sorted: endpoints(orderBy: [{field: NAME, direction: DESC}], where: {name: {startsWith: "h"}}) { nodes { name parameters { name } } } } }`,
      { id, connection: gid('Connection', source) },
    );
    expect(data).toEqual({
      node: { name: 'Harbour tides' },
      company: {
        byId: { name: 'Harbour tides' },
        bySlug: { id },
        none: null,
        words: { nodes: [{ name: 'Harbour tides' }], totalCount: { value: 1 } },
        filtered: { nodes: [{ name: 'Harbour tides' }] },
        sorted: { nodes: [{ name: 'Harbour tides', parameters: [] }] },
      },
    });
  });

  it('reads the schema in a list where its parts alone are asked for', async () => {
    const endpointSchema = { columns: [{ name: 'a', type: 'STRING', filter: { op: 'eq', param: 'a' } }] };
    await t.world.endpoint(us.company.id, source.id, { name: 'Parameters alone', endpointSchema });
    const { data } = await t.run(
      us.keys.VIEWER,
      '{ company { endpoints(where: {slug: {eq: "parameters-alone"}}) { nodes { parameters { name } } } } }',
    );
    expect(data.company.endpoints.nodes).toEqual([{ parameters: [{ name: 'a' }] }]);
  });

  it('changes, clears and keeps; the slug stays; another definition needs another test', async () => {
    const row = await t.world.endpoint(us.company.id, source.id, {
      name: 'First name',
      description: 'Old',
      tags: ['a'],
      lastTestOkAt: new Date(),
    });
    const id = gid('Endpoint', row);
    const limited = await t.run(us.keys.EDITOR, UPDATE, {
      input: {
        id,
        name: 'Second name',
        tags: ['b'],
        rateLimit: { number: 5, period: 'DAY', granularity: 'GLOBAL' },
        expectedVersion: 1,
      },
    });
    expect(limited.data.endpointUpdate).toEqual({
      endpoint: {
        name: 'Second name',
        slug: 'first-name',
        description: 'Old',
        tags: ['b'],
        version: 2,
        lastTestOkAt: expect.any(String),
        rateLimit: { number: 5 },
      },
      userErrors: [],
    });
    const redefined = await t.run(us.keys.EDITOR, UPDATE, {
      input: { id, description: null, rateLimit: null, columns: [{ name: 'x', type: 'STRING' }] },
    });
    expect(redefined.data.endpointUpdate.endpoint).toMatchObject({
      description: null,
      version: 3,
      lastTestOkAt: null,
      rateLimit: null,
    });
    await t.app.database.prisma.endpoint.update({ where: { id: row.id }, data: { lastTestOkAt: new Date() } });
    const asItWas = await t.run(us.keys.EDITOR, UPDATE, {
      input: { id, connectionId: gid('Connection', source), columns: [{ name: 'x', type: 'STRING' }] },
    });
    expect(asItWas.data.endpointUpdate.endpoint).toMatchObject({ version: 4, lastTestOkAt: expect.any(String) });
    expect((await stored(row.id)).endpointSchema).toEqual({
      columns: [
        { name: 'x', type: 'STRING', aggregation: null, filter: null, isHidden: false, alias: null, order: null },
      ],
    });
  });

  it('lists in the marketplace once nothing is missing, and takes it off again', async () => {
    const seller = await t.world.company({ acceptedEula: false });
    const key = (await t.world.apiKey(seller.id, 'EDITOR')).secret;
    const connection = await t.world.connection(seller.id, { engineId: 57 });
    const row = await t.world.endpoint(seller.id, connection.id, {
      approvalStatus: 'PENDING',
      lastTestOkAt: new Date(Date.now() - 31 * 86_400_000),
    });
    const input = { id: gid('Endpoint', row) };
    const refused = await t.run(key, PUBLISH, { input });
    expect(refused.data.endpointPublish).toEqual({
      endpoint: null,
      userErrors: [
        {
          code: 'NOT_LISTABLE',
          path: ['input', 'id'],
          missing: [
            'The company has not accepted the EULA.',
            'It has no source table or no columns.',
            'It has no active price.',
            'It has no successful test within 30 days.',
            'It is not approved.',
          ],
        },
      ],
    });
    await t.app.database.prisma.company.update({ where: { id: seller.id }, data: { acceptedEula: true } });
    await t.app.database.prisma.endpoint.update({
      where: { id: row.id },
      data: {
        approvalStatus: 'APPROVED',
        lastTestOkAt: new Date(),
        sourceTableName: 'x',
        endpointSchema: { columns: [{ name: 'x', type: 'STRING' }] },
      },
    });
    const price = await t.world.price(seller.id, { endpointId: row.id }, '1.00', {
      endedAt: new Date(Date.now() + 1000),
    });
    expect((await t.run(key, PUBLISH, { input })).data.endpointPublish.userErrors[0].missing).toEqual([
      'It has no active price.',
    ]);
    await t.app.database.prisma.price.update({ where: { id: price.id }, data: { endedAt: null } });
    expect((await t.run(key, PUBLISH, { input })).data.endpointPublish).toEqual({
      endpoint: { isListed: true, version: 2 },
      userErrors: [],
    });
    expect((await t.run(key, PUBLISH, { input })).data.endpointPublish).toEqual({
      endpoint: { isListed: true, version: 2 },
      userErrors: [],
    });
    expect((await t.run(key, UNPUBLISH, { input })).data.endpointUnpublish).toEqual({
      endpoint: { isListed: false, version: 3 },
      userErrors: [],
    });
  });

  it('deletes softly; the slug stays taken', async () => {
    const row = await t.world.endpoint(us.company.id, source.id, { name: 'Short lived', sellInMarketplace: true });
    const id = gid('Endpoint', row);
    expect((await t.run(us.keys.EDITOR, DELETE, { input: { id, expectedVersion: 1 } })).data.endpointDelete).toEqual({
      deletedId: id,
      userErrors: [],
    });
    const after = await stored(row.id);
    expect([after.active, after.sellInMarketplace]).toEqual([false, false]);
    const { data } = await t.run(
      us.keys.VIEWER,
      'query ($id: ID!) { node(id: $id) { id } company { endpoint(by: {id: $id}) { id } } }',
      { id },
    );
    expect(data).toEqual({ node: null, company: { endpoint: null } });
    expect(mistakes(await create({ name: 'Short lived' }))).toEqual([['CONFLICT', 'input.name']]);
  });

  it('offers own and listed endpoints for keys', async () => {
    const seller = await t.tenant({ handle: 'seller' });
    const connection = await t.world.connection(seller.company.id, { engineId: 57 });
    await t.world.endpoint(seller.company.id, connection.id, { name: 'Zz listed', sellInMarketplace: true });
    await t.world.endpoint(seller.company.id, connection.id, { name: 'Zz private' });
    await t.world.endpoint(seller.company.id, connection.id, {
      name: 'Zz stopped',
      sellInMarketplace: true,
      status: 'INACTIVE',
    });
    const own = await t.world.endpoint(us.company.id, source.id, { name: 'Zz own' });
    const { data } = await t.run(
      us.keys.VIEWER,
      'query ($id: ID!) { company { endpoint(by: {id: $id}) { availableEndpoints(where: {name: {startsWith: "zz"}}) { nodes { name isOwn company { handle } } } } } }',
      { id: gid('Endpoint', own) },
    );
    expect(data.company.endpoint.availableEndpoints.nodes).toEqual([
      { name: 'Zz listed', isOwn: false, company: { handle: 'seller' } },
      { name: 'Zz own', isOwn: true, company: { handle: 'us' } },
    ]);
  });

  it("counts its use by day in its company's time zone, gaps filled", async () => {
    const connection = await t.world.connection(them.company.id, { engineId: 57 });
    const row = await t.world.endpoint(them.company.id, connection.id, { name: 'Counted' });
    const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000);
    const event = (at: Date, more: object) => ({
      id: newId(),
      sellerCompanyId: them.company.id,
      buyerCompanyId: us.company.id,
      assetId: null,
      endpointId: row.id,
      apiKeyId: null,
      at,
      isSuccess: true,
      credits: 2,
      earningsCents: 80,
      elapsedMs: 5,
      rowCount: 10,
      ...more,
    });
    await writeEvents(t.app.database.query, [
      event(hour, {}),
      event(hour, { isSuccess: false, credits: 0, earningsCents: 0, rowCount: 0 }),
      event(new Date(hour.getTime() - 2 * 86_400_000), { rowCount: 3 }),
    ]);
    const { data } = await t.run(
      them.keys.VIEWER,
      'query ($id: ID!) { company { endpoint(by: {id: $id}) { usage(days: 3) { on requestCount successCount failureCount rowCount credits earningsUsd } month: usage { on } } } }',
      { id: gid('Endpoint', row) },
    );
    const tokyo = (at: Date): string => new Date(at.getTime() + 9 * 3_600_000).toISOString().slice(0, 10);
    const zero = { requestCount: 0, successCount: 0, failureCount: 0, rowCount: 0, credits: 0, earningsUsd: '0.00' };
    expect(data.company.endpoint.usage).toEqual([
      {
        on: tokyo(new Date(hour.getTime() - 2 * 86_400_000)),
        requestCount: 1,
        successCount: 1,
        failureCount: 0,
        rowCount: 3,
        credits: 2,
        earningsUsd: '0.80',
      },
      { on: tokyo(new Date(hour.getTime() - 86_400_000)), ...zero },
      {
        on: tokyo(hour),
        requestCount: 2,
        successCount: 1,
        failureCount: 1,
        rowCount: 10,
        credits: 2,
        earningsUsd: '0.80',
      },
    ]);
    expect(data.company.endpoint.month).toHaveLength(30);
  });

  it('lists with the same statements whether there is one or twenty', async () => {
    for (let i = 0; i < 20; i++)
      await t.world.endpoint(us.company.id, source.id, {
        userId: us.users.EDITOR.id,
        industryId: 1 + (i % 3),
        useCaseId: 1,
      });
    const list = (first: number): Promise<unknown> =>
      t.run(
        us.keys.VIEWER,
        `{ company { endpoints(first: ${first}, orderBy: [{field: CREATED_AT, direction: DESC}]) { nodes { name url columns { name } connection { name } owner { name } industry { name } useCase { name } usage(days: 2) { on } } } } }`,
      );
    await list(1);
    const one = await t.statements(() => list(1));
    const twenty = await t.statements(() => list(20));
    expect(twenty.length).toBe(one.length);
  });
});

describe('endpoints refuse', () => {
  it('names that are taken or make no slug', async () => {
    await t.world.endpoint(us.company.id, source.id, { name: 'Taken name' });
    expect(mistakes(await create({ name: 'TAKEN name' }))).toEqual([['CONFLICT', 'input.name']]);
    expect(mistakes(await create({ name: 'Taken: name!' }))).toEqual([['CONFLICT', 'input.name']]);
    expect(mistakes(await create({ name: '???' }))).toEqual([['VALIDATION', 'input.name']]);
    const row = await t.world.endpoint(us.company.id, source.id, { name: 'Other name' });
    expect(
      mistakes(await t.run(us.keys.EDITOR, UPDATE, { input: { id: gid('Endpoint', row), name: 'taken name' } })),
    ).toEqual([['CONFLICT', 'input.name']]);
  });

  it('makes one of two that come at once', async () => {
    const both = await Promise.all([create({ name: 'At once' }), create({ name: 'At once' })]);
    expect(both.map((answer) => mistakes(answer)).toSorted((a, b) => a.length - b.length)).toEqual([
      [],
      [['CONFLICT', 'input.name']],
    ]);
  });

  it('questions, limits and columns that break their rules, all at once', async () => {
    const made = await create({
      name: 'Wrong',
      topQuestions: ['Too short?', 'This one is long enough?', 'x'.repeat(201)],
      maxRecordsPerRequest: 10_001,
      rateLimit: { number: 0, period: 'DAY', granularity: 'USER' },
      columns: [
        { name: 'a', type: 'STRING', filter: { op: 'like', value: 'x' } },
        { name: 'b', type: 'STRING', filter: { op: 'eq', param: 'a b' } },
      ],
    });
    expect(mistakes(made).toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
      ['VALIDATION', 'input.columns.0.filter.op'],
      ['VALIDATION', 'input.columns.1.filter.param'],
      ['VALIDATION', 'input.maxRecordsPerRequest'],
      ['VALIDATION', 'input.rateLimit.number'],
      ['VALIDATION', 'input.topQuestions.0'],
      ['VALIDATION', 'input.topQuestions.2'],
    ]);
    expect(
      mistakes(await create({ name: 'Wrong', topQuestions: Array.from({ length: 4 }, () => 'Is this a question?') })),
    ).toEqual([['VALIDATION', 'input.topQuestions']]);
    expect(
      mistakes(
        await create({
          name: 'Wrong',
          columns: [
            { name: 'a', type: 'STRING', aggregation: 'SUM' },
            { name: 'a', type: 'STRING' },
          ],
        }),
      ),
    ).toEqual([
      ['VALIDATION', 'input.columns.0.aggregation'],
      ['VALIDATION', 'input.columns.1.alias'],
    ]);
  });

  it('whitelists that do not go with the access method', async () => {
    expect(mistakes(await create({ name: 'Wrong', accessMethod: 'IP' }))).toEqual([
      ['VALIDATION', 'input.accessWhitelist'],
    ]);
    expect(
      mistakes(
        await create({
          name: 'Wrong',
          accessMethod: 'IP',
          accessWhitelist: ['10.0.0.0/8', '10.0.0.0/33', 'example.com'],
        }),
      ),
    ).toEqual([
      ['VALIDATION', 'input.accessWhitelist.1'],
      ['VALIDATION', 'input.accessWhitelist.2'],
    ]);
    expect(
      mistakes(
        await create({ name: 'Wrong', accessMethod: 'EMAIL', accessWhitelist: ['a@example.com', 'example.com'] }),
      ),
    ).toEqual([['VALIDATION', 'input.accessWhitelist.1']]);
    expect(
      mistakes(
        await create({ name: 'Wrong', accessMethod: 'DOMAIN', accessWhitelist: ['example.com', 'a@example.com'] }),
      ),
    ).toEqual([['VALIDATION', 'input.accessWhitelist.1']]);
    const row = await t.world.endpoint(us.company.id, source.id, {
      accessMethod: 'EMAIL',
      accessWhitelist: ['a@example.com'],
    });
    expect(
      mistakes(await t.run(us.keys.EDITOR, UPDATE, { input: { id: gid('Endpoint', row), accessMethod: 'IP' } })),
    ).toEqual([['VALIDATION', 'input.accessWhitelist.0']]);
  });

  it('periods that end before they begin, reference data that is none', async () => {
    const made = await create({
      name: 'Wrong',
      dataTimePeriodStart: '2025-01-02T00:00:00Z',
      dataTimePeriodEnd: '2025-01-01T00:00:00Z',
      industryId: gid('Industry', 9999),
      useCaseId: gid('AssetUseCase', 9999),
    });
    expect(mistakes(made)).toEqual([
      ['VALIDATION', 'input.dataTimePeriodEnd'],
      ['VALIDATION', 'input.industryId'],
      ['VALIDATION', 'input.useCaseId'],
    ]);
  });

  it('a name of no letter, a list of nobody and a connection that is none, all at once', async () => {
    const connectionId = gid('Connection', (await t.world.connection(them.company.id)).id);
    expect(mistakes(await create({ name: '!!!', accessMethod: 'IP', accessWhitelist: [], connectionId }))).toEqual([
      ['VALIDATION', 'input.name'],
      ['VALIDATION', 'input.accessWhitelist'],
      ['NOT_FOUND', 'input.connectionId'],
    ]);
  });

  it('connections of others or deleted ones', async () => {
    const theirs = await t.world.connection(them.company.id, { engineId: 57 });
    const gone = await t.world.connection(us.company.id, { engineId: 57, active: false });
    for (const connection of [theirs, gone]) {
      expect(mistakes(await create({ name: 'Wrong', connectionId: gid('Connection', connection) }))).toEqual([
        ['NOT_FOUND', 'input.connectionId'],
      ]);
      const row = await t.world.endpoint(us.company.id, source.id);
      expect(
        mistakes(
          await t.run(us.keys.EDITOR, UPDATE, {
            input: { id: gid('Endpoint', row), connectionId: gid('Connection', connection) },
          }),
        ),
      ).toEqual([['NOT_FOUND', 'input.connectionId']]);
      expect((await stored(row.id)).connectionId).toBe(source.id);
    }
  });

  it('connections to an API, which takes no SQL', async () => {
    const api = await t.world.connection(us.company.id, { engineId: 59 });
    const refused = [['VALIDATION', 'input.connectionId']];
    const before = await t.app.database.prisma.endpoint.count();
    const made = await create({ name: 'Model', connectionId: gid('Connection', api) });
    expect(mistakes(made)).toEqual(refused);
    expect(made.data.endpointCreate.userErrors[0].message).toBe(
      'Rows are read by SQL, and an API takes none: an asset can ask it.',
    );
    expect(await t.app.database.prisma.endpoint.count()).toBe(before);
    const row = await t.world.endpoint(us.company.id, source.id);
    const input = { id: gid('Endpoint', row), connectionId: gid('Connection', api) };
    expect(mistakes(await t.run(us.keys.EDITOR, UPDATE, { input }))).toEqual(refused);
    expect(await stored(row.id)).toEqual(row);
  });

  it('a version that is not the present one', async () => {
    const row = await t.world.endpoint(us.company.id, source.id);
    const id = gid('Endpoint', row);
    expect(
      (await t.run(us.keys.EDITOR, UPDATE, { input: { id, description: 'x', expectedVersion: 4 } })).data.endpointUpdate
        .userErrors,
    ).toEqual([{ code: 'VERSION_CONFLICT', path: ['input', 'expectedVersion'], currentVersion: 1 }]);
    expect(mistakes(await t.run(us.keys.EDITOR, DELETE, { input: { id, expectedVersion: 4 } }))).toEqual([
      ['VERSION_CONFLICT', 'input.expectedVersion'],
    ]);
    expect((await stored(row.id)).active).toBe(true);
  });

  it('days out of bounds', async () => {
    const row = await t.world.endpoint(us.company.id, source.id);
    for (const days of [0, 366]) {
      const { errors } = await t.run(
        us.keys.VIEWER,
        `query ($id: ID!) { company { endpoint(by: {id: $id}) { usage(days: ${days}) { on } } } }`,
        { id: gid('Endpoint', row) },
      );
      expect([errors?.[0]?.extensions.code, errors?.[0]?.extensions.argumentPath]).toEqual(['PAGE_SIZE', ['days']]);
    }
  });
});

describe('endpoints guard', () => {
  it('against other companies, in every way', async () => {
    const row = await t.world.endpoint(us.company.id, source.id, { name: 'Ours alone', sellInMarketplace: true });
    const id = gid('Endpoint', row);
    const seen = await t.run(
      them.keys.OWNER,
      'query ($id: ID!) { node(id: $id) { id } company { endpoint(by: {id: $id}) { id } bySlug: endpoint(by: {slug: "ours-alone"}) { id } endpoints(search: "ours") { nodes { id } } } }',
      { id },
    );
    expect(seen.data).toEqual({ node: null, company: { endpoint: null, bySlug: null, endpoints: { nodes: [] } } });
    expect(mistakes(await t.run(them.keys.OWNER, UPDATE, { input: { id, name: 'Theirs' } }))).toEqual([
      ['NOT_FOUND', 'input.id'],
    ]);
    for (const document of [DELETE, PUBLISH, UNPUBLISH])
      expect(mistakes(await t.run(them.keys.OWNER, document, { input: { id } }))).toEqual([['NOT_FOUND', 'input.id']]);
    const after = await stored(row.id);
    expect([after.name, after.active, after.sellInMarketplace, after.version]).toEqual(['Ours alone', true, true, 1]);
  });

  it('against roles that may not, endpoint keys, and nobody', async () => {
    const row = await t.world.endpoint(us.company.id, source.id, { name: 'For editors' });
    const id = gid('Endpoint', row);
    const { secret } = await t.world.apiKey(us.company.id, 'OWNER', { kind: 'ENDPOINT', endpointId: row.id });
    for (const key of [us.keys.ANALYST, us.keys.VIEWER, us.keys.OPERATOR, secret]) {
      expect(mistakes(await create({ name: 'Unwanted' }, key))).toEqual([['FORBIDDEN', undefined]]);
      expect(mistakes(await t.run(key, UPDATE, { input: { id, name: 'Unwanted' } }))).toEqual([
        ['FORBIDDEN', undefined],
      ]);
      for (const document of [DELETE, PUBLISH, UNPUBLISH])
        expect(mistakes(await t.run(key, document, { input: { id } }))).toEqual([['FORBIDDEN', undefined]]);
    }
    const nobody = await t.run(null, CREATE, { input: { name: 'Unwanted', connectionId: gid('Connection', source) } });
    expect(nobody.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect(await t.app.database.prisma.endpoint.count({ where: { name: 'Unwanted' } })).toBe(0);
    expect((await stored(row.id)).version).toBe(1);
    const looked = await t.run(secret, 'query ($id: ID!) { node(id: $id) { id } }', { id });
    expect(looked.data).toEqual({ node: null });
    const company = await t.run(secret, '{ company { name } }');
    expect(company.errors?.[0]?.message).toContain('a key of an endpoint');
  });
});
