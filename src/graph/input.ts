import type { InputRef } from '@pothos/core';
import { z } from 'zod';
import { builder, type ModelName } from './builder.ts';
import { DomainError } from '../errors.ts';
import { intOf, uuidOf } from '../ids.ts';
import { MAX_TAGS } from '../text/html.ts';
import { isPlainText } from '../text/plain-text.ts';

/** One field of an input: its GraphQL type and the rule its value must keep, said once. */
export interface InputField<T> {
  type: unknown;
  isRequired: boolean;
  description: string;
  defaultValue?: unknown;
  rule: z.ZodType<T>;
}

export type InputFields = Record<string, InputField<unknown>>;
export type InputValues<F extends InputFields> = { [K in keyof F]: F[K] extends InputField<infer T> ? T : never };

function field<T>(type: unknown, description: string, rule: z.ZodType<T>): InputField<T> {
  return { type, isRequired: true, description, rule };
}

/** May be left out or null; both come as null. For creates. */
export function optional<T>(of: InputField<T>): InputField<T | null> {
  return {
    ...of,
    isRequired: false,
    rule: of.rule.nullish().transform((value) => value ?? null) as unknown as z.ZodType<T | null>,
  };
}

/** Left out: keep (undefined). Null: clear. For updates of what may be empty. */
export function clearable<T>(of: InputField<T>): InputField<T | null | undefined> {
  return { ...of, isRequired: false, rule: of.rule.nullish() as z.ZodType<T | null | undefined> };
}

/** Left out: keep (undefined). Null is refused. For updates of what is never empty. */
export function changeable<T>(of: InputField<T>): InputField<T | undefined> {
  return { ...of, isRequired: false, rule: of.rule.optional() as z.ZodType<T | undefined> };
}

/** Left out: this value. */
export function defaulted<T>(of: InputField<T>, value: T): InputField<T> {
  const rule = of.rule.nullish().transform((given) => given ?? value) as unknown as z.ZodType<T>;
  return { ...of, isRequired: false, defaultValue: value, rule };
}

/** Every field of some, wrapped: `Empty` is what `wrap` adds to their values. */
export function each<F extends InputFields, Empty>(
  fields: F,
  wrap: (field: InputField<unknown>) => InputField<unknown>,
): { [K in keyof F]: F[K] extends InputField<infer T> ? InputField<T | Empty> : never } {
  return Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, wrap(one)])) as never;
}

/** Text without surrounding blanks or control characters, `min` to `max` characters long. */
export function text(description: string, max: number, min = 1): InputField<string> {
  const bounds = `${min} to ${max} characters.`;
  const rule = z
    .string()
    .trim()
    .min(min, `Takes ${bounds}`)
    .max(max, `Takes ${bounds}`)
    // oxlint-disable-next-line no-control-regex -- these are the very characters to refuse
    .regex(/^[^\0-\x08\x0b\x0c\x0e-\x1f]*$/, 'Has a control character.')
    .refine(isPlainText, 'Has half a character: a surrogate without its other.');
  return field('String', `${description} ${bounds}`, rule);
}

/** HTML that is going to be sanitised. */
export function html(description: string, max: number): InputField<string> {
  const bounds = `at most ${MAX_TAGS} tags.`;
  const { rule, ...rest } = text(`${description} Has ${bounds}`, max);
  const isShort = (given: string): boolean => given.split('<', MAX_TAGS + 2).length <= MAX_TAGS + 1;
  return { ...rest, rule: rule.refine(isShort, `Takes ${bounds}`) };
}

/** A whole number between two bounds. */
export function int(description: string, min: number, max: number): InputField<number> {
  const bounds = `${min} to ${max}.`;
  return field('Int', `${description} ${bounds}`, z.int().min(min, `Takes ${bounds}`).max(max, `Takes ${bounds}`));
}

/** What an update or a delete says of the `version` that it was made from. */
export const expectedVersion = changeable(
  int('The version that was read: refuses to overwrite a later one.', 1, 2_147_483_647),
);

/** True or false. */
export function bool(description: string): InputField<boolean> {
  return field('Boolean', description, z.boolean());
}

/** An instant. */
export function dateTime(description: string): InputField<Date> {
  return field('DateTime', description, z.date());
}

/** A decimal number of at most `places` places between two bounds. */
export function decimal(description: string, min: string, max: string, places: number): InputField<string> {
  const bounds = `${min} to ${max} with at most ${places} places.`;
  const fits = (value: string): boolean => {
    const scale = 10 ** places;
    const number = Number(value);
    return (
      number >= Number(min) &&
      number <= Number(max) &&
      (value.split('.')[1] ?? '').length <= places &&
      Number.isFinite(number * scale)
    );
  };
  return field('Decimal', `${description} ${bounds}`, z.string().refine(fits, `Takes ${bounds}`));
}

/** Any JSON value, held to `rule`. */
export function json(description: string, rule: z.ZodType<unknown> = z.unknown()): InputField<unknown> {
  return field('JSON', description, rule);
}

/** An http or https address of at most 2000 characters. */
export function url(description: string): InputField<string> {
  return field('URL', `${description} At most 2000 characters.`, z.string().max(2000, 'At most 2000 characters.'));
}

/** An e-mail address, in small letters. */
export function email(description: string): InputField<string> {
  return field(
    'EmailAddress',
    description,
    z
      .string()
      .max(254, 'At most 254 characters.')
      .transform((value) => value.toLowerCase()) as unknown as z.ZodType<string>,
  );
}

/** One value of a GraphQL enum. */
export function enumOf<T extends string>(ref: unknown, description: string): InputField<T> {
  return field(ref, description, z.string() as unknown as z.ZodType<T>);
}

/** The id of a node; comes as its key. */
export function idOfType(
  type: ModelName | 'AssetListing' | 'EndpointListing',
  description: string,
): InputField<string> {
  return field(
    'ID',
    description,
    decoded((id) => uuidOf(type === 'AssetListing' ? 'Asset' : type === 'EndpointListing' ? 'Endpoint' : type, id)),
  );
}

/** The id of a node whose key is a number; comes as that. */
export function intIdOfType(type: ModelName, description: string): InputField<number> {
  return field(
    'ID',
    description,
    decoded((id) => intOf(type, id)),
  );
}

function decoded<T>(decode: (id: string) => T): z.ZodType<T> {
  return z.string().transform((id, context) => {
    try {
      return decode(id);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  }) as unknown as z.ZodType<T>;
}

/** A list of at most `max` values. */
export function listOfInput<T>(of: InputField<T>, description: string, max: number): InputField<T[]> {
  return field([of.type], `${description} At most ${max}.`, z.array(of.rule).max(max, `Takes at most ${max}.`));
}

/** An input type of its own with fields; declared once a name. */
export function inputObject<F extends InputFields>(
  name: string,
  description: string,
  fields: F,
): { ref: InputRef<unknown>; rule: z.ZodType<InputValues<F>>; as(description: string): InputField<InputValues<F>> } {
  const ref = builder.inputType(name, {
    description,
    fields: (t) =>
      Object.fromEntries(
        Object.entries(fields).map(([key, one]) => [
          key,
          t.field({
            type: one.type as never,
            required: one.isRequired,
            description: one.description,
            ...(one.defaultValue === undefined ? {} : { defaultValue: one.defaultValue as never }),
          }),
        ]),
      ) as never,
  }) as unknown as InputRef<unknown>;
  const rule = z.object(
    Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, one.rule])),
  ) as unknown as z.ZodType<InputValues<F>>;
  return { ref, rule, as: (said) => field(ref, said, rule) };
}

/** What is wrong with an input by its rule, a mistake each with its path under `root`. */
export function mistakesOf(error: z.ZodError, root: string): DomainError[] {
  return error.issues.map((issue) => {
    const message =
      issue.code === 'invalid_type' && issue.input === null
        ? 'Takes a value, not null; leave it out to keep it.'
        : issue.message;
    return new DomainError('VALIDATION', message, { path: [root, ...issue.path.map(String)] });
  });
}
