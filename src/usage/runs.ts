import { viewerOf, type Context, type UsageEvent } from '../context.ts';
import { release, reserve, settlePart, splitCents } from '../credits/journal.ts';
import type { RunQuery } from '../database/db.ts';
import { DomainError } from '../errors.ts';
import type { CacheStatus, Run, RunKind } from '../generated/prisma/client.ts';
import { newId } from '../ids.ts';
import { plainText } from '../text/plain-text.ts';
import { takeRun, type ProductLimit } from '../limits/product-limits.ts';
import type { Tokens } from '../warehouse/engine.ts';
import { writeEvents } from './buffer.ts';
import type { Sample } from './outcome.ts';
import { checkQuota } from './quota.ts';

/** A run as the graph shows it, numbers and instants as they are stored. */
export type RunRow = Run;

/** What is run and on which terms. Prices are of the moment the run starts. */
export interface RunTerms {
  kind: RunKind;
  sellerCompanyId: string;
  product: { assetId: string } | { endpointId: string };
  parameters: unknown;
  /** Null where the run is free because the product is the caller's own or it is a test. */
  price: { id: string; cents: number; credits: number; sellerShare: number } | null;
  rateLimit?: ProductLimit | null;
}

/** What a run came to. */
export interface RunResult {
  rowCount: number;
  isTruncated: boolean;
  byteCount: number;
  value: string | null;
  cacheStatus: CacheStatus;
  computedAt: Date;
  engineMs: number;
  /** What a language model counted for it. */
  tokens?: Tokens | null | undefined;
  /** What the engine calls the statement. */
  jobId?: string | null | undefined;
  /** The table of a test that was read in part. */
  sample?: Sample | null;
  /** False for an answer that is not charged, such as a page without rows. */
  isCharged: boolean;
  /** What is charged where that is not all that was reserved; the rest is given back. */
  charge?: { credits: number; cents: { seller: number; platform: number } };
}

/** What belongs into the transaction that opens or closes a run; what it throws undoes that. */
type WithRun = (query: RunQuery, run: Pick<RunRow, 'id'>) => Promise<void>;

/** Runs that are no use of a product: no quota, limit or statistics counts them. */
const UNCOUNTED: ReadonlySet<RunKind> = new Set(['TEST', 'REFRESH']);
/** Of a run that is found by its id: as text, so that no index of all that are at work is read for it. */
const IS_RUNNING = `status::text = 'RUNNING'`;
/** A run still at work after this long was abandoned: longer than any may take. */
const ABANDONED = '6 minutes';

/** Milliseconds since a run began, as far as the column holds them: 24 days. */
const elapsedMs = (run: Pick<RunRow, 'startedAt'>): number =>
  Math.min(Math.max(0, Date.now() - run.startedAt.getTime()), 2_147_483_647);

const productOf = ({ product }: RunTerms) =>
  'assetId' in product
    ? { ...product, endpointId: null, productId: product.assetId }
    : { ...product, assetId: null, productId: product.endpointId };

/**
 * Opens a run: checks quota and rate limit, takes the credits into reserve, stores the run as RUNNING, does `also`.
 * @throws DomainError QUOTA_EXCEEDED, RATE_LIMITED or INSUFFICIENT_CREDITS; then nothing is stored.
 */
export async function startRun(ctx: Context, terms: RunTerms, also?: WithRun): Promise<RunRow> {
  const viewer = viewerOf(ctx);
  if (!UNCOUNTED.has(terms.kind)) await checkQuota(ctx, viewer.companyId);
  const id = newId();
  const credits = terms.price?.credits ?? 0;
  const { assetId, endpointId, productId } = productOf(terms);
  const taken = terms.rateLimit ? await takeRun(ctx, productId, terms.rateLimit) : null;
  const insert = async (query: RunQuery): Promise<RunRow> => {
    if (credits > 0) {
      const charge = { runId: id, buyerCompanyId: viewer.companyId, sellerCompanyId: terms.sellerCompanyId, credits };
      if ((await reserve(query, charge)) === null) {
        const [row] = await query<{ balance: number }>(
          'select "creditsBalance" as balance from "Company" where id = $1',
          [viewer.companyId],
        );
        const balance = row?.balance ?? 0;
        throw new DomainError(
          'INSUFFICIENT_CREDITS',
          `This costs ${credits} credit${credits === 1 ? '' : 's'}; the company has ${balance}.`,
          {
            details: { required: credits, balance },
          },
        );
      }
    }
    const [run] = await query<RunRow>(
      `insert into "Run" (id, kind, "companyId", "sellerCompanyId", "assetId", "endpointId", "userId", "apiKeyId", "priceId", credits, "isBilled", parameters, "startedAt")
       values ($1, $2::"RunKind", $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13) returning *`,
      [
        id,
        terms.kind,
        viewer.companyId,
        terms.sellerCompanyId,
        assetId,
        endpointId,
        viewer.userId,
        viewer.apiKeyId,
        terms.price?.id ?? null,
        credits,
        credits > 0,
        JSON.stringify(terms.parameters ?? null),
        ctx.now,
      ],
    );
    await also?.(query, run as RunRow);
    return run as RunRow;
  };
  // A start that is lost with the database's machine is a run that never was: whatever is written later reaches the
  // disk after it. What goes with a start is not for us to lose.
  try {
    const run = await ctx.app.database.atomically(insert, { mayBeLost: also === undefined });
    if (taken) ctx.rates.push(taken.use);
    return run;
  } catch (error) {
    await taken?.giveBack();
    throw error;
  }
}

/** What a transaction that closes a run holds beside it. */
interface Within {
  also?: WithRun | undefined;
  /** The answer of the mutation, which the caller's intent keeps with the run. */
  answer?: (closed: RunRow) => Record<string, unknown>;
}

function usageOf(run: RunRow, isSuccess: boolean, earningsCents: number): UsageEvent {
  return {
    id: run.id,
    sellerCompanyId: run.sellerCompanyId,
    buyerCompanyId: run.companyId,
    assetId: run.assetId,
    endpointId: run.endpointId,
    apiKeyId: run.apiKeyId,
    at: run.startedAt,
    isSuccess,
    credits: isSuccess && run.isBilled ? run.credits : 0,
    earningsCents,
    elapsedMs: run.elapsedMs ?? 0,
    rowCount: run.rowCount ?? 0,
  };
}

/** Exports are few and long: they are counted with their end. Of all other runs the repair finds what a buffer lost. */
const isCountedAtOnce = (run: RunRow): boolean => run.kind === 'EXPORT';

function countUsage(ctx: Pick<Context, 'app'>, run: RunRow, isSuccess: boolean, earningsCents: number): void {
  if (!UNCOUNTED.has(run.kind) && !isCountedAtOnce(run)) ctx.app.usage.run(usageOf(run, isSuccess, earningsCents));
}

/**
 * Closes a run with its result, in one transaction with what is `within`: settles what was reserved, or the part of it
 * that is charged, and gives the rest back.
 * @throws DomainError CANCELLED where the run was closed meanwhile.
 */
export async function succeedRun(
  ctx: Pick<Context, 'app' | 'intent'>,
  run: RunRow,
  terms: Pick<RunTerms, 'price'>,
  result: RunResult,
  { also, answer }: Within = {},
): Promise<RunRow> {
  const { database } = ctx.app;
  const isBilled = run.isBilled && result.isCharged;
  const whole = terms.price ? splitCents(terms.price.cents, terms.price.sellerShare) : { seller: 0, platform: 0 };
  const { credits, cents: split } = isBilled
    ? (result.charge ?? { credits: run.credits, cents: whole })
    : { credits: 0, cents: { seller: 0, platform: 0 } };
  const close = async (query: RunQuery): Promise<RunRow> => {
    await also?.(query, run);
    const [closed] = await query<RunRow>(
      `update "Run" set status = 'SUCCEEDED', "finishedAt" = now(), "elapsedMs" = $2, "rowCount" = $3, "isTruncated" = $4, "byteCount" = $5, value = $6,
         "cacheStatus" = $7::"CacheStatus", "computedAt" = $8, "engineMs" = $9, "isBilled" = $10, credits = $11, "promptTokens" = $12, "completionTokens" = $13, "engineJobId" = $14, sample = $15::jsonb
       where id = $1 and ${IS_RUNNING} returning *`,
      [
        run.id,
        elapsedMs(run),
        result.rowCount,
        result.isTruncated,
        result.byteCount,
        result.value,
        result.cacheStatus,
        result.computedAt,
        Math.round(result.engineMs),
        isBilled,
        credits,
        result.tokens?.prompt ?? null,
        result.tokens?.completion ?? null,
        result.jobId ?? null,
        result.sample ? JSON.stringify(result.sample) : null,
      ],
    );
    if (!closed) throw new DomainError('CANCELLED', 'The run took so long that it was given up; nothing was charged.');
    const charge = {
      runId: run.id,
      buyerCompanyId: run.companyId,
      sellerCompanyId: run.sellerCompanyId,
      credits: run.credits,
    };
    if (answer) await ctx.intent?.keep(query, answer(closed));
    if (run.isBilled) await settlePart(query, charge, credits, split);
    if (isCountedAtOnce(run)) await writeEvents(query, [usageOf(closed, true, split.seller)]);
    isReady = true;
    return closed;
  };
  let isReady = false;
  // Of a free run nothing is lost but its mention.
  const mayBeLost = !run.isBilled && !also && !ctx.intent;
  const closed = await database.atomically(close, { mayBeLost }).catch(async (error: unknown) => {
    // Only the word that it is committed was lost, perhaps: then it is paid, and no failure.
    const stored = isReady ? await committed(database.query, run.id) : null;
    if (!stored) throw error;
    return stored;
  });
  if (answer && ctx.intent) ctx.intent.isKept = true;
  ctx.app.metrics.run(closed);
  countUsage(ctx, closed, true, split.seller);
  return closed;
}

/** The run, where it has succeeded; waits for a transaction that is about to say so. */
async function committed(query: RunQuery, id: string): Promise<RunRow | null> {
  const [row] = await query<RunRow>('select * from "Run" where id = $1 for update', [id]);
  return row?.status === 'SUCCEEDED' ? row : null;
}

/** Closes a run that failed or was cancelled, in one transaction with `also`, and gives back what was reserved. */
export async function failRun(
  ctx: Pick<Context, 'app'>,
  run: RunRow,
  status: 'FAILED' | 'CANCELLED',
  code: string,
  message: string,
  also?: WithRun,
): Promise<RunRow> {
  const closed = await closeFailed(ctx.app.database.atomically, run, { status, code, message, also });
  if (!closed) return run;
  ctx.app.metrics.run(closed);
  countUsage(ctx, closed, false, 0);
  return closed;
}

async function closeFailed(
  atomically: Context['app']['database']['atomically'],
  run: Pick<RunRow, 'id' | 'companyId' | 'credits' | 'isBilled' | 'startedAt'>,
  end: { status: 'FAILED' | 'CANCELLED'; code: string; message: string; also?: WithRun | undefined },
): Promise<RunRow | null> {
  return atomically(async (query) => {
    await end.also?.(query, run);
    const [closed] = await query<RunRow>(
      `update "Run" set status = $2::"RunStatus", "finishedAt" = now(), "elapsedMs" = $3, "errorCode" = $4, "errorMessage" = $5, "isBilled" = false, credits = 0
       where id = $1 and ${IS_RUNNING} returning *`,
      // Of an engine, which may say anything.
      [run.id, end.status, elapsedMs(run), end.code, plainText(end.message)],
    );
    if (closed && run.isBilled)
      await release(query, { runId: run.id, buyerCompanyId: run.companyId, credits: run.credits });
    if (closed && isCountedAtOnce(closed)) await writeEvents(query, [usageOf(closed, false, 0)]);
    return closed ?? null;
  });
}

const SWEPT_AT_ONCE = 500;

/**
 * Closes runs that nobody works on any more, such as those of a process that died; exports go on in another one, so
 * theirs stay. Answers how many.
 * @throws AggregateError where some could not be closed, when all others are.
 */
export async function sweepRuns(database: Pick<Context['app']['database'], 'query' | 'atomically'>): Promise<number> {
  const end = { status: 'FAILED', code: 'ABANDONED', message: 'The run was given up: nobody finished it.' } as const;
  const errors: unknown[] = [];
  let closed = 0;
  let last: Pick<RunRow, 'id' | 'startedAt'> | undefined;
  for (let found = SWEPT_AT_ONCE; found === SWEPT_AT_ONCE;) {
    const abandoned: RunRow[] = await database.query<RunRow>(
      `select id, "companyId", credits, "isBilled", "startedAt" from "Run" where status = 'RUNNING' and kind <> 'EXPORT' and "startedAt" < now() - interval '${ABANDONED}'
         and ($1::timestamptz is null or ("startedAt", id) > ($1::timestamptz, $2::uuid)) order by "startedAt", id limit ${SWEPT_AT_ONCE}`,
      [last?.startedAt ?? null, last?.id ?? null],
    );
    for (const run of abandoned) {
      // One that cannot be closed does not hold up those behind it.
      const one = await closeFailed(database.atomically, run, end).catch((error: unknown) => void errors.push(error));
      if (one) closed++;
    }
    last = abandoned.at(-1);
    found = abandoned.length;
  }
  if (errors.length > 0) throw new AggregateError(errors, `${errors.length} abandoned runs could not be closed.`);
  return closed;
}
