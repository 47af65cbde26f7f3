import { explainMissing } from '../changes.ts';
import { transaction, viewerOf, type Context } from '../context.ts';
import { DomainError, notFound } from '../errors.ts';
import { events } from '../events.ts';
import type { Price } from '../generated/prisma/client.ts';
import { newId } from '../ids.ts';
import { centsOf, usdOf } from './credits.ts';
import type { Product } from './loaders.ts';

export interface DiscountInput {
  percentage: string;
  saleStartAt: Date;
  saleEndAt: Date;
}

const tables = { asset: 'Asset', endpoint: 'Endpoint' } as const;
const columns = { asset: 'assetId', endpoint: 'endpointId' } as const;

/** An amount as it is stored: "-0" is 0. */
const amountOf = (priceUsd: string): string => usdOf(centsOf(priceUsd.replace('-', '')));

/** Locks the product's row, so that changes of its prices follow one another. @throws DomainError NOT_FOUND */
async function lockProduct(
  ctx: Context,
  product: Product,
  id: string,
  path = ['input', columns[product]],
): Promise<{ isListed: boolean }> {
  const { companyId } = viewerOf(ctx);
  const [row] = await ctx.query<{ isListed: boolean }>(
    `select "sellInMarketplace" as "isListed" from "${tables[product]}" where id = $1::uuid and "companyId" = $2::uuid and active for update`,
    [id, companyId],
  );
  if (!row) throw notFound(product, path);
  return row;
}

function checkWindow(discount: DiscountInput, path: string[]): void {
  if (discount.saleEndAt <= discount.saleStartAt) {
    throw new DomainError('VALIDATION', 'A sale ends after it starts.', { path: [...path, 'saleEndAt'] });
  }
}

async function insertDiscount(ctx: Context, priceId: string, discount: DiscountInput): Promise<void> {
  const { percentage, saleStartAt, saleEndAt } = discount;
  await ctx.db.priceDiscount.create({
    data: { id: newId(), companyId: viewerOf(ctx).companyId, priceId, percentage, saleStartAt, saleEndAt },
  });
}

/** Tells of a price that changed; only assets are watched. */
async function announce(ctx: Context, price: Price, message: string, details: Record<string, unknown>): Promise<Price> {
  if (price.assetId) await events.emit(ctx, { kind: 'PRICE_CHANGED', assetId: price.assetId, message, details });
  return price;
}

function announceAmount(ctx: Context, price: Price, beforeUsd: string | null): Promise<Price> {
  const afterUsd = usdOf(centsOf(String(price.amountUsd)));
  const message = `The price is $${afterUsd} now${beforeUsd ? `, after $${beforeUsd}` : ''}.`;
  return announce(ctx, price, message, { beforeUsd, afterUsd });
}

/**
 * Makes a new active price and ends the former one, both or neither; two at once leave one active.
 * @throws DomainError EULA_REQUIRED, NOT_FOUND, VALIDATION
 */
export async function createPrice(
  ctx: Context,
  product: Product,
  id: string,
  priceUsd: string,
  discount: DiscountInput | null,
): Promise<Price> {
  const { companyId, userId, acceptedEula } = viewerOf(ctx);
  if (!acceptedEula)
    throw new DomainError(
      'EULA_REQUIRED',
      'Accept the EULA before setting prices: companyUpdate(input: {acceptEula: true}).',
    );
  if (discount) checkWindow(discount, ['input', 'discount']);
  const amountUsd = amountOf(priceUsd);
  const made = await transaction(ctx, async (tx) => {
    await lockProduct(tx, product, id);
    const where = { companyId, [columns[product]]: id, endedAt: null };
    const [former] = await tx.db.price.findMany({ where });
    // A row may not end before it started, whatever the clocks of two processes say.
    const at = former && former.startedAt > ctx.now ? former.startedAt : ctx.now;
    if (former)
      await tx.db.price.updateMany({ where, data: { endedAt: at, updatedAt: ctx.now, version: { increment: 1 } } });
    const price = await tx.db.price.create({
      data: { id: newId(), companyId, userId, [columns[product]]: id, amountUsd, startedAt: at },
    });
    if (discount) await insertDiscount(tx, price.id, discount);
    return { price, former };
  });
  const beforeUsd = made.former ? usdOf(centsOf(String(made.former.amountUsd))) : null;
  return announceAmount(ctx, made.price, beforeUsd);
}

/**
 * Puts a sale on the active price.
 * @throws DomainError NOT_FOUND, NOT_FOR_SALE, VALIDATION, CONFLICT where another sale overlaps
 */
export async function discountPrice(
  ctx: Context,
  product: Product,
  id: string,
  discount: DiscountInput,
): Promise<Price> {
  checkWindow(discount, ['input']);
  const discounted = await transaction(ctx, async (tx) => {
    await lockProduct(tx, product, id);
    const [price] = await tx.db.price.findMany({
      where: { companyId: viewerOf(ctx).companyId, [columns[product]]: id, endedAt: null },
    });
    if (!price)
      throw new DomainError('NOT_FOR_SALE', `This ${product} has no active price: set one first.`, {
        path: ['input', columns[product]],
      });
    const overlapping = await tx.db.priceDiscount.count({
      where: { priceId: price.id, saleStartAt: { lt: discount.saleEndAt }, saleEndAt: { gt: discount.saleStartAt } },
    });
    if (overlapping > 0)
      throw new DomainError('CONFLICT', 'Another sale overlaps with this one.', { path: ['input', 'saleStartAt'] });
    const sales = await tx.db.priceDiscount.count({ where: { priceId: price.id } });
    if (sales >= 50)
      throw new DomainError('VALIDATION', 'A price has at most 50 sales: set a new price.', { path: ['input'] });
    await insertDiscount(tx, price.id, discount);
    return price;
  });
  const { percentage, saleStartAt, saleEndAt } = discount;
  return announce(
    ctx,
    discounted,
    `${percentage} % are off from ${saleStartAt.toISOString()} until ${saleEndAt.toISOString()}.`,
    { percentage, saleStartAt, saleEndAt },
  );
}

/**
 * Takes back a sale that has not begun; ends now one that runs. One that is over stays: runs were charged by it.
 * @throws DomainError NOT_FOUND, CONFLICT for a sale that is over
 */
export async function endDiscount(ctx: Context, id: string): Promise<Price> {
  const { companyId } = viewerOf(ctx);
  const { price, ended } = await transaction(ctx, async (tx) => {
    const missing = notFound('sale', ['input', 'id']);
    const found = await tx.db.priceDiscount.findFirst({ where: { id, companyId } });
    if (!found) throw missing;
    const { price: locked } = await lockPrice(tx, found.priceId);
    // Read again: prices of a product change one after another.
    const sale = await tx.db.priceDiscount.findFirst({ where: { id, companyId } });
    if (!sale) throw missing;
    if (sale.saleEndAt <= tx.now) throw new DomainError('CONFLICT', 'This sale is over.', { path: ['input', 'id'] });
    await (sale.saleStartAt < tx.now
      ? tx.db.priceDiscount.updateMany({ where: { id, companyId }, data: { saleEndAt: tx.now } })
      : tx.db.priceDiscount.deleteMany({ where: { id, companyId } }));
    return { price: locked, ended: sale };
  });
  if (price.endedAt) return price;
  const { saleStartAt } = ended;
  const percentage = String(ended.percentage);
  const message =
    saleStartAt < ctx.now ? `${percentage} % are off no more.` : `${percentage} % will not be off after all.`;
  return announce(ctx, price, message, { percentage, saleStartAt, saleEndAt: saleStartAt < ctx.now ? ctx.now : null });
}

async function lockPrice(ctx: Context, id: string): Promise<{ price: Price; product: Product; isListed: boolean }> {
  const { companyId } = viewerOf(ctx);
  const price = await ctx.db.price.findFirst({ where: { id, companyId } });
  if (!price) throw notFound('price', ['input', 'id']);
  const product = price.assetId ? 'asset' : 'endpoint';
  const { isListed } = await lockProduct(ctx, product, price.assetId ?? price.endpointId ?? '', ['input', 'id']);
  return { price: await ctx.db.price.findFirstOrThrow({ where: { id, companyId } }), product, isListed };
}

/**
 * Corrects a price row. One that runs have been charged by keeps its amount, so that receipts stay true.
 * @throws DomainError NOT_FOUND, VERSION_CONFLICT, IN_USE
 */
export async function updatePrice(
  ctx: Context,
  id: string,
  changes: { priceUsd?: string | undefined; isEnded?: boolean | undefined; expectedVersion?: number | undefined },
): Promise<Price> {
  const { companyId } = viewerOf(ctx);
  const amountUsd = changes.priceUsd === undefined ? undefined : amountOf(changes.priceUsd);
  const { before, after } = await transaction(ctx, async (tx) => {
    const { price, isListed } = await lockPrice(tx, id);
    if (changes.isEnded === false && price.endedAt)
      throw new DomainError('VALIDATION', 'A price that has ended does not begin again: set a new one.', {
        path: ['input', 'isEnded'],
      });
    if (changes.isEnded && !price.endedAt && isListed)
      throw inUse('It is the only active price of a listed product: set a new one, or unpublish first.');
    const isOther = amountUsd !== undefined && centsOf(amountUsd) !== centsOf(String(price.amountUsd));
    if (isOther && (await tx.db.run.count({ where: { priceId: id, isBilled: true }, take: 1 })) > 0)
      throw inUse('Runs were charged by this price: set a new one.');
    const { count } = await tx.db.price.updateMany({
      where: { id, companyId, ...(changes.expectedVersion ? { version: changes.expectedVersion } : {}) },
      data: {
        ...(amountUsd === undefined ? {} : { amountUsd }),
        ...(changes.isEnded && !price.endedAt
          ? { endedAt: price.startedAt > ctx.now ? price.startedAt : ctx.now }
          : {}),
        version: { increment: 1 },
        updatedAt: ctx.now,
      },
    });
    if (count === 0) await explainMissing(tx, 'Price', 'price', { id, companyId });
    return { before: price, after: await tx.db.price.findUniqueOrThrow({ where: { id } }) };
  });
  const beforeUsd = usdOf(centsOf(String(before.amountUsd)));
  if (before.endedAt) return after;
  if (after.endedAt)
    return announce(ctx, after, `It is not for sale any more, after $${beforeUsd}.`, { beforeUsd, afterUsd: null });
  return String(before.amountUsd) === String(after.amountUsd) ? after : announceAmount(ctx, after, beforeUsd);
}

const inUse = (message: string): DomainError => new DomainError('IN_USE', message, { path: ['input', 'id'] });

/**
 * Deletes a price row that nobody was charged by; the active one of a listed product never.
 * @throws DomainError NOT_FOUND, IN_USE
 */
export async function deletePrice(ctx: Context, id: string): Promise<void> {
  await transaction(ctx, async (tx) => {
    const { price, isListed } = await lockPrice(tx, id);
    if (!price.endedAt && isListed)
      throw inUse('It is the only active price of a listed product: set a new one, or unpublish first.');
    if ((await tx.db.run.count({ where: { priceId: id, isBilled: true }, take: 1 })) > 0)
      throw inUse('Runs were charged by this price, so it stays in the history.');
    await tx.db.price.delete({ where: { id } });
  });
}
