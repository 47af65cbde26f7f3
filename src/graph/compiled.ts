import {
  execute as interpret,
  getNamedType,
  getOperationAST,
  isInputObjectType,
  typeFromAST,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLInputObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';

/** Whether a value nests deeper than it should: compiled code reads input in time that is quadratic in its depth. */
function isDeep(value: unknown, levels = 20): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeep(one, levels - 1));
}

/** Compiled code has each field as often as fragments repeat it: a few lines can stand for millions. */
const MAX_FIELDS = 500;

/** The one name that generated code cannot give to a member of an object. */
const UNNAMEABLE = '__proto__';

/**
 * The fields of a document with all fragments written out; of one that is not for the compiler, without end. Each
 * selection is counted once, however often it is spread.
 */
function fieldsOf({ definitions }: DocumentNode): number {
  const known = new Map<SelectionSetNode, number>();
  const fragments = new Map(
    definitions.flatMap((one) => (one.kind === 'FragmentDefinition' ? [[one.name.value, one.selectionSet]] : [])),
  );
  const count = (set: SelectionSetNode | undefined): number => {
    if (!set) return 0;
    const before = known.get(set);
    if (before !== undefined) return before;
    let sum = 0;
    for (const one of set.selections) {
      if (one.kind === 'Field') sum += one.alias?.value === UNNAMEABLE ? Infinity : 1 + count(one.selectionSet);
      else sum += count(one.kind === 'InlineFragment' ? one.selectionSet : fragments.get(one.name.value));
    }
    known.set(set, sum);
    return sum;
  };
  return definitions.reduce((sum, one) => sum + (one.kind === 'OperationDefinition' ? count(one.selectionSet) : 0), 0);
}

/** Whether an input comes to hold another of its own type, as every `…Where` does. */
function isEndless(type: GraphQLInputObjectType, above: GraphQLInputObjectType[] = []): boolean {
  const path = [...above, type];
  return Object.values(type.getFields()).some((field) => {
    const next = getNamedType(field.type);
    return isInputObjectType(next) && (path.includes(next) || isEndless(next, path));
  });
}

/**
 * Whether a variable is of a type that has no end, or has the one name. The compiler writes out a variable's type to its
 * last leaf: where there is none it does so until the stack overflows, seconds in which the process does nothing else.
 */
function hasOddVariables(schema: GraphQLSchema, { variableDefinitions = [] }: OperationDefinitionNode): boolean {
  return variableDefinitions.some((one) => {
    const type = getNamedType(typeFromAST(schema, one.type));
    return one.variable.name.value === UNNAMEABLE || (isInputObjectType(type) && isEndless(type));
  });
}

/** Queries kept compiled, each some tens of kilobytes. */
const MAX_COMPILED = 500;

interface Query {
  runs: number;
  /** Null for one that is left to the interpreter. */
  compiled?: CompiledQuery | null;
}

/**
 * Executes documents. A query that has come `after` times runs as code made of it, in about two thirds of the time.
 * Mutations are the interpreter's, and so is every error: a query changes nothing, so one that meets an error runs
 * again there and reads as it would have in the first place, with what was loaded still in the request's cache.
 */
export function createExecute(after: number): typeof interpret {
  const queries = new LRUCache<DocumentNode, Map<string, Query>>({ max: MAX_COMPILED });

  function compiled({ schema, document, operationName }: ExecutionArgs): CompiledQuery | null {
    let byName = queries.get(document);
    if (!byName) queries.set(document, (byName = new Map()));
    const name = operationName ?? '';
    let query = byName.get(name);
    if (!query) byName.set(name, (query = { runs: 0 }));
    if (query.compiled !== undefined) return query.compiled;
    if (query.runs++ < after) return null;
    const operation = getOperationAST(document, operationName);
    const mayCompile =
      operation?.operation === 'query' && fieldsOf(document) <= MAX_FIELDS && !hasOddVariables(schema, operation);
    const found = mayCompile ? compileQuery(schema, document, operationName ?? undefined) : null;
    return (query.compiled = found && isCompiledQuery(found) ? found : null);
  }

  return function execute(args) {
    const query = isDeep(args.variableValues) ? null : compiled(args);
    if (!query) return interpret(args);
    const settle = (result: ExecutionResult): ReturnType<typeof interpret> =>
      result.errors ? interpret(args) : result;
    const result: ExecutionResult | Promise<ExecutionResult> = query.query(
      args.rootValue,
      args.contextValue,
      args.variableValues,
    );
    return result instanceof Promise ? result.then(settle) : settle(result);
  };
}
