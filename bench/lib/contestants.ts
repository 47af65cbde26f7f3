import type { Dialect } from './nested-read.ts';

/** Who takes part; peers only where their packages are installed. */
export const contestants: { name: string; file: string; dialect: Dialect; isPeer: boolean }[] = [
  { name: 'ours', file: 'ours', dialect: 'ours', isPeer: false },
  { name: 'floor', file: 'floor', dialect: 'lists', isPeer: false },
  { name: 'PostGraphile', file: 'postgraphile', dialect: 'postgraphile', isPeer: true },
  { name: 'Mercurius', file: 'mercurius', dialect: 'lists', isPeer: true },
  { name: 'Apollo + Prisma', file: 'apollo', dialect: 'lists', isPeer: true },
  { name: 'yoga + Pothos', file: 'pothos', dialect: 'lists', isPeer: true },
];
