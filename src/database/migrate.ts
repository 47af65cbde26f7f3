import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';

/** The advisory lock that Prisma's own engine takes while it migrates. */
const LOCK = 72_707_369;

const TABLE = `create table if not exists "_prisma_migrations" (
  "id" varchar(36) not null primary key, "checksum" varchar(64) not null, "finished_at" timestamptz,
  "migration_name" varchar(255) not null, "logs" text, "rolled_back_at" timestamptz,
  "started_at" timestamptz not null default now(), "applied_steps_count" integer not null default 0)`;

/**
 * Applies prisma/migrations in order, each in a transaction, under a lock, and records them as `prisma migrate deploy`
 * does, so that both can serve one database by turns. Returns the names of those it applied.
 * @throws Error where an applied migration was changed, is unknown here, or fails; that one leaves nothing behind.
 */
export async function migrate(
  url: string,
  dir: string = path.join(import.meta.dirname, '../../prisma/migrations'),
): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await client.query(TABLE);
    const { rows } = await client.query<{ migration_name: string; checksum: string }>(
      'select migration_name, checksum from "_prisma_migrations" where finished_at is not null and rolled_back_at is null',
    );
    const applied = new Map(rows.map((row) => [row.migration_name, row.checksum]));
    const names = readdirSync(dir)
      .filter((name) => /^\d{14}_/.test(name))
      .sort();
    const unknown = [...applied.keys()].filter((name) => !names.includes(name));
    if (unknown.length > 0)
      throw new Error(`The database is ahead of this version: it has the migrations ${unknown.join(', ')}.`);
    const done: string[] = [];
    for (const name of names) {
      const sql = readFileSync(path.join(dir, name, 'migration.sql'), 'utf8');
      const checksum = createHash('sha256').update(sql).digest('hex');
      const before = applied.get(name);
      if (before === checksum) continue;
      if (before !== undefined) throw new Error(`The migration ${name} was changed after it was applied.`);
      await apply(client, name, sql, checksum);
      done.push(name);
    }
    return done;
  } finally {
    await client.end();
  }
}

async function apply(client: pg.Client, name: string, sql: string, checksum: string): Promise<void> {
  await client.query('begin');
  try {
    await client.query(sql);
    await client.query(
      'insert into "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count) values ($1, $2, $3, now(), 1)',
      [randomUUID(), checksum, name],
    );
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback');
    const { message, hint } = cause as pg.DatabaseError;
    throw new Error(`The migration ${name} failed: ${[message, hint].filter(Boolean).join('. ')}`, { cause });
  }
}
