import type { ModelRow } from '../graph/builder.ts';
import type { Context } from '../context.ts';
import { load } from '../lists/loader.ts';
import { EVERYBODY, OWN_ANY, rowBy, type Selection } from '../lists/rows.ts';

/** The public side of any company. */
export function profileOf(ctx: Context, id: string): Promise<ModelRow<'Company'> | null> {
  return load(ctx, rowBy<ModelRow<'Company'>>('Company', { where: EVERYBODY }), { company: null, id });
}

/** A product of the company, deleted or not, with the columns that the selection needs. */
export function productOf<M extends 'Asset' | 'Endpoint'>(
  ctx: Context,
  product: { model: M; companyId: string; id: string },
  info: Selection,
): Promise<ModelRow<M> | null> {
  const { model, companyId, id } = product;
  return load(ctx, rowBy<ModelRow<M>>(model, { where: OWN_ANY }).for(info), {
    company: companyId,
    id,
  });
}

/** A key of the company, deleted or not; null without an id. */
export function apiKeyOf(
  ctx: Context,
  companyId: string,
  id: number | null,
): Promise<ModelRow<'ApiKey'> | null> | null {
  return id === null
    ? null
    : load(ctx, rowBy<ModelRow<'ApiKey'>>('ApiKey', { type: 'int', where: OWN_ANY }), { company: companyId, id });
}

/** A plan. */
export function planOf(ctx: Context, id: number): Promise<ModelRow<'Plan'>> {
  return load(ctx, rowBy<ModelRow<'Plan'>>('Plan', { type: 'int', where: EVERYBODY }), {
    company: null,
    id,
  }) as Promise<ModelRow<'Plan'>>;
}
