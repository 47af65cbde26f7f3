import { once } from 'node:events';
import { generatePeers } from '../generate.ts';
import type { Bench } from './database.ts';
import { contestants } from './contestants.ts';
import { ask, hasPeers, startServer, stopServer, type Entry, type Request, type Server } from './measure.ts';
import { canonical, difference, nestedRequests, type Dialect } from './nested-read.ts';

/** A server that takes part. */
export interface Contestant {
  server: Server;
  dialect: Dialect;
  isPeer: boolean;
}

const reasonOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error);
  return /Cannot find package '[^']+'/.exec(text)?.[0] ?? text.split('\n').slice(0, 3).join(' ');
};

/**
 * Ours is measured as it starts again, with what Node has compiled: an end by itself keeps that, where the end of a
 * measurement is a kill.
 */
async function compileOurs(bench: Bench): Promise<void> {
  const server = await startServer(bench, 'ours', 'ours');
  const ended = once(server.child, 'exit');
  for (const request of nestedRequests('ours', bench.tenants.slice(0, 1))) await ask(server, request);
  server.child.disconnect();
  await ended;
}

/** Starts ours, the floor and each peer that is there; the others are told to `miss`, with the reason. */
export async function startContestants(bench: Bench, miss: (text: string) => void): Promise<Contestant[]> {
  const started: Contestant[] = [];
  if (hasPeers()) {
    try {
      generatePeers();
    } catch (error) {
      miss(`The client of the Prisma peers could not be generated: ${reasonOf(error)}`);
    }
  } else miss('The peers are not installed (`cd bench && npm ci --ignore-scripts`): ours and the floor alone.');
  await compileOurs(bench);
  for (const { name, file, dialect, isPeer } of contestants) {
    if (isPeer && !hasPeers()) continue;
    try {
      started.push({ server: await startServer(bench, name, file), dialect, isPeer });
    } catch (error) {
      if (isPeer) miss(`${name} did not start: ${reasonOf(error)}`);
      else {
        for (const { server } of started) await stopServer(server);
        throw error;
      }
    }
  }
  return started;
}

/** Cursors are each server's own. */
const plain = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(canonical(answer), (key, value: unknown) => (key === 'endCursor' ? undefined : value)));

/**
 * Those that give the answers of the first, field by field, to the first five requests of each; the others are told to
 * `miss`.
 */
export async function sameAnswers(
  contestants: Contestant[],
  requestsOf: (one: Contestant) => Request[] | Promise<Request[]>,
  miss: (text: string) => void,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  let expected: unknown;
  for (const one of contestants) {
    try {
      const requests = await requestsOf(one);
      const answers = [];
      for (const request of requests.slice(0, 5)) answers.push(plain(await ask(one.server, request)));
      expected ??= answers;
      const wrong = difference(expected, answers);
      if (wrong) throw new Error(`answers otherwise than ${contestants[0]?.server.name}: ${wrong}`);
      entries.push({ server: one.server, requests });
    } catch (error) {
      if (!one.isPeer) throw error;
      miss(`${one.server.name} is not measured: ${reasonOf(error)}`);
    }
  }
  return entries;
}
