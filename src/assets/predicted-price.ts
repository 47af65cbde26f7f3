import type { Context } from '../context.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { centsOf, usdOf } from '../prices/credits.ts';

/** A price that others ask for something like it. */
export interface Comparable {
  name: string;
  priceUsd: string;
}

export interface PredictedPrice {
  lowUsd: string;
  suggestedUsd: string;
  highUsd: string;
  /** 0 to 1: more comparables that agree give more. */
  confidence: number;
  comparedBy: 'USE_CASE' | 'INDUSTRY' | 'ASSET_TYPE';
  comparables: Comparable[];
  comparableCount: number;
  reasons: string[];
}

/** A group needs so many to say anything. */
const ENOUGH = 5;
const SHOWN = 5;

interface Row {
  name: string;
  amount: string;
  byUseCase: boolean;
  byIndustry: boolean;
  byType: boolean;
}

/** A factor on the median and the reason for it. Source: pricing guidance of the marketplace by kind, cadence and history. */
interface Adjustment {
  factor: number;
  reason: string;
}

const percent = (factor: number): string => `${factor >= 1 ? '+' : '−'}${Math.round(Math.abs(factor - 1) * 100)} %`;

/** What makes an asset worth more or less than the usual one of its group. */
export function adjustments(
  asset: Pick<
    Asset,
    'assetType' | 'dataSourceRefreshFrequency' | 'dataTimePeriodStart' | 'dataTimePeriodEnd' | 'geographicCoverageType'
  >,
  isSameType: boolean,
): Adjustment[] {
  const found: Adjustment[] = [];
  const add = (factor: number, reason: string): void =>
    void found.push({ factor, reason: `${percent(factor)} because ${reason}` });
  if (!isSameType && asset.assetType === 'VISUALIZATION') add(1.15, 'it is a chart');
  if (!isSameType && asset.assetType === 'CALCULATION') add(0.85, 'it is a single number');
  if (['EVERY_SECOND', 'EVERY_MINUTE', 'EVERY_HOUR'].includes(asset.dataSourceRefreshFrequency))
    add(1.2, 'its source is refreshed at least hourly');
  if (['EVERY_QUARTER', 'EVERY_YEAR', 'NEVER'].includes(asset.dataSourceRefreshFrequency))
    add(0.85, 'its source is seldom refreshed');
  const years =
    asset.dataTimePeriodStart && asset.dataTimePeriodEnd
      ? (asset.dataTimePeriodEnd.getTime() - asset.dataTimePeriodStart.getTime()) / 31_557_600_000
      : 0;
  if (years >= 3) add(1.1, `its records cover ${Math.floor(years)} years`);
  if (['GLOBAL', 'CONTINENTAL'].includes(asset.geographicCoverageType)) add(1.1, 'it covers more than one country');
  return found;
}

const quantile = (sorted: number[], q: number): number => {
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? 0;
  return low + ((sorted[Math.ceil(at)] ?? low) - low) * (at - Math.floor(at));
};

/**
 * A price for an asset from the active prices of listed assets of other companies: the median of the first group with
 * at least 5 (same use case, same industry, same type), adjusted by cadence, history and coverage. Null where there is
 * too little to compare with: never a number without its reason. The asset's own price plays no part.
 */
export async function predictPrice(ctx: Context, asset: Asset): Promise<PredictedPrice | null> {
  const rows = await ctx.query<Row>(
    `select a.name, p."amountUsd"::text as amount, coalesce(a."useCaseId" = $2::int, false) as "byUseCase", coalesce(a."industryId" = $3::int, false) as "byIndustry",
       a."assetType" = $4::"AssetType" as "byType"
     from "Asset" a join "Price" p on p."assetId" = a.id and p."endedAt" is null
     where a."sellInMarketplace" and a.active and a."companyId" <> $1::uuid and p."amountUsd" > 0
       and (a."useCaseId" = $2::int or a."industryId" = $3::int or a."assetType" = $4::"AssetType") order by a."updatedAt" desc limit 1000`,
    [asset.companyId, asset.useCaseId, asset.industryId, asset.assetType],
  );
  const groups = [
    {
      comparedBy: 'USE_CASE' as const,
      rows: rows.filter((row) => row.byUseCase),
      text: 'of the same use case',
      isSameType: false,
    },
    {
      comparedBy: 'INDUSTRY' as const,
      rows: rows.filter((row) => row.byIndustry),
      text: 'of the same industry',
      isSameType: false,
    },
    {
      comparedBy: 'ASSET_TYPE' as const,
      rows: rows.filter((row) => row.byType),
      text: 'of the same type',
      isSameType: true,
    },
  ];
  const group = groups.find((one) => one.rows.length >= ENOUGH);
  if (!group) return null;
  const cents = group.rows.map((row) => centsOf(row.amount)).sort((a, b) => a - b);
  const median = quantile(cents, 0.5);
  const changes = adjustments(asset, group.isSameType);
  const factor = changes.reduce((product, change) => product * change.factor, 1);
  // In steps of a credit, so that the price says what is charged.
  const usd = (value: number): string => usdOf(Math.max(50, Math.round(value / 50) * 50));
  const spread = (quantile(cents, 0.75) - quantile(cents, 0.25)) / Math.max(median, 1);
  return {
    lowUsd: usd(quantile(cents, 0.25) * factor),
    suggestedUsd: usd(median * factor),
    highUsd: usd(quantile(cents, 0.75) * factor),
    confidence: Math.round(100 * (cents.length / (cents.length + 10)) * (1 / (1 + spread))) / 100,
    comparedBy: group.comparedBy,
    comparables: group.rows.slice(0, SHOWN).map((row) => ({ name: row.name, priceUsd: usdOf(centsOf(row.amount)) })),
    comparableCount: cents.length,
    reasons: [
      `The median of ${cents.length} prices of assets ${group.text} is $${usdOf(Math.round(median))}.`,
      ...changes.map((change) => `${change.reason}.`),
    ],
  };
}
