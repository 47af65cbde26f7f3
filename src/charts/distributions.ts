import { typeOf } from '../assets/figure-check.ts';
import type { Axis } from './axes.ts';
import { nameOf, PAPER, type Frame } from './frame.ts';
import { between, list, number, part, short, type Part } from './reading.ts';

/** Charts that count: histograms, boxes, candles. */

const MAX_BINS = 200;
const MAX_BOXES = 2000;
const MAX_OUTLIERS = 500;

const numbersOf = (values: unknown[]): number[] => values.flatMap((value) => number(value) ?? []);

/** A round number of at least the given size: 1, 2, 2.5 or 5 times a power of ten. */
function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  return ([1, 2, 2.5, 5, 10].find((one) => one * power >= size * 0.999) ?? 10) * power;
}

function binsOf(values: number[], trace: Part): { start: number; step: number; count: number } {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (!(high > low)) return { start: low - 0.5, step: 1, count: 1 };
  const own = part(trace['xbins'] ?? trace['ybins']);
  const wanted = number(trace['nbinsx'] ?? trace['nbinsy']) ?? Math.ceil(Math.log2(values.length) + 1) * 1.5;
  const given = number(own['size']);
  const step = given !== null && given > 0 ? given : roundStep((high - low) / between(wanted, 1, MAX_BINS));
  const start = number(own['start']) ?? Math.floor(low / step) * step;
  const count = Math.floor((high - start) / step + 1e-9) + 1;
  return { start, step, count: between(count, 1, MAX_BINS) };
}

function heightsOf(counts: number[], total: number, step: number, norm: unknown): number[] {
  const factor =
    norm === 'percent' ? 100 / total : norm === 'probability' ? 1 / total : norm === 'density' ? 1 / step : 1;
  return counts.map((count) => (norm === 'probability density' ? count / total / step : count * factor));
}

/** The traces with bars for histograms, whose bins are those of all of them together. */
export function histogramBars(traces: Part[], layout: Part): Part[] {
  const isHistogram = (trace: Part): boolean => typeOf(trace) === 'histogram';
  const histograms = traces.filter(isHistogram);
  if (histograms.length === 0) return traces;
  const valuesOf = (trace: Part): unknown[] => list(list(trace['x']).length > 0 ? trace['x'] : trace['y']);
  const all = histograms.flatMap(valuesOf).filter((value) => value !== null);
  const isNumeric = all.length > 0 && all.every((value) => number(value) !== null);
  const bins = isNumeric ? binsOf(numbersOf(all), histograms[0] ?? {}) : null;
  const names = bins
    ? Array.from({ length: bins.count }, (_, i) => {
        const [from, to] = [bins.start + i * bins.step, bins.start + (i + 1) * bins.step];
        const clean = (value: number): string => short(Number(value.toPrecision(10)));
        return `${clean(from)} – ${clean(to)}`;
      })
    : [...new Set(all.map(String))];
  return traces.map((trace) => {
    if (!isHistogram(trace)) return trace;
    const counts = names.map(() => 0);
    let total = 0;
    for (const value of valuesOf(trace)) {
      if (value === null || value === undefined) continue;
      const at = bins
        ? Math.min(Math.floor(((number(value) ?? Number.NaN) - bins.start) / bins.step + 1e-9), bins.count - 1)
        : names.indexOf(String(value as string));
      if (counts[at] === undefined) continue;
      counts[at]++;
      total++;
    }
    const heights = heightsOf(counts, Math.max(total, 1), bins?.step ?? 1, trace['histnorm']);
    const isAcross = list(trace['x']).length === 0;
    const opacity = trace['opacity'] ?? (histograms.length > 1 && layout['barmode'] === 'overlay' ? 0.6 : 1);
    return {
      ...trace,
      type: 'bar',
      ...(isAcross ? { orientation: 'h', y: names, x: heights } : { x: names, y: heights }),
      opacity,
      isHistogram: true,
    };
  });
}

/** The value at a share of sorted numbers, between two of them where it falls there. */
function quantile(sorted: number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? 0;
  return low + ((sorted[Math.ceil(at)] ?? low) - low) * (at % 1);
}

/** Whiskers to the last value within one and a half boxes, the rest as points: Tukey's, as Plotly has it. */
function boxOf(values: number[]): { box: number[]; outliers: number[] } | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const [q1, median, q3] = [quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)];
  const reach = 1.5 * (q3 - q1);
  const within = sorted.filter((value) => value >= q1 - reach && value <= q3 + reach);
  const outliers = sorted.filter((value) => value < q1 - reach || value > q3 + reach);
  return { box: [within[0] ?? q1, q1, median, q3, within.at(-1) ?? q3], outliers: outliers.slice(0, MAX_OUTLIERS) };
}

interface Box {
  at: number;
  box: number[];
  outliers: number[];
}

/** The boxes of a trace with their places among the groups. */
function boxesOf(trace: Part, groups: Axis, isAcross: boolean): Box[] {
  const values = list(trace[isAcross ? 'x' : 'y']);
  const keys = list(trace[isAcross ? 'y' : 'x']);
  const name = trace['name'] ?? '';
  if (values.length > 0) {
    const grouped = Map.groupBy(values, (_, i) => (keys.length > 0 ? keys[i] : name));
    return [...grouped].flatMap(([key, some]) => {
      const [at, found] = [groups.at(key), boxOf(numbersOf(some))];
      return at === null || !found ? [] : [{ at, ...found }];
    });
  }
  const read = (of: string, i: number): number | null => number(list(trace[of])[i]);
  return list(trace['q1']).flatMap((_, i) => {
    const [q1, median, q3] = ['q1', 'median', 'q3'].map((of) => read(of, i));
    const at = groups.at(keys.length > 0 ? keys[i] : name);
    if (at === null || typeof q1 !== 'number' || typeof median !== 'number' || typeof q3 !== 'number') return [];
    const box = [read('lowerfence', i) ?? q1, q1, median, q3, read('upperfence', i) ?? q3];
    return [{ at, box, outliers: [] }];
  });
}

/** Boxes with the points beyond their whiskers. Traces that stand under their own names stand in the middle there. */
export function boxSeries(
  traces: { trace: Part; ink: string }[],
  groups: Axis,
  frame: Frame,
  isAcross: boolean,
): Part[] {
  const isAlone = traces.every(({ trace }) => list(trace[isAcross ? 'y' : 'x']).length === 0);
  const look = (ink: string): Part => ({
    // A light filling lets the median be seen.
    color: /^#[0-9a-f]{6}$/i.test(ink) ? `${ink}33` : PAPER,
    borderColor: ink,
    borderWidth: 1.6 * frame.scale,
  });
  const most = Math.max(10, Math.floor(MAX_BOXES / traces.length));
  const drawn = traces.map(({ trace, ink }) => ({
    name: nameOf(trace),
    ink,
    boxes: boxesOf(trace, groups, isAcross).slice(0, most),
  }));
  const base = { type: 'boxplot', silent: true, boxWidth: [8 * frame.scale, 56 * frame.scale] };
  const places = groups.categories.map((_, i) => i);
  const boxIn = (boxes: (Box & { ink: string })[], at: number): unknown => {
    const found = boxes.find((box) => box.at === at);
    return found ? { value: found.box, itemStyle: look(found.ink) } : '-';
  };
  const inked = drawn.map(({ ink, boxes }) => boxes.map((box) => ({ ...box, ink })));
  const series: Part[] = (isAlone ? [inked.flat()] : inked).map((boxes) => ({
    ...base,
    data: places.map((at) => boxIn(boxes, at)),
  }));
  // Beside each other, boxes leave the middle of their group; their outliers would not follow.
  if (!isAlone && traces.length > 1) return series;
  const points = inked.flat().flatMap(({ at, outliers, ink }) =>
    outliers.map((value) => ({
      value: isAcross ? [value, at] : [at, value],
      itemStyle: { color: ink, opacity: 0.6 },
    })),
  );
  return [...series, { type: 'scatter', silent: true, symbolSize: 5 * frame.scale, data: points }];
}

/** Candles of prices. */
export function candleSeries(trace: Part, x: Axis, frame: Frame): Part {
  const [open, close, low, high] = ['open', 'close', 'low', 'high'].map((name) => list(trace[name]));
  const places = list(trace['x']);
  const data: unknown[] = Array.from({ length: x.categories.length }, () => '-');
  for (const [i, first] of (open ?? []).entries()) {
    const at = places.length > 0 ? x.at(places[i]) : i;
    const row = [first, close?.[i], low?.[i], high?.[i]].map(number);
    if (at !== null && !row.includes(null)) data[at] = row;
  }
  return {
    type: 'candlestick',
    name: nameOf(trace),
    data,
    silent: true,
    barMaxWidth: 24 * frame.scale,
    itemStyle: {
      color: '#16a34a',
      borderColor: '#15803d',
      color0: '#dc2626',
      borderColor0: '#b91c1c',
      borderWidth: 1.2 * frame.scale,
    },
  };
}
