import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { forgetPeak, processCpuMs, peakMemory, serverEnvironment, type Bench } from './database.ts';
import type { LoadOrder, LoadReport } from './load.ts';

const here = import.meta.dirname;
const root = path.join(here, '../..');

/** A server under measurement. */
export interface Server {
  name: string;
  port: number;
  pid: number;
  child: ChildProcess;
}

export interface Request {
  headers: Record<string, string>;
  body: string;
}

/** One figure of each kind, medians over the rounds. */
export interface Figures {
  perSecond: number;
  p50: number;
  p99: number;
  nodeMs: number;
  postgresMs: number;
  cpuMs: number;
  statements: number;
  /** The most memory of the server's process, in MiB. */
  peakMiB: number;
  /** The share of answers that did not do what was asked, such as runs that an engine had no room for. */
  refused: number;
}

/** A server and what it is asked. */
export interface Entry {
  server: Server;
  requests: Request[];
}

export interface Options {
  connections: number;
  rounds: number;
  ms: number;
  warmMs: number;
  /** What an answer holds that did what was asked. */
  expect?: string;
}

const answerOf = <T>(child: ChildProcess, message: object): Promise<T> =>
  new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`A process of the benchmark ended (${code}).`));
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      resolve(answer as T);
    });
    child.send(message);
  });

/** Whether the peers' packages are there (`npm ci` in bench/). */
export const hasPeers = (): boolean => existsSync(path.join(here, '../node_modules'));

/** What `npm start` says to Node before the name of the server: ours is measured as users run it. */
function startFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  return scripts.start.split(' ').filter((part) => part.startsWith('--'));
}

/** Starts `servers/<file>.ts` as a process of its own. */
export async function startServer(
  bench: Pick<Bench, 'url' | 'dir'>,
  name: string,
  file: string,
  more: Record<string, string> = {},
  flags: string[] = file === 'ours' ? startFlags() : [],
): Promise<Server> {
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    GRAPHILE_ENV: 'production',
    LOG_LEVEL: 'info',
    ...serverEnvironment(bench.url, bench.dir),
    ...more,
  };
  const child = fork(path.join(here, '../servers', `${file}.ts`), {
    cwd: root,
    env,
    execArgv: flags,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (part) => (said += String(part)));
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} did not start within 60 s.\n${said}`)), 60_000);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve((message as { port: number }).port);
    });
    child.once('exit', (code) => reject(new Error(`${name} ended (${code}).\n${said.slice(-3000)}`)));
  });
  return { name, port, pid: child.pid ?? 0, child };
}

export function stopServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.child.exitCode !== null) return resolve();
    server.child.once('exit', () => resolve());
    server.child.kill('SIGKILL');
  });
}

export async function ask(server: Server, request: Request): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${server.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...request.headers },
    body: request.body,
  });
  const answer = (await response.json()) as { data?: Record<string, unknown>; errors?: unknown };
  if (!answer.data || answer.errors) throw new Error(`${server.name}: ${JSON.stringify(answer).slice(0, 2000)}`);
  return answer.data;
}

/** The load generator. */
export function startLoad(): ChildProcess {
  return fork(path.join(here, 'load.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

export const load = (child: ChildProcess, order: LoadOrder): Promise<LoadReport> => answerOf<LoadReport>(child, order);

/** How many statements a server has sent so far. */
export const statementsOf = async (server: Server): Promise<number> =>
  (await answerOf<{ statements: number }>(server.child, {})).statements;

async function once(bench: Bench, generator: ChildProcess, entry: Entry, options: Options): Promise<Figures> {
  const { server, requests } = entry;
  const { connections, ms, expect } = options;
  const before = await statementsOf(server);
  forgetPeak(server.pid);
  const [node, postgres] = [processCpuMs(server.pid), bench.cpuMs()];
  const report = await load(generator, { port: server.port, connections, ms, requests, ...(expect ? { expect } : {}) });
  const [nodeAfter, postgresAfter] = [processCpuMs(server.pid), bench.cpuMs()];
  const after = await statementsOf(server);
  if (report.failed > 0)
    throw new Error(`${server.name}: ${report.failed} of ${report.count} failed.\n${report.failure ?? ''}`);
  // Where too many wait, some are refused; where most are, it is the refusals that were timed.
  if (report.refused > report.count / 2)
    throw new Error(`${server.name}: ${report.refused} of ${report.count} were refused.\n${report.refusal ?? ''}`);
  const [nodeMs, postgresMs] = [(nodeAfter - node) / report.count, (postgresAfter - postgres) / report.count];
  return {
    perSecond: (report.count / report.ms) * 1000,
    p50: report.p50,
    p99: report.p99,
    nodeMs,
    postgresMs,
    cpuMs: nodeMs + postgresMs,
    statements: (after - before) / report.count,
    peakMiB: peakMemory(server.pid),
    refused: report.refused / report.count,
  };
}

export const median = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
};

/** Each server by turns, `rounds` times, after a warm-up; medians by server name. */
export async function compare(
  bench: Bench,
  generator: ChildProcess,
  entries: Entry[],
  options: Options,
): Promise<Map<string, Figures>> {
  const { rounds, warmMs } = options;
  const found = new Map<string, Figures[]>(entries.map(({ server }) => [server.name, []]));
  if (warmMs > 0) for (const entry of entries) await once(bench, generator, entry, { ...options, ms: warmMs });
  for (let round = 0; round < rounds; round++) {
    // Every other round the other way round: nobody always follows the same one.
    for (const entry of round % 2 ? entries.toReversed() : entries) {
      found.get(entry.server.name)?.push(await once(bench, generator, entry, options));
    }
  }
  return new Map([...found].map(([name, all]) => [name, mediansOf(all)]));
}

function mediansOf(all: Figures[]): Figures {
  const of = (pick: (figures: Figures) => number): number => median(all.map(pick));
  return {
    perSecond: of((one) => one.perSecond),
    p50: of((one) => one.p50),
    p99: of((one) => one.p99),
    nodeMs: of((one) => one.nodeMs),
    postgresMs: of((one) => one.postgresMs),
    cpuMs: of((one) => one.cpuMs),
    statements: of((one) => one.statements),
    peakMiB: of((one) => one.peakMiB),
    refused: of((one) => one.refused),
  };
}
