import {
  getNamedType,
  isObjectType,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type SelectionSetNode,
} from 'graphql';
import type { ModelName } from './builder.ts';
import { getDatamodel } from './generated/pothos.ts';
import { oneByPosition, type Loader } from './loader.ts';

/** What a resolver is told of the selection it serves; loaders pass it on unread. */
export type Selection = GraphQLResolveInfo;

/** Columns that are large and seldom asked for: read only where a selection names a field that needs one. */
const heavy: Partial<Record<ModelName, string[]>> = {
  Asset: ['detailedDescription', 'sqlLogic', 'prompt', 'assetSchema', 'vizSpec', 'parameters'],
  Endpoint: ['detailedDescription', 'endpointSchema', 'sampleResponse'],
  Post: ['contentHtml', 'insightsUsed'],
  Connection: ['informationSchema', 'sealedCredentials'],
  Integration: ['sealedCredentials'],
};

const scalarColumns = new Map<string, string[]>();
for (const [name, model] of Object.entries(getDatamodel().datamodel.models)) {
  scalarColumns.set(
    name,
    model.fields.filter((field) => field.kind === 'scalar' || field.kind === 'enum').map((field) => field.name),
  );
}

const quoted = (name: string): string => `t."${name}"`;

/** The columns to read of a model, as SQL over the alias `t`: all, or all that are not heavy. */
export function columnsOf(model: ModelName, isFull: boolean): string {
  const skipped = isFull ? [] : (heavy[model] ?? []);
  return (scalarColumns.get(model) ?? [])
    .filter((name) => !skipped.includes(name))
    .map(quoted)
    .join(', ');
}

/** Names of fields, apart from the heavy columns' own, that a heavy column stands behind. */
const behind = ['insights', 'columns', 'schema'];

function names(
  set: SelectionSetNode | undefined,
  fragments: GraphQLResolveInfo['fragments'],
  wanted: string[],
  depth = 0,
): boolean {
  if (!set || depth > 8) return depth > 8;
  return set.selections.some((selection) => {
    if (selection.kind === 'Field')
      return wanted.includes(selection.name.value) || names(selection.selectionSet, fragments, wanted, depth + 1);
    if (selection.kind === 'InlineFragment') return names(selection.selectionSet, fragments, wanted, depth + 1);
    const fragment: FragmentDefinitionNode | undefined = fragments[selection.name.value];
    return names(fragment?.selectionSet, fragments, wanted, depth + 1);
  });
}

/** Whether anything below this field may need a heavy column of the model. */
function wantsFull(model: ModelName, info: GraphQLResolveInfo): boolean {
  const columns = heavy[model];
  if (!columns) return false;
  return info.fieldNodes.some((node) => names(node.selectionSet, info.fragments, [...columns, ...behind]));
}

/** Whether a connection's selection asks where its items stand. */
export function asksForCursors(info: GraphQLResolveInfo): boolean {
  return info.fieldNodes.some((node) =>
    names(node.selectionSet, info.fragments, ['cursor', 'startCursor', 'endCursor'], 6),
  );
}

/**
 * What an arrow function reads of its first parameter, by its text; null where that cannot be said because it hands
 * it on, spreads it or takes it apart.
 */
export function readsOf(read: unknown): string[] | null {
  const text = String(read);
  if (/^(?:async\s*)?\(\s*\)\s*=>/.test(text)) return [];
  const head = /^(?:async\s*)?(?:\(\s*(\w+)\s*[,)]|(\w+)\s*=>)/.exec(text);
  const parameter = head?.[1] ?? head?.[2];
  if (!head || !parameter || !text.includes('=>')) return null;
  const names: string[] = [];
  const rest = text.slice(head[0].length).replace(new RegExp(`\\b${parameter}\\.(\\w+)`, 'g'), (_, name: string) => {
    names.push(name);
    return '';
  });
  return new RegExp(`\\b${parameter}\\b`).test(rest) ? null : names;
}

/** What a field reads of a row: `reads` in its extensions says it for resolvers that their text tells nothing of. */
function columnsBehind(field: GraphQLField<unknown, unknown> | undefined): string[] | null {
  const { pothosExposedField, pothosOptions, reads } = (field?.extensions ?? {}) as Record<string, unknown>;
  const options = pothosOptions as { resolve?: unknown; select?: unknown } | undefined;
  if (!options || options.select) return null;
  return typeof pothosExposedField === 'string' ? [pothosExposedField] : readsOf(reads ?? options.resolve);
}

/** The names of the fields that a selection asks of rows: of the items of a connection, or at `item` of the row itself. */
function itemFields(
  set: SelectionSetNode | undefined,
  fragments: GraphQLResolveInfo['fragments'],
  at: string,
  found: Set<string>,
  seen: Set<string>,
): void {
  for (const node of set?.selections ?? []) {
    if (node.kind === 'Field') {
      const name = node.name.value;
      if (at === 'item') found.add(name);
      else if (name === 'nodes' || name === 'node') itemFields(node.selectionSet, fragments, 'item', found, seen);
      else if (name === 'edges') itemFields(node.selectionSet, fragments, 'edge', found, seen);
    } else if (node.kind === 'InlineFragment') itemFields(node.selectionSet, fragments, at, found, seen);
    else if (!seen.has(`${at} ${node.name.value}`)) {
      seen.add(`${at} ${node.name.value}`);
      itemFields(fragments[node.name.value]?.selectionSet, fragments, at, found, seen);
    }
  }
}

/**
 * The columns that rows need, as SQL over `t`: those behind the fields that are asked for, with the id and the tenant,
 * or all that are not heavy where one of the fields does not say what it reads.
 */
function columnsAsked(model: ModelName, type: GraphQLObjectType, info: GraphQLResolveInfo, at: string): string {
  const asked = new Set<string>();
  for (const node of info.fieldNodes) itemFields(node.selectionSet, info.fragments, at, asked, new Set());
  asked.delete('__typename');
  const behind = [...asked].map((name) => columnsBehind(type.getFields()[name]));
  if (behind.includes(null)) return columnsOf(model, wantsFull(model, info));
  const names = new Set(['id', 'companyId', ...behind.flatMap((one) => one ?? [])]);
  return (scalarColumns.get(model) ?? [])
    .filter((name) => names.has(name))
    .map(quoted)
    .join(', ');
}

/** The columns that the items of a connection need. */
export const columnsOfItems = (model: ModelName, item: GraphQLObjectType, info: GraphQLResolveInfo): string =>
  columnsAsked(model, item, info, 'connection');

/** Something that follows from a selection alone: worked out once a document, `of` something that there are few of. */
export function onceASelection<K extends object, T>(work: (of: K, info: GraphQLResolveInfo) => T) {
  const known = new WeakMap<FieldNode, Map<K, T>>();
  return (of: K, info: GraphQLResolveInfo): T => {
    const [node] = info.fieldNodes;
    if (!node || info.fieldNodes.length > 1) return work(of, info);
    let byKey = known.get(node);
    if (!byKey) known.set(node, (byKey = new Map()));
    let answer = byKey.get(of);
    if (answer === undefined) byKey.set(of, (answer = work(of, info)));
    return answer;
  };
}

/** A row by its id or by another unique column, for the tenant in `company` only; null company: any tenant. */
export interface RowKey {
  company: string | null;
  id: string | number;
}

/** Reads single rows whole; `for` a selection reads the columns that it asks for. */
export interface RowLoader<R> extends Loader<RowKey, R | null> {
  for(info: Selection): Loader<RowKey, R | null>;
}

const loaders = new Map<string, RowLoader<unknown>>();

/**
 * The loader of single rows of a model by a column. `where` is SQL over `t` (the row) and `k.company` (the key's
 * tenant): it must hold the tenant, or say why everybody may see the row.
 */
export function rowBy<R>(
  model: ModelName,
  options: { column?: string; type?: 'uuid' | 'int' | 'text'; where: string; isFull?: boolean },
): RowLoader<R> {
  const { column = 'id', type = 'uuid', where, isFull = true } = options;
  const name = `${model} by ${column} ${isFull} ${where}`;
  const known = loaders.get(name);
  if (known) return known as RowLoader<R>;
  const loaderOf = (columns: string): Loader<RowKey, R | null> => {
    const text = `select k.n, ${columns} from unnest($1::uuid[], $2::${type}[]) with ordinality as k(company, id, n)
    join "${model}" t on t."${column}" = k.id where ${where}`;
    return {
      name: text,
      keyOf: (key) => `${key.company} ${key.id}`,
      async batch(query, keys) {
        const rows = await query<{ n: number }>(text, [keys.map((key) => key.company), keys.map((key) => key.id)]);
        return oneByPosition(keys, rows) as (R | null)[];
      },
    };
  };
  const loader: RowLoader<R> = {
    ...loaderOf(columnsOf(model, isFull)),
    for: (info) => narrowed(loader, info),
  };
  const narrowed = onceASelection((_: object, info: Selection) => {
    const item = getNamedType(info.returnType);
    return isObjectType(item) ? loaderOf(columnsAsked(model, item, info, 'item')) : loader;
  });
  loaders.set(name, loader as RowLoader<unknown>);
  return loader;
}

/** `where` of rows that belong to the tenant and are not deleted. */
export const OWN = 't."companyId" = k.company and t.active';
/** `where` of rows that belong to the tenant, of models without soft delete. */
export const OWN_ANY = 't."companyId" = k.company';
/** `where` of reference data, which everybody may see. */
export const EVERYBODY = 'true';
