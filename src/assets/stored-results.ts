import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type { OpenConnection } from '../connections/open.ts';
import type { App } from '../context.ts';
import type { Asset } from '../generated/prisma/client.ts';
import type { QueryResult } from '../warehouse/query.ts';
import { CHANNEL } from './peers.ts';

/** A result and when the engine computed it. */
export interface Computed {
  result: QueryResult;
  computedAt: Date;
}

/** Under which key, and of which version of an asset and its connection, a result is kept. */
export interface Place {
  key: string;
  asset: Asset;
  connection: OpenConnection['connection'];
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** What an entry counts for at least: about what PostgreSQL needs for the smallest. */
const LEAST_BYTES = 8192;
/** Cells that would have to shrink to less than this part are not even tried. */
const LEAST_RATIO = 8;
/** A process looks after the bound of all entries each time it has stored this part of it. */
const CHECKED_PART = 64;

const sealedPlace = (key: string): string => `CachedResult/sealed/${key}`;
const entryLimit = ({ CACHE_ENTRY_BYTES, CACHE_COMPANY_BYTES, CACHE_TOTAL_BYTES }: App['config']): number =>
  Math.min(CACHE_ENTRY_BYTES, CACHE_COMPANY_BYTES, CACHE_TOTAL_BYTES);

/** Looks a result up that is no older than `since`; null where there is none. */
export async function readStored(app: App, { key, asset }: Place, since: Date, now: Date): Promise<Computed | null> {
  const [row] = await app.database.query<{ sealed: Buffer; computedAt: Date }>(
    `select sealed, "computedAt" from "CachedResult" where key = $1 and "companyId" = $2::uuid and "computedAt" >= $3 and "expiresAt" > $4`,
    [key, asset.companyId, since, now],
  );
  if (!row) return null;
  try {
    const json = await decompress(app.sealer.openBytes(row.sealed, sealedPlace(key)));
    return { result: JSON.parse(json.toString()) as QueryResult, computedAt: row.computedAt };
  } catch (error) {
    // Sealed with another key: it will be computed again and replaced.
    app.log.warn({ err: error, assetId: asset.id }, 'a kept result cannot be opened');
    return null;
  }
}

/** Whether there is one to read. */
export async function isStored(
  app: App,
  { key, asset }: Pick<Place, 'key' | 'asset'>,
  since: Date,
  now: Date,
): Promise<boolean> {
  const rows = await app.database.query(
    `select 1 from "CachedResult" where key = $1 and "companyId" = $2::uuid and "computedAt" >= $3 and "expiresAt" > $4`,
    [key, asset.companyId, since, now],
  );
  return rows.length > 0;
}

// The version that was computed is locked until the result is in, so that no change of it leaves one behind.
const KEEP = `with current as (
    select a.id from "Asset" a join "Connection" c on c.id = a."connectionId" and c."companyId" = a."companyId"
    where a.id = $2::uuid and a."companyId" = $3::uuid and a.version = $4::int and a.active and a.cached
      and c.id = $5::uuid and c."credentialsVersion" = $6::int and c.active for share
  ), kept as (
    insert into "CachedResult" as r (key, "companyId", "assetId", "connectionId", sealed, bytes, "computedAt", "expiresAt")
    select $1, $3::uuid, id, $5::uuid, $7::bytea, $8::int, $9::timestamptz, $10::timestamptz from current
    on conflict (key) do update set sealed = excluded.sealed, bytes = excluded.bytes, "computedAt" = excluded."computedAt", "expiresAt" = excluded."expiresAt"
      where r."computedAt" <= excluded."computedAt"
    returning 1
  ), ranked as (
    select key, sum(bytes) over (order by "computedAt" desc, key desc) as total from "CachedResult"
    where "companyId" = $3::uuid and key <> $1 and exists (select from kept)
  ), dropped as (
    delete from "CachedResult" where key in (
      select key from "CachedResult" where key in (select key from ranked where total > $11::bigint - $8::int) for update skip locked)
  )
  select pg_notify('${CHANNEL}', $12) from kept`;

// What somebody else is replacing just now is left to them.
const SHRINK = `delete from "CachedResult" where key in (
    select key from "CachedResult" where "expiresAt" <= now() or key in (
      select key from (select key, sum(bytes) over (order by "computedAt" desc, key desc) as total from "CachedResult") r where total > $1::bigint)
    for update skip locked) returning 1`;

/** Removes what has expired, and the oldest entries beyond the bound of all. Answers how many. */
export async function sweepStored(app: App): Promise<number> {
  return (await app.database.query(SHRINK, [app.config.CACHE_TOTAL_BYTES])).length;
}

const unchecked = new WeakMap<App, number>();

/**
 * Keeps a result for all processes, in place of an older one, and tells them; the seller's oldest go where its bound is
 * passed. Answers whether it was kept: not where it is too large, or where the asset or its credentials have changed.
 */
export async function keepStored(app: App, place: Place, computed: Computed, lifetimeMs: number): Promise<boolean> {
  const { key, asset, connection } = place;
  const { result, computedAt } = computed;
  const limit = entryLimit(app.config);
  if (result.bytes > limit * LEAST_RATIO) return false;
  const sealed = app.sealer.sealBytes(await compress(JSON.stringify(result)), sealedPlace(key));
  if (sealed.length > limit) return false;
  const bytes = Math.max(sealed.length, LEAST_BYTES);
  const kept = await app.database.query(KEEP, [
    key,
    asset.id,
    asset.companyId,
    asset.version,
    connection.id,
    connection.credentialsVersion,
    sealed,
    bytes,
    computedAt,
    Number.isFinite(lifetimeMs) ? new Date(computedAt.getTime() + lifetimeMs) : 'infinity',
    app.config.CACHE_COMPANY_BYTES,
    `kept ${key} ${computedAt.getTime()}`,
  ]);
  if (kept.length === 0) return false;
  const since = (unchecked.get(app) ?? 0) + bytes;
  const isDue = since > app.config.CACHE_TOTAL_BYTES / CHECKED_PART;
  unchecked.set(app, isDue ? 0 : since);
  if (isDue) await sweepStored(app);
  return true;
}
