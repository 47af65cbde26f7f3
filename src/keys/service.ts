import { explainMissing, given } from '../changes.ts';
import { transaction, viewerOf, type Context } from '../context.ts';
import { DomainError, DomainErrors, notFound } from '../errors.ts';
import type { ApiKey, KeyKind, Prisma, RateLimitPeriod } from '../generated/prisma/client.ts';
import {
  excessOf,
  lackOf,
  permissionNames,
  permissionsOf,
  permissionsWithin,
  roleIds,
  roleName,
  type Permission,
  type RoleName,
} from '../permissions.ts';
import { hashSecret, newSecret } from '../secrets.ts';

/** Requests within a period. */
export interface KeyRateLimit {
  number: number;
  period: RateLimitPeriod;
}

export interface KeyInput {
  name: string;
  kind: KeyKind;
  role: RoleName;
  endpointId: string | null;
  mcpDeploymentId: string | null;
  expiresAt: Date | null;
  rateLimit: KeyRateLimit | null;
  /** Permissions of the role that it has; null for all of them. */
  scopes: string[] | null;
}

export interface KeyChanges {
  id: number;
  name?: string | undefined;
  role?: RoleName | undefined;
  scopes?: string[] | null | undefined;
  expiresAt?: Date | null | undefined;
  rateLimit?: KeyRateLimit | null | undefined;
  expectedVersion?: number | undefined;
}

/** A key and its secret, which is stored nowhere. */
export interface IssuedKey {
  apiKey: ApiKey;
  secret: string;
}

const invalid = (message: string, field: string): DomainError =>
  new DomainError('VALIDATION', message, { path: ['input', field] });

/** Keys of an endpoint are an editor's business, all others an administrator's. @throws DomainError FORBIDDEN */
function demandKind(ctx: Context, kind: KeyKind, field: string): void {
  const { permissions, role } = viewerOf(ctx);
  if (kind === 'ENDPOINT' || permissions.has('keys:write')) return;
  const message = `Only keys of endpoints need less. ${lackOf('keys:write', { role })}`;
  throw new DomainError('FORBIDDEN', message, { path: ['input', field] });
}

/** Nobody hands out, or gets hold of, a key that may more than they may. @throws DomainError FORBIDDEN */
export function demandPower(ctx: Context, key: { roleId: number; scopes: readonly string[] }, field: string): void {
  const role = roleName(key.roleId);
  const excess = excessOf(viewerOf(ctx).permissions, permissionsWithin(role, key.scopes));
  if (excess.length === 0) return;
  const message = `A key with the role ${role} may more than you: ${excess.join(', ')}.`;
  throw new DomainError('FORBIDDEN', message, { path: ['input', field] });
}

/** The scopes of a key as they are stored, each once. @throws DomainErrors VALIDATION for each that its role does not have. */
function scopesOf(role: RoleName, scopes: readonly string[] | null): string[] {
  if (scopes === null) return [];
  if (scopes.length === 0) throw invalid('Takes at least one; null gives all that the role has.', 'scopes');
  const has = permissionsOf[role];
  const wrong = scopes.flatMap((scope, i) => {
    if (has.has(scope as Permission)) return [];
    const message = permissionNames.includes(scope as Permission)
      ? `The role ${role} does not have ${scope}.`
      : `There is no such permission; the role ${role} has ${[...has].join(', ')}.`;
    return [new DomainError('VALIDATION', message, { path: ['input', 'scopes', String(i)] })];
  });
  if (wrong.length > 0) throw new DomainErrors(wrong);
  return [...new Set(scopes)];
}

function checkExpiry(ctx: Context, expiresAt: Date | null | undefined): void {
  if (expiresAt && expiresAt <= ctx.now) throw invalid('A key ends in the future.', 'expiresAt');
}

/**
 * The endpoints whose rows a company may get a key for: its own, listed ones, and shared ones it has a grant for.
 * $1 is the endpoint, $2 the company. Locked, so that it is not deleted meanwhile.
 */
const KEYABLE_SQL = `select 1 from "Endpoint" t where t.id = $1::uuid and t.active and (t."companyId" = $2::uuid
    or (t."sellInMarketplace" and exists (select from "Company" c where c.id = t."companyId" and c."acceptedEula"))
    or (t.visibility = 'SHARED' and exists (select from "Grant" g where g."granteeCompanyId" = $2::uuid and g."endpointId" = t.id)))
  for share of t`;

/** A fresh secret and what is stored of it. */
export function freshSecret(kind: KeyKind): {
  secret: string;
  stored: { secretHash: Buffer<ArrayBuffer>; lastFour: string };
} {
  const secret = newSecret(kind);
  return { secret, stored: { secretHash: hashSecret(secret), lastFour: secret.slice(-4) } };
}

/**
 * Makes a key of the caller's company, owned by the caller.
 * @throws DomainError FORBIDDEN on `kind` or `role`, VALIDATION, NOT_FOUND on `endpointId`.
 */
export async function createKey(ctx: Context, input: KeyInput): Promise<IssuedKey> {
  const { companyId, userId } = viewerOf(ctx);
  const { name, kind, role, endpointId, mcpDeploymentId, expiresAt, rateLimit } = input;
  demandKind(ctx, kind, 'kind');
  if (kind === 'ENDPOINT' && input.scopes)
    throw invalid('A key of the kind ENDPOINT only fetches rows: it takes no scopes.', 'scopes');
  const scopes = scopesOf(role, input.scopes);
  demandPower(ctx, { roleId: roleIds[role], scopes }, 'role');
  checkExpiry(ctx, expiresAt);
  if (kind === 'ENDPOINT' && !endpointId)
    throw invalid('A key of the kind ENDPOINT takes the endpoint it is for.', 'endpointId');
  if (kind !== 'ENDPOINT' && endpointId)
    throw invalid('Only a key of the kind ENDPOINT takes an endpoint.', 'endpointId');
  if (kind !== 'MCP' && mcpDeploymentId)
    throw invalid('Only a key of the kind MCP takes a deployment.', 'mcpDeploymentId');
  const { secret, stored } = freshSecret(kind);
  const apiKey = await transaction(ctx, async (tx) => {
    if (endpointId) {
      const [found] = await tx.query(KEYABLE_SQL, [endpointId, companyId]);
      if (!found) throw notFound('endpoint', ['input', 'endpointId']);
    }
    return tx.db.apiKey.create({
      data: {
        companyId,
        userId,
        name,
        kind,
        roleId: roleIds[role],
        endpointId,
        mcpDeploymentId,
        expiresAt,
        rateLimitNumber: rateLimit?.number ?? null,
        rateLimitPeriod: rateLimit?.period ?? null,
        scopes,
        ...stored,
      },
    });
  });
  return { apiKey, secret };
}

/** A key of the caller's company that the caller may manage. @throws DomainError NOT_FOUND, or FORBIDDEN by its kind. */
export async function getManagedKey(ctx: Context, id: number): Promise<ApiKey> {
  const key = await ctx.db.apiKey.findFirst({ where: { id, companyId: viewerOf(ctx).companyId, active: true } });
  if (!key) throw notFound('API key', ['input', 'id']);
  demandKind(ctx, key.kind, 'id');
  return key;
}

/** Why a guarded write met no key. @throws DomainError CONFLICT for a key that has ended or was replaced, NOT_FOUND, VERSION_CONFLICT. */
export async function explainKey(ctx: Context, id: number): Promise<never> {
  const { companyId } = viewerOf(ctx);
  const key = await ctx.db.apiKey.findFirst({ where: { id, companyId, active: true } });
  const conflict = (message: string): DomainError => new DomainError('CONFLICT', message, { path: ['input', 'id'] });
  if (key?.revokedAt) throw conflict('This key was revoked already.');
  if (key?.replacedById) throw conflict('This key was replaced by another already.');
  return explainMissing(ctx, 'ApiKey', 'API key', { id, companyId, isActive: true });
}

interface Change {
  id: number;
  expectedVersion?: number | undefined;
}

async function write(
  ctx: Context,
  { id, expectedVersion }: Change,
  data: Prisma.ApiKeyUncheckedUpdateManyInput,
  guard: Prisma.ApiKeyWhereInput,
): Promise<ApiKey> {
  const { companyId } = viewerOf(ctx);
  const { count } = await ctx.db.apiKey.updateMany({
    where: { id, companyId, active: true, ...(expectedVersion ? { version: expectedVersion } : {}), ...guard },
    data: { ...data, version: { increment: 1 }, updatedAt: ctx.now },
  });
  if (count === 0) await explainKey(ctx, id);
  ctx.cache.clear();
  return ctx.db.apiKey.findUniqueOrThrow({ where: { id } });
}

/** What a changed key would be stored with. @throws DomainError VALIDATION, FORBIDDEN where it would have more than the caller. */
function powerOf(ctx: Context, key: ApiKey, input: KeyChanges): { roleId: number; scopes: string[] } {
  if (key.kind === 'ENDPOINT')
    throw invalid(
      'A key of the kind ENDPOINT only fetches rows, whatever its role.',
      input.scopes === undefined ? 'role' : 'scopes',
    );
  const role = input.role ?? roleName(key.roleId);
  // Scopes that are kept are checked against a new role, too.
  const kept = key.scopes.length > 0 ? key.scopes : null;
  const power = { roleId: roleIds[role], scopes: scopesOf(role, input.scopes === undefined ? kept : input.scopes) };
  demandPower(ctx, power, input.role === undefined ? 'scopes' : 'role');
  return power;
}

/**
 * Changes what is known of a key and what it may; its secret and kind stay. A key that was replaced keeps its end.
 * @throws DomainError NOT_FOUND, FORBIDDEN, VALIDATION, CONFLICT for a revoked key, VERSION_CONFLICT.
 */
export async function updateKey(ctx: Context, input: KeyChanges): Promise<ApiKey> {
  const { name, expiresAt, rateLimit, role } = input;
  const key = await getManagedKey(ctx, input.id);
  demandPower(ctx, key, 'id');
  checkExpiry(ctx, expiresAt);
  const limit =
    rateLimit === undefined
      ? {}
      : { rateLimitNumber: rateLimit?.number ?? null, rateLimitPeriod: rateLimit?.period ?? null };
  const power = role === undefined && input.scopes === undefined ? null : powerOf(ctx, key, input);
  const guard = { revokedAt: null, ...(expiresAt === undefined ? {} : { replacedById: null }) };
  // What a key may is judged by what was read, so that has to be what is written over.
  const change = power ? { ...input, expectedVersion: input.expectedVersion ?? key.version } : input;
  return write(ctx, change, { ...given({ name, expiresAt }), ...limit, ...power }, guard);
}

/**
 * Deletes a key softly: it stops working at once and is listed no more. What it did stays in the statistics.
 * @throws DomainError NOT_FOUND, FORBIDDEN, VERSION_CONFLICT.
 */
export async function deactivateKey(ctx: Context, input: Change): Promise<ApiKey> {
  await getManagedKey(ctx, input.id);
  return write(ctx, input, { active: false }, {});
}

/**
 * Ends a key at once and keeps why; it stays in the list.
 * @throws DomainError NOT_FOUND, FORBIDDEN, CONFLICT where it was revoked before, VERSION_CONFLICT.
 */
export async function revokeKey(ctx: Context, input: Change & { reason: string; metadata: unknown }): Promise<ApiKey> {
  await getManagedKey(ctx, input.id);
  const metadata = input.metadata ? { revocationMetadata: input.metadata as Prisma.InputJsonValue } : {};
  return write(ctx, input, { revokedAt: ctx.now, revocationReason: input.reason, ...metadata }, { revokedAt: null });
}
