import { RUNNABLE } from '../assets/access.ts';
import type { App, Context } from '../context.ts';
import { events, type AssetEvent } from '../events.ts';
import { sendJobs, TRIES, type DeliveryJob } from './delivery.ts';
import { CHANNEL } from './stream.ts';

// The guard against a second firing and the firing are one statement: of two events at once, one finds the alert quiet.
// A value that others pay for goes to the owner's company alone; others hear that it moved, and by how much. Whoever
// lost sight of the asset hears nothing more of it, save that it left the marketplace; its own company hears all. Every process is told of the ids
// when it is stored, for the streams that it holds. What has an address is pending from here on, come what may.
const SQL = `with fired as (
    update "Alert" a set "lastTriggeredAt" = $3::timestamptz
    from "Asset" asset, "User" u
    where a."assetId" = $1::uuid and a.kind = $2::text::"AlertKind" and asset.id = a."assetId" and u.id = a."userId" and u.active and u.status = 'ACTIVE'
      and a."isActive" and (a."lastTriggeredAt" is null or a."lastTriggeredAt" <= $3::timestamptz - interval '1 minute')
      and (a."thresholdPercent" is null or $4::float8 >= a."thresholdPercent"::float8)
      and ($7::boolean or asset."companyId" = a."companyId" or exists (select from "Asset" t, (select a."companyId" as company) k where t.id = asset.id and ${RUNNABLE}))
    returning a.id, a."companyId", a."userId", a."webhookUrl", ($2::text <> 'RESULT_CHANGED' or asset."companyId" = a."companyId") as "mayKnow", asset.name
  ), stored as (
    insert into "AlertEvent" (id, "companyId", "alertId", message, details, "createdAt", "deliveryStatus", "nextDeliveryAt", "triesLeft")
    select gen_random_uuid(), "companyId", id,
      case when "mayKnow" then $5::text else name || ' has another value.' end,
      case when "mayKnow" then $6::jsonb else jsonb_build_object('changePercent', to_jsonb($4::float8)) end, $3::timestamptz,
      case when "webhookUrl" is null then 'NONE' else 'PENDING' end::"AlertDeliveryStatus", case when "webhookUrl" is not null then $3::timestamptz end, case when "webhookUrl" is null then 0 else ${TRIES} end
    from fired returning id, "alertId", "deliveryStatus" = 'PENDING' as "hasAddress"
  ) select stored.id, fired."companyId", stored."hasAddress", pg_notify('${CHANNEL}', concat_ws(':', fired."companyId", fired."userId", stored.id)) from stored join fired on fired.id = stored."alertId"`;

/** Never throws: what is pending and was not handed out is found by the sweep. */
async function handOut(app: App, jobs: DeliveryJob[]): Promise<void> {
  try {
    await sendJobs(app, app.database.query, jobs);
  } catch (error) {
    app.log.error({ err: error, events: jobs.length }, 'events of alerts could not be handed to the workers');
  }
}

/**
 * Fires the active alerts of an asset on that kind of event, each at most once a minute, and hands their webhooks to the
 * workers in the background. Answers how many fired.
 */
export async function fireAlerts(ctx: Context, event: AssetEvent): Promise<number> {
  const { kind, assetId, message, details, changePercent } = event;
  // Beyond what JSON can say: from nothing to something.
  const change =
    changePercent === undefined || Number.isNaN(changePercent)
      ? null
      : Math.min(Math.abs(changePercent), Number.MAX_SAFE_INTEGER);
  const known = JSON.stringify(change === null ? details : { ...details, changePercent: change });
  const wasDelisted = kind === 'ASSET_UPDATED' && details['isListed'] === false;
  // Not the caller's transaction: an alert that fails must not undo what it tells of.
  const fired = await ctx.app.database.query<{ id: string; companyId: string; hasAddress: boolean }>(SQL, [
    assetId,
    kind,
    ctx.now,
    change,
    message,
    known,
    wasDelisted,
  ]);
  const jobs = fired.flatMap(({ id, companyId, hasAddress }) =>
    hasAddress ? [{ eventId: id, companyId, attempt: 1 }] : [],
  );
  if (jobs.length > 0) void handOut(ctx.app, jobs);
  return fired.length;
}

events.on(fireAlerts);
