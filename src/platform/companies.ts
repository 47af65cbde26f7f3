import { afterCommit, transaction, viewerOf, type Context } from '../context.ts';
import { grantCredits, openAccounts } from '../credits/journal.ts';
import { DomainError, notFound } from '../errors.ts';

/** What a company's balance holds at most: the column is a 32-bit integer. */
const MAX_BALANCE = 2_147_483_647;

const noCompany = (): DomainError => notFound('company', ['input', 'companyHandle']);

function record(ctx: Context, change: Record<string, unknown>): Promise<void> {
  const { userId, apiKeyId } = viewerOf(ctx);
  return afterCommit(ctx, async () =>
    ctx.log.info({ operator: userId, apiKeyId, ...change }, 'an operator changed a company'),
  );
}

/**
 * Gives a company credits through the journal, all or nothing. `note` stays in the journal.
 * @throws DomainError NOT_FOUND on `companyHandle`, VALIDATION on `credits` for more than a balance can hold
 */
export async function grantToCompany(
  ctx: Context,
  input: { companyHandle: string; credits: number; note: string },
): Promise<void> {
  const { companyHandle, credits, note } = input;
  await transaction(ctx, async (tx) => {
    // Locked, so that the balance that is checked is the one that grows.
    const [company] = await tx.query<{ id: string; balance: number }>(
      'select id::text, "creditsBalance" as balance from "Company" where handle = $1 for update',
      [companyHandle],
    );
    if (!company) throw noCompany();
    if (company.balance + credits > MAX_BALANCE)
      throw new DomainError('VALIDATION', 'The company would have more credits than a balance can hold.', {
        path: ['input', 'credits'],
      });
    await openAccounts(tx.query, company.id);
    await grantCredits(tx.query, company.id, credits, note);
  });
  await record(ctx, { companyHandle, credits, note });
}

/** Sets a company's share of its sales; null for the usual one. @throws DomainError NOT_FOUND on `companyHandle` */
export async function setShare(
  ctx: Context,
  { companyHandle, vendorShare }: { companyHandle: string; vendorShare: string | null },
): Promise<void> {
  const { count } = await ctx.db.company.updateMany({
    where: { handle: companyHandle },
    data: { vendorSharePercent: vendorShare, version: { increment: 1 }, updatedAt: ctx.now },
  });
  if (count === 0) throw noCompany();
  ctx.cache.clear();
  await record(ctx, { companyHandle, vendorShare });
}

/** Puts a company on a plan, at once. @throws DomainError NOT_FOUND on `planCode` or `companyHandle` */
export async function setPlan(
  ctx: Context,
  { companyHandle, planCode }: { companyHandle: string; planCode: string },
): Promise<void> {
  const plan = await ctx.db.plan.findFirst({ where: { code: planCode }, select: { id: true } });
  if (!plan) throw notFound('plan', ['input', 'planCode']);
  const { count } = await ctx.db.company.updateMany({
    where: { handle: companyHandle },
    data: { planId: plan.id, version: { increment: 1 }, updatedAt: ctx.now },
  });
  if (count === 0) throw noCompany();
  ctx.cache.clear();
  await record(ctx, { companyHandle, planCode });
}
