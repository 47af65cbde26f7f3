import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSealer, hashSecret, isWellFormed, newSecret, prefixes } from '../src/secrets.ts';

const kinds = Object.keys(prefixes) as (keyof typeof prefixes)[];

describe('secrets work', () => {
  it.each(kinds)('a new %s secret has its prefix, 32 characters and a checksum, and is well formed', (kind) => {
    const secret = newSecret(kind);
    expect(secret).toMatch(new RegExp(`^${prefixes[kind]}[0-9A-Za-z]{38}$`));
    expect(isWellFormed(secret, [kind])).toBe(true);
  });

  it('no two are alike, and every character is used', () => {
    const secrets = Array.from({ length: 2000 }, () => newSecret('ANALYTICS'));
    expect(new Set(secrets).size).toBe(2000);
    expect(new Set(secrets.flatMap((secret) => secret.slice(3, -6).split(''))).size).toBe(62);
  });

  it('hashes to 32 bytes, the same each time', () => {
    expect(hashSecret('sk_x').toString('hex')).toBe(hashSecret('sk_x').toString('hex'));
    expect(hashSecret('sk_x')).toHaveLength(32);
    expect(hashSecret('sk_x').equals(hashSecret('sk_y'))).toBe(false);
  });

  it('opens what it sealed', () => {
    const sealer = createSealer(randomBytes(32));
    for (const value of ['text', { user: 'u', password: 'pä$$', port: 5432 }, null, [1, 'a', null], '']) {
      expect(sealer.open(sealer.seal(value, 'Connection/1'), 'Connection/1')).toEqual(value);
    }
  });
});

describe('secrets refuse', () => {
  const secret = newSecret('ANALYTICS');

  it('every typo of one character', () => {
    for (let at = 3; at < secret.length; at++) {
      const typo = secret.slice(0, at) + (secret[at] === 'x' ? 'y' : 'x') + secret.slice(at + 1);
      expect(isWellFormed(typo, ['ANALYTICS'])).toBe(false);
    }
  });

  it('characters that are swapped, missing or too many, and another kind', () => {
    const swapped = [...secret];
    const at = swapped.findIndex((letter, i) => i > 3 && letter !== swapped[i + 1]);
    [swapped[at], swapped[at + 1]] = [swapped[at + 1] ?? '', swapped[at] ?? ''];
    for (const wrong of [
      swapped.join(''),
      secret.slice(0, -1),
      `${secret}0`,
      ` ${secret}`,
      `${secret}\n`,
      '',
      'sk_',
      `ep_${secret.slice(3)}`,
      secret.toUpperCase(),
    ]) {
      expect([wrong, isWellFormed(wrong, kinds)]).toEqual([wrong, false]);
    }
    expect(isWellFormed(secret, ['ENDPOINT', 'MCP', 'SESSION'])).toBe(false);
  });
});

describe('secrets guard', () => {
  const master = randomBytes(32);
  const sealer = createSealer(master);
  const sealed = sealer.seal({ password: 'hunter2' }, 'Connection/1');

  it('a sealed value opens in its own place, with its own key, alone', () => {
    expect(() => sealer.open(sealed, 'Connection/2')).toThrow();
    expect(() => createSealer(randomBytes(32)).open(sealed, 'Connection/1')).toThrow();
    expect(() => sealer.open(sealed.subarray(0, -1), 'Connection/1')).toThrow();
    expect(() => sealer.open(Buffer.alloc(0), 'Connection/1')).toThrow();
    expect(() => sealer.open(Buffer.concat([Buffer.from([2]), sealed.subarray(1)]), 'Connection/1')).toThrow(
      'Sealed by an unknown version.',
    );
  });

  it('no byte of it can be changed', () => {
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => sealer.open(changed, 'Connection/1')).toThrow();
    }
  });

  it('shows nothing of the value, and is another each time', () => {
    expect(sealed.toString('latin1')).not.toContain('hunter2');
    expect(sealer.seal({ password: 'hunter2' }, 'Connection/1').equals(sealed)).toBe(false);
  });
});
