import { createHmac } from 'node:crypto';
import type { App, Context } from '../context.ts';
import { notFound } from '../errors.ts';
import { derivedKey } from '../http/standard-webhooks.ts';

const DAY_MS = 86_400_000;

const salts = new WeakMap<App, Buffer>();

/** Who reads, as a hash that is another one for each article and each day: nobody can be followed by it. */
function visitorOf(ctx: Context, postId: string, at: Date): Buffer<ArrayBuffer> {
  let salt = salts.get(ctx.app);
  if (!salt) salts.set(ctx.app, (salt = derivedKey(ctx.app.config, 'visitors of posts')));
  const day = at.toISOString().slice(0, 10);
  return createHmac('sha256', salt)
    .update(JSON.stringify([ctx.clientAddress, ctx.userAgent, postId, day]))
    .digest();
}

// The row of a reader decides who counts, however many come at once: it is moved on where the last view that counted is
// half an hour old. Past midnight the reader has another hash, so the one of the day before is looked at as well. What is
// older than two days can match nobody any more; now and then a view takes it away.
const SQL = `with post as (select id, "viewCount" from "Post" where id = $1::uuid and "isPublished" and active),
  old as (delete from "PostView" where "postId" = $1::uuid and "countedAt" < $4::timestamptz - interval '2 days' and (select random() < 0.01)),
  fresh as (
    insert into "PostView" as v ("postId", visitor, "countedAt") select id, $2::bytea, $4::timestamptz from post
    where not exists (select from "PostView" b where b."postId" = post.id and b.visitor = $3::bytea and b."countedAt" > $4::timestamptz - interval '30 minutes')
    on conflict ("postId", visitor) do update set "countedAt" = excluded."countedAt" where v."countedAt" <= excluded."countedAt" - interval '30 minutes' returning 1),
  counted as (update "Post" p set "viewCount" = p."viewCount" + 1 where p.id = $1::uuid and exists (select from fresh) returning p."viewCount")
  select coalesce((select "viewCount" from counted), post."viewCount") as "viewCount", exists (select from fresh) as "isCounted" from post`;

/**
 * Counts a reader of a published article, at most once in any half hour.
 * @throws DomainError NOT_FOUND for anything but a published article
 */
export async function viewPost(ctx: Context, postId: string): Promise<{ viewCount: number; isCounted: boolean }> {
  const dayBefore = new Date(ctx.now.getTime() - DAY_MS);
  const [row] = await ctx.query<{ viewCount: number; isCounted: boolean }>(SQL, [
    postId,
    visitorOf(ctx, postId, ctx.now),
    visitorOf(ctx, postId, dayBefore),
    ctx.now,
  ]);
  if (!row) throw notFound('post', ['input', 'postId']);
  return row;
}
