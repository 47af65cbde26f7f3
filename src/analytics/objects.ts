import { COUNT_LIMIT, type LazyConnection } from '../connection-type.ts';
import type { Context } from '../context.ts';
import { cursorOf, fingerprintOf, keysetSql, orderSql, readPage, type PageArgs, type SortKey } from '../paging.ts';

export type ObjectKind = 'CONNECTION' | 'ASSET';

/** Something a company has. */
export interface CompanyObject {
  kind: ObjectKind;
  id: string;
  name: string;
  updatedAt: Date;
}

const KEYS: SortKey[] = ['t."updatedAt"', 't.id'].map((sql, i) => ({
  sql,
  type: i === 0 ? 'timestamptz' : 'uuid',
  isDescending: true,
  isNullable: false,
  nullsFirst: false,
}));
const FINGERPRINT = fingerprintOf('CompanyObject', KEYS);
const KINDS: [ObjectKind, string][] = [
  ['CONNECTION', '"Connection"'],
  ['ASSET', '"Asset"'],
];

/** The connections and assets of a company that are not deleted, what changed last first; each table gives a page at most. */
export function objectsOf(ctx: Context, companyId: string, args: PageArgs): LazyConnection<CompanyObject> {
  const page = readPage(
    args,
    FINGERPRINT,
    KEYS.length,
    KEYS.map((key) => key.type),
  );
  const order = orderSql(KEYS, page.isBackward);

  async function read() {
    const values: unknown[] = [companyId, page.size + 1];
    const keyset = keysetSql(KEYS, page, (value) => `$${values.push(value)}`);
    const parts = KINDS.map(
      ([kind, table]) => `(select '${kind}' as kind, t.id, t.name, t."updatedAt" from ${table} t
      where t."companyId" = $1 and t.active and ${keyset} order by ${order} limit $2::int)`,
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
      cursors: () => kept.map((row) => cursorOf(FINGERPRINT, [row.updatedAt.toISOString(), row.id])),
      hasNextPage: page.isBackward ? page.from !== null : hasMore,
      hasPreviousPage: page.isBackward ? hasMore : page.from !== null,
    };
  }

  async function count(): Promise<number> {
    const parts = KINDS.map(([, table]) => `select 1 from ${table} t where t."companyId" = $1 and t.active`);
    const [row] = await ctx.query<{ value: number }>(
      `select count(*)::int as value from (${parts.join(' union all ')} limit ${COUNT_LIMIT}) t`,
      [companyId],
    );
    return row?.value ?? 0;
  }

  let loaded: ReturnType<typeof read> | undefined;
  return { page: () => (loaded ??= read()), count };
}
