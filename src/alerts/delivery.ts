import type { App, Context } from '../context.ts';
import type { RunQuery } from '../database/db.ts';
import { DomainError, notFound } from '../errors.ts';
import type { AlertEvent } from '../generated/prisma/client.ts';
import { newId } from '../ids.ts';
import type { Job, QueueRules } from '../jobs.ts';
import { columnsOf } from '../lists/selection.ts';
import { personOf } from '../users/person.ts';
import { sendOnce, type Message, type Outcome } from './webhook.ts';

/** A try that is due; one about an attempt that was made by now comes too late. */
export interface DeliveryJob {
  eventId: string;
  companyId: string;
  attempt: number;
}

/** Tries whose workers died again and again. */
export const GIVEN_UP: QueueRules = { name: 'alert-deliveries-given-up' };
/** Tries to send events. What the receiver gets wrong is no failure of the job: the next try is a job of its own. */
export const DELIVERIES: QueueRules = {
  name: 'alert-deliveries',
  retryLimit: 3,
  expireInSeconds: 60,
  heartbeatSeconds: 10,
  deadLetter: GIVEN_UP,
};

/** Seconds from each try to the next: 8 tries in 22 hours. */
const WAITS = [5, 60, 300, 1800, 7200, 21_600, 43_200];
/** Tries before an event counts as not delivered. */
export const TRIES = WAITS.length + 1;
/** Tries that are kept of an event, by hand too. */
export const KEPT_TRIES = 50;

/** Hands events to the workers, whichever process they are in. */
export async function sendJobs(app: App, query: RunQuery, jobs: DeliveryJob[], at?: Date): Promise<void> {
  const send = await app.jobs.sender(DELIVERIES);
  // Nobody's slow receiver keeps those of other companies waiting.
  for (const job of jobs) await send(query, job, { group: job.companyId, ...(at ? { at } : {}) });
}

type Due = Omit<Message, 'webhookUrl'> & { webhookUrl: string | null; triesLeft: number };

// An address that was changed meanwhile gets it; whoever may not sign in any more gets nothing.
const DUE_SQL = `select e.id, e."alertId", e.message, e.details, e."createdAt", e."triesLeft", a."assetId", a.kind::text as kind,
    case when u.active and u.status = 'ACTIVE' then a."webhookUrl" end as "webhookUrl"
  from "AlertEvent" e join "Alert" a on a.id = e."alertId" join "User" u on u.id = a."userId"
  where e.id = $1::uuid and e."companyId" = $2::uuid and e."deliveryStatus" = 'PENDING' and e."deliveryCount" = $3::int - 1`;

// One of two workers that made the same try stores it.
const STORE_SQL = `with event as (
    update "AlertEvent" set "deliveryCount" = $3::int, "deliveryStatus" = $4::text::"AlertDeliveryStatus", "triesLeft" = $5::int, "nextDeliveryAt" = $6::timestamptz
    where id = $1::uuid and "companyId" = $2::uuid and "deliveryStatus" = 'PENDING' and "deliveryCount" = $3::int - 1 returning id, "companyId"
  ), dropped as (
    delete from "AlertDelivery" d using event where d."alertEventId" = event.id and d."companyId" = event."companyId" and d.attempt <= $3::int - ${KEPT_TRIES}
  ) insert into "AlertDelivery" (id, "companyId", "alertEventId", attempt, "startedAt", "elapsedMs", "isSuccess", "httpStatus", "errorCode", "errorMessage", "nextAttemptAt")
  select $7::uuid, "companyId", id, $3::int, $8::timestamptz, $9::int, $4::text = 'DELIVERED', $10::int, $11::text::"AlertDeliveryError", $12::text, $6::timestamptz from event
  returning id`;

interface Try {
  startedAt: Date;
  elapsedMs: number;
  triesLeft: number;
}

/** Stores how a try went together with the job of the next one; nothing where somebody has stored this try already. */
async function store(app: App, job: DeliveryJob, made: Try, { httpStatus, error }: Outcome): Promise<void> {
  const { eventId, companyId, attempt } = job;
  const left = error && !error.isFinal ? made.triesLeft - 1 : 0;
  const next = left > 0 ? new Date(Date.now() + (WAITS[TRIES - 1 - left] ?? 0) * 1000) : null;
  const status = !error ? 'DELIVERED' : next ? 'PENDING' : 'FAILED';
  await app.database.atomically(async (query) => {
    const stored = await query(STORE_SQL, [
      eventId,
      companyId,
      attempt,
      status,
      left,
      next,
      newId(),
      made.startedAt,
      made.elapsedMs,
      httpStatus,
      error?.code ?? null,
      error?.message ?? null,
    ]);
    if (next && stored.length > 0) await sendJobs(app, query, [{ ...job, attempt: attempt + 1 }], next);
  });
}

const noAddress: Outcome = {
  httpStatus: null,
  error: {
    code: 'NO_ADDRESS',
    message: 'The alert has no address any more, or its user may not sign in.',
    isFinal: true,
  },
};
const abandoned: Outcome = {
  httpStatus: null,
  error: {
    code: 'ABANDONED',
    message: 'The gateway stopped again and again in the middle of this try.',
    isFinal: true,
  },
};

/** Makes one try, as its job wants it, and stores how it went. A try that this process breaks off is thrown, for another to make. */
export async function deliver(app: App, { data, signal }: Pick<Job<DeliveryJob>, 'data' | 'signal'>): Promise<void> {
  const [due] = await app.database.query<Due>(DUE_SQL, [data.eventId, data.companyId, data.attempt]);
  if (!due) return;
  const { webhookUrl, triesLeft } = due;
  const startedAt = new Date();
  const start = performance.now();
  const outcome = webhookUrl === null ? noAddress : await sendOnce(app, { ...due, webhookUrl }, signal);
  await store(app, data, { startedAt, elapsedMs: Math.round(performance.now() - start), triesLeft }, outcome);
  if (outcome.error) {
    const { code } = outcome.error;
    app.log.info({ eventId: due.id, alertId: due.alertId, attempt: data.attempt, code }, 'a webhook was not taken');
  }
}

/** Closes an event whose tries nobody came to the end of. */
export async function giveUp(app: App, { data }: Pick<Job<DeliveryJob>, 'data'>): Promise<void> {
  await store(app, data, { startedAt: new Date(), elapsedMs: 0, triesLeft: 1 }, abandoned);
}

const AGAIN_SQL = `update "AlertEvent" t set "deliveryStatus" = 'PENDING', "triesLeft" = ${TRIES}, "nextDeliveryAt" = $4::timestamptz
  from "Alert" a where t.id = $1::uuid and t."companyId" = $2::uuid and a.id = t."alertId" and a."companyId" = t."companyId" and a."userId" = $3::uuid
    and a."webhookUrl" is not null and not (t."deliveryStatus" = 'PENDING' and t."nextDeliveryAt" between $4::timestamptz - interval '1 minute' and $4::timestamptz)
  returning ${columnsOf('AlertEvent', true)}`;
const OWN_SQL = `select ${columnsOf('AlertEvent', true)}, a."webhookUrl" from "AlertEvent" t join "Alert" a on a.id = t."alertId"
  where t.id = $1::uuid and t."companyId" = $2::uuid and a."userId" = $3::uuid`;

/**
 * Sends an event of the caller's own alerts once more, with all tries anew; one that waits for its next try goes now,
 * and one that is on its way already stays as it is.
 * @throws DomainError FORBIDDEN for a key without a user, NOT_FOUND, CONFLICT where the alert has no address
 */
export async function redeliver(ctx: Context, id: string): Promise<AlertEvent> {
  const { companyId, userId } = personOf(ctx);
  const path = ['input', 'id'];
  const { app } = ctx;
  const again = await app.database.atomically(async (query) => {
    const [row] = await query<AlertEvent>(AGAIN_SQL, [id, companyId, userId, ctx.now]);
    if (row) await sendJobs(app, query, [{ eventId: id, companyId, attempt: row.deliveryCount + 1 }]);
    return row;
  });
  ctx.cache.clear();
  if (again) return again;
  const [own] = await ctx.query<AlertEvent & { webhookUrl: string | null }>(OWN_SQL, [id, companyId, userId]);
  if (!own) throw notFound('event', path);
  if (own.webhookUrl === null)
    throw new DomainError('CONFLICT', 'Its alert has no address: set `webhookUrl` by alertUpdate first.', { path });
  return own;
}
