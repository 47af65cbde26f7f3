/**
 * How long `npm start` takes to its first answer: node bench/start.ts [--quick]
 * With the embedded database and the demo data: the first time on an empty directory, and again on the same one. What an
 * install leaves is there, as it is for everybody.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { aboutRun, goal, goalsOf, isQuick, saveResult } from './lib/results.ts';

const ROUNDS = isQuick ? 1 : 3;
const PATIENCE_MS = 180_000;
const root = path.join(import.meta.dirname, '..');
const environment = {
  PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH'] ?? ''}`,
  HOME: os.homedir(),
};

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
    cwd: root,
    detached: true,
    stdio: 'ignore',
    env: { ...environment, DATA_DIR: dir, PORT: String(port), LOG_LEVEL: 'warn' },
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

execFileSync('npm', ['run', 'compile'], { cwd: root, stdio: 'ignore', env: environment });
const firsts: number[] = [];
const seconds: number[] = [];
const all = mkdtempSync(path.join(os.tmpdir(), 'bench-start-'));
try {
  for (let round = 0; round < ROUNDS; round++) {
    const dir = path.join(all, String(round));
    firsts.push(await start(dir));
    seconds.push(await start(dir));
  }
} finally {
  // Only now: for minutes after many files were deleted, ext4 takes much longer to make new ones, and a database has many.
  rmSync(all, { recursive: true, force: true });
}
const show = (times: number[]): string => times.map((ms) => (ms / 1000).toFixed(2)).join(', ');
const median = (times: number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
const markdown = `| start | seconds to the first answer, each round |\n|---|---|\n| on an empty directory: database, migrations and demo data are made | ${show(firsts)} |\n| on the same directory again | ${show(seconds)} |`;
console.log(markdown);
saveResult('start', {
  about: aboutRun(),
  markdown,
  goals: goalsOf({
    start: goal(
      median(firsts) / 1000,
      { most: 5 },
      ' s',
      `on an empty directory, with the demo data; ${(median(seconds) / 1000).toFixed(2)} s again`,
    ),
  }),
  claims: [['a new process answers', `${(median(seconds) / 1000).toFixed(1)} s after its start`]],
});
