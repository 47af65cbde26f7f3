import { COUNT_LIMIT, type LazyConnection } from '../lists/connection-type.ts';
import type { Context } from '../context.ts';
import { checkSearch, substring } from '../lists/lists.ts';
import {
  cursorOf,
  fingerprintOf,
  keysetSql,
  orderSql,
  readPage,
  type PageArgs,
  type SortKey,
} from '../lists/paging.ts';

export type ObjectKind = 'CONNECTION' | 'ASSET';

/** Something a company has. */
export interface CompanyObject {
  kind: ObjectKind;
  id: string;
  name: string;
  updatedAt: Date;
}

/** What they can be sorted by. */
export type ObjectSort = 'UPDATED_AT' | 'NAME';

/** Which ones, and in which order. */
export interface ObjectArgs extends PageArgs {
  kind?: ObjectKind | null | undefined;
  search?: string | null | undefined;
  orderBy?: { field: ObjectSort; direction: 'ASC' | 'DESC' } | null | undefined;
}

const sorts: Record<ObjectSort, Pick<SortKey, 'sql' | 'type'>> = {
  UPDATED_AT: { sql: 't."updatedAt"', type: 'timestamptz' },
  NAME: { sql: 't.name', type: 'text' },
};
const KINDS: [ObjectKind, string][] = [
  ['CONNECTION', '"Connection"'],
  ['ASSET', '"Asset"'],
];

/**
 * The connections and assets of a company that are not deleted, what changed last first unless told otherwise; each
 * table gives a page at most.
 * @throws DomainError BAD_FILTER for a search that is too long, and what a page refuses.
 */
export function objectsOf(ctx: Context, companyId: string, args: ObjectArgs): LazyConnection<CompanyObject> {
  const { field, direction } = args.orderBy ?? { field: 'UPDATED_AT', direction: 'DESC' };
  const keys: SortKey[] = [sorts[field], { sql: 't.id', type: 'uuid' }].map((key) => ({
    ...key,
    isDescending: direction === 'DESC',
    isNullable: false,
    nullsFirst: false,
  }));
  const fingerprint = fingerprintOf('CompanyObject', keys);
  const page = readPage(
    args,
    fingerprint,
    keys.length,
    keys.map((key) => key.type),
  );
  const order = orderSql(keys, page.isBackward);
  checkSearch(args.search);
  const kinds = KINDS.filter(([kind]) => !args.kind || kind === args.kind);
  const searched = (values: unknown[]): string =>
    args.search ? ` and ${substring('t.name')(`$${values.push(args.search)}::text`)}` : '';

  async function read() {
    const values: unknown[] = [companyId, page.size + 1];
    const found = searched(values);
    const keyset = keysetSql(keys, page, (value) => `$${values.push(value)}`);
    const parts = kinds.map(
      ([kind, table]) => `(select '${kind}' as kind, t.id, t.name, t."updatedAt" from ${table} t
      where t."companyId" = $1 and t.active${found} and ${keyset} order by ${order} limit $2::int)`,
    );
    const rows = await ctx.query<CompanyObject>(
      `select * from (${parts.join(' union all ')}) t order by ${order} limit $2::int`,
      values,
    );
    const hasMore = rows.length > page.size;
    const kept = hasMore ? rows.slice(0, page.size) : rows;
    if (page.isBackward) kept.reverse();
    return {
      rows: kept,
      cursors: () =>
        kept.map((row) => cursorOf(fingerprint, [field === 'NAME' ? row.name : row.updatedAt.toISOString(), row.id])),
      hasNextPage: page.isBackward ? page.from !== null : hasMore,
      hasPreviousPage: page.isBackward ? hasMore : page.from !== null,
    };
  }

  async function count(): Promise<number> {
    const values: unknown[] = [companyId];
    const found = searched(values);
    const parts = kinds.map(([, table]) => `select 1 from ${table} t where t."companyId" = $1 and t.active${found}`);
    const [row] = await ctx.query<{ value: number }>(
      `select count(*)::int as value from (${parts.join(' union all ')} limit ${COUNT_LIMIT}) t`,
      values,
    );
    return row?.value ?? 0;
  }

  let loaded: ReturnType<typeof read> | undefined;
  return { page: () => (loaded ??= read()), count };
}
