import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** A slice imports those to its left alone. */
const ORDER = [
  'reference',
  'credits',
  'usage',
  'companies',
  'users',
  'keys',
  'connections',
  'prices',
  'assets',
  'endpoints',
  'charts',
  'exports',
  'favorites',
  'alerts',
  'integrations',
  'posts',
  'analytics',
  'marketplace',
  'platform',
  // The second door beside the graph: over all slices, and imported by the server alone.
  'rest',
];
/** Rooms of the floor: what everybody stands on, no business of its own. */
const FLOOR = ['database', 'graph', 'http', 'limits', 'lists', 'text'];
const MAX_LOOSE = 20;
/** The files of the floor that put slices together, or bring the reference data. */
const REGISTERS = ['boot.ts', 'demo.ts', 'main.ts', 'graph/print-schema.ts', 'schema.ts', 'serve.ts', 'http/server.ts'];
const FORBIDDEN_NAMES = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'types', 'index', 'shared', 'lib'];
const MAX_LINES = 400;
/** Drivers that whoever needs them installs; without one the engine says so. */
const OPTIONAL = ['mysql2', 'tedious'];

const src = path.join(import.meta.dirname, '../src');
const files = globSync('**/*.ts', { cwd: src })
  .filter((file) => !file.startsWith('generated'))
  .sort()
  .map((file) => {
    const text = readFileSync(path.join(src, file), 'utf8');
    return { file, folder: folderOf(file), text, imports: importsOf(text) };
  });

/** The slice or the warehouse that a file belongs to; null for the floor, loose or in a room of it. */
function folderOf(file: string): string | null {
  const [folder = '', ...rest] = file.split('/');
  return rest.length === 0 || FLOOR.includes(folder) ? null : folder;
}

/** What a file imports, types too; files of ours as paths from src. */
function importsOf(text: string): string[] {
  const statements = text.matchAll(
    /^(?:import|export)\b[^;]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...statements].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** The code without its comments; what stands in strings stays. */
function code(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
}

/** All imports of files of ours as `[file, imported file]`. */
const edges = files.flatMap(({ file, imports }) =>
  imports
    .filter((name) => name.startsWith('.'))
    .map((name) => [file, path.posix.join(path.posix.dirname(file), name)] as const),
);
/** Edges that break a rule, ready to be read. */
const shown = (wrong: (readonly [string, string])[]): string[] => [
  ...new Set(wrong.map(([from, to]) => `${from} → ${to}`)),
];
const isSlice = (folder: string | null): folder is string =>
  folder !== null && folder !== 'warehouse' && folder !== 'generated';

describe('architecture', () => {
  it('sees the files it is to judge', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(edges.length).toBeGreaterThan(200);
    expect(
      edges.filter(
        ([, to]) => !to.startsWith('generated/') && !to.startsWith('../') && !existsSync(path.join(src, to)),
      ),
    ).toEqual([]);
  });

  it('has no folder but the slices, the rooms of the floor and the warehouse, and few loose files', () => {
    const folders = new Set(files.map(({ folder }) => folder).filter((folder) => folder !== null));
    expect([...folders].filter((folder) => folder !== 'warehouse' && !ORDER.includes(folder))).toEqual([]);
    const loose = files.filter(({ file }) => !file.includes('/')).map(({ file }) => file);
    expect(loose.length).toBeLessThanOrEqual(MAX_LOOSE);
  });

  it('lets a slice import only slices to its left', () => {
    const wrong = edges.filter(([from, to]) => {
      const [a, b] = [folderOf(from), folderOf(to)];
      return isSlice(a) && isSlice(b) && a !== b && ORDER.indexOf(b) >= ORDER.indexOf(a);
    });
    expect(shown(wrong)).toEqual([]);
  });

  it("lets no slice import another's schema.ts", () => {
    const wrong = edges.filter(
      ([from, to]) => isSlice(folderOf(from)) && to.endsWith('/schema.ts') && folderOf(to) !== folderOf(from),
    );
    expect(shown(wrong)).toEqual([]);
    const loose = edges.filter(
      ([from, to]) => folderOf(from) === null && to.endsWith('/schema.ts') && from !== 'schema.ts',
    );
    expect(shown(loose)).toEqual([]);
  });

  it('lets the floor import no slice, those that put all together apart', () => {
    const wrong = edges.filter(
      ([from, to]) => folderOf(from) === null && isSlice(folderOf(to)) && !REGISTERS.includes(from),
    );
    expect(shown(wrong)).toEqual([]);
  });

  it('lets the server alone import the second door', () => {
    const wrong = edges.filter(
      ([from, to]) => folderOf(to) === 'rest' && folderOf(from) !== 'rest' && from !== 'http/server.ts',
    );
    expect(shown(wrong)).toEqual([]);
  });

  it('registers every slice that has a schema.ts', () => {
    const registered = edges
      .filter(([from, to]) => from === 'schema.ts' && to.endsWith('/schema.ts'))
      .map(([, to]) => to);
    const present = files.map(({ file }) => file).filter((file) => /^[^/]+\/schema\.ts$/.test(file));
    expect([...registered].sort()).toEqual(present);
  });

  it('lets nobody below import what stands above: main, server, schema, boot', () => {
    const above = ['main.ts', 'serve.ts', 'http/server.ts', 'schema.ts', 'boot.ts'];
    const wrong = edges.filter(([from, to]) => above.includes(to) && !REGISTERS.includes(from));
    expect(shown(wrong)).toEqual([]);
  });

  it('keeps the warehouse to packages and itself', () => {
    const wrong = edges.filter(([from, to]) => folderOf(from) === 'warehouse' && folderOf(to) !== 'warehouse');
    expect(shown(wrong)).toEqual([]);
  });

  it('keeps GraphQL to schema files, viewer.ts and the floor', () => {
    const isGraphQL = (name: string): boolean =>
      name === 'graphql' || name.startsWith('graphql-') || name.startsWith('@pothos/') || name.startsWith('@graphql-');
    const wrong = files.filter(
      ({ file, folder, imports }) =>
        folder !== null && !/\/([a-z-]+-schema|schema|viewer)\.ts$/.test(file) && imports.some(isGraphQL),
    );
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it('reads process.env in config.ts alone', () => {
    expect(
      files
        .filter(({ file, text }) => file !== 'config.ts' && /process\.env\b/.test(code(text)))
        .map(({ file }) => file),
    ).toEqual([]);
  });

  it('makes a PrismaClient and a pool in db.ts alone', () => {
    const makers = files.filter(
      ({ folder, text }) => folder !== 'warehouse' && /new (PrismaClient|pg\.Pool|Pool)\b/.test(code(text)),
    );
    expect(makers.map(({ file }) => file)).toEqual(['database/db.ts']);
  });

  it('has no console, no debugger, no TODO', () => {
    expect(files.filter(({ text }) => /\bconsole\.|\bdebugger\b/.test(code(text))).map(({ file }) => file)).toEqual([]);
    expect(files.filter(({ text }) => /\b(TODO|FIXME|XXX)\b/.test(text)).map(({ file }) => file)).toEqual([]);
  });

  it('has no getter in a literal: V8 makes a class for each such object, which holds on to it until a full collection', () => {
    // Those of classes stand in the first column of the class.
    const literal = /^ {3,}(?:get|set) \w+\(/m;
    expect(files.filter(({ text }) => literal.test(code(text))).map(({ file }) => file)).toEqual([]);
    expect(files.filter(({ text }) => /\bdefineProperty\(/.test(code(text))).map(({ file }) => file)).toEqual([]);
  });

  it('says of every exported function outside of schema files what it does and why', () => {
    const bare = files
      .filter(({ file }) => !file.endsWith('schema.ts'))
      .flatMap(({ file, text }) => {
        const lines = text.split('\n');
        const isFunction = /^export (async )?function |^export const \w+(: [^=]+)? =\s*(async )?(<[^>]*>)?\(/;
        return lines.flatMap((line, i) =>
          isFunction.test(line) && !lines[i - 1]?.endsWith('*/') ? [`${file}: ${line}`] : [],
        );
      });
    expect(bare).toEqual([]);
  });

  it('names files in kebab-case, and none after nothing in particular', () => {
    const segments = files.flatMap(({ file }) =>
      file
        .replace(/\.ts$/, '')
        .split('/')
        .map((name) => ({ file, name })),
    );
    expect(segments.filter(({ name }) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([]);
    expect(segments.filter(({ name }) => FORBIDDEN_NAMES.includes(name))).toEqual([]);
  });

  it(`has no file over ${MAX_LINES} lines`, () => {
    const long = files
      .map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(long).toEqual([]);
  });

  it('imports files of ours with their ending, and packages that package.json has', () => {
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(path.join(src, '../package.json'), 'utf8'),
    ) as Record<string, Record<string, string>>;
    const known = [...OPTIONAL, ...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {})];
    const wrong = files.flatMap(({ file, imports }) =>
      imports
        .filter((name) =>
          name.startsWith('.')
            ? !name.endsWith('.ts')
            : !name.startsWith('node:') && !known.some((one) => name === one || name.startsWith(`${one}/`)),
        )
        .map((name) => [file, name] as const),
    );
    expect(shown(wrong)).toEqual([]);
  });
});
