import { spawn } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ExportFormat } from '../generated/prisma/client.ts';
import type { Cell, Column, Running } from '../warehouse/engine.ts';
import { csvHeader, csvRows } from './csv.ts';
import { jsonlRows } from './jsonl.ts';
import { parquetLines } from './parquet-columns.ts';

/** What is written and where: `path` is the file in the end, `spill` a folder for what does not fit in memory. */
export interface Target {
  format: ExportFormat;
  path: string;
  spill: string;
  isSpreadsheetSafe: boolean;
  maxRows: number;
}

/** What was written. */
export interface Written {
  rowCount: number;
  /** Whether the engine had more rows than asked for. */
  isTruncated: boolean;
}

const MAX_ERROR_TEXT = 4000;
const CHILD = path.join(import.meta.dirname, 'parquet-child.ts');

/** Runs the statement in a process of its own, which sees nothing of our environment. */
async function convert(directory: string, statement: string, signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, directory, statement], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
    signal,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < MAX_ERROR_TEXT) said += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (code !== 0) throw new Error(`The Parquet file could not be made: ${said.slice(0, MAX_ERROR_TEXT)}`);
}

type Encode = (values: Cell[][], rowCount: number) => string;

/** Writes chunk by chunk, at most `maxRows` rows, and tells of each chunk; holds no more than one of them. */
async function writeText(
  file: string,
  head: string,
  encode: Encode,
  source: { running: Running; maxRows: number; onRows: (rowCount: number) => void; signal: AbortSignal },
): Promise<Written> {
  const handle = await open(file, 'w');
  let rowCount = 0;
  let isTruncated = false;
  try {
    if (head) await handle.writeFile(head);
    for await (const chunk of source.running.chunks) {
      source.signal.throwIfAborted();
      const rows = Math.min(chunk.rowCount, source.maxRows - rowCount);
      isTruncated = rows < chunk.rowCount;
      if (rows > 0) await handle.writeFile(encode(chunk.values, rows));
      rowCount += rows;
      source.onRows(rowCount);
      if (isTruncated) break;
    }
  } finally {
    await handle.close();
  }
  return { rowCount, isTruncated };
}

/**
 * Writes the rows of a running query to a file, begun anew whatever is there. Memory does not grow with the rows.
 * `onRows` hears how many were read so far. @throws whatever stopped it, an abort's reason among them
 */
export async function writeRows(
  running: Running,
  target: Target,
  onRows: (rowCount: number) => void,
  signal: AbortSignal,
): Promise<Written> {
  const { format, path: file, spill, isSpreadsheetSafe: isSafe, maxRows } = target;
  const columns: readonly Column[] = running.columns;
  const source = { running, maxRows, onRows, signal };
  if (format === 'CSV') {
    const encode: Encode = (values, rows) => csvRows(columns, values, rows, isSafe);
    return writeText(file, csvHeader(columns, isSafe), encode, source);
  }
  if (format === 'JSONL') return writeText(file, '', (values, rows) => jsonlRows(columns, values, rows), source);
  const lines = parquetLines(columns);
  const between = `${file}.lines`;
  try {
    const written = await writeText(between, '', lines.rows, source);
    await convert(spill, lines.copy(between, file), signal);
    return written;
  } finally {
    await rm(between, { force: true });
  }
}
