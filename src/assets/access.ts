import { CONNECTED, keepConnection, type Connected } from '../connections/open.ts';
import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { load } from '../lists/loader.ts';
import { rowBy } from '../lists/rows.ts';
import { keepOffer, OFFERED, saleOf, type Offered } from '../prices/loaders.ts';
import type { RunTerms } from '../usage/runs.ts';

/** Which asset: by its id, or by its company's handle and its slug. */
export type AssetLocator = { id: string } | { companyHandle: string; slug: string };

/**
 * The assets a company may run: its own, listed ones, and shared ones it has a grant for. Listing ends with the
 * seller's EULA.
 */
export const RUNNABLE = `t.active and (t."companyId" = k.company
  or (t."sellInMarketplace" and exists (select from "Company" c where c.id = t."companyId" and c."acceptedEula"))
  or (t.visibility = 'SHARED' and exists (select from "Grant" g where g."granteeCompanyId" = k.company and g."assetId" = t.id)))`;

const runnableById = rowBy<Asset & Offered & Connected>('Asset', {
  where: RUNNABLE,
  also: `${OFFERED.asset}, ${CONNECTED}`,
});

/** An asset of the caller's company. @throws DomainError NOT_FOUND on `id` */
export async function demandOwnAsset(ctx: Context, id: string): Promise<Asset> {
  const asset = await ctx.db.asset.findFirst({ where: { id, companyId: viewerOf(ctx).companyId, active: true } });
  if (!asset) throw notFound('asset', ['input', 'id']);
  return asset;
}

/** The id of the product at an address, whoever may see it; null where there is none. */
export async function idAt(
  ctx: Context,
  model: 'Asset' | 'Endpoint',
  { companyHandle, slug }: { companyHandle: string; slug: string },
): Promise<string | null> {
  const [row] = await ctx.query<{ id: string }>(
    `select p.id from "${model}" p join "Company" c on c.id = p."companyId" where c.handle = $1 and p.slug = $2 and p.active`,
    [companyHandle, slug],
  );
  return row?.id ?? null;
}

/** An asset that the caller may run. @throws DomainError NOT_FOUND, the same whether it exists or not. */
export async function findRunnable(ctx: Context, locator: AssetLocator): Promise<Asset> {
  const { companyId } = viewerOf(ctx);
  const id = 'id' in locator ? locator.id : await idAt(ctx, 'Asset', locator);
  const asset = id === null ? null : await load(ctx, runnableById, { company: companyId, id });
  if (!asset) throw notFound('asset', ['input', 'id' in locator ? 'assetId' : 'address']);
  keepOffer(ctx, 'asset', asset);
  keepConnection(ctx, asset);
  return asset;
}

/** @throws DomainError FORBIDDEN where the seller bars the domain of the caller's company, or one above it. */
async function checkDomain(ctx: Context, { restrictedDomains }: Asset): Promise<void> {
  if (restrictedDomains.length === 0) return;
  const { domain } = await ctx.db.company.findUniqueOrThrow({
    where: { id: viewerOf(ctx).companyId },
    select: { domain: true },
  });
  if (!restrictedDomains.some((barred) => `.${domain}`.endsWith(`.${barred.toLowerCase()}`))) return;
  throw new DomainError('FORBIDDEN', `The seller does not let ${domain} use this asset.`, {
    path: ['input', 'assetId'],
  });
}

/**
 * On which terms the caller's company runs an asset now: free where it is its own or costs nothing.
 * @throws DomainError FORBIDDEN, EULA_REQUIRED, NOT_FOR_SALE, PRICE_TOO_HIGH
 */
export async function termsFor(
  ctx: Context,
  asset: Asset,
  parameters: unknown,
  maxCredits: number | null,
): Promise<RunTerms> {
  const viewer = viewerOf(ctx);
  const rateLimit =
    asset.rateLimitNumber && asset.rateLimitPeriod && asset.rateLimitGranularity
      ? { number: asset.rateLimitNumber, period: asset.rateLimitPeriod, granularity: asset.rateLimitGranularity }
      : null;
  const terms: RunTerms = {
    kind: 'PROCESS',
    sellerCompanyId: asset.companyId,
    product: { assetId: asset.id },
    parameters,
    price: null,
    rateLimit,
  };
  if (asset.companyId === viewer.companyId) return { ...terms, rateLimit: null };
  await checkDomain(ctx, asset);
  if (!viewer.acceptedEula)
    throw new DomainError('EULA_REQUIRED', 'Accept the EULA before buying: companyUpdate(input: {acceptEula: true}).');
  const price = await saleOf(ctx, 'asset', asset);
  if (!price)
    throw new DomainError('NOT_FOR_SALE', 'This asset has no price, so nobody can buy it.', {
      path: ['input', 'assetId'],
    });
  if (maxCredits !== null && price.credits > maxCredits) {
    throw new DomainError(
      'PRICE_TOO_HIGH',
      `This costs ${price.credits} credit${price.credits === 1 ? '' : 's'}, more than the ${maxCredits} of maxCredits.`,
      { path: ['input', 'maxCredits'] },
    );
  }
  return { ...terms, price };
}
