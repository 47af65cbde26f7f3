import type { Cell, Column } from '../warehouse/engine.ts';

/**
 * Rows on their way to Parquet: lines of JSON with every cell as text, and for each column the type that holds all its
 * cells exactly. A column with a cell that does not fit its type stays text.
 */

const INTEGER = /^-?\d{1,38}$/;
const DECIMAL = /^-?(\d+)(?:\.(\d+))?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^([01]\d|2[0-3]):\d{2}:\d{2}(\.\d{1,6})?$/;
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z?)$/;
const MAX_DIGITS = 38;
const INT64 = 2n ** 63n;

/** Learns from the cells of a column; `false` says that a cell does not fit. */
interface Fit {
  see(text: string, cell: Cell): boolean;
  /** DuckDB's type in the end, and the expression that makes it of a text. */
  result(text: string): string;
}

function integers(): Fit {
  let isWide = false;
  return {
    see(text, cell) {
      if (typeof cell === 'number') return Number.isInteger(cell);
      if (!INTEGER.test(text)) return false;
      const value = BigInt(text);
      isWide ||= value >= INT64 || value < -INT64;
      return true;
    },
    result: (text) => `${text}::${isWide ? 'DECIMAL(38, 0)' : 'BIGINT'}`,
  };
}

function decimals(engineType: string): Fit {
  const [, precision, declared] = /\((\d+)\s*,\s*(\d+)\)/.exec(engineType) ?? [];
  let scale = declared === undefined ? 0 : Number(declared);
  let whole = precision === undefined ? 1 : Math.max(1, Number(precision) - scale);
  return {
    see(text) {
      const [all, digits, places] = DECIMAL.exec(text) ?? [];
      if (all === undefined) return false;
      whole = Math.max(whole, digits?.replace(/^0+/, '').length ?? 0);
      scale = Math.max(scale, places?.length ?? 0);
      return whole + scale <= MAX_DIGITS;
    },
    result: (text) => (whole + scale <= MAX_DIGITS ? `${text}::DECIMAL(${whole + scale}, ${scale})` : text),
  };
}

function timestamps(): Fit {
  let zone: string | undefined;
  return {
    see(text) {
      const match = TIMESTAMP.exec(text);
      if (!match) return false;
      zone ??= match[2] ?? '';
      return zone === match[2];
    },
    result: (text) => `${text}::${zone === 'Z' ? 'TIMESTAMPTZ' : 'TIMESTAMP'}`,
  };
}

const matching = (pattern: RegExp, type: string): Fit => ({
  see: (text) => pattern.test(text),
  result: (text) => `${text}::${type}`,
});

function fitOf({ type, engineType }: Column): Fit | null {
  switch (type) {
    case 'BOOLEAN':
      return { see: (_, cell) => typeof cell === 'boolean', result: (text) => `${text}::BOOLEAN` };
    case 'INTEGER':
    case 'BIGINT':
      return integers();
    case 'DECIMAL':
      return decimals(engineType);
    case 'FLOAT':
      return { see: (_, cell) => typeof cell === 'number', result: (text) => `${text}::DOUBLE` };
    case 'DATE':
      return matching(DATE, 'DATE');
    case 'TIME':
      return matching(TIME, 'TIME');
    case 'TIMESTAMP':
      return timestamps();
    case 'BINARY':
      return { see: (_, cell) => typeof cell === 'string', result: (text) => `from_base64(${text})` };
    case 'JSON':
      return { see: () => true, result: (text) => `${text}::JSON` };
    default:
      return null;
  }
}

const name = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** What turns chunks into such lines and, in the end, lines into Parquet. */
export interface ParquetLines {
  rows(values: Cell[][], rowCount: number): string;
  /** The statement that makes the file `to` of the lines in `from`. */
  copy(from: string, to: string): string;
}

/** Lines for these columns; one object for one file. */
export function parquetLines(columns: readonly Column[]): ParquetLines {
  const fits = columns.map(fitOf);
  let longest = 0;

  function textOf(cell: Exclude<Cell, null>, c: number): string {
    const isJson = columns[c]?.type === 'JSON' || typeof cell === 'object';
    const text = isJson ? JSON.stringify(cell) : String(cell);
    if (fits[c] && !fits[c].see(text, cell)) fits[c] = null;
    return text;
  }

  return {
    rows(values, rowCount) {
      let out = '';
      for (let r = 0; r < rowCount; r++) {
        let line = '';
        for (let c = 0; c < columns.length; c++) {
          const cell = values[c]?.[r] ?? null;
          if (cell !== null)
            line += `${line === '' ? '' : ','}"c${c}":${JSON.stringify(textOf(cell, c).toWellFormed())}`;
        }
        longest = Math.max(longest, line.length);
        out += `{${line}}\n`;
      }
      return out;
    },
    copy(from, to) {
      const types = columns.map((_, c) => `'c${c}': 'VARCHAR'`).join(', ');
      const selected = columns.map((column, c) => `${fits[c]?.result(`c${c}`) ?? `c${c}`} AS ${name(column.name)}`);
      // At most three bytes a UTF-16 unit, and some room.
      const most = Math.max(1_048_576, longest * 3 + 1024);
      return `COPY (SELECT ${selected.join(', ')} FROM read_json(${literal(from)}, format = 'newline_delimited', records = true,
        columns = {${types}}, maximum_object_size = ${most})) TO ${literal(to)} (FORMAT parquet, COMPRESSION zstd)`;
    },
  };
}
