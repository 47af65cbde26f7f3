import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionPlace, openConnection } from '../src/connections/open.ts';
import { createContext } from '../src/context.ts';
import { gid, keyOf, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
let file: string;

const DUCKDB = 57;
const POSTGRES = 48;
const CREATE = `mutation ($input: ConnectionCreateInput!) { connectionCreate(input: $input) {
  connection { id name credentialType maskedCredentials settings timeoutMs version isActive hasVerifiedUsageAbility engine { serviceName } owner { name } }
  userErrors { __typename code path message } } }`;
const UPDATE = `mutation ($input: ConnectionUpdateInput!) { connectionUpdate(input: $input) {
  connection { name version settings maskedCredentials timeoutMs isLastTestOk } userErrors { __typename code path message ... on VersionConflictError { currentVersion } } } }`;
const DELETE = `mutation ($input: ConnectionDeleteInput!) { connectionDelete(input: $input) { deletedId userErrors { code path ... on InUseError { usedBy } } } }`;
const TEST = `mutation ($input: ConnectionTestInput!) { connectionTest(input: $input) {
  test { isOk stages { stage isOk message } } connection { isLastTestOk lastTestedAt } userErrors { code path } } }`;

/** Code and path of each user error of the only mutation of an answer. */
const mistakes = ({ data }: Answer): [string, string | undefined][] =>
  (Object.values(data)[0] as { userErrors: { code: string; path: string[] | null }[] }).userErrors.map(
    ({ code, path: at }) => [code, at?.join('.')],
  );

async function create(input: Record<string, unknown>, key = us.keys.EDITOR): Promise<Answer> {
  return t.run(key, CREATE, { input: { hasVerifiedUsageAbility: true, ...input } });
}

/** Nobody answers there. */
const postgresCredentials = {
  host: '127.0.0.1',
  port: 1,
  database: 'shop',
  username: 'reader',
  password: 'not-asked-for',
  tls: 'DISABLED',
};

beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us' });
  them = await t.tenant({ handle: 'them' });
  mkdirSync(t.warehouses, { recursive: true });
  file = path.join(t.warehouses, 'shop.duckdb');
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  await connection.run(
    `create table orders as select i::integer as id, 'item "' || i as "na""me", (i * 1.5)::decimal(10, 2) as price from range(1, 26) r(i)`,
  );
  await connection.run('create view cheap as select * from orders where price < 5');
  await connection.run('create schema other; create table other.notes (body varchar)');
  connection.closeSync();
  instance.closeSync();
});
afterAll(() => t.close());

describe('connections work', () => {
  it('creates one to a DuckDB file, tests it, describes it and samples it', async () => {
    const made = await create({
      engineId: gid('StorageEngine', DUCKDB),
      name: 'Shop',
      credentials: { path: file },
      timeoutMs: 5000,
    });
    expect(made.data.connectionCreate).toEqual({
      connection: {
        id: expect.any(String),
        name: 'Shop',
        credentialType: 'NONE',
        maskedCredentials: null,
        settings: { path: file },
        timeoutMs: 5000,
        version: 1,
        isActive: true,
        hasVerifiedUsageAbility: true,
        engine: { serviceName: 'DuckDB' },
        owner: { name: us.users.EDITOR.name },
      },
      userErrors: [],
    });
    const { id } = made.data.connectionCreate.connection;

    const tested = await t.run(us.keys.ANALYST, TEST, { input: { id } });
    expect(tested.data.connectionTest).toEqual({
      test: {
        isOk: true,
        stages: ['SETTINGS', 'READ_ONLY', 'QUERY'].map((stage) => ({ stage, isOk: true, message: null })),
      },
      connection: { isLastTestOk: true, lastTestedAt: expect.any(String) },
      userErrors: [],
    });

    const live = await t.run(
      us.keys.EDITOR,
      `query ($id: ID!) { company { connection(id: $id) {
      all: tables { schema name isView columns { name type engineType isNullable } }
      some: tables(schemas: ["main"], names: ["orders"], includeColumns: false) { name columns { name } }
      sampleData(schema: "main", table: "orders", limit: 2) { columns { name type } values rowCount } } } }`,
      { id },
    );
    const connection = live.data.company.connection;
    expect(
      connection.all.map((table: { schema: string; name: string; isView: boolean }) => [
        table.schema,
        table.name,
        table.isView,
      ]),
    ).toEqual([
      ['main', 'cheap', true],
      ['main', 'orders', false],
      ['other', 'notes', false],
    ]);
    expect(connection.all[1].columns).toEqual([
      { name: 'id', type: 'INTEGER', engineType: 'INTEGER', isNullable: true },
      { name: 'na"me', type: 'STRING', engineType: 'VARCHAR', isNullable: true },
      { name: 'price', type: 'DECIMAL', engineType: 'DECIMAL(10,2)', isNullable: true },
    ]);
    expect(connection.some).toEqual([{ name: 'orders', columns: [] }]);
    const { columns, values, rowCount } = connection.sampleData;
    expect(columns).toEqual([
      { name: 'id', type: 'INTEGER' },
      { name: 'na"me', type: 'STRING' },
      { name: 'price', type: 'DECIMAL' },
    ]);
    expect(rowCount).toBe(2);
    const [ids, names, prices] = values as [number[], string[], string[]];
    expect(new Set(ids).size).toBe(2);
    expect(names).toEqual(ids.map((n) => `item "${n}`));
    expect(prices).toEqual(ids.map((n) => (n * 1.5).toFixed(2)));

    const refreshed = await t.run(
      us.keys.EDITOR,
      'mutation ($input: ConnectionRefreshSchemaInput!) { connectionRefreshSchema(input: $input) { connection { informationSchema schemaReadAt } userErrors { code } } }',
      { input: { id } },
    );
    const stored = refreshed.data.connectionRefreshSchema.connection;
    expect(stored.informationSchema.isTruncated).toBe(false);
    expect(stored.informationSchema.tables.map((table: { name: string }) => table.name)).toEqual([
      'cheap',
      'orders',
      'notes',
    ]);
    expect(Date.parse(stored.schemaReadAt)).toBeGreaterThan(Date.now() - 60_000);
  });

  it('picks the rows of a sample at random, all of them where there are no more', async () => {
    const row = await t.world.connection(us.company.id, { engineId: DUCKDB, settings: { path: file } });
    const sample = async (limit: number): Promise<number[]> => {
      const { data } = await t.run(
        us.keys.EDITOR,
        'query ($id: ID!, $limit: Int!) { company { connection(id: $id) { sampleData(schema: "main", table: "orders", limit: $limit) { values } } } }',
        { id: gid('Connection', row), limit },
      );
      return data.company.connection.sampleData.values[0];
    };
    const [one, other] = [await sample(10), await sample(10)];
    expect([new Set(one).size, new Set(other).size]).toEqual([10, 10]);
    // That two are the same comes once in 10^13 times.
    expect(other).not.toEqual(one);
    expect((await sample(100)).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
  });

  it('takes credentials as JSON text, seals the password and shows its end alone', async () => {
    const credentials = JSON.stringify({ ...postgresCredentials, password: 'correct horse 1234' });
    const made = await create({ engineId: gid('StorageEngine', POSTGRES), name: 'Sealed', credentials });
    const { connection } = made.data.connectionCreate;
    expect(connection.maskedCredentials).toBe('****1234');
    expect(connection.credentialType).toBe('USERNAME_PASSWORD');
    expect(JSON.stringify(made)).not.toContain('correct horse');
    expect(connection.settings).not.toHaveProperty('password');
    const row = await t.app.database.prisma.connection.findFirstOrThrow({ where: { name: 'Sealed' } });
    expect(JSON.stringify(row)).not.toContain('correct horse');
    expect(Buffer.from(row.sealedCredentials ?? []).toString('latin1')).not.toContain('correct horse');
    expect(t.app.sealer.open(row.sealedCredentials as Uint8Array, connectionPlace(row.id))).toEqual({
      password: 'correct horse 1234',
    });
    expect(() => t.app.sealer.open(row.sealedCredentials as Uint8Array, connectionPlace('another'))).toThrow();
  });

  it('hides a short secret altogether', async () => {
    const made = await create({
      engineId: gid('StorageEngine', POSTGRES),
      name: 'Short',
      credentials: { ...postgresCredentials, password: 'abc123' },
    });
    expect(made.data.connectionCreate.connection.maskedCredentials).toBe('****');
  });

  it('opens one for a run with its secrets, under a key that new credentials change', async () => {
    const credentials = postgresCredentials;
    const made = await create({ engineId: gid('StorageEngine', POSTGRES), name: 'Server', credentials });
    const { id } = made.data.connectionCreate.connection;
    const row = await t.app.database.prisma.connection.findFirstOrThrow({ where: { name: 'Server' } });
    const ctx = createContext(t.app, {
      viewer: null,
      signal: new AbortController().signal,
      requestId: 'test',
      clientAddress: '127.0.0.1',
      userAgent: null,
    });
    const open = await openConnection(ctx, row.id, us.company.id);
    expect(open.engine.name).toBe('postgres');
    expect(open.target).toEqual({ key: `${row.id}:1`, settings: credentials });
    expect(open.timeoutMs).toBe(t.app.config.RUN_TIMEOUT_MS);

    const tested = await t.run(us.keys.ANALYST, TEST, { input: { id } });
    expect(tested.data.connectionTest.connection.isLastTestOk).toBe(false);

    const changed = await t.run(us.keys.EDITOR, UPDATE, {
      input: { id, credentials: { ...credentials, password: 'something-else-9876' } },
    });
    expect(changed.data.connectionUpdate.connection).toMatchObject({
      version: 2,
      maskedCredentials: '****9876',
      isLastTestOk: null,
    });
    expect((await openConnection(ctx, row.id, us.company.id)).target.key).toBe(`${row.id}:2`);
    await expect(openConnection(ctx, row.id, them.company.id)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  });

  it('changes, clears and keeps what an update says', async () => {
    const row = await t.world.connection(us.company.id, {
      engineId: DUCKDB,
      name: 'Plain',
      description: 'Old',
      timeoutMs: 2000,
      settings: { path: file },
    });
    const changed = await t.run(us.keys.EDITOR, UPDATE, {
      input: { id: gid('Connection', row), name: 'Plainer', timeoutMs: null, expectedVersion: 1 },
    });
    expect(changed.data.connectionUpdate).toEqual({
      connection: {
        name: 'Plainer',
        version: 2,
        settings: { path: file },
        maskedCredentials: null,
        timeoutMs: null,
        isLastTestOk: null,
      },
      userErrors: [],
    });
    const after = await t.app.database.prisma.connection.findUniqueOrThrow({ where: { id: row.id } });
    expect([after.description, after.credentialsVersion]).toEqual(['Old', 1]);
  });

  it('answers a connection that fails as a result', async () => {
    const credentials = postgresCredentials;
    const made = await create({ engineId: gid('StorageEngine', POSTGRES), name: 'Dead', credentials });
    const tested = await t.run(us.keys.ANALYST, TEST, { input: { id: made.data.connectionCreate.connection.id } });
    expect(tested.data.connectionTest.userErrors).toEqual([]);
    expect(tested.data.connectionTest.test.isOk).toBe(false);
    expect(tested.data.connectionTest.test.stages.at(-1)).toMatchObject({ stage: 'TCP', isOk: false });
    expect(tested.data.connectionTest.connection.isLastTestOk).toBe(false);
  });

  it('deletes softly and gives the name back', async () => {
    const row = await t.world.connection(us.company.id, { engineId: DUCKDB, name: 'Gone', settings: { path: file } });
    const deleted = await t.run(us.keys.EDITOR, DELETE, { input: { id: gid('Connection', row) } });
    expect(deleted.data.connectionDelete).toEqual({ deletedId: gid('Connection', row), userErrors: [] });
    expect((await t.app.database.prisma.connection.findUniqueOrThrow({ where: { id: row.id } })).active).toBe(false);
    const seen = await t.run(
      us.keys.EDITOR,
      'query ($id: ID!) { company { connection(id: $id) { id } } node(id: $id) { id } }',
      { id: gid('Connection', row) },
    );
    expect(seen.data).toEqual({ company: { connection: null }, node: null });
    expect(
      mistakes(await create({ engineId: gid('StorageEngine', DUCKDB), name: 'gone', credentials: { path: file } })),
    ).toEqual([]);
  });

  it('lists with the same statements whether there is one or twenty', async () => {
    const list = (first: number): Promise<unknown> =>
      t.run(
        us.keys.VIEWER,
        `{ company { connections(first: ${first}) { nodes { name engine { serviceName } owner { name } maskedCredentials } } } }`,
      );
    for (let i = 0; i < 20; i++)
      await t.world.connection(us.company.id, { engineId: i % 2 ? DUCKDB : POSTGRES, userId: us.users.EDITOR.id });
    await list(1);
    const one = await t.statements(() => list(1));
    const twenty = await t.statements(() => list(20));
    expect(twenty.length).toBe(one.length);
    const found = await t.run(
      us.keys.VIEWER,
      '{ company { connections(search: "plainer", where: {engineId: {eq: "' +
        gid('StorageEngine', DUCKDB) +
        '"}}) { nodes { name } totalCount { value } } } }',
    );
    expect(found.data.company.connections).toEqual({ nodes: [{ name: 'Plainer' }], totalCount: { value: 1 } });
  });
});

describe('connections to files', () => {
  const FILES = 84;
  const tables = [{ name: 'orders', files: '*.csv', format: 'CSV', header: true, delimiter: ';' }];
  let folder: string;
  beforeAll(() => {
    folder = path.join(t.warehouses, 'ours', 'csv');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'a.csv'), 'id;total\n1;1.5\n2;3.5\n');
  });
  const made = (settings: object, key = us.keys.EDITOR, name = 'Files'): Promise<Answer> =>
    create({ engineId: gid('StorageEngine', FILES), name, settings }, key);

  it('work: made, tested, listed, sampled, and behind an asset and an endpoint', async () => {
    const { connection } = (await made({ path: folder, tables })).data.connectionCreate;
    expect(connection).toMatchObject({ settings: { path: folder, tables }, credentialType: 'NONE' });
    const { id } = connection;
    const tested = await t.run(us.keys.ANALYST, TEST, { input: { id } });
    expect(tested.data.connectionTest.test).toEqual({
      isOk: true,
      stages: ['SETTINGS', 'READ_ONLY', 'QUERY'].map((stage) => ({ stage, isOk: true, message: null })),
    });
    const live = await t.run(
      us.keys.EDITOR,
      `query ($id: ID!) { company { connection(id: $id) {
        tables { schema name columns { name type } }
        sampleData(schema: "main", table: "orders", limit: 5) { rowCount } } } }`,
      { id },
    );
    expect(live.data.company.connection).toEqual({
      tables: [
        {
          schema: 'main',
          name: 'orders',
          columns: [
            { name: 'id', type: 'BIGINT' },
            { name: 'total', type: 'FLOAT' },
          ],
        },
      ],
      sampleData: { rowCount: 2 },
    });
    const asset = await t.run(
      us.keys.EDITOR,
      `mutation ($input: AssetCreateInput!) { assetCreate(input: $input) { asset { id } userErrors { code path } } }`,
      {
        input: {
          name: 'Sum of files',
          assetType: 'CALCULATION',
          connectionId: id,
          sqlLogic: 'select sum(total) as answer_value from orders where id >= :least',
          sourceSchemaName: 'main',
          sourceTableName: 'orders',
          parameters: [{ name: 'least', type: 'INTEGER', defaultValue: 1 }],
        },
      },
    );
    expect(asset.data.assetCreate.userErrors).toEqual([]);
    const assetId = asset.data.assetCreate.asset.id;
    const answer = (): Promise<Answer> =>
      t.run(
        us.keys.ANALYST,
        `mutation ($id: ID!) { assetTest(input: {id: $id}) { run { status outcome { ... on CalculationResult { value } } } } }`,
        { id: assetId },
      );
    expect((await answer()).data.assetTest.run).toEqual({ status: 'SUCCEEDED', outcome: { value: '5' } });
    writeFileSync(path.join(folder, 'b.csv'), 'id;total\n3;5.0\n');
    expect((await answer()).data.assetTest.run.outcome.value).toBe('10');
    const distinct = await t.run(
      us.keys.EDITOR,
      `query ($id: ID!) { company { asset(by: {id: $id}) { distinctValues(column: "id") } } }`,
      { id: assetId },
    );
    expect(distinct.data?.company.asset.distinctValues ?? distinct).toEqual([1, 2, 3]);
    const endpoint = await t.world.endpoint(us.company.id, keyOf(id), {
      sourceSchemaName: 'main',
      sourceTableName: 'orders',
      endpointSchema: {
        columns: [
          { name: 'id', type: 'BIGINT' },
          { name: 'total', type: 'FLOAT' },
        ],
      },
    });
    const rows = await t.run(
      us.keys.ANALYST,
      `mutation ($id: ID!) { endpointFetch(input: {endpointId: $id, limit: 2}) { page { values } userErrors { message } } }`,
      { id: gid('Endpoint', endpoint) },
    );
    expect(rows.data?.endpointFetch ?? rows).toEqual({
      page: {
        values: [
          [1, 2],
          [1.5, 3.5],
        ],
      },
      userErrors: [],
    });
  });

  it.each([
    [{ path: 'csv', tables }, 'input.settings.path'],
    [{ path: '/etc', tables }, 'input.credentials.path'],
    [{}, 'input.credentials.path,input.credentials.tables'],
    [{ tables: 'orders' }, 'input.credentials.path,input.settings.tables'],
    [{ path: '/x', tables: [{ ...tables[0], name: 'a b' }] }, 'input.settings.tables.0.name'],
    [{ path: '/x', tables: [{ ...tables[0], files: '../x.csv' }] }, 'input.settings.tables.0.files'],
    [{ path: '/x', tables: [{ ...tables[0], sql: '1' }] }, 'input.settings.tables.0'],
    [{ path: '/x', tables: [{ name: 'a', files: 'a.csv' }] }, 'input.settings.tables.0.format'],
  ])('refuse %j', async (settings, at) => {
    const found = mistakes(await made(settings, us.keys.EDITOR, 'Wrong'));
    expect(found.every(([code]) => code === 'VALIDATION')).toBe(true);
    expect(found.map(([, where]) => where).join()).toBe(at);
  });

  it('guard: no folder of another company, nor one around or inside it', async () => {
    mkdirSync(path.join(folder, 'inner'), { recursive: true });
    symlinkSync(folder, path.join(t.warehouses, 'alias'));
    mkdirSync(path.join(t.warehouses, 'ours-too'));
    await made({ path: folder, tables }, us.keys.EDITOR, 'Our folder');
    for (const at of [folder, path.join(folder, 'inner'), path.dirname(folder), path.join(t.warehouses, 'alias')])
      expect(mistakes(await made({ path: at, tables }, them.keys.OWNER)), at).toEqual([
        ['VALIDATION', 'input.credentials.path'],
      ]);
    const beside = await made({ path: path.join(t.warehouses, 'ours-too'), tables }, them.keys.OWNER);
    expect(mistakes(beside)).toEqual([]);
  });
});

describe('connections refuse', () => {
  it('what is wrong, missing or unknown in credentials, all at once', async () => {
    const made = await create({
      engineId: gid('StorageEngine', POSTGRES),
      name: 'Bad',
      settings: { port: 70_000 },
      credentials: { host: 'db.example.com', database: 'd', colour: 'red' },
    });
    expect(mistakes(made)).toEqual([
      ['VALIDATION', 'input.settings.port'],
      ['VALIDATION', 'input.credentials.username'],
      ['VALIDATION', 'input.credentials.colour'],
    ]);
    expect(
      mistakes(await create({ engineId: gid('StorageEngine', POSTGRES), name: 'Bad', credentials: 'not json' })),
    ).toEqual([['VALIDATION', 'input.credentials']]);
    expect(
      mistakes(
        await create({
          engineId: gid('StorageEngine', POSTGRES),
          name: 'Bad',
          credentials: { host: 'http://x/', database: 'd', username: 'u' },
        }),
      ),
    ).toEqual([['VALIDATION', 'input.credentials.host']]);
  });

  it('what is wrong in different members, all at once', async () => {
    const wrong = { name: 'Bad', hasVerifiedUsageAbility: false };
    const engineId = gid('StorageEngine', POSTGRES);
    expect(
      mistakes(await create({ ...wrong, engineId, credentialType: 'OAUTH', settings: 'x', credentials: [] })),
    ).toEqual([
      ['VALIDATION', 'input.credentialType'],
      ['VALIDATION', 'input.settings'],
      ['VALIDATION', 'input.credentials'],
      ['VALIDATION', 'input.hasVerifiedUsageAbility'],
    ]);
    expect(mistakes(await create({ ...wrong, engineId, credentials: { ...postgresCredentials, port: 0 } }))).toEqual([
      ['VALIDATION', 'input.credentials.port'],
      ['VALIDATION', 'input.hasVerifiedUsageAbility'],
    ]);
    expect(mistakes(await create({ ...wrong, engineId: gid('StorageEngine', 9999) }))).toEqual([
      ['NOT_FOUND', 'input.engineId'],
      ['VALIDATION', 'input.hasVerifiedUsageAbility'],
    ]);
  });

  it('a right to use that is not confirmed, a time limit out of bounds, a credential type that is not of the engine', async () => {
    const input = { engineId: gid('StorageEngine', DUCKDB), name: 'Bad', credentials: { path: file } };
    expect(mistakes(await create({ ...input, hasVerifiedUsageAbility: false }))).toEqual([
      ['VALIDATION', 'input.hasVerifiedUsageAbility'],
    ]);
    expect(mistakes(await create({ ...input, timeoutMs: 999 }))).toEqual([['VALIDATION', 'input.timeoutMs']]);
    expect(mistakes(await create({ ...input, timeoutMs: 300_001 }))).toEqual([['VALIDATION', 'input.timeoutMs']]);
    expect(mistakes(await create({ ...input, credentialType: 'OAUTH' }))).toEqual([
      ['VALIDATION', 'input.credentialType'],
    ]);
  });

  it('an engine without a driver, or none at all', async () => {
    // Oracle.
    expect(mistakes(await create({ engineId: gid('StorageEngine', 52), name: 'Bad', credentials: {} }))).toEqual([
      ['UNSUPPORTED', 'input.engineId'],
    ]);
    expect(mistakes(await create({ engineId: gid('StorageEngine', 9999), name: 'Bad', credentials: {} }))).toEqual([
      ['NOT_FOUND', 'input.engineId'],
    ]);
  });

  it('DuckDB files outside of the warehouse directory', async () => {
    for (const bad of [
      '/etc/passwd',
      path.join(t.warehouses, '..', 'shop.duckdb'),
      path.join(t.warehouses, '../../etc/passwd'),
      'shop.duckdb',
      path.join(t.warehouses, 'absent.duckdb'),
    ]) {
      expect(
        mistakes(await create({ engineId: gid('StorageEngine', DUCKDB), name: 'Bad', credentials: { path: bad } })),
      ).toEqual([['VALIDATION', 'input.credentials.path']]);
    }
  });

  it('a file that another company connected first', async () => {
    expect(
      mistakes(
        await create(
          { engineId: gid('StorageEngine', DUCKDB), name: 'Theft', credentials: { path: file } },
          them.keys.OWNER,
        ),
      ),
    ).toEqual([['VALIDATION', 'input.credentials.path']]);
  });

  it('a name that is taken', async () => {
    await t.world.connection(us.company.id, { engineId: DUCKDB, name: 'Taken' });
    expect(
      mistakes(await create({ engineId: gid('StorageEngine', DUCKDB), name: 'TAKEN', credentials: { path: file } })),
    ).toEqual([['CONFLICT', 'input.name']]);
  });

  it('other settings without the credentials: a password is not sent to another host', async () => {
    const made = await create({
      engineId: gid('StorageEngine', POSTGRES),
      name: 'Steady',
      credentials: { ...postgresCredentials, password: 'correct horse 1234' },
    });
    const { id } = made.data.connectionCreate.connection;
    const moved = await t.run(us.keys.EDITOR, UPDATE, {
      input: { id, settings: { host: 'evil.example.com', database: 'd', username: 'u' } },
    });
    expect(mistakes(moved)).toEqual([['VALIDATION', 'input.credentials']]);
    const row = await t.app.database.prisma.connection.findFirstOrThrow({ where: { name: 'Steady' } });
    expect([row.version, (row.settings as { host: string }).host]).toEqual([1, postgresCredentials.host]);
  });

  it('a version that is not the present one', async () => {
    const row = await t.world.connection(us.company.id, { engineId: DUCKDB, name: 'Versioned' });
    const { data } = await t.run(us.keys.EDITOR, UPDATE, {
      input: { id: gid('Connection', row), name: 'Other', expectedVersion: 7 },
    });
    expect(data.connectionUpdate.userErrors).toMatchObject([
      {
        __typename: 'VersionConflictError',
        code: 'VERSION_CONFLICT',
        path: ['input', 'expectedVersion'],
        currentVersion: 1,
      },
    ]);
  });

  it('to delete what is in use, naming the users', async () => {
    const row = await t.world.connection(us.company.id, { engineId: DUCKDB, name: 'Busy' });
    await t.world.asset(us.company.id, { name: 'Churn', connectionId: row.id });
    await t.world.endpoint(us.company.id, row.id, { name: 'Baskets' });
    await t.world.endpoint(us.company.id, row.id, { name: 'Deleted', active: false });
    const { data } = await t.run(us.keys.EDITOR, DELETE, { input: { id: gid('Connection', row) } });
    expect(data.connectionDelete).toEqual({
      deletedId: null,
      userErrors: [{ code: 'IN_USE', path: ['input', 'id'], usedBy: ['Baskets', 'Churn'] }],
    });
    expect((await t.app.database.prisma.connection.findUniqueOrThrow({ where: { id: row.id } })).active).toBe(true);
  });

  it('samples of tables that are not listed, and limits out of bounds', async () => {
    const row = await t.world.connection(us.company.id, {
      engineId: DUCKDB,
      name: 'Samples',
      settings: { path: file },
    });
    const ask = async (args: string): Promise<unknown> => {
      const { data, errors } = await t.run(
        us.keys.EDITOR,
        `query ($id: ID!) { company { connection(id: $id) { ${args} } } }`,
        { id: gid('Connection', row) },
      );
      expect(Object.values(data.company.connection)).toEqual([null]);
      return [errors?.[0]?.extensions.code, errors?.[0]?.extensions.argumentPath];
    };
    for (const table of ['nothing', 'orders" --', 'duckdb_settings', file, "read_csv('/etc/passwd')"]) {
      expect(await ask(`sampleData(schema: "main", table: ${JSON.stringify(table)}) { rowCount }`)).toEqual([
        'NOT_FOUND',
        ['table'],
      ]);
    }
    expect(await ask('sampleData(schema: "main", table: "orders", limit: 10001) { rowCount }')).toEqual([
      'PAGE_SIZE',
      ['limit'],
    ]);
    expect(await ask('tables(limit: 501) { name }')).toEqual(['PAGE_SIZE', ['limit']]);
    const many = JSON.stringify(Array.from({ length: 101 }, (_, i) => `t${i}`));
    expect(await ask(`tables(names: ${many}) { name }`)).toEqual(['BAD_REQUEST', ['names']]);
    expect(await ask(`tables(schemas: ${many}) { name }`)).toEqual(['BAD_REQUEST', ['schemas']]);
  });
});

describe('connections guard', () => {
  it('against other companies, in every way', async () => {
    const row = await t.world.connection(us.company.id, { engineId: DUCKDB, name: 'Ours', settings: { path: file } });
    const id = gid('Connection', row);
    const seen = await t.run(
      them.keys.OWNER,
      'query ($id: ID!) { company { connection(id: $id) { id } connections(search: "ours") { nodes { id } } } node(id: $id) { id } }',
      { id },
    );
    expect(seen.data).toEqual({ company: { connection: null, connections: { nodes: [] } }, node: null });
    expect(mistakes(await t.run(them.keys.OWNER, UPDATE, { input: { id, name: 'Theirs' } }))).toEqual([
      ['NOT_FOUND', 'input.id'],
    ]);
    expect(mistakes(await t.run(them.keys.OWNER, DELETE, { input: { id } }))).toEqual([['NOT_FOUND', 'input.id']]);
    expect(mistakes(await t.run(them.keys.OWNER, TEST, { input: { id } }))).toEqual([['NOT_FOUND', 'input.id']]);
    const refresh = await t.run(
      them.keys.OWNER,
      'mutation ($input: ConnectionRefreshSchemaInput!) { connectionRefreshSchema(input: $input) { userErrors { code path } } }',
      { input: { id } },
    );
    expect(mistakes(refresh)).toEqual([['NOT_FOUND', 'input.id']]);
    const after = await t.app.database.prisma.connection.findUniqueOrThrow({ where: { id: row.id } });
    expect([after.name, after.active, after.version, after.lastTestedAt]).toEqual(['Ours', true, 1, null]);
  });

  it('against roles that may not, and nobody', async () => {
    const row = await t.world.connection(us.company.id, { engineId: DUCKDB, name: 'Roles', settings: { path: file } });
    const id = gid('Connection', row);
    const input = { engineId: gid('StorageEngine', DUCKDB), name: 'Unwanted', credentials: { path: file } };
    for (const role of ['ANALYST', 'VIEWER', 'OPERATOR'] as const) {
      expect(mistakes(await create(input, us.keys[role]))).toEqual([['FORBIDDEN', undefined]]);
      expect(mistakes(await t.run(us.keys[role], UPDATE, { input: { id, name: 'X' } }))).toEqual([
        ['FORBIDDEN', undefined],
      ]);
      expect(mistakes(await t.run(us.keys[role], DELETE, { input: { id } }))).toEqual([['FORBIDDEN', undefined]]);
    }
    expect(mistakes(await t.run(us.keys.VIEWER, TEST, { input: { id } }))).toEqual([['FORBIDDEN', undefined]]);
    const looked = await t.run(
      us.keys.ANALYST,
      'query ($id: ID!) { company { connection(id: $id) { name tables { name } sampleData(schema: "main", table: "orders") { rowCount } } } }',
      { id },
    );
    expect(looked.data.company.connection).toEqual({ name: 'Roles', tables: null, sampleData: null });
    expect(looked.errors?.map((error) => error.extensions.code)).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    const nobody = await t.run(null, CREATE, { input: { ...input, hasVerifiedUsageAbility: true } });
    expect(nobody.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect(await t.app.database.prisma.connection.count({ where: { name: { in: ['Unwanted', 'X'] } } })).toBe(0);
  });
});
