import { randomUUID } from 'node:crypto';
import { createContext, type App, type Context, type Viewer } from '../context.ts';
import type { RateUse } from '../limits/rate-limits.ts';

/** What every way into the gateway knows of a request, and how it answers without GraphQL. */

export interface Transport {
  /** Fires when the client leaves. */
  signal?: AbortSignal;
  clientAddress?: string;
}

const REQUEST_ID = /^[\w.:-]{1,100}$/;

/** The id that the client gave, where it is one, or a new one. */
export const requestIdOf = (given: string | null): string => (given && REQUEST_ID.test(given) ? given : randomUUID());

/** What an answer to one caller says to whoever stands between: it is nobody else's, and nothing but what it says it is. */
export const PRIVATE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** A response of JSON. */
export const jsonResponse = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...PRIVATE },
  });

/** A refusal in the shape of GraphQL's errors. */
export function failure(status: number, code: string, message: string, requestId: string): Response {
  const response = jsonResponse(status, { errors: [{ message, extensions: { code, requestId, retryable: false } }] });
  response.headers.set('x-request-id', requestId);
  return response;
}

/** The domain of an Origin header; null without one, and for `null`, which pages without a site send. */
function domainOf(origin: string | null): string | null {
  return origin && URL.canParse(origin) ? new URL(origin).hostname.slice(0, 255) : null;
}

/** The context of a request that came in by HTTP. */
export function contextFor(
  app: App,
  viewer: Viewer | null,
  rates: RateUse[],
  headers: Headers,
  requestId: string,
  transport: Transport,
): Context {
  return createContext(app, {
    viewer,
    rates,
    signal: transport.signal ?? new AbortController().signal,
    requestId,
    clientAddress: transport.clientAddress ?? '127.0.0.1',
    userAgent: headers.get('user-agent')?.slice(0, 255) ?? null,
    originDomain: domainOf(headers.get('origin')),
  });
}

/** Counts a use of the key that the request came with. */
export function countUse(app: App, { viewer }: Pick<Context, 'viewer'>, operation: string): void {
  if (viewer?.apiKeyId) app.usage.keyUse(viewer.apiKeyId, viewer.companyId, operation, false);
}
