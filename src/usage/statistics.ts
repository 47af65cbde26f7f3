import { builder } from '../graph/builder.ts';
import type { Statistics } from './loaders.ts';

export const ProductStatistics = builder.objectRef<Statistics>('ProductStatistics').implement({
  description: 'How a product is used, over all companies. Public.',
  fields: (t) => ({
    runCount: t.int({ description: 'Runs or pages, ever.', resolve: (row) => Number(row.runs) }),
    buyerCount: t.int({
      description: 'Different companies that ran it with success.',
      resolve: (row) => Number(row.buyers),
    }),
    successRate: t.float({
      nullable: true,
      description: 'Share of the runs that had a result, 0 to 1; null without runs.',
      resolve: (row) => (Number(row.runs) > 0 ? Number(row.successes) / Number(row.runs) : null),
    }),
    medianMs: t.int({
      nullable: true,
      description: 'Median milliseconds of the successful runs of 30 days.',
      resolve: (row) => row.medianMs,
    }),
    p95Ms: t.int({ nullable: true, description: '95th percentile of the same.', resolve: (row) => row.p95Ms }),
    lastRunAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The hour of the last run.',
      resolve: (row) => row.lastRunAt,
    }),
    favoriteCount: t.int({
      description: 'Users who have it among their favorites.',
      resolve: (row) => Number(row.favorites),
    }),
    lowestPriceUsd: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'Lowest price it ever had.',
      resolve: (row) => row.lowestUsd,
    }),
    highestPriceUsd: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'Highest price it ever had.',
      resolve: (row) => row.highestUsd,
    }),
  }),
});
