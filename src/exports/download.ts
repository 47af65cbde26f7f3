import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { App } from '../context.ts';
import type { Export } from '../generated/prisma/client.ts';
import { signer } from '../http/signed-address.ts';
import { presignedUrl } from './s3.ts';
import { bucketOf, fileTypes, localPath } from './storage.ts';

const PATH = /^\/exports\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/([a-z0-9-]{1,100}\.(?:csv|parquet|jsonl))$/;
const RANGE = /^bytes=(\d{1,15})-(\d{1,15})?$/;

type File = Pick<Export, 'id' | 'fileName' | 'fileKey' | 'expiresAt'>;

const { sign, isSigned } = signer('export downloads');

/** The signed address of an export's file until it expires; null where there is none, or not any more. */
export function downloadUrlOf(app: App, file: File, now: Date): string | null {
  const seconds = Math.floor((file.expiresAt.getTime() - now.getTime()) / 1000);
  if (file.fileKey === null || seconds <= 0) return null;
  const { id, fileName } = file;
  const bucket = bucketOf(app.config);
  if (bucket) return presignedUrl(bucket, file.fileKey, { fileName, seconds, at: now });
  const expires = Math.floor(file.expiresAt.getTime() / 1000);
  const signature = sign(app, [id, fileName, String(expires)]);
  return `${app.publicUrl}/exports/${id}/${fileName}?exp=${expires}&sig=${signature}`;
}

/** An answer that says why there is no file. */
export function refuse(status: number, message: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ code: status, message }), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  });
}

/** The bytes that a Range header asks for, ends included: all of them where it asks for none in a way known here. */
function rangeOf(header: string | null, size: number): { first: number; last: number; isPart: boolean } {
  const [all, first = '0', last] = RANGE.exec(header ?? '') ?? [];
  return {
    first: Number(first),
    last: Math.min(last === undefined ? size - 1 : Number(last), size - 1),
    isPart: all !== undefined,
  };
}

async function fileAnswer(path: string, headers: Record<string, string>, request: DownloadRequest): Promise<Response> {
  const handle = await open(path, 'r');
  const { size } = await handle.stat();
  const { first, last, isPart } = rangeOf(request.headers.get('range'), size);
  const length = last - first + 1;
  const hasBody = length > 0 && request.method !== 'HEAD';
  if (!hasBody) await handle.close();
  if (isPart && length <= 0) return refuse(416, 'The file has no such bytes.', { 'content-range': `bytes */${size}` });
  const all = {
    ...headers,
    'content-length': String(length),
    ...(isPart ? { 'content-range': `bytes ${first}-${last}/${size}` } : {}),
  };
  // The stream closes the file, also where the client leaves.
  const body = hasBody ? Readable.toWeb(handle.createReadStream({ start: first, end: last })) : null;
  return new Response(body as ReadableStream<Uint8Array> | null, { status: isPart ? 206 : 200, headers: all });
}

/** A request as far as a download needs it. */
export interface DownloadRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: { get(name: string): string | null };
}

/**
 * Answers a request for the file of an export, straight from the disk: whoever has the signed address gets it, in parts
 * too (Range). Null for any other address.
 */
export async function answerDownload(app: App, request: DownloadRequest): Promise<Response | null> {
  if (!request.url.startsWith('/exports/')) return null;
  const { pathname, searchParams } = new URL(request.url, 'http://gateway');
  const [, id, name] = PATH.exec(pathname) ?? [];
  if (!id || !name) return null;
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuse(405, 'Files are read with GET.', { allow: 'GET, HEAD' });
  const expires = searchParams.get('exp') ?? '';
  if (!isSigned(app, [id, name, expires], searchParams.get('sig') ?? ''))
    return refuse(403, 'The signature of this address is wrong: take it from downloadUrl as it is.');
  const gone = refuse(410, 'The file is gone: addresses of exports last 24 hours.');
  if (Number(expires) * 1000 <= Date.now()) return gone;
  const [file] = await app.database.query<{ fileKey: string | null; format: Export['format'] }>(
    'select "fileKey", format from "Export" where id = $1 and "fileName" = $2',
    [id, name],
  );
  if (!file?.fileKey) return gone;
  const headers = {
    'content-type': fileTypes[file.format].contentType,
    'content-disposition': `attachment; filename="${name}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-store',
    'x-content-type-options': 'nosniff',
  };
  return fileAnswer(localPath(app.config, file.fileKey), headers, request).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return gone;
    throw error;
  });
}
