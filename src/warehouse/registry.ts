import { createDuckdb, createDuckdbFiles } from './duckdb.ts';
import { EngineError } from './engine.ts';
import type { Engine } from './engine.ts';
import { createExternalApi } from './external-api-engine.ts';
import type { NetworkPolicy } from './guarded-socket.ts';
import { createAthena } from './http/athena.ts';
import { createBigquery } from './http/bigquery.ts';
import { createClickhouse } from './http/clickhouse.ts';
import { createDatabricks } from './http/databricks.ts';
import { createSnowflake } from './http/snowflake.ts';
import { createTrino } from './http/trino.ts';
import { createLlm } from './llm.ts';
import { createMysql } from './mysql.ts';
import { createPostgres } from './postgres.ts';
import { createResilience, type Health } from './resilience.ts';
import { createSqlite } from './sqlite.ts';
import { createSqlserver } from './sqlserver.ts';

/** The engines of this installation by the name of their driver. */
export interface Engines {
  /** @throws EngineError DRIVER_MISSING for a name that is none. */
  get(driver: string): Engine;
  has(driver: string): boolean;
  /** How the engine behind a connection does, by the key of its target. */
  health(key: string): Health;
  /** Ends every connection and child process. */
  close(): Promise<void>;
}

/**
 * Makes every engine; nothing is opened before the first query. `duckdbRoots` are the directories that database files
 * may lie in, of SQLite too, and folders of Parquet and CSV files; DuckDB waits for `duckdbReady` before it opens one.
 */
export function createEngines(options: {
  duckdbRoots: string[];
  duckdbReady?: () => Promise<void>;
  network: NetworkPolicy;
}): Engines {
  const { duckdbRoots: roots, duckdbReady: ready, network } = options;
  const all = [
    createDuckdb({ roots, ready }),
    createDuckdbFiles({ roots, ready }),
    createSqlite({ roots }),
    createPostgres({ network }),
    createMysql({ network }),
    createSqlserver({ network }),
    createBigquery({ network }),
    createSnowflake({ network }),
    createClickhouse({ network }),
    createDatabricks({ network }),
    createTrino({ network }),
    createAthena({ network }),
    createExternalApi({ network }),
    createLlm({ network }),
  ];
  const resilience = createResilience();
  const engines = new Map<string, Engine>(all.map((engine) => [engine.name, resilience.guard(engine)]));
  return {
    get: (driver) => {
      const engine = engines.get(driver);
      if (!engine)
        throw new EngineError('DRIVER_MISSING', `There is no driver ${JSON.stringify(driver.slice(0, 60))}.`);
      return engine;
    },
    has: (driver) => engines.has(driver),
    health: (key) => resilience.health(key),
    close: async () => {
      await Promise.all([...engines.values()].map((engine) => engine.close()));
    },
  };
}
