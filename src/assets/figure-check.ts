import { DomainError } from '../errors.ts';
import type { Figure } from './figure.ts';

/** Points of one trace that leave the gateway. */
export const MAX_POINTS = 50_000;
const MAX_TRACES = 100;
const MAX_MARKS = 100;
const MAX_TEXT = 1000;
const MAX_CELL = 10_000;
const MAX_MISTAKES = 10;

type Trace = Record<string, unknown>;

/** What a kind of trace needs: of each list one attribute, and those of `parallel` equally long where they are there. */
interface TraceRule {
  needs: string[][];
  parallel: string[];
}

const XY: TraceRule = { needs: [['x', 'y']], parallel: ['x', 'y'] };
const POLAR: TraceRule = { needs: [['r']], parallel: ['r', 'theta'] };
const TREE: TraceRule = { needs: [['labels'], ['parents']], parallel: ['labels', 'parents', 'values', 'ids'] };

/** The kinds of traces that a figure may have. */
export const TRACE_RULES: Readonly<Record<string, TraceRule>> = {
  bar: XY,
  scatter: XY,
  scattergl: XY,
  histogram: XY,
  funnel: XY,
  box: { needs: [['x', 'y', 'q1']], parallel: ['x', 'y', 'q1', 'median', 'q3'] },
  pie: { needs: [['values', 'labels']], parallel: ['labels', 'values'] },
  barpolar: POLAR,
  scatterpolar: POLAR,
  heatmap: { needs: [['z']], parallel: [] },
  indicator: { needs: [['value']], parallel: [] },
  treemap: TREE,
  sunburst: TREE,
  sankey: { needs: [['link']], parallel: [] },
  candlestick: {
    needs: [['open'], ['high'], ['low'], ['close']],
    parallel: ['x', 'open', 'high', 'low', 'close'],
  },
  table: { needs: [['cells']], parallel: [] },
};

/** The kind of a trace; Plotly takes one without a type for a scatter. */
export const typeOf = (trace: Trace): string => (typeof trace['type'] === 'string' ? trace['type'] : 'scatter');

const isObject = (value: unknown): value is Trace =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
const numberOf = (value: unknown): number => {
  const isDay = typeof value === 'string' && /^\d{4}-\d{2}/.test(value);
  return value === null || value === '' ? Number.NaN : isDay ? Date.parse(value) : Number(value);
};

/**
 * Which points of a line to keep so that it looks the same: largest triangle, three buckets (Steinarsson 2013). Answers
 * `keep` places, the first and the last among them.
 */
export function lttb(xs: readonly unknown[], ys: readonly unknown[], keep: number): number[] {
  const count = ys.length;
  if (count <= keep || keep < 3) return ys.map((_, i) => i);
  const places = xs.map(numberOf);
  const isPlaced = places.length === count && places.every((x) => !Number.isNaN(x));
  const x = (i: number): number => (isPlaced ? (places[i] ?? i) : i);
  const heights = ys.map((y) => numberOf(y) || 0);
  const y = (i: number): number => heights[i] ?? 0;
  const step = (count - 2) / (keep - 2);
  const kept = [0];
  for (let bucket = 0; bucket < keep - 2; bucket++) {
    const from = Math.floor(bucket * step) + 1;
    const to = Math.floor((bucket + 1) * step) + 1;
    const end = Math.min(Math.floor((bucket + 2) * step) + 1, count);
    let [meanX, meanY] = [0, 0];
    for (let i = to; i < end; i++) {
      meanX += x(i) / (end - to);
      meanY += y(i) / (end - to);
    }
    const a = kept.at(-1) ?? 0;
    let best = from;
    let largest = -1;
    for (let i = from; i < to; i++) {
      const area = Math.abs((x(a) - meanX) * (y(i) - y(a)) - (x(a) - x(i)) * (meanY - y(a)));
      if (area > largest) [largest, best] = [area, i];
    }
    kept.push(best);
  }
  return [...kept, count - 1];
}

/** A trace with some of its points: every list as long as the points, its own or a level down, keeps its pace. */
export function pick(trace: Trace, count: number, kept: number[], depth = 0): Trace {
  return Object.fromEntries(
    Object.entries(trace).map(([key, value]) => {
      if (Array.isArray(value) && value.length === count) return [key, kept.map((i) => value[i] as unknown)];
      return [key, isObject(value) && depth < 1 ? pick(value, count, kept, depth + 1) : value];
    }),
  );
}

/** Whether a trace is a line, of which fewer points look the same. */
export function isLine(trace: Trace): boolean {
  if (!['scatter', 'scattergl'].includes(typeOf(trace))) return false;
  return typeof trace['mode'] !== 'string' || trace['mode'].includes('lines');
}

type Say = (path: (string | number)[], message: string) => void;

/** Bounded texts, and nothing that a viewer's browser would fetch. In a trace, lists are data. */
function checkAttributes(value: unknown, path: (string | number)[], say: Say): void {
  if (typeof value === 'string') {
    const isPicture = path.at(-1) === 'source' && value.startsWith('data:image/');
    if (value.length > MAX_TEXT && !isPicture) say(path, `has more than ${MAX_TEXT} characters.`);
  } else if (Array.isArray(value)) {
    if (path[0] === 'layout') for (const [i, item] of value.entries()) checkAttributes(item, [...path, i], say);
    else if (value.some((cell) => typeof cell === 'string' && cell.length > MAX_CELL))
      say(path, `has a text of more than ${MAX_CELL} characters.`);
  } else if (isObject(value)) {
    for (const [key, member] of Object.entries(value)) {
      const at = [...path, key];
      const isAddress = typeof member === 'string' && ['source', 'geojson'].includes(key);
      if (isAddress && !member.startsWith('data:image/')) say(at, 'is an address; only data of its own is taken.');
      else if (key === 'accesstoken') say(at, 'is a token; a figure has none.');
      else if (path.length === 1 && path[0] === 'layout' && /^map(box)?\d*$/.test(key))
        say(at, 'is a map; maps are not drawn.');
      else checkAttributes(member, at, say);
    }
  }
}

function checkMatrix(trace: Trace, say: Say): number {
  const z = trace['z'];
  if (!Array.isArray(z)) return 0;
  const rows = z.filter((row) => Array.isArray(row)) as unknown[][];
  const lengths = { x: trace['x'], y: trace['y'] };
  if (rows.length === 0) {
    for (const [name, list] of Object.entries(lengths))
      if (Array.isArray(list) && list.length !== z.length) say([name], `has ${list.length} values, z has ${z.length}.`);
    return z.length;
  }
  const width = rows[0]?.length ?? 0;
  const uneven = z.findIndex((row) => !Array.isArray(row) || row.length !== width);
  if (uneven >= 0) say(['z', uneven], `should be a list of ${width} values, as the first row is.`);
  // Edges of the cells are one more than the cells.
  for (const [name, wanted] of [
    ['x', width],
    ['y', z.length],
  ] as const) {
    const list = lengths[name];
    if (Array.isArray(list) && list.length !== wanted && list.length !== wanted + 1)
      say([name], `has ${list.length} values, z has ${wanted} ${name === 'x' ? 'columns' : 'rows'}.`);
  }
  return z.length * width;
}

function checkSankey(trace: Trace, say: Say): number {
  const link = trace['link'];
  if (!isObject(link)) return 0;
  const lists = ['source', 'target', 'value'].map((name) => [name, link[name]] as const);
  const count = Array.isArray(link['source']) ? link['source'].length : 0;
  const labels = isObject(trace['node']) ? trace['node']['label'] : null;
  for (const [name, list] of lists) {
    if (!Array.isArray(list)) say(['link', name], 'is missing: a list.');
    else if (list.length !== count) say(['link', name], `has ${list.length} values, link.source has ${count}.`);
    else if (name !== 'value' && Array.isArray(labels)) {
      const wrong = list.findIndex((at) => !Number.isInteger(at) || at < 0 || at >= labels.length);
      if (wrong >= 0) say(['link', name, wrong], `names no node: there are ${labels.length}.`);
    }
  }
  return count;
}

function checkTable(trace: Trace, say: Say): number {
  const values = isObject(trace['cells']) ? trace['cells']['values'] : null;
  if (!Array.isArray(values) || !values.every((column) => Array.isArray(column))) {
    say(['cells', 'values'], 'should be a list of columns, each a list.');
    return 0;
  }
  return Math.max(0, ...values.map((column) => column.length));
}

/** Says what is wrong with a trace; answers how many points it has. */
function checkTrace(trace: Trace, say: Say): number {
  const type = typeOf(trace);
  const rule = Object.hasOwn(TRACE_RULES, type) ? TRACE_RULES[type] : undefined;
  if (!rule) {
    say(['type'], `${type.slice(0, 40)} is not drawn here; there are ${Object.keys(TRACE_RULES).join(', ')}.`);
    return 0;
  }
  for (const one of rule.needs)
    if (one.every((name) => (trace[name] ?? null) === null)) say([one[0] ?? ''], `is missing: ${one.join(' or ')}.`);
  const lists = rule.parallel.flatMap((name) => {
    const value = trace[name] ?? null;
    if (value === null) return [];
    if (Array.isArray(value)) return [[name, value.length] as const];
    say([name], 'should be a list.');
    return [];
  });
  const [first] = lists;
  for (const [name, length] of lists)
    if (first && length !== first[1]) say([name], `has ${length} values, ${first[0]} has ${first[1]}.`);
  if (type === 'heatmap') return checkMatrix(trace, say);
  if (type === 'sankey') return checkSankey(trace, say);
  if (type === 'table') return checkTable(trace, say);
  if (type === 'indicator' && (trace['value'] ?? null) !== null && !isNumber(trace['value']))
    say(['value'], 'should be a number.');
  return first?.[1] ?? 0;
}

/**
 * A figure that may leave the gateway: known traces with their data in step, bounded texts, nothing to fetch. Lines of
 * more than 50,000 points come with as many as that.
 * @throws DomainError VALIDATION that names up to 10 mistakes with their paths.
 */
export function checkFigure(figure: Figure): Figure {
  const mistakes: { path: string[]; text: string }[] = [];
  const say = (path: (string | number)[], message: string): void => {
    const shown = path
      .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
      .join('');
    if (mistakes.length < MAX_MISTAKES) mistakes.push({ path: path.map(String), text: `${shown} ${message}` });
  };
  if (figure.data.length > MAX_TRACES) say(['data'], `has ${figure.data.length} traces, more than ${MAX_TRACES}.`);
  const data = figure.data.slice(0, MAX_TRACES).map((trace, n) => {
    if (!isObject(trace)) {
      say(['data', n], 'should be an object.');
      return trace;
    }
    const count = checkTrace(trace, (path, message) => say(['data', n, ...path], message));
    checkAttributes(trace, ['data', n], say);
    if (count <= MAX_POINTS) return trace;
    const { x, y } = trace;
    if (isLine(trace) && Array.isArray(y)) return pick(trace, count, lttb(Array.isArray(x) ? x : [], y, MAX_POINTS));
    say(['data', n], `has ${count} points, more than ${MAX_POINTS}; aggregate in the SQL.`);
    return trace;
  });
  checkAttributes(figure.layout, ['layout'], say);
  for (const name of ['annotations', 'shapes', 'images']) {
    const list = figure.layout[name];
    if (Array.isArray(list) && list.length > MAX_MARKS)
      say(['layout', name], `has ${list.length} items, more than ${MAX_MARKS}.`);
  }
  if (mistakes.length === 0) return { ...figure, data };
  throw new DomainError('VALIDATION', `The figure cannot be drawn: ${mistakes.map(({ text }) => text).join(' ')}`, {
    path: ['vizSpec', ...(mistakes[0]?.path ?? [])],
  });
}
