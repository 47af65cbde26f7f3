import type { InputRef } from '@pothos/core';
import { builder } from '../graph/builder.ts';
import { DomainError } from '../errors.ts';
import { intOf, uuidOf } from '../ids.ts';
import { roleIds, type RoleName } from '../permissions.ts';
import { RoleName as RoleNameEnum } from '../graph/product-enums.ts';

type Bind = (value: unknown) => string;
type Operators = Record<string, unknown>;

/** How one field of a `where` becomes SQL. */
export interface Filter {
  input: InputRef<Operators>;
  description: string;
  sql(operators: Operators, bind: Bind, path: string[]): string[];
}

const MAX_LEAVES = 50;
const MAX_DEPTH = 3;
const MAX_IN = 100;

const inputs = new Map<string, InputRef<Operators>>();

/** One operator input for each scalar: `StringFilter`, `DateTimeFilter` … */
function operatorInput(scalar: string, type: unknown, operators: string[]): InputRef<Operators> {
  const name = `${scalar}Filter`;
  const known = inputs.get(name);
  if (known) return known;
  const texts: Record<string, string> = {
    eq: 'Equal to this.',
    ne: 'Another than this, or none.',
    in: `One of these, at most ${MAX_IN}.`,
    notIn: `None of these, at most ${MAX_IN}.`,
    gt: 'Greater than this.',
    gte: 'This or greater.',
    lt: 'Less than this.',
    lte: 'This or less.',
    contains: 'Has this text somewhere, in upper or lower case.',
    startsWith: 'Begins with this text, in upper or lower case.',
    isNull: 'Has no value (true), or has one (false).',
  };
  const ref = builder.inputType(name, {
    description: `Conditions on a ${scalar}; all that are given must hold.`,
    fields: (t) =>
      Object.fromEntries(
        operators.map((operator) => {
          const shape = operator === 'isNull' ? 'Boolean' : operator === 'in' || operator === 'notIn' ? [type] : type;
          return [operator, t.field({ type: shape as never, required: false, description: texts[operator] ?? '' })];
        }),
      ) as never,
  }) as unknown as InputRef<Operators>;
  inputs.set(name, ref);
  return ref;
}

const comparison: Record<string, string> = { eq: '=', gt: '>', gte: '>=', lt: '<', lte: '<=' };
const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

function conditions(
  column: string,
  cast: string,
  operators: Operators,
  bind: Bind,
  path: string[],
  decode: (value: unknown, path: string[]) => unknown,
): string[] {
  return Object.entries(operators).flatMap(([operator, given]) => {
    const at = [...path, operator];
    if (given === null || given === undefined) {
      throw new DomainError('BAD_FILTER', `${operator} takes a value; ask for missing ones with isNull.`, { path: at });
    }
    if ([given].flat().some((value) => typeof value === 'string' && value.includes('\0'))) {
      throw new DomainError('BAD_FILTER', 'No text has the character NUL.', { path: at });
    }
    if (operator === 'isNull') return [`${column} is ${given === true ? '' : 'not '}null`];
    if (operator === 'in' || operator === 'notIn') {
      const values = given as unknown[];
      if (values.length > MAX_IN)
        throw new DomainError('BAD_FILTER', `${operator} takes at most ${MAX_IN} values.`, { path: at });
      const list = `${bind(values.map((value, i) => decode(value, [...at, String(i)])))}::${cast}[]`;
      return [operator === 'in' ? `${column} = any(${list})` : `(${column} <> all(${list}) or ${column} is null)`];
    }
    if (operator === 'contains' || operator === 'startsWith') {
      const pattern = `${operator === 'contains' ? '%' : ''}${escapeLike(given as string)}%`;
      return [`${column} ilike ${bind(pattern)}`];
    }
    const value = `${bind(decode(given, at))}::${cast}`;
    if (operator === 'ne') return [`${column} is distinct from ${value}`];
    return [`${column} ${comparison[operator]} ${value}`];
  });
}

const asIs = (value: unknown): unknown => value;
const equality = ['eq', 'ne', 'in', 'notIn', 'isNull'];
const ordered = ['eq', 'ne', 'in', 'notIn', 'gt', 'gte', 'lt', 'lte', 'isNull'];
const kinds = {
  String: { cast: 'text', operators: ['eq', 'ne', 'in', 'notIn', 'contains', 'startsWith', 'isNull'] },
  Int: { cast: 'int', operators: ordered },
  Decimal: { cast: 'numeric', operators: ordered },
  DateTime: { cast: 'timestamptz', operators: ordered },
  Boolean: { cast: 'bool', operators: ['eq', 'isNull'] },
};

/** A filter on a column of that scalar; `column` is SQL over `t`, the field's own column unless said. */
export function scalarFilter(scalar: keyof typeof kinds, column: string, description: string): Filter {
  const { cast, operators } = kinds[scalar];
  return {
    input: operatorInput(scalar, scalar, operators),
    description,
    sql: (given, bind, path) => conditions(column, cast, given, bind, path, asIs),
  };
}

/** A filter on a column of a PostgreSQL enum, which has the GraphQL enum's name. */
export function enumFilter(name: string, ref: unknown, column: string, description: string): Filter {
  return {
    input: operatorInput(name, ref, equality),
    description,
    sql: (given, bind, path) => conditions(column, `"${name}"`, given, bind, path, asIs),
  };
}

/** A filter on a column with the number of a role. */
export function roleFilter(column: string, description: string): Filter {
  const decode = (value: unknown): unknown => roleIds[value as RoleName];
  return {
    input: operatorInput('RoleName', RoleNameEnum, equality),
    description,
    sql: (given, bind, path) => conditions(column, 'int', given, bind, path, decode),
  };
}

/** A filter on a column that refers to another node: takes opaque ids. */
export function idFilter(type: string, column: string, description: string, isInt = false): Filter {
  const decode = (value: unknown, path: string[]): unknown => (isInt ? intOf : uuidOf)(type, String(value), path);
  return {
    input: operatorInput('ID', 'ID', equality),
    description,
    sql: (given, bind, path) => conditions(column, isInt ? 'int' : 'uuid', given, bind, path, decode),
  };
}

/** Whether a list of texts has an element: a column of such lists, or SQL for "has one of this list". */
export function tagFilter(has: string | ((list: string) => string), description: string): Filter {
  return {
    input: operatorInput('Tag', 'String', ['eq', 'in', 'notIn']),
    description,
    sql: (given, bind, path) =>
      Object.entries(given).map(([operator, value]) => {
        const values = [value].flat();
        if (values.length > MAX_IN || values.some((one) => typeof one !== 'string' || one.includes('\0'))) {
          throw new DomainError('BAD_FILTER', `${operator} takes text, at most ${MAX_IN} of it.`, {
            path: [...path, operator],
          });
        }
        const list = `${bind(values)}::text[]`;
        const condition = typeof has === 'string' ? `${has} && ${list}` : has(list);
        return operator === 'notIn' ? `not (${condition})` : condition;
      }),
  };
}

export type Where = { [field: string]: unknown; and?: Where[] | null; or?: Where[] | null; not?: Where | null };

/** The `…Where` input of a list: its filters and `and`, `or`, `not`. */
export function whereInput(name: string, filters: Record<string, Filter>): InputRef<Where> {
  const ref = builder.inputRef<Where>(`${name}Where`);
  ref.implement({
    description: `Conditions on ${name} items; all that are given must hold. At most ${MAX_DEPTH} levels and ${MAX_LEAVES} conditions.`,
    fields: (t) =>
      ({
        ...Object.fromEntries(
          Object.entries(filters).map(([field, filter]) => [
            field,
            t.field({ type: filter.input as never, required: false, description: filter.description }),
          ]),
        ),
        and: t.field({ type: [ref] as never, required: false, description: 'All of these.' }),
        or: t.field({ type: [ref] as never, required: false, description: 'At least one of these.' }),
        not: t.field({ type: ref as never, required: false, description: 'Not this.' }),
      }) as never,
  });
  return ref;
}

/** @throws DomainError BAD_FILTER with the path of what is too deep, too much or null. */
export function whereSql(where: Where | null | undefined, filters: Record<string, Filter>, bind: Bind): string {
  let leaves = 0;
  const walk = (part: Where, depth: number, path: string[]): string => {
    if (depth > MAX_DEPTH)
      throw new DomainError('BAD_FILTER', `Conditions nest at most ${MAX_DEPTH} levels.`, { path });
    const all = Object.entries(part).flatMap(([field, given]): string[] => {
      const at = [...path, field];
      if (given === null || given === undefined)
        throw new DomainError('BAD_FILTER', `${field} takes conditions, not null.`, { path: at });
      if (field === 'and' || field === 'or') {
        const parts = (given as Where[]).map((item, i) => walk(item, depth + 1, [...at, String(i)]));
        if (parts.length === 0) return [field === 'and' ? 'true' : 'false'];
        return [`(${parts.join(` ${field} `)})`];
      }
      if (field === 'not') return [`not coalesce(${walk(given as Where, depth + 1, at)}, false)`];
      const conditions = filters[field]?.sql(given as Operators, bind, at) ?? [];
      leaves += conditions.length;
      if (leaves > MAX_LEAVES) throw new DomainError('BAD_FILTER', `At most ${MAX_LEAVES} conditions.`, { path: at });
      return conditions;
    });
    // An empty condition counts too: a list of many would be as dear to plan.
    if (all.length === 0 && ++leaves > MAX_LEAVES)
      throw new DomainError('BAD_FILTER', `At most ${MAX_LEAVES} conditions.`, { path });
    return all.length > 0 ? `(${all.join(' and ')})` : 'true';
  };
  return where ? walk(where, 1, ['where']) : 'true';
}
