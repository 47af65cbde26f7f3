import { builder } from '../graph/builder.ts';
import { DomainError } from '../errors.ts';
import { toGlobalId } from '../ids.ts';
import { clearable, decimal, enumOf, idOfType, int, optional, text } from '../graph/input.ts';
import { mutation } from '../graph/mutation.ts';
import { grantToCompany, setPlan, setShare } from './companies.ts';
import { reviewAsset, reviewEndpoint, type Decision, type Review } from './review.ts';

const ReviewDecision = builder.enumType('ReviewDecision', {
  description: 'What the platform decides on a product.',
  values: {
    APPROVED: { description: 'It may be listed.' },
    REJECTED: { description: 'It may not be listed, and leaves the marketplace.' },
    NEEDS_REVISION: { description: 'It may be listed after changes; until then it leaves the marketplace.' },
  } satisfies Record<Decision, unknown>,
});

const ProductReview = builder.objectRef<Review>('ProductReview').implement({
  description: 'What a review of a product changed.',
  fields: (t) => ({
    productId: t.id({
      description: 'The id of the asset or endpoint.',
      resolve: ({ model, productId }) => toGlobalId(model, productId),
    }),
    status: t.field({ type: ReviewDecision, description: 'What was decided.', resolve: ({ status }) => status }),
    reviewedAt: t.field({ type: 'DateTime', description: 'When.', resolve: ({ reviewedAt }) => reviewedAt }),
    note: t.exposeString('note', { nullable: true, description: 'What the seller is told, at most 2000 characters.' }),
    isDelisted: t.exposeBoolean('isDelisted', { description: 'Whether it left the marketplace by this.' }),
  }),
});

const decision = {
  status: enumOf<Decision>(ReviewDecision, 'What is decided.'),
  note: optional(
    text('Why, and what to change: the seller reads it. Left out, the note of the last review goes.', 2000),
  ),
};
const review = { review: { type: ProductReview, description: 'What the review changed.' } };

mutation('assetReview', {
  description:
    'Decides on an asset that a machine proposed. One made by hand needs no approval, and is refused here (CONFLICT).',
  access: 'platform:operate',
  input: { id: idOfType('Asset', 'The asset.'), ...decision },
  payload: review,
  run: async (ctx, input) => ({ review: await reviewAsset(ctx, input) }),
});

mutation('endpointReview', {
  description: 'Decides on an endpoint: while it is not approved after a review, it cannot be listed.',
  access: 'platform:operate',
  input: { id: idOfType('Endpoint', 'The endpoint.'), ...decision },
  payload: review,
  run: async (ctx, input) => ({ review: await reviewEndpoint(ctx, input) }),
});

const companyHandle = text('The handle of the company.', 63);
const handle = { companyHandle: { type: 'String', description: 'The handle of the company.' } };

mutation('companyGrantCredits', {
  description: 'Gives a company credits, with an entry in the journal.',
  access: 'platform:operate',
  isIdempotent: true,
  input: {
    companyHandle,
    credits: int('How many credits.', 1, 10_000_000),
    note: text('What for; it stays in the journal.', 500),
  },
  payload: { ...handle, credits: { type: 'Int', description: 'The credits that were given.' } },
  run: async (ctx, input) => {
    await grantToCompany(ctx, input);
    return { companyHandle: input.companyHandle, credits: input.credits };
  },
});

mutation('companySetShare', {
  description: "Sets a company's share of its sales from now on.",
  access: 'platform:operate',
  input: {
    companyHandle,
    vendorShare: clearable(decimal('Its share, a fraction of 1; null for the usual 0.80.', '0', '1', 4)),
  },
  payload: {
    ...handle,
    vendorShare: { type: 'Decimal', description: 'The share that was agreed; null for the usual 0.80.' },
  },
  run: async (ctx, { companyHandle: of, vendorShare }) => {
    if (vendorShare === undefined)
      throw new DomainError('VALIDATION', 'Takes a share, or null for the usual one.', {
        path: ['input', 'vendorShare'],
      });
    await setShare(ctx, { companyHandle: of, vendorShare });
    return { companyHandle: of, vendorShare };
  },
});

mutation('companySetPlan', {
  description: 'Puts a company on another plan, at once.',
  access: 'platform:operate',
  input: { companyHandle, planCode: text('FREE, GROWTH or SCALE.', 40) },
  payload: { ...handle, planCode: { type: 'String', description: 'The plan it has now.' } },
  run: async (ctx, input) => {
    await setPlan(ctx, input);
    return { companyHandle: input.companyHandle, planCode: input.planCode };
  },
});
