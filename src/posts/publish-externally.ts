import { createHash } from 'node:crypto';
import { viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import { plainJson } from '../text/plain-text.ts';
import type { Post, Prisma, Publication } from '../generated/prisma/client.ts';
import { platformFault } from '../integrations/offers.ts';
import { PlatformError, type Article, type External } from '../integrations/platforms/platform.ts';
import { withRetries } from '../integrations/platforms/retry.ts';
import { openIntegration, type OpenIntegration } from '../integrations/service.ts';

/** The longest that one attempt takes, and after how long an attempt that never ended counts as abandoned. */
const TIMEOUT_MS = 60_000;
const ABANDONED = '2 minutes';
const RETRIES = { attempts: 3, baseMs: 500, maxWaitMs: 5000 };
/** Stands in a publication while an attempt is at work, and stays where it died. */
const AT_WORK = 'The attempt has not ended.';

/** One publication for an article, an integration and the account it leads to: whoever comes at the same time meets in it. */
function publicationId(postId: string, { id, settings }: OpenIntegration): string {
  const place = JSON.stringify([postId, id, Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1))]);
  const hash = createHash('sha256').update(place).digest();
  hash.writeUInt8(0x80 | (hash.readUInt8(6) & 0x0f), 6);
  hash.writeUInt8(0x80 | (hash.readUInt8(8) & 0x3f), 8);
  const hex = hash.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** @throws DomainError CONFLICT while another attempt is at work */
async function claim(ctx: Context, post: Post, integration: OpenIntegration): Promise<Publication> {
  const [row] = await ctx.query<Publication>(
    `insert into "Publication" as p (id, "companyId", "postId", "integrationId", platform, status, "errorMessage", "createdAt", "updatedAt")
     values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::"PublishingPlatform", 'FAILED', $6, now(), now())
     on conflict (id) do update set status = 'FAILED', "errorCode" = null, "errorMessage" = $6, "updatedAt" = now()
     where p."errorMessage" is distinct from $6 or p."updatedAt" < now() - interval '${ABANDONED}' returning *`,
    [publicationId(post.id, integration), post.companyId, post.id, integration.id, integration.platform.name, AT_WORK],
  );
  if (row) return row;
  throw new DomainError('CONFLICT', 'Another attempt to publish this there is at work: wait for it to end.', {
    path: ['input', 'integrationId'],
  });
}

/** The article as platforms get it. Its key is the id: a title changes, and the copy must be found again. */
function articleOf(post: Post): Article {
  return {
    title: post.title,
    html: post.contentHtml,
    excerpt: post.teaser,
    tags: post.category ? [post.category] : [],
    slug: `post-${post.id}`,
    canonicalUrl: null,
  };
}

/** A draft first, its id stored, then the rest: what died between can go on from there. */
async function send(
  post: Post,
  { platform, credentials }: OpenIntegration,
  known: External | null,
  save: (changes: Prisma.PublicationUncheckedUpdateManyInput) => Promise<void>,
): Promise<External> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const article = articleOf(post);
  const draft = async (): Promise<External> => {
    const external = await withRetries(() => platform.createDraft(credentials, article, signal), {
      ...RETRIES,
      signal,
    });
    await save({ externalPostId: external.id, externalPostUrl: external.url });
    return external;
  };
  const publish = (external: External): Promise<External> =>
    withRetries(() => platform.publish(credentials, external, article, signal), { ...RETRIES, signal });
  const external = known ?? (await draft());
  try {
    return await publish(external);
  } catch (error) {
    // Somebody took the copy away over there; it is wanted again.
    if (!known || !(error instanceof PlatformError) || !error.isGone) throw error;
    await save({ externalPostId: null, externalPostUrl: null, publishedAt: null });
    return publish(await draft());
  }
}

/**
 * Publishes an article of the caller's company through an integration; a second time it brings the copy up to date.
 * The attempt goes on when the caller leaves. Answers the publication.
 * @throws DomainError NOT_FOUND, VALIDATION, CONFLICT, PLATFORM_FAILED with what the platform said
 */
export async function publishExternally(
  ctx: Context,
  input: { postId: string; integrationId: string },
): Promise<Publication> {
  const { companyId } = viewerOf(ctx);
  const post = await ctx.db.post.findFirst({ where: { id: input.postId, companyId, active: true } });
  if (!post) throw notFound('post', ['input', 'postId']);
  const integration = await openIntegration(ctx, input.integrationId);
  const publication = await claim(ctx, post, integration);
  const where = { id: publication.id, companyId };
  const save = async (changes: Prisma.PublicationUncheckedUpdateManyInput): Promise<void> => {
    // Ids, addresses and reasons are the platform's.
    await ctx.db.publication.updateMany({ where, data: { ...plainJson(changes), updatedAt: new Date() } });
  };
  const known =
    publication.externalPostId === null ? null : { id: publication.externalPostId, url: publication.externalPostUrl };
  try {
    const external = await send(post, integration, known, save);
    await save({
      externalPostId: external.id,
      status: 'PUBLISHED',
      errorCode: null,
      errorMessage: null,
      publishedAt: (external.id === known?.id && publication.publishedAt) || new Date(),
      ...(external.url === null ? {} : { externalPostUrl: external.url }),
    });
  } catch (error) {
    const fault = platformFault(error);
    const errorMessage = fault?.message ?? 'Something went wrong on our side.';
    await save({ status: 'FAILED', errorCode: fault?.code ?? null, errorMessage });
    if (fault === null) throw error;
    const { code: failure, message, fields, retryAfterMs } = fault;
    const details = { failure, fields, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
    throw new DomainError('PLATFORM_FAILED', message, { details, cause: error });
  }
  ctx.cache.clear();
  return ctx.db.publication.findUniqueOrThrow({ where: { id: publication.id } });
}
