/** Money of prices in whole cents and credits; 1 credit = $0.50. Source: behaviour of the credit system, decisions on money. */

export const CENTS_PER_CREDIT = 50;

/** Cents of an amount such as "12.5" or "3"; exact, at most two places. @throws Error for anything else. */
export function centsOf(amountUsd: string): number {
  const match = /^(\d{1,7})(?:\.(\d{1,2}))?$/.exec(amountUsd);
  if (!match) throw new Error(`Not an amount in USD: ${amountUsd}`);
  return Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
}

/** An amount in USD with two places. */
export function usdOf(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}

/** Credits of a price: its half dollars, started ones whole; 0 for a free product alone. */
export function creditsOf(cents: number): number {
  return Math.ceil(cents / CENTS_PER_CREDIT);
}

/** A sale: a percentage (such as "20" or "12.5") within `[startsAt, endsAt)`. */
export interface Sale {
  percentage: string;
  startsAt: Date;
  endsAt: Date;
}

/** Cents after the sale that runs at that time, rounded half up; the price itself where none runs. */
export function effectiveCents(cents: number, sales: readonly Sale[], at: Date): number {
  const sale = sales.find(({ startsAt, endsAt }) => startsAt <= at && at < endsAt);
  if (!sale) return cents;
  // Hundredths of a percent are whole numbers, so this is exact.
  const kept = 10_000 - Math.round(Number(sale.percentage) * 100);
  return Math.floor((cents * kept + 5_000) / 10_000);
}
