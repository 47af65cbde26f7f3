import { openConnection } from '../connections/open.ts';
import { isNobody, viewerOf, type Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { plainJson } from '../text/plain-text.ts';
import type { Endpoint, Prisma } from '../generated/prisma/client.ts';
import type { RunWithOutcome } from '../usage/outcome.ts';
import { failRun, startRun, succeedRun, type RunRow, type RunTerms } from '../usage/runs.ts';
import { EngineError, type Cell, type Column } from '../warehouse/engine.ts';
import { collect, type QueryResult } from '../warehouse/query.ts';
import {
  checkAccess,
  demandOwnEndpoint,
  deprecationOf,
  findFetchable,
  termsFor,
  type EndpointLocator,
} from './access.ts';
import { endpointColumns } from './columns.ts';
import { conditionsOf, type Condition } from './values.ts';

/** A page of rows, column by column, and the run that fetched it. */
export interface EndpointPage {
  columns: Column[];
  values: Cell[][];
  rowCount: number;
  start: number;
  limitApplied: number;
  hasMore: boolean;
  warnings: string[];
  run: RunWithOutcome;
}

/** A page, or, where the run failed, the run alone. */
export interface Fetched {
  page: EndpointPage | null;
  run: RunWithOutcome;
}

export interface FetchInput {
  endpoint: EndpointLocator;
  start: number;
  limit: number;
  parameters: Record<string, unknown>;
  maxCredits: number | null;
}

/** What of an endpoint is asked for, every value checked. */
interface Asked {
  endpoint: Endpoint;
  conditions: (Condition | null)[];
  start: number;
  limit: number;
  timeoutMs?: number;
}

const TEST_MS = 10_000;
const SAMPLE_ROWS = 5;

/** @throws DomainError SQL_REJECTED, CONNECTION_FAILED; EngineError */
async function read(ctx: Context, { endpoint, conditions, start, limit, timeoutMs }: Asked): Promise<QueryResult> {
  const { engine, target, timeoutMs: usual } = await openConnection(ctx, endpoint.connectionId, endpoint.companyId);
  const columns = endpointColumns(endpoint.endpointSchema);
  let statement;
  try {
    const { compilePage } = await import('./compile.ts');
    statement = compilePage(
      {
        schemaName: endpoint.sourceSchemaName,
        tableName: endpoint.sourceTableName ?? '',
        columns,
        conditions,
        limit,
        offset: start,
      },
      engine.dialect,
    );
  } catch (error) {
    if (error instanceof RangeError)
      throw new DomainError('SQL_REJECTED', `The definition of this endpoint does not work: ${error.message}`, {
        cause: error,
      });
    throw error;
  }
  const limits = {
    timeoutMs: Math.min(usual, timeoutMs ?? usual),
    maxRows: limit,
    maxBytes: ctx.app.config.RUN_MAX_BYTES,
  };
  return collect(engine, target, statement, limits, { onExcess: 'truncate' }, ctx.signal);
}

/** The table is the seller's business: others hear that it failed, not how. */
function failureOf(
  error: unknown,
  isOwn: boolean,
): { code: string; message: string; retryAfterMs: number | null } | null {
  const isEngine = error instanceof EngineError;
  if (!isEngine && !(error instanceof DomainError && ['SQL_REJECTED', 'CONNECTION_FAILED'].includes(error.code)))
    return null;
  const isShown = isOwn || !['ENGINE_FAILED', 'CONNECTION_FAILED', 'SQL_REJECTED'].includes(error.code);
  const message = isShown
    ? [error.message, isEngine ? error.hint : null].filter(Boolean).join(' ')
    : 'The endpoint could not answer. Nothing was charged.';
  return { code: error.code, message, retryAfterMs: isEngine ? error.retryAfterMs : null };
}

/** Closes a run that came to nothing and answers it; what is a bug of ours goes on as it is. */
async function closeFailed(ctx: Context, run: RunRow, error: unknown, isOwn: boolean): Promise<Fetched> {
  if (error instanceof DomainError && error.code === 'CANCELLED') {
    await failRun(ctx, run, 'CANCELLED', 'CANCELLED', error.message);
    throw error;
  }
  if (ctx.signal.aborted || (error instanceof EngineError && error.code === 'CANCELLED')) {
    await failRun(ctx, run, 'CANCELLED', 'CANCELLED', 'The caller left before the page was there.');
    throw new DomainError('CANCELLED', 'The request was cancelled; nothing was charged.', { cause: error });
  }
  const failure = failureOf(error, isOwn);
  if (!failure) {
    await failRun(ctx, run, 'FAILED', 'INTERNAL', 'Something went wrong on our side.');
    throw error;
  }
  ctx.log.info({ err: error, runId: run.id, code: failure.code }, 'a page failed');
  const closed = await failRun(ctx, run, 'FAILED', failure.code, failure.message);
  return { page: null, run: { ...closed, outcome: { kind: 'RunFailure', ...failure, rule: null, position: null } } };
}

async function runPage(ctx: Context, asked: Asked, terms: RunTerms): Promise<Fetched> {
  const { endpoint } = asked;
  const run = await startRun(ctx, terms);
  const viewer = viewerOf(ctx);
  const isOwn = endpoint.companyId === viewer.companyId && !isNobody(viewer);
  try {
    const computedAt = new Date();
    const result = await read(ctx, asked);
    const warnings = deprecationOf(ctx, endpoint);
    const { columns, values, rowCount, truncated } = result;
    const page = {
      columns,
      values,
      rowCount,
      start: asked.start,
      limitApplied: asked.limit,
      hasMore: truncated,
      warnings,
    };
    const answer = (closed: RunRow) => ({ page: { ...page, run: closed }, run: closed });
    const closed = await succeedRun(
      ctx,
      run,
      terms,
      {
        rowCount,
        isTruncated: truncated,
        byteCount: result.bytes,
        value: null,
        cacheStatus: 'BYPASS',
        computedAt,
        engineMs: result.timings.totalMs,
        jobId: result.jobId,
        isCharged: rowCount > 0,
      },
      // A test counts only with what is noted after it.
      terms.kind === 'TEST' ? {} : { answer },
    );
    return answer(closed);
  } catch (error) {
    return closeFailed(ctx, run, error, isOwn);
  }
}

/** Keeps the first rows of a customer's page as the preview, and when it was, at most once a minute. */
async function remember(ctx: Context, endpoint: Endpoint, page: EndpointPage): Promise<void> {
  const isNew = endpoint.lastAccessedAt === null || ctx.now.getTime() - endpoint.lastAccessedAt.getTime() >= 60_000;
  if (page.rowCount === 0 || !isNew) return;
  const rows = Array.from({ length: Math.min(page.rowCount, SAMPLE_ROWS) }, (_, r) =>
    page.values.map((column) => column[r] ?? null),
  );
  const sampleResponse = plainJson({
    columns: page.columns.map(({ name, type }) => ({ name, type })),
    rows,
  }) as Prisma.InputJsonObject;
  await ctx.db.endpoint.updateMany({
    where: {
      id: endpoint.id,
      companyId: endpoint.companyId,
      active: true,
      OR: [{ lastAccessedAt: null }, { lastAccessedAt: { lt: ctx.now } }],
    },
    data: { lastAccessedAt: ctx.now, sampleResponse },
  });
}

/**
 * Fetches a page of an endpoint: free where it is the caller's own, else charged once for a page with at least one
 * row. A limit above the endpoint's own is lowered to it. Failures cost nothing and are the run's outcome.
 * @throws DomainError for whatever refuses the page before it starts: FORBIDDEN, NOT_FOUND, ENDPOINT_INACTIVE,
 * VALIDATION, and those of termsFor and startRun; CANCELLED
 */
export async function fetchPage(ctx: Context, input: FetchInput): Promise<Fetched> {
  const endpoint = await findFetchable(ctx, input.endpoint);
  await checkAccess(ctx, endpoint);
  if (endpoint.status === 'INACTIVE')
    throw new DomainError('ENDPOINT_INACTIVE', 'This endpoint does not run.', { path: ['input', 'endpointId'] });
  const conditions = conditionsOf(endpointColumns(endpoint.endpointSchema), input.parameters);
  const limit = Math.min(input.limit, endpoint.maxRecordsPerRequest, ctx.app.config.RUN_MAX_ROWS);
  const terms = await termsFor(ctx, endpoint, input.parameters, input.maxCredits);
  const fetched = await runPage(ctx, { endpoint, conditions, start: input.start, limit }, terms);
  // What was paid for is answered, whatever becomes of the preview.
  if (fetched.page && endpoint.companyId !== viewerOf(ctx).companyId)
    await remember(ctx, endpoint, fetched.page).catch((error: unknown) =>
      ctx.log.error({ err: error, runId: fetched.run.id }, 'the preview of a page was not kept'),
    );
  return fetched;
}

/**
 * Fetches the first rows of an own endpoint for free, in at most 10 seconds, and remembers when that went well.
 * @throws DomainError NOT_FOUND, VALIDATION, CANCELLED
 */
export async function testEndpoint(
  ctx: Context,
  input: { id: string; limit: number; parameters: Record<string, unknown> },
): Promise<Fetched> {
  const { companyId } = viewerOf(ctx);
  const { id, limit, parameters } = input;
  const endpoint = await demandOwnEndpoint(ctx, id);
  const conditions = conditionsOf(endpointColumns(endpoint.endpointSchema), parameters);
  const terms: RunTerms = {
    kind: 'TEST',
    sellerCompanyId: companyId,
    product: { endpointId: id },
    parameters,
    price: null,
  };
  const fetched = await runPage(ctx, { endpoint, conditions, start: 0, limit, timeoutMs: TEST_MS }, terms);
  // The definition that was tested, not one that came meanwhile.
  if (fetched.page)
    await ctx.db.endpoint.updateMany({
      where: { id, companyId, version: endpoint.version },
      data: { lastTestOkAt: ctx.now },
    });
  ctx.cache.clear();
  return fetched;
}
