import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import { events } from '../events.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { demandOwnAsset } from './access.ts';

const TEST_DAYS = 30;

/** All that an asset lacks for a listing, in words; one statement, so that all is seen at one time. */
async function missingFor(ctx: Context, id: string): Promise<{ missing: string[]; version: number }> {
  const { companyId } = viewerOf(ctx);
  const [row] = await ctx.query<{
    eula: boolean;
    price: boolean;
    questions: boolean;
    tested: boolean;
    approved: boolean;
    definition: boolean;
    version: number;
  }>(
    `select c."acceptedEula" as eula, exists (select from "Price" p where p."assetId" = a.id and p."endedAt" is null) as price,
       cardinality(a."topQuestions") between 1 and 3 as questions, coalesce(a."lastTestOkAt" > $3::timestamptz - interval '${TEST_DAYS} days', false) as tested,
       (a.source = 'MANUAL' or a."approvalStatus" is not distinct from 'APPROVED') as approved, exists (select from "Connection" n join "StorageEngine" e on e.id = n."engineId" where n.id = a."connectionId" and (a."sqlLogic" is not null or e.driver = 'external-api' or (e.driver = 'llm' and a.prompt is not null))) as definition, a.version
     from "Asset" a join "Company" c on c.id = a."companyId" where a.id = $1::uuid and a."companyId" = $2::uuid and a.active`,
    [id, companyId, ctx.now],
  );
  if (!row) throw notFound('asset', ['input', 'id']);
  const demands: [boolean, string][] = [
    [row.eula, 'The company has not accepted the EULA.'],
    [row.definition, 'It has no SQL or prompt, or no connection.'],
    [row.price, 'It has no active price.'],
    [row.questions, 'It has no top questions: 1 to 3 of 15 to 200 characters.'],
    [row.tested, `It has no successful test within ${TEST_DAYS} days.`],
    [row.approved, 'It was proposed by a machine and is not approved.'],
  ];
  return { missing: demands.flatMap(([isMet, text]) => (isMet ? [] : [text])), version: row.version };
}

/**
 * Lists an asset in the marketplace; listing it again changes nothing.
 * @throws DomainError NOT_FOUND, NOT_LISTABLE naming all that is missing, VERSION_CONFLICT when it changes meanwhile
 */
export async function publishAsset(ctx: Context, id: string): Promise<Asset> {
  const { missing, version } = await missingFor(ctx, id);
  if (missing.length > 0) {
    throw new DomainError('NOT_LISTABLE', `This asset cannot be listed yet: ${missing.join(' ')}`, {
      path: ['input', 'id'],
      details: { missing },
    });
  }
  return setListed(ctx, id, true, version);
}

/** Takes an asset off the marketplace; it stays with its company. @throws DomainError NOT_FOUND */
export function unpublishAsset(ctx: Context, id: string): Promise<Asset> {
  return setListed(ctx, id, false, null);
}

async function setListed(ctx: Context, id: string, isListed: boolean, version: number | null): Promise<Asset> {
  const { companyId } = viewerOf(ctx);
  const { count } = await ctx.db.asset.updateMany({
    where: { id, companyId, active: true, sellInMarketplace: !isListed, ...(version ? { version } : {}) },
    data: { sellInMarketplace: isListed, version: { increment: 1 }, updatedAt: ctx.now },
  });
  ctx.cache.clear();
  const asset = await demandOwnAsset(ctx, id);
  if (asset.sellInMarketplace !== isListed) {
    throw new DomainError('VERSION_CONFLICT', 'This asset was changed meanwhile: try again.', {
      path: ['input', 'id'],
      details: { currentVersion: asset.version },
    });
  }
  if (count > 0)
    await events.emit(ctx, {
      kind: 'ASSET_UPDATED',
      assetId: id,
      message: `${asset.name} was ${isListed ? 'listed' : 'taken off the marketplace'}.`,
      details: { isListed },
    });
  return asset;
}
