import { Kind, parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueDemoKey, seedDemo } from '../src/demo.ts';
import { readExamples } from '../src/http/explorer.ts';
import { testGateway, type TestGateway } from './helpers/gateway.ts';

/** The tabs of the explorer: each operation of each example works on the demo market, as its seller. */

let t: TestGateway;
let key: string;
beforeAll(async () => {
  t = await testGateway({ DEMO: 'true' });
  await seedDemo(t.app, () => {});
  key = await issueDemoKey(t.app, 'seller', 'OWNER');
});
afterAll(() => t.close());

describe.each(readExamples())('$name', ({ name, query }) => {
  const operations = parse(query).definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);

  it('begins with a comment that says what it shows, and names its operations', () => {
    expect(query).toMatch(/^# [A-Z].*\.\n/);
    expect(operations.every((operation) => operation.name)).toBe(true);
    expect(name).toMatch(/^\d\d-[a-z-]+\.graphql$/);
    // They stand in a script of the explorer's page, which that would end.
    expect(query).not.toContain('</script');
  });

  it.each(operations.map((operation) => operation.name?.value ?? ''))('%s', async (operationName) => {
    const response = await t.gateway.fetch('http://gateway/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: JSON.stringify({ query, operationName }),
    });
    const answer = await response.json();
    expect(answer.errors).toBeUndefined();
    const userErrors = Object.values(answer.data as Record<string, { userErrors?: unknown[] } | null>).flatMap(
      (field) => field?.userErrors ?? [],
    );
    expect(userErrors).toEqual([]);
    expect(JSON.stringify(answer.data)).not.toContain('RunFailure');
  });
});
