import { DomainError } from '../errors.ts';
import type { Cell } from '../warehouse/engine.ts';

/** A Plotly figure. Source of its shape: the Plotly figure reference. */
export interface Figure {
  data: Record<string, unknown>[];
  layout: Record<string, unknown>;
}

/** Columns of a result by name. */
export type Columns = Map<string, Cell[]>;

/** How a chart without a figure of its own is drawn: the viz columns of an asset. */
export interface ChartSettings {
  vizChartType: string | null;
  vizIndepVarColName: string | null;
  vizDepVarColName: string | null;
  vizSizeColName: string | null;
  vizColorColName: string | null;
  vizDataAggregation: string;
  vizSortDirection: string;
  vizDataLimit: number | null;
  vizFilterDirection: string;
  vizColorScheme: string;
  vizShowLegend: boolean;
  vizShowGrid: boolean;
  vizShowTrendline: boolean;
  vizLineSmoothing: boolean;
  vizBarStacked: boolean;
}

const colorways: Record<string, string[]> = {
  DEFAULT: ['#3366cc', '#dc3912', '#ff9900', '#109618', '#990099', '#0099c6', '#dd4477', '#66aa00'],
  SEQUENTIAL: ['#08306b', '#08519c', '#2171b5', '#4292c6', '#6baed6', '#9ecae1', '#c6dbef'],
  DIVERGING: ['#b2182b', '#ef8a62', '#fddbc7', '#d1e5f0', '#67a9cf', '#2166ac'],
  CATEGORICAL: ['#4e79a7', '#f28e2b', '#e15759', '#76b7b2', '#59a14f', '#edc948', '#b07aa1', '#9c755f'],
  MONOCHROME: ['#252525', '#525252', '#737373', '#969696', '#bdbdbd', '#d9d9d9'],
  PASTEL: ['#aec7e8', '#ffbb78', '#98df8a', '#ff9896', '#c5b0d5', '#c49c94', '#f7b6d2'],
  DARK: ['#1b4965', '#5f0f40', '#9a031e', '#0f4c5c', '#283618', '#3c096c'],
  LIGHT: ['#a2d2ff', '#ffc8dd', '#bde0fe', '#cdb4db', '#caffbf', '#fdffb6'],
};

const invalid = (message: string): DomainError => new DomainError('VALIDATION', message, { path: ['vizSpec'] });

function column(columns: Columns, name: string): Cell[] {
  const found = columns.get(name);
  if (!found) throw invalid(`The chart uses the column ${name}; the result has ${[...columns.keys()].join(', ')}.`);
  return found;
}

/**
 * A figure whose `…src` keys name columns, with the data put in: `xsrc: "month"` becomes `x: […]`, a list of names a
 * list of columns.
 * @throws DomainError VALIDATION naming a column that the result does not have.
 */
export function hydrate(spec: unknown, columns: Columns): Figure {
  const walk = (part: unknown, depth: number): unknown => {
    if (depth > 20) throw invalid('The figure nests too deep.');
    if (Array.isArray(part)) return part.map((item) => walk(item, depth + 1));
    if (typeof part !== 'object' || part === null) return part;
    const out: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(part)) {
      if (key === '__proto__') continue;
      if (key.endsWith('src') && key.length > 3 && (typeof value === 'string' || Array.isArray(value))) {
        const names = value as string | string[];
        out[key.slice(0, -3)] = Array.isArray(names)
          ? names.map((name) => column(columns, String(name)))
          : column(columns, names);
      } else if (!(`${key}src` in part)) out[key] = walk(value, depth + 1);
    }
    return out;
  };
  const { data, layout } = (spec ?? {}) as Partial<Figure>;
  if (!Array.isArray(data) || data.length === 0 || data.length > 100)
    throw invalid('A figure has a list `data` of 1 to 100 traces.');
  return {
    data: (walk(data, 0) as Figure['data']).map(safeTrace),
    layout: safeLayout(walk(layout ?? {}, 0) as Figure['layout']),
  };
}

/** Shapes and pictures that a trace takes by address would be fetched by the viewer's browser. */
function safeTrace(trace: Record<string, unknown>): Record<string, unknown> {
  const isRemote = (value: unknown): boolean => typeof value === 'string' && !value.startsWith('data:image/');
  return Object.fromEntries(
    Object.entries(trace).filter(([key, value]) => !(['geojson', 'source'].includes(key) && isRemote(value))),
  );
}

/** Pictures from elsewhere, map tokens and the like would make the viewer's browser fetch them. */
function safeLayout(layout: Figure['layout']): Figure['layout'] {
  const { images, updatemenus: _menus, template: _template, ...all } = layout;
  const rest = Object.fromEntries(Object.entries(all).filter(([key]) => !/^map(box)?\d*$/.test(key)));
  const own = Array.isArray(images)
    ? images.filter(
        (image: { source?: unknown }) => typeof image?.source === 'string' && image.source.startsWith('data:image/'),
      )
    : [];
  const title = typeof rest['title'] === 'string' ? { text: rest['title'] } : rest['title'];
  return { ...rest, ...(title ? { title } : {}), ...(own.length > 0 ? { images: own } : {}) };
}

interface Point {
  x: Cell;
  y: number | null;
  size: number | null;
  series: string;
}

const numberOf = (cell: Cell | undefined): number | null =>
  cell === null || cell === undefined || cell === '' || !Number.isFinite(Number(cell)) ? null : Number(cell);

/** A name for a trace. */
const seriesName = (cell: Cell | undefined): string =>
  typeof cell === 'object' ? JSON.stringify(cell ?? '') : String(cell);

const aggregates: Record<string, (values: number[]) => number> = {
  SUM: (values) => values.reduce((sum, value) => sum + value, 0),
  AVERAGE: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  COUNT: (values) => values.length,
  MINIMUM: (values) => values.reduce((least, value) => Math.min(least, value), Infinity),
  MAXIMUM: (values) => values.reduce((most, value) => Math.max(most, value), -Infinity),
};

function pointsOf(settings: ChartSettings, columns: Columns): Point[] {
  const names = [...columns.keys()];
  const xs = column(columns, settings.vizIndepVarColName ?? names[0] ?? 'x');
  const ys = column(columns, settings.vizDepVarColName ?? names[1] ?? names[0] ?? 'y');
  const sizes = settings.vizSizeColName ? column(columns, settings.vizSizeColName) : null;
  const series = settings.vizColorColName ? column(columns, settings.vizColorColName) : null;
  let points = xs.map((x, i): Point => ({
    x,
    // Whatever is there counts, numbers or not.
    y: settings.vizDataAggregation === 'COUNT' ? ((ys[i] ?? null) === null ? null : 1) : numberOf(ys[i]),
    size: sizes ? numberOf(sizes[i]) : null,
    series: series ? seriesName(series[i]) : '',
  }));
  const aggregate = aggregates[settings.vizDataAggregation];
  if (aggregate) {
    const groups = new Map<string, Point & { ys: number[] }>();
    for (const point of points) {
      const key = JSON.stringify([point.series, point.x]);
      const group = groups.get(key) ?? { ...point, ys: [] };
      if (point.y !== null) group.ys.push(point.y);
      groups.set(key, group);
    }
    points = [...groups.values()].map(({ ys: values, ...point }) => ({
      ...point,
      y: values.length > 0 || settings.vizDataAggregation === 'COUNT' ? aggregate(values) : null,
    }));
  }
  const by = (a: Point, b: Point): number => (a.y ?? -Infinity) - (b.y ?? -Infinity);
  if (settings.vizDataLimit) {
    const kept = new Set(
      [...points]
        .sort((a, b) => (settings.vizFilterDirection === 'BOTTOM' ? by(a, b) : by(b, a)))
        .slice(0, settings.vizDataLimit),
    );
    points = points.filter((point) => kept.has(point));
  }
  if (settings.vizSortDirection !== 'NONE')
    points.sort((a, b) => (settings.vizSortDirection === 'ASCENDING' ? by(a, b) : by(b, a)));
  return points;
}

/** The least-squares line through points whose x is a number or, failing that, their place in the row. */
function trendline(points: Point[], name: string, color: string | undefined): Record<string, unknown> | null {
  const known = points.flatMap((point, i) =>
    point.y === null ? [] : [{ x: point.x, at: typeof point.x === 'number' ? point.x : i, y: point.y }],
  );
  if (known.length < 2) return null;
  const mean = (pick: (point: (typeof known)[number]) => number): number =>
    known.reduce((sum, point) => sum + pick(point), 0) / known.length;
  const [mx, my] = [mean(({ at }) => at), mean(({ y }) => y)];
  const spread = known.reduce((sum, { at }) => sum + (at - mx) ** 2, 0);
  const slope = spread === 0 ? 0 : known.reduce((sum, { at, y }) => sum + (at - mx) * (y - my), 0) / spread;
  const line = [...known].sort((a, b) => a.at - b.at);
  return {
    type: 'scatter',
    mode: 'lines',
    name: `${name} trend`.trim(),
    line: { dash: 'dot', width: 1.5, color },
    x: line.map(({ x }) => x),
    y: line.map(({ at }) => my + slope * (at - mx)),
  };
}

function traceOf(settings: ChartSettings, name: string, points: Point[], largest: number): Record<string, unknown> {
  const x = points.map((point) => point.x);
  const y = points.map((point) => point.y);
  const named = name ? { name } : {};
  const close = <T>(list: T[]): T[] => [...list, ...list.slice(0, 1)];
  switch (settings.vizChartType) {
    case 'BAR':
      return { type: 'bar', ...named, x, y };
    case 'PIE':
      return { type: 'pie', ...named, labels: x, values: y };
    case 'DOUGHNUT':
      return { type: 'pie', hole: 0.5, ...named, labels: x, values: y };
    case 'POLAR':
      return { type: 'barpolar', ...named, theta: x, r: y };
    case 'RADAR':
      return { type: 'scatterpolar', fill: 'toself', ...named, theta: close(x), r: close(y) };
    case 'BUBBLE':
      return {
        type: 'scatter',
        mode: 'markers',
        ...named,
        x,
        y,
        marker: {
          size: points.map((point) => Math.max(point.size ?? 0, 0)),
          sizemode: 'area',
          sizeref: largest > 0 ? (2 * largest) / 40 ** 2 : 1,
          sizemin: 3,
        },
      };
    case 'SCATTER':
      return { type: 'scatter', mode: 'markers', ...named, x, y };
    default:
      return {
        type: 'scatter',
        mode: 'lines',
        ...named,
        x,
        y,
        ...(settings.vizLineSmoothing ? { line: { shape: 'spline' } } : {}),
      };
  }
}

/** A trace in a colour of its own. */
function inColor(trace: Record<string, unknown>, color: string | undefined): Record<string, unknown> {
  const part = String(trace['mode']).includes('lines') ? 'line' : 'marker';
  return { ...trace, [part]: { ...(trace[part] as object | undefined), color } };
}

/** Spokes are names, also where they are numbers, and go from the top with the clock. */
const around = (showgrid: boolean): Record<string, unknown> => ({
  angularaxis: { type: 'category', rotation: 90, direction: 'clockwise', showgrid },
  radialaxis: { showgrid },
});

/**
 * The figure of a chart described by the viz columns: aggregated, limited and sorted, a trace for each colour.
 * @throws DomainError VALIDATION naming a column that the result does not have.
 */
export function drawChart(settings: ChartSettings, columns: Columns, title: string): Figure {
  const points = pointsOf(settings, columns);
  const series = Map.groupBy(points, (point) => point.series);
  const largest = points.reduce((most, point) => Math.max(most, point.size ?? 0), 0);
  const colorway = colorways[settings.vizColorScheme] ?? colorways['DEFAULT'] ?? [];
  const hasTrend = settings.vizShowTrendline && ['LINE', 'SCATTER', 'BUBBLE'].includes(settings.vizChartType ?? '');
  const data = [...series].slice(0, 50).flatMap(([name, some], i) => {
    const trace = traceOf(settings, name, some, largest);
    // A trend has the colour of its points, though it is a trace between them.
    const color = colorway[i % colorway.length];
    const trend = hasTrend ? trendline(some, name, color) : null;
    return trend ? [inColor(trace, color), trend] : [trace];
  });
  const axis = (name: string | null): Record<string, unknown> => ({
    title: { text: name ?? '' },
    showgrid: settings.vizShowGrid,
  });
  const isAround = ['POLAR', 'RADAR'].includes(settings.vizChartType ?? '');
  const isRound = ['PIE', 'DOUGHNUT', 'POLAR', 'RADAR'].includes(settings.vizChartType ?? '');
  return {
    data,
    layout: {
      title: { text: title },
      showlegend: settings.vizShowLegend,
      colorway,
      ...(isAround ? { polar: around(settings.vizShowGrid) } : {}),
      ...(isRound ? {} : { xaxis: axis(settings.vizIndepVarColName), yaxis: axis(settings.vizDepVarColName) }),
      ...(settings.vizChartType === 'BAR' ? { barmode: settings.vizBarStacked ? 'stack' : 'group' } : {}),
    },
  };
}
