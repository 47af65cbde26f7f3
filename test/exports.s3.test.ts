import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { presignedUrl, putFile, removeFile, signatureOf, type Bucket } from '../src/exports/s3.ts';
import { bucketOf } from '../src/exports/storage.ts';
import { startExports } from '../src/exports/worker.ts';
import { duckdbFile, mutate } from './assets.fixtures.ts';
import { gid, testGateway } from './helpers/gateway.ts';

const SECRET = 'a secret/key+of ours';
const sha = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** A store that checks each signature from what came over the wire, keeps objects, and fails where told to. */
async function startStore() {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, Map<number, Buffer>>();
  const seen: string[] = [];
  const next: number[] = [];

  /** The signature as Signature Version 4 wants it of this very request. */
  function rightSignature(request: IncomingMessage, body: Buffer): { given: string; right: string } {
    const [pathname = '', search = ''] = (request.url ?? '').split('?');
    const params = search === '' ? [] : search.split('&').map((part) => part.split('=') as [string, string]);
    const query = new Map(params.map(([name, value]) => [decodeURIComponent(name), decodeURIComponent(value)]));
    const isQuery = query.has('X-Amz-Signature');
    const header = /Credential=([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/.exec(
      request.headers.authorization ?? '',
    );
    const [, day = '', region = '', service = '', end = ''] = (
      query.get('X-Amz-Credential') ??
      header?.[1] ??
      ''
    ).split('/');
    const names = (query.get('X-Amz-SignedHeaders') ?? header?.[2] ?? '').split(';');
    const payload = isQuery ? 'UNSIGNED-PAYLOAD' : String(request.headers['x-amz-content-sha256']);
    if (!isQuery && payload !== sha(body)) return { given: 'body', right: 'another body' };
    const canonical = [
      request.method,
      pathname,
      params
        .filter(([name]) => name !== 'X-Amz-Signature')
        .map(([name, value]) => `${name}=${value}`)
        .sort()
        .join('&'),
      ...names.map((name) => `${name}:${String(request.headers[name])}`),
      '',
      names.join(';'),
      payload,
    ].join('\n');
    const date = query.get('X-Amz-Date') ?? String(request.headers['x-amz-date']);
    const text = ['AWS4-HMAC-SHA256', date, [day, region, service, end].join('/'), sha(canonical)].join('\n');
    const key = hmac(hmac(hmac(hmac(`AWS4${SECRET}`, day), region), service), end);
    return { given: query.get('X-Amz-Signature') ?? header?.[3] ?? '', right: hmac(key, text).toString('hex') };
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const url = new URL(request.url ?? '/', 'http://store');
      const name = decodeURIComponent(url.pathname);
      const answer = (status: number, text: string | Buffer = '', headers: Record<string, string> = {}): void =>
        void response.writeHead(status, headers).end(text);
      seen.push(
        `${request.method} ${[...url.searchParams.keys()].filter((key) => !key.startsWith('X-Amz') && !key.startsWith('response')).join('&')}`,
      );
      const { given, right } = rightSignature(request, body);
      if (given !== right) return answer(403, '<Error><Code>SignatureDoesNotMatch</Code></Error>');
      const forced = next.shift();
      if (forced) return answer(forced, '<Error><Code>SlowDown</Code></Error>');
      const uploadId = url.searchParams.get('uploadId');
      const parts = uploadId ? uploads.get(uploadId) : undefined;
      if (request.method === 'POST' && url.searchParams.has('uploads')) {
        const id = randomBytes(4).toString('hex');
        uploads.set(id, new Map());
        return answer(200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
      }
      if (uploadId && !parts) return answer(404, '<Error><Code>NoSuchUpload</Code></Error>');
      if (request.method === 'PUT' && parts) {
        parts.set(Number(url.searchParams.get('partNumber')), body);
        return answer(200, '', { etag: `"${sha(body).slice(0, 32)}"` });
      }
      if (request.method === 'POST' && parts && uploadId) {
        const listed = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)<\/ETag>/g)];
        const isRight = listed.every(
          ([, n, tag]) => tag === `"${sha(parts.get(Number(n)) ?? Buffer.alloc(0)).slice(0, 32)}"`,
        );
        if (!isRight || listed.length !== parts.size) return answer(200, '<Error><Code>InvalidPart</Code></Error>');
        objects.set(name, Buffer.concat(listed.map(([, n]) => parts.get(Number(n)) ?? Buffer.alloc(0))));
        uploads.delete(uploadId);
        return answer(200, '<CompleteMultipartUploadResult/>');
      }
      if (request.method === 'PUT') return (objects.set(name, body), answer(200));
      if (request.method === 'DELETE') return (uploadId ? uploads.delete(uploadId) : objects.delete(name), answer(204));
      const found = objects.get(name);
      if (!found) return answer(404, '<Error><Code>NoSuchKey</Code></Error>');
      return answer(200, found, { 'content-disposition': url.searchParams.get('response-content-disposition') ?? '' });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, objects, uploads, seen, next, close: () => new Promise((resolve) => server.close(resolve)) };
}

let store: Awaited<ReturnType<typeof startStore>>;
let bucket: Bucket;
const dir = mkdtempSync(path.join(os.tmpdir(), 's3-'));
const signal = new AbortController().signal;

function fileOf(bytes: number): { path: string; contentType: string; content: Buffer } {
  const content = randomBytes(bytes);
  const file = path.join(dir, `file-${bytes}`);
  writeFileSync(file, content);
  return { path: file, contentType: 'text/csv', content };
}

beforeAll(async () => {
  store = await startStore();
  bucket = { endpoint: store.url, bucket: 'exports', region: 'eu-central-1', accessKey: 'AKEY', secretKey: SECRET };
});
afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('a bucket works', () => {
  it('with the signatures that AWS documents', () => {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and …/sigv4-query-string-auth.html
    const aws = { region: 'us-east-1', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
    const at = new Date('2013-05-24T00:00:00Z');
    const host = 'examplebucket.s3.amazonaws.com';
    const empty = sha('');
    const date = { 'x-amz-date': '20130524T000000Z' };
    const signed = (method: string, address: string, headers: Record<string, string>, payloadHash: string): string =>
      signatureOf(aws, {
        method,
        url: new URL(`https://${host}${address}`),
        headers: { host, ...headers },
        payloadHash,
        at,
      }).signature;
    expect(signed('GET', '/test.txt', { range: 'bytes=0-9', 'x-amz-content-sha256': empty, ...date }, empty)).toBe(
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
    const put = sha('Welcome to Amazon S3.');
    const more = { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' };
    expect(signed('PUT', '/test%24file.text', { ...more, 'x-amz-content-sha256': put, ...date }, put)).toBe(
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    );
    expect(signed('GET', '/?lifecycle', { 'x-amz-content-sha256': empty, ...date }, empty)).toBe(
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    );
    const query =
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host';
    expect(signed('GET', `/test.txt?${query}`, {}, 'UNSIGNED-PAYLOAD')).toBe(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });

  it('for small files in one request, for large ones in parts, and gives them to whoever has the address', async () => {
    for (const [bytes, requests] of [
      [0, ['PUT ']],
      [1000, ['PUT ']],
      [
        20 * 1024 * 1024 + 7,
        [
          'POST uploads',
          'PUT partNumber&uploadId',
          'PUT partNumber&uploadId',
          'PUT partNumber&uploadId',
          'POST uploadId',
        ],
      ],
    ] as const) {
      store.seen.length = 0;
      const file = fileOf(bytes);
      const key = `a key/with (brackets) & é ${bytes}.csv`;
      await putFile(bucket, key, file, signal);
      expect(store.seen).toEqual(requests);
      expect(store.objects.get(`/exports/${key}`)?.equals(file.content)).toBe(true);
      const response = await fetch(presignedUrl(bucket, key, { fileName: 'mine.csv', seconds: 60, at: new Date() }));
      expect([response.status, response.headers.get('content-disposition')]).toEqual([
        200,
        'attachment; filename="mine.csv"',
      ]);
      expect(Buffer.from(await response.arrayBuffer()).equals(file.content)).toBe(true);
      await removeFile(bucket, key);
      expect(store.objects.size).toBe(0);
    }
  });

  it('as the place of exports', async () => {
    const t = await testGateway({
      S3_ENDPOINT: store.url,
      S3_BUCKET: 'exports',
      S3_ACCESS_KEY: 'AKEY',
      S3_SECRET_KEY: SECRET,
    });
    try {
      await startExports(t.app);
      const seller = await t.tenant({ handle: 'seller' });
      const settings = { path: await duckdbFile(t, 'shop.duckdb') };
      const { id } = await t.world.connection(seller.company.id, { engineId: 57, settings });
      const endpointSchema = {
        columns: [
          { name: 'region', type: 'STRING' },
          { name: 'units', type: 'INTEGER', order: 'ASC' },
        ],
      };
      const row = await t.world.endpoint(seller.company.id, id, {
        sourceTableName: 'sales',
        endpointSchema,
        exportEnabled: true,
      } as never);
      const { export: made } = await mutate(
        t,
        seller.keys.OWNER,
        'endpointExport',
        { endpointId: gid('Endpoint', row), format: 'CSV' },
        'export { id }',
      );
      const read = async () =>
        (
          await t.run(
            seller.keys.OWNER,
            'query ($id: ID!) { node(id: $id) { ... on Export { status downloadUrl fileName } } }',
            { id: made.id },
          )
        ).data.node;
      await expect.poll(async () => (await read()).status, { timeout: 60_000 }).toBe('SUCCEEDED');
      const { downloadUrl, fileName } = await read();
      expect(downloadUrl.startsWith(`${store.url}/exports/`)).toBe(true);
      const response = await fetch(downloadUrl);
      expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${fileName}"`);
      expect(await response.text()).toBe('region,units\r\nnorth,1\r\nnorth,2\r\nnorth,3\r\nsouth,4\r\nsouth,5\r\n');
      expect(readdirSync(path.join(t.app.config.DATA_DIR, 'exports/work'))).toEqual([]);
    } finally {
      await t.close();
    }
  });
});

describe('a bucket refuses', () => {
  it('whoever has another key, or an address that was changed', async () => {
    const file = fileOf(10);
    await expect(putFile({ ...bucket, secretKey: 'wrong' }, 'x', file, signal)).rejects.toThrow(
      'SignatureDoesNotMatch',
    );
    await putFile(bucket, 'x', file, signal);
    const url = presignedUrl(bucket, 'x', { fileName: 'x.csv', seconds: 60, at: new Date() });
    expect((await fetch(url.replace('X-Amz-Expires=60', 'X-Amz-Expires=6000'))).status).toBe(403);
    expect((await fetch(url.replace('/exports/x', '/exports/y'))).status).toBe(403);
  });

  it('half named in the settings', () => {
    const settings = { DATA_DIR: '.data', EXPORT_DIR: undefined, S3_REGION: 'us-east-1' };
    expect(() =>
      bucketOf({
        ...settings,
        S3_ENDPOINT: 'https://s3.example',
        S3_BUCKET: 'b',
        S3_ACCESS_KEY: undefined,
        S3_SECRET_KEY: undefined,
      }),
    ).toThrow(/S3_ACCESS_KEY: is needed beside S3_ENDPOINT\n.*S3_SECRET_KEY: is needed/);
    expect(
      bucketOf({ ...settings, S3_ENDPOINT: undefined, S3_BUCKET: 'b', S3_ACCESS_KEY: 'x', S3_SECRET_KEY: undefined }),
    ).toBeNull();
  });
});

describe('a bucket guards', () => {
  it('against passing faults by trying again, and leaves no parts where it gives up', async () => {
    const file = fileOf(9 * 1024 * 1024);
    store.next.push(503);
    await putFile(bucket, 'again', file, signal);
    expect(store.objects.get('/exports/again')?.equals(file.content)).toBe(true);
    const before = store.seen.length;
    // The upload begins, its first part does not pass.
    store.next.push(0, 503, 503, 503, 503);
    await expect(putFile(bucket, 'never', file, signal)).rejects.toThrow('503 (SlowDown)');
    expect(store.seen[before]).toBe('POST uploads');
    await expect.poll(() => store.uploads.size).toBe(0);
    expect(store.objects.has('/exports/never')).toBe(false);
  });
});
