import { explainMissing, given } from '../changes.ts';
import type { Context } from '../context.ts';
import { DomainError, notFound, together, violatedIndex } from '../errors.ts';
import { personOf } from '../users/person.ts';
import { demandVisible } from '../favorites/watchable.ts';
import type { Alert, AlertKind } from '../generated/prisma/client.ts';
import { alertSecretOf } from './webhook.ts';

export interface AlertInput {
  assetId: string;
  kind: AlertKind;
  thresholdPercent: string | null;
  webhookUrl: string | null;
}

export interface AlertChanges {
  id: number;
  isActive?: boolean | undefined;
  thresholdPercent?: string | null | undefined;
  webhookUrl?: string | null | undefined;
  expectedVersion?: number | undefined;
}

/** An alert and the secret that signs its webhooks; null without an address. */
export interface AlertWithSecret {
  alert: Alert;
  webhookSecret: string | null;
}

const invalid = (message: string, field: string): DomainError =>
  new DomainError('VALIDATION', message, { path: ['input', field] });

/** @throws DomainError VALIDATION */
function checkUrl(ctx: Context, webhookUrl: string | null | undefined): void {
  if (!webhookUrl) return;
  const url = new URL(webhookUrl);
  // Plain http goes to private addresses alone, where the operator allows some; the guard of the socket sees to that.
  const isHttp = url.protocol === 'http:' && ctx.app.config.ALLOW_PRIVATE_CONNECTIONS.length > 0;
  if (url.protocol !== 'https:' && !isHttp) throw invalid('A webhook goes to an https address.', 'webhookUrl');
  if (url.username || url.password) throw invalid('An address must not hold a user or password.', 'webhookUrl');
}

/** @throws DomainError VALIDATION */
function checkThreshold(kind: AlertKind, thresholdPercent: string | null | undefined): void {
  if (thresholdPercent && kind !== 'RESULT_CHANGED')
    throw invalid('Only RESULT_CHANGED has a threshold.', 'thresholdPercent');
}

function withSecret(ctx: Context, alert: Alert): AlertWithSecret {
  const { id, webhookUrl } = alert;
  return { alert, webhookSecret: webhookUrl === null ? null : alertSecretOf(ctx.app, { id, webhookUrl }) };
}

/**
 * Makes an alert of the caller on an asset that they see.
 * @throws DomainError FORBIDDEN for a key without a user, NOT_FOUND, VALIDATION, CONFLICT on `kind`
 */
export async function createAlert(ctx: Context, input: AlertInput): Promise<AlertWithSecret> {
  const { companyId, userId } = personOf(ctx);
  await together(
    () => demandVisible(ctx, input.assetId),
    () => checkThreshold(input.kind, input.thresholdPercent),
    () => checkUrl(ctx, input.webhookUrl),
  );
  try {
    return withSecret(ctx, await ctx.db.alert.create({ data: { companyId, userId, ...input } }));
  } catch (error) {
    if (violatedIndex(error)?.includes('kind')) {
      throw new DomainError('CONFLICT', 'You have an alert of this kind on this asset.', {
        path: ['input', 'kind'],
        cause: error,
      });
    }
    throw error;
  }
}

/** Changes one of the caller's alerts. @throws DomainError FORBIDDEN, NOT_FOUND, VALIDATION, VERSION_CONFLICT */
export async function updateAlert(ctx: Context, input: AlertChanges): Promise<AlertWithSecret> {
  const { companyId, userId } = personOf(ctx);
  const { id, expectedVersion, ...fields } = input;
  const own = await ctx.db.alert.findFirst({ where: { id, companyId, userId }, select: { kind: true } });
  if (!own) throw notFound('alert', ['input', 'id']);
  // An alert's kind never changes, so what was read still holds.
  await together(
    () => checkThreshold(own.kind, fields.thresholdPercent),
    () => checkUrl(ctx, fields.webhookUrl),
  );
  const { count } = await ctx.db.alert.updateMany({
    where: { id, companyId, userId, ...(expectedVersion ? { version: expectedVersion } : {}) },
    data: { ...given(fields), version: { increment: 1 }, updatedAt: ctx.now },
  });
  if (count === 0) await explainMissing(ctx, 'Alert', 'alert', { id, companyId });
  ctx.cache.clear();
  return withSecret(ctx, await ctx.db.alert.findUniqueOrThrow({ where: { id } }));
}

/** Deletes one of the caller's alerts with its events for good. @throws DomainError FORBIDDEN, NOT_FOUND */
export async function deleteAlert(ctx: Context, id: number): Promise<void> {
  const { companyId, userId } = personOf(ctx);
  const { count } = await ctx.db.alert.deleteMany({ where: { id, companyId, userId } });
  if (count === 0) throw notFound('alert', ['input', 'id']);
  ctx.cache.clear();
}
