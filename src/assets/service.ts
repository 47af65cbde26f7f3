import { randomBytes } from 'node:crypto';
import { explainMissing, given } from '../changes.ts';
import { openConnection } from '../connections/open.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound, throwAll, violatedIndex } from '../errors.ts';
import { events } from '../events.ts';
import { Prisma, type Asset } from '../generated/prisma/client.ts';
import { sanitize } from '../text/html.ts';
import { newId } from '../ids.ts';
import type { InputValues } from '../graph/input.ts';
import { slugOf } from '../text/slug.ts';

import { isApi, type AnswerColumn, type ApiEngine } from '../warehouse/engine.ts';
import { placeholders } from '../warehouse/params.ts';
import { checkSql } from '../warehouse/sql-guard.ts';
import { demandOwnAsset } from './access.ts';
import { changedIn } from './changed.ts';
import { firstRunOf } from './cron.ts';
import type { createFields, updateFields } from './input.ts';
import { checkDeclaration, type Parameter } from './params.ts';

type CreateInput = InputValues<typeof createFields>;
type UpdateInput = InputValues<typeof updateFields>;

/** What decides whether the asset can run: checked together whenever one of them changes. */
interface Definition {
  assetType: Asset['assetType'];
  connectionId: string | null;
  sqlLogic: string | null;
  prompt: string | null;
  answerColumns: AnswerColumn[];
  parameters: Parameter[];
}

/** @throws DomainError VALIDATION for each field that has a message */
function refuse(mistakes: Partial<Record<keyof Definition, string | false>>): void {
  throwAll(
    Object.entries(mistakes).flatMap(([field, message]) =>
      message ? [new DomainError('VALIDATION', message, { path: ['input', field] })] : [],
    ),
  );
}

/** The `:name`s of a prompt. */
const namesIn = (prompt: string): string[] =>
  [...prompt.matchAll(/(?<![\w:]):([A-Za-z_][A-Za-z0-9_]{0,62})/g)].map(([, name = '']) => name);

/**
 * An API answers one number by its parameters, a language model a number, a text or rows by a prompt.
 * @throws DomainError VALIDATION for SQL, another type, parameters
 */
function checkForApi({ takes }: ApiEngine, definition: Definition): void {
  const { assetType, sqlLogic, prompt, answerColumns, parameters } = definition;
  const names = answerColumns.map(({ name }) => name.toLowerCase());
  const isModel = takes === 'PROMPT';
  refuse({
    sqlLogic:
      sqlLogic !== null &&
      `An asset on ${isModel ? 'a language model' : 'an API'} has no SQL: ${isModel ? 'it has a prompt' : 'the API gets its parameters'}.`,
    prompt: prompt !== null && !isModel && 'A prompt is for a connection to a language model.',
    assetType: isModel
      ? assetType === 'VISUALIZATION' && 'An asset on a language model is a CALCULATION or DATA.'
      : assetType !== 'CALCULATION' && 'An asset on an API is a CALCULATION: it answers a number.',
    answerColumns:
      (names.length > 0 && !(isModel && assetType === 'DATA') && 'Columns are for DATA of a language model.') ||
      (new Set(names).size < names.length && 'Each column has a name of its own.'),
  });
  checkDeclaration(parameters, isModel ? namesIn(prompt ?? '') : parameters.map(({ name }) => name), 'prompt');
}

/** @throws DomainError NOT_FOUND for the connection, SQL_REJECTED, VALIDATION for parameters and what does not fit an API */
async function checkDefinition(ctx: Context, definition: Definition): Promise<void> {
  const { connectionId, sqlLogic, prompt, answerColumns, parameters } = definition;
  const { companyId } = viewerOf(ctx);
  let dialect: Parameters<typeof checkSql>[1] = 'postgres';
  if (connectionId) {
    const own = await ctx.db.connection.findFirst({
      where: { id: connectionId, companyId, active: true },
      select: { id: true },
    });
    if (!own) throw notFound('connection', ['input', 'connectionId']);
    const { engine } = await openConnection(ctx, connectionId, companyId);
    if (isApi(engine)) return checkForApi(engine, definition);
    refuse({
      prompt: prompt !== null && 'A prompt is for a connection to a language model.',
      answerColumns: answerColumns.length > 0 && 'Columns are for DATA of a language model.',
    });
    dialect = engine.dialect;
  }
  if (sqlLogic === null) return;
  const rejection = connectionId ? await checkSql(sqlLogic, dialect) : null;
  if (rejection) {
    throw new DomainError('SQL_REJECTED', rejection.message, {
      path: ['input', 'sqlLogic'],
      details: { rule: rejection.rule, position: rejection.position },
    });
  }
  checkDeclaration(
    parameters,
    placeholders(sqlLogic, dialect).map((one) => one.name),
  );
}

/** When a schedule is next due; what failed before is forgotten. @throws DomainError VALIDATION */
function scheduled(now: Date, schedule: string | null, parameters: Parameter[]): Record<string, unknown> {
  return { nextRun: schedule ? firstRunOf(schedule, parameters, now) : null, refreshFailures: 0 };
}

async function columnsOf(input: Partial<CreateInput> | Partial<UpdateInput>): Promise<Record<string, unknown>> {
  const { rateLimit, detailedDescription, vizSpec, topQuestions, ...rest } = given(input) as Partial<UpdateInput>;
  return {
    ...rest,
    ...(detailedDescription === undefined
      ? {}
      : { detailedDescription: detailedDescription === null ? null : (await sanitize(detailedDescription)).html }),
    ...(vizSpec === undefined ? {} : { vizSpec: vizSpec ?? Prisma.DbNull }),
    ...(topQuestions === undefined ? {} : { topQuestions }),
    ...(rateLimit === undefined
      ? {}
      : {
          rateLimitNumber: rateLimit?.number ?? null,
          rateLimitPeriod: rateLimit?.period ?? null,
          rateLimitGranularity: rateLimit?.granularity ?? null,
        }),
  };
}

function explain(error: unknown): never {
  const index = violatedIndex(error);
  if (index?.includes('name') || index?.includes('slug')) {
    throw new DomainError('CONFLICT', 'The company has another asset of this name, or had one.', {
      path: ['input', 'name'],
      cause: error,
    });
  }
  const code = (error as { code?: string }).code;
  if (code === 'P2003')
    throw new DomainError('VALIDATION', 'There is no such industry or use case.', { path: ['input'], cause: error });
  if (code === 'P2039' || String((error as Error).message).includes('Asset_period')) {
    throw new DomainError('VALIDATION', 'The records end before they begin.', {
      path: ['input', 'dataTimePeriodEnd'],
      cause: error,
    });
  }
  throw error;
}

/**
 * Makes an asset; its slug comes from the name and stays.
 * @throws DomainError CONFLICT, NOT_FOUND, SQL_REJECTED, VALIDATION
 */
export async function createAsset(ctx: Context, input: CreateInput): Promise<Asset> {
  const { companyId, userId } = viewerOf(ctx);
  const slug = slugOf(input.name);
  if (!slug)
    throw new DomainError('VALIDATION', 'A name has at least one letter or digit.', { path: ['input', 'name'] });
  await checkDefinition(ctx, input);
  // Nothing given: the database's own value.
  const columns = Object.fromEntries(Object.entries(await columnsOf(input)).filter(([, value]) => value !== null));
  const shortCode = randomBytes(6)
    .toString('base64url')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '0');
  const approvalStatus = input.source === 'AUTOMATIC' ? ('PENDING' as const) : null;
  const data = {
    ...columns,
    ...scheduled(ctx.now, input.schedule, input.parameters),
    id: newId(),
    companyId,
    userId,
    slug,
    shortCode,
    approvalStatus,
  } as unknown as Prisma.AssetUncheckedCreateInput;
  return ctx.db.asset.create({ data }).catch(explain);
}

/**
 * Changes an asset. Another definition needs another successful test before it can be listed anew.
 * @throws DomainError NOT_FOUND, VERSION_CONFLICT, CONFLICT, SQL_REJECTED, VALIDATION
 */
export async function updateAsset(ctx: Context, { id, expectedVersion, ...input }: UpdateInput): Promise<Asset> {
  const { companyId } = viewerOf(ctx);
  const before = await demandOwnAsset(ctx, id);
  const columns = await columnsOf(input);
  const { isRedefined, listed } = changedIn(before, columns);
  const schedule = input.schedule === undefined ? before.schedule : input.schedule;
  const parameters = input.parameters ?? (before.parameters as unknown as Parameter[]);
  if (isRedefined) {
    await checkDefinition(ctx, {
      assetType: input.assetType ?? before.assetType,
      connectionId: input.connectionId === undefined ? before.connectionId : input.connectionId,
      sqlLogic: input.sqlLogic === undefined ? before.sqlLogic : input.sqlLogic,
      prompt: input.prompt === undefined ? before.prompt : input.prompt,
      answerColumns: input.answerColumns ?? (before.answerColumns as unknown as AnswerColumn[]),
      parameters,
    });
  }
  if (before.sellInMarketplace && input.topQuestions?.length === 0) {
    throw new DomainError('VALIDATION', 'A listed asset has 1 to 3 questions.', { path: ['input', 'topQuestions'] });
  }
  const changes = {
    ...columns,
    ...(isRedefined || input.schedule !== undefined ? scheduled(ctx.now, schedule, parameters) : {}),
    ...(isRedefined ? { lastTestOkAt: null } : {}),
    version: { increment: 1 },
    updatedAt: ctx.now,
  };
  // The version that was checked is the one that is changed.
  const { count } = await ctx.db.asset
    .updateMany({
      where: { id, companyId, active: true, version: expectedVersion ?? before.version },
      data: changes as Prisma.AssetUncheckedUpdateManyInput,
    })
    .catch(explain);
  if (count === 0) await explainMissing(ctx, 'Asset', 'asset', { id, companyId, isActive: true });
  ctx.cache.clear();
  const after = await ctx.db.asset.findUniqueOrThrow({ where: { id } });
  if (isRedefined || listed.length > 0)
    await events.emit(ctx, {
      kind: 'ASSET_UPDATED',
      assetId: id,
      message: isRedefined
        ? `${after.name} has a new definition.`
        : `The listing of ${after.name} changed: ${listed.join(', ')}.`,
      details: { version: after.version, changed: [...(isRedefined ? ['definition'] : []), ...listed] },
    });
  return after;
}

/** Deletes an asset softly and takes it off the marketplace. @throws DomainError NOT_FOUND, VERSION_CONFLICT */
export async function deleteAsset(ctx: Context, id: string, expectedVersion: number | undefined): Promise<void> {
  const { companyId } = viewerOf(ctx);
  const before = await ctx.db.asset.findFirst({
    where: { id, companyId, active: true },
    select: { name: true, sellInMarketplace: true, version: true },
  });
  if (!before) throw notFound('asset', ['input', 'id']);
  // The version that was read is the one that is deleted.
  const { count } = await ctx.db.asset.updateMany({
    where: { id, companyId, active: true, version: expectedVersion ?? before.version },
    data: { active: false, sellInMarketplace: false, version: { increment: 1 }, updatedAt: ctx.now },
  });
  if (count === 0) await explainMissing(ctx, 'Asset', 'asset', { id, companyId, isActive: true });
  ctx.cache.clear();
  await events.emit(ctx, {
    kind: 'ASSET_UPDATED',
    assetId: id,
    message: `${before.name} was deleted.`,
    details: { isDeleted: true, ...(before.sellInMarketplace ? { isListed: false } : {}) },
  });
}
