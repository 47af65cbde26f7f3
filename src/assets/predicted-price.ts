import type { Context } from '../context.ts';
import type { Asset } from '../generated/prisma/client.ts';
import { centsOf, usdOf } from '../prices/credits.ts';

/** A price that others ask for something like it. */
export interface Comparable {
  id: string;
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
  /** The closest first. */
  comparables: Comparable[];
  comparableCount: number;
  reasons: string[];
}

/** A group needs so many to say anything. */
const ENOUGH = 5;
/** The closest are compared, no more than so many. */
const COMPARED = 1000;
export const SHOWN = 20;
/** What an asset is may move the median by so much, no more. */
const MOST_MOVED = 0.5;
const YEAR_MS = 31_557_600_000;
const [LEAST_CENTS, MOST_CENTS] = [50, 1_000_000];

/** What of an asset its price goes by. */
export type Traits = Pick<
  Asset,
  'assetType' | 'dataSourceRefreshFrequency' | 'dataTimePeriodStart' | 'dataTimePeriodEnd' | 'geographicCoverageType'
>;
type Row = Traits & { id: string; name: string; amount: string };

/** What one trait is worth against an ordinary one, and what is said of it. */
type Worth = [factor: number, said: string];

const yearsOf = ({ dataTimePeriodStart: start, dataTimePeriodEnd: end }: Traits): number =>
  start && end ? Math.floor((end.getTime() - start.getTime()) / YEAR_MS) : 0;

function freshness({ dataSourceRefreshFrequency: frequency }: Traits): Worth {
  if (['EVERY_SECOND', 'EVERY_MINUTE', 'EVERY_HOUR'].includes(frequency))
    return [1.2, 'its source is refreshed at least hourly'];
  if (['EVERY_QUARTER', 'EVERY_YEAR', 'NEVER'].includes(frequency)) return [0.85, 'its source is seldom refreshed'];
  return [1, 'its source is not said to be refreshed hourly'];
}

const types: Record<Asset['assetType'], Worth> = {
  VISUALIZATION: [1.15, 'it is a chart'],
  CALCULATION: [0.85, 'it is a single number'],
  DATA: [1, 'it is rows of data'],
};

/** Type, freshness and coverage of time and space. Source: what sellers are told to ask by kind, cadence and history. */
const traits: ((asset: Traits) => Worth)[] = [
  (asset) => types[asset.assetType],
  freshness,
  (asset) =>
    yearsOf(asset) >= 3
      ? [1.1, `its records cover ${yearsOf(asset)} years`]
      : [1, 'its records are not said to cover 3 years'],
  ({ geographicCoverageType: area }) =>
    ['GLOBAL', 'CONTINENTAL'].includes(area)
      ? [1.1, 'it covers more than one country']
      : [1, 'it is not said to cover more than one country'],
];

const quantile = (sorted: readonly number[], q: number): number => {
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? 0;
  return low + ((sorted[Math.ceil(at)] ?? low) - low) * (at - Math.floor(at));
};
const ascending = (numbers: number[]): number[] => numbers.sort((a, b) => a - b);
const percent = (factor: number): string => `${factor >= 1 ? '+' : '−'}${Math.round(Math.abs(factor - 1) * 100)} %`;

/**
 * What an asset is worth against most of its comparables, trait by trait: what all of them have is in their prices
 * already. Answers the factor on their median, 0.5 to 1.5, with a reason for each part of it.
 */
export function adjustmentOf(asset: Traits, comparables: readonly Traits[]): { factor: number; reasons: string[] } {
  const reasons: string[] = [];
  let factor = 1;
  for (const trait of traits) {
    const [worth, said] = trait(asset);
    const usual = quantile(ascending(comparables.map((one) => trait(one)[0])), 0.5);
    const part = worth / usual;
    if (Math.abs(part - 1) < 0.005) continue;
    factor *= part;
    reasons.push(`${percent(part)}: ${said}, unlike most of those.`);
  }
  const within = Math.min(1 + MOST_MOVED, Math.max(1 - MOST_MOVED, factor));
  if (within !== factor) reasons.push(`Together no more than ${percent(within)}.`);
  return { factor: within, reasons };
}

/** The groups in their order; an asset without use case or industry has none there. */
const groups = [
  { by: 'USE_CASE', said: 'of the same use case', where: 'a."useCaseId" = $2::int' },
  { by: 'INDUSTRY', said: 'of the same industry', where: 'a."industryId" = $3::int' },
  { by: 'ASSET_TYPE', said: 'of the same type', where: 'a."assetType" = $4::"AssetType"' },
] as const;

/** Active prices of listed assets of other companies, the ones most like it first; what is free says nothing of a price. */
const comparablesSql = (where: string): string => `select a.id, a.name, p."amountUsd"::text as amount,
    a."assetType"::text, a."dataSourceRefreshFrequency"::text, a."dataTimePeriodStart", a."dataTimePeriodEnd", a."geographicCoverageType"::text
  from "Asset" a join "Price" p on p."assetId" = a.id and p."endedAt" is null join "Company" c on c.id = a."companyId" and c."acceptedEula"
  where a."sellInMarketplace" and a.active and a."companyId" <> $1::uuid and p."amountUsd" > 0 and ${where}
  order by (a."useCaseId" is not distinct from $2::int)::int * 4 + (a."industryId" is not distinct from $3::int)::int * 3
    + (a."assetType" = $4::"AssetType")::int * 2 + least(3, cardinality(array(select unnest(a.tags) intersect select unnest($5::text[])))) desc,
    a.popularity desc, a.id limit ${COMPARED}`;

/**
 * A price for an asset from the active prices of listed assets of other companies: the median of the first group with
 * at least 5 (same use case, same industry, same type), adjusted by what sets the asset apart from them. Null where
 * there is too little to compare with: never a number without its reason. The seller's own prices play no part.
 */
export async function predictPrice(ctx: Context, asset: Asset): Promise<PredictedPrice | null> {
  const values = [asset.companyId, asset.useCaseId, asset.industryId, asset.assetType, asset.tags];
  for (const { by, said, where } of groups) {
    const rows = await ctx.query<Row>(comparablesSql(where), values);
    if (rows.length < ENOUGH) continue;
    const cents = ascending(rows.map((row) => centsOf(row.amount)));
    const [low, median, high] = [0.25, 0.5, 0.75].map((q) => quantile(cents, q)) as [number, number, number];
    const { factor, reasons } = adjustmentOf(asset, rows);
    // In steps of a credit, so that the price says what is charged.
    const usd = (value: number): string =>
      usdOf(Math.min(MOST_CENTS, Math.max(LEAST_CENTS, Math.round((value * factor) / 50) * 50)));
    return {
      lowUsd: usd(low),
      suggestedUsd: usd(median),
      highUsd: usd(high),
      confidence: Math.round(100 * (rows.length / (rows.length + 10)) * (1 / (1 + (high - low) / median))) / 100,
      comparedBy: by,
      comparables: rows.slice(0, SHOWN).map(({ id, name, amount }) => ({ id, name, priceUsd: usdOf(centsOf(amount)) })),
      comparableCount: rows.length,
      reasons: [
        `The median of ${rows.length} prices of assets ${said} is $${usdOf(Math.round(median))}.`,
        ...reasons,
        ...(usd(median) === usdOf(Math.round(median * factor)) ? [] : ['Prices are suggested in whole credits.']),
      ],
    };
  }
  return null;
}
