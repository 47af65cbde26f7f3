import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { exportTerms, type ExportTerms } from './terms.ts';

/**
 * What an export would cost at most now.
 * @throws DomainError those of exportTerms, their paths those of the query's arguments; VALIDATION for no rows
 */
export async function quoteExport(
  ctx: Context,
  asked: { endpointId: string; maxRows: number | null },
): Promise<ExportTerms> {
  if (asked.maxRows !== null && asked.maxRows < 1)
    throw new DomainError('VALIDATION', 'Takes 1 or more.', { path: ['maxRows'] });
  try {
    return await exportTerms(ctx, { ...asked, parameters: null });
  } catch (error) {
    if (!(error instanceof DomainError) || error.argumentPath?.[0] !== 'input') throw error;
    const { code, message, argumentPath, details } = error;
    throw new DomainError(code, message, { path: argumentPath.slice(1), details, cause: error });
  }
}
