import { between, color, entry, list, number, type Part } from './reading.ts';

/** Colour scales from low to high. */
const ramps: Record<string, string[]> = {
  viridis: ['#440154', '#414487', '#2a788e', '#22a884', '#7ad151', '#fde725'],
  cividis: ['#00224e', '#35456c', '#666970', '#948e77', '#c8b866', '#fee838'],
  plasma: ['#0d0887', '#6a00a8', '#b12a90', '#e16462', '#fca636', '#f0f921'],
  inferno: ['#000004', '#420a68', '#932667', '#dd513a', '#fca50a', '#fcffa4'],
  magma: ['#000004', '#3b0f70', '#8c2981', '#de4968', '#fe9f6d', '#fcfdbf'],
  blues: ['#eff6ff', '#c6dbef', '#9ecae1', '#6baed6', '#3182bd', '#08519c'],
  greens: ['#f0faee', '#c7e9c0', '#a1d99b', '#74c476', '#31a354', '#006d2c'],
  reds: ['#fff1eb', '#fcbba1', '#fc9272', '#fb6a4a', '#de2d26', '#a50f15'],
  greys: ['#f7f7f7', '#d9d9d9', '#bdbdbd', '#969696', '#636363', '#252525'],
  ylorrd: ['#ffffcc', '#fed976', '#feb24c', '#fd8d3c', '#f03b20', '#bd0026'],
  ylgnbu: ['#ffffd9', '#c7e9b4', '#7fcdbb', '#41b6c4', '#2c7fb8', '#253494'],
  rdbu: ['#b2182b', '#ef8a62', '#fddbc7', '#d1e5f0', '#67a9cf', '#2166ac'],
  hot: ['#0b0000', '#8a0000', '#ff3300', '#ff9900', '#ffee33', '#ffffff'],
  jet: ['#000083', '#003caa', '#05ffff', '#ffff00', '#fa0000', '#800000'],
};

/** The colours of a scale, lowest first: one by its name, with `_r` the other way round, or a list of `[place, colour]`. */
export function rampOf(scale: unknown): string[] {
  const own = list(scale).flatMap((stop) => color(list(stop)[1]) ?? []);
  if (own.length >= 2) return own;
  const name = typeof scale === 'string' ? scale.toLowerCase() : 'ylgnbu';
  const isReversed = name.endsWith('_r');
  const found = entry(ramps, isReversed ? name.slice(0, -2) : name) ?? ramps['ylgnbu'] ?? [];
  return isReversed ? found.toReversed() : found;
}

const channels = (hex: string): number[] => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

/** A colour with some white in it; other notations than `#rrggbb` stay. */
export function lighter(ink: string, share: number): string {
  if (!/^#[0-9a-f]{6}$/i.test(ink)) return ink;
  const mixed = channels(ink).map((one) => Math.round(one + (255 - one) * share));
  return `#${mixed.map((one) => one.toString(16).padStart(2, '0')).join('')}`;
}

/** The colour at a place from 0 to 1 of a scale. */
export function colorAt(scale: unknown): (place: number) => string {
  const colors = rampOf(scale);
  const last = colors.length - 1;
  return (place) => {
    const at = between(number(place) ?? 0, 0, 1) * last;
    const [from = '', to = ''] = [colors[Math.floor(at)], colors[Math.ceil(at)]];
    if (!/^#[0-9a-f]{6}$/i.test(from) || !/^#[0-9a-f]{6}$/i.test(to)) return at % 1 < 0.5 ? from : to;
    const high = channels(to);
    const mixed = channels(from).map((low, i) => Math.round(low + ((high[i] ?? low) - low) * (at % 1)));
    return `#${mixed.map((one) => one.toString(16).padStart(2, '0')).join('')}`;
  };
}

/** Colours of points or bars where each has its own. */
export function markerColors(marker: Part, fallback: string): ((i: number) => string) | null {
  const own = marker['color'];
  if (!Array.isArray(own)) return null;
  if (own.every((one) => typeof one === 'number' || one === null)) {
    const numbers = own.filter((one) => typeof one === 'number');
    const low = number(marker['cmin']) ?? numbers.reduce((least, one) => Math.min(least, one), Infinity);
    const high = number(marker['cmax']) ?? numbers.reduce((most, one) => Math.max(most, one), -Infinity);
    const ramp = colorAt(marker['colorscale']);
    return (i) => (typeof own[i] === 'number' ? ramp(high > low ? (own[i] - low) / (high - low) : 0.5) : fallback);
  }
  return (i) => color(own[i]) ?? fallback;
}
