/** Apollo Server with Prisma, in the way of their guides: resolvers that ask Prisma for one relation each. */
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { typeDefs } from '../lib/peer-schema.ts';
import { countStatements, serve } from '../lib/serve.ts';

countStatements(pg as never);
const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env['DATABASE_URL'] ?? '', max: 10 }),
});
type Parent = { id: string };
type Args = { first: number };
interface PageOf {
  where: { companyId: string; active: boolean; assetType?: never };
  first: number;
  after?: string;
}
const oldest = [{ createdAt: 'asc' as const }, { id: 'asc' as const }];
const latest = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];

const pages = new WeakMap<PageOf, Promise<{ id: string }[]>>();
/** The rows of a page and one more; read once for both fields that need them. */
function rowsOf(page: PageOf): Promise<{ id: string }[]> {
  const { where, first, after } = page;
  const known =
    pages.get(page) ??
    prisma.asset
      .findMany({
        where,
        orderBy: [{ name: 'asc' }, { id: 'asc' }],
        take: first + 1,
        ...(after ? { cursor: { id: after }, skip: 1 } : {}),
      })
      .then((rows) => rows);
  pages.set(page, known);
  return known;
}

const server = new ApolloServer({
  typeDefs,
  resolvers: {
    Query: {
      company: (_: unknown, { id }: Parent) => prisma.company.findUnique({ where: { id } }),
      asset: (_: unknown, { id }: Parent) => prisma.asset.findUnique({ where: { id } }),
    },
    // The fluent form: findUnique of one turn is put together by Prisma's own batching.
    Company: {
      users: ({ id }: Parent, { first }: Args) =>
        prisma.company.findUnique({ where: { id } }).users({ where: { active: true }, orderBy: oldest, take: first }),
      assets: ({ id }: Parent, { first }: Args) =>
        prisma.company.findUnique({ where: { id } }).assets({ where: { active: true }, orderBy: latest, take: first }),
      endpoints: ({ id }: Parent, { first }: Args) =>
        prisma.company
          .findUnique({ where: { id } })
          .endpoints({ where: { active: true }, orderBy: oldest, take: first }),
      posts: ({ id }: Parent, { first }: Args) =>
        prisma.company.findUnique({ where: { id } }).posts({ where: { active: true }, orderBy: latest, take: first }),
      assetPage: ({ id }: Parent, { first, after, assetType }: Args & { after?: string; assetType?: never }) => ({
        where: { companyId: id, active: true, ...(assetType ? { assetType } : {}) },
        first,
        after,
      }),
    },
    // Pages as Prisma's guide has them: a cursor is the id of the last row.
    AssetPage: {
      totalCount: ({ where }: PageOf) => prisma.asset.count({ where }),
      nodes: async (page: PageOf) => (await rowsOf(page)).slice(0, page.first),
      pageInfo: async (page: PageOf) => {
        const rows = await rowsOf(page);
        return { hasNextPage: rows.length > page.first, endCursor: rows[Math.min(rows.length, page.first) - 1]?.id };
      },
    },
    Asset: {
      owner: ({ id }: Parent) => prisma.asset.findUnique({ where: { id } }).owner(),
      activePrice: async ({ id }: Parent) =>
        (await prisma.asset.findUnique({ where: { id } }).prices({ where: { endedAt: null }, take: 1 }))?.[0],
    },
    Price: { priceUsd: (price: { amountUsd: unknown }) => String(price.amountUsd) },
    Post: {
      publications: ({ id }: Parent, { first }: Args) =>
        prisma.post.findUnique({ where: { id } }).publications({ orderBy: latest, take: first }),
    },
  },
});
const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
serve({ port: Number(new URL(url).port) });
