/**
 * The nested read, side by side: node bench/nested.ts [--quick]
 * On an embedded PostgreSQL with 50,000 assets and 200,000 prices; each server a process of its own, by turns. The
 * peers take part where `npm ci` was run in bench/.
 */
import os from 'node:os';
import { openBench } from './lib/database.ts';
import {
  ask,
  compare,
  hasPeers,
  memoryOf,
  startLoad,
  startServer,
  stopServer,
  type Figures,
  type Server,
} from './lib/measure.ts';
import { generatePeers } from './generate.ts';
import { contestants } from './lib/contestants.ts';
import { canonical, difference, nestedRequests } from './lib/nested-read.ts';

const isQuick = process.argv.includes('--quick');
const only = process.argv
  .find((argument) => argument.startsWith('--only='))
  ?.slice(7)
  .split(',');

const cell = (value: number, digits: number): string => value.toFixed(digits).padStart(8);

function print(title: string, found: Map<string, Figures>): void {
  console.log(`\n${title}\n${'server'.padEnd(16)}   req/s     p50     p99    node      pg     sum  statem.  ours/it`);
  const ours = found.get('ours');
  for (const [name, one] of found) {
    const ratio = ours ? ours.cpuMs / one.cpuMs : 0;
    console.log(
      `${name.padEnd(16)}${cell(one.perSecond, 0)}${cell(one.p50, 2)}${cell(one.p99, 2)}${cell(one.nodeMs, 3)}${cell(one.postgresMs, 3)}${cell(one.cpuMs, 3)}${cell(one.statements, 2)}${cell(ratio, 2)}`,
    );
  }
}

const servers: Server[] = [];
const bench = await openBench();
const generator = startLoad();
try {
  console.log(`${os.cpus().length} × ${os.cpus()[0]?.model}, Node ${process.version}, ${bench.version}`);
  console.log(
    'Times in ms; node, pg and sum are CPU a request; statem. are statements a request; ours/it compares the sums.',
  );
  if (!hasPeers())
    console.log('The peers are not installed (cd bench && npm ci --ignore-scripts): ours and the floor alone.');
  if (hasPeers()) generatePeers();
  const entries = [];
  let expected: unknown;
  for (const { name, file, dialect, isPeer } of contestants) {
    if ((isPeer && !hasPeers()) || (only && !only.includes(file))) continue;
    const server = await startServer(bench, name, file);
    servers.push(server);
    const requests = nestedRequests(dialect, bench.tenants);
    const answers = [];
    for (const request of requests.slice(0, 5)) answers.push(canonical(await ask(server, request)));
    expected ??= answers;
    const wrong = difference(expected, answers);
    if (wrong) throw new Error(`${name} answers otherwise than ${servers[0]?.name}: ${wrong}`);
    entries.push({ server, requests });
  }
  console.log(`All answers are the same: ${JSON.stringify((expected as unknown[])[0]).length} bytes each.`);
  const options = isQuick ? { rounds: 3, ms: 1000, warmMs: 1500 } : { rounds: 5, ms: 1200, warmMs: 2500 };
  print(
    '16 connections, 50 tenants by turns',
    await compare(bench, generator, entries, { ...options, connections: 16 }),
  );
  if (!isQuick) {
    const fewer = { ...options, rounds: 3, warmMs: 0 };
    print('1 connection', await compare(bench, generator, entries, { ...fewer, connections: 1 }));
    print('128 connections', await compare(bench, generator, entries, { ...fewer, connections: 128 }));
    const oneTenant = entries.map(({ server, requests }) => ({ server, requests: requests.slice(0, 1) }));
    print('16 connections, one tenant', await compare(bench, generator, oneTenant, { ...fewer, connections: 16 }));
  }
  console.log(
    `\nPeak memory, MiB: ${servers.map((server) => `${server.name} ${memoryOf(server).toFixed(0)}`).join(', ')}`,
  );
} finally {
  generator.disconnect();
  for (const server of servers) await stopServer(server);
  await bench.stop();
}
