import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError, type Config } from '../config.ts';
import type { ExportFormat } from '../generated/prisma/client.ts';
import { putFile, removeFile, type Bucket } from './s3.ts';

/** How files of a format end and what they are on the web. */
export const fileTypes: Record<ExportFormat, { ending: string; contentType: string }> = {
  CSV: { ending: 'csv', contentType: 'text/csv; charset=utf-8; header=present' },
  PARQUET: { ending: 'parquet', contentType: 'application/vnd.apache.parquet' },
  JSONL: { ending: 'jsonl', contentType: 'application/x-ndjson; charset=utf-8' },
};

/** Names that only ever belong to exports: the id, the attempt, the ending. */
const FINAL = /^[0-9a-f-]{36}\.\d+\.(csv|parquet|jsonl)$/;
const WORK = 'work';

type StorageConfig = Pick<
  Config,
  'DATA_DIR' | 'EXPORT_DIR' | 'S3_ENDPOINT' | 'S3_BUCKET' | 'S3_ACCESS_KEY' | 'S3_SECRET_KEY' | 'S3_REGION'
>;

/** The folder of exports. */
export const exportDirectory = (config: Pick<StorageConfig, 'DATA_DIR' | 'EXPORT_DIR'>): string =>
  path.resolve(config.EXPORT_DIR ?? path.join(config.DATA_DIR, 'exports'));

/** Where the file of a key lies in the folder. */
export const localPath = (config: StorageConfig, key: string): string => path.join(exportDirectory(config), key);

/** The bucket of exports; null where they stay in the folder. @throws ConfigError naming what is missing */
export function bucketOf(config: StorageConfig): Bucket | null {
  const { S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY, S3_SECRET_KEY, S3_REGION } = config;
  if (!S3_ENDPOINT) return null;
  if (!S3_BUCKET || !S3_ACCESS_KEY || !S3_SECRET_KEY) {
    const missing = Object.entries({ S3_BUCKET, S3_ACCESS_KEY, S3_SECRET_KEY }).filter(([, value]) => !value);
    throw new ConfigError(missing.map(([name]) => `${name}: is needed beside S3_ENDPOINT`));
  }
  return {
    endpoint: S3_ENDPOINT,
    bucket: S3_BUCKET,
    region: S3_REGION,
    accessKey: S3_ACCESS_KEY,
    secretKey: S3_SECRET_KEY,
  };
}

/** The name of a file that is being made: in a folder of its own, whatever becomes of it. The folder is there then. */
export async function workPath(config: StorageConfig, key: string): Promise<string> {
  const directory = path.join(exportDirectory(config), WORK);
  await mkdir(directory, { recursive: true });
  return path.join(directory, `${key}.part`);
}

/** The folder beside a file that is being made, for what does not fit in memory. */
export const spillPath = (path: string): string => `${path}.spill`;

/** Puts a finished file under its key, whole or not at all; the file at `from` is gone then. Answers its size. */
export async function keepFile(
  config: StorageConfig,
  from: string,
  key: string,
  contentType: string,
  signal: AbortSignal,
): Promise<number> {
  const { size } = await stat(from);
  const bucket = bucketOf(config);
  if (bucket) {
    await putFile(bucket, key, { path: from, contentType }, signal);
    await rm(from, { force: true });
    return size;
  }
  const handle = await open(from, 'r+');
  // On the disk before it has the name that says so.
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(from, localPath(config, key));
  return size;
}

/** Removes the file of a key; one that is gone is no error. */
export async function dropFile(config: StorageConfig, key: string): Promise<void> {
  const bucket = bucketOf(config);
  if (bucket) await removeFile(bucket, key);
  else await rm(localPath(config, key), { force: true });
}

/** Removes what an attempt that died may have left: parts of the file, or the whole of it that nobody counted. */
export async function dropAttempt(config: StorageConfig, key: string): Promise<void> {
  const part = await workPath(config, key);
  for (const file of [part, `${part}.lines`, spillPath(part)]) await rm(file, { force: true, recursive: true });
  await dropFile(config, key);
}

/** Removes files in the folder that are older than any export: what died workers left. Answers how many. */
export async function dropOldFiles(config: StorageConfig, before: Date): Promise<number> {
  let dropped = 0;
  for (const directory of [exportDirectory(config), path.join(exportDirectory(config), WORK)]) {
    const isWork = path.basename(directory) === WORK;
    for (const name of await readdir(directory).catch(() => [])) {
      if (!isWork && !FINAL.test(name)) continue;
      const file = path.join(directory, name);
      const found = await stat(file).catch(() => null);
      if (!found || found.mtime >= before) continue;
      await rm(file, { force: true, recursive: true });
      dropped++;
    }
  }
  return dropped;
}
