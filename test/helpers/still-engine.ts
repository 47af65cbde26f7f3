import { randomUUID } from 'node:crypto';
import type { App } from '../../src/context.ts';
import { EngineError } from '../../src/warehouse/engine.ts';

/** SQL that fails on the engine below. */
export const FAILING = 'select no_such_column as n';

/**
 * Puts an engine in the place of DuckDB that needs no process of its own. It answers three rows that are others each
 * time, so that an answer that was kept can be told from one that was computed anew.
 */
export function stillEngine(app: App): void {
  app.engines.get('duckdb').run = async (_, { sql }) => {
    if (sql === FAILING) throw new EngineError('ENGINE_FAILED', 'There is no such column.');
    const rows = Array.from({ length: 3 }, () => randomUUID());
    async function* chunks() {
      yield { values: [rows], rowCount: rows.length };
    }
    return { columns: [{ name: 'word', type: 'STRING', engineType: 'VARCHAR' }], chunks: chunks() };
  };
}
