import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

/** Prints the addresses of all that is loaded with the server, before its first request. */
const PROGRAM = `import { registerHooks } from 'node:module';
  const urls = new Set();
  registerHooks({ load: (url, context, next) => (urls.add(url), next(url, context)) });
  await import('./src/serve.ts');
  console.log(JSON.stringify([...urls]));`;

/** Packages of megabytes, each of which is loaded by what needs it: a picture, a driver, a page, a parser. */
const ON_FIRST_USE = [
  'echarts',
  '@resvg',
  'libpg-query',
  '@guanmingchiu',
  '@duckdb',
  'mysql2',
  'tedious',
  'undici',
  'kysely',
  '@redis/client',
  'rate-limiter-flexible',
  'sanitize-html',
  'jose',
  '@graphql-yoga/render-graphiql',
  '@prisma/client/runtime/query_compiler',
];

/** The compiler's writer of JSON, which nothing here asks for (ADR 32), would come with ajv. */
const NEVER = ['ajv', 'fast-uri'];

/** Small packages of which others ask for versions that differ. */
const IN_COPIES = ['@whatwg-node/disposablestack', '@whatwg-node/promise-helpers', 'lru-cache', 'postgres-array'];

let loaded: string[] = [];
/** Whether there is a file of which the path in node_modules begins so. */
const isLoaded = (start: string): boolean => loaded.some((url) => url.includes(`/node_modules/${start}`));

beforeAll(() => {
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: path.join(import.meta.dirname, '..'),
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  loaded = JSON.parse(out) as string[];
});

describe('what a start loads', () => {
  it('leaves what few requests need to the first of them', () => {
    expect(['pg/', 'graphql/', 'pg-boss/', '@prisma/client/'].filter((name) => !isLoaded(name))).toEqual([]);
    expect([...ON_FIRST_USE, ...NEVER].filter(isLoaded)).toEqual([]);
    expect(loaded.filter((url) => /\/src\/(demo|charts\/render)\.ts$|\/prisma\/seed\/demo/.test(url))).toEqual([]);
  });

  it('has no package of any size twice', () => {
    const directories = new Set(loaded.flatMap((url) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(url) ?? []));
    const names = [...directories].map((directory) => directory.replace(/^.*\/node_modules\//, ''));
    const copies = names.filter((name, i) => names.indexOf(name) !== i);
    expect([...new Set(copies)].toSorted()).toEqual(IN_COPIES);
  });
});
