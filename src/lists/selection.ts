import { createHash } from 'node:crypto';
import type {
  FieldNode,
  FragmentDefinitionNode,
  GraphQLField,
  GraphQLObjectType,
  GraphQLResolveInfo,
  SelectionSetNode,
} from 'graphql';
import { getNamedType, isObjectType } from 'graphql';
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

function namesOf(model: ModelName, isFull: boolean): string[] {
  const skipped = isFull ? [] : (heavy[model] ?? []);
  return (scalarColumns.get(model) ?? []).filter((name) => !skipped.includes(name));
}

/** The columns to read of a model, as SQL over the alias `t`: all, or all that are not heavy. */
export const columnsOf = (model: ModelName, isFull: boolean): string => namesOf(model, isFull).map(quoted).join(', ');

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
  const asked = (['connection', 'edge', 'page'] as const).flatMap((at) => [
    ...fieldsAsked(info, 'connection', at).keys(),
  ]);
  return ['cursor', 'startCursor', 'endCursor'].some((name) => asked.includes(name));
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

/**
 * The row that a field of a row shows: the one of `model` whose `column` is the row's `id`, where `where` holds (SQL over `t`,
 * and `k.company`, which is the row's `company`).
 */
export interface Reference {
  model: ModelName;
  column: string;
  where: string;
  id: string;
  company: string | null;
}

const referenceOf = (field: GraphQLField<unknown, unknown> | undefined): Reference | undefined =>
  (field?.extensions as { refersTo?: Reference } | undefined)?.refersTo;

/** What a field reads of a row: `reads` in its extensions says it for resolvers that their text tells nothing of. */
function columnsBehind(field: GraphQLField<unknown, unknown> | undefined): string[] | null {
  const reference = referenceOf(field);
  if (reference) return reference.company ? [reference.id, reference.company] : [reference.id];
  const { pothosExposedField, pothosOptions, reads } = (field?.extensions ?? {}) as Record<string, unknown>;
  const options = pothosOptions as { resolve?: unknown; select?: unknown } | undefined;
  if (!options || options.select) return null;
  return typeof pothosExposedField === 'string' ? [pothosExposedField] : readsOf(reads ?? options.resolve);
}

/** Where a selection asks for rows: it is a connection's, an edge's, its page's, or the row's own. */
type At = 'connection' | 'edge' | 'page' | 'item';
/** The fields that lead from one to another. */
const steps: Partial<Record<At, Record<string, At>>> = {
  connection: { nodes: 'item', edges: 'edge', pageInfo: 'page' },
  edge: { node: 'item' },
};

/** The fields that a selection, which is of `at`, asks of what is `wanted`: by name, wherever it names them. */
function fieldsAsked(info: GraphQLResolveInfo, at: At, wanted: At = 'item'): Map<string, FieldNode[]> {
  const found = new Map<string, FieldNode[]>();
  const seen = new Set<string>();
  const walk = (set: SelectionSetNode | undefined, within: At): void => {
    for (const node of set?.selections ?? []) {
      if (node.kind === 'Field') {
        const name = node.name.value;
        if (within === wanted) found.set(name, [...(found.get(name) ?? []), node]);
        const next = steps[within]?.[name];
        if (next) walk(node.selectionSet, next);
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

/** The columns behind fields, with the id; null where one of the fields does not say what it reads. */
function namesBehind(model: ModelName, type: GraphQLObjectType, fields: Iterable<string>): string[] | null {
  const behind = [...fields].map((name) => columnsBehind(type.getFields()[name]));
  if (behind.includes(null)) return null;
  const names = new Set(['id', ...behind.flatMap((one) => one ?? [])]);
  return (scalarColumns.get(model) ?? []).filter((name) => names.has(name));
}

/** A row that is read beside the one that refers to it: its columns come as `<field>.<column>`. */
interface Joined {
  field: string;
  names: string[];
  /** SQL over `r`, the row that refers to it. */
  sql: string;
  columns: string;
}

/**
 * A reference as a join: of one level, of columns that are known and small. `limit 1` changes no row, as the column is
 * unique; it keeps PostgreSQL with the index whatever it thinks of how many rows there are.
 */
function joinOf(field: GraphQLField<unknown, unknown> | undefined, nodes: FieldNode[], info: Selection): Joined | null {
  const reference = referenceOf(field);
  const type = field && getNamedType(field.type);
  if (!field || !reference || !isObjectType(type)) return null;
  const { model, column, where, id, company } = reference;
  const names = namesBehind(model, type, fieldsAsked({ ...info, fieldNodes: nodes }, 'item').keys());
  if (!names || names.some((name) => heavy[model]?.includes(name))) return null;
  const alias = `"${field.name}"`;
  const tenant = company ? `r."${company}"` : 'null::uuid';
  return {
    field: field.name,
    names,
    sql: ` left join lateral (select ${names.map(quoted).join(', ')} from "${model}" t, (select ${tenant} as company) k where t."${column}" = r."${id}" and ${where} limit 1) ${alias} on true`,
    columns: names.map((name) => `${alias}."${name}" as "${field.name}.${name}"`).join(', '),
  };
}

/** What a statement reads of a model's rows. */
export interface Asked {
  /** Short, and another for whatever else is read. */
  key: string;
  /** The columns to read, as SQL over `t`. */
  columns: string;
  /** Those of them that are sent, as SQL over `r`, the row; with them the columns of rows it refers to. */
  sent: string;
  /** The names of those. */
  names: string[];
  /** The joins that bring the latter. */
  joins: string;
  /** Puts the rows that a row refers to where `joinedRow` finds them. */
  assemble<R extends object>(row: R): R;
}

const JOINED = '@';

/** The row that a field refers to where it was read beside `row`, null for none; undefined where it was not. */
export const joinedRow = (row: unknown, field: string): unknown =>
  (row as Record<typeof JOINED, Record<string, unknown> | undefined>)[JOINED]?.[field];

function asked(names: string[], joined: Joined[], inner = names): Asked {
  const sources = joined.map(({ field, names: columns }) => ({
    field,
    columns: columns.map((name) => [name, `${field}.${name}`] as const),
  }));
  const columns = inner.map(quoted).join(', ');
  const sent = [...names.map((name) => `r."${name}"`), ...joined.map((one) => one.columns)].join(', ');
  const joins = joined.map(({ sql }) => sql).join('');
  return {
    key: createHash('sha1').update(`${columns} ${sent} ${joins}`).digest('base64url'),
    columns,
    sent,
    names,
    joins,
    assemble(row) {
      if (sources.length === 0) return Object.freeze(row);
      const from = row as Record<string, unknown>;
      const found: Record<string, unknown> = {};
      for (const { field, columns } of sources) {
        if (from[`${field}.id`] === null) {
          found[field] = null;
          continue;
        }
        const one: Record<string, unknown> = {};
        for (const [name, source] of columns) one[name] = from[source];
        found[field] = Object.freeze(one);
      }
      from[JOINED] = found;
      return Object.freeze(row);
    },
  };
}

/** All of a model's rows, or all but what is heavy. */
export const askedWhole = (model: ModelName, isFull: boolean): Asked => asked(namesOf(model, isFull), []);

/**
 * What rows need for a selection: the columns behind the fields that are asked for, with the id, or all that are not
 * heavy where one of the fields does not say what it reads; and the rows they refer to.
 */
export function askedOf(model: ModelName, type: GraphQLObjectType, info: GraphQLResolveInfo, at: At): Asked {
  const fields = fieldsAsked(info, at);
  const inner = namesBehind(model, type, fields.keys());
  if (!inner) return askedWhole(model, wantsFull(model, info));
  const joined = [...fields].flatMap(([name, nodes]) => joinOf(type.getFields()[name], nodes, info) ?? []);
  // What only a join needs stays in the statement.
  const others = [...fields.keys()].filter((name) => !joined.some(({ field }) => field === name));
  return asked(namesBehind(model, type, others) ?? inner, joined, inner);
}

/** Whether all that a selection asks of a row follows from its id. */
export function needsIdAlone(type: GraphQLObjectType, info: GraphQLResolveInfo): boolean {
  return [...fieldsAsked(info, 'item').keys()].every((name) =>
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
