import type { Axis } from './axes.ts';
import { FONT, INK, nameOf, SOFT, type Frame } from './frame.ts';
import { markerColors } from './ramps.ts';
import { between, color, entry, list, number, part, text, type Part } from './reading.ts';

/** What is drawn between two axes: lines and points, bars, lines of the layout. */

const dashes: Record<string, unknown> = {
  dot: [2, 4],
  dash: 'dashed',
  longdash: [10, 5],
  dashdot: [8, 4, 2, 4],
  longdashdot: [12, 4, 2, 4],
};
const steps: Record<string, string> = { hv: 'end', vh: 'start', hvh: 'middle', vhv: 'middle' };
const symbols: Record<string, string> = {
  square: 'rect',
  diamond: 'diamond',
  'triangle-up': 'triangle',
  triangle: 'triangle',
};

type Place = (axis: Axis, values: unknown[], i: number) => number | null;
/** Without values of its own, a point stands at its number. */
const placeOf: Place = (axis, values, i) => (values.length > 0 ? axis.at(values[i]) : i);

/** Sizes of markers as Plotly has them: by area or diameter, in pixels. */
function sizesOf(marker: Part, scale: number): (i: number) => number {
  const { size, sizemode } = marker;
  const sizeref = number(marker['sizeref']) ?? 1;
  const least = number(marker['sizemin']) ?? 0;
  if (!Array.isArray(size)) return () => between(number(size) ?? 8, 1, 60) * scale;
  return (i) => {
    const value = Math.max(number(size[i]) ?? 0, 0) / 2 / (sizeref || 1);
    const radius = Math.max(sizemode === 'area' ? Math.sqrt(value) : value, least);
    return between(radius * 2, 1, 120) * scale;
  };
}

/** A line, points or both. */
export function pointSeries(trace: Part, x: Axis, y: Axis, ink: string, frame: Frame): Part {
  const { scale } = frame;
  const xs = list(trace['x']);
  const ys = list(trace['y']);
  const count = Math.max(xs.length, ys.length);
  const marker = part(trace['marker']);
  const line = part(trace['line']);
  const mode =
    typeof trace['mode'] === 'string' ? trace['mode'] : count < 20 && !trace['fill'] ? 'lines+markers' : 'lines';
  const isLines = mode.includes('lines') || Boolean(trace['fill']) || Boolean(trace['stackgroup']);
  const sizes = sizesOf(marker, scale);
  const colors = markerColors(marker, ink);
  const texts = mode.includes('text') ? trace['text'] : null;
  const data = Array.from({ length: count }, (_, i): Part => {
    const value = [placeOf(x, xs, i), placeOf(y, ys, i)];
    const said = text(Array.isArray(texts) ? texts[i] : texts);
    return {
      value,
      ...(isLines ? {} : { symbolSize: mode.includes('markers') ? sizes(i) : 0 }),
      ...(colors ? { itemStyle: { color: colors(i) } } : {}),
      ...(said === '' ? {} : { label: { show: true, formatter: () => said } }),
    };
  });
  const shared = {
    name: nameOf(trace),
    symbol: entry(symbols, marker['symbol']) ?? 'circle',
    label: { position: 'top', color: SOFT, fontFamily: FONT, fontSize: 11 * scale },
    labelLayout: { hideOverlap: true },
    yAxisIndex: trace['yaxis'] === 'y2' ? 1 : 0,
    silent: true,
  };
  if (!isLines) {
    const hasSizes = Array.isArray(marker['size']);
    const shown = data.filter(({ value }) => (value as unknown[]).every((at) => at !== null));
    // Large bubbles lie under small ones.
    if (hasSizes) shown.sort((a, b) => Number(b['symbolSize']) - Number(a['symbolSize']));
    const opacity = between(number(marker['opacity']) ?? number(trace['opacity']) ?? (hasSizes ? 0.65 : 0.72), 0, 1);
    return {
      ...shared,
      type: 'scatter',
      data: shown,
      itemStyle: { color: ink, opacity, borderColor: '#ffffff', borderWidth: 0.8 * scale },
    };
  }
  const isFilled =
    ['tozeroy', 'tonexty', 'tozerox', 'toself'].includes(String(trace['fill'])) || Boolean(trace['stackgroup']);
  // A point with nothing beside it would be a line of no length.
  const isThere = (i: number): boolean =>
    (data[i]?.['value'] as unknown[] | undefined)?.every((at) => at !== null) ?? false;
  const hasMarkers = mode.includes('markers');
  const alone = hasMarkers ? [] : data.filter((_, i) => isThere(i) && !isThere(i - 1) && !isThere(i + 1));
  const size = Array.isArray(marker['size']) ? 7 * scale : between(number(marker['size']) ?? 7, 1, 40) * scale;
  if (alone.length > 0) for (const point of data) point['symbolSize'] = alone.includes(point) ? size : 0;
  // Sorted points make smooth lines that do not overshoot sideways.
  const step = entry(steps, line['shape']);
  const isSpline = line['shape'] === 'spline';
  return {
    ...shared,
    type: 'line',
    data,
    showSymbol: hasMarkers || alone.length > 0,
    ...(alone.length > 0 ? { showAllSymbol: true } : {}),
    symbolSize: size,
    color: ink,
    itemStyle: { borderWidth: 0 },
    lineStyle: {
      color: ink,
      width: between(number(line['width']) ?? 2.2, 0.5, 12) * scale,
      type: entry(dashes, line['dash']) ?? 'solid',
      cap: 'round',
      join: 'round',
    },
    ...(isSpline ? { smooth: 0.4, smoothMonotone: 'x' } : {}),
    ...(step === undefined ? {} : { step }),
    ...(isFilled
      ? { areaStyle: { color: color(trace['fillcolor']) ?? ink, opacity: trace['stackgroup'] ? 0.55 : 0.18 } }
      : {}),
    ...(trace['stackgroup'] ? { stack: `area ${text(trace['stackgroup'])}` } : {}),
    connectNulls: trace['connectgaps'] === true,
  };
}

/** Bars, across or upright. */
export function barSeries(
  trace: Part,
  x: Axis,
  y: Axis,
  ink: string,
  frame: Frame,
  layout: Part,
  isAcross: boolean,
): Part {
  const { scale } = frame;
  const xs = list(trace['x']);
  const ys = list(trace['y']);
  const isStacked = layout['barmode'] === 'stack' || layout['barmode'] === 'relative';
  const colors = markerColors(part(trace['marker']), ink);
  const texts = trace['textposition'] === 'none' ? null : trace['text'];
  const radius = isStacked ? 0 : 3 * scale;
  const data = Array.from({ length: Math.max(xs.length, ys.length) }, (_, i): Part => {
    const value = [placeOf(x, xs, i), placeOf(y, ys, i)];
    const isBelow = Number(value[isAcross ? 0 : 1]) < 0;
    const said = text(Array.isArray(texts) ? texts[i] : texts);
    const corners = isAcross ? [0, radius, radius, 0] : [radius, radius, 0, 0];
    return {
      value,
      itemStyle: {
        ...(colors ? { color: colors(i) } : {}),
        borderRadius: isBelow ? [...corners.slice(2), ...corners.slice(0, 2)] : corners,
      },
      ...(said === '' ? {} : { label: { show: true, formatter: () => said } }),
    };
  });
  const isOver = layout['barmode'] === 'overlay';
  const isHistogram = trace['isHistogram'] === true;
  const gap = number(layout['bargap']);
  return {
    type: 'bar',
    name: nameOf(trace),
    data,
    itemStyle: { color: ink, opacity: between(number(trace['opacity']) ?? (isOver ? 0.6 : 1), 0, 1) },
    ...(isStacked ? { stack: 'bars' } : {}),
    ...(isOver ? { barGap: '-100%' } : { barGap: '8%' }),
    barCategoryGap: isHistogram ? '4%' : `${Math.round(between(gap ?? 0.32, 0, 0.95) * 100)}%`,
    ...(isHistogram ? {} : { barMaxWidth: 72 * scale }),
    label: { position: isAcross ? 'right' : 'top', color: INK, fontFamily: FONT, fontSize: 11 * scale },
    labelLayout: { hideOverlap: true },
    yAxisIndex: trace['yaxis'] === 'y2' ? 1 : 0,
    silent: true,
  };
}

/** Lines of the layout: between two points, or across the whole chart. */
export function shapeSeries(layout: Part, x: Axis, y: Axis): Part[] {
  const style = (shape: Part): Part => {
    const line = part(shape['line']);
    return {
      color: color(line['color']) ?? '#9aa1ac',
      width: between(number(line['width']) ?? 1.5, 0.5, 10),
      type: [5, 5],
    };
  };
  return list(layout['shapes']).flatMap((one): Part[] => {
    const shape = part(one);
    if (shape['type'] !== 'line') return [];
    const [x0, x1, y0, y1] = [x.at(shape['x0']), x.at(shape['x1']), y.at(shape['y0']), y.at(shape['y1'])];
    const across = String(shape['xref']).includes('paper') || String(shape['xref']).includes('domain');
    const upright = String(shape['yref']).includes('paper') || String(shape['yref']).includes('domain');
    const base = { type: 'line', data: [] as unknown[], symbol: 'none', silent: true, lineStyle: style(shape), z: 1 };
    if (across || upright) {
      const mark = across ? { yAxis: y0 } : { xAxis: x0 };
      if ((across ? y0 : x0) === null) return [];
      return [
        {
          ...base,
          markLine: { symbol: 'none', silent: true, label: { show: false }, lineStyle: style(shape), data: [mark] },
        },
      ];
    }
    if ([x0, x1, y0, y1].includes(null)) return [];
    return [
      {
        ...base,
        data: [
          [x0, y0],
          [x1, y1],
        ],
      },
    ];
  });
}
