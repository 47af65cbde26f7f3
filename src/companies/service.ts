import { explainMissing, given } from '../changes.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError, violatedIndex } from '../errors.ts';
import type { Company, PartnershipType } from '../generated/prisma/client.ts';

export interface CompanyChanges {
  name?: string | undefined;
  description?: string | null | undefined;
  domain?: string | undefined;
  timezone?: string | undefined;
  industryId?: number | null | undefined;
  countryId?: number | null | undefined;
  partnershipType?: PartnershipType | null | undefined;
  acceptEula?: boolean | undefined;
  stripeAccountId?: string | null | undefined;
  expectedVersion?: number | undefined;
}

/** Whether a text names a time zone. */
export function isTimezone(name: string): boolean {
  // PostgreSQL reads offsets such as +02:00 with the sign the other way round.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
}

/**
 * Changes the caller's company.
 * @throws DomainError FORBIDDEN for the EULA and Stripe without the role OWNER, VALIDATION, CONFLICT on `domain`, VERSION_CONFLICT.
 */
export async function updateCompany(ctx: Context, input: CompanyChanges): Promise<Company> {
  const { companyId, permissions } = viewerOf(ctx);
  const { acceptEula, expectedVersion, ...fields } = input;
  const { stripeAccountId } = fields;
  const owners = {
    acceptEula: 'Only an OWNER accepts the EULA.',
    stripeAccountId: 'Only an OWNER says where payouts go.',
  };
  for (const [name, message] of Object.entries(owners)) {
    if (input[name as keyof typeof owners] !== undefined && !permissions.has('company:sign'))
      throw new DomainError('FORBIDDEN', message, { path: ['input', name] });
  }
  if (stripeAccountId && !/^acct_[A-Za-z0-9]{8,64}$/.test(stripeAccountId)) {
    throw new DomainError('VALIDATION', 'A Stripe Connect account looks like acct_1Nv0FGQ9RKHgCVdK.', {
      path: ['input', 'stripeAccountId'],
    });
  }
  if (acceptEula === false)
    throw new DomainError('VALIDATION', 'An accepted EULA cannot be taken back.', { path: ['input', 'acceptEula'] });
  if (fields.timezone && !isTimezone(fields.timezone)) {
    throw new DomainError('VALIDATION', 'No time zone has this name; take one such as Europe/Berlin.', {
      path: ['input', 'timezone'],
    });
  }
  if (fields.domain && !/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/.test(fields.domain)) {
    throw new DomainError('VALIDATION', 'A domain looks like example.com, in lower case.', {
      path: ['input', 'domain'],
    });
  }
  const references = { industryId: fields.industryId, countryId: fields.countryId };
  for (const [name, id] of Object.entries(references)) {
    if (typeof id !== 'number') continue;
    const found =
      name === 'industryId'
        ? await ctx.db.industry.findUnique({ where: { id } })
        : await ctx.db.country.findUnique({ where: { id } });
    if (!found) throw new DomainError('VALIDATION', 'There is nothing by this id.', { path: ['input', name] });
  }
  // What was verified is the former account.
  const isOtherAccount =
    stripeAccountId !== undefined && (await ctx.db.company.count({ where: { id: companyId, stripeAccountId } })) === 0;
  try {
    const { count } = await ctx.db.company.updateMany({
      where: { id: companyId, ...(expectedVersion ? { version: expectedVersion } : {}) },
      data: {
        ...given(fields),
        ...(acceptEula ? { acceptedEula: true } : {}),
        ...(isOtherAccount ? { stripeAccountStatus: stripeAccountId && 'pending' } : {}),
        version: { increment: 1 },
        updatedAt: ctx.now,
      },
    });
    if (count === 0) await explainMissing(ctx, 'Company', 'company', { id: companyId, companyId });
  } catch (error) {
    if (violatedIndex(error)?.includes('domain')) {
      throw new DomainError('CONFLICT', 'Another company has this domain.', {
        path: ['input', 'domain'],
        cause: error,
      });
    }
    throw error;
  }
  ctx.cache.clear();
  return ctx.db.company.findUniqueOrThrow({ where: { id: companyId } });
}
