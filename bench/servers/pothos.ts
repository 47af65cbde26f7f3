/** graphql-yoga and Pothos with its Prisma plugin, as its docs show it: one Prisma query for the whole tree. */
import { createServer } from 'node:http';
import SchemaBuilder from '@pothos/core';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import { PrismaPg } from '@prisma/adapter-pg';
import { createYoga } from 'graphql-yoga';
import pg from 'pg';
import type PrismaTypes from '../generated/pothos.ts';
import { getDatamodel } from '../generated/pothos.ts';
import { PrismaClient } from '../generated/prisma/client.ts';
import { countStatements, serve } from '../lib/serve.ts';

countStatements(pg as never);
const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env['DATABASE_URL'] ?? '', max: 10 }),
});
const builder = new SchemaBuilder<{ PrismaTypes: PrismaTypes }>({
  plugins: [PrismaPlugin, RelayPlugin],
  relay: { nodesOnConnection: true },
  prisma: { client: prisma, dmmf: getDatamodel() },
});
const oldest = [{ createdAt: 'asc' as const }, { id: 'asc' as const }];
const latest = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];

builder.prismaObject('User', {
  fields: (t) => ({ id: t.exposeID('id'), name: t.exposeString('name'), email: t.exposeString('email') }),
});
builder.prismaObject('Price', {
  fields: (t) => ({ id: t.exposeID('id'), priceUsd: t.string({ resolve: (price) => String(price.amountUsd) }) }),
});
builder.prismaObject('Asset', {
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    description: t.exposeString('description', { nullable: true }),
    assetType: t.exposeString('assetType' as never),
    owner: t.relation('owner', { nullable: true }),
    activePrice: t.prismaField({
      type: 'Price',
      nullable: true,
      select: (_args: unknown, _ctx: unknown, nested: (selection: object) => object) => ({
        prices: nested({ where: { endedAt: null }, take: 1 }),
      }),
      resolve: (_query: unknown, asset: { prices: unknown[] }) => asset.prices[0] ?? null,
    } as never),
  }),
});
builder.prismaObject('Endpoint', {
  fields: (t) => ({ id: t.exposeID('id'), name: t.exposeString('name'), slug: t.exposeString('slug') }),
});
builder.prismaObject('Publication', {
  fields: (t) => ({
    id: t.exposeID('id'),
    platform: t.exposeString('platform' as never),
    status: t.exposeString('status' as never),
    externalPostUrl: t.exposeString('externalPostUrl', { nullable: true }),
  }),
});
builder.prismaObject('Post', {
  fields: (t) => ({
    id: t.exposeID('id'),
    title: t.exposeString('title'),
    publications: t.relation('publications', {
      args: { first: t.arg.int({ required: true }) },
      query: ({ first }) => ({ take: first, orderBy: latest }),
    }),
  }),
});
builder.prismaObject('Company', {
  fields: (t) => {
    const args = { first: t.arg.int({ required: true }) };
    return {
      id: t.exposeID('id'),
      name: t.exposeString('name'),
      handle: t.exposeString('handle'),
      users: t.relation('users', {
        args,
        query: ({ first }) => ({ take: first, where: { active: true }, orderBy: oldest }),
      }),
      assets: t.relation('assets', {
        args,
        query: ({ first }) => ({ take: first, where: { active: true }, orderBy: latest }),
      }),
      endpoints: t.relation('endpoints', {
        args,
        query: ({ first }) => ({ take: first, where: { active: true }, orderBy: oldest }),
      }),
      posts: t.relation('posts', {
        args,
        query: ({ first }) => ({ take: first, where: { active: true }, orderBy: latest }),
      }),
      assetPage: t.relatedConnection('assets', {
        cursor: 'id',
        totalCount: true,
        args: { assetType: t.arg.string() },
        query: ({ assetType }) => ({
          where: { active: true, ...(assetType ? { assetType: assetType as never } : {}) },
          orderBy: [{ name: 'asc' as const }, { id: 'asc' as const }],
        }),
      }),
    };
  },
});
builder.queryType({
  fields: (t) => ({
    company: t.prismaField({
      type: 'Company',
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (query, _, { id }) => prisma.company.findUnique({ ...query, where: { id: String(id) } }),
    }),
    asset: t.prismaField({
      type: 'Asset',
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (query, _, { id }) => prisma.asset.findUnique({ ...query, where: { id: String(id) } }),
    }),
  }),
});
const yoga = createYoga({ schema: builder.toSchema(), logging: false, graphiql: false });
const server = createServer((request, response) => void yoga(request, response));
server.listen(0, '127.0.0.1', () => serve(server.address()));
