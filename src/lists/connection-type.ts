import type { OutputRef } from '@pothos/core';
import { builder } from '../graph/builder.ts';

/** A page that is read when a field of it is asked for, and a count that is made when it is asked for. */
export interface LazyConnection<R> {
  page(): Promise<LoadedPage<R>>;
  count(): Promise<number>;
}

export interface LoadedPage<R> {
  rows: R[];
  cursors: () => string[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
}

/** A count goes no further than this. */
export const COUNT_LIMIT = 10_001;

const PageInfo = builder.objectRef<LoadedPage<unknown>>('PageInfo').implement({
  description: 'Where a page lies in its list.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', {
      description: 'Whether there is more after it. Going backward, true whenever `before` was given.',
    }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', {
      description: 'Whether there is more before it. Going forward, true whenever `after` was given.',
    }),
    startCursor: t.string({
      nullable: true,
      description: 'Cursor of its first item; null for an empty page.',
      resolve: (page) => page.cursors()[0] ?? null,
    }),
    endCursor: t.string({
      nullable: true,
      description: 'Cursor of its last item; null for an empty page.',
      resolve: (page) => page.cursors().at(-1) ?? null,
    }),
  }),
});

const BoundedCount = builder.objectRef<number>('BoundedCount').implement({
  description: `How many there are; counting stops at ${COUNT_LIMIT}.`,
  fields: (t) => ({
    value: t.int({ description: `The number, at most ${COUNT_LIMIT}.`, resolve: (count) => count }),
    isExact: t.boolean({
      description: `Whether it is the whole number; false from ${COUNT_LIMIT} on.`,
      resolve: (count) => count < COUNT_LIMIT,
    }),
  }),
});

const connections = new Map<string, unknown>();

/** The connection type over a node type: `AssetConnection` with its `AssetEdge`. One a node type. */
export function connectionType<R>(name: string, node: OutputRef<R>): OutputRef<LazyConnection<R>> {
  const known = connections.get(name);
  if (known) return known as OutputRef<LazyConnection<R>>;
  const Edge = builder.objectRef<{ node: R; cursor: string }>(`${name}Edge`).implement({
    description: `One ${name} in a list.`,
    fields: (t) => ({
      node: t.field({ type: node as never, description: 'The item.', resolve: (edge) => edge.node as never }),
      cursor: t.exposeString('cursor', { description: 'Where it stands; for `after` and `before` of the same sort.' }),
    }),
  });
  const ref = builder.objectRef<LazyConnection<R>>(`${name}Connection`).implement({
    description: `A page of a list of ${name} items. What is not selected is not read.`,
    fields: (t) => ({
      edges: t.field({
        type: [Edge],
        description: 'The items with their cursors.',
        resolve: async (connection) => {
          const page = await connection.page();
          const cursors = page.cursors();
          return page.rows.map((row, i) => ({ node: row, cursor: cursors[i] ?? '' }));
        },
      }),
      nodes: t.field({
        type: [node] as never,
        description: 'The items alone.',
        resolve: async (connection) => (await connection.page()).rows as never,
      }),
      pageInfo: t.field({
        type: PageInfo,
        description: 'Where this page lies.',
        resolve: (connection) => connection.page(),
      }),
      totalCount: t.field({
        type: BoundedCount,
        description: 'How many there are on all pages.',
        resolve: (connection) => connection.count(),
      }),
    }),
  });
  connections.set(name, ref);
  return ref;
}
