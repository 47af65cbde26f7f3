import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  type GraphQLOutputType,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { listSizeOf } from '../src/limits/cost-rules.ts';
import { printedSchema } from '../src/graph/print-schema.ts';
import { schema } from '../src/schema.ts';

const types = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);

/** A list that is no connection says how long it can be. */
const SAYS_BOUND = /at most|up to \d/i;

/** Lists bounded by something other than a number, each with what bounds it. */
const boundedBy: Record<string, string> = {};

const unwrap = (type: GraphQLOutputType): { isList: boolean; name: string } => {
  let at: unknown = type;
  let isList = false;
  while (isNonNullType(at) || isListType(at)) {
    if (isListType(at)) isList = true;
    at = at.ofType;
  }
  return { isList, name: String(at) };
};

describe('the schema', () => {
  it('is the one in schema.graphql (npm run schema writes it)', () => {
    expect(printedSchema()).toBe(readFileSync(path.join(import.meta.dirname, '../schema.graphql'), 'utf8'));
  });

  it('describes every type, field, argument, input field and enum value', () => {
    const bare: string[] = [];
    const say = (name: string, description: string | null | undefined): void =>
      void (description?.trim() || bare.push(name));
    for (const type of types) {
      say(type.name, type.description);
      if (isObjectType(type) || isInterfaceType(type)) {
        for (const field of Object.values(type.getFields())) {
          say(`${type.name}.${field.name}`, field.description);
          for (const argument of field.args) say(`${type.name}.${field.name}(${argument.name}:)`, argument.description);
        }
      } else if (isInputObjectType(type))
        for (const field of Object.values(type.getFields())) say(`${type.name}.${field.name}`, field.description);
      else if (isEnumType(type))
        for (const value of type.getValues()) say(`${type.name}.${value.name}`, value.description);
    }
    expect(bare).toEqual([]);
    expect(types.length).toBeGreaterThan(100);
  });

  it('finds by node all that has an id of its own', () => {
    // These show an asset, an endpoint, a post or reference data, by the id of that; a discount is a part of its price.
    const shown = ['AssetListing', 'AvailableEndpoint', 'CompanyObject', 'EndpointListing', 'Facet'];
    const others = [...shown, 'PendingAsset', 'PendingEndpoint', 'PriceDiscount', 'PublicPost'];
    const lost = types.filter(
      (type) =>
        isObjectType(type) &&
        type.getFields()['id'] &&
        !type.getInterfaces().some(({ name }) => name === 'Node') &&
        !others.includes(type.name),
    );
    expect(lost.map(({ name }) => name)).toEqual([]);
  });

  it('says of every scalar of its own where it is specified', () => {
    const scalars = types.filter(isScalarType);
    expect(scalars.length).toBeGreaterThan(5);
    expect(scalars.filter(({ specifiedByURL }) => !specifiedByURL).map(({ name }) => name)).toEqual([]);
  });

  it('says for every root field who may', () => {
    const silent = [schema.getQueryType(), schema.getMutationType()].flatMap((root) =>
      Object.values(root?.getFields() ?? {}).flatMap((field) => (field.extensions['access'] ? [] : [field.name])),
    );
    expect(silent).toEqual([]);
  });

  it('has no list without a bound: connections, or lists that say theirs', () => {
    const unbounded = types.flatMap((type) =>
      isObjectType(type) && !/(Connection)$/.test(type.name)
        ? Object.values(type.getFields()).flatMap((field) => {
            const { isList } = unwrap(field.type);
            const named = `${type.name}.${field.name}`;
            const isBounded =
              !isList ||
              SAYS_BOUND.test(field.description ?? '') ||
              field.args.some((argument) => ['first', 'limit', 'days'].includes(argument.name)) ||
              named.endsWith('Payload.userErrors') ||
              (field.name === 'path' && type.getInterfaces().length > 0) ||
              named in boundedBy;
            return isBounded ? [] : [`${type.name}.${field.name}: ${field.description}`];
          })
        : [],
    );
    expect(unbounded).toEqual([]);
  });

  it('says of every list whose items hold pages how many there can be, for the cost of those', () => {
    const holdsPages = (name: string, seen: Set<string>): boolean => {
      const type = schema.getType(name);
      if (seen.has(name) || !isCompositeType(type)) return false;
      seen.add(name);
      const members = isAbstractType(type) ? schema.getPossibleTypes(type) : [type];
      return members.some((one) =>
        Object.values(one.getFields()).some(
          (field) => listSizeOf(field) !== null || holdsPages(unwrap(field.type).name, seen),
        ),
      );
    };
    const silent = types.flatMap((type) =>
      isObjectType(type) && !/(Connection)$/.test(type.name)
        ? Object.values(type.getFields()).flatMap((field) => {
            const { isList, name } = unwrap(field.type);
            const isOpen = isList && listSizeOf(field) === null && holdsPages(name, new Set());
            return isOpen ? [`${type.name}.${field.name}`] : [];
          })
        : [],
    );
    expect(silent).toEqual([]);
  });

  it('answers every mutation with its payload and user errors', () => {
    for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      expect(
        field.args.map((argument) => argument.name),
        field.name,
      ).toEqual(['input']);
      const payload = schema.getType(unwrap(field.type).name);
      expect(isObjectType(payload) && String(payload.getFields()['userErrors']?.type), field.name).toBe(
        '[UserError!]!',
      );
    }
  });

  it('names things as the conventions say', () => {
    const odd = types.flatMap((type) => {
      const fields =
        isObjectType(type) || isInterfaceType(type) || isInputObjectType(type) ? Object.values(type.getFields()) : [];
      return [
        ...(/^[A-Z][A-Za-z0-9]*$/.test(type.name) ? [] : [type.name]),
        ...fields.flatMap((field) =>
          /^[a-z][A-Za-z0-9]*$/.test(field.name) && !/^(get|fetch|list)[A-Z]/.test(field.name)
            ? []
            : [`${type.name}.${field.name}`],
        ),
        ...(isEnumType(type)
          ? type
              .getValues()
              .flatMap((value) => (/^[A-Z][A-Z0-9_]*$/.test(value.name) ? [] : [`${type.name}.${value.name}`]))
          : []),
      ];
    });
    expect(odd).toEqual([]);
  });

  it('keeps private columns out of listings', () => {
    for (const name of ['AssetListing', 'EndpointListing']) {
      const type = schema.getType(name);
      const fields = isObjectType(type) ? Object.keys(type.getFields()) : [];
      expect(fields).toContain('price');
      expect(
        fields.filter((field) => /sql|connection|source|viz|owner|approv|version|whitelist|customer/i.test(field)),
      ).toEqual([]);
    }
  });

  it('has unions whose members say what they are', () => {
    for (const type of types) if (isUnionType(type)) expect(type.getTypes().length, type.name).toBeGreaterThan(1);
  });
});
