import { lttb, pick, typeOf } from '../assets/figure-check.ts';
import { axisLayout, axisOf, axisOption, gridOf, type Axis } from './axes.ts';
import { boxSeries, candleSeries, histogramBars } from './distributions.ts';
import { nameOf, traceColor, type Entry, type Frame } from './frame.ts';
import { list, part, type Part } from './reading.ts';
import { barSeries, pointSeries, shapeSeries } from './series.ts';

/** Charts on two axes: lines, points, bars, boxes, candles. */

/** Points that a picture draws of all its traces together. */
const MAX_DRAWN = 20_000;
const isPointy = (trace: Part): boolean => ['scatter', 'scattergl'].includes(typeOf(trace));

/** The trace with at most so many points: more would not be seen. */
function thinned(trace: Part, most: number): Part {
  const count = Math.max(list(trace['x']).length, list(trace['y']).length);
  if (count <= most || !['bar', 'scatter', 'scattergl'].includes(typeOf(trace))) return trace;
  if (!isPointy(trace))
    return pick(
      trace,
      count,
      Array.from({ length: most }, (_, i) => i),
    );
  const y = list(trace['y']);
  return pick(trace, count, lttb(list(trace['x']), y.length > 0 ? y : list(trace['x']), most));
}

/** A chart on two axes, for echarts. */
export function cartesian(traces: Part[], layout: Part, frame: Frame): Part {
  const most = Math.max(200, Math.floor(MAX_DRAWN / Math.max(traces.length, 1)));
  const known = histogramBars(traces, layout).map((trace) => thinned(trace, most));
  const types = new Set(known.map((trace) => typeOf(trace)));
  const isAcross = known.some(
    (trace) =>
      trace['orientation'] === 'h' ||
      (typeOf(trace) === 'box' && list(trace['y']).length === 0 && list(trace['x']).length > 0),
  );
  const isDiscrete = types.has('bar') || types.has('box') || types.has('candlestick');
  const own = (axis: string) => (trace: Part) => (trace['yaxis'] === 'y2') === (axis === 'y2');
  const placesOf = (trace: Part, name: 'x' | 'y'): unknown[] => {
    const isPosition = (name === 'y') === isAcross;
    // Boxes without groups stand under their names.
    if (isPosition && typeOf(trace) === 'box' && list(trace[name]).length === 0) return [trace['name'] ?? ''];
    const values = list(trace[name]);
    const others = list(trace[typeOf(trace) === 'candlestick' ? 'open' : isAcross ? 'x' : 'y']);
    return values.length === 0 && isPosition ? others.map((_, i) => i) : values;
  };
  const axis = (name: 'x' | 'y', traceFilter: (trace: Part) => boolean, layoutName: string): Axis =>
    axisOf(
      known.filter(traceFilter).flatMap((trace) => placesOf(trace, name)),
      axisLayout(layout, layoutName),
      isDiscrete && (name === 'y') === isAcross,
    );
  const x = axis('x', () => true, 'xaxis');
  const hasSecond = known.some(own('y2'));
  const ys = [axis('y', own('y'), 'yaxis'), ...(hasSecond ? [axis('y', own('y2'), 'yaxis2')] : [])];
  const entries: Entry[] = [];
  const boxes: { trace: Part; ink: string }[] = [];
  const series = known.flatMap((trace, i): Part[] => {
    const type = typeOf(trace);
    const ink = traceColor(frame, trace, i);
    const y = ys[trace['yaxis'] === 'y2' ? 1 : 0] ?? ys[0];
    if (!y) return [];
    const isLine = isPointy(trace) && (typeof trace['mode'] !== 'string' || trace['mode'].includes('lines'));
    entries.push({ name: nameOf(trace), color: ink, isLine });
    if (type === 'bar') return [barSeries(trace, x, y, ink, frame, layout, isAcross)];
    if (type === 'box') {
      boxes.push({ trace, ink });
      return [];
    }
    if (type === 'candlestick') return [candleSeries(trace, x, frame)];
    return [pointSeries(trace, x, y, ink, frame)];
  });
  const [firstY = x] = ys;
  if (boxes.length > 0) series.push(...boxSeries(boxes, isAcross ? firstY : x, frame, isAcross));
  const isFromZero =
    types.has('bar') || known.some((trace) => String(trace['fill']).startsWith('tozero') || trace['stackgroup']);
  const onlyPoints = series.every((one) => one['type'] === 'scatter');
  // Bubbles reach beyond their middles.
  const isPadded = onlyPoints && known.some((trace) => Array.isArray(part(trace['marker'])['size']));
  return {
    grid: gridOf(frame, layout, entries, ys, x),
    xAxis: {
      ...axisOption(x, frame, {
        isScaled: !(isFromZero && isAcross),
        isHorizontal: true,
        hasGrid: onlyPoints || isAcross,
        isPadded,
      }),
      boundaryGap: x.kind === 'category' && (isDiscrete || onlyPoints),
    },
    yAxis: ys.map((y, i) => ({
      ...axisOption(y, frame, {
        isScaled: !isFromZero || isAcross,
        isHorizontal: false,
        hasGrid: i === 0 && !isAcross,
        isPadded,
        side: i === 1 ? 'right' : 'left',
      }),
      // Two scales share the lines of the first.
      ...(i === 1 ? { alignTicks: true } : {}),
    })),
    series: [...series, ...shapeSeries(layout, x, firstY)],
  };
}
