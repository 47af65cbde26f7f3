import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openGuardedSocket } from '../src/warehouse/guarded-socket.ts';

type Answer = { address: string; family: 4 | 6 }[];

// What names stand for here: one list after the other, the last again and again.
const dns = vi.hoisted(() => ({ answers: [] as unknown[], asked: 0 }));
vi.mock('node:dns/promises', async (original) => ({
  ...(await original<typeof import('node:dns/promises')>()),
  lookup: async () => dns.answers[Math.min(dns.asked++, dns.answers.length - 1)],
}));

function stands(...answers: (Answer | Promise<never>)[]): void {
  dns.answers = answers;
  dns.asked = 0;
}
const four = (...addresses: string[]): Answer => addresses.map((address) => ({ address, family: 4 }));

let server: Server;
let port: number;
beforeAll(async () => {
  server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => stands());

async function peer(allowPrivate: string[]): Promise<string | undefined> {
  const socket = await openGuardedSocket('db.example.com', port, { allowPrivate });
  const { remoteAddress } = socket.on('error', () => undefined);
  socket.destroy();
  return remoteAddress;
}

describe('a name', () => {
  it.each([
    four('127.0.0.1', '10.0.0.1'),
    four('10.0.0.1', '127.0.0.1'),
    four('127.0.0.1', '169.254.169.254'),
    [...four('127.0.0.1'), { address: '::1', family: 6 } as const],
    [...four('127.0.0.1'), { address: '::ffff:10.0.0.1', family: 6 } as const],
    [],
  ])('is refused where one of its addresses is not allowed: %j', async (...answer) => {
    stands(answer.flat() as Answer);
    await expect(peer(['127.0.0.1'])).rejects.toMatchObject({ code: 'CONNECTION_FAILED', stage: 'DNS' });
  });

  it('is connected at the address that was checked, whatever it stands for a moment later', async () => {
    stands(four('127.0.0.1'), four('127.0.0.2'));
    expect(await peer(['127.0.0.1'])).toBe('127.0.0.1');
    expect(dns.asked).toBe(1);
    await expect(peer(['127.0.0.1'])).rejects.toMatchObject({ stage: 'DNS' });
  });

  it('is connected at another of its addresses where the first does not answer', async () => {
    stands(four('127.0.0.9', '127.0.0.1'));
    expect(await peer(['127.0.0.0/8'])).toBe('127.0.0.1');
  });

  it('that nobody answers for keeps nobody longer than they want to wait', async () => {
    stands(new Promise<never>(() => undefined));
    const controller = new AbortController();
    const reason = new Error('enough');
    const opening = openGuardedSocket('slow.example.com', port, { allowPrivate: [] }, controller.signal);
    controller.abort(reason);
    await expect(opening).rejects.toBe(reason);
  });
});
