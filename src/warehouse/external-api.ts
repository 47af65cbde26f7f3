import { EngineError } from './engine.ts';
import type { Limits } from './engine.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { HttpClient, statusFailure } from './http/client.ts';
import { record } from './http/json.ts';
import { deadline } from './lifecycle.ts';
import { scrub } from './wire.ts';

/** A seller's own API: where it is, its key, and the function behind it where one address has several. */
export interface ExternalApi {
  /** The full https address that is called, without a query. */
  baseUrl: string;
  apiKey: string;
  /** The header that the key goes into; `X-API-Key` where left out. */
  apiKeyHeader?: string;
  functionId?: string | null;
}

/** What an external API answered: the number exactly as it was written. */
export interface ExternalAnswer {
  value: string;
  timestamp: string;
  assetId: string | null;
}

/** Headers that a key must not replace. */
const TAKEN =
  /^(?:host|content-.*|transfer-encoding|connection|upgrade|te|trailer|expect|accept-encoding|keep-alive|proxy-.*)$/i;
const INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$/;

function settingsError(message: string, hint: string): EngineError {
  return new EngineError('CONNECTION_FAILED', message, { stage: 'SETTINGS', hint });
}

/** The address of an API, checked. @throws EngineError CONNECTION_FAILED stage SETTINGS */
function addressOf(baseUrl: string): URL {
  const url = URL.parse(baseUrl);
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (!url || !isWeb || url.username || url.password || url.search || url.hash) {
    throw settingsError(
      'The address of the API is not valid.',
      'Give it as https://host/path, without a user and a query.',
    );
  }
  return url;
}

/**
 * A client for a seller's own API. It goes to public hosts by https, and to what the operator allows on purpose.
 * @throws EngineError CONNECTION_FAILED stage SETTINGS
 */
export function createExternalApiClient(baseUrl: string, network: NetworkPolicy): HttpClient {
  return new HttpClient({ origin: addressOf(baseUrl).origin, suffixes: null, network });
}

/** Parses the answer, and keeps the text of its number: a double would lose digits. */
function parse(text: string): { answer: unknown; source: string | null } {
  // By the object that holds it: an answer may have others of that name deeper down.
  const sources = new Map<unknown, string>();
  function keep(this: unknown, key: string, value: unknown, context: { source?: string }): unknown {
    if (key === 'answer_value' && typeof value === 'number') sources.set(this, context.source ?? String(value));
    return value;
  }
  try {
    const answer: unknown = JSON.parse(text, keep as (key: string, value: unknown) => unknown);
    return { answer, source: sources.get(answer) ?? null };
  } catch {
    return { answer: undefined, source: null };
  }
}

function invalid(message: string, hint: string): EngineError {
  return new EngineError('ENGINE_FAILED', `The API's answer is not valid: ${message}`, { stage: 'QUERY', hint });
}

function isInstant(text: string): boolean {
  const [, year, month, day] = INSTANT.exec(text) ?? [];
  if (year === undefined) return false;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

/** Checks an answer: `{timestamp, answer_value, asset_id}`. @throws EngineError ENGINE_FAILED saying which member is wrong. */
export function readExternalAnswer(text: string): ExternalAnswer {
  const { answer, source } = parse(text);
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw invalid('it is not a JSON object.', 'Answer {"timestamp", "answer_value", "asset_id"}.');
  }
  const { timestamp, answer_value: value, asset_id: assetId } = record(answer);
  if (typeof timestamp !== 'string' || !isInstant(timestamp)) {
    throw invalid('timestamp is not an ISO-8601 time with a zone.', 'Write it as 2025-01-31T12:00:00Z.');
  }
  if (typeof value !== 'number' || !Number.isFinite(value) || source === null) {
    throw invalid('answer_value is not a number.', 'Write it as a JSON number, without quotes.');
  }
  if (assetId !== undefined && assetId !== null && typeof assetId !== 'string') {
    throw invalid('asset_id is neither text nor null.', 'Give back the asset_id of the request, or leave it out.');
  }
  return { value: source, timestamp, assetId: assetId ?? null };
}

/**
 * Asks a seller's API for its answer. Without a function id the parameters are the body, posted to the full address;
 * with one the body is `{function_id, params}`. Nothing is asked twice.
 * @throws EngineError CONNECTION_FAILED (address, network, TLS, refused key or redirect), QUERY_TIMEOUT, CANCELLED,
 * ENGINE_BUSY, RESULT_TOO_LARGE, or ENGINE_FAILED for an error of the API and an answer that is not valid.
 */
export async function callExternalApi(
  client: HttpClient,
  api: ExternalApi,
  params: Record<string, unknown>,
  limits: Limits,
  signal: AbortSignal,
): Promise<ExternalAnswer> {
  const { apiKey, apiKeyHeader = 'X-API-Key', functionId = null } = api;
  const url = addressOf(api.baseUrl);
  if (url.origin !== client.origin)
    throw settingsError('The address is not that of the client.', 'Make a client for this address.');
  if (!/^[A-Za-z0-9-]{1,60}$/.test(apiKeyHeader) || TAKEN.test(apiKeyHeader)) {
    throw settingsError('The header of the key is not valid.', 'Use X-API-Key.');
  }
  if (!/^[\x21-\x7e]{1,4096}$/.test(apiKey))
    throw settingsError('The key of the API is not valid.', 'Paste it without spaces.');
  const time = deadline(limits.timeoutMs, signal);
  try {
    const answer = await client.request({
      method: 'POST',
      path: url.pathname,
      headers: { 'content-type': 'application/json', accept: 'application/json', [apiKeyHeader]: apiKey },
      body: JSON.stringify(functionId === null ? params : { function_id: functionId, params }),
      signal: time.signal,
      maxBytes: Math.min(limits.maxBytes, 1024 * 1024),
    });
    if (answer.status === 403) throw statusFailure(401) ?? new Error('refused');
    const failed = statusFailure(answer.status);
    if (failed) throw failed;
    return readExternalAnswer(answer.text);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { code, stage, hint, cause } = error;
    const message = scrub(error.message, [apiKey, url.hostname]);
    throw new EngineError(code, message, { ...(stage ? { stage } : {}), ...(hint ? { hint } : {}), cause });
  } finally {
    time.end();
  }
}
