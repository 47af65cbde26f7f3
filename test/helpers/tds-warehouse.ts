/** A SQL Server in small: it knows a login, a table with ten orders, and what the tests' statements mean. */
import { once } from 'node:events';
import type { Cell } from '../../src/warehouse/engine.ts';
import { sqlserverPlan } from './engine-plans.ts';
import type { SmallDatabase, SmallForm } from './small-database.ts';
import { startTds, type TdsOptions, type TdsRequest, type TdsServer } from './tds-server.ts';
import {
  byteChange,
  columns,
  done,
  error,
  info,
  row,
  sparseRow,
  types,
  type TdsColumn,
  type TdsType,
} from './tds-tokens.ts';

export interface TdsWarehouse extends TdsServer {
  /** Statements that run now. */
  running: Set<string>;
  /** Statements that were run, and not explained. */
  ran: string[];
  /** Rows of the orders, as other sessions see them. */
  orders: number;
}

/** Expressions, their types and values as they go over the wire, and what becomes of them in the wire contract. */
export const expressions: [sql: string, type: TdsType, value: unknown, column: string, cell: Cell, name: string][] = [
  ['CAST(1 AS bit)', types.bit, true, 'BOOLEAN', true, 'bit'],
  ['CAST(7 AS tinyint)', types.tinyint, 7, 'INTEGER', 7, 'tinyint'],
  ['CAST(-7 AS smallint)', types.smallint, -7, 'INTEGER', -7, 'smallint'],
  ['7', types.fixedInt, 7, 'INTEGER', 7, 'int'],
  ['CAST(7 AS bigint)', types.bigint, '7', 'BIGINT', 7, 'bigint'],
  ['9007199254740993', types.bigint, '9007199254740993', 'BIGINT', '9007199254740993', 'bigint'],
  ['1.50', types.decimal(9, 2), '1.50', 'DECIMAL', '1.50', 'decimal(9,2)'],
  ['-0.05', types.decimal(9, 2), '-0.05', 'DECIMAL', '-0.05', 'decimal(9,2)'],
  [
    'CAST(1234567890123456789012345678.0123456789 AS decimal(38, 10))',
    types.decimal(38, 10),
    '1234567890123456789012345678.0123456789',
    'DECIMAL',
    '1234567890123456789012345678.0123456789',
    'decimal(38,10)',
  ],
  ['$922337203685477.5807', types.money, '922337203685477.5807', 'DECIMAL', '922337203685477.5807', 'money'],
  ['CAST(-0.0001 AS money)', types.money, '-0.0001', 'DECIMAL', '-0.0001', 'money'],
  ['CAST(1.5 AS smallmoney)', types.smallmoney, '1.5000', 'DECIMAL', '1.5000', 'smallmoney'],
  [
    'CAST(12345678901234567890.1234 AS sql_variant)',
    types.variant,
    '12345678901234567890.1234',
    'STRING',
    '12345678901234567890.1234',
    'sql_variant',
  ],
  ['0.25e0', types.float, 0.25, 'FLOAT', 0.25, 'float'],
  ['CAST(0.5 AS real)', types.real, 0.5, 'FLOAT', 0.5, 'real'],
  ["N'héllo 😀'", types.nvarchar(20), 'héllo 😀', 'STRING', 'héllo 😀', 'nvarchar(20)'],
  ["'héllo'", types.varchar(5), 'héllo', 'STRING', 'héllo', 'varchar(5)'],
  [
    "REPLICATE(CAST('x' AS nvarchar(max)), 9000)",
    types.nvarcharMax,
    'x'.repeat(9000),
    'STRING',
    'x'.repeat(9000),
    'nvarchar(max)',
  ],
  ["CAST('<a/>' AS xml)", types.xml, '<a/>', 'STRING', '<a/>', 'xml'],
  ["CAST('2024-02-29' AS date)", types.date, '2024-02-29', 'DATE', '2024-02-29', 'date'],
  ["CAST('0001-01-01' AS date)", types.date, '0001-01-01', 'DATE', '0001-01-01', 'date'],
  ["CAST('12:34:56.5' AS time)", types.time(7), '12:34:56.5', 'TIME', '12:34:56.500000', 'time(7)'],
  ["CAST('12:34:56' AS time(0))", types.time(0), '12:34:56', 'TIME', '12:34:56', 'time(0)'],
  [
    "CAST('2024-02-29 12:00' AS datetime)",
    types.datetime,
    '2024-02-29 12:00:00.250',
    'TIMESTAMP',
    '2024-02-29T12:00:00.250000',
    'datetime',
  ],
  [
    "CAST('2024-02-29' AS datetime2)",
    types.datetime2(7),
    '2024-02-29 12:00:00.1234567',
    'TIMESTAMP',
    '2024-02-29T12:00:00.123456700',
    'datetime2(7)',
  ],
  [
    "CAST('1969-12-31' AS datetime2(3))",
    types.datetime2(3),
    '1969-12-31 23:59:59.25',
    'TIMESTAMP',
    '1969-12-31T23:59:59.250000',
    'datetime2(3)',
  ],
  [
    "CAST('2024-02-29 12:00 +02:00' AS datetimeoffset)",
    types.datetimeoffset(7, 120),
    '2024-02-29 10:00:00',
    'TIMESTAMP',
    '2024-02-29T10:00:00Z',
    'datetimeoffset(7)',
  ],
  ['0xAABB', types.varbinary(2), 'aabb', 'BINARY', 'qrs=', 'varbinary(2)'],
  ['CAST(0xAABB AS varbinary(max))', types.varbinaryMax, 'aabb', 'BINARY', 'qrs=', 'varbinary(max)'],
  [
    "CAST('5D1F1C3E-0000-4000-8000-000000000000' AS uniqueidentifier)",
    types.uniqueidentifier,
    '5D1F1C3E-0000-4000-8000-000000000000',
    'STRING',
    '5D1F1C3E-0000-4000-8000-000000000000',
    'uniqueidentifier',
  ],
  ['NULL', types.int, null, 'INTEGER', null, 'int'],
  ['CAST(NULL AS decimal(38, 2))', types.decimal(38, 2), null, 'DECIMAL', null, 'decimal(38,2)'],
  ['CAST(NULL AS nvarchar(max))', types.nvarcharMax, null, 'STRING', null, 'nvarchar(max)'],
];

const CATALOGUE: [table: string, kind: string, column: string, type: string, isNullable: boolean][] = [
  ['orders', 'TABLE', 'id', 'int', false],
  ['orders', 'TABLE', 'total', 'decimal(9,2)', true],
  ['orders', 'TABLE', 'created', 'datetime2(7)', true],
  ['paid', 'VIEW', 'id', 'int', true],
];

const smallForm: SmallForm = {
  types: { whole: 'bigint', ratio: 'float', text: 'nvarchar(100)' },
  cell: (text, kind) => (kind === 'ratio' ? Number(text) : text),
};

/** Starts one that lets `reader` in with `password`, to the database `shop`, with tables of `small` where they are given. */
export async function startTdsWarehouse(
  password: string,
  { small, ...more }: Partial<TdsOptions> & { small?: SmallDatabase } = {},
): Promise<TdsWarehouse> {
  const running = new Set<string>();
  const ran: string[] = [];
  let orders = 10;

  async function table(request: TdsRequest, list: TdsColumn[], rows: unknown[][], write = row): Promise<void> {
    await request.send(columns(list));
    for (const values of rows) await request.send(write(list, values));
    await request.send(done(0, rows.length));
  }

  async function numbers(request: TdsRequest, count: number): Promise<void> {
    const isWide = request.sql.includes("repeat('x', 100000)");
    const list: TdsColumn[] = [['n', isWide ? types.nvarcharMax : types.int]];
    await request.send(columns(list));
    const wide = isWide ? row(list, ['x'.repeat(100_000)]) : null;
    for (let n = 1; n <= count && !request.signal.aborted; n++) await request.send(wide ?? row(list, [n]));
    await request.send(done(0, count));
  }

  async function catalogue(request: TdsRequest): Promise<void> {
    const names = Object.values(request.values);
    const limit = Number(/TOP \((\d+)\)/.exec(request.sql)?.[1]);
    const isShop = names.length === 0 || names[0] === 'shop';
    const tables = ['orders', 'paid']
      .filter((name) => isShop && (names.length < 2 || names.includes(name)))
      .slice(0, limit);
    const list: TdsColumn[] = [
      ['s', types.nvarchar(128)],
      ['n', types.nvarchar(128)],
      ['k', types.varchar(5)],
      ['r', types.bigint],
      ['c', types.nvarchar(128)],
      ['y', types.nvarchar(128)],
      ['is_nullable', types.bit],
    ];
    const found = CATALOGUE.filter(([name]) => tables.includes(name));
    const rows = found.map(([name, kind, ...column]) => [
      'shop',
      name,
      kind,
      kind === 'TABLE' ? '10' : null,
      ...column,
    ]);
    const own = await small?.catalogue(smallForm.types, names);
    await table(request, list, own?.map((cells) => cells.with(3, cells[3] && String(cells[3]))) ?? rows, sparseRow);
  }

  async function select(request: TdsRequest, from: SmallDatabase): Promise<void> {
    const answer = await from.answer(request.sql, smallForm);
    if ('refused' in answer) return request.send(error(102, answer.refused), done(2));
    const typesOf: Record<string, TdsType> = { bigint: types.bigint, float: types.float };
    const list = answer.columns.map(([name, type]): TdsColumn => [name, typesOf[type] ?? types.nvarchar(100)]);
    return table(request, list, answer.pages.flat());
  }

  async function given(request: TdsRequest): Promise<void> {
    const { p1, p2, p3, p4, p5, p6, p7 } = request.values;
    const list: TdsColumn[] = [
      ['', types.int],
      ['', types.nvarchar(100)],
      ['', types.bit],
      ['', types.nvarchar(100)],
      ['', types.bigint],
      ['', types.float],
      ['', types.bit],
      ['', types.int],
    ];
    const next = Number(p1) + 1;
    await table(request, list, [[next, p2, p3, p4, String(p5), p6, String(p7) < '2024-01-02', next]]);
  }

  async function answer(request: TdsRequest): Promise<void> {
    const { sql, session, send } = request;
    const expression = expressions.find(([text]) => sql === `SELECT ${text} AS x`);
    const count = /numbers\((\d+)\)/.exec(sql)?.[1];
    const mark = /act_slow AS (\w+)/.exec(sql)?.[1];
    if (sql === 'SET SHOWPLAN_XML ON') {
      session.set('plans', true);
      return send(done());
    }
    if (session.get('plans')) {
      const denied = error(262, "SHOWPLAN permission denied in database 'shop'.");
      if (sql.includes('plan_denied')) return send(denied, done(2));
      const plan = sql.includes('plan_silly') ? 'no plan' : sqlserverPlan(sql);
      return table(request, [['Microsoft SQL Server 2005 XML Showplan', types.nvarcharMax]], [[plan]]);
    }
    ran.push(sql);
    if (sql.includes('BEGIN TRANSACTION')) {
      session.set('orders', orders);
      return send(byteChange(8, Buffer.alloc(8, 7), Buffer.alloc(0)), done());
    }
    if (sql.startsWith('IF @@TRANCOUNT')) {
      orders = Number(session.get('orders') ?? orders);
      return send(byteChange(10, Buffer.alloc(0), Buffer.alloc(8, 7)), done());
    }
    if (sql.startsWith('set ansi_nulls')) return send(info(5701, 'Changed database context.'), done());
    if (sql.includes('fn_my_permissions')) return table(request, [['writes', types.int]], [[1]]);
    if (sql.includes('FROM sys.objects')) return catalogue(request);
    if (small && sql.includes(' FROM ')) return select(request, small);
    if (expression) return table(request, [['x', expression[1]]], [[expression[2]]]);
    if (count) return numbers(request, Number(count));
    if (sql.includes('parameters')) return given(request);
    if (sql === 'SELECT 1 AS a, 2 AS a WHERE 1 = 0')
      return table(
        request,
        [
          ['a', types.int],
          ['a', types.int],
        ],
        [],
      );
    if (sql.startsWith('SELECT count(*)')) return table(request, [['', types.int]], [[orders]]);
    if (sql.includes('DELETE')) {
      orders = 0;
      return send(done(0, 10));
    }
    if (sql === 'SELECT remember') session.set('mark', 5);
    if (sql === 'SELECT recall') return table(request, [['', types.int]], [[session.get('mark') ?? null]]);
    if (sql.includes('no_such_column')) return send(error(207, "Invalid column name 'no_such_column'."), done(2));
    if (mark) {
      running.add(mark);
      if (!request.signal.aborted) await once(request.signal, 'abort');
      running.delete(mark);
      return;
    }
    return table(request, [['', types.int]], [[1]]);
  }

  const server = await startTds({
    answer,
    login: ({ username, password: given, database }) => {
      if (username !== 'reader' || given !== password)
        return Buffer.concat([error(18_456, `Login failed for user '${username}'.`), done(2)]);
      if (database === 'shop') return null;
      const text = `Cannot open database "${database}" requested by the login. The login failed.`;
      return Buffer.concat([error(4060, text), error(18_456, `Login failed for user '${username}'.`), done(2)]);
    },
    ...more,
  });
  return Object.defineProperties(server as TdsWarehouse, {
    running: { value: running },
    ran: { value: ran },
    orders: { get: () => orders },
  });
}
