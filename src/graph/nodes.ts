import { builder } from './builder.ts';
import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { isUuid, parseGlobalId, toGlobalId } from '../ids.ts';

type Find = (ctx: Context, key: string) => Promise<object | null>;
const finders = new Map<string, { isInt: boolean; find: Find }>();
/** The node type of a row that `node` found. */
const typeOf = new WeakMap<object, string>();

/** The interface of everything that has an id. */
export const NodeInterface = builder.interfaceRef<{ id: string | number }>('Node').implement({
  description: 'Anything with an id of its own.',
  fields: (t) => ({
    id: t.id({ description: 'Opaque and stable; `node(id:)` finds it again.', resolve: (row) => String(row.id) }),
  }),
  resolveType: (row) => typeOf.get(row) ?? null,
});

/** Says how `node(id:)` finds a type's rows; `find` holds the caller's tenant and permission. */
export function registerNode(type: string, find: Find, options: { isInt?: boolean } = {}): void {
  finders.set(type, { isInt: options.isInt ?? false, find });
}

/** The `id` field of a node type. */
export const idOf =
  (type: string) =>
  (row: { id: string | number }): string =>
    toGlobalId(type, row.id);

async function findNode(ctx: Context, id: string): Promise<object | null> {
  const parsed = parseGlobalId(id);
  const finder = parsed && finders.get(parsed.type);
  if (!parsed || !finder) throw new DomainError('BAD_ID', 'This is not the id of anything.', { path: ['id'] });
  if (finder.isInt ? !/^\d{1,9}$/.test(parsed.key) : !isUuid(parsed.key)) return null;
  const row = await finder.find(ctx, parsed.key);
  if (row) typeOf.set(row, parsed.type);
  return row;
}

builder.queryFields((t) => ({
  node: t.field({
    type: NodeInterface,
    nullable: true,
    access: 'signed-in',
    description: 'Anything by its id; null where there is nothing the caller may see.',
    args: { id: t.arg.id({ required: true, description: 'The opaque id of a node.' }) },
    resolve: (_, { id }, ctx) => findNode(ctx, id) as never,
  }),
  nodes: t.field({
    type: [NodeInterface],
    nullable: { list: false, items: true },
    access: 'signed-in',
    cost: 10,
    listSize: { assumed: 100, by: ['ids'] },
    description: 'Up to 100 things by their ids, in order; null for each that is not there for the caller.',
    args: { ids: t.arg.idList({ required: true, description: 'At most 100 opaque ids.' }) },
    resolve: (_, { ids }, ctx) => {
      if (ids.length > 100) throw new DomainError('PAGE_SIZE', 'nodes takes at most 100 ids.', { path: ['ids'] });
      return ids.map((id) => findNode(ctx, id)) as never;
    },
  }),
}));
