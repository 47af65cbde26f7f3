/**
 * Every workload, ours beside the peers: npm run bench:run [-- --quick] [-- --only=<part of a workload's name>]
 * Writes its section of bench/RESULTS.md and docs/bench-*.svg. About ten minutes, `--quick` about two; for the peers run
 * `npm ci --ignore-scripts` in bench/ before. A peer that is missing, or answers otherwise, is left out and named.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { barChart } from './lib/chart.ts';
import { openBench, type Bench } from './lib/database.ts';
import { FULL, SMALL } from './lib/fill.ts';
import { compare, startLoad, stopServer, type Figures, type Options } from './lib/measure.ts';
import { sameAnswers, startContestants, type Contestant } from './lib/peers.ts';
import { aboutRun, goal, goalsOf, isQuick, saveResult, type Result } from './lib/results.ts';
import {
  CACHED,
  MIXED,
  MIXED_1000,
  NESTED,
  PAGE_1,
  PAGE_1000,
  UNCACHED,
  workloads,
  type Workload,
} from './lib/workloads.ts';

type Found = Map<string, Figures>;

const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice(7);
const PAGES = 'pages 1 and 1000 by turns';
const [NODE, POSTGRES] = ['#2563eb', '#94a3b8'];
const missing = new Set<string>();
const failed: string[] = [];
const out: string[] = [];
/** Figures by workload, connections and server. */
const all = new Map<string, Map<number, Found>>();

function say(text: string): void {
  out.push(text);
  console.log(text);
}
const miss = (text: string): void => {
  if (missing.has(text)) return;
  missing.add(text);
  console.log(text);
};

function optionsOf({ name, expect }: Workload, connections: number): Options {
  // The goals hang on these: they get more rounds, and time to be compiled to machine code on a slow machine, too.
  const isMain = name === NESTED && connections < 128;
  // At 128 connections they are warm from those before.
  const more = { connections, warmMs: connections === 128 ? 0 : 1200, ...(expect ? { expect } : {}) };
  if (isQuick) return { ...more, rounds: 1, ms: 200, warmMs: more.warmMs / 4 };
  return isMain ? { ...more, rounds: 7, ms: 1200, warmMs: 5000 } : { ...more, rounds: 3, ms: 800 };
}

const HEADER = [
  '| connections | server | req/s | p50 ms | p99 ms | Node CPU ms | PostgreSQL CPU ms | sum | statements | peak MiB | req/s, ours ÷ it | CPU, ours ÷ it |',
  '|---|---|---|---|---|---|---|---|---|---|---|---|',
];

function rowsOf(connections: number, found: Found): string[] {
  const ours = found.get('ours');
  return [...found].map(([name, one]) => {
    const refused = one.refused > 0 ? ` (${(one.refused * 100).toFixed(0)} % refused)` : '';
    const ratios = ours
      ? `${(ours.perSecond / one.perSecond).toFixed(2)} | ${(ours.cpuMs / one.cpuMs).toFixed(2)}`
      : ' | ';
    return `| ${connections} | ${name} | ${one.perSecond.toFixed(0)}${refused} | ${one.p50.toFixed(2)} | ${one.p99.toFixed(1)} | ${one.nodeMs.toFixed(3)} | ${one.postgresMs.toFixed(3)} | ${one.cpuMs.toFixed(3)} | ${one.statements.toFixed(2)} | ${one.peakMiB.toFixed(0)} | ${ratios} |`;
  });
}

function tableOf(levels: Map<number, Found>): string {
  const sorted = [...levels].sort(([a], [b]) => a - b);
  return [...HEADER, ...sorted.flatMap(([connections, found]) => rowsOf(connections, found))].join('\n');
}

async function measure(bench: Bench, generator: ReturnType<typeof startLoad>, who: Contestant[], one: Workload) {
  const able = who.filter(({ dialect }) => one.dialects.includes(dialect));
  let entries = await sameAnswers(able, ({ dialect, server }) => one.requests(dialect, server, bench), miss);
  const levels = new Map<number, Found>();
  all.set(one.name, levels);
  for (const connections of one.connections) {
    for (;;) {
      try {
        levels.set(connections, await compare(bench, generator, entries, optionsOf(one, connections)));
        break;
      } catch (error) {
        const name = (error as Error).message.split(':')[0];
        const peer = able.find(({ server, isPeer }) => isPeer && server.name === name);
        if (!peer) throw error;
        miss(`${name} left ${one.name} at ${connections} connections: ${(error as Error).message.slice(0, 300)}`);
        entries = entries.filter(({ server }) => server !== peer.server);
      }
    }
  }
  say(`\n### ${one.name[0]?.toUpperCase()}${one.name.slice(1)}\n`);
  if (one.note) say(`${one.note}\n`);
  say(tableOf(levels));
}

/** Two pages of one list by turns, as a goal hangs on their ratio: ours with either's requests stands for two servers. */
async function comparePages(bench: Bench, generator: ReturnType<typeof startLoad>, server: Contestant['server']) {
  const pages = workloads.filter(({ name }) => name === PAGE_1 || name === PAGE_1000);
  const entries = await Promise.all(
    pages.map(async ({ name, requests }) => ({
      server: { ...server, name },
      requests: await requests('ours', server, bench),
    })),
  );
  const [one] = pages;
  if (one)
    all.set(PAGES, new Map([[1, await compare(bench, generator, entries, { ...optionsOf(one, 1), rounds: 7 })]]));
}

const figures = (workload: string, connections: number, server: string): Figures | undefined =>
  all.get(workload)?.get(connections)?.get(server);
const ratio = (a: number | undefined, b: number | undefined): number | null => (a && b ? a / b : null);
const cpuOf = (one: Figures | undefined): string =>
  one
    ? `${one.cpuMs.toFixed(2)} ms, of it Node ${one.nodeMs.toFixed(2)} and PostgreSQL ${one.postgresMs.toFixed(2)}`
    : 'not measured';

function goals(): Result['goals'] {
  const of = (connections: number, server = 'ours'): Figures | undefined => figures(NESTED, connections, server);
  const [ours, alone, peer, peerAlone] = [of(16), of(1), of(16, 'PostGraphile'), of(1, 'PostGraphile')];
  const floor = of(16, 'floor');
  const [first, last] = [figures(PAGES, 1, PAGE_1), figures(PAGES, 1, PAGE_1000)];
  return goalsOf({
    peerCpu: goal(
      ratio(ours?.cpuMs, peer?.cpuMs),
      { most: 0.6 },
      ' ×',
      `ours ${cpuOf(ours)}; PostGraphile ${cpuOf(peer)}`,
    ),
    peerRequests: goal(
      ratio(ours?.perSecond, peer?.perSecond),
      { least: 1.5 },
      ' ×',
      `${ours?.perSecond.toFixed(0)} and ${peer?.perSecond.toFixed(0)} a second, the generator and PostgreSQL on the same cores`,
    ),
    peerLatency: goal(
      ratio(alone?.p50, peerAlone?.p50),
      { most: 1.2 },
      ' ×',
      `${alone?.p50.toFixed(2)} and ${peerAlone?.p50.toFixed(2)} ms; alone, ours sends ${alone?.statements.toFixed(0)} statements in rounds, PostGraphile ${peerAlone?.statements.toFixed(0)}`,
    ),
    floorCpu: goal(
      ratio(ours?.cpuMs, floor?.cpuMs),
      { most: 2 },
      ' ×',
      `ours ${cpuOf(ours)}; the floor ${cpuOf(floor)}: no GraphQL, no key, no limits`,
    ),
    statements: goal(
      ours?.statements ?? null,
      { most: 1.999 },
      '',
      `requests in flight share them: ${alone?.statements.toFixed(2)} at 1 connection, ${of(128)?.statements.toFixed(2)} at 128`,
    ),
    pages: goal(
      ratio(last?.p50, first?.p50),
      { most: 1.2 },
      ' ×',
      `${last?.p50.toFixed(2)} and ${first?.p50.toFixed(2)} ms by turns, by keyset`,
    ),
    memory: goal(
      ours?.peakMiB ?? null,
      { most: 250 },
      ' MiB',
      `at 16 connections; ${of(1)?.peakMiB.toFixed(0)} at 1, ${of(128)?.peakMiB.toFixed(0)} at 128; PostGraphile ${peer?.peakMiB.toFixed(0)} at 16`,
    ),
  });
}

function claims(): Result['claims'] {
  const made: Result['claims'] = [];
  const add = (claim: string, measured: string | false | undefined): void => {
    if (measured) made.push([claim, measured]);
  };
  const [one, some, many] = [figures(NESTED, 1, 'ours'), figures(NESTED, 16, 'ours'), figures(NESTED, 128, 'ours')];
  add(
    'nested reads of one process, 16 connections',
    some && `${some.perSecond.toFixed(0)} a second; CPU a request ${cpuOf(some)}`,
  );
  add(
    'requests in flight share statements',
    one &&
      some &&
      many &&
      `${one.statements.toFixed(2)} a nested read at 1 connection, ${some.statements.toFixed(2)} at 16, ${many.statements.toFixed(2)} at 128`,
  );
  const [few, thousand] = [figures(MIXED, 16, 'ours'), figures(MIXED_1000, 16, 'ours')];
  add(
    'a thousand tenants instead of 50, 100 documents, 16 connections',
    few &&
      thousand &&
      `${(thousand.cpuMs / few.cpuMs).toFixed(2)} × the CPU a request, ${thousand.statements.toFixed(2)} statements against ${few.statements.toFixed(2)}`,
  );
  const [deep, top] = [figures(PAGE_1000, 16, 'ours'), figures(PAGE_1, 16, 'ours')];
  add(
    'deep pages under load, 16 connections',
    deep && top && `${(deep.cpuMs / top.cpuMs).toFixed(2)} × the CPU of page 1`,
  );
  const write = figures('price change', 16, 'ours');
  add(
    'writes: price changes, 16 connections',
    write && `${write.perSecond.toFixed(0)} a second, ${write.statements.toFixed(1)} statements each`,
  );
  for (const [name, what] of [
    [CACHED, 'paid runs from the cache'],
    [UNCACHED, 'paid runs in DuckDB'],
  ] as const) {
    const [at16, at128] = [figures(name, 16, 'ours'), figures(name, 128, 'ours')];
    add(
      `${what}, 16 connections`,
      at16 &&
        `${(at16.perSecond * (1 - at16.refused)).toFixed(0)} a second, ${at16.statements.toFixed(1)} statements each`,
    );
    if (name === UNCACHED)
      add(`${what} refused, as too many wait, 128 connections`, at128 && `${(at128.refused * 100).toFixed(0)} %`);
  }
  return made;
}

function charts(): void {
  const nested = [...(all.get(NESTED)?.get(16) ?? [])];
  if (nested.length === 0) return;
  const docs = path.join(import.meta.dirname, '../docs');
  const cpu = nested.map(([name, { cpuMs, nodeMs, postgresMs }]) => ({
    name,
    total: cpuMs,
    parts: [
      { value: nodeMs, color: NODE },
      { value: postgresMs, color: POSTGRES },
    ],
  }));
  const legend = [
    { name: 'Node', color: NODE },
    { name: 'PostgreSQL', color: POSTGRES },
  ];
  writeFileSync(
    path.join(docs, 'bench-cpu.svg'),
    barChart('Nested read at 16 connections: CPU a request', 'ms', cpu, legend),
  );
  const speed = nested.map(([name, { perSecond }]) => ({
    name,
    total: perSecond,
    parts: [{ value: perSecond, color: NODE }],
  }));
  writeFileSync(
    path.join(docs, 'bench-requests.svg'),
    barChart('Nested read at 16 connections', 'requests a second', speed),
  );
}

const bench = await openBench(isQuick ? SMALL : FULL);
const generator = startLoad();
let who: Contestant[] = [];
try {
  who = await startContestants(bench, miss);
  for (const workload of workloads) {
    if (only && !workload.name.includes(only)) continue;
    try {
      await measure(bench, generator, who, workload);
    } catch (error) {
      failed.push(workload.name);
      say(`\n### ${workload.name}\n\nFailed: ${(error as Error).message.slice(0, 1000)}`);
    }
  }
  // A part of the workloads is for the eye; the record is of all.
  if (!only) {
    const ours = who.find(({ dialect }) => dialect === 'ours');
    if (ours) await comparePages(bench, generator, ours.server);
    charts();
    const notes = missing.size > 0 ? `\n\nLeft out: ${[...missing].join(' ')}` : '';
    const about = aboutRun(bench.version);
    saveResult('run', {
      about,
      markdown: `Medians of alternating rounds; CPU and statements are a request's, peak memory is that of the server's process under this load. ${bench.tenants.length} tenants by turns unless said.${notes}\n${out.join('\n')}`,
      goals: goals(),
      claims: claims(),
      nested: `${about}.\n\n${tableOf(all.get(NESTED) ?? new Map())}`,
    });
  }
} finally {
  generator.disconnect();
  for (const { server } of who) await stopServer(server);
  await bench.stop();
}
if (failed.length > 0) {
  console.error(`Failed: ${failed.join(', ')}.`);
  process.exitCode = 1;
}
