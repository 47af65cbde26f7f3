import { viewerOf, type Context, type UsageEvent } from '../context.ts';
import { release, reserve, settle, settlePart, splitCents, type Written } from '../credits/journal.ts';
import { UNSYNCED, type RunQuery } from '../database/db.ts';
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

const OPENED: [column: string, type: string][] = [
  ['id', 'uuid'],
  ['kind', '"RunKind"'],
  ['companyId', 'uuid'],
  ['sellerCompanyId', 'uuid'],
  ['assetId', 'uuid'],
  ['endpointId', 'uuid'],
  ['userId', 'uuid'],
  ['apiKeyId', 'int'],
  ['priceId', 'uuid'],
  ['credits', 'int'],
  ['isBilled', 'boolean'],
  ['parameters', 'jsonb'],
  ['startedAt', 'timestamptz'],
];

/** The statement that stores a run, of values in the order of `OPENED`; a paid one where `paid` has a row. */
const openingOf = (values: unknown[], { isPaid, mayBeLost }: { isPaid: boolean; mayBeLost: boolean }): Written => ({
  sql: (first) =>
    `insert into "Run" (${OPENED.map(([column]) => `"${column}"`).join(', ')}) select ${OPENED.map(([, type], i) => `$${first + i}::${type}`).join(', ')}${isPaid ? ' from paid' : ''} returning *${mayBeLost ? `, ${UNSYNCED}` : ''}`,
  values,
});

async function insufficient(query: RunQuery, companyId: string, required: number): Promise<DomainError> {
  const [row] = await query<{ balance: number }>('select "creditsBalance" as balance from "Company" where id = $1', [
    companyId,
  ]);
  const balance = row?.balance ?? 0;
  return new DomainError(
    'INSUFFICIENT_CREDITS',
    `This costs ${required} credit${required === 1 ? '' : 's'}; the company has ${balance}.`,
    { details: { required, balance } },
  );
}

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
  const mayBeLost = !also;
  const opening = openingOf(
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
    { isPaid: credits > 0, mayBeLost },
  );
  const charge = { runId: id, buyerCompanyId: viewer.companyId, sellerCompanyId: terms.sellerCompanyId, credits };
  const open = async (query: RunQuery): Promise<RunRow> => {
    const run =
      credits > 0
        ? await reserve<RunRow>(query, charge, opening)
        : ((await query<RunRow>(opening.sql(1), opening.values))[0] as RunRow);
    if (!run) throw await insufficient(query, viewer.companyId, credits);
    await also?.(query, run);
    return run;
  };
  // A start that is lost with the database's machine is a run that never was: whatever is written later reaches the
  // disk after it. What goes with a start is not for us to lose.
  const { query, atomically } = ctx.app.database;
  try {
    const run = await (mayBeLost ? open(query) : atomically(open));
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

/** Each with its value comes into the row; the rest of it is as it was opened. */
const CLOSED = [
  ['elapsedMs', 'int'],
  ['rowCount', 'int'],
  ['isTruncated', 'boolean'],
  ['byteCount', 'int'],
  ['value', 'text'],
  ['cacheStatus', '"CacheStatus"'],
  ['computedAt', 'timestamptz'],
  ['engineMs', 'int'],
  ['isBilled', 'boolean'],
  ['credits', 'int'],
  ['promptTokens', 'int'],
  ['completionTokens', 'int'],
  ['engineJobId', 'text'],
  ['sample', 'jsonb'],
] as const satisfies [column: keyof RunRow, type: string][];
type Closing = Pick<RunRow, (typeof CLOSED)[number][0]>;
type Ended = { finishedAt: Date };

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
  const isKept = answer !== undefined && ctx.intent !== undefined && ctx.intent !== null;
  // Of a free run nothing is lost but its mention.
  const mayBeLost = !run.isBilled && !also && !ctx.intent;
  const isWhole = isBilled && credits === run.credits && !isKept;
  const set: Closing = {
    elapsedMs: elapsedMs(run),
    rowCount: result.rowCount,
    isTruncated: result.isTruncated,
    byteCount: result.byteCount,
    value: result.value,
    cacheStatus: result.cacheStatus,
    computedAt: result.computedAt,
    engineMs: Math.round(result.engineMs),
    isBilled,
    credits,
    promptTokens: result.tokens?.prompt ?? null,
    completionTokens: result.tokens?.completion ?? null,
    engineJobId: result.jobId ?? null,
    sample: result.sample ? { ...result.sample } : null,
  };
  const closing: Written = {
    sql: (first) =>
      `update "Run" set status = 'SUCCEEDED', "finishedAt" = now(), ${CLOSED.map(([column, type], i) => `"${column}" = $${first + 1 + i}::${type}`).join(', ')}
       where id = $${first} and ${IS_RUNNING} returning "finishedAt"${mayBeLost ? `, ${UNSYNCED}` : ''}`,
    values: [run.id, ...CLOSED.map(([column]) => set[column])],
  };
  const charge = {
    runId: run.id,
    buyerCompanyId: run.companyId,
    sellerCompanyId: run.sellerCompanyId,
    credits: run.credits,
  };
  const close = async (query: RunQuery): Promise<RunRow> => {
    await also?.(query, run);
    const ended = isWhole
      ? await settle<Ended>(query, charge, split, closing)
      : (await query<Ended>(closing.sql(1), closing.values))[0];
    if (!ended) throw new DomainError('CANCELLED', 'The run took so long that it was given up; nothing was charged.');
    const closed: RunRow = { ...run, ...set, status: 'SUCCEEDED', finishedAt: ended.finishedAt };
    if (answer) await ctx.intent?.keep(query, answer(closed));
    if (run.isBilled && !isWhole) await settlePart(query, charge, credits, split);
    if (isCountedAtOnce(run)) await writeEvents(query, [usageOf(closed, true, split.seller)]);
    isReady = true;
    return closed;
  };
  // One statement is a transaction by itself.
  const isAlone = mayBeLost || (isWhole && !also);
  let isReady = isAlone;
  const closed = await (isAlone ? close(database.query) : database.atomically(close)).catch(async (error: unknown) => {
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
