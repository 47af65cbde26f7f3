import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { openPlatformAccounts } from '../../src/credits/journal.ts';
import { openDatabase } from '../../src/database/db.ts';
import { startEmbedded } from '../../src/database/embedded.ts';
import { createLog } from '../../src/log.ts';
import { migrate } from '../../src/database/migrate.ts';
import { syncReference } from '../../src/reference/sync.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A database on the server under test; names the server. */
    server: string;
    /** The name of the database that each test file clones. */
    template: string;
  }
}

/** One PostgreSQL for the run (TEST_DATABASE_URL or an embedded one), and a migrated template that test files clone. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'gateway-test-'));
  const given = process.env['TEST_DATABASE_URL'];
  const embedded = given ? null : await startEmbedded(path.join(dir, 'pg'), { durable: false });
  const server = given ?? embedded?.url ?? '';
  const template = `gateway_test_${process.pid}`;
  const admin = new pg.Client({ connectionString: server });
  await admin.connect();
  await admin.query(`drop database if exists ${template} with (force)`);
  await admin.query(`create database ${template}`);
  const url = new URL(server);
  url.pathname = `/${template}`;
  await migrate(url.href);
  const database = openDatabase(url.href, 2, createLog('silent'));
  await syncReference(database.query);
  await openPlatformAccounts(database.query);
  await database.close();
  project.provide('server', server);
  project.provide('template', template);
  return async () => {
    await admin.query(`drop database if exists ${template} with (force)`);
    await admin.end();
    await embedded?.stop();
    // Data that had to lie apart from `dir`.
    if (embedded) rmSync(path.dirname(embedded.dir), { recursive: true, force: true });
    rmSync(dir, { recursive: true, force: true });
  };
}
