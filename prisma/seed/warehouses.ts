import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/**
 * The warehouses of the three demo sellers, made by SQL inside DuckDB. Everything is computed from hashes of row
 * numbers, so each build gives the same rows, in the same order, on any number of threads. All names are invented.
 */
export type WarehouseName = 'sports' | 'retail' | 'weather';

/** The first day without data. */
export const dataUntil = '2026-11-01';

/** `u` is a uniform in [0, 1), `g` roughly a standard normal, both of a key and a stream; `pick` takes from a list. */
const macros = `
  CREATE TEMP MACRO u(k, s) AS (hash(k, s) % 1000003) / 1000003.0;
  CREATE TEMP MACRO g(k, s) AS (u(k, s) + u(k, s + 1000) + u(k, s + 2000) + u(k, s + 3000) - 2) * 1.732;
  CREATE TEMP MACRO pick(list, x) AS list[1 + CAST(floor(x * len(list)) AS INTEGER)];
`;

const sports = `
  CREATE TABLE leagues AS
  SELECT league_id, name, CAST(1 + (league_id - 1) // 4 AS INTEGER) AS tier, region, 20 AS team_count
  FROM (SELECT unnest(range(1, 17)) AS league_id,
    unnest(['Meridian Premier', 'Calder Premier', 'Isles Premier', 'Sunward Premier',
      'Meridian Second', 'Calder Second', 'Isles Second', 'Sunward Second',
      'Meridian Third', 'Calder Third', 'Isles Third', 'Sunward Third',
      'Meridian Fourth', 'Calder Fourth', 'Isles Fourth', 'Sunward Fourth']) AS name,
    ['Meridian', 'Calder', 'Isles', 'Sunward'][1 + (league_id - 1) % 4] AS region);

  CREATE TABLE seasons AS
  SELECT CAST(y AS INTEGER) AS season, make_date(y, 3, 1) AS starts_on, make_date(y, 10, 31) AS ends_on,
    y = 2026 AS is_current
  FROM range(2022, 2027) r(y);

  CREATE TEMP TABLE town AS
  SELECT i + 1 AS team_id, i // 20 + 1 AS league_id, i % 20 AS seat,
    ['Ald', 'Brov', 'Corv', 'Dun', 'Esk', 'Fal', 'Gren', 'Hol', 'Ist', 'Jor', 'Kel', 'Lor', 'Mav', 'Nym', 'Ost',
      'Pell', 'Quar', 'Rav', 'Sel', 'Tarn'][1 + (i * 7) % 20]
    || ['mere', 'haven', 'sted', 'vale', 'wick', 'gard', 'crest', 'moor', 'thorpe', 'lund', 'mar', 'wyn', 'ridge',
      'shaw', 'beck', 'fell'][1 + (i // 20 + i) % 16] AS city
  FROM range(320) r(i);

  CREATE TABLE teams AS
  SELECT team_id, CAST(league_id AS INTEGER) AS league_id, city,
    city || ' ' || pick(['Athletic', 'Rovers', 'Union', 'Wanderers', 'Albion', 'Harriers', 'Mariners'], u(team_id, 1))
      AS name,
    CAST(1880 + floor(u(team_id, 2) * 110) AS INTEGER) AS founded_year,
    CAST(4000 + floor(power(u(team_id, 3), 2) * 46000 / (1 + (league_id - 1) // 4)) AS INTEGER) AS stadium_capacity,
    CAST(2 + 90 * power(u(team_id, 4), 2) / (1 + (league_id - 1) // 4) AS DECIMAL(10, 2)) AS budget_musd
  FROM town ORDER BY team_id;

  CREATE TABLE team_ratings AS
  SELECT team_id, season, CAST(base + 45 * g(team_id * 100 + season, 10) AS DECIMAL(7, 1)) AS rating_start,
    CAST(base + 45 * g(team_id * 100 + season, 10) + 28 * g(team_id * 100 + season, 20) AS DECIMAL(7, 1)) AS rating_end
  FROM (SELECT team_id, 1620 - 60 * ((league_id - 1) // 4) + 95 * g(team_id, 30) AS base FROM teams), seasons
  ORDER BY season, team_id;

  CREATE TEMP TABLE fixture AS
  WITH half AS (
    SELECT rnd, CASE WHEN k = 0 THEN 19 ELSE (rnd + k) % 19 END AS a, (rnd - k + 19) % 19 AS b, (rnd + k) % 2 = 0 AS flip
    FROM range(19) r(rnd), range(10) p(k)
  ), rounds AS (
    SELECT rnd + 1 AS round, CASE WHEN flip THEN b ELSE a END AS h, CASE WHEN flip THEN a ELSE b END AS v FROM half
    UNION ALL
    SELECT rnd + 20, CASE WHEN flip THEN a ELSE b END, CASE WHEN flip THEN b ELSE a END FROM half
  )
  SELECT row_number() OVER (ORDER BY season, round, l.league_id, h) AS match_id, season, l.league_id, round,
    home.team_id AS home_team_id, away.team_id AS away_team_id, home.city = away.city AS same_city,
    CAST(starts_on + CAST(floor((round - 1) * 6.3) AS INTEGER) AS DATE) AS week_start
  FROM seasons, leagues l, rounds
  JOIN town home ON home.league_id = l.league_id AND home.seat = h
  JOIN town away ON away.league_id = l.league_id AND away.seat = v;

  CREATE TEMP TABLE outlook AS
  SELECT f.*, CAST(h.rating_start + (h.rating_end - h.rating_start) * round / 38 AS DOUBLE) AS home_rating,
    CAST(a.rating_start + (a.rating_end - a.rating_start) * round / 38 AS DOUBLE) AS away_rating,
    greatest(-380, least(380, home_rating - away_rating)) AS edge, 1.42 * exp((edge + 55) / 520) AS home_goals_expected,
    1.28 * exp((-edge - 25) / 520) AS away_goals_expected
  FROM fixture f
  JOIN team_ratings h ON h.team_id = home_team_id AND h.season = f.season
  JOIN team_ratings a ON a.team_id = away_team_id AND a.season = f.season;

  -- Probability of every score up to 7 : 7, from two Poisson laws, summed to home, draw and away.
  CREATE TEMP TABLE chance AS
  SELECT match_id, sum(p) FILTER (i > j) / sum(p) AS p_home, sum(p) FILTER (i = j) / sum(p) AS p_draw,
    sum(p) FILTER (i < j) / sum(p) AS p_away
  FROM (SELECT match_id, i, j, pow(home_goals_expected, i) * pow(away_goals_expected, j)
      / (factorial(i) * factorial(j)) AS p
    FROM outlook, (SELECT CAST(range AS INTEGER) AS i FROM range(8)), (SELECT CAST(range AS INTEGER) AS j FROM range(8)))
  GROUP BY match_id;

  CREATE TEMP MACRO goals(l, x) AS (
    CASE WHEN x < exp(-l) THEN 0
      WHEN x < exp(-l) * (1 + l) THEN 1
      WHEN x < exp(-l) * (1 + l + l * l / 2) THEN 2
      WHEN x < exp(-l) * (1 + l + l * l / 2 + pow(l, 3) / 6) THEN 3
      WHEN x < exp(-l) * (1 + l + l * l / 2 + pow(l, 3) / 6 + pow(l, 4) / 24) THEN 4
      WHEN x < exp(-l) * (1 + l + l * l / 2 + pow(l, 3) / 6 + pow(l, 4) / 24 + pow(l, 5) / 120) THEN 5 ELSE 6 END);

  CREATE TABLE matches AS
  WITH played AS (
    SELECT o.*, week_start + CAST(floor(u(match_id, 1) * 3) AS INTEGER) AS day,
      goals(home_goals_expected, u(match_id, 2)) AS hg, goals(away_goals_expected, u(match_id, 3)) AS ag FROM outlook o
  )
  SELECT match_id, CAST(p.season AS INTEGER) AS season, CAST(p.league_id AS INTEGER) AS league_id,
    CAST(round AS INTEGER) AS round, CAST(day AS DATE) AS match_date,
    CAST(day AS TIMESTAMP) + to_minutes(pick([750, 900, 900, 1050, 1185], u(match_id, 4))) AS kickoff_at,
    home_team_id, away_team_id, CAST(home_rating AS DECIMAL(7, 1)) AS home_rating,
    CAST(away_rating AS DECIMAL(7, 1)) AS away_rating, CAST(home_goals_expected AS DECIMAL(5, 3)) AS home_goals_expected,
    CAST(away_goals_expected AS DECIMAL(5, 3)) AS away_goals_expected, CAST(hg AS INTEGER) AS home_goals,
    CAST(ag AS INTEGER) AS away_goals,
    CASE WHEN hg > ag THEN 'H' WHEN hg < ag THEN 'A' ELSE 'D' END AS result,
    CAST(t.stadium_capacity * least(1, 0.55 + 0.3 * u(match_id, 5) + (home_rating - 1500) / 1500) AS BIGINT) AS attendance,
    same_city OR hash(match_id, 6) % 23 = 0 AS is_derby
  FROM played p JOIN teams t ON t.team_id = home_team_id ORDER BY match_id;

  CREATE TABLE bookmakers AS
  SELECT unnest(range(1, 6)) AS bookmaker_id,
    unnest(['Tallship Lines', 'Bluefern Odds', 'Quillmark', 'Northgate Pricing', 'Copperbell']) AS name,
    unnest([true, false, false, true, false]) AS is_exchange_backed,
    unnest([0.045, 0.054, 0.060, 0.048, 0.065]) AS typical_margin;

  -- Decimal odds = 1 / (probability x book): implied probabilities of a market sum to 1.041 - 1.069.
  CREATE TABLE match_odds AS
  WITH quoted AS (
    SELECT match_id, bookmaker_id, match_id * 10 + bookmaker_id AS k, 0.005 * match_id / 30400 AS trim,
      least(1.069, greatest(1.041, 1 + typical_margin - trim + 0.004 * g(k, 1))) AS book_open,
      least(1.069, greatest(1.041, 1 + typical_margin - trim - 0.002 + 0.003 * g(k, 2))) AS book_close,
      p_home * exp(0.10 * g(match_id, 3) + 0.04 * g(k, 4)) AS ho, p_draw AS d,
      p_away * exp(0.10 * g(match_id, 5) + 0.04 * g(k, 6)) AS ao,
      p_home * exp(0.02 * g(match_id, 7) + 0.02 * g(k, 8)) AS hc, p_away * exp(0.02 * g(match_id, 9) + 0.02 * g(k, 10)) AS ac
    FROM chance, bookmakers
  )
  SELECT CAST(match_id AS BIGINT) AS match_id, CAST(bookmaker_id AS INTEGER) AS bookmaker_id,
    CAST((ho + d + ao) / ho / book_open AS DECIMAL(8, 3)) AS home_open,
    CAST((ho + d + ao) / d / book_open AS DECIMAL(8, 3)) AS draw_open,
    CAST((ho + d + ao) / ao / book_open AS DECIMAL(8, 3)) AS away_open,
    CAST((hc + d + ac) / hc / book_close AS DECIMAL(8, 3)) AS home_close,
    CAST((hc + d + ac) / d / book_close AS DECIMAL(8, 3)) AS draw_close,
    CAST((hc + d + ac) / ac / book_close AS DECIMAL(8, 3)) AS away_close,
    CAST(book_open - 1 AS DECIMAL(6, 4)) AS margin_open, CAST(book_close - 1 AS DECIMAL(6, 4)) AS margin_close
  FROM quoted ORDER BY match_id, bookmaker_id;
`;

const retail = `
  CREATE TABLE categories AS
  SELECT unnest(range(1, 25)) AS category_id,
    unnest(['Garden', 'Outdoor Furniture', 'Barbecue', 'Swimwear', 'Sun Care', 'Cycling',
      'Coats and Jackets', 'Knitwear', 'Heating', 'Toys and Games', 'Gift Sets', 'Candles and Lights',
      'Kitchenware', 'Bedding', 'Bathroom', 'Storage', 'Footwear', 'Denim',
      'Small Appliances', 'Audio', 'Stationery', 'Pet Care', 'Personal Care', 'Pantry']) AS name,
    unnest(['Summer', 'Summer', 'Summer', 'Summer', 'Summer', 'Summer',
      'Winter', 'Winter', 'Winter', 'Winter', 'Winter', 'Winter',
      'All year', 'All year', 'All year', 'All year', 'All year', 'All year',
      'All year', 'All year', 'All year', 'All year', 'All year', 'All year']) AS season_group,
    unnest([34, 220, 60, 29, 12, 85, 95, 48, 70, 24, 19, 11, 22, 45, 18, 16, 62, 54, 65, 110, 6, 14, 9, 5]) AS base_price,
    unnest([0.03, 0.05, 0.04, 0.16, 0.02, 0.06, 0.14, 0.12, 0.06, 0.05, 0.03, 0.02, 0.03, 0.05, 0.03, 0.03, 0.15, 0.17,
      0.07, 0.08, 0.01, 0.02, 0.02, 0.01]) AS return_rate;

  CREATE TABLE products AS
  WITH base AS (SELECT i AS product_id, 1 + (i - 1) // 50 AS category_id FROM range(1, 1201) r(i))
  SELECT product_id, CAST(b.category_id AS INTEGER) AS category_id,
    pick(['Alder', 'Birchwood', 'Cobalt', 'Drift', 'Ember', 'Fjell', 'Granite', 'Hazel', 'Indigo', 'Juniper'],
      u(product_id, 1)) || ' ' || c.name || ' ' || CAST(100 + product_id AS VARCHAR) AS name,
    pick(['Hearthline', 'Oakmere Goods', 'Pallas Row', 'Thistle & Tin', 'Vanta Home', 'Wrenfield'], u(product_id, 2)) AS brand,
    CAST(floor(c.base_price * (0.5 + 1.4 * power(u(product_id, 3), 2))) + 0.99 AS DECIMAL(10, 2)) AS list_price,
    CAST(c.base_price * (0.5 + 1.4 * power(u(product_id, 3), 2)) * (0.42 + 0.2 * u(product_id, 4)) AS DECIMAL(10, 2)) AS unit_cost,
    DATE '2021-01-04' + CAST(floor(u(product_id, 5) * 1300) AS INTEGER) AS launched_on,
    hash(product_id, 6) % 9 = 0 AS is_private_label
  FROM base b JOIN categories c ON c.category_id = b.category_id ORDER BY product_id;

  CREATE TABLE stores AS
  SELECT i AS store_id, CASE WHEN i > 57 THEN 'Online ' || ['North', 'Central', 'South'][i - 57]
      ELSE ['Harbour Street', 'Mill Lane', 'Station Square', 'Old Market', 'Lakeside', 'Foundry Yard'][1 + (i - 1) % 6] || ', '
        || ['Aldmere', 'Corvale', 'Eskhaven', 'Grenwick', 'Istmoor', 'Kelcrest', 'Lorbeck', 'Nymgard', 'Pellridge',
          'Selthorpe'][1 + (i - 1) // 6] END AS name,
    pick(['North', 'Central', 'South', 'Coast'], u(i, 1)) AS region,
    CASE WHEN i > 57 THEN 'ONLINE' ELSE pick(['HIGH_STREET', 'MALL', 'RETAIL_PARK'], u(i, 2)) END AS format,
    CASE WHEN i > 57 THEN NULL ELSE CAST(300 + floor(u(i, 3) * 2700) AS INTEGER) END AS floor_area_m2,
    DATE '2009-03-02' + CAST(floor(u(i, 4) * 5200) AS INTEGER) AS opened_on, i > 57 AS is_online
  FROM range(1, 61) r(i) ORDER BY i;

  CREATE TABLE members AS
  SELECT i AS member_id, DATE '2019-01-01' + CAST((i - 1) // 21 AS INTEGER) AS joined_on,
    pick(['18-24', '25-34', '25-34', '35-44', '35-44', '45-54', '55-64', '65+'], u(i, 2)) AS age_band,
    CAST(1 + floor(60 * u(i, 3)) AS INTEGER) AS home_store_id, hash(i, 4) % 3 > 0 AS accepts_marketing
  FROM range(1, 60001) r(i) ORDER BY i;

  -- Weight of a day: growth, weekends, December, late November sales and a dip in February. Baskets follow in order.
  CREATE TEMP TABLE day AS
  WITH d AS (
    SELECT DATE '2024-11-01' + CAST(i AS INTEGER) AS sold_on, i,
      (1 + 0.08 * i / 365) * CASE isodow(sold_on) WHEN 6 THEN 1.55 WHEN 5 THEN 1.25 WHEN 7 THEN 1.1 ELSE 0.9 END
      * CASE WHEN month(sold_on) = 12 AND day(sold_on) < 25 THEN 1.75 WHEN month(sold_on) = 12 THEN 0.8
          WHEN month(sold_on) = 11 AND day(sold_on) BETWEEN 24 AND 30 THEN 1.9
          WHEN month(sold_on) = 2 THEN 0.8 WHEN month(sold_on) IN (6, 7) THEN 1.12 ELSE 1 END
      * (0.93 + 0.14 * u(i, 1)) AS w FROM range(730) r(i)
  )
  SELECT sold_on, 0.5 - 0.5 * cos(2 * pi() * (dayofyear(sold_on) - 15) / 365.25) AS warm,
    CAST(floor(415000 * (sum(w) OVER (ORDER BY i) - w) / sum(w) OVER ()) AS BIGINT) AS first_basket FROM d;

  CREATE TEMP TABLE basket AS
  SELECT b AS basket_id, sold_on, warm, CAST(1 + floor(5.9 * power(u(b, 1), 2.05)) AS INTEGER) AS size,
    CASE WHEN u(b, 2) < 0.18 + 0.04 * u(b, 3) THEN 58 + hash(b, 4) % 3 ELSE 1 + floor(57 * power(u(b, 4), 1.4)) END AS store_id,
    hash(b, 5) AS h
  FROM range(415000) r(b) ASOF JOIN day ON r.b >= day.first_basket;

  CREATE TEMP TABLE line AS
  SELECT *, hash(basket_id, line_no) AS k, (k % 1009) / 1009.0 AS x, ((k >> 12) % 65521) / 65521.0 AS y, (k >> 28) % 1000 AS z
  FROM (SELECT basket_id, sold_on, warm, store_id, h, unnest(range(1, size + 1)) AS line_no FROM basket);

  CREATE TABLE sales_lines AS
  WITH priced AS (
    SELECT l.*, product_id, list_price, unit_cost, p.category_id,
      CASE WHEN z < 90 THEN 0.20 WHEN z < 130 THEN 0.30 WHEN z < 150 AND month(sold_on) IN (1, 7, 11) THEN 0.5 ELSE 0 END AS off,
      CASE WHEN z % 50 < 41 THEN 1 WHEN z % 50 < 47 THEN 2 WHEN z % 50 < 49 THEN 3 ELSE 6 END AS qty,
      CASE WHEN sold_on < DATE '2025-09-01' THEN 0.97 ELSE 1 END AS level
    FROM line l JOIN products p ON p.product_id = 1 + CAST(floor(CASE WHEN x < 0.08 + 0.27 * warm THEN 300 * y * sqrt(y)
      WHEN x < 0.42 THEN 300 + 300 * y * sqrt(y) ELSE 600 + 600 * y * sqrt(y) END) AS BIGINT)
  )
  SELECT basket_id * 10 + line_no AS line_id, basket_id, CAST(line_no AS INTEGER) AS line_no, sold_on,
    CAST(sold_on AS TIMESTAMP) + to_minutes(CAST(510 + (h % 353 + (h >> 10) % 353) AS BIGINT)) AS sold_at,
    CAST(store_id AS INTEGER) AS store_id, CAST(product_id AS INTEGER) AS product_id,
    CASE WHEN (h >> 20) % 100 < 58 THEN 1 + CAST((h >> 30) % 245 * ((h >> 40) % 245) AS BIGINT) * 21 * (sold_on - DATE '2019-01-01') // 59537 END AS member_id,
    CAST(qty AS INTEGER) AS quantity, CAST(list_price * level AS DECIMAL(10, 2)) AS unit_price,
    CAST(off AS DECIMAL(4, 2)) AS discount_rate, CAST(qty * list_price * level * (1 - off) AS DECIMAL(12, 2)) AS net_amount,
    CAST(qty * unit_cost AS DECIMAL(12, 2)) AS cost_amount, off > 0 AS is_promotion,
    ['CARD', 'CARD', 'CARD', 'CASH', 'WALLET', 'WALLET', 'GIFT_CARD'][1 + CAST((h >> 50) % 7 AS BIGINT)] AS payment_method
  FROM priced ORDER BY line_id;

  CREATE TABLE returns AS
  SELECT row_number() OVER (ORDER BY l.line_id) AS return_id, l.line_id, l.product_id, l.store_id,
    l.sold_on + CAST(1 + floor(27 * u(l.line_id, 2)) AS INTEGER) AS returned_on,
    pick(['WRONG_SIZE', 'WRONG_SIZE', 'CHANGED_MIND', 'CHANGED_MIND', 'FAULTY', 'NOT_AS_DESCRIBED', 'GIFT'], u(l.line_id, 3)) AS reason,
    l.quantity, l.net_amount AS refund_amount, hash(l.line_id, 4) % 10 < 7 AS is_resellable
  FROM sales_lines l JOIN products p ON p.product_id = l.product_id JOIN categories c ON c.category_id = p.category_id
  WHERE u(l.line_id, 1) < c.return_rate * CASE WHEN l.store_id > 57 THEN 1.6 ELSE 0.8 END AND l.sold_on < DATE '2026-10-04';
`;

const weather = `
  CREATE TABLE stations AS
  SELECT i AS station_id,
    ['Cape Orrin', 'Farrow Bay', 'Gull Point', 'Salt Quay', 'Tern Head', 'Wick Harbour', 'Long Strand', 'Pike Sound',
      'Brask Fell', 'Cold Tarn', 'Eagle Col', 'High Moss', 'Larch Pass', 'North Scar', 'Stone Gap', 'White Beck',
      'Amber Plain', 'Barley Cross', 'Dray Field', 'Elm Junction', 'Mill Fork', 'Rook Green', 'Straw Hill', 'Wide Acre',
      'Ash Quarter', 'Cannon Gate', 'Depot Road', 'Guild Park', 'Iron Bridge', 'Lantern Row', 'Tannery', 'West Dock',
      'Dry Wells', 'Gorse Flat', 'Kiln Ridge', 'Ochre Mesa', 'Red Gully', 'Sandal Rock', 'Thorn Basin', 'Vine Slope'][i] AS name,
    ['Coast', 'Uplands', 'Plain', 'City', 'South'][1 + (i - 1) // 8] AS region,
    CAST([18, 860, 140, 95, 330][1 + (i - 1) // 8] * (0.6 + 0.8 * u(i, 1)) AS INTEGER) AS elevation_m,
    CAST([54.2, 55.6, 52.9, 52.4, 49.8][1 + (i - 1) // 8] + 1.2 * u(i, 2) AS DECIMAL(8, 5)) AS latitude,
    CAST([-3.4, -1.9, 0.4, 1.1, 2.2][1 + (i - 1) // 8] + 1.4 * u(i, 3) AS DECIMAL(8, 5)) AS longitude,
    DATE '1978-01-01' + CAST(floor(u(i, 4) * 12000) AS INTEGER) AS installed_on, hash(i, 5) % 6 > 0 AS has_pyranometer
  FROM range(1, 41) r(i) ORDER BY i;

  -- Days share one weather: a slow and a fast wave of noise per region, so that neighbours agree.
  CREATE TEMP TABLE sky AS
  SELECT region, d, DATE '2022-01-01' + CAST(d AS INTEGER) AS day,
    2.4 * (g(d // 9, n) * (1 - (d % 9) / 9.0) + g(d // 9 + 1, n) * ((d % 9) / 9.0)) + 1.7 * g(d, n + 1) AS warmth,
    u(d // 3, n + 2) * 0.6 + u(d, n + 3) * 0.4 AS wet, abs(g(d, n + 4)) AS gust
  FROM range(1765) r(d), (VALUES ('Coast', 100), ('Uplands', 200), ('Plain', 300), ('City', 400), ('South', 500)) v(region, n);

  CREATE TABLE daily_observations AS
  WITH raw AS (
    SELECT station_id, day, s.region, s.has_pyranometer, d * 100 + station_id AS k, wet, gust,
      cos(2 * pi() * (dayofyear(day) - 201) / 365.25) AS season,
      11.2 - 0.0062 * elevation_m - 0.55 * (latitude - 52) + CASE s.region WHEN 'City' THEN 1.3 WHEN 'South' THEN 1.6 ELSE 0 END
        + CASE s.region WHEN 'Coast' THEN 5.6 ELSE 8.1 END * season + warmth + 0.6 * g(k, 1) + 0.00012 * d AS t,
      CASE WHEN wet > 0.52 THEN power((wet - 0.52) * (0.5 + u(k, 3)), 1.6) * CASE s.region WHEN 'Uplands' THEN 130
        WHEN 'Coast' THEN 95 WHEN 'South' THEN 55 ELSE 70 END ELSE 0 END AS rain
    FROM sky JOIN stations s ON s.region = sky.region
  )
  SELECT CAST(station_id AS INTEGER) AS station_id, day AS observed_on, CAST(t AS DECIMAL(5, 1)) AS mean_temperature_c,
    CAST(t - 2.2 - 2.4 * u(k, 5) - 0.9 * season AS DECIMAL(5, 1)) AS min_temperature_c,
    CAST(t + 2.4 + 2.6 * u(k, 6) + 1.6 * season AS DECIMAL(5, 1)) AS max_temperature_c,
    CAST(rain AS DECIMAL(6, 1)) AS precipitation_mm, t < 0.8 AND rain > 0.2 AS is_snow,
    CAST(least(100, 58 + 34 * wet + 6 * g(k, 7)) AS DECIMAL(4, 1)) AS humidity_pct,
    CAST(7 + 11 * gust + 9 * wet + CASE region WHEN 'Coast' THEN 8 WHEN 'Uplands' THEN 9 ELSE 0 END AS DECIMAL(5, 1)) AS wind_kmh,
    CAST((7 + 11 * gust + 9 * wet) * (1.5 + 0.7 * u(k, 8)) + 10 AS DECIMAL(5, 1)) AS gust_kmh,
    CASE WHEN has_pyranometer THEN CAST(greatest(0, (11 + 9 * season) * (1.15 - wet) + 0.5 * g(k, 9)) AS DECIMAL(5, 2)) END
      AS radiation_mj_m2
  FROM raw ORDER BY station_id, observed_on;

  CREATE TABLE hourly_observations AS
  SELECT station_id, CAST(observed_on AS TIMESTAMP) + to_hours(h) AS observed_at,
    CAST(mean_temperature_c + (max_temperature_c - min_temperature_c) / 2 * cos(2 * pi() * (h - 15) / 24) + 0.3 * g(k, 1) AS DECIMAL(5, 1))
      AS temperature_c,
    CAST(CASE WHEN u(k, 2) < 0.4 THEN precipitation_mm / 9.6 * 2 * u(k, 3) ELSE 0 END AS DECIMAL(6, 2)) AS precipitation_mm,
    CAST(greatest(0, wind_kmh * (0.8 + 0.4 * u(k, 4)) + 3 * cos(2 * pi() * (h - 14) / 24)) AS DECIMAL(5, 1)) AS wind_kmh,
    CAST(floor(u(k, 5) * 40 + (dayofyear(observed_on) * 37) % 360) % 360 AS INTEGER) AS wind_direction_deg,
    CAST(1013 + 9 * g(dayofyear(observed_on), 6) - precipitation_mm / 3 AS DECIMAL(6, 1)) AS pressure_hpa, u(k, 7) > 0.004 AS is_valid
  FROM (SELECT *, (datediff('day', DATE '2022-01-01', observed_on) * 24 + h) * 100 + station_id AS k
    FROM daily_observations, range(24) r(h) WHERE observed_on >= DATE '2026-09-01') ORDER BY station_id, observed_at;

  CREATE TABLE weather_warnings AS
  SELECT row_number() OVER (ORDER BY day, region, kind) AS warning_id, region, kind, severity,
    day AS valid_on, CAST(day AS TIMESTAMP) - to_hours(18) AS issued_at, peak, CAST(stations AS BIGINT) AS stations_affected
  FROM (
    SELECT region, observed_on AS day, unnest(['HEAT', 'FROST', 'RAIN', 'WIND']) AS kind,
      unnest([max(max_temperature_c), -min(min_temperature_c), max(precipitation_mm), max(gust_kmh)]) AS peak,
      unnest([27.5, if(region = 'Uplands', 10, 6), if(region = 'Uplands', 42, 26), 80]) AS limit_value, count(*) AS stations
    FROM daily_observations JOIN stations USING (station_id) GROUP BY region, observed_on
  ), LATERAL (SELECT CASE WHEN peak > 1.25 * limit_value THEN 'RED' WHEN peak > 1.1 * limit_value THEN 'AMBER' ELSE 'YELLOW' END AS severity)
  WHERE peak > limit_value;
`;

const scripts: Record<WarehouseName, string> = { sports, retail, weather };

/** Writes observations, a Parquet file a year, and the stations as CSV from a weather warehouse into a folder. */
export async function exportFiles(warehouse: string, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, 'observations'), { recursive: true });
  const instance = await DuckDBInstance.create(warehouse, { access_mode: 'READ_ONLY' });
  try {
    const connection = await instance.connect();
    try {
      const to = (file: string): string => `'${path.join(folder, file).replaceAll("'", "''")}'`;
      for (const year of [2022, 2023, 2024, 2025, 2026])
        await connection.run(
          `COPY (SELECT * FROM daily_observations WHERE year(observed_on) = ${year}) TO ${to(`observations/${year}.parquet`)}`,
        );
      await connection.run(`COPY stations TO ${to('stations.csv')} (HEADER)`);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** Writes a warehouse to `file`, replacing what is there, and answers the rows of all its tables. */
export async function buildWarehouse(file: string, name: WarehouseName): Promise<{ rows: number }> {
  await Promise.all([file, `${file}.wal`].map((one) => rm(one, { force: true })));
  const instance = await DuckDBInstance.create(file);
  try {
    const connection = await instance.connect();
    try {
      await connection.run(macros + scripts[name]);
      const tables = await connection.runAndReadAll(
        `SELECT table_name AS name FROM duckdb_tables() WHERE database_name = current_database() AND NOT temporary ORDER BY 1`,
      );
      const counts = (tables.getRowObjectsJS() as { name: string }[]).map(
        ({ name }) => `SELECT count(*) AS n FROM ${name}`,
      );
      const total = await connection.runAndReadAll(
        `SELECT CAST(sum(n) AS INTEGER) FROM (${counts.join(' UNION ALL ')})`,
      );
      await connection.run('CHECKPOINT');
      return { rows: Number(total.getRowsJS()[0]?.[0]) };
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}
