import { getNamedType, isObjectType } from 'graphql';
import type { ModelName } from '../graph/builder.ts';
import type { Context } from '../context.ts';
import { load, oneByPosition, type Loader } from './loader.ts';
import { isPlainText } from '../text/plain-text.ts';
import {
  askedOf,
  askedWhole,
  joinedRow,
  needsIdAlone,
  onceASelection,
  type Asked,
  type Reference,
  type Selection,
} from './selection.ts';

export type { Selection } from './selection.ts';

/** A row by its id or by another unique column, for the tenant in `company` only; null company: any tenant. */
export interface RowKey {
  company: string | null;
  id: string | number;
}

/** Reads single rows whole; `for` a selection reads the columns that it asks for. */
export interface RowLoader<R> extends Loader<RowKey, R | null> {
  for(info: Selection): Loader<RowKey, R | null>;
  source: Pick<Reference, 'model' | 'column' | 'where'>;
}

const loaders = new Map<string, RowLoader<unknown>>();

/**
 * The loader of single rows of a model by a column. `where` is SQL over `t` (the row) and `k.company` (the key's
 * tenant): it must hold the tenant, or say why everybody may see the row. `also` is more columns, over `r` and `k`.
 */
export function rowBy<R>(
  model: ModelName,
  options: { column?: string; type?: 'uuid' | 'int' | 'text'; where: string; isFull?: boolean; also?: string },
): RowLoader<R> {
  const { column = 'id', type = 'uuid', where, isFull = true, also } = options;
  const name = `${model} by ${column} ${isFull} ${where} ${also}`;
  const made = loaders.get(name);
  if (made) return made as RowLoader<R>;
  const loaderOf = ({ columns, sent, joins, assemble }: Asked): Loader<RowKey, R | null> => {
    const text = `select k.n::int, ${sent}${also ? `, ${also}` : ''} from unnest($1::uuid[], $2::${type}[]) with ordinality as k(company, id, n)
    cross join lateral (select ${columns} from "${model}" t where t."${column}" = k.id and ${where}) r${joins}`;
    return {
      name: text,
      keyOf: (key) => `${key.company} ${key.id}`,
      async batch(query, keys) {
        // A text that no row can have would fail the statement for all whose keys are in it.
        const ids = keys.map(({ id }) => (typeof id === 'string' && !isPlainText(id) ? null : id));
        const rows = await query<{ n: number }>(text, [keys.map((key) => key.company), ids]);
        return oneByPosition(keys, rows, assemble) as (R | null)[];
      },
    };
  };
  const loader: RowLoader<R> = {
    ...loaderOf(askedWhole(model, isFull)),
    for: (info) => narrowed(loader, info),
    source: { model, column, where },
  };
  const narrowed = onceASelection((_: object, info: Selection) => {
    const item = getNamedType(info.returnType);
    return isObjectType(item) ? loaderOf(askedOf(model, item, info, 'item')) : loader;
  });
  loaders.set(name, loader as RowLoader<unknown>);
  return loader;
}

const needsRow = onceASelection((_: object, info: Selection) => {
  const type = getNamedType(info.returnType);
  return { row: !isObjectType(type) || !needsIdAlone(type, info) };
});

/** A row that is known to be there, by its id: it is read only where a selection shows more of it than its id and its lists. */
export function known<R>(loader: RowLoader<R>, ctx: Context, key: RowKey, info: Selection): unknown {
  return needsRow(loader, info).row ? load(ctx, loader.for(info), key) : { id: key.id };
}

/** A field that shows the row a row refers to: `id` and `company` are the columns that make its key. */
export function refersTo<R>(loader: RowLoader<R>, id: string, company: string | null = 'companyId') {
  return {
    extensions: { refersTo: { ...loader.source, id, company } satisfies Reference },
    resolve(row: unknown, _: object, ctx: Context, info: Selection) {
      const joined = joinedRow(row, info.fieldName);
      if (joined !== undefined) return joined as never;
      const parent = row as Record<string, string | null>;
      const key = parent[id];
      if (key == null) return null as never;
      return load(ctx, loader.for(info), { company: company && (parent[company] ?? null), id: key }) as never;
    },
  };
}

/** `where` of rows that belong to the tenant and are not deleted. */
export const OWN = 't."companyId" = k.company and t.active';
/** `where` of rows that belong to the tenant, of models without soft delete. */
export const OWN_ANY = 't."companyId" = k.company';
/** `where` of reference data, which everybody may see. */
export const EVERYBODY = 'true';
