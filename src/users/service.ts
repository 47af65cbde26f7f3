import { explainMissing, given } from '../changes.ts';
import { isTimezone, NO_TIMEZONE } from '../companies/service.ts';
import { transaction, viewerOf, type Context } from '../context.ts';
import { DomainError, notFound, throwAll, violatedIndex } from '../errors.ts';
import type { User, UserStatus } from '../generated/prisma/client.ts';
import { newId } from '../ids.ts';
import { roleIds, roleName, type RoleName } from '../permissions.ts';
import { endCredentials } from './sessions.ts';

export interface UserInput {
  name: string;
  email: string;
  role: RoleName;
  status: UserStatus;
  timezone: string;
  jobFunctionId: number | null;
  hasOptedOutOfMarketing: boolean;
}

export interface UserChanges {
  id: string;
  name?: string | undefined;
  role?: RoleName | undefined;
  status?: UserStatus | undefined;
  timezone?: string | undefined;
  jobFunctionId?: number | null | undefined;
  hasOptedOutOfMarketing?: boolean | undefined;
  expectedVersion?: number | undefined;
}

type LockedUser = Pick<User, 'id' | 'roleId' | 'status' | 'active'>;

/** Roles whose holders only an OWNER adds, promotes, suspends or deletes. */
const privileged: readonly RoleName[] = ['OWNER', 'ADMIN', 'OPERATOR'];
/** Statuses that end all sessions and keys of a user for good. */
const ending: readonly UserStatus[] = ['INACTIVE', 'BANNED'];

const forbidden = (message: string, field: string): DomainError =>
  new DomainError('FORBIDDEN', message, { path: ['input', field] });

/** Why the caller may not give this role to anybody; null where they may. */
function refusalOfRole(ctx: Context, role: RoleName): DomainError | null {
  if (role === 'OPERATOR') return forbidden('The role OPERATOR is not given by companies.', 'role');
  if (!privileged.includes(role) || viewerOf(ctx).permissions.has('admins:write')) return null;
  return forbidden(`Only an OWNER gives the role ${role}.`, 'role');
}

/** What is wrong with what a user refers to, a mistake each. */
async function mistakesIn(
  ctx: Context,
  input: { timezone?: string | undefined; jobFunctionId?: number | null | undefined },
): Promise<DomainError[]> {
  const { timezone, jobFunctionId: id } = input;
  const isOther = timezone !== undefined && !isTimezone(timezone);
  const isMissing = typeof id === 'number' && (await ctx.db.jobFunction.count({ where: { id } })) === 0;
  return [
    ...(isOther ? [new DomainError('VALIDATION', NO_TIMEZONE, { path: ['input', 'timezone'] })] : []),
    ...(isMissing ? [notFound('job function', ['input', 'jobFunctionId'])] : []),
  ];
}

/**
 * Adds a user to the caller's company. One who was deleted from it comes back, with what they made.
 * @throws DomainError FORBIDDEN on `role`, VALIDATION, NOT_FOUND on `jobFunctionId`, CONFLICT on `email`.
 */
export async function createUser(ctx: Context, input: UserInput): Promise<User> {
  const { companyId } = viewerOf(ctx);
  const { name, email, role, status, timezone, jobFunctionId, hasOptedOutOfMarketing } = input;
  throwAll([refusalOfRole(ctx, role), await mistakesIn(ctx, input)].flat().filter((mistake) => mistake !== null));
  const data = {
    name,
    status,
    timezone,
    roleId: roleIds[role],
    functionId: jobFunctionId,
    marketingOptOut: hasOptedOutOfMarketing,
    active: true,
  };
  const { count } = await ctx.db.user.updateMany({
    where: { email, companyId, active: false },
    // Whoever has the address now signs in anew, perhaps with another Google account.
    data: { ...data, googleSubject: null, version: { increment: 1 }, updatedAt: ctx.now },
  });
  if (count > 0) {
    ctx.cache.clear();
    return ctx.db.user.findUniqueOrThrow({ where: { email } });
  }
  try {
    return await ctx.db.user.create({ data: { id: newId(), companyId, email, ...data } });
  } catch (error) {
    if (violatedIndex(error)?.includes('email')) {
      throw new DomainError('CONFLICT', 'Another user has this e-mail address.', {
        path: ['input', 'email'],
        cause: error,
      });
    }
    throw error;
  }
}

/**
 * Locks a user together with all active owners of the company, in one order, so that of two changes at once the
 * second sees what the first left. @throws DomainError NOT_FOUND
 */
async function lockUser(ctx: Context, id: string): Promise<{ user: LockedUser; isLastOwner: boolean }> {
  const rows = await ctx.query<LockedUser>(
    `select id, "roleId", status::text, active from "User" where "companyId" = $2::uuid and active
       and (id = $1::uuid or ("roleId" = ${roleIds.OWNER} and status = 'ACTIVE')) order by id for update`,
    [id, viewerOf(ctx).companyId],
  );
  const user = rows.find((row) => row.id === id);
  if (!user) throw notFound('user', ['input', 'id']);
  const isOwner = (row: LockedUser): boolean => row.roleId === roleIds.OWNER && row.status === 'ACTIVE';
  return { user, isLastOwner: isOwner(user) && rows.filter(isOwner).length === 1 };
}

/** @throws DomainError FORBIDDEN where only an OWNER may change the role or status of this user. */
function demandPower(ctx: Context, user: LockedUser): void {
  const role = roleName(user.roleId);
  if (privileged.includes(role) && !viewerOf(ctx).permissions.has('admins:write')) {
    throw forbidden(`Only an OWNER does this to a user with the role ${role}.`, 'id');
  }
}

const lastOwner = (): DomainError =>
  new DomainError('IN_USE', 'This is the last active OWNER: make another user OWNER first.', { path: ['input', 'id'] });

/**
 * Changes a user of the caller's company. INACTIVE and BANNED end all their sessions and keys, all or nothing.
 * @throws DomainError NOT_FOUND, FORBIDDEN on `role` or `id`, IN_USE for the last active OWNER, VALIDATION, VERSION_CONFLICT.
 */
export async function updateUser(ctx: Context, input: UserChanges): Promise<User> {
  const { companyId } = viewerOf(ctx);
  const { id, role, status, name, timezone, jobFunctionId, hasOptedOutOfMarketing, expectedVersion } = input;
  throwAll(await mistakesIn(ctx, input));
  return transaction(ctx, async (tx) => {
    const { user, isLastOwner } = await lockUser(tx, id);
    const isOtherRole = role !== undefined && roleIds[role] !== user.roleId;
    const isOtherStatus = status !== undefined && status !== user.status;
    if (isOtherRole || isOtherStatus) demandPower(tx, user);
    if (isOtherRole) throwAll([refusalOfRole(tx, role)].filter((mistake) => mistake !== null));
    if (isLastOwner && (isOtherRole || isOtherStatus)) throw lastOwner();
    const { count } = await tx.db.user.updateMany({
      where: { id, companyId, active: true, ...(expectedVersion ? { version: expectedVersion } : {}) },
      data: {
        ...given({ name, status, timezone, functionId: jobFunctionId, marketingOptOut: hasOptedOutOfMarketing }),
        ...(role === undefined ? {} : { roleId: roleIds[role] }),
        version: { increment: 1 },
        updatedAt: tx.now,
      },
    });
    if (count === 0) await explainMissing(tx, 'User', 'user', { id, companyId, isActive: true });
    if (status && ending.includes(status)) await endCredentials(tx, id, `Its owner became ${status}.`);
    return tx.db.user.findUniqueOrThrow({ where: { id } });
  });
}

/**
 * Deletes a user softly and ends all their sessions and keys, all or nothing. What they made stays.
 * @throws DomainError NOT_FOUND, FORBIDDEN for oneself or by role, IN_USE for the last active OWNER, VERSION_CONFLICT.
 */
export async function deleteUser(
  ctx: Context,
  input: { id: string; expectedVersion?: number | undefined },
): Promise<User> {
  const { companyId, userId } = viewerOf(ctx);
  const { id, expectedVersion } = input;
  return transaction(ctx, async (tx) => {
    const { user, isLastOwner } = await lockUser(tx, id);
    demandPower(tx, user);
    if (isLastOwner) throw lastOwner();
    if (id === userId) throw forbidden('Nobody deletes themselves: another administrator can.', 'id');
    const { count } = await tx.db.user.updateMany({
      where: { id, companyId, active: true, ...(expectedVersion ? { version: expectedVersion } : {}) },
      data: { active: false, version: { increment: 1 }, updatedAt: tx.now },
    });
    if (count === 0) await explainMissing(tx, 'User', 'user', { id, companyId, isActive: true });
    await endCredentials(tx, id, 'Its owner was deleted.');
    return tx.db.user.findUniqueOrThrow({ where: { id } });
  });
}
