// Reads the JSON reports of vitest.
//   sum.mjs REPORT…         sums them to one line that CI reads, after each failure with its message
//   sum.mjs --files REPORT  prints the files with failures, one a line
//   sum.mjs --merge REPORT AGAIN  puts the second run of the files with failures in the place of the first
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';

const [mode, ...rest] = process.argv.slice(2);
const reports = (mode?.startsWith('--') ? rest : [mode, ...rest])
  .filter((name) => name && existsSync(name))
  .map((name) => JSON.parse(readFileSync(name, 'utf8')));
const nameOf = (file) => relative(process.cwd(), file.name);
const failedFiles = reports.flatMap(({ testResults }) => testResults.filter(({ status }) => status === 'failed'));

if (mode === '--files') for (const file of failedFiles) console.log(nameOf(file));
else if (mode === '--merge') {
  const [first, again] = reports;
  const replaced = new Set(again.testResults.map(({ name }) => name));
  const testResults = [...first.testResults.filter(({ name }) => !replaced.has(name)), ...again.testResults];
  const count = (status) =>
    testResults.flatMap((file) => file.assertionResults).filter((test) => test.status === status).length;
  writeFileSync(
    rest[0],
    JSON.stringify({
      testResults,
      numPassedTests: count('passed'),
      numFailedTests: count('failed'),
      numPendingTests: count('pending') + count('skipped'),
      numTodoTests: count('todo'),
    }),
  );
} else {
  for (const file of failedFiles) {
    const tests = file.assertionResults.filter(({ status }) => status === 'failed');
    for (const test of tests)
      console.log(`FAILED ${nameOf(file)}: ${test.fullName}\n${test.failureMessages.join('\n').slice(0, 3000)}`);
    if (tests.length === 0) console.log(`FAILED ${nameOf(file)}: ${String(file.message).slice(0, 3000)}`);
  }
  const sum = (key) => reports.reduce((total, report) => total + report[key], 0);
  // A file that does not load has no test that failed.
  const unloaded = failedFiles.filter(({ assertionResults }) =>
    assertionResults.every(({ status }) => status !== 'failed'),
  );
  console.log(
    `${sum('numPassedTests')} passed, ${sum('numFailedTests') + unloaded.length} failed, ${sum('numPendingTests') + sum('numTodoTests')} skipped`,
  );
}
