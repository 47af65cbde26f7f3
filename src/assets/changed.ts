import { changedColumns } from '../changes.ts';
import type { Asset } from '../generated/prisma/client.ts';

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

/** What an update changes of an asset: whether its definition, and what of its listing. */
export function changedIn(before: Asset, columns: Record<string, unknown>): { isRedefined: boolean; listed: string[] } {
  return {
    isRedefined: changedColumns(before, columns, DEFINING).length > 0,
    listed: changedColumns(before, columns, LISTED),
  };
}
