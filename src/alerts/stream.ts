import type pg from 'pg';
import type { App, Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { AlertEvent } from '../generated/prisma/client.ts';
import { columnsOf } from '../lists/selection.ts';
import { personOf, type Person } from '../users/person.ts';

/** Where it is announced that an event was stored: `company:user:event`, the ids alone. */
export const CHANNEL = 'alert_events';
/** Streams of a company that a process holds open. */
export const MAX_STREAMS = 20;
/** Events that wait for a slow reader. */
const MAX_WAITING = 1000;
/** No timer of Node's is longer than 24 days. */
const LONGEST_MS = 86_400_000;

interface Stream {
  viewer: Person;
  waiting: string[];
  /** Looks at its credential that are under way; nothing is delivered meanwhile. */
  checks: number;
  /** Why it was ended; told to the reader as its last word. */
  end: DomainError | null;
  isClosed: boolean;
  timer: NodeJS.Timeout | undefined;
  wake(): void;
}

interface Hub {
  streams: Set<Stream>;
  /** The one connection that listens for all streams of the process, while there are any. */
  link: { client: Promise<pg.Client> } | null;
}

const hubs = new WeakMap<App, Hub>();

function hubOf(app: App): Hub {
  let hub = hubs.get(app);
  if (!hub) hubs.set(app, (hub = { streams: new Set(), link: null }));
  return hub;
}

const unavailable = (message: string, cause?: unknown): DomainError =>
  new DomainError('UNAVAILABLE', message, { cause });
const ENDED = 'This credential has ended or expired, and the stream with it.';
const LOST = 'The gateway lost sight of what happens: connect again, and read the list for what was missed.';

/** Ends a stream with a last word; what still waits is not delivered. */
function endStream(stream: Stream, error: DomainError): void {
  if (stream.end) return;
  stream.end = error;
  stream.waiting.length = 0;
  stream.wake();
}

/** Ends all streams of an app, which is about to stop. */
export function endStreams(app: App): void {
  for (const stream of hubs.get(app)?.streams ?? [])
    endStream(stream, unavailable('The gateway stops: connect again.'));
}

const KEY_SQL = `select k."expiresAt" from "ApiKey" k left join "User" u on u.id = k."userId" where k.id = $1::int and k.active and k."revokedAt" is null
  and (k."expiresAt" is null or k."expiresAt" > now()) and (u.id is null or (u.active and u.status = 'ACTIVE'))`;
const SESSION_SQL = `select s."expiresAt" from "Session" s join "User" u on u.id = s."userId" where s.id = $1::uuid and s."revokedAt" is null
  and s."expiresAt" > now() and u.active and u.status = 'ACTIVE'`;

function wakeAt(stream: Stream, expiresAt: Date | null): void {
  clearTimeout(stream.timer);
  if (!expiresAt || stream.isClosed) return;
  const left = expiresAt.getTime() - Date.now();
  if (left <= 0) return endStream(stream, new DomainError('BAD_CREDENTIALS', ENDED));
  stream.timer = setTimeout(() => wakeAt(stream, expiresAt), Math.min(left, LONGEST_MS)).unref();
}

/** Ends the stream unless its credential is as good as when it was opened. */
async function checkCredential(app: App, stream: Stream): Promise<void> {
  const { sessionId, apiKeyId } = stream.viewer;
  stream.checks++;
  try {
    const [row] = await app.database.query<{ expiresAt: Date | null }>(sessionId ? SESSION_SQL : KEY_SQL, [
      sessionId ?? apiKeyId,
    ]);
    if (row) wakeAt(stream, row.expiresAt);
    else endStream(stream, new DomainError('BAD_CREDENTIALS', ENDED));
  } catch (error) {
    endStream(stream, unavailable(LOST, error));
  } finally {
    stream.checks--;
    stream.wake();
  }
}

function hear(app: App, { channel, payload = '' }: pg.Notification): void {
  const { streams } = hubOf(app);
  const [kind = '', id = '', event = ''] = payload.split(':');
  for (const stream of streams) {
    const { companyId, userId, apiKeyId, sessionId } = stream.viewer;
    if (channel === CHANNEL) {
      if (kind !== companyId || id !== userId || stream.end) continue;
      if (stream.waiting.push(event) > MAX_WAITING) endStream(stream, unavailable(LOST));
      else stream.wake();
    } else if (
      (kind === 'key' && id === String(apiKeyId)) ||
      (kind === 'session' && id === sessionId) ||
      (kind === 'user' && id === userId)
    )
      void checkCredential(app, stream);
  }
}

/** Listens for all streams of the process; ready when it does. */
async function listen(app: App): Promise<void> {
  const hub = hubOf(app);
  if (!hub.link) {
    const connect = async (): Promise<pg.Client> => {
      const client = await app.database.connect();
      const lost = (error?: Error): void => {
        if (hub.link !== link) return;
        hub.link = null;
        app.log.warn({ err: error }, 'lost the connection that announces events of alerts');
        for (const stream of hub.streams) endStream(stream, unavailable(LOST));
      };
      client.on('error', lost);
      client.on('end', () => lost());
      client.on('notification', (notice) => hear(app, notice));
      await client.query(`listen ${CHANNEL}; listen credentials`);
      return client;
    };
    const link = { client: connect() };
    hub.link = link;
  }
  const { link } = hub;
  try {
    await link.client;
  } catch (error) {
    if (hub.link === link) hub.link = null;
    throw unavailable('The gateway cannot listen for events: try again shortly.', error);
  }
}

function leave(app: App, stream: Stream): void {
  if (stream.isClosed) return;
  stream.isClosed = true;
  clearTimeout(stream.timer);
  stream.wake();
  const hub = hubOf(app);
  hub.streams.delete(stream);
  if (hub.streams.size > 0 || !hub.link) return;
  const { client } = hub.link;
  hub.link = null;
  client.then((one) => one.end()).catch(() => undefined);
}

const EVENT_SQL = `select ${columnsOf('AlertEvent', true)} from "AlertEvent" t join "Alert" a on a.id = t."alertId"
  where t.id = $1::uuid and t."companyId" = $2::uuid and a."userId" = $3::uuid`;

/** The next event of a stream, or why it was ended; null where it is over. */
async function nextOf(ctx: Context, stream: Stream): Promise<AlertEvent | DomainError | null> {
  while (!stream.isClosed) {
    if (stream.end) {
      leave(ctx.app, stream);
      return stream.end;
    }
    const id = stream.checks > 0 ? undefined : stream.waiting.shift();
    if (id === undefined) {
      await new Promise<void>((resolve) => (stream.wake = resolve));
      continue;
    }
    // A stream may stay for days: what it knows of the database is not kept.
    ctx.cache.clear();
    const { companyId, userId } = stream.viewer;
    try {
      const [event] = await ctx.app.database.query<AlertEvent>(EVENT_SQL, [id, companyId, userId]);
      if (event && !stream.end) return event;
    } catch (error) {
      endStream(stream, unavailable(LOST, error));
    }
  }
  return null;
}

/**
 * The events of the caller's own alerts from now on, whichever process stores them. Ends with a DomainError as its last
 * item: BAD_CREDENTIALS when the credential ends or expires, UNAVAILABLE when events may have been missed.
 * @throws DomainError FORBIDDEN for a key without a user, RATE_LIMITED for too many streams of a company, UNAVAILABLE
 */
export async function openAlertEvents(ctx: Context): Promise<AsyncIterableIterator<AlertEvent | DomainError>> {
  const viewer = personOf(ctx);
  const { app, signal } = ctx;
  const { streams } = hubOf(app);
  const open = [...streams].filter((stream) => stream.viewer.companyId === viewer.companyId).length;
  if (open >= MAX_STREAMS)
    throw new DomainError('RATE_LIMITED', `The company has ${MAX_STREAMS} streams open, which is as many as it may.`);
  const stream: Stream = {
    viewer,
    waiting: [],
    checks: 0,
    end: null,
    isClosed: false,
    timer: undefined,
    wake: () => undefined,
  };
  streams.add(stream);
  const stop = (): void => leave(app, stream);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    await listen(app);
    // It may have ended after the caller was let in, and before anybody listened.
    await checkCredential(app, stream);
  } catch (error) {
    stop();
    throw error;
  }
  const events: AsyncIterableIterator<AlertEvent | DomainError> = {
    [Symbol.asyncIterator]: () => events,
    async next() {
      const value = await nextOf(ctx, stream);
      if (value !== null) return { value, done: false };
      signal.removeEventListener('abort', stop);
      return { value: undefined, done: true };
    },
    // Not a generator's: that one would wait for the next event before it lets go.
    async return() {
      signal.removeEventListener('abort', stop);
      stop();
      return { value: undefined, done: true };
    },
  };
  return events;
}
