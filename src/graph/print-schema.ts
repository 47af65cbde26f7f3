import { isInterfaceType, isObjectType, Kind, parse, printSchema } from 'graphql';
import { directivesOf } from '../limits/cost-rules.ts';
import { schema } from '../schema.ts';

/** The schema as it is committed in schema.graphql: with what its fields cost, which `printSchema` leaves out. */
export function printedSchema(): string {
  const text = printSchema(schema);
  const additions: { at: number; directives: string }[] = [];
  for (const node of parse(text).definitions) {
    if (node.kind !== Kind.OBJECT_TYPE_DEFINITION && node.kind !== Kind.INTERFACE_TYPE_DEFINITION) continue;
    const type = schema.getType(node.name.value);
    for (const { name, type: result } of node.fields ?? []) {
      const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name.value] : undefined;
      const directives = field ? directivesOf(field) : '';
      if (directives) additions.push({ at: result.loc?.end ?? 0, directives });
    }
  }
  let printed = '';
  let from = 0;
  for (const { at, directives } of additions.toSorted((a, b) => a.at - b.at)) {
    printed += `${text.slice(from, at)} ${directives}`;
    from = at;
  }
  return `${printed}${text.slice(from)}\n`;
}
