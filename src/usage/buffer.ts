import type { UsageBuffer, UsageEvent } from '../context.ts';
import type { Database } from '../database/db.ts';
import type { Log } from '../log.ts';
import { addSql, rollups } from './rollup.ts';

/** Events wait at most this long. */
const INTERVAL_MS = 500;
/** What could not be written is tried again after so long. */
const RETRY_MS = 5_000;
/** More than this many events are written at once without waiting. */
const FULL = 500;
/** Beyond this many that cannot be written the oldest are given up, and counted in the log. */
const MOST = 200_000;

/**
 * One statement: events once each (an id that is there already counts nowhere), and their sums onto the rollups, so
 * that these always agree with the events, whatever comes twice, late or at once.
 */
const RUNS_SQL = `with new as (
    insert into "UsageEvent" (id, "sellerCompanyId", "buyerCompanyId", "assetId", "endpointId", "apiKeyId", at, "isSuccess", credits, "earningsCents", "elapsedMs", "rowCount")
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::timestamptz[], $8::bool[], $9::int[], $10::int[], $11::int[], $12::int[])
    on conflict (id) do nothing returning *
  ), ${rollups.map((rollup) => `"+ ${rollup.table}" as (${addSql(rollup, 'new')})`).join(',\n  ')}
  select`;

const KEYS_SQL = `insert into "ApiKeyUsage" as u ("apiKeyId", day, "companyId", operation, requests, "failedAttempts", "lastUsedAt")
  select k, current_date, c, o, r, f, now() from unnest($1::int[], $2::uuid[], $3::text[], $4::int[], $5::int[]) as given(k, c, o, r, f) order by k, o
  on conflict ("apiKeyId", day, operation) do update set requests = u.requests + excluded.requests,
    "failedAttempts" = u."failedAttempts" + excluded."failedAttempts", "lastUsedAt" = excluded."lastUsedAt"`;

/** Whoever ends sessions meanwhile has them locked: those are left, so that neither waits for the other. */
const SESSIONS_SQL = `update "Session" set "lastUsedAt" = now()
  where id in (select id from "Session" where id = any($1::uuid[]) for no key update skip locked)`;

interface KeyUse {
  id: number;
  companyId: string;
  operation: string;
  requests: number;
  failed: number;
}

/** Writes usage events in one statement. Also what the demo data uses. */
export async function writeEvents(query: Database['query'], events: UsageEvent[]): Promise<void> {
  const column = <K extends keyof UsageEvent>(name: K): UsageEvent[K][] => events.map((event) => event[name]);
  await query(RUNS_SQL, [
    column('id'),
    column('sellerCompanyId'),
    column('buyerCompanyId'),
    column('assetId'),
    column('endpointId'),
    column('apiKeyId'),
    column('at'),
    column('isSuccess'),
    column('credits'),
    column('earningsCents'),
    column('elapsedMs'),
    column('rowCount'),
  ]);
}

/** The buffer of a process. What cannot be written stays and is tried again. */
export function createUsageBuffer(database: Database, log: Log): UsageBuffer {
  let events: UsageEvent[] = [];
  let keys = new Map<string, KeyUse>();
  let sessions = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let isFailing = false;

  async function write(): Promise<void> {
    const [someEvents, someKeys, someSessions] = [events, [...keys.values()], [...sessions]];
    events = [];
    keys = new Map();
    sessions = new Set();
    isFailing = false;
    try {
      if (someEvents.length > 0) await writeEvents(database.query, someEvents);
    } catch (error) {
      isFailing = true;
      const kept = [...someEvents, ...events];
      events = kept.slice(-MOST);
      log.error(
        { err: error, kept: events.length, lost: kept.length - events.length },
        'usage events could not be written yet',
      );
    }
    try {
      if (someKeys.length > 0) {
        const column = <K extends keyof KeyUse>(name: K): KeyUse[K][] => someKeys.map((use) => use[name]);
        await database.query(KEYS_SQL, [
          column('id'),
          column('companyId'),
          column('operation'),
          column('requests'),
          column('failed'),
        ]);
      }
    } catch (error) {
      isFailing = true;
      for (const use of someKeys) add(use);
      log.error({ err: error }, 'key usage could not be written yet');
    }
    try {
      if (someSessions.length > 0) await database.query(SESSIONS_SQL, [someSessions]);
    } catch (error) {
      isFailing = true;
      for (const id of someSessions) sessions.add(id);
      log.error({ err: error }, 'uses of sessions could not be written yet');
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write).then(() => {
      if (isFailing) wake();
    });
    return writing;
  }

  function wake(): void {
    // A database that is away is not asked once an event.
    if (events.length >= FULL && !isFailing) void flush();
    else timer ??= setTimeout(() => void flush(), isFailing ? RETRY_MS : INTERVAL_MS).unref();
  }

  function add(use: KeyUse): void {
    const name = `${use.id} ${use.operation}`;
    const sum = keys.get(name);
    if (sum) {
      sum.requests += use.requests;
      sum.failed += use.failed;
    } else keys.set(name, { ...use });
  }

  return {
    run(event) {
      events.push(event);
      wake();
    },
    keyUse(id, companyId, operation, isFailed) {
      add({ id, companyId, operation, requests: isFailed ? 0 : 1, failed: isFailed ? 1 : 0 });
      wake();
    },
    sessionUse(id) {
      sessions.add(id);
      wake();
    },
    flush,
    async stop() {
      await flush();
      // Once more for what failed, or came meanwhile.
      if (events.length > 0 || keys.size > 0 || sessions.size > 0) await flush();
      clearTimeout(timer);
    },
  };
}
