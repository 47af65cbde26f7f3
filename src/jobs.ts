import { PgBoss } from 'pg-boss';
import type { RunQuery } from './database/db.ts';
import type { Log } from './log.ts';

/** How often work of one kind is tried, and when whoever does it counts as gone. */
export interface QueueRules {
  name: string;
  /** Tries after the first. */
  retryLimit?: number;
  /** Seconds that one try may take. */
  expireInSeconds?: number;
  /** Seconds without a sign of life of its worker after which a job is given to another: at least 10. */
  heartbeatSeconds?: number;
  /** `exclusive`: of the jobs with one key only one is queued or at work, and a further one is not stored. For good. */
  policy?: 'exclusive';
  /** How many jobs of one group are at work at once, in all processes. */
  atOnceByGroup?: number;
  /** Where a job goes whose tries are used up. */
  deadLetter?: QueueRules;
}

/** When a job is due (at once unless said), and which jobs it counts together with. */
export interface SendOptions {
  at?: Date;
  key?: string;
  group?: string;
}

/** How many jobs of a queue a process does at once: 1 unless said, and of one group as many unless said. */
export interface WorkOptions {
  atOnce?: number;
  atOncePerGroup?: number;
}

/** Puts a job into a queue, in the transaction of its `query`. */
export type Send = (query: RunQuery, data: object, options?: SendOptions) => Promise<void>;

/** A job in the hands of a worker. `signal` aborts when this process stops or the job belongs to another by now. */
export interface Job<T> {
  data: T;
  isLastTry: boolean;
  signal: AbortSignal;
}

/** Work that is done later, by whichever process is free: a queue in the schema `jobs` of the database. */
export interface Jobs {
  /**
   * The way to put jobs into a queue: each is stored in the transaction of its `query`, so it is there if and only if
   * all else is.
   */
  sender(queue: QueueRules): Promise<Send>;
  /** Does the jobs of a queue in this process. A job that throws is tried again. */
  work<T extends object>(
    queue: QueueRules,
    handler: (job: Job<T>) => Promise<void>,
    options?: WorkOptions,
  ): Promise<void>;
  /** Does something by a crontab (UTC), in one of the processes that work on it. */
  every(queue: QueueRules, crontab: string, handler: () => Promise<void>): Promise<void>;
  /** Aborts what is at work here, so that another process takes it up, and lets go of the database. */
  stop(): Promise<void>;
}

const CONNECTIONS = 3;
/** How soon a free worker sees a job, and a worker that died is noticed after its last sign of life. */
const POLL_SECONDS = 1;
const WATCH_SECONDS = 5;
const RETRY_SECONDS = 2;
const STOP_MS = 10_000;

/** The queue of a database. It connects with the first use. */
export function createJobs(url: string, log: Log): Jobs {
  const stopping = new AbortController();
  const known = new Map<string, Promise<void>>();
  let started: Promise<PgBoss> | null = null;

  async function start(): Promise<PgBoss> {
    const boss = new PgBoss({
      connectionString: url,
      application_name: 'spartera-gateway jobs',
      schema: 'jobs',
      max: CONNECTIONS,
      superviseIntervalSeconds: WATCH_SECONDS,
      monitorIntervalSeconds: WATCH_SECONDS,
      registerInstance: false,
    });
    // What its own upkeep runs into is tried again by itself.
    boss.on('error', (error) => log.warn({ err: error }, 'the job queue ran into an error'));
    return boss.start();
  }

  function open(): Promise<PgBoss> {
    stopping.signal.throwIfAborted();
    started ??= start().catch((error: unknown) => {
      started = null;
      throw error;
    });
    return started;
  }

  async function create(boss: PgBoss, rules: QueueRules): Promise<void> {
    const { name, deadLetter, policy, atOnceByGroup: _, ...own } = rules;
    if (deadLetter) await withQueue(deadLetter);
    const more = deadLetter ? { deadLetter: deadLetter.name } : {};
    const options = { ...own, ...more, retryDelay: RETRY_SECONDS, retryBackoff: true };
    await boss.createQueue(name, { ...options, ...(policy ? { policy } : {}) });
    // One that an earlier version made has the rules of that version.
    await boss.updateQueue(name, options);
  }

  async function withQueue(queue: QueueRules): Promise<PgBoss> {
    const boss = await open();
    let ready = known.get(queue.name);
    if (!ready) {
      ready = create(boss, queue).catch((error: unknown) => {
        known.delete(queue.name);
        throw error;
      });
      known.set(queue.name, ready);
    }
    await ready;
    return boss;
  }

  return {
    async sender(queue) {
      const boss = await withQueue(queue);
      return async (query, data, { at, key, group } = {}) => {
        const db = {
          executeSql: async (text: string, values: unknown[] = []) => ({ rows: await query(text, values) }),
        };
        await boss.send(queue.name, data, {
          db,
          ...(at ? { startAfter: at } : {}),
          ...(key ? { singletonKey: key } : {}),
          ...(group ? { group: { id: group } } : {}),
        });
      };
    },
    async work<T extends object>(
      queue: QueueRules,
      handler: (job: Job<T>) => Promise<void>,
      { atOnce = 1, atOncePerGroup }: WorkOptions = {},
    ) {
      const boss = await withQueue(queue);
      const options = {
        includeMetadata: true,
        localConcurrency: atOnce,
        pollingIntervalSeconds: POLL_SECONDS,
        // While jobs wait in line, whoever did one takes the next without a pause.
        burstWhenReadyExceeds: 1,
        ...(atOncePerGroup ? { localGroupConcurrency: atOncePerGroup } : {}),
        ...(queue.atOnceByGroup ? { groupConcurrency: queue.atOnceByGroup } : {}),
      } as const;
      await boss.work<T, void, typeof options>(queue.name, options, async (jobs) => {
        for (const { data, retryCount, retryLimit, signal } of jobs) {
          const either = AbortSignal.any([signal, stopping.signal]);
          await handler({ data, isLastTry: retryCount >= retryLimit, signal: either });
        }
      });
    },
    async every(queue, crontab, handler) {
      const boss = await withQueue(queue);
      await boss.work(queue.name, async () => handler());
      await boss.schedule(queue.name, crontab);
    },
    async stop() {
      stopping.abort(new Error('The process is stopping.'));
      const boss = await started?.catch(() => null);
      await boss?.stop({ graceful: true, timeout: STOP_MS });
    },
  };
}
