import { vi } from 'vitest';
import { orAbort } from '../src/warehouse/lifecycle.ts';
import type { Running } from '../src/warehouse/engine.ts';
import { process } from './assets.fixtures.ts';
import type { TestGateway } from './helpers/gateway.ts';

let count = 0;

/** An engine in place of a gateway's DuckDB, which answers at once, or when its gate is opened. */
export interface TestEngine {
  /** How often it was asked. */
  calls(): number;
  /** From now on it answers only once this is opened. */
  hold(): () => void;
  /** What the next run does instead. */
  next(run: () => Running): void;
}

/** A column `n` of these cells. */
export const column = (...cells: (number | string)[]): Running => ({
  columns: [{ name: 'n', type: typeof cells[0] === 'string' ? 'STRING' : 'INTEGER', engineType: 'test' }],
  chunks: (async function* chunks() {
    yield { values: [cells], rowCount: cells.length };
  })(),
});

/** Each of its answers is new: the number in the SQL, three digits of the first parameter, four of a counter. */
export function testEngine(t: TestGateway): TestEngine {
  let gate = Promise.resolve();
  const instead: (() => Running)[] = [];
  const spy = vi
    .spyOn(t.app.engines.get('duckdb'), 'run')
    .mockImplementation(async (_, { sql, values }, __, signal) => {
      await orAbort(gate, signal);
      const other = instead.shift();
      if (other) return other();
      const literal = Number(/\d+/.exec(sql)?.[0] ?? 0);
      return column((literal * 1000 + Number(values[0] ?? 0)) * 10_000 + (++count % 10_000));
    });
  return {
    calls: () => spy.mock.calls.length,
    hold() {
      const held = Promise.withResolvers<void>();
      gate = held.promise;
      return () => held.resolve();
    },
    next: (run) => void instead.push(run),
  };
}

/** A run as tests compare it. */
export interface Ran {
  status: string;
  cacheStatus: string | null;
  computedAt: string | null;
  credits: number;
  kind: string;
  outcome: { __typename: string; value?: string; code?: string; table?: { rowCount: number } };
}

/** Runs an asset; answers the run. */
export const ran = async (t: TestGateway, key: string, asset: { id: string }, input: object = {}): Promise<Ran> =>
  (await process(t, key, asset, { ...input })).run as Ran;

/** What two runs from one result have in common. */
export const resultOf = ({ computedAt, outcome }: Ran) => ({ computedAt, value: outcome.value });

/** The entries that are kept of an asset. */
export const keptOf = (t: TestGateway, asset: { id: string }) =>
  t.app.database.query<{ key: string; bytes: number; sealed: Buffer; computedAt: Date; expiresAt: unknown }>(
    'select * from "CachedResult" where "assetId" = $1 order by "computedAt"',
    [asset.id],
  );
