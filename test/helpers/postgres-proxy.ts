import net from 'node:net';
import type { AddressInfo } from 'node:net';

/** A way to PostgreSQL that can be made to stop after a statement: it is executed, but nobody ever hears so. */
export interface PostgresProxy {
  url: string;
  /** Statements so far. */
  seen(): number;
  /** Resolves when the last statement was executed and nothing moves any more. */
  stopped: Promise<void>;
  close(): void;
}

/** A message that ends a statement: a simple query, or the Sync after an extended one. */
const ENDS = new Set(['Q', 'S'].map((letter) => letter.charCodeAt(0)));
/** ReadyForQuery, with which the server ends each answer; the sixth byte is the state of the transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5]);
const isReady = (answer: Buffer): boolean => answer.length >= 6 && answer.subarray(-6, -1).equals(READY);

function upstreamOf(server: URL): net.NetConnectOpts {
  const directory = server.searchParams.get('host');
  const port = Number(server.port || 5432);
  return directory ? { path: `${directory}/.s.PGSQL.${port}` } : { host: server.hostname, port };
}

/** Opens a proxy before the server of a URL that stops after so many statements of all its connections together. */
export async function openPostgresProxy(
  serverUrl: string,
  stopAfter = Number.POSITIVE_INFINITY,
): Promise<PostgresProxy> {
  const server = new URL(serverUrl);
  const sockets = new Set<net.Socket>();
  let seen = 0;
  let isStopped = false;
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => (stop = resolve));

  const proxy = net.createServer((client) => {
    const upstream = net.connect(upstreamOf(server));
    let waiting = Buffer.alloc(0);
    let isStarted = false;
    let isLast = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      // Whoever is killed leaves without a word.
      socket.on('error', () => undefined);
    }
    client.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk as Buffer]);
      while (!isStopped) {
        // The first message has no letter before its length.
        const at = isStarted ? 1 : 0;
        if (waiting.length < at + 4) return;
        const length = at + waiting.readInt32BE(at);
        if (waiting.length < length) return;
        const message = waiting.subarray(0, length);
        waiting = waiting.subarray(length);
        if (isStarted && ENDS.has(message[0] ?? 0)) {
          seen++;
          isLast = isStopped = seen >= stopAfter;
        }
        isStarted = true;
        upstream.write(message);
      }
    });
    let answer = Buffer.alloc(0);
    upstream.on('data', (chunk) => {
      if (!isStopped) client.write(chunk);
      else if (isLast) {
        answer = Buffer.concat([answer, chunk as Buffer]).subarray(-6);
        if (isReady(answer)) stop();
      }
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const url = new URL(server);
  url.searchParams.delete('host');
  url.hostname = '127.0.0.1';
  url.port = String((proxy.address() as AddressInfo).port);
  return {
    url: url.href,
    seen: () => seen,
    stopped,
    close() {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
