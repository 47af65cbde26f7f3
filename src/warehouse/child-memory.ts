import { readFileSync } from 'node:fs';

/** Address space of a child in kB: an engine's own memory limit does not hold for every function. */
export const ADDRESS_SPACE_KB = 3_000_000;
/** A child begins with 1.3 GB; with less than 1 GB left a query may fail for what an earlier one kept. */
const WORN_SPACE_KB = 2_000_000;

/** Address space that this process takes in kB; 0 where the system does not say, which sets no limit either. */
function addressSpaceKb(): number {
  try {
    return Number(/^VmSize:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Whether this process keeps so much memory after a query, more than `bytes`, that a new one is better. */
export function isWorn(bytes: number): boolean {
  return process.memoryUsage.rss() > bytes || addressSpaceKb() > WORN_SPACE_KB;
}
