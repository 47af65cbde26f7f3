import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClientAddress, isNetwork } from '../src/http/client-address.ts';
import { gid, testGateway, type TestGateway } from './helpers/gateway.ts';

describe('who a request is from', () => {
  const clientOf = createClientAddress(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);

  it.each([
    ['the peer where it is no proxy, whatever it says', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['the peer without a header', '10.0.0.1', null, '10.0.0.1'],
    ['whom the proxy names', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['whom the outermost of several proxies names', '10.0.0.1', '203.0.113.9, 192.0.2.7,10.9.9.9', '203.0.113.9'],
    ['not what the client itself wrote before', '10.0.0.1', '127.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['the last address before what is none', '10.0.0.1', 'unknown, 10.2.2.2', '10.2.2.2'],
    ['a proxy that is asked by itself', '10.0.0.1', '10.3.3.3', '10.3.3.3'],
    ['IPv4 in IPv6', '::ffff:10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['IPv6, with brackets, port and zone', '2001:db8::1', '[2001:4860::8888%eth0]:4711', '2001:4860::8888'],
    ['an address with a port', '10.0.0.1', '203.0.113.9:51234', '203.0.113.9'],
    ['nobody over a socket without an address', '', '203.0.113.9', ''],
  ])('is %s', (_, peer, forwarded, client) => {
    expect(clientOf(peer, forwarded)).toBe(client);
  });

  it('takes networks and addresses as proxies alone', () => {
    expect(['10.0.0.0/8', '::1', '2001:db8::/32', '192.0.2.7'].every(isNetwork)).toBe(true);
    expect(
      ['10.0.0.0/33', '10.0.0', 'proxy.example', '::1/129', '10.0.0.0/8/8', '/8', '10.0.0.0/-1'].some(isNetwork),
    ).toBe(false);
  });
});

describe('behind a proxy', () => {
  let t: TestGateway;
  let plain: TestGateway;
  let ports: [number, number];
  let id: string;
  beforeAll(async () => {
    t = await testGateway({ TRUSTED_PROXIES: '127.0.0.0/8' });
    plain = await testGateway({}, t);
    const us = await t.tenant({ handle: 'us' });
    id = gid(
      'Post',
      await t.world.post(us.company.id, us.users.EDITOR.id, { isPublished: true, publishedAt: new Date() }),
    );
    const listen = async ({ gateway }: TestGateway): Promise<number> => (await gateway.listen(0, '127.0.0.1')).port;
    ports = [await listen(t), await listen(plain)];
  });
  afterAll(async () => {
    await Promise.all([t, plain].map(({ gateway }) => gateway.drain(0)));
    await plain.close();
    await t.close();
  });

  it('readers are told apart by who they are, and without the setting nobody is believed', async () => {
    const view = async (port: number, forwarded: string): Promise<boolean> => {
      const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': forwarded },
        body: JSON.stringify({ query: `mutation { postView(input: {postId: "${id}"}) { isCounted } }` }),
      });
      return ((await response.json()) as { data: { postView: { isCounted: boolean } } }).data.postView.isCounted;
    };
    const [behind, open] = ports;
    expect([await view(behind, '203.0.113.1'), await view(behind, '203.0.113.2')]).toEqual([true, true]);
    expect([await view(behind, '198.51.100.1, 203.0.113.1'), await view(behind, '203.0.113.2')]).toEqual([
      false,
      false,
    ]);
    expect([await view(open, '203.0.113.3'), await view(open, '203.0.113.4')]).toEqual([true, false]);
  });
});
