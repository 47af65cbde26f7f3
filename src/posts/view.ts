import { createHmac } from 'node:crypto';
import type { App, Context } from '../context.ts';
import { notFound } from '../errors.ts';
import { derivedKey } from '../standard-webhooks.ts';

/** A visitor counts once in each half hour of the clock. */
const WINDOW_MS = 30 * 60_000;

const salts = new WeakMap<App, Buffer>();

/** Who reads, as a hash that is another one for each article and each day: nobody can be followed by it. */
function visitorOf(ctx: Context, postId: string): Buffer<ArrayBuffer> {
  let salt = salts.get(ctx.app);
  if (!salt) salts.set(ctx.app, (salt = derivedKey(ctx.app.config, 'visitors of posts')));
  const day = ctx.now.toISOString().slice(0, 10);
  return createHmac('sha256', salt)
    .update(JSON.stringify([ctx.clientAddress, ctx.userAgent, postId, day]))
    .digest();
}

// The key of PostView decides who counts, however many come at once. What is older than two days can match nobody any
// more; now and then a view takes it away.
const SQL = `with post as (select id, "viewCount" from "Post" where id = $1::uuid and "isPublished" and active),
  old as (delete from "PostView" where "postId" = $1::uuid and "window" < $3::timestamptz - interval '2 days' and (select random() < 0.01)),
  fresh as (insert into "PostView" ("postId", visitor, "window") select id, $2::bytea, $3::timestamptz from post on conflict do nothing returning 1),
  counted as (update "Post" p set "viewCount" = p."viewCount" + 1 where p.id = $1::uuid and exists (select from fresh) returning p."viewCount")
  select coalesce((select "viewCount" from counted), post."viewCount") as "viewCount", exists (select from fresh) as "isCounted" from post`;

/**
 * Counts a reader of a published article, at most once in half an hour.
 * @throws DomainError NOT_FOUND for anything but a published article
 */
export async function viewPost(ctx: Context, postId: string): Promise<{ viewCount: number; isCounted: boolean }> {
  const window = new Date(Math.floor(ctx.now.getTime() / WINDOW_MS) * WINDOW_MS);
  const [row] = await ctx.query<{ viewCount: number; isCounted: boolean }>(SQL, [
    postId,
    visitorOf(ctx, postId),
    window,
  ]);
  if (!row) throw notFound('post', ['input', 'postId']);
  return row;
}
