import { ConstantBackoff, handleWhen, retry } from 'cockatiel';
import { EngineError } from './engine.ts';
import type { ConnectionTarget } from './engine.ts';

/** What a pool keeps: a connection that can be ended and that says when it is gone. */
export interface Pooled {
  readonly dead: boolean;
  destroy(): void;
  /** Whether an open connection keeps this process alive. */
  hold(alive: boolean): void;
}

const PER_KEY = 4;
const KEYS = 50;
const IDLE_MS = 30_000;
const QUEUE = 64;
/** Once more, a moment later: nothing was sent yet. Not after a time-out, which was wait enough. */
const onceMore = retry(
  handleWhen(
    (error) =>
      error instanceof EngineError &&
      error.stage === 'TCP' &&
      !(error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'ETIMEDOUT'),
  ),
  { maxAttempts: 1, backoff: new ConstantBackoff(100) },
);

interface Waiter<C> {
  resolve: (connection: C | null) => void;
  reject: (error: unknown) => void;
}

interface Bucket<C> {
  idle: { connection: C; timer: NodeJS.Timeout }[];
  /** Connections open or being opened, idle ones included. */
  size: number;
  waiters: Waiter<C>[];
  /** Its key was closed: what comes back is ended. */
  retired: boolean;
}

/** Connections by key: at most four of a key, idle ones for 30 s, idle ones of the 50 keys used last. */
export class ConnectionPool<C extends Pooled> {
  private readonly buckets = new Map<string, Bucket<C>>();
  private readonly owners = new WeakMap<C, Bucket<C>>();
  private readonly open: (target: ConnectionTarget, signal: AbortSignal) => Promise<C>;

  constructor(open: (target: ConnectionTarget, signal: AbortSignal) => Promise<C>) {
    this.open = open;
  }

  /** Lends a connection, opening one or waiting in order. @throws EngineError ENGINE_BUSY where too many wait. */
  async acquire(target: ConnectionTarget, signal: AbortSignal): Promise<C> {
    if (signal.aborted) throw signal.reason;
    const bucket = this.bucket(target.key);
    const ready = this.takeIdle(bucket);
    if (ready) return ready;
    if (bucket.size >= PER_KEY) {
      const handed = await this.wait(bucket, signal);
      if (handed) return handed;
    } else bucket.size++;
    try {
      const connection = await onceMore.execute(() => this.open(target, signal), signal);
      this.owners.set(connection, bucket);
      return connection;
    } catch (error) {
      this.free(bucket);
      throw error;
    }
  }

  private bucket(key: string): Bucket<C> {
    const bucket = this.buckets.get(key) ?? { idle: [], size: 0, waiters: [], retired: false };
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    for (const [other, old] of this.buckets) {
      if (this.buckets.size <= KEYS) break;
      if (old.size > old.idle.length) continue;
      this.retire(other, old);
    }
    return bucket;
  }

  private takeIdle(bucket: Bucket<C>): C | null {
    for (let last = bucket.idle.pop(); last; last = bucket.idle.pop()) {
      clearTimeout(last.timer);
      if (last.connection.dead) {
        bucket.size--;
        continue;
      }
      last.connection.hold(true);
      return last.connection;
    }
    return null;
  }

  /** Waits for a connection that comes back, or null: leave to open one. */
  private wait(bucket: Bucket<C>, signal: AbortSignal): Promise<C | null> {
    if (bucket.waiters.length >= QUEUE) {
      throw new EngineError('ENGINE_BUSY', 'Too many queries are waiting.', { hint: 'Try again in a moment.' });
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        bucket.waiters = bucket.waiters.filter((other) => other !== waiter);
        reject(signal.reason);
      };
      const waiter: Waiter<C> = {
        resolve: (connection) => {
          signal.removeEventListener('abort', leave);
          resolve(connection);
        },
        reject: (error) => {
          signal.removeEventListener('abort', leave);
          reject(error);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      bucket.waiters.push(waiter);
    });
  }

  /** A place is free: the next in line may open a connection. */
  private free(bucket: Bucket<C>): void {
    const next = bucket.waiters.shift();
    if (next) next.resolve(null);
    else bucket.size--;
  }

  /** Takes a connection back; it is ended where it is not `usable`. */
  release(connection: C, usable: boolean): void {
    const bucket = this.owners.get(connection);
    if (!bucket) return;
    if (!usable || connection.dead || bucket.retired) {
      this.owners.delete(connection);
      connection.destroy();
      this.free(bucket);
      return;
    }
    const next = bucket.waiters.shift();
    if (next) {
      next.resolve(connection);
      return;
    }
    connection.hold(false);
    const timer = setTimeout(() => {
      bucket.idle = bucket.idle.filter((entry) => entry.connection !== connection);
      this.owners.delete(connection);
      connection.destroy();
      bucket.size--;
    }, IDLE_MS);
    timer.unref();
    bucket.idle.push({ connection, timer });
  }

  private retire(key: string, bucket: Bucket<C>): void {
    this.buckets.delete(key);
    bucket.retired = true;
    for (const { connection, timer } of bucket.idle.splice(0)) {
      clearTimeout(timer);
      bucket.size--;
      connection.destroy();
    }
  }

  /** Ends the idle connections of a key, or all; those at work end when they come back. */
  close(key?: string): void {
    for (const [name, bucket] of this.buckets) {
      if (key !== undefined && name !== key) continue;
      this.retire(name, bucket);
      if (key !== undefined) continue;
      for (const waiter of bucket.waiters.splice(0)) {
        waiter.reject(new EngineError('CANCELLED', 'The gateway is shutting down.'));
      }
    }
  }
}
