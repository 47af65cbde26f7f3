/**
 * Whether memory stays flat: node bench/memory.ts [--minutes=10]
 * One gateway on a database outside its process, under the nested read and the mixed load of 1,000 tenants by turns at 16
 * connections. The first third is warm-up; what counts is the slope of the rest.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { memoryOf, openBench, peakMemory } from './lib/database.ts';
import { FULL, SMALL } from './lib/fill.ts';
import { load, median, startLoad, startServer, stopServer, type Server } from './lib/measure.ts';
import { mixedRequests } from './lib/mixed.ts';
import { nestedRequests } from './lib/nested-read.ts';
import { aboutRun, goalsOf, isQuick, saveResult } from './lib/results.ts';

const said = process.argv.find((argument) => argument.startsWith('--minutes='))?.slice(10);
const minutes = said ? Number(said) : isQuick ? 0.5 : 10;
const CONNECTIONS = 16;
const EVERY_MS = Math.min(5000, (minutes * 60_000) / 30);
const PART_MS = Math.min(5000, (minutes * 60_000) / 6);
/** Growth over the measured part that still counts as flat: as much as one collection more or less moves it. */
const FLAT_SHARE = 0.1;

interface Sample {
  minute: number;
  mib: number;
}

/** MiB a minute, by Theil and Sen: the median of the slopes of all pairs, which a spike does not move. */
function slopeOf(samples: Sample[]): number {
  const slopes = samples.flatMap((a, i) => samples.slice(i + 1).map((b) => (b.mib - a.mib) / (b.minute - a.minute)));
  return median(slopes);
}

const bench = await openBench(minutes < 5 ? SMALL : FULL);
const generator = startLoad();
let server: Server | null = null;
try {
  server = await startServer(bench, 'ours', 'ours');
  const { pid, port } = server;
  const loads = [nestedRequests('ours', bench.tenants), mixedRequests(bench.everyTenant, 3)];
  const idle = memoryOf(pid);
  const samples: Sample[] = [];
  const started = performance.now();
  const minute = (): number => (performance.now() - started) / 60_000;
  let count = 0;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      samples.push({ minute: minute(), mib: memoryOf(pid) });
      process.stdout.write(`\r${minute().toFixed(1)} min  ${samples.at(-1)?.mib.toFixed(0)} MiB  ${count} requests `);
      await wait(EVERY_MS);
    }
  })();
  for (let round = 0; minute() < minutes; round++) {
    const requests = loads[round % loads.length] ?? [];
    const report = await load(generator, { port, connections: CONNECTIONS, ms: PART_MS, requests });
    if (report.failed > 0) throw new Error(`${report.failed} of ${report.count} failed.\n${report.failure ?? ''}`);
    count += report.count;
  }
  isOver = true;
  await watching;
  const measured = samples.filter((one) => one.minute > minutes / 3);
  const values = measured.map(({ mib }) => mib);
  const [slope, middle] = [slopeOf(measured), median(values)];
  const grown = slope * ((measured.at(-1)?.minute ?? 0) - (measured[0]?.minute ?? 0));
  const isFlat = grown <= middle * FLAT_SHARE;
  const figures = [
    ['idle, after the start', `${idle.toFixed(0)} MiB`],
    ['start of the measured part', `${values[0]?.toFixed(0)} MiB`],
    ['least and most of it', `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} MiB`],
    ['median', `${middle.toFixed(0)} MiB`],
    ['peak of the process', `${peakMemory(pid).toFixed(0)} MiB`],
    ['slope after warm-up', `${slope.toFixed(2)} MiB a minute (${grown.toFixed(1)} MiB in all)`],
    ['verdict', minutes < 10 ? 'too short to say' : isFlat ? 'flat' : 'not flat'],
  ];
  const step = Math.max(1, Math.floor(samples.length / 20));
  const course = samples.filter((_, i) => i % step === 0).map(({ mib }) => mib.toFixed(0));
  const markdown = `${minutes} minutes, ${CONNECTIONS} connections, ${count} requests: the nested read and the mixed load of ${bench.everyTenant.length} tenants by turns. Resident memory of the Node process every ${(EVERY_MS / 1000).toFixed(0)} s; the database is another process. Flat is a slope that adds at most ${FLAT_SHARE * 100} % of the median.

| what | measured |
|---|---|
${figures.map(([what, value]) => `| ${what} | ${value} |`).join('\n')}

The course in MiB, from first to last: ${course.join(', ')}.`;
  console.log(`\n\n${markdown}`);
  const range = `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} MiB`;
  saveResult('memory', {
    about: aboutRun(bench.version),
    markdown,
    goals: goalsOf({
      flat: {
        measured: `${slope.toFixed(2)} MiB a minute`,
        isMet: isFlat && minutes >= 10,
        why: `${range} over ${minutes} minutes, ${count} requests${minutes < 10 ? '; too short to say' : ''}`,
      },
    }),
    claims: [[`memory of a process under load for ${minutes} minutes`, `${range}, ${slope.toFixed(2)} MiB a minute`]],
  });
} finally {
  generator.disconnect();
  if (server) await stopServer(server);
  await bench.stop();
}
