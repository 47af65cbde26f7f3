import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLBigInt, GraphQLDateTime, GraphQLEmailAddress, GraphQLJSON } from 'graphql-scalars';
import { builder } from './builder.ts';
import { isPlainText } from '../text/plain-text.ts';

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

/** A scalar of others that takes less than it would. */
function narrowed<I, O>(scalar: GraphQLScalarType<I, O>, takes: string, check: (value: unknown) => boolean) {
  const checked = <V>(value: V): V => {
    if (!check(value)) throw new GraphQLError(`${scalar.name} takes ${takes}.`);
    return value;
  };
  // graphql 17 has two names for each, of which a scalar says one.
  const { coerceInputValue: _, coerceInputLiteral: __, ...config } = scalar.toConfig();
  return new GraphQLScalarType<I, O>({
    ...config,
    parseValue: (value) => checked(scalar.parseValue(value)),
    parseLiteral: (node, variables) => checked(scalar.parseLiteral(node, variables)),
  });
}

/** The years that PostgreSQL, JavaScript and everybody's text of an instant agree on. */
const isUsualYear = (value: unknown): boolean => {
  const year = value instanceof Date ? value.getUTCFullYear() : Number.NaN;
  return year >= 1 && year <= 9999;
};

const MAX_LEVELS = 64;
/** Whether JSON can be stored and read again: PostgreSQL takes no NUL, and whoever walks it has a stack of some size. */
function isStorable(value: unknown, levels = MAX_LEVELS): boolean {
  if (typeof value === 'string') return isPlainText(value);
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.entries(value).every(([name, one]) => isPlainText(name) && isStorable(one, levels - 1));
}

builder.addScalarType(
  'DateTime',
  narrowed(
    specified(GraphQLDateTime, 'https://scalars.graphql.org/andimarek/date-time.html') as typeof GraphQLDateTime,
    'an instant of the years 0001 to 9999 in UTC',
    isUsualYear,
  ),
);
builder.addScalarType('BigInt', specified(GraphQLBigInt, 'https://www.rfc-editor.org/rfc/rfc8259#section-6') as never);
builder.addScalarType('EmailAddress', GraphQLEmailAddress as never);
builder.addScalarType(
  'JSON',
  narrowed(GraphQLJSON, `text without NUL and lone surrogates, nested at most ${MAX_LEVELS} levels`, isStorable),
);
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
    ...text(
      'URL',
      'an absolute http or https address',
      (value) => isPlainText(value) && /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
    ),
  }),
);
builder.addScalarType(
  'HTML',
  new GraphQLScalarType({
    name: 'HTML',
    description: 'Sanitised HTML: no scripts, handlers or frames.',
    specifiedByURL: 'https://html.spec.whatwg.org/',
    ...text('HTML', 'text without NUL and lone surrogates', isPlainText),
  }),
);
