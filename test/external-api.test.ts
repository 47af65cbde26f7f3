import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkLedger } from '../src/credits/journal.ts';
import { parseGlobalId } from '../src/ids.ts';
import { gid, keyOf, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';
import { startServer, type FakeServer, type Reply } from './helpers/platform-servers.ts';

/** Assets without SQL, answered by a seller's own API. */

const ENGINE = gid('StorageEngine', 59);
const KEY = 'seller-key-0123456789';
const good = { timestamp: '2026-01-31T12:00:00.5+01:00', answer_value: -12.5, asset_id: null };

let t: TestGateway;
let seller: Tenant;
let buyer: Tenant;
let api: FakeServer;
let connectionId: string;
beforeAll(async () => {
  t = await testGateway();
  seller = await t.tenant({ handle: 'seller' });
  buyer = await t.tenant({ handle: 'buyer', credits: 100 });
  api = await startServer(({ headers }) =>
    headers['x-api-key'] === KEY || headers['x-other'] === KEY ? { status: 200, json: good } : { status: 403 },
  );
  connectionId = (await connect({ baseUrl: `${api.url}/predict` })).id;
});
afterAll(async () => {
  await api.close();
  await t.close();
});
beforeEach(() => {
  api.next.length = 0;
  api.seen.length = 0;
});

type Init = Parameters<TestGateway['run']>[3];
const mutate = (key: string | null, name: string, input: object, fields: string, init?: Init) =>
  t.mutate(key, name, input, fields, 'userErrors { code path message }', init);
let made = 0;
async function connect(
  settings: object,
  more: object = {},
  credentials: object = { apiKey: KEY },
): Promise<Answer['data']> {
  const { connection, userErrors } = await mutate(
    seller.keys.EDITOR,
    'connectionCreate',
    { engineId: ENGINE, name: `API ${++made}`, hasVerifiedUsageAbility: true, settings, credentials, ...more },
    'connection { id settings maskedCredentials credentialType }',
  );
  expect(userErrors).toEqual([]);
  return connection;
}
const create = (more: object = {}): Promise<Answer['data']> =>
  mutate(
    seller.keys.EDITOR,
    'assetCreate',
    { name: `Model ${++made}`, assetType: 'CALCULATION', connectionId, ...more },
    'asset { id sqlLogic functionId }',
  );
const PARAMETERS = [
  { name: 'region', type: 'STRING', isRequired: true },
  { name: 'size', type: 'DECIMAL', defaultValue: '1.50' },
  { name: 'note', type: 'STRING' },
];
const RUN = `run { status isBilled credits cacheStatus rowCount outcome { __typename
  ... on CalculationResult { value } ... on RunFailure { code message } } }`;
const process = (key: string, input: object, init?: Init): Promise<Answer['data']> =>
  mutate(key, 'assetProcess', input, RUN, init);
const test = (id: string, parameters = {}): Promise<Answer['data']> =>
  mutate(seller.keys.ANALYST, 'assetTest', { id, parameters }, RUN);
/** A listed asset on the API that costs 4 credits. */
async function listed(more: object = {}): Promise<string> {
  const { asset } = await create({ topQuestions: ['What does the model say of it?'], ...more });
  await mutate(seller.keys.EDITOR, 'assetPriceCreate', { assetId: asset.id, priceUsd: '2.00' }, '__typename');
  const required = more as { parameters?: unknown };
  expect((await test(asset.id, required.parameters ? { region: 'EU' } : {})).run.status).toBe('SUCCEEDED');
  const { userErrors } = await mutate(seller.keys.EDITOR, 'assetPublish', { id: asset.id }, '__typename');
  expect(userErrors).toEqual([]);
  api.seen.length = 0;
  return asset.id as string;
}
const balance = async (): Promise<number> =>
  (await t.app.database.prisma.company.findUniqueOrThrow({ where: { id: buyer.company.id } })).creditsBalance;

describe('an external API works', () => {
  it('is among the engines, with its connection sealed', async () => {
    const { data } = await t.run(
      null,
      '{ storageEngines(where: {engineType: {in: [EXTERNAL_API, API_MODEL]}, isAvailable: {eq: true}}) { nodes { id engineType isAvailable unavailableReason } } }',
    );
    expect(data.storageEngines.nodes).toEqual([
      { id: ENGINE, engineType: 'EXTERNAL_API', isAvailable: true, unavailableReason: null },
      { id: gid('StorageEngine', 83), engineType: 'API_MODEL', isAvailable: true, unavailableReason: null },
    ]);
    expect(await connect({ baseUrl: `${api.url}/x`, apiKeyHeader: 'X-Other' })).toEqual({
      id: expect.any(String),
      settings: { baseUrl: `${api.url}/x`, apiKeyHeader: 'X-Other' },
      maskedCredentials: '****6789',
      credentialType: 'API_KEY',
    });
    const rows = await t.app.database.query('select * from "Connection"', []);
    expect(JSON.stringify(rows)).not.toContain(KEY);
  });

  it('is tested as far as it can be without being asked', async () => {
    const { test: result } = await mutate(
      seller.keys.EDITOR,
      'connectionTest',
      { id: connectionId },
      'test { isOk stages { stage isOk } }',
    );
    expect(result).toEqual({ isOk: true, stages: ['SETTINGS', 'DNS', 'TCP'].map((stage) => ({ stage, isOk: true })) });
    expect(api.seen).toEqual([]);
  });

  it('gets the parameters as JSON at its full address', async () => {
    const { asset, userErrors } = await create({ parameters: PARAMETERS, allowParams: true });
    expect([asset.sqlLogic, asset.functionId, userErrors]).toEqual([null, null, []]);
    const { run } = await test(asset.id, { region: 'EU' });
    expect(run).toEqual({
      status: 'SUCCEEDED',
      isBilled: false,
      credits: 0,
      cacheStatus: 'BYPASS',
      rowCount: 1,
      outcome: { __typename: 'CalculationResult', value: '-12.5' },
    });
    expect(api.seen.map(({ method, path, json }) => [method, path, json])).toEqual([
      ['POST', '/predict', { region: 'EU', size: 1.5 }],
    ]);
    expect(api.seen[0]?.headers['x-api-key']).toBe(KEY);
  });

  it('gets a function id beside them, and its key in a header of its choice', async () => {
    const other = await connect({ baseUrl: api.url, apiKeyHeader: 'X-Other' });
    const { asset } = await create({
      connectionId: other.id,
      functionId: 'churn-v2',
      parameters: PARAMETERS,
      allowParams: true,
    });
    expect((await test(asset.id, { region: 'US', size: '0.25', note: 'n' })).run.outcome.value).toBe('-12.5');
    expect(api.seen.map(({ path, json }) => [path, json])).toEqual([
      ['/', { function_id: 'churn-v2', params: { region: 'US', size: 0.25, note: 'n' } }],
    ]);
    expect([api.seen[0]?.headers['x-other'], api.seen[0]?.headers['x-api-key']]).toEqual([KEY, undefined]);
  });

  it.each([
    ['123456789012345678.125', '123456789012345678.125'],
    ['0', '0'],
    ['1.5e-7', '0.00000015'],
    ['2E+3', '2000'],
  ])('keeps the number %s', async (written, value) => {
    const { asset } = await create();
    api.next.push({ status: 200, text: `{"timestamp":"2026-01-31T12:00:00Z","answer_value":${written}}` });
    const { run } = await test(asset.id);
    expect(run.outcome.value).toBe(value);
  });

  it('sells: the buyer pays once a run, again for none with the same key', async () => {
    const assetId = await listed({ parameters: PARAMETERS, allowParams: true });
    const before = await balance();
    const input = { assetId, parameters: { region: 'EU' }, idempotencyKey: 'buy-1' };
    for (let i = 0; i < 2; i++) {
      const { run } = await process(buyer.keys.ANALYST, input);
      expect(run).toMatchObject({ status: 'SUCCEEDED', isBilled: true, credits: 4, outcome: { value: '-12.5' } });
    }
    expect(await balance()).toBe(before - 4);
    expect(api.seen).toHaveLength(1);
    expect(await checkLedger(t.app.database.query)).toEqual([]);
  });

  it('is asked once while its answer is kept', async () => {
    const assetId = await listed({ cached: true });
    const statuses = [];
    for (let i = 0; i < 2; i++) statuses.push((await process(buyer.keys.ANALYST, { assetId })).run.cacheStatus);
    expect(statuses).toEqual(['MISS', 'HIT']);
    expect(api.seen).toHaveLength(1);
  });

  it('another function needs another test before the asset can be listed', async () => {
    const { asset } = await create({ functionId: 'one' });
    await test(asset.id);
    const tested = async (): Promise<Date | null> =>
      (await t.app.database.prisma.asset.findFirstOrThrow({ where: { functionId: { in: ['one', 'two'] } } }))
        .lastTestOkAt;
    expect(await tested()).not.toBeNull();
    await mutate(seller.keys.EDITOR, 'assetUpdate', { id: asset.id, functionId: 'two' }, '__typename');
    expect(await tested()).toBeNull();
  });
});

describe('an external API refuses', () => {
  const mistakes = ({ userErrors }: Answer['data']): unknown =>
    userErrors.map(({ code, path }: { code: string; path: string[] }) => `${code} ${path.join('.')}`);

  it('SQL, and assets that are no calculation', async () => {
    expect(mistakes(await create({ sqlLogic: 'select 1 as answer_value', assetType: 'DATA' }))).toEqual([
      'VALIDATION input.sqlLogic',
      'VALIDATION input.assetType',
    ]);
    const { asset } = await create();
    const update = (input: object): Promise<Answer['data']> =>
      mutate(seller.keys.EDITOR, 'assetUpdate', { id: asset.id, ...input }, '__typename');
    expect(mistakes(await update({ sqlLogic: 'select 1' }))).toEqual(['VALIDATION input.sqlLogic']);
    expect(mistakes(await update({ assetType: 'VISUALIZATION' }))).toEqual(['VALIDATION input.assetType']);
    const sql = await t.world.asset(seller.company.id);
    const moved = await mutate(
      seller.keys.EDITOR,
      'assetUpdate',
      { id: gid('Asset', sql), connectionId },
      '__typename',
    );
    expect(mistakes(moved)).toEqual(['VALIDATION input.sqlLogic']);
  });

  it('parameters that are declared wrongly, or given wrongly', async () => {
    expect(mistakes(await create({ parameters: [{ name: 'a b', type: 'STRING' }] }))).toEqual([
      'VALIDATION input.parameters.0.name',
    ]);
    const { asset } = await create({ parameters: PARAMETERS, allowParams: true });
    expect(mistakes(await test(asset.id, { other: 1 }))).toEqual([
      'VALIDATION input.parameters.other',
      'VALIDATION input.parameters.region',
    ]);
    expect(api.seen).toEqual([]);
  });

  it.each([
    [{}, { apiKey: KEY }, 'VALIDATION input.credentials.baseUrl'],
    [{ baseUrl: 'https://a.example' }, {}, 'VALIDATION input.credentials.apiKey'],
    [{ baseUrl: 'ftp://a.example' }, { apiKey: KEY }, 'VALIDATION input.credentials.baseUrl'],
    [{ baseUrl: 'https://a.example/?q=1' }, { apiKey: KEY }, 'VALIDATION input.credentials.baseUrl'],
    [{ baseUrl: 'https://u:p@a.example/' }, { apiKey: KEY }, 'VALIDATION input.credentials'],
    [{ baseUrl: 'https://a.example' }, { apiKey: 'with blank' }, 'VALIDATION input.credentials.apiKey'],
    [
      { baseUrl: 'https://a.example', apiKeyHeader: 'X: Y' },
      { apiKey: KEY },
      'VALIDATION input.credentials.apiKeyHeader',
    ],
    [{ baseUrl: 'https://a.example', host: 'x' }, { apiKey: KEY }, 'VALIDATION input.settings.host'],
  ])('a connection with %j and %j', async (settings, credentials, mistake) => {
    const answer = await mutate(
      seller.keys.EDITOR,
      'connectionCreate',
      { engineId: ENGINE, name: 'Wrong', hasVerifiedUsageAbility: true, settings, credentials },
      '__typename',
    );
    expect(mistakes(answer)).toEqual([mistake]);
  });
});

describe('an external API guards', () => {
  const at = '2026-01-31T12:00:00Z';
  const broken: [string, Reply, string][] = [
    ['no JSON', { status: 200, text: '<html>' }, 'RESULT_INVALID'],
    ['a list', { status: 200, json: [good] }, 'RESULT_INVALID'],
    ['no timestamp', { status: 200, json: { answer_value: 1 } }, 'RESULT_INVALID'],
    [
      'a timestamp without a zone',
      { status: 200, json: { ...good, timestamp: '2026-01-31T12:00:00' } },
      'RESULT_INVALID',
    ],
    ['a number as text', { status: 200, json: { timestamp: at, answer_value: '1' } }, 'RESULT_INVALID'],
    ['true for a number', { status: 200, json: { timestamp: at, answer_value: true } }, 'RESULT_INVALID'],
    ['a list for a number', { status: 200, json: { timestamp: at, answer_value: [1] } }, 'RESULT_INVALID'],
    ['an asset_id that is no text', { status: 200, json: { ...good, asset_id: 7 } }, 'RESULT_INVALID'],
    ['an error', { status: 500, json: { error: KEY } }, 'ENGINE_FAILED'],
    ['that the key is wrong', { status: 403 }, 'CONNECTION_FAILED'],
    ['that it is busy', { status: 429 }, 'ENGINE_BUSY'],
    [
      'a redirect',
      { status: 302, headers: { location: 'http://169.254.169.254/latest/meta-data' } },
      'CONNECTION_FAILED',
    ],
    [
      'too much',
      { status: 200, text: `{"timestamp":"${at}","answer_value":1,"x":"${'x'.repeat(1_100_000)}"}` },
      'RESULT_TOO_LARGE',
    ],
    ['too late', { status: 200, json: good, delayMs: 60_000 }, 'QUERY_TIMEOUT'],
  ];
  let assetId: string;
  beforeAll(async () => {
    connectionId = (await connect({ baseUrl: `${api.url}/predict` })).id;
    assetId = await listed();
  });
  it.each(broken)('charges nothing for %s, and shows the buyer nothing of it', async (_, reply, code) => {
    const before = await balance();
    const { key = '' } = parseGlobalId(connectionId) ?? {};
    const timeoutMs = code === 'QUERY_TIMEOUT' ? 1000 : null;
    await t.app.database.prisma.connection.update({ where: { id: key }, data: { timeoutMs } });
    api.next.push(reply, reply);
    const { run } = await process(buyer.keys.ANALYST, { assetId });
    expect(run).toMatchObject({ status: 'FAILED', isBilled: false, credits: 0 });
    expect(run.outcome).toMatchObject({ __typename: 'RunFailure', code });
    const own = (await process(seller.keys.ANALYST, { assetId })).run.outcome;
    expect(own.code).toBe(code);
    for (const text of [JSON.stringify(run), JSON.stringify(own)])
      expect(text).not.toMatch(/seller-key|127\.0\.0\.1|169\.254/);
    if (code === 'RESULT_INVALID') {
      expect(run.outcome.message).toBe('The result does not fit the type of this asset. Nothing was charged.');
      expect(own.message).toContain("The API's answer is not valid");
    }
    expect(await balance()).toBe(before);
    expect(api.seen.every(({ path }) => path === '/predict')).toBe(true);
    expect(await checkLedger(t.app.database.query)).toEqual([]);
  });

  it('charges nothing for a caller who leaves', async () => {
    const before = await balance();
    const { key = '' } = parseGlobalId(connectionId) ?? {};
    await t.app.database.prisma.connection.update({ where: { id: key }, data: { timeoutMs: null } });
    const abort = new AbortController();
    api.next.push({ status: 200, json: good, delayMs: 60_000 });
    const left = t
      .run(
        buyer.keys.ANALYST,
        'mutation ($id: ID!) { assetProcess(input: {assetId: $id}) { run { status } } }',
        { id: assetId },
        { signal: abort.signal },
      )
      .catch(() => null);
    await vi.waitFor(() => expect(api.seen).toHaveLength(1), 60_000);
    abort.abort();
    await left;
    await vi.waitFor(async () => {
      const running = await t.app.database.prisma.run.count({ where: { status: 'RUNNING' } });
      expect([running, await balance()]).toEqual([0, before]);
    }, 60_000);
  });

  it('reaches no private network that the operator does not allow', async () => {
    const id = (
      await t.world.connection(seller.company.id, {
        engineId: 59,
        settings: { baseUrl: 'http://10.1.2.3/predict', apiKey: 'x'.repeat(20) },
      })
    ).id;
    const { asset } = await create({ connectionId: gid('Connection', id) });
    expect((await test(asset.id)).run.outcome.code).toBe('CONNECTION_FAILED');
  });

  it('is not to be listed without a connection, and runs no SQL of a row from before', async () => {
    const id = connectionId;
    const bare = await t.world.asset(seller.company.id, { sqlLogic: null });
    const { userErrors } = await mutate(seller.keys.EDITOR, 'assetPublish', { id: gid('Asset', bare) }, 'asset { id }');
    expect(userErrors[0].message).toContain('It has no SQL or prompt, or no connection.');
    const uuid = keyOf(id);
    const old = await t.world.asset(seller.company.id, { connectionId: uuid, sqlLogic: 'drop table x' });
    expect((await test(gid('Asset', old))).run.outcome.value).toBe('-12.5');
  });
});
