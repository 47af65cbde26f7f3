import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import { plainJson } from '../text/plain-text.ts';
import type { Connection, Prisma } from '../generated/prisma/client.ts';
import { EngineError } from '../warehouse/engine.ts';
import type { Cell, Column, Dialect, StageResult, TableInfo } from '../warehouse/engine.ts';
import { collect } from '../warehouse/query.ts';
import { ownerFailure } from './failure.ts';
import { openConnection } from './open.ts';
import { quoteName, quoteTable } from './quote.ts';

/** Tables that a stored catalogue holds at most. */
const STORED_TABLES = 2000;
const TEST_MS = 60_000;
/** Rows of a table that a sample is picked from at most: a large table is not read to its end for a few of its rows. */
const SAMPLED_FROM = 100_000;
/** How engines say that they read only blocks of a table that they pick at random, so many per cent of it. */
const BLOCKS: Partial<Record<Dialect, (percent: string) => string>> = {
  duckdb: (percent) => `TABLESAMPLE SYSTEM (${percent} PERCENT)`,
  postgres: (percent) => `TABLESAMPLE SYSTEM (${percent})`,
  sqlserver: (percent) => `TABLESAMPLE SYSTEM (${percent} PERCENT)`,
  snowflake: (percent) => `TABLESAMPLE SYSTEM (${percent})`,
  bigquery: (percent) => `TABLESAMPLE SYSTEM (${percent} PERCENT)`,
};

/** How a test of a connection went. */
export interface ConnectionTest {
  isOk: boolean;
  stages: StageResult[];
  testedAt: Date;
}

/** Rows of a table, column by column. */
export interface Sample {
  columns: Column[];
  values: Cell[][];
  rowCount: number;
}

const signalOf = (ctx: Context, ms: number): AbortSignal => AbortSignal.any([ctx.signal, AbortSignal.timeout(ms)]);

async function stagesOf(ctx: Context, id: string, companyId: string): Promise<StageResult[]> {
  try {
    const { engine, target } = await openConnection(ctx, id, companyId);
    return await engine.test(target, signalOf(ctx, TEST_MS));
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'CONNECTION_FAILED') throw error;
    return [{ stage: 'SETTINGS', ok: false, elapsedMs: 0, message: error.message, hint: null }];
  }
}

/**
 * Tries a connection of the caller's company stage by stage and keeps how it went. A connection that does not work is
 * an answer, not an error.
 * @throws DomainError NOT_FOUND
 */
export async function testConnection(
  ctx: Context,
  id: string,
): Promise<{ connection: Connection; test: ConnectionTest }> {
  const { companyId } = viewerOf(ctx);
  const exists = await ctx.db.connection.count({ where: { id, companyId, active: true } });
  if (exists === 0) throw notFound('connection', ['input', 'id']);
  const stages = await stagesOf(ctx, id, companyId);
  const isOk = stages.length > 0 && stages.every((stage) => stage.ok);
  const testedAt = new Date();
  await ctx.db.connection.updateMany({ where: { id, companyId }, data: { lastTestedAt: testedAt, lastTestOk: isOk } });
  ctx.cache.clear();
  return { connection: await ctx.db.connection.findUniqueOrThrow({ where: { id } }), test: { isOk, stages, testedAt } };
}

/**
 * Reads tables and columns of a connection from its engine now, ordered by schema and name.
 * @throws DomainError CONNECTION_FAILED
 */
export async function liveTables(
  ctx: Context,
  connection: { id: string; companyId: string },
  filter: { schemas?: string[]; tables?: string[]; limit: number },
): Promise<TableInfo[]> {
  const { engine, target, timeoutMs } = await openConnection(ctx, connection.id, connection.companyId);
  try {
    return await engine.tables(target, filter, signalOf(ctx, timeoutMs));
  } catch (error) {
    throw ownerFailure(error);
  }
}

/**
 * Reads the catalogue of a connection of the caller's company and stores it: at most 2000 tables.
 * @throws DomainError NOT_FOUND, CONNECTION_FAILED
 */
export async function refreshSchema(ctx: Context, id: string): Promise<Connection> {
  const { companyId } = viewerOf(ctx);
  const row = await ctx.db.connection.findFirst({
    where: { id, companyId, active: true },
    select: { credentialsVersion: true },
  });
  if (!row) throw notFound('connection', ['input', 'id']);
  const tables = await liveTables(ctx, { id, companyId }, { limit: STORED_TABLES + 1 });
  const informationSchema = plainJson({
    tables: tables.slice(0, STORED_TABLES),
    isTruncated: tables.length > STORED_TABLES,
  }) as unknown as Prisma.InputJsonObject;
  // A catalogue of a database that the connection has left meanwhile is not kept.
  await ctx.db.connection.updateMany({
    where: { id, companyId, active: true, credentialsVersion: row.credentialsVersion },
    data: { informationSchema, schemaReadAt: new Date() },
  });
  ctx.cache.clear();
  return ctx.db.connection.findUniqueOrThrow({ where: { id } });
}

/** A number that is another one for each row. */
function randomOf(dialect: Dialect): string {
  if (dialect === 'sqlserver') return 'newid()';
  return ['mysql', 'bigquery', 'databricks', 'clickhouse'].includes(dialect) ? 'rand()' : 'random()';
}

/** The words that spread a sample over all of a large table; null where its first rows have to do. */
function blocksOf({ kind, rowEstimate }: TableInfo, dialect: Dialect): string | null {
  const words = BLOCKS[dialect];
  if (!words || kind === 'VIEW') return null;
  // BigQuery does not tell how many rows there are; it reads all of a small table, and bills all of a large one for its first rows.
  if (rowEstimate === null) return dialect === 'bigquery' ? words('10') : null;
  return rowEstimate > 2 * SAMPLED_FROM ? words(((100 * SAMPLED_FROM) / rowEstimate).toFixed(6)) : null;
}

function sampleSql(table: TableInfo, dialect: Dialect, limit: number, blocks: string | null): string {
  try {
    const columns = table.columns.map(({ name }) => quoteName(name, dialect)).join(', ');
    const first = (rows: number, rest: string): string =>
      dialect === 'sqlserver' ? `SELECT TOP (${rows}) ${columns} ${rest}` : `SELECT ${columns} ${rest} LIMIT ${rows}`;
    const whole = quoteTable(table.schema, table.name, dialect);
    const from = first(SAMPLED_FROM, `FROM ${whole}${blocks === null ? '' : ` ${blocks}`}`);
    return first(limit, `FROM (${from}) picked ORDER BY ${randomOf(dialect)}`);
  } catch (error) {
    if (error instanceof RangeError) throw notFound('table', ['table']);
    throw error;
  }
}

/**
 * Rows of a table that the engine lists, picked at random: of blocks from all over a large table where the engine picks
 * them, else of its first 100,000 rows.
 * @throws DomainError NOT_FOUND for another table, CONNECTION_FAILED
 */
export async function sampleData(
  ctx: Context,
  connection: { id: string; companyId: string },
  asked: { schema: string; table: string; limit: number },
): Promise<Sample> {
  const [found] = await liveTables(ctx, connection, { schemas: [asked.schema], tables: [asked.table], limit: 1 });
  if (!found || found.columns.length === 0) throw notFound('table', ['table']);
  const { engine, target, timeoutMs } = await openConnection(ctx, connection.id, connection.companyId);
  const limits = { timeoutMs, maxRows: asked.limit, maxBytes: ctx.app.config.RUN_MAX_BYTES };
  const read = async (blocks: string | null): Promise<Sample> => {
    const sql = sampleSql(found, engine.dialect, asked.limit, blocks);
    const result = await collect(engine, target, { sql, values: [] }, limits, { onExcess: 'truncate' }, ctx.signal);
    return { columns: result.columns, values: result.values, rowCount: result.rowCount };
  };
  const blocks = blocksOf(found, engine.dialect);
  try {
    if (blocks !== null) {
      const spread = await read(blocks).catch((error: unknown) => {
        // Tables of other servers, and others, are not read in part.
        if (error instanceof EngineError && error.code === 'ENGINE_FAILED') return null;
        throw error;
      });
      // An estimate may be of a time when there were more rows.
      if (spread && spread.rowCount >= Math.min(asked.limit, found.rowEstimate ?? 1)) return spread;
    }
    return await read(null);
  } catch (error) {
    throw ownerFailure(error);
  }
}
