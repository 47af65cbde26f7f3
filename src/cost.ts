import {
  getNamedType,
  GraphQLError,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type SelectionSetNode,
  type ValidationRule,
} from 'graphql';
import { DomainError } from './errors.ts';
import { MAX_PAGE_SIZE } from './paging.ts';

type Variables = Readonly<Record<string, unknown>>;
type Fragments = Map<string, FragmentDefinitionNode>;

const DEFAULT_PAGE = 20;

/** What a page size is counted as: whatever was sent, a number of a page. */
function sizeOf(given: unknown): number {
  const size = given === undefined || given === null ? DEFAULT_PAGE : typeof given === 'number' ? given : MAX_PAGE_SIZE;
  return Math.min(Math.max(Number.isFinite(size) ? size : MAX_PAGE_SIZE, 0), MAX_PAGE_SIZE);
}

/** How many items a connection field asks for at most: of two sizes, one of them may be null. */
function pageSize(field: FieldNode, variables: Variables, used: Set<string>): number {
  const sizes = (field.arguments ?? [])
    .filter(({ name, value }) => ['first', 'last'].includes(name.value) && value.kind !== Kind.NULL)
    .map(({ value }) => {
      if (value.kind === Kind.INT) return sizeOf(Number(value.value));
      if (value.kind !== Kind.VARIABLE) return DEFAULT_PAGE;
      const name = value.name.value;
      used.add(name);
      return sizeOf(Object.hasOwn(variables, name) ? variables[name] : undefined);
    });
  return sizes.length > 0 ? Math.max(...sizes) : DEFAULT_PAGE;
}

interface Dear {
  path: string;
  cost: number;
}

/** What a selection costs: once, and for each item of the connection that it is made on. */
interface Cost {
  once: number;
  perItem: number;
}

/** The cost of an operation, and its dearest paths. */
interface Found {
  cost: number;
  dearest: Dear[];
}

/** What is known of an operation: the variables that are page sizes, and the cost by their values. */
const measured = new WeakMap<DocumentNode, Map<string | null, { used: Set<string>; found: Map<string, Found> }>>();
const MOST_SIZES = 100;

/**
 * The cost of an operation before it runs: each field's own cost, and on a connection one for each item of the page
 * beside what the item's fields cost. Each selection is looked at once a type, however many spreads lead to it.
 * Nothing but page sizes changes it, so that it is kept with the document.
 */
export function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null,
  variables: Variables,
): Found {
  const byName = measured.get(document) ?? new Map();
  const known = byName.get(operationName) ?? { used: new Set<string>(), found: new Map<string, Found>() };
  const sizes = (): string =>
    [...known.used].map((name) => (Object.hasOwn(variables, name) ? sizeOf(variables[name]) : '')).join();
  const before = known.found.get(sizes());
  if (before) return before;
  const found = measure(schema, document, operationName, variables, known.used);
  if (known.found.size < MOST_SIZES) known.found.set(sizes(), found);
  if (byName.size < MOST_SIZES) measured.set(document, byName.set(operationName, known));
  return found;
}

function measure(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null,
  variables: Variables,
  used: Set<string>,
): Found {
  const fragments: Fragments = new Map();
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const operation = operationName ? operations.find((one) => one.name?.value === operationName) : operations[0];
  const defaults = (operation?.variableDefinitions ?? []).map(({ variable, defaultValue }) => [
    variable.name.value,
    defaultValue?.kind === Kind.INT ? Number(defaultValue.value) : undefined,
  ]);
  const values: Variables = { ...Object.fromEntries(defaults), ...variables };
  const known = new Map<SelectionSetNode, Map<GraphQLNamedType, Cost>>();
  const dear: Dear[] = [];

  function selection(set: SelectionSetNode, type: GraphQLNamedType, path: string, factor: number): Cost {
    const byType = known.get(set) ?? new Map<GraphQLNamedType, Cost>();
    const before = byType.get(type);
    if (before) return before;
    const total: Cost = { once: 0, perItem: 0 };
    for (const node of set.selections) {
      if (node.kind === Kind.FIELD) {
        const isItems = type.name.endsWith('Connection') && ['nodes', 'edges'].includes(node.name.value);
        if (isItems) total.perItem += 1 + field(node, type, path, factor);
        else total.once += field(node, type, path, factor);
        continue;
      }
      const part = node.kind === Kind.INLINE_FRAGMENT ? node : fragments.get(node.name.value);
      const on = part?.typeCondition ? (schema.getType(part.typeCondition.name.value) ?? type) : type;
      const { once, perItem } = part ? selection(part.selectionSet, on, path, factor) : { once: 0, perItem: 0 };
      total.once += once;
      total.perItem += perItem;
    }
    known.set(set, byType.set(type, total));
    return total;
  }

  function field(node: FieldNode, type: GraphQLNamedType, path: string, factor: number): number {
    if (isUnionType(type) || !(isObjectType(type) || isInterfaceType(type))) return 0;
    const definition = type.getFields()[node.name.value];
    if (!definition) return 0;
    const name = node.alias?.value ?? node.name.value;
    const at = path ? `${path}.${name}` : name;
    const own = (definition.extensions['cost'] as number | undefined) ?? 0;
    const result = getNamedType(definition.type);
    if (!node.selectionSet || !isCompositeType(result)) return own;
    const isConnection = Boolean(definition.extensions['isConnection']);
    const size = isConnection ? pageSize(node, values, used) : 1;
    const { once, perItem } = selection(node.selectionSet, result, at, factor * size);
    const cost = own + once + perItem * size;
    if (isConnection) dear.push({ path: at, cost: cost * factor });
    return cost;
  }

  const root = operation && schema.getRootType(operation.operation as OperationTypeNode);
  const cost = operation && root ? selection(operation.selectionSet, root, '', 1).once : 0;
  return { cost, dearest: dear.sort((a, b) => b.cost - a.cost).slice(0, 3) };
}

/** The name of the first field of an operation, by which the use of keys is counted. */
export function rootFieldOf(document: DocumentNode, operationName: string | null): string {
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const operation = operationName ? operations.find((one) => one.name?.value === operationName) : operations[0];
  const first = operation?.selectionSet.selections.find((selection) => selection.kind === Kind.FIELD);
  return first?.name.value ?? 'request';
}

/** @throws DomainError COST_EXCEEDED naming the dearest paths. */
export function checkCost(found: { cost: number; dearest: Dear[] }, limit: number): void {
  if (found.cost <= limit) return;
  const paths = found.dearest.map(({ path, cost }) => `${path} (${cost})`).join(', ');
  throw new DomainError(
    'COST_EXCEEDED',
    `This request may cost ${found.cost}, more than ${limit}. Ask for smaller pages; the dearest: ${paths}.`,
  );
}

/** Refuses documents nested deeper than `max` fields or with more than `maxAliases` aliases or 50 root fields. */
export function shapeRule(max: number, maxAliases: number): ValidationRule {
  return (context) => {
    const fragments: Fragments = new Map();
    for (const definition of context.getDocument().definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    }
    const depths = new Map<string, number>();
    let aliases = 0;
    const refuse = (message: string): void =>
      context.reportError(
        new GraphQLError(message, { extensions: { code: 'DOCUMENT_TOO_LARGE', http: { status: 400 } } }),
      );
    const depth = (set: SelectionSetNode | undefined, seen: string[]): number => {
      let deepest = 0;
      for (const node of set?.selections ?? []) {
        if (node.kind === Kind.FIELD) {
          if (node.alias) aliases++;
          // Introspection nests deep and is bounded by the schema itself.
          if (!node.name.value.startsWith('__')) deepest = Math.max(deepest, 1 + depth(node.selectionSet, seen));
        } else if (node.kind === Kind.INLINE_FRAGMENT) deepest = Math.max(deepest, depth(node.selectionSet, seen));
        else if (!seen.includes(node.name.value)) {
          const name = node.name.value;
          const known = depths.get(name) ?? depth(fragments.get(name)?.selectionSet, [...seen, name]);
          depths.set(name, known);
          deepest = Math.max(deepest, known);
        }
      }
      return deepest;
    };
    return {
      OperationDefinition(node) {
        const found = depth(node.selectionSet, []);
        if (found > max) refuse(`The document nests ${found} levels, more than ${max}.`);
        if (aliases > maxAliases) refuse(`The document has ${aliases} aliases, more than ${maxAliases}.`);
      },
    };
  };
}
