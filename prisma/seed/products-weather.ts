import type { DemoAsset, DemoParameter } from './products.ts';

const note = '<p>Demonstration data: stations and readings are simulated.</p>';

const base = {
  seller: 'weather',
  industryId: 12,
  sourceTableName: 'daily_observations',
  parameters: [] as DemoParameter[],
  isListed: true,
  isCached: true,
  refresh: 'EVERY_DAY',
  geographicCoverageType: 'REGIONAL',
  geographicCoverageDetails: 'Forty stations in the regions Coast, Uplands, Plain, City and South',
} as const;

const region: DemoParameter = {
  name: 'region',
  type: 'STRING',
  isRequired: true,
  defaultValue: null,
  allowedValues: ['Coast', 'Uplands', 'Plain', 'City', 'South'],
  description: 'Region whose eight stations are averaged.',
};

const year: DemoParameter = {
  name: 'year',
  type: 'INTEGER',
  isRequired: false,
  defaultValue: 2025,
  allowedValues: [2022, 2023, 2024, 2025, 2026],
  description: 'Calendar year; 2026 runs to the end of October.',
};

const days: DemoParameter[] = [
  {
    name: 'from_date',
    type: 'DATE',
    isRequired: false,
    defaultValue: '2025-10-01',
    allowedValues: null,
    description: 'First day, YYYY-MM-DD, from 2022-01-01.',
  },
  {
    name: 'to_date',
    type: 'DATE',
    isRequired: false,
    defaultValue: '2026-05-01',
    allowedValues: null,
    description: 'First day that no longer counts, YYYY-MM-DD, up to 2026-11-01.',
  },
];

export const weatherAssets: DemoAsset[] = [
  {
    ...base,
    name: 'Latest Mean Temperature of All Stations',
    description:
      'Mean air temperature of the most recent day over forty stations, in degrees Celsius. Free of charge, so that you can try the service end to end.',
    detailedDescription: `<p>Mean of the 24 hourly values, averaged over all stations with equal weight.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(avg(mean_temperature_c), 2) AS answer_value
FROM daily_observations
WHERE observed_on = (SELECT max(observed_on) FROM daily_observations)`,
    tags: ['weather', 'temperature', 'free'],
    topQuestions: ['How warm was the latest day on average?'],
    useCaseId: 10,
    priceUsd: '0.00',
    refresh: 'EVERY_HOUR',
  },
  {
    ...base,
    industryId: 3,
    name: 'Heating Degree Days of a Region',
    description:
      'Heating degree days of a region over any period, with the base temperature you bill by. The driver behind gas, district heat and heat pump load.',
    detailedDescription: `<p>Sum over days of base temperature less daily mean where positive; mean of the stations of the region.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(sum(greatest(0, CAST(:base_temperature AS DOUBLE) - daily.mean_c)), 1) AS answer_value
FROM (
  SELECT o.observed_on, avg(o.mean_temperature_c) AS mean_c
  FROM daily_observations o
  JOIN stations s ON s.station_id = o.station_id
  WHERE s.region = :region AND o.observed_on >= CAST(:from_date AS DATE) AND o.observed_on < CAST(:to_date AS DATE)
  GROUP BY o.observed_on
) AS daily`,
    parameters: [
      region,
      ...days,
      {
        name: 'base_temperature',
        type: 'DECIMAL',
        isRequired: false,
        defaultValue: 15.5,
        allowedValues: [12, 15.5, 18, 18.3],
        description: 'Base temperature in degrees Celsius.',
      },
    ],
    tags: ['weather', 'energy', 'degree days', 'heating'],
    topQuestions: ['How cold was the last heating season?', 'How do I normalise gas use for weather?'],
    useCaseId: 20,
    priceUsd: '1.00',
  },
  {
    ...base,
    industryId: 18,
    name: 'Chance of a Dry Day in a Month',
    isOnFiles: true,
    description:
      'Share of days with under 0.2 mm of rain in a region and month since 2022, in percent. For event planners, beer gardens, painters and road crews.',
    detailedDescription: `<p>Station days counted one by one: about 1,200 a month and region.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(100.0 * avg(CASE WHEN o.precipitation_mm < 0.2 THEN 1 ELSE 0 END), 1) AS answer_value
FROM daily_observations o
JOIN stations s ON s.station_id = o.station_id
WHERE s.region = :region AND extract(month FROM o.observed_on) = CAST(:month AS INTEGER)`,
    parameters: [
      region,
      {
        name: 'month',
        type: 'INTEGER',
        isRequired: false,
        defaultValue: 6,
        allowedValues: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        description: 'Month of the year, 1-12.',
      },
    ],
    tags: ['weather', 'rain', 'events'],
    topQuestions: ['How likely is a dry day in June?', 'Which month is safest for an outdoor event?'],
    useCaseId: 15,
    priceUsd: '0.75',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    industryId: 1,
    name: 'Growing Degree Days above 5 °C',
    description:
      'Warmth available to cool-season crops in a region and year, summed above 5 °C and capped at 30 °C. Compare years before choosing a sowing date.',
    detailedDescription: `<p>Daily mean of minimum and maximum, capped at 30 °C, less 5 °C, where positive.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(sum(greatest(0, least(30, daily.mid_c) - 5)), 0) AS answer_value
FROM (
  SELECT o.observed_on, avg((o.min_temperature_c + o.max_temperature_c) / 2) AS mid_c
  FROM daily_observations o
  JOIN stations s ON s.station_id = o.station_id
  WHERE s.region = :region AND extract(year FROM o.observed_on) = CAST(:year AS INTEGER)
  GROUP BY o.observed_on
) AS daily`,
    parameters: [region, year],
    tags: ['weather', 'agriculture', 'degree days', 'crops'],
    topQuestions: ['Was this a warm growing season?', 'How do regions differ in crop warmth?'],
    useCaseId: 15,
    priceUsd: '1.25',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    industryId: 10,
    name: 'Damaging Gust Threshold of a Region',
    description:
      'The daily peak gust, in km/h, that a region exceeds on one day in a hundred. A starting point for wind deductibles and for closing scaffolds or cranes.',
    detailedDescription: `<p>99th percentile of daily peak gusts of all stations of the region since 2022.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(percentile_cont(0.99) WITHIN GROUP (ORDER BY CAST(o.gust_kmh AS DOUBLE)), 1) AS answer_value
FROM daily_observations o
JOIN stations s ON s.station_id = o.station_id
WHERE s.region = :region`,
    parameters: [region],
    tags: ['weather', 'wind', 'insurance', 'risk'],
    topQuestions: ['Which gust speed should trigger a wind cover?'],
    useCaseId: 16,
    priceUsd: '3.00',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    name: 'This Year against the Recent Normal',
    description:
      'Monthly mean temperature of 2026 beside the average of 2022-2025, over all stations. See at a glance which months ran warm and which ran cold.',
    detailedDescription: `<p>January to October; both lines from the same forty stations.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT extract(month FROM observed_on) AS month,
  round(avg(mean_temperature_c) FILTER (WHERE observed_on >= DATE '2026-01-01'), 2) AS this_year_c,
  round(avg(mean_temperature_c) FILTER (WHERE observed_on < DATE '2026-01-01'), 2) AS normal_c
FROM daily_observations
WHERE extract(month FROM observed_on) <= 10
GROUP BY 1
ORDER BY 1`,
    vizSpec: {
      data: [
        { type: 'bar', name: '2026', xsrc: 'month', ysrc: 'this_year_c' },
        { type: 'scatter', mode: 'lines+markers', name: '2022-2025', xsrc: 'month', ysrc: 'normal_c' },
      ],
      layout: {
        title: { text: 'Monthly mean temperature against the recent normal' },
        xaxis: { title: { text: 'Month' }, dtick: 1 },
        yaxis: { title: { text: '°C' } },
      },
    },
    tags: ['weather', 'temperature', 'anomaly'],
    topQuestions: ['Which months of this year were unusually warm?'],
    useCaseId: 10,
    priceUsd: '2.00',
  },
  {
    ...base,
    industryId: 3,
    name: 'Wind Rose of the Last Two Months',
    description:
      'Hours and mean speed by wind direction in sixteen sectors for one region, from hourly readings since September 2026. For siting, noise and dust work.',
    detailedDescription: `<p>Readings flagged invalid are left out. Directions are where the wind comes from.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT CAST(floor(((h.wind_direction_deg + 11.25) % 360) / 22.5) * 22.5 AS DOUBLE) AS direction_deg,
  count(*) AS hours, round(avg(h.wind_kmh), 1) AS mean_wind_kmh
FROM hourly_observations h
JOIN stations s ON s.station_id = h.station_id
WHERE s.region = :region AND h.is_valid
GROUP BY 1
ORDER BY 1`,
    parameters: [region],
    sourceTableName: 'hourly_observations',
    vizSpec: {
      data: [{ type: 'barpolar', rsrc: 'hours', thetasrc: 'direction_deg', marker: { colorsrc: 'mean_wind_kmh' } }],
      layout: {
        title: { text: 'Hours by wind direction' },
        polar: { angularaxis: { direction: 'clockwise', rotation: 90 } },
      },
    },
    tags: ['weather', 'wind', 'siting'],
    topQuestions: ['Where does the wind mostly come from?'],
    useCaseId: 12,
    priceUsd: '3.50',
    refresh: 'EVERY_HOUR',
  },
  {
    ...base,
    industryId: 20,
    name: 'Weather Warnings by Month and Kind',
    description:
      'Number of heat, frost, rain and wind warnings in each month of the year since 2022. Use it to plan crews, depots and grit before the season starts.',
    detailedDescription: `<p>A warning is one region, one day and one kind. Severities are counted together.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT extract(month FROM valid_on) AS month, kind, count(*) AS warnings
FROM weather_warnings
GROUP BY 1, 2
ORDER BY 1, 2`,
    sourceTableName: 'weather_warnings',
    viz: { chartType: 'BAR', x: 'month', y: 'warnings', color: 'kind' },
    tags: ['weather', 'warnings', 'planning'],
    topQuestions: ['When is the season of wind warnings?', 'How many frost days need crews on call?'],
    useCaseId: 21,
    priceUsd: '1.50',
  },
  {
    ...base,
    industryId: 3,
    name: 'Rainfall through the Year by Region',
    description:
      'Mean monthly rainfall of five regions on a twelve-spoke radar, in millimetres. Shows where reservoirs fill in winter and where summer storms dominate.',
    detailedDescription: `<p>Mean of the eight stations of a region and of the years 2022-2025.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT monthname(o.observed_on) AS month_name, s.region,
  round(CAST(sum(o.precipitation_mm) AS DOUBLE) / 8 / 4, 1) AS rainfall_mm
FROM daily_observations o
JOIN stations s ON s.station_id = o.station_id
WHERE o.observed_on < DATE '2026-01-01'
GROUP BY extract(month FROM o.observed_on), monthname(o.observed_on), s.region
ORDER BY s.region, extract(month FROM o.observed_on)`,
    viz: { chartType: 'RADAR', x: 'month_name', y: 'rainfall_mm', color: 'region' },
    tags: ['weather', 'rain', 'water'],
    topQuestions: ['Which region is wettest in autumn?'],
    useCaseId: 1,
    priceUsd: '2.50',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    name: 'Elevation and Cold: All Stations',
    description:
      'Each station by elevation and mean winter temperature, with frost days as bubble size. The lapse rate of the network, and its cold hollows, in one view.',
    detailedDescription: `<p>December to February since 2022; a frost day has a minimum below 0 °C.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT s.name AS station, s.region, s.elevation_m, round(avg(o.mean_temperature_c), 2) AS winter_mean_c,
  count(*) FILTER (WHERE o.min_temperature_c < 0) AS frost_days
FROM daily_observations o
JOIN stations s ON s.station_id = o.station_id
WHERE extract(month FROM o.observed_on) IN (12, 1, 2)
GROUP BY s.name, s.region, s.elevation_m
ORDER BY s.elevation_m`,
    viz: { chartType: 'BUBBLE', x: 'elevation_m', y: 'winter_mean_c', size: 'frost_days', color: 'region' },
    tags: ['weather', 'stations', 'frost'],
    topQuestions: ['How much colder is it per 100 metres of height?'],
    useCaseId: 12,
    priceUsd: '2.00',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    industryId: 1,
    name: 'Frost-Free Window of Every Station',
    description:
      'Last spring frost, first autumn frost and the days between them for forty stations in one year. What growers need to know before tender crops go out.',
    detailedDescription: `<p>Frost: daily minimum below 0 °C. Spring is January to June, autumn August to December.</p>${note}`,
    assetType: 'DATA',
    sqlLogic: `WITH frost AS (
  SELECT station_id,
    max(CASE WHEN extract(month FROM observed_on) <= 6 THEN observed_on END) AS last_spring_frost,
    min(CASE WHEN extract(month FROM observed_on) >= 8 THEN observed_on END) AS first_autumn_frost
  FROM daily_observations
  WHERE extract(year FROM observed_on) = CAST(:year AS INTEGER) AND min_temperature_c < 0
  GROUP BY station_id
)
SELECT s.name AS station, s.region, s.elevation_m, f.last_spring_frost, f.first_autumn_frost,
  f.first_autumn_frost - f.last_spring_frost AS frost_free_days
FROM frost f
JOIN stations s ON s.station_id = f.station_id
ORDER BY s.region, s.name`,
    parameters: [year],
    tags: ['weather', 'frost', 'agriculture'],
    topQuestions: ['When is the last frost in spring?', 'Where is the longest frost-free season?'],
    useCaseId: 16,
    priceUsd: '6.00',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    industryId: 10,
    name: 'Wettest Days on Record',
    description:
      'The fifty wettest station days since 2022 with rain, gust and warning level, for one region or all. Evidence for claims, drainage and design storms.',
    detailedDescription: `<p>Calendar-day totals in millimetres, joined with the rain warning in force, if any.</p>${note}`,
    assetType: 'DATA',
    sqlLogic: `SELECT o.observed_on, s.name AS station, s.region, o.precipitation_mm, o.gust_kmh, w.severity AS rain_warning
FROM daily_observations o
JOIN stations s ON s.station_id = o.station_id
LEFT JOIN weather_warnings w ON w.region = s.region AND w.valid_on = o.observed_on AND w.kind = 'RAIN'
WHERE CAST(:region AS VARCHAR) IS NULL OR s.region = CAST(:region AS VARCHAR)
ORDER BY o.precipitation_mm DESC, o.observed_on, s.name
LIMIT 50`,
    parameters: [{ ...region, isRequired: false }],
    tags: ['weather', 'rain', 'extremes', 'insurance'],
    topQuestions: ['Which days brought the heaviest rain?', 'Was a warning in force on the day of the flood?'],
    useCaseId: 16,
    priceUsd: '8.00',
  },
  {
    ...base,
    name: 'Station Data Quality Report (Unlisted)',
    description:
      'Share of valid hourly readings, largest hourly temperature jump and radiation sensor status for each station. For partners who audit the network.',
    detailedDescription: `<p>Hourly readings since 1 September 2026.</p>${note}`,
    assetType: 'DATA',
    sqlLogic: `WITH step AS (
  SELECT station_id, is_valid,
    abs(temperature_c - lag(temperature_c) OVER (PARTITION BY station_id ORDER BY observed_at)) AS jump
  FROM hourly_observations
)
SELECT s.name AS station, s.has_pyranometer, count(*) AS readings,
  round(100.0 * avg(CASE WHEN step.is_valid THEN 1 ELSE 0 END), 2) AS valid_pct, max(step.jump) AS largest_jump_c
FROM step
JOIN stations s ON s.station_id = step.station_id
GROUP BY s.name, s.has_pyranometer
ORDER BY valid_pct, station`,
    sourceTableName: 'hourly_observations',
    tags: ['weather', 'data quality'],
    topQuestions: ['How reliable are the readings of each station?'],
    useCaseId: 8,
    priceUsd: '10.00',
    isListed: false,
    isCached: false,
    refresh: 'NEVER',
  },
];
