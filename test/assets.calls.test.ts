import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectionPlace } from '../src/connections/open.ts';
import { newId } from '../src/ids.ts';
import {
  balance,
  codes,
  DUCKDB,
  entriesOf,
  holdEngine,
  ledger,
  openShop,
  parameter,
  POSTGRES,
  process,
  PROCESS,
  type Shop,
} from './assets.fixtures.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';
import { servers } from './warehouse.fixtures.ts';

let t: TestGateway;
let shop: Shop;
let buyer: string;
beforeAll(async () => {
  t = await testGateway({ RUN_TIMEOUT_MS: '120000', DATABASE_POOL: '10' });
  shop = await openShop(t);
  buyer = shop.buyer.keys.ANALYST;
});
afterAll(() => t.close());
afterEach(async () => expect(await ledger(t)).toEqual([]));

const lastRun = async (assetId: string) => {
  const [row] = await t.app.database.query<{ id: string; status: string; errorCode: string; credits: number }>(
    'select id, status::text, "errorCode", credits from "Run" where "assetId" = $1 order by id desc limit 1',
    [assetId],
  );
  return row;
};
const runCount = (assetId: string) => t.app.database.prisma.run.count({ where: { assetId } });

/** Sends a run and leaves once `isAtWork`; answers when the run is closed. */
async function leave(asset: { id: string }, isAtWork: () => Promise<unknown>, input: object = {}) {
  const controller = new AbortController();
  const variables = { input: { assetId: gid('Asset', asset), ...input } };
  const sent = t.run(buyer, PROCESS, variables, { signal: controller.signal }).catch(() => null);
  await isAtWork();
  controller.abort();
  await sent;
  await vi.waitFor(async () => expect((await lastRun(asset.id))?.status).not.toBe('RUNNING'), 60_000);
  return lastRun(asset.id);
}

describe('parameters', () => {
  const declared = [
    parameter('region', 'STRING', { allowedValues: ['north', 'south'], defaultValue: 'north' }),
    parameter('since', 'DATE'),
    parameter('least', 'INTEGER', { isRequired: true }),
    parameter('price', 'DECIMAL', { allowedValues: ['1.50', '2.25'] }),
    parameter('all', 'BOOLEAN', { defaultValue: false }),
  ];
  const sqlLogic = `select count(*) as n from sales where (region = :region or :all) and units >= :least
    and (:since::date is null or day >= :since::date) and (:price::decimal(9, 2) is null or amount > :price::decimal(9, 2))`;
  const asset = () => shop.asset({ sqlLogic, allowParams: true, parameters: declared as never });

  it('have defaults and are bound', async () => {
    const made = await asset();
    expect((await process(t, shop.seller.keys.ANALYST, made, { parameters: { least: 1 } })).run).toMatchObject({
      outcome: { value: '3' },
      parameters: { region: 'north', since: null, least: 1, price: null, all: false },
    });
    expect(
      (
        await process(t, shop.seller.keys.ANALYST, made, {
          parameters: { least: 2, all: true, since: '2026-01-02', price: 1.5 },
        })
      ).run,
    ).toMatchObject({ outcome: { value: '2' } });
  });

  it('name each that is unknown, missing or wrong, at once', async () => {
    const answer = await process(t, shop.seller.keys.ANALYST, await asset(), {
      parameters: { region: 'west', since: '2026-02-30', price: 'x', all: 'yes', bad: 1, constructor: 1 },
    });
    expect(codes(answer)).toEqual(
      ['all', 'bad', 'constructor', 'least', 'price', 'region', 'since'].map((name) => [
        'VALIDATION',
        `input.parameters.${name}`,
      ]),
    );
    expect(answer.run).toBeNull();
  });

  it('are never part of the SQL', async () => {
    const made = await shop.asset({
      sqlLogic: `select case when :text = ''' or 1=1 --' then 1 else 0 end as n`,
      allowParams: true,
      parameters: [parameter('text', 'STRING')] as never,
    });
    expect(
      (await process(t, shop.seller.keys.ANALYST, made, { parameters: { text: "' or 1=1 --" } })).run.outcome,
    ).toMatchObject({
      value: '1',
    });
  });

  it('are refused where the asset takes none; the defaults are used', async () => {
    const made = await shop.asset({
      sqlLogic: 'select count(*) as n from sales where region = :region',
      parameters: [parameter('region', 'STRING', { defaultValue: 'south' })] as never,
    });
    expect(codes(await process(t, shop.seller.keys.ANALYST, made, { parameters: { region: 'north' } }))).toEqual([
      ['VALIDATION', 'input.parameters.region'],
    ]);
    expect((await process(t, shop.seller.keys.ANALYST, made)).run.outcome).toMatchObject({ value: '2' });
  });
});

describe('a caller who leaves', () => {
  const endless = 'select count(*) as n from range(100000000000) a, range(1000) b';
  it('stops the run in the engine and pays nothing', async () => {
    const asset = await shop.listed('4.00', { sqlLogic: endless });
    const before = await balance(t, shop.buyer);
    const spy = vi.spyOn(t.app.engines.get('duckdb'), 'run');
    const run = await leave(asset, () => expect.poll(() => spy.mock.calls.length).toBe(1));
    spy.mockRestore();
    expect(run).toMatchObject({ status: 'CANCELLED', errorCode: 'CANCELLED', credits: 0 });
    expect(await balance(t, shop.buyer)).toBe(before);
    expect((await entriesOf(t, run?.id ?? '')).map((line) => line.split(' ')[0])).toEqual([
      'RESERVE',
      'RESERVE',
      'RELEASE',
      'RELEASE',
    ]);
  });

  it('pays nothing while others go on with the work they share', async () => {
    const asset = await shop.listed('4.00', { sqlLogic: 'select 7 as n', cached: true });
    const engine = holdEngine(t);
    const before = await balance(t, shop.buyer);
    const stays = process(t, shop.other.keys.ANALYST, asset);
    await expect.poll(() => engine.calls()).toBe(1);
    const run = await leave(asset, async () => {
      await expect.poll(() => runCount(asset.id)).toBe(2);
      // On its way from there to the others.
      await sleep(100);
    });
    engine.open();
    vi.restoreAllMocks();
    expect(run?.status).toBe('CANCELLED');
    expect(await balance(t, shop.buyer)).toBe(before);
    expect((await stays).run.status).toBe('SUCCEEDED');
  });

  it('may come again with the same idempotency key', async () => {
    const asset = await shop.listed('1.00', { sqlLogic: 'select sum(hash(i)) % 7 as n from range(30000000) r(i)' });
    const input = { idempotencyKey: 'come again' };
    const spy = vi.spyOn(t.app.engines.get('duckdb'), 'run');
    await leave(asset, () => expect.poll(() => spy.mock.calls.length).toBe(1), input);
    spy.mockRestore();
    // The key is free a moment after the run is closed; until then it is said to be in progress.
    await expect
      .poll(async () => (await process(t, buyer, asset, input)).run)
      .toMatchObject({ status: 'SUCCEEDED', credits: 2 });
    expect(await runCount(asset.id)).toBe(2);
  });
});

describe('an idempotency key', () => {
  it('repeats the answer and charges once', async () => {
    const asset = await shop.listed('2.50', { assetType: 'DATA', sqlLogic: 'select * from sales order by all' });
    const before = await balance(t, shop.buyer);
    const input = { idempotencyKey: 'once', maxCredits: 10 };
    const first = await process(t, buyer, asset, input);
    expect(first.run).toMatchObject({ status: 'SUCCEEDED', credits: 5, rowCount: 5 });
    expect(await process(t, buyer, asset, input)).toEqual(first);
    expect(await balance(t, shop.buyer)).toBe(before - 5);
    expect(await runCount(asset.id)).toBe(1);
  });

  it('refuses another input, and is another key for another company', async () => {
    const asset = await shop.listed('1.00');
    const input = { idempotencyKey: 'mine' };
    const { run } = await process(t, buyer, asset, input);
    expect(codes(await process(t, buyer, asset, { ...input, maxAge: 0 }))).toEqual([
      ['IDEMPOTENCY_MISMATCH', 'input.idempotencyKey'],
    ]);
    expect(codes(await process(t, buyer, await shop.listed('1.00'), input))).toEqual([
      ['IDEMPOTENCY_MISMATCH', 'input.idempotencyKey'],
    ]);
    expect((await process(t, shop.other.keys.ANALYST, asset, input)).run.id).not.toBe(run.id);
    expect(await runCount(asset.id)).toBe(2);
  });

  it('runs one of ten at once', async () => {
    const asset = await shop.listed('1.00', { sqlLogic: 'select sum(hash(i)) % 7 as n from range(5000000) r(i)' });
    const before = await balance(t, shop.buyer);
    const input = { idempotencyKey: 'in parallel' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => process(t, buyer, asset, input)));
    const ids = new Set(answers.flatMap(({ run }) => (run ? [run.id] : [])));
    expect(ids.size).toBe(1);
    for (const answer of answers) {
      if (!answer.run) expect(codes(answer)).toEqual([['IDEMPOTENCY_IN_PROGRESS', 'input.idempotencyKey']]);
    }
    expect((await process(t, buyer, asset, input)).run.id).toBe([...ids][0]);
    expect(await balance(t, shop.buyer)).toBe(before - 2);
    expect(await runCount(asset.id)).toBe(1);
  });

  it('is free again where nothing was begun, and takes 1 to 255 characters', async () => {
    const asset = await shop.listed('9.00');
    const input = { idempotencyKey: 'refused' };
    expect(codes(await process(t, buyer, asset, { ...input, maxCredits: 1 }))).toEqual([
      ['PRICE_TOO_HIGH', 'input.maxCredits'],
    ]);
    expect((await process(t, buyer, asset, input)).run.credits).toBe(18);
    for (const idempotencyKey of ['', 'x'.repeat(256)]) {
      expect(codes(await process(t, buyer, asset, { idempotencyKey }))).toEqual([
        ['VALIDATION', 'input.idempotencyKey'],
      ]);
    }
  });
});

describe.runIf(servers.postgres)('an asset on PostgreSQL', () => {
  const name = `assets_${randomUUID().slice(0, 8)}`;
  const password = 'hunter2-not-to-be-seen';
  const admin = new pg.Client({ host: '127.0.0.1', user: 'postgres', database: 'postgres' });
  let connectionId = '';
  beforeAll(async () => {
    await admin.connect();
    await admin.query(`create role ${name} login password '${password}'; create schema ${name};
      create table ${name}.sales (region text, units int, amount numeric(9, 2)); insert into ${name}.sales values ('north', 3, 10.5), ('south', 4, 7.25);
      grant usage on schema ${name} to ${name}; grant select, delete on ${name}.sales to ${name}`);
    connectionId = newId();
    await t.world.connection(shop.seller.company.id, {
      id: connectionId,
      engineId: POSTGRES,
      credentialType: 'USERNAME_PASSWORD',
      settings: { host: '127.0.0.1', database: 'postgres', username: name, tls: 'DISABLED' },
      sealedCredentials: t.app.sealer.seal({ password }, connectionPlace(connectionId)) as Uint8Array<ArrayBuffer>,
    });
  });
  afterAll(async () => {
    await admin.query(`drop schema ${name} cascade; drop role ${name}`);
    await admin.end();
  });

  it('runs with bound parameters', async () => {
    const asset = await shop.listed('1.00', {
      connectionId,
      sqlLogic: `select sum(amount) as n from ${name}.sales where region = :region`,
      allowParams: true,
      parameters: [
        {
          name: 'region',
          type: 'STRING',
          isRequired: true,
          defaultValue: null,
          allowedValues: null,
          description: null,
        },
      ],
    });
    expect((await process(t, buyer, asset, { parameters: { region: 'north' } })).run).toMatchObject({
      credits: 2,
      outcome: { value: '10.50' },
    });
  });

  it('fails without a word of the server, and never writes', async () => {
    const gone = await shop.listed('1.00', { connectionId, sqlLogic: `select x from ${name}.gone` });
    const { run } = await process(t, buyer, gone);
    expect(run.outcome).toMatchObject({ __typename: 'RunFailure', code: 'ENGINE_FAILED' });
    expect(JSON.stringify(run)).not.toMatch(new RegExp(`${name}|${password}|127\\.0\\.0\\.1|gone`));
    const own = await process(t, shop.seller.keys.ANALYST, gone);
    expect(own.run.outcome.message).toContain('gone');
    expect(JSON.stringify(own)).not.toContain(password);
    const deletes = await shop.listed('1.00', {
      connectionId,
      sqlLogic: `with d as (delete from ${name}.sales returning 1) select count(*) as n from d`,
    });
    expect((await process(t, buyer, deletes)).run.outcome.code).toBe('SQL_REJECTED');
    expect((await admin.query(`select from ${name}.sales`)).rowCount).toBe(2);
  });

  it('is gone from the server when its caller leaves', async () => {
    const mark = `m_${name}`;
    const isAtWork = async () =>
      (
        await admin.query(
          `select from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()`,
          [`%${mark}%`],
        )
      ).rowCount;
    const asset = await shop.listed('1.00', {
      connectionId,
      sqlLogic: `select count(*) as ${mark} from generate_series(1, 1000000) a, generate_series(1, 1000000) b`,
    });
    const run = await leave(asset, async () => {
      await vi.waitFor(async () => expect(await isAtWork()).toBe(1), 60_000);
      // A request to cancel that comes before the server has begun is lost: let it begin.
      await sleep(1000);
    });
    expect(run).toMatchObject({ status: 'CANCELLED', credits: 0 });
    await vi.waitFor(async () => expect(await isAtWork()).toBe(0), 60_000);
  });

  it('does not connect with credentials sealed for another connection', async () => {
    const other = await t.world.connection(shop.seller.company.id, {
      engineId: POSTGRES,
      settings: { host: '127.0.0.1', database: 'postgres', username: name, tls: 'DISABLED' },
      sealedCredentials: t.app.sealer.seal({ password }, connectionPlace(connectionId)) as Uint8Array<ArrayBuffer>,
    });
    const asset = await shop.listed('1.00', { connectionId: other.id, sqlLogic: 'select 1 as n' });
    const before = await balance(t, shop.buyer);
    const { errors } = await t.run(buyer, PROCESS, { input: { assetId: gid('Asset', asset) } });
    expect(errors?.[0]?.extensions.code).toBe('INTERNAL');
    expect(await lastRun(asset.id)).toMatchObject({ status: 'FAILED', errorCode: 'INTERNAL', credits: 0 });
    expect(await balance(t, shop.buyer)).toBe(before);
  });
});

it('an asset without id and address, or of a file outside, is not there', async () => {
  const { data } = await t.run(buyer, PROCESS, { input: {} });
  expect(data.assetProcess.userErrors[0]).toMatchObject({ code: 'NOT_FOUND' });
  const outside = await t.world.connection(shop.seller.company.id, {
    engineId: DUCKDB,
    settings: { path: '../../../etc/passwd' },
  });
  const asset = await shop.listed('1.00', { connectionId: outside.id });
  const { run } = await process(t, buyer, asset);
  expect(run.outcome).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.not.stringContaining('passwd') });
});
