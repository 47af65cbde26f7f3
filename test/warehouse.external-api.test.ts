import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../src/warehouse/engine.ts';
import { createApiClient } from '../src/warehouse/api-client.ts';
import { callExternalApi, readExternalAnswer } from '../src/warehouse/external-api.ts';
import type { ExternalAnswer, ExternalApi } from '../src/warehouse/external-api.ts';
import type { HttpClient } from '../src/warehouse/http/client.ts';
import { redirect, serve } from './helpers/engine-servers.ts';
import type { EngineServer, Reply } from './helpers/engine-servers.ts';
import { createCertificate } from './helpers/platform-servers.ts';

const KEY = 'seller-key-0123456789';
const LIMITS = { timeoutMs: 60_000, maxRows: 1, maxBytes: 10_000 };
const never = new AbortController().signal;
const network = { allowPrivate: ['127.0.0.0/8'] };
const good = { timestamp: '2025-01-31T12:00:00.123456+01:00', answer_value: -12.5, asset_id: 'asset-7' };

let server: EngineServer;
let client: HttpClient;
let next: Reply | null = null;

beforeAll(async () => {
  server = await serve(({ method, headers }) => {
    if (method !== 'POST' || headers['content-type'] !== 'application/json') return { status: 405 };
    if (headers['x-api-key'] !== KEY && headers['x-other-key'] !== KEY)
      return { status: 403, json: { error: `no such key ${KEY}` } };
    return next ?? { json: good };
  });
  client = createApiClient(server.url, network);
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

interface Change extends Partial<ExternalApi> {
  path?: string;
  timeoutMs?: number;
  signal?: AbortSignal;
}

function call(reply: Reply | null = null, change: Change = {}): Promise<ExternalAnswer> {
  const { path = '/predict', timeoutMs = LIMITS.timeoutMs, signal = never, ...api } = change;
  next = reply;
  return callExternalApi(
    client,
    { baseUrl: server.url + path, apiKey: KEY, ...api },
    { region: 'EU', n: 3 },
    { ...LIMITS, timeoutMs },
    signal,
  );
}

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  const known = error as EngineError;
  expect(`${known.message} ${known.hint ?? ''}`).not.toMatch(/seller-key|127\.0\.0\.1/);
  return known;
}

describe('an external API works', () => {
  it('gets its parameters as the body, at the full address', async () => {
    expect(await call()).toEqual({ value: '-12.5', timestamp: good.timestamp, assetId: 'asset-7' });
    expect(server.seen.at(-1)).toMatchObject({ method: 'POST', path: '/predict', json: { region: 'EU', n: 3 } });
  });

  it('gets a function id beside its parameters', async () => {
    await call(null, { functionId: 'churn', path: '', apiKeyHeader: 'X-Other-Key' });
    expect(server.seen.at(-1)).toMatchObject({
      path: '/',
      json: { function_id: 'churn', params: { region: 'EU', n: 3 } },
    });
    expect(server.seen.at(-1)?.headers['x-api-key']).toBeUndefined();
  });

  it.each([
    ['{"timestamp": "2025-01-31T12:00:00Z", "answer_value": 12345678901234567890.10}', '12345678901234567890.10', null],
    ['{"timestamp": "2025-01-31T12:00:00.123456789-05:30", "answer_value": 1e-3, "asset_id": null}', '1e-3', null],
    [
      '{"answer_value": 0, "asset_id": "", "timestamp": "2024-02-29T23:59:59+0200", "more": {"answer_value": "no"}}',
      '0',
      '',
    ],
  ])('reads %s', (text, value, assetId) => {
    expect(readExternalAnswer(text)).toMatchObject({ value, assetId });
  });
});

describe('an external API is refused', () => {
  it.each([
    ['no JSON', '<html>'],
    ['a list', '[1]'],
    ['null', 'null'],
    ['no timestamp', '{"answer_value": 1}'],
    ['a timestamp without a zone', '{"timestamp": "2025-01-31T12:00:00", "answer_value": 1}'],
    ['a timestamp as a number', '{"timestamp": 1738324800, "answer_value": 1}'],
    ['a timestamp in another format', '{"timestamp": "31.01.2025 12:00 UTC", "answer_value": 1}'],
    ['a day that there is not', '{"timestamp": "2025-02-30T12:00:00Z", "answer_value": 1}'],
    ['no value', '{"timestamp": "2025-01-31T12:00:00Z"}'],
    ['a value as text', '{"timestamp": "2025-01-31T12:00:00Z", "answer_value": "1"}'],
    ['a value as boolean', '{"timestamp": "2025-01-31T12:00:00Z", "answer_value": true}'],
    ['a value as list', '{"timestamp": "2025-01-31T12:00:00Z", "answer_value": [1]}'],
    ['a value as object', '{"timestamp": "2025-01-31T12:00:00Z", "answer_value": {"answer_value": 1}}'],
    ['a value of null', '{"timestamp": "2025-01-31T12:00:00Z", "answer_value": null}'],
    ['a value beyond every number', '{"timestamp": "2025-01-31T12:00:00Z", "answer_value": 1e999}'],
    ['an asset id as number', '{"timestamp": "2025-01-31T12:00:00Z", "answer_value": 1, "asset_id": 7}'],
  ])('for %s', async (_what, text) => {
    const error = await failure(call({ text }));
    expect([error.code, error.stage, error.hint !== null]).toEqual(['ENGINE_FAILED', 'QUERY', true]);
  });

  it.each<[string, Reply, string]>([
    ['a redirect', redirect, 'CONNECTION_FAILED'],
    ['its own error', { status: 500, text: `boom ${KEY}` }, 'ENGINE_FAILED'],
    ['a wrong parameter', { status: 422, json: { error: KEY } }, 'ENGINE_FAILED'],
    ['too many calls', { status: 429 }, 'ENGINE_BUSY'],
    ['an endless answer', { text: 'x'.repeat(50_000) }, 'RESULT_TOO_LARGE'],
  ])('for %s', async (_what, reply, code) => {
    expect((await failure(call(reply))).code).toBe(code);
  });

  it('for a key that it does not know', async () => {
    expect(await failure(call(null, { apiKey: 'another' }))).toMatchObject({
      code: 'CONNECTION_FAILED',
      stage: 'LOGIN',
    });
  });

  it('when it takes too long, or the caller leaves', async () => {
    const slow: Reply = { write: async (response) => void (await once(response, 'close')) };
    expect((await failure(call(slow, { timeoutMs: 200 }))).code).toBe('QUERY_TIMEOUT');
    expect((await failure(call(slow, { signal: AbortSignal.timeout(100) }))).code).toBe('CANCELLED');
    expect((await failure(call(slow, { signal: AbortSignal.abort() }))).code).toBe('CANCELLED');
  });

  it.each<[string, Change]>([
    ['a key with a line break', { apiKey: 'a\r\nb' }],
    ['an empty key', { apiKey: '' }],
    ['a header of the protocol', { apiKeyHeader: 'Host' }],
    ['a header that is none', { apiKeyHeader: 'a: b' }],
    ['a query in the address', { path: '/predict?x=1' }],
  ])('for %s, before it is called', async (_what, change) => {
    const before = server.seen.length;
    expect(await failure(call(null, change))).toMatchObject({ code: 'CONNECTION_FAILED', stage: 'SETTINGS' });
    expect(server.seen.length).toBe(before);
  });

  it('at an address of another client', async () => {
    const api = { baseUrl: 'http://127.0.0.1:1/predict', apiKey: KEY };
    expect((await failure(callExternalApi(client, api, {}, LIMITS, never))).stage).toBe('SETTINGS');
  });

  it('without https, without a public address, without a valid certificate', async () => {
    expect(() => createApiClient('http://api.example.com/predict', { allowPrivate: [] })).toThrow(EngineError);
    expect(() => createApiClient('ftp://api.example.com', network)).toThrow(EngineError);
    const secure = await serve(() => ({ json: good }), createCertificate('localhost'));
    const ask = async (baseUrl: string, allowPrivate: string[]): Promise<EngineError> => {
      const one = createApiClient(baseUrl, { allowPrivate });
      const error = await failure(callExternalApi(one, { baseUrl, apiKey: KEY }, {}, LIMITS, never));
      one.destroy();
      return error;
    };
    expect((await ask(`${secure.url}/predict`, [])).stage).toBe('DNS');
    expect((await ask(`${secure.url}/predict`, ['127.0.0.0/8'])).stage).toBe('TLS');
    expect(secure.seen).toHaveLength(0);
    await secure.close();
  });
});
