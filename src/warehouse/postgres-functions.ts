import { LRUCache } from 'lru-cache';
import { EngineError } from './engine.ts';
import { calledFunctions } from './sql-second.ts';

/** A function that a statement calls by name; `schema` where it is named too. */
export interface Call {
  schema: string | null;
  name: string;
}

/** What the server knows of a function of that name. */
export interface FunctionFact {
  schema: string;
  name: string;
  /** Whether a call without a schema may mean it. */
  isVisible: boolean;
  /** It may write, wait or answer differently each time. */
  isVolatile: boolean;
  /** Machine code, or of a language that may do anything on the server, and of no extension. */
  isUntrusted: boolean;
}

const HARMLESS = new Set(
  `random random_normal clock_timestamp timeofday gen_random_uuid uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v1mc
  uuid_generate_v4`.split(/\s+/),
);

/** Functions by name: `$1`. */
const FACTS = `SELECT DISTINCT n.nspname::text, p.proname::text, n.nspname = ANY (current_schemas(true)), p.provolatile = 'v',
    NOT l.lanpltrusted AND n.nspname <> 'pg_catalog' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  WHERE p.proname = ANY ($1::text[])`;

/** Why one of the calls must not be made, by what the server knows of the functions, or null. */
export function callRefusal(calls: readonly Call[], facts: readonly FunctionFact[]): EngineError | null {
  for (const call of calls) {
    for (const fact of facts) {
      if (fact.name !== call.name || (call.schema === null ? !fact.isVisible : fact.schema !== call.schema)) continue;
      const name = call.name.slice(0, 60);
      if (fact.isUntrusted) {
        const hint = 'Use a function in SQL or PL/pgSQL.';
        const message = `The function ${name} is not allowed: it is written in a language that is not trusted.`;
        return new EngineError('ENGINE_FAILED', message, { stage: 'QUERY', hint });
      }
      if (!fact.isVolatile || HARMLESS.has(fact.name)) continue;
      const message = `The function ${name} is not allowed: it is volatile, so it may do more than read.`;
      const hint = 'A function of yours that only reads can be declared STABLE or IMMUTABLE.';
      return new EngineError('ENGINE_FAILED', message, { stage: 'QUERY', hint });
    }
  }
  return null;
}

/** Runs a statement on the session that the query will have, and gives its rows back as arrays. */
export type Lookup = (sql: string, values: unknown[]) => Promise<unknown[][]>;

const KEEP_MS = 5 * 60_000;

/** Judges the functions of statements by the facts of the server that runs them: one look-up per statement and connection. */
export class FunctionRule {
  private readonly known = new LRUCache<string, { refusal: EngineError | null }>({
    max: 1000,
    maxSize: 8 * 1024 * 1024,
    sizeCalculation: (_, key) => key.length,
    ttl: KEEP_MS,
  });

  /** @throws EngineError ENGINE_FAILED where the statement calls a function that may do more than read */
  async check(key: string, sql: string, lookup: Lookup): Promise<void> {
    const name = `${key}\n${sql}`;
    let known = this.known.get(name);
    if (!known) {
      const calls = await calledFunctions(sql);
      if (!calls) throw new EngineError('ENGINE_FAILED', 'The statement is nested too deeply.', { stage: 'QUERY' });
      known = { refusal: calls.length > 0 ? callRefusal(calls, await factsOf(calls, lookup)) : null };
      this.known.set(name, known);
    }
    if (known.refusal) throw known.refusal;
  }
}

async function factsOf(calls: readonly Call[], lookup: Lookup): Promise<FunctionFact[]> {
  try {
    const rows = await lookup(FACTS, [[...new Set(calls.map((call) => call.name))]]);
    return rows.map(([schema, name, isVisible, isVolatile, isUntrusted]) => ({
      schema: String(schema),
      name: String(name),
      isVisible: isVisible === true,
      isVolatile: isVolatile === true,
      isUntrusted: isUntrusted === true,
    }));
  } catch (error) {
    // A server that only speaks like PostgreSQL, such as Redshift, has another catalogue: the guard's list has to do there.
    if (error instanceof Error && 'code' in error && /^(?:42|0A|XX)/.test(String(error.code))) return [];
    throw error;
  }
}
