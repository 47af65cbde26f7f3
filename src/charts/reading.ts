/** Reads figures, which are JSON of anybody's making: whatever does not fit reads as nothing. */

/** A trace, or another object of a figure. */
export type Part = Record<string, unknown>;

/** The value, where it is an object; an empty one for anything else. */
export const part = (value: unknown): Part =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Part) : {};

/** The value, where it is a list; an empty one for anything else. */
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** What a table has under a name of its own; never what every object has, such as `constructor`. */
export function entry<T>(table: Readonly<Record<string, T>>, name: unknown): T | undefined {
  return typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined;
}

/** A finite number, numbers in texts too. */
export function number(value: unknown): number | null {
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) return null;
  const found = Number(value);
  return Number.isFinite(found) ? found : null;
}

/** The number, or the bound that it lies beyond. */
export const between = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most);

/**
 * A text as it is drawn: without the tags that Plotly takes for formatting, and without characters that XML has not.
 * What is left is escaped where the picture is written.
 */
export function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  const raw = typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean);
  return (
    raw
      .slice(0, 1000)
      .replace(/<br\s*\/?>/gi, '\n')
      .replace(/<\/?(b|i|em|strong|sub|sup|span|a|u|s)(\s[^<>]*)?>/gi, '')
      // oxlint-disable-next-line no-control-regex -- these are the very characters that XML has not
      .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '')
      .toWellFormed()
  );
}

const COLOR =
  /^(#[0-9a-f]{3,8}|[a-z]{3,25}|(rgb|rgba|hsl|hsla)\(\s*[\d.]+%?(\s*,\s*[\d.]+%?){2}(\s*,\s*[\d.]+%?)?\s*\))$/i;

/** A colour that may stand in an attribute; null for anything else, which the picture would carry as it is. */
export function color(value: unknown): string | null {
  return typeof value === 'string' && value.length <= 60 && COLOR.test(value.trim()) ? value.trim() : null;
}

const ISO = /^\d{4}-\d{2}(-\d{2})?([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** The instant of a day or time as the engines write it; in UTC where it has no zone. */
export function instant(value: unknown): number | null {
  if (typeof value !== 'string' || !ISO.test(value)) return null;
  const whole = value.length === 7 ? `${value}-01` : value.replace(' ', 'T');
  const at = Date.parse(whole.length > 10 && !/(Z|[+-]\d{2}:?\d{2})$/.test(whole) ? `${whole}Z` : whole);
  return Number.isFinite(at) ? at : null;
}

export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A category as it is labelled: days and months short, all else as it is. */
export function label(value: unknown): string {
  const at = typeof value === 'string' && value.length >= 10 ? instant(value) : null;
  if (at === null) return text(value).trim();
  const day = new Date(at);
  const isDay = at % 86_400_000 === 0;
  const date = `${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]} ${day.getUTCFullYear()}`;
  return isDay ? date : `${date} ${day.toISOString().slice(11, 16)}`;
}

/** A number as an axis or a label has it: 950, 12.5k, 3.4M. */
export function short(value: number): string {
  const size = Math.abs(value);
  const [unit, name] =
    size >= 1e12
      ? [1e12, 'T']
      : size >= 1e9
        ? [1e9, 'B']
        : size >= 1e6
          ? [1e6, 'M']
          : size >= 1e4
            ? [1e3, 'k']
            : [1, ''];
  const scaled = value / unit;
  if (scaled !== 0 && Math.abs(scaled) < 1e-4) return scaled.toExponential(1);
  return `${Number(scaled.toPrecision(Math.abs(scaled) >= 1000 ? 6 : 4))}${name}`;
}

const units: Record<string, string> = {
  pct: '%',
  usd: 'USD',
  eur: 'EUR',
  gbp: 'GBP',
  musd: 'million USD',
  mm: 'mm',
  km: 'km',
  kmh: 'km/h',
  kg: 'kg',
  ms: 'ms',
};

/** A title as people read it: `margin_pct`, the name of a column, becomes "Margin (%)". */
export function title(value: unknown): string {
  const said = text(typeof value === 'string' ? value : part(value)['text']).trim();
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(said)) return said;
  const words = said.split('_');
  const unit = words.length > 1 ? entry(units, words.at(-1)) : undefined;
  const plain = (unit ? words.slice(0, -1) : words).join(' ');
  return `${plain[0]?.toUpperCase()}${plain.slice(1)}${unit ? ` (${unit})` : ''}`;
}
