import { transaction, viewerOf, type Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { ApiKey } from '../generated/prisma/client.ts';
import { demandPower, explainKey, freshSecret, getManagedKey, type IssuedKey } from './service.ts';

const HOUR_MS = 3_600_000;

/**
 * Puts a new key in the place of another: it may the same, has its name, owner, limits and end. The old one works
 * for `overlapHours` more, never longer than it would have.
 * @throws DomainError NOT_FOUND, FORBIDDEN for a key that may more than the caller, CONFLICT where it was revoked,
 * has expired or was replaced before, VERSION_CONFLICT.
 */
export async function rotateKey(
  ctx: Context,
  input: { id: number; overlapHours: number; expectedVersion?: number | undefined },
): Promise<IssuedKey & { replaced: ApiKey }> {
  const { companyId } = viewerOf(ctx);
  const { id, overlapHours, expectedVersion } = input;
  return transaction(ctx, async (tx) => {
    const old = await getManagedKey(tx, id);
    demandPower(tx, old, 'id');
    if (old.expiresAt && old.expiresAt <= tx.now && !old.revokedAt && !old.replacedById) {
      throw new DomainError('CONFLICT', 'This key has expired: make a new one.', { path: ['input', 'id'] });
    }
    const {
      userId,
      roleId,
      kind,
      endpointId,
      mcpDeploymentId,
      isSystemGenerated,
      name,
      expiresAt,
      rateLimitNumber,
      rateLimitPeriod,
      scopes,
    } = old;
    const { secret, stored } = freshSecret(kind);
    const apiKey = await tx.db.apiKey.create({
      data: {
        companyId,
        userId,
        roleId,
        kind,
        endpointId,
        mcpDeploymentId,
        isSystemGenerated,
        name,
        expiresAt,
        rateLimitNumber,
        rateLimitPeriod,
        scopes,
        ...stored,
      },
    });
    const end = new Date(tx.now.getTime() + overlapHours * HOUR_MS);
    const { count } = await tx.db.apiKey.updateMany({
      where: {
        id,
        companyId,
        active: true,
        revokedAt: null,
        replacedById: null,
        ...(expectedVersion ? { version: expectedVersion } : {}),
      },
      data: {
        expiresAt: expiresAt && expiresAt < end ? expiresAt : end,
        replacedById: apiKey.id,
        version: { increment: 1 },
        updatedAt: tx.now,
      },
    });
    if (count === 0) await explainKey(tx, id);
    return { apiKey, secret, replaced: await tx.db.apiKey.findUniqueOrThrow({ where: { id } }) };
  });
}
