import { addLegend, cellOf, FONT, INK, LINE, nameOf, SOFT, traceColor, widthOf, type Frame } from './frame.ts';
import { between, color, label, list, number, part, short, text, title, type Part } from './reading.ts';

/** Flows, funnels and dials. */

const MAX_LINKS = 1000;

/** Whether links come back to where they began, which a flow from left to right cannot show. */
function hasCycle(links: { source: number; target: number }[]): boolean {
  const open = new Map<number, number>();
  for (const { target } of links) open.set(target, (open.get(target) ?? 0) + 1);
  const free = [...new Set(links.map(({ source }) => source))].filter((node) => !open.get(node));
  let left = links.length;
  for (let node = free.pop(); node !== undefined; node = free.pop()) {
    for (const { source, target } of links) {
      if (source !== node) continue;
      left--;
      open.set(target, (open.get(target) ?? 0) - 1);
      if (open.get(target) === 0) free.push(target);
    }
  }
  return left > 0;
}

/** A flow from left to right; null where it runs in a circle. */
export function sankey(trace: Part, frame: Frame): Part | null {
  const { scale } = frame;
  const node = part(trace['node']);
  const link = part(trace['link']);
  const labels = list(node['label']);
  const [targets, values] = [list(link['target']), list(link['value'])];
  const links = list(link['source'])
    .slice(0, MAX_LINKS)
    .flatMap((source, i) => {
      const [from, to, value] = [number(source), number(targets[i]), number(values[i])];
      const own = color(Array.isArray(link['color']) ? link['color'][i] : link['color']);
      if (from === null || to === null || value === null || value <= 0) return [];
      return [{ source: from, target: to, value, own }];
    });
  if (hasCycle(links)) return null;
  const used = [...new Set(links.flatMap(({ source, target }) => [source, target]))].sort((a, b) => a - b);
  const inks = list(node['color']);
  const longest = Math.max(0, ...used.map((at) => widthOf(label(labels[at] ?? at), 12 * scale)));
  const names = new Map(used.map((at) => [String(at), label(labels[at] ?? at)]));
  return {
    series: [
      {
        type: 'sankey',
        silent: true,
        left: frame.margin,
        right: frame.margin + 10 * scale + Math.min(longest, 150 * scale),
        top: frame.top + 4 * scale,
        bottom: frame.margin,
        nodeWidth: 16 * scale,
        nodeGap: 12 * scale,
        draggable: false,
        data: used.map((at, i) => ({
          name: String(at),
          itemStyle: { color: color(inks[at]) ?? frame.colors[i % frame.colors.length], borderWidth: 0 },
        })),
        links: links.map(({ source, target, value, own }) => ({
          source: String(source),
          target: String(target),
          value,
          ...(own ? { lineStyle: { color: own } } : {}),
        })),
        lineStyle: { color: 'source', opacity: 0.28, curveness: 0.5 },
        label: {
          fontFamily: FONT,
          fontSize: 12 * scale,
          color: INK,
          formatter: ({ name }: { name: string }) => names.get(name) ?? name,
        },
      },
    ],
  };
}

/** Funnels: stages of a process, the widest on top. */
export function funnels(traces: Part[], layout: Part, frame: Frame): Part {
  const { scale } = frame;
  addLegend(
    frame,
    layout,
    traces.map((trace, i) => ({ name: nameOf(trace), color: traceColor(frame, trace, i) })),
  );
  return {
    series: traces.map((trace, n) => {
      const cell = cellOf(frame, trace, n, traces.length);
      const colors = list(part(trace['marker'])['color']);
      const values = list(trace['x']);
      const first = number(values[0]) ?? 0;
      const isAlone = traces.length === 1 && !frame.isSmall;
      const room = isAlone ? 150 * scale : 8;
      return {
        type: 'funnel',
        silent: true,
        sort: 'none',
        left: cell.x + room * 0.5,
        top: cell.y + 4 * scale,
        width: Math.max(cell.width - 1.7 * room, 10),
        height: Math.max(cell.height - 8 * scale, 10),
        min: 0,
        max: values.reduce((most: number, value) => Math.max(most, number(value) ?? 0), 0) || 1,
        minSize: '1%',
        gap: 3 * scale,
        itemStyle: { borderWidth: 0 },
        // Beside the funnel where there is one alone: the last steps are often too narrow for words.
        label: {
          show: !frame.isSmall,
          position: isAlone ? 'right' : 'inside',
          fontFamily: FONT,
          fontSize: 12 * scale,
          color: isAlone ? INK : '#ffffff',
          formatter: ({ name, value }: { name: string; value: number }) =>
            `${name.slice(name.indexOf(' ') + 1)}  ${short(value)}${first > 0 ? ` (${Math.round((value / first) * 100)}%)` : ''}`,
        },
        labelLine: { length: 14 * scale, lineStyle: { color: '#cbd0d8', width: scale } },
        data: values.slice(0, 50).map((value, i) => ({
          // A number before the name keeps equal names apart.
          name: `${i} ${label(list(trace['y'])[i] ?? i + 1)}`,
          value: number(value) ?? 0,
          itemStyle: {
            color:
              color(colors[i]) ??
              (traces.length > 1 ? traceColor(frame, trace, n) : frame.colors[i % frame.colors.length]),
          },
        })),
      };
    }),
  };
}

/** Dials, or numbers alone where the figure asks for no dial. */
export function gauges(traces: Part[], frame: Frame): Part {
  const { scale } = frame;
  return {
    series: traces.map((trace, n) => {
      const cell = cellOf(frame, trace, n, traces.length);
      const gauge = part(trace['gauge']);
      const shown = part(trace['number']);
      const value = number(trace['value']) ?? 0;
      const hasDial = text(trace['mode']).includes('gauge') || trace['gauge'] !== undefined;
      const [low, high] = list(part(gauge['axis'])['range']).map(number);
      const least = low ?? Math.min(0, value);
      const most = high !== undefined && high !== null && high > least ? high : Math.max(value * 1.5, least + 1);
      const ink = color(part(gauge['bar'])['color']) ?? frame.colors[n % frame.colors.length];
      const reference = number(part(trace['delta'])['reference']);
      const change =
        reference === null
          ? ''
          : `${value >= reference ? '▲' : '▼'} ${short(Math.abs(Number((value - reference).toPrecision(12))))}`;
      const radius = Math.max(Math.min(cell.width * 0.46, cell.height * 0.56), 8);
      const detail = `${text(shown['prefix'])}${short(value)}${text(shown['suffix'])}`;
      const width = 18 * scale;
      return {
        type: 'gauge',
        silent: true,
        center: [cell.x + cell.width / 2, cell.y + cell.height * (hasDial ? 0.6 : 0.5)],
        radius,
        startAngle: 200,
        endAngle: -20,
        min: least,
        max: most,
        splitNumber: 4,
        pointer: { show: false },
        progress: { show: hasDial, width, roundCap: true, itemStyle: { color: ink } },
        axisLine: { show: hasDial, roundCap: true, lineStyle: { width, color: [[1, LINE]] } },
        axisTick: { show: false },
        splitLine: { show: false, length: 0 },
        axisLabel: {
          show: hasDial && !frame.isSmall,
          distance: width + 12 * scale,
          color: SOFT,
          fontFamily: FONT,
          fontSize: 10.5 * scale,
          formatter: (at: number) => short(at),
        },
        title: {
          show: !frame.isSmall || !hasDial,
          offsetCenter: [0, hasDial ? '34%' : '46%'],
          color: SOFT,
          fontFamily: FONT,
          fontSize: 13 * scale,
          lineHeight: 19 * scale,
        },
        detail: {
          offsetCenter: [0, hasDial ? '2%' : '0%'],
          fontFamily: FONT,
          fontSize: between(radius * 0.34, 12, 64 * scale),
          fontWeight: 'bold',
          color: INK,
          formatter: () => detail,
        },
        data: [
          { value: between(value, least, most), name: [title(trace['title']), change].filter(Boolean).join('\n') },
        ],
      };
    }),
  };
}
