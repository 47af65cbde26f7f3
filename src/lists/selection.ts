import type {
  FieldNode,
  FragmentDefinitionNode,
  GraphQLField,
  GraphQLObjectType,
  GraphQLResolveInfo,
  SelectionSetNode,
} from 'graphql';
import type { ModelName } from '../graph/builder.ts';
import { getDatamodel } from '../generated/pothos.ts';

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
  // A key of an object literal may be called the same.
  const others = rest.replace(new RegExp(`([{,]\\s*)${parameter}\\s*:`, 'g'), '$1');
  return new RegExp(`\\b${parameter}\\b`).test(others) ? null : names;
}

/** What a field reads of a row: `reads` in its extensions says it for resolvers that their text tells nothing of. */
function columnsBehind(field: GraphQLField<unknown, unknown> | undefined): string[] | null {
  const { pothosExposedField, pothosOptions, reads, refersTo } = (field?.extensions ?? {}) as Record<string, unknown>;
  if (refersTo) {
    const { id, company } = refersTo as { id: string; company: string | null };
    return company ? [id, company] : [id];
  }
  const options = pothosOptions as { resolve?: unknown; select?: unknown } | undefined;
  if (!options || options.select) return null;
  return typeof pothosExposedField === 'string' ? [pothosExposedField] : readsOf(reads ?? options.resolve);
}

/** Where a selection asks for rows: it is a connection's, an edge's, or the row's own. */
type At = 'connection' | 'edge' | 'item';

/** The names of the fields that a selection asks of rows. */
function fieldsAsked(info: GraphQLResolveInfo, at: At): Set<string> {
  const found = new Set<string>();
  const seen = new Set<string>();
  const walk = (set: SelectionSetNode | undefined, within: At): void => {
    for (const node of set?.selections ?? []) {
      if (node.kind === 'Field') {
        const name = node.name.value;
        if (within === 'item') found.add(name);
        else if (name === 'nodes' || name === 'node') walk(node.selectionSet, 'item');
        else if (name === 'edges') walk(node.selectionSet, 'edge');
      } else if (node.kind === 'InlineFragment') walk(node.selectionSet, within);
      else if (!seen.has(`${within} ${node.name.value}`)) {
        seen.add(`${within} ${node.name.value}`);
        walk(info.fragments[node.name.value]?.selectionSet, within);
      }
    }
  };
  for (const node of info.fieldNodes) walk(node.selectionSet, at);
  found.delete('__typename');
  return found;
}

/**
 * The columns that rows need, as SQL over `t`: those behind the fields that are asked for, with the id and the tenant,
 * or all that are not heavy where one of the fields does not say what it reads.
 */
export function columnsAsked(model: ModelName, type: GraphQLObjectType, info: GraphQLResolveInfo, at: At): string {
  const behind = [...fieldsAsked(info, at)].map((name) => columnsBehind(type.getFields()[name]));
  if (behind.includes(null)) return columnsOf(model, wantsFull(model, info));
  const names = new Set(['id', 'companyId', ...behind.flatMap((one) => one ?? [])]);
  return (scalarColumns.get(model) ?? [])
    .filter((name) => names.has(name))
    .map(quoted)
    .join(', ');
}

/** Whether all that a selection asks of a row follows from its id. */
export function needsIdAlone(type: GraphQLObjectType, info: GraphQLResolveInfo): boolean {
  return [...fieldsAsked(info, 'item')].every((name) =>
    columnsBehind(type.getFields()[name])?.every((column) => column === 'id'),
  );
}

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
