import { describe, expect, it } from 'vitest';
import { checkDeclaration, resolveParameters, type Parameter, type ParameterType } from '../src/assets/params.ts';
import { DomainError, DomainErrors } from '../src/errors.ts';
import { parameter } from './assets.fixtures.ts';

/** The paths of all mistakes, the message of the first. */
function mistakes(work: () => unknown): { paths: string[]; message: string } {
  try {
    work();
  } catch (error) {
    const all = error instanceof DomainErrors ? error.errors : [error as DomainError];
    expect(all.every((one) => one instanceof DomainError && one.code === 'VALIDATION')).toBe(true);
    return { paths: all.map(({ argumentPath }) => argumentPath?.join('.') ?? ''), message: all[0]?.message ?? '' };
  }
  return { paths: [], message: '' };
}
const one = (type: ParameterType, value: unknown, more: Partial<Parameter> = {}) =>
  resolveParameters([parameter('x', type, more)], { x: value })['x'];

describe('values of parameters', () => {
  it.each<[ParameterType, unknown]>([
    ['STRING', ''],
    ['STRING', 'héllo ☃'],
    ['STRING', 'x'.repeat(1000)],
    ['STRING', "'; drop table x --"],
    ['INTEGER', 0],
    ['INTEGER', -7],
    ['INTEGER', Number.MAX_SAFE_INTEGER],
    ['DECIMAL', 1.5],
    ['DECIMAL', '1.50'],
    ['DECIMAL', '-123456789012345678.123456789012'],
    ['BOOLEAN', true],
    ['BOOLEAN', false],
    ['DATE', '2024-02-29'],
    ['DATE', '0001-01-01'],
  ])('%s takes %j', (type, value) => expect(one(type, value)).toBe(value));

  it.each<[ParameterType, unknown]>([
    ['STRING', 1],
    ['STRING', true],
    ['STRING', 'x'.repeat(1001)],
    ['STRING', 'a\0b'],
    ['STRING', ['a']],
    ['STRING', { a: 1 }],
    ['INTEGER', 1.5],
    ['INTEGER', '1'],
    ['INTEGER', 2 ** 53],
    ['INTEGER', true],
    ['DECIMAL', '1e3'],
    ['DECIMAL', ''],
    ['DECIMAL', '.5'],
    ['DECIMAL', '1234567890123456789'],
    ['DECIMAL', Number.POSITIVE_INFINITY],
    ['DECIMAL', Number.NaN],
    ['BOOLEAN', 'true'],
    ['BOOLEAN', 1],
    ['DATE', '2026-02-30'],
    ['DATE', '2026-2-3'],
    ['DATE', '2026-01-01T00:00:00Z'],
    ['DATE', 20_260_101],
    ['DATE', ''],
  ])('%s refuses %j', (type, value) => {
    expect(mistakes(() => one(type, value)).paths).toEqual(['input.parameters.x']);
  });

  it('are the given one, else the default, else null', () => {
    const declared = [
      parameter('a', 'STRING'),
      parameter('b', 'STRING', { defaultValue: 'b' }),
      parameter('c', 'INTEGER', { isRequired: true, defaultValue: 3 }),
      parameter('d', 'BOOLEAN', { defaultValue: false }),
    ];
    expect(resolveParameters(declared, {})).toEqual({ a: null, b: 'b', c: 3, d: false });
    expect(resolveParameters(declared, { a: 'x', b: null, c: 0, d: true })).toEqual({ a: 'x', b: 'b', c: 0, d: true });
  });

  it('are required where they say so, and known by their names alone', () => {
    const declared = [parameter('region', 'STRING', { isRequired: true }), parameter('toString', 'STRING')];
    expect(mistakes(() => resolveParameters(declared, { constructor: 1 }))).toEqual({
      paths: ['input.parameters.constructor', 'input.parameters.region'],
      message: 'There is no parameter constructor; there are region, toString.',
    });
    // What every object has is no value.
    expect(resolveParameters(declared, { region: 'x' })).toEqual({ region: 'x', toString: null });
    expect(mistakes(() => resolveParameters([], { a: 1 })).message).toBe('This asset takes no parameters.');
    expect(mistakes(() => resolveParameters([], { a: 1 }, ['input', 'p'])).paths).toEqual(['input.p.a']);
  });

  it('are among the allowed ones, decimals by what they are worth', () => {
    const allowedValues = ['1.50', 2];
    for (const value of ['1.50', '1.5', 1.5, 2, '2.00']) expect(one('DECIMAL', value, { allowedValues })).toBe(value);
    expect(mistakes(() => one('DECIMAL', '1.51', { allowedValues })).message).toBe('x takes one of 1.50, 2.');
    expect(mistakes(() => one('STRING', 'North', { allowedValues: ['north'] })).paths).toEqual(['input.parameters.x']);
    expect(one('STRING', null, { allowedValues: ['north'] })).toBeNull();
  });
});

describe('a declaration', () => {
  const check = (declared: Parameter[], used: string[]) => mistakes(() => checkDeclaration(declared, used));
  it('fits the names that the SQL uses', () => {
    expect(check([parameter('a', 'STRING'), parameter('_b2', 'DATE')], ['a', '_b2', 'a']).paths).toEqual([]);
    expect(check([], ['a', 'a'])).toEqual({
      paths: ['input.parameters'],
      message: 'The SQL uses :a, which is not declared.',
    });
    expect(check([parameter('a', 'STRING')], [])).toEqual({
      paths: ['input.parameters.0.name'],
      message: 'The SQL does not use :a.',
    });
  });

  it('names all that is wrong at once', () => {
    const declared = [
      parameter('a', 'STRING'),
      parameter('a', 'STRING'),
      parameter('1st', 'STRING'),
      parameter('unused', 'STRING'),
      parameter('n', 'INTEGER', { defaultValue: 'x' }),
      parameter('m', 'DATE', { allowedValues: ['2026-01-01', 'today'] }),
    ];
    expect(check(declared, ['a', 'n', 'm', 'other']).paths).toEqual([
      'input.parameters',
      'input.parameters.1.name',
      'input.parameters.2.name',
      'input.parameters.3.name',
      'input.parameters.4',
      'input.parameters.5',
    ]);
  });

  it('has a default that is allowed', () => {
    expect(check([parameter('a', 'STRING', { defaultValue: 'x', allowedValues: ['y'] })], ['a'])).toEqual({
      paths: ['input.parameters.0'],
      message: 'The default of a is not among its allowed values.',
    });
    expect(check([parameter('a', 'DECIMAL', { defaultValue: 1.5, allowedValues: ['1.50'] })], ['a']).paths).toEqual([]);
    expect(check([parameter('a', 'STRING', { allowedValues: ['y'] })], ['a']).paths).toEqual([]);
  });
});
