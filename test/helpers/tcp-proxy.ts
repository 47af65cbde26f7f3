import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** A way to a server that can be cut, or stop moving. */
export interface TcpProxy {
  port: number;
  /** Ends all connections; new ones are refused. */
  cut(): Promise<void>;
  /** Takes connections and what is sent over them, but nothing goes on; ends none. */
  freeze(): void;
  /** Lets all through again. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a proxy before a server, on the loopback. */
export async function openTcpProxy(to: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<net.Socket>();
  let isFrozen = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(to);
    for (const [from, into] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        into.destroy();
      });
      from.on('data', (chunk) => void (isFrozen || into.write(chunk)));
    }
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = async (): Promise<void> => {
    const closed = server.listening ? once(server, 'close') : null;
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    cut,
    freeze: () => void (isFrozen = true),
    async mend() {
      isFrozen = false;
      // What was swallowed is gone: whoever waits for it begins anew.
      if (server.listening) for (const socket of sockets) socket.destroy();
      else await listen(port);
    },
    close: cut,
  };
}
