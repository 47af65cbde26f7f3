import { createHash } from 'node:crypto';
import type { ListSize } from '../limits/cost-rules.ts';
import { DomainError } from '../errors.ts';

export interface PageArgs {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}

/** One key of a sort: SQL over the alias `t`, its type for casts, and which way. */
export interface SortKey {
  sql: string;
  type: string;
  isDescending: boolean;
  nullsFirst: boolean;
  isNullable: boolean;
}

/** What a page asks of the database. */
export interface Page {
  size: number;
  isBackward: boolean;
  /** Sort values and id of the row that the page begins after; null for the first page. */
  from: (string | number | boolean | null)[] | null;
}

const DEFAULT_SIZE = 20;
export const MAX_PAGE_SIZE = 100;
/** What a connection holds, for the cost of what is asked of its items. */
export const PAGE_SIZE: ListSize = { assumed: DEFAULT_SIZE, by: ['first', 'last'], fields: ['nodes', 'edges'] };

/** A short name of a sort, held by its cursors, so that a cursor of another sort is told. */
export function fingerprintOf(list: string, keys: SortKey[]): string {
  return createHash('sha1')
    .update(JSON.stringify([list, keys.map((key) => [key.sql, key.isDescending, key.nullsFirst])]))
    .digest('base64url')
    .slice(0, 6);
}

/** The cursor of a row: the sort's fingerprint, its sort values, its id. */
export function cursorOf(fingerprint: string, values: unknown[]): string {
  return Buffer.from(JSON.stringify([fingerprint, ...values])).toString('base64url');
}

const matching =
  (pattern: RegExp) =>
  (value: unknown): boolean =>
    typeof value === 'string' && pattern.test(value);
/** PostgreSQL has no year 0. */
const isOfOurEra = (value: unknown): value is string => typeof value === 'string' && /^(?!0000)\d{4}-/.test(value);
/** What a sort value of each type looks like in a cursor; the database would fail on anything else. */
const looks: Record<string, (value: unknown) => boolean> = {
  uuid: matching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  int: (value) => Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 31,
  bigint: matching(/^-?\d{1,18}$/),
  numeric: matching(/^-?\d{1,40}(\.\d{1,40})?$/),
  float8: (value) => Number.isFinite(value),
  timestamptz: (value) => isOfOurEra(value) && new Date(value).toJSON() === value,
  date: (value) => isOfOurEra(value) && new Date(value).toJSON()?.startsWith(`${value}T`) === true,
  // oxlint-disable-next-line no-control-regex -- the one character that no text of PostgreSQL has
  text: matching(/^[^\0]*$/),
};

function readCursor(
  cursor: string,
  fingerprint: string,
  length: number,
  types: string[],
  path: string,
): (string | number | boolean | null)[] {
  let values: unknown;
  try {
    values = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    values = null;
  }
  const isScalar = (value: unknown): boolean =>
    value === null || ['string', 'number', 'boolean'].includes(typeof value);
  const none = new DomainError('BAD_CURSOR', 'This is no cursor of ours.', { path: [path] });
  if (!Array.isArray(values) || typeof values[0] !== 'string' || !values.every(isScalar)) throw none;
  if (values[0] !== fingerprint || values.length !== length + 1) {
    throw new DomainError('CURSOR_MISMATCH', 'This cursor comes from another list or sort: start again without it.', {
      path: [path],
    });
  }
  const rest = values.slice(1);
  if (!rest.every((value, i) => value === null || (looks[types[i] ?? '']?.(value) ?? true))) throw none;
  return rest;
}

/**
 * Checks the arguments of a connection; with the SQL types of its sort keys also a cursor's values.
 * @throws DomainError PAGE_SIZE, BAD_CURSOR or CURSOR_MISMATCH with the argument's path.
 */
export function readPage(args: PageArgs, fingerprint: string, keyCount: number, types: string[] = []): Page {
  const { first, last, after, before } = args;
  const isBackward = last != null || (first == null && before != null);
  const wrong = (message: string, path: string): DomainError => new DomainError('PAGE_SIZE', message, { path: [path] });
  if (first != null && last != null) throw wrong('Give first or last, not both.', 'last');
  if (isBackward && after != null) throw wrong('last goes with before, not with after.', 'after');
  if (!isBackward && before != null) throw wrong('first goes with after, not with before.', 'before');
  const size = (isBackward ? last : first) ?? DEFAULT_SIZE;
  if (size < 0 || size > MAX_PAGE_SIZE)
    throw wrong(`A page has 0 to ${MAX_PAGE_SIZE} items.`, isBackward ? 'last' : 'first');
  const cursor = isBackward ? before : after;
  return {
    size,
    isBackward,
    from: cursor == null ? null : readCursor(cursor, fingerprint, keyCount, types, isBackward ? 'before' : 'after'),
  };
}

/** ORDER BY of a page, over `t` or over the aliases `_s0`, `_s1` … of the sort keys. */
export function orderSql(keys: SortKey[], isBackward: boolean, aliases = false): string {
  return keys
    .map((key, i) => {
      const down = key.isDescending !== isBackward;
      const first = key.nullsFirst !== isBackward;
      const nulls = key.isNullable && first !== down ? (first ? ' nulls first' : ' nulls last') : '';
      return `${aliases ? `"_s${i}"` : key.sql}${down ? ' desc' : ''}${nulls}`;
    })
    .join(', ');
}

/** The condition that a row comes after `from` in the page's direction. `bind` adds a value and answers its `$n`. */
export function keysetSql(keys: SortKey[], page: Page, bind: (value: unknown) => string): string {
  const from = page.from;
  if (!from) return 'true';
  const down = keys.map((key) => key.isDescending !== page.isBackward);
  const value = (i: number): string => `${bind(from[i])}::${keys[i]?.type}`;
  if (keys.every((key, i) => !key.isNullable && down[i] === down[0])) {
    // One row comparison, which an index serves.
    return `(${keys.map((key) => key.sql).join(', ')}) ${down[0] ? '<' : '>'} (${keys.map((_, i) => value(i)).join(', ')})`;
  }
  const same = (key: SortKey, i: number): string =>
    from[i] === null ? `${key.sql} is null` : `${key.sql} = ${value(i)}`;
  const beyond = (key: SortKey, i: number): string => {
    const nullsLater = key.isNullable && key.nullsFirst === page.isBackward;
    if (from[i] === null) return nullsLater ? 'false' : `${key.sql} is not null`;
    return `(${key.sql} ${down[i] ? '<' : '>'} ${value(i)}${nullsLater ? ` or ${key.sql} is null` : ''})`;
  };
  return `(${keys.map((key, i) => [...keys.slice(0, i).map(same), beyond(key, i)].join(' and ')).join(' or ')})`;
}
