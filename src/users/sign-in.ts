import { isPublicMail } from '../companies/public-mail.ts';
import { transaction, type Context } from '../context.ts';
import { DomainError, violatedIndex } from '../errors.ts';
import type { Session, User } from '../generated/prisma/client.ts';
import { newId } from '../ids.ts';
import { roleIds } from '../permissions.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import { verifyIdToken, type Identity } from './id-token.ts';

const HOUR_MS = 3_600_000;
const path = ['input', 'idToken'];

/** A session and its token, which is stored nowhere. */
export interface SignIn {
  token: string;
  session: Session;
  user: User;
}

const forbidden = (message: string): DomainError => new DomainError('FORBIDDEN', message, { path });

/** The user that an identity belongs to, locked; null where there is none yet. By subject first: addresses change. */
async function lockUser(ctx: Context, identity: Identity): Promise<User | null> {
  const [row] = await ctx.query<{ id: string }>(
    `select id from "User" where "googleSubject" = $1 or email = $2 order by "googleSubject" = $1 desc nulls last limit 1 for update`,
    [identity.subject, identity.email],
  );
  return row ? ctx.db.user.findUniqueOrThrow({ where: { id: row.id } }) : null;
}

/** A new user of the company whose domain the address has; waits for an administrator. @throws DomainError NOT_FOUND */
async function join(ctx: Context, identity: Identity): Promise<User> {
  const { subject, email, name } = identity;
  const domain = email.slice(email.lastIndexOf('@') + 1);
  const company = isPublicMail(domain) ? null : await ctx.db.company.findUnique({ where: { domain } });
  if (!company) {
    throw new DomainError(
      'NOT_FOUND',
      `No company here has the domain ${domain}: ask an administrator of yours to add you.`,
      { path },
    );
  }
  return ctx.db.user.create({
    data: {
      id: newId(),
      companyId: company.id,
      roleId: roleIds.VIEWER,
      status: 'PENDING',
      name,
      email,
      googleSubject: subject,
    },
  });
}

/** The user an identity belongs to, found, bound or made. */
async function userFor(ctx: Context, identity: Identity): Promise<User> {
  const user = await lockUser(ctx, identity);
  if (!user) return join(ctx, identity);
  if (user.googleSubject === identity.subject || !user.active) return user;
  if (user.googleSubject !== null) throw forbidden('This user signs in with another Google account.');
  return ctx.db.user.update({
    where: { id: user.id },
    data: { googleSubject: identity.subject, updatedAt: ctx.now, version: { increment: 1 } },
  });
}

/** Why a user may not sign in, and what would help. */
function refusalOf(user: User): DomainError {
  if (!user.active) return forbidden('This user was deleted: an administrator of the company can add them again.');
  if (user.status === 'PENDING') return forbidden('An administrator of the company must activate this user first.');
  return forbidden('This user may not sign in any more.');
}

async function openSession(ctx: Context, user: User): Promise<SignIn> {
  const token = newSecret('SESSION');
  const expiresAt = new Date(ctx.now.getTime() + ctx.app.config.SESSION_HOURS * HOUR_MS);
  const data = {
    id: newId(),
    companyId: user.companyId,
    userId: user.id,
    tokenHash: hashSecret(token),
    createdAt: ctx.now,
    expiresAt,
    userAgent: ctx.userAgent,
    issuer: ctx.app.config.GOOGLE_ISSUER,
  };
  return { token, session: await ctx.db.session.create({ data }), user };
}

/**
 * Signs in whom an ID token of Google's names: a known user, or a new one of the company with the domain of their
 * verified address, as VIEWER and PENDING. Only an ACTIVE user gets a session; the others are kept all the same.
 * @throws DomainError UNSUPPORTED, VALIDATION, PLATFORM_FAILED (see `verifyIdToken`), NOT_FOUND without a company,
 * FORBIDDEN for a user who is not ACTIVE.
 */
export async function googleSignIn(ctx: Context, input: { idToken: string; nonce: string }): Promise<SignIn> {
  const identity = await verifyIdToken(ctx, input.idToken, input.nonce);
  // The user is locked until the session is there, so that who is banned meanwhile keeps none.
  const attempt = (): Promise<User | SignIn> =>
    transaction(ctx, async (tx) => {
      const user = await userFor(tx, identity);
      return user.active && user.status === 'ACTIVE' ? openSession(tx, user) : user;
    });
  const result = await attempt().catch((error: unknown) => {
    // Somebody made the same user at the same moment: now they are there.
    if (violatedIndex(error) !== null) return attempt();
    throw error;
  });
  if ('token' in result) return result;
  throw refusalOf(result);
}
