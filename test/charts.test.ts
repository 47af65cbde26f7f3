import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkFigure, lttb, MAX_POINTS, TRACE_RULES } from '../src/assets/figure-check.ts';
import type { Figure } from '../src/assets/figure.ts';
import { color, instant, label, short, title } from '../src/charts/reading.ts';
import { renderPicture, renderSvg } from '../src/charts/render.ts';
import { openFrame } from '../src/charts/frame.ts';
import { ringScale, spokeNames } from '../src/charts/spokes.ts';
import { timeLabel, timeTicks } from '../src/charts/time.ts';
import { inTurn } from '../src/charts/turns.ts';
import { figures } from './charts.fixtures.ts';

/** Figures as they leave the gateway, and the pictures that are made of them. */

const SIZE = { width: 640, height: 400 };
const figure = (...data: Record<string, unknown>[]): Figure => ({ data, layout: {} });
const many = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** What is wrong with a figure, a mistake a line. */
function wrong(of: Figure): string {
  try {
    checkFigure(of);
    return '';
  } catch (error) {
    return (error as Error).message.replace('The figure cannot be drawn: ', '');
  }
}

describe('a figure is checked', () => {
  it('and let through as it is where it is right', () => {
    for (const [name, one] of Object.entries(figures))
      if (name !== 'unknown') expect(checkFigure(one), name).toEqual(one);
    expect(Object.keys(TRACE_RULES)).toHaveLength(16);
    const drawn = new Set(Object.values(figures).flatMap(({ data }) => data.map((trace) => trace['type'])));
    expect(Object.keys(TRACE_RULES).filter((type) => !drawn.has(type))).toEqual(['scattergl']);
  });

  it.each<[string, Figure, string]>([
    [
      'an unknown kind of trace',
      figure({ type: 'choropleth' }),
      'data[0].type choropleth is not drawn here; there are bar, scatter,',
    ],
    ['a kind that every object has', figure({ type: 'constructor' }), 'data[0].type constructor is not drawn here'],
    ['a trace that is none', { data: ['bar' as never], layout: {} }, 'data[0] should be an object.'],
    ['nothing to draw', figure({ type: 'bar' }), 'data[0].x is missing: x or y.'],
    ['a trace without a type is a scatter', figure({}), 'data[0].x is missing: x or y.'],
    [
      'lists of unequal length',
      figure({ y: [1] }, { type: 'bar', x: [1, 2], y: [1, 2, 3] }),
      'data[1].y has 3 values, x has 2.',
    ],
    ['what should be a list', figure({ type: 'pie', labels: 'a', values: [1] }), 'data[0].labels should be a list.'],
    ['a radar', figure({ type: 'scatterpolar', r: [1, 2], theta: ['a'] }), 'data[0].theta has 1 values, r has 2.'],
    ['a tree', figure({ type: 'treemap', labels: ['a'] }), 'data[0].parents is missing: parents.'],
    ['candles', figure({ type: 'candlestick', open: [1], high: [2], low: [0] }), 'data[0].close is missing: close.'],
    ['an uneven matrix', figure({ type: 'heatmap', z: [[1, 2], [1]] }), 'data[0].z[1] should be a list of 2 values'],
    [
      'a matrix and its names',
      figure({ type: 'heatmap', z: [[1, 2]], x: ['a'] }),
      'data[0].x has 1 values, z has 2 columns.',
    ],
    [
      'cells in columns',
      figure({ type: 'heatmap', z: [1, 2], x: ['a'], y: ['b', 'c'] }),
      'data[0].x has 1 values, z has 2.',
    ],
    ['a dial without a number', figure({ type: 'indicator', value: 'high' }), 'data[0].value should be a number.'],
    [
      'a table',
      figure({ type: 'table', cells: { values: [1] } }),
      'data[0].cells.values should be a list of columns, each a list.',
    ],
    [
      'a flow',
      figure({ type: 'sankey', node: { label: ['a'] }, link: { source: [0], target: [3], value: [1, 2] } }),
      'data[0].link.target[0] names no node: there are 1. data[0].link.value has 2 values, link.source has 1.',
    ],
    ['a long text', figure({ y: [1], name: 'x'.repeat(1001) }), 'data[0].name has more than 1000 characters.'],
    ['a long cell', figure({ y: [1], x: ['x'.repeat(10_001)] }), 'data[0].x has a text of more than 10000 characters.'],
    [
      'an address',
      figure({ y: [1], geojson: 'https://evil.example' }),
      'data[0].geojson is an address; only data of its own is taken.',
    ],
    [
      'a picture from elsewhere',
      { data: [], layout: { images: [{ source: 'data:image/png;base64,AA' }, { source: 'https://evil.example' }] } },
      'layout.images[1].source is an address; only data of its own is taken.',
    ],
    ['a map', { data: [], layout: { map: {} } }, 'layout.map is a map; maps are not drawn.'],
    [
      'a token',
      { data: [], layout: { geo: { accesstoken: 'pk' } } },
      'layout.geo.accesstoken is a token; a figure has none.',
    ],
    [
      'a title too long',
      { data: [], layout: { title: { text: 'x'.repeat(1001) } } },
      'layout.title.text has more than 1000 characters.',
    ],
    [
      'many marks',
      { data: [], layout: { shapes: many(101).map(() => ({})) } },
      'layout.shapes has 101 items, more than 100.',
    ],
    ['many traces', figure(...many(101).map(() => ({ y: [1] }))), 'data has 101 traces, more than 100.'],
    [
      'many points',
      figure({ type: 'bar', y: many(MAX_POINTS + 1) }),
      'data[0] has 50001 points, more than 50000; aggregate in the SQL.',
    ],
  ])('and refused: %s', (_, of, message) => expect(wrong(of)).toContain(message));

  it('names all mistakes at once, at most ten, and the path of the first', () => {
    const of = figure(...many(20).map(() => ({ type: 'bar' })));
    expect(wrong(of).split('missing').length - 1).toBe(10);
    expect(() => checkFigure(figure({ y: [1] }, { type: 'bar' }))).toThrow(
      expect.objectContaining({ code: 'VALIDATION', argumentPath: ['vizSpec', 'data', '1', 'x'] }),
    );
  });

  it('keeps the shape of a line that has too many points', () => {
    const count = MAX_POINTS + 10_000;
    const y = many(count).map((i) => (i === 40_123 ? 1e6 : Math.sin(i / 900)));
    const text = many(count).map(String);
    const [line = {}] = checkFigure(
      figure({ type: 'scatter', mode: 'lines', x: many(count), y, marker: { size: y }, text }),
    ).data;
    const [x, kept] = [line['x'] as number[], line['y'] as number[]];
    expect([x.length, kept.length, x[0], x.at(-1)]).toEqual([MAX_POINTS, MAX_POINTS, 0, count - 1]);
    expect(kept).toContain(1e6);
    expect((line['text'] as string[])[777]).toBe(String(x[777]));
    expect((line['marker'] as { size: number[] }).size).toEqual(kept);
    expect(lttb([], [1, null, 3], 5)).toEqual([0, 1, 2]);
    expect(lttb(['2026-01-01', '2026-01-02', '2026-01-03', '2026-02-01'], [0, 9, 1, 0], 3)).toEqual([0, 1, 3]);
  });
});

describe('a picture', () => {
  it.each(Object.keys(figures))('of %s is the one that is kept', async (name) => {
    const svg = renderSvg(figures[name] ?? figure(), SIZE);
    expect(svg).toMatch(/^<svg width="640" height="400" xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg.replace(/>[^<]*</g, '><')).not.toMatch(/NaN|undefined|Infinity|zr\d/);
    expect(svg).not.toContain('No preview for this chart');
    await expect(svg).toMatchFileSnapshot(path.join(import.meta.dirname, 'snapshots', `chart-${name}.svg`));
    expect(renderSvg(figures[name] ?? figure(), SIZE)).toBe(svg);
  });

  it('is kept for nothing that is not drawn', () => {
    const kept = readdirSync(path.join(import.meta.dirname, 'snapshots')).filter((file) => file.startsWith('chart-'));
    expect(kept.sort()).toEqual(
      Object.keys(figures)
        .map((name) => `chart-${name}.svg`)
        .sort(),
    );
  });

  it.each([
    [100, 100],
    [640, 400],
    [2000, 1200],
  ])('is a PNG of %i × %i', async (width, height) => {
    const { body, mediaType } = await renderPicture(figures['line'] ?? figure(), { width, height }, 'PNG');
    expect(mediaType).toBe('image/png');
    expect([...body.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
    expect([body.readUInt32BE(16), body.readUInt32BE(20)]).toEqual([width, height]);
    // Letters and lines, not an empty page.
    expect(body.length).toBeGreaterThan(1500);
  });

  const EVIL = `"><script>alert(1)</script>'&\0\ud800{a|b}<img src="https://evil.example/x">`;
  /** Every text of a figure, but those that say how it is drawn, made hostile. */
  function poisoned(value: unknown, key = ''): unknown {
    if (typeof value === 'string')
      return ['type', 'mode', 'fill', 'barmode', 'orientation', 'xref', 'branchvalues', 'stackgroup'].includes(key)
        ? value
        : EVIL + value;
    if (Array.isArray(value)) return value.map((one) => poisoned(one));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, poisoned(one, name)]));
  }
  const traps = {
    color: EVIL,
    colors: [EVIL],
    symbol: EVIL,
    size: EVIL,
    width: EVIL,
    dash: 'constructor',
    shape: 'toString',
  };
  it.each(Object.keys(figures))('of %s carries no markup of the figure', async (name) => {
    const of = poisoned(figures[name]) as Figure;
    for (const trace of of.data)
      Object.assign(trace, {
        name: EVIL,
        marker: { ...traps, sizemode: 'area' },
        line: traps,
        fillcolor: EVIL,
        opacity: EVIL,
        colorscale: [
          [0, EVIL],
          [1, EVIL],
        ],
        gauge: { bar: { color: EVIL } },
      });
    Object.assign(of.layout, { title: EVIL, colorway: [EVIL] });
    const svg = renderSvg(of, SIZE);
    expect(svg).not.toMatch(/<(script|img|a |image|foreignObject)/i);
    expect(svg).not.toMatch(/<[^>]*evil/);
    expect(svg).toMatch(/(&lt;|&#60;)script/);
    const { body } = await renderPicture(of, { width: 200, height: 150 }, 'PNG');
    expect(body.subarray(1, 4).toString()).toBe('PNG');
  });

  it('of a circle that flows, or of what the library stumbles over, is a card', () => {
    const link = { source: [0, 1], target: [1, 0], value: [1, 1] };
    expect(renderSvg(figure({ type: 'sankey', link, node: { label: ['a', 'b'] } }), SIZE)).toContain(
      'flows that run in a circle',
    );
    const loop = { type: 'treemap', labels: ['a', 'b'], parents: ['b', 'a'], values: [1, 1] };
    expect(renderSvg(figure(loop), SIZE)).toMatch(/^<svg/);
  });

  it.each([
    ['a radar', 'scatterpolar', 'theta', 'r'],
    ['bars around a centre', 'barpolar', 'theta', 'r'],
    ['a pie', 'pie', 'labels', 'values'],
  ])('of %s makes room for its words where it is narrow', (_, type, names, values) => {
    const trace = {
      type,
      [names]: ['Northern', 'Eastern', 'Southern', 'Western'],
      [values]: [110_500, 98_200, 87_000, 61_300],
    };
    const svg = renderSvg(figure(trace), { width: 400, height: 700 });
    for (const name of ['Northern', 'Eastern', 'Southern', 'Western']) expect(svg).toContain(`>${name}<`);
    if (type === 'pie') expect(svg).toContain('110.5k · 31%');
  });

  it('draws no more than can be seen', () => {
    const y = many(40_000).map((i) => Math.sin(i / 700));
    const svg = renderSvg(
      figure({ type: 'scatter', mode: 'markers', x: many(40_000), y }, { type: 'bar', x: many(40_000), y }),
      SIZE,
    );
    expect(svg.match(/<path/g)?.length).toBeLessThan(25_000);
  });
});

describe('names around a circle', () => {
  const size = { width: 640, height: 400 };
  const circle = { center: [320, 210] as [number, number], radius: 130, startAngle: 90, clockwise: true };
  it('are left out where they would lie on each other, evenly, and stay in the picture', () => {
    const names = many(40).map((i) => `Region ${i}`);
    const kept = spokeNames(names, circle, openFrame({}, size)).flatMap((name, i) => (name === '' ? [] : [i]));
    expect(kept[0]).toBe(0);
    expect(new Set(kept.slice(1).map((at, i) => at - (kept[i] ?? 0))).size).toBe(1);
    expect(kept.length).toBeGreaterThan(10);
    expect(spokeNames(['A', 'B', 'C'], circle, openFrame({}, size))).toEqual(['A', 'B', 'C']);
  });

  it('are cut so that they stay different', () => {
    const names = many(6).map((i) => `A name that is much too long to stand beside its spoke, of the region ${i}`);
    const written = spokeNames(names, circle, openFrame({}, size));
    expect(new Set(written).size).toBe(6);
    for (const [i, name] of written.entries()) expect(name).toMatch(new RegExp(`^A name.*….*${i}$`));
  });

  it.each([
    [0, 97, [0, 100]],
    [0, 100, [0, 100]],
    [-5, 80, [-30, 90]],
    [-100, 0, [-100, 0]],
    [0, 0, [0, 1]],
  ])('have rings of round numbers from %d to %d', (low, high, [from, to]) => {
    const { least, most, step } = ringScale(low, high);
    expect([least, most]).toEqual([from, to]);
    expect(least + 4 * step).toBeCloseTo(most);
  });
});

describe('many pictures at once', () => {
  it('are drawn one after another, and others have their turn in between', async () => {
    const draw = () => renderPicture(figure({ type: 'bar', x: [1, 2], y: [1, 2] }), SIZE, 'SVG');
    await draw();
    let turns = 0;
    const next = (): void => {
      turns++;
      turning = setImmediate(next);
    };
    let turning = setImmediate(next);
    const at = await Promise.all(Array.from({ length: 5 }, () => inTurn(draw).then(() => turns)));
    clearImmediate(turning);
    expect(new Set(at).size).toBe(5);
  });

  it('go on after one that fails', async () => {
    const failed = inTurn(() => Promise.reject(new Error('no')));
    const drawn = inTurn(() => Promise.resolve('drawn'));
    await expect(failed).rejects.toThrow('no');
    expect(await drawn).toBe('drawn');
  });
});

describe('texts of pictures', () => {
  it.each([
    ['margin_pct', 'Margin (%)'],
    ['revenue_usd', 'Revenue (USD)'],
    ['week', 'Week'],
    ['goals_per_match', 'Goals per match'],
    ['x_constructor', 'X constructor'],
    ['Already A Title', 'Already A Title'],
    ['<b>Bold</b><br>two', 'Bold\ntwo'],
  ])('titles: %s', (from, to) => expect(title(from)).toBe(to));

  it.each([
    [0, '0'],
    [2026, '2026'],
    [12_340, '12.34k'],
    [-3_400_000, '-3.4M'],
    [0.1 + 0.2, '0.3'],
    [0.000_012, '1.2e-5'],
    [7e12, '7T'],
  ])('numbers: %d', (from, to) => expect(short(from)).toBe(to));

  it.each([
    ['#0f766e', true],
    ['rgba(1, 2, 3, 0.5)', true],
    ['tomato', true],
    ['url(#x)', false],
    ['red"/><script>', false],
    [null, false],
  ])('colours: %s', (from, isColor) => expect(color(from) !== null).toBe(isColor));

  it('days are read in UTC and labelled short', () => {
    expect(instant('2026-03-01')).toBe(Date.UTC(2026, 2, 1));
    expect(instant('2026-03-01T10:00:00.5')).toBe(Date.UTC(2026, 2, 1, 10, 0, 0, 500));
    expect(instant('2026-03-01 10:00:00+02:00')).toBe(Date.UTC(2026, 2, 1, 8));
    expect([instant('Item 5'), instant(5), instant('2026-99-01')]).toEqual([null, null, null]);
    expect([label('2026-03-01'), label('2026-03-01T10:30:00'), label('North')]).toEqual([
      '1 Mar 2026',
      '1 Mar 2026 10:30',
      'North',
    ]);
  });

  it.each([
    ['years', '2015-03-01', '2026-03-01', 6, ['2016', '2018', '2020', '2022', '2024', '2026']],
    ['months', '2025-12-10', '2026-06-10', 4, ['2026', 'Mar 2026', 'May 2026']],
    ['weeks', '2026-01-01', '2026-01-25', 4, ['5 Jan', '12 Jan', '19 Jan']],
    ['hours', '2026-01-02T00:00:00', '2026-01-02T12:00:00', 4, ['2 Jan', '03:00', '06:00', '09:00', '12:00']],
  ])('ticks of time stand on whole %s', (_, from, to, most, labels) => {
    const ticks = timeTicks(instant(from) ?? 0, instant(to) ?? 0, most).map(timeLabel);
    expect(ticks).toEqual(labels);
  });
});
