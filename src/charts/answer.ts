import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { findRunnable } from '../assets/access.ts';
import { lifetimeMs } from '../assets/cache.ts';
import { valuesOf } from '../assets/params.ts';
import { resultOf } from '../assets/process.ts';
import { shape } from '../assets/result.ts';
import { companyViewer, type App, type Context, type Viewer } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { EngineError } from '../warehouse/engine.ts';
import { readAddress, type ChartAddress } from './address.ts';
import type { Picture } from './render.ts';
import { isFreeFor, wantedOf, type PictureInput } from './service.ts';
import { inTurn, renderPicture } from './turns.ts';

/** Answers the signed addresses of charts. Nothing is charged and no run is kept: only what is free has an address. */

/** How long a result is good for pictures where the asset itself keeps none: a page of readers is one query. */
const LEAST_LIFETIME = 60_000;
const MAX_AGE_SECONDS = 3600;
const MAX_BYTES = 32 * 1024 * 1024;

const pictures = new WeakMap<App, LRUCache<string, Picture>>();

function keptPictures(app: App): LRUCache<string, Picture> {
  let kept = pictures.get(app);
  if (!kept) {
    kept = new LRUCache({ maxSize: MAX_BYTES, sizeCalculation: ({ body }) => body.length + 512 });
    pictures.set(app, kept);
  }
  return kept;
}

/** The company that the address was made for, as a caller who may do no more than look. */
async function viewerFor(ctx: Context, companyId: string): Promise<Viewer> {
  const company = await ctx.db.company.findFirst({ where: { id: companyId }, select: { acceptedEula: true } });
  return { ...companyViewer(companyId), acceptedEula: company?.acceptedEula ?? false };
}

type Wanted = Pick<ChartAddress, 'format' | 'width' | 'height' | 'parameters'>;

async function compose(ctx: Context, asset: Asset, chart: Wanted): Promise<{ picture: Picture; freshUntil: number }> {
  const values = valuesOf(asset, chart.parameters, ['parameters']);
  const ageMs = asset.cached ? lifetimeMs(asset) : LEAST_LIFETIME;
  // Under the key of a run of the asset, so that pictures and runs share a result.
  const { computed, key } = await resultOf(ctx, asset, values, ageMs);
  const { width, height, format } = chart;
  const name = JSON.stringify([key, computed.computedAt, format, width, height]);
  const kept = keptPictures(ctx.app);
  let picture = kept.get(name);
  if (!picture) {
    const outcome = shape(asset, computed.result);
    if (outcome.kind !== 'VisualizationResult') throw new DomainError('VALIDATION', 'This asset is no chart.');
    // Of many who want the same one, the first has it drawn.
    picture = await inTurn(async () => kept.get(name) ?? renderPicture(outcome.figure, { width, height }, format));
    kept.set(name, picture);
  }
  return { picture, freshUntil: computed.computedAt.getTime() + ageMs };
}

/** What goes wrong with the query is the seller's business; who has the address hears that there is no picture. */
function hidden(ctx: Context, error: unknown): unknown {
  if (ctx.signal.aborted) return new DomainError('CANCELLED', 'The request was cancelled.', { cause: error });
  if (error instanceof EngineError) {
    ctx.log.info({ err: error }, 'a chart could not be computed');
    return new DomainError('UNAVAILABLE', 'The data of this chart cannot be read now.', { cause: error });
  }
  const isOurs = error instanceof DomainError && error.argumentPath?.[0] !== 'parameters';
  if (!isOurs) return error;
  ctx.log.info({ err: error }, 'a chart could not be drawn');
  return new DomainError('UNSUPPORTED', 'This asset does not make a chart now.', { cause: error });
}

/**
 * The picture of an own asset as it is now, of the same result as its address shows. No run, no charge.
 * @throws DomainError NOT_FOUND, VALIDATION for a wrong size or parameters, UNAVAILABLE, UNSUPPORTED, CANCELLED
 */
export async function pictureNow(
  ctx: Context,
  id: string,
  input: PictureInput & { parameters?: unknown },
): Promise<Picture> {
  const wanted = wantedOf(input);
  // All of it: a row of the graph has what was selected.
  const asset = await findRunnable(ctx, { id });
  valuesOf(asset, wanted.parameters, ['parameters']);
  try {
    return (await compose(ctx, asset, wanted)).picture;
  } catch (error) {
    throw hidden(ctx, error);
  }
}

/**
 * The answer to a request for a picture: the picture as the company for which the address was made would see it, with
 * an ETag.
 * @throws DomainError FORBIDDEN for a bad signature, an expired address or a chart that is no longer free; NOT_FOUND,
 * VALIDATION, UNAVAILABLE, UNSUPPORTED
 */
export async function answerChart(base: Context, method: string, url: URL, headers: Headers): Promise<Response> {
  if (method !== 'GET' && method !== 'HEAD') {
    const body = JSON.stringify({ code: 405, message: 'Pictures are read with GET.' });
    return new Response(body, { status: 405, headers: { allow: 'GET, HEAD', 'content-type': 'application/json' } });
  }
  const chart = readAddress(base.app, url, base.now);
  const ctx = { ...base, viewer: await viewerFor(base, chart.companyId) };
  const asset = await findRunnable(ctx, { id: chart.assetId });
  if (!(await isFreeFor(ctx, asset)))
    throw new DomainError('FORBIDDEN', 'This chart is not free for you any more. Process the asset to see it.');
  const { picture, freshUntil } = await compose(ctx, asset, chart).catch((error: unknown) => {
    throw hidden(ctx, error);
  });
  const etag = `"${createHash('sha256').update(picture.body).digest('base64url').slice(0, 27)}"`;
  const goodFor = Math.min(freshUntil, chart.expiresAt.getTime()) - Date.now();
  const common = {
    etag,
    'cache-control': `private, max-age=${Math.floor(Math.min(Math.max(goodFor / 1000, 0), MAX_AGE_SECONDS))}`,
    'x-content-type-options': 'nosniff',
    // An SVG opened by itself is a document of this origin: it may do nothing.
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  };
  const known = (headers.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag) || known.includes('*')) return new Response(null, { status: 304, headers: common });
  return new Response(picture.body, { headers: { ...common, 'content-type': picture.mediaType } });
}
