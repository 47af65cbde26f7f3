import { lookup } from 'node:dns/promises';
import { BlockList, connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { EngineError } from './engine.ts';
import { orAbort } from './lifecycle.ts';

/** Where connections to sellers' databases may go besides the public internet. */
export interface NetworkPolicy {
  /** CIDRs or single addresses that are allowed on purpose. */
  allowPrivate: string[];
}

const CONNECT_MS = 10_000;

const notPublic = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  notPublic.addSubnet(network, bits, 'ipv4');
}
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  notPublic.addSubnet(network, bits, 'ipv6');
}
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

/** True for an address of the public internet; false for private, special and malformed ones. */
export function isPublicAddress(address: string): boolean {
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 4) return !notPublic.check(address, 'ipv4');
  return family === 6 && globalUnicast.check(address, 'ipv6') && !notPublic.check(address, 'ipv6');
}

function allowList(policy: NetworkPolicy): BlockList {
  const list = new BlockList();
  for (const entry of policy.allowPrivate) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function isAllowed(address: string, allowed: BlockList): boolean {
  if (isPublicAddress(address)) return true;
  const family = address.includes('%') ? 0 : isIP(address);
  return family !== 0 && allowed.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

function refused(): EngineError {
  return new EngineError('CONNECTION_FAILED', 'The host is not on the public internet.', {
    stage: 'DNS',
    hint: 'Use a host with a public address. An operator may allow private ranges on purpose.',
  });
}

async function resolve(host: string): Promise<string[]> {
  const literal = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (isIP(literal) !== 0) return [literal];
  // Names only: a path is a local socket and a scheme or a space is a mistake.
  if (!/^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})$/.test(literal)) {
    throw new EngineError('CONNECTION_FAILED', 'The host is not a name or an address.', {
      stage: 'SETTINGS',
      hint: 'Give the host alone, without a scheme, a path or a port.',
    });
  }
  try {
    return (await lookup(literal, { all: true, verbatim: true })).map((answer) => answer.address);
  } catch (error) {
    throw new EngineError('CONNECTION_FAILED', 'The host name was not found.', {
      stage: 'DNS',
      hint: 'Check the spelling of the host and that its name is public.',
      cause: error,
    });
  }
}

const TCP_REASONS: Record<string, [string, string]> = {
  ECONNREFUSED: ['Nothing answers on this port.', 'Check the port and that the database listens on it.'],
  ETIMEDOUT: ['The host does not answer.', 'Check the host, the port and the firewall in front of the database.'],
  EHOSTUNREACH: ['The host cannot be reached.', 'Check the host and its network.'],
  ENETUNREACH: ['The network of the host cannot be reached.', 'Check the host and its network.'],
};

function tcpError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [message, hint] = TCP_REASONS[code] ?? ['The connection could not be opened.', 'Check the host and the port.'];
  return new EngineError('CONNECTION_FAILED', message, { stage: 'TCP', hint, cause: error });
}

function dial(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, autoSelectFamily: false, noDelay: true, keepAlive: true });
    const timer = setTimeout(() => fail(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })), CONNECT_MS);
    const abort = (): void => fail(signal.reason);
    function settle(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.removeListener('error', fail);
    }
    function fail(error: unknown): void {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    }
    socket.once('error', fail);
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}

/**
 * Opens a TCP connection to a seller's host. Every address of the name must be allowed, a checked address itself is
 * connected (so the name cannot change in between), and the peer is checked again.
 * @throws EngineError CONNECTION_FAILED, stage SETTINGS, DNS or TCP; the signal's reason when it aborts.
 */
export async function openGuardedSocket(
  host: string,
  port: number,
  policy: NetworkPolicy,
  signal: AbortSignal = new AbortController().signal,
): Promise<Socket> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new EngineError('CONNECTION_FAILED', 'The port is not a number from 1 to 65535.', { stage: 'SETTINGS' });
  }
  const allowed = allowList(policy);
  const addresses = await orAbort(resolve(host), signal);
  if (addresses.length === 0 || !addresses.every((address) => isAllowed(address, allowed))) throw refused();
  let failure: unknown;
  for (const address of addresses.slice(0, 4)) {
    if (signal.aborted) throw signal.reason;
    try {
      const socket = await dial(address, port, signal);
      if (isAllowed(socket.remoteAddress ?? '', allowed)) return socket;
      socket.destroy();
      throw refused();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      failure = error;
    }
  }
  throw tcpError(failure);
}
