/**
 * What the hot reads cost as the tables and the tenants grow: node bench/growth.ts [--quick]
 * 1×, 10× and 100× the rows with 50 tenants, then 1 to 1,000 tenants of 50 assets; a database each on one PostgreSQL, a
 * gateway each, by turns. The answers are of the same size, so the work should be too. About four minutes.
 */
import { openBenches, type Bench } from './lib/database.ts';
import type { Fill } from './lib/fill.ts';
import {
  ask,
  compare,
  startLoad,
  startServer,
  statementsOf,
  stopServer,
  type Figures,
  type Server,
} from './lib/measure.ts';
import { aboutRun, goalsOf, isQuick, saveResult, type Result } from './lib/results.ts';
import { reads } from './lib/workloads.ts';

const few = isQuick ? 10 : 50;
const fill = (tenants: number, assetsEach: number): Fill => ({ tenants, assetsEach, smallTenants: 0, usage: 0 });
/** What is listed is every tenth asset: 20 of a tenant are the least that fill every page. */
const SIZES: [name: string, fill: Fill][] = [
  ['1×', fill(few, 20)],
  ['10×', fill(few, 200)],
  ['100×', fill(few, isQuick ? 1000 : 2000)],
];
const COUNTS: [name: string, fill: Fill][] = (isQuick ? [1, 100] : [1, 10, 100, 1000]).map((count) => [
  `${count} tenant${count > 1 ? 's' : ''}`,
  fill(count, 50),
]);
const TIMES = isQuick ? { rounds: 1, ms: 300, warmMs: 300 } : { rounds: 3, ms: 700, warmMs: 1000 };

const out: string[] = [];
function say(text: string): void {
  out.push(text);
  console.log(text);
}

/** The cost of each read on each database: at 1 connection for what it takes, at 16 for what it costs. */
async function measure(title: string, sized: [name: string, fill: Fill][]): Promise<Map<string, Figures[]>> {
  const benches = await openBenches(sized.map(([, one]) => one));
  const servers: Server[] = [];
  const generator = startLoad();
  const worst = new Map<string, Figures[]>();
  try {
    for (const [i, bench] of benches.entries())
      servers.push(await startServer(bench, sized[i]?.[0] ?? '', 'ours', { DATABASE_POOL: '5' }));
    say(
      `\n### ${title}\n\n| read | rows | statements, 1 connection | p50 ms, 1 connection | CPU ms, 1 connection | CPU ms, 16 connections | p50, times the first | CPU at 1, times | CPU at 16, times |\n|---|---|---|---|---|---|---|---|---|`,
    );
    for (const read of reads) {
      const entries = await Promise.all(
        servers.map(async (server, i) => ({
          server,
          requests: await read.requests('ours', server, benches[i] as Bench),
        })),
      );
      const [cluster] = benches;
      if (!cluster) break;
      const many = await compare(cluster, generator, entries, { ...TIMES, connections: 16 });
      const alone = await compare(cluster, generator, entries, { ...TIMES, warmMs: 0, connections: 1 });
      const first = [...alone.values()][0];
      const firstOfMany = [...many.values()][0];
      for (const [name, one] of alone) {
        const at16 = many.get(name);
        if (!first || !firstOfMany || !at16) continue;
        say(
          `| ${read.name} | ${name} | ${one.statements.toFixed(2)} | ${one.p50.toFixed(2)} | ${one.cpuMs.toFixed(2)} | ${at16.cpuMs.toFixed(2)} | ${(one.p50 / first.p50).toFixed(2)} | ${(one.cpuMs / first.cpuMs).toFixed(2)} | ${(at16.cpuMs / firstOfMany.cpuMs).toFixed(2)} |`,
        );
      }
      worst.set(read.name, [...alone.values()]);
    }
    if (sized === SIZES) await countParents(benches.at(-1) as Bench, servers.at(-1) as Server);
  } finally {
    generator.disconnect();
    for (const server of servers) await stopServer(server);
    await benches[0]?.stop();
  }
  return worst;
}

const parents: { first: number; statements: number }[] = [];

async function countParents(bench: Bench, server: Server): Promise<void> {
  const [tenant] = bench.tenants;
  for (const first of [1, 100]) {
    const query = `{ company { assets(first: ${first}) { nodes { id name owner { name } connection { name } industry { name } activePrice { priceUsd effectiveCredits } prices(first: 2) { nodes { priceUsd } } } } } }`;
    const request = { headers: { 'x-api-key': tenant?.key ?? '' }, body: JSON.stringify({ query }) };
    await ask(server, request);
    const before = await statementsOf(server);
    await ask(server, request);
    parents.push({ first, statements: (await statementsOf(server)) - before });
  }
  say(`\nStatements of one request: ${parents.map((one) => `${one.statements} for ${one.first} assets`).join(', ')}.`);
}

/** The read that grew the most between the first and the last, by p50 alone. */
function grown(found: Map<string, Figures[]>): string {
  const ratios = [...found].map(([name, all]) => {
    const [first, last] = [all[0], all.at(-1)];
    return {
      name,
      p50: (last?.p50 ?? 0) / (first?.p50 || 1),
      statements: (last?.statements ?? 0) - (first?.statements ?? 0),
    };
  });
  const sorted = ratios.toSorted((a, b) => a.p50 - b.p50);
  const [middle, most] = [sorted[sorted.length >> 1], sorted.at(-1)];
  return `p50 ${middle?.p50.toFixed(2)} × for the middle read, ${most?.p50.toFixed(2)} × for the most grown (${most?.name}); at most ${Math.max(...ratios.map((one) => one.statements)).toFixed(1)} statements more`;
}

const bySize = await measure(`The same answers from tables of 1, 10 and 100 times the rows, ${few} tenants`, SIZES);
const byCount = await measure('The same answers among more tenants, 50 assets each', COUNTS);
const [one, hundred] = parents;
const goals: Result['goals'] = goalsOf({
  parents: one &&
    hundred && {
      measured: `${one.statements} and ${hundred.statements}`,
      isMet: one.statements === hundred.statements,
      why: 'assets with owner, connection, industry, active price and prices; `test/sql-counts.test.ts` holds it',
    },
});
const times = (sized: [string, Fill][]): string => `${sized[0]?.[0]} to ${sized.at(-1)?.[0]}`;
saveResult('growth', {
  about: aboutRun(),
  markdown: `Pages are of the same size throughout. Rows: ${SIZES.map(([name, { tenants, assetsEach }]) => `${name} is ${tenants * assetsEach} assets and ${tenants * assetsEach * 4} prices`).join(', ')}.\n${out.join('\n')}`,
  goals,
  claims: [
    [`tables grow, ${times(SIZES)}`, grown(bySize)],
    [`tenants grow, ${times(COUNTS)}`, grown(byCount)],
  ],
});
