import { idAt } from '../assets/access.ts';
import { CONNECTED, keepConnection, type Connected } from '../connections/open.ts';
import { isNobody, viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Endpoint } from '../generated/prisma/client.ts';
import { toGlobalId } from '../ids.ts';
import { load } from '../lists/loader.ts';
import { lackOf } from '../permissions.ts';
import { keepOffer, OFFERED, saleOf, type Offered } from '../prices/loaders.ts';
import { rowBy } from '../lists/rows.ts';
import type { RunTerms } from '../usage/runs.ts';
import { hasAddress, hasEmail } from './whitelist.ts';

/** Which endpoint: by its id, or by its company's handle and its slug. */
export type EndpointLocator = { id: string } | { companyHandle: string; slug: string };

/** Endpoints that a company may fetch from: its own, listed ones, and shared ones it has a grant for. */
export const FETCHABLE = `t.active and (t."companyId" = k.company
  or (t."sellInMarketplace" and exists (select from "Company" c where c.id = t."companyId" and c."acceptedEula"))
  or (t.visibility = 'SHARED' and exists (select from "Grant" g where g."granteeCompanyId" = k.company and g."endpointId" = t.id)))`;

const fetchableById = rowBy<Endpoint & Offered & Connected>('Endpoint', {
  where: FETCHABLE,
  also: `${OFFERED.endpoint}, ${CONNECTED}`,
});

const PATH = ['input', 'endpointId'];

/** An endpoint of the caller's company. @throws DomainError NOT_FOUND on `id` */
export async function demandOwnEndpoint(ctx: Context, id: string): Promise<Endpoint> {
  const endpoint = await ctx.db.endpoint.findFirst({ where: { id, companyId: viewerOf(ctx).companyId, active: true } });
  if (!endpoint) throw notFound('endpoint', ['input', 'id']);
  return endpoint;
}

/**
 * An endpoint that the caller may fetch from; an endpoint key reaches its own endpoint alone.
 * @throws DomainError FORBIDDEN without the permission, NOT_FOUND, the same whether it exists or not.
 */
export async function findFetchable(ctx: Context, locator: EndpointLocator): Promise<Endpoint> {
  const viewer = viewerOf(ctx);
  if (viewer.endpointId === null && !viewer.permissions.has('products:run')) {
    throw new DomainError('FORBIDDEN', lackOf('products:run', viewer));
  }
  const id = 'id' in locator ? locator.id : await idAt(ctx, 'Endpoint', locator);
  if (id === null || (viewer.endpointId !== null && viewer.endpointId !== id)) throw notFound('endpoint', PATH);
  const endpoint = await load(ctx, fetchableById, { company: viewer.companyId, id });
  if (!endpoint) throw notFound('endpoint', PATH);
  keepOffer(ctx, 'endpoint', endpoint);
  keepConnection(ctx, endpoint);
  return endpoint;
}

/**
 * Lets in whom the endpoint's access method lets in. Its own company always; with OPEN and API_KEY everybody who has
 * come this far with a credential.
 * @throws DomainError FORBIDDEN
 */
export async function checkAccess(ctx: Context, endpoint: Endpoint): Promise<void> {
  const viewer = viewerOf(ctx);
  const { accessMethod, accessWhitelist, companyId } = endpoint;
  if (companyId === viewer.companyId || accessMethod === 'OPEN' || accessMethod === 'API_KEY') return;
  const refuse = (what: string): DomainError =>
    new DomainError('FORBIDDEN', `This endpoint is open to certain ${what} alone, and yours is not among them.`, {
      path: PATH,
    });
  if (accessMethod === 'IP') {
    if (!hasAddress(accessWhitelist, ctx.clientAddress)) throw refuse('addresses');
    return;
  }
  const user = viewer.userId
    ? await ctx.db.user.findFirst({
        where: { id: viewer.userId, companyId: viewer.companyId, active: true },
        select: { email: true },
      })
    : null;
  if (!user || !hasEmail(accessMethod, accessWhitelist, user.email))
    throw refuse(accessMethod === 'EMAIL' ? 'e-mail addresses' : 'e-mail domains');
}

/** The warning of an endpoint that is to go away, for its page; the answer's extensions hear of it too. None for all others. */
export function deprecationOf(ctx: Context, { id, status }: Endpoint): string[] {
  if (status !== 'DEPRECATED') return [];
  const message = 'This endpoint is deprecated: it runs, but not for long.';
  ctx.deprecations.push({ endpointId: toGlobalId('Endpoint', id), message });
  return [message];
}

/**
 * On which terms the caller's company fetches a page now: free where the endpoint is its own or costs nothing.
 * @throws DomainError EULA_REQUIRED, NOT_FOR_SALE, PRICE_TOO_HIGH
 */
export async function termsFor(
  ctx: Context,
  endpoint: Endpoint,
  parameters: unknown,
  maxCredits: number | null,
): Promise<RunTerms> {
  const viewer = viewerOf(ctx);
  const { rateLimitNumber: number, rateLimitPeriod: period, rateLimitGranularity: granularity } = endpoint;
  const terms: RunTerms = {
    kind: 'PAGE',
    sellerCompanyId: endpoint.companyId,
    product: { endpointId: endpoint.id },
    parameters,
    price: null,
  };
  const rateLimit = number && period && granularity ? { number, period, granularity } : null;
  if (endpoint.companyId === viewer.companyId) return isNobody(viewer) ? { ...terms, rateLimit } : terms;
  if (!viewer.acceptedEula)
    throw new DomainError('EULA_REQUIRED', 'Accept the EULA before buying: companyUpdate(input: {acceptEula: true}).');
  const price = await saleOf(ctx, 'endpoint', endpoint);
  if (!price)
    throw new DomainError('NOT_FOR_SALE', 'This endpoint has no price, so nobody can buy from it.', { path: PATH });
  if (maxCredits !== null && price.credits > maxCredits) {
    throw new DomainError(
      'PRICE_TOO_HIGH',
      `A page costs ${price.credits} credit${price.credits === 1 ? '' : 's'}, more than the ${maxCredits} of maxCredits.`,
      { path: ['input', 'maxCredits'] },
    );
  }
  return {
    ...terms,
    rateLimit,
    price,
  };
}
