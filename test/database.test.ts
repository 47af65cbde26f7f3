import { execFileSync } from 'node:child_process';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorld } from '../prisma/seed/world.ts';
import { openDatabase, UNSYNCED, type Database } from '../src/database/db.ts';
import { Statement, type Row } from '../src/database/statement.ts';
import { newId } from '../src/ids.ts';
import { createLog } from '../src/log.ts';
import { testDatabase } from './helpers/database.ts';

let drop: () => Promise<void>;
let url: string;
let database: Database;
beforeAll(async () => {
  const made = await testDatabase();
  ({ drop, url } = made);
  const before = openDatabase(made.url, 1, createLog('silent'));
  await before.query(
    `do $$ begin execute format('alter database %I set timezone to ''Asia/Kolkata''', current_database()); end $$`,
    [],
  );
  await before.close();
  database = openDatabase(made.url, 2, createLog('silent'));
});
afterAll(async () => {
  await database.close();
  await drop();
});

describe('a database in another time zone works', () => {
  it('with the same instants, whoever writes and whoever reads them', async () => {
    const client = await database.connect();
    const { rows: zones } = await client.query('show timezone');
    await client.end();
    expect(zones).toEqual([{ TimeZone: 'Asia/Kolkata' }]);

    const at = new Date('2026-02-28T20:30:00.123Z');
    const { id } = await createWorld(database).company({ createdAt: at });
    const stored = () =>
      database.query(
        'select "createdAt" as at, extract(epoch from "createdAt")::float8 * 1000 as ms from "Company" where id = $1',
        [id],
      );
    expect(await stored()).toEqual([{ at, ms: at.getTime() }]);
    const later = new Date('2026-03-01T00:00:00Z');
    await database.query('update "Company" set "createdAt" = $2 where id = $1', [id, later]);
    expect((await database.prisma.company.findUniqueOrThrow({ where: { id } })).createdAt).toEqual(later);
    expect(await database.prisma.company.count({ where: { id, createdAt: { gt: at, lte: later } } })).toBe(1);
    const transacted = await database.atomically((query) => query(`select current_setting('TimeZone') as zone`, []));
    expect(transacted).toEqual([{ zone: 'UTC' }]);
  });
});

describe('the rows of a statement', () => {
  /** Says how many KiB of the old generation each of many statements leaves to the next collection of everything. */
  const PROGRAM = `import v8 from 'node:v8';
    import { openDatabase } from './src/database/db.ts';
    import { createLog } from './src/log.ts';
    const database = openDatabase(process.env.DATABASE_URL, 1, createLog('silent'));
    const old = () => v8.getHeapSpaceStatistics().find((space) => space.space_name === 'old_space').space_used_size;
    const text = "select n, repeat('x', 40) || n as name from generate_series(1, 100) n";
    const atomically = () => database.atomically((query) => query(text, []));
    for (const send of [() => database.query(text, []), atomically]) {
      for (let i = 0; i < 600; i++) await send();
      const before = old();
      for (let i = 0; i < 1500; i++) await send();
      console.log((old() - before) / 1500 / 1024);
    }
    await database.close();`;

  it('are gone with those who asked for them', () => {
    const out = execFileSync(process.execPath, ['--no-incremental-marking', '--input-type=module', '-e', PROGRAM], {
      cwd: path.join(import.meta.dirname, '..'),
      encoding: 'utf8',
      env: { ...process.env, DATABASE_URL: url },
    });
    const [alone, within] = out.trim().split('\n').map(Number);
    // By promises of `pg` it is 8 and more.
    expect(alone).toBeLessThan(2);
    expect(within).toBeLessThan(2);
  });
});

describe('a connection', () => {
  it('waits for the disk again after a statement that did not', async () => {
    const lone = openDatabase(url, 1, createLog('silent'));
    try {
      const setting = () => lone.query(`select current_setting('synchronous_commit') as unsynced`, []);
      const before = await setting();
      const { id } = await createWorld(lone).company({ handle: 'unsynced' });
      const update = `update "Company" set name = 'Other' where id = $1 returning ${UNSYNCED}`;
      expect(await lone.query(update, [id])).toEqual([{ unsynced: 'off' }]);
      expect(await setting()).toEqual(before);
    } finally {
      await lone.close();
    }
  });

  it('is kept where a statement breaks a rule, with what it has planned', async () => {
    const lone = openDatabase(url, 1, createLog('silent'));
    try {
      const pid = async () => (await lone.query('select pg_backend_pid() as pid', []))[0]?.['pid'];
      const before = await pid();
      const { id, handle } = await createWorld(lone).company({ handle: 'kept' });
      const again = { id: newId(), handle, domain: 'other.example', name: 'Other' };
      await expect(lone.prisma.company.create({ data: again })).rejects.toThrow('Unique constraint failed');
      await expect(lone.query('insert into "Company" select * from "Company" where id = $1', [id])).rejects.toThrow(
        'duplicate key',
      );
      await expect(lone.query('select 1 / $1::int', [0])).rejects.toThrow('division by zero');
      await expect(lone.query(`select $1::int4`, ['x'])).rejects.toThrow('invalid input syntax');
      expect(await pid()).toBe(before);
      expect(lone.use()).toMatchObject({ idle: 1, busy: 0 });
    } finally {
      await lone.close();
    }
  });

  it('is closed where it fails itself, and the next one works', async () => {
    const lone = openDatabase(url, 1, createLog('silent'));
    try {
      await expect(lone.query('select pg_terminate_backend(pg_backend_pid())', [])).rejects.toThrow();
      expect(await lone.query('select 1 as one', [])).toEqual([{ one: 1 }]);
    } finally {
      await lone.close();
    }
  });
});

describe('a named statement', () => {
  let client: pg.Client;
  let described = 0;
  beforeAll(async () => {
    client = await database.connect();
    (client as unknown as { connection: pg.Connection }).connection.on('rowDescription', () => described++);
    await client.query('create table named (id int primary key, name text, at timestamptz)');
    await client.query(`insert into named values (1, 'one', null), (2, null, '2026-01-01T00:00:00Z')`);
  });
  afterAll(async () => {
    await client.query('drop table named');
    await client.end();
  });

  const send = (text: string, values: unknown[] = [], types: pg.CustomTypesConfig = pg.types): Promise<Row[]> =>
    new Promise((resolve, reject) => {
      const told = (error: Error | null, rows: Row[]): void => (error ? reject(error) : resolve(rows));
      client.query(new Statement({ name: text.slice(0, 60), text, values, types: types as never }, told));
    });

  it('has its rows described once a connection, nulls and all', async () => {
    const before = described;
    const text = 'select id, name, at from named where id >= $1 order by id';
    const rows = [
      { id: 1, name: 'one', at: null },
      { id: 2, name: null, at: new Date('2026-01-01T00:00:00Z') },
    ];
    expect(await send(text, [1])).toEqual(rows);
    expect(await send(text, [2])).toEqual(rows.slice(1));
    expect(await send(text, [3])).toEqual([]);
    expect(described - before).toBe(1);
  });

  it('goes on after an error of its own, one of its values and one of what reads them', async () => {
    const text = 'insert into named (id, name) values ($1, $2) returning id';
    await expect(send(text, [1, 'again'])).rejects.toThrow('duplicate key');
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    await expect(send(text, [3, loop])).rejects.toThrow('circular');
    expect(await send(text, [3, 'three'])).toEqual([{ id: 3 }]);
    await expect(send(text, [3, 'again'])).rejects.toThrow('duplicate key');
    expect(await send(text, [4, 'four'])).toEqual([{ id: 4 }]);
    const unreadable = { getTypeParser: () => () => expect.fail('unreadable') };
    await expect(send('select id from named', [], unreadable as never)).rejects.toThrow('unreadable');
    expect(await send('update named set name = null where id = $1', [4])).toEqual([]);
    expect(await send('update named set name = null where id = $1', [5])).toEqual([]);
  });

  it('is refused, not misread, where its rows have changed since', async () => {
    const text = 'select * from named order by id limit 1';
    expect(await send(text)).toEqual([{ id: 1, name: 'one', at: null }]);
    await client.query('alter table named add column more int default 7');
    await expect(send(text)).rejects.toThrow('cached plan must not change result type');
  });
});

describe('sessions', () => {
  it('plan for tables that grow: by index, though one of two pages could be read as a whole', async () => {
    const made = await testDatabase();
    const young = openDatabase(made.url, 1, createLog('silent'));
    try {
      await young.query(
        `insert into "Company" (id, handle, domain, name) select gen_random_uuid(), 'young-' || n, n || '.example', repeat('Young ', 20) || n from generate_series(1, 60) n`,
        [],
      );
      await young.query('analyze "Company"', []);
      const plan = await young.query('explain select * from "Company" where id = $1', [newId()]);
      expect(JSON.stringify(plan)).toContain('Index Scan using');
    } finally {
      await young.close();
      await made.drop();
    }
  });

  it('plan a statement once, not for its values', async () => {
    const mode = () => database.query(`select current_setting('plan_cache_mode') as mode`, []);
    expect(await Promise.all([mode(), mode()])).toEqual(Array(2).fill([{ mode: 'force_generic_plan' }]));
  });
});
