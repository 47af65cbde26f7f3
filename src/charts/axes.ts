import { addLegend, caption, cut, cutAll, FONT, LINE, SOFT, widthOf, type Entry, type Frame } from './frame.ts';
import { instant, label, list, number, part, short, text, title, type Part } from './reading.ts';
import { timeLabel, timeTicks } from './time.ts';

/** Axes of a figure: what kind they are by their values, and how they look. */

const MAX_CATEGORIES = 2000;
/** Letters of labels, and the angle at which long ones stand. */
const LABEL = 11.5;
const ANGLE = 38;

export interface Axis {
  kind: 'value' | 'time' | 'category' | 'log';
  /** The place of a value on it; null for what has none. */
  at(value: unknown): number | null;
  /** Names of the categories in order. */
  categories: string[];
  /** The least and the greatest of its values. */
  extent: [number, number];
  /** Whether it has whole numbers only, so that halves between them say nothing. */
  isWhole: boolean;
  layout: Part;
}

const keyOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The axis for these values. `isDiscrete` is for bars and cells, which stand beside each other whatever they are. */
export function axisOf(values: unknown[], layout: Part, isDiscrete: boolean): Axis {
  const known = values.filter((value) => value !== null && value !== undefined && value !== '');
  const isNumeric = known.length > 0 && known.every((value) => number(value) !== null);
  const isTime = known.length > 0 && known.every((value) => instant(value) !== null);
  const wanted = layout['type'];
  const ordered = list(layout['categoryarray']);
  const isCategory =
    isDiscrete || wanted === 'category' || ordered.length > 0 || (known.length > 0 && !isNumeric && !isTime);
  if (!isCategory) {
    const kind = isTime ? 'time' : wanted === 'log' ? 'log' : 'value';
    const at = (value: unknown): number | null => {
      const found = isTime ? instant(value) : number(value);
      return kind === 'log' && found !== null && found <= 0 ? null : found;
    };
    const extent: [number, number] = [Infinity, -Infinity];
    let isWhole = kind === 'value';
    for (const value of known) {
      const found = at(value) ?? extent[0];
      extent[0] = Math.min(extent[0], found);
      extent[1] = Math.max(extent[1], found);
      isWhole &&= Number.isInteger(found);
    }
    return { kind, at, categories: [], extent, isWhole, layout };
  }
  let distinct = [...new Map([...ordered, ...known].map((value) => [keyOf(value), value])).values()];
  if (ordered.length === 0 && wanted !== 'category') {
    if (isNumeric) distinct.sort((a, b) => Number(a) - Number(b));
    else if (isTime) distinct.sort((a, b) => (instant(a) ?? 0) - (instant(b) ?? 0));
  }
  distinct = distinct.slice(0, MAX_CATEGORIES);
  const places = new Map(distinct.map((value, i) => [keyOf(value), i]));
  return {
    kind: 'category',
    at: (value) => places.get(keyOf(value)) ?? null,
    categories: distinct.map(label),
    extent: [0, Math.max(distinct.length - 1, 0)],
    isWhole: false,
    layout,
  };
}

function rangeOf(axis: Axis): Part {
  const [low, high] = list(axis.layout['range']);
  const [from, to] = axis.kind === 'time' ? [instant(low), instant(high)] : [number(low), number(high)];
  if (axis.kind === 'category' || from === null || to === null || from === to) return {};
  // A log axis of Plotly has exponents for its range.
  const at = (value: number): number => (axis.kind === 'log' ? 10 ** value : value);
  return from > to ? { min: at(to), max: at(from), inverse: true } : { min: at(from), max: at(to) };
}

/** How the numbers of an axis are written. */
export function formatOf(layout: Part): (value: number) => string {
  const before = text(layout['tickprefix']);
  const after = text(layout['ticksuffix']);
  const isPercent = typeof layout['tickformat'] === 'string' && layout['tickformat'].endsWith('%');
  return (value) => `${before}${isPercent ? `${short(Number((value * 100).toPrecision(12)))}%` : short(value)}${after}`;
}

/** The room between the y labels and the right edge, roughly. */
const plotWidth = (frame: Frame): number => frame.width - 2 * frame.margin - 50 * frame.scale;

/** Labels of categories: side by side where they fit, in two lines, else at an angle or some of them. */
function categoryLabels(names: string[], room: number, frame: Frame): Part {
  const fontSize = LABEL * frame.scale;
  const slot = room / Math.max(names.length, 1);
  const widest = Math.max(0, ...names.map((name) => widthOf(name, fontSize)));
  if (widest <= slot - 6 * frame.scale) return { interval: 0 };
  const longestWord = Math.max(0, ...names.flatMap((name) => name.split(' ').map((word) => widthOf(word, fontSize))));
  if (longestWord <= slot - 4 * frame.scale && widest <= slot * 1.9)
    return { interval: 0, formatter: (name: string) => halves(name) };
  const isTight = slot < fontSize * 1.4;
  const most = Math.min(150 * frame.scale, frame.height * 0.3);
  // Days and the like are read well from some of them.
  if (isTight && widest < 90 * frame.scale) return { interval: Math.ceil((widest + 14 * frame.scale) / slot) - 1 };
  return {
    interval: isTight ? Math.ceil((fontSize * 1.4) / slot) - 1 : 0,
    rotate: ANGLE,
    formatter: cutter(names, most, fontSize),
  };
}

/** What cuts each of these names to a width, so that they stay different. */
function cutter(names: string[], width: number, fontSize: number): (name: string) => string {
  const short = cutAll(names, width, fontSize);
  const written = new Map(names.map((name, i) => [name, short[i] ?? name]));
  return (name) => written.get(name) ?? name;
}

/** A name in two lines of about the same length. */
function halves(name: string): string {
  const gaps = [...name.matchAll(/ /g)].map(({ index }) => index);
  const middle = gaps.sort((a, b) => Math.abs(a - name.length / 2) - Math.abs(b - name.length / 2))[0];
  return middle === undefined ? name : `${name.slice(0, middle)}\n${name.slice(middle + 1)}`;
}

export interface Look {
  /** Keep to the values rather than begin at zero. */
  isScaled: boolean;
  /** Whether it crosses the page. */
  isHorizontal: boolean;
  hasGrid: boolean;
  /** Room around the values, for bubbles that reach beyond their middle. */
  isPadded?: boolean;
  side?: 'left' | 'right';
}

const padding = {
  min: ({ min, max }: { min: number; max: number }) => min - (max - min || Math.abs(min) || 1) * 0.07,
  max: ({ min, max }: { min: number; max: number }) => max + (max - min || Math.abs(max) || 1) * 0.07,
};

/** An axis for echarts. */
export function axisOption(axis: Axis, frame: Frame, look: Look): Part {
  const { scale } = frame;
  const format = formatOf(axis.layout);
  const isCategory = axis.kind === 'category';
  const hasGrid = look.hasGrid && axis.layout['showgrid'] !== false;
  const room = plotWidth(frame);
  const range = rangeOf(axis);
  const [from, to] = [Number(range['min'] ?? axis.extent[0]), Number(range['max'] ?? axis.extent[1])];
  const count = look.isHorizontal ? room / (110 * scale) : (5 * frame.height) / 500 / scale;
  const labels: Part = isCategory
    ? look.isHorizontal
      ? categoryLabels(axis.categories, room, frame)
      : { formatter: cutter(axis.categories, frame.width * 0.3, LABEL * scale) }
    : axis.kind === 'time'
      ? { formatter: timeLabel, ...(to >= from ? { customValues: timeTicks(from, to, count) } : {}) }
      : {
          formatter: format,
          ...(look.isPadded && !('min' in range) ? { showMinLabel: false, showMaxLabel: false } : {}),
        };
  return {
    type: axis.kind,
    ...(isCategory ? { data: axis.categories } : { scale: look.isScaled && axis.layout['rangemode'] !== 'tozero' }),
    ...(axis.layout['autorange'] === 'reversed' ? { inverse: true } : {}),
    ...(axis.isWhole ? { minInterval: 1 } : {}),
    ...(look.isPadded && axis.kind === 'value' ? padding : {}),
    ...range,
    ...(look.side ? { position: look.side } : {}),
    splitNumber: Math.max(2, Math.round(count)),
    axisLine: {
      show: look.isHorizontal || isCategory,
      onZero: isCategory,
      lineStyle: { color: '#cbd0d8', width: scale },
    },
    axisTick: { show: false },
    splitLine: { show: hasGrid && !isCategory, lineStyle: { color: LINE, width: scale } },
    axisLabel: {
      color: SOFT,
      fontFamily: FONT,
      fontSize: LABEL * scale,
      margin: 8 * scale,
      hideOverlap: true,
      ...labels,
    },
  };
}

/** How far the first name reaches out to the left where names stand at an angle. */
function overhang(below: Axis, frame: Frame): number {
  const room = plotWidth(frame);
  const labels = below.kind === 'category' ? categoryLabels(below.categories, room, frame) : {};
  if (labels['rotate'] === undefined) return 0;
  const slot = room / Math.max(below.categories.length, 1);
  const reach = below.categories.slice(0, 4).map((name, i) => {
    const width = widthOf((labels['formatter'] as (name: string) => string)(name), LABEL * frame.scale);
    return width * Math.cos((ANGLE / 180) * Math.PI) - slot * (i + 0.5);
  });
  return Math.max(0, Math.max(...reach) - 24 * frame.scale);
}

/** The room of the axes with their titles: y above, x below. Legend first. */
export function gridOf(frame: Frame, layout: Part, entries: Entry[], sides: Axis[], below: Axis): Part {
  addLegend(frame, layout, entries);
  const { scale, margin, width, height } = frame;
  let { top } = frame;
  const fontSize = LABEL * scale;
  const [left = '', right = ''] = sides.map((axis) => title(axis.layout['title']));
  if (!frame.isSmall && (left !== '' || right !== '')) {
    const half = (width - 2 * margin) / (right === '' ? 1 : 2.1);
    frame.graphics.push(caption(cut(left, half, fontSize), margin, top, frame, { fontSize }));
    if (right !== '')
      frame.graphics.push(
        caption(cut(right, half, fontSize), width - margin, top, frame, { fontSize, textAlign: 'right' }),
      );
    top += 18 * scale;
  }
  const name = frame.isSmall ? '' : title(below.layout['title']);
  if (name !== '')
    frame.graphics.push(
      caption(cut(name, width - 2 * margin, fontSize), width / 2, height - margin * 0.6, frame, {
        fontSize,
        textAlign: 'center',
        textVerticalAlign: 'bottom',
      }),
    );
  return {
    left: margin + overhang(below, frame),
    // The last label of time stands out by half.
    right: margin + (frame.isSmall ? 0 : (below.kind === 'time' ? 20 : 6) * scale),
    top: top + 8 * scale,
    bottom: name === '' ? margin * 0.7 : margin * 0.6 + 20 * scale,
    containLabel: true,
  };
}

/** The layout of an axis of a figure. */
export const axisLayout = (layout: Part, name: string): Part => part(layout[name]);
