import {
  DirectiveLocation,
  GraphQLBoolean,
  GraphQLDirective,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLString,
  getNamedType,
  isCompositeType,
  type GraphQLField,
} from 'graphql';

/** How many objects a field may hold, by the arguments that say so. */
export interface ListSize {
  /** Without any of the arguments. */
  assumed: number;
  /** Arguments that give it: numbers, or lists by their length. */
  by?: string[];
  /** The fields of its value that hold so many, for a connection; without them the field itself does. */
  fields?: string[];
}

/**
 * What asking for a field costs: what its declaration says, or 1 for an object. Of a list that says how long it is,
 * each item costs 1 beside that.
 */
export function weightOf(field: GraphQLField<unknown, unknown>, isSized: boolean): number {
  const said = field.extensions['cost'] as number | null | undefined;
  return said ?? (isCompositeType(getNamedType(field.type)) && !isSized ? 1 : 0);
}

/** How many objects a field may hold, itself or in the connection that it gives; null where it does not say. */
export const listSizeOf = (field: GraphQLField<unknown, unknown>): ListSize | null =>
  (field.extensions['listSize'] as ListSize | null | undefined) ?? null;

const names = new GraphQLList(new GraphQLNonNull(GraphQLString));

/** The directives by which the printed schema says what its fields cost, as IBM's cost specification has them. */
export const costDirectives = [
  new GraphQLDirective({
    name: 'cost',
    description:
      'What asking for a field costs. Without it 1 for an object, 0 for a value. Each item of a list that says its size costs 1 more.',
    locations: [DirectiveLocation.FIELD_DEFINITION],
    args: { weight: { type: new GraphQLNonNull(GraphQLString), description: 'A whole number.' } },
  }),
  new GraphQLDirective({
    name: 'listSize',
    description: 'How many objects a field may hold, so that what is asked of each counts as often.',
    locations: [DirectiveLocation.FIELD_DEFINITION],
    args: {
      assumedSize: { type: GraphQLInt, description: 'How many without any of the arguments.' },
      slicingArguments: { type: names, description: 'Arguments that say how many: a number, or a list by its length.' },
      sizedFields: { type: names, description: 'The fields of its value that hold so many; without them, it itself.' },
      requireOneSlicingArgument: {
        type: GraphQLBoolean,
        defaultValue: true,
        description: 'Whether one of the arguments has to be given.',
      },
    },
  }),
];

/** The directives of a field as the printed schema shows them; empty for one that costs what it costs without them. */
export function directivesOf(field: GraphQLField<unknown, unknown>): string {
  const said = field.extensions['cost'] as number | null | undefined;
  const size = listSizeOf(field);
  const list = (values: string[]): string => JSON.stringify(values).replaceAll(',', ', ');
  return [
    ...(said == null ? [] : [`@cost(weight: "${said}")`]),
    ...(size
      ? [
          `@listSize(${[
            `assumedSize: ${size.assumed}`,
            ...(size.by ? [`slicingArguments: ${list(size.by)}`] : []),
            ...(size.fields ? [`sizedFields: ${list(size.fields)}`] : []),
            ...(size.by ? ['requireOneSlicingArgument: false'] : []),
          ].join(', ')})`,
        ]
      : []),
  ].join(' ');
}
