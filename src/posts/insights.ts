import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound, throwAll } from '../errors.ts';

/** A result that an article uses, as it was when the article was stored. */
export interface Insight {
  runId: string;
  assetId: string;
  assetName: string;
  value: string | null;
  runtimeMs: number | null;
  isSuccess: boolean;
}

/** The insights of an article and what they cost. */
export interface Insights {
  list: Insight[];
  successCount: number;
  failureCount: number;
  /** What the company was charged for the runs. */
  credits: number;
}

const WORDS_PER_CREDIT = 500;

interface RunRow {
  id: string;
  assetId: string | null;
  assetName: string | null;
  value: string | null;
  elapsedMs: number | null;
  status: string;
  credits: number;
  isBilled: boolean;
}

/**
 * The results that an article uses, from runs of the caller's company, in the order given; a run counts once.
 * @throws DomainError NOT_FOUND or VALIDATION with the place of each run that cannot be used
 */
export async function insightsOf(ctx: Context, runIds: string[]): Promise<Insights> {
  const ids = [...new Set(runIds)];
  const rows = await ctx.query<RunRow>(
    `select r.id, r."assetId", a.name as "assetName", r.value, r."elapsedMs", r.status::text, r.credits, r."isBilled"
     from "Run" r left join "Asset" a on a.id = r."assetId" where r.id = any($1::uuid[]) and r."companyId" = $2::uuid`,
    [ids, viewerOf(ctx).companyId],
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  throwAll(
    ids.flatMap((id) => {
      const run = byId.get(id);
      const path = ['input', 'runIds', String(runIds.indexOf(id))];
      if (!run) return [notFound('run', path)];
      if (!run.assetId)
        return [
          new DomainError('VALIDATION', 'This run is a page of an endpoint: an insight is the result of an asset.', {
            path,
          }),
        ];
      return run.status === 'RUNNING' ? [new DomainError('VALIDATION', 'This run has not ended.', { path })] : [];
    }),
  );
  const used = ids.map((id) => byId.get(id) as RunRow);
  const list = used.map((run): Insight => ({
    runId: run.id,
    assetId: run.assetId ?? '',
    assetName: run.assetName ?? '',
    value: run.value,
    runtimeMs: run.elapsedMs,
    isSuccess: run.status === 'SUCCEEDED',
  }));
  const successCount = list.filter((insight) => insight.isSuccess).length;
  const credits = used.reduce((sum, run) => sum + (run.isBilled ? run.credits : 0), 0);
  return { list, successCount, failureCount: list.length - successCount, credits };
}

/** The words of an article: runs of letters and digits, with what joins them, outside of tags. */
export function wordCount(html: string): number {
  const text = html.replace(/<[^>]*>/g, ' ').replace(/&[a-z]+;|&#\d+;/gi, "'");
  return text.match(/[\p{L}\p{N}]+(?:['’.,-][\p{L}\p{N}]+)*/gu)?.length ?? 0;
}

/** Credits for generating a text: one for each started 500 words. */
export function serviceCreditsOf(html: string): number {
  return Math.ceil(wordCount(html) / WORDS_PER_CREDIT);
}
