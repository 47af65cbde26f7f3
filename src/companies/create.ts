import type { App } from '../context.ts';
import { openAccounts } from '../credits/journal.ts';
import { queryIn } from '../database/db.ts';
import { DomainError, violatedIndex } from '../errors.ts';
import { newId } from '../ids.ts';
import { roleIds } from '../permissions.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import { isPublicMail } from './public-mail.ts';

/**
 * Makes a company with its first OWNER and a key for them, all or nothing; the key's secret is the answer and is
 * nowhere else. Its domain is that of the address; of an address that anybody may have, its handle until it says one.
 * @throws DomainError CONFLICT for a handle, domain or e-mail address that is taken, VALIDATION for a bad one
 */
export async function createCompany(
  app: App,
  input: { handle: string; email: string; name?: string | undefined },
): Promise<{ secret: string }> {
  const { handle, name = handle } = input;
  const email = input.email.toLowerCase();
  if (!/^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/.test(handle))
    throw new DomainError('VALIDATION', 'A handle has 2 to 63 lower-case letters, digits and hyphens.');
  if (!/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)) throw new DomainError('VALIDATION', 'This is no e-mail address.');
  const mail = email.slice(email.lastIndexOf('@') + 1);
  const secret = newSecret('ANALYTICS');
  const companyId = newId();
  try {
    await app.database.prisma.$transaction(async (tx) => {
      await tx.company.create({ data: { id: companyId, handle, name, domain: isPublicMail(mail) ? handle : mail } });
      const user = await tx.user.create({
        data: {
          id: newId(),
          companyId,
          roleId: roleIds.OWNER,
          status: 'ACTIVE',
          name: email.split('@')[0] ?? email,
          email,
        },
      });
      await tx.apiKey.create({
        data: {
          companyId,
          userId: user.id,
          roleId: roleIds.OWNER,
          kind: 'ANALYTICS',
          name: 'First key',
          secretHash: hashSecret(secret),
          lastFour: secret.slice(-4),
        },
      });
      await openAccounts(queryIn(tx), companyId);
    });
  } catch (error) {
    const index = violatedIndex(error);
    if (index !== null)
      throw new DomainError(
        'CONFLICT',
        `This ${['handle', 'domain', 'email'].find((field) => index.includes(field)) ?? 'value'} is taken.`,
        { cause: error },
      );
    throw error;
  }
  return { secret };
}
