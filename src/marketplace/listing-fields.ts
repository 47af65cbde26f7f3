import { typeNamed, type ModelRow } from '../graph/builder.ts';
import { CompanyProfile, profileOf } from '../companies/profile.ts';
import type { Context } from '../context.ts';
import { activePrices, type Product } from '../prices/loaders.ts';
import { Coverage, RateLimit } from '../graph/product-types.ts';
import { EVERYBODY, refersTo, rowBy, type Selection } from '../lists/rows.ts';
import { statisticsOf } from '../usage/loaders.ts';
import { ProductStatistics } from '../usage/statistics.ts';

/** What the columns are called that assets and endpoints have alike. */
type Row = ModelRow<'Asset'> & ModelRow<'Endpoint'>;
type Resolve = (row: Row, args: object, ctx: Context, info: Selection) => unknown;
/** The part of a field builder that both models' builders have. */
interface Fields {
  field(options: {
    type: unknown;
    nullable?: boolean;
    cost?: number;
    description: string;
    resolve: Resolve;
    extensions?: object;
  }): never;
  exposeString(name: string, options: { nullable?: boolean; description: string }): never;
  exposeStringList(name: string, options: { description: string }): never;
}

/** The fields of a listing of either kind; `unit` is what is paid for, `use` what is done with it. */
export function listingFields(builder: unknown, product: Product, { unit, use }: { unit: string; use: string }) {
  const t = builder as Fields;
  return {
    name: t.exposeString('name', { description: 'What it is called.' }),
    slug: t.exposeString('slug', { description: 'Its name in addresses.' }),
    description: t.exposeString('description', { nullable: true, description: 'A short text.' }),
    detailedDescription: t.field({
      type: 'HTML',
      nullable: true,
      description: 'A long text.',
      resolve: (row) => row.detailedDescription,
    }),
    tags: t.exposeStringList('tags', { description: 'Its tags, at most 30.' }),
    topQuestions: t.exposeStringList('topQuestions', { description: 'Questions that it answers, at most 3.' }),
    coverage: t.field({ type: Coverage, description: 'What its records cover.', resolve: (row) => row }),
    rateLimit: t.field({
      type: RateLimit,
      nullable: true,
      description: `How often it may be ${use}; null for no limit.`,
      resolve: (row) => (row.rateLimitNumber ? row : null),
    }),
    seller: t.field({
      type: CompanyProfile,
      description: 'Who sells it.',
      resolve: (row, _, ctx) => profileOf(ctx, row.companyId),
    }),
    price: t.field({
      type: typeNamed('Price'),
      nullable: true,
      description: `What a ${unit} costs; null where it is not for sale.`,
      ...refersTo(activePrices[product], 'id', null),
    }),
    industry: t.field({
      type: typeNamed('Industry'),
      nullable: true,
      description: 'Its industry.',
      ...refersTo(rowBy('Industry', { type: 'int', where: EVERYBODY }), 'industryId', null),
    }),
    useCase: t.field({
      type: typeNamed('AssetUseCase'),
      nullable: true,
      description: 'Its main use case.',
      ...refersTo(rowBy('AssetUseCase', { type: 'int', where: EVERYBODY }), 'useCaseId', null),
    }),
    statistics: t.field({
      type: ProductStatistics,
      cost: 2,
      description: 'How it is used.',
      resolve: (row, _, ctx) => statisticsOf(ctx, row.id),
    }),
    createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.createdAt }),
    updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
  };
}
