import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { vi } from 'vitest';
import { checkLedger } from '../src/credits/journal.ts';
import type { Prisma } from '../src/generated/prisma/client.ts';
import type { Parameter } from '../src/assets/params.ts';
import { newId } from '../src/ids.ts';
import { orAbort } from '../src/warehouse/lifecycle.ts';
import { gid, keyOf, type Tenant, type TestGateway } from './helpers/gateway.ts';

/** DuckDB among the storage engines. */
export const DUCKDB = 57;
/** PostgreSQL among the storage engines. */
export const POSTGRES = 48;

const SHOP = [
  'create table sales (day date, region varchar, units integer, amount decimal(9, 2))',
  `insert into sales values ('2026-01-01', 'north', 3, 10.50), ('2026-01-01', 'south', 5, 20.00), ('2026-01-02', 'north', 2, 7.25),
   ('2026-01-02', 'south', 4, 30.00), ('2026-01-03', 'north', 1, 2.25)`,
];

/** Makes a DuckDB file where connections may have theirs. */
export async function duckdbFile(t: TestGateway, name: string, statements: string[] = SHOP): Promise<string> {
  mkdirSync(t.warehouses, { recursive: true });
  const instance = await DuckDBInstance.create(path.join(t.warehouses, name));
  const connection = await instance.connect();
  for (const statement of statements) await connection.run(statement);
  connection.closeSync();
  instance.closeSync();
  return name;
}

type More = Parameters<TestGateway['world']['asset']>[1];
type MadeAsset = Awaited<ReturnType<TestGateway['world']['asset']>>;

/** A seller with a warehouse, a buyer with 1,000 credits and a company beside the two. */
export interface Shop {
  seller: Tenant;
  buyer: Tenant;
  other: Tenant;
  connectionId: string;
  /** An asset of the seller on its warehouse, private. */
  asset(more?: More): Promise<MadeAsset>;
  /** A listed one with a price. */
  listed(priceUsd: string, more?: More): Promise<MadeAsset>;
}

export async function openShop(t: TestGateway, credits = 1000): Promise<Shop> {
  const seller = await t.tenant({ handle: 'seller' });
  const buyer = await t.tenant({ handle: 'buyer', credits });
  const other = await t.tenant({ handle: 'other', credits });
  const file = await duckdbFile(t, 'shop.duckdb');
  const { id: connectionId } = await t.world.connection(seller.company.id, {
    engineId: DUCKDB,
    settings: { path: file },
  });
  const asset = (more: More = {}): Promise<MadeAsset> => t.world.asset(seller.company.id, { connectionId, ...more });
  return {
    seller,
    buyer,
    other,
    connectionId,
    asset,
    async listed(priceUsd, more = {}) {
      const made = await asset({ sellInMarketplace: true, ...more });
      await t.world.price(seller.company.id, { assetId: made.id }, priceUsd);
      return made;
    },
  };
}

/** A parameter as it is stored. */
export function parameter(
  name: string,
  type: Parameter['type'],
  more: Partial<Parameter> = {},
): Parameter & Prisma.InputJsonObject {
  return { name, type, isRequired: false, defaultValue: null, allowedValues: null, description: null, ...more };
}

export const RUN = `id kind status credits isBilled rowCount isTruncated cacheStatus computedAt engineMs parameters warnings
  outcome { __typename
    ... on CalculationResult { value valueFloat }
    ... on VisualizationResult { figure table { columns { name type } rowCount rows } }
    ... on DataResult { table { columns { name type engineType } rows values rowCount isTruncated } }
    ... on RunFailure { code message rule position } }`;
export const ERRORS = `userErrors { __typename code message path
  ... on InsufficientCreditsError { required balance } ... on RateLimitedError { retryAfterMs } ... on QuotaExceededError { resetAt }
  ... on VersionConflictError { currentVersion } ... on SqlRejectedError { rule position } ... on NotListableError { missing } ... on InUseError { usedBy } }`;
export const PROCESS = `mutation ($input: AssetProcessInput!) { assetProcess(input: $input) { run { ${RUN} } ${ERRORS} } }`;

// oxlint-disable-next-line typescript/no-explicit-any -- answers are compared as they come
type Any = any;

/** Runs an asset as the holder of a key; answers the payload. */
export async function process(
  t: TestGateway,
  key: string,
  asset: { id: string },
  input: Record<string, unknown> = {},
  signal?: AbortSignal,
): Promise<Any> {
  const init = signal ? { signal } : {};
  const answer = await t.run(key, PROCESS, { input: { assetId: gid('Asset', asset), ...input } }, init);
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data.assetProcess;
}

/** Sends a mutation with an input and answers its payload. */
export const mutate = (
  t: TestGateway,
  key: string | null,
  name: string,
  input: object,
  selection: string,
): Promise<Any> => t.mutate(key, name, input, selection, ERRORS);

/** Code and path of each user error, by path. */
export const codes = (payload: Any): [string, string | null][] =>
  payload.userErrors
    .map((error: Any) => [error.code, error.path?.join('.') ?? null])
    .toSorted((a: Any, b: Any) => String(a[1]).localeCompare(String(b[1])));

export async function balance(t: TestGateway, tenant: Tenant): Promise<number> {
  return (await t.app.database.prisma.company.findUniqueOrThrow({ where: { id: tenant.company.id } })).creditsBalance;
}

/** The entries of a run as `KIND ACCOUNT handle amount`, in their order. */
export async function entriesOf(t: TestGateway, runId: string): Promise<string[]> {
  const rows = await t.app.database.query<{ line: string }>(
    `select concat_ws(' ', t.kind, a.kind, coalesce(c.handle, '-'), e.amount) as line from "JournalTransaction" t join "JournalEntry" e on e."transactionId" = t.id
     join "JournalAccount" a on a.id = e."accountId" left join "Company" c on c.id = a."companyId" where t."runId" = $1 order by t.id, a.kind, e.amount`,
    [runId],
  );
  return rows.map(({ line }) => line);
}

export const ledger = (t: TestGateway): Promise<string[]> => checkLedger(t.app.database.query);

/** Holds every query of DuckDB until `open` is called; `calls` counts them. */
export function holdEngine(t: TestGateway): { calls(): number; open(): void } {
  const engine = t.app.engines.get('duckdb');
  const { run } = engine;
  const gate = Promise.withResolvers<void>();
  const spy = vi.spyOn(engine, 'run').mockImplementation(async (target, statement, limits, signal) => {
    await orAbort(gate.promise, signal);
    return run(target, statement, limits, signal);
  });
  return { calls: () => spy.mock.calls.length, open: () => gate.resolve() };
}

/** The stored row of a run by its opaque id. */
export async function runRow(t: TestGateway, id: string) {
  const [row] = await t.app.database.query<Record<string, unknown> & { id: string }>(
    'select * from "Run" where id = $1',
    [keyOf(id)],
  );
  return row;
}

const ASSET = `asset { id name slug description detailedDescription assetType source approvalStatus visibility isListed sqlLogic parameters { name type isRequired defaultValue allowedValues description }
  takesParameters vizSpec chart { type x y aggregation limit } tags topQuestions rateLimit { number period granularity } coverage { geographicType periodStart periodEnd refreshFrequency } isCached
  industry { id } useCase { id } connection { id } owner { id } shortCode lastTestOkAt version createdAt updatedAt }`;

/** Where the seller of a shop works on assets: as its EDITOR, who tests as its ANALYST, unless a call has another key. */
export function openDesk(t: TestGateway, { seller: { keys } }: Shop) {
  return {
    create: (input: object, key: string | null = keys.EDITOR) =>
      mutate(t, key, 'assetCreate', { name: `Made ${newId()}`, assetType: 'CALCULATION', ...input }, ASSET),
    update: (id: string, input: object, key: string | null = keys.EDITOR) =>
      mutate(t, key, 'assetUpdate', { id, ...input }, ASSET),
    publish: (id: string, key: string | null = keys.EDITOR) => mutate(t, key, 'assetPublish', { id }, ASSET),
    async test(id: string, input: object = {}, key: string | null = keys.ANALYST) {
      const payload = await mutate(t, key, 'assetTest', { id, ...input }, `run { ${RUN} }`);
      // A busy machine is slow, which is no matter here.
      if (payload.run)
        payload.run.warnings = payload.run.warnings.filter((text: string) => !/^It took \d+ ms/.test(text));
      return payload;
    },
    rowOf: (id: string) => t.app.database.prisma.asset.findUniqueOrThrow({ where: { id: keyOf(id) } }),
  };
}
