import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import ipaddr from 'ipaddr.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../src/warehouse/engine.ts';
import { isPublicAddress, openGuardedSocket } from '../src/warehouse/guarded-socket.ts';

const addresses =
  `0.0.0.0 0.1.2.3 1.1.1.1 8.8.8.8 9.255.255.255 10.0.0.1 11.0.0.1 100.63.255.255 100.64.0.1 100.127.255.255
  100.128.0.1 127.0.0.1 127.255.255.254 128.0.0.1 169.254.169.254 169.253.1.1 172.15.255.255 172.16.0.1 172.31.255.255
  172.32.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.169.0.1 198.18.0.1 198.19.255.255 198.20.0.1 198.51.100.1
  203.0.113.1 223.255.255.255 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8
  64:ff9b::808:808 100::1 2001::1 2001:4860:4860::8888 2001:db8::1 2002:7f00:1::1 2606:4700:4700::1111 2a00:1450::1
  3fff::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1`
    .trim()
    .split(/\s+/);

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  return error as EngineError;
}

describe('public addresses', () => {
  it('has enough probes', () => expect(addresses.length).toBeGreaterThanOrEqual(35));

  it.each(addresses)('%s is judged as ipaddr.js does', (address) => {
    expect(isPublicAddress(address)).toBe(ipaddr.parse(address).range() === 'unicast');
  });

  it.each(['', 'localhost', '1.2.3', '01.2.3.4', 'fe80::1%eth0', '2606:4700::1%1', '[::1]', '8.8.8.8 '])(
    '%j is none',
    (address) => expect(isPublicAddress(address)).toBe(false),
  );
});

describe('the guarded socket', () => {
  let server: Server;
  let port: number;

  beforeAll(async () => {
    server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it.each(['127.0.0.1', 'localhost', '2130706433', '[::1]', '::1', '127.1', '0x7f.1', '0.0.0.0', '::ffff:127.0.0.1'])(
    'refuses %s',
    async (host) => {
      const error = await failure(openGuardedSocket(host, port, { allowPrivate: [] }));
      expect(error.code).toBe('CONNECTION_FAILED');
      expect(error.stage).toBe('DNS');
      expect(error.message).not.toContain('127.0.0.1');
    },
  );

  it.each(['', '/var/run/postgresql', 'http://example.com', 'a b', 'user@host', 'x\0y'])(
    'takes %j for no host',
    async (host) => {
      const error = await failure(openGuardedSocket(host, port, { allowPrivate: ['127.0.0.0/8'] }));
      expect(error.stage).toBe('SETTINGS');
    },
  );

  it.each([0, -1, 65_536, 1.5, Number.NaN])('takes %d for no port', async (wrong) => {
    expect((await failure(openGuardedSocket('127.0.0.1', wrong, { allowPrivate: ['127.0.0.0/8'] }))).stage).toBe(
      'SETTINGS',
    );
  });

  it.each([['127.0.0.0/8'], ['127.0.0.1'], ['10.0.0.0/8', '127.0.0.1/32']])(
    'connects where %s is allowed',
    async (...allow) => {
      const socket = await openGuardedSocket('127.0.0.1', port, { allowPrivate: allow });
      expect(socket.remoteAddress).toBe('127.0.0.1');
      socket.destroy();
    },
  );

  it('still refuses what another range does not hold', async () => {
    expect((await failure(openGuardedSocket('127.0.0.1', port, { allowPrivate: ['10.0.0.0/8'] }))).stage).toBe('DNS');
  });

  it('refuses a name one of whose addresses is not allowed', async () => {
    // localhost is 127.0.0.1, ::1 or both; no allowed range holds any of them.
    expect((await failure(openGuardedSocket('localhost', port, { allowPrivate: ['127.9.0.0/16'] }))).stage).toBe('DNS');
  });

  it('tells a closed port from an unknown name', async () => {
    const spare = createServer();
    await new Promise<void>((resolve) => spare.listen(0, '127.0.0.1', resolve));
    const closed = (spare.address() as AddressInfo).port;
    await new Promise((resolve) => spare.close(resolve));
    const tcp = await failure(openGuardedSocket('127.0.0.1', closed, { allowPrivate: ['127.0.0.0/8'] }));
    expect([tcp.stage, tcp.hint !== null]).toEqual(['TCP', true]);
    const dns = await failure(openGuardedSocket('no-such-host.invalid', 80, { allowPrivate: [] }));
    expect([dns.stage, dns.hint !== null]).toEqual(['DNS', true]);
  });

  it('gives up when its signal aborts', async () => {
    const reason = new Error('enough');
    await expect(
      openGuardedSocket('127.0.0.1', port, { allowPrivate: ['127.0.0.0/8'] }, AbortSignal.abort(reason)),
    ).rejects.toBe(reason);
  });
});
