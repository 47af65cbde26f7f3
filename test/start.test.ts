import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { startEmbedded } from '../src/database/embedded.ts';
import type { Answer } from './helpers/gateway.ts';
import { gateway, script, type Started } from './helpers/started.ts';

/** The gateway and its scripts as they are run, each a process of its own. */

const dir = mkdtempSync(path.join(os.tmpdir(), 'start-'));
chmodSync(dir, 0o755);
const demo = { DATA_DIR: dir };
const running: Started[] = [];

async function start(settings: Record<string, string>): Promise<Started & { url: string }> {
  const started = await gateway(settings);
  running.push(started);
  return started;
}

async function end(started: Started, signal: NodeJS.Signals): Promise<number | null> {
  started.child.kill(signal);
  return started.ended;
}

async function ask(url: string, key: string, query: string): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ query }),
  });
  return (await response.json()) as Answer;
}

/** The key in the page for browsers, where it has one. */
async function explorerKey(url: string): Promise<string | null> {
  const page = await (await fetch(url, { headers: { accept: 'text/html' } })).text();
  return /sk_[A-Za-z0-9]{38}/.exec(page)?.[0] ?? null;
}

const roleIn = async (url: string, key: string): Promise<unknown> =>
  (await ask(url, key, '{ viewer { role company { handle } } }')).data?.viewer;
const SELLER = { role: 'OWNER', company: { handle: 'kickoff-metrics' } };

let printed: string;
let processed: Answer;
beforeAll(async () => {
  const first = await start(demo);
  printed = first.output();
  const key = /seller +OWNER +(sk_\w+)/.exec(printed)?.[1] ?? '';
  const { data } = await ask(first.url, key, '{ viewer { company { assets(first: 1) { nodes { id } } } } }');
  const id = /"id":"(\w+)"/.exec(JSON.stringify(data))?.[1];
  const process = `mutation { assetProcess(input: { assetId: "${id}" }) { run { status } userErrors { message } } }`;
  processed = await ask(first.url, key, process);
  expect(await end(first, 'SIGTERM')).toBe(0);
});
afterEach(async () => {
  for (const one of running.splice(0)) if (one.child.exitCode === null) await end(one, 'SIGTERM');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('a start works', () => {
  it('on an empty directory: the demo market, and a key for each role, told this once', async () => {
    const keys = printed.split('\n').flatMap((line) => {
      const [, company, role, key] = /^ {2}(\w+) +(\w+) +(sk_\w+)$/.exec(line) ?? [];
      return key ? [{ company, role, key }] : [];
    });
    expect(keys.map(({ company, role }) => `${company} ${role}`)).toEqual([
      'seller OWNER',
      'seller ADMIN',
      'seller EDITOR',
      'seller ANALYST',
      'seller VIEWER',
      'buyer OWNER',
    ]);
    const again = await start(demo);
    expect(again.output()).not.toContain('sk_');
    for (const { role, key } of keys) expect(await roleIn(again.url, key)).toMatchObject({ role });
    expect(await roleIn(again.url, (await explorerKey(again.url)) ?? '')).toEqual(SELLER);
  });

  it('and an asset is processed at once, though the warehouses may still be in the making', () => {
    expect(processed).toMatchObject({ data: { assetProcess: { run: { status: 'SUCCEEDED' }, userErrors: [] } } });
  });

  it('twice on one directory: either keeps its explorer, and goes on when the other one ends', async () => {
    const [first, second] = [await start(demo), await start(demo)];
    const keys = [await explorerKey(first.url), await explorerKey(second.url)];
    expect(await roleIn(first.url, keys[0] ?? '')).toEqual(SELLER);
    expect(await roleIn(second.url, keys[1] ?? '')).toEqual(SELLER);
    expect(await end(first, 'SIGTERM')).toBe(0);
    expect(await roleIn(second.url, keys[1] ?? '')).toEqual(SELLER);
    expect(await end(second, 'SIGTERM')).toBe(0);
  });

  it('after kill -9, with what was there', async () => {
    const killed = await start(demo);
    const key = (await script('scripts/demo-key.ts', demo, ['seller', 'OWNER'])).output.trim();
    expect(await end(killed, 'SIGKILL')).toBeNull();
    expect(await roleIn((await start(demo)).url, key)).toEqual(SELLER);
  });

  it('and demo:key makes keys of any role, whether a gateway runs or not, and prints nothing else', async () => {
    const cold = await script('scripts/demo-key.ts', demo, ['buyer', 'analyst']);
    const { url } = await start(demo);
    const warm = await script('scripts/demo-key.ts', demo, ['isobar-analytics', 'VIEWER']);
    for (const { code, output } of [cold, warm]) {
      expect(code).toBe(0);
      expect(output).toMatch(/^sk_\w{38}\n$/);
    }
    expect(await roleIn(url, cold.output.trim())).toMatchObject({ role: 'ANALYST' });
    expect(await roleIn(url, warm.output.trim())).toEqual({
      role: 'VIEWER',
      company: { handle: 'isobar-analytics' },
    });
  });
});

describe('on a server of DATABASE_URL', () => {
  const name = `gateway_test_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(inject('server'));
  url.pathname = `/${name}`;
  const settings = { DATA_DIR: dir, DATABASE_URL: url.href, SECRETS_KEY: Buffer.alloc(32, 7).toString('base64') };
  const onServer = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: inject('server') });
    await client.connect();
    await client.query(text);
    await client.end();
  };
  beforeAll(() => onServer(`create database ${name}`));
  afterAll(() => onServer(`drop database if exists ${name} with (force)`));

  it('there is reference data and no demo, and company:create prints the key of the first owner', async () => {
    const { url: at } = await start(settings);
    expect(await explorerKey(at)).toBeNull();
    const anonymous = await ask(
      at,
      '',
      '{ storageEngines { totalCount { value } } marketplace { assets { totalCount { value } } } }',
    );
    expect(anonymous.data).toEqual({
      storageEngines: { totalCount: { value: 85 } },
      marketplace: { assets: { totalCount: { value: 0 } } },
    });
    const made = ['--handle', 'acme', '--email', 'you@acme.example'];
    const { code, output } = await script('scripts/company-create.ts', settings, made);
    expect([code, output]).toEqual([0, expect.stringMatching(/^sk_\w{38}\n$/)]);
    expect(await roleIn(at, output.trim())).toEqual({ role: 'OWNER', company: { handle: 'acme' } });
    const again = await script('scripts/company-create.ts', settings, made);
    expect([again.code, again.output]).toEqual([1, 'This handle is taken.\n']);
    const noDemo = await script('scripts/demo-key.ts', settings, ['seller', 'OWNER']);
    expect([noDemo.code, noDemo.output]).toEqual([1, expect.stringMatching(/^There is no company kickoff-metrics\./)]);
  });
});

describe('a start refuses', () => {
  it('a port that is taken, and leaves whoever is there alone', async () => {
    const there = await start(demo);
    const key = (await explorerKey(there.url)) ?? '';
    const taken = await script('src/main.ts', { ...demo, PORT: new URL(there.url).port });
    expect(taken).toEqual({ code: 1, output: 'The port is taken: set PORT to another one.\n' });
    expect(await roleIn(there.url, key)).toEqual(SELLER);
  });

  it('settings that are wrong, all at once', async () => {
    const wrong = { PORT: 'x', DATABASE_URL: 'mysql://db', LOG_LEVEL: 'loud' };
    const { code, output } = await script('src/main.ts', wrong);
    expect(code).toBe(1);
    expect(output.split('\n').map((line) => line.split(':')[0]?.trim())).toEqual([
      'The configuration is not usable',
      'PORT',
      'DATABASE_URL',
      'LOG_LEVEL',
      'See .env.example.',
      '',
    ]);
    expect((await script('src/main.ts', { DATABASE_URL: 'postgresql://127.0.0.1/x' })).output).toMatch(
      /^The configuration is not usable:\n {2}SECRETS_KEY: is needed beside DATABASE_URL/,
    );
  });
});

describe('SIGTERM', () => {
  it('under load loses no usage event', async () => {
    const loaded = await start(demo);
    const key = (await script('scripts/demo-key.ts', demo, ['buyer', 'OWNER'])).output.trim();
    const query = `mutation { assetProcess(input: {address: {companyHandle: "kickoff-metrics", slug: "home-advantage-index"}, parameters: {season: 2025}}) { run { id status } userErrors { code } } }`;
    const answered: string[] = [];
    let onTheWay = 0;
    const enough = Promise.withResolvers<void>();
    const caller = async (): Promise<void> => {
      for (;;) {
        onTheWay++;
        // Turned away once it takes nothing new.
        const answer = await ask(loaded.url, key, query).catch(() => null);
        onTheWay--;
        if (!answer) return;
        expect(answer.data.assetProcess).toMatchObject({ run: { status: 'SUCCEEDED' }, userErrors: [] });
        answered.push(answer.data.assetProcess.run.id);
        if (answered.length === 20) enough.resolve();
      }
    };
    const callers = Array.from({ length: 8 }, caller);
    await enough.promise;
    expect(onTheWay).toBeGreaterThan(0);
    const before = answered.length;
    expect(await end(loaded, 'SIGTERM')).toBe(0);
    await Promise.all(callers);
    expect(answered.length).toBeGreaterThan(before);
    const database = await startEmbedded(path.join(dir, 'postgres'));
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      const { rows } = await client.query(
        `select count(*)::int as runs, count(u.id)::int as events, count(*) filter (where r.status <> 'SUCCEEDED')::int as others,
           (select sum(requests)::int from "ApiKeyUsage" a where a."apiKeyId" = k.id) as requests
         from "ApiKey" k join "Run" r on r."apiKeyId" = k.id left join "UsageEvent" u on u.id = r.id
         where k."lastFour" = $1 and k.name = 'Demo OWNER' group by k.id`,
        [key.slice(-4)],
      );
      const { length } = answered;
      expect(rows).toEqual([{ runs: length, events: length, others: 0, requests: length }]);
    } finally {
      await client.end();
      await database.stop();
    }
  });
});
