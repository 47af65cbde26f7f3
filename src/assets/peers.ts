import type pg from 'pg';
import type { Database } from '../database/db.ts';
import type { Log } from '../log.ts';

/** The other processes on the same database, as far as results go. One connection of its own listens and holds locks. */
export interface Peers {
  /** Whether what others announce arrives here. Tries to listen where it does not. */
  hears(): Promise<boolean>;
  /**
   * Asks for the right to work on a key. Where another process has it: tells that one that it is waited for, and answers
   * false as soon as there is news of the key, or after `ms`. The right ends with `release`, or with this process.
   */
  claim(key: string, ms: number, signal: AbortSignal): Promise<boolean>;
  release(key: string): Promise<void>;
  close(): Promise<void>;
}

export interface PeerEvents {
  /** A result was kept that was computed at this time (ms). */
  onKept(key: string, computedAt: number): void;
  /** Another process waits for what this one works on. */
  onWanted(key: string): void;
  /** From now on nothing arrives. */
  onDeaf(): void;
}

/** `kept <key> <ms>`, `wanted <key>` and `free <key>`. */
export const CHANNEL = 'results';
/** How long nobody tries to listen after it did not work. */
const PAUSE_MS = 1000;

// A lock of the session: it goes with the process, however that ends.
const CLAIM = `select got, case when not got then pg_notify('${CHANNEL}', 'wanted ' || $1::text) end
  from (select pg_try_advisory_lock(hashtextextended('result ' || $1::text, 0)) as got offset 0) l`;
const RELEASE = `select pg_advisory_unlock(hashtextextended('result ' || $1::text, 0)), pg_notify('${CHANNEL}', 'free ' || $1::text)`;

/** What processes that work on the same results say to each other, over one connection to the database. */
export function createPeers(database: Database, log: Log, events: PeerEvents): Peers {
  const waiting = new Map<string, Set<() => void>>();
  let link: pg.Client | null = null;
  /** The server process behind `link`: what it announces itself is no news. */
  let pid = 0;
  /** One statement after the other: that is how a connection works. */
  let last: Promise<unknown> = Promise.resolve();
  let opening: Promise<void> | null = null;
  let pausedUntil = 0;
  let isClosed = false;

  function hear({ payload = '', processId }: pg.Notification): void {
    const [kind, key = '', ms] = payload.split(' ');
    if (kind === 'wanted') {
      if (processId !== pid) events.onWanted(key);
      return;
    }
    if (kind === 'kept') events.onKept(key, Number(ms));
    for (const wake of waiting.get(key) ?? []) wake();
  }

  async function open(): Promise<void> {
    const client = await database.connect();
    const lost = (error?: Error): void => {
      if (link !== client) return;
      link = null;
      events.onDeaf();
      if (!isClosed) log.warn({ err: error }, 'lost the connection that announces kept results');
    };
    client.on('error', lost);
    client.on('end', () => lost());
    client.on('notification', hear);
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    pid = rows[0]?.pid ?? 0;
    await client.query(`listen ${CHANNEL}`);
    if (isClosed) await client.end();
    else link = client;
  }

  function send<R extends pg.QueryResultRow>(client: pg.Client, text: string, key: string): Promise<pg.QueryResult<R>> {
    const sent = last.then(() => client.query<R>(text, [key]));
    last = sent.catch(() => {});
    return sent;
  }

  async function hears(): Promise<boolean> {
    if (link) return true;
    if (isClosed || Date.now() < pausedUntil) return false;
    opening ??= open()
      .catch((error: unknown) => {
        pausedUntil = Date.now() + PAUSE_MS;
        log.warn({ err: error }, 'cannot listen for kept results');
      })
      .finally(() => (opening = null));
    await opening;
    return link !== null;
  }

  return {
    hears,
    async claim(key, ms, signal) {
      // Without the others in sight everybody works alone: more work, never a wrong answer.
      if (!(await hears()) || !link) return true;
      const news = Promise.withResolvers<void>();
      const wake = (): void => news.resolve();
      const wakes = waiting.get(key) ?? new Set();
      waiting.set(key, wakes.add(wake));
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake, { once: true });
      try {
        const { rows } = await send<{ got: boolean }>(link, CLAIM, key).catch((error: unknown) => {
          log.warn({ err: error }, 'cannot claim the work on a result');
          return { rows: [{ got: true }] };
        });
        if (rows[0]?.got) return true;
        await news.promise;
        signal.throwIfAborted();
        return false;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        wakes.delete(wake);
        if (wakes.size === 0) waiting.delete(key);
      }
    },
    async release(key) {
      // A lost connection has released all of its locks.
      if (link) await send(link, RELEASE, key).catch(() => {});
    },
    async close() {
      isClosed = true;
      await opening;
      await link?.end().catch(() => {});
    },
  };
}
