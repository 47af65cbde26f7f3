import type { OutputRef } from '@pothos/core';
import { getNamedType, type GraphQLObjectType, type GraphQLResolveInfo } from 'graphql';
import { builder, type Access, type ModelName } from '../graph/builder.ts';
import { COUNT_LIMIT, connectionType, type LazyConnection, type LoadedPage } from './connection-type.ts';
import type { Context } from '../context.ts';
import { DomainError } from '../errors.ts';
import { whereInput, whereSql, type Filter, type Where } from './filters.ts';
import { LRUCache } from 'lru-cache';
import { load, manyByPosition, type Loader, type LoaderContext } from './loader.ts';
import {
  cursorOf,
  fingerprintOf,
  keysetSql,
  MAX_PAGE_SIZE,
  orderSql,
  PAGE_SIZE,
  readPage,
  type PageArgs,
  type SortKey,
} from './paging.ts';
import { askedOf, asksForCursors, onceASelection, type Asked, type Selection } from './selection.ts';

/** Whose items a list shows: the tenant that sees them and the parent that has them. */
export interface ListKey {
  company: string | null;
  parent: string | number | null;
}

/** A way to sort: SQL over `t`. `needsSearch` sorts take the search text's `$n`. */
export interface Sort {
  sql: string | ((search: string) => string);
  type: 'text' | 'timestamptz' | 'int' | 'bigint' | 'numeric' | 'float8' | 'date';
  isNullable?: boolean;
  description: string;
}

export interface ListSpec<M extends ModelName> {
  /** Name of the node type. */
  name: string;
  model: M;
  type: OutputRef<unknown>;
  idType?: 'uuid' | 'int';
  filters?: Record<string, Filter>;
  sorts: Record<string, Sort>;
  /** Sort without `orderBy`: names of sorts, `-` before one that goes down. */
  defaultSort: string[];
  /** The condition of a search, given the search text's `$n`. */
  search?: (text: string) => string;
  /** The sort with a search and without `orderBy`. */
  searchSort?: string[];
}

interface ListArgs extends PageArgs {
  where?: Where | null;
  orderBy?: { field: string; direction: 'ASC' | 'DESC'; nulls?: 'FIRST' | 'LAST' | null }[] | null;
  search?: string | null;
}

/** Where a list hangs: `by` the column that refers to the parent, `where` what every item must fulfil (over `t` and `k.company`). */
export interface ListPlace {
  by?: { sql: string; type: 'uuid' | 'int' };
  where: string;
}

/** Which way a sort goes. */
export const Direction = builder.enumType('SortDirection', {
  description: 'Which way a sort goes.',
  values: { ASC: { description: 'Smallest or earliest first.' }, DESC: { description: 'Largest or latest first.' } },
});
const Nulls = builder.enumType('NullsOrder', {
  description: 'Where items without a value go.',
  values: { FIRST: { description: 'Before the others.' }, LAST: { description: 'After the others.' } },
});

/** Full-text search over the model's `search` column. */
export const fullText = (text: string): string => `t.search @@ websearch_to_tsquery('english', ${text})`;
/** The sort of a list with `fullText` that has the best first. */
export const RELEVANCE: Sort = {
  sql: (search) => (search ? `ts_rank(t.search, websearch_to_tsquery('english', ${search}))::float8` : '0::float8'),
  type: 'float8',
  description: 'By how well it fits the search.',
};
/** Substring search over some text columns. */
export const substring =
  (...columns: string[]) =>
  (text: string): string =>
    `(${columns.map((column) => `${column} ilike '%' || regexp_replace(${text}, '([\\\\%_])', '\\\\\\1', 'g') || '%'`).join(' or ')})`;

function sortKeys<M extends ModelName>(spec: ListSpec<M>, args: ListArgs, search: string): SortKey[] {
  const fallback = args.search && spec.searchSort ? spec.searchSort : spec.defaultSort;
  const wanted = args.orderBy?.length
    ? args.orderBy
    : fallback.map((name) => ({
        field: name.replace('-', ''),
        direction: name.startsWith('-') ? ('DESC' as const) : ('ASC' as const),
        nulls: null,
      }));
  if (wanted.length > 4) throw new DomainError('BAD_REQUEST', 'A sort has at most 4 keys.', { path: ['orderBy'] });
  const keys = wanted.map(({ field, direction, nulls }): SortKey => {
    const sort = spec.sorts[field] as Sort;
    return {
      sql: typeof sort.sql === 'string' ? sort.sql : sort.sql(search),
      type: sort.type,
      isDescending: direction === 'DESC',
      isNullable: sort.isNullable ?? false,
      nullsFirst: nulls ? nulls === 'FIRST' : false,
    };
  });
  keys.push({
    sql: 't.id',
    type: spec.idType ?? 'uuid',
    isDescending: keys[0]?.isDescending ?? false,
    isNullable: false,
    nullsFirst: false,
  });
  return keys;
}

/** @throws DomainError BAD_FILTER for a search that is too long or no text of PostgreSQL. */
export function checkSearch(search: string | null | undefined): void {
  if (!search || (search.length <= 255 && !search.includes('\0'))) return;
  throw new DomainError('BAD_FILTER', 'A search has at most 255 characters, none of them NUL.', { path: ['search'] });
}

interface Plan {
  rows(ctx: LoaderContext, key: ListKey): Promise<LoadedPage<unknown>>;
  count(ctx: LoaderContext, key: ListKey): Promise<number>;
}

/** Plans by list and arguments: making one takes longer than reading a small page. */
const plans = new LRUCache<string, Plan>({ max: 1000 });
/** Arguments longer than this are not kept. */
const MAX_KEPT = 2000;
let lastList = 0;

/** A sort value as a cursor keeps it: exact, in JSON. */
const inCursor = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value);

/** What a selection needs of the items of a list. */
const needsOf = onceASelection(({ model }: { model: ModelName }, info: Selection) => {
  const item = getNamedType((getNamedType(info.returnType) as GraphQLObjectType).getFields()['nodes']?.type);
  return {
    rows: askedOf(model, item as GraphQLObjectType, info, 'connection'),
    hasCursors: asksForCursors(info),
  };
});

/** A list of a model: declared once, hung onto as many types as show it. */
export function listOf<M extends ModelName>(spec: ListSpec<M>) {
  const filters = spec.filters ?? {};
  const WhereInput = Object.keys(filters).length > 0 ? whereInput(spec.name, filters) : null;
  const SortField = builder.enumType(`${spec.name}SortField`, {
    description: `What ${spec.name} items can be sorted by.`,
    values: Object.fromEntries(
      Object.entries(spec.sorts).map(([name, sort]) => [name, { description: sort.description }]),
    ),
  });
  const Order = builder.inputType(`${spec.name}Order`, {
    description: `One key of a sort of ${spec.name} items. Ties are settled by the id.`,
    fields: (t) => ({
      field: t.field({ type: SortField, required: true, description: 'What to sort by.' }),
      direction: t.field({ type: Direction, required: true, defaultValue: 'ASC', description: 'Which way.' }),
      nulls: t.field({
        type: Nulls,
        required: false,
        description: 'Where items without a value go; last unless said.',
      }),
    }),
  });
  const Connection = connectionType(spec.name, spec.type);

  /** The statements of a list with these arguments, for whatever key. */
  function planOf(place: ListPlace, args: ListArgs, asked: Asked, hasCursors: boolean): Plan {
    const values: unknown[] = [];
    const bind = (value: unknown): string => `$${values.push(value) + 2}`;
    const keyText = `unnest($1::uuid[], $2::${place.by?.type ?? 'uuid'}[]) with ordinality as k(company, parent, n)`;
    checkSearch(args.search);
    const search = args.search ? bind(args.search) : '';
    const keys = sortKeys(spec, args, search);
    const fingerprint = fingerprintOf(spec.name, keys);
    // Wrong arguments are told at once, on the connection's own path.
    const page = readPage(
      args,
      fingerprint,
      keys.length,
      keys.map((sort) => sort.type),
    );
    const conditions = [
      place.where,
      ...(place.by ? [`${place.by.sql} = k.parent`] : []),
      ...(search && spec.search ? [spec.search(search)] : []),
      whereSql(args.where, filters, bind),
    ].filter((condition) => condition !== 'true');
    const from = `from "${spec.model}" t where ${conditions.length > 0 ? conditions.join(' and ') : 'true'}`;
    const keyOf = (item: ListKey): string => `${item.company} ${item.parent}`;
    const keyValues = (items: readonly ListKey[]): unknown[] => [
      items.map((item) => item.company),
      items.map((item) => item.parent),
    ];

    const own = [...values];
    const bindOwn = (value: unknown): string => `$${own.push(value) + 2}`;
    const keyset = keysetSql(keys, page, bindOwn);
    const sorted = keys.map((sort, i) => `${sort.sql} as "_s${i}"`).join(', ');
    // A sort value that is a column of the row anyway is not sent twice.
    const sortNames = keys.map(({ sql }, i) => {
      const name = /^t\."?(\w+)"?$/.exec(sql)?.[1];
      return name && asked.names.includes(name) ? name : `_s${i}`;
    });
    const cursors = hasCursors ? sortNames.filter((name) => !asked.names.includes(name)) : [];
    const sent = [asked.sent, ...cursors.map((name) => `r."${name}"`)].join(', ');
    const text = `select k.n::int, ${sent} from ${keyText} cross join lateral (select ${asked.columns}, ${sorted} ${from} and ${keyset} order by ${orderSql(keys, page.isBackward)} limit ${bindOwn(page.size + 1)}::int) r${asked.joins} order by k.n, ${orderSql(keys, page.isBackward, true)}`;
    const loader: Loader<ListKey, Record<string, unknown>[]> = {
      name: `${text}\n${JSON.stringify(own)}`,
      keyOf,
      async batch(query, items) {
        const rows = await query<Record<string, unknown> & { n: number }>(text, [...keyValues(items), ...own]);
        return manyByPosition(items, rows, asked.assemble);
      },
    };

    async function rows(ctx: LoaderContext, key: ListKey): Promise<LoadedPage<unknown>> {
      if (page.size === 0) return { rows: [], cursors: () => [], hasNextPage: false, hasPreviousPage: false };
      const found = await load(ctx, loader, key);
      const hasMore = found.length > page.size;
      const kept = hasMore ? found.slice(0, page.size) : [...found];
      if (page.isBackward) kept.reverse();
      let cursors: string[] | undefined;
      return {
        rows: kept,
        // A getter would be a shape of its own for each page, which the collector keeps with all its rows for long.
        cursors: () =>
          (cursors ??= kept.map((row) =>
            cursorOf(
              fingerprint,
              sortNames.map((name) => inCursor(row[name])),
            ),
          )),
        hasNextPage: page.isBackward ? page.from !== null : hasMore,
        hasPreviousPage: page.isBackward ? hasMore : page.from !== null,
      };
    }

    async function count(ctx: LoaderContext, key: ListKey): Promise<number> {
      // The sort keys may have bound the search text already; the keyset and the limit belong to the page.
      const text = `select k.n, (select count(*)::int from (select 1 ${from} limit ${COUNT_LIMIT}) c) as value from ${keyText}`;
      const loader: Loader<ListKey, number> = {
        name: `count ${text}\n${JSON.stringify([args.where, args.orderBy, args.search])}`,
        keyOf,
        batch: async (query, items) => {
          const found = await query<{ n: number; value: number }>(text, [...keyValues(items), ...values]);
          const out = items.map(() => 0);
          for (const row of found) out[Number(row.n) - 1] = row.value;
          return out;
        },
      };
      return load(ctx, loader, key);
    }

    return { rows, count };
  }

  function connect(
    list: string,
    place: ListPlace,
    key: ListKey,
    args: ListArgs,
    ctx: Context,
    info: GraphQLResolveInfo,
  ): LazyConnection<unknown> {
    const { rows: asked, hasCursors } = needsOf(spec, info);
    const name = `${list} ${asked.key} ${hasCursors} ${JSON.stringify(args)}`;
    let plan = plans.get(name);
    if (!plan) {
      plan = planOf(place, args, asked, hasCursors);
      if (name.length <= MAX_KEPT) plans.set(name, plan);
    }
    const { rows, count } = plan;
    let loaded: Promise<LoadedPage<unknown>> | undefined;
    return { page: () => (loaded ??= rows(ctx, key)), count: () => count(ctx, key) };
  }

  return {
    Connection,
    /** A connection field; `from` tells the list's key for a parent. */
    field<P>(
      t: { field: (options: never) => unknown },
      options: { description: string; access: Access; place: ListPlace; from: (parent: P, ctx: Context) => ListKey },
    ): never {
      const list = `${++lastList}`;
      const arg = (builder as never as { args: (fields: (t: never) => unknown) => unknown }).args;
      return t.field({
        type: Connection,
        access: options.access,
        description: `${options.description} Pages of at most ${MAX_PAGE_SIZE}, 20 unless said.`,
        listSize: PAGE_SIZE,
        extensions: { reads: options.from },
        args: arg.call(builder, ((a: never) =>
          pageArguments(a, WhereInput, Order, spec.search !== undefined)) as never),
        resolve: (parent: P, args: ListArgs, ctx: Context, info: GraphQLResolveInfo) =>
          connect(list, options.place, options.from(parent, ctx), args, ctx, info),
      } as never) as never;
    },
  };
}

function pageArguments(a: never, where: unknown, order: unknown, hasSearch: boolean): unknown {
  const t = a as { int(options: object): unknown; string(options: object): unknown; field(options: object): unknown };
  return {
    first: t.int({ required: false, description: `How many from the start, 0 to ${MAX_PAGE_SIZE}.` }),
    after: t.string({ required: false, description: 'Begin after the item with this cursor.' }),
    last: t.int({ required: false, description: `How many from the end, 0 to ${MAX_PAGE_SIZE}.` }),
    before: t.string({ required: false, description: 'End before the item with this cursor.' }),
    ...(where ? { where: t.field({ type: where, required: false, description: 'Only items that fulfil this.' }) } : {}),
    orderBy: t.field({ type: [order], required: false, description: 'At most 4 sort keys, the first counts most.' }),
    ...(hasSearch
      ? { search: t.string({ required: false, description: 'Only items with these words, at most 255 characters.' }) }
      : {}),
  };
}
