// Runs the embedded database of a directory in a process of its own: prints what it got, then waits.
// A line `stop` on standard input stops it in order; the end of standard input leaves it as it is.
import readline from 'node:readline';
import { startEmbedded } from '../../src/database/embedded.ts';

const [dir = '', uid] = process.argv.slice(2);
if (uid) {
  process.setgroups?.([]);
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}

try {
  const { stop, ...embedded } = await startEmbedded(dir);
  process.stdout.write(`${JSON.stringify(embedded)}\n`);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line !== 'stop') continue;
    await stop();
    break;
  }
  process.exit(0);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: (error as Error).message })}\n`);
  process.exit(1);
}
