/** Plans as services print them; a word in the statement, such as `plan_none`, makes them say little, or nonsense. */
import type { Result } from './engine-servers.ts';

const EXPLAINS = /^EXPLAIN (?:ESTIMATE|USING JSON|COST|\(TYPE DISTRIBUTED, FORMAT JSON\)) /;

/** The statement that is to be explained; null where a statement is to be run. */
export function explained(sql: string): string | null {
  return EXPLAINS.test(sql) ? sql.replace(EXPLAINS, '') : null;
}

const wordOf = (sql: string): string => /\bplan_(\w+)/.exec(sql)?.[1] ?? '';

/** What ClickHouse would read of each table: nothing of those that are no MergeTree. */
export function clickhousePlan(sql: string): Result {
  const columns: Result['columns'] = [
    ['database', 'String'],
    ['table', 'String'],
    ['parts', 'UInt64'],
    ['rows', 'UInt64'],
    ['marks', 'UInt64'],
  ];
  const orders = ['shop', 'orders', '3', '1000', '10'];
  const items = ['shop', 'items', '1', wordOf(sql) === 'odd' ? 'NaN' : '128', '8'];
  if (wordOf(sql) === 'none') return { columns, pages: [[]] };
  if (wordOf(sql) === 'silly') return { columns: [['explain', 'String']], pages: [[['ReadFromMergeTree']]] };
  return { columns, pages: [[orders, items]] };
}

/** Snowflake's one cell of JSON. */
export function snowflakePlan(sql: string): Result {
  const stats = { partitionsTotal: 400, partitionsAssigned: 3, bytesAssigned: 1_048_576 };
  const scan = { id: 1, parentOperators: [0], operation: 'TableScan', objects: ['DEMO.SHOP.ORDERS'], ...stats };
  const plans: Record<string, string> = {
    none: JSON.stringify({ Operations: [[scan]] }),
    odd: JSON.stringify({ GlobalStats: { ...stats, bytesAssigned: -1 } }),
    silly: 'GlobalStats: partitionsTotal=400',
  };
  const content = plans[wordOf(sql)] ?? JSON.stringify({ GlobalStats: stats, Operations: [[scan]] });
  return { columns: [['content', 'text']], pages: [[[content]]] };
}

const figures = (outputRowCount: unknown, outputSizeInBytes: unknown) => ({
  outputRowCount,
  outputSizeInBytes,
  cpuCost: outputSizeInBytes,
  memoryCost: 0,
  networkCost: 0,
});
const UNKNOWN = figures('NaN', 'NaN');

/** Trino's fragments: a join of a scan that filters, with an estimate for each of the two, and one that does not. */
export function trinoPlan(sql: string): string {
  const word = wordOf(sql);
  if (word === 'silly') return 'Fragment 0 [SINGLE]';
  const second = word === 'odd' ? UNKNOWN : figures(25, 225);
  const scans = [
    { id: '1', name: 'ScanFilter', estimates: [figures(6001, 54_009), figures(5401.2, 48_610)], children: [] },
    { id: '2', name: 'TableScan', estimates: [second], children: [] },
  ];
  const isBare = word === 'none';
  return JSON.stringify(
    {
      0: {
        id: '9',
        name: 'Output',
        descriptor: { columnNames: '[n]' },
        outputs: [{ symbol: 'n', type: 'bigint' }],
        details: [],
        estimates: [isBare ? UNKNOWN : figures(5401.2, 48_610)],
        children: [{ id: '8', name: 'RemoteSource', estimates: [], children: [] }],
      },
      1: { id: '3', name: 'InnerJoin', estimates: [UNKNOWN], children: isBare ? [] : scans },
    },
    null,
    2,
  );
}

/** Databricks' plan in words. */
export function databricksPlan(sql: string): Result {
  const physical =
    '\n\n== Physical Plan ==\nAdaptiveSparkPlan isFinalPlan=false\n+- == Initial Plan ==\n   ColumnarToRow';
  const join = (right: string): string => `== Optimized Logical Plan ==
Aggregate [id#1], [id#1, count(1) AS n#2L], Statistics(sizeInBytes=20.0 B, rowCount=1, hints=none)
+- Join Inner, (id#1 = order_id#3), Statistics(sizeInBytes=30.8 MiB, rowCount=1.62E+6)
   :- Filter (name#4 = , Statistics(sizeInBytes=1.0 B)), Statistics(sizeInBytes=1024.0 KiB, rowCount=9)
   :  +- Relation main.shop.orders[id#1,name#4] parquet, Statistics(sizeInBytes=1.5 MiB, rowCount=2.88E+4)
   +- Relation main.shop.items[order_id#3] parquet, ${right}${physical}`;
  const plans: Record<string, string> = {
    none: `== Physical Plan ==\n*(1) Scan OneRowRelation[]`,
    odd: join('Statistics(sizeInBytes=8.0 EiB)'),
    silly: join('Statistics(sizeInBytes=many)'),
    failed: 'Error occurred during query planning: \nno such table',
  };
  const plan = plans[wordOf(sql)] ?? join('Statistics(sizeInBytes=512.0 KiB)');
  return { columns: [['plan', 'STRING']], pages: [[[plan]]] };
}

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');

/** SQL Server's plan of a batch: what declares has no cost, and a function's statements lie in the one that calls it. */
export function sqlserverPlan(sql: string): string {
  const [, declares = '', query = ''] = /^(DECLARE [^\n]*;\n)?([^]*)$/.exec(sql) ?? [];
  const declaration =
    declares && `<StmtSimple StatementText="${escaped(declares)}" StatementId="1" StatementType="ASSIGN"/>`;
  const figures =
    wordOf(sql) === 'odd'
      ? 'StatementEstRows="1.#INF"'
      : 'StatementEstRows="3.08851" StatementSubTreeCost="4.64185e-002"';
  const inner =
    '<UDF ProcName="f"><Statements><StmtSimple StatementType="SELECT" StatementEstRows="9"/></Statements></UDF>';
  return `<ShowPlanXML xmlns="http://schemas.microsoft.com/sqlserver/2004/07/showplan" Version="1.564"><BatchSequence><Batch><Statements>${declaration}<StmtSimple StatementCompId="2" StatementText="${escaped(query)}" StatementId="2" ${figures} StatementType="SELECT"><QueryPlan CachedPlanSize="16">${inner}</QueryPlan></StmtSimple></Statements></Batch></BatchSequence></ShowPlanXML>`;
}
