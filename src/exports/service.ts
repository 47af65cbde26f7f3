import { viewerOf, type Context } from '../context.ts';
import type { RunQuery } from '../database/db.ts';
import { deprecationOf } from '../endpoints/access.ts';
import { endpointColumns } from '../endpoints/columns.ts';
import { conditionsOf } from '../endpoints/values.ts';
import { DomainError, notFound } from '../errors.ts';
import type { ExportFormat } from '../generated/prisma/client.ts';
import { newId } from '../ids.ts';
import { failRun, startRun, type RunRow } from '../usage/runs.ts';
import { fileTypes } from './storage.ts';
import { exportTerms, type AgreedTerms } from './terms.ts';
import type { ExportRow } from './work.ts';
import { EXPORTS } from './worker.ts';

export interface ExportInput {
  endpointId: string;
  format: ExportFormat;
  parameters: Record<string, unknown>;
  maxRows: number | null;
  maxCredits: number | null;
  isSpreadsheetSafe: boolean;
}

async function insertExport(
  query: RunQuery,
  ctx: Context,
  runId: string,
  input: ExportInput,
  terms: AgreedTerms,
): Promise<ExportRow> {
  const { slug, id: endpointId } = terms.endpoint;
  const day = ctx.now.toISOString().slice(0, 10).replaceAll('-', '');
  const [row] = await query<ExportRow>(
    `insert into "Export" (id, "companyId", "endpointId", "runId", format, parameters, "isSpreadsheetSafe", "fileName", "maxRows",
       "rowsPerBlock", "creditsPerBlock", "centsPerBlock", "sellerShare", "creditsReserved", "createdAt", "expiresAt")
     values ($1, $2, $3, $4, $5::"ExportFormat", $6::jsonb, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15::timestamptz + interval '24 hours') returning *`,
    [
      newId(),
      viewerOf(ctx).companyId,
      endpointId,
      runId,
      input.format,
      JSON.stringify(input.parameters),
      input.isSpreadsheetSafe,
      `${slug}-${day}.${fileTypes[input.format].ending}`,
      terms.maxRows,
      terms.rowsPerBlock,
      terms.creditsPerBlock,
      terms.block.price?.cents ?? 0,
      terms.block.price?.sellerShare ?? 0,
      terms.maxCredits,
      ctx.now,
    ],
  );
  return row as ExportRow;
}

/**
 * Orders an export: reserves the credits of all its blocks, stores it as QUEUED and hands it to the workers, all at
 * once. The blocks that it really has are charged when it is done, the rest is given back; a failure costs nothing.
 * @throws DomainError those of exportTerms and startRun; VALIDATION for parameters; PRICE_TOO_HIGH
 */
export async function startExport(ctx: Context, input: ExportInput): Promise<ExportRow> {
  const terms = await exportTerms(ctx, input);
  conditionsOf(endpointColumns(terms.endpoint.endpointSchema), input.parameters);
  const { block, maxCredits: credits } = terms;
  if (input.maxCredits !== null && credits > input.maxCredits)
    throw new DomainError(
      'PRICE_TOO_HIGH',
      `The export costs up to ${credits} credit${credits === 1 ? '' : 's'}, more than the ${input.maxCredits} of maxCredits: ask for fewer rows.`,
      { path: ['input', 'maxCredits'] },
    );
  const send = await ctx.app.jobs.sender(EXPORTS);
  const price = block.price && { ...block.price, credits, cents: block.price.cents * terms.maxBlockCount };
  let made: ExportRow | undefined;
  await startRun(ctx, { ...block, kind: 'EXPORT', price }, async (query, run) => {
    made = await insertExport(query, ctx, run.id, input, terms);
    await send(query, { exportId: made.id });
    await ctx.intent?.keep(query, { export: made });
  });
  if (ctx.intent) ctx.intent.isKept = true;
  deprecationOf(ctx, terms.endpoint);
  return made as ExportRow;
}

/**
 * Cancels an export that is not done; whoever works on it hears within a second. Nothing is charged. One that was
 * cancelled before stays as it is.
 * @throws DomainError NOT_FOUND, CONFLICT where it is done or has failed
 */
export async function cancelExport(ctx: Context, id: string): Promise<ExportRow> {
  const { companyId } = viewerOf(ctx);
  const { query } = ctx.app.database;
  const path = ['input', 'id'];
  const find = async (send = query): Promise<ExportRow | undefined> =>
    (await send<ExportRow>('select * from "Export" where id = $1 and "companyId" = $2', [id, companyId]))[0];
  const row = await find();
  if (!row) throw notFound('export', path);
  if (row.status === 'CANCELLED') return row;
  const [run] = await query<RunRow>('select * from "Run" where id = $1 and "companyId" = $2', [row.runId, companyId]);
  if (!run) throw notFound('export', path);
  let cancelled: ExportRow | undefined;
  await failRun(ctx, run, 'CANCELLED', 'CANCELLED', 'The export was cancelled.', async (within) => {
    [cancelled] = await within<ExportRow>(
      `update "Export" set status = 'CANCELLED', "finishedAt" = now(), version = version + 1
       where id = $1 and "companyId" = $2 and status in ('QUEUED', 'RUNNING') returning *`,
      [id, companyId],
    );
    if (cancelled) return;
    const now = await find(within);
    if (now?.status !== 'CANCELLED')
      throw new DomainError('CONFLICT', 'The export is over: it cannot be cancelled any more.', { path });
  });
  return cancelled ?? ((await find()) as ExportRow);
}
