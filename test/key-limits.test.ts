import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyLimits } from '../src/key-limits.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

describe('limits of keys', () => {
  const limit = { number: 4, period: 'MINUTE' as const };
  const start = 1_800_000_000_000;

  it('let as many through as they say, and say how long to wait', () => {
    const wait = createKeyLimits();
    expect([0, 1, 2, 3].map((i) => wait(1, limit, start + i))).toEqual([0, 0, 0, 0]);
    expect(wait(1, limit, start + 10_000)).toBe(50_000);
    expect(wait(2, limit, start + 10_000)).toBe(0);
  });

  it('slide: half of the former window still counts in the middle of the next', () => {
    const wait = createKeyLimits();
    for (let i = 0; i < 4; i++) wait(1, limit, start);
    expect([0, 0].map(() => wait(1, limit, start + 90_000))).toEqual([0, 0]);
    expect(wait(1, limit, start + 90_000)).toBeGreaterThan(0);
    expect(wait(1, limit, start + 240_000)).toBe(0);
  });
});

describe('a limited key', () => {
  let t: TestGateway;
  beforeAll(async () => {
    t = await testGateway();
  });
  afterAll(() => t.close());

  it('gets 429 with Retry-After once it is used up, and others go on', async () => {
    const us = await t.tenant();
    const { secret } = await t.world.apiKey(us.company.id, 'VIEWER', { rateLimitNumber: 2, rateLimitPeriod: 'DAY' });
    const ask = (key: string) =>
      t.gateway.fetch('http://gateway/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': key },
        body: '{"query":"{ company { name } }"}',
      });
    expect([(await ask(secret)).status, (await ask(secret)).status]).toEqual([200, 200]);
    const refused = await ask(secret);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await refused.json()).errors[0].extensions).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
    expect((await ask(us.keys.VIEWER)).status).toBe(200);
  });
});
