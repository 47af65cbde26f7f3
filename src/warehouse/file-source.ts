import { realpathSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import type { FileTable } from './child-protocol.ts';
import { EngineError } from './engine.ts';
import type { Spill } from './engine.ts';
import { wrong } from './http/settings.ts';

/** What a child opens. */
export interface FileSource {
  /** Another text, another database. */
  id: string;
  /** The database file, or the folder that the files of `tables` lie in. */
  path: string;
  tables: FileTable[] | null;
  /** All files behind it: where one is replaced, another process is needed. */
  files: string[];
  /** Where the process may write, for one query. */
  spill?: Spill;
}

/** True for a path below a directory; both must be real ones. */
export function isUnder(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !/^\.\.[/\\]/.test(way) && !isAbsolute(way);
}

/** The path that the settings name. @throws EngineError CONNECTION_FAILED stage SETTINGS */
export function pathOf(settings: Record<string, unknown>): string {
  const path = settings['path'];
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return path;
  throw wrong('The setting path is missing.', 'Give a path inside a directory that this installation offers.');
}

/** The database file that the settings name, which must lie under one of the roots, links followed. */
export function databaseFile(settings: Record<string, unknown>, roots: readonly string[]): FileSource {
  const path = pathOf(settings);
  for (const root of roots) {
    try {
      const real = realpathSync(resolve(root, path));
      if (isUnder(realpathSync(root), real) && statSync(real).isFile())
        return { id: real, path: real, tables: null, files: [real] };
    } catch {
      // Not under this root.
    }
  }
  throw wrong(
    'The path is not that of a database file in an allowed directory.',
    'Give the path of the file inside a directory that this installation offers.',
  );
}

/** What the files of a source are now; changes when one of them is replaced. @throws EngineError CONNECTION_FAILED */
export async function identityOf({ files }: FileSource): Promise<string> {
  const parts: string[] = [];
  for (const file of files) {
    try {
      const { dev, ino, mtimeMs, size } = await stat(file);
      parts.push([dev, ino, mtimeMs, size].join('.'));
    } catch {
      throw new EngineError('CONNECTION_FAILED', 'A file of the connection cannot be read.', {
        stage: 'LOGIN',
        hint: 'Check that the file exists and that the gateway may read it.',
      });
    }
  }
  return parts.join(' ');
}
