import type { Authenticator } from '../auth.ts';
import { isChartPath } from '../charts/address.ts';
import { answerChart } from '../charts/answer.ts';
import type { App } from '../context.ts';
import { DomainError } from '../errors.ts';
import { rateHeaders, type RateUse } from '../limits/rate-limits.ts';
import { contextFor, countUse, jsonResponse, PRIVATE, requestIdOf, type Transport } from '../http/transport.ts';
import { answerRest, refusal, targetOf } from './routes.ts';

/** Whether an address is answered here: a customer's of a product, or a picture's. */
export const isRest = (path: string, host: string): boolean => isChartPath(path) || targetOf(path, host) !== null;

export interface RestCall {
  method: string;
  url: URL;
  headers: Headers;
  body: string;
}

/** The answer of a customer's address or a picture's; null for all others. */
export async function answerCall(
  app: App,
  auth: Authenticator,
  { method, url, headers, body }: RestCall,
  transport: Transport,
): Promise<Response | null> {
  const host = headers.get('host') ?? url.host;
  const target = targetOf(url.pathname, host);
  if (!target && !isChartPath(url.pathname)) return null;
  const requestId = requestIdOf(headers.get('x-request-id'));
  const rates: RateUse[] = [];
  let response: Response | null;
  try {
    // A signed address needs no credential.
    const viewer = target ? await auth.authenticate(headers, rates) : null;
    const ctx = contextFor(app, viewer, rates, headers, requestId, transport);
    let parsed: unknown = null;
    try {
      parsed = body === '' ? null : JSON.parse(body);
    } catch (cause) {
      throw new DomainError('BAD_REQUEST', 'The body is no JSON.', { cause });
    }
    if (target) countUse(app, ctx, `${target.kind} over HTTP`);
    response = target
      ? await answerRest(
          ctx,
          { method, url, host, idempotencyKey: headers.get('idempotency-key'), body: parsed },
          target,
        )
      : await answerChart(ctx, method, url, headers);
  } catch (error) {
    response = refusal(error);
    if (!response) {
      app.log.error({ err: error, requestId }, 'a request failed');
      response = jsonResponse(500, {
        code: 500,
        message: `Something went wrong on our side. Quote ${requestId} when you report it.`,
      });
    }
  }
  const isPicture = response.headers.has('cache-control');
  const about = { 'x-request-id': requestId, ...rateHeaders(rates), ...(isPicture ? {} : PRIVATE) };
  for (const [name, value] of Object.entries(about)) response.headers.set(name, value);
  return response;
}
