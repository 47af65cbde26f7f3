import { isDeepStrictEqual } from 'node:util';
import type { Context } from './context.ts';
import { DomainError, notFound } from './errors.ts';
import { Prisma } from './generated/prisma/client.ts';

/** The fields of an input that were given: those left out are kept. */
export function given<T extends Record<string, unknown>>(input: T): Partial<T> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as Partial<T>;
}

type Table =
  | 'Company'
  | 'User'
  | 'ApiKey'
  | 'Connection'
  | 'Asset'
  | 'Endpoint'
  | 'Price'
  | 'Favorite'
  | 'Alert'
  | 'Post'
  | 'Integration';

/**
 * Says why a guarded update found no row: it is not there for the tenant, or has another version than expected.
 * @throws DomainError NOT_FOUND or VERSION_CONFLICT, always.
 */
export async function explainMissing(
  ctx: Context,
  table: Table,
  what: string,
  key: { id: string | number; companyId: string; isActive?: boolean },
): Promise<never> {
  const own = table === 'Company' ? 'id' : '"companyId"';
  const type = typeof key.id === 'number' ? 'int' : 'uuid';
  const active = key.isActive ? ' and active' : '';
  const [row] = await ctx.query<{ version: number }>(
    `select version from "${table}" where id = $1::${type} and ${own} = $2::uuid${active}`,
    [key.id, key.companyId],
  );
  if (!row) throw notFound(what, ['input', 'id']);
  throw new DomainError('VERSION_CONFLICT', `This ${what} was changed since: read it again.`, {
    path: ['input', 'expectedVersion'],
    details: { currentVersion: row.version },
  });
}

/** A value as the database gives it back: JSON without what it cannot say. */
const stored = (value: unknown): unknown =>
  value === Prisma.DbNull ? null : typeof value === 'object' ? JSON.parse(JSON.stringify(value)) : value;

/** Those of some columns that get another value than the row has: what is given anew as it was is no change. */
export function changedColumns<K extends string>(
  before: Record<K, unknown>,
  columns: Record<string, unknown>,
  names: readonly K[],
): K[] {
  return names.filter(
    (name) => columns[name] !== undefined && !isDeepStrictEqual(stored(columns[name]), stored(before[name])),
  );
}
