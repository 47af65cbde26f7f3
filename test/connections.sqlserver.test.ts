import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mutate, parameter, process } from './assets.fixtures.ts';
import { parseGlobalId } from '../src/ids.ts';
import { gid, testGateway, type Tenant, type TestGateway } from './helpers/gateway.ts';
import { startTdsWarehouse, type TdsWarehouse } from './helpers/tds-warehouse.ts';

/** SQL Server through the front door, over its own protocol. */

const SQLSERVER = 26;
const SECRET = 'hunter2-very-secret';
const TEST = 'test { isOk stages { stage isOk message hint } } connection { isLastTestOk }';

let t: TestGateway;
let seller: Tenant;
let buyer: Tenant;
let shop: TdsWarehouse;
let connectionId: string;

const create = (name: string, credentials: Record<string, unknown>) =>
  mutate(
    t,
    seller.keys.EDITOR,
    'connectionCreate',
    {
      engineId: gid('StorageEngine', SQLSERVER),
      name,
      hasVerifiedUsageAbility: true,
      credentials: { host: '127.0.0.1', port: shop.port, database: 'shop', tls: 'DISABLED', ...credentials },
    },
    'connection { id credentialType maskedCredentials settings engine { serviceName } }',
  );
const asset = (sqlLogic: string, more: Parameters<TestGateway['world']['asset']>[1] = {}) =>
  t.world.asset(seller.company.id, {
    connectionId: parseGlobalId(connectionId)?.key ?? '',
    assetType: 'CALCULATION',
    sqlLogic,
    ...more,
  });

beforeAll(async () => {
  t = await testGateway();
  shop = await startTdsWarehouse(SECRET);
  seller = await t.tenant({ handle: 'seller' });
  buyer = await t.tenant({ handle: 'buyer', credits: 1000 });
  const { connection, userErrors } = await create('Warehouse', { username: 'reader', password: SECRET });
  expect(userErrors).toEqual([]);
  expect(connection).toMatchObject({
    credentialType: 'USERNAME_PASSWORD',
    maskedCredentials: '****cret',
    settings: { host: '127.0.0.1', username: 'reader' },
    engine: { serviceName: 'Microsoft SQL Server' },
  });
  expect(JSON.stringify(connection)).not.toContain(SECRET);
  connectionId = connection.id;
});
afterAll(async () => {
  await t.close();
  await shop.close();
});

describe('a connection to SQL Server', () => {
  it('is tested stage by stage, up to the one that fails', async () => {
    const { test, connection } = await mutate(t, seller.keys.ANALYST, 'connectionTest', { id: connectionId }, TEST);
    expect(test.isOk).toBe(true);
    const warning =
      'This user may write to the database. Give the gateway a user that is in the role db_datareader alone.';
    expect(test.stages.map(({ stage, isOk, message }: Record<string, unknown>) => [stage, isOk, message])).toEqual([
      ['SETTINGS', true, null],
      ['DNS', true, null],
      ['TCP', true, null],
      ['LOGIN', true, null],
      ['READ_ONLY', true, warning],
      ['QUERY', true, null],
    ]);
    expect(connection.isLastTestOk).toBe(true);
    const strange = (await create('Strange', { username: 'reader', password: 'wrong-password-99' })).connection;
    const failed = await mutate(t, seller.keys.ANALYST, 'connectionTest', { id: strange.id }, TEST);
    expect(failed.test.stages.at(-1)).toEqual({
      stage: 'LOGIN',
      isOk: false,
      message: 'The database refused the user name or the password.',
      hint: expect.stringContaining('SQL Server authentication'),
    });
    expect(failed.connection.isLastTestOk).toBe(false);
    expect(JSON.stringify(failed)).not.toContain('wrong-password');
  });

  it('lists its tables, and keeps them', async () => {
    const live = await t.run(
      seller.keys.EDITOR,
      `query ($id: ID!) { company { connection(id: $id) { tables(schemas: ["shop"]) { schema name isView rowEstimate columns { name type engineType isNullable } } } } }`,
      { id: connectionId },
    );
    expect(live.data.company.connection.tables).toEqual([
      {
        schema: 'shop',
        name: 'orders',
        isView: false,
        rowEstimate: 10,
        columns: [
          { name: 'id', type: 'INTEGER', engineType: 'int', isNullable: false },
          { name: 'total', type: 'DECIMAL', engineType: 'decimal(9,2)', isNullable: true },
          { name: 'created', type: 'TIMESTAMP', engineType: 'datetime2(7)', isNullable: true },
        ],
      },
      {
        schema: 'shop',
        name: 'paid',
        isView: true,
        rowEstimate: null,
        columns: [{ name: 'id', type: 'INTEGER', engineType: 'int', isNullable: true }],
      },
    ]);
    const kept = 'connection { informationSchema schemaReadAt }';
    const { connection } = await mutate(t, seller.keys.EDITOR, 'connectionRefreshSchema', { id: connectionId }, kept);
    expect(connection.informationSchema.tables.map(({ name }: { name: string }) => name)).toEqual(['orders', 'paid']);
  });
});

describe('an asset on SQL Server', () => {
  it('is made, tested and bought, its values bound', async () => {
    const { asset: made, userErrors } = await mutate(
      t,
      seller.keys.EDITOR,
      'assetCreate',
      {
        name: 'Orders below',
        assetType: 'CALCULATION',
        connectionId,
        sqlLogic: 'SELECT count(*) FROM shop.orders WHERE id < :most AND name <> :name',
        allowParams: true,
        parameters: [
          { name: 'most', type: 'INTEGER', isRequired: true },
          { name: 'name', type: 'STRING', isRequired: true },
        ],
      },
      'asset { id }',
    );
    expect(userErrors).toEqual([]);
    const row = parseGlobalId(made.id)?.key ?? '';
    await t.app.database.query('update "Asset" set "sellInMarketplace" = true where id = $1', [row]);
    await t.world.price(seller.company.id, { assetId: row }, '1.50');
    const { run } = await process(t, buyer.keys.ANALYST, { id: row }, { parameters: { most: 7, name: "'; DROP --" } });
    expect(run).toMatchObject({ status: 'SUCCEEDED', isBilled: true, credits: 3, outcome: { value: '10' } });
    const at = shop.statements.findIndex((sql) => sql.includes('WHERE id <'));
    expect(shop.statements[at]).toBe('SELECT count(*) FROM shop.orders WHERE id < @p1 AND name <> @p2');
    expect(shop.values[at]).toEqual({ p1: 7, p2: "'; DROP --" });
  });

  it('costs nothing where it fails or would write', async () => {
    const failing = await asset('SELECT no_such_column FROM shop.orders');
    expect((await process(t, seller.keys.ANALYST, failing)).run).toMatchObject({
      status: 'FAILED',
      isBilled: false,
      outcome: { code: 'ENGINE_FAILED', message: "Invalid column name 'no_such_column'." },
    });
    const writing = await asset('DELETE FROM shop.orders');
    const refused = await process(t, seller.keys.ANALYST, writing);
    expect(JSON.stringify(refused)).toContain('SQL_REJECTED');
    expect(shop.ran.filter((sql) => sql.startsWith('DELETE'))).toEqual([]);
  });

  it('is estimated without a run, and says what its user lacks', async () => {
    const estimated = async (sql: string) => {
      const row = await asset(sql, {
        allowParams: true,
        parameters: [parameter('most', 'INTEGER', { isRequired: true })],
      });
      const query =
        'query ($id: ID!) { assetEstimate(assetId: $id, parameters: { most: 7 }) { note engine { rows cost } } }';
      return (await t.run(seller.keys.ANALYST, query, { id: gid('Asset', row) })).data.assetEstimate;
    };
    expect(await estimated('SELECT id AS only_planned FROM shop.orders WHERE id < :most')).toEqual({
      note: null,
      engine: { rows: 3, cost: 0.046_418_5 },
    });
    expect(await estimated('SELECT id AS plan_denied FROM shop.orders WHERE id < :most')).toEqual({
      note: 'This user may not see plans: GRANT SHOWPLAN lets it, and nothing more.',
      engine: null,
    });
    expect(shop.statements.filter((sql) => sql.includes('only_planned'))).toHaveLength(1);
    expect(shop.ran.filter((sql) => /only_planned|plan_denied/.test(sql))).toEqual([]);
  });
});
