import { BlockList, isIP } from 'node:net';

/** A network such as `10.0.0.0/8`, or one address; null for anything else. */
function networkOf(text: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | null {
  const [address = '', bits, more] = text.split('/');
  const version = isIP(address);
  const widest = version === 4 ? 32 : 128;
  if (version === 0 || more !== undefined || !/^\d{1,3}$/.test(bits ?? '0') || Number(bits ?? 0) > widest) return null;
  return { address, bits: Number(bits ?? widest), family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** Whether a text is an address or a network. */
export const isNetwork = (text: string): boolean => networkOf(text) !== null;

/** An address without port, brackets and zone, IPv4 as itself; null for what is none. */
function addressIn(text: string): string | null {
  const bare = text.trim();
  const host = /^\[([^\]]+)\](?::\d+)?$/.exec(bare)?.[1] ?? /^([\d.]+):\d+$/.exec(bare)?.[1] ?? bare;
  const address = host.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  return isIP(address) === 0 ? null : address;
}

/**
 * Tells who a request is from: the peer, or, where that is one of the proxies in front, whom `X-Forwarded-For` names last
 * before them. What stands further left in the header anybody may have written.
 */
export function createClientAddress(proxies: string[]): (peer: string, forwarded: string | null) => string {
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const network = networkOf(proxy);
    if (network) trusted.addSubnet(network.address, network.bits, network.family);
  }
  const isProxy = (address: string): boolean => trusted.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  return (peer, forwarded) => {
    let client = addressIn(peer) ?? peer;
    for (const hop of forwarded?.split(',').toReversed() ?? []) {
      if (!isProxy(client)) break;
      const address = addressIn(hop);
      if (address === null) break;
      client = address;
    }
    return client;
  };
}
