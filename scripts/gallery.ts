// Draws the charts of the demo market into docs/images and lists them in docs/charts.md: `node scripts/gallery.ts`.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { demoAssets, type DemoAsset } from '../prisma/seed/products.ts';
import { buildWarehouse } from '../prisma/seed/warehouses.ts';
import { shape } from '../src/assets/result.ts';
import { renderPicture, type PictureFormat } from '../src/charts/render.ts';
import type { Asset } from '../src/generated/prisma/client.ts';
import { bindParameters } from '../src/warehouse/params.ts';
import { collect } from '../src/warehouse/query.ts';
import { createEngines } from '../src/warehouse/registry.ts';

/** One chart of each kind that the viz columns know. */
const GALLERY = {
  line: 'Weekly Revenue, Stores and Online',
  bar: 'Weather Warnings by Month and Kind',
  pie: 'How Shoppers Pay',
  doughnut: 'Why Goods Come Back',
  polar: 'The Year of a Category',
  radar: 'Rainfall through the Year by Region',
  bubble: 'Crowds: Fill Rate, Rating and Stadium Size',
  scatter: 'Club Budget against Points Won',
};
const SIZE = { width: 800, height: 460 };
const MARKS = ['<!-- gallery -->', '<!-- /gallery -->'] as const;

/** What the columns of an asset say where nobody said anything. */
const drawnBy = ({ name, viz, vizSpec }: DemoAsset): Asset =>
  ({
    assetType: 'VISUALIZATION',
    name,
    vizSpec: vizSpec ?? null,
    vizChartType: viz?.chartType ?? null,
    vizIndepVarColName: viz?.x ?? null,
    vizDepVarColName: viz?.y ?? null,
    vizSizeColName: viz?.size ?? null,
    vizColorColName: viz?.color ?? null,
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
  }) as unknown as Asset;

/** `node scripts/gallery.ts <directory> PNG` draws all demo charts there instead, to be looked at. */
const [into = '', format = 'SVG'] = process.argv.slice(2);
const root = path.join(import.meta.dirname, '..');
const images = into === '' ? path.join(root, 'docs/images') : into;
const charts = demoAssets.filter((asset) => asset.assetType === 'VISUALIZATION');
const chosen = into === '' ? Object.entries(GALLERY) : charts.map(({ name }, i) => [String(i), name] as const);
const warehouses = mkdtempSync(path.join(os.tmpdir(), 'gallery-'));
const engines = createEngines({ duckdbRoots: [warehouses], network: { allowPrivate: [] } });
try {
  mkdirSync(images, { recursive: true });
  const built = new Set<string>();
  const limits = { timeoutMs: 60_000, maxRows: 10_000, maxBytes: 67_108_864 };
  const lines: string[] = [];
  for (const [kind, name] of chosen) {
    const asset = charts.find((one) => one.name === name);
    if (!asset) throw new Error(`The demo has no chart ${name}.`);
    const file = `${asset.seller}.duckdb`;
    if (!built.has(file)) await buildWarehouse(path.join(warehouses, file), asset.seller);
    built.add(file);
    const values = Object.fromEntries(
      asset.parameters.map((one) => [one.name, one.defaultValue ?? one.allowedValues?.[0] ?? null]),
    );
    const engine = engines.get('duckdb');
    const target = { key: asset.seller, settings: { path: file } };
    const statement = bindParameters(asset.sqlLogic, engine.dialect, values);
    const { signal } = new AbortController();
    const result = await collect(engine, target, statement, limits, { onExcess: 'fail' }, signal);
    const outcome = shape(drawnBy(asset), result);
    if (outcome.kind !== 'VisualizationResult') throw new Error(`${name} is no chart.`);
    const picture = await renderPicture(outcome.figure, SIZE, format as PictureFormat);
    const image = `chart-${kind}.${format.toLowerCase()}`;
    writeFileSync(path.join(images, image), picture.body);
    lines.push(`![${name}](images/${image})`, '');
    console.log(`${image}: ${name}, ${picture.body.length} bytes`);
  }
  if (into === '') {
    const page = path.join(root, 'docs/charts.md');
    const text = readFileSync(page, 'utf8');
    const [from, to] = MARKS.map((mark) => text.indexOf(mark));
    if (from === undefined || to === undefined || from < 0 || to < from)
      throw new Error(`docs/charts.md has no ${MARKS.join(' … ')}.`);
    const gallery = `${MARKS[0]}\n\n${lines.join('\n')}\n`;
    writeFileSync(page, `${text.slice(0, from)}${gallery}${text.slice(to)}`);
  }
} finally {
  await engines.close();
  rmSync(warehouses, { recursive: true, force: true });
}
