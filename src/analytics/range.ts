import { DomainError } from '../errors.ts';

/** Whole days of a calendar, `YYYY-MM-DD`, the end exclusive. */
export interface Range {
  from: string;
  to: string;
}

/** A calendar month, UTC: its name `YYYY-MM`, its first day and the first day of the next. */
export interface Month extends Range {
  name: string;
}

export type Period = 'DAY' | 'WEEK' | 'MONTH' | 'QUARTER';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const MAX_YEARS = 2;
const EARLIEST = '2000-01-01';
const LATEST = '2100-01-01';

const at = (day: string): number => Date.parse(`${day}T00:00:00Z`);
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const refuse = (message: string, name: string): DomainError =>
  new DomainError('BAD_REQUEST', message, { path: [name] });

/** The day that follows by so many days; a negative number goes back. */
export function addDays(day: string, days: number): string {
  return dayOf(at(day) + days * DAY_MS);
}

/** The day of an instant in a time zone. */
export function dayIn(timezone: string, instant: Date): string {
  // Swedish dates are ISO 8601.
  return instant.toLocaleDateString('sv-SE', { timeZone: timezone });
}

function addYears(day: string, years: number): string {
  const date = new Date(at(day));
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return dayOf(date.getTime());
}

/**
 * The days asked for: without `to` until today, without `from` the 30 days before `to`, so that by default they are
 * the last 30 whole days.
 * @throws DomainError BAD_REQUEST on `from` or `to` for days that are out of order, over 2 years or not of 2000 to 2099.
 */
export function readRange(args: { from?: string | null; to?: string | null }, timezone: string, now: Date): Range {
  const to = args.to ?? dayIn(timezone, now);
  if (to <= EARLIEST || to > LATEST) throw refuse(`to takes a day after ${EARLIEST}, at most ${LATEST}.`, 'to');
  const from = args.from ?? addDays(to, -DEFAULT_DAYS);
  if (from < EARLIEST) throw refuse(`from takes a day from ${EARLIEST} on.`, args.from ? 'from' : 'to');
  if (from >= to) throw refuse('from should be a day before to; to is exclusive.', args.from ? 'from' : 'to');
  if (addYears(from, MAX_YEARS) < to) throw refuse(`At most ${MAX_YEARS} years at once.`, args.from ? 'from' : 'to');
  return { from, to };
}

/** As many days, just before. */
export function before(range: Range): Range {
  const days = (at(range.to) - at(range.from)) / DAY_MS;
  return { from: addDays(range.from, -days), to: range.from };
}

/** The month asked for, or the current one. @throws DomainError BAD_REQUEST on `month` for anything but `YYYY-MM`. */
export function readMonth(name: string | null | undefined, now: Date): Month {
  const wanted = name ?? now.toISOString().slice(0, 7);
  if (!/^20\d\d-(0[1-9]|1[0-2])$/.test(wanted))
    throw refuse('month takes a month from 2000 to 2099 as YYYY-MM.', 'month');
  const from = `${wanted}-01`;
  const next = new Date(at(from));
  next.setUTCMonth(next.getUTCMonth() + 1);
  return { name: wanted, from, to: dayOf(next.getTime()) };
}
