import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import { parse } from 'libpg-query';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoAssets, demoEndpoints, type DemoAsset } from '../prisma/seed/products.ts';
import { buildWarehouse, dataUntil } from '../prisma/seed/warehouses.ts';
import {
  assetUseCases,
  cloudProviders,
  countries,
  credentialTypes,
  industries,
  jobFunctions,
  plans,
  roles,
  storageEngines,
} from '../src/reference/data.ts';

const sellers = ['sports', 'retail', 'weather'] as const;
type Seller = (typeof sellers)[number];

const numeric = /^(TINYINT|SMALLINT|INTEGER|BIGINT|FLOAT|DOUBLE)$/;
const engineTypes: Record<string, RegExp> = {
  BOOLEAN: /^BOOLEAN$/,
  INTEGER: /^INTEGER$/,
  BIGINT: /^BIGINT$/,
  DECIMAL: /^DECIMAL/,
  FLOAT: /^DOUBLE$/,
  STRING: /^VARCHAR$/,
  DATE: /^DATE$/,
  TIMESTAMP: /^TIMESTAMP$/,
};

let directory = '';
let total = 0;
const instances: DuckDBInstance[] = [];
const connections = new Map<Seller, DuckDBConnection>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'demo-warehouses-'));
  for (const seller of sellers) {
    const path = join(directory, `${seller}.duckdb`);
    total += (await buildWarehouse(path, seller)).rows;
    const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' });
    instances.push(instance);
    connections.set(seller, await instance.connect());
  }
});

afterAll(async () => {
  for (const connection of connections.values()) connection.closeSync();
  for (const instance of instances) instance.closeSync();
  await rm(directory, { recursive: true, force: true });
});

async function query(seller: Seller, sql: string, values: Record<string, DuckDBValue> = {}) {
  const connection = connections.get(seller);
  if (connection === undefined) throw new Error(`no warehouse ${seller}`);
  const reader = await connection.runAndReadAll(sql, values);
  const names = reader.columnNames();
  return {
    names,
    types: new Map(reader.columnTypes().map((type, index) => [names[index], String(type)])),
    rows: reader.getRowsJS(),
  };
}

/** The SQL with `$name` for `:name`; literals are left alone. */
const bound = (sql: string, as: (name: string) => string) =>
  sql.replace(/'[^']*'|:([a-z_]\w*)/g, (text: string, name?: string) => (name === undefined ? text : as(name)));

function placeholders(sql: string): string[] {
  const names: string[] = [];
  bound(sql, (name) => {
    names.push(name);
    return '';
  });
  return [...new Set(names)];
}

/** Values as a caller gives them who leaves out all he may, and takes the first allowed one elsewhere. */
async function run(asset: DemoAsset, optional: 'null' | 'first' = 'first') {
  const values = asset.parameters.map((p) => {
    const first = optional === 'null' && !p.isRequired ? null : (p.allowedValues?.[0] ?? null);
    return [p.name, p.defaultValue ?? first] as const;
  });
  return query(
    asset.seller,
    bound(asset.sqlLogic, (name) => `$${name}`),
    Object.fromEntries(values),
  );
}

/** Columns that a Plotly figure names in its `*src` members. */
function sources(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key.endsWith('src') && typeof member === 'string' ? [member] : sources(member),
  );
}

const unique = (values: unknown[]) => new Set(values).size === values.length;

describe('warehouses', () => {
  test('hold at least 1.1 million rows', () => {
    expect(total).toBeGreaterThanOrEqual(1_100_000);
  });

  test('have plain names and simple types', async () => {
    for (const seller of sellers) {
      const { rows } = await query(seller, 'SELECT table_name, column_name, data_type FROM information_schema.columns');
      for (const [table, column, type] of rows.map((row) => row.map(String))) {
        expect(`${table}_${column}`).toMatch(/^[a-z][a-z0-9_]*$/);
        expect(type).toMatch(/^(BOOLEAN|INTEGER|BIGINT|DECIMAL.*|DATE|TIMESTAMP|VARCHAR)$/);
      }
    }
  });

  test('are the same on every build', async () => {
    const path = join(directory, 'again.duckdb');
    await buildWarehouse(path, 'weather');
    const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    const sql = 'SELECT CAST(bit_xor(hash(t)) AS VARCHAR), count(*) FROM daily_observations t';
    const again = (await connection.runAndReadAll(sql)).getRowsJS();
    connection.closeSync();
    instance.closeSync();
    expect(again).toEqual((await query('weather', sql)).rows);
  });

  test('quote odds with a book of 4 to 7 percent', async () => {
    for (const moment of ['open', 'close']) {
      const book = `1 / home_${moment} + 1 / draw_${moment} + 1 / away_${moment}`;
      const lowest = `least(home_${moment}, draw_${moment}, away_${moment})`;
      const { rows } = await query(
        'sports',
        `SELECT min(${book}), max(${book}), min(CAST(${lowest} AS DOUBLE)) FROM match_odds`,
      );
      expect(Number(rows[0]?.[0])).toBeGreaterThanOrEqual(1.04);
      expect(Number(rows[0]?.[1])).toBeLessThanOrEqual(1.07);
      expect(Number(rows[0]?.[2])).toBeGreaterThan(1);
    }
  });

  test('end on the last days before the cut-off', async () => {
    const ends = [
      await query('sports', 'SELECT CAST(max(match_date) AS VARCHAR) FROM matches'),
      await query(
        'retail',
        'SELECT CAST(greatest((SELECT max(sold_on) FROM sales_lines), (SELECT max(returned_on) FROM returns)) AS VARCHAR)',
      ),
      await query('weather', 'SELECT CAST(max(observed_on) AS VARCHAR) FROM daily_observations'),
    ].map(({ rows }) => rows[0]?.[0] as string);
    for (const end of ends) expect(end > '2026-10-01' && end < dataUntil).toBe(true);
  });
});

describe('assets', () => {
  test('cover what the demo shows', () => {
    expect(demoAssets.length).toBeGreaterThanOrEqual(34);
    expect(unique(demoAssets.map(({ name }) => name))).toBe(true);
    expect(new Set(demoAssets.map(({ assetType }) => assetType)).size).toBe(3);
    expect(demoAssets.filter(({ parameters }) => parameters.length > 0).length).toBeGreaterThanOrEqual(8);
    expect(new Set(demoAssets.flatMap(({ viz }) => (viz ? [viz.chartType] : []))).size).toBe(8);
    expect(demoAssets.filter(({ vizSpec }) => vizSpec).length).toBeGreaterThanOrEqual(3);
    expect(demoAssets.filter(({ isListed }) => !isListed)).toHaveLength(3);
    expect(demoAssets.filter(({ priceUsd }) => priceUsd === '0.00')).toHaveLength(1);
  });

  test.each(demoAssets.map((asset) => [asset.name, asset] as const))('%s', async (_, asset) => {
    expect(asset.description.length).toBeGreaterThanOrEqual(100);
    expect(asset.description.length).toBeLessThanOrEqual(200);
    expect(asset.topQuestions.length).toBeGreaterThanOrEqual(1);
    expect(asset.topQuestions.length).toBeLessThanOrEqual(3);
    for (const question of asset.topQuestions) expect(question).toMatch(/^.{15,200}$/);
    expect(asset.priceUsd).toMatch(/^\d{1,2}\.\d\d$/);
    expect(Number(asset.priceUsd)).toBeLessThanOrEqual(25);
    expect(industries.some(({ id }) => id === asset.industryId)).toBe(true);
    expect(assetUseCases.some(({ id }) => id === asset.useCaseId)).toBe(true);
    expect(asset.tags.length).toBeGreaterThan(0);
    await query(asset.seller, `SELECT 1 FROM ${asset.sourceTableName} LIMIT 1`);

    expect(asset.sqlLogic).not.toContain('::');
    expect(placeholders(asset.sqlLogic).sort()).toEqual(asset.parameters.map(({ name }) => name).sort());
    const order = placeholders(asset.sqlLogic);
    await parse(bound(asset.sqlLogic, (name) => `$${order.indexOf(name) + 1}`));
    for (const p of asset.parameters) {
      if (p.allowedValues && p.defaultValue !== null) expect(p.allowedValues).toContain(p.defaultValue);
    }

    const { names, types, rows } = await run(asset);
    expect(unique(names)).toBe(true);
    if (asset.assetType === 'CALCULATION') {
      expect(names).toEqual(['answer_value']);
      expect(types.get('answer_value')).toMatch(numeric);
      expect(rows).toHaveLength(1);
      expect(Number.isFinite(rows[0]?.[0])).toBe(true);
    } else {
      expect(rows.length).toBeGreaterThanOrEqual(2);
      expect(rows.length).toBeLessThanOrEqual(10_000);
    }
    expect((await run(asset, 'null')).rows.length).toBeGreaterThanOrEqual(rows.length);
    expect(asset.assetType === 'VISUALIZATION').toBe((asset.viz ?? asset.vizSpec) !== undefined);
    if (asset.viz) {
      const { x, y, size, color } = asset.viz;
      for (const column of [x, y, size, color]) if (column !== undefined) expect(names).toContain(column);
      for (const column of [y, size]) if (column !== undefined) expect(types.get(column)).toMatch(numeric);
    }
    if (asset.vizSpec) {
      expect(sources(asset.vizSpec).length).toBeGreaterThanOrEqual(2);
      for (const column of sources(asset.vizSpec)) expect(names).toContain(column);
    }
  });
});

describe('endpoints', () => {
  test('are at least nine with names of their own', () => {
    expect(demoEndpoints.length).toBeGreaterThanOrEqual(9);
    expect(unique(demoEndpoints.map(({ name }) => name))).toBe(true);
  });

  test.each(demoEndpoints.map((endpoint) => [endpoint.name, endpoint] as const))('%s', async (_, endpoint) => {
    const { types } = await query(endpoint.seller, `SELECT * FROM ${endpoint.sourceTableName} LIMIT 0`);
    for (const column of endpoint.columns)
      expect(types.get(column.name), column.name).toMatch(engineTypes[column.type] ?? /^$/);
    expect(unique(endpoint.columns.map(({ name, alias }) => alias ?? name))).toBe(true);
    expect(endpoint.description).toMatch(/^.{100,200}$/);
    expect(endpoint.topQuestions.every((question) => /^.{15,200}$/.test(question))).toBe(true);
    expect(industries.some(({ id }) => id === endpoint.industryId)).toBe(true);
    expect(assetUseCases.some(({ id }) => id === endpoint.useCaseId)).toBe(true);
  });
});

describe('reference data', () => {
  test.each([
    ['cloudProviders', cloudProviders, 31],
    ['industries', industries, 20],
    ['jobFunctions', jobFunctions, 22],
    ['assetUseCases', assetUseCases, 22],
    ['countries', countries, 249],
    ['roles', roles, 6],
    ['plans', plans, 3],
  ])('%s has its rows, with ids and names of their own', (_, list, count) => {
    expect(list).toHaveLength(count);
    expect(unique(list.map(({ id }) => id))).toBe(true);
    expect(unique(list.map(({ name }) => name))).toBe(true);
    expect(list.every(({ id, name }) => Number.isInteger(id) && id > 0 && name.length > 1)).toBe(true);
  });

  test('engines name their provider, and either a driver or the reason why there is none', () => {
    expect(storageEngines).toHaveLength(85);
    expect(storageEngines[0]).toMatchObject({ id: 1, serviceName: 'Google BigQuery', engineType: 'EDW' });
    expect(unique(storageEngines.map(({ id }) => id))).toBe(true);
    expect(unique(storageEngines.map(({ serviceName }) => serviceName))).toBe(true);
    for (const engine of storageEngines) {
      expect(cloudProviders.some(({ id }) => id === engine.providerId)).toBe(true);
      expect(engine.engineType).toMatch(/^(EDW|LLM|RDBMS|OBJ|API_MODEL|EXTERNAL_API)$/);
      if (engine.driver === null) expect(engine.unavailableReason).toMatch(/^[A-Z].*\.$/);
      else
        expect([engine.driver, engine.unavailableReason]).toEqual([
          expect.stringMatching(
            /^(postgres|mysql|sqlserver|duckdb|duckdb-files|llm|sqlite|bigquery|snowflake|clickhouse|databricks|trino|athena|external-api)$/,
          ),
          null,
        ]);
      expect(engine.credentialTypes.length).toBeGreaterThan(0);
      for (const type of engine.credentialTypes) expect(credentialTypes).toContain(type);
    }
  });

  test('slugs and codes are unique', () => {
    for (const list of [industries, assetUseCases]) {
      expect(unique(list.map(({ slug }) => slug))).toBe(true);
      expect(list.every(({ slug }) => /^[a-z]+(-[a-z]+)*$/.test(slug))).toBe(true);
    }
    expect(unique(countries.map(({ code }) => code))).toBe(true);
    expect(countries).toContainEqual({ id: 840, code: 'US', name: 'United States' });
    expect(assetUseCases.some(({ slug }) => slug === 'competitive-benchmarking')).toBe(true);
  });
});
