import { axisLayout, axisOf, axisOption, gridOf } from './axes.ts';
import { FONT, SOFT, type Frame } from './frame.ts';
import { list, number, short, text, title, part, type Part } from './reading.ts';
import { rampOf } from './ramps.ts';

const MAX_CELLS = 20_000;

/** A row for each cell: rows of `z`, or columns of x, y and z as long as each other. */
function cellsOf(trace: Part): { x: unknown; y: unknown; z: number | null }[] {
  const [z, x, y] = [list(trace['z']), list(trace['x']), list(trace['y'])];
  if (!z.some((row) => Array.isArray(row)))
    return z.map((value, i) => ({ x: x[i] ?? i, y: y[i] ?? 0, z: number(value) }));
  return z.flatMap((row, r) => list(row).map((value, c) => ({ x: x[c] ?? c, y: y[r] ?? r, z: number(value) })));
}

/** Coloured cells over two lists of names, with the scale of colours beside them. */
export function heatmap(trace: Part, layout: Part, frame: Frame): Part {
  const { scale } = frame;
  const cells = cellsOf(trace).slice(0, MAX_CELLS);
  const x = axisOf(
    cells.map((cell) => cell.x),
    axisLayout(layout, 'xaxis'),
    true,
  );
  const y = axisOf(
    cells.map((cell) => cell.y),
    axisLayout(layout, 'yaxis'),
    true,
  );
  const known = cells.flatMap((cell) => cell.z ?? []);
  const low = number(trace['zmin']) ?? known.reduce((least, z) => Math.min(least, z), Infinity);
  const high = number(trace['zmax']) ?? known.reduce((most, z) => Math.max(most, z), -Infinity);
  const [from, to] = high > low ? [low, high] : [Number.isFinite(low) ? low : 0, (Number.isFinite(low) ? low : 0) + 1];
  const hasScale = trace['showscale'] !== false && !frame.isSmall;
  const hasTexts = text(trace['texttemplate']) !== '' && cells.length <= 400;
  const grid = gridOf(frame, layout, [], [y], x);
  const wide = hasScale ? 64 * scale : 0;
  const yOption = axisOption(y, frame, { isScaled: false, isHorizontal: false, hasGrid: false });
  return {
    grid: { ...grid, right: frame.margin + wide },
    xAxis: axisOption(x, frame, { isScaled: false, isHorizontal: true, hasGrid: false }),
    yAxis: { ...yOption, axisLine: { show: false } },
    visualMap: {
      type: 'continuous',
      show: hasScale,
      min: from,
      max: to,
      calculable: false,
      right: frame.margin,
      top: (grid['top'] as number) + 16 * scale,
      itemWidth: 12 * scale,
      itemHeight: Math.max(Math.min(180 * scale, frame.height - (grid['top'] as number) - frame.margin * 4), 20),
      text: [short(to), short(from)],
      textStyle: { color: SOFT, fontFamily: FONT, fontSize: 11 * scale },
      inRange: { color: rampOf(trace['colorscale']) },
      ...(title(part(trace['colorbar'])['title']) === '' ? {} : { name: title(part(trace['colorbar'])['title']) }),
    },
    series: [
      {
        type: 'heatmap',
        silent: true,
        data: cells.flatMap((cell) => {
          const [cx, cy] = [x.at(cell.x), y.at(cell.y)];
          return cx === null || cy === null || cell.z === null ? [] : [[cx, cy, cell.z]];
        }),
        itemStyle: {
          borderColor: '#ffffff',
          borderWidth: cells.length > 2000 ? 0 : 1.5 * scale,
          borderRadius: 2 * scale,
        },
        label: {
          show: hasTexts,
          fontFamily: FONT,
          fontSize: 10.5 * scale,
          formatter: ({ value }: { value: number[] }) => short(value[2] ?? 0),
        },
      },
    ],
  };
}
