import type { Database, RunQuery } from '../database/db.ts';
import type { Log } from '../log.ts';
import { createKeyLimits, type KeyLimits } from './key-limits.ts';
import { createProductLimits, type ProductLimits } from './product-limits.ts';
import { guardStore } from './store-guard.ts';

/** Runs a script of Lua in Redis, all of it or nothing. */
export interface Redis {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** Where all processes count together: in PostgreSQL or in Redis; a process without either counts by itself. */
export interface LimitStore {
  query?: RunQuery;
  redis?: Redis;
}

/** What a process holds its callers to. */
export interface Limits {
  keys: KeyLimits;
  products: ProductLimits;
  close(): void;
}

/** How long Redis may take to answer, and to take a connection. One that is late is made anew. */
const ANSWER_MS = 1000;
const CONNECT_MS = 5000;
/** So is one that has been silent for so long; pings come more often. */
const SILENCE_MS = 6000;
const PING_MS = 2000;
const LONGEST_PAUSE_MS = 2000;

/** Opens the store that RATE_LIMITS names. Without an answer from Redis it opens too: limits are counted here until then. */
export async function openLimits(setting: string, database: Pick<Database, 'query'>, log: Log): Promise<Limits> {
  const limits = (store: LimitStore, close = () => {}): Limits => ({
    keys: createKeyLimits(store),
    products: createProductLimits(store),
    close,
  });
  if (setting === 'memory') return limits({});
  if (setting === 'postgresql') {
    const { ask } = guardStore('PostgreSQL', log);
    return limits({ query: (text, values) => ask(() => database.query(text, values)) });
  }
  const { redis, close } = await openRedis(setting, log);
  return limits({ redis }, close);
}

async function openRedis(url: string, log: Log): Promise<{ redis: Redis; close(): void }> {
  const { createClient } = await import('@redis/client');
  const guard = guardStore('Redis', log);
  const client = createClient({
    url,
    socket: {
      connectTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, LONGEST_PAUSE_MS),
    },
    pingInterval: PING_MS,
    // What cannot be asked now is counted here, not later.
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
  });
  client.on('error', guard.lost);
  // It goes on trying by itself; what it tells of that is heard above.
  const connect = (): void => void client.connect().catch(() => undefined);
  const known = new Promise<void>((resolve) => client.once('ready', resolve).once('error', () => resolve()));
  connect();
  await known;

  /** A connection that is late fails for all who wait, as nobody else sees whether it is dead. */
  const inTime: Redis['eval'] = async (script, options) => {
    let isWaiting = true;
    const giveUp = (): void => {
      if (!isWaiting) return;
      guard.lost(new Error(`No answer within ${ANSWER_MS} ms.`));
      client.destroy();
      connect();
    };
    // An answer may have come while the process was busy: it is read first.
    const timer = setTimeout(() => setImmediate(giveUp), ANSWER_MS);
    try {
      return await client.eval(script, options);
    } finally {
      isWaiting = false;
      clearTimeout(timer);
    }
  };
  return {
    redis: { eval: (script, options) => guard.ask(() => inTime(script, options)) },
    close: () => client.destroy(),
  };
}
