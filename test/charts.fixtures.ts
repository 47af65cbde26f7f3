/** A figure of every kind that the gateway draws, as small as shows what it should. */

const days = Array.from({ length: 24 }, (_, i) => new Date(Date.UTC(2025, 0, 1 + i * 15)).toISOString().slice(0, 10));
const wave = (i: number, by: number): number => Math.round(100 + 40 * Math.sin(i / by) + i);
const cities = ['Oslo', 'Lima', 'Pune'];
const normal = (i: number): number =>
  Math.round(50 + 12 * Math.sin(i * 1.7) + 9 * Math.sin(i * 0.61) + 6 * Math.sin(i * 5.3));

export const figures: Record<string, { data: Record<string, unknown>[]; layout: Record<string, unknown> }> = {
  line: {
    data: [
      { type: 'scatter', mode: 'lines', name: 'Stores', x: days, y: days.map((_, i) => wave(i, 3)) },
      { type: 'scatter', mode: 'lines', name: 'Online', x: days, y: days.map((_, i) => wave(i, 5) - 60) },
    ],
    layout: { title: { text: 'Sales' }, xaxis: { title: { text: 'sold_on' } }, yaxis: { title: { text: 'net_usd' } } },
  },
  spline: {
    data: [
      {
        type: 'scatter',
        mode: 'lines',
        name: 'Load',
        line: { shape: 'spline' },
        x: [1, 2, 3, 4, 5],
        y: [3, 7, 4, 8, null],
      },
      {
        type: 'scatter',
        mode: 'lines',
        name: 'Load trend',
        line: { dash: 'dot', width: 1 },
        x: [1, 2, 3, 4],
        y: [4, 5, 6, 7],
      },
    ],
    layout: { title: { text: 'A smooth line and its trend' } },
  },
  area: {
    data: [
      {
        type: 'scatter',
        fill: 'tozeroy',
        name: 'Wind',
        x: [2022, 2023, 2024, 2025],
        y: [12_000, 15_500, 14_000, 19_000],
      },
      { type: 'scatter', mode: 'lines', name: 'Price', x: [2022, 2023, 2024, 2025], y: [80, 74, 71, 60], yaxis: 'y2' },
    ],
    layout: { title: 'Wind and its price', yaxis: { title: 'MWh' }, yaxis2: { title: 'EUR' } },
  },
  'stacked-area': {
    data: cities.map((name, n) => ({
      type: 'scatter',
      mode: 'lines',
      stackgroup: 'one',
      name,
      x: [1, 2, 3, 4, 5, 6],
      y: [1, 2, 3, 4, 5, 6].map((i) => wave(i * 3, 4 + n)),
    })),
    layout: { title: 'Stacked areas' },
  },
  'grouped-bar': {
    data: cities.map((name, n) => ({ type: 'bar', name, x: ['Q1', 'Q2', 'Q3', 'Q4'], y: [4 + n, 7 - n, 5, -2 + n] })),
    layout: { title: 'Grouped bars', barmode: 'group', yaxis: { ticksuffix: ' h' } },
  },
  'stacked-bar': {
    data: cities.map((name, n) => ({ type: 'bar', name, x: [10, 9, 8, 11], y: [4 + n, 7 - n, 5, 2 + n] })),
    layout: { title: 'Stacked bars', barmode: 'stack', xaxis: { title: 'Month' } },
  },
  'bar-across': {
    data: [
      {
        type: 'bar',
        orientation: 'h',
        x: [412_000, 298_000, 120_500, 48_000],
        y: ['Household and garden', 'Clothing', 'Toys', 'Books'],
        text: ['412k', '298k', '120k', '48k'],
        marker: { color: ['#0f766e', '#14b8a6', '#5eead4', '#99f6e4'] },
      },
    ],
    layout: { title: 'Revenue by department', xaxis: { title: 'revenue_usd' } },
  },
  'long-names': {
    data: [
      {
        type: 'bar',
        x: Array.from({ length: 14 }, (_, i) => `Department of important matters ${i + 1}`),
        y: Array.from({ length: 14 }, (_, i) => 20 - i),
      },
    ],
    layout: { title: 'Names that do not fit beside each other' },
  },
  scatter: {
    data: [
      { type: 'scatter', mode: 'markers', name: 'A', x: [1, 2, 3, 4], y: [2.5, 3.5, 1.5, 4.5] },
      { type: 'scatter', mode: 'markers+text', name: 'B', x: [1.5, 2.5], y: [4, 2], text: ['here', 'there'] },
    ],
    layout: {
      title: 'Points',
      shapes: [
        { type: 'line', x0: 1, y0: 1, x1: 4, y1: 4 },
        { type: 'line', xref: 'paper', x0: 0, x1: 1, y0: 3, y1: 3 },
      ],
    },
  },
  bubble: {
    data: [
      {
        type: 'scatter',
        mode: 'markers',
        x: [60, 72, 85, 91],
        y: [1400, 1500, 1720, 1850],
        marker: { size: [10, 40, 25, 5], sizemode: 'area', sizeref: 0.05, color: [1, 2, 3, 4], colorscale: 'Viridis' },
      },
    ],
    layout: { title: 'Bubbles', xaxis: { title: 'fill_rate_pct' }, yaxis: { title: 'rating' } },
  },
  pie: {
    data: [{ type: 'pie', labels: ['Card', 'Cash', 'Wallet', 'Card'], values: [40, 20, 30, 15] }],
    layout: { title: 'How people pay', colorway: ['#0f766e', '#f59e0b', '#7c3aed'] },
  },
  doughnut: {
    data: [
      { type: 'pie', hole: 0.5, name: 'North', labels: ['Size', 'Fault', 'Gift'], values: [5, 3, 2] },
      { type: 'pie', hole: 0.5, name: 'South', labels: ['Size', 'Fault', 'Gift'], values: [2, 3, 5] },
    ],
    layout: { title: 'Why goods come back, in two regions' },
  },
  'many-slices': {
    data: [
      {
        type: 'pie',
        labels: Array.from({ length: 30 }, (_, i) => `Household and garden, department ${i + 1}`),
        values: Array.from({ length: 30 }, (_, i) => 600 / (i + 1)),
      },
    ],
    layout: { title: 'More slices than can be told apart, under a title that needs two lines to be read to its end' },
  },
  'many-spokes': {
    data: [
      {
        type: 'scatterpolar',
        fill: 'toself',
        theta: Array.from({ length: 26 }, (_, i) => `Household and garden, department ${i + 1}`),
        r: Array.from({ length: 26 }, (_, i) => wave(i, 2) - 120),
      },
    ],
    layout: { title: 'Change by department' },
  },
  'lone-points': {
    data: [
      { type: 'scatter', mode: 'lines', name: 'One', x: ['Mon', 'Tue', 'Wed', 'Thu'], y: [null, 4, null, 3] },
      { type: 'scatter', mode: 'lines', name: 'Two', x: ['Mon', 'Tue', 'Wed', 'Thu'], y: [1, 2, null, 5] },
    ],
    layout: { title: 'Points with nothing beside them' },
  },
  polar: {
    data: ['Calm', 'Storm'].map((name, n) => ({
      type: 'barpolar',
      name,
      theta: ['North', 'East', 'South', 'West'],
      r: [10 + n, 22, 14 - 4 * n, 31],
    })),
    layout: { title: 'Wind' },
  },
  'polar-lines': {
    data: [{ type: 'scatterpolar', mode: 'lines', theta: [0, 90, 180, 270, 360], r: [1, 2, 1.5, 3, 1] }],
    layout: { title: 'Antenna' },
  },
  radar: {
    data: [
      {
        type: 'scatterpolar',
        fill: 'toself',
        name: 'Home',
        theta: ['Attack', 'Defence', 'Form', 'Crowd', 'Attack'],
        r: [80, 61, 92, 45, 80],
      },
      {
        type: 'scatterpolar',
        fill: 'toself',
        name: 'Away',
        theta: ['Attack', 'Defence', 'Form', 'Crowd', 'Attack'],
        r: [62, 71, 55, 30, 62],
      },
    ],
    layout: { title: 'Team profile' },
  },
  histogram: {
    data: [{ type: 'histogram', x: Array.from({ length: 300 }, (_, i) => normal(i)) }],
    layout: { title: 'How long it takes', xaxis: { title: 'minutes' }, yaxis: { title: 'Cases' } },
  },
  box: {
    data: cities.map((name, n) => ({
      type: 'box',
      name,
      y: [...Array.from({ length: 60 }, (_, i) => normal(i) + n * 8), 140],
    })),
    layout: { title: 'Spread by city' },
  },
  heatmap: {
    data: [
      {
        type: 'heatmap',
        x: ['Mon', 'Tue', 'Wed'],
        y: ['8h', '12h'],
        z: [
          [1, 5, 3],
          [8, null, 2],
        ],
        texttemplate: '%{z}',
      },
    ],
    layout: { title: 'Rush hours', yaxis: { autorange: 'reversed' } },
  },
  gauge: {
    data: [
      {
        type: 'indicator',
        mode: 'gauge+number+delta',
        value: 68.5,
        title: { text: 'Fill rate' },
        number: { suffix: ' %' },
        delta: { reference: 61 },
        gauge: { axis: { range: [0, 100] } },
      },
    ],
    layout: { title: 'Stadiums' },
  },
  number: {
    data: [
      { type: 'indicator', mode: 'number', value: 1_240_000, title: { text: 'Revenue' }, number: { prefix: '$' } },
      { type: 'indicator', mode: 'number', value: 312, title: { text: 'Buyers' } },
    ],
    layout: {},
  },
  funnel: {
    data: [{ type: 'funnel', y: ['Visits', 'Carts', 'Orders', 'Returns'], x: [12_000, 5400, 3100, 240] }],
    layout: { title: 'From visit to order' },
  },
  treemap: {
    data: [
      {
        type: 'treemap',
        labels: ['Shop', 'Food', 'Home', 'Bread', 'Cheese', 'Chairs', 'Lamps'],
        parents: ['', 'Shop', 'Shop', 'Food', 'Food', 'Home', 'Home'],
        values: [0, 0, 0, 30, 45, 25, 12],
      },
    ],
    layout: { title: 'Stock' },
  },
  sunburst: {
    data: [
      {
        type: 'sunburst',
        labels: ['Shop', 'Food', 'Home', 'Bread', 'Cheese', 'Chairs', 'Lamps'],
        parents: ['', 'Shop', 'Shop', 'Food', 'Food', 'Home', 'Home'],
        values: [112, 75, 37, 30, 45, 25, 12],
        branchvalues: 'total',
      },
    ],
    layout: { title: 'Stock' },
  },
  sankey: {
    data: [
      {
        type: 'sankey',
        node: { label: ['Search', 'Mail', 'Visit', 'Order', 'Leave'] },
        link: { source: [0, 1, 2, 2], target: [2, 2, 3, 4], value: [60, 25, 30, 55] },
      },
    ],
    layout: { title: 'Where visits go' },
  },
  candlestick: {
    data: [
      {
        type: 'candlestick',
        x: days.slice(0, 5),
        open: [10, 12, 11, 13, 12.5],
        high: [13, 13, 14, 15, 13],
        low: [9, 10.5, 10.8, 12, 11],
        close: [12, 11, 13, 12.5, 11.2],
      },
    ],
    layout: { title: 'Prices' },
  },
  table: {
    data: [
      {
        type: 'table',
        header: { values: ['team', 'points', 'since'] },
        cells: {
          values: [
            Array.from({ length: 20 }, (_, i) => `Team ${i + 1}`),
            Array.from({ length: 20 }, (_, i) => 60 - i * 2.5),
            Array.from({ length: 20 }, () => '2024-03-01'),
          ],
        },
      },
    ],
    layout: { title: 'League' },
  },
  nothing: { data: [], layout: { title: 'No rows' } },
  unknown: { data: [{ type: 'choropleth' }], layout: { title: 'A map' } },
};
