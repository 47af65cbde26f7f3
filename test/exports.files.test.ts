import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startExports } from '../src/exports/worker.ts';
import { parseGlobalId } from '../src/ids.ts';
import { balance, ledger, mutate, process } from './assets.fixtures.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

/** Exports of what lies in Parquet and CSV files, from the connection to the file that a buyer downloads. */

const FILES = 84;
const ROWS = 5000;
const EXPORT =
  'export { id format status downloadUrl rowCount blockCount credits creditsReserved errorCode errorMessage }';
const NODE = `query ($id: ID!) { node(id: $id) { ... on Export { ${EXPORT.slice('export { '.length, -2)} } } }`;
const COLUMNS = {
  orders: { id: 'INTEGER', city: 'STRING', total: 'DECIMAL', created: 'TIMESTAMP', big: 'BIGINT' },
  shops: { id: 'BIGINT', name: 'STRING', opened: 'DATE', open: 'BOOLEAN' },
};

let t: TestGateway;
let seller: Tenant;
let buyer: Tenant;
let folder: string;
let connectionId: string;

async function sql(...statements: string[]): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    let rows: unknown[][] = [];
    for (const statement of statements) rows = (await connection.runAndReadAll(statement)).getRowsJson() as unknown[][];
    return rows;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const endpoint = async (table: keyof typeof COLUMNS) => {
  const columns = Object.entries(COLUMNS[table]).map(([name, type]) => ({
    name,
    type,
    ...(name === 'id' ? { order: 'ASC' } : {}),
  }));
  const row = await t.world.endpoint(seller.company.id, connectionId, {
    sourceTableName: table,
    endpointSchema: { columns },
    sellInMarketplace: true,
    exportEnabled: true,
    maxRecordsPerExport: 10_000,
  } as never);
  await t.world.price(seller.company.id, { endpointId: row.id }, '1.00');
  return row;
};
const ended = async (row: { id: string }, format: string) => {
  const input = { endpointId: gid('Endpoint', row), format };
  const { export: made, userErrors } = await mutate(t, buyer.keys.ANALYST, 'endpointExport', input, EXPORT);
  expect(userErrors).toEqual([]);
  const read = async () => (await t.run(buyer.keys.ANALYST, NODE, { id: made.id })).data.node;
  await expect.poll(async () => (await read()).status, { timeout: 100_000 }).not.toMatch(/QUEUED|RUNNING/);
  return read();
};
/** Downloads an export; answers the name of its file. */
const downloaded = async (url: string, name: string): Promise<string> => {
  const answer = await t.gateway.fetch(url);
  expect(answer.status).toBe(200);
  const file = path.join(t.warehouses, name);
  writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
  return file;
};

beforeAll(async () => {
  t = await testGateway();
  seller = await t.tenant({ handle: 'seller' });
  buyer = await t.tenant({ handle: 'buyer', credits: 10_000 });
  folder = path.join(t.warehouses, 'lake');
  mkdirSync(path.join(folder, 'orders'), { recursive: true });
  await sql(
    ...[0, 1].map(
      (
        part,
      ) => `copy (select i::integer as id, case i % 3 when 0 then null when 1 then 'a "quoted", text' else e'two\\nlines é' end as city,
        (i * 0.37)::decimal(10, 2) as total, timestamp '2024-01-01 00:00:00.25' + to_seconds(i) as created, 9007199254740993 + i as big
        from range(${(part * ROWS) / 2}, ${((part + 1) * ROWS) / 2}) r(i)) to '${folder}/orders/${part}.parquet'`,
    ),
  );
  writeFileSync(path.join(folder, 'shops.csv'), 'id;name;opened;open\n1;Tall;2024-02-29;true\n2;-;2024-03-01;false\n');
  const { connection, userErrors } = await mutate(
    t,
    seller.keys.EDITOR,
    'connectionCreate',
    {
      engineId: gid('StorageEngine', FILES),
      name: 'Lake',
      hasVerifiedUsageAbility: true,
      credentials: {
        path: folder,
        tables: [
          { name: 'orders', files: 'orders/*.parquet', format: 'PARQUET' },
          { name: 'shops', files: 'shops.csv', format: 'CSV', header: true, delimiter: ';', nullText: '-' },
        ],
      },
    },
    'connection { id }',
  );
  expect(userErrors).toEqual([]);
  connectionId = parseGlobalId(connection.id)?.key ?? '';
  vi.spyOn(t.app.jobs, 'every').mockResolvedValue();
  await startExports(t.app);
});
afterAll(async () => {
  expect(await ledger(t)).toEqual([]);
  await t.close();
});

describe('exports of files', () => {
  it('are equal to the Parquet files behind them, in all three formats, and charged by the block', async () => {
    const row = await endpoint('orders');
    const types = `{'id': 'INTEGER', 'city': 'VARCHAR', 'total': 'DECIMAL(10, 2)', 'created': 'TIMESTAMP', 'big': 'BIGINT'}`;
    const readers = {
      PARQUET: (file: string) => `read_parquet('${file}')`,
      CSV: (file: string) =>
        `read_csv('${file}', header = true, columns = ${types}, nullstr = '', auto_detect = false, quote = '"', escape = '"')`,
      JSONL: (file: string) => `read_json('${file}', format = 'newline_delimited', columns = ${types})`,
    };
    for (const [format, reader] of Object.entries(readers)) {
      const before = await balance(t, buyer);
      const made = await ended(row, format);
      expect(made).toMatchObject({
        format,
        status: 'SUCCEEDED',
        rowCount: ROWS,
        blockCount: 5,
        credits: 10,
        creditsReserved: 20,
      });
      expect(await balance(t, buyer)).toBe(before - 10);
      const file = await downloaded(made.downloadUrl, `orders.${format.toLowerCase()}`);
      const wanted = `from '${folder}/orders/*.parquet'`;
      const [found] = await sql(`select (select count(*) from ${reader(file)}),
        (select count(*) from (from ${reader(file)} except ${wanted})), (select count(*) from (${wanted} except from ${reader(file)}))`);
      expect(found?.map(Number)).toEqual([ROWS, 0, 0]);
    }
  });

  it('are equal to a CSV file with a form of its own', async () => {
    const row = await endpoint('shops');
    const text = async (format: string) => (await t.gateway.fetch((await ended(row, format)).downloadUrl)).text();
    expect(await text('CSV')).toBe('id,name,opened,open\r\n1,Tall,2024-02-29,true\r\n2,,2024-03-01,false\r\n');
    expect(await text('JSONL')).toBe(
      '{"id":1,"name":"Tall","opened":"2024-02-29","open":true}\n{"id":2,"name":null,"opened":"2024-03-01","open":false}\n',
    );
    const { downloadUrl } = await ended(row, 'PARQUET');
    const file = await downloaded(downloadUrl, 'shops.parquet');
    expect(await sql(`select column_type from (describe from '${file}')`)).toEqual([
      ['BIGINT'],
      ['VARCHAR'],
      ['DATE'],
      ['BOOLEAN'],
    ]);
  });

  it('say what assets on the same files say', async () => {
    const asset = await t.world.asset(seller.company.id, {
      connectionId,
      sqlLogic: 'select count(*) as n from orders join shops using (id)',
      assetType: 'CALCULATION',
    });
    const { run } = await process(t, seller.keys.ANALYST, asset);
    expect(run).toMatchObject({ status: 'SUCCEEDED', outcome: { value: '2' } });
  });

  it('fail where a file has other columns by now: nothing is charged, and the buyer learns no name', async () => {
    const row = await endpoint('shops');
    const before = await balance(t, buyer);
    writeFileSync(path.join(folder, 'shops.csv'), 'id;secret\n1;x\n');
    const made = await ended(row, 'CSV');
    expect(made).toMatchObject({ status: 'FAILED', credits: 0, downloadUrl: null, errorCode: 'ENGINE_FAILED' });
    expect(JSON.stringify(made)).not.toMatch(/lake|shops|secret/);
    expect(await balance(t, buyer)).toBe(before);
  });
});
