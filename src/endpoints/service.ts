import { changedColumns, explainMissing, given } from '../changes.ts';
import { transaction, viewerOf, type Context } from '../context.ts';
import { DomainError, notFound, throwAll, together, violatedIndex } from '../errors.ts';
import type { Endpoint, Prisma } from '../generated/prisma/client.ts';
import { sanitize } from '../text/html.ts';
import { newId } from '../ids.ts';
import type { InputValues } from '../graph/input.ts';
import { slugOf } from '../text/slug.ts';
import { isApi } from '../warehouse/engine.ts';
import { demandOwnEndpoint } from './access.ts';
import { columnsMistakes } from './column-rules.ts';
import { storedColumns, type createFields, type updateFields } from './input.ts';
import { whitelistMistakes } from './whitelist.ts';

type CreateInput = InputValues<typeof createFields>;
type UpdateInput = InputValues<typeof updateFields>;
type Columns = Record<string, unknown>;

const invalid = (message: string, ...at: string[]): DomainError =>
  new DomainError('VALIDATION', message, { path: ['input', ...at] });

/** The columns of the row that an input changes; what was left out is not among them. */
async function rowOf(input: Partial<CreateInput> | Partial<UpdateInput>): Promise<Columns> {
  const { rateLimit, detailedDescription, columns, isExportEnabled, ...rest } = given(input) as Partial<UpdateInput>;
  return {
    ...rest,
    ...(columns === undefined ? {} : { endpointSchema: { columns: storedColumns(columns) } }),
    ...(isExportEnabled === undefined ? {} : { exportEnabled: isExportEnabled }),
    ...(detailedDescription === undefined
      ? {}
      : { detailedDescription: detailedDescription === null ? null : (await sanitize(detailedDescription)).html }),
    ...(rateLimit === undefined
      ? {}
      : {
          rateLimitNumber: rateLimit?.number ?? null,
          rateLimitPeriod: rateLimit?.period ?? null,
          rateLimitGranularity: rateLimit?.granularity ?? null,
        }),
  };
}

/** The members that are looked at together: what an update leaves out is as it was. */
type Whole = Pick<Endpoint, 'accessMethod' | 'accessWhitelist' | 'dataTimePeriodStart' | 'dataTimePeriodEnd'>;

async function check(ctx: Context, input: Partial<CreateInput> | Partial<UpdateInput>, whole: Whole): Promise<void> {
  const errors: DomainError[] = [];
  if (input.columns?.length) errors.push(...columnsMistakes(storedColumns(input.columns)));
  if (input.accessMethod != null || input.accessWhitelist != null)
    errors.push(...whitelistMistakes(whole.accessMethod, whole.accessWhitelist));
  const { dataTimePeriodStart: start, dataTimePeriodEnd: end } = whole;
  if (start && end && end < start) errors.push(invalid('The records end before they begin.', 'dataTimePeriodEnd'));
  const { industryId, useCaseId } = input;
  if (industryId != null && !(await ctx.db.industry.findUnique({ where: { id: industryId } })))
    errors.push(invalid('There is nothing by this id.', 'industryId'));
  if (useCaseId != null && !(await ctx.db.assetUseCase.findUnique({ where: { id: useCaseId } })))
    errors.push(invalid('There is nothing by this id.', 'useCaseId'));
  throwAll(errors);
}

/**
 * Holds a connection of the caller's company, so that it is not deleted meanwhile.
 * @throws DomainError NOT_FOUND, VALIDATION for one that takes no SQL
 */
async function holdConnection(tx: Context, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  const [held] = await tx.query<{ driver: string | null }>(
    `select e.driver from "Connection" c join "StorageEngine" e on e.id = c."engineId"
     where c.id = $1::uuid and c."companyId" = $2::uuid and c.active for share of c`,
    [id, viewerOf(tx).companyId],
  );
  if (!held) throw notFound('connection', ['input', 'connectionId']);
  const { engines } = tx.app;
  if (held.driver && engines.has(held.driver) && isApi(engines.get(held.driver)))
    throw invalid('Rows are read by SQL, and an API takes none: an asset can ask it.', 'connectionId');
}

function nameTaken(error: unknown): unknown {
  const index = violatedIndex(error);
  if (!index?.includes('name') && !index?.includes('slug')) return error;
  return new DomainError('CONFLICT', 'The company has another endpoint of this name, or had one.', {
    path: ['input', 'name'],
    cause: error,
  });
}

/**
 * Makes an endpoint of the caller's company; its slug comes from the name and stays.
 * @throws DomainError VALIDATION, also on a `connectionId` that takes no SQL, NOT_FOUND on `connectionId`, CONFLICT on `name`.
 */
export async function createEndpoint(ctx: Context, input: CreateInput): Promise<Endpoint> {
  const { companyId, userId } = viewerOf(ctx);
  const slug = slugOf(input.name);
  await together(
    () => {
      if (!slug) throw invalid('A name has at least one letter or digit.', 'name');
    },
    () =>
      check(ctx, input, {
        accessMethod: input.accessMethod ?? 'API_KEY',
        accessWhitelist: input.accessWhitelist ?? [],
        dataTimePeriodStart: input.dataTimePeriodStart,
        dataTimePeriodEnd: input.dataTimePeriodEnd,
      }),
    // Held anew where it is written.
    () => holdConnection(ctx, input.connectionId),
  );
  // Nothing given: the database's own value.
  const columns = Object.fromEntries(Object.entries(await rowOf(input)).filter(([, value]) => value !== null));
  const data = { ...columns, id: newId(), companyId, userId, slug } as unknown as Prisma.EndpointUncheckedCreateInput;
  try {
    return await transaction(ctx, async (tx) => {
      await holdConnection(tx, input.connectionId);
      return tx.db.endpoint.create({ data });
    });
  } catch (error) {
    throw nameTaken(error);
  }
}

/** What decides which rows are answered: after a change of these an endpoint must be tested anew. */
const DEFINING = ['connectionId', 'endpointSchema', 'sourceSchemaName', 'sourceTableName'] as const;

/**
 * Changes an endpoint of the caller's company; its slug stays whatever its name becomes.
 * @throws DomainError NOT_FOUND, VALIDATION, CONFLICT on `name`, VERSION_CONFLICT.
 */
export async function updateEndpoint(ctx: Context, { id, expectedVersion, ...input }: UpdateInput): Promise<Endpoint> {
  const { companyId } = viewerOf(ctx);
  const before = await demandOwnEndpoint(ctx, id);
  await check(ctx, input, {
    ...before,
    ...(given({
      accessMethod: input.accessMethod,
      accessWhitelist: input.accessWhitelist,
      dataTimePeriodStart: input.dataTimePeriodStart,
      dataTimePeriodEnd: input.dataTimePeriodEnd,
    }) as Partial<Whole>),
  });
  const columns = await rowOf(input);
  const isRedefined = changedColumns(before, columns, DEFINING).length > 0;
  const data = {
    ...columns,
    ...(isRedefined ? { lastTestOkAt: null } : {}),
    version: { increment: 1 },
    updatedAt: ctx.now,
  } as Prisma.EndpointUncheckedUpdateManyInput;
  // The version that was checked is the one that is changed.
  const where = { id, companyId, active: true, version: expectedVersion ?? before.version };
  try {
    return await transaction(ctx, async (tx) => {
      await holdConnection(tx, input.connectionId);
      const { count } = await tx.db.endpoint.updateMany({ where, data });
      if (count === 0) await explainMissing(tx, 'Endpoint', 'endpoint', { id, companyId, isActive: true });
      return tx.db.endpoint.findUniqueOrThrow({ where: { id } });
    });
  } catch (error) {
    throw nameTaken(error);
  }
}

/** Deletes an endpoint (softly) and takes it off the marketplace. @throws DomainError NOT_FOUND, VERSION_CONFLICT */
export async function deleteEndpoint(
  ctx: Context,
  input: { id: string; expectedVersion?: number | undefined },
): Promise<void> {
  const { companyId } = viewerOf(ctx);
  const { id, expectedVersion } = input;
  const { count } = await ctx.db.endpoint.updateMany({
    where: { id, companyId, active: true, ...(expectedVersion ? { version: expectedVersion } : {}) },
    data: { active: false, sellInMarketplace: false, version: { increment: 1 }, updatedAt: ctx.now },
  });
  if (count === 0) await explainMissing(ctx, 'Endpoint', 'endpoint', { id, companyId, isActive: true });
  ctx.cache.clear();
}
