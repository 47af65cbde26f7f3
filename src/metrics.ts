import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from './database/db.ts';
import type { Run } from './generated/prisma/client.ts';

/** What the operator's Prometheus reads at /metrics. Labels have few values: never a name, an id or a document. */
export interface Metrics {
  /** A request that was answered, by the door it came through. */
  http(door: Door, status: number, seconds: number): void;
  operation(type: string, isFailed: boolean, seconds: number): void;
  /** An error that a client saw, by its code. */
  error(code: string): void;
  /** A run that was closed. */
  run(run: Pick<Run, 'kind' | 'status' | 'cacheStatus' | 'elapsedMs' | 'engineMs'>): void;
  /** All of it in Prometheus' text format. */
  text(): Promise<{ type: string; text: string }>;
}

export type Door = 'graphql' | 'rest' | 'download' | 'other';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** `withProcess` adds what Node says of itself: memory, collections, the delay of its loop. */
export function createMetrics(database: Pick<Database, 'use'>, withProcess: boolean): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (withProcess) collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'gateway_http_request_duration_seconds',
    help: 'Requests over HTTP, from their headers to the end of their answer.',
    labelNames: ['door', 'status'],
    buckets: SECONDS,
    registers,
  });
  const operations = new Histogram({
    name: 'gateway_graphql_operation_duration_seconds',
    help: 'Execution of operations of GraphQL.',
    labelNames: ['type', 'outcome'],
    buckets: SECONDS,
    registers,
  });
  const errors = new Counter({
    name: 'gateway_graphql_errors_total',
    help: 'Errors in answers of GraphQL, by their code.',
    labelNames: ['code'],
    registers,
  });
  const runs = new Histogram({
    name: 'gateway_run_duration_seconds',
    help: 'Runs of products, from their reservation to their settlement or release.',
    labelNames: ['kind', 'status', 'cache'],
    buckets: SECONDS,
    registers,
  });
  const engines = new Histogram({
    name: 'gateway_run_engine_duration_seconds',
    help: 'What of a run was spent in the engine of the seller.',
    labelNames: ['kind'],
    buckets: SECONDS,
    registers,
  });
  new Counter({
    name: 'gateway_database_statements_total',
    help: 'Statements sent to the database of the gateway.',
    registers,
    collect() {
      this.reset();
      this.inc(database.use().statements);
    },
  });
  new Gauge({
    name: 'gateway_database_connections',
    help: 'Connections of the pool, and requests that wait for one.',
    labelNames: ['state'],
    registers,
    collect() {
      const { idle, busy, waiting } = database.use();
      for (const [state, count] of Object.entries({ idle, busy, waiting })) this.set({ state }, count);
    },
  });
  return {
    http: (door, status, seconds) => requests.observe({ door, status }, seconds),
    operation: (type, isFailed, seconds) => operations.observe({ type, outcome: isFailed ? 'error' : 'ok' }, seconds),
    error: (code) => errors.inc({ code }),
    run({ kind, status, cacheStatus, elapsedMs, engineMs }) {
      runs.observe({ kind, status, cache: cacheStatus ?? 'NONE' }, (elapsedMs ?? 0) / 1000);
      if (engineMs) engines.observe({ kind }, engineMs / 1000);
    },
    text: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}
