import { addLegend, caption, cellOf, cut, FONT, INK, nameOf, SOFT, type Frame } from './frame.ts';
import { between, color, label, list, number, part, short, type Part } from './reading.ts';

/** Pies and doughnuts. */

const MAX_SLICES = 200;

/** Slices in order with equal names added up, as Plotly does; largest first unless the figure says otherwise. */
function slicesOf(trace: Part): { name: string; value: number; place: number }[] {
  const labels = list(trace['labels']);
  const values = list(trace['values']);
  const sums = new Map<string, { name: string; value: number; place: number }>();
  for (let i = 0; i < Math.max(labels.length, values.length); i++) {
    const name = labels.length > 0 ? label(labels[i]) : String(i);
    const value = values.length > 0 ? (number(values[i]) ?? 0) : 1;
    const slice = sums.get(name) ?? { name, value: 0, place: sums.size };
    slice.value += Math.max(value, 0);
    sums.set(name, slice);
  }
  const slices = [...sums.values()].filter(({ value }) => value > 0);
  if (trace['sort'] !== false) slices.sort((a, b) => b.value - a.value);
  return slices.slice(0, MAX_SLICES);
}

/** Pies and doughnuts, beside each other where there are several. */
export function pies(traces: Part[], layout: Part, frame: Frame): Part {
  const { scale } = frame;
  const all = traces.map(slicesOf);
  const places = new Map([...new Set(all.flat().map(({ name }) => name))].map((name, i) => [name, i]));
  const inkOf = (trace: Part, name: string, place: number): string =>
    color(list(part(trace['marker'])['colors'])[place]) ??
    frame.colors[(places.get(name) ?? 0) % frame.colors.length] ??
    SOFT;
  // Names stand beside the slices where there is room, else in a legend.
  const hasNames = !frame.isSmall && frame.width / Math.min(traces.length, 3) > 360 * scale ** 0.5;
  if (!hasNames)
    addLegend(
      frame,
      layout,
      [...places].map(([name, i]) => ({
        name,
        color: inkOf(traces[0] ?? {}, name, all[0]?.find((s) => s.name === name)?.place ?? i),
      })),
    );
  const series = traces.map((trace, n): Part => {
    const cell = cellOf(frame, trace, n, traces.length);
    const slices = all[n] ?? [];
    const total = slices.reduce((sum, { value }) => sum + value, 0);
    const radius = Math.max(
      Math.min(cell.width * (hasNames ? 0.62 : 0.94), cell.height * (hasNames ? 0.86 : 0.94)) / 2,
      8,
    );
    const hole = between(number(trace['hole']) ?? 0, 0, 0.95);
    const percent = (value: number): string => `${Number(((value / (total || 1)) * 100).toFixed(1))}%`;
    const center: [number, number] = [cell.x + cell.width / 2, cell.y + cell.height / 2];
    const fontSize = 14 * scale;
    // Several doughnuts have their names in the middle.
    if (traces.length > 1 && hole > 0.3 && !frame.isSmall)
      frame.graphics.push(
        caption(cut(nameOf(trace), radius * hole * 1.7, fontSize), ...center, frame, {
          fontSize,
          fill: INK,
          textAlign: 'center',
          textVerticalAlign: 'middle',
        }),
      );
    return {
      type: 'pie',
      name: nameOf(trace),
      silent: true,
      center,
      radius: [radius * hole, radius],
      startAngle: 90 - (number(trace['rotation']) ?? 0),
      clockwise: trace['direction'] !== 'counterclockwise',
      minShowLabelAngle: hasNames ? 2 : 14,
      itemStyle: { borderColor: '#ffffff', borderWidth: slices.length > 1 ? 2 * scale : 0, borderRadius: 3 * scale },
      label: {
        fontFamily: FONT,
        fontSize: 12.5 * scale,
        lineHeight: 17 * scale,
        color: INK,
        ...(hasNames ? {} : { position: 'inside', color: '#ffffff', fontSize: 11 * scale }),
        rich: { share: { color: SOFT, fontFamily: FONT, fontSize: 11.5 * scale, lineHeight: 16 * scale } },
        formatter: ({ name, value }: { name: string; value: number }) =>
          hasNames ? `${name.replace(/[{}]/g, '')}\n{share|${short(value)} · ${percent(value)}}` : percent(value),
      },
      labelLine: {
        show: hasNames,
        length: 12 * scale,
        length2: 10 * scale,
        lineStyle: { color: '#cbd0d8', width: scale },
      },
      data: slices.map(({ name, value, place }) => ({ name, value, itemStyle: { color: inkOf(trace, name, place) } })),
    };
  });
  return { series };
}
