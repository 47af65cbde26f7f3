import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Session } from '../generated/prisma/client.ts';

/** Whether the caller may see and end the sessions of all users of the company. */
const mayOversee = (ctx: Context): boolean => viewerOf(ctx).permissions.has('users:write');

/** The user behind the caller; an endpoint key speaks for nobody. @throws DomainError FORBIDDEN where there is none. */
export function ownUserId(ctx: Context): string {
  const { userId, endpointId } = viewerOf(ctx);
  if (userId === null || endpointId !== null) {
    throw new DomainError('FORBIDDEN', 'Sessions belong to people, and your API key speaks for no user.');
  }
  return userId;
}

/** @throws DomainError FORBIDDEN where the caller is neither that user nor an administrator. */
export function demandSessionsOf(ctx: Context, userId: string): void {
  if (mayOversee(ctx) || ownUserId(ctx) === userId) return;
  throw new DomainError('FORBIDDEN', 'Only they themselves and administrators see the sessions of a user.');
}

/** Whether the caller may see a session: their own, or any of the company for an administrator. */
export function maySeeSession(ctx: Context, session: { userId: string }): boolean {
  const viewer = ctx.viewer;
  if (!viewer || viewer.endpointId !== null) return false;
  return viewer.permissions.has('users:write') || viewer.userId === session.userId;
}

/** Ends all sessions and keys of a user, in the caller's transaction; every process is told when it commits. */
export async function endCredentials(ctx: Context, userId: string, reason: string): Promise<void> {
  const { companyId } = viewerOf(ctx);
  await ctx.db.session.updateMany({ where: { userId, companyId, revokedAt: null }, data: { revokedAt: ctx.now } });
  await ctx.db.apiKey.updateMany({
    where: { userId, companyId, revokedAt: null },
    data: { revokedAt: ctx.now, revocationReason: reason, version: { increment: 1 }, updatedAt: ctx.now },
  });
}

/**
 * Ends one session: the caller's own, or any of the company for an administrator. One that has ended stays as it is.
 * @throws DomainError NOT_FOUND, FORBIDDEN for a key that speaks for no user.
 */
export async function revokeSession(ctx: Context, id: string): Promise<Session> {
  const where = { id, companyId: viewerOf(ctx).companyId, ...(mayOversee(ctx) ? {} : { userId: ownUserId(ctx) }) };
  await ctx.db.session.updateMany({ where: { ...where, revokedAt: null }, data: { revokedAt: ctx.now } });
  const session = await ctx.db.session.findFirst({ where });
  if (!session) throw notFound('session', ['input', 'id']);
  ctx.cache.clear();
  return session;
}

/**
 * Ends all sessions of the caller's user, the present one too unless it is kept. Answers how many it ended.
 * @throws DomainError FORBIDDEN for a key that speaks for no user.
 */
export async function logout(ctx: Context, input: { isCurrentKept: boolean }): Promise<{ endedCount: number }> {
  const { companyId, sessionId } = viewerOf(ctx);
  const kept = input.isCurrentKept && sessionId ? { id: { not: sessionId } } : {};
  const { count } = await ctx.db.session.updateMany({
    where: { userId: ownUserId(ctx), companyId, ...kept, revokedAt: null, expiresAt: { gt: ctx.now } },
    data: { revokedAt: ctx.now },
  });
  ctx.cache.clear();
  return { endedCount: count };
}
