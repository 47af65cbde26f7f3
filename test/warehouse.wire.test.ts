import { describe, expect, it } from 'vitest';
import { parseJson } from '../src/warehouse/http/json.ts';
import { cellBytes, jsonCell, metered } from '../src/warehouse/wire.ts';

describe('documents of engines', () => {
  it.each<[text: string, value: unknown]>([
    ['{"a": 9007199254740993, "b": -12345678901234567890}', { a: '9007199254740993', b: '-12345678901234567890' }],
    [
      '{"a": 9007199254740991, "b": 0.1234567890123456, "c": 1e20}',
      { a: 9007199254740991, b: 0.1234567890123456, c: 1e20 },
    ],
    [
      '["x 9007199254740993", "\\" 9007199254740993 \\\\", 9007199254740993]',
      ['x 9007199254740993', '" 9007199254740993 \\', '9007199254740993'],
    ],
    ['[[9007199254740993],1234567890123456,{"k":null}]', [['9007199254740993'], 1234567890123456, { k: null }]],
    ['9007199254740993', '9007199254740993'],
    ['no JSON 9007199254740993', 'no JSON 9007199254740993'],
    ['"no end 9007199254740993', '"no end 9007199254740993'],
  ])('keep every digit of %s', (text, value) => {
    expect(jsonCell(text)).toEqual(value);
  });

  it('are bounded by what they hold, not by how long they are', () => {
    const lists = (count: number): string => `[${'[0],'.repeat(count)}0]`;
    expect(parseJson(lists(100_000))).toHaveLength(100_001);
    expect(() => parseJson(lists(3_000_000))).toThrow(expect.objectContaining({ code: 'RESULT_TOO_LARGE' }));
    expect(parseJson(`["${'[{,'.repeat(3_000_000)}"]`)).toHaveLength(1);
    // Together, where each alone would do; and no more once the work is done.
    const many = Array.from({ length: 100 }, () => lists(30_000));
    expect(() => metered(() => many.map(jsonCell))).toThrow(expect.objectContaining({ code: 'RESULT_TOO_LARGE' }));
    expect(metered(() => jsonCell(lists(30_000)))).toHaveLength(30_001);
  });

  it('count for the memory that they take', () => {
    expect(cellBytes(Array.from({ length: 1000 }, () => []))).toBeGreaterThan(32_000);
    expect(cellBytes('x'.repeat(1000))).toBeLessThan(1100);
  });
});
