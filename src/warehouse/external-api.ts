import { addressOf, askOnce, ExactNumber, InvalidAnswer, parseExact } from './api-client.ts';
import type { Limits } from './engine.ts';
import type { HttpClient } from './http/client.ts';
import { record } from './http/json.ts';
import { wrong } from './http/settings.ts';

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

/** Three members need no more. */
const MAX_BYTES = 64 * 1024;
/** Headers that a key must not replace. */
const TAKEN =
  /^(?:host|content-.*|transfer-encoding|connection|upgrade|te|trailer|expect|accept-encoding|keep-alive|proxy-.*)$/i;
const INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$/;

function isInstant(text: string): boolean {
  const [, year, month, day] = INSTANT.exec(text) ?? [];
  if (year === undefined) return false;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

/** Checks an answer: `{timestamp, answer_value, asset_id}`. @throws EngineError ENGINE_FAILED saying which member is wrong. */
export function readExternalAnswer(text: string): ExternalAnswer {
  const answer = parseExact(text);
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw new InvalidAnswer('it is not a JSON object.', 'Answer {"timestamp", "answer_value", "asset_id"}.');
  }
  const { timestamp, answer_value: value, asset_id: assetId } = record(answer);
  if (typeof timestamp !== 'string' || !isInstant(timestamp)) {
    throw new InvalidAnswer('timestamp is not an ISO-8601 time with a zone.', 'Write it as 2025-01-31T12:00:00Z.');
  }
  if (!(value instanceof ExactNumber)) {
    throw new InvalidAnswer('answer_value is not a number.', 'Write it as a JSON number, without quotes.');
  }
  if (assetId !== undefined && assetId !== null && typeof assetId !== 'string') {
    throw new InvalidAnswer(
      'asset_id is neither text nor null.',
      'Give back the asset_id of the request, or leave it out.',
    );
  }
  return { value: value.source, timestamp, assetId: assetId ?? null };
}

/**
 * Asks a seller's API for its answer. Without a function id the parameters are the body, posted to the full address;
 * with one the body is `{function_id, params}`. Nothing is asked twice.
 * @throws EngineError as `askOnce` does
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
    throw wrong('The address is not that of the client.', 'Make a client for this address.');
  if (!/^[A-Za-z0-9-]{1,60}$/.test(apiKeyHeader) || TAKEN.test(apiKeyHeader)) {
    throw wrong('The header of the key is not valid.', 'Use X-API-Key.');
  }
  if (!/^[\x21-\x7e]{1,4096}$/.test(apiKey))
    throw wrong('The key of the API is not valid.', 'Paste it without spaces.');
  const headers = { 'content-type': 'application/json', [apiKeyHeader]: apiKey };
  const body = JSON.stringify(functionId === null ? params : { function_id: functionId, params });
  const request = { url, headers, body, secrets: [apiKey] };
  const maxBytes = Math.min(limits.maxBytes, MAX_BYTES);
  return askOnce(client, request, { ...limits, maxBytes }, signal, ({ text }) => readExternalAnswer(text));
}
