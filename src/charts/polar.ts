import { addLegend, FONT, LINE, nameOf, traceColor, widthOf, type Entry, type Frame } from './frame.ts';
import { markerColors } from './ramps.ts';
import { label, list, number, part, short, type Part } from './reading.ts';
import { ringScale, spokeNames } from './spokes.ts';

/** Charts around a centre: bars, radars, lines over angles. */

/** Where the angles begin and which way they go. Without a word of the figure: at the top, with the clock. */
function angles(layout: Part): { startAngle: number; clockwise: boolean } {
  const own = part(part(layout['polar'])['angularaxis']);
  return { startAngle: number(own['rotation']) ?? 90, clockwise: own['direction'] !== 'counterclockwise' };
}

/** Where the circle is: as large as the names around it let it be. Long ones are cut rather than leave it no room. */
function polarFrame(frame: Frame, names: readonly string[]): { center: [number, number]; radius: number } {
  const space = frame.isSmall ? 4 : 26 * frame.scale;
  const longest = Math.max(0, ...names.map((name) => widthOf(name, 11.5 * frame.scale)));
  const beside = frame.isSmall
    ? 2 * space
    : Math.max(2 * space, Math.min(longest, frame.width * 0.22) + 10 * frame.scale);
  const height = frame.height - frame.top - frame.margin * 0.7;
  const radius = Math.max(Math.min(frame.width - frame.margin - 2 * beside, height - 2 * space) / 2, 8);
  return { center: [frame.width / 2, frame.top + height / 2], radius };
}

const entriesOf = (traces: Part[], frame: Frame, isLine: boolean): Entry[] =>
  traces.map((trace, i) => ({ name: nameOf(trace), color: traceColor(frame, trace, i), isLine }));

const radiusLabels = (frame: Frame): Part => ({
  color: '#4b5563',
  fontFamily: FONT,
  fontSize: 10 * frame.scale,
  formatter: (value: number) => short(value),
  hideOverlap: true,
  showMinLabel: false,
  // A halo, as the labels lie over lines and bars.
  textBorderColor: 'rgba(255,255,255,0.9)',
  textBorderWidth: 2.5 * frame.scale,
});

/** Whether the figure wants its angles to be names, whatever they look like. */
const isNamed = (layout: Part): boolean => part(part(layout['polar'])['angularaxis'])['type'] === 'category';
const hasGrid = (layout: Part): boolean => part(part(layout['polar'])['radialaxis'])['showgrid'] !== false;

/** The rings of a scale, under what is drawn on it. */
function addRings(frame: Frame, room: ReturnType<typeof polarFrame>): void {
  const [cx, cy] = room.center;
  for (const share of [0.25, 0.5, 0.75, 1])
    frame.graphics.push({
      type: 'circle',
      silent: true,
      z: -1,
      shape: { cx, cy, r: room.radius * share },
      style: { fill: 'none', stroke: LINE, lineWidth: frame.scale },
    });
}

/** Bars around a centre, one on the other where several traces have the same angle. */
export function polarBars(traces: Part[], layout: Part, frame: Frame): Part {
  const { scale } = frame;
  addLegend(frame, layout, entriesOf(traces, frame, false));
  const thetas = traces.flatMap((trace) => {
    const own = list(trace['theta']);
    return own.length > 0 ? own : list(trace['r']).map((_, i, all) => (360 / all.length) * i);
  });
  const isNumeric = !isNamed(layout) && thetas.length > 0 && thetas.every((theta) => typeof theta === 'number');
  const distinct = [...new Set(thetas)].filter((theta) => theta !== null);
  if (isNumeric) distinct.sort((a, b) => Number(a) - Number(b));
  const names = distinct.slice(0, 360).map((theta) => (isNumeric ? `${short(Number(theta))}°` : label(theta)));
  const places = new Map(distinct.map((theta, i) => [theta, i]));
  const { startAngle, clockwise } = angles(layout);
  const half = 180 / Math.max(names.length, 1);
  const isOver = layout['barmode'] === 'overlay';
  const sums = new Map<unknown, number>();
  for (const trace of traces)
    for (const [i, r] of list(trace['r']).entries()) {
      const theta = list(trace['theta'])[i] ?? distinct[i];
      const value = Math.max(number(r) ?? 0, 0);
      sums.set(theta, isOver ? Math.max(sums.get(theta) ?? 0, value) : (sums.get(theta) ?? 0) + value);
    }
  const { most } = ringScale(
    0,
    [...sums.values()].reduce((high, sum) => Math.max(high, sum), 0),
  );
  const room = polarFrame(frame, names);
  if (hasGrid(layout)) addRings(frame, room);
  const written = spokeNames(names, { ...room, startAngle, clockwise }, frame);
  return {
    polar: room,
    angleAxis: {
      type: 'category',
      data: names,
      // The first bar stands upright on its angle rather than beside it.
      startAngle: startAngle + (clockwise ? half : -half),
      clockwise,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        show: !frame.isSmall,
        interval: 0,
        formatter: (name: string, i: number) => written[i] ?? name,
        color: '#374151',
        fontFamily: FONT,
        fontSize: 11.5 * scale,
        margin: 8 * scale,
      },
    },
    radiusAxis: {
      type: 'value',
      min: 0,
      max: most,
      interval: most / 4,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { ...radiusLabels(frame), show: !frame.isSmall },
      z: 10,
    },
    series: traces.map((trace, n) => {
      const ink = traceColor(frame, trace, n);
      const colors = markerColors(part(trace['marker']), ink);
      const data: unknown[] = names.map(() => ({ value: 0 }));
      for (const [i, r] of list(trace['r']).entries()) {
        const theta = list(trace['theta'])[i] ?? distinct[i];
        const at = places.get(theta);
        if (at !== undefined && at < names.length)
          data[at] = { value: number(r) ?? 0, ...(colors ? { itemStyle: { color: colors(i) } } : {}) };
      }
      return {
        type: 'bar',
        coordinateSystem: 'polar',
        name: nameOf(trace),
        data,
        ...(isOver ? { barGap: '-100%' } : { stack: 'bars' }),
        barCategoryGap: '8%',
        silent: true,
        itemStyle: { color: ink, opacity: 0.92, borderColor: '#ffffff', borderWidth: scale },
      };
    }),
  };
}

/** Areas over named spokes: a radar. */
function radar(traces: Part[], layout: Part, frame: Frame): Part {
  const { scale } = frame;
  addLegend(frame, layout, entriesOf(traces, frame, true));
  const spokes = [...new Set(traces.flatMap((trace) => list(trace['theta'])))].slice(0, 100);
  const all = traces.flatMap((trace) => list(trace['r']).flatMap((r) => number(r) ?? []));
  const range = list(part(part(layout['polar'])['radialaxis'])['range']).map(number);
  const scaled = ringScale(
    all.reduce((low, r) => Math.min(low, r), 0),
    all.reduce((high, r) => Math.max(high, r), 0),
  );
  const [least, most] = [range[0] ?? scaled.least, range[1] ?? scaled.most];
  const names = spokes.map(label);
  const circle = { ...polarFrame(frame, names), ...angles(layout) };
  const written = spokeNames(names, circle, frame);
  const line = { show: hasGrid(layout), lineStyle: { color: LINE, width: scale } };
  return {
    radar: {
      ...circle,
      splitNumber: 4,
      indicator: spokes.map((_, i) => ({
        name: written[i],
        min: least,
        max: most > least ? most : least + 1,
        // One scale is enough for all spokes.
        axisLabel: { ...radiusLabels(frame), show: i === 0 && !frame.isSmall },
      })),
      axisName: { show: !frame.isSmall, color: '#374151', fontFamily: FONT, fontSize: 11.5 * scale },
      axisNameGap: 8 * scale,
      axisLine: line,
      splitLine: line,
      splitArea: { show: false },
    },
    series: traces.map((trace, n) => {
      const ink = traceColor(frame, trace, n);
      const thetas = list(trace['theta']);
      const values = spokes.map((spoke) => number(list(trace['r'])[thetas.indexOf(spoke)]) ?? '-');
      const isFilled = typeof trace['fill'] === 'string' && trace['fill'] !== 'none';
      return {
        type: 'radar',
        silent: true,
        symbol: 'circle',
        symbolSize: 5 * scale,
        data: [{ name: nameOf(trace), value: values }],
        itemStyle: { color: ink },
        lineStyle: { color: ink, width: 2.2 * scale, join: 'round' },
        areaStyle: { color: ink, opacity: isFilled ? (traces.length > 2 ? 0.08 : 0.2) : 0 },
      };
    }),
  };
}

/** Points and lines around a centre by their angles in degrees. */
function polarLines(traces: Part[], layout: Part, frame: Frame): Part {
  const { scale } = frame;
  addLegend(frame, layout, entriesOf(traces, frame, true));
  const { startAngle, clockwise } = angles(layout);
  return {
    polar: polarFrame(frame, []),
    angleAxis: {
      type: 'value',
      min: 0,
      max: 360,
      interval: 45,
      startAngle,
      clockwise,
      axisLine: { lineStyle: { color: '#cbd0d8', width: scale } },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: LINE, width: scale } },
      axisLabel: {
        color: '#374151',
        fontFamily: FONT,
        fontSize: 11.5 * scale,
        formatter: (value: number) => `${value}°`,
      },
    },
    radiusAxis: {
      type: 'value',
      splitNumber: 4,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: LINE, width: scale } },
      axisLabel: radiusLabels(frame),
    },
    series: traces.map((trace, n) => {
      const ink = traceColor(frame, trace, n);
      const isLine = typeof trace['mode'] !== 'string' || trace['mode'].includes('lines');
      const hasPoints = String(trace['mode']).includes('markers');
      return {
        type: isLine ? 'line' : 'scatter',
        coordinateSystem: 'polar',
        name: nameOf(trace),
        silent: true,
        showSymbol: hasPoints,
        symbol: 'circle',
        symbolSize: 7 * scale,
        itemStyle: { color: ink, opacity: isLine ? 1 : 0.75 },
        lineStyle: { color: ink, width: 2.2 * scale },
        data: list(trace['r'])
          .slice(0, Math.floor(20_000 / traces.length))
          .map((r, i) => [number(r), (((number(list(trace['theta'])[i]) ?? 0) % 360) + 360) % 360]),
      };
    }),
  };
}

/** A trace without the point that closes it, which is its first once more. */
function unclosed(trace: Part): Part {
  const thetas = list(trace['theta']);
  const isClosed = thetas.length > 1 && thetas[0] === thetas.at(-1);
  return isClosed ? { ...trace, theta: thetas.slice(0, -1), r: list(trace['r']).slice(0, -1) } : trace;
}

/** A chart of `scatterpolar`: a radar over names, lines over angles. */
export function polarScatter(traces: Part[], layout: Part, frame: Frame): Part {
  const thetas = traces.flatMap((trace) => list(trace['theta']));
  if (!isNamed(layout) && thetas.every((theta) => typeof theta === 'number')) return polarLines(traces, layout, frame);
  // Two spokes have no area between them.
  return new Set(thetas).size < 3 ? polarBars(traces.map(unclosed), layout, frame) : radar(traces, layout, frame);
}
