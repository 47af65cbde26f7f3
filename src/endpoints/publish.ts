import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Endpoint } from '../generated/prisma/client.ts';
import { demandOwnEndpoint } from './access.ts';

const TEST_DAYS = 30;

interface Readiness {
  eula: boolean;
  definition: boolean;
  price: boolean;
  tested: boolean;
  approved: boolean;
  version: number;
}

/** All that an endpoint lacks for a listing, in words; one statement, so that all is seen at one time. */
async function missingFor(ctx: Context, id: string): Promise<{ missing: string[]; version: number }> {
  const [row] = await ctx.query<Readiness>(
    `select c."acceptedEula" as eula, (e."sourceTableName" is not null and jsonb_array_length(e."endpointSchema"->'columns') > 0) as definition,
       exists (select from "Price" p where p."endpointId" = e.id and p."endedAt" is null) as price,
       coalesce(e."lastTestOkAt" > $3::timestamptz - interval '${TEST_DAYS} days', false) as tested,
       (e."approvalStatus" is null or e."approvalStatus" = 'APPROVED') as approved, e.version
     from "Endpoint" e join "Company" c on c.id = e."companyId" where e.id = $1::uuid and e."companyId" = $2::uuid and e.active`,
    [id, viewerOf(ctx).companyId, ctx.now],
  );
  if (!row) throw notFound('endpoint', ['input', 'id']);
  const demands: [boolean, string][] = [
    [row.eula, 'The company has not accepted the EULA.'],
    [row.definition, 'It has no source table or no columns.'],
    [row.price, 'It has no active price.'],
    [row.tested, `It has no successful test within ${TEST_DAYS} days.`],
    [row.approved, 'It is not approved.'],
  ];
  return { missing: demands.flatMap(([isMet, text]) => (isMet ? [] : [text])), version: row.version };
}

/**
 * Lists an endpoint in the marketplace; listing it again changes nothing.
 * @throws DomainError NOT_FOUND, NOT_LISTABLE naming all that is missing, VERSION_CONFLICT where it changes meanwhile
 */
export async function publishEndpoint(ctx: Context, id: string): Promise<Endpoint> {
  const { missing, version } = await missingFor(ctx, id);
  if (missing.length > 0) {
    throw new DomainError('NOT_LISTABLE', `This endpoint cannot be listed yet: ${missing.join(' ')}`, {
      path: ['input', 'id'],
      details: { missing },
    });
  }
  return setListed(ctx, id, true, version);
}

/** Takes an endpoint off the marketplace; it stays with its company. @throws DomainError NOT_FOUND */
export function unpublishEndpoint(ctx: Context, id: string): Promise<Endpoint> {
  return setListed(ctx, id, false, null);
}

async function setListed(ctx: Context, id: string, isListed: boolean, version: number | null): Promise<Endpoint> {
  const { companyId } = viewerOf(ctx);
  await ctx.db.endpoint.updateMany({
    where: { id, companyId, active: true, sellInMarketplace: !isListed, ...(version ? { version } : {}) },
    data: { sellInMarketplace: isListed, version: { increment: 1 }, updatedAt: ctx.now },
  });
  ctx.cache.clear();
  const endpoint = await demandOwnEndpoint(ctx, id);
  if (endpoint.sellInMarketplace !== isListed) {
    throw new DomainError('VERSION_CONFLICT', 'This endpoint was changed meanwhile: try again.', {
      path: ['input', 'id'],
      details: { currentVersion: endpoint.version },
    });
  }
  return endpoint;
}
