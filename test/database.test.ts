import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorld } from '../prisma/seed/world.ts';
import { openDatabase, type Database } from '../src/database/db.ts';
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

describe('a connection', () => {
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

describe('sessions', () => {
  it('plan a statement once, not for its values', async () => {
    const mode = () => database.query(`select current_setting('plan_cache_mode') as mode`, []);
    expect(await Promise.all([mode(), mode()])).toEqual(Array(2).fill([{ mode: 'force_generic_plan' }]));
  });
});
