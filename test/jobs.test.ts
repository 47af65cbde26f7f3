import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../src/database/db.ts';
import { createJobs, type Job, type Jobs, type QueueRules } from '../src/jobs.ts';
import { createLog } from '../src/log.ts';
import { testDatabase } from './helpers/database.ts';

let url: string;
let drop: () => Promise<void>;
let database: Database;
const opened: Jobs[] = [];
const log = createLog('silent');
const open = (): Jobs => {
  const jobs = createJobs(url, log);
  opened.push(jobs);
  return jobs;
};

beforeAll(async () => {
  ({ url, drop } = await testDatabase());
  database = openDatabase(url, 4, log);
});
afterAll(async () => {
  for (const jobs of opened) await jobs.stop();
  await database.close();
  await drop();
});

describe('jobs work', () => {
  it('once each, with their data, whoever takes them', async () => {
    const queue: QueueRules = { name: 'once', retryLimit: 0 };
    const done: number[] = [];
    for (const worker of [open(), open()])
      await worker.work<{ n: number }>(queue, async ({ data }) => void done.push(data.n), { atOnce: 2 });
    const send = await open().sender(queue);
    for (let n = 0; n < 10; n++) await send(database.query, { n });
    await expect.poll(() => done.length, { timeout: 60_000 }).toBe(10);
    expect(done.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('in another process where one stops in order: it hears of it, and the job is taken up again', async () => {
    const queue: QueueRules = { name: 'handed-on', retryLimit: 3 };
    const [first, second] = [open(), open()];
    const seen: string[] = [];
    await first.work(queue, async ({ signal }: Job<object>) => {
      seen.push('begun');
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    });
    const send = await second.sender(queue);
    await send(database.query, {});
    await expect.poll(() => seen, { timeout: 60_000 }).toEqual(['begun']);
    await first.stop();
    await second.work(queue, async () => void seen.push('done'));
    await expect.poll(() => seen, { timeout: 60_000 }).toEqual(['begun', 'done']);
  });

  it('of one group a few at a time, while those of others go on', async () => {
    const queue: QueueRules = { name: 'grouped', retryLimit: 0 };
    const jobs = open();
    const begun: string[] = [];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const handler = async ({ data: { group } }: Job<{ group: string }>): Promise<void> => {
      begun.push(group);
      if (group === 'slow') await held;
    };
    const send = await jobs.sender(queue);
    for (const group of ['slow', 'slow', 'other', 'other']) await send(database.query, { group }, { group });
    await jobs.work(queue, handler, { atOnce: 2, atOncePerGroup: 1 });
    await expect.poll(() => begun, { timeout: 60_000 }).toEqual(['slow', 'other', 'other']);
    release();
    await expect.poll(() => begun, { timeout: 60_000 }).toEqual(['slow', 'other', 'other', 'slow']);
  });

  it('when they are due', async () => {
    const queue: QueueRules = { name: 'due' };
    const at = new Date(Date.now() + 3_600_000);
    await (
      await open().sender(queue)
    )(database.query, { n: 1 }, { at });
    expect(await database.query(`select start_after from jobs.job where name = 'due'`, [])).toEqual([
      { start_after: at },
    ]);
  });
});

describe('jobs refuse', () => {
  it('to be there where their transaction is not', async () => {
    const queue: QueueRules = { name: 'together' };
    const jobs = open();
    const send = await jobs.sender(queue);
    const failed = database.atomically(async (query) => {
      await send(query, { n: 1 });
      throw new Error('No.');
    });
    await expect(failed).rejects.toThrow('No.');
    expect(await database.query(`select 1 from jobs.job where name = 'together'`, [])).toEqual([]);
    await database.atomically((query) => send(query, { n: 2 }));
    expect(await database.query(`select data from jobs.job where name = 'together'`, [])).toEqual([{ data: { n: 2 } }]);
  });

  it('to be tried for ever: the last try says so, and then they go to the dead letters', async () => {
    const dead: QueueRules = { name: 'dead' };
    const queue: QueueRules = { name: 'failing', retryLimit: 1, deadLetter: dead };
    const jobs = open();
    const seen: unknown[] = [];
    await jobs.work<{ n: number }>(dead, async ({ data }) => void seen.push(data));
    await jobs.work(queue, async ({ isLastTry }) => {
      seen.push(isLastTry);
      throw new Error('Broken.');
    });
    await (
      await jobs.sender(queue)
    )(database.query, { n: 7 });
    await expect.poll(() => seen, { timeout: 60_000 }).toEqual([false, true, { n: 7 }]);
  });
});

describe('jobs guard', () => {
  it('their end: nothing begins after a stop, and a queue that was never used connects to nothing', async () => {
    const idle = createJobs('postgresql://nobody@127.0.0.1:1/nothing', log);
    await idle.stop();
    await expect(idle.sender({ name: 'late' })).rejects.toThrow('stopping');
  });
});
