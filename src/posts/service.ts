import { explainMissing, given } from '../changes.ts';
import { transaction, viewerOf, type Context } from '../context.ts';
import { DomainError, notFound, together } from '../errors.ts';
import { personOf } from '../users/person.ts';
import type { Post, PostTone, Prisma } from '../generated/prisma/client.ts';
import { sanitize } from '../text/html.ts';
import { newId } from '../ids.ts';
import { insightsOf, serviceCreditsOf } from './insights.ts';

export interface Generation {
  creativity: number | null;
  targetWordCount: number | null;
  tone: PostTone | null;
  hasCitations: boolean | null;
  subheadingCount: number | null;
  temperature: string | null;
  timeMs: number | null;
}

export interface PostInput {
  title: string;
  category: string | null;
  teaser: string | null;
  contentHtml: string;
  runIds: string[];
  isGenerated: boolean;
  generation: Generation | null;
}

export interface PostChanges {
  id: string;
  title?: string | undefined;
  category?: string | null | undefined;
  teaser?: string | null | undefined;
  contentHtml?: string | undefined;
  expectedVersion?: number | undefined;
}

/** A post and what was taken out of its HTML. */
export interface SavedPost {
  post: Post;
  removedHtml: string[];
}

/** @throws DomainError VALIDATION where nothing is left of it. */
async function cleaned(contentHtml: string): Promise<{ html: string; removed: string[] }> {
  const clean = await sanitize(contentHtml);
  if (clean.html.trim() === '')
    throw new DomainError('VALIDATION', 'Nothing is left of this HTML once it is safe.', {
      path: ['input', 'contentHtml'],
    });
  return clean;
}

/** The temperature that a creativity stands for: 0 to 100 on 0.0 to 2.0. */
const temperatureOf = (creativity: number): string => (creativity / 50).toFixed(2);

function generationColumns(generation: Generation | null): Partial<Prisma.PostUncheckedCreateInput> {
  if (!generation) return {};
  const { creativity, targetWordCount, tone, hasCitations, subheadingCount, temperature, timeMs } = generation;
  return {
    generationCreativity: creativity,
    generationTargetWordCount: targetWordCount,
    generationTone: tone,
    generationIncludeCitations: hasCitations,
    generationSubheadingCount: subheadingCount,
    generationTimeMs: timeMs,
    generationTemperature: temperature ?? (creativity === null ? null : temperatureOf(creativity)),
  };
}

/**
 * Stores an article of the caller as a draft, its HTML made safe. Data cost: what the runs of its insights were charged.
 * Service cost: one credit for each started 500 words of a generated text.
 * @throws DomainError FORBIDDEN for a key without a user, VALIDATION, NOT_FOUND for runs
 */
export async function createPost(ctx: Context, input: PostInput): Promise<SavedPost> {
  const { companyId, userId } = personOf(ctx);
  const { title, category, teaser, isGenerated } = input;
  const [{ html, removed }, insights] = await together(
    () => cleaned(input.contentHtml),
    () => insightsOf(ctx, input.runIds),
  );
  const post = await ctx.db.post.create({
    data: {
      id: newId(),
      companyId,
      userId,
      title,
      category,
      teaser,
      contentHtml: html,
      ...generationColumns(input.generation),
      insightsUsed: insights.list as unknown as Prisma.InputJsonArray,
      successfulInsightsCount: insights.successCount,
      failedInsightsCount: insights.failureCount,
      dataCostCredits: insights.credits,
      serviceCostCredits: isGenerated ? serviceCreditsOf(html) : 0,
    },
  });
  return { post, removedHtml: removed };
}

/**
 * Edits an article; its costs stay those of the day it was stored.
 * @throws DomainError NOT_FOUND, VERSION_CONFLICT, VALIDATION
 */
export async function updatePost(ctx: Context, input: PostChanges): Promise<SavedPost> {
  const { companyId } = viewerOf(ctx);
  const { id, expectedVersion, contentHtml, ...fields } = input;
  const clean = contentHtml === undefined ? null : await cleaned(contentHtml);
  const { count } = await ctx.db.post.updateMany({
    where: { id, companyId, active: true, ...(expectedVersion ? { version: expectedVersion } : {}) },
    data: {
      ...given(fields),
      ...(clean ? { contentHtml: clean.html } : {}),
      lastEditedAt: ctx.now,
      version: { increment: 1 },
      updatedAt: ctx.now,
    },
  });
  if (count === 0) await explainMissing(ctx, 'Post', 'post', { id, companyId, isActive: true });
  ctx.cache.clear();
  return { post: await ctx.db.post.findUniqueOrThrow({ where: { id } }), removedHtml: clean?.removed ?? [] };
}

/** Deletes an article softly; readers do not find it any more. @throws DomainError NOT_FOUND, VERSION_CONFLICT */
export async function deletePost(ctx: Context, id: string, expectedVersion: number | undefined): Promise<void> {
  const { companyId } = viewerOf(ctx);
  const { count } = await ctx.db.post.updateMany({
    where: { id, companyId, active: true, ...(expectedVersion ? { version: expectedVersion } : {}) },
    data: { active: false, version: { increment: 1 }, updatedAt: ctx.now },
  });
  if (count === 0) await explainMissing(ctx, 'Post', 'post', { id, companyId, isActive: true });
  ctx.cache.clear();
}

async function setPublished(ctx: Context, id: string, isPublished: boolean): Promise<Post> {
  const { companyId } = viewerOf(ctx);
  await ctx.db.post.updateMany({
    where: { id, companyId, active: true, isPublished: !isPublished },
    data: { isPublished, publishedAt: isPublished ? ctx.now : null, version: { increment: 1 }, updatedAt: ctx.now },
  });
  ctx.cache.clear();
  const post = await ctx.db.post.findFirst({ where: { id, companyId, active: true } });
  if (!post) throw notFound('post', ['input', 'id']);
  return post;
}

/** Makes an article public; doing it again changes nothing. @throws DomainError NOT_FOUND */
export function publishPost(ctx: Context, id: string): Promise<Post> {
  return setPublished(ctx, id, true);
}

/**
 * Makes an article a draft again; doing it again changes nothing. Copies on other platforms stay there: their number
 * comes along.
 * @throws DomainError NOT_FOUND
 */
export function unpublishPost(ctx: Context, id: string): Promise<{ post: Post; externalCopyCount: number }> {
  return transaction(ctx, async (tx) => {
    const post = await setPublished(tx, id, false);
    const where = { postId: id, companyId: post.companyId, publishedAt: { not: null } };
    return { post, externalCopyCount: await tx.db.publication.count({ where }) };
  });
}
