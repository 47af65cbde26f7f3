import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

function proc(file: string): string {
  try {
    return readFileSync(`/proc/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Whether a thread of a process that this one has started runs, or waits for a processor. */
function hasBusyChild(): boolean {
  const children = readdirSync('/proc').filter((pid) => proc(`${pid}/status`).includes(`\nPPid:\t${process.pid}\n`));
  return children.some((pid) => {
    try {
      return readdirSync(`/proc/${pid}/task`).some((task) => / R /.test(proc(`${pid}/task/${task}/stat`)));
    } catch {
      return false;
    }
  });
}

/** Whether one is at work, which may pause for a moment; the engines that read files have nobody else who tells. */
export async function isChildAtWork(): Promise<boolean | null> {
  if (process.platform !== 'linux') return null;
  for (let looks = 0; looks < 20; looks++) {
    if (hasBusyChild()) return true;
    await setTimeout(10);
  }
  return false;
}
