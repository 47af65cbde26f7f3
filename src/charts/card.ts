import { cut, FONT, INK, LINE, openFrame, PAPER, SOFT, widthOf, type Frame, type Size } from './frame.ts';
import { label, list, number, part, text, title, type Part } from './reading.ts';

/** Pictures that are no chart: tables, and a card where there is nothing to draw. Written by hand, escaped here. */

/** A text as it may stand in an element or an attribute. */
export function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

interface Words {
  x: number;
  y: number;
  size: number;
  fill?: string;
  anchor?: 'start' | 'middle' | 'end';
  isBold?: boolean;
}

const round = (value: number): number => Math.round(value * 100) / 100;

const words = (line: string, { x, y, size, fill = INK, anchor = 'start', isBold = false }: Words): string =>
  `<text x="${round(x)}" y="${round(y)}" font-size="${round(size)}" fill="${fill}" text-anchor="${anchor}"${isBold ? ' font-weight="bold"' : ''}>${escaped(line)}</text>`;

const page = ({ width, height }: Size, parts: string[]): string =>
  `<svg width="${width}" height="${height}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="${FONT}"><rect width="${width}" height="${height}" fill="${PAPER}"/>${parts.join('')}</svg>`;

function heading(layout: Part, size: Size): { frame: Frame; parts: string[] } {
  const frame = openFrame(layout, size);
  const fontSize = frame.isSmall ? 11 : 18 * frame.scale;
  const said = size.height < 120 ? '' : cut(title(layout['title']), size.width - 2 * frame.margin, fontSize, true);
  if (said === '') return { frame: { ...frame, top: frame.margin }, parts: [] };
  const parts = [words(said, { x: frame.margin, y: frame.margin + fontSize * 0.75, size: fontSize, isBold: true })];
  return { frame: { ...frame, top: frame.margin + fontSize * 1.3 + 10 * frame.scale }, parts };
}

/** A card that says why there is no chart on it. */
export function placeholder(layout: Part, size: Size, reason: string): string {
  const { frame, parts } = heading(layout, size);
  const { scale, margin, top } = frame;
  const fontSize = 13 * scale;
  const middle = (top + size.height - margin) / 2;
  const line = cut(reason, size.width - 4 * margin, fontSize);
  return page(size, [
    ...parts,
    `<rect x="${round(margin)}" y="${round(top)}" width="${round(size.width - 2 * margin)}" height="${round(Math.max(size.height - top - margin, 1))}" rx="${round(8 * scale)}" fill="#f9fafb" stroke="${LINE}"/>`,
    words(line, { x: size.width / 2, y: middle + fontSize / 3, size: fontSize, fill: SOFT, anchor: 'middle' }),
  ]);
}

/** The first rows of a table, as many as there is room for. */
export function tableCard(trace: Part, layout: Part, size: Size): string {
  const { frame, parts } = heading(layout, size);
  const { scale, margin, top } = frame;
  const columns = list(part(trace['cells'])['values']).map(list);
  const heads = list(part(trace['header'])['values']).map((head) =>
    title(Array.isArray(head) ? head.join(' ') : text(head)),
  );
  const count = Math.max(0, ...columns.map((column) => column.length));
  const row = 26 * scale;
  const fontSize = 12 * scale;
  const room = Math.max(Math.floor((size.height - top - margin - (heads.length > 0 ? row : 0)) / row), 0);
  const shown = count > room ? Math.max(room - 1, 0) : count;
  const isNumber = columns.map(
    (column) => column.length > 0 && column.every((cell) => cell === null || typeof cell === 'number'),
  );
  const cellText = (cell: unknown): string =>
    typeof cell === 'number'
      ? (number(cell) ?? 0).toLocaleString('en-US', { maximumFractionDigits: 4, useGrouping: Math.abs(cell) >= 10_000 })
      : label(cell);
  const texts = columns.map((column) => column.slice(0, shown).map(cellText));
  const wanted = texts.map(
    (column, c) =>
      Math.max(24, widthOf(heads[c] ?? '', fontSize, true), ...column.map((one) => widthOf(one, fontSize))) +
      20 * scale,
  );
  const space = size.width - 2 * margin;
  const total = wanted.reduce((sum, width) => sum + width, 0);
  const widths = wanted.map((width) => (width * space) / Math.max(total, 1));
  let x = margin;
  const starts = widths.map((width) => (x += width) - width);
  const place = (line: string, c: number, y: number, more: Partial<Words>): string => {
    const isRight = isNumber[c] === true;
    const at = (starts[c] ?? 0) + (isRight ? (widths[c] ?? 0) - 10 * scale : 10 * scale);
    const fitted = cut(line, (widths[c] ?? 0) - 14 * scale, fontSize, more.isBold);
    return words(fitted, { x: at, y: y + row * 0.65, size: fontSize, anchor: isRight ? 'end' : 'start', ...more });
  };
  let y = top;
  const bar = (fill: string): string =>
    `<rect x="${round(margin)}" y="${round(y)}" width="${round(space)}" height="${round(row)}" fill="${fill}"/>`;
  if (heads.length > 0) {
    parts.push(bar('#f3f4f6'), ...columns.map((_, c) => place(heads[c] ?? '', c, y, { isBold: true })));
    y += row;
  }
  for (let r = 0; r < shown; r++) {
    if (r % 2 === 1) parts.push(bar('#fafafa'));
    parts.push(...columns.map((_, c) => place(texts[c]?.[r] ?? '', c, y, { fill: '#374151' })));
    y += row;
  }
  if (shown < count)
    parts.push(
      words(`… ${count - shown} more rows`, { x: margin + 10 * scale, y: y + row * 0.65, size: fontSize, fill: SOFT }),
    );
  return page(size, parts);
}
