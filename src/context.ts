import type { Config } from './config.ts';
import { queryIn, type Database, type RunQuery, type Transaction } from './database/db.ts';
import { DomainError } from './errors.ts';
import type { PrismaClient, RateLimitPeriod } from './generated/prisma/client.ts';
import type { Jobs } from './jobs.ts';
import type { Batchers, LoaderContext } from './lists/loader.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Permission, RoleName } from './permissions.ts';
import type { Limits } from './limits/limit-store.ts';
import type { RateUse } from './limits/rate-limits.ts';
import type { Sealer } from './secrets.ts';
import type { createEngines } from './warehouse/registry.ts';

/** Who calls: a user's session or an API key, always of one company. */
export interface Viewer {
  kind: 'SESSION' | 'KEY';
  companyId: string;
  userId: string | null;
  role: RoleName;
  permissions: ReadonlySet<Permission>;
  apiKeyId: number | null;
  sessionId: string | null;
  /** Set for an endpoint key: the only thing it reaches. */
  endpointId: string | null;
  acceptedEula: boolean;
  expiresAt: Date | null;
  /** Requests that the key allows itself; null for no limit. */
  rateLimit: { number: number; period: RateLimitPeriod } | null;
}

/** A finished run, as the analytics count it. */
export interface UsageEvent {
  id: string;
  sellerCompanyId: string;
  buyerCompanyId: string;
  assetId: string | null;
  endpointId: string | null;
  apiKeyId: number | null;
  at: Date;
  isSuccess: boolean;
  credits: number;
  earningsCents: number;
  elapsedMs: number;
  rowCount: number;
}

/** Collects what is written in batches; `flush` ends when all that was added is stored. */
export interface UsageBuffer {
  run(event: UsageEvent): void;
  keyUse(apiKeyId: number, companyId: string, operation: string, isFailed: boolean): void;
  sessionUse(sessionId: string): void;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** What a process has, whoever calls. */
export interface App {
  config: Config;
  publicUrl: string;
  isDemo: boolean;
  log: Log;
  database: Database;
  batchers: Batchers;
  limits: Limits;
  engines: ReturnType<typeof createEngines>;
  sealer: Sealer;
  usage: UsageBuffer;
  metrics: Metrics;
  jobs: Jobs;
  /** Forgets, here and now, what this process believes of a company's credentials; others hear of a change by themselves. */
  forgetViewers(companyId: string): void;
  /** Says what has to end, in order, before the engines and the database go. */
  onClose(end: () => Promise<void>): void;
  close(): Promise<void>;
}

/** What a request means to do once: the claim on its idempotency key. */
export interface Intent {
  /**
   * Stores the answer of the mutation in the transaction that makes it true: both are there, or neither.
   * @throws DomainError CANCELLED where another request took the key over; what is done must then be undone.
   */
  keep(query: RunQuery, answer: Record<string, unknown>): Promise<void>;
  /** Set by whoever kept the answer, once that is committed. */
  isKept: boolean;
}

/** A product that still runs, but not for long. */
export interface Deprecation {
  endpointId: string;
  message: string;
}

/** What a request has. */
export interface Context extends LoaderContext {
  app: App;
  db: PrismaClient | Transaction;
  viewer: Viewer | null;
  now: Date;
  requestId: string;
  /** The peer's address, as the server saw it. */
  clientAddress: string;
  userAgent: string | null;
  /** The domain of the site whose page sent the request; null outside of browsers. */
  originDomain: string | null;
  /** What the limits that the request met say; its answer's headers tell. */
  rates: RateUse[];
  /** What of it is to go away; the answer's `extensions.deprecations` tell. */
  deprecations: Deprecation[];
  log: Log;
  /** Set within a mutation that has an idempotency key. */
  intent?: Intent;
  /** Within a transaction: what is done when it is committed. */
  whenCommitted?: (() => Promise<void>)[];
}

/** The context of one request, with nothing read yet. */
export function createContext(
  app: App,
  request: Pick<Context, 'viewer' | 'signal' | 'requestId' | 'clientAddress' | 'userAgent'> &
    Partial<Pick<Context, 'rates' | 'originDomain'>>,
): Context {
  return {
    app,
    db: app.database.prisma,
    query: app.database.query,
    batchers: app.batchers,
    cache: new Map(),
    inTransaction: false,
    now: new Date(),
    rates: [],
    deprecations: [],
    originDomain: null,
    log: app.log.child({ requestId: request.requestId }),
    ...request,
  };
}

/** A company itself, without a credential of anybody: it may do no more than what is done for it. */
export const companyViewer = (companyId: string): Viewer => ({
  kind: 'KEY',
  companyId,
  userId: null,
  role: 'VIEWER',
  permissions: new Set(),
  apiKeyId: null,
  sessionId: null,
  endpointId: null,
  acceptedEula: false,
  expiresAt: null,
  rateLimit: null,
});

/** Whether nobody with a credential asks: the gateway by itself, or a passer-by of what is open to all. */
export const isNobody = ({ userId, apiKeyId }: Pick<Viewer, 'userId' | 'apiKeyId'>): boolean =>
  userId === null && apiKeyId === null;

/** The caller. @throws DomainError UNAUTHENTICATED for an anonymous request. */
export function viewerOf(ctx: Context): Viewer {
  if (!ctx.viewer)
    throw new DomainError(
      'UNAUTHENTICATED',
      'Send an API key in the header x-api-key, or a session token as a bearer token.',
    );
  return ctx.viewer;
}

/** Runs `work` in one transaction; nested calls join the one that is open. All of it happens, or nothing. */
export async function transaction<T>(ctx: Context, work: (ctx: Context) => Promise<T>): Promise<T> {
  if (ctx.inTransaction) return work(ctx);
  const whenCommitted: (() => Promise<void>)[] = [];
  const result = await ctx.app.database.prisma.$transaction(
    (tx) => work({ ...ctx, db: tx, query: queryIn(tx), inTransaction: true, cache: new Map(), whenCommitted }),
    { maxWait: 10_000, timeout: 30_000 },
  );
  // What the request read before may be stale now.
  ctx.cache.clear();
  for (const next of whenCommitted) await next();
  return result;
}

/** Does what tells others of a change: after the transaction that is open, at once where none is. `work` never throws. */
export async function afterCommit(ctx: Context, work: () => Promise<void>): Promise<void> {
  if (ctx.whenCommitted) ctx.whenCommitted.push(work);
  else await work();
}
