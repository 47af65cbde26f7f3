import { describe, expect, it } from 'vitest';
import { DomainError } from '../src/errors.ts';
import { intOf, isUuid, newId, parseGlobalId, toGlobalId, uuidOf } from '../src/ids.ts';

const KEY = '01980000-0000-7abc-8def-000000000001';
const refusal = (work: () => unknown): unknown[] => {
  try {
    return ['taken', work()];
  } catch (error) {
    return error instanceof DomainError ? [error.code, error.message] : [String(error)];
  }
};

describe('ids work', () => {
  it('are UUIDs of version 7 with the time in front', () => {
    const at = Date.UTC(2026, 10, 23, 12);
    const id = newId(at);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(at);
    expect(isUuid(id)).toBe(true);
  });

  it('sort by time, within a millisecond too', () => {
    const ids = Array.from({ length: 50_000 }, () => newId());
    expect(new Set(ids).size).toBe(50_000);
    expect(ids.filter((id, i) => i > 0 && id <= (ids[i - 1] ?? ''))).toEqual([]);
    const later = [newId(1_800_000_000_000), newId(1_800_000_000_001)];
    expect(later.toSorted()).toEqual(later);
  });

  it('go into opaque ids and come out again', () => {
    expect(toGlobalId('Asset', KEY)).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(parseGlobalId(toGlobalId('Asset', KEY))).toEqual({ type: 'Asset', key: KEY });
    expect(uuidOf('Asset', toGlobalId('Asset', KEY))).toBe(KEY);
    expect(intOf('Industry', toGlobalId('Industry', 2_147_483_647))).toBe(2_147_483_647);
    expect(intOf('Industry', toGlobalId('Industry', 0))).toBe(0);
  });
});

describe('ids refuse', () => {
  it('another type, naming the one expected', () => {
    expect(refusal(() => uuidOf('Asset', toGlobalId('User', KEY)))).toEqual([
      'BAD_ID',
      'This should be the id of an Asset.',
    ]);
    expect(refusal(() => intOf('Industry', toGlobalId('Country', 1)))).toEqual([
      'BAD_ID',
      'This should be the id of an Industry.',
    ]);
    expect(refusal(() => uuidOf('User', KEY))).toEqual(['BAD_ID', 'This should be the id of a User.']);
  });

  it('keys that are none of that type', () => {
    for (const key of ['1', KEY.toUpperCase(), `${KEY}0`, KEY.slice(1), ''])
      expect(refusal(() => uuidOf('Asset', toGlobalId('Asset', key)))[0]).toBe('BAD_ID');
    for (const key of [KEY, '-1', '1e3', '2147483648', '99999999999', ''])
      expect(refusal(() => intOf('Industry', toGlobalId('Industry', key)))[0]).toBe('BAD_ID');
  });

  it('what is no id at all', () => {
    const nonsense = [
      '',
      ' ',
      'x',
      '====',
      `${toGlobalId('Asset', KEY)} `,
      `${toGlobalId('Asset', KEY)}\n`,
      'a'.repeat(10_000),
      Buffer.from("Asset:1' or 1=1").toString('base64url'),
      Buffer.from('asset:1').toString('base64url'),
      Buffer.from(':1').toString('base64url'),
    ];
    for (const text of nonsense) {
      expect(parseGlobalId(text)).toBeNull();
      expect(refusal(() => uuidOf('Asset', text))[0]).toBe('BAD_ID');
    }
  });
});
