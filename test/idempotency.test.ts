import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createContext, type Context, type Viewer } from '../src/context.ts';
import { DomainError } from '../src/errors.ts';
import { dropOldAnswers, once } from '../src/idempotency.ts';
import { newId } from '../src/ids.ts';
import { permissionsOf } from '../src/permissions.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

interface Done {
  id: string;
  at: Date;
  big: bigint;
  secret: string;
  nothing: null;
}

let t: TestGateway;
let us: string;
let them: string;
beforeAll(async () => {
  t = await testGateway();
  us = (await t.world.company({ handle: 'us' })).id;
  them = (await t.world.company({ handle: 'them' })).id;
});
afterAll(() => t.close());

function context(companyId: string | null): Context {
  const viewer = companyId
    ? ({
        kind: 'KEY',
        companyId,
        userId: null,
        role: 'OWNER',
        permissions: permissionsOf.OWNER,
        apiKeyId: null,
        sessionId: null,
        endpointId: null,
        acceptedEula: true,
        expiresAt: null,
      } as Viewer)
    : null;
  return createContext(t.app, {
    viewer,
    signal: new AbortController().signal,
    requestId: 'test',
    clientAddress: '127.0.0.1',
    userAgent: null,
  });
}

/** Work that counts how often it is done. */
function work(): { done: number; run: () => Promise<Done> } {
  const counted = {
    done: 0,
    run: async (): Promise<Done> => {
      counted.done++;
      return {
        id: newId(),
        at: new Date('2026-01-02T03:04:05.678Z'),
        big: 12_345_678_901_234n,
        secret: 'sk_only-once',
        nothing: null,
      };
    },
  };
  return counted;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'done';
  } catch (error) {
    return error instanceof DomainError ? error.code : String(error);
  }
}

const age = (key: string, interval: string): Promise<unknown> =>
  t.app.database.query(`update "IdempotencyKey" set "createdAt" = now() - interval '${interval}' where key = $1`, [
    key,
  ]);

describe('idempotency works', () => {
  it('does it once and answers the same again, dates and secrets too', async () => {
    const { run } = work();
    const first = await once(context(us), 'thingCreate', 'k1', { a: 1, b: [1, 2] }, run);
    const again = await once(context(us), 'thingCreate', 'k1', { b: [1, 2], a: 1 }, async () =>
      Promise.reject(new Error('done twice')),
    );
    expect(again).toEqual({ ...first, big: '12345678901234' });
    expect((again as Done).at).toBeInstanceOf(Date);
  });

  it('does what comes at once only once: the others are told to wait, and then have the answer', async () => {
    const counted = work();
    const gate = Promise.withResolvers<void>();
    const slow = async (): Promise<Done> => {
      await gate.promise;
      return counted.run();
    };
    let refused = 0;
    const asked = Array.from({ length: 8 }, () => once(context(us), 'thingCreate', 'k2', {}, slow));
    for (const one of asked) one.catch(() => void refused++);
    await expect.poll(() => refused).toBe(7);
    gate.resolve();
    const all = await Promise.allSettled(asked);
    expect(counted.done).toBe(1);
    expect(all.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    expect(all.flatMap((one) => (one.status === 'rejected' ? [(one.reason as DomainError).code] : []))).toEqual(
      Array(7).fill('IDEMPOTENCY_IN_PROGRESS'),
    );
    const [first] = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect((await once(context(us), 'thingCreate', 'k2', {}, slow)).id).toBe(first?.id);
    expect(counted.done).toBe(1);
  });

  it('forgets what failed, so that it can be tried again', async () => {
    const counted = work();
    const refused = new DomainError('INSUFFICIENT_CREDITS', 'Not enough credits.');
    expect(await codeOf(once(context(us), 'thingCreate', 'k3', {}, () => Promise.reject(refused)))).toBe(
      'INSUFFICIENT_CREDITS',
    );
    expect(await codeOf(once(context(us), 'thingCreate', 'k3', {}, () => Promise.reject(new Error('broken'))))).toBe(
      'Error: broken',
    );
    expect(await codeOf(once(context(us), 'thingCreate', 'k3', {}, counted.run))).toBe('done');
    expect(counted.done).toBe(1);
  });

  it('keeps an answer for 24 hours, and then does it anew', async () => {
    const counted = work();
    const first = await once(context(us), 'thingCreate', 'k4', { a: 1 }, counted.run);
    await age('k4', '23 hours 59 minutes');
    expect((await once(context(us), 'thingCreate', 'k4', { a: 1 }, counted.run)).id).toBe(first.id);
    await age('k4', '24 hours 1 minute');
    expect((await once(context(us), 'thingCreate', 'k4', { another: true }, counted.run)).id).not.toBe(first.id);
    expect(counted.done).toBe(2);
  });

  it('takes over from a process that went away in the middle, after 5 minutes', async () => {
    const counted = work();
    const claim = (interval: string, input: unknown): Promise<string> =>
      age('k5', interval).then(() => codeOf(once(context(us), 'thingCreate', 'k5', input, counted.run)));
    let release: (() => void) | undefined;
    const abandoned = once(
      context(us),
      'thingCreate',
      'k5',
      { a: 1 },
      () => new Promise<never>((_, reject) => (release = () => reject(new Error('gone')))),
    );
    await expect.poll(() => release).toBeDefined();
    expect(await claim('4 minutes', { a: 1 })).toBe('IDEMPOTENCY_IN_PROGRESS');
    expect(await claim('6 minutes', { a: 2 })).toBe('IDEMPOTENCY_MISMATCH');
    expect(await claim('6 minutes', { a: 1 })).toBe('done');
    expect(counted.done).toBe(1);
    release?.();
    await expect(abandoned).rejects.toThrow('gone');
    // The late failure takes nothing away from the one that did it.
    expect(await codeOf(once(context(us), 'thingCreate', 'k5', { a: 1 }, counted.run))).toBe('done');
    expect(counted.done).toBe(1);
  });
});

describe('idempotency refuses', () => {
  it('the same key with another input, or for another operation', async () => {
    const { run } = work();
    await once(context(us), 'thingCreate', 'k6', { amount: 1 }, run);
    expect(await codeOf(once(context(us), 'thingCreate', 'k6', { amount: 2 }, run))).toBe('IDEMPOTENCY_MISMATCH');
    expect(await codeOf(once(context(us), 'thingCreate', 'k6', { amount: '1' }, run))).toBe('IDEMPOTENCY_MISMATCH');
    expect(await codeOf(once(context(us), 'thingCreate', 'k6', { amount: 1, more: null }, run))).toBe(
      'IDEMPOTENCY_MISMATCH',
    );
    expect(await codeOf(once(context(us), 'thingDelete', 'k6', { amount: 1 }, run))).toBe('IDEMPOTENCY_MISMATCH');
  });

  it('whoever is not known', async () => {
    expect(await codeOf(once(context(null), 'thingCreate', 'k7', {}, work().run))).toBe('UNAUTHENTICATED');
  });
});

describe('idempotency guards', () => {
  it('an answer that is kept with the work is there if and only if the work is', async () => {
    const { atomically, query } = t.app.database;
    const counted = work();
    const named = async (name: string, isUndone: boolean) =>
      once(context(us), 'thingCreate', 'k8', {}, async ({ intent }) => {
        const answer = await counted.run();
        await atomically(async (within) => {
          await within('update "Company" set name = $2 where id = $1', [us, name]);
          await intent.keep(within, { ...answer });
          if (isUndone) throw new Error('undone');
        });
        intent.isKept = true;
        return answer;
      });
    const name = async () => (await query<{ name: string }>('select name from "Company" where id = $1', [us]))[0]?.name;
    const before = await name();
    await expect(named('Undone', true)).rejects.toThrow('undone');
    expect(await name()).toBe(before);
    const done = await named('Done', false);
    expect((await named('Again', false)).id).toBe(done.id);
    expect([await name(), counted.done]).toEqual(['Done', 2]);
  });

  it('whoever comes back after another took over changes nothing, and hears the other answer', async () => {
    const { atomically, query } = t.app.database;
    const counted = work();
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    let begun = (): void => {};
    const isAtWork = new Promise<void>((resolve) => (begun = resolve));
    const late = once(context(us), 'thingCreate', 'k9', {}, async ({ intent }) => {
      begun();
      await gate;
      const answer = await counted.run();
      await atomically(async (within) => {
        await within(`update "Company" set name = 'Late' where id = $1`, [us]);
        await intent.keep(within, { ...answer });
      });
      return answer;
    });
    await isAtWork;
    await age('k9', '6 minutes');
    const other = await once(context(us), 'thingCreate', 'k9', {}, counted.run);
    goOn();
    expect(await codeOf(late)).toBe('CANCELLED');
    const [row] = await query<{ name: string }>('select name from "Company" where id = $1', [us]);
    expect(row?.name).not.toBe('Late');
    expect((await once(context(us), 'thingCreate', 'k9', {}, counted.run)).id).toBe(other.id);
  });

  it('answers are dropped after their day, younger ones stay', async () => {
    const counted = work();
    await once(context(us), 'thingCreate', 'old', {}, counted.run);
    await once(context(us), 'thingCreate', 'young', {}, counted.run);
    await age('old', '24 hours 1 minute');
    await age('young', '23 hours 59 minutes');
    expect(await dropOldAnswers(t.app.database.query)).toBe(1);
    const rows = await t.app.database.query<{ key: string }>(
      `select key from "IdempotencyKey" where key in ('old', 'young')`,
      [],
    );
    expect(rows).toEqual([{ key: 'young' }]);
  });

  it('a key belongs to a company: another one with the same key has its own answer', async () => {
    const counted = work();
    const ours = await once(context(us), 'thingCreate', 'shared', { a: 1 }, counted.run);
    const theirs = await once(context(them), 'thingCreate', 'shared', { a: 2 }, counted.run);
    expect(theirs.id).not.toBe(ours.id);
    expect((await once(context(us), 'thingCreate', 'shared', { a: 1 }, counted.run)).id).toBe(ours.id);
    expect(counted.done).toBe(2);
  });

  it('an answer lies sealed in the database, for its own key alone', async () => {
    await once(context(us), 'thingCreate', 'sealed', {}, work().run);
    await once(context(us), 'thingCreate', 'other', {}, work().run);
    const [row] = await t.app.database.query<{ answer: Buffer }>('select answer from "IdempotencyKey" where key = $1', [
      'sealed',
    ]);
    expect(row?.answer.toString('latin1')).not.toContain('sk_only-once');
    await t.app.database.query('update "IdempotencyKey" set answer = $1 where key = $2', [row?.answer, 'other']);
    await expect(once(context(us), 'thingCreate', 'other', {}, work().run)).rejects.toThrow();
  });
});
