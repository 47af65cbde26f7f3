/**
 * How long `npm start` takes to its first answer: node bench/start.ts [--quick]
 * With the embedded database and the demo data: the first time on an empty directory, and again on the same one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { aboutRun, goal, goalsOf, isQuick, saveResult } from './lib/results.ts';

const ROUNDS = isQuick ? 1 : 3;
const PATIENCE_MS = 180_000;
const PATH_OF_NODE = `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH'] ?? ''}`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function start(dir: string): Promise<number> {
  const port = await freePort();
  const started = performance.now();
  // A group of its own, so that what npm starts ends with it.
  const child = spawn('npm', ['start'], {
    cwd: path.join(import.meta.dirname, '..'),
    detached: true,
    stdio: 'ignore',
    env: { PATH: PATH_OF_NODE, HOME: os.homedir(), DATA_DIR: dir, PORT: String(port), LOG_LEVEL: 'warn' },
  });
  const ended = once(child, 'exit');
  try {
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ marketplace { assets(first: 3) { nodes { name } } } }' }),
      }).then(
        (response) => response.text(),
        () => '',
      );
      if (answer.includes('"nodes":[{')) return performance.now() - started;
      if (child.exitCode !== null) throw new Error(`npm start ended (${child.exitCode}).`);
      if (performance.now() - started > PATIENCE_MS) throw new Error('npm start did not answer.');
      await wait(20);
    }
  } finally {
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    await ended;
    // npm may be gone before what it started: the directory must not go from under that.
    await wait(1000);
  }
}

const firsts: number[] = [];
const seconds: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-start-'));
  try {
    firsts.push(await start(dir));
    seconds.push(await start(dir));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
const show = (all: number[]): string => all.map((ms) => (ms / 1000).toFixed(2)).join(', ');
const best = (all: number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
const markdown = `| start | seconds to the first answer, each round |\n|---|---|\n| on an empty directory: database, migrations and demo data are made | ${show(firsts)} |\n| on the same directory again | ${show(seconds)} |`;
console.log(markdown);
saveResult('start', {
  about: aboutRun(),
  markdown,
  goals: goalsOf({
    start: goal(
      best(firsts) / 1000,
      { most: 5 },
      ' s',
      `on an empty directory, with the demo data; ${(best(seconds) / 1000).toFixed(2)} s again`,
    ),
  }),
  claims: [['a new process answers', `${(best(seconds) / 1000).toFixed(1)} s after its start`]],
});
