import type { Context } from '../context.ts';
import { splitCents } from '../credits/journal.ts';
import { checkAccess, findFetchable, termsFor } from '../endpoints/access.ts';
import { DomainError } from '../errors.ts';
import type { Endpoint } from '../generated/prisma/client.ts';
import type { RunTerms } from '../usage/runs.ts';

/** What an export may hold and what that costs at most, as of now. */
export interface ExportTerms {
  maxRows: number;
  rowsPerBlock: number;
  /** Blocks that are charged where all rows come. */
  maxBlockCount: number;
  creditsPerBlock: number;
  /** Credits of all those blocks: what is reserved. */
  maxCredits: number;
}

/** The terms together with what they were made from. */
export interface AgreedTerms extends ExportTerms {
  endpoint: Endpoint;
  /** The terms of one block, as those of a page. */
  block: RunTerms;
}

/** Rows of an export of an endpoint that does not say how many it allows. */
const USUAL_MAX_ROWS = 1_000_000;
/** The most that one export may cost: what the journal's counters hold. */
const MOST_CENTS = 2_000_000_000;

/**
 * On which terms the caller's company may export an endpoint now: one charge for each started block of as many rows as
 * a page has, nothing for its own endpoints.
 * @throws DomainError FORBIDDEN, NOT_FOUND, ENDPOINT_INACTIVE, UNSUPPORTED where exports are off, VALIDATION for too
 * many rows, EULA_REQUIRED, NOT_FOR_SALE
 */
export async function exportTerms(
  ctx: Context,
  asked: { endpointId: string; maxRows: number | null; parameters: unknown },
): Promise<AgreedTerms> {
  const endpoint = await findFetchable(ctx, { id: asked.endpointId });
  await checkAccess(ctx, endpoint);
  const path = ['input', 'endpointId'];
  if (endpoint.status === 'INACTIVE')
    throw new DomainError('ENDPOINT_INACTIVE', 'This endpoint does not run.', { path });
  if (!endpoint.exportEnabled)
    throw new DomainError('UNSUPPORTED', 'This endpoint does not offer exports; fetch its pages.', { path });
  const most = endpoint.maxRecordsPerExport ?? USUAL_MAX_ROWS;
  const maxRows = asked.maxRows ?? most;
  const tooMany = (message: string): DomainError =>
    new DomainError('VALIDATION', message, { path: ['input', 'maxRows'] });
  if (maxRows > most) throw tooMany(`An export of this endpoint has at most ${most} rows.`);
  const block = await termsFor(ctx, endpoint, asked.parameters, null);
  const rowsPerBlock = endpoint.maxRecordsPerRequest;
  const maxBlockCount = Math.ceil(maxRows / rowsPerBlock);
  const { credits: creditsPerBlock, cents } = block.price ?? { credits: 0, cents: 0 };
  if (maxBlockCount * cents > MOST_CENTS) throw tooMany('So many rows cost more than one export may: ask for fewer.');
  return {
    maxRows,
    rowsPerBlock,
    maxBlockCount,
    creditsPerBlock,
    maxCredits: maxBlockCount * creditsPerBlock,
    endpoint,
    block,
  };
}

/** What is charged for the rows that an export really has, in credits and in the cents of seller and platform. */
export function chargeOf(
  terms: { rowsPerBlock: number; creditsPerBlock: number; centsPerBlock: number; sellerShare: number },
  rowCount: number,
): { blockCount: number; credits: number; cents: { seller: number; platform: number } } {
  const blockCount = Math.ceil(rowCount / terms.rowsPerBlock);
  const { seller, platform } = splitCents(terms.centsPerBlock, terms.sellerShare);
  // Block by block, as if the pages had been fetched one after the other.
  return {
    blockCount,
    credits: blockCount * terms.creditsPerBlock,
    cents: { seller: seller * blockCount, platform: platform * blockCount },
  };
}
