import type { Cell, Column, ColumnType } from '../engine.ts';
import { floatCell, fraction, integerCell, jsonCell } from '../wire.ts';

/** A column of a service's result and how its values, never null, become cells. */
export interface HttpColumn extends Column {
  cell: (value: unknown) => Cell;
}

/** A value as text, whatever it is. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

const MOMENT = /^(-?\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*(\S+)?$/;

function nanos(digits: string | undefined): number {
  return Number((digits ?? '').slice(0, 9).padEnd(9, '0'));
}

/** Milliseconds that a zone of that name is ahead of UTC at a time of its own clock. */
function offsetOf(zone: string, local: number): number | null {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    const at = (instant: number): number => {
      const name = format.formatToParts(instant).find((part) => part.type === 'timeZoneName')?.value ?? '';
      const [, sign, hours = '0', minutes = '0'] = /([+-])(\d\d):(\d\d)/.exec(name) ?? [];
      return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
    };
    return at(local - at(local));
  } catch {
    return null;
  }
}

/** A timestamp of a service in the wire contract: in UTC with `Z` where it has a zone; as it is where it is none. */
export function timestampText(value: string): string {
  const [, day, clock, seconds = '00', digits, zone] = MOMENT.exec(value) ?? [];
  if (day === undefined) return value;
  const rest = fraction(nanos(digits));
  const plain = `${day}T${clock}:${seconds}`;
  if (zone === undefined) return plain + rest;
  if (zone === 'Z' || zone === 'UTC') return `${plain}${rest}Z`;
  const local = Date.parse(`${plain}Z`);
  const [, sign, hours, minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  const offset =
    hours === undefined
      ? offsetOf(zone, local)
      : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  if (offset === null || Number.isNaN(local)) return value;
  return `${new Date(local - offset).toISOString().slice(0, -5)}${rest}Z`;
}

/** A time of day in the wire contract; an offset stays. */
export function timeText(value: string): string {
  const [, clock, digits, zone = ''] = /^(\d\d:\d\d:\d\d)(?:\.(\d+))?\s*([+-]\d\d:\d\d)?$/.exec(value) ?? [];
  return clock === undefined ? value : clock + fraction(nanos(digits)) + zone;
}

/** A value of JSON with numbers that JSON has: others are null. */
export function jsonValue(value: unknown): Cell {
  if (typeof value === 'string') return jsonCell(value);
  return (value ?? null) as Cell;
}

/** How most services write values of a type, as text or as JSON. */
export function plainCell(type: ColumnType): (value: unknown) => Cell {
  switch (type) {
    case 'BOOLEAN':
      return (value) => (typeof value === 'boolean' ? value : /^(?:true|t|1)$/i.test(asText(value)));
    case 'INTEGER':
    case 'BIGINT':
      return (value) => (/^-?\d+$/.test(asText(value)) ? integerCell(asText(value)) : asText(value));
    case 'DECIMAL':
      return (value) => (/^[-+]?(?:nan|inf)/i.test(asText(value)) ? null : asText(value));
    case 'FLOAT':
      return (value) => floatCell(Number(asText(value)));
    case 'TIME':
      return (value) => timeText(asText(value));
    case 'TIMESTAMP':
      return (value) => timestampText(asText(value));
    case 'JSON':
      return jsonValue;
    default:
      return asText;
  }
}
