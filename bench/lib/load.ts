/**
 * The load generator, a process of its own: keep-alive connections over bare sockets, one request at a time on each.
 * It reads no more of an answer than its length, so that it leaves the cores to the servers.
 */
import { connect } from 'node:net';

export interface LoadOrder {
  port: number;
  connections: number;
  ms: number;
  requests: { headers: Record<string, string>; body: string }[];
  /** What an answer holds that did what was asked; one without it counts as refused. */
  expect?: string;
}

export interface LoadReport {
  count: number;
  failed: number;
  refused: number;
  ms: number;
  p50: number;
  p99: number;
  /** The first answer that was no 200 or held errors. */
  failure?: string;
  /** The first answer that was refused. */
  refusal?: string;
}

const END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

function run(order: LoadOrder): Promise<LoadReport> {
  const wire = order.requests.map(({ headers, body }) =>
    Buffer.from(
      `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\naccept: application/json\r\n${Object.entries(
        headers,
      )
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  const times: number[] = [];
  const expected = order.expect ? Buffer.from(order.expect) : null;
  let failed = 0;
  let refused = 0;
  let failure: string | undefined;
  let refusal: string | undefined;
  let next = 0;
  let open = order.connections;
  const started = performance.now();
  const until = started + order.ms;
  return new Promise((resolve, reject) => {
    for (let i = 0; i < order.connections; i++) {
      const socket = connect(order.port, '127.0.0.1');
      socket.setNoDelay(true);
      let sent = 0;
      let parts: Buffer[] = [];
      let size = 0;
      /** Bytes of the whole answer; -1 while unknown, -2 where it comes in chunks. */
      let length = -1;
      const send = (): void => {
        sent = performance.now();
        socket.write(wire[next++ % wire.length] as Buffer);
      };
      const done = (): void => {
        const answer = Buffer.concat(parts);
        const head = answer.toString('latin1', 0, 800);
        if (!head.startsWith('HTTP/1.1 200') || head.includes('"errors":')) {
          failed++;
          failure ??= answer.toString('utf8', 0, 2000);
        } else if (expected && !answer.includes(expected)) {
          refused++;
          refusal ??= answer.toString('utf8', 0, 2000);
        }
        times.push(performance.now() - sent);
        parts = [];
        size = 0;
        length = -1;
        if (performance.now() < until) return send();
        socket.destroy();
        if (--open > 0) return;
        const sorted = Float64Array.from(times).sort();
        const at = (share: number): number =>
          sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
        resolve({
          count: times.length,
          failed,
          refused,
          ms: performance.now() - started,
          p50: at(0.5),
          p99: at(0.99),
          ...(failure ? { failure } : {}),
          ...(refusal ? { refusal } : {}),
        });
      };
      socket.on('connect', send);
      socket.on('error', reject);
      socket.on('data', (part: Buffer) => {
        parts.push(part);
        size += part.length;
        if (length === -1) {
          const whole = parts.length === 1 ? part : Buffer.concat(parts);
          const end = whole.indexOf(END);
          if (end < 0) return;
          const told = /content-length: (\d+)/i.exec(whole.toString('latin1', 0, end));
          length = told ? end + 4 + Number(told[1]) : -2;
        }
        if (length === -2 ? part.subarray(-5).equals(LAST_CHUNK) : size >= length) done();
      });
    }
  });
}

process.on('message', (order: LoadOrder) => {
  run(order).then(
    (report) => process.send?.(report),
    (error: unknown) =>
      process.send?.({ count: 0, failed: 1, refused: 0, ms: 0, p50: 0, p99: 0, failure: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
