import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startExports } from '../src/exports/worker.ts';
import type { Endpoint } from '../src/generated/prisma/client.ts';
import { balance, ledger, mutate } from './assets.fixtures.ts';
import { fixtures, SECRET } from './helpers/engine-fixtures.ts';
import type { EngineServer, Json, Seen } from './helpers/engine-servers.ts';
import { startTdsWarehouse } from './helpers/tds-warehouse.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';

/** Rows of services and servers in small: what they are sent, and what a customer gets and pays. */

let t: TestGateway;
let seller: Tenant;
let buyer: Tenant;
let working: Promise<void> | undefined;

beforeAll(async () => {
  t = await testGateway();
  seller = await t.tenant({ handle: 'seller' });
  buyer = await t.tenant({ handle: 'buyer', credits: 1000 });
});
afterAll(async () => {
  expect(await ledger(t)).toEqual([]);
  await t.close();
});

/** The storage engine of a driver. */
const ENGINES: Record<string, number> = {
  bigquery: 1,
  athena: 21,
  snowflake: 34,
  databricks: 36,
  clickhouse: 51,
  trino: 53,
};

const PAGE = `page { columns { name type } rows rowCount start hasMore isBilled credits } run { status isBilled credits engineJobId outcome { ... on RunFailure { code message } } }`;
/** What each service in small calls its statements. */
const JOBS: Record<string, RegExp> = {
  athena: /^q-\d+$/,
  bigquery: /^job_\d+$/,
  clickhouse: /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/,
  databricks: /^s-\d+$/,
  snowflake: /^01b-\d+$/,
  trino: /^q\d+$/,
};
const TEXT = "O'Br\\%";
const AT = '2024-02-29T23:30:00.25-01:00';
const columns = [
  { name: 'n', type: 'BIGINT', order: 'ASC', filter: { op: 'gte', param: 'least', value: 1 } },
  { name: 'who "is', type: 'STRING', isHidden: true, filter: { op: 'starts_with', value: TEXT } },
  { name: 'amount', type: 'DECIMAL', isHidden: true, filter: { op: 'lt', value: 2.5 } },
  { name: 'at', type: 'TIMESTAMP', isHidden: true, filter: { op: 'gt', value: AT } },
  { name: 'ok', type: 'BOOLEAN', isHidden: true, filter: { op: 'eq', value: true } },
];

/** A statement and its values as they came to a service. */
interface Got {
  sql: string;
  given: unknown;
}

/** What is a statement among the requests that a service got; null for the others. */
const statementOf: Record<string, (seen: Seen) => Got | null> = {
  clickhouse: ({ text, query }) =>
    text.startsWith('SELECT')
      ? { sql: text, given: Object.fromEntries([...query].filter(([name]) => name.startsWith('param_'))) }
      : null,
  trino: ({ method, text }) => {
    const [, sql = '', using] = /^EXECUTE IMMEDIATE '((?:[^']|'')*)' USING ([^]*)$/.exec(text) ?? [];
    return method === 'POST' ? { sql: sql.replaceAll("''", "'"), given: using } : null;
  },
  databricks: ({ json }) =>
    json['statement'] ? { sql: json['statement'] as string, given: (json['parameters'] as Json[]).map(valueOf) } : null,
  bigquery: ({ path, json }) =>
    path.endsWith('/queries') && json['query']
      ? {
          sql: json['query'] as string,
          given: (json['queryParameters'] as Json[]).map(({ name, parameterType, parameterValue }) =>
            valueOf({ name, type: (parameterType as Json)['type'], value: (parameterValue as Json)['value'] }),
          ),
        }
      : null,
  snowflake: ({ json }) =>
    json['statement']
      ? {
          sql: json['statement'] as string,
          given: Object.values(json['bindings'] as Record<string, Json>).map(valueOf),
        }
      : null,
  athena: ({ json }) =>
    json['QueryString'] ? { sql: json['QueryString'] as string, given: json['ExecutionParameters'] } : null,
};
const valueOf = ({ name, type, value }: Json): string => [name, type, value].filter(Boolean).join(' ');

const quoted = `SELECT "t"."n" AS "n" FROM "shop"."numbers(12)" AS "t" WHERE`;
const ticked = `SELECT \`t\`.\`n\` AS \`n\` FROM \`shop\`.\`numbers(12)\` AS \`t\` WHERE`;
const plain = '2024-03-01 00:30:00.25';
const zoned = '2024-03-01T00:30:00.25+00:00';
const trino = `${quoted} "t"."n" >= CAST(? AS BIGINT) AND strpos("t"."who ""is", ?) = 1 AND "t"."amount" < CAST(? AS DECIMAL(38, 12)) AND "t"."at" > CAST(? AS TIMESTAMP(6)) AND "t"."ok" = ? ORDER BY "t"."n" NULLS LAST`;
const literals = ['1', "'O''Br\\%'", "'2.500000000000'", `'${plain}'`, 'true'];

/** The statement of the endpoint without its bounds, and its values. */
const wanted: Record<string, Got> = {
  clickhouse: {
    sql: `${ticked} \`t\`.\`n\` >= CAST({p1:Int64} AS Int64) AND position(\`t\`.\`who "is\`, {p2:String}) = 1 AND \`t\`.\`amount\` < CAST({p3:String} AS Decimal(38, 12)) AND \`t\`.\`at\` > CAST({p4:String} AS DateTime64(6, 'UTC')) AND \`t\`.\`ok\` = {p5:Bool} ORDER BY \`t\`.\`n\` NULLS LAST`,
    given: {
      param_p1: '1',
      param_p2: "O'Br\\\\%",
      param_p3: '2.500000000000',
      param_p4: plain,
      param_p5: 'true',
    },
  },
  trino: { sql: trino, given: literals.join(', ') },
  athena: { sql: trino, given: literals },
  databricks: {
    sql: `${ticked} \`t\`.\`n\` >= CAST(:p1 AS BIGINT) AND instr(\`t\`.\`who "is\`, :p2) = 1 AND \`t\`.\`amount\` < CAST(:p3 AS DECIMAL(38, 12)) AND \`t\`.\`at\` > CAST(:p4 AS TIMESTAMP) AND \`t\`.\`ok\` = :p5 ORDER BY \`t\`.\`n\` NULLS LAST`,
    given: ['p1 BIGINT 1', `p2 STRING ${TEXT}`, 'p3 STRING 2.500000000000', `p4 STRING ${zoned}`, 'p5 BOOLEAN true'],
  },
  bigquery: {
    sql: `${ticked} \`t\`.\`n\` >= CAST(@p1 AS INT64) AND strpos(\`t\`.\`who "is\`, @p2) = 1 AND \`t\`.\`amount\` < CAST(@p3 AS BIGNUMERIC) AND \`t\`.\`at\` > @p4 AND \`t\`.\`ok\` = @p5 ORDER BY \`t\`.\`n\` NULLS LAST`,
    given: ['p1 INT64 1', `p2 STRING ${TEXT}`, 'p3 STRING 2.500000000000', `p4 STRING ${plain}`, 'p5 BOOL true'],
  },
  snowflake: {
    sql: `${quoted} "t"."n" >= CAST(? AS BIGINT) AND charindex(?, "t"."who ""is") = 1 AND "t"."amount" < CAST(? AS DECIMAL(38, 12)) AND "t"."at" > ? AND "t"."ok" = ? ORDER BY "t"."n" NULLS LAST`,
    given: ['FIXED 1', `TEXT ${TEXT}`, 'TEXT 2.500000000000', `TEXT ${zoned}`, 'BOOLEAN true'],
  },
};
const bounds = (driver: string, limit: number, offset: number): string =>
  driver === 'trino' || driver === 'athena' ? `OFFSET ${offset} LIMIT ${limit}` : `LIMIT ${limit} OFFSET ${offset}`;

describe.each(fixtures.map((fixture) => [fixture.driver, fixture] as const))('rows of %s', (driver, fixture) => {
  let server: EngineServer;
  let connectionId: string;

  beforeAll(async () => {
    server = await fixture.start();
    const settings = fixture.settings(server.url) as object;
    const made = await t.world.connection(seller.company.id, { engineId: ENGINES[driver] ?? 0, settings });
    connectionId = made.id;
  });
  afterAll(() => server.close());

  const endpoint = async (more: Record<string, unknown> = {}): Promise<Endpoint> => {
    const row = await t.world.endpoint(seller.company.id, connectionId, {
      sourceSchemaName: 'shop',
      sourceTableName: 'numbers(12)',
      endpointSchema: { columns },
      sellInMarketplace: true,
      exportEnabled: true,
      ...more,
    } as never);
    await t.world.price(seller.company.id, { endpointId: row.id }, '1.00');
    return row;
  };
  const fetch = (row: Endpoint, more: Record<string, unknown> = {}) =>
    mutate(t, buyer.keys.ANALYST, 'endpointFetch', { endpointId: gid('Endpoint', row), ...more }, PAGE);
  const got = (): Got[] => server.seen.map((seen) => statementOf[driver]?.(seen) ?? null).filter((one) => one !== null);

  it('come in pages, each charged once, none for nothing', async () => {
    const row = await endpoint();
    const before = await balance(t, buyer);
    const first = await fetch(row, { limit: 5 });
    expect(first).toEqual({
      page: {
        columns: [{ name: 'n', type: 'BIGINT' }],
        rows: [[1], [2], [3], [4], [5]],
        rowCount: 5,
        start: 0,
        hasMore: true,
        isBilled: true,
        credits: 2,
      },
      run: {
        status: 'SUCCEEDED',
        isBilled: true,
        credits: 2,
        engineJobId: expect.stringMatching(JOBS[driver] ?? /^$/),
        outcome: null,
      },
      userErrors: [],
    });
    expect(got().at(-1)).toEqual({ ...wanted[driver], sql: `${wanted[driver]?.sql} ${bounds(driver, 6, 0)}` });
    const last = await fetch(row, { start: 10, limit: 5 });
    expect(last.page).toMatchObject({ rows: [[11], [12]], start: 10, hasMore: false, isBilled: true });
    expect(got().at(-1)?.sql).toBe(`${wanted[driver]?.sql} ${bounds(driver, 6, 10)}`);
    expect(await balance(t, buyer)).toBe(before - 4);
    const beyond = await fetch(row, { start: 12, limit: 5, parameters: { least: '900719925474099312' } });
    expect(beyond).toMatchObject({ page: { rows: [], hasMore: false, isBilled: false }, run: { status: 'SUCCEEDED' } });
    expect(JSON.stringify(got().at(-1)?.given)).toContain('900719925474099312');
    expect(await balance(t, buyer)).toBe(before - 4);
    expect(got().length).toBe(3);
  });

  it('come by address, to a test and to an export', async () => {
    const row = await endpoint({ name: `Rows of ${driver}`, maxRecordsPerRequest: 10, maxRecordsPerExport: 11 });
    const before = await balance(t, buyer);
    const response = await t.gateway.fetch(
      `http://gateway/companies/seller/endpoints/v1/${row.slug}?start=2&limit=2&least=3`,
      { headers: { 'x-api-key': buyer.keys.ANALYST } },
    );
    expect(await response.json()).toMatchObject({ response: { rows: [{ n: 3 }, { n: 4 }], has_more: true } });
    expect(await balance(t, buyer)).toBe(before - 2);
    const input = { id: gid('Endpoint', row), limit: 3 };
    const tested = await mutate(t, seller.keys.ANALYST, 'endpointTest', input, PAGE);
    expect(tested).toMatchObject({ page: { rows: [[1], [2], [3]], hasMore: true, isBilled: false }, userErrors: [] });

    const order = { endpointId: gid('Endpoint', row), format: 'CSV' };
    const made = await mutate(t, buyer.keys.ANALYST, 'endpointExport', order, 'export { id }');
    expect(made.userErrors).toEqual([]);
    await (working ??= startExports(t.app));
    const read = async () =>
      (
        await t.run(
          buyer.keys.ANALYST,
          'query ($id: ID!) { node(id: $id) { ... on Export { status rowCount isTruncated credits downloadUrl errorMessage } } }',
          { id: made.export.id },
        )
      ).data.node;
    await expect.poll(async () => (await read()).status, { timeout: 90_000, interval: 100 }).toBe('SUCCEEDED');
    const done = await read();
    expect(done).toMatchObject({ rowCount: 11, isTruncated: true, credits: 4 });
    const csv = await (await t.gateway.fetch(done.downloadUrl)).text();
    expect(csv.replaceAll('\r', '').trim().split('\n')).toEqual([
      'n',
      ...Array.from({ length: 11 }, (_, i) => String(i + 1)),
    ]);
    expect(got().at(-1)?.sql).toBe(`${wanted[driver]?.sql} ${bounds(driver, 12, 0)}`);
    expect(await balance(t, buyer)).toBe(before - 6);
  });

  it('refuse what fails in the service, without a charge and without its words', async () => {
    const before = await balance(t, buyer);
    const failed = await fetch(await endpoint({ sourceTableName: 'act_broken' }));
    expect(failed).toMatchObject({
      page: null,
      run: {
        status: 'FAILED',
        isBilled: false,
        outcome: { code: 'ENGINE_FAILED', message: 'The endpoint could not answer. Nothing was charged.' },
      },
    });
    expect(JSON.stringify(failed)).not.toContain(SECRET);
    expect(await balance(t, buyer)).toBe(before);
  });
});

describe('rows of sqlserver', () => {
  it('come in pages, each charged once', async () => {
    const server = await startTdsWarehouse(SECRET);
    const connection = await t.world.connection(seller.company.id, {
      engineId: 26,
      settings: {
        host: '127.0.0.1',
        port: server.port,
        database: 'shop',
        username: 'reader',
        password: SECRET,
        tls: 'DISABLED',
      },
    });
    const row = await t.world.endpoint(seller.company.id, connection.id, {
      sourceSchemaName: 'shop',
      sourceTableName: 'numbers(6)',
      endpointSchema: { columns },
      sellInMarketplace: true,
    });
    await t.world.price(seller.company.id, { endpointId: row.id }, '1.00');
    const before = await balance(t, buyer);
    const input = { endpointId: gid('Endpoint', row), start: 20, limit: 5 };
    const fetched = await mutate(t, buyer.keys.ANALYST, 'endpointFetch', input, PAGE);
    expect(fetched).toMatchObject({
      page: { rows: [[1], [2], [3], [4], [5]], hasMore: true, isBilled: true, credits: 2 },
      run: { status: 'SUCCEEDED' },
    });
    expect(await balance(t, buyer)).toBe(before - 2);
    expect(server.statements.findLast((sql) => sql.includes('numbers'))).toBe(
      'SELECT [t].[n] AS [n] FROM [shop].[numbers(6)] AS [t] WHERE [t].[n] >= CAST(@p1 AS BIGINT) AND charindex(@p2, [t].[who "is]) = 1 AND [t].[amount] < CAST(@p3 AS DECIMAL(38, 12)) AND [t].[at] > CAST(@p4 AS DATETIME2(7)) AND [t].[ok] = @p5 ORDER BY CASE WHEN [t].[n] IS NULL THEN 1 ELSE 0 END, [t].[n] OFFSET 20 ROWS FETCH NEXT 6 ROWS ONLY',
    );
    await t.app.engines.get('sqlserver').close();
    await server.close();
  });
});
