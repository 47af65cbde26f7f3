import { createHash, createHmac } from 'node:crypto';
import { open } from 'node:fs/promises';

/** A bucket of an S3-compatible store and who writes to it. */
export interface Bucket {
  endpoint: string;
  bucket: string;
  region: string;
  accessKey: string;
  secretKey: string;
}

/** Files up to this size go up in one request, larger ones in parts of it. */
const PART_BYTES = 8 * 1024 * 1024;
const REQUEST_MS = 120_000;
const TRIES = 3;

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
/** Percent-encoding as AWS wants it: all but letters, digits and -._~ */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** A request before it is signed; `headers` in lower case, all of them signed. */
export interface Unsigned {
  method: string;
  url: URL;
  headers: Record<string, string>;
  payloadHash: string;
  at: Date;
}

/**
 * The signature of a request, and what else its header names.
 * See https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function signatureOf(
  bucket: Pick<Bucket, 'region' | 'secretKey'>,
  { method, url, headers, payloadHash, at }: Unsigned,
) {
  const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${bucket.region}/s3/aws4_request`;
  const names = Object.keys(headers).sort();
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const canonical = [
    method,
    url.pathname,
    query,
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    '',
    names.join(';'),
    payloadHash,
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [bucket.region, 's3', 'aws4_request'].reduce(hmac, hmac(`AWS4${bucket.secretKey}`, day));
  return { signature: hmac(key, toSign).toString('hex'), scope, time, signedHeaders: names.join(';') };
}

function addressOf({ endpoint, bucket }: Bucket, key: string, query: Record<string, string> = {}): URL {
  const url = new URL(endpoint);
  const base = url.pathname.replace(/\/$/, '');
  url.pathname = `${base}/${encoded(bucket)}/${key.split('/').map(encoded).join('/')}`;
  url.search = Object.entries(query)
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .join('&');
  return url;
}

async function send(
  bucket: Bucket,
  method: string,
  key: string,
  more: {
    query?: Record<string, string>;
    body?: Uint8Array<ArrayBuffer>;
    contentType?: string;
    signal?: AbortSignal;
  } = {},
): Promise<{ headers: Headers; text: string }> {
  const url = addressOf(bucket, key, more.query);
  const body = more.body ?? new Uint8Array();
  for (let attempt = 1; ; attempt++) {
    const at = new Date();
    const payloadHash = sha256(body);
    const headers: Record<string, string> = {
      host: url.host,
      'x-amz-content-sha256': payloadHash,
      'x-amz-date': at.toISOString().replace(/[-:]|\.\d{3}/g, ''),
      ...(more.contentType ? { 'content-type': more.contentType } : {}),
    };
    const { signature, scope, signedHeaders } = signatureOf(bucket, { method, url, headers, payloadHash, at });
    const { host: _, ...sent } = headers;
    const limit = AbortSignal.timeout(REQUEST_MS);
    try {
      const response = await fetch(url, {
        method,
        headers: {
          ...sent,
          authorization: `AWS4-HMAC-SHA256 Credential=${bucket.accessKey}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
        },
        body: method === 'PUT' || method === 'POST' ? body : null,
        redirect: 'error',
        signal: more.signal ? AbortSignal.any([limit, more.signal]) : limit,
      });
      const text = await response.text();
      // Completing an upload can fail with 200 and an error in the body.
      if (response.ok && !text.includes('<Error>')) return { headers: response.headers, text };
      const code = /<Code>([^<]{1,100})<\/Code>/.exec(text)?.[1] ?? 'no code';
      throw new Error(`The bucket answered ${method} with ${response.status} (${code}).`);
    } catch (error) {
      more.signal?.throwIfAborted();
      if (attempt >= TRIES) throw error;
    }
  }
}

/** Puts a file into the bucket under a key: whole, or not at all. Holds one part in memory. @throws Error */
export async function putFile(
  bucket: Bucket,
  key: string,
  file: { path: string; contentType: string },
  signal: AbortSignal,
): Promise<void> {
  const { contentType } = file;
  const handle = await open(file.path, 'r');
  try {
    const { size } = await handle.stat();
    const read = async (): Promise<Uint8Array<ArrayBuffer>> => {
      const part = new Uint8Array(PART_BYTES);
      let length = 0;
      for (let got = -1; got !== 0 && length < PART_BYTES; length += got)
        got = (await handle.read(part, length, PART_BYTES - length, null)).bytesRead;
      return part.subarray(0, length);
    };
    if (size <= PART_BYTES) {
      await send(bucket, 'PUT', key, { body: await read(), contentType, signal });
      return;
    }
    const begun = await send(bucket, 'POST', key, { query: { uploads: '' }, contentType, signal });
    const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(begun.text)?.[1] ?? '';
    try {
      const parts: string[] = [];
      for (let n = 1; (n - 1) * PART_BYTES < size; n++) {
        const query = { partNumber: String(n), uploadId };
        const { headers } = await send(bucket, 'PUT', key, { query, body: await read(), signal });
        parts.push(`<Part><PartNumber>${n}</PartNumber><ETag>${headers.get('etag') ?? ''}</ETag></Part>`);
      }
      const body = new TextEncoder().encode(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
      await send(bucket, 'POST', key, { query: { uploadId }, body, signal });
    } catch (error) {
      // Parts of an upload that was given up cost money until somebody removes them.
      await send(bucket, 'DELETE', key, { query: { uploadId } }).catch(() => undefined);
      throw error;
    }
  } finally {
    await handle.close();
  }
}

/** Removes a file; one that is not there is no error. */
export async function removeFile(bucket: Bucket, key: string): Promise<void> {
  await send(bucket, 'DELETE', key);
}

/** An address that gives the file, under a name of its own, to whoever has it for so many seconds. */
export function presignedUrl(
  bucket: Bucket,
  key: string,
  options: { fileName: string; seconds: number; at: Date },
): string {
  const { fileName, seconds, at } = options;
  const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const url = addressOf(bucket, key, {
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${bucket.accessKey}/${time.slice(0, 8)}/${bucket.region}/s3/aws4_request`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(seconds),
    'X-Amz-SignedHeaders': 'host',
    'response-content-disposition': `attachment; filename="${fileName}"`,
  });
  const headers = { host: url.host };
  const { signature } = signatureOf(bucket, { method: 'GET', url, headers, payloadHash: 'UNSIGNED-PAYLOAD', at });
  return `${url.href}&X-Amz-Signature=${signature}`;
}
