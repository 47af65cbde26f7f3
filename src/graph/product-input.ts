import type { Asset } from '../generated/prisma/client.ts';
import { dateTime, enumOf, html, inputObject, int, intIdOfType, listOfInput, text, type InputField } from './input.ts';
import {
  GeographicCoverage,
  RateLimitGranularity,
  RateLimitPeriod,
  RefreshFrequency,
  Visibility,
} from './product-enums.ts';

/** What is said of a product of either kind, as the inputs of both take it. */

export const productName = text('What it is called; unique in the company.', 200, 2);

type Period = NonNullable<Asset['rateLimitPeriod']>;
type Granularity = NonNullable<Asset['rateLimitGranularity']>;

const rateLimit = inputObject('RateLimitInput', 'How often a product may be run.', {
  number: int('Runs in a period.', 1, 1_000_000),
  period: enumOf<Period>(RateLimitPeriod, 'The period, a sliding window.'),
  granularity: enumOf<Granularity>(RateLimitGranularity, 'Whose runs count together.'),
});

const question: InputField<string> = text('A question that it answers.', 200, 15);

/** May be empty. */
export const nullableOfProduct = {
  description: text('What it offers, in a sentence or two.', 2000),
  detailedDescription: html('What it offers, at length, in HTML; it is sanitised.', 100_000),
  industryId: intIdOfType('Industry', 'The industry that it is for.'),
  useCaseId: intIdOfType('AssetUseCase', 'What it is good for.'),
  sourceSchemaName: text('The schema of the table behind it.', 255),
  sourceTableName: text('The table behind it.', 255),
  dataTimePeriodStart: dateTime('Where the records begin.'),
  dataTimePeriodEnd: dateTime('Where the records end.'),
  dateCollectionStart: dateTime('When collecting began.'),
  geographicCoverageDetails: text('Where, in words.', 2000),
  rateLimit: rateLimit.as('How often it may be run; left out for no limit.'),
};

/** Never empty; the database has a value where none is given. */
export const solidOfProduct = {
  visibility: enumOf<Asset['visibility']>(Visibility, 'Who sees it beside the marketplace.'),
  tags: listOfInput(text('A tag.', 50), 'Words to find it by.', 30),
  topQuestions: listOfInput(question, 'Questions that it answers; 1 to 3 for a listing.', 3),
  geographicCoverageType: enumOf<Asset['geographicCoverageType']>(
    GeographicCoverage,
    'How much of the world the records cover.',
  ),
  dataSourceRefreshFrequency: enumOf<Asset['dataSourceRefreshFrequency']>(
    RefreshFrequency,
    'How often the source is brought up to date.',
  ),
};
