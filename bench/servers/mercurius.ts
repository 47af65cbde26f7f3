/** Fastify and Mercurius with its loaders and its JIT; each loader one statement over `pg` for all keys of a request. */
import Fastify from 'fastify';
import mercurius from 'mercurius';
import pg from 'pg';
import { typeDefs } from '../lib/peer-schema.ts';
import { countStatements, serve } from '../lib/serve.ts';

countStatements(pg as never);
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
type Row = Record<string, unknown>;
type Query = { obj: Row; params: { first: number } };

/** The first rows of each parent in one statement; as in the docs, all of a request share their arguments. */
function many(table: string, columns: string, parent: string, where: string, order: string) {
  const text = `select k.n, r.* from unnest($1::uuid[]) with ordinality as k(id, n) cross join lateral
    (select ${columns} from "${table}" t where t."${parent}" = k.id ${where} order by ${order} limit $2) r order by k.n`;
  return async (queries: Query[]): Promise<Row[][]> => {
    const { rows } = await pool.query<Row>({
      name: table,
      text,
      values: [queries.map(({ obj }) => obj['id']), queries[0]?.params.first],
    });
    const out: Row[][] = queries.map(() => []);
    for (const row of rows) out[Number(row['n']) - 1]?.push(row);
    return out;
  };
}

function one(name: string, text: string, key: string) {
  return async (queries: Query[]): Promise<(Row | null)[]> => {
    const { rows } = await pool.query<Row>({ name, text, values: [queries.map(({ obj }) => obj[key])] });
    const out: (Row | null)[] = queries.map(() => null);
    for (const row of rows) out[Number(row['n']) - 1] = row;
    return out;
  };
}

interface PageOf {
  companyId: string;
  assetType: string | null;
  first: number;
  after: string | null;
}
const pages = new WeakMap<PageOf, Promise<Row[]>>();
/** The rows of a page and one more; read once for both fields that need them. A cursor is the last name and id. */
function rowsOf(page: PageOf): Promise<Row[]> {
  const [name, id] = page.after ? (JSON.parse(Buffer.from(page.after, 'base64url').toString()) as string[]) : [];
  const known =
    pages.get(page) ??
    pool
      .query<Row>({
        name: name === undefined ? 'page' : 'page after',
        text: `select id, name, description, "assetType", "userId" from "Asset" where "companyId" = $1 and active and ($2::text is null or "assetType" = $2::"AssetType")
          ${name === undefined ? '' : 'and (name, id) > ($4, $5::uuid)'} order by name, id limit $3`,
        values: [page.companyId, page.assetType, page.first + 1, ...(name === undefined ? [] : [name, id])],
      })
      .then(({ rows }) => rows);
  pages.set(page, known);
  return known;
}

const app = Fastify();
await app.register(
  mercurius as never,
  {
    schema: typeDefs,
    jit: 1,
    resolvers: {
      Query: {
        company: async (_: unknown, { id }: { id: string }) =>
          (
            await pool.query<Row>({
              name: 'company',
              text: 'select id, name, handle from "Company" where id = $1',
              values: [id],
            })
          ).rows[0],
        asset: async (_: unknown, { id }: { id: string }) =>
          (
            await pool.query<Row>({
              name: 'asset',
              text: 'select id, name, description, "assetType", "userId" from "Asset" where id = $1',
              values: [id],
            })
          ).rows[0],
      },
      Company: {
        assetPage: ({ id }: { id: string }, { first, after, assetType }: PageOf): PageOf => ({
          companyId: id,
          first,
          after,
          assetType: assetType ?? null,
        }),
      },
      AssetPage: {
        totalCount: async ({ companyId, assetType }: PageOf) =>
          (
            await pool.query<{ count: number }>({
              name: 'count',
              text: 'select count(*)::int from "Asset" where "companyId" = $1 and active and ($2::text is null or "assetType" = $2::"AssetType")',
              values: [companyId, assetType],
            })
          ).rows[0]?.count,
        nodes: async (page: PageOf) => (await rowsOf(page)).slice(0, page.first),
        pageInfo: async (page: PageOf) => {
          const rows = await rowsOf(page);
          const last = rows[Math.min(rows.length, page.first) - 1];
          return {
            hasNextPage: rows.length > page.first,
            endCursor: last && Buffer.from(JSON.stringify([last['name'], last['id']])).toString('base64url'),
          };
        },
      },
    },
    loaders: {
      Company: {
        users: many('User', 'id, name, email', 'companyId', 'and active', '"createdAt", id'),
        assets: many(
          'Asset',
          'id, name, description, "assetType", "userId"',
          'companyId',
          'and active',
          '"createdAt" desc, id desc',
        ),
        endpoints: many('Endpoint', 'id, name, slug', 'companyId', 'and active', '"createdAt", id'),
        posts: many('Post', 'id, title', 'companyId', 'and active', '"createdAt" desc, id desc'),
      },
      Asset: {
        activePrice: one(
          'price',
          'select k.n, t.id, t."amountUsd" as "priceUsd" from unnest($1::uuid[]) with ordinality as k(id, n) join "Price" t on t."assetId" = k.id where t."endedAt" is null',
          'id',
        ),
        owner: one(
          'owner',
          'select k.n, t.id, t.name, t.email from unnest($1::uuid[]) with ordinality as k(id, n) join "User" t on t.id = k.id',
          'userId',
        ),
      },
      Post: {
        publications: many(
          'Publication',
          'id, platform, status, "externalPostUrl"',
          'postId',
          '',
          '"createdAt" desc, id desc',
        ),
      },
    },
  } as never,
);
await app.listen({ port: 0, host: '127.0.0.1' });
serve(app.server.address());
