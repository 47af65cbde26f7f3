import { findRunnable } from '../assets/access.ts';
import type { Parameter } from '../assets/params.ts';
import { processAsset } from '../assets/process.ts';
import { isNobody, viewerOf, type Context } from '../context.ts';
import { findFetchable } from '../endpoints/access.ts';
import { endpointColumns } from '../endpoints/columns.ts';
import { fetchPage } from '../endpoints/fetch.ts';
import { openTo } from '../endpoints/open.ts';
import { parametersOf } from '../endpoints/values.ts';
import { DomainError, DomainErrors, type ErrorCode } from '../errors.ts';
import { once } from '../idempotency.ts';
import { load } from '../lists/loader.ts';
import { usdOf } from '../prices/credits.ts';
import { paidCents } from '../prices/loaders.ts';
import { ageSecondsOf, outcomeOf, type Table } from '../usage/outcome.ts';
import type { RunRow } from '../usage/runs.ts';
import { fromText } from './text-values.ts';

/**
 * The addresses that customers of products call without GraphQL: the rows of an endpoint and the result of an asset.
 * The same services, in the envelope `{spartera, request, response}`.
 */

/** A request to one of the addresses. */
export interface RestRequest {
  method: string;
  url: URL;
  /** The Host header. */
  host: string;
  /** The header `Idempotency-Key`: the same key, the same answer, charged once. */
  idempotencyKey: string | null;
  /** The body of a POST, as JSON. */
  body: unknown;
}

interface Target {
  kind: 'endpoint' | 'asset';
  handle: string;
  slug: string;
}

const HANDLE = '[a-z0-9][a-z0-9-]{0,61}[a-z0-9]';
const SLUG = '[a-z0-9][a-z0-9-]{0,79}';
const underHandle = new RegExp(`^/companies/(${HANDLE})/endpoints/v1/(${SLUG})$`);
const onSubdomain = new RegExp(`^/endpoints/v1/(${SLUG})$`);
const analyze = new RegExp(`^/analyze/(${HANDLE})/assets/(${SLUG})$`);

/** Which product an address means; null for any other address. On `/endpoints/v1/…` the first label of the host is the handle. */
export function targetOf(path: string, host: string): Target | null {
  const endpoint = underHandle.exec(path);
  if (endpoint?.[1] && endpoint[2]) return { kind: 'endpoint', handle: endpoint[1], slug: endpoint[2] };
  const asset = analyze.exec(path);
  if (asset?.[1] && asset[2]) return { kind: 'asset', handle: asset[1], slug: asset[2] };
  const alone = onSubdomain.exec(path);
  const [label = '', ...rest] = host.toLowerCase().split(':')[0]?.split('.') ?? [];
  return alone?.[1] && rest.length > 0 ? { kind: 'endpoint', handle: label, slug: alone[1] } : null;
}

const statuses: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  BAD_CREDENTIALS: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  VALIDATION: 400,
  BAD_REQUEST: 400,
  CONFLICT: 409,
  IDEMPOTENCY_IN_PROGRESS: 409,
  RATE_LIMITED: 429,
  QUOTA_EXCEEDED: 429,
  UNAVAILABLE: 503,
};

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  });

/** The refusal as the REST API shapes it; null for what is no refusal but a fault. */
export function refusal(error: unknown): Response | null {
  const errors = error instanceof DomainErrors ? error.errors : error instanceof DomainError ? [error] : [];
  const [first] = errors;
  if (!first || first.code === 'INTERNAL') return null;
  const status = statuses[first.code] ?? 422;
  const fields: Record<string, string[]> = {};
  for (const one of errors)
    if (one.argumentPath) (fields[one.argumentPath.slice(1).join('.')] ??= []).push(one.message);
  const waitMs =
    first.details.retryAfterMs ?? (first.details.resetAt ? first.details.resetAt.getTime() - Date.now() : null);
  const retryAfter = status === 429 && waitMs !== null ? Math.max(1, Math.ceil(waitMs / 1000)) : null;
  const body = {
    code: status,
    message: errors.map((one) => one.message).join(' '),
    reason: first.code,
    ...(status === 400 ? { errors: fields } : {}),
    ...(retryAfter === null ? {} : { retry_after: retryAfter }),
  };
  return answer(status, body, retryAfter === null ? {} : { 'retry-after': String(retryAfter) });
}

const numberOf = (text: string | null, name: string, fallback: number): number => {
  if (text === null) return fallback;
  if (!/^\d{1,9}$/.test(text))
    throw new DomainError('VALIDATION', `${name} takes a whole number.`, { path: ['query', name] });
  return Number(text);
};

const receipt = async (ctx: Context, run: RunRow): Promise<Record<string, unknown>> => ({
  run_id: run.id,
  billed: run.isBilled,
  credits: run.credits,
  price_usd: usdOf(run.isBilled ? await load(ctx, paidCents, run.id) : 0),
  rows: run.rowCount,
  engine_job_id: run.engineJobId,
  cache: run.cacheStatus,
  computed_at: run.computedAt,
  age_seconds: ageSecondsOf(run.computedAt, run.finishedAt ?? run.startedAt),
  elapsed_ms: run.elapsedMs,
});

const recordsOf = (table: Pick<Table, 'columns' | 'values'>): Record<string, unknown>[] =>
  Array.from({ length: table.values[0]?.length ?? 0 }, (_, r) =>
    Object.fromEntries(table.columns.map(({ name }, c) => [name, table.values[c]?.[r] ?? null])),
  );

const RESERVED = new Set(['start', 'limit', 'max_credits', 'max_age']);

interface Declared {
  name: string;
  type: string;
  isList?: boolean;
}

/** Parameters of the query string and of the body. A name that comes several times is a list, as one that is declared so. */
function given({ url: { searchParams }, body: sent }: RestRequest, declared: Declared[]): Record<string, unknown> {
  const names = [...new Set(searchParams.keys())].filter((name) => !RESERVED.has(name));
  const texts = names.map((name) => {
    const { type = 'STRING', isList = false } = declared.find((one) => one.name === name) ?? {};
    const values = searchParams.getAll(name).map((text) => fromText(type, text));
    return [name, isList || values.length > 1 ? values : values[0]];
  });
  const body = sent ?? {};
  if (typeof body !== 'object' || Array.isArray(body))
    throw new DomainError('BAD_REQUEST', 'The body should be a JSON object of parameters.');
  return { ...Object.fromEntries(texts), ...body };
}

async function failed(ctx: Context, run: RunRow): Promise<Response> {
  const outcome = outcomeOf(run);
  const message = outcome?.kind === 'RunFailure' ? outcome.message : 'The run failed.';
  const waitMs = outcome?.kind === 'RunFailure' ? (outcome.retryAfterMs ?? null) : null;
  const spartera = await receipt(ctx, run);
  if (waitMs === null) return answer(422, { code: 422, message, reason: run.errorCode, spartera });
  const retryAfter = Math.max(1, Math.ceil(waitMs / 1000));
  const body = { code: 503, message, reason: run.errorCode, retry_after: retryAfter, spartera };
  return answer(503, body, { 'retry-after': String(retryAfter) });
}

/** Does what may cost credits, at most once for the key that the caller gave. */
async function intended<T extends object>(
  ctx: Context,
  { idempotencyKey: key }: RestRequest,
  operation: string,
  input: object,
  work: (within: Context) => Promise<T>,
): Promise<T> {
  if (key === null || isNobody(viewerOf(ctx))) return work(ctx);
  if (key === '' || key.length > 255)
    throw new DomainError('VALIDATION', 'Takes 1 to 255 characters.', { path: ['header', 'Idempotency-Key'] });
  return once(ctx, operation, key, input, work);
}

async function endpointRows(ctx: Context, request: RestRequest, { handle, slug }: Target): Promise<Response> {
  if (request.method !== 'GET') return answer(405, { code: 405, message: 'Rows are read with GET.' }, { allow: 'GET' });
  const query = request.url.searchParams;
  const locator = { companyHandle: handle, slug };
  const endpoint = await findFetchable(ctx, locator);
  const start = numberOf(query.get('start'), 'start', 0);
  const limit = numberOf(query.get('limit'), 'limit', 100);
  // A page of none would tell for free whether there is a row.
  if (limit === 0) throw new DomainError('VALIDATION', 'limit takes 1 or more.', { path: ['query', 'limit'] });
  const maxCredits = query.has('max_credits') ? numberOf(query.get('max_credits'), 'max_credits', 0) : null;
  const parameters = given(request, parametersOf(endpointColumns(endpoint.endpointSchema)));
  const input = { endpoint: { id: endpoint.id }, start, limit, parameters, maxCredits };
  const { page, run } = await intended(ctx, request, 'endpoint rows', input, (within) => fetchPage(within, input));
  if (!page) return failed(ctx, run);
  const body = {
    spartera: { ...(await receipt(ctx, run)), limit_applied: page.limitApplied, warnings: page.warnings },
    request: { handle, endpoint: slug, start, limit },
    response: {
      columns: page.columns.map(({ name, type }) => ({ name, type })),
      rows: recordsOf(page),
      row_count: page.rowCount,
      has_more: page.hasMore,
    },
  };
  // RFC 9745 wants a time: it was deprecated by its last change at the latest.
  const deprecation = { deprecation: `@${Math.floor(endpoint.updatedAt.getTime() / 1000)}` };
  return answer(200, body, endpoint.status === 'DEPRECATED' ? deprecation : {});
}

async function assetResult(ctx: Context, request: RestRequest, { handle, slug }: Target): Promise<Response> {
  if (!['GET', 'POST'].includes(request.method))
    return answer(405, { code: 405, message: 'Assets are processed with GET or POST.' }, { allow: 'GET, POST' });
  if (!ctx.viewer?.permissions.has('products:run'))
    throw new DomainError('FORBIDDEN', 'This needs the permission products:run.');
  const query = request.url.searchParams;
  const asset = await findRunnable(ctx, { companyHandle: handle, slug });
  const parameters = given(request, asset.parameters as unknown as Parameter[]);
  const maxCredits = query.has('max_credits') ? numberOf(query.get('max_credits'), 'max_credits', 0) : null;
  const maxAge = query.has('max_age') ? numberOf(query.get('max_age'), 'max_age', 0) : null;
  const input = { asset: { id: asset.id }, parameters, maxCredits, maxAge };
  const { run } = await intended(ctx, request, 'asset result', input, async (within) => ({
    run: await processAsset(within, input),
  }));
  const outcome = outcomeOf(run);
  if (!outcome || outcome.kind === 'RunFailure') return failed(ctx, run);
  const table = {
    columns: outcome.table.columns.map(({ name, type }) => ({ name, type })),
    rows: recordsOf(outcome.table),
  };
  const response =
    outcome.kind === 'CalculationResult'
      ? { answer_value: Number(outcome.value), value: outcome.value }
      : outcome.kind === 'VisualizationResult'
        ? { figure: outcome.figure, ...table }
        : table;
  return answer(200, { spartera: await receipt(ctx, run), request: { handle, asset: slug, parameters }, response });
}

/** Answers a request to one of the addresses as the viewer of `ctx`. Faults are thrown. */
export async function answerRest(ctx: Context, request: RestRequest, target: Target): Promise<Response> {
  try {
    const caller = ctx.viewer || target.kind === 'asset' ? ctx : await openTo(ctx, target.handle, target.slug);
    if (!caller?.viewer) throw new DomainError('UNAUTHENTICATED', 'Send an API key in the header x-api-key.');
    return await (target.kind === 'endpoint'
      ? endpointRows(caller, request, target)
      : assetResult(caller, request, target));
  } catch (error) {
    const refused = refusal(error);
    if (!refused) throw error;
    return refused;
  }
}
