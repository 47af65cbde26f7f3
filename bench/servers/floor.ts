/** What cannot be undercut without caching: `node:http`, `pg` and one statement a request, written by hand. */
import { createServer } from 'node:http';
import pg from 'pg';
import { countStatements, serve } from '../lib/serve.ts';

countStatements(pg as never);
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
const text = `select json_build_object('id', c.id, 'name', c.name, 'handle', c.handle,
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

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const { variables } = JSON.parse(Buffer.concat(parts).toString()) as { variables: { id: string } };
    pool.query<{ json: string }>({ name: 'nested', text, values: [variables.id] }).then(
      ({ rows }) => {
        const body = `{"data":{"company":${rows[0]?.json ?? 'null'}}}`;
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
          .end(body);
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
});
server.listen(0, '127.0.0.1', () => serve(server.address()));
