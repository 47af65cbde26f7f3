import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createWorld, type World } from '../../prisma/seed/world.ts';
import { openApp, openAuthenticator } from '../../src/boot.ts';
import { readConfig } from '../../src/config.ts';
import type { App } from '../../src/context.ts';
import { parseGlobalId, toGlobalId } from '../../src/ids.ts';
import type { RoleName } from '../../src/permissions.ts';
import { createGateway, type Gateway } from '../../src/http/server.ts';
import { schema } from '../../src/schema.ts';
import { testDatabase } from './database.ts';

/* oxlint-disable typescript/no-explicit-any -- answers are compared as they come */
export type Answer = {
  data?: any;
  errors?: { message: string; path?: (string | number)[]; extensions: any }[];
  extensions?: any;
};
/* oxlint-enable typescript/no-explicit-any */

/** Bookkeeping of uses, half a second later, and looking up credentials, which are kept for a minute or until they change. */
const UNTIMED = /"ApiKeyUsage"|insert into "UsageEvent"|update "Session" set "lastUsedAt"|"(?:secret|token)Hash" = \$1/;

export interface TestGateway {
  app: App;
  gateway: Gateway;
  world: World;
  /** Where DuckDB connections may have their files. */
  warehouses: string;
  /** Sends a document with a key (or anonymously) and answers the JSON. */
  run(
    key: string | null,
    query: string,
    variables?: Record<string, unknown>,
    init?: { signal?: AbortSignal; headers?: Record<string, string> },
  ): Promise<Answer>;
  /** Sends a mutation with an input and answers its payload; `errors` is how it asks for `userErrors`. */
  mutate(
    key: string | null,
    name: string,
    input: object,
    fields: string,
    errors?: string,
    init?: { signal?: AbortSignal },
  ): Promise<Answer['data']>;
  /** The statements that something sends to the database; what comes on its own time is left out. */
  statements(work: () => Promise<unknown>): Promise<string[]>;
  /** A company with a user and a key for each role. */
  tenant(more?: Parameters<World['company']>[0]): Promise<Tenant>;
  close(): Promise<void>;
}

export interface Tenant {
  company: Awaited<ReturnType<World['company']>>;
  users: Record<RoleName, Awaited<ReturnType<World['user']>>>;
  keys: Record<RoleName, string>;
  keyIds: Record<RoleName, number>;
}

/**
 * The whole gateway in process, on a database of its own, or on that of another, as a second process would be.
 * `settings` are environment variables.
 */
export async function testGateway(
  settings: Record<string, string> = {},
  beside: TestGateway | null = null,
): Promise<TestGateway> {
  const shared = beside && { url: beside.app.config.DATABASE_URL ?? '', drop: async () => {} };
  const database = shared ?? (await testDatabase());
  const dir = beside?.app.config.DATA_DIR ?? mkdtempSync(path.join(os.tmpdir(), 'gateway-data-'));
  const config = readConfig({
    DATABASE_URL: database.url,
    DATA_DIR: dir,
    DATABASE_POOL: '5',
    SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
    LOG_LEVEL: 'silent',
    ALLOW_PRIVATE_CONNECTIONS: '127.0.0.0/8',
    // Documents of tests come once: this way their queries run as most do elsewhere.
    COMPILE_AFTER: '0',
    ...settings,
  });
  const app = await openApp(config, database.url);
  const auth = await openAuthenticator(app);
  const gateway = createGateway(app, schema, auth, () => '<!doctype html><title>Explorer</title>');
  const world = createWorld(app.database);
  const run: TestGateway['run'] = async (key, query, variables = {}, init = {}) => {
    const response = await gateway.fetch('http://gateway/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key ? { 'x-api-key': key } : {}), ...init.headers },
      body: JSON.stringify({ query, variables }),
      ...(init.signal ? { signal: init.signal } : {}),
    });
    return (await response.json()) as Answer;
  };
  return {
    app,
    gateway,
    world,
    warehouses: path.join(dir, 'warehouses'),
    run,
    async mutate(key, name, input, fields, errors = 'userErrors { code path }', init = {}) {
      const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
      const document = `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} ${errors} } }`;
      const answer = await run(key, document, { input }, init);
      if (answer.errors) throw new Error(JSON.stringify(answer.errors));
      return answer.data[name];
    },
    async statements(work) {
      await app.usage.flush();
      const seen: string[] = [];
      const stop = app.database.onStatement((text) => {
        if (!UNTIMED.test(text)) seen.push(text);
      });
      await work();
      stop();
      return seen;
    },
    async tenant(more = {}) {
      const company = await world.company(more);
      const users: Partial<Tenant['users']> = {};
      const keys: Partial<Tenant['keys']> = {};
      const keyIds: Partial<Tenant['keyIds']> = {};
      for (const role of ['OWNER', 'ADMIN', 'EDITOR', 'ANALYST', 'VIEWER', 'OPERATOR'] as const) {
        const user = await world.user(company.id, role);
        const made = await world.apiKey(company.id, role, { userId: user.id });
        users[role] = user;
        keys[role] = made.secret;
        keyIds[role] = made.key.id;
      }
      return { company, users, keys, keyIds } as Tenant;
    },
    async close() {
      await auth.close();
      await app.close();
      await database.drop();
      if (!beside) rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The opaque id of a row. */
export const gid = (type: string, row: { id: string | number } | string | number): string =>
  toGlobalId(type, typeof row === 'object' ? row.id : row);

/** What an opaque id says of its row: its id in the database. */
export const keyOf = (id: string): string => parseGlobalId(id)?.key ?? '';
