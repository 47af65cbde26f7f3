import { addLegend, caption, cellOf, cut, cutAll, FONT, INK, nameOf, SOFT, widthOf, type Frame } from './frame.ts';
import { between, color, label, list, number, part, short, type Part } from './reading.ts';

/** Pies and doughnuts. */

/** More slices than this cannot be told apart: the small ones are put together. */
const MAX_SLICES = 12;
/** Where a slice's colour is lighter, letters on it are dark. */
const LIGHT = 0.6;
/** The colour of what is put together. */
const REST = '#9ca3af';

interface Slice {
  name: string;
  value: number;
  /** Where in the trace it came first. */
  place: number;
}

/** Slices in order with equal names added up, as Plotly does; largest first unless the figure says otherwise. */
function slicesOf(trace: Part): Slice[] {
  const labels = list(trace['labels']);
  const values = list(trace['values']);
  const sums = new Map<string, Slice>();
  for (let i = 0; i < Math.max(labels.length, values.length); i++) {
    const name = labels.length > 0 ? label(labels[i]) : String(i);
    const value = values.length > 0 ? (number(values[i]) ?? 0) : 1;
    const slice = sums.get(name) ?? { name, value: 0, place: sums.size };
    slice.value += Math.max(value, 0);
    sums.set(name, slice);
  }
  const slices = [...sums.values()].filter(({ value }) => value > 0);
  if (trace['sort'] !== false) slices.sort((a, b) => b.value - a.value);
  return slices;
}

/** The slices with the smallest of all pies together as one, the last, where there are too many. */
function folded(all: Slice[][]): { slices: Slice[][]; rest: string | null } {
  const sums = new Map<string, number>();
  for (const { name, value } of all.flat()) sums.set(name, (sums.get(name) ?? 0) + value);
  if (sums.size <= MAX_SLICES) return { slices: all, rest: null };
  const large = new Set(
    [...sums]
      .sort(([, a], [, b]) => b - a)
      .slice(0, MAX_SLICES - 1)
      .map(([name]) => name),
  );
  const rest = `${sums.size - large.size} others`;
  const slices = all.map((own) => {
    const value = own.reduce((sum, slice) => sum + (large.has(slice.name) ? 0 : slice.value), 0);
    const kept = own.filter(({ name }) => large.has(name));
    return value > 0 ? [...kept, { name: rest, value, place: -1 }] : kept;
  });
  return { slices, rest };
}

/** Dark letters on what is light, white ones on all else. */
function inkOn(background: string): string {
  const [, hex = ''] = /^#([0-9a-f]{6})$/i.exec(background) ?? [];
  if (hex === '') return '#ffffff';
  const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
  return 0.299 * r + 0.587 * g + 0.114 * b > LIGHT ? INK : '#ffffff';
}

/** Whether a line fits into a slice: along its arc and across its ring, at the angle where it stands. */
function fits(
  line: string,
  fontSize: number,
  slice: { middle: number; angle: number; inner: number; outer: number },
): boolean {
  const { middle, angle, inner, outer } = slice;
  const [width, height] = [widthOf(line, fontSize) + fontSize * 0.6, fontSize * 1.2];
  const [across, up] = [Math.abs(Math.cos(middle)), Math.abs(Math.sin(middle))];
  const chord = angle >= Math.PI ? Infinity : (inner + outer) * Math.sin(angle / 2);
  return chord >= width * up + height * across && outer - inner >= width * across + height * up;
}

/** Pies and doughnuts, beside each other where there are several. */
export function pies(traces: Part[], layout: Part, frame: Frame): Part {
  const { scale } = frame;
  const { slices: all, rest } = folded(traces.map(slicesOf));
  const names = new Set(all.flat().map(({ name }) => name));
  // What is put together comes last in the legend too.
  if (rest !== null && names.delete(rest)) names.add(rest);
  const places = new Map([...names].map((name, i) => [name, i]));
  const inkOf = (trace: Part, name: string, place: number): string => {
    if (name === rest) return REST;
    const at = places.get(name) ?? 0;
    // The last lies beside the first: it is of another colour.
    const isLike = at > 0 && at === places.size - 1 && at % frame.colors.length === 0;
    const next = frame.colors[(at + (isLike ? Math.ceil(frame.colors.length / 2) : 0)) % frame.colors.length];
    return color(list(part(trace['marker'])['colors'])[place]) ?? next ?? SOFT;
  };
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
    const isClockwise = trace['direction'] !== 'counterclockwise';
    const start = 90 - (number(trace['rotation']) ?? 0);
    const total = slices.reduce((sum, { value }) => sum + value, 0);
    const percent = (value: number): string => `${Number(((value / (total || 1)) * 100).toFixed(1))}%`;
    const shareOf = (value: number): string => `${short(value)} · ${percent(value)}`;
    // The numbers beside the slices are written in full.
    const beside = Math.max(0, ...slices.map(({ value }) => widthOf(shareOf(value), 11.5 * scale))) + 30 * scale;
    const across = hasNames ? Math.min(cell.width * 0.62, cell.width - 2 * beside) : cell.width * 0.94;
    const radius = Math.max(Math.min(across, cell.height * (hasNames ? 0.86 : 0.94)) / 2, 8);
    const hole = between(number(trace['hole']) ?? 0, 0, 0.95);
    const center: [number, number] = [cell.x + cell.width / 2, cell.y + cell.height / 2];
    const fontSize = 14 * scale;
    const inside = 11 * scale;
    const written = cutAll(
      slices.map(({ name }) => name),
      Math.max(cell.width / 2 - radius - 30 * scale, 40 * scale),
      12.5 * scale,
    );
    let passed = 0;
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
      startAngle: start,
      clockwise: isClockwise,
      itemStyle: { borderColor: '#ffffff', borderWidth: slices.length > 1 ? 2 * scale : 0, borderRadius: 3 * scale },
      label: {
        fontFamily: FONT,
        fontSize: 12.5 * scale,
        lineHeight: 17 * scale,
        color: INK,
        ...(hasNames ? {} : { position: 'inside', fontSize: inside }),
        rich: { share: { color: SOFT, fontFamily: FONT, fontSize: 11.5 * scale, lineHeight: 16 * scale } },
        formatter: ({ value, dataIndex }: { value: number; dataIndex: number }) =>
          hasNames ? `${(written[dataIndex] ?? '').replace(/[{}]/g, '')}\n{share|${shareOf(value)}}` : percent(value),
      },
      labelLine: {
        show: hasNames,
        length: 12 * scale,
        length2: 10 * scale,
        lineStyle: { color: '#cbd0d8', width: scale },
      },
      data: slices.map(({ name, value, place }) => {
        const background = inkOf(trace, name, place);
        const angle = (value / (total || 1)) * 2 * Math.PI;
        const turn = passed + angle / 2;
        passed += angle;
        const middle = (start / 180) * Math.PI + (isClockwise ? -turn : turn);
        const isShown =
          hasNames || fits(percent(value), inside, { middle, angle, inner: radius * hole, outer: radius });
        return {
          name,
          value,
          itemStyle: { color: background },
          label: hasNames ? {} : { show: isShown, color: inkOn(background) },
        };
      }),
    };
  });
  return { series };
}
