/** How much of a statement's largest table is read where only a sample is wanted. */
export interface SampleBounds {
  /** Of its rows, about. */
  percent: number;
  /** A table with fewer rows is read whole. */
  minRows: number;
}

/** What became of the wish for a sample: the table that was read in part, or why all was read whole. */
export type Sampling = { table: string; fraction: number } | { whole: string };

/** A table that may be sampled: its name and the engine's estimate of its rows. */
export interface Candidate {
  name: string;
  rows: number;
}

/** The same in every run, so that a test that is repeated reads the same rows. */
export const SEED = 20_071;
/** From so many rows on, blocks are drawn and the rest is not even read; fewer rows lie in too few blocks for that. */
const BLOCKS_FROM_ROWS = 1_000_000;

export const NO_SESSION_SAMPLE = 'its engine has no sampling for a session';
export const NO_BARE_NAME = 'the statement names no table without its schema';
export const NOT_EXPLAINED = 'the engine could not say what the statement reads';
export const NO_RESULT = 'on a sample the statement came to no result';

/** Said where no table is large enough. */
export function tooSmall({ minRows }: SampleBounds): string {
  return `no table that the statement names without its schema has ${minRows.toLocaleString('en-US')} rows or more`;
}

/** Said where the sample would not have been read, or something else than the table in its place. */
export function notShadowed(table: string): string {
  return `a sample of ${table} would not stand for the table in this statement`;
}

/** Those that are large enough, the largest first. */
export function largest<C extends Candidate>(candidates: readonly C[], { minRows }: SampleBounds): C[] {
  return candidates.filter(({ rows }) => rows >= minRows).sort((a, b) => b.rows - a.rows);
}

/** Whether whole blocks are drawn. */
export function drawsBlocks({ rows }: Candidate): boolean {
  return rows >= BLOCKS_FROM_ROWS;
}

/** The clause of the SQL standard after a table's name; `amount` is how an engine writes the percentage. */
export function tableSample(table: Candidate, amount: string): string {
  return `TABLESAMPLE ${drawsBlocks(table) ? 'SYSTEM' : 'BERNOULLI'} (${amount}) REPEATABLE (${SEED})`;
}

/** Whether a result is of a sample. */
export function isSampled(sampling: Sampling | undefined): sampling is { table: string; fraction: number } {
  return sampling !== undefined && 'table' in sampling;
}
