import type { App } from '../context.ts';
import type { QueueRules } from '../jobs.ts';
import { deliver, DELIVERIES, GIVEN_UP, giveUp, sendJobs, type DeliveryJob } from './delivery.ts';

const SWEEP: QueueRules = { name: 'alert-deliveries-sweep', retryLimit: 0 };
/** Events that a process sends at once, and of one company. */
const AT_ONCE = 4;
const AT_ONCE_PER_COMPANY = 2;
/** How long events are kept, their tries with them. */
export const KEPT_DAYS = 90;
const SWEPT_AT_ONCE = 500;
const DROPPED_AT_ONCE = 5000;

/**
 * Hands out what is overdue again: a process may die between storing an event and handing it to the workers. Drops what
 * is older than 90 days. Answers how many of each.
 */
export async function sweepDeliveries(app: App): Promise<{ overdue: number; dropped: number }> {
  const overdue = await app.database.atomically(async (query) => {
    const rows = await query<{ eventId: string; companyId: string; attempt: number }>(
      `update "AlertEvent" set "nextDeliveryAt" = now() where id in (
         select id from "AlertEvent" where "deliveryStatus" = 'PENDING' and "nextDeliveryAt" < now() - interval '10 minutes' order by "nextDeliveryAt" limit $1 for update skip locked)
       returning id as "eventId", "companyId", "deliveryCount" + 1 as attempt`,
      [SWEPT_AT_ONCE],
    );
    await sendJobs(app, query, rows);
    return rows.length;
  });
  const dropped = await app.database.query(
    `delete from "AlertEvent" where id in (select id from "AlertEvent" where "createdAt" < now() - interval '${KEPT_DAYS} days' and "deliveryStatus" <> 'PENDING' order by "createdAt" limit $1) returning 1`,
    [DROPPED_AT_ONCE],
  );
  return { overdue, dropped: dropped.length };
}

/** Begins to send the events of alerts from this process, until the app closes; sweeps every five minutes. */
export async function startDeliveries(app: App): Promise<void> {
  await app.jobs.work<DeliveryJob>(GIVEN_UP, (job) => giveUp(app, job));
  const options = { atOnce: AT_ONCE, atOncePerGroup: AT_ONCE_PER_COMPANY };
  await app.jobs.work<DeliveryJob>(DELIVERIES, (job) => deliver(app, job), options);
  await app.jobs.every(SWEEP, '*/5 * * * *', async () => void (await sweepDeliveries(app)));
}
