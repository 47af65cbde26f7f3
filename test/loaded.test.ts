import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

/** Prints the packages and files of Prisma that are loaded with all of the server, before its first request. */
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
  'sanitize-html',
  'jose',
  '@graphql-yoga/render-graphiql',
  '@prisma/client/runtime/query_compiler',
];

it('loads what few requests need with the first of them', () => {
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: path.join(import.meta.dirname, '..'),
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  const urls = JSON.parse(out) as string[];
  const isLoaded = (name: string): boolean => urls.some((url) => url.includes(`/node_modules/${name}`));
  expect(['pg', 'graphql', 'pg-boss', '@prisma/client'].filter((name) => !isLoaded(name))).toEqual([]);
  expect(ON_FIRST_USE.filter(isLoaded)).toEqual([]);
});
