import { alerts } from './alerts.ts';
import { analytics } from './analytics.ts';
import { apiKeys } from './api-keys.ts';
import { assets } from './assets.ts';
import { companies } from './companies.ts';
import { connections } from './connections.ts';
import { endpoints } from './endpoints.ts';
import { favorites } from './favorites.ts';
import { integrations } from './integrations.ts';
import { market } from './market.ts';
import { posts } from './posts.ts';
import { prices } from './prices.ts';
import { cloudProviders, industries, jobFunctions, storageEngines, useCases } from './reference.ts';
import type { Group } from './row.ts';
import { users } from './users.ts';

/** All operations by the groups of the REST API, in its order. */
export const groups: Group[] = [
  { name: 'API keys', rows: apiKeys },
  { name: 'Alerts', rows: alerts },
  { name: 'Asset price history', rows: prices },
  { name: 'Assets', rows: [...market, ...assets] },
  { name: 'Cloud providers', rows: cloudProviders },
  { name: 'Companies', rows: [...companies, ...analytics] },
  { name: 'Connections', rows: connections },
  { name: 'Favorites', rows: favorites },
  { name: 'Job functions', rows: jobFunctions },
  { name: 'Storage engines', rows: storageEngines },
  { name: 'Users', rows: users },
  { name: 'Endpoints', rows: endpoints },
  { name: 'Integrations', rows: integrations },
  { name: 'Posts', rows: posts },
  { name: 'Asset use cases', rows: useCases },
  { name: 'Industries', rows: industries },
];
