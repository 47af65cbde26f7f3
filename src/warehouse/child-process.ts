import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants, setPriority, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ADDRESS_SPACE_KB } from './child-memory.ts';
import type { Reply, Request } from './child-protocol.ts';
import { EngineError } from './engine.ts';
import type { FileSource } from './file-source.ts';

const OPEN_MS = 30_000;

type RequestBody = Request extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

interface Waiting {
  id: number;
  resolve: (reply: Reply) => void;
  reject: (error: unknown) => void;
}

/** What runs in a child: modules of this directory, the one that starts first. */
export interface ChildProgram {
  modules: [script: string, ...others: string[]];
  /** How long it may take to stop a query before it is killed. */
  stopGraceMs: number;
}

/** Prints the modules of its arguments without their types. */
const STRIP = `import { readFileSync } from 'node:fs';
  import { stripTypeScriptTypes } from 'node:module';
  const [, ...files] = process.argv;
  process.stdout.write(JSON.stringify(files.map((file) => stripTypeScriptTypes(readFileSync(file, 'utf8')))));`;

async function strip(files: string[]): Promise<string[]> {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', STRIP, ...files];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: {} });
  return JSON.parse(stdout) as string[];
}

async function makeSource(program: ChildProgram): Promise<string> {
  const urls = program.modules.map((name) => new URL(`./${name}`, import.meta.url));
  const stripped = await strip(urls.map((url) => fileURLToPath(url)));
  return `import { registerHooks } from 'node:module';
    const sources = new Map(${JSON.stringify(urls.map((url, i) => [url.href, stripped[i]]))});
    registerHooks({
      load: (url, context, next) => {
        const source = sources.get(url);
        return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
      },
    });
    await import(${JSON.stringify(urls[0]?.href)});`;
}

const sources = new WeakMap<ChildProgram, Promise<string>>();

/**
 * The program of a child. Stripping types in the child itself would cost it 1 to 3 GB of address space for a
 * WebAssembly compiler, more than what is left for queries, and here 30 MiB and a pause for all requests: so they are
 * stripped once, in a process that ends with it.
 */
function sourceOf(program: ChildProgram): Promise<string> {
  let source = sources.get(program);
  if (!source) {
    source = makeSource(program);
    source.catch(() => sources.delete(program));
    sources.set(program, source);
  }
  return source;
}

/** A process takes the time that the gateway leaves it: the answers to everybody else come first. */
export function yieldCpu(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It is gone already, or the system has no such thing.
  }
}

function launch(program: ChildProgram): ChildProcess {
  const args = ['--max-old-space-size=512', '--disable-warning=ExperimentalWarning', '--input-type=module', '-'];
  const options = {
    stdio: ['pipe', 'ignore', 'ignore', 'ipc'],
    // Arenas of malloc would reserve address space for every thread.
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', MALLOC_ARENA_MAX: '2' },
    cwd: '/',
    serialization: 'advanced',
  } satisfies Parameters<typeof spawn>[2];
  // Where the machine has no memory left, the kernel ends a query and never the gateway.
  const limited = `echo 1000 >/proc/self/oom_score_adj; ulimit -v ${ADDRESS_SPACE_KB}; exec "$0" "$@"`;
  const child =
    process.platform === 'linux'
      ? spawn('/bin/sh', ['-c', limited, process.execPath, ...args], options)
      : spawn(process.execPath, args, { ...options, cwd: tmpdir() });
  yieldCpu(child.pid);
  child.stdin?.on('error', () => undefined);
  // The child starts meanwhile; without a program it ends, and whoever waits for it hears that.
  sourceOf(program).then(
    (source) => child.stdin?.end(source),
    () => child.kill('SIGKILL'),
  );
  return child;
}

/** A child process with one database open. It keeps this process alive only while it owes an answer. */
export class EngineProcess {
  readonly opened: Promise<void>;
  /** True once the process cannot be used any more. */
  dead = false;
  private readonly child: ChildProcess;
  private readonly stopGraceMs: number;
  private waiting: Waiting | null = null;
  private lastId = 0;
  private stopping: Promise<boolean> | null = null;
  private onStopped: (() => void) | null = null;

  constructor(program: ChildProgram, { path, tables, spill }: FileSource, onExit: () => void) {
    this.stopGraceMs = program.stopGraceMs;
    this.child = launch(program);
    let exited = false;
    const gone = (): void => {
      if (exited) return;
      exited = true;
      this.dead = true;
      const waiting = this.waiting;
      this.waiting = null;
      waiting?.reject(
        new EngineError(
          'ENGINE_FAILED',
          'The query ended its process: it needs more memory than it may have. Let it read, sort or aggregate less at once.',
          { stage: 'QUERY' },
        ),
      );
      this.onStopped?.();
      onExit();
    };
    this.child.once('exit', gone);
    this.child.once('error', gone);
    this.child.on('message', (reply: Reply) => this.receive(reply));
    this.hold(false);
    const timer = setTimeout(() => this.kill(), OPEN_MS);
    this.opened = this.request({ type: 'open', path, tables, spill }).then(
      () => clearTimeout(timer),
      (error: unknown) => {
        clearTimeout(timer);
        this.kill();
        throw error;
      },
    );
    this.opened.catch(() => undefined);
  }

  /** Sends one request and waits for its answer; a failure of the engine rejects with its `Reply`. */
  request(body: RequestBody): Promise<Reply> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      if (this.dead) {
        reject(new EngineError('ENGINE_FAILED', 'The process of the query is gone.', { stage: 'QUERY' }));
        return;
      }
      this.waiting = { id, resolve, reject };
      this.hold(true);
      this.post({ ...body, id });
    });
  }

  /** Whether the child keeps this process alive. */
  private hold(alive: boolean): void {
    if (alive) this.child.ref();
    else this.child.unref();
    if (alive) this.child.channel?.ref();
    else this.child.channel?.unref();
  }

  private post(request: Request): void {
    this.child.send(request, (error) => {
      if (error) this.kill();
    });
  }

  private receive(reply: Reply): void {
    if (reply.type === 'stopped') {
      if (reply.worn) this.kill();
      this.onStopped?.();
      return;
    }
    const waiting = this.waiting;
    if (waiting?.id !== reply.id) return;
    this.waiting = null;
    this.hold(false);
    if (reply.type === 'failed') waiting.reject(reply);
    else waiting.resolve(reply);
  }

  /**
   * Stops what runs and rejects whoever waits for it with `reason` at once. Resolves to whether the process may be
   * used again; one that does not stop in time is killed.
   */
  stop(reason: unknown): Promise<boolean> {
    const waiting = this.waiting;
    this.waiting = null;
    waiting?.reject(reason);
    this.stopping ??= this.interrupt().finally(() => {
      this.stopping = null;
    });
    return this.stopping;
  }

  private interrupt(): Promise<boolean> {
    if (this.dead) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.kill(), this.stopGraceMs);
      this.onStopped = (): void => {
        this.onStopped = null;
        clearTimeout(timer);
        this.hold(false);
        resolve(!this.dead);
      };
      this.hold(true);
      this.post({ type: 'stop', id: ++this.lastId });
    });
  }

  /** Ends the process at once. */
  kill(): void {
    this.dead = true;
    this.child.kill('SIGKILL');
  }
}
