import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from './assets.fixtures.ts';
import { gid, testGateway, type Answer, type TestGateway } from './helpers/gateway.ts';
import { hasRedis, NEEDS_REDIS, redisUrl } from './helpers/redis.ts';

/** Gateways as they are run, two and then four processes on one database. */

const root = path.join(import.meta.dirname, '..');
/** Long enough for a machine that has other things to do. */
const PATIENCE_MS = 150_000;

interface Member {
  child: ChildProcess;
  url: string;
}

let t: TestGateway;
let shop: Shop;
const members: Member[] = [];

async function start(settings: Record<string, string> = {}): Promise<Member> {
  const { DATABASE_URL = '', DATA_DIR, SECRETS_KEY = '' } = t.app.config;
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_ENV: 'production',
      DATABASE_URL,
      DATABASE_POOL: '3',
      DATA_DIR,
      SECRETS_KEY,
      DEMO: 'false',
      PORT: '0',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'warn',
      ...settings,
    },
  });
  let output = '';
  const port = await new Promise<string>((resolve, reject) => {
    const read = (part: Buffer): void => {
      output += String(part);
      const found = /localhost:(\d+)/.exec(output)?.[1];
      if (found) resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', () => reject(new Error(`A process ended before it was ready:\n${output}`)));
  });
  return { child, url: `http://127.0.0.1:${port}/graphql` };
}

/** The first `count` processes, started where they are not there yet. */
async function processes(count: number): Promise<Member[]> {
  members.push(...(await Promise.all(Array.from({ length: Math.max(0, count - members.length) }, () => start()))));
  return members.slice(0, count);
}

async function send(
  { url }: Member,
  key: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<{ status: number; answer: Answer }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

const VIEWER = '{ viewer { role } }';
const RUN = 'mutation ($i: AssetProcessInput!) { assetProcess(input: $i) { run { id } userErrors { code } } }';
/** How many of forty runs at once the limit of a product lets in, and why the others are not. */
async function letIn(all: Member[]): Promise<[number, string[]]> {
  const limit = { rateLimitNumber: 15, rateLimitPeriod: 'DAY', rateLimitGranularity: 'GLOBAL' } as const;
  const asset = await shop.listed('0.50', limit);
  const variables = { i: { assetId: gid('Asset', asset) } };
  const sent = Array.from({ length: 40 }, (_, i) =>
    send(all[i % all.length] as Member, shop.buyer.keys.ANALYST, RUN, variables),
  );
  const payloads = (await Promise.all(sent)).map(({ answer }) => answer.data.assetProcess);
  const refused: string[] = payloads.flatMap(({ userErrors }) => userErrors.map(({ code }: { code: string }) => code));
  return [payloads.filter(({ run }) => run).length, [...new Set(refused)]];
}
const statuses = async (sent: Promise<{ status: number }>[]): Promise<number[]> =>
  (await Promise.all(sent)).map(({ status }) => status);

beforeAll(async () => {
  t = await testGateway();
  shop = await openShop(t);
  await processes(2);
}, 2 * PATIENCE_MS);
afterAll(async () => {
  await Promise.all(
    members.map(async ({ child }) => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }),
  );
  await t.close();
}, PATIENCE_MS);

describe.each([2, 4])('%i processes on one database work as one', (count) => {
  it(
    'on the limit of a key: exactly as many requests pass as it says',
    async () => {
      const all = await processes(count);
      const limit = { rateLimitNumber: 20, rateLimitPeriod: 'DAY' } as const;
      const { secret } = await t.world.apiKey(shop.seller.company.id, 'VIEWER', limit);
      const asked = Array.from({ length: 60 }, (_, i) => send(all[i % count] as Member, secret, VIEWER));
      const seen = await statuses(asked);
      expect([200, 429].map((status) => seen.filter((one) => one === status).length)).toEqual([20, 40]);
      expect(await statuses(all.map((one) => send(one, secret, VIEWER)))).toEqual(all.map(() => 429));
    },
    2 * PATIENCE_MS,
  );

  it(
    'on the limit of a product: exactly as many runs pass as it says',
    async () => expect(await letIn(await processes(count))).toEqual([15, ['RATE_LIMITED']]),
    2 * PATIENCE_MS,
  );

  it(
    'on a revoked key: each of them refuses it',
    async () => {
      const all = await processes(count);
      const { secret, key } = await t.world.apiKey(shop.seller.company.id, 'VIEWER');
      expect(await statuses(all.map((one) => send(one, secret, VIEWER)))).toEqual(all.map(() => 200));
      const i = { id: gid('ApiKey', key), reason: 'It leaked.' };
      const revoke = 'mutation ($i: ApiKeyRevokeInput!) { apiKeyRevoke(input: $i) { userErrors { code } } }';
      const { answer } = await send(all[0] as Member, shop.seller.keys.OWNER, revoke, { i });
      expect(answer.data.apiKeyRevoke.userErrors).toEqual([]);
      // A process that were not told would believe the key for a minute more.
      const until = Date.now() + 40_000;
      let seen = await statuses(all.map((one) => send(one, secret, VIEWER)));
      for (; seen.includes(200) && Date.now() < until; await sleep(20))
        seen = await statuses(all.map((one) => send(one, secret, VIEWER)));
      expect(seen).toEqual(all.map(() => 401));
    },
    2 * PATIENCE_MS,
  );

  it(
    'on a changed definition: none of them answers what it kept of the old one',
    async () => {
      const all = await processes(count);
      const asset = await shop.asset({
        sqlLogic: 'select 1 as answer_value',
        cached: true,
        dataSourceRefreshFrequency: 'NEVER',
      });
      const run =
        'mutation ($i: AssetProcessInput!) { assetProcess(input: $i) { run { outcome { ... on CalculationResult { value } ... on RunFailure { code message } } } } }';
      const values = async (): Promise<unknown[]> => {
        const input = { i: { assetId: gid('Asset', asset) } };
        const sent = await Promise.all(all.map((one) => send(one, shop.seller.keys.ANALYST, run, input)));
        return sent.map(({ answer }) => answer.data.assetProcess.run.outcome);
      };
      expect(await values()).toEqual(all.map(() => ({ value: '1' })));
      const update = 'mutation ($i: AssetUpdateInput!) { assetUpdate(input: $i) { userErrors { code message } } }';
      const input = { i: { id: gid('Asset', asset), sqlLogic: 'select 2 as answer_value' } };
      const { answer } = await send(all[1] as Member, shop.seller.keys.EDITOR, update, input);
      expect(answer.data.assetUpdate.userErrors).toEqual([]);
      expect(await values()).toEqual(all.map(() => ({ value: '2' })));
    },
    2 * PATIENCE_MS,
  );
});

describe.skipIf(!hasRedis)(`two processes on one Redis (${NEEDS_REDIS})`, () => {
  it(
    'work as one on the limit of a product, and leave when they are told to',
    async () => {
      const two = await Promise.all([start({ RATE_LIMITS: redisUrl }), start({ RATE_LIMITS: redisUrl })]);
      members.push(...two);
      expect(await letIn(two)).toEqual([15, ['RATE_LIMITED']]);
      const counted = await t.app.database.query('select 1 from "ProductLimit" where expire > $1', [Date.now()]);
      const exits = two.map(({ child }) => once(child, 'exit'));
      for (const { child } of two) child.kill('SIGTERM');
      expect((await Promise.all(exits)).map(([code]) => code as unknown)).toEqual([0, 0]);
      for (const one of two) members.splice(members.indexOf(one), 1);
      // Those before them counted in the database, these did not.
      expect(counted).toHaveLength(2);
    },
    2 * PATIENCE_MS,
  );
});
