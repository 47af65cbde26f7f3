import { explainMissing, given } from '../changes.ts';
import { transaction, viewerOf, type Context } from '../context.ts';
import { DomainError, notFound, together, violatedIndex } from '../errors.ts';
import { Prisma, type Connection, type CredentialType } from '../generated/prisma/client.ts';
import { newId } from '../ids.ts';
import type { Engine } from '../warehouse/engine.ts';
import { objectOf, stillTaken, type SplitSettings } from './credentials.ts';
import { openSecrets, targetKey } from './open.ts';
import { checkedSettings, credentialTypeOf, driverOf, sealedSecrets } from './settings.ts';

interface Written {
  description?: string | null | undefined;
  providerDomain?: string | null | undefined;
  timeoutMs?: number | null | undefined;
  credentials?: unknown;
  settings?: unknown;
}
export interface ConnectionInput extends Written {
  engineId: number;
  name: string;
  credentialType: CredentialType | null;
  hasVerifiedUsageAbility: boolean;
}
export interface ConnectionChanges extends Written {
  id: string;
  name?: string | undefined;
  credentialType?: CredentialType | undefined;
  expectedVersion?: number | undefined;
}

const invalid = (message: string, ...at: string[]): DomainError =>
  new DomainError('VALIDATION', message, { path: ['input', ...at] });

function nameTaken(error: unknown): unknown {
  if (!violatedIndex(error)?.includes('name')) return error;
  return new DomainError('CONFLICT', 'Another connection has this name.', { path: ['input', 'name'], cause: error });
}

/** What a new connection takes of its engine: how it signs in, and its settings, checked. */
async function wiresOf(ctx: Context, input: ConnectionInput): Promise<{ type: CredentialType; split: SplitSettings }> {
  const row = await ctx.db.storageEngine.findUnique({ where: { id: input.engineId } });
  if (!row) throw notFound('storage engine', ['input', 'engineId']);
  const engine = driverOf(ctx, row);
  const [type, settings, credentials] = await together(
    () => credentialTypeOf(row, input.credentialType),
    () => objectOf(input.settings ?? {}, ['input', 'settings']),
    () => objectOf(input.credentials ?? {}, ['input', 'credentials']),
  );
  return { type, split: await checkedSettings(ctx, engine, type, settings, credentials) };
}

/**
 * Makes a connection of the caller's company. Nothing is connected: `testConnection` does that.
 * @throws DomainError VALIDATION, NOT_FOUND or UNSUPPORTED on `engineId`, CONFLICT on `name`.
 */
export async function createConnection(ctx: Context, input: ConnectionInput): Promise<Connection> {
  const { companyId, userId } = viewerOf(ctx);
  const { engineId, name, description, providerDomain, timeoutMs } = input;
  const [{ type, split }] = await together(
    () => wiresOf(ctx, input),
    () => {
      if (!input.hasVerifiedUsageAbility)
        throw invalid('Confirm with true that you have the right to use the data.', 'hasVerifiedUsageAbility');
    },
  );
  const id = newId();
  const data = {
    id,
    companyId,
    userId,
    engineId,
    name,
    credentialType: type,
    verifiedUsageAbility: true,
    description: description ?? null,
    providerDomain: providerDomain ?? null,
    timeoutMs: timeoutMs ?? null,
    settings: split.settings as Prisma.InputJsonObject,
    ...sealedSecrets(ctx, id, split.secrets),
  };
  try {
    return await ctx.db.connection.create({ data });
  } catch (error) {
    throw nameTaken(error);
  }
}

/** What changes where settings, credentials or their type do. */
async function rewired(
  ctx: Context,
  engine: Engine,
  row: Connection,
  type: CredentialType,
  input: ConnectionChanges,
): Promise<Prisma.ConnectionUncheckedUpdateManyInput> {
  if (input.credentials === undefined && row.sealedCredentials) {
    // Else whoever may edit could send a password that they do not know to a host of their own.
    throw invalid('Give the credentials again: a secret is not sent where it was not meant to go.', 'credentials');
  }
  const settings =
    input.settings === undefined
      ? stillTaken(engine.name, type, row.settings as Record<string, unknown>)
      : objectOf(input.settings, ['input', 'settings']);
  const credentials =
    input.credentials === undefined ? openSecrets(ctx, row) : objectOf(input.credentials, ['input', 'credentials']);
  const split = await checkedSettings(ctx, engine, type, settings, credentials);
  return {
    credentialType: type,
    settings: split.settings as Prisma.InputJsonObject,
    ...sealedSecrets(ctx, row.id, split.secrets),
    credentialsVersion: { increment: 1 },
    // What was found out belongs to the database that was.
    lastTestedAt: null,
    lastTestOk: null,
    informationSchema: Prisma.DbNull,
    schemaReadAt: null,
  };
}

/**
 * Changes a connection of the caller's company. New settings or credentials end its pooled sessions.
 * @throws DomainError NOT_FOUND, VALIDATION, CONFLICT on `name`, VERSION_CONFLICT.
 */
export async function updateConnection(ctx: Context, input: ConnectionChanges): Promise<Connection> {
  const { companyId } = viewerOf(ctx);
  const { id, credentials, settings, expectedVersion, credentialType, ...fields } = input;
  const row = await ctx.db.connection.findFirst({ where: { id, companyId, active: true }, include: { engine: true } });
  if (!row) throw notFound('connection', ['input', 'id']);
  const type = credentialType === undefined ? row.credentialType : credentialTypeOf(row.engine, credentialType);
  const isSame = credentials === undefined && settings === undefined && type === row.credentialType;
  const wires = isSame ? null : await rewired(ctx, driverOf(ctx, row.engine), row, type, input);
  const where = {
    id,
    companyId,
    active: true,
    ...(expectedVersion ? { version: expectedVersion } : {}),
    ...(wires ? { credentialsVersion: row.credentialsVersion } : {}),
  };
  try {
    const { count } = await ctx.db.connection.updateMany({
      where,
      data: {
        ...given(fields),
        ...wires,
        version: { increment: 1 },
        updatedAt: ctx.now,
      },
    });
    if (count === 0) await explainMissing(ctx, 'Connection', 'connection', { id, companyId, isActive: true });
  } catch (error) {
    throw nameTaken(error);
  }
  if (wires) await driverOf(ctx, row.engine).close(targetKey(row));
  ctx.cache.clear();
  return ctx.db.connection.findUniqueOrThrow({ where: { id } });
}

const USERS_SQL = `select name from (
    select name from "Asset" where ("connectionId" = $1::uuid or "llmConnectionId" = $1::uuid) and "companyId" = $2::uuid and active
    union all select name from "Endpoint" where "connectionId" = $1::uuid and "companyId" = $2::uuid and active
  ) u order by name limit 20`;

/**
 * Deletes a connection (softly) that nothing uses any more.
 * @throws DomainError NOT_FOUND, VERSION_CONFLICT, IN_USE naming up to 20 active assets and endpoints.
 */
export async function deleteConnection(
  ctx: Context,
  input: { id: string; expectedVersion?: number | undefined },
): Promise<void> {
  const { companyId } = viewerOf(ctx);
  const { id, expectedVersion } = input;
  const row = await transaction(ctx, async (tx) => {
    // Locked first: what begins to use it meanwhile locks the same row.
    const [locked] = await tx.query(
      'select 1 from "Connection" where id = $1::uuid and "companyId" = $2::uuid and active for update',
      [id, companyId],
    );
    if (!locked) throw notFound('connection', ['input', 'id']);
    const usedBy = (await tx.query<{ name: string }>(USERS_SQL, [id, companyId])).map(({ name }) => name);
    if (usedBy.length > 0)
      throw new DomainError('IN_USE', `It is still used by ${usedBy.join(', ')}.`, {
        path: ['input', 'id'],
        details: { usedBy },
      });
    const { count } = await tx.db.connection.updateMany({
      where: { id, companyId, active: true, ...(expectedVersion ? { version: expectedVersion } : {}) },
      data: {
        active: false,
        sealedCredentials: null,
        credentialsLastFour: null,
        version: { increment: 1 },
        updatedAt: ctx.now,
      },
    });
    if (count === 0) await explainMissing(tx, 'Connection', 'connection', { id, companyId, isActive: true });
    return tx.db.connection.findUniqueOrThrow({ where: { id }, include: { engine: true } });
  });
  const { driver } = row.engine;
  if (driver && ctx.app.engines.has(driver)) await ctx.app.engines.get(driver).close(targetKey(row));
}
