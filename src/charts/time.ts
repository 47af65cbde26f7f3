import { MONTHS } from './reading.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTH = 30.4 * DAY;

/** Distances between ticks that people count in. */
const even = [1, 2, 5, 10, 15, 30]
  .map((n) => n * MINUTE)
  .concat(
    [1, 2, 3, 6, 12].map((n) => n * HOUR),
    [1, 2, 7, 14].map((n) => n * DAY),
  );
const months = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

/** Instants between two others to label, at most about `most`: whole hours, days, months or years. */
export function timeTicks(from: number, to: number, most: number): number[] {
  const wanted = (to - from) / Math.max(most, 1);
  if (!(wanted > 0)) return [from];
  const step = even.find((one) => one >= wanted);
  if (step !== undefined && wanted <= 14 * DAY) {
    // Weeks begin on Mondays; the first of January 1970 was a Thursday.
    const origin = step >= 7 * DAY ? 4 * DAY : 0;
    const first = Math.ceil((from - origin) / step) * step + origin;
    return Array.from({ length: Math.floor((to - first) / step) + 1 }, (_, i) => first + i * step);
  }
  // Rather a few more ticks than half as many.
  const stride = months.find((one) => one * MONTH >= wanted * 0.75) ?? 2400;
  const start = new Date(from);
  const ticks: number[] = [];
  let at = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth()) / stride) * stride;
  for (; ticks.length < 50; at += stride) {
    const tick = Date.UTC(Math.floor(at / 12), at % 12, 1);
    if (tick > to) break;
    if (tick >= from) ticks.push(tick);
  }
  return ticks.length > 0 ? ticks : [from];
}

/** An instant as the axis of time has it: the less of it, the rounder it is. */
export function timeLabel(at: number): string {
  const day = new Date(at);
  if (at % DAY !== 0) return day.toISOString().slice(11, at % MINUTE === 0 ? 16 : 19);
  const month = MONTHS[day.getUTCMonth()] ?? '';
  if (day.getUTCDate() !== 1) return `${day.getUTCDate()} ${month}`;
  return day.getUTCMonth() === 0 ? String(day.getUTCFullYear()) : `${month} ${day.getUTCFullYear()}`;
}
