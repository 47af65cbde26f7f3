import { retailAssets } from './products-retail.ts';
import { sportsAssets } from './products-sports.ts';
import { weatherAssets } from './products-weather.ts';

/** What the demo sellers offer. The tables behind it are made by `warehouses.ts`; ids are those of the reference data. */
export type DemoSeller = 'sports' | 'retail' | 'weather';

/** A `:name` placeholder of the SQL. */
export interface DemoParameter {
  name: string;
  type: 'STRING' | 'INTEGER' | 'DECIMAL' | 'BOOLEAN' | 'DATE';
  isRequired: boolean;
  defaultValue: string | number | boolean | null;
  allowedValues: (string | number)[] | null;
  description: string;
}

export interface DemoAsset {
  seller: DemoSeller;
  name: string;
  description: string;
  /** HTML. */
  detailedDescription: string;
  assetType: 'CALCULATION' | 'VISUALIZATION' | 'DATA';
  sqlLogic: string;
  parameters: DemoParameter[];
  tags: string[];
  topQuestions: string[];
  industryId: number;
  useCaseId: number;
  sourceTableName: string;
  /** Whether it runs on the seller's Parquet and CSV files instead of its warehouse. */
  isOnFiles?: boolean;
  priceUsd: string;
  isListed: boolean;
  isCached: boolean;
  refresh: 'EVERY_HOUR' | 'EVERY_DAY' | 'EVERY_WEEK' | 'NEVER';
  geographicCoverageType: 'GLOBAL' | 'CONTINENTAL' | 'REGIONAL' | 'NATIONAL' | 'STATE' | 'LOCAL' | 'CUSTOM' | 'UNKNOWN';
  geographicCoverageDetails: string | null;
  /** A Plotly figure whose `*src` members name columns of the result. */
  vizSpec?: object;
  viz?: {
    chartType: 'LINE' | 'BAR' | 'PIE' | 'DOUGHNUT' | 'POLAR' | 'RADAR' | 'BUBBLE' | 'SCATTER';
    x: string;
    y: string;
    size?: string;
    color?: string;
  };
}

export type DemoFilterOp =
  | 'eq'
  | 'ne'
  | 'gt'
  | 'gte'
  | 'lt'
  | 'lte'
  | 'in'
  | 'not_in'
  | 'between'
  | 'contains'
  | 'starts_with'
  | 'is_null'
  | 'not_null';

export interface DemoColumn {
  name: string;
  type: 'BOOLEAN' | 'INTEGER' | 'BIGINT' | 'DECIMAL' | 'FLOAT' | 'STRING' | 'DATE' | 'TIMESTAMP';
  aggregation?: 'SUM' | 'AVG' | 'MIN' | 'MAX' | 'COUNT' | 'COUNT_DISTINCT';
  filter?: { op: DemoFilterOp; value?: string | number | boolean; values?: (string | number)[]; param?: string };
  isHidden?: boolean;
  alias?: string;
  order?: 'ASC' | 'DESC';
}

export interface DemoEndpoint {
  seller: DemoSeller;
  name: string;
  description: string;
  sourceTableName: string;
  columns: DemoColumn[];
  priceUsd: string;
  tags: string[];
  topQuestions: string[];
  industryId: number;
  useCaseId: number;
  isListed: boolean;
  maxRecordsPerRequest: number;
}

export const demoAssets: DemoAsset[] = [...sportsAssets, ...retailAssets, ...weatherAssets];

export const demoEndpoints: DemoEndpoint[] = [
  {
    seller: 'sports',
    name: 'Match Results since 2022',
    description:
      'Every match of sixteen leagues with date, clubs, ratings before kick-off, goals and attendance: 30,400 rows, newest first, ready for a model.',
    sourceTableName: 'matches',
    columns: [
      { name: 'match_date', type: 'DATE', order: 'DESC' },
      { name: 'match_id', type: 'BIGINT', order: 'ASC' },
      { name: 'season', type: 'INTEGER' },
      { name: 'league_id', type: 'INTEGER' },
      { name: 'round', type: 'INTEGER' },
      { name: 'kickoff_at', type: 'TIMESTAMP' },
      { name: 'home_team_id', type: 'BIGINT' },
      { name: 'away_team_id', type: 'BIGINT' },
      { name: 'home_rating', type: 'DECIMAL' },
      { name: 'away_rating', type: 'DECIMAL' },
      { name: 'home_goals', type: 'INTEGER' },
      { name: 'away_goals', type: 'INTEGER' },
      { name: 'result', type: 'STRING' },
      { name: 'attendance', type: 'BIGINT' },
      { name: 'is_derby', type: 'BOOLEAN' },
    ],
    priceUsd: '0.50',
    tags: ['football', 'results', 'matches'],
    topQuestions: ['How did each match of the season end?'],
    industryId: 17,
    useCaseId: 14,
    isListed: true,
    maxRecordsPerRequest: 1000,
  },
  {
    seller: 'sports',
    name: 'Opening and Closing Match Odds',
    description:
      'Decimal home, draw and away prices of five bookmakers at opening and close for 30,400 matches, with the closing margin. The raw material of backtests.',
    sourceTableName: 'match_odds',
    columns: [
      { name: 'match_id', type: 'BIGINT', order: 'ASC' },
      { name: 'bookmaker_id', type: 'INTEGER', order: 'ASC' },
      { name: 'home_open', type: 'DECIMAL' },
      { name: 'draw_open', type: 'DECIMAL' },
      { name: 'away_open', type: 'DECIMAL' },
      { name: 'home_close', type: 'DECIMAL' },
      { name: 'draw_close', type: 'DECIMAL' },
      { name: 'away_close', type: 'DECIMAL' },
      { name: 'margin_close', type: 'DECIMAL', alias: 'closing_margin' },
    ],
    priceUsd: '1.00',
    tags: ['odds', 'closing line', 'backtest'],
    topQuestions: ['What was the closing price of each match?', 'How far did prices move before kick-off?'],
    industryId: 17,
    useCaseId: 13,
    isListed: true,
    maxRecordsPerRequest: 2000,
  },
  {
    seller: 'sports',
    name: 'Clubs of a League',
    description:
      'Name, city, founding year, stadium capacity and budget of the twenty clubs of the league you ask for. The key to the team ids in results and odds.',
    sourceTableName: 'teams',
    columns: [
      { name: 'team_id', type: 'BIGINT', order: 'ASC' },
      { name: 'league_id', type: 'INTEGER', isHidden: true, filter: { op: 'eq', param: 'league_id' } },
      { name: 'name', type: 'STRING' },
      { name: 'city', type: 'STRING' },
      { name: 'founded_year', type: 'INTEGER' },
      { name: 'stadium_capacity', type: 'INTEGER' },
      { name: 'budget_musd', type: 'DECIMAL', alias: 'budget_million_usd' },
    ],
    priceUsd: '0.25',
    tags: ['football', 'clubs'],
    topQuestions: ['Which clubs play in a league?'],
    industryId: 17,
    useCaseId: 14,
    isListed: true,
    maxRecordsPerRequest: 500,
  },
  {
    seller: 'sports',
    name: 'Attendance by Season and League',
    description:
      'Matches, average and record attendance for each league and season, grouped and ready for a chart. Eighty rows that update after every round.',
    sourceTableName: 'matches',
    columns: [
      { name: 'season', type: 'INTEGER', order: 'DESC' },
      { name: 'league_id', type: 'INTEGER', order: 'ASC' },
      { name: 'match_id', type: 'BIGINT', aggregation: 'COUNT', alias: 'matches' },
      { name: 'attendance', type: 'BIGINT', aggregation: 'AVG', alias: 'average_attendance' },
      { name: 'attendance', type: 'BIGINT', aggregation: 'MAX', alias: 'record_attendance' },
    ],
    priceUsd: '0.75',
    tags: ['football', 'attendance'],
    topQuestions: ['Which league draws the largest crowds?'],
    industryId: 17,
    useCaseId: 9,
    isListed: true,
    maxRecordsPerRequest: 1000,
  },
  {
    seller: 'retail',
    name: 'Daily Sales by Store',
    description:
      'Net sales, cost, units and number of baskets for every store and day of two years. The feed for forecasting, staffing and peer benchmarks.',
    sourceTableName: 'sales_lines',
    columns: [
      { name: 'sold_on', type: 'DATE', order: 'DESC' },
      { name: 'store_id', type: 'INTEGER', order: 'ASC' },
      { name: 'net_amount', type: 'DECIMAL', aggregation: 'SUM', alias: 'net_sales_usd' },
      { name: 'cost_amount', type: 'DECIMAL', aggregation: 'SUM', alias: 'cost_usd' },
      { name: 'quantity', type: 'INTEGER', aggregation: 'SUM', alias: 'units' },
      { name: 'basket_id', type: 'BIGINT', aggregation: 'COUNT_DISTINCT', alias: 'baskets' },
    ],
    priceUsd: '1.00',
    tags: ['retail', 'sales', 'stores'],
    topQuestions: ['How did each store trade yesterday?', 'How many baskets does a store ring up a day?'],
    industryId: 7,
    useCaseId: 2,
    isListed: true,
    maxRecordsPerRequest: 5000,
  },
  {
    seller: 'retail',
    name: 'Promotion Lines since a Date',
    description:
      'Single sales lines sold at a discount since the day you name: product, store, rate and net amount. For models of price response at line level.',
    sourceTableName: 'sales_lines',
    columns: [
      { name: 'line_id', type: 'BIGINT', order: 'ASC' },
      { name: 'sold_on', type: 'DATE', filter: { op: 'gte', param: 'since' } },
      { name: 'store_id', type: 'INTEGER' },
      { name: 'product_id', type: 'INTEGER' },
      { name: 'quantity', type: 'INTEGER' },
      { name: 'unit_price', type: 'DECIMAL' },
      { name: 'discount_rate', type: 'DECIMAL' },
      { name: 'net_amount', type: 'DECIMAL' },
      { name: 'is_promotion', type: 'BOOLEAN', isHidden: true, filter: { op: 'eq', value: true } },
    ],
    priceUsd: '2.00',
    tags: ['retail', 'promotions', 'pricing'],
    topQuestions: ['What sells at which discount?'],
    industryId: 7,
    useCaseId: 18,
    isListed: true,
    maxRecordsPerRequest: 10000,
  },
  {
    seller: 'retail',
    name: 'Product Catalogue with Prices',
    description:
      'All 1,200 products with brand, category, list price and launch date. Cost is left out; private label is marked. Joins to every sales feed we sell.',
    sourceTableName: 'products',
    columns: [
      { name: 'product_id', type: 'BIGINT', order: 'ASC' },
      { name: 'name', type: 'STRING' },
      { name: 'brand', type: 'STRING' },
      { name: 'category_id', type: 'INTEGER' },
      { name: 'list_price', type: 'DECIMAL' },
      { name: 'launched_on', type: 'DATE' },
      { name: 'is_private_label', type: 'BOOLEAN' },
    ],
    priceUsd: '0.00',
    tags: ['retail', 'catalogue', 'prices'],
    topQuestions: ['Which products and prices are in the range?'],
    industryId: 7,
    useCaseId: 3,
    isListed: true,
    maxRecordsPerRequest: 1000,
  },
  {
    seller: 'retail',
    name: 'Returns by Product and Reason',
    description:
      'Number of returns, units and refunds for each product and stated reason over two years. Find the products whose size chart or photograph misleads.',
    sourceTableName: 'returns',
    columns: [
      { name: 'product_id', type: 'INTEGER', order: 'ASC' },
      { name: 'reason', type: 'STRING', order: 'ASC' },
      { name: 'return_id', type: 'BIGINT', aggregation: 'COUNT', alias: 'returns' },
      { name: 'quantity', type: 'INTEGER', aggregation: 'SUM', alias: 'units' },
      { name: 'refund_amount', type: 'DECIMAL', aggregation: 'SUM', alias: 'refund_usd' },
    ],
    priceUsd: '1.50',
    tags: ['retail', 'returns', 'quality'],
    topQuestions: ['Which products come back most, and why?'],
    industryId: 7,
    useCaseId: 17,
    isListed: false,
    maxRecordsPerRequest: 2000,
  },
  {
    seller: 'weather',
    name: 'Daily Observations of a Station',
    description:
      'Temperature, rain, humidity, wind and radiation for each day since 2022 at the station you choose, newest first. Gaps are null, never filled.',
    sourceTableName: 'daily_observations',
    columns: [
      { name: 'observed_on', type: 'DATE', order: 'DESC' },
      { name: 'station_id', type: 'INTEGER', filter: { op: 'eq', param: 'station_id' } },
      { name: 'mean_temperature_c', type: 'DECIMAL' },
      { name: 'min_temperature_c', type: 'DECIMAL' },
      { name: 'max_temperature_c', type: 'DECIMAL' },
      { name: 'precipitation_mm', type: 'DECIMAL' },
      { name: 'is_snow', type: 'BOOLEAN' },
      { name: 'humidity_pct', type: 'DECIMAL' },
      { name: 'gust_kmh', type: 'DECIMAL' },
      { name: 'radiation_mj_m2', type: 'DECIMAL' },
    ],
    priceUsd: '0.50',
    tags: ['weather', 'daily', 'stations'],
    topQuestions: ['What was the weather at a station on a given day?'],
    industryId: 12,
    useCaseId: 15,
    isListed: true,
    maxRecordsPerRequest: 2000,
  },
  {
    seller: 'weather',
    name: 'Valid Hourly Readings',
    description:
      'Hourly temperature, rain, wind and pressure of forty stations since September 2026. Readings that failed quality control are left out.',
    sourceTableName: 'hourly_observations',
    columns: [
      { name: 'observed_at', type: 'TIMESTAMP', order: 'DESC' },
      { name: 'station_id', type: 'INTEGER', order: 'ASC' },
      { name: 'temperature_c', type: 'DECIMAL' },
      { name: 'precipitation_mm', type: 'DECIMAL' },
      { name: 'wind_kmh', type: 'DECIMAL' },
      { name: 'wind_direction_deg', type: 'INTEGER' },
      { name: 'pressure_hpa', type: 'DECIMAL' },
      { name: 'is_valid', type: 'BOOLEAN', isHidden: true, filter: { op: 'eq', value: true } },
    ],
    priceUsd: '1.00',
    tags: ['weather', 'hourly', 'wind'],
    topQuestions: ['How did temperature and wind develop hour by hour?'],
    industryId: 3,
    useCaseId: 20,
    isListed: true,
    maxRecordsPerRequest: 5000,
  },
  {
    seller: 'weather',
    name: 'Severe Weather Warnings',
    description:
      'Amber and red warnings for heat, frost, rain and wind by region since 2022, with issue time, peak value and the number of stations in the area.',
    sourceTableName: 'weather_warnings',
    columns: [
      { name: 'valid_on', type: 'DATE', order: 'DESC' },
      { name: 'warning_id', type: 'BIGINT', order: 'ASC' },
      { name: 'region', type: 'STRING' },
      { name: 'kind', type: 'STRING' },
      { name: 'severity', type: 'STRING', filter: { op: 'in', values: ['AMBER', 'RED'] } },
      { name: 'issued_at', type: 'TIMESTAMP' },
      { name: 'peak', type: 'DECIMAL' },
      { name: 'stations_affected', type: 'BIGINT' },
    ],
    priceUsd: '0.75',
    tags: ['weather', 'warnings', 'risk'],
    topQuestions: ['Which severe weather hit a region, and when?'],
    industryId: 10,
    useCaseId: 16,
    isListed: true,
    maxRecordsPerRequest: 1000,
  },
];
