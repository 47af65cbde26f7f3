import { createRequire } from 'node:module';
import path from 'node:path';
import * as echarts from 'echarts';
import { placeholder } from './card.ts';
import { widthOf, type Size } from './frame.ts';
import { drawingOf } from './options.ts';
import { part } from './reading.ts';

/** A figure as a picture. Same figure, same size: same bytes. */

export type PictureFormat = 'SVG' | 'PNG';

export interface Picture extends Size {
  mediaType: string;
  body: Buffer<ArrayBuffer>;
}

echarts.setPlatformAPI({
  measureText: (line: string, font?: string) => {
    const size = Number(/([\d.]+)px/.exec(font ?? '')?.[1] ?? 12);
    return { width: widthOf(line, size, /bold/.test(font ?? '')) };
  },
});

const FONT_SHORTHAND = /style="font: \w+ (\w+) ([\d.]+)px ([^"]*)"/g;

/**
 * What echarts wrote without what is of no use in a picture: numbers that count the pictures of the process, marks and
 * styles for the mouse, endless fractions, and fonts in a notation that not everybody reads.
 */
function settled(svg: string): string {
  return svg
    .replace(/<style[^>]*>[^]*?<\/style>\n?/g, '')
    .replace(FONT_SHORTHAND, 'style="font-size:$2px;font-family:$3;font-weight:$1;"')
    .replace(/<[a-zA-Z][^<>]*>/g, (tag) =>
      tag
        .replace(/ (?:ecmeta_[a-z_]+|class)="[^"]*"/g, '')
        .replace(/((?: id="|="#|url\(#))zr\d+-/g, '$1zr-')
        .replace(/-?\d+\.\d{3,}(?:e-?\d+)?/g, (digits) => String(Math.round(Number(digits) * 1000) / 1000)),
    );
}

/** The figure as an SVG document. */
export function renderSvg(figure: { data: unknown[]; layout: unknown }, size: Size): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    const drawn = drawingOf(figure, size);
    if ('svg' in drawn) return drawn.svg;
    chart.setOption(drawn.option);
    return settled(chart.renderToSVGString());
  } catch {
    // Figures are of anybody's making: one that the library stumbles over is no fault of a run.
    return placeholder(part(figure.layout), size, 'No preview for this chart');
  } finally {
    chart.dispose();
  }
}

const fonts = path.join(path.dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf');
const FONT_FILES = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) => path.join(fonts, name));

/** The figure as a picture of exactly the size, in fonts that every machine has with the gateway. */
export async function renderPicture(
  figure: { data: unknown[]; layout: unknown },
  size: Size,
  format: PictureFormat,
): Promise<Picture> {
  const svg = renderSvg(figure, size);
  if (format === 'SVG') return { ...size, mediaType: 'image/svg+xml', body: Buffer.from(svg) };
  const { renderAsync } = await import('@resvg/resvg-js');
  const image = await renderAsync(svg, {
    font: {
      loadSystemFonts: false,
      fontFiles: FONT_FILES,
      defaultFontFamily: 'DejaVu Sans',
      sansSerifFamily: 'DejaVu Sans',
    },
    background: '#ffffff',
    logLevel: 'off',
  });
  return { ...size, mediaType: 'image/png', body: Buffer.from(image.asPng()) };
}
