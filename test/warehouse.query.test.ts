import { describe, expect, it } from 'vitest';
import type { Chunk, Engine, Limits } from '../src/warehouse/engine.ts';
import { collect } from '../src/warehouse/query.ts';
import type { QueryResult } from '../src/warehouse/query.ts';

const MIB = 1024 * 1024;
const LIMITS: Limits = { timeoutMs: 60_000, maxRows: 1000, maxBytes: 64 * MIB };
const text = 'x'.repeat(MIB);

/** Collects rows of one MiB each, and waits for `go` before the last. */
function rows(count: number, go: Promise<void> = Promise.resolve()): Promise<QueryResult> {
  async function* chunks(): AsyncGenerator<Chunk> {
    for (let i = 0; i < count; i++) {
      if (i === count - 1) await go;
      yield { values: [[text]], rowCount: 1 };
    }
  }
  const columns = [{ name: 'a', type: 'STRING', engineType: 'text' }] as const;
  const engine = { run: async () => ({ columns, chunks: chunks() }) } as unknown as Engine;
  const target = { key: 'a', settings: {} };
  const never = new AbortController().signal;
  return collect(engine, target, { sql: '', values: [] }, LIMITS, { onExcess: 'fail' }, never);
}

describe('large results', () => {
  it('come a few at a time, and keep no small one from coming', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = Array.from({ length: 4 }, () => rows(60, promise));
    await new Promise((done) => setImmediate(done));
    await expect(rows(40)).rejects.toMatchObject({ code: 'ENGINE_BUSY', retryAfterMs: 1000 });
    expect((await rows(3)).rowCount).toBe(3);
    resolve();
    expect((await Promise.all(first)).map(({ rowCount }) => rowCount)).toEqual([60, 60, 60, 60]);
    expect((await rows(40)).rowCount).toBe(40);
  });

  it('that fail are forgotten', async () => {
    for (let i = 0; i < 10; i++) await expect(rows(70)).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
    expect((await rows(60)).rowCount).toBe(60);
  });
});
