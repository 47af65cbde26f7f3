/**
 * All measurements: node bench/run.ts
 * Writes bench/RESULTS.md and docs/bench-*.svg. Takes some five minutes; for the peers run `npm ci --ignore-scripts`
 * in bench/ before.
 */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generatePeers } from './generate.ts';
import { barChart } from './lib/chart.ts';
import { contestants } from './lib/contestants.ts';
import { openBench, type Bench } from './lib/database.ts';
import {
  ask,
  compare,
  hasPeers,
  memoryOf,
  startLoad,
  startServer,
  stopServer,
  type Figures,
  type Request,
  type Server,
} from './lib/measure.ts';
import { canonical, difference, nestedRequests } from './lib/nested-read.ts';
import { PAGE_1, PAGE_1000, scenarios } from './lib/scenarios.ts';

type Found = Map<string, Figures>;

const [NODE, POSTGRES] = ['#2563eb', '#94a3b8'];
const servers: Server[] = [];
const out: string[] = [];

function table(title: string, found: Found): void {
  out.push(
    `\n### ${title}\n`,
    '| server | req/s | p50 ms | p99 ms | Node CPU ms | PostgreSQL CPU ms | sum | statements | ours / it |',
    '|---|---|---|---|---|---|---|---|---|',
  );
  const ours = found.get('ours')?.cpuMs ?? 0;
  for (const [name, one] of found) {
    out.push(
      `| ${name} | ${one.perSecond.toFixed(0)} | ${one.p50.toFixed(2)} | ${one.p99.toFixed(1)} | ${one.nodeMs.toFixed(3)} | ${one.postgresMs.toFixed(3)} | ${one.cpuMs.toFixed(3)} | ${one.statements.toFixed(2)} | ${(ours / one.cpuMs).toFixed(2)} |`,
    );
  }
  console.log(out.slice(-found.size - 3).join('\n'));
}

async function startAll(bench: Bench): Promise<{ server: Server; requests: Request[] }[]> {
  if (hasPeers()) generatePeers();
  const entries = [];
  let expected: unknown;
  for (const { name, file, dialect, isPeer } of contestants) {
    if (isPeer && !hasPeers()) continue;
    const server = await startServer(bench, name, file);
    servers.push(server);
    const requests = nestedRequests(dialect, bench.tenants);
    const answers = [];
    for (const request of requests.slice(0, 5)) answers.push(canonical(await ask(server, request)));
    expected ??= answers;
    const wrong = difference(expected, answers);
    if (wrong) throw new Error(`${name} answers otherwise than ours: ${wrong}`);
    entries.push({ server, requests });
  }
  return entries;
}

const bench = await openBench();
const generator = startLoad();
try {
  const entries = await startAll(bench);
  const many = { connections: 16, rounds: 5, ms: 1200, warmMs: 3000 };
  const fewer = { ...many, rounds: 3, warmMs: 0 };
  const at16 = await compare(bench, generator, entries, many);
  table('Nested read, 16 connections, 50 tenants by turns', at16);
  const at1 = await compare(bench, generator, entries, { ...fewer, connections: 1 });
  table('Nested read, 1 connection', at1);
  table('Nested read, 128 connections', await compare(bench, generator, entries, { ...fewer, connections: 128 }));
  const oneTenant = entries.map(({ server, requests }) => ({ server, requests: requests.slice(0, 1) }));
  table('Nested read, 16 connections, all of one tenant', await compare(bench, generator, oneTenant, fewer));
  const memory = new Map(servers.map((server) => [server.name, memoryOf(server)]));

  const [us, them] = [servers.find(({ name }) => name === 'ours'), servers.find(({ name }) => name === 'PostGraphile')];
  const others = new Map<string, Found>();
  for (const scenario of scenarios) {
    const pair = [];
    if (us) pair.push({ server: us, requests: await scenario.ours(us, bench) });
    if (them && scenario.postgraphile) pair.push({ server: them, requests: await scenario.postgraphile(them, bench) });
    const found = await compare(bench, generator, pair, { connections: 16, rounds: 3, ms: 1000, warmMs: 1500 });
    others.set(scenario.name, found);
    table(scenario.name[0]?.toUpperCase() + scenario.name.slice(1), found);
    if (scenario.name === PAGE_1 || scenario.name === PAGE_1000) {
      const alone = await compare(bench, generator, pair, { connections: 1, rounds: 3, ms: 800, warmMs: 300 });
      others.set(`${scenario.name}, 1 connection`, alone);
      table(`${scenario.name[0]?.toUpperCase()}${scenario.name.slice(1)}, 1 connection`, alone);
    }
  }

  const [ours, floor, best] = [at16.get('ours'), at16.get('floor'), at16.get('PostGraphile')];
  const ratio = (a: number | undefined, b: number | undefined): number | null => (a && b ? a / b : null);
  const pageMs = (name: string): number | undefined => others.get(`${name}, 1 connection`)?.get('ours')?.p50;
  const pageRatio = ratio(pageMs(PAGE_1000), pageMs(PAGE_1));
  const goals: [string, string, number | null, number, 'most' | 'least'][] = [
    [
      'nested read at 16 connections, CPU against PostGraphile',
      '≤ 0.6 ×',
      ratio(ours?.cpuMs, best?.cpuMs),
      0.6,
      'most',
    ],
    ['the same, req/s against PostGraphile', '≥ 1.5 ×', ratio(ours?.perSecond, best?.perSecond), 1.5, 'least'],
    [
      'the same at 1 connection, p50 against PostGraphile',
      '≤ 1.2 ×',
      ratio(at1.get('ours')?.p50, at1.get('PostGraphile')?.p50),
      1.2,
      'most',
    ],
    ['the same at 16 connections, CPU against the floor', '≤ 2 ×', ratio(ours?.cpuMs, floor?.cpuMs), 2, 'most'],
    ['statements a request at 16 connections', '< 2', ours?.statements ?? null, 2, 'most'],
    ['page 1000 against page 1, p50 at 1 connection', '≤ 1.2 ×', pageRatio, 1.2, 'most'],
    ['peak memory of ours under the load above', '< 250 MiB', memory.get('ours') ?? null, 250, 'most'],
  ];
  const rows = goals.map(([what, goal, value, bound, kind]) => {
    if (value === null) return `| ${what} | ${goal} | not measured | |`;
    const isMet = kind === 'most' ? value <= bound : value >= bound;
    return `| ${what} | ${goal} | ${value >= 20 ? value.toFixed(0) : value.toFixed(2)} | ${isMet ? 'met' : 'not met'} |`;
  });
  const about = `${os.cpus().length} × ${os.cpus()[0]?.model}, Node ${process.version}, ${bench.version}, ${new Date().toISOString().slice(0, 10)}`;
  const memories = [...memory].map(([name, mib]) => `${name} ${mib.toFixed(0)}`).join(', ');
  const text = `# Results of bench/run.ts\n\n${about}. Medians of alternating rounds; CPU is per request. ours / it compares the sums. docs/performance.md explains them.\n\n## Goals\n\n| what | goal | measured | |\n|---|---|---|---|\n${rows.join('\n')}\n\nPeak memory in MiB after the nested reads: ${memories}.\n\n## Measurements\n${out.join('\n')}\n`;
  writeFileSync(path.join(import.meta.dirname, 'RESULTS.md'), text);
  console.log(`\n${rows.join('\n')}\n${memories}`);
  const docs = path.join(import.meta.dirname, '../docs');
  const cpu = [...at16].map(([name, one]) => ({
    name,
    total: one.cpuMs,
    parts: [
      { value: one.nodeMs, color: NODE },
      { value: one.postgresMs, color: POSTGRES },
    ],
  }));
  writeFileSync(
    path.join(docs, 'bench-cpu.svg'),
    barChart('Nested read at 16 connections: CPU a request', 'ms', cpu, [
      { name: 'Node', color: NODE },
      { name: 'PostgreSQL', color: POSTGRES },
    ]),
  );
  const speed = [...at16].map(([name, one]) => ({
    name,
    total: one.perSecond,
    parts: [{ value: one.perSecond, color: NODE }],
  }));
  writeFileSync(
    path.join(docs, 'bench-requests.svg'),
    barChart('Nested read at 16 connections', 'requests a second', speed),
  );
} finally {
  generator.disconnect();
  for (const server of servers) await stopServer(server);
  await bench.stop();
}
