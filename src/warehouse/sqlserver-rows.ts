import type { Request } from 'tedious';
import { EngineError } from './engine.ts';
import type { SqlserverField } from './sqlserver-types.ts';

const ROWS_AT_ONCE = 1000;

/** Rows of a request in portions: no more is read from the server than is asked for. */
export class SqlserverRows {
  private fields: SqlserverField[] | null = null;
  private rows: unknown[][] = [];
  private want: number;
  private request: Request | null = null;
  private ended = false;
  private failure: unknown = null;
  private wake: (() => void) | null = null;
  /** Rows that are left of the row limit. */
  private left: number;

  constructor(maxRows: number) {
    this.left = maxRows + 1;
    this.want = Math.min(ROWS_AT_ONCE, this.left);
  }

  /** Whether the server has nothing more to say. */
  get isOver(): boolean {
    return this.ended;
  }

  listen(request: Request): void {
    this.request = request;
    request.on('columnMetadata', (columns) => {
      if (this.fields) {
        this.failure ??= new EngineError('ENGINE_FAILED', 'The statement gives more than one result.', {
          stage: 'QUERY',
        });
        request.cancel();
      } else this.fields = (Array.isArray(columns) ? columns : Object.values(columns)) as SqlserverField[];
      this.wake?.();
    });
    request.on('row', (cells: { value: unknown }[]) => {
      this.rows.push(cells.map((cell) => cell.value));
      if (this.rows.length < this.want) return;
      request.pause();
      this.wake?.();
    });
  }

  /** The request came to its end. */
  end(error: unknown): void {
    this.ended = true;
    this.failure ??= error;
    this.wake?.();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  /** The columns of the result. */
  async columns(): Promise<SqlserverField[]> {
    while (!this.fields && !this.ended) await this.change();
    if (this.fields) return this.fields;
    throw this.failure ?? new EngineError('ENGINE_FAILED', 'Only queries are allowed.', { stage: 'QUERY' });
  }

  /** The next rows, and whether they are the last that are wanted. */
  async take(): Promise<{ rows: unknown[][]; isLast: boolean }> {
    this.want = Math.min(ROWS_AT_ONCE, this.left);
    while (this.rows.length < this.want && !this.ended) {
      this.request?.resume();
      await this.change();
    }
    if (this.ended && this.failure) throw this.failure;
    const rows = this.rows.splice(0, this.want);
    this.left -= rows.length;
    return { rows, isLast: this.left <= 0 || (this.ended && this.rows.length === 0) };
  }
}
