import { liveTables } from '../connections/inspect.ts';
import { ownerFailure } from '../connections/failure.ts';
import { openConnection } from '../connections/open.ts';
import { pageBounds, quoteName, quoteTable } from '../connections/quote.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import { events } from '../events.ts';
import { plainJson } from '../text/plain-text.ts';
import type { Asset, Prisma } from '../generated/prisma/client.ts';
import type { Cell, Dialect, TableInfo } from '../warehouse/engine.ts';
import { collect } from '../warehouse/query.ts';
import { demandOwnAsset } from './access.ts';

/** Distinct values that a scan gives at most. */
export const MAX_SCAN = 5000;

type Source = Pick<Asset, 'companyId' | 'connectionId' | 'sourceSchemaName' | 'sourceTableName'>;

/**
 * The table behind an asset as its engine describes it now; null where the asset names none or the engine has none.
 * @throws DomainError CONNECTION_FAILED
 */
export async function sourceTable(ctx: Context, asset: Source): Promise<TableInfo | null> {
  if (!asset.connectionId || !asset.sourceTableName) return null;
  const filter = {
    tables: [asset.sourceTableName],
    limit: 1,
    ...(asset.sourceSchemaName ? { schemas: [asset.sourceSchemaName] } : {}),
  };
  const [table] = await liveTables(ctx, { id: asset.connectionId, companyId: asset.companyId }, filter);
  return table ?? null;
}

/**
 * Reads the schema of the table behind an own asset and stores it with the asset.
 * @throws DomainError NOT_FOUND for the asset or its table, CONNECTION_FAILED
 */
export async function refreshAssetSchema(ctx: Context, id: string): Promise<Asset> {
  const { companyId } = viewerOf(ctx);
  const before = await demandOwnAsset(ctx, id);
  const table = await sourceTable(ctx, before);
  if (!table)
    throw new DomainError('NOT_FOUND', 'The asset names no table, or its connection has none of that name.', {
      path: ['input', 'id'],
    });
  const assetSchema = plainJson(table) as unknown as Prisma.InputJsonObject;
  const isChanged =
    JSON.stringify((before.assetSchema as unknown as TableInfo | null)?.columns) !==
    JSON.stringify(plainJson(table.columns));
  await ctx.db.asset.updateMany({
    where: { id, companyId, active: true },
    data: { assetSchema, ...(isChanged ? { version: { increment: 1 }, updatedAt: ctx.now } : {}) },
  });
  ctx.cache.clear();
  const after = await ctx.db.asset.findUniqueOrThrow({ where: { id } });
  if (isChanged && before.assetSchema) {
    await events.emit(ctx, {
      kind: 'ASSET_UPDATED',
      assetId: id,
      message: `The table behind ${after.name} has other columns.`,
      details: { columns: table.columns.map(({ name }) => name) },
    });
  }
  return after;
}

function scanSql({ schema, name: table }: TableInfo, column: string, dialect: Dialect, limit: number): string {
  try {
    const name = quoteName(column, dialect);
    // Sorted by its name: to ClickHouse, a number may be nothing but one.
    return `SELECT DISTINCT ${name} FROM ${quoteTable(schema, table, dialect)} WHERE ${name} IS NOT NULL ORDER BY ${name} ${pageBounds(limit, 0, dialect)}`;
  } catch (error) {
    if (error instanceof RangeError) throw notFound('column', ['column']);
    throw error;
  }
}

/**
 * Distinct values of a column of the table behind an asset, sorted, without null, at most `limit`.
 * @throws DomainError NOT_FOUND for a column or table that the engine does not list, BAD_REQUEST, CONNECTION_FAILED
 */
export async function scanColumn(ctx: Context, asset: Source, column: string, limit: number): Promise<Cell[]> {
  if (limit < 1 || limit > MAX_SCAN)
    throw new DomainError('BAD_REQUEST', `A scan gives 1 to ${MAX_SCAN} values.`, { path: ['limit'] });
  const table = await sourceTable(ctx, asset);
  if (!table || !asset.connectionId || !table.columns.some(({ name }) => name === column))
    throw notFound('column', ['column']);
  const { engine, target, timeoutMs } = await openConnection(ctx, asset.connectionId, asset.companyId);
  const sql = scanSql(table, column, engine.dialect, limit);
  try {
    const limits = { timeoutMs, maxRows: limit, maxBytes: ctx.app.config.RUN_MAX_BYTES };
    const result = await collect(engine, target, { sql, values: [] }, limits, { onExcess: 'truncate' }, ctx.signal);
    // What is no number, and infinity, come as null.
    return (result.values[0] ?? []).filter((cell) => cell !== null);
  } catch (error) {
    throw ownerFailure(error);
  }
}
