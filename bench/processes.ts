/**
 * One, two and four gateways on one database: node bench/processes.ts [--quick]
 * The load goes to all of them alike. On few cores more processes cannot do more; what shows is what each costs the
 * others: CPU and statements a request. That they share limits, revocation and invalidation is held by
 * test/processes.test.ts.
 */
import os from 'node:os';
import { openBench, processCpuMs } from './lib/database.ts';
import { FULL, SMALL } from './lib/fill.ts';
import { load, median, startLoad, startServer, statementsOf, stopServer, type Server } from './lib/measure.ts';
import { aboutRun, isQuick, saveResult } from './lib/results.ts';
import { CACHED, MIXED_1000, NESTED, workloads } from './lib/workloads.ts';

const COUNTS = [1, 2, 4];
const CONNECTIONS = 32;
const TIMES = isQuick ? { rounds: 1, ms: 400, warmMs: 400 } : { rounds: 5, ms: 1500, warmMs: 2000 };

interface Sum {
  perSecond: number;
  p50: number;
  nodeMs: number;
  postgresMs: number;
  statements: number;
}

const bench = await openBench(isQuick ? SMALL : FULL);
const servers: Server[] = [];
const generators = COUNTS.length > 0 ? Array.from({ length: Math.max(...COUNTS) }, startLoad) : [];

async function once(
  count: number,
  requests: Awaited<ReturnType<(typeof workloads)[number]['requests']>>,
  ms: number,
): Promise<Sum> {
  const used = servers.slice(0, count);
  const nodeMs = (): number => used.reduce((sum, { pid }) => sum + processCpuMs(pid), 0);
  const sent = async (): Promise<number> =>
    (await Promise.all(used.map(statementsOf))).reduce((sum, statements) => sum + statements, 0);
  const before = { node: nodeMs(), postgres: bench.cpuMs(), statements: await sent() };
  const reports = await Promise.all(
    used.map(({ port }, i) => {
      const generator = generators[i];
      if (!generator) throw new Error('There is no generator for every server.');
      // Each begins elsewhere in the list, as a balancer would have it.
      const from = Math.floor((requests.length / count) * i);
      const turned = [...requests.slice(from), ...requests.slice(0, from)];
      return load(generator, { port, connections: CONNECTIONS / count, ms, requests: turned });
    }),
  );
  const total = reports.reduce((sum, report) => sum + report.count, 0);
  const failure = reports.find(({ failed }) => failed > 0)?.failure;
  if (failure) throw new Error(failure);
  return {
    perSecond: reports.reduce((sum, report) => sum + (report.count / report.ms) * 1000, 0),
    p50: median(reports.map(({ p50 }) => p50)),
    nodeMs: (nodeMs() - before.node) / total,
    postgresMs: (bench.cpuMs() - before.postgres) / total,
    statements: ((await sent()) - before.statements) / total,
  };
}

const out: string[] = [];
const claims: [string, string][] = [];
try {
  while (servers.length < Math.max(...COUNTS))
    servers.push(await startServer(bench, `ours ${servers.length + 1}`, 'ours', { DATABASE_POOL: '10' }));
  for (const { name, requests: make } of workloads.filter(({ name }) => [NESTED, MIXED_1000, CACHED].includes(name))) {
    const requests = await make('ours', servers[0] as Server, bench);
    const found = new Map<number, Sum[]>(COUNTS.map((count) => [count, []]));
    for (const count of COUNTS.toReversed()) await once(count, requests, TIMES.warmMs);
    for (let round = 0; round < TIMES.rounds; round++)
      for (const count of round % 2 ? COUNTS.toReversed() : COUNTS)
        found.get(count)?.push(await once(count, requests, TIMES.ms));
    const rows = [...found].map(([count, all]) => {
      const of = (pick: (one: Sum) => number): number => median(all.map(pick));
      const [perSecond, p50, nodeMs, postgresMs] = [
        of((one) => one.perSecond),
        of((one) => one.p50),
        of((one) => one.nodeMs),
        of((one) => one.postgresMs),
      ];
      return {
        count,
        perSecond,
        p50,
        nodeMs,
        postgresMs,
        cpuMs: nodeMs + postgresMs,
        statements: of((one) => one.statements),
      };
    });
    const [first] = rows;
    out.push(
      `\n### ${name[0]?.toUpperCase()}${name.slice(1)}\n`,
      '| processes | req/s | p50 ms | Node CPU ms | PostgreSQL CPU ms | sum | statements | req/s, times one process | CPU, times |',
      '|---|---|---|---|---|---|---|---|---|',
      ...rows.map(
        (one) =>
          `| ${one.count} | ${one.perSecond.toFixed(0)} | ${one.p50.toFixed(1)} | ${one.nodeMs.toFixed(3)} | ${one.postgresMs.toFixed(3)} | ${one.cpuMs.toFixed(3)} | ${one.statements.toFixed(2)} | ${(one.perSecond / (first?.perSecond ?? 1)).toFixed(2)} | ${(one.cpuMs / (first?.cpuMs ?? 1)).toFixed(2)} |`,
      ),
    );
    console.log(out.slice(-rows.length - 3).join('\n'));
    claims.push([
      `2 and 4 processes on ${os.cpus().length} cores, ${name}`,
      rows
        .slice(1)
        .map(
          (one) =>
            `${(one.perSecond / (first?.perSecond ?? 1)).toFixed(2)} × the req/s at ${(one.cpuMs / (first?.cpuMs ?? 1)).toFixed(2)} × the CPU a request`,
        )
        .join(', '),
    ]);
  }
  saveResult('processes', {
    about: aboutRun(bench.version),
    markdown: `${CONNECTIONS} connections in all, the same number to each process. This machine has ${os.cpus().length} cores for the processes, PostgreSQL and the load generators together: req/s cannot grow with the processes here; the CPU a request shows what a further process costs. Limits, revocation and invalidation over processes are held by [test/processes.test.ts](../test/processes.test.ts).\n${out.join('\n')}`,
    goals: {},
    claims,
  });
} finally {
  for (const generator of generators) generator.disconnect();
  for (const server of servers) await stopServer(server);
  await bench.stop();
}
