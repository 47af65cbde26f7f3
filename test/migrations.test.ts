import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, describe, expect, inject, it } from 'vitest';
import { migrate } from '../src/database/migrate.ts';

const root = path.join(import.meta.dirname, '..');
const names = readdirSync(path.join(root, 'prisma/migrations'))
  .filter((name) => /^\d{14}_/.test(name))
  .sort();
const scratch = mkdtempSync(path.join(os.tmpdir(), 'migrations-'));
const databases: string[] = [];

async function sql<R = Record<string, unknown>>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as R[];
  } finally {
    await client.end();
  }
}

/** A database without anything. */
async function emptyDatabase(): Promise<string> {
  const name = `gateway_test_${randomUUID().replaceAll('-', '')}`;
  await sql(inject('server'), `create database ${name} template template0`);
  databases.push(name);
  const url = new URL(inject('server'));
  url.pathname = `/${name}`;
  return url.href;
}

/** A directory of migrations, by name and SQL. */
function migrations(files: Record<string, string>): string {
  const dir = path.join(scratch, randomUUID());
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(dir, name), { recursive: true });
    writeFileSync(path.join(dir, name, 'migration.sql'), text);
  }
  return dir;
}

const tables = async (url: string): Promise<string[]> =>
  (
    await sql<{ name: string }>(
      url,
      `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`,
    )
  )
    .map((row) => row.name)
    .filter((name) => !name.startsWith('_'));

afterEach(async () => {
  for (const name of databases.splice(0)) await sql(inject('server'), `drop database ${name} with (force)`);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('migrations work', () => {
  it('are applied once where three processes start at once on an empty database', async () => {
    const url = await emptyDatabase();
    const done = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    expect(done.flat().sort()).toEqual(names);
    expect(done.filter((one) => one.length > 0)).toHaveLength(1);
    expect(await migrate(url)).toEqual([]);
    const rows = await sql(
      url,
      'select migration_name as name, finished_at is not null as finished, applied_steps_count as steps from "_prisma_migrations" order by 1',
    );
    expect(rows).toEqual(names.map((name) => ({ name, finished: true, steps: 1 })));
    expect(await tables(url)).toEqual(expect.arrayContaining(['ApiKey', 'Company', 'JournalEntry', 'User']));
  });

  it('go on from where the database is', async () => {
    const url = await emptyDatabase();
    const first = { '20260101000000_one': 'create table one (id int)' };
    expect(await migrate(url, migrations(first))).toEqual(['20260101000000_one']);
    const both = { ...first, '20260102000000_two': 'create table two (id int); create table three (id int)' };
    expect(await migrate(url, migrations(both))).toEqual(['20260102000000_two']);
    expect(await tables(url)).toEqual(['one', 'three', 'two']);
  });

  it('are those that Prisma knows: it finds nothing left to do', async () => {
    const url = await emptyDatabase();
    await migrate(url);
    const { code, output } = await prisma(['migrate', 'deploy'], { DATABASE_URL: url });
    expect([code, output]).toEqual([0, expect.stringContaining('No pending migrations to apply')]);
  });
});

describe('the migration to totals', () => {
  it('sums up the events that are there', async () => {
    const url = await emptyDatabase();
    const read = (name: string) => readFileSync(path.join(root, 'prisma/migrations', name, 'migration.sql'), 'utf8');
    const earlier = names.filter((name) => name < '20261124000200');
    await migrate(url, migrations(Object.fromEntries(earlier.map((name) => [name, read(name)]))));
    const event = (n: number, seller: string, buyer: string, product: string, isSuccess: boolean): string =>
      `(gen_random_uuid(), md5('${seller}')::uuid, md5('${buyer}')::uuid, md5('${product}')::uuid, timestamptz '2026-05-01T00:00:00Z' + interval '${n} hours', ${isSuccess}, 2, 80, 10, 1)`;
    await sql(
      url,
      `insert into "UsageEvent" (id, "sellerCompanyId", "buyerCompanyId", "assetId", at, "isSuccess", credits, "earningsCents", "elapsedMs", "rowCount")
       values ${[event(3, 's', 'a', 'p', true), event(2, 's', 'a', 'p', false), event(1, 's', 'b', 'q', false), event(9, 'z', 'a', 'r', true)].join(', ')}`,
    );
    await migrate(url);
    const totals = 'runs::int, successes::int';
    expect(
      await sql(
        url,
        `select ${totals}, credits::int, "firstSuccessAt" as at from "BuyerTotal" order by at nulls first`,
      ),
    ).toEqual([
      { runs: 1, successes: 0, credits: 2, at: null },
      { runs: 2, successes: 1, credits: 4, at: new Date('2026-05-01T03:00:00Z') },
      { runs: 1, successes: 1, credits: 2, at: new Date('2026-05-01T09:00:00Z') },
    ]);
    expect(await sql(url, `select ${totals}, "lastRunAt" as at from "ProductTotal" order by at`)).toEqual([
      { runs: 1, successes: 0, at: new Date('2026-05-01T01:00:00Z') },
      { runs: 2, successes: 1, at: new Date('2026-05-01T03:00:00Z') },
      { runs: 1, successes: 1, at: new Date('2026-05-01T09:00:00Z') },
    ]);
  });
});

describe('migrations refuse', () => {
  it('one that was changed after it was applied', async () => {
    const url = await emptyDatabase();
    await migrate(url, migrations({ '20260101000000_one': 'create table one (id int)' }));
    const changed = migrations({
      '20260101000000_one': 'create table one (id bigint)',
      '20260102000000_two': 'create table two (id int)',
    });
    await expect(migrate(url, changed)).rejects.toThrow(
      'The migration 20260101000000_one was changed after it was applied.',
    );
    expect(await tables(url)).toEqual(['one']);
  });

  it('a database that is ahead of the code', async () => {
    const url = await emptyDatabase();
    const one = { '20260101000000_one': 'create table one (id int)' };
    await migrate(url, migrations({ ...one, '20260103000000_three': 'create table three (id int)' }));
    await expect(
      migrate(url, migrations({ ...one, '20260102000000_two': 'create table two (id int)' })),
    ).rejects.toThrow('The database is ahead of this version: it has the migrations 20260103000000_three.');
    expect(await tables(url)).toEqual(['one', 'three']);
  });

  it('to leave half of a migration behind; mended, it goes through', async () => {
    const url = await emptyDatabase();
    const one = { '20260101000000_one': 'create table one (id int)' };
    const broken = migrations({
      ...one,
      '20260102000000_two': 'create table two (id int); insert into nowhere values (1)',
    });
    await expect(migrate(url, broken)).rejects.toThrow(/^The migration 20260102000000_two failed: .*nowhere/);
    expect(await tables(url)).toEqual(['one']);
    expect(await migrate(url, migrations({ ...one, '20260102000000_two': 'create table two (id int)' }))).toEqual([
      '20260102000000_two',
    ]);
  });

  it('without what the server knows of the way out', async () => {
    const url = await emptyDatabase();
    const lacks = migrations({ '20260101000000_one': `select no_such_function('x')` });
    await expect(migrate(url, lacks)).rejects.toThrow(/does not exist\. No function matches/);
  });
});

describe('migrations guard', () => {
  it('make exactly what the models say', async () => {
    expect(
      await prisma([
        'migrate',
        'diff',
        '--from-migrations',
        'prisma/migrations',
        '--to-schema',
        'prisma',
        '--exit-code',
      ]),
    ).toEqual({ code: 0, output: expect.stringContaining('No difference') });
  });

  it('tell of a model that has no migration', async () => {
    const dir = path.join(scratch, 'drifted');
    cpSync(path.join(root, 'prisma'), dir, { recursive: true });
    const model = path.join(dir, 'models/people.prisma');
    writeFileSync(
      model,
      readFileSync(model, 'utf8').replace('model Favorite {', 'model Favorite {\n  forgotten String?'),
    );
    const { code, output } = await prisma([
      'migrate',
      'diff',
      '--from-migrations',
      'prisma/migrations',
      '--to-schema',
      dir,
      '--exit-code',
    ]);
    expect([code, output]).toEqual([2, expect.stringContaining('forgotten')]);
  });
});

/** Prisma's command line in the checkout; it makes its own database to compare with. */
function prisma(args: string[], more: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${path.join(root, 'node_modules/.bin')}:${process.env['PATH']}`,
    CHECKPOINT_DISABLE: '1',
    ...more,
  };
  if (!more['DATABASE_URL']) delete env['DATABASE_URL'];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(root, 'node_modules/prisma/build/index.js'), ...args],
      { cwd: root, env },
      (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, output: stdout + stderr });
      },
    );
  });
}
