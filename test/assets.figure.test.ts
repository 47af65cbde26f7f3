import { describe, expect, it } from 'vitest';
import { drawChart, hydrate, type ChartSettings, type Columns } from '../src/assets/figure.ts';
import type { Cell } from '../src/warehouse/engine.ts';

const settings = (more: Partial<ChartSettings> = {}): ChartSettings => ({
  vizChartType: 'BAR',
  vizIndepVarColName: null,
  vizDepVarColName: null,
  vizSizeColName: null,
  vizColorColName: null,
  vizDataAggregation: 'NONE',
  vizSortDirection: 'NONE',
  vizDataLimit: null,
  vizFilterDirection: 'TOP',
  vizColorScheme: 'DEFAULT',
  vizShowLegend: true,
  vizShowGrid: true,
  vizShowTrendline: false,
  vizLineSmoothing: false,
  vizBarStacked: false,
  ...more,
});
const columns = (of: Record<string, Cell[]>): Columns => new Map(Object.entries(of));
const sales = columns({ day: ['mon', 'tue', 'wed'], units: [3, 1, 2], region: ['n', 's', 'n'], size: [10, 40, -5] });
const draw = (more: Partial<ChartSettings>, of = sales) => drawChart(settings(more), of, 'Sales');
const xy = (more: Partial<ChartSettings>, of = sales) => draw(more, of).data.map(({ x, y }) => [x, y]);

describe('a chart', () => {
  const x = ['mon', 'tue', 'wed'];
  const y = [3, 1, 2];
  it.each([
    ['LINE', { type: 'scatter', mode: 'lines', x, y }],
    ['BAR', { type: 'bar', x, y }],
    ['PIE', { type: 'pie', labels: x, values: y }],
    ['DOUGHNUT', { type: 'pie', hole: 0.5, labels: x, values: y }],
    ['POLAR', { type: 'barpolar', theta: x, r: y }],
    ['RADAR', { type: 'scatterpolar', fill: 'toself', theta: [...x, 'mon'], r: [...y, 3] }],
    ['SCATTER', { type: 'scatter', mode: 'markers', x, y }],
    [null, { type: 'scatter', mode: 'lines', x, y }],
  ])('of kind %s', (vizChartType, trace) => expect(draw({ vizChartType }).data).toEqual([trace]));

  it('of bubbles has sizes by area, none below zero', () => {
    expect(draw({ vizChartType: 'BUBBLE', vizSizeColName: 'size' }).data).toEqual([
      {
        type: 'scatter',
        mode: 'markers',
        x,
        y,
        marker: { size: [10, 40, 0], sizemode: 'area', sizeref: 80 / 1600, sizemin: 3 },
      },
    ]);
    expect(draw({ vizChartType: 'BUBBLE' }).data[0]).toMatchObject({ marker: { size: [0, 0, 0], sizeref: 1 } });
  });

  it('has its title, axes, legend, grid and colours', () => {
    expect(
      draw({
        vizIndepVarColName: 'day',
        vizDepVarColName: 'units',
        vizShowGrid: false,
        vizShowLegend: false,
        vizColorScheme: 'DIVERGING',
      }).layout,
    ).toEqual({
      title: { text: 'Sales' },
      showlegend: false,
      colorway: ['#b2182b', '#ef8a62', '#fddbc7', '#d1e5f0', '#67a9cf', '#2166ac'],
      xaxis: { title: { text: 'day' }, showgrid: false },
      yaxis: { title: { text: 'units' }, showgrid: false },
      barmode: 'group',
    });
    expect(draw({ vizBarStacked: true }).layout).toMatchObject({ barmode: 'stack' });
    expect(draw({ vizChartType: 'PIE' }).layout).not.toHaveProperty('xaxis');
    expect(draw({ vizChartType: 'LINE', vizLineSmoothing: true }).data[0]).toMatchObject({ line: { shape: 'spline' } });
  });

  it('takes the first two columns unless it names others, and names a missing one', () => {
    expect(xy({ vizIndepVarColName: 'region', vizDepVarColName: 'size' })).toEqual([
      [
        ['n', 's', 'n'],
        [10, 40, -5],
      ],
    ]);
    for (const name of ['vizIndepVarColName', 'vizDepVarColName', 'vizSizeColName', 'vizColorColName']) {
      expect(() => draw({ [name]: 'gone' })).toThrow(
        'The chart uses the column gone; the result has day, units, region, size.',
      );
    }
    expect(xy({}, columns({ n: [1, 2] }))).toEqual([
      [
        [1, 2],
        [1, 2],
      ],
    ]);
  });

  it('has a trace for each colour, at most 50', () => {
    expect(draw({ vizColorColName: 'region' }).data).toEqual([
      { type: 'bar', name: 'n', x: ['mon', 'wed'], y: [3, 2] },
      { type: 'bar', name: 's', x: ['tue'], y: [1] },
    ]);
    const many = columns({ x: Array.from({ length: 60 }, (_, i) => i), y: Array.from({ length: 60 }, () => 1) });
    expect(draw({ vizColorColName: 'x' }, many).data).toHaveLength(50);
  });

  const doubled = columns({ day: ['mon', 'tue', 'mon', 'tue', 'wed'], units: [3, '1.5', 2, null, null] });
  it.each([
    [
      'NONE',
      [
        ['mon', 'tue', 'mon', 'tue', 'wed'],
        [3, 1.5, 2, null, null],
      ],
    ],
    ['SUM', [x, [5, 1.5, null]]],
    ['AVERAGE', [x, [2.5, 1.5, null]]],
    ['COUNT', [x, [2, 1, 0]]],
    ['MINIMUM', [x, [2, 1.5, null]]],
    ['MAXIMUM', [x, [3, 1.5, null]]],
  ])('puts rows of the same x together by %s', (vizDataAggregation, expected) =>
    expect(xy({ vizDataAggregation }, doubled)).toEqual([expected]),
  );
  it('counts what is there, numbers or not', () =>
    expect(xy({ vizDataAggregation: 'COUNT' }, columns({ a: [1, 1, 2], b: ['x', 'y', null] }))).toEqual([
      [
        [1, 2],
        [2, 0],
      ],
    ]));
  it('puts rows together within a colour', () => {
    const of = columns({ x: [1, 1, 1], y: [1, 2, 4], c: ['a', 'b', 'a'] });
    expect(xy({ vizDataAggregation: 'SUM', vizColorColName: 'c' }, of)).toEqual([
      [[1], [5]],
      [[1], [2]],
    ]);
  });

  it.each([
    [
      { vizDataLimit: 2 },
      [
        ['mon', 'wed'],
        [3, 2],
      ],
    ],
    [
      { vizDataLimit: 2, vizFilterDirection: 'BOTTOM' },
      [
        ['tue', 'wed'],
        [1, 2],
      ],
    ],
    [{ vizDataLimit: 9 }, [x, y]],
    [
      { vizSortDirection: 'ASCENDING' },
      [
        ['tue', 'wed', 'mon'],
        [1, 2, 3],
      ],
    ],
    [
      { vizSortDirection: 'DESCENDING' },
      [
        ['mon', 'wed', 'tue'],
        [3, 2, 1],
      ],
    ],
    [{ vizDataLimit: 1, vizSortDirection: 'ASCENDING' }, [['mon'], [3]]],
  ])('keeps and sorts points: %j', (more, expected) => expect(xy(more)).toEqual([expected]));
  it('takes a missing y as the least', () => {
    const of = columns({ x: ['a', 'b', 'c'], y: [null, 2, 1] });
    expect(xy({ vizSortDirection: 'ASCENDING' }, of)).toEqual([
      [
        ['a', 'c', 'b'],
        [null, 1, 2],
      ],
    ]);
    expect(xy({ vizDataLimit: 2 }, of)).toEqual([
      [
        ['b', 'c'],
        [2, 1],
      ],
    ]);
  });

  it('has a trend of least squares, by x or by place', () => {
    const of = columns({ x: [0, 1, 2, 3], y: [1, 3, null, 7] });
    const [points, line] = draw({ vizChartType: 'SCATTER', vizShowTrendline: true }, of).data;
    expect(points).toMatchObject({ mode: 'markers', marker: { color: '#3366cc' } });
    expect(line).toEqual({
      type: 'scatter',
      mode: 'lines',
      name: 'trend',
      line: { dash: 'dot', width: 1.5, color: '#3366cc' },
      x: [0, 1, 3],
      y: [1, 3, 7],
    });
    const trend = draw({
      vizChartType: 'LINE',
      vizShowTrendline: true,
      vizIndepVarColName: 'day',
      vizDepVarColName: 'units',
    }).data[1] as { y: number[] };
    expect(trend.y.map((value) => Math.round(value * 100) / 100)).toEqual([2.5, 2, 1.5]);
    expect(draw({ vizChartType: 'BAR', vizShowTrendline: true }).data).toHaveLength(1);
    expect(draw({ vizChartType: 'LINE', vizShowTrendline: true }, columns({ x: [1], y: [1] })).data).toHaveLength(1);
    expect(
      draw({ vizChartType: 'LINE', vizShowTrendline: true }, columns({ x: [1, 1], y: [1, 3] })).data[1],
    ).toMatchObject({ y: [2, 2] });
  });

  it('has spokes that are names, from the top with the clock, and a grid where one is wanted', () => {
    const of = columns({ x: [1, 2, 3], y: [5, 6, 7] });
    for (const vizShowGrid of [true, false])
      expect(draw({ vizChartType: 'RADAR', vizShowGrid }, of).layout).toMatchObject({
        polar: {
          angularaxis: { type: 'category', rotation: 90, direction: 'clockwise', showgrid: vizShowGrid },
          radialaxis: { showgrid: vizShowGrid },
        },
      });
    expect(draw({ vizChartType: 'PIE' }, of).layout).not.toHaveProperty('polar');
  });

  it('may have no points', () => expect(draw({}, columns({ x: [], y: [] })).data).toEqual([]));
});

describe('a figure of its own', () => {
  const of = columns({ month: ['jan', 'feb'], a: [1, 2], b: [3, 4] });
  it('has its columns put in, at any depth, lists of them too', () => {
    const spec = {
      data: [
        { type: 'bar', xsrc: 'month', x: ['old'], ysrc: 'a', marker: { colorsrc: 'b', line: { width: 2 } } },
        {
          type: 'table',
          cells: { valuessrc: ['month', 'a', 'b'], align: ['left'] },
          header: { values: ['m', 'a', 'b'] },
        },
      ],
      layout: { title: 'Sales', xaxis: { tickvalssrc: 'a' }, annotations: [{ text: 'x' }] },
    };
    expect(hydrate(spec, of)).toEqual({
      data: [
        { type: 'bar', x: ['jan', 'feb'], y: [1, 2], marker: { color: [3, 4], line: { width: 2 } } },
        {
          type: 'table',
          cells: {
            values: [
              ['jan', 'feb'],
              [1, 2],
              [3, 4],
            ],
            align: ['left'],
          },
          header: { values: ['m', 'a', 'b'] },
        },
      ],
      layout: { title: { text: 'Sales' }, xaxis: { tickvals: [1, 2] }, annotations: [{ text: 'x' }] },
    });
    expect(spec.data[0]).toHaveProperty('xsrc');
  });

  it('names a column that is missing', () => {
    for (const xsrc of ['gone', ['a', 'gone']])
      expect(() => hydrate({ data: [{ xsrc }] }, of)).toThrow(
        'The chart uses the column gone; the result has month, a, b.',
      );
  });

  it('fetches nothing from elsewhere', () => {
    const picture = { source: 'data:image/png;base64,AAAA' };
    const layout = {
      images: [picture, { source: 'https://evil.example/x.png' }, { source: 'javascript:alert(1)' }, {}],
      mapbox: { style: 'https://evil.example', accesstoken: 'x' },
      mapbox2: { style: 'https://evil.example' },
      map: { style: 'https://evil.example' },
      map3: { layers: [{ source: 'https://evil.example' }] },
      updatemenus: [{}],
      template: { layout: { images: [{ source: 'https://evil.example/y.png' }] } },
      margin: { t: 1 },
    };
    const figure = hydrate(
      {
        data: [
          { type: 'choroplethmap', geojson: 'https://evil.example/shapes.json', locationssrc: 'month' },
          { type: 'image', source: 'https://evil.example/z.png' },
          { type: 'image', ...picture },
        ],
        layout,
        config: { topojsonURL: 'https://evil.example' },
        frames: [],
      },
      of,
    );
    expect(figure).toEqual({
      data: [{ type: 'choroplethmap', locations: ['jan', 'feb'] }, { type: 'image' }, { type: 'image', ...picture }],
      layout: { images: [picture], margin: { t: 1 } },
    });
    expect(
      hydrate(
        {
          data: [{ type: 'sankey', link: { sourcesrc: 'a', target: [0] } }],
          layout: { images: 'https://evil.example' },
        },
        of,
      ),
    ).toEqual({ data: [{ type: 'sankey', link: { source: [1, 2], target: [0] } }], layout: {} });
  });

  it('is a list of 1 to 100 traces, not too deep, and no prototype', () => {
    for (const spec of [null, {}, { data: [] }, { data: 'x' }, { data: Array(101).fill({}) }])
      expect(() => hydrate(spec, of)).toThrow('1 to 100 traces');
    let deep: unknown = 1;
    for (let i = 0; i < 30; i++) deep = { deep };
    expect(() => hydrate({ data: [deep] }, of)).toThrow('too deep');
    const { data } = hydrate(JSON.parse('{"data": [{"__proto__": {"isAdmin": true}, "type": "bar"}]}'), of);
    expect(data).toEqual([{ type: 'bar' }]);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});
