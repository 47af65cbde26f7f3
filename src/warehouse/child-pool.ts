import { totalmem } from 'node:os';
import { EngineProcess } from './child-process.ts';
import type { ChildProgram } from './child-process.ts';
import { EngineError } from './engine.ts';
import { identityOf, type FileSource } from './file-source.ts';
import { orAbort } from './lifecycle.ts';

const PER_SOURCE = 4;
const QUEUE = 64;
const IDLE_MS = 30_000;
/** Processes that are kept, those at work among them, for each that may work: a new one takes a tenth of a second. */
const KEPT = 4;
/** What one at rest takes, and the share of the machine's memory that they may take together. */
const [RESTING_BYTES, SHARE] = [100 * 1024 ** 2, 1 / 16];

interface Member {
  process: EngineProcess;
  key: string;
  source: FileSource;
  /** The files that it opened: others under the same names need another process. */
  identity: string;
  idle: NodeJS.Timeout | null;
  /** Closed while it worked: not to be used again. */
  retired: boolean;
}

interface Waiter {
  key: string;
  source: FileSource;
  signal: AbortSignal;
  resolve: (member: Promise<Member>) => void;
  reject: (error: unknown) => void;
}

/** A process lent to one query. */
export interface Lease {
  process: EngineProcess;
  /** Gives the process back; it is ended where `usable` is false. */
  release: (usable: boolean) => void;
}

/**
 * Children that run queries: at most four for the same files, and `max` at work; whoever finds none free waits in order.
 * Some more are kept at rest, as the memory of the machine allows, and the one that rested longest goes first.
 */
export class ChildPool {
  private readonly members = new Set<Member>();
  private waiters: Waiter[] = [];
  private readonly program: ChildProgram;
  private readonly max: number;
  private readonly kept: number;

  constructor(program: ChildProgram, max: number) {
    this.program = program;
    this.max = max;
    this.kept = Math.max(max, Math.min(max * KEPT, Math.floor((totalmem() * SHARE) / RESTING_BYTES)));
  }

  /** Lends a process with the source open. @throws EngineError ENGINE_BUSY where too many wait already. */
  async acquire(key: string, source: FileSource, signal: AbortSignal): Promise<Lease> {
    const identity = await identityOf(source);
    const member = await new Promise<Member>((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const waiter: Waiter = { key, source, signal, resolve, reject };
      if (this.serve(waiter, identity)) return;
      if (this.waiters.length >= QUEUE) {
        reject(new EngineError('ENGINE_BUSY', 'Too many queries are waiting.', { hint: 'Try again in a moment.' }));
        return;
      }
      const leave = (): void => {
        this.waiters = this.waiters.filter((other) => other !== waiter);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      waiter.resolve = (found) => {
        signal.removeEventListener('abort', leave);
        resolve(found);
      };
      waiter.reject = (error) => {
        signal.removeEventListener('abort', leave);
        reject(error);
      };
      this.waiters.push(waiter);
    });
    try {
      await orAbort(member.process.opened, signal);
    } catch (error) {
      // Whoever gave up waiting leaves the process to the next one.
      member.process.opened.then(
        () => this.park(member),
        () => this.drop(member),
      );
      throw error;
    }
    let open = true;
    return {
      process: member.process,
      release: (usable) => {
        if (!open) return;
        open = false;
        if (usable) this.park(member);
        else this.drop(member);
      },
    };
  }

  private serve(waiter: Waiter, identity: string | null): boolean {
    const { key, source } = waiter;
    for (const member of this.members) {
      if (!member.idle || member.key !== key) continue;
      const isOther = member.source.id !== source.id || (identity !== null && member.identity !== identity);
      if (member.process.dead || isOther) {
        this.drop(member, false);
        continue;
      }
      clearTimeout(member.idle);
      member.idle = null;
      waiter.resolve(Promise.resolve(member));
      return true;
    }
    // Counted by what is opened: whoever has several connections to the same files gets no more of them for it.
    const ours = [...this.members].filter((member) => member.source.path === source.path);
    const atRest = [...this.members].filter((member) => member.idle);
    if (this.members.size - atRest.length >= this.max) return false;
    const isFull = ours.length >= PER_SOURCE;
    if (isFull || this.members.size >= this.kept) {
      const spare = (isFull ? ours : atRest).find((member) => member.idle);
      if (!spare) return false;
      this.drop(spare, false);
    }
    waiter.resolve(this.spawn(key, source));
    return true;
  }

  private spawn(key: string, source: FileSource): Promise<Member> {
    const member: Member = {
      process: new EngineProcess(this.program, source, () => this.drop(member)),
      key,
      source,
      identity: '',
      idle: null,
      retired: false,
    };
    this.members.add(member);
    return identityOf(source).then(
      (identity) => {
        member.identity = identity;
        return member;
      },
      (error: unknown) => {
        this.drop(member);
        throw error;
      },
    );
  }

  private park(member: Member): void {
    if (member.retired || member.process.dead) {
      this.drop(member);
      return;
    }
    member.idle = setTimeout(() => this.drop(member), IDLE_MS);
    member.idle.unref();
    // The set is in the order in which they came to rest.
    this.members.delete(member);
    this.members.add(member);
    this.dispatch();
  }

  private drop(member: Member, thenServe = true): void {
    if (member.idle) clearTimeout(member.idle);
    member.idle = null;
    member.process.kill();
    if (this.members.delete(member) && thenServe) this.dispatch();
  }

  private dispatch(): void {
    for (const waiter of this.waiters) {
      if (!this.serve(waiter, null)) continue;
      this.waiters = this.waiters.filter((other) => other !== waiter);
    }
  }

  /** Ends the processes of a connection, or all; those at work end with their query where a key is given. */
  close(key?: string): void {
    if (key === undefined) {
      const gone = new EngineError('CANCELLED', 'The gateway is shutting down.');
      for (const waiter of this.waiters.splice(0)) waiter.reject(gone);
    }
    for (const member of this.members) {
      if (key !== undefined && member.key !== key) continue;
      member.retired = true;
      if (key === undefined || member.idle) this.drop(member);
    }
  }
}
