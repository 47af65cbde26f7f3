import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import type { Context } from '../context.ts';
import { load } from '../lists/loader.ts';
import { EVERYBODY, rowBy } from '../lists/rows.ts';

const anyCompanyById = rowBy<ModelRow<'Company'>>('Company', { where: EVERYBODY });
const byInt = <M extends 'Industry' | 'Country'>(
  model: M,
  ctx: Context,
  id: number | null,
): Promise<ModelRow<M>> | null =>
  id === null
    ? null
    : (load(ctx, rowBy<ModelRow<M>>(model, { type: 'int', where: EVERYBODY }), { company: null, id }) as Promise<
        ModelRow<M>
      >);

/** A company as others see it. */
export const CompanyProfile = builder.objectRef<ModelRow<'Company'>>('CompanyProfile').implement({
  description: 'What everybody may know of a company.',
  fields: (t) => ({
    handle: t.exposeString('handle', { description: 'Its unique name in addresses.' }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it does.' }),
    domain: t.exposeString('domain', { description: 'Its domain.' }),
    industry: t.field({
      type: typeNamed('Industry'),
      nullable: true,
      description: 'Its industry.',
      resolve: (row, _, ctx) => byInt('Industry', ctx, row.industryId) as never,
    }),
    country: t.field({
      type: typeNamed('Country'),
      nullable: true,
      description: 'Where it is.',
      resolve: (row, _, ctx) => byInt('Country', ctx, row.countryId) as never,
    }),
  }),
});

/** The public side of any company. */
export function profileOf(ctx: Context, id: string): Promise<ModelRow<'Company'>> {
  return load(ctx, anyCompanyById, { company: null, id }) as Promise<ModelRow<'Company'>>;
}
