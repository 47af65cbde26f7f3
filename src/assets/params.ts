import { DomainError, throwAll } from '../errors.ts';
import { isPlainText } from '../text/plain-text.ts';
import type { Asset } from '../generated/prisma/client.ts';
import type { ParameterValue } from '../warehouse/engine.ts';

export const parameterTypes = ['STRING', 'INTEGER', 'DECIMAL', 'BOOLEAN', 'DATE'] as const;
export type ParameterType = (typeof parameterTypes)[number];

/** A `:name` in the SQL of an asset, as it is declared and stored. */
export interface Parameter {
  name: string;
  type: ParameterType;
  isRequired: boolean;
  defaultValue: ParameterValue;
  allowedValues: ParameterValue[] | null;
  description: string | null;
}

export const MAX_PARAMETERS = 50;
const MAX_TEXT = 1000;
const DECIMAL = /^-?\d{1,18}(\.\d{1,12})?$/;

const expectations: Record<ParameterType, string> = {
  STRING: `text of at most ${MAX_TEXT} characters`,
  INTEGER: 'a whole number',
  DECIMAL: 'a decimal number',
  BOOLEAN: 'true or false',
  DATE: 'a day as YYYY-MM-DD',
};

/** A value as the engine binds it; undefined where it is not of the type. */
function convert(type: ParameterType, value: unknown): ParameterValue | undefined {
  switch (type) {
    case 'STRING':
      return typeof value === 'string' && value.length <= MAX_TEXT && isPlainText(value) ? value : undefined;
    case 'INTEGER':
      return Number.isSafeInteger(value) ? (value as number) : undefined;
    case 'DECIMAL':
      if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
      return typeof value === 'string' && DECIMAL.test(value) ? value : undefined;
    case 'BOOLEAN':
      return typeof value === 'boolean' ? value : undefined;
    case 'DATE': {
      const isDay =
        typeof value === 'string' &&
        /^\d{4}-\d{2}-\d{2}$/.test(value) &&
        new Date(`${value}T00:00:00Z`).toJSON()?.startsWith(value);
      return isDay ? value : undefined;
    }
  }
}

/** "1.50" and 1.5 are the same decimal. */
const sameValue = (type: ParameterType, a: unknown, b: unknown): boolean =>
  String(a) === String(b) || (type === 'DECIMAL' && Number(a) === Number(b));

/**
 * The value of each declared parameter for a run: the given one, else the default, else null.
 * @throws DomainError VALIDATION for each unknown, missing or wrong value, all at once, with its path.
 */
export function resolveParameters(
  declared: Parameter[],
  given: Record<string, unknown>,
  path: string[] = ['input', 'parameters'],
): Record<string, ParameterValue> {
  const errors: DomainError[] = [];
  const mistake = (name: string, message: string): void =>
    void errors.push(new DomainError('VALIDATION', message, { path: [...path, name] }));
  const known = new Set(declared.map(({ name }) => name));
  for (const name of Object.keys(given)) {
    if (!known.has(name))
      mistake(
        name,
        declared.length > 0
          ? `There is no parameter ${name}; there are ${[...known].join(', ')}.`
          : 'This asset takes no parameters.',
      );
  }
  const values: Record<string, ParameterValue> = {};
  for (const { name, type, isRequired, defaultValue, allowedValues } of declared) {
    const raw = (Object.hasOwn(given, name) ? given[name] : null) ?? defaultValue;
    if (raw === null || raw === undefined) {
      if (isRequired) mistake(name, `${name} is required: ${expectations[type]}.`);
      values[name] = null;
      continue;
    }
    const value = convert(type, raw);
    if (value === undefined) mistake(name, `${name} takes ${expectations[type]}.`);
    else if (allowedValues && !allowedValues.some((allowed) => sameValue(type, allowed, value)))
      mistake(name, `${name} takes one of ${allowedValues.slice(0, 20).map(String).join(', ')}.`);
    else values[name] = value;
  }
  throwAll(errors);
  return values;
}

/**
 * The values that an asset runs with: the given ones where it takes parameters, else the defaults.
 * @throws DomainError VALIDATION as `resolveParameters`
 */
export function valuesOf(
  asset: Pick<Asset, 'parameters' | 'allowParams'>,
  given: Record<string, unknown>,
  path?: string[],
): Record<string, ParameterValue> {
  const declared = asset.parameters as unknown as Parameter[];
  const values = resolveParameters(asset.allowParams ? declared : [], given, path);
  for (const { name, defaultValue } of asset.allowParams ? [] : declared) values[name] = defaultValue;
  return values;
}

/**
 * Checks a declaration against the names that the SQL, or the prompt, uses.
 * @throws DomainError VALIDATION for names used but not declared, declared but not used or twice, and wrong defaults.
 */
export function checkDeclaration(
  declared: Parameter[],
  used: string[],
  by = 'SQL',
  path: string[] = ['input', 'parameters'],
): void {
  const errors: DomainError[] = [];
  const names = declared.map(({ name }) => name);
  for (const name of new Set(used)) {
    if (!names.includes(name))
      errors.push(new DomainError('VALIDATION', `The ${by} uses :${name}, which is not declared.`, { path }));
  }
  for (const [i, one] of declared.entries()) {
    const at = [...path, String(i)];
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(one.name))
      errors.push(
        new DomainError('VALIDATION', 'A name has letters, digits and _, at most 63.', { path: [...at, 'name'] }),
      );
    else if (names.indexOf(one.name) !== i)
      errors.push(new DomainError('VALIDATION', `${one.name} is declared twice.`, { path: [...at, 'name'] }));
    else if (!used.includes(one.name))
      errors.push(new DomainError('VALIDATION', `The ${by} does not use :${one.name}.`, { path: [...at, 'name'] }));
    const wrong = [one.defaultValue, ...(one.allowedValues ?? [])].some(
      (value) => value !== null && convert(one.type, value) === undefined,
    );
    const isOutside =
      one.defaultValue !== null &&
      one.allowedValues !== null &&
      !one.allowedValues.some((allowed) => sameValue(one.type, allowed, one.defaultValue));
    if (!wrong && isOutside)
      errors.push(
        new DomainError('VALIDATION', `The default of ${one.name} is not among its allowed values.`, { path: at }),
      );
    if (wrong)
      errors.push(
        new DomainError(
          'VALIDATION',
          `Default and allowed values of ${one.name} should each be ${expectations[one.type]}.`,
          { path: at },
        ),
      );
  }
  throwAll(errors);
}
