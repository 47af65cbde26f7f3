import { typeOf } from '../assets/figure-check.ts';
import { placeholder, tableCard } from './card.ts';
import { cartesian } from './cartesian.ts';
import { funnels, gauges, sankey } from './flows.ts';
import { openFrame, PAPER, type Frame, type Size } from './frame.ts';
import { heatmap } from './heatmap.ts';
import { pies } from './pies.ts';
import { polarBars, polarScatter } from './polar.ts';
import { part, text, type Part } from './reading.ts';
import { sunbursts, treemaps } from './trees.ts';

/** What is drawn: an option for echarts, or a picture that needs none. */
export type Drawing = { option: Part } | { svg: string };

type Draw = (traces: Part[], layout: Part, frame: Frame) => Part | null;

/** Kinds of traces that share a picture, each with how it is drawn. */
const families: { types: string[]; draw: Draw }[] = [
  { types: ['bar', 'scatter', 'scattergl', 'histogram', 'box', 'candlestick'], draw: cartesian },
  { types: ['pie'], draw: pies },
  { types: ['barpolar'], draw: polarBars },
  { types: ['scatterpolar'], draw: polarScatter },
  { types: ['heatmap'], draw: ([trace = {}], layout, frame) => heatmap(trace, layout, frame) },
  { types: ['indicator'], draw: (traces, _, frame) => gauges(traces.slice(0, 12), frame) },
  { types: ['funnel'], draw: (traces, layout, frame) => funnels(traces.slice(0, 6), layout, frame) },
  { types: ['treemap'], draw: (traces, _, frame) => treemaps(traces.slice(0, 6), frame) },
  { types: ['sunburst'], draw: (traces, _, frame) => sunbursts(traces.slice(0, 6), frame) },
  { types: ['sankey'], draw: ([trace = {}], _, frame) => sankey(trace, frame) },
];

/**
 * How a figure is drawn: by the family of its first trace, with the other traces of that family. What cannot be drawn
 * becomes a card that says so.
 */
export function drawingOf(figure: { data: unknown[]; layout: unknown }, size: Size): Drawing {
  const layout = part(figure.layout);
  const traces = figure.data
    .map(part)
    .filter((trace) => trace['visible'] !== false && trace['visible'] !== 'legendonly');
  const [first] = traces;
  if (!first) return { svg: placeholder(layout, size, 'No data') };
  const type = typeOf(first);
  if (type === 'table') return { svg: tableCard(first, layout, size) };
  const family = families.find(({ types }) => types.includes(type));
  if (!family) return { svg: placeholder(layout, size, `No preview for ${text(type).slice(0, 40)}`) };
  const frame = openFrame(layout, size);
  const same = traces.filter((trace) => family.types.includes(typeOf(trace)));
  const option = family.draw(same, layout, frame);
  if (!option) return { svg: placeholder(layout, size, 'No preview for flows that run in a circle') };
  return {
    option: {
      animation: false,
      useUTC: true,
      backgroundColor: PAPER,
      textStyle: { fontFamily: 'sans-serif' },
      ...option,
      graphic: frame.graphics,
    },
  };
}
