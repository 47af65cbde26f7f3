import type { Cell, Column, ParameterValue, Spill } from './engine.ts';
import type { SampleBounds, Sampling } from './sample.ts';

/** A table made of files: their names from the folder that is opened, and how a CSV file is written. */
export interface FileTable {
  name: string;
  format: 'CSV' | 'PARQUET';
  files: string[];
  header?: boolean | undefined;
  delimiter?: string | undefined;
  quote?: string | undefined;
  nullText?: string | undefined;
}

/** What the parent says to a child that has a database file open; one request at a time, except `stop`. */
export type Request =
  | { type: 'open'; id: number; path: string; tables: FileTable[] | null; spill?: Spill | undefined }
  | {
      type: 'run';
      id: number;
      sql: string;
      values: ParameterValue[];
      maxRows: number;
      maxBytes: number;
      /** True where the plan of the statement is wanted in place of its rows. */
      isExplained?: boolean;
      sample?: SampleBounds | undefined;
    }
  | { type: 'next'; id: number }
  | { type: 'stop'; id: number };

/** Why a child could not do it: its memory, the size of the result, or the statement itself. */
export type FailureKind = 'memory' | 'size' | 'query';

/**
 * What such a child answers. `columns` comes with the first rows of a run; `done` with its last ones; `worn` says
 * that the process keeps so much memory that a new one is better.
 */
export type Reply =
  | { type: 'opened'; id: number }
  | {
      type: 'rows';
      id: number;
      columns: Column[] | null;
      values: Cell[][];
      rowCount: number;
      done: boolean;
      worn: boolean;
      /** With the first rows, where a sample was wanted. */
      sampling?: Sampling | undefined;
    }
  | { type: 'stopped'; id: number; worn: boolean }
  | { type: 'failed'; id: number; kind: FailureKind; message: string };
