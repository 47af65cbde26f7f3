import { EngineError } from './engine.ts';
import type { Limits, StageResult } from './engine.ts';
import { openGuardedSocket } from './guarded-socket.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { HttpClient, statusFailure } from './http/client.ts';
import type { HttpAnswer } from './http/client.ts';
import { wrong } from './http/settings.ts';
import { deadline, orAbort, runStages } from './lifecycle.ts';
import type { Step } from './lifecycle.ts';
import { scrub } from './wire.ts';

/** The longest answer of an API. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** The longest that a service is believed to want to be left alone. */
const MAX_WAIT_MS = 3_600_000;

/** The address of an API, checked. @throws EngineError CONNECTION_FAILED stage SETTINGS */
export function addressOf(baseUrl: string): URL {
  const url = URL.parse(baseUrl);
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (!url || !isWeb || url.username || url.password || url.search || url.hash) {
    throw wrong('The address of the API is not valid.', 'Give it as https://host/path, without a user and a query.');
  }
  return url;
}

/**
 * A client for an API that a seller names. It goes to public hosts by https, and to what the operator allows on purpose.
 * @throws EngineError CONNECTION_FAILED stage SETTINGS
 */
export function createApiClient(baseUrl: string, network: NetworkPolicy): HttpClient {
  return new HttpClient({ origin: addressOf(baseUrl).origin, suffixes: null, network });
}

/** A number of an answer as it was written: a double would lose digits. */
export class ExactNumber {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

/** Parses an answer with its numbers exact; undefined where it is no JSON. */
export function parseExact(text: string): unknown {
  const keep = (_key: string, value: unknown, { source }: { source?: string }): unknown =>
    typeof value === 'number' && Number.isFinite(value) ? new ExactNumber(source ?? String(value)) : value;
  try {
    return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
  } catch {
    return undefined;
  }
}

/** What an answer is that does not say what it should: the API did answer, so the result is what is wrong. */
export class InvalidAnswer extends EngineError {
  constructor(message: string, hint: string) {
    super('ENGINE_FAILED', `The API's answer is not valid: ${message}`, { stage: 'QUERY', hint });
  }
}

function retryAfterMs(headers: Record<string, string>): number | null {
  const said = headers['retry-after']?.trim() ?? '';
  const ms = /^\d{1,9}$/.test(said) ? Number(said) * 1000 : Date.parse(said) - Date.now();
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, ms), MAX_WAIT_MS);
}

function failureOf({ status, headers }: HttpAnswer): EngineError | null {
  // Some say it of a key that they do not know.
  const failure = statusFailure(status === 403 ? 401 : status);
  const waitMs = status === 429 ? retryAfterMs(headers) : null;
  if (failure === null || waitMs === null) return failure;
  const hint = `Try again in ${Math.ceil(waitMs / 1000)} s.`;
  return new EngineError(failure.code, failure.message, { hint, retryAfterMs: waitMs });
}

/**
 * Sends one request to an API, once, and reads its answer. What an error says is free of `secrets`.
 * @throws EngineError CONNECTION_FAILED (address, network, TLS, refused key or redirect), QUERY_TIMEOUT, CANCELLED,
 * ENGINE_BUSY, RESULT_TOO_LARGE, or ENGINE_FAILED for an error of the API and what `read` finds wrong.
 */
export async function askOnce<T>(
  client: HttpClient,
  request: { url: URL; headers: Record<string, string>; body?: string; secrets: string[] },
  limits: Pick<Limits, 'timeoutMs' | 'maxBytes'>,
  signal: AbortSignal,
  read: (answer: HttpAnswer) => T,
): Promise<T> {
  const { url, headers, body, secrets } = request;
  const time = deadline(limits.timeoutMs, signal);
  try {
    const answer = await client.request({
      method: body === undefined ? 'GET' : 'POST',
      path: url.pathname,
      headers: { accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
      signal: time.signal,
      maxBytes: Math.min(limits.maxBytes, MAX_ANSWER_BYTES),
    });
    const failed = failureOf(answer);
    if (failed) throw failed;
    return read(answer);
  } catch (error) {
    if (!(error instanceof EngineError) || error instanceof InvalidAnswer) throw error;
    const { code, stage, hint, retryAfterMs: waitMs, cause } = error;
    const message = scrub(error.message, [...secrets, url.hostname]);
    throw new EngineError(code, message, {
      ...(stage ? { stage } : {}),
      ...(hint ? { hint } : {}),
      ...(waitMs === null ? {} : { retryAfterMs: waitMs }),
      cause,
    });
  } finally {
    time.end();
  }
}

/** Tries an API as far as its certificate; `further` goes on from there. */
export async function testApi(
  connect: () => HttpClient,
  network: NetworkPolicy,
  signal: AbortSignal,
  further: (client: HttpClient) => Step[] = () => [],
): Promise<StageResult[]> {
  let client: HttpClient;
  try {
    client = connect();
  } catch (error) {
    return runStages([{ stages: ['SETTINGS'], run: () => Promise.reject(error as Error) }]);
  }
  const { address } = client;
  const steps: Step[] = [
    { stages: ['SETTINGS'], run: () => undefined },
    {
      stages: ['DNS', 'TCP'],
      run: async () => void (await openGuardedSocket(address.host, address.port, network, signal)).destroy(),
    },
  ];
  if (address.isSecure) steps.push({ stages: ['TLS'], run: () => orAbort(client.reach(), signal) });
  try {
    return await runStages([...steps, ...further(client)]);
  } finally {
    client.destroy();
  }
}
