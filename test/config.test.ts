import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig, SETTING_NAMES } from '../src/config.ts';

const example = readFileSync(path.join(import.meta.dirname, '../.env.example'), 'utf8');
const lines = example.split('\n').flatMap((line) => {
  const match = /^#?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line);
  return match ? [{ name: match[1] ?? '', value: match[2] ?? '', isSet: !line.startsWith('#') }] : [];
});

function problems(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const [first, ...rest] = (error as Error).message.split('\n');
    expect(first).toBe('The configuration is not usable:');
    expect(rest.at(-1)).toBe('See .env.example.');
    return rest.slice(0, -1).map((line) => line.trim());
  }
}

describe('config works', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({
      PORT: 4000,
      HOST: '127.0.0.1',
      DATABASE_POOL: 10,
      RATE_LIMITS: 'postgresql',
      DATA_DIR: '.data',
      ALLOW_PRIVATE_CONNECTIONS: [],
      LOG_LEVEL: 'info',
    });
    expect(readConfig({}).DATABASE_URL).toBeUndefined();
  });

  it.each(['memory', 'postgresql', 'redis://cache', 'redis://me:p%40ss@cache:6380/1', 'rediss://[::1]/'])(
    'counts rate limits in %s',
    (store) => expect(readConfig({ RATE_LIMITS: store }).RATE_LIMITS).toBe(store),
  );

  it('reads numbers, lists and truth from text, and takes empty for unset', () => {
    const read = readConfig({
      PORT: '0',
      DEMO: 'false',
      ALLOW_PRIVATE_CONNECTIONS: ' 10.0.0.0/8 , ,::1',
      TRUSTED_PROXIES: '10.0.0.0/8,::1',
      MAX_COST: '',
      SESSION_HOURS: '1',
      LOG_LEVEL: 'silent',
      UNKNOWN: 'x',
    });
    expect(read).toMatchObject({
      PORT: 0,
      DEMO: false,
      ALLOW_PRIVATE_CONNECTIONS: ['10.0.0.0/8', '::1'],
      TRUSTED_PROXIES: ['10.0.0.0/8', '::1'],
      MAX_COST: 20_000,
      SESSION_HOURS: 1,
      LOG_LEVEL: 'silent',
    });
    expect(read).not.toHaveProperty('UNKNOWN');
    expect([readConfig({ DEMO: '1' }).DEMO, readConfig({ DEMO: '0' }).DEMO, readConfig({ DEMO: '' }).DEMO]).toEqual([
      true,
      false,
      undefined,
    ]);
  });
});

describe('config refuses', () => {
  it('names all that is wrong at once', () => {
    const found = problems({
      PORT: '70000',
      DATABASE_POOL: 'many',
      DATABASE_URL: 'mysql://localhost/x',
      DEMO: 'maybe',
      LOG_LEVEL: 'loud',
      SECRETS_KEY: 'short',
    });
    expect(found.map((line) => line.split(':')[0])).toEqual([
      'PORT',
      'DATABASE_URL',
      'DATABASE_POOL',
      'DEMO',
      'SECRETS_KEY',
      'LOG_LEVEL',
    ]);
    expect(found[4]).toBe('SECRETS_KEY: must be 32 bytes in base64, as `openssl rand -base64 32` prints');
  });

  it.each([
    ['PORT', '-1'],
    ['PORT', '1.5'],
    ['PORT', '4000x'],
    ['PUBLIC_URL', 'gateway.example.com'],
    ['DATABASE_URL', 'localhost'],
    ['DATABASE_POOL', '1'],
    ['RATE_LIMITS', 'disk'],
    ['RATE_LIMITS', 'postgres://localhost/limits'],
    ['RATE_LIMITS', 'redis://'],
    ['RATE_LIMITS', 'redis:6379'],
    ['RATE_LIMITS', 'redis://cache/first'],
    ['RATE_LIMITS', 'redis://:100%@cache'],
    ['SECRETS_KEY', `${'A'.repeat(44)}=`],
    ['MAX_BODY_BYTES', '0'],
    ['MAX_DEPTH', '1000'],
    ['SESSION_HOURS', '0'],
    ['SHUTDOWN_GRACE_MS', '-5'],
    ['GOOGLE_ISSUER', 'nowhere'],
  ])('%s=%s', (name, value) => {
    const found = problems({ [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name}: .{8,}`));
  });
});

describe('config guards', () => {
  it('repeats no value, for it may be a secret', () => {
    const found = problems({
      DATABASE_URL: 'mysql://me:hunter2@db/x',
      SECRETS_KEY: 'hunter2',
      PORT: 'hunter2',
      LOG_LEVEL: 'hunter2',
      DEMO: 'hunter2',
      PUBLIC_URL: 'hunter2',
      RATE_LIMITS: 'redis://me:hunter2@cache/first',
    });
    expect(found).toHaveLength(7);
    expect(found.join('\n')).not.toContain('hunter2');
  });
});

describe('.env.example', () => {
  it('has every setting once, in the order of the code, each commented out', () => {
    expect(lines.map(({ name }) => name)).toEqual(SETTING_NAMES);
    expect(lines.filter(({ isSet }) => isSet)).toEqual([]);
  });

  it('shows the defaults, and for what has none an example that is taken', () => {
    const defaults = readConfig({}) as Record<string, unknown>;
    for (const { name, value } of lines) {
      if (value === '') {
        expect([name, defaults[name]]).toEqual([name, undefined]);
        continue;
      }
      const read = (readConfig({ [name]: value }) as Record<string, unknown>)[name];
      const known = defaults[name];
      if (known === undefined || (Array.isArray(known) && known.length === 0)) expect(read).toBeDefined();
      else expect([name, read]).toEqual([name, known]);
    }
  });

  it('explains each setting in the lines above it', () => {
    const paragraphs = example.split('\n\n').filter((paragraph) => /^#[A-Z]/m.test(paragraph));
    for (const paragraph of paragraphs) expect(paragraph).toMatch(/^# [A-Z].{10,}/);
  });
});
