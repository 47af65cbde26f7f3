import type { Cell, ColumnType } from './engine.ts';
import { countValues, floatCell, fraction, integerCell, jsonCell } from './wire.ts';

/** Types by their OID: the name that PostgreSQL prints, and the OID of an array of it. */
const TYPES: [oid: number, arrayOid: number, name: string, type: ColumnType][] = [
  [16, 1000, 'boolean', 'BOOLEAN'],
  [17, 1001, 'bytea', 'BINARY'],
  [18, 1002, '"char"', 'STRING'],
  [19, 1003, 'name', 'STRING'],
  [20, 1016, 'bigint', 'BIGINT'],
  [21, 1005, 'smallint', 'INTEGER'],
  [23, 1007, 'integer', 'INTEGER'],
  [25, 1009, 'text', 'STRING'],
  [26, 1028, 'oid', 'BIGINT'],
  [114, 199, 'json', 'JSON'],
  [142, 143, 'xml', 'STRING'],
  [700, 1021, 'real', 'FLOAT'],
  [701, 1022, 'double precision', 'FLOAT'],
  [790, 791, 'money', 'STRING'],
  [869, 1041, 'inet', 'STRING'],
  [650, 651, 'cidr', 'STRING'],
  [829, 1040, 'macaddr', 'STRING'],
  [1042, 1014, 'character', 'STRING'],
  [1043, 1015, 'character varying', 'STRING'],
  [1082, 1182, 'date', 'DATE'],
  [1083, 1183, 'time without time zone', 'TIME'],
  [1266, 1270, 'time with time zone', 'TIME'],
  [1114, 1115, 'timestamp without time zone', 'TIMESTAMP'],
  [1184, 1185, 'timestamp with time zone', 'TIMESTAMP'],
  [1186, 1187, 'interval', 'STRING'],
  [1560, 1561, 'bit', 'STRING'],
  [1562, 1563, 'bit varying', 'STRING'],
  [1700, 1231, 'numeric', 'DECIMAL'],
  [2950, 2951, 'uuid', 'STRING'],
  [3802, 3807, 'jsonb', 'JSON'],
];

interface Known {
  name: string;
  type: ColumnType;
  element: number | null;
}

const byOid = new Map<number, Known>();
const byName = new Map<string, ColumnType>();
for (const [oid, arrayOid, name, type] of TYPES) {
  byOid.set(oid, { name, type, element: null });
  byOid.set(arrayOid, { name: `${name}[]`, type: 'JSON', element: oid });
  byName.set(name, type);
}

/** The name that PostgreSQL prints for a result column's type. */
export function postgresTypeName(oid: number, modifier: number): string {
  const name = byOid.get(oid)?.name ?? 'USER-DEFINED';
  if (oid === 1700 && modifier >= 4) return `numeric(${((modifier - 4) >> 16) & 0xffff},${(modifier - 4) & 0x7ff})`;
  if ((oid === 1043 || oid === 1042) && modifier >= 4) return `${name}(${modifier - 4})`;
  return name;
}

/** Our type of a result column. */
export function postgresColumnType(oid: number): ColumnType {
  return byOid.get(oid)?.type ?? 'STRING';
}

/** Our type for a name as `format_type` prints it. */
export function postgresTypeOfName(name: string): ColumnType {
  if (name.endsWith('[]')) return 'JSON';
  return byName.get(name.replace(/\(\d+(?:,-?\d+)?\)/, '')) ?? 'STRING';
}

function time(text: string): string {
  const [, clock = '', digits = '', zone = ''] = /^(\d+:\d+:\d+)(?:\.(\d+))?(.*)$/.exec(text) ?? [];
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone;
  return clock + fraction(Number(digits.padEnd(9, '0'))) + offset;
}

const MOMENT =
  /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/;

/** An ISO timestamp from PostgreSQL's text; null for infinities. */
function timestamp(text: string, zoned: boolean): string | null {
  const parts = MOMENT.exec(text);
  if (!parts) return null;
  const [
    ,
    year = '',
    month = '',
    day = '',
    hour,
    minute,
    second,
    digits = '',
    sign,
    zoneHours,
    zoneMinutes,
    zoneSeconds,
    era,
  ] = parts;
  const date = new Date(0);
  date.setUTCFullYear(era ? 1 - Number(year) : Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  if (sign) {
    const offset = Number(zoneHours) * 3600 + Number(zoneMinutes ?? 0) * 60 + Number(zoneSeconds ?? 0);
    date.setTime(date.getTime() - (sign === '-' ? -1 : 1) * offset * 1000);
  }
  if (Number.isNaN(date.getTime())) return null;
  return date.toISOString().replace(/\.000Z$/, '') + fraction(Number(digits.padEnd(9, '0'))) + (zoned ? 'Z' : '');
}

function date(text: string): string | null {
  if (text.endsWith('infinity')) return null;
  return text.endsWith(' BC')
    ? (timestamp(`${text.slice(0, -3)} 00:00:00 BC`, false)?.replace(/T.*$/, '') ?? null)
    : text;
}

/** One element of an array's text, quoted or not. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^,{}"]+)/y;

/** An array's text, `{1,2}` or `[0:1]={1,2}`, as nested lists. */
function array(text: string, element: (text: string) => Cell): Cell {
  countValues(text);
  const root: Cell[] = [];
  const stack: Cell[][] = [root];
  for (let at = text.indexOf('{'); at >= 0 && at < text.length;) {
    const c = text[at];
    if (c === '{') {
      const list: Cell[] = [];
      stack.at(-1)?.push(list);
      stack.push(list);
      at++;
    } else if (c === '}') {
      stack.pop();
      at++;
    } else if (c === ',') {
      at++;
    } else {
      ELEMENT.lastIndex = at;
      const found = ELEMENT.exec(text);
      if (!found) return text;
      at = ELEMENT.lastIndex;
      const [, quoted, plain] = found;
      const value = quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/gs, '$1');
      stack.at(-1)?.push(quoted === undefined && value.toUpperCase() === 'NULL' ? null : element(value));
    }
  }
  return root[0] ?? text;
}

function identity(text: string): Cell {
  return text;
}

/** How the text of a type's value becomes a cell. */
export function postgresCell(oid: number): (text: string) => Cell {
  const element = byOid.get(oid)?.element ?? null;
  if (element !== null) {
    const convert = postgresCell(element);
    return (text) => array(text, convert);
  }
  switch (oid) {
    case 16:
      return (text) => text === 't';
    case 17:
      return (text) => (text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex').toString('base64') : text);
    case 20:
    case 21:
    case 23:
    case 26:
      return integerCell;
    case 700:
    case 701:
      return (text) => floatCell(Number(text));
    case 1700:
      return (text) => (/^-?\d/.test(text) ? text : null);
    case 114:
    case 3802:
      return jsonCell;
    case 1082:
      return date;
    case 1083:
    case 1266:
      return time;
    case 1114:
      return (text) => timestamp(text, false);
    case 1184:
      return (text) => timestamp(text, true);
    default:
      return identity;
  }
}
