import { realpathSync, statSync, type Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import type { FileTable } from './child-protocol.ts';
import { isUnder, pathOf, type FileSource } from './file-source.ts';
import { wrong } from './http/settings.ts';

/** Files that a connection reads at most, and what they weigh together. */
const MAX_FILES = 1000;
const MAX_BYTES = 64 * 1024 ** 3;
/** What a folder may hold for its files to be looked through. */
const MAX_ENTRIES = 2000;
const MAX_DEPTH = 8;

const FILES_HINT = 'Put the files into the folder of the connection, or correct the name of the files.';
/** Other files in a folder, a database among them, are no text for a CSV reader. */
const ENDINGS = { CSV: /\.(?:csv|tsv|txt)(?:\.gz)?$/i, PARQUET: /\.parquet$/i };

const character = z
  .string('Takes a character.')
  .regex(/^[\t\x20-\x7e]$/, 'Takes one character.')
  .optional();
const table = z
  .strictObject(
    {
      name: z.string('Takes text.').regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'Takes letters, digits and _, at most 63.'),
      // Nothing but stars: whatever else a pattern can say can be made to take forever.
      files: z
        .string('Takes text.')
        .max(500, 'At most 500 characters.')
        .regex(
          /^(?![/.])(?!.*(?:\/\.|\/\/|\/$|\*\*.*\*\*))[^\\?[\]{}\p{Cc}]+$/u,
          'Takes files inside the folder, as sales.csv, sales/*.csv or **/*.csv.',
        ),
      format: z.enum(['CSV', 'PARQUET'], 'Takes CSV or PARQUET.'),
      header: z.boolean('Takes true or false.').optional(),
      delimiter: character,
      quote: character,
      nullText: z.string('Takes text.').max(100, 'At most 100 characters.').optional(),
    },
    'Takes {name, files, format}, and for CSV header, delimiter, quote and nullText.',
  )
  .refine(
    ({ format, files }) => ENDINGS[format].test(files),
    'The files of CSV end in .csv, .tsv or .txt, also with .gz, those of PARQUET in .parquet.',
  )
  .refine(
    ({ format, name: _name, files: _files, ...csv }) => format === 'CSV' || Object.keys(csv).length === 0,
    'header, delimiter, quote and nullText are for CSV.',
  );

/** The tables that a connection makes of files in its folder. */
export const fileTables = z
  .array(table, 'Takes a list of tables.')
  .min(1, 'Takes at least one table.')
  .max(50, 'At most 50 tables.')
  .refine(
    (tables) => new Set(tables.map(({ name }) => name.toLowerCase())).size === tables.length,
    'Each table has a name of its own.',
  );

type Declared = z.infer<typeof fileTables>;

/** The folder that the settings name, inside one of the roots, links followed; and their tables. */
export function checkFileTables(
  settings: Record<string, unknown>,
  roots: readonly string[],
): { folder: string; tables: Declared } {
  const path = pathOf(settings);
  const parsed = fileTables.safeParse(settings['tables'] ?? []);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrong(`The setting ${['tables', ...(issue?.path ?? [])].join('.')} is not valid.`, issue?.message ?? '');
  }
  for (const root of roots) {
    try {
      const folder = realpathSync(resolve(root, path));
      if (isUnder(realpathSync(root), folder) && statSync(folder).isDirectory()) return { folder, tables: parsed.data };
    } catch {
      // Not under this root.
    }
  }
  throw wrong(
    'The path is not that of a folder in an allowed directory.',
    'Give the path of the folder inside a directory that this installation offers.',
  );
}

function fits(name: string, pattern: string): boolean {
  const [first = '', ...parts] = pattern.split('*');
  const last = parts.pop();
  if (last === undefined) return name === first;
  const end = name.length - last.length;
  if (!name.startsWith(first) || !name.endsWith(last) || end < first.length) return false;
  let at = first.length;
  for (const part of parts) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** Whether a way of names fits a pattern; `**` stands for any number of folders. */
function isMatch([name, ...names]: string[], [head, ...tail]: string[]): boolean {
  if (head === undefined) return name === undefined;
  if (name === undefined) return false;
  if (head === '**') return isMatch([name, ...names], tail) || isMatch(names, [head, ...tail]);
  return fits(name, head) && isMatch(names, tail);
}

/** The files below a folder, by their names from there; hidden ones left out. */
async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const waiting = [''];
  let entries = 0;
  for (let way = waiting.pop(); way !== undefined; way = waiting.pop()) {
    const inside: Dirent[] = await readdir(join(folder, way), { withFileTypes: true });
    entries += inside.length;
    if (entries > MAX_ENTRIES)
      throw wrong(`The folder holds more than ${MAX_ENTRIES} files.`, 'Give a folder with fewer of them.');
    for (const entry of inside) {
      // To DuckDB such a name would be a pattern.
      if (/^\.|[\\*?[\]{}]/.test(entry.name)) continue;
      const name = way === '' ? entry.name : `${way}/${entry.name}`;
      if (!entry.isDirectory()) found.push(name);
      else if (name.split('/').length < MAX_DEPTH) waiting.push(name);
    }
  }
  return found.sort();
}

/**
 * What a child opens for the settings: each table with the files that are there for it now.
 * @throws EngineError CONNECTION_FAILED stage SETTINGS, also for a table without a file
 */
export async function filesOf(
  settings: Record<string, unknown>,
  roots: readonly string[],
  maxBytes = MAX_BYTES,
): Promise<FileSource> {
  const { folder, tables } = checkFileTables(settings, roots);
  const names = await filesBelow(folder);
  const opened: FileTable[] = [];
  const files = new Set<string>();
  let bytes = 0;
  for (const { files: pattern, ...declared } of tables) {
    const own = new Set<string>();
    for (const name of names) {
      if (!isMatch(name.split('/'), pattern.split('/'))) continue;
      const real = await realpath(join(folder, name)).catch(() => '');
      if (!isUnder(folder, real) || !ENDINGS[declared.format].test(real)) continue;
      const found = await stat(real);
      if (!found.isFile()) continue;
      own.add(relative(folder, real));
      if (!files.has(real)) bytes += found.size;
      files.add(real);
      if (files.size > MAX_FILES)
        throw wrong(`A connection reads at most ${MAX_FILES} files.`, 'Put the rows into fewer files.');
    }
    if (own.size === 0) throw wrong(`There is no file ${pattern} for the table ${declared.name}.`, FILES_HINT);
    opened.push({ ...declared, files: [...own] });
  }
  if (bytes > maxBytes)
    throw wrong(
      `The files hold more than ${maxBytes} bytes together.`,
      'Load them into a database, or leave some out.',
    );
  return { id: JSON.stringify([folder, opened]), path: folder, tables: opened, files: [...files] };
}
