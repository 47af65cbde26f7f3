import { isDeepStrictEqual } from 'node:util';
import { Prisma, type Asset } from '../generated/prisma/client.ts';

/** What decides what an asset answers: after a change of these it must be tested anew. */
const DEFINING = [
  'sqlLogic',
  'connectionId',
  'functionId',
  'prompt',
  'answerColumns',
  'parameters',
  'assetType',
  'vizSpec',
  'sourceTableName',
] as const satisfies (keyof Asset)[];

/** What its listing shows others of it; price and schema have news of their own. */
const LISTED = [
  'name',
  'description',
  'detailedDescription',
  'tags',
  'topQuestions',
  'industryId',
  'useCaseId',
  'dataTimePeriodStart',
  'dataTimePeriodEnd',
  'dateCollectionStart',
  'geographicCoverageType',
  'geographicCoverageDetails',
  'dataSourceRefreshFrequency',
] as const satisfies (keyof Asset)[];

/** A value as the database gives it back: JSON without what it cannot say. */
const stored = (value: unknown): unknown =>
  value === Prisma.DbNull ? null : typeof value === 'object' ? JSON.parse(JSON.stringify(value)) : value;

/** Columns among those given whose values are other ones than the asset has: what is given anew as it was is no change. */
export function changedIn(before: Asset, columns: Record<string, unknown>): { isRedefined: boolean; listed: string[] } {
  const isChanged = (name: keyof Asset): boolean =>
    columns[name] !== undefined && !isDeepStrictEqual(stored(columns[name]), stored(before[name]));
  return { isRedefined: DEFINING.some(isChanged), listed: LISTED.filter(isChanged) };
}
