import type { ChildProgram } from './child-process.ts';
import type { Engine } from './engine.ts';
import { createFileEngine } from './file-engine.ts';
import { databaseFile } from './file-source.ts';
import { SQLITE_CATALOGUE } from './sqlite-catalogue.ts';
import { sqliteColumnType } from './sqlite-types.ts';

const PROGRAM: ChildProgram = {
  modules: [
    'sqlite-child.ts',
    'child-memory.ts',
    'engine.ts',
    'sample.ts',
    'sqlite-catalogue.ts',
    'sqlite-sample.ts',
    'sqlite-types.ts',
    'wire.ts',
  ],
  // A query cannot be interrupted from outside, so a busy child is killed almost at once.
  stopGraceMs: 100,
};

/** The engine that runs sellers' queries on SQLite files, each query in a locked-down child process. */
export function createSqlite(options: { roots: string[]; maxChildren?: number }): Engine {
  return createFileEngine({
    name: 'sqlite',
    dialect: 'sqlite',
    checkSettings: (settings) => void databaseFile(settings, options.roots),
    sourceOf: (settings) => databaseFile(settings, options.roots),
    maxChildren: options.maxChildren ?? 8,
    program: PROGRAM,
    openHint: 'The file must be a SQLite database of format 3 that the gateway may read.',
    tables: ({ schemas, tables, limit }) => ({
      sql: SQLITE_CATALOGUE,
      values: [schemas ? JSON.stringify(schemas) : null, tables ? JSON.stringify(tables) : null, limit],
    }),
    typeOf: sqliteColumnType,
    noEstimate: 'SQLite explains how it would read, but gives no numbers.',
  });
}
