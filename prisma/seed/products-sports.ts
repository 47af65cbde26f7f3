import type { DemoAsset, DemoParameter } from './products.ts';

const note = '<p>Demonstration data: leagues, clubs and bookmakers are invented.</p>';

const base = {
  seller: 'sports',
  industryId: 17,
  sourceTableName: 'matches',
  parameters: [] as DemoParameter[],
  isListed: true,
  isCached: true,
  refresh: 'EVERY_DAY',
  geographicCoverageType: 'REGIONAL',
  geographicCoverageDetails: 'Sixteen leagues in the Meridian, Calder, Isles and Sunward regions',
} as const;

const season: DemoParameter = {
  name: 'season',
  type: 'INTEGER',
  isRequired: false,
  defaultValue: 2026,
  allowedValues: [2022, 2023, 2024, 2025, 2026],
  description: 'The season, named after its calendar year.',
};

const league: DemoParameter = {
  name: 'league_id',
  type: 'INTEGER',
  isRequired: true,
  defaultValue: null,
  allowedValues: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  description: 'The league: 1-4 first tier, 5-8 second, 9-12 third, 13-16 fourth; regions in the same order.',
};

export const sportsAssets: DemoAsset[] = [
  {
    ...base,
    name: 'Home Advantage Index',
    description:
      'How many more points a side wins at home than away, per match, over all sixteen leagues of one season. The baseline every match model starts from.',
    detailedDescription: `<p>Points per match of home sides minus points per match of visitors (3 for a win, 1 for a draw).</p><ul><li>6,080 matches a season</li><li>Comparable from 2022 on</li></ul>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(avg(CASE result WHEN 'H' THEN 3 WHEN 'A' THEN -3 ELSE 0 END), 3) AS answer_value
FROM matches
WHERE season = CAST(:season AS INTEGER)`,
    parameters: [season],
    tags: ['football', 'home advantage', 'match model'],
    topQuestions: ['How large is home advantage this season?', 'Is home advantage shrinking over the years?'],
    useCaseId: 14,
    priceUsd: '0.50',
  },
  {
    ...base,
    name: 'Closing-Price Favourite Strike Rate',
    description:
      'Share of home favourites that win when they close inside a given price band, across five bookmakers. Check a price against what really happened.',
    detailedDescription: `<p>Home sides whose average closing price lies in the band; the answer is the percentage that won.</p><p>Compare it with 100 / price to see the margin you pay.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `WITH closing AS (
  SELECT match_id, avg(home_close) AS price FROM match_odds GROUP BY match_id
)
SELECT round(100.0 * avg(CASE WHEN m.result = 'H' THEN 1 ELSE 0 END), 2) AS answer_value
FROM matches m
JOIN closing c ON c.match_id = m.match_id
WHERE c.price BETWEEN CAST(:min_price AS DOUBLE) AND CAST(:max_price AS DOUBLE)`,
    parameters: [
      {
        name: 'min_price',
        type: 'DECIMAL',
        isRequired: false,
        defaultValue: 1.4,
        allowedValues: null,
        description: 'Lowest decimal price of the band, from 1.05.',
      },
      {
        name: 'max_price',
        type: 'DECIMAL',
        isRequired: false,
        defaultValue: 1.6,
        allowedValues: null,
        description: 'Highest decimal price of the band.',
      },
    ],
    tags: ['football', 'odds', 'favourites', 'calibration'],
    topQuestions: ['How often does a 1.50 favourite win at home?', 'Which price band is the most overbet?'],
    sourceTableName: 'match_odds',
    useCaseId: 13,
    priceUsd: '1.50',
  },
  {
    ...base,
    name: 'Lowest Bookmaker Margin at Close',
    description:
      'The average built-in margin, in percent, of the bookmaker with the tightest three-way market at kick-off. One number to judge the price of betting.',
    detailedDescription: `<p>Margin is the sum of implied probabilities of home, draw and away, less one.</p><p>30,400 matches, five bookmakers, closing line.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(100 * min(margin), 3) AS answer_value
FROM (
  SELECT bookmaker_id, avg(1 / home_close + 1 / draw_close + 1 / away_close) - 1 AS margin
  FROM match_odds
  GROUP BY bookmaker_id
) AS books`,
    tags: ['odds', 'bookmakers', 'margin'],
    topQuestions: ['What is the tightest margin on offer at kick-off?'],
    sourceTableName: 'match_odds',
    useCaseId: 13,
    priceUsd: '0.75',
  },
  {
    ...base,
    name: 'Return on Backing Away Underdogs',
    description:
      'Profit or loss, in percent of stakes, of backing each visitor above a price at the best closing odds of five bookmakers. Tests the longshot bias.',
    detailedDescription: `<p>Flat stake of one unit on every qualifying visitor, settled at the best closing price.</p><ul><li>Negative: the market is beaten by its margin</li><li>Near zero: best-price shopping paid for it</li></ul>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `WITH best AS (
  SELECT match_id, max(away_close) AS price FROM match_odds GROUP BY match_id
)
SELECT round(100 * (avg(CASE WHEN m.result = 'A' THEN CAST(b.price AS DOUBLE) ELSE 0 END) - 1), 2) AS answer_value
FROM best b
JOIN matches m ON m.match_id = b.match_id
WHERE b.price >= CAST(:min_price AS DOUBLE)`,
    parameters: [
      {
        name: 'min_price',
        type: 'DECIMAL',
        isRequired: false,
        defaultValue: 5,
        allowedValues: null,
        description: 'Lowest decimal price of an underdog, 2.00-15.00.',
      },
    ],
    tags: ['odds', 'longshot bias', 'backtest'],
    topQuestions: ['Is there money in away underdogs?', 'How strong is the favourite-longshot bias?'],
    sourceTableName: 'match_odds',
    useCaseId: 13,
    priceUsd: '2.00',
  },
  {
    ...base,
    name: 'Bookmaker Margins Month by Month',
    description:
      'Average closing margin of each of five bookmakers for every month since 2022: who is cutting prices, who is not, and when the market tightens.',
    detailedDescription: `<p>One line per bookmaker, in percent. Built from 152,000 closing markets.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT CAST(date_trunc('month', m.match_date) AS DATE) AS month, b.name AS bookmaker,
  round(100 * avg(o.margin_close), 3) AS margin_pct
FROM match_odds o
JOIN matches m ON m.match_id = o.match_id
JOIN bookmakers b ON b.bookmaker_id = o.bookmaker_id
GROUP BY 1, 2
ORDER BY 1, 2`,
    viz: { chartType: 'LINE', x: 'month', y: 'margin_pct', color: 'bookmaker' },
    tags: ['odds', 'bookmakers', 'margin', 'trend'],
    topQuestions: ['Which bookmaker has the lowest margin over time?', 'Are betting margins falling?'],
    sourceTableName: 'match_odds',
    useCaseId: 1,
    priceUsd: '3.00',
  },
  {
    ...base,
    name: 'Goals per Match by League',
    description:
      'Average goals of all sixteen leagues in one season, highest first. A quick guide for total-goals markets and for commissioning live coverage.',
    detailedDescription: `<p>Goals of both sides over 380 matches a league.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT l.name AS league, round(avg(m.home_goals + m.away_goals), 3) AS goals_per_match
FROM matches m
JOIN leagues l ON l.league_id = m.league_id
WHERE m.season = CAST(:season AS INTEGER)
GROUP BY l.name
ORDER BY goals_per_match DESC`,
    parameters: [season],
    viz: { chartType: 'BAR', x: 'league', y: 'goals_per_match' },
    tags: ['football', 'goals', 'leagues'],
    topQuestions: ['Which league scores the most goals?'],
    useCaseId: 1,
    priceUsd: '1.00',
  },
  {
    ...base,
    name: 'Club Budget against Points Won',
    description:
      'Every club of a season as a point: budget in million dollars against league points. Shows who overachieves and how far money decides a table.',
    detailedDescription: `<p>320 clubs, coloured by tier. Points from all 38 rounds.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `WITH side AS (
  SELECT home_team_id AS team_id, CASE result WHEN 'H' THEN 3 WHEN 'D' THEN 1 ELSE 0 END AS points
  FROM matches WHERE season = CAST(:season AS INTEGER)
  UNION ALL
  SELECT away_team_id, CASE result WHEN 'A' THEN 3 WHEN 'D' THEN 1 ELSE 0 END FROM matches WHERE season = CAST(:season AS INTEGER)
)
SELECT t.name AS team, CAST(t.budget_musd AS DOUBLE) AS budget_musd, CAST(sum(s.points) AS INTEGER) AS points,
  'Tier ' || l.tier AS tier
FROM side s
JOIN teams t ON t.team_id = s.team_id
JOIN leagues l ON l.league_id = t.league_id
GROUP BY t.name, t.budget_musd, l.tier
ORDER BY points DESC, team`,
    parameters: [season],
    viz: { chartType: 'SCATTER', x: 'budget_musd', y: 'points', color: 'tier' },
    tags: ['football', 'clubs', 'finance'],
    topQuestions: ['Does money buy points?', 'Which clubs overachieve on a small budget?'],
    sourceTableName: 'teams',
    useCaseId: 1,
    priceUsd: '4.00',
  },
  {
    ...base,
    name: 'Crowds: Fill Rate, Rating and Stadium Size',
    description:
      'First-tier clubs by average fill rate and rating, sized by stadium capacity. Finds clubs whose ground is too small, or too large, for their football.',
    detailedDescription: `<p>Home matches of the 2026 season, clubs of the four first-tier leagues.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT t.name AS team, l.region, t.stadium_capacity,
  round(100.0 * avg(m.attendance) / t.stadium_capacity, 1) AS fill_rate_pct,
  round(avg(m.home_rating), 1) AS rating
FROM matches m
JOIN teams t ON t.team_id = m.home_team_id
JOIN leagues l ON l.league_id = m.league_id
WHERE m.season = 2026 AND l.tier = 1
GROUP BY t.name, l.region, t.stadium_capacity
ORDER BY t.name`,
    viz: { chartType: 'BUBBLE', x: 'fill_rate_pct', y: 'rating', size: 'stadium_capacity', color: 'region' },
    tags: ['football', 'attendance', 'stadiums'],
    topQuestions: ['Which clubs need a larger stadium?'],
    useCaseId: 12,
    priceUsd: '5.00',
  },
  {
    ...base,
    name: 'Team Profile in Five Measures',
    description:
      'One team rated 0-100 in attack, defence, home form, away form and crowd, each as a percentile of its league. The preview graphic of a match page.',
    detailedDescription: `<p>Percentile rank inside the league over the 2026 season; 100 is best.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `WITH side AS (
  SELECT league_id, home_team_id AS team_id, home_goals AS scored, away_goals AS conceded, 'Home form' AS venue,
    CASE result WHEN 'H' THEN 3 WHEN 'D' THEN 1 ELSE 0 END AS points, attendance AS crowd
  FROM matches WHERE season = 2026
  UNION ALL
  SELECT league_id, away_team_id, away_goals, home_goals, 'Away form',
    CASE result WHEN 'A' THEN 3 WHEN 'D' THEN 1 ELSE 0 END, NULL
  FROM matches WHERE season = 2026
), form AS (
  SELECT league_id, team_id, 'Attack' AS measure, avg(scored) AS level FROM side GROUP BY 1, 2
  UNION ALL SELECT league_id, team_id, 'Defence', -avg(conceded) FROM side GROUP BY 1, 2
  UNION ALL SELECT league_id, team_id, venue, avg(points) FROM side GROUP BY 1, 2, 3
  UNION ALL SELECT league_id, team_id, 'Crowd', avg(crowd) FROM side GROUP BY 1, 2
)
SELECT measure, round(100 * standing, 1) AS score
FROM (
  SELECT team_id, measure, percent_rank() OVER (PARTITION BY league_id, measure ORDER BY level) AS standing FROM form
) AS ranked
WHERE team_id = CAST(:team_id AS INTEGER)
ORDER BY measure`,
    parameters: [
      {
        name: 'team_id',
        type: 'INTEGER',
        isRequired: false,
        defaultValue: 1,
        allowedValues: null,
        description: 'The team, 1-320; see the endpoint of teams.',
      },
    ],
    viz: { chartType: 'RADAR', x: 'measure', y: 'score' },
    tags: ['football', 'teams', 'match preview'],
    topQuestions: ['What are the strengths of a team against its league?'],
    useCaseId: 14,
    priceUsd: '1.25',
  },
  {
    ...base,
    name: 'Bookmaker Calibration Curve',
    description:
      'Implied probability at close against what happened, in 5-point steps over 152,000 home prices. If the market is honest the dots lie on the diagonal.',
    detailedDescription: `<p>Margin removed proportionally. The number of prices behind each dot is in the rows.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT round(floor(20 * implied) / 20 + 0.025, 3) AS implied_probability,
  round(avg(CASE WHEN result = 'H' THEN 1 ELSE 0 END), 4) AS observed_frequency, count(*) AS prices
FROM (
  SELECT m.result, (1 / o.home_close) / (1 / o.home_close + 1 / o.draw_close + 1 / o.away_close) AS implied
  FROM match_odds o
  JOIN matches m ON m.match_id = o.match_id
) AS quoted
GROUP BY 1
HAVING count(*) >= 100
ORDER BY 1`,
    vizSpec: {
      data: [
        {
          type: 'scatter',
          mode: 'lines+markers',
          name: 'Home wins',
          xsrc: 'implied_probability',
          ysrc: 'observed_frequency',
        },
      ],
      layout: {
        title: { text: 'Closing prices against results' },
        xaxis: { title: { text: 'Implied probability' }, range: [0, 1] },
        yaxis: { title: { text: 'Observed frequency' }, range: [0, 1] },
        shapes: [{ type: 'line', x0: 0, y0: 0, x1: 1, y1: 1 }],
      },
    },
    tags: ['odds', 'calibration', 'market efficiency'],
    topQuestions: ['How well calibrated are closing prices?', 'Where does the betting market misprice?'],
    sourceTableName: 'match_odds',
    useCaseId: 13,
    priceUsd: '6.50',
  },
  {
    ...base,
    name: 'League Table on Any Date',
    description:
      'The full table of a league as it stood on the evening of any day since 2022: played, won, drawn, lost, goals and points, ordered as the league does.',
    detailedDescription: `<p>Ordered by points, goal difference, goals scored and name.</p>${note}`,
    assetType: 'DATA',
    sqlLogic: `WITH side AS (
  SELECT home_team_id AS team_id, home_goals AS scored, away_goals AS conceded FROM matches
  WHERE league_id = CAST(:league_id AS INTEGER) AND season = CAST(:season AS INTEGER)
    AND match_date <= CAST(:until_date AS DATE)
  UNION ALL
  SELECT away_team_id, away_goals, home_goals FROM matches
  WHERE league_id = CAST(:league_id AS INTEGER) AND season = CAST(:season AS INTEGER)
    AND match_date <= CAST(:until_date AS DATE)
)
SELECT t.name AS team, count(*) AS played, count(*) FILTER (WHERE scored > conceded) AS won,
  count(*) FILTER (WHERE scored = conceded) AS drawn, count(*) FILTER (WHERE scored < conceded) AS lost,
  CAST(sum(scored) AS INTEGER) AS goals_for, CAST(sum(conceded) AS INTEGER) AS goals_against,
  CAST(sum(CASE WHEN scored > conceded THEN 3 WHEN scored = conceded THEN 1 ELSE 0 END) AS INTEGER) AS points
FROM side
JOIN teams t ON t.team_id = side.team_id
GROUP BY t.name
ORDER BY points DESC, sum(scored) - sum(conceded) DESC, goals_for DESC, team`,
    parameters: [
      league,
      season,
      {
        name: 'until_date',
        type: 'DATE',
        isRequired: false,
        defaultValue: '2026-10-31',
        allowedValues: null,
        description: 'Last match day that counts, YYYY-MM-DD, inside the season.',
      },
    ],
    tags: ['football', 'league table', 'standings'],
    topQuestions: ['How did the table look at half-season?', 'Who led the league on a given day?'],
    useCaseId: 14,
    priceUsd: '2.00',
  },
  {
    ...base,
    name: 'Largest Line Moves of a Season',
    description:
      'Matches whose home price moved most between opening and close, averaged over five bookmakers, with result. Where informed money probably went.',
    detailedDescription: `<p>Move in percent of the opening price; a negative move means the home side was backed.</p>${note}`,
    assetType: 'DATA',
    sqlLogic: `SELECT m.match_date, h.name AS home_team, a.name AS away_team, round(avg(o.home_open), 3) AS home_open,
  round(avg(o.home_close), 3) AS home_close, round(100 * (avg(o.home_close) / avg(o.home_open) - 1), 2) AS move_pct,
  m.result
FROM match_odds o
JOIN matches m ON m.match_id = o.match_id
JOIN teams h ON h.team_id = m.home_team_id
JOIN teams a ON a.team_id = m.away_team_id
WHERE m.season = CAST(:season AS INTEGER)
GROUP BY m.match_id, m.match_date, h.name, a.name, m.result
ORDER BY abs(avg(o.home_close) / avg(o.home_open) - 1) DESC, m.match_id
LIMIT 100`,
    parameters: [season],
    tags: ['odds', 'line movement', 'sharp money'],
    topQuestions: ['Which matches saw the largest price moves?', 'Did steamed favourites really win?'],
    sourceTableName: 'match_odds',
    useCaseId: 13,
    priceUsd: '9.00',
  },
  {
    ...base,
    name: 'Season Rating Changes by Club (Preview)',
    description:
      'Rating of each club before and after its season, with the change. In preview: the method of carry-over between seasons may still be revised.',
    detailedDescription: `<p>1,600 club seasons from 2022 to 2026.</p>${note}`,
    assetType: 'DATA',
    sqlLogic: `SELECT t.name AS team, l.name AS league, r.season, r.rating_start, r.rating_end,
  r.rating_end - r.rating_start AS change
FROM team_ratings r
JOIN teams t ON t.team_id = r.team_id
JOIN leagues l ON l.league_id = t.league_id
ORDER BY r.season DESC, change DESC, team`,
    tags: ['football', 'ratings', 'preview'],
    topQuestions: ['Which clubs improved most this season?'],
    sourceTableName: 'team_ratings',
    useCaseId: 14,
    priceUsd: '12.00',
    isListed: false,
    refresh: 'EVERY_WEEK',
  },
];
