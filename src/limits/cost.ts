import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isObjectType,
  Kind,
  valueFromASTUntyped,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { listSizeOf, weightOf, type ListSize } from './cost-rules.ts';
import { DomainError } from '../errors.ts';
import { MAX_PAGE_SIZE } from '../lists/paging.ts';

type Variables = Readonly<Record<string, unknown>>;

/** What is asked of one object. */
export interface Shape {
  /** With pages as large as they may be. */
  cost: number;
  /** The part of it that is the same however many items the pages hold. */
  fixed: number;
  /** What holds pages, or leads to some. */
  parts: Part[];
  /** What is asked of it where it is of another type. */
  others: Shape[];
}

/** A field: `own` once, and for each of up to `size` objects `each` and what is asked of it. */
export interface Part {
  name: string;
  own: number;
  size: number;
  each: number;
  shape: Shape;
  /** How large a page the field's own arguments ask for; null where it has no such arguments. */
  page: number | null;
  /** Whether it holds the items of the connection that it belongs to. */
  isItem: boolean;
}

/** The page that a connection is: how large, and in which of its fields. */
interface Page {
  size: number;
  fields: string[];
}

/** The cost of an operation before it runs, and what is needed to tell afterwards what it did cost. */
export interface Found {
  cost: number;
  shape: Shape;
}

/** What is known of an operation: the variables that change its cost, and the cost by their values. */
const measured = new WeakMap<DocumentNode, Map<string | null, { used: Set<string>; found: Map<string, Found> }>>();
const MOST_SIZES = 100;
/** Fragments can combine in more ways than there is time to look at. */
const MOST_LOOKS = 10_000;

/** What of a variable's value changes a cost: a list's length, a number, a truth; of anything else what it is. */
function sizeText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.length}]`;
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? String(value) : typeof value;
}

/** How many items a value of an argument asks for: of a list as many as it has, and one without brackets is a list too. */
function itemsOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'string' ? 1 : typeof value === 'number' ? value : MAX_PAGE_SIZE;
}

/** The operation of a document that is asked for. */
function operationOf(document: DocumentNode, name: string | null): OperationDefinitionNode | undefined {
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  return name ? operations.find((one) => one.name?.value === name) : operations[0];
}

/**
 * The cost of an operation before it runs: the weight of each field, once for each object that it is asked of, with
 * pages as large as they may be. What fragments ask twice counts once. Kept with the document, for nothing but the
 * sizes of pages and what is left out changes it.
 * @throws DomainError DOCUMENT_TOO_LARGE where fragments combine in too many ways.
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
    [...known.used].map((name) => (Object.hasOwn(variables, name) ? sizeText(variables[name]) : '')).join();
  const before = known.found.get(sizes());
  if (before) return before;
  const found = measure(schema, document, operationName, variables, known.used);
  if (known.found.size < MOST_SIZES) known.found.set(sizes(), found);
  if (byName.size < MOST_SIZES) measured.set(document, byName.set(operationName, known));
  return found;
}

/** What a field costs, each time that it is asked for. */
export const costOfPart = ({ own, size, each, shape }: Part): number => own + size * (each + shape.cost);

const NOTHING: Shape = { cost: 0, fixed: 0, parts: [], others: [] };

function measure(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null,
  variables: Variables,
  used: Set<string>,
): Found {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  const operation = operationOf(document, operationName);
  const defaults = (operation?.variableDefinitions ?? []).map(({ variable, defaultValue }) => [
    variable.name.value,
    defaultValue && valueFromASTUntyped(defaultValue),
  ]);
  // Without what every object has: a variable may have the name of that.
  const values = Object.assign(Object.create(null), Object.fromEntries(defaults), variables) as Variables;
  const numbers = new Map<FieldNode, number>();
  const shapes = new Map<string, Shape>();
  let looks = 0;

  function read(value: ValueNode): unknown {
    if (value.kind === Kind.VARIABLE) used.add(value.name.value);
    return valueFromASTUntyped(value, values);
  }

  function isLeftOut(directives: readonly DirectiveNode[] = []): boolean {
    return directives.some(({ name, arguments: [condition] = [] }) => {
      if (!condition || (name.value !== 'skip' && name.value !== 'include')) return false;
      return read(condition.value) === (name.value === 'skip');
    });
  }

  /** The fields that selections ask of an object of a type, those of one name together. */
  function fieldsOf(sets: readonly SelectionSetNode[], type: GraphQLObjectType): Map<string, FieldNode[]> {
    const fields = new Map<string, FieldNode[]>();
    const spread = new Set<string>();
    const collect = (set: SelectionSetNode): void => {
      for (const node of set.selections) {
        if (isLeftOut(node.directives)) continue;
        if (node.kind === Kind.FIELD) {
          const name = node.alias?.value ?? node.name.value;
          const same = fields.get(name);
          if (same) same.push(node);
          else fields.set(name, [node]);
          continue;
        }
        if (node.kind === Kind.FRAGMENT_SPREAD) {
          if (spread.has(node.name.value)) continue;
          spread.add(node.name.value);
        }
        const part = node.kind === Kind.INLINE_FRAGMENT ? node : fragments.get(node.name.value);
        const on = part?.typeCondition && schema.getType(part.typeCondition.name.value);
        if (part && (!on || on === type || (isAbstractType(on) && schema.isSubType(on, type))))
          collect(part.selectionSet);
      }
    };
    for (const set of sets) collect(set);
    return fields;
  }

  function sizeOf(rule: ListSize, node: FieldNode): number {
    const given = (node.arguments ?? [])
      .filter(({ name }) => rule.by?.includes(name.value))
      .map(({ value }) => read(value))
      .filter((value) => value != null)
      .map(itemsOf);
    if (given.length === 0) return rule.assumed;
    const most = Math.max(...given.map((size) => (Number.isFinite(size) ? size : MAX_PAGE_SIZE)));
    // Outside of this it is an error anyway.
    return Math.min(Math.max(most, 0), MAX_PAGE_SIZE);
  }

  /** What is asked of an object; `page` says which of its fields hold a page. */
  function shapeOf(sets: SelectionSetNode[], type: GraphQLCompositeType, page: Page | null): Shape {
    if (isObjectType(type)) return shapeOfObject(sets, type, page);
    const [dearest = NOTHING, ...others] = schema
      .getPossibleTypes(type)
      .map((one) => shapeOfObject(sets, one, page))
      .toSorted((a, b) => b.cost - a.cost);
    return { ...dearest, others: others.filter(({ parts, fixed }) => parts.length > 0 || fixed > dearest.fixed) };
  }

  function shapeOfObject(sets: SelectionSetNode[], type: GraphQLObjectType, page: Page | null): Shape {
    if (++looks > MOST_LOOKS)
      throw new DomainError('DOCUMENT_TOO_LARGE', 'The fragments of the document combine in too many ways.');
    const fields = fieldsOf(sets, type);
    // The same fields of the same type cost the same, however many spreads lead to them.
    const ids = [...fields.values()].flat().map((node) => {
      if (!numbers.has(node)) numbers.set(node, numbers.size);
      return numbers.get(node);
    });
    const key = `${type.name} ${page?.size} ${ids.join()}`;
    const before = shapes.get(key);
    if (before) return before;
    const shape: Shape = { cost: 0, fixed: 0, parts: [], others: [] };
    for (const [name, nodes] of fields) {
      const part = partOf(name, nodes, type, page);
      if (!part) continue;
      const cost = costOfPart(part);
      shape.cost += cost;
      if (part.isItem || part.page !== null || part.shape.parts.length > 0) shape.parts.push(part);
      else shape.fixed += cost;
    }
    shapes.set(key, shape);
    return shape;
  }

  function partOf(name: string, nodes: FieldNode[], type: GraphQLObjectType, page: Page | null): Part | null {
    const [node] = nodes;
    const field = node && type.getFields()[node.name.value];
    if (!field) return null;
    const rule = listSizeOf(field);
    const asked = rule && sizeOf(rule, node);
    const within = rule?.fields && asked !== null ? { size: asked, fields: rule.fields } : null;
    const isItem = page?.fields.includes(node.name.value) ?? false;
    const size = isItem ? (page?.size ?? 1) : within ? null : asked;
    const result = getNamedType(field.type);
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    const shape = isCompositeType(result) ? shapeOf(sets, result, within) : NOTHING;
    return {
      name,
      own: weightOf(field, size !== null),
      size: size ?? 1,
      each: size === null ? 0 : 1,
      shape,
      page: asked,
      isItem,
    };
  }

  const root = operation && schema.getRootType(operation.operation);
  const shape = operation && root ? shapeOf([operation.selectionSet], root, null) : NOTHING;
  return { cost: shape.cost, shape };
}
/** What an operation did cost: as before it ran, but with the items that the pages of its answer really hold. */
export function spent({ fixed, parts, others }: Shape, data: Record<string, unknown>): number {
  let sum = fixed;
  for (const { name, own, each, shape } of parts) {
    const held = data[name];
    sum += own;
    if (Array.isArray(held)) {
      // Most items hold no pages of their own: what is asked of each is the same.
      if (shape.parts.length === 0) sum += held.length * (each + shape.cost);
      else for (const item of held) sum += each + (item ? spent(shape, item as Record<string, unknown>) : 0);
    } else if (held) sum += spent(shape, held as Record<string, unknown>);
  }
  for (const other of others) sum = Math.max(sum, spent(other, data));
  return sum;
}

/** The name of the first field of an operation, by which the use of keys is counted. */
export function rootFieldOf(document: DocumentNode, operationName: string | null): string {
  const first = operationOf(document, operationName)?.selectionSet.selections.find(
    (selection) => selection.kind === Kind.FIELD,
  );
  return first?.name.value ?? 'request';
}
