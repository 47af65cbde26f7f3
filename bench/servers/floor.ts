/** What cannot be undercut without caching: `node:http`, `pg` and one statement a request, written by hand. */
import { createServer } from 'node:http';
import pg from 'pg';
import { countStatements, serve } from '../lib/serve.ts';

countStatements(pg as never);
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
const NESTED = `select json_build_object('id', c.id, 'name', c.name, 'handle', c.handle,
  'users', (select coalesce(json_agg(x), '[]') from (select id, name, email from "User" t where t."companyId" = c.id and active order by "createdAt", id limit 10) x),
  'assets', (select coalesce(json_agg(x), '[]') from (
     select t.id, t.name, t.description, t."assetType",
       (select json_build_object('priceUsd', p."amountUsd"::text) from "Price" p where p."assetId" = t.id and p."endedAt" is null) as "activePrice",
       (select json_build_object('id', o.id, 'name', o.name, 'email', o.email) from "User" o where o.id = t."userId") as owner
     from "Asset" t where t."companyId" = c.id and active order by t."createdAt" desc, t.id desc limit 10) x),
  'endpoints', (select coalesce(json_agg(x), '[]') from (select id, name, slug from "Endpoint" t where t."companyId" = c.id and active order by "createdAt", id limit 5) x),
  'posts', (select coalesce(json_agg(x), '[]') from (
     select t.id, t.title, (select coalesce(json_agg(y), '[]') from (
       select id, platform, status, "externalPostUrl" from "Publication" u where u."postId" = t.id order by "createdAt" desc, id desc limit 3) y) as publications
     from "Post" t where t."companyId" = c.id and active order by t."createdAt" desc, t.id desc limit 5) x)
  )::text as json from "Company" c where c.id = $1`;
/** The first rows by name after a place, and one more that tells whether there is a next page. */
const rowsAfter = (where: string): string =>
  `with t as (select id, name, "assetType" from "Asset" where "companyId" = $1 and active ${where} order by name, id limit $2 + 1),
     rows as (select *, row_number() over (order by name, id) as n from t)`;
const nodes = `'nodes', (select coalesce(json_agg(json_build_object('id', id, 'name', name, 'assetType', "assetType") order by n), '[]') from rows where n <= $2)`;
const page = (where: string): string => `${rowsAfter(where)}
  select json_build_object('assets', json_build_object(${nodes}, 'pageInfo', json_build_object('hasNextPage', (select count(*) > $2 from rows),
    'endCursor', (select json_build_array(name, id) from rows where n <= $2 order by n desc limit 1)::text)))::text as json`;
const LIST = `${rowsAfter('and "assetType" = \'CALCULATION\'')}
  select json_build_object('assets', json_build_object(${nodes},
    'totalCount', (select count(*) from "Asset" where "companyId" = $1 and active and "assetType" = 'CALCULATION')))::text as json`;
const NODE = `select json_build_object('id', id, 'name', name, 'assetType', "assetType", 'description', description)::text as json from "Asset" where id = $1`;

interface Body {
  operationName: string;
  variables: { id: string; first?: number; after?: string | null };
}

function statementOf({ operationName, variables: { id, first, after } }: Body): pg.QueryConfig {
  if (operationName === 'NestedRead') return { name: 'nested', text: NESTED, values: [id] };
  if (operationName === 'Node') return { name: 'node', text: NODE, values: [id] };
  if (operationName === 'List') return { name: 'list', text: LIST, values: [id, 20] };
  if (!after) return { name: 'page', text: page(''), values: [id, first] };
  const place = JSON.parse(after) as string[];
  return { name: 'page after', text: page('and (name, id) > ($3, $4::uuid)'), values: [id, first, ...place] };
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const asked = JSON.parse(Buffer.concat(parts).toString()) as Body;
    pool.query<{ json: string }>(statementOf(asked)).then(
      ({ rows }) => {
        const field = asked.operationName === 'Node' ? 'node' : 'company';
        const body = `{"data":{"${field}":${rows[0]?.json ?? 'null'}}}`;
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
          .end(body);
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
});
server.listen(0, '127.0.0.1', () => serve(server.address()));
