import { between, color, list, text, title, type Part } from './reading.ts';

/** What stands around a chart: background, title, legend; and the room that they leave. */

export const FONT = 'Helvetica Neue, Arial, DejaVu Sans, sans-serif';
export const INK = '#1f2937';
export const SOFT = '#6b7280';
export const LINE = '#e5e7eb';
export const PAPER = '#ffffff';
const COLORS = ['#3366cc', '#dc3912', '#ff9900', '#109618', '#990099', '#0099c6', '#dd4477', '#66aa00'];
const MAX_ROWS = 3;

export interface Size {
  width: number;
  height: number;
}

/** Somebody in the legend. */
export interface Entry {
  name: string;
  color: string;
  isLine?: boolean;
}

/** The measures of a picture. */
export interface Frame extends Size {
  /** What lengths and letters are multiplied with: 1 at 800 × 500. */
  scale: number;
  /** Small pictures do without legend and axis titles. */
  isSmall: boolean;
  /** The outer margin. */
  margin: number;
  /** Where the room for the chart begins, under title and legend. */
  top: number;
  colors: string[];
  /** Title, legend and whatever else is drawn at a place, for echarts. */
  graphics: Part[];
}

/** Widths of the letters from blank to tilde in hundredths of the letter size, in DejaVu Sans: the widest that is used. */
const WIDTHS =
  '32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 100 68 69 70 77 63 58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 50 61 63 55 63 62 35 63 63 28 28 58 28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84'
    .split(' ')
    .map((width) => Number(width) / 100);

/** How wide a line of text is, at most. */
export function widthOf(line: string, fontSize: number, isBold = false): number {
  let width = 0;
  for (const letter of line) {
    const code = letter.codePointAt(0) ?? 0;
    // East Asian letters are square; all others are about as wide as an `o`.
    width += WIDTHS[code - 32] ?? (code >= 0x1100 && !(code >= 0x2010 && code < 0x2030) ? 1 : 0.65);
  }
  return width * fontSize * (isBold ? 1.15 : 1);
}

/** A line cut to a width, with an ellipsis where something is missing. */
export function cut(line: string, width: number, fontSize: number, isBold = false): string {
  if (widthOf(line, fontSize, isBold) <= width) return line;
  let kept = '';
  for (const letter of line) {
    if (widthOf(`${kept}${letter}…`, fontSize, isBold) > width) break;
    kept += letter;
  }
  return `${kept.trimEnd()}…`;
}

/** A line cut to a width in its middle: for names that are told apart by their ends. */
function cutMiddle(line: string, width: number, fontSize: number): string {
  if (widthOf(line, fontSize) <= width) return line;
  const letters = [...line];
  for (let kept = letters.length - 1; kept > 1; kept--) {
    const tail = Math.floor(kept / 2);
    const short = `${letters
      .slice(0, kept - tail)
      .join('')
      .trimEnd()}…${letters
      .slice(letters.length - tail)
      .join('')
      .trimStart()}`;
    if (widthOf(short, fontSize) <= width) return short;
  }
  return cut(line, width, fontSize);
}

/** Lines cut to a width so that different ones stay different, where that can be. */
export function cutAll(lines: readonly string[], width: number, fontSize: number): string[] {
  const plain = lines.map((line) => cut(line, width, fontSize));
  const isClear = new Set(plain).size === new Set(lines).size;
  return isClear ? plain : lines.map((line) => cutMiddle(line, width, fontSize));
}

/** A text in lines of a width, at most so many. */
export function wrap(value: string, width: number, fontSize: number, most: number, isBold = false): string[] {
  const lines: string[] = [];
  for (const word of value.split(/\s+/)) {
    const last = lines.at(-1);
    const longer = last === undefined ? word : `${last} ${word}`;
    if (last === undefined || (lines.length < most && widthOf(longer, fontSize, isBold) > width)) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.map((line) => cut(line, width, fontSize, isBold));
}

const words = (line: string, x: number, y: number, style: Part): Part => ({
  type: 'text',
  left: x,
  top: y,
  silent: true,
  style: { text: line, fontFamily: FONT, ...style },
});

/** A line of text at a place, for echarts. */
export function caption(line: string, x: number, y: number, frame: Frame, style: Part = {}): Part {
  return {
    type: 'text',
    x,
    y,
    silent: true,
    style: { text: line, fontFamily: FONT, fontSize: 12 * frame.scale, fill: SOFT, ...style },
  };
}

function legendOf(entries: Entry[], frame: Frame, top: number): number {
  const { scale, margin, width } = frame;
  const fontSize = 12 * scale;
  const mark = 12 * scale;
  const row = 20 * scale;
  const space = width - 2 * margin;
  let [x, line] = [0, 0];
  const names = cutAll(
    entries.map(({ name }) => name),
    Math.min(space - mark * 2, 220 * scale),
    fontSize,
  );
  for (const [i, entry] of entries.entries()) {
    const name = names[i] ?? '';
    const needed = mark + 6 * scale + widthOf(name, fontSize);
    const more = `+${entries.length - i} more`;
    const isLastRow = line === MAX_ROWS - 1;
    const rest = isLastRow && i < entries.length - 1 ? widthOf(more, fontSize) + 16 * scale : 0;
    if (x > 0 && x + needed + rest > space) {
      if (isLastRow) {
        frame.graphics.push(words(more, margin + x, top + line * row, { fontSize, fill: SOFT }));
        break;
      }
      [x, line] = [0, line + 1];
    }
    const middle = top + line * row + fontSize / 2;
    const shape = entry.isLine
      ? { x: margin + x, y: middle - 1.5 * scale, width: mark, height: 3 * scale, r: 1.5 * scale }
      : { x: margin + x + scale, y: middle - 5 * scale, width: 10 * scale, height: 10 * scale, r: 2.5 * scale };
    frame.graphics.push(
      { type: 'rect', silent: true, shape, style: { fill: entry.color } },
      words(name, margin + x + mark + 6 * scale, top + line * row, { fontSize, fill: '#374151' }),
    );
    x += needed + 16 * scale;
  }
  return (line + 1) * row;
}

/** The frame of a figure before its legend: measures, colours, title. */
export function openFrame(layout: Part, size: Size): Frame {
  const factor = Math.min(size.width / 800, size.height / 500);
  // Letters shrink less than the picture, so that they stay readable.
  const scale = between(factor < 1 ? Math.sqrt(factor) : factor, 0.7, 2.5);
  const isSmall = size.width < 300 || size.height < 200;
  const margin = isSmall ? 8 : 24 * scale;
  const colors = list(layout['colorway']).flatMap((one) => color(one) ?? []);
  const frame: Frame = {
    ...size,
    scale,
    isSmall,
    margin,
    top: margin,
    colors: colors.length > 0 ? colors : COLORS,
    graphics: [],
  };
  const heading = title(layout['title']);
  if (heading === '' || size.height < 120) return frame;
  const fontSize = isSmall ? 11 : 18 * scale;
  const lines = wrap(heading, size.width - 2 * margin, fontSize, isSmall ? 1 : 2, true);
  for (const [i, line] of lines.entries())
    frame.graphics.push(
      words(line, margin, margin - 2 * scale + i * fontSize * 1.3, { fontSize, fontWeight: 'bold', fill: INK }),
    );
  frame.top = margin + lines.length * fontSize * 1.3 + 10 * scale;
  return frame;
}

/** Puts the legend under the title, where there is one to show. */
export function addLegend(frame: Frame, layout: Part, entries: Entry[]): void {
  const named = entries.filter(({ name }) => name !== '');
  if (layout['showlegend'] === false || frame.isSmall || named.length < 2) return;
  frame.top += legendOf(named, frame, frame.top) + 6 * frame.scale;
}

/** The colour of a trace: its own, else the next of the figure's. */
export function traceColor(frame: Frame, trace: Part, at: number): string {
  const own = [trace['marker'], trace['line']].map((of) => color((of as Part | undefined)?.['color']));
  return own.find((one) => one !== null) ?? frame.colors[at % frame.colors.length] ?? COLORS[0] ?? INK;
}

/** What the legend calls a trace; empty for one that is not in it. */
export const nameOf = (trace: Part): string => (trace['showlegend'] === false ? '' : text(trace['name']));

/** The room of one of several round charts: what its `domain` says, else a cell of a grid. */
export function cellOf(frame: Frame, trace: Part, at: number, count: number): Size & { x: number; y: number } {
  const { margin, top, width, height } = frame;
  const room = { x: margin, y: top, width: width - 2 * margin, height: height - top - margin };
  const domain = (trace['domain'] ?? {}) as Part;
  const [left, right] = list(domain['x']).map(Number);
  const [bottom, upper] = list(domain['y']).map(Number);
  const isPlaced = [left, right, bottom, upper].every((v) => v !== undefined && v >= 0 && v <= 1);
  if (isPlaced && (right ?? 0) > (left ?? 0) && (upper ?? 0) > (bottom ?? 0))
    return {
      x: room.x + room.width * (left ?? 0),
      y: room.y + room.height * (1 - (upper ?? 1)),
      width: room.width * ((right ?? 1) - (left ?? 0)),
      height: room.height * ((upper ?? 1) - (bottom ?? 0)),
    };
  const across = Math.ceil(Math.sqrt((count * room.width) / Math.max(room.height, 1)));
  const columns = between(across, 1, count);
  const rows = Math.ceil(count / columns);
  return {
    x: room.x + (room.width / columns) * (at % columns),
    y: room.y + (room.height / rows) * Math.floor(at / columns),
    width: room.width / columns,
    height: room.height / rows,
  };
}
