import { explainMissing, given } from '../changes.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError, throwAll, violatedIndex, type ErrorCode } from '../errors.ts';
import type { Company, PartnershipType } from '../generated/prisma/client.ts';
import { isPublicMail } from './public-mail.ts';

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

const ACCOUNT = /^acct_[A-Za-z0-9]{8,64}$/;
const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;
export const NO_TIMEZONE = 'No time zone has this name; take one such as Europe/Berlin.';

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

/** All that is wrong with changes, a mistake each. */
async function mistakesIn(ctx: Context, input: CompanyChanges): Promise<DomainError[]> {
  const { acceptEula, stripeAccountId, timezone, domain, industryId, countryId } = input;
  const maySign = viewerOf(ctx).permissions.has('company:sign');
  const [industry, country] = await Promise.all([
    typeof industryId === 'number' ? ctx.db.industry.count({ where: { id: industryId } }) : 1,
    typeof countryId === 'number' ? ctx.db.country.count({ where: { id: countryId } }) : 1,
  ]);
  const wrong: [keyof CompanyChanges, boolean, ErrorCode, string][] = [
    ['acceptEula', acceptEula !== undefined && !maySign, 'FORBIDDEN', 'Only an OWNER accepts the EULA.'],
    ['acceptEula', acceptEula === false && maySign, 'VALIDATION', 'An accepted EULA cannot be taken back.'],
    ['stripeAccountId', stripeAccountId !== undefined && !maySign, 'FORBIDDEN', 'Only an OWNER says where payouts go.'],
    [
      'stripeAccountId',
      Boolean(stripeAccountId) && maySign && !ACCOUNT.test(stripeAccountId as string),
      'VALIDATION',
      'A Stripe Connect account looks like acct_1Nv0FGQ9RKHgCVdK.',
    ],
    ['timezone', timezone !== undefined && !isTimezone(timezone), 'VALIDATION', NO_TIMEZONE],
    [
      'domain',
      domain !== undefined && !DOMAIN.test(domain),
      'VALIDATION',
      'A domain looks like example.com, in lower case.',
    ],
    [
      'domain',
      domain !== undefined && isPublicMail(domain),
      'VALIDATION',
      'Everybody may have an address there: take a domain of your own.',
    ],
    ['industryId', industry === 0, 'NOT_FOUND', 'No such industry.'],
    ['countryId', country === 0, 'NOT_FOUND', 'No such country.'],
  ];
  return wrong.flatMap(([field, isWrong, code, message]) =>
    isWrong ? [new DomainError(code, message, { path: ['input', field] })] : [],
  );
}

/**
 * Changes the caller's company.
 * @throws DomainError FORBIDDEN for the EULA and Stripe without the role OWNER, VALIDATION, NOT_FOUND on `industryId` and
 * `countryId`, CONFLICT on `domain`, VERSION_CONFLICT.
 */
export async function updateCompany(ctx: Context, input: CompanyChanges): Promise<Company> {
  const { companyId } = viewerOf(ctx);
  const { acceptEula, expectedVersion, ...fields } = input;
  const { stripeAccountId } = fields;
  throwAll(await mistakesIn(ctx, input));
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
