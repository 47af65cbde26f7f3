import type { DemoSeller } from './products.ts';

/** The companies of the demo market, the first seller and the first buyer first. */
export const demoCompanies = [
  {
    handle: 'kickoff-metrics',
    name: 'Kickoff Metrics',
    seller: 'sports',
    industryId: 17,
    countryId: 826,
    timezone: 'Europe/London',
    planId: 2,
    credits: 9_000,
    description: 'Odds, results and ratings of sixteen football leagues since 2022.',
  },
  {
    handle: 'basket-insights',
    name: 'Basket Insights',
    seller: 'retail',
    industryId: 7,
    countryId: 276,
    timezone: 'Europe/Berlin',
    planId: 2,
    credits: 9_000,
    description: 'Till lines, returns and loyalty of a retail chain, ready to ask.',
  },
  {
    handle: 'isobar-analytics',
    name: 'Isobar Analytics',
    seller: 'weather',
    industryId: 12,
    countryId: 578,
    timezone: 'Europe/Oslo',
    planId: 1,
    credits: 9_000,
    description: 'Observations of weather stations, by the hour and by the day.',
  },
  {
    handle: 'northgate-capital',
    name: 'Northgate Capital',
    seller: null,
    industryId: 10,
    countryId: 840,
    timezone: 'America/New_York',
    planId: 2,
    credits: 30_000,
    description: 'Trades on what others measure.',
  },
  {
    handle: 'harbour-foods',
    name: 'Harbour Foods',
    seller: null,
    industryId: 8,
    countryId: 528,
    timezone: 'Europe/Amsterdam',
    planId: 1,
    credits: 30_000,
    description: 'Plans its stock by weather and demand.',
  },
] as const satisfies readonly {
  handle: string;
  name: string;
  seller: DemoSeller | null;
  industryId: number;
  countryId: number;
  timezone: string;
  planId: number;
  credits: number;
  description: string;
}[];

export const people: Record<(typeof demoCompanies)[number]['handle'], string[]> = {
  'kickoff-metrics': ['Amara Osei', 'Tom Whitfield', 'Lena Fischer', 'Ravi Menon', 'Sofia Almeida'],
  'basket-insights': ['Jonas Weber', 'Klara Vogel', 'Mehmet Aydin', 'Nora Lindqvist', 'Paul Richter'],
  'isobar-analytics': ['Ingrid Haugen', 'Erik Solberg', 'Maja Nilsen', 'Oskar Berg', 'Signe Dahl'],
  'northgate-capital': ['Grace Turner', 'Daniel Brooks', 'Priya Shah', 'Marcus Reed', 'Elena Novak'],
  'harbour-foods': ['Anouk de Vries', 'Pieter Bakker', 'Femke Jansen', 'Ruben Visser', 'Sanne Mulder'],
};
