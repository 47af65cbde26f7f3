import type { RunQuery } from '../database/db.ts';
import {
  assetUseCases,
  cloudProviders,
  countries,
  industries,
  jobFunctions,
  plans,
  roles,
  storageEngines,
} from './data.ts';

/** Columns of a table in the order of the record's fields, with PostgreSQL's types. */
const tables: [string, Record<string, string>, readonly object[]][] = [
  ['CloudProvider', { id: 'int', name: 'text', parentCompany: 'text', marketingHomepageUrl: 'text' }, cloudProviders],
  [
    'StorageEngine',
    {
      id: 'int',
      providerId: 'int',
      serviceName: 'text',
      engineType: '"EngineType"',
      driver: 'text',
      unavailableReason: 'text',
      credentialTypes: 'text[]',
    },
    storageEngines,
  ],
  [
    'Industry',
    { id: 'int', name: 'text', shortName: 'text', slug: 'text', naicsCode: 'int', description: 'text' },
    industries,
  ],
  ['JobFunction', { id: 'int', name: 'text' }, jobFunctions],
  ['AssetUseCase', { id: 'int', name: 'text', slug: 'text', description: 'text' }, assetUseCases],
  ['Country', { id: 'int', code: 'text', name: 'text' }, countries],
  ['Role', { id: 'int', name: 'text' }, roles],
  ['Plan', { id: 'int', code: 'text', name: 'text', monthlyRequests: 'int' }, plans],
];

/** Brings the reference tables up to `data.ts`; rows are added and changed, never removed. */
export async function syncReference(query: RunQuery): Promise<void> {
  for (const [table, columns, rows] of tables) {
    const names = Object.keys(columns).map((name) => `"${name}"`);
    const definition = Object.entries(columns).map(([name, type]) => `"${name}" ${type}`);
    const changes = names.slice(1).map((name) => `${name} = excluded.${name}`);
    await query(
      `insert into "${table}" (${names.join(', ')}) select ${names.join(', ')} from jsonb_to_recordset($1::jsonb) as r(${definition.join(', ')})
       on conflict (id) do update set ${changes.join(', ')} where "${table}" is distinct from excluded`,
      [JSON.stringify(rows)],
    );
  }
}
