import type { RunQuery } from '../../src/database/db.ts';

/**
 * Tenants for growth and load: N companies of 1,000 assets with 4 prices each (or of fewer), 20 users, 20 endpoints and
 * 20 posts. Made in SQL; the same ids each time.
 */
const STATEMENTS = [
  `insert into "Company" (id, handle, domain, name, "acceptedEula") select md5('company ' || c)::uuid, 'tenant-' || c, 'tenant-' || c || '.example', 'Tenant ' || c, true from generate_series($1::int, $2::int) c`,
  `insert into "User" (id, "companyId", "roleId", status, name, email) select md5('user ' || c || ' ' || u)::uuid, md5('company ' || c)::uuid, 1 + u % 5, 'ACTIVE', 'User ' || u, 'user-' || u || '@tenant-' || c || '.example'
   from generate_series($1::int, $2::int) c, generate_series(1, 20) u`,
  `insert into "Connection" (id, "companyId", "engineId", name) select md5('connection ' || c)::uuid, md5('company ' || c)::uuid, 57, 'Warehouse' from generate_series($1::int, $2::int) c`,
  `insert into "Asset" (id, "companyId", "userId", "connectionId", name, slug, description, source, "assetType", tags, "topQuestions", "shortCode", "sqlLogic", "industryId", "useCaseId", "sellInMarketplace", "createdAt")
   select md5('asset ' || c || ' ' || a)::uuid, md5('company ' || c)::uuid, md5('user ' || c || ' ' || (1 + a % 20))::uuid, md5('connection ' || c)::uuid, 'Asset ' || a || ' of tenant ' || c, 'asset-' || a,
     'Measures number ' || a || ' of ' || c || ', every day.', 'MANUAL', (array['CALCULATION', 'VISUALIZATION', 'DATA'])[1 + a % 3]::"AssetType", array['tag-' || a % 50, 'bulk'],
     array['What is the value of number ' || a || ' today?'], 'b' || c || 'x' || a, 'select ' || a || ' as answer_value', 1 + a % 20, 1 + a % 20, a % 10 = 0, timestamptz '2026-01-01' + make_interval(mins => a)
   from generate_series($1::int, $2::int) c, generate_series(1, $3::int) a`,
  `insert into "Price" (id, "companyId", "assetId", "amountUsd", "startedAt", "endedAt")
   select md5('price ' || c || ' ' || a || ' ' || p)::uuid, md5('company ' || c)::uuid, md5('asset ' || c || ' ' || a)::uuid, 1 + p, timestamptz '2026-01-01' + make_interval(days => p * 30), case when p < 4 then timestamptz '2026-01-01' + make_interval(days => p * 30 + 30) end
   from generate_series($1::int, $2::int) c, generate_series(1, $3::int) a, generate_series(1, 4) p`,
  `insert into "Endpoint" (id, "companyId", "connectionId", name, slug) select md5('endpoint ' || c || ' ' || e)::uuid, md5('company ' || c)::uuid, md5('connection ' || c)::uuid, 'Endpoint ' || e, 'endpoint-' || e
   from generate_series($1::int, $2::int) c, generate_series(1, 20) e`,
  `insert into "Post" (id, "companyId", "userId", title, "contentHtml") select md5('post ' || c || ' ' || p)::uuid, md5('company ' || c)::uuid, md5('user ' || c || ' ' || (1 + p % 20))::uuid, 'Post ' || p, '<p>Text.</p>'
   from generate_series($1::int, $2::int) c, generate_series(1, 20) p`,
  `insert into "Publication" (id, "companyId", "postId", platform, status, "externalPostUrl") select md5('publication ' || c || ' ' || p)::uuid, md5('company ' || c)::uuid, md5('post ' || c || ' ' || p)::uuid, 'WEBHOOK', 'PUBLISHED', 'https://example.com/' || p
   from generate_series($1::int, $2::int) c, generate_series(1, 20) p`,
];

/** Adds tenants `from` to `to`. */
export async function seedBulk(query: RunQuery, from: number, to: number, assetsEach = 1000): Promise<void> {
  for (const statement of STATEMENTS)
    await query(statement, statement.includes('$3') ? [from, to, assetsEach] : [from, to]);
  await query('analyze', []);
}
