/** What the adapters share: JSON over the guarded fetch, every failure turned into a {@link PlatformError}. */
import type { z } from 'zod';
import { FetchError, type GuardedFetch, type GuardedRequest, type GuardedResponse } from '../../http/guarded-fetch.ts';
import { PlatformError, type CredentialField, type Credentials, type PlatformErrorCode } from './platform.ts';

const MAX_MESSAGE_LENGTH = 300;

/** What an error body says, read by the adapter that knows its shape. */
export interface Problem {
  message: string | null;
  fields?: string[];
  /** Where the body tells more than the status does. */
  code?: PlatformErrorCode | undefined;
}

/** How to reach one platform with one set of credentials. */
export interface ApiOptions {
  fetch: GuardedFetch;
  platform: string;
  base: string;
  /** Asked before each call, for tokens that expire; `body` is what goes out, for signatures. */
  headers(body: string | undefined): Record<string, string>;
  /** Values that must not show up in a message. */
  secrets: string[];
  /** The credential that holds the address, blamed when the address is wrong. */
  addressField: string | null;
  signal: AbortSignal;
  /** Bound of an answer, where a platform sends whole posts back. */
  maxBytes?: number;
  explain(body: unknown): Problem;
}

/** One call, `path` relative to the base. */
export interface ApiCall {
  method: GuardedRequest['method'];
  path: string;
  body?: unknown;
  /** Failure statuses that the adapter wants to see rather than have thrown. */
  accept?: number[];
  /** The path names one stored post, so "not found" means that it is gone. */
  isPost?: boolean;
}

/** The answer to a call; `body` is undefined where it is not JSON. */
export interface ApiAnswer {
  status: number;
  headers: Headers;
  body: unknown;
  /** @throws PlatformError UNAVAILABLE where the body is not of that shape. */
  read<T>(schema: z.ZodType<T>): T;
  /** The error that an accepted failure status would have been. */
  failure(): PlatformError;
}

/** Sends calls to one platform. */
export type Api = (call: ApiCall) => Promise<ApiAnswer>;

/** Builds the caller. */
export function createApi(options: ApiOptions): Api {
  return async (call) => {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const response = await send(options, call, body);
    const parsed = parseJson(response.text);
    const answer: ApiAnswer = {
      status: response.status,
      headers: response.headers,
      body: parsed,
      read(schema) {
        const result = schema.safeParse(parsed);
        if (result.success) return result.data;
        throw new PlatformError('UNAVAILABLE', `What answered does not look like ${options.platform}.`, {
          fields: addressFields(options),
          cause: result.error,
        });
      },
      failure: () => toFailure(options, call, response, parsed),
    };
    if (response.status < 300 || call.accept?.includes(response.status)) return answer;
    throw answer.failure();
  };
}

async function send(options: ApiOptions, call: ApiCall, body: string | undefined): Promise<GuardedResponse> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers(body) };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const init: GuardedRequest = { method: call.method, headers, signal: options.signal };
  if (body !== undefined) init.body = body;
  if (options.maxBytes !== undefined) init.maxBytes = options.maxBytes;
  try {
    return await options.fetch(options.base + call.path, init);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    const isAddress = error.code === 'REFUSED' || error.code === 'REDIRECT';
    throw new PlatformError(isAddress ? 'VALIDATION' : 'UNAVAILABLE', clean(error.message, options.secrets), {
      fields: isAddress ? addressFields(options) : [],
      cause: error,
    });
  }
}

function toFailure(options: ApiOptions, call: ApiCall, response: GuardedResponse, body: unknown): PlatformError {
  const problem = options.explain(body);
  const isMissing = response.status === 404 || response.status === 410;
  const code = problem.code ?? (isMissing && !call.isPost ? 'VALIDATION' : codeOfStatus(response.status));
  const said = problem.message ? `: ${clean(problem.message, options.secrets)}` : '.';
  const gone = isMissing && call.isPost ? `The post is no longer on ${options.platform}. ` : '';
  return new PlatformError(code, `${gone}${options.platform} answered ${response.status}${said}`, {
    retryAfterMs: readRetryAfter(response.headers.get('retry-after')),
    fields: isMissing && !call.isPost ? addressFields(options) : (problem.fields ?? []),
    isGone: gone !== '',
  });
}

function codeOfStatus(status: number): PlatformErrorCode {
  if (status === 401 || status === 403) return 'AUTH';
  if (status === 404 || status === 409 || status === 410) return 'CONFLICT';
  if (status === 429) return 'RATE_LIMIT';
  return status >= 500 || status === 408 || status === 425 ? 'UNAVAILABLE' : 'VALIDATION';
}

/** Reads `Retry-After`, seconds or a date, as milliseconds from now. */
export function readRetryAfter(value: string | null): number | null {
  if (!value) return null;
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : null;
}

function clean(message: string, secrets: string[]): string {
  let text = message
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  for (const secret of secrets) if (secret.length >= 4) text = text.replaceAll(secret, '***');
  return text.length > MAX_MESSAGE_LENGTH ? `${text.slice(0, MAX_MESSAGE_LENGTH - 1)}…` : text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function addressFields(options: ApiOptions): string[] {
  return options.addressField ? [options.addressField] : [];
}

/** A required or given credential, as the adapters read it after `checkCredentials`. */
export function credential(credentials: Credentials, name: string): string {
  return credentials[name]?.trim() ?? '';
}

/** Checks presence of what is required, and that nothing else came along. */
export function checkFields(fields: CredentialField[], credentials: Credentials): string[] {
  const missing = fields.filter((field) => field.isRequired && !credential(credentials, field.name));
  const unknown = Object.keys(credentials).filter((name) => !fields.some((field) => field.name === name));
  return [...missing.map((field) => `${field.name} is missing.`), ...unknown.map((name) => `${name} is not a field.`)];
}

/** Checks that a given credential is a web address without query; a missing one is for `checkFields`. */
export function checkAddressField(name: string, credentials: Credentials): string[] {
  const value = credential(credentials, name);
  if (!value) return [];
  const url = URL.parse(value);
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return [`${name} must be a web address.`];
  if (url.username || url.password) return [`${name} must not hold a user or password.`];
  return url.hash ? [`${name} must not hold a fragment.`] : [];
}

/** The address of a site without query and closing slashes, to append paths to. */
export function siteBase(address: string): string {
  const url = URL.parse(address);
  return url ? `${url.origin}${url.pathname.replace(/\/+$/, '')}` : address;
}
