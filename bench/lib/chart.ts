interface Bar {
  name: string;
  /** What is written at its end. */
  total: number;
  parts: { value: number; color: string }[];
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Horizontal bars, the parts of each side by side, with its total at the end. */
export function barChart(
  title: string,
  unit: string,
  bars: Bar[],
  legend: { name: string; color: string }[] = [],
): string {
  const [left, width, row] = [150, 420, 28];
  const sums = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
  const scale = width / Math.max(...sums);
  const top = legend.length > 0 ? 62 : 40;
  const lines = bars.map(({ name, parts, total }, i) => {
    const y = top + i * row;
    let x = left;
    const rects = parts.map(({ value, color }) => {
      const part = `<rect x="${x.toFixed(1)}" y="${y}" width="${(value * scale).toFixed(1)}" height="18" fill="${color}"/>`;
      x += value * scale;
      return part;
    });
    const label = total >= 100 ? total.toFixed(0) : total.toFixed(2);
    return `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${escape(name)}</text>${rects.join('')}<text x="${(x + 6).toFixed(1)}" y="${y + 13}">${label}</text>`;
  });
  const keys = legend.map(
    ({ name, color }, i) =>
      `<rect x="${left + i * 130}" y="36" width="12" height="12" fill="${color}"/><text x="${left + 18 + i * 130}" y="46">${escape(name)}</text>`,
  );
  const height = top + bars.length * row + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="660" height="${height}" viewBox="0 0 660 ${height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="${escape(title)}">
<rect width="660" height="${height}" fill="#ffffff"/><g fill="#1f2937"><text x="12" y="22" font-size="15" font-weight="600">${escape(title)} (${escape(unit)})</text>${keys.join('')}
${lines.join('\n')}</g></svg>
`;
}
