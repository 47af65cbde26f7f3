/** The tokens of TDS that a server answers with, written byte by byte. */

const byte = (...values: number[]): Buffer => Buffer.from(values);
export const u16 = (value: number): Buffer => byte(value & 255, (value >> 8) & 255);
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}
function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}
const ucs2 = (text: string): Buffer => Buffer.from(text, 'utf16le');
const shortText = (text: string): Buffer => Buffer.concat([byte(text.length), ucs2(text)]);
const longText = (text: string): Buffer => Buffer.concat([u16(text.length), ucs2(text)]);
/** Bytes of an integer of any width, lowest first. */
function whole(value: bigint, width: number): Buffer {
  return Buffer.from(Array.from({ length: width }, (_, i) => Number((value >> BigInt(8 * i)) & 255n)));
}
const COLLATION = byte(0x09, 0x04, 0xd0, 0x00, 0x34);

/** A message cut into packets of at most 4096 bytes; `last` says whether it ends here. */
export function packets(type: number, data: Buffer, last = true): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length || at === 0; at += 4088) {
    const body = data.subarray(at, at + 4088);
    const isLast = last && at + 4088 >= data.length;
    const size = body.length + 8;
    parts.push(byte(type, isLast ? 1 : 0, size >> 8, size & 255, 0, 0, 1, 0), body);
  }
  return Buffer.concat(parts);
}

/** The answer to PRELOGIN: 0 encrypts the login only, 1 everything, 2 nothing, 3 demands it. */
export const prelogin = (encryption: number): Buffer =>
  Buffer.concat([byte(0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff), byte(16, 0, 0, 0, 0, 0), byte(encryption)]);

export const done = (status = 0, rows = 0): Buffer =>
  Buffer.concat([byte(0xfd), u16(status | (rows > 0 ? 0x10 : 0)), u16(0xc1), u64(BigInt(rows))]);
/** The server has let go of what it was asked to stop. */
export const STOPPED = done(0x20);

function message(token: number, number: number, text: string, level: number): Buffer {
  const body = Buffer.concat([u32(number), byte(1, level), longText(text), shortText('db1'), shortText(''), u32(1)]);
  return Buffer.concat([byte(token), u16(body.length), body]);
}
export const error = (number: number, text: string): Buffer => message(0xaa, number, text, 16);
export const info = (number: number, text: string): Buffer => message(0xab, number, text, 0);

export function change(kind: number, body: Buffer): Buffer {
  return Buffer.concat([byte(0xe3), u16(body.length + 1), byte(kind), body]);
}
export const textChange = (kind: number, to: string, from: string): Buffer =>
  change(kind, Buffer.concat([shortText(to), shortText(from)]));
export const byteChange = (kind: number, to: Buffer, from: Buffer): Buffer =>
  change(kind, Buffer.concat([byte(to.length), to, byte(from.length), from]));
/** Sends the client on to another server. */
export function routing(host: string, port: number): Buffer {
  const to = Buffer.concat([byte(0), u16(port), longText(host)]);
  return change(20, Buffer.concat([u16(to.length), to, u16(0)]));
}

export function loginAck(): Buffer {
  const body = Buffer.concat([byte(1, 0x74, 0, 0, 4), shortText('Microsoft SQL Server'), byte(16, 0, 16, 0)]);
  return Buffer.concat([byte(0xad), u16(body.length), body]);
}

/** A type of a column: what describes it, and how a value that is not null is written. */
export interface TdsType {
  info: Buffer;
  cell: (value: never) => Buffer;
  none: Buffer;
}
const small = (info: Buffer, cell: (value: never) => Buffer): TdsType => ({
  info,
  none: byte(0),
  cell: (value) => {
    const bytes = cell(value);
    return Buffer.concat([byte(bytes.length), bytes]);
  },
});
const medium = (info: Buffer, cell: (value: never) => Buffer): TdsType => ({
  info,
  none: u16(0xffff),
  cell: (value) => {
    const bytes = cell(value);
    return Buffer.concat([u16(bytes.length), bytes]);
  },
});
const large = (info: Buffer, cell: (value: never) => Buffer): TdsType => ({
  info,
  none: Buffer.alloc(8, 255),
  cell: (value) => {
    const bytes = cell(value);
    return Buffer.concat([u64(BigInt(bytes.length)), u32(bytes.length), bytes, bytes.length > 0 ? u32(0) : byte()]);
  },
});

const DAY = 86_400_000;
const days = (date: string): number => Math.round((Date.parse(date) - Date.UTC(2000, 0, 1)) / DAY) + 730_119;
/** Ticks of a scale since midnight, of `HH:MM:SS[.fffffff]`. */
function ticks(time: string, scale: number): bigint {
  const [clock = '', fraction = ''] = time.split('.');
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number);
  return BigInt(`${hours * 3600 + minutes * 60 + seconds}${fraction.padEnd(7, '0').slice(0, scale)}`);
}
const timeBytes = (time: string, scale: number): Buffer => whole(ticks(time, scale), scale < 3 ? 3 : scale < 5 ? 4 : 5);
const decimalBytes = (text: string): Buffer => {
  const unscaled = BigInt(text.replace('.', '').replace('-', ''));
  return Buffer.concat([byte(text.startsWith('-') ? 0 : 1), whole(unscaled, 16)]);
};
const moneyBytes = (text: string): Buffer => {
  const value = BigInt.asUintN(64, BigInt(text.replace('.', '')));
  return Buffer.concat([u32(Number(value >> 32n)), u32(Number(value & 0xffffffffn))]);
};
function float(value: number, width: number): Buffer {
  const bytes = Buffer.alloc(width);
  if (width === 4) bytes.writeFloatLE(value);
  else bytes.writeDoubleLE(value);
  return bytes;
}
const parts = (moment: string): [string, string] => moment.split(/[ T]/) as [string, string];

/** The types of the tests' columns. */
export const types = {
  int: small(byte(0x26, 4), (value: number) => whole(BigInt(value), 4)),
  tinyint: small(byte(0x26, 1), (value: number) => whole(BigInt(value), 1)),
  smallint: small(byte(0x26, 2), (value: number) => whole(BigInt(value), 2)),
  bigint: small(byte(0x26, 8), (value: string) => whole(BigInt(value), 8)),
  fixedInt: { info: byte(0x38), cell: (value: number) => whole(BigInt(value), 4), none: byte() },
  bit: small(byte(0x68, 1), (value: boolean) => byte(value ? 1 : 0)),
  float: small(byte(0x6d, 8), (value: number) => float(value, 8)),
  real: small(byte(0x6d, 4), (value: number) => float(value, 4)),
  decimal: (precision: number, scale: number) => small(byte(0x6a, 17, precision, scale), decimalBytes),
  money: small(byte(0x6e, 8), moneyBytes),
  smallmoney: small(byte(0x6e, 4), (text: string) => whole(BigInt(text.replace('.', '')), 4)),
  date: small(byte(0x28), (date: string) => whole(BigInt(days(date)), 3)),
  time: (scale: number) => small(byte(0x29, scale), (time: string) => timeBytes(time, scale)),
  datetime2: (scale: number) =>
    small(byte(0x2a, scale), (moment: string) => {
      const [date, time] = parts(moment);
      return Buffer.concat([timeBytes(time, scale), whole(BigInt(days(date)), 3)]);
    }),
  /** A moment of UTC, with the minutes that its zone is ahead. */
  datetimeoffset: (scale: number, ahead: number) =>
    small(byte(0x2b, scale), (moment: string) => {
      const [date, time] = parts(moment);
      return Buffer.concat([timeBytes(time, scale), whole(BigInt(days(date)), 3), u16(ahead)]);
    }),
  datetime: small(byte(0x6f, 8), (moment: string) => {
    const [date, time] = parts(moment);
    return Buffer.concat([u32(days(date) - 693_595), u32(Math.round((Number(ticks(time, 3)) * 3) / 10))]);
  }),
  uniqueidentifier: small(byte(0x24, 16), (text: string) => {
    const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
    return Buffer.concat([
      bytes.subarray(0, 4).reverse(),
      bytes.subarray(4, 6).reverse(),
      bytes.subarray(6, 8).reverse(),
      bytes.subarray(8),
    ]);
  }),
  nvarchar: (length: number) => medium(Buffer.concat([byte(0xe7), u16(length * 2), COLLATION]), ucs2),
  nvarcharMax: large(Buffer.concat([byte(0xe7), u16(0xffff), COLLATION]), ucs2),
  varchar: (length: number) =>
    medium(Buffer.concat([byte(0xa7), u16(length), COLLATION]), (text: string) => Buffer.from(text, 'latin1')),
  varbinary: (length: number) =>
    medium(Buffer.concat([byte(0xa5), u16(length)]), (hex: string) => Buffer.from(hex, 'hex')),
  varbinaryMax: large(Buffer.concat([byte(0xa5), u16(0xffff)]), (hex: string) => Buffer.from(hex, 'hex')),
  xml: large(byte(0xf1, 0), ucs2),
  /** A `sql_variant` that holds a decimal(38,4). */
  variant: {
    info: Buffer.concat([byte(0x62), u32(8009)]),
    none: u32(0),
    cell: (text: string) => {
      const bytes = Buffer.concat([byte(0x6c, 2, 38, 4), decimalBytes(text)]);
      return Buffer.concat([u32(bytes.length), bytes]);
    },
  },
};

export type TdsColumn = [name: string, type: TdsType];

export function columns(list: TdsColumn[]): Buffer {
  const each = list.map(([name, type]) => Buffer.concat([u32(0), u16(9), type.info, shortText(name)]));
  return Buffer.concat([byte(0x81), u16(list.length), ...each]);
}

export function row(list: TdsColumn[], values: unknown[]): Buffer {
  const cells = list.map(([, type], c) =>
    values[c] === null ? type.none : type.cell(values[c] as Parameters<TdsType['cell']>[0]),
  );
  return Buffer.concat([byte(0xd1), ...cells]);
}

/** A row whose nulls are a bit each. */
export function sparseRow(list: TdsColumn[], values: unknown[]): Buffer {
  const bits = Buffer.alloc(Math.ceil(list.length / 8));
  const cells: Buffer[] = [];
  for (const [c, [, type]] of list.entries()) {
    if (values[c] === null) bits[c >> 3] = (bits[c >> 3] ?? 0) | (1 << (c & 7));
    else cells.push(type.cell(values[c] as Parameters<TdsType['cell']>[0]));
  }
  return Buffer.concat([byte(0xd2), bits, ...cells]);
}
