import { companyViewer, type Context } from '../context.ts';
import { activePriceOf, priceNow } from '../prices/loaders.ts';

/**
 * The caller without a credential of an endpoint that is open to anybody: OPEN, listed, and free at this moment. The
 * run is then its own company's, which offers it, so nobody pays; it counts against the plan of that company, and the
 * endpoint's rate limit holds. Null for any other endpoint, whether it exists or not.
 */
export async function openTo(ctx: Context, handle: string, slug: string): Promise<Context | null> {
  const [row] = await ctx.query<{ id: string; companyId: string }>(
    `select e.id, e."companyId" from "Endpoint" e join "Company" c on c.id = e."companyId" where c.handle = $1 and e.slug = $2
       and e.active and e."accessMethod" = 'OPEN' and e."sellInMarketplace" and c."acceptedEula"`,
    [handle, slug],
  );
  const price = row && (await activePriceOf(ctx, 'endpoint', row.id));
  if (!price || (await priceNow(ctx, price)).credits > 0) return null;
  return { ...ctx, viewer: { ...companyViewer(row.companyId), endpointId: row.id } };
}
