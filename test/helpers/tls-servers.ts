/** Databases behind TLS, in small: they take the connection as the protocol wants it and show who asked. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, NetConnectOpts, Server, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Certificate } from './certificates.ts';

/** A running server; `plain` counts connections that went on without TLS, `secure` those with it. */
export interface TlsServer {
  port: number;
  plain: number;
  secure: number;
  close(): Promise<void>;
}

async function listen(handle: (socket: Socket, server: TlsServer) => Promise<void>): Promise<TlsServer> {
  const sockets = new Set<Socket>();
  const listener: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    handle(socket, server).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const server: TlsServer = {
    port: (listener.address() as AddressInfo).port,
    plain: 0,
    secure: 0,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return server;
}

/** The next `length` bytes of a socket. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes: unknown = socket.read(length);
    if (Buffer.isBuffer(bytes)) return bytes;
    await once(socket, 'readable', { signal: AbortSignal.timeout(60_000) });
  }
}

async function secured(socket: Socket, certificate: Certificate): Promise<TLSSocket> {
  const secure = new TLSSocket(socket, { isServer: true, ...certificate });
  secure.on('error', () => socket.destroy());
  await once(secure, 'secure');
  return secure;
}

/** PostgreSQL's way to TLS in front of a real server, which is reached without; says N to TLS without a certificate. */
export function startPostgresTls(target: NetConnectOpts, certificate: Certificate | null): Promise<TlsServer> {
  return listen(async (socket, server) => {
    const head = await take(socket, 8);
    let front = socket;
    if (head.readInt32BE(4) === 80_877_103) {
      socket.write(certificate ? 'S' : 'N');
      if (!certificate) {
        await take(socket, 1);
        server.plain++;
        return;
      }
      front = await secured(socket, certificate);
      server.secure++;
    } else {
      server.plain++;
      front.unshift(head);
    }
    const back = connect(target);
    // What the client sent before it left is passed on: a request to cancel is all that it sends.
    back.on('error', () => front.destroy()).on('close', () => front.destroy());
    front.pipe(back).pipe(front);
  });
}

const CLIENT_SSL = 0x0800;
const CAPABILITIES = 0x81_ff_f7_df;

function packet(sequence: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

/** MySQL's way to TLS up to the login, which it refuses to everybody; offers no TLS without a certificate. */
export function startMysqlTls(certificate: Certificate | null): Promise<TlsServer> {
  return listen(async (socket, server) => {
    const flags = Buffer.alloc(4);
    flags.writeUInt32LE(certificate ? (CAPABILITIES | CLIENT_SSL) >>> 0 : CAPABILITIES);
    const greeting = [
      Buffer.from([10]),
      Buffer.from('8.0.99-small\0'),
      Buffer.from([7, 0, 0, 0]),
      Buffer.from('abcdefgh\0'),
      flags.subarray(0, 2),
      Buffer.from([45, 2, 0]),
      flags.subarray(2),
      Buffer.from([21]),
      Buffer.alloc(10),
      Buffer.from('ijklmnopqrst\0'),
      Buffer.from('mysql_native_password\0'),
    ];
    socket.write(packet(0, ...greeting));
    const head = await take(socket, 4);
    const asked = await take(socket, head.readUIntLE(0, 3));
    let front = socket;
    let sequence = 2;
    if (asked.length === 32) {
      if (!certificate) throw new Error('TLS was not offered.');
      front = await secured(socket, certificate);
      server.secure++;
      const login = await take(front, 4);
      await take(front, login.readUIntLE(0, 3));
      sequence = 3;
    } else server.plain++;
    front.end(packet(sequence, Buffer.from([0xff, 0x15, 0x04]), Buffer.from('#28000Access denied')));
  });
}
