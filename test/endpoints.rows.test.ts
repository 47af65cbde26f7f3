import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkLedger } from '../src/credits/journal.ts';
import type { Connection, Endpoint } from '../src/generated/prisma/client.ts';
import { newId } from '../src/ids.ts';
import { gid, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let seller: Tenant;
let buyer: Tenant;
let source: Connection;

const FETCH = `mutation ($input: EndpointFetchInput!) { endpointFetch(input: $input) {
  page { columns { name type } rows records values rowCount start limitApplied hasMore isBilled credits warnings run { kind } }
  run { id status credits isBilled rowCount outcome { __typename ... on RunFailure { code message } } }
  userErrors { __typename code path message ... on InsufficientCreditsError { required balance } } } }`;
const TEST = `mutation ($input: EndpointTestInput!) { endpointTest(input: $input) {
  page { rows rowCount hasMore isBilled } run { kind status isBilled outcome { ... on RunFailure { code message } } } userErrors { code path } } }`;

const columns = [
  { name: 'id', type: 'INTEGER', order: 'ASC' },
  { name: 'city', type: 'STRING', filter: { op: 'eq', param: 'city' } },
  { name: 'amount', type: 'DECIMAL' },
];
const price = { name: 'amount', type: 'DECIMAL', aggregation: 'SUM', alias: 'total' };

const mistakes = ({ data }: Answer): [string, string | undefined][] =>
  (Object.values(data)[0] as { userErrors: { code: string; path: string[] | null }[] }).userErrors.map(
    ({ code, path: at }) => [code, at?.join('.')],
  );
const balance = async (tenant: Tenant): Promise<number> =>
  (await t.app.database.prisma.company.findUniqueOrThrow({ where: { id: tenant.company.id } })).creditsBalance;
const endpoint = async (more: Record<string, unknown> = {}, usd: string | null = '1.00'): Promise<Endpoint> => {
  const row = await t.world.endpoint(seller.company.id, source.id, {
    sourceTableName: 'sales',
    endpointSchema: { columns: [columns[0], { ...columns[1], filter: null }, columns[2]] },
    sellInMarketplace: true,
    ...more,
  } as never);
  if (usd !== null) await t.world.price(seller.company.id, { endpointId: row.id }, usd);
  return row;
};
const fetch = (key: string | null, row: Endpoint, more: Record<string, unknown> = {}): Promise<Answer> =>
  t.run(key, FETCH, { input: { endpointId: gid('Endpoint', row), ...more } });

beforeAll(async () => {
  t = await testGateway();
  seller = await t.tenant({ handle: 'seller' });
  buyer = await t.tenant({ handle: 'buyer', credits: 1000 });
  mkdirSync(t.warehouses, { recursive: true });
  const file = path.join(t.warehouses, 'rows.duckdb');
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  await connection.run(
    `create table sales as select i::integer as id, case i % 3 when 0 then 'Oslo' when 1 then 'Rome' end as city, (i * 0.5)::decimal(10, 2) as amount from range(1, 251) r(i)`,
  );
  await connection.run(
    'create view slow as select count(*) as id from range(1000000000) a, range(1000) b where (a.range * b.range) % 7 = 3',
  );
  connection.closeSync();
  instance.closeSync();
  source = await t.world.connection(seller.company.id, { engineId: 57, settings: { path: file } });
});
afterAll(async () => {
  expect(await checkLedger(t.app.database.query)).toEqual([]);
  await t.close();
});

describe('pages work', () => {
  it('are charged to other companies, once for each page with rows', async () => {
    const row = await endpoint();
    const before = await balance(buyer);
    const first = await fetch(buyer.keys.ANALYST, row, { limit: 2 });
    expect(first.data.endpointFetch).toEqual({
      page: {
        columns: [
          { name: 'id', type: 'INTEGER' },
          { name: 'city', type: 'STRING' },
          { name: 'amount', type: 'DECIMAL' },
        ],
        rows: [
          [1, 'Rome', '0.50'],
          [2, null, '1.00'],
        ],
        records: [
          { id: 1, city: 'Rome', amount: '0.50' },
          { id: 2, city: null, amount: '1.00' },
        ],
        values: [
          [1, 2],
          ['Rome', null],
          ['0.50', '1.00'],
        ],
        rowCount: 2,
        start: 0,
        limitApplied: 2,
        hasMore: true,
        isBilled: true,
        credits: 2,
        warnings: [],
        run: { kind: 'PAGE' },
      },
      run: { id: expect.any(String), status: 'SUCCEEDED', credits: 2, isBilled: true, rowCount: 2, outcome: null },
      userErrors: [],
    });
    const last = await fetch(buyer.keys.ANALYST, row, { start: 248, limit: 100 });
    expect(last.data.endpointFetch.page).toMatchObject({
      rows: [
        [249, 'Oslo', '124.50'],
        [250, 'Rome', '125.00'],
      ],
      start: 248,
      limitApplied: 100,
      hasMore: false,
      isBilled: true,
    });
    expect(await balance(buyer)).toBe(before - 4);
    const beyond = await fetch(buyer.keys.ANALYST, row, { start: 250 });
    expect(beyond.data.endpointFetch).toMatchObject({
      page: { rows: [], rowCount: 0, hasMore: false, isBilled: false, credits: 0 },
      run: { status: 'SUCCEEDED', isBilled: false },
    });
    expect(await balance(buyer)).toBe(before - 4);
  });

  it('are free for the own company, and for a price of nothing', async () => {
    const row = await endpoint({ sellInMarketplace: false }, null);
    const own = await fetch(seller.keys.ANALYST, row, { limit: 1 });
    expect(own.data.endpointFetch).toMatchObject({
      page: { rows: [[1, 'Rome', '0.50']], isBilled: false, credits: 0 },
      userErrors: [],
    });
    const free = await endpoint({}, '0.00');
    const before = await balance(buyer);
    expect((await fetch(buyer.keys.ANALYST, free, { limit: 1 })).data.endpointFetch.page).toMatchObject({
      rowCount: 1,
      isBilled: false,
      credits: 0,
    });
    expect(await balance(buyer)).toBe(before);
  });

  it('are never larger than the endpoint allows, and say so', async () => {
    const row = await endpoint({ maxRecordsPerRequest: 20 });
    expect((await fetch(buyer.keys.ANALYST, row, { limit: 2_147_483_647 })).data.endpointFetch.page).toMatchObject({
      rowCount: 20,
      limitApplied: 20,
      hasMore: true,
    });
    const usual = await endpoint();
    expect((await fetch(buyer.keys.ANALYST, usual)).data.endpointFetch.page).toMatchObject({
      rowCount: 100,
      limitApplied: 100,
      hasMore: true,
    });
  });

  it('take parameters, group and sum', async () => {
    const row = await endpoint({ endpointSchema: { columns: [columns[1], price] } });
    const { data } = await fetch(buyer.keys.ANALYST, row, { parameters: { city: 'Oslo' } });
    const total = Array.from({ length: 250 }, (_, i) => i + 1)
      .filter((i) => i % 3 === 0)
      .reduce((sum, i) => sum + i * 0.5, 0);
    expect(data.endpointFetch.page.rows).toEqual([['Oslo', total.toFixed(2)]]);
    expect(
      (await fetch(buyer.keys.ANALYST, row, { parameters: { city: "x' or 1=1 --" } })).data.endpointFetch.page,
    ).toMatchObject({ rows: [], isBilled: false });
  });

  it('come by address, and with the key of that endpoint', async () => {
    const row = await endpoint({ name: 'Addressed' });
    const byAddress = await t.run(buyer.keys.ANALYST, FETCH, {
      input: { address: { companyHandle: 'seller', slug: 'addressed' }, limit: 1 },
    });
    expect(byAddress.data.endpointFetch.page.rowCount).toBe(1);
    const { secret } = await t.world.apiKey(buyer.company.id, 'VIEWER', { kind: 'ENDPOINT', endpointId: row.id });
    const before = await balance(buyer);
    expect((await fetch(secret, row, { limit: 1 })).data.endpointFetch).toMatchObject({
      page: { isBilled: true, credits: 2 },
      userErrors: [],
    });
    expect(await balance(buyer)).toBe(before - 2);
  });

  it('come once for an idempotency key', async () => {
    const row = await endpoint();
    const before = await balance(buyer);
    const first = await fetch(buyer.keys.ANALYST, row, { limit: 1, idempotencyKey: 'page-1' });
    const again = await fetch(buyer.keys.ANALYST, row, { limit: 1, idempotencyKey: 'page-1' });
    expect(again.data).toEqual(first.data);
    expect(await balance(buyer)).toBe(before - 2);
    expect(mistakes(await fetch(buyer.keys.ANALYST, row, { limit: 2, idempotencyKey: 'page-1' }))).toEqual([
      ['IDEMPOTENCY_MISMATCH', 'input.idempotencyKey'],
    ]);
  });

  it('leave a preview and a time behind where a customer fetched them', async () => {
    const row = await endpoint();
    await fetch(seller.keys.ANALYST, row, { limit: 1 });
    const look = () => t.app.database.prisma.endpoint.findUniqueOrThrow({ where: { id: row.id } });
    expect([(await look()).sampleResponse, (await look()).lastAccessedAt]).toEqual([null, null]);
    await fetch(buyer.keys.ANALYST, row, { start: 10, limit: 7 });
    const after = await look();
    expect(after.sampleResponse).toEqual({
      columns: [
        { name: 'id', type: 'INTEGER' },
        { name: 'city', type: 'STRING' },
        { name: 'amount', type: 'DECIMAL' },
      ],
      rows: [
        [11, null, '5.50'],
        [12, 'Oslo', '6.00'],
        [13, 'Rome', '6.50'],
        [14, null, '7.00'],
        [15, 'Oslo', '7.50'],
      ],
    });
    expect(after.lastAccessedAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(after.version).toBe(1);
  });

  it('warn of an endpoint that is deprecated', async () => {
    const row = await endpoint({ status: 'DEPRECATED' });
    const message = 'This endpoint is deprecated: it runs, but not for long.';
    const answer = await fetch(buyer.keys.ANALYST, row, { limit: 1 });
    expect(answer.data.endpointFetch.page.warnings).toEqual([message]);
    expect(answer.extensions).toMatchObject({ deprecations: [{ endpointId: gid('Endpoint', row), message }] });
    const other = await fetch(buyer.keys.ANALYST, await endpoint(), { limit: 1 });
    expect(other.extensions).not.toHaveProperty('deprecations');
  });

  it('go to companies with a grant where the endpoint is shared', async () => {
    const row = await endpoint({ sellInMarketplace: false, visibility: 'SHARED' });
    expect(mistakes(await fetch(buyer.keys.ANALYST, row))).toEqual([['NOT_FOUND', 'input.endpointId']]);
    await t.app.database.prisma.grant.create({
      data: { id: newId(), companyId: seller.company.id, granteeCompanyId: buyer.company.id, endpointId: row.id },
    });
    expect((await fetch(buyer.keys.ANALYST, row, { limit: 1 })).data.endpointFetch.page).toMatchObject({
      rowCount: 1,
      isBilled: true,
    });
  });

  it('are tested for free by their own company, which makes them ready for a listing', async () => {
    const row = await endpoint({ status: 'INACTIVE' });
    const { data } = await t.run(seller.keys.ANALYST, TEST, { input: { id: gid('Endpoint', row) } });
    expect(data.endpointTest).toMatchObject({
      page: { rowCount: 10, hasMore: true, isBilled: false },
      run: { kind: 'TEST', status: 'SUCCEEDED', isBilled: false },
      userErrors: [],
    });
    const after = await t.app.database.prisma.endpoint.findUniqueOrThrow({ where: { id: row.id } });
    expect(after.lastTestOkAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    const three = await t.run(seller.keys.EDITOR, TEST, { input: { id: gid('Endpoint', row), limit: 3 } });
    expect(three.data.endpointTest.page.rows.map((cells: unknown[]) => cells[0])).toEqual([1, 2, 3]);
  });
});

describe('pages refuse', () => {
  it('endpoints that do not run', async () => {
    const row = await endpoint({ status: 'INACTIVE' });
    expect(mistakes(await fetch(buyer.keys.ANALYST, row))).toEqual([['ENDPOINT_INACTIVE', 'input.endpointId']]);
    expect(mistakes(await fetch(seller.keys.ANALYST, row))).toEqual([['ENDPOINT_INACTIVE', 'input.endpointId']]);
  });

  it('a price above maxCredits, no price, no EULA, too few credits; nothing is run', async () => {
    const row = await endpoint({}, '5.00');
    expect(mistakes(await fetch(buyer.keys.ANALYST, row, { maxCredits: 9 }))).toEqual([
      ['PRICE_TOO_HIGH', 'input.maxCredits'],
    ]);
    expect(mistakes(await fetch(buyer.keys.ANALYST, await endpoint({}, null)))).toEqual([
      ['NOT_FOR_SALE', 'input.endpointId'],
    ]);
    const poor = await t.tenant({ handle: 'poor', credits: 9 });
    expect((await fetch(poor.keys.ANALYST, row)).data.endpointFetch.userErrors).toMatchObject([
      { __typename: 'InsufficientCreditsError', code: 'INSUFFICIENT_CREDITS', required: 10, balance: 9 },
    ]);
    const unsigned = await t.tenant({ handle: 'unsigned', credits: 100, acceptedEula: false });
    expect(mistakes(await fetch(unsigned.keys.ANALYST, row))).toEqual([['EULA_REQUIRED', undefined]]);
    expect(await t.app.database.prisma.run.count({ where: { endpointId: row.id } })).toBe(0);
    expect((await fetch(buyer.keys.ANALYST, row, { maxCredits: 10, limit: 1 })).data.endpointFetch.page.credits).toBe(
      10,
    );
  });

  it('parameters that are missing, unknown or wrong, and bounds that are none', async () => {
    const row = await endpoint({ endpointSchema: { columns } });
    expect(mistakes(await fetch(buyer.keys.ANALYST, row))).toEqual([['VALIDATION', 'input.parameters.city']]);
    expect(mistakes(await fetch(buyer.keys.ANALYST, row, { parameters: { city: 5, town: 'x' } }))).toEqual([
      ['VALIDATION', 'input.parameters.town'],
      ['VALIDATION', 'input.parameters.city'],
    ]);
    expect(mistakes(await fetch(buyer.keys.ANALYST, row, { parameters: [] }))).toEqual([
      ['VALIDATION', 'input.parameters'],
    ]);
    expect(mistakes(await fetch(buyer.keys.ANALYST, row, { start: -1, limit: 0 }))).toEqual([
      ['VALIDATION', 'input.start'],
      ['VALIDATION', 'input.limit'],
    ]);
    expect(mistakes(await t.run(buyer.keys.ANALYST, FETCH, { input: {} }))).toEqual([
      ['VALIDATION', 'input.endpointId'],
    ]);
  });

  it('one page too many within the rate limit', async () => {
    const row = await endpoint({ rateLimitNumber: 2, rateLimitPeriod: 'DAY', rateLimitGranularity: 'COMPANY' });
    for (let i = 0; i < 2; i++) expect(mistakes(await fetch(buyer.keys.ANALYST, row, { limit: 1 }))).toEqual([]);
    expect(mistakes(await fetch(buyer.keys.ANALYST, row, { limit: 1 }))).toEqual([['RATE_LIMITED', undefined]]);
    expect(mistakes(await fetch(seller.keys.ANALYST, row, { limit: 1 }))).toEqual([]);
  });

  it('to charge for a page that failed, and to tell a buyer how', async () => {
    const row = await endpoint({ sourceTableName: 'secret_table_name' });
    const before = await balance(buyer);
    const failed = await fetch(buyer.keys.ANALYST, row);
    expect(failed.data.endpointFetch).toMatchObject({
      page: null,
      run: {
        status: 'FAILED',
        isBilled: false,
        credits: 0,
        outcome: {
          __typename: 'RunFailure',
          code: 'ENGINE_FAILED',
          message: 'The endpoint could not answer. Nothing was charged.',
        },
      },
      userErrors: [],
    });
    expect(JSON.stringify(failed)).not.toContain('secret_table');
    expect(await balance(buyer)).toBe(before);
    const own = await fetch(seller.keys.ANALYST, row);
    expect(own.data.endpointFetch.run.outcome.message).toContain('secret_table_name');
    const denied = await endpoint({ sourceTableName: 'duckdb_settings' });
    expect((await fetch(seller.keys.ANALYST, denied)).data.endpointFetch.run).toMatchObject({
      status: 'FAILED',
      outcome: { code: 'SQL_REJECTED' },
    });
    const tested = await t.run(seller.keys.ANALYST, TEST, { input: { id: gid('Endpoint', row) } });
    expect(tested.data.endpointTest).toMatchObject({ page: null, run: { status: 'FAILED' } });
    expect((await t.app.database.prisma.endpoint.findUniqueOrThrow({ where: { id: row.id } })).lastTestOkAt).toBeNull();
  });

  it('to charge for a page that takes too long, or that its caller leaves', async () => {
    const { settings } = source;
    const hasty = await t.world.connection(seller.company.id, {
      engineId: 57,
      settings: settings as object,
      timeoutMs: 1000,
    });
    const row = await endpoint({
      connectionId: hasty.id,
      sourceTableName: 'slow',
      endpointSchema: { columns: [{ name: 'id', type: 'BIGINT' }] },
    });
    const before = await balance(buyer);
    const late = await fetch(buyer.keys.ANALYST, row);
    expect(late.data.endpointFetch.run).toMatchObject({
      status: 'FAILED',
      isBilled: false,
      outcome: { code: 'QUERY_TIMEOUT' },
    });
    await t.app.database.prisma.connection.update({ where: { id: hasty.id }, data: { timeoutMs: null } });

    const controller = new AbortController();
    const left = t
      .run(buyer.keys.ANALYST, FETCH, { input: { endpointId: gid('Endpoint', row) } }, { signal: controller.signal })
      .catch(() => null);
    const last = () =>
      t.app.database.prisma.run.findFirstOrThrow({ where: { endpointId: row.id }, orderBy: { startedAt: 'desc' } });
    await expect.poll(async () => (await last()).status).toBe('RUNNING');
    expect(await balance(buyer)).toBe(before - 2);
    controller.abort();
    await left;
    await expect.poll(async () => (await last()).status).toBe('CANCELLED');
    expect(await balance(buyer)).toBe(before);
  });

  it('a connection that is gone, without a charge', async () => {
    const gone = await t.world.connection(seller.company.id, { engineId: 57, active: false });
    const row = await endpoint({ connectionId: gone.id });
    const before = await balance(buyer);
    expect((await fetch(buyer.keys.ANALYST, row)).data.endpointFetch.run).toMatchObject({
      status: 'FAILED',
      outcome: { code: 'CONNECTION_FAILED', message: 'The endpoint could not answer. Nothing was charged.' },
    });
    expect(await balance(buyer)).toBe(before);
  });
});

describe('pages guard', () => {
  it('what is not listed, was deleted, or whose seller left the EULA, alike', async () => {
    const hidden = await endpoint({ sellInMarketplace: false });
    const gone = await endpoint({ active: false });
    const rogue = await t.tenant({ handle: 'rogue', acceptedEula: false });
    const connection = await t.world.connection(rogue.company.id, { engineId: 57 });
    const unsigned = await t.world.endpoint(rogue.company.id, connection.id, {
      sellInMarketplace: true,
      sourceTableName: 'sales',
    });
    for (const row of [hidden, gone, unsigned, { ...hidden, id: newId() }])
      expect(mistakes(await fetch(buyer.keys.ANALYST, row))).toEqual([['NOT_FOUND', 'input.endpointId']]);
    expect(mistakes(await t.run(buyer.keys.OWNER, TEST, { input: { id: gid('Endpoint', hidden) } }))).toEqual([
      ['NOT_FOUND', 'input.id'],
    ]);
  });

  it('by address: IPv4, IPv6 and networks', async () => {
    expect(
      mistakes(
        await fetch(buyer.keys.ANALYST, await endpoint({ accessMethod: 'IP', accessWhitelist: ['203.0.113.0/24'] })),
      ),
    ).toEqual([['FORBIDDEN', 'input.endpointId']]);
    expect(
      mistakes(
        await fetch(
          buyer.keys.ANALYST,
          await endpoint({ accessMethod: 'IP', accessWhitelist: ['2001:db8::/32', '127.0.0.0/8'] }),
          { limit: 1 },
        ),
      ),
    ).toEqual([]);
    expect(
      mistakes(
        await fetch(seller.keys.ANALYST, await endpoint({ accessMethod: 'IP', accessWhitelist: ['203.0.113.0/24'] }), {
          limit: 1,
        }),
      ),
    ).toEqual([]);
  });

  it('by e-mail address and by its domain', async () => {
    const { email } = buyer.users.ANALYST;
    const lets = async (accessMethod: string, accessWhitelist: string[]): Promise<unknown> =>
      mistakes(await fetch(buyer.keys.ANALYST, await endpoint({ accessMethod, accessWhitelist }), { limit: 1 }));
    expect(await lets('EMAIL', [email])).toEqual([]);
    expect(await lets('EMAIL', ['somebody@example.com'])).toEqual([['FORBIDDEN', 'input.endpointId']]);
    expect(await lets('DOMAIN', ['example.com'])).toEqual([]);
    expect(await lets('DOMAIN', ['ample.com', 'mail.example.com'])).toEqual([['FORBIDDEN', 'input.endpointId']]);
    const { secret } = await t.world.apiKey(buyer.company.id, 'ANALYST');
    expect(mistakes(await fetch(secret, await endpoint({ accessMethod: 'EMAIL', accessWhitelist: [email] })))).toEqual([
      ['FORBIDDEN', 'input.endpointId'],
    ]);
  });

  it('against keys of another endpoint, roles that may not, and nobody', async () => {
    const row = await endpoint();
    const other = await endpoint();
    const { secret } = await t.world.apiKey(buyer.company.id, 'OWNER', { kind: 'ENDPOINT', endpointId: other.id });
    expect(mistakes(await fetch(secret, row))).toEqual([['NOT_FOUND', 'input.endpointId']]);
    expect(mistakes(await t.run(secret, TEST, { input: { id: gid('Endpoint', other) } }))).toEqual([
      ['FORBIDDEN', undefined],
    ]);
    for (const role of ['VIEWER', 'OPERATOR'] as const) {
      expect(mistakes(await fetch(buyer.keys[role], row))).toEqual([['FORBIDDEN', undefined]]);
      expect(mistakes(await t.run(seller.keys[role], TEST, { input: { id: gid('Endpoint', row) } }))).toEqual([
        ['FORBIDDEN', undefined],
      ]);
    }
    expect((await fetch(null, row)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect(await t.app.database.prisma.run.count({ where: { endpointId: row.id } })).toBe(0);
  });
});
