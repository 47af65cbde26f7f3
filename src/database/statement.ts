import pg from 'pg';

export type Row = Record<string, unknown>;
/** Answers what reads a value of a type from its text. */
export type Types = { getTypeParser(oid: number, format: 'text'): (value: string) => unknown };

/** How the rows of a statement are read. */
interface Shape {
  names: string[];
  parsers: ((value: string) => unknown)[];
  /** A row of nulls, to be copied. */
  blank: Row;
}
const NO_ROWS: Shape = { names: [], parsers: [], blank: {} };

/** What is used of a connection of `pg`'s: the extended query protocol. */
interface Wire {
  stream: { cork(): void; uncork(): void };
  /** The statements that have a name on the server, by it. */
  parsedStatements: Record<string, string>;
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly unknown[]; valueMapper: (value: unknown) => unknown }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: object): void;
  sync(): void;
  sendCopyFail(message: string): void;
}
type Field = { name: string; dataTypeID: number };

const { prepareValue } = (pg as unknown as { utils: { prepareValue: (value: unknown) => unknown } }).utils;

const shapes = new WeakMap<Wire, Map<string, Shape>>();

/** What a connection has been told of its named statements. A server refuses one whose rows have changed since. */
function shapesOf(wire: Wire): Map<string, Shape> {
  let known = shapes.get(wire);
  if (!known) shapes.set(wire, (known = new Map()));
  return known;
}

/**
 * A named statement as `pg` sends it, but that a connection describes its rows to us once, where `pg` asks for that, and
 * works out how to read them, each time: for a row of sixty columns that is most of the work on both sides.
 */
export class Statement implements pg.Submittable {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** Called once, when the connection is ready for the next. */
  readonly callback: (error: Error | null, rows: Row[]) => void;
  private readonly types: Types;
  private readonly rows: Row[] = [];
  private shape: Shape = NO_ROWS;
  private known: Map<string, Shape> | null = null;
  private failure: Error | null = null;

  constructor(
    { name, text, values, types }: { name: string; text: string; values: readonly unknown[]; types: Types },
    callback: (error: Error | null, rows: Row[]) => void,
  ) {
    this.name = name;
    this.text = text;
    this.values = values;
    this.types = types;
    this.callback = callback;
  }

  submit(connection: unknown): void {
    const wire = connection as Wire;
    wire.stream.cork();
    try {
      this.send(wire);
    } finally {
      wire.stream.uncork();
    }
  }

  private send(wire: Wire): void {
    const { name, text, values } = this;
    const isParsed = wire.parsedStatements[name] !== undefined;
    if (!isParsed) wire.parse({ name, text });
    try {
      wire.bind({ statement: name, values, valueMapper: prepareValue });
    } catch (error) {
      this.failure = error as Error;
      wire.sync();
      return;
    }
    this.known = shapesOf(wire);
    const shape = isParsed ? this.known.get(name) : undefined;
    if (shape) this.shape = shape;
    else wire.describe({ type: 'P', name: '' });
    wire.execute({});
    wire.sync();
  }

  handleRowDescription({ fields }: { fields: Field[] }): void {
    const blank: Row = {};
    for (const { name } of fields) blank[name] = null;
    this.shape = {
      names: fields.map(({ name }) => name),
      parsers: fields.map(({ dataTypeID }) => this.types.getTypeParser(dataTypeID, 'text')),
      blank,
    };
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    const { names, parsers, blank } = this.shape;
    const row = { ...blank };
    try {
      for (let i = 0; i < fields.length; i++) {
        const value = fields[i];
        if (value != null) row[names[i] as string] = (parsers[i] as (text: string) => unknown)(value);
      }
    } catch (error) {
      this.failure = error as Error;
    }
    this.rows.push(row);
  }

  handleCommandComplete(): void {
    this.known?.set(this.name, this.shape);
  }

  handleEmptyQuery(): void {}

  handleError(error: Error): void {
    this.callback(error, []);
  }

  handleReadyForQuery(): void {
    this.callback(this.failure, this.rows);
  }

  handleCopyInResponse(wire: Wire): void {
    wire.sendCopyFail('Nothing is copied.');
  }

  handleCopyData(): void {}
}
