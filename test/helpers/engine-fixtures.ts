import type { Cell } from '../../src/warehouse/engine.ts';
import type { EngineServer } from './engine-servers.ts';
import type { SmallDatabase } from './small-database.ts';
import { keys, startAthena, startBigquery, startSnowflake } from './engine-servers-cloud.ts';
import { startClickhouse, startDatabricks, startTrino } from './engine-servers-open.ts';

/** What the services know and no message may show. */
export const SECRET = 'hunter2-very-secret-0123';

/** An engine, the service in small behind it, and what both say. */
export interface Fixture {
  driver: string;
  /** Starts it, with tables of `small` where they are given. */
  start: (small?: SmallDatabase) => Promise<EngineServer>;
  settings: (url: string) => Record<string, unknown>;
  /** Settings that the service does not let in. */
  strangers: Record<string, unknown>;
  /** Settings that the engine does not take, with the name that it must say. */
  wrong: [change: Record<string, unknown>, name: string][];
  types: [name: string, type: string, value: Cell][];
  /** What the service gets for the parameters `41, "'; DROP", true, null, 0.5`. */
  given: string;
  /** Whether a test warns that the service does not tell who may write. */
  hasWarning: boolean;
}

/** The settings that name a server. */
export const hostPort = (url: string): { host: string; port: number } => ({
  host: '127.0.0.1',
  port: Number(new URL(url).port),
});

/** The services, each with what differs. */
export const fixtures: Fixture[] = [
  {
    driver: 'clickhouse',
    start: (small) => startClickhouse(SECRET, { small }),
    settings: (url) => ({ ...hostPort(url), username: 'reader', password: SECRET, tls: 'DISABLED' }),
    strangers: { password: 'wrong-password-99' },
    wrong: [
      [{ host: undefined }, 'host'],
      [{ host: 'http://x/' }, 'host'],
      [{ port: 'x' }, 'port'],
      [{ tls: 'MAYBE' }, 'tls'],
    ],
    types: [
      ['flag', 'BOOLEAN', true],
      ['small', 'INTEGER', 7],
      ['big', 'BIGINT', '18446744073709551615'],
      ['amount', 'DECIMAL', '1.50'],
      ['ratio', 'FLOAT', null],
      ['name', 'STRING', 'héllo'],
      ['day', 'DATE', '2024-02-29'],
      ['at', 'TIMESTAMP', '2024-02-29T11:00:00.250000Z'],
      ['tags', 'JSON', ['a', 'b']],
      ['pairs', 'JSON', { a: 1 }],
    ],
    given: '["41","\'; DROP\\\\n\\\\\\\\","true","\\\\N","0.5"]',
    hasWarning: false,
  },
  {
    driver: 'trino',
    start: (small) => startTrino(SECRET, small),
    settings: (url) => ({ ...hostPort(url), username: 'reader', password: SECRET, catalog: 'hive', tls: 'DISABLED' }),
    strangers: { password: 'wrong-password-99' },
    wrong: [
      [{ host: undefined }, 'host'],
      [{ catalog: undefined }, 'catalog'],
      [{ catalog: 'a\r\nX-Evil: 1' }, 'catalog'],
      [{ port: 0 }, 'port'],
      [{ sslRootCert: '/etc/passwd' }, 'sslRootCert'],
    ],
    types: [
      ['flag', 'BOOLEAN', true],
      ['small', 'INTEGER', 7],
      ['big', 'BIGINT', '9007199254740993'],
      ['amount', 'DECIMAL', '1.50'],
      ['ratio', 'FLOAT', null],
      ['name', 'STRING', 'héllo'],
      ['day', 'DATE', '2024-02-29'],
      ['clock', 'TIME', '12:34:56.500000'],
      ['at', 'TIMESTAMP', '2024-02-29T12:00:00.250000'],
      ['zoned', 'TIMESTAMP', '2024-07-01T10:00:00Z'],
      ['raw', 'BINARY', 'qrs='],
      ['row', 'JSON', { a: 1, b: ['2.5', null] }],
      ['none', 'STRING', null],
    ],
    given: "41, '''; DROP\n\\', true, NULL, 5E-1",
    hasWarning: true,
  },
  {
    driver: 'databricks',
    start: (small) => startDatabricks(SECRET, small),
    settings: (url) => ({ endpoint: url, token: SECRET, warehouseId: 'wh1', catalog: 'main' }),
    strangers: { token: 'wrong-password-99' },
    wrong: [
      [{ token: undefined }, 'token'],
      [{ token: 'a b' }, 'token'],
      [{ warehouseId: '../x' }, 'warehouseId'],
      [{ endpoint: undefined }, 'host'],
      [{ catalog: 'a\nb' }, 'catalog'],
    ],
    types: [
      ['flag', 'BOOLEAN', true],
      ['small', 'INTEGER', 7],
      ['big', 'BIGINT', '9007199254740993'],
      ['amount', 'DECIMAL', '1.50'],
      ['ratio', 'FLOAT', null],
      ['name', 'STRING', 'héllo'],
      ['day', 'DATE', '2024-02-29'],
      ['at', 'TIMESTAMP', '2024-02-29T12:00:00.250000Z'],
      ['local', 'TIMESTAMP', '2024-02-29T12:00:00'],
      ['raw', 'BINARY', 'qrs='],
      ['tags', 'JSON', ['a', 'b']],
      ['none', 'STRING', null],
    ],
    given: JSON.stringify([
      { name: 'p1', type: 'BIGINT', value: '41' },
      { name: 'p2', type: 'STRING', value: "'; DROP\n\\" },
      { name: 'p3', type: 'BOOLEAN', value: 'true' },
      { name: 'p4', type: 'STRING', value: null },
      { name: 'p5', type: 'DOUBLE', value: '0.5' },
    ]),
    hasWarning: true,
  },
  {
    driver: 'bigquery',
    start: startBigquery,
    settings: (url) => ({
      type: 'service_account',
      project_id: 'shop-project',
      private_key_id: 'key-1',
      private_key: keys.privateKey,
      client_email: 'reader@shop-project.iam.gserviceaccount.com',
      token_uri: `${url}/token`,
      endpoint: url,
      location: 'EU',
      maximumBytesBilled: 1_000_000,
    }),
    strangers: { client_email: 'stranger@shop-project.iam.gserviceaccount.com' },
    wrong: [
      [{ project_id: undefined }, 'project_id'],
      [{ private_key: 'not a key' }, 'private_key'],
      [{ client_email: 'nobody' }, 'client_email'],
      [{ maximumBytesBilled: -1 }, 'maximumBytesBilled'],
      [{ dataset: 'a.b`c' }, 'dataset'],
      [{ token_uri: 'file:///etc/passwd' }, 'token_uri'],
    ],
    types: [
      ['flag', 'BOOLEAN', true],
      ['big', 'BIGINT', '9007199254740993'],
      ['amount', 'DECIMAL', '1.50'],
      ['ratio', 'FLOAT', null],
      ['name', 'STRING', 'héllo'],
      ['day', 'DATE', '2024-02-29'],
      ['clock', 'TIME', '12:34:56.500000'],
      ['local', 'TIMESTAMP', '2024-02-29T12:00:00.250000'],
      ['at', 'TIMESTAMP', '2024-02-29T12:00:00.250000Z'],
      ['raw', 'BINARY', 'qrs='],
      ['doc', 'JSON', { a: [1, null] }],
      ['tags', 'JSON', [1, null]],
      ['row', 'JSON', { a: 1, b: ['1970-01-01T00:00:00Z'] }],
      ['none', 'STRING', null],
    ],
    given: JSON.stringify([
      { name: 'p1', parameterType: { type: 'INT64' }, parameterValue: { value: '41' } },
      { name: 'p2', parameterType: { type: 'STRING' }, parameterValue: { value: "'; DROP\n\\" } },
      { name: 'p3', parameterType: { type: 'BOOL' }, parameterValue: { value: 'true' } },
      { name: 'p4', parameterType: { type: 'STRING' }, parameterValue: { value: null } },
      { name: 'p5', parameterType: { type: 'FLOAT64' }, parameterValue: { value: '0.5' } },
    ]),
    hasWarning: false,
  },
  {
    driver: 'snowflake',
    start: (small) => startSnowflake(SECRET, small),
    settings: (url) => ({
      account: 'myorg-shop',
      endpoint: url,
      username: 'reader',
      privateKey: keys.privateKey,
      warehouse: 'WH',
      database: 'DEMO',
    }),
    strangers: { username: 'stranger' },
    wrong: [
      [{ account: undefined }, 'account'],
      [{ account: 'evil.com/x' }, 'account'],
      [{ privateKey: 'not a key' }, 'privateKey'],
      [{ privateKey: undefined }, 'privateKey'],
      [{ token: 'both' }, 'privateKey'],
      [{ username: undefined }, 'username'],
    ],
    types: [
      ['FLAG', 'BOOLEAN', true],
      ['SMALL', 'INTEGER', 7],
      ['BIG', 'BIGINT', '9007199254740993'],
      ['AMOUNT', 'DECIMAL', '1.50'],
      ['RATIO', 'FLOAT', null],
      ['NAME', 'STRING', 'héllo'],
      ['DAY', 'DATE', '2024-02-29'],
      ['CLOCK', 'TIME', '12:34:56.500000'],
      ['LOCAL', 'TIMESTAMP', '2024-02-29T12:00:00.250000'],
      ['AT', 'TIMESTAMP', '2024-02-29T12:00:00Z'],
      ['EARLY', 'TIMESTAMP', '1969-12-31T23:59:59.250000Z'],
      ['RAW', 'BINARY', 'qrs='],
      ['DOC', 'JSON', { a: [1, null] }],
      ['NONE', 'STRING', null],
    ],
    given: JSON.stringify({
      1: { type: 'FIXED', value: '41' },
      2: { type: 'TEXT', value: "'; DROP\n\\" },
      3: { type: 'BOOLEAN', value: 'true' },
      4: { type: 'TEXT', value: null },
      5: { type: 'REAL', value: '0.5' },
    }),
    hasWarning: true,
  },
  {
    driver: 'athena',
    start: (small) => startAthena(SECRET, small),
    settings: (url) => ({
      region: 'eu-central-1',
      endpoint: url,
      accessKeyId: 'AKIDEXAMPLE123456',
      secretAccessKey: SECRET,
      database: 'shop',
    }),
    strangers: { secretAccessKey: 'wrong-password-99' },
    wrong: [
      [{ region: 'mars' }, 'region'],
      [{ accessKeyId: undefined }, 'accessKeyId'],
      [{ secretAccessKey: 'a b' }, 'secretAccessKey'],
      [{ outputLocation: '/tmp' }, 'outputLocation'],
    ],
    types: [
      ['flag', 'BOOLEAN', true],
      ['small', 'INTEGER', 7],
      ['big', 'BIGINT', '9007199254740993'],
      ['amount', 'DECIMAL', '1.50'],
      ['ratio', 'FLOAT', null],
      ['name', 'STRING', 'héllo'],
      ['day', 'DATE', '2024-02-29'],
      ['at', 'TIMESTAMP', '2024-02-29T12:00:00.250000'],
      ['zoned', 'TIMESTAMP', '2024-02-29T12:00:00Z'],
      ['raw', 'BINARY', 'qrs='],
      ['tags', 'STRING', '[a, b]'],
      ['doc', 'JSON', { a: 1 }],
      ['none', 'STRING', null],
    ],
    given: JSON.stringify(['41', "'''; DROP\n\\'", 'true', 'NULL', '5E-1']),
    hasWarning: true,
  },
];
