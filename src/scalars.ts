import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLBigInt, GraphQLDateTime, GraphQLEmailAddress, GraphQLJSON } from 'graphql-scalars';
import { builder } from './builder.ts';

const DECIMAL = /^-?(0|[1-9]\d{0,17})(\.\d{1,12})?$/;

const text = (name: string, what: string, check: (value: string) => boolean) => {
  const parse = (value: unknown, nodes?: ValueNode): string => {
    const given = typeof value === 'number' && name === 'Decimal' ? String(value) : value;
    // GraphQL's own: it says at which variable or argument.
    if (typeof given !== 'string' || !check(given))
      throw new GraphQLError(`${name} takes ${what}.`, nodes ? { nodes } : {});
    return given;
  };
  return {
    serialize: (value: unknown) => String(value),
    parseValue: (value: unknown) => parse(value),
    parseLiteral: (node: ValueNode) => {
      const isNumber = name === 'Decimal' && (node.kind === Kind.INT || node.kind === Kind.FLOAT);
      return parse(node.kind === Kind.STRING || isNumber ? node.value : undefined, node);
    },
  };
};

const isDate = (value: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(value) && new Date(`${value}T00:00:00Z`).toJSON()?.slice(0, 10) === value;

const specified = (scalar: GraphQLScalarType, url: string): GraphQLScalarType =>
  new GraphQLScalarType({ ...scalar.toConfig(), specifiedByURL: url });

builder.addScalarType(
  'DateTime',
  specified(GraphQLDateTime, 'https://scalars.graphql.org/andimarek/date-time.html') as never,
);
builder.addScalarType('BigInt', specified(GraphQLBigInt, 'https://www.rfc-editor.org/rfc/rfc8259#section-6') as never);
builder.addScalarType('EmailAddress', GraphQLEmailAddress as never);
builder.addScalarType('JSON', GraphQLJSON);
builder.addScalarType(
  'Date',
  new GraphQLScalarType({
    name: 'Date',
    description: 'A day of the calendar, `YYYY-MM-DD`.',
    specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339#section-5.6',
    ...text('Date', 'a day as YYYY-MM-DD', isDate),
    serialize: (value) => (value instanceof Date ? value.toISOString().slice(0, 10) : String(value)),
  }),
);
builder.addScalarType(
  'Decimal',
  new GraphQLScalarType({
    name: 'Decimal',
    description: 'An exact decimal number, as a string such as "12.50". A number literal is taken too.',
    specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-6',
    ...text('Decimal', 'a decimal number of at most 18 digits before and 12 after the point', (value) =>
      DECIMAL.test(value),
    ),
  }),
);
builder.addScalarType(
  'URL',
  new GraphQLScalarType({
    name: 'URL',
    description: 'An absolute http or https address.',
    specifiedByURL: 'https://url.spec.whatwg.org/',
    ...text('URL', 'an absolute http or https address', (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? '')),
  }),
);
builder.addScalarType(
  'HTML',
  new GraphQLScalarType({
    name: 'HTML',
    description: 'Sanitised HTML: no scripts, handlers or frames.',
    specifiedByURL: 'https://html.spec.whatwg.org/',
    ...text('HTML', 'text', () => true),
  }),
);
