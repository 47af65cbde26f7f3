import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The scripts in the order of their sections, each with the command that runs it alone. */
const SECTIONS = {
  run: ['Workloads', 'npm run bench:run'],
  growth: ['Growth', 'npm run bench:growth'],
  processes: ['Processes', 'npm run bench:processes'],
  memory: ['Memory', 'npm run bench:memory'],
  process: ['Processing and exports', 'npm run bench:process'],
  analytics: ['Analytics', 'npm run bench:analytics'],
  start: ['Cold start', 'npm run bench:start'],
} as const;
export type Section = keyof typeof SECTIONS;

const GOALS = {
  peerCpu: ['run', 'nested read at 16 connections, CPU a request against PostGraphile', '≤ 0.6 ×'],
  peerRequests: ['run', 'the same, req/s against PostGraphile', '≥ 1.5 ×'],
  peerLatency: ['run', 'the same at 1 connection, p50 against PostGraphile', '≤ 1.2 ×'],
  floorCpu: ['run', 'the same at 16 connections, CPU against the floor', '≤ 2 ×'],
  statements: ['run', 'statements a request at 16 connections', '< 2'],
  parents: ['growth', 'statements at 1 and at 100 parents', 'the same'],
  pages: ['run', 'page 1000 against page 1, p50 at 1 connection', '≤ 1.2 ×'],
  metrics: ['analytics', '`company.metrics`, the first time', '< 100 ms at 10 M events'],
  added: ['process', 'processing an asset beside the bare driver, p50', '≤ 5 ms more'],
  addedShare: ['process', 'the same, as a share of a query of 100 ms', '≤ 15 %'],
  rows: ['process', '100,000 rows as CSV or JSONL, memory above idle', '< 64 MiB'],
  start: ['start', '`npm start` to the first answer, embedded database', '≤ 5 s'],
  memory: ['run', 'peak memory under the nested read', '< 250 MiB'],
  flat: ['memory', 'memory under load for ten minutes', 'flat'],
} as const;
export type GoalName = keyof typeof GOALS;

export interface Goal {
  measured: string;
  isMet: boolean;
  /** What it is made of, or why it is missed. */
  why: string;
}

/** What a script found out; kept as bench/results/<section>.json. */
export interface Result {
  about: string;
  isQuick: boolean;
  markdown: string;
  goals: Partial<Record<GoalName, Goal>>;
  /** What docs/scale.md says, each with its number. */
  claims: [claim: string, measured: string][];
  /** The table of the nested read in docs/performance.md. */
  nested?: string;
}

const here = path.join(import.meta.dirname, '..');
const fileOf = (section: Section): string => path.join(here, 'results', `${section}.json`);
const sections = Object.keys(SECTIONS) as Section[];

export const isQuick = process.argv.includes('--quick');

/** Machine, versions and day, and what the script has to say of its run. */
export const aboutRun = (...more: string[]): string =>
  [
    `${os.cpus().length} × ${os.cpus()[0]?.model}`,
    `Node ${process.version}`,
    ...more,
    new Date().toISOString().slice(0, 10),
    `load of the machine ${os.loadavg()[0]?.toFixed(1)}`,
    ...(isQuick ? ['**a quick run: it shows that it works, not how fast**'] : []),
  ].join(', ');

function allResults(): Partial<Record<Section, Result>> {
  return Object.fromEntries(
    sections.flatMap((section) =>
      existsSync(fileOf(section)) ? [[section, JSON.parse(readFileSync(fileOf(section), 'utf8')) as Result]] : [],
    ),
  );
}

const mark = (result: Result | undefined): string => (result?.isQuick ? ' (a quick run)' : '');

function goalsTable(results: ReturnType<typeof allResults>): string {
  const rows = (Object.keys(GOALS) as GoalName[]).map((name) => {
    const [section, what, goal] = GOALS[name];
    const found = results[section]?.goals[name];
    if (!found) return `| ${what} | ${goal} | not measured | \`${SECTIONS[section][1]}\` measures it |`;
    return `| ${what} | ${goal} | ${found.measured}${mark(results[section])} | **${found.isMet ? 'met' : 'not met'}**: ${found.why} |`;
  });
  return ['| what | goal | measured | |', '|---|---|---|---|', ...rows].join('\n');
}

const claimsTable = (results: ReturnType<typeof allResults>): string =>
  [
    '| claim | measured | by |',
    '|---|---|---|',
    ...sections.flatMap((section) =>
      (results[section]?.claims ?? []).map(
        ([claim, measured]) => `| ${claim} | ${measured}${mark(results[section])} | \`${SECTIONS[section][1]}\` |`,
      ),
    ),
  ].join('\n');

/** Puts text between `<!-- bench:name -->` and `<!-- /bench:name -->` of a page. */
function fillIn(file: string, name: string, text: string): void {
  const before = readFileSync(file, 'utf8');
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [before.indexOf(start), before.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`${file} has no ${start} … ${end}.`);
  writeFileSync(file, `${before.slice(0, from + start.length)}\n${text}\n${before.slice(to)}`);
}

/** Keeps what a script found, and writes bench/RESULTS.md and the tables in docs/ from what all of them found. */
export function saveResult(section: Section, found: Omit<Result, 'isQuick'>): void {
  const result: Result = { isQuick, ...found };
  mkdirSync(path.dirname(fileOf(section)), { recursive: true });
  writeFileSync(fileOf(section), `${JSON.stringify(result, null, 2)}\n`);
  const results = allResults();
  const parts = sections.flatMap((name) => {
    const one = results[name];
    return one ? [`## ${SECTIONS[name][0]}\n\n\`${SECTIONS[name][1]}\`: ${one.about}.\n\n${one.markdown}`] : [];
  });
  const head = `# Results of the benchmarks

Written by the scripts in bench/ from bench/results/; each replaces its own section. How they measure, and what the numbers
say and do not say: [docs/performance.md](../docs/performance.md).`;
  const goals = goalsTable(results);
  writeFileSync(path.join(here, 'RESULTS.md'), [head, `## Goals\n\n${goals}`, ...parts].join('\n\n') + '\n');
  const docs = path.join(here, '../docs');
  fillIn(path.join(docs, 'performance.md'), 'goals', goals);
  if (result.nested) fillIn(path.join(docs, 'performance.md'), 'nested', result.nested);
  fillIn(path.join(docs, 'scale.md'), 'claims', claimsTable(results));
  console.log(`\nbench/RESULTS.md has it, under ${SECTIONS[section][0]}.`);
}

/** A goal of the form "at most" or "at least". */
export function goal(
  value: number | null,
  bound: { most: number } | { least: number },
  unit: string,
  why: string,
): Goal | undefined {
  if (value === null || !Number.isFinite(value)) return undefined;
  const isMet = 'most' in bound ? value <= bound.most : value >= bound.least;
  return { measured: `${value >= 20 ? value.toFixed(0) : value.toFixed(2)}${unit}`, isMet, why };
}

/** The goals that there is a figure for. */
export const goalsOf = (goals: Partial<Record<GoalName, Goal | undefined>>): Result['goals'] =>
  Object.fromEntries(Object.entries(goals).filter(([, found]) => found)) as Result['goals'];
