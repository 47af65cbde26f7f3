import { builder, typeNamed, type ModelRow } from '../graph/builder.ts';
import type { Context } from '../context.ts';
import { load } from '../lists/loader.ts';
import { EVERYBODY, refersTo, rowBy } from '../lists/rows.ts';

const anyCompanyById = rowBy<ModelRow<'Company'>>('Company', { where: EVERYBODY });
const industryById = rowBy<ModelRow<'Industry'>>('Industry', { type: 'int', where: EVERYBODY });
const countryById = rowBy<ModelRow<'Country'>>('Country', { type: 'int', where: EVERYBODY });

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
      ...refersTo(industryById, 'industryId', null),
    }),
    country: t.field({
      type: typeNamed('Country'),
      nullable: true,
      description: 'Where it is.',
      ...refersTo(countryById, 'countryId', null),
    }),
  }),
});

/** The public side of any company. */
export function profileOf(ctx: Context, id: string): Promise<ModelRow<'Company'>> {
  return load(ctx, anyCompanyById, { company: null, id }) as Promise<ModelRow<'Company'>>;
}
