/**
 * All benchmarks, one after the other: npm run bench [-- --quick] [-- --memory]
 * Each writes its own section of bench/RESULTS.md; one that fails does not keep the others from theirs. About twenty
 * minutes on a machine with nothing else to do; the ten minutes of memory.ts come on top with `--memory`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const scripts = ['start', 'run', 'growth', 'processes', 'process', 'analytics'];
const given = process.argv.slice(2);
if (given.includes('--memory')) scripts.push('memory');
const flags = given.filter((flag) => flag === '--quick');

const failed: string[] = [];
const started = performance.now();
for (const script of scripts) {
  const from = performance.now();
  console.log(`\n=== ${script}`);
  const child = spawn(process.execPath, [path.join(import.meta.dirname, `${script}.ts`), ...flags], {
    stdio: 'inherit',
  });
  // What it started ends with it, and this only after it.
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGTERM', pass);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.off('SIGTERM', pass);
  if (code !== 0) failed.push(script);
  console.log(`=== ${script}: ${((performance.now() - from) / 1000).toFixed(0)} s`);
}
console.log(`\n${((performance.now() - started) / 60_000).toFixed(1)} minutes in all.`);
if (failed.length > 0) {
  console.error(`Failed: ${failed.join(', ')}.`);
  process.exitCode = 1;
}
