import { BlockList, isIP } from 'node:net';
import { DomainError } from '../errors.ts';
import type { AccessMethod } from '../generated/prisma/client.ts';

const EMAIL = /^[^\s@]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;
const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;

interface Network {
  address: string;
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

/** A network out of `10.0.0.0/8`, or the one address of `10.0.0.1`; null for anything else. */
function networkOf(text: string): Network | null {
  const [address = '', bits, more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more !== undefined || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return null;
  const widest = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? widest : Number(bits);
  return prefix <= widest ? { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' } : null;
}

const takes: Record<AccessMethod, [(entry: string) => boolean, string]> = {
  OPEN: [() => false, 'OPEN takes no list.'],
  API_KEY: [() => false, 'API_KEY takes no list.'],
  IP: [
    (entry) => networkOf(entry) !== null,
    'Takes an address such as 203.0.113.7 or a network such as 203.0.113.0/24.',
  ],
  EMAIL: [(entry) => EMAIL.test(entry), 'Takes an e-mail address in lower case.'],
  DOMAIN: [(entry) => DOMAIN.test(entry), 'Takes a domain such as example.com, in lower case.'],
};

/** What is wrong with a whitelist for its access method, entry by entry; a method with a list needs at least one. */
export function whitelistMistakes(method: AccessMethod, whitelist: string[]): DomainError[] {
  const path = ['input', 'accessWhitelist'];
  const [fits, message] = takes[method];
  if (whitelist.length === 0 && method !== 'OPEN' && method !== 'API_KEY') {
    return [new DomainError('VALIDATION', `${method} needs a list of whom to let in.`, { path })];
  }
  return whitelist.flatMap((entry, i) =>
    fits(entry) ? [] : [new DomainError('VALIDATION', message, { path: [...path, String(i)] })],
  );
}

/** Whether an address is in one of the networks; an IPv4 address may come as `::ffff:203.0.113.7`. */
export function hasAddress(whitelist: string[], address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  const version = isIP(plain);
  if (version === 0) return false;
  const list = new BlockList();
  for (const entry of whitelist) {
    const network = networkOf(entry);
    if (network) list.addSubnet(network.address, network.prefix, network.family);
  }
  return list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

/** Whether an e-mail address is in the list, or its domain where the method is DOMAIN. */
export function hasEmail(method: 'EMAIL' | 'DOMAIN', whitelist: string[], email: string): boolean {
  const address = email.toLowerCase();
  return whitelist.includes(method === 'EMAIL' ? address : address.slice(address.lastIndexOf('@') + 1));
}
