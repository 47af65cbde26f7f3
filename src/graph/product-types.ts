import { builder } from './builder.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { toGlobalId } from '../ids.ts';
import {
  GeographicCoverage,
  ParameterTypeEnum,
  RateLimitGranularity,
  RateLimitPeriod,
  RefreshFrequency,
} from './product-enums.ts';

/** Types that products show to their own company and to the marketplace alike. */

interface ParameterRow {
  name: string;
  type: 'STRING' | 'INTEGER' | 'DECIMAL' | 'BOOLEAN' | 'DATE';
  isRequired: boolean;
  defaultValue: unknown;
  allowedValues: unknown[] | null;
  description: string | null;
}

export const AssetParameter = builder.objectRef<ParameterRow>('AssetParameter').implement({
  description: 'A value that a run of an asset takes.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name; `:name` in the SQL.' }),
    type: t.field({ type: ParameterTypeEnum, description: 'What values it takes.', resolve: (row) => row.type }),
    isRequired: t.exposeBoolean('isRequired', { description: 'Whether a run must give it.' }),
    defaultValue: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What it is when a run does not give it.',
      resolve: (row) => row.defaultValue,
    }),
    allowedValues: t.field({
      type: 'JSON',
      nullable: true,
      description: 'All values it takes, at most 200; null for any of its type.',
      resolve: (row) => row.allowedValues,
    }),
    description: t.exposeString('description', { nullable: true, description: 'What it means.' }),
  }),
});

/** What products tell of their approval and of their last review, to their company and to who reviews them. */
export const review = {
  approvedAt: {
    type: 'DateTime',
    nullable: true,
    description: 'When it was approved.',
    resolve: (row: Pick<Asset, 'approvedAt'>) => row.approvedAt,
  },
  approvedById: {
    nullable: true,
    description: "The id of who approved it: a user of the platform's, whom nobody else can look up.",
    resolve: (row: Pick<Asset, 'approvedByUserId'>) => row.approvedByUserId && toGlobalId('User', row.approvedByUserId),
  },
  reviewNote: {
    nullable: true,
    description: 'What the platform said at its last review, at most 2000 characters; null for nothing.',
  },
  reviewedAt: {
    type: 'DateTime',
    nullable: true,
    description: 'When the platform last reviewed it; null for never.',
    resolve: (row: Pick<Asset, 'reviewedAt'>) => row.reviewedAt,
  },
} as const;

interface CoverageRow {
  geographicCoverageType: Asset['geographicCoverageType'];
  geographicCoverageDetails: string | null;
  dataTimePeriodStart: Date | null;
  dataTimePeriodEnd: Date | null;
  dateCollectionStart: Date | null;
  dataSourceRefreshFrequency: Asset['dataSourceRefreshFrequency'];
}

export const Coverage = builder.objectRef<CoverageRow>('Coverage').implement({
  description: 'Which part of the world and of time the records cover.',
  fields: (t) => ({
    geographicType: t.field({
      type: GeographicCoverage,
      description: 'How much of the world.',
      resolve: (row) => row.geographicCoverageType,
    }),
    geographicDetails: t.exposeString('geographicCoverageDetails', { nullable: true, description: 'Where, in words.' }),
    periodStart: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Where the records begin.',
      resolve: (row) => row.dataTimePeriodStart,
    }),
    periodEnd: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Where the records end.',
      resolve: (row) => row.dataTimePeriodEnd,
    }),
    collectionStart: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When collecting began.',
      resolve: (row) => row.dateCollectionStart,
    }),
    refreshFrequency: t.field({
      type: RefreshFrequency,
      description: 'How often the source is refreshed.',
      resolve: (row) => row.dataSourceRefreshFrequency,
    }),
  }),
});

interface RateLimitRow {
  rateLimitNumber: number | null;
  rateLimitPeriod: Asset['rateLimitPeriod'];
  rateLimitGranularity: Asset['rateLimitGranularity'];
}

export const RateLimit = builder.objectRef<RateLimitRow>('RateLimit').implement({
  description: 'How often a product may be run: a sliding window.',
  fields: (t) => ({
    number: t.int({ description: 'Runs in a period.', resolve: (row) => row.rateLimitNumber ?? 0 }),
    period: t.field({
      type: RateLimitPeriod,
      nullable: true,
      description: 'The period.',
      resolve: (row) => row.rateLimitPeriod,
    }),
    granularity: t.field({
      type: RateLimitGranularity,
      nullable: true,
      description: 'Whose runs count together.',
      resolve: (row) => row.rateLimitGranularity,
    }),
  }),
});
