import { EngineError } from './engine.ts';

/** The driver that speaks TDS, the protocol of SQL Server. */
export type Tedious = typeof import('tedious');

/** What the driver's reader of cells takes and gives: a value, and where the next begins. */
interface Cells {
  readValue(data: Buffer, offset: number, column: Described, options: unknown): { value: unknown; offset: number };
}
interface Described {
  type: { name: string };
  scale: number | undefined;
}

const MONEY_SCALE = 4;
const VARIANT = { decimal: 0x6a, numeric: 0x6c, money: 0x3c, smallMoney: 0x7a };

function magnitude(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`);
}

/** A decimal on the wire: its sign, then its digits as an integer. */
function signed(bytes: Buffer): bigint {
  return bytes[0] === 1 ? magnitude(bytes.subarray(1)) : -magnitude(bytes.subarray(1));
}

function money(bytes: Buffer): bigint {
  if (bytes.length === 4) return BigInt(bytes.readInt32LE(0));
  return (BigInt(bytes.readInt32LE(0)) << 32n) + BigInt(bytes.readUInt32LE(4));
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`;
}

function variant(bytes: Buffer): string | null {
  const [base = 0, properties = 0, , scale = 0] = bytes.subarray(4);
  const value = bytes.subarray(6 + properties);
  if (base === VARIANT.decimal || base === VARIANT.numeric) return decimalText(signed(value), scale);
  return base === VARIANT.money || base === VARIANT.smallMoney ? decimalText(money(value), MONEY_SCALE) : null;
}

/** A decimal cell with all its digits, out of its bytes; null for a cell of another type. */
function exact({ type, scale }: Described, bytes: Buffer): string | null {
  switch (type.name) {
    case 'DecimalN':
    case 'NumericN':
      return decimalText(signed(bytes.subarray(1)), scale ?? 0);
    case 'MoneyN':
      return decimalText(money(bytes.subarray(1)), MONEY_SCALE);
    case 'Money':
    case 'SmallMoney':
      return decimalText(money(bytes), MONEY_SCALE);
    case 'Variant':
      return variant(bytes);
    default:
      return null;
  }
}

/** The driver makes doubles of decimals and money, which lose digits: theirs are read again from the bytes. */
function keepDigits(cells: Cells): void {
  const read = cells.readValue;
  cells.readValue = (data, offset, column, options) => {
    const found = read(data, offset, column, options);
    if (found.value === null) return found;
    const text = exact(column, data.subarray(offset, found.offset));
    return text === null ? found : { value: text, offset: found.offset };
  };
}

async function load(): Promise<Tedious> {
  const tedious = await import('tedious');
  const { default: cells } = await import('tedious/lib/value-parser.js');
  keepDigits(cells as unknown as Cells);
  return tedious;
}

let loaded: Promise<Tedious> | null = null;

/** The driver, loaded when it is first needed. @throws EngineError DRIVER_MISSING where it is not installed */
export async function loadTedious(from: () => Promise<Tedious> = () => (loaded ??= load())): Promise<Tedious> {
  try {
    return await from();
  } catch (error) {
    throw new EngineError('DRIVER_MISSING', 'SQL Server needs the package tedious, which is not installed.', {
      stage: 'SETTINGS',
      hint: 'Run npm install tedious@^20 where the gateway runs, then start it again.',
      cause: error,
    });
  }
}
