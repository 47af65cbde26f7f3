import type { DemoAsset, DemoParameter } from './products.ts';

const note = '<p>Demonstration data: stores, brands and members are invented.</p>';

const base = {
  seller: 'retail',
  industryId: 7,
  sourceTableName: 'sales_lines',
  parameters: [] as DemoParameter[],
  isListed: true,
  isCached: true,
  refresh: 'EVERY_DAY',
  geographicCoverageType: 'NATIONAL',
  geographicCoverageDetails: '57 stores in the regions North, Central, South and Coast, and three online shops',
} as const;

const region: DemoParameter = {
  name: 'region',
  type: 'STRING',
  isRequired: true,
  defaultValue: null,
  allowedValues: ['North', 'Central', 'South', 'Coast'],
  description: 'Region of the store.',
};

const fromDate: DemoParameter = {
  name: 'from_date',
  type: 'DATE',
  isRequired: false,
  defaultValue: '2026-08-01',
  allowedValues: null,
  description: 'First day, YYYY-MM-DD, from 2024-11-01.',
};

const toDate: DemoParameter = {
  name: 'to_date',
  type: 'DATE',
  isRequired: false,
  defaultValue: '2026-11-01',
  allowedValues: null,
  description: 'First day that no longer counts, YYYY-MM-DD, up to 2026-11-01.',
};

export const retailAssets: DemoAsset[] = [
  {
    ...base,
    name: 'Gross Margin of the Last 30 Days',
    description:
      'Gross margin in percent of net sales over the latest 30 days, all stores and online shops together. A benchmark for mid-size general merchandise.',
    detailedDescription: `<p>Net sales after discounts, less cost of goods, over net sales. Returns are not deducted.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(100 * CAST(sum(net_amount - cost_amount) AS DOUBLE) / sum(net_amount), 2) AS answer_value
FROM sales_lines
WHERE sold_on > (SELECT max(sold_on) FROM sales_lines) - INTERVAL '30 days'`,
    tags: ['retail', 'margin', 'benchmark'],
    topQuestions: ['What gross margin do general merchandise retailers make?', 'How does my margin compare?'],
    useCaseId: 22,
    priceUsd: '2.50',
  },
  {
    ...base,
    name: 'Like-for-Like Sales Growth',
    description:
      'Net sales of the last twelve months against the twelve before, in percent, for stores trading throughout. The growth figure analysts ask for first.',
    detailedDescription: `<p>Online shops are left out, so new channels do not flatter the figure.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(100 * (CAST(sum(net_amount) FILTER (WHERE sold_on >= DATE '2025-11-01') AS DOUBLE)
  / sum(net_amount) FILTER (WHERE sold_on < DATE '2025-11-01') - 1), 2) AS answer_value
FROM sales_lines l
JOIN stores s ON s.store_id = l.store_id
WHERE NOT s.is_online AND s.opened_on < DATE '2024-11-01'`,
    tags: ['retail', 'growth', 'like-for-like'],
    topQuestions: ['How fast do comparable stores grow?'],
    useCaseId: 1,
    priceUsd: '3.00',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    name: 'Average Basket Value by Region',
    description:
      'Mean net value of a basket in US dollars for the region and period you choose. Use it to size a loyalty offer or a free-delivery threshold.',
    detailedDescription: `<p>415,000 baskets in two years. A basket is one payment at one till or checkout.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(avg(basket_value), 2) AS answer_value
FROM (
  SELECT l.basket_id, CAST(sum(l.net_amount) AS DOUBLE) AS basket_value
  FROM sales_lines l
  JOIN stores s ON s.store_id = l.store_id
  WHERE s.region = :region AND l.sold_on >= CAST(:from_date AS DATE) AND l.sold_on < CAST(:to_date AS DATE)
  GROUP BY l.basket_id
) AS baskets`,
    parameters: [region, fromDate, toDate],
    tags: ['retail', 'baskets', 'regions'],
    topQuestions: ['How much does an average shopper spend per visit?', 'Which region has the largest baskets?'],
    useCaseId: 19,
    priceUsd: '1.50',
  },
  {
    ...base,
    name: 'Return Rate of a Category',
    description:
      'Share of sold lines that come back, in percent, for one of 24 categories, in stores or online. Denim and swimwear tell another story than candles.',
    detailedDescription: `<p>Lines sold until 3 October 2026, so that each had 28 days to return.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(100.0 * count(r.return_id) / nullif(count(*), 0), 2) AS answer_value
FROM sales_lines l
JOIN products p ON p.product_id = l.product_id
JOIN categories c ON c.category_id = p.category_id
JOIN stores s ON s.store_id = l.store_id
LEFT JOIN returns r ON r.line_id = l.line_id
WHERE c.name = :category AND s.is_online = CAST(:online AS BOOLEAN) AND l.sold_on < DATE '2026-10-04'`,
    parameters: [
      {
        name: 'category',
        type: 'STRING',
        isRequired: true,
        defaultValue: null,
        allowedValues: [
          'Denim',
          'Swimwear',
          'Footwear',
          'Coats and Jackets',
          'Knitwear',
          'Audio',
          'Bedding',
          'Toys and Games',
        ],
        description: 'Name of the category.',
      },
      {
        name: 'online',
        type: 'BOOLEAN',
        isRequired: false,
        defaultValue: true,
        allowedValues: null,
        description: 'True for the online shops, false for the stores.',
      },
    ],
    tags: ['retail', 'returns', 'e-commerce'],
    topQuestions: ['How many jeans bought online come back?', 'How do returns differ between stores and online?'],
    sourceTableName: 'returns',
    useCaseId: 17,
    priceUsd: '2.00',
  },
  {
    ...base,
    name: 'Promotion Share of Revenue',
    description:
      'Percentage of net revenue sold at a discount in the period you choose. Read it beside gross margin to see whether growth is bought or earned.',
    detailedDescription: `<p>Discounts of 20, 30 and 50 percent; the last only in January, July and November.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `SELECT round(100 * CAST(sum(CASE WHEN is_promotion THEN net_amount ELSE 0 END) AS DOUBLE)
  / nullif(sum(net_amount), 0), 2) AS answer_value
FROM sales_lines
WHERE sold_on >= CAST(:from_date AS DATE) AND sold_on < CAST(:to_date AS DATE)`,
    parameters: [fromDate, toDate],
    tags: ['retail', 'promotions', 'pricing'],
    topQuestions: ['How much of retail revenue is sold on promotion?'],
    useCaseId: 18,
    priceUsd: '1.00',
  },
  {
    ...base,
    name: 'Repeat Purchase Rate of Members',
    description:
      'Share of loyalty members who buy again within the days you set after a purchase in the third quarter. The plainest measure of retention there is.',
    detailedDescription: `<p>Members with a basket between 1 July and 1 September 2026, first basket of each counted.</p>${note}`,
    assetType: 'CALCULATION',
    sqlLogic: `WITH first_buy AS (
  SELECT member_id, min(sold_on) AS day
  FROM sales_lines
  WHERE member_id IS NOT NULL AND sold_on >= DATE '2026-07-01' AND sold_on < DATE '2026-09-01'
  GROUP BY member_id
), again AS (
  SELECT DISTINCT f.member_id
  FROM first_buy f
  JOIN sales_lines l ON l.member_id = f.member_id AND l.sold_on > f.day
    AND l.sold_on <= f.day + CAST(:days AS INTEGER)
)
SELECT round(100.0 * (SELECT count(*) FROM again) / nullif((SELECT count(*) FROM first_buy), 0), 2) AS answer_value`,
    parameters: [
      {
        name: 'days',
        type: 'INTEGER',
        isRequired: false,
        defaultValue: 30,
        allowedValues: [7, 14, 30, 60],
        description: 'Days within which the next purchase counts.',
      },
    ],
    tags: ['retail', 'loyalty', 'retention'],
    topQuestions: ['How many members come back within a month?'],
    useCaseId: 6,
    priceUsd: '4.00',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    name: 'Weekly Revenue, Stores and Online',
    description:
      'Net revenue of every week since November 2024, split into stores and online. Shows the sales week, the December peak and the February hollow.',
    detailedDescription: `<p>Whole weeks from Monday to Sunday, in US dollars.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT CAST(date_trunc('week', l.sold_on) AS DATE) AS week,
  CASE WHEN s.is_online THEN 'Online' ELSE 'Stores' END AS channel, CAST(sum(l.net_amount) AS DOUBLE) AS revenue_usd
FROM sales_lines l
JOIN stores s ON s.store_id = l.store_id
WHERE l.sold_on >= DATE '2024-11-04' AND l.sold_on < DATE '2026-10-26'
GROUP BY 1, 2
ORDER BY 1, 2`,
    viz: { chartType: 'LINE', x: 'week', y: 'revenue_usd', color: 'channel' },
    tags: ['retail', 'revenue', 'seasonality', 'e-commerce'],
    topQuestions: ['How seasonal is general merchandise revenue?', 'How fast is the online share growing?'],
    useCaseId: 10,
    priceUsd: '5.00',
  },
  {
    ...base,
    name: 'How Shoppers Pay',
    description:
      'Net revenue by payment method over the last twelve months: cards, wallets, cash and gift cards. For acquirers, wallets and till planners.',
    detailedDescription: `<p>One method per basket, in US dollars.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT payment_method, CAST(sum(net_amount) AS DOUBLE) AS revenue_usd
FROM sales_lines
WHERE sold_on >= DATE '2025-11-01'
GROUP BY payment_method
ORDER BY revenue_usd DESC`,
    viz: { chartType: 'PIE', x: 'payment_method', y: 'revenue_usd' },
    tags: ['retail', 'payments'],
    topQuestions: ['What share of retail revenue is paid by wallet?'],
    useCaseId: 4,
    priceUsd: '1.00',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    name: 'Why Goods Come Back',
    description:
      'Refund value by stated reason across 58,000 returns. Wrong size and change of mind dominate; faults are rarer than most return policies assume.',
    detailedDescription: `<p>Reasons as given at the counter or in the return form. Refunds in US dollars.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT reason, CAST(sum(refund_amount) AS DOUBLE) AS refund_usd, count(*) AS returned_lines
FROM returns
GROUP BY reason
ORDER BY refund_usd DESC`,
    viz: { chartType: 'DOUGHNUT', x: 'reason', y: 'refund_usd' },
    tags: ['retail', 'returns'],
    topQuestions: ['Why do customers return goods?'],
    sourceTableName: 'returns',
    useCaseId: 17,
    priceUsd: '1.50',
  },
  {
    ...base,
    name: 'The Year of a Category',
    description:
      'Share of yearly units sold in each month for summer, winter and all-year categories, around the clock face of the year. Made for buying calendars.',
    detailedDescription: `<p>Two full years, November 2024 to October 2026.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT monthname(l.sold_on) AS month_name, c.season_group,
  round(100.0 * CAST(sum(l.quantity) AS DOUBLE) / sum(sum(l.quantity)) OVER (PARTITION BY c.season_group), 2) AS share_pct
FROM sales_lines l
JOIN products p ON p.product_id = l.product_id
JOIN categories c ON c.category_id = p.category_id
GROUP BY extract(month FROM l.sold_on), monthname(l.sold_on), c.season_group
ORDER BY c.season_group, extract(month FROM l.sold_on)`,
    viz: { chartType: 'POLAR', x: 'month_name', y: 'share_pct', color: 'season_group' },
    tags: ['retail', 'seasonality', 'merchandising'],
    topQuestions: ['When do summer goods start to sell?', 'How deep is the off-season of winter goods?'],
    useCaseId: 2,
    priceUsd: '3.50',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    name: 'Rush Hours: Weekday by Hour',
    description:
      'Baskets in physical stores by weekday and hour, as a heat map over two years. Plan tills, deliveries and shelf work around the real rush.',
    detailedDescription: `<p>Opening hours 8.30 to 20.15; the three online shops are left out.</p>${note}`,
    assetType: 'VISUALIZATION',
    sqlLogic: `SELECT dayname(l.sold_on) AS weekday, extract(hour FROM l.sold_at) AS hour_of_day,
  count(DISTINCT l.basket_id) AS baskets
FROM sales_lines l
JOIN stores s ON s.store_id = l.store_id
WHERE NOT s.is_online
GROUP BY extract(isodow FROM l.sold_on), dayname(l.sold_on), extract(hour FROM l.sold_at)
ORDER BY extract(isodow FROM l.sold_on), hour_of_day`,
    vizSpec: {
      data: [{ type: 'heatmap', xsrc: 'hour_of_day', ysrc: 'weekday', zsrc: 'baskets', colorscale: 'Viridis' }],
      layout: { title: { text: 'Baskets by weekday and hour' }, xaxis: { title: { text: 'Hour' }, dtick: 1 } },
    },
    tags: ['retail', 'footfall', 'staffing'],
    topQuestions: ['When are stores busiest?', 'How many tills are needed on a Saturday afternoon?'],
    useCaseId: 21,
    priceUsd: '4.50',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    name: 'Categories Bought Together',
    description:
      'Pairs of categories that share baskets more often than chance, with support and lift, for any period. Ready for bundles and shelf neighbours.',
    detailedDescription: `<p>Lift above 1 means more common than independent purchases would make it.</p><p>Pairs in fewer than 50 baskets are left out.</p>${note}`,
    assetType: 'DATA',
    sqlLogic: `WITH item AS (
  SELECT DISTINCT l.basket_id, p.category_id
  FROM sales_lines l
  JOIN products p ON p.product_id = l.product_id
  WHERE l.sold_on >= CAST(:from_date AS DATE) AND l.sold_on < CAST(:to_date AS DATE)
), total AS (
  SELECT count(DISTINCT basket_id) AS baskets FROM item
), single AS (
  SELECT category_id, count(*) AS baskets FROM item GROUP BY category_id
), pair AS (
  SELECT a.category_id AS first_id, b.category_id AS second_id, count(*) AS baskets
  FROM item a
  JOIN item b ON b.basket_id = a.basket_id AND b.category_id > a.category_id
  GROUP BY a.category_id, b.category_id
)
SELECT x.name AS first_category, y.name AS second_category, pair.baskets,
  round(100.0 * pair.baskets / total.baskets, 3) AS support_pct,
  round(CAST(pair.baskets AS DOUBLE) * total.baskets / s1.baskets / s2.baskets, 3) AS lift
FROM pair
CROSS JOIN total
JOIN single s1 ON s1.category_id = pair.first_id
JOIN single s2 ON s2.category_id = pair.second_id
JOIN categories x ON x.category_id = pair.first_id
JOIN categories y ON y.category_id = pair.second_id
WHERE pair.baskets >= 50
ORDER BY lift DESC, first_category, second_category`,
    parameters: [fromDate, toDate],
    tags: ['retail', 'baskets', 'affinity', 'cross-selling'],
    topQuestions: ['Which categories are bought together?', 'Which bundles should we offer?'],
    useCaseId: 19,
    priceUsd: '15.00',
  },
  {
    ...base,
    name: 'Sales per Square Metre by Store',
    description:
      'Net sales, baskets and sales per square metre for all 57 stores over the last twelve months, by format and region. A yardstick for property teams.',
    detailedDescription: `<p>Sales floor only, without stock rooms. Leave the region out for the whole estate.</p>${note}`,
    assetType: 'DATA',
    sqlLogic: `SELECT s.name AS store, s.region, s.format, s.floor_area_m2, sum(l.net_amount) AS net_sales_usd,
  count(DISTINCT l.basket_id) AS baskets, round(CAST(sum(l.net_amount) AS DOUBLE) / s.floor_area_m2, 2) AS sales_per_m2_usd
FROM sales_lines l
JOIN stores s ON s.store_id = l.store_id
WHERE NOT s.is_online AND l.sold_on >= DATE '2025-11-01'
  AND (CAST(:region AS VARCHAR) IS NULL OR s.region = CAST(:region AS VARCHAR))
GROUP BY s.store_id, s.name, s.region, s.format, s.floor_area_m2
ORDER BY sales_per_m2_usd DESC`,
    parameters: [{ ...region, isRequired: false }],
    tags: ['retail', 'stores', 'real estate', 'benchmark'],
    topQuestions: ['What does a good store sell per square metre?'],
    sourceTableName: 'stores',
    useCaseId: 12,
    priceUsd: '18.00',
    refresh: 'EVERY_WEEK',
  },
  {
    ...base,
    name: 'Member Value Segments (Internal Draft)',
    description:
      'Loyalty members grouped by recency and spend into nine segments with size and mean value. Draft of the segmentation, shared with pilot partners only.',
    detailedDescription: `<p>Thirds by days since the last basket and by spend of twelve months. No person can be singled out.</p>${note}`,
    assetType: 'DATA',
    sqlLogic: `WITH member AS (
  SELECT member_id, max(sold_on) AS last_day, CAST(sum(net_amount) AS DOUBLE) AS spend
  FROM sales_lines
  WHERE member_id IS NOT NULL AND sold_on >= DATE '2025-11-01'
  GROUP BY member_id
), scored AS (
  SELECT member_id, spend, ntile(3) OVER (ORDER BY last_day DESC, member_id) AS recency_third,
    ntile(3) OVER (ORDER BY spend DESC, member_id) AS spend_third
  FROM member
)
SELECT recency_third, spend_third, count(*) AS members, round(avg(spend), 2) AS mean_spend_usd
FROM scored
GROUP BY recency_third, spend_third
ORDER BY recency_third, spend_third`,
    tags: ['retail', 'loyalty', 'segmentation'],
    topQuestions: ['How concentrated is the spending of loyalty members?'],
    useCaseId: 5,
    priceUsd: '25.00',
    isListed: false,
    isCached: false,
  },
];
