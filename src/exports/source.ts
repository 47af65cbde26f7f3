import { openConnection } from '../connections/open.ts';
import type { Context } from '../context.ts';
import { endpointColumns } from '../endpoints/columns.ts';
import { conditionsOf } from '../endpoints/values.ts';
import { DomainError, DomainErrors } from '../errors.ts';
import type { Export } from '../generated/prisma/client.ts';
import { EngineError, type Running } from '../warehouse/engine.ts';

/** One export may keep an engine at work for so long: it reads all, not a page. */
const SOURCE_MS = 30 * 60_000;
/** Rough size of all cells of an export; as much may lie on the disk while they are sorted. */
const SOURCE_BYTES = 8 * 1024 ** 3;

/** What an export reads and whose it is. */
export interface Source {
  running: Running;
  sellerCompanyId: string;
}

/**
 * Starts the query of an export on the seller's engine; an engine of our own sorts what does not fit in memory in `spill`. The
 * endpoint is the one that the buyer could fetch from when they asked; it must still be there and run.
 * @throws DomainError ENDPOINT_INACTIVE, CONNECTION_FAILED, SQL_REJECTED, VALIDATION; EngineError
 */
export async function openSource(
  ctx: Context,
  asked: Pick<Export, 'endpointId' | 'parameters' | 'maxRows'>,
  signal: AbortSignal,
  spill: string,
): Promise<Source> {
  const endpoint = await ctx.db.endpoint.findFirst({ where: { id: asked.endpointId, active: true } });
  if (!endpoint || endpoint.status === 'INACTIVE')
    throw new DomainError('ENDPOINT_INACTIVE', 'This endpoint does not run any more.');
  const { engine, target } = await openConnection(ctx, endpoint.connectionId, endpoint.companyId);
  const columns = endpointColumns(endpoint.endpointSchema);
  const conditions = conditionsOf(columns, (asked.parameters ?? {}) as Record<string, unknown>);
  const { sourceSchemaName: schemaName, sourceTableName, companyId: sellerCompanyId } = endpoint;
  const page = { schemaName, tableName: sourceTableName ?? '', columns, conditions, limit: asked.maxRows, offset: 0 };
  let statement;
  try {
    const { compilePage } = await import('../endpoints/compile.ts');
    statement = compilePage(page, engine.dialect);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new DomainError('SQL_REJECTED', `The definition of this endpoint does not work: ${error.message}`, {
      cause: error,
    });
  }
  const limits = {
    timeoutMs: SOURCE_MS,
    maxRows: asked.maxRows,
    maxBytes: SOURCE_BYTES,
    spill: { directory: spill, maxBytes: SOURCE_BYTES },
  };
  return { running: await engine.run(target, statement, limits, signal), sellerCompanyId };
}

/** How an export failed, and whether trying again may help. */
export interface Failure {
  code: string;
  message: string;
  isPassing: boolean;
}

/** Codes that say nothing of the seller's database. */
const HARMLESS = new Set([
  'QUERY_TIMEOUT',
  'RESULT_TOO_LARGE',
  'ENGINE_BUSY',
  'ENGINE_UNAVAILABLE',
  'ENDPOINT_INACTIVE',
  'VALIDATION',
]);

/** An error as the buyer may read it: the table is the seller's business, so others hear that it failed, not how. */
export function failureOf(error: unknown, isOwn: boolean): Failure {
  const known = error instanceof DomainErrors ? error.errors[0] : error;
  if (!(known instanceof EngineError) && !(known instanceof DomainError))
    return { code: 'INTERNAL', message: 'Something went wrong on our side. Nothing was charged.', isPassing: true };
  const isEngine = known instanceof EngineError;
  const said = [known.message, isEngine ? known.hint : null].filter(Boolean).join(' ');
  const isShown = isOwn || HARMLESS.has(known.code);
  return {
    code: known.code,
    message: isShown ? said : 'The endpoint could not answer. Nothing was charged.',
    isPassing: isEngine && ['CONNECTION_FAILED', 'ENGINE_BUSY', 'ENGINE_UNAVAILABLE', 'CANCELLED'].includes(known.code),
  };
}
